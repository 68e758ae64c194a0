"""``tacit-service``: serve, demo, and the owner's commands on policies, the ledger and keys.

Rooms are imported by the command that needs them, so that ``--help`` answers at once. A wrong argument, file or policy
is one line on standard error and exit status 2; what a check finds (a policy that does not fit, a ledger that does not
verify) is exit status 1.
"""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tacit_service import ledger_commands, owner_commands
from tacit_service.terminal import (
    FOUND,
    OK,
    WRONG,
    Parser,
    UsageError,
    add_command,
    add_group,
    number,
)

if TYPE_CHECKING:
    from tacit_service.policy.load import Loaded
    from tacit_service.settings import Settings


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    arguments = parser().parse_args(argv)
    from tacit_service.errors import PolicyError, TacitError

    try:
        status: int = arguments.run(arguments)
        sys.stdout.flush()
        return status
    except UsageError as error:
        return _fail(str(error))
    except PolicyError as error:
        from tacit_service.policy.problems import describe

        if len(error.extra.get("problems", ())) < 2:
            return _fail(f"{error.detail.rstrip('.')}. {error.hint or ''}")
        print(describe(error), file=sys.stderr)
        return WRONG
    except TacitError as error:
        return _fail(f"{error.detail.rstrip('.')}. {error.hint or ''}")
    except BrokenPipeError:  # the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return 130
    return OK


def _fail(message: str) -> int:
    print(f"tacit-service: {' '.join(message.split())}", file=sys.stderr)
    return WRONG


# -- the grammar -------------------------------------------------------------------------------------------------------


def parser() -> argparse.ArgumentParser:
    """Every command and option."""
    top = Parser(prog="tacit-service", description="A private answer to SQL, with a budget that is kept.")
    top.add_argument("--version", action="store_true", help="print the version and exit")
    top.set_defaults(run=lambda arguments: _version(arguments, top))
    commands = top.add_subparsers(title="commands", metavar="COMMAND", parser_class=Parser)
    _grammar_serve(commands)
    _grammar_demo(commands)
    _grammar_policy(commands)
    _grammar_audit(commands)
    prepare = add_command(commands, "prepare", _prepare, "load and prepare a policy's tables before they are served")
    prepare.add_argument("file", metavar="FILE", help="policy file")
    prepare.add_argument("--data-dir", metavar="DIR", help="where prepared snapshots are kept")
    ledger = _grammar_ledger(commands)
    owner_commands.grammar(commands, ledger)
    return top


def _grammar_serve(commands: Any) -> None:
    serve = add_command(commands, "serve", _serve, "serve datasets over HTTP")
    worker = add_command(commands, "worker", _worker, "work on training jobs that a service took, until a signal")
    for made in (serve, worker):
        made.add_argument("--policy", action="append", metavar="FILE", help="policy file; repeat for more datasets")
        made.add_argument("--ledger", metavar="URL", help="ledger's database, such as sqlite:///ledger.sqlite")
        made.add_argument("--data-dir", metavar="DIR", help="where prepared snapshots are kept")
        made.add_argument(
            "--log-level", choices=["debug", "info", "warning", "error"], help="least level logged (info)"
        )
    serve.add_argument("--host", help="address to listen on (127.0.0.1)")
    serve.add_argument("--port", type=number(0, 65_535), help="port to listen on (8470); 0 takes a free one")


def _grammar_demo(commands: Any) -> None:
    demo = add_command(commands, "demo", _demo, "make the dataset clinic, serve it, and run a first session")
    demo.add_argument("--rows", type=number(1, 10**12), default=200_000, metavar="N", help="visits to make (200000)")
    demo.add_argument("--data-dir", metavar="DIR", help="keep data and ledger here; else a temporary directory")
    demo.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    demo.add_argument(
        "--port", type=number(0, 65_535), help="port to listen on; 0 takes a free one (8470, or a free one)"
    )
    demo.add_argument("--epsilon", default="3", metavar="E", help="lifetime epsilon of the dataset (3)")
    demo.add_argument("--delta", default="1e-6", metavar="D", help="lifetime delta of the dataset (1e-6)")
    demo.add_argument("--serve", action="store_true", help="only serve, without the session")
    demo.add_argument("--json", action="store_true", help="with --serve: print one JSON line when it answers")
    demo.add_argument("--once", action="store_true", help="end after the session even on a terminal")


def _grammar_policy(commands: Any) -> None:
    group = add_group(commands, "policy", "check and draft policies")
    check = add_command(
        group, "check", _policy_check, "compare a policy with the data, and say what analysts could ask"
    )
    check.add_argument("file", metavar="FILE", help="policy file")
    advise = add_command(group, "advise", _policy_advise, "propose bounds and caps from the data, for the owner alone")
    advise.add_argument("subject", metavar="FILE", help="policy file, or a data file to draft a policy for")
    advise.add_argument("--unit", metavar="COLUMN", help="with a data file: its column of unit ids (default: each row)")
    advise.add_argument("--epsilon", help="epsilon of a typical query (the policy's default; else 0.1)")
    advise.add_argument("--delta", help="delta of a typical query (the policy's default; else 0)")
    advise.add_argument("-o", "--output", metavar="FILE", help="write the draft here (default: standard output)")
    add_command(group, "schema", _policy_schema, "print the JSON schema of policies, for editors")


def _grammar_audit(commands: Any) -> None:
    audit = add_command(
        commands,
        "audit",
        _audit,
        "run queries on the data and on copies without one unit; compare declared with measured",
    )
    audit.add_argument("--dataset", required=True, metavar="NAME", help="the dataset")
    audit.add_argument("--queries", required=True, metavar="FILE", help="statements: SQL, each ended by ';', or JSON")
    audit.add_argument("--policy", action="append", metavar="FILE", help="policy file (TACIT_POLICIES)")
    audit.add_argument("--units", type=number(1, 100), default=4, metavar="N", help="copies, each without one unit (4)")
    audit.add_argument(
        "--rounds", type=number(0, 10**6), default=0, metavar="N",
        help="releases a side, with real noise, for a lower bound on epsilon (0: none)",
    )  # fmt: skip
    audit.add_argument("--confidence", type=number(50, 99), default=99, metavar="N", help="of that bound, in %% (99)")
    audit.add_argument("--epsilon", metavar="E", help="epsilon of each query (the policy's default)")
    audit.add_argument("--json", action="store_true", help="print the report as JSON")


def _grammar_ledger(commands: Any) -> Any:
    group = add_group(commands, "ledger", "prove and read the ledger")
    verify = add_command(group, "verify", ledger_commands.ledger_verify, "re-derive every hash, price and balance")
    verify.add_argument("--known", action="append", metavar="N:HASH", help="a head from a receipt that must be there")
    verify.add_argument("--checkpoint", action="append", metavar="FILE", help="a signed checkpoint that must be on it")
    verify.add_argument(
        "--key", metavar="FILE", help="key of the checkpoints, public or signing (TACIT_CHECKPOINT_KEY)"
    )
    show = add_command(group, "show", ledger_commands.ledger_show, "print accounts and the newest charges")
    show.add_argument("--dataset", help="only this dataset")
    show.add_argument("--limit", type=number(1, 10**12), default=20, metavar="N", help="charges to print (20)")
    export = add_command(
        group, "export", ledger_commands.ledger_export, "write the journal for an auditor, without answers"
    )
    for made in (verify, show, export):
        made.add_argument("--ledger", metavar="URL", help="ledger's database (TACIT_LEDGER)")
    return group


# -- commands ----------------------------------------------------------------------------------------------------------


def _version(arguments: Any, top: argparse.ArgumentParser) -> int:
    if not arguments.version:
        top.error("a command is needed")
    from importlib.metadata import version

    print(f"tacit-service {version('tacit')}")
    return OK


def _settings(arguments: Any, **more: Any) -> Settings:
    from tacit_service.settings import Settings

    more |= {name: getattr(arguments, name) for name in ("ledger", "data_dir", "log_level")}
    settings = Settings.load(policies=arguments.policy and tuple(arguments.policy), **more)
    if not settings.policies:
        raise UsageError("no policy is given: --policy FILE, or TACIT_POLICIES")
    for file in settings.policies:
        if not file.is_file():
            raise UsageError(f"there is no policy at {file}: give the path of its YAML file")
    return settings


def _worker(arguments: Any) -> int:
    from tacit_service.training.room import foreground

    return foreground(_settings(arguments))


def _serve(arguments: Any) -> int:
    settings = _settings(arguments, host=arguments.host, port=arguments.port)
    from tacit_service.http.listen import bind

    try:
        sock = bind(settings.host, settings.port)  # clients are answered from here on, while the rest is imported
    except OSError as error:
        other = "; try --port 0, which takes a free one" if error.errno == errno.EADDRINUSE else ""
        raise UsageError(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}{other}") from None
    from tacit_service.http.early import Early

    early = Early(sock).start()  # alive, and not ready
    from tacit_service import telemetry
    from tacit_service.engine.spawning import preload

    telemetry.setup(settings.log_level)
    preload()  # in another process, while this one imports what serves
    from tacit_service.assembly import Service, opener
    from tacit_service.http.run import serve, stop_on_signals

    stop_on_signals()
    service = Service(opener(settings.policies, settings.ledger, settings.data_dir, settings=settings))
    serve(service, sock, settings, on_ready=lambda: None, early=early)
    return OK


def _demo(arguments: Any) -> int:
    if arguments.json and not arguments.serve:
        raise UsageError("--json goes with --serve")
    from tacit_service import demo

    return demo.run(
        demo.Choices(
            rows=arguments.rows,
            data_dir=arguments.data_dir,
            host=arguments.host,
            port=arguments.port,
            epsilon=arguments.epsilon,
            delta=arguments.delta,
            only_serve=arguments.serve,
            as_json=arguments.json,
            once=arguments.once,
        )
    )


def _prepare(arguments: argparse.Namespace) -> int:
    from pathlib import Path
    from time import monotonic

    from tacit_service.engine.snapshot import build_snapshot
    from tacit_service.policy.load import load_policy
    from tacit_service.settings import Settings

    settings = Settings.load(data_dir=arguments.data_dir)
    start = monotonic()
    snapshot = build_snapshot(load_policy(Path(arguments.file)), settings.data_dir)
    print(f"{snapshot.path}: {snapshot.path.stat().st_size / 1e6:.1f} MB, ready after {monotonic() - start:.1f} s")
    return OK


def _policy_check(arguments: Any) -> int:
    from pathlib import Path

    from tacit_service.engine.duckdb import OwnerReader
    from tacit_service.policy.check import check
    from tacit_service.policy.load import load_policy

    loaded = load_policy(Path(arguments.file))
    if loaded.policy.engine is not None:
        return _check_database(loaded)
    print(report := check(loaded, OwnerReader()))
    return OK if report.ok else FOUND


def _check_database(loaded: Loaded) -> int:
    """What opening the dataset checks: the role, tables, columns, NULLs. Rows stay where they are."""
    import tempfile
    from pathlib import Path

    from tacit_service.engine.opening import open_data
    from tacit_service.policy.check import questions

    with tempfile.TemporaryDirectory(prefix="tacit-") as folder:
        data = open_data(loaded, Path(folder), processes=1)
        data.engine.close()
    print(f"{loaded.policy.dataset}: the engine's tables are there, and read as the policy declares them.\n")
    print(*questions(loaded.policy), sep="\n")
    return OK


def _policy_advise(arguments: Any) -> int:
    from pathlib import Path

    from tacit_service.engine.duckdb import OwnerReader
    from tacit_service.policy.advise import advise
    from tacit_service.policy.load import load_policy
    from tacit_service.policy.model import ROW
    from tacit_service.privacy.units import Delta, Epsilon

    try:
        epsilon = None if arguments.epsilon is None else Epsilon.parse(arguments.epsilon)
        delta = None if arguments.delta is None else Delta.parse(arguments.delta)
    except ValueError as error:
        raise UsageError(f"--epsilon and --delta: {error}") from None
    a_policy = Path(arguments.subject).suffix.lower() in (".yaml", ".yml")
    if a_policy and arguments.unit is not None:
        raise UsageError("--unit goes with a data file; a policy names its unit itself")
    if a_policy:
        loaded = load_policy(Path(arguments.subject))
        asked = loaded.policy.per_query
        price = (asked.default_epsilon if epsilon is None else epsilon, asked.default_delta if delta is None else delta)
        found = advise(loaded, OwnerReader(), *price)
    else:
        price = (Epsilon.parse("0.1") if epsilon is None else epsilon, Delta(0) if delta is None else delta)
        found = advise(arguments.subject, OwnerReader(), *price, unit=arguments.unit or ROW)
    print(found.report, file=sys.stderr)  # the draft alone goes to standard output: advise FILE > policy.yaml
    if arguments.output is None:
        print(found.draft, end="")
        return OK
    try:
        Path(arguments.output).write_text(found.draft, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {arguments.output}: {error.strerror}") from None
    return OK


def _audit(arguments: Any) -> int:
    from tacit_service.audit.command import run
    from tacit_service.settings import Settings

    settings = Settings.load(policies=arguments.policy and tuple(arguments.policy))
    if not settings.policies:
        raise UsageError("no policy is given: --policy FILE, or TACIT_POLICIES")
    return run(arguments, list(settings.policies))


def _policy_schema(arguments: Any) -> int:  # noqa: ARG001 - every command takes its arguments
    from tacit_service.policy.schema import render_schema

    print(render_schema(), end="")
    return OK
