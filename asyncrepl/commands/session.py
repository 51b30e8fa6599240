"""Commands about the session itself: history, forgetting, leaving."""

from __future__ import annotations

import asyncio
import builtins
from typing import TYPE_CHECKING

from asyncrepl.commands.registry import Command, CommandError
from asyncrepl.language.reading import as_command
from asyncrepl.views.styled import one_line, text_lines

if TYPE_CHECKING:
    from asyncrepl.commands.shell import Shell
    from asyncrepl.views.styled import Line

__all__ = ["COMMANDS"]


def _history(shell: Shell, rest: str) -> list[Line]:
    entries = shell.front.history()
    if entries and _is_history(shell, entries[-1]):
        entries = entries[:-1]  # what was just typed
    found = [line for entry in entries for line in text_lines(entry) if rest in entry]
    return found or [
        [("dim", f"no input so far has {one_line(rest)!r}" if rest else "no input so far")]
    ]


def _is_history(shell: Shell, text: str) -> bool:
    """Whether `text` is this very command, by its name or the beginning of it."""
    command = as_command(text)
    try:
        return command is not None and shell.registry.find(command.name).run is _history
    except CommandError:
        return False


def _reset(shell: Shell, _rest: str) -> list[Line]:
    namespace = shell.session.namespace
    for name in [name for name in namespace if not name.startswith("__")]:
        del namespace[name]
    namespace["asyncio"] = asyncio
    vars(builtins).pop("_", None)
    shell.last = shell.explanation = None
    shell.noticing.leaks.clear()
    shell.remarks.forget()
    return [[("dim", "namespace emptied; background tasks go on")]]


def _quit(_shell: Shell, rest: str) -> list[Line]:
    raise SystemExit(_exit_code(rest))


def _exit_code(rest: str) -> int:
    if not rest:
        return 0
    if not rest.isdecimal():
        raise CommandError(f":quit takes an exit status from 0 to 255, not {rest!r}")
    return int(rest)


COMMANDS = (
    Command(
        "history",
        ":history [TEXT]",
        "the inputs so far, or those with TEXT",
        ":history async",
        _history,
        verbatim=True,
        newest_last=True,
    ),
    Command(
        "reset", ":reset", "forget all names; background tasks go on", ":reset", _reset, words=0
    ),
    Command("quit", ":quit", "leave (also Ctrl-D, exit)", ":quit", _quit),
)
