"""The transcript that somebody names, ready to be played: by a demo's name, or by a path."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from asyncrepl.isolation import find_for_user
from asyncrepl.language.shipped import ShippedError, find_transcript
from asyncrepl.transcript.grammar import TranscriptError
from asyncrepl.transcript.parser import load

if TYPE_CHECKING:
    from asyncrepl.transcript.grammar import Transcript

__all__ = ["find", "lacking"]


def find(name: str) -> Transcript:
    """The transcript called `name`, or at that path.

    Raises ShippedError where there is none to be read, TranscriptError where it is
    not one, or requires what this Python does not have; both are one line.
    """
    path = find_transcript(name)
    try:
        transcript = load(path)
    except OSError as error:
        raise ShippedError(f"{path}: {error.strerror or error}") from None
    if missing := lacking(transcript):
        line = next(entry.line for entry in transcript.directives if entry.name == "requires")
        raise TranscriptError(transcript.filename, line, f"it needs {missing}")
    return transcript


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
        return find_for_user(module) is not None
    except ImportError:  # its package is missing
        return False
