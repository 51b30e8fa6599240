"""Tasks as a table: name, state, times, and the line where each waits; and as a tree.

    task     state        age  slices     busy  waited
    tick     waiting   12.3 s      62   1.0 ms  12.3 s  asyncio.sleep(0.2)
    input 3  waiting    1.2 s       2  0.41 ms   1.2 s  <input 3>:1: await jobs.get()  (Queue.get)

Where a line does not hold it all, the place goes below; where it does not hold
the columns, those go that can be done without.

Who awaits whom, as a tree of tasks down to the line where each waits.

::

    input 3  main() waits on gather of 2 at <input 3>:4
    ├─ Task-7  fetch() waits on asyncio.sleep(1) at <input 1>:3
    └─ Task-8  fetch() waits on Queue.get (jobs) at <input 2>:5
    tick     waits on asyncio.sleep(0.2)

A task that several others await is drawn in full once. Tasks that await each other are below no
root: they are drawn from the first of them, and where the circle closes the tree says so.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from asyncrepl.engine.tasks.task_survey import TaskState
from asyncrepl.views.styled_lines import (
    UNBROKEN,
    Line,
    cell_width,
    one_line,
    plain,
    shortened,
    unbroken,
    wrapped,
)
from asyncrepl.views.time_display import duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from asyncrepl.engine.tasks.await_graph import AwaitNode

#: A longer name is cut.
MAX_NAME = 24
HEADS = ("task", "state", "age", "slices", "busy", "waited")
#: Columns to leave out on a narrow screen, one after the other.
OPTIONAL_COLUMNS = ("waited", "slices", "busy", "age")


def task_lines(
    states: Sequence[TaskState], width: int | None = None, *, rows: int = 40, ascii: bool = False
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
        head_row = plain(_table_row({head: head for head in heads}, sizes)).rstrip()
        body.insert(0, [("dim", head_row)])
    if hidden:
        kinds = sorted(Counter(state.state for state in hidden).items())
        counts = ", ".join(f"{count} {kind}" for kind, count in kinds)
        body.append([("dim", f"+ {len(hidden)} more: {counts}")])
    return body


def waits_in_words(nodes: Sequence[AwaitNode]) -> list[str]:
    """Where tasks wait, a sentence without a verb's end for each place, those of the most first.

    ::

        `worker` waited at jobs.py:7: job = await queue.get()
        3 tasks of `fetch` waited at pages.py:12: …
    """
    counts = Counter(
        (one_line(each.function), TaskState("", each.state, each.where, each.source, each.on))
        for each in nodes
    )
    return [
        f"{f'{count} tasks of ' if count > 1 else ''}`{function}` waited at {_place(state)}"
        for (function, state), count in counts.most_common()
    ]


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
        rows = wrapped(place, width and width - 4) if below and place else []
        joined += [[("dim", "    " + text.lstrip())] for text in rows]
    return [[*line[:-1], (line[-1][0], line[-1][1].rstrip())] for line in joined]


class _Guides(NamedTuple):
    """What is drawn before a child and below it; of the last child, and below that."""

    child: str = "├─ "
    beside: str = "│  "
    last: str = "└─ "
    below: str = "   "


#: From how many columns on names are aligned, and up to which width of the longest.
_ALIGNED_FROM, _LONGEST_ALIGNED = 60, 24
_ASCII = _Guides("|- ", "|  ", "`- ", "   ")


def tree_lines(
    nodes: Sequence[AwaitNode],
    width: int | None = None,
    *,
    rows: int = 40,
    siblings: int = 10,
    ascii: bool = False,
) -> list[Line]:
    """The tasks of `nodes` with those they await below them; at most about `rows` tasks.

    Of more than `siblings` that one task awaits, and of the rest beyond `rows`, only
    the number is shown. Lines are wrapped at `width` cells (None: not); with `ascii`, the
    guides between them are ASCII.
    """
    tree = _TreeDrawing(nodes, width, _ASCII if ascii else _Guides(), rows, siblings)
    roots = _roots(nodes)
    column = tree.name_column(roots)
    lines = [line for root in roots for line in tree.draw(root, column)]
    rest = len(nodes) - len(tree.drawn | tree.counted)
    return lines + ([[("dim", f"+ {rest} more")]] if rest else [])


class _TreeDrawing:
    """What is drawn so far: the indices of the nodes that are `drawn`, or only `counted`."""

    def __init__(
        self,
        nodes: Sequence[AwaitNode],
        width: int | None,
        guides: _Guides,
        rows: int,
        siblings: int,
    ) -> None:
        self._nodes = nodes
        self._width = width
        self._guides = guides
        self._rows = rows
        self._siblings = siblings
        self._path: list[int] = []
        self.drawn: set[int] = set()
        self.counted: set[int] = set()

    def name_column(self, siblings: Sequence[int]) -> int:
        """The cells that the names of these tasks take, one below the other; 0: each its own."""
        if self._width is not None and self._width < _ALIGNED_FROM:
            return 0
        widest = max([cell_width(one_line(self._nodes[at].name)) for at in siblings], default=0)
        return widest if widest <= _LONGEST_ALIGNED else 0

    def draw(self, at: int, column: int, first: str = "", below: str = "") -> Iterator[Line]:
        """The lines of one task and of those it awaits, behind what leads to it.

        Its name takes at least `column` cells.
        """
        node = self._nodes[at]
        if at in self._path or at in self.drawn:
            cycle = "again: a cycle, each waits for the next"
            text = cycle if at in self._path else "(see above)"
            yield from self._lines(node, text, column, first, below)
        elif len(self.drawn) < self._rows:
            self.drawn.add(at)
            beside = below + self._guides.beside if node.awaits else below
            text, source = _node_text(node), _source_text(node)
            yield from self._lines(node, text, column, first, beside, source)
            self._path.append(at)
            yield from self._children(node.awaits, below)
            self._path.pop()

    def _children(self, awaits: Sequence[int], below: str) -> Iterator[Line]:
        room = max(self._rows - len(self.drawn), 0)
        shown, hidden = awaits, awaits[:0]
        if len(awaits) > min(self._siblings, room):
            shown = awaits[: max(min(self._siblings, room) - 1, 0)]
            hidden = awaits[len(shown) :]
        column, guides = self.name_column(shown), self._guides
        for at in shown:
            last = at == awaits[-1]
            first, more = (guides.last, guides.below) if last else (guides.child, guides.beside)
            yield from self.draw(at, column, below + first, below + more)
        if hidden:
            rest = _reachable(self._nodes, hidden) - self.drawn
            self.counted |= rest
            yield [("dim", f"{below}{guides.last}+ {len(rest)} more")]

    def _lines(
        self, node: AwaitNode, text: str, column: int, first: str, below: str, source: str = ""
    ) -> Iterator[Line]:
        """One task's lines: the first behind `first`, the others behind `below`.

        The source is shown where the first line holds it all.
        """
        name = one_line(node.name)
        text = f"{name}{' ' * (column - cell_width(name))}  {text}"
        width, taken = self._width, cell_width(first + text)
        if width is None or taken + cell_width(source) < width:
            lines = [text]
        else:
            source = ""
            lines = [text] if taken < width else wrapped(text, width - len(below), indent=2)
        head, *more = (each.replace(UNBROKEN, " ") for each in lines)
        start = min(len(name), len(head))
        line = [("dim", first), ("name", head[:start]), ("", head[start:]), ("dim", source)]
        yield [fragment for fragment in line if fragment[1]]
        yield from ([("dim", below), ("", rest)] for rest in more)


def _source_text(node: AwaitNode) -> str:
    """The line where it waits, if that says more than what it waits on."""
    known = not node.where or (node.on and node.on in node.source)
    return "" if known or not node.source else f": {one_line(node.source)}"


def _node_text(node: AwaitNode) -> str:
    """What the task does and where, as a sentence without its subject."""
    function = one_line(node.function.rpartition("<locals>.")[2])
    subject = f"{function}() " if function and function != "<module>" else ""
    place = f" at {unbroken(one_line(node.where))}" if node.where else ""
    if node.state == "running":
        return f"{subject}runs{place}"
    if node.state == "ready":
        return f"{subject}is ready to run{place}"
    waits = f"waits on {unbroken(one_line(node.on))}" if node.on else "waits"
    stops = "is stopping: " if node.state == "stopping" else ""
    return f"{subject}{stops}{waits}{place}"


def _roots(nodes: Sequence[AwaitNode]) -> list[int]:
    """Whom nobody awaits; and of those who await each other in a circle, the first."""
    awaited = {at for node in nodes for at in node.awaits}
    roots = [at for at in range(len(nodes)) if at not in awaited]
    reached = _reachable(nodes, roots)
    for at in range(len(nodes)):
        if at not in reached and at in _reachable(nodes, nodes[at].awaits):
            roots.append(at)
            reached |= _reachable(nodes, [at])
    return sorted(roots)


def _reachable(nodes: Sequence[AwaitNode], start: Sequence[int]) -> set[int]:
    """Those that one comes to from `start`, with these."""
    found: set[int] = set()
    new = list(start)
    while new:
        at = new.pop()
        if at not in found:
            found.add(at)
            new.extend(nodes[at].awaits)
    return found
