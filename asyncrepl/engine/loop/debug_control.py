"""Control over time and progress: rate, freeze, clock; from timer to timer; pause and single step.

`rate`, `freeze`, `thaw`, `clock` and `next_timers` are what ``:rate``, ``:freeze``, … do. They act
on the running loop and are to be called in its thread; that is where user code runs. A loop that
is none of asyncrepl's has no clock to control: RuntimeError.

A step of time goes to the next instant for which a timer is set, and all timers of that instant
fire. Firing only the first of several would show what never happens: where two tasks
wake at the same instant, asyncio readies both before either runs, and the first cannot
cancel the second's sleep any more. So a step is never less than an instant, and stepping
shows the very interleaving that running shows.

`DebugControl` knows two ways to stop. *Paused*, the clock is frozen: timers wait, what needs no
timer runs to its end. *At a step*, to which an iteration has just come, the thread stops as well,
at a `Breakpoint`, so that also a source that never suspends can be gone through value by value.

The user's frames in which a program is stopped: their names, values, and expressions in them.

Looking at a frame's names runs no code of the user's; a ``repr`` and an expression do,
in the loop's thread, with a time limit. Up to Python 3.12 a function's frame keeps
what ``f_locals`` once showed until it ends: so this is for whoever asks to see it.

The time limit is a signal, because that also ends what waits in C (``time.sleep``, a lock). Where
the program uses the same signal, its own handler and timer are left as they are, and
there is no limit; Ctrl-C remains.
"""

from __future__ import annotations

import asyncio
import math
import signal
import types
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, NamedTuple

from asyncrepl.engine.code_owner import is_users, location_and_source, runs_callbacks
from asyncrepl.engine.loop.live_loop import LiveLoop
from asyncrepl.engine.loop.loop_clock import Clock
from asyncrepl.engine.loop.loop_iteration import Breakpoint
from asyncrepl.engine.tasks.await_chain import await_chain
from asyncrepl.runtime.configuration import rate_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    ClockMode = Literal["real", "virtual"]


def rate(seconds: float | str | None = None) -> float:
    """Let so many seconds pass in a real one, from now on; the rate that holds.

    0.1 is slow motion. Raises ValueError for what is no rate; nor is infinity: to jump
    from timer to timer is what the virtual clock does, until it is given a rate.
    """
    steered = running_loop().live.clock
    if seconds is not None:
        steered.rate = rate_of(seconds)
    return steered.rate


def freeze() -> None:
    """Let time stand still: no timer fires any more. I/O and ``call_soon`` go on."""
    running_loop().live.clock.freeze()


def thaw() -> None:
    """Let time go on from where it was frozen."""
    running_loop().live.clock.thaw()


def clock(mode: ClockMode | None = None) -> ClockMode:
    """Live on the "real" or on the "virtual" clock from now on; the one that holds.

    Time goes on from the same instant and pending timers stay set for theirs. The virtual
    clock jumps, also if it was given a rate before. Raises ValueError for any other mode.
    """
    loop = running_loop()
    if mode is not None and mode not in {"real", "virtual"}:
        raise ValueError(f"a clock is 'real' or 'virtual', not {mode!r}")
    if mode is not None and mode != loop.live.clock.mode:
        loop.use_clock(_clock_of_other_mode(loop.live.clock))
    elif mode == "virtual":
        loop.live.clock.rate = math.inf
    return loop.live.clock.mode


def _clock_of_other_mode(before: Clock) -> Clock:
    """A clock of the other kind at the same instant, standing still if `before` does."""
    now, finite = before.time(), before.rate < math.inf
    if before.mode == "real":
        after = Clock.virtual(before.pace, rate=math.inf, start=now)
        after.move_to(now)  # the start was rounded
    else:
        after = Clock.real(rate=before.rate if finite else 1.0, start=now)
        after.pace = before.pace if before.pace < math.inf else 1.0
    if before.held:
        after.hold()
    if before.frozen:
        after.freeze()
    return after


def running_loop() -> LiveLoop:
    """The running loop, if it is one of asyncrepl's own; else RuntimeError."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop, LiveLoop):
        raise RuntimeError("time can be steered only on a loop of asyncrepl's")
    if loop.live.borrowed:
        raise RuntimeError("the time of a program is left alone")
    return loop


#: Turns of the loop after which a step is over even if the program never rests
#: (``while True: await asyncio.sleep(0)``).
MAX_ITERATIONS = 10_000


class StepResult(NamedTuple):
    """What a step did: `fired` timers fired, now it is `at` (loop time, seconds).

    `fired` is more than was asked for where timers tie, and less where no more are set;
    `more` says whether any are set still.
    """

    fired: int
    at: float
    more: bool


async def next_timers(count: int = 1) -> StepResult:
    """Freeze time, then fire the next `count` timers of the running loop; it stays frozen.

    Time moves exactly to their deadlines, and what they wake runs to its next wait.
    Timers that tie with the last one fire, too. What is due already when it is called
    runs first and does not count. Raises RuntimeError where the loop is none of asyncrepl's.
    """
    loop = running_loop()
    ended: asyncio.Future[StepResult] = loop.create_future()
    step_timers(loop, count, ended.set_result, given_up=ended.done)
    return await ended


def step_timers(
    loop: LiveLoop,
    count: int,
    done: Callable[[StepResult], object],
    *,
    given_up: Callable[[], bool] = lambda: False,
) -> None:
    """`next_timers` for a callback on the thread of `loop`: returns at once, calls `done` later.

    Once `given_up` says so, nothing more fires and `done` is not called.
    """
    clock, fired = loop.live.clock, 0

    def step() -> None:
        nonlocal fired
        if given_up():
            return
        due = min((timer.when() for timer in _set_timers(loop)), default=math.inf)
        if fired >= count or due == math.inf:
            done(StepResult(fired, clock.time(), due < math.inf))
            return
        clock.move_to(due)
        end = clock.time() + clock.resolution
        fired += sum(timer.when() < end for timer in _set_timers(loop))
        loop.when_settled(step, patience=MAX_ITERATIONS)

    clock.freeze()
    loop.when_settled(step, patience=MAX_ITERATIONS)


def _set_timers(loop: LiveLoop) -> list[asyncio.TimerHandle]:
    return [timer for timer in loop._scheduled if not timer.cancelled()]  # noqa: SLF001


#: "off": nothing is paused. "paused": time stands still. "anext": it goes on to the next
#: ``__anext__``. "step": that is reached, and all stands still.
DebugMode = Literal["off", "paused", "anext", "step"]


class DebugControl:
    """Pauses `loop`; for its thread, except `post` and reading `mode`.

    A pause freezes the clock; afterwards that is frozen if it was so before.
    """

    def __init__(self, loop: LiveLoop) -> None:
        self.mode: DebugMode = "off"
        self._loop = loop
        self._frozen = False
        self._breakpoint = loop.live.loop_breakpoint = loop.live.loop_breakpoint or Breakpoint(
            loop.live.loop_iteration, loop.call_soon_threadsafe
        )
        #: The steps that were asked for; the first of them is under way.
        self._steps: deque[Callable[[], object]] = deque()

    def post(self, action: Callable[[], object]) -> None:
        """Have `action` called in the loop's thread, also while that stands; from any thread."""
        self._breakpoint.post(action)

    def pause(self) -> None:
        """Let time stand still from now on; steps that are not done are forgotten."""
        clock = self._loop.live.clock
        if self.mode == "off":
            self._frozen = clock.frozen
        if self.mode != "step":
            self.mode = "paused"
        self._steps = deque()
        clock.freeze()

    def resume_all(self) -> None:
        """Let time run on as before the pause; does nothing where nothing is paused."""
        if self.mode != "off":
            self.pause()
            self._leave("off")
            if not self._frozen:
                self._loop.live.clock.thaw()

    # -- steps: one after the other, however quickly they are asked for ------------------

    def next_timer(self, done: Callable[[StepResult], object]) -> None:
        """Let time pass up to the next timer, and what comes of it happen; then call `done`."""

        def to_timer() -> None:
            self._leave("paused")
            steps = self._steps
            step_timers(self._loop, 1, stepped, given_up=lambda: self._steps is not steps)

        def stepped(step: StepResult) -> None:
            done(step)
            self._step_done()

        self._request_step(to_timer)

    def next_anext(self, begins: Callable[[], object]) -> None:
        """Let all go on until an iteration asks for its next value (see `reached`).

        `begins` is called first, if it does not go on from such a step. If it returns False,
        all stays as it is.
        """

        def to_anext() -> None:
            if self.mode != "step" and begins() is False:
                self._step_done()
            else:
                self._leave("anext")
                self._loop.live.clock.thaw()

        self._request_step(to_anext)

    def reached(self) -> None:
        """An iteration has asked for its next value: stand still, if that was waited for."""
        if self.mode != "anext":
            return
        self._loop.live.clock.freeze()
        self.mode = "step"
        self._step_done()
        if self.mode != "step":
            return
        try:
            self._breakpoint.here()
        except BaseException:  # a Ctrl-C: what cleans up now may need time
            self.resume_all()
            raise
        if self.mode == "step":  # left because something else is to happen
            self.mode = "paused"

    def _request_step(self, step: Callable[[], object]) -> None:
        if self.mode == "off":
            self.pause()
        self._steps.append(step)
        if len(self._steps) == 1:
            step()

    def _step_done(self) -> None:
        self._steps.popleft()
        if self._steps:
            self._steps[0]()

    def _leave(self, mode: DebugMode) -> None:
        self.mode = mode
        self._breakpoint.leave()


_RAISE_INTERVAL = 0.1  # seconds: code that catches everything gets another


class TimeUpError(BaseException):
    """The limit has passed. Not an Exception: user code is not to catch it in passing."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeUpError in the block when it takes longer; for the main thread."""
    if signal.getsignal(signal.SIGALRM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGALRM, _raise_time_up)
    signal.setitimer(signal.ITIMER_REAL, seconds, _RAISE_INTERVAL)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)


def _raise_time_up(*_: object) -> None:
    raise TimeUpError


#: Seconds for one ``repr``, and for an expression with its ``repr``.
REPR_LIMIT, EVALUATION_LIMIT = 0.2, 1.0
#: A value's text is cut here.
MAX_TEXT_LENGTH = 2000
#: What a statement mentions at the top level without being about it.
_HIDDEN_TYPES = (types.ModuleType, type, types.FunctionType, types.BuiltinFunctionType)


class FrameScope(NamedTuple):
    """A frame: its function, its line as "FILE:LINE" with its text, names and values as text."""

    function: str
    where: str
    source: str
    names: list[tuple[str, str]]


def frames_of(task: object) -> list[FrameType]:
    """The user's frames in which a suspended task waits, innermost first.

    Where it awaits another task, those of that one come before.
    """
    found: list[FrameType] = []
    awaited: set[int] = set()
    while task is not None and id(task) not in awaited:
        awaited.add(id(task))
        chain = await_chain(task)
        frames = [link.frame for link in chain if link.frame is not None]
        found += [each for each in frames if is_users(each.f_code.co_filename)]
        task = chain[-1].subject if chain and chain[-1].kind == "task" else None
    return found[::-1]


def frames_here(frame: FrameType | None) -> list[FrameType]:
    """The user's frames around `frame`, which runs, in this callback of the loop."""
    found = []
    while frame is not None and not runs_callbacks(frame.f_code):
        if is_users(frame.f_code.co_filename):
            found.append(frame)
        frame = frame.f_back
    return found


def scope_of(frame: FrameType) -> FrameScope:
    """The names of `frame`; at the top level those that its code mentions."""
    where, source = location_and_source(frame.f_code.co_filename, frame.f_lineno)
    scope, code = frame.f_locals, frame.f_code
    if scope is not frame.f_globals:
        names = [name for name in list(scope) if name.isidentifier()]
    else:
        mentioned = [name for name in code.co_names if name in scope]
        names = [name for name in mentioned if not isinstance(scope[name], _HIDDEN_TYPES)]
    values = [(name, value_text(scope[name])) for name in names]
    return FrameScope(code.co_qualname, where, source, values)


def evaluate(expression: str, frames: list[FrameType]) -> object:
    """The value of `expression` with the names of `frames`, which begin with the innermost.

    Of equal names the innermost counts. Raises what it raises, and TimeUpError after a second. The
    frames' names stay as they are: what the expression binds is forgotten.
    """
    # One dict, as globals: a comprehension in the expression sees no locals of an eval.
    scope: dict[str, object] = {}
    for frame in reversed(frames):
        scope |= frame.f_globals
        scope |= frame.f_locals
    code = compile(expression.strip(), "<evaluated>", "eval", dont_inherit=True)
    with time_limit(EVALUATION_LIMIT):
        return eval(code, scope)


def value_text(value: object, limit: float = REPR_LIMIT) -> str:
    """The ``repr`` of `value`, cut; where it fails, or takes longer than `limit` seconds, why."""
    try:
        with time_limit(limit):
            text = repr(value)
    except TimeUpError:
        return f"<{type(value).__qualname__}: its repr takes longer than {limit} s>"
    except Exception as error:
        return f"<{type(value).__qualname__}: its repr raises {type(error).__name__}>"
    return text if len(text) <= MAX_TEXT_LENGTH else text[:MAX_TEXT_LENGTH] + "…"
