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

What does not work: drawing a task as running wherever it ran at all. One that prints a line each
0.1 s takes some microseconds for it, and would look like one that takes the loop for itself. A
block is drawn where a task had the loop for most of the column, a spike on its line where it only
ran. (What does not work for the shapes themselves: see `asyncrepl.views.glyphs`.)
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING

from asyncrepl.views.glyphs import glyphs_of
from asyncrepl.views.styled_lines import cell_width, plain, shortened
from asyncrepl.views.time_display import SECOND, Scale, axis_line

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from asyncrepl.events import Lane, Snapshot
    from asyncrepl.views.styled_lines import Line


def lane_lines(
    snapshot: Snapshot,
    now_ns: int,
    width: int,
    *,
    rows: int = 8,
    ascii: bool = False,
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
    drawn = picture.rows(families, names, " ")
    rest = [rest_line(snapshot.others, snapshot.others_ran, "ran lately")]
    return [*drawn, *rest][:rows] if snapshot.others else drawn


def _drawn_lanes(snapshot: Snapshot, since: int, rows: int) -> list[Lane]:
    """The lanes to draw: those that have not ended, and where there is room some that have."""
    ended, users = snapshot.ended, user_lanes(snapshot.lanes)
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
    ascii: bool = False,
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
    longest = max(cell_width(lane.name) + 2 * depth for lane, depth in families)
    names = min(longest, max(width // 4, 8))
    room = width - names - 2
    scale = Scale.fitting(start, end - start, room)
    columns = scale.column(end) + 1
    picture = LanePicture(snapshot, scale, columns, ascii=ascii)
    lines = [_trimmed(row) for row in picture.rows(families, names, "  ")]
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


def user_lanes(lanes: Iterable[Lane]) -> list[Lane]:
    """The lanes of the user's own tasks: not those in which a command waits."""
    return [lane for lane in lanes if not lane.name.startswith(":")]


def lanes_in_tree_order(lanes: Iterable[Lane]) -> list[tuple[Lane, int]]:
    """The lanes with their depths: children follow their parent, and all in order of birth.

    A lane whose parent is not among `lanes` has depth 0.
    """
    lanes = sorted(lanes, key=lambda lane: lane.id)
    known = {lane.id for lane in lanes}
    children: dict[int | None, list[Lane]] = {}
    for lane in lanes:
        parent = lane.parent if lane.parent in known else None
        children.setdefault(parent, []).append(lane)
    ordered: list[tuple[Lane, int]] = []
    waiting = [(lane, 0) for lane in reversed(children.get(None, []))]
    while waiting:
        lane, depth = waiting.pop()
        ordered.append((lane, depth))
        waiting += [(child, depth + 1) for child in reversed(children.get(lane.id, []))]
    return ordered


#: Looks at each column: who is met at half of them had the loop for most of it.
SAMPLES_PER_COLUMN = 8


def legend(
    states: Collection[str] | None = None, width: int | None = None, *, ascii: bool = False
) -> list[Line]:
    """What the glyphs of `states` mean (None: of all), in lines of at most `width` cells.

    Without a `width`, in one line. With `ascii`, of the glyphs' forms in ASCII.
    """
    lines: list[Line] = [[]]
    for glyph in glyphs_of("lanes").values():
        if glyph.meaning and (states is None or glyph.name in states):
            what = ("dim", f" {glyph.brief or glyph.name}")
            entry: Line = [(glyph.style, glyph.drawn(ascii=ascii)), what]
            if lines[-1] and width and len(plain([*lines[-1], *entry])) + 3 > width:
                lines.append([])
            lines[-1] += [("", "   "), *entry] if lines[-1] else entry
    return lines


def rest_line(count: int, ran: int, word: str) -> Line:
    """How many tasks (`count`) have no row, and how many of them `ran`.

    `word` says what those did. Not "running": on one thread that is one at a time.
    """
    return [("dim", f"+ {count} more: {ran or 'none'} {word}")]


class LanePicture:
    """What is drawn of one snapshot on the first `columns` of a scale."""

    def __init__(self, snapshot: Snapshot, scale: Scale, columns: int, *, ascii: bool) -> None:
        self.states: set[str] = set()
        self._drawn = {lane.id for lane in snapshot.lanes}
        self._ended = snapshot.ended
        self._scale = scale
        self._columns = columns
        self._ascii = ascii
        # Views: nothing of what may be megabytes is copied for a frame.
        slices = memoryview(snapshot.slices)
        self._ids, self._starts = slices[::2], slices[1::2]
        self._ran = [self._running(column) for column in range(columns)]
        self._marks = self._marked(snapshot)

    def rows(self, families: Sequence[tuple[Lane, int]], width: int, gap: str) -> list[Line]:
        """A row for each of `families`, lanes with their depths: a name, the `gap`, the states.

        Names have exactly `width` cells, and are indented under those they descend from. A task
        that has ended and has a younger namesake among them is called the old one.
        """
        indents = [min(2 * depth, width // 2) for _, depth in families]
        youngest = {lane.name: lane.id for lane, _ in sorted(families, key=lambda row: row[0].id)}
        old = [lane.id in self._ended and lane.id != youngest[lane.name] for lane, _ in families]
        whole = ["old " * late + lane.name for (lane, _), late in zip(families, old, strict=True)]
        widths = [width - indent for indent in indents]
        names = shortened(whole, widths, "~" if self._ascii else "…")
        lines: list[Line] = []
        for (lane, _), indent, name in zip(families, indents, names, strict=True):
            text = " " * indent + name
            style = "dim" if lane.id in self._ended else "name"
            label = style, text + " " * (width - cell_width(text))
            lines.append([label, ("", gap), *self._track(lane)])
        return lines

    def _track(self, lane: Lane) -> Line:
        """The states of the task from its birth to its end, one cell a column."""
        line: Line = []
        glyphs, states = glyphs_of("lanes"), self._states(lane)
        self.states.update(states)
        for state, run in groupby(states):
            glyph = glyphs[state]
            line.append((glyph.style, glyph.drawn(ascii=self._ascii) * len(list(run))))
        return line

    def count_ran(self, lanes: Iterable[Lane], since: int) -> int:
        """How many of these `lanes` ran from the instant `since` (ns) on."""
        lately = set(self._ids[max(bisect_right(self._starts, since) - 1, 0) :])
        return sum(lane.id in lately for lane in lanes)

    def _states(self, lane: Lane) -> list[str]:
        column, last = self._scale.column, self._columns - 1
        ended = self._ended.get(lane.id)
        end = column(ended.at) if ended else last
        states = ["absent"] * self._columns
        for number in range(max(column(lane.born), 0), min(end, last) + 1):
            ran = self._ran[number].get(lane.id, "waiting")
            states[number] = self._marks.get((lane.id, number), ran)
        if ended and 0 <= end <= last:
            states[end] = ended.how
        return states

    def _running(self, column: int) -> dict[int, str]:
        """Those drawn that ran in `column`: "running" who ran most of it, "brief" the others.

        A second of a busy loop holds 100,000 slices, and a picture is drawn many
        times a second. So time is not added up, but looked at here and there.
        """
        begin, end = self._scale.instant(column), self._scale.instant(column + 1)
        low = bisect_left(self._starts, begin)
        high = bisect_left(self._starts, end, lo=low)
        if low == high:  # one slice goes all through it
            return {self._ids[low - 1]: "running"} if low else {}
        met = self._drawn.intersection(self._ids[low:high])
        if low and self._starts[low] > begin:
            # It began earlier and reaches into this column.
            met |= self._drawn.intersection(self._ids[low - 1 : low])
        if not met:
            return {}
        ran = dict.fromkeys(met, "brief")
        length = end - begin
        parts = 2 * SAMPLES_PER_COLUMN
        looks = (begin + length * odd // parts for odd in range(1, parts, 2))
        for lane, seen in Counter(map(self._lane_at, looks)).items():
            if seen >= SAMPLES_PER_COLUMN // 2:
                ran[lane] = "running"
        return ran

    def _lane_at(self, at: int) -> int:
        """Who was running at the instant `at`; 0 for nobody."""
        number = bisect_right(self._starts, at) - 1
        return int(self._ids[number]) if number >= 0 else 0

    def _marked(self, snapshot: Snapshot) -> dict[tuple[int, int], str]:
        ranks = {name: rank for rank, name in enumerate(glyphs_of("lanes"))}
        marks: dict[tuple[int, int], str] = {}
        for mark in reversed(snapshot.marks):
            column = self._scale.column(mark.at)
            if column < 0:
                break
            before = marks.get((mark.lane, column), mark.kind)
            marks[mark.lane, column] = max(mark.kind, before, key=ranks.__getitem__)
        return marks
