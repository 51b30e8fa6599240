"""The terminal as the stage of a replay: a transcript typed out before an audience.

See `asyncrepl.transcript.replay` for what comes when. Typing goes into the same
buffer and through the same way to the main thread as by hand. The text is
inserted, not fed as keys: vi's modes, completion and auto-indent would
each make something else of it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from prompt_toolkit.keys import Keys

from asyncrepl.views.styled import printable, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from prompt_toolkit.key_binding import KeyPress

    from asyncrepl.terminal.painter import Painter
    from asyncrepl.terminal.typist import Typist

__all__ = ["MainStage", "TerminalStage"]

_WAITING = "press a key to go on"
_TYPING = "the demo goes on by itself; Ctrl-C pauses it"
_HELD = "demo held: :resume goes on, :step"

#: Seconds between two keys in which a screen would not be looked at.
_UNSEEN = 0.001


class MainStage(Protocol):
    """What a replay asks of the main thread; each returns at once."""

    def prepare(self) -> None:
        """A text comes."""

    def perform(self, text: str, interrupt_after: float | None) -> None:
        """Run `text` while the user's clock is released; then call `Typist.done`."""

    def set_pace(self, pace: float) -> None:
        """Let the user's clock run at `pace`."""


class TerminalStage:
    """Implements `asyncrepl.transcript.replay.Stage`; for the terminal's thread."""

    def __init__(
        self,
        typist: Typist,
        painter: Painter,
        main: MainStage,
        pause: Callable[[], None],
        hint: Callable[[str], None],
        columns: Callable[[], int],
    ) -> None:
        self._typist = typist
        self._painter = painter
        self._main = main
        self._pause = pause
        self._hint = hint
        self._columns = columns
        self._key: asyncio.Future[None] | None = None

    async def narrate(self, lines: Sequence[str]) -> None:
        """Show `lines` dimmed, as comments, after an empty line and all output so far."""
        self._painter.drain()
        flowing = _fitting(lines, self._columns() - 3)
        said = [("class:dim", printable(f"# {line}".rstrip()) + "\n") for line in flowing]
        self._painter.echo([("", "\n"), *said])

    async def type(self, text: str, delays: Sequence[float]) -> None:
        """Insert `text` character by character; empty the line again if cancelled."""
        buffer = self._typist.buffer
        try:
            for character, delay in zip(text, delays, strict=False):
                await _pause(delay)
                buffer.insert_text(character, fire_event=False)
                if delay > _UNSEEN:
                    self._painter.redraw()
            self._painter.redraw()
            await _pause(delays[-1])
        except asyncio.CancelledError:
            buffer.reset()
            self._painter.redraw()
            raise

    async def run(self, text: str, interrupt_after: float | None) -> bool:
        """Submit `text`; True when it is done, False when the session ends."""
        ended: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._typist.when_done = ended
        self._hint("")
        self._main.prepare()
        self._typist.begin(text, remember=False)
        self._main.perform(text, interrupt_after)
        return await ended

    def set_pace(self, pace: float) -> None:
        """Let the user's clock run `pace` seconds in a real one."""
        self._main.set_pace(pace)

    async def key(self) -> None:
        """Wait for a key of the presenter."""
        self._key = asyncio.get_running_loop().create_future()
        self._hint(_WAITING)
        try:
            await self._key
        finally:
            self._key = None
            self._hint("")

    def hand_over(self, *, to_presenter: bool) -> None:
        """Let keys be typed, or only be looked at by the replay."""
        if not to_presenter and self._typist.audience is None:
            self._typist.forget()  # what came after the command that began or resumed
        self._typist.audience = None if to_presenter else self._pressed
        self._hint(_HELD if to_presenter else "")
        self._painter.redraw()

    def _pressed(self, key: KeyPress) -> None:
        if key.key == Keys.ControlC:
            self._pause()
        elif key.key == Keys.ControlD:
            self._typist.leave()
        elif self._key is not None:
            if not self._key.done():
                self._key.set_result(None)
        elif not self._typist.running:
            self._hint(_TYPING)


def _fitting(lines: Sequence[str], room: int) -> Sequence[str]:
    """`lines` as they are; or, where one is longer than `room`, their words in new lines."""
    fit = all(len(line) <= room for line in lines)
    return lines if fit else wrapped(" ".join(lines), room)


async def _pause(seconds: float) -> None:
    """Sleep; but not at all for what nobody would see, so that a high speed is one."""
    if seconds > _UNSEEN:
        await asyncio.sleep(seconds)
