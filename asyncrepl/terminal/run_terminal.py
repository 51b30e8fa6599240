"""Running a session at the prompt: first the terminal, then the session behind it.

`terminal_session`, which imports nearly all of the program, is imported only when the prompt is
on the screen.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from asyncrepl.runtime.process import FAILED
from asyncrepl.terminal.terminal_setup import Terminal
from asyncrepl.views.error_lines import describe_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from asyncrepl.runtime.configuration import Program, Settings
    from asyncrepl.terminal.terminal_setup import ReplayPlan

#: Seconds: echo beside a CPU-bound task takes 3 ms instead of 12. So it does while the main thread
#: imports the session: at 5 ms the first key waits 50, for drawing gives the lock away ten times.
_SWITCH_INTERVAL = 0.001


def run_terminal(
    settings: Settings, first: Sequence[Program] = (), replays: Sequence[ReplayPlan] = ()
) -> int:
    """A session at the prompt, on the terminal that descriptors 0 and 1 are; its exit status.

    `first` are programs to run before the first prompt. With `replays` these are
    played, each in a session of its own, and then it ends.
    """
    terminal = Terminal(settings)
    if replays:
        terminal.ui.controller.ignore_keys()
    lost: BaseException | None = None
    status = FAILED
    try:
        with _short_switch_interval(), terminal.opened(running=bool(first)):
            from asyncrepl.terminal.terminal_session import run_replays, run_session

            if replays:
                status = run_replays(terminal, list(replays))
            else:
                status = run_session(terminal, list(first))
    except Exception as error:  # user code has broken what a session needs
        lost = error
    lost = terminal.ui.error or lost
    if lost is not None:
        line = f"asyncrepl: the session cannot go on: {describe_error(lost)}"
        print(line, file=sys.__stderr__)
        return FAILED
    return status


@contextmanager
def _short_switch_interval() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_INTERVAL)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
