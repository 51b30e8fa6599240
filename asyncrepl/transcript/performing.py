"""One input of a transcript, from Enter to the moment when nothing moves any more.

The user's clock stands still before and after, so that it does not matter how
long anybody takes to type the next one. What is due at the very instant at
which the statement ends still runs, and what it prints belongs to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.commands.shell import Shell
    from asyncrepl.commands.status import Status

__all__ = ["perform"]


def perform(
    shell: Shell,
    text: str,
    done: Callable[[Status], object],
    *,
    interrupt_after: float | None = None,
) -> None:
    """Submit `text` to `shell` and let time pass until it is done; then call `done`.

    For the thread of the shell's loop, which runs or is about to. The clock is held
    when `done` is called. `interrupt_after` is `Shell.submit`'s.
    """
    clock = shell.loop.live.clock

    def ended(status: Status) -> None:
        clock.hold()
        shell.loop.when_settled(lambda: done(status))

    clock.release()
    shell.submit(text, ended, interrupt_after=interrupt_after)
