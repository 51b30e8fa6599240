"""The general rule: an operation demands something of its operand, and the operand is of another kind.

Special rules say more about what they know; this one is asked about all the rest. It says
what the operand is, in the user's own names, and what its kind is for.
"""

from __future__ import annotations

import ast
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from asyncrepl.explain.demands import Demand, demand_of, is_asynchronous, met
from asyncrepl.explain.explanation import Finding
from asyncrepl.explain.fixing import short
from asyncrepl.explain.kinds import ASYNCHRONOUS, Kind, a_kind, kind_of
from asyncrepl.explain.repairs import Case, repaired
from asyncrepl.explain.rule import Rule
from asyncrepl.explain.uses import Use
from asyncrepl.language.suspects import MISSING, Facts, describe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import FrameType

    from asyncrepl.explain.evidence import Evidence

__all__ = ["RULES", "mismatch"]

#: What one does with each kind, as the end of a sentence.
_MEANT: dict[Kind, str] = {
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
}
_WANTED: dict[str, str] = {
    "async walk": "has no `__aiter__`, which `async for` asks for",
    "iterator": "has no `__aiter__`, which `aiter` asks for",
    "async step": "has no `__anext__`: it gives no items one by one",
    "async enter": "has no `__aenter__`, which `async with` asks for",
    "await": "cannot be awaited",
    "coroutine": "is no coroutine",
    "tasks": "is no collection of tasks",
    "awaitables": "is no collection of awaitables",
    "function": "is no plain function",
    "close": "has no `aclose`",
}


def mismatch(evidence: Evidence) -> tuple[Demand, Facts] | None:
    """What is demanded, and the facts of the operand that does not meet it."""
    for demand, options in _demands(evidence):
        for facts in options:
            if not met(demand, facts) and _concerns(demand, facts):
                return demand, facts
    return None


def _concerns(demand: Demand, facts: Facts) -> bool:
    return kind_of(facts) in ASYNCHRONOUS or is_asynchronous(demand)


def _demands(evidence: Evidence) -> Iterator[tuple[Demand, list[Facts]]]:
    error = evidence.error
    if isinstance(error, AttributeError):
        yield from _of_attribute(evidence, error)
        return
    if not _is_refusal(evidence):
        return
    for use in _uses(evidence):
        callee = _callee(evidence, use)
        for part in _parts(use):
            demand = demand_of(part, callee)
            if demand is not None:
                options = _options(evidence, part)
                if evidence.direct or any(_blamed(evidence, each) for each in options):
                    yield demand, options


def _is_refusal(evidence: Evidence) -> bool:
    """Whether an operation refused its operand, and the user's code did not raise it itself."""
    return evidence.op not in ("RAISE_VARARGS", "RERAISE") and not evidence.leak


def _of_attribute(
    evidence: Evidence, error: AttributeError
) -> Iterator[tuple[Demand, list[Facts]]]:
    facts = describe(error.obj, keep=True)
    if kind_of(facts) not in ASYNCHRONOUS or not isinstance(error.name, str):
        return
    if not evidence.direct:
        yield from _of_library_attribute(evidence, facts, error.name)
        return
    for node in (*reversed(evidence.nodes), *_functions(evidence.nodes)):
        if isinstance(node, ast.Attribute) and node.attr == error.name and _speaks(evidence, node):
            yield _attribute(node), [facts]
            return


def _functions(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    return (node.func for node in nodes if isinstance(node, ast.Call))


def _attribute(node: ast.Attribute) -> Demand:
    return Demand("attribute", node.value, node, f"`.{node.attr}`", (node.attr,))


def _speaks(evidence: Evidence, node: ast.Attribute) -> bool:
    """Whether something is done with the attribute; one that is only named may be a slip."""
    return not isinstance(evidence.unit.parents.get(node), ast.Expr)


def _of_library_attribute(
    evidence: Evidence, facts: Facts, _name: str
) -> Iterator[tuple[Demand, list[Facts]]]:
    for use in _uses(evidence):
        demand = demand_of(use, _callee(evidence, use))
        if demand is not None and any(each.kind is facts.kind for each in _options(evidence, use)):
            yield demand, [facts]


def _uses(evidence: Evidence) -> Iterator[Use]:
    """The operands that may have been refused, in their order."""
    seen: set[ast.AST] = set()
    for use in evidence.uses:
        seen.add(use.node)
        yield use
    for call in _calls(evidence):
        for argument in [*call.args, *(keyword.value for keyword in call.keywords)]:
            node = argument.value if isinstance(argument, ast.Starred) else argument
            if node not in seen:
                role = "star" if isinstance(argument, ast.Starred) else "argument"
                yield Use(role, node, argument if role == "star" else call, None)


def _calls(evidence: Evidence) -> Iterator[ast.Call]:
    """The calls at the place, the innermost first: also one that is awaited or entered there."""
    for node in reversed(evidence.nodes):
        inner: list[ast.AST] = [node]
        if isinstance(node, ast.Await):
            inner = [node.value]
        elif isinstance(node, ast.With | ast.AsyncWith):
            inner = [item.context_expr for item in node.items]
        elif isinstance(node, ast.For | ast.AsyncFor):
            inner = [node.iter]
        yield from (each for each in inner if isinstance(each, ast.Call))
        if not evidence.direct and isinstance(node, ast.expr):
            parent = evidence.unit.parents.get(node)
            if isinstance(parent, ast.withitem) and isinstance(node, ast.Call):
                yield node


def _callee(evidence: Evidence, use: Use) -> object:
    call = use.owner
    if not isinstance(call, ast.Call):
        return None
    value = evidence.resolver.value(call.func)
    return None if value is MISSING else value


def _parts(use: Use) -> Iterator[Use]:
    """The operand; of an argument that is a display, also what stands in it."""
    yield use
    if use.role == "argument":
        for inner in _elements(use.node):
            yield Use("argument", inner, use.owner, None)


def _elements(node: ast.expr) -> Iterator[ast.expr]:
    elements: list[Any] = []
    match node:
        case ast.List(elements) | ast.Tuple(elements) | ast.Set(elements):
            pass
        case ast.Dict(_, elements):
            pass
        case ast.ListComp(elt=element) | ast.GeneratorExp(elt=element) | ast.SetComp(elt=element):
            elements = [element]
        case ast.DictComp(value=element):
            elements = [element]
    for each in elements:
        yield each
        yield from _elements(each)


def _options(evidence: Evidence, use: Use) -> list[Facts]:
    """What the operand may be: as it was seen, else as it is inferred."""
    if use.facts is not None and use.certain:
        return [use.facts]
    return evidence.resolver.options(use.node)


def _blamed(evidence: Evidence, facts: Facts) -> bool:
    """Whether the code that refused had such an object in its hands."""
    frame = _innermost(evidence)
    if frame is None:
        return False
    for value in frame.f_locals.values():
        held = [value]
        if type(value) in (list, tuple):
            held += value
        elif type(value) is dict:
            held += value.values()
        if any(type(each) is facts.kind and _same_code(each, facts) for each in held):
            return True
    return False


def _same_code(value: object, facts: Facts) -> bool:
    return facts.code is None or describe(value).code in (None, facts.code)


def _innermost(evidence: Evidence) -> FrameType | None:
    trace = evidence.error.__traceback__ if evidence.error is not None else None
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace.tb_frame if trace is not None else None


# -- what is said ----------------------------------------------------------------------


def _why(evidence: Evidence, demand: Demand, facts: Facts) -> str:
    text, kind = short(evidence.unit, demand.node), kind_of(facts)
    what = a_kind(facts)
    if kind in (Kind.COROUTINE, Kind.TASK, Kind.FUTURE) and demand.what == "attribute":
        return f"{text} is {what} and has no {demand.by}: {_MEANT[kind]}."
    if is_asynchronous(demand) and (kind not in _MEANT or demand.what == "coroutine"):
        return f"{text} is {what}: it {_WANTED[demand.what]}."
    if demand.what == "attribute":
        return f"{text} is {what} and has no {demand.by}: {_MEANT[kind]}."
    return f"{demand.by[:1].upper()}{demand.by[1:]} cannot use {text}: it is {what}, and {_MEANT[kind]}."


def _find(*kinds: Kind, what: tuple[str, ...] = ()) -> Any:
    def find(evidence: Evidence) -> Finding | None:
        found = mismatch(evidence)
        if found is None:
            return None
        demand, facts = found
        if (kinds and kind_of(facts) not in kinds) or (what and demand.what not in what):
            return None
        fix = repaired(Case(evidence, evidence.unit, demand, facts))
        return Finding(_why(evidence, demand, facts), fix)

    return find


_RESULTS = (Kind.COROUTINE, Kind.STEP, Kind.TASK, Kind.FUTURE, Kind.AWAITABLE)
_STREAMS = (Kind.ASYNC_GENERATOR, Kind.ASYNC_ITERATOR, Kind.ASYNC_ITERABLE)
_CALLED = (Kind.COROUTINE_FUNCTION, Kind.ASYNC_GENERATOR_FUNCTION)
_ERRORS = (TypeError, AttributeError, ValueError, KeyError)

assert CoroutineType

RULES = (
    Rule(
        "asyncio-objects-without-loop-methods",
        "an async iterable has no such attribute",
        2,
        "An async generator has `asend`, `athrow` and `aclose`, and no more: what it yields comes "
        "with `async for`, or with `await anext(gen)`.",
        _find(*_STREAMS, what=("attribute",)),
        errors=_ERRORS,
    ),
    Rule(
        "async-for-over-context-manager",
        "an async context manager that was not entered",
        1,
        "An async context manager gives its value through `async with … as x`; it is neither "
        "awaited nor walked, and has nothing of what it manages.",
        _find(Kind.ASYNC_MANAGER),
        errors=_ERRORS,
    ),
    Rule(
        "async-generator-as-awaitable",
        "an async generator where asyncio takes awaitables",
        3,
        "These functions take awaitables. Wrap the walk in a coroutine: "
        "`async def drain(gen): return [x async for x in gen]` and pass `drain(gen())`, or pass "
        "one step: `anext(gen)`.",
        _find(*_STREAMS, what=("coroutine", "await", "tasks", "awaitables", "function")),
        errors=_ERRORS,
    ),
    Rule(
        "index-or-len-of-async-generator",
        "an async iterable used as a value",
        2,
        "An async generator knows neither its length nor its items before they are produced. "
        "Take the next with `await anext(gen)`, or collect into a list.",
        _find(*_STREAMS),
        errors=_ERRORS,
    ),
    Rule(
        "await-a-plain-call",
        "an async function that was not called",
        5,
        "An `async def` only does something when it is called and its coroutine awaited; with "
        "`yield` in it, when it is called and walked.",
        _find(*_CALLED),
        errors=_ERRORS,
    ),
    Rule(
        "coroutine-used-as-its-result",
        "something to await, used as its result",
        5,
        "The call gives a coroutine object; `await` gives the result: `(await fetch()).name`.",
        _find(*_RESULTS),
        errors=_ERRORS,
    ),
    Rule(
        "async-for-over-plain-object",
        "`async for` over what is not asynchronous",
        1,
        "`async for` calls `type(x).__aiter__`. What has none is walked with a plain `for`, if at all.",
        _find(what=("async walk", "iterator", "close")),
        errors=_ERRORS,
    ),
    Rule(
        "anext-on-iterable",
        "`anext` on something that is no async iterator",
        2,
        "`anext` needs an async iterator. For an async iterable call `aiter(x)` first; for a "
        "list use `next(iter(xs))`.",
        _find(what=("async step",)),
        errors=_ERRORS,
    ),
    Rule(
        "async-with-on-sync-context-manager",
        "`async with` on what is no async context manager",
        1,
        "`async with` needs `__aenter__` and `__aexit__`. Files, threading locks and the like "
        "take a plain `with` (also inside async code).",
        _find(what=("async enter",)),
        errors=_ERRORS,
    ),
    Rule(
        "await-a-plain-call",
        "nothing to await",
        5,
        "`await`, and asyncio's functions, need an awaitable. A plain function has already run "
        "when they see its result; run what blocks with `await asyncio.to_thread(f)`.",
        _find(what=("await", "coroutine", "tasks", "awaitables")),
        errors=_ERRORS,
    ),
)
