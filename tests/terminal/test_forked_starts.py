"""Sessions that are forked, as most of the tests start them, and those that are not: the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support import forked_starts
from support.pty import Terminal

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = [sys.executable, "-m", "asyncrepl"]
#: What a program can find out about its process.
FACTS = """
import gc, os, signal, sys, threading
print(sys.argv, sys.path, sorted(vars(sys.modules["__main__"])), sys.flags, sys.orig_argv)
print(os.getcwd(), sorted(os.environ.items()), os.getppid(), os.getpgrp() == os.getpid())
print([(s.encoding, s.errors, s.isatty(), s.line_buffering, s.seekable())
       for s in (sys.stdin, sys.stdout, sys.stderr)])
print([signal.getsignal(each) for each in sorted(signal.valid_signals())])
print(signal.pthread_sigmask(signal.SIG_BLOCK, ()))
print(gc.isenabled(), threading.main_thread().native_id == threading.get_native_id())
print(sorted(int(each) for each in os.listdir("/proc/self/fd"))[:3], sys.stdin.read())
"""
linux = pytest.mark.skipif(sys.platform != "linux", reason="forks on Linux only")


@linux
@pytest.mark.parametrize("how", ["-c", "FILE"])
def test_a_forked_program_finds_what_any_does(tmp_path: Path, how: str) -> None:
    """Its arguments, folder, environment, parent, streams and signals."""
    program = tmp_path / "program.py"
    program.write_text(FACTS)
    command = [*COMMAND, *(["-c", FACTS] if how == "-c" else [str(program)])]
    options = {"cwd": tmp_path, "text": True, "env": os.environ | {"OF_ITS_OWN": "1"}}
    forked = forked_starts.run(command, input="typed", **options)
    plain = subprocess.run(command, input="typed", capture_output=True, check=False, **options)
    assert forked.stderr == plain.stderr == ""
    assert forked.stdout.splitlines() == plain.stdout.splitlines()
    assert forked.returncode == plain.returncode == 0


@pytest.mark.sampled(2)
@linux
@pytest.mark.parametrize(
    "code", ["raise SystemExit(7)", "1 / 0", "import os; os.kill(os.getpid(), 9)"]
)
def test_a_forked_program_ends_as_any_does(code: str) -> None:
    """Its exit status reaches who has started it."""
    command = [*COMMAND, "-c", code]
    plain = subprocess.run(command, capture_output=True, check=False)
    forked = forked_starts.run(command)
    assert (forked.returncode, forked.stderr) == (plain.returncode, plain.stderr)


@pytest.mark.parametrize("variable", ["ASYNCREPL_TRUE_STARTS", "nothing"])
def test_a_session_starts_truly_where_that_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """Forked or not: a prompt, a Ctrl-C, an end, and the terminal as it was."""
    monkeypatch.setenv(variable, "1")
    terminal = Terminal()
    try:
        terminal.wait_for_prompt()
        terminal.begin("await asyncio.sleep(60)")
        terminal.send("\x03")
        terminal.wait_for("KeyboardInterrupt")
        terminal.wait_for_prompt()
        terminal.kill(signal.SIGTERM)
        assert terminal.exit_status() == 143
        assert terminal.attributes() == terminal.found
    finally:
        terminal.close()
