"""One asynchronous iteration under way: which of the six steps it is in, and what it emits.

Nothing of ours stands between a loop and what it awaits: the proxy that a traced loop iterates
over (see `asyncrepl.engine.iteration.tracer`) hands on the very awaitable that ``__anext__`` gave.
What is needed is known from two instants, when the value was asked for and when it is bound, and
from the number of the loop's iteration at each: a task that suspends gives that iteration up and
is woken in a later one, so the value was there at once exactly if the number is still the same.

What does not work:

- A driver around the awaitable: it shows in tracebacks, in ``cr_await``, in
  ``stacklevel`` and in the recursion limit; of CPython's own tests some fail.
- Counting slices to see whether it suspended: the first step of an eager task is a
  slice within that of its maker.
- Keeping values, iterators or awaitables: they would live longer than they do.

When it is over, two things are known of it and of nothing that was not traced. *The error step*:
from which step an error came. *Starvation*: whether others were ready all the time and never ran,
how long the body ran without suspending, and whether source and body waited alternately.
"""

from __future__ import annotations

import asyncio
import weakref
from types import AsyncGeneratorType
from typing import TYPE_CHECKING, Any, Literal, Protocol

from asyncrepl.engine.iteration.iteration_emission import (
    awaitable_kind,
    binding_text,
    concurrent_tasks,
    detail_of,
    next_emitted,
)
from asyncrepl.engine.tasks.await_chain import name_of_type
from asyncrepl.events.findings import Finding
from asyncrepl.events.iteration_events import (
    NO_TASKS,
    AwaitableGiven,
    AwaitableKind,
    BodyFinished,
    ConcurrentTasks,
    EndReason,
    Iteration,
    IterationBegan,
    IterationEnded,
    IterationJoined,
    RoundsSummary,
    StepSuspended,
    ValueBound,
)
from asyncrepl.events.object_info import ObjectInfo, place_at

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType, TracebackType

    from asyncrepl.engine.iteration.iteration_emission import Detail
    from asyncrepl.engine.loop.loop_iteration import LoopIteration
    from asyncrepl.engine.tasks.timeline import Timeline
    from asyncrepl.events.finding_log import FindingLog
    from asyncrepl.events.findings import FindingKind
    from asyncrepl.events.iteration_events import IterationEvent, LoopSite

    class _OpenIterations(Protocol):
        """What an iteration needs of those under way, whose module imports this one."""

        dropped: list[IterationState]

        def leave(self, state: IterationState) -> None: ...
        def end_clauses(
            self, how: EndReason | None, error: str, parent: IterationState | None = None
        ) -> None: ...
        def look_at(self, state: IterationState) -> None: ...
        def look_away(self, state: IterationState) -> None: ...

    class _Tracer(Protocol):
        """What an iteration needs of its tracer, whose module imports this one."""

        loop_iteration: LoopIteration
        timeline: Timeline
        findings: FindingLog
        asked: Callable[[], object] | None

        @property
        def open_iterations(self) -> _OpenIterations: ...
        def emit(self, event: IterationEvent) -> None: ...
        def ready(self) -> int: ...
        def ended(self, iteration: IterationState, event: IterationEnded) -> None: ...
        def cancelled(self) -> EndReason | None: ...
        def enter(self, iteration: IterationState, frame: FrameType) -> None: ...
        def drop(self, iteration: IterationState) -> None: ...
        def settle(self, how: EndReason, error: str = "") -> None: ...
        def goes_on(self, iteration: IterationState) -> None: ...


#: Where an iteration is: its operand is being evaluated; steps 1, 3 and 5; over.
IterationPhase = Literal["operand", "aiter", "await", "body", "over"]


def error_step(
    phase: IterationPhase, site: LoopSite, traceback: TracebackType | None
) -> EndReason:
    """How an error in this phase ends an iteration; `traceback` is the loop's own."""
    if phase == "aiter":
        return "refused"
    if phase == "body":
        return "body"
    if traceback is not None and traceback.tb_next is None:
        place = place_at(traceback.tb_frame.f_code, traceback.tb_lasti)
        if place is not None and (place.lineno, place.column) == site.bound:
            return "bind"  # the error arose where the target stands
    return "source"


#: A body that runs so many nanoseconds in one go, and an iteration of so many items or
#: nanoseconds, keep others waiting in a way that can be felt.
LONG_BODY, MANY_ITEMS = 5_000_000, 100

NO_FACTS = ObjectInfo(object)


def facts_of_iterable(iterable: Any) -> ObjectInfo:
    """What is kept of what is iterated over: its type, and the code of a generator."""
    kind = type(iterable)
    return ObjectInfo(kind, iterable.ag_code if kind is AsyncGeneratorType else None)


def find_starvation(iteration: IterationState, ended: IterationEnded) -> None:
    """Note what `iteration`, which has `ended`, shows of neighbours that never ran."""
    if ended.items == 0:
        return
    # Once may be the machine's doing, which was busy with something else.
    if iteration.long_bodies > 1 and 2 * iteration.long_bodies >= ended.items:
        _note_finding(iteration, "hogged", iteration.longest_body // 1_000_000)
    # To give way between the items takes more than one.
    lasts = ended.items >= MANY_ITEMS or (ended.items > 1 and ended.took >= LONG_BODY)
    if lasts and iteration.ready and not ended.suspended and not iteration.body_suspended:
        _note_finding(iteration, "starved")
    elif ended.how == "exhausted" and ended.items > 1 and iteration.body_suspended == ended.items:
        kind: FindingKind = "alternating" if ended.suspended >= ended.items else "sequential"
        seen = Finding(kind, iteration.iterable_facts, *iteration.place)
        iteration.tracer.findings.tentative.append(seen)


def find_repetition(iteration: IterationState, ended: IterationEnded) -> None:
    """Note that `iteration` found nothing, of an iterator that had come to its end elsewhere."""
    iterator = iteration.own_iterator() if iteration.own_iterator is not None else None
    if iterator is None or ended.how != "exhausted":
        return
    over = iteration.tracer.findings.over
    before, place = over.get(id(iterator), (None, None))
    if before is not None and before() is iterator and place != iteration.place:
        if ended.items == 0:
            _note_finding(iteration, "exhausted")
    elif ended.items and len(over) < MANY_ITEMS:
        assert iteration.own_iterator is not None
        over[id(iterator)] = iteration.own_iterator, iteration.place


def _weak(iterator: object) -> weakref.ref[Any] | None:
    try:
        return weakref.ref(iterator)
    except TypeError:  # its class has slots, and none for this
        return None


def _note_finding(iteration: IterationState, what: FindingKind, milliseconds: int = 0) -> None:
    seen = Finding(what, iteration.iterable_facts, *iteration.place, milliseconds)
    iteration.tracer.findings.add(seen)


class IterationState:
    """An iteration under way, and the context manager that a traced ``async for`` stands in.

    `detail` says whether it is told at all. `parent` is the iteration it happens in.
    """

    __slots__ = (
        "_asked", "_asked_in", "_began", "_body", "_body_began_in", "_broke", "_got",
        "_next_emitted", "_round_detail", "_slices", "_slices_asked", "_sum", "_suspended",
        "_waited", "body_suspended", "detail", "frame", "iterable_facts", "iteration",
        "long_bodies", "longest_body", "on", "own_iterator", "parent", "phase", "place",
        "ready", "round", "tracer", "watched_lane", "where",
    )  # fmt: skip

    def __init__(
        self,
        tracer: _Tracer,
        iteration: Iteration,
        parent: IterationState | None,
        detail: Detail,
        place: tuple[CodeType, int],
    ) -> None:
        self.tracer = tracer
        self.place = place
        self.iteration = iteration
        self.parent = parent
        self.detail = detail
        self.frame = 0
        self.phase: IterationPhase = "operand"
        self.round = 0
        self.on = self.where = ""
        #: The lane in which it is looked at; 0 for none.
        self.watched_lane = 0
        #: What a finding about it will say of it: see `find_starvation`.
        self.iterable_facts = NO_FACTS
        #: What it takes the items of, if that is an object that is its own iterator.
        self.own_iterator: weakref.ref[Any] | None = None
        self.ready = self.long_bodies = self.longest_body = self.body_suspended = 0
        self._body_began_in = 0
        self._round_detail: Detail = "sum"
        #: The next round to be told; none if the iteration is not told step by step.
        self._next_emitted = 1 if detail == "full" else 0
        self._broke = False
        self._asked_in = 0
        self._began: int | None = None
        self._asked = self._got = 0
        self._waited = self._body = self._suspended = 0
        #: What of the totals was told already: round, suspended, waited, body, slice.
        self._sum = (0, 0, 0, 0, 0)
        self._slices = self._slices_asked = tracer.timeline.count

    @property
    def emits_steps(self) -> bool:
        """Whether the round under way is told by itself: then so is what happens in it."""
        return self.detail == "full" and self._round_detail == "full"

    # -- as a context manager, around a loop that is a statement -----------------------

    def __enter__(self) -> None:
        """Nothing is bound: it would show."""

    def __exit__(
        self, _: object, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.tracer.open_iterations.leave(self)
        if self.phase == "over":
            return
        if error is None:
            self.tracer.settle("unknown")
            self.end("break" if self._broke else "return")
            return
        name = name_of_type(type(error))
        self.tracer.settle("source", name)
        cancelled = self.tracer.cancelled()
        self.tracer.open_iterations.end_clauses(cancelled, name, self)
        if isinstance(error, GeneratorExit):
            self.end("closed", name)
        elif isinstance(error, asyncio.CancelledError) and cancelled:
            self.end(cancelled, name)
        else:
            self.end(error_step(self.phase, self.iteration.site, traceback), name)

    def mute(self) -> None:
        """Nobody listens any more."""
        self.detail = self._round_detail = "sum"
        self._next_emitted = 0

    def broke(self) -> None:
        """The body says ``break``."""
        self._broke = True

    # -- the steps ---------------------------------------------------------------------

    def begin(self, iterable: object, iterator: object) -> None:
        """Step 1 is done: `iterable` has given `iterator`. Neither is kept."""
        self._began = now = self.tracer.timeline.ns()
        self._sum = (0, 0, 0, 0, self._slices)
        self.iterable_facts = facts_of_iterable(iterable)
        if iterator is iterable and type(iterator) is not AsyncGeneratorType:
            self.own_iterator = _weak(iterator)
        self.ready = self.tracer.ready()
        if self.detail == "full":
            itself = iterator is iterable
            names = name_of_type(type(iterable)), name_of_type(type(iterator))
            self.tracer.emit(IterationBegan(self.iteration, now, *names, itself))

    def join(self, *, waiting: bool) -> None:
        """It is under way: in step 3 if it is `waiting`, else in its body."""
        self._began = self._asked = self._got = now = self.tracer.timeline.ns()
        self._asked_in = self.tracer.loop_iteration.number
        self.phase = "await" if waiting else "body"
        self.round = 1
        self._sum = (0 if waiting else 1, 0, 0, 0, self._slices)
        self._round_detail = "line" if waiting else "sum"
        self._next_emitted = 2
        self.tracer.emit(IterationJoined(self.iteration, now))

    def ask(self) -> None:
        """Step 2 begins; if a round went before, its body is over."""
        tracer = self.tracer
        if tracer.open_iterations.dropped:
            tracer.goes_on(self)
        now = tracer.timeline.ns()
        if self.phase == "body":
            self._body_done(now)
        self.phase = "await"
        self.round = number = self.round + 1
        self._asked_in = tracer.loop_iteration.number
        told = number == self._next_emitted or tracer.asked
        self._round_detail = self._begin_emitted_round(number) if told else "sum"
        self._asked = now

    def _body_done(self, now: int) -> None:
        took = now - self._got
        self._body += took
        if self.tracer.loop_iteration.number != self._body_began_in:
            self.body_suspended += 1
        elif took > LONG_BODY and self.tracer.ready():
            self.long_bodies += 1
            self.longest_body = max(self.longest_body, took)
        if self._round_detail == "full":
            self.tracer.emit(BodyFinished(self.iteration, self.round, now, took))

    def _begin_emitted_round(self, number: int) -> Detail:
        """A round begins of which something is to be told."""
        self._next_emitted = next_emitted(number)
        self._slices_asked = self.tracer.timeline.count
        self.on = self.where = ""
        self.tracer.open_iterations.look_at(self)
        if self.tracer.asked is None:
            return detail_of(number)
        self.detail = "full"
        return "full"

    def asked(self, awaitable: object) -> None:
        """Step 2 is done."""
        if self._round_detail == "full":
            self.emit_asked(name_of_type(type(awaitable)), awaitable_kind(awaitable))

    def emit_asked(self, name: str, kind: AwaitableKind = "object") -> None:
        """Step 2 has given an object whose type has this `name` ("": unknown), of this `kind`."""
        if self._round_detail == "full":
            self.tracer.emit(AwaitableGiven(self.iteration, self.round, self._asked, name, kind))
            if self.tracer.asked is not None:
                self.tracer.asked()
            self._asked = self.tracer.timeline.ns()  # the telling is not part of the wait

    def suspend(self, on: str, where: str) -> None:
        """Step 3 suspends the task `on` this, at `where`: the first time in a told round."""
        self.on, self.where = on, where
        if self._round_detail == "full":
            self.tracer.emit(
                StepSuspended(self.iteration, self.round, self.tracer.timeline.ns(), on, where)
            )

    def got(self, values: tuple[object, ...]) -> None:
        """Steps 3 and 4 are done."""
        tracer = self.tracer
        self._got = now = tracer.timeline.ns()
        self.phase = "body"
        self._waited += (waited := now - self._asked)
        self._body_began_in = number = tracer.loop_iteration.number
        suspended = number != self._asked_in
        self._suspended += suspended
        told = self._round_detail
        if told == "sum":
            return
        tracer.open_iterations.look_away(self)
        text = binding_text(self.iteration.site.target, values)
        if told == "full":
            others = self._others(self._slices_asked)
            tracer.emit(
                ValueBound(self.iteration, self.round, now, waited, suspended, others, text)
            )
            self._sum = self._sums()
        else:
            self._emit_rounds(now, text)
        self._got = tracer.timeline.ns()  # the telling is not part of the body

    def end(self, how: EndReason, error: str = "") -> None:
        """Step 6: the iteration is over, `how`; `error` names what was raised, if anything."""
        tracer = self.tracer
        now = tracer.timeline.ns()
        phase, self.phase = self.phase, "over"
        tracer.open_iterations.look_away(self)
        if phase == "operand":
            return  # it never was an iteration
        if phase == "body":
            self._body += now - self._got
        items = self.items(phase)
        if self.detail == "full":  # tell what of the rounds was not told yet
            if phase == "body" and self._round_detail == "full":
                tracer.emit(BodyFinished(self.iteration, self.round, now, now - self._got))
            if items > self._sum[0]:
                self._emit_rounds(now, "", items)
        last = None
        if phase == "await":
            self._waited += now - self._asked
            if tracer.loop_iteration.number != self._asked_in:
                self._suspended += 1
                last = now - self._asked
        took = 0 if self._began is None else now - self._began
        others = self._others(self._slices) if self.detail == "full" else NO_TASKS
        sums = self._waited, self._suspended, last, others
        tracer.ended(self, IterationEnded(self.iteration, now, how, error, items, took, *sums))

    def items(self, phase: IterationPhase) -> int:
        """How many rounds gave an item, if the last one came to `phase`."""
        return self.round - (phase == "await")

    # -- sums --------------------------------------------------------------------------

    def _sums(self) -> tuple[int, int, int, int, int]:
        count = self.tracer.timeline.count
        return self.round, self._suspended, self._waited, self._body, count

    def _emit_rounds(self, now: int, text: str, last: int | None = None) -> None:
        """Tell the rounds since the last that was told, in one."""
        round_, suspended, waited, body, slices = self._sum
        self._sum = self._sums()
        rounds = round_ + 1, last or self.round, now
        sums = self._suspended - suspended, self._waited - waited, self._body - body
        self.tracer.emit(
            RoundsSummary(self.iteration, *rounds, *sums, self._others(slices), self.on, text)
        )

    def _others(self, since: int) -> ConcurrentTasks:
        return concurrent_tasks(self.tracer.timeline, self.iteration.lane, since)
