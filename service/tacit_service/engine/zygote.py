"""A process that has the children's modules loaded, and forks one whenever it is asked: in hundredths of a second.

Starting Python and importing DuckDB, Arrow and the parser takes more than a second of processor time; every child needs
them, and each successor of one that was killed. The zygote is a program of its own, started with an empty environment:
its memory holds code and nothing of the service's, so that a child inherits nothing either. It imports a module when
its first child is asked for, never runs a request, and forks only while it has a single thread (what a fork inherits
of other threads' locks is the one thing that a lock-down afterwards could not mend); where it has more, it says so and
the child is started as a program.

Requests and replies are single datagrams. A request is a JSON object ``{"module", "args"}`` with two descriptors, the
child's standard input and output, or without any, to import ahead of time. The reply holds the child's pid and its
pidfd: a number that cannot come to mean another process.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import sys
from types import FrameType
from typing import Any

from tacit_service.engine.process import harden, name_process

REQUEST_BYTES_MAX = 1 << 16


def main(argv: list[str]) -> None:
    """Entry: ``parent-pid descriptor-of-the-socket``. Ends when the parent closes its end, or dies."""
    harden(int(argv[0]), may_write_files=True)  # each child hardens itself further
    name_process("zygote")
    sock = socket.socket(fileno=int(argv[1]))
    signal.signal(signal.SIGCHLD, _reap)
    while True:
        text, descriptors, _, _ = socket.recv_fds(sock, REQUEST_BYTES_MAX, 2)
        if not text:
            return
        request: dict[str, Any] = json.loads(text)
        try:
            importlib.import_module(request["module"])
        except BaseException as error:  # the child would have died of it
            _reply(sock, {"error": type(error).__name__}, descriptors)
            continue
        if not descriptors:
            continue
        if _threads() > 1:
            _reply(sock, {"error": "threads"}, descriptors)
            continue
        gc.collect()
        gc.freeze()  # shared pages stay shared: collections in a child need not visit what is loaded
        _fork(sock, request, descriptors)


def _fork(sock: socket.socket, request: dict[str, Any], descriptors: list[int]) -> None:
    parent = os.getpid()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})  # not reaped before its pidfd is there
    pid = os.fork()
    if pid == 0:
        _run(parent, sock, request, descriptors)
    pidfd = os.pidfd_open(pid)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    _reply(sock, {"pid": pid}, descriptors, [pidfd])
    os.close(pidfd)


def _run(parent: int, sock: socket.socket, request: dict[str, Any], descriptors: list[int]) -> None:
    """In the child: the module's ``main``, as if it were a program of its own; never returns."""
    status = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        sock.close()
        os.setsid()
        for place, descriptor in enumerate(descriptors):
            os.dup2(descriptor, place)
        os.closerange(3, 1 << 16)
        module = sys.modules[request["module"]]
        sys.argv = [str(module.__file__), str(parent), *request["args"]]
        name_process(request["module"].rpartition(".")[2])
        module.main(sys.argv[1:])
        status = 0
    finally:
        os._exit(status)


def _reply(sock: socket.socket, reply: dict[str, Any], given: list[int], sent: list[int] | None = None) -> None:
    for descriptor in given:
        os.close(descriptor)
    with contextlib.suppress(OSError):  # the parent is gone: the next read says so
        if sent or given:
            socket.send_fds(sock, [json.dumps(reply).encode()], sent or [])


def _threads() -> int:
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return 2  # nobody knows


def _reap(_: int, __: FrameType | None) -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


if __name__ == "__main__":
    main(sys.argv[1:])
