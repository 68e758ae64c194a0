"""SQL of a row cap (``query.rules.row_cap``): the rows of a unit that count where rows meet rows of the same unit."""

from __future__ import annotations

from tacit_service.query.plan import Filter, Project, RowCap, Scan

from . import stored
from .ordering import group_order


def capped(r: RowCap, rows: str) -> str:
    """At most ``r.rows`` of ``rows``, the SQL of its input, for each unit and value of the columns ``by``.

    Only units above the cap are ranked. Who is, is read off the stored totals where there are any: they are no less than the
    unit's rows here, and a rank keeps all rows of a unit within the cap, so that both ways give the same rows. Rows
    that are alike in all columns stand for one another.
    """
    of = ", ".join(["_u", *(f"c{i}" for i in r.by)])
    place = f"row_number() OVER (PARTITION BY {of} ORDER BY {group_order([f'c{c.id}' for c in r.columns])})"
    below = r.input
    while isinstance(below, Project | Filter):
        below = below.input
    kept = "NOT MATERIALIZED" if isinstance(below, Scan) else "MATERIALIZED"
    if stored.total(r.input) is not None:
        few, many, with_many = f"s WHERE {stored.TOTAL} <= {r.rows}", f"s WHERE {stored.TOTAL} > {r.rows}", ""
    else:
        with_many = f", many AS (SELECT _u FROM s GROUP BY {of} HAVING count(*) > {r.rows})"
        few, many = "s ANTI JOIN many USING (_u)", "s SEMI JOIN many USING (_u)"
    ranked = f"SELECT * EXCLUDE (place) FROM (SELECT s.*, {place} AS place FROM {many}) WHERE place <= {r.rows}"
    return f"WITH s AS {kept} ({rows}){with_many} SELECT s.* FROM {few} UNION ALL {ranked}"
