"""One walk under way: where it is among the six steps, and what is told of it.

Nothing of ours stands between a loop and what it awaits: the proxy that a traced
loop walks (`asyncrepl.engine.walks.proxies`) hands on the very awaitable that ``__anext__``
gave. What is needed is known from two instants, when the value was asked for and
when it is bound, and from the number of the loop's turn at each: a task that
suspends gives the turn up and is woken in a later one, so the value was there at
once exactly if the turn is still the same.

What does not work:

- A driver around the awaitable: it shows in tracebacks, in ``cr_await``, in
  ``stacklevel`` and in the recursion limit; of CPython's own tests some fail.
- Counting slices to see whether it suspended: the first step of an eager task is a
  slice within that of its maker.
- Keeping values, iterators or awaitables: they would live longer than they do.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from asyncrepl.engine.walks.failing import failed_step
from asyncrepl.engine.walks.judging import LONG, NOTHING, kind_of
from asyncrepl.engine.walks.meanwhile import others
from asyncrepl.engine.walks.thinning import next_told, telling
from asyncrepl.engine.walks.values import awaitable_kind, bindings, type_name
from asyncrepl.events.walks import (
    NOBODY,
    Asked,
    AwaitableKind,
    Began,
    BodyDone,
    Ended,
    Got,
    Joined,
    Others,
    Rounds,
    Suspended,
    Walk,
    WayOut,
)

if TYPE_CHECKING:
    from types import CodeType, TracebackType

    from asyncrepl.engine.walks.failing import Phase
    from asyncrepl.engine.walks.thinning import Telling
    from asyncrepl.engine.walks.tracing import Tracer

__all__ = ["Walking"]


class Walking:
    """A walk under way, and the context manager that a traced ``async for`` stands in.

    `loud` says whether it is told at all. `parent` is the walk it happens in.
    """

    __slots__ = (
        "_asked",
        "_began",
        "_body",
        "_body_turn",
        "_broke",
        "_got",
        "_next_told",
        "_slices",
        "_slices_asked",
        "_sum",
        "_suspended",
        "_telling",
        "_turn",
        "_waited",
        "body_suspended",
        "frame",
        "hogged",
        "hogs",
        "judged",
        "loud",
        "on",
        "parent",
        "phase",
        "place",
        "ready",
        "round",
        "tracer",
        "walk",
        "watched",
        "where",
    )

    def __init__(
        self,
        tracer: Tracer,
        walk: Walk,
        parent: Walking | None,
        loud: Telling,
        place: tuple[CodeType, int],
    ) -> None:
        self.tracer = tracer
        self.place = place
        self.walk = walk
        self.parent = parent
        self.loud = loud
        self.frame = 0
        self.phase: Phase = "operand"
        self.round = 0
        self.on = self.where = ""
        #: The lane in which it is looked at; 0 for none.
        self.watched = 0
        #: What it is judged by when it is over: see `judging`.
        self.judged = NOTHING
        self.ready = self.hogs = self.hogged = self.body_suspended = 0
        self._body_turn = 0
        self._telling: Telling = "sum"
        #: The next round to be told; none if the walk is not told step by step.
        self._next_told = 1 if loud == "full" else 0
        self._broke = False
        self._turn = 0
        self._began: int | None = None
        self._asked = self._got = 0
        self._waited = self._body = self._suspended = 0
        #: What of the totals was told already: round, suspended, waited, body, slice.
        self._sum = (0, 0, 0, 0, 0)
        self._slices = self._slices_asked = tracer.timeline.count

    @property
    def told(self) -> bool:
        """Whether the round under way is told by itself: then so is what happens in it."""
        return self.loud == "full" and self._telling == "full"

    def is_clause_in(self, parent: Walking | None) -> bool:
        """Whether it is a comprehension's: in `parent`, if that is given."""
        inside = parent is None or self.parent is parent
        return inside and self.walk.site.kind == "comprehension"

    # -- as a context manager, around a loop that is a statement -----------------------

    def __enter__(self) -> None:
        """Nothing is bound: it would show."""

    def __exit__(
        self, _: object, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.tracer.walks.leave(self)
        if self.phase != "over":
            if error is None:
                self.tracer.settle("unknown")
                self.end("break" if self._broke else "return")
            else:
                name = type_name(error)
                self.tracer.settle("source", name)
                self.tracer.walks.end_clauses(self.tracer.cancelled(), name, self)
                self.end(self._way_out(error, traceback), name)

    def _way_out(self, error: BaseException, traceback: TracebackType | None) -> WayOut:
        if isinstance(error, GeneratorExit):
            return "closed"
        if isinstance(error, asyncio.CancelledError) and (way := self.tracer.cancelled()):
            return way
        return failed_step(self.phase, self.walk.site, traceback)

    def hush(self) -> None:
        """Nobody listens any more."""
        self.loud = self._telling = "sum"
        self._next_told = 0

    def broke(self) -> None:
        """The body says ``break``."""
        self._broke = True

    # -- the steps ---------------------------------------------------------------------

    def begin(self, iterable: object, iterator: object) -> None:
        """Step 1 is done."""
        self._began = now = self.tracer.timeline.ns()
        self._sum = (0, 0, 0, 0, self._slices)
        self.judged = kind_of(iterable)
        self.ready = self.tracer.ready()
        if self.loud == "full":
            itself = iterator is iterable
            names = type_name(iterable), type_name(iterator)
            self.tracer.tell(Began(self.walk, now, *names, itself))

    def join(self, *, waiting: bool) -> None:
        """It is under way: in step 3 if it is `waiting`, else in its body."""
        self._began = self._asked = self._got = now = self.tracer.timeline.ns()
        self._turn = self.tracer.turn.number
        self.phase = "await" if waiting else "body"
        self.round = 1
        self._sum = (0 if waiting else 1, 0, 0, 0, self._slices)
        self._telling = "line" if waiting else "sum"
        self._next_told = 2
        self.tracer.tell(Joined(self.walk, now))

    def ask(self) -> None:
        """Step 2 begins; if a round went before, its body is over."""
        tracer = self.tracer
        if tracer.walks.dropped:
            tracer.goes_on(self)
        now = tracer.timeline.ns()
        if self.phase == "body":
            self._body_done(now)
        self.phase = "await"
        self.round = number = self.round + 1
        self._turn = tracer.turn.number
        told = number == self._next_told or tracer.asked
        self._telling = self._begin_told(number) if told else "sum"
        self._asked = now

    def _body_done(self, now: int) -> None:
        took = now - self._got
        self._body += took
        if self.tracer.turn.number != self._body_turn:
            self.body_suspended += 1
        elif took > LONG and self.tracer.ready():
            self.hogs += 1
            self.hogged = max(self.hogged, took)
        if self._telling == "full":
            self.tracer.tell(BodyDone(self.walk, self.round, now, took))

    def _begin_told(self, number: int) -> Telling:
        """A round begins of which something is to be told."""
        self._next_told = next_told(number)
        self._slices_asked = self.tracer.timeline.count
        self.on = self.where = ""
        self.tracer.walks.look_at(self)
        if self.tracer.asked is None:
            return telling(number)
        self.loud = "full"
        return "full"

    def asked(self, awaitable: object) -> None:
        """Step 2 is done."""
        if self._telling == "full":
            self.asked_for(type_name(awaitable), awaitable_kind(awaitable))

    def asked_for(self, name: str, kind: AwaitableKind = "object") -> None:
        """Step 2 has given an object of this type; empty where that is not known."""
        if self._telling == "full":
            self.tracer.tell(Asked(self.walk, self.round, self._asked, name, kind))
            if self.tracer.asked is not None:
                self.tracer.asked()
            self._asked = self.tracer.timeline.ns()  # the telling is not part of the wait

    def suspend(self, on: str, where: str) -> None:
        """Step 3 suspends the task, for the first time in this round; for a told one."""
        self.on, self.where = on, where
        if self._telling == "full":
            self.tracer.tell(
                Suspended(self.walk, self.round, self.tracer.timeline.ns(), on, where)
            )

    def got(self, values: tuple[object, ...]) -> None:
        """Steps 3 and 4 are done."""
        tracer = self.tracer
        self._got = now = tracer.timeline.ns()
        self.phase = "body"
        self._waited += (waited := now - self._asked)
        self._body_turn = turn = tracer.turn.number
        suspended = turn != self._turn
        self._suspended += suspended
        told = self._telling
        if told == "sum":
            return
        tracer.walks.look_away(self)
        text = bindings(self.walk.site.target, values)
        if told == "full":
            others = self._others(self._slices_asked)
            tracer.tell(Got(self.walk, self.round, now, waited, suspended, others, text))
            self._sum = self._sums()
        else:
            self._tell_rounds(now, text)
        self._got = tracer.timeline.ns()  # the telling is not part of the body

    def end(self, how: WayOut, error: str = "") -> None:
        """Step 6: the walk is over."""
        tracer = self.tracer
        now = tracer.timeline.ns()
        phase, self.phase = self.phase, "over"
        tracer.walks.look_away(self)
        if phase == "operand":
            return  # it never was a walk
        if phase == "body":
            self._body += now - self._got
        if self.loud == "full":
            self._tell_rest(phase, now)
        last = None
        if phase == "await":
            self._waited += now - self._asked
            if tracer.turn.number != self._turn:
                self._suspended += 1
                last = now - self._asked
        took = 0 if self._began is None else now - self._began
        items = self.items(phase)
        others = self._others(self._slices) if self.loud == "full" else NOBODY
        sums = self._waited, self._suspended, last, others
        tracer.ended(self, Ended(self.walk, now, how, error, items, took, *sums))

    def items(self, phase: Phase) -> int:
        """How many rounds gave an item, if the last one came to `phase`."""
        return self.round - (phase == "await")

    def _tell_rest(self, phase: Phase, now: int) -> None:
        """Tell what of the rounds was not told yet."""
        if phase == "body" and self._telling == "full":
            self.tracer.tell(BodyDone(self.walk, self.round, now, now - self._got))
        if (items := self.items(phase)) > self._sum[0]:
            self._tell_rounds(now, "", items)

    # -- sums --------------------------------------------------------------------------

    def _sums(self) -> tuple[int, int, int, int, int]:
        count = self.tracer.timeline.count
        return self.round, self._suspended, self._waited, self._body, count

    def _tell_rounds(self, now: int, text: str, last: int | None = None) -> None:
        """Tell the rounds since the last that was told, in one."""
        round_, suspended, waited, body, slices = self._sum
        self._sum = self._sums()
        self.tracer.tell(
            Rounds(
                self.walk,
                round_ + 1,
                last or self.round,
                now,
                self._suspended - suspended,
                self._waited - waited,
                self._body - body,
                self._others(slices),
                self.on,
                text,
            )
        )

    def _others(self, since: int) -> Others:
        return others(self.tracer.timeline, self.walk.lane, since)
