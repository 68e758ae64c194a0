"""The tables that SQL above a release reads: their columns."""

from __future__ import annotations

import pyarrow as pa

from tacit_service.query.bounds import Type
from tacit_service.query.caps import LEVEL
from tacit_service.query.plan import Plan, Stack

ARROW = {Type.INTEGER: pa.int64(), Type.NUMBER: pa.float64(), Type.STRING: pa.string(), Type.BOOLEAN: pa.bool_(),
         Type.DATE: pa.date32(), Type.TIMESTAMP: pa.timestamp("us"), Type.NULL: pa.string()}  # fmt: skip


def table_schema(plan: Plan, stack: Stack) -> pa.Schema:
    """Schema of a table that the outer SQL reads: row number, keys, outputs."""
    outputs = plan.release(stack.parts[0][0]).outputs
    fields = [("__row", pa.int64())]
    fields += [(k.name, ARROW[k.type]) for k in stack.keys]
    fields += [(o.name, pa.int64() if o.type is Type.INTEGER else pa.float64()) for o in outputs]
    if len(stack.parts) > 1:
        fields.append((LEVEL, pa.int64()))
    return pa.schema(fields)
