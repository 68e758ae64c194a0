"""OpenDP's Polars context, in its own environment (opendp[polars]). Driven by ``peers.py``.

A patient's rows are kept to 200, which is all; of diagnoses to one row in each of 20. Which 20 is by their order: to sample groups fails in
this version ("multiple fields with name"), and ``k`` keeps k - 1 of them. A date is compared by its parts, since no literal
of one is read.
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
        margins=[
            dp.polars.Margin(max_length=20_000_000),
            dp.polars.Margin(by=["region"], invariant="keys", max_groups=8),
        ],
    )


def kept() -> object:
    """The visits, so many a patient."""
    return context(dp.polars.Bound(per_group=p.ROWS_MAX)).query().truncate_per_group(p.ROWS_MAX)


def whole(query: object, value: pl.Expr) -> p.Answer:
    """One number over all rows."""
    return {"": query.select(value.alias("v")).release().collect()["v"][0]}


def by_region(value: pl.Expr) -> p.Answer:
    """One number a region."""
    table = kept().group_by("region").agg(value.alias("v")).with_keys(regions).release().collect()
    return dict(zip(table["region"], table["v"], strict=True))


def by_diagnosis() -> p.Answer:
    """Patients of each diagnosis, by unknown keys."""
    bound = dp.polars.Bound(by=["diagnosis"], num_groups=p.GROUPS_MAX, per_group=1)
    query = context(bound).query().truncate_num_groups(p.GROUPS_MAX + 1, by=["diagnosis"], keep="first")
    query = query.truncate_per_group(1, by=["diagnosis"]).group_by("diagnosis").agg(dp.len().alias("v"))
    table = query.release().collect()
    return dict(zip(table["diagnosis"], table["v"], strict=True))


regions = pl.LazyFrame({"region": p.REGIONS})
total, average = cost.dp.sum((0.0, float(p.COST_MAX))), cost.dp.mean((0.0, float(p.COST_MAX)))
day = pl.col("visited_on").dt
p.run(
    {
        p.COUNT: lambda: whole(kept(), dp.len()),
        p.BY_REGION: lambda: by_region(dp.len()),
        p.SUM: lambda: by_region(total),
        p.AVG: lambda: by_region(average),
        p.PATIENTS: by_diagnosis,
        p.FILTERED: lambda: whole(kept().filter((day.year() == 2024) & (day.month() >= 7)), total),
    },
    rounds,
)
