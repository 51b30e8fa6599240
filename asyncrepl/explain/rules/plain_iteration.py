"""Plain iteration over what is asynchronous: ``next``, ``for``, unpacking, builtins that iterate.

And a plain loop over what another task changes while its body is suspended.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, cast

from asyncrepl.events.object_info import lookup
from asyncrepl.explain.bindings import returned_values
from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, correction, replaced, short
from asyncrepl.explain.kinds import ASYNCHRONOUS, STREAMS, Kind, has
from asyncrepl.explain.repairs.repair_case import single_assignment
from asyncrepl.explain.rules.aiter_methods import method
from asyncrepl.explain.rules.operand_rules import ANY, GENERATOR, Told, row
from asyncrepl.explain.scopes import CannotFixError, own_nodes, scope
from asyncrepl.explain.source_units import own_name
from asyncrepl.explain.value_origins import loads, origins, reached_functions
from asyncrepl.instrument.probe_placement import ITERTOOLS_CALLS
from asyncrepl.syntax.names import FUNCTIONS, callee_name, canonical_name, last_name, written_name

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Unit

_NUMBERING = ITERTOOLS_CALLS | {"enumerate", "zip", "map", "filter"}

_NO_ITERATOR = (
    "anext-on-iterable",
    "`anext` on something that is no async iterator",
    2,
    (
        "`anext` needs an async iterator. For an async iterable call `aiter(x)` first; for a list "
        "use `next(iter(xs))`."
    ),
)


def _is_argument(told: Told) -> bool:
    return isinstance(told.owner, ast.Call)


def _expression(told: Told, *, by_await: bool) -> bool:
    """Whether it is a generator expression that ``await`` or ``async for`` makes asynchronous."""
    if not isinstance(told.node, ast.GeneratorExp) or told.is_loop:
        return False
    return any(clause.is_async for clause in told.node.generators) is not by_await


def _of_expression(told: Told, word: str) -> str:
    where = f"to `{callee_name(told.owner)}`" if _is_argument(told) else "into a call"
    return (
        f"{word} makes {short(told.unit, told.node, 30)} an async generator; given {where} it is "
        "walked synchronously. Brackets make a list."
    )


def _changed_meanwhile(evidence: Evidence) -> Finding | None:
    """A collection that has changed while the loop over it was suspended."""
    use, unit = evidence.use("for"), evidence.unit
    if use is None or not evidence.direct or evidence.op != "FOR_ITER":
        return None
    if not isinstance(use.owner, ast.For | ast.comprehension) or use.info is None:
        return None
    loop = use.owner if isinstance(use.owner, ast.For) else unit.parents[use.owner]
    inside = [each for each in own_nodes(loop) if each not in (use.node, loop)]
    waiting = (ast.Await, ast.AsyncFor, ast.AsyncWith, ast.Yield)
    sized, suspends = lookup(use.info.kind, "__len__") is not None, [*map(type, inside)]
    if not sized or not {*waiting} & {*suspends} or _changes(evidence, inside, use.node):
        return None
    why = (
        f"The body suspends, and another task changed {short(unit, use.node)} meanwhile: walk "
        "a copy of it."
    )
    copied = f"list({unit.source.source(use.node)})"
    return Finding(why, replaced(evidence, unit, (use.node, copied)))


#: What is asked of a collection, or of an item, and changes nothing.
_ASKED = ("items", "keys", "values", "copy", "get", "index", "count")


def _changes(evidence: Evidence, inside: list[ast.AST], source: ast.expr) -> bool:
    """Whether the body itself may change what it walks, or a function of the user's it calls.

    The collection is known by its last name, for in a function it may have another owner.
    """
    walked = source.func.value if _is_view(source) else source  # type: ignore[attr-defined]
    called = {*map(callee_name, inside)}
    reached = [
        each
        for name in called
        for home in evidence.units.functions(name)
        for _, each in reached_functions(evidence, *home)
    ]
    nodes = [*inside, *(n for part in reached for n in ast.walk(part))]
    name = written_name(walked)
    if any(isinstance(n, ast.Call) and name in map(written_name, n.args) for n in nodes):
        return True  # who is given it may call it otherwise
    return any(
        isinstance(node, ast.Attribute | ast.Subscript)
        and written_name(node.value) == name
        and not (isinstance(node, ast.Attribute) and node.attr in _ASKED)
        and (isinstance(node, ast.Attribute) or not isinstance(node.ctx, ast.Load))
        for node in nodes
    )


def _is_view(source: ast.expr) -> bool:
    """``d.items()`` and its like."""
    return isinstance(source, ast.Call) and callee_name(source) in ("items", "keys", "values")


def _own_lock(evidence: Evidence) -> Finding | None:
    """``async with asyncio.Lock()``: each time another one, while tasks hold those of before."""
    node, unit = evidence.seen_node, evidence.unit
    found = _made_for_one(evidence, unit, node) if node is not None else None
    if node is None or found is None:
        return _made_in_each_round(evidence, unit, node) if node is not None else None
    home, made = found
    kind = "semaphore" if "Semaphore" in callee_name(made) else "lock"
    where = "" if made is node else f" for {short(unit, node)}"
    why = (
        f"{short(home, made)} makes a new {kind}{where} each time it is asked for: no two tasks "
        f"share one, so it keeps nobody out. Make one {kind} for all who use it."
    )
    return Finding(why, _shared_lock(evidence, unit, node, made) if home is unit else None)


_LOCKS = {f"asyncio.{name}" for name in ("Lock", "Semaphore", "BoundedSemaphore")}


def _made_for_one(evidence: Evidence, unit: Unit, node: ast.expr) -> tuple[Unit, ast.Call] | None:
    """The call that makes the lock `node`, if nobody else can have it."""
    made = single_assignment(unit, node) or node
    if isinstance(made, ast.Call) and canonical_name(made.func) in _LOCKS:
        around = scope(unit, made)
        alone = all(
            isinstance(unit.parents.get(each), ast.withitem) and scope(unit, each) is around
            for each in _uses(unit, node)
        )
        return (unit, made) if alone and around is not None else None
    name = callee_name(node) or written_name(node)
    homes = list(evidence.units.functions(name)) if not isinstance(node, ast.Name) else []
    if len(homes) != 1 or isinstance(homes[0][1], ast.AsyncFunctionDef):
        return None
    (home, function), values = homes[0], returned_values(homes[0][1])
    kept = [each for each in function.decorator_list if last_name(each) not in _MAKING]
    if kept or len(values) != 1 or canonical_name(getattr(values[0], "func", None)) not in _LOCKS:
        return None
    return home, cast("ast.Call", values[0])


_ROUNDS = (ast.For, ast.AsyncFor, ast.While, ast.ListComp, ast.GeneratorExp)


def _made_in_each_round(evidence: Evidence, unit: Unit, node: ast.expr) -> Finding | None:
    """The same of a lock that each round of a loop makes, and gives to one call alone."""
    found = [*origins(evidence.units, unit, node)]
    home, made = found[0] if len(found) == 1 else (unit, node)
    statement, loop = home.parents.get(made), home.enclosing(made, *_ROUNDS)
    target = statement.targets[0] if isinstance(statement, ast.Assign) else None
    given = loads(home, target) if isinstance(target, ast.Name) else [made]
    uses = [unit.parents.get(each) for each in _uses(unit, node)]
    alone = len(given) == 1 and {*map(type, uses)} == {ast.withitem}
    if not isinstance(made, ast.Call) or canonical_name(made.func) not in _LOCKS or not alone:
        return None
    where = {home.enclosing(given[0], *_ROUNDS), loop}
    if loop is None or len(where) > 1 or scope(home, loop) is not scope(home, made):
        return None
    kind = "semaphore" if "Semaphore" in callee_name(made) else "lock"
    why = (
        f"Each round of the loop makes a new {kind}, {short(home, made)}: no two tasks share one, "
        f"so it keeps nobody out. Make one {kind} in front of the loop."
    )
    return Finding(why, _made_before(evidence, home, made, loop))


@correction
def _made_before(fixing: Fixing, unit: Unit, made: ast.Call, loop: ast.AST) -> None:
    """``for n in ns: lock = Lock(); …`` → ``lock = Lock()`` in front of the loop."""
    statement = unit.parents.get(made)
    if _has_names(made) or not isinstance(statement, ast.Assign) or not isinstance(loop, ast.stmt):
        raise CannotFixError
    fixing.of(unit).lines_before(loop, unit.source.source(statement))
    fixing.of(unit).remove(statement)


def _has_names(made: ast.Call) -> bool:
    """Whether it is made of a local, perhaps."""
    return any(isinstance(each, ast.Name) for part in made.args for each in ast.walk(part))


#: What may decorate a function that makes a new one each time.
_MAKING = ("property", "staticmethod", "classmethod")


def _uses(unit: Unit, node: ast.expr) -> list[ast.Name]:
    return loads(unit, node) if isinstance(node, ast.Name) else []


@correction
def _shared_lock(fixing: Fixing, unit: Unit, node: ast.expr, made: ast.Call) -> None:
    """One lock of the object, made in its ``__init__``; or, for a function, in front of it."""
    function = scope(unit, node)
    if not isinstance(function, FUNCTIONS) or scope(unit, made) is not function:
        raise CannotFixError
    if _has_names(made):
        raise CannotFixError
    owner, edits = unit.parents.get(function), fixing.of(unit)
    if isinstance(owner, ast.ClassDef):
        init, own = method(owner, "__init__"), own_name(function)
        if init is None or not own or isinstance(init.body[-1], ast.Return | ast.Raise):
            raise CannotFixError
        name = fixing.fresh_attribute("lock")
        line = f"{own_name(init)}.{name} = {unit.source.source(made)}"
        edits.lines_after(init.body[-1], line)
        name = f"{own}.{name}"
    else:
        name = fixing.fresh(unit, "lock")
        edits.lines_before(function, f"{name} = {unit.source.source(made)}\n")
    if made is not node:
        edits.remove(unit.statement(made))
    edits.replace(node, name)
    for each in _uses(unit, node):
        if each is not node:
            edits.replace(each, name)


RULES = (
    Rule(
        "shared-state-changes-while-suspended",
        "a lock of each task's own",
        3,
        "A lock keeps out those who ask for the same lock. Make it once: in `__init__`, or in "
        "front of the tasks that share what it guards.",
        _own_lock,
        sees="unshared",
    ),
    Rule(
        "shared-state-changes-while-suspended",
        "data that changes while the loop over it is suspended",
        3,
        "Every suspension lets other tasks run. Walk a snapshot (`list(d)`), or guard the data "
        "with an `asyncio.Lock`.",
        _changed_meanwhile,
        errors=(RuntimeError,),
    ),
    row(
        *_NO_ITERATOR,
        "async step",
        frozenset({Kind.ASYNC_ITERABLE}),
        "{told.text} has `__aiter__` but no `__anext__`: `aiter` gives the iterator to step.",
    ),
    row(
        *_NO_ITERATOR,
        "async step",
        ANY - ASYNCHRONOUS,
        lambda told: (
            f"{told.text} is {told.a}, not an async iterator: `next` takes its items, and nothing "
            "waits."
            if has(told.info, "__iter__", "__next__")
            else f"{told.text} is {told.words}, not an async iterator: it gives no items."
        ),
    ),
    row(
        "aiter-on-sync-iterable",
        "`aiter` on ordinary data",
        1,
        "`aiter` does not convert. To use ordinary data where an async iterable is needed write "
        "a small async generator: `async def as_async(xs): for x in xs: yield x`.",
        "iterator",
        ANY - ASYNCHRONOUS,
        "`aiter` does not convert: {told.text} is {told.words} and has no `__aiter__`.",
    ),
    row(
        "next-on-async-generator",
        "`next` on an async generator",
        2,
        "Use `await anext(gen)` (with a default: `await anext(gen, None)`).",
        "step",
        STREAMS,
        "{told.text} is {told.a}: it has no `__next__`, its next item comes from `await "
        "anext(…)`.",
    ),
    row(
        "iter-on-async-generator",
        "`iter` on an async iterable",
        1,
        "The async counterpart is `aiter(x)`; `async for` calls it for you.",
        "walk",
        STREAMS,
        "{told.text} is {told.a} and has no `__iter__`: the counterpart of `iter` is `aiter`.",
        lambda told: callee_name(told.owner) == "iter",
    ),
    row(
        "async-for-over-function",
        "a function that was not called, where items are wanted",
        1,
        "The async generator only exists after calling its function: `async for x in ticks()`.",
        "walk",
        frozenset({Kind.ASYNC_GENERATOR_FUNCTION, Kind.COROUTINE_FUNCTION}),
        lambda told: (
            f"{told.text} is {told.words}: it has to be called, and only what it gives is "
            f"{'awaited' if told.kind is Kind.COROUTINE_FUNCTION else 'walked with `async for`'}."
        ),
    ),
    row(
        "await-in-genexp-makes-it-async",
        "`await` in a generator expression",
        1,
        "An `await` in the element or condition turns the generator expression into an async "
        "generator, which builtins cannot consume. Use a list: `any([await f(x) for x in xs])`.",
        "walk | value",
        GENERATOR,
        lambda told: _of_expression(told, "`await`"),
        lambda told: _expression(told, by_await=True),
    ),
    row(
        "async-genexp-into-sync-consumer",
        "an async generator expression given to a synchronous builtin",
        1,
        "`(… async for …)` is an async generator object, not a list; a synchronous builtin "
        "cannot consume it. Use brackets: `sum([x async for x in gen()])`.",
        "walk | value",
        GENERATOR,
        lambda told: _of_expression(told, "`async for`"),
        lambda told: _expression(told, by_await=False),
    ),
    row(
        "for-over-async-generator",
        "a plain `for` over an async generator",
        1,
        "`for` calls `__iter__`; an async iterable only has `__aiter__`. Write `async for` "
        "(inside `async def` or at the async prompt).",
        "walk",
        GENERATOR,
        "{told.text} is an async generator: it has `__anext__` but no `__next__`, and a plain "
        "`for` cannot wait for a value.",
        lambda told: told.is_loop,
    ),
    row(
        "yield-from-async-generator-in-sync-generator",
        "`yield from` an async generator",
        1,
        "`yield from` iterates synchronously. Make the outer function `async def` and re-yield: "
        "`async for x in inner(): yield x`.",
        "walk",
        STREAMS,
        "`yield from` walks synchronously, and {told.text} is {told.a}.",
        lambda told: isinstance(told.owner, ast.YieldFrom),
    ),
    row(
        "enumerate-zip-map-over-async",
        "`enumerate`, `zip`, `map` or itertools over an async iterable",
        1,
        "These helpers call `__iter__`. Number or filter by hand inside an `async for` or an "
        "async comprehension, or use an async library (aiostream, aioitertools, asyncstdlib).",
        "walk",
        STREAMS,
        "`{told.caller}` walks synchronously, and {told.text} is {told.a}.",
        lambda told: callee_name(told.owner) in _NUMBERING,
    ),
    row(
        "unpack-async-generator",
        "unpacking an async generator",
        1,
        "Unpacking iterates synchronously. Make a list first: `a, b = [x async for x in gen()]`, "
        "`f(*[x async for x in gen()])`.",
        "walk",
        STREAMS,
        "Unpacking walks synchronously, and {told.text} is {told.a}: collect its values first.",
        lambda told: isinstance(told.owner, ast.Starred | ast.Assign),
    ),
    row(
        "list-of-async-generator",
        "an async generator given to a builtin that walks it",
        1,
        "The builtins consume synchronously. Collect first with an async comprehension: "
        "`[x async for x in gen()]`, then hand over the list.",
        "walk",
        GENERATOR,
        "`{told.caller}` walks synchronously and cannot wait; {told.text} is an async "
        "generator. Collect its values first.",
        _is_argument,
    ),
    row(
        "for-over-async-iterable-class",
        "a plain `for` over a class with `__aiter__`",
        1,
        "`for` looks for `__iter__`; the class only implements the async protocol. Write "
        "`async for`.",
        "walk",
        frozenset({Kind.ASYNC_ITERATOR, Kind.ASYNC_ITERABLE}),
        lambda told: (
            f"`{told.name}` has `__aiter__` and no `__iter__`: only `async for` can walk it."
            if has(told.info, "__anext__") or not has(told.info, "__next__")
            else f"`{told.name}` has `__next__`, and no `__iter__` beside it: `__aiter__` is "
            "what `async for` calls."
        ),
    ),
    row(
        "for-over-coroutine",
        "a plain `for` over a coroutine",
        1,
        "Await first: `for x in await load():`. If the function should produce items one by "
        "one, give it a `yield` and use `async for`.",
        "walk",
        frozenset({Kind.COROUTINE}),
        "{told.text} is a coroutine: what it returns only exists after `await`.",
    ),
    row(
        "in-test-on-async-generator",
        "`in` on an async generator",
        1,
        "`in` iterates synchronously. Write `any([x == wanted async for x in gen()])` or an "
        "`async for` with `break`.",
        "value",
        STREAMS,
        "`in` walks synchronously, and {told.text} is {told.a}.",
        lambda told: told.demand.by == "`in`",
    ),
)
