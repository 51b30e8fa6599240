"""One input, from Enter to the moment when nothing moves any more.

In a transcript, and on a virtual clock, the user's time stands still before and after,
so that it does not matter how long anybody takes to type the next one. What is due at
the very instant at which the statement ends still runs, and what it prints belongs to
it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.commands.shell import Shell
    from asyncrepl.commands.status import Status

__all__ = ["perform"]

#: Turns of the loop after which a program that never rests is left alone.
PATIENCE = 10_000


def perform(
    shell: Shell,
    text: str,
    done: Callable[[Status], object],
    *,
    interrupt_after: float | None = None,
    scripted: Callable[[], bool] = lambda: True,
    filename: str | None = None,
    mode: Literal["single", "exec"] = "single",
) -> None:
    """Submit `text` to `shell` and let time pass until it is done; then call `done`.

    For the thread of the shell's loop, which runs or is about to. The clock is held when
    `done` is called; but a real one only if the next input is `scripted`, too.
    `interrupt_after`, `filename` and `mode` are `Shell.submit`'s.
    """
    live = shell.loop.live

    def ended(status: Status) -> None:
        script = scripted()
        if not script and live.clock.mode == "real":
            done(status)
            return
        live.clock.hold()
        # Who types by hand must get the prompt back, also from what never rests.
        patience = math.inf if script else PATIENCE
        shell.loop.when_settled(lambda: done(status), patience=patience)

    live.clock.release()
    shell.submit(text, ended, interrupt_after=interrupt_after, filename=filename, mode=mode)
