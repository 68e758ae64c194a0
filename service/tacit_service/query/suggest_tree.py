"""Small changes of a parsed statement that suggestions are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlglot import exp

from tacit_service.errors import Refusal

from .catalog import Catalog

Rule = Callable[[Catalog, exp.Expr, "exp.Expr | None", Refusal], Iterator[exp.Expr]]


def simplest(catalog: Catalog, sql: str) -> str:
    """``SELECT COUNT(*)`` of the first table that the text names, else of the first protected one."""
    words = sql.lower()
    tables = [t for n in catalog.names() if (t := catalog.table(n)) is not None]
    protected = [t for t in tables if not t.public] or tables
    named = [t for t in protected if t.name.lower() in words]
    return f"SELECT COUNT(*) AS n FROM {exp.to_identifier((named or protected)[0].name).sql('duckdb')}"


def units(catalog: Catalog, select: exp.Expr) -> list[tuple[str, str]]:
    """(alias, unit column) of each protected table in FROM of the SELECT."""
    found = []
    items = [select.args["from_"].this] if select.args.get("from_") is not None else []
    items += [j.this for j in select.args.get("joins") or []]
    for item in items:
        info = catalog.table(item.name) if isinstance(item, exp.Table) else None
        if info is not None and not info.public:
            for name, facts in info.columns.items():
                if facts.unit:
                    found.append((item.alias_or_name, name))
    return found


def any_unit(catalog: Catalog) -> str:
    """The unit column of the first protected table that has one."""
    tables = [t for n in catalog.names() if (t := catalog.table(n)) is not None and not t.public]
    return next((n for t in tables for n, f in t.columns.items() if f.unit), "id")


def changed(tree: exp.Expr, match: Callable[[exp.Expr], exp.Expr | None]) -> Iterator[exp.Expr]:
    """The tree with every node that ``match`` maps replaced; nothing when none is."""
    if not any(match(node) is not None for node in tree.walk()):
        return  # before a copy is made, which takes ten times as long

    def swap(node: exp.Expr) -> exp.Expr:
        fresh = match(node)
        return node if fresh is None else fresh

    yield tree.copy().transform(swap, copy=False)


def on_copy(tree: exp.Expr, node: exp.Expr | None, change: Callable[[exp.Expr], bool]) -> Iterator[exp.Expr]:
    """A copy in which the twin of ``node`` is changed."""
    if node is None:
        return
    place = next((i for i, n in enumerate(tree.walk()) if n is node), None)
    copy = tree.copy()
    twin = next((n for i, n in enumerate(copy.walk()) if i == place), None)
    if twin is not None and change(twin):
        yield copy


def around(node: exp.Expr | None, *kinds: type[exp.Expr]) -> exp.Expr | None:
    """The node or the nearest one around it that is of a kind."""
    while node is not None and not isinstance(node, kinds):
        node = node.parent
    return node
