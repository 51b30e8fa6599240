"""Rows that stay whole: 40,000 lines from ten threads and ten tasks while somebody types.

    python tests/benchmarks/whole_rows.py [LINES]

The same at three prompts, each on a pseudo-terminal: ours, ``python -m asyncio``, and a plain
``python`` that runs the program (there the terminal echoes the keys). Counts the rows that are
exactly what was printed, and the typed lines whose values came back.
"""

from __future__ import annotations

import os
import re
import select
import sys
import tempfile
import time

import pexpect

WRITERS = 20
#: ``print`` writes the four parts of a row, and what is between them, apart.
PROGRAM = """\
import asyncio, threading
def row(who, at): print(who, at, "=" * 20, "end")
def work(n):
    for at in range({each}): row(f"thread-{{n}}", at)
async def task(n):
    for at in range({each}): row(f"task-{{n}}", at); await asyncio.sleep(0)
async def main():
    threads = [threading.Thread(target=work, args=(n,)) for n in range(10)]
    for each in threads: each.start()
    await asyncio.gather(*map(task, range(10)))
    while any(each.is_alive() for each in threads): await asyncio.sleep(0.01)
    print("all is" + " printed")
"""
ROW = re.compile(r"(thread|task)-\d \d+ ={20} end")
_STYLE = re.compile(r"\x1b\[[0-9;]*m")
_MOVE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b.|\r+\n?")
_TYPED = "'ty' 'ped'"
_KEY = 0.01  # seconds between two keys


def whole(text: str) -> int:
    """How many of the rows that were printed stand in `text` once, whole, each in its turn."""
    rows = _MOVE.sub("\n", _STYLE.sub("", text)).split("\n")
    due: dict[str, int] = {}
    for row in filter(ROW.fullmatch, map(str.rstrip, rows)):
        who, at, *_ = row.split()
        if int(at) >= due.get(who, 0):  # a row that was drawn anew counts once
            due[who] = due.get(who, 0) + 1
    return sum(due.values())


def printed(child: pexpect.spawn, start: str) -> tuple[str, int]:
    """Enter `start`, and type until all is printed; what the terminal got, and lines typed."""
    child.send(start)
    text, lines, keys, due = "", 0, iter(""), time.monotonic()
    while "all is printed" not in text[-100_000:]:
        text += came(child, _KEY)
        if time.monotonic() >= due:
            due = time.monotonic() + _KEY
            key = next(keys, "")
            if not key:
                keys, lines = iter(_TYPED + "\r"), lines + 1
            child.send(key)
    child.send("".join(keys))
    end = time.monotonic() + 1
    while time.monotonic() < end:
        text += came(child, 0.1)
    return text, lines


def came(child: pexpect.spawn, seconds: float) -> str:
    """What has come within so many seconds, the first of it."""
    if not select.select([child.child_fd], [], [], seconds)[0]:
        return ""
    try:
        return os.read(child.child_fd, 65536).decode("utf-8", "replace")
    except OSError:  # it has ended
        return ""


def measured(name: str, words: list[str], ready: str, start: str, each: int) -> str:
    """One row of the table."""
    environment = {**os.environ, "TERM": "xterm-256color", "ASYNCREPL_HISTORY": "", "PYTHON_BASIC_REPL": "1"}  # fmt: skip
    child = pexpect.spawn(sys.executable, words, env=environment, dimensions=(24, 80), timeout=120)
    if ready:
        child.expect(ready)
    began = time.monotonic()
    text, lines = printed(child, start)
    took = time.monotonic() - began
    child.close(force=True)
    found, values = whole(text), text.count("'typed'")
    return f"{name:20} {found:6,} of {WRITERS * each:,} rows whole, {values:3} of {lines:3} typed lines answered, {took:5.1f} s"


def main() -> None:
    """Print the table."""
    each = (int(sys.argv[1]) if len(sys.argv) > 1 else 40_000) // WRITERS
    program = PROGRAM.format(each=each)
    with tempfile.NamedTemporaryFile("w", suffix=".py") as file:
        file.write(program)
        file.flush()
        load = f"exec(open({file.name!r}).read()); begun = asyncio.create_task(main())\r"
        for name, words, ready, start in (
            ("asyncrepl", ["-m", "asyncrepl", "-q", "--no-startup"], ">>> ", load),
            ("python -m asyncio", ["-m", "asyncio"], ">>> .*>>> ", load),
            ("python", ["-c", program + "asyncio.run(main())"], "", ""),
        ):
            print(measured(name, words, ready, start, each), flush=True)


if __name__ == "__main__":
    main()
