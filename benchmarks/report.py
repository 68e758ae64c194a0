"""A page with charts from what the benchmarks wrote: one HTML file, no script, nothing loaded from elsewhere.

    python benchmarks/report.py [RESULT.json …] [--out build/report.html]

Without names it takes ``benchmarks/results/*.json``, which the benchmarks write with ``--out``. A chart is drawn for what
has one (visits, groups, peers); every result is also a table of all its figures. "What lost" is worked out from the
figures: each target that was missed, and each query on which a peer was faster or nearer the truth. "Not measured" is
what the report is meant to hold and no result tells.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import math
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
PREPARED_TARGET, UNPREPARED_TARGET, MORE_S = 1.2, 9.0, 0.030
COLOURS = ("#1f5fa8", "#c2571a", "#3f8f4f", "#8a4fa3", "#7a7a7a", "#b03060")
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1b1b1b; background: #fff }
h1, h2, h3 { line-height: 1.2 } h2 { margin-top: 2.5rem } figure { margin: 1rem 0 } figcaption { color: #555 }
table { border-collapse: collapse; font-size: .85rem } th, td { padding: .2rem .6rem; border-bottom: 1px solid #ddd; text-align: left }
td.n { text-align: right; font-variant-numeric: tabular-nums } li.lost { margin: .2rem 0 } svg text { font: 12px system-ui, sans-serif }
details { margin: .5rem 0 1.5rem } summary { cursor: pointer }
"""
Series = dict[str, list[float | None]]


def bars(labels: Sequence[str], series: Series, unit: str, target: float | None = None) -> str:
    """Horizontal bars, one group a label; a logarithmic axis where values span more than two decades."""
    values = [v for row in series.values() for v in row if v is not None and 0 < v < math.inf]
    if not values:
        return "<p>No figures.</p>"
    low, high = min(values), max([*values, target or 0])
    logarithmic = high / low > 100
    start = 10 ** math.floor(math.log10(low)) if logarithmic else 0.0

    def x(value: float) -> float:
        share = (
            math.log(max(value, start) / start) / math.log(high / start)
            if logarithmic and high > start
            else value / high
        )
        return 240 + 480 * max(share, 0.0)

    thick, gap = 13, 10
    block = thick * len(series) + gap
    height = block * len(labels) + 30
    out = [f'<svg viewBox="0 0 820 {height}" role="img" width="100%">']
    for place, label in enumerate(labels):
        top = place * block + 5
        out.append(f'<text x="232" y="{top + block / 2}" text-anchor="end">{escape(label)}</text>')
        for number, row in enumerate(series.values()):
            value, y = row[place], top + number * thick
            if value is None or not math.isfinite(value):
                out.append(
                    f'<text x="244" y="{y + 10}" fill="#888">{"—" if value is None else "no finite figure"}</text>'
                )
                continue
            width = max(x(value) - 240, 1)
            colour = COLOURS[number % len(COLOURS)]
            out.append(f'<rect x="240" y="{y}" width="{width:.1f}" height="{thick - 2}" fill="{colour}"/>')
            out.append(f'<text x="{246 + width:.1f}" y="{y + 10}">{short(value)}</text>')
    if target is not None:
        out.append(
            f'<line x1="{x(target):.1f}" x2="{x(target):.1f}" y1="0" y2="{height - 25}" stroke="#a00" stroke-dasharray="4 3"/>'
            f'<text x="{x(target) + 4:.1f}" y="{height - 12}" fill="#a00">target {short(target)}</text>'
        )
    out.append("</svg>")
    legend = " · ".join(
        f'<span style="color:{COLOURS[i % len(COLOURS)]}">■</span> {escape(name)}' for i, name in enumerate(series)
    )
    axis = ", logarithmic" if logarithmic else ""
    return f"<figure>{''.join(out)}<figcaption>{legend} ({escape(unit)}{axis})</figcaption></figure>"


def short(value: Any) -> str:
    """A figure with three digits."""
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def visits(result: dict[str, Any]) -> str:
    """Ratios to plain DuckDB on the same file."""
    rows: dict[str, dict[str, float]] = result["queries"]
    target = PREPARED_TARGET if result["prepare"] == "true" else UNPREPARED_TARGET
    series: Series = {
        "engine's statements": [r["engine_ratio"] for r in rows.values()],
        "the whole answer": [r["tacit_ratio"] for r in rows.values()],
    }
    return bars(list(rows), series, "times plain DuckDB on the same file", target)


def groups(result: dict[str, Any]) -> str:
    """Seconds of a release of very many groups."""
    cases: dict[str, dict[str, float]] = result["cases"]
    return bars(list(cases), {"seconds": [c["wall_s"] for c in cases.values()]}, "seconds, over HTTP as Arrow")


def peers(result: dict[str, Any]) -> str:
    """Time and error of each system on each query."""
    systems: dict[str, dict[str, Any]] = result["systems"]
    queries = result["queries"]

    def figures(name: str) -> Series:
        return {s: [(found["queries"].get(q) or {}).get(name) for q in queries] for s, found in systems.items()}

    return (
        "<h3>Seconds</h3>" + bars(queries, figures("seconds"), "median seconds")
        + "<h3>Error</h3>" + bars(queries, figures("error"), "root mean square error, as a share of the mean true value")
    )  # fmt: skip


def analysts(result: dict[str, Any]) -> str:
    """Releases a second by the number of service processes."""
    found: dict[str, dict[str, float]] = result["processes"]
    labels = [f"{n} process{'' if n == '1' else 'es'}" for n in found]
    rates: Series = {"releases a second": [one["releases_per_s"] for one in found.values()]}
    return bars(labels, rates, f"{result['analysts']} analysts at once, closed loop, one machine")


CHARTS = {"visits": visits, "groups": groups, "peers": peers, "analysts": analysts}


def lost(result: dict[str, Any]) -> Iterator[str]:
    """Where a target was missed, or somebody else did better."""
    if result["benchmark"] == "visits":
        prepared = result["prepare"] == "true"
        target = PREPARED_TARGET if prepared else UNPREPARED_TARGET
        for query, r in result["queries"].items():
            allowed = target * r["plain_s"] + MORE_S
            if r["tacit_s"] > allowed:
                kind = "prepared" if prepared else "not prepared"
                yield (
                    f"visits, {result['rows']:,} rows, {kind}: {query} takes {r['tacit_s'] * 1e3:.0f} ms, "
                    f"more than {target:g} × plain + 30 ms = {allowed * 1e3:.0f} ms"
                )
    if result["benchmark"] == "analysts" and len(result["processes"]) > 1:
        rates = {n: one["releases_per_s"] for n, one in result["processes"].items()}
        if rates["2"] <= rates["1"]:
            yield f"analysts: two processes answer {short(rates['2'])} releases a second, one {short(rates['1'])}"
    if result["benchmark"] == "start" and result["start"]["healthz_s"] > 1:
        yield f"start: /healthz answers after {result['start']['healthz_s']:.2f} s, target 1"
    if result["benchmark"] == "peers":
        ours = result["systems"]["tacit"]["queries"]
        for system, found in result["systems"].items():
            for query, r in found["queries"].items():
                mine = ours.get(query)
                if (
                    system.startswith("tacit")
                    or not r
                    or not mine
                    or r.get("error") is None
                    or mine.get("error") is None
                ):
                    continue
                for what in ("seconds", "error"):
                    if r[what] < mine[what]:
                        yield f"peers: {system} has less {what} on {query}, {short(r[what])} against {short(mine[what])}"


def missing(results: Sequence[dict[str, Any]]) -> Iterator[str]:
    """What the report is meant to hold and no result here tells."""
    have = {(r["benchmark"], r.get("rows"), r.get("prepare")) for r in results}
    for rows in (1_000_000, 10_000_000, 100_000_000):
        for prepare, name in (("true", "prepared"), ("false", "not prepared")):
            if ("visits", rows, prepare) not in have:
                yield f"visits, {rows:,} rows, {name}"
    kinds = {kind for kind, _, _ in have}
    wanted = {"peers": "side by side with other systems", "groups": "a million groups", "analysts": "64 analysts at once",
              "start": "cold start", "spark": "Spark against its own plain query"}  # fmt: skip
    yield from (text for kind, text in wanted.items() if kind not in kinds)
    for r in results:
        if r["benchmark"] == "peers":
            for name in ("smartnoise", "opendp", "qrlew", "tumult"):
                answered = any("seconds" in q for q in r["systems"].get(name, {"queries": {}})["queries"].values())
                if not answered:
                    yield f"peers: no figure of {name}"


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every figure with its path."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{name} / {key}" if name else str(key))
    elif isinstance(value, list):
        yield name, ", ".join(short(v) if not isinstance(v, dict | list) else json.dumps(v) for v in value)
    else:
        yield name, value


def section(result: dict[str, Any]) -> str:
    """One result: its chart where it has one, all figures, the machine."""
    kind = result["benchmark"]
    of = ", ".join(f"{k} {short(result[k])}" for k in ("rows", "prepare", "engine") if k in result)
    machine = ", ".join(f"{k} {short(v)}" for k, v in result.get("machine", {}).items())
    rows = "".join(
        f'<tr><td>{escape(name)}</td><td class="n">{escape(short(value))}</td></tr>'
        for name, value in leaves({k: v for k, v in result.items() if k not in ("benchmark", "machine")})
    )
    chart = CHARTS[kind](result) if kind in CHARTS else ""
    head = f"<h2>{escape(kind)}{escape(' (' + of + ')') if of else ''}</h2><p>Machine: {escape(machine)}</p>"
    return f"{head}{chart}<details><summary>All figures</summary><table>{rows}</table></details>"


def page(results: Sequence[dict[str, Any]]) -> str:
    """The whole page."""
    missed = [line for result in results for line in lost(result)]
    items = "".join(f'<li class="lost">{escape(line)}</li>' for line in missed) or "<li>Nothing that was measured.</li>"
    absent = "".join(f'<li class="lost">{escape(line)}</li>' for line in missing(results)) or "<li>Nothing.</li>"
    made = dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Tacit, measured</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body><h1>Tacit, measured</h1>'
        f"<p>Made {made} from the results of <code>benchmarks/</code>. Ratios are of things measured side by side in one run; "
        "times in seconds mean little on another machine. A machine with a load above its cores was busy with other work.</p>"
        f"<h2>What lost</h2><ul>{items}</ul><h2>Not measured</h2><ul>{absent}</ul>{''.join(map(section, results))}</body></html>\n"
    )


def main() -> int:
    """Read, draw, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("results", nargs="*", type=Path, help="JSON files that benchmarks wrote")
    parser.add_argument("--out", type=Path, default=Path("build/report.html"))
    choices = parser.parse_args()
    files = choices.results or sorted(RESULTS.glob("*.json"))
    if not files:
        parser.error(f"no results: write some with --out {RESULTS}/NAME.json")
    results = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    choices.out.parent.mkdir(parents=True, exist_ok=True)
    choices.out.write_text(page(results), encoding="utf-8")
    print(choices.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
