"""The request with what its SQL says in GoogleSQL's OPTIONS."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import ValidationError

from tacit.wire import QueryRequest
from tacit_service.errors import RequestError
from tacit_service.query.caps import FLAGS


def with_options(
    request: QueryRequest, unit_column: str, read: Callable[[str], tuple[str, dict[str, str]]]
) -> QueryRequest:
    """OPTIONS taken out of the SQL and put beside it; the same thing said twice is refused.

    ``privacy_unit_column`` may be named, as BigQuery asks for it, when it is the policy's: an analyst cannot choose another.
    """
    if "differential_privacy" not in request.sql.lower():
        return request
    sql, options = read(request.sql)
    if not options and sql == request.sql:
        return request
    said = request.model_dump(exclude_defaults=True)
    for name in options:
        if name in said:
            raise _invalid("options_invalid", f"{name} is given both in OPTIONS and beside the SQL.", "Give it once.")
    named = options.pop("privacy_unit_column", unit_column)
    if named.split(".")[-1].lower() != unit_column.lower():
        raise _invalid(
            "options_invalid",
            f"The privacy unit is the policy's, {unit_column}: a query cannot choose another.",
            f"Leave privacy_unit_column out, or write privacy_unit_column = {unit_column}.",
        )
    if options.pop("group_selection_strategy", "laplace_threshold").lower() not in (
        "laplace_threshold",
        "public_groups",
    ):
        raise _invalid(
            "options_invalid",
            "Groups are public where the policy declares them, else they pass a noisy threshold.",
            "Leave group_selection_strategy out.",
        )
    numbers: dict[str, object] = {n: v.lower() == "true" if n in FLAGS else v for n, v in options.items()}
    for name in ("max_rows", "max_groups", "max_amount"):
        if name in options:
            digits = options[name].replace(".", "", name == "max_amount")
            if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
                raise _invalid("bound_invalid", f"{name} is not a positive number.", None)
            numbers[name] = float(options[name]) if name == "max_amount" else int(options[name])
    try:
        return QueryRequest.model_validate({**request.model_dump(exclude_none=True), **numbers, "sql": sql})
    except ValidationError:
        raise _invalid("bound_invalid", "An option is outside its range.", None) from None


def _invalid(code: str, detail: str, hint: str | None) -> RequestError:
    return RequestError(code, detail, hint=hint, rule="options")
