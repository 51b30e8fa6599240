"""Expected output as a pattern: whether printed lines match it, where `…` leaves things open.

`…` inside a line matches any run of characters, also none; a line that is
only `…` for any number of lines, also none. So a pattern is fixed pieces in
order with gaps between, on both levels. The leftmost place for each piece is
always as good as any later one, so both levels are searched from left to right
without going back. (As a regular expression, `.*` for each `…`, forty of them
in a line that doesn't match take hours.)

`merged_output` goes further: it changes the written lines until they match, and keeps
each line that already does. `--accept` writes that, and a check's diff shows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from asyncrepl.transcript.grammar import GAP, escaped_output_line

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["line_matches", "merged_output", "output_matches"]

#: Pairs of lines that are compared at most.
MAX_COMPARED_PAIRS = 250_000


def line_matches(expected: str, actual: str) -> bool:
    """Whether the line `actual` matches `expected`, in which `…` is any run of characters."""
    head, *gaps = expected.split(GAP)
    if not gaps:
        return actual == expected
    *middle, tail = gaps
    if len(actual) < len(head) + len(tail):
        return False
    if not (actual.startswith(head) and actual.endswith(tail)):
        return False
    at, end = len(head), len(actual) - len(tail)
    for piece in middle:
        found = actual.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def output_matches(expected: Sequence[str], actual: Sequence[str]) -> bool:
    """Whether the lines `actual` match `expected`, in which a line `…` is any number of lines."""
    head, *gaps = _blocks(expected)
    if not gaps:
        return len(head) == len(actual) and _block_at(head, actual, 0)
    *middle, tail = gaps
    end = len(actual) - len(tail)
    if len(head) > end or not (_block_at(head, actual, 0) and _block_at(tail, actual, end)):
        return False
    at = len(head)
    for block in middle:
        places = range(at, end - len(block) + 1)
        found = next((place for place in places if _block_at(block, actual, place)), None)
        if found is None:
            return False
        at = found + len(block)
    return True


def _blocks(expected: Sequence[str]) -> list[list[str]]:
    """The lines of `expected` between its `…` lines."""
    blocks: list[list[str]] = [[]]
    for line in expected:
        if line == GAP:
            blocks.append([])
        else:
            blocks[-1].append(line)
    return blocks


def _block_at(block: Sequence[str], actual: Sequence[str], at: int) -> bool:
    lines = actual[at : at + len(block)]
    return len(lines) == len(block) and all(map(line_matches, block, lines))


def merged_output(expected: Sequence[str], actual: Sequence[str]) -> list[str]:
    """The lines `expected` with the fewest changes that make them match `actual`.

    Lines that match stay as they are written, `…` and all; a `…` line always
    stays and covers what it can. What comes in is `escaped_output_line` output. Between what
    is alike at both ends, more than 500 lines on either side are all replaced:
    to find the fewest changes takes seconds then.
    """
    head, tail = _matching_ends(expected, actual)
    middle, printed = expected[head : len(expected) - tail], actual[head : len(actual) - tail]
    if len(middle) * len(printed) > MAX_COMPARED_PAIRS:
        changed = list(map(escaped_output_line, printed))
    else:
        changed = _changed(middle, printed)
    return [*expected[:head], *changed, *expected[len(expected) - tail :]]


def _matching_ends(expected: Sequence[str], actual: Sequence[str]) -> tuple[int, int]:
    """How many lines at the beginning, and how many at the end, match without any `…` line."""
    most = min(len(expected), len(actual))
    head = 0
    while head < most and expected[head] != GAP and line_matches(expected[head], actual[head]):
        head += 1
    tail = 0
    while tail < most - head and expected[-1 - tail] != GAP:
        if not line_matches(expected[-1 - tail], actual[-1 - tail]):
            break
        tail += 1
    return head, tail


def _changed(expected: Sequence[str], actual: Sequence[str]) -> list[str]:
    table = _cheapest_steps(expected, actual)
    result: list[str] = []
    row = column = 0
    while row < len(expected) or column < len(actual):
        kind = table[row][column].kind
        if kind in {"keep", "gap ends"}:
            result.append(expected[row])
        elif kind in {"swap", "put"}:
            result.append(escaped_output_line(actual[column]))
        down, right = _LINES_USED[kind]
        row, column = row + down, column + right
    return result


class _MergeStep(NamedTuple):
    """A step of a merge, and what it costs from there to the end."""

    cost: int
    kind: str


#: Kind of step → how many lines of `expected` and of `actual` it uses.
_LINES_USED = {
    "keep": (1, 1),
    "swap": (1, 1),
    "put": (0, 1),
    "drop": (1, 0),
    "gap ends": (1, 0),
    "gap covers": (0, 1),
}


def _cheapest_steps(expected: Sequence[str], actual: Sequence[str]) -> list[list[_MergeStep]]:
    """`table[row][column]`: the cheapest step from there."""
    rows, columns = len(expected), len(actual)
    table = [[_MergeStep(0, "")] * (columns + 1) for _ in range(rows + 1)]
    table[rows] = [_MergeStep(columns - column, "put") for column in range(columns + 1)]
    for row in reversed(range(rows)):
        cost = table[row + 1][columns].cost
        gap = expected[row] == GAP
        table[row][columns] = _MergeStep(cost, "gap ends") if gap else _MergeStep(cost + 1, "drop")
        for column in reversed(range(columns)):
            ways = _possible_steps(table, row, column, expected[row], actual[column])
            table[row][column] = min(ways, key=lambda move: move.cost)
    return table


def _possible_steps(
    table: list[list[_MergeStep]], row: int, column: int, pattern: str, line: str
) -> tuple[_MergeStep, ...]:
    """The possible steps; of equally cheap ones the first is taken.

    To replace a line comes first, or a `…` would swallow what replaces it.
    """
    below, right = table[row + 1][column].cost, table[row][column + 1].cost
    if pattern == GAP:
        return _MergeStep(below, "gap ends"), _MergeStep(right, "gap covers")
    beside = table[row + 1][column + 1].cost
    same = line_matches(pattern, line)
    across = _MergeStep(beside, "keep") if same else _MergeStep(beside + 1, "swap")
    return across, _MergeStep(right + 1, "put"), _MergeStep(below + 1, "drop")
