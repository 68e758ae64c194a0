"""The demo: a made-up dataset, served with real noise and a real ledger, and a first session through the SDK.

Everything is the product: the same assembly, server, ledger and SDK. Only the data and the keys are made here. Without
``--data-dir`` everything lives in a temporary directory that is removed at the end, the ledger included.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tacit_service.access import ALL_DATASETS, Role, mint
from tacit_service.errors import PolicyError

if TYPE_CHECKING:
    import socket

    from tacit_service.assembly import Parts
    from tacit_service.settings import Settings

DATASET: Final = "clinic"
USUAL_PORT: Final = 8470
PEOPLE: Final = (("analyst", Role.ANALYST), ("second_analyst", Role.ANALYST), ("owner", Role.OWNER))
_STAMP: Final = "demo.json"


@dataclass(frozen=True, slots=True)
class Choices:
    """What the command line chose."""

    rows: int
    data_dir: str | None
    host: str
    port: int | None
    epsilon: str
    delta: str
    only_serve: bool
    as_json: bool
    once: bool


def run(choices: Choices) -> int:
    """Run the demo until its session is over, or, on a terminal or with ``--serve``, until a signal."""
    sock = _bind(choices)
    from tacit_service.http.early import Early

    early = Early(sock).start()  # alive, and not ready, while the rest is imported
    from tacit_service.engine.spawning import preload

    preload()  # in another process, while this one makes the data
    from tacit_service.assembly import Service, opener
    from tacit_service.http.listen import url_of
    from tacit_service.http.run import Running, Stopped, stop_on_signals

    stop_on_signals()
    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(sock)
            stack.callback(early.stop)
            policy_text = _policy_text(choices)
            folder = stack.enter_context(_folder(choices.data_dir))
            settings = _prepare(folder, choices)
            url = url_of(sock)
            open_rooms = opener(settings.policies, settings.ledger, settings.data_dir, settings=settings)

            def open_parts() -> Parts:  # behind the server, which answers already that it is starting
                _make_data(folder, choices, policy_text)
                return open_rooms()

            service = Service(open_parts)
            running = stack.enter_context(Running(service, sock, settings, early))
            running.wait_ready()
            keys = _make_keys(settings.ledger)
            _announce(choices, url, keys, folder)
            if not choices.only_serve:
                _session(url, keys["analyst"], choices.epsilon)
            if choices.only_serve or (sys.stdout.isatty() and not choices.once):
                if not choices.as_json:
                    print("\nServing until Ctrl-C.", flush=True)
                running.wait_for_the_end()
    except Stopped:
        return 0
    return 0


def _policy_text(choices: Choices) -> str:
    from tacit_service.demo_data import clinic_policy

    try:
        return clinic_policy(choices.epsilon, choices.delta, dataset=DATASET, rows=choices.rows)
    except ValueError as error:
        raise PolicyError("amount_invalid", f"--epsilon and --delta: {error}.") from None


@contextlib.contextmanager
def _folder(data_dir: str | None) -> Iterator[Path]:
    """The directory of data and ledger; a temporary one is removed at the end, whatever happens."""
    if data_dir is not None:
        path = Path(data_dir)
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise PolicyError("data_dir_unusable", f"--data-dir {data_dir}: {error.strerror}.") from None
        yield path.resolve()
        return
    path = Path(tempfile.mkdtemp(prefix="tacit-demo-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _prepare(folder: Path, choices: Choices) -> Settings:
    from tacit_service import telemetry
    from tacit_service.settings import Settings

    settings = Settings.load(
        host=choices.host,
        policies=(folder / f"{DATASET}.yaml",),
        ledger=f"sqlite:///{folder / 'ledger.sqlite'}",
        data_dir=folder / "snapshots",
        metrics_public=True,  # made-up data on loopback: a first look at /metrics should not need a second key
        log_level=os.environ.get("TACIT_LOG_LEVEL", "warning"),
    )
    telemetry.setup(settings.log_level)
    return settings


def _bind(choices: Choices) -> socket.socket:
    from tacit_service.http.listen import bind

    try:
        if choices.port is not None:
            return bind(choices.host, choices.port)
        with contextlib.suppress(OSError):
            return bind(choices.host, USUAL_PORT)
        return bind(choices.host, 0)
    except OSError as error:
        where = choices.host if choices.port is None else f"{choices.host}:{choices.port}"
        raise PolicyError(
            "address_unusable", f"Cannot listen on {where}: {error.strerror}.", hint="Try --port 0."
        ) from None


def _make_data(folder: Path, choices: Choices, policy_text: str) -> None:
    """Write the tables and the policy; tables that an earlier run left, of the same size, are used again."""
    from tacit_service.demo_data import make_clinic

    stamp, wanted = folder / _STAMP, json.dumps({"dataset": DATASET, "rows": choices.rows})
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
        if not choices.as_json:
            print(f"Making {choices.rows:,} visits ...", flush=True)
        stamp.unlink(missing_ok=True)
        make_clinic(folder, choices.rows)
        stamp.write_text(wanted, encoding="utf-8")
    (folder / f"{DATASET}.yaml").write_text(policy_text, encoding="utf-8")


def _make_keys(ledger_url: str) -> dict[str, str]:
    """New keys for this run; those of an earlier run on the same ledger stop working."""
    from tacit_service.ledger.directory import Directory
    from tacit_service.ledger.store import Ledger

    ledger = Ledger.open(ledger_url)
    try:
        directory = Directory(ledger)
        names = {name for name, _ in PEOPLE}
        for row in directory.list():
            if row.principal in names and row.revoked_at is None:
                directory.revoke(row.key_id)
        keys: dict[str, str] = {}
        for name, role in PEOPLE:
            # The owner's covers the whole ledger, which the journal and its verification take.
            minted = mint(name, role, (ALL_DATASETS,) if role is Role.OWNER else (DATASET,))
            directory.add_key(minted.row)
            keys[name] = minted.secret
        return keys
    finally:
        ledger.close()


def _announce(choices: Choices, url: str, keys: dict[str, str], folder: Path) -> None:
    if choices.as_json:
        print(json.dumps({"url": url, "dataset": DATASET, "keys": keys}), flush=True)
        return
    where = folder if choices.data_dir is not None else "a temporary directory, removed at the end"
    print(f"\nTacit demo: dataset {DATASET}, {choices.rows:,} visits, made up; data and ledger in {where}")
    print(f"  serving at      {url}  (in a browser: the console)")
    for name, secret in keys.items():
        print(f"  {name:15} {secret}")
    print(f"\n  export TACIT_URL={url} TACIT_KEY={keys['analyst']}")
    print(f"  tacit console --dataset {DATASET}", flush=True)


# -- the session: what an analyst would type ---------------------------------------------------------------------------

_COUNT: Final = "SELECT region, COUNT(*) AS patients FROM patients GROUP BY region"
_JOIN: Final = """SELECT r.country, SUM(v.cost) AS spent, COUNT(DISTINCT p.patient_id) AS patients
FROM visits v JOIN patients p ON v.patient_id = p.patient_id JOIN regions r ON p.region = r.region
GROUP BY r.country ORDER BY spent DESC"""
_MORE: Final = "SELECT sex, AVG(income) AS income FROM patients GROUP BY sex"
_REFUSED: Final = "SELECT patient_id, income FROM patients WHERE region = 'R1'"


def _session(url: str, key: str, epsilon: str) -> None:
    """Five steps with the ``tacit`` command; each share is of the dataset's lifetime budget, however large that is."""
    from tacit_service.privacy.units import Epsilon

    total = Epsilon.parse(epsilon)
    small, large = (Epsilon(max(1, total.units // part)) for part in (30, 6))
    steps = (
        ("Ask the price first: free, and no data is touched", "quote", _COUNT, small),
        ("Buy it: each number comes with its 95 % interval", "query", _COUNT, small),
        ("Ask it again: a release that you hold is free", "query", _COUNT, small),
        ("Join protected and public tables; 2,000 of one patient's costs count", "query", _JOIN, large),
        ("Ask for single people: refused, with the reason, free", "query", _REFUSED, small),
        ("Ask for more than is left: refused, and nothing is charged", "query", _MORE, total),
        ("What is left", "budget", None, None),
    )
    for number, (title, command, sql, price) in enumerate(steps, start=1):
        words = [command]
        if sql is not None:
            words += ["--dataset", DATASET, "--epsilon", str(price)]
            words += ["--max-amount", "2000", sql] if sql == _JOIN else [sql]
        _step(number, title, words, {"TACIT_URL": url, "TACIT_KEY": key})


def _step(number: int, title: str, words: list[str], connection: dict[str, str]) -> None:
    bold, plain = ("\033[1m", "\033[0m") if sys.stdout.isatty() and "NO_COLOR" not in os.environ else ("", "")
    print(f"\n{bold}{number}. {title}{plain}\n$ tacit {' '.join(_quoted(word) for word in words)}", flush=True)
    # A process of its own, as an analyst would run it: the service never imports the SDK.
    subprocess.run(
        [sys.executable, "-m", "tacit.cli", *words],
        env=os.environ | connection,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        check=False,
    )


def _quoted(word: str) -> str:
    """A word as a person would type it: SQL in double quotes, lines kept."""
    return f'"{word}"' if " " in word else word
