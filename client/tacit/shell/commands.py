"""Backslash commands: one small function each, listed in one table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tacit._text import clean, short_decimal
from tacit.errors import InvalidArgument
from tacit.release import spend
from tacit.shell import jobs, render, spending
from tacit.shell.session import Quit, positive, share
from tacit.shell.splitter import split
from tacit.shell.watch import watch

if TYPE_CHECKING:
    from tacit.shell.session import Session

Command = Callable[["Session", str], None]
_SCRIPT_BYTES_MAX = 1 << 20
_STATEMENT_WIDTH = 60


def dispatch(session: Session, text: str) -> None:
    """Run one command line such as ``\\d patients``."""
    name, _, argument = text.partition(" ")
    command = COMMANDS.get(name)
    if command is None:
        raise InvalidArgument(f"no command {clean(name)}: \\? lists them")
    command[0](session, argument.strip().rstrip(";").strip())


def _describe(session: Session, name: str) -> None:
    facts = session.facts()
    if not name:
        return render.facts(session.target, facts, session.options.output)
    wanted = name.strip('"').lower()
    for table in facts.tables:
        if table.name.lower() == wanted:
            return render.table_facts(session.target, table, session.options.output)
    raise InvalidArgument(f"{facts.name} has no table {clean(name)}: \\dt lists them")


def _datasets(session: Session, _: str) -> None:
    render.names(session.target, session.client.datasets(), session.options.output)


def _connect(session: Session, name: str) -> None:
    if not name:
        raise InvalidArgument("\\c NAME: \\datasets lists the names")
    session.facts(name)
    session.options.dataset = name
    session.note(f"-- dataset {clean(name)}")


def _cost(session: Session, sql: str) -> None:
    session.need_dataset()
    quoted = session.client.quote(_sql(session, sql), **session.options.terms())
    render.quote(session.target, quoted, session.options.output)


def _explain(session: Session, sql: str) -> None:
    session.explain(_sql(session, sql))


def _sql(session: Session, sql: str) -> str:
    statement = sql or session.last_sql
    if not statement:
        raise InvalidArgument("give a SELECT, or run one first")
    return statement


def _budget(session: Session, _: str) -> None:
    render.budget(session.target, session.client.budget(), session.options.output)


def _history(session: Session, _: str) -> None:
    session.need_dataset()
    spending.show(session.target, session.client.history(session.options.dataset), session.options.output)


def _epsilon(session: Session, text: str) -> None:
    if text:
        if not positive(text):
            raise InvalidArgument("ε is above 0: nothing can be measured with 0")
        session.options.epsilon, session.options.accuracy = text, None
    session.note(f"-- ε {session.options.epsilon or 'of the policy'} a query")


def _delta(session: Session, text: str) -> None:
    if text:
        positive(text)
        session.options.delta = text
    session.note(f"-- δ {short_decimal(session.options.delta or 'of the policy')} a query")


def _accuracy(session: Session, text: str) -> None:
    if text:
        session.options.epsilon, session.options.accuracy = None, text if positive(text) else None
    asked = f"±{session.options.accuracy} (95 %) or better, at the smallest ε" if session.options.accuracy else "by ε"
    session.note(f"-- asks {asked}")


def _bias_check(session: Session, text: str) -> None:
    session.options.bias_check = _switched(session.options.bias_check, text)
    session.note(f"-- a tenth of ε on what bounds drop: {'yes' if session.options.bias_check else 'no'}")


def _approx_bounds(session: Session, text: str) -> None:
    session.options.approx_bounds = _switched(session.options.approx_bounds, text)
    found = "yes" if session.options.approx_bounds else "no"
    session.note(f"-- a tenth of ε on bounds that the policy does not give: {found}")


def _switched(now: bool, text: str) -> bool:
    if text.lower() not in ("", "on", "off"):
        raise InvalidArgument("say on, off, or nothing to turn it over")
    return not now if not text else text.lower() == "on"


def _confirm(session: Session, text: str) -> None:
    if text:
        session.options.confirm_above = share(text)
    session.note(f"-- asks when a query takes more than {session.options.confirm_above:.0%} of what is left")


def _format(session: Session, text: str) -> None:
    if text:
        for output in render.OUTPUTS:
            if output == text:
                session.options.output = output
                break
        else:
            raise InvalidArgument(f"\\format {'|'.join(render.OUTPUTS)}")
    session.note(f"-- output {session.options.output}")


def _output(session: Session, path: str) -> None:
    session.write_to(path or None)
    session.note(f"-- results go to {path or 'the terminal'}")


def _include(session: Session, path: str) -> None:
    for piece in split(read_script(path)):
        session.run(piece)


def read_script(path: str) -> str:
    """The text of a SQL file; ``InvalidArgument`` when it cannot be one."""
    try:
        with Path(path).expanduser().open("rb") as file:
            content = file.read(_SCRIPT_BYTES_MAX + 1)
    except OSError as error:
        raise InvalidArgument(f"cannot read {path}: {error.strerror}") from None
    if len(content) > _SCRIPT_BYTES_MAX:
        raise InvalidArgument(f"{path} is larger than {_SCRIPT_BYTES_MAX} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidArgument(f"{path} is not UTF-8") from None


def _expanded(session: Session, _: str) -> None:
    session.options.expanded = not session.options.expanded
    session.note(f"-- expanded display {'on' if session.options.expanded else 'off'}")


def _timing(session: Session, _: str) -> None:
    session.options.timing = not session.options.timing
    session.note(f"-- timing {'on' if session.options.timing else 'off'}")


def _receipts(session: Session, _: str) -> None:
    shown = _STATEMENT_WIDTH if session.options.output == "table" else None
    table = session.options.output == "table"
    rows = [
        [
            r.id,
            r.receipt.charged.epsilon,
            short_decimal(r.receipt.charged.delta) if table else r.receipt.charged.delta,
            r.receipt.remaining.epsilon,
            _line(r.sql, shown),
        ]
        for r in session.receipts
    ]
    headers = ["release", "ε charged", "δ charged", "ε left", "statement"]
    render.rows(session.target, headers, rows, session.options.output)


def _line(sql: str, columns: int | None) -> str:
    line = " ".join(sql.split())
    return line if columns is None or len(line) <= columns else f"{line[: columns - 1]}…"


def _release(session: Session, release_id: str) -> None:
    if not release_id:
        raise InvalidArgument("\\release ID: \\receipts lists those of this session")
    release = session.client.release(release_id)
    render.answer(session.target, release, session.options.output, session.options.expanded)


def _releases(session: Session, _: str) -> None:
    shown = _STATEMENT_WIDTH if session.options.output == "table" else None
    held = session.client.releases(session.options.dataset)
    rows = [
        [r.release_id, r.created_at, r.charged.epsilon, short_decimal(r.charged.delta), _line(r.sql, shown)]
        for r in held
    ]
    render.rows(session.target, ["release", "at", "ε", "δ", "statement"], rows, session.options.output)


def _jobs(session: Session, _: str) -> None:
    jobs.listed(session.target, session.client.training_jobs(), session.options.output)


def _job(session: Session, job_id: str) -> None:
    jobs.ended_well(session.client.training_job(_job_id(job_id)), session.err)


def _cancel(session: Session, job_id: str) -> None:
    session.note(f"-- {jobs.line(session.client.training_job(_job_id(job_id)).cancel().state)}")


def _job_id(text: str) -> str:
    if not text:
        raise InvalidArgument("name a job: \\jobs lists them")
    return text


def _train(session: Session, text: str) -> None:
    session.need_dataset()
    found, sql = jobs.options(text)
    told = jobs.asked(found, session.options.terms())
    if not sql:
        raise InvalidArgument("\\train label=… model=… SELECT …: the statement is missing")
    if session.options.preview:
        quoted = session.client.quote_training(sql, **told)
        if not session.agrees(quoted, f"costs {spend(quoted.price)} of {spend(quoted.remaining)} left"):
            return
    jobs.ended_well(session.client.train(sql, **told), session.err)


def _help(session: Session, _: str) -> None:
    widest = max(len(f"{name} {usage}") for name, (_run, usage, _text) in COMMANDS.items())
    for name, (_run, usage, text) in COMMANDS.items():
        session.note(f"  {f'{name} {usage}'.ljust(widest)}  {text}")
    session.note("  A statement ends with ; and may take several lines. Ctrl-C cancels the line, Ctrl-D leaves.")


def _quit(_session: Session, _: str) -> None:
    raise Quit


COMMANDS: dict[str, tuple[Command, str, str]] = {
    "\\d": (_describe, "[TABLE]", "tables, or the columns of one: public facts only"),
    "\\dt": (_describe, "[TABLE]", "the same"),
    "\\datasets": (_datasets, "", "datasets granted to this key"),
    "\\c": (_connect, "DATASET", "use another dataset"),
    "\\cost": (_cost, "[SELECT …]", "price and expected ± of a statement (or of the last): free"),
    "\\explain": (_explain, "[SELECT …]", "how it is derived, bounded and measured: free"),
    "\\budget": (_budget, "", "what is spent and what is left"),
    "\\history": (_history, "", "what was spent when, and on what"),
    "\\receipts": (_receipts, "", "what this session bought"),
    "\\releases": (_releases, "", "what you hold, bought by whichever program"),
    "\\release": (_release, "ID", "an answer bought earlier: free"),
    "\\epsilon": (_epsilon, "[0.1]", "ε of the next queries"),
    "\\delta": (_delta, "[1e-9]", "δ of the next queries"),
    "\\accuracy": (_accuracy, "[50]", "± (95 %) of the next counts and sums in place of ε; 0 asks by ε again"),
    "\\bias_check": (_bias_check, "[on|off]", "a tenth of the price says what max_rows, max_groups, max_amount drop"),
    "\\approx_bounds": (_approx_bounds, "[on|off]", "a tenth of the price finds bounds that the policy does not give"),
    "\\confirm": (_confirm, "[0.1]", "ask above this share of what is left"),
    "\\format": (_format, "table|csv|json|arrow|parquet", "how results are written"),
    "\\train": (_train, "label=… model=… SELECT …", "train a model with DP-SGD, and watch it"),
    "\\jobs": (_jobs, "", "your training jobs"),
    "\\job": (_job, "ID", "watch a job until it ends; Ctrl-C leaves it running"),
    "\\cancel": (_cancel, "ID", "stop a job; it is charged for the steps that it began"),
    "\\watch": (watch, "[2] [c=TIMES] [COMMAND]", "run a statement or command again every 2 s, until Ctrl-C"),
    "\\x": (_expanded, "", "one line a cell, or a table"),
    "\\timing": (_timing, "", "show how long each statement takes"),
    "\\o": (_output, "[FILE]", "results to a file, or back"),
    "\\i": (_include, "FILE", "run a file"),
    "\\?": (_help, "", "this list"),
    "\\q": (_quit, "", "leave"),
}
"""Name, and: what runs, its arguments, its help."""
