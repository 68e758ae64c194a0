"""The console without a person: ``-c``, ``-f`` and piped input. The first error ends it, before more is spent."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tacit.shell.commands import read_script
from tacit.shell.session import Options, Quit, Session
from tacit.shell.splitter import split

if TYPE_CHECKING:
    from tacit.client import Client


def run_scripts(client: Client, options: Options, commands: Sequence[str], files: Sequence[str]) -> int:
    """Run texts, then files, then (when there are neither) standard input; raises the first error."""
    from tacit.cli import ask

    session = Session(client, options, sys.stdout, sys.stderr, ask)
    texts = [*commands, *(sys.stdin.read() if file == "-" else read_script(file) for file in files)]
    if not texts:
        texts = [sys.stdin.read()]
    try:
        session.choose_only_dataset()
        for text in texts:
            for piece in split(text):
                session.run(piece)
    except Quit:
        pass
    finally:
        session.close()
    return 0 if not session.declined else 1
