"""The mode of vi: a row that names it, as vi has one, and the shape of the cursor.

With the keys of Emacs the cursor is left as the user's terminal draws it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prompt_toolkit.cursor_shapes import CursorShape, CursorShapeConfig
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.key_binding.vi_state import InputMode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prompt_toolkit.application import Application

    from asyncrepl.views.styled_lines import Line

__all__ = ["ViCursorShapes", "vi_mode_rows"]

_NAMES = {
    InputMode.INSERT: "INSERT",
    InputMode.INSERT_MULTIPLE: "INSERT",
    InputMode.NAVIGATION: "NORMAL",
    InputMode.REPLACE: "REPLACE",
    InputMode.REPLACE_SINGLE: "REPLACE",
}
_SHAPES = {
    "INSERT": CursorShape.BEAM,
    "REPLACE": CursorShape.UNDERLINE,
}


class ViCursorShapes(CursorShapeConfig):
    """A bar where text is inserted, an underline where it is replaced, else a block."""

    def get_cursor_shape(self, application: Application[Any]) -> CursorShape:
        """The shape for the mode; none of ours with other keys."""
        if application.editing_mode is not EditingMode.VI:
            return CursorShape._NEVER_CHANGE  # noqa: SLF001 - as prompt_toolkit's own do
        return _SHAPES.get(_mode(application), CursorShape.BLOCK)


def vi_mode_rows(application: Application[Any]) -> Sequence[Line]:
    """The row that names the mode, and the register that keys are recorded in; none without vi."""
    if application.editing_mode is not EditingMode.VI:
        return ()
    register = application.vi_state.recording_register
    recording = f"recording @{register}" if register else ""
    return [[("dim", f"-- {_mode(application)} --{recording}")]]


def _mode(application: Application[Any]) -> str:
    selection = application.current_buffer.selection_state
    if selection is not None and application.vi_state.input_mode is InputMode.NAVIGATION:
        return "VISUAL"
    return _NAMES[application.vi_state.input_mode]
