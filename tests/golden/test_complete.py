"""Nothing is left out: each row of the derivation table, each aggregate and each refusal code has a golden case."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import harness

from tacit_service.query.rules.aggregate import ONE_ARGUMENT, PICKS, TWO_ARGUMENTS
from tacit_service.query.split import plan

HERE = Path(__file__).parent
CASES = [c for path in sorted(HERE.glob("*.sql")) for c in harness.cases(path)]
REFUSED = [c for c in CASES if c.expected.startswith("-- refused")]
SERVICE = Path(harness.__file__).resolve().parents[2] / "service" / "tacit_service" / "query"

# rows of the table (privacy model, section 2), as the plan or the refusal shows them
ROWS = {
    "row-wise project and filter": r"filter .*\[protected",
    "join with a public relation": r"join on .*\[protected\](?!, same)",
    "join of two protected on the unit": r"same unit on both sides",
    "join of two protected without it": r"refused join_without_unit",
    "outer join": r"(left|right|full) join .*same unit",
    "semi join": r"semi join",
    "anti join": r"anti join",
    "UNION ALL": r"union all \[protected\]",
    "set operation on the unit": r"(intersect|except|union)( all)? \[protected",
    "set operation without the unit": r"refused set_operation_without_unit",
    "per-unit aggregate": r"aggregate of each unit's own rows",
    "window of the unit": r"over the unit's own rows|row_number\(\) OVER \(PARTITION BY _u",
    "other windows": r"refused window_not_per_unit",
    "order-dependent": r"refused order_dependent",
    "DISTINCT with the unit": r"distinct, with the unit",
    "DISTINCT without the unit": r"refused distinct_without_unit",
    "EXISTS of the unit's rows": r"EXISTS \(of the unit's own rows\)",
    "EXISTS over public rows": r"EXISTS \(public\)",
    "scalar subquery": r"\(subquery\)|SELECT c\d+ FROM \(SELECT",
    "release point": r"release __r0",
    "public keys": r"public keys",
    "unknown keys": r"unknown keys",
    "a release inside a protected query": r"stage: p0 is",
    "above release points": r"post-processing, free: SELECT .* FROM \(SELECT",
    "public only": r"public tables, read exactly",
    "VALUES": r"constant rows",
    "LATERAL": r"LATERAL \(",
}
AGGREGATES = {
    *ONE_ARGUMENT.values(), *TWO_ARGUMENTS.values(), *PICKS.values(), "quantile_cont", "quantile_disc", "histogram",
    "regr_count", "regr_r2", "regr_avgx", "regr_sxy", "sum(distinct", "count(distinct", "count(*)", "filter (", "grouping(",
    "within group",
} - {"count_if", "bool_and", "bool_or", "stddev_samp", "var_samp"} | {
    "count_if(", "bool_and(", "bool_or(", "stddev(", "variance(",
}  # fmt: skip


def code_of(case: harness.Case) -> str:
    return case.expected.split()[2].rstrip(":")


@pytest.mark.parametrize("row", ROWS)
def test_each_row_of_the_derivation_table_has_a_case(row: str) -> None:
    assert any(re.search(ROWS[row], c.expected) for c in CASES)


@pytest.mark.parametrize("name", sorted(AGGREGATES))
def test_each_aggregate_has_a_case(name: str) -> None:
    assert any(name.lower() in c.sql.lower() for c in CASES)


def test_each_refusal_of_a_query_has_a_case() -> None:
    """Every code that the query rooms can raise, found in their source."""
    text = "\n".join(p.read_text() for p in SERVICE.rglob("*.py"))
    raised = set(re.findall(r"(?:SqlSyntaxError|BindError|DerivationError)\(\s*\"([a-z_]+)\"", text))
    raised |= {"unit_in_output", "row_level_output"}
    assert len(raised) >= 30
    assert raised - {code_of(c) for c in REFUSED} == ELSEWHERE


# too large for a golden file, or decided by more than the text: each has a test where it is named
ELSEWHERE = {"sql_too_large", "sql_too_deep", "options_invalid", "rows_expected"}


@pytest.mark.parametrize("case", REFUSED, ids=lambda c: c.name)
def test_a_refusal_offers_a_statement_that_passes(case: harness.Case) -> None:
    cat = harness.catalog()
    refusal = harness.refused(cat, case.sql)
    assert refusal is not None
    offered = harness.offered(cat, case.sql, refusal)
    assert offered
    assert harness.refused(cat, offered) is None


def test_re_draws_keep_the_order_by_which_distinct_on_picks_rows() -> None:
    rows = "SELECT sex, region, COUNT(*) AS n FROM patients GROUP BY sex, region"
    picked = f"SELECT DISTINCT ON (sex) sex, region, n FROM ({rows}) t ORDER BY sex, n DESC"
    assert "ORDER BY" in plan(harness.catalog(), picked).unordered_sql
    assert "ORDER BY" not in plan(harness.catalog(), picked.replace("DISTINCT ON (sex)", "")).unordered_sql
