"""Tracebacks: Python's text, character by character, with a style for each part."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

import pytest

from asyncrepl.views.error_lines import exception_lines
from asyncrepl.views.styled_lines import plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.views.styled_lines import Line


def divide(number: int) -> float:
    return number + number / 0


def noted() -> None:
    error = ValueError("two\nlines")
    error.add_note("a note")
    error.add_note("  an indented one")
    raise error


def caused() -> None:
    try:
        divide(1)
    except ZeroDivisionError as error:
        raise LookupError("not found") from error


def in_context() -> None:
    try:
        divide(1)
    except ZeroDivisionError:
        noted()


def grouped() -> None:
    errors: list[Exception] = []
    for function in (noted, caused):
        try:
            function()
        except Exception as error:
            errors.append(error)
    raise ExceptionGroup("several", [*errors, ExceptionGroup("inner", [KeyError("k")])])


def endless() -> None:
    endless()


def unfinished() -> None:
    exec("1 +")


FAILING = [divide, noted, caused, in_context, grouped, endless, unfinished]


def error_of(function: Callable[..., object]) -> BaseException:
    try:
        function(1) if function is divide else function()
    except BaseException as error:
        return error
    raise AssertionError("it should fail")


def styles(lines: list[Line], text: str) -> set[str]:
    """The styles of `text`, wherever it stands."""
    found = {style for line in lines for style, piece in line if text in piece}
    assert found, text
    return found


@pytest.mark.parametrize("function", FAILING)
def test_the_text_is_pythons(function: Callable[..., object]) -> None:
    """Nothing is added, left out or moved."""
    error = error_of(function)
    lines = [plain(line) for line in exception_lines(error)]
    assert "\n".join(lines) + "\n" == "".join(traceback.format_exception(error))


def test_each_part_has_its_style() -> None:
    """The error and the mark stand out; the source is coloured as typed, paths are not."""
    lines = exception_lines(error_of(divide))
    assert styles(lines, "ZeroDivisionError: ") == {"error"}
    assert styles(lines, "Traceback (most") == {"dim"}
    assert "name" in styles(lines, "divide")
    assert styles(lines, "return") == {"keyword"}
    assert styles(lines, "~~~^~~") == {"error"}


@pytest.mark.parametrize("function", [caused, in_context, grouped])
def test_every_error_of_a_chain_or_group_stands_out(function: Callable[..., object]) -> None:
    """Not the last one alone; what leads from one to the next is dim."""
    lines = exception_lines(error_of(function))
    texts = [text for line in lines for style, text in line if style == "error"]
    errors = [text for text in texts if not set(text) <= set(" ~^")]
    assert len(errors) == (6 if function is grouped else 2)
    assert all("Error: " in text or "ExceptionGroup: " in text for text in errors)
    for link in ("The above exception was", "During handling of"):
        assert not any(link in text for line in lines for style, text in line if style != "dim")


def test_notes_are_read_as_text() -> None:
    """They are the author's words, also indented ones."""
    lines = exception_lines(error_of(noted))
    assert lines[-3:] == [[("", "lines")], [("", "a note")], [("", "  an indented one")]]
