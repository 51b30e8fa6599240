"""Running a session at the prompt: first the terminal, then the session behind it.

`terminal_session`, which imports nearly all of the program, is imported only when the prompt is
on the screen.

Or in a program that runs (`embed`): on its loop, with its names. There the program goes on while
ours is imported, for a thread does that; and all that a session takes is given back, in whatever
way it ends. If the loop stops, or the process ends, nobody may be left to await anything: so what
gives back is called at once, and awaits nothing.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

from asyncrepl.engine.loop.interrupt_shields import rows
from asyncrepl.runtime.configuration import has_terminal, load_settings
from asyncrepl.runtime.process import FAILED
from asyncrepl.session.frontend import banner_lines
from asyncrepl.views.error_lines import describe_error
from asyncrepl.views.styled_lines import flowed

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Coroutine, Iterator, Sequence

    from asyncrepl.runtime.configuration import Program, Settings
    from asyncrepl.terminal.terminal_session import PromptSession
    from asyncrepl.terminal.terminal_setup import ReplayPlan, Terminal
    from asyncrepl.views.styled_lines import Line

#: Seconds: echo beside a CPU-bound task takes 3 ms instead of 12. So it does while the main thread
#: imports the session: at 5 ms the first key waits 50, for drawing gives the lock away ten times.
_SWITCH_INTERVAL = 0.001


def run_terminal(
    settings: Settings,
    first: Sequence[Program] = (),
    replays: Sequence[ReplayPlan] = (),
    version: str = "",
) -> int:
    """A session at the prompt, on the terminal that descriptors 0 and 1 are; its exit status.

    `first` are programs to run before the first prompt. With `replays` these are played, each in
    a session of its own, and then it ends. A banner names our `version`.
    """
    from asyncrepl.terminal.terminal_setup import Terminal

    terminal = Terminal(settings)
    if settings.banner:
        terminal.console.show(*banner_lines(version, terminal.console.width))
    if replays:
        terminal.ui.controller.ignore_keys()
    lost: BaseException | None = None
    status = FAILED
    try:
        with _short_switch_interval(), terminal.opened(running=bool(first)):
            from asyncrepl.terminal.terminal_session import run_replays, run_session

            if replays:
                status = run_replays(terminal, list(replays))
            else:
                status = run_session(terminal, list(first))
    except Exception as error:  # user code has broken what a session needs
        lost = error
    lost = terminal.ui.error or lost
    if lost is not None:
        line = f"asyncrepl: the session cannot go on: {describe_error(lost)}"
        print(line, file=sys.__stderr__)
        return FAILED
    if not terminal.session_exit.is_from_outside():
        from asyncrepl.engine.loop.loop_shutdown import report_threads

        report_threads(lambda line: print(line, file=sys.__stderr__))
    return status


@contextmanager
def _short_switch_interval() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_INTERVAL)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def embed(namespace: dict[str, Any] | None = None) -> Coroutine[Any, Any, None]:
    """Open the prompt in a program that runs, on its own loop; ``await`` it.

    The program's tasks go on meanwhile, and after it was left (Ctrl-D, ``:quit``). What is
    assigned there is in `namespace`; without one, it is in a copy of the caller's names.
    RuntimeError where there is no terminal, or the loop cannot be used: what is needed is one of
    ``asyncio.run`` in the main thread.
    """
    if namespace is None:
        caller = sys._getframe(1)  # noqa: SLF001  the documented way
        namespace = {**caller.f_globals, **caller.f_locals}
    return _embed(namespace)


async def _embed(namespace: dict[str, Any]) -> None:
    from asyncrepl.engine.loop.borrowed_loop import EmbedError, loop_to_borrow

    loop = loop_to_borrow()
    if not has_terminal():
        raise EmbedError(
            "standard input and output are no terminal with a cursor: start it in one"
        )
    await _import_session(loop)
    loop_to_borrow()  # somebody else may have been faster
    embedding = _Embedding(loop, namespace)
    try:
        await embedding.over
        await embedding.session.end_tasks()
    except GeneratorExit:
        raise
    except BaseException:
        await embedding.session.end_tasks()
        raise
    finally:
        embedding.close()


_embed.__name__ = _embed.__qualname__ = "embed"  # "coroutine 'embed' was never awaited"


async def _import_session(loop: asyncio.AbstractEventLoop) -> None:
    """Import what a session needs, in a thread: the program goes on."""
    from concurrent.futures import ThreadPoolExecutor
    from importlib import import_module

    with ThreadPoolExecutor(1, "asyncrepl loading") as pool:
        await loop.run_in_executor(pool, import_module, "asyncrepl.terminal.terminal_session")


#: The signals that a session takes.
_TAKEN = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGWINCH, signal.SIGCONT)


class _Embedding:
    """A session in a program, which runs `loop`; it is open once this is made.

    `over` is done when it is to be left.
    """

    def __init__(self, loop: asyncio.SelectorEventLoop, namespace: dict[str, Any]) -> None:
        from asyncrepl.engine.loop.borrowed_loop import borrowed
        from asyncrepl.terminal.loop_bridge import ProgramExit
        from asyncrepl.terminal.own_modules import install_stdlib_copies
        from asyncrepl.terminal.terminal_session import session_within
        from asyncrepl.terminal.terminal_setup import Terminal

        install_stdlib_copies()  # before anything is hooked that they would have, too
        self.over: asyncio.Future[None] = loop.create_future()
        self._process, self._closed = os.getpid(), False
        settings = load_settings()
        for warning in settings.warnings:
            print(f"asyncrepl: {warning}", file=sys.stderr)
        with ExitStack() as stack:
            live = stack.enter_context(
                borrowed(loop, _TAKEN, stopped=self.close, escaped=self._escaped)
            )
            _flush()  # what is begun already stands above the prompt
            terminal = Terminal(settings, ProgramExit)
            terminal.ui.ends_process = False
            self._terminal, self._exit = terminal, cast("ProgramExit", terminal.session_exit)
            if settings.banner:
                _greet(terminal)
            stack.callback(setattr, rows, "begun", bool)
            stack.enter_context(_short_switch_interval())
            stack.enter_context(terminal.opened(running=False))
            stack.callback(_flush)
            self.session: PromptSession = stack.enter_context(
                session_within(terminal, live, namespace, self._leave)
            )
            self._stack = stack.pop_all()
        atexit.register(self.close)

    def _escaped(self, error: BaseException) -> None:
        self.session.escaped(error)

    def _leave(self) -> None:
        if not self.over.done():
            self.over.set_result(None)

    def close(self) -> None:
        """Give all back, once; later calls do nothing."""
        if self._closed or os.getpid() != self._process:
            return
        self._closed = True
        atexit.unregister(self.close)
        self._stack.close()
        with suppress(RuntimeError):  # the loop is closed
            self._leave()
        if (error := self._terminal.ui.error) is not None:
            line = f"asyncrepl: the session cannot go on: {describe_error(error)}"
            print(line, file=sys.stderr)
        self._exit.pass_on()


def _greet(terminal: Terminal) -> None:
    line: Line = [
        ("bold", "asyncrepl"), ("dim", " in a program that goes on; "), ("label", ":help"),
        ("dim", " helps, Ctrl-D leaves"),
    ]  # fmt: skip
    terminal.console.show(*flowed(line, terminal.console.width))


def _flush() -> None:
    """Have what the program has written where it is to be: it may keep a row in a buffer."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
