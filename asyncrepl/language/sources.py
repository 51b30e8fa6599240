"""The texts that were run, by the file name their code objects carry.

Tracebacks, ``inspect.getsource`` and the explanations all need the text of a
typed statement long after it ran. Python finds it through `linecache`, we find
text and tree here.
"""

from __future__ import annotations

import linecache
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ast

__all__ = ["Source", "Sources"]


@dataclass(frozen=True, slots=True)
class Source:
    """One text that was compiled as a unit; `tree` is None when it does not parse.

    `column` is where it begins in the line that was typed: behind a command's name.
    `module` says that it is run as Python runs what is imported: its top may not await.
    """

    filename: str
    text: str
    tree: ast.Module | None = None
    column: int = 0
    module: bool = False

    @property
    def typed(self) -> bool:
        """Whether it was typed at a prompt, and so stands on the screen above its output."""
        return self.filename.startswith("<input ")

    @property
    def lines(self) -> list[str]:
        """The lines of the text, without their ends."""
        return self.text.split("\n")


class Sources(Mapping[str, Source]):
    """A session's sources, by file name."""

    def __init__(self) -> None:
        self._by_name: dict[str, Source] = {}

    def add(
        self,
        filename: str,
        text: str,
        tree: ast.Module | None = None,
        column: int = 0,
        *,
        module: bool = False,
    ) -> Source:
        """Remember `text` under `filename`, for us and for `linecache`."""
        source = Source(filename, text, tree, column, module)
        self._by_name[filename] = source
        if filename.startswith("<"):
            lines = [line + "\n" for line in source.lines]
            # No modification time: linecache.checkcache leaves such entries alone.
            linecache.cache[filename] = (len(text), None, lines, filename)
        return source

    def forget(self) -> None:
        """Drop all sources, also from `linecache`."""
        for filename in self._by_name:
            linecache.cache.pop(filename, None)
        self._by_name.clear()

    def __getitem__(self, filename: str) -> Source:
        return self._by_name[filename]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)
