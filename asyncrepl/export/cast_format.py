"""A session as an asciinema recording (version 2): typed, narrated and printed at its pace.

What is typed comes in the rhythm of a replay, what is printed at the instants of the user's
clock. As on the terminal's screen, output comes above the line that is typed.
"""

from __future__ import annotations

import json
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from asyncrepl.export.format_registry import export_format
from asyncrepl.export.recording import SCREEN_COLUMNS, styled_lines
from asyncrepl.export.screen_lines import input_lines, narration_lines
from asyncrepl.transcript.grammar import Directive, Input, Narration
from asyncrepl.transcript.replay import PAUSE_AFTER_STATEMENT, key_delays, reading_time
from asyncrepl.views.styled_lines import ansi, one_line, printable, safe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from asyncrepl.export.recording import Recording
    from asyncrepl.session.shell import Shell
    from asyncrepl.session.tape import OutputPiece, RecordedInput
    from asyncrepl.views.styled_lines import Line

#: The height of the screen.
SCREEN_ROWS = 24
#: Seconds in which a presenter presses a key.
_KEY_PRESS_PAUSE = 1.0
_PROMPT_TEXT = ansi([("label", ">>> ")])
#: Back to the beginning of the row, which is emptied.
_CLEAR_ROW = "\r\x1b[K"


def cast_header(columns: int, title: str = "") -> str:
    """The first line of a recording of a screen that has so many `columns`."""
    return _json_line({
        "version": 2, "width": columns, "height": SCREEN_ROWS,
        "title": one_line(title) or "asyncrepl",
        "env": {"TERM": "xterm-256color", "SHELL": "asyncrepl"},
    })  # fmt: skip


class CastEvents:
    """The events of a screen of so many columns; `now` is the next one's instant, in seconds."""

    def __init__(self, columns: int = SCREEN_COLUMNS) -> None:
        self._columns = columns
        self.now = 0.0
        self.rate = 1.0
        self._events: list[tuple[float, str, str]] = []
        self._show(_PROMPT_TEXT)

    def narrate(self, text: str) -> None:
        """Tell something above the prompt, and let it be read."""
        lines = "".join(ansi(line) + "\r\n" for line in narration_lines(text, self._columns))
        self._show(_CLEAR_ROW + "\r\n" + lines + _PROMPT_TEXT)
        self.now += reading_time(text)

    def play(self, recorded: RecordedInput) -> None:
        """Type an input, show what it prints, and then the prompt."""
        self._type(recorded.text)
        start, began = self.now, recorded.began
        idle = len(recorded.pieces) if recorded.idle is None else recorded.idle
        for at, text in _timed_output(recorded.pieces[:idle]):
            self.now = max(self.now, start + (at - began) / self.rate)
            self._show(text)
        if recorded.ended is not None:
            self.now = max(self.now, start + (recorded.ended - began) / self.rate)
        printed, later = recorded.pieces[:idle], recorded.pieces[idle:]
        ends_line = not styled_lines(printed) or printed[-1].text.endswith("\n")
        self._show(("" if ends_line else "\r\n") + _PROMPT_TEXT)
        for at, text in _timed_output(later):
            self.now = max(self.now, start + (at - began) / self.rate)
            self._show(_CLEAR_ROW + text + _PROMPT_TEXT)
        self.now += PAUSE_AFTER_STATEMENT

    def taken(self) -> str:
        """The lines of the events so far, which are forgotten here."""
        events, self._events = self._events, []
        return "".join(map(_json_line, events))

    def fork(self) -> CastEvents:
        """Events that go on from here; these stay as they are."""
        other = CastEvents(self._columns)
        other.now, other.rate, other._events = self.now, self.rate, []
        return other

    def _show(self, text: str) -> None:
        self._events.append((round(self.now, 6), "o", text))

    def _type(self, text: str) -> None:
        keys = [(style, char) for line in _styled_characters(text) for style, char in line]
        *waits, enter = key_delays(text)
        for (style, char), wait in zip(keys, waits, strict=True):
            self.now += wait
            self._show(
                "\r\n" + ansi([("label", "... ")]) if char == "\n" else ansi([(style, char)])
            )
        self.now += enter
        self._show("\r\n")


class _GrowingRecording:
    """Event after event of a screen."""

    def __init__(self, shell: Shell) -> None:
        self._columns = max(SCREEN_COLUMNS, shell.console.width or 0)
        self._events = CastEvents()

    def head(self) -> str:
        """The header, and the first prompt."""
        return cast_header(self._columns) + self._events.taken()

    def settled(self, recorded: RecordedInput, following: RecordedInput) -> str:  # noqa: ARG002  the protocol's
        """The events of `recorded`."""
        self._events.play(recorded)
        return self._events.taken()

    def unsettled(self, recorded: RecordedInput) -> str:
        """The events of `recorded` so far."""
        events = self._events.fork()
        events.play(recorded)
        return events.taken()


@export_format("cast", "a recording for asciinema", rank=30, growing=_GrowingRecording)
def cast_text(recording: Recording) -> str:
    """The recording as text: a line of JSON a header, then one an event."""
    events = CastEvents(recording.columns)
    for entry, recorded in recording.parts:
        match entry:
            case Directive(name="title", value=text) | Narration(text=text):
                events.narrate(text)
            case Directive(name="pause"):
                events.now += _KEY_PRESS_PAUSE
            case Directive(name="rate", meaning=float(rate)):
                events.rate = rate
            case Input() if recorded is not None:
                events.play(recorded)
    return cast_header(recording.columns, recording.title) + events.taken()


def _json_line(line: object) -> str:
    return json.dumps(line, ensure_ascii=False) + "\n"


def _styled_characters(text: str) -> list[Line]:
    """The characters of `text` one by one, each in the style it has in the whole."""
    styles: dict[int, str] = {}
    at = 0
    for line in input_lines(text):
        for style, piece in line[1:]:
            styles |= dict.fromkeys(range(at, at + len(piece)), style)
            at += len(piece)
        at += 1
    return [[(styles.get(at, ""), printable(char))] for at, char in enumerate(text)]


def _timed_output(pieces: Iterable[OutputPiece]) -> list[tuple[float, str]]:
    """The output with its instants, that of one instant in one."""
    return [
        (at, ansi(safe([(piece.style, piece.text) for piece in moment])).replace("\n", "\r\n"))
        for at, moment in groupby(pieces, key=attrgetter("at"))
    ]
