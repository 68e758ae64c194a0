"""Everything that Tacit raises, in one tree.

    TacitError
    ├── InvalidArgument                   an argument that no service would accept; nothing was sent
    ├── MissingExtra                      a conversion needs a package of ``pip install 'tacit[arrow]'``
    ├── ConnectionFailed                  no answer arrived; ``idempotency_key`` fetches it without paying twice
    ├── TrainingFailed                    a training job ended without a model; ``code`` says why
    ├── ProtocolError                     what answered does not speak Tacit's protocol
    └── APIError                          the service said no: code, status, detail, hint, position, …
        ├── RefusedError             422  the statement or a parameter cannot be answered; free
        │   ├── SqlRefused                sql_*: SqlSyntaxError · SqlTooLarge · SqlTooDeep · SqlTooComplex ·
        │   │                             SqlNotOneSelect · IdentifierInvalid
        │   ├── UnknownName               unknown_*: UnknownTable · UnknownColumn · UnknownFunction ·
        │   │                             AmbiguousColumn · DuplicateAlias
        │   ├── TypeMismatch              type_*
        │   ├── EpsilonRefused            epsilon_*: EpsilonInvalid · EpsilonTooLarge
        │   ├── DeltaRefused              delta_*: DeltaInvalid · DeltaTooLarge
        │   ├── BoundRefused              bound_*, max_*: BoundInvalid
        │   ├── InvalidRequest            invalid_request; ``extra["fields"]`` says which
        │   ├── TrainingRefused           training_*: a model, parameter, feature or label that cannot be trained
        │   ├── EngineLacks               engine_lacks: the database of the rows has no equal of something in it
        │   └── NotDerivable              no rule makes a private answer of it; ``rule`` names the missing one:
        │                                 NotGrouped · AggregateMisplaced · UnsupportedSyntax · UnsupportedAggregate ·
        │                                 MissingBounds · LiteralRequired · JoinWithoutUnit · PublicOuterJoin ·
        │                                 SetOperationMixed · SetOperationWithoutUnit · DistinctWithoutUnit ·
        │                                 SubqueryNotOnUnit · ScalarSubqueryRows · CorrelatedRelease ·
        │                                 ReleasedInProtected · WindowNotPerUnit · OrderDependent · UnitForged ·
        │                                 UnitInOutput · RowLevelOutput · TooManyGroups ·
        │                                 OuterSqlFailed · OuterSqlInvalid
        ├── BudgetExhausted          403  budget_exhausted; ``remaining`` tells what is left
        ├── Unauthenticated          401  unauthenticated
        ├── Forbidden                403  forbidden
        ├── NotFound                 404  not_found, the same for "not granted" and "does not exist"
        ├── Conflict                 409  idempotency_conflict · InProgress idempotency_in_progress · AccountClosed ·
        │                                 LimitsFixed · TransferRefused · AllotmentExceeded · AccountOfPolicy · KeyOver ·
        │                                 PromiseChanged · DataPromised
        ├── BadRequest               4xx  InvalidHTTP · InvalidJSON · IdempotencyKeyInvalid · MethodNotAllowed ·
        │                                 NotAcceptable · RequestTimeout · PayloadTooLarge · UnsupportedMediaType
        ├── EngineFailed         500/504  engine_failed · EngineTimeout · SnapshotInvalid; the charge stays · EngineNotInstalled 501
        ├── InternalError            500  internal; a charge may stand, ``idempotency_key`` fetches the answer
        ├── TrainingNotReady 409 · TrainingQueueFull 503 · TrainingNotInstalled 501 · TrainingReadsFiles 501
        └── ServiceUnavailable       503  LedgerUnavailable · Overloaded overloaded · Starting starting ·
                                          IdentityUnavailable · RateLimited 429 · EngineUnavailable

A code that this version does not know maps by family (``sql_…``), then by status. ``str(error)`` shows the cause, the
line of SQL with a caret under the place, and the fix.
"""

from __future__ import annotations

from tacit import _refusals
from tacit._api_error import APIError, Position, TacitError
from tacit._engine_errors import CODES as _ENGINE_CODES
from tacit._engine_errors import (
    EngineFailed,
    EngineLacks,
    EngineNotInstalled,
    EngineTimeout,
    EngineUnavailable,
    SnapshotInvalid,
)
from tacit._office_errors import CODES as _OFFICE_CODES
from tacit._office_errors import (
    AccountClosed,
    AccountOfPolicy,
    AllotmentExceeded,
    Conflict,
    DataPromised,
    IdentityUnavailable,
    KeyOver,
    LimitsFixed,
    PromiseChanged,
    RateLimited,
    ServiceUnavailable,
    TransferRefused,
)
from tacit._refusals import (
    AggregateMisplaced,
    AmbiguousColumn,
    BoundInvalid,
    BoundRefused,
    CorrelatedRelease,
    DeltaInvalid,
    DeltaRefused,
    DeltaTooLarge,
    DistinctWithoutUnit,
    DuplicateAlias,
    EpsilonInvalid,
    EpsilonRefused,
    EpsilonTooLarge,
    IdentifierInvalid,
    InvalidRequest,
    JoinWithoutUnit,
    LiteralRequired,
    MissingBounds,
    NotDerivable,
    NotGrouped,
    OrderDependent,
    OuterSqlFailed,
    OuterSqlInvalid,
    PublicOuterJoin,
    RefusedError,
    ReleasedInProtected,
    RowLevelOutput,
    ScalarSubqueryRows,
    SetOperationMixed,
    SetOperationWithoutUnit,
    SqlNotOneSelect,
    SqlRefused,
    SqlSyntaxError,
    SqlTooComplex,
    SqlTooDeep,
    SqlTooLarge,
    SubqueryNotOnUnit,
    TooManyGroups,
    TypeMismatch,
    UnitForged,
    UnitInOutput,
    UnknownColumn,
    UnknownFunction,
    UnknownName,
    UnknownTable,
    UnsupportedAggregate,
    UnsupportedSyntax,
    WindowNotPerUnit,
)
from tacit._text import clean_block, short_decimal
from tacit._training_errors import CODES as _TRAINING_CODES
from tacit._training_errors import TrainingFailed, TrainingRefused

__all__ = [
    "CODES",
    "APIError",
    "AccountClosed",
    "AccountOfPolicy",
    "AggregateMisplaced",
    "AllotmentExceeded",
    "AmbiguousColumn",
    "BadRequest",
    "BoundInvalid",
    "BoundRefused",
    "BudgetExhausted",
    "Conflict",
    "ConnectionFailed",
    "CorrelatedRelease",
    "DataPromised",
    "DeltaInvalid",
    "DeltaRefused",
    "DeltaTooLarge",
    "DistinctWithoutUnit",
    "DuplicateAlias",
    "EngineFailed",
    "EngineLacks",
    "EngineNotInstalled",
    "EngineTimeout",
    "EngineUnavailable",
    "EpsilonInvalid",
    "EpsilonRefused",
    "EpsilonTooLarge",
    "Forbidden",
    "IdempotencyKeyInvalid",
    "IdentifierInvalid",
    "IdentityUnavailable",
    "InProgress",
    "InternalError",
    "InvalidArgument",
    "InvalidHTTP",
    "InvalidJSON",
    "InvalidRequest",
    "JoinWithoutUnit",
    "KeyOver",
    "LedgerUnavailable",
    "LimitsFixed",
    "LiteralRequired",
    "MethodNotAllowed",
    "MissingBounds",
    "MissingExtra",
    "NotAcceptable",
    "NotDerivable",
    "NotFound",
    "NotGrouped",
    "OrderDependent",
    "OuterSqlFailed",
    "OuterSqlInvalid",
    "Overloaded",
    "PayloadTooLarge",
    "Position",
    "PromiseChanged",
    "ProtocolError",
    "PublicOuterJoin",
    "RateLimited",
    "RefusedError",
    "ReleasedInProtected",
    "RequestTimeout",
    "RowLevelOutput",
    "ScalarSubqueryRows",
    "ServiceUnavailable",
    "SetOperationMixed",
    "SetOperationWithoutUnit",
    "SnapshotInvalid",
    "SqlNotOneSelect",
    "SqlRefused",
    "SqlSyntaxError",
    "SqlTooComplex",
    "SqlTooDeep",
    "SqlTooLarge",
    "Starting",
    "SubqueryNotOnUnit",
    "TacitError",
    "TooManyGroups",
    "TrainingFailed",
    "TrainingRefused",
    "TransferRefused",
    "TypeMismatch",
    "Unauthenticated",
    "UnitForged",
    "UnitInOutput",
    "UnknownColumn",
    "UnknownFunction",
    "UnknownName",
    "UnknownTable",
    "UnsupportedAggregate",
    "UnsupportedMediaType",
    "UnsupportedSyntax",
    "WindowNotPerUnit",
    "class_for",
]


class InvalidArgument(TacitError, ValueError):
    """An argument that no service would accept. Nothing was sent."""


class MissingExtra(TacitError, ImportError):
    """A conversion needs a package that the base installation leaves out."""


class ConnectionFailed(TacitError, ConnectionError):
    """No answer arrived. A query may have been paid for: repeat it with the same ``idempotency_key`` to receive it."""

    def __init__(self, detail: str, idempotency_key: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.idempotency_key = idempotency_key

    def __str__(self) -> str:
        if self.idempotency_key is None:
            return clean_block(self.detail)
        return (
            f"{clean_block(self.detail)}\nThe query may have been paid for. "
            f"Repeat it with the idempotency key {self.idempotency_key} to receive its answer without paying twice."
        )


class ProtocolError(TacitError):
    """What answered does not speak Tacit's protocol: a proxy's page, or an incompatible version."""


class BudgetExhausted(APIError):
    """The charge does not fit what is left."""

    @property
    def remaining(self) -> dict[str, str] | None:
        """What is left, as ``{"epsilon": "0.02", "delta": "0"}``."""
        left = self.extra.get("remaining")
        return {str(k): str(v) for k, v in left.items()} if isinstance(left, dict) else None

    def _facts(self) -> list[str]:
        left = self.remaining
        return [f"Left: ε {left.get('epsilon', '?')}, δ {short_decimal(left.get('delta', '?'))}"] if left else []


class Unauthenticated(APIError):
    """No key, or one that is unknown, revoked or expired."""


class Forbidden(APIError):
    """The key is good; its role does not allow this."""


class NotFound(APIError):
    """No such thing for this caller."""


class InProgress(Conflict):
    """The first request under this idempotency key has not finished."""


class BadRequest(APIError):
    """The service does not read such requests at all."""


class InternalError(APIError):
    """A fault of the service. A charge may stand: the same ``idempotency_key`` again fetches the answer."""


class LedgerUnavailable(ServiceUnavailable):
    """The ledger cannot promise durability, so the service fails closed."""


class Overloaded(ServiceUnavailable):
    """Too much work is queued."""


class Starting(ServiceUnavailable):
    """The service is not ready yet."""


class InvalidHTTP(BadRequest):
    """The bytes are no HTTP request within the service's limits."""


class InvalidJSON(BadRequest):
    """The body is not strict JSON."""


class IdempotencyKeyInvalid(BadRequest):
    """Idempotency-Key is not one value of visible ASCII characters."""


class MethodNotAllowed(BadRequest):
    """The path exists and has other methods."""


class NotAcceptable(BadRequest):
    """Accept names no representation that is offered."""


class RequestTimeout(BadRequest):
    """The body did not arrive in time."""


class PayloadTooLarge(BadRequest):
    """The body is larger than the service reads."""


class UnsupportedMediaType(BadRequest):
    """The body is not application/json, or is compressed."""


CODES: dict[str, type[APIError]] = {
    **_refusals.REFUSALS,
    **_TRAINING_CODES,
    **_ENGINE_CODES,
    **_OFFICE_CODES,
    "budget_exhausted": BudgetExhausted,
    "unauthenticated": Unauthenticated,
    "forbidden": Forbidden,
    "not_found": NotFound,
    "idempotency_conflict": Conflict,
    "idempotency_in_progress": InProgress,
    "internal": InternalError,
    "ledger_unavailable": LedgerUnavailable,
    "overloaded": Overloaded,
    "starting": Starting,
    "invalid_http": InvalidHTTP,
    "invalid_json": InvalidJSON,
    "idempotency_key_invalid": IdempotencyKeyInvalid,
    "method_not_allowed": MethodNotAllowed,
    "not_acceptable": NotAcceptable,
    "request_timeout": RequestTimeout,
    "payload_too_large": PayloadTooLarge,
    "unsupported_media_type": UnsupportedMediaType,
}
"""The class of each code that this version knows."""

_FAMILIES: tuple[tuple[str, type[APIError]], ...] = (
    ("engine_", EngineFailed),
    ("ledger_", LedgerUnavailable),
    ("idempotency_", Conflict),
)

_STATUSES: dict[int, type[APIError]] = {
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    422: NotDerivable,
    503: ServiceUnavailable,
    504: EngineTimeout,
}


def class_for(code: str, status: int) -> type[APIError]:
    """The class of a problem: by its code, else by the code's family, else by the HTTP status."""
    if code in CODES:
        return CODES[code]
    for prefix, family in _refusals.FAMILIES if status == 422 else _FAMILIES if status != 400 else ():
        if code.startswith(prefix):
            return family
    if status in _STATUSES:
        return _STATUSES[status]
    return BadRequest if 400 <= status < 500 else InternalError if status >= 500 else APIError


for _name in __all__:  # the tree is one page to its readers, whichever file a class is in
    if isinstance(globals()[_name], type):
        globals()[_name].__module__ = __name__
