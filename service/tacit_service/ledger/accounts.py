"""Account rows: created once with fixed limits, charged by one guarded UPDATE.

The guard and the change are one statement: ``UPDATE … SET sum = sum + n WHERE sum + n <= limit``. Reading first and
writing after admits more than the limit as soon as two writers interleave. Sums stop at ``UNBOUNDED``, so that no
addition leaves 64 bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from tacit_service.privacy import lanes
from tacit_service.privacy.curves import UNBOUNDED
from tacit_service.privacy.lanes import Limits, Spent
from tacit_service.privacy.units import Delta, Epsilon

from . import journal
from .journal import Head
from .pacing import open_window
from .prepared import Prepared
from .records import Balance, Pace, Window
from .schema import DATASET, GROUP, OPEN, accounts

_c = accounts.c
_COST: Final = {"p_epsilon": "cost_epsilon", "p_delta": "cost_delta", "r_rdp": "cost_rdp", "r_delta": "cost_threshold"}


@dataclass(frozen=True, slots=True)
class Account:
    """One row of ``accounts``."""

    dataset: str
    analyst: str
    limits: Limits
    spent: Spent
    charges: int
    withheld: int
    moved: int
    state: str
    policy_digest: str
    member_of: str
    pace_period: str
    pace_epsilon_max: int
    pace_window: str
    pace_epsilon: int
    policy_pace: Pace

    @property
    def below_ceiling(self) -> int:
        """How far, in ε units, both lanes are held under the ceiling: by the policy, and by transfers to others."""
        return self.withheld + self.moved

    def window(self, at: str) -> Window | None:
        """What the account's pace leaves at a time, if it has one."""
        return open_window(Pace(self.pace_period, self.pace_epsilon_max), self.pace_window, self.pace_epsilon, at)

    def balance(self, at: str = "") -> Balance:
        """As shown to people; with the window of its pace, when a time is given."""
        limits, below = self.limits, self.below_ceiling
        left = lanes.remaining(limits, self.spent, withheld=below) if self.state == OPEN else (Epsilon(0), Delta(0))
        return Balance(
            dataset=self.dataset,
            analyst=self.analyst or None,
            limit=(Epsilon(max(0, limits.epsilon.units - below)), limits.delta),
            spent=(Epsilon(self.spent.epsilon), Delta(self.spent.delta)),
            remaining=left,
            charges=self.charges,
            limits=limits,
            total=self.spent,
            withheld=below,
            state=self.state,
            group=self.member_of,
            window=self.window(at) if at else None,
        )


def limit_columns(limits: Limits) -> dict[str, int]:
    """The immutable columns, as stored and as journalled."""
    return {
        "epsilon_max": limits.epsilon.units,
        "delta_max": limits.delta.units,
        "p_delta_max": limits.p_delta.units,
        "r_order": limits.order,
        "r_rdp_max": limits.r_rdp,
        "r_conversion_delta": limits.conversion_delta.units,
        "r_delta_max": limits.r_delta.units,
    }


def limits_from(row: dict[str, Any]) -> Limits:
    """The inverse of ``limit_columns``."""
    return Limits(
        epsilon=Epsilon(row["epsilon_max"]),
        delta=Delta(row["delta_max"]),
        p_delta=Delta(row["p_delta_max"]),
        order=row["r_order"],
        r_rdp=row["r_rdp_max"],
        conversion_delta=Delta(row["r_conversion_delta"]),
        r_delta=Delta(row["r_delta_max"]),
    )


def _account(row: sa.RowMapping) -> Account:
    return Account(
        dataset=row["dataset"],
        analyst=row["analyst"],
        limits=limits_from(dict(row)),
        spent=Spent(row["p_epsilon"], row["p_delta"], row["r_rdp"], row["r_delta"]),
        charges=row["charges"],
        withheld=row["epsilon_withheld"],
        moved=row["epsilon_moved"],
        state=row["state"],
        policy_digest=row["policy_digest"],
        member_of=row["member_of"],
        pace_period=row["pace_period"],
        pace_epsilon_max=row["pace_epsilon_max"],
        pace_window=row["pace_window"],
        pace_epsilon=row["pace_epsilon"],
        policy_pace=Pace(row["policy_pace_period"], row["policy_pace_epsilon_max"]),
    )


_ME = (_c.dataset == sa.bindparam("of_dataset")) & (_c.analyst == sa.bindparam("of_analyst"))
_PAYS = _c.analyst.in_([sa.bindparam("of_analyst"), sa.bindparam("of_group"), sa.bindparam("of_payer")])
_FIND = sa.select(accounts).where(_ME)


def _fixed(value: int | str) -> sa.ColumnElement[Any]:
    """A constant of ours, written into the statement: it is not sent again with each charge."""
    return sa.literal_column(f"'{value}'" if isinstance(value, str) else str(value))


def _cost(name: str) -> sa.ColumnElement[int]:
    """What the charge adds to a column. Each account counts the Rényi loss at an order of its own."""
    cost = sa.bindparam(_COST[name], type_=sa.BigInteger)
    if name != "r_rdp":
        return cost
    dataset, group = (sa.bindparam(f"cost_rdp_{payer}", type_=sa.BigInteger) for payer in ("dataset", "group"))
    shared = sa.func.substr(_c.analyst, _fixed(1), _fixed(1)) == _fixed(GROUP)
    return sa.case((_c.analyst == _fixed(DATASET), dataset), (shared, group), else_=cost)


def _grown(name: str) -> sa.ColumnElement[int]:
    total = _c[name] + _cost(name)
    return sa.case((total > _fixed(UNBOUNDED), _fixed(UNBOUNDED)), else_=total)


def _shrunk(name: str) -> sa.ColumnElement[int]:
    return sa.case((_c[name] == UNBOUNDED, UNBOUNDED), else_=_c[name] - _cost(name))


def _pace_spent() -> sa.ColumnElement[int]:
    """ε so far in the window now open. A clock set back stays in the later window: a window never refills twice."""
    return sa.case((_now_window() > _c.pace_window, _fixed(0)), else_=_c.pace_epsilon)


def _now_window() -> sa.ColumnElement[str]:
    day, month = sa.bindparam("day", type_=sa.Text), sa.bindparam("month", type_=sa.Text)
    by_day, by_month = (_c.pace_period == _fixed(period) for period in ("day", "month"))
    return sa.case((by_day, day), (by_month, month), else_=_fixed(""))


def _charge_statement() -> sa.Update:
    below = _c.epsilon_withheld + _c.epsilon_moved
    lane_p = (_c.p_epsilon + _cost("p_epsilon") <= _c.epsilon_max - below) & (
        _c.p_delta + _cost("p_delta") <= _c.p_delta_max
    )
    lane_r = (_c.r_rdp + _cost("r_rdp") <= _c.r_rdp_max - below) & (_c.r_delta + _cost("r_delta") <= _c.r_delta_max)
    free, new = _c.pace_period == _fixed(""), _now_window() > _c.pace_window
    window_spent = _pace_spent() + _cost("p_epsilon")
    return (
        sa.update(accounts)
        .where(
            _c.dataset == sa.bindparam("of_dataset"),
            _PAYS,
            _c.state == _fixed(OPEN),
            (_c.analyst != sa.bindparam("of_analyst")) | (_c.member_of == sa.bindparam("member_of")),
            lane_p | lane_r,
            free | (window_spent <= _c.pace_epsilon_max),
        )
        .values(
            **{name: _grown(name) for name in _COST},
            charges=_c.charges + _fixed(1),
            pace_epsilon=sa.case((free, _fixed(0)), else_=window_spent),
            pace_window=sa.case((new, _now_window()), else_=_c.pace_window),
        )
    )


_CHARGE = Prepared(_charge_statement())
_CHARGE_AND_HEAD = Prepared(_charge_statement().returning(*journal.HEAD_COLUMNS))
_CREDIT = (
    sa.update(accounts)
    .where(_ME)
    .values(
        **{name: _shrunk(name) for name in _COST}, charges=_c.charges - sa.bindparam("uncounted", type_=sa.BigInteger)
    )
)


def _who(dataset: str, analyst: str) -> dict[str, Any]:
    return {"of_dataset": dataset, "of_analyst": analyst}


def _amounts(part: Spent) -> dict[str, Any]:
    return {
        "cost_epsilon": part.epsilon,
        "cost_delta": part.delta,
        "cost_rdp": part.rdp,
        "cost_rdp_dataset": part.rdp,
        "cost_rdp_group": part.rdp,
        "cost_threshold": part.threshold_delta,
    }


def find(connection: sa.Connection, dataset: str, analyst: str) -> Account | None:
    """The account as it stands in this transaction."""
    row = connection.execute(_FIND, _who(dataset, analyst)).mappings().one_or_none()
    return None if row is None else _account(row)


def list_all(connection: sa.Connection, dataset: str | None = None) -> list[Account]:
    """Every account, of one dataset or of all."""
    query = sa.select(accounts).order_by(_c.dataset, _c.analyst)
    rows = connection.execute(query if dataset is None else query.where(_c.dataset == dataset))
    return [_account(row) for row in rows.mappings()]


def create(
    connection: sa.Connection, dataset: str, analyst: str, limits: Limits, digest: str, member_of: str = ""
) -> None:
    """Insert the row; its limits are then fixed. ``member_of`` is the account of a group, which then pays too."""
    row: dict[str, Any] = {
        "dataset": dataset,
        "analyst": analyst,
        "policy_digest": digest,
        "member_of": member_of,
    }
    connection.execute(sa.insert(accounts), row | limit_columns(limits))


def change(connection: sa.Connection, dataset: str, analyst: str, **columns: int | str) -> None:
    """Set what may change besides the sums: state, withheld and moved ε, pace, group, policy digest."""
    changed = connection.execute(sa.update(accounts).where(_ME).values(**columns), _who(dataset, analyst))
    if changed.rowcount != 1:
        raise LookupError(f"no account of {analyst or 'the dataset'} on {dataset}")


def pace_columns(now: str, declared: Pace) -> dict[str, int | str]:
    """What a policy's new pace sets, on an account with a pace of the period ``now``: another period begins a new window."""
    columns: dict[str, int | str] = {
        "policy_pace_period": declared.period,
        "policy_pace_epsilon_max": declared.epsilon_max,
        "pace_period": declared.period,
        "pace_epsilon_max": declared.epsilon_max,
    }
    return columns if declared.period == now else columns | {"pace_window": "", "pace_epsilon": 0}


def charge(connection: sa.Connection, dataset: str, parts: dict[str, Spent], at: str, seen: Head) -> Head | None:
    """Add to each account that pays its part, if each has a lane left for it; the journal's head, which still holds ``seen``.

    One statement for all accounts, and for the head where the store can return it. None means that at least one
    account refused: the caller rolls back. ``parts`` are by name: the analyst's, perhaps a group's, perhaps the dataset's.
    """
    analyst = next(name for name in parts if name[:1] not in ("", GROUP))
    group = next((name for name in parts if name[:1] == GROUP), analyst)
    payer = DATASET if DATASET in parts else analyst
    values = _who(dataset, analyst) | _amounts(parts[analyst]) | {"day": at[:10], "month": at[:7]}
    values |= {"of_group": group, "cost_rdp_group": parts[group].rdp, "member_of": group if group != analyst else ""}
    values |= {"of_payer": payer, "cost_rdp_dataset": parts[payer].rdp}
    if not connection.dialect.update_returning:
        admitted = _CHARGE.run(connection, values).rowcount == len(parts)
        return journal.check_holds(connection, seen) if admitted else None
    rows = _CHARGE_AND_HEAD.run(connection, values | {"seen_sequence": seen.sequence}).fetchall()
    return journal.checked(rows[0], seen) if len(rows) == len(parts) else None


def credit(connection: sa.Connection, dataset: str, analyst: str, part: Spent, *, uncount: bool) -> None:
    """Take back what a void or a settlement proves unspent. The pace window keeps it: pacing does not refill."""
    values = _who(dataset, analyst) | _amounts(part) | {"uncounted": int(uncount)}
    if connection.execute(_CREDIT, values).rowcount != 1:
        raise LookupError(f"no account of {analyst or 'the dataset'} on {dataset}")
