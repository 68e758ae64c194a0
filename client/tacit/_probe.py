"""What programs ask to learn a table's columns, answered from public facts: no row is read, and nothing is charged.

``SELECT * FROM patients WHERE 1=0`` has no rows whatever the data are. The service refuses it for what it would select;
tools that look for a table by it (JupySQL, Tableau's and Superset's drivers) get names and types.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tacit.client import Client

_PROBE = re.compile(r'\s*SELECT\s+\*\s+FROM\s+("?)(\w+)\1\s+(?:WHERE\s+1\s*=\s*0|LIMIT\s+0)\s*;?\s*', re.IGNORECASE)


def columns(sql: str, client: Client) -> list[tuple[str, str]] | None:
    """Name and type of each column where the statement asks for no more than that; None for a question."""
    asked = _PROBE.fullmatch(sql)
    if asked is None:
        return None
    for table in client.dataset().tables:
        if table.name.lower() == asked[2].lower():
            return [(column.name, column.type) for column in table.columns]
    return None
