"""Exact money: ε and ρ in integers of 1e-12, δ in integers of 1e-18. Floats never enter, decimals are parsed from text.

>>> Epsilon.parse("0.1").units
100000000000
>>> str(Epsilon.parse("0.1") * 30)
'3'
>>> Delta.parse("1e-6")
Delta('0.000001')
>>> Epsilon.parse(0.1)
Traceback (most recent call last):
    ...
TypeError: an exact amount is parsed from a decimal string, an int or a Decimal, not float
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import ClassVar, Self

_DECIMAL = re.compile(r"(?P<int>[0-9]{1,32})(?:\.(?P<frac>[0-9]{0,64}))?(?:[eE](?P<exp>[+-]?[0-9]{1,3}))?\Z")
_UNITS_MAX = 10**30  # 1e18 nats; far past any policy, and far below what integers of the store hold as text


@dataclass(frozen=True, order=True, slots=True, repr=False)
class Exact:
    """A non-negative amount held as an integer number of ``10**-DIGITS``."""

    units: int
    DIGITS: ClassVar[int] = 0

    def __post_init__(self) -> None:
        if type(self.units) is not int:
            raise TypeError(f"units is an int, not {type(self.units).__name__}")
        if self.units < 0:
            raise ValueError(f"units={self.units} is negative")

    @classmethod
    def parse(cls, value: str | int | Decimal) -> Self:
        """Parse a plain decimal; raises ``ValueError`` when it is not one, is negative, or is finer than the unit."""
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
            raise TypeError(
                f"an exact amount is parsed from a decimal string, an int or a Decimal, not {type(value).__name__}"
            )
        text = str(value)
        match = _DECIMAL.match(text)
        if match is None:
            raise ValueError("not a plain non-negative decimal such as 0.1")
        if abs(int(match["exp"] or 0)) > 40:
            raise ValueError("exponent is outside -40..40")
        with localcontext() as ctx:
            ctx.prec = 200
            scaled = Decimal(text).scaleb(cls.DIGITS)
            if scaled != scaled.to_integral_value():
                raise ValueError(f"finer than the smallest unit, 1e-{cls.DIGITS}")
            units = int(scaled)
        if units > _UNITS_MAX:
            raise ValueError("too large")
        return cls(units)

    @classmethod
    def ceil(cls, value: float) -> Self:
        """Round a float that a privacy map returned *up* to the next unit: charges round against the analyst."""
        return cls(_round(value, cls.DIGITS, up=True))

    def __add__(self, other: Self) -> Self:
        return type(self)(self.units + other.units)

    def __sub__(self, other: Self) -> Self:
        return type(self)(self.units - other.units)

    def __mul__(self, times: int) -> Self:
        return type(self)(self.units * times)

    def __bool__(self) -> bool:
        return self.units > 0

    def __float__(self) -> float:
        return float(self.decimal())

    def decimal(self) -> Decimal:
        """The amount as an exact ``Decimal``."""
        with localcontext() as ctx:
            ctx.prec = 200
            return Decimal(self.units).scaleb(-self.DIGITS)

    def __str__(self) -> str:
        text = f"{self.decimal():f}"
        return text.rstrip("0").rstrip(".") if "." in text else text

    def short(self) -> str:
        """For people: a small amount in scientific notation, exactly (``3e-7``); any other as ``str`` has it."""
        number = self.decimal()
        if not number or number >= Decimal("0.001"):
            return str(self)
        digits = "".join(map(str, number.as_tuple().digits)).rstrip("0")
        return f"{digits[0]}{'.' if digits[1:] else ''}{digits[1:]}e{number.adjusted()}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}('{self}')"

    def split(self, weights: list[int]) -> list[Self]:
        """Divide into parts proportional to integer weights that add up to exactly the whole (largest remainder)."""
        total = sum(weights)
        parts = [self.units * w // total for w in weights]
        short = self.units - sum(parts)
        order = sorted(range(len(weights)), key=lambda i: -(self.units * weights[i] % total))
        for i in order[:short]:
            parts[i] += 1
        return [type(self)(p) for p in parts]


class Epsilon(Exact):
    """ε in units of 1e-12 nat."""

    DIGITS = 12
    __slots__ = ()


class Rho(Exact):
    """ρ of zero-concentrated differential privacy, in units of 1e-12 nat."""

    DIGITS = 12
    __slots__ = ()


class Delta(Exact):
    """δ in units of 1e-18."""

    DIGITS = 18
    __slots__ = ()


def _round(value: float, digits: int, *, up: bool) -> int:
    if not 0.0 <= value < float("inf"):
        raise ValueError(f"value={value} is not a finite non-negative number")
    num, den = value.as_integer_ratio()
    scaled, rest = divmod(num * int(10**digits), den)
    return scaled + (1 if up and rest else 0)
