"""How those tasks ended that keep their exception to themselves: a session's statements."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asyncrepl.events import Ending

__all__ = ["kept_to_themselves"]

#: By task; as asyncio sees it, each of these has simply returned.
kept_to_themselves: weakref.WeakKeyDictionary[Any, Ending] = weakref.WeakKeyDictionary()
