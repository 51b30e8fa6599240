"""The terminal's thread: one Application for the whole session, on its own loop.

It reads keys and draws; it never runs a line of the user's code. What it asks of the main thread
goes through `LoopBridge`, each call of which only posts something; what the main thread asks of
it goes through `TerminalUI.call`.

One Application, not a prompt for each statement: starting one costs a redraw, a change of the
terminal's modes and a race for the keys typed meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from functools import cached_property
from os import _exit
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, cast

from prompt_toolkit.application import Application
from prompt_toolkit.enums import EditingMode

from asyncrepl.runtime.configuration import use_ascii
from asyncrepl.terminal.audience_rows import AudienceRows
from asyncrepl.terminal.input_controller import InputController
from asyncrepl.terminal.key_bindings import build_key_bindings
from asyncrepl.terminal.own_modules import import_lock
from asyncrepl.terminal.painter import Painter
from asyncrepl.terminal.panel import Panel
from asyncrepl.terminal.pause_keys import PauseKeys
from asyncrepl.terminal.screen_layout import (
    ProgramRows,
    build_layout,
    rows_added_by_reflow,
    screen_style,
)
from asyncrepl.terminal.terminal_background import BackgroundQuestion
from asyncrepl.terminal.terminal_device import (
    DeviceInput,
    DeviceOutput,
    DrawRecovery,
    TerminalModes,
    terminal_size,
)
from asyncrepl.terminal.terminal_suspension import TerminalSuspension
from asyncrepl.terminal.vi_keys import ViCursorShapes, vi_mode_rows
from asyncrepl.views.styled_lines import Theme

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

    from prompt_toolkit.data_structures import Size

    from asyncrepl.runtime.configuration import Settings
    from asyncrepl.terminal.input_line import Editor
    from asyncrepl.terminal.loop_bridge import LoopBridge
    from asyncrepl.terminal.output_queue import OutputQueue
    from asyncrepl.terminal.pager import Pager
    from asyncrepl.terminal.panel import LoopView
    from asyncrepl.terminal.terminal_streams import StandardDescriptors

_FIRST_DRAW_TIMEOUT = 1.0
_LOAD_LEXER_AFTER = 0.2
_MAX_FAILURES = 10
_END_TIMEOUT = 4.0  # seconds for the main thread to end the process
#: Seconds until an Escape is a key of its own, and not the beginning of a longer one, in what the
#: terminal sends and among our bindings. With the keys of vi that key is pressed most;
#: prompt_toolkit's 0.5 and 1 are for those who type Escape in place of Alt.
_ESCAPE_AFTER = 0.05
_USUAL = 0.5, 1.0
_BLOCKED_SIGNALS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD}


class TerminalUI:
    """Everything of the terminal's thread; `start` it, `call` it, `join` it."""

    #: Whether an error that is the end of this thread is that of the process.
    ends_process = True

    def __init__(
        self,
        queue: OutputQueue,
        descriptors: StandardDescriptors,
        editor: Editor,
        settings: Settings,
        bridge: LoopBridge,
        loop_view: LoopView,
        *,
        color: bool = True,
    ) -> None:
        self.theme = Theme(settings.theme)
        question = BackgroundQuestion(
            self.theme, lambda: self._loop.call_soon(self.painter.redraw), color=color
        )
        self._queue = queue
        self._descriptors = descriptors
        self._bridge, self._loop_view = bridge, loop_view
        self._stdin = os.fdopen(descriptors.terminal_in, "r", encoding="utf-8", closefd=False)
        self._stdout = os.fdopen(descriptors.terminal_out, "w", encoding="utf-8", closefd=False)
        self.modes = TerminalModes(descriptors.terminal_in)
        self.output = DeviceOutput(self._stdout, self._size, self._leave_now, color=color)
        self.painter = Painter(queue, self.output)
        self.panel = Panel(
            loop_view, lambda: (self.columns, self._known_size.rows), lanes=settings.lanes
        )
        self.controller = InputController(
            editor, self.painter, self.panel, self.modes, bridge, loop_view
        )
        self.pause_keys = self.controller.pause_keys = PauseKeys(self.controller.focus)
        self.painter.text_comes = self.panel.text_comes
        self.panel.pause = self.pause_keys.rows
        self.audience = self._audience_rows(settings)
        self._input = DeviceInput(self._stdin, self.modes, question, self.audience.pressed)
        self._input.before_read = self.controller.drop_waiting
        self.app = self._application(editor, settings)
        screen = self.app, self.output, self.painter, self.controller, self.modes
        self.suspension = TerminalSuspension(*screen, queue, descriptors)
        self.controller.connect(self.app, self.suspension)
        self._question = question
        self.error: BaseException | None = None
        self._process = os.getpid()
        #: Errors that nothing could be done about.
        self._failures = 0
        self.editor = editor
        self._loop = self._new_loop()
        self._recovery = self._draw_recovery()
        self._thread = threading.Thread(target=self._run, name="asyncrepl-ui", daemon=True)
        self._known_size = self._size()
        self._drawn = threading.Event()

    def _new_loop(self) -> asyncio.SelectorEventLoop:
        loop = asyncio.SelectorEventLoop()
        loop.time = monotonic  # type: ignore[method-assign]  # also where time is mocked
        loop.set_exception_handler(self._callback_failed)
        loop.set_task_factory(_unnumbered_task)
        return loop

    def _draw_recovery(self) -> DrawRecovery:
        return DrawRecovery(
            self._loop,
            self.painter.redraw,
            lambda: self.controller.running,
            lambda line: self._queue.show(line + "\n"),
            self._give_up,
        )

    def _audience_rows(self, settings: Settings) -> AudienceRows:
        rows = AudienceRows(ascii=use_ascii(sys.stdout))
        rows.on = settings.audience
        rows.changed = self._audience_changed
        rows.commands = lambda: self.pause_keys.on and not self.pause_keys.asking
        self.panel.audience_rows, self.panel.audience_moves = rows.rows, rows.moves
        return rows

    def _audience_changed(self) -> None:
        self.panel.refresh()  # at once: the key's own redraw draws it
        self.panel.nudge()

    def _application(self, editor: Editor, settings: Settings) -> Application[None]:
        program = ProgramRows(self.painter.rows)
        layout = build_layout(
            program,
            editor,
            self.pause_keys,
            (
                lambda: self.panel.audience,  # first: nothing may push it down
                lambda: self.panel.status or editor.help(),
                lambda: () if self.controller.running else vi_mode_rows(self.app),
                lambda: self.panel.time,
                lambda: self.panel.lanes,
            ),
            running=lambda: self.controller.running,
            unfinished=lambda: bool(self.painter.rows),
        )
        self.controller.layout, self.controller.program_rows = layout, program
        application: Application[None] = Application(
            layout=layout,
            style=screen_style(self.theme),
            include_default_pygments_style=False,  # it has pure blue, and grey operators
            key_bindings=build_key_bindings(self.controller),
            cursor=ViCursorShapes(),
            erase_when_done=True,
            input=self._input,
            output=self.output,
            # `resized` compares the size. The Application's own look, every half a second,
            # erases the screen also while somebody else has it: pages, an editor.
            terminal_size_polling_interval=None,
        )
        use_vi(application, on=settings.vi)
        return application

    # -- called by the main thread ------------------------------------------------

    @property
    def vi(self) -> bool:
        """Whether the keys are those of vi; read at each key."""
        return self.app.editing_mode is EditingMode.VI

    @vi.setter
    def vi(self, on: bool) -> None:
        use_vi(self.app, on=on)
        if not on:
            self.call(self.output.reset_cursor_shape)

    def start(self) -> None:
        """Start the thread; returns when the first prompt is drawn.

        Without the wait, whatever this thread imports next would delay that prompt.
        """
        self._thread.start()
        self._drawn.wait(_FIRST_DRAW_TIMEOUT)

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
        self.controller.drop_typed_ahead()
        self.call(self.controller.drop_waiting)

    def stop(self, patience: float = 3.0) -> None:
        """Draw what is left, leave the terminal as it was found, end the thread.

        That is waited for, for `patience` seconds: fewer where the process ends at once.
        """
        self.call(self._leave_now)
        self._thread.join(patience)
        self.modes.restore()

    # -- in the terminal's thread -------------------------------------------------

    @cached_property
    def pager(self) -> Pager:
        """Shows what is longer than the screen; made when something is."""
        from asyncrepl.terminal.pager import Pager

        keys = DeviceInput(self._stdin, self.modes, self._question)
        return Pager(self.app, keys, self.suspension)

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
            self._descriptors.restore,
            self._loop.close,
            self._bridge.gone,
        ):
            try:
                action()
            except:  # noqa: E722
                continue
        if self.error is not None and self.ends_process:
            sleep(_END_TIMEOUT)  # this thread dies with the process, if that ends by itself
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

    def _first_draw(self) -> None:
        self.painter.start(self.app, self._loop)
        self._drawn.set()
        if not self.controller.running:  # what runs might read the answer
            self._input.question.ask(self.output)
        # In a thread: this one has keys to echo. Begun before user code can break `threading`:
        # whoever starts a thread waits until that has begun.
        threading.Thread(
            target=self._load_colours, name="asyncrepl loading colours", daemon=True
        ).start()

    def _load_colours(self) -> None:
        """Import what colours the input line, and colour what is typed already."""
        sleep(_LOAD_LEXER_AFTER)
        with import_lock, contextlib.suppress(Exception):  # else when it is needed
            self.editor.lexer.load()
        self.call(self.painter.redraw)

    def _leave_now(self) -> None:
        """End the Application; what is queued is drawn first."""
        if "pager" in vars(self) and self.pager.close(self._leave_now):
            return
        if self.suspension.end_editor(self._leave_now):
            return
        self.controller.end()
        self.suspension.reclaim()
        self.suspension.pending_keys()  # an answer still to come is not for the shell
        with contextlib.suppress(Exception):
            self.painter.drain(everything=True)
            self.painter.finish()
        if self.app.is_running and self.app.future is not None and not self.app.future.done():
            self.app.exit()

    def _callback_failed(self, _loop: object, context: dict[str, object]) -> None:
        """A callback of this loop failed: go on drawing.

        In the plainest words: what is built in may be what the user has emptied.
        """
        error = context.get("exception")
        try:
            if isinstance(error, BaseException):
                self._recovery.failed(error)
        except:  # noqa: E722  also where BaseException is no more
            self._failures += 1
            if self._failures > _MAX_FAILURES:
                self.modes.restore()
                if self.ends_process:
                    _exit(1)  # the guard of the terminal says so
                self._loop.stop()

    def _give_up(self, error: BaseException) -> None:
        """Nothing can be drawn any more, because of `error`: end this thread."""
        self.error = error
        self._loop.stop()

    def _children_wrote(self) -> None:
        if self.suspension:
            self._queue.pull_from_children()
        else:
            self.painter.drain()

    # -- size, frames -------------------------------------------------------------

    def _size(self) -> Size:
        return terminal_size(self._descriptors.terminal_out)

    @property
    def columns(self) -> int:
        """The columns of the terminal, as of its last change; for any thread."""
        return self._known_size.columns

    @property
    def free_rows(self) -> int:
        """The rows above those that are drawn at the bottom; for any thread."""
        panel = self.panel
        used = 1 + len(panel.status) + len(panel.time) + len(panel.lanes) + len(panel.audience)
        used += self.vi
        return self._known_size.rows - used

    def resized(self) -> None:
        """Compare the size; a plain redraw would paint the old rows over the new."""
        size = self._size()
        if size != self._known_size:
            self._known_size = size
            self._descriptors.resize()
            self.painter.resize(size)
            if not self.suspension:
                with self.output.held():
                    self.output.cursor_up(rows_added_by_reflow(self.app, size.columns))
                    self.app._on_resize()  # noqa: SLF001 - no public way to say it
            elif "pager" in vars(self):
                self.pager.resized()

    def _look(self) -> None:
        self.resized()
        self.painter.drain()
        if self._loop_view.interrupted_anew() and self.pause_keys.on:
            self.pause_keys.takes("c")  # what is to end may need time for that


def _unnumbered_task(
    loop: asyncio.AbstractEventLoop,
    coro: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
    **options: Any,
) -> asyncio.Task[Any]:
    """A task that takes no number: the counter of `Task-1`, `Task-2`, … is the process's.

    The numbers are left to the user's tasks.
    """
    options["name"] = "terminal"
    return asyncio.Task(cast("Coroutine[Any, Any, Any]", coro), loop=loop, **options)


def use_vi(application: Application[Any], *, on: bool) -> None:
    """Take the keys of vi (`on`) or Emacs in `application`, from the next key on."""
    application.editing_mode = EditingMode.VI if on else EditingMode.EMACS
    waits = (_ESCAPE_AFTER, _ESCAPE_AFTER) if on else _USUAL
    application.ttimeoutlen, application.timeoutlen = waits
