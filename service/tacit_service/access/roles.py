"""Who may call what: the roles, and the one table of routes.

A route that is not in ``ROUTES`` cannot be added to the application (``http.routing.add`` raises), and a test compares
the table with the routes that the application really has, both ways.

>>> allowed("GET", "/v1/budget", Role.AUDITOR)
True
>>> allowed("POST", "/v1/queries", Role.OWNER)
False
>>> allowed("GET", "/v1/undeclared", Role.OWNER)
False
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What a key's holder is to a dataset.

    An *analyst* asks questions and spends an account of their own. An *owner* declares the policy, gives keys and
    accounts, and watches what is spent; owners have no account to spend, so they do not query. An *auditor* reads what
    was spent and changes nothing.
    """

    ANALYST = "analyst"
    OWNER = "owner"
    AUDITOR = "auditor"


EVERYONE: Final = frozenset(Role)
ANALYSTS: Final = frozenset({Role.ANALYST})
OWNERS: Final = frozenset({Role.OWNER})
WATCHERS: Final = frozenset({Role.OWNER, Role.AUDITOR})

PUBLIC: Final = None
"""Marks a route that needs no key: it tells nothing about any dataset, analyst or release."""

ROUTES: Final[Mapping[tuple[str, str], frozenset[Role] | None]] = {
    ("GET", "/"): PUBLIC,
    ("GET", "/console/app.js"): PUBLIC,
    ("GET", "/console/chunk.js"): PUBLIC,
    ("GET", "/console/desk.js"): PUBLIC,
    ("GET", "/console/app.css"): PUBLIC,
    ("GET", "/console/icon.svg"): PUBLIC,
    ("GET", "/console/inter.woff2"): PUBLIC,
    ("GET", "/console/inter-greek.woff2"): PUBLIC,
    ("GET", "/healthz"): PUBLIC,
    ("GET", "/readyz"): PUBLIC,
    ("GET", "/metrics"): WATCHERS,
    ("GET", "/v1/openapi.json"): PUBLIC,
    ("GET", "/v1/problems"): PUBLIC,
    ("GET", "/v1/problems/{code}"): PUBLIC,
    ("GET", "/v1/me"): EVERYONE,
    ("GET", "/v1/datasets"): EVERYONE,
    ("GET", "/v1/datasets/{name}"): EVERYONE,
    ("GET", "/v1/budget"): EVERYONE,
    ("GET", "/v1/releases"): ANALYSTS,
    ("GET", "/v1/releases/{release_id}"): ANALYSTS,
    ("POST", "/v1/quotes"): ANALYSTS,
    ("POST", "/v1/explain"): ANALYSTS,
    ("POST", "/v1/queries"): ANALYSTS,
    ("GET", "/v1/budget/history"): EVERYONE,
    ("GET", "/v1/admin/analysts"): WATCHERS,
    ("GET", "/v1/admin/datasets/{name}/accounts"): WATCHERS,
    ("POST", "/v1/admin/datasets/{name}/analysts"): OWNERS,
    ("GET", "/v1/admin/datasets/{name}/policy"): WATCHERS,
    ("POST", "/v1/admin/policies/check"): OWNERS,
    ("POST", "/v1/admin/policies/rehearsal"): OWNERS,
    ("POST", "/v1/admin/datasets/{name}/state"): OWNERS,
    ("POST", "/v1/admin/datasets/{name}/transfer"): OWNERS,
    ("POST", "/v1/admin/datasets/{name}/pace"): OWNERS,
    ("GET", "/v1/admin/datasets/{name}/history"): WATCHERS,
    ("GET", "/v1/admin/datasets/{name}/pending"): WATCHERS,
    ("GET", "/v1/admin/datasets/{name}/total"): WATCHERS,
    ("GET", "/v1/admin/keys"): WATCHERS,
    ("POST", "/v1/admin/keys"): OWNERS,
    ("POST", "/v1/admin/keys/{key_id}/rotate"): OWNERS,
    ("POST", "/v1/admin/keys/{key_id}/grants"): OWNERS,
    ("POST", "/v1/admin/keys/{key_id}/revoke"): OWNERS,
    ("GET", "/v1/admin/journal"): WATCHERS,
    ("GET", "/v1/admin/verify"): WATCHERS,
    ("GET", "/v1/admin/checkpoint"): WATCHERS,
    ("POST", "/v1/training-quotes"): ANALYSTS,
    ("POST", "/v1/training-jobs"): ANALYSTS,
    ("GET", "/v1/training-jobs"): ANALYSTS,
    ("GET", "/v1/training-jobs/{job_id}"): ANALYSTS,
    ("DELETE", "/v1/training-jobs/{job_id}"): ANALYSTS,
    ("POST", "/v1/training-jobs/{job_id}/cancel"): ANALYSTS,
    ("GET", "/v1/training-jobs/{job_id}/events"): ANALYSTS,
    ("GET", "/v1/training-jobs/{job_id}/artifacts"): ANALYSTS,
    ("GET", "/v1/training-jobs/{job_id}/artifacts/{name}"): ANALYSTS,
    ("POST", "/v1/training-jobs/{job_id}/predictions"): ANALYSTS,
    ("GET", "/v1/training-jobs/{job_id}/model"): ANALYSTS,
    ("GET", "/v1/training-jobs/{job_id}/card"): ANALYSTS,
}


def allowed(method: str, path: str, role: Role) -> bool:
    """Whether ``role`` may call the route; an undeclared route is for nobody."""
    if (method, path) not in ROUTES:
        return False
    roles = ROUTES[method, path]
    return roles is PUBLIC or role in roles
