"""Telling of mistakes that raise nothing: quietly, once, and only what is certain.

What the probes, the loop and the interpreter saw is noted where it happens, in the middle
of user code. Here it is explained as an error would be, when that code has given the
loop back: after what it printed, and before the next input.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from asyncrepl.language.sightings import sightings
from asyncrepl.views.explanations import explanation_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType

    from asyncrepl.commands.shell import Shell
    from asyncrepl.explain.explanation import Explanation
    from asyncrepl.language.sightings import Sighting
    from asyncrepl.views.styled import Line

    #: What to do where no rule explains the sighting.
    Otherwise = Callable[[], object]

__all__ = ["Remarks"]


class Remarks:
    """What one shell has to say of mistakes that raised nothing."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._told: set[tuple[str, str]] = set()
        self._waiting = False
        #: The ``id`` of the task that was found stuck.
        self._idled = 0
        self._otherwise: dict[tuple[str, CodeType, int], Otherwise] = {}

    @contextmanager
    def active(self) -> Iterator[None]:
        """Hear what is seen."""
        before, sightings.heard = sightings.heard, self._heard
        sightings.clear()
        selector = self._shell.loop.live.selector
        selector.idle = self._idle
        try:
            yield
        finally:
            self.look()
            selector.idle = None
            sightings.heard = before

    def see(self, sighting: Sighting, otherwise: Otherwise | None = None) -> None:
        """Note `sighting`; `otherwise` is called if nobody can explain it."""
        if otherwise is not None:
            self._otherwise[sighting.key] = otherwise
        sightings.add(sighting)

    def of_error(self, error: BaseException) -> list[Line]:
        """What explains an error that reached only the loop's exception handler."""
        from asyncrepl.commands.explaining import explain_error

        found = explain_error(self._shell.session, error)
        if found is None:
            return []
        self._shell.explanation = found
        return self._lines(found)

    def ended(self, *, silently: bool) -> None:
        """A statement is over: tell what was seen of it, and the tasks it left behind."""
        self._idled = 0
        sightings.look_for_tasks()
        self.look(silently=silently)

    def keep(self, sighting: Sighting) -> None:
        """Explain `sighting`, which is told in another way, when ``:why`` asks."""
        found = self._explanation(sighting)
        if found is not None:
            self._told.add((found.id, found.why))
            self._shell.explanation = found

    def look(self, *, silently: bool = False) -> None:
        """Tell what was seen since the last look; `silently` where an error tells it better."""
        self._waiting = False
        for sighting in sightings.take():
            otherwise = self._otherwise.pop(sighting.key, None)
            if silently:
                continue
            found = self._explanation(sighting)
            if found is not None:
                self._tell(found)
            elif otherwise is not None:
                otherwise()

    def asked(self) -> Explanation | None:
        """What might be a mistake in what ran last, for somebody who asks; if nothing else is."""
        for sighting in sightings.doubtful():
            if (found := self._explanation(sighting)) is not None:
                return found
        return None

    def forget(self) -> None:
        """Tell again what was told."""
        self._told.clear()
        sightings.clear()

    def _heard(self) -> None:
        """Look as soon as the code that runs gives the loop back."""
        loop = self._shell.loop
        if self._waiting or loop.is_closed():
            return
        self._waiting = True
        if threading.get_ident() == getattr(loop, "_thread_id", None):
            loop.call_soon(self.look)
        else:
            loop.call_soon_threadsafe(self.look)

    def _idle(self) -> None:
        """The loop waits for the outside alone; so does what runs in the foreground?"""
        task = self._shell.task
        if task is None or id(task) == self._idled:
            return
        from asyncrepl.engine.awaiting.stuck import nothing_wakes, waits_for_ever

        if nothing_wakes(self._shell.loop):
            self._idled = id(task)
            self._waiting = True  # nobody but us is going to look
            if (seen := waits_for_ever(task)) is not None:
                self.see(seen)
            self.look()

    def _explanation(self, sighting: Sighting) -> Explanation | None:
        from asyncrepl.explain.evidence import gather_seen
        from asyncrepl.explain.explaining import explain

        session = self._shell.session
        return explain(gather_seen(sighting, session.sources, session.namespace))

    def _tell(self, found: Explanation) -> None:
        if (found.id, found.why) not in self._told:
            self._told.add((found.id, found.why))
            self._shell.explanation = found
            self._shell.console.complain(*self._lines(found))

    def _lines(self, found: Explanation) -> list[Line]:
        shell = self._shell
        return explanation_lines(found, shell.session.sources, shell.console.width)
