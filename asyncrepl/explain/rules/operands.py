"""What is said of an operand that does not meet its demand: a row for each kind of mistake.

`mismatch` finds the operand; the first row that fits tells it. Each has the texts for one
kind of operand under one kind of demand, the special before the general; the correction is
chosen by the same two (see `repairs`).
"""

from __future__ import annotations

import ast
import asyncio
import io
from types import GeneratorType
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, Other
from asyncrepl.explain.fixing import Fixing, short
from asyncrepl.explain.kinds import ASYNCHRONOUS, Kind, a_kind, has, kind_of
from asyncrepl.explain.mismatch import Mismatch, mismatch
from asyncrepl.explain.repairs import (
    COLLECTORS,
    Case,
    repaired,
    single_assignment,
    yields_once,
)
from asyncrepl.explain.rule import Rule
from asyncrepl.explain.scopes import own_nodes
from asyncrepl.explain.yielding import with_yield
from asyncrepl.instrument.probe_placement import ITERTOOLS_CALLS
from asyncrepl.syntax.names import callee_name
from asyncrepl.events.object_info import MISSING, lookup

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.explanation import Fix

__all__ = ["RULES"]

_RESULTS = frozenset({Kind.COROUTINE, Kind.STEP, Kind.TASK, Kind.FUTURE, Kind.AWAITABLE})
_STREAMS = frozenset({Kind.ASYNC_GENERATOR, Kind.ASYNC_ITERATOR, Kind.ASYNC_ITERABLE})
_CALLED = frozenset(
    {
        Kind.COROUTINE_FUNCTION,
        Kind.ASYNC_GENERATOR_FUNCTION,
        Kind.ASYNC_MANAGER_FUNCTION,
        Kind.ASYNC_CLASS,
    }
)
_FUNCTIONS = (_CALLED - {Kind.ASYNC_CLASS}) | {Kind.FUNCTION}
_GENERATOR = frozenset({Kind.ASYNC_GENERATOR})
_ANY = frozenset(Kind)
_LOOPS = (ast.For, ast.AsyncFor, ast.comprehension)
_ERRORS = (TypeError, AttributeError, ValueError, KeyError, RuntimeError)
#: Modules written in C that refuse a value with an error of their own.
_ERROR_MODULES = ("_csv", "struct", "_struct", "sqlite3", "_pickle", "statistics", "ssl", "zlib")
_NUMBERING = ITERTOOLS_CALLS | {"enumerate", "zip", "map", "filter"}
_OF_LIBRARIES = frozenset({"anext", "get_next", "next_item", "aiter", "iter", "__iter__", "map", "aenumerate"})
_STEP_METHODS = ("send", "throw", "close", "next", "__next__")

#: What one does with each kind, as the end of a sentence.
_MEANT: dict[Kind, str] = {
    Kind.COROUTINE: "its result only exists after `await`",
    Kind.STEP: "the item only exists after `await`",
    Kind.TASK: "it stands for a result that only exists after `await`",
    Kind.FUTURE: "it stands for a result that only exists after `await`",
    Kind.AWAITABLE: "what it stands for only exists after `await`",
    Kind.ASYNC_GENERATOR: "its items only come with `async for`",
    Kind.ASYNC_ITERATOR: "its items only come with `async for`",
    Kind.ASYNC_ITERABLE: "its items only come with `async for`",
    Kind.ASYNC_MANAGER: "`async with` gives what it manages",
    Kind.COROUTINE_FUNCTION: "it has to be called, and the call awaited",
    Kind.ASYNC_GENERATOR_FUNCTION: "it has to be called, and then walked with `async for`",
    Kind.ASYNC_MANAGER_FUNCTION: "it has to be called, and then entered with `async with`",
    Kind.ASYNC_CLASS: "it has to be called: only its instances are of use",
}


class _Told(Case):
    """A case, with the words that rows need."""

    @property
    def text(self) -> str:
        """The operand in backquotes, and what its name was given, if that says more."""
        made = single_assignment(self.unit, self.node)
        given = "" if made is None else f" ({short(self.unit, made, 30)})"
        return short(self.unit, self.node) + given

    @property
    def kind(self) -> Kind:
        """The kind of the operand."""
        return kind_of(self.info) if self.info is not None else Kind.VALUE

    @property
    def a(self) -> str:
        """The type of the operand with its article."""
        name = self.info.kind.__name__ if self.info is not None else "object"
        name = name.replace("async_generator", "async generator")
        return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"

    @property
    def name(self) -> str:
        """The name of the operand's class."""
        return self.info.kind.__name__ if self.info is not None else ""

    @property
    def is_loop(self) -> bool:
        """Whether a loop or a clause of a comprehension demands."""
        return isinstance(self.owner, _LOOPS)

    @property
    def item(self) -> bool:
        """Whether it holds awaitables."""
        return self.info is not None and self.info.item is not None and has(
            self.info.item, "__await__"
        )  # fmt: skip


def _row(
    id_: str,
    title: str,
    step: int,
    model: str,
    whats: str,
    kinds: frozenset[Kind],
    say: Callable[[_Told], str],
    test: Callable[[_Told], bool] = lambda _: True,
    fix: Callable[[_Told], Fix | None] = repaired,
    also: Callable[[_Told], Other | None] = lambda _: None,
) -> Rule:
    """A rule for operands of some `kinds` under one of the demands `whats`, parted by bars."""
    wanted = {each.strip() for each in whats.split("|")}

    def find(evidence: Evidence) -> Finding | None:
        found = mismatch(evidence)
        if found is None or (wanted != {"*"} and found.demand.what not in wanted):
            return None
        told = _told(evidence, found)
        if told.kind not in kinds or not test(told):
            return None
        return Finding(say(told), fix(told), also(told))

    return _OperandRule(id_, title, step, model, find, errors=_ERRORS)


class _OperandRule(Rule):
    """A rule that is also asked about the errors that some modules have of their own."""

    __slots__ = ()

    def concerns(self, evidence: Evidence) -> bool:
        """Whether an operation may have refused its operand."""
        if evidence.stage != "run":
            return False
        kind = type(evidence.error)
        return kind in self.errors or kind.__module__ in _ERROR_MODULES


def _told(evidence: Evidence, found: Mismatch) -> _Told:
    return _Told(evidence, evidence.unit, found.demand, found.info)


# -- attributes ------------------------------------------------------------------------


def _missing(told: _Told) -> str:
    return f"{told.text} is {_a_kind(told)} and has no {told.demand.by}: {_MEANT[told.kind]}."


def _a_kind(told: _Told) -> str:
    return a_kind(told.info) if told.info is not None else ""


def _is_resource(told: _Told) -> bool:
    """Whether it yields one thing, which has what was asked for."""
    code = told.info.code if told.info is not None else None
    found = told.evidence.units.definition(code)
    if told.demand.what != "attribute" or found is None or not yields_once(*found):
        return False
    name, options = told.demand.needs[0], told.evidence.resolver.yielded(code)
    return not options or any(lookup(each.kind, name) is not MISSING for each in options)


def _resource(told: _Told) -> str:
    name = told.info.code.co_name if told.info is not None and told.info.code is not None else ""
    return (
        f"{told.text} is the async generator that `{name}` makes, not what it yields: `async with "
        f"asynccontextmanager({name})() as …` gives it."
    )


def _task_method(told: _Told) -> bool:
    return told.demand.what == "attribute" and lookup(asyncio.Task, told.owner.attr) is not MISSING


_ATTRIBUTES = (
    _row(
        "generator-methods-without-a",
        "`send`, `throw` or `close` on an async generator",
        2,
        "On async generators they are `asend`, `athrow` and `aclose`, and each must be awaited: "
        "`await gen.asend(value)`.",
        "attribute",
        _GENERATOR,
        lambda told: (
            f"{told.text} is an async generator: its methods are `asend`, `athrow` and `aclose`, "
            "awaited."
        ),
        lambda told: told.owner.attr in _STEP_METHODS,
    ),
    _row(
        "anext-on-iterable",
        "`__anext__` of what is no iterator",
        2,
        "`anext` needs an async iterator. For an async iterable call `aiter(x)` first; for a "
        "list use `next(iter(xs))`.",
        "attribute",
        frozenset({Kind.ASYNC_ITERABLE}),
        lambda told: (
            f"{told.text} has `__aiter__` but no {told.demand.by}: `aiter` gives the iterator to "
            "step."
        ),
        lambda told: told.owner.attr in ("__anext__", "anext", "__next__"),
    ),
    _row(
        "async-generator-taken-for-its-item",
        "an async generator taken for what it yields",
        3,
        "An async generator only hands out what it yields. One that opens something, yields it once "
        "and closes it is meant as a context manager: `@asynccontextmanager`, and `async with`.",
        "attribute",
        _GENERATOR,
        _resource,
        _is_resource,
    ),
    _row(
        "async-generator-taken-for-its-item",
        "an async generator taken for what it yields",
        3,
        "Calling an async generator function gives the generator. What it yields comes out of its "
        "steps: `async for`, `await anext(gen)`, or, of one that yields once, `async with "
        "asynccontextmanager(function)() as value`.",
        "attribute",
        _GENERATOR,
        _missing,
        lambda told: told.owner.attr not in COLLECTORS | _OF_LIBRARIES,
    ),
    _row(
        "asyncio-objects-without-loop-methods",
        "an async iterable has no such attribute",
        2,
        "asyncio names the async variants differently: `StreamReader` is walked directly, "
        "`gen.aclose()` and `asend()` have an a, `anext(gen)` is a function (there is no "
        "`gen.anext()`). What a generator yields comes with `async for`.",
        "attribute",
        _STREAMS,
        _missing,
    ),
    _row(
        "coroutine-used-as-its-result",
        "a coroutine used as its result",
        5,
        "The call gives a coroutine object; `await` gives the result: `(await fetch()).name`.",
        "attribute",
        frozenset({Kind.COROUTINE}),
        lambda told: (
            f"{told.text} is a coroutine, which has no {told.demand.by.replace('.', '')}: a task "
            "of it would have."
        ),
        _task_method,
    ),
)

# -- await -----------------------------------------------------------------------------


def _in_head(told: _Told) -> bool:
    """Whether ``await`` stands in the head of a loop."""
    parent = told.unit.parents.get(told.owner)
    return isinstance(parent, _LOOPS) and parent.iter is told.owner


def _is_await(told: _Told) -> bool:
    return isinstance(told.owner, ast.Await)


def _is_lock(told: _Told) -> bool:
    """Whether it is a lock of asyncio's: entering one gives nothing."""
    return told.name != "" and told.info is not None and (
        told.info.kind.__module__.startswith("asyncio.")
    )  # fmt: skip


def _no_awaitable(told: _Told) -> str:
    """Of what cannot be awaited and is not known to be anything else."""
    node = told.node
    if isinstance(node, ast.Call):
        name = short(told.unit, node.func)
        if isinstance(told.evidence.resolver.value(node.func), type):
            return f"{name} is a class: its object is made at once, and cannot be awaited."
        if told.kind is Kind.NONE:
            return f"{name} is a plain function: it has already run, and None cannot be awaited."
        return f"{name} is a plain function: it has already run, and its result cannot be awaited."
    if told.kind is Kind.NONE:
        return f"{told.text} is None: there is nothing to wait for."
    if told.kind is Kind.FUNCTION:
        return f"{told.text} is a function: only a call of it could give something to await."
    if told.kind is Kind.MANAGER:
        return f"{told.text} is {told.a}: it is entered with `with`, it cannot be awaited."
    if told.info is None:
        return f"What {told.text} gives cannot be awaited: it has no `__await__`."
    return (
        f"{told.text} is {_a_kind(told)}: the value is there already, there is nothing to await."
    )


_AWAITS = (
    _row(
        "await-in-front-of-async-generator-in-loop",
        "`await` in the head of the loop",
        1,
        "Calling an async generator function returns the async iterator at once; there is "
        "nothing to await. `async for` does the awaiting, once per item.",
        "await",
        _STREAMS,
        lambda told: (
            f"{told.text} is {told.a} already: there is nothing to await, `async for` awaits each "
            "item by itself."
        ),
        lambda told: _is_await(told) and _in_head(told),
    ),
    _row(
        "await-aiter",
        "`await` in front of `aiter()`",
        1,
        "`aiter(x)` returns the async iterator at once. Only `anext(it)` is awaited.",
        "await",
        _ANY,
        lambda told: f"{told.text} gives the async iterator at once; only `anext` is awaited.",
        lambda told: _is_await(told) and callee_name(told.node) in ("aiter", "__aiter__"),
        lambda told: _dropped_await(told),
    ),
    _row(
        "await-async-genexp",
        "`await` in front of an async generator expression",
        3,
        "A generator expression with `async for` is an async generator: it is walked, not "
        "awaited. With brackets it is a comprehension that runs right here: "
        "`[x async for x in gen()]` (no await).",
        "await",
        _GENERATOR,
        lambda told: (
            f"{told.text} is an async generator: it is walked, not awaited. In brackets it is a "
            "list, made right here."
        ),
        lambda told: _is_await(told) and isinstance(told.node, ast.GeneratorExp),
    ),
    _row(
        "await-async-generator",
        "`await` in front of an async generator",
        3,
        "A function with `yield` returns an async generator, which is not awaitable. Walk it "
        "with `async for`, or take one item with `await anext(gen)`.",
        "await",
        _STREAMS,
        lambda told: f"{told.text} is {told.a}: it is walked with `async for`, it is not awaited.",
        _is_await,
    ),
    _row(
        "async-for-over-context-manager",
        "`await` in front of an async context manager",
        1,
        "An async context manager gives its value through `async with … as x`; it is not awaited.",
        "await",
        frozenset({Kind.ASYNC_MANAGER}),
        lambda told: (
            f"{told.text} is an async context manager: it cannot be awaited, `async with` gives "
            "its value."
        ),
        lambda told: _is_await(told) and not _is_lock(told),
    ),
    _row(
        "await-a-list-of-coroutines",
        "`await` in front of a collection of awaitables",
        3,
        "`await` takes one awaitable. For many: `await asyncio.gather(*coros)`.",
        "await",
        _ANY - ASYNCHRONOUS,
        lambda told: f"{told.text} is {told.a}: `await` takes one awaitable, `gather` takes many.",
        lambda told: _is_await(told) and told.item,
    ),
    _row(
        "await-a-plain-call",
        "`await` in front of an async function that was not called",
        5,
        "Only a call of an `async def` gives a coroutine to await: `await fetch()`.",
        "await",
        _CALLED,
        lambda told: (
            f"{told.text} is a function: only a call of it could give something to await."
        ),
        _is_await,
    ),
    _row(
        "await-a-plain-call",
        "`await` in front of what cannot be awaited",
        5,
        "`await` needs an awaitable. A plain function has already run when `await` sees its "
        "result; drop the `await`, or run blocking functions with `await asyncio.to_thread(f)`.",
        "await",
        _ANY - _STREAMS,
        _no_awaitable,
        _is_await,
    ),
)


def _dropped_await(told: _Told) -> Fix | None:
    fixing = Fixing(told.evidence)
    fixing.of(told.unit).replace(told.owner, told.source)
    return fixing.fix()


# -- async for -------------------------------------------------------------------------

_BUILTIN_ITERATORS = frozenset({enumerate, zip, map, filter, reversed})
_CONTAINERS = frozenset(
    {list, tuple, dict, set, frozenset, str, bytes, bytearray, range, memoryview}
    | {type({}.keys()), type({}.values()), type({}.items())}
)


def _is_builtin_iterator(told: _Told) -> bool:
    kind = told.info.kind if told.info is not None else object
    builtin = kind.__module__ == "builtins" and kind is not GeneratorType and has(
        told.info, "__next__"
    )  # fmt: skip
    return kind in _BUILTIN_ITERATORS or kind.__module__ == "itertools" or builtin


def _is_container(told: _Told) -> bool:
    kind = told.info.kind if told.info is not None else object
    return kind in _CONTAINERS or (
        kind.__module__ in ("collections", "array", "types") and has(told.info, "__iter__")
    )


def _is_file(told: _Told) -> bool:
    kind = told.info.kind if told.info is not None else object
    return issubclass(kind, io.IOBase) or kind.__module__ == "tempfile"


def _is_as_completed(told: _Told) -> bool:
    code = getattr(asyncio.as_completed, "__code__", None)
    return told.info is not None and told.info.kind is GeneratorType and told.info.code is code


def _is_queue(told: _Told) -> bool:
    return told.info is not None and issubclass(told.info.kind, asyncio.Queue)


def _awaits_no_yield(told: _Told) -> bool:
    """Whether the coroutine's function returns nothing, and so was to yield."""
    code = told.info.code if told.info is not None else None
    found = told.evidence.units.definition(code)
    return found is not None and not any(
        isinstance(node, ast.Return) and node.value is not None for node in own_nodes(found[1])
    )


def _yielding(told: _Told) -> Fix | None:
    assert told.info is not None
    found = told.evidence.units.definition(told.info.code)
    return with_yield(Fixing(told.evidence), *found) if found is not None else None


def _of_function(told: _Told) -> str:
    found = told.evidence.units.definition(told.info.code if told.info is not None else None)
    return found[1].name if found is not None else ""


def _or_yield(told: _Told) -> Other | None:
    name = _of_function(told)
    clause = f"`{name}` was to `yield` what it returns"
    return Other("async-def-without-yield", clause) if name else None


def _coroutine_walked(told: _Told) -> str:
    return f"{told.text} is a coroutine: what it returns only exists after `await`."


def _nothing_to_walk(told: _Told) -> str:
    if told.info is None:
        return f"What {told.text} gives has no `__aiter__`: `async for` cannot walk it."
    if told.kind is Kind.MODULE:
        return f"{told.text} is a module: `async for` needs something of it that gives items."
    if told.info.kind in (int, float, bool, complex):
        return f"{told.text} is {told.a}: there is nothing in it to walk."
    return (
        f"{told.text} is {told.a}, which has neither `__aiter__` nor `__iter__`: `async for` finds "
        "nothing to walk."
    )


_PLAIN = _ANY - ASYNCHRONOUS - {Kind.NONE, Kind.CLASS, Kind.FUNCTION, Kind.MODULE, Kind.VALUE}

_ASYNC_LOOPS = (
    _row(
        "async-def-without-yield",
        "`async for` over an `async def` without `yield`",
        1,
        "Only an `async def` that contains `yield` is an async generator function; without "
        "`yield` (or with the yield forgotten, or only `raise NotImplementedError`) calling it "
        "gives a coroutine. Put a `yield` in it.",
        "async walk",
        frozenset({Kind.COROUTINE}),
        lambda told: (
            f"`{_of_function(told)}` is an `async def` without `yield`: calling it gives a "
            "coroutine, not an async generator."
        ),
        _awaits_no_yield,
        _yielding,
        lambda _: Other(
            "async-for-over-coroutine", "it was to `return` the items, and to be awaited"
        ),
    ),
    _row(
        "async-for-over-coroutine",
        "`async for` over a coroutine",
        1,
        "A call of an `async def` without `yield` gives a coroutine; the iterable only exists "
        "after awaiting it. Write `async for x in await load()` if it returns an async "
        "iterable, `for x in await load()` if it returns a list.",
        "async walk",
        frozenset({Kind.COROUTINE}),
        _coroutine_walked,
        also=_or_yield,
    ),
    _row(
        "async-for-over-task-or-future",
        "`async for` over a task or future",
        1,
        "A Task or Future stands for one result: `await` it. For many results await "
        "`gather(…)` and loop over the list, or loop over `asyncio.as_completed(…)`.",
        "async walk",
        frozenset({Kind.TASK, Kind.FUTURE, Kind.AWAITABLE}),
        lambda told: f"{told.text} is {told.a}: it stands for one result, which `await` gives.",
    ),
    _row(
        "async-for-over-function",
        "`async for` over a function that was not called",
        1,
        "The async generator only exists after calling its function: `async for x in ticks()`.",
        "async walk | async step | iterator",
        _FUNCTIONS,
        lambda told: f"{told.text} is a function: only calling it gives something to walk.",
    ),
    _row(
        "async-for-over-class",
        "`async for` over a class instead of an instance",
        1,
        "`async for` needs an instance: `async for x in Countdown(3)`.",
        "async walk | async step | iterator",
        frozenset({Kind.CLASS, Kind.ASYNC_CLASS}),
        lambda told: f"{told.text} is the class itself: `async for` needs an instance of it.",
    ),
    _row(
        "async-for-over-as-completed",
        "`async for` over `asyncio.as_completed` before Python 3.13",
        1,
        "Up to Python 3.12 `asyncio.as_completed` gives a synchronous iterator of awaitables: "
        "`for c in as_completed(xs): r = await c`. Async iteration over it exists since 3.13.",
        "async walk",
        frozenset({Kind.GENERATOR}),
        lambda told: (
            f"Before Python 3.13 {told.text} is a plain iterator of awaitables: loop with `for` "
            "and await each."
        ),
        _is_as_completed,
    ),
    _row(
        "async-for-over-builtin-iterator",
        "`async for` over a builtin iterator",
        1,
        "The builtin and itertools iterators are synchronous: they have no `__aiter__`. Over "
        "ordinary data use a plain `for` around them.",
        "async walk",
        _PLAIN,
        lambda told: (
            f"{told.text} is a synchronous iterator: `{told.name}` has `__next__` and no "
            "`__aiter__`."
        ),
        _is_builtin_iterator,
    ),
    _row(
        "async-for-awaits-each-coroutine",
        "`async for` over a collection of coroutines",
        1,
        "`async for` awaits the iterator's `__anext__`, not the items. A list of coroutines is "
        "an ordinary list: await them one by one, or `await asyncio.gather(*coros)`, or "
        "`for c in asyncio.as_completed(coros): await c`.",
        "async walk",
        _PLAIN,
        lambda told: (
            f"`async for` awaits each step, never the items: {told.text} is {told.a} of "
            "awaitables."
        ),
        lambda told: told.item,
    ),
    _row(
        "async-for-over-list",
        "`async for` over an ordinary collection",
        1,
        "`async for` calls `type(x).__aiter__`, which lists, tuples, dicts, sets, strings and "
        "ranges do not have. Use a plain `for` (you can still `await` in its body); for "
        "concurrency use gather or tasks.",
        "async walk",
        _PLAIN,
        lambda told: (
            f"{told.text} {'gives' if isinstance(told.node, ast.Await) else 'is'} {told.a}: it has "
            "no `__aiter__`, its items are there already. A plain `for` walks it."
        ),
        _is_container,
    ),
    _row(
        "async-for-over-file",
        "`async for` over an ordinary file",
        1,
        "Ordinary files are synchronous iterators; reading them blocks. Use a plain `for`, or "
        "read in a thread (`asyncio.to_thread`), or a library that wraps files.",
        "async walk",
        _PLAIN,
        lambda told: (
            f"{told.text} is an ordinary file: reading its lines blocks and never suspends, so it "
            "has no `__aiter__`."
        ),
        _is_file,
    ),
    _row(
        "async-for-over-sync-generator",
        "`async for` over a plain generator",
        1,
        "A generator made by a plain `def` has `__next__`, not `__anext__`. Write `async def` "
        "to get an async generator, or use a plain `for`.",
        "async walk",
        frozenset({Kind.GENERATOR}),
        lambda told: (
            f"{told.text} is a plain generator: it has `__next__` and no `__anext__`. Use `for`, or "
            "write its function with `async def`."
        ),
    ),
)

# -- anext, aiter, next, iter ------------------------------------------------------------

_STEPS = (
    _row(
        "async-for-over-one-anext",
        "`async for` over one step",
        1,
        "`anext(it)` is one step: `await anext(it)`. To loop, give `async for` the iterator "
        "itself.",
        "async walk",
        frozenset({Kind.STEP}),
        lambda told: f"{told.text} is a single step; the loop makes the steps itself.",
    ),
    _row(
        "anext-on-iterable",
        "`anext` on something that is no async iterator",
        2,
        "`anext` needs an async iterator. For an async iterable call `aiter(x)` first; for a "
        "list use `next(iter(xs))`.",
        "async step",
        frozenset({Kind.ASYNC_ITERABLE}),
        lambda told: (
            f"{told.text} has `__aiter__` but no `__anext__`: `aiter` gives the iterator to step."
        ),
    ),
    _row(
        "anext-on-iterable",
        "`anext` on something that is no async iterator",
        2,
        "`anext` needs an async iterator. For an async iterable call `aiter(x)` first; for a "
        "list use `next(iter(xs))`.",
        "async step",
        _ANY - ASYNCHRONOUS,
        lambda told: (
            f"{told.text} is {told.a}, not an async iterator: `next` takes its items, and nothing "
            "waits."
            if has(told.info, "__iter__", "__next__")
            else f"{told.text} is {_a_kind(told)}, not an async iterator: it gives no items."
        ),
    ),
    _row(
        "aiter-on-sync-iterable",
        "`aiter` on ordinary data",
        1,
        "`aiter` does not convert. To use ordinary data where an async iterable is needed write "
        "a small async generator: `async def as_async(xs): for x in xs: yield x`.",
        "iterator",
        _ANY - ASYNCHRONOUS,
        lambda told: (
            f"`aiter` does not convert: {told.text} is {_a_kind(told)} and has no `__aiter__`."
        ),
    ),
    _row(
        "next-on-async-generator",
        "`next` on an async generator",
        2,
        "Use `await anext(gen)` (with a default: `await anext(gen, None)`).",
        "step",
        _STREAMS,
        lambda told: (
            f"{told.text} is {told.a}: it has no `__next__`, its next item comes from `await "
            "anext(…)`."
        ),
    ),
    _row(
        "coroutine-driven-like-a-generator",
        "a coroutine driven by hand",
        3,
        "Coroutines are driven by the event loop: `await coro` (or make a task). `next(coro)` "
        "does not exist, and `send` by hand only works for what needs no event loop.",
        "step",
        frozenset({Kind.COROUTINE}),
        lambda told: f"{told.text} is a coroutine: the event loop drives it when it is awaited.",
    ),
    _row(
        "iter-on-async-generator",
        "`iter` on an async iterable",
        1,
        "The async counterpart is `aiter(x)`; `async for` calls it for you.",
        "walk",
        _STREAMS,
        lambda told: (
            f"{told.text} is {told.a} and has no `__iter__`: the counterpart of `iter` is `aiter`."
        ),
        lambda told: callee_name(told.owner) == "iter",
    ),
)

# -- for, unpacking, functions that walk ---------------------------------------------------


def _is_argument(told: _Told) -> bool:
    return isinstance(told.owner, ast.Call)


def _expression(told: _Told, *, by_await: bool) -> bool:
    """Whether it is a generator expression that ``await`` or ``async for`` makes asynchronous."""
    if not isinstance(told.node, ast.GeneratorExp) or told.is_loop:
        return False
    return any(clause.is_async for clause in told.node.generators) is not by_await


def _of_expression(told: _Told, word: str) -> str:
    where = f"to `{callee_name(told.owner)}`" if _is_argument(told) else "into a call"
    return (
        f"{word} makes {short(told.unit, told.node, 30)} an async generator; given {where} it is "
        "walked synchronously. Brackets make a list."
    )


_WALKS = (
    _row(
        "await-in-genexp-makes-it-async",
        "`await` in a generator expression",
        1,
        "An `await` in the element or condition turns the generator expression into an async "
        "generator, which builtins cannot consume. Use a list: `any([await f(x) for x in xs])`.",
        "walk | value",
        _GENERATOR,
        lambda told: _of_expression(told, "`await`"),
        lambda told: _expression(told, by_await=True),
    ),
    _row(
        "async-genexp-into-sync-consumer",
        "an async generator expression given to a synchronous builtin",
        1,
        "`(… async for …)` is an async generator object, not a list; a synchronous builtin "
        "cannot consume it. Use brackets: `sum([x async for x in gen()])`.",
        "walk | value",
        _GENERATOR,
        lambda told: _of_expression(told, "`async for`"),
        lambda told: _expression(told, by_await=False),
    ),
    _row(
        "for-over-async-generator",
        "a plain `for` over an async generator",
        1,
        "`for` calls `__iter__`; an async iterable only has `__aiter__`. Write `async for` "
        "(inside `async def` or at the async prompt).",
        "walk",
        _GENERATOR,
        lambda told: (
            f"{told.text} is an async generator: it has `__anext__` but no `__next__`, and a plain "
            "`for` cannot wait for a value."
        ),
        lambda told: told.is_loop,
    ),
    _row(
        "yield-from-async-generator-in-sync-generator",
        "`yield from` an async generator",
        1,
        "`yield from` iterates synchronously. Make the outer function `async def` and re-yield: "
        "`async for x in inner(): yield x`.",
        "walk",
        _STREAMS,
        lambda told: f"`yield from` walks synchronously, and {told.text} is {told.a}.",
        lambda told: isinstance(told.owner, ast.YieldFrom),
    ),
    _row(
        "enumerate-zip-map-over-async",
        "`enumerate`, `zip`, `map` or itertools over an async iterable",
        1,
        "These helpers call `__iter__`. Number or filter by hand inside an `async for` or an "
        "async comprehension, or use an async library (aiostream, aioitertools, asyncstdlib).",
        "walk",
        _STREAMS,
        lambda told: (
            f"`{callee_name(told.owner)}` walks synchronously, and {told.text} is {told.a}."
        ),
        lambda told: callee_name(told.owner) in _NUMBERING,
    ),
    _row(
        "index-or-len-of-async-generator",
        "an async generator used as a sequence",
        2,
        "An async generator knows neither its length nor its items before they are produced. "
        "Take the next with `await anext(gen)`, or collect into a list.",
        "walk | value",
        _STREAMS,
        lambda told: (
            f"{told.text} is {told.a}: it knows neither its length nor its items before they are "
            "made."
        ),
        lambda told: (
            (isinstance(told.owner, ast.Subscript) and told.owner.value is told.node)
            or callee_name(told.owner) in ("len", "reversed")
        ),
    ),
    _row(
        "unpack-async-generator",
        "unpacking an async generator",
        1,
        "Unpacking iterates synchronously. Make a list first: `a, b = [x async for x in gen()]`, "
        "`f(*[x async for x in gen()])`.",
        "walk",
        _STREAMS,
        lambda told: (
            f"Unpacking walks synchronously, and {told.text} is {told.a}: collect its values first."
        ),
        lambda told: isinstance(told.owner, ast.Starred | ast.Assign),
    ),
    _row(
        "list-of-async-generator",
        "an async generator given to a builtin that walks it",
        1,
        "The builtins consume synchronously. Collect first with an async comprehension: "
        "`[x async for x in gen()]`, then hand over the list.",
        "walk",
        _GENERATOR,
        lambda told: (
            f"`{callee_name(told.owner)}` walks synchronously and cannot wait; {told.text} is an "
            "async generator. Collect its values first."
        ),
        _is_argument,
    ),
    _row(
        "for-over-async-iterable-class",
        "a plain `for` over a class with `__aiter__`",
        1,
        "`for` looks for `__iter__`; the class only implements the async protocol. Write "
        "`async for`.",
        "walk",
        frozenset({Kind.ASYNC_ITERATOR, Kind.ASYNC_ITERABLE}),
        lambda told: (
            f"`{told.name}` has `__aiter__` and no `__iter__`: only `async for` can walk it."
        ),
    ),
    _row(
        "for-over-coroutine",
        "a plain `for` over a coroutine",
        1,
        "Await first: `for x in await load():`. If the function should produce items one by "
        "one, give it a `yield` and use `async for`.",
        "walk",
        frozenset({Kind.COROUTINE}),
        lambda told: f"{told.text} is a coroutine: what it returns only exists after `await`.",
    ),
    _row(
        "in-test-on-async-generator",
        "`in` on an async generator",
        1,
        "`in` iterates synchronously. Write `any([x == wanted async for x in gen()])` or an "
        "`async for` with `break`.",
        "value",
        _STREAMS,
        lambda told: f"`in` walks synchronously, and {told.text} is {told.a}.",
        lambda told: told.demand.by == "`in`",
    ),
)

# -- with ----------------------------------------------------------------------------------

_WITHS = (
    _row(
        "async-with-over-async-generator",
        "`async with` on an async generator",
        1,
        "An async generator is an iterator. To close it reliably use "
        "`async with contextlib.aclosing(gen()) as g`; to make a context manager of it decorate "
        "it with `@asynccontextmanager`.",
        "async enter | enter",
        _STREAMS,
        lambda told: f"{told.text} is {told.a}: an iterator, which has no `__aenter__`.",
    ),
    _row(
        "async-with-on-coroutine",
        "`async with` on a coroutine",
        1,
        "If the function is `async def` and returns a context manager, await it first: "
        "`async with await connect() as c`.",
        "async enter | enter",
        _RESULTS,
        lambda told: (
            f"{told.text} is {_a_kind(told)}: the context manager only exists after awaiting it."
        ),
    ),
    _row(
        "sync-with-on-async-context-manager",
        "a plain `with` on an async context manager",
        1,
        "Objects with `__aenter__` need `async with`.",
        "enter",
        ASYNCHRONOUS,
        lambda told: (
            f"{told.text} is {told.a}: it has `__aenter__`, which only `async with` calls."
        ),
        lambda told: has(told.info, "__aenter__"),
    ),
    _row(
        "async-with-on-sync-context-manager",
        "`async with` on a plain context manager",
        1,
        "`async with` needs `__aenter__` and `__aexit__`. Files, threading locks and the like "
        "take a plain `with` (also inside async code).",
        "async enter",
        _ANY,
        lambda told: f"{told.text} is {told.a}: it has `__enter__` and no `__aenter__`.",
        lambda told: has(told.info, "__enter__"),
    ),
    _row(
        "async-with-on-sync-context-manager",
        "`async with` on what is no context manager",
        1,
        "`async with` needs `__aenter__` and `__aexit__`, which functions made with "
        "`@asynccontextmanager` give, and classes that define them.",
        "async enter",
        _ANY - ASYNCHRONOUS,
        lambda told: (
            f"{told.text} is {_a_kind(told)}: it has no `__aenter__`, which `async with` calls."
        ),
    ),
)

# -- asyncio's functions -------------------------------------------------------------------


def _takes(told: _Told, takes: str) -> str:
    return f"`{callee_name(told.owner)}` takes {takes}, and {told.text} is {_a_kind(told)}"


_ASYNCIO = (
    _row(
        "create-task-of-async-generator",
        "a task of an async generator",
        3,
        "A task runs a coroutine. Put the `async for` in an `async def` and make a task of that.",
        "coroutine",
        _STREAMS,
        lambda told: (
            f"A task runs a coroutine, and {told.text} is an async generator: put the loop over it "
            "into an `async def`."
        ),
        lambda told: callee_name(told.owner) != "run",
    ),
    _row(
        "async-generator-as-awaitable",
        "an async generator where asyncio takes awaitables",
        3,
        "These functions take awaitables. Wrap the walk in a coroutine: "
        "`async def drain(gen): return [x async for x in gen]` and pass `drain(gen())`, or pass "
        "one step: `anext(gen)`.",
        "await | coroutine | task | tasks | awaitables | function",
        _STREAMS,
        lambda told: (
            f"`{callee_name(told.owner)}` takes awaitables, and {told.text} is an async generator: "
            "a coroutine has to walk it."
        ),
    ),
    _row(
        "await-a-plain-call",
        "an async function given to asyncio, and not called",
        5,
        "asyncio runs coroutines, and an `async def` gives one when it is called: "
        "`asyncio.run(main())`.",
        "await | coroutine | task | tasks | awaitables",
        _FUNCTIONS,
        lambda told: f"{_takes(told, 'what can be awaited')}: it has to be called.",
    ),
    _row(
        "await-a-plain-call",
        "nothing to await for asyncio",
        5,
        "asyncio's functions take coroutines, tasks and futures. A plain function has already run "
        "when they see its result; run what blocks with `asyncio.to_thread(f)`.",
        "await | coroutine | task | tasks | awaitables",
        _ANY,
        lambda told: f"{_takes(told, _WANTED[told.demand.what])}.",
    ),
)
_WANTED: dict[str, str] = {
    "await": "what can be awaited",
    "coroutine": "a coroutine",
    "task": "tasks",
    "tasks": "a collection of tasks",
    "awaitables": "a collection of awaitables",
}

# -- all the rest --------------------------------------------------------------------------


def _used(told: _Told) -> str:
    by = told.demand.by[:1].upper() + told.demand.by[1:]
    return f"{by} cannot use {told.text}: it is {_a_kind(told)}, and {_MEANT[told.kind]}."


def _result(told: _Told) -> str:
    what = "is a coroutine; its result" if told.kind is Kind.COROUTINE else (
        f"is {_a_kind(told)}; its result"
    )  # fmt: skip
    return f"{told.text} {what} only exists after `await`."


_GENERAL = (
    _row(
        "async-generator-object-called",
        "calling an async generator object",
        1,
        "`gen = ticks()` already is the async generator; walk `gen` itself, or keep the "
        "function and call that.",
        "call",
        _STREAMS,
        lambda told: f"{told.text} already is {told.a}: walk it as it is, without calling it.",
    ),
    _row(
        "coroutine-used-as-its-result",
        "a coroutine used as its result",
        5,
        "The call gives a coroutine object; `await` gives the result: `(await fetch()).name`.",
        "value | attribute | call | walk | step | close | iterator | async step | function",
        _RESULTS,
        _result,
    ),
    _row(
        "async-for-over-context-manager",
        "an async context manager that was not entered",
        1,
        "An async context manager gives its value through `async with … as x`; only then use "
        "`x`. `@asynccontextmanager` turns the generator into a context manager; it is no "
        "longer an iterator.",
        "*",
        frozenset({Kind.ASYNC_MANAGER}),
        lambda told: (
            _missing(told)
            if told.demand.what == "attribute"
            else f"{told.text} is an async context manager: `async with` gives its value, and that is "
            "what can be used."
        ),
    ),
    _row(
        "index-or-len-of-async-generator",
        "an async iterable used as a value",
        2,
        "An async generator knows neither its length nor its items before they are produced. "
        "Take the next with `await anext(gen)`, or collect into a list.",
        "*",
        _STREAMS,
        _used,
    ),
    _row(
        "await-a-plain-call",
        "an async function that was not called",
        5,
        "An `async def` only does something when it is called and its coroutine awaited; with "
        "`yield` in it, when it is called and walked.",
        "*",
        _CALLED,
        lambda told: _missing(told) if told.demand.what == "attribute" else _used(told),
    ),
    _row(
        "async-for-over-plain-object",
        "`async for` over an object that cannot be walked",
        1,
        "The object offers no iteration at all under this name. Look for the method that returns "
        "an async iterator (often `aiter_…`, `.stream()`, `.content`), or for a number use "
        "`range`.",
        "async walk",
        frozenset({Kind.VALUE, Kind.MODULE, Kind.MANAGER, Kind.MOCK}),
        _nothing_to_walk,
        lambda told: not has(told.info, "__iter__", "__getitem__"),
    ),
    _row(
        "async-for-over-none",
        "`async for` over None",
        1,
        "A function without `return` gives None. Return the async iterable.",
        "async walk",
        frozenset({Kind.NONE}),
        lambda told: f"{told.text} is None: there is nothing to walk.",
    ),
    _row(
        "async-for-over-sync-iterable-class",
        "`async for` over a class with `__iter__`",
        1,
        "`async for` does not fall back on `__iter__`: it needs `__aiter__` on the class. Use a "
        "plain `for`, or give the class an `__aiter__` that returns an async iterator.",
        "async walk",
        _ANY,
        lambda told: (
            f"`{told.name}` has `__iter__` and no `__aiter__`, and `async for` does not fall back "
            "on `__iter__`."
        ),
    ),
    _row(
        "list-of-async-generator",
        "`aclosing` of what has no `aclose`",
        1,
        "`aclosing` calls `aclose`, which async generators have. What has none needs nobody to "
        "close it; `closing` calls `close`.",
        "close",
        _ANY,
        lambda told: f"{told.text} is {_a_kind(told)}: it has no `aclose` for `aclosing` to call.",
    ),
)


RULES = (
    *_ATTRIBUTES, *_AWAITS, *_ASYNC_LOOPS, *_STEPS, *_WALKS, *_WITHS, *_ASYNCIO, *_GENERAL
)  # fmt: skip
