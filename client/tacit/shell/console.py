"""The interactive console: prompt_toolkit with psql's habits."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.filters import completion_is_selected
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.lexers import PygmentsLexer
from prompt_toolkit.styles import Style
from pygments.lexers.sql import SqlLexer  # type: ignore[import-untyped]

from tacit._config import state_dir
from tacit._text import clean
from tacit.errors import TacitError
from tacit.shell.advice import in_commands
from tacit.shell.commands import COMMANDS, dispatch
from tacit.shell.completion import SqlCompleter
from tacit.shell.session import Options, Quit, Session
from tacit.shell.splitter import aside, finished, split, word

if TYPE_CHECKING:
    from tacit.client import Client

_STYLE = Style.from_dict(
    {
        "pygments.keyword": "bold ansiblue",
        "pygments.literal.string": "ansigreen",
        "pygments.literal.number": "ansicyan",
        "pygments.comment": "italic ansibrightblack",
        "bottom-toolbar": "noreverse ansibrightblack",
    }
)


class Console:
    """Reads statements from a person until ``\\q`` or Ctrl-D."""

    def __init__(self, client: Client, options: Options) -> None:
        options.preview = True
        self._session = Session(client, options, sys.stdout, sys.stderr, self._ask)
        self._prompt: PromptSession[str] = PromptSession(
            history=_history(),
            completer=SqlCompleter(self._session.known_facts, {name: text for name, (_, _, text) in COMMANDS.items()}),
            complete_while_typing=True,
            lexer=PygmentsLexer(SqlLexer),
            auto_suggest=AutoSuggestFromHistory(),
            multiline=True,
            prompt_continuation=self._continuation,
            key_bindings=_bindings(),
            bottom_toolbar=self._toolbar,
            enable_open_in_editor=True,
            style=_STYLE,
        )
        self._questions: PromptSession[str] = PromptSession()

    def run(self) -> int:
        """Until the person leaves; the exit code."""
        self._session.note(f"Tacit console, {self._session.client.url}. \\? for help, \\q to leave.")
        self._greet()
        pending = ""
        try:
            while True:
                try:
                    pending = self._execute(self._prompt.prompt(self._message, default=pending))
                except KeyboardInterrupt:
                    pending = ""
        except (EOFError, Quit):
            return 0
        finally:
            self._session.close()

    def _greet(self) -> None:
        """Choose the only dataset there is, and say what is left; a service that is away is told, not fatal."""
        options = self._session.options
        try:
            granted = self._session.choose_only_dataset()
            if options.dataset is None:
                self._session.note(f"Datasets: {', '.join(map(clean, granted)) or 'none'}. \\c NAME chooses one.")
            if options.dataset is not None:
                self._session.facts()  # for completion
            for account in self._session.client.budget().accounts:
                if account.dataset == options.dataset:
                    left = f"ε {account.remaining.epsilon} of {account.limit.epsilon} left"
                    self._session.note(clean(f"Dataset {account.dataset}: {left}."))
        except TacitError as error:
            self._show(error)

    def _execute(self, text: str) -> str:
        """Run what was typed; what is left of it stays on the prompt."""
        beside = aside(text)
        if beside is not None:
            pending, said = beside
            self._aside(said)
            return pending + "\n"
        alone = word(text)
        if alone in ("quit", "exit"):
            raise Quit
        self._run("\\?" if alone == "help" else text)
        return ""

    def _aside(self, said: str) -> None:
        """A command in the middle of a statement; a bare word gets a hint only, as in psql."""
        if word(said):
            meant = "\\?" if word(said) == "help" else "\\q"
            self._session.note(f"Use {meant} for that; the statement is not finished.")
            return
        try:
            dispatch(self._session, said)
        except TacitError as error:
            self._show(error)

    def _run(self, text: str) -> None:
        for piece in split(text):
            try:
                self._session.run(piece)
            except TacitError as error:
                self._show(error)
                return
            except KeyboardInterrupt:
                self._session.note("")
                return

    def _show(self, error: TacitError) -> None:
        self._session.note(in_commands(error))

    def _ask(self, question: str) -> bool:
        try:
            return self._questions.prompt(f"{clean(question)} ").strip().lower() in ("y", "yes")
        except (KeyboardInterrupt, EOFError):
            return False

    def _name(self) -> str:
        return clean(self._session.options.dataset or "tacit")

    def _message(self) -> FormattedText:
        return FormattedText([("bold", f"{self._name()}=> ")])

    def _continuation(self, width: int, _line: int, _wrapped: int) -> FormattedText:
        return FormattedText([("", f"{self._name()}-> ".rjust(width))])

    def _toolbar(self) -> FormattedText:
        options = self._session.options
        left = ""
        if self._session.receipts:
            left = f" · ε {self._session.receipts[-1].receipt.remaining.epsilon} left"
        epsilon = f"ε {options.epsilon} a query" if options.epsilon else "the policy's ε a query"
        return FormattedText([("class:bottom-toolbar", clean(f" {epsilon}{left} · {options.output}"))])


def _bindings() -> KeyBindings:
    bindings = KeyBindings()

    @bindings.add("enter", filter=~completion_is_selected)
    def _run_or_continue(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if finished(buffer.text) or word(buffer.text) or aside(buffer.text):
            buffer.validate_and_handle()
        else:
            buffer.insert_text("\n")

    @bindings.add("enter", filter=completion_is_selected)
    def _take_completion(event: KeyPressEvent) -> None:
        event.current_buffer.complete_state = None

    return bindings


def _history() -> History:
    """A file that only its owner can read: statements may hold what analysts look for."""
    path = Path(os.environ.get("TACIT_HISTORY") or state_dir(os.environ) / "history")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600))
    except OSError:
        return InMemoryHistory()
    return FileHistory(str(path))
