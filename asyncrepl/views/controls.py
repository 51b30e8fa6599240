r"""What of a program's output is obeyed: colours, links, and moves within its own rows.

The screen belongs to the editor line and the panel under it; a program that clears the
screen, switches buffers or writes the clipboard would tear it, or worse. But progress bars
and spinners only redraw a few rows of their own, and the session keeps those as rows of
its layout (see `asyncrepl.views.live_rows`), where they can be obeyed without harm:

======================  ==============================================================
``\r \b \t``            as a terminal does
``CSI n A … G``         cursor up, down, forward, back; next, previous line; column
``CSI 0|1|2 K``         erase the rest of the row, its beginning, all of it
``CSI 0 J``             erase the rest of the rows (not the screen: ``1 J … 3 J``)
``CSI ? 25 h|l``        show or hide the cursor
``CSI ? 2026 h|l``      synchronized output, which ours is anyway
``ESC ( B``             ASCII, which it is anyway (what ``tput sgr0`` begins with)
SGR, OSC 8              colours and links
======================  ==============================================================

Every other control character is spelled out as Python would write it, which also shows
the reader what the program tried to send.

A sequence may be split over two writes (``print("\x1b[3", end="")``), so the
filter has a memory: an unfinished, still permitted beginning waits for the
next text. Stripping each write on its own lets ``"\\x1b"`` + ``"[2J"`` through.
"""

from __future__ import annotations

import re

from asyncrepl.views.styled import printable

__all__ = ["EscapeFilter"]

_MAX_PENDING = 2048

# What the rows themselves handle passes: carriage return, backspace, tab.
_SUSPICIOUS = re.compile(r"[\x00-\x07\x0b-\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")

_PERMITTED = re.compile(
    r"(\x1b\[[0-9;:]{0,200}m"
    r"|\x1b\[[0-9]{0,5}[A-G]|\x1b\[[012]?K|\x1b\[0?J|\x1b\[\?(?:25|2026)[hl]|\x1b\(B"
    r"|\x1b\]8;[^\x00-\x1f\x7f-\x9f]{0,2000}(?:\x1b\\|\x07))"
)

_UNFINISHED = re.compile(
    r"\x1b(?:\[[0-9;:]*|\[\?[0-9]{0,4}|\(|\](?:8(?:;[^\x00-\x1f\x7f-\x9f]*\x1b?)?)?)?\Z",
)


class EscapeFilter:
    r"""Feeds text through; gives back text that stays within the rows of its program.

    The result holds printable characters, ``\n``, ``\r``, ``\b``, ``\t`` and the sequences
    above.
    """

    def __init__(self) -> None:
        self._pending = ""

    def __bool__(self) -> bool:
        """Whether a sequence waits for its end."""
        return bool(self._pending)

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
