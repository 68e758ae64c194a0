"""Bad specs are refused with a clear code before anything is charged; good ones become public, encoded inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from tacit_training_world import World, ask

from tacit import wire
from tacit_service.errors import Refusal
from tacit_service.query.rows import protected_rows
from tacit_service.training.encoding import Encoding, encode, encoding
from tacit_service.training.generator import Stream
from tacit_service.training.layers import network, parameters
from tacit_service.training.spec import Architecture
from tacit_service.training.worker import _SOURCE_ROOTS


def test_the_process_of_a_job_finds_the_two_packages_and_nothing_inside_them() -> None:
    """A root that is a package itself would let its modules stand for installed ones of the same name."""
    for root, package in zip(_SOURCE_ROOTS, ("tacit_service", "tacit"), strict=True):
        assert (Path(root) / package / "__init__.py").is_file()
        assert not (Path(root) / "__init__.py").exists()


PARAMETER, MODEL, LONG = "training_parameter_invalid", "training_model_invalid", "training_too_long"
LABEL, FEATURE = "training_label_invalid", "training_feature_invalid"

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("q above 1", {"sampling_rate": 1.5}, PARAMETER),
    ("everybody in every step", {"sampling_rate": 1.0}, PARAMETER),
    ("q of nobody", {"sampling_rate": 0}, PARAMETER),
    ("less than one unit a step", {"sampling_rate": 0.001, "units": 20}, PARAMETER),
    ("sigma 0", {"noise_multiplier": 0, "epsilon": None}, PARAMETER),
    ("sigma and epsilon", {"noise_multiplier": 1}, "epsilon_invalid"),
    ("neither", {"epsilon": None}, "epsilon_invalid"),
    ("NaN", {"learning_rate": "NaN"}, PARAMETER),
    ("infinite", {"clipping_norm": "Infinity"}, PARAMETER),
    ("overflow", {"clipping_norm": "1e400"}, PARAMETER),
    ("text", {"momentum": "much"}, PARAMETER),
    ("negative", {"weight_decay": -0.1}, PARAMETER),
    ("rows of a unit", {"max_rows": 10**9}, PARAMETER),
    ("half a row", {"max_rows": 1.5}, PARAMETER),
    ("optimizer", {"optimizer": "../../adam"}, PARAMETER),
    ("a billion epochs", {"epochs": 1e9}, LONG),
    ("a billion steps", {"epochs": None, "steps": 10**9}, LONG),
    ("steps and epochs", {"steps": 10}, PARAMETER),
    ("epsilon NaN", {"epsilon": "NaN"}, "epsilon_invalid"),
    ("epsilon 0", {"epsilon": "0"}, "epsilon_invalid"),
    ("epsilon above the dataset's", {"epsilon": "21"}, "epsilon_too_large"),
    ("delta 0", {"delta": "0"}, "delta_invalid"),
    ("delta above the dataset's", {"delta": "0.01"}, "delta_invalid"),
    ("out of reach", {"epsilon": "0.001", "delta": "1e-9", "sampling_rate": 0.5, "epochs": 1000}, PARAMETER),
    ("no such model", {"model": {"type": "resnet"}}, MODEL),
    ("no type", {"model": {}}, MODEL),
    ("BatchNorm", {"model": {"type": "mlp", "normalization": "batch"}}, MODEL),
    ("layers of one's own", {"model": {"type": "mlp", "layers": ["BatchNorm1d"]}}, MODEL),
    ("a pickle", {"model": {"type": "mlp", "checkpoint": "model.pkl"}}, MODEL),
    ("a path", {"model": {"type": "../../etc/passwd"}}, MODEL),
    ("a huge layer", {"model": {"type": "mlp", "hidden": [10**9]}}, MODEL),
    ("layers as text", {"model": {"type": "mlp", "hidden": "32"}}, MODEL),
    ("too many parameters", {"model": {"type": "mlp", "hidden": [1024, 1024, 1024]}}, MODEL),
    ("an average that never ends", {"average": 1}, PARAMETER),
    ("nobody held out", {"holdout": 0}, PARAMETER),
    ("everybody held out", {"holdout": 1}, PARAMETER),
    ("a measurement of nobody", {"metrics_epsilon": "0.1"}, PARAMETER),
    ("a measurement for nothing", {"holdout": 0.2, "metrics_epsilon": "0"}, PARAMETER),
    ("a measurement for NaN", {"holdout": 0.2, "metrics_epsilon": "NaN"}, PARAMETER),
    ("a measurement for it all", {"holdout": 0.2, "metrics_epsilon": "1.5"}, PARAMETER),
    ("people to validate on", {"validation": "SELECT age, score, city, smokes FROM people"}, "rows_expected"),
    ("other columns to validate on", {"validation": "SELECT v AS age FROM (VALUES (1)) AS t(v)"}, FEATURE),
    ("an attack that nobody knows", {"audit": ["bribery"]}, PARAMETER),
    ("an attack twice", {"audit": ["canaries", "canaries"]}, PARAMETER),
    ("membership of nobody public", {"audit": ["membership"]}, PARAMETER),
    ("inversion of no image", {"audit": ["inversion"], "validation": "SELECT age, score, city, smokes FROM panel"}, PARAMETER),
    ("a schedule", {"schedule": "cosine"}, PARAMETER),
    ("a quantile above 1", {"adaptive_clipping": 1.5}, PARAMETER),
    ("a model that nobody registered", {"model": {"type": "registered", "name": "../resnet"}}, MODEL),
    ("a scatternet of no image", {"model": {"type": "scatternet"}}, MODEL),
    ("an image that is none", {"model": {"type": "cnn", "shape": [8, 8]}}, MODEL),
    ("label not selected", {"label": "grade"}, LABEL),
    ("label without categories", {"sql": "SELECT age, note FROM people", "label": "note"}, LABEL),
    ("label without bounds",
     {"sql": "SELECT age, weight FROM people", "label": "weight", "model": {"type": "linear_regression"}}, LABEL),
    ("label is the unit", {"sql": "SELECT age, person_id FROM people", "label": "person_id"}, LABEL),
    ("classes outside its categories",
     {"sql": "SELECT age, city FROM people", "label": "city", "classes": ["north", "moon"]}, LABEL),
    ("one class", {"sql": "SELECT age, city FROM people", "label": "city", "classes": ["north"]}, LABEL),
    ("feature without categories", {"sql": "SELECT note, smokes FROM people"}, FEATURE),
    ("feature without bounds", {"sql": "SELECT weight, smokes FROM people"}, FEATURE),
    ("feature is the unit", {"sql": "SELECT person_id, smokes FROM people"}, FEATURE),
    ("no feature", {"sql": "SELECT smokes FROM people"}, FEATURE),
    ("an aggregate over people", {"sql": "SELECT smokes, COUNT(*) AS n FROM people GROUP BY smokes"}, "rows_expected"),
    ("a release on the way", {"sql": "SELECT age, smokes FROM people WHERE age > (SELECT AVG(age) FROM people)"}, "rows_expected"),
    ("no such column", {"sql": "SELECT ages, smokes FROM people"}, "unknown_column"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "code"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_a_bad_spec_is_refused_before_any_charge(untouched: World, changes: dict[str, Any], code: str) -> None:
    for attempt in (untouched.desk.quote, lambda who, what: untouched.desk.submit(who, what, None)):
        with pytest.raises(Refusal) as caught:
            attempt("ada", ask(**changes))
        assert caught.value.code == code
        assert caught.value.hint or caught.value.position
    assert untouched.spent() == untouched.spent(None) == "0"
    assert untouched.desk.jobs("ada", 10) == []


def encoded(world: World, sql: str, label: str, classes: Any = None) -> Encoding:
    return encoding(protected_rows(world.catalog, sql), label, "classification", classes)


def test_features_are_encoded_from_public_bounds_and_categories(world: World) -> None:
    how = encoded(world, "SELECT age, score, city, smokes FROM people", "smokes")
    assert [(f.name, f.kind, f.nullable) for f in how.features] == [
        ("age", "number", False), ("score", "number", True), ("city", "category", True),
    ]  # fmt: skip
    assert how.inputs == 1 + 2 + 4
    table = pa.table(
        {"_u": [1, 1, 2, 3], "f0": [18.0, 500.0, 54.0, 90.0], "f1": [10.0, None, float("nan"), 0.0],
         "f2": ["west", "mars", None, "north"], "f3": [True, False, None, True]}
    )  # fmt: skip
    rows = encode(table, how, 5, Stream().words(4))
    assert rows.units == 2, "a row without a label is left out, and its unit with it"
    found = {tuple(x): y for x, y in zip(rows.x.tolist(), rows.y.tolist(), strict=True)}
    assert found == {
        (-1, 1, 0, 0, 0, 1, 0): 1,
        (1, 0, 1, 0, 0, 0, 1): 0,  # clamped to its bound; a value outside the categories counts as missing
        (1, -1, 0, 1, 0, 0, 0): 1,
    }


def test_of_a_unit_with_many_rows_some_are_taken_by_chance(world: World) -> None:
    how = encoded(world, "SELECT length, far FROM trips", "far")
    table = pa.table({"_u": ["a"] * 50 + ["b"], "f0": np.arange(51.0), "f1": [True] * 51})
    firsts = set()
    for _ in range(30):
        rows = encode(table, how, 3, Stream().words(51))
        assert np.diff(rows.first).tolist() in ([3, 1], [1, 3])
        firsts.add(rows.x[:, 0].tobytes())
    assert len(firsts) > 20


def test_whole_numbers_with_bounds_are_classes_and_chosen_classes_drop_the_rest(world: World) -> None:
    assert encoded(world, "SELECT age, grade FROM people", "grade").label.categories == [1, 2, 3]
    how = encoded(world, "SELECT age, city FROM people", "city", classes=["west", "north"])
    assert how.outputs == 1
    table = pa.table({"_u": [1, 2, 3], "f0": [20.0, 30.0, 40.0], "f1": ["north", "south", "west"]})
    assert sorted(encode(table, how, 1, Stream().words(3)).y.tolist()) == [0, 1]


def test_a_per_unit_aggregate_and_a_join_are_rows_too(world: World) -> None:
    sql = """SELECT p.age, LEAST(t.trips, 20) AS trips, p.smokes FROM people p
             JOIN (SELECT person_id, COUNT(*) AS trips FROM trips GROUP BY person_id) t ON p.person_id = t.person_id"""
    found = encoded(world, sql, "smokes")
    assert [f.name for f in found.features] == ["age", "trips"]


def test_parameters_are_counted_as_torch_counts_them() -> None:
    from tacit_service.training import dpsgd

    for how, inputs, outputs in (
        (Architecture(type="logistic_regression"), 9, 3),
        (Architecture(type="mlp", hidden=(7, 5)), 9, 1),
        (Architecture(type="cnn", shape=(1, 28, 28), channels=(16, 32), hidden=(32,)), 784, 10),
        (Architecture(type="cnn", shape=(2, 9, 11), channels=(4,), hidden=()), 198, 2),
        (Architecture(type="scatternet", shape=(1, 28, 28)), 784, 10),
    ):
        net = network(how, how.shape or (inputs,), outputs)
        built = dpsgd.Built(net)
        assert sum(p.numel() for p in built.body.parameters()) == parameters(net)
        assert built(torch.zeros(2, inputs)).shape == (2, outputs)
    assert parameters(network(Architecture(type="cnn", channels=(16, 32), hidden=(32,)), (1, 28, 28), 10)) == 26_010


def test_the_request_on_the_wire_takes_the_example() -> None:
    wire.TrainingRequest(dataset="d", sql="SELECT 1", label="x", model={"type": "mlp"}, epsilon="1")
    with pytest.raises(ValueError, match="extra"):
        wire.TrainingRequest.model_validate({**ask().model_dump(), "price": "0"})
