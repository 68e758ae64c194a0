"""What the commands of ``tacit-service`` share: the grammar's pieces, tables, the ledger's URL, one-line errors."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

OK, FOUND, WRONG = 0, 1, 2


class UsageError(Exception):
    """What the caller gave cannot be used; the text is the one line they see."""


class Parser(argparse.ArgumentParser):
    """Errors in one line, with the way to help."""

    def error(self, message: str) -> NoReturn:
        """End with status 2."""
        self.exit(WRONG, f"{self.prog}: {message} (see {self.prog} --help)\n")


def add_command(commands: Any, name: str, run: Callable[[Any], int], text: str) -> argparse.ArgumentParser:
    """A command, with its help as a sentence."""
    made: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    made.set_defaults(run=run)
    return made


def add_group(commands: Any, name: str, text: str) -> Any:
    """A group of commands; what it returns takes them."""
    made = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    return made.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser)


def number(low: int, high: int) -> Callable[[str], int]:
    """Reads a whole number within bounds, in plain digits."""

    def read(text: str) -> int:
        if text.isascii() and text.isdecimal() and len(text) < 13 and low <= int(text) <= high:
            return int(text)
        raise argparse.ArgumentTypeError(f"a whole number from {low} to {high} is needed")

    return read


def ledger_url(arguments: Any) -> str:
    """The ledger that the command or the environment names."""
    from tacit_service.settings import Settings

    return Settings.load(ledger=arguments.ledger).ledger


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Rows in columns; the first is the head."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def existing_ledger(url: str) -> str:
    """Reading commands make no ledger where there is none."""
    from pathlib import Path

    file = url.removeprefix("sqlite:///").partition("?")[0]
    if url.startswith("sqlite:///") and not Path(file).is_file():
        raise UsageError(f"there is no ledger at {file}")
    return url
