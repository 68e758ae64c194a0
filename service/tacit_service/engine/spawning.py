"""How child processes come to be: forked by a zygote where the system allows it, started as programs elsewhere.

Either way a child has two pipes to us, nothing on its standard error, a session of its own, an environment without
anything of ours, and ends with us.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

ZYGOTE = "tacit_service.engine.zygote"
CHILDREN = ("tacit_service.engine.duckdb", "tacit_service.release.postprocess", "tacit_service.release.planning")
"""What every service has children of, in the order of need."""
_SOURCE_ROOT = Path(__file__).resolve().parents[2]
_REPLY_TIMEOUT_S = 60.0  # the first child of a module waits for its imports


class Process(Protocol):
    """A child and its two pipes."""

    pid: int
    stdin: int
    stdout: int

    def kill(self) -> None:
        """Send SIGKILL, if it still runs."""
        ...

    def stop(self) -> None:
        """Kill it, wait for its end, close the pipes. Once."""
        ...


def _new_spawner() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="tacit-spawner")


# PR_SET_PDEATHSIG fires when the *thread* that forked ends, so every child is forked from one thread that never does.
_spawner = _new_spawner()
_zygotes: dict[tuple[tuple[str, str], ...], _Zygote] = {}
"""By the environment that their children have: in practice one."""


def _forget() -> None:
    global _spawner, _zygotes
    _spawner, _zygotes = _new_spawner(), {}


os.register_at_fork(after_in_child=_forget)


def _end() -> None:
    """At our end; when we are killed, the system ends them."""
    for zygote in _zygotes.values():
        zygote.close()


atexit.register(_end)


def spawn(module: str, args: Sequence[str]) -> Process:
    """Start ``main(parent-pid, args…)`` of a module as a process. Raises ``OSError`` or ``RuntimeError``."""
    return _spawner.submit(_spawn, module, args).result()


def preload(modules: Sequence[str] = CHILDREN) -> None:
    """Have the zygote import modules whose children will be asked for, while we do something else."""

    def ask() -> None:
        with contextlib.suppress(OSError):
            if (zygote := _running_zygote()) is not None:
                for module in modules:
                    zygote.preload(module)

    _spawner.submit(ask)


def _spawn(module: str, args: Sequence[str]) -> Process:
    with contextlib.suppress(OSError):
        zygote = _running_zygote()
        if zygote is not None and (forked := zygote.fork(module, args)) is not None:
            return forked
    return _Program(module, args)


def environment() -> dict[str, str]:
    """Nothing of our environment (it may hold secrets) but what starting Python needs; UTC everywhere."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH") if name in os.environ}
    return {
        **kept,
        "PYTHONPATH": str(_SOURCE_ROOT),
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
        "HOME": "/nonexistent",
        "OPENBLAS_NUM_THREADS": "1",  # numpy, and Arrow's usual allocator, start threads when they are imported
        "JE_ARROW_MALLOC_CONF": "background_thread:false",
    }


def _command(module: str, args: Sequence[str]) -> list[str]:
    quiet = ["-B"] if sys.dont_write_bytecode else []
    return [sys.executable, "-P", "-s", *quiet, "-m", module, str(os.getpid()), *args]


def _running_zygote() -> _Zygote | None:
    """The zygote, started anew where it died; ``None`` on systems without pidfds. In the spawner's thread alone."""
    if not hasattr(os, "pidfd_open"):
        return None
    wanted = environment()
    name = tuple(sorted(wanted.items()))
    found = _zygotes.get(name)
    if found is None or not found.alive():
        found = _zygotes[name] = _Zygote(wanted)
    return found


class _Zygote:
    """Our end of the zygote's socket. Used by the spawner's thread alone."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._sock, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._sock.settimeout(_REPLY_TIMEOUT_S)
        with theirs:
            self._process = subprocess.Popen(
                _command(ZYGOTE, [str(theirs.fileno())]),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                cwd="/",
                env=environment,
            )

    def alive(self) -> bool:
        if self._process.poll() is None:
            return True
        self._sock.close()
        return False

    def preload(self, module: str) -> None:
        self._sock.send(json.dumps({"module": module, "args": []}).encode())

    def fork(self, module: str, args: Sequence[str]) -> _Forked | None:
        """A child; ``None`` where it must be a program."""
        (input_, to), (from_, output) = os.pipe2(os.O_CLOEXEC), os.pipe2(os.O_CLOEXEC)
        try:
            request = json.dumps({"module": module, "args": list(args)}).encode()
            socket.send_fds(self._sock, [request], [input_, output])
            text, descriptors, _, _ = socket.recv_fds(self._sock, 1 << 12, 1)
            reply = json.loads(text) if text else {}
        except OSError:  # it is gone, or stuck: its children go with it, and their successors have another
            self.close()
            reply, descriptors = {}, []
        finally:
            os.close(input_)
            os.close(output)
        if not descriptors:
            os.close(to)
            os.close(from_)
            return None
        return _Forked(int(reply["pid"]), descriptors[0], to, from_)

    def close(self) -> None:
        self._sock.close()
        self._process.kill()
        self._process.wait()


class _Forked:
    """A child of the zygote: known by its pidfd, since its number may be given away once the zygote has buried it."""

    def __init__(self, pid: int, pidfd: int, stdin: int, stdout: int) -> None:
        self.pid, self._pidfd, self.stdin, self.stdout = pid, pidfd, stdin, stdout
        self._owner = os.getpid()

    def kill(self) -> None:
        if self._owner != os.getpid():  # a fork of ours has no say over it
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def stop(self) -> None:
        self.kill()
        if self._owner == os.getpid():
            poller = select.poll()
            poller.register(self._pidfd, select.POLLIN)
            poller.poll()
        for descriptor in (self._pidfd, self.stdin, self.stdout):
            os.close(descriptor)


class _Program:
    """A child that was started as a program."""

    def __init__(self, module: str, args: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            _command(module, args),
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            close_fds=True,
            start_new_session=True,
            cwd="/",
            env=environment(),
        )
        assert self._process.stdin is not None and self._process.stdout is not None  # noqa: PT018 - for the types
        self._pipes = (self._process.stdin, self._process.stdout)
        self.pid, self.stdin, self.stdout = self._process.pid, self._pipes[0].fileno(), self._pipes[1].fileno()

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def stop(self) -> None:
        if self._process.poll() is None:
            self.kill()
        self._process.wait()
        for pipe in self._pipes:
            with contextlib.suppress(OSError):
                pipe.close()
