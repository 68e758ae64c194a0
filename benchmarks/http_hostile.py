# ruff: noqa: E501 - tables of what is sent read as tables
"""A thousand requests that no honest client sends, byte by byte, to a service of its own: each is answered, refused by a problem, or cut.

    python benchmarks/http_hostile.py [--only chunk]

JSON that is nearly JSON, numbers that are none, two lengths, two types, other versions, methods, targets and keys. Told is whatever was
met with a fault (500 and above), with a refusal that is no problem document, without security headers, or not within ``PATIENCE_S``.
What such a run found is kept in tests/api. Exit status 1 with findings.
"""

from __future__ import annotations

import argparse
import json
import re
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from _common import finish
from _service import DATASET, furnish, serving

PATIENCE_S = 15.0  # bodies and heads that do not come are cut after ten
SQL = "SELECT SUM(cost) AS s FROM visits"
OK = json.dumps({"dataset": DATASET, "sql": SQL, "epsilon": "0.01"}).encode()
OPEN = OK[:-1].decode()
CHUNKED = b"Transfer-Encoding: chunked"
Case = tuple[str, bytes]

NUMBERS = """1e400 -1e400 1e-400 -0 -0.0 0.0 1E+2 NaN Infinity -Infinity 0x10 1_0 01 .1 1. +1 1e true false null [] {} "1e400" "NaN" "inf" "-0.1"
"0,1" "1/3" "" "\\u0000" "1e-30" 1e1000000000 "1e1000000000" 1e-1000000000 "0x1p-3" "--1" "1__0" "yes" "on" 2""".split()  # noqa: SIM905
NUMBERS += ["9" * 60, '"' + "9" * 5000 + '"', "1" + "0" * 300, '" 0.1"', '"0.1 "']
FIELDS = (
    "epsilon",
    "delta",
    "max_rows",
    "max_groups",
    "max_amount",
    "accuracy",
    "fresh",
    "bias_check",
    "approx_bounds",
)
TEXTS = ['""', '"\\u0000"', '"clinic\\u0000"', '"\\ud800"', '"\\udfff\\ud800"', '"../clinic"', '"CLINIC"', '"%2e%2e"', "[]", "{}", "1", "true",
         "null", '"\\ufeffclinic"', '"' + "x" * 30_000 + '"', '"\\u202eclinic"', '"\\n"', '"\\u001b[31m"']  # fmt: skip
STATEMENTS = ["SELECT '\\u0000'", "SELECT COUNT(*) \\u0000 FROM visits", "SELECT COUNT(*) AS \\u0022\\u0000\\u0022 FROM visits", "\\ufeffSELECT 1", ";",
              "SELECT\\u00a0COUNT(*)\\u00a0FROM\\u00a0visits", "SELECT COUNT(*) FROM visits;;;;", "--", "/*", "/* /* */", "'", "\\u0022", "$$",
              "SELECT $1", "SELECT ?", "SELECT COUNT(*) FROM visits WHERE cost > 1e400", "SELECT COUNT(*) FROM visits LIMIT -1",
              "SELECT COUNT(*) FROM visits LIMIT 99999999999999999999", "SELECT COUNT(*) FROM visits WHERE cost > 'NaN'::DOUBLE"]  # fmt: skip
HEADERS = """X-HTTP-Method-Override: DELETE|X-Original-URL: /v1/admin/keys|X-Forwarded-For: 127.0.0.1|Range: bytes=0-1|If-Match: *|Expect: x|Host: evil
Upgrade: websocket|Upgrade: h2c|Connection: Authorization|Cookie: a=b|Origin: http://evil|Accept: \xff|Accept: ;;;,,,q=|Accept: */*;q=1e400
Accept-Encoding: gzip;q=nan|Idempotency-Key: \x00|Idempotency-Key: a\x7f|Idempotency-Key: ../../x|Authorization: Bearer x|X-A: a\r\n b|garbage|: x
X-A: a\rX-B: b|X-A: a\x00b|X-\xff: 1|Content-Encoding: gzip|Content-Encoding: x|Content-Type: text/plain|Content-Length: 3|traceparent: x"""
TYPES = [
    "text/json",
    "application/json; charset=utf-16",
    "application/json;",
    "APPLICATION/JSON",
    "application/json, text/plain",
    "\xff",
    "a" * 8000,
]
LENGTHS = ["-1", "+10", "0x10", "99999999999999999999", "1, 2", "", "1 1"]
CODINGS = ["gzip, chunked", "xchunked", "identity", "\x0bchunked", "chunked, chunked"]
BODIES = [
    b"zz\r\nx\r\n",
    b"-1\r\n",
    b"1;" + b"a" * 20_000 + b"\r\nx\r\n0\r\n\r\n",
    b"1\r\n \r\n" * 30_000,
    b"5\nhello\n0\n\n",
    b"f" * 20 + b"\r\n",
]
METHODS = [
    "HEAD",
    "OPTIONS",
    "PUT",
    "PATCH",
    "DELETE",
    "TRACE",
    "CONNECT",
    "PROPFIND",
    "post",
    "A" * 300,
    "G<>T",
    "\x00",
    "",
]
TARGETS = """/v1/releases/../admin/keys|/v1/releases/%2e%2e%2fadmin%2fkeys|/v1/releases/%00|/v1/releases/%ff|/v1/releases/%zz|/v1/releases/a b|//v1/me|/v1//me
/v1/me/|/v1/me#x|/v1/me;x|/V1/ME|/static/../../../etc/passwd|/console/%2e%2e%2f%2e%2e%2fetc%2fpasswd|/v1/problems/%00|/v1/datasets/%2e%2e|*|evil:443
/v1/training-jobs/job_x/artifacts/..%2fmodel|/v1/releases?limit=1e400|/v1/releases?limit=NaN|/v1/releases?limit=-1|/v1/releases?dataset=%00|v1/me
/v1/releases?limit=99999999999999999999999|/v1/releases?dataset=%ed%a0%80|/metrics|/v1/admin/keys|/.git/config|/.env|/docs|/..;/v1/me|\\v1\\me
http://evil/v1/me|file:///etc/passwd|/v1/releases/<script>|/v1/releases/rel_1%0d%0aX:1|/v1/releases/\xe2\x80\xae"""
VERSIONS = ["HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/9.9", "http/1.1", "HTTP/1.1 x", "", "HTTP/1"]
KEYS = [
    "",
    "Bearer",
    "Bearer  {}",
    "Bearer\t{}",
    "{}",
    "Basic {}",
    "Bearer {}x",
    "Bearer {}, Bearer {}",
    "Bearer \xff\xfe",
    "Bearer eyJhbGciOiJub25lIn0.e30.",
]
RAW = [
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01" + b"\x00" * 200,
    b"GET /\r\n\r\n",
    b"GET /v1/me HTTP/1.1\nHost: x\n\n",
    b"\x00" * 500 + b"\r\n\r\n",
]


def request(
    body: bytes = b"", *, method: str = "POST", path: str = "/v1/quotes", kind: str | None = "application/json", length: str | None = None,
    version: str = "HTTP/1.1", more: tuple[bytes, ...] = (), key: str = "",
) -> bytes:  # fmt: skip
    """One request as it is sent."""
    lines = [f"{method} {path} {version}".encode("latin-1"), b"Host: x"]
    lines += [b"Authorization: " + key.encode("latin-1")] if key else []
    lines += [b"Content-Type: " + kind.encode("latin-1")] if kind is not None else []
    if CHUNKED not in more and not any(m.startswith(b"Transfer") for m in more):
        lines.append(b"Content-Length: " + (str(len(body)) if length is None else length).encode())
    return b"\r\n".join([*lines, *more]) + b"\r\n\r\n" + body


def bodies(key: str) -> Iterator[Case]:
    """What stands in a body."""
    for field in FIELDS:
        yield from (
            (f"{field}={n[:20]}", request(f'{OPEN}, "{field}": {n}}}'.encode(), key=key))
            for n in NUMBERS
            if field not in OPEN
        )
    yield from ((f"epsilon={n[:20]}", request(OPEN.replace('"0.01"', n).encode() + b"}", key=key)) for n in NUMBERS)
    for text in TEXTS:
        yield f"dataset={text[:20]}", request(OK.replace(b'"clinic"', text.encode()), key=key)
        yield f"sql={text[:20]}", request(OK.replace(json.dumps(SQL).encode(), text.encode()), key=key)
    for sql in STATEMENTS:
        body = f'{{"dataset": "{DATASET}", "epsilon": "0.01", "sql": "{sql}"}}'.encode()
        yield from (
            (f"{path} {sql[:30]}", request(body, path=path, key=key))
            for path in ("/v1/quotes", "/v1/queries", "/v1/explain")
        )
    odd = [b"[" * 19_000, b'{"a":' * 3_000 + b"1" + b"}" * 3_000, OK + OK, OK + b"x", OK.decode().encode("utf-16"), b'{"sql":"\xc3\x28"}', b"\x00" * 100,
           b'{"sql":"\xed\xa0\x80"}', b'{"sql":"\x01"}', b"", b"null", OK[:-1] + b', "s\\u0071l": "x"}', OK[:-1] + b', "__proto__": {}}']  # fmt: skip
    yield from ((f"body {o[:20]!r}", request(o, key=key)) for o in odd)


def heads(key: str) -> Iterator[Case]:
    """What stands before it."""
    for line in re.split(r"[|\n]", HEADERS):
        for path in ("/v1/quotes", "/v1/queries"):
            yield f"header {line[:30]!r} {path}", request(OK, path=path, more=(line.encode("latin-1"),), key=key)
    yield from ((f"type {t[:30]!r}", request(OK, kind=t, key=key)) for t in TYPES)
    yield from ((f"length {n!r}", request(OK, length=n, key=key)) for n in LENGTHS)
    yield from ((f"coding {c!r}", request(OK, more=(b"Transfer-Encoding: " + c.encode(),), key=key)) for c in CODINGS)
    yield from ((f"chunk {b[:12]!r}", request(b, more=(CHUNKED,), key=key)) for b in BODIES)
    yield (
        "two lengths",
        request(b"0\r\n\r\nGET /v1/me HTTP/1.1\r\nHost: x\r\n\r\n", more=(CHUNKED, b"Content-Length: 9"), key=key),
    )
    yield "head of 200 kB", request(OK, more=(b"X-A: " + b"a" * 200_000,), key=key)
    for method in METHODS:
        for path in ("/v1/queries", "/v1/me", "/healthz", "/nothing", "/"):
            yield f"method {method[:10]!r} {path}", request(method=method, path=path, kind=None, key=key)
    for path in re.split(r"[|\n]", TARGETS):
        yield from ((f"{m} {path[:40]}", request(method=m, path=path, kind=None, key=key)) for m in ("GET", "DELETE"))
    yield from (
        (f"version {v!r}", request(method="GET", path="/v1/me", kind=None, version=v, key=key)) for v in VERSIONS
    )
    for given in KEYS:
        yield (
            f"key {given!r}",
            request(method="GET", path="/v1/me", kind=None, key=given.replace("{}", key.partition(" ")[2])),
        )
    yield from ((f"raw {r[:12]!r}", r) for r in RAW)


def talk(port: int, raw: bytes) -> tuple[bytes, bytes, float]:
    """Head and body of the last answer, and how long it took."""
    begun, got = time.monotonic(), b""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as sock, suppress(OSError):
        with suppress(OSError):  # refused before it was sent to the end
            sock.sendall(raw)
        while chunk := sock.recv(65_536):
            got += chunk
            head, end, body = got.partition(b"\r\n\r\n")
            size = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
            if end and (raw.startswith(b"HEAD") or (size and len(body) >= int(size[1]))):
                break
    head, _, body = got.partition(b"\r\n\r\n")
    return head, body, time.monotonic() - begun


def wrong(raw: bytes, head: bytes, body: bytes, took: float) -> list[str]:
    """What must not be."""
    status = re.match(rb"HTTP/1\.1 (\d+) ", head)
    if status is None:
        return ["no status"]
    found, code = [], int(status[1])
    if code >= 500:
        found.append(f"a fault: {code}")
    if code >= 400 and b"application/problem+json" not in head:
        found.append("no problem document")
    elif code >= 400 and not raw.startswith(b"HEAD"):
        with suppress(ValueError):
            found += [
                f"lacks {name}"
                for name in ("type", "title", "status", "detail", "code")
                if name not in json.loads(body)
            ]
            return [*found, *(["no end"] if took >= PATIENCE_S else [])]
        found.append("not one JSON document")
    if b"x-content-type-options: nosniff" not in head.lower():
        found.append("no security headers")
    return found + (["no end"] if took >= PATIENCE_S else [])


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="cases whose names hold this")
    parser.add_argument("--out", help="write the result here as well")
    args = parser.parse_args()
    findings, statuses, slow = dict[str, list[str]](), Counter[str](), dict[str, float]()
    with tempfile.TemporaryDirectory() as folder:
        home = furnish(Path(folder), analysts=1, rows=500)
        with serving(home, rate_per_minute="0"):
            key = f"Bearer {next(iter(home.keys.values()))}"
            for name, raw in [c for cases in (bodies(key), heads(key)) for c in cases if args.only in c[0]]:
                head, body, took = talk(home.port, raw)
                statuses[head[9:12].decode("latin-1")] += 1
                if took > 2:
                    slow[name] = round(took, 1)
                if found := wrong(raw, head, body, took):
                    findings[name] = found
        log = (home.folder / "service.log").read_text(encoding="utf-8", errors="replace").splitlines()
        faults = [line for line in log if '"fault"' in line]
    finish({"benchmark": "http_hostile", "requests": sum(statuses.values()), "statuses": dict(statuses), "slow_s": slow,
            "faults_logged": faults, "findings": findings}, args.out)  # fmt: skip
    return 1 if findings or faults else 0


if __name__ == "__main__":
    sys.exit(main())
