from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")  # what one file buys is no free answer in another
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A served demo, and the environment that the README's session expects: the URL, the analyst's key, our commands."""
    home = tmp_path_factory.mktemp("session")
    plain = {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "HOME": str(home), "LANG": "C.UTF-8"}
    command = ["tacit-service", "demo", "--serve", "--json", "--port", "0", "--rows", "20000", "--data-dir", str(home)]
    with subprocess.Popen(command, cwd=home, env=plain, stdout=subprocess.PIPE, text=True) as demo:
        try:
            assert demo.stdout is not None
            started = json.loads(demo.stdout.readline())
            keys = {"TACIT_KEY": started["keys"]["analyst"], "SECOND_KEY": started["keys"]["second_analyst"]}
            yield plain | {"TACIT_URL": started["url"], **keys}
        finally:
            demo.terminate()
