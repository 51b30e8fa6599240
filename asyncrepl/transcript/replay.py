"""A replay: a transcript typed out live, at a human pace, that the presenter can hold.

`Replay` decides what comes when; a `ReplayTarget` does it. The target is the terminal, so nothing
here knows prompt_toolkit, and the flow is tested without one.

The user's clock is held while the target types and runs only while a statement runs. So at any
typing speed the statements interleave as the check verified.

Typing has a rhythm. Evenly spaced keys look like a machine, and random ones differ at each
showing. So it is drawn from a generator seeded with the text: irregular, and the same every
time. Keys come fast inside a word, slower after a space, slower still after punctuation, and a
new line is thought about.

Holding a replay, three designs that do not work:

- *finishing the line that is being typed.* The presenter has pressed Ctrl-C to
  say something now. The line is dropped, and typed again later.
- *holding in the middle of a statement.* It would have to be interrupted, and
  the rest of the demo would show something else than the check verified; or
  frozen, and then the presenter couldn't run anything either. It ends first. A
  Ctrl-C during it goes to the statement, as always.
- *one flag for "held" and "one step".* A step asked for while a statement still
  runs is lost. The statements that may run though held are counted instead.

A replay where nobody can see typing: into a pipe, a file, a dumb terminal.

What comes out reads like the transcript: narration, prompts and inputs, and
between them the output, as the session gives it. Errors are part of the picture:
they go to the same stream. Of rows that are drawn again and again, a progress bar or a
table, the last state comes out; what else would move a terminal's cursor is spelled out.
"""

from __future__ import annotations

import asyncio
import io
import random
import zlib
from contextlib import redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Any, Protocol, cast

from asyncrepl.session.frontend import Console
from asyncrepl.session.input_run import Status
from asyncrepl.transcript.grammar import Blank, Directive, Input, Narration, Prose
from asyncrepl.transcript.transcript_run import open_player
from asyncrepl.views.live_rows import LiveRows
from asyncrepl.views.screen_cells import EscapeFilter
from asyncrepl.views.styled_lines import plain, text_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from typing import TextIO

    from asyncrepl.transcript.grammar import Entry, Transcript
    from asyncrepl.views.styled_lines import Line

#: Seconds before a key inside a word; about 200 characters a minute, as one types code.
KEY_DELAY = 0.055
#: How much longer the key after such a character takes.
DELAY_FACTORS = dict.fromkeys(",;:()[]{}=.\"'", 2.2) | {" ": 1.4, "\n": 6.0}
#: Seconds before the first key.
FIRST_KEY_DELAY = 0.5
#: Seconds in which people see what a statement printed.
PAUSE_AFTER_STATEMENT = 0.7


def key_delays(text: str, speed: float = 1.0) -> list[float]:
    """Seconds before each character of `text` and before the Enter after it.

    The list is one longer than `text`. Infinite `speed` makes all of them 0.
    """
    chance = random.Random(zlib.crc32(text.encode("utf-8", "surrogatepass")))
    even = (KEY_DELAY * DELAY_FACTORS.get(character, 1.0) for character in text)
    return [pause * chance.uniform(0.6, 1.5) / speed for pause in (FIRST_KEY_DELAY, *even)]


def reading_time(text: str, speed: float = 1.0) -> float:
    """Seconds in which people read `text`, about 20 characters a second; divided by `speed`."""
    return (0.6 + len(text) / 20) / speed


class ReplayTarget(Protocol):
    """Where a replay is shown; all methods are called on the UI thread's loop.

    When the presenter holds the replay, a `type` or `key` under way is cancelled; `run` never is.
    As long as the replay lasts the user's clock is held, so what the presenter types goes through
    `run_input` too. Afterwards it is the target that releases the clock.
    """

    async def narrate(self, lines: Sequence[str]) -> None:
        """Show lines of narration, dimmed, above the prompt."""

    async def type(self, text: str, delays: Sequence[float]) -> None:
        """Type `text` as keys, `delays[i]` seconds before the i-th; leave it at the prompt.

        The last delay is that before Enter, which `run` presses. Keys must not indent by
        themselves: `text` has its own indentation. If cancelled, empty the input line.
        """

    async def run(self, text: str, interrupt_after: float | None) -> bool:
        """Press Enter: submit `text`, return when it is done; False if the session ends.

        To be done with `run_input` on the user's loop, which moves the user's
        clock just that long. `interrupt_after` is `Shell.submit`'s.
        """

    def set_pace(self, pace: float) -> None:
        """Let the user's clock run `pace` seconds in a real one; infinite: jump to timers."""

    async def key(self) -> None:
        """Wait until the presenter presses a key, which is not typed."""

    def hand_over(self, *, to_presenter: bool) -> None:
        """Give the prompt to the presenter, or take it for the replay; may be said twice."""


class Replay:
    """Plays one transcript on one target, once.

    `play` runs on the UI thread's loop. `pause`, `resume`, `step` and `stop` may be
    called from any thread and return at once: they are what the commands of these
    names and Ctrl-C call. `speed` divides all delays and the pace of the user's
    clock goes with it; infinite is no delay. Without `pauses`, `#: pause` is passed. What
    comes last stays for a while before the end, if it `lingers`; else the prompt is the
    presenter's at once. What is to be read stays `patience` times as long as usual.
    """

    def __init__(
        self,
        transcript: Transcript,
        target: ReplayTarget,
        *,
        speed: float = 1.0,
        pauses: bool = True,
        lingers: bool = True,
        patience: float = 1.0,
    ) -> None:
        self.transcript = transcript
        self._target = target
        self._speed = speed
        self._pauses = pauses
        self._lingers = lingers
        self._patience = patience
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Event()
        self._shown_task: asyncio.Task[None] | None = None
        self._held = False
        self._allowed = 0
        #: Whether the replay is over: played to its end, or stopped.
        self.stopped = False
        self._pausing = True

    @property
    def paused(self) -> bool:
        """Whether the replay is held, or will be when the running statement ends."""
        return self._held and not self._allowed and not self.stopped

    def pause(self) -> None:
        """Hold the replay: at once while it types, else when the statement is done."""
        self._schedule_change(held=True)

    def resume(self) -> None:
        """Go on; what was being typed is typed again."""
        self._schedule_change(held=False)

    def step(self) -> None:
        """Go on to the end of the next statement, then hold. Two steps are two statements."""
        self._schedule_change(held=True, allow=1)

    def stop(self) -> None:
        """End the replay where `pause` would hold it."""
        self._schedule_change(held=False, stop=True)

    async def play(self) -> None:
        """Play the transcript; returns at its end, after `stop`, or when the session ends."""
        self._loop = asyncio.get_running_loop()
        self._target.set_pace(self._speed)
        try:
            entries = self.transcript.entries
            shown = [entry for entry in entries if not isinstance(entry, Blank | Prose)]
            for entry in shown:
                await self._wait_while_held()
                if self.stopped:
                    return
                self._pausing = self._lingers or entry is not shown[-1]
                await self._play_entry(entry)
        finally:
            self.stopped = True
            self._target.hand_over(to_presenter=True)

    async def _play_entry(self, entry: Entry) -> None:
        match entry:
            case Narration(text=text) | Directive(name="title", value=text):
                await self._target.narrate(text.split("\n"))
                await self._let_pass(reading_time(text, self._speed))
            case Directive(name="pause") if self._pauses:
                await self._unless_held(self._target.key)
            case Directive(name="rate", meaning=float(rate)):
                self._target.set_pace(rate * self._speed)
            case Input():
                await self._play_input(entry)

    async def _play_input(self, entry: Input) -> None:
        rhythm = key_delays(entry.text, self._speed)
        while not await self._unless_held(lambda: self._target.type(entry.text, rhythm)):
            await self._wait_while_held()
            if self.stopped:
                return
        goes_on = await self._target.run(entry.text, entry.interrupt_after)
        self._allowed = max(self._allowed - 1, 0)
        self.stopped |= not goes_on
        await self._let_pass(PAUSE_AFTER_STATEMENT / self._speed)

    async def _let_pass(self, seconds: float) -> None:
        if self._pausing:
            await self._unless_held(lambda: asyncio.sleep(seconds * self._patience))

    async def _wait_while_held(self) -> None:
        """Take the prompt; while the replay is held, leave it to the presenter."""
        if self.paused:
            self._target.hand_over(to_presenter=True)
        while self.paused:
            self._changed.clear()
            await self._changed.wait()
        if not self.stopped:
            self._target.hand_over(to_presenter=False)

    async def _unless_held(self, work: Callable[[], Coroutine[Any, Any, None]]) -> bool:
        """Do `work`, but cancel it once the replay is held; whether it was done."""
        if self.paused or self.stopped:
            return False
        task = self._shown_task = asyncio.ensure_future(work())
        try:
            await task
        except asyncio.CancelledError:
            me = asyncio.current_task()
            if self._shown_task is task or (me is not None and me.cancelling()):
                raise
            return False
        self._shown_task = None
        return True

    def _schedule_change(self, *, held: bool, allow: int = 0, stop: bool = False) -> None:
        if self._loop is None:
            self._change(held, allow, stop)
        elif not self.stopped:
            self._loop.call_soon_threadsafe(self._change, held, allow, stop)

    def _change(self, held: bool, allow: int, stop: bool) -> None:
        self._allowed = self._allowed + allow if allow else 0
        self._held = held
        self.stopped |= stop
        self._changed.set()
        if self._shown_task is not None and (self.paused or self.stopped):
            self._shown_task.cancel()
            self._shown_task = None


def replay_plain(transcript: Transcript, console: Console, *, speed: float = 1.0) -> int:
    """Play `transcript` in a fresh session and write it to `console`; the exit status.

    The user's clock runs `speed` times as fast as real time (and as `#: rate` says);
    infinite is no delay. Nothing waits for typing, reading or a presenter. The status
    is 0, or that with which the transcript left the session. To be called in the main
    thread, where no loop runs; Ctrl-C raises KeyboardInterrupt.
    """
    out = _FinishedRowsStream(console.out)
    console = Console(cast("TextIO", out), color=console.color, ascii=console.ascii)
    status = Status()
    with (
        redirect_stdout(out),
        redirect_stderr(out),
        open_player(transcript, console, speed) as player,
    ):
        for entry in transcript.entries:
            console.show(*_entry_lines(entry))
            match entry:
                case Directive(name="rate", meaning=float(rate)):
                    player.set_pace(speed * rate)
                case Input():
                    status = player.play(entry)
            if status.kind == "exit":
                break
    out.show("")
    return status.exit_code


def _entry_lines(entry: Entry) -> list[Line]:
    match entry:
        case Blank():
            return [[]]
        case Narration(text=text):
            return [[("dim", f"# {line}".rstrip())] for line in text.split("\n")]
        case Directive(name="title", value=title):
            return [[("bold", f"# {title}")]]
        case Input(text=text):
            lines: list[Line] = [[("label", "... "), *line] for line in text_lines(text)]
            lines[0][0] = ("label", ">>> ")
            return [line if plain(line[1:]) else [("label", "...")] for line in lines]
    return []


class _FinishedRowsStream(io.TextIOBase):
    """Writes to `stream` what is finished of the rows that are written to it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._escapes, self._rows = EscapeFilter(), LiveRows()

    def write(self, text: str) -> int:
        """Write the lines that `text` completes."""
        self._rows.feed(self._escapes.feed(text))
        self._stream.write(self._rows.take()[1])
        return len(text)

    def show(self, text: str) -> None:
        """Write lines of the tool's own, which begin a row."""
        self._rows.feed(self._escapes.finish())
        self._stream.write(self._rows.take()[1] + self._rows.commit() + text)

    def flush(self) -> None:
        """Flush the stream."""
        self._stream.flush()

    def close(self) -> None:
        """Do nothing."""

    def fileno(self) -> int:
        """The stream's descriptor, which children inherit; raises OSError if it has none."""
        return self._stream.fileno()

    def writable(self) -> bool:
        """Say yes."""
        return True
