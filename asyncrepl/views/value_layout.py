"""A value's tree laid out on a screen: on one line where it fits, else a line or more an item.

Short values look as ``repr`` writes them, character by character. Of long ones so much is shown
as fits into the given rows: fewer and fewer items of each container, and less of each text, are
tried. What is left out is counted where it would stand, and the last such place says how to see
all.

A transcript keeps values on one line, whatever the screen. What is not looked at is ``…`` there,
which stands for any characters when the transcript is checked.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from asyncrepl.views.styled_lines import cell_width, flowed, plain, printable, text_lines
from asyncrepl.views.value_tree import Branch, Leaf, Limits, value_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.views.styled_lines import Fragment, Line
    from asyncrepl.views.value_tree import Node

#: What is tried, one after the other: items of each container, rows of each text.
_ATTEMPTS = (
    (1000, 40), (100, 8), (50, 4), (20, 4), (10, 2), (10, 1), (5, 1), (3, 1), (2, 1), (1, 1),
)  # fmt: skip
#: What has names, a record, is shown up to so many of them where it is inside another container.
_NAMED_ITEMS = 8
_EVERYTHING = Limits(items=200_000, characters=20_000_000, levels=100)
_NARROW = 60
#: An item that is one of several on a line takes at most this part of it.
_SMALL_PART = 4
_TEXT_PIECES = re.compile(r"(?:(?!\\n)\S)*(?:\\n|\s+)|\S+$")
#: The beginning of an escape sequence, where a text is cut in the middle of one.
_PART_OF_ESCAPE = re.compile(r"(?<!\\)((?:\\\\)*)\\(?:x.?|u.{0,3}|U.{0,7})?$")


class Page(NamedTuple):
    """Where values are shown: columns, rows (None: all), whether only ASCII is, what shows all."""

    columns: int
    rows: int | None = None
    ascii: bool = False
    hint: str = ":show _ shows all"

    @property
    def dots(self) -> str:
        """What stands for something that is left out."""
        return "..." if self.ascii else "…"


class ShownValue(NamedTuple):
    """The lines for a screen, and those for a transcript."""

    lines: list[Line]
    recorded: list[Line]


def shown_value(value: object, page: Page) -> ShownValue:
    """How `value` looks on `page`; raises whatever a ``__repr__`` in it raises.

    No ``__repr__`` is called more than once.
    """
    tree = value_tree(value)
    recorded = _recorded_lines(tree)
    cut = tree.left_out or (isinstance(tree, Branch) and tree.largest == float("inf"))
    if tree.width is not None and tree.width <= page.columns and not cut:
        return ShownValue(recorded, recorded)
    return ShownValue(_hinted(_shortened(tree, page), page), recorded)


def whole_value_lines(value: object, page: Page) -> list[Line]:
    """All of `value`, on as many rows as it takes; long words are broken at the last column."""
    tree = value_tree(value, _EVERYTHING)
    layout = _Layout(page, _EVERYTHING.items, None)
    return [row for line in layout.lines(tree) for row in _broken(line, page.columns)]


def _recorded_lines(tree: Node) -> list[Line]:
    """The tree on one line, or on those that a user's own ``repr`` has."""
    lines: list[Line] = [[]]
    for style, text in _flat(tree):
        first, *more = printable(text).split("\n")
        lines[-1].append((style, first))
        lines += [[(style, each)] for each in more]
    return lines


def _flat(node: Node) -> Iterator[Fragment]:
    """The fragments of `node` on one line, ``…`` for what is missing."""
    if isinstance(node, Leaf):
        yield node.style, f"{node.text[:-1]}…" if node.left_out else node.text
        return
    yield "", node.head
    for number, (key, name, item) in enumerate(node.items):
        if number:
            yield "", ", "
        if key is not None:
            yield from _flat(key)
        if name:
            yield "", name
        yield from _flat(item)
    if node.left_out:
        yield "", ", …"
    yield "", "," + node.tail if node.only and len(node.items) == 1 else node.tail


def _shortened(tree: Node, page: Page) -> list[Line]:
    """The first attempt that fits into the rows of the page; else the last one, cut."""
    lines: list[Line] = []
    for items, rows in _ATTEMPTS:
        most = None if page.rows is None else page.rows + 1
        lines = list(islice(_Layout(page, items, rows).lines(tree), most))
        if page.rows is None or _height(lines, page.columns) <= page.rows:
            return lines
    return _cut_rows(lines, tree, page)


#: On fewer columns the unit would take the hint a third row.
_ROOM_FOR_UNIT = 40


def _cut_rows(lines: list[Line], tree: Node, page: Page) -> list[Line]:
    """Of `lines`, the last attempt, those for which there are rows, and how many there are."""
    # More rows than there is room for: the tree is deep, or a ``repr`` of many lines.
    left = len(list(_Layout(page, *_ATTEMPTS[-1]).lines(tree)))
    kept: list[Line] = []
    while lines and _height([*kept, lines[0]], page.columns) < (page.rows or 0):
        kept.append(lines.pop(0))
    if isinstance(tree, Leaf) and tree.length is not None:  # a string, a piece of it on a row
        pieces = [text for line in kept for style, text in line if style == "string"]
        more = f"{tree.length - sum(map(_length, pieces)):,} more"
        more += f" {_unit(tree)}" * (page.columns >= _ROOM_FOR_UNIT)
    else:
        more = f"{left - len(kept):,} more lines"
    return [*kept, [("dim", f"{page.dots} {more}")]]


def _height(lines: list[Line], columns: int) -> int:
    return sum(max(-(-cell_width(plain(line)) // columns), 1) for line in lines)


def _hinted(lines: list[Line], page: Page) -> list[Line]:
    """The same, with what shows all behind the last place where something is left out.

    Where there is no room for it, below that: no word of it is broken at the edge.
    """
    for at, line in reversed([*enumerate(lines)]):
        for number, (style, text) in enumerate(line):
            if style == "dim" and text.startswith(f"{page.dots} "):
                hinted = [*line[:number], (style, f"{text}; {page.hint}"), *line[number + 1 :]]
                before = plain(line)
                if cell_width(plain(hinted)) <= page.columns:
                    lines[at] = hinted
                else:
                    indent = before[: len(before) - len(before.lstrip(" "))]
                    lines.insert(at + 1, [("", indent), ("dim", page.hint)])
                return lines
    return lines


def _broken(line: Line, columns: int) -> list[Line]:
    """The rows of `columns` cells that `line` makes; where characters are wide, of fewer."""
    text = plain(line)
    if cell_width(text) <= columns:
        return [line]
    step = columns if text.isascii() else max(columns // 2, 1)
    style = next((style for style, piece in line if len(piece) > columns), "")
    return [[(style, text[at : at + step])] for at in range(0, len(text), step)]


#: One character of a string, or one byte, as a literal spells it.
_ONE = re.compile(r"\\(?:x..|u.{4}|U.{8}|.)|.", re.DOTALL)


def _left_out(leaf: Leaf, kept: str) -> int:
    """How much is missing where `kept` is shown: of a literal in characters of its value."""
    if leaf.length is None or kept == leaf.text:
        return leaf.left_out + len(leaf.text) - len(kept)
    return leaf.length - _length(kept + "'")


def _length(literal: str) -> int:
    """The length of the string, or of the bytes, that a whole `literal` stands for."""
    return len(_ONE.findall(literal.removeprefix("b")[1:-1]))


def _unit(leaf: Leaf) -> str:
    return "bytes" if leaf.length is not None and leaf.text.startswith("b") else "characters"


def _first_cells(text: str, room: int) -> str:
    """So much of the beginning of `text` as `room` columns hold."""
    kept = text[:room]
    while (beyond := cell_width(kept) - room) > 0:
        kept = kept[: -max(beyond // 2, 1)]  # no character is wider than two
    return kept


def _whole_escapes(text: str) -> str:
    """`text` without an escape sequence that it ends in the middle of."""
    return _PART_OF_ESCAPE.sub(r"\1", text)


class _Layout:
    """One attempt: so many items of each container, so many rows of each text."""

    def __init__(self, page: Page, items: int, rows: int | None) -> None:
        self._page = page
        self._items = items
        self._rows = rows
        self._step = 4 if page.columns >= _NARROW else 2

    def lines(self, tree: Node) -> Iterator[Line]:
        """The lines of `tree`, from the first column on."""
        return self._lines(tree, [], 0, "")

    def _lines(self, node: Node, before: Line, indent: int, after: str) -> Iterator[Line]:
        """The lines of `node` behind `before`; `after` follows it on its last line."""
        room = self._page.columns - cell_width(plain(before)) - len(after)
        fits = node.width is not None and node.width <= room
        if isinstance(node, Leaf):
            yield from self._leaf(node, before, indent, after, fits=fits)
        elif fits and node.largest <= max(self._items, _NAMED_ITEMS):
            yield [*before, *_flat(node), ("", after)]
        elif indent and (row := self._cut_row(node, room)):
            yield [*before, *row, ("", after)]
        else:
            yield [*before, ("", node.head)]
            yield from self._inner(node, indent + self._step)
            yield [("", " " * indent + node.tail + after)]

    def _cut_row(self, node: Branch, room: int) -> Line:
        """All of `node` in one row with what is left out of it; empty if that has no `room`."""
        row: Line = []
        for style, text in self._cut_flat(node):
            row.append((style, text))
            if (room := room - cell_width(text)) < 0 or "\n" in text:
                return []
        return row

    def _cut_flat(self, node: Node) -> Iterator[Fragment]:
        """As `_flat`; but of each container so many items as are shown, and how many there are."""
        if isinstance(node, Leaf):
            # What is left out of a text stands in a row of its own.
            yield node.style, "\n" if node.left_out or node.width is None else node.text
            return
        named = bool(node.items) and bool(node.items[0][1])
        shown = node.items[: max(self._items, _NAMED_ITEMS) if named else self._items]
        left_out = node.left_out + len(node.items) - len(shown)
        yield "", node.head
        for number, (key, name, item) in enumerate(shown):
            yield "", ", " * bool(number)
            if key is not None:
                yield from _flat(key)
            yield "", name
            yield from self._cut_flat(item)
        if left_out:
            yield "", ", " * bool(shown)
            yield "dim", f"{self._page.dots} {left_out:,} more"
        yield "", "," + node.tail if node.only and len(shown) == 1 and not left_out else node.tail

    def _inner(self, node: Branch, indent: int) -> Iterator[Line]:
        named = indent > self._step and bool(node.items) and bool(node.items[0][1])
        shown = node.items[: max(self._items, _NAMED_ITEMS) if named else self._items]
        left_out = node.left_out + len(node.items) - len(shown)
        last = "" if not left_out and not (node.only and len(shown) == 1) else ","
        if all(self._is_small(item) for item in shown):
            yield from self._packed([node for _, _, node in shown], indent, last)
        else:
            for number, item in enumerate(shown, 1):
                after = "," if number < len(shown) else last
                yield from self._item(item, indent, after)
        if left_out:
            yield [("", " " * indent), ("dim", f"{self._page.dots} {left_out:,} more")]

    def _is_small(self, item: tuple[Node | None, str, Node]) -> bool:
        key, name, node = item
        small = node.width is not None and node.width <= self._page.columns // _SMALL_PART
        return key is None and not name and isinstance(node, Leaf) and small

    def _packed(self, nodes: list[Node], indent: int, last: str) -> Iterator[Line]:
        """Small items, as many on a line as it holds."""
        line: Line = [("", " " * indent)]
        column = indent
        for number, node in enumerate(nodes, 1):
            comma = "," if number < len(nodes) else last
            width = (node.width or 0) + len(comma)
            if column > indent and column + 1 + width > self._page.columns:
                yield line
                line, column = [("", " " * indent)], indent
            blank = " " if column > indent else ""
            line += [("", blank), *_flat(node), ("", comma)]
            column += len(blank) + width
        yield line

    def _item(
        self, item: tuple[Node | None, str, Node], indent: int, after: str
    ) -> Iterator[Line]:
        key, name, node = item
        before: Line = [("", " " * indent)]
        if key is not None:
            before += [(style, text.replace("\n", "\\n")) for style, text in _flat(key)]
        if name:
            before.append(("", name))
        yield from self._lines(node, before, indent, after)

    # -- texts --------------------------------------------------------------------

    def _leaf(
        self, leaf: Leaf, before: Line, indent: int, after: str, *, fits: bool
    ) -> Iterator[Line]:
        text, left_out = self._cut(leaf, indent)
        if fits and not left_out:
            yield [*before, (leaf.style, leaf.text), ("", after)]
            return
        if left_out and self._rows == 1 and indent:
            yield self._cut_line(leaf, before, after)
            return
        pieces = self._pieces(leaf, text, indent) if leaf.style == "string" else []
        if len(pieces) > 1:
            yield [*before, ("", "(")]
            inner = " " * (indent + self._step)
            yield from ([("", inner), ("string", piece)] for piece in pieces)
            yield from self._more(left_out, indent + self._step, _unit(leaf))
            yield [("", " " * indent + ")" + after)]
            return
        yield from self._picture(self._rows_of(text, leaf, before, indent), before, indent, after)
        yield from self._more(left_out, indent, _unit(leaf))

    def _picture(self, rows: list[Line], before: Line, indent: int, after: str) -> Iterator[Line]:
        """Rows that stand below each other, as those of a matrix; where they fit, all of them."""
        column = cell_width(plain(before))
        widest = max(cell_width(plain(row)) for row in rows)
        most = max(self._page.columns - widest, 0)
        if column > max(indent, most) and (len(rows) > 1 or indent + self._step <= most):
            yield before
            column = min(indent + self._step, most)
            before = [("", " " * column)]
        for number, row in enumerate(rows, 1):
            start = before if number == 1 else [("", " " * column)]
            yield [*start, *row, ("", after if number == len(rows) else "")]

    def _rows_of(self, text: str, leaf: Leaf, before: Line, indent: int) -> list[Line]:
        """The lines of a ``repr``; a single one, which is no Python text, broken at words."""
        lines = text_lines(text, leaf.style)
        if leaf.style == "string" or len(lines) > 1:
            return lines
        room = self._page.columns - cell_width(plain(before))
        if room < self._page.columns // 2:  # then below what is before it: see `_picture`
            room = self._page.columns - indent - self._step
        return flowed(lines[0], room, 2)

    def _cut_line(self, leaf: Leaf, before: Line, after: str) -> Line:
        """A text inside a container on a single line: its beginning, and what is missing."""
        more = f"{self._page.dots} {leaf.left_out + len(leaf.text):,} more"
        room = self._page.columns - cell_width(plain(before)) - len(more) - len(after) - 1
        kept = _whole_escapes(_first_cells(leaf.text.partition("\n")[0], max(room, 8)))
        missing = f"{self._page.dots} {_left_out(leaf, kept):,} more"
        return [*before, (leaf.style, kept), ("dim", missing), ("", after)]

    def _cut(self, leaf: Leaf, indent: int) -> tuple[str, int]:
        """So much of a text as may be shown, and how many characters that leaves out."""
        if self._rows is None:
            return leaf.text, leaf.left_out
        room = max(self._rows * (self._page.columns - indent), 20)
        short = len(leaf.text) <= 4 * room and not leaf.left_out  # no need to measure others
        if short and cell_width(leaf.text) <= room:
            return leaf.text, 0
        kept = _whole_escapes(_first_cells(leaf.text, room))
        left = _left_out(leaf, kept)
        return (kept, left) if left else (leaf.text, 0)  # what is missing is the last quote

    def _more(self, left_out: int, indent: int, what: str) -> Iterator[Line]:
        if left_out:
            more = f"{self._page.dots} {left_out:,} more {what}"
            yield [("", " " * indent), ("dim", more)] if indent else [("dim", more)]

    def _pieces(self, leaf: Leaf, text: str, indent: int) -> list[str]:
        """A string literal in pieces that stand one below the other and mean the same.

        None where it has no words to be broken at.
        """
        opening = re.match(r"b?['\"]", text)
        assert opening is not None
        quote = opening[0][-1]
        body = text[opening.end() :]
        body = body[:-1] if len(text) == len(leaf.text) and body.endswith(quote) else body
        room = self._page.columns - indent - self._step - len(opening[0]) - 1
        rows: list[str] = [""]
        for word in _TEXT_PIECES.findall(body):
            if rows[-1] and (cell_width(rows[-1] + word) > room or rows[-1].endswith("\\n")):
                rows.append("")
            rows[-1] += word
        if max(map(cell_width, rows)) > room:
            return []
        return [f"{opening[0]}{row}{quote}" for row in rows]
