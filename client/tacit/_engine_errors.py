"""Errors of the engine that aggregates: before the charge it was refused or away, after it the charge stays."""

from __future__ import annotations

from tacit._api_error import APIError
from tacit._office_errors import ServiceUnavailable
from tacit._refusals import RefusedError


class EngineFailed(APIError):
    """The engine faulted after the charge. The charge stays; nothing about the data is said."""


class EngineTimeout(EngineFailed):
    """The engine ran out of time after the charge."""


class SnapshotInvalid(EngineFailed):
    """Prepared data break the policy's facts; nothing is served from them."""


class EngineLacks(RefusedError):
    """The database that holds the rows has no equal of something in the statement. Nothing was charged."""


class EngineNotInstalled(APIError):
    """The engine that a policy names is not installed with the service."""


class EngineUnavailable(ServiceUnavailable):
    """The database that holds the rows cannot be asked. Nothing was run or charged."""


CODES: dict[str, type[APIError]] = {
    "engine_failed": EngineFailed,
    "engine_lacks": EngineLacks,
    "engine_not_installed": EngineNotInstalled,
    "engine_timeout": EngineTimeout,
    "engine_unavailable": EngineUnavailable,
    "snapshot_invalid": SnapshotInvalid,
}
"""The class of each code."""
