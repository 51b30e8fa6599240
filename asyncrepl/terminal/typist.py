"""What happens to typed text: accepted, dropped, kept for later.

The typist knows two states. At the prompt a text is typed; while it runs, the
XX right after Enter is not lost, whichever it still is, was tried with
every order of the steps: the text is handed over first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prompt_toolkit.keys import Keys

if TYPE_CHECKING:
    from collections.abc import Callable

    from prompt_toolkit.application import Application
    from prompt_toolkit.key_binding import KeyPress
    from prompt_toolkit.layout import Layout

    from asyncrepl.terminal.device import Modes
    from asyncrepl.terminal.editor import Editor
    from asyncrepl.terminal.frames import Panel
    from asyncrepl.terminal.painter import Painter
    from asyncrepl.terminal.scene import TailRow
    from asyncrepl.terminal.ui import Main
    from asyncrepl.terminal.watching import Watch

__all__ = ["Typist"]


class Typist:
    """The state of typing; everything here is for the terminal's thread."""

    app: Application[Any]
    layout: Layout
    tail_row: TailRow
    suspend: Callable[[], None]
    edit: Callable[[], None]

    def __init__(
        self,
        editor: Editor,
        painter: Painter,
        panel: Panel,
        modes: Modes,
        main: Main,
        watch: Watch,
    ) -> None:
        self.running = False
        self._editor = editor
        self._buffer = editor.buffer
        self._painter = painter
        self._panel = panel
        self._modes = modes
        self._main = main
        self._watch = watch
        self._waiting: list[KeyPress] = []
        self._offered = ""

    # -- keys (see asyncrepl.terminal.keys.Hands) -----------------------------------

    def accept(self) -> None:
        """Run the text of the buffer; an empty one is just echoed."""
        text = self._buffer.text
        if not text.strip():
            self._echo("")
            self._buffer.reset()
            return
        # Before Ctrl-C becomes a signal: the other way round, one that comes at once
        # finds nothing to interrupt.
        self._main.submit(text)
        self.begin(text)

    def drop(self) -> None:
        """Ctrl-C: interrupt who hogs the loop, else drop the line."""
        if self._watch.hogged():
            self._main.interrupt()
        elif self._buffer.text:
            text = self._buffer.text
            self._buffer.reset()
            self._echo(text + "^C")

    def interrupted(self) -> None:
        """A SIGINT from outside that found nothing running."""
        if not self.running:
            self.drop()

    def leave(self) -> None:
        """Ctrl-D."""
        self._become(running=True)
        self._echo("")
        self._main.leave(0)

    def clear(self) -> None:
        """Ctrl-L."""
        self.app.renderer.clear()

    def type_later(self, keys: list[KeyPress]) -> None:
        """Keep keys for the next prompt; a Ctrl-C read before it became a signal is one now."""
        for key in keys:
            if key.key == Keys.ControlC:
                self._main.interrupt()
            else:
                self._waiting.append(key)

    # -- statements ---------------------------------------------------------------

    def begin(self, text: str) -> None:
        """From now on `text` runs: it is history, and its echo stands in the scrollback."""
        self._remember(text.rstrip())
        self._become(running=True)
        self._panel.started()
        self._buffer.reset()
        self._echo(text)

    def done(self) -> None:
        """The statement has ended and all its output is queued: prompt again."""
        self._painter.drain()
        self._panel.ended()
        self._become(running=False)
        if self._offered:
            self._buffer.text, self._offered = self._offered, ""
            self._buffer.cursor_position = len(self._buffer.text)
        self._painter.redraw()
        self._type_waiting()

    def offer(self, text: str) -> None:
        """Put `text` on the next input line."""
        self._offered = text

    def take_line(self) -> str | None:
        """The plain line among the keys that wait, if Enter ended it; empty for Ctrl-D."""
        keys = [key.key for key in self._waiting]
        if keys[:1] == [Keys.ControlD]:
            del self._waiting[0]
            return ""
        if Keys.ControlM not in keys:
            return None
        end = keys.index(Keys.ControlM)
        if any(len(key) > 1 for key in keys[:end]):
            return None
        line, self._waiting = self._waiting[:end], self._waiting[end + 1 :]
        return "".join(key.data for key in line) + "\n"

    def set_modes(self) -> None:
        """Set the terminal's modes for the present state."""
        if self.running:
            self._modes.running()
        else:
            self._modes.prompt()

    def _remember(self, text: str) -> None:
        """Keep `text` for later sessions, and at once: the next thing may be kill -9."""
        entries = self._buffer.history.get_strings()
        if not entries or entries[-1] != text:
            self._buffer.history.append_string(text)

    def _become(self, *, running: bool) -> None:
        self.running = running
        self.set_modes()
        if running:
            self.layout.focus(self.tail_row.window)
        else:
            self.layout.focus(self._editor.window)

    def _type_waiting(self) -> None:
        keys, self._waiting = self._waiting, []
        if keys:
            self.app.key_processor.feed_multiple(keys)
            self.app.key_processor.process_keys()

    def _echo(self, text: str) -> None:
        self._painter.echo(self._editor.echo(text))
