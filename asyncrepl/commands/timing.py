"""Commands that steer the user's time; what does it is imported when it is asked for."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from asyncrepl.commands.registry import Command, later
from asyncrepl.settings import CLOCKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncrepl.commands.shell import Shell

__all__ = ["COMMANDS"]

_steering = partial(later, "asyncrepl.commands.steering")


def _words(words: Sequence[str], _shell: Shell, _typed: str) -> Sequence[str]:
    return words


COMMANDS = (
    Command(
        "rate",
        ":rate [N]",
        "slow motion, or fast: N seconds in a real one",
        ":rate 0.1",
        _steering("set_rate"),
        partial(_words, ("0.1", "0.5", "1", "10")),
        group="time",
    ),
    Command(
        "freeze",
        ":freeze",
        "let your code's time stand still",
        ":freeze",
        _steering("freeze"),
        group="time",
        words=0,
    ),
    Command("thaw", ":thaw", "let time go on", ":thaw", _steering("thaw"), group="time", words=0),
    Command(
        "next",
        ":next [N]",
        "fire the next N timers (1), then stand still",
        ":next 3",
        _steering("fire_next"),
        group="time",
    ),
    Command(
        "clock",
        ":clock [real|virtual]",
        "real time, or jumps from timer to timer",
        ":clock virtual",
        _steering("set_clock"),
        partial(_words, CLOCKS),
        group="time",
    ),
    Command(
        "wait",
        ":wait SECONDS",
        "let so much time pass",
        ":wait 1.5",
        _steering("wait"),
        group="time",
    ),
)
