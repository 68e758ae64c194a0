"""From protected rows to arrays: which columns, scaled how. Decided by public facts alone, before anything is charged.

Each row's encoding is a function of that row and public facts, so a row stays its unit's own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import JsonValue

from tacit.wire import Cell, FeatureInfo
from tacit_service.engine.emit import relation as emit
from tacit_service.errors import RequestError
from tacit_service.query.bounds import Facts, Type
from tacit_service.query.plan import Column, Relation

CATEGORIES_MAX: Final = 1_000
CLASSES_MAX: Final = 1_000
INPUTS_MAX: Final = 200_000
_ORDINAL: Final = {
    Type.DATE: "CAST(date_diff('day', DATE '1970-01-01', {0}) AS DOUBLE)",
    Type.TIMESTAMP: "CAST(epoch_us({0}) AS DOUBLE)",
}

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Encoding:
    """The inputs and the label of a model, and the SQL that reads them."""

    features: tuple[FeatureInfo, ...]
    label: FeatureInfo
    task: str
    sql: str
    rows: str

    @property
    def inputs(self) -> int:
        """Numbers that one row becomes."""
        return sum(width(feature) for feature in self.features)

    @property
    def outputs(self) -> int:
        """Outputs of the model: one for two classes or a number, else one a class."""
        classes = len(self.label.categories)
        return classes if self.task == "classification" and classes > 2 else 1


def width(feature: FeatureInfo) -> int:
    """Inputs of one feature."""
    if feature.kind == "image":
        return math.prod(feature.shape)
    return (len(feature.categories) if feature.kind == "category" else 1) + int(feature.nullable)


def encoding(relation: Relation, label: str, task: str, classes: list[Cell] | None) -> Encoding:
    """The encoding of a protected relation; ``RequestError`` names the column that has no public range."""
    names = [c.name.lower() for c in relation.columns]
    wanted = label.lower()
    if names.count(wanted) != 1:
        raise _label(f"The SELECT has {'several columns' if wanted in names else 'no column'} of the label's name.",
                     f"Its columns are {', '.join(c.name for c in relation.columns)[:500]}.")  # fmt: skip
    if len(set(names)) != len(names):
        raise _feature("Two columns of the SELECT have the same name.", "Name each with AS.")
    target = relation.columns[names.index(wanted)]
    columns = [c for c in relation.columns if c is not target]
    if not columns:
        raise _feature("The SELECT has no column beside the label.", "Name at least one feature.")
    features = tuple(_feature_of(c) for c in columns)
    found = Encoding(
        features, _label_of(target, task, classes), task, _sql(relation, [*columns, target]), emit(relation)
    )
    if found.inputs > INPUTS_MAX:
        raise _feature(f"The features make {found.inputs} inputs; {INPUTS_MAX} are the most.", "Select fewer columns.")
    return found


def alike(relation: Relation, how: Encoding) -> Encoding:
    """How a public relation is read to measure a model on: the training's columns by name, encoded as those are."""
    by_name = {column.name.lower(): column for column in relation.columns}
    columns = []
    for info in (*how.features, how.label):
        column = by_name.get(info.name.lower())
        if column is None:
            raise _feature(f"The validation rows have no column {info.name}.", "Select the same columns as to train.")
        kind = column.facts.type
        number = info.kind == "number" and info.type in ("integer", "number") and kind.numeric
        if not number and (
            kind.value != info.type or (info.kind == "image" and _feature_of(column).shape != info.shape)
        ):
            raise _feature(f"{info.name} of the validation rows is no {info.type}.", "Select columns of the same type.")
        columns.append(column)
    return Encoding(how.features, how.label, how.task, _sql(relation, columns, unit="0 AS _u"), emit(relation))


def _feature_of(column: Column) -> FeatureInfo:
    facts = column.facts
    if facts.unit:
        raise _feature(f"{column.name} is the privacy unit's id.", "Leave it out: a model must not learn who is who.")
    if facts.type is Type.IMAGE:
        return FeatureInfo(name=column.name, kind="image", type="image", shape=list(facts.shape))
    known = _category(column, CATEGORIES_MAX) or _number(column)
    if known is None:
        raise _feature(
            f"{column.name} has no declared {'categories' if facts.type in (Type.STRING, Type.NULL) else 'bounds'}.",
            "Select columns whose policy declares bounds or categories, or use CASE or an IN filter to fix them.",
        )
    return known


def _label_of(column: Column, task: str, classes: list[Cell] | None) -> FeatureInfo:
    if column.facts.unit:
        raise _label("The label is the privacy unit's id.", "Predict something else.")
    if task == "regression":
        if classes is not None:
            raise _label("A regression has no classes.", "Leave classes out.")
        number = _number(column)
        if number is None or number.low >= number.high:
            raise _label(f"{column.name} has no declared bounds.", "A regression needs a label with bounds.")
        return number.model_copy(update={"nullable": False})
    info = _category(column, CLASSES_MAX) or _whole_numbers(column)
    if info is None:
        raise _label(f"{column.name} has no declared categories.", "Classify a label with categories, or a condition.")
    values = list(info.categories)
    if classes is not None:
        outside = [value for value in classes if not any(_same(value, v) for v in values)]
        if outside or len(classes) < 2 or len(set(map(repr, classes))) != len(classes):
            raise _label(
                f"classes are not two or more different categories of {column.name}.",
                f"Its categories are {', '.join(map(str, values))[:500]}.",
            )
        values = list(classes)
    if len(values) < 2:
        raise _label(f"{column.name} has only one category.", "There is nothing to learn.")
    return info.model_copy(update={"categories": values, "nullable": False})


def _same(a: Cell, b: Cell) -> bool:
    return type(a) is type(b) and a == b


def _category(column: Column, most: int) -> FeatureInfo | None:
    facts = column.facts
    if facts.domain is None or facts.type not in (Type.STRING, Type.BOOLEAN, Type.INTEGER):
        return None
    if not 1 <= len(facts.domain) <= most:
        return None
    return FeatureInfo(
        name=column.name, kind="category", type=facts.type.value, categories=list(facts.domain), nullable=facts.nullable
    )


def _whole_numbers(column: Column) -> FeatureInfo | None:
    facts = column.facts
    if facts.type is not Type.INTEGER or not facts.bounds.finite:
        return None
    low, high = (int(end) for end in facts.bounds.ends())
    if high - low >= CLASSES_MAX:
        return None
    return FeatureInfo(name=column.name, kind="category", type="integer", categories=list(range(low, high + 1)))


def _number(column: Column) -> FeatureInfo | None:
    facts: Facts = column.facts
    if not (facts.type.numeric or facts.type.temporal) or not facts.bounds.finite:
        return None
    low, high = (float(end) for end in facts.bounds.ends())
    if not (math.isfinite(low) and math.isfinite(high) and math.isfinite(high - low)):
        return None
    return FeatureInfo(
        name=column.name, kind="number", type=facts.type.value, low=low, high=high, nullable=facts.nullable
    )


def _sql(relation: Relation, columns: list[Column], unit: str = "_u") -> str:
    """The rows, with every column of a type that the engine hands over: features in order, then the label."""
    shown = [f"{_cast(c)} AS f{i}" for i, c in enumerate(columns)]
    return f"SELECT {unit}, {', '.join(shown)} FROM ({emit(relation)})"


def _cast(column: Column) -> str:
    kind, name = column.facts.type, f"c{column.id}"
    if kind in _ORDINAL:
        return _ORDINAL[kind].format(name)
    if kind is Type.INTEGER and column.facts.domain is not None:
        return f"TRY_CAST({name} AS BIGINT)"
    return f"CAST({name} AS DOUBLE)" if kind.numeric else name


def _feature(detail: str, hint: str) -> RequestError:
    return RequestError("training_feature_invalid", detail, hint=hint, rule="training features")


def _label(detail: str, hint: str) -> RequestError:
    return RequestError("training_label_invalid", detail, hint=hint, rule="training label")


@dataclass(frozen=True, slots=True)
class Rows:
    """Encoded rows of all units: ``first[u] : first[u + 1]`` are the rows of unit ``u``, at most m of them."""

    x: Floats
    y: npt.NDArray[Any]
    first: Integers

    @property
    def units(self) -> int:
        """Private: it never leaves the process that trains."""
        return len(self.first) - 1


def encode(table: pa.Table, how: Encoding, max_rows: int, order: npt.NDArray[np.uint64]) -> Rows:
    """Encode the engine's table. ``order`` has a random word a row: of a unit with more rows, those with the least stay.

    Which rows of a unit stay depends on that unit's rows and independent randomness only; so do its own values. Rows
    without a label, or outside the chosen classes, are left out.
    """
    label = table.column(len(how.features) + 1)
    y, usable = _target(label, how)
    unit = pc.dictionary_encode(table.column(0).combine_chunks()).indices.to_numpy(zero_copy_only=False)
    kept = np.flatnonzero(usable)
    kept = kept[np.lexsort((order[kept], unit[kept]))]
    sorted_unit = unit[kept]
    starts = np.flatnonzero(np.r_[True, sorted_unit[1:] != sorted_unit[:-1]]) if len(kept) else np.zeros(0, np.int64)
    rank = np.arange(len(kept)) - np.repeat(starts, np.diff(np.r_[starts, len(kept)]))
    kept = kept[rank < max_rows]
    counts = np.minimum(np.diff(np.r_[starts, len(rank)]), max_rows)
    first = np.r_[0, np.cumsum(counts)].astype(np.int64)
    taken = pa.array(kept)
    x = inputs([table.column(i + 1).take(taken) for i in range(len(how.features))], how.features)
    return Rows(x, y[kept], first)


def inputs(columns: Sequence[pa.ChunkedArray], features: Sequence[FeatureInfo]) -> Floats:
    """The model's inputs [rows, inputs] from one column a feature."""
    x = np.zeros((len(columns[0]), sum(width(feature) for feature in features)), dtype=np.float32)
    at = 0
    for column, feature in zip(columns, features, strict=True):
        at = _fill(x, at, column, feature)
    return x


def _fill(x: Floats, at: int, column: pa.ChunkedArray, feature: FeatureInfo) -> int:
    if feature.kind == "category":
        index = _index(column, feature.categories)
        present = index >= 0
        x[np.flatnonzero(present), at + index[present]] = 1.0
        missing, at = ~present, at + len(feature.categories)
    elif feature.kind == "image":
        missing, at = _pixels(x, at, column, math.prod(feature.shape))
    else:
        values, missing = _floats(column)
        x[:, at] = np.where(missing, 0.0, scaled(values, feature.low, feature.high))
        at += 1
    if feature.nullable:
        x[:, at] = missing
        at += 1
    return at


def _pixels(x: Floats, at: int, column: pa.ChunkedArray, size: int) -> tuple[npt.NDArray[np.bool_], int]:
    """8-bit values on [0, 1]; an image that is missing is black."""
    done = 0
    for chunk in column.chunks:
        here = np.flatnonzero(np.asarray(chunk.is_valid()))
        values = pc.fill_null(pc.list_flatten(chunk), 0).to_numpy(zero_copy_only=False)
        x[done + here, at : at + size] = values.reshape(len(here), size) / np.float32(255)
        done += len(chunk)
    return np.zeros(len(x), dtype=np.bool_), at + size


def scaled(values: npt.NDArray[np.float64], low: float, high: float) -> npt.NDArray[np.float64]:
    """Numbers clamped to [low, high], on [-1, 1]."""
    if high <= low:
        return np.zeros(len(values))
    return (np.clip(values, low, high) - low) * (2.0 / (high - low)) - 1.0


def _floats(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    values = column.cast(pa.float64(), safe=False).combine_chunks().to_numpy(zero_copy_only=False).astype(np.float64)
    missing = np.isnan(values)  # NULL reads as NaN, and NaN counts as NULL
    return np.where(missing, 0.0, values), missing


def _index(column: pa.ChunkedArray, categories: list[Cell]) -> Integers:
    flat = column.combine_chunks()
    if pa.types.is_floating(flat.type):  # whole numbers read as DOUBLE
        flat = pc.cast(flat, pa.int64(), safe=False)
    found = pc.index_in(flat, value_set=pa.array(categories, type=flat.type))
    return np.asarray(pc.fill_null(found, -1).to_numpy(zero_copy_only=False), dtype=np.int64)


def _target(column: pa.ChunkedArray, how: Encoding) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    if how.task == "classification":
        index = _index(column, how.label.categories)
        return index, index >= 0
    values, missing = _floats(column)
    return scaled(values, how.label.low, how.label.high).astype(np.float32), ~missing


def as_json(how: Encoding) -> dict[str, JsonValue]:
    """What a stored job says of its encoding, to be compared when it runs."""
    return {
        "features": [feature.model_dump(mode="json") for feature in how.features],
        "label": how.label.model_dump(mode="json"),
        "task": how.task,
    }
