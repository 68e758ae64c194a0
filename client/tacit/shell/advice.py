"""Errors as a terminal says them: a fix that speaks HTTP is told as the command that does it."""

from __future__ import annotations

from tacit._text import clean_block, short_deltas
from tacit.errors import APIError, TacitError

_COMMANDS = (
    (
        "Send the header Authorization",
        "Set TACIT_KEY, or name a file by --key-file, with a key that the owner gave you.",
    ),
    ("GET /v1/datasets lists", "tacit datasets lists those that this key may use (\\datasets in the console)."),
    ("GET /v1/releases lists", "\\receipts in the console lists what its session bought."),
    ("Try again after the time in Retry-After", "Try again in a few seconds."),
)


def in_commands(error: TacitError) -> str:
    """The text of an error for a terminal, safe to print.

    >>> print(in_commands(APIError("not_found", 404, "No such dataset.", hint="GET /v1/datasets lists the datasets.")))
    not_found: No such dataset.
    Fix: tacit datasets lists those that this key may use (\\datasets in the console).
    """
    if isinstance(error, APIError) and error.hint:
        error.hint = next((said for http, said in _COMMANDS if error.hint.startswith(http)), error.hint)
    return short_deltas(clean_block(str(error)))
