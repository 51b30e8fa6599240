"""The command that lists what was forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncrepl.commands.registry import Command, CommandError

if TYPE_CHECKING:
    from asyncrepl.commands.shell import Shell
    from asyncrepl.views.styled import Line

__all__ = ["COMMANDS"]


def _leaks(shell: Shell, rest: str) -> list[Line]:
    if rest:
        raise CommandError(f":leaks takes nothing, not {rest!r}")
    from asyncrepl.engine.forgetting.open_generators import open_generators
    from asyncrepl.views.leaks import leak_table

    shell.noticing.look()
    return leak_table(list(shell.noticing.leaks), open_generators(shell.loop), shell.console.width)


COMMANDS = (
    Command(
        "leaks",
        ":leaks",
        "list what was forgotten, and what is still open",
        ":leaks",
        _leaks,
        group="mistakes",
        details="Coroutines never awaited, async generators left open, tasks whose error "
        "nobody saw.",
        words=0,
    ),
)
