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
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from prompt_toolkit.completion import CompleteEvent, Completer, Completion

from asyncrepl.terminal.inspecting import MISSING, keys_of, names_of, value_of
from asyncrepl.terminal.signatures import signature_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from prompt_toolkit.document import Document

    from asyncrepl.commands.registry import Words

__all__ = ["InputCompleter"]

_PATIENCE = 2.0  # seconds

# Strings: compiled when first used, not while the prompt is waited for.
_PRIMARY = r"[\w\"'](?:[\w.\"']|\[[^\[\]]*\])*|[\[({][^\[\](){}]*[\])}]"
_ATTRIBUTE = rf"({_PRIMARY})\.(\w*)\Z"
_KEY = r"([\w.]+)\[(['\"])([^'\"\n]*)\Z"
_FROM = r"(?:^|\n|;)\s*(?:lazy\s+)?from\s+([\w.]+)\s+import\s+(?:\(?[\w\s,]*,\s*)?(\w*)\Z"
_IMPORT = r"(?:^|\n|;)\s*(?:lazy\s+)?(?:import|from)\s+(?:[\w.\s]+,\s*)?([\w.]*)\Z"
_WORD = r"\w+\Z"
_IN_STRING = r"^(?:[^'\"#\n]|'[^'\n]*'|\"[^\"\n]*\")*['\"#][^'\"\n]*\Z"


class InputCompleter(Completer):
    """Completes what is typed at the prompt; safe to call from any thread."""

    def __init__(self) -> None:
        self._namespace: Mapping[str, Any] = {}
        self._complete_command: Callable[[str], Words] = lambda _text: ()
        self._connected = threading.Event()

    def connect(
        self, namespace: Mapping[str, Any], complete_command: Callable[[str], Words]
    ) -> None:
        """From now on complete from the live `namespace`, and commands by `complete_command`.

        That gets the text of a command up to the cursor, colon included, and gives
        the words that may stand at its end, perhaps with what each of them is.
        """
        self._namespace = namespace
        self._complete_command = complete_command
        self._connected.set()

    def get_completions(
        self,
        document: Document,
        complete_event: CompleteEvent,  # noqa: ARG002 - the interface's
    ) -> Iterable[Completion]:
        """The completions at the cursor, best first."""
        # In the first moments the session is still being imported; this is a thread.
        self._connected.wait(_PATIENCE)
        text = document.text_before_cursor
        typed, names = self._candidates(text)
        meanings = names if isinstance(names, Mapping) else {}
        for name in names:
            yield Completion(
                name, start_position=-len(typed), display_meta=meanings.get(name) or None
            )

    @property
    def connected(self) -> bool:
        """Whether there is a session to look into yet."""
        return self._connected.is_set()

    def signature(self, text: str) -> str:
        """The parameters of the call that is open at the end of `text`, or nothing."""
        return "" if text.startswith(":") else signature_row(text, self._namespace)

    def _candidates(self, text: str) -> tuple[str, Iterable[str]]:
        """What is typed of the last word, and the words that could stand there."""
        found: tuple[str, Iterable[str]]
        line = text.rpartition("\n")[2]
        if text.startswith(":"):
            found = self._command(text)
        elif key := re.search(_KEY, line):
            found = key[3], _starting(key[3], self._keys(key[1], key[2]))
        elif re.match(_IN_STRING, line):
            found = "", ()
        elif member := re.search(_FROM, text):
            found = member[2], _ranked(member[2], self._members(member[1]))
        elif module := re.search(_IMPORT, text):
            found = module[1], _starting(module[1], _modules(module[1]))
        elif attribute := re.search(_ATTRIBUTE, line):
            found = attribute[2], _ranked(attribute[2], self._attributes(attribute[1]))
        else:
            found = self._word(line)
        return found

    def _word(self, line: str) -> tuple[str, Iterable[str]]:
        word = re.search(_WORD, line)
        return (word[0], _ranked(word[0], self._names())) if word else ("", ())

    def _attributes(self, expression: str) -> Iterable[str]:
        obj = value_of(expression, self._namespace)
        return () if obj is MISSING else names_of(obj)

    def _command(self, text: str) -> tuple[str, Iterable[str]]:
        """A word of the command, else Python: some commands take a statement."""
        typed = re.split(r"[\s:]", text)[-1]
        known = self._complete_command(text)
        words: Iterable[str] = _starting(typed, known)
        if isinstance(known, Mapping):
            words = {word: known[word] for word in words}
        _name, space, rest = text.partition(" ")
        return (typed, words) if words or not space else self._candidates(rest)

    def _names(self) -> set[str]:
        names = {name for name in list(self._namespace) if type(name) is str}
        return {*names, *vars(sys.modules["builtins"]), *keyword.kwlist, *keyword.softkwlist}

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
