"""What functions that are not the user's give: by the type, the annotation, the source.

What is written in C has no source: of those that matter here, what they give is listed.
"""

from __future__ import annotations

import ast
import asyncio
import concurrent.futures
import contextlib
import inspect
import io
import linecache
import sys
import textwrap
from collections import defaultdict
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Coroutine,
    Generator,
    Iterable,
    Iterator,
)
from functools import cache
from itertools import islice
from types import (
    AsyncGeneratorType,
    CodeType,
    CoroutineType,
    FunctionType,
    GeneratorType,
    MappingProxyType,
)
from typing import TYPE_CHECKING, Any

from asyncrepl.events.object_info import MISSING, ObjectInfo, is_real_instance, place_at
from asyncrepl.explain.kinds import is_manager_function, is_mock
from asyncrepl.syntax.names import last_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asyncrepl.explain.source_units import Units

_ITERATOR: type = type(iter(()))
#: Of functions of asyncio's and of builtins, by the last part of their name, what they give.
_GIVEN: dict[str, type] = {
    "create_task": asyncio.Task,
    "ensure_future": asyncio.Task,
    "gather": asyncio.Future,
    "shield": asyncio.Future,
    "wrap_future": asyncio.Future,
    "create_future": asyncio.Future,
    "run_in_executor": asyncio.Future,
    "run_coroutine_threadsafe": concurrent.futures.Future,
    "print": type(None),
    "iter": _ITERATOR,
    "len": int,
    "sum": int,
    "sorted": list,
    "repr": str,
    "input": str,
    "join": str,
    "split": list,
    "strip": str,
    "upper": str,
    "lower": str,
    "format": str,
    "replace": str,
    "encode": bytes,
    "decode": str,
}
#: What methods of builtin types give.
_METHODS: dict[tuple[object, str], type] = {
    (dict, "items"): type({}.items()),
    (dict, "keys"): type({}.keys()),
    (dict, "values"): type({}.values()),
    (dict, "copy"): dict,
    (list, "copy"): list,
    (set, "copy"): set,
    (set, "union"): set,
    (str, "splitlines"): list,
}
_ANNOTATIONS: dict[str, type] = {
    "AsyncIterator": AsyncIterator,
    "AsyncIterable": AsyncIterable,
    "AsyncGenerator": AsyncGeneratorType,
    "Coroutine": CoroutineType,
    "Awaitable": Awaitable,
    "Iterator": Iterator,
    "Iterable": Iterable,
    "Generator": GeneratorType,
    "List": list,
    "Dict": dict,
    "Set": set,
    "Tuple": tuple,
    "Sequence": list,
    "Mapping": dict,
    "AsyncContextManager": contextlib.AbstractAsyncContextManager,
    "AbstractAsyncContextManager": contextlib.AbstractAsyncContextManager,
    "ContextManager": contextlib.AbstractContextManager,
    "AbstractContextManager": contextlib.AbstractContextManager,
}
_PLAIN = (int, float, str, list, tuple, bytes)
_BUILTIN_TYPES = {kind.__name__: kind for kind in (list, dict, str, int, tuple)}
#: What stands in annotations for one of the types in its brackets, or for the first.
_OF_TYPES = ("Union", "Optional", "Annotated", "Final", "ClassVar", "Required")
assert {AsyncGenerator, Coroutine, Generator}  # their runtime types are what is made


@cache
def _steps() -> dict[str, type]:
    """The types of what the methods of an async generator give."""

    async def empty() -> Any:
        return
        yield

    found = {}
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, None)  # else the user's loop would make a task to close each
    try:
        for name in ("__anext__", "asend", "athrow", "aclose"):
            arguments = {"asend": (None,), "athrow": (ValueError(),)}.get(name, ())
            step = getattr(empty(), name)(*arguments)
            with contextlib.suppress(BaseException):
                step.close()  # else it warns that nobody has awaited it
            found[name] = type(step)
    finally:
        sys.set_asyncgen_hooks(*hooks)
    return found


def listed_result(callee: object) -> type | None:
    """The type of what `callee`, of builtins, asyncio or an async generator, gives."""
    name = getattr(callee, "__name__", "")
    if type(name) is not str:
        return None
    owner = getattr(callee, "__objclass__", None)
    if callee is anext:
        return _steps()["__anext__"]
    if owner is AsyncGeneratorType and name in _steps():
        return _steps()[name]
    module = getattr(callee, "__module__", None)
    known = type(module) is str and module.partition(".")[0] in ("asyncio", "_asyncio", "builtins")
    if (owner, name) in _METHODS:
        return _METHODS[owner, name]
    if callee is open:
        return io.TextIOWrapper
    listed = known or owner in (str, bytes)
    return _GIVEN.get(name) if listed else None


def mock_file() -> str:
    """Where the code of mocks stands, if that is there already."""
    module = sys.modules.get("unittest.mock")
    return str(getattr(module, "__file__", ""))


def mock_result(callee: object) -> object:
    """What a mock is told to give; MISSING if it is none, or was told nothing."""
    if not is_mock(callee):
        return MISSING
    found = object.__getattribute__(callee, "__dict__").get("_mock_return_value", MISSING)
    return MISSING if type(found).__name__ == "_SentinelObject" else found


def result_of_method(call: ast.Call) -> type | None:
    """What a method gives that only loops and task groups have, whoever its owner is."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    return _GIVEN[name] if name in ("create_task", "create_future", "run_in_executor") else None


def result_of_operator(
    left: ObjectInfo | None, operator: ast.operator, right: ObjectInfo | None
) -> ObjectInfo | None:
    """What `operator` gives for `left` and `right`: of two plain values of one type, another."""
    if left is None or right is None or left.kind is not right.kind:
        return None
    divided = left.kind is int and isinstance(operator, ast.Div)
    return ObjectInfo(float if divided else left.kind) if left.kind in _PLAIN else None


def manager_of(function: FunctionType) -> type | None:
    """What a function decorated with ``contextlib``'s ``(async)contextmanager`` gives."""
    code = function.__code__
    if code.co_filename != contextlib.__file__ or code.co_name != "helper":
        return None
    asynchronous = is_manager_function(function)
    name = "_AsyncGeneratorContextManager" if asynchronous else "_GeneratorContextManager"
    found = vars(contextlib)[name]
    return found if is_real_instance(found, type) else None


def annotated_types(node: ast.expr | None, namespace: Mapping[str, Any]) -> list[type]:
    """The types that `node`, an annotation, names in `namespace`, as far as they tell a kind."""
    found: list[type] = []
    parts = list(_alternatives(node)) if node is not None else []
    for part in parts:
        name = last_name(part)
        known = (_ANNOTATIONS.get(name), namespace.get(name), _BUILTIN_TYPES.get(name))
        if isinstance(part, ast.Constant) and part.value is None:
            found.append(type(None))
        else:
            named = (each for each in known if is_real_instance(each, type) and each is not object)
            found.extend(islice(named, 1))
    return found if len(found) == len(parts) else []


def _alternatives(node: ast.expr) -> Iterator[ast.expr]:
    """The types of a union, each without its brackets: ``list`` of ``list[int]``."""
    match node:
        case ast.Constant(value=str(text)):
            with contextlib.suppress(SyntaxError):
                yield from _alternatives(ast.parse(text, mode="eval").body)
        case ast.BinOp(left, ast.BitOr(), right):
            yield from (*_alternatives(left), *_alternatives(right))
        case ast.Subscript(value, part) if last_name(value) in _OF_TYPES:
            parts = part.elts if isinstance(part, ast.Tuple) else [part]
            for each in parts if last_name(value) == "Union" else parts[:1]:
                yield from _alternatives(each)
        case ast.Subscript(value):
            yield from _alternatives(value)
        case _:
            yield node


def globals_of(filename: str) -> Mapping[str, Any]:
    """The global names of the imported module in that file; none if nobody knows."""
    for module in list(sys.modules.values()):
        if getattr(module, "__file__", None) == filename:
            return vars(module)
    return {}


@cache
def library_source(code: CodeType) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """The ``def`` of a function of somebody else's."""
    lines = linecache.getlines(code.co_filename)[code.co_firstlineno - 1 :]
    try:
        text = textwrap.dedent("".join(inspect.getblock(lines)))
        node = ast.parse(text).body[0]
    except (SyntaxError, ValueError, IndexError, RecursionError):
        return None
    return node if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else None


def function_of_code(
    units: Units, code: CodeType | None
) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """The ``def`` of `code`: one of the `units`, or somebody else's."""
    found = units.definition(code)
    return found[1] if found is not None else library_source(code) if code else None


def library_nodes(code: CodeType, offset: int) -> list[ast.AST]:
    """What a function of somebody else's evaluates at `offset`.

    Of a ``raise`` the ``if`` around it; nothing, if there is none.
    """
    place, function = place_at(code, offset), library_source(code)
    if place is None or function is None:
        return []
    above = code.co_firstlineno - 1  # `function` was parsed alone, at the margin
    first = linecache.getline(code.co_filename, code.co_firstlineno)
    by = len(first) - len(first.lstrip())
    lines = (place.lineno - above, place.end_lineno - above)
    where = (*lines, place.column - by, place.end_column - by)
    nodes = [*ast.walk(function)]
    found = [each for each in nodes if _span(each) == where]
    raised = next((each for each in found if isinstance(each, ast.Raise)), None)
    if raised is None:
        return found
    asking = [each for each in nodes if isinstance(each, ast.If) and raised in ast.walk(each)]
    return [*asking[-1:]]


def _span(node: Any) -> tuple[int, ...]:
    names = ("lineno", "end_lineno", "col_offset", "end_col_offset")
    return tuple(getattr(node, each, -1) for each in names)


def mock_of(value: object) -> object:
    """The mock that a coroutine was made by, or is."""
    frame = value.cr_frame if is_real_instance(value, CoroutineType) else None
    made = frame is not None and frame.f_code.co_filename == mock_file()
    return frame.f_locals.get("self") if frame is not None and made else value


def has_result(future: asyncio.Future[Any]) -> bool:
    """Whether it is done, and well."""
    if not future.done() or future.cancelled():
        return False
    return getattr(future, "_exception", None) is None


def code_of_manager(manager: object) -> CodeType | None:
    """The code of the generator that a context manager was made of."""
    found = getattr(manager, "__dict__", {}).get("gen")
    return getattr(found, "ag_code", None) or getattr(found, "gi_code", None)


def made_by_function(function: FunctionType) -> ObjectInfo | None:
    """What is known of the result of a call without looking at what the function returns."""
    manager = manager_of(function)
    if manager is not None:
        return ObjectInfo(manager, getattr(inspect.unwrap(function), "__code__", None))
    kind = made_by(function.__code__)
    if kind is not None:
        # The function, too: of what a decorator made it knows what that was given.
        return ObjectInfo(kind, function.__code__, function if kind is CoroutineType else MISSING)
    if chosen := _implementations(function):
        made = {each and each.kind for each in map(made_by_function, chosen)}
        only = made.pop()  # which of them is called, its argument decides
        return ObjectInfo(only) if only is not None and not made else None
    listed = listed_result(function)
    return ObjectInfo(listed) if listed is not None else None


def _implementations(function: FunctionType) -> list[FunctionType]:
    """The functions one of which a function of ``functools.singledispatch`` calls."""
    registry = vars(function).get("registry")
    known = [*registry.values()] if is_real_instance(registry, MappingProxyType) else []
    return known if all(is_real_instance(each, FunctionType) for each in known) else []


def made_by(code: CodeType) -> type | None:
    """What a call of the code makes, by its flags; None of a plain function."""
    if code.co_flags & inspect.CO_ASYNC_GENERATOR:
        return AsyncGeneratorType
    if code.co_flags & inspect.CO_COROUTINE:
        return CoroutineType
    return GeneratorType if code.co_flags & inspect.CO_GENERATOR else None


def item(owner: Any, key: object, negative: bool) -> object:
    """`owner` at `key`, or at ``-key``, of a list, a tuple or a dict of strings; or MISSING."""
    if type(owner) in (list, tuple) and type(key) is int:
        key = len(owner) - key if negative else key
        return owner[key] if 0 <= key < len(owner) else MISSING
    strings = type(owner) in (dict, defaultdict) and all(type(each) is str for each in owner)
    return owner[key] if strings and type(key) is str and key in owner else MISSING
