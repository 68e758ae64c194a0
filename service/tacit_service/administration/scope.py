"""How far a caller may administer: the datasets of the key, and for changes the role of owner."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeVar

from tacit_service.access.gatekeeper import Principal
from tacit_service.access.keys import ALL_DATASETS
from tacit_service.access.roles import Role
from tacit_service.errors import Forbidden, NotFound, RequestError
from tacit_service.privacy.units import Delta, Epsilon

Amount = TypeVar("Amount", Epsilon, Delta)


def watches(who: Principal, dataset: str) -> None:
    """``NotFound`` unless the key grants ``dataset``; the same whether it exists or not."""
    if not who.holds(dataset):
        raise unknown()


def owns(who: Principal, dataset: str) -> None:
    """As ``watches``, and the caller is an owner: the routes say so too, and are not the only lock."""
    only_owner(who)
    watches(who, dataset)


def only_owner(who: Principal) -> None:
    """``Forbidden`` for other roles."""
    if who.role is not Role.OWNER:
        raise Forbidden("forbidden", f"The role {who.role.value} may not do this.", hint="It takes an owner's key.")


def whole_ledger(who: Principal) -> None:
    """The journal is one chain over all datasets: it is for keys that grant them all."""
    if ALL_DATASETS not in who.datasets or who.role is Role.ANALYST:
        raise Forbidden(
            "forbidden",
            "The journal covers every dataset, and this key does not.",
            hint="It takes an owner's or auditor's key that grants all datasets.",
        )


def covers(who: Principal, datasets: Collection[str]) -> bool:
    """Whether nothing in ``datasets`` is beyond the caller: nobody hands out more than they hold."""
    return ALL_DATASETS in who.datasets or set(datasets) <= who.datasets


def unknown() -> NotFound:
    """One answer for what does not exist and what is not granted."""
    return NotFound(
        "not_found", "No dataset or account of this name is granted to this key.", hint="GET /v1/datasets lists them."
    )


def amount(kind: type[Amount], text: str) -> Amount:
    """An exact amount, or a refusal that names it."""
    try:
        return kind.parse(text)
    except ValueError as error:
        name = "epsilon" if kind is Epsilon else "delta"
        code = {"epsilon": "epsilon_invalid", "delta": "delta_invalid"}[name]
        raise RequestError(code, f"{name}: {error}.", hint='Write a decimal such as "0.5".') from None
