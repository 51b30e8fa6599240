"""What was seen of a mistake that raises nothing, for those who explain it.

Like the notes in `suspects`, a sighting holds facts and no object: the thing dies as it
would have died. It is made where user code runs, perhaps in a finalizer, so no more is
done there than to note it; whoever listens looks at it later. Each place is reported
once for each kind of mistake, so a loop that repeats one says so once.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from asyncrepl.language.suspects import Facts, Place, describe, place_at

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType

__all__ = ["Sighting", "Sightings", "sightings"]


class Sighting(NamedTuple):
    """`what` was seen of an object, at an instruction of `code`.

    - "lost": an async generator that was not begun, or the awaitable of a step, was
      made where nobody can walk or await it;
    - "shown": such a thing, or a coroutine, was printed;
    - "exhausted": a loop began to walk an async generator that is over;
    - "walked": a loop walks an instance of a class whose ``__anext__`` looks wrong;
    - "blocks": ``time.sleep`` was called in a coroutine;
    - "dropped": a coroutine died before it ran. `code` and `offset` are where it died.
    """

    what: str
    facts: Facts
    code: CodeType
    offset: int

    @property
    def key(self) -> tuple[str, CodeType, int]:
        """What makes it another one than those seen before."""
        return self.what, self.code, self.offset

    @property
    def place(self) -> Place | None:
        """The source span of the instruction."""
        return place_at(self.code, self.offset)


class Sightings:
    """The last few sightings, until they are taken; written by any thread."""

    def __init__(self) -> None:
        self._new: deque[Sighting] = deque(maxlen=16)
        self._known: set[tuple[str, CodeType, int]] = set()
        #: Called, in the middle of user code, when there is something to take.
        self.heard: Callable[[], object] | None = None

    def see(self, what: str, obj: object, frame: FrameType) -> None:
        """Note that `what` was seen of `obj` where `frame` is."""
        key = what, frame.f_code, frame.f_lasti
        if key not in self._known:
            self.add(Sighting(what, describe(obj), frame.f_code, frame.f_lasti))

    def add(self, sighting: Sighting) -> None:
        """Note `sighting`, unless the like was seen there before."""
        if sighting.key in self._known or self.heard is None:
            return
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known.add(sighting.key)
        self._new.append(sighting)
        self.heard()

    def take(self) -> list[Sighting]:
        """Those that are new since the last time, oldest first."""
        taken = []
        while self._new:
            taken.append(self._new.popleft())
        return taken

    def clear(self) -> None:
        """Forget everything: what is seen again is reported again."""
        self._new.clear()
        self._known.clear()


#: So many places are remembered before all are forgotten.
_REMEMBERED = 256

#: The one list, as for `suspects`: probes have nobody to ask for another.
sightings = Sightings()
