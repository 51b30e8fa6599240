"""What tests ask of a recording beside its formats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncrepl.export.format_registry import export_formats
from asyncrepl.export.screen_lines import entry_lines

if TYPE_CHECKING:
    from asyncrepl.export.recording import Recording
    from asyncrepl.views.styled_lines import Line

__all__ = ["recording_lines", "render_recording"]


def render_recording(recording: Recording, name: str) -> str:
    """The text of `recording` in the format of this name."""
    return export_formats()[name].render(recording)


def recording_lines(recording: Recording) -> list[Line]:
    """All lines that a screen would show."""
    return [line for lines in entry_lines(recording) for line in lines]
