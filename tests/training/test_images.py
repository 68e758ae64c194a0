"""Images as columns: from IDX, NPZ and Parquet to a trained model; what no query may do with them."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import save

from tacit import wire
from tacit_service.engine.duckdb import DuckDBEngine, OwnerReader
from tacit_service.engine.snapshot import build_snapshot
from tacit_service.errors import PolicyError, Refusal
from tacit_service.policy.check import check
from tacit_service.policy.load import Loaded, load_policy, parse_policy
from tacit_service.query.catalog import Catalog
from tacit_service.query.rows import protected_rows, public_rows
from tacit_service.query.split import plan as split_plan
from tacit_service.training.checkpoints import headers
from tacit_service.training.checkpoints import tensors as checkpoint_tensors
from tacit_service.training.encoding import Rows, alike, encode, encoding
from tacit_service.training.generator import Stream
from tacit_service.training.measure import glimpse
from tacit_service.training.plan import fits_checkpoint, plan

Bytes = npt.NDArray[np.uint8]
ROWS = 60
POLICY = """
version: 1
dataset: digits
privacy_unit: {{name: writer, column: digits.{unit}}}
tables:
  digits:
    source: "{source}"
    unit: "{unit}"
    columns:
      image: {{type: image, shape: [16, 16]}}
      label: {{type: integer, categories: [0, 1, 2], nullable: false}}
budget: {{epsilon: 3, delta: 1e-5}}
{more}
"""


def idx(array: Bytes) -> bytes:
    sides = b"".join(int(side).to_bytes(4, "big") for side in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sides + array.tobytes()


@pytest.fixture
def pixels() -> tuple[Bytes, Bytes]:
    rng = np.random.default_rng(5)
    return rng.integers(0, 256, (ROWS, 16, 16), dtype=np.uint8), rng.integers(0, 3, ROWS, dtype=np.uint8)


def declared(folder: Path, source: str, unit: str = "@row", more: str = "") -> Loaded:
    path = folder / "digits.yaml"
    path.write_text(POLICY.format(source=source, unit=unit, more=more), encoding="utf-8")
    return load_policy(path)


def write(folder: Path, kind: str, x: Bytes, y: Bytes) -> tuple[str, str]:
    """(source, unit) of the same images in one of the formats."""
    if kind == "idx":
        (folder / "x-idx3-ubyte.gz").write_bytes(gzip.compress(idx(x)))
        (folder / "y-idx1-ubyte").write_bytes(idx(y))
        return "x-idx3-ubyte.gz#image + y-idx1-ubyte#label", "@row"
    if kind == "npz":
        np.savez(folder / "all.npz", image=x, label=y, writer=np.arange(ROWS) // 3)
        return "all.npz", "writer"
    flat = pa.FixedSizeListArray.from_arrays(pa.array(x.reshape(-1)), 256)
    pq.write_table(pa.table({"image": flat, "label": y, "writer": np.arange(ROWS) // 3}), folder / "all.parquet")
    return "all.parquet", "writer"


@pytest.mark.parametrize("kind", ["idx", "npz", "parquet"])
def test_images_of_three_formats_become_the_same_inputs(tmp_path: Path, pixels: tuple[Bytes, Bytes], kind: str) -> None:
    x, y = pixels
    loaded = declared(tmp_path, *write(tmp_path, kind, x, y))
    report = check(loaded, OwnerReader())
    assert report.ok, str(report)
    assert "training only: 16 × 16 values" in str(report)
    snapshot = build_snapshot(loaded, tmp_path / "data")
    catalog = Catalog(loaded.policy, snapshot.public)
    how = encoding(protected_rows(catalog, "SELECT image, label FROM digits"), "label", "classification", None)
    assert (how.inputs, how.features[0].shape) == (256, [16, 16])
    with DuckDBEngine(snapshot.path) as engine:
        table = engine.run(how.sql, timeout_s=60)
    rows = encode(table, how, 3, Stream().words(table.num_rows))
    assert rows.units == (ROWS if kind == "idx" else ROWS // 3)
    found = sorted((row.tobytes(), label) for row, label in zip(rows.x, rows.y, strict=True))
    wanted = (x.reshape(ROWS, 256) / np.float32(255)).astype(np.float32)
    assert found == sorted((row.tobytes(), int(label)) for row, label in zip(wanted, y, strict=True))


PUBLIC = """
  shown:
    source: shown.npz
    public: true
    columns:
      image: {type: image, shape: [16, 16]}
      label: {type: integer, categories: [0, 1, 2]}
"""


def test_public_images_validate_a_model_and_are_not_shown_by_sql(tmp_path: Path, pixels: tuple[Bytes, Bytes]) -> None:
    x, y = pixels
    np.savez(tmp_path / "shown.npz", image=x[::-1], label=y[::-1])
    source, unit = write(tmp_path, "npz", x, y)
    text = POLICY.format(source=source, unit=unit, more="").replace("budget:", f"{PUBLIC.strip(chr(10))}\nbudget:")
    (tmp_path / "digits.yaml").write_text(text, encoding="utf-8")
    loaded = load_policy(tmp_path / "digits.yaml")
    report = check(loaded, OwnerReader())
    assert report.ok
    assert "shown (public): anything, exact and free: label\n" in str(report)
    snapshot = build_snapshot(loaded, tmp_path / "data")
    assert snapshot.public["shown"].column("image").null_count == ROWS  # no image where SQL is answered
    catalog = Catalog(loaded.policy, snapshot.public)
    how = encoding(protected_rows(catalog, "SELECT image, label FROM digits"), "label", "classification", None)
    public = alike(public_rows(catalog, "SELECT label, image FROM shown"), how)
    with DuckDBEngine(snapshot.path) as engine:
        rows = encode(engine.run(public.sql, timeout_s=60), how, ROWS, Stream().words(ROWS))
    assert sorted(map(bytes, np.round(rows.x * 255).astype(np.uint8))) == sorted(map(bytes, x.reshape(ROWS, 256)))
    everything = split_plan(catalog, "SELECT * FROM shown")
    assert [c.name for c in everything.columns] == ["label"]
    for sql in ("SELECT image FROM shown", "SELECT LEN(image) FROM shown", "SELECT s.image FROM shown s ORDER BY 1",
                "SELECT COUNT(*) FROM digits WHERE image IN (SELECT image FROM shown)"):  # fmt: skip
        with pytest.raises(Refusal):
            split_plan(catalog, sql)
    keyed = split_plan(
        catalog, "SELECT s.label, COUNT(d.label) FROM shown s LEFT JOIN digits d ON d.label = s.label GROUP BY 1"
    )
    assert len(keyed.releases) == 1


def test_an_image_of_another_length_is_missing_and_reads_as_black(tmp_path: Path) -> None:
    lists = [[7] * 256, [7] * 255, None, [7] * 255 + [300]]
    pq.write_table(
        pa.table({"image": pa.array(lists, pa.list_(pa.int16())), "label": [0, 1, 2, 0]}), tmp_path / "a.parquet"
    )
    loaded = declared(tmp_path, "a.parquet")
    snapshot = build_snapshot(loaded, tmp_path / "data")
    how = encoding(
        protected_rows(Catalog(loaded.policy, snapshot.public), "SELECT image, label FROM digits"),
        "label", "classification", None,
    )  # fmt: skip
    with DuckDBEngine(snapshot.path) as engine:
        table = engine.run(how.sql, timeout_s=60)
    rows = encode(table, how, 1, Stream().words(4))
    sums = np.round(rows.x.sum(axis=1) * 255).astype(int)
    assert sorted(sums.tolist()) == [0, 0, 7 * 255, 7 * 256]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT image, label FROM digits GROUP BY image, label",
        "SELECT DISTINCT image FROM digits",
        "SELECT image = image AS same, label FROM digits",
        "SELECT label FROM digits WHERE image IS NULL",
        "SELECT MAX(image) AS m FROM digits",
        "SELECT COUNT(DISTINCT image) AS n FROM digits",
        "SELECT COALESCE(image, image) AS i, label FROM digits",
    ],
)
def test_no_expression_reads_an_image(tmp_path: Path, pixels: tuple[Bytes, Bytes], sql: str) -> None:
    loaded = declared(tmp_path, *write(tmp_path, "npz", *pixels))
    with pytest.raises(Refusal) as caught:
        protected_rows(Catalog(loaded.policy, {}), sql)
    assert caught.value.code == "type_mismatch"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x-idx1-ubyte", b"not an array"),
        ("x-idx1-ubyte", bytes([0, 0, 8, 1, 0, 0, 0, 9, 1, 2])),
        ("x-idx1-ubyte", bytes([0, 0, 8, 1, 255, 255, 255, 255])),
        ("x.npz", b"PK no zip"),
    ],
)
def test_a_file_that_is_no_array_is_refused_to_its_owner(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    source = f"{name}#label" if name.endswith("ubyte") else name
    with pytest.raises(PolicyError) as caught:
        build_snapshot(declared(tmp_path, source), tmp_path / "data")
    assert caught.value.code == "source_unreadable"


def test_a_pickle_inside_an_npz_is_not_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", image=np.array([{"a": 1}], dtype=object), label=np.array([1]))
    with pytest.raises(PolicyError) as caught:
        build_snapshot(declared(tmp_path, "a.npz"), tmp_path / "data")
    assert caught.value.code == "source_unreadable"


REGISTERED = """
models:
  small:
    layers:
      - {type: conv, size: 4, kernel: 3, name: first}
      - {type: group_norm, size: 2}
      - {type: relu}
"""


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("{type: batch_norm, size: 4}", "batch statistics mix people"),
        ("{type: BatchNorm2d}", "batch statistics mix people"),
        ("{type: conv, size: 4}", "needs 'kernel'"),
        ("{type: relu, size: 4}", "has no 'size'"),
        ("{type: linear, size: 4, name: first}", "two layers are called 'first'"),
        ("{type: linear, size: 100000}", "less than or equal to 4096"),
    ],
)
def test_layers_that_cannot_be_are_refused_with_their_line(broken: str, said: str) -> None:
    text = POLICY.format(source="a.npz", unit="@row", more=REGISTERED + f"      - {broken}")
    with pytest.raises(PolicyError, match=said):
        parse_policy(text)
    assert parse_policy(text.replace(f"      - {broken}", "")).models["small"].layers[0].kernel == 3


def ask(model: dict[str, object]) -> wire.TrainingRequest:
    return wire.TrainingRequest.model_validate(
        {"dataset": "digits", "sql": "SELECT image, label FROM digits", "label": "label", "model": model,
         "noise_multiplier": 2, "units": 60, "sampling_rate": 0.2, "epochs": 2}
    )  # fmt: skip


def test_a_checkpoint_is_read_only_if_it_is_the_one_declared_and_its_layers(tmp_path: Path) -> None:
    """Before any charge: a wrong digest, a pickle, and tensors of other layers are told to the owner or the analyst."""
    first = {"first.weight": np.ones((4, 1, 3, 3), np.float32), "first.bias": np.ones(4, np.float32)}
    norm = {"1.weight": np.ones(4, np.float32), "1.bias": np.zeros(4, np.float32)}
    for tensors, fits in (
        ({**first, **norm}, True),
        (first, False),
        ({**norm, **first, "first.bias": norm["1.bias"][:3]}, False),
    ):
        content = save(tensors)
        (tmp_path / "small.safetensors").write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        more = REGISTERED + f"    checkpoint: {{file: small.safetensors, sha256: {digest}}}"
        loaded = declared(tmp_path, "a.npz", more=more)
        planned = plan(
            loaded.policy, Catalog(loaded.policy, {}), ask({"type": "registered", "name": "small", "train": "last"})
        )
        assert planned.run.architecture.checkpoint == digest
        if fits:
            fits_checkpoint(planned, headers(loaded))
            found = checkpoint_tensors(loaded, planned.run.architecture)
            assert found is not None
            assert set(found) == set(tensors)
        else:
            with pytest.raises(Refusal, match="not of these layers"):
                fits_checkpoint(planned, headers(loaded))
    for content, said in ((b"other", "SHA-256"), (b"\x80\x04K\x01.", "no safetensors file")):
        (tmp_path / "small.safetensors").write_bytes(content)
        sha = hashlib.sha256(content).hexdigest() if said != "SHA-256" else digest
        loaded = declared(tmp_path, "a.npz", more=more.replace(digest, sha))
        with pytest.raises(PolicyError, match=said):
            headers(loaded)
        checked = [line.level for line in check(loaded, OwnerReader()).lines if line.table == "models.small"]
        assert checked == ["error" if said == "SHA-256" else "ok"]


def test_image_models_take_the_columns_shape_and_a_plan_pins_the_registered_layers(tmp_path: Path) -> None:
    loaded = declared(tmp_path, "a.npz", more=REGISTERED)
    catalog = Catalog(loaded.policy, {})
    for kind in ("cnn", "scatternet", "mlp", "logistic_regression"):
        planned = plan(loaded.policy, catalog, ask({"type": kind}))
        assert planned.run.architecture.shape == ((1, 16, 16) if kind in ("cnn", "scatternet") else ())
    planned = plan(loaded.policy, catalog, ask({"type": "registered", "name": "small"}))
    assert [layer.type for layer in planned.run.architecture.layers] == ["conv", "group_norm", "relu"]
    for bad in ({"type": "registered", "name": "small", "train": "last"}, {"type": "cnn", "shape": [28, 28]}):
        with pytest.raises(Refusal) as caught:
            plan(loaded.policy, catalog, ask(bad))
        assert caught.value.code == "training_model_invalid"


def test_a_curve_is_measured_on_a_part_of_many_public_rows() -> None:
    many = Rows(np.arange(5_000, dtype=np.float32).reshape(-1, 1), np.arange(5_000), np.arange(5_001))
    part = glimpse(many)
    assert (part.units, part.y[0], part.y[-1]) == (2_000, 0, 4_999)
    assert (part.x[:, 0] == part.y).all()
    assert len(set(part.y)) == 2_000
    few = Rows(many.x[:30], many.y[:30], np.arange(31))
    assert glimpse(few) is few
