"""The audit: the owner's queries on the owner's data and on neighbours of it, through the door that analysts use.

Record and compare (Re:cord-play, arXiv 2602.17454): each query is planned, charged and run on the data and on copies
that lack one unit, with the noise recorded instead of drawn; how far a unit moved each vector is set against the
sensitivity that the noise was made for. Staged queries read the same released numbers on every copy, as the privacy
argument has it. Then, if asked, many releases of the data and of the neighbour that moved most, with real noise: what
they prove about ε from below (``bound``).

Everything is a copy: snapshot, ledger and budget live in a temporary folder. While noise is recorded the answers are
exact, so this runs in a process of its own that listens to nobody, and what it reports is for the owner alone.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tacit.wire import QueryRequest
from tacit_service.engine.duckdb import DuckDBEngine
from tacit_service.engine.literals import Staged
from tacit_service.engine.snapshot import build_snapshot
from tacit_service.errors import Refusal
from tacit_service.ledger.records import ChargeRequest, Reservation
from tacit_service.ledger.store import Ledger
from tacit_service.policy.load import Loaded
from tacit_service.policy.model import Budget
from tacit_service.privacy.events import NoisyChoicesEvent
from tacit_service.privacy.recording import SWITCH, Draw, recording
from tacit_service.privacy.units import Delta, Epsilon
from tacit_service.release.postprocessing import Released, staged_numbers
from tacit_service.release.prepare import Prepared
from tacit_service.release.release import Desk

from .bound import LowerBound, lower_bound
from .compare import Finding, compare
from .neighbours import neighbours

AUDITOR = "auditor"
Chosen = dict[str, dict[tuple[str, tuple[object, ...]], int]]  # bins of quantiles, by release point
_PLENTY = Budget(epsilon=Epsilon.parse("1000000"), delta=Delta.parse("1e-3"))


@dataclass(frozen=True, slots=True)
class Statement:
    """What became of one query: ``refused`` is the code when it was; else a finding for each vector that got noise."""

    sql: str
    refused: str | None = None
    findings: tuple[Finding, ...] = ()
    charged: tuple[Epsilon, Delta] | None = None
    bound: LowerBound | None = None

    @property
    def holds(self) -> bool:
        """Nothing moved further than declared, and nothing proves a larger ε than was charged."""
        proven = self.bound is None or self.charged is None or self.bound.epsilon <= float(str(self.charged[0]))
        return proven and all(f.holds for f in self.findings)


@dataclass(slots=True)
class Report:
    """The whole audit."""

    dataset: str
    units: list[str]
    statements: list[Statement] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Nothing was found."""
        return all(s.holds for s in self.statements)


def audit(
    loaded: Loaded, queries: Sequence[str], *, units: int = 4, rounds: int = 0, confidence: float = 0.99,
    epsilon: str | None = None, tell: Callable[[Statement], None] = lambda _: None,
) -> Report:  # fmt: skip
    """Audit ``queries`` over one dataset. ``rounds`` real releases a side for a lower bound on ε; 0: none."""
    with tempfile.TemporaryDirectory(prefix="tacit-audit-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        plenty = {"budget": _PLENTY, "analysts": {AUDITOR: _PLENTY}, "roles": {}, "overcommit": True}
        copy = dataclasses.replace(loaded, policy=loaded.policy.model_copy(update=plenty))
        snapshot = build_snapshot(copy, folder / "snapshot")
        ledger = Ledger.open(f"sqlite:///{folder / 'ledger.sqlite'}")
        stack.callback(ledger.close)

        def desk(path: Path) -> Desk:
            opened = Desk.open(copy, ledger, folder / "snapshot", engine=DuckDBEngine(path))
            stack.callback(opened.close)
            return opened

        whole = desk(snapshot.path)
        others = {n.name: desk(n.path) for n in neighbours(copy.policy, snapshot.path, folder, units)}
        report = Report(loaded.policy.dataset, list(others))
        auditor = _Auditor(whole, others, ledger, epsilon)
        for number, sql in enumerate(queries, start=1):
            statement = auditor.examine(number, sql, rounds, confidence)
            tell(statement)
            report.statements.append(statement)
        return report


class _Auditor:
    def __init__(self, whole: Desk, others: dict[str, Desk], ledger: Ledger, epsilon: str | None) -> None:
        self._whole, self._others, self._ledger, self._epsilon = whole, others, ledger, epsilon

    def examine(self, number: int, sql: str, rounds: int, confidence: float) -> Statement:
        """One query: recorded on all, then, with ``rounds``, released on two."""
        try:
            request = QueryRequest(dataset=self._whole.name, sql=sql, epsilon=self._epsilon)
            prepared = self._whole.preparer.prepare(request)
        except Refusal as refused:
            return Statement(sql, refused=refused.code)
        with _recorded():
            chosen: Chosen = {}
            numbers, base = self._record(prepared, None, chosen)
            runs = {unit: self._record(prepared, numbers, chosen, desk)[1] for unit, desk in self._others.items()}
        findings = tuple(
            compare(number, point, draw, [(unit, draws[place][1]) for unit, draws in runs.items()])
            for place, (point, draw) in enumerate(base)
        )
        estimate = prepared.estimate
        charged = (estimate.epsilon, estimate.delta)
        most = max(findings, key=lambda f: f.measured.linf / f.scale, default=None)
        bound = None
        if rounds and most is not None and most.measured.linf:
            bound = self._bound(prepared, most, numbers, rounds, confidence)
        return Statement(sql, findings=findings, charged=charged, bound=bound)

    def _reserve(self, prepared: Prepared) -> Reservation:
        charge = ChargeRequest(self._whole.name, AUDITOR, prepared.estimate.events, "audit", None, "audit")
        return self._ledger.reserve(charge)

    def _record(
        self, prepared: Prepared, numbers: dict[str, Staged] | None, chosen: Chosen, desk: Desk | None = None
    ) -> tuple[dict[str, Staged], list[tuple[str, Draw]]]:
        """Every draw of the query on one desk, with its release point; ``numbers`` and ``chosen`` of an earlier run, or found here."""
        desk, given = desk or self._whole, numbers
        reservation, draws = self._reserve(prepared), []
        released: dict[str, Released] = {}
        found: dict[str, Staged] = dict(given or {})
        for point in prepared.plan.releases:
            if given is None:
                found = staged_numbers(desk.sandbox, prepared, released, found)
            with recording() as recorder:
                recorder.chosen = chosen.setdefault(point.name, {})
                released[point.name] = desk.measure(point, prepared, reservation, found, desk.ladder.start())
            draws += [(point.name, draw) for draw in recorder.draws]
        return found, draws

    def _bound(
        self, prepared: Prepared, at: Finding, numbers: dict[str, Staged], rounds: int, confidence: float
    ) -> LowerBound:
        """Charge, run, draw, again and again; the number that moved most, or −inf where its key did not appear."""
        point = prepared.plan.release(at.point)
        sides: list[list[float]] = []
        for desk in (self._whole, self._others[at.unit]):
            values = []
            for _ in range(rounds):
                noisy = desk.measure(point, prepared, self._reserve(prepared), numbers, desk.ladder.start())
                parts = [noisy.measures[n] for n in at.measure.split("+")]  # measures that are drawn as one vector
                vector = [v for cells in zip(*parts, strict=True) for v in cells] if len(parts) > 1 else parts[0]
                width = len(vector) // max(len(noisy.keys), 1)
                offset = 0 if at.mechanism == NoisyChoicesEvent.kind else at.offset  # what was chosen, not its score
                place = noisy.keys.index(at.key) * width + offset if at.key in noisy.keys else None
                values.append(float("-inf") if place is None else float(vector[place]))
            sides.append(values)
        return lower_bound(*sides, delta=float(str(prepared.estimate.delta)), confidence=confidence)


@contextlib.contextmanager
def _recorded() -> Iterator[None]:
    """The environment's half of the recorder's two keys, for as long as it is needed."""
    before = os.environ.get(SWITCH)
    os.environ[SWITCH] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[SWITCH]
        else:
            os.environ[SWITCH] = before
