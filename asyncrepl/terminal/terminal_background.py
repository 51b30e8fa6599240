"""Asking the terminal for the colour of its background, without waiting for the answer.

The question (OSC 11) goes out once the first prompt is drawn. The answer comes among the keys,
some milliseconds later, or seconds over a slow line, or never; it is taken out of what was read,
also if it comes in pieces, and never typed. Until it is there, colours are used that can be read
on any background.

What does not work: to ask before the first prompt and wait. A terminal that knows no such question
is silent, and so is one at the end of a slow line; the prompt would come later for everybody. And
to give the keys to prompt_toolkit as they are: it takes the answer for Alt-] and twenty letters.
"""

from __future__ import annotations

import os
import re
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from prompt_toolkit.output import Output

    from asyncrepl.views.styled_lines import Theme

BACKGROUND_QUESTION = "\x1b]11;?\x1b\\"
_BEGINNING = "\x1b]11;"
_ANSWER = re.compile(r"\x1b\]11;([^\x07\x1b]*)(?:\x07|\x1b\\)")
_COLOR = re.compile(r"rgba?:([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})")
_LONGEST = 64  # characters of an answer
#: Terminals that know no such question, or show it.
_SILENT = ("dumb", "linux", "ansi", "vt", "cons", "unknown")
_PATIENCE = 0.3  # seconds after the question for which leaving the terminal waits


def may_ask(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the terminal is one that takes such a question for one."""
    term = environ.get("TERM", "")
    return bool(term) and not term.startswith(_SILENT)


def known_background(environ: Mapping[str, str] = os.environ) -> str | None:
    """What COLORFGBG says, which some terminals set: "light", "dark" or nothing."""
    number = environ.get("COLORFGBG", "").rpartition(";")[2]
    if not number.isdecimal():
        return None
    return "light" if int(number) in {7, *range(9, 16)} else "dark"


def background_of(color: str) -> str | None:
    """What a colour is as X writes it, ``rgb:ffff/ffff/ffff``: "light" or "dark"."""
    found = _COLOR.match(color)
    if found is None:
        return None
    red, green, blue = (int(part, 16) / (16 ** len(part) - 1) for part in found.groups())
    return "light" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.5 else "dark"


class BackgroundQuestion:
    """Whether the terminal was asked, and its answer; for the terminal's thread.

    `theme` learns the background, and then `changed` is called. Nothing is asked without
    `color`, nor where it would change nothing.
    """

    def __init__(self, theme: Theme, changed: Callable[[], object], *, color: bool) -> None:
        self._theme = theme
        self._changed = changed
        theme.background = known_background()
        self._asks = color and theme.name == "auto" and may_ask()
        #: Whether the answer is still to come.
        self.awaited = False
        self._asked_at = 0.0

    def ask(self, output: Output) -> None:
        """Put the question, if it is to be put, and do not wait."""
        if self._asks:
            self.awaited, self._asked_at = True, monotonic()
            output.write_raw(BACKGROUND_QUESTION)
            output.flush()

    def answered(self, color: str) -> None:
        """The terminal has named this colour."""
        self.awaited = False
        self._theme.background = background_of(color)
        self._changed()

    @property
    def patience(self) -> float:
        """Seconds for which it is worth waiting for the answer, before somebody else reads."""
        left = self._asked_at + _PATIENCE - monotonic()
        return max(left, 0.0) if self.awaited else 0.0


class AnswerFilter:
    """Takes the answer to `question` out of what one reader of the terminal has read.

    Each reader has its own: half a second after a key it gives up what was kept, and would
    take an Escape that was meant for the other.
    """

    def __init__(self, question: BackgroundQuestion) -> None:
        self._question = question
        self._held = ""

    def without(self, data: str) -> str:
        """The keys in `data`: what is no answer, nor the beginning of one."""
        data, self._held = self._held + data, ""
        if not self._question.awaited:
            return data
        found = _ANSWER.search(data)
        if found is not None:
            self._question.answered(found[1])
            return data[: found.start()] + data[found.end() :]
        begun = _begun_at(data)
        self._held = data[begun:]
        return data[:begun]

    def given_up(self) -> str:
        """The Escape, or Alt-], that was kept: nothing that goes on with it has come."""
        if len(self._held) >= len(_BEGINNING):
            return ""  # it is the answer, of which more is to come
        held, self._held = self._held, ""
        return held


def _begun_at(data: str) -> int:
    """Where an answer begins in `data` that may be going on later; its end if none does."""
    start = data.rfind("\x1b")
    if data[start:] == "\x1b" and data.find(_BEGINNING) >= 0:
        start = data.find(_BEGINNING)  # the Escape is half of the answer's end
    tail = data[start:] if start >= 0 else ""
    may_be = tail and (_BEGINNING.startswith(tail) or tail.startswith(_BEGINNING))
    return start if may_be and len(tail) <= _LONGEST else len(data)
