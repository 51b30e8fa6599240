"""The terminal while somebody else has it: released, reclaimed, the job stopped.

All of it is for the terminal's thread; others ask through `asyncrepl.terminal.terminal_lease`. The
external editor for the text of the input line is started from here, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import shlex
import signal
import subprocess
import tempfile
import time
from typing import TYPE_CHECKING, cast

from prompt_toolkit.document import Document

from asyncrepl.terminal.loop_bridge import is_ignored
from asyncrepl.terminal.output_queue import Piece, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from prompt_toolkit.application import Application
    from prompt_toolkit.key_binding import KeyPress

    from asyncrepl.terminal.input_controller import InputController
    from asyncrepl.terminal.output_queue import OutputQueue
    from asyncrepl.terminal.painter import Painter
    from asyncrepl.terminal.terminal_device import DeviceInput, DeviceOutput, TerminalModes
    from asyncrepl.terminal.terminal_streams import StandardDescriptors

_EDITORS = ("editor", "nano", "vi", "emacs")


def text_from_editor(
    text: str, started: Callable[[subprocess.Popen[bytes]], object] = bool
) -> str | None:
    """`text` as the user's editor left it; None where no editor could be started, or it failed.

    The editor inherits descriptors 0, 1 and 2. Waits for its end; `started` is told of it before.
    """
    from pathlib import Path  # not for the first prompt

    with tempfile.TemporaryDirectory(prefix="asyncrepl-") as folder:
        path = Path(folder) / "input.py"
        path.write_text(text, encoding="utf-8", errors="surrogateescape")
        if not _run_editor(path, started):
            return None
        return path.read_text(encoding="utf-8", errors="replace").rstrip("\n")


def _run_editor(path: Path, started: Callable[[subprocess.Popen[bytes]], object]) -> bool:
    chosen = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    for editor in filter(None, [chosen, *_EDITORS]):
        try:
            process = subprocess.Popen(
                [*shlex.split(editor), str(path)],
                preexec_fn=_unblock_signals,  # noqa: PLW1509 - it takes no lock
            )
        except (OSError, ValueError):
            continue
        started(process)
        return process.wait() == 0
    return False


def _unblock_signals() -> None:
    """The terminal's threads block signals; a program started there would inherit that."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def stop_job() -> None:
    """Stop the whole job, unless that is ignored; returns when it is continued."""
    if is_ignored(signal.SIGTSTP):
        return
    os.kill(0, signal.SIGTSTP)
    # The main thread takes the signal: without a moment for it, this one would
    # set raw mode before the process stops, and the shell would inherit it.
    time.sleep(0.05)


_OWN_STOP_AGE = 0.5  # seconds
_MOST_KEPT = 100_000  # pieces printed while another program draws


class TerminalSuspension:
    """Releases the terminal and reclaims it."""

    def __init__(
        self,
        app: Application[None],
        output: DeviceOutput,
        painter: Painter,
        controller: InputController,
        modes: TerminalModes,
        queue: OutputQueue,
        descriptors: StandardDescriptors,
    ) -> None:
        self._app = app
        self._output = output
        self._painter = painter
        self._controller = controller
        self._modes = modes
        self._queue = queue
        self._descriptors = descriptors
        self._detached: contextlib.ExitStack | None = None
        #: Ends the reading of pages, if that is why the terminal was given away.
        self._close_pages: Callable[[], object] | None = None
        #: The editing of the input line elsewhere, and the program that does it.
        self._editing: asyncio.Future[str | None] | None = None
        self._editor: subprocess.Popen[bytes] | None = None
        self._back_at = 0.0
        self._kept: list[Piece] = []

    def __bool__(self) -> bool:
        return self._detached is not None

    def release(self, *, hold: bool = False, share: bool = True, beside: bool = False) -> None:
        """Take everything off the screen and leave the terminal to somebody else.

        What is printed meanwhile is written as it comes, or with `hold` kept, `beside` a program
        while that draws. Unless the descriptors are `share`d, so is what child processes write.
        """
        if self:
            return
        self._painter.drain(everything=True)
        self._painter.paused = True
        self._detached = contextlib.ExitStack()
        with self._output.held():
            self._app.renderer.erase()
            self._output.reset_cursor_shape()
            self._output.write_raw(self._painter.commit())
        # Keeps the Application from drawing, as its own run_in_terminal does.
        self._app._running_in_terminal = True  # noqa: SLF001
        self._detached.enter_context(self._app.input.detach())
        # What was typed but not read yet would be lost, or be a line without an end.
        self._controller.type_later(self.pending_keys())
        self._modes.restore()
        if share:
            self._descriptors.restore()
        if not hold:
            self._queue.bypass(self._write_beside if beside else self._painter.write_directly)

    def _write_beside(self, pieces: Iterable[Piece]) -> None:
        self._kept += pieces
        if self._painter.raw or not self._modes.key_by_key or len(self._kept) > _MOST_KEPT:
            self._painter.write_directly(self._kept)
            self._kept.clear()

    def release_whole(self) -> None:
        """Leave the terminal to a program that sets its modes: what it prints is not looked at."""
        self.release()
        self._painter.raw = True

    def release_to_pager(self, close: Callable[[], object]) -> None:
        """Leave the terminal to pages; who takes it back meanwhile, asks `close` to end them."""
        self.release(hold=True, share=False)
        self._close_pages = close

    def reclaim_from_pager(self, typed: list[KeyPress]) -> None:
        """Go on where it was left; `typed` are the keys that came after the last page."""
        self._close_pages = None
        self.reclaim()
        self._controller.type_later(typed)

    def reclaim(self) -> None:
        """Read keys and draw again, on a new row."""
        if self._close_pages is not None:
            self._close_pages()
            return
        if self._detached is None:
            return
        self._queue.bypass(None, self._kept)
        self._kept.clear()
        self._descriptors.redirect()
        self._controller.set_modes()
        self._detached.close()
        self._detached = None
        self._back_at = time.monotonic()
        self._app._running_in_terminal = False  # noqa: SLF001
        self._painter.paused = self._painter.raw = False
        self._output.begin_row()  # first: what follows has the terminal forget that a row is full
        self._output.take_over()
        self._draw_anew()
        self._painter.drain()

    def typed_line(self) -> str | None:
        """A line typed before a program asked for it, shown as if typed now."""
        line = self._controller.take_line()
        if line is not None:
            self._painter.write_directly([Piece(Place.FLOW, line)])
        return line

    def typed_text(self) -> str:
        """What was typed before a program asked, as far as it is text."""
        return self._controller.take_text()

    @property
    def question(self) -> str:
        """What stands before the cursor, in its row."""
        return self._painter.last_row

    def edit(self) -> None:
        """Ctrl-X Ctrl-E: the text of the input line in an external editor."""
        self.release(hold=True)
        loop, text = asyncio.get_running_loop(), self._controller.buffer.text
        self._editing = loop.run_in_executor(None, text_from_editor, text, self._editor_started)
        self._editing.add_done_callback(self._edited)

    def end_editor(self, then: Callable[[], object]) -> bool:
        """Have the editor end, and then call `then`; False if there is none."""
        if self._editing is None:
            return False
        if self._editor is not None:
            self._editor.terminate()
        self._editing.add_done_callback(lambda _: then())
        return True

    def _editor_started(self, editor: subprocess.Popen[bytes]) -> None:
        self._editor = editor

    def suspend(self) -> None:
        """Ctrl-Z: stop the whole job, as the shell expects; nothing where that is ignored."""
        if is_ignored(signal.SIGTSTP):
            return
        self.release(hold=True)
        stop_job()
        self.reclaim()

    def continued(self) -> None:
        """After SIGCONT: the shell has changed the terminal's modes and written something."""
        if self:
            return
        self._controller.set_modes()
        if time.monotonic() - self._back_at > _OWN_STOP_AGE:  # else it was our own Ctrl-Z
            self._draw_anew()

    def _edited(self, editing: asyncio.Future[str | None]) -> None:
        self._editing = self._editor = None
        text = None if editing.exception() else editing.result()
        if text is not None:
            self._controller.buffer.document = Document(text)
        self.reclaim()

    def pending_keys(self) -> list[KeyPress]:
        """The keys that have come and are not read; an answer of the terminal's is waited for."""
        keys: list[KeyPress] = []
        question = cast("DeviceInput", self._app.input).question
        while True:
            patience = question.patience
            if not select.select([self._descriptors.terminal_in], [], [], patience)[0]:
                return keys
            read = self._app.input.read_keys()
            keys += read
            if self._app.input.closed or not (read or question.patience):
                return keys

    def _draw_anew(self) -> None:
        """Draw on a row of our own, the next one if the cursor is inside a row."""
        self._painter.forget()
        with self._output.held():
            self._output.begin_row()
            self._app.renderer.reset()
            self._painter.redraw()
