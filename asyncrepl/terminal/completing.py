"""Completion from the live namespace, for names, attributes, keys, imports and commands.

A static analyser (jedi) was measured: it costs more to import than this whole
program, up to a second for a first answer, and stalls the user's loop even
from a thread. The objects are here; looking at them takes well under a
millisecond.
"""

from __future__ import annotations

import keyword
import re
import sys
from typing import TYPE_CHECKING, Any

from prompt_toolkit.completion import CompleteEvent, Completer, Completion

from asyncrepl.terminal.inspecting import MISSING, keys_of, names_of, value_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from prompt_toolkit.document import Document

__all__ = ["InputCompleter"]

_PRIMARY = r"[\w\"'](?:[\w.\"']|\[[^\[\]]*\])*|[\[({][^\[\](){}]*[\])}]"
_ATTRIBUTE = re.compile(rf"({_PRIMARY})\.(\w*)\Z")
_KEY = re.compile(r"([\w.]+)\[(['\"])([^'\"\n]*)\Z")
_FROM = re.compile(r"(?:^|\n|;)\s*from\s+([\w.]+)\s+import\s+(?:\(?[\w\s,]*,\s*)?(\w*)\Z")
_IMPORT = re.compile(r"(?:^|\n|;)\s*(?:import|from)\s+(?:[\w.\s]+,\s*)?([\w.]*)\Z")
_WORD = re.compile(r"\w+\Z")
_IN_STRING = re.compile(r"^(?:[^'\"#\n]|'[^'\n]*'|\"[^\"\n]*\")*['\"#][^'\"\n]*\Z")


class InputCompleter(Completer):
    """Completes what is typed at the prompt; safe to call from any thread.

    `namespace` is the live one. `complete_command` gets the text of a command up
    to the cursor, colon included, and gives the words that may stand at its end.
    """

    def __init__(
        self,
        namespace: Mapping[str, Any],
        complete_command: Callable[[str], Sequence[str]] = lambda _text: (),
    ) -> None:
        self._namespace = namespace
        self._complete_command = complete_command

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        """The completions at the cursor, best first."""
        text = document.text_before_cursor
        typed, names = self._candidates(text)
        for name in names:
            yield Completion(name, start_position=-len(typed))

    def _candidates(self, text: str) -> tuple[str, Iterable[str]]:
        """What is typed of the last word, and the words that could stand there."""
        if text.startswith(":"):
            return self._command(text)
        line = text.rpartition("\n")[2]
        if found := _KEY.search(line):
            return found[3], _starting(found[3], self._keys(found[1], found[2]))
        if _IN_STRING.match(line):
            return "", ()
        if found := _FROM.search(text):
            return found[2], _ranked(found[2], self._members(found[1]))
        if found := _IMPORT.search(text):
            return found[1], _starting(found[1], _modules(found[1]))
        if found := _ATTRIBUTE.search(line):
            obj = value_of(found[1], self._namespace)
            return found[2], _ranked(found[2], () if obj is MISSING else names_of(obj))
        if found := _WORD.search(line):
            return found[0], _ranked(found[0], self._names())
        return "", ()

    def _command(self, text: str) -> tuple[str, Iterable[str]]:
        """A word of the command, else Python: some commands take a statement."""
        typed = re.split(r"[\s:]", text)[-1]
        words = _starting(typed, self._complete_command(text))
        _name, space, rest = text.partition(" ")
        return (typed, words) if words or not space else self._candidates(rest)

    def _names(self) -> set[str]:
        names = {name for name in list(self._namespace) if type(name) is str}
        return {*names, *vars(sys.modules["builtins"]), *keyword.kwlist, "match", "case"}

    def _keys(self, expression: str, quote: str) -> Iterator[str]:
        for key in keys_of(value_of(expression, self._namespace)):
            if key.isprintable() and quote not in key and "\\" not in key:
                yield f"{key}{quote}]"

    def _members(self, module: str) -> set[str]:
        """Of modules already imported only: an import would run code."""
        found = sys.modules.get(module)
        return names_of(found) if found is not None else set()


def _ranked(typed: str, names: Iterable[str]) -> list[str]:
    """Matching names: public before private before double-underscored."""
    matching = [name for name in names if name.startswith(typed)]
    if not typed:
        matching = [name for name in matching if not name.startswith("__")]
    return sorted(matching, key=lambda name: (name.startswith("__"), name.startswith("_"), name))


def _starting(typed: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(typed)]


def _modules(typed: str) -> list[str]:
    """Top-level modules by name; below a package, those already imported."""
    if "." in typed:
        return sorted(name for name in list(sys.modules) if "." in name)
    import pkgutil

    names = {module.name for module in pkgutil.iter_modules()} | sys.stdlib_module_names
    return sorted(name for name in names if not name.startswith("_"))
