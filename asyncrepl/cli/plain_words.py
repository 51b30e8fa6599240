"""Command lines that need no parser: nothing but switches, a program in ``-c``, or files.

Most are such, and `argparse` takes 5 ms, and a third of a megabyte that the prompt would keep.
What is not plain, a mistake above all, is for the parser of `asyncrepl.cli.options`, which has
its switches from the table here; both give the same for the same words.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncrepl.runtime.configuration import Settings


class Switch(NamedTuple):
    """An option without a value: how it is written, the attribute that it sets, what it does."""

    word: str
    name: str
    meaning: str


#: Those of a session.
SWITCHES = (
    Switch("-i", "stay", "stay at the prompt after FILE or CODE"),
    Switch("-q", "quiet", "no banner"),
    Switch("--trace", "trace", "tell the six steps of each async for"),
    Switch("--vi", "vi", "vi keys"),
    Switch("--audience", "audience", "show keys and steps to those who watch"),
    Switch("--print-config", "print_config", "print a commented configuration file"),
    Switch("--no-startup", "no_startup", "do not run startup.py"),
)


def session_words(words: Sequence[str]) -> SimpleNamespace | None:
    """The options of a session, from switches and perhaps ``-c CODE``; None if there is more."""
    unset = dict.fromkeys(("code", "module", "rate", "clock", "config", "file"))
    chosen = SimpleNamespace(**unset, color="auto", arguments=[])
    for switch in SWITCHES:
        setattr(chosen, switch.name, False)
    names = {switch.word: switch.name for switch in SWITCHES}
    if words[-2:-1] == ["-c"] and _plain(words[-1:]):
        chosen.code = words[-1]
        words = words[:-2]
    for word in words:
        if word not in names:
            return None
        setattr(chosen, names[word], True)
    return chosen


def check_words(words: Sequence[str]) -> SimpleNamespace | None:
    """The options of a check, from paths alone; None if there is anything else."""
    if not _plain(words):
        return None
    return SimpleNamespace(paths=list(words), accept=False, color="auto")


def _plain(words: Sequence[str]) -> bool:
    return bool(words) and all(word and not word.startswith("-") for word in words)


def with_options(settings: Settings, options: Any) -> Settings:
    """`settings`, with what the command line says instead."""
    rate = None if options.clock else settings.rate
    return settings._replace(
        audience=settings.audience or options.audience,
        banner=settings.banner and not options.quiet,
        clock=options.clock or settings.clock,
        color=settings.color if options.color == "auto" else options.color,
        rate=rate if options.rate is None else options.rate,
        trace=settings.trace or options.trace,
        vi=settings.vi or options.vi,
        startup=None if options.no_startup else settings.startup,
    )
