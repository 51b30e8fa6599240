"""Coroutines taken for something else: their result, a generator, a constructor, a callback."""

from __future__ import annotations

import ast
import asyncio
import inspect
from types import CoroutineType, FunctionType

from asyncrepl.explain.evidence import Evidence
from asyncrepl.explain.explanation import Finding, Fix
from asyncrepl.explain.fixing import CannotFix, Fixing, short
from asyncrepl.explain.hoisting import async_factory, header_end
from asyncrepl.explain.rule import Rule
from asyncrepl.explain.scopes import own_nodes
from asyncrepl.explain.units import Function, Unit
from asyncrepl.explain.uses import Use, callee_name
from asyncrepl.language.rewriting import Span
from asyncrepl.language.suspects import lookup

__all__ = ["RULES"]


def _await_it(evidence: Evidence, unit: Unit, node: ast.expr) -> Fix | None:
    fixing = Fixing(evidence)
    try:
        fixing.awaiting(unit, node)
    except CannotFix:
        return None
    return fixing.fix()


def _coroutine_function(value: object) -> bool:
    return isinstance(value, FunctionType) and inspect.iscoroutinefunction(value)


def _as_result(evidence: Evidence) -> Finding | None:
    node = _operand(evidence)
    if node is None:
        return None
    why = f"{short(evidence.unit, node)} is a coroutine; its result only exists after `await`."
    return Finding(why, _await_it(evidence, evidence.unit, node))


def _operand(evidence: Evidence) -> ast.expr | None:
    """The coroutine that was used as if it were its result."""
    if not evidence.direct:
        return None
    error = evidence.error
    if isinstance(error, AttributeError):
        if not isinstance(error.obj, CoroutineType) or not evidence.op.startswith("LOAD_"):
            return None
        found = [node for node in evidence.nodes if isinstance(node, ast.Attribute)]
        return next((node.value for node in found if node.attr == error.name), None)
    for use in evidence.uses:
        if use.role in ("index", "operand", "in") and use.kind is CoroutineType:
            return use.node
        if use.role == "argument" and use.kind is CoroutineType and callee_name(use.owner) == "len":
            return use.node
    return None


def _driven(evidence: Evidence) -> Finding | None:
    for use in evidence.uses:
        call = use.owner
        if use.role == "argument" and use.kind is CoroutineType and evidence.direct:
            if isinstance(call, ast.Call) and callee_name(call) == "next":
                return Finding(_why_driven(evidence.unit, use.node), _awaited(evidence, call, use))
    return _sent(evidence)


def _why_driven(unit: Unit, node: ast.expr) -> str:
    return f"{short(unit, node)} is a coroutine: the event loop drives it when it is awaited."


def _awaited(evidence: Evidence, call: ast.Call, use: Use) -> Fix | None:
    fixing, unit = Fixing(evidence), evidence.unit
    fixing.of(unit).replace(call, f"await {unit.source.source(use.node)}")
    try:
        fixing.suspending(unit, call)
    except CannotFix:
        return None
    return fixing.fix()


def _sent(evidence: Evidence) -> Finding | None:
    """``coro.send(None)`` by hand, which fails inside as soon as it needs the loop."""
    for site in evidence.sites:
        call = site.node(ast.Call)
        if call is None or callee_name(call) != "send" or not isinstance(call.func, ast.Attribute):
            continue
        resolver = type(evidence.resolver).of_frame(evidence.units, site.frame)
        facts = resolver.facts(call.func.value)
        if facts is not None and facts.kind is CoroutineType:
            return Finding(_why_driven(site.unit, call.func.value))
    return None


def _async_init(evidence: Evidence) -> Finding | None:
    use = evidence.use("called")
    made = use.facts.value if use and use.facts else None
    if not evidence.direct or not isinstance(made, type):
        return None
    init = lookup(made, "__init__")
    if not isinstance(init, FunctionType) or not _coroutine_function(init):
        return None
    why = (
        f"`{made.__name__}.__init__` is `async def`, and a constructor must be done at once: "
        "await in a factory method."
    )
    found = evidence.units.definition(init.__code__)
    return Finding(why, _factory(evidence, *found) if found else None)


def _factory(evidence: Evidence, unit: Unit, function: Function) -> Fix | None:
    fixing = Fixing(evidence)
    try:
        async_factory(fixing, unit, function)
        if evidence.unit not in (unit, *evidence.callers):
            _calls_factory(fixing, evidence, unit, function)
    except CannotFix:
        return None
    return fixing.fix()


def _calls_factory(fixing: Fixing, evidence: Evidence, unit: Unit, function: Function) -> None:
    owner = unit.parents[function]
    assert isinstance(owner, ast.ClassDef)
    for call in evidence.unit.nodes(ast.Call):
        if isinstance(call.func, ast.Name) and call.func.id == owner.name:
            fixing.of(evidence.unit).after(call.func, ".create")
            fixing.awaiting(evidence.unit, call)


def _sync_protocol(evidence: Evidence) -> Finding | None:
    if not evidence.direct:
        return None
    for use in evidence.uses:
        name = {"for": "__iter__", "star": "__iter__", "with": "__enter__"}.get(use.role)
        if use.role == "argument" and callee_name(use.owner) in _DUNDERS:
            name = _DUNDERS[callee_name(use.owner)]
        function = lookup(use.kind, name) if use.kind and name else None
        if isinstance(function, FunctionType) and _coroutine_function(function):
            why = (
                f"`{use.kind.__name__ if use.kind else ''}.{name}` is `async def`: this protocol "
                "calls it synchronously and gets a coroutine."
            )
            return Finding(why, _other_protocol(evidence, use, function))
    return None


_DUNDERS = {
    "len": "__len__", "list": "__iter__", "tuple": "__iter__", "sum": "__iter__",
    "iter": "__iter__", "set": "__iter__", "sorted": "__iter__", "str": "__str__",
    "repr": "__repr__", "int": "__int__", "bool": "__bool__", "float": "__float__",
}  # fmt: skip


def _other_protocol(evidence: Evidence, use: Use, function: FunctionType) -> Fix | None:
    fixing, unit = Fixing(evidence), evidence.unit
    if use.role == "argument" and isinstance(use.owner, ast.Call) and use.role != "for":
        name = function.__name__
        if name != "__iter__":
            text = f"await {unit.source.source(use.node)}.{name}()"
            fixing.of(unit).replace(use.owner, text)
            fixing.suspending(unit, use.owner)
            return fixing.fix()
    found = evidence.units.definition(function.__code__)
    if use.role != "for" or found is None or function.__name__ != "__iter__":
        return None
    fixing.loop_async(unit, use.owner)
    _as_aiter(fixing, *found)
    return fixing.fix()


def _as_aiter(fixing: Fixing, unit: Unit, function: Function) -> None:
    """``async def __iter__`` that returns an iterator → an async generator ``__aiter__``."""
    edits, end = fixing.of(unit), header_end(unit, function)
    edits.replace(Span(end - len("__iter__"), end), "__aiter__")
    for node in own_nodes(function):
        if isinstance(node, ast.Return) and node.value is not None:
            by = unit.source.indent(node)
            text = f"for item in {unit.source.source(node.value)}:\n{by}    yield item"
            edits.replace(node, text)


def _callback(evidence: Evidence) -> Finding | None:
    calls = [node for node in evidence.nodes if isinstance(node, ast.Call)]
    call = calls[0] if calls and evidence.direct else None
    if call is None or callee_name(call) not in ("sorted", "min", "max", "sort", "reduce"):
        return None
    key = next((each for each in call.keywords if each.arg == "key"), None)
    function = evidence.resolver.value(key.value) if key else None
    if key is None or not _coroutine_function(function):
        return None
    unit = evidence.unit
    why = (
        f"`{callee_name(call)}` calls {short(unit, key.value)} synchronously and compares "
        "coroutines: compute the keys first."
    )
    return Finding(why, _keys_first(evidence, call, key))


def _keys_first(evidence: Evidence, call: ast.Call, key: ast.keyword) -> Fix | None:
    if len(call.args) != 1 or not isinstance(call.func, ast.Name):
        return None
    unit, fixing = evidence.unit, Fixing(evidence)
    source, function = unit.source.source(call.args[0]), unit.source.source(key.value)
    line = f"keys = {{item: await {function}(item) for item in {source}}}"
    fixing.of(unit).lines_before(unit.statement(call), line)
    fixing.of(unit).replace(call.args[0], "keys")
    fixing.of(unit).replace(key.value, "keys.get")
    try:
        fixing.suspending(unit, call)
    except CannotFix:
        return None
    return fixing.fix()


def _legacy(evidence: Evidence) -> Finding | None:
    unit = evidence.unit
    error = evidence.error
    if isinstance(error, AttributeError):
        if error.obj is not asyncio or error.name != "coroutine" or not evidence.direct:
            return None
        function = unit.enclosing(evidence.nodes[-1], ast.FunctionDef) if evidence.nodes else None
        why = "`@asyncio.coroutine` is gone since Python 3.11: write `async def` and `await`."
    else:
        use = evidence.use("yield from")
        if use is None or use.kind is not CoroutineType or not evidence.direct:
            return None
        function = unit.enclosing(use.node, ast.FunctionDef)
        why = f"A plain generator cannot `yield from` a coroutine: `await` {short(unit, use.node)}."
    return Finding(why, _modern(evidence, function) if function else None)


def _modern(evidence: Evidence, function: ast.FunctionDef) -> Fix | None:
    unit, fixing = evidence.unit, Fixing(evidence)
    edits = fixing.of(unit)
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Attribute) and decorator.attr == "coroutine":
            start = unit.source.line_start(unit.source.span(decorator).start)
            edits.replace(Span(start, unit.text.index("\n", start) + 1), "")
    edits.before(function, "async ")
    for node in own_nodes(function):
        if isinstance(node, ast.YieldFrom):
            edits.replace(node, f"await {unit.source.source(node.value)}")
    return fixing.fix()


def _at_prompt(evidence: Evidence) -> Finding | None:
    use = evidence.use("value")
    if use is None or use.kind is not CoroutineType or not isinstance(use.node, ast.Call):
        return None
    if callee_name(use.node) in ("anext", "__anext__", "asend"):
        return None
    why = (
        f"{short(evidence.unit, use.node)} only makes a coroutine: nothing of it runs before "
        "it is awaited."
    )
    return Finding(why, _await_it(evidence, evidence.unit, use.node))


def _step_at_prompt(evidence: Evidence) -> Finding | None:
    use = evidence.use("value")
    steps = ("anext", "__anext__", "asend")
    if use is None or not isinstance(use.node, ast.Call) or callee_name(use.node) not in steps:
        return None
    text = short(evidence.unit, use.node)
    why = f"{text} only makes the awaitable of one step: nothing runs before it is awaited."
    return Finding(why, _await_it(evidence, evidence.unit, use.node))


RULES = (
    Rule(
        "async-init",
        "`async def __init__`",
        3,
        "`__init__` must return None at once. Do the awaiting in an async factory "
        "(`@classmethod async def create`) or in `__aenter__`.",
        _async_init,
    ),
    Rule(
        "async-sync-protocol-methods",
        "a method of a synchronous protocol as `async def`",
        3,
        "`for`, `len`, `str`, `in`, `with` call their methods synchronously and get a coroutine "
        "object. Use the async protocols (`__aiter__` and `__anext__`, `__aenter__` and "
        "`__aexit__`) or a normal awaited method.",
        _sync_protocol,
    ),
    Rule(
        "legacy-generator-coroutine",
        "a coroutine written as a generator",
        3,
        "`@asyncio.coroutine` is gone since Python 3.11; a plain generator cannot `yield from` "
        "a coroutine. Write `async def` and `await`.",
        _legacy,
        errors=(AttributeError, TypeError),
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
        "coroutine-driven-like-a-generator",
        "a coroutine driven by hand",
        3,
        "Coroutines are driven by the event loop: `await coro` (or make a task). `next(coro)` "
        "does not exist, and `send` by hand only works for what needs no event loop.",
        _driven,
        errors=(TypeError, RuntimeError),
    ),
    Rule(
        "coroutine-used-as-its-result",
        "a coroutine used as its result",
        5,
        "The call gives a coroutine object; `await` gives the result: `(await fetch()).name`.",
        _as_result,
        errors=(AttributeError, TypeError),
    ),
    Rule(
        "anext-without-await",
        "`anext` without `await`",
        3,
        "`anext` only creates the awaitable of one step; nothing runs until it is awaited: "
        "`await anext(gen)`.",
        _step_at_prompt,
        "value",
    ),
    Rule(
        "prompt-call-without-await",
        "a call of an async function without `await`",
        5,
        "At an async prompt type `await main()`; `main()` only shows a coroutine object.",
        _at_prompt,
        "value",
    ),
)
