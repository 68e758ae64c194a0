"""A Spark Connect server on this machine, for tests and benchmarks: started as a program, stopped when done."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

START_TIMEOUT_S = 300.0
SMALL = {  # of a few thousand rows, compiling a plan takes longer than running it
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.adaptive.enabled": "false",
}


def lacking() -> str | None:
    """Why no server can be started here; ``None`` where one can."""
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        return "there is no Java"
    if any(importlib.util.find_spec(name) is None for name in ("pyspark", "grpc")):
        return "the extra [spark] is not installed"
    return None


@contextlib.contextmanager
def server(settings: Mapping[str, str], *, cores: int = 2, memory: str = "2g", options: str = "") -> Iterator[str]:
    """The URL of a server over ``local[cores]`` that listens on the loopback alone."""
    found = importlib.util.find_spec("pyspark")
    assert found is not None
    assert found.origin is not None
    home = Path(found.origin).parent
    with socket.socket() as free, tempfile.TemporaryDirectory(prefix="tacit-spark-") as folder:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        fixed = {
            "spark.connect.grpc.binding.address": "127.0.0.1", "spark.connect.grpc.binding.port": str(port),
            "spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1", "spark.ui.enabled": "false",
            "spark.sql.warehouse.dir": f"{folder}/warehouse", "spark.local.dir": folder,
        }  # fmt: skip
        command = [
            str(home / "bin" / "spark-submit"),
            "--class",
            "org.apache.spark.sql.connect.service.SparkConnectServer",
        ]
        command += ["--master", f"local[{cores}]", "--driver-memory", memory, "--driver-java-options", options]
        for name, value in {**fixed, **settings}.items():
            command += ["--conf", f"{name}={value}"]
        environment = dict(os.environ, SPARK_HOME=str(home), SPARK_LOCAL_IP="127.0.0.1")
        with open(f"{folder}/log", "wb") as log:
            process = subprocess.Popen(
                [*command, "spark-internal"],
                cwd=folder,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            _wait(process, port, Path(folder) / "log")
            yield f"sc://127.0.0.1:{port}"
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(60)
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.2)
    raise RuntimeError(f"Spark does not start: {log.read_text(errors='replace')[-2000:]}")
