"""The one error tree of the service; every member is data that the HTTP door turns into an RFC 9457 problem.

TacitError                      code, status, title, detail, hint, position, rule, extra
├── Refusal                     422  the statement cannot be answered; depends on public facts only; free
│   ├── SqlSyntaxError               sql_syntax · sql_too_large · sql_too_deep · sql_too_complex · sql_not_one_select
│   ├── BindError                    unknown_table · unknown_column · ambiguous_column · unknown_function · type_mismatch
│   ├── DerivationError              no rule of privacy.md §2 derives this relation (code names the missing rule)
│   └── RequestError                 engine_lacks · epsilon_invalid · delta_invalid · epsilon_too_large · bound_invalid ·
│                                    training_model_invalid · training_parameter_invalid …
├── BudgetExhausted             403  budget_exhausted, with what is left
├── Unauthenticated             401  unauthenticated
├── Forbidden                   403  forbidden (the role lacks the route)
├── NotFound                    404  not_found (the same for "not granted" and "does not exist")
├── Conflict                    409  idempotency_conflict · training_not_ready
├── RateLimited                 429  rate_limited (Retry-After)
├── PolicyError                 —    the owner's file: path, line, fix
├── EngineFailure               500  engine_failed · 504 engine_timeout (charged; says nothing about data)
├── LedgerUnavailable           503  ledger_unavailable (fails closed)
├── IdentityUnavailable         503  identity_unavailable (the provider's keys cannot be had; API keys still work)
├── NotInstalled                501  training_not_installed · engine_not_installed · training_reads_files (this installation cannot)
└── Overloaded                  503  overloaded · engine_unavailable · training_queue_full (Retry-After)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Position:
    """Where in the analyst's SQL: 1-based line and column, 0-based half-open character span [start, end)."""

    line: int
    column: int
    start: int
    end: int


class TacitError(Exception):
    """Root of the tree. ``code`` is stable and public; ``detail`` says the cause, ``hint`` the smallest fix."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        hint: str | None = None,
        position: Position | None = None,
        rule: str | None = None,
        suggestion: str | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.hint = hint
        self.position = position
        self.rule = rule
        self.suggestion = suggestion
        self.extra: dict[str, Any] = extra

    def __str__(self) -> str:
        where = f" (line {self.position.line}, column {self.position.column})" if self.position else ""
        fix = f" {self.hint}" if self.hint else ""
        return f"{self.code}: {self.detail}{where}{fix}"


class Refusal(TacitError):
    """The statement or its parameters cannot be answered. Decided from public facts, charges nothing."""

    status = 422
    title = "Refused"


class SqlSyntaxError(Refusal):
    """The text is not one SELECT within the limits."""

    title = "SQL not understood"


class BindError(Refusal):
    """A name, a type or a function does not fit the policy."""

    title = "Name or type not found in the policy"


class DerivationError(Refusal):
    """No rule derives the relation as public, protected or released."""

    title = "Not derivable as a private answer"


class RequestError(Refusal):
    """A parameter beside the SQL (epsilon, delta, bounds) is malformed or outside the policy."""

    title = "Parameter refused"


class BudgetExhausted(TacitError):
    """The charge does not fit what is left on the analyst's or the dataset's account; ``extra['remaining']`` tells."""

    status = 403
    title = "Budget exhausted"


class Unauthenticated(TacitError):
    """No key, or a key that is unknown, revoked or expired."""

    status = 401
    title = "Authentication required"


class Forbidden(TacitError):
    """The key is good, its role does not allow the route."""

    status = 403
    title = "Not allowed for this role"


class NotFound(TacitError):
    """No such thing for this caller; never tells a thing not granted from one that does not exist."""

    status = 404
    title = "Not found"


class Conflict(TacitError):
    """The idempotency key was used with another body, or its first request has not finished."""

    status = 409
    title = "Conflict"


class PolicyError(TacitError):
    """The owner's policy is wrong: ``extra`` holds ``file`` and ``line`` (1-based), ``hint`` the fix."""

    status = 500
    title = "Policy refused"


class EngineFailure(TacitError):
    """The engine faulted or ran out of time after the charge. The charge stays; nothing about the data is said."""

    status = 500
    title = "The engine could not finish"


class LedgerUnavailable(TacitError):
    """The ledger cannot promise durability: the service fails closed."""

    status = 503
    title = "Ledger unavailable"


class RateLimited(TacitError):
    """This caller asks faster than allowed; try again after ``extra['retry_after_s']`` seconds. Nothing ran."""

    status = 429
    title = "Too many requests"


class IdentityUnavailable(TacitError):
    """The identity provider's signing keys cannot be had, so that no token can be judged."""

    status = 503
    title = "Identity provider unavailable"


class NotInstalled(TacitError):
    """This installation lacks an optional part; the operator decides."""

    status = 501
    title = "Not installed"


class Overloaded(TacitError):
    """Too much work is queued; try again after ``extra['retry_after_s']`` seconds."""

    status = 503
    title = "Overloaded"
