"""How a program that is explained is seen to go on for ever, and ended."""

from __future__ import annotations

import contextlib
import os
import signal
from threading import Event, get_ident
from time import sleep
from typing import TYPE_CHECKING

from asyncrepl.engine.loop.hidden_threads import HiddenThread
from asyncrepl.engine.loop.loop_runner import EndsSessionError
from asyncrepl.engine.tasks.await_graph import FEW_TASKS, await_graph
from asyncrepl.engine.tasks.recurrence import Recurrence
from asyncrepl.engine.tasks.task_records import all_tasks
from asyncrepl.events.instrument import Instrument

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.engine.blocking.blocking_watchdog import BlockingWatchdog
    from asyncrepl.engine.loop.live_loop import LiveLoop
    from asyncrepl.engine.tasks.await_graph import AwaitNode
    from asyncrepl.events import Blocked, BlockingReport
    from asyncrepl.session.mistake_reporter import SilentMistakeReporter
    from asyncrepl.session.shell import Shell

#: What runs for so many seconds in one go, while others could, is ended.
_PATIENCE = 5.0
#: So often it is asked, in seconds; so many times make up `_PATIENCE`, and so many are enough for
#: what is known to go on for ever. So often it is looked, each time, if all is as it was.
_TICK, TICKS, _SURE, _LOOKS = 0.5, 10, 5, 8
#: So many seconds are between the attempts to end it.
_AGAIN = 0.2


class _BlockedOthers(Instrument):
    """Has what blocks the loop while others could run explained as a mistake."""

    def __init__(self, mistakes: SilentMistakeReporter) -> None:
        self._mistakes = mistakes

    def blocking_report(self, report: BlockingReport) -> None:
        """Note the last time."""
        self.note(report.last)

    def note(self, found: Blocked) -> None:
        """Have `found` explained, if others could have run and it is known where it was."""
        if found.others and found.filename:
            milliseconds = round(1000 * found.seconds)
            self._mistakes.note_blocked(found.filename, found.line, milliseconds)


class LastWaits:
    """Where the tasks of a program waited last: what there is to say of it if nothing else is.

    To look at each of many tasks would take longer than what they do.
    """

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        #: Those that wait as it runs, and those that a loop of its own has left at its end.
        self.now: list[AwaitNode] = []
        self.left: list[AwaitNode] = []

    def note(self) -> None:
        """Look now; on the loop's thread."""
        self.now = self._waiting()

    def note_end(self) -> None:
        """A loop has run to its end."""
        self.left += self._waiting()

    def _waiting(self) -> list[AwaitNode]:
        loop, names = self._shell.loop, self._shell.session.namespace
        with contextlib.suppress(Exception):  # whatever it is, the program goes on
            nodes = await_graph(loop, names) if len(all_tasks(loop)) <= FEW_TASKS else ()
            return [each for each in nodes if each.function and each.state == "waiting"]
        return []


class EndlessRun:
    """What tells that a program would never end; for the thread that asks every `_TICK`.

    Times are counted in ticks: while the whole machine stands still, nobody asks.
    """

    def __init__(self, shell: Shell, watchdog: BlockingWatchdog, waits: LastWaits) -> None:
        #: What has kept others waiting for too long.
        self.blocked: list[Blocked] = []
        self._shell, self._watchdog, self._waits = shell, watchdog, waits
        self._asleep: int | None = None
        #: How often a loop was seen to go on for ever for what has ended.
        self._endless = 0
        #: How often tasks were seen to go on, though they were cancelled: by ``id``.
        self._survived: dict[int, int] = {}
        #: How often in a row the loop was seen to wait for a job of its pool that has no end.
        self._joined = 0
        self._recurrence = Recurrence(shell.loop)

    def is_to_end(self) -> bool:
        """Look once, and tell what there is; whether the program is to be ended now."""
        self._tell_overslept()
        self._tell_survivors()
        found, log = self._watchdog.current, self._shell.loop.live.findings
        # Else this would wake it, or be what the code that holds it keeps waiting.
        if self._endless <= _SURE and found is None and not self._sleeps():
            with contextlib.suppress(RuntimeError):  # it is closed by now
                self._shell.loop.call_soon_threadsafe(self._look_for_end, _LOOKS)
        holds = found is not None and found.seconds > _PATIENCE
        if holds and found is not None and found.others and not self.blocked:
            self.blocked.append(found)
        self._endless += log.waits.endless
        joins = self._shell.loop.live.outside.joins_for_ever(self._shell.loop)
        self._joined = self._joined + 1 if joins else 0
        told = self._shell.first is not None and max(self._survived.values(), default=0) > TICKS
        sure = max(self._endless, self._joined) > _SURE
        return bool(self.blocked) or told or sure or (holds and self._is_behind())

    def _is_behind(self) -> bool:
        """Whether a mistake was seen that the code which holds the loop keeps from being told."""
        for each in self._shell.loop.live.findings.pending:
            certain = each.what == "dropped"
            if certain or (
                each.what == "walked" and self._shell.mistake_reporter.explanation_of(each)
            ):
                return True
        return False

    def _look_for_end(self, times: int) -> None:
        """Look in `times` iterations of the loop."""
        if times == _LOOKS:
            self._waits.note()
        if self._shell.mistake_reporter.goes_on_for_ever(self._recurrence):
            self._endless = _SURE + 1
        elif times == _LOOKS or (times > 1 and self._recurrence.is_near):
            self._shell.loop.call_soon(self._look_for_end, times - 1)

    def _tell_overslept(self) -> None:
        before, self._asleep = self._asleep, _overslept(self._shell.loop)
        if self._asleep is not None and self._asleep == before:
            self._shell.mistake_reporter.loop_sleeps_on()

    def _sleeps(self) -> bool:
        sleep(_TICK / 50)  # it may have been found between two rounds
        return self._asleep is not None and _overslept(self._shell.loop) == self._asleep

    def _tell_survivors(self) -> None:
        asked = [id(each) for each in all_tasks(self._shell.loop) if each.cancelling()]
        self._survived = {each: self._survived.get(each, 0) + 1 for each in asked}
        if late := {each for each, times in self._survived.items() if times == TICKS}:
            self._shell.mistake_reporter.note_survivors(late)


@contextlib.contextmanager
def watched_for_end(shell: Shell) -> Iterator[LastWaits]:
    """See what blocks the loop while others could run, wherever that is.

    What has kept them waiting for `_PATIENCE` seconds is taken to do so for ever, and ended; so is
    what has run into a mistake by then that keeps it from its end.
    """
    from asyncrepl.engine.blocking.blocking_watchdog import BlockingWatchdog

    noted, instruments = _BlockedOthers(shell.mistake_reporter), shell.loop.live.instruments
    watchdog, waits = BlockingWatchdog(shell.loop), LastWaits(shell)
    limit = _Limit(shell, EndlessRun(shell, watchdog, waits), noted)
    # An exception for another thread is raised by what that runs next: its signal handler.
    urgent = signal.signal(signal.SIGURG, lambda *_: None)
    instruments.add(noted)
    watchdog.start()
    limit.start()
    _watches.extend((watchdog, limit))
    shell.loop.live.findings.ending = waits.note_end
    shell.outcomes.ended = limit.close  # else it would end what tells how the program ended
    try:
        yield waits
    finally:
        shell.loop.live.findings.ending = shell.outcomes.ended = bool
        _watches.clear()
        limit.close()
        for blocks in watchdog.look_last():
            noted.note(blocks.last)
        watchdog.close()
        signal.signal(signal.SIGURG, urgent or signal.SIG_DFL)
        instruments.remove(noted)


class _Limit:
    """Asks in a thread of its own whether the program is to be ended, and ends it."""

    def __init__(self, shell: Shell, run: EndlessRun, noted: _BlockedOthers) -> None:
        self._run, self._noted = run, noted
        self._findings = shell.loop.live.findings
        self._main, self._ends = get_ident(), False
        self._over = Event()
        self._thread: HiddenThread | None = None

    def start(self) -> None:
        """Ask from now on."""
        self._over.clear()
        self._thread = HiddenThread(self._wait, "asyncrepl limit")
        self._thread.start()

    def close(self) -> None:
        """Ask no more."""
        self._over.set()

    def pause(self) -> None:
        """Ask no more, and wait for the end of the thread; `start` goes on."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _wait(self) -> None:
        while not self._ends and not self._over.wait(_TICK):
            if self._run.is_to_end():
                for found in self._run.blocked:
                    self._noted.note(found)
                # What is undone now comes of the end.
                self._findings.closed = self._ends = not self._over.is_set()
        # Again and again: a finalizer, or the program, may have taken the last one.
        while self._ends and not self._over.wait(_AGAIN):
            _raise_in(self._main)


#: What watches the program. Python warns of a fork where there are other threads than the one that
#: forks, and a suite may have it fail: so there are none of ours then.
_watches: list[BlockingWatchdog | _Limit] = []
os.register_at_fork(
    before=lambda: [each.pause() for each in _watches],
    after_in_parent=lambda: [each.start() for each in _watches],
    after_in_child=_watches.clear,
)


def _raise_in(thread: int) -> None:
    """End what the thread with this number runs, though it may wait for a lock."""
    import ctypes

    raised = ctypes.py_object(ProgramEndedError)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), raised)
    signal.pthread_kill(thread, signal.SIGURG)


def _overslept(loop: LiveLoop) -> int | None:
    """The number of the iteration before which `loop` waits, if it has something to run."""
    iteration = loop.live.loop_iteration
    waits = loop.is_running() and not iteration.busy and loop._ready  # noqa: SLF001
    return iteration.number if waits else None


def end_waiting() -> None:
    """End the program, on its loop: what it waits for never comes."""
    raise ProgramEndedError


class ProgramEndedError(EndsSessionError):
    """The program waits for what never comes; out of the loop, where no task can catch it."""
