"""Who is calling and what they may do: API keys, tokens of an identity provider, roles, grants."""

from tacit_service.access.gatekeeper import Gatekeeper, Principal
from tacit_service.access.keys import ALL_DATASETS, KeyRow, Minted, mint
from tacit_service.access.roles import ROUTES, Role, allowed

__all__ = [
    "ALL_DATASETS",
    "ROUTES",
    "Gatekeeper",
    "KeyRow",
    "Minted",
    "Principal",
    "Role",
    "allowed",
    "mint",
]
