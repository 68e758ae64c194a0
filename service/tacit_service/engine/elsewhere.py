"""What opening a dataset needs whose protected tables stay in a database: its public files, and its version."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from tacit_service.policy.engine_rules import in_engine
from tacit_service.policy.load import Loaded

from .snapshot import build_snapshot

FORMAT = 1


def public_files(loaded: Loaded, data_dir: Path) -> dict[str, pa.Table]:
    """The public tables that are files of the service, through the snapshot's conversions."""
    files = {n: t for n, t in loaded.policy.tables.items() if t.public and not in_engine(loaded.policy, t)}
    if not files:
        return {}
    return build_snapshot(replace(loaded, policy=loaded.policy.model_copy(update={"tables": files})), data_dir).public


def version(loaded: Loaded, public: Mapping[str, pa.Table]) -> str:
    """Of what shapes the answers, as far as it is known: the policy's words, and the rows that are held."""
    policy = loaded.policy
    assert policy.engine is not None
    rows = {n: hashlib.sha256(repr(t.to_pydict()).encode()).hexdigest() for n, t in sorted(public.items())}
    shape = {n: t.model_dump(mode="json", exclude={"description"}) for n, t in policy.tables.items()}
    body = json.dumps({"format": FORMAT, "engine": policy.engine.url, "tables": shape, "rows": rows}, sort_keys=True)
    return hashlib.sha256(body.encode()).hexdigest()[:16]
