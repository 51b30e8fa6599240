"""A seeded fuzzer for the prompt: random statements, keys, sizes and Ctrl-C, and a model of the screen.

Each statement prints rows that say which statement they are of and which of its rows they
are, so the model knows what may stand on the screen: each such row whole and in its turn.
After each statement the cursor is to stand behind an empty prompt, after one Ctrl-C at
most. Five tasks only count meanwhile; now and then they are asked whether they still do.

By hand: ``python tests/support/prompt_fuzzer.py --seed 1 --statements 2000``.
"""

from __future__ import annotations

import argparse
import itertools
import random
import re
import sys
import tempfile
import time
from collections import Counter, deque
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parent.parent)  # beside this file, pty.py is ours

from support.pty import Terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["FuzzError", "Fuzzer", "fuzz"]

#: What the statements call. Rows are told apart by a sign that nothing else prints.
HELPERS = """
import subprocess, sys, threading, time
beats, asked, turns, unsure = [0] * 5, [0] * 5, {}, set()
async def beat(at):
    while True:
        await asyncio.sleep(0.02)
        beats[at] += 1
beating = [asyncio.create_task(beat(at), name=f'beat{at}') for at in range(5)]
turn = threading.Lock()
def row(n):
    with turn:
        try:
            at, mark = turns.get(n, 0), '?' if n in unsure else ' '
            print(f'¦{n}:{at}{mark}{"=" * 24} ¦')
            turns[n] = at + 1
            unsure.discard(n)
        except KeyboardInterrupt:
            unsure.add(n)
            raise
async def alive():
    end = time.monotonic() + 5
    while any(map(int.__ge__, asked, beats)) and time.monotonic() < end:
        await asyncio.sleep(0.01)
    count = sum(map(int.__lt__, asked, beats))
    asked[:] = beats
    return f'{count} alive'
async def nap(n, seconds):
    await asyncio.sleep(seconds); row(n)
def block(n, seconds):
    time.sleep(seconds); row(n)
def spin(n):
    while True: pass
def flood(n, count):
    for _ in range(count): row(n)
async def trickle(n, count):
    for _ in range(count):
        row(n); await asyncio.sleep(0)
async def crowd(n, count, seconds):
    await asyncio.gather(*(nap(n, seconds) for _ in range(count)))
async def group(n, count, seconds):
    async with asyncio.TaskGroup() as tasks:
        for _ in range(count): tasks.create_task(nap(n, seconds))
async def group_error(n):
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(nap(n, 99)); tasks.create_task(fail(n))
async def source(n, count, seconds=0.005):
    try:
        for at in range(count):
            await asyncio.sleep(seconds)
            yield at
    finally:
        row(n)
async def fail(n):
    await asyncio.sleep(0); row(n); 1 / 0
def threads(n, count):
    every = [threading.Thread(target=flood, args=(n, count)) for _ in range(4)]
    for each in every: each.start()
    for each in every: each.join()
def later(n, count):
    task = asyncio.create_task(trickle(n, count)); turns[task] = 0
async def cleanup(n):
    try: await asyncio.sleep(99)
    finally:
        await asyncio.sleep(0.05); row(n)
def deep(n): return deep(n)
"""

#: A row as `row` prints it; with a question mark where Ctrl-C has ended `row`, before or after it
#: printed: then the row may stand twice.
ROW = re.compile(r"¦(\d+):(\d+)([ ?])={24} ¦")
#: What only stands in such rows.
PIECE = re.compile(r"¦|={4,}")
_PATIENCE = 15.0
#: So much of a statement stands on its first row, however narrow the screen.
_TOLD = 40
_TYPED = "abcxyz_ .(['\"0189:"
_KEYS = (
    *("\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D", "\x1b[H", "\x1b[F", "\x1b[3~", "\x1b"),
    *("\x01", "\x05", "\x0b", "\x17", "\x15", "\x19", "\x7f", "\t", "\t", "\x1b[Z", "\x12"),
)


class Statement(NamedTuple):
    """A line to type: ``{n}`` is its number; `recording_lines` are what it prints if nobody ends it.

    `ends` is false if only Ctrl-C ends it. `certain` is false where its rows may come later
    than its prompt, or not all.
    """

    text: str
    rows: int = 0
    ends: bool = True
    certain: bool = True


STATEMENTS = (
    Statement("await nap({n}, 0.02)", 1),
    Statement("await nap({n}, 99)", ends=False),
    Statement("block({n}, 0.05)", 1),
    Statement("block({n}, 0.3)", 1),
    Statement("block({n}, 99)", ends=False),
    Statement("spin({n})", ends=False),
    Statement("while True: pass", ends=False),
    Statement("flood({n}, 300)", 300),
    Statement("await trickle({n}, 200)", 200),
    Statement("while True: row({n}); time.sleep(0.001)", ends=False, certain=False),
    Statement("while True: await trickle({n}, 9)", ends=False, certain=False),
    Statement("await crowd({n}, 50, 0.01)", 50),
    Statement("await crowd({n}, 50, 99)", ends=False),
    Statement("await group({n}, 50, 0.01)", 50),
    Statement("await group({n}, 50, 99)", ends=False),
    Statement("await group_error({n})", 1),
    Statement("async for x in source({n}, 5): row({n})", 6),
    Statement("async for x in source({n}, 9**9): pass", ends=False, certain=False),
    Statement("[x async for x in source({n}, 3)]", 1),
    Statement("async for x in source({n}, 9): break", 0, certain=False),
    Statement("kept = source({n}, 9); await anext(kept)", certain=False),
    Statement(":trace async for x in source({n}, 3): row({n})", 4),
    Statement(":marbles source({n}, 3)", 1),
    Statement(":trace on"),
    Statement(":trace off"),
    Statement(":lanes on"),
    Statement(":lanes off"),
    Statement(":tasks"),
    Statement(":tree"),
    Statement(":timeline"),
    Statement(":leaks"),
    Statement(":why"),
    Statement(":nothing {n}"),
    Statement("1 / 0"),
    Statement("await fail({n})", 1),
    Statement("fail({n})"),
    Statement("for x in source({n}, 3): pass"),
    Statement("x = = {n}"),
    Statement("deep({n})"),
    Statement("raise ExceptionGroup('g', [KeyError({n})])"),
    Statement("'value {n}'"),
    Statement("threads({n}, 20)", 80),
    Statement("later({n}, 60)", 60, certain=False),
    Statement("await cleanup({n})", ends=False, certain=False),
    Statement("input('? ')", ends=False),
    Statement("subprocess.run(['sleep', '99'])", ends=False),
    Statement("await asyncio.to_thread(block, {n}, 0.05)", 1, certain=False),
    Statement("def f{n}():\rreturn {n}\r"),
)


class FuzzError(AssertionError):
    """The screen is not as the model says; the message has the seed, what was done, the screen."""


class Fuzzer:
    """Does `count` random things to a session at its first prompt, and looks after each."""

    def __init__(self, terminal: Terminal, seed: int) -> None:
        self.terminal = terminal
        self.done: Counter[str] = Counter()
        self._seed = seed
        self._random = random.Random(seed)
        self._next: Counter[int] = Counter()  # by statement: its next row
        self._owed: dict[int, int] = {}  # by statement: rows that are still to come
        self._recent: deque[str] = deque(maxlen=12)
        self._start = self._from = 0  # the first row of this statement, and that was not checked

    def run(self, count: int) -> None:
        """Do it, after `begin`, and leave; raises FuzzError."""
        try:
            for number in range(1, count + 1):
                self._one(number)
                if number % 10 == 0:
                    self._ask()
            self._ask()
            self._leave()
        except AssertionError as error:
            recent = "\n".join(self._recent)
            raise FuzzError(f"{error}\nseed {self._seed}; the last were:\n{recent}") from error

    # -- what is done ---------------------------------------------------------------

    def begin(self) -> None:
        """Define what the statements call, and start the tickers; at the first prompt."""
        with tempfile.NamedTemporaryFile("w", suffix=".py", encoding="utf-8") as file:
            file.write(HELPERS)
            file.flush()
            self.terminal.enter(f"exec(open({file.name!r}, encoding='utf-8').read())")

    def _one(self, number: int) -> None:
        chance = self._random.random()
        if chance < 0.15:
            self._mash()
        if chance > 0.85:
            self._resize()
        statement = self._random.choice(STATEMENTS)
        interrupted = not statement.ends or self._random.random() < 0.3
        self._mark()
        text = statement.text.format(n=number)
        self._note(f"{number}: {text!r}" + " Ctrl-C" * interrupted)
        self.done["statements"] += 1
        if statement.rows and not statement.certain and not interrupted:
            self._owed[number] = statement.rows
        if interrupted:
            self._interrupt(text, sure=not statement.ends)
        else:
            self.terminal.send(text + "\r")
        self._wait_for_prompt(text)
        self._check()
        if statement.certain and not interrupted:
            self._check_count(number, statement.rows)

    def _interrupt(self, text: str, *, sure: bool) -> None:
        """Type `text` and Ctrl-C: in one piece with it, when it runs, or some time later.

        What ends by itself may be over by then, and Ctrl-C meets the prompt.
        """
        self.done["Ctrl-C"] += 1
        way = self._random.choice(("at once", "running", "later"))
        if way == "at once":
            self.terminal.send(text + "\r\x03")
        else:
            self.terminal.send(text + "\r")
            if sure:
                self.terminal.wait(self._running, f"{text!r} to run", _PATIENCE)
            if self._random.random() < 0.2:
                self._resize()
            if way == "later":
                # Nothing on the screen tells one moment from the next: the seed spreads them.
                time.sleep(self._random.uniform(0, 0.1))
            self.terminal.send("\x03")
        if sure:
            self.terminal.wait(self._answered, f"an answer to Ctrl-C ({way})", _PATIENCE)
        else:
            self._wait_for_prompt(text)
            self._drop_line()

    def _drop_line(self) -> None:
        """Type something and drop it: a Ctrl-C at an empty prompt before it shows nothing."""
        self.terminal.send("q\x03")
        self.terminal.wait(self._dropped, "the line to be dropped", _PATIENCE)

    def _mash(self) -> None:
        """Type nonsense and press keys, then drop the line."""
        self._mark()
        typed = [
            self._random.choice(_TYPED if self._random.random() < 0.6 else _KEYS)
            for _ in range(self._random.randint(1, 25))
        ]
        self.done["keys"] += len(typed)
        keys = "".join(typed)
        self._note(f"keys {keys!r}")
        if self._random.random() < 0.5:
            self.terminal.send(keys)
        else:
            for key in typed:
                self.terminal.send(key)
        if self._random.random() < 0.2:
            self._resize()
        self.terminal.send("\x03")
        self._drop_line()
        self._check()

    def _resize(self) -> None:
        columns, rows = self._random.randint(50, 130), self._random.randint(12, 45)
        self.done["resizes"] += 1
        self._note(f"{columns}x{rows}")
        self.terminal.resize(columns, rows)

    def _ask(self) -> None:
        """Whether the tasks behind still count."""
        self._mark()
        self._note("await alive()")
        self.terminal.send("await alive()\r")
        self._wait_for_prompt("await alive()")
        self._check()
        told = [row for row in self._rows() if "alive'" in row]
        assert told == ["'5 alive'"], f"not all tickers are alive: {told}\n{self._screen()}"

    def _leave(self) -> None:
        terminal = self.terminal
        terminal.wait(self._all_paid, f"the rows of background tasks: {self._owed}")
        terminal.send("\x04")
        status = terminal.exit_status()
        assert status == 0, f"exit status {status}\n{self._screen()}"
        assert terminal.attributes() == terminal.found, "the terminal is not restored"
        assert not terminal.modes.get(2004), "bracketed paste is still on"
        assert terminal.modes.get(25, True), "the cursor is still hidden"

    # -- what is seen ---------------------------------------------------------------

    def _mark(self) -> None:
        """The rows from here on are those of what comes next; the others are checked."""
        with self.terminal._news:
            self._check()
            self.terminal.screen.history.top.clear()
            self._start = self._from = self.terminal.screen.cursor.y

    def _note(self, text: str) -> None:
        self._recent.append(text)

    def _at(self) -> int:
        """The cursor's row, counted as `_start` is."""
        return len(self.terminal.screen.history.top) + self.terminal.screen.cursor.y

    def _running(self) -> bool:
        return not self.terminal.cursor_line.startswith((">>>", "..."))

    def _back(self) -> bool:
        """Whether the cursor stands behind an empty prompt, and it is a new one."""
        return self.terminal.at_prompt and self._at() > self._start

    def _answered(self) -> bool:
        """Whether Ctrl-C has ended the statement, and a prompt is there."""
        return self._back() and any("KeyboardInterrupt" in row for row in self._rows())

    def _dropped(self) -> bool:
        """Whether a line was dropped with the only letter in it that nothing else types."""
        rows = self._rows()
        return self._back() and any(row.endswith("^C") for row in rows) and "q" in "".join(rows)

    def _paged(self) -> bool:
        return any(row.endswith("q ends") for row in self.terminal.lines)

    def _rows(self) -> list[str]:
        """The rows since `_mark`, down to the cursor's."""
        return self.terminal.scrollback[self._start :]

    def _wait_for_prompt(self, text: str) -> None:
        """Wait until `text` stands on the screen, and a new prompt below it.

        Rows of a task behind move the prompt as well. A page that a Ctrl-C has just ended
        leaves the key that was to end it at the prompt.
        """
        what = f"a prompt after {text!r}"
        typed = ">>> " + text.partition("\r")[0][:_TOLD]
        ends_page = "q"

        def over() -> bool:
            return self._back() and any(row.startswith(typed) for row in self._rows())

        self.terminal.wait(lambda: over() or self._paged(), what, _PATIENCE)
        if self._paged():
            self.terminal.send(ends_page)
        left = ">>> " + ends_page
        self.terminal.wait(lambda: over() or self.terminal.cursor_line == left, what, _PATIENCE)
        if self.terminal.cursor_line == left:
            self._drop_line()

    def _all_paid(self) -> bool:
        """Whether the rows that came later than their prompt are all there."""
        if not self.terminal.at_prompt:
            return False
        self._check()
        return all(self._next[number] == rows for number, rows in self._owed.items())

    def _check(self) -> None:
        """At a prompt: no row is torn, none is missing in between, none stands twice."""
        with self.terminal._news:
            rows, self._from = self.terminal.scrollback[self._from : -1], self._at()
        for row in filter(PIECE.search, rows):
            whole = ROW.fullmatch(row)
            assert whole, f"a torn row: {row!r}\n{self._screen()}"
            number, at = map(int, whole.groups()[:2])
            due = self._next[number]
            assert at == due or (whole[3] == "?" and at == due - 1), (
                f"row {at} of statement {number} where {due} is due\n{self._screen()}"
            )
            self._next[number] = at + 1

    def _check_count(self, number: int, rows: int) -> None:
        found = self._next[number]
        assert found == rows, f"{found} rows of {rows}\n{self._screen()}"

    def _screen(self) -> str:
        return "\n".join(self._rows()[-60:])


def fuzz(seed: int, statements: int, command: Sequence[str] | None = None) -> Counter[str]:
    """Fuzz a session of its own; how much of what was done. Raises FuzzError."""
    terminal = Terminal(None if command is None else [*command])
    try:
        terminal.wait_for_prompt()
        fuzzer = Fuzzer(terminal, seed)
        fuzzer.begin()
        fuzzer.run(statements)
    finally:
        terminal.close()
    return fuzzer.done


def main() -> int:
    """Run it from the command line, seed after seed until one fails."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=1, help="so many, from SEED on")
    parser.add_argument("--statements", type=int, default=60)
    options = parser.parse_args()
    for seed in itertools.islice(itertools.count(options.seed), options.seeds):
        began = time.monotonic()
        try:
            done = fuzz(seed, options.statements)
        except FuzzError as error:
            print(error)
            return 1
        told = ", ".join(f"{count} {name}" for name, count in done.items())
        print(f"seed {seed}: {told}, {time.monotonic() - began:.1f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
