"""Training through the SDK against the served demo: nothing here is canned."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import tacit
from tacit import errors
from tacit.cli import main

SQL = "SELECT age, sex, region, income > 40000 AS well_off FROM patients"
ASKED: dict[str, Any] = {"label": "well_off", "model": "logistic_regression", "epsilon": "1", "delta": "1e-7"}
KEY = "one-job-however-many-ask-for-it"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    home = tmp_path_factory.mktemp("training-demo")
    command = [str(Path(sys.executable).with_name("tacit-service")), "demo", "--serve", "--json", "--port", "0"]
    options = ["--rows", "5000", "--epsilon", "8", "--delta", "1e-5", "--data-dir", str(home)]
    with subprocess.Popen([*command, *options], cwd=home, stdout=subprocess.PIPE, text=True) as service:
        try:
            assert service.stdout is not None
            started = json.loads(service.stdout.readline())
            yield {"url": started["url"], **started["keys"]}
        finally:
            service.terminate()


@pytest.fixture
def client(demo: dict[str, str]) -> Iterator[tacit.Client]:
    with tacit.Client(demo["url"], demo["analyst"], dataset="clinic") as client:
        yield client


def test_from_quote_to_prediction(
    client: tacit.Client, demo: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quote = client.quote_training(SQL, **ASKED)
    assert quote.affordable
    assert client.budget().accounts[0].spent.epsilon == "0", "a quote is free"
    job = client.train(SQL, **ASKED, idempotency_key=KEY)
    with ThreadPoolExecutor(1) as aside:
        watched = aside.submit(asyncio.run, over_asyncio(demo))
        told = list(job.events())
        assert watched.result() == (job.id, [job.id])
    assert [state.steps_done for state in told] == sorted(state.steps_done for state in told)
    assert len(told) > 2, "progress, and not only the end"
    assert 0 < told[-1].epsilon_so_far <= float(quote.price.epsilon) + 1e-9
    assert (job.status, job.state.steps_done) == ("succeeded", quote.parameters["steps"])
    assert client.budget().accounts[0].spent.epsilon == quote.price.epsilon == job.state.charged.epsilon
    rows = pd.DataFrame({"age": [30, 60, None], "sex": ["F", "M", "?"], "region": ["R1", None, "R2"]})
    assert set(job.predict(rows)) <= {False, True}
    scores = job.model().scores(rows)
    assert np.allclose(scores.sum(axis=1), 1)
    assert job.card().ledger.sequence > 0
    names = [found.name for found in job.artifacts()]
    assert {"model.safetensors", "model.onnx", "preprocessing.json", "card.json", "curves.svg"} <= set(names)
    assert job.artifact("model.safetensors") == job.model().content
    assert job.artifact("curves.png").startswith(b"\x89PNG")
    for name in ("..", "../../ledger.sqlite", "model.pkl"):
        with pytest.raises((errors.NotFound, errors.InvalidArgument)):
            job.artifact(name)
    asked = [{"age": 30, "sex": "F", "region": "R1"}, {"age": None, "sex": "?", "region": None}]
    assert job.predict_remotely(asked).predictions == list(job.predict(pd.DataFrame(asked)))
    with pytest.raises(errors.TrainingRefused):
        job.predict_remotely([{"age": "old", "sex": "F", "region": "R1"}])
    for_the_terminal(job, demo, tmp_path, capsys)
    assert client.training_job(job.id).status == "succeeded"
    assert [found.id for found in client.training_jobs()] == [job.id]
    assert client.query("SELECT COUNT(*) AS n FROM patients", epsilon="0.1").rows, "SQL goes on as before"
    with tacit.Client(demo["url"], demo["second_analyst"], dataset="clinic") as other:
        assert other.training_jobs() == []
        for attempt in (other.training_job, lambda i: other._transport.run(_model_call(i), 0)):
            with pytest.raises(errors.NotFound):
                attempt(job.id)


def for_the_terminal(
    job: tacit.TrainingJob, demo: dict[str, str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--url", demo["url"], "--key", demo["analyst"], "--dataset", "clinic"]
    asked = ["--label", "well_off", "--epsilon", "1", "--delta", "1e-7", "--set", "epochs=15", "--quote"]
    assert main(["train", SQL, *asked, *where]) == 0
    assert "price: ε" in capsys.readouterr().out
    assert main(["jobs", *where]) == 0
    assert job.id in capsys.readouterr().out
    assert main(["job", job.id, "--out", str(folder), *where]) == 0
    shown = capsys.readouterr()
    assert f"{job.id} succeeded" in shown.out
    assert "750/750 steps, ε ≤ " in shown.err
    assert (folder / "model.onnx").stat().st_size > 100


def _model_call(job_id: str) -> Any:
    from tacit import _training_protocol

    return _training_protocol.model(job_id)


async def over_asyncio(demo: dict[str, str]) -> tuple[str, list[str]]:
    """The same job, asked for again under its key, watched to its end, and used."""
    async with tacit.AsyncClient(demo["url"], demo["analyst"], dataset="clinic") as client:
        job = await client.train(SQL, **ASKED, idempotency_key=KEY)
        again = await client.training_job((await job.wait(600, progress=True)).id)
        frame = pd.DataFrame({"age": [40], "sex": ["F"], "region": ["R1"]})
        assert len(await again.predict(frame)) == 1
        return again.id, [found.id for found in await client.training_jobs()]


def test_refusals_have_their_class_and_cost_nothing(client: tacit.Client) -> None:
    before = client.budget().accounts[0].spent
    for changes, code in (
        ({"label": "height"}, "training_label_invalid"),
        ({"model": {"type": "mlp", "batch_norm": True}}, "training_model_invalid"),
        ({"sampling_rate": 2}, "training_parameter_invalid"),
        ({"epochs": 1e9}, "training_too_long"),
    ):
        with pytest.raises(errors.TrainingRefused) as caught:
            client.train(SQL, **{**ASKED, **changes})
        assert (caught.value.code, caught.value.status) == (code, 422)
    with pytest.raises(errors.InvalidArgument):
        client.train(SQL, **ASKED, learning_rat=1)
    with pytest.raises(errors.BudgetExhausted):
        client.train(SQL, **{**ASKED, "epsilon": None}, noise_multiplier=4, sampling_rate=0.2, steps=5_000)
    assert client.budget().accounts[0].spent == before


def test_only_analysts_train(demo: dict[str, str]) -> None:
    request = urllib.request.Request(
        f"{demo['url']}/v1/training-jobs", headers={"Authorization": f"Bearer {demo['owner']}"}
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=20)
    assert caught.value.code == 403
    caught.value.close()
