"""Whose code a frame runs: the user's, ours, or asyncio's."""

from __future__ import annotations

import asyncio
import threading
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["explains", "innermost_user_frame", "is_library", "is_ours", "is_plumbing", "owner"]

_OURS = str(Path(__file__).parent.parent) + "/"
#: The demos are user code, also where they are installed inside the package.
_DEMOS = _OURS + "demos/"
_EXPLAINING = (_OURS + "commands/explaining.py", _OURS + "explain/")
#: The loop waits in selectors; what a main program runs in is runpy.
_STDLIB = str(Path(threading.__file__).parent) + "/"
_PLUMBING = (
    str(Path(asyncio.__file__).parent) + "/",
    str(Path(threading.__file__).parent / "selectors.py"),
    "<frozen runpy>",
)
#: In which each callback of the loop runs.
_RUN = asyncio.Handle._run.__code__  # noqa: SLF001


def is_ours(filename: str) -> bool:
    """Whether the file belongs to asyncrepl itself."""
    return filename.startswith(_OURS) and not filename.startswith(_DEMOS)


def explains(filename: str) -> bool:
    """Whether the file is of that part of asyncrepl that explains values and errors."""
    return filename.startswith(_EXPLAINING)


@lru_cache(maxsize=4096)
def is_plumbing(filename: str) -> bool:
    """Whether the file is ours or asyncio's: nothing the user wrote or asked for."""
    return filename.startswith(_PLUMBING) or is_ours(filename)


def is_library(filename: str) -> bool:
    """Whether the file was installed: the standard library or a package."""
    return filename.startswith((_STDLIB, "<frozen ")) or "site-packages" in filename


@lru_cache(maxsize=4096)
def owner(filename: str) -> Literal["user", "library", "asyncio", "ours"]:
    """Whose the file is. Fast: remembered by name."""
    if is_ours(filename):
        return "ours"
    if is_plumbing(filename):
        return "asyncio"
    return "library" if is_library(filename) and not filename.startswith(_DEMOS) else "user"


def innermost_user_frame(frame: FrameType | None) -> FrameType | None:
    """The innermost frame of user code that the loop is running, or None.

    Looks from `frame` outwards to the first that is neither ours nor asyncio's,
    and only within one callback of the loop: what called the loop is not it.
    """
    while frame is not None and (code := frame.f_code) is not _RUN:
        if not is_plumbing(code.co_filename):
            return frame
        frame = frame.f_back
    return None
