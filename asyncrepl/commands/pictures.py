"""Commands that draw time; what draws is imported when it is asked for."""

from __future__ import annotations

from functools import partial

from asyncrepl.commands.registry import Command, later

__all__ = ["COMMANDS"]

_drawing = partial(later, "asyncrepl.commands.drawing")

COMMANDS = (
    Command(
        "timeline",
        ":timeline [SECONDS]",
        "draw what ran in the last SECONDS, or since what was typed last began",
        ":timeline 2.5",
        _drawing("draw_timeline"),
        group="seeing",
    ),
    Command(
        "marbles",
        ":marbles EXPR, … [for SECONDS]",
        "draw the values of async iterables over time, until they end or Ctrl-C",
        ":marbles ticks(3), ticks(9, 0.5) for 2",
        _drawing("draw_marbles"),
        group="seeing",
    ),
)
