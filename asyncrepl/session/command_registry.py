"""What a command is, and the registry that finds it by its name.

A command is one value, `Command`: its name, its help texts, and the function that answers. An
answer is lines to show, something to await that gives lines, or a statement to run. The user's
mistakes are `CommandError`s. Commands themselves stand in the package `commands`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, Protocol

from asyncrepl.runtime.shipped_demos import closest_match
from asyncrepl.views.styled_lines import Line

if TYPE_CHECKING:
    import asyncio

    from asyncrepl.engine.statements import Outcome
    from asyncrepl.session.shell import Shell

__all__ = [
    "COMMAND_GROUPS",
    "Answer",
    "Command",
    "CommandError",
    "CommandRegistry",
    "CompletionWords",
    "Recorder",
    "StatementAnswer",
    "StatementFailedError",
    "lazy_function",
]

#: What commands are for: the groups of ``:help``, in its order.
COMMAND_GROUPS = {
    "learning": "see how it works, and things to walk",
    "background": "let things run while you type",
    "seeing": "what happens inside an async for",
    "speed": "slow it down, stop it, jump",
    "mistakes": "what went wrong, and how to write it",
    "keeping": "save and share the session",
    "session": "the prompt itself",
}


class Recorder(Protocol):
    """Keeps a session in a file as it goes, and ends by itself where that fails."""

    @property
    def name(self) -> str:
        """The file."""

    def end(self) -> int:
        """Record no more; how many inputs the file has. Raises CommandError."""


@dataclass(frozen=True, slots=True)
class StatementAnswer:
    """A command's answer: `text` is to run in the foreground, as if it had been typed.

    `started` is called with its task, before that runs, and `ended` when it is over. With a
    `filename` it is the text of that file; in `mode` "exec" no values are shown.
    """

    text: str
    started: Callable[[asyncio.Task[None]], None]
    ended: Callable[[], None]
    filename: str | None = None
    mode: Literal["single", "exec"] = "single"


#: What a command gives back: lines to show, something to await that does, or a statement.
Answer = Iterable[Line] | Awaitable[Iterable[Line]] | StatementAnswer


class CommandError(Exception):
    """The user's mistake in a command; the message is one line: what, the value, what to do."""


class StatementFailedError(CommandError):
    """A statement that a command ran itself has ended like `outcome`."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(str(outcome.error))
        self.outcome = outcome


#: The words that may stand somewhere; if it is a mapping, with what each of them is.
CompletionWords = Sequence[str] | Mapping[str, str]


def _no_words(_shell: Shell, _typed: str) -> CompletionWords:
    return ()


def _no_help_lines(_shell: Shell) -> list[Line]:
    return []


def lazy_function(module: str, name: str) -> Callable[..., Any]:
    """The function `name` of `module`, which is imported when it is called."""

    def call(*arguments: object) -> Any:
        return getattr(import_module(module), name)(*arguments)

    return call


@dataclass(frozen=True, slots=True)
class Command:
    """One ``:word``.

    `run` takes the shell and the rest of the line; it raises CommandError for the
    user's mistakes. `complete` gives the words that may stand after the name. `group` is
    one of `COMMAND_GROUPS`. At most `words` words may follow the name; any if that is None.
    `details` are paragraphs for ``:help NAME``, below the summary, and `more` lines at its
    end. The lines of an answer are broken at words where the screen is narrow, but not
    code, which is `verbatim`; of one that is longer than the screen the end is shown first,
    if `newest_last`.
    """

    name: str
    usage: str
    summary: str
    example: str
    run: Callable[[Shell, str], Answer]
    complete: Callable[[Shell, str], CompletionWords] = field(default=_no_words)
    group: str = "session"
    words: int | None = None
    details: str = ""
    more: Callable[[Shell], list[Line]] = field(default=_no_help_lines)
    verbatim: bool = False
    newest_last: bool = False

    def check(self, rest: str) -> None:
        """Raise CommandError if more words follow the name than may."""
        if self.words is None or len(rest.split()) <= self.words:
            return
        if not self.words:
            raise CommandError(f":{self.name} takes nothing, not {rest!r}")
        raise CommandError(f"{rest!r} is too much for {self.usage}: try {self.example}")


class CommandRegistry:
    """The commands by name; unique prefixes name a command too."""

    def __init__(self, commands: Iterable[Command]) -> None:
        self._by_name = {command.name: command for command in commands}

    @property
    def names(self) -> list[str]:
        """The names, in the order in which ``:help`` lists them."""
        return list(self._by_name)

    def __iter__(self) -> Iterator[Command]:
        return iter(self._by_name.values())

    def find(self, name: str) -> Command:
        """The command that `name` is, or is a unique prefix of.

        Raises CommandError with the nearest name for an unknown one.
        """
        if name in self._by_name:
            return self._by_name[name]
        matching = [known for known in self.names if name and known.startswith(name)]
        if len(matching) == 1:
            return self._by_name[matching[0]]
        if matching:
            choices = ", ".join(f":{known}" for known in matching)
            raise CommandError(f":{name} is ambiguous: {choices}")
        raise CommandError(f"no command :{name}{self._nearest(name)}")

    def _nearest(self, name: str) -> str:
        near = closest_match(name, self.names)
        return f"; did you mean :{near}?" if near else "; :help lists them"
