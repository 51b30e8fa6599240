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
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
from asyncrepl.views.styled_lines import flowed, printable
from asyncrepl.views.time_display import duration

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.events.iteration_events import (
        AwaitableKind,
        ConcurrentTasks,
        EndReason,
        Iteration,
        IterationEvent,
    )
    from asyncrepl.views.styled_lines import Line

__all__ = ["narration_lines"]

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
        lines += _laid_out(event.walk, time, step_text, width, task)
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
    site = event.walk.site
    kind = "" if site.kind == "async for" else f" in a {site.kind}"
    iterator = "its own iterator" if event.itself else f"gives {_with_article(event.iterator)}"
    return [
        ("1 __aiter__", "", f"{site.operand}{kind}: {_with_article(event.iterable)}, {iterator}")
    ]


def _joined(event: IterationJoined) -> list[_StepText]:
    operand = event.walk.site.operand
    return [("2-5", "", f"{operand} is under way: counted from here on")]


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


def _body_done(event: BodyFinished) -> list[_StepText]:
    return [("5 body", "", f"took {duration(event.took)}")]


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
    words = words.format(error=event.error or "an exception", target=event.walk.site.target)
    if event.last is not None:
        words += f", after {duration(event.last)}"
    if event.how == "refused":
        return [("1 __aiter__", style, f"{event.walk.site.operand}: {words}")]
    return [("6 stop", style, words), ("", "dim", _summary(event))]


def _more_iterations(event: IterationsSummary) -> list[_StepText]:
    site = event.walk.site
    count = "one more walk" if event.more == 1 else f"{event.more} more walks"
    items = _count(event.items, "item")
    return [("1-6", "", f"{count} of {site.operand}: {items} in {duration(event.took)}")]


_STEP_TEXTS: dict[type, Callable[[Any], list[_StepText]]] = {
    IterationBegan: _began,
    IterationJoined: _joined,
    AwaitableGiven: _asked,
    StepSuspended: _suspended,
    ValueBound: _got,
    BodyFinished: _body_done,
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
        long = duration(waited) if waited else "a turn of the loop"
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
