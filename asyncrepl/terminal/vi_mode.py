"""The modes of vi: a row that names one, as vi has it, and the shape of the cursor.

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

#: Seconds until an Escape is a key of its own, and not the beginning of a longer one, in what the
#: terminal sends and among our bindings. With the keys of vi that key is pressed most;
#: prompt_toolkit's 0.5 and 1 are for those who type Escape in place of Alt.
_ESCAPE_AFTER = 0.05
_USUAL = 0.5, 1.0

_MODE_NAMES = {
    InputMode.NAVIGATION: "NORMAL",
    **dict.fromkeys((InputMode.INSERT, InputMode.INSERT_MULTIPLE), "INSERT"),
    **dict.fromkeys((InputMode.REPLACE, InputMode.REPLACE_SINGLE), "REPLACE"),
}
_SHAPES = {"INSERT": CursorShape.BEAM, "REPLACE": CursorShape.UNDERLINE}


class ViCursorShapes(CursorShapeConfig):
    """A bar where text is inserted, an underline where it is replaced, else a block."""

    def get_cursor_shape(self, application: Application[Any]) -> CursorShape:
        """The shape for the mode; none of ours with other keys."""
        if application.editing_mode is not EditingMode.VI:
            return CursorShape._NEVER_CHANGE  # noqa: SLF001 - as prompt_toolkit's own do
        return _SHAPES.get(_mode(application), CursorShape.BLOCK)


def use_vi(application: Application[Any], *, on: bool) -> None:
    """Take the keys of vi (`on`) or Emacs in `application`, from the next key on."""
    application.editing_mode = EditingMode.VI if on else EditingMode.EMACS
    waits = (_ESCAPE_AFTER, _ESCAPE_AFTER) if on else _USUAL
    application.ttimeoutlen, application.timeoutlen = waits


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
    return _MODE_NAMES[application.vi_state.input_mode]
