"""Facts about leaks: what asynchronous was made, and then forgotten."""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["Leak", "LeakKind"]

LeakKind = Literal[
    "never awaited", "left open", "never walked", "never retrieved", "destroyed pending"
]


class Leak(NamedTuple):
    """Something asynchronous was forgotten.

    - "never awaited": a coroutine was dropped before it ran at all;
    - "left open": an async generator was walked, left before its end, and lives on;
    - "never walked": an async generator was made and thrown away at once;
    - "never retrieved": a task, or another future, failed and nobody asked how;
    - "destroyed pending": a task was dropped while it waited.

    These are the kinds. `what` is the qualified name of the coroutine or generator
    function, empty where it is not known; `made` the file and line where that was called,
    `noticed` those where the thing was dropped, left or thrown away, each None where that
    is not certain. `name` is the name of the task, or the user's name for the generator;
    `by_break` says that the ``break`` at `noticed` left it.
    """

    kind: LeakKind
    what: str
    made: tuple[str, int] | None = None
    noticed: tuple[str, int] | None = None
    name: str = ""
    by_break: bool = False
