"""Predictions of a trained model for the rows of a CSV file: ``\\predict JOB FILE`` and ``tacit job JOB --predict FILE``.

The service predicts, so that a terminal needs no numpy. The model is released: it costs nothing.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TextIO

from tacit._text import clean, exact
from tacit.errors import InvalidArgument
from tacit.shell import render

if TYPE_CHECKING:
    from tacit.shell.render import Output
    from tacit.shell.session import Session
    from tacit.training import TrainingJob

_ROWS = 500


def command(session: Session, text: str) -> None:
    r"""``\predict JOB FILE``."""
    job_id, _, path = text.partition(" ")
    if not path.strip():
        raise InvalidArgument("\\predict JOB FILE.csv: \\jobs lists the jobs, and the file's header names the features")
    show(session.target, session.client.training_job(job_id), path.strip(), session.options.output)


def show(out: TextIO, job: TrainingJob, path: str, output: Output) -> None:
    """The label of each row, and the probability of each class where there are classes. Other columns are left out."""
    types = {feature.name: feature.type for feature in job.card().features}
    headers: list[str] = ["prediction"]
    texts: list[list[str]] = []
    for batch in _batches(path, types):
        found = job.predict_remotely(batch)
        headers = ["prediction", *(f"p({exact(name)})" for name in found.classes or [])]
        scores = found.scores or [[] for _ in found.predictions]
        for label, row in zip(found.predictions, scores, strict=True):
            texts.append([exact(label), *(f"{score:.4f}" for score in row)])
    render.rows(out, headers, texts, output)


def _batches(path: str, types: Mapping[str, str]) -> Iterator[list[dict[str, Any]]]:
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, strict=True)
            missing = [name for name in types if name not in (rows.fieldnames or ())]
            if missing:
                raise InvalidArgument(f"{clean(path)} has no column {clean(missing[0])}, which the model learnt from")
            batch: list[dict[str, Any]] = []
            for row in rows:
                if None in row or None in row.values():
                    raise InvalidArgument(f"{clean(path)}: line {rows.line_num} has not as many fields as the header")
                batch.append({name: value(row[name], kind) for name, kind in types.items()})
                if len(batch) == _ROWS:
                    yield batch
                    batch = []
    except OSError as error:
        raise InvalidArgument(f"cannot read {clean(path)}: {error.strerror}") from None
    except (csv.Error, UnicodeDecodeError):
        raise InvalidArgument(f"{clean(path)} is no CSV file in UTF-8") from None
    if batch:
        yield batch


def value(text: str, kind: str) -> Any:
    """A cell as the feature's type has it in JSON; an empty one is null.

    >>> value("41", "integer"), value("0.5", "number"), value("007", "string"), value("", "date")
    (41, 0.5, '007', None)
    """
    if text == "":
        return None
    try:
        if kind == "integer":
            return int(text)
        if kind == "number":
            return float(text)
    except ValueError:
        raise InvalidArgument(f"{clean(text)} is no {kind}") from None
    if kind == "boolean":
        return text.lower() == "true"
    if kind == "image":
        raise InvalidArgument("a CSV file holds no images: the SDK's job.predict takes them")
    return text
