"""Rules of a policy that span fields: each a pure function that yields what is broken, where, and the fix.

They are listed once, in ``RULES``; ``check_rules`` runs them all, so that an owner sees every problem at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from functools import reduce

from tacit_service.policy.engine_rules import engine_is_known, engine_reads_tables, in_engine
from tacit_service.policy.image_rules import images_have_shapes, layers_are_whole
from tacit_service.policy.model import IDX, ROW, Budget, Column, Policy, Table
from tacit_service.policy.problems import Broken, Path
from tacit_service.privacy.units import Delta, Epsilon

GRID_POINTS_MAX = 2**53  # every grid value is then exact as a double, and sums of a billion rows fit 128 bits
_HOPS_MAX = 8
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_FILE = re.compile(r".+\.(parquet|pq|csv|csv\.gz|csv\.zst|tsv|tsv\.gz|npz)\Z|.*[*?].*\Z", re.IGNORECASE)
_DATABASE = re.compile(r"[^#]+#[A-Za-z_]\w*(\.[A-Za-z_]\w*)?\Z")


def check_rules(policy: Policy) -> list[Broken]:
    """Everything in ``policy`` that breaks a rule."""
    return [broken for rule in RULES for broken in rule(policy)]


def protected(policy: Policy) -> dict[str, Table]:
    """The tables that hold people's rows."""
    return {name: table for name, table in policy.tables.items() if not table.public}


def _columns(policy: Policy) -> Iterator[tuple[Path, Column]]:
    for table_name, table in policy.tables.items():
        for name, column in table.columns.items():
            yield ("tables", table_name, "columns", name), column


def names_are_plain(policy: Policy) -> Iterator[Broken]:
    """SQL names ignore case, and a leading underscore belongs to Tacit (``_u`` is the unit's id)."""
    spaces: list[tuple[Path, Iterable[str]]] = [(("tables",), policy.tables), (("analysts",), policy.analysts)]
    spaces += [(("roles",), policy.roles), (("groups",), policy.groups), (("models",), policy.models)]
    spaces += [(("tables", t, "columns"), table.columns) for t, table in policy.tables.items()]
    for path, names in spaces:
        seen: dict[str, str] = {}
        for name in names:
            if path[0] in ("tables", "models") and name.startswith("_"):
                yield Broken((*path, name), "names that start with '_' are reserved", "Choose another name.")
            if path[0] not in ("tables", "models") and (not name.strip() or len(name) > 128 or _CONTROL.search(name)):
                yield Broken((*path, name), "not a usable name", "Write 1 to 128 printable characters.")
            if path[0] in ("analysts", "groups") and name.startswith("@"):  # how the ledger marks a group's account
                yield Broken((*path, name), "starts with '@'", "Leave the '@' out.")
            if (other := seen.setdefault(name.casefold(), name)) != name:
                detail = f"differs from '{other}' only in upper and lower case"
                yield Broken((*path, name), detail, "Rename one of the two.")
    if policy.dataset.startswith("_"):
        yield Broken(("dataset",), "names that start with '_' are reserved", "Choose another name.")


def tables_are_usable(policy: Policy) -> Iterator[Broken]:
    """There is something to protect, and each table says where it is and what it has."""
    if not protected(policy):
        yield Broken(("tables",), "no protected table", "Give one table 'unit: COLUMN'; public data need no budget.")
    for name, table in policy.tables.items():
        here: Path = ("tables", name)
        if not table.columns:
            yield Broken((*here, "columns"), "no columns", "Name the columns that analysts may use.")
        if in_engine(policy, table):
            continue
        if _CONTROL.search(table.source) or not (
            _FILE.match(table.source) or _DATABASE.match(table.source) or IDX.match(table.source)
        ):
            yield Broken(
                (*here, "source"),
                "not a source that is known here",
                "Write a path or glob of .parquet or .csv files, 'file.duckdb#table', a .npz file, or IDX files as "
                "'images-idx3-ubyte.gz#image + labels-idx1-ubyte.gz#label'.",
            )
        elif "://" in table.source:
            yield Broken((*here, "source"), "not a local file", "Copy the data here, and name the local path.")


def units_are_reached(policy: Policy) -> Iterator[Broken]:
    """Each protected row belongs to one unit, by its own column or by foreign keys; public rows to none."""
    for name, table in policy.tables.items():
        here: Path = ("tables", name)
        if table.public:
            for field in ("unit", "path", "one_row_per_unit", "max_groups", "max_rows", "max_rows_per_group"):
                if getattr(table, field):
                    yield Broken(
                        (*here, field), "a public table has no privacy unit", f"Remove '{field}', or 'public'."
                    )
        elif table.unit is None and not table.path:
            yield Broken(
                here,
                "neither public nor tied to a privacy unit",
                "Add 'unit: COLUMN', or 'path: [[column, table.column]]' to a table that has one, or 'public: true'.",
            )
        elif table.unit is not None and table.path:
            yield Broken((*here, "path"), "both unit and path", "Keep 'unit' where the table has the id itself.")
        else:
            yield from _path(policy, name, table)


def _path(policy: Policy, name: str, table: Table) -> Iterator[Broken]:
    here: Path = ("tables", name, "path")
    current_name, current = name, table
    if len(table.path) > _HOPS_MAX:
        yield Broken(here, f"more than {_HOPS_MAX} steps", "Add the unit's column to the table itself.")
        return
    seen = {name}
    for i, (column, target) in enumerate(table.path):
        target_name, _, target_column = target.partition(".")
        step = (*here, i)
        if not _has(current, column):
            yield Broken(step, f"{current_name} has no column '{column}'", f"Declare it under tables.{current_name}.")
            return
        reached = policy.tables.get(target_name)
        if reached is None or reached.public or target_name in seen:
            yield Broken(step, f"'{target}' is no other protected table's column", "Write 'table.column'.")
            return
        if not _has(reached, target_column):
            fix = f"Declare it under tables.{target_name}.columns."
            yield Broken(step, f"{target_name} has no column '{target_column}'", fix)
            return
        types = _type(current, column), _type(reached, target_column)
        if None not in types and types[0] != types[1]:
            yield Broken(step, f"joins {types[0]} with {types[1]}", "Declare both columns with one type.")
        current_name, current = target_name, reached
        seen.add(target_name)
    if table.path and (current.unit is None or current.row_is_unit):
        fix = f"Go on to a table that has 'unit', or give {current_name} its unit."
        yield Broken(here, f"ends at {current_name}, which has no unit column", fix)


def _has(table: Table, column: str) -> bool:
    return column in table.columns or (column == table.unit and column != ROW)


def _type(table: Table, column: str) -> str | None:
    return table.columns[column].type if column in table.columns else None


def unit_is_one(policy: Policy) -> Iterator[Broken]:
    """One kind of unit: the canonical column exists, and all unit columns hold the same kind of id."""
    table_name, _, column = policy.privacy_unit.column.partition(".")
    table = policy.tables.get(table_name)
    where: Path = ("privacy_unit", "column")
    if table is None or table.public:
        has = [f"{n}.{t.unit}" for n, t in protected(policy).items() if t.unit]
        fix = f"Write one of {', '.join(has)}." if has else "Give one table 'unit: COLUMN', and write TABLE.COLUMN."
        yield Broken(where, f"'{table_name}' is no protected table", fix)
    elif table.unit is None and not table.path:
        return  # units_are_reached says what is missing, and where
    elif table.unit is None:
        has = [f"{n}.{t.unit}" for n, t in protected(policy).items() if t.unit]
        fix = (
            f"Write {' or '.join(has)}, where the id is." if has else "Give the table that holds the id 'unit: COLUMN'."
        )
        yield Broken(where, f"{table_name} reaches its unit by a path and has no unit column", fix)
    elif column != table.unit:
        fix = f"Write '{table_name}.{table.unit}', or change the table's unit."
        yield Broken(where, f"'{column}' is not the unit of {table_name}", fix)
    rows = [n for n, t in protected(policy).items() if t.row_is_unit]
    if rows and len(protected(policy)) > 1:
        detail = "with unit '@row' no other table can belong to the same unit"
        yield Broken(("tables", rows[0], "unit"), detail, "Give the tables an id column, or declare them apart.")
    types: dict[str, str] = {}
    for name, t in protected(policy).items():
        kind = _type(t, t.unit) if t.unit else None
        if kind is None or t.unit is None:
            continue
        if kind not in ("integer", "string"):
            yield Broken(("tables", name, "columns", t.unit), "a unit's id is integer or string", "Change 'type'.")
        if t.columns[t.unit].bounds or t.columns[t.unit].categories:
            detail = "a unit's id has no bounds or categories: they would merge people or lose them"
            yield Broken(("tables", name, "columns", t.unit), detail, "Remove them.")
        types.setdefault(kind, name)
    if len(types) > 1:
        names = " and ".join(f"{n} has {k}" for k, n in types.items())
        last = list(types.values())[-1]
        yield Broken(("tables", last, "unit"), f"the unit's id has two types: {names}", "Declare one type.")


def bounds_are_grids(policy: Policy) -> Iterator[Broken]:
    """Bounds are ordered; numbers lie on a grid of at most 2^53 steps, so that sums are exact integers."""
    for path, column in _columns(policy):
        if column.precision is not None and column.type not in ("integer", "number"):
            yield Broken((*path, "precision"), f"a {column.type} column has no precision", "Remove it.")
            continue
        if column.precision is not None and column.precision <= 0:
            yield Broken((*path, "precision"), "not above 0", "Write the grid, such as 0.01 for cents.")
            continue
        if column.type == "integer" and column.precision is not None and column.precision % 1:
            yield Broken((*path, "precision"), "not whole, on an integer column", "Write 'type: number', or remove it.")
            continue
        if column.bounds is None:
            continue
        low, high = column.bounds
        if not low < high:  # type: ignore[operator]  # both ends have the column's type
            yield Broken((*path, "bounds"), f"low {low} is not below high {high}", "Write [low, high].")
        elif isinstance(low, Decimal) and isinstance(high, Decimal):
            yield from _grid((*path, "bounds"), column, low, high)


def _grid(path: Path, column: Column, low: Decimal, high: Decimal) -> Iterator[Broken]:
    grid = column.precision or (Decimal(1) if column.type == "integer" else None)
    if grid is None:
        yield Broken(
            path,
            "a number with bounds needs a precision",
            "Add 'precision: 0.01', the grid that values are rounded to.",
        )
    elif max(abs(low), abs(high)) / grid > GRID_POINTS_MAX:
        yield Broken(path, f"more than 2^53 steps of {grid}", "Write tighter bounds, or a coarser precision.")
    elif low % grid or high % grid:
        yield Broken(path, f"not multiples of the precision {grid}", "Write bounds that lie on the grid.")


def categories_are_keys(policy: Policy) -> Iterator[Broken]:
    """Declared keys are of the column's type, distinct, and printable; a boolean needs none."""
    kinds = {"string": str, "integer": int, "boolean": bool}
    for path, column in _columns(policy):
        if column.categories is None:
            continue
        here = (*path, "categories")
        if column.type not in kinds:
            fix = "Remove them; group by date_trunc or bins instead, whose keys follow from 'bounds'."
            yield Broken(here, f"a {column.type} column has no categories", fix)
            continue
        if not column.categories:
            yield Broken(here, "no categories", "List at least one, or remove the line.")
        seen: set[str | int | bool] = set()
        for i, value in enumerate(column.categories):
            if type(value) is not kinds[column.type]:
                fix = f"Quote it: '{value}'." if column.type == "string" else f"Write {column.type} values."
                yield Broken((*here, i), f"not a {column.type}", fix)
            elif value in seen:
                yield Broken((*here, i), f"{value!r} is listed twice", "Keep one.")
            elif isinstance(value, str) and (_CONTROL.search(value) or len(value) > 1000):
                yield Broken((*here, i), "a control character, or over 1000 characters", "Remove the character.")
            elif type(value) is int and column.bounds and not _inside(value, column):
                yield Broken((*here, i), f"{value} is outside the bounds", "Widen the bounds, or drop the value.")
            seen.add(value)


def _inside(value: int, column: Column) -> bool:
    low, high = column.bounds or (None, None)
    return isinstance(low, Decimal) and isinstance(high, Decimal) and low <= value <= high


def sources_are_distinct(policy: Policy) -> Iterator[Broken]:
    """Two columns of a policy do not read the same column of the data; a NULL character is in no column's name."""
    for name, table in policy.tables.items():
        seen: dict[str, str] = {}
        for column, declared in table.columns.items():
            path: Path = ("tables", name, "columns", column)
            source = table.source_name(column)
            if _CONTROL.search(source):
                yield Broken((*path, "source_column"), "a control character", "Write the column's name in the data.")
            if (other := seen.setdefault(source.casefold(), column)) != column:
                fix = "Write the column's own name in the data."
                field = "source_column" if declared.source_column else ""
                where = (*path, field) if field else path
                yield Broken(where, f"reads the same column of the data as '{other}'", fix)


def budgets_add_up(policy: Policy) -> Iterator[Broken]:
    """default ≤ max ≤ lifetime; people's limits stay within the dataset's, together too unless declared."""
    total, asked = policy.budget, policy.per_query
    accounts: list[tuple[Path, Budget]] = [(("budget",), total)]
    accounts += [(("analysts", n), b) for n, b in policy.analysts.items()]
    accounts += [(("roles", n), b) for n, b in policy.roles.items()]
    accounts += [(("groups", n), b) for n, b in policy.groups.items()]
    for path, budget in accounts:
        if not budget.epsilon:
            yield Broken((*path, "epsilon"), "nothing can be asked with 0", "Write a positive decimal.")
        if budget.delta >= Delta.parse("1"):
            yield Broken((*path, "delta"), "1 or more protects nobody", "Write a small decimal, such as 1e-6.")
        above = {"epsilon": budget.epsilon > total.epsilon, "delta": budget.delta > total.delta}
        for field in (f for f, too_much in above.items() if too_much):
            detail = f"{getattr(budget, field)} is above the dataset's {getattr(total, field)}"
            yield Broken((*path, field), detail, "Lower it: it could never be spent.")
        yield from _pace(policy, path, budget)
    if total.epsilon and not asked.default_epsilon:
        yield Broken(("per_query", "default_epsilon"), "nothing can be asked with 0", "Write a positive decimal.")
    if asked.default_epsilon > asked.max_epsilon:
        detail = f"{asked.default_epsilon} is above max_epsilon {asked.max_epsilon}"
        yield Broken(("per_query", "default_epsilon"), detail, "Lower it, or raise max_epsilon.")
    if asked.max_epsilon > total.epsilon:
        detail = f"{asked.max_epsilon} is above the dataset's {total.epsilon}"
        yield Broken(("per_query", "max_epsilon"), detail, "Lower it, or raise budget.epsilon.")
    if asked.default_delta > total.delta:
        detail = f"{asked.default_delta} is above the dataset's {total.delta}"
        yield Broken(("per_query", "default_delta"), detail, "Lower it, or raise budget.delta.")
    yield from _commitment(policy)


def _pace(policy: Policy, path: Path, budget: Budget) -> Iterator[Broken]:
    """A pace lets a query at the default price through, and is less than what it paces."""
    if budget.pace is None:
        return
    here, epsilon = (*path, "pace", "epsilon"), budget.pace.epsilon
    if epsilon < policy.per_query.default_epsilon or not epsilon:
        detail = f"{epsilon} is below the default {policy.per_query.default_epsilon} of one query, which could never be asked"
        yield Broken(here, detail, "Raise it, or lower per_query.default_epsilon.")
    elif epsilon > budget.epsilon:
        yield Broken(
            here, f"{epsilon} is above the lifetime {budget.epsilon}: it paces nothing", "Lower it, or remove 'pace'."
        )


def _commitment(policy: Policy) -> Iterator[Broken]:
    if policy.overcommit:
        return
    fix = "Lower the limits, or add 'overcommit: true', which hides the dataset's remainder from analysts."
    if policy.roles:
        yield Broken(("roles",), "a role's limit holds for each of its holders, whose number is open", fix)
    grouped = {member for group in policy.groups.values() for member in group.members}
    limits = [b for n, b in policy.analysts.items() if n not in grouped] + list(policy.groups.values())
    epsilon = reduce(lambda a, b: a + b.epsilon, limits, Epsilon(0))
    delta = reduce(lambda a, b: a + b.delta, limits, Delta(0))
    if epsilon > policy.budget.epsilon:
        detail = f"the limits add up to ε {epsilon}, above the dataset's {policy.budget.epsilon}"
        yield Broken(("analysts",), detail, fix)
    if delta > policy.budget.delta:
        detail = f"the limits add up to δ {delta}, above the dataset's {policy.budget.delta}"
        yield Broken(("analysts",), detail, fix)


def groups_have_members(policy: Policy) -> Iterator[Broken]:
    """Each member has a limit of their own, and is in one group: a charge is charged to one group's account."""
    seen: dict[str, str] = {}
    for name, group in policy.groups.items():
        for i, member in enumerate(group.members):
            here: Path = ("groups", name, "members", i)
            if member not in policy.analysts:
                yield Broken(here, f"'{member}' is no analyst of this policy", f"Add analysts.{member}, with a limit.")
            if (other := seen.setdefault(member, name)) != name or group.members.index(member) != i:
                yield Broken(here, f"'{member}' is in the group '{other}' already", "Name each analyst in one group.")


def caps_fit(policy: Policy) -> Iterator[Broken]:
    """A cap of rows that no choice of groups can reach, or below one row a group, is a slip."""
    c = policy.contribution
    if c.max_rows is not None and c.max_rows < c.max_rows_per_group:
        detail = f"max_rows {c.max_rows} is below max_rows_per_group {c.max_rows_per_group}"
        yield Broken(("contribution", "max_rows"), detail, "A unit's rows in one group are some of its rows.")


def prepared_keys_exist(policy: Policy) -> Iterator[Broken]:
    """Ranks are stored for columns of a protected table whose values are equal or not: no decimals, no repetition."""
    for name, table in policy.tables.items():
        for i, keys in enumerate(table.prepared_keys):
            here: Path = ("tables", name, "prepared_keys", i)
            if table.public:
                yield Broken(here, "a public table has no privacy unit", "Remove 'prepared_keys', or 'public'.")
            if not keys or len(set(keys)) != len(keys):
                yield Broken(here, "not a set of columns", "Name each column once, as in [region, diagnosis].")
            for key in keys:
                if key not in table.columns:
                    yield Broken(here, f"'{key}' is no column of {name}", "Name columns of this table.")
                elif table.columns[key].type == "number" or key == table.unit:
                    yield Broken(here, f"'{key}' is no group key", "Name columns that people are grouped by.")


RULES: tuple[Callable[[Policy], Iterable[Broken]], ...] = (
    names_are_plain,
    tables_are_usable,
    units_are_reached,
    unit_is_one,
    bounds_are_grids,
    categories_are_keys,
    sources_are_distinct,
    budgets_add_up,
    groups_have_members,
    caps_fit,
    prepared_keys_exist,
    images_have_shapes,
    layers_are_whole,
    engine_is_known,
    engine_reads_tables,
)
