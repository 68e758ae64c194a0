"""A plan as JSON text that can be read without running anything: what a parser process hands to the service.

The reader builds the frozen classes of the plan and nothing else, by their own constructors, so that a process that was
taken over by hostile SQL can send a wrong plan at worst, never code. A part that is shared is written once.

>>> from .bounds import Interval
>>> decode(encode(Interval.of(1, 3)))
[1, 3]
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import json
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from . import bounds, expr, plan

_PLAIN_INT_MAX: Final = 2**63


def _classes(kind: Callable[[type], bool]) -> dict[str, type[Any]]:
    found = [c for module in (bounds, expr, plan) for c in vars(module).values() if isinstance(c, type) and kind(c)]
    return {c.__name__: c for c in found if c.__module__ in (bounds.__name__, expr.__name__, plan.__name__)}


_NODES: Final = _classes(dataclasses.is_dataclass)
_ENUMS: Final = _classes(lambda c: issubclass(c, enum.Enum))
_FIELDS: Final = {name: tuple(f.name for f in dataclasses.fields(c)) for name, c in _NODES.items()}
_ARITY: Final = {name: len(names) for name, names in _FIELDS.items()}
_VALUES: Final = {name: {member.value: member for member in c} for name, c in _ENUMS.items()}
_ATOMS: Final[dict[type, Callable[[Any], list[Any]]]] = {
    float: lambda x: ["f", x.hex()],
    Fraction: lambda x: ["q", hex(x.numerator), hex(x.denominator)],  # base 16 has no limit on digits
    Decimal: lambda x: ["d", str(x)],
    dt.date: lambda x: ["day", x.isoformat()],
    dt.datetime: lambda x: ["time", x.isoformat()],
    int: lambda x: ["i", hex(x)],
}
_READ: Final[dict[str, Callable[..., Any]]] = {
    "f": float.fromhex,
    "q": lambda n, d: Fraction(int(n, 16), int(d, 16)),
    "d": Decimal,
    "day": dt.date.fromisoformat,
    "time": dt.datetime.fromisoformat,
    "i": lambda x: int(x, 16),
}


def encode(root: object) -> bytes:
    """The plan, relation or facts as JSON; ``TypeError`` for a value that a plan does not hold."""
    writer = _Writer()
    top = writer.put(root)
    return json.dumps({"nodes": writer.nodes, "root": top}, separators=(",", ":")).encode()


def decode(text: bytes | bytearray | memoryview) -> Any:
    """The inverse; ``ValueError`` for anything that ``encode`` does not write."""
    try:
        body = json.loads(bytes(text))
        built: list[Any] = []
        atoms: dict[tuple[Any, ...], Any] = {}  # many come again and again within a plan
        for name, *parts in body["nodes"]:
            values = [part if type(part) is not list else _get(part, built, atoms) for part in parts]
            if name == "":
                built.append(tuple(values))
            elif len(values) == _ARITY[name]:
                built.append(_NODES[name](*values))
            else:
                raise ValueError("not a plan (a part too many or too few)")
        root = body["root"]
        return _get(root, built, atoms) if isinstance(root, list) else root
    except (KeyError, IndexError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise ValueError(f"not a plan ({type(error).__name__})") from None


def _get(part: list[Any], built: list[Any], atoms: dict[tuple[Any, ...], Any]) -> Any:
    kind = part[0]
    if kind == "r":
        return built[part[1]]
    if kind == "e":
        return _VALUES[part[1]][part[2]]
    made = tuple(part)
    if made not in atoms:
        atoms[made] = _READ[kind](*part[1:])
    return atoms[made]


class _Writer:
    """Nodes in the order in which they can be built; each shared one once."""

    def __init__(self) -> None:
        self.nodes: list[list[Any]] = []
        self._index: dict[int, int] = {}
        self._kept: list[object] = []  # an id is taken only while its object lives

    def put(self, x: Any) -> Any:
        kind = type(x)
        if x is None or kind is bool or kind is str or (kind is int and -_PLAIN_INT_MAX < x < _PLAIN_INT_MAX):
            return x
        if isinstance(x, enum.Enum):
            return ["e", _named(kind, _ENUMS), x.value]
        atom = _ATOMS.get(kind)
        if atom is not None:
            return atom(x)
        known = self._index.get(id(x))
        if known is None:
            if kind is tuple:
                node = ["", *(self.put(item) for item in x)]
            else:
                name = _named(kind, _NODES)
                node = [name, *(self.put(getattr(x, field)) for field in _FIELDS[name])]
            known = self._index[id(x)] = len(self.nodes)
            self.nodes.append(node)
            self._kept.append(x)
        return ["r", known]


def _named(kind: type, among: dict[str, type[Any]]) -> str:
    if among.get(kind.__name__) is not kind:
        raise TypeError(f"a plan holds no {kind.__name__}")
    return kind.__name__
