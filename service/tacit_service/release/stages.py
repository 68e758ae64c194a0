"""What an earlier stage of a statement hands on: it is of the types that the later stage was planned with."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pyarrow as pa

from tacit_service.errors import Position, RequestError
from tacit_service.query.bounds import Type
from tacit_service.query.plan import Plan

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
