"""A session as a trace for Chrome and Perfetto: a track a task, what it did, on what it waited.

On a track lies the life of its task, in it the walks, in those their steps, innermost the
waits. Slices are instants, because on a virtual clock they take no time, and because a walk
may begin in the middle of one: as bars the two would not nest.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from asyncrepl.events import CALLBACK, IDLE
from asyncrepl.events.walks import Asked, Began, BodyDone, Ended, Got, Rounds, Walks
from asyncrepl.views.styled import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from asyncrepl.events import Snapshot
    from asyncrepl.events.walks import Walk, WalkEvent

__all__ = ["trace"]


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


def trace(snapshot: Snapshot, events: Iterable[WalkEvent], title: str = "") -> str:
    """The trace as JSON: all events in the order of time, enclosing bars first."""
    told = list(events)
    bars = [*_lives(snapshot), *_waits(snapshot), *_walks(told, _end(snapshot))]
    entries = [_entry(bar) for bar in _nested(bars)]
    entries += [*_slices(snapshot), *_marks(snapshot), *_folded(told)]
    entries.sort(key=lambda entry: entry["ts"])  # a stable sort: enclosing bars stay first
    lines = (
        json.dumps(_printable(entry), ensure_ascii=False)
        for entry in (*_names(snapshot, title), *entries)
    )
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


def _names(snapshot: Snapshot, title: str) -> Iterator[dict[str, Any]]:
    def meta(kind: str, track: int, name: str) -> dict[str, Any]:
        return {"ph": "M", "pid": 1, "tid": track, "name": kind, "args": {"name": name}}

    yield meta("process_name", 0, title or "asyncrepl")
    yield meta("thread_name", 0, "callbacks")
    for lane in snapshot.lanes:
        yield meta("thread_name", lane.id, lane.name)
        order = {"sort_index": lane.id}
        yield {**meta("thread_sort_index", lane.id, ""), "args": order}


def _lives(snapshot: Snapshot) -> Iterator[_Bar]:
    end = _end(snapshot)
    for lane in snapshot.lanes:
        ended = snapshot.ended.get(lane.id)
        how = "still runs" if ended is None else ended.how
        yield _Bar(
            lane.id, lane.born, end if ended is None else ended.at, 0, lane.name, "task", how
        )


def _waits(snapshot: Snapshot) -> Iterator[_Bar]:
    """From the end of a task's slice to the beginning of its next."""
    ran: dict[int, int] = {}
    for (lane, start), (_, end) in pairwise(_pairs(snapshot)):
        if lane in ran and start > ran[lane]:
            yield _Bar(lane, ran[lane], start, 9, "waits", "wait")
        if lane > IDLE:
            ran[lane] = end


def _walks(events: list[WalkEvent], end: int) -> Iterator[_Bar]:
    """The walks and the steps in them; what is not over goes on to the `end`."""
    open_walks: dict[int, tuple[Walk, int]] = {}
    since: dict[int, int] = {}
    for event in events:
        walk = event.walk
        match event:
            case Began(at=at):
                open_walks[walk.number] = walk, at
            case Asked(at=at):
                since[walk.number] = at
            case Got(at=at, round=number, suspended=suspended, values=values):
                begin = since.pop(walk.number, at - event.waited)
                name = f"3 await, round {number}"
                yield _step(walk, begin, at, name, values if suspended else "did not suspend")
            case BodyDone(at=at, round=number, took=took):
                yield _step(walk, at - took, at, f"5 body, round {number}", "")
            case Ended(at=at, how=how, items=items):
                _, begin = open_walks.pop(walk.number, (walk, at - event.took))
                if since.get(walk.number, at) < at:
                    asked = since.pop(walk.number)
                    yield _step(walk, asked, at, "3 await, the last", how)
                yield _walk(walk, begin, at, f"{items} items, {how}")
    yield from (_walk(walk, begin, end, "goes on") for walk, begin in open_walks.values())


def _walk(walk: Walk, begin: int, end: int, told: str) -> _Bar:
    site = walk.site
    name = f"{site.kind} {site.target} in {site.operand}"
    return _Bar(walk.lane, begin, end, 1 + 2 * walk.depth, name, "walk", told)


def _step(walk: Walk, begin: int, end: int, name: str, told: str) -> _Bar:
    return _Bar(walk.lane, begin, end, 2 + 2 * walk.depth, name, "step", told)


def _nested(bars: list[_Bar]) -> list[_Bar]:
    """`bars` in the order of time, each cut to end with the one around it."""
    result: list[_Bar] = []
    around: dict[int, list[_Bar]] = defaultdict(list)
    for bar in sorted(bars, key=lambda bar: (bar.begin, -bar.end, bar.level, bar.track)):
        stack = around[bar.track]
        while stack and stack[-1].end <= bar.begin and stack[-1].end < max(bar.end, bar.begin + 1):
            stack.pop()
        fitting = replace(bar, end=min(bar.end, stack[-1].end)) if stack else bar
        stack.append(fitting)
        result.append(fitting)
    return result


def _entry(bar: _Bar) -> dict[str, Any]:
    length = {"ts": _us(bar.begin), "dur": _us(bar.end - bar.begin)}
    entry = {"ph": "X", "pid": 1, "tid": bar.track, "name": bar.name, "cat": bar.what, **length}
    return {**entry, "args": {"how": bar.told}} if bar.told else entry


def _slices(snapshot: Snapshot) -> Iterator[dict[str, Any]]:
    for (lane, start), (_, end) in pairwise(_pairs(snapshot)):
        if lane != IDLE:
            track = 0 if lane == CALLBACK else lane
            yield {**_instant(track, start, "runs", "slice"), "args": {"us": _us(end - start)}}


def _marks(snapshot: Snapshot) -> Iterator[dict[str, Any]]:
    names = {"print": "prints", "value": "shows a value"}
    for mark in snapshot.marks:
        yield _instant(mark.lane, mark.at, names[mark.kind], "mark")


def _folded(events: list[WalkEvent]) -> Iterator[dict[str, Any]]:
    """Rounds and walks that were not told one by one."""
    for event in events:
        match event:
            case Rounds(walk=walk, at=at, first=first, last=last):
                yield _instant(walk.lane, at, f"rounds {first} to {last}", "step")
            case Walks(walk=walk, at=at, count=count):
                yield _instant(walk.lane, at, f"{count} more walks", "walk")


def _instant(track: int, at: int, name: str, what: str) -> dict[str, Any]:
    return {
        "ph": "i", "s": "t", "pid": 1, "tid": track, "name": name, "cat": what, "ts": _us(at),
    }  # fmt: skip


def _pairs(snapshot: Snapshot) -> list[tuple[int, int]]:
    """Lane and start of each slice."""
    return list(zip(snapshot.slices[::2], snapshot.slices[1::2], strict=False))


def _end(snapshot: Snapshot) -> int:
    """The last instant that is known of."""
    instants = [snapshot.slices[-1] if len(snapshot.slices) else 0]
    instants += (ended.at for ended in snapshot.ended.values())
    return max(instants)


def _us(ns: int) -> float:
    """Microseconds, which the format counts in."""
    return round(ns / 1000, 3)
