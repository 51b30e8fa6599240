"""Styled lines as text, and text that cannot harm a terminal."""

from __future__ import annotations

import threading

import pytest

from asyncrepl.views.styled_lines import (
    ansi,
    cell_width,
    code_lines,
    flowed,
    plain,
    printable,
    python_lexer,
    text_lines,
    wrapped,
)


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


PROSE = "the `async for` waits for each value, and the 日本語 ticker 🎉 goes on meanwhile"


@pytest.mark.parametrize("width", [20, 33, 40, 79, 80, 200])
@pytest.mark.parametrize("indent", [0, 2, 5])
def test_prose_is_broken_between_words_only(width: int, indent: int) -> None:
    """No row is wider than the screen, also with wide characters, and each word is whole."""
    rows = [plain(row) for row in flowed([("dim", PROSE)], width, indent)]
    assert max(map(cell_width, rows)) <= width
    assert " ".join(rows).split() == PROSE.split()
    assert all(row[:indent].isspace() or not indent for row in rows[1:])


def test_a_broken_line_keeps_its_styles() -> None:
    """Each piece has the style it had, on whatever row it comes to stand."""
    line = [("label", "why  "), ("why", "it waits for "), ("code", "values")]
    assert flowed(line, 20, 5) == [
        [("label", "why  "), ("why", "it waits for")],
        [("wrap", "     "), ("code", "values")],
    ]


def test_a_word_longer_than_the_screen_stays_whole() -> None:
    """A path can be copied; the screen breaks it where it must."""
    assert wrapped("see /a/very/long/path/of/a/file now", 20) == [
        "see",
        "/a/very/long/path/of/a/file",
        "now",
    ]


def test_blanks_within_a_row_stay() -> None:
    """Columns are not pushed together."""
    assert [plain(row) for row in flowed([("", "a   b   c")], 8)] == ["a   b", "c"]


def test_threads_make_the_lexer_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its tables are made by the first: whoever comes meanwhile waits for them."""
    begun: list[int] = []
    first, go_on = threading.Event(), threading.Event()

    class SlowLexer:
        def __init__(self) -> None:
            begun.append(threading.get_ident())
            first.set()
            go_on.wait(20)

    monkeypatch.setattr("pygments.lexers.python.PythonLexer", SlowLexer)
    threads = [threading.Thread(target=python_lexer) for _ in range(2)]
    for thread in threads:
        thread.start()
    first.wait(20)
    threads[1].join(0.1)
    at_first = len(begun)
    go_on.set()
    for thread in threads:
        thread.join(20)
    assert (at_first, len(begun)) == (1, 2)
