"""The window of a pace that is open now: what it leaves, and when the next one opens. Days and months are UTC's."""

from __future__ import annotations

import datetime as dt

from tacit_service.privacy.units import Epsilon

from .records import Pace, Window


def open_window(pace: Pace, window: str, spent: int, at: str) -> Window | None:
    """What an account paced so leaves at ``at`` (ISO 8601), when ``spent`` units of ε were spent in ``window``.

    A clock set back stays in the later window, as it does for charges.

    >>> left = open_window(Pace("day", 3 * 10**11), "2026-02-28", 10**11, "2026-02-28T12:00:00")
    >>> str(left.remaining), left.ends
    ('0.2', '2026-03-01T00:00:00+00:00')
    """
    now = {"day": at[:10], "month": at[:7]}.get(pace.period)
    if now is None:
        return None
    used = 0 if now > window else spent
    left = Epsilon(max(0, pace.epsilon_max - used))
    return Window(pace.period, Epsilon(pace.epsilon_max), left, _end(max(now, window)))


def _end(window: str) -> str:
    """The first moment after a day (``2026-02-28``) or a month (``2026-02``)."""
    year, month, *day = (int(part) for part in window.split("-"))
    if day:
        next_day = dt.date(year, month, day[0]) + dt.timedelta(days=1)
    else:
        next_day = dt.date(year + month // 12, month % 12 + 1, 1)
    return f"{next_day.isoformat()}T00:00:00+00:00"
