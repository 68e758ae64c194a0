"""The built bundle as it is served: a handful of named files, read once, and the page with its nonce.

The list of files is closed, so that no path of a request ever reaches the file system.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

STATIC: Final = Path(__file__).with_name("static")

ASSETS: Final = {
    "app.js": "text/javascript; charset=utf-8",
    "chunk.js": "text/javascript; charset=utf-8",
    "desk.js": "text/javascript; charset=utf-8",
    "app.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "inter.woff2": "font/woff2",
    "inter-greek.woff2": "font/woff2",
}
"""Every file beside the page, with its media type."""

_NONCE_MARK: Final = "__NONCE__"

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; connect-src 'self'; "
    "img-src 'self' data: blob:; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    # No string ever becomes markup or script: the browser itself refuses innerHTML and its kin.
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of the bundle, plain and compressed, with the tag that says which bytes these are."""

    media_type: str
    body: bytes
    gzipped: bytes
    etag: str


@cache
def asset(name: str) -> Asset:
    """One file of the bundle; ``KeyError`` for a name that is not in ``ASSETS``."""
    media_type = ASSETS[name]
    body = (STATIC / name).read_bytes()
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    return Asset(media_type, body, gzip.compress(body, mtime=0), etag)


@cache
def _template() -> str:
    return (STATIC / "index.html").read_text(encoding="utf-8")


def page(nonce: str) -> tuple[bytes, str]:
    """The page and its content security policy. CodeMirror's styles carry the nonce; it lives for one response."""
    return _template().replace(_NONCE_MARK, nonce).encode(), _POLICY.format(nonce=nonce)
