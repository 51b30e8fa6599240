"""What a Ctrl-C does not reach, or not at once: sections, rows that are printed, functions.

For the main thread, in which signals are handled.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType

    Function = TypeVar("Function", bound=Callable[..., object])
_uninterrupted: set[CodeType] = set()


def uninterrupted(function: Function) -> Function:
    """Decorate `function`, of ours, which is short: a Ctrl-C meanwhile is for what comes next."""
    _uninterrupted.add(function.__code__)
    return function


def is_uninterrupted(frame: FrameType | None) -> bool:
    """Whether `frame`, or one that has called it, is of a function that is `uninterrupted`."""
    while frame is not None and frame.f_code not in _uninterrupted:
        frame = frame.f_back
    return frame is not None


class Shield:
    """A section of the main thread in which Ctrl-C waits until the section is left."""

    def __init__(self) -> None:
        self._depth = 0
        self._pending = False

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            self._depth += 1

    def __exit__(self, *_: object) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        self._depth -= 1
        if self._pending and not self._depth:
            self._pending = False
            raise KeyboardInterrupt

    def forget(self) -> None:
        """Nobody is in a section any more: one may have been left by an exception half way."""
        self._depth, self._pending = 0, False

    def postpone(self) -> bool:
        """Keep a Ctrl-C for later; false outside of a shielded section."""
        self._pending = self._depth > 0
        return self._pending


#: The one shield: there is one main thread.
shield = Shield()


class Rows:
    """Printed rows, which a Ctrl-C is not to tear; for the main thread."""

    def __init__(self) -> None:
        #: Whether the main thread has begun a row. The frame alone does not tell: that of a
        #: function that is just being called is not yet the one that a signal handler is given.
        self.begun: Callable[[], bool] = bool
        self._codes: set[CodeType] = set()
        #: Whether the code that the awaited Ctrl-C is for still runs; None if none is awaited.
        self._awaited: Callable[[], bool] | None = None

    def whole(self, write: Function) -> Function:
        """Decorate `write`, a stream's, which says `ended` after each row."""
        self._codes.add(write.__code__)
        return write

    def postpone(self, frame: FrameType | None, runs: Callable[[], bool]) -> bool:
        """Keep a Ctrl-C that reaches `frame` until a row is whole, if one is being written."""
        begun = self.begun()
        while not begun and frame is not None:
            begun, frame = frame.f_code in self._codes, frame.f_back
        if begun:
            self._awaited = runs
        return begun

    @property
    def postponed(self) -> bool:
        """Whether a Ctrl-C waits for the end of a row; for any thread."""
        return self._awaited is not None

    def forget(self) -> bool:
        """Let no Ctrl-C wait any more; whether one did."""
        waited, self._awaited = self.postponed, None
        return waited

    def ended(self) -> None:
        """A row is whole: raise KeyboardInterrupt if it was postponed. In any thread."""
        awaited, here = self._awaited, threading.current_thread()
        if awaited is not None and here is threading.main_thread() and awaited():
            self._awaited = None
            raise KeyboardInterrupt


#: The one place where rows are counted as whole: there is one main thread.
rows = Rows()
