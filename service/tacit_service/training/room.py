"""All training desks of one service, and the worker that it runs itself."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from pathlib import Path

from tacit.wire import AccountBudget
from tacit_service.errors import NotInstalled
from tacit_service.ledger.store import Ledger
from tacit_service.policy.load import Loaded, load_policy
from tacit_service.query.catalog import Catalog
from tacit_service.settings import Settings
from tacit_service.telemetry import log, setup

from .checkpoints import headers
from .desk import TrainingDesk, installed
from .pricing import PricingProcess
from .spec import Caps
from .worker import Limits, Worker

__all__ = ["TrainingDesk", "TrainingRoom", "caps_of", "foreground", "installed", "limits_of"]


class TrainingRoom:
    """Desks by dataset. With ``settings`` that say so, jobs are worked on here; else by ``tacit-service worker``."""

    def __init__(self, ledger: Ledger, ledger_url: str, data_dir: Path, settings: Settings | None) -> None:
        self._ledger, self._ledger_url, self._data_dir = ledger, ledger_url, data_dir
        self._settings = settings if settings is not None and settings.training else None
        self._caps = Caps() if settings is None else caps_of(settings)
        self._desks: dict[str, TrainingDesk] = {}
        self._policies: dict[str, Path] = {}
        self._worker: Worker | None = None
        self._pricer = PricingProcess()

    def add(
        self, loaded: Loaded, catalog: Catalog, account: Callable[[str], AccountBudget], check: Callable[[str], None]
    ) -> None:
        """Open the desk of one dataset. ``check`` refuses SQL, where it can be killed."""
        policy = loaded.policy
        if policy.engine is not None:  # its rows stay where they are
            return
        self._policies[policy.dataset] = loaded.path
        self._desks[policy.dataset] = TrainingDesk(
            policy, catalog, self._ledger, account, self._submitted, headers(loaded), self._caps, check, self._pricer
        )

    def desk(self, dataset: str) -> TrainingDesk:
        """The desk of a dataset; ``NotInstalled`` where its rows are not in files."""
        found = self._desks.get(dataset)
        if found is None:
            raise NotInstalled(
                "training_reads_files", "Training reads files; the rows of this dataset stay in its engine's database.",
                hint="Ask the data owner for an extract under a policy of its own.",
            )  # fmt: skip
        return found

    def start(self) -> None:
        """Start the worker, once every desk is open."""
        if self._settings is None:
            return
        limits = limits_of(self._settings)
        self._worker = Worker(self._ledger, self._ledger_url, self._policies, self._data_dir, limits)
        self._worker.start()

    def close(self) -> None:
        """Stop the worker; a job in progress continues from its checkpoint later."""
        if self._worker is not None:
            self._worker.close()
        self._pricer.close()
        for desk in self._desks.values():
            desk.close()

    def _submitted(self) -> None:
        if self._worker is not None:
            self._worker.nudge()


def caps_of(settings: Settings) -> Caps:
    """What the settings allow analysts to ask for."""
    return Caps(
        open_max=settings.training_open_max,
        steps_max=settings.training_steps_max,
        parameters_max=settings.training_parameters_max,
        rows_max=settings.training_rows_max,
    )


def limits_of(settings: Settings) -> Limits:
    """What the settings allow one job."""
    return Limits(
        time_s_max=settings.training_time_s_max,
        memory_bytes_max=settings.training_memory_mb_max << 20,
        threads=settings.training_threads,
        processes=settings.training_processes,
        launcher=settings.training_launcher,
        device=settings.training_device,
        at_once=settings.training_at_once,
        per_analyst=settings.training_running_max,
    )


def foreground(settings: Settings) -> int:
    """``tacit-service worker``: work on the jobs of a ledger that a service elsewhere writes to, until a signal."""
    if not installed():
        raise NotInstalled(
            "training_not_installed", "Training is not installed here.", hint="pip install 'tacit[service,train]'"
        )
    setup(settings.log_level)
    policies = {load_policy(path).policy.dataset: path for path in settings.policies}
    ledger = Ledger.open(settings.ledger)
    worker = Worker(ledger, settings.ledger, policies, settings.data_dir, limits_of(settings))
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    worker.start()
    log("training_worker_ready", datasets=sorted(policies))
    stop.wait()
    worker.close()
    ledger.close()
    return 0
