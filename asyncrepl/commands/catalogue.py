"""All commands, in the order in which ``:help`` lists them."""

from __future__ import annotations

from importlib import import_module

from asyncrepl.commands import (
    background,
    helping,
    leaks,
    loading,
    pictures,
    replaying,
    seeing,
    session,
    setting,
    stepping,
    timing,
    tour,
)
from asyncrepl.commands.registry import Registry

__all__ = ["all_commands"]

#: Commands of a package that builds on this one: found by name, as a plugin's would be.
LATER = "asyncrepl.export.commands"


def all_commands() -> Registry:
    """A registry of every command."""
    return Registry(
        (
            *tour.COMMANDS,
            *loading.COMMANDS,
            *replaying.COMMANDS,
            *background.COMMANDS,
            *seeing.COMMANDS,
            *stepping.COMMANDS,
            *pictures.COMMANDS,
            *timing.COMMANDS,
            *leaks.COMMANDS,
            *import_module(LATER).COMMANDS,
            *setting.COMMANDS,
            *helping.COMMANDS,
            *session.COMMANDS,
        )
    )
