"""Values on a screen: short ones as `repr`, long ones laid out, shortened and counted."""

from __future__ import annotations

import ast
import collections
import types
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest

from asyncrepl.views.styled_lines import cell_width, plain
from asyncrepl.views.value_layout import Page, shown_value, whole_value_lines
from asyncrepl.views.value_tree import Limits, value_tree


@dataclass
class Point:
    x: int
    y: Any = None
    hidden: int = field(default=0, repr=False)


class Pair(NamedTuple):
    left: int
    right: int


class Counting:
    """Counts how often it is asked for its text."""

    def __init__(self, text: str = "counting") -> None:
        self.text, self.asked = text, 0

    def __repr__(self) -> str:
        self.asked += 1
        return self.text


class OwnList(list[int]):
    def __repr__(self) -> str:
        return f"OwnList of {len(self)}"

    def __iter__(self) -> Any:
        raise AssertionError("nobody may iterate over it")


class PlainList(list[int]):
    def __iter__(self) -> Any:
        raise AssertionError("nobody may iterate over it")


class Asking:
    """What is asked for an attribute of any name."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"was asked for {name}")

    def __repr__(self) -> str:
        return "asking"


def shown(
    value: object, columns: int = 80, rows: int = 20, *, plain_ascii: bool = False
) -> list[str]:
    lines = shown_value(value, Page(columns, rows, plain_ascii)).lines
    return [plain(line) for line in lines]


RECURSIVE: list[Any] = [1]
RECURSIVE.append(RECURSIVE)
KNOT: dict[str, Any] = {}
KNOT["self"] = KNOT
SHORT = [
    1, -1.5, 2j, True, None, ..., "text", "it's", b"bytes", "two\nlines", [], (), {}, set(),
    frozenset(), (1,), [1, 2], (1, 2), {1}, frozenset({1}), {"a": 1, 2: [3]}, Point(1), Point(1, [Point(2)]),
    Pair(1, 2), collections.deque([1], 3), collections.deque([1]), collections.Counter("aab"), collections.Counter(),
    collections.defaultdict(int, a=1), collections.OrderedDict(a=1), collections.OrderedDict(), types.SimpleNamespace(a=1),
    {"a": 1}.keys(), {"a": 1}.values(), {"a": 1}.items(), range(3), int, OwnList([1]), PlainList([1]), Asking(),
    RECURSIVE, KNOT, collections.ChainMap({}), bytearray(b"x"), slice(1), memoryview,
]  # fmt: skip


@pytest.mark.parametrize("value", SHORT, ids=lambda value: type(value).__name__)
def test_a_short_value_is_its_repr(value: object) -> None:
    """Character by character, on a screen and in a transcript."""
    found = shown_value(value, Page(80, 20))
    assert [plain(line) for line in found.lines] == [repr(value)]
    assert found.recorded == found.lines


@pytest.mark.parametrize("columns", [20, 40, 80])
@pytest.mark.parametrize("rows", [5, 10, 20])
@pytest.mark.parametrize(
    "make",
    [
        lambda leaf: [leaf],
        lambda leaf: [[[leaf]] * 3, {leaf: {1: leaf}}, (leaf,)],
        lambda leaf: {leaf},
        lambda leaf: frozenset({leaf}),
        lambda leaf: collections.deque([leaf] * 2),
        lambda leaf: Point(1, leaf),
        lambda leaf: types.SimpleNamespace(a=Point(1, [leaf, "text " * 100])),
        lambda leaf: Pair(leaf, 1),
        lambda leaf: collections.defaultdict(int, {leaf: [leaf]}),
        lambda leaf: collections.Counter([leaf]),
    ],
)
def test_no_repr_is_called_more_often_than_python_calls_it(
    make: Any, columns: int, rows: int
) -> None:
    """However often the value is laid out, and whether it fits or not."""
    by_python, by_us = Counting("counted " * 12), Counting("counted " * 12)
    repr(make(by_python))
    shown_value(make(by_us), Page(columns, rows))
    assert 1 <= by_us.asked <= by_python.asked


LONG: list[Any] = [
    list(range(10_000)),
    dict.fromkeys(range(10000), "v" * 10),
    {"users": [{"name": "Ann", "tags": ["a", "b"], "bio": "lorem ipsum " * 20, "at": Point(3, "z" * 90)}] * 20},
    set(range(3000)),
    "word " * 5000,
    "line\n" * 5000,
    "x" * 100_000,
    b"\0" * 5000,
    [[[[["deep", "x" * 60] for _ in range(5)] for _ in range(5)] for _ in range(5)] for _ in range(5)],
    [Counting("array([[1, 2],\n       [3, 4]])")] * 40,
    Counting("row\n" * 500 + "end"),
    [Point(number, "y" * 30) for number in range(100)],
    {"日本" * 10: "語" * 200},
    ("a" * 300,),
]  # fmt: skip


@pytest.mark.parametrize("value", LONG, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize(("columns", "rows"), [(80, 20), (40, 11), (20, 6)])
def test_a_long_value_takes_no_more_rows_than_there_are(
    value: object, columns: int, rows: int
) -> None:
    """And says how to see the rest, once, and how much that is."""
    lines = shown(value, columns, rows)
    taken = sum(max(-(-cell_width(line) // columns), 1) for line in lines)
    hints = [line for line in lines if ":show _" in line]
    assert taken <= rows + 1  # the hint may take a second row on a narrow screen
    if taken > 1 and any("… " in line for line in lines):
        (hint,) = hints
        assert cell_width(hint) <= columns  # it is whole
        counted = hint if "… " in hint else lines[lines.index(hint) - 1]
        assert any(digit.isdecimal() for digit in counted.partition("… ")[2])


@pytest.mark.parametrize(
    ("value", "unit"),
    [
        ("x" * 10_000_000, "characters"),
        ("\n" * 10_000_000, "characters"),
        ("a line\n" * 1000, "characters"),
        (b"a line\n" * 1000, "bytes"),
        ("words and words " * 1000, "characters"),
        ("\x00é\U000e0001" * 100_000, "characters"),
        (b"\0" * 10_000_000, "bytes"),
        (b"\0" * 3000, "bytes"),
        ("'\\" * 3000, "characters"),
    ],
)
def test_what_is_left_out_of_a_string_is_counted_in_it(value: str | bytes, unit: str) -> None:
    """Not in the characters of its literal, where one may be written as four."""
    rows = [row.strip() for row in shown(value)]
    (told,) = [row for row in rows if row.startswith("… ")]
    text = "".join(row for row in rows if row != told).rstrip(")")
    quote = ")" if text.startswith("(") else text.removeprefix("b")[0]
    kept = ast.literal_eval(text + quote)
    assert value.startswith(kept)
    assert told == f"… {len(value) - len(kept):,} more {unit}; :show _ shows all"


def test_what_is_left_out_is_counted() -> None:
    """Items and characters of what the issue of a long value names."""
    assert shown(list(range(10_000)))[-2] == "    … 9,900 more; :show _ shows all"
    assert shown("x" * 10_000_000)[-1].endswith(" more characters; :show _ shows all")
    assert (
        shown(list(range(10_000)), plain_ascii=True)[-2] == "    ... 9,900 more; :show _ shows all"
    )


def test_what_is_shortened_inside_of_another_keeps_its_row() -> None:
    """So more of the others is seen; of what is short or has several lines nothing changes."""
    rows = "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, … 10 more"
    hinted = f"    Point(x=4, y=[{rows}; :show _ shows all])"
    assert shown([Point(n, list(range(20))) for n in range(5)], 80, 18) == [
        "[", *(f"    Point(x={n}, y=[{rows}])," for n in range(4)), hinted, "]",
    ]  # fmt: skip
    counting = Counting("two\nlines")
    lines = shown([[counting, *range(40)] for _ in range(9)], 80, 18)
    assert any(line.endswith("two") for line in lines)
    assert counting.asked == 9


def test_numbers_share_lines_and_records_do_not() -> None:
    """Small items are packed; what has names gets a line each."""
    assert shown(list(range(30)), 40) == [
        "[",
        "  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,",
        "  12, 13, 14, 15, 16, 17, 18, 19, 20,",
        "  21, 22, 23, 24, 25, 26, 27, 28, 29",
        "]",
    ]
    assert shown({"name": "Ann", "tags": ["a", "b"], "at": Point(1, "z" * 30)}, 40) == [
        "{",
        "  'name': 'Ann',",
        "  'tags': ['a', 'b'],",
        "  'at': Point(",
        "    x=1,",
        "    y='zzzzzzzzzzzzzzzzzzzzzzzzzzzzzz'",
        "  )",
        "}",
    ]


@pytest.mark.parametrize(
    "value",
    ["one two three " * 20, "a line\n" * 12, b"some bytes " * 12, {"k": "words " * 30}, ["it's " * 40], (1,) * 90, "\\n " * 40, "tab\there " * 40],
)  # fmt: skip
def test_what_is_laid_out_is_still_python(value: object) -> None:
    """Text that is broken at words, too, means the same."""
    lines = shown(value, 40, 400)
    assert len(lines) > 1
    assert eval("\n".join(lines)) == value


def test_a_transcript_keeps_one_line() -> None:
    """With `…`, which a check takes for any characters, for what was not looked at."""
    found = shown_value(list(range(100)), Page(40, 10))
    assert [plain(line) for line in found.recorded] == [repr(list(range(100)))]
    found = shown_value(list(range(5000)), Page(40, 10))
    (line,) = found.recorded
    assert plain(line).startswith("[0, 1, 2")
    assert plain(line).endswith(", 999, …]")


def test_depth_has_an_end() -> None:
    """A value too deep for `repr` is shown all the same."""
    deep: list[Any] = []
    for _ in range(50_000):
        deep = [deep]
    assert shown(deep)[0].startswith("[[[[[[[[[[")
    while deep:
        deep = deep.pop()


def test_only_so_much_is_looked_at() -> None:
    """Ten million items cost no more than a thousand."""
    tree = value_tree(range(10), Limits(items=5))
    assert tree.width == len("range(0, 10)")
    asked = [Counting() for _ in range(5000)]
    shown_value(asked, Page(80, 20))
    assert sum(each.asked for each in asked) == 1000


def test_all_of_it_is_there_on_demand() -> None:
    """Every item, and no row wider than the screen."""
    lines = [plain(line) for line in whole_value_lines(list(range(10_000)), Page(40))]
    assert eval("".join(lines)) == list(range(10_000))
    lines = [plain(line) for line in whole_value_lines("x" * 1000, Page(40))]
    assert "".join(lines) == repr("x" * 1000)
    assert max(map(len, lines)) == 40


def test_a_long_repr_is_broken_at_words() -> None:
    """What is no Python text: a task, a future, a function."""
    text = "<Task pending name='Task-1' coro=<f() running at <input 1>:1> cb=[done()]>"
    assert shown(Counting(text), 40) == [
        "<Task pending name='Task-1' coro=<f()",
        "  running at <input 1>:1> cb=[done()]>",
    ]


MATRIX = "array([[1., 0.],\n       [0., 1.]])"


@pytest.mark.parametrize(
    ("key", "columns", "rows"),
    [
        ("m", 70, ["    'm': array([[1., 0.],", "                [0., 1.]]),"]),
        ("m", 30, ["  'm': array([[1., 0.],", "              [0., 1.]]),"]),
        ("m", 18, ["  'm':", " array([[1., 0.],", "        [0., 1.]]),"]),
        ("m" * 50, 70, [f"    '{'m' * 50}':", "        array([[1., 0.],", "               [0., 1.]]),"]),
    ],
)  # fmt: skip
def test_a_picture_of_several_rows_stays_one(key: str, columns: int, rows: list[str]) -> None:
    """Its rows stand below each other, if not beside its name, then below that."""
    lines = shown({key: Counting(MATRIX), "n": "x" * 40}, columns, 20)
    assert [line.rstrip() for line in lines[1 : 1 + len(rows)]] == rows


def test_a_long_repr_behind_a_long_key_has_rows_of_its_own() -> None:
    """Not a narrow column of single words."""
    key, told = "key of a dict" * 3, "<a repr of some words, and more>"
    lines = shown({key: Counting(told)}, 70, 20)
    assert [line.strip() for line in lines] == ["{", f"'{key}':", told, "}"]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("word", ["漢字仮名交じり文 ", "👩‍👩‍👧 ", "한국어\\u0301 ", "e\u0301 "])
@pytest.mark.parametrize("columns", [40, 80])
def test_wide_characters_are_measured_in_columns(word: str, columns: int) -> None:
    """A text of them is broken, and cut, where the screen ends, not at twice its width."""
    value = {number: word * (number * number) for number in range(12)}
    for rows in (None, 60, 20, 8):
        lines = shown_value(value, Page(columns, rows)).lines
        assert max(cell_width(plain(line)) for line in lines) <= columns
