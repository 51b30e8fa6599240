from __future__ import annotations

import pytest

from asyncrepl.terminal.escapes import EscapeFilter
from asyncrepl.terminal.tail import Tail

RED, OFF = "\x1b[31m", "\x1b[0m"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        (f"{RED}red{OFF}", f"{RED}red{OFF}"),
        ("\x1b[38;2;1;2;3mrgb\x1b[m", "\x1b[38;2;1;2;3mrgb\x1b[m"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\"),
        ("\x1b[2J", r"\x1b[2J"),
        ("\x1b[H", r"\x1b[H"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x1bc", r"\x1bc"),
        ("\x9b2J", r"\x9b2J"),
        ("a\x00b\x7f", r"a\x00b\x7f"),
        ("\ud800", r"\ud800"),
        ("tab\tcr\rbs\bnl\n", "tab\tcr\rbs\bnl\n"),
    ],
)
def test_only_colours_and_links_pass(text: str, shown: str) -> None:
    """Everything else that a terminal would obey is spelled out."""
    assert EscapeFilter().feed(text) == shown


@pytest.mark.parametrize("text", [f"{RED}red", "\x1b[2J", "\x1b]8;;u\x1b\\x", "\x1b]0;t\x07"])
def test_a_sequence_in_pieces_is_one_sequence(text: str) -> None:
    """However the text is cut into writes, the result is the same."""
    whole = EscapeFilter().feed(text)
    pieces = EscapeFilter()
    assert "".join(map(pieces.feed, text)) + pieces.finish() == whole


def test_an_escape_that_never_ends_is_shown_at_the_end() -> None:
    """Nothing is swallowed."""
    escapes = EscapeFilter()
    assert escapes.feed("a\x1b[3") + escapes.finish() == r"a\x1b[3"


def test_whole_lines_come_out_and_the_rest_stays() -> None:
    """Lines are given out when they end; the unfinished one is kept."""
    tail = Tail()
    assert tail.feed("one\ntwo\nthr") == "one\ntwo\n"
    assert tail.text() == "thr"
    assert tail.feed("ee\n") == "three\n"
    assert not tail


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("10 %\r20 %", "20 %"),
        ("long\rab", "abng"),
        ("abc\b\bX", "aXc"),
        ("a\tb", "a       b"),
        ("crlf\r", "crlf"),
    ],
)
def test_the_row_obeys_carriage_return_backspace_and_tab(text: str, row: str) -> None:
    """As on a terminal: what is written over is gone."""
    tail = Tail()
    tail.feed(text)
    assert tail.text() == row
    assert tail.feed("\n") == row + "\n"


def test_a_colour_left_on_holds_for_the_next_lines_but_never_leaks() -> None:
    """Each line switches its colour on and off by itself."""
    tail = Tail()
    assert tail.feed(f"{RED}a\nb\n") == f"{RED}a{OFF}\n{RED}b{OFF}\n"
    assert tail.feed(f"{OFF}c\n") == "c\n"


def test_output_that_never_ends_its_line_is_given_out_in_rows() -> None:
    """A row longer than the limit is cut at the width of the screen."""
    tail = Tail()
    tail.feed("x" * 205)
    assert tail.overflow(10, 100) == "x" * 200 + "\n"
    assert tail.text() == "x" * 5
