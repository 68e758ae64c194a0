"""Errors and intervals of aggregates against the best single measurement; the whole table is benchmarks/error.py's.

Noise is OpenDP's and has no seed. Each limit is one that a right service misses about once in a million times: coverage by
the binomial law; a root mean square by six of its own deviations (kurtosis 6, as Laplace noise has, for all).
"""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path
from types import ModuleType

import pytest
from scipy.stats import binom

from tacit_service.policy.load import load_policy
from tacit_service.privacy.units import Epsilon
from tacit_service.query.catalog import Catalog

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
RUNS = 400
MISS = 1e-6


@pytest.fixture(scope="module")
def error() -> ModuleType:
    sys.path.insert(0, str(BENCHMARKS))
    try:
        spec = importlib.util.spec_from_file_location("tacit_benchmark_error", BENCHMARKS / "error.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(BENCHMARKS))
    return module


@pytest.mark.parametrize(
    ("name", "limit"),
    [("COUNT", 1.05), ("COUNT, Gauss", 1.05), ("SUM", 1.05), ("SUM, bounds of both signs", 1.05), ("AVG", 1.2),
     ("AVG, middle of the bounds", 1.2), ("VAR_SAMP", 1.2), ("COVAR_SAMP", 1.2)],
)  # fmt: skip
def test_error_is_near_the_best_and_intervals_cover(name: str, limit: float, error: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(error.POLICY)
    people = error.data(4000)
    (tmp_path / "people.parquet").touch()
    catalog = Catalog(load_policy(tmp_path / "policy.yaml").policy, {})
    asked = next(a for a in error.ASKED if a.name == name)
    found = error.run(asked, people, catalog, RUNS, Epsilon.parse("0.5"))
    chance = 6 * math.sqrt(5 / RUNS) / 2
    assert found["ratio"] <= limit * (1 + chance), found
    assert binom.ppf(MISS, RUNS, 0.93) <= found["coverage"] * RUNS <= binom.ppf(1 - MISS, RUNS, 0.97), found
