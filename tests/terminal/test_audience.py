"""``:set audience on``: keys and steps for those who watch, and nothing that flickers."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest
from prompt_toolkit.key_binding import KeyPress
from prompt_toolkit.keys import Keys

from asyncrepl.terminal.audience_rows import AudienceRows, key_name
from asyncrepl.views.styled_lines import plain

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.pty import Terminal

pytestmark = pytest.mark.sampled(2)

COMMAND = [sys.executable, "-m", "asyncrepl", "-q", "--no-startup"]
SIZES = pytest.mark.parametrize(("columns", "rows"), [(80, 24), (40, 15)])
SOURCE = "async def gen():\rfor i in range(6):\rawait asyncio.sleep(0.4)\ryield i\r"


def marked(terminal: Terminal) -> str:
    """What is drawn in reverse."""
    cells = terminal.screen.buffer
    places = [(y, x) for y in range(terminal.screen.lines) for x in range(terminal.screen.columns)]
    return "".join(cells[y][x].data for y, x in places if cells[y][x].reverse).strip()


@SIZES
def test_the_step_is_marked_in_the_line_while_it_happens(
    start: Callable[..., Terminal], columns: int, rows: int
) -> None:
    """All of them are seen, each named below the line; the last one says the end."""
    terminal = start([*COMMAND, "--audience"], columns=columns, rows=rows)
    terminal.enter(SOURCE)
    terminal.begin("async for x in gen(): x")
    for piece, name in (("gen()", "1 __aiter__"), ("for", "2 __anext__"), ("async", "3 await")):
        terminal.wait(lambda piece=piece: marked(terminal) == piece, piece)
        assert any(name in line for line in terminal.lines)
    terminal.wait(
        lambda: marked(terminal) == "x" and any("4 bind" in each for each in terminal.lines)
    )
    terminal.wait(lambda: any("6 stop" in line for line in terminal.lines))
    terminal.wait(lambda: not any("6 stop" in line for line in terminal.lines))
    assert (
        terminal.scrollback[-7:-1] == ["0", "1", "2", "3", "4", "5"] or "5" in terminal.scrollback
    )


def test_nothing_jumps_or_flickers(start: Callable[..., Terminal]) -> None:
    """At ten rounds a second: the line stands in one row, and is never away between two frames."""
    terminal = start([*COMMAND, "--audience"])
    terminal.enter("async def gen():\rfor i in range(30):\rawait asyncio.sleep(0.1)\ryield i\r")
    header = "async for x in gen():"
    terminal.begin("async for x in gen():\r    pass\r")
    terminal.wait(lambda: any("1 __aiter__" in line for line in terminal.lines))
    places: list[int | None] = []

    def look() -> bool:
        found = [n for n, line in enumerate(terminal.lines) if line == header]
        places.append(found[0] if found else None)
        return any("6 stop" in line for line in terminal.lines)

    terminal.wait(look)
    assert len(places) > 5
    assert len(set(places)) == 1
    ends = [at for at, data in terminal.chunks if b"__anext__" in data or b"await" in data]
    assert len(ends) < 60


def test_the_ctrl_c_of_a_demo_is_shown(start: Callable[..., Terminal], tmp_path: Path) -> None:
    """It is what the audience is to see there."""
    demo = tmp_path / "interrupted.pycon"
    demo.write_text("#: clock virtual\n#: key C-c after 0.5\n>>> await asyncio.sleep(9)\n>>> 2\n")
    terminal = start([*COMMAND, "--audience"])
    terminal.send(f":replay {demo}\r")
    terminal.wait(lambda: any(re.fullmatch("keys .*Ctrl-C", line) for line in terminal.lines))
    terminal.wait(lambda: any(line.startswith("KeyboardInterrupt") for line in terminal.lines))


@SIZES
def test_keys_are_shown_as_they_are_pressed(
    start: Callable[..., Terminal], columns: int, rows: int
) -> None:
    """In a row of their own that is always there; they go after a moment."""
    terminal = start([*COMMAND, "--audience"], columns=columns, rows=rows)
    terminal.wait(lambda: "keys" in terminal.lines)
    place = terminal.lines.index("keys")
    terminal.send("ab")
    terminal.wait(lambda: "keys ab" in terminal.lines)
    terminal.send("\x1b[D\x1b[D\x1b[C\x12")
    terminal.wait(lambda: any("Left ×2 Right Ctrl-R" in line for line in terminal.lines))
    terminal.send("\x07")
    terminal.wait(lambda: terminal.lines[place] == "keys")
    terminal.send("\x05\x15")
    terminal.wait_for_prompt()
    terminal.enter(":set audience off")
    terminal.wait(lambda: not any(line.startswith("keys") for line in terminal.lines))


def test_it_does_not_narrate_and_narration_works_beside_it(start: Callable[..., Terminal]) -> None:
    """`:trace STATEMENT` tells one statement; what comes after it is marked again."""
    terminal = start()
    terminal.enter(":set audience on")
    terminal.enter("async def gen():\rawait asyncio.sleep(0.01)\ryield 7\r")
    terminal.enter("[x async for x in gen()]")
    assert not any("__aiter__ " in line and ":" in line for line in terminal.scrollback)
    terminal.enter(":trace [x async for x in gen()]")
    assert any("1 __aiter__  gen()" in line for line in terminal.scrollback)
    terminal.send("[await asyncio.sleep(1) async for x in gen()]\r")
    terminal.wait(lambda: any("5 body" in line for line in terminal.lines))
    terminal.enter(":set audience off")


@pytest.mark.parametrize("setting", [":set color off", ":set theme mono"])
def test_the_mark_does_not_need_colour(start: Callable[..., Terminal], setting: str) -> None:
    """Without any, and in the theme that has none, the step is drawn in reverse all the same."""
    terminal = start([*COMMAND, "--audience"])
    terminal.enter(setting)
    terminal.enter(SOURCE)
    terminal.begin("async for x in gen(): x")
    terminal.wait(lambda: marked(terminal) == "async", "the third step")


def test_ascii_alone(start: Callable[..., Terminal]) -> None:
    """With LC_ALL=C the rows are drawn with what that has."""
    terminal = start([*COMMAND, "--audience"], env={"LC_ALL": "C"})
    terminal.send("\x1b[D\x1b[D")
    terminal.wait(lambda: "keys Left x2" in terminal.lines)


def test_demos_pause_longer(tmp_path: Path, start: Callable[..., Terminal]) -> None:  # noqa: ARG001
    """What was printed stays twice as long; the clock runs as it did."""
    from asyncrepl.transcript.replay import Replay
    from asyncrepl.transcript.transcript_parser import parse_transcript

    slept: list[float] = []

    class Target:
        async def narrate(self, lines: object) -> None: ...
        async def type(self, text: str, delays: object) -> None: ...
        async def run(self, *_: object) -> bool:
            return True

        def set_pace(self, pace: float) -> None:
            assert pace == 1.0

        async def key(self) -> None: ...
        def hand_over(self, *, to_presenter: bool) -> None: ...

    import asyncio
    from unittest import mock

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    transcript = parse_transcript(">>> 1\n1\n", "x.pycon")
    for patience in (1.0, 2.0):
        with mock.patch("asyncrepl.transcript.replay.asyncio.sleep", sleep):
            asyncio.run(Replay(transcript, Target(), patience=patience).play())  # type: ignore[arg-type]
    assert slept[1] == 2 * slept[0] > 0


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("a", "a"), (" ", "Space"), (Keys.ControlR, "Ctrl-R"), (Keys.Up, "Up"), (Keys.F5, "F5"),
        (Keys.ControlM, "Enter"), (Keys.ControlI, "Tab"), (Keys.ControlLeft, "Ctrl-Left"),
        (Keys.ShiftDelete, "Shift-Delete"), (Keys.BracketedPaste, "paste"), (Keys.Escape, "Esc"),
        ("-", "-"), (Keys.ControlBackslash, "Ctrl-\\"), ("é", "é"),
    ],
)  # fmt: skip
def test_keys_have_the_names_on_a_keyboard(key: str, name: str) -> None:
    """Not those of prompt_toolkit."""
    assert key_name(KeyPress(key)) == name  # type: ignore[arg-type]


def test_old_keys_go_and_the_newest_are_seen() -> None:
    """The row is cut at its front."""
    now = [0.0]
    rows = AudienceRows(ascii=False, now=lambda: now[0])
    rows.pressed([KeyPress("a")])
    assert rows.key_rows(40) == ()
    rows.on = True
    rows.pressed([KeyPress("a"), KeyPress("b"), KeyPress(Keys.Up), KeyPress(Keys.Up)])
    assert plain(rows.key_rows(40)[0]) == "keys ab Up ×2"
    assert plain(rows.key_rows(12)[0]) == "keys … Up ×2"
    rows.pressed([KeyPress(each) for each in "for x in "])
    assert plain(rows.key_rows(40)[0]) == "keys ab Up ×2 for x in Space"
    now[0] = 9.0
    assert plain(rows.key_rows(40)[0]) == "keys "
    assert re.fullmatch("keys ", plain(rows.key_rows(40)[0]))


def test_a_pause_tells_each_step_once(start: Callable[..., Terminal]) -> None:
    """What is looked at for those who watch goes on being told where it is: it is no other one."""
    terminal = start([*COMMAND, "--audience"])
    terminal.enter("async def slow():\rfor i in range(9):\rawait asyncio.sleep(60)\ryield i\r")
    terminal.begin("async for x in slow(): x")
    terminal.wait(lambda: any("3 await" in line for line in terminal.lines), "it waits")
    terminal.send("\x13")
    terminal.wait(lambda: any(line.startswith("paused, ") for line in terminal.lines))
    terminal.send("tv")
    terminal.wait(lambda: any(line.endswith("t v") for line in terminal.lines), "no text")
    terminal.send("e")
    terminal.wait(lambda: any("an expression of names" in line for line in terminal.lines))
    terminal.send("1+1\r")
    terminal.wait(lambda: any(line.endswith("e 1+1 Enter") for line in terminal.lines), "text")
    terminal.wait(lambda: "0" in terminal.scrollback, "the first value")
    terminal.wait_for("3 await      suspends")
    terminal.send("\x03")
    terminal.wait_for_prompt()
    told = "\n".join(terminal.scrollback)
    assert told.count("2 __anext__") == 1
    assert told.count("6 stop") == 1
