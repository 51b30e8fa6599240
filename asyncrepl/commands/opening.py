"""Opening a session with its loop, shell and commands; and closing it tidily."""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING

from asyncrepl.commands.catalogue import all_commands
from asyncrepl.commands.registry import CommandError
from asyncrepl.commands.shell import Shell
from asyncrepl.engine.clock import Clock
from asyncrepl.engine.forking import parted_from_children
from asyncrepl.engine.loop import new_loop
from asyncrepl.engine.session import Session
from asyncrepl.engine.shutdown import close
from asyncrepl.views.styled import prose, text_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.commands.front import Front
    from asyncrepl.views.console import Console

__all__ = ["chosen_clock", "open_shell"]


def chosen_clock(mode: str, rate: float | None) -> Clock:
    """The clock that the settings ask for; without a `rate`, a virtual one jumps.

    A virtual one is held: its time passes only while inputs run.
    """
    if mode == "real":
        return Clock.real(rate=1.0 if rate is None else rate)
    clock = Clock.virtual(1.0, rate=math.inf if rate is None else rate)
    clock.hold()
    return clock


@contextmanager
def open_shell(
    console: Console, *, front: Front | None = None, clock: Clock | None = None
) -> Iterator[Shell]:
    """A shell on a new loop (real time, if no `clock` is given), in this thread.

    On leaving, what was to be recorded is written, tasks are cancelled and awaited, async
    generators closed, the loop closed, and the interpreter's hooks given back.
    """
    loop = new_loop(clock)
    shell = Shell(Session(loop), loop, console, all_commands(), front)
    with parted_from_children(loop), shell.active():
        try:
            yield shell
        finally:
            _end_recording(shell)
            shell.closing = True
            shell.left = close(
                loop,
                shell.leave,
                lambda line: console.complain(*text_lines(line, "dim")),
                shell.front.end_process,
            )
            shell.session.sources.forget()


def _end_recording(shell: Shell) -> None:
    recorder = shell.recorder
    if recorder is not None:
        try:
            count = recorder.end()
            told = f"recorded in {recorder.name}, inputs: {count}"
            shell.console.show(*prose(told, shell.console.width, "dim", 2))
        except CommandError as error:
            shell.console.complain(*prose(str(error), shell.console.width, "error", 2))
