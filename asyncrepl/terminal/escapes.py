r"""What of a program's output may reach the terminal: text, colours and links.

The screen belongs to the editor line and the panel under it; a program that
moves the cursor, clears the screen or switches buffers would tear them. So
only SGR (colour) and OSC 8 (links) pass; every other control character is
spelled out as Python would write it, which also shows the reader what the
program tried to send.

A sequence may be split over two writes (``print("\x1b[3", end="")``), so the
filter has a memory: an unfinished, still permitted beginning waits for the
next text. Stripping each write on its own lets ``"\\x1b"`` + ``"[2J"`` through.
"""

from __future__ import annotations

import re

from asyncrepl.views.styled import printable

__all__ = ["EscapeFilter"]

_MAX_PENDING = 2048

# A carriage return and a backspace pass: the row they belong to handles them.
_SUSPICIOUS = re.compile(r"[\x00-\x07\x0b-\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")

_PERMITTED = re.compile(
    r"(\x1b\[[0-9;:]*m"  # SGR
    r"|\x1b\]8;[^\x00-\x1f\x7f-\x9f]*(?:\x1b\\|\x07))"  # OSC 8
)

_UNFINISHED = re.compile(
    r"\x1b(?:\[[0-9;:]*|\](?:8(?:;[^\x00-\x1f\x7f-\x9f]*\x1b?)?)?)?\Z",
)


class EscapeFilter:
    r"""Feeds text through; gives back text that cannot move the cursor up or away.

    The result holds printable characters, ``\n``, ``\r``, ``\b``, ``\t``, SGR and OSC 8.
    """

    def __init__(self) -> None:
        self._pending = ""

    def feed(self, text: str) -> str:
        """The harmless form of `text`, perhaps without an unfinished escape at its end."""
        if self._pending:
            text, self._pending = self._pending + text, ""
        if not _SUSPICIOUS.search(text):
            return text
        text = self._keep_unfinished(text)
        parts = _PERMITTED.split(text)
        # re.split with one group: odd places are the permitted sequences.
        parts[::2] = [_spelled(part) for part in parts[::2]]
        return "".join(parts)

    def finish(self) -> str:
        """What was still waiting for its end, spelled out."""
        pending, self._pending = self._pending, ""
        return _spelled(pending)

    def _keep_unfinished(self, text: str) -> str:
        found = _UNFINISHED.search(text, max(0, len(text) - _MAX_PENDING))
        if found is None:
            return text
        self._pending = found[0]
        return text[: found.start()]


def _spelled(text: str) -> str:
    return _SUSPICIOUS.sub(lambda match: printable(match[0]), text)
