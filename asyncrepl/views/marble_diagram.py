"""Marble diagrams: the values of async iterables over time, in plain text.

    ticks(3)       -----1----2----3|
    ticks(9, 0.5)  --1--2-3--4--5-6…
                   0    1    2    3 s

A value is in the column of its instant. All rows have one time scale, so what
is in one column happened at one time, and a second is as long everywhere. `|`
is the end, `X` an error, `…` says that it went on when nobody looked any more.
What comes at one instant is in brackets: ``(0 1 2)|``.

The scale is the shortest on which no two values touch. A picture that is then too wide has its
labels above, if it fits so; else it goes on below, as in sheet music, for at most `MAX_SYSTEMS`
lines a row. What does not fit into these either gets the scale that fits one line, and values that
would collide there are put in brackets with the number of them: ``(10…57)`` are all from 10 to 57.

What does not work: a scale that stretches where much happens (everything is
readable, but nobody can see how long anything took), and a mark a column (with
ten values in each, all that is left of them is a line of dots).
"""

from __future__ import annotations

from itertools import pairwise, zip_longest
from typing import TYPE_CHECKING, NamedTuple

from asyncrepl.views.glyphs import glyphs_of
from asyncrepl.views.styled_lines import cell_width, cut, fit, joined_fragments
from asyncrepl.views.time_display import Scale, axis_line, round_steps

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from asyncrepl.engine.iteration.marble_recorder import MarbleRow
    from asyncrepl.views.styled_lines import Line

#: Cells of a value, and of several at one instant.
_MAX_VALUE, _MAX_GROUP = 12, 24
#: Nanoseconds: what comes closer together comes at one instant.
_SAME_INSTANT = 200_000
#: A picture that would be shorter is stretched to so many columns, if it takes time at all.
_MIN_COLUMNS = 10
#: Lines that a row may take.
MAX_SYSTEMS = 4


def marble_lines(rows: Sequence[MarbleRow], width: int, *, ascii: bool = False) -> list[Line]:
    """The diagram of `rows`, at most `width` cells wide, with an axis in seconds below.

    Of several rows each has its label: in front where there is room, else above.
    With `ascii`, signs are ASCII.
    """
    return list(_DiagramLayout(rows, width, ascii=ascii).lines())


class _InstantValues(NamedTuple):
    """What is written at one instant: the text of one value, or those of several."""

    at: int
    texts: tuple[str, ...]


class _DiagramLayout:
    """The layout: which scale, how many columns a line, where the labels are."""

    def __init__(self, rows: Sequence[MarbleRow], width: int, *, ascii: bool) -> None:
        self._glyphs = {
            name: (glyph.style, glyph.drawn(ascii=ascii))
            for name, glyph in glyphs_of("marbles").items()
        }
        self._dots = self._glyphs["open"][1]
        self._range = ".." if ascii else "…"
        self._rows = rows
        labels = [cut(row.label, width - 1, self._dots) for row in rows] if len(rows) > 1 else []
        longest = max(map(cell_width, labels), default=0)
        self._labels = labels
        beside = longest + 2 if labels and longest <= width // 3 else 0
        self._notes = [list(self._instants(row)) for row in rows]
        self._place(beside, width)
        # Rather labels above than a picture that is cut for the room they take.
        if beside and not self._is_whole():
            self._place(0, width)
            if not self._is_whole():
                self._place(beside, width)

    def _place(self, beside: int, width: int) -> None:
        """Give the labels `beside` columns of the `width`, 0 for above."""
        self._beside, self._room = beside, max(width - beside, 10)
        self._scale = self._chosen()

    def _is_whole(self) -> bool:
        """Whether one line holds each row."""
        return self._columns(self._scale) <= self._room

    def lines(self) -> Iterator[Line]:
        """All lines: systems of one line a row and an axis."""
        tracks = self._tracks(self._scale)
        total = max((len(track) for track in tracks), default=0)
        for first, last in _systems(tracks, total, self._room):
            for number, track in enumerate(tracks):
                part = track[first:last]
                if part or not first:
                    yield from self._row(number, part)
            seen = min(last, self._scale.nearest(self._until) + 1)
            axis = axis_line(self._scale, range(first, seen), self._room)
            yield [("", " " * self._beside), *axis] if self._beside else axis

    def _row(self, number: int, part: Line) -> Iterator[Line]:
        label: Line = []
        if self._beside:
            label = [("name", fit(self._labels[number], self._beside))]
        elif self._labels:
            yield [("name", self._labels[number])]
        yield [*label, *joined_fragments(part)]

    # -- what is written ---------------------------------------------------------

    def _instants(self, row: MarbleRow) -> Iterator[_InstantValues]:
        """The values of `row`, those of one instant together."""
        group: list[str] = []
        first = last = 0
        for marble in row.marbles:
            if group and marble.at - last >= _SAME_INSTANT:
                yield _InstantValues(first, tuple(group))
                group = []
            if not group:
                first = marble.at
            last = marble.at
            group.append(cut(marble.text, _MAX_VALUE, self._dots))
        if group:
            yield _InstantValues(first, tuple(group))

    def _text(self, texts: tuple[str, ...], room: int = _MAX_GROUP) -> str:
        """What is written for `texts`: all, or where `room` is too small the first and last."""
        if len(texts) == 1:
            return texts[0]
        if sum(map(cell_width, texts)) + len(texts) + 1 <= room:
            return "(" + " ".join(texts) + ")"
        return f"({texts[0]}{self._range}{texts[-1]})"

    # -- where it is written -----------------------------------------------------

    def _chosen(self) -> Scale:
        """The shortest scale with dashes between all values; else the longest that fits."""
        for gap, systems in ((2, 1), (1, 1), (1, MAX_SYSTEMS)):
            clear = [scale for scale in self._scales(systems) if self._clear(scale, gap)]
            if clear:
                longest = 2 * self._columns(clear[0])
                even = (scale for scale in clear if self._even(scale))
                found = next(even, clear[0])
                return found if self._columns(found) <= longest else clear[0]
        scales = list(self._scales(1))
        fitting = (scale for scale in reversed(scales) if self._holds(scale))
        return next(fitting, scales[0])

    def _holds(self, scale: Scale) -> bool:
        """Whether one line holds it, where values that would collide are made one."""
        return all(len(track) <= self._room for track in self._tracks(scale))

    def _tracks(self, scale: Scale) -> list[Line]:
        pairs = zip(self._rows, self._notes, strict=True)
        return [self._track(row, notes, scale) for row, notes in pairs]

    def _scales(self, systems: int) -> Iterator[Scale]:
        """Scales, the shortest first, on which the picture takes at most so many lines."""
        scales = [Scale(0, step, per) for step in _steps(self._until) for per in range(2, 11)]
        scales.sort(key=lambda scale: scale.per / scale.step)
        shortest = _MIN_COLUMNS if self._until >= _SAME_INSTANT else 0
        fitting = [each for each in scales if self._columns(each) <= systems * self._room]
        yield from [each for each in fitting if self._columns(each) >= shortest] or fitting[-1:]

    @property
    def _until(self) -> int:
        return max((row.at for row in self._rows), default=0)

    def _columns(self, scale: Scale) -> int:
        ends = [scale.nearest(row.at) for row in self._rows]
        last = [notes[-1] for notes in self._notes if notes]
        ends += [scale.nearest(note.at) + cell_width(self._text(note.texts)) for note in last]
        return max(ends, default=0) + 1

    def _clear(self, scale: Scale, gap: int) -> bool:
        """Whether there are `gap` dashes between all neighbours on `scale`."""
        return all(
            scale.nearest(one.at) + cell_width(self._text(one.texts)) + gap
            <= scale.nearest(other.at)
            for notes in self._notes
            for one, other in pairwise(notes)
        )

    def _even(self, scale: Scale) -> bool:
        """Whether all values and ends are drawn at their instants, but for a bit."""
        instants = [note.at for notes in self._notes for note in notes]
        instants += [row.at for row in self._rows]
        offsets = (at * scale.per % scale.step for at in instants)
        return all(min(off, scale.step - off) * 7 <= scale.step for off in offsets)

    def _track(self, row: MarbleRow, notes: list[_InstantValues], scale: Scale) -> Line:
        """The row as (style, text) a column; a wide text fills the first of its columns."""
        track: Line = []
        for column, text in self._placed(notes, scale):
            track += [self._glyphs["waiting"]] * (column - len(track))
            track += [("value", text), *[("value", "")] * (cell_width(text) - 1)]
        track += [self._glyphs["waiting"]] * (scale.nearest(row.at) - len(track))
        return [*track, self._glyphs[row.end]]

    def _placed(self, notes: list[_InstantValues], scale: Scale) -> Iterator[tuple[int, str]]:
        """What is written at which column; notes that would collide are made one."""
        placed: list[tuple[int, tuple[str, ...]]] = []
        for note in notes:
            column, texts = scale.nearest(note.at), note.texts
            if placed and column <= placed[-1][0] + cell_width(self._text(placed[-1][1], room=0)):
                column, before = placed.pop()
                texts = before + texts
            placed.append((column, texts))
        ends = [column - 1 for column, _ in placed[1:]]
        for (column, texts), end in zip_longest(placed, ends):
            room = _MAX_GROUP if end is None else min(end - column, _MAX_GROUP)
            yield column, self._text(texts, room)


def _steps(until: int) -> Iterator[int]:
    """Round steps from one that is too short to be of use up to one longer than all."""
    for step in round_steps():
        if step * 1000 >= until:
            yield step
        if step > max(until, _SAME_INSTANT * 10):
            return


def _systems(tracks: list[Line], total: int, room: int) -> Iterator[tuple[int, int]]:
    """The columns at which each line begins and ends: no value is broken."""
    first = 0
    while first < total or not first:
        last = first + room
        while first + room // 2 < last < total and any(
            last < len(track) and not track[last][1] for track in tracks
        ):
            last -= 1
        yield first, last
        first = last
