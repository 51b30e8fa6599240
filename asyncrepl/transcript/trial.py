"""One transcript on trial: run it on the virtual clock, compare what it prints.

The same player, shell and clock as in a replay perform it; only nobody waits
for the typing.

Where timers tie (see `asyncrepl.engine.ties`) the transcript is performed again, with
ties the other way round. If it prints something else, there is a warning; unless
it prints something else each time. To warn of each tie would cry wolf: most matter to
nobody. To look who prints at that instant misses queues, and all that shows later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncrepl.transcript.finding import lacking
from asyncrepl.transcript.matching import matches
from asyncrepl.transcript.parser import load
from asyncrepl.transcript.performance import Performance, performed
from asyncrepl.transcript.report import Difference, Report
from asyncrepl.transcript.watch import Limits

if TYPE_CHECKING:
    from pathlib import Path

    from asyncrepl.engine.ties import Tie
    from asyncrepl.transcript.grammar import Input, Transcript

__all__ = ["check_file", "check_transcript"]


def check_file(path: str | Path, *, limits: Limits | None = None) -> Report:
    """Run the transcript in the file at `path` and say what differed.

    Raises `OSError` and `TranscriptError` for a file that can't be used.
    """
    return check_transcript(load(path), limits=limits)


def check_transcript(transcript: Transcript, *, limits: Limits | None = None) -> Report:
    """Run `transcript` in a fresh session and say what differed.

    To be called where no loop runs; hanging synchronous code can only be stopped
    in the main thread.
    """
    if missing := lacking(transcript):
        return Report(transcript, skipped=f"{transcript.filename}: skipped, it needs {missing}")
    limits = limits or Limits()
    run = performed(transcript, limits)
    differences = [
        Difference(entry, printed)
        for entry, printed in zip(transcript.inputs, run.outputs, strict=False)
        if not matches(entry.expected, printed)
    ]
    warning = _tie_that_shows(transcript, run, limits)
    return Report(transcript, len(run.outputs), tuple(differences), run.trouble, warning=warning)


def _tie_that_shows(transcript: Transcript, run: Performance, limits: Limits) -> str | None:
    """A warning, if what is printed depends on which of two timers goes first."""
    if run.outside or not any(run.ties):
        return None
    other = performed(transcript, limits, youngest_first=True)
    if run.same_as(other):
        return None
    # Other lines may come of chance, which a second run shows; another order does not.
    if not run.has_lines_of(other) and not run.same_as(performed(transcript, limits)):
        return None
    at = run.first_difference(other)
    ties = [tie for ties in run.ties[: at + 1] for tie in ties]
    shown = run.ties[at][0] if at < len(run.ties) and run.ties[at] else ties[-1]
    return _warning(transcript, transcript.inputs[at], shown)


def _warning(transcript: Transcript, entry: Input, tie: Tie) -> str:
    setters = " and ".join(dict.fromkeys(name or "a callback" for name in (tie.first, tie.second)))
    return (
        f"{transcript.filename}:{entry.line}: warning: timers tie at {tie.at:g} s ({setters}),"
        " and the output depends on which goes first"
    )
