"""Commands that drive a scripted demo."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from asyncrepl.commands.registry import Command, CommandError
from asyncrepl.language.shipped import demos

if TYPE_CHECKING:
    from asyncrepl.commands.registry import Words
    from asyncrepl.commands.shell import Shell
    from asyncrepl.views.styled import Line

__all__ = ["COMMANDS"]


def _replay(shell: Shell, rest: str) -> list[Line]:
    if not rest:
        raise CommandError(":replay takes the name of a demo; :demos lists them")
    shell.front.replay(rest)
    return []


def _control(word: str, shell: Shell, rest: str) -> list[Line]:
    if rest:
        raise CommandError(f":{word} takes nothing, not {rest!r}")
    shell.front.control_replay(word)
    return []


def _names(_shell: Shell, _typed: str) -> Words:
    return {demo.name: demo.title for demo in demos()}


COMMANDS = (
    Command(
        "replay",
        ":replay NAME",
        "play a demo of the course, typed out live",
        ":replay six-steps",
        _replay,
        _names,
        group="learning",
        details="NAME is one of :demos, or its number; or a file. Ctrl-C holds it and gives "
        "you the prompt, :resume goes on.",
    ),
    Command(
        "pause",
        ":pause",
        "hold the demo that is played (also Ctrl-C)",
        ":pause",
        partial(_control, "pause"),
        group="learning",
        words=0,
    ),
    Command(
        "resume",
        ":resume",
        "go on with the demo",
        ":resume",
        partial(_control, "resume"),
        group="learning",
        words=0,
    ),
    Command(
        "step",
        ":step",
        "play one statement of the demo, then hold",
        ":step",
        partial(_control, "step"),
        group="learning",
        words=0,
    ),
)
