"""A session as a trace for Chrome and Perfetto: a track a task, what it did, on what it waited.

On a track lies the lifetime of its task, in it the asynchronous iterations, in those the steps
that last (3 and 5), innermost the waits. The other four steps are instants. So are slices, because
on a virtual clock they take no time, and because an iteration may begin in the middle of one: as
bars the two would not nest.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from asyncrepl.events import CALLBACK, IDLE
from asyncrepl.events.iteration_events import (
    AwaitableGiven,
    BodyFinished,
    IterationBegan,
    IterationEnded,
    IterationsSummary,
    RoundsSummary,
    ValueBound,
)
from asyncrepl.export.format_registry import export_format
from asyncrepl.views.styled_lines import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from asyncrepl.events import Snapshot
    from asyncrepl.events.iteration_events import Iteration, IterationEvent


@dataclass(frozen=True, slots=True)
class _Bar:
    """Something that lasts, on the track of a task; instants in nanoseconds.

    `level` orders bars of the same extent: the lower one is around the higher.
    """

    track: int
    begin: int
    end: int
    level: int
    name: str
    what: str
    told: str = ""


@export_format("trace", "a trace for Perfetto and Chrome", rank=60, needs="steps")
def trace_json(snapshot: Snapshot, events: Iterable[IterationEvent], title: str = "") -> str:
    """The trace as JSON, of `snapshot` and of the `events` of iterations, with a `title`.

    All are in the order of time (µs on the user's clock), enclosing bars first.
    """
    told = list(events)
    bars = [*_task_bars(snapshot), *_wait_bars(snapshot)]
    bars += _iteration_bars(told, _last_instant(snapshot))
    entries = [*_bar_events(bars), *_slice_events(snapshot)]
    for mark in snapshot.marks:
        name = "prints" if mark.kind == "print" else "shows a value"
        entries.append(_instant_event(mark.lane, mark.at, name, "mark"))
    entries += [*_step_events(told), *_summary_events(told)]
    entries.sort(key=lambda entry: entry["ts"])  # a stable sort: enclosing bars stay first
    every = (*_track_names(snapshot, title), *entries)
    lines = (json.dumps(_printable(entry), ensure_ascii=False) for entry in every)
    return '{"displayTimeUnit": "ms", "traceEvents": [\n' + ",\n".join(lines) + "\n]}\n"


def _printable(value: Any) -> Any:
    """`value` with all strings in it printable: a task may be called anything."""
    match value:
        case str():
            return printable(value)
        case dict():
            return {key: _printable(each) for key, each in value.items()}
        case list() | tuple():
            return [_printable(each) for each in value]
    return value


def _track_names(snapshot: Snapshot, title: str) -> Iterator[dict[str, Any]]:
    def meta(kind: str, track: int, name: str) -> dict[str, Any]:
        return {"ph": "M", "pid": 1, "tid": track, "name": kind, "args": {"name": name}}

    yield meta("process_name", 0, title or "asyncrepl")
    yield meta("thread_name", 0, "callbacks")
    for lane in snapshot.lanes:
        yield meta("thread_name", lane.id, lane.name)
        order = {"sort_index": lane.id}
        yield {**meta("thread_sort_index", lane.id, ""), "args": order}


def _task_bars(snapshot: Snapshot) -> Iterator[_Bar]:
    end = _last_instant(snapshot)
    for lane in snapshot.lanes:
        ended = snapshot.ended.get(lane.id)
        last, how = (end, "still runs") if ended is None else (ended.at, ended.how)
        yield _Bar(lane.id, lane.born, last, 0, lane.name, "task", how)


def _wait_bars(snapshot: Snapshot) -> Iterator[_Bar]:
    """From the end of a task's slice to the beginning of its next."""
    ran: dict[int, int] = {}
    for (lane, start), (_, end) in pairwise(_slice_starts(snapshot)):
        if lane in ran and start > ran[lane]:
            yield _Bar(lane, ran[lane], start, 9, "waits", "wait")
        if lane > IDLE:
            ran[lane] = end


def _iteration_bars(events: list[IterationEvent], end: int) -> Iterator[_Bar]:
    """The iterations and the steps in them; what is not over goes on to the `end`."""
    open_iterations: dict[int, tuple[Iteration, int]] = {}
    since: dict[int, int] = {}
    for event in events:
        iteration = event.iteration
        match event:
            case IterationBegan(at=at):
                open_iterations[iteration.number] = iteration, at
            case AwaitableGiven(at=at):
                since[iteration.number] = at
            case ValueBound(at=at, round=number, suspended=suspended, values=values):
                begin = since.pop(iteration.number, at - event.waited)
                name = f"3 await, round {number}"
                told = values if suspended else "did not suspend"
                yield _bar(iteration, begin, at, "step", told, name)
            case BodyFinished(at=at, round=number, took=took):
                yield _bar(iteration, at - took, at, "step", "", f"5 body, round {number}")
            case IterationEnded(at=at, how=how, items=items):
                _, begin = open_iterations.pop(iteration.number, (iteration, at - event.took))
                if since.get(iteration.number, at) < at:
                    asked = since.pop(iteration.number)
                    yield _bar(iteration, asked, at, "step", how, "3 await, the last")
                told = f"{items} {'item' if items == 1 else 'items'}, {how}"
                yield _bar(iteration, begin, at, "iteration", told)
    for iteration, begin in open_iterations.values():
        yield _bar(iteration, begin, end, "iteration", "goes on")


def _bar(
    iteration: Iteration, begin: int, end: int, what: str, told: str, name: str | None = None
) -> _Bar:
    """The bar of an `iteration`, or of the step in it that is called `name`."""
    site, level = iteration.site, 1 + 2 * iteration.depth + (name is not None)
    whole = f"{site.kind} {site.target} in {site.operand}"
    return _Bar(iteration.lane, begin, end, level, name or whole, what, told)


def _bar_events(bars: list[_Bar]) -> Iterator[dict[str, Any]]:
    """`bars` in the order of time, each cut to end with the one around it."""
    around: dict[int, list[_Bar]] = defaultdict(list)
    for bar in sorted(bars, key=lambda bar: (bar.begin, -bar.end, bar.level, bar.track)):
        stack = around[bar.track]
        while stack and stack[-1].end <= bar.begin and stack[-1].end < max(bar.end, bar.begin + 1):
            stack.pop()
        fitting = replace(bar, end=min(bar.end, stack[-1].end)) if stack else bar
        stack.append(fitting)
        length = {"ts": _microseconds(bar.begin), "dur": _microseconds(fitting.end - bar.begin)}
        told = {"args": {"how": bar.told}} if bar.told else {}
        head = {"ph": "X", "pid": 1, "tid": bar.track, "name": bar.name, "cat": bar.what}
        yield {**head, **length, **told}


def _slice_events(snapshot: Snapshot) -> Iterator[dict[str, Any]]:
    for (lane, start), (_, end) in pairwise(_slice_starts(snapshot)):
        if lane != IDLE:
            track = 0 if lane == CALLBACK else lane
            length = {"args": {"us": _microseconds(end - start)}}
            yield _instant_event(track, start, "runs", "slice") | length


def _step_events(events: list[IterationEvent]) -> Iterator[dict[str, Any]]:
    """The steps that take no time: 1, 2, 4 and 6, in words that say what came of each."""
    for event in events:
        lane, at = event.iteration.lane, event.at
        match event:
            case IterationBegan(iterable=iterable, iterator=iterator):
                yield _instant_event(
                    lane, at, "1 __aiter__", "step", f"{iterable} gives {iterator}"
                )
            case AwaitableGiven(round=number, awaitable=awaitable):
                yield _instant_event(lane, at, f"2 __anext__, round {number}", "step", awaitable)
            case ValueBound(round=number, values=values):
                yield _instant_event(lane, at, f"4 bind, round {number}", "step", values)
            case IterationEnded(how=how, error=error):
                yield _instant_event(
                    lane, at, "6 stop", "step", f"{how}, {error}" if error else how
                )


def _summary_events(events: list[IterationEvent]) -> Iterator[dict[str, Any]]:
    """Rounds and iterations that were not told one by one."""
    for event in events:
        match event:
            case RoundsSummary(iteration=iteration, at=at, first=first, last=last):
                yield _instant_event(iteration.lane, at, f"rounds {first} to {last}", "step")
            case IterationsSummary(iteration=iteration, at=at, more=more):
                yield _instant_event(iteration.lane, at, f"{more} more iterations", "iteration")


def _instant_event(
    track: int, at: int, name: str, what: str, told: str | None = None
) -> dict[str, Any]:
    event = {
        "ph": "i", "s": "t", "pid": 1, "tid": track, "name": name, "cat": what,
        "ts": _microseconds(at),
    }  # fmt: skip
    return event if told is None else {**event, "args": {"how": told}}


def _slice_starts(snapshot: Snapshot) -> list[tuple[int, int]]:
    """Lane and start of each slice."""
    return list(zip(snapshot.slices[::2], snapshot.slices[1::2], strict=False))


def _last_instant(snapshot: Snapshot) -> int:
    """The last instant that is known of."""
    instants = [snapshot.slices[-1] if len(snapshot.slices) else 0]
    instants += (ended.at for ended in snapshot.ended.values())
    return max(instants)


def _microseconds(ns: int) -> float:
    """Microseconds, which the format counts in."""
    return round(ns / 1000, 3)
