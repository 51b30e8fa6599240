"""What a session loads, and when: a prompt at which nobody writes costs little more than Python's."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.pty import Terminal

#: A session that writes the names of its modules to a file when it gets a signal.
REPORTING = """
import json, os, signal, sys
def tell(*_):
    with open({path!r} + "~", "w") as file:
        json.dump(sorted(sys.modules), file)
    os.replace({path!r} + "~", {path!r})
signal.signal(signal.SIGUSR1, tell)
from asyncrepl.cli.main import main
sys.exit(main())
"""
#: What writes a session to a file, and what no statement needs, whatever becomes of it.
SAVING = ("asyncrepl.export.html_format", "asyncrepl.export.py_format")
NO_STATEMENT = (*SAVING, "asyncrepl.commands", "asyncrepl.transcript", "statistics", "decimal")
PATIENCE = 20.0  # seconds
#: Packages, and modules of the standard library, that no first prompt needs.
LATER = (
    "asyncrepl.explain",
    "asyncrepl.export.recording",
    "asyncrepl.commands",
    "asyncrepl.transcript.replay",
    "asyncrepl.session.guide",
    "asyncrepl.terminal.signature_help",
    "asyncrepl.terminal.pager",
    "asyncrepl.session.tape",
    "asyncrepl.session.debug_commands",
    "asyncrepl.instrument",
    "asyncrepl.engine.blocking",
    "asyncrepl.engine.tasks.timeline",
    "asyncrepl.engine.tasks.living_tasks",
    "asyncrepl.engine.loop.observed_iteration",
    "argparse",
    "gettext",
    *(() if sys.version_info >= (3, 15) else ("pathlib",)),  # there `traceback` imports it
    "glob",
    "sqlite3",
    "multiprocessing",
    "unittest",
)


def loaded(modules: list[str], packages: tuple[str, ...]) -> list[str]:
    return [name for name in modules if any(f"{name}.".startswith(f"{p}.") for p in packages)]


@pytest.fixture
def reporting(
    start: Callable[..., Terminal], tmp_path: Path
) -> Callable[[], tuple[Terminal, Any]]:
    """Starts a session; with it comes a function that waits for a module and gives all names."""
    path = tmp_path / "modules"

    def begin() -> tuple[Terminal, Any]:
        code = REPORTING.format(path=str(path))
        terminal = start([sys.executable, "-c", code, "-q", "--no-startup"])

        def modules_with(name: str) -> list[str]:
            names: list[str] = []

            def is_there() -> bool:
                path.unlink(missing_ok=True)
                os.kill(terminal.child.pid, signal.SIGUSR1)
                while not path.exists() and terminal.child.isalive():
                    time.sleep(0.001)  # nothing to be woken by: the session must not import for us
                names[:] = json.loads(path.read_text())
                return name in names

            limit = time.monotonic() + PATIENCE
            while time.monotonic() < limit:
                if is_there():
                    return names
            raise AssertionError(f"{name} was never loaded: {names}")

        return terminal, modules_with

    return begin


def test_the_first_prompt_loads_what_it_needs(
    reporting: Callable[[], tuple[Terminal, Any]],
) -> None:
    """The lexer is the last; what explains errors and writes files waits for who writes."""
    _, modules_with = reporting()
    assert loaded(modules_with("pygments.lexers.python"), LATER) == []


def test_what_a_statement_may_need_is_loaded_while_it_is_written(
    reporting: Callable[[], tuple[Terminal, Any]],
) -> None:
    """Before Enter, so that the first error is explained at once."""
    terminal, modules_with = reporting()
    modules_with("pygments.lexers.python")
    terminal.send("1 / 0")
    names = modules_with("asyncrepl.terminal.pager")  # one of the last
    assert "asyncrepl.explain.rules.operand_rules" in names
    assert loaded(names, NO_STATEMENT) == []
    # What the interpreter was built with is nearly a megabyte.
    assert [name for name in names if name.startswith("_sysconfigdata")] == []


def test_what_a_command_may_need_is_loaded_while_it_is_written(
    reporting: Callable[[], tuple[Terminal, Any]],
) -> None:
    """A colon is enough; what saves a session waits for a command that does."""
    terminal, modules_with = reporting()
    modules_with("pygments.lexers.python")
    terminal.send(":ticker t")
    names = modules_with("asyncrepl.explain.rules.operand_rules")
    assert {"asyncrepl.commands.task_commands", "asyncrepl.transcript.replay"} <= {*names}
    assert loaded(names, SAVING) == []
    terminal.send("\x15:save x")
    modules_with("asyncrepl.export.html_format")


#: What runs text without a terminal loads none of these, where nothing goes wrong.
_NO_TERMINAL = ("asyncrepl.terminal", "prompt_toolkit", "pygments", "wcwidth")
_WITHOUT_ERROR = (*_NO_TERMINAL, "asyncrepl.explain", "asyncrepl.export", "sqlite3", "unittest")
#: Nor does a program: what only a session of several inputs needs, or commands, or pictures.
_PROGRAM = (
    *_WITHOUT_ERROR,
    "asyncrepl.commands",
    "asyncrepl.engine.blocking",
    "asyncrepl.runtime.shipped_demos",
    "asyncrepl.session.command_runner",
    "asyncrepl.session.debug_commands",
    "asyncrepl.session.guide",
    "asyncrepl.session.tape",
    "asyncrepl.transcript",
    "asyncrepl.views.explanation_lines",
    "asyncrepl.views.live_rows",
    "dataclasses",
    "difflib",
    "json",
    "platform",
    "shutil",
)
_RIGHT = """
import asyncio
async def numbers():
    for n in range(2):
        await asyncio.sleep(0)
        yield n
async def main():
    async for n in numbers(): print(n)
asyncio.run(main())
"""
_WRONG = "async def numbers(): yield 1\nfor n in numbers(): pass\n"
_TRANSCRIPT = ">>> 1 + 1\n2\n>>> 1 / 0\nZeroDivisionError: division by zero\n"


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    ("words", "text", "never"),
    [
        (["-c", "pass"], "", (*_PROGRAM, "argparse", "pathlib")),
        (["-c", "import asyncio; await asyncio.sleep(0)"], "", _PROGRAM),
        (["program.py"], _RIGHT, _PROGRAM),
        (["program.py"], _WRONG, ("asyncrepl.terminal", "prompt_toolkit", "asyncrepl.export")),
        (["explain", "program.py"], _RIGHT, _WITHOUT_ERROR),
        (["check", "program.pycon"], _TRANSCRIPT, (*_NO_TERMINAL, "argparse", "statistics")),
        (["check", "program.pycon"], ">>> :wait 1\n", (*_NO_TERMINAL, "statistics", "decimal")),
    ],
    ids=["pass", "await", "program", "wrong program", "explain", "check", "check a command"],
)
def test_each_way_to_run_text_loads_what_it_needs(
    words: list[str], text: str, never: tuple[str, ...], tmp_path: Path
) -> None:
    """Beyond what ``import asyncio`` loads: no terminal, and nothing for what does not happen."""
    if text:
        (tmp_path / words[-1]).write_text(text)
    code = (
        "import sys, asyncio; before = set(sys.modules); from asyncrepl.cli.main import main; "
        f"status = main({words!r}); "
        "print('\\n'.join({*sys.modules} - before))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=tmp_path,
    )
    assert "asyncrepl.session.shell" in ran.stdout.split()
    assert loaded(ran.stdout.split(), never) == []


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    ("words", "typed"),
    [
        (["-c", "import gc; print('it is', gc.isenabled())"], ""),
        (["program.py"], ""),
        (["-"], "import gc; print('it is', gc.isenabled())\n"),
        (["explain", "program.py"], ""),
    ],
    ids=["-c", "a file", "a pipe", "explain"],
)
def test_user_code_runs_with_the_collector_on(
    words: list[str], typed: str, tmp_path: Path
) -> None:
    """It is off while ours is loaded, and never any longer."""
    (tmp_path / "program.py").write_text("import gc; print('it is', gc.isenabled())\n")
    ran = subprocess.run(
        [sys.executable, "-m", "asyncrepl", *words],
        input=typed,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=tmp_path,
    )
    assert "it is True" in ran.stdout


def test_who_types_has_the_collector_on(start: Callable[..., Terminal]) -> None:
    """And what was loaded before the prompt is not looked at."""
    terminal = start()
    terminal.send("import gc; (gc.isenabled(), gc.get_freeze_count() > 10_000)\r")
    terminal.wait_for("(True, True)")


def test_who_imports_the_tool_keeps_his_collector() -> None:
    """Only a process that is ours is without one for a moment."""
    code = (  # Python 3.12 freezes some objects of its own
        "import gc; frozen = gc.get_freeze_count(); from asyncrepl.cli.main import main; "
        "main(['-c', 'pass']); print(gc.isenabled(), gc.get_freeze_count() - frozen)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert ran.stdout == "True 0\n"
