"""Opening a shell on a loop of its own, and closing it tidily."""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING

from asyncrepl.engine.loop.live_loop import new_loop
from asyncrepl.engine.loop.loop_clock import Clock
from asyncrepl.engine.loop.loop_runner import kept_out_of_forks
from asyncrepl.engine.loop.loop_shutdown import close_loop
from asyncrepl.engine.statements import Session
from asyncrepl.runtime.startup_heap import release_collector
from asyncrepl.session.command_registry import CommandError, CommandRegistry
from asyncrepl.session.shell import Shell
from asyncrepl.views.styled_lines import prose, text_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.session.console import Console
    from asyncrepl.session.frontend import Frontend

__all__ = ["clock_for_settings", "open_shell"]


def clock_for_settings(mode: str, rate: float | None) -> Clock:
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
    console: Console, *, frontend: Frontend | None = None, clock: Clock | None = None
) -> Iterator[Shell]:
    """A shell on a new loop (real time, if no `clock` is given), in this thread.

    On leaving, what was to be recorded is written, tasks are cancelled and awaited, async
    generators closed, the loop closed, and the interpreter's hooks given back.
    """
    release_collector()  # before the user's namespace is there: who refers to what is in it shows
    loop = new_loop(clock)
    shell = Shell(Session(loop), loop, console, CommandRegistry(), frontend)
    with kept_out_of_forks(loop), shell.active():
        try:
            yield shell
        finally:
            _end_recording(shell)
            shell.closing = True
            shell.left = close_loop(
                loop,
                shell.outcomes.note_exit,
                lambda line: console.complain(*text_lines(line, "dim")),
                shell.frontend.end_process,
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
