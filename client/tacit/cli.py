"""The ``tacit`` command: query, quote, explain, budget, history, releases, release, datasets, me, train, job, jobs, console.

Results go to stdout; prices, receipts and errors to stderr. Exit codes: 0 answered, 1 refused or failed, 2 wrong
usage, 3 budget exhausted, 4 no connection, 130 interrupted. Imports are inside the functions: ``tacit --help`` loads
argparse only.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tacit import train_commands
from tacit._text import clean
from tacit.errors import BudgetExhausted, ConnectionFailed, InvalidArgument, TacitError

if TYPE_CHECKING:
    from tacit.client import Client
    from tacit.shell.session import Options

OK, REFUSED, USAGE, EXHAUSTED, NO_CONNECTION, INTERRUPTED = 0, 1, 2, 3, 4, 130

_EPILOG = """\
environment:
  TACIT_URL, TACIT_DATASET   the service and the dataset, where no option names them
  TACIT_KEY, TACIT_KEY_FILE  the API key, or a file that holds it
  TACIT_CONFIRM_ABOVE        share of what is left above which the console asks before spending (0.1)
  TACIT_HISTORY              the console's history file

exit codes:
  0 answered   1 refused or failed   2 wrong usage   3 budget exhausted   4 no connection   130 interrupted
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    arguments = parser().parse_args(argv)
    _use_utf8()
    try:
        run: Callable[[argparse.Namespace], int] = arguments.run
        return run(arguments)
    except TacitError as error:
        return report(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return REFUSED


def report(error: TacitError) -> int:
    """Show an error on stderr and return its exit code."""
    from tacit.shell.advice import in_commands

    sys.stderr.write(f"tacit: {in_commands(error)}\n")
    if isinstance(error, InvalidArgument):
        return USAGE
    if isinstance(error, BudgetExhausted):
        return EXHAUSTED
    return NO_CONNECTION if isinstance(error, ConnectionFailed) else REFUSED


def parser() -> argparse.ArgumentParser:
    """The command line."""
    connection, purchase, output = _connection(), _purchase(), _output("table", "csv", "json")
    answers = _output("table", "csv", "json", "arrow", "parquet")
    result = argparse.ArgumentParser(
        prog="tacit",
        description="Ask a differentially private query service. Every number comes with a 95 % interval.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument("--version", action="store_true", help="show the version and exit")
    result.set_defaults(run=lambda arguments: _bare(arguments, result))
    commands = result.add_subparsers(title="commands", metavar="COMMAND")

    query = commands.add_parser("query", parents=[connection, purchase, answers], help="buy a private answer")
    query.add_argument("sql", metavar="SQL", help="one SELECT, or - to read it from stdin")
    query.add_argument("--fresh", action="store_true", help="buy new noise even where you hold an answer")
    query.add_argument("--idempotency-key", metavar="KEY", help="the same key again gives the same answer, paid once")
    query.add_argument("--confirm", action="store_true", help="show the price and ask first")
    query.set_defaults(run=_query)

    quote = commands.add_parser("quote", parents=[connection, purchase, output], help="price and expected ±, free")
    quote.add_argument("sql", metavar="SQL", help="one SELECT, or - to read it from stdin")
    quote.set_defaults(run=_quote)

    explain = commands.add_parser("explain", parents=[connection, purchase], help="how an answer would be made, free")
    explain.add_argument("sql", metavar="SQL", help="one SELECT, or - to read it from stdin")
    explain.set_defaults(run=_explain)

    _add_account(commands, connection, output, answers)
    datasets = commands.add_parser("datasets", parents=[connection, output], help="datasets, or the tables of one")
    datasets.add_argument("name", nargs="?", help="a dataset, to show its tables")
    datasets.set_defaults(run=_datasets)

    train_commands.add(commands, connection, output)

    console = commands.add_parser("console", parents=[connection, purchase, answers], help="a SQL shell")
    console.add_argument("-c", "--command", action="append", metavar="SQL", help="run this and leave; repeatable")
    console.add_argument("-f", "--file", action="append", metavar="FILE", help="run a file and leave; repeatable")
    console.add_argument("--confirm", action="store_true", help="show prices and ask in -c and -f too")
    console.add_argument("--confirm-above", metavar="SHARE", help="ask above this share of what is left (0.1)")
    console.set_defaults(run=_console)
    return result


def _add_account(
    commands: Any,
    connection: argparse.ArgumentParser,
    output: argparse.ArgumentParser,
    answers: argparse.ArgumentParser,
) -> None:
    """What was spent, what is held, and who asks."""
    budget = commands.add_parser("budget", parents=[connection, output], help="what is spent and what is left")
    budget.set_defaults(run=_budget)

    history = commands.add_parser("history", parents=[connection, output], help="what was spent when, and on what")
    history.add_argument(
        "--limit", type=_cap, default=100, metavar="N", help="at most so many charges (100, up to 500)"
    )
    history.set_defaults(run=_history)

    releases = commands.add_parser("releases", parents=[connection, output], help="answers that you hold, newest first")
    releases.set_defaults(run=_releases)

    release = commands.add_parser("release", parents=[connection, answers], help="an answer bought earlier, free")
    release.add_argument("id", metavar="ID", help="the release's id; tacit releases lists them")
    release.add_argument("--receipt", action="store_true", help="how it was measured and paid for, in its place")
    release.set_defaults(run=_release)

    me = commands.add_parser("me", parents=[connection, output], help="who the key says you are")
    me.set_defaults(run=_me)


def _connection() -> argparse.ArgumentParser:
    group = argparse.ArgumentParser(add_help=False)
    group.add_argument("--url", help="the service, such as http://127.0.0.1:8470")
    group.add_argument("--key", help="API key; TACIT_KEY and --key-file do not show it to other users")
    group.add_argument("--key-file", metavar="FILE", help="file that holds the API key")
    group.add_argument("--dataset", help="dataset to ask")
    group.add_argument("--timeout", type=float, default=60.0, metavar="SECONDS", help="wait this long for an answer")
    return group


def _purchase() -> argparse.ArgumentParser:
    group = argparse.ArgumentParser(add_help=False)
    group.add_argument("--epsilon", metavar="0.1", help="ε to spend on a query; the policy's default otherwise")
    group.add_argument("--delta", metavar="1e-9", help="δ that thresholds and Gaussian noise may use")
    group.add_argument(
        "--accuracy", metavar="50", help="in place of ε: the ± (95 %%) that every count and sum may have"
    )
    group.add_argument("--max-rows", type=_cap, metavar="R", help="rows of one unit that count in full")
    group.add_argument("--max-groups", type=_cap, metavar="K", help="groups of one unit that count")
    group.add_argument("--max-amount", metavar="B", help="total amount of one unit in a SUM")
    group.add_argument("--bias-check", action="store_true", help="spend a tenth on what bounds drop from this query")
    group.add_argument("--approx-bounds", action="store_true", help="spend a tenth on bounds that the policy lacks")
    return group


def _cap(text: str) -> int:
    if text.isascii() and text.isdecimal() and len(text) < 20 and int(text) >= 1:
        return int(text)
    raise argparse.ArgumentTypeError(f"{clean(text)} is no whole number of 1 or more")


def _output(*choices: str) -> argparse.ArgumentParser:
    group = argparse.ArgumentParser(add_help=False)
    group.add_argument("-o", "--output", choices=choices, default="table", help="how to write results")
    return group


def connect(arguments: argparse.Namespace, *, asks: bool = False) -> Client:
    """The client of a command line and the environment; one that ``asks`` needs a dataset."""
    from tacit._config import resolve
    from tacit.client import Client

    found = resolve(arguments.url, arguments.key, arguments.key_file, arguments.dataset, os.environ)
    for note in found.notes:
        sys.stderr.write(f"tacit: {clean(note)}\n")
    if asks and found.dataset is None:
        raise InvalidArgument("no dataset: name it by --dataset or TACIT_DATASET; tacit datasets lists them")
    return Client(found.url, found.key, dataset=found.dataset, timeout_s=arguments.timeout)


def options(arguments: argparse.Namespace) -> Options:
    """What the purchase and output options set."""
    from decimal import Decimal

    from tacit.shell.session import CONFIRM_ABOVE, Options, positive, share

    above = getattr(arguments, "confirm_above", None) or os.environ.get("TACIT_CONFIRM_ABOVE")
    amount: Decimal | None = None if arguments.max_amount is None else positive(arguments.max_amount)
    return Options(
        epsilon=arguments.epsilon,
        delta=arguments.delta,
        max_rows=arguments.max_rows,
        max_groups=arguments.max_groups,
        max_amount=amount,
        fresh=getattr(arguments, "fresh", False),
        accuracy=arguments.accuracy,
        bias_check=arguments.bias_check,
        approx_bounds=arguments.approx_bounds,
        output=getattr(arguments, "output", "table"),
        preview=getattr(arguments, "confirm", False),
        confirm_above=share(above) if above else CONFIRM_ABOVE,
    )


def ask(question: str) -> bool:
    """A yes-or-no question on stderr, answered on stdin; the end of the input is a no."""
    sys.stderr.write(clean(question) + " ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _sql(arguments: argparse.Namespace) -> str:
    text: str = sys.stdin.read() if arguments.sql == "-" else arguments.sql
    return text.strip().rstrip(";").rstrip()


def _query(arguments: argparse.Namespace) -> int:
    from tacit.shell import session

    chosen = options(arguments)
    with connect(arguments, asks=True) as client:
        bought = session.Session(client, chosen, sys.stdout, sys.stderr, ask).query(
            _sql(arguments), arguments.idempotency_key
        )
    return OK if bought else REFUSED


def _quote(arguments: argparse.Namespace) -> int:
    from tacit.shell import render

    chosen = options(arguments)
    with connect(arguments, asks=True) as client:
        render.quote(sys.stdout, client.quote(_sql(arguments), **chosen.terms()), chosen.output)
    return OK


def _explain(arguments: argparse.Namespace) -> int:
    from tacit.shell import render

    terms = options(arguments).terms()
    del terms["fresh"]
    with connect(arguments, asks=True) as client:
        render.block(sys.stdout, client.explain(_sql(arguments), **terms))
    return OK


def _budget(arguments: argparse.Namespace) -> int:
    from tacit.shell import render

    with connect(arguments) as client:
        render.budget(sys.stdout, client.budget(), arguments.output)
    return OK


def _history(arguments: argparse.Namespace) -> int:
    from tacit.shell import spending

    with connect(arguments, asks=True) as client:
        spending.show(sys.stdout, client.history(limit=arguments.limit), arguments.output)
    return OK


def _releases(arguments: argparse.Namespace) -> int:
    from tacit.shell.commands import dispatch
    from tacit.shell.session import Options, Session

    with connect(arguments) as client:
        chosen = Options(dataset=client.default_dataset, output=arguments.output)
        dispatch(Session(client, chosen, sys.stdout, sys.stderr, ask), "\\releases")
    return OK


def _release(arguments: argparse.Namespace) -> int:
    from tacit.shell import account, binary, render

    binary.check(sys.stdout, "table" if arguments.receipt else arguments.output)
    with connect(arguments) as client:
        release = client.release(arguments.id)
        if arguments.receipt:
            account.show(sys.stdout, release, arguments.output)
        else:
            render.answer(sys.stdout, release, arguments.output)
    return OK


def _me(arguments: argparse.Namespace) -> int:
    from tacit.shell import account

    with connect(arguments) as client:
        account.who(sys.stdout, client.me(), arguments.output)
    return OK


def _datasets(arguments: argparse.Namespace) -> int:
    from tacit.shell import render

    with connect(arguments) as client:
        if arguments.name:
            render.facts(sys.stdout, client.dataset(arguments.name), arguments.output)
        else:
            render.names(sys.stdout, client.datasets(), arguments.output)
    return OK


def _console(arguments: argparse.Namespace) -> int:
    chosen = options(arguments)
    with connect(arguments) as client:
        chosen.dataset = client.default_dataset
        if arguments.command or arguments.file or not sys.stdin.isatty():
            from tacit.shell.script import run_scripts

            return run_scripts(client, chosen, arguments.command or [], arguments.file or [])
        from tacit.shell.console import Console

        return Console(client, chosen).run()


def _bare(arguments: argparse.Namespace, usage: argparse.ArgumentParser) -> int:
    if arguments.version:
        from importlib.metadata import version

        sys.stdout.write(f"tacit {version('tacit')}\n")
        return OK
    usage.print_help(sys.stderr)
    return USAGE


def _use_utf8() -> None:
    """ε, δ and ± are not in every locale: an answer that was paid for must not be lost to its encoding."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


if __name__ == "__main__":
    sys.exit(main())
