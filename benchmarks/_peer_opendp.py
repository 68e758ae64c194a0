"""OpenDP's Polars context, in its own environment (opendp[polars]). Driven by ``peers.py``.

A patient's rows are kept to 20 groups of 10 rows at random where a query groups, and to 50 in all where it does not.
"""

from __future__ import annotations

import _peer as p
import opendp.prelude as dp
import polars as pl

dp.enable_features("contrib")
folder, epsilon, delta, rounds = p.arguments()
data = pl.scan_parquet(folder / "visits.parquet")
cost = pl.col("cost").cast(float).fill_nan(0.0).fill_null(0.0)


def context(*bounds: object) -> dp.Context:
    """A context of one query over the visits."""
    return dp.Context.compositor(
        data=data,
        privacy_unit=dp.unit_of(contributions=list(bounds), identifier=pl.col("patient_id")),
        privacy_loss=dp.loss_of(epsilon=epsilon, delta=delta),
        split_evenly_over=1,
        margins=[dp.polars.Margin(max_length=20_000_000), dp.polars.Margin(by=["region"], invariant="keys")],
    )


def whole(value: pl.Expr, *, late: bool = False) -> p.Answer:
    """One number over all rows."""
    query = context(dp.polars.Bound(per_group=p.ROWS_MAX)).query()
    if late:
        query = query.filter(pl.col("visited_on") >= pl.date(2024, 7, 1))
    return {"": query.truncate_per_group(p.ROWS_MAX).select(value.alias("v")).release().collect()["v"][0]}


def grouped(key: str, value: pl.Expr, by: dp.polars.Bound) -> p.Answer:
    """One number a group."""
    query = context(by).query().truncate_num_groups(by.num_groups, by=[key]).truncate_per_group(by.per_group, by=[key])
    table = query.group_by(key).agg(value.alias("v")).release().collect()
    return dict(zip(table[key], table["v"], strict=True))


regions = dp.polars.Bound(by=["region"], num_groups=8, per_group=10)
diagnoses = dp.polars.Bound(by=["diagnosis"], num_groups=p.GROUPS_MAX, per_group=1)
p.run(
    {
        p.COUNT: lambda: whole(dp.len()),
        p.BY_REGION: lambda: grouped("region", dp.len(), regions),
        p.SUM: lambda: grouped("region", cost.dp.sum((0.0, float(p.COST_MAX))), regions),
        p.AVG: lambda: grouped("region", cost.dp.mean((0.0, float(p.COST_MAX))), regions),
        p.PATIENTS: lambda: grouped("diagnosis", dp.len(), diagnoses),
        p.FILTERED: lambda: whole(cost.dp.sum((0.0, float(p.COST_MAX))), late=True),
    },
    rounds,
)
