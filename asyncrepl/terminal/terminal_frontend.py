"""The terminal as commands see it: what they may ask of it; called on the main thread."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from asyncrepl.session.command_registry import CommandError
from asyncrepl.session.frontend import Frontend
from asyncrepl.views.styled_lines import cell_width, plain

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from types import TracebackType

    from asyncrepl.engine.loop.live_loop import LiveLoop
    from asyncrepl.session.command_registry import CompletionWords
    from asyncrepl.session.shell import Shell
    from asyncrepl.terminal.terminal_lease import TerminalLease
    from asyncrepl.terminal.terminal_replay import ReplayControl
    from asyncrepl.terminal.terminal_ui import TerminalUI
    from asyncrepl.views.styled_lines import Line

__all__ = ["TerminalFrontend", "complete_command", "takes_python"]


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
        self._lease = lease
        self._shell: Shell | None = None

    def connect(self, shell: Shell, play: Callable[[str], None]) -> None:
        """Lanes show what `shell` observes, if they are wanted; `play` starts a replay."""
        self._shell, self._play = shell, play
        self.show_lanes(on=self._ui.panel.on)
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
        return self._ui.prompt_width

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
        read: Future[None] = loop.create_future()

        def end() -> None:
            if not read.done():
                read.set_result(None)

        def done() -> None:
            with suppress(RuntimeError):  # the loop is closed: the session is over
                loop.call_soon_threadsafe(end)

        clock, ui = loop.live.clock, self._ui
        held = clock.mode == "virtual"
        if held:  # it would jump from timer to timer for as long as somebody reads
            clock.hold()
        ui.call(lambda: ui.pager.open(lines, done, newest_last=newest_last))
        try:
            await read
        finally:
            ui.call(ui.pager.close)
            if held:
                clock.release()

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
        with self._lease.terminal():
            yield True

    @property
    def debugs(self) -> bool:  # type: ignore[override]
        """Whether somebody is there who can be asked: not while a script types."""
        return not self._replay_control.playing

    def post_mortem(self, error: BaseException, entry: TracebackType) -> None:
        """Open pdb, with the terminal, in the frame of `entry`."""
        from asyncrepl.terminal.library_hooks import debug_post_mortem

        debug_post_mortem(self._lease, error, entry)

    def replay(self, name: str) -> None:
        """Begin to type the transcript `name`; one that is held ends."""
        if self._replay_control.playing and not self._replay_control.held:
            raise CommandError(f":replay {name}: another demo is being replayed")
        self._play(name)

    def control_replay(self, word: str) -> None:
        """Hold ("pause"), go on with ("resume"), "step" or "stop" the replay."""
        if not self._replay_control.playing:
            super().control_replay(word)
        self._replay_control.control(word)

    def end_process(self) -> None:
        """Restore the terminal, and end the process."""
        self._end_process()

    def history(self) -> list[str]:
        """The inputs so far, oldest first."""
        return self._ui.history()


def complete_command(shell: Shell, text: str) -> CompletionWords:
    """The words that may stand at the end of `text`, the beginning of a command."""
    name, space, rest = text.removeprefix(":").partition(" ")
    if not space:
        return {command.name: command.summary for command in shell.registry}
    try:
        command = shell.registry.find(name)
    except CommandError:
        return ()
    return command.complete(shell, rest)


def takes_python(shell: Shell, name: str) -> bool:
    """Whether Python is typed behind the command `name`, or a beginning of it."""
    try:
        return shell.registry.find(name).takes_python
    except CommandError:
        return False
