"""Telling of mistakes that raise nothing: quietly, once, and only what is certain.

What the probes, the loop and the interpreter saw is noted where it happens, in the middle
of user code. Here it is explained as an error would be, when that code has given the
loop back: after what it printed, and before the next input.
"""

from __future__ import annotations

import builtins
import threading
import weakref
from asyncio import current_task
from contextlib import contextmanager
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from asyncrepl.engine.lives import ending
from asyncrepl.engine.traces import short_name
from asyncrepl.language.sightings import Sighting, sightings
from asyncrepl.language.suspects import describe
from asyncrepl.views.explanations import changed_line, explanation_lines

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator
    from types import CodeType

    from asyncrepl.commands.shell import Shell
    from asyncrepl.engine.session import Outcome
    from asyncrepl.explain.explanation import Explanation
    from asyncrepl.views.styled import Line

    #: What to do where no rule explains the sighting.
    Otherwise = Callable[[], object]

__all__ = ["Remarks"]

#: What follows from another thing that was told of the same statement.
_CONSEQUENCES, _CAUSES = {"starved", "hogged"}, {"blocks", "hogged"}
_TURNS = 2


class Remarks:
    """What one shell has to say of mistakes that raised nothing."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._said: set[str] = set()
        self._turn = 0
        self._told: set[tuple[str, str]] = set()
        #: The corrections that were told: all the texts of each, with their names.
        self._fixes: set[frozenset[tuple[str, str]]] = set()
        #: The files and lines of which it was told that they block the loop.
        self._blocking: set[tuple[str, int]] = set()
        #: The code of the coroutines that were said to be forgotten in this statement.
        self._forgotten: set[CodeType | None] = set()
        #: The tasks in which something was seen that is not looked at yet.
        self._seen_in: list[weakref.ref[asyncio.Task[Any]]] = []
        self._waiting = False
        #: The ``id`` of the task that was found stuck.
        self._idled = 0
        #: Whether a StopIteration has come out of a thread, for which somebody waits in vain.
        self.stopped = False
        #: Whether nothing is told: somebody tells the first of all in the end.
        self.silent = False
        #: Called when what runs in the foreground waits for ever, and that was told.
        self.stuck: Callable[[], object] = _nothing
        self._otherwise: dict[tuple[str, CodeType, int], Otherwise] = {}

    @contextmanager
    def active(self) -> Iterator[None]:
        """Hear what is seen."""
        before = sightings.heard, sightings.sleep
        sightings.heard, sightings.sleep = self._heard, self._shell.sleeps.stand_in
        sightings.clear()
        selector = self._shell.loop.live.selector
        selector.idle = self._idle
        try:
            yield
        finally:
            self.look()
            selector.idle = None
            sightings.heard, sightings.sleep = before

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
        self._shell.noticing.account(error)
        told = self._is_told(found)
        self._shell.first = None  # it is more than what was noticed before
        lines = self.said(found)
        return [] if told else lines

    def began(self) -> None:
        """A statement begins."""
        self._turn = self._shell.loop.live.turn.number
        self._said.clear()
        self._blocking.clear()
        self._forgotten.clear()
        self.stopped = False
        sightings.never_ran = 0

    def ended(self, outcome: Outcome, *, silently: bool) -> None:
        """A statement is over: tell what was seen of it, and the tasks it left behind."""
        self._idled = 0
        sightings.look_back()
        self.look(silently=silently)
        # It is started in one turn, runs in the next, and is reported in the one after.
        at_once = self._shell.loop.live.turn.number - self._turn <= _TURNS
        if at_once and outcome.error is None and sightings.never_ran:
            code = _empty(outcome.source.filename)
            self.see(Sighting("unsuspended", describe(None), code, 0))
            self.look()
        last = vars(builtins).get("_")
        if type(last) is CoroutineType and last.cr_code in self._forgotten:
            self._shell.noticing.explained.add(last)  # one more, that dies later

    def keep(self, sighting: Sighting) -> None:
        """Explain `sighting`, which is told in another way, when ``:why`` asks."""
        found = self._explanation(sighting)
        if found is not None:
            self.said(found)

    def look(self, *, silently: bool = False) -> None:
        """Tell what was seen since the last look; `silently` where an error tells it better."""
        self._waiting = False
        for sighting in sightings.take():
            otherwise = self._otherwise.pop(sighting.key, None)
            if silently or (sighting.what in _CONSEQUENCES and self._said & _CAUSES):
                continue
            self._list(sighting)
            found = self._explanation(sighting)
            if found is not None:
                self._said.add(sighting.what)
                self._forgotten.add(sighting.facts.code)
                if sighting.what in _CAUSES and sighting.place is not None:
                    self._blocking.add((sighting.code.co_filename, sighting.place.lineno))
                if not self._is_told(found):
                    self._shell.console.complain(*self.said(found, self._place(found, sighting)))
            elif otherwise is not None:
                otherwise()

    def asked(self) -> Explanation | None:
        """What might be a mistake in what ran last, for somebody who asks; if nothing else is."""
        for sighting in sightings.doubtful():
            if (found := self._explanation(sighting)) is not None:
                return found
        return None

    def blocked(self, filename: str, line: int, milliseconds: int) -> None:
        """The code there has held the loop for so long, and others could have run."""
        if not self.tells_of(filename, line):
            code, made = _empty(filename), (filename, line)
            self.see(Sighting("blocked", describe(None), code, 0, milliseconds, made))
            self.look()

    def note(self, found: Explanation) -> None:
        """`found` is told: it is not told a second time."""
        self._told.add((found.id, found.why))
        if found.fix is not None:
            self._fixes.add(frozenset(found.fix.texts.items()))

    def _is_told(self, found: Explanation) -> bool:
        """Whether it was told; what is put right by the very same correction is one mistake."""
        same = found.fix is not None and frozenset(found.fix.texts.items()) in self._fixes
        return same or (found.id, found.why) in self._told

    def tells_of(self, filename: str, line: int) -> bool:
        """Whether it was said in this statement that it blocks the loop on this line."""
        return (filename, line) in self._blocking

    def forget(self) -> None:
        """Tell again what was told."""
        self._told.clear()
        self._fixes.clear()
        sightings.clear()

    def _heard(self) -> None:
        """Look as soon as the code that runs gives the loop back."""
        loop = self._shell.loop
        if loop.is_closed():
            return
        if not loop.is_running():
            if not self._shell.alone:  # else the program's end, or its loop, is near
                self.look()
            return
        here = threading.get_ident() == getattr(loop, "_thread_id", None)
        if here and (task := current_task(loop)) is not None:
            self._seen_in.append(weakref.ref(task))
        if self._waiting:
            return
        self._waiting = True
        if here:
            loop.call_soon(self._look_soon)
        else:
            loop.call_soon_threadsafe(self._look_soon)

    def _look_soon(self) -> None:
        task = self._shell.task
        if task is not None and task.done():
            return  # its end is to be told first
        seen_in, self._seen_in = self._seen_in, []
        if any(_has_failed(ref()) for ref in seen_in):
            self._waiting = False  # so is an error that is on its way through other tasks
            return
        self.look()

    def _idle(self) -> None:
        """Ask whether what runs in the foreground waits for ever, as the loop is about to wait."""
        task = self._foreground()
        if task is None or id(task) == self._idled:
            return
        from asyncrepl.engine.awaiting.stuck import nothing_wakes, waits_for_ever

        if nothing_wakes(self._shell.loop):
            self._idled = id(task)
            self._waiting = True  # nobody but us is going to look
            if (seen := waits_for_ever(task)) is not None:
                self.see(seen._replace(what="stopped" if self.stopped else seen.what))
            self.look()
            self.stuck()

    def _foreground(self) -> asyncio.Task[Any] | None:
        """The task whose end is waited for; of a program on its own, the first it has made."""
        shell = self._shell
        if not shell.alone:
            return shell.task
        from asyncrepl.engine.awaiting.waiting import in_order
        from asyncrepl.engine.lives import all_tasks

        return next(iter(in_order(all_tasks(shell.loop))), None)

    def _explanation(self, sighting: Sighting) -> Explanation | None:
        from asyncrepl.explain.evidence import gather_seen
        from asyncrepl.explain.explaining import explain

        session = self._shell.session
        return explain(gather_seen(sighting, session.sources, session.namespace))

    def _list(self, sighting: Sighting) -> None:
        """Enter what was lost into the list of what was forgotten."""
        if sighting.what == "lost":
            from asyncrepl.engine.forgetting.leaks import never_walked

            if (leak := never_walked(sighting)) is not None:
                self._shell.noticing.leaks.note(leak, quietly=True)

    def _place(self, found: Explanation, sighting: Sighting) -> str:
        """Where it is, unless that is the one line just typed."""
        sources, typed = self._shell.session.sources, self._shell.source
        filename, line = sighting.code.co_filename, 1
        if sighting.place is not None:
            line = sighting.place.lineno
        if found.fix is not None:
            filename, line = found.fix.filename, changed_line(found.fix, sources)
        if typed is not None and typed.filename == filename and len(typed.lines) == 1:
            return ""
        return f"{short_name(filename)}:{line}"

    def said(self, found: Explanation, place: str = "") -> list[Line]:
        """The lines that tell `found`; it is not told a second time, and ``:why`` knows it."""
        self.note(found)
        shell = self._shell
        shell.explanation = found
        if self.silent:
            return []
        return explanation_lines(found, shell.session.sources, shell.console.width, place)


def _has_failed(task: asyncio.Task[Any] | None) -> bool:
    """Whether `task` is over and has raised something."""
    return task is not None and task.done() and ending(task) == "error"


def _nothing() -> None:
    """Let it wait: somebody may press Ctrl-C."""


def _empty(filename: str) -> CodeType:
    """A code object that stands for the whole text `filename`."""
    return compile("", filename, "exec", dont_inherit=True)
