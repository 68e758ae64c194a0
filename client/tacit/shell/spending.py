"""Spending over time on a terminal: days, the charges behind them, and what has no answer yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from tacit._text import short_decimal
from tacit.shell import render

if TYPE_CHECKING:
    from tacit.shell.render import Output
    from tacit.wire import Spending

_STATEMENT_WIDTH = 50
_COLUMNS = ["at", "status", "epsilon", "delta", "charge", "release", "analyst", "statement"]


def show(out: TextIO, spent: Spending, output: Output) -> None:
    """As a table, days first; as CSV, one line a charge; as JSON, as it was sent."""
    if output == "json":
        return render.model(out, spent)
    if output == "csv":
        rows = [
            [c.at, c.status, c.cost.epsilon, c.cost.delta, c.charge_id, c.release_id, c.analyst, c.sql]
            for c in spent.charges
        ]
        return render.csv_rows(out, _COLUMNS, rows)
    if not spent.charges and not spent.pending:
        return render.block(out, "Nothing has been charged.")
    days = [[d.day, f"{d.charges:,}", d.spent.epsilon, short_decimal(d.spent.delta)] for d in spent.days]
    render.rows(out, ["day", "charges", "ε", "δ"], days, "table")
    listed = {c.charge_id for c in spent.charges}
    charges = [
        [c.at[:16].replace("T", " "), c.status, c.cost.epsilon, short_decimal(c.cost.delta), c.analyst, _line(c.sql)]
        for c in (*spent.charges, *(c for c in spent.pending if c.charge_id not in listed))
    ]
    render.block(out, "")
    render.rows(out, ["at (UTC)", "status", "ε", "δ", "analyst", "statement"], charges, "table")
    if spent.pending:
        render.block(out, f"{len(spent.pending):,} pending: held by what runs now, or was cut off before an answer.")
    if not spent.complete:
        render.block(out, "There are older charges: tacit history --limit 500 shows more.")
    return None


def _line(sql: str) -> str:
    line = " ".join(sql.split())
    return line if len(line) <= _STATEMENT_WIDTH else f"{line[: _STATEMENT_WIDTH - 1]}…"
