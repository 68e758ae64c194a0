"""Some six hundred statements over HTTP, as analysts of BigQuery, Snowflake, PostgreSQL, Spark and SQL Server write them.

    python benchmarks/statements.py                 # all of statements.sql
    python benchmarks/statements.py --first 400     # from a place on; ends after --seconds and says where to go on

Of each answer: the quote is the charge, the columns are those quoted, every number that noise made has an interval. Of each
refusal: the suggestion, where there is one, is quoted.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from _common import finish
from _service import DATASET, furnish, serving

import tacit
from tacit import wire

STATEMENTS = Path(__file__).with_name("statements.sql")


def statements() -> list[tuple[str, str]]:
    """Names and statements in the order of the file."""
    parts = re.split(r"^-- (\w+)$", STATEMENTS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [(n, s.strip().rstrip(";")) for n, s in zip(parts[1::2], parts[2::2], strict=True)]


def faults(quote: wire.Quote, answer: tacit.Release) -> list[str]:
    """What is wrong with an answer that was quoted."""
    found = []
    price, charged = quote.price, answer.receipt.charged
    if (price.epsilon, price.delta) != (charged.epsilon, charged.delta):
        found.append(f"quoted {price.epsilon}, charged {charged.epsilon}")
    if [(c.name, c.kind, c.type) for c in quote.columns] != [(c.name, c.kind, c.type) for c in answer.columns]:
        found.append("the columns are not those quoted")
    for i, column in enumerate(answer.columns):
        numeric = column.kind in ("noisy", "derived") and column.type in ("integer", "number")
        if numeric and any(
            r[i] is not None and ends[i] is None for r, ends in zip(answer.rows, answer.intervals, strict=True)
        ):
            found.append(f"{column.name} has a number without an interval")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=900.0)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--out", help="write the result here as well")
    args = parser.parse_args()
    every, wrong, refused, at = statements(), {}, Counter[str](), args.first
    end = time.monotonic() + args.seconds
    with tempfile.TemporaryDirectory() as folder:
        home = furnish(Path(folder), analysts=1, rows=args.rows)
        with serving(home), tacit.Client(f"http://127.0.0.1:{home.port}", home.keys["analyst_00"], DATASET) as client:
            for name, sql in every[args.first :]:
                if time.monotonic() > end:
                    break
                at += 1
                try:
                    quote = client.quote(sql, epsilon="0.5", fresh=True)
                    found = faults(quote, client.query(sql, epsilon="0.5", fresh=True))
                except tacit.TacitError as error:
                    refused[str(getattr(error, "code", type(error).__name__))] += 1
                    found = _suggested(client, error)
                if found:
                    wrong[name] = found
                    print(f"{name}: {'; '.join(found)}", flush=True)
    asked = at - args.first
    print(f"{asked} asked, {asked - refused.total()} answered, {len(wrong)} with faults; next: {at} of {len(every)}")
    finish({"benchmark": "statements", "asked": asked, "refused": dict(refused), "wrong": wrong}, args.out)
    return 1 if wrong else 0


def _suggested(client: tacit.Client, error: tacit.TacitError) -> list[str]:
    suggestion = getattr(error, "suggestion", None)
    if not suggestion:
        return []
    try:
        client.quote(suggestion, epsilon="0.5")
    except tacit.TacitError as refused:
        return [f"the suggestion is refused: {refused}"]
    return []


if __name__ == "__main__":
    sys.exit(main())
