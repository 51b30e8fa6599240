"""The terminal as commands see it: what they may ask of it; called on the main thread.

Replays in the terminal: a transcript typed out before an audience, one at a time.

See `Replay` in the package transcript for what comes when. Typing goes into the same buffer and
through the same way to the main thread as by hand. The text is inserted, not fed as keys: vi's
modes, completion and auto-indent would each make something else of it.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from prompt_toolkit.key_binding import KeyPress
from prompt_toolkit.keys import Keys

from asyncrepl.session.command_registry import CommandError
from asyncrepl.session.frontend import Frontend
from asyncrepl.views.styled_lines import cell_width, comment_rows, plain

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from types import TracebackType

    from asyncrepl.engine.loop.live_loop import LiveLoop
    from asyncrepl.session.command_registry import CompletionWords
    from asyncrepl.session.shell import Shell
    from asyncrepl.terminal.loop_bridge import LoopBridge
    from asyncrepl.terminal.terminal_lease import TerminalLease
    from asyncrepl.terminal.terminal_setup import ReplayPlan
    from asyncrepl.terminal.terminal_ui import TerminalUI
    from asyncrepl.transcript.replay import Replay
    from asyncrepl.views.styled_lines import Line


class TerminalFrontend(Frontend):
    """The terminal as commands see it."""

    def __init__(
        self,
        ui: TerminalUI,
        replays: ReplayControl,
        lease: TerminalLease,
        end_process: Callable[[], object],
    ) -> None:
        self._ui = ui
        self._lease = lease
        self._end_process = end_process
        self._replay_control = replays
        self._play: Callable[[str], None] = super().replay
        self._jobs_before: list[str] = []
        self._shell: Shell | None = None

    def connect(self, shell: Shell, play: Callable[[str], None]) -> None:
        """What is done is done to `shell`; `play` starts a replay."""
        self._shell, self._play = shell, play
        self._lease.alone = lambda: shell.runs_own_loop
        self._ui.audience.connect(shell)
        if self._ui.audience.on:
            self.show_audience(on=True)

    @property
    def lanes(self) -> bool:  # type: ignore[override]
        """Whether live lanes are drawn."""
        return self._ui.panel.on

    teaches = True

    @property
    def scripted(self) -> bool:  # type: ignore[override]
        """Whether a replay types, or is held."""
        return self._replay_control.playing

    def suggest(self, text: str) -> bool:
        """Offer `text` on the input line, to be accepted with a key."""
        return self._ui.call(lambda: self._ui.controller.suggest(text))

    @property
    def prompt_width(self) -> int:  # type: ignore[override]
        """The columns of the prompt, behind which a statement begins."""
        return self._ui.editor.prompt_width

    @property
    def value_rows(self) -> int:  # type: ignore[override]
        """The rows that a value may take: what was typed stays on the screen."""
        return max(self._ui.free_rows - 3, 5)

    def offer(self, text: str) -> bool:
        """Put `text` on the next input line, to be edited."""
        return self._ui.call(lambda: self._ui.controller.offer(text))

    def page(self, lines: Sequence[Line], *, newest_last: bool) -> Awaitable[None] | None:
        """Let the user read `lines` page by page, if the screen does not hold them."""
        if self._shell is None or self._replay_control.playing:
            return None
        columns = max(self._ui.columns, 1)
        rows = sum(max(-(-cell_width(plain(line)) // columns), 1) for line in lines)
        if rows <= self._ui.free_rows:
            return None
        return self._read(self._shell.loop, lines, newest_last=newest_last)

    async def _read(self, loop: LiveLoop, lines: Sequence[Line], *, newest_last: bool) -> None:
        read = asyncio.Event()

        def done() -> None:
            with suppress(RuntimeError):  # the loop is closed: the session is over
                loop.call_soon_threadsafe(read.set)

        clock, ui = loop.live.clock, self._ui
        held = clock.mode == "virtual"
        if held:  # it would jump from timer to timer for as long as somebody reads
            clock.hold()
        ui.call(lambda: ui.pager.open(lines, done, newest_last=newest_last))
        try:
            await read.wait()
        finally:
            ui.call(ui.pager.close)
            if held:
                clock.release()

    def observe(self) -> None:
        """Something runs: from now on it is recorded, if lanes are wanted."""
        if self.lanes and self._shell is not None:
            self._shell.observing.want("lanes")

    def show_lanes(self, *, on: bool) -> None:
        """Draw live lanes under the prompt, or stop drawing (and recording) them."""
        self._ui.panel.on = on
        if self._shell is not None:
            observing = self._shell.observing
            (observing.want if on else observing.drop)("lanes")

    @property
    def audience(self) -> bool:  # type: ignore[override]
        """Whether keys and steps are shown to those who watch."""
        return self._ui.audience.on

    def show_audience(self, *, on: bool) -> None:
        """Show keys and steps to those who watch, or do not."""
        self._ui.audience.on = on
        if self._shell is not None:
            self._shell.narrator.watch(on=on)

    def show_scripted_interrupt(self) -> None:
        """Show the key of a demo as one that is pressed."""
        self._ui.call(lambda: self._ui.audience.pressed([KeyPress(Keys.ControlC)]))

    @property
    def vi(self) -> bool:  # type: ignore[override]
        """Whether the keys are those of vi."""
        return self._ui.vi

    def use_vi(self, *, on: bool) -> None:
        """Edit with the keys of vi, or with those of Emacs."""
        self._ui.vi = on

    def show_color(self, *, on: bool) -> None:
        """Colour the prompt and what is under it."""
        self._ui.output.use_color(on=on)

    def show_step_keys(self) -> None:
        """Take keys as steps of what runs next, and show which they are."""
        self._ui.call(self._ui.pause_keys.begin)

    @contextmanager
    def terminal_lent(self) -> Iterator[bool]:
        """The block has the terminal; but in a demo, where its output is a part of the script."""
        if self._replay_control.playing:
            yield False
            return
        with self._lease.terminal(beside=True):
            yield True

    @property
    def debugs(self) -> bool:  # type: ignore[override]
        """Whether somebody is there who can be asked: not while a script types."""
        return not self._replay_control.playing

    def post_mortem(self, error: BaseException, entry: TracebackType) -> None:
        """Open pdb, with the terminal, in the frame of `entry`."""
        from asyncrepl.terminal.terminal_lease import debug_post_mortem

        debug_post_mortem(error, entry)

    def replay(self, name: str) -> None:
        """Begin to type the transcript `name`; one that is held ends."""
        if self._replay_control.playing and not self._replay_control.held:
            raise CommandError(f":replay {name}: another demo is being replayed")
        replaced = self.scripted
        self._play(name)
        if replaced:
            self._stop_jobs_since()
        if self._shell is not None:
            self._jobs_before = self._shell.jobs.names

    def control_replay(self, word: str) -> None:
        """Hold ("pause"), go on with ("resume"), "step" or "stop" the replay."""
        if not self.scripted:
            super().control_replay(word)
        self._replay_control.control(word)
        if word == "stop":
            self._stop_jobs_since()

    def _stop_jobs_since(self) -> None:
        """Stop what began while the replay was on: the demo would have stopped it later."""
        if self._shell is not None:
            stopped = self._shell.jobs.stop_all(besides=self._jobs_before)
            self._shell.console.show(*([("", f"{name} stopped")] for name in stopped))

    def end_process(self) -> None:
        """Restore the terminal, and end the process."""
        self._end_process()

    def history(self) -> list[str]:
        """The inputs so far, oldest first."""
        return list(self._ui.editor.buffer.history.get_strings())


def complete_command(shell: Shell, text: str) -> CompletionWords:
    """The words that may stand at the end of `text`, the beginning of a command."""
    name, space, rest = text.removeprefix(":").partition(" ")
    if not space:
        return {command.name: command.summary for command in shell.registry}
    command = shell.registry.get(name)
    return () if command is None else command.complete(shell, rest)


_WAITING_HINT = "press a key to go on"
_TYPING_HINT = "the demo goes on by itself; Ctrl-C pauses it"
_HELD_HINT = "demo held: :resume or :step goes on"

#: How much longer the pauses are where others watch.
_AUDIENCE_PATIENCE = 2.0
#: Seconds between two keys in which a screen would not be looked at.
_IMPERCEPTIBLE = 0.001


class TerminalReplayTarget:
    """Implements `asyncrepl.transcript.replay.ReplayTarget`; for the terminal's thread."""

    def __init__(self, ui: TerminalUI, bridge: LoopBridge, pause: Callable[[], None]) -> None:
        self._ui = ui
        self._controller, self._painter, self._hint = ui.controller, ui.painter, ui.panel.hint
        self._bridge = bridge
        self._pause = pause
        self._key: asyncio.Future[None] | None = None

    async def narrate(self, lines: Sequence[str]) -> None:
        """Show `lines` dimmed, as comments, after an empty line and all output so far."""
        self._painter.drain()
        rows = comment_rows(lines, self._ui.columns - 1)
        said = [("class:dim", f"{row}\n") for row in rows]
        self._painter.echo([("", "\n"), *said])

    async def type(self, text: str, delays: Sequence[float]) -> None:
        """Insert `text` character by character; empty the line again if cancelled."""
        buffer = self._controller.buffer
        try:
            for character, delay in zip(text, delays, strict=False):
                await _sleep(delay)
                buffer.insert_text(character, fire_event=False)
                if delay > _IMPERCEPTIBLE:
                    self._painter.redraw()
            self._painter.redraw()
            await _sleep(delays[-1])
        except asyncio.CancelledError:
            buffer.reset()
            self._painter.redraw()
            raise

    async def run(self, text: str, interrupt_after: float | None) -> bool:
        """Submit `text`; True when it is done, False when the session ends."""
        ended: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._controller.when_done = ended
        self._hint("")
        self._bridge.prepare()
        self._controller.begin(text, remember=False)
        self._bridge.run_scripted(text, interrupt_after)
        return await ended

    def set_pace(self, pace: float) -> None:
        """Let the user's clock run `pace` seconds in a real one."""
        self._bridge.set_pace(pace)

    async def key(self) -> None:
        """Wait for a key of the presenter."""
        self._key = asyncio.get_running_loop().create_future()
        self._hint(_WAITING_HINT)
        try:
            await self._key
        finally:
            self._key = None
            self._hint("")

    def hand_over(self, *, to_presenter: bool) -> None:
        """Let keys be typed, or only be looked at by the replay."""
        if not to_presenter and self._controller.key_listener is None:
            self._controller.forget()  # what came after the command that began or resumed
        self._controller.key_listener = None if to_presenter else self._pressed
        self._hint(_HELD_HINT if to_presenter else "")
        self._painter.redraw()

    def _pressed(self, key: KeyPress) -> None:
        if key.key == Keys.ControlC:
            self._pause()
        elif key.key == Keys.ControlD:
            self._controller.leave()
        elif self._key is not None:
            if not self._key.done():
                self._key.set_result(None)
        elif not self._controller.running:
            self._hint(_TYPING_HINT)


async def _sleep(seconds: float) -> None:
    """Sleep; but not at all for what nobody would see, so that a high speed is one."""
    if seconds > _IMPERCEPTIBLE:
        await asyncio.sleep(seconds)


class ReplayControl:
    """The replay that is played, if one is.

    `start` and `control` may be called from any thread.
    """

    def __init__(self, ui: TerminalUI, bridge: LoopBridge) -> None:
        self._ui = ui
        self._bridge = bridge
        self._replay: Replay | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def playing(self) -> bool:
        """Whether a replay is under way, also if it is held."""
        return self._replay is not None and not self._replay.stopped

    @property
    def held(self) -> bool:
        """Whether the presenter has the prompt, in the middle of a replay."""
        return self._replay is not None and self._replay.paused

    def start(self, plan: ReplayPlan, ended: Callable[[], None], *, lingers: bool) -> None:
        """Play `plan` when the prompt is free, then call `ended` in the terminal's thread.

        A replay that is under way ends; its own `ended` is not called, for this one takes its
        place. For `lingers` see `Replay`.
        """
        ui = self._ui
        target = TerminalReplayTarget(ui, self._bridge, lambda: self.control("pause"))
        from asyncrepl.transcript.replay import Replay

        before = self._replay
        self._replay = Replay(
            plan.transcript,
            target,
            speed=plan.speed,
            pauses=plan.pauses,
            lingers=lingers,
            patience=_AUDIENCE_PATIENCE if ui.audience.on else 1.0,
        )
        if before is not None:
            before.stop()
        ui.call(lambda: self._play(target, ended))

    def control(self, word: str) -> None:
        """Do what the command of this name does: pause, resume, step or stop."""
        if self._replay is not None:
            getattr(self._replay, word)()

    def _play(self, target: TerminalReplayTarget, ended: Callable[[], None]) -> None:
        # Before the prompt is free: a key pressed in between would be typed into the demo.
        target.hand_over(to_presenter=False)
        replay, before = self._replay, self._task
        assert replay is not None

        async def play() -> None:
            try:
                if before is not None and not before.done():
                    await asyncio.wait([before])
                    target.hand_over(to_presenter=False)  # at its end, that one gave it back
                await self._ui.controller.wait_until_idle()
                await replay.play()
            finally:
                self._ui.panel.hint("")
                if self._replay is replay:
                    ended()

        self._task = asyncio.get_running_loop().create_task(play())
