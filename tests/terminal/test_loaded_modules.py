"""What a session loads, and when: a prompt at which nobody writes costs little more than Python's."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.pty import Terminal

#: A session that writes the names of its modules to a file when it gets a signal.
TELLING = """
import json, os, signal, sys
def tell(*_):
    with open({path!r} + "~", "w") as file:
        json.dump(sorted(sys.modules), file)
    os.replace({path!r} + "~", {path!r})
signal.signal(signal.SIGUSR1, tell)
from asyncrepl.cli.main import main
sys.exit(main())
"""
#: Packages, and modules of the standard library, that no first prompt needs.
LATER = (
    "asyncrepl.explain",
    "asyncrepl.export.recording",
    "sqlite3",
    "multiprocessing",
    "unittest",
)
#: Nor does a statement that is right, without a terminal.
NEVER_FOR_A_STATEMENT = (*LATER, "asyncrepl.terminal", "prompt_toolkit", "pygments")


def loaded(modules: list[str], packages: tuple[str, ...]) -> list[str]:
    return [name for name in modules if any(f"{name}.".startswith(f"{p}.") for p in packages)]


@pytest.fixture
def telling(start: Callable[..., Terminal], tmp_path: Path) -> Callable[[], tuple[Terminal, Any]]:
    """Starts a session; with it comes a function that waits for a module and gives all names."""
    path = tmp_path / "modules"

    def begin() -> tuple[Terminal, Any]:
        code = TELLING.format(path=str(path))
        terminal = start([sys.executable, "-c", code, "-q", "--no-startup"])

        def modules_with(name: str) -> list[str]:
            names: list[str] = []

            def is_there() -> bool:
                path.unlink(missing_ok=True)
                os.kill(terminal.child.pid, signal.SIGUSR1)
                while not path.exists() and terminal.child.isalive():
                    pass
                names[:] = json.loads(path.read_text())
                return name in names

            for _ in range(10_000):
                if is_there():
                    return names
            raise AssertionError(f"{name} was never loaded: {names}")

        return terminal, modules_with

    return begin


def test_the_first_prompt_loads_what_it_needs(
    telling: Callable[[], tuple[Terminal, Any]],
) -> None:
    """The lexer is the last; what explains errors and writes files waits for who writes."""
    _, modules_with = telling()
    assert loaded(modules_with("pygments.lexers.python"), LATER) == []


def test_what_a_statement_may_need_is_loaded_while_it_is_written(
    telling: Callable[[], tuple[Terminal, Any]],
) -> None:
    """Before Enter, so that the first error is explained at once."""
    terminal, modules_with = telling()
    modules_with("pygments.lexers.python")
    terminal.send("1 / 0")
    modules_with("asyncrepl.explain.rules.operands")


def test_a_statement_of_the_command_line_loads_no_terminal() -> None:
    """Nor anything that explains errors, as long as there is none."""
    code = (
        "import sys; from asyncrepl.cli.main import main; status = main(['-c', 'pass']); "
        "print('\\n'.join(sys.modules)); sys.exit(status)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert loaded(ran.stdout.split(), NEVER_FOR_A_STATEMENT) == []
