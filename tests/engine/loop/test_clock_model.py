"""Random programs on the clock do what a sorted list of timers does.

More examples: ``CLOCK_EXAMPLES=20000 pytest tests/engine/loop/test_clock_model.py``.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.clock_model import Model, RealTime, World

from asyncrepl.engine.loop.loop_clock import SLACK, Clock

if TYPE_CHECKING:
    Op = tuple[Any, ...]

EXAMPLES = int(os.environ.get("CLOCK_EXAMPLES", "100"))
#: Seconds that sums of floats, and asyncio's own resolution, may be off in real time.
NEAR = 1e-6

#: Whole hundredths: sums of them tie, also where they are written as other sums.
delays = st.integers(1, 200).map(lambda number: number / 100) | st.just(1 / 3)
rates = st.sampled_from([0.1, 0.5, 1.0, 3.0, 100.0])
OPERATIONS: dict[str, st.SearchStrategy[Op]] = {
    "timer": st.tuples(st.just("timer"), delays | st.just(-1.0)),
    "cancel": st.tuples(st.just("cancel"), st.integers(0, 9)),
    "chain": st.tuples(st.just("chain"), st.lists(delays, min_size=1, max_size=4)),
    "timeout": st.tuples(st.just("timeout"), delays, delays),
    "wait_for": st.tuples(st.just("wait_for"), delays, delays),
    "wait": st.tuples(st.just("wait"), delays, delays, rates),
    "advance": st.tuples(st.just("advance"), delays | st.just(-1.0)),
    "next": st.tuples(st.just("next"), st.integers(1, 4)),
    "rate": st.tuples(st.just("rate"), rates),
    "freeze": st.tuples(st.just("freeze")),
    "thaw": st.tuples(st.just("thaw")),
    "clock": st.tuples(st.just("clock"), st.sampled_from(["real", "virtual"])),
}
LIMITED = (OPERATIONS["timeout"], OPERATIONS["wait_for"])


def programs(*but: str) -> st.SearchStrategy[list[Op]]:
    """Operations other than those; where time is moved on by hand, none with a limit.

    A limit and a sleep that are both overdue are not what the sorted list knows about.
    """
    known = [operation for name, operation in OPERATIONS.items() if name not in but]
    unlimited = [operation for operation in known if operation not in LIMITED]
    unmoved = [operation for operation in known if operation is not OPERATIONS["advance"]]
    return st.lists(st.one_of(unlimited), max_size=25) | st.lists(st.one_of(unmoved), max_size=25)


quick = settings(
    max_examples=EXAMPLES,
    derandomize="CLOCK_EXAMPLES" not in os.environ,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch) -> RealTime:
    """Real time, simulated."""
    real = RealTime()
    monkeypatch.setattr("asyncrepl.engine.loop.loop_clock.monotonic", real)
    return real


class Both:
    """Does each operation in the world and in the model, and compares what comes of it."""

    def __init__(self, clock: Clock, real: RealTime, *, observed: bool) -> None:
        self.exact = clock.mode == "virtual"
        self.world = World(clock, real, observed=observed)
        self.model = Model(digits=9 if self.exact else 15)
        self._labels = 0

    def run(self, program: list[Op]) -> None:
        """The whole program, and then all that is still set."""
        try:
            for operation, *values in program:
                getattr(self, f"_{operation}")(*values)
                self.world.rest()
                self.model.rest()
                assert self.world.loop.live.clock.frozen == self.model.frozen
            self._next(10_000)
            self.world.rest()
            self.compare()
        finally:
            self.world.close()

    def compare(self) -> None:
        """The same things happened at the same instants in the same order."""
        world, model = self.world.seen, self.model.seen
        assert len(world) == len(model)
        assert [at for at, _ in world] == pytest.approx([at for at, _ in model], abs=NEAR)
        for ours, theirs in zip(_instants(world), _instants(model), strict=True):
            assert Counter(ours) == Counter(theirs)
            for kind in "pc" if self.exact else "":
                assert _of(kind, ours) == _of(kind, theirs)
        if self.exact:
            assert {at for at, _ in world} == {at for at, _ in model}
        assert all(before <= after for before, after in pairwise(self.world.instants))

    def _label(self, kind: str) -> str:
        self._labels += 1
        return f"{kind}{self._labels}"

    def _apart(self, seconds: float) -> float:
        """An end that no timer shares: in real time it is open which of them comes first."""
        self._labels += 1
        return seconds if self.exact else seconds + math.sqrt(self._labels) % 1 / 200

    def _timer(self, delay: float) -> None:
        self._both("timer", "put", self._label("p"), delay)

    def _cancel(self, number: int) -> None:
        if (label := f"p{number}") in self.world._handles:
            self._both("cancel", "cancel", label)

    def _chain(self, delays: list[float]) -> None:
        label = self._label("c")
        self.world.chain(label, delays)
        self.model.put(label, *delays)

    def _timeout(self, limit: float, delay: float) -> None:
        self._both("timeout", "limit", self._label("t"), limit, delay)

    def _wait_for(self, limit: float, delay: float) -> None:
        if limit != delay:  # Python 3.11 decides otherwise, and by more turns
            self._both("wait_for", "limit", self._label("w"), limit, delay)

    def _wait(self, seconds: float, after: float, rate: float) -> None:
        if self.model.frozen:
            return
        seconds, clock = self._apart(seconds), self.world.loop.live.clock
        before = clock.rate
        took = self.world.wait(seconds, after, rate)
        self.model.wait(seconds)
        if clock.speed < math.inf:
            # Up to so much of a wait that is cut short takes no virtual time.
            free = SLACK if clock.mode == "virtual" else 0.0
            least, most = (_real(seconds, before, after, rate, each) for each in (0.0, free))
            assert least - NEAR <= took <= most + NEAR
        clock.rate = before

    def _advance(self, seconds: float) -> None:
        seconds = self._apart(seconds)
        clock = self.world.loop.live.clock
        clock.move_to(round(clock.time() + seconds, 9) if self.exact else clock.time() + seconds)
        self.model.advance(seconds)

    def _next(self, count: int) -> None:
        fired, at, more = self.world.step(count)
        if self.exact:
            assert (fired, at, more) == self.model.step(count)
        else:
            # Near ties may be one instant here and two there: go as far as the world did.
            assert fired >= count or not more
            assert self.model.step(fired) == (fired, pytest.approx(at, abs=NEAR), more)

    def _rate(self, rate: float) -> None:
        self.world.loop.live.clock.rate = rate

    def _freeze(self) -> None:
        self.world.loop.live.clock.freeze()
        self.model.frozen = True

    def _thaw(self) -> None:
        self.world.loop.live.clock.thaw()
        self.model.frozen = False

    def _clock(self, mode: str) -> None:
        self.world.use(mode)

    def _both(self, ours: str, theirs: str, *values: Any) -> None:
        getattr(self.world, ours)(*values)
        getattr(self.model, theirs)(*values)


def _instants(seen: list[tuple[float, str]]) -> list[list[str]]:
    """What happened, instant by instant; those that nearly tie are one."""
    groups: list[list[str]] = []
    last = -math.inf
    for at, label in seen:
        if at - last > NEAR:
            groups.append([])
        groups[-1].append(label)
        last = at
    return groups


def _of(kind: str, labels: list[str]) -> list[str]:
    return [label for label in labels if label.startswith(kind)]


def _real(seconds: float, before: float, after: float, rate: float, free: float) -> float:
    """How long a wait takes whose rate changes `after` real seconds."""
    passed = max(after - free, 0.0) * before
    return seconds / before if passed >= seconds else after + (seconds - passed) / rate


@quick
@given(programs("clock"), st.booleans())
def test_a_virtual_clock_is_a_sorted_list(program: list[Op], observed: bool) -> None:
    """On a clock that jumps each timer fires at its very instant, ties in their order."""
    Both(Clock.virtual(), RealTime(), observed=observed).run(program)


@quick
@given(program=programs("clock"), observed=st.booleans(), rate=rates)
def test_a_paced_virtual_clock_is_no_other(
    real: RealTime, program: list[Op], observed: bool, rate: float
) -> None:
    """At any rate the same happens at the same instants; only the waits take real time."""
    Both(Clock.virtual(1.0, rate=rate), real, observed=observed).run(program)


@quick
@given(program=programs("clock"), observed=st.booleans(), rate=rates)
def test_a_steered_real_clock_loses_nothing(
    real: RealTime, program: list[Op], observed: bool, rate: float
) -> None:
    """Changed, frozen and stepped, real time fires every timer once, none early, in order.

    A change of the rate in the middle of a wait counts from that moment on.
    """
    Both(Clock.real(rate=rate, start=0.0), real, observed=observed).run(program)


@quick
@given(program=programs("advance"), observed=st.booleans())
def test_the_clock_may_be_changed_for_another(
    real: RealTime, program: list[Op], observed: bool
) -> None:
    """From real to virtual and back, with timers pending: none is lost, none comes early."""
    Both(Clock.real(start=0.0), real, observed=observed).run(program)
