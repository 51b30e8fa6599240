"""Styled lines as text, and text that cannot harm a terminal."""

from __future__ import annotations

import pytest

from asyncrepl.views.highlight import code_lines
from asyncrepl.views.styled import ansi, plain, printable, text_lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 日本 🎉\ttab", "plain é 日本 🎉\ttab"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x00\x07\x7f\x9b", "\\x00\\x07\\x7f\\x9b"),
        ("\ud800", "\\ud800"),
        ("a\rb", "a\\rb"),
    ],
)
def test_control_characters_are_spelled_out(text: str, shown: str) -> None:
    """What would move a cursor, ring a bell or break an encoding is made visible."""
    assert printable(text) == shown


def test_colour_adds_no_meaning() -> None:
    """Without its escape codes a coloured line is the plain one."""
    line = [("error", "E"), ("", ": "), ("dim", "x")]
    assert plain(line) == "E: x"
    assert ansi(line) == "\x1b[31mE\x1b[0m: \x1b[2mx\x1b[0m"


def test_lines_are_cut_at_line_ends() -> None:
    """Each line of a text is a line, also an empty one."""
    assert [plain(line) for line in text_lines("a\n\nb")] == ["a", "", "b"]


@pytest.mark.parametrize(
    "source", ["async for x in y: x", "a\n\n  b", "'''a\nb'''\nc", "# c", "x = ("]
)
def test_highlighted_code_is_the_code(source: str) -> None:
    """Highlighting changes no character, also of code that is not whole."""
    assert "\n".join(plain(line) for line in code_lines(source)) == source
