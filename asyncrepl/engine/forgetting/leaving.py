"""Where things die: the user's code that runs just then."""

from __future__ import annotations

import sys
from types import AsyncGeneratorType, CoroutineType
from typing import TYPE_CHECKING, Any

from asyncrepl.engine.frames import is_library, is_plumbing
from asyncrepl.language.sightings import sighting_at
from asyncrepl.language.suspects import Facts

if TYPE_CHECKING:
    from types import FrameType

    from asyncrepl.language.sightings import Sighting

__all__ = ["dropped", "left", "user_frame"]


def dropped(coroutine: CoroutineType[Any, Any, Any]) -> Sighting:
    """The sighting of `coroutine`, which is dying and never ran."""
    return sighting_at("dropped", Facts(CoroutineType, coroutine.cr_code), user_frame())


def left(generator: Any) -> Sighting:
    """The sighting of an async generator that is dying at a ``yield``."""
    frame = generator.ag_frame
    line = 0 if frame is None else frame.f_lineno or 0
    return sighting_at("left", Facts(AsyncGeneratorType, generator.ag_code), user_frame(), line)


def user_frame() -> FrameType | None:
    """The innermost frame of the user's that runs in this thread."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  the documented way
    while frame is not None and _is_foreign(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


def _is_foreign(filename: str) -> bool:
    return is_plumbing(filename) or is_library(filename)
