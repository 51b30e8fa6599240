"""Leasing the terminal to code that uses it itself: `input`, pdb, pagers, programs.

``with lease.terminal():`` takes the layout off the screen, stops reading keys, puts the terminal
into the modes it had before us and gives descriptors 0, 1, 2 back; afterwards everything is as it
was. Without that two readers share one keyboard, and each gets half of the keys.

It can be nested (help → pager → subprocess), and used from any thread but the terminal's own: all
of the switching is done in that one, so that a KeyboardInterrupt in the leasing thread cannot
leave it half done.

Functions of the standard library that use the terminal, and have it while they do.

They are hooked for as long as a session lives (`hooks_installed`). `input` and ``sys.stdin`` need
no hook: they read through `LeasedInput`. These do, because they go to the descriptors or to
``/dev/tty`` by themselves. Each has the terminal for the length of the call and is otherwise left
as it is. Only the main thread's calls: beside a call in another thread the loop goes on, and so
must the screen.

Some only begin what needs the terminal: they look at or set its modes, start curses, or a pager
that is written to, or have a program's own loop read standard input. From there the statement
keeps it to its end (`TerminalLease.keep`). Not so every program that is started: it may run on in
the background, and what it prints then belongs above the input line.
"""

from __future__ import annotations

import builtins
import functools
import getpass
import os
import select
import subprocess
import sys
import termios
import threading
import tty
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from asyncrepl.engine.debugger_frames import first_imports_seen
from asyncrepl.engine.loop.interrupt_shields import shield
from asyncrepl.engine.loop.loop_iteration import WatchingSelector
from asyncrepl.terminal.terminal_streams import LeasedInput, edited_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from asyncrepl.terminal.terminal_suspension import TerminalSuspension

_SWITCH_TIMEOUT = 3.0  # seconds a thread waits for the terminal's own thread
_POLL = 0.1
_READ_SIZE = 64 * 1024


class TerminalLease:
    """Who has the terminal; `call` runs a function in the terminal's thread."""

    def __init__(
        self, terminal: TerminalSuspension, call: Callable[[Callable[[], None]], bool], fd: int
    ) -> None:
        self._terminal = terminal
        self._call = call
        self._fd = fd
        self._lock = threading.RLock()
        self._depth = 0
        self._recalled = False
        #: Whether a statement runs, and whether it has the terminal to its end.
        self._running = self._kept = False
        self._process = os.getpid()
        #: Whether a program runs that has the thread, and so the keyboard, to itself.
        self.alone: Callable[[], bool] = bool

    def begin(self) -> None:
        """A statement begins; `recall` ends it."""
        self._running = True

    def keep(self, *, in_thread: bool = False, beside: bool = False) -> bool:
        """The statement that runs has the terminal to its end; nothing happens without one.

        Nor in another thread than the main one unless `in_thread`, or in a child that was forked.
        With `beside` it is for another program, as in `terminal`. Whether the terminal is kept.
        """
        here = in_thread or threading.current_thread() is threading.main_thread()
        if self._running and here and os.getpid() == self._process:
            self._kept = True
            release = partial(self._terminal.release, beside=True)
            self._wait(release if beside else self._terminal.release_whole)
        return self._kept

    def terminal_fd(self, stdin: Any) -> Any:
        """The terminal to look at for a thread that has not got it, in place of `stdin`."""
        return self._fd if self._running and os.getpid() == self._process else stdin

    @contextmanager
    def terminal(self, *, beside: bool = False) -> Iterator[None]:
        """The block has the terminal; in a child that was forked nobody has.

        With `beside` it is for another program, beside which the loop goes on and prints.
        """
        if os.getpid() != self._process:
            yield
            return
        while not self._lock.acquire(timeout=_POLL):
            pass  # another thread has it; the time limit lets Ctrl-C through
        try:
            self._depth += 1
            if self._depth == 1:
                self._wait(partial(self._terminal.release, beside=beside))
            yield
        finally:
            with shield:
                self._depth -= 1
                if self._depth == 0:
                    self._recalled = False
                    if not self._kept:
                        self._wait(self._terminal.reclaim)
                self._lock.release()

    def read_line(self) -> str:
        """A line from the keyboard with its newline, edited as `input` does it under ``python``.

        Empty at the end of input (Ctrl-D), when the line was recalled, and in a child that
        was forked: two readers of one keyboard get half of the keys each.
        """
        if os.getpid() != self._process:
            return ""
        with self.terminal():
            line = self._answer(self._terminal.typed_line)
            if line is None and not self._kept and self._echoes_lines():
                typed = partial(self._answer, self._terminal.typed_text)
                line = edited_line(self._terminal.question, typed)
            if line is None:
                line = self._read().decode("utf-8", "surrogateescape")
            # Enter is \r if it was pressed just before the modes were changed.
            return line.replace("\r", "\n")

    def recall(self) -> None:
        """The statement is over: the terminal is the prompt's again.

        A `read_line` of another thread, whose asker is gone, ends.
        """
        self._running = self._kept = False
        if self._depth:
            self._recalled = True
        else:
            self._call(self._terminal.reclaim)

    def _echoes_lines(self) -> bool:
        """Whether the terminal gives whole lines, which it shows, to the main thread.

        Not if the program has chosen other modes. One that another thread asks for can be
        recalled, which no editor of lines can.
        """
        here = threading.current_thread() is threading.main_thread()
        wanted = termios.ICANON | termios.ECHO
        return here and termios.tcgetattr(self._fd)[3] & wanted == wanted

    def _read(self) -> bytes:
        line = b""
        while not line.endswith((b"\n", b"\r")):
            # Not a plain read: a line asked for in another thread can be recalled.
            if not select.select([self._fd], [], [], _POLL)[0]:
                if self._recalled:
                    return b""
                continue
            piece = os.read(self._fd, _READ_SIZE)
            line += piece
            if not piece or not termios.tcgetattr(self._fd)[3] & termios.ICANON:
                break  # who has chosen to read key by key (``tty.setcbreak``) gets each at once
        return line

    def _answer(self, ask: Callable[[], str | None]) -> str | None:
        answers: list[str | None] = [None]
        self._wait(lambda: answers.append(ask()))
        return answers[-1]

    def _wait(self, action: Callable[[], None]) -> None:
        """Run `action` in the terminal's thread and wait until it is done."""
        done = threading.Lock()
        done.acquire()

        def act() -> None:
            try:
                action()
            finally:
                done.release()

        if self._call(act):
            done.acquire(timeout=_SWITCH_TIMEOUT)


@contextmanager
def hooks_installed(lease: TerminalLease) -> Iterator[None]:
    """The hooks are in place within the block."""
    replaced: list[tuple[Any, str, Any, Any]] = []

    def replace(owner: Any, name: str, make: Callable[[TerminalLease, Any], Any]) -> None:
        original = getattr(owner, name, None)
        if original is not None:
            ours = make(lease, original)
            replaced.append((owner, name, original, ours))
            setattr(owner, name, ours)

    for module in (termios, tty):  # the second has the names of the first
        replace(module, "tcgetattr", _keeping_terminal)
        replace(module, "tcsetattr", _keeping_terminal)
    replace(WatchingSelector, "register", _keeping_for_readers)
    replace(subprocess.Popen, "__init__", _keeping_for_screen_programs)
    replace(getpass, "getpass", _with_terminal)
    replace(os, "system", _with_terminal)
    for name in ("run", "call", "check_call"):
        replace(subprocess, name, _with_terminal_unless_captured)
    replace(builtins, "help", _LeasedHelp)
    if getattr(sys.breakpointhook, "__module__", "").startswith("prompt_toolkit."):
        replace(sys, "breakpointhook", lambda *_: sys.__breakpointhook__)  # not for user code

    def take_curses(module: Any) -> None:  # which takes the terminal in C
        replace(module, "initscr", _keeping_before)

    def give_to_debuggers(module: Any) -> None:
        # Not from `set_trace` on: between two stops the program runs, and the screen is ours.
        replace(module.Cmd, "cmdloop", _with_terminal)

    watched = {"curses": ("_curses", take_curses), "pdb": ("cmd", give_to_debuggers)}
    try:
        with first_imports_seen(watched):
            yield
    finally:
        for owner, name, original, ours in replaced:
            if getattr(owner, name, None) is ours:  # user code may have set its own
                setattr(owner, name, original)


def _with_terminal(lease: TerminalLease, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def leased(*args: Any, **kwargs: Any) -> Any:
        if threading.current_thread() is not threading.main_thread():
            return function(*args, **kwargs)
        with lease.terminal():
            return function(*args, **kwargs)

    return leased


def _with_terminal_unless_captured(
    lease: TerminalLease, function: Callable[..., Any]
) -> Callable[..., Any]:
    """Programs whose output is caught do not use the terminal."""
    leased = _with_terminal(lease, function)

    @functools.wraps(function)
    def maybe_leased(*args: Any, **kwargs: Any) -> Any:
        caught = kwargs.get("capture_output") or kwargs.get("stdout") is not None
        return (function if caught else leased)(*args, **kwargs)

    return maybe_leased


def _is_stdin(fd: object) -> bool:
    return fd == 0 or (fd is sys.stdin and isinstance(fd, LeasedInput)) or fd is sys.__stdin__


def _keeping_for_readers(lease: TerminalLease, register: Callable[..., Any]) -> Callable[..., Any]:
    """A loop's `register`: a program that runs alone may have its own loop read the keyboard.

    Not a statement: it ends, and its reader would take keys away from the prompt.
    """

    @functools.wraps(register)
    def registered(self: Any, fileobj: Any, *args: Any) -> Any:
        if _is_stdin(fileobj) and lease.alone():
            lease.keep()
        return register(self, fileobj, *args)

    return registered


def _keeping_terminal(lease: TerminalLease, function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, whose first argument is a descriptor, before which the statement gets it.

    Who sets the modes asks for keys, also in a thread of the statement's
    (``to_thread(prompt)``); who looks at them there may only want to know what stdin is.
    """
    sets = function.__name__ == "tcsetattr"

    @functools.wraps(function)
    def keeping(fd: Any, *args: Any) -> Any:
        if _is_stdin(fd) and not lease.keep(in_thread=sets):
            fd = lease.terminal_fd(fd)
        return function(fd, *args)

    return keeping


#: Programs that take the whole screen; those that the user has chosen for it are added.
_SCREEN_PROGRAMS = {"less", "more", "most", "vi", "vim", "nano", "emacs"}
_CHOSEN_PROGRAMS = ("PAGER", "MANPAGER", "EDITOR", "VISUAL")


def _keeping_for_screen_programs(
    lease: TerminalLease, start: Callable[..., None]
) -> Callable[..., None]:
    """``Popen(["less"], stdin=PIPE)``, as `pydoc.pager` and others begin a pager."""

    @functools.wraps(start)
    def started(self: Any, *args: Any, **kwargs: Any) -> None:
        if kwargs.get("stdout") is None and _takes_screen(args[0] if args else kwargs.get("args")):
            lease.keep(beside=True)
        start(self, *args, **kwargs)

    return started


def _takes_screen(command: object) -> bool:
    """Whether `command`, as `Popen` takes one, is such a program; no iterator is begun."""
    first = command[0] if isinstance(command, list | tuple) and command else command
    if not isinstance(first, str | bytes | os.PathLike):
        return False
    chosen = {_program_name(os.environ.get(each, "")) for each in _CHOSEN_PROGRAMS} - {""}
    return _program_name(os.fsdecode(first)) in _SCREEN_PROGRAMS | chosen


def _program_name(command: str) -> str:
    return command.partition(" ")[0].rpartition("/")[2]


def _keeping_before(lease: TerminalLease, function: Callable[[], Any]) -> Callable[[], Any]:
    @functools.wraps(function)
    def keeping() -> Any:
        lease.keep()
        return function()

    return keeping


class _LeasedHelp:
    """Python's own `help`: of OBJECT with help(OBJECT), alone it asks of what.

    It looks the same, and has the terminal for its pages.
    """

    def __init__(self, lease: TerminalLease, original: Any) -> None:
        self._original = original
        self._leased_call = _with_terminal(lease, original.__call__)

    def __repr__(self) -> str:
        return repr(self._original)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._leased_call(*args, **kwargs)


def debug_post_mortem(error: BaseException, entry: TracebackType) -> None:
    """Open pdb on the traceback of `error`, in the frame of `entry`; returns when it is left."""
    import pdb  # noqa: T100 - it is what the user asked for

    class Debugger(pdb.Pdb):
        def get_stack(self, *args: Any) -> Any:
            stack, index = super().get_stack(*args)
            chosen = [at for at, (frame, _) in enumerate(stack) if frame is entry.tb_frame]
            return stack, chosen[-1] if chosen else index

    debugger: Any = Debugger(nosigint=True)  # Ctrl-C stays the session's
    debugger.reset()
    # From 3.13 on it takes the error itself, and can go on to its causes (``exceptions``).
    debugger.interaction(None, error if sys.version_info >= (3, 13) else error.__traceback__)
