"""Pausing what runs on a loop, and letting it go on by single steps.

Two ways to stand still. *Paused*, the clock is frozen: timers wait, what needs no timer
runs to its end. *At a step*, which a walk has just come to, the thread stands as well
(see `asyncrepl.engine.standing`), so that also a source that never suspends can
be walked round by round.
"""

from __future__ import annotations

from collections import deque
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
        self._stand = loop.live.stand = loop.live.stand or Stand(loop)
        #: The steps that were asked for; the first of them is under way.
        self._steps: deque[Callable[[], object]] = deque()

    def post(self, action: Callable[[], object]) -> None:
        """Have `action` called in the loop's thread, also while that stands; from any thread."""
        self._stand.post(action)

    def pause(self) -> None:
        """Let time stand still from now on; steps that are not done are forgotten."""
        clock = self._loop.live.clock
        if self.mode == "off":
            self._frozen = clock.frozen
        if self.mode != "step":
            self.mode = "paused"
        self._steps = deque()
        clock.freeze()

    def go_on(self) -> None:
        """Let time run on as before the pause; does nothing where nothing is paused."""
        if self.mode != "off":
            self.pause()
            self._leave("off")
            if not self._frozen:
                self._loop.live.clock.thaw()

    # -- steps: one after the other, however quickly they are asked for ------------------

    def next_timer(self, done: Callable[[Stepped], object]) -> None:
        """Let time pass up to the next timer, and what comes of it happen; then call `done`."""
        self._ask(lambda: self._to_timer(done))

    def next_anext(self, begins: Callable[[], object]) -> None:
        """Let all go on until a walk asks for its next value (see `reached`).

        `begins` is called first, if it does not go on from such a step. If it returns False,
        all stays as it is.
        """
        self._ask(lambda: self._to_anext(begins))

    def reached(self) -> None:
        """A walk has asked for its next value: stand still, if that was waited for."""
        if self.mode != "anext":
            return
        self._loop.live.clock.freeze()
        self.mode = "step"
        self._done()
        if self.mode == "step":
            self._stand_here()

    def _stand_here(self) -> None:
        try:
            self._stand.here()
        except BaseException:  # a Ctrl-C: what cleans up now may need time
            self.go_on()
            raise
        if self.mode == "step":  # left because something else is to happen
            self.mode = "paused"

    def _ask(self, step: Callable[[], object]) -> None:
        if self.mode == "off":
            self.pause()
        self._steps.append(step)
        if len(self._steps) == 1:
            step()

    def _done(self) -> None:
        self._steps.popleft()
        if self._steps:
            self._steps[0]()

    def _to_timer(self, done: Callable[[Stepped], object]) -> None:
        self._leave("paused")
        steps = self._steps

        def stepped(step: Stepped) -> None:
            done(step)
            self._done()

        step_timers(self._loop, 1, stepped, given_up=lambda: self._steps is not steps)

    def _to_anext(self, begins: Callable[[], object]) -> None:
        if self.mode != "step" and begins() is False:
            self._done()
            return
        self._leave("anext")
        self._loop.live.clock.thaw()

    def _leave(self, mode: Mode) -> None:
        self.mode = mode
        self._stand.leave()
