"""One console session: what is set, what was bought, and the way of a statement (quote, confirm, query, show)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, TextIO

from tacit._protocol import new_idempotency_key
from tacit._text import clean, clean_block, short_deltas
from tacit.errors import ConnectionFailed, InternalError, InvalidArgument, TacitError
from tacit.shell import binary, render
from tacit.shell.render import Output
from tacit.shell.splitter import Piece

if TYPE_CHECKING:
    from tacit.client import Client
    from tacit.release import Release
    from tacit.wire import DatasetFacts, Quote, TrainingQuote

CONFIRM_ABOVE = Decimal("0.1")
_EXPLAIN = re.compile(r"\s*explain\s+(?!analyze\b)", re.IGNORECASE)
_HELD = "Answered from a release that you hold"  # the receipt's line says so already


@dataclass
class Options:
    """What a session can set. ``confirm_above`` is the share of the remaining ε from which a query is asked about."""

    dataset: str | None = None
    epsilon: str | None = None
    delta: str | None = None
    accuracy: str | None = None
    max_rows: int | None = None
    max_groups: int | None = None
    max_amount: Decimal | None = None
    fresh: bool = False
    bias_check: bool = False
    approx_bounds: bool = False
    output: Output = "table"
    expanded: bool = False
    timing: bool = False
    preview: bool = False
    confirm_above: Decimal = CONFIRM_ABOVE

    def terms(self) -> dict[str, Any]:
        """Keyword arguments of ``Client.quote`` and ``Client.query``."""
        return {
            "dataset": self.dataset,
            "epsilon": self.epsilon,
            "delta": self.delta,
            "max_rows": self.max_rows,
            "max_groups": self.max_groups,
            "max_amount": self.max_amount,
            "fresh": self.fresh,
            "accuracy": self.accuracy,
            "bias_check": self.bias_check,
            "approx_bounds": self.approx_bounds,
        }


class Quit(Exception):
    """``\\q``: leave the console."""


@dataclass
class Session:
    """Runs statements and backslash commands. Results go to ``out`` (or the file of ``\\o``), all else to ``err``.

    ``ask`` puts a yes-or-no question to the person; a session without ``options.preview`` never asks.
    """

    client: Client
    options: Options
    out: TextIO
    err: TextIO
    ask: Callable[[str], bool]
    receipts: list[Release] = field(default_factory=list)
    last_sql: str | None = None
    last_piece: Piece | None = None
    declined: bool = False
    _file: TextIO | None = None
    _facts: dict[str, DatasetFacts] = field(default_factory=dict)
    _unanswered: tuple[tuple[str, ...], str] | None = None

    def run(self, piece: Piece) -> None:
        """Run one statement or command; raises ``TacitError`` and ``Quit``."""
        if not piece.text.startswith("\\watch"):
            self.last_piece = piece
        if piece.kind == "command":
            from tacit.shell.commands import dispatch

            dispatch(self, piece.text)
        else:
            self.query(piece.text)

    @property
    def target(self) -> TextIO:
        """Where results go."""
        return self._file or self.out

    def note(self, text: str) -> None:
        """A line for the person, beside the results."""
        self.err.write(clean_block(text) + "\n")
        self.err.flush()

    def query(self, sql: str, idempotency_key: str | None = None) -> bool:
        """Show the price, ask where it is high, buy, show the answer and its receipt. False when the person said no."""
        self.need_dataset()
        self.last_sql = sql
        explained = _EXPLAIN.match(sql)
        if explained is not None and self.options.output not in ("csv", "json"):
            self.explain(sql[explained.end() :])
            return True
        binary.check(self.target, self.options.output)
        started = time.monotonic()
        if self.options.preview and explained is None:
            quoted = self.client.quote(sql, **self.options.terms())
            if not quoted.held:
                self.note(f"-- {render.price(quoted)}")
            asked = time.monotonic()
            if not self.agrees(quoted):
                return False
            started += time.monotonic() - asked
        release = self._buy(sql, idempotency_key)
        self.receipts.append(release)
        render.answer(self.target, release, self.options.output, self.options.expanded)
        self.target.flush()
        self.note(render.receipt(release))
        for text in release.receipt.notes:
            if not text.startswith(_HELD):
                self.note(f"-- {short_deltas(clean(text))}")
        if self.options.timing:
            self.note(f"Time: {(time.monotonic() - started) * 1000:.1f} ms")
        return True

    def agrees(self, quoted: Quote | TrainingQuote, price: str = "") -> bool:
        """Ask where the price takes much of what is left; what cannot be afforded is left to the refusal."""
        if price:
            self.note(f"-- {price}")
        share = share_of_remaining(quoted)
        if not quoted.affordable or share <= self.options.confirm_above:
            return True
        if self.ask(f"This takes {share:.1%} of what is left. Spend it? [y/N] "):
            return True
        self.note("-- not run; nothing was charged")
        self.declined = True
        return False

    def explain(self, sql: str) -> None:
        """How a statement is derived, bounded and measured; free."""
        self.need_dataset()
        terms = self.options.terms()
        del terms["fresh"]
        render.block(self.target, self.client.explain(sql, **terms))

    def _buy(self, sql: str, idempotency_key: str | None) -> Release:
        """Query under a key that is kept until an answer arrives: the same statement again is the same purchase."""
        terms = self.options.terms()
        purchase = (sql, *(f"{name}={value}" for name, value in sorted(terms.items())))
        if self._unanswered is None or self._unanswered[0] != purchase:
            self._unanswered = (purchase, idempotency_key or new_idempotency_key())
        try:
            release = self.client.query(sql, idempotency_key=self._unanswered[1], **terms)
        except KeyboardInterrupt:
            self.note("-- interrupted; it may have been charged: run the same statement again to get that very answer")
            raise
        except (ConnectionFailed, InternalError):
            raise
        except TacitError:
            self._unanswered = None
            raise
        self._unanswered = None
        return release

    def facts(self, name: str | None = None) -> DatasetFacts:
        """Public facts of the current dataset, or of another."""
        wanted = name or self.need_dataset()
        self._facts[wanted] = self.client.dataset(wanted)
        return self._facts[wanted]

    def need_dataset(self) -> str:
        """The dataset that statements are about; ``InvalidArgument`` says how to choose one."""
        chosen = self.options.dataset or self.client.default_dataset
        if chosen is None:
            raise InvalidArgument(
                "no dataset: \\c NAME chooses one, \\datasets lists them; or --dataset, TACIT_DATASET"
            )
        return chosen

    def choose_only_dataset(self) -> list[str]:
        """Use the only dataset of this key where none is named; else the names to choose from."""
        if self.options.dataset is not None:
            return [self.options.dataset]
        granted = self.client.datasets()
        if len(granted) == 1:
            self.options.dataset = granted[0]
        return granted

    def known_facts(self) -> DatasetFacts | None:
        """The facts fetched last: completion never waits for the network."""
        return self._facts.get(self.options.dataset or "")

    def write_to(self, path: str | None) -> None:
        """Send results to a file from now on, or back to the terminal."""
        self.close()
        if path:
            try:
                self._file = open(path, "w", encoding="utf-8", newline="\n")  # noqa: SIM115  (closed by the next \o or at the end)
            except OSError as error:
                raise InvalidArgument(f"cannot write {path}: {error.strerror}") from None

    def close(self) -> None:
        """Close the file of ``\\o``."""
        if self._file is not None:
            self._file.close()
            self._file = None


def share_of_remaining(quoted: Quote | TrainingQuote) -> Decimal:
    """How much of what is left a query takes, 0 to 1."""
    price, left = positive(quoted.price.epsilon), positive(quoted.remaining.epsilon)
    if getattr(quoted, "held", False) or price == 0:
        return Decimal(0)
    return price / left if left else Decimal(1)


def share(text: str) -> Decimal:
    """A share of what is left, as a person writes it: 0 to 1."""
    number = positive(text)
    if number > 1:
        raise InvalidArgument(f"{clean(text)} is no share: write 0 to 1, such as 0.1 for a tenth of what is left")
    return number


def positive(text: str) -> Decimal:
    """A non-negative decimal of a protocol's text or a person's."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or number < 0:
        raise InvalidArgument(f"{clean(text)} is no number of 0 or more")
    return number
