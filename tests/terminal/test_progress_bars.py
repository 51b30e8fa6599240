"""Progress bars, spinners and tables drawn anew: as on a plain terminal."""

from __future__ import annotations

import os
import re
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
from support.pty import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

#: The body of a coroutine: it draws, is `held`, and draws its end. Imports stand before it.
HEAD = """
import asyncio, os, sys
async def held():
    if {stop}: sys.stdout.flush(); os._exit(0)
    while not os.path.exists({go!r}): await asyncio.sleep(0.01)
{imports}
async def main():
    {body}
"""
BUSY = r"loop (was )?blocked.*(\n  .*)*|Ctrl-S pauses, Ctrl-C stops"
BY_HAND = {
    "one row": r"""
for i in range(30): print(f"\r{i} of 30", end="", flush=True)
await held(); print("\r\x1b[Kdone")
""",
    "two rows": r"""
print("first\nsecond", end="")
for i in range(9): print(f"\r\x1b[1A\x1b[2Kfirst {i}\n\x1b[2Ksecond {i}", end="", flush=True)
await held(); print("\nover")
""",
    "whole lines": r"""
print("a\nb\nc")
for i in range(9): print("\x1b[3A", end=""); [print(f"\x1b[2K{n} {i}", flush=True) for n in "abc"]
await held(); print("over")
""",
    "rows below": r"""
for i in range(9): print(f"\rtop {i}\n\rbelow {i}\x1b[1A\r", end="", flush=True)
await held(); print("\x1b[J", end="\n\n")
""",
    "columns": r"""
print("[        ]\x1b[1G", end=""); print("\x1b[3C##\b\b=\x1b[12G日本e\u0301", end="", flush=True)
await held(); print()
""",
    "longer than the screen": r"""
print("x" * 100 + "\r" + "y" * 3, end="", flush=True); print("\x1b[1A\r\x1b[2Kz", end="", flush=True)
await held(); print("\n")
""",
    "erased": r"""
print("gone\nalso gone\x1b[1A\x1b[3D\x1b[0Jx", end="", flush=True); print("\x1b[1Ky", end="", flush=True)
await held(); print()
""",
    "standard error": r"""
import sys
for i in range(9): print(f"\r{i}", end="", file=sys.stderr, flush=True)
print(" and out", end="", flush=True)
await held(); print()
""",
    "a child": r"""
import subprocess
subprocess.run([os.sys.executable, "-c", r"import sys; [print(f'\r{i} %', end='', flush=True) for i in range(99)]"])
await held(); print()
""",
}
LIBRARIES = {
    "rich.progress": """
from rich.progress import Progress, BarColumn, TextColumn
with Progress(TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}")) as p:
    tasks = [p.add_task(name, total=9) for name in ("red", "green", "blue")]
    for i in range(9): [p.advance(each) for each in tasks]; p.refresh()
    p.print("said above"); print("printed above"); p.refresh(); await held()
""",
    "rich.live": """
from rich.live import Live
from rich.table import Table
def table(n):
    made = Table("number", "square")
    for i in range(n): made.add_row(str(i), str(i * i))
    return made
with Live(table(1), auto_refresh=False) as live:
    for n in range(2, 6): live.update(table(n), refresh=True)
    await held()
""",
    "rich.status": """
from rich.console import Console
with Console().status("working", spinner="toggle13") as status: status.update("working on"); await asyncio.sleep(.3)
await held()
""",
    "tqdm": """
from tqdm import tqdm
shape = "{desc}: {n}/{total} |{bar}|"
outer, inner = (tqdm(total=3, desc=d, bar_format=shape, position=p, leave=not p) for p, d in enumerate(("outer", "inner")))
for i in range(3):
    outer.update(); inner.reset()
    for j in range(3): inner.update()
outer.refresh(); inner.refresh(); tqdm.write("written"); await held(); inner.close(); outer.close()
""",
    "alive_progress": """
from alive_progress import alive_bar
with alive_bar(9, monitor=False, stats=False, elapsed=False, spinner=None, force_tty=True) as bar:
    for i in range(9): bar()
    print("printed"); await asyncio.sleep(.3)
await held()
""",
    "halo": """
from halo import Halo
spinner = Halo(text="loading"); spinner.start(); await asyncio.sleep(.2); spinner.succeed("loaded"); await held()
""",
    "yaspin": """
from yaspin import yaspin
with yaspin(text="loading") as spinner: spinner.write("a line"); await asyncio.sleep(.2); spinner.ok("OK")
await held()
""",
}


@pytest.fixture
def compare(tmp_path: Path, start: Callable[..., Terminal]) -> Iterator[Callable[..., None]]:
    """Runs a program under plain Python and here, and compares what stands on the screens."""
    plain: list[Terminal] = []
    env = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    go = tmp_path / "go"

    def file(text: str, *, stop: bool) -> str:
        lines = text.strip().split("\n")
        imports = [line for line in lines if line.startswith(("from", "import"))]
        body = "\n    ".join(line for line in lines if line not in imports)
        path = tmp_path / f"{stop}.py"
        path.write_text(HEAD.format(stop=stop, go=str(go), imports="\n".join(imports), body=body))
        return str(path)

    def under_python(path: str, columns: int, rows: int) -> tuple[list[str], int, bool]:
        command = [sys.executable, "-c", f"exec(open({path!r}).read()); asyncio.run(main())"]
        plain.append(Terminal(command, columns=columns, rows=rows, env=env))
        plain[-1].wait(lambda: plain[-1].ended, "its end")
        return picture(plain[-1], 0)

    def compare(program: str, columns: int, rows: int) -> None:
        path = file(program, stop=False)
        half = under_python(file(program, stop=True), columns, rows)
        if "subprocess" in program:  # the terminal was the child's: what follows begins a row
            half = half[0], 0, half[2]
        ours = start(columns=columns, rows=rows, env=env)
        ours.enter(":lanes off")
        ours.enter(f"exec(open({path!r}).read())")
        ours.send("await main()\r")
        ours.wait(lambda: picture(ours, after("await main()", ours)) == half, f"this: {half}")
        go.touch()
        whole, *_ = under_python(path, columns, rows)
        ours.wait_for_prompt()
        assert picture(ours, after("await main()", ours))[0] == whole

    yield compare
    for terminal in plain:
        terminal.close()


def after(text: str, terminal: Terminal) -> int:
    """The number of the row after the one that ends with `text`."""
    rows = terminal.scrollback
    return max((at + 1 for at, row in enumerate(rows) if row.endswith(text)), default=0)


def picture(terminal: Terminal, begin: int) -> tuple[list[str], int, bool]:
    """The program's rows from `begin` on, the column of the cursor, whether it is hidden.

    Without our prompt, and without what we say where a machine is so busy that it takes long.
    """
    cursor = terminal.screen.cursor
    rows = [*terminal.scrollback, *terminal.lines[cursor.y + 1 :]][begin:]
    text = re.sub(BUSY, "", "\n".join(rows))
    shown = re.sub(r"\n+", "\n", text.strip("\n").removesuffix(">>>").strip("\n"))
    return shown.split("\n"), min(cursor.x, terminal.screen.columns - 1), cursor.hidden


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", BY_HAND)
def test_rows_drawn_by_hand(name: str, compare: Callable[..., None]) -> None:
    """Carriage return, erasing, moving the cursor: within the program's rows all is obeyed."""
    compare(BY_HAND[name], 80, 24)


@pytest.mark.sampled(10)
@pytest.mark.parametrize(
    ("name", "columns", "rows"),
    [*((name, 80, 24) for name in LIBRARIES), ("rich.progress", 40, 15), ("tqdm", 40, 15)],
)
def test_libraries_draw_as_on_a_plain_terminal(
    name: str, columns: int, rows: int, compare: Callable[..., None]
) -> None:
    """While they draw, and when they are done."""
    if find_spec(name.partition(".")[0]) is None:
        pytest.skip(f"{name} is not installed")
    compare(LIBRARIES[name], columns, rows)


BAR = "async def bar(n):\rfor i in range(n): print(f'\\r{i:3} %', end='', flush=True); await asyncio.sleep(.02)\r"


def test_lines_of_others_come_above_a_bar(terminal: Terminal) -> None:
    """A ticker beside a bar in the foreground: neither draws into the other."""
    terminal.enter(BAR)
    terminal.enter(":ticker tick 0.1")
    terminal.enter("await bar(60)")
    rows = [row for row in terminal.scrollback if "%" in row and "print" not in row]
    assert rows == [" 59 %"]
    ticks = [row for row in terminal.scrollback if "tick │" in row]
    assert len(ticks) > 3
    assert ticks == [f"tick │ {n + 1}" for n in range(len(ticks))]


def test_results_come_above_a_bar_in_the_background(terminal: Terminal) -> None:
    """The bar stays where it is, below, also while something is typed and run."""
    terminal.enter(BAR)
    terminal.enter("task = asyncio.create_task(bar(500))")
    terminal.wait(lambda: re.fullmatch(r" *\d+ %", terminal.lines[terminal.screen.cursor.y - 1]))
    terminal.enter("6 * 7")
    terminal.enter("1 / 0")
    terminal.enter("print('whole')")
    rows = [row for row in terminal.scrollback if not row.startswith(">>>")]
    assert rows[-4:-1] == ["42", "ZeroDivisionError: division by zero", "whole"]
    assert sum("%" in row for row in rows if "print" not in row) == 1
    assert re.fullmatch(r" *\d+ %", terminal.lines[terminal.screen.cursor.y - 1])


def test_what_a_statement_left_unfinished_ends_with_it(terminal: Terminal) -> None:
    """A result, an error and a Ctrl-C begin a row of their own, below."""
    terminal.enter("print('half', end=''); 6 * 7")
    terminal.enter("print('more', end=''); 1 / 0")
    terminal.begin("print('wait', end=''); await asyncio.sleep(99)")
    terminal.wait(lambda: "wait" in terminal.lines)
    terminal.send("\x03")
    terminal.wait_for_prompt()
    rows = [row for row in terminal.scrollback if not row.startswith(">>>")]
    assert rows[:4] == ["half", "42", "more", "ZeroDivisionError: division by zero"]
    assert rows[4] == "wait"
    assert rows[5].startswith("KeyboardInterrupt")


def test_a_bar_on_a_screen_that_gets_narrower(terminal: Terminal) -> None:
    """Its rows are cut, not wrapped: the next frame leaves no debris."""
    terminal.enter(BAR.replace("{i:3} %", "{i % 10}' + '#' * 60 + '"))
    terminal.begin("await bar(400)")
    terminal.wait_for("#" * 60)
    for columns in (40, 80, 50):
        terminal.resize(columns, 24)
        terminal.wait(
            lambda: sum("###" in row for row in terminal.lines if "print" not in row) == 1
        )


@pytest.mark.parametrize(
    ("columns", "rows"), [(80, 24), pytest.param(40, 15, marks=pytest.mark.slow)]
)
def test_a_screen_of_its_own_is_gone_when_it_is_left(
    start: Callable[..., Terminal], columns: int, rows: int
) -> None:
    """Rich's full screen: seen while it is there, and the scrollback has nothing of it."""
    terminal = start(columns=columns, rows=rows)
    terminal.enter("from rich.live import Live; from rich.table import Table")
    terminal.begin(
        "with Live(Table('head', 'b'), screen=True, refresh_per_second=30):"
        " await asyncio.sleep(0.5)\r"
    )
    terminal.wait(lambda: any(" head " in line for line in terminal.lines), "the table's head")
    terminal.wait_for_prompt()
    terminal.enter("'after'")
    shown = terminal.scrollback
    assert shown[-3:] == [">>> 'after'", "'after'", ">>>"]
    assert not any(
        "head" in line and "Live" not in line and ">>>" not in line for line in shown[3:]
    )
    assert len(shown) < 12
