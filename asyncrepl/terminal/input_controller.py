"""What happens to typed text: accepted, dropped, kept for the next prompt.

The input controller knows two states. At the prompt a text is typed; while it runs, the input
line is not there, and keys wait until the next prompt, as in a shell. Ctrl-C is a key in the
first and a signal in the second. One that comes right after Enter must not be lost, whichever of
the two it still is: so the main thread is told that a text comes (it then keeps an early signal
for it) before Ctrl-C becomes a signal, and given the text after its echo is drawn. Handing over
first looks simpler, but a statement that holds the interpreter lock (a regular expression) then
runs without having been echoed.

Ctrl-C also drops what was typed ahead of it, and nothing that is typed after it. As a key it has
its place among the others. As a signal it has none: dropped is what has been read, or waits to be
read, when the signal is handled. What does not work: to drop what is there when this thread gets
round to it, for more may have been typed meanwhile, at the next prompt even.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections import deque
from typing import TYPE_CHECKING, Protocol

from prompt_toolkit.filters import emacs_insert_mode, vi_insert_mode
from prompt_toolkit.key_binding import KeyPress
from prompt_toolkit.key_binding.vi_state import InputMode
from prompt_toolkit.keys import Keys

from asyncrepl.runtime.process import INTERRUPTED
from asyncrepl.session.frontend import DEFAULT_PROMPTS
from asyncrepl.syntax.input_splitter import PastedInput, is_complete_paste, pasted_inputs

if TYPE_CHECKING:
    from collections.abc import Callable

    from prompt_toolkit.application import Application
    from prompt_toolkit.layout import Layout

    from asyncrepl.terminal.input_line import Editor
    from asyncrepl.terminal.loop_bridge import LoopBridge
    from asyncrepl.terminal.painter import Painter
    from asyncrepl.terminal.panel import LoopView, Panel
    from asyncrepl.terminal.pause_keys import PauseKeys
    from asyncrepl.terminal.screen_layout import ProgramRows
    from asyncrepl.terminal.terminal_device import TerminalModes


class Suspension(Protocol):
    """What takes the terminal away from typing for a while."""

    def __bool__(self) -> bool:
        """Whether somebody else has the terminal now; any thread may ask."""

    def suspend(self) -> None:
        """Stop the whole job, as the shell expects."""

    def edit(self) -> None:
        """Open the text of the input line in an external editor."""


class InputController:
    """The state of typing; everything here is for the terminal's thread."""

    layout: Layout
    program_rows: ProgramRows
    pause_keys: PauseKeys
    _app: Application[None]
    _suspension: Suspension

    def __init__(
        self,
        editor: Editor,
        painter: Painter,
        panel: Panel,
        modes: TerminalModes,
        bridge: LoopBridge,
        loop_view: LoopView,
    ) -> None:
        self.running = False
        #: Set when the statement that runs is done: True, or False if the session ends.
        self.when_done: asyncio.Future[bool] | None = None
        #: Who gets the keys instead of the input line, while a replay types into that.
        self.key_listener: Callable[[KeyPress], None] | None = None
        self.buffer = editor.buffer
        self._editor = editor
        self._idle = asyncio.Event()
        self._idle.set()
        self._painter = painter
        self._panel = panel
        self._modes = modes
        self._bridge = bridge
        self._loop_view = loop_view
        #: Keys for the next prompts, oldest first.
        self._typed_ahead: deque[KeyPress] = deque()
        #: A Ctrl-C came for what has been read so far.
        self._drop_wanted = False
        #: A Ctrl-C was read as a key, and is on its way to the main thread as a signal.
        self._key_sent = False
        self._switching = threading.Lock()
        self._offered = ""
        # A session that was pasted: the input that runs, those that come, and whether more
        # of it is on its way as single keys (a terminal that does not say what is pasted).
        self._pasted = PastedInput("")
        self._to_come: deque[PastedInput] = deque()
        self._more_to_paste = False

    def connect(self, app: Application[None], suspension: Suspension) -> None:
        """Set what could be made only with this controller: `app` and `suspension`."""
        self._app, self._suspension = app, suspension
        self._editor.suggester.scripted = lambda: self.key_listener is not None

    # -- keys (see asyncrepl.terminal.key_bindings) ------------------------------------------

    def accept(self) -> None:
        """Run the text of the buffer; an empty one is just echoed.

        Of a session with prompts and output, its inputs run, one after the other.
        """
        text = self.buffer.text
        self._app.vi_state.input_mode = InputMode.INSERT
        inputs = pasted_inputs(text)
        if inputs is None and self._more_to_paste:
            self.buffer.reset()  # output of the session that is being pasted
        elif inputs is not None:
            self._more_to_paste = bool(self._app.key_processor.input_queue or self._typed_ahead)
            self._to_come.extend(inputs)
            self._run_pasted()
        elif text.strip():
            self._submit(text)
        else:
            self._echo("")
            self.buffer.reset()
            self._editor.suggest()

    def is_whole(self, text: str) -> bool:
        """Whether Enter at the end of `text` is to `accept` it."""
        return (self._more_to_paste and pasted_inputs(text) is None) or is_complete_paste(text)

    def _run_pasted(self) -> None:
        """Run the next input of the session that was pasted, if there is one."""
        self.buffer.reset()
        if self._to_come:
            self._pasted = self._to_come.popleft()
            self._submit(self._pasted.text)

    def _submit(self, text: str) -> None:
        self._bridge.prepare()
        # Only after the keys that came in one piece with Enter: a Ctrl-C among them is for
        # this text, and a text that holds the interpreter lock would keep it from being read.
        asyncio.get_running_loop().call_soon(self._bridge.submit, text)
        self.begin(text)

    def drop(self) -> None:
        """Ctrl-C: interrupt who blocks the loop, else drop the line.

        Where the user handles or ignores SIGINT, it is for that, and the line stays.
        """
        handler = signal.getsignal(signal.SIGINT)
        if handler is signal.SIG_DFL:
            self._bridge.leave(INTERRUPTED)  # what it means, but with the terminal restored
        elif self._loop_view.loop_blocked() or _is_users(handler):
            self._send_interrupt()
        elif self.buffer.text:
            text = self.buffer.text
            self.buffer.reset()
            self._app.vi_state.input_mode = InputMode.INSERT
            self._editor.suggest()
            self._echo(text + "^C")

    def interrupted(self) -> None:
        """A SIGINT from outside that found nothing running."""
        if not self.running:
            self.drop()

    def leave(self) -> None:
        """Ctrl-D."""
        self._set_running(running=True)
        self._echo("")
        self._bridge.leave(0)

    def suspend(self) -> None:
        """Ctrl-Z."""
        self._suspension.suspend()

    def edit(self) -> None:
        """Ctrl-X Ctrl-E."""
        self._suspension.edit()

    def clear(self) -> None:
        """Ctrl-L."""
        self._painter.forget()
        self._app.renderer.clear()

    def type_later(self, keys: list[KeyPress]) -> None:
        """Keep keys for the next prompt; a Ctrl-C read before it became a signal is one now."""
        for key in keys:
            if key.key == Keys.ControlC and self.running:
                self._typed_ahead.clear()
                self._send_interrupt()
            elif self.running and self.pause_keys.takes(key.key):
                self.refresh()
            elif self.key_listener is not None:
                self.key_listener(key)
            else:
                self._typed_ahead.append(key)
        if self.running and not self.pause_keys.on and self.key_listener is None:
            # Text means nothing else now: to ask the key bindings for each letter of what
            # is pasted takes longer than to run it.
            self._typed_ahead.extend(_pop_text(self._app.key_processor.input_queue, Keys.ControlM))

    def _send_interrupt(self) -> None:
        self._key_sent = True
        self._bridge.interrupt()

    def drop_typed_ahead(self) -> None:
        """A Ctrl-C came as a signal; called in its handler, in the main thread.

        What is typed already is not read, or dropped by `drop_waiting`.
        """
        if self._key_sent:
            self._key_sent = False  # what was typed before it is dropped
            return
        # A statement that is over has nothing typed ahead of its end: that is the prompt's. What
        # is typed for a program that has the terminal is the program's, and the kernel's to drop:
        # by now it may be what came after the Ctrl-C.
        if self._switching.acquire(blocking=False):
            try:
                if self.running and not self._suspension:
                    self._modes.drop_input()
            finally:
                self._switching.release()
        self._drop_wanted = True

    def drop_waiting(self) -> None:
        """Drop what was read before the last Ctrl-C; before anything else is read."""
        if self._drop_wanted:
            self._drop_wanted = False
            self._typed_ahead.clear()

    @property
    def listening(self) -> bool:
        """Whether keys go into the input line, or into that of an expression."""
        return self.pause_keys.asking or (not self.running and self.key_listener is None)

    @property
    def next_key(self) -> str:
        """The key that waits for the one that is handled; empty if none does."""
        waiting = self._typed_ahead or self._app.key_processor.input_queue
        return waiting[0].key if waiting else ""

    def refresh(self) -> None:
        """Let the panel look again, at once."""
        if self._panel.refresh():
            self._painter.redraw()

    def focus(self) -> None:
        """Let keys go where they belong at the moment."""
        line = self.program_rows.window if self.running else self._editor.window
        self.layout.focus(self.pause_keys.window if self.pause_keys.asking else line)

    # -- statements ---------------------------------------------------------------

    def run_first(self) -> None:
        """Before the first prompt something runs."""
        self.running = True
        self._idle.clear()

    async def wait_until_idle(self) -> None:
        """Wait until nothing runs."""
        await self._idle.wait()

    def begin(self, text: str, *, remember: bool = True) -> None:
        """From now on `text` runs: it is history, and its echo stands in the scrollback."""
        history = self.buffer.history
        if remember and history.get_strings()[-1:] != [text.rstrip()]:
            history.append_string(text.rstrip())  # at once: the next thing may be kill -9
        self._set_running(running=True)
        self._panel.started(scripted=not remember)
        self.buffer.reset()
        self._echo(text)

    def done(self, prompts: tuple[str, str] = DEFAULT_PROMPTS, *, failed: bool = False) -> None:
        """The statement has ended and its output is queued: prompt again, with `prompts`.

        Of a session that was pasted the next input follows; where the statement `failed` with an
        error that the session does not show, which may make all that follows wrong, none does.
        """
        try:
            self._painter.drain()
            self._editor.set_prompts(*prompts)
            self.pause_keys.ended()
            self._panel.ended()
        finally:  # whatever cannot be drawn, keys are for the prompt again
            self._set_running(running=False)
        if failed and not self._pasted.fails:
            self._drop_pasted()
        if self._to_come:
            self._settle(goes_on=True)
            self._run_pasted()
            return
        self._pasted = PastedInput("")
        if self._offered:
            self.buffer.save_to_undo_stack()  # undo gives the empty line back
            self.buffer.text, self._offered = self._offered, ""
            self.buffer.cursor_position = len(self.buffer.text)
        self._editor.suggest()
        if not self._typed_ahead:  # else after the first piece of it
            self._painter.redraw()
        self._settle(goes_on=True)
        self._type_typed_ahead()

    def _drop_pasted(self) -> None:
        if self._to_come:
            left = len(self._to_come)
            inputs = "the last pasted input" if left == 1 else f"the last {left} pasted inputs"
            self._painter.echo([("class:dim", f"not run: {inputs}\n")])
        self._to_come.clear()

    def end(self) -> None:
        """The session ends: nothing will be done any more."""
        self._settle(goes_on=False)

    def _settle(self, *, goes_on: bool) -> None:
        future, self.when_done = self.when_done, None
        if future is not None and not future.done():
            future.set_result(goes_on)

    def suggest(self, text: str) -> None:
        """Offer `text` at each prompt, to be accepted with a key; an empty one ends that."""
        self._editor.suggester.offered = text
        self.buffer.suggestion = None
        self._editor.suggest()
        self._painter.redraw()

    @property
    def suggested(self) -> str:
        """The rest of the line that is offered, behind what is typed of it."""
        at_end = self.buffer.document.is_cursor_at_the_end
        return self._editor.suggester.rest(self.buffer.text) if at_end else ""

    def offer(self, text: str) -> None:
        """Put `text` on the next input line, to be edited or undone."""
        self._offered = text

    def ignore_keys(self) -> None:
        """Type nothing: a demo comes, and what is pressed before it is there is not for it."""
        self.key_listener = self._leave_early

    def _leave_early(self, key: KeyPress) -> None:
        if key.key in {Keys.ControlC, Keys.ControlD}:
            self.leave()

    def forget(self) -> None:
        """Drop what is typed already: the line, and the keys that wait for the next one."""
        self._typed_ahead.clear()
        self.buffer.reset()

    def take_line(self) -> str | None:
        """The plain line among the keys that wait, if Enter ended it; empty for Ctrl-D."""
        keys = [key.key for key in self._typed_ahead]
        if keys[:1] == [Keys.ControlD]:
            self._typed_ahead.popleft()
            return ""
        # What came while another program had the terminal ends its lines as the kernel does.
        end = next((at for at, key in enumerate(keys) if key in _ENTER), None)
        if end is None:
            return None
        if not all(map(_makes_text, keys[:end])):
            return None
        line = self.take_text()
        self._typed_ahead.popleft()
        return line + "\n"

    def take_text(self) -> str:
        """What the keys that wait have written, up to the first that does something else."""
        text = ""
        while self._typed_ahead and _makes_text(self._typed_ahead[0].key):
            key = self._typed_ahead.popleft()
            text = text[:-1] if key.key == Keys.Backspace else text + key.data
        return text

    def set_modes(self) -> None:
        """Set the terminal's modes for the present state."""
        (self._modes.running if self.running else self._modes.prompt)()

    def _set_running(self, *, running: bool) -> None:
        # With a limit: an exception of another handler may have kept one from releasing it.
        held = self._switching.acquire(timeout=0.1)
        self.running, self._key_sent = running, False
        self.set_modes()
        if held:
            self._switching.release()
        (self._idle.clear if running else self._idle.set)()
        self.focus()

    def _type_typed_ahead(self) -> None:
        """Type the keys that wait, up to the end of an input; the others wait on.

        Giving all of them to the editor, which would put back those after the first Enter,
        took 20 s for 200 lines.
        """
        processor = self._app.key_processor
        while self._typed_ahead and self.listening:
            processor.feed(self._next_typed_ahead())
            processor.process_keys()
        self._more_to_paste &= self.running

    def _next_typed_ahead(self) -> KeyPress:
        """The next key that waits; a piece of text, where that means itself, as one paste."""
        processor = self._app.key_processor
        inserts = emacs_insert_mode() or vi_insert_mode()
        if inserts and not (processor.arg or processor.key_buffer):
            text = "".join(key.data for key in _pop_text(self._typed_ahead))
            if text:
                return KeyPress(Keys.BracketedPaste, text)
        return self._typed_ahead.popleft()

    def _echo(self, text: str) -> None:
        self._painter.echo(self._editor.echo(text))


#: The key, and what the kernel makes of it for those who read lines.
_ENTER = (Keys.ControlM, Keys.ControlJ)


def _pop_text(keys: deque[KeyPress], *others: str) -> list[KeyPress]:
    """Take the characters at the left end of `keys` away, and `others` among them."""
    taken: list[KeyPress] = []
    while keys and (
        keys[0].key in others or (len(keys[0].key) == 1 and keys[0].key.isprintable())
    ):
        taken.append(keys.popleft())
    return taken


def _is_users(handler: object) -> bool:
    """Whether it is not Python's own handler of SIGINT, nor one of ours, nor left by pdb."""
    home = getattr(handler, "__module__", None) or ""
    ours = home == "pdb" or home.startswith("asyncrepl.")
    return not (handler is None or handler is signal.default_int_handler or ours)


def _makes_text(key: str) -> bool:
    return len(key) == 1 or key == Keys.Backspace
