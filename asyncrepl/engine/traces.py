"""Tracebacks cut to the user's part."""

from __future__ import annotations

import linecache
from typing import TYPE_CHECKING

from asyncrepl.engine.frames import is_library, is_ours, is_plumbing
from asyncrepl.language.shipped import demos_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

__all__ = [
    "LONGEST",
    "called_part",
    "cut_to_user_part",
    "place",
    "reached_place",
    "short_name",
    "spot",
    "user_entries",
    "user_part",
]

#: A source line is told up to so many characters.
LONGEST = 60


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


def called_part(traceback: TracebackType | None) -> TracebackType | None:
    """`traceback` from where the loop was running, or waiting, into user code."""
    part = traceback
    while part is not None and not is_plumbing(part.tb_frame.f_code.co_filename):
        part = part.tb_next
    while part is not None and is_plumbing(part.tb_frame.f_code.co_filename):
        part = part.tb_next
    return traceback if part is None else part


def user_entries(traceback: TracebackType | None) -> Iterator[TracebackType]:
    """The entries of `traceback` in user code: neither ours nor asyncio's."""
    while traceback is not None:
        if not is_plumbing(traceback.tb_frame.f_code.co_filename):
            yield traceback
        traceback = traceback.tb_next


def reached_place(traceback: TracebackType | None) -> str | None:
    """The `place` in user code that a cancellation or Ctrl-C reached."""
    entries = [
        (each.tb_frame.f_code.co_filename, each.tb_lineno) for each in user_entries(traceback)
    ]
    # A line of the standard library says less than the user's line that called it.
    own = [entry for entry in entries if not is_library(entry[0])] or entries
    return place(*own[-1]) if own else None


def place(filename: str, lineno: int) -> str:
    """Say ``FILE:LINE: source line``, or ``FILE:LINE`` where the source is not known."""
    where, source = spot(filename, lineno)
    return f"{where}: {source}" if source else where


def spot(filename: str, lineno: int) -> tuple[str, str]:
    """``FILE:LINE`` and the source line, empty where it is not known.

    A long line is cut; a demo's path is told from where the demos are.
    """
    source = linecache.getline(filename, lineno).strip()
    if len(source) > LONGEST:
        source = source[: LONGEST - 1] + "…"
    return f"{short_name(filename)}:{lineno}", source


def short_name(filename: str) -> str:
    """`filename`, or of a demo what a user would call it."""
    return filename.removeprefix(str(demos_folder().parent) + "/")
