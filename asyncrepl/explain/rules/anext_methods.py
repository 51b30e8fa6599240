"""Classes whose ``__anext__`` is not there, gives what cannot be awaited, or never ends."""

from __future__ import annotations

import ast
import builtins
import inspect
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import MISSING, code_of, lookup
from asyncrepl.explain.bindings import has_flag, python_method, returns_self, takes
from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, corrected, correction, replaced, short
from asyncrepl.explain.hoisted_code import make_plain, put_head
from asyncrepl.explain.protocol_code import stop_asynchronously
from asyncrepl.explain.repairs.repair_case import made_async
from asyncrepl.explain.rules.aiter_methods import method, on_instance, walked
from asyncrepl.explain.rules.iteration_end import NEXT_CALLS
from asyncrepl.explain.rules.missing_streams import falls_through
from asyncrepl.explain.rules.operand_rules import ANY, Told, row
from asyncrepl.explain.scopes import behind_call, own_nodes
from asyncrepl.explain.value_origins import bound_by, called, reached_functions, stepped_source
from asyncrepl.syntax.names import callee_name, canonical_name
from asyncrepl.syntax.source_rewriter import Span

if TYPE_CHECKING:
    from types import FunctionType

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.operand_uses import Use
    from asyncrepl.explain.source_units import Function, Unit

_END = "StopAsyncIteration"
_LOOPS = ast.For | ast.AsyncFor | ast.While


def _stepped(evidence: Evidence) -> tuple[type, FunctionType] | None:
    """The iterator's class and its ``__anext__`` that gave nothing one can await."""
    use = evidence.use("async for", "await")
    if use is None or not evidence.direct:
        return None
    if use.role == "await":
        kind = _asked_kind(evidence, use)
    else:
        walks = evidence.op == "GET_ANEXT" and use.info is not None
        kind = _iterator_kind(evidence, use.info.kind) if walks and use.info else None
    step = python_method(kind, "__anext__")
    return (kind, step) if kind and step and takes(step, 0) else None


def _asked_kind(evidence: Evidence, use: Use) -> type | None:
    """The class of what was asked for a step, by ``anext``, that is awaited."""
    made = called(evidence, evidence.unit, use.node)
    source = stepped_source(made[1]) if made and callee_name(made[1]) in NEXT_CALLS else None
    info = evidence.resolver.info(source) if source is not None else None
    return info.kind if info is not None else None


def _who(evidence: Evidence) -> str:
    return "`await`" if evidence.use("await") else "`async for`"


def _iterator_kind(evidence: Evidence, kind: type) -> type | None:
    """The class of what ``__aiter__`` returns: mostly the class itself."""
    function = python_method(kind, "__aiter__")
    found = evidence.units.source_of(function)
    if found is None or returns_self(found[1]):
        return kind
    result = evidence.resolver.returned(code_of(function))
    return result.kind if result else None


def _plain_anext(evidence: Evidence) -> Finding | None:
    found = _stepped(evidence)
    if found is None or found[1].__code__.co_flags & inspect.CO_ASYNC_GENERATOR:
        return None
    kind, step = found
    if has_flag(step, inspect.CO_COROUTINE) or _broken(evidence, kind, step) is not None:
        return None
    why = (
        f"`{kind.__name__}.__anext__` is a plain `def` and returns the value itself; "
        f"{_who(evidence)} needs something to await."
    )
    return Finding(why, made_async(evidence, evidence.units.source_of(step)))


def _yielding_anext(evidence: Evidence) -> Finding | None:
    found = _stepped(evidence)
    if found is None or not has_flag(found[1], inspect.CO_ASYNC_GENERATOR):
        return None
    kind, step = found
    why = (
        f"`{kind.__name__}.__anext__` yields, which makes it an async generator: it must "
        "return one item a call."
    )
    written = evidence.units.source_of(step)
    if written is None:
        return Finding(why)
    repair = _returning if _gives_one_a_call(*written) else _moved_to_aiter
    return Finding(why, repair(evidence, *written))


def _gives_one_a_call(unit: Unit, function: Function) -> bool:
    """Whether it ends the iteration itself, and each ``yield`` is its last statement but for that.

    Moved to ``__aiter__``, it would give one item and end, where the user's loop is the caller's.
    """
    yields = [node for node in own_nodes(function) if isinstance(node, ast.Yield)]
    looped = any(isinstance(each, _LOOPS) for node in yields for each in unit.ancestors(node))
    alone = all(isinstance(unit.parents.get(node), ast.Expr) for node in yields)
    return _ends(function) and alone and not looped


@correction
def _returning(fixing: Fixing, unit: Unit, function: Function) -> None:
    """``yield item`` → ``return item``."""
    for node in own_nodes(function):
        if isinstance(node, ast.Yield):
            start = unit.source.span(node).start
            fixing.of(unit).replace(Span(start, start + len("yield")), "return")


@correction
def _moved_to_aiter(fixing: Fixing, unit: Unit, function: Function) -> None:
    owner = unit.enclosing(function, ast.ClassDef)
    old = method(owner, "__aiter__") if owner else None
    use = fixing.evidence.use("await")
    made = called(fixing.evidence, fixing.evidence.unit, use.node) if use is not None else None
    source = stepped_source(made[1]) if made is not None else None
    if made is not None and source is not None:
        fixing.of(made[0]).replace(made[1], f"anext(aiter({made[0].source.source(source)}))")
    edits = fixing.of(unit)
    put_head(fixing, unit, function, "async def __aiter__")
    if old is not None:
        edits.remove(old)
    for node in own_nodes(function):  # which a generator may not raise
        if isinstance(node, ast.Raise) and is_end(node.exc):
            edits.replace(node, "return")


def is_end(raised: ast.expr | None) -> bool:
    """Whether what is `raised`, or returned, is the end of an asynchronous iteration."""
    return canonical_name(behind_call(raised)) == _END


def _broken(evidence: Evidence, kind: type, step: FunctionType) -> type | None:
    """The class with an ``__await__`` of which ``__anext__`` returns an instance."""
    found = evidence.units.source_of(step)
    if found is not None and returns_self(found[1]):
        return kind if lookup(kind, "__await__") is not MISSING else None
    result = evidence.resolver.returned(step.__code__)
    if result is None or lookup(result.kind, "__await__") is MISSING:
        return None
    return result.kind


def _broken_awaitable(evidence: Evidence) -> Finding | None:
    found = _stepped(evidence)
    kind = _broken(evidence, *found) if found else None
    function = python_method(kind, "__await__")
    cause = evidence.error.__cause__ if evidence.error else None
    if kind is None or function is None or not isinstance(cause, TypeError | None):
        return None  # with another cause `__await__` itself raised
    why = (
        f"`{kind.__name__}.__await__` must return an iterator: {_who(evidence)} awaits what "
        "`__anext__` returns."
    )
    step = evidence.units.source_of(found[1] if found else None)
    written = evidence.units.source_of(function)
    ends = step is not None and _ends(step[1])  # else a loop over it would never do so
    return Finding(why, _iterating(evidence, *written) if ends and written is not None else None)


def _ends(function: Function) -> bool:
    """Whether ``__anext__`` can end the loop."""
    return any(canonical_name(node) == _END for node in own_nodes(function))


@correction
def _iterating(fixing: Fixing, unit: Unit, function: Function) -> None:
    """``return [1]`` in ``__await__`` → a generator that returns the value."""
    make_plain(fixing, unit, function)
    fixing.of(unit).lines_after(function.body[-1], "yield")


def step_method(evidence: Evidence) -> tuple[Unit, Function, str] | None:
    """The ``__anext__`` of what is walked, and how it is called."""
    use = evidence.use("seen")
    step = python_method(use.kind if use is not None else None, "__anext__")
    found = evidence.units.source_of(step)
    return (*found, step.__qualname__) if step is not None and found is not None else None


def _returned(evidence: Evidence) -> Finding | None:
    found = step_method(evidence)
    if found is None:
        return None
    unit, function, name = found
    returns = [node for node in own_nodes(function) if isinstance(node, ast.Return)]
    wrong = [node for node in returns if is_end(node.value)]
    if not wrong:
        return None
    raised = [(node, "raise" + unit.source.source(node).removeprefix("return")) for node in wrong]
    why = f"`{name}` returns {_END}: the loop takes it for an item and goes on. It is raised."
    return Finding(why, replaced(evidence, unit, *raised))


def _without_end(evidence: Evidence) -> Finding | None:
    found = step_method(evidence)
    if found is None:
        return None
    unit, function, name = found
    nodes = list(own_nodes(function))
    if any(isinstance(each, ast.Raise | ast.AsyncFor) for each in nodes):
        return None
    calls = [each for each in nodes if isinstance(each, ast.Call)]
    if not all(map(_is_harmless, calls)) or _may_raise_end(evidence, unit, function):
        return None  # what it calls may raise the end, or wait for what is to come
    if calls and not _goes_on(evidence):
        return None
    return none_at_the_end(evidence, unit, function, name)


#: What a method is called that asks or changes a collection.
_ASKING = {"append", "pop", "popleft", "get", "keys", "values", "items", "copy", "clear"}


def _is_harmless(call: ast.Call) -> bool:
    """Whether what it calls waits for nobody, and ends no iteration."""
    if isinstance(call.func, ast.Name):
        return hasattr(builtins, call.func.id) and call.func.id not in NEXT_CALLS
    return callee_name(call) in _ASKING or canonical_name(call.func) == "asyncio.sleep"


def _goes_on(evidence: Evidence) -> bool:
    """Whether nothing in the loop ends it, or asks about its items, of which None may be one."""
    seen, unit = evidence.seen_node, evidence.unit
    loop = unit.parents.get(seen) if seen is not None else None
    if not isinstance(loop, ast.AsyncFor) or unit.enclosing(loop, ast.AsyncWith) is not None:
        return False
    nodes = [node for part in loop.body for node in ast.walk(part)]
    ways = (
        ast.Break,
        ast.Return,
        ast.Raise,
        ast.BoolOp,
        ast.Compare,
        ast.IfExp,
        ast.If,
        ast.Match,
    )
    calls = [each for each in nodes if isinstance(each, ast.Call)]
    kept = any(isinstance(each.func, ast.Attribute) and each.args for each in calls)
    own = any(any(evidence.units.functions(callee_name(each))) for each in calls)
    return not (kept or own or any(isinstance(each, ways) for each in nodes))


def _gave_none(evidence: Evidence) -> Finding | None:
    """The None that the loop has given, where it was used as an item."""
    unit = evidence.unit
    for node in ast.walk(evidence.nodes[-1]) if evidence.nodes and evidence.direct else ():
        loop = bound_by(unit, node)
        if not isinstance(loop, ast.AsyncFor) or not isinstance(node, ast.Name):
            continue
        info = evidence.resolver.info(loop.iter)
        step = python_method(_iterator_kind(evidence, info.kind), "__anext__") if info else None
        found = evidence.units.source_of(step)
        if step is None or found is None or evidence.resolver.value(node) is not None:
            continue
        if not _may_raise_end(evidence, *found):
            return none_at_the_end(evidence, *found, step.__qualname__)
    return None


def _may_raise_end(evidence: Evidence, unit: Unit, function: Function) -> bool:
    """Whether its class, or what it calls, names the end, or walks another iterator."""
    owner = unit.enclosing(function, ast.ClassDef)
    reached = [each for _, each in reached_functions(evidence, unit, function)]
    inside = [node for each in (owner, *reached) if each for node in ast.walk(each)]
    steps = {callee_name(each) for each in ast.walk(function)} & {"anext", "__anext__"}
    return bool(steps) or any(canonical_name(each) == _END for each in inside)


def none_at_the_end(
    evidence: Evidence, unit: Unit, function: Function, name: str
) -> Finding | None:
    """The finding for the `function` called `name`, an ``__anext__``, if it ends with None."""
    nodes = list(own_nodes(function))
    returns = [node for node in nodes if isinstance(node, ast.Return)]
    empty = [node for node in returns if _is_none(node.value)]
    falls = falls_through(function.body)
    if len(empty) == len(returns) or not (empty or falls):
        return None
    fixing = Fixing(evidence)
    for node in empty:
        fixing.of(unit).replace(node, f"raise {_END}")
    if falls:
        fixing.of(unit).lines_after(function.body[-1], f"raise {_END}")
    why = (
        f"`{name}` returns None when it has nothing more, and None is an item like any other: "
        f"only {_END} ends the loop."
    )
    return Finding(why, fixing.fix())


def _is_none(value: ast.expr | None) -> bool:
    return value is None or (isinstance(value, ast.Constant) and value.value is None)


_NEXT = ("__next__", "next", "anext", "_anext", "_anext_")


def _next_method(evidence: Evidence) -> Finding | None:
    kind, use = walked(evidence), evidence.use("argument")
    stepped = kind is None and use is not None and callee_name(use.owner) == "anext"
    kind = use.kind if stepped and use is not None and evidence.direct else kind
    if kind is None or lookup(kind, "__anext__") is not MISSING:
        return None
    step = next(filter(None, (python_method(kind, name) for name in _NEXT)), None)
    if step is None or (stepped and not has_flag(step, inspect.CO_COROUTINE)):
        return None
    why = (
        f"`{kind.__name__}` has `{step.__name__}` where `async for` calls `__anext__`, and awaits "
        "what it returns."
    )
    found = evidence.units.source_of(step)
    return Finding(why, corrected(evidence, as_anext, *found) if found is not None else None)


def as_anext(fixing: Fixing, unit: Unit, function: Function) -> None:
    """``async def __anext__`` of `function`, a method that gives the items."""
    put_head(fixing, unit, function, "async def __anext__")
    stop_asynchronously(fixing, unit, function)


def _instance_anext(evidence: Evidence) -> Finding | None:
    kind = walked(evidence)
    if kind is None or lookup(kind, "__anext__") is not MISSING:
        return None
    for unit, owner in filter(None, map(evidence.units.class_of, kind.__mro__)):
        for node in ast.walk(owner):
            target = node.targets[0] if isinstance(node, ast.Assign) else None
            if isinstance(target, ast.Attribute) and target.attr == "__anext__":
                why = (
                    f"`__anext__` is set on the instance, but it is looked up on the class "
                    f"`{kind.__name__}`."
                )
                return Finding(why, _method_for(evidence, unit, owner, target))
    use = evidence.use("async for", "argument")
    if use is None or use.info is None or "__anext__" not in use.info.members:
        return None
    return Finding(on_instance(short(evidence.unit, use.node), "__anext__", kind))


def _of_instance(told: Told) -> str:
    """What is said of a special method that the instance alone has; "" where it has none."""
    info, needs = told.info, told.demand.needs
    own = next((name for name in needs if info is not None and name in info.members), None)
    return on_instance(told.text, own, info.kind) if own and info is not None else ""


@correction
def _method_for(fixing: Fixing, unit: Unit, owner: ast.ClassDef, target: ast.Attribute) -> None:
    name, before = fixing.fresh_attribute("_step"), method(owner, "__aiter__")
    if before is None:
        return
    fixing.of(unit).replace(target, f"{unit.source.source(target.value)}.{name}")
    fixing.of(unit).lines_before(before, f"def __anext__(self):\n    return self.{name}()")


RULES = (
    Rule(
        "yield-inside-anext",
        "`yield` in `__anext__`",
        3,
        "`__anext__` returns one item per call; with `yield` it becomes an async generator "
        "function. Use `return`, or put the `yield`s in `__aiter__` instead.",
        _yielding_anext,
    ),
    Rule(
        "anext-returns-broken-awaitable",
        "`__anext__` that returns a broken awaitable",
        3,
        "`__await__` must return an iterator (usually `return self.work().__await__()` or a "
        "generator). `async for` reports the failure as an invalid object from `__anext__`.",
        _broken_awaitable,
    ),
    Rule(
        "plain-def-anext",
        "`__anext__` as a plain method",
        3,
        "`__anext__` must return an awaitable; `async for` awaits it. Make it "
        "`async def __anext__`.",
        _plain_anext,
    ),
    Rule(
        "return-stopasynciteration",
        "StopAsyncIteration returned instead of raised",
        6,
        "`return StopAsyncIteration` makes it an item. The end is an exception: "
        "`raise StopAsyncIteration`.",
        _returned,
        sees="walked",
    ),
    Rule(
        "anext-never-stops",
        "`__anext__` that returns None at the end",
        6,
        "None is an item like any other; only `raise StopAsyncIteration` ends the loop.",
        _without_end,
        sees="walked",
    ),
    Rule(
        "anext-never-stops",
        "an item that is None, since `__anext__` never stops",
        6,
        "None is an item like any other; only `raise StopAsyncIteration` ends the loop.",
        _gave_none,
        errors=(TypeError, AttributeError),
    ),
    Rule(
        "anext-on-the-instance",
        "`__anext__` on the instance",
        2,
        "`__anext__` is looked up on the class of the iterator. Define it as a method, or let "
        "`__aiter__` be an async generator.",
        _instance_anext,
    ),
    row(
        "anext-on-the-instance",
        "a special method on the instance",
        2,
        "The interpreter looks special methods up on the class, never on the instance. Define it "
        "as a method of the class.",
        "async step | async enter | await",
        ANY,
        _of_instance,
        lambda told: bool(_of_instance(told)),
        lambda _: None,
    ),
    Rule(
        "next-instead-of-anext",
        "`__next__` in an async iterator",
        2,
        "Async iterators implement `async def __anext__` and end with StopAsyncIteration; "
        "`__next__` is for plain `for`.",
        _next_method,
    ),
)
