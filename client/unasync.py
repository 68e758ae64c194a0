"""Writes tacit/async_client.py from tacit/client.py: the same methods, awaited.

``make async`` runs it; a test compares, so that the two clients never drift apart.
"""

from __future__ import annotations

import re
from pathlib import Path

SOURCE = Path(__file__).with_name("tacit") / "client.py"
TARGET = SOURCE.with_name("async_client.py")

_DOCSTRING = '"""``AsyncClient``: written from client.py by ``make async``, not by hand."""'
_WORDS = (
    (r"^    def (?!__init__)", "    async def "),
    (r"\bself\._transport\.(?=run|close)", "await self._transport."),
    (r"\bSyncTransport\b", "AsyncTransport"),
    (r"(?<![\w.])TrainingJob\b", "AsyncTrainingJob"),
    (r"\bclass Client\b", "class AsyncClient"),
    (r"\btacit\.Client\b", "tacit.AsyncClient"),
    (r"``Client``", "``AsyncClient``"),
    (r"Usable from several threads", "Usable by the tasks of one event loop"),
    (r"\b__(enter|exit)__", r"__a\1__"),
    (r"\bself\.close\(\)", "await self.close()"),
    (r">>> with ", ">>> async with "),
)
_ASKS = re.compile(r"\b(?:client\.\w+|tacit\.AsyncClient\(url, key\)\.close)\(")


def asynchronous(source: str) -> str:
    """The text of the asynchronous client."""
    text = _DOCSTRING + source[source.index('"""', 3) + 3 :]
    for pattern, words in _WORDS:
        text = re.sub(pattern, words, text, flags=re.M)
    return "\n".join(_awaited(line) if line.lstrip().startswith((">>>", "... ")) else line for line in text.split("\n"))


def _awaited(line: str) -> str:
    """One line of an example: its call of the client is awaited, in parentheses where more follows it."""
    asked = _ASKS.search(line)
    if asked is None:
        return line
    end, depth = asked.end(), 1
    while depth:
        depth += {"(": 1, ")": -1}.get(line[end], 0)
        end += 1
    call, rest = line[asked.start() : end], line[end:]
    waited = f"await {call}" if rest in ("", ")") or rest.startswith(("  #", ",")) else f"(await {call})"
    return f"{line[: asked.start()]}{waited}{rest}"


if __name__ == "__main__":
    TARGET.write_text(asynchronous(SOURCE.read_text(encoding="utf-8")), encoding="utf-8")
