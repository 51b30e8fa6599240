"""Taking items one by one, or by number, from what gives them asynchronously."""

from __future__ import annotations

import ast
from types import AsyncGeneratorType
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, Fix
from asyncrepl.explain.fixing import CannotFixError, Fixing, async_walks, awaits_of, short
from asyncrepl.explain.resolving import is_async_iterable
from asyncrepl.explain.rule import Rule
from asyncrepl.explain.walking import a, defined
from asyncrepl.syntax.names import callee_name

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.units import Unit
    from asyncrepl.explain.uses import Use

__all__ = ["RULES"]

_WITH_A = {"send": "asend", "throw": "athrow", "close": "aclose"}
_STEPS = ("next", "__next__")
_COLLECTORS = ("to_list", "tolist", "list", "collect", "as_list", "values", "all")
_NEXT = ("anext", "get_next", "next_item")
_ITER = ("aiter", "iter", "__iter__")


def _argument(evidence: Evidence, callee: str) -> Use | None:
    """The first argument of a direct call of the builtin `callee`."""
    if not evidence.direct:
        return None
    for use in evidence.uses:
        call = use.owner
        if use.role == "argument" and isinstance(call, ast.Call) and callee_name(call) == callee:
            return use if call.args and call.args[0] is use.node and use.info else None
    return None


def _renamed(evidence: Evidence, call: ast.Call, name: str, *, awaited: bool = True) -> Fix | None:
    fixing, unit = Fixing(evidence), evidence.unit
    fixing.of(unit).replace(call.func, name)
    try:
        if awaited and not awaits_of(unit, call):
            fixing.awaiting(unit, call)
    except CannotFixError:
        return None
    return fixing.fix()


def _next(evidence: Evidence) -> Finding | None:
    use = _argument(evidence, "next")
    if use is None or use.info is None or not is_async_iterable(use.info):
        return None
    assert isinstance(use.owner, ast.Call)
    text = short(evidence.unit, use.node)
    why = f"{text} is {a(use)}: it has no `__next__`, its next item comes from `await anext(…)`."
    return Finding(why, _renamed(evidence, use.owner, "anext"))


def _iter(evidence: Evidence) -> Finding | None:
    use = _argument(evidence, "iter")
    if use is None or use.info is None or not is_async_iterable(use.info):
        return None
    assert isinstance(use.owner, ast.Call)
    why = (
        f"{short(evidence.unit, use.node)} is {a(use)} and has no `__iter__`: the counterpart "
        "of `iter` is `aiter`."
    )
    return Finding(why, _renamed(evidence, use.owner, "aiter", awaited=False))


def _anext(evidence: Evidence) -> Finding | None:
    use = _argument(evidence, "anext")
    if use is None or use.info is None or defined(use.info, "__anext__"):
        return None
    unit, text, fixing = evidence.unit, short(evidence.unit, use.node), Fixing(evidence)
    if is_async_iterable(use.info):
        fixing.of(unit).before(use.node, "aiter(")
        fixing.of(unit).after(use.node, ")")
        why = f"{text} has `__aiter__` but no `__anext__`: `aiter` gives the iterator to step."
        return Finding(why, fixing.fix())
    if not defined(use.info, "__iter__") and not defined(use.info, "__next__"):
        return None
    why = f"{text} is {a(use)}, not an async iterator: `next` takes its items, and nothing waits."
    return Finding(why, _next_instead(evidence, use))


def _next_instead(evidence: Evidence, use: Use) -> Fix | None:
    """``await anext(xs)`` → ``next(iter(xs))``."""
    unit, fixing, call = evidence.unit, Fixing(evidence), use.owner
    assert isinstance(call, ast.Call)
    text = unit.source.source(use.node)
    operand = text if defined(use.info, "__next__") else f"iter({text})"
    rest = "".join(f", {unit.source.source(each)}" for each in call.args[1:])
    _instead_of_awaiting(fixing, unit, call, f"next({operand}{rest})")
    return fixing.fix()


def _instead_of_awaiting(fixing: Fixing, unit: Unit, call: ast.Call, text: str) -> None:
    """Put `text` in the place of `call`, which was awaited and is not to be any more."""
    edits = fixing.of(unit)
    for each in awaits_of(unit, call):
        if each.value is call:
            edits.replace(each, text)
            return
        edits.replace(each, unit.source.source(each.value))
    edits.replace(call, text)


def _aiter(evidence: Evidence) -> Finding | None:
    use = _argument(evidence, "aiter")
    if use is None or use.info is None or is_async_iterable(use.info):
        return None
    if not defined(use.info, "__iter__"):
        return None
    unit, fixing = evidence.unit, Fixing(evidence)
    statement = unit.statement(use.node)
    name = fixing.fresh(unit, "as_async")
    lines = f"async def {name}(xs):\n    for x in xs:\n        yield x\n"
    fixing.of(unit).lines_before(statement, lines)
    fixing.of(unit).replace(use.node, f"{name}({unit.source.source(use.node)})")
    why = f"`aiter` does not convert: {short(unit, use.node)} is {a(use)} and has no `__aiter__`."
    return Finding(why, fixing.fix())


def _sequence(evidence: Evidence) -> Finding | None:
    use = evidence.use("index") or _argument(evidence, "len") or _argument(evidence, "reversed")
    if use is None or not evidence.direct or use.info is None:
        return None
    if not is_async_iterable(use.info) or defined(use.info, "__getitem__"):
        return None
    text = short(evidence.unit, use.node)
    why = f"{text} is {a(use)}: it knows neither its length nor its items before they are made."
    return Finding(why, _sequence_fix(evidence, use))


def _sequence_fix(evidence: Evidence, use: Use) -> Fix | None:
    unit, fixing = evidence.unit, Fixing(evidence)
    whole = use.owner
    index = whole.slice if isinstance(whole, ast.Subscript) else None
    try:
        if isinstance(index, ast.Constant) and index.value == 0 and isinstance(whole, ast.expr):
            fixing.of(unit).replace(whole, f"await anext({unit.source.source(use.node)})")
            fixing.suspending(unit, whole)
            return fixing.fix()
        fixing.collected(unit, use.node)
        for loop in async_walks(unit, whole) if isinstance(whole, ast.expr) else ():
            fixing.loop_plain(unit, loop)
    except CannotFixError:
        return None
    return fixing.fix()


def _contains(evidence: Evidence) -> Finding | None:
    use = evidence.use("in")
    if use is None or not evidence.direct or use.info is None:
        return None
    if not is_async_iterable(use.info) or evidence.op != "CONTAINS_OP":
        return None
    fixing = Fixing(evidence)
    why = f"`in` walks synchronously, and {short(evidence.unit, use.node)} is {a(use)}."
    try:
        fixing.collected(evidence.unit, use.node)
    except CannotFixError:
        return Finding(why)
    return Finding(why, fixing.fix())


def _attribute(evidence: Evidence) -> ast.Attribute | None:
    """The attribute an async generator was asked for and has not."""
    error = evidence.error
    if not isinstance(error, AttributeError) or not evidence.direct:
        return None
    if not isinstance(error.obj, AsyncGeneratorType) or not evidence.op.startswith("LOAD_"):
        return None
    found = [node for node in evidence.nodes if isinstance(node, ast.Attribute)]
    found = found or [
        node.func
        for node in evidence.nodes
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]
    return next((node for node in found if node.attr == error.name), None)


def _methods(evidence: Evidence) -> Finding | None:
    node = _attribute(evidence)
    call = evidence.unit.parents.get(node) if node else None
    if node is None or node.attr not in {*_WITH_A, *_STEPS}:
        return None
    text = short(evidence.unit, node.value)
    why = f"{text} is an async generator: its methods are `asend`, `athrow` and `aclose`, awaited."
    if not isinstance(call, ast.Call):
        return Finding(why)
    if node.attr in _STEPS:
        return Finding(why, _as_function(evidence, call, node, "anext"))
    source = evidence.unit.source.source(node.value)
    return Finding(why, _renamed(evidence, call, f"{source}.{_WITH_A[node.attr]}"))


def _as_function(evidence: Evidence, call: ast.Call, node: ast.Attribute, name: str) -> Fix | None:
    """``gen.anext()`` → ``await anext(gen)``."""
    unit, fixing = evidence.unit, Fixing(evidence)
    source = unit.source.source
    arguments = ", ".join([source(node.value), *(source(each) for each in call.args)])
    fixing.of(unit).replace(call, f"{name}({arguments})")
    try:
        if name == "anext" and not awaits_of(unit, call):
            fixing.awaiting(unit, call)
    except CannotFixError:
        return None
    return fixing.fix()


def _foreign_methods(evidence: Evidence) -> Finding | None:
    node = _attribute(evidence)
    if node is None or node.attr not in {*_NEXT, *_ITER, *_COLLECTORS, "map", "aenumerate"}:
        return None
    unit, call = evidence.unit, evidence.unit.parents.get(node)
    why = (
        f"{short(unit, node.value)} is an async generator and has no `{node.attr}`: other "
        "libraries call it so, Python has `anext(gen)` and comprehensions."
    )
    if not isinstance(call, ast.Call):
        return Finding(why)
    if node.attr in _COLLECTORS:
        return Finding(why, _collected(evidence, call, node))
    name = {"anext": "anext", "aiter": "aiter"}.get(node.attr)
    return Finding(why, _as_function(evidence, call, node, name) if name else None)


def _collected(evidence: Evidence, call: ast.Call, node: ast.Attribute) -> Fix | None:
    unit, fixing = evidence.unit, Fixing(evidence)
    text = f"[x async for x in {unit.source.source(node.value)}]"
    _instead_of_awaiting(fixing, unit, call, text)
    return fixing.fix()


RULES = (
    Rule(
        "next-on-async-generator",
        "`next` on an async generator",
        2,
        "Use `await anext(gen)` (with a default: `await anext(gen, None)`).",
        _next,
    ),
    Rule(
        "iter-on-async-generator",
        "`iter` on an async iterable",
        1,
        "The async counterpart is `aiter(x)`; `async for` calls it for you.",
        _iter,
    ),
    Rule(
        "anext-on-iterable",
        "`anext` on something that is no async iterator",
        2,
        "`anext` needs an async iterator. For an async iterable call `aiter(x)` first; for a "
        "list use `next(iter(xs))`.",
        _anext,
    ),
    Rule(
        "aiter-on-sync-iterable",
        "`aiter` on ordinary data",
        1,
        "`aiter` does not convert. To use ordinary data where an async iterable is needed write "
        "a small async generator: `async def as_async(xs): for x in xs: yield x`.",
        _aiter,
    ),
    Rule(
        "index-or-len-of-async-generator",
        "an async generator used as a sequence",
        2,
        "An async generator knows neither its length nor its items before they are produced. "
        "Take the next with `await anext(gen)`, or collect into a list.",
        _sequence,
    ),
    Rule(
        "in-test-on-async-generator",
        "`in` on an async generator",
        1,
        "`in` iterates synchronously. Write `any([x == wanted async for x in gen()])` or an "
        "`async for` with `break`.",
        _contains,
    ),
    Rule(
        "generator-methods-without-a",
        "`send`, `throw` or `close` on an async generator",
        2,
        "On async generators they are `asend`, `athrow` and `aclose`, and each must be awaited: "
        "`await gen.asend(value)`.",
        _methods,
        errors=(AttributeError,),
    ),
    Rule(
        "asyncio-objects-without-loop-methods",
        "a method of another library on an async generator",
        2,
        "asyncio names the async variants differently: `StreamReader` is walked directly, "
        "`gen.aclose()` and `asend()` have an a, `anext(gen)` is a function (there is no "
        "`gen.anext()`).",
        _foreign_methods,
        errors=(AttributeError,),
    ),
)
