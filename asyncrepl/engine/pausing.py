"""Pausing what runs on a loop, and letting it go on by single steps.

Two ways to stand still. *Paused*, the clock is frozen: timers wait, what needs no timer
runs to its end. *At a step*, which a walk has just come to, the thread stands as well
(see `asyncrepl.engine.standing`), so that also a source that never suspends can
be walked round by round.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from asyncrepl.engine.standing import Stand
from asyncrepl.engine.stepping import Stepped, step_timers

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.engine.loop import LiveLoop

__all__ = ["Mode", "Pausing"]

#: "off": nothing is paused. "paused": time stands still. "anext": it goes on to the next
#: ``__anext__``. "step": that is reached, and all stands still.
Mode = Literal["off", "paused", "anext", "step"]


class Pausing:
    """Pauses `loop`; for its thread, except `post` and reading `mode`.

    A pause freezes the clock; afterwards that is frozen if it was so before.
    """

    def __init__(self, loop: LiveLoop) -> None:
        self.mode: Mode = "off"
        self._loop = loop
        self._frozen = False
        #: How many steps from timer to timer were asked for and are not done.
        self._owed = 0
        self._attempt = object()
        self._stand = loop.live.stand = loop.live.stand or Stand(loop)

    def post(self, action: Callable[[], object]) -> None:
        """Have `action` called in the loop's thread, also while that stands; from any thread."""
        self._stand.post(action)

    def pause(self) -> None:
        """Let time stand still from now on, also where it went on to a step."""
        clock = self._loop.live.clock
        if self.mode == "off":
            self._frozen = clock.frozen
        if self.mode != "step":
            self.mode = "paused"
        clock.freeze()

    def next_timer(self, then: Callable[[Stepped], object]) -> None:
        """Let time pass up to the next timer, and what comes of it happen; then call `then`.

        Asked for again meanwhile, it is done again, not at the same time. `then` is not
        called if something else comes between.
        """
        self.pause()
        if self.mode == "step":
            self._leave("paused")
        self._owed += 1
        if self._owed == 1:
            self._step(then)

    def _step(self, then: Callable[[Stepped], object]) -> None:
        def done(stepped: Stepped) -> None:
            self._owed -= 1
            then(stepped)
            if self._owed:
                self._step(then)

        attempt = self._attempt = object()
        step_timers(self._loop, 1, done, given_up=lambda: self._attempt is not attempt)

    def next_anext(self) -> None:
        """Let all go on until a walk asks for its next value (see `reached`)."""
        self.pause()
        self._leave("anext")
        self._loop.live.clock.thaw()

    def reached(self) -> None:
        """A walk has asked for its next value: stand still, if that was waited for."""
        if self.mode != "anext":
            return
        self._loop.live.clock.freeze()
        self.mode = "step"
        try:
            self._stand.here()
        finally:
            if self.mode == "step":  # left for a Ctrl-C, or because the session ends
                self.mode = "paused"

    def go_on(self) -> None:
        """Let time run on as before the pause; does nothing where nothing is paused."""
        if self.mode != "off":
            self._leave("off")
            clock = self._loop.live.clock
            (clock.freeze if self._frozen else clock.thaw)()

    def _leave(self, mode: Mode) -> None:
        self.mode, self._owed, self._attempt = mode, 0, object()
        self._stand.leave()
