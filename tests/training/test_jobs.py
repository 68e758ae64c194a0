"""Jobs from submission to model: charged once, resumed after kills, cancelled at the price of the steps begun."""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from tacit_training_world import PEOPLE, World, ask

from tacit import wire
from tacit.model import Model
from tacit_service.engine.process import WorkerFailure
from tacit_service.errors import BudgetExhausted, Conflict, EngineFailure, NotFound, Overloaded, RequestError
from tacit_service.ledger.jobs import Jobs, LostClaim
from tacit_service.ledger.records import Claim
from tacit_service.ledger.schema import jobs as rows
from tacit_service.ledger.verify import verify
from tacit_service.privacy.curves import price
from tacit_service.privacy.lanes import Limits
from tacit_service.privacy.units import Delta, Epsilon
from tacit_service.training import job as job_process
from tacit_service.training.artifacts import MEDIA_TYPES
from tacit_service.training.dpsgd import Trainer
from tacit_service.training.exchange import evaluate
from tacit_service.training.orders import Order
from tacit_service.training.plan import ran
from tacit_service.training.spec import Caps

OVER = ("succeeded", "failed", "cancelled")
LONG: dict[str, Any] = {"sampling_rate": 0.01, "epochs": None, "steps": 2_000, "epsilon": None, "noise_multiplier": 1}


def until(holds: Callable[[], bool], timeout_s: float = 600.0, every_s: float = 0.5) -> None:
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(every_s)  # a look costs milliseconds of the processor that the job computes on


def ended(world: World, job_id: str, timeout_s: float = 600.0) -> wire.TrainingJob:
    until(lambda: world.desk.job("ada", job_id).status in OVER, timeout_s)
    return world.desk.job("ada", job_id)


def claimed(world: World, job_id: str, lease_s: float = 10, now: Callable[[], float] = time.time) -> Claim | None:
    """The job, as whoever its waiting workflow is handed to would claim it."""
    with world.ledger.reading() as connection:
        ticket = connection.execute(sa.select(rows.c.claim).where(rows.c.job_id == job_id)).scalar_one()
    return Jobs(world.ledger, clock=now).claim(job_id, ticket, lease_s)


def attempt(world: World, job_id: str, processes: int = 1, claim: Claim | None = None) -> int:
    """One attempt at a job by this process, which has torch already: all that a worker's process does once it has begun."""
    claim = claim or claimed(world, job_id, lease_s=3600)
    assert claim is not None
    order = Order(
        parent=os.getpid(), policy=world.loaded.path, ledger=world.url, data_dir=world.folder / "data", job_id=job_id,
        token=claim.token, lease_s=3600, threads=1, memory_bytes_max=8 << 30, processes=processes,
    )  # fmt: skip
    return job_process.attempt(order, world.ledger)


def test_a_job_killed_again_and_again_is_charged_once_and_its_model_predicts(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """From submission to model, through the queue and processes of their own: one dies at its start, one at work."""
    asked = ask(**LONG)
    quote = world.desk.quote("ada", asked)
    job = world.desk.submit("ada", asked, None)
    assert (job.status, job.price) == ("queued", quote.price)
    assert world.spent() == world.spent(None) == quote.price.epsilon, "charged before a row is read"
    worker = world.worker(lease_s=3.0)
    pids: list[int] = []
    spawn = worker._spawn

    def spawned(*arguments: Any) -> Any:
        child = spawn(*arguments)
        pids.append(child.pid)
        if len(pids) == 1:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGKILL)
        return child

    worker._spawn = spawned  # type: ignore[method-assign]
    worker.start()
    checkpoint = world.folder / "data" / "training" / job.id / "state.safetensors"
    until(checkpoint.exists, every_s=0.01)  # long before its last step, however busy the machine is
    os.kill(pids[1], signal.SIGKILL)
    assert ended(world, job.id).status == "succeeded"
    assert len(pids) == 3, "each kill was followed by another attempt"
    assert [record.message for record in caplog.records] == ["training_process_ended"] * 2, (
        "given back, not left to its lease"
    )
    assert world.spent() == world.spent(None) == job.price.epsilon
    assert not (world.folder / "data" / "training" / job.id).exists(), "checkpoints go when the job ends"
    check_model(world, job.id, quote)


def check_model(world: World, job_id: str, quote: wire.TrainingQuote) -> None:
    """It has learnt, and its card says how."""
    model = Model(world.desk.model("ada", job_id), card := world.desk.card("ada", job_id))
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"age": rng.integers(18, 91, 500), "score": rng.uniform(0, 10, 500), "city": "west"})
    truth = (frame["age"] - 54) / 20 + (frame["score"] - 5) / 2 > 0
    assert (model.predict(frame) == truth).mean() > 0.9
    assert (card.units_source, card.expected_batch, card.steps) == ("given", 0.01 * PEOPLE, LONG["steps"])
    assert card.epsilon <= float(quote.price.epsilon) < 3
    assert card.noise_multiplier == quote.parameters["noise_multiplier"]
    report = verify(world.url)
    assert report.ok, report.findings
    assert card.ledger.sequence < report.head.sequence
    check_files(world, job_id, frame, model)


def check_files(world: World, job_id: str, frame: pd.DataFrame, model: Model) -> None:
    """ONNX, by its reference evaluator, is the model; the rest can be read; no other name is found."""
    names = [found.name for found in world.desk.artifacts("ada", job_id)]
    assert names == list(MEDIA_TYPES)
    files = {name: world.desk.artifact("ada", job_id, name)[0] for name in names}
    inputs = model.encode(frame)
    assert np.allclose(evaluate(files["model.onnx"], inputs), model.scores(frame), atol=1e-5)
    asked = wire.PredictionRequest(rows=frame.head(20).to_dict("records"))
    assert world.desk.predict("ada", job_id, asked).predictions == list(model.predict(frame.head(20)))
    assert files["curves.png"].startswith(b"\x89PNG")
    assert b"<svg" in files["curves.svg"]
    points = json.loads(files["curves.json"])["training"]
    assert points[-1]["step"] == LONG["steps"]
    assert len(points) > 10
    assert json.loads(files["preprocessing.json"])["inputs"] == inputs.shape[1]
    for name in ("../state.safetensors", "model.pkl", "card", ""):
        with pytest.raises(NotFound):
            world.desk.artifact("ada", job_id, name)
    for bad in ([], [{"age": 1}], [{"age": "old", "score": 1, "city": "west"}], [{"age": 1, "score": 1, "city": 3}]):
        with pytest.raises(RequestError, match="rows"):
            world.desk.predict("ada", job_id, wire.PredictionRequest(rows=bad))


def test_units_that_are_not_given_and_a_tally_of_held_out_ones_are_bought_in_the_same_charge(world: World) -> None:
    """With two processes that share the steps, and public rows to measure on: same price, noise once, a model that has learnt."""
    panel = "SELECT smokes, age, city, score FROM panel"
    asked = ask(units=None, epsilon="4", holdout=0.25, metrics_epsilon="0.4", validation=panel, audit=["canaries"])
    assert float(world.desk.quote("ada", asked).price.epsilon) <= 4
    job = world.desk.submit("ada", asked, None)
    assert attempt(world, job.id, processes=2) == job_process.DONE
    card = world.desk.card("ada", job.id)
    assert card.units_source == "bought"
    assert card.expected_batch == pytest.approx(0.05 * 0.75 * PEOPLE, rel=0.15)  # ε 0.2 of the 4: ±75 of 2000 or so
    held = card.metrics["held_out"]
    assert isinstance(held, dict)
    assert held["right"] + held["wrong"] == pytest.approx(0.25 * PEOPLE, abs=120)  # type: ignore[operator]
    assert held["accuracy"] > 0.85  # type: ignore[operator]
    assert held["epsilon"] == "0.4"
    assert 3.3 < card.epsilon <= 4 - 0.2 - 0.4, "what the count and the tally left for the steps"
    assert 3.9 < float(world.spent()) <= 4, "what is measured on public rows is free"
    assert [(found.name, found.claimed, found.holds) for found in card.attacks] == [("canaries", card.epsilon, True)]
    model = Model(world.desk.model("ada", job.id), card)
    truth = pq.read_table(world.folder / "panel.parquet").to_pandas()
    right = float((model.predict(truth) == truth["smokes"]).mean())
    assert card.metrics["public_accuracy"] == pytest.approx(right, abs=1e-9)
    assert right > 0.85
    points = json.loads(world.desk.artifact("ada", job.id, "curves.json")[0])["training"]
    assert points[-1]["validation_accuracy"] == pytest.approx(right, abs=1e-6)


def test_torchrun_starts_the_processes_of_a_job_and_the_noise_is_drawn_once(world: World) -> None:
    """The trips of a person: up to 8 rows, one gradient, the price of one. So much noise that it alone moves the weights."""
    terms: dict[str, Any] = {"epsilon": None, "noise_multiplier": 40, "sampling_rate": 0.001, "epochs": None}
    terms |= {"steps": 36, "model": {"type": "mlp", "hidden": [32]}, "momentum": 0, "clipping_norm": 1}
    trips = ask(sql="SELECT length, far FROM trips", label="far", max_rows=8, **terms)
    quote = world.desk.quote("ada", trips)
    assert quote.price == world.desk.quote("ada", ask(**terms)).price
    job = world.desk.submit("ada", trips, None)
    world.worker(processes=2, launcher="torchrun").start()
    assert ended(world, job.id).status == "succeeded"
    assert world.spent() == quote.price.epsilon
    card = world.desk.card("ada", job.id)
    assert card.max_rows == 8
    points = json.loads(world.desk.artifact("ada", job.id, "curves.json")[0])["training"]
    moves = np.array([point["update_norm"] for point in points if "update_norm" in point])
    parameters = sum(math.prod(shape) for shape in card.tensors.values())
    expected = 0.5 * 40 / card.expected_batch * math.sqrt(parameters)  # rate · σC/B of each; twice: √2 of it
    assert len(moves) * parameters > 3_000, "one deviation of their root mean square is 1.3 %"
    assert np.sqrt(np.mean(moves**2)) == pytest.approx(expected, rel=0.15)


def test_a_job_whose_noise_is_not_what_was_claimed_fails_and_releases_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = Trainer.noise
    monkeypatch.setattr(Trainer, "noise", lambda self, count=None: honest(self, count) / 2)
    job = world.desk.submit("ada", ask(epochs=None, steps=5), None)
    assert attempt(world, job.id) == job_process.FAILED
    failed = world.desk.job("ada", job.id)
    assert (failed.status, failed.code) == ("failed", "audit_failed")
    assert world.spent() == failed.charged.epsilon == job.price.epsilon, "noise was drawn: spent is spent"


def test_a_job_whose_engine_is_killed_is_taken_up_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not failed, with its charge: that the engine's process died says nothing of the job."""

    def killed(*_: object) -> None:
        raise EngineFailure("engine_failed", "The engine could not finish this query.") from WorkerFailure("died")

    job = world.desk.submit("ada", ask(epochs=None, steps=5), None)
    claim = claimed(world, job.id, lease_s=3600)
    assert claim is not None
    with monkeypatch.context() as patched:
        patched.setattr(job_process, "read", killed)
        with pytest.raises(EngineFailure):
            attempt(world, job.id, claim=claim)
    assert world.desk.job("ada", job.id).status == "running"
    Jobs(world.ledger).give_back(claim)  # as a worker does whose process ended so
    assert attempt(world, job.id) == job_process.DONE
    assert world.desk.job("ada", job.id).charged.epsilon == job.price.epsilon


def test_a_job_whose_rows_are_past_the_limits_of_a_reply_fails_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing killed the engine: each further attempt would fail the same way."""

    def too_large(*_: object) -> None:
        cause = WorkerFailure("died", "reply_too_large")
        raise EngineFailure("engine_failed", "The engine could not finish this query.") from cause

    monkeypatch.setattr(job_process, "read", too_large)
    job = world.desk.submit("ada", ask(epochs=None, steps=5), None)
    assert attempt(world, job.id) == job_process.FAILED
    failed = world.desk.job("ada", job.id)
    assert (failed.status, failed.code) == ("failed", "engine_failed")


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")])
def test_an_attack_that_runs_out_of_memory_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    from tacit_service.training import attacks

    def made(_: attacks.Attacked) -> None:
        raise error

    monkeypatch.setattr(attacks, "made", made)
    job = world.desk.submit("ada", ask(epochs=None, steps=5, audit=["canaries"]), None)
    assert attempt(world, job.id) == job_process.FAILED
    failed = world.desk.job("ada", job.id)
    assert (failed.status, failed.code) == ("failed", "attack_out_of_memory")
    with pytest.raises(Conflict):
        world.desk.model("ada", job.id)


def test_a_running_job_is_cancelled_for_the_price_of_the_steps_begun(world: World) -> None:
    job = world.desk.submit("ada", ask(**{**LONG, "steps": 20_000, "noise_multiplier": 5}), None)
    work = threading.Thread(target=attempt, args=(world, job.id))
    work.start()
    until(lambda: world.desk.job("ada", job.id).steps_done > 0)
    world.desk.cancel("ada", job.id)
    work.join()
    stopped = world.desk.job("ada", job.id)
    assert stopped.status == "cancelled"
    assert 0 < stopped.steps_begun < stopped.steps
    assert world.spent() == stopped.charged.epsilon
    assert 0 < float(stopped.charged.epsilon) < float(job.price.epsilon)
    row = Jobs(world.ledger).find(job.id)
    assert row is not None
    assert str(price(ran(row)).epsilon) == stopped.charged.epsilon
    with pytest.raises(Conflict) as caught:
        world.desk.model("ada", job.id)
    assert caught.value.code == "training_not_ready"
    assert verify(world.url).ok


def test_a_queued_job_is_cancelled_for_nothing(world: World) -> None:
    job = world.desk.submit("ada", ask(), None)
    assert world.desk.cancel("ada", job.id).status == "cancelled"
    assert world.spent() == world.spent(None) == world.desk.job("ada", job.id).charged.epsilon == "0"
    assert claimed(world, job.id) is None
    assert world.desk.cancel("ada", job.id).status == "cancelled"
    assert verify(world.url).ok


def test_a_job_and_its_charge_commit_together_or_not_at_all(world: World) -> None:
    for _ in range(Caps().open_max):
        world.desk.submit("ada", ask(epsilon="0.5"), None)
    spent, head = world.spent(), world.ledger.head()
    with pytest.raises(Overloaded) as full:
        world.desk.submit("ada", ask(epsilon="0.5"), None)
    assert full.value.code == "training_queue_full"
    assert (world.spent(), world.ledger.head()) == (spent, head)
    world.ledger.ensure_analyst("survey", "poor", Limits.create(Epsilon.parse("0.4"), Delta.parse("1e-5")))
    head = world.ledger.head()
    with pytest.raises(BudgetExhausted):
        world.desk.submit("poor", ask(epsilon="0.5"), None)
    assert (world.spent(None), world.ledger.head()) == (spent, head)
    assert world.desk.jobs("poor", 10) == []
    assert len(world.desk.jobs("ada", 10)) == Caps().open_max


def test_one_idempotency_key_is_one_job(world: World) -> None:
    jobs, asked = [], ask()
    world.desk.quote("ada", asked)

    def submit() -> None:
        with contextlib.suppress(Conflict):  # in progress
            jobs.append(world.desk.submit("ada", asked, "mine").id)

    threads = [threading.Thread(target=submit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {world.desk.submit("ada", asked, "mine").id} == set(jobs)
    with pytest.raises(Conflict) as caught:
        world.desk.submit("ada", ask(learning_rate=0.1), "mine")
    assert caught.value.code == "idempotency_conflict"
    assert len(world.desk.jobs("ada", 10)) == 1


def test_another_analysts_job_does_not_exist(world: World) -> None:
    job = world.desk.submit("ada", ask(), None)
    for look in (world.desk.job, world.desk.cancel, world.desk.model, world.desk.card):
        with pytest.raises(NotFound):
            look("ben", job.id)
    assert world.desk.jobs("ben", 10) == []


def test_a_worker_that_lost_its_claim_changes_nothing(world: World) -> None:
    now = [1_000.0]
    jobs = Jobs(world.ledger, clock=lambda: now[0])
    job_id = world.desk.submit("ada", ask(), None).id
    first = claimed(world, job_id, now=lambda: now[0])
    assert first is not None
    jobs.mend(["survey"], 10)
    assert claimed(world, job_id) is None, "one worker at a time"
    now[0] += 11
    jobs.mend(["survey"], 10)
    second = claimed(world, job_id, now=lambda: now[0])
    assert second is not None
    for write in (
        lambda: jobs.begin(first, 1, 0),
        lambda: jobs.renew(first, 10),
        lambda: jobs.fail(first, "internal"),
        lambda: jobs.stop(first, ran),
        lambda: jobs.give_back(first),
    ):
        with pytest.raises(LostClaim):
            write()
    jobs.begin(second, 3, 2)
    assert world.desk.job("ada", second.job.job_id).steps_begun == 3


def test_a_job_whose_policy_has_changed_is_not_run(world: World) -> None:
    job = world.desk.submit("ada", ask(), None)
    policy = world.folder / "survey.yaml"
    text = policy.read_text(encoding="utf-8")
    try:
        policy.write_text(text.replace("[18, 90]", "[18, 95]"), encoding="utf-8")
        assert attempt(world, job.id) == job_process.FAILED
    finally:
        policy.write_text(text, encoding="utf-8")
    ended_job = world.desk.job("ada", job.id)
    assert (ended_job.status, ended_job.code) == ("failed", "policy_changed")
