"""What kind of thing an object is, as far as async iteration is concerned.

Nearly every misuse is one sentence: an operation demands something of its operand, and the
operand is of another kind. A kind is told from the type and from the code that runs, never by
asking the object: nothing of the user's is run.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import inspect
from enum import Enum
from types import (
    AsyncGeneratorType,
    BuiltinFunctionType,
    CoroutineType,
    FunctionType,
    GeneratorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    NoneType,
)

from asyncrepl.events.object_info import (
    MISSING,
    ObjectInfo,
    has_method,
    is_real_instance,
    is_step,
    lookup,
)
from asyncrepl.explain.scopes import is_generator


class Kind(Enum):
    """The value is what one calls such a thing in a sentence."""

    COROUTINE = "a coroutine"
    ASYNC_GENERATOR = "an async generator"
    ASYNC_ITERATOR = "an async iterator"
    ASYNC_ITERABLE = "an async iterable"
    STEP = "one step of an async iterator"
    TASK = "a task"
    FUTURE = "a future"
    AWAITABLE = "an awaitable"
    COROUTINE_FUNCTION = "an async function"
    ASYNC_GENERATOR_FUNCTION = "an async generator function"
    ASYNC_MANAGER = "an async context manager"
    ASYNC_MANAGER_FUNCTION = "a function that makes an async context manager"
    ASYNC_CLASS = "a class, no instance of it"
    FUNCTION = "a function"
    CLASS = "a class"
    MODULE = "a module"
    MOCK = "a mock"
    MANAGER = "a context manager"
    GENERATOR = "a plain generator"
    ITERATOR = "a plain iterator"
    ITERABLE = "an ordinary collection"
    NONE = "None"
    VALUE = "an ordinary value"


#: What has to be awaited, walked, entered or called before there is a value.
ASYNCHRONOUS = frozenset({
    Kind.COROUTINE, Kind.ASYNC_GENERATOR, Kind.ASYNC_ITERATOR, Kind.ASYNC_ITERABLE, Kind.STEP,
    Kind.TASK, Kind.FUTURE, Kind.AWAITABLE, Kind.COROUTINE_FUNCTION,
    Kind.ASYNC_GENERATOR_FUNCTION, Kind.ASYNC_MANAGER, Kind.ASYNC_MANAGER_FUNCTION,
    Kind.ASYNC_CLASS,
})  # fmt: skip

#: What stands for one result, and what gives items: of each it has to be asked for.
RESULTS = frozenset({Kind.COROUTINE, Kind.STEP, Kind.TASK, Kind.FUTURE, Kind.AWAITABLE})
STREAMS = frozenset({Kind.ASYNC_GENERATOR, Kind.ASYNC_ITERATOR, Kind.ASYNC_ITERABLE})
#: What has to be called first.
UNCALLED = frozenset({
    Kind.COROUTINE_FUNCTION, Kind.ASYNC_GENERATOR_FUNCTION, Kind.ASYNC_MANAGER_FUNCTION,
    Kind.ASYNC_CLASS,
})  # fmt: skip
_TYPES = {
    NoneType: Kind.NONE,
    ModuleType: Kind.MODULE,
    CoroutineType: Kind.COROUTINE,
    AsyncGeneratorType: Kind.ASYNC_GENERATOR,
    GeneratorType: Kind.GENERATOR,
    BuiltinFunctionType: Kind.FUNCTION,
    MethodWrapperType: Kind.FUNCTION,
}
#: Of what has these methods, it is this kind; the first that fits.
_METHODS = (
    ("__anext__", Kind.ASYNC_ITERATOR),
    ("__aiter__", Kind.ASYNC_ITERABLE),
    ("__aenter__", Kind.ASYNC_MANAGER),
    ("__await__", Kind.AWAITABLE),
    ("__enter__", Kind.MANAGER),
    ("__next__", Kind.ITERATOR),
    ("__iter__", Kind.ITERABLE),
)


def has(info: ObjectInfo | None, *names: str) -> bool:
    """Whether the type has one of these special methods: one that is None bars those after it."""
    if info is None:
        return False
    for name in names:
        found = lookup(info.kind, name)
        if found is None:
            return False
        if found is not MISSING and found is not vars(object).get(name):
            return True
    return False


def kind_of(info: ObjectInfo) -> Kind:
    """The kind of what `info` are known of."""
    kind = info.kind
    if issubclass(kind, type):
        return _of_class(info.value)
    if issubclass(kind, FunctionType | MethodType | functools.partial):
        return _of_function(info.value)
    return _TYPES.get(kind) or _of_object(info)


def _of_object(info: ObjectInfo) -> Kind:
    kind = info.kind
    if _is_mock_class(kind):
        return Kind.MOCK
    if is_step(kind):
        return Kind.STEP
    if lookup(kind, "_asyncio_future_blocking") is not MISSING:
        return Kind.TASK if lookup(kind, "get_coro") is not MISSING else Kind.FUTURE
    return next((each for name, each in _METHODS if has(info, name)), Kind.VALUE)


def _of_class(made: object) -> Kind:
    """A class is asynchronous if only what it makes is of use, and that is."""
    instance = is_real_instance(made, type) and has(ObjectInfo(made), "__aiter__", "__aenter__")
    return Kind.ASYNC_CLASS if instance else Kind.CLASS


def _of_function(function: object) -> Kind:
    if isinstance(function, ast.AsyncFunctionDef):  # of a text that has not run
        generates = is_generator(function)
        return Kind.ASYNC_GENERATOR_FUNCTION if generates else Kind.COROUTINE_FUNCTION
    inner = getattr(function, "__func__", function)
    if is_real_instance(inner, FunctionType) and is_manager_function(inner):
        return Kind.ASYNC_MANAGER_FUNCTION
    if inspect.isasyncgenfunction(function):
        return Kind.ASYNC_GENERATOR_FUNCTION
    return Kind.COROUTINE_FUNCTION if inspect.iscoroutinefunction(function) else Kind.FUNCTION


def is_manager_function(function: FunctionType) -> bool:
    """Whether ``contextlib.asynccontextmanager`` has made it."""
    code = function.__code__
    return code.co_filename == contextlib.__file__ and code.co_qualname.startswith("async")


def waiting_method(info: ObjectInfo | None) -> str:
    """The method that waits for what such an object is for; "" if it has none, or several."""
    kind = info.kind if info is not None else object
    modules = {base.__module__: base.__qualname__ for base in kind.__mro__}
    return next((name for each, name in _WAITING.items() if each in modules.items()), "") or (
        "wait" if _only_waits(kind) else ""
    )


def _only_waits(kind: type) -> bool:
    """Whether all that there is to await of a class of the user's is its ``wait()``."""
    names = [each for each in dir(kind) if not each.startswith("_")]
    coroutines = [each for each in names if inspect.iscoroutinefunction(lookup(kind, each))]
    wait = lookup(kind, "wait")
    return (
        coroutines == ["wait"] and getattr(getattr(wait, "__code__", None), "co_argcount", 0) == 1
    )


#: Of objects of asyncio that cannot be awaited themselves, by module and class.
_WAITING = {
    ("asyncio.locks", "Event"): "wait",
    ("asyncio.queues", "Queue"): "get",
    ("asyncio.subprocess", "Process"): "wait",
}


def a_type(info: ObjectInfo | None) -> str:
    """The name of the type with its article: ``a list``."""
    name = info.kind.__name__ if info is not None else "object"
    name = name.replace("async_generator", "async generator")
    return f"{_article(name)} {name}"


def a_kind(info: ObjectInfo, kind: Kind) -> str:
    """A kind of what `info` are known of, in words, with the name of the class where it helps."""
    own = kind in {Kind.ASYNC_ITERATOR, Kind.ASYNC_ITERABLE, Kind.AWAITABLE, Kind.ASYNC_MANAGER}
    if own and not info.kind.__name__.startswith("_"):
        return f"{_article(info.kind.__name__)} `{info.kind.__name__}`, {kind.value}"
    if kind in _ORDINARY:
        return _ORDINARY[kind].format(info.kind.__name__)
    return str(kind.value)


_ORDINARY = {
    Kind.MANAGER: "a `{}`, a plain context manager",
    Kind.ITERATOR: "a `{}`, a plain iterator",
    Kind.ITERABLE: "an ordinary `{}`",
    Kind.VALUE: "an ordinary `{}`",
    Kind.MOCK: "a `{}`, a mock",
}


def _article(name: str) -> str:
    return "an" if name[:1].lower() in "aeiou" else "a"


def is_mock(value: object) -> bool:
    """Whether it is a mock."""
    return _is_mock_class(type(value))


def _is_mock_class(kind: type) -> bool:
    """Whether it is no patcher, which stands in that module as well."""
    return kind.__module__ == _MOCKS and not kind.__name__.startswith("_")


def replaced_since(function: object) -> bool:
    """Whether what gave no coroutine when it was called is a coroutine function now."""
    return is_real_instance(function, FunctionType) and bool(
        function.__code__.co_flags & inspect.CO_COROUTINE
    )


_MOCKS = "unittest.mock"


def is_async_iterable(info: ObjectInfo) -> bool:
    """Whether ``async for`` can start on it."""
    return has_method(info.kind, "__aiter__")


def is_awaitable(info: ObjectInfo) -> bool:
    """Whether ``await`` takes it."""
    return has_method(info.kind, "__await__")
