"""Coroutines that died before they ran: by what was done with them instead of ``await``.

The interpreter warns that one "was never awaited", where it dies. Where it was made is
known for certain if the code that runs just then calls its function, or if the sources
hold only one call or mention of it.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, Fix
from asyncrepl.explain.fixing import CannotFixError, Fixing, fresh, short
from asyncrepl.explain.rule import Rule
from asyncrepl.explain.scopes import own_nodes, scope
from asyncrepl.explain.truths import is_test
from asyncrepl.explain.uses import callee_name
from asyncrepl.language.rewriting import Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.units import Function, Unit

__all__ = ["RULES"]

Place = tuple["Unit", ast.Call]

_THREADS = ("to_thread", "run_in_executor")
_CALLBACKS = {"call_soon": 0, "call_soon_threadsafe": 0, "call_later": 1, "call_at": 1}
_WALKERS = ("filter", "map")
#: What takes a coroutine function, and calls it where the result is awaited.
_STEPS = ("__next__", "__iter__", "__enter__", "__exit__", "__contains__", "__len__", "__call__")


def _name(evidence: Evidence) -> str:
    """The name of the function whose coroutine died."""
    assert evidence.seen is not None
    code = evidence.seen.facts.code
    return code.co_name if code is not None else ""


def _call(evidence: Evidence) -> Place | None:
    """The call that made the coroutine, if that is certain."""
    name = _name(evidence)
    here = [
        each
        for node in evidence.nodes[-1:]
        for each in ast.walk(node)
        if isinstance(each, ast.Call) and callee_name(each) == name
    ]
    if len(here) == 1 and not _is_awaited(evidence.unit, here[0]):
        return evidence.unit, here[0]
    found = [place for place in _calls(evidence, name) if not _is_awaited(*place)]
    return found[0] if len(found) == 1 and not _mentions(evidence, name) else None


def _calls(evidence: Evidence, name: str) -> Iterator[Place]:
    for unit in evidence.units.all():
        for node in unit.nodes(ast.Call):
            if callee_name(node) == name:
                yield unit, node


def _is_awaited(unit: Unit, call: ast.Call) -> bool:
    """Whether the coroutine is awaited, or given to somebody who may do so."""
    parent = unit.parents.get(call)
    return isinstance(parent, ast.Await | ast.Call | ast.Starred | ast.keyword)


def _mentions(evidence: Evidence, name: str) -> list[Place]:
    """The calls that the function itself is handed to."""
    return [
        (unit, call)
        for unit in evidence.units.all()
        for call in unit.nodes(ast.Call)
        if any(isinstance(each, ast.Name | ast.Attribute) and _last(each) == name
               for each in call.args)
    ]  # fmt: skip


def _last(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def _handed_to(evidence: Evidence, *callees: str) -> Place | None:
    """The one call among `callees` that the function was handed to, if nothing else calls it."""
    name = _name(evidence)
    found = _mentions(evidence, name)
    if len(found) != 1 or callee_name(found[0][1]) not in callees:
        return None
    return None if any(not _is_awaited(*place) for place in _calls(evidence, name)) else found[0]


def _await(evidence: Evidence, unit: Unit, call: ast.expr) -> Fix | None:
    fixing = Fixing(evidence)
    try:
        fixing.awaiting(unit, call)
    except CannotFixError:
        return None
    return fixing.fix()


def _made(evidence: Evidence, fits: Callable[[Unit, ast.Call], bool], why: str) -> Finding | None:
    found = _call(evidence)
    if found is None or not fits(*found):
        return None
    unit, call = found
    return Finding(why.format(short(unit, call)), _await(evidence, unit, call))


def _yielded(evidence: Evidence) -> Finding | None:
    why = "{} is yielded before anything awaits it: the loop gets a coroutine, not its result."
    return _made(evidence, _is_yielded, why)


def _is_yielded(unit: Unit, call: ast.Call) -> bool:
    parent = unit.parents.get(call)
    if isinstance(parent, ast.Return):
        function = scope(unit, parent)
        return isinstance(function, ast.AsyncFunctionDef) and function.name == "__anext__"
    return isinstance(parent, ast.Yield)


def _tested(evidence: Evidence) -> Finding | None:
    why = "{} is a coroutine, and every object is true: `await` gives the answer."
    return _made(evidence, is_test, why)


def _at_prompt(evidence: Evidence) -> Finding | None:
    why = "{} only makes a coroutine: nothing of it runs before it is awaited."
    return _made(evidence, _is_statement, why)


def _is_statement(unit: Unit, call: ast.Call) -> bool:
    statement = unit.parents.get(call)
    return isinstance(statement, ast.Expr) and isinstance(unit.parents.get(statement), ast.Module)


def _forgotten(evidence: Evidence) -> Finding | None:
    why = "{} only makes a coroutine: without `await` nothing of it runs."
    return _made(evidence, lambda _unit, _call: True, why)


def _in_thread(evidence: Evidence) -> Finding | None:
    found = _handed_to(evidence, *_THREADS)
    if found is None:
        return None
    unit, call = found
    function, *arguments = call.args[callee_name(call) == "run_in_executor" :]
    fixing = Fixing(evidence)
    text = ", ".join(unit.source.source(each) for each in [*arguments, *call.keywords])
    fixing.of(unit).replace(call, f"{unit.source.source(function)}({text})")
    why = (
        f"{short(unit, function)} is an `async def`: the thread only makes its coroutine, "
        "and nobody awaits that."
    )
    return Finding(why, fixing.fix())


def _called_back(evidence: Evidence) -> Finding | None:
    found = _handed_to(evidence, *_CALLBACKS, "add_done_callback")
    if found is None:
        return None
    unit, call = found
    function = call.args[_CALLBACKS.get(callee_name(call), 0)]
    why = (
        f"The loop calls {short(unit, function)} and gets a coroutine: callbacks are plain "
        "functions, nobody awaits them."
    )
    return Finding(why, _as_task(evidence, unit, call, function))


def _as_task(evidence: Evidence, unit: Unit, call: ast.Call, function: ast.expr) -> Fix | None:
    """A task in the place of the callback; or a plain function, if that awaits nothing."""
    fixing, name = Fixing(evidence), unit.source.source(function)
    after = call.args[call.args.index(function) + 1 :]
    arguments = ", ".join(unit.source.source(each) for each in after)
    made = f"asyncio.create_task({name}({arguments}))"
    if callee_name(call) == "call_soon":
        fixing.of(unit).replace(call, made)
    elif (home := _plain_home(evidence, _name(evidence))) is not None:
        start = home[0].source.span(home[1]).start
        fixing.of(home[0]).replace(Span(start, start + len("async ")), "")
    elif callee_name(call) == "add_done_callback":
        fixing.of(unit).replace(function, f"lambda task: asyncio.create_task({name}(task))")
    else:
        for each in after:
            fixing.of(unit).replace(each, "")
        fixing.of(unit).replace(function, f"lambda: {made}")
    fixing.needs_import(unit, "asyncio")
    return fixing.fix()


def _plain_home(evidence: Evidence, name: str) -> tuple[Unit, Function] | None:
    """The ``async def`` of that name, if it suspends nowhere."""
    for unit in evidence.units.all():
        for function in unit.functions():
            if function.name == name and isinstance(function, ast.AsyncFunctionDef):
                waits = (ast.Await, ast.AsyncFor, ast.AsyncWith)
                if any(isinstance(node, waits) for node in own_nodes(function)):
                    return None
                return unit, function
    return None


def _walked_through(evidence: Evidence) -> Finding | None:
    found = _handed_to(evidence, *_WALKERS)
    if found is None or len(found[1].args) != 2:
        return None
    unit, call = found
    function, items = (unit.source.source(each) for each in call.args)
    name, fixing = fresh(unit, "x"), Fixing(evidence)
    parent = unit.parents.get(call)
    whole = parent if isinstance(parent, ast.Call) and callee_name(parent) == "list" else call
    if callee_name(call) == "filter":
        text = f"[{name} for {name} in {items} if await {function}({name})]"
    else:
        text = f"[await {function}({name}) for {name} in {items}]"
    fixing.of(unit).replace(whole, text)
    try:
        fixing.suspending(unit, call)
    except CannotFixError:
        return None
    got = (
        "keeps every item, as a coroutine is true"
        if text.endswith(")]") and "if" in text
        else ("gives coroutines")
    )
    why = f"`{callee_name(call)}` calls {short(unit, call.args[0])} and awaits nothing: it {got}."
    return Finding(why, fixing.fix())


def _of_protocol(evidence: Evidence) -> Finding | None:
    name, code = _name(evidence), evidence.seen.facts.code if evidence.seen else None
    found = evidence.units.definition(code)
    owner = found[0].parents.get(found[1]) if found else None
    if name not in _STEPS or found is None or not isinstance(owner, ast.ClassDef):
        return None
    why = (
        f"`{owner.name}.{name}` is `async def`: this protocol calls it synchronously and gets "
        "a coroutine."
    )
    fix = _async_protocol(evidence, found[0], owner) if name == "__next__" else None
    return Finding(why, fix)


def _async_protocol(evidence: Evidence, unit: Unit, owner: ast.ClassDef) -> Fix | None:
    """The class with ``__aiter__`` and ``__anext__``, and its loop with ``async for``."""
    fixing, edits = Fixing(evidence), None
    edits = fixing.of(unit)
    for function in owner.body:
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            start = unit.text.index(function.name, unit.source.span(function).start)
            renamed = {"__iter__": "__aiter__", "__next__": "__anext__"}.get(function.name)
            if renamed:
                edits.replace(Span(start, start + len(function.name)), renamed)
            for node in own_nodes(function):
                if isinstance(node, ast.Name) and node.id == "StopIteration":
                    edits.replace(node, "StopAsyncIteration")
    loops = [
        (each, node)
        for each in evidence.units.all()
        for node in each.nodes(ast.For)
        if owner.name in each.source.source(node.iter)
    ]
    if len(loops) != 1:
        return None
    try:
        fixing.loop_async(*loops[0])
    except CannotFixError:
        return None
    return fixing.fix()


def _rule(
    id_: str, title: str, step: int, model: str, find: Callable[[Evidence], Finding | None]
) -> Rule:
    return Rule(id_, title, step, model, find, "seen", sees="dropped")


_MODEL = (
    "`to_thread` calls a blocking function in a thread. An `async def` called there "
    "only makes a coroutine: await it on the loop, `await work()`."
)
_THREAD = "to-thread-of-async-function", "an async function given to a thread", 3, _MODEL

RULES = (
    _rule(
        "async-sync-protocol-methods",
        "a method of a synchronous protocol as `async def`",
        3,
        "`for`, `len`, `str`, `in`, `with` call their methods synchronously and get a coroutine "
        "object. Use the async protocols (`__aiter__` and `__anext__`, `__aenter__` and "
        "`__aexit__`) or a normal awaited method.",
        _of_protocol,
    ),
    _rule(*_THREAD, _in_thread),
    Rule(*_THREAD, _in_thread, "seen", sees="shown"),
    _rule(
        "coroutine-function-as-callback",
        "an async function as a callback",
        5,
        "The loop calls its callbacks and drops what they return. Make a task: "
        "`asyncio.create_task(save())`, or write a plain function.",
        _called_back,
    ),
    _rule(
        "async-callback-for-sync-function",
        "an async function given to `map` or `filter`",
        5,
        "Builtins call their callback synchronously and get coroutine objects, each of them "
        "true. Write a comprehension: `[x for x in xs if await f(x)]`.",
        _walked_through,
    ),
    _rule(
        "yields-coroutines",
        "a coroutine yielded instead of its result",
        4,
        "`yield fetch()` hands out the coroutine itself. Await it first: `yield await fetch()`.",
        _yielded,
    ),
    _rule(
        "coroutine-truth-value",
        "a coroutine in a test",
        5,
        "A coroutine object is always true, whatever it would return: `if await is_ready():`.",
        _tested,
    ),
    _rule(
        "prompt-call-without-await",
        "a call of an async function without `await`",
        5,
        "At an async prompt type `await main()`; `main()` only shows a coroutine object.",
        _at_prompt,
    ),
    _rule(
        "coroutine-never-awaited-in-body",
        "a coroutine that nobody awaits",
        5,
        "Calling an `async def` makes a coroutine and runs nothing. `await` runs it here; "
        "`asyncio.create_task()` runs it beside.",
        _forgotten,
    ),
)
