"""Commands for time: the user's clock, and how long a statement takes.

``:time STATEMENT`` measures over repeated runs, and gives two times for what awaits. It does what
`timeit` does, by its rules: more runs in one measurement until that is long enough for the clock,
several measurements, the garbage collector off meanwhile. Two things are different here:

- A statement that awaits is driven step by step, each step timed. Their sum is the time it *ran*;
  the rest it was *suspended*, for others to run. One number for both tells nothing: a statement
  that takes 0.33 s may keep the loop busy for all of it, or for none.
- Other tasks must get their turn: a measurement is at most 50 ms of work, then the loop goes on.

The code is compiled without the probes that watch for mistakes; only the first run, which is not
measured unless it is long, would be worth a report, and its error gets one.

Time is real time. Where the session's clock is another one, what it says is told as well.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import math
import types
from itertools import repeat
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from asyncrepl.engine.code_owner import cut_to_user_part, reached_location
from asyncrepl.engine.loop import debug_control as steering
from asyncrepl.engine.loop.debug_control import next_timers
from asyncrepl.engine.statements import REPETITION, REPETITIONS, Outcome
from asyncrepl.runtime.configuration import CLOCKS
from asyncrepl.session.command_registry import CommandError, StatementFailedError, command
from asyncrepl.views.explanation_lines import load_rules
from asyncrepl.views.styled_lines import flowed
from asyncrepl.views.time_display import clock_text, fired_text, instant_text, rate_text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Generator

    from asyncrepl.session.shell import Shell
    from asyncrepl.syntax.sources import Source
    from asyncrepl.views.styled_lines import Line


@command(
    ":rate [N]",
    "slow motion, or fast: N seconds in a real one",
    own_loop=True,
    group="speed",
    rank=10,
    example=":rate 0.1",
    complete=lambda _shell, _typed: ("0.1", "0.5", "1", "10"),
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
    own_loop=True,
    group="speed",
    rank=50,
    example=":clock virtual",
    complete=lambda _shell, _typed: CLOCKS,
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
    ":freeze", "let your code's time stand still", group="speed", rank=20, words=0, own_loop=True
)
def _freeze(shell: Shell, _rest: str) -> list[Line]:
    already = " already" * shell.loop.live.clock.frozen
    steering.freeze()
    stands = f"time stands still{already} at {_instant_now(shell)}"
    return _flowed_lines(shell, f"{stands}; :thaw goes on, :next fires the next timer")


@command(":thaw", "let time go on", group="speed", rank=30, words=0, own_loop=True)
def _thaw(shell: Shell, _rest: str) -> list[Line]:
    if not shell.loop.live.clock.frozen:
        return [[("dim", "time does not stand still")]]
    steering.thaw()
    return [[("", f"time goes on from {_instant_now(shell)}")]]


@command(
    ":next [N]",
    "fire the next N timers (1), then stand still",
    own_loop=True,
    group="speed",
    rank=40,
    example=":next 3",
)
async def _next(shell: Shell, rest: str) -> list[Line]:
    """Fire the next timers; then real time stands still, even if it did not before.

    A virtual clock stands still between the inputs anyway: there the next one need not
    be preceded by a ``:thaw``.
    """
    if rest and not (rest.isdecimal() and int(rest)):
        raise CommandError(f":next takes how many timers, not {rest!r}: try :next 3")
    clock = shell.loop.live.clock
    ran = not clock.frozen
    done = await next_timers(int(rest or 1))
    text = fired_text(done.fired, done.at - shell.loop.live.began, more=done.more)
    if ran and (clock.mode == "virtual" or not done.fired):
        steering.thaw()
    elif ran:
        text += "; time stands still now, :thaw goes on"
    return _flowed_lines(shell, text)


@command(":wait SECONDS", "let so much time pass", group="speed", rank=60, example=":wait 1.5")
async def _wait(shell: Shell, rest: str) -> list[Line]:
    if not rest:
        raise CommandError(":wait takes seconds: try :wait 1.5")
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
    await asyncio.sleep(seconds)
    return []


def _instant_now(shell: Shell) -> str:
    live = shell.loop.live
    return instant_text(live.clock.time() - live.began)


_MEASUREMENTS = 7
_WORTH_MEASURING, _MAX_MEASUREMENT, _BUDGET = 0.02, 0.05, 3.0  # seconds
_MAX_RUNS = 1_000_000
_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


class Measured(NamedTuple):
    """A measurement of `runs` runs: seconds of real time, of that run, and by the user's clock."""

    runs: int
    real: float
    ran: float
    clock: float


@command(
    ":time STATEMENT",
    "measure a statement; apart, what it waits",
    group="seeing",
    rank=60,
    example=":time await asyncio.sleep(0.1)",
    details="In real time, as timeit does. Of a statement that awaits, the time it ran is "
    "told apart from the time it was suspended.\nWhat slows time down, stops it or jumps: "
    ":help speed.",
    elsewhere="timeit",
)
def _time(shell: Shell, rest: str) -> Awaitable[list[Line]]:
    if not rest:
        raise CommandError(":time takes a statement: try :time sum(range(1000))")
    prepared = shell.session.prepare(rest)
    if isinstance(prepared, Outcome):
        raise StatementFailedError(prepared)
    return _timed(shell, prepared[0])


async def _timed(shell: Shell, source: Source) -> list[Line]:
    code = shell.session.repeated_code(source)
    load_rules()  # a mistake in a function that it calls is told meanwhile: that is measured, too
    try:
        measured = await _measurements(shell, code)
    except BaseException as error:
        raise StatementFailedError(_outcome(source, error)) from None
    awaits = bool(code.co_flags & inspect.CO_COROUTINE)
    clock = shell.loop.live.clock
    plain = clock.mode == "real" and clock.speed == 1
    return _told(measured, awaits=awaits, clock=not plain, ascii=shell.console.ascii)


def _outcome(source: Source, error: BaseException) -> Outcome:
    cut_to_user_part(error)
    if not issubclass(type(error), KeyboardInterrupt | asyncio.CancelledError):
        return Outcome(source, error)
    where = reached_location(error.__traceback__)
    interrupt = KeyboardInterrupt().with_traceback(error.__traceback__)
    return Outcome(source, interrupt, interrupted=True, where=where)


async def _measurements(shell: Shell, code: types.CodeType) -> list[Measured]:
    """The measurements that count; the first ones only tell how many runs one needs."""
    runs, spent, measured = 1, 0.0, list[Measured]()
    while len(measured) < _MEASUREMENTS and (spent < _BUDGET or not measured):
        one = await _measure(shell, code, runs)
        spent += one.real
        await asyncio.sleep(0)
        if not measured and one.real < _WORTH_MEASURING and runs < _MAX_RUNS:
            runs = _more_runs(runs, one.real)
        else:
            measured.append(one)
    return measured


def _more_runs(runs: int, seconds: float) -> int:
    """More runs, a round number, for `runs` take only so many seconds: at most ten times as many.

    The first run imports, fills caches, takes longer than all others: it does not say enough.
    """
    wanted = min(runs * 10, int(runs * _MAX_MEASUREMENT / max(seconds, 1e-9)), _MAX_RUNS)
    size: int = 10 ** (len(str(wanted)) - 1)
    return max(next(size * digit for digit in (5, 2, 1) if size * digit <= wanted), runs + 1)


async def _measure(shell: Shell, code: types.CodeType, runs: int) -> Measured:
    """Run `code`, which repeats a statement, so many times."""
    namespace, collects = shell.session.namespace, gc.isenabled()
    namespace[REPETITIONS] = repeat(None, runs)
    gc.disable()
    spent = [0.0]
    clock, began = shell.loop.time(), perf_counter()
    try:
        coroutine = eval(code, namespace)
        if coroutine is not None:
            await _driven(coroutine, spent)
        real = perf_counter() - began
    finally:
        if collects:
            gc.enable()
        for name in (REPETITIONS, REPETITION):
            namespace.pop(name, None)
    ran = real if coroutine is None else spent[0]
    return Measured(runs, real, ran, shell.loop.time() - clock)


@types.coroutine
def _driven(coroutine: Any, spent: list[float]) -> Generator[Any, Any, None]:
    """Await `coroutine`, and add to `spent` the seconds in which it ran."""
    error: BaseException | None = None
    while True:
        began = perf_counter()
        try:
            awaited = coroutine.send(None) if error is None else coroutine.throw(error)
        except StopIteration:
            return
        finally:
            spent[0] += perf_counter() - began
        error = None
        try:
            yield awaited
        except BaseException as thrown:
            error = thrown


def _told(measured: list[Measured], *, awaits: bool, clock: bool, ascii: bool) -> list[Line]:
    """What is said of the measurements, in lines."""
    import statistics  # brings fractions and decimals: not for who measures nothing

    def say(seconds: float) -> str:
        return span(seconds, ascii=ascii)

    each = [one.real / one.runs for one in measured]
    mean = statistics.fmean(each)
    first: Line = [("value", say(mean)), ("", " a run")]
    if awaits:
        ran = statistics.fmean([one.ran / one.runs for one in measured])
        share = f" ({round(100 * (mean - ran) / mean)} %)" if mean else ""
        first.append(("", f": ran {say(ran)}, suspended {say(mean - ran)}{share}"))
    spread = statistics.stdev(each) if len(each) > 1 else 0.0
    runs = f"{measured[0].runs:,} run" + ("" if measured[0].runs == 1 else "s")
    counted = f"{len(each)} times {runs}" if len(each) > 1 else f"of {runs}"
    told = f"best {say(min(each))}, worst {say(max(each))}, deviation {say(spread)}; {counted}"
    lines = [first, [("dim", told if len(each) > 1 else counted)]]
    if clock:
        passed = statistics.fmean([one.clock / one.runs for one in measured])
        lines.append([("dim", f"by the session's clock: {say(passed)} a run")])
    return lines


def span(seconds: float, *, ascii: bool = False) -> str:
    """So many `seconds` with three digits that count: ``1.23 µs``, ``331 ms``.

    With `ascii` a ``u`` stands for the ``µ``.
    """
    if seconds <= 0:
        return "0 s"
    size, unit = next((each for each in _UNITS if seconds >= each[0] * 0.9995), _UNITS[-1])
    number = seconds / size
    digits = 2 if number < 9.995 else 1 if number < 99.95 else 0
    return f"{number:.{digits}f} {unit.replace('µ', 'u') if ascii else unit}"
