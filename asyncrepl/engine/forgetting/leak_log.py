"""The leaks of a session: each recorded, and told once."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from asyncrepl.events.leaks import Leak

__all__ = ["Leaks"]


class Leaks:
    """The last `limit` leaks, oldest first; `told` is called with each new one, once.

    One leak is like another if all that is known of them is the same: a function that
    forgets the same thing each time it is called is told once.
    """

    def __init__(self, told: Callable[[Leak], object], limit: int = 100) -> None:
        self._told = told
        self._noted: deque[Leak] = deque(maxlen=limit)

    def note(self, leak: Leak, *, quietly: bool = False) -> None:
        """Record `leak` and tell it, unless that was done, or is done `quietly`; any thread."""
        if leak not in self._noted:
            self._noted.append(leak)
            if not quietly:
                self._told(leak)

    def clear(self) -> None:
        """Forget them all; what happens again is told again."""
        self._noted.clear()

    def __iter__(self) -> Iterator[Leak]:
        return iter(list(self._noted))

    def __len__(self) -> int:
        return len(self._noted)
