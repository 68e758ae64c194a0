"""The one door out: quote → charge → run → noise → record → answer. Forward only; nothing leaves before its charge is durable."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tacit.wire import (
    AccountBudget,
    Answer,
    BiasShare,
    DatasetFacts,
    LedgerHead,
    QueryRequest,
    Quote,
    Receipt,
    Spend,
)
from tacit_service.engine.base import Engine
from tacit_service.engine.literals import Staged
from tacit_service.engine.opening import open_data
from tacit_service.engine.prepare import engine_tables
from tacit_service.errors import EngineFailure, NotFound, Refusal, TacitError
from tacit_service.ledger.administration import Administration
from tacit_service.ledger.journal import Head
from tacit_service.ledger.records import ChargeRequest, Reservation, StoredRelease
from tacit_service.ledger.store import Ledger
from tacit_service.policy.load import Loaded
from tacit_service.privacy.curves import Price, price
from tacit_service.query.catalog import Catalog
from tacit_service.query.explain import explain
from tacit_service.query.plan import ReleasePoint

from .accuracy import released_id
from .balances import account_budget, in_words, spend
from .bulk import with_bulk
from .charging import digest_of, paid, reserve
from .commitment import limits_of, open_accounts, pace_of
from .describe import dataset_facts, mechanism_infos, notes
from .explanation import explained_answer, explained_statement, explanation
from .found import with_bounds
from .ladder import Ladder, Run
from .measured import ENGINE_TIMEOUT_S, checked, measured, shares_of
from .planner import PlannerPool, shared_pool
from .postprocess import Sandbox, SandboxError
from .postprocessing import PostProcessor, Released, Shown, staged_numbers
from .prepare import BUSY, Prepared, Preparer
from .quoting import quoted
from .records import CHECKS, PostprocessFailed, asked, from_body, priced_alike, stored_answer, to_body, unfinished
from .reuse import follows
from .turns import Turns

ANSWER = "rel_"  # how the ids of answers begin
ANALYST_ROLE = "analyst"
FOLLOWED_MAX = 20  # held releases of the same rows that are looked through for an answer that follows from one


class Desk:
    """One dataset, served. Thread-safe; every method blocks."""

    def __init__(self, loaded: Loaded, ledger: Ledger, engine: Engine, sandbox: Sandbox, preparer: Preparer) -> None:
        self.loaded = loaded
        self.policy = loaded.policy
        self.name = loaded.policy.dataset
        self.ledger = ledger
        self.engine = engine
        self.sandbox = sandbox
        self.preparer = preparer
        self.ladder = Ladder(loaded.policy.response_times)
        self.turns = Turns()
        self._by_role: set[str] = set()
        self._owner = Administration(ledger)

    @classmethod
    def open(
        cls, loaded: Loaded, ledger: Ledger, data_dir: Path, *,
        engine: Engine | None = None, parsers: PlannerPool | None = None,
    ) -> Desk:  # fmt: skip
        """Open the policy's engine (or take another over its tables) and the sandbox; make sure of the ledger's accounts."""
        policy = loaded.policy
        data = open_data(loaded, data_dir, processes=0 if engine is not None else 2)
        engine = engine or data.engine
        open_accounts(ledger, loaded)
        sandbox = Sandbox(data.public, processes=2, dry=2, rows_max=policy.per_query.max_result_rows)
        catalog = Catalog(policy, data.public)
        schemas = {
            name: engine.run(f'SELECT * FROM "{name}" LIMIT 0', timeout_s=ENGINE_TIMEOUT_S).schema
            for name in engine_tables(policy)
        }
        planner = (parsers or shared_pool()).of(catalog)
        preparer = Preparer(policy, catalog, sandbox, data.version, schemas, planner, engine.check)
        return cls(loaded, ledger, engine, sandbox, preparer)

    def close(self) -> None:
        """Stop the engine and the sandbox."""
        self.engine.close()
        self.sandbox.close()

    # -- free of charge

    def facts(self) -> DatasetFacts:
        """Public facts of the dataset."""
        return dataset_facts(self.policy)

    def quote(self, analyst: str, request: QueryRequest) -> Quote:
        """The price and the expected intervals, without touching data."""
        self._account(analyst)
        inner = explained_statement(request.sql)
        if inner is not None:
            request = request.model_copy(update={"sql": inner})
        prepared = self._prepare(analyst, request)
        cost = price(prepared.estimate.events)
        found = self._held(analyst, prepared, request)
        held, prepared = found is not None, prepared if found is None else found[1]
        more, closed = None, None
        if prepared.estimate.events:
            more = self._how_many(analyst, cost)
            closed = self.ledger.closed(self.name, analyst, cost, free_for_dataset=self.policy.overcommit)
        left = self._remaining(analyst)
        return quoted(self.name, prepared, held=held, explained=inner is not None, more=more, closed=closed, left=left)

    def explain(self, analyst: str, request: QueryRequest) -> str:
        """The derivation, the measurements with their prices, and the SQL, as text."""
        self._account(analyst)
        return explanation(self._prepare(analyst, request))

    def budget(self, analyst: str) -> AccountBudget:
        """The analyst's account on this dataset."""
        self._account(analyst)
        mine = self.ledger.balance(self.name, analyst)
        whole = None if self.policy.overcommit else self.ledger.balance(self.name, None)
        group = self.ledger.balance(self.name, mine.group) if mine.group else None
        pending = self.ledger.held_by_pending(self.name, analyst)
        return account_budget(mine, whole=whole, pending=pending, group=group)

    def release(self, analyst: str, release_id: str) -> Answer:
        """A release that the analyst holds. Raises ``NotFound`` for any other."""
        stored = self.ledger.release(release_id)
        mine = stored is not None and stored.analyst == analyst and stored.dataset == self.name
        if stored is None or not mine or not stored.release_id.startswith(ANSWER):  # a model is the training room's
            raise NotFound("not_found", "There is no such release.")
        return stored_answer(stored)

    def _prepare(self, analyst: str, request: QueryRequest) -> Prepared:
        """Plan and price. A width relative to a release needs one that this analyst holds."""
        relative = released_id(request, self.preparer.planner.options)
        return self.preparer.prepare(
            request, None if relative is None else self.release(analyst, relative), who=analyst
        )

    def check(self, analyst: str, request: QueryRequest, idempotency_key: str | None = None) -> None:
        """Raise what refuses the request. What passes is prepared by then, so that ``query`` begins with its charge.

        A request that was paid for under its key is not looked at again, which a busy machine might do in vain.
        """
        self._account(analyst)
        if paid(self.ledger, self.name, analyst, request, idempotency_key) is not None:
            return
        inner = explained_statement(request.sql)
        self._prepare(analyst, request if inner is None else request.model_copy(update={"sql": inner}))

    # -- the door

    def query(self, analyst: str, request: QueryRequest, idempotency_key: str | None) -> Answer:
        """Answer the request: from a stored release where one holds it, else charge, run (by a ladder of times), draw, record."""
        run = self.ladder.start()
        self._account(analyst)
        known = paid(self.ledger, self.name, analyst, request, idempotency_key)
        if known is not None:
            return stored_answer(known)
        inner = explained_statement(request.sql)
        if inner is not None:
            return self._explained(analyst, request, inner)
        prepared = self._prepare(analyst, request)
        events = prepared.estimate.events
        charge = ChargeRequest(self.name, analyst, events, digest_of(request), idempotency_key, request.sql)
        held = self._held(analyst, prepared, request)
        if held is not None:
            plain = held[1].plan.row_wise and held[1].plan.written_sql is None  # released rows as they are: soon done
            with self.turns.one(analyst, not plain):
                return self._again(analyst, request, held[1], held[0])
        other = None if request.fresh else self.ledger.held_by_other(self.name, analyst, prepared.canonical)
        if other is not None and priced_alike(prepared, other):
            return self._handed_on(request, prepared, charge, other)
        run.still_in_time()
        with self.turns.one(analyst, prepared.free):
            return self._bought(analyst, request, prepared, charge, run)

    def _bought(
        self, analyst: str, request: QueryRequest, prepared: Prepared, charge: ChargeRequest, run: Run
    ) -> Answer:
        reservation = self._reserve(charge)
        if reservation.replay is not None:
            return stored_answer(reservation.replay)
        with self._charged(reservation, run):
            released: dict[str, Released] = {}
            numbers: dict[str, Staged] = {}
            for name in [p.name for p in prepared.plan.releases]:
                prepared = with_bounds(prepared, released)
                numbers = staged_numbers(self.sandbox, prepared, released, numbers)
                released[name] = self.measure(prepared.plan.release(name), prepared, reservation, numbers, run)
            if prepared.estimate.checks:
                released[CHECKS] = checked(self.engine, prepared, reservation, numbers, run)
            return self._record(analyst, request, prepared, reservation, released, run)

    @contextmanager
    def _charged(self, reservation: Reservation, run: Run) -> Iterator[None]:
        """What fails after the charge is noted as failed: the charge stays, and nothing about the data is said."""
        try:
            yield
        except PostprocessFailed as error:  # the release itself is recorded
            run.stamp(error)
            raise
        except TacitError as error:
            self.ledger.fail(reservation.charge_id, error.code)
            run.stamp(error)
            raise
        except Exception:
            self.ledger.fail(reservation.charge_id, "internal")
            detail = "The query could not be finished; its charge stays."
            raise EngineFailure("engine_failed", detail, response_ms=run.leave_ms()) from None

    def _explained(self, analyst: str, request: QueryRequest, inner: str) -> Answer:
        """``EXPLAIN SELECT …`` as a statement: the explanation, a line a row, at no cost."""
        text = self.explain(analyst, request.model_copy(update={"sql": inner}))
        return explained_answer(self.name, request.sql, text, self._remaining(analyst), _now())

    def _reserve(self, charge: ChargeRequest) -> Reservation:
        return reserve(self.ledger, charge, self.policy.overcommit, self._remaining)

    def measure(
        self, point: ReleasePoint, prepared: Prepared, reservation: Reservation, numbers: dict[str, Staged],
        run: Run,
    ) -> Released:  # fmt: skip
        """Exact integers under noise, one release point."""
        return measured(self.engine, point, prepared, reservation, numbers, run)

    def _record(
        self, analyst: str, request: QueryRequest, prepared: Prepared, reservation: Reservation,
        released: dict[str, Released], run: Run | None = None,
    ) -> Answer:  # fmt: skip
        release_id = ANSWER + secrets.token_hex(12)
        try:
            shown = PostProcessor(self.sandbox, prepared, released, release_id).show()
        except (SandboxError, EngineFailure) as error:
            if prepared.free:
                raise unfinished(error) from None
            body = to_body(request, prepared, None, released)
            stored = StoredRelease(release_id, self.name, analyst, prepared.canonical, body, _now())
            self.ledger.record(reservation.charge_id, stored)
            raise PostprocessFailed(
                "postprocess_failed",
                "The SQL above the release failed on the noisy values. The release itself is paid for and yours.",
                hint="Mend the outer SQL and ask again with the same epsilon: the stored release answers, free of charge.",
                rule="post-processing",
            ) from None
        spent = Spend(epsilon=str(prepared.estimate.epsilon), delta=str(prepared.estimate.delta))
        answer = self._answer(
            analyst,
            request,
            prepared,
            shown,
            release_id,
            spent,
            reservation.head,
            reservation.charge_id,
            bias=shares_of(prepared, released),
            run=run,
        )
        stored = StoredRelease(
            release_id,
            self.name,
            analyst,
            prepared.canonical,
            to_body(request, prepared, answer, released),
            answer.created_at,
        )
        self.ledger.record(reservation.charge_id, stored)
        return answer

    def _again(self, analyst: str, request: QueryRequest, prepared: Prepared, held: StoredRelease) -> Answer:
        """The stored noise under the present outer SQL: nothing new is learnt, nothing is charged."""
        released = from_body(prepared, held.body)
        prepared = with_bounds(prepared, released)
        shown = PostProcessor(self.sandbox, prepared, released, held.release_id).show()
        free = Spend(epsilon="0", delta="0")
        return self._answer(
            analyst, request, prepared, shown, held.release_id, free, self.ledger.head(), None,
            held=True, bias=shares_of(prepared, released),
        )  # fmt: skip

    def _handed_on(
        self, request: QueryRequest, prepared: Prepared, charge: ChargeRequest, other: StoredRelease
    ) -> Answer:
        """Another analyst's stored release: charged to this analyst's account only, with no new noise."""
        from dataclasses import replace

        reservation = self._reserve(replace(charge, free_for_dataset=True))
        if reservation.replay is not None:
            return stored_answer(reservation.replay)
        with self._charged(reservation, self.ladder.start()):
            released = from_body(prepared, other.body)
            prepared = with_bounds(prepared, released)
            return self._record(charge.analyst, request, prepared, reservation, released)

    def _answer(
        self, analyst: str, request: QueryRequest, prepared: Prepared, shown: Shown, release_id: str, spent: Spend,
        head: Head, charge_id: str | None, *, bias: list[BiasShare], held: bool = False, run: Run | None = None,
    ) -> Answer:  # fmt: skip
        balance = self.ledger.balance(self.name, analyst)
        receipt = Receipt(
            charged=spent,
            remaining=spend(balance.remaining),
            in_words=in_words(balance),
            held=held,
            mechanisms=mechanism_infos(prepared),
            plan=explain(prepared.plan),
            ledger=LedgerHead(sequence=head.sequence, hash=head.hash),
            charge_id=charge_id,
            response_ms=None if run is None else run.leave_ms(),
            notes=[*notes(prepared, held), *prepared.found, *shown.notes, *(b.text for b in bias)],
            bias=bias,
        )
        answer = Answer(
            release_id=release_id,
            dataset=self.name,
            sql=request.sql,
            created_at=_now(),
            columns=shown.columns,
            rows=shown.rows,
            intervals=shown.intervals,
            membership=shown.membership,
            receipt=receipt,
        )
        return answer if shown.bulk is None else with_bulk(answer, shown.bulk)

    # -- accounts

    def _held(self, analyst: str, prepared: Prepared, request: QueryRequest) -> tuple[StoredRelease, Prepared] | None:
        """A release that answers the request at no cost, and the request as post-processing of it."""
        if request.fresh or prepared.free:
            return None
        stored = self.ledger.held(self.name, analyst, prepared.canonical)
        if stored is not None:
            return stored, prepared
        for stored in self.ledger.held_alike(self.name, analyst, prepared.canonical.partition(".")[0], FOLLOWED_MAX):
            try:
                earlier = self._prepare(analyst, asked(stored))
            except Refusal as refusal:  # asked under another version of the policy
                if refusal.code in BUSY:  # a busy machine must not buy anew what is held
                    raise
                continue
            if earlier.canonical == stored.canonical:
                found = follows(prepared, earlier, self.sandbox)
                if found is not None:
                    return stored, found
        return None

    def _account(self, analyst: str) -> None:
        """The analyst has an account here, or the dataset does not exist for them."""
        if analyst in self.policy.analysts or analyst in self._by_role or self._owner.appointed(self.name, analyst):
            return
        budget = self.policy.roles.get(ANALYST_ROLE)  # the caller's key was checked to grant this dataset
        if budget is not None:
            self.ledger.ensure_analyst(self.name, analyst, limits_of(budget), pace=pace_of(budget))
            self._by_role.add(analyst)
            return
        raise NotFound("not_found", "There is no such dataset.")

    def _how_many(self, analyst: str, cost: Price) -> int:
        """Charges that still fit; without the dataset's account where its remainder is not the analyst's to know."""
        return self.ledger.how_many(self.name, analyst, cost, free_for_dataset=self.policy.overcommit)

    def _remaining(self, analyst: str) -> Spend:
        return spend(self.ledger.balance(self.name, analyst).remaining)


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
