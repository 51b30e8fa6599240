"""Lanes: one row a task, time running to the right, the newest at the right edge.

    tick            ──────•───────────•───────────•───────────•─────
    input 3         █●──────────────●──────────────●───────────────┤

A column is a fixed piece of *absolute* time (column number = instant // length),
so a picture moves by whole columns and its marks never jitter. The width of the
names depends on the width of the picture alone, rows keep the order of birth,
and a task that has ended keeps its row for a while: nothing jumps about.

What does not work: telling the states apart by colour (not everybody has it),
and glyphs that some terminals draw two cells wide. Each state has a shape of
its own, one cell wide, with a fallback in ASCII.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from asyncrepl.views.styled import printable

if TYPE_CHECKING:
    from asyncrepl.events import Lane, Snapshot
    from asyncrepl.views.styled import Fragment, Line

__all__ = ["lanes", "legend"]

SECOND = 1_000_000_000

#: State → style, glyph, glyph in ASCII. Of two states in one column the later one here is drawn.
GLYPHS: dict[str, tuple[str, str, str]] = {
    "absent": ("", " ", " "),
    "waiting": ("wait", "─", "-"),
    "running": ("run", "█", "="),
    "print": ("value", "•", "o"),
    "value": ("value", "●", "@"),
    "done": ("dim", "┤", "|"),
    "cancelled": ("cancelled", "○", "/"),
    "error": ("error", "✗", "X"),
}
_RANK = {state: rank for rank, state in enumerate(GLYPHS)}


class _Axis(NamedTuple):
    """The columns: how long each is (ns), the number of the first, how many."""

    length: int
    first: int
    columns: int

    def column(self, at: int) -> int:
        """The column of the instant `at`, which may lie outside."""
        return at // self.length - self.first


def lanes(
    snapshot: Snapshot,
    now_ns: int,
    width: int,
    *,
    rows: int = 8,
    ascii: bool = False,  # noqa: A002  says it best
    seconds: float | None = None,
    linger: float = 3.0,
) -> list[Line]:
    """At most `rows` lines of at most `width` cells, for the instant `now_ns`.

    The picture shows the last `seconds`, or a tenth of a second a column if
    None. A task that has ended keeps its row for `linger` seconds. If there are
    more tasks than rows, the last line sums up the rest.
    """
    names = min(max(width // 5, 8), 16)
    count = max(width - names - 1, 1)
    length = SECOND // 10 if seconds is None else max(int(seconds * SECOND) // count, 1)
    picture = _Picture(snapshot, _Axis(length, now_ns // length - count + 1, count), ascii=ascii)
    shown, hidden = _chosen(snapshot, now_ns - int(linger * SECOND), rows)
    drawn = [[picture.label(lane, names), ("", " "), *picture.track(lane)] for lane in shown]
    return [*drawn, picture.rest(hidden)][:rows] if hidden else drawn


def legend(*, ascii: bool = False) -> Line:  # noqa: A002
    """One line that says what the glyphs mean."""
    words = {"waiting": "waits", "running": "runs", "print": "prints", "done": "ends"}
    line: Line = []
    for state, (style, *glyphs) in list(GLYPHS.items())[1:]:
        line += [(style, glyphs[ascii]), ("dim", f" {words.get(state, state)}   ")]
    return [*line[:-1], ("dim", line[-1][1].rstrip())]


def _chosen(snapshot: Snapshot, since: int, rows: int) -> tuple[list[Lane], list[Lane]]:
    """The lanes to draw, and those to sum up.

    Who lives goes before who has ended. Of too many, the oldest are drawn, and
    the youngest that no other task made: that is the statement just typed.
    """
    ended = snapshot.ended
    alive = [lane for lane in snapshot.lanes if lane.id not in ended]
    if len(alive) > rows:
        roots = [lane for lane in alive if lane.parent is None]
        kept = {lane.id for lane in [*roots[-1:], *alive][: max(rows - 1, 0)]}
        shown = [lane for lane in alive if lane.id in kept]
        return shown, [lane for lane in alive if lane.id not in kept]
    gone = [lane for lane in snapshot.lanes if lane.id in ended and ended[lane.id].at >= since]
    gone.sort(key=lambda lane: ended[lane.id].at, reverse=True)
    return sorted([*alive, *gone[: rows - len(alive)]], key=lambda lane: lane.id), []


class _Picture:
    """What is drawn of one snapshot on one axis."""

    def __init__(self, snapshot: Snapshot, axis: _Axis, *, ascii: bool) -> None:  # noqa: A002
        self._ended = snapshot.ended
        self._axis = axis
        self._ascii = ascii
        self._ran = _ran(snapshot, axis)
        self._marks = _marks(snapshot, axis)

    def label(self, lane: Lane, width: int) -> Fragment:
        """The task's name in exactly `width` cells."""
        style = "dim" if lane.id in self._ended else "name"
        return style, _fit(lane.name, width, "~" if self._ascii else "…")

    def track(self, lane: Lane) -> Line:
        """The task's life, one cell a column."""
        line: Line = []
        for state, run in groupby(self._states(lane)):
            style, *glyphs = GLYPHS[state]
            line.append((style, glyphs[self._ascii] * len(list(run))))
        return line

    def rest(self, hidden: list[Lane]) -> Line:
        """How many more tasks there are, and how many of them ran in the last second."""
        recent = self._ran[-max(SECOND // self._axis.length, 1) :]
        lately = set().union(*recent)
        running = sum(lane.id in lately for lane in hidden)
        return [("dim", f"+ {len(hidden)} more: {running or 'none'} running")]

    def _states(self, lane: Lane) -> list[str]:
        axis, ended = self._axis, self._ended.get(lane.id)
        end = axis.column(ended.at) if ended else axis.columns - 1
        states = ["absent"] * axis.columns
        for column in range(max(axis.column(lane.born), 0), min(end, axis.columns - 1) + 1):
            ran = "running" if lane.id in self._ran[column] else "waiting"
            states[column] = self._marks.get((lane.id, column), ran)
        if ended and 0 <= end < axis.columns:
            states[end] = ended.how
        return states


def _ran(snapshot: Snapshot, axis: _Axis) -> list[set[int]]:
    """For each column the lanes that ran in it.

    Whole columns are cut out of the log at once: a second of a busy loop holds
    100,000 slices, and a picture is drawn many times a second.
    """
    ids, starts = snapshot.slices[::2], snapshot.slices[1::2]
    columns = []
    for begin in range(
        axis.first * axis.length, (axis.first + axis.columns) * axis.length, axis.length
    ):
        low, high = bisect_left(starts, begin), bisect_left(starts, begin + axis.length)
        ran = set(ids[low:high])
        if low and (low == len(starts) or starts[low] > begin):
            ran.add(ids[low - 1])  # it began earlier and reaches into this column
        columns.append(ran)
    return columns


def _marks(snapshot: Snapshot, axis: _Axis) -> dict[tuple[int, int], str]:
    marks: dict[tuple[int, int], str] = {}
    for mark in reversed(snapshot.marks):
        column = axis.column(mark.at)
        if column < 0:
            break
        marks[mark.lane, column] = max(mark.kind, marks.get((mark.lane, column), ""), key=_rank)
    return marks


def _rank(state: str) -> int:
    return _RANK.get(state, -1)


def _fit(text: str, width: int, dots: str) -> str:
    """`text` in exactly `width` cells, cut off with `dots` if it is too long."""
    text = printable(text).replace("\n", "\\n").replace("\t", "\\t")
    if sum(map(_cells, text)) > width:
        room, kept = width - 1, ""
        for char in text:
            if (room := room - _cells(char)) < 0:
                break
            kept += char
        text = kept + dots
    return text + " " * (width - sum(map(_cells, text)))


def _cells(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
