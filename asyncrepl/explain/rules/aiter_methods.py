"""Classes whose ``__aiter__`` is not there, or gives the wrong thing.

The probe saw an instance of the class; what its methods return is read from
their flags and their source. And an ``__aexit__`` that does not take what it is given.
"""

from __future__ import annotations

import ast
import inspect
from types import FunctionType, NoneType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import MISSING, is_real_instance, lookup
from asyncrepl.explain.bindings import (
    has_flag,
    python_method,
    returned_values,
    returns_self,
    takes,
    takes_only_its_object,
)
from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, corrected, correction, short
from asyncrepl.explain.fresh_names import fresh
from asyncrepl.explain.hoisted_code import make_plain
from asyncrepl.explain.kinds import has, is_async_iterable
from asyncrepl.explain.protocol_code import meant_to_yield, with_yield, yield_each
from asyncrepl.explain.repairs.repair_case import made_async
from asyncrepl.explain.scopes import CannotFixError, is_generator, own_nodes
from asyncrepl.explain.source_units import own_name
from asyncrepl.syntax.names import FUNCTIONS, callee_name, canonical_name, last_name

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.operand_uses import Use
    from asyncrepl.explain.source_units import Function, Unit

Found = tuple["Unit", "Function"]


def method(owner: ast.ClassDef, name: str) -> Function | None:
    """The method `name` in the body of a class."""
    found = [node for node in owner.body if isinstance(node, FUNCTIONS) and node.name == name]
    return found[-1] if found else None


def over(evidence: Evidence) -> Use | None:
    """The operand of ``async for`` that has no ``__aiter__``."""
    use = evidence.use("async for")
    return use if use is not None and use.lacks and evidence.direct else None


def _without_aiter(evidence: Evidence) -> Finding | None:
    use = over(evidence)
    if use is None or not has(use.info, "__anext__") or use.info is None:
        return None
    name = use.info.kind.__name__
    why = f"`{name}` has `__anext__` but no `__aiter__`, and `async for` calls `__aiter__` first."
    owner = next((each for each in use.info.kind.__mro__ if "__anext__" in vars(each)), None)
    found = evidence.units.class_of(owner) if owner is not None else None
    if found is None:
        return Finding(why)
    return Finding(why, _with_aiter(evidence, *found))


@correction
def _with_aiter(fixing: Fixing, unit: Unit, owner: ast.ClassDef) -> None:
    if (step := method(owner, "__anext__")) is not None:
        fixing.of(unit).lines_before(step, "def __aiter__(self):\n    return self")


def _on_instance(evidence: Evidence) -> Finding | None:
    use = over(evidence)
    if use is None or use.info is None or not _has_own_aiter(evidence, use):
        return None
    why = on_instance(short(evidence.unit, use.node), "__aiter__", use.info.kind)
    return Finding(why, corrected(evidence, _asked_itself, use.node))


def on_instance(text: str, method: str, kind: type) -> str:
    """What is said of the `text` of an object of `kind`, whose own is the special `method`."""
    return (
        f"{text} has `{method}` on the instance, but special methods are looked up on the class, "
        f"here `{kind.__name__}`."
    )


def _asked_itself(fixing: Fixing, node: ast.expr) -> None:
    """``async for x in xs`` → ``async for x in xs.__aiter__()``."""
    unit = fixing.evidence.unit
    fixing.of(unit).replace(node, f"{unit.source.operand(node)}.__aiter__()")


def _has_own_aiter(evidence: Evidence, use: Use) -> bool:
    """Whether the object has an ``__aiter__`` that its class has not."""
    known = use.info, evidence.resolver.info(use.node)
    return any(info is not None and "__aiter__" in info.members for info in known)


def _proxy(evidence: Evidence) -> Finding | None:
    use = over(evidence) or (evidence.use("async with") if evidence.direct else None)
    if use is None or use.info is None or has(use.info, *_SPECIAL[use.role == "async with"]):
        return None
    forward = python_method(use.info.kind, "__getattr__")
    if forward is None or not _passes_on(evidence, use, forward):
        return None
    name = use.info.kind.__name__
    why = (
        f"`{name}` passes attributes on with `__getattr__`, which is never asked for special "
        "methods: they are looked up on the class."
    )
    found = evidence.units.source_of(forward)
    lines = _ENTERED if use.role == "async with" else _WALKED
    return Finding(why, _forwarding(evidence, *found, lines) if found else None)


def _passes_on(evidence: Evidence, use: Use, forward: FunctionType) -> bool:
    """Whether asking `forward` would help: the user wrote it, or the object holds what has it."""
    special = _SPECIAL[use.role == "async with"][0]
    inner = [lookup(each, special) for each in use.info.members.values()] if use.info else []
    own = evidence.units.source_of(forward) is not None
    return own or any(each is not MISSING for each in inner)


#: The special methods that are asked for, and how they are passed on.
_SPECIAL = (("__aiter__",), ("__aenter__",))
_WALKED = "def __aiter__({own}):\n    return aiter({target})\n"
_ENTERED = (
    "async def __aenter__({own}):\n    return await {target}.__aenter__()\n\n"
    "async def __aexit__({own}, *error):\n    return await {target}.__aexit__(*error)\n"
)


@correction
def _forwarding(fixing: Fixing, unit: Unit, forward: Function, lines: str) -> None:
    """Add special methods that ask what ``__getattr__`` asks."""
    target = next(
        (
            call.args[0]
            for call in own_nodes(forward)
            if isinstance(call, ast.Call) and canonical_name(call.func) == "getattr" and call.args
        ),
        None,
    )
    if target is None:
        return
    text = lines.format(own=own_name(forward), target=unit.source.operand(target))
    fixing.of(unit).lines_before(forward, text)


def walked(evidence: Evidence) -> type | None:
    """The class of the operand whose ``__aiter__`` ran and gave the wrong thing."""
    use = evidence.use("async for", "argument")
    if use is None or use.info is None or not evidence.direct or use.lacks:
        return None
    at_loop = evidence.op == "GET_AITER"
    if not at_loop and not (use.role == "argument" and not use.certain):
        return None
    method = lookup(use.info.kind, "__aiter__")
    called = not is_real_instance(method, FunctionType) or takes(method, 0)
    return use.info.kind if method is not MISSING and called else None


def _walked_by(evidence: Evidence) -> tuple[type | None, FunctionType | None]:
    """The same, and its ``__aiter__``."""
    kind = walked(evidence)
    return kind, python_method(kind, "__aiter__")


def _async_aiter(evidence: Evidence) -> Finding | None:
    kind, function = _walked_by(evidence)
    if kind is None or function is None or not has_flag(function, inspect.CO_COROUTINE):
        return None
    why = (
        f"`{kind.__name__}.__aiter__` is `async def`, so it gives a coroutine; `async for` calls "
        "it without awaiting and needs the iterator at once."
    )
    found = evidence.units.source_of(function)
    return Finding(why, _plain_aiter(evidence, *found) if found else None)


#: What walks an object that is its own iterator.
_STEPS = """\
while True:
    try:
        item = await anext(self)
    except StopAsyncIteration:
        return
    yield item"""


@correction
def _plain_aiter(fixing: Fixing, unit: Unit, function: Function) -> None:
    """Without ``async``; if it awaits, an async generator, which does so at the first step."""
    if not any(isinstance(node, ast.Await) for node in own_nodes(function)):
        make_plain(fixing, unit, function)
        return
    if any(meant_to_yield(unit, function)):
        with_yield(fixing, unit, function)
        return
    for node in own_nodes(function):
        if not isinstance(node, ast.Return) or node.value is None:
            continue
        source = unit.source.source(node.value)
        if returns_self(function):
            text = _STEPS.replace("item", fresh(unit, "item")).replace("self", source)
            fixing.of(unit).replace(node, text.replace("\n", f"\n{unit.source.indent(node)}"))
        else:
            yield_each(fixing, unit, node, source)


def _sync_aiter(evidence: Evidence) -> Finding | None:
    kind, function = _walked_by(evidence)
    if kind is None or function is None:
        return None
    found = evidence.units.source_of(function)
    name = kind.__name__
    if has_flag(function, inspect.CO_GENERATOR):
        why = f"`{name}.__aiter__` is a plain generator, which has `__next__` and no `__anext__`."
        return Finding(why, made_async(evidence, found))
    if found is None or not returned_values(found[1]):
        return None
    if returns_self(found[1]):
        if lookup(kind, "__anext__") is not MISSING:
            return None
        why = f"`{name}.__aiter__` returns the object itself, and `{name}` has no `__anext__`."
        return Finding(why, _giving_items(evidence, kind, *found))
    return _wrong_result(evidence, kind, function, found)


@correction
def _giving_items(fixing: Fixing, kind: type, unit: Unit, function: Function) -> None:
    """``return self`` → ``return self.items()``, where that alone is what gives items."""
    methods = [each for each in vars(kind).values() if is_real_instance(each, FunctionType)]
    giving = [e for e in methods if has_flag(e, inspect.CO_ASYNC_GENERATOR)]
    giving = [each for each in giving if takes_only_its_object(each)]
    for node in own_nodes(function) if len(giving) == 1 else ():
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Name):
            fixing.of(unit).after(node.value, f".{giving[0].__name__}()")


def _wrong_result(
    evidence: Evidence, kind: type, function: FunctionType, found: Found
) -> Finding | None:
    name, result = kind.__name__, evidence.resolver.returned(function.__code__)
    if result is not None and is_async_iterable(result):
        return None
    if (method := _own_method(kind, found[1])) is not None:
        why = (
            f"`{name}.__aiter__` returns `{method.__name__}` itself, a function: only a call of "
            "it gives something to walk."
        )
        return Finding(why, _calling(evidence, *found, method))
    if (method := _own_method(kind, found[1], called=True)) is not None and has_flag(
        method, inspect.CO_COROUTINE
    ):
        why = (
            f"`{name}.__aiter__` returns a coroutine, that of `{method.__name__}`: `async for` "
            "does not await it, and needs the iterator at once."
        )
        return Finding(why, _awaiting(evidence, *found, method))
    why = f"What `{name}.__aiter__` returns has no `__anext__`: it must return an async iterator."
    walked = result is None or lookup(result.kind, "__iter__") is not MISSING
    return Finding(why, _yielding(evidence, *found) if walked else None)


@correction
def _awaiting(fixing: Fixing, unit: Unit, function: Function, method: FunctionType) -> None:
    """``return self._open()`` → an async generator over what that gives, when it is awaited."""
    inner = fixing.evidence.units.source_of(method)
    made = returned_values(inner[1]) if inner is not None else []
    own = [fixing.evidence.resolver.info(each) for each in made]
    streams = [name for name in map(callee_name, made) if _is_stream_method(unit, name)]
    if not made or not all(is_async_iterable(each) for each in own if each):
        return
    if len(streams) + len([each for each in own if each]) < len(made):
        return
    fixing.of(unit).before(function, "async ")
    for node in own_nodes(function):
        if isinstance(node, ast.Return) and node.value is not None:
            yield_each(fixing, unit, node, f"await {unit.source.source(node.value)}")


def _is_stream_method(unit: Unit, name: str) -> bool:
    """Whether the one function of that name in `unit` is an async generator function."""
    found = [each for each in unit.functions() if each.name == name]
    return (
        len(found) == 1 and isinstance(found[0], ast.AsyncFunctionDef) and is_generator(found[0])
    )


def _own_method(kind: type, function: Function, *, called: bool = False) -> FunctionType | None:
    """The method that `function` returns, and nothing else: ``return self._items``.

    Or, if `called`, the result of: ``return self._items()``.
    """
    values = returned_values(function)
    value = values[0] if len(values) == 1 else None
    if called:
        value = value.func if isinstance(value, ast.Call) else None
    if not isinstance(value, ast.Attribute) or last_name(value.value) != own_name(function):
        return None
    return python_method(kind, value.attr)


@correction
def _calling(fixing: Fixing, unit: Unit, function: Function, made: FunctionType) -> None:
    """``return self._items`` → ``return self._items()``, of an async generator function."""
    if not has_flag(made, inspect.CO_ASYNC_GENERATOR) or not takes(made, 0):
        return
    for node in own_nodes(function):
        if isinstance(node, ast.Return) and node.value is not None:
            fixing.of(unit).after(node.value, "()")


@correction
def _yielding(fixing: Fixing, unit: Unit, function: Function) -> None:
    """``return iter(xs)`` → an async generator that yields them."""
    edits = fixing.of(unit)
    edits.before(function, "async ")
    for node in own_nodes(function):
        if isinstance(node, ast.Return) and node.value is not None:
            value = node.value
            if isinstance(value, ast.Call) and callee_name(value) == "iter" and value.args:
                value = value.args[0]
            yield_each(fixing, unit, node, unit.source.source(value), "for")


def _no_aiter_result(evidence: Evidence) -> Finding | None:
    kind, function = _walked_by(evidence)
    if kind is None or function is None:
        return None
    result = evidence.resolver.returned(function.__code__)
    if result is None or result.kind is not NoneType or has_flag(function, inspect.CO_GENERATOR):
        return None
    why = f"`{kind.__name__}.__aiter__` returns None: it has to return the async iterator."
    found = evidence.units.source_of(function)
    if found is None or lookup(kind, "__anext__") is MISSING or returned_values(found[1]):
        return Finding(why)
    return Finding(why, returning_self(evidence, *found))


@correction
def returning_self(fixing: Fixing, unit: Unit, function: Function) -> None:
    """The method `function` of `unit` with ``return self`` at its end."""
    last, line = function.body[-1], f"return {own_name(function)}"
    if isinstance(last, ast.Pass):
        fixing.of(unit).replace(last, line)
    else:
        fixing.of(unit).lines_after(last, line)


def _exit_parameters(evidence: Evidence) -> Finding | None:
    """``async def __aexit__(self)``, which is called with three things."""
    block = evidence.node(ast.AsyncWith)
    call = evidence.node(ast.Call)
    if block is None and call is not None:
        around = evidence.unit.enclosing(call, ast.AsyncWith)  # it stands for it, from 3.12
        block = around if around and call in [each.context_expr for each in around.items] else None
    if block is None or not evidence.direct:
        return None
    for item in block.items:
        info = evidence.resolver.info(item.context_expr)
        function = python_method(info.kind, "__aexit__") if info is not None else None
        if function is None or takes(function, 3):
            continue
        found = evidence.units.source_of(function)
        if found is None:
            return None
        why = (
            f"`{function.__qualname__}` has other parameters than `async with` gives it at the "
            "end: beside `self` the kind of the error, the error and its traceback, or None "
            "three times."
        )
        return Finding(why, _with_parameters(evidence, *found))
    return None


@correction
def _with_parameters(fixing: Fixing, unit: Unit, function: Function) -> None:
    """Those that are missing, behind those that are there."""
    there = function.args.args
    if not 0 < len(there) < 4 or function.args.defaults or function.args.kwonlyargs:
        raise CannotFixError
    missing = ("kind", "error", "traceback")[len(there) - 1 :]
    names = [fixing.fresh(unit, each) for each in missing]
    fixing.of(unit).after(there[-1], "".join(f", {each}" for each in names))


RULES = (
    Rule(
        "plain-def-aenter",
        "`__aexit__` with other parameters",
        3,
        "`async with` awaits `__aenter__()` at its beginning, and at its end `__aexit__(kind, "
        "error, traceback)`, with None three times where nothing was raised.",
        _exit_parameters,
    ),
    Rule(
        "anext-without-aiter",
        "a class with `__anext__` and no `__aiter__`",
        1,
        "`async for` first calls `__aiter__`, even on an iterator. Add "
        "`def __aiter__(self): return self`.",
        _without_aiter,
    ),
    Rule(
        "aiter-on-the-instance",
        "`__aiter__` on the instance",
        1,
        "Special methods are looked up on the class, never on the instance, so "
        "`obj.__aiter__ = …` is not seen. Define `__aiter__` in the class.",
        _on_instance,
    ),
    Rule(
        "getattr-proxy-forwards-dunders",
        "a wrapper with `__getattr__`",
        1,
        "`__getattr__` is never consulted for special methods, which are looked up on the "
        "class. Define `__aiter__` (and `__anext__`) on the wrapper.",
        _proxy,
        before="wrong_with",
    ),
    Rule(
        "async-def-aiter",
        "`__aiter__` as `async def`",
        1,
        "`__aiter__` is a plain method that returns the async iterator immediately; only "
        "`__anext__` is awaited. Drop the `async` (or put a `yield` in it, which makes it an "
        "async generator).",
        _async_aiter,
    ),
    Rule(
        "aiter-returns-none",
        "`__aiter__` that returns nothing",
        1,
        "`__aiter__` has to return the iterator: end it with `return self`.",
        _no_aiter_result,
    ),
    Rule(
        "aiter-returns-sync-iterator",
        "`__aiter__` that returns an ordinary iterator",
        1,
        "`__aiter__` must return an object with `__anext__`. For data that is already there "
        "write `__aiter__` as an async generator: "
        "`async def __aiter__(self): for x in self.items: yield x`.",
        _sync_aiter,
    ),
)
