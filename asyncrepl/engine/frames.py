"""Whose code a frame runs: the user's, ours, or asyncio's."""

from __future__ import annotations

import asyncio
import threading
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from asyncrepl.isolation import is_library

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType

__all__ = [
    "calls_back",
    "calls_callbacks",
    "imports",
    "innermost_user_frame",
    "is_library",
    "is_ours",
    "is_plumbing",
    "owner",
    "shows",
]

Function = TypeVar("Function", bound="Callable[..., object]")

_OURS = str(Path(__file__).parent.parent) + "/"
#: The demos are user code, also where they are installed inside the package.
_DEMOS = _OURS + "demos/"
#: Explaining and showing, also where the user's code has called it: to show a value, it is
#: enough to end a line with its name. Not the shell itself, which asks a value for its text.
_SHOWING = tuple(_OURS + each for each in ("commands/", "explain/", "export/", "views/"))
_SHELL = _OURS + "commands/shell.py"
#: The loop waits in selectors; what a main program runs in is runpy.
_PLUMBING = (
    str(Path(asyncio.__file__).parent) + "/",
    str(Path(threading.__file__).parent / "selectors.py"),
    "<frozen runpy>",
)
_IMPORTING = ("<frozen importlib", str(Path(threading.__file__).parent / "importlib") + "/")
#: The id of the code that calls a loop's callbacks.
_CALLERS = {id(asyncio.Handle._run.__code__)}  # noqa: SLF001


def is_ours(filename: str) -> bool:
    """Whether the file belongs to asyncrepl itself."""
    return filename.startswith(_OURS) and not filename.startswith(_DEMOS)


def shows(filename: str) -> bool:
    """Whether the file is of that part of asyncrepl that explains and shows: no user's doing."""
    return filename.startswith(_SHOWING) and filename != _SHELL


def imports(filename: str) -> bool:
    """Whether the file is of what imports modules."""
    return filename.startswith(_IMPORTING)


@lru_cache(maxsize=4096)
def is_plumbing(filename: str) -> bool:
    """Whether the file is ours or asyncio's: nothing the user wrote or asked for."""
    return filename.startswith(_PLUMBING) or is_ours(filename)


@lru_cache(maxsize=4096)
def owner(filename: str) -> Literal["user", "library", "asyncio", "ours"]:
    """Whose the file is. Fast: remembered by name."""
    if is_ours(filename):
        return "ours"
    if is_plumbing(filename):
        return "asyncio"
    return "library" if is_library(filename) and not filename.startswith(_DEMOS) else "user"


def calls_callbacks(function: Function) -> Function:
    """Mark a function from which a loop calls its callbacks, as asyncio's ``Handle._run``."""
    _CALLERS.add(id(function.__code__))
    return function


def calls_back(code: CodeType) -> bool:
    """Whether a frame of this code is where a callback of a loop begins."""
    return id(code) in _CALLERS


def innermost_user_frame(frame: FrameType | None) -> FrameType | None:
    """The innermost frame of user code that the loop is running, or None.

    Looks from `frame` outwards to the first that is neither ours nor asyncio's,
    and only within one callback of the loop: what called the loop is not it.
    """
    while frame is not None and not calls_back(code := frame.f_code):
        if not is_plumbing(code.co_filename):
            return frame
        frame = frame.f_back
    return None
