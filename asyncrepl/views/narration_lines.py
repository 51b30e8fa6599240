"""The six steps of an ``async for``, narrated line by line as they happen.

::

      0.000  1 __aiter__  readings(3): an async_generator, its own iterator
      0.000  2 __anext__  round 1: an async_generator_asend, one step to await
      0.000  3 await      suspends on asyncio.sleep(0.33) at <input 1>:3
      0.330  3 await      suspended for 0.33 s; tick ran once
      0.330  4 bind       r = 0
      0.330  5 body       took 0 s
      …
      0.990  2-5          round 3: r = 20; suspended for 0.33 s; tick ran twice
      0.990  6 stop       StopAsyncIteration
             3 items in 0.99 s, suspended 3 times (100 %); tick ran 4 times

The time is in seconds since the statement began. An iteration inside another one is indented; one
of another task begins with that task's name. Step 3 has two lines if it suspends, because what
others print is between them.

Which step of an ``async for`` to show to those who watch, and its place in the source line.

The six steps of a round take microseconds, but for those that wait, and no eye follows that. So
who draws looks at where the iteration is, a few times a second, and `StepFollower` says which step
to show: what lies between two looks is shown step by step, each for a while (`HOLD`), at most
so many behind. The program is not slowed down for it: it runs as it runs unwatched, and where it
is faster than the picture, steps are left out, never invented.

::

    async for x in gen():
    ~~~~~ ~~~ ~    ~~~~~
    3     2   4    1          and 5, the body: what comes below or behind
"""

from __future__ import annotations

import ast
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from asyncrepl.events.iteration_events import (
    AwaitableGiven,
    BodyFinished,
    IterationBegan,
    IterationEnded,
    IterationJoined,
    IterationsSummary,
    RoundsSummary,
    StepSuspended,
    ValueBound,
)
from asyncrepl.views.styled_lines import cut, flowed, one_line, printable
from asyncrepl.views.time_display import duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from asyncrepl.events.iteration_events import (
        AwaitableKind,
        ConcurrentTasks,
        EndReason,
        Iteration,
        IterationEvent,
        LoopSite,
    )
    from asyncrepl.syntax.sources import Source
    from asyncrepl.views.styled_lines import Line

#: A line: the step, the style and the text.
_StepText = tuple[str, str, str]

#: Columns of the time and the gap behind it, and of the step's name.
_TIME, _STEP = 9, 13
#: A screen narrower than this has no room for columns.
_NARROW = 60
#: Iterations deeper than this are not indented any further.
_MAX_INDENTED = 4
#: From so many ns on it is shown how long a step took that should take none.
_LONG_STEP = 1_000_000

_ENDINGS: dict[EndReason, tuple[str, str]] = {
    "exhausted": ("value", "StopAsyncIteration"),
    "break": ("cancelled", "break"),
    "return": ("cancelled", "return"),
    "refused": ("error", "no iterator to be had: {error}"),
    "source": ("error", "the source raised {error}"),
    "bind": ("error", "the value does not fit `{target}`: {error}"),
    "body": ("error", "the body raised {error}"),
    "cancelled": ("cancelled", "cancelled"),
    "timeout": ("cancelled", "cancelled: the time is up"),
    "closed": ("cancelled", "closed, before it came to its end"),
    "unknown": ("cancelled", "over"),
}


#: What is written behind the name of the type of an awaitable: what that is.
_AWAITABLE_KINDS: dict[AwaitableKind, str] = {
    "step": ", one step to await",
    "default": ", one step to await, or a default",
    "coroutine": ", which runs when awaited",
    "generator": ", a coroutine of the old kind",
    "task": ", which runs already, beside",
    "future": ", a result that is to come",
    "object": ", which has `__await__`",
}


def narration_lines(
    event: IterationEvent, since: int, width: int | None = None, task: str | None = None
) -> list[Line]:
    """The lines that show `event`; `since` is the instant (ns) at which the statement began.

    `width` are the columns of the screen, None where there is none. An iteration of another
    task than `task` says whose it is.
    """
    lines: list[Line] = []
    for number, step_text in enumerate(_STEP_TEXTS[type(event)](event)):
        time = "" if number and not step_text[0] else f"{max(event.at - since, 0) / 1e9:7.3f}"
        lines += _laid_out(event.iteration, time, step_text, width, task)
    return lines


def _laid_out(
    iteration: Iteration, time: str, step_text: _StepText, width: int | None, task: str | None
) -> list[Line]:
    """One line in columns; what does not fit goes below, indented."""
    step, style, text = step_text
    narrow = width is not None and width < _NARROW
    before = f"{time:<{_TIME}}" + "  " * min(iteration.depth, _MAX_INDENTED)
    who = "" if task in {None, iteration.task} else f"{printable(iteration.task)}: "
    name = f"{step} " if narrow and step else step.ljust(_STEP if step else 2)
    line: Line = [("dim", before), ("name", who), ("label", name), (style, printable(text))]
    return flowed([piece for piece in line if piece[1]], width, _TIME + 2)


def _began(event: IterationBegan) -> list[_StepText]:
    site = event.iteration.site
    kind = "" if site.kind == "async for" else f" in a {site.kind}"
    iterator = "its own iterator" if event.itself else f"gives {_with_article(event.iterator)}"
    return [
        ("1 __aiter__", "", f"{site.operand}{kind}: {_with_article(event.iterable)}, {iterator}")
    ]


def _asked(event: AwaitableGiven) -> list[_StepText]:
    given = f": {_with_article(event.awaitable)}" if event.awaitable else ""
    if given and event.round == 1:  # those of the other rounds are the same
        given += _AWAITABLE_KINDS[event.kind]
    return [("2 __anext__", "", f"round {event.round}{given}")]


def _suspended(event: StepSuspended) -> list[_StepText]:
    on = f" on {event.on}" if event.on else ""
    where = f" at {event.where}" if event.where else ""
    return [("3 await", "wait", f"suspends{on}{where}")]


def _got(event: ValueBound) -> list[_StepText]:
    awaited = _awaited(event.suspended, event.waited, event.others)
    return [("3 await", "", awaited), ("4 bind", "value", event.values)]


def _rounds(event: RoundsSummary) -> list[_StepText]:
    count = event.last - event.first + 1
    values = f"{event.values}; " if event.values else ""
    if count == 1:
        awaited = _awaited(True, event.waited, event.others)
        text = values + (awaited if event.suspended else "did not suspend")
        return [("2-5", "", f"round {event.first}: {text}")]
    text = f"rounds {event.first}-{event.last}: {values}"
    if not event.suspended:
        return [("2-5", "", text + "none suspended")]
    all_ = "all" if event.suspended == count else f"{event.suspended} of {count}"
    on = f", last on {event.on}" if event.on else ""
    text += f"{all_} suspended, {duration(event.waited)} in all{on}"
    return [("2-5", "", text + _others_text(event.others))]


def _ended(event: IterationEnded) -> list[_StepText]:
    style, words = _ENDINGS[event.how]
    words = words.format(error=event.error or "an exception", target=event.iteration.site.target)
    if event.last is not None:
        words += f", after {duration(event.last)}"
    if event.how == "refused":
        return [("1 __aiter__", style, f"{event.iteration.site.operand}: {words}")]
    return [("6 stop", style, words), ("", "dim", _summary(event))]


def _more_iterations(event: IterationsSummary) -> list[_StepText]:
    site = event.iteration.site
    count = "one more iteration" if event.more == 1 else f"{event.more} more iterations"
    items = _count(event.items, "item")
    return [("1-6", "", f"{count} of {site.operand}: {items} in {duration(event.took)}")]


_STEP_TEXTS: dict[type, Callable[[Any], list[_StepText]]] = {
    IterationBegan: _began,
    IterationJoined: lambda event: [
        ("2-5", "", f"{event.iteration.site.operand} is under way: counted from here on")
    ],
    AwaitableGiven: _asked,
    StepSuspended: _suspended,
    ValueBound: _got,
    BodyFinished: lambda event: [("5 body", "", f"took {duration(event.took)}")],
    RoundsSummary: _rounds,
    IterationEnded: _ended,
    IterationsSummary: _more_iterations,
}


def _summary(event: IterationEnded) -> str:
    """All rounds in one line: how much of the time was given away, and who had it."""
    text = f"{_count(event.items, 'item')} in {duration(event.took)}"
    if not event.suspended:
        return f"{text}, never suspended: nobody else could run"
    share = f" ({round(100 * event.waited / event.took)} %)" if event.took else ""
    return f"{text}, suspended {_times(event.suspended)}{share}{_others_text(event.others)}"


def _awaited(suspended: bool, waited: int, others: ConcurrentTasks) -> str:
    if suspended:
        # A bare sleep(0) takes no time on a virtual clock, and yet the loop iterates once.
        long = duration(waited) if waited else "an iteration of the loop"
        return f"suspended for {long}{_others_text(others)}"
    long = f" for {duration(waited)}" if waited >= _LONG_STEP else ""
    return f"did not suspend{long}: nobody else could run"


def _others_text(others: ConcurrentTasks) -> str:
    """Who ran in that time, and in how many slices."""
    texts = [f"{name} ran {_times(count)}" for name, count in others.named]
    if others.tasks:
        texts.append(f"{_count(others.tasks, 'other')} {_times(others.slices)}")
    return "; " + (", ".join(texts) or "nobody else ran")


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _count(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def _with_article(name: str) -> str:
    return f"an {name}" if name[:1].lower() in "aeiou" else f"a {name}"


#: Seconds for which a step is shown at least, and for which the last one stays.
HOLD, _LINGER = 0.25, 1.0
_MAX_BEHIND = 4  # steps of a round
_PHASE_STEPS = {"operand": 1, "aiter": 1, "await": 3, "body": 5}
#: Where in a round a step stands: 2, 3, 4 and 5.
_ROUND_STEPS = (2, 3, 4, 5)


class Seen(NamedTuple):
    """Where an iteration is: its number, the round (from 1), the phase of `IterationState`."""

    number: int
    round: int
    phase: str
    site: LoopSite


class StepShown(NamedTuple):
    """A step to show, 1 to 6, of that round."""

    step: int
    round: int
    site: LoopSite


class StepFollower:
    """From looks at an iteration to the step to show; `now` are seconds of real time."""

    def __init__(self) -> None:
        self._queue: deque[StepShown] = deque()
        self._shown: StepShown | None = None
        self._since = 0.0
        self._number = 0
        #: The last step that was queued of it, counted through all rounds.
        self._position = -1
        self._over = True

    @property
    def moves(self) -> bool:
        """Whether another step, or none, comes by itself."""
        return self._shown is not None or bool(self._queue)

    def look(self, now: float, seen: Seen | None) -> StepShown | None:
        """The step to show at `now` (s), after a look that has `seen` this; None for none."""
        if seen is None or seen.phase == "over":
            self._end()
        else:
            self._follow(seen)
        while len(self._queue) > 2 * _MAX_BEHIND:
            self._queue.popleft()
        if self._queue and (self._shown is None or now - self._since >= HOLD):
            self._shown, self._since = self._queue.popleft(), now
        elif self._over and not self._queue and now - self._since >= _LINGER:
            self._shown = None
        return self._shown

    def _follow(self, seen: Seen) -> None:
        if seen.number != self._number:
            self._number, self._position = seen.number, -1
            self._queue.clear()
        self._over = False
        position = _position(_PHASE_STEPS[seen.phase], seen.round)
        first = max(self._position + 1, position - _MAX_BEHIND + 1)
        if self._position < 0 <= position - 1:
            self._queue.append(StepShown(1, 0, seen.site))  # it is always the first
            first = max(first, 1)
        self._queue += [_at(each, seen.site) for each in range(first, position + 1)]
        self._position = max(self._position, position)

    def _end(self) -> None:
        if not self._over:
            self._over = True
            last = self._queue[-1] if self._queue else self._shown
            if last is not None:
                self._queue.append(StepShown(6, last.round, last.site))


def _position(step: int, round_: int) -> int:
    """Steps counted through all rounds: 0 is step 1, 1 is step 2 of round 1."""
    if step == 1 or round_ < 1:
        return 0
    return (round_ - 1) * len(_ROUND_STEPS) + _ROUND_STEPS.index(step) + 1


def _at(position: int, site: LoopSite) -> StepShown:
    if position == 0:
        return StepShown(1, 0, site)
    round_, step = divmod(position - 1, len(_ROUND_STEPS))
    return StepShown(_ROUND_STEPS[step], round_ + 1, site)


class _Span(NamedTuple):
    """Characters of a line of the source, counted from 0."""

    line: int
    start: int
    end: int


def step_rows(
    shown: StepShown, source: Source, meaning: str, width: int, dots: str = "…"
) -> list[Line]:
    """The line of the ``async for`` in `source` with the step `shown` marked, and its `meaning`.

    Cut with `dots` to `width` cells; the body's first line comes with it. As many rows for each
    step of an iteration: what stands below must not jump.
    """
    spans = _spans(shown.site, source)
    places = sorted(span.line for span in spans.values())
    marked = spans.get(shown.step)
    rows: list[Line] = []
    for number in list(dict.fromkeys([shown.site.line - 1, *places]))[:2]:
        if number < len(source.lines):
            span = marked if marked is not None and marked.line == number else None
            rows.append(_marked_line(source.lines[number], span, width, dots))
    round_ = f"round {shown.round}: " if shown.round else ""
    return [*rows, [("label", cut(f"{round_}{meaning}", width, dots))]]


def _marked_line(text: str, span: _Span | None, width: int, dots: str) -> Line:
    text = text.rstrip()
    if span is None:
        return [("code", cut(text, width, dots))]
    start, end = span.start, max(min(span.end, len(text)), span.start + 1)
    skipped = 0
    if end > width - 1:  # what is marked must be seen
        skipped = min(start, end - width + 1 + len(dots))
    before = (dots if skipped else "") + text[skipped:start]
    room = width - len(before)
    marked = cut(text[start:end], max(room, 1), dots)
    return [
        ("code", one_line(before)),
        ("step", marked),
        ("code", cut(text[end:], max(room - len(marked), 0), dots) if room > len(marked) else ""),
    ]


def _spans(site: LoopSite, source: Source) -> dict[int, _Span]:
    """Where each step stands in `source`; empty where its tree is not known."""
    for target, iterable, body in _loops(source.tree):
        if (target.lineno, target.col_offset) == site.bound:
            bound = _span(target, source)
            head = source.lines[bound.line][: bound.start]
            spans = {1: _span(iterable, source), 4: bound, 5: _span(body, source)}
            for step, word in ((2, "for"), (3, "async")):
                at = head.rfind(word)
                if at >= 0:
                    spans[step] = _Span(bound.line, at, at + len(word))
            return spans
    return {}


def _loops(tree: ast.Module | None) -> Iterator[tuple[ast.expr, ast.expr, ast.AST]]:
    """The target, the iterable and the body of each ``async for`` in `tree`."""
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.AsyncFor):
            yield node.target, node.iter, node.body[0]
        elif isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
            body = node.key if isinstance(node, ast.DictComp) else node.elt
            yield from ((each.target, each.iter, body) for each in node.generators)


def _span(node: ast.AST, source: Source) -> _Span:
    """The first line of `node`; the tree counts bytes."""
    assert isinstance(node, ast.expr | ast.stmt)
    number = node.lineno - 1
    line = source.lines[number]
    octets = line.encode("utf-8", "surrogatepass")
    whole = node.end_lineno == node.lineno and node.end_col_offset is not None
    start = len(octets[: node.col_offset].decode("utf-8", "surrogatepass"))
    end = node.end_col_offset if whole else len(octets)
    return _Span(number, start, len(octets[:end].decode("utf-8", "surrogatepass")))
