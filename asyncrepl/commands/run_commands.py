"""Commands that run programs: ``:run FILE``, in the session's own namespace, and ``!COMMAND``.

``:run`` is unlike ``:load``, which imports: its names are there afterwards, it sees those of the
session, and it may await at the top. ``__name__`` is ``"__main__"``. One that brings its own loop
runs while the session's stands (see `asyncrepl.engine.loop.loop_runner`).

``!COMMAND`` runs a program of the system's shell. It has the terminal while it runs, as beside
any shell: keys, modes, the screen. The loop goes on, and with it the background tasks; what they
print then stands where the program's cursor is. Where there is no terminal to lend (a pipe, a
transcript, a demo), the program gets no keys, and what it prints is shown like the output of a
statement.

A Ctrl-C is the program's alone: the terminal sends it to both, and we wait on, as ``system()``
does; an interpreter or an editor makes something else of it than to end.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asyncrepl.engine.loop.interrupt_shields import shield
from asyncrepl.events.object_info import MISSING
from asyncrepl.runtime.files import paths_beginning_with
from asyncrepl.runtime.isolation import add_user_folder
from asyncrepl.session.command_registry import CommandError, StatementAnswer, command
from asyncrepl.session.user_modules import LoadError, NotSourceError, read_text
from asyncrepl.views.styled_lines import one_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.session.shell import Shell
    from asyncrepl.views.styled_lines import Line


@command(
    ":run FILE [ARG ...]",
    "run a Python file here, with your names",
    group="learning",
    rank=45,
    example=":run script.py",
    complete=lambda _shell, typed: paths_beginning_with(typed, (".py",)),
    details="It sees the names of the session and leaves its own; it may await at the top. If "
    "nothing there needs a running loop, it runs as under python, asyncio.run(main()) included, "
    "and background tasks wait meanwhile. sys.argv has the ARGs.",
    elsewhere="exec",
)
def _run(shell: Shell, rest: str) -> StatementAnswer:
    path, arguments = _file_and_arguments(rest)
    try:
        text = read_text(path)
    except NotSourceError as error:
        raise CommandError(str(error)) from None
    except LoadError as error:
        raise CommandError(f":run: {error}") from None
    filename = str(path.absolute())
    undo = _as_main_program(shell.session.namespace, filename, arguments)
    return StatementAnswer(text, lambda _task: None, undo, filename)


def _file_and_arguments(rest: str) -> tuple[Path, list[str]]:
    """The file that is named, also one with blanks in its name, and the words after it."""
    if rest and Path(rest).expanduser().is_file():
        return Path(rest).expanduser(), []
    try:
        name, *arguments = shlex.split(rest)
    except ValueError as error:
        if not rest:
            raise CommandError(":run takes a file: try :run script.py") from None
        raise CommandError(f":run cannot read {rest!r}: {error}; try :run 'FILE' ARG") from None
    return Path(name).expanduser(), arguments


def _as_main_program(
    namespace: dict[str, Any], filename: str, arguments: list[str]
) -> Callable[[], None]:
    """Let the program see its name and arguments, as under ``python``; what undoes that."""
    folder = str(Path(filename).resolve().parent)
    if folder not in sys.path:
        add_user_folder(folder)  # and it stays: what it defines may import later
    before, argv = namespace.get("__file__", MISSING), sys.argv
    namespace["__file__"], sys.argv = filename, [filename, *arguments]

    def undo() -> None:
        sys.argv = argv
        if before is MISSING:
            namespace.pop("__file__", None)
        else:
            namespace["__file__"] = before

    return undo


_READ_SIZE = 64 * 1024
#: How a program is started that gets no terminal.
_PIPED: dict[str, Any] = {
    "stdin": asyncio.subprocess.DEVNULL,
    "stdout": asyncio.subprocess.PIPE,
    "stderr": asyncio.subprocess.STDOUT,
    "start_new_session": True,
}
_POLL = 0.05  # seconds
#: Commands that change nothing but the shell that runs them, and Python's own way.
_SHELL_ONLY = {
    "cd": "import os; os.chdir({!r})",
    "export": "import os; os.environ[NAME] = VALUE",
}


@command(
    ":shell COMMAND",
    "run a program of the system (also !COMMAND)",
    group="session",
    rank=45,
    example=":shell ls -l",
    complete=lambda _shell, typed: paths_beginning_with(typed.rpartition(" ")[2]),
    details="!ls -l is the same. It has the terminal while it runs, and Ctrl-C is for it. "
    "Background tasks go on; what they print waits while it draws. An exit status other than 0 is "
    "told.",
    elsewhere="bash sh sx system",
)
async def _run_in_shell(shell: Shell, rest: str) -> list[Line]:
    if not rest:
        raise CommandError("! takes a command of the shell: try !ls")
    with shell.frontend.terminal_lent() as lent:
        try:
            program = await _started(shell, rest, lent=lent)
        except (OSError, ValueError) as error:  # no shell, no more processes; a NUL in the text
            reason = getattr(error, "strerror", None) or error
            raise CommandError(f"cannot run {one_line(rest)!r}: {reason}") from None
        await _ended(shell, program, lent=lent)
    return [_status_line(program.returncode)] if program.returncode else _hint(rest)


async def _started(shell: Shell, text: str, *, lent: bool) -> asyncio.subprocess.Process:
    """Start the program, whatever keys are pressed meanwhile.

    In a task of its own: in that of the command a Ctrl-C would be raised in the midst of the fork,
    on a busy machine after the program runs already, and leave a program without its session.
    """
    starting = asyncio.create_task(_start(text, lent=lent), name=":shell")
    interrupted = False
    while True:
        try:
            program = await asyncio.shield(starting)
            break
        except asyncio.CancelledError:
            if shell.closing or starting.cancelled():
                raise
            interrupted = True
    if interrupted and not lent:  # else the terminal has sent it, too
        _send(program, signal.SIGINT, group=True)
    return program


async def _start(text: str, *, lent: bool) -> asyncio.subprocess.Process:
    program = None
    try:
        with shield:  # a fork that takes long looks like code that is stuck
            program = await asyncio.create_subprocess_shell(text, **({} if lent else _PIPED))
    except KeyboardInterrupt:
        if program is None:
            raise
        if not lent:  # else the terminal has sent it, too
            _send(program, signal.SIGINT, group=True)
    return program


async def _ended(shell: Shell, program: asyncio.subprocess.Process, *, lent: bool) -> None:
    """Wait until `program` has ended, and all it prints is shown."""
    rest: asyncio.Task[None] | None = None
    try:
        while True:
            try:
                await (program.wait() if lent else _show_output(program))
                return
            except asyncio.CancelledError:
                if shell.closing:
                    _send(program, signal.SIGHUP, group=not lent)
                    raise
                if not lent:
                    _send(program, signal.SIGINT, group=True)
                    rest = rest or asyncio.create_task(_hang_up_on_rest(program), name=":shell")
    finally:
        if rest is not None:
            rest.cancel()


async def _hang_up_on_rest(program: asyncio.subprocess.Process) -> None:
    """When `program` has ended, end what it has left behind, as a terminal that closes does.

    A shell starts what runs in the background such that it ignores SIGINT; our pipe is open until
    that ends, too. Not `program.wait()`: on some Pythons that waits for the pipe as well.
    """
    while program.returncode is None:
        await asyncio.sleep(_POLL)
    _send(program, signal.SIGHUP, group=True)


async def _show_output(program: asyncio.subprocess.Process) -> None:
    assert program.stdout is not None
    while data := await program.stdout.read(_READ_SIZE):
        sys.stdout.write(data.decode("utf-8", "replace"))
        sys.stdout.flush()
    await program.wait()


def _send(program: asyncio.subprocess.Process, number: signal.Signals, *, group: bool) -> None:
    with suppress(ProcessLookupError):
        if group:
            os.killpg(program.pid, number)
        else:
            program.send_signal(number)


def _status_line(status: int) -> Line:
    if status > 0:
        return [("dim", f"exit status {status}")]
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    return [("dim", f"ended by {name}")]


def _hint(text: str) -> list[Line]:
    """What to write instead of a command that has changed its own shell only."""
    try:
        name, *words = shlex.split(text)
    except ValueError:
        return []
    if name not in _SHELL_ONLY or len(words) != 1:
        return []
    instead = _SHELL_ONLY[name].format(*words)
    return [
        [("dim", f"{name} has changed that shell only; for this session: "), ("code", instead)]
    ]
