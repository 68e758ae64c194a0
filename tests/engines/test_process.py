"""A worker process: frames in and out, a time limit that holds, and a parent that outlives every child."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pyarrow as pa
import pytest

from tacit_service.engine import spawning
from tacit_service.engine.process import WorkerFailure, WorkerProcess, decode_table, encode_table

# What a child does here is told by the request: echo, sleep, spin (deaf to interrupts), die, print, fail.
CHILD = """
    import os, sys, threading, time
    from tacit_service.engine.process import ChildError, harden, serve

    stop, tidied = threading.Event(), []

    def handle(header, blobs):
        stop.clear()
        do = header["do"]
        if do == "sleep":
            if stop.wait(header["s"]):
                raise ChildError("Interrupted")
        if do == "spin":
            time.sleep(header["s"])
        if do == "die":
            os._exit(3)
        if do == "print":
            print("noise on stdout"); sys.stdout.flush(); os.write(1, b"more noise")
        if do == "fail":
            raise ValueError("the patient's name is Ada")
        if do == "tell":
            raise ChildError("BinderException", "no such column")
        if do == "write":
            with open(header["path"], "w") as f:
                f.write("x" * 10_000)
        if do == "facts":
            return {"pid": os.getpid(), "session": os.getsid(0), "environment": sorted(os.environ),
                    "descriptors": sorted(os.listdir("/proc/self/fd")), "cwd": os.getcwd()}, []
        if do == "after":
            return {"after": tidied}, []
        if do == "big":
            return {}, [b"x" * header["size"]]
        return {"echo": header}, list(blobs)

    def main(argv):
        harden(int(argv[0]), may_write_files=False)
        if "broken" in argv:
            serve(lambda: 1 / 0)
        else:
            serve(lambda: (handle, stop.set), after=lambda: tidied.append(len(tidied)))

    if __name__ == "__main__":
        main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    """A module that children find, by an environment of their own: all tests here share its zygote."""
    folder = tmp_path_factory.mktemp("child")
    (folder / "child_for_test.py").write_text(textwrap.dedent(CHILD))
    original = spawning.environment
    paths = os.pathsep.join([str(folder), original()["PYTHONPATH"]])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spawning, "environment", lambda: {**original(), "PYTHONPATH": paths})
        yield "child_for_test"


@pytest.fixture
def worker(module):
    worker = WorkerProcess(module)
    yield worker
    worker.close()


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # gone already
        os.kill(pid, signal.SIGKILL)


def gone(pid: int, within_s: float = 60.0) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX":
                return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


def test_a_call_returns_header_and_blobs(worker):
    blobs = [b"", b"abc", os.urandom(3_000_000)]
    reply, parts = worker.call({"do": "echo", "text": "é\n\0"}, blobs, timeout_s=60)
    assert reply == {"echo": {"do": "echo", "text": "é\n\0"}}
    assert [bytes(p) for p in parts] == blobs


def test_what_follows_a_reply_is_not_waited_for(worker):
    told = [worker.call({"do": "after"}, timeout_s=60)[0]["after"] for _ in range(3)]
    assert told == [[], [0], [0, 1]]  # each is run once its reply has gone, and before the next


def test_tables_travel_as_arrow(worker):
    table = pa.table({"n": pa.array([1, None], pa.int64()), "s": ["a", None]})
    _, parts = worker.call({"do": "echo"}, [encode_table(table)], timeout_s=60)
    assert decode_table(parts[0]).equals(table)


def test_an_interruptible_call_ends_in_time_and_keeps_the_child(worker):
    worker.warm()
    pid, start = worker.pid, time.monotonic()
    with pytest.raises(WorkerFailure) as failure:
        worker.call({"do": "sleep", "s": 30}, timeout_s=0.2)
    assert failure.value.reason == "timeout"
    assert time.monotonic() - start < 15, "it would have taken 30 s"
    assert worker.pid == pid
    assert worker.call({"do": "echo"}, timeout_s=60)[0] == {"echo": {"do": "echo"}}


def test_a_deaf_call_is_killed_and_the_next_one_answered(worker):
    worker.warm()
    pid, start = worker.pid, time.monotonic()
    with pytest.raises(WorkerFailure) as failure:
        worker.call({"do": "spin", "s": 30}, timeout_s=0.2)
    assert failure.value.reason == "timeout"
    assert time.monotonic() - start < 15, "it would have taken 30 s"
    assert gone(pid)
    assert worker.pid not in (None, pid)  # the successor is on its way before anybody asks
    assert worker.call({"do": "echo"}, timeout_s=60)[0] == {"echo": {"do": "echo"}}


def test_a_child_that_dies_fails_one_call_only(worker):
    with pytest.raises(WorkerFailure) as failure:
        worker.call({"do": "die"}, timeout_s=60)
    assert failure.value.reason == "died"
    assert failure.value.killed
    assert worker.call({"do": "echo"}, timeout_s=60)[0] == {"echo": {"do": "echo"}}


def test_a_child_killed_between_calls_fails_the_next_one_only(worker):
    worker.warm()
    kill(worker.pid)
    with pytest.raises(WorkerFailure):
        worker.call({"do": "echo"}, timeout_s=60)
    assert worker.call({"do": "echo"}, timeout_s=60)[0] == {"echo": {"do": "echo"}}


def test_an_exception_tells_its_class_and_nothing_else(worker):
    with pytest.raises(WorkerFailure) as failure:
        worker.call({"do": "fail"}, timeout_s=60)
    assert (failure.value.reason, failure.value.error, failure.value.text) == ("error", "ValueError", "")
    assert "Ada" not in repr(failure.value)


def test_a_child_error_tells_what_it_chose_to(worker):
    with pytest.raises(WorkerFailure) as failure:
        worker.call({"do": "tell"}, timeout_s=60)
    assert (failure.value.error, failure.value.text) == ("BinderException", "no such column")


def test_stray_output_does_not_enter_the_frames(worker):
    worker.call({"do": "print"}, timeout_s=60)
    assert worker.call({"do": "echo"}, timeout_s=60)[0] == {"echo": {"do": "echo"}}


def test_a_reply_past_the_limit_is_refused(module):
    worker = WorkerProcess(module, reply_bytes_max=1_000_000)
    try:
        with pytest.raises(WorkerFailure) as failure:
            worker.call({"do": "big", "size": 2_000_000}, timeout_s=60)
        assert failure.value.reason == "died"
        assert not failure.value.killed, "it would come again"
        assert len(worker.call({"do": "big", "size": 900_000}, timeout_s=60)[1][0]) == 900_000
    finally:
        worker.close()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_child_has_nothing_of_ours(module, monkeypatch):
    monkeypatch.setenv("TACIT_SECRET", "x")
    with open(__file__):  # a descriptor that must not be inherited
        fresh = WorkerProcess(module)
        facts, _ = fresh.call({"do": "facts"}, timeout_s=60)
        fresh.close()
    assert set(facts["environment"]) <= {
        "PYTHONPATH", "TZ", "LC_ALL", "HOME", "LD_LIBRARY_PATH", "LC_CTYPE", "OPENBLAS_NUM_THREADS",
        "JE_ARROW_MALLOC_CONF",
    }  # fmt: skip
    assert facts["session"] == facts["pid"] != os.getsid(0)
    assert len(facts["descriptors"]) <= 9
    assert facts["cwd"] == "/"


def test_the_child_cannot_write_files(worker, tmp_path):
    target = tmp_path / "out"
    with pytest.raises(WorkerFailure) as failure:
        worker.call({"do": "write", "path": str(target)}, timeout_s=60)
    assert failure.value.error == "OSError"
    assert not target.exists() or target.stat().st_size == 0


def test_a_child_that_cannot_start_says_so_and_does_not_loop(module):
    worker = WorkerProcess(module, ["broken"])
    for _ in range(2):
        with pytest.raises(WorkerFailure) as failure:
            worker.call({"do": "echo"}, timeout_s=60)
        assert (failure.value.reason, failure.value.error) == ("died", "ZeroDivisionError")
    worker.close()


def test_many_threads_share_one_child(worker):
    wrong: list[object] = []

    def ask(i: int) -> None:
        for j in range(10):
            reply, _ = worker.call({"do": "echo", "n": [i, j]}, timeout_s=60)
            if reply["echo"]["n"] != [i, j]:
                wrong.append(reply)

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert wrong == []


def test_a_child_outlives_the_thread_that_needed_it(module):
    """PR_SET_PDEATHSIG is bound to the forking thread: request threads come and go, children must not go with them."""
    made: list[WorkerProcess] = []
    thread = threading.Thread(target=lambda: made.append(WorkerProcess(module)))
    thread.start()
    thread.join()
    worker = made[0]
    worker.warm()
    pid = worker.pid
    time.sleep(0.2)
    worker.call({"do": "echo"}, timeout_s=60)
    assert worker.pid == pid
    worker.close()


def test_close_ends_a_call_in_progress(module):
    worker = WorkerProcess(module)
    worker.warm()
    pid, failed = worker.pid, []

    def ask() -> None:
        try:
            worker.call({"do": "spin", "s": 30}, timeout_s=30)
        except WorkerFailure as failure:
            failed.append(failure.reason)

    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(0.2)
    worker.close()
    thread.join(5)
    assert failed == ["died"]
    assert gone(pid)
    with pytest.raises(WorkerFailure):
        worker.call({"do": "echo"}, timeout_s=1)


def test_children_die_with_a_killed_parent(module, tmp_path):
    program = f"""
        import sys, time
        from tacit_service.engine import spawning
        from tacit_service.engine.process import WorkerProcess
        environment = {spawning.environment()!r}
        spawning.environment = lambda: environment
        worker = WorkerProcess({module!r})
        worker.warm()
        print(worker.pid, flush=True)
        worker.call({{"do": "spin", "s": 60}}, timeout_s=60)
    """
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True)
    try:
        pid = int(parent.stdout.readline())
        time.sleep(0.2)
        parent.kill()
        assert gone(pid)
    finally:
        parent.kill()
        parent.wait()
        parent.stdout.close()


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.fixture
def zygote(worker):
    """The process that the worker was forked by."""
    worker.warm()
    if not hasattr(os, "pidfd_open"):
        pytest.skip("children are programs here")
    pid = parent_of(worker.pid)
    assert pid != os.getpid()
    assert parent_of(pid) == os.getpid()
    assert b"engine.zygote" in Path(f"/proc/{pid}/cmdline").read_bytes()
    assert Path(f"/proc/{worker.pid}/comm").read_text() == "tacit-child_for\n"
    return pid


def test_children_are_forked_from_one_process_that_has_one_thread_and_nothing_of_ours(zygote, module):
    other = WorkerProcess(module)
    other.warm()
    assert parent_of(other.pid) == zygote
    assert len(list(Path(f"/proc/{zygote}/task").iterdir())) == 1
    kept = {entry.partition(b"=")[0] for entry in Path(f"/proc/{zygote}/environ").read_bytes().split(b"\0")}
    assert not {name for name in kept if b"TACIT" in name or b"KEY" in name}
    other.close()


def test_no_zombie_is_left_of_a_child(zygote, worker, module):
    other = WorkerProcess(module)
    other.warm()
    pid = other.pid
    other.close()
    deadline = time.monotonic() + 60
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not Path(f"/proc/{pid}").exists()


def test_a_zygote_that_is_killed_takes_its_children_along_and_is_replaced(zygote, worker):
    pid = worker.pid
    kill(zygote)
    assert gone(pid)
    with pytest.raises(WorkerFailure):
        worker.call({"do": "echo"}, timeout_s=60)
    assert worker.call({"do": "echo"}, timeout_s=60)[0] == {"echo": {"do": "echo"}}
    assert parent_of(worker.pid) != zygote


def test_a_module_that_starts_threads_when_imported_is_run_as_a_program(module):
    """A fork would inherit what other threads hold."""
    folder = Path(spawning.environment()["PYTHONPATH"].split(os.pathsep)[0])
    threads = "import threading, time\nthreading.Thread(target=time.sleep, args=(3600,), daemon=True).start()\n"
    (folder / "threads_for_test.py").write_text(threads + (folder / "child_for_test.py").read_text())
    worker = WorkerProcess("threads_for_test")
    worker.warm()
    assert parent_of(worker.pid) == os.getpid()
    assert worker.call({"do": "echo"}, timeout_s=60)[0] == {"echo": {"do": "echo"}}
    worker.close()


def test_closing_while_a_child_is_replaced_leaves_none(module):
    """Whatever of the two comes first: no child outlives its worker, and none is stopped twice."""
    for wait_s in (0.0, 0.002, 0.02):
        worker = WorkerProcess(module)
        worker.warm()
        seen = [worker.pid]
        spawn = worker._spawn

        def spawned(spawn=spawn, seen=seen):
            child = spawn()
            seen.append(child.process.pid)
            return child

        worker._spawn = spawned

        def die(worker=worker):
            for _ in range(3):
                with contextlib.suppress(WorkerFailure):
                    worker.call({"do": "die"}, timeout_s=60)

        caller = threading.Thread(target=die)
        caller.start()
        time.sleep(wait_s)
        worker.close()
        caller.join()
        assert worker.pid is None
        assert all(gone(pid) for pid in seen)
        with pytest.raises(WorkerFailure):
            worker.call({"do": "echo"}, timeout_s=60)


def test_a_reply_of_any_size_arrives_whole(worker):
    """Around what one system call brings: parts lie in buffers of their own, whichever way they came."""
    for size in (0, 1, 65_000, 65_530, 65_536, 65_537, 131_072, 200_003):
        blobs = [b"x" * size, b"", b"y" * 7]
        reply, parts = worker.call({"do": "echo", "size": size}, blobs, timeout_s=60)
        assert reply == {"echo": {"do": "echo", "size": size}}
        assert [bytes(part) for part in parts] == blobs
