"""What an export format is, and how it registers itself.

A format is a function with the decorator `export_format`, in a module of `asyncrepl.export` whose
name ends in ``_format``; nothing else names it. Options, completion and help are made from here.
The modules are imported when somebody asks for a format, not before: some take long.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, TypeVar

from asyncrepl import export

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.session.shell import Shell
    from asyncrepl.session.tape import RecordedInput

Render = TypeVar("Render", bound="Callable[..., str]")


class GrowingFormat(Protocol):
    """A file of a format that grows at its end."""

    def head(self) -> str:
        """The beginning."""

    def settled(self, recorded: RecordedInput, following: RecordedInput) -> str:
        """All that came of `recorded` until the `following` one began."""

    def unsettled(self, recorded: RecordedInput) -> str:
        """What has come of `recorded` so far."""


class ExportFormat(NamedTuple):
    """One format; see `export_format` for its parts."""

    name: str
    title: str
    render: Callable[..., str]
    rank: int
    needs: Literal["recording", "screen", "steps"]
    waits: bool
    exported: bool
    growing: Callable[[Shell], GrowingFormat] | None


#: The formats by the module that defines them.
_registered: dict[str, ExportFormat] = {}


def export_format(
    name: str,
    title: str,
    *,
    rank: int,
    needs: Literal["recording", "screen", "steps"] = "recording",
    waits: bool = False,
    exported: bool = True,
    growing: Callable[[Shell], GrowingFormat] | None = None,
) -> Callable[[Render], Render]:
    """Register the decorated function, which gives the text of a file ``.name``.

    `title` says what such a file is; formats are listed by `rank`. The function takes a
    `Recording`, of which it may need only the last screen; or, if it `needs` steps, a snapshot,
    the events of iterations, and a title. With `waits`, a ``:wait`` stands for the time in which
    something ran and nobody typed. Transcripts can be `exported` to it, too, not only a session
    saved. `growing` makes what writes it piece by piece while a session is recorded; without it,
    the file is drawn anew each time.
    """

    def register(render: Render) -> Render:
        _registered[render.__module__] = ExportFormat(
            name, title, render, rank, needs, waits, exported, growing
        )
        return render

    return register


def export_formats() -> dict[str, ExportFormat]:
    """All formats by name, in the order of their ranks. Imports them."""
    from pkgutil import iter_modules  # finds them in a zip file, too

    every = (each.name for each in iter_modules(export.__path__, f"{export.__name__}."))
    modules = [name for name in every if name.endswith("_format")]
    for module in modules:
        import_module(module)
    found = sorted((_registered[module] for module in modules), key=lambda each: each.rank)
    return {each.name: each for each in found}
