"""``async for`` over things a plain ``for`` walks: lists, generators, files, builtin iterators."""

from __future__ import annotations

import asyncio
import io
from types import CodeType, CoroutineType, GeneratorType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import MISSING, ObjectInfo, lookup
from asyncrepl.explain.explanation import Finding, Fix
from asyncrepl.explain.fixing import CannotFixError, Fixing, short
from asyncrepl.explain.resolving import is_awaitable
from asyncrepl.explain.rule import Rule
from asyncrepl.explain.walking import a, gathered, iterated_plainly, over

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.uses import Use

__all__ = ["RULES"]

_CONTAINERS = frozenset(
    {list, tuple, dict, set, frozenset, str, bytes, bytearray, range, memoryview}
    | {type({}.keys()), type({}.values()), type({}.items())}
)
_ITERATORS = frozenset({enumerate, zip, map, filter, reversed})
_LIBRARIES = ("collections", "array", "types")


def _plain_for(
    test: Callable[[ObjectInfo], bool], why: Callable[[Evidence, Use], str]
) -> Callable[[Evidence], Finding | None]:
    """A rule for what has no ``__aiter__`` and is walked with ``for``."""

    def find(evidence: Evidence) -> Finding | None:
        use = over(evidence)
        if use is None or use.info is None or not test(use.info):
            return None
        return Finding(why(evidence, use), _plain(evidence, use))

    return find


def _plain(evidence: Evidence, use: Use) -> Fix | None:
    if use.info and use.info.item and is_awaitable(use.info.item):
        return gathered(evidence, use)
    return iterated_plainly(evidence, use)


def _is_container(info: ObjectInfo) -> bool:
    kind = info.kind
    if kind in _CONTAINERS:
        return True
    return kind.__module__ in _LIBRARIES and lookup(kind, "__iter__") is not MISSING


def _is_builtin_iterator(info: ObjectInfo) -> bool:
    kind = info.kind
    if kind in _ITERATORS or kind.__module__ == "itertools":
        return True
    builtin = kind.__module__ == "builtins" and kind not in (GeneratorType, CoroutineType)
    return builtin and lookup(kind, "__next__") is not MISSING


def _is_file(info: ObjectInfo) -> bool:
    return issubclass(info.kind, io.IOBase) or info.kind.__module__ == "tempfile"


def _is_generator(info: ObjectInfo) -> bool:
    return info.kind is GeneratorType


def _as_completed_code() -> CodeType | None:
    return getattr(asyncio.as_completed, "__code__", None)


def _is_as_completed(info: ObjectInfo) -> bool:
    return info.kind is GeneratorType and info.code is _as_completed_code()


def _is_sync_iterable(info: ObjectInfo) -> bool:
    return any(lookup(info.kind, name) is not MISSING for name in ("__iter__", "__getitem__"))


def _why_container(evidence: Evidence, use: Use) -> str:
    return (
        f"{short(evidence.unit, use.node)} is {a(use)}: it has no `__aiter__`, "
        "its items are there already. A plain `for` walks it."
    )


def _why_iterator(evidence: Evidence, use: Use) -> str:
    return (
        f"{short(evidence.unit, use.node)} is a synchronous iterator: "
        f"`{use.info.kind.__name__ if use.info else ''}` has `__next__` and no `__aiter__`."
    )


def _why_file(evidence: Evidence, use: Use) -> str:
    return (
        f"{short(evidence.unit, use.node)} is an ordinary file: reading its lines blocks and "
        "never suspends, so it has no `__aiter__`."
    )


def _why_generator(evidence: Evidence, use: Use) -> str:
    return (
        f"{short(evidence.unit, use.node)} is a plain generator: it has `__next__` and no "
        "`__anext__`. Use `for`, or write its function with `async def`."
    )


def _why_as_completed(evidence: Evidence, use: Use) -> str:
    return (
        f"Before Python 3.13 {short(evidence.unit, use.node)} is a plain iterator of "
        "awaitables: loop with `for` and await each."
    )


def _why_class(_evidence: Evidence, use: Use) -> str:
    name = use.info.kind.__name__ if use.info else ""
    return (
        f"`{name}` has `__iter__` and no `__aiter__`, and `async for` does not fall back on "
        "`__iter__`."
    )


def _each_coroutine(evidence: Evidence) -> Finding | None:
    use = over(evidence)
    item = use.info.item if use and use.info else None
    if use is None or item is None or not is_awaitable(item):
        return None
    why = (
        f"`async for` awaits each step, never the items: {short(evidence.unit, use.node)} is "
        f"{a(use)} of awaitables."
    )
    return Finding(why, gathered(evidence, use))


def _number(evidence: Evidence) -> Finding | None:
    use = over(evidence)
    if use is None or use.info is None or use.info.kind not in (int, float, bool, complex):
        return None
    why = f"{short(evidence.unit, use.node)} is {a(use)}: there is nothing in it to walk."
    if use.info.kind is not int:
        return Finding(why)
    fixing, unit = Fixing(evidence), evidence.unit
    try:
        fixing.loop_plain(unit, use.owner)
    except CannotFixError:
        return Finding(why)
    fixing.of(unit).replace(use.node, f"range({unit.source.source(use.node)})")
    return Finding(why, fixing.fix())


_PLAIN_OBJECT = (
    "async-for-over-plain-object",
    "`async for` over an object that cannot be walked",
    1,
    (
        "The object offers no iteration at all under this name. Look for the method that returns "
        "an async iterator (often `aiter_…`, `.stream()`, `.content`), or for a number use "
        "`range`."
    ),
)

RULES = (
    Rule(
        "async-for-over-builtin-iterator",
        "`async for` over a builtin iterator",
        1,
        "The builtin and itertools iterators are synchronous: they have no `__aiter__`. Over "
        "ordinary data use a plain `for` around them.",
        _plain_for(_is_builtin_iterator, _why_iterator),
    ),
    Rule(
        "async-for-over-as-completed",
        "`async for` over `asyncio.as_completed` before Python 3.13",
        1,
        "Up to Python 3.12 `asyncio.as_completed` gives a synchronous iterator of awaitables: "
        "`for c in as_completed(xs): r = await c`. Async iteration over it exists since 3.13.",
        _plain_for(_is_as_completed, _why_as_completed),
    ),
    Rule(
        "async-for-awaits-each-coroutine",
        "`async for` over a collection of coroutines",
        1,
        "`async for` awaits the iterator's `__anext__`, not the items. A list of coroutines is "
        "an ordinary list: await them one by one, or `await asyncio.gather(*coros)`, or "
        "`for c in asyncio.as_completed(coros): await c`.",
        _each_coroutine,
    ),
    Rule(
        "async-for-over-list",
        "`async for` over an ordinary collection",
        1,
        "`async for` calls `type(x).__aiter__`, which lists, tuples, dicts, sets, strings and "
        "ranges do not have. Use a plain `for` (you can still `await` in its body); for "
        "concurrency use gather or tasks.",
        _plain_for(_is_container, _why_container),
    ),
    Rule(
        "async-for-over-file",
        "`async for` over an ordinary file",
        1,
        "Ordinary files are synchronous iterators; reading them blocks. Use a plain `for`, or "
        "read in a thread (`asyncio.to_thread`), or a library that wraps files.",
        _plain_for(_is_file, _why_file),
    ),
    Rule(
        "async-for-over-sync-generator",
        "`async for` over a plain generator",
        1,
        "A generator made by a plain `def` has `__next__`, not `__anext__`. Write `async def` "
        "to get an async generator, or use a plain `for`.",
        _plain_for(_is_generator, _why_generator),
    ),
    Rule(*_PLAIN_OBJECT, _number),
)

#: Asked after everything that is special about a class.
CLASS_RULE = Rule(
    "async-for-over-sync-iterable-class",
    "`async for` over a class with `__iter__`",
    1,
    "`async for` does not fall back on `__iter__`: it needs `__aiter__` on the class. Use a "
    "plain `for`, or give the class an `__aiter__` that returns an async iterator.",
    _plain_for(_is_sync_iterable, _why_class),
)
