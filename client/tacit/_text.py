"""Text that is safe and legible on a terminal: control characters removed, widths counted, numbers rounded to what
their interval supports.

>>> clean("a\\x1b[31mb")
'a[31mb'
>>> with_interval(1234.56, (1220.1, 1249.0))
('1,235', '±14')
>>> with_interval(1234567, (1218000, 1251134))
('1,235,000', '±17,000')
"""

from __future__ import annotations

import math
import os
import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal, localcontext
from typing import TextIO

# C0, DEL, C1, soft hyphen, bidi marks and overrides, zero-width and invisible formatting, surrogates, tags.
_CONTROL = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
_DELTA = re.compile(r"((?:\bdelta|δ) )(0\.000\d+)")
_SPACE = re.compile("[\t\n\v\f\r\x1c-\x1f\x85\u2028\u2029]+")
_KEPT_IN_BLOCKS = "\n\t"
_ASYMMETRY_MAX = Decimal("0.1")  # of the half-width: below it one "±" tells the truth


def clean(text: str) -> str:
    """One line without anything that a terminal, or a bidirectional renderer, would obey."""
    return _CONTROL.sub("", _SPACE.sub(" ", text))


def clean_block(text: str) -> str:
    """As ``clean``, for text of several lines: line feeds and tabs stay."""
    return _CONTROL.sub(lambda match: match[0] if match[0] in _KEPT_IN_BLOCKS else "", text)


def short_deltas(text: str) -> str:
    """Small δ in running text in the one form of the tables.

    >>> short_deltas("δ 0.0000003 and delta 0.000001 is left")
    'δ 3e-7 and delta 1e-6 is left'
    """
    return _DELTA.sub(lambda match: match[1] + short_decimal(match[2]), text)


def short_decimal(text: str) -> str:
    """A small decimal in scientific notation, exactly: ``0.000001`` as ``1e-6``; anything else as it is."""
    try:
        number = Decimal(text)
    except ArithmeticError:
        return text
    if not number.is_finite() or number == 0 or abs(number) >= Decimal("0.001"):
        return text
    digits = number.normalize().as_tuple()
    mantissa = "".join(map(str, digits.digits))
    point = f".{mantissa[1:]}" if len(mantissa) > 1 else ""
    return f"{mantissa[0]}{point}e{number.adjusted()}"


def escape_json(text: str) -> str:
    """Encoded JSON with control characters as ``\\uXXXX``: the same value, and inert on a terminal."""
    return _CONTROL.sub(_json_escape, text)


def _json_escape(match: re.Match[str]) -> str:
    char = match[0]
    if char in _KEPT_IN_BLOCKS:  # only outside strings, where they are layout
        return char
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def width(text: str) -> int:
    """Columns of a terminal that cleaned text takes."""
    if text.isascii():
        return len(text)
    return sum(_char_width(char) for char in text)


def _char_width(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def columns(stream: TextIO) -> int:
    """How wide the terminal behind a stream is; 80 where nobody says."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def fitted(text: str, room: int) -> str:
    """One line cut to so many columns: a longer one would wrap, and could not be drawn over.

    >>> fitted("running 10/50", 8), fitted("running", 8)
    ('running…', 'running')
    """
    if width(text) <= room:
        return text
    while text and width(text) > room - 1:
        text = text[:-1]
    return f"{text}…"


def pad(text: str, columns: int, *, right: bool = False) -> str:
    """Text padded to a display width, on the left when it is right-aligned."""
    gap = " " * max(0, columns - width(text))
    return gap + text if right else text + gap


def exact(value: object) -> str:
    """A cell without rounding: as CSV and keys show it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return float.__repr__(value) if isinstance(value, float) else str(value)


def measured(value: float) -> str:
    """A measured number that has no interval: grouped thousands, six significant digits."""
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.6g}" if math.isfinite(value) and abs(value) < 1e6 else f"{value:,.0f}"


def with_interval(value: float, interval: Iterable[float]) -> tuple[str, str]:
    """A number rounded to two digits of its half-width, and the half-width as ``±14`` (or ``+20/-3`` when lopsided)."""
    low, high = interval
    if not all(math.isfinite(x) for x in (value, low, high)):
        return measured(value), ""
    with localcontext() as ctx:
        ctx.prec = 800
        middle, below, above = _decimal(value), _decimal(value) - _decimal(low), _decimal(high) - _decimal(value)
        half = max(below, above)
        if half <= 0:
            return measured(value), ""
        exponent = half.adjusted() - 1
        if isinstance(value, int) and half >= 1:
            exponent = max(exponent, 0)
        shown = _round(middle, 0 if isinstance(value, int) and exponent < 0 else exponent)
        if below < 0 or above < 0:  # an estimate that was clamped lies outside its own interval
            return shown, f"[{_round(_decimal(low), exponent)}, {_round(_decimal(high), exponent)}]"
        if abs(above - below) <= _ASYMMETRY_MAX * half:
            return shown, f"±{_round((above + below) / 2, exponent)}"
        return shown, f"+{_round(above, exponent)}/-{_round(below, exponent)}"


def half_width(value: float) -> str:
    """An expected half-width with two significant digits: ``±14``, ``±1,200``, ``±0.013``."""
    if not math.isfinite(value):
        return "±∞"
    with localcontext() as ctx:
        ctx.prec = 800
        number = _decimal(value)
        return f"±{_round(number, number.adjusted() - 1 if number else 0)}"


def _decimal(value: float) -> Decimal:
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def _round(value: Decimal, exponent: int) -> str:
    rounded = value.quantize(Decimal(1).scaleb(exponent))
    return f"{abs(rounded) if rounded == 0 else rounded:,f}"  # never "-0"
