"""Facts recomputed after their inputs' facts changed (a cap learnt after aggregation, a narrowed column)."""

from __future__ import annotations

from dataclasses import replace

from . import operators
from .bind_call import _facts as call_facts
from .bounds import Facts
from .expr import Call, Case, Cast, Expr, InList, Ref
from .functions import FUNCTIONS


def rebound(e: Expr, known: dict[int, Facts]) -> Expr:
    """The same expression with current facts on its references and on everything computed from them."""
    if isinstance(e, Ref):
        return replace(e, facts=known[e.id]) if e.id in known else e
    if isinstance(e, Call):
        args = tuple(rebound(a, known) for a in e.args)
        facts = [a.facts for a in args]
        if e.name in operators.ARITHMETIC:
            fresh = operators.arithmetic(e.name, *facts)
        elif e.name in operators.CHOICE:
            real = [f for f in facts if f.type != "null"] or facts[:1]
            fresh = operators.choice(e.name, real, e.facts.type)
        elif e.name in FUNCTIONS:
            fresh = call_facts(FUNCTIONS[e.name], list(args))
        else:
            fresh = e.facts
        return replace(e, args=args, facts=fresh)
    if isinstance(e, Case):
        whens = tuple((rebound(w, known), rebound(v, known)) for w, v in e.whens)
        default = None if e.default is None else rebound(e.default, known)
        values = [v.facts for _, v in whens] + ([default.facts] if default is not None else [])
        real = [f for f in values if f.type != "null"]
        fresh = operators.choice("coalesce", real, e.facts.type) if real else e.facts
        fresh = fresh.with_(nullable=e.facts.nullable, key_null=e.facts.key_null, per_unit=e.facts.per_unit)
        return replace(e, whens=whens, default=default, facts=fresh)
    if isinstance(e, Cast):
        from .build import cast_to

        arg = rebound(e.arg, known)
        fresh_cast = cast_to(arg, e.facts.type, e.target)
        return fresh_cast if isinstance(fresh_cast, Cast) else replace(e, arg=arg)
    if isinstance(e, InList):
        return replace(e, arg=rebound(e.arg, known))
    return e
