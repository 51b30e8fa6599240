"""Putting a process under observation, before CPython's tests are imported.

Each loop that asyncio makes is a `LiveLoop` that records, and the modules under
test are compiled as code at the prompt is.
"""

from __future__ import annotations

import asyncio
import sys
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asyncrepl.engine.loop import LiveLoop
from asyncrepl.engine.timeline import Timeline
from asyncrepl.language.compiling import compile_source
from asyncrepl.language.reading import parse
from asyncrepl.language.sources import Source

if TYPE_CHECKING:
    from types import CodeType

__all__ = ["prepare"]


def prepare(module: str) -> None:
    """Let `module` be compiled and run under observation when it is imported."""
    asyncio.DefaultEventLoopPolicy._loop_factory = _ObservedLoop  # type: ignore[attr-defined]
    sys.meta_path.insert(0, _Finder(module))


class _ObservedLoop(LiveLoop):
    """A loop that records from the beginning."""

    def __init__(self) -> None:
        super().__init__()
        timeline = Timeline()
        timeline.suspending = _suspends
        self.observe(timeline)


def _suspends(task: object) -> None:
    """What a tracer does is done here."""


class _Finder(PathFinder):
    """Finds one module, which is then compiled by us."""

    def __init__(self, module: str) -> None:
        self._module = module

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:  # type: ignore[override]
        """The module's specification, with another loader."""
        if name != self._module:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.origin is not None:
            spec.loader = _Loader(name, spec.origin)
        return spec


class _Loader(SourceFileLoader):
    """Compiles as the prompt does, and leaves the cache of compiled files alone."""

    def get_code(self, fullname: str) -> CodeType:
        """The instrumented code of the module."""
        text = Path(self.get_filename(fullname)).read_text(encoding="utf-8")
        return compile_source(Source(self.path, text, parse(text, self.path)), "exec")
