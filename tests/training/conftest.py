from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from tacit import wire
from tacit_service.engine.snapshot import Snapshot, build_snapshot
from tacit_service.ledger.store import Ledger
from tacit_service.policy.load import load_policy
from tacit_service.privacy.lanes import Limits
from tacit_service.query.catalog import Catalog
from tacit_service.training.desk import TrainingDesk, installed

for _name in (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
):  # read when torch is loaded: threads that wait for work cost as much as work
    os.environ.setdefault(_name, "1")


def _beside(name: str) -> ModuleType:
    """A plain module of this folder, as ``tacit_training_…``: importlib mode gives test folders no package."""
    spec = importlib.util.spec_from_file_location(f"tacit_training_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


if not installed() and "CI" not in os.environ:  # [dev] brings [train] with it: in CI nothing may be left out
    collect_ignore_glob = ["test_*.py"]
else:
    _beside("runs"), _beside("elsewhere")
worlds = _beside("world")

if TYPE_CHECKING:
    from tacit_training_world import World


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Snapshot]:
    """The survey's folder, and its snapshot, which is built once."""
    folder = tmp_path_factory.mktemp("survey")
    return folder, build_snapshot(load_policy(worlds.made_up(folder)), folder / "data")


@pytest.fixture
def world(source: tuple[Path, Snapshot]) -> Iterator[World]:
    folder, _ = source
    (folder / "ledger.sqlite").unlink(missing_ok=True)
    for left in folder.glob("ledger.sqlite-*"):
        left.unlink()
    yield from opened(*source, "ledger.sqlite")


@pytest.fixture(scope="module")
def untouched(source: tuple[Path, Snapshot]) -> Iterator[World]:
    """A world for tests after which nothing may be spent and no job be there."""
    yield from opened(*source, "untouched.sqlite")


def opened(source: Path, snapshot: Snapshot, name: str) -> Iterator[World]:
    """The survey, a ledger of that name, and the desk over both."""
    loaded = load_policy(source / "survey.yaml")
    ledger = Ledger.open(f"sqlite:///{source / name}")
    budget = loaded.policy.budget
    ledger.ensure_dataset("survey", Limits.create(budget.epsilon, budget.delta), loaded.digest)
    for name, own in loaded.policy.analysts.items():
        ledger.ensure_analyst("survey", name, Limits.create(own.epsilon, own.delta))
    catalog = Catalog(loaded.policy, snapshot.public)

    def account(analyst: str) -> wire.AccountBudget:
        balance = ledger.balance("survey", analyst)
        limit, spent, left = (
            wire.Spend(epsilon=str(e), delta=str(d)) for e, d in (balance.limit, balance.spent, balance.remaining)
        )
        return wire.AccountBudget(dataset="survey", limit=limit, spent=spent, remaining=left, releases=balance.charges)

    made: World = worlds.World(
        source, loaded, ledger, TrainingDesk(loaded.policy, catalog, ledger, account, lambda: None), catalog
    )
    yield made
    for worker in made.workers:
        worker.close()
    ledger.close()
