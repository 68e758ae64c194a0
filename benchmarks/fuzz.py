"""Hostile text against a real service: SQL and JSON that hypothesis makes, and the OpenAPI document by Schemathesis.

    python benchmarks/fuzz.py sql --minutes 20
    python benchmarks/fuzz.py json --minutes 20
    python benchmarks/fuzz.py openapi --minutes 20 --schemathesis /path/to/bin/schemathesis   # from an environment of its own
    python benchmarks/fuzz.py openapi --role owner --minutes 20 --schemathesis …

No answer may be a fault of the service (500, 502, 504), take longer than two seconds (asked again alone, the quickest of three
counts; a statement that a parser was killed over is refused at two seconds by design), nor may the service's memory grow by
more than 100 MiB once it is warm. A finding is shrunk, printed with its seed and written to ``--keep``; what was found stands
in tests/attacks/fuzz_seeds.json, which a test replays. Exit status 1 with findings.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from _common import ROOT, finish
from _service import DATASET, Home, family, furnish, memory_mib, owner_key, problem_code, serving
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from soak import TRAINING

from tacit_service.access import Role

SECONDS_MAX = 2.0
CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
          "response_schema_conformance")  # fmt: skip
GROWTH_MIB_MAX = 100.0
ENDS_KEYS = "/keys/.key_id./(rotate|revoke|grants)$"
ROUND = 150  # examples of one seed
WORDS = """SELECT FROM WHERE GROUP BY HAVING ORDER LIMIT OFFSET QUALIFY WITH RECURSIVE AS UNION ALL INTERSECT EXCEPT DISTINCT ON USING JOIN
LEFT RIGHT FULL CROSS LATERAL NATURAL SEMI ANTI ASOF POSITIONAL EXISTS IN ANY NOT AND OR IS NULL LIKE ILIKE BETWEEN CASE WHEN THEN ELSE
END CAST TRY_CAST INTERVAL DATE TIMESTAMP EXTRACT FILTER OVER PARTITION ROWS RANGE PRECEDING FOLLOWING UNBOUNDED CURRENT ROW VALUES UNNEST
STRUCT MAP PIVOT UNPIVOT SAMPLE TABLESAMPLE COLUMNS EXCLUDE REPLACE ROLLUP CUBE GROUPING SETS COLLATE AT TIME ZONE ESCAPE SIMILAR
COUNT SUM AVG MIN MAX MEDIAN STDDEV VARIANCE CORR QUANTILE_CONT HISTOGRAM ARG_MAX FIRST LIST STRING_AGG GREATEST LEAST COALESCE NULLIF IF
abs ln sqrt pow floor round length upper lower substr concat replace regexp_matches strftime date_trunc date_diff date_part range
generate_series read_csv query getenv current_setting pragma_table_info duckdb_tables sleep_ms error random now
patients visits regions patient_id visit_id age sex income region clinic diagnosis cost visited_on __r0 _u rowid
( ) [ ] { } , ; . * + - / % ^ || = <> < > <= >= :: => := -> ->> ? $1 @ # ! ~ & | << >> ' " ` \\ -- /* */""".split()  # noqa: SIM905 - a word list reads as one
VALUES = ["0", "1", "-1", "1e308", "1e-320", "9223372036854775807", "-9223372036854775808", "170141183460469231731687303715884105728",
          "NULL", "TRUE", "''", "'x'", "'%'", "'\\'", "'2024-01-01'", "DATE '9999-12-31'", "INTERVAL '1' year", "'NaN'::DOUBLE",
          "'inf'::DOUBLE",
          ".5", "0x1F", "1_000", "E'\\x00'", "'é\u202e\U0001f600'", "[1, 2]", "{'a': 1}", "$$x$$", "x'00'"]  # fmt: skip


def corpus() -> list[str]:
    """Statements to begin with: the hostile list, the golden files, the documentation."""
    found = [e["sql"] for e in json.loads((ROOT / "tests/attacks/hostile.json").read_text(encoding="utf-8"))]
    for path in sorted((ROOT / "tests/golden").glob("*.sql")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line[:6].upper() in ("SELECT", "WITH A", "WITH V", "WITH T", "FROM V", "FROM P"):
                found.append(line.rstrip(";"))
    docs = (ROOT / "docs/analysts.md").read_text(encoding="utf-8")
    found += re.findall(r"(?ms)^```sql\n(.*?)```", docs)
    return sorted(set(found))


TOKEN = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|[A-Za-z_]\w*|\d+(?:\.\d+)?|\s+|.", re.DOTALL)


@st.composite
def statements(draw: st.DrawFn, known: list[str]) -> str:
    """A statement of the corpus, changed a few times: words dropped, doubled, swapped, spliced, nested, repeated."""
    tokens = TOKEN.findall(draw(st.sampled_from(known)))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, max(len(tokens) - 1, 0)))
        width = draw(st.integers(1, 8))
        kind = draw(st.sampled_from(("drop", "double", "word", "value", "splice", "nest", "repeat", "swap", "text")))
        part = tokens[at : at + width]
        if kind == "drop":
            del tokens[at : at + width]
        elif kind == "double":
            tokens[at:at] = part
        elif kind == "word":
            tokens[at:at] = [" ", draw(st.sampled_from(WORDS)), " "]
        elif kind == "value":
            tokens[at : at + 1] = [draw(st.sampled_from(VALUES))]
        elif kind == "splice":
            other = TOKEN.findall(draw(st.sampled_from(known)))
            start = draw(st.integers(0, max(len(other) - 1, 0)))
            tokens[at : at + width] = other[start : start + draw(st.integers(1, 30))]
        elif kind == "nest":
            call = draw(
                st.sampled_from(("(", "(SELECT ", "abs(", "DATE(", "CASE WHEN ", "NOT ", "-", "coalesce(", "[", "TRY("))
            )
            times = draw(st.sampled_from((1, 2, 5, 20, 60)))
            close = {"(SELECT ": ")", "CASE WHEN ": " THEN 1 END", "NOT ": "", "-": "", "[": "]"}.get(call, ")")
            tokens[at : at + width] = [call * times, *part, close * times]
        elif kind == "repeat":
            tokens[at : at + width] = part * draw(st.sampled_from((3, 10, 100, 700)))
        elif kind == "swap" and tokens:
            other_at = draw(st.integers(0, len(tokens) - 1))
            tokens[at], tokens[other_at] = tokens[other_at], tokens[at]
        else:
            tokens[at:at] = [draw(st.text(max_size=12))]
    return "".join(tokens)[:25_000]


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=40),
    st.sampled_from(["0.1", "1e400", "NaN", "-1", "clinic", "1e-9", "100%", "\ud800", "9" * 400, "٣", "0x1", " 1"]),
)  # fmt: skip
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
FIELDS = ("dataset", "sql", "epsilon", "delta", "accuracy", "max_rows", "max_groups", "max_amount", "fresh", "bias_check",
          "approx_bounds", "of", "nothing")  # fmt: skip
PATHS = ("/v1/queries", "/v1/quotes", "/v1/explain", "/v1/training-jobs", "/v1/training-quotes", "/v1/releases/{}", "/v1/datasets/{}",
         "/v1/budget", "/v1/budget/history", "/v1/releases", "/v1/training-jobs/{}", "/v1/me", "/v1/admin/keys", "/{}")  # fmt: skip


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    """Method, path, headers and body of one request, near what is right or far from it."""
    body: dict[str, Any] = {"dataset": DATASET, "sql": "SELECT COUNT(*) FROM visits", "epsilon": "0.01"}
    for _ in range(draw(st.integers(0, 4))):
        body[draw(st.sampled_from(FIELDS))] = draw(ANYTHING)
    text = json.dumps(draw(st.one_of(st.just(body), ANYTHING)) if draw(st.booleans()) else body)
    raw = text.encode("utf-8", "surrogatepass")
    damage = draw(st.sampled_from(("none", "none", "none", "cut", "bytes", "deep", "twice", "empty")))
    if damage == "cut":
        raw = raw[: draw(st.integers(0, len(raw)))]
    elif damage == "bytes":
        at = draw(st.integers(0, len(raw)))
        raw = raw[:at] + draw(st.binary(max_size=6)) + raw[at:]
    elif damage == "deep":
        raw = b"[" * draw(st.sampled_from((10, 1_000, 60_000)))
    elif damage == "twice":
        raw = raw[:-1] + b"," + raw[1:]
    elif damage == "empty":
        raw = b""
    header = st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=40)
    headers = draw(st.dictionaries(
        st.sampled_from(("Accept", "Content-Type", "Idempotency-Key", "Range", "If-None-Match", "Cookie")), header, max_size=2,
    ))  # fmt: skip
    path = draw(st.sampled_from(PATHS)).format(re.sub(r"[^!-~]", "x", draw(st.text(max_size=30))))
    query = draw(
        st.sampled_from(
            (
                "",
                "",
                "?limit=-1",
                "?dataset=clinic",
                "?dataset=x&dataset=y",
                "?limit=99999999999999999999",
                "?%00=%ff",
                "?before=0",
            )
        )
    )
    return {"method": draw(st.sampled_from(("POST", "POST", "POST", "GET", "PUT", "DELETE", "HEAD"))), "path": path + query,
            "headers": headers, "body": raw}  # fmt: skip


class Finding(AssertionError):
    """An answer that must not be."""


@dataclass
class Target:
    """The service that is asked, and what it answered."""

    home: Home
    pid: int
    key: str
    slow_ms: float = 0.0
    answers: Counter[str] = field(default_factory=Counter)
    doubted: int = 0

    def send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes, float]:
        connection = http.client.HTTPConnection("127.0.0.1", self.home.port, timeout=60)
        start = time.monotonic()
        try:
            sent = {"Content-Type": "application/json", "Authorization": f"Bearer {self.key}", **headers}
            connection.request(
                method, path, body=body, headers={k: v.encode("latin-1", "replace") for k, v in sent.items()}
            )
            answer = connection.getresponse()
            return answer.status, answer.read(), time.monotonic() - start
        finally:
            connection.close()

    def check(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> None:
        """Raise ``Finding`` for a fault or a hang."""
        status, content, took = self.send(method, path, body, headers)
        code = problem_code(content) if status >= 400 else ""
        self.answers[f"{status} {code}".strip()] += 1
        if status >= 500 and code not in ("overloaded", "not_installed"):
            raise Finding(f"{status} {code}")
        if took > SECONDS_MAX and code != "sql_too_complex":
            self.doubted += 1
            took = min(took, *(self.send(method, path, body, headers)[2] for _ in range(3)))
            if took > SECONDS_MAX:
                raise Finding(f"{took:.1f} s")
        self.slow_ms = max(self.slow_ms, 1000 * took)


def hunt(what: str, target: Target, end: float, first_seed: int, keep: Path) -> tuple[int, list[dict[str, Any]]]:
    """Seeds one after another until the time is up."""
    known = corpus()
    found: list[dict[str, Any]] = []
    number = first_seed
    last: dict[str, Any] = {}

    def one_sql(sql: str, path: str) -> None:
        if time.monotonic() < end:
            last.update(sql=sql, path=path)
            body = {"dataset": DATASET, "sql": sql, "epsilon": "0.01", "fresh": True}
            target.check("POST", path, json.dumps(body).encode("utf-8", "surrogatepass"), {})

    def one_json(request: dict[str, Any]) -> None:
        if time.monotonic() < end:
            last.update(request | {"body": request["body"].decode("latin-1")})
            target.check(**request)

    while time.monotonic() < end and len(found) < 20:
        paths = st.sampled_from(("/v1/quotes", "/v1/queries", "/v1/queries", "/v1/explain"))
        test = given(statements(known), paths)(one_sql) if what == "sql" else given(requests())(one_json)
        quiet = settings(max_examples=ROUND, deadline=None, database=None, suppress_health_check=list(HealthCheck),
                         phases=(Phase.generate, Phase.shrink), report_multiple_bugs=False)  # fmt: skip
        try:
            seed(number)(quiet(test))()
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            why = getattr(error, "exceptions", (error,))[
                0
            ]  # one that failed once and not again is told as it was first
            found.append(
                {"seed": number, "error": f"{type(error).__name__}, {type(why).__name__}: {why}"[:300], **last}
            )
            print(json.dumps(found[-1]), flush=True)
            with keep.open("a", encoding="utf-8") as file:
                file.write(json.dumps(found[-1]) + "\n")
        number += 1
    return number, found


def openapi(target: Target, minutes: float, program: str, first_seed: int) -> tuple[int, str]:
    """Schemathesis over the service's own document; its exit status and the end of what it said.

    It asks with ids that it has seen: what ends keys comes last, since its own is among them.
    """
    first, said = _schemathesis(target, 0.9 * minutes, program, first_seed, ["--exclude-path-regex", ENDS_KEYS])
    last, more = _schemathesis(target, 0.1 * minutes, program, first_seed, ["--include-path-regex", ENDS_KEYS])
    return first or last, said + more


def _schemathesis(target: Target, minutes: float, program: str, first_seed: int, more: list[str]) -> tuple[int, str]:
    command = [program, "run", f"http://127.0.0.1:{target.home.port}/v1/openapi.json", "-H", f"Authorization: Bearer {target.key}",
               "--checks", ",".join(CHECKS), "--max-response-time", str(SECONDS_MAX), "--seed", str(first_seed),
               "--continue-on-failure", "--max-examples", "1000000", "--max-time", str(round(60 * minutes)),
               "--suppress-health-check", "all", "--phases", "examples,coverage,fuzzing", *more]  # fmt: skip
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, cwd=target.home.folder)
        try:
            process.wait(60 * minutes + 60)
        except subprocess.TimeoutExpired:
            process.send_signal(2)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        said.seek(0)
        return process.returncode, said.read()[-20_000:]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=("sql", "json", "openapi"))
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--role", choices=(Role.ANALYST, Role.OWNER), default=Role.ANALYST, help="whose key is used")
    parser.add_argument("--keep", type=Path, default=Path("fuzz_findings.jsonl"), help="findings are added here")
    parser.add_argument("--schemathesis", default="schemathesis", help="the program, in an environment of its own")
    parser.add_argument("--out", help="write the result here as well")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = furnish(Path(folder), analysts=2, rows=2_000)
        with serving(home, rate_per_minute="0") as process:
            target = Target(home, process.pid, next(iter(home.keys.values())))
            for sql in corpus():  # warm, and all of it must hold before anything is changed
                body = json.dumps({"dataset": DATASET, "sql": sql, "epsilon": "0.01"}).encode()
                target.check("POST", "/v1/quotes", body, {})
            if args.what != "sql":  # what training loads when it is first asked for is no growth
                target.send("POST", "/v1/training-quotes", json.dumps(TRAINING).encode(), {})
            if args.role == Role.OWNER:
                target.key = owner_key(home)
            before = memory_mib(process.pid)
            begun = time.monotonic()
            said, found = "", []
            if args.what == "openapi":
                last, said = openapi(target, args.minutes, args.schemathesis, args.seed)
                print(said)
            else:
                last, found = hunt(args.what, target, begun + 60 * args.minutes, args.seed, args.keep)
            after, alive = memory_mib(process.pid), len(family(process.pid))
            grown = after["service"] - before["service"]
            died = process.poll() is not None
        log = (home.folder / "service.log").read_text(encoding="utf-8", errors="replace")
    result = {
        "benchmark": f"fuzz {args.what}", "role": args.role, "minutes": round((time.monotonic() - begun) / 60, 1),
        "requests": sum(target.answers.values()),
        "seeds": [args.seed, last], "findings": found, "slowest_ms": round(target.slow_ms), "asked_again": target.doubted,
        "memory_mib": [before, after], "grown_mib": round(grown, 1), "processes": alive, "faults_logged": log.count('"fault"'),
        "answers": dict(target.answers.most_common()), "died": died,
    }  # fmt: skip
    finish(result, args.out)
    return 1 if found or died or grown > GROWTH_MIB_MAX or (args.what == "openapi" and last != 0) else 0


if __name__ == "__main__":
    os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", tempfile.mkdtemp())
    sys.exit(main())
