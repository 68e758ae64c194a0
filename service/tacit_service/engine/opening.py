"""The engine of a policy: DuckDB over a snapshot of its files, or the database that its ``engine`` names."""

from __future__ import annotations

from pathlib import Path

from tacit_service.errors import NotInstalled
from tacit_service.policy.engine_rules import in_spark
from tacit_service.policy.load import Loaded

from .base import OpenedData
from .duckdb import DuckDBEngine
from .snapshot import build_snapshot


def open_data(loaded: Loaded, data_dir: Path, *, processes: int = 2) -> OpenedData:
    """Open what the policy's tables are in. Raises ``PolicyError`` for what the owner can mend."""
    if loaded.policy.engine is None:
        snapshot = build_snapshot(loaded, data_dir)
        return OpenedData(DuckDBEngine(snapshot.path, processes=processes), snapshot.version, snapshot.public)
    if in_spark(loaded.policy):
        return _open_spark(loaded, data_dir, processes)
    try:
        from .postgres.opening import open_database
    except ModuleNotFoundError as missing:
        raise NotInstalled(
            "engine_not_installed", f"The engine of {loaded.policy.dataset} is not installed ({missing.name}).",
            hint="pip install 'tacit[service,postgres]'",
        ) from None  # fmt: skip
    return open_database(loaded, data_dir, processes=processes)


def _open_spark(loaded: Loaded, data_dir: Path, processes: int) -> OpenedData:
    import importlib.util

    if any(importlib.util.find_spec(name) is None for name in ("pyspark", "grpc")):
        raise NotInstalled(
            "engine_not_installed", f"The engine of {loaded.policy.dataset} is not installed (pyspark).",
            hint="pip install 'tacit[service,spark]'",
        ) from None  # fmt: skip
    from .spark.opening import open_spark

    return open_spark(loaded, data_dir, processes=processes)
