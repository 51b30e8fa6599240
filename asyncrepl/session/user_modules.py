"""Importing the user's own modules as what he types is run: with probes, traced, explained.

A mistake that raises nothing is seen by probes alone, so a module without them keeps its silent
mistakes. While a session is open, a finder before Python's own gives the modules below the user's
folders a loader that compiles them as programs are; never from ``__pycache__``, nor into it. All
else about them stays: name, file, cached file, lines, source, what pickle and ``reload`` see.

Python's own loader does it for what somebody else imports, for what is installed, for files that
have nothing asynchronous in them (they come from ``__pycache__`` as ever, however many they are),
and for what does not compile: then the error is Python's own. A finder that stands before ours,
as that of pytest does, goes first.
"""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder, SourceFileLoader
from pathlib import Path
from typing import TYPE_CHECKING, Self

from asyncrepl.engine.code_owner import owner
from asyncrepl.instrument.compilation import compile_source
from asyncrepl.runtime.isolation import is_import_of_user, user_folders
from asyncrepl.syntax.parsed_input import parse

if TYPE_CHECKING:
    import types
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec

    from asyncrepl.syntax.sources import Sources

__all__ = ["UserModuleFinder"]

#: Without one of these, nothing in a file can be misused in silence.
_ASYNC_WORDS = (b"async", b"await", b"anext")


class UserModuleFinder:
    """A finder for ``sys.meta_path``; what it loads is kept in `sources`.

    `folder` is one of the user's beside those that the process has been told of. It finds while
    it is entered; any thread may import.
    """

    def __init__(self, sources: Sources, folder: str | None = None) -> None:
        self._sources = sources
        self._folders = [] if folder is None else [folder]

    def __enter__(self) -> Self:
        finders = sys.meta_path
        place = finders.index(PathFinder) if PathFinder in finders else len(finders)
        finders.insert(place, self)
        return self

    def __exit__(self, *_: object) -> None:
        if self in sys.meta_path:  # the user may have changed that
            sys.meta_path.remove(self)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> ModuleSpec | None:
        """As Python's own finder, with another loader for files of the user's; else None."""
        imports = is_import_of_user(sys._getframe(1))  # noqa: SLF001  as in `isolation`
        if not imports or PathFinder not in sys.meta_path:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or type(spec.loader) is not SourceFileLoader or spec.origin is None:
            return None
        if not self._is_users(spec.origin):
            return None
        spec.loader = _InstrumentingLoader(self._sources, name, spec.origin)
        return spec

    def _is_users(self, filename: str) -> bool:
        if owner(filename) != "user":
            return False
        folders = [Path(each).absolute() for each in (*user_folders, *self._folders)]
        return any(Path(filename).is_relative_to(each) for each in folders)


class _InstrumentingLoader(SourceFileLoader):
    """Imports a module as we compile it."""

    def __init__(self, sources: Sources, name: str, path: str) -> None:
        super().__init__(name, path)
        self._sources = sources

    def get_code(self, fullname: str) -> types.CodeType | None:
        """The code of the module; raises what Python's own loader raises."""
        path = self.get_filename(fullname)
        data = self.get_data(path)
        if not any(word in data for word in _ASYNC_WORDS):
            return super().get_code(fullname)
        from importlib.util import decode_source  # not needed before the first import

        try:
            text = decode_source(data)
            source = self._sources.add(path, text, parse(text, path), module=True)
            return compile_source(source, "module")
        except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
            return super().get_code(fullname)
