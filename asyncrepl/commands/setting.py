"""`:set`; what does it is imported when it is asked for."""

from __future__ import annotations

from functools import partial

from asyncrepl.commands.registry import Command, later

__all__ = ["COMMANDS"]

_choosing = partial(later, "asyncrepl.commands.choosing")

COMMANDS = (
    Command(
        "set",
        ":set [NAME on|off]",
        "show the settings of this session, or change one",
        ":set lanes off",
        _choosing("choose"),
        _choosing("words"),
    ),
)
