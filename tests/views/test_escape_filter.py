from __future__ import annotations

import pytest

from asyncrepl.views.screen_cells import EscapeFilter

RED, OFF = "\x1b[31m", "\x1b[0m"


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        f"{RED}red{OFF}",
        "\x1b[38;2;1;2;3mrgb\x1b[m",
        "\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\",
        "tab\tcr\rbs\bnl\n",
        "\x1b[2K\x1b[1A\x1b[B\x1b[3C\x1b[D\x1b[E\x1b[F\x1b[1G\x1b[K\x1b[J\x1b[0J",
        "\x1b[?25l\x1b[?25h\x1b[?2026h\x1b[?2026l",
        "\x1b(B\x1b[m",
        "\x1b[?1049h\x1b[?1049l",
        "\x1b[H\x1b[2;3H\x1b[;4f\x1b[2J\x1b[3J",
    ],
)
def test_colours_links_and_moves_within_the_rows_pass(text: str) -> None:
    """What the rows of the program itself can obey."""
    assert EscapeFilter().feed(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2S", r"\x1b[2S"),
        ("\x1b[1J\x1b[9J", r"\x1b[1J\x1b[9J"),
        ("\x1b[2;3;4H\x1b[-1H", r"\x1b[2;3;4H\x1b[-1H"),
        ("\x1b[?1047h", r"\x1b[?1047h"),
        ("\x1b[?1000h\x1b[?25;1049h", r"\x1b[?1000h\x1b[?25;1049h"),
        ("\x1b[2L\x1b[2S\x1b[1;5r", r"\x1b[2L\x1b[2S\x1b[1;5r"),
        ("\x1b[6n\x1b[c", r"\x1b[6n\x1b[c"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x1b]52;c;eA==\x07", r"\x1b]52;c;eA==\x07"),
        ("\x1bP+q\x1b\\", r"\x1bP+q\x1b\\"[:-1]),
        ("\x1bc\x1b(0", r"\x1bc\x1b(0"),
        ("\x9b2J\x9d0;x\x9c", r"\x9b2J\x9d0;x\x9c"),
        ("a\x00b\x0e\x07\x7f", r"a\x00b\x0e\x07\x7f"),
        ("\x1b[999999999A", r"\x1b[999999999A"),
        ("\ud800", r"\ud800"),
    ],
)
def test_everything_else_is_spelled_out(text: str, shown: str) -> None:
    """A program cannot leave its rows, switch modes or ask the terminal."""
    assert EscapeFilter().feed(text) == shown


@pytest.mark.parametrize(
    "text", [f"{RED}red", "\x1b[2S", "\x1b]8;;u\x1b\\x", "\x1b]0;t\x07", "\x1b[?25lx", "\x1b(Bx"]
)
def test_a_sequence_in_pieces_is_one_sequence(text: str) -> None:
    """However the text is cut into writes, the result is the same."""
    whole = EscapeFilter().feed(text)
    pieces = EscapeFilter()
    assert "".join(map(pieces.feed, text)) + pieces.finish() == whole


def test_an_escape_that_never_ends_is_shown_at_the_end() -> None:
    """Nothing is swallowed."""
    escapes = EscapeFilter()
    assert escapes.feed("a\x1b[3") + escapes.finish() == r"a\x1b[3"
