"""From text to plan, over one catalog: in this process for tools of the owner, and inside the children of ``planner``."""

from __future__ import annotations

import gc
import itertools
import json
import pickle
import signal
import sys
import time
from collections import OrderedDict
from types import FrameType
from typing import Final

from tacit_service.engine.bounding import statements
from tacit_service.engine.process import Blob, ChildError, Handler, Header, harden, serve
from tacit_service.errors import Refusal
from tacit_service.query.caps import Caps
from tacit_service.query.catalog import Catalog
from tacit_service.query.codec import encode
from tacit_service.query.options import extract
from tacit_service.query.plan import Plan
from tacit_service.query.rows import protected_rows
from tacit_service.query.split import plan as make_plan
from tacit_service.query.suggest import TRIED_MAX, candidates, suggestion
from tacit_service.telemetry import places

from .planner import Near, refusal_of, said

_MEMORY_BYTES_MAX: Final = 1 << 30
_CATALOGS_MAX: Final = 64  # that a child keeps
_COLLECTED: Final = (500_000, 20, 20)  # in the midst of a call: what one statement alone must make for that
_TIDIED: Final = 2_000
_SOUGHT_S: Final = 1.2  # from the statement's arrival, for a statement near it: well within what a call may take


class _Late(BaseException):
    """The time for a suggestion is over; past everything that catches exceptions."""


class LocalPlanner:
    """In this process: for tools of the owner, whose SQL is trusted, and inside the children."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def plan(self, sql: str, caps: Caps, near: list[Near] | None = None) -> Plan:  # noqa: ARG002 - nobody waits here
        """See ``Planner``. Also writes the engine's statements, whose length is not that of the text."""
        made = make_plan(self._catalog, sql, caps)
        for point in made.releases:
            statements(point)
        return made

    def near(self, sql: str, caps: Caps, refusal: Refusal) -> Near:
        """The first statement near a refused one that can be planned."""
        made: dict[str, Plan] = {}

        def passes(text: str) -> Refusal | None:
            try:
                made[text] = self.plan(text, caps)
            except Refusal as again:
                return again
            return None

        found = suggestion(self._catalog, sql, refusal, passes)
        return Near(found, None if found is None else made[found])

    def check_rows(self, sql: str) -> None:
        """See ``Planner``."""
        protected_rows(self._catalog, sql)

    def options(self, sql: str) -> tuple[str, dict[str, str]]:
        """See ``Planner``."""
        return extract(sql)

    def candidates(self, sql: str, refusal: Refusal) -> list[str]:
        """See ``Planner``."""
        return list(itertools.islice(candidates(self._catalog, sql, refusal), TRIED_MAX))


def _start() -> tuple[Handler, None]:
    gc.freeze()  # what is loaded now stays: it need not be looked through
    gc.set_threshold(*_COLLECTED)
    catalogs: OrderedDict[int, Catalog] = OrderedDict()

    def handle(header: Header, blobs: list[memoryview]) -> tuple[Header, list[Blob]]:
        token = header["catalog"]
        if blobs:
            catalogs[token] = pickle.loads(blobs[0])  # noqa: S301 - the service's own
            while len(catalogs) > _CATALOGS_MAX:
                catalogs.popitem(last=False)
        if token not in catalogs:
            return {"unknown": True}, []
        catalogs.move_to_end(token)
        planner, end = LocalPlanner(catalogs[token]), time.monotonic() + _SOUGHT_S
        try:
            return _answer(planner, header)
        except Refusal as refusal:
            reply: Header = {"refused": said(refusal)}
            sought = header.get("near") and refusal.suggestion is None
            found = _near(planner, header, refusal, end - time.monotonic()) if sought else None
            if found is not None:
                reply["near"] = found.sql
            return reply, [] if found is None or found.plan is None else [encode(found.plan)]
        except Exception as error:  # where it happened, and nothing of the text
            raise ChildError(type(error).__name__, json.dumps(places(error))) from None

    return handle, None  # nothing here can be interrupted: what takes too long is killed


def _tidy() -> None:
    """Trees of statements point up and down, so that only a collection frees them: between two calls, a few ms each."""
    if gc.get_count()[0] > _TIDIED:
        gc.collect(1)


def _answer(planner: LocalPlanner, header: Header) -> tuple[Header, list[Blob]]:
    sql = header["sql"]
    if header["do"] == "plan":
        return {}, [encode(planner.plan(sql, Caps(*header["caps"])))]
    if header["do"] == "options":
        bare, options = planner.options(sql)
        return {"sql": bare, "options": options}, []
    if header["do"] == "candidates":
        return {"candidates": planner.candidates(sql, refusal_of(header["refusal"]))}, []
    planner.check_rows(sql)
    return {}, []


def _near(planner: LocalPlanner, header: Header, refusal: Refusal, time_s: float) -> Near | None:
    """What is near, or ``None`` where the look was not finished: the refusal stands as it is, whatever a candidate does."""

    def late(_: int, __: FrameType | None) -> None:
        raise _Late

    signal.signal(signal.SIGALRM, late)
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, max(time_s, 0.001))
            return planner.near(header["sql"], Caps(*header["caps"]), refusal)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except (_Late, Exception):
        return None


def main(argv: list[str]) -> None:
    """Entry of the child: ``parent-pid``."""
    harden(int(argv[0]), may_write_files=False, memory_bytes_max=_MEMORY_BYTES_MAX)
    serve(_start, after=_tidy)


if __name__ == "__main__":
    main(sys.argv[1:])
