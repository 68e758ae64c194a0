"""A plan in words: the derivation of each relation, the release points and what is computed above them."""

from __future__ import annotations

from dataclasses import fields

from .expr import Call, Case, Cast, Exists, Expr, InList, InRelation, IntervalLit, Lit, Param, Ref, Scalar, Window
from .plan import (
    Distinct,
    Filter,
    Join,
    Plan,
    Project,
    Relation,
    ReleasePoint,
    RowCap,
    Scan,
    SetOp,
    StagedRows,
    UnitAggregate,
    Values,
)

_INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/", "intdiv": "//", "mod": "%", "eq": "=", "ne": "<>", "lt": "<",
          "le": "<=", "gt": ">", "ge": ">=", "is_not_distinct": "IS NOT DISTINCT FROM", "is_distinct": "IS DISTINCT FROM",
          "and": "AND", "or": "OR", "dpipe": "||", "like": "LIKE", "ilike": "ILIKE"}  # fmt: skip


def explain(plan: Plan) -> str:
    """The whole plan, one line a step."""
    lines: list[str] = []
    for point in plan.releases:
        lines += _point(point)
    lines += [f"stage: {p.name} is {p.sql}" for p in plan.params]
    if plan.public_tables:
        lines.append(f"public tables, read exactly and free of charge: {', '.join(plan.public_tables)}")
    lines.append(f"post-processing, free: {plan.sql}")
    return "\n".join(lines)


def _point(point: ReleasePoint) -> list[str]:
    keys = ", ".join(k.label for k in point.keys)
    how = "public keys, every key has a row" if point.public_keys else "unknown keys, each passes a noisy threshold"
    head = f"release {point.name}: " + (f"by {keys} ({how})" if keys else "one row")
    lines = [head, *(f"  {o.name} = {o.label} from {', '.join(o.measures)}" for o in point.outputs)]
    if most := _compared(*(k.expr for k in point.keys), *(e for m in point.measures for e in (m.value, *m.where))):
        lines.append(f"  {most}")
    return lines + ["  over " + line if i == 0 else "  " + line for i, line in enumerate(relation(point.source))]


def relation(r: Relation, depth: int = 0) -> list[str]:
    """The derivation of a relation, innermost last."""
    pad = "  " * depth
    rows = "" if not r.protected else ", one row a unit" if r.max_rows == 1 else ""
    tag = f"[{r.property}{rows}]"
    if isinstance(r, Scan):
        return [f"{pad}table {r.table} {tag}"]
    if isinstance(r, Values):
        return [f"{pad}{len(r.rows)} constant rows {tag}"]
    if isinstance(r, StagedRows):
        return [f"{pad}rows of the stage {r.param} {tag}"]
    if isinstance(r, Filter):
        return [f"{pad}filter {text(r.predicate)} {tag}", *relation(r.input, depth + 1)]
    if isinstance(r, Project):
        shown = ", ".join(c.name for c in r.columns[:12])
        most = f"{pad}  {told}" if (told := _compared(*r.exprs)) else None
        line = f"{pad}select {shown}{', …' if len(r.columns) > 12 else ''} {tag}"
        return [line, *([most] if most else []), *relation(r.input, depth + 1)]
    if isinstance(r, Join):
        on = "" if r.on is None else f" on {text(r.on)}"
        note = ", same unit on both sides" if r.on_unit else ""
        return [f"{pad}{r.kind} join{on} {tag}{note}", *relation(r.left, depth + 1), *relation(r.right, depth + 1)]
    if isinstance(r, UnitAggregate):
        by = ", ".join(text(k) for k in r.keys) or "unit"
        return [f"{pad}aggregate of each unit's own rows by {by} {tag}", *relation(r.input, depth + 1)]
    if isinstance(r, Distinct):
        return [f"{pad}distinct, with the unit {tag}", *relation(r.input, depth + 1)]
    if isinstance(r, RowCap):
        names = {c.id: c.name for c in r.columns}
        of = "".join(f" and {names[i]}" for i in r.by)
        return [f"{pad}at most {r.rows} rows of a unit{of}, by a hash of the row {tag}", *relation(r.input, depth + 1)]
    if isinstance(r, SetOp):
        return [f"{pad}{r.kind.replace('_', ' ')} {tag}", *relation(r.left, depth + 1), *relation(r.right, depth + 1)]
    raise TypeError(f"no words for {type(r).__name__}")


def text(e: Expr) -> str:
    """An expression in the analyst's names."""
    if isinstance(e, Ref):
        return e.name
    if isinstance(e, Param):
        return f"(released number {e.name})"
    if isinstance(e, Lit):
        return "NULL" if e.value is None else f"'{e.value}'" if not isinstance(e.value, int | float) else str(e.value)
    if isinstance(e, IntervalLit):
        return f"INTERVAL {e.count} {e.part}"
    if isinstance(e, Call):
        args = [text(a) for a in e.args]
        if e.name in _INFIX and len(args) >= 2:
            return "(" + f" {_INFIX[e.name]} ".join(args) + ")"
        return f"{e.name}({', '.join(args)})"
    if isinstance(e, Case):
        whens = " ".join(f"WHEN {text(w)} THEN {text(v)}" for w, v in e.whens)
        return f"CASE {whens}{'' if e.default is None else ' ELSE ' + text(e.default)} END"
    if isinstance(e, Cast):
        return f"{text(e.arg)}::{e.facts.type}"
    if isinstance(e, InList):
        return f"{text(e.arg)} IN ({', '.join(text(i) for i in e.items)})"
    if isinstance(e, Exists):
        return f"EXISTS (of the unit's own rows{_most(e.relation)})" if e.on_unit else "EXISTS (public)"
    if isinstance(e, InRelation):
        return f"{text(e.arg)} IN (subquery{_most(e.relation)})"
    if isinstance(e, Scalar):
        return f"(subquery{_most(e.relation)})"
    if isinstance(e, Window):
        return f"{e.function}(…) over the unit's own rows"
    return type(e).__name__.lower()


def _compared(*exprs: Expr | None) -> str:
    nodes = (n for e in exprs if e is not None for n in e.walk() if isinstance(n, Exists | InRelation | Scalar))
    most = next((found for n in nodes if (found := _most(n.relation))), "")
    return f"subqueries compare a row with{most.lstrip(',')}" if most else ""


def _most(r: Relation) -> str:
    """How many rows of a unit a subquery compares with each row outside, where that is capped."""
    if isinstance(r, RowCap):
        return f", at most {r.rows} rows of a unit"
    inner = (getattr(r, f.name) for f in fields(r))
    return next((found for i in inner if isinstance(i, Relation) and (found := _most(i))), "")
