"""``async for`` over what cannot be walked asynchronously."""

from __future__ import annotations

import ast
import asyncio
import inspect
import io
from types import GeneratorType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import function_of
from asyncrepl.explain.dropped_coroutines import dropped_name
from asyncrepl.explain.explanation import Finding, Other, Rule
from asyncrepl.explain.fix_editor import Fixing, corrected, correction, short
from asyncrepl.explain.kinds import ASYNCHRONOUS, Kind, has, is_async_iterable
from asyncrepl.explain.protocol_code import meant_to_yield, with_yield
from asyncrepl.explain.repairs.repair_case import is_mocked, single_assignment
from asyncrepl.explain.rules.operand_rules import ANY, FUNCTIONS, Told, row
from asyncrepl.explain.scopes import CannotFixError, behind_await, own_nodes
from asyncrepl.explain.value_origins import loads
from asyncrepl.syntax.names import callee_name, last_name
from asyncrepl.syntax.static_inspection import without_annotations

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FunctionType

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.explanation import Fix
    from asyncrepl.explain.source_units import Function, Unit

_BUILTIN_ITERATORS = frozenset({enumerate, zip, map, filter, reversed})
_CONTAINERS = frozenset(
    {list, tuple, dict, set, frozenset, str, bytes, bytearray, range, memoryview}
    | {type({}.keys()), type({}.values()), type({}.items())}
)


def _is_builtin_iterator(told: Told) -> bool:
    kind = told.info.kind if told.info is not None else object
    builtin = kind.__module__ == "builtins" and kind is not GeneratorType and has(
        told.info, "__next__"
    )  # fmt: skip
    return kind in _BUILTIN_ITERATORS or kind.__module__ == "itertools" or builtin


def _is_container(told: Told) -> bool:
    kind = told.info.kind if told.info is not None else object
    return kind in _CONTAINERS or (
        kind.__module__ in ("collections", "array", "types") and has(told.info, "__iter__")
    )


def _is_file(told: Told) -> bool:
    kind = told.info.kind if told.info is not None else object
    return issubclass(kind, io.IOBase) or kind.__module__ == "tempfile"


def _is_as_completed(told: Told) -> bool:
    code = getattr(asyncio.as_completed, "__code__", None)
    return told.info is not None and told.info.kind is GeneratorType and told.info.code is code


def _unasked_stream(told: Told) -> tuple[ast.Call, str] | None:
    """The call that gave the operand as a whole, and the flag with which it gives a stream.

    By convention that is `stream`; of a function of the user's any that its result hangs on.
    """
    made = single_assignment(told.unit, told.node, awaited=True) or told.node
    call = behind_await(made)
    if not isinstance(call, ast.Call) or any(each.arg is None for each in call.keywords):
        return None
    function = function_of(told.evidence.resolver.value(call.func))
    found = told.evidence.units.source_of(function)
    for name in _left_out(function, call) if function is not None else ():
        if name == "stream" if found is None else _chooses(told, *found, name):
            return call, name
    return None


def _left_out(function: FunctionType, call: ast.Call) -> list[str]:
    """The parameters of `function` that `call` does not give, and that can be left out."""
    known = inspect.signature(without_annotations(inspect.unwrap(function))).parameters
    method = isinstance(call.func, ast.Attribute) and "self" in known
    given = [*[*known][: len(call.args) + method], *(each.arg for each in call.keywords)]
    return [n for n, each in known.items() if n not in given and each.default is not each.empty]


def _chooses(told: Told, unit: Unit, function: Function, flag: str) -> bool:
    """Whether `function` returns an async iterable if the argument `flag` is true."""
    tests = [each for each in own_nodes(function) if isinstance(each, ast.If)]
    chosen = [node for each in tests if last_name(each.test) == flag for node in each.body]
    returned = [node.value for node in chosen if isinstance(node, ast.Return) and node.value]
    resolver = told.evidence.resolver_in(unit)
    return any(is_async_iterable(info) for each in returned for info in resolver.options(each))


def _with_flag(fixing: Fixing, told: Told) -> None:
    """``create(text)`` → ``create(text, stream=True)``."""
    found = _unasked_stream(told)
    assert found is not None
    call, flag = found
    arguments = [*call.args, *(each.value for each in call.keywords)]
    if arguments:
        fixing.of(told.unit).after(arguments[-1], f", {flag}=True")
    else:
        function = told.unit.source.source(call.func)
        fixing.of(told.unit).replace(call, f"{function}({flag}=True)")


def _whole(told: Told) -> str:
    call, flag = _unasked_stream(told) or (told.node, "")
    return (
        f"{told.text} is {told.a}, the whole answer: `{callee_name(call)}` gives it bit by bit "
        f"only with `{flag}=True`."
    )


def _awaits_no_yield(told: Told) -> bool:
    """Whether the coroutine's function returns nothing, or in a loop, and so was to yield."""
    found = told.home
    return found is not None and (
        any(isinstance(node, ast.Return) for node, _ in meant_to_yield(*found))
        or not any(
            isinstance(node, ast.Return) and node.value is not None for node in own_nodes(found[1])
        )
    )


def _yielding(told: Told) -> Fix | None:
    return with_yield(Fixing(told.evidence), *told.home) if told.home is not None else None


def _of_function(told: Told) -> str:
    found = told.home
    return found[1].name if found is not None else ""


def _or_yield(told: Told) -> Other | None:
    name = _of_function(told)
    clause = f"`{name}` was to `yield` what it returns"
    return Other("async-def-without-yield", clause) if name else None


def _coroutine_walked(told: Told) -> str:
    node = told.node
    if isinstance(node, ast.Call) and is_mocked(told):
        called = short(told.unit, node.func)
        return (
            f"{called} is an `AsyncMock`, which gives a coroutine when it is called: for `async "
            "for` it has to be a `MagicMock` whose `return_value.__aiter__` has the items."
        )
    return f"{told.text} is a coroutine: what it returns only exists after `await`."


def _nothing_to_walk(told: Told) -> str:
    """What is said of what cannot be walked in any way."""
    if told.info is None:
        return f"What {told.text} gives has no `__aiter__`: `async for` cannot walk it."
    if told.kind is Kind.MODULE:
        return f"{told.text} is a module: `async for` needs something of it that gives items."
    if told.info.kind in (int, float, bool, complex):
        return f"{told.text} is {told.a}: there is nothing in it to walk."
    return (
        f"{told.text} is {told.a}, which has neither `__aiter__` nor `__iter__`: `async for` "
        "finds nothing to walk."
    )


_PLAIN = ANY - ASYNCHRONOUS - {Kind.NONE, Kind.CLASS, Kind.FUNCTION, Kind.MODULE, Kind.VALUE}


def _is_completed_item(told: Told) -> bool:
    """Whether it came from ``as_completed``, and was asked for as a key."""
    made = told.info.function_name if told.info is not None else ""
    return made == "_wait_for_one" and isinstance(told.evidence.error, KeyError)


def _as_completed(evidence: Evidence) -> Finding | None:
    """What ``as_completed`` gave to a loop, or a comprehension, which used it as a result."""
    if dropped_name(evidence) != "_wait_for_one":
        return None
    loops = [
        (unit, loop)
        for unit in evidence.units.all()
        for loop in _plain_loops(unit)
        if callee_name(loop.iter) == "as_completed"
        if isinstance(loop.target, ast.Name)
    ]
    if len(loops) != 1:
        return None
    unit, loop = loops[0]
    assert isinstance(loop.target, ast.Name)
    around = loop if isinstance(loop, ast.For) else unit.parents[loop]
    uses = [each for each in loads(unit, loop.target) if around in unit.ancestors(each)]
    if any(isinstance(unit.parents.get(each), ast.Await) for each in uses):
        return None
    why = (
        f"{short(unit, loop.iter)} gives awaitables, in the order they are done: "
        f"`await {loop.target.id}` gives the result."
    )
    return Finding(why, _awaited_item(evidence, unit, loop, uses))


def _plain_loops(unit: Unit) -> Iterator[ast.For | ast.comprehension]:
    yield from unit.nodes(ast.For)
    yield from (each for each in unit.nodes(ast.comprehension) if not each.is_async)


@correction
def _awaited_item(
    fixing: Fixing, unit: Unit, loop: ast.For | ast.comprehension, uses: list[ast.Name]
) -> None:
    if len(uses) == 1:
        fixing.awaiting(unit, uses[0])
    elif isinstance(loop, ast.For) and isinstance(loop.target, ast.Name) and uses:
        name = loop.target.id
        fixing.of(unit).lines_before(loop.body[0], f"{name} = await {name}")
        fixing.suspending(unit, loop)
    else:
        raise CannotFixError


RULES = (
    row(
        "async-for-over-as-completed",
        "what `as_completed` gives, taken for a task",
        1,
        "`asyncio.as_completed` gives new awaitables, one for each that is done, and not what it "
        "was given. Let the coroutine return what you need to know it by. Since Python 3.13 "
        "`async for` over it gives the tasks themselves.",
        "*",
        frozenset({Kind.COROUTINE}),
        "{told.text} is an awaitable that `as_completed` has made, and not the task that it was "
        "given: so it is no key for that. Its result comes by `await`.",
        _is_completed_item,
        lambda _: None,
    ),
    row(
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
    row(
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
    row(
        "async-for-over-task-or-future",
        "`async for` over a task or future",
        1,
        "A Task or Future stands for one result: `await` it. For many results await "
        "`gather(…)` and loop over the list, or loop over `asyncio.as_completed(…)`.",
        "async walk",
        frozenset({Kind.TASK, Kind.FUTURE, Kind.AWAITABLE}),
        "{told.text} is {told.a}: it stands for one result, which `await` gives.",
    ),
    row(
        "async-for-over-function",
        "`async for` over a function that was not called",
        1,
        "The async generator only exists after calling its function: `async for x in ticks()`.",
        "async walk | async step | iterator",
        FUNCTIONS,
        "{told.text} is a function: only calling it gives something to walk.",
    ),
    row(
        "async-for-over-class",
        "`async for` over a class instead of an instance",
        1,
        "`async for` needs an instance: `async for x in Countdown(3)`.",
        "async walk | async step | iterator",
        frozenset({Kind.CLASS, Kind.ASYNC_CLASS}),
        "{told.text} is the class itself: `async for` needs an instance of it.",
    ),
    row(
        "async-for-over-as-completed",
        "`async for` over `asyncio.as_completed` before Python 3.13",
        1,
        "Up to Python 3.12 `asyncio.as_completed` gives a synchronous iterator of awaitables: "
        "`for c in as_completed(xs): r = await c`. Async iteration over it exists since 3.13.",
        "async walk",
        frozenset({Kind.GENERATOR}),
        "Before Python 3.13 {told.text} is a plain iterator of awaitables: loop with `for` and "
        "await each.",
        _is_as_completed,
    ),
    row(
        "async-for-over-plain-object",
        "`async for` over an answer that comes as a whole",
        1,
        "What can stream gives the whole at once unless it is asked to stream. Ask for it, "
        "often by `stream=True`, or use the whole without a loop.",
        "async walk",
        ANY - ASYNCHRONOUS,
        _whole,
        lambda told: _unasked_stream(told) is not None,
        lambda told: corrected(told.evidence, _with_flag, told),
    ),
    row(
        "async-for-over-builtin-iterator",
        "`async for` over a builtin iterator",
        1,
        "The builtin and itertools iterators are synchronous: they have no `__aiter__`. Over "
        "ordinary data use a plain `for` around them.",
        "async walk",
        _PLAIN,
        "{told.text} is a synchronous iterator: `{told.name}` has `__next__` and no `__aiter__`.",
        _is_builtin_iterator,
    ),
    row(
        "async-for-awaits-each-coroutine",
        "`async for` over a collection of coroutines",
        1,
        "`async for` awaits the iterator's `__anext__`, not the items. A list of coroutines is "
        "an ordinary list: await them one by one, or `await asyncio.gather(*coros)`, or "
        "`for c in asyncio.as_completed(coros): await c`.",
        "async walk",
        _PLAIN,
        "`async for` awaits each step, never the items: {told.text} is {told.a} of awaitables.",
        lambda told: told.item,
    ),
    row(
        "async-for-over-list",
        "`async for` over an ordinary collection",
        1,
        "`async for` calls `type(x).__aiter__`, which lists, tuples, dicts, sets, strings and "
        "ranges do not have. Use a plain `for` (you can still `await` in its body); for "
        "concurrency use gather or tasks.",
        "async walk",
        _PLAIN,
        lambda told: (
            f"{told.text} is {told.a}, as the mock was told to return: `async for` walks what is "
            "the `return_value` of its `__aiter__`."
            if is_mocked(told)
            else f"{told.text} {'gives' if isinstance(told.node, ast.Await) else 'is'} {told.a}: "
            "it has no `__aiter__`, its items are there already. A plain `for` walks it."
        ),
        _is_container,
    ),
    row(
        "async-for-over-file",
        "`async for` over an ordinary file",
        1,
        "Ordinary files are synchronous iterators; reading them blocks. Use a plain `for`, or "
        "read in a thread (`asyncio.to_thread`), or a library that wraps files.",
        "async walk",
        _PLAIN,
        "{told.text} is an ordinary file: reading its lines blocks and never suspends, so it "
        "has no `__aiter__`.",
        _is_file,
    ),
    row(
        "async-for-over-sync-generator",
        "`async for` over a plain generator",
        1,
        "A generator made by a plain `def` has `__next__`, not `__anext__`. Write `async def` "
        "to get an async generator, or use a plain `for`.",
        "async walk",
        frozenset({Kind.GENERATOR}),
        "{told.text} is a plain generator: it has `__next__` and no `__anext__`. Use `for`, or "
        "write its function with `async def`.",
    ),
    row(
        "async-for-over-one-anext",
        "`async for` over one step",
        1,
        "`anext(it)` is one step: `await anext(it)`. To loop, give `async for` the iterator "
        "itself.",
        "async walk",
        frozenset({Kind.STEP}),
        "{told.text} is a single step; the loop makes the steps itself.",
    ),
    row(
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
    row(
        "async-for-over-none",
        "`async for` over None",
        1,
        "A function without `return` gives None. Return the async iterable.",
        "async walk",
        frozenset({Kind.NONE}),
        "{told.text} is None: there is nothing to walk.",
    ),
    row(
        "async-for-over-sync-iterable-class",
        "`async for` over a class with `__iter__`",
        1,
        "`async for` does not fall back on `__iter__`: it needs `__aiter__` on the class. Use a "
        "plain `for`, or give the class an `__aiter__` that returns an async iterator.",
        "async walk",
        ANY - ASYNCHRONOUS,
        "`{told.name}` has `__iter__` and no `__aiter__`, and `async for` does not fall back on "
        "`__iter__`.",
    ),
    Rule(
        "coroutine-never-awaited-in-body",
        "what `as_completed` gives, and nobody awaits",
        5,
        "`asyncio.as_completed` gives an awaitable for each result: `for c in "
        "asyncio.as_completed(jobs): result = await c`.",
        _as_completed,
        sees="dropped",
        before="never_run",
    ),
)
