"""PEP 249's exceptions, and which of the SDK's become which. ``error.tacit`` is the original, with code, position and fix.

Warning
Error
├── InterfaceError      the connection or cursor is closed; what answered is no Tacit service
└── DatabaseError
    ├── DataError           never raised: expressions are total
    ├── IntegrityError      never raised: nothing is written
    ├── OperationalError    no connection, no key, no budget, overloaded, the engine failed
    ├── InternalError       a fault of the service
    ├── ProgrammingError    the statement or a parameter is wrong
    └── NotSupportedError   the statement cannot be answered privately
"""

from __future__ import annotations

import builtins
import contextlib
from collections.abc import Iterator

from tacit import errors


class Warning(builtins.Warning):
    """PEP 249's warning; notes of an answer are in its receipt."""


class Error(errors.TacitError):
    """Root of what ``tacit.dbapi`` raises. ``tacit`` is the SDK's exception behind it, where there is one."""

    tacit: errors.TacitError | None = None


class InterfaceError(Error):
    """The connection or the cursor is closed, or what answered is no Tacit service."""


class DatabaseError(Error):
    """The service said no."""


class DataError(DatabaseError):
    """Never raised: no value of the data can make a question fail."""


class OperationalError(DatabaseError):
    """No connection, no good key, no budget, or a service that cannot answer now."""


class IntegrityError(DatabaseError):
    """Never raised: nothing is written."""


class InternalError(DatabaseError):
    """A fault of the service."""


class ProgrammingError(DatabaseError):
    """The statement or a parameter is wrong; nothing was charged."""


class NotSupportedError(DatabaseError):
    """The statement cannot be answered privately; nothing was charged."""


_CLASSES: tuple[tuple[type[errors.TacitError], type[Error]], ...] = (
    (errors.ProtocolError, InterfaceError),
    (errors.InvalidArgument, ProgrammingError),
    (errors.NotDerivable, NotSupportedError),
    (errors.RefusedError, ProgrammingError),
    (errors.BadRequest, ProgrammingError),
    (errors.Conflict, ProgrammingError),
    (errors.InternalError, InternalError),
    (errors.TacitError, OperationalError),
)


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Errors of the SDK as PEP 249's."""
    try:
        yield
    except Error:
        raise
    except errors.TacitError as error:
        kind = next(to for of, to in _CLASSES if isinstance(error, of))
        raised = kind(str(error))
        raised.tacit = error
        raise raised from error


for _kind in (Warning, Error, InterfaceError, DatabaseError, DataError, OperationalError, IntegrityError, InternalError,
              ProgrammingError, NotSupportedError):  # fmt: skip
    _kind.__module__ = "tacit.dbapi"
