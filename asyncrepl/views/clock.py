"""What is said about the user's time: in answers, and in a row under the prompt.

    rate 0.5: a second takes 2 s
    time stands still at 3.2 s; :thaw goes on, :next fires the next timer
    3 timers fired at 4.05 s

Instants are seconds since the session began: those of the loop itself, on a real
clock, are as long as the machine has been running.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from asyncrepl.views.styled import Line

__all__ = ["Time", "clock_row", "clock_text", "fired_text", "instant", "rate_text"]


@dataclass(frozen=True, slots=True)
class Time:
    """The user's time at a moment: `at` is in seconds since the session began."""

    at: float
    mode: Literal["real", "virtual"]
    speed: float
    frozen: bool


def instant(seconds: float) -> str:
    """Say an instant to the millisecond: "3.2 s"."""
    return f"{seconds:.3f}".rstrip("0").rstrip(".") + " s"


def rate_text(rate: float) -> str:
    """What a rate means."""
    if rate == math.inf:
        return "rate inf: time jumps from timer to timer"
    return f"rate {rate:g}: a second takes {1 / rate:.3g} s"


def clock_text(mode: str, rate: float) -> str:
    """What a clock means."""
    if mode == "real":
        return "real clock: time passes" + f" at rate {rate:g}" * (rate != 1)
    how = "jumps from timer to timer" if rate == math.inf else f"passes at rate {rate:g}"
    return f"virtual clock: time {how}, only while a statement runs"


def fired_text(fired: int, at: float, *, more: bool) -> str:
    """What a step from timer to timer did."""
    if not fired:
        return "no timer is set: there is nothing to fire"
    timers = "1 timer" if fired == 1 else f"{fired} timers"
    return f"{timers} fired at {instant(at)}" + "; no more are set" * (not more)


def clock_row(time: Time, columns: int, *, running: bool) -> Line:
    """The user's time in at most `columns`, while it is other than plain real time."""
    texts = _frozen(time, running=running) if time.frozen else _moving(time)
    text = next((text for text in texts if len(text) <= columns), texts[-1])
    return [("name" if time.frozen else "dim", text[:columns])]


def _frozen(time: Time, *, running: bool) -> tuple[str, ...]:
    head = f"time stands still at {instant(time.at)}"
    if running:
        # A pause goes from timer to timer, also where time stood still before it.
        return (
            f"{head}, Ctrl-S steps on, Ctrl-C ends the statement",
            f"{head} (Ctrl-S, Ctrl-C)",
            "time stands still (Ctrl-S, Ctrl-C)",
            head,
        )
    return f"{head}, :thaw goes on", f"{head} (:thaw)", head


def _moving(time: Time) -> tuple[str, ...]:
    if time.speed == math.inf:
        head = f"virtual time {instant(time.at)}"
        return f"{head}, moves only while a statement runs", head
    # As many digits as change about once in a real second: more would flicker.
    digits = min(max(math.ceil(-math.log10(time.speed)), 0), 3)
    head = f"{'virtual ' * (time.mode == 'virtual')}time {time.at:.{digits}f} s"
    return (f"{head}, rate {time.speed:g}",)
