"""What a traced loop walks instead of the iterable: the same, with its steps noted.

The functions of `marks` are called by code that `asyncrepl.language.doubling` has doubled.
What they must not do, each of which failed a test:

- Hide what ``async for`` says of an object that is no asynchronous iterable, or
  whose ``__aiter__`` gives the wrong thing: such an object is handed on as it is.
- Use ``aiter()``: it refuses the wrong thing with other words than ``async for``.
- Stand in a traceback: an error that passes loses our entry.
- Keep the iterator: the proxy alone holds it, and goes when the loop lets it go.

A ``with`` cannot stand in a comprehension, so its walks end when the loop drops the
proxy: whether by StopAsyncIteration or by an error is known from what comes next.

What remains visible: ``sys._getframe(1)`` and ``stacklevel=2`` inside a plain ``def
__aiter__`` or ``__anext__`` see the proxy's frame.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from sys import _getframe
from types import CoroutineType
from typing import TYPE_CHECKING, Any, TypeVar

from asyncrepl.engine.traces import user_part
from asyncrepl.engine.walks.open_walks import Unseen
from asyncrepl.engine.walks.values import type_name
from asyncrepl.events.walks import Site
from asyncrepl.language.suspects import MISSING, lookup

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.engine.walks.tracing import Tracer
    from asyncrepl.engine.walks.walking import Walking

__all__ = ["marks"]

T = TypeVar("T")

_STEP = "async_generator_asend"
#: Up to Python 3.13 it is not told what a descriptor has raised.
_NO_METHOD = AttributeError if sys.version_info >= (3, 14) else Exception


class _Iterable:
    """The operand of a traced loop."""

    __slots__ = ("_iterable", "_make", "_walking")

    def __init__(self, walking: Walking, iterable: Any, make: Callable[..., Any]) -> None:
        self._walking = walking
        self._iterable = iterable
        self._make = make

    def __aiter__(self) -> Any:
        iterable = self._iterable
        try:
            iterator = _bound(iterable, "__aiter__")()
        except BaseException as error:
            error.__traceback__ = user_part(error.__traceback__)
            del error
            raise
        if lookup(type(iterator), "__anext__") in (MISSING, None):
            return iterator
        self._walking.begin(iterable, iterator)
        return self._make(self._walking, iterator)


class _Iterator:
    """The iterator of a traced loop."""

    __slots__ = ("_iterator", "_walking")

    def __init__(self, walking: Walking, iterator: Any) -> None:
        self._walking = walking
        self._iterator = iterator

    def __aiter__(self) -> _Iterator:
        return self

    def __anext__(self) -> Any:
        walking = self._walking
        if not walking.frame:  # only now is it known in which one a comprehension runs
            walking.tracer.enter(walking, _getframe(1))
        walking.ask()
        try:
            awaitable = anext(self._iterator)
        except BaseException as error:
            error.__traceback__ = user_part(error.__traceback__)
            del error
            raise
        try:
            walking.asked(awaitable)
        except BaseException:  # a Ctrl-C while it stands here: it will not be awaited
            if type(awaitable) is CoroutineType or type_name(awaitable) == _STEP:
                awaitable.close()  # or it would be complained of
            raise
        return awaitable


class _ClauseIterator(_Iterator):
    """That of a clause in a comprehension, which tells when it is dropped."""

    __slots__ = ()

    def __del__(self) -> None:
        self._walking.tracer.drop(self._walking)


def marks(tracer: Tracer) -> dict[str, Callable[..., Any]]:
    """The marks of doubled code by name, reporting to `tracer`."""
    innermost = tracer.walks.innermost

    def walk(site: tuple[Any, ...]) -> Walking | Unseen:
        frame = _getframe(1)
        walking = tracer.begin(Site(*site), frame)
        tracer.walks.enter(walking, id(frame))
        return walking

    def walked(iterable: Any) -> Any:
        walking = innermost(id(_getframe(1)))
        return iterable if walking is None else _seen(walking, iterable, _Iterator)

    def ended() -> None:
        if (walking := innermost(id(_getframe(1)))) is not None:
            tracer.settle("exhausted")
            walking.end("exhausted")

    def broke() -> None:
        if (walking := innermost(id(_getframe(1)))) is not None:
            walking.broke()

    def clause(iterable: Any, site: tuple[Any, ...]) -> Any:
        walking = tracer.begin(Site(*site), _getframe(1))
        if isinstance(walking, Unseen):
            return iterable
        return _seen(walking, iterable, _ClauseIterator)

    def bound(*values: object) -> bool:
        walking = innermost(id(_getframe(1)))
        if walking is not None and walking.phase == "await":
            walking.got(values)
        return True

    def done(result: T) -> T:
        tracer.settle("exhausted")
        return result

    every = (walk, walked, ended, broke, clause, bound, done)
    return {f".{mark.__name__}": mark for mark in every}


def _seen(walking: Walking, iterable: Any, make: Callable[..., Any]) -> Any:
    walking.phase = "aiter"
    if lookup(type(iterable), "__aiter__") in (MISSING, None):
        return iterable
    return _Iterable(walking, iterable, make)


def _bound(obj: Any, name: str) -> Any:
    """The special method `name` of `obj`, as the interpreter finds it.

    Where a descriptor raises one of `_NO_METHOD`, the interpreter says that there is no
    such method.
    """
    method: Any = lookup(type(obj), name)
    get = getattr(type(method), "__get__", None)
    if get is None:
        return method
    with suppress(_NO_METHOD):
        return get(method, obj, type(obj))
    raise AttributeError(f"object {type(obj).__name__} does not have {name} method")
