"""Every stable problem code and what it means.

A code that some error of the service uses and that is missing here fails a test.
"""

from __future__ import annotations

from typing import Final

from tacit_service.http.models import ProblemType

CATALOGUE: Final[dict[str, tuple[int, str]]] = {
    # the request
    "invalid_http": (400, "The bytes sent are not an HTTP request within the limits of line and header sizes."),
    "invalid_json": (400, "The body is not strict JSON: UTF-8, no duplicate members, no NaN or Infinity, not deep."),
    "idempotency_key_invalid": (400, "Idempotency-Key is one value of 1 to 255 visible ASCII characters."),
    "unauthenticated": (
        401,
        "The Authorization header has neither an API key nor a token that is known, current and not revoked.",
    ),
    "forbidden": (403, "The key is good; its role may not use this route."),
    "rate_limited": (429, "This caller asks faster than allowed. Nothing ran; Retry-After says when to ask again."),
    "not_found": (404, "No such thing for this key. Things not granted and things that do not exist look the same."),
    "method_not_allowed": (405, "The path exists; the Allow header lists its methods."),
    "not_acceptable": (406, "Accept names no representation that is offered: JSON, or an Arrow stream of an answer."),
    "request_timeout": (408, "The body did not arrive in time, or the client left before its question was begun."),
    "idempotency_conflict": (409, "The Idempotency-Key was used with another body, or its first request still runs."),
    "payload_too_large": (413, "The body is larger than the service reads."),
    "unsupported_media_type": (415, "The body is not application/json, or is compressed."),
    "invalid_request": (
        422,
        "A member of the body, or a parameter, is missing, unknown or malformed; `fields` says which.",
    ),
    "idempotency_in_progress": (
        409,
        "This Idempotency-Key's request is charged and has no answer yet, or failed.",
    ),
    # the parameters beside the SQL
    "epsilon_invalid": (422, "epsilon is not a plain decimal above 0, or is finer than the ledger counts."),
    "epsilon_too_large": (422, "epsilon is above what the policy allows for one query."),
    "delta_invalid": (422, "delta is not a plain decimal, is 1 or more, or is finer than the ledger counts."),
    "bound_invalid": (422, "max_rows, max_groups or max_amount does not fit the query or the policy."),
    # the text
    "sql_syntax": (422, "The text is not SQL of the DuckDB dialect; `position` says where it ends to be."),
    "sql_not_one_select": (422, "The text is not exactly one SELECT."),
    "sql_too_large": (422, "The text, or the plan that it makes, is larger than the service takes."),
    "sql_too_deep": (422, "The text is nested deeper than the service takes."),
    "sql_too_complex": (422, "The text takes longer to understand than the service allows."),
    "identifier_invalid": (422, "A name is empty, too long, or holds control characters."),
    # names and types
    "unknown_table": (422, "The policy has no such table."),
    "unknown_column": (422, "No table of the query has such a column in the policy."),
    "unknown_function": (422, "The function is not on the list of functions that cannot fail or leak."),
    "ambiguous_column": (422, "Several tables of the query have a column of this name."),
    "duplicate_alias": (422, "Two tables of the query have the same name."),
    "type_mismatch": (422, "An operator, function or comparison does not take these types."),
    "not_grouped": (422, "A column is neither in GROUP BY nor inside an aggregate."),
    "aggregate_misplaced": (422, "An aggregate stands where SQL has none, such as WHERE."),
    # the derivation: no rule makes the relation public, protected or released
    "unsupported_syntax": (
        422,
        "The construct has no rule, or there is no aggregate: rows of people are not shown.",
    ),
    "unsupported_aggregate": (422, "The aggregate has no private form here."),
    "missing_bounds": (422, "The policy declares no bounds for a column, so that one unit could change a sum at will."),
    "literal_required": (422, "An argument has to be a constant, since a value from the data could make it fail."),
    "join_without_unit": (422, "Two protected tables are joined without equality of the privacy unit."),
    "public_outer_join": (422, "An outer join would tell which rows of a public table have no match."),
    "set_operation_mixed": (422, "Protected and public rows are combined row by row."),
    "set_operation_without_unit": (422, "A set operation compares rows of different units."),
    "distinct_without_unit": (422, "DISTINCT merges rows of different units."),
    "subquery_not_on_unit": (422, "A subquery reads protected rows of other units."),
    "scalar_subquery_rows": (
        422,
        "A subquery could give several rows; data must not decide whether a query fails.",
    ),
    "correlated_release": (422, "An aggregate over protected rows depends on the row around it."),
    "text_too_long": (
        422,
        "An expression could make a text many times longer, and its running time tell of single rows.",
    ),
    "postprocess_failed": (
        422,
        "The SQL above the release failed on the noisy values; the release is paid for and held.",
    ),
    "fanout_too_large": (422, "Joins with public tables could turn one row into very many."),
    "accuracy_invalid": (
        422,
        "The accuracy asked for is no positive number, has no price, or is given beside epsilon.",
    ),
    "options_invalid": (422, "The OPTIONS clause cannot be read, or says what the request says already."),
    "rows_expected": (422, "Training reads rows of people; the statement gives an aggregate or public rows."),
    "released_in_protected": (
        422,
        "A released result stands inside a protected query where no earlier stage can give it.",
    ),
    "window_not_per_unit": (422, "A window reads rows of other units."),
    "order_dependent": (422, "LIMIT or OFFSET below an aggregate makes one unit's rows depend on those of others."),
    "unit_forged": (422, "The privacy unit's id is rewritten, which would merge or split units."),
    "too_many_groups": (
        422,
        "The declared keys have more combinations than an answer may have rows, or an inner SELECT may hand on.",
    ),
    "unit_in_output": (422, "The result would have a row for each unit."),
    "row_level_output": (422, "The result would have rows of people."),
    "outer_sql_invalid": (422, "The SQL above the aggregates does not fit their results."),
    "engine_lacks": (
        422,
        "The database that holds the rows has no equal of something in the statement: its integers might differ.",
    ),
    # training
    "training_model_invalid": (422, "The model is none that can be built here: its type, a size or a member."),
    "training_parameter_invalid": (422, "A parameter of the run is outside its limits; `field` names it."),
    "training_too_long": (422, "The run would take more steps or epochs than one job may."),
    "training_feature_invalid": (422, "A feature has no declared bounds or categories, or is the privacy unit."),
    "training_label_invalid": (422, "The label is not a column with declared categories or bounds, or outside them."),
    "training_not_ready": (409, "The job has not succeeded, so there is no model."),
    "training_queue_full": (503, "As many jobs as one analyst may have are waiting or running. Nothing was charged."),
    "training_not_installed": (501, "Training is not installed with this service."),
    "engine_not_installed": (501, "The engine that a policy names is not installed with this service."),
    "training_reads_files": (501, "Training reads files; the rows of this dataset stay in its engine's database."),
    # the budget
    "budget_exhausted": (403, "The price does not fit what is left of the account; `remaining` says how much that is."),
    "account_closed": (409, "The account is closed or frozen; the data owner decides."),
    "limits_fixed": (409, "An account's limits were fixed when it was created."),
    "transfer_refused": (409, "An allotment cannot be moved between these accounts."),
    "transfer_empty": (422, "A transfer moves some epsilon between two different analysts."),
    "promise_changed": (409, "A new version of the policy would change whom earlier charges protect."),
    "data_promised": (409, "The rows are protected already, as part of another dataset."),
    "allotment_exceeded": (409, "The analysts' limits would add up to more than the dataset has."),
    "account_of_policy": (409, "The policy declares this account; its limits are changed there."),
    "key_over": (409, "The key is revoked or has ended, and cannot be changed."),
    "name_invalid": (422, "A name is 1 to 63 letters, digits or _ . @ - and starts with a letter or digit."),
    # the service
    "internal": (500, "A fault of the service. The incident id finds its log line; a charge may stand."),
    "engine_failed": (500, "The engine could not finish. The charge stands; nothing about the data can be said."),
    "snapshot_invalid": (500, "Prepared data break the policy's facts; nothing is served from them."),
    "engine_timeout": (504, "The engine ran out of time. The charge stands; nothing about the data can be said."),
    "ledger_unavailable": (503, "The ledger cannot promise durability, so nothing is answered."),
    "overloaded": (503, "Too much work is waiting. Nothing ran; Retry-After says when to ask again."),
    "engine_unavailable": (503, "The database that holds the rows cannot be asked. Nothing was run or charged."),
    "identity_unavailable": (503, "The identity provider's signing keys cannot be had; API keys still work."),
    "starting": (503, "The service is starting. Retry-After says when to ask again."),
}

MAY_BE_CHARGED: Final = frozenset({"internal", "idempotency_in_progress", "engine_failed", "engine_timeout"})


def described(code: str) -> ProblemType | None:
    """The description of a code; None when no problem has it."""
    found = CATALOGUE.get(code)
    if found is None:
        return None
    status, meaning = found
    return ProblemType(
        code=code, type=f"/v1/problems/{code}", status=status, meaning=meaning, charged=code in MAY_BE_CHARGED
    )
