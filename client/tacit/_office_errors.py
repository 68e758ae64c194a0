"""Errors of accounts, keys and limits of use: what collides with what is there, and what cannot be answered now."""

from __future__ import annotations

from tacit._api_error import APIError


class Conflict(APIError):
    """The idempotency key was used with another body."""


class ServiceUnavailable(APIError):
    """The service cannot answer now; ``retry_after_s`` says when to try again, if it knows."""


class RateLimited(ServiceUnavailable):
    """This caller asks faster than allowed. Nothing ran; ``retry_after_s`` says when to ask again."""


class IdentityUnavailable(ServiceUnavailable):
    """The identity provider's signing keys cannot be had; API keys still work."""


class AllotmentExceeded(Conflict):
    """The analysts' limits would add up to more than the dataset has."""


class AccountOfPolicy(Conflict):
    """The policy declares this account; its limits are changed there."""


class KeyOver(Conflict):
    """The key is revoked or has ended, and cannot be changed."""


class AccountClosed(Conflict):
    """The account is closed or frozen; the data owner decides."""


class LimitsFixed(Conflict):
    """An account's limits were fixed when it was created."""


class TransferRefused(Conflict):
    """An allotment cannot be moved between these accounts."""


class PromiseChanged(Conflict):
    """A new version of the policy would change whom earlier charges protect."""


class DataPromised(Conflict):
    """The rows are protected already, as part of another dataset."""


CODES: dict[str, type[APIError]] = {
    "account_closed": AccountClosed,
    "account_of_policy": AccountOfPolicy,
    "allotment_exceeded": AllotmentExceeded,
    "data_promised": DataPromised,
    "identity_unavailable": IdentityUnavailable,
    "key_over": KeyOver,
    "limits_fixed": LimitsFixed,
    "promise_changed": PromiseChanged,
    "rate_limited": RateLimited,
    "transfer_refused": TransferRefused,
}
"""The class of each code."""
