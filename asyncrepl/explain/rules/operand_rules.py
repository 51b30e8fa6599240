"""A rule for operands of some kinds that do not meet some demands: a row of texts.

`mismatch` finds the operand; the first row that fits tells it. Each has the texts for one
kind of operand under one kind of demand, the special before the general; the correction is
chosen by the same two (see `repairs`). The rows here are for what is used as a value; those of
other demands stand in files of their own.
"""

from __future__ import annotations

import ast
import asyncio
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import MISSING, lookup
from asyncrepl.explain.explanation import Finding, Other, Rule
from asyncrepl.explain.fix_editor import Fixing, corrected, short
from asyncrepl.explain.kinds import (
    RESULTS,
    STREAMS,
    UNCALLED,
    Kind,
    a_kind,
    a_type,
    has,
    is_mock,
    kind_of,
)
from asyncrepl.explain.library_results import mock_of
from asyncrepl.explain.mismatch import mismatch
from asyncrepl.explain.repairs.repair_case import (
    COLLECTORS,
    LOOPS,
    Case,
    is_mocked,
    lock_of,
    single_assignment,
    yields_once,
)
from asyncrepl.explain.repairs.repair_choice import repaired
from asyncrepl.explain.scopes import CannotFixError
from asyncrepl.syntax.names import callee_name, written_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.explanation import Fix

FUNCTIONS = (UNCALLED - {Kind.ASYNC_CLASS}) | {Kind.FUNCTION}


GENERATOR = frozenset({Kind.ASYNC_GENERATOR})


ANY = frozenset(Kind)


_ERRORS = (TypeError, AttributeError, ValueError, KeyError, RuntimeError, AssertionError)


#: Modules written in C that refuse a value with an error of their own.
_ERROR_MODULES = ("_csv", "struct", "_struct", "sqlite3", "_pickle", "statistics", "ssl", "zlib")


#: What one does with each kind, as the end of a sentence.
MEANT: dict[Kind, str] = {
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


class Told(Case):
    """A case, with the words that rows need."""

    @property
    def text(self) -> str:
        """The operand in backquotes, and what its name was given, if that says more."""
        made = single_assignment(self.unit, self.node)
        empty = [] in (getattr(made, "elts", None), getattr(made, "values", None))
        given = "" if made is None or empty else f" ({short(self.unit, made, 30)})"
        return short(self.unit, self.node) + given

    @property
    def a(self) -> str:
        """The type of the operand with its article."""
        return a_type(self.info)

    @property
    def words(self) -> str:
        """The kind of the operand in words."""
        return a_kind(self.info, self.kind) if self.info is not None else "an object"

    @property
    def name(self) -> str:
        """The name of the operand's class."""
        return self.info.kind.__name__ if self.info is not None else ""

    @property
    def caller(self) -> str:
        """The name of the function that demands."""
        return callee_name(self.owner)

    @property
    def is_loop(self) -> bool:
        """Whether a loop or a clause of a comprehension demands."""
        return isinstance(self.owner, LOOPS)

    @property
    def item(self) -> bool:
        """Whether it holds awaitables."""
        return self.info is not None and self.info.item is not None and has(
            self.info.item, "__await__"
        )  # fmt: skip


def row(  # noqa: PLR0913, PLR0917  a row of a table
    id_: str,
    title: str,
    step: int,
    model: str,
    whats: str,
    kinds: frozenset[Kind],
    say: str | Callable[[Told], str],
    test: Callable[[Told], bool] = lambda _: True,
    fix: Callable[[Told], Fix | None] = repaired,
    also: Callable[[Told], Other | None] = lambda _: None,
) -> Rule:
    """A rule for operands of some `kinds` under one of the demands `whats`, parted by bars.

    What it says is a text with places for what is `told`, or is made of that.
    """
    wanted = {each.strip() for each in whats.split("|")}

    def find(evidence: Evidence) -> Finding | None:
        found = mismatch(evidence)
        if found is None or (wanted != {"*"} and found.demand.what not in wanted):
            return None
        told = Told(evidence, evidence.unit, found.demand, found.info)
        if told.kind not in kinds or not test(told):
            return None
        why = say.format(told=told) if isinstance(say, str) else say(told)
        return Finding(why, fix(told), also(told))

    return _OperandRule(id_, title, step, model, find, errors=_ERRORS)


class _OperandRule(Rule):
    """A rule that is also asked about the errors that some modules have of their own."""

    __slots__ = ()

    def concerns(self, evidence: Evidence) -> bool:
        """Whether an operation may have refused its operand, or was seen to misuse it."""
        if evidence.seen is not None:
            return evidence.seen.what == "driven"
        if evidence.stage != "run":
            return False
        kind = type(evidence.error)
        raised = evidence.op == "RAISE_VARARGS"
        return raised or kind in self.errors or kind.__module__ in _ERROR_MODULES


def missing(told: Told) -> str:
    """What is said of an attribute that the operand has not."""
    comma = "," if "," in told.words else ""
    return f"{told.text} is {told.words}{comma} and has no {told.demand.by}: {MEANT[told.kind]}."


_OF_LIBRARIES = frozenset(
    {"anext", "get_next", "next_item", "aiter", "iter", "__iter__", "map", "aenumerate"}
)


_OF_NURSERIES = ("start_soon", "start", "spawn")


def _created(fixing: Fixing, told: Told) -> None:
    """``group.start_soon(f, x)`` → ``group.create_task(f(x))``."""
    unit, method, call = told.unit, told.owner, told.unit.parents.get(told.owner)
    if not isinstance(method, ast.Attribute) or not isinstance(call, ast.Call):
        raise CannotFixError
    if not call.args or call.keywords or isinstance(call.args[0], ast.Starred):
        raise CannotFixError
    job, *given = (unit.source.source(each) for each in call.args)
    text = f"{told.source}.create_task({job}({', '.join(given)}))"
    fixing.of(unit).replace(call, text)


def _was_entered(told: Told) -> bool:
    """Whether the operand's name stands behind an ``as`` around it."""
    around = (each for each in told.unit.ancestors(told.node) if isinstance(each, ast.AsyncWith))
    items = [item for block in around for item in block.items]
    return any(written_name(each.optional_vars) == written_name(told.node) != "" for each in items)


_STEP_METHODS = ("send", "throw", "close", "next", "__next__")


def _is_resource(told: Told) -> bool:
    """Whether it yields one thing, which has what was asked for."""
    found = told.home
    if told.demand.what != "attribute" or found is None or not yields_once(*found):
        return False
    name, options = told.demand.needs[0], told.evidence.resolver.yielded(told.code)
    return not options or any(lookup(each.kind, name) is not MISSING for each in options)


def _resource(told: Told) -> str:
    name = told.info.function_name if told.info is not None else ""
    return (
        f"{told.text} is the async generator that `{name}` makes, not what it yields: `async with "
        f"asynccontextmanager({name})() as …` gives it."
    )


def _awaited_methods(told: Told) -> str:
    own = "its methods are `asend`, `athrow` and `aclose`"
    taken = "`anext` takes its steps" if told.owner.attr in ("__next__", "next") else own
    return f"{told.text} is an async generator: {taken}, awaited."


def _task_method(told: Told) -> bool:
    return told.demand.what == "attribute" and lookup(asyncio.Task, told.owner.attr) is not MISSING


def _used(told: Told) -> str:
    by = told.demand.by[:1].upper() + told.demand.by[1:]
    return f"{by} cannot use {told.text}: it is {told.words}, and {MEANT[told.kind]}."


def _result(told: Told) -> str:
    what = "a coroutine" if told.kind is Kind.COROUTINE else told.words
    mocked = told.info is not None and is_mock(mock_of(told.info.value))
    mock = " An AsyncMock made it: what stands for a plain method is a Mock." if mocked else ""
    return f"{told.text} is {what}; its result only exists after `await`.{mock}"


def gives_manager(told: Told) -> str:
    """Of an awaitable that a ``with`` was to enter."""
    if lock_of(told) is not None:
        return (
            f"{told.text} is {told.words}, and gives no context manager: the lock is one itself."
        )
    if is_mocked(told):
        return (
            f"{told.text} is {told.words}, as each call of an AsyncMock gives one: what "
            "`async with` is to enter comes from a call of a MagicMock."
        )
    found = told.awaited
    if found and not any(has(each, "__aenter__", "__enter__") for each in found):
        what = "None" if kind_of(found[0]) is Kind.NONE else a_type(found[0])
        return f"{told.text} is {told.words}, and gives {what}, no context manager: it is awaited."
    return f"{told.text} is {told.words}: the context manager only exists after awaiting it."


_USED = (
    "coroutine-used-as-its-result",
    "a coroutine used as its result",
    5,
    "The call gives a coroutine object; `await` gives the result: `(await fetch()).name`.",
)

RULES = (
    row(
        "generator-methods-without-a",
        "`send`, `throw` or `close` on an async generator",
        2,
        "On async generators they are `asend`, `athrow` and `aclose`, and each must be awaited: "
        "`await gen.asend(value)`.",
        "attribute",
        GENERATOR,
        _awaited_methods,
        lambda told: told.owner.attr in _STEP_METHODS,
    ),
    row(
        "anext-on-iterable",
        "`__anext__` of what is no iterator",
        2,
        "`anext` needs an async iterator. For an async iterable call `aiter(x)` first; for a "
        "list use `next(iter(xs))`.",
        "attribute",
        frozenset({Kind.ASYNC_ITERABLE}),
        "{told.text} has `__aiter__` but no {told.demand.by}: `aiter` gives the iterator to step.",
        lambda told: told.owner.attr in ("__anext__", "anext", "__next__"),
    ),
    row(
        "anext-on-iterable",
        "`__anext__` of what is no async iterator",
        2,
        "`__anext__` is a step of an async iterator. A plain one makes its steps with `next(it)`, "
        "and `for` walks it.",
        "attribute",
        frozenset({Kind.GENERATOR, Kind.ITERATOR, Kind.ITERABLE, Kind.MANAGER}),
        "{told.text} is {told.words}, which `for` and `next` walk: it has no {told.demand.by}.",
        lambda told: told.owner.attr in ("__anext__", "__aiter__"),
    ),
    row(
        "async-generator-taken-for-its-item",
        "an async generator taken for what it yields",
        3,
        "An async generator only hands out what it yields. One that opens something, yields it "
        "once and closes it is meant as a context manager: `@asynccontextmanager`, `async with`.",
        "attribute",
        GENERATOR,
        _resource,
        _is_resource,
    ),
    row(
        "async-generator-taken-for-its-item",
        "an async generator taken for what it yields",
        3,
        "Calling an async generator function gives the generator. What it yields comes out of its "
        "steps: `async for`, `await anext(gen)`, or, of one that yields once, `async with "
        "asynccontextmanager(function)() as value`.",
        "attribute",
        GENERATOR,
        missing,
        lambda told: told.owner.attr not in COLLECTORS | _OF_LIBRARIES,
    ),
    row(
        "asyncio-objects-without-loop-methods",
        "a TaskGroup has no such method",
        2,
        "Groups of trio and anyio take a function and its arguments: `start_soon(f, x)`. A "
        "TaskGroup of asyncio takes the coroutine: `create_task(f(x))`, and gives its task.",
        "attribute",
        frozenset({Kind.ASYNC_MANAGER}),
        "{told.text} is a TaskGroup of asyncio: it starts a coroutine with `create_task`, and has "
        "no {told.demand.by}, which is of trio and anyio.",
        lambda told: told.name == "TaskGroup" and told.owner.attr in _OF_NURSERIES,
        lambda told: corrected(told.evidence, _created, told),
    ),
    row(
        "asyncio-objects-without-loop-methods",
        "an async iterable has no such attribute",
        2,
        "asyncio names the async variants differently: `StreamReader` is walked directly, "
        "`gen.aclose()` and `asend()` have an a, `anext(gen)` is a function (there is no "
        "`gen.anext()`). What a generator yields comes with `async for`.",
        "attribute",
        STREAMS,
        missing,
    ),
    row(
        *_USED,
        "attribute",
        frozenset({Kind.COROUTINE}),
        lambda told: (
            f"{told.text} is a coroutine, which has no {told.demand.by.replace('.', '')}: a task "
            "of it would have."
        ),
        _task_method,
    ),
    row(
        "async-generator-object-called",
        "calling an async generator object",
        1,
        "`gen = ticks()` already is the async generator; walk `gen` itself, or keep the "
        "function and call that.",
        "call",
        STREAMS,
        "{told.text} already is {told.a}: walk it as it is, without calling it.",
    ),
    row(
        *_USED,
        "value | attribute | call | walk | step | close | iterator | async step | function",
        RESULTS,
        _result,
    ),
    row(
        *_USED,
        "items",
        RESULTS,
        lambda told: f"{told.text} holds {told.words}: {MEANT[told.kind]}.",
    ),
    row(
        "async-for-over-context-manager",
        "an async context manager that was not entered",
        1,
        "An async context manager gives its value through `async with … as x`; only then use "
        "`x`. `@asynccontextmanager` turns the generator into a context manager; it is no "
        "longer an iterator.",
        "*",
        frozenset({Kind.ASYNC_MANAGER}),
        lambda told: (
            missing(told)
            if told.demand.what == "attribute"
            else f"{told.text} is an async context manager: `async with` gives its value, and "
            "that is what can be used."
        ),
        lambda told: not _was_entered(told),
    ),
    row(
        "index-or-len-of-async-generator",
        "an async iterable used as a value",
        2,
        "An async generator knows neither its length nor its items before they are produced. "
        "Take the next with `await anext(gen)`, or collect into a list.",
        "*",
        STREAMS,
        _used,
    ),
    row(
        "await-a-plain-call",
        "an async function that was not called",
        5,
        "An `async def` only does something when it is called and its coroutine awaited; with "
        "`yield` in it, when it is called and walked.",
        "*",
        UNCALLED,
        lambda told: missing(told) if told.demand.what == "attribute" else _used(told),
    ),
    row(
        "list-of-async-generator",
        "`aclosing` of what has no `aclose`",
        1,
        "`aclosing` calls `aclose`, which async generators have. What has none needs nobody to "
        "close it; `closing` calls `close`.",
        "close",
        ANY,
        "{told.text} is {told.words}: it has no `aclose` for `aclosing` to call.",
    ),
)
