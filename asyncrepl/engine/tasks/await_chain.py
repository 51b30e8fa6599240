"""The await chain: what one task awaits, outside in, down to the suspended line and its future.

A coroutine says what it awaits (``cr_await``), and so do generators. Between
them are small objects of C that do not: an async generator's step, ``anext``
with a default, ``coroutine.__await__()``, a future's iterator. What each of them
belongs to is the first thing it refers to, and the garbage collector says that
without running any code of the user's.

Futures do not say what they wait for (other futures, a thread's result, a task group); the
callbacks that asyncio hung on them do. Those are known by their code objects, and what they
belong to is in their closures. Read by the descriptors of asyncio's own types: a subclass of
the user's may override.

What does not work:

- ``inspect.isawaitable`` and its like, and ``isinstance``: they ask the object
  for ``__class__``, which may be a property of the user's. Here only exact
  types count; any other object is called by the name of its type.
- Asking a frame of asyncio for ``f_locals``: up to Python 3.12 that makes a
  copy which stays with the frame, and with it everything that a ``del`` in
  asyncio was to let go of. `first_argument` gets along without.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from operator import attrgetter
from types import (
    AsyncGeneratorType,
    CodeType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    MethodType,
)
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from asyncrepl.engine.code_owner import is_users

if TYPE_CHECKING:
    from collections.abc import Callable

LinkKind = Literal["coroutine", "async generator step", "generator", "task", "future", "other"]

#: asyncio has its futures and tasks twice: in C, and in Python for those who ask for them.
_PYTHONS_TASK = asyncio.tasks._PyTask  # type: ignore[attr-defined]  # noqa: SLF001
_PYTHONS_AWAIT = asyncio.futures._PyFuture.__await__.__code__  # type: ignore[attr-defined]  # noqa: SLF001
_FUTURES = (asyncio.Future, asyncio.futures._PyFuture)  # type: ignore[attr-defined]  # noqa: SLF001
#: The classes of tasks, in C and in Python.
TASKS = (asyncio.Task, _PYTHONS_TASK)

#: A chain is cut here, should it ever lead back into itself.
MAX_LINKS = 10_000

#: Types that have a frame: what such a link is, its code and what it awaits; and the frame.
_FRAMED: dict[type, tuple[LinkKind, Callable[[Any], tuple[CodeType, object]], attrgetter[Any]]] = {
    CoroutineType: ("coroutine", attrgetter("cr_code", "cr_await"), attrgetter("cr_frame")),
    GeneratorType: ("generator", attrgetter("gi_code", "gi_yieldfrom"), attrgetter("gi_frame")),
    AsyncGeneratorType: (
        *("async generator step", attrgetter("ag_code", "ag_await")),
        attrgetter("ag_frame"),
    ),
}
#: Types that come between two links are known by name alone: no module holds them.
_BETWEEN = {
    "async_generator_asend", "async_generator_athrow", "anext_awaitable", "coroutine_wrapper",
    "FutureIter",
}  # fmt: skip
#: Those of them that were met.
_known_between: set[type] = set()

#: The name of a type, also where its metaclass is the user's and has other ideas.
name_of_type: Callable[[type], str] = type.__dict__["__qualname__"].__get__


class AwaitLink(NamedTuple):
    """One link of a chain.

    `code` is None for what has no frame: a task, a future, another object. An
    async generator's step is described by the generator: `subject`. Do not keep a
    link, it holds the user's objects.
    """

    kind: LinkKind
    code: CodeType | None
    subject: object

    @property
    def name(self) -> str:
        """The qualified name of the function, or of the object's type."""
        return name_of_type(type(self.subject)) if self.code is None else self.code.co_qualname

    @property
    def frame(self) -> FrameType | None:
        """The frame; None if there is none, or no longer."""
        if self.code is None:
            return None
        frame: FrameType | None = _FRAMED[type(self.subject)][2](self.subject)
        return frame


def await_chain(awaitable: object) -> list[AwaitLink]:
    """The chain of a task, a coroutine, an async generator or its step, from the outside in.

    The chain of a task begins with its coroutine; one that awaits another task
    ends with that one. What is over has no links. Never runs code of the user's.
    """
    if is_task(awaitable):
        awaitable = coroutine_of(awaitable)
    chain: list[AwaitLink] = []
    for _ in range(MAX_LINKS):
        if awaitable is None:
            break
        kind = type(awaitable)
        if kind in _FRAMED:
            what, read, _ = _FRAMED[kind]
            code, following = read(awaitable)
            link = AwaitLink(what, code, awaitable)
            if code is _PYTHONS_AWAIT:
                awaitable = first_argument(link)
            else:
                chain.append(link)
                awaitable = following
        elif kind in _known_between or is_between(kind):
            # The generator, coroutine or future comes first among all that it refers to.
            held = gc.get_referents(awaitable)
            awaitable = next((each for each in held if each is not kind), None)
        else:
            last: LinkKind = "future" if is_future(awaitable) else "other"
            chain.append(AwaitLink("task" if is_task(awaitable) else last, None, awaitable))
            break
    if chain and chain[-1].code is not None and chain[-1].frame is None:
        del chain[-1]  # it is over
    return chain


def user_frame(chain: list[AwaitLink]) -> tuple[int, FrameType] | None:
    """The innermost frame of the user's in `chain`, behind the number of its link."""
    for at in range(len(chain) - 1, -1, -1):
        frame = chain[at].frame
        if frame is not None and is_users(frame.f_code.co_filename):
            return at, frame
    return None


def waits_at(task: object) -> tuple[str, int] | None:
    """The file and line of the user's innermost frame in which `task` waits."""
    found = user_frame(await_chain(task))
    return None if found is None else (found[1].f_code.co_filename, found[1].f_lineno)


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
    return issubclass(type(thing), TASKS)


def first_argument(link: AwaitLink) -> object:
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


def is_between(kind: type) -> bool:
    """Whether it is the type of what comes between two links of a chain, and has no name."""
    found = (
        type(kind) is type
        and kind.__name__ in _BETWEEN
        and kind.__module__ in {"builtins", "_asyncio"}
    )
    if found:
        _known_between.add(kind)
    return found


_GATHERING_FUTURE: Any = asyncio.tasks._GatheringFuture  # type: ignore[attr-defined]  # noqa: SLF001
_CALLBACKS = asyncio.Future.__dict__["_callbacks"].__get__
_GROUP_DONE = asyncio.TaskGroup.__dict__["_on_task_done"]


def _inner_code(function: Callable[..., Any], name: str) -> CodeType:
    """The code of the function `name` that is defined in `function`."""
    code = function.__code__
    found = (each for each in code.co_consts if isinstance(each, CodeType))
    return next((each for each in found if each.co_name == name), code)


_SHIELD = _inner_code(asyncio.shield, "_outer_done_callback")
_CHAINED = _inner_code(asyncio.futures._chain_future, "_call_check_cancel")  # type: ignore[attr-defined]  # noqa: SLF001

# A function in a function up to 3.12, a method of an iterator since.
_COMPLETED: object = _inner_code(asyncio.as_completed, "_on_completion")
if (_iterator := getattr(asyncio.tasks, "_AsCompletedIterator", None)) is not None:
    _COMPLETED = _iterator.__dict__["_handle_completion"]


def gathered_futures(future: Any) -> list[object] | None:
    """The futures that the one that ``asyncio.gather`` gave waits for; None for any other."""
    return list(future._children) if type(future) is _GATHERING_FUTURE else None  # noqa: SLF001


def result_source(future: object) -> object:
    """What gives `future` its result: the future inside a ``shield``, or one of an executor.

    The latter is a ``concurrent.futures.Future``. None for a future of its own.
    """
    for callback in _callbacks(future):
        if type(callback) is FunctionType:
            if callback.__code__ is _SHIELD:
                return _closure_variable(callback, "inner")
            if callback.__code__ is _CHAINED:
                return _closure_variable(callback, "source")
    return None


def task_group_parent(task: object) -> object:
    """The task whose ``async with TaskGroup()`` will wait for `task`; None if there is none."""
    for callback in _callbacks(task):
        if type(callback) is MethodType and callback.__func__ is _GROUP_DONE:
            group: Any = callback.__self__
            return group._parent_task  # noqa: SLF001
    return None


def completion_queue(task: object) -> object:
    """The queue to which ``asyncio.as_completed`` will put `task`; None if there is none."""
    for callback in _callbacks(task):
        if type(callback) is FunctionType and callback.__code__ is _COMPLETED:
            return _closure_variable(callback, "done")
        if type(callback) is MethodType and callback.__func__ is _COMPLETED:
            iterator: Any = callback.__self__
            return iterator._done  # noqa: SLF001
    return None


def _callbacks(future: Any) -> list[Any]:
    in_c = issubclass(type(future), asyncio.Future)
    held = _CALLBACKS(future) if in_c else future._callbacks  # noqa: SLF001
    return [callback for callback, _ in held or ()]


def _closure_variable(function: FunctionType, name: str) -> object:
    """The variable `name` in the closure of `function`."""
    names = function.__code__.co_freevars
    assert function.__closure__ is not None
    return function.__closure__[names.index(name)].cell_contents
