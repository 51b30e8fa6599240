"""Commands about the session itself: help, settings, history, forgetting, leaving.

``:help``, ``:set``, ``:history``, ``:reset``, ``:quit``. What ``:set`` can set is imported when it
is asked for: see `asyncrepl.commands.choosing`.
"""

from __future__ import annotations

import asyncio
import builtins
from functools import partial
from typing import TYPE_CHECKING

from asyncrepl.session.command_registry import COMMAND_GROUPS, Command, CommandError, lazy_function
from asyncrepl.syntax.parsed_input import as_command
from asyncrepl.views.styled_lines import flowed, one_line, text_lines, two_columns

if TYPE_CHECKING:
    from asyncrepl.session.command_registry import CompletionWords
    from asyncrepl.session.shell import Shell
    from asyncrepl.views.styled_lines import Line

__all__ = ["HELP_COMMANDS", "SESSION_COMMANDS", "SETTING_COMMANDS", "help_on"]

_settings_answer = partial(lazy_function, "asyncrepl.commands.session_settings")

SETTING_COMMANDS = (
    Command(
        "set",
        ":set [NAME on|off]",
        "show the settings of this session, or change one",
        ":set lanes off",
        _settings_answer("choose"),
        _settings_answer("words"),
    ),
)


def _help(shell: Shell, rest: str) -> list[Line]:
    name = rest.removeprefix(":")
    if name in COMMAND_GROUPS:
        return _group_lines(shell, [name])
    if name:
        return help_on(shell, shell.registry.find(name))
    more = ":help speed shows one group, :help trace explains one command"
    return [
        *_group_lines(shell, list(COMMAND_GROUPS)),
        *flowed([("dim", more)], shell.console.width),
    ]


def _group_lines(shell: Shell, names: list[str]) -> list[Line]:
    """The commands of these groups, under the group's name and what they are for."""
    width = shell.console.width
    rows = {name: _command_rows(shell, name) for name in COMMAND_GROUPS}
    every = [row for group in rows.values() for row in group]
    lines: list[Line] = []
    for name in names:
        head: Line = [("bold", name), ("dim", f"  {COMMAND_GROUPS[name]}")]
        lines += [*flowed(head, width), *two_columns(rows[name], width, every)]
    return lines


def _command_rows(shell: Shell, group: str) -> list[tuple[str, str]]:
    return [(f"  {each.usage}", each.summary) for each in shell.registry if each.group == group]


def help_on(shell: Shell, command: Command) -> list[Line]:
    """What ``:help NAME`` shows: usage, meaning, an example, and what else there is to know."""
    width = shell.console.width
    said = [command.summary, *filter(None, command.details.split("\n"))]
    lines: list[Line] = [
        [("label", command.usage)],
        *([("", f"  {text}")] for text in said),
        [("dim", "  for example: "), ("code", command.example)],
    ]
    rows = [row for line in lines for row in flowed(line, width, 2)]
    return [*rows, *command.more(shell)]


def _help_topics(shell: Shell, _typed: str) -> CompletionWords:
    groups = {name: f"all for this: {what}" for name, what in COMMAND_GROUPS.items()}
    return {command.name: command.summary for command in shell.registry} | groups


HELP_COMMANDS = (
    Command(
        "help",
        ":help [NAME]",
        "list the commands, or explain one (also :NAME?)",
        ":help ticker",
        _help,
        _help_topics,
        words=1,
    ),
)


def _history(shell: Shell, rest: str) -> list[Line]:
    entries = shell.frontend.history()
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
    shell.leak_reporter.leaks.clear()
    shell.mistake_reporter.forget()
    return [[("dim", "namespace emptied; background tasks go on")]]


def _quit(_shell: Shell, rest: str) -> list[Line]:
    raise SystemExit(_exit_code(rest))


def _exit_code(rest: str) -> int:
    if not rest:
        return 0
    if not rest.isdecimal():
        raise CommandError(f":quit takes an exit status from 0 to 255, not {rest!r}")
    return int(rest)


SESSION_COMMANDS = (
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
