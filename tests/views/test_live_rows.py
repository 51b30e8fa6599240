from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.plain_terminal import written

from asyncrepl.views.live_rows import LiveRows, text_after_moves
from asyncrepl.views.screen_cells import row_text

RED, OFF = "\x1b[31m", "\x1b[0m"
COLUMNS, ROWS = 12, 60

TEXTS = st.sampled_from(["a", "bc", "word ", "0123456789", "x" * 30, "日本", "e\u0301", " "])
CONTROLS = st.sampled_from(
    [
        "\n",
        "\r",
        "\b",
        "\t",
        "\x1b[K",
        "\x1b[1K",
        "\x1b[2K",
        "\x1b[J",
        "\x1b[2J",
        "\x1b[H",
        "\x1b[2;3H",
        "\x1b[;4f",
    ]
)
MOVES = st.builds(
    "\x1b[{}{}".format, st.sampled_from(["", 0, 1, 2, 5]), st.sampled_from("ABCDEFG")
)
COLOURS = st.sampled_from([RED, OFF, "\x1b[1m", "\x1b[44m", "\x1b[39m"])
PIECES = st.lists(st.one_of(TEXTS, TEXTS, CONTROLS, CONTROLS, MOVES, COLOURS), max_size=40)


def shown(pieces: list[str]) -> list[str]:
    """What is sent to a terminal if `pieces` go through live rows, looked at after each."""
    rows, sent = LiveRows(COLUMNS, ROWS), []
    for piece in pieces:
        rows.reachable = ROWS
        rows.feed(piece)
        recalled, text = rows.take()
        sent += [f"\x1b[{recalled}A\r\x1b[J"] * bool(recalled) + [text]
    return [*sent, rows.commit()]


def looks(pieces: list[str]) -> list[list[tuple[str, str, bool]]]:
    """What stands in each cell of a terminal, and its colour; blanks have none."""
    screen = written(pieces, COLUMNS, ROWS)
    return [
        [
            (cell.data, cell.fg, cell.bold) if cell.data.strip() else (" ", "", False)
            for cell in (screen.buffer[row][column] for column in range(COLUMNS))
        ]
        for row in range(ROWS)
    ]


@settings(max_examples=150, deadline=None)
@given(PIECES)
def test_rows_are_those_of_a_terminal(pieces: list[str]) -> None:
    """Whatever a program may do, in whatever pieces: the rows are the terminal's."""
    assert looks(shown(pieces)) == looks(pieces)


@settings(max_examples=100, deadline=None)
@given(PIECES, st.integers(1, 5))
def test_rows_do_not_depend_on_when_they_are_looked_at(pieces: list[str], size: int) -> None:
    """One look at the end gives what a look after each piece does."""
    together = ["".join(pieces[at : at + size]) for at in range(0, len(pieces), size)]
    assert looks(shown(together)) == looks(shown(pieces))


def test_whole_lines_come_out_and_the_rest_stays() -> None:
    """Lines are given out when they end; the unfinished one is kept."""
    rows = LiveRows()
    rows.feed("one\ntwo\nthr")
    assert rows.take() == (0, "one\ntwo\n")
    rows.feed("ee\n")
    assert rows.take() == (0, "three\n")
    assert not rows


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("10 %\r20 %", "20 %"),
        ("long\rab", "abng"),
        ("abc\b\bX", "aXc"),
        ("a\tb", "a       b"),
        ("crlf\r", "crlf"),
        ("gone\r\x1b[Kkept", "kept"),
        ("日本\r\x1b[Cx", " x本"),
    ],
)
def test_a_row_obeys(text: str, row: str) -> None:
    """As on a terminal: what is written over is gone."""
    rows = LiveRows()
    rows.feed(text)
    rows.take()
    assert rows.commit() == row + "\n"


def test_a_colour_left_on_holds_for_the_next_lines_but_never_leaks() -> None:
    """Each line switches its colour on and off by itself."""
    rows = LiveRows()
    rows.feed(f"{RED}a\nb\n")
    assert rows.take() == (0, f"{RED}a{OFF}\n{RED}b{OFF}\n")
    rows.feed(f"{OFF}c\n")
    assert rows.take() == (0, "c\n")


def test_switching_colours_for_ever_takes_no_room() -> None:
    """What is switched on replaces what was."""
    rows = LiveRows()
    rows.feed("\x1b[1m" + "".join(f"\x1b[38;5;{n % 256}m" for n in range(1000)) + "x")
    assert rows.rows[0][0][0].sgr == "1;38;5;231"


def test_output_that_never_ends_its_line_is_given_out_in_rows() -> None:
    """Of a row longer than the screen, only a screenful is kept."""
    rows = LiveRows(10, 5)
    rows.feed("x" * 205)
    assert rows.take() == (0, "x" * 160 + "\n")
    assert [len(row) for row in rows.rows] == [10, 10, 10, 10, 5]


def test_a_wrapped_line_is_one_line_in_the_end() -> None:
    """The terminal may wrap it anew, and it can be copied whole."""
    rows = LiveRows(10, 5)
    rows.feed("x" * 25 + "\r\x1b[Ky")
    assert rows.commit() == "x" * 20 + "y\n"


def test_lines_out_of_reach_are_not_taken_back() -> None:
    """After something else was written, or where the screen does not show them any more."""
    rows = LiveRows(10, 5)
    rows.feed("one\ntwo\nthree\n")
    assert rows.take() == (0, "one\ntwo\nthree\n")
    rows.reachable = 2
    rows.feed("\x1b[9A\x1b[2KTWO")
    assert rows.take() == (2, "")
    assert [len(row) for row in rows.rows] == [3, 5]
    rows.commit()
    rows.reachable = 9
    rows.feed("\x1b[9Aup")
    assert rows.take() == (0, "")
    assert len(rows.rows) == 1


def test_the_rows_of_a_display_that_is_over_go_their_way() -> None:
    """A program that went up once prints whole lines again, which do not wait."""
    rows = LiveRows(10, 9)
    rows.reachable = 9
    rows.feed("a\nb\n\x1b[2AA\nB\n")
    rows.take()
    assert rows
    rows.feed("1\n2\n3\n")
    rows.take()
    assert not rows


def test_on_a_narrower_screen_text_wraps_and_bars_are_cut() -> None:
    """What a program draws anew would leave debris if it were wrapped."""
    text, bar = LiveRows(20, 9), LiveRows(20, 9)
    text.feed("x" * 15)
    bar.feed("\r" + "#" * 15)
    for rows in (text, bar):
        rows.resize(10, 9)
    assert [len(row) for row in text.rows] == [10, 5]
    bar.feed("\r" + "=" * 15)  # it goes on as wide as it was
    assert [len(row) for row in bar.rows] == [15]
    assert bar.commit() == "=" * 15 + "\n"
    bar.feed("\r" + "#" * 15)
    assert [len(row) for row in bar.rows] == [10, 5]
    text.resize(20, 9)
    assert text.commit() == "x" * 15 + "\n"


def test_only_the_final_state_is_left() -> None:
    """Frames of a bar and rows drawn anew are one in the end."""
    bars = "\r10%\r50%\r99%\ndone\n" + "a\nb\n\x1b[2A\x1b[2KA\n\x1b[2KB"
    assert text_after_moves(bars) == "99%\ndone\nA\nB\n"
    assert text_after_moves("no newline") == "no newline"
    assert text_after_moves("a\r\x1b[2Sspelled\n") == "\\x1b[2Sspelled\n"


def test_a_screen_of_its_own_leaves_nothing() -> None:
    """What was there stays, in order; rows beyond the height do not get into the scrollback."""
    rows = LiveRows(COLUMNS, 3)
    rows.reachable = 9
    rows.feed("before\nunfinished\x1b[?1049h\x1b[Hframe 1\n2\n3\n4\n5")
    assert rows.take() == (0, "before\nunfinished\n")
    assert [row_text(row) for row in rows.rows] == ["3", "4", "5"]
    rows.feed("\x1b[H\x1b[2Jframe 2")
    assert rows.take() == (0, "")
    assert [row_text(row) for row in rows.rows] == ["frame 2"]
    rows.feed("\x1b[?1049lafter\n")
    assert rows.take() == (0, "after\n")
    rows.feed("\x1b[Aagain\n")
    assert rows.take() == (1, "")
    assert [row_text(row) for row in rows.rows] == ["again", ""]


def test_a_screen_that_is_not_left_is_kept() -> None:
    """The program has failed: its last screen is what is known."""
    rows = LiveRows(COLUMNS, 3)
    rows.feed("\x1b[?1049hframe")
    assert rows.take() == (0, "")
    assert rows.commit() == "frame\n"
    rows.feed("line\n")
    assert rows.take() == (0, "line\n")
