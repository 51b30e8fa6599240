from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.pty import Terminal

pytestmark = pytest.mark.sampled(2)


def lane(terminal: Terminal, name: str) -> str:
    """The row of the task `name` under the prompt, empty if there is none."""
    below = terminal.lines[terminal.screen.cursor.y + 1 :]
    return next((line for line in below if line.startswith(name + " ")), "")


def test_a_background_task_has_a_lane_until_it_ends(terminal: Terminal) -> None:
    """Lanes come with the first task that lives for a while, and go with the last."""
    assert not any(terminal.lines[1:])
    terminal.enter("tick = asyncio.create_task(asyncio.sleep(60), name='sleeper')")
    terminal.wait(lambda: "─" in lane(terminal, "sleeper"), "a lane")
    terminal.send("tick.cancel()\r")
    terminal.wait(lambda: terminal.at_prompt and not lane(terminal, "sleeper"), "no lane")


def test_lanes_can_be_switched_off_and_on(terminal: Terminal) -> None:
    """:lanes off takes them away, :lanes on brings them back."""
    terminal.enter("task = asyncio.create_task(asyncio.sleep(60), name='sleeper')")
    terminal.wait(lambda: lane(terminal, "sleeper"), "a lane")
    terminal.send(":lanes off\r")
    terminal.wait(lambda: terminal.at_prompt and not lane(terminal, "sleeper"), "no lane")
    terminal.send(":lanes on\r")
    terminal.enter("task = asyncio.create_task(asyncio.sleep(60), name='another')")
    terminal.wait(lambda: lane(terminal, "another"), "a lane")


def test_lanes_of_what_has_ended_go_also_where_time_stands_still(terminal: Terminal) -> None:
    """In virtual time it passes only while something runs."""
    terminal.enter(":clock virtual")
    terminal.send("await asyncio.sleep(3)\r")
    terminal.wait(lambda: lane(terminal, "input 1"), "a lane")
    terminal.wait(lambda: terminal.at_prompt and not lane(terminal, "input 1"), "no lane")


def test_lanes_take_a_third_of_the_screen_at_most(start: Callable[..., Terminal]) -> None:
    """Of many tasks the rest is summed up, and the prompt stays on the screen."""
    terminal = start(columns=40, rows=15)
    terminal.enter("tasks = [asyncio.create_task(asyncio.sleep(60)) for _ in range(50)]")
    terminal.wait(lambda: any(line.startswith("+ 46 more") for line in terminal.lines), "a sum")
    below = terminal.lines[terminal.screen.cursor.y + 1 :]
    assert sum(bool(line) for line in below) == 5


def test_a_blocked_loop_is_told_while_it_is_blocked(terminal: Terminal) -> None:
    """The row says for how long, by whom and where, and it moves on; then it goes."""
    terminal.enter("import time")
    terminal.begin("time.sleep(1.2)")
    terminal.wait_for("by task 'input 2' at <input 2>:1: time.sleep(1.2)")
    terminal.wait(lambda: any(line.startswith("loop blocked 1.") for line in terminal.lines))
    terminal.wait_for_prompt()
    assert not any(line.startswith("loop blocked") for line in terminal.lines)


def test_a_blocked_loop_is_told_once_when_it_is_over(terminal: Terminal) -> None:
    """One line, before the next prompt, also where the next input is typed already."""
    terminal.enter("import time")
    terminal.send("time.sleep(0.3)\r'next'\r")
    terminal.wait(lambda: "'next'" in terminal.scrollback and terminal.at_prompt)
    shown = terminal.scrollback[terminal.scrollback.index(">>> time.sleep(0.3)") + 1 :]
    line, *rest = shown
    assert re.fullmatch(
        r"loop was blocked \d\.\d s by task 'input 2' at <input 2>:1: time\.sleep\(0\.3\)", line
    )
    assert rest == [">>> 'next'", "'next'", ">>>"]


@pytest.mark.parametrize(
    ("columns", "row", "lines"),
    [
        (
            80,
            r"loop blocked \d\.\d s by task 'hog' at <input 2>:3: time\.sleep\(0\.8\)",
            [r"loop was blocked \d\.\d s by task 'hog' at <input 2>:3: time\.sleep\(0\.8\)"],
        ),
        (
            40,
            r"blocked \d\.\d s by 'hog' at <input 2>:3",
            [r"loop was blocked \d\.\d s by task 'hog'", r"  at <input 2>:3: time\.sleep\(0\.8\)"],
        ),
    ],
)
def test_a_background_task_that_blocks_is_named(
    start: Callable[..., Terminal], columns: int, row: str, lines: list[str]
) -> None:
    """While a line is being typed, which stays; on a narrow screen as well."""
    terminal = start(columns=columns, rows=15)
    terminal.enter("import time")
    terminal.enter("async def hog():\rawait asyncio.sleep(0.1)\rtime.sleep(0.8)\r")
    terminal.send("t = asyncio.create_task(hog(), name='hog')\rkeep")
    terminal.wait(lambda: any(re.fullmatch(row, line) for line in terminal.lines), row)
    terminal.wait_for("loop was blocked")
    terminal.wait(lambda: terminal.cursor_line == ">>> keep")
    at = next(n for n, line in enumerate(terminal.scrollback) if "was blocked" in line)
    told = terminal.scrollback[at : at + len(lines)]
    assert all(re.fullmatch(*pair) for pair in zip(lines, told, strict=True))


def test_ten_thousand_tasks_leave_the_prompt_usable(terminal: Terminal) -> None:
    """Typing and running go on beside any number of tasks."""
    terminal.enter("tasks = [asyncio.create_task(asyncio.sleep(60)) for _ in range(10_000)]")
    terminal.enter("1 + 1")
    assert "2" in terminal.scrollback
    terminal.send("\x04")
    terminal.wait_for("10000 tasks were still running and cancelled")


def test_a_new_size_redraws_the_prompt(terminal: Terminal) -> None:
    """Wider or narrower, the typed line is there once and the program knows the size."""
    terminal.enter(":ticker tick 0.05")
    terminal.send("kept = 1")
    terminal.wait(lambda: terminal.cursor_line == ">>> kept = 1")
    for columns, rows in ((60, 20), (100, 30)):
        terminal.resize(columns, rows)
        seen = len(terminal.scrollback)
        terminal.wait(lambda n=seen: len(terminal.scrollback) > n + 3)
        terminal.wait(lambda: terminal.cursor_line == ">>> kept = 1")
    terminal.send("\x03")
    terminal.wait_for_prompt()
    terminal.send("import os; print(*os.get_terminal_size(), *os.get_terminal_size(2))\r")
    terminal.wait_for("100 30 100 30")


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    """A transcript that waits for the presenter after its first statement."""
    path = tmp_path / "demo.pycon"
    path.write_text("# Hi.\n>>> 11\n11\n\n#: pause\n>>> if 1:\n...     22\n...\n22\n")
    return path


def test_a_demo_is_typed_out(terminal: Terminal, demo: Path) -> None:
    """:replay types a transcript; a pause ends with a key, which is not typed."""
    terminal.send(f":replay {demo}\r")
    terminal.wait_for("press a key to go on")
    shown = terminal.scrollback[terminal.scrollback.index("# Hi.") :]
    assert shown == ["# Hi.", ">>> 11", "11", ">>>"]
    terminal.send("x")
    terminal.wait(lambda: "22" in terminal.scrollback and terminal.at_prompt, "the end")
    assert terminal.scrollback[-5:] == [">>> if 1:", "...     22", "...", "22", ">>>"]
    terminal.send("\x04")
    assert terminal.exit_status() == 0


def shown(terminal: Terminal) -> list[str]:
    """The rows after those of the command that began a demo."""
    lines = terminal.scrollback
    return lines[next(at for at, line in enumerate(lines) if line.endswith("ycon")) + 1 :]


#: Space, letters, Enter, arrows, Escape, Tab, a word deleted, a paste.
KEYS = (" ", "x", "\r", "\x1b[A", "\x1b[D", "\x1b", "\t", "\x17", "\x1b[200~7\n\x1b[201~", "y\r")


#: When keys are pressed: what the demo types, and what that prints.
MOMENTS = {
    "with the command": ("'one'", "'one'"),
    "while it types": ("'the first line of it'", "'the first line of it'"),
    "while it runs": ("await asyncio.sleep(0.3, 1)", "1"),
}


@pytest.mark.sampled(4)
@pytest.mark.parametrize("moment", MOMENTS)
def test_keys_during_a_demo_are_not_typed(terminal: Terminal, tmp_path: Path, moment: str) -> None:
    """Whatever is pressed, the demo is typed as written, and the line after it is empty."""
    typed, printed = MOMENTS[moment]
    path = tmp_path / "demo.pycon"
    path.write_text(f">>> {typed}\n>>> 3\n")
    terminal.send(f":replay {path}\r" + "".join(KEYS) * (moment == "with the command"))
    if moment == "while it types":
        terminal.wait(lambda: terminal.cursor_line.startswith(">>> 'the fir"), "typing")
        for key in KEYS:
            terminal.send(key)
        terminal.wait_for("the demo goes on by itself; Ctrl-C pauses it")
    if moment == "while it runs":
        terminal.wait(lambda: f">>> {typed}" in terminal.scrollback[:-1])
        terminal.send("".join(KEYS))
    terminal.wait(lambda: "3" in terminal.scrollback and terminal.at_prompt, "the end")
    terminal.enter("'mine'")
    assert shown(terminal) == [
        f">>> {typed}",
        printed,
        ">>> 3",
        "3",
        ">>> 'mine'",
        "'mine'",
        ">>>",
    ]


def test_ctrl_c_while_a_demo_types_gives_the_prompt(terminal: Terminal, tmp_path: Path) -> None:
    """The line is dropped, what is typed then is the presenter's, and :resume types it again."""
    path = tmp_path / "demo.pycon"
    path.write_text(">>> 'the first line of it'\n")
    terminal.send(f":replay {path}\r")
    terminal.wait(lambda: terminal.cursor_line.startswith(">>> 'the fir"), "typing")
    terminal.send(" \x03")
    terminal.wait_for("demo held: :resume or :step goes on")
    terminal.wait_for_prompt()
    terminal.enter("'mine'")
    terminal.send(":resume\r  ")
    terminal.wait(lambda: "'the first line of it'" in terminal.scrollback and terminal.at_prompt)
    assert shown(terminal) == [
        ">>> 'mine'", "'mine'", ">>> :resume", ">>> 'the first line of it'", "'the first line of it'", ">>>",
    ]  # fmt: skip


def test_what_a_demo_tells_flows_where_it_does_not_fit(
    start: Callable[..., Terminal], tmp_path: Path
) -> None:
    """On a narrow terminal no word of the narration is torn; on a wide one it stays as written."""
    path = tmp_path / "told.pycon"
    path.write_text("# Half a second goes by, and then\n# there is a result.\n>>> 1 + 1\n2\n")
    told = {
        30: ["# Half a second goes by, and", "# then there is a result."],
        60: ["# Half a second goes by, and then", "# there is a result."],
    }
    for columns, lines in told.items():
        words = "-m", "asyncrepl", "replay", "--speed", "50", str(path)
        terminal = start([sys.executable, *words], columns=columns)
        terminal.wait(lambda here=terminal: "2" in here.scrollback and here.at_prompt, "the end")
        assert [line for line in terminal.scrollback if line.startswith("# ")] == lines


def test_a_demo_is_held_and_resumed(terminal: Terminal, demo: Path) -> None:
    """Ctrl-C hands the prompt over, :resume goes on."""
    terminal.send(f":replay {demo}\r")
    terminal.wait_for("press a key to go on")
    terminal.send("\x03")
    terminal.wait_for("demo held: :resume or :step goes on")
    terminal.enter("await asyncio.sleep(0.01); 'mine'")
    assert "'mine'" in terminal.scrollback
    terminal.send(":resume\r")
    terminal.wait(lambda: "22" in terminal.scrollback and terminal.at_prompt, "the end")


def test_how_tasks_ended_can_be_seen(terminal: Terminal) -> None:
    """The lanes stay for a while after the last task: who failed, who was cancelled."""
    terminal.enter("async def bad():\rawait asyncio.sleep(0.4)\r1/0\r")
    terminal.enter(
        "async with asyncio.TaskGroup() as g:\r"
        "x = g.create_task(bad(), name='bad'); y = g.create_task(asyncio.sleep(9), name='long')\r"
    )
    terminal.wait(lambda: any(re.search(r"^ *bad .*✗", line) for line in terminal.lines), "✗")
    terminal.wait(lambda: any(re.search(r"^ *long .*○", line) for line in terminal.lines), "○")
    terminal.wait(lambda: not any("✗" in line for line in terminal.lines), "the end of the lanes")


def test_a_panel_rests_only_after_a_look() -> None:
    """On a busy machine the frame after a nudge may come so late that nothing would be looked at."""
    from asyncrepl.terminal.panel import LoopView, Panel

    class Waiting(LoopView):
        def at_rest(self) -> bool:
            return True

    panel = Panel(Waiting(), lambda: (80, 24), lanes=True)
    panel.nudge()
    panel._nudged_at -= 5.0
    panel._looked_at = panel._nudged_at  # no frame since
    assert not panel._resting()
    panel.refresh()
    assert panel._resting()


def test_a_ticker_costs_no_frame_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its slice is drawn with its line; the nudge for it, before or after, brings no other frame.

    What runs after the line does: it has not been seen.
    """
    from asyncrepl.terminal import panel as module

    class Ticking(module.LoopView):
        ran = 0

        def count(self) -> int:
            return self.ran

    now = 0.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    view = Ticking()
    panel = module.Panel(view, lambda: (80, 24), lanes=True)
    panel._calm = True
    now, view.ran = 1.0, 1
    panel.nudge(loop_only=True)
    panel.text_comes()
    assert panel._due(0) == pytest.approx(1.5)
    panel.nudge(loop_only=True)
    assert panel._woken_for_nothing()
    assert panel._due(0) == pytest.approx(1.5)
    panel.nudge(loop_only=True)
    view.ran = 2
    assert not panel._woken_for_nothing()
    assert panel._due(0) < 1.1
