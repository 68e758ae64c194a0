"""Refusals: the statement or a parameter cannot be answered. One class a code, in families."""

from __future__ import annotations

from tacit._api_error import APIError


class RefusedError(APIError):
    """The statement or a parameter cannot be answered. Decided from public facts; nothing was charged."""


class SqlRefused(RefusedError):
    """The text is not one SELECT within the limits."""


class SqlSyntaxError(SqlRefused):
    """The SQL does not parse."""


class SqlTooLarge(SqlRefused):
    """The SQL is longer than the service reads."""


class SqlTooDeep(SqlRefused):
    """The SQL nests deeper than the service reads."""


class SqlTooComplex(SqlRefused):
    """The SQL takes the service longer to understand than it allows, however short it is."""


class SqlNotOneSelect(SqlRefused):
    """The SQL is something other than one SELECT."""


class UnknownName(RefusedError):
    """A name that the policy does not have."""


class UnknownTable(UnknownName):
    """The policy has no such table."""


class UnknownColumn(UnknownName):
    """The tables in scope have no such column."""


class UnknownFunction(UnknownName):
    """The function is not on the allow-list."""


class AmbiguousColumn(UnknownName):
    """Several tables in scope have this column."""


class TypeMismatch(RefusedError):
    """An expression's types do not fit."""


class EpsilonRefused(RefusedError):
    """The ε asked for cannot be sold."""


class EpsilonInvalid(EpsilonRefused):
    """ε is no positive decimal."""


class EpsilonTooLarge(EpsilonRefused):
    """ε is above what the policy sells to one query."""


class DeltaRefused(RefusedError):
    """The δ asked for cannot be sold."""


class DeltaInvalid(DeltaRefused):
    """δ is no decimal from 0 to below 1."""


class DeltaTooLarge(DeltaRefused):
    """δ is above what the policy sells to one query."""


class BoundRefused(RefusedError):
    """A contribution bound (max_rows, max_groups, max_amount) cannot be used."""


class BoundInvalid(BoundRefused):
    """A contribution bound is malformed."""


class InvalidRequest(RefusedError):
    """A member of the request is missing, unknown or malformed."""


class NotDerivable(RefusedError):
    """No rule derives a private answer from this statement; ``rule`` names the one that is missing."""


class IdentifierInvalid(SqlRefused):
    """A name is empty, too long, or holds control characters."""


class DuplicateAlias(UnknownName):
    """Two tables of the query have the same name."""


class NotGrouped(NotDerivable):
    """A column is neither in GROUP BY nor inside an aggregate."""


class AggregateMisplaced(NotDerivable):
    """An aggregate stands where SQL has none, such as WHERE."""


class UnsupportedSyntax(NotDerivable):
    """The construct has no rule, or there is no aggregate: rows of people are not shown."""


class UnsupportedAggregate(NotDerivable):
    """The aggregate has no private form."""


class MissingBounds(NotDerivable):
    """The policy declares no bounds, so one unit could change a sum at will."""


class LiteralRequired(NotDerivable):
    """An argument has to be a constant: a value from the data could make it fail."""


class JoinWithoutUnit(NotDerivable):
    """Two protected tables are joined without equality of the privacy unit."""


class PublicOuterJoin(NotDerivable):
    """An outer join would tell which rows of a public table have no match."""


class SetOperationMixed(NotDerivable):
    """Protected and public rows are combined row by row."""


class SetOperationWithoutUnit(NotDerivable):
    """A set operation compares rows of different units."""


class DistinctWithoutUnit(NotDerivable):
    """DISTINCT merges rows of different units."""


class SubqueryNotOnUnit(NotDerivable):
    """A subquery reads protected rows of other units."""


class ScalarSubqueryRows(NotDerivable):
    """A subquery could give several rows."""


class CorrelatedRelease(NotDerivable):
    """An aggregate over protected rows depends on the row around it."""


class ReleasedInProtected(NotDerivable):
    """A released result is used inside a protected query."""


class WindowNotPerUnit(NotDerivable):
    """A window reads rows of other units."""


class OrderDependent(NotDerivable):
    """LIMIT or OFFSET below an aggregate makes rows of one unit depend on those of others."""


class UnitForged(NotDerivable):
    """The privacy unit's id is rewritten, which would merge or split units."""


class UnitInOutput(NotDerivable):
    """The privacy unit's id would be shown."""


class RowLevelOutput(NotDerivable):
    """Rows of people are not shown: the statement has to aggregate."""


class TooManyGroups(NotDerivable):
    """The declared keys have more combinations than an answer may have rows."""


class OuterSqlFailed(NotDerivable):
    """The SQL above the release could not be run."""


class OuterSqlInvalid(NotDerivable):
    """The SQL above the release does not fit its columns."""


class PostprocessFailed(NotDerivable):
    """The SQL above the release failed on the noisy values. The release is paid for and held: ask again with other SQL."""


class TextTooLong(NotDerivable):
    """An expression could make a text many times longer."""


class AccuracyInvalid(RefusedError):
    """The accuracy asked for is no positive number, has no price, or is given beside epsilon."""


class TransferEmpty(RefusedError):
    """A transfer moves some epsilon between two different analysts."""


class NameInvalid(RefusedError):
    """A name is 1 to 63 letters, digits or _ . @ - and starts with a letter or digit."""


class FanoutTooLarge(NotDerivable):
    """Joins with public tables could turn one row into very many."""


class RowsExpected(NotDerivable):
    """Training reads rows of people; the statement gives an aggregate or public rows."""


class OptionsInvalid(SqlRefused):
    """The OPTIONS clause cannot be read, or repeats what the request says."""


REFUSALS: dict[str, type[RefusedError]] = {
    "sql_syntax": SqlSyntaxError,
    "sql_too_large": SqlTooLarge,
    "sql_too_deep": SqlTooDeep,
    "sql_too_complex": SqlTooComplex,
    "sql_not_one_select": SqlNotOneSelect,
    "unknown_table": UnknownTable,
    "unknown_column": UnknownColumn,
    "unknown_function": UnknownFunction,
    "ambiguous_column": AmbiguousColumn,
    "type_mismatch": TypeMismatch,
    "epsilon_invalid": EpsilonInvalid,
    "epsilon_too_large": EpsilonTooLarge,
    "delta_invalid": DeltaInvalid,
    "delta_too_large": DeltaTooLarge,
    "bound_invalid": BoundInvalid,
    "invalid_request": InvalidRequest,
    "identifier_invalid": IdentifierInvalid,
    "duplicate_alias": DuplicateAlias,
    "not_grouped": NotGrouped,
    "aggregate_misplaced": AggregateMisplaced,
    "unsupported_syntax": UnsupportedSyntax,
    "unsupported_aggregate": UnsupportedAggregate,
    "missing_bounds": MissingBounds,
    "literal_required": LiteralRequired,
    "join_without_unit": JoinWithoutUnit,
    "public_outer_join": PublicOuterJoin,
    "set_operation_mixed": SetOperationMixed,
    "set_operation_without_unit": SetOperationWithoutUnit,
    "distinct_without_unit": DistinctWithoutUnit,
    "subquery_not_on_unit": SubqueryNotOnUnit,
    "scalar_subquery_rows": ScalarSubqueryRows,
    "correlated_release": CorrelatedRelease,
    "released_in_protected": ReleasedInProtected,
    "window_not_per_unit": WindowNotPerUnit,
    "order_dependent": OrderDependent,
    "unit_forged": UnitForged,
    "unit_in_output": UnitInOutput,
    "row_level_output": RowLevelOutput,
    "too_many_groups": TooManyGroups,
    "outer_sql_failed": OuterSqlFailed,
    "outer_sql_invalid": OuterSqlInvalid,
    "postprocess_failed": PostprocessFailed,
    "text_too_long": TextTooLong,
    "rows_expected": RowsExpected,
    "transfer_empty": TransferEmpty,
    "name_invalid": NameInvalid,
    "accuracy_invalid": AccuracyInvalid,
    "fanout_too_large": FanoutTooLarge,
    "options_invalid": OptionsInvalid,
}
"""The class of each code that refuses."""

FAMILIES: tuple[tuple[str, type[RefusedError]], ...] = (
    ("sql_", SqlRefused),
    ("unknown_", UnknownName),
    ("ambiguous_", UnknownName),
    ("type_", TypeMismatch),
    ("epsilon_", EpsilonRefused),
    ("delta_", DeltaRefused),
    ("bound_", BoundRefused),
    ("max_", BoundRefused),
)
"""Prefixes of codes that this version does not know."""
