"""Where the terminal finds the service: options first, then the environment. Keys are read, never shown."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tacit.errors import InvalidArgument

_KEY_BYTES_MAX = 4096


@dataclass(frozen=True, slots=True)
class Connection:
    """What a command needs to reach the service. ``notes`` are warnings for stderr."""

    url: str
    key: str
    dataset: str | None
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Connection({self.url!r}, dataset={self.dataset!r})"


def resolve(
    url: str | None, key: str | None, key_file: str | None, dataset: str | None, environ: Mapping[str, str]
) -> Connection:
    """The connection of a command line and an environment; ``InvalidArgument`` says what is missing."""
    address = url or environ.get("TACIT_URL")
    if not address:
        raise InvalidArgument("no service: pass --url or set TACIT_URL, for example http://127.0.0.1:8470")
    notes: tuple[str, ...] = ()
    file = key_file or (None if key else environ.get("TACIT_KEY_FILE"))
    secret = key or (None if key_file else environ.get("TACIT_KEY"))
    if not secret and file:
        secret, notes = _read_key(Path(file).expanduser())
    if not secret:
        raise InvalidArgument("no API key: set TACIT_KEY, or name a file by --key-file or TACIT_KEY_FILE")
    return Connection(address, secret, dataset or environ.get("TACIT_DATASET") or None, notes)


def _read_key(path: Path) -> tuple[str, tuple[str, ...]]:
    try:
        with path.open("rb") as file:
            content = file.read(_KEY_BYTES_MAX + 1)
            mode = os.fstat(file.fileno()).st_mode
    except OSError as error:
        raise InvalidArgument(f"cannot read the key file {path}: {error.strerror}") from None
    text = content.decode("ascii", "replace").strip()
    if not text or len(content) > _KEY_BYTES_MAX or "\n" in text:
        raise InvalidArgument(f"the key file {path} holds one line, the key")
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        return text, (f"the key file {path} can be read by others: chmod 600 it",)
    return text, ()


def state_dir(environ: Mapping[str, str]) -> Path:
    """Where the console keeps its history."""
    base = environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "tacit"
