"""From settings to the judge of tokens: all of an identity provider, or none."""

from __future__ import annotations

from tacit_service.access.roles import Role
from tacit_service.access.tokens import TokenJudge
from tacit_service.errors import PolicyError
from tacit_service.settings import Settings


def token_judge(settings: Settings) -> TokenJudge | None:
    """The judge, or None where no issuer is set; ``PolicyError`` names what is missing or does not fit."""
    needed = {
        "TACIT_OIDC_ISSUER": settings.oidc_issuer,
        "TACIT_OIDC_AUDIENCE": settings.oidc_audience,
        "TACIT_OIDC_JWKS": settings.oidc_jwks,
        "TACIT_OIDC_ROLES": settings.oidc_roles,
    }
    if not any(needed.values()):
        return None
    for name, value in needed.items():
        if not value:
            raise PolicyError(
                "setting_invalid",
                f"{name} is not set.",
                hint="An identity provider needs issuer, audience, JWKS, roles.",
            )
    from tacit_service.access.jwks import KeySet  # loaded where tokens are taken, and only there
    from tacit_service.access.oidc import Provider, Tokens

    try:
        keys = KeySet(settings.oidc_jwks)
    except ValueError as error:
        raise PolicyError("setting_invalid", f"TACIT_OIDC_JWKS: {error}.", hint="Mend TACIT_OIDC_JWKS.") from None
    provider = Provider(
        issuer=settings.oidc_issuer,
        audience=settings.oidc_audience,
        name_claim=settings.oidc_name_claim,
        role_claim=settings.oidc_role_claim,
        roles={value: Role(role) for value, role in settings.oidc_roles.items()},
        datasets_claim=settings.oidc_datasets_claim,
        datasets=frozenset(settings.oidc_datasets),
        leeway_s=settings.oidc_leeway_s,
    )
    return Tokens(provider, keys)
