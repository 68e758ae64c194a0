"""Tumult Analytics on Spark local, in its own environment (tmlt.analytics, Java 17). Driven by ``peers.py``."""

from __future__ import annotations

import datetime as dt

import _peer as p
from pyspark.sql import SparkSession
from tmlt.analytics import (
    AddRowsWithID,
    ApproxDPBudget,
    KeySet,
    MaxGroupsPerID,
    MaxRowsPerGroupPerID,
    MaxRowsPerID,
    QueryBuilder,
    Session,
)

folder, epsilon, delta, rounds = p.arguments()
spark = SparkSession.builder.master("local[2]").config("spark.sql.shuffle.partitions", "8").getOrCreate()
spark.sparkContext.setLogLevel("ERROR")
frame = spark.read.parquet(str(folder / "visits.parquet")).cache()
frame.count()
budget = ApproxDPBudget(epsilon, delta)
keys = KeySet.from_dict({"region": p.REGIONS})


def ask(query: object, key: str = "", value: str = "v") -> p.Answer:
    """A session of one query: key → number."""
    session = Session.from_dataframe(budget, "visits", frame, protected_change=AddRowsWithID("patient_id"))
    rows = session.evaluate(query, budget).collect()
    return {str(row[key]) if key else "": row[value] for row in rows}


def visits(*caps: object) -> QueryBuilder:
    """The visits under contribution caps."""
    query = QueryBuilder("visits")
    for cap in caps:
        query = query.enforce(cap)
    return query


whole = (MaxRowsPerID(p.ROWS_MAX),)
by_diagnosis = (MaxGroupsPerID("diagnosis", p.GROUPS_MAX), MaxRowsPerGroupPerID("diagnosis", 1))
day = dt.date(2024, 7, 1)
p.run(
    {
        p.COUNT: lambda: ask(visits(*whole).count(name="v")),
        p.BY_REGION: lambda: ask(visits(*whole).groupby(keys).count(name="v"), "region"),
        p.SUM: lambda: ask(visits(*whole).groupby(keys).sum("cost", 0, p.COST_MAX, name="v"), "region"),
        p.AVG: lambda: ask(visits(*whole).groupby(keys).average("cost", 0, p.COST_MAX, name="v"), "region"),
        p.FILTERED: lambda: ask(
            visits(*whole).filter(f"visited_on >= DATE '{day}'").sum("cost", 0, p.COST_MAX, name="v")
        ),
    },
    rounds,
)
spark.stop()
