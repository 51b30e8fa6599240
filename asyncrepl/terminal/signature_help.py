"""The parameters of the call that is being typed, from the live object; none of its code runs.

A default value's ``repr`` or a class's ``__call__`` would run code, so only real functions are
asked, and defaults are spelled only if they are plain values of built-in types.
"""

from __future__ import annotations

import functools
import inspect
import types
from inspect import Parameter
from itertools import takewhile
from typing import TYPE_CHECKING, Any, NamedTuple

from asyncrepl.events.object_info import MISSING, is_real_instance
from asyncrepl.syntax.cursor_context import open_call
from asyncrepl.syntax.static_inspection import (
    Found,
    find,
    raw_attribute,
    raw_document,
    without_annotations,
)
from asyncrepl.views.async_kinds import async_use
from asyncrepl.views.styled_lines import cell_width, flowed, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from asyncrepl.syntax.cursor_context import OpenCall
    from asyncrepl.views.styled_lines import Line

_SHOWN_DEFAULT_TYPES = (type(None), bool, int, float, str, bytes)
_LONGEST_DEFAULT = 20
_STARRED = (Parameter.VAR_POSITIONAL, Parameter.KEYWORD_ONLY)  # what a ``*`` stands before
_INDENT = 4
_MAX_LAYERS = 10
#: Functions that may say which other one they stand for.
_WRAPPERS = (types.FunctionType, type(functools.lru_cache(print)))
_CALLED_THEMSELVES = (*_WRAPPERS, types.BuiltinFunctionType, types.MethodDescriptorType)
#: An argument that ``functools.partial`` leaves to the caller (Python 3.14).
_PLACEHOLDER = getattr(functools, "Placeholder", object())
_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: the class was made by a class statement


class _Part(NamedTuple):
    """A piece between two commas; `parameter` is None for the ``/`` and ``*`` that Python has."""

    text: str
    parameter: Parameter | None


def signature_rows(
    text: str, namespace: Mapping[str, Any], width: int, height: int, dots: str = "…"
) -> Sequence[Line]:
    """What to show for `text` up to the cursor, in at most so many columns and rows.

    The parameters, with the one that is being typed in the style "current", how the call is
    used in asynchronous code, and the docstring's first line; nothing where no call is open.
    A default value that cannot be spelled is `dots`.
    """
    call = open_call(text)
    if call is None:
        return ()
    found = find(call.callee, namespace)
    if found is None:
        return ()
    calls, document = _documented(found.value)
    parameters = parameters_of(found)
    if parameters is not None:
        rows = _laid_out(call, parameters, async_use(found.value), max(width, 20), dots)
    elif calls:
        rows = [row for each in calls for row in flowed([("dim", each)], width, _INDENT)]
    else:
        return ()
    if document:
        rows += flowed([("dim", " " * _INDENT + document)], width, _INDENT)
    return rows[: max(height, 1)]


def _laid_out(
    call: OpenCall, parameters: list[Parameter], use: str, width: int, dots: str
) -> list[Line]:
    """The rows of ``name(a, b)``, broken only between two parameters."""
    name = call.callee.rpartition(".")[2]
    current = _current(call, parameters)
    parts = list(_parts(parameters, dots))
    row: Line = [("dim", f"{name}(")]
    rows, column = [row], len(name) + 1
    for number, part in enumerate(parts):
        end = "," if number + 1 < len(parts) else ""
        needed = (number > 0) + cell_width(part.text) + 1  # the comma, or the parenthesis
        if column + needed > width and column > _INDENT:
            row = [("", " " * _INDENT)]
            rows.append(row)
            column = _INDENT
        elif number:
            row.append(("dim", " "))
            column += 1
        marked = part.parameter is not None and part.parameter is current
        row += [("current" if marked else "dim", part.text), ("dim", end)]
        column += cell_width(part.text) + len(end)
    row.append(("dim", ")"))
    if use:
        used = f"  {use}"
        if column + 1 + len(used) > width:
            rows.append([("", " " * _INDENT)])
            used = use
        rows[-1].append(("label", used))
    return rows


def _current(call: OpenCall, parameters: list[Parameter]) -> Parameter | None:
    """The parameter that the argument at the cursor is for."""
    if call.keyword is not None:
        named = [each for each in parameters if each.name == call.keyword]
        rest = [each for each in parameters if each.kind is Parameter.VAR_KEYWORD]
        return next(iter(named + rest), None)
    taking = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    places = [each for each in parameters if each.kind in taking]
    if call.position < len(places):
        found = places[call.position]
        return None if found.name in call.given else found
    return next((each for each in parameters if each.kind is Parameter.VAR_POSITIONAL), None)


def keyword_names(call: OpenCall, found: Found) -> list[str]:
    """The parameters that may still be given by name in `call`, in their order."""
    parameters = parameters_of(found) or []
    by_name = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
    places = [each for each in parameters if each.kind is Parameter.POSITIONAL_OR_KEYWORD]
    before = [each for each in parameters if each.kind is Parameter.POSITIONAL_ONLY]
    taken = {each.name for each in places[: max(call.position - len(before), 0)]}
    names = [each.name for each in parameters if each.kind in by_name]
    return [name for name in names if name not in taken | call.given]


def parameters_of(found: Found, layers: int = _MAX_LAYERS) -> list[Parameter] | None:
    """The parameters that a call of what was `found` takes; None if they cannot be known.

    It is looked for through at most so many `layers` of ``functools.partial``.
    """
    obj, bound = found
    if type(obj) is functools.partial:
        inner = parameters_of(Found(obj.func), layers - 1) if layers else None
        return None if inner is None else _left_by(obj, inner)
    if type(obj) is types.MethodType:
        obj, bound = obj.__func__, True
    elif is_real_instance(obj, type):
        obj, bound = _constructor(obj)
    elif type(obj) not in _CALLED_THEMSELVES:
        called = raw_attribute(type(obj), "__call__")
        obj, bound = (called, True) if type(called) is types.FunctionType else (obj, bound)
    obj = _wrapped_function(obj)
    if type(obj) is not types.FunctionType:
        parameters = _builtin_parameters(obj)
    elif "__signature__" in obj.__dict__:
        parameters = None
    else:
        parameters = list(inspect.signature(without_annotations(obj)).parameters.values())
    if parameters is None:
        return None
    # The first parameter is the one that a bound method gives.
    first = parameters and parameters[0].kind is not Parameter.VAR_POSITIONAL
    return parameters[1 if bound and first else 0 :]


def _left_by(partial: functools.partial[Any], parameters: list[Parameter]) -> list[Parameter]:
    """Those of `parameters` that a call of `partial` may still give.

    What it gives by name has another default, and can only be given by name from there on.
    """
    given, left, named = list(partial.args), list[Parameter](), False
    for parameter in parameters:
        kind, default = parameter.kind, parameter.default
        if kind in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD) and given:
            if given.pop(0) is not _PLACEHOLDER:
                continue
        elif parameter.name in partial.keywords and kind is not Parameter.POSITIONAL_ONLY:
            default, named = partial.keywords[parameter.name], True
        if named and kind is Parameter.POSITIONAL_OR_KEYWORD:
            kind = Parameter.KEYWORD_ONLY
        if not named or kind is not Parameter.VAR_POSITIONAL:
            left.append(Parameter(parameter.name, kind, default=default))
    return left


def _constructor(klass: type) -> tuple[Any, bool]:
    """What takes the arguments of a class, its metaclass first; or the class itself."""
    called = raw_attribute(type(klass), "__call__")
    if type(called) is types.FunctionType:
        return called, True
    for name in ("__init__", "__new__"):
        made = raw_attribute(klass, name)
        made = made.__func__ if type(made) is staticmethod else made
        if type(made) is types.FunctionType:
            return made, True
    return klass, False


def _wrapped_function(obj: Any) -> Any:
    """The function that ``functools.wraps`` says `obj` stands for, if that is a plain one."""
    for _ in range(_MAX_LAYERS):
        inner = obj.__dict__.get("__wrapped__") if type(obj) in _WRAPPERS else None
        if type(inner) is not types.FunctionType or "__signature__" in obj.__dict__:
            break
        obj = inner
    return obj


def _builtin_parameters(obj: Any) -> list[Parameter] | None:
    builtin = (types.BuiltinFunctionType, types.MethodDescriptorType)
    if type(obj) not in builtin and not (type(obj) is type and not obj.__flags__ & _HEAP_TYPE):
        return None
    try:
        return list(inspect.signature(obj).parameters.values())
    except (ValueError, TypeError):
        return None


def _parts(parameters: list[Parameter], dots: str) -> Iterator[_Part]:
    """Names and defaults, with the ``/`` and ``*`` that Python would write between them."""
    before: Parameter | None = None
    for parameter in parameters:
        kind = parameter.kind
        if before is not None and before.kind is before.POSITIONAL_ONLY is not kind:
            yield _Part("/", None)
        starred = before is not None and before.kind in _STARRED
        if kind is parameter.KEYWORD_ONLY and not starred:
            yield _Part("*", None)
        stars = (kind is parameter.VAR_POSITIONAL) + 2 * (kind is parameter.VAR_KEYWORD)
        yield _Part("*" * stars + parameter.name + _default_text(parameter, dots), parameter)
        before = parameter
    if before is not None and before.kind is before.POSITIONAL_ONLY:
        yield _Part("/", None)


def _default_text(parameter: Parameter, dots: str) -> str:
    if parameter.default is parameter.empty:
        return ""
    spelled = repr(parameter.default) if type(parameter.default) in _SHOWN_DEFAULT_TYPES else dots
    return f"={spelled if len(spelled) <= _LONGEST_DEFAULT else dots}"


def _documented(obj: Any) -> tuple[list[str], str]:
    """How `obj` is called, as the docstrings of some built-in things begin; and what it is for."""
    document = raw_document(obj)
    rows = [] if document is MISSING else document.strip().splitlines()
    name = obj.__name__ if type(obj) in (type, types.BuiltinFunctionType) else None
    if name is None or not rows or not rows[0].startswith(f"{name}("):
        return [], printable(rows[0].strip()) if rows else ""
    first = list(takewhile(str.strip, rows))
    said = next(filter(None, map(str.strip, rows[len(first) :])), "")
    calls = [row for row in first if row.startswith(f"{name}(")]
    return [printable(call.partition(" -> ")[0]) for call in calls], printable(said)
