"""A session as an asciinema recording (version 2): typed, told and printed at its pace.

What is typed comes in the rhythm of a replay, what is printed at the instants of the user's
clock. As on the terminal's screen, output comes above the line that is typed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from asyncrepl.export.recording import COLUMNS, styled_lines
from asyncrepl.export.rows import input_lines, narration_lines
from asyncrepl.transcript.grammar import Directive, Input, Narration
from asyncrepl.transcript.rhythm import AFTER_STATEMENT, delays, reading_time
from asyncrepl.views.styled import ansi, one_line, printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from asyncrepl.commands.tape import Piece, Scene
    from asyncrepl.export.recording import Recording
    from asyncrepl.views.styled import Line

__all__ = ["ROWS", "Film", "cast", "header"]

#: The height of the screen.
ROWS = 24
#: Seconds in which a presenter presses a key.
_PAUSE = 1.0
_PROMPT = ansi([("label", ">>> ")])
#: Back to the beginning of the row, which is emptied.
_AWAY = "\r\x1b[K"


def cast(recording: Recording) -> str:
    """The recording as text: a line of JSON a header, then one an event."""
    film = Film()
    for entry, scene in recording.parts:
        match entry:
            case Directive(name="title", value=text) | Narration(text=text):
                film.narrate(text)
            case Directive(name="pause"):
                film.now += _PAUSE
            case Directive(name="rate", meaning=float(rate)):
                film.rate = rate
            case Input() if scene is not None:
                film.play(scene)
    return header(recording.title) + film.taken()


def header(title: str = "") -> str:
    """The first line of a recording."""
    return _json({
        "version": 2, "width": COLUMNS, "height": ROWS,
        "title": one_line(title) or "asyncrepl",
        "env": {"TERM": "xterm-256color", "SHELL": "asyncrepl"},
    })  # fmt: skip


class Film:
    """The events of a recording; `now` is the instant of the next one, in seconds."""

    def __init__(self) -> None:
        self.now = 0.0
        self.rate = 1.0
        self._events: list[tuple[float, str, str]] = []
        self._show(_PROMPT)

    def narrate(self, text: str) -> None:
        """Tell something above the prompt, and let it be read."""
        self._show(_AWAY + "\r\n" + _text(narration_lines(text)) + _PROMPT)
        self.now += reading_time(text)

    def play(self, scene: Scene) -> None:
        """Type an input, show what it prints, and then the prompt."""
        self._type(scene.text)
        start, began = self.now, scene.began
        idle = len(scene.pieces) if scene.idle is None else scene.idle
        for at, text in _moments(scene.pieces[:idle]):
            self.now = max(self.now, start + (at - began) / self.rate)
            self._show(text)
        if scene.ended is not None:
            self.now = max(self.now, start + (scene.ended - began) / self.rate)
        self._show(("" if _ends_line(scene.pieces[:idle]) else "\r\n") + _PROMPT)
        for at, text in _moments(scene.pieces[idle:]):
            self.now = max(self.now, start + (at - began) / self.rate)
            self._show(_AWAY + text + _PROMPT)
        self.now += AFTER_STATEMENT

    def taken(self) -> str:
        """The lines of the events so far, which are forgotten here."""
        events, self._events = self._events, []
        return "".join(map(_json, events))

    def fork(self) -> Film:
        """A film that goes on from here, and leaves this one as it is."""
        other = Film()
        other.now, other.rate, other._events = self.now, self.rate, []
        return other

    def _show(self, text: str) -> None:
        self._events.append((round(self.now, 6), "o", text))

    def _type(self, text: str) -> None:
        keys = [(style, char) for line in _typed(text) for style, char in line]
        *waits, enter = delays(text)
        for (style, char), wait in zip(keys, waits, strict=True):
            self.now += wait
            self._show(
                "\r\n" + ansi([("label", "... ")]) if char == "\n" else ansi([(style, char)])
            )
        self.now += enter
        self._show("\r\n")


def _json(line: object) -> str:
    return json.dumps(line, ensure_ascii=False) + "\n"


def _typed(text: str) -> list[Line]:
    """The characters of `text` one by one, each in the style it has in the whole."""
    styles: dict[int, str] = {}
    at = 0
    for line in input_lines(text):
        for style, piece in line[1:]:
            styles |= dict.fromkeys(range(at, at + len(piece)), style)
            at += len(piece)
        at += 1
    return [[(styles.get(at, ""), printable(char))] for at, char in enumerate(text)]


def _moments(pieces: Iterable[Piece]) -> list[tuple[float, str]]:
    """The output with its instants, that of one instant in one."""
    moments: list[tuple[float, str]] = []
    for piece in pieces:
        text = ansi([(piece.style, printable(piece.text))]).replace("\n", "\r\n")
        if moments and moments[-1][0] == piece.at:
            moments[-1] = piece.at, moments[-1][1] + text
        else:
            moments.append((piece.at, text))
    return moments


def _ends_line(pieces: list[Piece]) -> bool:
    return not styled_lines(pieces) or pieces[-1].text.endswith("\n")


def _text(lines: list[Line]) -> str:
    return "".join(ansi(line) + "\r\n" for line in lines)
