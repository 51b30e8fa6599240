"""Telling the six steps while they happen: from the tracer's events to the console."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from asyncrepl.commands.shell import Shell
    from asyncrepl.engine.session import Outcome
    from asyncrepl.engine.walks.tracing import Tracer
    from asyncrepl.events.walks import WalkEvent
    from asyncrepl.views.styled import Line

__all__ = ["Narrator"]


class Narrator:
    """Narrates the walks of one shell, all of them or those of one statement."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        #: The instant (ns) since which times are told.
        self.since = 0
        self._following = False
        self._tracer: Tracer | None = None
        self._lines: Callable[..., list[Line]]
        #: Whether all walks are told.
        self.on = False
        #: Whether anything was told of the statement that was typed last.
        self.told_some = False
        self._aloud = True

    def turn(self, *, on: bool) -> None:
        """Tell all walks from now on, or none."""
        self.on = on
        if on:
            self._start(None)
        else:
            self._stop()

    def listen(self) -> None:
        """Judge all walks from now on, and narrate none."""
        self._aloud = False
        self.turn(on=True)

    def tell_of(self, task: asyncio.Task[None]) -> None:
        """Tell the walks of `task`, and of the tasks it makes; if not all are told."""
        if not self.on:
            self._start(task)
            self.began()  # the first time, importing has taken some

    def told(self) -> None:
        """The task is over."""
        if not self.on:
            self._stop()

    def follow(self, task: asyncio.Task[None], asked: Callable[[], object]) -> list[bool]:
        """Tell the walks of `task` round by round; of those under way, whether they are told.

        `asked` is called at each step 2.
        """
        if self._tracer is None or not self._tracer.on:
            self._start(task)
            self._following = True
        assert self._tracer is not None
        self._tracer.asked = asked
        return self._tracer.join()

    def relax(self) -> None:
        """Sum up rounds again, and call nobody."""
        if self._tracer is not None:
            self._tracer.relax()

    def unfollow(self) -> None:
        """What was followed is over."""
        self.relax()
        if self._following:
            self._following = False
            self._stop()

    def began(self) -> None:
        """A statement begins: times are told since now."""
        self.told_some = False
        self.since = self._shell.loop.live.clock.time_ns()

    def ended(self, outcome: Outcome) -> None:
        """The statement is over."""
        if self._tracer is not None:
            self._tracer.finish(outcome.error)

    def _start(self, task: asyncio.Task[None] | None) -> None:
        if self._tracer is None:
            # Not at start-up, and not at the first event: that would count as its time.
            from asyncrepl.engine.walks.tracing import Tracer
            from asyncrepl.views.narration import narration

            # The marks in builtins keep the tracer: the shell must not live as long.
            tell = weakref.WeakMethod(self._tell)

            def told(event: WalkEvent) -> None:
                if (method := tell()) is not None:
                    method(event)

            self._tracer, self._lines = Tracer(self._shell.loop, told), narration
        self._tracer.start(self._shell.observing.want("trace"), task)

    def _stop(self) -> None:
        if self._tracer is not None:
            self._tracer.stop()
        self._shell.observing.drop("trace")

    def _tell(self, event: WalkEvent) -> None:
        if not self._aloud:
            return
        self.told_some = True
        shell, foreground = self._shell, self._shell.task
        name = "" if foreground is None else foreground.get_name()
        shell.console.show(*self._lines(event, self.since, shell.console.width, name))
