"""What suspends, written where nothing can suspend.

All of these parse and are refused by the compiler. The node that cannot stay
where it is stands at the error's position; its scopes say why.
"""

from __future__ import annotations

import ast
from functools import partial
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, of_text
from asyncrepl.explain.fix_editor import Fixing, corrected, correction, replaced, short
from asyncrepl.explain.hoisted_code import (
    async_factory,
    default_inside,
    lambda_to_def,
    out_of_class,
)
from asyncrepl.explain.protocol_code import to_async_protocol
from asyncrepl.explain.scopes import annotated, is_async, is_generator, own_nodes, scope, scopes
from asyncrepl.instrument.compilation import starts_loop
from asyncrepl.syntax.names import FUNCTIONS, callee_name
from asyncrepl.syntax.source_rewriter import parses

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Unit


def misplaced(evidence: Evidence) -> ast.AST | None:
    """The node that suspends and is refused: at the error's place, or the first such."""
    return next((node for node in evidence.nodes if is_async(node)), None)


def _words(node: ast.AST) -> str:
    if isinstance(node, ast.AsyncFor):
        return "`async for`"
    if isinstance(node, ast.AsyncWith):
        return "`async with`"
    return "`await`" if isinstance(node, ast.Await) else "an asynchronous comprehension"


def _in_def(*kinds: type[ast.AST]) -> Callable[[Evidence], Finding | None]:
    """A rule for nodes of some kinds right in a plain ``def`` (not in an async one)."""

    def find(evidence: Evidence) -> Finding | None:
        node = misplaced(evidence)
        function = scope(evidence.unit, node) if isinstance(node, kinds) else None
        if node is None or not isinstance(function, ast.FunctionDef):
            return None
        why = (
            f"{_words(node)} can suspend, but `{function.name}` is a plain `def` and cannot be "
            "paused."
        )
        return Finding(why, _fix_def(evidence, function))

    return find


def _comprehension(*, by_await: bool) -> Callable[[Evidence], Finding | None]:
    inner = _in_def(ast.ListComp, ast.SetComp, ast.DictComp)

    def find(evidence: Evidence) -> Finding | None:
        clauses: list[ast.comprehension] = getattr(misplaced(evidence), "generators", [])
        awaits = not any(clause.is_async for clause in clauses)
        return inner(evidence) if awaits is by_await else None

    return find


def _nested(evidence: Evidence) -> Finding | None:
    node = misplaced(evidence)
    around = list(scopes(evidence.unit, node)) if node else []
    if not node or not around or not isinstance(around[0], ast.FunctionDef):
        return None
    outer = next((each for each in around[1:] if not isinstance(each, ast.FunctionDef)), None)
    if not isinstance(outer, ast.AsyncFunctionDef):
        return None
    why = (
        f"{_words(node)} stands in `{around[0].name}`, a plain `def`: being inside "
        f"`async def {outer.name}` does not make it async."
    )
    return Finding(why, _fix_def(evidence, around[0]))


@correction
def _fix_def(fixing: Fixing, function: ast.FunctionDef) -> None:
    unit = fixing.evidence.unit
    if function.name == "__init__":
        async_factory(fixing, unit, function)
    elif function.name in ("__iter__", "__next__", "__enter__", "__exit__"):
        to_async_protocol(fixing, unit, function)
    elif (
        function.name in _AWAITED
        or (function.name == "__aiter__" and is_generator(function))
        or not (function.name.startswith("__") or _done_callback(fixing, unit, function))
    ):
        fixing.make_async(unit, function)


#: Special methods whose result `async for` and `async with` await.
_AWAITED = ("__anext__", "__aenter__", "__aexit__")


def _done_callback(fixing: Fixing, unit: Unit, function: ast.FunctionDef) -> bool:
    """Ask a done callback's task for its result: it is done, there's nothing to await."""
    handed = any(
        callee_name(call) == "add_done_callback"
        and any(isinstance(each, ast.Name) and each.id == function.name for each in call.args)
        for call in unit.nodes(ast.Call)
    )
    awaits = [node for node in own_nodes(function) if isinstance(node, ast.Await)]
    tasks = [node for node in awaits if isinstance(node.value, ast.Name) and function.args.args]
    if not handed or not tasks or len(tasks) != len(awaits):
        return False
    for node in tasks:
        fixing.of(unit).replace(node, f"{unit.source.source(node.value)}.result()")
    return True


def _lambda(evidence: Evidence) -> Finding | None:
    node = misplaced(evidence)
    around = scope(evidence.unit, node) if node else None
    if node is None or not isinstance(around, ast.Lambda):
        return None
    why = f"{_words(node)} stands in a lambda, and a lambda is always a synchronous function."
    return Finding(why, corrected(evidence, lambda_to_def, evidence.unit, around))


def _class_body(evidence: Evidence) -> Finding | None:
    node = misplaced(evidence)
    around = scope(evidence.unit, node) if node else None
    if node is None or not isinstance(around, ast.ClassDef):
        return None
    why = (
        f"{_words(node)} stands in the body of class `{around.name}`, "
        "a synchronous scope of its own."
    )
    return Finding(why, corrected(evidence, out_of_class, evidence.unit, around, node))


def _default(evidence: Evidence) -> Finding | None:
    node = misplaced(evidence)
    unit = evidence.unit
    function = unit.enclosing(node, ast.AsyncFunctionDef) if node else None
    if node is None or function is None or function in scopes(unit, node):
        return None
    if annotated(unit, node) is not None or isinstance(scope(unit, node), ast.Lambda):
        return None
    why = (
        f"Defaults and decorators of `{function.name}` are evaluated outside of it, "
        "where the `def` stands, and there nothing can suspend."
    )
    return Finding(why, corrected(evidence, default_inside, unit, function, node))


def _annotation(evidence: Evidence) -> Finding | None:
    unit = evidence.unit
    for node in unit.nodes(ast.Await):
        holder = annotated(unit, node)
        alias = unit.statement(node)
        if holder is None and type(alias).__name__ != "TypeAlias":
            continue
        why = (
            f"{short(unit, node)} stands in an annotation, which cannot suspend: "
            "compute the type first."
        )
        if holder is not None:
            return Finding(why, _without_annotation(evidence, holder))
        name: ast.expr = alias.name  # type: ignore[attr-defined]  # ast.TypeAlias, 3.12 on
        word = unit.source.span(alias)._replace(end=unit.source.span(name).start)
        return Finding(why, replaced(evidence, unit, (word, "")))
    return None


@correction
def _without_annotation(fixing: Fixing, holder: ast.AST) -> None:
    unit = fixing.evidence.unit
    note = getattr(holder, "annotation", None)
    if isinstance(holder, ast.arg) and note is not None:
        start = unit.source.span(holder).start + len(holder.arg)
        end = unit.source.span(note).end
    elif isinstance(holder, ast.FunctionDef | ast.AsyncFunctionDef) and holder.returns:
        end = unit.source.span(holder.returns).end
        start = unit.text.rindex("->", 0, unit.source.span(holder.returns).start)
        start = len(unit.text[:start].rstrip())
    elif isinstance(holder, ast.AnnAssign) and holder.value is not None:
        start, end = unit.source.span(holder.target).end, unit.source.span(holder.annotation).end
    else:
        return
    fixing.of(unit).replace(unit.source.span(holder)._replace(start=start, end=end), "")


def _at_the_top(evidence: Evidence) -> Finding | None:
    """In a file that starts its loop itself: what else stands at its top runs without one."""
    node, unit = misplaced(evidence), evidence.unit
    if node is None or scope(unit, node) is not None:
        return None
    if not parses(unit.text) or not starts_loop(unit.text):
        return None
    why = (
        f"{_words(node)} in line {getattr(node, 'lineno', 0)} stands at the top of the file, in "
        "no `async def`, and no loop runs there."
    )
    return Finding(why, _below_or_run(evidence, node))


@correction
def _below_or_run(fixing: Fixing, node: ast.AST) -> None:
    """Put what stands right below an ``async def`` into it; have ``await f()`` run by itself."""
    unit = fixing.evidence.unit
    slipped = _right_below(unit, unit.statement(node))
    call = node.value if isinstance(node, ast.Await) else None
    if slipped:
        function, *statements = slipped
        by = unit.source.indent(function.body[0])  # type: ignore[attr-defined]  # a function
        for line in range(statements[0].lineno, (statements[-1].end_lineno or 0) + 1):
            fixing.of(unit).insert(unit.source.starts[line - 1], by)
    elif isinstance(call, ast.Call) and any(
        isinstance(function, ast.AsyncFunctionDef)
        for _, function in fixing.evidence.units.functions(callee_name(call))
    ):
        fixing.of(unit).replace(node, f"asyncio.run({unit.source.source(call)})")


def _right_below(unit: Unit, statement: ast.stmt) -> list[ast.stmt]:
    """An ``async def``, and the statements right below it up to an empty line or a definition."""
    body = unit.tree.body if unit.tree is not None else []
    found: list[ast.stmt] = []
    for each in body:
        joined = bool(found) and each.lineno == (found[-1].end_lineno or 0) + 1
        if joined and not isinstance(each, (*FUNCTIONS, ast.ClassDef)):
            found.append(each)
        elif statement in found:
            break
        else:
            found = [each] if isinstance(each, ast.AsyncFunctionDef) else []
    texts = [n for each in found for n in ast.walk(each) if isinstance(n, ast.Constant)]
    whole = all(each.lineno == each.end_lineno for each in texts)
    return found if statement in found and whole else []


_rule = partial(of_text, stage="compile")
RULES = (
    _rule(
        "await-in-annotation",
        "`await` in an annotation",
        "Annotations are evaluated lazily or in a scope of their own and cannot suspend; since "
        "Python 3.14 `await` there is always an error. Compute the type first.",
        _annotation,
    ),
    _rule(
        "await-in-default-of-async-def",
        "`await` in a default or decorator",
        "Default values and decorators are evaluated once, by the scope that holds the `def`, "
        "not inside the function. There `await` is only allowed if that scope is async itself.",
        _default,
    ),
    _rule(
        "await-in-lambda",
        "`await` in a lambda",
        "A lambda is always a synchronous function of its own. Write an `async def`, or pass "
        "the coroutine function itself.",
        _lambda,
    ),
    _rule(
        "await-in-class-body",
        "`await` in a class body",
        "A class body is its own synchronous scope: top-level await does not reach into it. "
        "Get the value first, or in an async factory method.",
        _class_body,
    ),
    _rule(
        "async-for-in-nested-def",
        "a plain `def` inside an `async def`",
        "Being async does not nest: every `def` opens a new synchronous scope, also inside "
        "`async def`. The inner function needs its own `async def`.",
        _nested,
    ),
    _rule(
        "async-for-in-sync-def",
        "`async for` in a plain `def`",
        "`async for` can suspend at every step, so it is only allowed where the whole function "
        "can suspend: inside `async def`, or typed directly at this prompt. Make the function "
        "`async def` and await it.",
        _in_def(ast.AsyncFor),
    ),
    _rule(
        "async-with-in-sync-def",
        "`async with` in a plain `def`",
        "`async with` awaits `__aenter__` and `__aexit__`, so like `await` it needs an "
        "enclosing `async def`.",
        _in_def(ast.AsyncWith),
    ),
    _rule(
        "await-in-comprehension-in-sync-def",
        "`await` in a comprehension in a plain `def`",
        "A comprehension with `await` in it is asynchronous even without `async for`: it "
        "suspends its function, which therefore has to be `async def`.",
        _comprehension(by_await=True),
    ),
    _rule(
        "async-comprehension-in-sync-def",
        "an async comprehension in a plain `def`",
        "A list, set or dict comprehension with `async for` runs on the spot and suspends the "
        "function it stands in, so that function must be `async def`. (Only a generator "
        "expression may hold `async for` in a plain def, because it is not run there.)",
        _comprehension(by_await=False),
    ),
    _rule(
        "await-in-sync-def",
        "`await` in a plain `def`",
        "`await` hands control to the event loop and can only do so from a function that can be "
        "paused: an `async def`. A plain `def` has to become `async def`, and its callers then "
        "await it.",
        _in_def(ast.Await),
    ),
    _rule(
        "await-in-sync-def",
        "`await` at the top of a file",
        "`await`, `async for` and `async with` belong into an `async def`, which `asyncio.run` "
        "runs. Only a prompt awaits at its top.",
        _at_the_top,
    ),
)
