"""Commands that draw time; what draws is imported when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncrepl.commands.registry import Command

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from asyncrepl.commands.shell import Shell
    from asyncrepl.views.styled import Line

__all__ = ["COMMANDS"]


def _timeline(shell: Shell, rest: str) -> list[Line]:
    from asyncrepl.commands.drawing import draw_timeline

    return draw_timeline(shell, rest)


def _marbles(shell: Shell, rest: str) -> Awaitable[list[Line]]:
    from asyncrepl.commands.drawing import draw_marbles

    return draw_marbles(shell, rest)


COMMANDS = (
    Command(
        "timeline",
        ":timeline [SECONDS]",
        "draw what ran in the last SECONDS, or since what was typed last began",
        ":timeline 2.5",
        _timeline,
    ),
    Command(
        "marbles",
        ":marbles EXPR, … [for SECONDS]",
        "draw the values of async iterables over time, until they end or Ctrl-C",
        ":marbles ticks(3), ticks(9, 0.5) for 2",
        _marbles,
    ),
)
