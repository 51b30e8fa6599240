"""`:help`: the commands in groups, one group, or one command with an example."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncrepl.commands.registry import GROUPS, Command
from asyncrepl.views.styled import flowed
from asyncrepl.views.table import meaning_lines

if TYPE_CHECKING:
    from asyncrepl.commands.registry import Words
    from asyncrepl.commands.shell import Shell
    from asyncrepl.views.styled import Line

__all__ = ["COMMANDS", "help_on"]


def _help(shell: Shell, rest: str) -> list[Line]:
    name = rest.removeprefix(":")
    if name in GROUPS:
        return _groups(shell, [name])
    if name:
        return help_on(shell, shell.registry.find(name))
    more = ":help time shows one group, :help trace explains one command"
    return [*_groups(shell, list(GROUPS)), *flowed([("dim", more)], shell.console.width)]


def _groups(shell: Shell, names: list[str]) -> list[Line]:
    """The commands of these groups, under the group's name and what they are for."""
    width = shell.console.width
    rows = {name: _rows(shell, name) for name in GROUPS}
    every = [row for group in rows.values() for row in group]
    lines: list[Line] = []
    for name in names:
        head: Line = [("bold", name), ("dim", f"  {GROUPS[name]}")]
        lines += [*flowed(head, width), *meaning_lines(rows[name], width, every)]
    return lines


def _rows(shell: Shell, group: str) -> list[tuple[str, str]]:
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


def _names(shell: Shell, _typed: str) -> Words:
    groups = {name: f"all for this: {what}" for name, what in GROUPS.items()}
    return {command.name: command.summary for command in shell.registry} | groups


COMMANDS = (
    Command(
        "help",
        ":help [NAME]",
        "list the commands, or explain one (also :NAME?)",
        ":help ticker",
        _help,
        _names,
        words=1,
    ),
)
