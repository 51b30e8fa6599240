"""Commands for the user's clock: rate, freeze, thaw, next, clock, wait.

What they do is imported when it is asked for: see `asyncrepl.commands.steering`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from asyncrepl.runtime.settings import CLOCKS
from asyncrepl.session.command_registry import Command, lazy_function

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncrepl.session.shell import Shell

__all__ = ["TIME_COMMANDS"]

_time_answer = partial(lazy_function, "asyncrepl.commands.time_answers")


def _fixed_words(words: Sequence[str], _shell: Shell, _typed: str) -> Sequence[str]:
    return words


TIME_COMMANDS = (
    Command(
        "rate",
        ":rate [N]",
        "slow motion, or fast: N seconds in a real one",
        ":rate 0.1",
        _time_answer("set_rate"),
        partial(_fixed_words, ("0.1", "0.5", "1", "10")),
        group="speed",
    ),
    Command(
        "freeze",
        ":freeze",
        "let your code's time stand still",
        ":freeze",
        _time_answer("freeze"),
        group="speed",
        words=0,
    ),
    Command(
        "thaw", ":thaw", "let time go on", ":thaw", _time_answer("thaw"), group="speed", words=0
    ),
    Command(
        "next",
        ":next [N]",
        "fire the next N timers (1), then stand still",
        ":next 3",
        _time_answer("fire_next"),
        group="speed",
    ),
    Command(
        "clock",
        ":clock [real|virtual]",
        "real time, or jumps from timer to timer",
        ":clock virtual",
        _time_answer("set_clock"),
        partial(_fixed_words, CLOCKS),
        group="speed",
    ),
    Command(
        "wait",
        ":wait SECONDS",
        "let so much time pass",
        ":wait 1.5",
        _time_answer("wait"),
        group="speed",
    ),
)
