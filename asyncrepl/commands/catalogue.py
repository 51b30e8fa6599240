"""All commands, in the order in which ``:help`` lists them."""

from __future__ import annotations

from asyncrepl.commands import (
    background,
    leaks,
    loading,
    pictures,
    replaying,
    seeing,
    session,
    stepping,
    timing,
)
from asyncrepl.commands.registry import Registry

__all__ = ["all_commands"]


def all_commands() -> Registry:
    """A registry of every command."""
    return Registry(
        (
            *loading.COMMANDS,
            *replaying.COMMANDS,
            *background.COMMANDS,
            *seeing.COMMANDS,
            *stepping.COMMANDS,
            *pictures.COMMANDS,
            *timing.COMMANDS,
            *leaks.COMMANDS,
            *session.COMMANDS,
        )
    )
