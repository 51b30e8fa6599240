"""Commands for the user's clock: rate, freeze, thaw, next, clock, wait."""

from __future__ import annotations

import asyncio
import math
from functools import partial
from typing import TYPE_CHECKING

from asyncrepl.engine.loop import debug_control as steering
from asyncrepl.engine.loop.debug_control import next_timers
from asyncrepl.runtime.settings import CLOCKS
from asyncrepl.session.command_registry import CommandError, command
from asyncrepl.views.styled_lines import flowed
from asyncrepl.views.time_display import clock_text, fired_text, instant_text, rate_text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from asyncrepl.session.shell import Shell
    from asyncrepl.views.styled_lines import Line

__all__: list[str] = []


def _fixed_words(words: Sequence[str], _shell: Shell, _typed: str) -> Sequence[str]:
    return words


@command(
    ":rate [N]",
    "slow motion, or fast: N seconds in a real one",
    group="speed",
    rank=10,
    example=":rate 0.1",
    complete=partial(_fixed_words, ("0.1", "0.5", "1", "10")),
)
def _rate(shell: Shell, rest: str) -> list[Line]:
    try:
        rate = steering.rate(rest or None)
    except ValueError as error:
        raise CommandError(str(error)) from None
    return _with_frozen_note(shell, rate_text(rate))


@command(
    ":clock [real|virtual]",
    "real time, or jumps from timer to timer",
    group="speed",
    rank=50,
    example=":clock virtual",
    complete=partial(_fixed_words, CLOCKS),
)
def _clock(shell: Shell, rest: str) -> list[Line]:
    if rest and rest not in CLOCKS:
        raise CommandError(f":clock takes real or virtual, not {rest!r}")
    mode = steering.clock(rest or None)  # type: ignore[arg-type]
    return _with_frozen_note(shell, clock_text(mode, steering.rate()))


def _with_frozen_note(shell: Shell, text: str) -> list[Line]:
    """`text`, and that time stands still nevertheless, if it does."""
    stands = f"; but it stands still at {_instant_now(shell)}, :thaw goes on"
    return _flowed_lines(shell, text + stands * shell.loop.live.clock.frozen)


def _flowed_lines(shell: Shell, text: str) -> list[Line]:
    return flowed([("", text)], shell.console.width, 2)


@command(
    ":freeze",
    "let your code's time stand still",
    group="speed",
    rank=20,
    words=0,
)
def _freeze(shell: Shell, _rest: str) -> list[Line]:
    already = " already" * shell.loop.live.clock.frozen
    steering.freeze()
    return _flowed_lines(
        shell,
        f"time stands still{already} at {_instant_now(shell)}; "
        ":thaw goes on, :next fires the next timer",
    )


@command(
    ":thaw",
    "let time go on",
    group="speed",
    rank=30,
    words=0,
)
def _thaw(shell: Shell, _rest: str) -> list[Line]:
    if not shell.loop.live.clock.frozen:
        return [[("dim", "time does not stand still")]]
    steering.thaw()
    return [[("", f"time goes on from {_instant_now(shell)}")]]


@command(
    ":next [N]",
    "fire the next N timers (1), then stand still",
    group="speed",
    rank=40,
    example=":next 3",
)
def _next(shell: Shell, rest: str) -> Awaitable[list[Line]]:
    if rest and not (rest.isdecimal() and int(rest)):
        raise CommandError(f":next takes how many timers, not {rest!r}: try :next 3")
    return _fired_lines(shell, int(rest or 1))


async def _fired_lines(shell: Shell, count: int) -> list[Line]:
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
    return _flowed_lines(shell, text)


@command(
    ":wait SECONDS",
    "let so much time pass",
    group="speed",
    rank=60,
    example=":wait 1.5",
)
def _wait(shell: Shell, rest: str) -> Awaitable[list[Line]]:
    try:
        seconds = float(rest)
    except ValueError:
        raise CommandError(f":wait takes seconds, not {rest!r}: try :wait 1.5") from None
    if not 0 <= seconds < math.inf:
        raise CommandError(f":wait takes 0 seconds or more, not {seconds:g}")
    if shell.loop.live.clock.frozen and seconds:
        raise CommandError(
            f"time stands still at {_instant_now(shell)}: :wait would not end; try :thaw"
        )
    return _pass_time(seconds)


async def _pass_time(seconds: float) -> list[Line]:
    await asyncio.sleep(seconds)
    return []


def _instant_now(shell: Shell) -> str:
    live = shell.loop.live
    return instant_text(live.clock.time() - live.began)
