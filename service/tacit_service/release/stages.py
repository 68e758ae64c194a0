"""What an earlier stage of a statement hands on to a later one, and that it is of the types that this was planned with."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pyarrow as pa

from tacit_service.engine.literals import Staged, value_of
from tacit_service.errors import DerivationError, EngineFailure, Position, RequestError
from tacit_service.query.bounds import Type
from tacit_service.query.caps import STAGED_ROWS_MAX
from tacit_service.query.plan import ParamPlan, Plan

from .postprocess import Sandbox, SandboxError

_TESTS: dict[Type, tuple[Callable[[pa.DataType], bool], ...]] = {
    Type.NUMBER: (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null),
    Type.INTEGER: (pa.types.is_integer, pa.types.is_null),
    Type.STRING: (pa.types.is_string, pa.types.is_null),
    Type.BOOLEAN: (pa.types.is_boolean, pa.types.is_null),
    Type.DATE: (pa.types.is_date, pa.types.is_null),
    Type.TIMESTAMP: (pa.types.is_timestamp, pa.types.is_null),
}


def check_stages(
    plan: Plan,
    schemas: Mapping[str, pa.Schema],
    schema_of: Callable[[str, Mapping[str, pa.Schema]], pa.Schema],
    at: Position,
) -> None:
    """A dry run of each stage's SQL. Raises ``RequestError`` outer_sql_invalid, before anything is charged."""
    for param in plan.params:
        found = schema_of(param.sql, {name: schemas[name] for name in param.tables})
        for field, kind in zip(found, param.types, strict=True):
            if not any(test(field.type) for test in _TESTS[kind]):
                raise RequestError(
                    "outer_sql_invalid",
                    f"A later stage takes {field.name} of an inner SELECT for a {kind}; it is {field.type}.",
                    hint="Hand on keys, numbers and dates as they are released.",
                    position=at,
                    rule="post-processing",
                )


def check_rows(plan: Plan, groups: Mapping[str, int | None]) -> None:
    """Rows that are as many as public keys, whatever the noise. Raises ``DerivationError`` too_many_groups, before a charge.

    ``groups`` of each release point; ``None`` where its keys are unknown. What a condition on noise lets pass is not known.
    """
    for param in plan.params:
        counts = [groups[part] for table in param.kept for part, _ in plan.stack(table).parts]
        rows = sum(count or 0 for count in counts)  # of unknown keys there may be none
        if param.rows and rows > STAGED_ROWS_MAX:
            raise DerivationError(
                "too_many_groups",
                f"An inner SELECT hands on {rows:,} rows, one for each of its groups; {STAGED_ROWS_MAX:,} are the most.",
                hint="Hand on fewer: ORDER BY … LIMIT in the inner SELECT, fewer keys by its WHERE, or coarser ones (age // 10).",
                rule="rows of an earlier stage",
            )


def given(param: ParamPlan, sandbox: Sandbox, tables: Mapping[str, pa.Table]) -> Staged:
    """The released value, or rows. A value is NULL where its SQL fails on the noise, which may decide no error.

    Raises ``EngineFailure`` for rows that are too many, too large or fail: fewer would be another answer. All of that follows
    from what is released, and from nothing else.
    """
    try:
        found = sandbox.query(param.sql, tables, rows_max=STAGED_ROWS_MAX if param.rows else None)
    except SandboxError as error:
        if not param.rows:
            return None
        raise EngineFailure("engine_failed", f"An earlier stage of the statement {_why(error)}.") from None
    except EngineFailure as failure:
        what = "ran out of time" if failure.code == "engine_timeout" else "could not be run"
        raise EngineFailure(failure.code, f"An earlier stage of the statement {what}.") from None
    if not param.rows:
        return value_of(found.column(0)[0].as_py()) if found.num_rows else None
    cells = [[value_of(v) for v in column.to_pylist()] for column in found.columns]
    return tuple(zip(*cells, strict=True))


def _why(error: SandboxError) -> str:
    if error.error == "TooManyRows":
        return f"gave more than {STAGED_ROWS_MAX:,} rows: take fewer by ORDER BY … LIMIT"
    if error.error == "TooManyBytes":
        return "gave rows of too much text: hand on shorter ones, or fewer by ORDER BY … LIMIT"
    return "ran out of memory" if error.error == "OutOfMemoryException" else "failed on the released values"
