"""Every public name of the SDK explains itself: a docstring with an example, and the examples run against the demo."""

from __future__ import annotations

import ast
import asyncio
import doctest
import inspect
from collections.abc import Iterator
from typing import Any

import pytest

import tacit
import tacit.async_client
import tacit.client
import tacit.dbapi
import tacit.model
import tacit.release
import tacit.sqlalchemy
import tacit.training
import tacit.wire

CLASSES = (
    tacit.Client, tacit.AsyncClient, tacit.Release, tacit.dbapi.Connection, tacit.dbapi.Cursor,
    tacit.training.TrainingJob, tacit.training.AsyncTrainingJob, tacit.model.Model,
)  # fmt: skip
WITH_EXAMPLES = (tacit.Client, tacit.AsyncClient, tacit.Release)


def methods(kind: type) -> Iterator[tuple[str, Any]]:
    for name, value in vars(kind).items():
        if not name.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
            yield name, value


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__qualname__)
def test_every_method_has_a_docstring(kind: type) -> None:
    assert inspect.getdoc(kind)
    assert [name for name, value in methods(kind) if not inspect.getdoc(value)] == []


@pytest.mark.parametrize("kind", WITH_EXAMPLES, ids=lambda kind: kind.__qualname__)
def test_every_method_has_an_example(kind: type) -> None:
    assert ">>> " in (inspect.getdoc(kind) or "")
    assert [name for name, value in methods(kind) if ">>> " not in (inspect.getdoc(value) or "")] == []


@pytest.mark.parametrize(
    "module", [tacit, tacit.errors, tacit.wire, tacit.dbapi, tacit.sqlalchemy], ids=lambda m: m.__name__
)
def test_help_shows_what_a_module_offers(module: Any) -> None:
    public = getattr(module, "__all__", ["TacitDialect"])
    undocumented = [n for n in public if inspect.isclass(o := getattr(module, n)) and not inspect.getdoc(o)]
    assert inspect.getdoc(module)
    assert undocumented == []


@pytest.fixture
def names(environment: dict[str, str]) -> Iterator[dict[str, Any]]:
    """What the examples may use: url, key, host, a client, an answer."""
    url, key = environment["TACIT_URL"], environment["SECOND_KEY"]
    with tacit.Client(url, key, dataset="clinic") as client:
        answer = client.query(
            "SELECT region, COUNT(*) AS n FROM patients GROUP BY region ORDER BY region", epsilon="0.1"
        )
        yield {
            "url": url,
            "key": key,
            "host": url.partition("//")[2],
            "client": client,
            "answer": answer,
            "tacit": tacit,
        }


@pytest.mark.parametrize(
    "module", [tacit.client, tacit.release, tacit.dbapi, tacit.sqlalchemy], ids=lambda m: m.__name__
)
def test_examples_of_what_asks_run(module: Any, names: dict[str, Any]) -> None:
    result = doctest.testmod(module, extraglobs=names, optionflags=doctest.ELLIPSIS)
    assert result.attempted > 0
    assert result.failed == 0


def test_examples_of_the_asynchronous_client_run(names: dict[str, Any]) -> None:
    """All of them in one coroutine; what they print is checked by the examples of ``Client``, of which they are copies."""
    found = doctest.DocTestFinder().find(tacit.async_client)
    examples = [[e for e in t.examples if not e.options.get(doctest.SKIP)] for t in found]

    async def run() -> int:
        async with tacit.AsyncClient(names["url"], names["key"], dataset="clinic") as client:
            for group in examples:
                space = names | {"client": client, "print": lambda *_: None}
                for example in group:
                    code = compile(example.source, "example", "single", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
                    result = eval(code, space)
                    if inspect.isawaitable(result):
                        await result
            return sum(map(len, examples))

    assert asyncio.run(run()) > 20
