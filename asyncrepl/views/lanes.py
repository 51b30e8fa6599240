"""Lanes, one row a task, and the timeline: the same picture of a fixed span, with an axis.

::

    tick            ──────•───────────•───────────•───────────•─────
    input 3         ┴●──────────────●──────────────●───────────────┤
      Task-7         ────────────────────────────────────────────○

In the lanes time runs to the right, the newest at the right edge. A column is a fixed piece of
*absolute* time (column number = instant // length), so a picture moves by whole columns and its
marks never jitter. The width of the names depends on the width of the picture alone, rows keep the
order of birth with children under their parents, and a task that has ended keeps its row for a
while: nothing jumps about.

::

    tick       ────────────────────┴•──────────────────┴•─────
    input 4    ┴───────────────────────────────●────────────┤
      child      ┴────────────────────────○
               0                   0.2                 0.4 s

    ─ waits   ┴ runs briefly   • prints   ● value   ┤ ends   ○ cancelled

In the timeline time counts from the left edge, below it are a time axis and a legend. Nothing
goes after a while, as it does in the lanes: each task that was there in these seconds has a row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncrepl.views.lane_tracks import (
    LanePicture,
    lanes_in_tree_order,
    legend,
    rest_line,
    user_lanes,
)
from asyncrepl.views.styled_lines import cell_width
from asyncrepl.views.time_display import SECOND, Scale, axis_line

if TYPE_CHECKING:
    from asyncrepl.events import Lane, Snapshot
    from asyncrepl.views.styled_lines import Line

__all__ = ["lane_lines", "timeline_lines"]


def lane_lines(
    snapshot: Snapshot,
    now_ns: int,
    width: int,
    *,
    rows: int = 8,
    ascii: bool = False,  # noqa: A002  says it best
    column: int = SECOND // 10,
    linger: float = 3.0,
) -> list[Line]:
    """At most `rows` lines of at most `width` cells, for the instant `now_ns`.

    Each column of the picture is `column` nanoseconds. A task that has ended keeps its
    row for `linger` seconds, if there is room. The last line sums up the tasks that have no lane
    in `snapshot`; which those are is known where tasks are recorded. `now_ns` is on the clock of
    `snapshot`; with `ascii`, the glyphs are ASCII.
    """
    names = min(max(width // 5, 8), 16)
    count = max(width - names - 1, 1)
    scale = Scale((now_ns // column - count + 1) * column, column, 1)
    picture = LanePicture(snapshot, scale, count, ascii=ascii)
    families = lanes_in_tree_order(_drawn_lanes(snapshot, now_ns - int(linger * SECOND), rows))
    drawn = [
        [label, ("", " "), *picture.track(lane)]
        for label, (lane, _) in zip(picture.labels(families, names), families, strict=True)
    ]
    rest = [rest_line(snapshot.others, snapshot.others_ran, "ran lately")]
    return [*drawn, *rest][:rows] if snapshot.others else drawn


def _drawn_lanes(snapshot: Snapshot, since: int, rows: int) -> list[Lane]:
    """The lanes to draw: those that have not ended, and where there is room some that have."""
    ended = snapshot.ended
    users = user_lanes(snapshot.lanes)
    alive = [lane for lane in users if lane.id not in ended]
    if snapshot.others:
        return alive
    gone = [lane for lane in users if lane.id in ended and ended[lane.id].at >= since]
    gone.sort(key=lambda lane: ended[lane.id].at, reverse=True)
    return [*alive, *gone[: max(rows - len(alive), 0)]]


#: At most so many seconds are drawn if nobody says how many.
MAX_SECONDS = 10
#: Nanoseconds: what was typed last counts as such if it took that long.
_BRIEF = 20_000_000


def timeline_lines(
    snapshot: Snapshot,
    now_ns: int,
    width: int,
    *,
    seconds: float | None = None,
    rows: int = 20,
    ascii: bool = False,  # noqa: A002  says it best
) -> list[Line]:
    """The last `seconds` up to `now_ns`, at most `width` cells wide; empty if no task was there.

    If all tasks have ended, up to the end of the last one. If `seconds` is None, from
    the beginning of what was typed last, but at most the last 10 s. Statements that
    took no time and showed nothing have no row. If there are more tasks than `rows`,
    those that lasted longest have one, and the last row sums up the others. `now_ns` is on
    the clock of `snapshot`; with `ascii`, the glyphs are ASCII.
    """
    end = _end(snapshot, now_ns)
    start = _start(snapshot, end) if seconds is None else end - int(seconds * SECOND)
    lanes = [lane for lane in user_lanes(snapshot.lanes) if _is_drawn(lane, snapshot, start, end)]
    if not lanes:
        return []
    shown, hidden = _longest_lasting(lanes, snapshot, (start, end), rows)
    families = lanes_in_tree_order(shown)
    names = _names_width(families, width)
    room = width - names - 2
    scale = Scale.fitting(start, end - start, room)
    columns = scale.column(end) + 1
    picture = LanePicture(snapshot, scale, columns, ascii=ascii)
    lines = [
        [label, ("", "  "), *_trimmed(picture.track(lane))]
        for label, (lane, _) in zip(picture.labels(families, names), families, strict=True)
    ]
    if hidden:
        lines.append(rest_line(len(hidden), picture.count_ran(hidden, start), "ran"))
    lines.append([("", " " * (names + 2)), *axis_line(scale, range(columns), room)])
    return [*lines, *legend(picture.states, width, ascii=ascii)]


def _end(snapshot: Snapshot, now: int) -> int:
    """Now, if any task has not ended; else the instant at which the last one ended."""
    ended = snapshot.ended
    if not snapshot.lanes or any(lane.id not in ended for lane in snapshot.lanes):
        return now
    return max(ended[lane.id].at for lane in snapshot.lanes)


def _start(snapshot: Snapshot, end: int) -> int:
    """When the youngest task that no other made was born, if it and its children took time."""
    until: dict[int, int] = {}
    start = end - MAX_SECONDS * SECOND
    for lane in reversed(snapshot.lanes):  # children come before their parents
        ended = snapshot.ended.get(lane.id)
        last = max(until.get(lane.id, 0), end if ended is None else ended.at)
        if lane.parent is not None:
            until[lane.parent] = max(until.get(lane.parent, 0), last)
        elif last - lane.born >= _BRIEF:
            return max(lane.born, start)
    return start


def _is_drawn(lane: Lane, snapshot: Snapshot, start: int, end: int) -> bool:
    """Whether the task was there between these instants, and anything of it is to be seen."""
    ended = snapshot.ended.get(lane.id)
    if ended is None:
        return lane.born <= end
    if not (max(lane.born, start + 1) <= ended.at and lane.born <= end):
        return False
    brief = lane.parent is None and ended.at - lane.born < _BRIEF and ended.how == "done"
    return not brief or any(mark.lane == lane.id for mark in snapshot.marks)


def _longest_lasting(
    lanes: list[Lane], snapshot: Snapshot, window: tuple[int, int], rows: int
) -> tuple[list[Lane], list[Lane]]:
    """The lanes to draw, and those to sum up: those that lasted the shortest in the window."""
    if len(lanes) <= rows:
        return lanes, []

    def length(lane: Lane) -> int:
        ended = snapshot.ended.get(lane.id)
        return (window[1] if ended is None else ended.at) - max(lane.born, window[0])

    longest = sorted(lanes, key=length, reverse=True)
    return longest[: rows - 1], longest[rows - 1 :]


def _trimmed(track: Line) -> Line:
    """`track` without the blanks at its end: who copies it into a text wants none."""
    return track[:-1] if track and not track[-1][1].strip() else track


def _names_width(families: list[tuple[Lane, int]], width: int) -> int:
    """The cells of the names: what the longest needs, if that is not too much."""
    longest = max(cell_width(lane.name) + 2 * depth for lane, depth in families)
    return min(longest, max(width // 4, 8))
