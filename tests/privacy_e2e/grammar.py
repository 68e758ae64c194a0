"""What generated queries select from: tables and joins of the tiny clinic, with the columns that the grammar may use."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """Something to select from. Columns are SQL text; ``keys`` have few values, ``per_unit``: rows of one unit are many."""

    text: str
    unit: str
    numbers: tuple[str, ...]
    strings: tuple[str, ...]
    dates: tuple[str, ...]
    flags: tuple[str, ...]
    keys: tuple[str, ...]
    alias: str = "t"


NULL_KEYS = True
"""Whether keys that are computed and can be NULL are generated."""

PATIENTS = Source("patients p", "p.patient_id", ("p.age", "p.income", "p.weight"), ("p.region", "p.sex", "p.name"),
                  ("p.registered",), ("p.smoker",), ("p.region", "p.sex", "p.smoker", "p.name", "p.age // 20"))  # fmt: skip
VISITS = Source("visits v", "v.patient_id", ("v.cost", "v.minutes"), ("v.clinic", "v.diagnosis"), ("v.visited_on",),
                ("v.paid",), ("v.clinic", "v.diagnosis", "YEAR(v.visited_on)", "QUARTER(v.visited_on)"))  # fmt: skip
BILLS = Source("bills b", "", ("b.amount",), (), (), (), ("b.amount > 0",))


def both(text: str) -> Source:
    """Patients and visits side by side."""
    return Source(text, "p.patient_id", PATIENTS.numbers + VISITS.numbers, PATIENTS.strings + VISITS.strings,
                  PATIENTS.dates + VISITS.dates, PATIENTS.flags + VISITS.flags, PATIENTS.keys + VISITS.keys)  # fmt: skip
