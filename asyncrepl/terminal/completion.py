"""Completion and signature help from live objects, without running a line of the user's code.

Names, attributes, keys, imports and commands are completed; of the call that is being typed the
parameters are shown in one row. A static analyser (jedi) was measured: it costs more to import
than this whole program, up to a second for a first answer, and stalls the user's loop even from
a thread. The objects are here; looking at them takes well under a millisecond.

This happens in the terminal's threads; ``getattr``, ``dir`` and a dict with unusual keys could
run properties, ``__getattr__``, ``__dir__``, ``__eq__`` there, beside the user's loop. So names
come from the dictionaries of the object, its type and that type's bases, and an attribute is
followed only where it simply lies in one of them (or in a slot). For signatures the same holds:
a default value's ``repr`` or a class's ``__call__`` would run code, so only real functions are
asked, and defaults are spelled only if they are plain values of built-in types.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import keyword
import re
import sys
import threading
import types
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from prompt_toolkit.completion import CompleteEvent, Completer, Completion

from asyncrepl.syntax.static_inspection import without_annotations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from prompt_toolkit.document import Document

    from asyncrepl.session.command_registry import CompletionWords

__all__ = [
    "MISSING",
    "InputCompleter",
    "call_at_end",
    "keys_of",
    "names_of",
    "signature_of",
    "signature_row",
    "static_attribute",
    "value_of",
]

MISSING = object()
_DISPLAY_TYPES: dict[type[ast.expr], type] = {
    ast.JoinedStr: str,
    ast.List: list,
    ast.ListComp: list,
    ast.Dict: dict,
    ast.DictComp: dict,
    ast.Set: set,
    ast.SetComp: set,
    ast.Tuple: tuple,
}
#: Types whose keys are looked up without code of the user's.
_PLAIN_MAPPINGS: tuple[type, ...] = (dict, getattr(builtins, "frozendict", dict))
#: What a name is that was imported by ``lazy import`` and not used yet (Python 3.15).
_LAZY_IMPORT: type | None = getattr(types, "LazyImportType", None)
_MAX_KEYS = 1000
_DICT_DESCRIPTORS = (types.GetSetDescriptorType, types.MemberDescriptorType)


def value_of(expression: str, namespace: Mapping[str, Any]) -> Any:
    """What `expression` (a name, attributes, a literal, ``d["key"]``) is, or MISSING."""
    try:
        tree = ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return MISSING
    return _evaluate(tree, namespace)


def names_of(obj: Any) -> set[str]:
    """The names of attributes that `obj` has, as far as its dictionaries tell."""
    names: set[str] = set()
    for klass in _mro(type(obj)):
        names.update(_string_keys(_class_dict(klass)))
    if is_real_instance(obj, type):
        for klass in _mro(obj):
            names.update(_string_keys(_class_dict(klass)))
    names.update(_string_keys(_instance_dict(obj)))
    return names


def keys_of(obj: Any) -> list[str]:
    """The keys of a plain dict that are strings, at most 1,000."""
    return _string_keys(obj)[:_MAX_KEYS] if type(obj) in _PLAIN_MAPPINGS else []


def is_real_instance(obj: Any, klass: type) -> bool:
    """`isinstance` by the object's real type: ``__class__`` may be a user's property."""
    return klass in _mro(type(obj))


def _evaluate(tree: ast.expr, namespace: Mapping[str, Any]) -> Any:
    match tree:
        case ast.Name(id=name):
            return _look_up_name(name, namespace)
        case ast.Attribute(value=value, attr=attr):
            return static_attribute(_evaluate(value, namespace), attr)
        case ast.Constant(value=value):
            return value
        case ast.Subscript(value=value, slice=ast.Constant(value=key)):
            return _look_up_item(_evaluate(value, namespace), key)
    made = _DISPLAY_TYPES.get(type(tree))
    return made() if made is not None else MISSING


def _look_up_name(name: str, namespace: Mapping[str, Any]) -> Any:
    if name in namespace:
        found = namespace[name]
        return found if type(found) is not _LAZY_IMPORT else _resolve_lazy_import(name, found)
    own_builtins = namespace.get("__builtins__")
    if is_real_instance(own_builtins, types.ModuleType):
        return vars(own_builtins).get(name, MISSING)
    return MISSING


def _resolve_lazy_import(name: str, lazy: object) -> Any:
    """What a lazy import called `name` will give; MISSING where that is to be imported first."""
    target = repr(lazy).split("'")[1]  # it tells nothing else without importing
    module, _, attribute = target.rpartition(".")
    if name == target.partition(".")[0]:  # lazy import os.path
        target = name
    if target in sys.modules:
        return sys.modules[target]
    return static_attribute(sys.modules.get(module, MISSING), attribute)


def static_attribute(obj: Any, name: str) -> Any:
    """An attribute that simply lies there; MISSING for all that would have to be computed."""
    if obj is MISSING:
        return MISSING
    places = [*map(_class_dict, _mro(type(obj)))]
    if is_real_instance(obj, type):
        places = [*map(_class_dict, _mro(obj)), *places]
    found = next((place[name] for place in places if name in place), MISSING)
    own = _instance_dict(obj)
    if name in own and not _is_computed(found):
        return own[name]
    if type(found) is types.MemberDescriptorType and not is_real_instance(obj, type):
        return _read_slot(found, obj)
    return MISSING if _is_computed(found) else found


def _is_computed(value: Any) -> bool:
    """Whether reading this value from a class runs something: a property, a descriptor."""
    if type(value) in (types.FunctionType, types.BuiltinFunctionType):
        return False
    return any("__get__" in _class_dict(klass) for klass in _mro(type(value)))


def _read_slot(member: Any, obj: Any) -> Any:
    try:
        return member.__get__(obj)
    except AttributeError:
        return MISSING


def _look_up_item(obj: Any, key: Any) -> Any:
    if type(obj) in _PLAIN_MAPPINGS and type(key) is str:
        return next((obj[own] for own in _string_keys(obj) if own == key), MISSING)
    if type(obj) in (list, tuple) and type(key) is int and -len(obj) <= key < len(obj):
        return obj[key]
    return MISSING


def _mro(klass: type) -> tuple[type, ...]:
    return type.__dict__["__mro__"].__get__(klass)  # type: ignore[no-any-return]


def _class_dict(klass: type) -> Mapping[str, Any]:
    return type.__dict__["__dict__"].__get__(klass)  # type: ignore[no-any-return]


def _instance_dict(obj: Any) -> dict[str, Any]:
    """The object's own dictionary; empty where a class puts something else in its place."""
    for klass in _mro(type(obj)):
        own = _class_dict(klass).get("__dict__", MISSING)
        if own is not MISSING and type(own) not in _DICT_DESCRIPTORS:
            return {}
    try:
        found = object.__getattribute__(obj, "__dict__")
    except AttributeError:
        return {}
    return found if type(found) is dict else {}


def _string_keys(names: Iterable[Any]) -> list[str]:
    """The keys that are plain strings, copied in one step: the main thread may add some."""
    return [name for name in list(names) if type(name) is str]


# Strings: compiled when first used, not while the prompt is waited for.
_CALLEE = r"[\w.]+\Z"
_STRING = r"'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\""
_SHOWN_DEFAULT_TYPES = (type(None), bool, int, float, str, bytes)
_LONGEST_DEFAULT = 20


def signature_row(text: str, namespace: Mapping[str, Any]) -> str:
    """What to show for `text` up to the cursor: ``sleep(delay, result=None)``; or nothing."""
    callee = call_at_end(text)
    if not callee:
        return ""
    found = value_of(callee, namespace)
    signature = None if found is MISSING else signature_of(found)
    return "" if signature is None else f"{callee.rpartition('.')[2]}{signature}"


def call_at_end(text: str) -> str:
    """The dotted name whose parenthesis is still open at the end of `text`, or nothing."""
    # Strings become as many dashes: a bracket in one is none.
    text = re.sub(_STRING, lambda match: "-" * len(match[0]), text)
    depth = 0
    for position in range(len(text) - 1, -1, -1):
        if text[position] in ")]}":
            depth += 1
        elif text[position] in "([{" and depth:
            depth -= 1
        elif text[position] == "(":
            callee = re.search(_CALLEE, text[:position])
            return callee[0] if callee else ""
        elif text[position] in "[{":
            return ""
    return ""


def signature_of(obj: Any) -> str | None:
    """The parameters of a function, a method or a class, in parentheses; None if unknown."""
    bound = 0
    if type(obj) is type:
        obj, bound = static_attribute(obj, "__init__"), 1
    elif type(obj) is types.MethodType:
        obj, bound = obj.__func__, 1
    if type(obj) is types.BuiltinFunctionType:
        return _builtin_signature(obj)
    if type(obj) is not types.FunctionType or "__signature__" in obj.__dict__:
        return None
    bare = without_annotations(obj)  # and without what it wraps
    parameters = inspect.signature(bare).parameters.values()
    return f"({', '.join(_parts([*parameters][bound:]))})"


def _builtin_signature(function: types.BuiltinFunctionType) -> str | None:
    try:
        return f"({', '.join(_parts(list(inspect.signature(function).parameters.values())))})"
    except (ValueError, TypeError):
        return None


def _parts(parameters: list[inspect.Parameter]) -> Iterator[str]:
    """Names and defaults, with the ``/`` and ``*`` that Python would write between them."""
    before: inspect.Parameter | None = None
    for parameter in parameters:
        kind = parameter.kind
        if before is not None and before.kind is before.POSITIONAL_ONLY is not kind:
            yield "/"
        starred = before is not None and before.kind in (
            before.VAR_POSITIONAL,
            before.KEYWORD_ONLY,
        )
        if kind is parameter.KEYWORD_ONLY and not starred:
            yield "*"
        stars = (kind is parameter.VAR_POSITIONAL) + 2 * (kind is parameter.VAR_KEYWORD)
        yield "*" * stars + parameter.name + _default_text(parameter)
        before = parameter
    if before is not None and before.kind is before.POSITIONAL_ONLY:
        yield "/"


def _default_text(parameter: inspect.Parameter) -> str:
    if parameter.default is parameter.empty:
        return ""
    spelled = repr(parameter.default) if type(parameter.default) in _SHOWN_DEFAULT_TYPES else "…"
    return f"={spelled if len(spelled) <= _LONGEST_DEFAULT else '…'}"


_CONNECT_TIMEOUT = 2.0  # seconds

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
        """The completions at the cursor, best first."""
        # In the first moments the session is still being imported; this is a thread.
        self._connected.wait(_CONNECT_TIMEOUT)
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
            found = key[3], _matches(key[3], self._keys(key[1], key[2]))
        elif re.match(_IN_STRING, line):
            found = "", ()
        elif member := re.search(_FROM, text):
            found = member[2], _ranked_matches(member[2], self._members(member[1]))
        elif module := re.search(_IMPORT, text):
            found = module[1], _matches(module[1], _module_names(module[1]))
        elif attribute := re.search(_ATTRIBUTE, line):
            found = attribute[2], _ranked_matches(attribute[2], self._attributes(attribute[1]))
        else:
            found = self._word(line)
        return found

    def _word(self, line: str) -> tuple[str, Iterable[str]]:
        word = re.search(_WORD, line)
        return (word[0], _ranked_matches(word[0], self._names())) if word else ("", ())

    def _attributes(self, expression: str) -> Iterable[str]:
        obj = value_of(expression, self._namespace)
        return () if obj is MISSING else names_of(obj)

    def _command(self, text: str) -> tuple[str, Iterable[str]]:
        """A word of the command, else Python: some commands take a statement."""
        typed = re.split(r"[\s:]", text)[-1]
        known = self._complete_command(text)
        words: Iterable[str] = _matches(typed, known)
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


def _ranked_matches(typed: str, names: Iterable[str]) -> list[str]:
    """Matching names: public before private before double-underscored."""
    matching = [name for name in names if name.startswith(typed)]
    if not typed:
        matching = [name for name in matching if not name.startswith("__")]
    return sorted(matching, key=lambda name: (name.startswith("__"), name.startswith("_"), name))


def _matches(typed: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(typed)]


def _module_names(typed: str) -> list[str]:
    """Top-level modules by name; below a package, those already imported."""
    if "." in typed:
        return sorted(name for name in list(sys.modules) if "." in name)
    import pkgutil

    names = {module.name for module in pkgutil.iter_modules()} | sys.stdlib_module_names
    return sorted(name for name in names if not name.startswith("_"))
