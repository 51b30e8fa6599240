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
        "draw what ran lately: who ran when, who waited",
        ":timeline 2.5",
        _drawing("draw_timeline"),
        group="seeing",
        details="The last SECONDS; without them, since the last input began. The line below "
        "says what the marks mean, :help lanes all of them.",
    ),
    Command(
        "marbles",
        ":marbles EXPR, … [for N]",
        "draw the values of sources over time",
        ":marbles ticks(3), ticks(9, 0.5) for 2",
        _drawing("draw_marbles"),
        group="seeing",
        details="Until the sources end, N seconds have passed, or Ctrl-C. - waits, | ends, "
        "X is an error.",
    ),
)
