"""Marble diagrams, written out."""

from __future__ import annotations

from typing import Literal

import pytest

from asyncrepl.engine.iteration.marble_recorder import Marble, MarbleRow
from asyncrepl.views.marble_diagram import marble_lines
from asyncrepl.views.styled_lines import STYLES, plain

SECOND = 1_000_000_000
End = Literal["done", "error", "open"]


def row(label: str, values: list[tuple[float, str]], end: End, at: float) -> MarbleRow:
    """A row; instants in seconds."""
    marbles = tuple(Marble(round(second * SECOND), text) for second, text in values)
    return MarbleRow(label, marbles, end, round(at * SECOND))


def every(seconds: float, count: int) -> list[tuple[float, str]]:
    """So many values, one each so many seconds."""
    return [(number * seconds, str(number)) for number in range(1, count + 1)]


PICTURES: dict[str, tuple[list[MarbleRow], int, str]] = {
    "values and the end": (
        [row("ticks(3)", every(1, 3), "done", 3)],
        40,
        """
---1--2--3|
0  1  2  3 s
""",
    ),
    "equal waits look equal": (
        [row("readings(3)", [(0.33, "0"), (0.66, "10"), (0.99, "20")], "done", 0.99)],
        40,
        """
----0---10--20|
0     0.5   1 s
""",
    ),
    "an axis has two labels, where no round one has room": (
        [row("ticks(4, .2)", every(0.2, 4), "done", 0.8)],
        80,
        """
---1--2--3--4|
0     0.4   0.8 s
""",
    ),
    "an error": (
        [row("bad()", every(1, 2), "error", 2.5)],
        40,
        """
----1---2-X
0   1   2 s
""",
    ),
    "stopped: an open end": (
        [row("ticks()", every(1, 2), "open", 2.5)],
        40,
        """
----1---2-…
0   1   2 s
""",
    ),
    "several at one time scale": (
        [
            row("ticks(3)", every(1, 3), "done", 3),
            row("ticks(9, 0.5)", every(0.5, 6), "open", 3),
            row("[1, 2]", [], "error", 0),
        ],
        80,
        """
ticks(3)       ------1-----2-----3|
ticks(9, 0.5)  ---1--2--3--4--5--6…
[1, 2]         X
               0     1     2     3 s
""",
    ),
    "long labels stand above": (
        [
            row("readings(5, seconds=0.33)", every(1, 3), "done", 3),
            row("ticks(2)", every(1, 2), "done", 2),
        ],
        40,
        """
readings(5, seconds=0.33)
---1--2--3|
ticks(2)
---1--2|
0  1  2  3 s
""",
    ),
    "a source that never suspends": (
        [row("eager()", [(0, "0"), (0, "1"), (0, "2"), (0, "3")], "done", 0)],
        40,
        """
(0 1 2 3)|
0 s
""",
    ),
    "the same in real time": (
        [row("eager()", [(0.00002 * n, str(n)) for n in range(4)], "done", 0.00009)],
        40,
        """
(0 1 2 3)|
0 s
""",
    ),
    "many at one instant": (
        [row("eager()", [(0, str(number)) for number in range(1000)], "open", 0)],
        40,
        """
(0…999)…
0 s
""",
    ),
    "nothing": (
        [row("empty()", [], "done", 0)],
        40,
        """
|
0 s
""",
    ),
    "a picture goes on below": (
        [row("ticks(20)", every(1, 20), "done", 20)],
        40,
        """
---1--2--3--4--5--6--7--8--9--10-11-12-
0     2     4     6     8     10    12 s
13-14-15-16-17-18-19-20|
   14    16    18    20 s
""",
    ),
    "too many for that are put together": (
        [row("fast()", every(0.01, 1000), "done", 10)],
        40,
        """
(1…214)-(215…499)-(500…785)-(786…1000)|
0      2      4      6      8      10 s
""",
    ),
    "bursts": (
        [row("b()", [(0, "1"), (0.01, "2"), (5, "3"), (5.01, "4"), (10, "5")], "done", 10)],
        40,
        """
(1 2)-------------(3 4)------------5|
0      2      4      6      8      10 s
""",
    ),
    "labels above, where the picture fits only so": (
        [
            row("every(0.3, 1)", [(0.3, "1"), (0.6, "1"), (0.9, "1")], "done", 0.9),
            row("both()", [(each, "2") for each in (0.5, 0.6, 1, 1.5)], "done", 1.5),
        ],
        40,
        """
every(0.3, 1)
------1-----1-----1|
both()
----------2-2-------2---------2|
0         0.5       1         1.5 s
""",
    ),
    "long values are cut": (
        [row("s()", [(1, "'hello wonderful world'"), (2, "'a\\nb'"), (3, "\x1b[2J")], "done", 3)],
        80,
        r"""
--------------'hello wond…--'a\nb'--------\x1b[2J|
0      0.5    1      1.5    2      2.5    3 s
""",
    ),
}


@pytest.mark.parametrize("name", PICTURES)
def test_pictures(name: str) -> None:
    """Each picture is drawn exactly so."""
    rows, width, picture = PICTURES[name]
    drawn = "".join(plain(line) + "\n" for line in marble_lines(rows, width))
    assert "\n" + drawn == picture


ROWS = [
    *(picture[0] for picture in PICTURES.values()),
    [row(f"source {number}", every(1 / number, 20 * number), "done", 20) for number in (1, 2, 3)],
    [row("日本", [(0.1, "'日本語'"), (0.2, "'本'")], "done", 1)],
    [row("irregular", [(second**3 / 7, str(second)) for second in range(40)], "error", 9000)],
]


@pytest.mark.parametrize("width", [20, 40, 80, 200])
@pytest.mark.parametrize("number", range(len(ROWS)))
def test_no_line_is_wider_than_asked(number: int, width: int) -> None:
    """Rows and axes fit, in known styles."""
    for line in marble_lines(ROWS[number], width):
        text = plain(line)
        assert len(text) + sum(char in "日本語" for char in text) <= width
        assert {style for style, _ in line} <= set(STYLES)


def test_ascii() -> None:
    """Where the screen shows nothing else, glyphs of ours are ASCII."""
    rows = [row("a" * 90, every(0.01, 999), "open", 10), row("b", [], "done", 1)]
    assert all(plain(line).isascii() for line in marble_lines(rows, 40, ascii=True))
