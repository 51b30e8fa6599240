"""Themes: which of the terminal's 16 colours a style has, by the background it stands on.

The 16 colours are the user's own. In the palettes that terminals come with (xterm, VTE,
Terminal.app, Windows), yellow and cyan cannot be read on white, nor blue on black; contrast in the
worst of them: yellow 1.7 and cyan 1.9 on white, blue 2.2 on black. While the background is not
known ("auto", and no answer), neither yellow nor blue is used. Exports have colours of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncrepl.views.styled_lines import STYLES

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Theme"]

_UNKNOWN = {"string": "32", "cancelled": "35"}
_BLUE = dict.fromkeys(("label", "code", "ticker", "value", "number"), "34")
_LIGHT = {**_UNKNOWN, **_BLUE, "string": "31"}
#: Without the colours: bold, dim, underlined and reverse stay, for they mark.
_MONO = {name: "" for name, code in STYLES.items() if code.startswith("3")} | {
    "error": "1", "label": "1", "keyword": "1",
}  # fmt: skip
_STYLES: dict[str, Mapping[str, str]] = {
    "auto": STYLES | _UNKNOWN, "light": STYLES | _LIGHT, "dark": STYLES, "mono": STYLES | _MONO,
}  # fmt: skip


class Theme:
    """The theme of one session: what was `chosen`, and the `background` if it is known.

    May be read from any thread.
    """

    def __init__(self, chosen: str = "auto") -> None:
        #: One of `asyncrepl.runtime.configuration.THEMES`; "auto" goes by the background.
        self.chosen = chosen
        #: "light" or "dark", once the terminal has said so.
        self.background: str | None = None

    @property
    def name(self) -> str:
        """The theme in force: "auto" only as long as the background is not known."""
        return self.background or "auto" if self.chosen == "auto" else self.chosen

    @property
    def styles(self) -> Mapping[str, str]:
        """The SGR parameters by the style's name."""
        return _STYLES[self.name]
