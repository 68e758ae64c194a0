"""Examples run, or are at least read by what they are written for.

A fence says what its block is: ``sh`` is parsed by sh, and each of our commands in it by our own parsers; ``json Name``
is validated by that model of ``tacit.wire``; ``yaml policy`` is a whole policy; ``python`` compiles, and what it takes
from ``tacit`` exists; ``sql`` and ``text`` are for reading. Docstrings of both packages are run as doctests.
"""

from __future__ import annotations

import ast
import doctest
import importlib
import itertools
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tacit
import tacit.cli
import tacit.dbapi
import tacit_service.cli
from tacit import wire
from tacit_service.administration import models as administration
from tacit_service.policy.load import load_policy

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *(page for room in ("docs", "policies") for page in sorted((ROOT / room).glob("*.md"))),
]
FENCE = re.compile(r"^```(?P<kind>[^\n]*)\n(?P<body>.*?)^```$", re.M | re.S)


def blocks(*kinds: str) -> list[Any]:
    """Each fenced block of these kinds, as a parameter named by its page and line."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in FENCE.finditer(text):
            kind, _, argument = match["kind"].strip().partition(" ")
            if kind in kinds:
                line = text.count("\n", 0, match.start()) + 1
                found.append(pytest.param(argument, match["body"], id=f"{page.relative_to(ROOT)}:{line}"))
    return found


def test_every_block_says_what_it_is() -> None:
    known = {"sh", "json", "yaml", "python", "sql", "text"}
    kinds = {m["kind"].split(" ")[0] for page in PAGES for m in FENCE.finditer(page.read_text(encoding="utf-8"))}
    assert kinds <= known


def commands(script: str) -> Iterator[list[str]]:
    """The simple commands of a script: continuation lines joined, comments, redirections and pipes dropped."""
    for line in script.replace("\\\n", " ").splitlines():
        if words := shlex.split(line, comments=True):
            yield list(itertools.takewhile(lambda word: word not in {">", "<", "|"}, words))


@pytest.mark.parametrize(("_", "body"), blocks("sh"))
def test_shell_examples_parse(_: str, body: str) -> None:
    checked = subprocess.run(["sh", "-n"], input=body, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize(("_", "body"), blocks("sh"))
def test_make_targets_exist(_: str, body: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    asked = {w for words in commands(body) if words[0] == "make" for w in words[1:] if re.fullmatch(r"[a-z]+", w)}
    assert asked <= targets


@pytest.mark.parametrize(("_", "body"), blocks("sh"))
def test_our_commands_are_ones_that_our_parsers_take(_: str, body: str) -> None:
    parsers = {"tacit": tacit.cli.parser(), "tacit-service": tacit_service.cli.parser()}
    for program, *arguments in commands(body):
        if program in parsers:
            assert parsers[program].parse_args(arguments), arguments  # exits where it takes them not


@pytest.mark.parametrize(("model", "body"), blocks("json"))
def test_json_examples_are_what_the_protocol_says(model: str, body: str) -> None:
    protocol = wire if hasattr(wire, model) else administration
    assert getattr(protocol, model).model_validate_json(body) is not None


@pytest.mark.parametrize(("_", "body"), blocks("python"))
def test_python_examples_compile_and_use_what_exists(_: str, body: str) -> None:
    tree = ast.parse(body)
    used = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute) and getattr(n.value, "id", "") == "tacit"}
    assert {name for name in used if not hasattr(tacit, name)} == set()


@pytest.mark.parametrize("body", [p.values[1] for p in blocks("python") if p.values[0] == "run"])
def test_python_examples_run(body: str, environment: dict[str, str]) -> None:
    """Those marked ``run``, in the directory of a served demo: its address and key are in the environment."""
    command = [sys.executable, "-W", "error", "-c", body]
    done = subprocess.run(
        command, cwd=environment["HOME"], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_the_differencing_attack_works_on_plain_sql_and_not_here(environment: dict[str, str]) -> None:
    text = (ROOT / "docs/privacy.md").read_text(encoding="utf-8")
    attack = next(m["body"] for m in FENCE.finditer(text) if m["kind"] == "python run")
    done = subprocess.run(
        [sys.executable, "-c", attack],
        cwd=environment["HOME"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    told = dict(line.split(": ") for line in done.stdout.splitlines())
    income, exact, private = (float(told[name]) for name in ("income", "by plain SQL", "by Tacit"))
    assert exact == income
    assert abs(private - income) > 100, "chance: one run in ten thousands"


@pytest.mark.parametrize(("_", "body"), blocks("yaml"))
def test_policies_in_the_docs_load(_: str, body: str, tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(body, encoding="utf-8")
    assert load_policy(path).policy.tables


ASKING = {"tacit/client.py", "tacit/async_client.py", "tacit/dbapi.py", "tacit/sqlalchemy.py", "tacit/release.py"}
"""Their examples ask a service: tests/docs/test_public_names.py runs them against the demo."""


def modules_with_examples() -> Iterator[str]:
    for room in ("service", "client"):
        for path in sorted((ROOT / room).rglob("*.py")):
            if (
                re.search(r"^\s*>>> ", path.read_text(encoding="utf-8"), re.M)
                and str(path.relative_to(ROOT / room)) not in ASKING
            ):
                yield ".".join(path.relative_to(ROOT / room).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("name", list(modules_with_examples()))
def test_docstrings_run(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert result.attempted > 0
    assert result.failed == 0
