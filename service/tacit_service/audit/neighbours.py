"""Copies of a snapshot that lack one unit: the neighbours of the privacy model, made from the owner's own data.

The units are chosen for what they can move: in each protected table the one with the most rows, then others by a hash
of their id, so that small and ordinary units come too.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tacit_service.engine.duckdb import Builder
from tacit_service.engine.sources import identifier, literal
from tacit_service.engine.stored import totals_table
from tacit_service.engine.unit_sums import units_table
from tacit_service.policy.model import Policy
from tacit_service.query.catalog import stored


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A snapshot without one unit. ``name`` says why it was chosen, never which unit it is."""

    name: str
    path: Path


def neighbours(policy: Policy, snapshot: Path, folder: Path, count: int) -> list[Neighbour]:
    """Up to ``count`` neighbours of ``snapshot``, written to ``folder``."""
    with Builder(folder) as builder:
        builder.execute(f"ATTACH {literal(str(snapshot))} AS whole (READ_ONLY)")
        chosen = _units(builder, policy, count)
        made = []
        for number, (unit, why) in enumerate(chosen.items(), start=1):
            path = folder / f"neighbour_{number}.duckdb"
            builder.execute(f"ATTACH {literal(str(path))} AS less")
            for name, table in policy.tables.items():
                keep = "" if table.public else f" WHERE CAST(_u AS VARCHAR) <> {literal(unit)}"
                builder.execute(f"CREATE TABLE less.{identifier(name)} AS FROM whole.{identifier(name)}{keep}")
                extra = stored(policy, table)
                if extra is not None and extra.total:  # what is stored beside rows is of their own unit; this is of all
                    builder.execute(f"CREATE TABLE less.{identifier(totals_table(name))} AS {totals(name)}")
                    units = identifier(units_table(name))
                    builder.execute(f"CREATE TABLE less.{units} AS FROM whole.{units}{keep}")
            builder.execute("DETACH less")
            made.append(Neighbour(why, path))
        builder.execute("DETACH whole")
    return made


def totals(name: str) -> str:
    """How many units have so many rows, in the copy."""
    units = f"SELECT _u, count(*) AS n FROM less.{identifier(name)} GROUP BY _u"
    return f"SELECT n AS _rows, count(*) AS _units FROM ({units}) GROUP BY n ORDER BY n"


def _units(builder: Builder, policy: Policy, count: int) -> dict[str, str]:
    """Unit ids as text, and why each was chosen."""
    protected = [name for name, table in policy.tables.items() if not table.public]
    chosen: dict[str, str] = {}
    heaviest: list[tuple[int, str, str]] = []
    for name in protected:
        by_rows = (
            f"SELECT CAST(_u AS VARCHAR) AS u, count(*) AS n FROM whole.{identifier(name)} GROUP BY _u"
            " ORDER BY count(*) DESC, md5(CAST(_u AS VARCHAR)) LIMIT 1"
        )
        heaviest += [(row["n"], name, row["u"]) for row in builder.rows(by_rows)]
    for _, name, unit in sorted(heaviest, reverse=True):
        chosen.setdefault(unit, f"the {policy.privacy_unit.name} with most rows in {name}")
    everyone = " UNION ".join(f"SELECT CAST(_u AS VARCHAR) AS u FROM whole.{identifier(name)}" for name in protected)
    for row in builder.rows(f"SELECT u FROM ({everyone}) ORDER BY md5(u) LIMIT {count + len(chosen)}"):
        chosen.setdefault(row["u"], f"{policy.privacy_unit.name} {len(chosen) + 1} by hash")
    return dict(list(chosen.items())[:count])
