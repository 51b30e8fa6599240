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
import signal
import threading
from os import _exit
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Protocol, cast

from prompt_toolkit.application import Application
from prompt_toolkit.enums import EditingMode

from asyncrepl.commands.explaining import load_rules
from asyncrepl.terminal.away import Away
from asyncrepl.terminal.device import DeviceInput, DeviceOutput, Modes
from asyncrepl.terminal.frames import Panel
from asyncrepl.terminal.keys import bindings
from asyncrepl.terminal.pager import Pager
from asyncrepl.terminal.painter import Painter
from asyncrepl.terminal.pausing import PauseKeys
from asyncrepl.terminal.recovery import Recovery
from asyncrepl.terminal.reflow import rows_grown
from asyncrepl.terminal.scene import STYLE, ProgramRows, build_layout
from asyncrepl.terminal.size import size_of
from asyncrepl.terminal.typist import Typist

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

    from prompt_toolkit.data_structures import Size

    from asyncrepl.settings import Settings
    from asyncrepl.terminal.descriptors import Descriptors
    from asyncrepl.terminal.editor import Editor
    from asyncrepl.terminal.output import OutputQueue
    from asyncrepl.terminal.watching import Watch

__all__ = ["Main", "Ui"]

_FIRST_DRAW = 1.0
_LOAD_LEXER_AFTER = 0.2
_LOAD_RULES_AFTER = 0.4
_LOST = 10
_GRACE = 4.0  # seconds for the main thread to end the process
_BLOCKED_SIGNALS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD}


class Main(Protocol):
    """What the terminal asks of the main thread; each returns at once."""

    def prepare(self) -> None:
        """A text comes: a Ctrl-C from now on is for it."""

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
        *,
        color: bool = True,
    ) -> None:
        self._queue = queue
        self._descriptors = descriptors
        self._main = main
        self._stdin = os.fdopen(descriptors.terminal_in, "r", encoding="utf-8", closefd=False)
        self._stdout = os.fdopen(descriptors.terminal_out, "w", encoding="utf-8", closefd=False)
        self.modes = Modes(descriptors.terminal_in)
        self.output = DeviceOutput(self._stdout, self._size, self._leave_now, color=color)
        self.painter = Painter(queue, self.output)
        self.panel = Panel(watch, self._columns_and_rows, lanes=settings.lanes)
        self.typist = Typist(editor, self.painter, self.panel, self.modes, main, watch)
        self.pause_keys = self.typist.pause_keys = PauseKeys(self.typist.focus)
        self.panel.pause = self.pause_keys.rows
        self.app = self._application(editor, settings)
        self.away = Away(
            self.app,
            self.output,
            self.painter,
            self.typist,
            self.modes,
            queue,
            descriptors,
        )
        self.typist.connect(self.app, self.away)
        self.pager = Pager(self.app, DeviceInput(self._stdin, self.modes), self.away)
        self.error: BaseException | None = None
        self._process = os.getpid()
        #: Errors that nothing could be done about.
        self._lost = 0
        self._editor = editor
        self._loop = asyncio.SelectorEventLoop()
        self._loop.time = monotonic  # type: ignore[method-assign]  # also where time is mocked
        self._recovery = Recovery(
            self._loop,
            self.painter.redraw,
            lambda: self.typist.running,
            lambda line: queue.show(line + "\n"),
            self._give_up,
        )
        self._loop.set_exception_handler(self._problem)
        self._loop.set_task_factory(_unnumbered)
        self._thread = threading.Thread(target=self._run, name="asyncrepl-ui", daemon=True)
        self._known_size = self._size()
        self._drawn = threading.Event()

    def _application(self, editor: Editor, settings: Settings) -> Application[None]:
        program = ProgramRows(self.painter.rows)
        layout = build_layout(
            program,
            editor,
            self.pause_keys,
            (
                lambda: self.panel.status or editor.help(),
                lambda: self.panel.time,
                lambda: self.panel.lanes,
            ),
            running=lambda: self.typist.running,
            unfinished=lambda: bool(self.painter.rows),
        )
        self.typist.layout, self.typist.program_rows = layout, program
        return Application(
            layout=layout,
            style=STYLE,
            key_bindings=bindings(self.typist, editor.buffer, self.typist.is_whole),
            editing_mode=EditingMode.VI if settings.vi else EditingMode.EMACS,
            erase_when_done=True,
            input=DeviceInput(self._stdin, self.modes),
            output=self.output,
            # `resized` compares the size. The Application's own look, every half a second,
            # erases the screen also while somebody else has it: pages, an editor.
            terminal_size_polling_interval=None,
        )

    # -- called by the main thread ------------------------------------------------

    @property
    def vi(self) -> bool:
        """Whether the keys are those of vi; read at each key."""
        return self.app.editing_mode is EditingMode.VI

    @vi.setter
    def vi(self, on: bool) -> None:
        self.app.editing_mode = EditingMode.VI if on else EditingMode.EMACS

    def start(self) -> None:
        """Start the thread; returns when the first prompt is drawn.

        Without the wait, whatever this thread imports next would delay that prompt.
        """
        self._thread.start()
        self._drawn.wait(_FIRST_DRAW)

    def call(self, action: Callable[[], object]) -> bool:
        """Have `action` called in the terminal's thread; False if there is none any more."""
        if os.getpid() != self._process:
            return False  # a child of ours has only the thread that forked it
        try:
            self._loop.call_soon_threadsafe(action)
        except RuntimeError:
            return False
        return self._thread.is_alive()

    def drop_typed_ahead(self) -> None:
        """A Ctrl-C came, which is also for what should have run next; in a signal handler."""
        if self.typist.running:
            self.modes.drop_input()
        self.call(self.typist.drop_waiting)

    @property
    def prompt_width(self) -> int:
        """The columns of the prompt; for any thread."""
        return self._editor.prompt_width

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
        except BaseException as error:
            # Whatever it is: the main thread must know that this one is gone.
            self.error = self.error or error
        finally:
            self._leave()

    def _leave(self) -> None:
        """Restore the terminal, and see to it that the process ends.

        Each by itself, in the plainest words: the main thread, and what is built in, may
        be whatever user code has made of them.
        """
        for action in (
            self._drawn.set,
            self.modes.restore,
            # Nobody reads our own terminal any more: who writes to it would wait for ever.
            self._descriptors.give,
            self._loop.close,
            self._main.gone,
        ):
            try:
                action()
            except:  # noqa: E722
                continue
        if self.error is not None:
            sleep(_GRACE)  # this thread dies with the process, if that ends by itself
            _exit(1)

    async def _session(self) -> None:
        frames = self._loop.create_task(
            self.panel.animate(self.painter, self._look, self._recovery.failed)
        )
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
        self._loop.call_soon(self._first_draw)
        self._loop.call_later(_LOAD_LEXER_AFTER, self._editor.lexer.load)
        # In a thread: this loop has keys to echo.
        self._loop.call_later(_LOAD_RULES_AFTER, self._loop.run_in_executor, None, load_rules)

    def _first_draw(self) -> None:
        self.painter.start(self.app, self._loop)
        self._drawn.set()

    def _leave_now(self) -> None:
        """End the Application; what is queued is drawn first."""
        if self.pager.close(self._leave_now):
            return
        self.typist.end()
        self.away.take_back()
        with contextlib.suppress(Exception):
            self.painter.drain(everything=True)
            self.painter.finish()
        if self.app.is_running and self.app.future is not None and not self.app.future.done():
            self.app.exit()

    def _problem(self, _loop: object, context: dict[str, object]) -> None:
        """A callback of this loop failed: go on drawing.

        In the plainest words: what is built in may be what the user has emptied.
        """
        error = context.get("exception")
        try:
            if isinstance(error, BaseException):
                self._recovery.failed(error)
        except:  # noqa: E722  also where BaseException is no more
            self._lost += 1
            if self._lost > _LOST:
                self.modes.restore()
                _exit(1)  # the guard of the terminal says so

    def _give_up(self, error: BaseException) -> None:
        """Nothing can be drawn any more, because of `error`: end this thread."""
        self.error = error
        self._loop.stop()

    def _children_wrote(self) -> None:
        if self.away:
            self._queue.pull()
        else:
            self.painter.drain()

    # -- size, frames -------------------------------------------------------------

    def _size(self) -> Size:
        return size_of(self._descriptors.terminal_out)

    @property
    def columns(self) -> int:
        """The columns of the terminal, as of its last change; for any thread."""
        return self._known_size.columns

    @property
    def free_rows(self) -> int:
        """The rows above those that are drawn at the bottom; for any thread."""
        panel = self.panel
        used = 1 + len(panel.status) + len(panel.time) + len(panel.lanes)
        return self._known_size.rows - used

    def _columns_and_rows(self) -> tuple[int, int]:
        return self._known_size.columns, self._known_size.rows

    def resized(self) -> None:
        """Compare the size; a plain redraw would paint the old rows over the new."""
        size = self._size()
        if size != self._known_size:
            self._known_size = size
            self._descriptors.resize()
            self.painter.resize(size)
            if not self.away:
                self.output.cursor_up(rows_grown(self.app, size.columns))
                self.app._on_resize()  # noqa: SLF001 - no public way to say it
            else:
                self.pager.resized()

    def _look(self) -> None:
        self.resized()
        self.painter.drain()


def _unnumbered(
    loop: asyncio.AbstractEventLoop,
    coro: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
    **options: Any,
) -> asyncio.Task[Any]:
    """A task that takes no number: the counter of `Task-1`, `Task-2`, … is the process's.

    The numbers are left to the user's tasks.
    """
    options["name"] = "terminal"
    return asyncio.Task(cast("Coroutine[Any, Any, Any]", coro), loop=loop, **options)
