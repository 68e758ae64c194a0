"""``\\watch``: the same statement or command again and again, until Ctrl-C.

A statement that you have bought is free to repeat and gives the same answer; what changes is what others do: budgets and jobs.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tacit._text import clean
from tacit.errors import InvalidArgument
from tacit.shell.splitter import Piece, split

if TYPE_CHECKING:
    from tacit.shell.session import Session

EVERY_S = 2.0
_EVERY_S_MAX = 86_400.0


@dataclass(frozen=True, slots=True)
class Order:
    """Every so many seconds, so many times (for ever when None), this (what ran last when None)."""

    every_s: float = EVERY_S
    times: int | None = None
    piece: Piece | None = None


def read(text: str) -> Order:
    r"""The arguments of ``\watch``: seconds, ``c=TIMES``, and a command or statement.

    >>> read("5 c=3 \\budget")
    Order(every_s=5.0, times=3, piece=Piece(text='\\budget', kind='command', complete=True))
    """
    every_s, times, rest = EVERY_S, None, text.strip()
    while rest:
        word, _, after = rest.partition(" ")
        name, is_set, value = word.rpartition("=")
        if name == "c" and value.isascii() and value.isdecimal() and int(value) > 0:
            times = int(value)
        elif name in ("", "i") and (seconds := _seconds(value)) is not None and (is_set or name == ""):
            every_s = seconds
        else:
            break
        rest = after.strip()
    pieces = split(rest)
    if len(pieces) > 1 or (pieces and pieces[0].text.startswith("\\watch")):
        raise InvalidArgument("\\watch [SECONDS] [c=TIMES] [one command or statement]")
    return Order(every_s, times, pieces[0] if pieces else None)


def watch(session: Session, text: str) -> None:
    """Run it until Ctrl-C, or as often as asked; the first error ends it."""
    order = read(text)
    piece = order.piece or session.last_piece
    if piece is None:
        raise InvalidArgument(
            "nothing to watch: run a statement or a command first, or name one, as in \\watch 5 \\jobs"
        )
    if session.options.fresh and piece.kind == "sql":
        raise InvalidArgument("\\watch would buy new noise each time: without fresh, a repeated statement is free")
    done = 0
    try:
        while True:
            session.note(f"-- {time.strftime('%H:%M:%S')}  every {order.every_s:g} s: {clean(piece.text)[:60]}")
            session.run(piece)
            done += 1
            if order.times is not None and done >= order.times:
                return
            time.sleep(order.every_s)
    except KeyboardInterrupt:
        session.note(f"-- watched {done} times")


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0 < seconds <= _EVERY_S_MAX else None
