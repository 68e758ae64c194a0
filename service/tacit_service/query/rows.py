"""Rows for training: a SELECT over protected rows, derived but not aggregated; they never leave the trusted core."""

from __future__ import annotations

from tacit_service.errors import DerivationError

from .bind import Binder, Caps
from .catalog import Catalog
from .desugar import desugar
from .parse import parse, position
from .plan import Relation
from .rules.row_cap import capped
from .sources import Env


def protected_rows(catalog: Catalog, sql: str) -> Relation:
    """The relation of ``SELECT features, label FROM …``: every row is a function of one unit's rows and carries ``_u``.

    Raises ``Refusal``; ``DerivationError`` rows_expected when the statement aggregates over people or reads public rows.
    """
    tree = desugar(sql, parse(sql))
    binder = Binder(catalog, sql, Caps())
    bound = binder.bind_query(tree, Env(), as_relation=False)
    if isinstance(bound, Relation) and bound.protected and not binder.drafts:  # nothing is released on the way
        return capped(bound, catalog.most_rows)
    raise DerivationError(
        "rows_expected",
        "Training reads rows of people; this statement gives an aggregate or public rows.",
        hint="Write SELECT feature, …, label FROM … without aggregating over people.",
        position=position(sql, tree),
        rule="training rows",
    )


def public_rows(catalog: Catalog, sql: str) -> Relation:
    """The relation of a SELECT over public tables alone. Raises ``Refusal`` for any other."""
    tree = parse(sql)
    binder = Binder(catalog, sql, Caps())
    binder.public_images = True
    bound = binder.bind_query(tree, Env(), as_relation=True)
    if isinstance(bound, Relation) and not bound.protected:
        return bound
    raise DerivationError(
        "rows_expected",
        "Validation rows are public: this statement reads rows of people.",
        hint="Select from public tables only; hold units out with holdout to measure on people's rows.",
        position=position(sql, tree),
        rule="validation rows",
    )
