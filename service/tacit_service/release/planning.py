"""From text to plan, over one catalog: in this process for tools of the owner, and inside the children of ``planner``."""

from __future__ import annotations

import gc
import itertools
import json
import pickle
import sys
from collections import OrderedDict
from collections.abc import Callable
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
from tacit_service.query.suggest import TRIED_MAX, candidates
from tacit_service.telemetry import places

from .planner import refusal_of, said

_MEMORY_BYTES_MAX: Final = 1 << 30
_CATALOGS_MAX: Final = 64  # that a child keeps


class LocalPlanner:
    """In this process: for tools of the owner, whose SQL is trusted, and inside the children."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def plan(self, sql: str, caps: Caps) -> Plan:
        """See ``Planner``. Also writes the engine's statements, whose length is not that of the text."""
        made = make_plan(self._catalog, sql, caps)
        for point in made.releases:
            statements(point)
        return made

    def check_rows(self, sql: str) -> None:
        """See ``Planner``."""
        protected_rows(self._catalog, sql)

    def options(self, sql: str) -> tuple[str, dict[str, str]]:
        """See ``Planner``."""
        return extract(sql)

    def candidates(self, sql: str, refusal: Refusal) -> list[str]:
        """See ``Planner``."""
        return list(itertools.islice(candidates(self._catalog, sql, refusal), TRIED_MAX))


def _start() -> tuple[Handler, Callable[[], None]]:
    gc.freeze()  # what is loaded now stays: it need not be looked through while a statement is read
    gc.set_threshold(50_000, 20, 20)
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
        try:
            return _answer(LocalPlanner(catalogs[token]), header)
        except Refusal as refusal:
            return {"refused": said(refusal)}, []
        except Exception as error:  # where it happened, and nothing of the text
            raise ChildError(type(error).__name__, json.dumps(places(error))) from None

    return handle, lambda: None


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


def main(argv: list[str]) -> None:
    """Entry of the child: ``parent-pid``."""
    harden(int(argv[0]), may_write_files=False, memory_bytes_max=_MEMORY_BYTES_MAX)
    serve(_start)


if __name__ == "__main__":
    main(sys.argv[1:])
