"""Bugs planted in a copy of the service, one at a time: the tests that stand for each promise must find every one.

    python benchmarks/planted.py            # all; or name some: python benchmarks/planted.py "ties at the threshold pass"

Those of contribution bounds are planted by tests/privacy_e2e/test_planted.py itself, in every test run; here are those of noise, price,
totality, row caps and reuse, each as a change of one line of text. A change whose line is no longer there is a finding too.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from _common import ROOT, finish, table

M, T, C, E = "privacy/mechanisms.py", "privacy/thresholds.py", "privacy/choices.py", "engine/emit.py"
NOISE, MECH = "tests/privacy/test_noise_distribution.py", "tests/privacy/test_mechanisms.py"
ATTACKS = "tests/attacks"
BUGS: list[tuple[str, str, str, str, list[str]]] = [
    ("noise a tenth too narrow", M, "build(m.scale)(rows)", "build(m.scale * 0.9)(rows)", [NOISE]),
    ("continuous noise, rounded", M, "np.array(build(m.scale)(rows), dtype=np.int64)",
     "np.rint(rows + np.random.laplace(0, m.scale, len(rows))).astype(np.int64)", [NOISE]),
    ("one noise for the whole vector", M, "np.array(build(m.scale)(rows), dtype=np.int64)",
     "rows + (int(build(m.scale)(rows[:1])[0]) - int(rows[0]))", [NOISE]),
    ("no noise", M, "np.array(build(m.scale)(rows), dtype=np.int64)", "rows", [NOISE]),
    ("ties at the threshold pass", T, "above = noisy > event.threshold", "above = noisy >= event.threshold", [MECH, NOISE]),
    ("a threshold lower by five", "privacy/scales.py", "        threshold -= step\n    return threshold",
     "        threshold -= step\n    return max(threshold - 5, lowest)", [MECH, NOISE]),
    ("groups of nobody are shown", T, "np.flatnonzero(values > 0)", "np.flatnonzero(values >= 0)", [MECH]),
    ("the best candidate without noise", C, "return int(build_noisy_max(event.scale, event.monotonic)(scores.tolist()))",
     "return int(np.argmax(scores))", [NOISE]),
    ("half the price of a choice", C, "smallest_scale(linf if monotonic else 2 * linf, epsilon, price)",
     "smallest_scale(linf, epsilon, lambda scale: price(scale) / 2)", [MECH]),
    ("scores twice as far apart as is said", "privacy/nearby.py", "    return 4 * max(rank", "    return 2 * max(rank",
     ["tests/privacy/test_choices.py"]),
    ("cells around a choice count some rows twice", "privacy/nearby.py", "relative = np.concatenate([-steps[::-1], steps + 1])",
     "relative = np.concatenate([-steps[::-1], steps])", ["tests/privacy/test_choices.py"]),
    ("the map is not asked again", M, "if not _price_holds(event, s):", "if False:", [MECH]),
    ("no charge is asked for", M, "if not charged.covers(event):", "if False:", [MECH]),
    ("drawn as often as one likes", M, "if made.count(event) >= charged.events.count(event):", "if False:", [MECH]),
    ("scales without noise", M, "if not SCALE_MIN <= event.scale <= SCALE_MAX:", "if False:", [MECH]),
    ("priced by L∞ in the place of L1", M, "scale, spent = solve_laplace(s.l1, epsilon)", "scale, spent = solve_laplace(s.linf, epsilon)",
     [MECH]),
    ("expressions that raise", E, 'return f"TRY({text})"', "return text",
     [f"{ATTACKS}/test_error_oracles.py", f"{ATTACKS}/test_http_oracles.py"]),
    ("a cast that raises", E, 'inner = f"TRY_CAST({inner} AS {e.target})"', 'inner = f"CAST({inner} AS {e.target})"',
     [f"{ATTACKS}/test_error_oracles.py", f"{ATTACKS}/test_http_oracles.py"]),
    ("no row caps", "query/rules/row_cap.py", "    return RowCap(r.columns, r.property, None if by else rows, r, rows, by)", "    return r",
     [f"{ATTACKS}/test_row_caps.py"]),
    ("row caps by the order in which rows lie", "engine/row_caps.py", " ORDER BY {group_order([f'c{c.id}' for c in r.columns])})", ")",
     [f"{ATTACKS}/test_row_caps.py"]),
    ("row caps across units", "engine/row_caps.py", 'of = ", ".join(["_u", *(', 'of = ", ".join(["1", *(', [f"{ATTACKS}/test_row_caps.py"]),
]  # fmt: skip


def planted(copy: Path, file: str, old: str, new: str, tests: list[str]) -> str:
    """``found``, ``missed``, or ``gone`` when the line is not there."""
    path = copy / "service/tacit_service" / file
    text = path.read_text(encoding="utf-8")
    if text.count(old) != 1:
        return "gone"
    path.write_text(text.replace(old, new), encoding="utf-8")
    try:
        environment = {**os.environ, "PYTHONPATH": f"{copy / 'service'}{os.pathsep}{copy / 'client'}"}
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
        ended = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, text=True, timeout=900, check=False
        )
        return {0: "missed", 1: "found"}.get(
            ended.returncode, f"pytest ended with {ended.returncode}: {ended.stdout[-300:]}"
        )
    finally:
        path.write_text(text, encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help="bugs to plant; all by default")
    parser.add_argument("--out", help="write the result here as well")
    args = parser.parse_args()
    outcomes: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for part in ("service", "client", "tests", "docs", "policies", "pyproject.toml"):
            ignore = shutil.ignore_patterns("node_modules", "__pycache__")
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, copy / part, ignore=ignore)
            else:
                shutil.copy(ROOT / part, copy / part)
        for name, file, old, new, tests in BUGS:
            if not args.names or name in args.names:
                outcomes[name] = planted(copy, file, old, new, tests)
                print(f"{outcomes[name]:8} {name}", flush=True)
    print(table(["planted", "outcome"], [[k, v] for k, v in outcomes.items()]))
    finish({"benchmark": "planted", "outcomes": outcomes}, args.out)
    return 0 if set(outcomes.values()) == {"found"} else 1


if __name__ == "__main__":
    sys.exit(main())
