"""What the data owner declared, as frozen models. Everything in here is public to the dataset's analysts
except ``source`` paths. Loading from YAML, with errors that name the line, is ``policy.load``.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from tacit_service.policy.networks import RegisteredModel
from tacit_service.privacy.units import Delta, Epsilon

ROW = "@row"
"""As a table's ``unit``: every row is a privacy unit of its own (there is no id column)."""

_IDX_FILE = r"[^#+]*(?:idx[1-4]-ubyte|\.idx)(?:\.gz)?#[A-Za-z_]\w*"
IDX = re.compile(rf"{_IDX_FILE}(?: *\+ *{_IDX_FILE})*\Z", re.IGNORECASE)
"""IDX files and the column that each becomes."""

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}\Z")
Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")]
UnitName = Annotated[str, Field(pattern=r"^(@row|[A-Za-z_][A-Za-z0-9_]{0,62})$")]
Cap = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
Bound = Decimal | dt.datetime | dt.date

_NUMBER = {"anyOf": [{"type": "number"}, {"type": "string"}]}
_PAIR = {"type": "array", "prefixItems": [_NUMBER, _NUMBER], "minItems": 2, "maxItems": 2}
_AMOUNT = {
    "description": "A plain non-negative decimal such as 0.1 or 1e-6; read by its text, never as a float",
    "anyOf": [
        {"type": "number", "minimum": 0},
        {"type": "string", "pattern": r"^[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?$"},
    ],
}


def _text(value: Any) -> Any:
    """ε and δ may be written as YAML numbers; they are read by their shortest decimal text, never as floats."""
    if isinstance(value, bool | None) or not isinstance(value, str | int | float | Decimal):
        raise ValueError("not a number")
    return repr(value) if isinstance(value, float) else str(value)


def _epsilon(value: Any) -> Any:
    return value if isinstance(value, Epsilon) else Epsilon.parse(_text(value))


def _delta(value: Any) -> Any:
    return value if isinstance(value, Delta) else Delta.parse(_text(value))


def _decimal(value: Any) -> Decimal:
    """A finite number of moderate size, by its decimal text."""
    try:
        number = Decimal(_text(value))
    except InvalidOperation:
        raise ValueError("not a number") from None
    if not number.is_finite():
        raise ValueError("not a finite number")
    if number and not -40 <= number.adjusted() <= 40:
        raise ValueError("the exponent is outside -40..40")
    return number


def _date(value: Any) -> dt.date:
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    try:
        return dt.date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError("not a date such as 2024-12-31") from None


def _timestamp(value: Any) -> dt.datetime:
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return dt.datetime(value.year, value.month, value.day)
    try:
        moment = value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError("not a timestamp such as 2024-12-31 23:59:59") from None
    if moment.tzinfo is not None:
        raise ValueError("a timestamp has no time zone here: write it as the data hold it")
    return moment


_BOUND_OF = {"integer": _decimal, "number": _decimal, "date": _date, "timestamp": _timestamp}

_DECLARED = {"image": "shape"}

Side = Annotated[int, Field(strict=True, ge=1, le=4096)]
Shape = Annotated[tuple[Side, ...], Field(min_length=2, max_length=3)]
Eps = Annotated[Epsilon, BeforeValidator(_epsilon), PlainSerializer(str, return_type=str), WithJsonSchema(_AMOUNT)]
Del = Annotated[Delta, BeforeValidator(_delta), PlainSerializer(str, return_type=str), WithJsonSchema(_AMOUNT)]
Number = Annotated[Decimal, BeforeValidator(_decimal), WithJsonSchema(_NUMBER)]
Pair = Annotated[tuple[Bound, Bound], WithJsonSchema(_PAIR)]


TIMES = tuple(50 * 2**step for step in range(11))  # 50 ms to 51.2 s


def _times(value: Any) -> Any:
    """``off``, or a ladder of milliseconds."""
    if value == "off":
        return ()
    if not isinstance(value, list | tuple) or not value:
        raise ValueError("not a list of milliseconds, and not 'off'")
    whole = all(isinstance(step, int) and not isinstance(step, bool) and 1 <= step <= 3_600_000 for step in value)
    if not whole or list(value) != sorted(set(value)) or len(value) > 64:
        raise ValueError("the steps are not ascending whole numbers of milliseconds between 1 and 3600000")
    return tuple(value)


_TIMES = {
    "description": "Milliseconds, ascending, at which answers leave; off: as soon as they are ready",
    "anyOf": [{"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 1}, {"const": "off"}],
}
Times = Annotated[tuple[int, ...], BeforeValidator(_times), WithJsonSchema(_TIMES)]


class Model(BaseModel):
    """Frozen, closed: an unknown field in the file is an error, not a surprise."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Column(Model):
    """One column that analysts may use. A column of the data that the policy does not name does not exist.

    ``bounds`` are inclusive. Numbers outside are clamped when the table is loaded; dates outside, and values outside
    ``categories``, read as NULL. ``precision`` is the grid to which numbers are rounded (default 1 for integers).
    ``source_column`` is the column's name in the source, where that differs ("Customer ID").
    An ``image`` is for training alone: values from 0 to 255 of a ``shape``, [height, width] or [channels, height, width];
    a value of another length reads as NULL.
    """

    type: Literal["integer", "number", "string", "boolean", "date", "timestamp", "image"]
    shape: Shape | None = None
    source_column: str | None = Field(default=None, min_length=1, max_length=255)
    bounds: Pair | None = None
    precision: Number | None = None
    categories: tuple[str | int | bool, ...] | None = None
    nullable: bool | None = None  # None: NULL may occur, but is no declared key
    description: str = ""

    @property
    def pixels(self) -> int:
        """Values of an image."""
        return math.prod(self.shape or (0,))

    @field_validator("bounds", mode="before")
    @classmethod
    def _bounds_of_type(cls, value: Any, info: ValidationInfo) -> Any:
        kind = info.data.get("type")
        if value is None or kind is None:
            return value
        if kind not in _BOUND_OF:
            raise ValueError(
                f"a {kind} column has no bounds; its domain is declared by {_DECLARED.get(kind, 'categories')}"
            )
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise ValueError("bounds are a pair [low, high]")
        return tuple(_BOUND_OF[kind](v) for v in value)


class Table(Model):
    """A protected table (``unit`` or ``path`` given) or a public one (``public: true``).

    ``unit`` is the column that holds the privacy unit's id. ``path`` reaches it through foreign keys instead:
    ``[["visit_id", "visits.visit_id"]]`` reads "my column visit_id equals visits.visit_id", and so on until a table
    that has ``unit``. ``one_row_per_unit`` is enforced when the table is loaded (one row is kept).
    ``unit`` may name a column that is not among ``columns``: rows then have their unit, and no one can use the id.
    ``unit: "@row"`` says that each row is a unit of its own.
    ``expected_rows`` is a public guess of the table's size, not read from the data: it lets quotes say widths of averages, and
    shares out ε between parts of a query. A wrong guess costs accuracy, never privacy.
    ``prepared_keys``: sets of columns that people are often counted by, for which ranks are stored at load.
    """

    # With an ``engine``: "schema.table"; in Spark "catalog.schema.table" and "parquet:s3a://lake/visits" too.
    # Relative to the policy file: path or glob of Parquet/CSV files, "file.duckdb#table", a .npz file whose arrays are the
    # columns, or IDX files with a column's name each: "images-idx3-ubyte.gz#image + labels-idx1-ubyte.gz#label".
    source: str
    public: bool = False
    unit: UnitName | None = None
    path: tuple[tuple[Name, str], ...] = ()
    one_row_per_unit: bool = False
    columns: dict[Name, Column]
    description: str = ""
    max_groups: Cap | None = None
    max_rows: Cap | None = None
    max_rows_per_group: Cap | None = None
    expected_rows: Annotated[int, Field(strict=True, ge=1, le=10**12)] | None = None
    prepared_keys: tuple[tuple[Name, ...], ...] = ()

    @property
    def row_is_unit(self) -> bool:
        """Every row is a unit of its own: the engine numbers the rows at load."""
        return self.unit == ROW

    def source_name(self, column: str) -> str:
        """Name in the source of a policy's column (or of a unit column that ``columns`` does not declare)."""
        declared = self.columns.get(column)
        return declared.source_column if declared and declared.source_column else column


class Contribution(Model):
    """Default contribution bounds of one privacy unit, which a query may change.

    ``max_groups`` is K, ``max_rows_per_group`` is C, ``max_rows`` is R (rows in the whole query; default K·C).
    ``form`` may force one bounding form; ``auto`` lets the planner choose from public facts.
    """

    max_groups: Cap = 10
    max_rows_per_group: Cap = 10
    max_rows: Cap | None = None
    form: Literal["auto", "weights", "groups"] = "auto"


class Pace(Model):
    """At most ``epsilon`` in each ``window``, a calendar day or month in UTC, under the lifetime limit."""

    window: Literal["day", "month"]
    epsilon: Eps


class Budget(Model):
    """Lifetime (ε, δ) of the dataset or of one analyst, and perhaps how fast it may be spent."""

    epsilon: Eps
    delta: Del = Delta(0)
    pace: Pace | None = None


class Group(Budget):
    """Lifetime (ε, δ) that the members share: each charge of a member is charged to the group's account as well."""

    members: tuple[str, ...] = Field(min_length=1)


class PerQuery(Model):
    """ε of a bare query and the most one query may ask; δ that thresholds and Gaussian noise may use by default.

    ``max_result_rows``: an answer of more rows is refused, for free where its groups are public.
    """

    default_epsilon: Eps = Epsilon.parse("0.1")
    max_epsilon: Eps = Epsilon.parse("1")
    default_delta: Del = Delta.parse("1e-9")
    mechanism: Literal["auto", "laplace", "gaussian"] = "auto"
    max_result_rows: int = Field(default=1_000_000, strict=True, ge=1, le=20_000_000)


class EngineAt(Model):
    """Where protected tables are, if not in files: a database that runs the aggregates itself, so that rows stay there.

    ``url`` chooses the engine: ``postgresql://reader@db.example/clinic``, or ``sc://spark.example:15002`` for Spark by Spark
    Connect. It holds no password, and no token: that is in the environment variable ``password_env``, or in the file
    ``password_file`` (relative to the policy), or what the server's way of telling who connects needs is none. Tables are
    then named ``schema.table`` in ``source``, in Spark ``catalog.schema.table`` or ``parquet:ADDRESS`` too; public ones may be files.
    """

    url: str = Field(min_length=1, max_length=2000)
    password_env: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    password_file: str | None = Field(default=None, min_length=1)


class PrivacyUnit(Model):
    """What a privacy unit is, in words ("patient"), and its column: "patients.patient_id", or "people.@row"."""

    name: Name
    column: str = Field(pattern=r"^[A-Za-z_]\w*\.(@row|[A-Za-z_]\w*)$")


class Policy(Model):
    """One dataset's policy, version 1. The rules that span fields live in ``policy.rules``, where lines are known.

    ``response_times``: answers that took data leave at one of these times; () where the policy says ``off``.
    """

    version: Literal[1] = 1
    dataset: Name
    description: str = ""
    privacy_unit: PrivacyUnit
    tables: dict[Name, Table]
    contribution: Contribution = Contribution()
    budget: Budget
    per_query: PerQuery = PerQuery()
    analysts: dict[str, Budget] = {}
    roles: dict[str, Budget] = {}
    response_times: Times = TIMES
    groups: dict[str, Group] = {}
    models: dict[Name, RegisteredModel] = {}
    # Declares that the analysts' limits may add up to more than the dataset's; hides its remainder from analysts.
    overcommit: bool = False
    # Totals, ranks and whole multiples are stored beside the rows when the data is loaded: speed, and no other answers.
    prepare: bool = True
    # A database that runs the aggregates; without it, DuckDB runs them over a snapshot of files.
    engine: EngineAt | None = None
