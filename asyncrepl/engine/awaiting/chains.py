"""The await chain: who awaits whom inside one task, outside in, down to the suspended line.

A coroutine tells what it awaits (``cr_await``), and so do generators. Between
them stand small objects of C that do not: an async generator's step, ``anext``
with a default, ``coroutine.__await__()``, a future's iterator. What each of them
belongs to is the first thing it refers to, and the garbage collector tells that
without running any code of the user's.

What does not work:

- ``inspect.isawaitable`` and its like, and ``isinstance``: they ask the object
  for ``__class__``, which may be a property of the user's. Here only exact
  types count; any other object is told by the name of its type.
- Asking a frame of asyncio for ``f_locals``: up to Python 3.12 that makes a
  copy which stays with the frame, and with it everything that a ``del`` in
  asyncio was to let go of. `argument` gets along without.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from operator import attrgetter
from types import AsyncGeneratorType, CodeType, CoroutineType, FrameType, GeneratorType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "Kind",
    "Link",
    "argument",
    "coroutine_of",
    "is_future",
    "is_task",
    "links",
    "type_name",
]

Kind = Literal["coroutine", "async generator step", "generator", "task", "future", "other"]

#: asyncio has its futures and tasks twice: in C, and in Python for those who ask for them.
_PYTHONS_TASK = asyncio.tasks._PyTask  # type: ignore[attr-defined]  # noqa: SLF001
_PYTHONS_AWAIT = asyncio.futures._PyFuture.__await__.__code__  # type: ignore[attr-defined]  # noqa: SLF001
_FUTURES = (asyncio.Future, asyncio.futures._PyFuture)  # type: ignore[attr-defined]  # noqa: SLF001
_TASKS = (asyncio.Task, _PYTHONS_TASK)

#: A chain is cut here, should it ever lead back into itself.
LONGEST = 10_000

#: Types that have a frame: what such a link is, its code and what it awaits.
_FRAMED: dict[type, tuple[Kind, Callable[[Any], tuple[CodeType, object]]]] = {
    CoroutineType: ("coroutine", attrgetter("cr_code", "cr_await")),
    GeneratorType: ("generator", attrgetter("gi_code", "gi_yieldfrom")),
    AsyncGeneratorType: ("async generator step", attrgetter("ag_code", "ag_await")),
}
_FRAME: dict[type, Callable[[Any], FrameType | None]] = {
    CoroutineType: attrgetter("cr_frame"),
    GeneratorType: attrgetter("gi_frame"),
    AsyncGeneratorType: attrgetter("ag_frame"),
}
#: Types that stand between two links are known by name alone: no module holds them.
_BETWEEN = {
    "async_generator_asend",
    "async_generator_athrow",
    "anext_awaitable",
    "coroutine_wrapper",
    "FutureIter",
}
#: Those of them that were met.
_between: set[type] = set()

#: The name of a type, also where its metaclass is the user's and has other ideas.
type_name: Callable[[type], str] = type.__dict__["__qualname__"].__get__


class Link(NamedTuple):
    """One link of a chain.

    `code` is None for what has no frame: a task, a future, another object. An
    async generator's step is told by the generator: `subject`. Do not keep a
    link, it holds the user's objects.
    """

    kind: Kind
    code: CodeType | None
    subject: object

    @property
    def name(self) -> str:
        """The qualified name of the function, or of the object's type."""
        return type_name(type(self.subject)) if self.code is None else self.code.co_qualname

    @property
    def frame(self) -> FrameType | None:
        """The frame; None if there is none, or no longer."""
        return None if self.code is None else _FRAME[type(self.subject)](self.subject)


def links(awaitable: object) -> list[Link]:
    """The chain of a task, a coroutine, an async generator or its step, from the outside in.

    The chain of a task begins with its coroutine; one that awaits another task
    ends with that one. What is over has no links. Never runs code of the user's.
    """
    if is_task(awaitable):
        awaitable = coroutine_of(awaitable)
    chain: list[Link] = []
    for _ in range(LONGEST):
        if awaitable is None:
            break
        kind = type(awaitable)
        if kind in _FRAMED:
            what, read = _FRAMED[kind]
            code, following = read(awaitable)
            link = Link(what, code, awaitable)
            if code is _PYTHONS_AWAIT:
                awaitable = argument(link)
            else:
                chain.append(link)
                awaitable = following
        elif kind in _between or _stands_between(kind):
            awaitable = _belongs_to(awaitable)
        else:
            last: Kind = "future" if is_future(awaitable) else "other"
            chain.append(Link("task" if is_task(awaitable) else last, None, awaitable))
            break
    if chain and chain[-1].code is not None and chain[-1].frame is None:
        del chain[-1]  # it is over
    return chain


def coroutine_of(task: Any) -> object:
    """The coroutine of a task; None once it is done.

    Read by asyncio's own method, which a subclass of the user's may override.
    """
    own = asyncio.Task if issubclass(type(task), asyncio.Task) else _PYTHONS_TASK
    # A task that has ended at once must not be asked: Python 3.12.1 would crash.
    return None if own.done(task) else own.get_coro(task)


def is_future(thing: object) -> bool:
    """Whether it is a future or a task of asyncio's."""
    return issubclass(type(thing), _FUTURES)


def is_task(thing: object) -> bool:
    """Whether it is a task of asyncio's."""
    return issubclass(type(thing), _TASKS)


def argument(link: Link) -> object:
    """The first argument of a suspended call; only for code that is known to have one."""
    code = link.code
    assert code is not None
    if sys.version_info >= (3, 13):
        frame = link.frame
        return None if frame is None else frame.f_locals.get(code.co_varnames[0])
    # Up to 3.12 a suspended coroutine refers to …, its code, its local variables.
    held = gc.get_referents(link.subject)
    at = held.index(code, 1) + 1
    return held[at] if at < len(held) else None


def _stands_between(kind: type) -> bool:
    found = (
        type(kind) is type
        and kind.__name__ in _BETWEEN
        and kind.__module__ in {"builtins", "_asyncio"}
    )
    if found:
        _between.add(kind)
    return found


def _belongs_to(between: object) -> object:
    """The generator, coroutine or future; it stands first among all that `between` refers to."""
    for each in gc.get_referents(between):
        if each is not type(between):
            return each
    return None
