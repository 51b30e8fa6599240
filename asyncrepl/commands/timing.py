"""Commands that steer the user's time: rate, standstill, steps, clock, waiting."""

from __future__ import annotations

import asyncio
import math
from functools import partial
from typing import TYPE_CHECKING

from asyncrepl.commands.registry import Command, CommandError
from asyncrepl.engine import steering
from asyncrepl.engine.stepping import next_timers
from asyncrepl.settings import CLOCKS
from asyncrepl.views.clock import clock_text, fired_text, instant, rate_text
from asyncrepl.views.styled import wrapped

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from asyncrepl.commands.shell import Shell
    from asyncrepl.views.styled import Line

__all__ = ["COMMANDS"]


def _rate(shell: Shell, rest: str) -> list[Line]:
    try:
        rate = steering.rate(rest or None)
    except ValueError as error:
        raise CommandError(str(error)) from None
    return _told(shell, rate_text(rate))


def _clock(shell: Shell, rest: str) -> list[Line]:
    if rest and rest not in CLOCKS:
        raise CommandError(f":clock takes real or virtual, not {rest!r}")
    mode = steering.clock(rest or None)  # type: ignore[arg-type]
    return _told(shell, clock_text(mode, steering.rate()))


def _told(shell: Shell, text: str) -> list[Line]:
    """`text`, and that time stands still nevertheless, if it does."""
    stands = f"; but it stands still at {_now(shell)}, :thaw goes on"
    return _lines(shell, text + stands * shell.loop.live.clock.frozen)


def _lines(shell: Shell, text: str) -> list[Line]:
    return [[("", line)] for line in wrapped(text, shell.console.width, 2)]


def _freeze(shell: Shell, rest: str) -> list[Line]:
    _refuse_words("freeze", rest)
    already = " already" * shell.loop.live.clock.frozen
    steering.freeze()
    return _lines(
        shell,
        f"time stands still{already} at {_now(shell)}; :thaw goes on, :next fires the next timer",
    )


def _thaw(shell: Shell, rest: str) -> list[Line]:
    _refuse_words("thaw", rest)
    if not shell.loop.live.clock.frozen:
        return [[("dim", "time does not stand still")]]
    steering.thaw()
    return [[("", f"time goes on from {_now(shell)}")]]


def _refuse_words(name: str, rest: str) -> None:
    if rest:
        raise CommandError(f":{name} takes nothing, not {rest!r}")


def _next(shell: Shell, rest: str) -> Awaitable[list[Line]]:
    if rest and not (rest.isdecimal() and int(rest)):
        raise CommandError(f":next takes how many timers, not {rest!r}: try :next 3")
    return _fire(shell, int(rest or 1))


async def _fire(shell: Shell, count: int) -> list[Line]:
    """Fire the next timers; then real time stands still, even if it did not before.

    A virtual clock stands still between the inputs anyway: there the next one need not
    be preceded by a ``:thaw``.
    """
    clock = shell.loop.live.clock
    ran = not clock.frozen
    done = await next_timers(count)
    text = fired_text(done.fired, done.at - shell.loop.live.began, more=done.more)
    if ran and (clock.mode == "virtual" or not done.fired):
        steering.thaw()
    elif ran:
        text += "; time stands still now, :thaw goes on"
    return _lines(shell, text)


def _wait(shell: Shell, rest: str) -> Awaitable[list[Line]]:
    try:
        seconds = float(rest)
    except ValueError:
        raise CommandError(f":wait takes seconds, not {rest!r}: try :wait 1.5") from None
    if not 0 <= seconds < math.inf:
        raise CommandError(f":wait takes 0 seconds or more, not {seconds:g}")
    if shell.loop.live.clock.frozen and seconds:
        raise CommandError(f"time stands still at {_now(shell)}: :wait would not end; try :thaw")
    return _wait_for(seconds)


async def _wait_for(seconds: float) -> list[Line]:
    await asyncio.sleep(seconds)
    return []


def _now(shell: Shell) -> str:
    live = shell.loop.live
    return instant(live.clock.time() - live.began)


def _words(words: Sequence[str], _shell: Shell, _typed: str) -> Sequence[str]:
    return words


COMMANDS = (
    Command(
        "rate",
        ":rate [N]",
        "let N seconds of your code's time pass in a real one",
        ":rate 0.1",
        _rate,
        partial(_words, ("0.1", "0.5", "1", "10")),
    ),
    Command("freeze", ":freeze", "let your code's time stand still", ":freeze", _freeze),
    Command("thaw", ":thaw", "let time go on", ":thaw", _thaw),
    Command("next", ":next [N]", "fire the next N timers (1), then stand still", ":next 3", _next),
    Command(
        "clock",
        ":clock [real|virtual]",
        "live in real time, or jump from timer to timer",
        ":clock virtual",
        _clock,
        partial(_words, CLOCKS),
    ),
    Command("wait", ":wait SECONDS", "let that much time pass", ":wait 1.5", _wait),
)
