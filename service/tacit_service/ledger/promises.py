"""For whom a dataset's charges hold: policies come in versions, and a version that would change it is refused.

A charge says "no more than ε about one unit". It can be added to the next one only while both mean the same unit. So what a
version may not do is to name another privacy unit, to tie a table to it in another way, to call a protected table
public, or to take the same data under another dataset's name, with a budget that knows nothing of what was spent. All else
(bounds, caps, keys, columns, a lower ε) may change: every charge was priced by the bounds it was made under, and the account
carries on. A table that a version leaves out stays promised.
"""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa

from tacit_service.errors import Conflict

from . import journal
from .schema import promises

Promise = dict[str, Any]
"""``{"unit": "patients.patient_id", "tables": {name: {"by": how rows belong to units, "source": where they lie}}}``."""


def newest(connection: sa.Connection, dataset: str) -> Promise | None:
    """The promise in force, if one was ever made."""
    query = (
        sa.select(promises.c.body).where(promises.c.dataset == dataset).order_by(promises.c.sequence.desc()).limit(1)
    )
    body = connection.execute(query).scalar_one_or_none()
    return None if body is None else dict(json.loads(body))


def merged(earlier: Promise | None, new: Promise) -> Promise:
    """The new promise, with the tables that only earlier versions had."""
    kept = {} if earlier is None else earlier["tables"]
    return {"unit": new["unit"], "tables": kept | new["tables"]}


def broken(earlier: Promise, new: Promise) -> str | None:
    """In what ``new`` differs from what charges were made for, in words; None when they can be added up."""
    if earlier["unit"] != new["unit"]:
        return f"the privacy unit was {earlier['unit']}, and is {new['unit']}"
    for name, table in earlier["tables"].items():
        now = new["tables"].get(name, table)
        if now["by"] != table["by"]:
            return f"rows of {name} belonged to units by {table['by']}, and now by {now['by']}"
    return None


def check(connection: sa.Connection, dataset: str, new: Promise) -> Promise | None:
    """What to store for a version of the policy: None when nothing changes. Raises ``Conflict`` when it may not change."""
    earlier = newest(connection, dataset)
    difference = None if earlier is None else broken(earlier, new)
    if difference is not None:
        raise Conflict(
            "promise_changed",
            f"The charges of {dataset} were made for other units: {difference}.",
            hint="Keep the privacy unit and how tables are tied to it. Another promise takes another dataset, on other data.",
        )
    _check_sources(connection, dataset, new)
    whole = merged(earlier, new)
    return None if whole == earlier else whole


def _check_sources(connection: sa.Connection, dataset: str, new: Promise) -> None:
    """Data that another dataset of this ledger is made of has a budget already."""
    latest: dict[str, Promise] = {}
    for row in connection.execute(sa.select(promises.c.dataset, promises.c.body).order_by(promises.c.sequence)):
        latest[row.dataset] = json.loads(row.body)
    latest.pop(dataset, None)
    taken = {table["source"]: name for name, promise in latest.items() for table in promise["tables"].values()
             if table["by"] != PUBLIC}  # fmt: skip
    for name, table in new["tables"].items():
        if table["by"] != PUBLIC and table["source"] in taken:
            raise Conflict(
                "data_promised",
                f"The rows of {name} are protected already, as part of the dataset {taken[table['source']]}.",
                hint="A second budget on the same data would add to the first unseen: keep the dataset's name.",
            )


PUBLIC = "public"
"""As ``by``: the rows belong to nobody."""


def insert(connection: sa.Connection, sequence: int, dataset: str, promise: Promise) -> None:
    """Store the promise of an entry."""
    row = {"sequence": sequence, "dataset": dataset, "body": journal.canonical(promise)}
    connection.execute(sa.insert(promises), row)
