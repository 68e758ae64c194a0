"""Prepared tables: totals, ranks, whole multiples and sums by unit, stored beside a protected table's rows when it is loaded.

They make bounded group-bys about as fast as the plain scan, and answer with the integers that the same bounding
computed in the query gives. Rows are clustered by their unit's total, then by unit: units within a cap lie together,
so that what must be weighed is read alone, and the weights of neighbouring rows are alike.
"""

from __future__ import annotations

from fractions import Fraction

from tacit_service.policy.model import Policy, Table
from tacit_service.query.catalog import stored
from tacit_service.query.plan import Stored

from .ordering import group_order
from .sources import identifier
from .stored import TOTAL, rank_columns, steps_column, totals_table
from .unit_sums import sums, units_table

STAGE = "staged"
"""Temporary table of a build: rows of one table as they come from the source."""

_RANKED = "ranked"


def engine_tables(policy: Policy) -> list[str]:
    """The tables of a snapshot that statements over people's rows may read, those of totals included."""
    names = []
    for name, table in policy.tables.items():
        extra = stored(policy, table)
        names += [] if table.public else [name]
        names += [totals_table(name), units_table(name)] if extra is not None and extra.total else []
    return names


def create(name: str, statement: str) -> str:
    """CREATE TABLE of the snapshot."""
    return f"CREATE TABLE snapshot.{identifier(name)} AS {statement}"


def prepare(name: str, table: Table, extra: Stored, statement: str) -> list[str]:
    """The statements that build a protected table from the SELECT of its rows, with all that is stored beside them."""
    columns = _columns(table, extra)
    for place, keys in enumerate(extra.ranks):
        columns += _ranks(keys, *rank_columns(place))
    if not extra.total:
        order = "" if table.row_is_unit else " ORDER BY _u"
        return [create(name, f"SELECT {', '.join(columns)} FROM ({statement}) s{order}")]
    units = f"SELECT _u, count(*) AS n FROM {STAGE} GROUP BY _u"
    rows = f"SELECT {', '.join([*columns, f't.n AS {TOTAL}'])} FROM {STAGE} s JOIN ({units}) t ON t._u = s._u"
    return [
        f"CREATE OR REPLACE TEMP TABLE {STAGE} AS {statement}",
        create(name, f"{rows} ORDER BY t.n, s._u"),
        *_sizes(name, table, extra),
        f"DROP TABLE {STAGE}",
    ]


def added_alone(name: str, table: Table, extra: Stored | None) -> list[str]:
    """The statements that add the staged rows to a table of which nothing stored depends on the unit's other rows."""
    held = f"snapshot.{identifier(name)}"
    columns = [f"s.{c}" for c in ["_u", *map(identifier, table.columns)]] if extra is None else _columns(table, extra)
    insert = f"INSERT INTO {held} BY NAME SELECT {', '.join(columns)} FROM {STAGE} s"
    if table.row_is_unit:  # numbered on, as if all had been read at once
        last = f"(SELECT coalesce(max(_u), 0) FROM {held})"
        return [f"UPDATE {STAGE} SET _u = _u + {last}", f"{insert} ORDER BY s._u", f"DROP TABLE {STAGE}"]
    if not table.one_row_per_unit:
        return [f"{insert} ORDER BY s._u", f"DROP TABLE {STAGE}"]
    # of a unit's rows the one with the least hash is held: the least of all is the lesser of those of the two parts
    theirs, ours = (
        f"md5(CAST(row({', '.join(f'{x}.{identifier(c)}' for c in table.columns)}) AS VARCHAR))" for x in "ts"
    )
    return [
        f"DELETE FROM {held} AS t USING {STAGE} AS s WHERE t._u = s._u AND {theirs} > {ours}",
        f"DELETE FROM {STAGE} AS s USING {held} AS t WHERE t._u = s._u",
        f"{insert} ORDER BY s._u",
        f"DROP TABLE {STAGE}",
    ]


def added_to_units(name: str, table: Table, extra: Stored) -> list[str]:
    """The statements that add the staged rows, and store anew what depends on all rows of the units that have some."""
    held = f"snapshot.{identifier(name)}"
    keys = [f"s.{identifier(k)}" for k in sorted({k for place in extra.ranks for k in place})]
    of = ", ".join(["s._u", *keys])
    theirs = f"SELECT s.rowid AS _held, CAST(NULL AS BIGINT) AS _added, {of} FROM {held} s WHERE s._u IN (SELECT _u FROM {STAGE})"
    rows = f"({theirs} UNION ALL SELECT NULL, s.rowid, {of} FROM {STAGE} s) s"
    ranked = [f"count(*) OVER (PARTITION BY s._u) AS {TOTAL}"]
    names = [TOTAL]
    for place, columns in enumerate(extra.ranks):
        ranked += _ranks(columns, *rank_columns(place))
        names += rank_columns(place)
    columns_added = ", ".join([*_columns(table, extra), *(f"r.{n}" for n in names)])
    return [
        f"CREATE OR REPLACE TEMP TABLE {_RANKED} AS SELECT s._held, s._added, {', '.join(ranked)} FROM {rows}",
        f"UPDATE {held} AS t SET {', '.join(f'{n} = r.{n}' for n in names)} FROM {_RANKED} AS r WHERE t.rowid = r._held",
        f"INSERT INTO {held} BY NAME SELECT {columns_added} FROM {STAGE} s JOIN {_RANKED} r ON r._added = s.rowid"
        f" ORDER BY r.{TOTAL}, s._u",
        f"DROP TABLE {_RANKED}",
        f"DROP TABLE {STAGE}",
        *_sizes(name, table, extra),
    ]


def _columns(table: Table, extra: Stored) -> list[str]:
    """What is stored of each staged row ``s`` by itself."""
    columns = [f"s.{c}" for c in ["_u", *map(identifier, table.columns)]]
    for column, steps in zip(table.columns, extra.steps, strict=True):
        if steps is not None:
            columns.append(
                f"{whole_steps('s.' + identifier(column), steps.grid)} AS {identifier(steps_column(column))}"
            )
    return columns


def _sizes(name: str, table: Table, extra: Stored) -> list[str]:
    """The tables of units, and of how many have how many rows, made anew: each of a unit's rows holds their number."""
    held = f"snapshot.{identifier(name)}"
    sizes = f"SELECT {TOTAL} AS _rows, count(*) // {TOTAL} AS _units FROM {held} GROUP BY {TOTAL} ORDER BY {TOTAL}"
    units = f"SELECT _u, {sums(stepped(table, extra))} FROM {held} GROUP BY _u ORDER BY _u"
    return [
        f"CREATE OR REPLACE TABLE snapshot.{identifier(totals_table(name))} AS {sizes}",
        f"CREATE OR REPLACE TABLE snapshot.{identifier(units_table(name))} AS {units}",
    ]


def stepped(table: Table, extra: Stored) -> list[str]:
    """The columns whose whole multiples are stored."""
    return [c for c, steps in zip(table.columns, extra.steps, strict=True) if steps is not None]


def whole_steps(x: str, grid: Fraction) -> str:
    """A value on the grid as its whole multiple: the snapshot put it within bounds and on the grid before."""
    return f"CAST(round({x} * {grid.denominator} / {grid.numerator}) AS BIGINT)"


def violations(table: Table, extra: Stored) -> str:
    """An aggregate over the finished table: rows of which something stored is not true."""
    wrong = []
    if extra.total:
        wrong.append(f"{TOTAL} IS NULL OR {TOTAL} < 1")
    for column, steps in zip(table.columns, extra.steps, strict=True):
        if steps is not None:
            x, i = identifier(column), identifier(steps_column(column))
            wrong.append(f"{x} IS DISTINCT FROM {i} * {steps.grid.numerator} / {steps.grid.denominator}")
            wrong.append(f"{i} NOT BETWEEN {steps.low} AND {steps.high}")
    for place in range(len(extra.ranks)):
        wrong += [f"{rank} IS NULL OR {rank} < 1" for rank in rank_columns(place)]
    return f"count_if({' OR '.join(wrong)})" if wrong else "0"


def _ranks(keys: tuple[str, ...], group: str, row: str) -> list[str]:
    names = [f"s.{identifier(k)}" for k in sorted(keys)]
    order = group_order(names).replace("CAST(_u ", "CAST(s._u ")
    return [
        f"dense_rank() OVER (PARTITION BY s._u ORDER BY {order}) AS {group}",
        f"row_number() OVER (PARTITION BY s._u, {', '.join(names)}) AS {row}",
    ]
