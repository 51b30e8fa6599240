"""A transcript's session without a terminal: for the check, an export, a replay into a pipe.

`Player` plays input after input. A Ctrl-C comes from the user who started it, not from the
transcript: it ends the player. The transcript's own come from `#: key` and never through a signal.

`HangDetector` notices that a statement will never end. It is a thread, because a statement may
hold the loop (``while True: pass``), and because a loop that waits for nothing can't notice it
itself. A virtual clock makes the commonest case certain: nothing ready, no timer to come,
nothing outside awaited and no thread of the user's alive means that nothing can ever happen
again. That is reported at once. Everything else needs a limit of real time.

`run_transcript` runs all of it and keeps what each input prints. Garbage is collected between
statements and at no other time: what is reported when an object dies (a coroutine never awaited,
an exception never retrieved) would else come wherever the collector happened to run.
"""

from __future__ import annotations

import asyncio
import gc
import math
import signal
import sys
import threading
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import partial
from itertools import chain, zip_longest
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from asyncrepl.engine.loop.interrupts import Interrupter
from asyncrepl.engine.loop.loop_clock import Clock
from asyncrepl.engine.loop.loop_runner import keep_running
from asyncrepl.engine.loop.timers import TimerTies
from asyncrepl.engine.tasks.task_records import current_task
from asyncrepl.events.instrument import Instrument
from asyncrepl.runtime.process import release_collector
from asyncrepl.session.frontend import Console
from asyncrepl.session.input_run import Status, run_input
from asyncrepl.session.shell import open_shell
from asyncrepl.transcript.transcript_output import OutputCapture, TeeStream, output_captured
from asyncrepl.views.explanation_lines import load_rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from asyncrepl.engine.loop.live_loop import LiveLoop
    from asyncrepl.engine.loop.timers import TimerTie
    from asyncrepl.session.shell import Shell
    from asyncrepl.transcript.grammar import Input, Transcript

#: Real seconds between two looks.
POLL_INTERVAL = 0.05


class TimeLimits(NamedTuple):
    """Real seconds a statement may take: while nothing happens, and in all."""

    quiet: float = 10.0
    total: float = 60.0


class HangDetector(Instrument):
    """Watches the statements on one loop from a thread of its own.

    If, between `begin` and `end`, the statement will not end, `reason` says why
    and `hung` is called on the loop's thread. A statement that holds the loop gets
    a SIGINT first, so that the loop can run again and call `hung`.

    It wakes no loop that goes on by itself, however slowly: the record of a run has each callback.
    """

    def __init__(self, loop: LiveLoop, hung: Callable[[], object], limits: TimeLimits) -> None:
        self.reason: str | None = None
        self._loop = loop
        self._hung = hung
        self._limits = limits
        self._over = threading.Event()
        self._began: float | None = None
        self._may_be_idle = True
        #: The iteration behind which the loop waits for the outside alone.
        self._waits_after = -1
        self._suspicions = 0
        self._last_activity = (-1, 0.0)
        self._own_wakeups = 0
        self._thread = threading.Thread(target=self._poll, name="asyncrepl watch", daemon=True)
        self._thread.start()
        self._threads = threading.active_count()
        loop.live.instruments.add(self)

    def begin(self) -> None:
        """A statement starts."""
        self.reason, self._suspicions = None, 0
        self._began = monotonic()

    def end(self) -> None:
        """The statement is done."""
        self._began = None

    def close(self) -> None:
        """End the watch and its thread."""
        self._loop.live.instruments.remove(self)
        self._over.set()
        self._thread.join()

    def loop_waits(self) -> None:
        """Note that nothing but the outside ends the wait that begins."""
        self._waits_after = self._loop.live.loop_iteration.number

    def _poll(self) -> None:
        while not self._over.wait(POLL_INTERVAL):
            began = self._began
            if began is not None and self.reason is None:
                self._look(began)

    def _look(self, began: float) -> None:
        now, current = monotonic(), self._loop.live.loop_iteration
        busy = current.busy or self._loop.live.stands_by
        rests = self._waits_after == current.number or self._loop.live.clock.frozen
        number = current.number - self._own_wakeups
        if number != self._last_activity[0] or self._last_activity[1] < began:
            self._last_activity, self._may_be_idle, self._suspicions = (number, now), True, 0
        elif self._may_be_idle and rests and not busy:
            self._own_wakeups += 1
            self._loop.call_soon_threadsafe(self._check_idle, current.number + 1)
        quiet = now - self._last_activity[1]
        if now - began > self._limits.total:
            self._give_up(f"it still runs after {self._limits.total:g} s", busy=busy)
        elif quiet > self._limits.quiet and (busy or self._loop.deadline() == math.inf):
            self._give_up(f"nothing has happened for {self._limits.quiet:g} s", busy=busy)

    def _check_idle(self, number: int) -> None:
        """See whether anything is still to come, in the loop iteration that only we have caused.

        Twice: other callbacks may have come with ours, and not yet run.
        """
        if self._loop.live.loop_iteration.number != number:
            return
        threads = threading.active_count() > self._threads
        self._may_be_idle = self._loop.deadline() == math.inf and not self._loop.outside()
        self._suspicions += self._may_be_idle and not threads
        if self._suspicions > 1:
            self._report_hang("nothing is left that could wake it")

    def _give_up(self, reason: str, *, busy: bool) -> None:
        self._loop.call_soon_threadsafe(self._report_hang, reason)
        if busy:
            self.reason = reason
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    def _report_hang(self, reason: str) -> None:
        if self._began is not None:
            self.reason = reason
            self._hung()


class HungError(Exception):
    """A statement that will not end; its text is the reason."""


class Player:
    """Runs inputs one after the other on a shell; in the thread that runs its loop."""

    def __init__(self, shell: Shell, limits: TimeLimits | None) -> None:
        #: For callers that look at what was run.
        self.shell = shell
        self._loop = shell.loop
        self._interrupter = Interrupter(shell.loop, shell, lambda: None)
        self._watch = None if limits is None else HangDetector(shell.loop, shell.loop.stop, limits)
        #: Whether a Ctrl-C is none of this player's business.
        self.ignores_sigint = False
        self._ctrl_c = False
        #: The task that a Ctrl-C has reached.
        self._interrupted_task: asyncio.Task[Any] | None = None
        self._status: Status | None = None

    def play(self, entry: Input) -> Status:
        """Run `entry`; how it ended.

        Raises HungError if the watch gave it up, KeyboardInterrupt for a real Ctrl-C.
        """
        self._status = None
        run = partial(run_input, self.shell, interrupt_after=entry.interrupt_after)
        self._loop.call_soon(run, entry.text, self._done)
        if self._watch is not None:
            self._watch.begin()
        try:
            leaving = keep_running(
                self._loop,
                self._interrupter,
                self._ended,
                self._show_interrupt,
                self.shell.outcomes.report_lost,
            )
            if leaving is not None:
                self._status = Status("exit", self.shell.outcomes.exit_code(leaving))
        finally:
            if self._watch is not None:
                self._watch.end()
        reached, self._interrupted_task = self._interrupted_task, None
        if type(reached) is asyncio.Task and reached.done() and not reached.cancelled():
            reached.exception()  # it is known: asyncio need not log it
        if self._ctrl_c:
            raise KeyboardInterrupt
        if self._reason is not None:
            raise HungError(self._reason)
        assert self._status is not None
        return self._status

    def set_pace(self, pace: float) -> None:
        """Let the user's clock run at `pace`; a real clock can't run at an infinite one."""
        clock = self._loop.live.clock
        if clock.mode == "virtual" or pace < math.inf:
            clock.pace = pace

    def close(self) -> None:
        """End the watch; the shell is closed by who opened it."""
        if self._watch is not None:
            self._watch.close()

    def on_sigint(self, _signum: int, _frame: FrameType | None) -> None:
        """Take SIGINT: a statement given up by the watch, or the user's Ctrl-C."""
        if self._reason is None and self.ignores_sigint:
            return
        self._ctrl_c = self._reason is None
        self._interrupted_task = current_task(self._loop)
        raise KeyboardInterrupt

    @property
    def _reason(self) -> str | None:
        return None if self._watch is None else self._watch.reason

    def _done(self, status: Status) -> None:
        self._status = status
        self._loop.stop()

    def _ended(self) -> bool:
        return self._status is not None or self._ctrl_c or self._reason is not None

    def _show_interrupt(self, line: str) -> None:
        """A KeyboardInterrupt that user code raised in the background."""
        if not self._ended():
            self.shell.console.complain([("error", line)])


@contextmanager
def open_player(
    transcript: Transcript,
    console: Console,
    pace: float,
    limits: TimeLimits | None = None,
    ties: TimerTies | None = None,
) -> Iterator[Player]:
    """A player in a fresh session on the clock that `transcript` asks for, held.

    The session writes on `console`. `pace` is the clock's (see `Player.set_pace`). `limits` say
    when a statement is given up; None means never. `ties` takes note of timers that tie, if
    the clock is virtual.
    """
    clock = Clock.virtual() if transcript.clock == "virtual" else Clock.real()
    if clock.mode == "virtual":
        clock.ties = ties
    clock.hold()
    with open_shell(console, clock=clock) as shell:
        shell.sleeps.wanted = lambda: True
        shell.observing.want("demo")  # from the start: any of its statements may look back
        player = Player(shell, limits)
        player.set_pace(pace)
        try:
            with (
                _sigint_handled(player),
                redirect_stdout(TeeStream(sys.stdout, shell.printed)),
                redirect_stderr(TeeStream(sys.stderr, shell.tape.write)),
            ):
                yield player
        finally:
            player.close()


@contextmanager
def _sigint_handled(player: Player) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers, and gets signals
        return
    previous = signal.signal(signal.SIGINT, player.on_sigint)
    player.ignores_sigint = previous is signal.SIG_IGN
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


class TranscriptRun(NamedTuple):
    """What came of the inputs that were run to their end, one after the other.

    `outputs` are the lines each printed, `ties` the timers that tied during each.
    `trouble` says in a line why not all were run, None if all were; `outside` whether
    anything outside the program was waited for.
    """

    outputs: tuple[tuple[str, ...], ...]
    ties: tuple[tuple[TimerTie, ...], ...]
    trouble: str | None
    outside: bool

    def same_as(self, other: TranscriptRun) -> bool:
        """Whether the same was printed by all of the same inputs."""
        return (self.outputs, self.trouble) == (other.outputs, other.trouble)

    def has_lines_of(self, other: TranscriptRun) -> bool:
        """Whether both printed the same lines, in whatever order."""
        return sorted(chain(*self.outputs)) == sorted(chain(*other.outputs))

    def first_difference(self, other: TranscriptRun) -> int:
        """The index of the first input that printed something else, or of the first not run."""
        pairs = zip_longest(self.outputs, other.outputs)
        differing = (at for at, (one, two) in enumerate(pairs) if one != two)
        return next(differing, len(self.outputs))


def run_transcript(
    transcript: Transcript, limits: TimeLimits, *, youngest_first: bool = False
) -> TranscriptRun:
    """Run `transcript` in a fresh session, to its end or to the first input that hangs.

    `limits` say what hangs; `youngest_first` is as in `TimerTies`. Called where no loop runs.
    """
    capture, ties = OutputCapture(), TimerTies(youngest_first=youngest_first)
    with (
        garbage_collected_by_hand(),
        output_captured(capture),
        open_player(transcript, Console(capture), math.inf, limits, ties) as player,
    ):
        return _run_inputs(transcript, player, capture, ties)


def _run_inputs(
    transcript: Transcript, player: Player, capture: OutputCapture, ties: TimerTies
) -> TranscriptRun:
    if any("Error" in line for entry in transcript.inputs for line in entry.expected):
        load_rules()  # now: what is loaded is not looked at by each collection then
    gc.freeze()
    outputs: list[tuple[str, ...]] = []
    tied: list[tuple[TimerTie, ...]] = []
    trouble = None
    entries = transcript.inputs
    for entry in entries:
        where = f"{transcript.filename}:{entry.line}"
        try:
            status = player.play(entry)
        except HungError as reason:
            trouble = f"{where}: hangs: {reason}"
            break
        gc.collect()
        outputs.append(capture.take())
        tied.append(ties.take())
        if status.kind == "exit" and entry is not entries[-1]:
            trouble = f"{where}: ends the session; what comes after it was not run"
            break
    return TranscriptRun(tuple(outputs), tuple(tied), trouble, ties.outside)


@contextmanager
def garbage_collected_by_hand() -> Iterator[None]:
    """Within the block garbage is collected only where somebody asks, and then quickly."""
    release_collector()
    enabled, frozen = gc.isenabled(), gc.get_freeze_count()
    gc.disable()
    gc.freeze()  # what the program itself has made need not be looked at each time
    try:
        yield
    finally:
        if not frozen:
            gc.unfreeze()
        if enabled:
            gc.enable()
