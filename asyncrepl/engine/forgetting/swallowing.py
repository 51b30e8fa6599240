"""A task that was cancelled and ended as if nothing had happened.

``asyncio.timeout`` and ``TaskGroup`` take a cancellation back with ``uncancel``; then it
counts no more. What is left was swallowed by an ``except`` on the way.
"""

from __future__ import annotations

from types import CoroutineType
from typing import TYPE_CHECKING

from asyncrepl.engine.frames import is_library, is_plumbing
from asyncrepl.engine.lives import coroutine
from asyncrepl.language.sightings import Sighting, sightings
from asyncrepl.language.suspects import Facts

if TYPE_CHECKING:
    import asyncio

__all__ = ["see_swallowed"]


def see_swallowed(task: asyncio.Task[object]) -> None:
    """See that `task`, whose slice has just ended, has swallowed its cancellation."""
    coro = coroutine(task)
    if type(coro) is not CoroutineType:
        return
    code = coro.cr_code
    if not is_plumbing(code.co_filename) and not is_library(code.co_filename):
        sightings.add(Sighting("swallowed", Facts(CoroutineType, code), code, 0))
