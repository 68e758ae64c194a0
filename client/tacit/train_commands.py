"""``tacit train``, ``tacit jobs`` and ``tacit job``: training from the terminal, with a bar while it goes on."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tacit._text import clean
from tacit.errors import InvalidArgument

if TYPE_CHECKING:
    from tacit import wire
    from tacit.training import TrainingJob

OK = 0


def add(commands: Any, connection: argparse.ArgumentParser, output: argparse.ArgumentParser) -> None:
    """Add the commands to the parser's."""
    train = commands.add_parser("train", parents=[connection], help="train a model privately, and wait for it")
    train.add_argument("sql", metavar="SQL", help="SELECT of features and label, or - to read it from stdin")
    train.add_argument("--label", required=True, help="the column to predict")
    train.add_argument("--model", default="logistic_regression", help='type, or JSON: {"type": "mlp", "hidden": [32]}')
    train.add_argument("--epsilon", metavar="1", help="ε of the whole run")
    train.add_argument("--delta", metavar="1e-7", help="δ of the whole run")
    train.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="epochs=20, units=9000, …")
    train.add_argument("--quote", action="store_true", help="price and parameters only: free")
    train.add_argument("--no-wait", action="store_true", help="print the job's id and leave")
    train.add_argument("--out", metavar="FOLDER", help="save the model, its card and its curves there")
    train.set_defaults(run=_train)

    job = commands.add_parser("job", parents=[connection], help="watch a training job, stop it, fetch its files")
    job.add_argument("id", help="the job's id; tacit jobs lists them")
    job.add_argument("--cancel", action="store_true", help="stop it; charged for the steps that it began")
    job.add_argument("--no-wait", action="store_true", help="say how far it is and leave")
    job.add_argument("--out", metavar="FOLDER", help="save the model, its card and its curves there")
    job.add_argument("--predict", metavar="FILE", help="what its model says of each row of a CSV file: free")
    job.add_argument(
        "-o", "--output", choices=("table", "csv", "json"), default="table", help="how to write predictions"
    )
    job.set_defaults(run=_job)

    jobs = commands.add_parser("jobs", parents=[connection, output], help="your training jobs, newest first")
    jobs.set_defaults(run=_jobs)


def _train(arguments: argparse.Namespace) -> int:
    from tacit.cli import connect

    sql = (sys.stdin.read() if arguments.sql == "-" else arguments.sql).strip().rstrip(";")
    asked: dict[str, Any] = {
        "label": arguments.label,
        "model": _model(arguments.model),
        "epsilon": arguments.epsilon,
        "delta": arguments.delta,
        **dict(_setting(text) for text in arguments.set),
    }
    with connect(arguments, asks=True) as client:
        if arguments.quote:
            _show_quote(client.quote_training(sql, **asked))
            return OK
        return _follow(client.train(sql, **asked), arguments)


def _model(text: str) -> str | dict[str, Any]:
    if not text.lstrip().startswith("{"):
        return text
    try:
        found: dict[str, Any] = json.loads(text)
    except ValueError:
        raise InvalidArgument("--model is a type, or a JSON object") from None
    return found


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise InvalidArgument(f"--set {clean(text)}: write NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _show_quote(quote: wire.TrainingQuote) -> None:
    write = sys.stdout.write
    write(f"price: ε {quote.price.epsilon}, δ {quote.price.delta}; left: ε {quote.remaining.epsilon}\n")
    write("" if quote.affordable else "the account cannot pay for it\n")
    write("".join(clean(f"{name}: {value}") + "\n" for name, value in quote.parameters.items() if value is not None))
    write("".join(f"{clean(note)}\n" for note in quote.notes))


def _job(arguments: argparse.Namespace) -> int:
    from tacit.cli import connect

    with connect(arguments) as client:
        job = client.training_job(arguments.id)
        if arguments.predict:
            from tacit.shell import predictions

            predictions.show(sys.stdout, job, arguments.predict, arguments.output)
            return OK
        if arguments.cancel:
            job.cancel()
        return _follow(job, arguments)


def _follow(job: TrainingJob, arguments: argparse.Namespace) -> int:
    """Watch the job to its end, and fetch what it made."""
    if arguments.no_wait:
        sys.stdout.write(clean(f"{job.id} {job.status} {job.state.steps_done}/{job.state.steps}") + "\n")
        return OK
    job.wait(float("inf"), progress=True)
    sys.stdout.write(clean(f"{job.id} {job.status}, ε {job.state.charged.epsilon} charged") + "\n")
    if arguments.out:
        folder = Path(arguments.out)
        folder.mkdir(parents=True, exist_ok=True)
        for found in job.artifacts():
            (folder / Path(found.name).name).write_bytes(job.artifact(found.name))
            sys.stdout.write(clean(str(folder / Path(found.name).name)) + "\n")
    return OK


def _jobs(arguments: argparse.Namespace) -> int:
    from tacit.cli import connect
    from tacit.shell import render

    with connect(arguments) as client:
        rows = [
            [j.id, j.status, f"{j.steps_done}/{j.steps}", j.charged.epsilon, j.dataset, str(j.model["type"]), j.label]
            for j in client.training_jobs()
        ]
    headers = ["job", "status", "steps", "ε charged", "dataset", "model", "label"]
    render.rows(sys.stdout, headers, rows, arguments.output)
    return OK
