"""A small reader over DuckDB, the demo's clinic, and the real data where they are."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from tacit_service.demo_data import clinic_policy, make_clinic
from tacit_service.errors import PolicyError
from tacit_service.policy.load import Loaded, load_policy

ROOT = Path(__file__).resolve().parents[2]


class DuckReader:
    """Reads Parquet and CSV sources in a connection of their own."""

    def columns(self, source: str, base_dir: Path) -> dict[str, str]:
        described = self.query(source, base_dir, "SELECT column_name, column_type FROM (DESCRIBE t)")
        return dict(zip(described["column_name"].to_pylist(), described["column_type"].to_pylist(), strict=True))

    def query(self, source: str, base_dir: Path, sql: str) -> pa.Table:
        path = str(base_dir / source)
        reader = "read_csv" if source.endswith(".csv") else "read_parquet"
        options = ", all_varchar = true" if source.endswith(".csv") else ""
        with duckdb.connect(":memory:") as connection:
            try:
                connection.execute(f"CREATE VIEW t AS SELECT * FROM {reader}('{path}'{options})")
            except duckdb.IOException as error:
                raise PolicyError("source_unreadable", f"{source} cannot be read", hint="Check the path.") from error
            return connection.sql(sql).to_arrow_table()


@pytest.fixture(scope="session")
def reader() -> DuckReader:
    return DuckReader()


@pytest.fixture(scope="session")
def clinic_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clinic")
    make_clinic(folder, rows=100_000)
    (folder / "clinic.yaml").write_text(clinic_policy(), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def clinic(clinic_dir: Path) -> Loaded:
    return load_policy(clinic_dir / "clinic.yaml")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    folder = Path(os.environ.get("TACIT_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real data are not at {folder} (set TACIT_SHARED_DATA)")
    return folder
