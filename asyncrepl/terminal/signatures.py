"""The parameters of the function whose call is being typed, in one row.

From the live object, and without running user code: a default value's ``repr``,
a class's ``__call__`` or a property would be that. So only real functions are
asked, and defaults are spelled only if they are plain values of built-in types.
"""

from __future__ import annotations

import inspect
import re
import types
from typing import TYPE_CHECKING, Any

from asyncrepl.language.parameters import without_annotations
from asyncrepl.terminal.inspecting import MISSING, static_attribute, value_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["call_at_end", "signature_of", "signature_row"]

# Strings: compiled when first used, not while the prompt is waited for.
_CALLEE = r"[\w.]+\Z"
_STRING = r"'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\""
_SPELLED = (type(None), bool, int, float, str, bytes)
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
        return _builtin(obj)
    if type(obj) is not types.FunctionType or "__signature__" in obj.__dict__:
        return None
    bare = without_annotations(obj)  # and without what it wraps
    parameters = inspect.signature(bare).parameters.values()
    return f"({', '.join(_spelled([*parameters][bound:]))})"


def _builtin(function: types.BuiltinFunctionType) -> str | None:
    try:
        return f"({', '.join(_spelled(list(inspect.signature(function).parameters.values())))})"
    except (ValueError, TypeError):
        return None


def _spelled(parameters: list[inspect.Parameter]) -> Iterator[str]:
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
        yield "*" * stars + parameter.name + _default(parameter)
        before = parameter
    if before is not None and before.kind is before.POSITIONAL_ONLY:
        yield "/"


def _default(parameter: inspect.Parameter) -> str:
    if parameter.default is parameter.empty:
        return ""
    spelled = repr(parameter.default) if type(parameter.default) in _SPELLED else "…"
    return f"={spelled if len(spelled) <= _LONGEST_DEFAULT else '…'}"
