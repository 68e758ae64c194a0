"""The tiny clinic in Spark: its tables as Parquet files that the server reads, and policies that name both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from tacit_e2e_data import Bounds, Tables, write
from tacit_e2e_world import InProcessSandbox

from tacit.wire import QueryRequest
from tacit_service.engine.base import OpenedData
from tacit_service.engine.opening import open_data
from tacit_service.engine.prepare import engine_tables
from tacit_service.policy.load import load_policy
from tacit_service.query.catalog import Catalog
from tacit_service.release.prepare import Prepared, Preparer

TIMEOUT_S = 600.0


def policy(server: str, folder: Path, bounds: Bounds) -> str:
    """The clinic's policy over the files as Spark reads them."""
    text = bounds.policy()
    for name in ("patients", "visits", "bills", "regions"):
        text = text.replace(f"source: {name}.parquet", f'source: "parquet:{(folder / name).resolve()}.parquet"')
    return f'{text}engine: {{ url: "{server}" }}\n'


@dataclass(frozen=True)
class SparkClinic:
    """The clinic served from Spark: an engine, and a preparer for each set of bounds."""

    data: OpenedData
    preparers: dict[Bounds, Preparer]

    def prepare(self, bounds: Bounds, sql: str, **caps: Any) -> Prepared:
        """As ``World.prepare``; what the engine lacks is refused here."""
        return self.preparers[bounds].prepare(QueryRequest(dataset="clinic", sql=sql, **caps))


def open_spark_clinic(
    server: str, tables: Tables, folder: Path, bounds: Sequence[Bounds], sandbox: InProcessSandbox
) -> SparkClinic:
    """Write the tables, and open the dataset as the service does."""
    write(tables, folder)
    policies = {}
    for number, b in enumerate(bounds):
        path = folder / f"{number}.yaml"
        path.write_text(policy(server, folder, b))
        policies[b] = load_policy(path)
    data = open_data(policies[bounds[0]], folder / "snapshots", processes=1)
    schemas: dict[str, pa.Schema] = {
        n: data.engine.run(f'SELECT * FROM "{n}" LIMIT 0', timeout_s=TIMEOUT_S).schema
        for n in engine_tables(policies[bounds[0]].policy)
    }
    preparers = {
        b: Preparer(
            one.policy, Catalog(one.policy, data.public), sandbox, data.version, schemas, check=data.engine.check
        )
        for b, one in policies.items()
    }
    return SparkClinic(data, preparers)
