"""Whose code it is: the user's, a library's, asyncio's or ours; and the user's part of tracebacks.

Decided by file name alone, and remembered by it. Frames are looked at from the inside out, and
only within one callback of the loop: what called the loop did not call the user's code.
A place in the user's code is said as ``FILE:LINE: source line``.
"""

from __future__ import annotations

import asyncio
import linecache
import threading
from functools import lru_cache
from itertools import takewhile
from os.path import dirname
from typing import TYPE_CHECKING, Literal, TypeVar

from asyncrepl.runtime import isolation
from asyncrepl.runtime.isolation import is_library

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType, FrameType, TracebackType

Function = TypeVar("Function", bound="Callable[..., object]")

_OURS = dirname(dirname(__file__)) + "/"
#: The demos are user code, also where they are installed inside the package.
_DEMOS = _OURS + "demos/"
#: Explaining and showing, also where the user's code has called it: to show a value, it is
#: enough to end a line with its name. Not the shell itself, which asks a value for its text.
_DISPLAY_CODE = tuple(
    _OURS + each for each in ("commands/", "explain/", "export/", "session/", "views/")
)
_NOT_DISPLAY = frozenset(
    _OURS + "session/" + each for each in ("shell.py", "input_run.py", "user_modules.py")
) | {_OURS + "views/value_tree.py"}
#: Following tasks: what is done for each that begins. Not what stands in for an iterator or a
#: function of the user's, and runs that; nor a probe: code that has many of them in its way, as a
#: recursion that awaits itself, would be said to take no time.
_OBSERVING_CODE = tuple(
    _OURS + each for each in ("engine/code_owner.py", "engine/loop/", "engine/tasks/")
)
_LIBRARY = dirname(threading.__file__) + "/"
#: The loop waits in selectors; what a main program runs in is runpy. A debugger follows from bdb
#: what it debugs, which is where its ``q`` raises.
_PLUMBING_FILES = (
    dirname(asyncio.__file__) + "/",
    _LIBRARY + "selectors.py",
    _LIBRARY + "bdb.py",
    "<frozen runpy>",
)
#: What has somebody take their time: at a debugger's prompt, or reading pages of help.
_ASKING_FILES = frozenset((_LIBRARY + "bdb.py", _LIBRARY + "pydoc.py"))
_IMPORT_SYSTEM = ("<frozen importlib", _LIBRARY + "importlib/")
#: The id of the code that calls a loop's callbacks.
_CALLBACK_RUNNERS = {id(asyncio.Handle._run.__code__)}  # noqa: SLF001


def is_ours(filename: str) -> bool:
    """Whether the file belongs to asyncrepl itself, or is the script that starts it."""
    own = filename.startswith(_OURS) and not filename.startswith(_DEMOS)
    return own or filename == isolation.launcher != ""


def is_display_code(filename: str) -> bool:
    """Whether the file is of that part of asyncrepl that explains and shows: no user's doing."""
    return filename.startswith(_DISPLAY_CODE) and filename not in _NOT_DISPLAY


def is_terminal_code(filename: str) -> bool:
    """Whether the file is of that part of asyncrepl that reads keys and writes lines."""
    return filename.startswith(_OURS + "terminal/")


def is_observing_code(filename: str) -> bool:
    """Whether the file is of that part of asyncrepl that looks at the user's code as it runs."""
    return filename.startswith(_OBSERVING_CODE)


def asks_person(filename: str) -> bool:
    """Whether what the code of this file has called may wait for whoever sits there."""
    return filename in _ASKING_FILES


def is_import_system(filename: str) -> bool:
    """Whether the file is of what imports modules."""
    return filename.startswith(_IMPORT_SYSTEM)


@lru_cache(maxsize=4096)
def is_plumbing(filename: str) -> bool:
    """Whether the file is ours or asyncio's: nothing the user wrote or asked for."""
    return filename.startswith(_PLUMBING_FILES) or is_ours(filename)


@lru_cache(maxsize=4096)
def owner(filename: str) -> Literal["user", "library", "asyncio", "ours"]:
    """Whose the file is. Fast: remembered by name."""
    if is_ours(filename):
        return "ours"
    if is_plumbing(filename):
        return "asyncio"
    return "library" if is_library(filename) and not filename.startswith(_DEMOS) else "user"


def is_users(filename: str) -> bool:
    """Whether the user wrote it, or may look at it as if: a demo."""
    return owner(filename) == "user"


def marked_as_running_callbacks(function: Function) -> Function:
    """Mark a function from which a loop calls its callbacks, as asyncio's ``Handle._run``."""
    _CALLBACK_RUNNERS.add(id(function.__code__))
    return function


def runs_callbacks(code: CodeType) -> bool:
    """Whether a frame of this code is where a callback of a loop begins."""
    return id(code) in _CALLBACK_RUNNERS


def innermost_user_frame(frame: FrameType | None) -> FrameType | None:
    """The innermost frame of user code that the loop is running, or None.

    Looks from `frame` outwards to the first that is neither ours nor asyncio's,
    and only within one callback of the loop: what called the loop is not it.
    """
    while frame is not None and not runs_callbacks(code := frame.f_code):
        if not is_plumbing(code.co_filename):
            return frame
        frame = frame.f_back
    return None


#: A source line is told up to so many characters.
MAX_SOURCE_LENGTH = 60


def traceback_entries(traceback: TracebackType | None) -> Iterator[TracebackType]:
    """The entries of `traceback`, outermost first."""
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def user_part(traceback: TracebackType | None) -> TracebackType | None:
    """`traceback` without our own frames at its beginning."""
    while traceback is not None and is_ours(traceback.tb_frame.f_code.co_filename):
        traceback = traceback.tb_next
    return traceback


def cut_to_user_part(error: BaseException) -> None:
    """Let the traceback of `error` begin in user code.

    Asks BaseException, not `error`: its class may have a ``__getattribute__`` that raises.
    """
    trace = BaseException.__dict__["__traceback__"]
    trace.__set__(error, user_part(trace.__get__(error)))


def part_below_loop(traceback: TracebackType | None) -> TracebackType | None:
    """`traceback` from where the loop was running, or waiting, into user code."""
    part = traceback
    while part is not None and not is_plumbing(part.tb_frame.f_code.co_filename):
        part = part.tb_next
    return next(user_entries(part), traceback)


def user_entries(traceback: TracebackType | None) -> Iterator[TracebackType]:
    """The entries of `traceback` in user code: neither ours nor asyncio's."""
    for entry in traceback_entries(traceback):
        if not is_plumbing(entry.tb_frame.f_code.co_filename):
            yield entry


def reaches_users(traceback: TracebackType | None) -> bool:
    """Whether `traceback` leads through what the user has written, and not libraries only."""
    entries = traceback_entries(traceback)
    return any(is_users(each.tb_frame.f_code.co_filename) for each in entries)


def reached_location(traceback: TracebackType | None) -> str | None:
    """The `location_text` in user code that a cancellation or Ctrl-C reached."""
    entries = [
        (each.tb_frame.f_code.co_filename, each.tb_lineno) for each in user_entries(traceback)
    ]
    # A line of the standard library says less than the user's line that called it; of what
    # nobody but we had imported it says nothing.
    own = [entry for entry in entries if not is_library(entry[0])]
    own = own or [*takewhile(lambda entry: not is_import_system(entry[0]), entries)]
    return location_text(*own[-1]) if own else None


def location_text(filename: str, lineno: int) -> str:
    """``FILE:LINE: source line`` of `lineno` in `filename`; ``FILE:LINE`` without known source."""
    where, source = location_and_source(filename, lineno)
    return f"{where}: {source}" if source else where


def location_and_source(filename: str, lineno: int) -> tuple[str, str]:
    """``FILE:LINE`` of `lineno` in `filename`, and that line of source; empty if it is not known.

    A long line is cut; a demo's path is told from where the demos are.
    """
    source = linecache.getline(filename, lineno).strip()
    if len(source) > MAX_SOURCE_LENGTH:
        source = source[: MAX_SOURCE_LENGTH - 1] + "…"
    return f"{short_filename(filename)}:{lineno}", source


def short_filename(filename: str) -> str:
    """`filename`, or of a demo what a user would call it."""
    from asyncrepl.runtime.shipped_demos import demos_folder

    return filename.removeprefix(str(demos_folder().parent) + "/")
