"""An async generator that is made, shown, tested or thrown away, and never walked.

And what stands around a call that only makes one, as if it ran there: a ``try``.
"""

from __future__ import annotations

import ast
from types import AsyncGeneratorType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import has_begun
from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, correction, short
from asyncrepl.explain.fresh_names import fresh
from asyncrepl.explain.mismatch import mismatch
from asyncrepl.explain.operand_uses import Use
from asyncrepl.explain.scopes import behind_call, own_nodes
from asyncrepl.explain.value_arrivals import is_meant_as_value, is_test
from asyncrepl.explain.value_origins import loads
from asyncrepl.syntax.names import callee_name
from asyncrepl.syntax.source_rewriter import Span, indent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Function, Unit

_UNWALKED = (
    "Calling an async generator function runs none of its body, not even a check of its "
    "arguments. Each step of an `async for` runs it to the next `yield`."
)


def _shown(evidence: Evidence) -> Finding | None:
    use, unit = evidence.use("value"), evidence.unit
    if use is None or use.info is None or use.kind is not AsyncGeneratorType:
        return None
    if not isinstance(use.node, ast.Call) or callee_name(use.node) in ("aiter", "__aiter__"):
        return None
    if has_begun(use.info.value):
        return None
    return Finding(_why(unit, use.node), _walked(evidence, use.node, "item", "print(@)"))


def _why(unit: Unit, node: ast.expr) -> str:
    text = short(unit, node)
    return f"{text} only makes an async generator: nothing of it runs before it is walked."


def _generator(evidence: Evidence) -> Use | None:
    use = evidence.use("seen")
    return use if use is not None and use.kind is AsyncGeneratorType else None


def _tested(evidence: Evidence) -> Finding | None:
    use = _generator(evidence)
    if use is None or not _is_tested(evidence.unit, use.node):
        return None
    why = (
        f"{short(evidence.unit, use.node)} is an async generator, and every object is true: "
        "whether it has items is only known after a step."
    )
    return Finding(why, _collected(evidence, evidence.unit, use.node))


def _is_tested(unit: Unit, node: ast.expr) -> bool:
    """Whether its truth is asked for, where it stands or by the name that it is given."""
    assigned = unit.parents.get(node)
    names = assigned.targets if isinstance(assigned, ast.Assign) else []
    uses = [each for name in names if isinstance(name, ast.Name) for each in loads(unit, name)]
    return any(is_test(unit, each) for each in (node, *uses))


def _lost(evidence: Evidence) -> Finding | None:
    use, unit = _generator(evidence), evidence.unit
    if use is None or isinstance(use.owner, ast.BoolOp):
        return None  # ``cached or rows()`` hands it on
    if not isinstance(use.owner, ast.Expr):
        return Finding(_why(unit, use.node), _collected(evidence, evidence.unit, use.node))
    return Finding(_why(unit, use.node), _walked(evidence, use.node, "_", "pass"))


@correction
def _walked(fixing: Fixing, node: ast.expr, like: str, body: str) -> None:
    """A loop over it on one line; in its body, "@" is the item."""
    unit, name = fixing.evidence.unit, fixing.fresh(fixing.evidence.unit, like)
    text = f"async for {name} in {unit.source.source(node)}: {body.replace('@', name)}"
    fixing.of(unit).replace(node, text)
    fixing.suspending(unit, node)


#: A list of the items of an asynchronous generator.
_collected = correction(Fixing.collected)

# -- printed ---------------------------------------------------------------------------


def _inner(evidence: Evidence) -> Finding | None:
    """The target of a loop is printed, or refused as a value, and is a generator itself."""
    use = _generator(evidence) if evidence.seen is not None else _refused(evidence)
    loop = _binding(evidence.unit, use.node) if use else None
    if use is None or loop is None or not isinstance(use.node, ast.Name):
        return None
    made = _yielded_call(evidence, use)
    made_by = short(made[0], made[1]) if made else "an async generator"
    why = (
        f"Each `{use.node.id}` is an async generator itself: `yield` hands {made_by} on as one "
        "item and does not walk it."
    )
    return Finding(why, _walk_inside(evidence, *made) if made else None)


def _refused(evidence: Evidence) -> Use | None:
    """An async generator that was refused where a value is meant."""
    found = mismatch(evidence)
    if found is None or found.info is None or found.demand.what not in ("value", "attribute"):
        return None
    use = Use("seen", found.demand.node, found.demand.owner, found.info)
    return use if use.kind is AsyncGeneratorType else None


def _binding(unit: Unit, node: ast.expr) -> ast.AsyncFor | ast.comprehension | None:
    """The asynchronous loop around `node` that binds this name."""
    name = node.id if isinstance(node, ast.Name) else ""
    for parent in unit.ancestors(node):
        clauses = parent.generators if hasattr(parent, "generators") else [parent]
        for clause in clauses:
            if isinstance(clause, ast.AsyncFor | ast.comprehension):
                walked = isinstance(clause, ast.AsyncFor) or clause.is_async
                if walked and isinstance(clause.target, ast.Name) and clause.target.id == name:
                    return clause
    return None


def _yielded_call(evidence: Evidence, use: Use) -> tuple[Unit, ast.Call] | None:
    """The call after ``yield`` that made the generator, if there is but one."""
    name = use.info.function_name if use.info is not None else ""
    found = [
        (unit, node.value)
        for unit, node in evidence.units.nodes(ast.Yield)
        if isinstance(node.value, ast.Call) and callee_name(node.value) == name
    ]
    functions = {unit.enclosing(call, ast.AsyncFunctionDef) for unit, call in found}
    return found[0] if len(functions) == 1 else None


@correction
def _walk_inside(fixing: Fixing, unit: Unit, call: ast.Call) -> None:
    function = unit.enclosing(call, ast.AsyncFunctionDef)
    name = fresh(unit, "item")
    for node in own_nodes(function) if function else ():
        value = node.value if isinstance(node, ast.Yield) else None
        if isinstance(value, ast.Call) and callee_name(value) == callee_name(call):
            source = unit.source.source(value)
            by = unit.source.indent(node)
            text = f"async for {name} in {source}:\n{by}    yield {name}"
            fixing.of(unit).replace(node, text)


def _chosen(evidence: Evidence) -> Finding | None:
    """A coroutine gave the generator: it asked ``iscoroutinefunction`` how to call a function."""
    use = _generator(evidence)
    if use is None or not isinstance(use.node, ast.Await):
        return None
    for unit, function in evidence.units.functions(callee_name(use.node.value)):
        if (call := _asks(function)) is not None:
            why = (
                f"{short(unit, call)} is False for an async generator function: calling it gives "
                "an async generator, to be walked and not awaited."
            )
            return Finding(why, _asks_both(evidence, unit, function, call))
    return None


def _asks(function: Function) -> ast.Call | None:
    for node in own_nodes(function):
        if isinstance(node, ast.Call) and callee_name(node) == "iscoroutinefunction":
            return node if len(node.args) == 1 else None
    return None


@correction
def _asks_both(fixing: Fixing, unit: Unit, function: Function, call: ast.Call) -> None:
    """A second question behind the first, with a list for the answer."""
    test = unit.parents.get(call)
    returns = [node for node in own_nodes(function) if isinstance(node, ast.Return)]
    made = [node.value for node in returns if isinstance(node.value, ast.Call)]
    if not isinstance(test, ast.If) or test.orelse or len(made) != 1:
        return
    source = unit.source.source(call)
    question = source.replace("iscoroutinefunction", "isasyncgenfunction").replace(
        "asyncio.", "inspect."
    )
    name = fresh(unit, "x")
    text = f"return [{name} async for {name} in {unit.source.source(made[0])}]"
    fixing.of(unit).lines_after(test, f"if {question}:\n    {text}")


def _printed(evidence: Evidence) -> Finding | None:
    use = _generator(evidence)
    if use is None or isinstance(use.node, ast.Await):
        return None
    if _binding(evidence.unit, use.node) is not None:
        return None
    return Finding(_why(evidence.unit, use.node), _collected(evidence, evidence.unit, use.node))


def _arrived(evidence: Evidence) -> Finding | None:
    """It came only where a value is meant."""
    use, unit = _generator(evidence), evidence.unit
    if use is None or not is_meant_as_value(evidence, unit, use.node):
        return None
    return Finding(_why(unit, use.node), _collected(evidence, evidence.unit, use.node))


#: What asks whether something is to be awaited.
_AWAITABLE_TESTS = ("iscoroutine", "isawaitable", "isfuture")


def _passed_over(evidence: Evidence) -> Finding | None:
    """It came to who awaits what is to be awaited, and asks for nothing else."""
    use, unit = _generator(evidence), evidence.unit
    assigned = unit.parents.get(use.node) if use is not None else None
    names = assigned.targets if isinstance(assigned, ast.Assign) else []
    if use is None or len(names) != 1 or not isinstance(names[0], ast.Name):
        return None
    owners = [unit.parents.get(each) for each in loads(unit, names[0])]
    tests = [callee_name(each) for each in owners if callee_name(each) in _AWAITABLE_TESTS]
    if not tests or any(
        not isinstance(each, ast.Await) and callee_name(each) not in _AWAITABLE_TESTS
        for each in owners
    ):
        return None
    name = use.info.function_name if use.info is not None else ""
    why = (
        f"`{name}` has a `yield`: {short(unit, use.node)} makes an async generator of it, for "
        f"which `{tests[0]}` says no, and nobody walks it, so nothing of `{name}` runs. Leave the "
        "`yield` out, or walk what is one."
    )
    return Finding(why)


def _unchecked(evidence: Evidence) -> Finding | None:
    """The ``try`` around a call expects an error that is raised at the first step."""
    use, unit = _generator(evidence), evidence.unit
    made = evidence.units.definition(use.info.code) if use and use.info else None
    guard = unit.enclosing(use.node, ast.Try) if use else None
    if use is None or made is None or guard is None:
        return None
    checks = _before_yield(made[1])
    raised = {name for each in checks for name in _raised_names(each)}
    caught = {each.id for h in guard.handlers if h.type for each in ast.walk(h.type)
              if isinstance(each, ast.Name)}  # fmt: skip
    if not raised & caught:
        return None
    why = (
        f"{short(unit, use.node)} checks nothing yet: an async generator runs none of its body "
        "before the first step, so nothing is raised here."
    )
    return Finding(why, _checked_at_once(evidence, *made, len(checks)))


def _before_yield(function: Function) -> list[ast.stmt]:
    checks: list[ast.stmt] = []
    for statement in function.body:
        if any(isinstance(node, ast.Yield | ast.Await) for node in ast.walk(statement)):
            break
        checks.append(statement)
    return checks


def _raised_names(statement: ast.stmt) -> Iterator[str]:
    for node in ast.walk(statement):
        error = node.exc if isinstance(node, ast.Raise) else None
        if isinstance(error := behind_call(error), ast.Name):
            yield error.id


@correction
def _checked_at_once(fixing: Fixing, unit: Unit, function: Function, count: int) -> None:
    """A plain function that checks, and returns an async generator made inside."""
    rest = function.body[count:]
    if not rest or not isinstance(function, ast.AsyncFunctionDef):
        return
    name = fixing.fresh(unit, "items")
    edits = fixing.of(unit)
    start = unit.source.span(function).start
    edits.replace(Span(start, start + len("async ")), "")
    first, last = unit.source.block(rest[0]).start, unit.source.block(rest[-1]).end
    by = unit.source.indent(rest[0])
    body = indent(unit.text[first:last].rstrip("\n"), "    ")
    edits.replace(Span(first, last), f"{by}async def {name}():\n{body}\n{by}return {name}()\n")


_NEVER = "async-generator-never-iterated", "an async generator that nobody walks", 1, _UNWALKED

_YIELDED = (
    "yields-inner-generator",
    "a generator yielded as one item",
    4,
    (
        "`yield gen()` hands out the generator object. There is no `yield from` in an async "
        "generator: `async for x in gen(): yield x`."
    ),
)
RULES = (
    Rule(*_NEVER, _shown, "value"),
    Rule(
        "async-generator-truth-value",
        "an async generator in a test",
        2,
        "An async generator object is always true, whether it would give an item or not. "
        "Collect the items, or ask for one: `await anext(gen, None)`.",
        _tested,
        sees="lost | unwalked",
    ),
    Rule(*_NEVER, _lost, sees="lost"),
    Rule(*_YIELDED, _inner, sees="shown"),
    Rule(*_YIELDED, _inner, errors=(TypeError, AttributeError)),
    Rule(
        "async-generator-function-is-not-coroutine-function",
        "an async generator function taken for a plain one",
        3,
        "`iscoroutinefunction` is False for an `async def` with `yield`: ask "
        "`inspect.isasyncgenfunction` too, and walk what it gives.",
        _chosen,
        sees="shown",
    ),
    Rule(*_NEVER, _printed, sees="shown"),
    Rule(*_NEVER, _arrived, sees="unwalked"),
    Rule(*_NEVER, _passed_over, sees="unwalked"),
    Rule(*_NEVER, _unchecked, sees="unchecked"),
)
