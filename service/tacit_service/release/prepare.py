"""From a request to everything that is known before data is touched: plan, keys, measurements, result columns.

Pure in the policy, the public tables and the request; so is every refusal in here, and none costs anything.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import pyarrow as pa

from tacit.wire import Answer, QueryRequest
from tacit_service.engine.bias import bias_sql
from tacit_service.engine.bounding import statements
from tacit_service.engine.key_rows import KeyRows, KeyTable
from tacit_service.engine.literals import Staged, with_params
from tacit_service.errors import DerivationError, EngineFailure, Refusal, RequestError, TacitError
from tacit_service.policy.model import Policy
from tacit_service.privacy.units import Delta, Epsilon
from tacit_service.query.caps import Caps, span
from tacit_service.query.catalog import Catalog
from tacit_service.query.plan import Plan
from tacit_service.recent import Recent

from .accuracy import Target, parse_accuracy, rows_counted, sizes_of
from .bias import PricedCheck
from .dry import DryRuns
from .estimate import Estimate, estimate
from .identity import Identity, digest, identify
from .keys import public_keys
from .patience import running, within
from .planner import Near, Planner, too_complex
from .postprocess import Sandbox, SandboxError
from .request import with_options
from .shares import Sizes, known_rows, shares
from .stacks import table_schema
from .stages import check_rows, check_stages
from .trial import ROWS_MAX as TRIED_MAX
from .trial import filled

MENDED = ("unsupported_syntax", "outer_sql_invalid", "options_invalid")  # refusals of the SQL, not of a parameter
STAGED = 1e9  # as large as a number of an earlier stage is taken to be when it is asked whether an engine holds it
KNOWN_BYTES_MAX = 64 << 20  # of prepared requests and refusals kept, about: they depend on public facts only
SOUGHT_S = 1.5  # that a suggestion is looked for, at most
TRIED_S = 3.0  # that all dry runs of one statement may run together; as long for its public keys
REFUSED_S = 1.7  # in which a refusal with its suggestion is to be ready
_NOT_PLAIN = re.compile(r"(?<!FROM )(?<!JOIN )\(SELECT\b|\bOVER \(")
"""Of the engine's statements: subqueries and windows in expressions, of which DuckDB takes some and not others."""
BUSY = ("sql_too_complex", "engine_lacks")  # refusals that may depend on how busy a machine is


@dataclass(frozen=True, slots=True)
class Prepared:
    """One request, ready to be quoted or run. ``keys`` by release point, ``None`` where keys are unknown."""

    plan: Plan
    estimate: Estimate
    keys: dict[str, KeyRows | None]
    schema: pa.Schema
    epsilon: Epsilon
    delta: Delta
    canonical: str
    identities: dict[str, Identity]
    found: tuple[str, ...] = ()
    rows: Mapping[str, float] = field(default_factory=dict)  # of a group of each release point, where the policy tells
    bias_check: bool = False
    by_accuracy: bool = False  # a width was asked for, not a price
    half: Mapping[int, float] = field(default_factory=dict)  # of columns computed from releases, priced by accuracy

    @property
    def free(self) -> bool:
        """Nothing protected is read."""
        return not self.plan.releases


class Preparer:
    """Prepares requests over one dataset."""

    def __init__(
        self,
        policy: Policy,
        catalog: Catalog,
        sandbox: Sandbox,
        snapshot_version: str,
        protected: dict[str, pa.Schema],
        planner: Planner | None = None,
        check: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.policy = policy
        self.catalog = catalog
        self.planner = planner or _local(catalog)
        self._check_on_engine = check
        self.sandbox = sandbox
        self.snapshot_version = snapshot_version
        self.dry = DryRuns(sandbox, protected)
        self.sizes = Sizes({n: t.expected_rows for n, t in policy.tables.items() if t.expected_rows is not None})
        self._known: Recent[str, Prepared | Refusal] = Recent(KNOWN_BYTES_MAX)

    def prepare(self, request: QueryRequest, relative: Answer | None = None, *, who: str = "") -> Prepared:
        """Plan, price and check the request; a quote and the query after it do the work once, for the same ``who``.

        Raises ``Refusal``, with a suggestion; the same text is refused the same again, without looking for it anew.
        """
        name = request.model_dump_json(exclude={"fresh"})
        found = self._known.get(who, name)
        if isinstance(found, Refusal):
            raise _again(found)
        if found is None:
            begun = time.monotonic()
            near: list[Near] = []
            try:
                found = self._prepare(request, relative, who, near=near)
            except EngineFailure:  # the sandbox, on SQL over empty and public tables: nothing was charged
                raise too_complex() from None
            except Refusal as refusal:
                whole = True
                if refusal.suggestion is None:
                    time_s = min(SOUGHT_S, REFUSED_S - (time.monotonic() - begun))
                    refusal.suggestion, whole = self._suggested(request, refusal, relative, who, time_s, near)
                if whole and refusal.code not in BUSY:
                    self._known.put(who, name, _again(refusal), size=4_000 + len(name))
                raise
            self._known.put(who, name, found, size=_size(found))
        return found

    def _suggested(
        self, request: QueryRequest, refusal: Refusal, relative: Answer | None, who: str, time_s: float, near: list[Near],
    ) -> tuple[str | None, bool]:  # fmt: skip
        """A statement near the refused one that this very preparation lets pass; and whether it was looked for to the end.

        ``None`` where a parameter is at fault. ``near``: what the planner found, which is tried first, and mostly alone.
        """
        if refusal.code == "sql_too_complex" or (isinstance(refusal, RequestError) and refusal.code not in MENDED):
            return None, True  # what a killable process could not read in time is not read here
        begun = time.monotonic()

        def passes(sql: str, plan: Plan | None = None) -> Refusal | None:
            try:
                self._prepare(request.model_copy(update={"sql": sql}), relative, who, trial=True, plan=plan)
            except Refusal as again:
                return again
            except TacitError:  # a fault on a text that nobody sent is nobody's error
                return too_complex()
            return None

        def find(sql: str, why: Refusal) -> list[str]:
            try:
                return self.planner.candidates(sql, why)
            except TacitError:
                return []

        with within(time_s):
            if near and (near[0].sql is None or passes(near[0].sql, near[0].plan) is None):
                return near[0].sql, True

            from tacit_service.query.suggest import suggestion  # the parser, for the first who needs it

            found = suggestion(self.catalog, request.sql, refusal, passes, find)
        return found, found is not None or time.monotonic() - begun <= time_s

    def _prepare(
        self, request: QueryRequest, relative: Answer | None, who: str, *, trial: bool = False, plan: Plan | None = None,
        near: list[Near] | None = None,
    ) -> Prepared:  # fmt: skip
        """``trial``: whether it would pass is all that counts, so its identity is not worked out. ``plan``: known already."""
        written, request = request.sql, self._with_options(request)
        epsilon = self._epsilon(request)
        delta, offered = self._delta(request)
        amount = None if request.max_amount is None else float(request.max_amount)
        if amount is not None and not 0 < amount < 1e15:
            raise RequestError("bound_invalid", "max_amount is not between 0 and 1e15.", rule="parameters")
        caps = Caps(request.max_rows, request.max_groups, amount, request.approx_bounds)
        if plan is None:  # what is near a statement without its OPTIONS is not near the one that was sent
            plan = self.planner.plan(request.sql, caps, near if request.sql == written else None)
        public = partial(self.dry.query, who)
        with running(TRIED_S):
            keys = {p.name: public_keys(p, public) if p.public_keys else None for p in plan.releases}

        groups = {name: None if rows is None else len(rows) for name, rows in keys.items()}
        self._check_size(plan, groups)

        weights = shares(plan, groups, self.sizes)

        def price_at(epsilon: Epsilon) -> Estimate:
            rules = self.policy.per_query
            return estimate(
                plan, epsilon, delta, unit=self.policy.privacy_unit.name, mechanism=rules.mechanism,
                spare_delta=offered, weights=weights, bias_check=request.bias_check,
            )  # fmt: skip

        told: float | None = None  # rows of a group, by who asks
        half: Mapping[int, float] = {}
        schema = None
        if request.accuracy is not None and plan.releases:
            if request.epsilon is not None:
                raise RequestError(
                    "accuracy_invalid",
                    "epsilon and accuracy are both given.",
                    hint="Give one of them.",
                    rule="parameters",
                )
            target = self._target(request.accuracy, relative, plan)
            from .derived import price_of  # which answers as ``postprocessing`` does, from what is prepared here

            cap = self.policy.per_query.max_epsilon
            schema = self._schema(plan, keys, request.sql, who)
            asked = price_of(plan, target, keys, schema, self.sizes, self.sandbox, price_at, cap)
            epsilon, told, half = asked.epsilon, asked.rows, asked.half
        priced = price_at(epsilon)
        with running(TRIED_S):
            self._check_statements(plan, priced.checks, request.sql, who, trial=trial)
            if trial and plan.row_wise and plan.written_sql is None:
                schema = pa.schema([])  # released columns as they are: there is nothing to try
            schema = self._schema(plan, keys, request.sql, who) if schema is None else schema
        rows = known_rows(plan, told, groups, self.sizes)
        identities = {p.name: identify(p, keys[p.name], priced) for p in plan.releases if not trial}
        return Prepared(
            plan, priced, keys, schema, epsilon, delta,
            "" if trial else self._canonical(plan, identities, priced.checks), identities, rows=rows,
            bias_check=request.bias_check, by_accuracy=request.accuracy is not None, half=half,
        )  # fmt: skip

    def _target(self, accuracy: str | int | float, relative: Answer | None, plan: Plan) -> Target:
        """What is asked, with the sizes and the smallest group of the release that it is relative to."""
        target = parse_accuracy(accuracy)
        if relative is None:
            return target
        rows = target.rows
        if rows is None:
            try:
                held = self.planner.plan(self.planner.options(relative.sql)[0], Caps(None, None, None, False))
                rows = rows_counted(relative, held, plan)
            except Refusal as refusal:  # a text of another day may say nothing now
                if refusal.code in BUSY:  # a busy machine decides no price
                    raise
        return replace(target, sizes=sizes_of(relative), rows=rows)

    def _check_size(self, plan: Plan, groups: Mapping[str, int | None]) -> None:
        """Every public group is a row of the answer, or of what it is made of, or of what a stage hands on."""
        check_rows(plan, groups)
        most = self.policy.per_query.max_result_rows
        if sum(count or 0 for count in groups.values()) > most:
            raise DerivationError(
                "too_many_groups",
                f"The groups are more than {most}, the most rows that an answer may have here.",
                hint="Group by fewer columns, or narrow them in WHERE; the policy's per_query.max_result_rows is the limit.",
                rule="public keys",
            )

    def _with_options(self, request: QueryRequest) -> QueryRequest:
        """The request with what its SQL says in OPTIONS."""
        return with_options(request, self.policy.privacy_unit.column.split(".")[-1], self.planner.options)

    def _epsilon(self, request: QueryRequest) -> Epsilon:
        rules = self.policy.per_query
        if request.epsilon is None:
            return rules.default_epsilon
        try:
            epsilon = Epsilon.parse(_text(request.epsilon))
        except (ValueError, TypeError) as error:
            raise RequestError(
                "epsilon_invalid",
                f"epsilon cannot be read: {error}.",
                hint='Write a decimal such as "0.1".',
                rule="parameters",
            ) from None
        if not epsilon:
            raise RequestError("epsilon_invalid", "epsilon is 0.", hint="Ask for more than 0.", rule="parameters")
        if epsilon > rules.max_epsilon:
            raise RequestError(
                "epsilon_too_large",
                f"epsilon is above {rules.max_epsilon}, the most that one query may ask.",
                hint=f"Ask for {rules.max_epsilon} at most.",
                rule="parameters",
            )
        return epsilon

    def _delta(self, request: QueryRequest) -> tuple[Delta, bool]:
        if request.delta is None:
            return self.policy.per_query.default_delta, False
        try:
            delta = Delta.parse(_text(request.delta))
        except (ValueError, TypeError) as error:
            raise RequestError(
                "delta_invalid", f"delta cannot be read: {error}.", hint='Write it as "1e-9".', rule="parameters"
            ) from None
        if delta > self.policy.budget.delta:
            raise RequestError(
                "delta_invalid",
                f"delta is above {self.policy.budget.delta}, the dataset's own.",
                hint="Ask for 1e-9 or so.",
                rule="parameters",
            )
        return delta, bool(delta)

    def _check_statements(
        self, plan: Plan, checks: tuple[PricedCheck, ...], sql: str, who: str, *, trial: bool
    ) -> None:  # fmt: skip
        """The engine's statements bind over empty tables, and the engine takes them: what cannot run is not charged.

        ``trial``: nothing will be, so that plain forms need not be bound, which takes a third of the time of a refusal.
        """
        unknown: dict[str, Staged] = {p.name: None for p in plan.params}
        for point in plan.releases:
            texts = [s.sql for s in statements(point)]
            for text in [*texts, *(bias_sql(point, c.check) for c in checks if c.check.point == point.name)]:
                try:
                    if not trial or _NOT_PLAIN.search(text):
                        self.dry.check(who, with_params(text, unknown))
                except SandboxError as error:
                    raise RequestError(
                        "unsupported_syntax",
                        f"The engine does not take this statement: {error.detail}",
                        hint="Write the expression another way; subqueries belong in FROM or WHERE.",
                        position=span(sql, 0, len(sql)),
                        rule="engine",
                    ) from None
                for numbers in (unknown, dict.fromkeys(unknown, STAGED)) if unknown else (unknown,):
                    self._check_on_engine(with_params(text, numbers))

    def _schema(self, plan: Plan, keys: Mapping[str, KeyRows | None], sql: str, who: str) -> pa.Schema:
        """Result columns by a dry run over empty tables: SQL that cannot bind, or would fail, is refused before a charge."""
        schemas = {t.name: table_schema(plan, t) for t in plan.stacks}
        try:
            found = self.dry.schema(who, plan.sql, schemas)
            check_stages(plan, schemas, lambda text, tables: self.dry.schema(who, text, tables), span(sql, 0, len(sql)))
            self._trials(who, plan, keys, schemas)
            return found
        except SandboxError as error:
            raise RequestError(
                "outer_sql_invalid",
                f"The SQL above the release does not fit its columns: {error.detail}",
                position=span(sql, 0, len(sql)),
                rule="post-processing",
            ) from None

    def _trials(
        self, who: str, plan: Plan, keys: Mapping[str, KeyRows | None], schemas: Mapping[str, pa.Schema]
    ) -> None:
        """Run what could fail over made-up numbers; ``SandboxError`` when it does."""
        texts = [(p.written_sql, p.sql, p.exposed, p.tables) for p in plan.params]
        texts.append((plan.written_sql, plan.sql, plan.exposed, tuple(s.name for s in plan.stacks)))
        mark = repr([(n, rows if rows is None else list(rows[:TRIED_MAX])) for n, rows in keys.items()])
        for written, text, exposed, names in texts:
            if written is not None:
                stacks = [plan.stack(n) for n in names]
                made = partial(filled, plan, stacks, schemas, keys)
                self.dry.trial(who, written, text, mark, made, extremes=exposed)

    def _canonical(self, plan: Plan, identities: dict[str, Identity], checks: tuple[PricedCheck, ...]) -> str:
        """Names what is measured: the data's version, the engine's statements, the measurements. Not how it is shown.

        What stands before the dot names the rows that are read, whatever the topmost WHERE: answers that follow from a
        held release are looked for among those.
        """
        points = [identities[p.name] for p in plan.releases]
        data = [plan.dataset, self.snapshot_version]
        staged = [[p.name, p.sql] for p in plan.params]
        what = {
            "points": [p.whole for p in points],
            "outer": plan.sql if not points else "",
            "staged": [staged, [p.measures for p in points]] if staged else [],
            **({"checks": [[c.check.what, c.measurement.event.canonical()] for c in checks]} if checks else {}),
        }
        return f"{digest([data, [p.base for p in points]])[:32]}.{digest([data, what])}"


def _local(catalog: Catalog) -> Planner:
    from .planning import LocalPlanner  # the parser, which a service leaves to its children

    return LocalPlanner(catalog)


def _size(found: Prepared) -> int:
    """About how many bytes it takes: its trees, and its keys."""
    rows = (rows for rows in found.keys.values() if rows is not None)
    keys = sum(k.table.nbytes if isinstance(k, KeyTable) else 200 * len(k) for k in rows)
    return 50 * len(found.plan.sql) + 50_000 + keys


def _again(refusal: Refusal) -> Refusal:
    """The refusal as a new exception, so that none that is raised holds on to another request's frames."""
    made = type(refusal).__new__(type(refusal), *refusal.args)
    made.__dict__.update(refusal.__dict__, extra=dict(refusal.extra))
    return made


def _text(value: str | int | float) -> str:
    return repr(value) if isinstance(value, float) else str(value)
