"""Synchronous walks over what is asynchronous: ``for``, unpacking, ``yield from``, and builtins."""

from __future__ import annotations

import ast
from types import AsyncGeneratorType, CoroutineType

from asyncrepl.explain.evidence import Evidence
from asyncrepl.explain.explanation import Finding, Fix
from asyncrepl.explain.fixing import CannotFix, Fixing, fresh, short
from asyncrepl.explain.resolving import is_async_iterable
from asyncrepl.explain.rule import Rule
from asyncrepl.explain.uses import Use, callee_name
from asyncrepl.explain.walking import a
from asyncrepl.language.instrumenting import CONSUMERS, HANDED

__all__ = ["RULES", "collect", "consumed"]

_NUMBERING = frozenset(
    "enumerate zip map filter islice chain cycle accumulate batched pairwise takewhile dropwhile "
    "starmap zip_longest tee".split()
)
_WALKERS = (CONSUMERS.keys() | HANDED) - {"len", "next", "anext", "aiter", "iter"}
_LOOPS = ("for",)
_SPREADS = ("star", "unpack")


def _async(use: Use | None) -> bool:
    return use is not None and use.facts is not None and is_async_iterable(use.facts)


def consumed(evidence: Evidence) -> Use | None:
    """An argument that a builtin had to walk, as the interpreter (not user code) called it."""
    if not evidence.direct:
        return None
    for use in evidence.uses:
        if use.role == "argument" and callee_name(use.owner) in _WALKERS:
            if _async(use) or use.kind is CoroutineType:
                return use
    return None


def _walked(evidence: Evidence, *roles: str) -> Use | None:
    use = evidence.use(*roles)
    return use if evidence.direct and _async(use) and use and use.lacks else None


def collect(evidence: Evidence, use: Use) -> Fix | None:
    """The operand as a list, made by an async comprehension."""
    fixing = Fixing(evidence)
    try:
        fixing.collected(evidence.unit, use.node)
    except CannotFix:
        return None
    return fixing.fix()


def _loop_async(evidence: Evidence, use: Use) -> Fix | None:
    fixing = Fixing(evidence)
    try:
        fixing.loop_async(evidence.unit, use.owner)
    except CannotFix:
        return None
    return fixing.fix()


def _for_generator(evidence: Evidence) -> Finding | None:
    use = _walked(evidence, *_LOOPS)
    if use is None or use.kind is not AsyncGeneratorType:
        return None
    why = (
        f"{short(evidence.unit, use.node)} is an async generator: it has `__anext__` but no "
        "`__next__`, and a plain `for` cannot wait for a value."
    )
    return Finding(why, _loop_async(evidence, use))


def _for_class(evidence: Evidence) -> Finding | None:
    use = _walked(evidence, *_LOOPS) or consumed(evidence)
    if use is None or not _async(use) or use.facts is None or use.kind is AsyncGeneratorType:
        return None
    why = (
        f"`{use.facts.kind.__name__}` has `__aiter__` and no `__iter__`: only `async for` "
        "can walk it."
    )
    if use.role == "argument":
        return Finding(why, _from_call(evidence, use))
    return Finding(why, _loop_async(evidence, use))


def _from_call(evidence: Evidence, use: Use) -> Fix | None:
    """``list(x)`` as a comprehension; any other call over a list made by one."""
    call = use.owner
    if not isinstance(call, ast.Call) or callee_name(call) != "list" or len(call.args) != 1:
        return collect(evidence, use)
    fixing = Fixing(evidence)
    try:
        fixing.list_call(evidence.unit, call, use.node)
    except CannotFix:
        return None
    return fixing.fix()


def _for_coroutine(evidence: Evidence) -> Finding | None:
    use = evidence.use("for", "star", "unpack") or consumed(evidence)
    if use is None or use.facts is None or not evidence.direct:
        return None
    if use.facts.kind is not CoroutineType:
        return None
    fixing, unit = Fixing(evidence), evidence.unit
    why = f"{short(unit, use.node)} is a coroutine: what it returns only exists after `await`."
    result = evidence.resolver.returned(use.facts.code)
    try:
        if result is not None and is_async_iterable(result) and use.role == "for":
            fixing.loop_async(unit, use.owner)
        fixing.awaiting(unit, use.node)
    except CannotFix:
        return Finding(why)
    return Finding(why, fixing.fix())


def _yield_from(evidence: Evidence) -> Finding | None:
    use = _walked(evidence, "yield from")
    if use is None:
        return None
    unit, fixing = evidence.unit, Fixing(evidence)
    why = f"`yield from` walks synchronously, and {short(unit, use.node)} is {a(use)}."
    if not isinstance(unit.parents.get(use.owner), ast.Expr):
        return Finding(why)
    name, by = fresh(unit, "item"), unit.source.indent(use.owner)
    text = f"async for {name} in {unit.source.source(use.node)}:\n{by}    yield {name}"
    fixing.of(unit).replace(use.owner, text)
    try:
        fixing.suspending(unit, use.owner)
    except CannotFix:
        return Finding(why)
    return Finding(why, fixing.fix())


def _generator_expression(evidence: Evidence, *, by_await: bool) -> Finding | None:
    use = consumed(evidence) or _walked(evidence, *_SPREADS)
    if use is None or not isinstance(use.node, ast.GeneratorExp):
        return None
    if any(clause.is_async for clause in use.node.generators) is by_await:
        return None
    unit = evidence.unit
    where = "into a call" if use.role != "argument" else f"to `{callee_name(use.owner)}`"
    word = "`await`" if by_await else "`async for`"
    why = (
        f"{word} makes {short(unit, use.node, 30)} an async generator; given {where} it is "
        "walked synchronously. Brackets make a list."
    )
    return Finding(why, _from_call(evidence, use) if use.role == "argument" else collect(evidence, use))


def _await_in_expression(evidence: Evidence) -> Finding | None:
    return _generator_expression(evidence, by_await=True)


def _async_expression(evidence: Evidence) -> Finding | None:
    return _generator_expression(evidence, by_await=False)


def _numbered(evidence: Evidence) -> Finding | None:
    use = consumed(evidence)
    if use is None or not _async(use) or callee_name(use.owner) not in _NUMBERING:
        return None
    unit, name = evidence.unit, callee_name(use.owner)
    why = f"`{name}` walks synchronously, and {short(unit, use.node)} is {a(use)}."
    return Finding(why, _numbering_fix(evidence, use))


def _numbering_fix(evidence: Evidence, use: Use) -> Fix | None:
    unit, call = evidence.unit, use.owner
    assert isinstance(call, ast.Call)
    outer = unit.parents.get(call)
    counted = _counted(evidence, use, call, outer) if callee_name(call) == "enumerate" else None
    if counted is not None:
        return counted
    fixing = Fixing(evidence)
    try:
        for argument in call.args:
            facts = evidence.resolver.facts(argument)
            if argument is use.node or (facts and is_async_iterable(facts)):
                fixing.collected(unit, argument)
        if isinstance(outer, ast.AsyncFor) or (isinstance(outer, ast.comprehension) and outer.is_async):
            fixing.loop_plain(unit, outer)
    except CannotFix:
        return None
    return fixing.fix()


def _counted(evidence: Evidence, use: Use, call: ast.Call, loop: ast.AST | None) -> Fix | None:
    """``for i, x in enumerate(xs)`` → an ``async for`` that counts by hand."""
    if not isinstance(loop, ast.For | ast.AsyncFor) or not isinstance(loop.target, ast.Tuple):
        return None
    unit, fixing = evidence.unit, Fixing(evidence)
    if len(loop.target.elts) != 2 or not isinstance(loop.target.elts[0], ast.Name):
        return None
    edits, source = fixing.of(unit), unit.source.source
    counter = loop.target.elts[0].id
    start = source(call.args[1]) if len(call.args) > 1 else "0"
    first = str(int(start) - 1) if start.isdigit() else f"{start} - 1"
    edits.lines_before(loop, f"{counter} = {first}")
    edits.replace(loop.target, source(loop.target.elts[1]))
    edits.replace(call, source(use.node))
    body = loop.body[0]
    by = unit.source.indent(body)
    separate = "; " if body.lineno == loop.lineno else f"\n{by}"
    edits.before(body, f"{counter} += 1{separate}")
    try:
        if isinstance(loop, ast.For):
            fixing.loop_async(unit, loop)
    except CannotFix:
        return None
    return fixing.fix()


def _into_builtin(evidence: Evidence) -> Finding | None:
    use = consumed(evidence)
    if use is None or use.kind is not AsyncGeneratorType:
        return None
    unit, name = evidence.unit, callee_name(use.owner)
    why = (
        f"`{name}` walks synchronously and cannot wait; {short(unit, use.node)} is an async "
        "generator. Collect its values first."
    )
    return Finding(why, _from_call(evidence, use))


def _unpacked(evidence: Evidence) -> Finding | None:
    use = _walked(evidence, *_SPREADS)
    if use is None:
        return None
    why = (
        f"Unpacking walks synchronously, and {short(evidence.unit, use.node)} is {a(use)}: "
        "collect its values first."
    )
    return Finding(why, collect(evidence, use))


RULES = (
    Rule(
        "await-in-genexp-makes-it-async",
        "`await` in a generator expression",
        1,
        "An `await` in the element or condition turns the generator expression into an async "
        "generator, which builtins cannot consume. Use a list: `any([await f(x) for x in xs])`.",
        _await_in_expression,
    ),
    Rule(
        "async-genexp-into-sync-consumer",
        "an async generator expression given to a synchronous builtin",
        1,
        "`(… async for …)` is an async generator object, not a list; a synchronous builtin "
        "cannot consume it. Use brackets: `sum([x async for x in gen()])`.",
        _async_expression,
    ),
    Rule(
        "enumerate-zip-map-over-async",
        "`enumerate`, `zip`, `map` or itertools over an async iterable",
        1,
        "These helpers call `__iter__`. Number or filter by hand inside an `async for` or an "
        "async comprehension, or use an async library (aiostream, aioitertools, asyncstdlib).",
        _numbered,
    ),
    Rule(
        "list-of-async-generator",
        "an async generator given to a builtin that walks it",
        1,
        "The builtins consume synchronously. Collect first with an async comprehension: "
        "`[x async for x in gen()]`, then hand over the list.",
        _into_builtin,
    ),
    Rule(
        "for-over-async-generator",
        "a plain `for` over an async generator",
        1,
        "`for` calls `__iter__`; an async iterable only has `__aiter__`. Write `async for` "
        "(inside `async def` or at the async prompt).",
        _for_generator,
    ),
    Rule(
        "for-over-async-iterable-class",
        "a plain `for` over a class with `__aiter__`",
        1,
        "`for` looks for `__iter__`; the class only implements the async protocol. Write "
        "`async for`.",
        _for_class,
    ),
    Rule(
        "for-over-coroutine",
        "a plain `for` over a coroutine",
        1,
        "Await first: `for x in await load():`. If the function should produce items one by "
        "one, give it a `yield` and use `async for`.",
        _for_coroutine,
    ),
    Rule(
        "yield-from-async-generator-in-sync-generator",
        "`yield from` an async generator",
        1,
        "`yield from` iterates synchronously. Make the outer function `async def` and re-yield: "
        "`async for x in inner(): yield x`.",
        _yield_from,
    ),
    Rule(
        "unpack-async-generator",
        "unpacking an async generator",
        1,
        "Unpacking iterates synchronously. Make a list first: `a, b = [x async for x in gen()]`, "
        "`f(*[x async for x in gen()])`.",
        _unpacked,
    ),
)
