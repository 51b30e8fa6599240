"""Completion from live objects, without running a line of the user's code.

Names, attributes, keys, arguments, imports, paths and commands are completed, each with its kind
beside it. Why not by a static analyser: docs/decisions/12-completion.md.

All of it runs in a thread of its own, started by a key: typing does not wait for it.
"""

from __future__ import annotations

import keyword
import pkgutil
import re
import sys
import threading
import types
from collections.abc import Mapping
from importlib.machinery import PathFinder
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

from prompt_toolkit.completion import CompleteEvent, Completer, Completion

from asyncrepl.events.object_info import MISSING, is_real_instance
from asyncrepl.runtime.files import paths_beginning_with
from asyncrepl.syntax.cursor_context import code_at_end, open_call, opened_at_end
from asyncrepl.syntax.static_inspection import (
    find,
    item_of,
    keys_of,
    names_of,
    raw_attribute,
    value_of,
)
from asyncrepl.views.async_kinds import async_use

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from prompt_toolkit.document import Document

    from asyncrepl.session.command_registry import CompletionWords
    from asyncrepl.syntax.cursor_context import Opened
    from asyncrepl.views.styled_lines import Line

_CONNECT_TIMEOUT = 2.0  # seconds

# Strings: compiled when first used, not while the prompt is waited for.
_PRIMARY = r"[\w\"'](?:[\w.\"']|\[[^\[\]]*\])*|[\[({][^\[\](){}]*[\])}]"
_ATTRIBUTE = rf"({_PRIMARY})\.(\w*)\Z"
_OWNER = rf"({_PRIMARY})\Z"
_FROM = r"(?:^|\n|;)\s*(?:lazy\s+)?from\s+([\w.]+)\s+import\s+(?:\(?[\w\s,]*,\s*)?(\w*)\Z"
_IMPORT = r"(?:^|\n|;)\s*(?:lazy\s+)?(?:import|from)\s+(?:[\w.\s]+,\s*)?([\w.]*)\Z"
_WORD = r"\w+\Z"
_DOTTED = r"[\w.]*\Z"
_AWAIT = r"\bawait\s+\Z"
_ASYNC_IN = r"\basync\s+for\s[^\n]*?\sin\s+\Z"
_MAX_KEY = 60  # characters of a key that is spelled out


class _Candidates(NamedTuple):
    """What is typed of the last word, and what could stand there: word → its kind."""

    typed: str
    words: Mapping[str, str]


_NOTHING = _Candidates("", {})


class InputCompleter(Completer):
    """Completes what is typed at the prompt; safe to call from any thread."""

    def __init__(self) -> None:
        self._namespace: Mapping[str, Any] = {}
        self._complete_command: Callable[[str], CompletionWords] = lambda _text: ()
        self._connected = threading.Event()

    def connect(
        self, namespace: Mapping[str, Any], complete_command: Callable[[str], CompletionWords]
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
        """The completions at the cursor of `document`, best first; in a thread."""
        # In the first moments the session is still being imported; this is a thread.
        self._connected.wait(_CONNECT_TIMEOUT)
        typed, words = self._candidates(document.text_before_cursor)
        wanted = _wanted_kind(document.text_before_cursor.removesuffix(typed))
        for word, kind in sorted(
            words.items(), key=lambda item: bool(wanted) and item[1] != wanted
        ):
            there = _already_there(word[len(typed) :], document.text_after_cursor)
            yield Completion(
                word[: len(word) - there],
                start_position=-len(typed),
                display=word,
                display_meta=kind or None,
            )

    @property
    def connected(self) -> bool:
        """Whether there is a session to look into yet."""
        return self._connected.is_set()

    def signature(self, text: str, width: int, height: int, dots: str) -> Sequence[Line]:
        """The rows about the call that is open at the end of `text`: see `signature_rows`."""
        if text.startswith("!") or "(" not in text:
            return ()
        if text.startswith(":"):
            text = text.partition(" ")[2]
        from asyncrepl.terminal.signature_help import signature_rows

        return signature_rows(text, self._namespace, width, height, dots)

    def _candidates(self, text: str) -> _Candidates:
        if text.startswith(":"):
            return self._command(text)
        if text.startswith("!"):
            return _paths(re.split(r"\s", text[1:])[-1])
        return self._python(text)

    def _python(self, text: str) -> _Candidates:
        opened = opened_at_end(text)
        inside = opened[-1] if opened else None
        line = code_at_end(text, opened)
        if inside is not None and inside.kind in {'"', "spec", "#"}:
            found = self._string(text, inside, opened)
        elif member := re.search(_FROM, text):
            found = _Candidates(member[2], self._members(member[1], member[2]))
        elif module := re.search(_IMPORT, text):
            found = _Candidates(module[1], _matches(module[1], _module_names(module[1])))
        elif attribute := re.search(_ATTRIBUTE, line):
            found = _Candidates(attribute[2], self._attributes(attribute[1], attribute[2]))
        else:
            found = self._word(text, line, opened)
        return found

    def _string(self, text: str, inside: Opened, opened: list[Opened]) -> _Candidates:
        """In a string: a key of what is subscripted, or a path."""
        content = text[inside.start :]
        if inside.kind != '"' or "\n" in content:
            return _NOTHING
        bracket = opened[-2] if len(opened) > 1 else None
        begins = inside.start - len(inside.quote)
        if bracket is not None and bracket.kind == "[" and not inside.prefix:
            head = text[: bracket.start - 1]
            if text[bracket.start : begins].strip() == "" and re.search(_OWNER, head):
                return _Candidates(content, self._string_keys(head, content, inside.quote))
        if inside.formatted and "{" in content:
            return _NOTHING
        return _paths(content)

    def _string_keys(self, head: str, typed: str, quote: str) -> dict[str, str]:
        owner = self._owner(head)
        return {
            f"{key}{quote}]": _kind(item_of(owner, key))
            for key in keys_of(owner)
            if key.startswith(typed) and key.isprintable() and quote not in key and "\\" not in key
        }

    def _owner(self, head: str) -> Any:
        match = re.search(_OWNER, head.rpartition("\n")[2])
        return MISSING if match is None else value_of(match[1], self._namespace)

    def _word(self, text: str, line: str, opened: list[Opened]) -> _Candidates:
        word = re.search(_WORD, line)
        typed = word[0] if word else ""
        words = self._keywords(text, opened, typed)
        bracket = opened and opened[-1].kind == "[" and not text[opened[-1].start :].strip()
        if bracket and not typed:
            owner = self._owner(text[: opened[-1].start - 1])
            words |= {
                f"{key!r}]": _kind(item_of(owner, key))
                for key in keys_of(owner, (str, int))
                if len(repr(key)) <= _MAX_KEY
            }
        if typed and not typed[0].isdigit():
            names = {name for name in list(self._namespace) if type(name) is str}
            names |= {*vars(sys.modules["builtins"]), *keyword.kwlist, *keyword.softkwlist}
            words |= {name: self._name_kind(name) for name in _ranked(typed, names)}
        return _Candidates(typed, words)

    def _keywords(self, text: str, opened: list[Opened], typed: str) -> dict[str, str]:
        """The arguments that may be given by name where the cursor is."""
        call = open_call(text, opened)
        found = find(call.callee, self._namespace) if call is not None and call.begins else None
        if call is None or found is None:
            return {}
        from asyncrepl.terminal.signature_help import keyword_names

        names = keyword_names(call, found)
        return {f"{name}=": "argument" for name in names if name.startswith(typed)}

    def _name_kind(self, name: str) -> str:
        found = value_of(name, self._namespace)
        if found is not MISSING:
            return _kind(found)
        return "keyword" if keyword.iskeyword(name) or keyword.issoftkeyword(name) else ""

    def _attributes(self, expression: str, typed: str) -> dict[str, str]:
        obj = value_of(expression, self._namespace)
        if obj is MISSING:
            return {}
        return {name: _kind(raw_attribute(obj, name)) for name in _ranked(typed, names_of(obj))}

    def _members(self, module: str, typed: str) -> dict[str, str]:
        """What a module has, if it is imported already, and the modules in a package.

        To import it would run code.
        """
        found = sys.modules.get(module)
        names = set() if found is None else names_of(found)
        inside = {name.removeprefix(f"{module}.") for name in _module_names(f"{module}.")}
        return {
            name: _kind(raw_attribute(found, name)) if name in names else "module"
            for name in _ranked(typed, names | inside)
        }

    def _command(self, text: str) -> _Candidates:
        """A word of the command, else Python: some commands take a statement."""
        known = self._complete_command(text)
        meanings = known if isinstance(known, Mapping) else dict.fromkeys(known, "")
        _name, space, rest = text.partition(" ")
        # A path may hold blanks: then all that is typed is its beginning.
        whole = rest.lstrip() if space else text[1:]
        for typed in (whole, re.split(r"\s", whole)[-1], re.split(r"[\s:]", whole)[-1]):
            words = _matches(typed, meanings)
            if words:
                return _Candidates(typed, words)
        return self._python(rest) if space else _NOTHING


#: What a value is called in the menu, by its exact type.
_KINDS: dict[type, str] = {
    types.ModuleType: "module",
    property: "property",
    type(None): "",
    **dict.fromkeys((types.FunctionType, types.BuiltinFunctionType, staticmethod), "function"),
    **dict.fromkeys((types.GetSetDescriptorType, types.MemberDescriptorType), "attribute"),
    **dict.fromkeys((types.MethodType, types.MethodDescriptorType, classmethod), "method"),
    **dict.fromkeys((types.ClassMethodDescriptorType, types.WrapperDescriptorType), "method"),
}


def _kind(value: Any) -> str:
    """How `value` is used in asynchronous code, else what kind of thing it is."""
    if value is MISSING:
        return ""
    if use := async_use(value):
        return use
    if is_real_instance(value, type):
        return "class"
    named = _KINDS.get(type(value))
    return type.__dict__["__name__"].__get__(type(value)) if named is None else named


def _ranked(typed: str, names: Iterable[str]) -> list[str]:
    """Matching names: public before private before double-underscored."""
    matching = [name for name in names if name.startswith(typed)]
    if not typed:
        matching = [name for name in matching if not name.startswith("__")]
    return sorted(matching, key=lambda name: (name.startswith("__"), name.startswith("_"), name))


def _matches(typed: str, names: Iterable[str]) -> dict[str, str]:
    meanings = names if isinstance(names, Mapping) else {}
    return {name: meanings.get(name, "") for name in names if name.startswith(typed)}


def _paths(typed: str) -> _Candidates:
    return _Candidates(typed, paths_beginning_with(typed))


def _already_there(missing: str, after: str) -> int:
    """How many characters at the end of what is `missing` stand behind the cursor already.

    In the middle of a word, or before quotes that are closed: they are not put in twice.
    """
    for count in range(min(len(missing), len(after)), 0, -1):
        whole = not re.match(r"\w\w", after[count - 1 : count + 1])
        if whole and missing.endswith(after[:count]):
            return count
    return 0


def _wanted_kind(before: str) -> str:
    """How what comes behind `before`, the text up to the word that is typed, will be used."""
    before = re.sub(_DOTTED, "", before)
    if re.search(_AWAIT, before):
        return "needs await"
    return "needs async for" if re.search(_ASYNC_IN, before) else ""


def _module_names(typed: str) -> dict[str, str]:
    """The names that `typed` may become, each a ``module``: those on top, or in one package.

    A package need not be imported for that; its own code, which might add to it, does not run.
    """
    package, dot, _ = typed.rpartition(".")
    if not dot:
        names = {module.name for module in pkgutil.iter_modules()} | sys.stdlib_module_names
        return dict.fromkeys(sorted(name for name in names if not name.startswith("_")), "module")
    if not package:
        return {}  # relative: there is no package here
    inside = {module.name for module in pkgutil.iter_modules(_folders(package))}
    inside |= {
        name.rpartition(".")[2] for name in list(sys.modules) if name.rpartition(".")[0] == package
    }
    return dict.fromkeys(sorted(f"{package}.{name}" for name in inside), "module")


def _folders(package: str) -> Sequence[str]:
    """Where the modules of `package` lie; none where it cannot be found."""
    folders: Sequence[str] | None = None
    for name in accumulate(package.split("."), "{}.{}".format):
        try:
            spec = PathFinder.find_spec(name, folders)
        except (ImportError, ValueError, OSError):
            return ()
        if spec is None or spec.submodule_search_locations is None:
            return ()
        folders = list(spec.submodule_search_locations)
    return folders or ()
