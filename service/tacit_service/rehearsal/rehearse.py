"""The rehearsal: a desk of its own over made-up rows and a ledger of its own, asked what analysts would ask.

Everything is the product: the snapshot, the planner, the charges, OpenDP's noise. Only the rows are made up, from the
draft's text alone; the service's own desks, ledger and sources are not even opened. The truth beside each answer comes
from the same SQL over the same rows, run plainly.
"""

from __future__ import annotations

import math
import tempfile
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from tacit import wire
from tacit_service.errors import Overloaded, RequestError, TacitError
from tacit_service.ledger.store import Ledger
from tacit_service.policy.lines import Reading, by_line
from tacit_service.policy.load import Loaded, policy_digest
from tacit_service.policy.model import Budget, Policy
from tacit_service.privacy.curves import price
from tacit_service.privacy.lanes import Limits, Spent, how_many
from tacit_service.privacy.units import Delta, Epsilon
from tacit_service.rehearsal import models
from tacit_service.rehearsal.questions import Question, typical
from tacit_service.rehearsal.rows import UNIT, Sizes, make_rows
from tacit_service.release.postprocess import Sandbox
from tacit_service.release.release import Desk

WHO: Final = "rehearsal"
ROUNDS: Final = 4
_ROWS_MAX: Final = 1_000_000
_EXACT_TIMEOUT_S: Final = 20.0
_PURSE: Final = Budget(epsilon=Epsilon.parse("1000000"), delta=Delta.parse("0.5"))
_ONE_AT_A_TIME: Final = threading.Lock()  # each starts processes of its own

Key = tuple[Any, ...]


def read(text: str) -> models.PolicyReading:
    """The draft line by line; nothing but its text is read."""
    reading = by_line(text)
    policy = reading.policy
    return models.PolicyReading(
        ok=policy is not None,
        dataset=policy.dataset if policy else None,
        digest=policy_digest(policy) if policy else None,
        text=text,
        lines=_lines(reading),
    )


def rehearse(asked: models.RehearsalRequest) -> models.Rehearsal:
    """Make rows up, ask the questions at every price, and compare with the truth.

    Raises ``Overloaded`` while another one runs, ``RequestError`` when a price cannot be read.
    """
    reading = by_line(asked.policy)
    if reading.policy is None:
        return models.Rehearsal(ok=False, lines=_lines(reading))
    prices = _prices(asked, reading.policy)
    if not _ONE_AT_A_TIME.acquire(blocking=False):
        raise Overloaded("overloaded", "Another draft is being rehearsed.", hint="Try again in a few seconds.")
    try:
        return _rehearse(asked, reading.policy, prices)
    finally:
        _ONE_AT_A_TIME.release()


def _lines(reading: Reading) -> list[models.PolicyLine]:
    return [
        models.PolicyLine(line=f.line, level=f.level, path=f.path, text=f.text, fix=f.fix) for f in reading.findings
    ]


def _prices(asked: models.RehearsalRequest, policy: Policy) -> list[Epsilon]:
    usual = policy.per_query.default_epsilon
    if asked.epsilons is None:
        return [Epsilon(max(1, usual.units * tenths // 10)) for tenths in (1, 3, 10, 30)]
    try:
        found = [Epsilon.parse(text) for text in asked.epsilons]
    except ValueError as error:
        raise RequestError("epsilon_invalid", f"epsilons: {error}.", hint='Write decimals such as "0.1".') from None
    if not all(found):
        raise RequestError("epsilon_invalid", "epsilons: 0 buys no answer.", hint='Write decimals such as "0.1".')
    return sorted(set(found))


def _rehearse(asked: models.RehearsalRequest, policy: Policy, prices: list[Epsilon]) -> models.Rehearsal:
    sizes = Sizes(asked.units, asked.rows_per_unit, asked.spread, asked.seed)
    policy, pictured = _without_images(policy)
    tables = make_rows(policy, sizes)
    made = sum(table.num_rows for table in tables.values())
    if made > _ROWS_MAX:
        raise RequestError("bound_invalid", f"That would be {made:,} rows.", hint="Ask for fewer units or rows.")
    questions = [Question(sql, "") for sql in asked.questions] if asked.questions else typical(policy)
    yearly = Epsilon(policy.budget.epsilon.units // asked.years), Delta(policy.budget.delta.units // asked.years)
    notes = [f"Rows are made up: {asked.units:,} units, values {asked.spread} within what the draft declares."]
    if any(table.public for table in policy.tables.values()):
        notes.append("Public tables are left out: they are exact and free.")
    if pictured:
        notes.append("Images are left out: no question reads them, only training does.")
    with tempfile.TemporaryDirectory(prefix="tacit-rehearsal-") as folder:
        loaded = _loaded(policy, tables, Path(folder), max(prices))
        ledger = Ledger.open(f"sqlite:///{Path(folder) / 'ledger.sqlite'}")
        try:
            desk = Desk.open(loaded, ledger, Path(folder) / "snapshots")
            try:
                with Sandbox(tables) as plain:
                    trial = _Trial(desk, plain, Limits.create(*yearly), prices)
                    tried = [trial.of(question) for question in questions]
            finally:
                desk.close()
        finally:
            ledger.close()
    return models.Rehearsal(
        ok=True,
        dataset=policy.dataset,
        lines=[],
        tables={name: table.num_rows for name, table in tables.items()},
        yearly=wire.Spend(epsilon=str(yearly[0]), delta=str(yearly[1])),
        questions=tried,
        notes=notes,
    )


def _without_images(policy: Policy) -> tuple[Policy, bool]:
    """The draft as far as questions go, and whether anything was left out."""
    tables = {
        name: table.model_copy(update={"columns": {c: b for c, b in table.columns.items() if b.type != "image"}})
        for name, table in policy.tables.items()
    }
    pictured = any(len(tables[name].columns) < len(table.columns) for name, table in policy.tables.items())
    return policy.model_copy(update={"tables": tables}), pictured


def _loaded(policy: Policy, tables: Mapping[str, pa.Table], folder: Path, dearest: Epsilon) -> Loaded:
    """The draft over the made-up files, with a purse that the rehearsal cannot empty."""
    rehearsed = {}
    for name, rows in tables.items():
        table = policy.tables[name]
        if table.unit is None or table.row_is_unit:
            rows = rows.drop_columns([c for c in (UNIT,) if c in rows.column_names])
        names = [table.source_name(column) for column in rows.column_names]
        pq.write_table(rows.rename_columns(names), folder / f"{name}.parquet")
        rehearsed[name] = table.model_copy(update={"source": f"{name}.parquet"})
    asked = policy.per_query
    dear = asked.model_copy(update={"max_epsilon": max(asked.max_epsilon, dearest)})
    copy = policy.model_copy(
        update={"tables": rehearsed, "budget": _PURSE, "analysts": {WHO: _PURSE}, "roles": {}, "per_query": dear}
    )
    return Loaded(copy, folder / "draft.yaml", folder, policy_digest(copy))


class _Trial:
    """Asks one question after another at every price."""

    def __init__(self, desk: Desk, plain: Sandbox, yearly: Limits, prices: Iterable[Epsilon]) -> None:
        self._desk, self._plain, self._yearly, self._prices = desk, plain, yearly, prices

    def of(self, question: Question) -> models.Tried:
        """The question at every price; a refusal is part of the answer."""
        try:
            first = self._request(question.sql, Epsilon.parse("1"))
            measured = next((c for c in self._desk.quote(WHO, first).columns if c.kind in ("noisy", "derived")), None)
            if measured is None:
                return models.Tried(sql=question.sql, about=question.about, refused="No column of it is measured.")
            truth = self._plain.query(question.sql, timeout_s=_EXACT_TIMEOUT_S)
            exact = _by_key(truth.to_pylist(), measured.name, self._keys(first))
            trials = [self._at(question.sql, epsilon, measured.name, exact) for epsilon in self._prices]
        except TacitError as error:
            return models.Tried(
                sql=question.sql, about=question.about, refused=f"{error.detail} {error.hint or ''}".strip()
            )
        return models.Tried(
            sql=question.sql, about=question.about, column=measured.name, rows=truth.num_rows, trials=trials
        )

    def _request(self, sql: str, epsilon: Epsilon) -> wire.QueryRequest:
        cap = min(epsilon, self._desk.policy.per_query.max_epsilon)
        return wire.QueryRequest(dataset=self._desk.name, sql=sql, epsilon=str(cap), fresh=True)

    def _keys(self, request: wire.QueryRequest) -> list[str]:
        return [c.name for c in self._desk.quote(WHO, request).columns if c.kind == "key"]

    def _at(self, sql: str, epsilon: Epsilon, column: str, exact: dict[Key, float]) -> models.Trial:
        request = self._request(sql, epsilon)
        quote = self._desk.quote(WHO, request)
        keys = [c.name for c in quote.columns if c.kind == "key"]
        squares: list[float] = []
        shown = 0
        for _ in range(ROUNDS):
            answer = self._desk.query(WHO, request, None)
            names = [c.name for c in answer.columns]
            noisy = _by_key([dict(zip(names, row, strict=True)) for row in answer.rows], column, keys)
            squares += [(noisy[key] - truth) ** 2 for key, truth in exact.items() if key in noisy]
            shown += len(exact.keys() & noisy.keys())
        size = sum(map(abs, exact.values())) / len(exact) if exact else 0.0
        cost = price(self._desk.preparer.prepare(request).estimate.events)
        return models.Trial(
            epsilon=quote.price.epsilon,
            delta=quote.price.delta,
            plus_minus=next((c.plus_minus for c in quote.columns if c.name == column), None),
            error=math.sqrt(sum(squares) / len(squares)) / size if squares and size else None,
            shown=shown / (ROUNDS * len(exact)) if exact else None,
            fits=how_many(self._yearly, Spent(), cost),
        )


def _by_key(rows: list[dict[str, Any]], column: str, keys: list[str]) -> dict[Key, float]:
    """The measured column by its keys, as text that is the same from JSON and from Arrow; NULLs left out."""
    return {
        tuple(_said(row[key]) for key in keys): float(row[column])
        for row in rows
        if isinstance(row[column], int | float)
    }


def _said(value: Any) -> str:
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return text.replace(" ", "T").removesuffix("T00:00:00")
