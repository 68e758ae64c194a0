"""Qrlew, in its own environment (pyqrlew, duckdb), on DuckDB over the same Parquet file. Driven by ``peers.py``."""

from __future__ import annotations

import _peer as p
import duckdb
import sqlalchemy as sa
from pyqrlew import Dialect, Relation
from pyqrlew.wrappers import dataset_from_database

folder, epsilon, delta, rounds = p.arguments()
connection = duckdb.connect()
connection.execute(f"CREATE TABLE visits AS SELECT * FROM read_parquet('{folder / 'visits.parquet'}')")
rows = connection.execute("SELECT count(*) FROM visits").fetchall()[0][0]
# Qrlew reads a schema through SQLAlchemy; SQLite holds it, with the number of rows that it asks for, and no person's row
engine = sa.create_engine("sqlite://", poolclass=sa.pool.StaticPool)
table = sa.Table(
    "visits", sa.MetaData(), sa.Column("patient_id", sa.Integer), sa.Column("region", sa.String),
    sa.Column("diagnosis", sa.String), sa.Column("cost", sa.Float), sa.Column("visited_on", sa.Date),
)  # fmt: skip
table.metadata.create_all(engine)
with engine.begin() as schema:
    schema.execute(table.insert(), [{"patient_id": 0}] * rows)
dataset = dataset_from_database("visits", engine)
dataset = dataset.with_range(None, "visits", "cost", 0.0, float(p.COST_MAX))
dataset = dataset.with_possible_values(None, "visits", "region", p.REGIONS)


def ask(sql: str) -> p.Answer:
    """Rewrite, then run on DuckDB: key → number."""
    relation = Relation.from_query(sql, dataset)
    private = relation.rewrite_with_differential_privacy(
        dataset, [("visits", [], "patient_id")], {"epsilon": epsilon, "delta": delta},
        max_multiplicity=float(p.ROWS_MAX), max_multiplicity_share=1.0, max_privacy_unit_groups=p.GROUPS_MAX,
    ).relation()  # fmt: skip
    text = private.to_query(Dialect.PostgreSql)
    return {str(row[0]) if len(row) > 1 else "": row[-1] for row in connection.execute(text).fetchall()}


p.run(
    {
        p.COUNT: lambda: ask("SELECT COUNT(*) AS n FROM visits"),
        p.BY_REGION: lambda: ask("SELECT region, COUNT(*) AS n FROM visits GROUP BY region"),
        p.SUM: lambda: ask("SELECT region, SUM(cost) AS n FROM visits GROUP BY region"),
        p.AVG: lambda: ask("SELECT region, AVG(cost) AS n FROM visits GROUP BY region"),
        p.PATIENTS: lambda: ask("SELECT diagnosis, COUNT(DISTINCT patient_id) AS n FROM visits GROUP BY diagnosis"),
        p.FILTERED: lambda: ask("SELECT SUM(cost) AS n FROM visits WHERE visited_on >= '2024-07-01'"),
    },
    rounds,
)
