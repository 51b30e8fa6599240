"""``:trace`` and ``--trace``: the six steps among what the program prints."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support.traced_iteration import SOURCES

if TYPE_CHECKING:
    from pathlib import Path

    from support.shells import Typed

STEPS = """\
  0.000  1 __aiter__  naps(1): an async_generator, its own iterator
  0.000  2 __anext__  round 1: an async_generator_asend, one step to await
  0.000  3 await      suspends on asyncio.sleep(0.5) at <input 1>:3
  0.500  3 await      suspended for 0.50 s; nobody else ran
  0.500  4 bind       n = 0
0
  0.500  5 body       took 0 s
  0.500  2 __anext__  round 2: an async_generator_asend
  0.500  6 stop       StopAsyncIteration
           1 item in 0.50 s, suspended once (100 %); nobody else ran
"""


def test_one_statement_is_traced(type_in: Typed) -> None:
    """``:trace STATEMENT`` runs it as if it had been typed, and tells its steps; no others."""
    type_in(SOURCES)
    assert type_in(":trace async for n in naps(1): n") == STEPS
    assert type_in("async for n in naps(1): n") == "0\n"
    assert type_in.shell.observing.timeline is None


def test_all_statements_are_traced(type_in: Typed) -> None:
    """``:trace on`` tells of all until ``:trace off``; times begin anew with each statement."""
    type_in(SOURCES)
    assert ":trace off" in type_in(":trace on")
    assert type_in("async for n in naps(1): n") == STEPS
    assert type_in("async for n in naps(1): n") == STEPS
    assert type_in(":trace off") == ""
    assert type_in("async for n in naps(1): n") == "0\n"


def test_functions_typed_before_are_traced(type_in: Typed) -> None:
    """A loop in a function is told, however long ago the function was typed."""
    type_in(SOURCES)
    type_in("async def walk():\n    async for n in naps(1): pass\n")
    assert "  0.500  6 stop       StopAsyncIteration" in type_in(":trace await walk()")


def test_loaded_modules_are_traced(type_in: Typed, tmp_path: Path) -> None:
    """Loops in a file that was loaded are told."""
    module = tmp_path / "through.py"
    module.write_text("async def through(xs):\n    async for x in xs: yield x\n")
    type_in(SOURCES)
    type_in(f":load {module}")
    told = type_in(":trace async for n in through(naps(1)): pass")
    assert "  0.000    1 __aiter__  xs: an async_generator, its own iterator\n" in told


def test_modules_loaded_by_name_are_traced(
    type_in: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So are those in a module of the user's that ``module:attribute`` imports, and packages."""
    package = tmp_path / "traced_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "through.py").write_text("async def through(xs):\n    async for x in xs: yield x\n")
    monkeypatch.syspath_prepend(tmp_path)
    type_in(SOURCES)
    type_in(":load traced_package.through:through")
    told = type_in(":trace async for n in through(naps(1)): pass")
    assert "  0.000    1 __aiter__  xs: an async_generator, its own iterator\n" in told
    assert not list(package.rglob("through*.pyc"))
    monkeypatch.delitem(sys.modules, "traced_package")
    monkeypatch.delitem(sys.modules, "traced_package.through")


def test_a_tracing_statement_can_fail(type_in: Typed) -> None:
    """An error is told and explained as ever, also one of syntax; the trace ends with it."""
    type_in(SOURCES)
    told = type_in(":trace async for n in naps(1): 1/0")
    assert "  0.500  6 stop       the body raised ZeroDivisionError\n" in told
    assert told.endswith("ZeroDivisionError: division by zero\n")
    assert type_in(":trace 1 +").startswith(" " * (len(">>> :trace 1 +")) + "^\n")
    assert type_in(":spawn 1 +").startswith(" " * (len(">>> :spawn 1 +")) + "^\n")
    assert type_in("async for n in naps(1): n") == "0\n"
    told = type_in(":trace for n in naps(1): n")
    assert "why  `naps(1)` is an async generator" in told


def test_ctrl_c_ends_a_traced_statement(type_in: Typed) -> None:
    """It is the statement that is interrupted, and its iteration is told to be cancelled."""
    type_in(SOURCES)
    told = type_in(":trace async for n in naps(9): pass", interrupt_after=0.7)
    assert "  0.700  6 stop       cancelled, after 0.20 s\n" in told
    assert "KeyboardInterrupt at <input 1>:3" in told


def test_background_iterations_are_told_with_their_task(type_in: Typed) -> None:
    """With ``:trace on`` also those of tasks in the background, each line with its name."""
    type_in(SOURCES)
    type_in(":trace on")
    type_in(":spawn async for n in naps(1): pass")
    told = type_in(":wait 1")
    assert "  0.500  spawn 1: 6 stop       StopAsyncIteration\n" in told


def test_a_mistake_is_one_line(type_in: Typed) -> None:
    """Without anything to trace it says what it takes."""
    assert type_in(":trace").count("\n") == 1


def test_a_program_is_traced(tmp_path: Path) -> None:
    """``--trace`` tells the steps among what a program prints."""
    program = tmp_path / "program.py"
    program.write_text("async def g():\n    yield 1\nasync for n in g(): print(n)\n")
    done = subprocess.run(
        [sys.executable, "-m", "asyncrepl", "--trace", str(program)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    steps = [line[9:20].strip() for line in done.stdout.splitlines()]
    assert steps == [
        "1 __aiter__", "2 __anext__", "3 await", "4 bind", "", "5 body", "2 __anext__", "6 stop",
        "1 item in",
    ]  # fmt: skip


AWAITABLES = {
    "async def __anext__(self): return next(self.values)": (
        "a coroutine, which runs when awaited"
    ),
    "def __anext__(self): return anext(agen(), None)": (
        "an anext_awaitable, one step to await, or a default"
    ),
    "def __anext__(self): return agen().__anext__()": (
        "an async_generator_asend, one step to await"
    ),
    "def __anext__(self): return asyncio.ensure_future(asyncio.sleep(0))": (
        "a Task, which runs already, beside"
    ),
    "def __anext__(self): return asyncio.gather()": "a Future, a result that is to come",
    "def __anext__(self): return Own()": "an Own, which has `__await__`",
}


@pytest.mark.parametrize(("method", "words"), AWAITABLES.items())
def test_what_is_awaited_is_told_in_plain_words(type_in: Typed, method: str, words: str) -> None:
    """Whatever ``__anext__`` gives: its type, and what that is."""
    type_in("async def agen(): yield 0\n")
    type_in("class Own:\n    def __await__(self): return iter(())\n")
    type_in(
        "class Source:\n    values = iter(range(9))\n    def __aiter__(self): return self\n"
        f"    {method}\n"
    )
    shown = type_in(":trace async for n in Source(): break")
    assert f"2 __anext__  round 1: {words}\n" in shown
