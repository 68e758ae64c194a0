"""A child process that can be killed, spoken to in length-prefixed frames over pipes.

Why a process: SQL that runs over data must be stoppable whatever it does, must not share memory with the ledger or the
keys, and must not bring the service down when it faults. Why JSON and Arrow and not pickle: the parent must be able to
read what a child says without running it.

A frame is a count of parts, their lengths, and the parts; part 0 is a JSON object, the others are bytes (Arrow IPC).
A frame of zero parts, parent to child, asks the child to interrupt the call in progress. The child's standard error
goes nowhere: a message could hold values. How a child is started: ``spawning``.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import queue
import resource
import select
import signal
import struct
import sys
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

import pyarrow as pa

from .spawning import Process, spawn

Header: TypeAlias = dict[str, Any]
Blob: TypeAlias = bytes | bytearray | memoryview | pa.Buffer
Handler: TypeAlias = Callable[[Header, list[memoryview]], tuple[Header, list[Blob]]]

_COUNT = struct.Struct(">I")
_LENGTH = struct.Struct(">Q")
_PARTS_MAX = 4_096
_CHUNK_BYTES = 1 << 20
_SMALL_BYTES = 1 << 16  # what a pipe takes at once: a frame of this size is one system call on either side
_INTERRUPT_GRACE_S = 0.25
_STARTUP_TIMEOUT_S = 30.0
REPLY_BYTES_MAX = 1 << 31


class WorkerFailure(Exception):
    """A call did not return a result.

    ``reason``: ``timeout`` (out of time), ``died`` (no reply, or one past the limits), ``error`` (the child said so;
    then ``error`` is the class name and ``text`` what the child was willing to tell).
    """

    def __init__(self, reason: Literal["timeout", "died", "error"], error: str = "", text: str = "") -> None:
        super().__init__(f"{reason} {error}".strip())
        self.reason, self.error, self.text = reason, error, text

    @property
    def killed(self) -> bool:
        """Died without a reply, from outside perhaps: a successor may do. A reply past the limits comes again."""
        return self.reason == "died" and self.error not in ("closed", "frame", "reply_too_large")


class ChildError(Exception):
    """Raised by a handler in the child to tell the parent ``error`` and ``text``; all other exceptions tell nothing."""

    def __init__(self, error: str, text: str = "", *, fatal: bool = False) -> None:
        super().__init__(error)
        self.error = error
        self.text = text
        self.fatal = fatal


def encode_table(table: pa.Table) -> pa.Buffer:
    """The table as an Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def decode_table(blob: Blob) -> pa.Table:
    """The table of an Arrow IPC stream, validated, since the other side may be broken."""
    table = pa.ipc.open_stream(pa.py_buffer(blob)).read_all()
    table.validate()
    return table


# ---------------------------------------------------------------- parent


class WorkerProcess:
    """One child running ``main(parent-pid, args…)`` of a module; whenever it dies or is killed, its successor starts at once."""

    def __init__(self, module: str, args: Sequence[str] = (), *, reply_bytes_max: int = REPLY_BYTES_MAX) -> None:
        self._module, self._args = module, args
        self._reply_bytes_max = reply_bytes_max
        self._lock = threading.Lock()
        self._closed = False
        self._finalizer = weakref.finalize(self, int)  # nothing yet
        self._child: _Child | None = self._spawn()

    @property
    def pid(self) -> int | None:
        """The present child's process id."""
        child = self._child
        return child.process.pid if child else None

    def warm(self, timeout_s: float = _STARTUP_TIMEOUT_S) -> None:
        """Wait until the child is ready; raises ``WorkerFailure`` when it cannot start."""
        with self._lock:
            self._ready(timeout_s)

    def call(self, header: Header, blobs: Sequence[Blob] = (), *, timeout_s: float) -> tuple[Header, list[memoryview]]:
        """Send one request and wait for its reply. Calls queue; ``timeout_s`` runs from the moment the child has it."""
        with self._lock:
            child = self._ready(_STARTUP_TIMEOUT_S)
            try:
                reply, parts = child.exchange(header, blobs, timeout_s)
            except WorkerFailure as failure:
                if failure.error != "interrupted":
                    self._replace()
                raise
            if "error" in reply:
                if reply.get("fatal"):
                    self._replace()
                raise WorkerFailure("error", str(reply["error"]), str(reply.get("text", "")))
            return reply, parts

    def close(self) -> None:
        """Kill the child. A call in progress on another thread fails as ``died``."""
        self._closed = True
        child = self._child
        if child is not None:
            child.kill()
        with self._lock:  # whoever held it has seen that we are closed, or we have seen the child that it made
            child, self._child = self._child, None
            if child is not None:
                child.stop()

    def _ready(self, timeout_s: float) -> _Child:
        if self._child is None and not self._closed:
            self._child = self._spawn()
        child = self._child
        if self._closed or child is None:
            raise WorkerFailure("died", "closed")
        try:
            child.await_ready(timeout_s)
        except WorkerFailure:
            self._child = None  # the next call tries once more; no loop of deaths
            child.stop()
            raise
        return child

    def _replace(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.stop()
        if not self._closed:
            self._child = self._spawn()

    def _spawn(self) -> _Child:
        try:
            child = _Child(spawn(self._module, self._args), self._reply_bytes_max)
        except (OSError, RuntimeError) as failure:
            raise WorkerFailure("died", type(failure).__name__) from None
        self._finalizer.detach()
        self._finalizer = weakref.finalize(self, child.stop)
        return child


class _Child:
    """One operating-system process and its two pipes. Not thread-safe, except for ``kill``."""

    def __init__(self, process: Process, reply_bytes_max: int) -> None:
        self.process = process
        self._to, self._from = process.stdin, process.stdout
        os.set_blocking(self._to, False)
        os.set_blocking(self._from, False)
        self._reply_bytes_max = reply_bytes_max
        self._is_ready = False
        self._stopped = False
        self._ending = threading.RLock()
        self._ahead = memoryview(b"")  # read already: at each system call other threads may take the interpreter

    def await_ready(self, timeout_s: float) -> None:
        if self._is_ready:
            return
        hello, _ = self._receive(time.monotonic() + timeout_s)
        if not hello.get("ready"):
            raise WorkerFailure("died", str(hello.get("error", "")), str(hello.get("text", "")))
        self._is_ready = True

    def exchange(self, header: Header, blobs: Sequence[Blob], timeout_s: float) -> tuple[Header, list[memoryview]]:
        deadline = time.monotonic() + timeout_s
        self._send(_pack(header, blobs), deadline)
        if self._poll(self._from, select.POLLIN, deadline):
            return self._receive(deadline)
        # Out of time. An interrupted child keeps its caches; one that does not answer that either is killed.
        self._send([_COUNT.pack(0)], deadline + _INTERRUPT_GRACE_S)
        self._receive(deadline + _INTERRUPT_GRACE_S)
        raise WorkerFailure("timeout", "interrupted")

    def kill(self) -> None:
        with self._ending:  # a stop closes descriptors, whose numbers may be another child's at once
            if not self._stopped:
                self.process.kill()

    def stop(self) -> None:
        with self._ending:
            if not self._stopped:
                self._stopped = True
                self.process.stop()

    def _send(self, parts: list[Blob], deadline: float) -> None:
        for part in parts:
            view = memoryview(part).cast("B")
            while view:
                try:
                    view = view[os.write(self._to, view[:_CHUNK_BYTES]) :]
                except BlockingIOError:
                    if not self._poll(self._to, select.POLLOUT, deadline):
                        raise WorkerFailure("timeout") from None
                except OSError:
                    raise WorkerFailure("died") from None

    def _receive(self, deadline: float) -> tuple[Header, list[memoryview]]:
        (count,) = _COUNT.unpack(self._read(_COUNT.size, deadline))
        if not 1 <= count <= _PARTS_MAX:
            raise WorkerFailure("died", "frame")
        table = self._read(_LENGTH.size * count, deadline)
        lengths = [_LENGTH.unpack_from(table, _LENGTH.size * i)[0] for i in range(count)]
        if sum(lengths) > self._reply_bytes_max:
            raise WorkerFailure("died", "reply_too_large")
        parts = [self._read(length, deadline) for length in lengths]
        try:
            header = json.loads(bytes(parts[0]))
        except ValueError:
            raise WorkerFailure("died", "frame") from None
        if not isinstance(header, dict):
            raise WorkerFailure("died", "frame")
        return header, parts[1:]

    def _read(self, size: int, deadline: float) -> memoryview:
        """A buffer of its own for each part, so that what Arrow reads in it is aligned."""
        buffer = memoryview(bytearray(size))
        got = min(size, len(self._ahead))
        buffer[:got], self._ahead = self._ahead[:got], self._ahead[got:]
        spare = memoryview(bytearray(_SMALL_BYTES if got < size <= _SMALL_BYTES else 0))
        while got < size:
            rest = buffer[got : got + _CHUNK_BYTES]
            try:
                n = os.readv(self._from, [rest, spare])
            except BlockingIOError:
                if not self._poll(self._from, select.POLLIN, deadline):
                    raise WorkerFailure("timeout") from None
                continue
            except OSError:
                n = 0
            if n == 0:
                raise WorkerFailure("died")
            self._ahead = spare[: max(0, n - len(rest))]
            got += min(n, len(rest))
        return buffer

    @staticmethod
    def _poll(fd: int, event: int, deadline: float) -> bool:
        poller = select.poll()
        poller.register(fd, event)
        return bool(poller.poll(max(0.0, (deadline - time.monotonic()) * 1000)))


def _pack(header: Header, blobs: Sequence[Blob]) -> list[Blob]:
    parts: list[Blob] = [json.dumps(header, separators=(",", ":")).encode(), *blobs]
    lengths = [memoryview(part).nbytes for part in parts]
    head = _COUNT.pack(len(parts)) + b"".join(_LENGTH.pack(n) for n in lengths)
    if sum(lengths) <= _SMALL_BYTES:
        return [b"".join([head, *(bytes(memoryview(part).cast("B")) for part in parts)])]
    return [head + bytes(parts[0]), *parts[1:]]


# ---------------------------------------------------------------- child


def harden(parent_pid: int, *, may_write_files: bool, memory_bytes_max: int | None = None) -> None:
    """In the child, first thing: die with the parent, leave no core dump, gain no privileges, write no files.

    ``memory_bytes_max``, beyond what is mapped already, stops what DuckDB's own limit does not count, such as one enormous
    string. A forked child inherits the mappings of libraries that are not its own: PostgreSQL's driver alone reserves 1 GiB.
    """
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory_bytes_max is not None:
        limit = memory_bytes_max + _mapped_bytes()
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    if not may_write_files:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        pr_set_pdeathsig, pr_set_dumpable, pr_set_no_new_privs = 1, 4, 38
        libc.prctl(pr_set_pdeathsig, signal.SIGKILL, 0, 0, 0)
        libc.prctl(pr_set_dumpable, 0, 0, 0, 0)
        libc.prctl(pr_set_no_new_privs, 1, 0, 0, 0)
    if os.getppid() != parent_pid:
        os._exit(1)  # the parent died before the signal was armed


def _mapped_bytes() -> int:
    """What ``RLIMIT_DATA`` counts of this process now."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[5]) * resource.getpagesize()
    except OSError:
        return 0


def name_process(name: str) -> None:
    """What lists of processes show, where a command line says nothing: ``tacit-`` and the name, 15 bytes in all."""
    if sys.platform == "linux":
        pr_set_name = 15
        ctypes.CDLL(None).prctl(pr_set_name, f"tacit-{name}"[:15].encode(), 0, 0, 0)


def serve(
    start: Callable[[], tuple[Handler, Callable[[], None] | None]], *, after: Callable[[], None] | None = None
) -> None:
    """In the child: run ``start`` for (handler, interrupt), say ready, answer calls until the parent is gone.

    ``after`` is run when a reply is gone: what nobody needs to wait for. Where there is no ``interrupt``, one thread reads and works,
    which saves a change of threads at each call.
    """
    reader = os.fdopen(os.dup(0), "rb", buffering=_CHUNK_BYTES)
    writer = os.fdopen(os.dup(1), "wb", buffering=0)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)  # a stray print must not enter the frames
    try:
        handler, interrupt = start()
    except ChildError as error:
        _write(writer, {"ready": False, "error": error.error, "text": error.text}, [])
        return
    except BaseException as error:
        _write(writer, {"ready": False, "error": type(error).__name__}, [])
        return
    calls: queue.SimpleQueue[tuple[Header, list[memoryview]]] = queue.SimpleQueue()
    if interrupt is not None:
        threading.Thread(target=_read_calls, args=(reader, calls, interrupt), daemon=True).start()
    _write(writer, {"ready": True}, [])
    while True:
        header, blobs = _call(reader) if interrupt is None else calls.get()
        try:
            reply, out = handler(header, blobs)
        except ChildError as error:
            reply, out = {"error": error.error, "text": error.text, "fatal": error.fatal}, []
        except Exception as error:
            reply, out = {"error": type(error).__name__}, []
        del header, blobs
        _write(writer, reply, out)
        del reply, out
        if after is not None:
            after()


def _read_calls(
    reader: Any, calls: queue.SimpleQueue[tuple[Header, list[memoryview]]], interrupt: Callable[[], None]
) -> None:
    """Reading never waits for a call to end, so that an interrupt, or the parent's end, is seen at once."""
    while True:
        calls.put(_call(reader, interrupt))


def _call(reader: Any, interrupt: Callable[[], None] = lambda: None) -> tuple[Header, list[memoryview]]:
    """The next call; frames that ask for an interrupt are obeyed meanwhile."""
    while (count := _COUNT.unpack(_exactly(reader, _COUNT.size))[0]) == 0:
        with contextlib.suppress(Exception):  # the call may just have ended
            interrupt()
    lengths = [_LENGTH.unpack(_exactly(reader, _LENGTH.size))[0] for _ in range(count)]
    parts = [_exactly(reader, length) for length in lengths]
    return json.loads(bytes(parts[0])), parts[1:]


def _exactly(reader: Any, size: int) -> memoryview:
    buffer = memoryview(bytearray(size))
    got = 0
    while got < size:
        n = reader.readinto(buffer[got:])
        if not n:
            os._exit(0)  # the parent closed the pipe or is gone
        got += n
    return buffer


def _write(writer: Any, header: Header, blobs: Sequence[Blob]) -> None:
    for part in _pack(header, blobs):
        view = memoryview(part).cast("B")
        while view:
            view = view[writer.write(view) :]
