"""A table of tasks: name, state, times, and the line where each waits.

    task     state        age  slices     busy  waited
    tick     waiting   12.3 s      62   1.0 ms  12.3 s  asyncio.sleep(0.2)
    input 3  waiting    1.2 s       2  0.41 ms   1.2 s  <input 3>:1: await jobs.get()  (Queue.get)

Where a line does not hold it all, the place goes below; where it does not hold
the columns, those go that can be done without.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from asyncrepl.views.styled_lines import Line, one_line, plain, shortened, wrapped
from asyncrepl.views.time_display import duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncrepl.engine.tasks.task_survey import TaskState

__all__ = ["task_lines"]

#: A longer name is cut.
MAX_NAME = 24
HEADS = ("task", "state", "age", "slices", "busy", "waited")
#: Columns to leave out on a narrow screen, one after the other.
OPTIONAL_COLUMNS = ("waited", "slices", "busy", "age")


def task_lines(
    states: Sequence[TaskState],
    width: int | None = None,
    *,
    rows: int = 40,
    ascii: bool = False,  # noqa: A002  says it best
) -> list[Line]:
    """At most `rows` tasks with their columns; those beyond are summed up in a last line.

    `states` are those of the tasks, in order. Without a `width` each task has one line. There
    is a head line where times are known. With `ascii`, what is cut off ends in ``~``.
    """
    shown, hidden = states[:rows], states[rows:]
    if not shown:
        return []
    timed = any(state.age is not None for state in shown)
    names = [one_line(state.name) for state in shown]
    names = shortened(names, [MAX_NAME] * len(names), "~" if ascii else "…")
    table = [_column_texts(state, name) for state, name in zip(shown, names, strict=True)]
    heads = _fitting(table, list(HEADS if timed else HEADS[:2]), width)
    sizes = {head: max(len(head) * timed, *(len(row[head]) for row in table)) for head in heads}
    lines = [_table_row(row, sizes) for row in table]
    places = [_place(state) for state in shown]
    body = _with_places(lines, places, width)
    if timed:
        body.insert(
            0, [("dim", plain(_table_row({head: head for head in heads}, sizes)).rstrip())]
        )
    return body + ([_summary_row(hidden)] if hidden else [])


def _column_texts(state: TaskState, name: str) -> dict[str, str]:
    """The text of each column."""
    cells = dict.fromkeys(HEADS, "") | {"task": name, "state": state.state}
    if state.age is not None:
        busy = state.busy or 0
        cells |= {"age": duration(state.age), "slices": str(state.slices or 0)}
        cells |= {"busy": duration(busy), "waited": duration(max(state.age - busy, 0))}
    return cells


def _fitting(table: list[dict[str, str]], heads: list[str], width: int | None) -> list[str]:
    """The columns that `width` cells hold."""
    for spare in OPTIONAL_COLUMNS:
        sizes = [max(len(head), *(len(row[head]) for row in table)) for head in heads]
        if width is None or sum(sizes) + 2 * len(sizes) <= width:
            break
        heads = [head for head in heads if head != spare]
    return heads


def _table_row(row: dict[str, str], sizes: dict[str, int]) -> Line:
    """Names to the left, numbers to the right."""
    line: Line = [("name", row["task"].ljust(sizes["task"])), ("", "  ")]
    line.append(("", row["state"].ljust(sizes["state"])))
    line += [("", "  " + row[head].rjust(size)) for head, size in list(sizes.items())[2:]]
    return line


def _place(state: TaskState) -> str:
    """Where it waits, and on what if the source line does not say it already."""
    where, source, on = one_line(state.where), one_line(state.source), one_line(state.on)
    if not where:
        return on
    place = f"{where}: {source}" if source else where
    return place if not on or on in source else f"{place}  ({on})"


def _with_places(lines: list[Line], places: list[str], width: int | None) -> list[Line]:
    """Each place behind its columns, or below where that is too wide for any."""
    longest = max(
        len(plain(line)) + 2 + len(place) for line, place in zip(lines, places, strict=True)
    )
    below = width is not None and longest >= width
    joined: list[Line] = []
    for line, place in zip(lines, places, strict=True):
        joined.append(line if below or not place else [*line, ("dim", f"  {place}")])
        if below and place:
            joined += [
                [("dim", "    " + text.lstrip())] for text in wrapped(place, width and width - 4)
            ]
    return [[*line[:-1], (line[-1][0], line[-1][1].rstrip())] for line in joined]


def _summary_row(hidden: Sequence[TaskState]) -> Line:
    states = Counter(state.state for state in hidden)
    counts = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    return [("dim", f"+ {len(hidden)} more: {counts}")]
