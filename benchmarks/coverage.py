"""How often the intervals of MIN and of a median of few values cover, on many shapes of data, beside another rule for MIN.

    python benchmarks/coverage.py [--runs 2000] [--out FILE.json]

MIN's interval ends at the innermost bin that a one-sided test at 95 % leaves in (``release/extremes``). The other rule ends it before
the first bin at which the running sum, from the declared bound inward, passes a limit that noise alone passes in 5 % of all runs
anywhere: it is as honest, and its misses are spread over all bins. ``docs/design.md`` has the argument and these figures.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from _common import finish, table
from _error_best import POLICY, Asked, Floats, data
from error import released

from tacit_service.policy.load import load_policy
from tacit_service.privacy.units import Delta, Epsilon
from tacit_service.query.catalog import Catalog
from tacit_service.query.split import plan as make_plan
from tacit_service.release.estimate import estimate
from tacit_service.release.extremes import end_interval, extreme

BINS = 101
SHAPES = (
    "even from 3 on",
    "beta(2.2, 3)",
    "normal about 60",
    "lognormal",
    "six values",
    "200 rows",
    "one person apart",
)


@dataclass(frozen=True)
class _Part:
    """What ``extremes`` reads of a measure and of an output."""

    candidates: tuple[int, ...] = tuple(range(BINS))
    grid: float = 1.0
    multiplier: int = 1
    parameter: float = 0.0
    lo: float = 0.0
    hi: float = BINS - 1.0


def rows(shape: str, rng: np.random.Generator) -> Floats:
    """Rows in each bin."""
    n = 200 if shape == "200 rows" else 4_000
    drawn = {
        "even from 3 on": lambda: rng.integers(3, BINS, n),
        "beta(2.2, 3)": lambda: (BINS - 1) * rng.beta(2.2, 3.0, n),
        "normal about 60": lambda: rng.normal(60, 6, n),
        "lognormal": lambda: rng.lognormal(2.5, 0.6, n),
        "six values": lambda: rng.choice([10, 20, 30, 40, 50, 60], n),
        "200 rows": lambda: rng.normal(50, 15, n),
        "one person apart": lambda: np.concatenate([[5], rng.integers(50, BINS, n - 1)]),
    }[shape]()
    return np.bincount(np.clip(np.rint(drawn), 0, BINS - 1).astype(int), minlength=BINS).astype(float)


def limits(noise: Floats) -> Floats:
    """One limit for each running sum, all at one level, such that noise passes some of them in 5 % of all draws."""
    sums = np.cumsum(noise, axis=1)[:, :-1]
    ordered = np.sort(sums, axis=0)
    low, high = 0.0, 0.05
    for _ in range(25):
        level = (low + high) / 2
        passes = (sums > ordered[min(int((1 - level) * len(sums)), len(sums) - 1)]).any(axis=1).mean()
        low, high = (low, level) if passes > 0.05 else (level, high)
    limit: Floats = ordered[min(int((1 - low) * len(sums)), len(sums) - 1)]
    return limit


def of_min(shape: str, epsilon: float, runs: int, noise: Floats, limit: Floats) -> list[str]:
    """Coverage and mean width, from the true minimum on, of both rules."""
    rng, part = np.random.default_rng(5), _Part()
    counts = rows(shape, rng)
    least = float(np.flatnonzero(counts)[0])
    noisy = counts + rng.laplace(0, 1 / epsilon, (runs, BINS)).round()
    shown = extreme(noisy, part, "laplace", 1 / epsilon, last=False)  # type: ignore[arg-type]
    _, end = end_interval(part, part, noisy, shown, noise[:2_000])  # type: ignore[arg-type]
    passed = np.cumsum(noisy, axis=1)[:, :-1] > limit
    other = np.maximum(np.where(passed.any(axis=1), passed.argmax(axis=1), BINS - 1), shown)
    return [f"MIN, {shape}", f"{epsilon:g}", f"{(end >= least).mean():.1%}", f"{end.mean() - least:.1f}",
            f"{(other >= least).mean():.1%}", f"{other.mean() - least:.1f}"]  # fmt: skip


def of_median(size: int, epsilon: str, runs: int, catalog: Catalog) -> list[str]:
    """Coverage of a median of ages, and how often the value alone is right."""
    plan = make_plan(catalog, "SELECT MEDIAN(age) AS a FROM people")
    spec = estimate(plan, Epsilon.parse(epsilon), Delta(0), unit="person", mechanism="laplace")
    drawn = released(Asked("median", "MEDIAN(age)", "rank"), plan, spec, data(size), runs)
    right = float((drawn.values == drawn.truth).mean())
    width = float((drawn.high - drawn.low).mean())
    return [
        f"median of ages, {size} rows",
        epsilon,
        f"{drawn.coverage:.1%}",
        f"{width:.1f}",
        f"value right {right:.1%}",
        "",
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--out", help="write the result here as well")
    args = parser.parse_args()
    found: list[list[str]] = []
    for epsilon in (0.5, 0.1):
        noise = np.random.default_rng(4).laplace(0, 1 / epsilon, (60_000, BINS)).round()
        limit = limits(noise)
        found += [of_min(shape, epsilon, args.runs, noise, limit) for shape in SHAPES]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "policy.yaml").write_text(POLICY)
        catalog = Catalog(load_policy(Path(folder) / "policy.yaml").policy, {})
        found += [of_median(n, e, args.runs, catalog) for n in (4_000, 1_000, 300) for e in ("0.5", "0.1")]
    print(table(("interval", "ε", "covers", "width", "other rule covers", "width"), found))
    finish({"benchmark": "coverage", "runs": args.runs, "rows": found}, args.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
