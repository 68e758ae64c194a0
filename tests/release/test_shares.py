"""How one price is split: exactly, by public facts, and so that the widest relative interval is narrowest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tacit_service.demo_data import clinic_policy
from tacit_service.errors import RequestError
from tacit_service.policy.load import load_policy
from tacit_service.privacy.units import Delta, Epsilon
from tacit_service.query.bind import Caps
from tacit_service.query.catalog import Catalog
from tacit_service.query.plan import Plan
from tacit_service.query.split import plan
from tacit_service.release.accuracy import parse_accuracy
from tacit_service.release.estimate import Estimate, estimate
from tacit_service.release.intervals import half_width
from tacit_service.release.shares import Sizes, minimax, shares

FREE = Delta(0)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    file: Path = tmp_path_factory.mktemp("policy") / "policy.yaml"
    file.write_text(clinic_policy("3", "1e-6"))
    return Catalog(load_policy(file).policy, {})


def priced(planned: Plan, epsilon: str, delta: Delta = FREE, **more: object) -> Estimate:
    weights = shares(planned, {p.name: 8 if p.keys else 1 for p in planned.releases}, Sizes())
    return estimate(planned, Epsilon.parse(epsilon), delta, unit="patient", weights=weights, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("widths", "expected"),
    [
        ([[1.0, 0.0], [0.0, 8.0]], [1 / 9, 8 / 9]),
        ([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [1 / 2, 1 / 2]),
        ([[1.0, 1.0]], [1 / 2, 1 / 2]),
    ],
    ids=["as wide as the groups are small", "two outputs of one measurement", "one output of two"],
)
def test_the_widest_relative_interval_is_as_narrow_as_can_be(widths: list[list[float]], expected: list[float]) -> None:
    assert minimax(np.array(widths), 1 / 3) == pytest.approx(expected, abs=0.01)


def test_a_total_beside_its_parts_takes_little(catalog: Catalog) -> None:
    both = plan(catalog, "SELECT COUNT(*) FROM patients UNION ALL SELECT COUNT(*) FROM patients GROUP BY region")
    total, parts = (v.measurement.epsilon for v in priced(both, "0.9").vectors)
    assert float(parts) / float(total) == pytest.approx(8, rel=0.1)
    assert total + parts == Epsilon.parse("0.9")


@pytest.mark.parametrize("epsilon", ["0.1", "0.07", "0.000000000011", "1"])
def test_shares_add_up_to_the_price_exactly(epsilon: str, catalog: Catalog) -> None:
    whole = plan(catalog, "SELECT AVG(cost), COUNT(*), STDDEV(cost), SUM(cost), COUNT(DISTINCT patient_id) FROM visits")
    weights = shares(whole, {}, Sizes())
    parts = Epsilon.parse(epsilon).split(weights)
    assert sum(p.units for p in parts) == Epsilon.parse(epsilon).units
    assert len(parts) == len(weights)


def test_count_sum_and_average_of_the_same_rows_are_one_measurement(catalog: Catalog) -> None:
    three = priced(plan(catalog, "SELECT COUNT(*), SUM(age), AVG(age) FROM patients"), "0.5")
    assert len(three.vectors) == 1
    assert three.epsilon == Epsilon.parse("0.5")
    again = plan(catalog, "WITH r AS (SELECT AVG(age) AS a FROM patients) SELECT r.a, s.a FROM r, r AS s")
    assert len(priced(again, "0.5").vectors) == 1


def test_a_sum_beside_an_average_is_as_good_as_alone(catalog: Catalog) -> None:
    alone, beside = (plan(catalog, f"SELECT SUM(age){more} FROM patients") for more in ("", ", AVG(age)"))
    widths = [half_width(p.releases[0], p.releases[0].outputs[0], priced(p, "0.5")) for p in (alone, beside)]
    assert widths[1] == pytest.approx(widths[0], rel=0.01)


def test_many_numbers_at_once_are_one_gaussian_vector_where_that_is_narrower(catalog: Catalog) -> None:
    filters = ", ".join(f"COUNT(*) FILTER (WHERE age > {a})" for a in range(5, 95, 5))
    many = plan(catalog, f"SELECT {filters} FROM patients")
    drawn = priced(many, "1", Delta.parse("1e-6"), spare_delta=True)
    assert [v.measurement.kind for v in drawn.vectors] == ["gaussian"]
    apart = priced(many, "1")
    point = many.releases[0]
    assert all(half_width(point, o, drawn) < half_width(point, o, apart) for o in point.outputs)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("text", "width", "share", "release"),
    [
        ("50", 50, False, None),
        ("±50 at 95 %", 50, False, None),
        ("5 %", 0.05, True, None),
        ("±2.5% of rel_0a", 0.025, True, "rel_0a"),
    ],
)
def test_accuracy_is_a_width_or_a_share(text: str, width: float, share: bool, release: str | None) -> None:
    target = parse_accuracy(text)
    assert (target.width, target.share, target.release) == (pytest.approx(width), share, release)


@pytest.mark.parametrize("text", ["0", "-5", "nan", "5 % of", "five", "1e400", "5 of rel_1"])
def test_what_is_no_accuracy_is_refused(text: str) -> None:
    with pytest.raises(RequestError, match="accuracy"):
        parse_accuracy(text)


def test_bounds_are_searched_only_when_asked_for(catalog: Catalog) -> None:
    sql = "SELECT SUM(visit_id) FROM visits"
    with pytest.raises(Exception, match="bounds"):
        plan(catalog, sql)
    found = plan(catalog, sql, Caps(approx_bounds=True))
    assert [p.finds_bounds for p in found.releases] == [True, False]
    spent = priced(found, "0.1")
    assert spent.vectors[0].measurement.epsilon == Epsilon.parse("0.01")
    assert spent.epsilon == Epsilon.parse("0.1")


def test_the_count_that_keys_pass_by_is_not_starved(catalog: Catalog) -> None:
    by_key = plan(catalog, "SELECT diagnosis, COUNT(*), AVG(cost) FROM visits GROUP BY diagnosis")
    vectors = priced(by_key, "1", Delta.parse("1e-9")).vectors
    gate = next(v for v in vectors if v.threshold)
    assert gate.measurement.epsilon >= Epsilon.parse("0.33")  # an equal part of three


def test_a_count_beside_an_average_and_a_median_of_many_rows_is_not_starved(catalog: Catalog) -> None:
    """Their noise is made for thirty rows a patient, the count's for one: a small part of the price makes it exact enough."""
    joined = "SELECT COUNT(DISTINCT p.patient_id) AS n, AVG(v.cost), MEDIAN(p.age) FROM patients p JOIN visits v USING (patient_id)"
    statement = plan(catalog, joined)
    (point,) = statement.releases
    count = point.outputs[0]
    assert half_width(point, count, priced(statement, "1")) < 60  # type: ignore[operator]
    assert min(shares(statement, {}, Sizes())) > 1000 / (5 * 3) - 2


def test_bounds_are_found_just_before_they_are_used(tmp_path: Path) -> None:
    """The stage that finds them may itself read a number that an earlier stage releases."""
    file = tmp_path / "policy.yaml"
    file.write_text(clinic_policy("3", "1e-6").replace("bounds: [0, 5000], ", ""))
    unbounded = Catalog(load_policy(file).policy, {})
    sql = "SELECT AVG(cost) FROM visits WHERE visit_id > (SELECT COUNT(*) FROM patients)"
    staged = plan(unbounded, sql, Caps(approx_bounds=True))
    assert [p.finds_bounds for p in staged.releases] == [False, True, False]
    finder, answer = (v.measurement.epsilon for v in priced(staged, "1").vectors[1:])
    assert finder < answer


@pytest.mark.parametrize("epsilon", ["0.1", "0.01"])
def test_spreads_of_many_rows_a_unit_are_answered(epsilon: str, catalog: Catalog) -> None:
    """Squares are summed on coarser steps there, so that the noise's scale stays within its range."""
    two = "SELECT STDDEV(cost), STDDEV(income) FROM patients JOIN visits USING (patient_id)"
    assert priced(plan(catalog, two, Caps(max_rows=1_000)), epsilon).epsilon == Epsilon.parse(epsilon)


def test_a_count_of_some_rows_beside_all_is_paid_once(catalog: Catalog) -> None:
    share = priced(plan(catalog, "SELECT COUNT_IF(age > 50) / COUNT(*) FROM patients"), "0.1")
    (vector,) = share.vectors
    assert len(vector.parts) == 2
    assert share.epsilon == Epsilon.parse("0.1")
    assert vector.measurement.sensitivity.l1 == 1
