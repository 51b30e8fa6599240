"""The terminal's background: asked for without waiting, answered late, never typed."""

from __future__ import annotations

import os
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from prompt_toolkit.output import DummyOutput

from asyncrepl.terminal.terminal_background import (
    BACKGROUND_QUESTION,
    AnswerFilter,
    BackgroundQuestion,
    background_of,
    known_background,
    may_ask,
)
from asyncrepl.terminal.terminal_device import DeviceInput, TerminalModes
from asyncrepl.terminal.terminal_suspension import TerminalSuspension
from asyncrepl.views.styled_lines import Theme

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.pty import Terminal

ANSWER = "\x1b]11;rgb:ffff/ffff/ffff\x1b\\"
ENDINGS = [ANSWER, ANSWER.replace("\x1b\\", "\x07")]


class Output(DummyOutput):
    def __init__(self) -> None:
        self.written = ""

    def write_raw(self, data: str) -> None:
        self.written += data


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> tuple[AnswerFilter, Theme]:
    """One whose question is on its way."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("COLORFGBG", raising=False)
    theme = Theme()
    question, output = BackgroundQuestion(theme, lambda: None, color=True), Output()
    question.ask(output)
    assert output.written == BACKGROUND_QUESTION
    return AnswerFilter(question), theme


@pytest.mark.parametrize(
    ("color", "background"),
    [
        ("rgb:ffff/ffff/ffff", "light"), ("rgb:0000/0000/0000", "dark"), ("rgb:ff/ff/ff", "light"), ("rgb:f/f/f", "light"),
        ("rgb:fdfd/f6f6/e3e3", "light"), ("rgb:0000/2b2b/3636", "dark"), ("rgba:ffff/ffff/ffff/ffff", "light"), ("rgb:0000/0000/ffff", "dark"),
        ("?", None), ("", None), ("red", None),
    ],
)  # fmt: skip
def test_a_colour_is_light_or_dark(color: str, background: str | None) -> None:
    """As the eye sees it."""
    assert background_of(color) == background


@pytest.mark.parametrize("answer", ENDINGS)
@pytest.mark.parametrize("before", ["", "ab", "\x1b[A"])
@pytest.mark.parametrize("after", ["", "cd", "\x1b[B"])
def test_only_the_keys_around_an_answer_are_typed(
    asked: tuple[AnswerFilter, Theme], answer: str, before: str, after: str
) -> None:
    """However it is cut into pieces."""
    taken, theme = asked
    assert taken.without(before + answer + after) == before + after
    assert theme.name == "light"


@pytest.mark.parametrize("answer", ENDINGS)
@pytest.mark.parametrize("size", range(1, 12))
def test_an_answer_in_pieces_is_none_of_the_keys(
    asked: tuple[AnswerFilter, Theme], answer: str, size: int
) -> None:
    """Also where the time for an Escape is up between two of them."""
    taken, theme = asked
    data = "x" + answer + "y"
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    assert "".join(map(taken.without, pieces)) == "xy"
    assert theme.name == "light"


def test_keys_that_begin_like_an_answer_are_keys(asked: tuple[AnswerFilter, Theme]) -> None:
    """Escape and Alt-] come when nothing follows them; all else at once."""
    taken, _ = asked
    assert taken.without("a\x1b") == "a"
    assert taken.given_up() == "\x1b"
    assert taken.without("\x1b]") == ""
    assert taken.given_up() == "\x1b]"
    assert taken.without("\x1b") + taken.without("b") == "\x1bb"
    assert taken.without("\x1b[200~text\x1b[201~") == "\x1b[200~text\x1b[201~"
    assert taken.without("\x1b]11;" + "x" * 100) != ""


def test_after_the_answer_nothing_is_looked_at(asked: tuple[AnswerFilter, Theme]) -> None:
    """What is pasted may hold anything."""
    taken, _ = asked
    taken.without(ANSWER)
    assert taken.without(ANSWER) == ANSWER


@pytest.mark.parametrize(
    ("environ", "asks"),
    [({"TERM": "xterm"}, True), ({"TERM": "tmux-256color"}, True), ({"TERM": "dumb"}, False), ({"TERM": "linux"}, False), ({}, False)],
)  # fmt: skip
def test_only_terminals_that_know_the_question_are_asked(
    environ: dict[str, str], asks: bool
) -> None:
    """The others would show it."""
    assert may_ask(environ) is asks


def test_the_environment_may_tell() -> None:
    """COLORFGBG, as rxvt and Konsole set it."""
    found = [
        known_background({"COLORFGBG": each}) for each in ("15;0", "0;15", "0;default;15", "x", "")
    ]
    assert found == ["dark", "light", "light", None, None]


def written(terminal: Terminal) -> bytes:
    return b"".join(data for _, data in terminal.chunks)


def fg(terminal: Terminal, row: str, column: int) -> str:
    y = next(y for y, line in enumerate(terminal.lines) if line == row)
    return str(terminal.screen.buffer[y][column].fg)


def test_a_late_answer_changes_the_colours_and_is_not_typed(
    start: Callable[..., Terminal],
) -> None:
    """In the middle of typing; what is typed next is as it was meant."""
    terminal = start(env={"COLORFGBG": ""})
    terminal.wait(lambda: BACKGROUND_QUESTION.encode() in written(terminal))
    terminal.enter("11")
    assert fg(terminal, "11", 0) == "cyan"
    terminal.send("2" + ANSWER + "2\r")
    terminal.wait_for("22")
    terminal.wait_for_prompt()
    terminal.enter("33")
    assert fg(terminal, "33", 0) == "blue"
    assert not any("rgb" in line for line in terminal.scrollback)


def test_leaving_at_once_takes_the_answer_along(start: Callable[..., Terminal]) -> None:
    """It does not arrive at the shell."""
    session = f"{sys.executable} -m asyncrepl -q --no-startup"
    terminal = start(["sh", "-c", f"{session}; PS1='$ ' exec sh -i"])
    terminal.wait(lambda: BACKGROUND_QUESTION.encode() in written(terminal))
    terminal.send("\x04")
    terminal.send(ANSWER)
    terminal.wait(lambda: terminal.cursor_line == "$", "the prompt of the shell")
    terminal.send("echo the $((20 + 3))\r")
    terminal.wait_for("the 23")
    assert not any("rgb" in line for line in terminal.scrollback)


def test_a_terminal_that_is_gone_gives_no_answer(asked: tuple[AnswerFilter, Theme]) -> None:
    """Who leaves then looks for keys once, not again and again until the time is over."""
    looks: list[int] = []
    question = asked[0]._question
    reading, writing = os.pipe()
    os.close(writing)  # from now on there is always something to read: the end
    with os.fdopen(reading) as keyboard:
        keys = DeviceInput(keyboard, TerminalModes(reading), question)
        keys.before_read = lambda: looks.append(1)
        app, descriptors = SimpleNamespace(input=keys), SimpleNamespace(terminal_in=reading)
        suspension = SimpleNamespace(_app=app, _descriptors=descriptors)
        assert TerminalSuspension.pending_keys(cast("TerminalSuspension", suspension)) == []
    assert question.patience > 0
    assert len(looks) == 1


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"COLORFGBG": "15;0"}])
def test_nobody_is_asked_for_nothing(start: Callable[..., Terminal], env: dict[str, str]) -> None:
    """Without colour, and where it is known."""
    terminal = start(env=env)
    terminal.enter("1")
    assert b"]11;" not in written(terminal)


def test_themes_can_be_chosen(start: Callable[..., Terminal]) -> None:
    """Light has no yellow, dark no blue, mono no colour; the answer does not change a choice."""
    terminal = start()
    colors = {}
    for number, name in enumerate(("light", "dark", "mono"), 1):
        terminal.enter(f":set theme {name}")
        terminal.enter(f"['{number * 'a'}', {number}]")
        row = f"['{number * 'a'}', {number}]"
        colors[name] = {fg(terminal, row, 1), fg(terminal, row, len(row) - 2)}
    assert colors == {"light": {"red", "blue"}, "dark": {"brown", "cyan"}, "mono": {"default"}}


@pytest.mark.sampled(4)
@pytest.mark.parametrize("command", [":trace", ":spawn", ":walk", ":marbles", ":show", ":tra"])
def test_python_behind_a_command_is_coloured(start: Callable[..., Terminal], command: str) -> None:
    """As it is typed, and in what stays of it; what is no Python is not."""
    terminal = start()
    terminal.enter("1")  # the commands are known
    terminal.send(f"{command} None")
    row = f">>> {command} None"
    terminal.wait(lambda: terminal.cursor_line == row)
    terminal.wait(lambda: fg(terminal, row, len(row) - 1) == "magenta", "a coloured keyword")
    assert fg(terminal, row, 5) == "cyan"


def test_function_names_are_not_blue(start: Callable[..., Terminal]) -> None:
    """Pure blue cannot be read on black: names of functions, classes, modules, decorators."""
    terminal = start(env={"COLORFGBG": "15;0"})
    terminal.enter("import json")
    terminal.enter("@staticmethod\rdef f(): raise ValueError(1 + 1)\r")
    terminal.enter("class A: pass")
    used = {cell.fg for row in terminal.screen.buffer.values() for cell in row.values()}
    assert used <= {"default", "magenta", "brown", "cyan", "green", "red"}


@pytest.mark.parametrize("environ", [{}, {"NO_COLOR": "1"}])
def test_what_is_offered_is_fainter_than_what_is_typed(
    start: Callable[..., Terminal], environ: dict[str, str]
) -> None:
    """Without colours, too; and in no colour that may be that of the background."""
    terminal = start(env=environ)
    terminal.enter("'something long'")
    terminal.send("'some")
    terminal.wait(lambda: terminal.cursor_line == ">>> 'something long'", "a suggestion")
    data = b"".join(data for _, data in terminal.chunks)
    assert b"\x1b[0;2mthing long'" in data
    assert b";90" not in data
