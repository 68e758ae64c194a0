"""SmartNoise SQL, in its own environment (smartnoise-sql, pyarrow), over a pandas frame. Driven by ``peers.py``."""

from __future__ import annotations

import _peer as p
import pandas as pd
from snsql import Privacy, from_df

folder, epsilon, delta, rounds = p.arguments()
frame = pd.read_parquet(folder / "visits.parquet")
frame["visited_on"] = frame["visited_on"].astype(str)
METADATA = {
    "row_privacy": False, "sample_max_ids": True, "censor_dims": True, "clamp_counts": False,
    "patient_id": {"type": "int", "private_id": True}, "region": {"type": "string"}, "diagnosis": {"type": "string"},
    "cost": {"type": "float", "lower": 0.0, "upper": float(p.COST_MAX)}, "visited_on": {"type": "string"},
}  # fmt: skip


def ask(sql: str, most: int = p.ROWS_MAX) -> p.Answer:
    """Rows as key → number; the reader takes one query's ε."""
    table = {**METADATA, "max_ids": most}
    reader = from_df(frame, privacy=Privacy(epsilon=epsilon, delta=delta), metadata={"": {"data": {"visits": table}}})
    rows = reader.execute(sql)[1:]
    return {str(row[0]) if len(row) > 1 else "": row[-1] for row in rows}


p.run(
    {
        p.COUNT: lambda: ask("SELECT COUNT(*) AS n FROM data.visits"),
        p.BY_REGION: lambda: ask("SELECT region, COUNT(*) AS n FROM data.visits GROUP BY region"),
        p.SUM: lambda: ask("SELECT region, SUM(cost) AS n FROM data.visits GROUP BY region"),
        p.AVG: lambda: ask("SELECT region, AVG(cost) AS n FROM data.visits GROUP BY region"),
        p.PATIENTS: lambda: ask(
            "SELECT diagnosis, COUNT(DISTINCT patient_id) AS n FROM data.visits GROUP BY diagnosis", p.GROUPS_MAX
        ),
        p.FILTERED: lambda: ask("SELECT SUM(cost) AS n FROM data.visits WHERE visited_on >= '2024-07-01'"),
    },
    rounds,
)
