"""Stepping what runs in the foreground, and looking at it while it stands still.

Each key of the terminal is a method here of the same meaning: `pause`, `timer`,
`anext`, `values`, `evaluate`, `go_on`; ``:walk`` begins with `anext`. What they show
goes to the console, among the narration, which a pause switches on for the rest of the
statement.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import TYPE_CHECKING

from asyncrepl.commands.registry import Command, CommandError, Instead
from asyncrepl.engine.interrupts import shield
from asyncrepl.views.errors import exception_line
from asyncrepl.views.styled import flowed, one_line, text_lines

if TYPE_CHECKING:
    from types import FrameType

    from asyncrepl.commands.shell import Shell
    from asyncrepl.engine.pausing import Mode, Pausing
    from asyncrepl.engine.stepping import Stepped

__all__ = ["COMMANDS", "Stepping"]

_NO_WALK = "no async for is under way: the next one that begins is waited for"
_UNSEEN = (
    "this async for cannot be stepped: a debugger or another tool traces the program; it stays "
    "paused, t goes on to the next timer"
)


class Stepping:
    """The steps of one shell; for the loop's thread, except `press`, and what may be read.

    From any thread: `mode`, `passed`, `steps_walks`.
    """

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._pausing: Pausing | None = None
        self._making = threading.Lock()
        #: Whether `anext` can do what it says: not where somebody else traces the program.
        self.steps_walks = True

    # -- from any thread ---------------------------------------------------------------

    @property
    def mode(self) -> Mode:
        """How the program stands."""
        return "off" if self._pausing is None else self._pausing.mode

    @property
    def passed(self) -> int:
        """Nanoseconds of the user's time since the statement began."""
        return self._shell.loop.live.clock.time_ns() - self._shell.narrator.since

    def press(self, word: str, *texts: str) -> None:
        """Call the method of this name, wherever the loop's thread is just now."""
        self._made().post(lambda: self._act(word, *texts))

    def _act(self, word: str, *texts: str) -> None:
        if not self._shell.busy:  # the statement has ended meanwhile
            return
        try:
            with shield:
                getattr(self, word)(*texts)
        except KeyboardInterrupt:
            # Where the statement itself stands, it comes out there; else it has only found
            # a long turn of the loop with this in it.
            if asyncio.current_task(self._shell.loop) is self._shell.task:
                raise
            self._shell.interrupt()

    def _made(self) -> Pausing:
        with self._making:
            if self._pausing is None:
                from asyncrepl.engine.pausing import Pausing

                self._pausing = Pausing(self._shell.loop)
            return self._pausing

    # -- time --------------------------------------------------------------------------

    def pause(self) -> None:
        """Let time stand still, and tell the statement's walks from now on."""
        self._made().pause()
        self._follow()

    def timer(self) -> None:
        """Go on to the next timer."""
        self._made().next_timer(self._fired)
        self._follow()

    def anext(self) -> None:
        """Go on to the next ``__anext__`` of a walk."""
        self._made().next_anext(self._look_for_walks)

    def begin(self) -> None:
        """What has just begun is to go to its first ``__anext__``."""
        self._made().next_anext(self._follow)

    def go_on(self) -> None:
        """Let time run on, as it did before the pause."""
        if self.mode != "off":
            self._made().go_on()
            self._shell.narrator.relax()

    def ended(self) -> None:
        """What ran in the foreground is over."""
        self.go_on()
        self._shell.narrator.unfollow()
        self.steps_walks = True

    def _follow(self) -> list[bool]:
        """Tell the walks; of those under way, whether they are told."""
        task = self._shell.task
        if task is None or self.mode == "step":
            return []
        walks = self._shell.narrator.follow(task, self._made().reached)
        self.steps_walks = any(walks) or not walks
        return walks

    def _look_for_walks(self) -> bool:
        """Whether the next step of a walk can be waited for."""
        walks = self._follow()
        if not any(walks):
            self._say(_UNSEEN if walks else _NO_WALK)
        return self.steps_walks

    def _fired(self, stepped: Stepped) -> None:
        if not stepped.fired:
            self._say("no timer is set: what is awaited comes from elsewhere; c goes on")

    # -- looking -----------------------------------------------------------------------

    def values(self) -> None:
        """Show the names and values where the program stands."""
        from asyncrepl.engine.scopes import scope_of
        from asyncrepl.views.paused import scope_lines

        if not (frames := self._frames()):
            self._say("no code of yours is suspended here")
        console = self._shell.console
        console.show(*scope_lines([scope_of(frame) for frame in frames], console.width))

    def evaluate(self, expression: str) -> None:
        """Show the value of `expression` where the program stands."""
        from asyncrepl.engine.limiting import TimeUpError
        from asyncrepl.engine.scopes import PATIENT, evaluate, value_text

        console = self._shell.console
        console.show([("dim", f"value of {one_line(expression)}")])
        try:
            value = evaluate(expression, self._frames())
        except TimeUpError:
            self._say(f"it takes longer than {PATIENT:g} s")
        except BaseException as error:  # also SystemExit: it must not end what stands here
            console.complain(exception_line(error))
        else:
            console.show(*text_lines(value_text(value, PATIENT)))

    def _frames(self) -> list[FrameType]:
        from asyncrepl.engine.scopes import frames_here, frames_of

        if self.mode == "step":
            return frames_here(sys._getframe())  # noqa: SLF001  the documented way
        return frames_of(self._shell.task)

    def _say(self, text: str) -> None:
        console = self._shell.console
        console.show(*flowed([("dim", text)], console.width, 2))


def _walk(shell: Shell, rest: str) -> Instead:
    if not rest:
        raise CommandError(":walk takes a statement: try :walk async for n in …")
    shell.front.show_step_keys()
    return Instead(rest, lambda _: shell.stepping.begin(), lambda: None)


COMMANDS = (
    Command(
        "walk",
        ":walk STATEMENT",
        "run it step by step, by keys",
        ":walk async for n in ticks(3): n",
        _walk,
        group="seeing",
        details="n goes to the next __anext__, t to the next timer, v shows the names, "
        "e evaluates, c goes on. Ctrl-S pauses any statement that runs, for the same keys.",
    ),
)
