"""Async functions handed to somebody who calls them and awaits nothing.

A thread, a callback of the loop, ``map``, an exit stack: what they get is a coroutine, and it
dies. Who got the function is certain if nothing else calls it.
"""

from __future__ import annotations

import ast
import asyncio
import sys
from contextlib import suppress
from types import BuiltinFunctionType, CoroutineType, FunctionType, MethodType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import MISSING, function_of, is_real_instance, lookup
from asyncrepl.explain.dropped_coroutines import (
    calls_that_made,
    dropped_name,
    handed_to,
    is_kept,
    is_of_variable,
)
from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, corrected, correction, short
from asyncrepl.explain.fresh_names import fresh
from asyncrepl.explain.hoisted_code import (
    KEYED,
    MAPPERS,
    called_here,
    keys_first,
    made_plain,
    mapped,
    predicate_awaited,
)
from asyncrepl.explain.other_callers import argument_named, mentions
from asyncrepl.explain.scopes import CannotFixError
from asyncrepl.explain.value_origins import bindings, origins
from asyncrepl.instrument.probe_placement import LATER_CALLS, LOOP_CALLS, READY_CALLS
from asyncrepl.syntax.names import callee_name, last_name
from asyncrepl.syntax.source_rewriter import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Unit

THREADS = ("to_thread", "run_in_executor")
_OWN_THREADS = ("Thread", "Timer", "submit")


def _in_thread(evidence: Evidence) -> Finding | None:
    places = handed_to(evidence, *THREADS, *_OWN_THREADS)
    if not places:
        return None
    unit, call = places[0]
    function = _given_as(evidence, unit, call, _function_of_thread(call))
    why = (
        f"{function} is an `async def`: the thread only makes its coroutine, and nobody awaits "
        "that."
    )
    return Finding(why, _out_of_threads(evidence, places))


def _given_as(evidence: Evidence, unit: Unit, call: ast.Call, node: ast.expr) -> str:
    """The dropped function, which `call` is given as `node`, by its own name."""
    if last_name(node) == (name := dropped_name(evidence)):
        return short(unit, node)
    return f"`{name}`, which {short(unit, call.func)} is given as {short(unit, node)},"


def _serves_plain_ones(evidence: Evidence) -> bool:
    """Whether what hands the dropped function on, its decorator say, is given plain ones, too."""
    name, nodes = dropped_name(evidence), [each for _, each in evidence.units.nodes(ast.Call)]
    takers = {ast.dump(each.func) for each in nodes if argument_named(each, name) is not None}
    given = {last_name(a) for each in nodes if ast.dump(each.func) in takers for a in each.args}
    own = evidence.units.definition(evidence.finding.info.code)
    decorators = {*map(ast.dump, own[1].decorator_list)} if own is not None else set()
    return any(
        isinstance(each, ast.FunctionDef)
        and (each.name in given or decorators & {*map(ast.dump, each.decorator_list)})
        for unit in evidence.units.all()
        for each in unit.functions()
    )


def _function_of_thread(call: ast.Call) -> ast.expr:
    own = callee_name(call) in ("Thread", "Timer")
    target = _callback_of(call) if own else None
    return target if target is not None else call.args[_position_in_thread(call)]


def _position_in_thread(call: ast.Call) -> int:
    return int(callee_name(call) in ("run_in_executor", "Thread", "Timer"))


@correction
def _out_of_threads(fixing: Fixing, places: list[tuple[Unit, ast.Call]]) -> None:
    for unit, call in places:
        function, name = _function_of_thread(call), callee_name(call)
        _check_alone(fixing.evidence, function)
        if name in THREADS:
            called_here(fixing, unit, call, call.args[_position_in_thread(call) :])
        elif name == "submit":
            _submitted(fixing, unit, call)
        else:
            named = function not in call.args
            first = _position_in_thread(call) + 1 + (name == "Thread" and not named)
            packed = call.args[first:]
            given = [each.value for each in call.keywords if each.arg == "args"]
            if len(packed) > 1 or any(each.arg == "kwargs" for each in call.keywords):
                raise CannotFixError
            _target_of_thread(fixing, unit, function, next(iter(packed + given), None))


def _check_alone(evidence: Evidence, function: ast.expr) -> None:
    """Only where `function` has the name of others, too, may they be plain ones."""
    if last_name(function) != dropped_name(evidence) and _serves_plain_ones(evidence):
        raise CannotFixError


def _target_of_thread(
    fixing: Fixing, unit: Unit, function: ast.expr, packed: ast.expr | None
) -> None:
    """``Thread(target=work, args=(1,))`` → a loop in that thread runs ``work(1)``."""
    listed = packed.elts if isinstance(packed, ast.Tuple | ast.List) else None
    arguments = ", ".join(map(unit.source.source, listed or ()))
    if packed is not None and listed is None:
        arguments = f"*{unit.source.source(packed)}"
    text = f"({unit.source.source(function)}({arguments}),)"
    if packed is not None:
        fixing.of(unit).replace(packed, text)
    else:
        fixing.of(unit).after(function, f", args={text}")
    fixing.of(unit).replace(function, "asyncio.run")


def _submitted(fixing: Fixing, unit: Unit, call: ast.Call) -> None:
    """``submit(work, 1)`` → ``submit(asyncio.run, work(1))``."""
    if not call.keywords:
        submit, function, *arguments = map(unit.source.source, (call.func, *call.args))
        text = f"{submit}(asyncio.run, {function}({', '.join(arguments)}))"
        fixing.of(unit).replace(call, text)


def _called_back(evidence: Evidence) -> Finding | None:
    if (made := _made_already(evidence)) is not None:
        unit, call, given = made
        why = (
            f"{short(unit, given)} gives `{callee_name(call)}` a coroutine in the place of a "
            "function: that cannot be called, and nobody awaits it."
        )
        return Finding(why, _made_later(evidence, unit, call, given))
    places = handed_to(evidence, *LATER_CALLS)
    if not places:
        return None
    unit, call = places[0]
    function = call.args[LATER_CALLS.get(callee_name(call), 0)]
    named = _given_as(evidence, unit, call, function)
    why = (
        f"The loop calls {named} and gets a coroutine: callbacks are plain functions, nobody "
        "awaits them."
    )
    return Finding(why, _as_tasks(evidence, places))


def _made_already(evidence: Evidence) -> tuple[Unit, ast.Call, ast.Call] | None:
    """``call_later(1, save())``, where the coroutine was made: the calls."""
    made, found = evidence.finding.made, []
    for unit in evidence.units.all():
        for call in unit.nodes(ast.Call):
            given = _callback_of(call)
            if not isinstance(given, ast.Call):
                continue
            here = made == (unit.filename, given.lineno)
            named = callee_name(given) == dropped_name(evidence) and (here or made is None)
            if named or (here and is_of_variable(evidence, unit, given)):
                found.append((unit, call, given))
    return found[0] if len(found) == 1 else None


def _callback_of(call: ast.Call) -> ast.expr | None:
    """What a callback of the loop, or a thread, is to call."""
    own = callee_name(call) in ("Thread", "Timer")
    named = [each.value for each in call.keywords if own and each.arg in ("target", "function")]
    position = 1 if own else LOOP_CALLS.get(callee_name(call), len(call.args))
    return next(iter([*named, *call.args[position:]]), None)


@correction
def _made_later(fixing: Fixing, unit: Unit, call: ast.Call, given: ast.Call) -> None:
    """``call_soon(save())`` → a task of it; later, a function that makes one."""
    if callee_name(call) in ("Thread", "Timer"):
        text = f"asyncio.run, args=({unit.source.source(given)},)"
        fixing.of(unit).replace(given, text)
        return
    if callee_name(call) in READY_CALLS:
        raise CannotFixError
    at_once = callee_name(call) == "call_soon"
    task = f"asyncio.create_task({unit.source.source(given)})"
    fixing.of(unit).replace(call if at_once else given, task if at_once else f"lambda: {task}")


@correction
def _as_tasks(fixing: Fixing, places: list[tuple[Unit, ast.Call]]) -> None:
    """A plain function, if that awaits nothing; or tasks in the place of the callbacks."""
    at_once = callee_name(places[0][1]) == "call_soon"
    functions = fixing.evidence.units.functions(dropped_name(fixing.evidence))
    homes = [home for home in functions if isinstance(home[1], ast.AsyncFunctionDef)]
    if homes and not at_once:
        with suppress(CannotFixError):
            made_plain(fixing, *homes[0])
            return
    if any(callee_name(call) in READY_CALLS for _, call in places):
        raise CannotFixError
    for unit, call in places:
        function = call.args[LATER_CALLS.get(callee_name(call), 0)]
        _check_alone(fixing.evidence, function)
        _as_task(fixing, unit, call, function)


def _as_task(fixing: Fixing, unit: Unit, call: ast.Call, function: ast.expr) -> None:
    """A task in the place of the callback."""
    name = unit.source.source(function)
    after = call.args[call.args.index(function) + 1 :]
    arguments = ", ".join(unit.source.source(each) for each in after)
    made = f"asyncio.create_task({name}({arguments}))"
    if callee_name(call) == "call_soon":
        fixing.of(unit).replace(call, made)
    elif callee_name(call) == "add_done_callback":
        task = fresh(unit, "task")
        fixing.of(unit).replace(function, f"lambda {task}: asyncio.create_task({name}({task}))")
    else:
        last = unit.source.span(call.args[-1]).end
        fixing.of(unit).replace(Span(unit.source.span(function).start, last), f"lambda: {made}")


def _walked_through(evidence: Evidence) -> Finding | None:
    places = handed_to(evidence, *MAPPERS)
    if len(places) != 1 or len(places[0][1].args) != 2:
        return None
    unit, call = places[0]
    fixing = Fixing(evidence)
    try:
        mapped(fixing, unit, call)
    except CannotFixError:
        return None
    does = {"filter": "keeps every item", "filterfalse": "drops every item"}.get(callee_name(call))
    got = f"{does}, as a coroutine is true" if does is not None else "gives coroutines"
    why = f"`{callee_name(call)}` calls {short(unit, call.args[0])} and awaits nothing: it {got}."
    return Finding(why, fixing.fix())


#: Modules of the library whose functions await what they are given, or keep it for others.
_KEEPING = (
    "abc", "asyncio", "builtins", "contextlib", "dataclasses", "enum", "functools", "inspect",
    "types", "typing", "unittest",
)  # fmt: skip


def _called_plainly(evidence: Evidence) -> Finding | None:
    """An async function given to a function of the library that calls it as a plain one."""
    name = dropped_name(evidence)
    found = mentions(evidence, name)
    if len(found) != 1 or any(not is_kept(*place) for place in calls_that_made(evidence)):
        return None
    unit, call = found[0]
    if not _calls_plainly(_callee(evidence, unit, call)):
        return None
    given = argument_named(call, name)
    function = short(unit, given) if given is not None else f"`{name}`"
    why = (
        f"`{callee_name(call)}` calls {function} as a plain function and awaits nothing: it gets "
        "a coroutine, which is no result, and is true."
    )
    keys = [each for each in call.keywords if each.arg == "key"]
    if callee_name(call) == "wait_for":
        return Finding(why, corrected(evidence, predicate_awaited, unit, call))
    return Finding(why, corrected(evidence, keys_first, unit, call, keys[0]) if keys else None)


def _callee(evidence: Evidence, unit: Unit, call: ast.Call) -> object:
    """What is called; of a method, that of the one class that may have made its owner."""
    found, method = evidence.resolver.value(call.func), call.func
    given = makers(evidence, unit, method) if isinstance(method, ast.Attribute) else ()
    made = [each.func for each in given if isinstance(each, ast.Call)]
    kind = evidence.resolver.value(made[0]) if found is MISSING and len(made) == 1 else MISSING
    return lookup(kind, last_name(method)) if is_real_instance(kind, type) else found


def makers(evidence: Evidence, unit: Unit, method: ast.Attribute) -> Iterator[ast.AST]:
    """What the owner of the `method`, in `unit`, may have been made or entered by."""
    owner = method.value
    for name in bindings(unit, owner)[1] if isinstance(owner, ast.Name) else ():
        item = unit.parents.get(name)
        if isinstance(item, ast.withitem):
            yield item.context_expr
    yield from (each.node for each in origins(evidence.units, unit, owner))


def _calls_plainly(callee: object) -> bool:
    """Whether it is a function of the library that awaits nothing of what it is given."""
    kind = type(callee)
    if function_of(callee) is asyncio.Condition.wait_for:
        return True
    if kind not in (FunctionType, MethodType, BuiltinFunctionType) and not issubclass(kind, type):
        return False
    root = str(callee.__module__).partition(".")[0].lstrip("_")
    return root in sys.stdlib_module_names and root not in _KEEPING


def _callback(evidence: Evidence) -> Finding | None:
    call = evidence.outermost(ast.Call)
    if call is None or callee_name(call) not in (*KEYED, "sort"):
        return None
    key = next((each for each in call.keywords if each.arg == "key"), None)
    given = key.value if key is not None else None
    if isinstance(given, ast.Call) and callee_name(given) == "cmp_to_key" and given.args:
        given = given.args[0]
    function = evidence.resolver.value(given) if given is not None else None
    made = evidence.resolver.result(function)
    if isinstance(given, ast.Lambda) and len(given.args.args) == 1:
        made = next(iter(evidence.resolver.options(given.body)), None)
    if key is None or given is None or made is None or made.kind is not CoroutineType:
        return None
    unit = evidence.unit
    why = (
        f"`{callee_name(call)}` calls {short(unit, given)} synchronously and compares "
        "coroutines, which nobody awaits: compute the keys first."
    )
    return Finding(
        why, corrected(evidence, keys_first, unit, call, key) if given is key.value else None
    )


RULES = (
    Rule(
        "to-thread-of-async-function",
        "an async function given to a thread",
        3,
        "`to_thread` calls a blocking function in a thread. An `async def` called there only "
        "makes a coroutine: await it on the loop, `await work()`.",
        _in_thread,
        sees="dropped | shown",
    ),
    Rule(
        "coroutine-function-as-callback",
        "an async function as a callback",
        5,
        "The loop calls its callbacks and drops what they return. Make a task: "
        "`asyncio.create_task(save())`, or write a plain function.",
        _called_back,
        sees="dropped",
    ),
    Rule(
        "async-callback-for-sync-function",
        "an async function given to `map` or `filter`",
        5,
        "Builtins call their callback synchronously and get coroutine objects, each of them "
        "true. Write a comprehension: `[x for x in xs if await f(x)]`.",
        _walked_through,
        sees="dropped",
    ),
    Rule(
        "async-callback-for-sync-function",
        "an async function given as a key",
        5,
        "Builtins call their callback synchronously and get coroutine objects. Compute the "
        "values first with an async comprehension.",
        _callback,
    ),
    Rule(
        "async-callback-for-sync-function",
        "an async function given to what calls plain ones",
        5,
        "Functions of the library call their callback synchronously and get a coroutine object, "
        "which is always true. Await the function in a loop of your own, or write a plain one.",
        _called_plainly,
        sees="dropped",
    ),
)
