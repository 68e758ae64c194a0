"""The owner's commands on people and money: keys, analysts, accounts, checkpoints.

They do what the routes under ``/v1/admin`` do, through the same office, as the operator: whoever holds the ledger's file.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from tacit_service.ledger_commands import shown, unknown_names
from tacit_service.terminal import (
    OK,
    UsageError,
    add_command,
    add_group,
    existing_ledger,
    ledger_url,
    number,
    print_table,
)

if TYPE_CHECKING:
    from pydantic import BaseModel

    from tacit_service.access.gatekeeper import Principal
    from tacit_service.administration.models import Account, NewKey
    from tacit_service.administration.office import Office

Model = TypeVar("Model", bound="BaseModel")


# -- the grammar -------------------------------------------------------------------------------------------------------


def grammar(commands: Any, ledger: Any) -> None:
    """Add the groups ``key`` and ``analyst``, and the owner's commands to the group ``ledger``."""
    made = [*_keys(commands), *_analysts(commands), *_accounts(ledger)]
    for command in made:
        command.add_argument("--ledger", metavar="URL", help="ledger's database (TACIT_LEDGER)")


def _keys(commands: Any) -> Iterable[Any]:
    group = add_group(commands, "key", "make, change and revoke API keys")
    add = add_command(group, "add", _key_add, "make a key; it is printed once and stored hashed")
    add.add_argument("principal", metavar="NAME", help="whose key: an analyst's name is as in the policy")
    add.add_argument("--role", choices=["analyst", "owner", "auditor"], default="analyst", help="(analyst)")
    add.add_argument("--dataset", action="append", metavar="NAME", help="dataset granted; repeatable (default: all)")
    add.add_argument("--days", type=number(1, 36_500), metavar="N", help="days it is valid (default: until revoked)")
    rotate = add_command(group, "rotate", _key_rotate, "replace a key by a new one of the same holder")
    rotate.add_argument("--hours", type=number(0, 2160), default=0, metavar="N", help="hours the old one opens yet (0)")
    grant = add_command(group, "grant", _key_grant, "change the datasets of a key")
    grant.add_argument("--dataset", action="append", required=True, metavar="NAME", help="dataset granted; repeatable")
    revoke = add_command(group, "revoke", _key_revoke, "revoke a key by its id, at once")
    for made in (rotate, grant, revoke):
        made.add_argument("key_id", metavar="KEY_ID", help="as printed by add and list: key_…")
    return add, rotate, grant, revoke, add_command(group, "list", _key_list, "list keys; never the secrets")


def _analysts(commands: Any) -> Iterable[Any]:
    group = add_group(commands, "analyst", "give analysts accounts, and see what they spent")
    add = add_command(group, "add", _analyst_add, "give an analyst an account that the policy does not name")
    add.add_argument("analyst", metavar="NAME", help="the name that the analyst's key or token carries")
    add.add_argument("--dataset", required=True, metavar="NAME", help="on this dataset")
    add.add_argument("--epsilon", required=True, metavar="E", help="lifetime epsilon")
    add.add_argument("--delta", default="0", metavar="D", help="lifetime delta (0)")
    add.add_argument("--overcommit", action="store_true", help="limits may add up to more, as the policy declares")
    return add, add_command(group, "list", _analyst_list, "list analysts, their accounts and keys")


def _accounts(group: Any) -> Iterable[Any]:
    for word, state, text in (
        ("freeze", "frozen", "refuse charges until thawed"),
        ("thaw", "open", "take charges again after a freeze"),
        ("close", "closed", "refuse charges for good"),
    ):
        made = add_command(group, word, _state, text)
        made.set_defaults(state=state)
        made.add_argument("--reason", required=True, metavar="TEXT", help="for the journal")
        yield _on_account(made)
    pace = add_command(group, "pace", _pace, "let an account spend so much a day or month, or lift that")
    pace.add_argument("--period", required=True, choices=["day", "month", "none"], help="none lifts it")
    pace.add_argument("--epsilon", default="0", metavar="E", help="most epsilon in one period")
    yield _on_account(pace)
    transfer = add_command(group, "transfer", _transfer, "move unspent epsilon from one analyst to another")
    transfer.add_argument("giver", metavar="FROM", help="analyst")
    transfer.add_argument("taker", metavar="TO", help="analyst")
    transfer.add_argument("--epsilon", required=True, metavar="E", help="how much")
    transfer.add_argument("--dataset", required=True, metavar="NAME", help="on this dataset")
    yield transfer
    history = add_command(group, "history", _history, "print what was asked, what it cost and what became of it")
    history.add_argument("--pending", action="store_true", help="only charges without a release or an end")
    history.add_argument("--limit", type=number(1, 500), default=50, metavar="N", help="charges to print (50)")
    yield _on_account(history)
    total = add_command(
        group, "total", _total, "print what all charges amount to, by lanes and, as information, by PLD"
    )
    yield _on_account(total)
    reap = add_command(group, "reap", _reap, "end charges that nobody works on; frees nothing that may have run")
    reap.add_argument("--hours", type=number(1, 8760), default=24, metavar="N", help="older than so many hours (24)")
    reap.add_argument("--dataset", required=True, metavar="NAME", help="on this dataset")
    yield reap
    checkpoint = add_command(group, "checkpoint", _checkpoint, "print the journal's head, signed")
    checkpoint.add_argument("--key", metavar="FILE", help="signing key, PEM (TACIT_CHECKPOINT_KEY)")
    checkpoint.add_argument("--new", action="store_true", help="make the key first; no file is ever replaced")
    yield checkpoint


def _on_account(made: Any) -> Any:
    made.add_argument("--dataset", required=True, metavar="NAME", help="on this dataset")
    made.add_argument("--analyst", metavar="NAME", help="whose account (default: the dataset's)")
    return made


# -- commands ----------------------------------------------------------------------------------------------------------


def _asked(model: type[Model], **values: Any) -> Model:
    """A request of the office from arguments; what does not fit is one line."""
    from pydantic import ValidationError

    try:
        return model(**values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise UsageError(f"{first['loc'][0]}: {first['msg']}") from None


def _with_office(
    arguments: Any, work: Callable[[Office, Principal], Any], *, create: bool = False, **options: Any
) -> int:
    from tacit_service.administration.office import Office, operator
    from tacit_service.ledger.store import Ledger

    url = ledger_url(arguments)
    ledger = Ledger.open(url if create else existing_ledger(url))
    try:
        work(Office.of(ledger, url, **options), operator())
    finally:
        ledger.close()
    return OK


def _print_new(made: NewKey) -> None:
    print(made.secret)
    print(f"{made.key.key_id} for {made.key.principal}; shown this once.", file=sys.stderr)


def _key_add(arguments: Any) -> int:
    from tacit_service.access import ALL_DATASETS
    from tacit_service.access.keys import PRINCIPAL
    from tacit_service.administration.models import KeyRequest

    if not PRINCIPAL.match(arguments.principal):
        raise UsageError("a name is 1 to 63 letters, digits or one of _ . @ - and starts with a letter or digit")
    datasets = arguments.dataset or [ALL_DATASETS]
    asked = _asked(
        KeyRequest, principal=arguments.principal, role=arguments.role, datasets=datasets, days=arguments.days
    )
    status = _with_office(arguments, lambda office, who: _print_new(office.keys.add(who, asked)), create=True)
    url = ledger_url(arguments)
    print(f"Stored in the ledger {shown(url)}.", file=sys.stderr)
    for warning in unknown_names(url, arguments.principal, arguments.role, arguments.dataset or []):
        print(f"Warning: {warning}", file=sys.stderr)
    return status


def _key_rotate(arguments: Any) -> int:
    from tacit_service.administration.models import Rotation

    asked = _asked(Rotation, overlap_hours=arguments.hours)
    return _with_office(arguments, lambda office, who: _print_new(office.keys.rotate(who, arguments.key_id, asked)))


def _key_grant(arguments: Any) -> int:
    from tacit_service.administration.models import Grant

    asked = _asked(Grant, datasets=arguments.dataset)

    def grant(office: Office, who: Principal) -> None:
        print(f"{arguments.key_id} grants {', '.join(office.keys.grant(who, arguments.key_id, asked).datasets)}")

    return _with_office(arguments, grant)


def _key_revoke(arguments: Any) -> int:
    def revoke(office: Office, who: Principal) -> None:
        print(f"{office.keys.revoke(who, arguments.key_id).key_id} is revoked")

    return _with_office(arguments, revoke)


def _key_list(arguments: Any) -> int:
    def show(office: Office, who: Principal) -> None:
        rows = [("key", "principal", "role", "datasets", "made", "expires", "revoked")]
        for key in office.keys.keys(who):
            times = (key.created_at, key.expires_at or "-", key.revoked_at or "-")
            rows.append((key.key_id, key.principal, key.role, ",".join(key.datasets), *times))
        print_table(rows)

    return _with_office(arguments, show)


def _analyst_add(arguments: Any) -> int:
    from tacit_service.administration.models import Appointment

    asked = _asked(Appointment, analyst=arguments.analyst, epsilon=arguments.epsilon, delta=arguments.delta)
    over = [arguments.dataset] if arguments.overcommit else []

    def add(office: Office, who: Principal) -> None:
        _print_accounts([office.accounts.appoint(who, arguments.dataset, asked)])

    return _with_office(arguments, add, overcommitted=over)


def _analyst_list(arguments: Any) -> int:
    def show(office: Office, who: Principal) -> None:
        rows = [("analyst", "dataset", "state", "limit", "spent", "left", "charges", "keys")]
        for analyst in office.analysts(who):
            keys = ",".join(analyst.keys) or "-"
            rows += [(analyst.name, *_cells(account), keys) for account in analyst.accounts]
            if not analyst.accounts:
                rows.append((analyst.name, *("-",) * 6, keys))
        print_table(rows)

    return _with_office(arguments, show)


def _print_accounts(accounts: Iterable[Account]) -> None:
    rows = [("account", "dataset", "state", "limit", "spent", "left", "charges", "pace")]
    for account in accounts:
        pace = f"ε {account.pace.epsilon} a {account.pace.period}" if account.pace else "-"
        rows.append((account.analyst or "(dataset)", *_cells(account), pace))
    print_table(rows)


def _cells(account: Account) -> tuple[str, str, str, str, str, str]:
    limit, spent, left = (f"ε {s.epsilon}, δ {s.delta}" for s in (account.limit, account.spent, account.remaining))
    return account.dataset, account.state, limit, spent, left, str(account.charges)


def _state(arguments: Any) -> int:
    from tacit_service.administration.models import StateChange

    asked = _asked(StateChange, state=arguments.state, analyst=arguments.analyst, reason=arguments.reason)

    def change(office: Office, who: Principal) -> None:
        _print_accounts([office.accounts.set_state(who, arguments.dataset, asked)])

    return _with_office(arguments, change)


def _pace(arguments: Any) -> int:
    from tacit_service.administration.models import PaceChange

    asked = _asked(PaceChange, period=arguments.period, epsilon=arguments.epsilon, analyst=arguments.analyst)

    def change(office: Office, who: Principal) -> None:
        _print_accounts([office.accounts.set_pace(who, arguments.dataset, asked)])

    return _with_office(arguments, change)


def _transfer(arguments: Any) -> int:
    from tacit_service.administration.models import Transfer

    asked = _asked(Transfer, giver=arguments.giver, taker=arguments.taker, epsilon=arguments.epsilon)

    def move(office: Office, who: Principal) -> None:
        _print_accounts(office.accounts.transfer(who, arguments.dataset, asked))

    return _with_office(arguments, move)


def _history(arguments: Any) -> int:
    def show(office: Office, who: Principal) -> None:
        found = office.accounts.history(
            who, arguments.dataset, arguments.analyst, limit=arguments.limit, pending_only=arguments.pending
        )
        rows = [("entry", "at", "analyst", "status", "epsilon", "delta", "release", "asked")]
        for charge in found.charges:
            sql = " ".join(charge.sql.split())
            cost = (charge.cost.epsilon, charge.cost.delta, charge.release_id or "-")
            shown = sql if len(sql) <= 80 else sql[:79] + "…"
            rows.append((str(charge.sequence), charge.at[:19], charge.analyst, charge.status, *cost, shown))
        print_table(rows)

    return _with_office(arguments, show)


def _total(arguments: Any) -> int:
    def show(office: Office, who: Principal) -> None:
        found = office.accounts.total(who, arguments.dataset, arguments.analyst)
        print(found.in_words)
        if found.pld_epsilon is not None:
            print(
                f"For information only, by one privacy loss distribution: ε {found.pld_epsilon:g} at δ {found.pld_delta}."
            )
            print(found.note)

    return _with_office(arguments, show)


def _reap(arguments: Any) -> int:
    def end(office: Office, who: Principal) -> None:
        reaped = office.accounts.reap(who, arguments.dataset, arguments.hours)
        print(
            f"{len(reaped.kept)} charges are abandoned and stay; {len(reaped.freed)} touched no data and are given back"
        )

    return _with_office(arguments, end)


def _checkpoint(arguments: Any) -> int:
    from pathlib import Path

    from tacit_service.settings import Settings

    key = Settings.load(checkpoint_key=arguments.key).checkpoint_key
    if key is None:
        raise UsageError("no signing key is given: --key FILE, or TACIT_CHECKPOINT_KEY")
    existing_ledger(ledger_url(arguments))
    if arguments.new:
        from tacit_service.ledger.checkpoint import create_key

        try:
            create_key(Path(key))
        except OSError as error:
            raise UsageError(f"cannot make {key}: {error.strerror}") from None
    elif not key.is_file():
        raise UsageError(f"there is no signing key at {key}; --new makes one")

    def sign(office: Office, who: Principal) -> None:
        note = office.proof.checkpoint(who)
        print(note.checkpoint, end="")
        print(note.public_key, end="", file=sys.stderr)

    return _with_office(arguments, sign, signing_key=key)
