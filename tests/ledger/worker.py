"""Clients of a ledger in processes of their own: one JSON command a line on stdin, what happens on stdout.

    {"url": …, "clients": 8, "charges": 250, "epsilon": "0.001", "halt": false, "file_bytes_more": null}

A client reserves, records, and only then says ``answered CHARGE RELEASE``: what an analyst would have seen. With
``halt`` it opens the ledger, stops itself (SIGSTOP), and goes on when it is continued. ``file_bytes_more``: no file may
grow by more than that, as on a full disk. After an error a client stops; with ``persist`` it goes on, with ``heal`` it
asks for the ledger's health first, as a health check would.
"""

from __future__ import annotations

import json
import math
import os
import resource
import signal
import sys
from typing import Any

from tacit_service.errors import BudgetExhausted, LedgerUnavailable
from tacit_service.ledger.records import ChargeRequest, StoredRelease
from tacit_service.ledger.store import Ledger
from tacit_service.privacy.events import LaplaceEvent


def say(text: str) -> None:
    os.write(1, (text + "\n").encode())  # one short write is atomic on a pipe


def client(command: dict[str, Any], number: int) -> None:
    ledger = Ledger.open(command["url"])
    epsilon = math.nextafter(float(command["epsilon"]), 0)
    event = LaplaceEvent("patient_id", "opendp 0.16.0", 1 / epsilon * (1 + 1e-15), 1, epsilon)
    if command.get("halt"):
        os.kill(os.getpid(), signal.SIGSTOP)
    if command.get("file_bytes_more") is not None:
        path = command["url"].removeprefix("sqlite:///")
        largest = max(os.path.getsize(p) for p in (path, path + "-wal") if os.path.exists(p))
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest + command["file_bytes_more"],) * 2)
    for turn in range(command["charges"]):
        request = ChargeRequest("clinic", "ada", (event,), f"body {turn}", f"{os.getpid()}-{turn}", "COUNT(*)")
        try:
            charge_id = ledger.reserve(request).charge_id
            release_id = f"rel_{charge_id}"
            release = StoredRelease(release_id, "clinic", "ada", f"{charge_id}", b"{}", "2026-11-22T00:00:00Z")
            ledger.record(charge_id, release)
            say(f"answered {charge_id} {release_id}")
        except BudgetExhausted:
            say("refused - -")
        except LedgerUnavailable as error:
            say(f"unavailable {number} {type(error.__cause__).__name__}")
            if command.get("heal"):
                ledger.healthy()
            elif not command.get("persist"):
                break


def main() -> None:
    for line in sys.stdin:
        command = json.loads(line)
        children = []
        for number in range(command["clients"]):
            child = os.fork()
            if not child:
                try:
                    client(command, number)
                finally:
                    os._exit(0)
            children.append(child)
            say(f"started {child} -")
        for child in children:
            os.waitpid(child, 0)
        say("finished - -")


if __name__ == "__main__":
    main()
