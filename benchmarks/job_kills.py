"""Kills the training worker with SIGKILL, again and again in one job: the charge stays, the model is trained to the end.

    python benchmarks/job_kills.py --kills 10

A service takes the job, and does not work itself; ``tacit-service worker`` does, is killed at a moment drawn at random
after each new step, and started again. Prints one line a kill, and what the ledger says at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import tacit
from tacit_service.ledger.verify import verify

SQL = "SELECT age, sex, region, income > 40000 AS well_off FROM patients"
SERVICE = str(Path(sys.executable).with_name("tacit-service"))


def worker(home: Path) -> subprocess.Popen[bytes]:
    options = ["--policy", str(home / "clinic.yaml"), "--ledger", f"sqlite:///{home / 'ledger.sqlite'}"]
    return subprocess.Popen(
        [SERVICE, "worker", *options, "--data-dir", str(home / "snapshots")],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def run(home: Path, kills: int, steps: int) -> int:
    command = [SERVICE, "demo", "--serve", "--json", "--port", "0", "--data-dir", str(home)]
    command += ["--rows", "5000", "--epsilon", "8", "--delta", "1e-5"]
    environment = {**os.environ, "TACIT_TRAINING": "false"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as service:
        assert service.stdout is not None
        started = json.loads(service.stdout.readline())
        try:
            with tacit.Client(started["url"], started["keys"]["analyst"], dataset="clinic") as client:
                return kill_and_finish(client, home, kills, steps)
        finally:
            service.terminate()


def kill_and_finish(client: tacit.Client, home: Path, kills: int, steps: int) -> int:
    job = client.train(SQL, label="well_off", model="logistic_regression", noise_multiplier=5, steps=steps, units=1000)
    reserved = client.budget().accounts[0].spent.epsilon
    print(f"{job.id}: {steps} steps, ε {reserved} reserved", flush=True)
    done = 0
    for kill in range(1, kills + 1):
        process = worker(home)
        while job.refresh().state.steps_done <= done:
            time.sleep(0.1)
        time.sleep(random.uniform(0, 1))
        process.send_signal(signal.SIGKILL)
        process.wait()
        done = job.refresh().state.steps_done
        spent = client.budget().accounts[0].spent.epsilon
        print(
            f"kill {kill}: {job.state.status}, {done} done, {job.state.steps_begun} begun, ε {spent} spent", flush=True
        )
    process = worker(home)
    job.wait(3600)
    process.terminate()
    process.wait()
    spent, report = client.budget().accounts[0].spent.epsilon, verify(f"sqlite:///{home / 'ledger.sqlite'}")
    print(f"{job.status}: {job.state.steps_done} of {steps} steps, ε {spent} spent, ledger ok: {report.ok}")
    return int(not (job.status == "succeeded" and spent == reserved and report.ok))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--steps", type=int, default=20_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tacit-kills-") as folder:
        return run(Path(folder), arguments.kills, arguments.steps)


if __name__ == "__main__":
    sys.exit(main())
