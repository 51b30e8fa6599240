"""One transcript on trial: run it on the virtual clock, compare what it prints.

The same player, shell and clock as in a replay perform it; only nobody waits
for the typing. Garbage is collected between statements and at no other time:
what is told when an object dies (a coroutine never awaited, an exception never
retrieved) would else come wherever the collector happened to run.
"""

from __future__ import annotations

import gc
import importlib.util
import math
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from asyncrepl.language.reading import is_complete
from asyncrepl.transcript.grammar import TranscriptError
from asyncrepl.transcript.matching import matches
from asyncrepl.transcript.paper import Paper, writing_on
from asyncrepl.transcript.parser import load
from asyncrepl.transcript.player import HungError, open_player
from asyncrepl.transcript.report import Difference, Report
from asyncrepl.transcript.watch import Limits
from asyncrepl.views.console import Console

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from asyncrepl.transcript.grammar import Transcript
    from asyncrepl.transcript.player import Player

__all__ = ["check_file", "check_transcript", "lacking"]


def check_file(path: str | Path, *, limits: Limits | None = None) -> Report:
    """Run the transcript in the file at `path` and say what differed.

    Raises `OSError` and `TranscriptError` for a file that can't be used.
    """
    return check_transcript(load(path), limits=limits)


def check_transcript(transcript: Transcript, *, limits: Limits | None = None) -> Report:
    """Run `transcript` in a fresh session and say what differed.

    To be called where no loop runs; hanging synchronous code can only be stopped
    in the main thread. Raises `TranscriptError` for an input that Enter would not
    submit.
    """
    if missing := lacking(transcript):
        return Report(transcript, skipped=f"{transcript.filename}: skipped, it needs {missing}")
    _refuse_unfinished(transcript)
    paper = Paper()
    with (
        _garbage_collected_by_hand(),
        writing_on(paper),
        open_player(transcript, Console(paper), math.inf, limits or Limits()) as player,
    ):
        return _compared(transcript, player, paper)


def lacking(transcript: Transcript) -> str:
    """What `transcript` requires and this Python doesn't have, or an empty string."""
    for required in transcript.meanings("requires"):
        if isinstance(required, tuple):
            if sys.version_info < required:
                return f"Python {required[0]}.{required[1]}"
        elif not _importable(str(required)):
            return f"the module {required}"
    return ""


def _importable(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:  # its package is missing
        return False


def _refuse_unfinished(transcript: Transcript) -> None:
    for entry in transcript.inputs:
        if not is_complete(entry.text):
            line = entry.expected_line - 1
            reason = "Enter would not submit this: end the block with a '...' line"
            raise TranscriptError(transcript.filename, line, reason)


def _compared(transcript: Transcript, player: Player, paper: Paper) -> Report:
    differences: list[Difference] = []
    trouble = None
    entries = transcript.inputs
    for ran, entry in enumerate(entries):
        where = f"{transcript.filename}:{entry.line}"
        try:
            status = player.play(entry)
        except HungError as reason:
            return Report(transcript, ran, tuple(differences), f"{where}: hangs: {reason}")
        gc.collect()
        actual = paper.take()
        if not matches(entry.expected, actual):
            differences.append(Difference(entry, actual))
        if status.kind == "exit" and entry is not entries[-1]:
            trouble = f"{where}: ends the session; what comes after it was not run"
            return Report(transcript, ran + 1, tuple(differences), trouble)
    return Report(transcript, len(entries), tuple(differences))


@contextmanager
def _garbage_collected_by_hand() -> Iterator[None]:
    enabled = gc.isenabled()
    gc.disable()
    gc.freeze()  # what the program itself has made need not be looked at each time
    try:
        yield
    finally:
        gc.unfreeze()
        if enabled:
            gc.enable()
