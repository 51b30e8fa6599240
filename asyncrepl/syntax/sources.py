"""The texts that were run, by the file name that their code objects carry.

Tracebacks, ``inspect.getsource`` and the explanations all need the text of a typed statement long
after it ran. Python finds it through `linecache`, asyncrepl finds text and tree here. This module
changes the very `linecache` that everybody has, so it gets no private copy of it.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from asyncrepl.events.object_info import code_of


def task_name(filename: str) -> str:
    """What the task is called that runs the text `filename`: as the place it is at calls that.

    That of ``<input 3>`` is "input 3", that of a file is called as the file is.
    """
    return filename.rpartition("/")[2].strip("<>")


class Source(NamedTuple):
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
        """Whether it was typed at a prompt, and so is seen on the screen above its output."""
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
        """Remember `text` under `filename`, also for `linecache` if it is in no file (``<…>``).

        `tree`, `column` and `module` are as in `Source`. A text of the same name is replaced.
        """
        source = Source(filename, text, tree, column, module)
        self._by_name[filename] = source
        if filename.startswith("<"):
            cache = vars(linecache).get("cache")
            if not isinstance(cache, _LineCache):  # it may be whatever user code has put there
                cache = linecache.cache = _LineCache(cache if isinstance(cache, dict) else {})
            # No modification time: linecache.checkcache leaves such entries alone.
            lines = [line + "\n" for line in text.split("\n")]
            cache[filename] = cache.typed[filename] = (len(text), None, lines, filename)
        return source

    def forget(self) -> None:
        """Drop all sources, also from `linecache`."""
        cache = vars(linecache).get("cache")
        for filename in self._by_name:
            if isinstance(cache, dict):
                cache.pop(filename, None)
            if isinstance(cache, _LineCache):
                cache.typed.pop(filename, None)
        self._by_name.clear()

    def defining(self, klass: type) -> str | None:
        """The file name of the text that has defined `klass`, if one of these has."""
        name = klass.__qualname__
        for method in vars(klass).values():
            code = code_of(method)
            if code is not None and code.co_qualname.rpartition(".")[0] == name:
                return code.co_filename if code.co_filename in self._by_name else None
        first = vars(klass).get("__firstlineno__")  # Python 3.13
        for source in reversed(self._by_name.values()):
            if any(first in (None, line) for line in _definition_lines(name, source)):
                return source.filename
        return None

    def __getitem__(self, filename: str) -> Source:
        return self._by_name[filename]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)


class _LineCache(dict[str, Any]):
    """The cache of `linecache`: when that is emptied, what was typed stays, having no file."""

    def __init__(self, lines: Mapping[str, Any]) -> None:
        super().__init__(lines)
        self.typed: dict[str, Any] = {}

    def clear(self) -> None:
        """Forget all lines that can be read again."""
        super().clear()
        self.update(self.typed)


def _definition_lines(name: str, source: Source) -> Iterator[int]:
    """Where `source` defines the class of that qualified name: the first line of each."""
    if source.tree is not None and (tail := name.rpartition(".")[2]) in source.text:
        for path, node in _classes("", source.tree):
            if path + tail == name and node.name == tail:
                yield min([node.lineno, *(each.lineno for each in node.decorator_list)])


def _classes(path: str, tree: ast.AST) -> Iterator[tuple[str, ast.ClassDef]]:
    """The classes in `tree`, each with what comes before its name in its qualified one."""
    for node in ast.iter_child_nodes(tree):
        inner = path
        if isinstance(node, ast.ClassDef):
            yield path, node
            inner = f"{path}{node.name}."
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inner = f"{path}{node.name}.<locals>."
        yield from _classes(inner, node)
