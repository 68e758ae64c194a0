"""Which way of bounding a statement takes, in words, and the statement itself. ``bounding`` chooses; EXPLAIN says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Formulation(StrEnum):
    """How a statement bounds what one unit adds. All of one form give the same integers; they differ in cost."""

    NEEDLESS = "no bounding step, since a unit has one row: values are clamped and summed in one scan"
    WEIGHTS_STORED = "weights by stored totals: each row counts by its unit's stored number of rows, in one scan"
    ONE_SCAN = "weights by stored totals and K × C by stored ranks, both in one scan"
    WEIGHTS_LIGHT = (
        "weights by stored totals: units that are within the cap by their stored number of rows are summed as they stand, "
        "in one scan; only those above it are totalled and weighed"
    )
    WEIGHTS = "weights: one table of the units above the cap is made in the query, and their rows are weighed by their unit's total"
    GROUPS_TOTALS = "K × C from the stored table of totals alone: no row is read"
    GROUPS_RANKS = "K × C by stored ranks: rows within the caps are counted in one scan"
    GROUPS_LIGHT = (
        "K × C: units that are within the caps by their stored number of rows are summed as they stand, in one scan; only "
        "those above are put together by unit and group, cut, and left with K groups by a hash"
    )
    GROUPS = "K × C: rows are put together by unit and group and cut, and each unit is left with K groups by a hash"
    GROUPS_OF_UNIT = (
        "K × C with K = 1, since the group is a function of the unit: rows are put together by unit and cut"
    )
    GROUPS_BEFORE_JOIN = (
        "K × C with K = 1, since the group is a function of the unit: rows are put together by unit and cut before the "
        "join, which adds one row of the unit"
    )
    GROUPS_UNITS = (
        "K × C with K = 1, since the group is a function of the unit: the stored counts and sums of units are cut and joined; "
        "no row is read"
    )
    DISTINCT = "distinct values: each unit keeps C values a group by a hash"
    DISTINCT_GROUPS = "distinct values: each unit keeps C values a group, and K groups, by hashes"
    BINS = "counts by bin without a bounding step, since a unit has one row"
    BINS_STORED = "counts by bin under weights by stored totals, in one scan"
    BINS_WEIGHTS = "counts by bin under weights: one table of the units' totals is made in the query"


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL and what its columns are: ``keys`` first (a histogram's bin last among them), then ``measures``."""

    sql: str
    keys: int
    measures: tuple[str, ...]
    formulation: Formulation
