"""The terminal's thread: one Application for the whole session, on its own loop.

It reads keys and draws; it never runs a line of the user's code. What it asks of
the main thread goes through `Main`, each call of which only posts something;
what the main thread asks of it goes through `Ui.call`.

One Application, not a prompt for each statement: starting one costs a redraw, a
change of the terminal's modes and a race for the keys typed meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import threading
import time
from typing import TYPE_CHECKING, Protocol

from prompt_toolkit.application import Application
from prompt_toolkit.document import Document
from prompt_toolkit.enums import EditingMode

from asyncrepl.language.reading import is_complete
from asyncrepl.terminal.device import DeviceInput, DeviceOutput, Modes
from asyncrepl.terminal.external import edited
from asyncrepl.terminal.frames import Panel
from asyncrepl.terminal.keys import bindings
from asyncrepl.terminal.painter import Painter
from asyncrepl.terminal.scene import STYLE, TailRow, build_layout
from asyncrepl.terminal.size import size_of
from asyncrepl.terminal.typist import Typist

if TYPE_CHECKING:
    from collections.abc import Callable

    from prompt_toolkit.data_structures import Size
    from prompt_toolkit.key_binding import KeyPress

    from asyncrepl.settings import Settings
    from asyncrepl.terminal.descriptors import Descriptors
    from asyncrepl.terminal.editor import Editor
    from asyncrepl.terminal.output import OutputQueue
    from asyncrepl.terminal.watching import Watch

__all__ = ["Main", "Ui"]

_JUST = 0.5  # seconds
_BLOCKED_SIGNALS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD}


class Main(Protocol):
    """What the terminal asks of the main thread; each returns at once."""

    def submit(self, text: str) -> None:
        """Run `text`; then `Typist.done` is to be called."""

    def interrupt(self) -> None:
        """Ctrl-C at the prompt while a background task hogs the loop."""

    def leave(self, code: int) -> None:
        """End the session."""

    def gone(self) -> None:
        """The terminal is no more: end the session, if it has not ended."""


class Ui:
    """Everything of the terminal's thread; `start` it, `call` it, `join` it."""

    def __init__(
        self,
        queue: OutputQueue,
        descriptors: Descriptors,
        editor: Editor,
        settings: Settings,
        main: Main,
        watch: Watch,
    ) -> None:
        self._queue = queue
        self._descriptors = descriptors
        self._main = main
        self._stdin = os.fdopen(descriptors.terminal_in, "r", encoding="utf-8", closefd=False)
        self._stdout = os.fdopen(descriptors.terminal_out, "w", encoding="utf-8", closefd=False)
        self.modes = Modes(descriptors.terminal_in)
        self.output = DeviceOutput(self._stdout, self._size, self._leave_now)
        self.painter = Painter(queue, self.output)
        self.panel = Panel(watch, self._columns_and_rows, lanes=settings.lanes)
        self.typist = Typist(editor, self.painter, self.panel, self.modes, main, watch)
        self.typist.suspend, self.typist.edit = self.suspend, self.edit
        self.app = self._application(editor, settings)
        self.typist.app = self.app
        self.error: BaseException | None = None
        self._editor = editor
        self._loop = asyncio.SelectorEventLoop()
        self._loop.set_exception_handler(self._problem)
        self._thread = threading.Thread(target=self._run, name="asyncrepl-ui", daemon=True)
        self._away: contextlib.ExitStack | None = None
        self._known_size = self._size()
        self._back_at = 0.0

    def _application(self, editor: Editor, settings: Settings) -> Application[None]:
        tail = TailRow(self.painter.tail.text)
        layout = build_layout(
            tail,
            editor,
            lambda: self.panel.status,
            lambda: self.panel.lanes,
            running=lambda: self.typist.running,
            has_tail=lambda: bool(self.painter.tail),
        )
        self.typist.layout, self.typist.tail_row = layout, tail
        return Application(
            layout=layout,
            style=STYLE,
            key_bindings=bindings(self.typist, editor.buffer, is_complete),
            editing_mode=EditingMode.VI if settings.vi else EditingMode.EMACS,
            erase_when_done=True,
            input=DeviceInput(self._stdin, self.modes),
            output=self.output,
        )

    # -- called by the main thread ------------------------------------------------

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def call(self, action: Callable[[], object]) -> bool:
        """Have `action` called in the terminal's thread; False if there is none any more."""
        try:
            self._loop.call_soon_threadsafe(action)
        except RuntimeError:
            return False
        return self._thread.is_alive()

    def history(self) -> list[str]:
        """The inputs so far, oldest first."""
        return list(self._editor.buffer.history.get_strings())

    def abandon(self) -> None:
        """The process ends now: at least leave the terminal as it was found."""
        self.stop(0.5)

    def stop(self, patience: float = 3.0) -> None:
        """Draw what is left, leave the terminal as it was found, end the thread."""
        self.call(self._leave_now)
        self._thread.join(patience)
        self.modes.restore()

    # -- in the terminal's thread -------------------------------------------------

    def _run(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, _BLOCKED_SIGNALS)
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._session())
        except BaseException as error:  # noqa: BLE001 - whatever it is, the main thread must know
            self.error = error
        finally:
            self.modes.restore()
            self._loop.close()
            self._main.gone()

    async def _session(self) -> None:
        frames = self._loop.create_task(self.panel.animate(self.painter, self._look))
        self._loop.add_reader(self._descriptors.reader, self._children_wrote)
        try:
            with contextlib.suppress(EOFError):
                await self.app.run_async(
                    pre_run=self._begin, set_exception_handler=False, handle_sigint=False
                )
        finally:
            frames.cancel()
            self._loop.remove_reader(self._descriptors.reader)
            await self._loop.shutdown_default_executor()

    def _begin(self) -> None:
        self._loop.call_soon(lambda: self.painter.start(self.app, self._loop))
        self._loop.call_later(0.05, self._editor.lexer.load)

    def _leave_now(self) -> None:
        """End the Application; what is queued is drawn first."""
        if self._away is not None:
            self.take_back()
        with contextlib.suppress(Exception):
            self.painter.drain()
            self.painter.finish()
        if self.app.is_running and self.app.future is not None and not self.app.future.done():
            self.app.exit()

    def _problem(self, _loop: object, context: dict[str, object]) -> None:
        """A callback of this loop failed: remember the first, go on drawing."""
        error = context.get("exception")
        if self.error is None and isinstance(error, BaseException):
            self.error = error

    def _children_wrote(self) -> None:
        self.painter.drain()

    # -- size, frames -------------------------------------------------------------

    def _size(self) -> Size:
        return size_of(self._descriptors.terminal_out)

    def _columns_and_rows(self) -> tuple[int, int]:
        return self._known_size.columns, self._known_size.rows

    def resized(self) -> None:
        """Compare the size; a plain redraw would paint the old rows over the new."""
        size = self._size()
        if size != self._known_size:
            self._known_size = size
            self._descriptors.resize()
            if self._away is None:
                self.app._on_resize()  # noqa: SLF001 - no public way to say it

    def _look(self) -> None:
        self.resized()
        if self._away is None:
            self.painter.drain()

    # -- lending ------------------------------------------------------------------

    def lend(self, *, hold: bool = False) -> None:
        """Take everything off the screen and leave the terminal to somebody else.

        What is printed meanwhile is written as it comes, or with `hold` kept.
        """
        if self._away is not None:
            return
        self.painter.drain()
        self._away = contextlib.ExitStack()
        with self.output.held():
            self.app.renderer.erase()
            self.output.write_raw(self.painter.commit())
        # Keeps the Application from drawing, as its own run_in_terminal does.
        self.app._running_in_terminal = True  # noqa: SLF001
        self._away.enter_context(self.app.input.detach())
        # What was typed but not read yet would be lost, or be a line without an end.
        self.typist.type_later(self._pending_keys())
        self.modes.restore()
        self._descriptors.give()
        if not hold:
            self._queue.bypass(self.painter.direct)

    def take_back(self) -> None:
        """Read keys and draw again, on a new row."""
        if self._away is None:
            return
        self._queue.bypass(None)
        self._descriptors.take()
        self.typist.set_modes()
        self._away.close()
        self._away = None
        self._back_at = time.monotonic()
        self.app._running_in_terminal = False  # noqa: SLF001
        with self.output.held():
            self._new_row()
            self.app.renderer.reset()
            self.painter.redraw()

    def _pending_keys(self) -> list[KeyPress]:
        if not select.select([self._descriptors.terminal_in], [], [], 0)[0]:
            return []
        return self.app.input.read_keys()

    def typed_line(self) -> str | None:
        """A line typed before a program asked for it, shown as if typed now."""
        line = self.typist.take_line()
        if line is not None:
            self.painter.direct(line)
        return line

    def _new_row(self) -> None:
        """Go to the first column, of the next row if the cursor is not there.

        A row of blanks wraps exactly if something stood before them: no need
        to ask the terminal where its cursor is.
        """
        columns = self._size().columns
        self.output.write_raw("\x1b[?7h" + " " * (columns - 1) + "\r\x1b[K")

    def edit(self) -> None:
        """Ctrl-X Ctrl-E: the text of the input line in an external editor."""
        self.lend(hold=True)
        editing = self._loop.run_in_executor(None, edited, self._editor.buffer.text)
        editing.add_done_callback(self._edited)

    def _edited(self, editing: asyncio.Future[str | None]) -> None:
        text = None if editing.exception() else editing.result()
        if text is not None:
            self._editor.buffer.document = Document(text)
        self.take_back()

    def suspend(self) -> None:
        """Ctrl-Z: stop the whole job, as the shell expects."""
        self.lend(hold=True)
        os.kill(0, signal.SIGTSTP)
        # The main thread takes the signal: without a moment for it, this one would
        # set raw mode before the process stops, and the shell would inherit it.
        time.sleep(0.05)
        self.take_back()

    def continued(self) -> None:
        """After SIGCONT: the shell has changed the terminal's modes and written something."""
        if self._away is not None:
            return
        self.typist.set_modes()
        if time.monotonic() - self._back_at > _JUST:  # else it was our own Ctrl-Z
            with self.output.held():
                self._new_row()
                self.app.renderer.reset()
                self.painter.redraw()
