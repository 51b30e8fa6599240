"""A replay where nobody can see typing: into a pipe, a file, a dumb terminal.

What comes out reads like the transcript: narration, prompts and inputs, and
between them the output, as the session gives it. Errors are part of the picture:
they go to the same stream.
"""

from __future__ import annotations

from contextlib import redirect_stderr
from typing import TYPE_CHECKING

from asyncrepl.transcript.grammar import Blank, Directive, Input, Narration
from asyncrepl.transcript.player import open_player
from asyncrepl.views.console import Console
from asyncrepl.views.styled import plain, text_lines

if TYPE_CHECKING:
    from asyncrepl.transcript.grammar import Entry, Transcript
    from asyncrepl.transcript.player import Player
    from asyncrepl.views.styled import Line

__all__ = ["replay_plain"]


def replay_plain(transcript: Transcript, console: Console, *, speed: float = 1.0) -> int:
    """Play `transcript` in a fresh session and write it to `console`; the exit status.

    The user's clock runs `speed` times as fast as real time (and as `#: rate` says);
    infinite is no delay. Nothing waits for typing, reading or a presenter. The status
    is 0, or that with which the transcript left the session. To be called in the main
    thread, where no loop runs; Ctrl-C raises KeyboardInterrupt.
    """
    console = Console(console.out, color=console.color, ascii=console.ascii)
    with redirect_stderr(console.out), open_player(transcript, console, speed) as player:
        for entry in transcript.entries:
            console.show(*_shown(entry))
            if isinstance(entry, Input):
                status = player.play(entry)
                if status.kind == "exit":
                    return status.exit_code
            else:
                _set_pace(entry, player, speed)
    return 0


def _shown(entry: Entry) -> list[Line]:
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
