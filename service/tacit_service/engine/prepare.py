"""Prepared tables: totals, ranks and whole multiples stored beside a protected table's rows when it is loaded.

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

_STAGE = "staged"


def engine_tables(policy: Policy) -> list[str]:
    """The tables of a snapshot that statements over people's rows may read, those of totals included."""
    names = []
    for name, table in policy.tables.items():
        extra = stored(policy, table)
        names += [] if table.public else [name]
        names += [totals_table(name)] if extra is not None and extra.total else []
    return names


def create(name: str, statement: str) -> str:
    """CREATE TABLE of the snapshot."""
    return f"CREATE TABLE snapshot.{identifier(name)} AS {statement}"


def prepare(name: str, table: Table, extra: Stored, statement: str) -> list[str]:
    """The statements that build a protected table from the SELECT of its rows, with all that is stored beside them."""
    columns = [f"s.{c}" for c in ["_u", *map(identifier, table.columns)]]
    for column, grid in zip(table.columns, extra.steps, strict=True):
        if grid is not None:
            columns.append(f"{whole_steps('s.' + identifier(column), grid)} AS {identifier(steps_column(column))}")
    for place, keys in enumerate(extra.ranks):
        columns += _ranks(keys, *rank_columns(place))
    if not extra.total:
        order = "" if table.row_is_unit else " ORDER BY _u"
        return [create(name, f"SELECT {', '.join(columns)} FROM ({statement}) s{order}")]
    units = f"SELECT _u, count(*) AS n FROM {_STAGE} GROUP BY _u"
    rows = f"SELECT {', '.join([*columns, f't.n AS {TOTAL}'])} FROM {_STAGE} s JOIN ({units}) t ON t._u = s._u"
    by_size = f"SELECT n AS _rows, count(*) AS _units FROM ({units}) GROUP BY n ORDER BY n"
    return [
        f"CREATE OR REPLACE TEMP TABLE {_STAGE} AS {statement}",
        create(name, f"{rows} ORDER BY t.n, s._u"),
        create(totals_table(name), by_size),
        f"DROP TABLE {_STAGE}",
    ]


def whole_steps(x: str, grid: Fraction) -> str:
    """A value on the grid as its whole multiple: the snapshot put it within bounds and on the grid before."""
    return f"CAST(round({x} * {grid.denominator} / {grid.numerator}) AS BIGINT)"


def violations(table: Table, extra: Stored) -> str:
    """An aggregate over the finished table: rows of which something stored is not true."""
    wrong = []
    if extra.total:
        wrong.append(f"{TOTAL} IS NULL OR {TOTAL} < 1")
    for column, grid in zip(table.columns, extra.steps, strict=True):
        if grid is not None:
            x, i = identifier(column), identifier(steps_column(column))
            wrong.append(f"{x} IS DISTINCT FROM {i} * {grid.numerator} / {grid.denominator}")
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
