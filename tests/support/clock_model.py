"""The clock against a model: the same program on a loop, and on a sorted list.

A program is a list of operations, done one after the other from outside the loop, which
comes to rest after each. Real time is simulated: `RealTime` passes only while a loop
waits, exactly so long as it waits.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from selectors import EVENT_READ
from typing import TYPE_CHECKING, Any

from support.timelines import settle

from asyncrepl.engine.loop import debug_control as steering
from asyncrepl.engine.loop.debug_control import next_timers
from asyncrepl.engine.loop.live_loop import LiveLoop
from asyncrepl.engine.tasks.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.engine.loop.loop_clock import Clock

__all__ = ["Model", "RealTime", "World"]


class RealTime:
    """A monotonic clock that moves while somebody polls; `soon` interrupts a wait."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._soon: list[tuple[float, Callable[[], object]]] = []
        #: What wakes a loop.
        self.wake: list[Any] = []

    def __call__(self) -> float:
        return self.now

    def soon(self, seconds: float, action: Callable[[], object]) -> None:
        """Call `action` in the wait that has lasted for so many real seconds."""
        self._soon.append((seconds, action))

    def poll(self, timeout: float | None) -> list[Any]:
        """As a selector's select, where no I/O ever comes."""
        if timeout == 0:
            return []
        if self._soon and (timeout is None or self._soon[0][0] <= timeout):
            seconds, action = self._soon.pop(0)
            self.now += seconds
            action()
            return self.wake
        if timeout is None:
            raise AssertionError("would wait for ever")
        self._soon = [(seconds - timeout, action) for seconds, action in self._soon]
        self.now += timeout
        return []


class World:
    """The program on a loop; `seen` says what ended when, in the session's seconds."""

    def __init__(self, clock: Clock, real: RealTime, *, observed: bool) -> None:
        self.loop = LiveLoop(clock)
        self.seen: list[tuple[float, str]] = []
        self.instants: list[float] = []
        self._real = real
        self._handles: dict[str, asyncio.TimerHandle] = {}
        self._tasks: list[asyncio.Task[None]] = []
        live = self.loop.live
        live.selector.poll = real.poll
        real.wake = [(key, EVENT_READ) for key in live.selector.get_map().values()]
        self.loop.use_clock(clock)
        if observed:
            self.loop.observe(Timeline())

    def now(self) -> float:
        """The loop's time; noted, since it must never run backwards."""
        self.instants.append(self.loop.time())
        return self.instants[-1]

    def timer(self, label: str, delay: float) -> None:
        """``call_later``, or ``call_at`` where the instant has passed."""
        when = self.now() + delay
        self._handles[label] = (
            self.loop.call_at(when, self._note, label)
            if delay < 0
            else self.loop.call_later(delay, self._note, label)
        )

    def cancel(self, label: str) -> None:
        """Cancel a timer."""
        self._handles[label].cancel()

    def chain(self, label: str, delays: list[float]) -> None:
        """A task that sleeps several times."""
        self._start(self._sleep(label, delays))

    def timeout(self, label: str, limit: float, delay: float) -> None:
        """A sleep in an ``asyncio.timeout``."""
        self._start(self._limited(label, limit, delay))

    def wait_for(self, label: str, limit: float, delay: float) -> None:
        """A sleep in an ``asyncio.wait_for``."""
        self._start(self._waited_for(label, limit, delay))

    def wait(self, seconds: float, after: float, rate: float) -> float:
        """Let time pass; change the rate `after` real seconds. How many that took."""
        began = self._real.now
        clock = self.loop.live.clock
        self._real.soon(after, lambda: self.loop.call_soon(setattr, clock, "rate", rate))
        self.loop.call_later(seconds, self.loop.stop)
        self.loop.run_forever()
        self._real._soon.clear()
        return self._real.now - began

    def step(self, count: int) -> tuple[int, float, bool]:
        """``:next``."""
        done = self.loop.run_until_complete(next_timers(count))
        return done.fired, done.at, done.more

    def steer(self, action: Callable[[], object]) -> None:
        """Call one of the functions that steer the running loop."""
        self.loop.call_soon(action)

    def use(self, mode: str) -> None:
        """``:clock``."""
        self.steer(lambda: steering.clock(mode))  # type: ignore[arg-type]

    def rest(self) -> None:
        """Run all that can run without time."""
        settle(self.loop)
        self.now()

    def close(self) -> None:
        """End what still runs."""
        for task in self._tasks:
            task.cancel()
        settle(self.loop)
        self.loop.close()

    def _note(self, label: str) -> None:
        self.seen.append((self.now(), label))

    def _start(self, coroutine: Any) -> None:
        self._tasks.append(self.loop.create_task(coroutine))

    async def _sleep(self, label: str, delays: list[float]) -> None:
        for delay in delays:
            await asyncio.sleep(delay)
            self._note(label)

    async def _limited(self, label: str, limit: float, delay: float) -> None:
        try:
            async with asyncio.timeout(limit):
                await asyncio.sleep(delay)
            self._note(label + " slept")
        except TimeoutError:
            self._note(label + " timed out")

    async def _waited_for(self, label: str, limit: float, delay: float) -> None:
        try:
            await asyncio.wait_for(asyncio.sleep(delay), limit)
            self._note(label + " slept")
        except TimeoutError:
            self._note(label + " timed out")


@dataclass
class _Due:
    when: float
    label: str
    rest: list[float]
    number: int
    #: How many of the loop's timers that is.
    weight: int


class Model:
    """The program on a sorted list: what is set, and what has fired."""

    def __init__(self, *, digits: int) -> None:
        self.seen: list[tuple[float, str]] = []
        self.now = 0.0
        self.frozen = False
        self._digits = digits
        self._made = 0
        self._due: list[_Due] = []

    def put(self, label: str, delay: float, *rest: float, weight: int = 1) -> None:
        """Set a timer; when it fires, one for the next of `rest`."""
        self._made += 1
        when = round(self.now + delay, self._digits)
        self._due.append(_Due(when, label, list(rest), self._made, weight))
        self._due.sort(key=lambda due: (due.when, due.number))

    def cancel(self, label: str) -> None:
        """Forget a timer."""
        self._due = [due for due in self._due if due.label != label]

    def advance(self, seconds: float) -> None:
        """Let it be later at once; never earlier."""
        self.now = round(self.now + max(seconds, 0.0), self._digits)

    def wait(self, seconds: float) -> None:
        """Let time pass, with all that happens meanwhile."""
        end = round(self.now + seconds, self._digits)
        while self._due and self._due[0].when <= end:
            self.now = max(self.now, self._due[0].when)
            self.rest()
        self.now = end

    def step(self, count: int) -> tuple[int, float, bool]:
        """``:next``."""
        self.frozen = True
        fired = 0
        while fired < count and self._due:
            self.now = self._due[0].when
            fired += self.rest()
        return fired, self.now, bool(self._due)

    def rest(self) -> int:
        """Fire what is due; how many."""
        due = [each for each in self._due if each.when <= self.now]
        self._due = self._due[len(due) :]
        for each in due:
            self.seen.append((self.now, each.label))
            if each.rest:
                self.put(each.label, *each.rest)
        return sum(each.weight for each in due)

    def limit(self, label: str, limit: float, delay: float) -> None:
        """A sleep within a limit: of two timers one fires, or both at once."""
        outcome = "slept" if delay < limit else "timed out"
        self.put(f"{label} {outcome}", min(limit, delay), weight=1 + (limit == delay))
