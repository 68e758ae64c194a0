"""What a release point measures, apart from how it was written: aliases, layout, and the order of columns, keys and AND terms.

Identity is read off the engine's own statements, one a measure, with keys and terms in one order and column numbers
counted anew: two points that agree in it run the same SQL under the same noise. Where this finds two spellings of one meaning to
differ, an answer is bought that might have been free; the other way round cannot happen.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, replace
from typing import Any

from tacit_service.engine.bounding import source_text, statements
from tacit_service.engine.emit import expression, key, relation
from tacit_service.engine.key_rows import KeyRows, KeyTable
from tacit_service.query.expr import Call, Expr, conjuncts
from tacit_service.query.plan import Filter, Measure, Relation, ReleasePoint

from .estimate import Estimate, Priced

_TOKENS = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\bc(\d+)\b")


@dataclass(frozen=True, slots=True)
class Identity:
    """Of one release point: its source without the topmost condition, its keys in the plan's order, its measures by name."""

    base: str
    keys: tuple[str, ...]
    measures: dict[str, str]
    public_keys: str

    @property
    def whole(self) -> list[Any]:
        """What has to agree for one release to stand for another."""
        return [sorted(self.keys), sorted(self.measures.values()), self.public_keys]


def identify(point: ReleasePoint, public: KeyRows | None, estimate: Estimate) -> Identity:
    """The identity of a priced point; ``public`` are its public keys.

    The source is written and numbered once, and stands in each measure's statements by a word: one pass over both.
    """
    source = ordered(point.source)
    whole, seen = source_text(source), dict[str, str]()
    rows = digest(numbered(whole, seen))
    texts = [digest([rows, numbered(key(k.expr), dict(seen))]) for k in point.keys]
    order = sorted(range(len(texts)), key=lambda i: (texts[i], i))
    keys = tuple(replace(point.keys[i], name=f"k{n}") for n, i in enumerate(order))
    alone = replace(point, source=source, keys=keys)
    measures = {
        m.name: digest(
            [
                rows,
                [
                    numbered(s.sql.replace(whole, "rows"), dict(seen))
                    for s in statements(replace(alone, measures=(one(m),)))
                ],
                noise(estimate.of(point.name, m.name)),
                *([] if m.rank is None else [str(m.rank)]),
                m.name == point.threshold_on,
            ]
        )
        for m in point.measures
    }
    shown: Any = None if public is None else sorted(repr(tuple(row[i] for i in order)) for row in _few(public))
    if isinstance(public, KeyTable):
        shown = public.digest(order)
    base = digest(numbered(relation(beneath(source)[0])))
    return Identity(base, tuple(texts), measures, digest(shown))


def _few(public: KeyRows) -> KeyRows:
    return () if isinstance(public, KeyTable) else public


def noise(priced: Priced) -> list[Any]:
    """The noise to nine digits: which of three equal shares of ε has the last unit depends on the order of columns."""
    m, choice = priced.measurement, priced.choice
    return [m.kind, f"{priced.scale:.9g}", m.threshold, *([] if choice is None else [f"{choice.scale:.9g}"])]


def one(measure: Measure) -> Measure:
    """The measure alone in its statement, its conditions in order."""
    terms = [term for condition in measure.where for term in conjuncts(condition)]
    where = tuple(sorted(terms, key=expression))
    return replace(measure, name="m", where=where, joint="joint" if measure.joint else "")


def beneath(source: Relation) -> tuple[Relation, list[Expr]]:
    """What the topmost WHERE reads, and its terms."""
    if isinstance(source, Filter):
        return source.input, conjuncts(source.predicate)
    return source, []


def ordered(source: Relation) -> Relation:
    """The relation with the terms of its conditions in one order, wherever a WHERE stands."""
    changes: dict[str, Any] = {}
    for name in ("input", "left", "right"):
        inner = getattr(source, name, None)
        if isinstance(inner, Relation):
            changes[name] = ordered(inner)
    if isinstance(source, Filter):
        terms = sorted(conjuncts(source.predicate), key=expression)
        if len(terms) > 1:
            changes["predicate"] = Call(source.predicate.facts, "and", tuple(terms))
    return replace(source, **changes) if changes else source


def numbered(sql: str, seen: dict[str, str] | None = None) -> str:
    """Column numbers in the order of first use, from those ``seen`` on, which it extends.

    Quoted text is left alone: a literal that looks like a column is none.

    >>> numbered("SELECT c7, c3 FROM t WHERE c3 = 'c7'")
    "SELECT c1, c2 FROM t WHERE c2 = 'c7'"
    """
    seen = {} if seen is None else seen

    def swap(match: re.Match[str]) -> str:
        number = match[1]
        return match[0] if number is None else seen.setdefault(number, f"c{len(seen) + 1}")

    return _TOKENS.sub(swap, sql)


def digest(value: Any) -> str:
    """A hash of JSON-ready data."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
