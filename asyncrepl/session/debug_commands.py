"""Debug commands: stepping what runs in the foreground, and looking at it while it is paused.

Each key of the terminal is a method of `DebugCommands` of the same meaning: `pause`, `timer`,
`anext`, `values`, `evaluate`, `resume_all`; ``:walk`` begins with `anext`. What they show goes
to the console, among the narration, which a pause switches on for the rest of the statement.

Where there are no keys, a line is asked for at each stop: its first letter is the key. It is read
in the loop's thread, in which all stands still then.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import TYPE_CHECKING, Protocol

from asyncrepl.engine.loop.interrupt_shields import shield
from asyncrepl.session.frontend import COMMAND_OF_KEY, ForegroundView
from asyncrepl.views.error_lines import exception_line
from asyncrepl.views.styled_lines import flowed, one_line, text_lines

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from asyncrepl.engine.loop.debug_control import DebugControl, DebugMode, StepResult
    from asyncrepl.session.live_reporters import Narrator

_NO_ITERATION = "no async for is under way: the next one that begins is waited for"
_CANNOT_STEP = (
    "this async for cannot be stepped: a debugger or another tool traces the program; it stays "
    "paused, t goes on to the next timer"
)


class _DebugContext(ForegroundView, Protocol):
    """What debug commands need: also the narrator, and what Ctrl-C does."""

    narrator: Narrator

    @property
    def busy(self) -> bool: ...
    def interrupt(self) -> bool: ...


class DebugCommands:
    """The steps of one session; for the loop's thread, except `press`, and what may be read.

    From any thread: `mode`, `loop_runs`, `passed`, `steps_iterations`.
    """

    def __init__(self, context: _DebugContext) -> None:
        self._context = context
        self._control: DebugControl | None = None
        self._making = threading.Lock()
        #: Whether `anext` can do what it says: not where somebody else traces the program.
        self.steps_iterations = True

    def use_loop(self) -> None:
        """What is paused and stepped from now on is on another loop; that is the context's now."""
        self.resume_all()
        with self._making:
            self._control = None

    # -- from any thread ---------------------------------------------------------------

    @property
    def mode(self) -> DebugMode:
        """How the program stands."""
        return "off" if self._control is None else self._control.mode

    @property
    def loop_runs(self) -> bool:
        """Whether there is a loop to pause: not where a program has none, or one of its own."""
        return not self._context.loop.live.stands_by

    @property
    def passed(self) -> int:
        """Nanoseconds of the user's time since the statement began."""
        return self._context.loop.live.clock.time_ns() - self._context.narrator.since

    def press(self, word: str, *texts: str) -> None:
        """Call the method of this name, wherever the loop's thread is just now."""
        self._post(lambda: self._run_command(word, *texts))

    def _run_command(self, word: str, *texts: str) -> None:
        with shield:
            getattr(self, word)(*texts)

    def _post(self, action: Callable[[], object]) -> None:
        self._debug_control().post(lambda: self._run(action))

    def _run(self, action: Callable[[], object]) -> None:
        if not self._context.busy:  # the statement has ended meanwhile
            return
        try:
            action()
        except KeyboardInterrupt:
            # Where the statement itself stands, it comes out there; else it has only found
            # a long iteration of the loop with this in it.
            if asyncio.current_task(self._context.loop) is self._context.task:
                raise
            self._context.interrupt()

    def _debug_control(self) -> DebugControl:
        with self._making:
            if self._control is None:
                from asyncrepl.engine.loop.debug_control import DebugControl

                self._control = DebugControl(self._context.loop)
            return self._control

    # -- time --------------------------------------------------------------------------

    def pause(self) -> None:
        """Let time stand still, and narrate the statement's iterations from now on."""
        self._follow()  # first: whether it can be stepped has to be known when the pause is drawn
        self._debug_control().pause()

    def timer(self) -> None:
        """Go on to the next timer."""
        self._debug_control().next_timer(self._fired)
        self._follow()

    def anext(self) -> None:
        """Go on to the next ``__anext__`` of an iteration."""
        self._debug_control().next_anext(self._look_for_iterations)

    def begin(self) -> None:
        """What has just begun is to go to its first ``__anext__``."""
        self._debug_control().next_anext(self._follow)

    def resume_all(self) -> None:
        """Let time run on, as it did before the pause."""
        if self.mode != "off":
            self._debug_control().resume_all()
            self._context.narrator.relax()

    def ended(self) -> None:
        """What ran in the foreground is over."""
        self.resume_all()
        self._context.narrator.unfollow()
        self.steps_iterations = True

    def _follow(self) -> list[bool]:
        """Narrate the iterations; of those under way, whether they are traced."""
        task = self._context.task
        if task is None or self.mode == "step":
            return []
        iterations = self._context.narrator.follow(task, self._reached)
        self.steps_iterations = any(iterations) or not iterations
        return iterations

    def _reached(self) -> None:
        """An iteration has asked for its next value: stand still, if that was waited for."""
        if self.mode == "anext":
            self._ask_soon()
        self._debug_control().reached()

    def _look_for_iterations(self) -> bool:
        """Whether the next step of an iteration can be waited for."""
        iterations = self._follow()
        if not any(iterations):
            self._show_line(_CANNOT_STEP if iterations else _NO_ITERATION)
        return self.steps_iterations

    def _fired(self, stepped: StepResult) -> None:
        if not stepped.fired:
            self._show_line("no timer is set: what is awaited comes from elsewhere; c goes on")
        self._ask_soon()

    # -- lines in place of keys --------------------------------------------------------

    def _ask_soon(self) -> None:
        if (ask := self._context.frontend.ask_line) is not None:
            self._post(lambda: self._take_lines(ask))

    def _take_lines(self, ask: Callable[[str], str]) -> None:
        """Take commands until one lets the program go on; a Ctrl-C is for that."""
        from asyncrepl.views.status_rows import pause_rows

        console, word = self._context.console, ""
        while self.mode in {"paused", "step"} and word != "timer":
            width, can_step = console.width or 80, self.steps_iterations
            rows = pause_rows(self.mode, self.passed, width, steps_iterations=can_step)
            console.show_unrecorded(*rows)
            word = self._take_line((ask("step> ") or "c").strip() or "n")

    def _take_line(self, line: str) -> str:
        """Do what `line` says; the name of the command, empty if it is none."""
        word, expression = COMMAND_OF_KEY.get(line[0], ""), line[1:].strip()
        if not word or bool(expression) != (word == "evaluate"):
            self._show_line("a letter: t, n, v or c; or e and an expression, as in: e 6 * 7")
            return ""
        self._run_command(word, *[expression][: bool(expression)])
        return word

    # -- looking -----------------------------------------------------------------------

    def values(self) -> None:
        """Show the names and values where the program stands."""
        from asyncrepl.engine.loop.debug_control import scope_of
        from asyncrepl.views.status_rows import scope_lines

        if not (frames := self._frames()):
            self._show_line("no code of yours is suspended here")
        console = self._context.console
        console.show(*scope_lines([scope_of(frame) for frame in frames], console.width))

    def evaluate(self, expression: str) -> None:
        """Show the value of `expression` where the program stands."""
        from asyncrepl.engine.loop.debug_control import (
            EVALUATION_LIMIT,
            TimeUpError,
            evaluate,
            value_text,
        )

        console = self._context.console
        console.show([("dim", f"value of {one_line(expression)}")])
        try:
            value = evaluate(expression, self._frames())
        except TimeUpError:
            self._show_line(f"it takes longer than {EVALUATION_LIMIT:g} s")
        except BaseException as error:  # also SystemExit: it must not end what stands here
            console.complain(exception_line(error))
        else:
            console.show(*text_lines(value_text(value, EVALUATION_LIMIT)))

    def _frames(self) -> list[FrameType]:
        from asyncrepl.engine.loop.debug_control import frames_here, frames_of

        if self.mode == "step":
            return frames_here(sys._getframe())  # noqa: SLF001  the documented way
        return frames_of(self._context.task)

    def _show_line(self, text: str) -> None:
        console = self._context.console
        console.show(*flowed([("dim", text)], console.width, 2))
