"""The leaks of a session: each recorded, told once, and listed as long as it is one.

What has died unawaited, unwalked, unretrieved cannot be put right any more. An async
generator can: once somebody has closed it or gone on to its end, it is no leak.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import weakref
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
        self._noted: deque[Leak] = deque()
        self._limit = limit
        #: The async generators that were left open, by what is known of them.
        self._open: dict[Leak, list[weakref.ref[Any]]] = {}

    def note(
        self, leak: Leak, *, quietly: bool = False, generator: weakref.ref[Any] | None = None
    ) -> None:
        """Record `leak` and tell it, unless that was done, or is done `quietly`; any thread.

        It is over when `generator`, if given, is closed or gone.
        """
        if generator is not None:
            self._open.setdefault(leak, []).append(generator)
        if leak not in self._noted:
            self._noted.append(leak)
            if len(self._noted) > self._limit:
                self._open.pop(self._noted.popleft(), None)
            if not quietly:
                self._told(leak)

    def clear(self) -> None:
        """Forget them all; what happens again is told again."""
        self._noted.clear()
        self._open.clear()

    def __iter__(self) -> Iterator[Leak]:
        """Those that are leaks still."""
        return iter([leak for leak in list(self._noted) if self._lasts(leak)])

    def __len__(self) -> int:
        return len(list(iter(self)))

    def _lasts(self, leak: Leak) -> bool:
        if leak not in self._open:
            return True
        self._open[leak] = [each for each in self._open[leak] if _is_open(each())]
        return bool(self._open[leak])


def _is_open(generator: Any) -> bool:
    return generator is not None and generator.ag_frame is not None
