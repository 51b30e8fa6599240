"""A replay where nobody can see typing: into a pipe, a file, a dumb terminal.

What comes out reads like the transcript: narration, prompts and inputs, and
between them the output, as the session gives it. Errors are part of the picture:
they go to the same stream. Of rows that are drawn again and again, a progress bar or a
table, the last state comes out; what else would move a terminal's cursor is spelled out.
"""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, cast

from asyncrepl.session.console import Console
from asyncrepl.session.input_run import Status
from asyncrepl.transcript.grammar import Blank, Directive, Input, Narration
from asyncrepl.transcript.transcript_run import open_player
from asyncrepl.views.live_rows import LiveRows
from asyncrepl.views.screen_cells import EscapeFilter
from asyncrepl.views.styled_lines import plain, text_lines

if TYPE_CHECKING:
    from typing import TextIO

    from asyncrepl.transcript.grammar import Entry, Transcript
    from asyncrepl.transcript.transcript_run import Player
    from asyncrepl.views.styled_lines import Line

__all__ = ["replay_plain"]


def replay_plain(transcript: Transcript, console: Console, *, speed: float = 1.0) -> int:
    """Play `transcript` in a fresh session and write it to `console`; the exit status.

    The user's clock runs `speed` times as fast as real time (and as `#: rate` says);
    infinite is no delay. Nothing waits for typing, reading or a presenter. The status
    is 0, or that with which the transcript left the session. To be called in the main
    thread, where no loop runs; Ctrl-C raises KeyboardInterrupt.
    """
    out = _FinishedRowsStream(console.out)
    console = Console(cast("TextIO", out), color=console.color, ascii=console.ascii)
    status = Status()
    with (
        redirect_stdout(out),
        redirect_stderr(out),
        open_player(transcript, console, speed) as player,
    ):
        for entry in transcript.entries:
            console.show(*_entry_lines(entry))
            if isinstance(entry, Input):
                status = player.play(entry)
                if status.kind == "exit":
                    break
            else:
                _set_pace(entry, player, speed)
    out.show("")
    return status.exit_code


def _entry_lines(entry: Entry) -> list[Line]:
    match entry:
        case Blank():
            return [[]]
        case Narration(text=text):
            return [[("dim", f"# {line}".rstrip())] for line in text.split("\n")]
        case Directive(name="title", value=title):
            return [[("bold", f"# {title}")]]
        case Input(text=text):
            first, *others = text_lines(text)
            return [[("label", ">>> "), *first], *map(_continuation, others)]
    return []


def _continuation(line: Line) -> Line:
    return [("label", "... "), *line] if plain(line) else [("label", "...")]


def _set_pace(entry: Entry, player: Player, speed: float) -> None:
    match entry:
        case Directive(name="rate", meaning=float(rate)):
            player.set_pace(speed * rate)


class _FinishedRowsStream(io.TextIOBase):
    """Writes to `stream` what is finished of the rows that are written to it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._escapes, self._rows = EscapeFilter(), LiveRows()

    def write(self, text: str) -> int:
        """Write the lines that `text` completes."""
        self._rows.feed(self._escapes.feed(text))
        self._stream.write(self._rows.take()[1])
        return len(text)

    def show(self, text: str) -> None:
        """Write lines of the tool's own, which begin a row."""
        self._rows.feed(self._escapes.finish())
        self._stream.write(self._rows.take()[1] + self._rows.commit() + text)

    def flush(self) -> None:
        """Flush the stream."""
        self._stream.flush()

    def close(self) -> None:
        """Do nothing."""

    def fileno(self) -> int:
        """The stream's descriptor, which children inherit; raises OSError if it has none."""
        return self._stream.fileno()

    def writable(self) -> bool:
        """Say yes."""
        return True
