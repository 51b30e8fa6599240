"""What a session can be exported to: one function a format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncrepl.export.recording import record, record_walks

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.export.recording import Recording
    from asyncrepl.transcript.grammar import Transcript

__all__ = ["drawn", "export"]


def export(transcript: Transcript, format: str) -> str:  # noqa: A002  says it best
    """The text of `transcript`, performed on its own clock, in `format`: `options.FORMATS`.

    The same bytes each time, if the clock is virtual. To be called in the main thread, where
    no loop runs. Raises ExportError where the transcript hangs.
    """
    if format == "trace":
        from asyncrepl.export.trace import trace

        return trace(*record_walks(transcript), transcript.title)
    return drawn(record(transcript), format)


def drawn(recording: Recording, format: str) -> str:  # noqa: A002
    """The text of `recording` in `format`; a trace needs more than a recording."""
    return _FORMATS[format](recording)


def _script(recording: Recording) -> str:
    from asyncrepl.export.script import script

    return script(recording)


def _cast(recording: Recording) -> str:
    from asyncrepl.export.cast import cast

    return cast(recording)


def _html(recording: Recording) -> str:
    from asyncrepl.export.html import html

    return html(recording)


def _svg(recording: Recording) -> str:
    from asyncrepl.export.svg import svg

    return svg(recording)


_FORMATS: dict[str, Callable[[Recording], str]] = {
    "py": _script,
    "cast": _cast,
    "html": _html,
    "svg": _svg,
}
