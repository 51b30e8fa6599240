"""Pausing what runs on a loop, and letting it go on by single steps.

Two ways to stand still. *Paused*, the clock is held: timers wait, what needs no timer
runs to its end. *At a step*, which a walk has just come to, the thread stands as well
(see `asyncrepl.engine.standing`), so that also a source that never suspends can
be walked round by round.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from asyncrepl.engine.standing import Stand

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.engine.loop import LiveLoop

__all__ = ["Mode", "Stepper"]

#: "off": nothing is paused. "paused": time stands still. "anext": it goes on to the next
#: ``__anext__``. "step": that is reached, and all stands still.
Mode = Literal["off", "paused", "anext", "step"]


class Stepper:
    """Pauses `loop`; for its thread, except `post` and reading `mode`.

    Ending a pause leaves the clock held if it was held before.
    """

    def __init__(self, loop: LiveLoop) -> None:
        self.mode: Mode = "off"
        self._loop = loop
        self._held = False
        self._stand = loop.live.stand = loop.live.stand or Stand(loop)

    def post(self, action: Callable[[], object]) -> None:
        """Have `action` called in the loop's thread, also while that stands; from any thread."""
        self._stand.post(action)

    def pause(self) -> None:
        """Let time stand still from now on; also while it goes on to a step."""
        clock = self._loop.live.clock
        if self.mode == "off":
            self._held = clock.held
        if self.mode != "step":
            self.mode = "paused"
        clock.hold()

    def next_timer(self, then: Callable[[bool], object]) -> None:
        """Let time pass up to the next timer, and what comes of it happen; then `then`.

        It is told whether there was a timer.
        """
        self.pause()
        self._leave("paused")
        self._loop.when_settled(lambda: self._fire(then))

    def _fire(self, then: Callable[[bool], object]) -> None:
        raise NotImplementedError

    def next_anext(self) -> None:
        """Let all go on until a walk asks for its next value (see `reached`)."""
        self.pause()
        self._leave("anext")
        self._loop.live.clock.release()

    def reached(self) -> None:
        """A walk has asked for its next value: stand still, if that was waited for."""
        if self.mode == "anext":
            self._loop.live.clock.hold()
            self.mode = "step"
            try:
                self._stand.here()
            finally:
                if self.mode == "step":  # left by a Ctrl-C, or because the session ends
                    self.mode = "paused"

    def go_on(self) -> None:
        """Let time run on as before the pause; does nothing where nothing is paused."""
        if self.mode != "off":
            self._leave("off")
            if not self._held:
                self._loop.live.clock.release()

    def _leave(self, mode: Mode) -> None:
        self.mode = mode
        self._stand.leave()
