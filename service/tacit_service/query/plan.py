"""The plan: frozen relations below the release points, the release points, and the post-processing above them.

Every relation carries ``property`` (public or protected) and ``max_rows`` (rows a unit can have in it, when public
facts bound it). A protected relation always carries the unit's id in the hidden column ``_u``. Every node prints itself.
"""

from __future__ import annotations

import builtins
import enum
from dataclasses import dataclass, field
from fractions import Fraction

from .bounds import Facts, Type
from .expr import Expr


class Property(enum.StrEnum):
    """Privacy property of a relation (privacy model, section 2)."""

    PUBLIC = "public"
    PROTECTED = "protected"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Column:
    """An output column of a relation: plan-wide id, the analyst's name, public facts."""

    id: int
    name: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class Relation:
    """Base. ``max_rows`` is the most rows one unit can have (``None``: no public bound); meaningless when public."""

    columns: tuple[Column, ...]
    property: Property
    max_rows: int | None

    @builtins.property
    def protected(self) -> bool:
        """Rows belong to privacy units."""
        return self.property is Property.PROTECTED


@dataclass(frozen=True, slots=True)
class Multiples:
    """A column's values, stored as whole multiples of ``grid``: NULL, or in [``low``, ``high``], as the build checks."""

    grid: Fraction
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Stored:
    """What the snapshot holds of a protected table beside its columns, so that bounding is done before anyone asks.

    ``total``: each row has the number of its unit's rows. ``steps``: for each column, the whole multiples that are stored
    of its value as well, or ``None``. ``ranks``: key sets for which each row has its group's place among
    the unit's groups, and its own place in the group.
    """

    total: bool
    steps: tuple[Multiples | None, ...]
    ranks: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Scan(Relation):
    """A policy table in the snapshot; ``source_names`` are the physical names of ``columns``."""

    table: str
    source_names: tuple[str, ...]
    stored: Stored | None = None


@dataclass(frozen=True, slots=True)
class Values(Relation):
    """Constant rows."""

    rows: tuple[tuple[Expr, ...], ...]


@dataclass(frozen=True, slots=True)
class StagedRows(Relation):
    """Rows that an earlier release of the same statement gives, by the name of the param: public constants to later stages."""

    param: str


@dataclass(frozen=True, slots=True)
class Project(Relation):
    """Row-wise expressions; ``exprs`` align with ``columns``."""

    input: Relation
    exprs: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Filter(Relation):
    """Rows for which the predicate is true. Columns are the input's, with facts narrowed."""

    input: Relation
    predicate: Expr


@dataclass(frozen=True, slots=True)
class Join(Relation):
    """``kind``: inner, left, right, full, semi, anti. ``on_unit``: equality of unit ids is part of the condition.

    When only one side is protected the unit comes from that side. ``lateral``: the right side reads columns of the left.
    """

    left: Relation
    right: Relation
    kind: str
    on: Expr | None
    on_unit: bool
    lateral: bool = False


@dataclass(frozen=True, slots=True)
class UnitAggregate(Relation):
    """GROUP BY that includes the unit id (or any GROUP BY over a public input).

    ``columns`` are the keys (aligned with ``keys``) followed by the aggregates (aligned with ``aggs``).
    ``always_row``: no GROUP BY at all (a correlated scalar aggregate), which yields a row even over nothing.
    """

    input: Relation
    keys: tuple[Expr, ...]
    aggs: tuple[Expr, ...]
    always_row: bool = False


@dataclass(frozen=True, slots=True)
class Distinct(Relation):
    """DISTINCT over all columns and the unit."""

    input: Relation


@dataclass(frozen=True, slots=True)
class RowCap(Relation):
    """At most ``rows`` rows of each unit (and value of the columns ``by``, if any), by a hash of the row."""

    input: Relation
    rows: int
    by: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class SetOp(Relation):
    """``kind``: union_all, union, intersect, except, intersect_all, except_all; rows are compared with their unit."""

    left: Relation
    right: Relation
    kind: str


@dataclass(frozen=True, slots=True)
class Key:
    """A group key of a release point. ``name`` is its column in the released table."""

    name: str
    expr: Expr
    label: str

    @property
    def type(self) -> Type:
        """Type of the key's values."""
        return self.expr.facts.type


@dataclass(frozen=True, slots=True)
class KeyTable:
    """Public keys that come from a public relation (``FROM regions LEFT JOIN patients``): columns align with the keys."""

    relation: Relation
    columns: tuple[int, ...]


class Form(enum.StrEnum):
    """How one unit's contributions are bounded (privacy model, section 3)."""

    ONE_ROW = "one_row"
    WEIGHTS = "weights"
    GROUPS = "groups"


class MeasureKind(enum.StrEnum):
    """What exact integers a measure sums over rows."""

    COUNT = "count"  # rows that pass the condition
    SUM = "sum"  # an integer value of rows that pass the condition
    UNITS = "units"  # distinct units with a row that passes the condition
    DISTINCT = "distinct"  # distinct values, each unit keeping at most C of them in a group
    HISTOGRAM = "histogram"  # rows at or below each public candidate, for rank scores


@dataclass(frozen=True, slots=True)
class Axis:
    """A bounded value on a public grid: the integer v = (value - center)/grid within [``low``, ``high``].

    With u = v - low and t = high - v, u + t is ``width`` in every row: sums of both give a sum and a count at one price.
    ``found_by`` names the release point that finds the bounds of an axis whose bounds are not public: until then its width in
    steps is known, and with it every sensitivity, but not how long a step is.
    """

    value: Expr
    low: int
    high: int
    grid: Fraction
    center: Fraction
    found_by: str = ""

    @builtins.property
    def width(self) -> int:
        """u + t of any row."""
        return self.high - self.low

    @builtins.property
    def ends(self) -> tuple[Fraction, Fraction]:
        """Where u = 0 and where t = 0, in the value's own unit."""
        return self.center + self.low * self.grid, self.center + self.high * self.grid


CURVE = 2  # as a cell: u·t less its mid-range, from which second moments follow


@dataclass(frozen=True, slots=True)
class Measure:
    """One vector of exact integers over the groups of a release point, with its contribution bound.

    The engine's integer is ``multiplier`` times the quantity in multiples of ``grid`` (about ``center`` for centred sums).
    ``k``, ``c``: at most ``k`` groups a unit, each partial within [``low``·c, ``high``·c]. ``total``: a unit's weights
    add to at most this many rows.

    With ``axes``, a row's integer is its *cell*: u (1) or t (0) of one axis, a product of such of two, or the curve of one
    (``CURVE``). Measures of one name in ``joint`` are the cells of the same rows, which add up to one whole a row: one
    measurement draws them together, at the price of one.

    With ``rank`` q, a histogram's bin that holds the q-quantile is chosen by noisy max, and only the rows in cells around it are
    released; without, the count of every bin is.
    """

    name: str
    kind: MeasureKind
    value: Expr | None
    where: tuple[Expr, ...]
    form: Form
    k: int
    c: int
    low: int = 0
    high: int = 1
    grid: Fraction = Fraction(1)
    center: Fraction = Fraction(0)
    multiplier: int = 1
    ranked: bool = True
    amount: int | None = None
    centred: bool = False
    candidates: tuple[Fraction, ...] = ()
    edges: tuple[Fraction, ...] = ()
    axes: tuple[Axis, ...] = ()
    cell: tuple[int, ...] = ()
    joint: str = ""
    rank: Fraction | None = None


class AggKind(enum.StrEnum):
    """What an output aggregate is, as a function of noisy measures."""

    COUNT = "count"
    SUM = "sum"
    AVG = "avg"
    VARIANCE = "variance"
    STDDEV = "stddev"
    QUANTILE = "quantile"
    BIN = "bin"  # one bin of a histogram, by ``parameter``
    PAIR = "pair"  # COVAR, CORR and regressions, by ``function``


@dataclass(frozen=True, slots=True)
class Output:
    """One aggregate column of a released table, computed from the noisy measures named in ``measures``."""

    name: str
    kind: AggKind
    measures: tuple[str, ...]
    label: str
    type: Type
    lo: Fraction | None = None
    hi: Fraction | None = None
    parameter: float | None = None
    sample: bool = True
    function: str = ""


@dataclass(frozen=True, slots=True)
class ReleasePoint:
    """Where protected rows become released numbers: a vector of measures over groups.

    ``public_keys``: every declared key has a row, zeros included. Otherwise keys pass a noisy threshold on the measure
    named ``threshold_on``.
    """

    name: str
    source: Relation
    keys: tuple[Key, ...]
    key_table: KeyTable | None
    public_keys: bool
    measures: tuple[Measure, ...]
    outputs: tuple[Output, ...]
    threshold_on: str | None = None

    @builtins.property
    def finds_bounds(self) -> bool:
        """A noisy histogram over powers of two, from which later release points take their bounds."""
        return not self.outputs and not self.keys and any(m.kind is MeasureKind.HISTOGRAM for m in self.measures)


@dataclass(frozen=True, slots=True)
class Stack:
    """A table that the outer SQL reads: one release point, or the levels of a ROLLUP one under the other.

    ``parts``: for each release point, which of ``keys`` it groups by; the others are NULL in its rows.
    """

    name: str
    keys: tuple[Key, ...]
    parts: tuple[tuple[str, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class ParamPlan:
    """A released value, or rows, that a later stage reads: ``sql`` over the tables of earlier releases gives it.

    ``types`` of its columns are what the later stage takes them for; ``kept``: tables of which it hands on every row.
    """

    name: str
    sql: str
    tables: tuple[str, ...]
    written_sql: str | None = None
    exposed: bool = False
    types: tuple[Type, ...] = (Type.NUMBER,)
    rows: bool = False
    kept: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """A column of the answer. ``source`` is (release, column) when it is a released column as it stands."""

    name: str
    kind: str
    source: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole statement: release points, then ``sql`` over the released tables and public tables.

    ``row_wise``: the outer statement is row-wise over one table (``row_stack``), so re-draws ride along in one run
    (``interval_sql``).
    ``selects``: numbers may decide which rows are shown (HAVING, QUALIFY, LIMIT); ``sorts``: in which order.
    ``unordered_sql`` is the same statement without its outermost ORDER BY, LIMIT and OFFSET.
    All of them are total (see ``total``); ``written_sql`` is the statement as it would raise, ``None`` where nothing in
    it could; ``exposed``: what runs might raise all the same, and is tried on extreme numbers.
    """

    dataset: str
    releases: tuple[ReleasePoint, ...]
    stacks: tuple[Stack, ...]
    sql: str
    unordered_sql: str
    columns: tuple[ResultColumn, ...]
    row_wise: bool
    public_tables: tuple[str, ...] = ()
    interval_sql: str | None = None
    params: tuple[ParamPlan, ...] = ()
    row_stack: str | None = None
    selects: bool = False
    sorts: bool = False
    written_sql: str | None = None
    exposed: bool = False
    notes: tuple[str, ...] = field(default=())

    def stack(self, name: str) -> Stack:
        """The table of that name."""
        return next(s for s in self.stacks if s.name == name)

    def release(self, name: str) -> ReleasePoint:
        """The release point of that name."""
        return next(r for r in self.releases if r.name == name)
