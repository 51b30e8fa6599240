"""Types the inputs of a mistake that raises nothing into a real shell, where all is observed."""

from __future__ import annotations

import contextlib
import gc
import io
import threading
import warnings
from typing import TYPE_CHECKING

from support.shells import Typed

from asyncrepl.session.frontend import Console
from asyncrepl.session.shell import open_shell

if TYPE_CHECKING:
    from asyncrepl.explain.explanation import Explanation

__all__ = ["observed"]

#: After so many seconds what hangs is interrupted.
_PATIENCE = 0.7


def observed(inputs: list[str]) -> tuple[Explanation | None, str]:
    """What is explained of `inputs` in the end, and all that they showed.

    On the real clock: what blocks a loop does so in real time.
    """
    out = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stderr(out):
        warnings.simplefilter("ignore")
        gc.collect()  # what earlier tests have left behind
        warnings.simplefilter("default")
        told = _told(inputs, out)
        warnings.simplefilter("ignore")
        gc.collect()  # what the session held warns now, and not in the next one
    return told


def _told(inputs: list[str], out: io.StringIO) -> tuple[Explanation | None, str]:
    with open_shell(Console(out, width=lambda: 80)) as shell:
        shell.narrator.listen()
        type_in = Typed(shell, out)
        shown = ""
        for text in inputs:
            with _interrupting(lambda: shell.loop.call_soon_threadsafe(shell.interrupt)):
                shown += type_in(text)
        gc.collect()
        shown += type_in("await asyncio.sleep(0)")
        found = shell.explanation or shell.mistake_reporter.asked() or shell.first
        shell.narrator.turn(on=False)
    return found, shown


def _interrupting(interrupt: object) -> contextlib.ExitStack:
    timer = threading.Timer(_PATIENCE, interrupt)  # type: ignore[arg-type]
    # By its name: a thread of the user's might wake the loop, and then nothing is stuck.
    timer.daemon, timer.name = True, "asyncrepl test"
    timer.start()
    stack = contextlib.ExitStack()
    stack.callback(timer.join)
    stack.callback(timer.cancel)
    return stack
