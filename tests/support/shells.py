"""A shell without a terminal, for tests: type into it, read what it showed."""

from __future__ import annotations

import contextlib
import io
from contextlib import contextmanager
from typing import TYPE_CHECKING

from asyncrepl.engine.loop.loop_clock import Clock
from asyncrepl.session.frontend import Console
from asyncrepl.session.shell import open_shell
from asyncrepl.transcript.transcript_output import TeeStream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.session.frontend import Frontend
    from asyncrepl.session.input_run import Status
    from asyncrepl.session.shell import Shell

__all__ = ["Typed", "typed_shell"]


class Typed:
    """Types into a shell; time is virtual and stands still between the inputs."""

    def __init__(self, shell: Shell, out: io.StringIO) -> None:
        self.shell = shell
        self._out = out
        self.status: Status | None = None

    def __call__(self, text: str, *, interrupt_after: float | None = None) -> str:
        """Run `text` to its end; what it showed."""
        self.status = None
        self.shell.loop.live.clock.release()
        self.shell.loop.call_soon(self._submit, text, interrupt_after)
        # Here and not once for all: pytest changes the streams after a fixture's set-up.
        out = TeeStream(self._out, self.shell.tape.write)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            while self.status is None:
                self.shell.loop.run_forever()
        return self.shown()

    def shown(self) -> str:
        """What was shown since the last question."""
        text = self._out.getvalue()
        self._out.seek(0)
        self._out.truncate()
        return text

    def _submit(self, text: str, interrupt_after: float | None) -> None:
        self.shell.submit(text, self._done, interrupt_after=interrupt_after)

    def _done(self, status: Status) -> None:
        self.status = status
        self.shell.loop.live.clock.hold()
        self.shell.loop.stop()


@contextmanager
def typed_shell(
    frontend: Frontend | None = None, *, clock: Clock | None = None, width: int | None = None
) -> Iterator[Typed]:
    """A fresh shell whose output, with that of user code, is kept in memory.

    Its clock is virtual, if none is given.
    """
    out = io.StringIO()
    console = Console(out, width=None if width is None else lambda: width)
    with open_shell(console, frontend=frontend, clock=clock or Clock.virtual()) as shell:
        yield Typed(shell, out)
