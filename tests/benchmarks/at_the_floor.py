"""What a prompt costs, beside other prompts and plain asyncio.

    python tests/benchmarks/at_the_floor.py [--rounds N] [--short] [PROGRAM…]

Three tables. *Start and rest* of each program: prompt, first keys, processor, memory, an idle
second. *Commands*, beside ``python -c "import asyncio"``. *At work*: a ticker, 10,000 tasks,
``async for`` over ``sleep(0)``, the lateness of timers while somebody types, beside a bare
prompt_toolkit prompt that runs the same, and ``asyncio.run`` without any prompt.

Each program is installed in an environment of its own (in the user's cache folder, kept for the
next run) and started on a pseudo-terminal. The rounds of all programs are interleaved, so that a
busy machine is one to all of them; what is printed are medians, and ratios to the first. With
``--short`` there is one round of a tenth of the work, of ours and what it is measured by; what is
three times its aim, or more, is an error then.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from terminal_programs import (
    LIMIT,
    PROGRAMS,
    ROOT,
    Session,
    compiled,
    memory,
    python_of,
    usage,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PAGE = ROOT / "docs" / "performance.md"
KEYS = b"qz"  # too little for anybody to take it for a statement
IDLE_SECONDS, SETTLING_SECONDS = 5.0, 2.0
TASKS, STEPS, LATE_SECONDS, TYPED_KEYS = 10_000, 100_000, 3.0, 100


class Amounts(NamedTuple):
    """How much is done in a round: seconds of idling and settling, of timers; steps, tasks, keys."""

    idle: float = IDLE_SECONDS
    settling: float = SETTLING_SECONDS
    late: float = LATE_SECONDS
    repeats: int = 3
    steps: int = STEPS
    tasks: int = TASKS
    keys: int = TYPED_KEYS


SHORT = Amounts(idle=1.0, settling=0.6, late=0.8, repeats=1, steps=10_000, tasks=1000, keys=20)
amounts = Amounts()

RIGHT_PROGRAM = """\
import asyncio
async def numbers():
    for i in range(3):
        await asyncio.sleep(0)
        yield i
async def main():
    async for i in numbers(): print(i)
asyncio.run(main())
"""
#: What is run at a prompt, and by ``asyncio.run``, after `STEPS`, `LATE_SECONDS` and `TASKS` are
#: set; each prints a figure between marks.
WORK = """\
import asyncio, random, time
def told(*figures): print("<" + "<", *figures, ">" + ">", flush=True)
async def steps(n):
    for i in range(n):
        await asyncio.sleep(0)
        yield i
async def walk():
    began = time.thread_time()
    async for i in steps(STEPS): pass
    told(1e9 * (time.thread_time() - began) / STEPS)
async def other():
    while True: await asyncio.sleep(0.1)
async def walk_beside():
    begun = asyncio.create_task(other())
    await walk()
    begun.cancel()
async def late():
    found, end = [], time.monotonic() + LATE_SECONDS
    while time.monotonic() < end:
        began = time.perf_counter()
        await asyncio.sleep(0.01)
        found.append(1e3 * (time.perf_counter() - began) - 10)
    found.sort()
    told(found[len(found) // 2], found[len(found) * 99 // 100])
async def one_of_many():
    while True: await asyncio.sleep(random.uniform(5, 15))
async def tick():
    n = 0
    while True:
        print("t", n := n + 1)
        await asyncio.sleep(1)
many = []
async def make_many():
    many.extend(asyncio.create_task(one_of_many()) for _ in range(TASKS))
    told(0)
"""
_TOLD = re.compile(rb"<< ([^<>]+) >>")


class Figures(NamedTuple):
    """One round of one program: milliseconds, megabytes, and numbers a second."""

    drawn_ms: float
    first_key_ms: float
    slowest_key_ms: float
    cpu_ms: float
    memory_mb: float
    idle_wakes: float
    idle_cpu_ms: float
    threads: float


class Work(NamedTuple):
    """One round at work: nanoseconds a step, milliseconds, megabytes."""

    step_ns: float
    step_beside_ns: float
    late_p50_ms: float
    late_p99_ms: float
    ticker_cpu_ms: float = 0.0
    echo_p50_ms: float = 0.0
    echo_p99_ms: float = 0.0
    memory_mb: float = 0.0


#: What ours must not exceed: a ratio to the first column, or a number of its own.
AIMS: dict[str, tuple[str, float]] = {
    "first_key_ms": ("×", 1.0),
    "cpu_ms": ("×", 1.2),
    "memory_mb": ("×", 1.1),
    "idle_wakes": ("", 2.0),
    "idle_cpu_ms": ("", 0.6),
    "-c pass": ("×", 1.3),
    "check": ("+", 30.0),
    "explain": ("+", 60.0),
    "step_ns": ("×", 1.05),
    "step_beside_ns": ("×", 1.2),
    "late_p50_ms": ("×", 1.1),
    "late_p99_ms": ("×", 2.0),
    "ticker_cpu_ms": ("", 5.0),
    "echo_p50_ms": ("×", 1.1),
    "echo_p99_ms": ("", 20.0),
    "memory_10000_mb": ("", 60.0),
}


#: An error in the short form is what is so many times its aim; not what a busy machine decides.
_FAR = 3
#: What ``import asyncio`` takes, in ms, where the aims were set.
_BASE_MS = 50
_NOISY = {"-c pass", "check", "explain", "late_p99_ms", "echo_p99_ms"}
#: What waking up costs by itself, in ms a second, where the aims were set: for one that only rests.
_WAKING_MS = 0.5


def session_of(name: str) -> Session:
    """The program in its environment, started."""
    program = PROGRAMS[name]
    return Session([python_of(name), *program.arguments], program.prompt)


def measure(name: str) -> Figures:
    """One round of start and rest."""
    session = session_of(name)
    try:
        drawn = session.wait_for(PROGRAMS[name].prompt)
        echoed, waits = [], []
        for key in KEYS:
            pressed = time.perf_counter()
            echoed.append(session.press(bytes([key])))
            waits.append(echoed[-1] - pressed)
        session.idle(amounts.settling)
        settled, before, threads = usage(session.pid)
        session.idle(amounts.idle)
        after, wakes, _ = usage(session.pid)
        return Figures(
            1e3 * (drawn - session.began),
            1e3 * (echoed[0] - session.began),
            1e3 * max(waits),
            settled,
            memory(session.pid),
            (wakes - before) / amounts.idle,
            (after - settled) / amounts.idle,
            threads,
        )
    finally:
        session.close()


def command_cost(arguments: list[str]) -> tuple[float, float]:
    """The milliseconds that a command of ours takes: elapsed, of CPU time."""
    began, used = time.perf_counter(), _children_used()
    subprocess.run(
        [python_of("asyncrepl"), *arguments],
        check=True,
        stdout=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        cwd="/",
    )
    return 1e3 * (time.perf_counter() - began), 1e3 * (_children_used() - used)


def _children_used() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def commands(folder: str) -> dict[str, list[str]]:
    """The commands to compare, by name; the first is what they are measured by."""
    right = Path(folder, "right.py")
    right.write_text(RIGHT_PROGRAM)
    ours = ["-m", "asyncrepl"]
    return {
        "import asyncio": ["-c", "import asyncio"],
        "-c pass": [*ours, "-c", "pass"],
        "check": [*ours, "check", str(ROOT / "demos" / "12-cancelling.pycon")],
        "explain": [*ours, "explain", str(right)],
    }


class Prompt:
    """A prompt at which the work is there, and statements of it are run."""

    def __init__(self, name: str, work: Path) -> None:
        self._floor = name == "floor"
        self._begun = 0
        self.session = session_of(name)
        self.session.wait_for(PROGRAMS[name].prompt)
        self.session.idle(1.0)
        self.enter(f"exec(open({str(work)!r}).read()); told(0)")
        self.session.idle(amounts.settling)  # what is loaded while a statement is written

    def start(self, statement: str) -> None:
        """Begin a statement."""
        self.session.seen = b""
        os.write(self.session.fd, statement.encode() + b"\r")

    def enter(self, statement: str) -> list[float]:
        """Run a statement to its end; the figures that it has told."""
        self.start(statement)
        return self.told()

    def must_not_have_failed(self) -> None:
        """Give up if what was started last is nothing that the prompt knows."""
        if b"no command" in self.session.seen or b"Error" in self.session.seen:
            sys.exit(f"the prompt refuses: {self.session.seen[-2000:]!r}")

    def told(self) -> list[float]:
        """Wait for the figures of the statement that runs."""
        end = time.monotonic() + LIMIT
        while (found := _TOLD.search(self.session.seen)) is None:
            if time.monotonic() > end:
                sys.exit(f"nothing was told: {self.session.seen[-2000:]!r}")
            self.session.idle(0.05)
        return [float(word) for word in found[1].split()]

    def late_while_typing(self) -> list[float]:
        """How late a timer is while keys are typed, p50 and p99 in ms."""
        begun = "late_task = asyncio.create_task(late())"
        self.start(begun)
        self.session.idle(0.2)
        self.session.seen = b""
        for _ in range(int((amounts.late - 0.5) / 0.05)):
            os.write(self.session.fd, b"q")
            self.session.idle(0.05)
        figures = self.told()
        os.write(self.session.fd, b"\x15")
        self.session.idle(0.1)
        return figures

    def echoes(self) -> list[float]:
        """How long a key takes to its screen: milliseconds, sorted."""
        found = []
        for number in range(amounts.keys):
            began = time.perf_counter()
            found.append(1e3 * (self.session.press(b"zj"[number % 2 :][:1]) - began))
            self.session.idle(0.02)
            if number % 20 == 19:
                os.write(self.session.fd, b"\x15")
                self.session.idle(0.1)
        os.write(self.session.fd, b"\x15")
        self.session.idle(0.1)
        return sorted(found)


def work_at(name: str, work: Path) -> Work:
    """One round at work at a prompt."""
    prompt = Prompt(name, work)
    try:
        alone, beside = (
            min(prompt.enter(f"await {function}()")[0] for _ in range(amounts.repeats))
            for function in ("walk", "walk_beside")
        )
        middle, most = prompt.late_while_typing()
        prompt.start("ticking = asyncio.create_task(tick())" if name == "floor" else ":ticker t 1")
        prompt.session.idle(amounts.settling)
        prompt.must_not_have_failed()
        used = usage(prompt.session.pid)[0]
        prompt.session.idle(amounts.idle)
        ticking = (usage(prompt.session.pid)[0] - used) / amounts.idle
        prompt.start("ticking.cancel()" if name == "floor" else ":stop t")
        prompt.session.idle(0.3)
        prompt.must_not_have_failed()
        prompt.enter("await make_many()")
        prompt.session.idle(1.0)
        echoes = prompt.echoes()
        return Work(
            alone,
            beside,
            middle,
            most,
            ticking,
            echoes[len(echoes) // 2],
            echoes[len(echoes) * 99 // 100],
            memory(prompt.session.pid),
        )
    finally:
        prompt.session.close()


def work_without_prompt(work: Path) -> Work:
    """One round of the same by ``asyncio.run``."""
    figures = []
    for function in ("walk", "walk_beside", "late"):
        times = 1 if function == "late" else amounts.repeats
        code = (
            f"exec(open({str(work)!r}).read())\nfor _ in range({times}): asyncio.run({function}())"
        )
        done = subprocess.run(
            [python_of("asyncrepl"), "-c", code], check=True, capture_output=True
        )
        found = [[*map(float, words.split())] for words in _TOLD.findall(done.stdout)]
        figures += min(found)
    return Work(*figures)


def medians(rounds: Iterable[tuple[float, ...]]) -> list[float]:
    """The median of each figure."""
    return [statistics.median(values) for values in zip(*rounds, strict=True)]


class Table:
    """Rows of medians, one column a program; the first column is what others are measured by."""

    def __init__(self, title: str, columns: list[str]) -> None:
        self.columns = columns
        self._lines = [["", *columns, "aim"]]
        self._title = title
        #: Rows in which ours is far beyond its aim.
        self.beyond: list[str] = []

    def add(self, name: str, values: list[float | None], aim: str = "") -> None:
        """Add a row; `aim` names the entry of `AIMS`, if that is not `name`."""
        base = next((value for value in values if value is not None), None)
        kind, limit = AIMS.get(aim or name, ("", 0.0))
        cells = [_cell(value, base, kind) for value in values]
        self._lines.append([name, *cells, f"{kind}{limit:g}" if limit else ""])
        ours = values[self.columns.index("asyncrepl")] if "asyncrepl" in self.columns else None
        if limit and ours is not None and base is not None:
            figure = {"×": ours / (base or 1), "+": ours - base}.get(kind, ours)
            # What comes on top is in ms of a machine that is as fast as the aims': else, in its.
            slower = max(1, base / _BASE_MS) if kind == "+" else 1
            if name in ("idle_cpu_ms", "ticker_cpu_ms"):
                slower = max(1, base / _WAKING_MS)
            if figure > _FAR * limit * slower and name not in _NOISY:
                self.beyond.append(f"{name}: {kind}{figure:.2f}, aim {kind}{limit:g}")

    def __str__(self) -> str:
        widths = [max(map(len, cells)) for cells in zip(*self._lines, strict=True)]
        rows = [f"| {' | '.join(map(str.ljust, cells, widths))} |" for cells in self._lines]
        rows.insert(1, f"|{'|'.join('-' * (width + 2) for width in widths)}|")
        return "\n".join([f"**{self._title}**", "", *rows, ""])


def _cell(value: float | None, base: float | None, kind: str) -> str:
    if value is None or base is None:
        return "" if value is None else f"{value:.1f}"
    beside = f"+{value - base:.0f}" if kind == "+" else f"×{value / (base or 1):.2f}"
    return f"{value:.{2 if value < 10 else 0}f} ({beside})"


def start_table(rounds: int, names: list[str]) -> Table:
    """Start and rest."""
    figures: dict[str, list[Figures]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            figures[name].append(measure(name))
    found = [medians(figures[name]) for name in names]
    table = Table("Start and rest", names)
    for column, field in enumerate(Figures._fields):
        table.add(field, [values[column] for values in found])
    return table


def command_table(rounds: int) -> Table:
    """Commands: milliseconds elapsed, and of CPU time."""
    with tempfile.TemporaryDirectory() as folder:
        every = commands(folder)
        costs: dict[str, list[tuple[float, float]]] = {name: [] for name in every}
        for _ in range(rounds):
            for name, arguments in every.items():
                costs[name].append(command_cost(arguments))
    base, *others = every
    table = Table("Commands, ms", [base, "asyncrepl"])
    for name in others:
        for side, kind in enumerate(("", ", CPU")):
            values = [statistics.median(cost[side] for cost in costs[of]) for of in (base, name)]
            table.add(f"{name}{kind}", [*values], aim=name)
    return table


def work_table(rounds: int) -> Table:
    """At work."""
    measures: dict[str, Callable[[Path], Work]] = {
        "asyncio.run": work_without_prompt,
        "floor": lambda path: work_at("floor", path),
        "asyncrepl": lambda path: work_at("asyncrepl", path),
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "work.py")
        head = f"STEPS, LATE_SECONDS, TASKS = {amounts.steps}, {amounts.late}, {amounts.tasks}\n"
        path.write_text(head + WORK)
        rows = [[measured(path) for measured in measures.values()] for _ in range(rounds)]
    found = [medians(column) for column in zip(*rows, strict=True)]
    table = Table("At work", list(measures))
    for column, field in enumerate(Work._fields):
        values: list[float | None] = [each[column] for each in found]
        if field in Work._field_defaults:  # nothing without a prompt: the floor is the measure
            values = [None, *values[1:]]
        table.add(field, values, aim="memory_10000_mb" if field == "memory_mb" else field)
    return table


def write_page(text: str) -> None:
    """Put the tables of this Python into their place in the page."""
    name = f"## Python {sys.version_info.major}.{sys.version_info.minor}"
    page = PAGE.read_text()
    begin = page.index(f"{name}\n") + len(name) + 1
    end = page.find("\n## ", begin)
    rest = "" if end < 0 else page[end:]
    PAGE.write_text(f"{page[:begin]}\n{text.rstrip()}\n{rest}")


def main() -> int:
    """Measure, and print the tables; an error where ours is far beyond its aims."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--write", action="store_true", help=f"write it to {PAGE.name}")
    parser.add_argument("programs", nargs="*", default=list(PROGRAMS))
    options = parser.parse_args()
    names = ["floor", "asyncrepl"] if options.short else options.programs
    rounds = 1 if options.short else options.rounds
    if options.short:
        global amounts  # noqa: PLW0603  one for the whole run
        amounts = SHORT
    for name in names:
        compiled(python_of(name))
    tables = [start_table(rounds, names), command_table(3 * rounds), work_table(rounds)]
    head = (
        f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, "
        f"medians of {rounds} interleaved rounds ({3 * rounds} of commands)\n"
    )
    text = "\n".join([head, *map(str, tables)])
    print(text)
    if options.write:
        write_page(text)
    beyond = [line for table in tables for line in table.beyond]
    print(*(f"far beyond its aim: {line}" for line in beyond), sep="\n")
    return int(options.short and bool(beyond))


if __name__ == "__main__":
    sys.exit(main())
