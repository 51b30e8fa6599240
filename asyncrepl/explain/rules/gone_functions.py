"""What asyncio had once, and has no more: `asyncio.coroutine`, and arguments for a loop."""

from __future__ import annotations

import ast
import asyncio
import inspect
from asyncio import mixins
from types import CoroutineType
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, corrected, correction, short
from asyncrepl.explain.kinds import has
from asyncrepl.explain.scopes import CannotFixError, is_generator, own_nodes
from asyncrepl.syntax.names import callee_name, canonical_name, written_name
from asyncrepl.syntax.source_rewriter import Span

if TYPE_CHECKING:
    from collections.abc import Container

    from asyncrepl.events.object_info import ObjectInfo
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Unit

_COROUTINE = "asyncio.coroutine"


def _generator_function(evidence: Evidence) -> Finding | None:
    """``@asyncio.coroutine``, which is there no more, asked for or imported."""
    error, imported = evidence.error, evidence.node(ast.ImportFrom)
    if isinstance(error, AttributeError):
        gone = error.obj is asyncio and error.name == "coroutine" and evidence.direct
    else:
        named = [each.name for each in imported.names] if imported is not None else []
        gone = getattr(error, "name", None) == "asyncio" and "coroutine" in named
    if not gone or hasattr(asyncio, "coroutine"):
        return None
    why = "`@asyncio.coroutine` is gone since Python 3.11: write `async def` and `await`."
    return Finding(why, _all_modern(evidence))


def _delegation(evidence: Evidence) -> Finding | None:
    """``yield from`` a coroutine, in a plain generator."""
    use, unit = evidence.use("yield from"), evidence.unit
    if use is None or use.kind is not CoroutineType or not evidence.direct:
        return None
    function = unit.enclosing(use.node, ast.FunctionDef)
    if function is not None and _yields_besides(unit, function, use.owner):
        return None  # a generator in earnest: it hands on what it takes for many items
    given = evidence.resolver.awaited(use.info) if use.info is not None else []
    if isinstance(unit.parents.get(use.owner), ast.Expr) and any(map(_has_items, given)):
        return None  # so it does here: those of the result
    why = f"A plain generator cannot `yield from` a coroutine: `await` {short(unit, use.node)}."
    return Finding(why, corrected(evidence, _make_modern, function) if function else None)


def _has_items(info: ObjectInfo) -> bool:
    return has(info, "__iter__", "__aiter__") and info.kind is not str


def _yields_besides(unit: Unit, function: ast.FunctionDef, delegation: ast.AST) -> bool:
    used = not isinstance(unit.parents.get(delegation), ast.Expr)
    return not used and any(isinstance(node, ast.Yield) for node in own_nodes(function))


@correction
def _all_modern(fixing: Fixing) -> None:
    """Every function that ``@asyncio.coroutine`` decorates; no import or other name of that."""
    unit = fixing.evidence.unit
    given = [each for each in unit.nodes(ast.Assign) if canonical_name(each.value) == _COROUTINE]
    names = {written_name(each.targets[0]) for each in given} - {""}
    for each in given:
        fixing.of(unit).remove(each)
    for function in unit.nodes(ast.FunctionDef):
        if any(_is_gone(each, names) for each in function.decorator_list):
            _make_modern(fixing, function, names)
    for imported in unit.nodes(ast.ImportFrom):
        kept = [each for each in imported.names if each.name != "coroutine"]
        if imported.module != "asyncio" or kept == imported.names:
            continue
        if kept:
            texts = ", ".join(map(unit.source.source, kept))
            fixing.of(unit).replace(imported, f"from asyncio import {texts}")
        else:
            fixing.of(unit).remove(imported)


def _is_gone(decorator: ast.expr, names: Container[str]) -> bool:
    """Whether it is what is there no more, also by one of other `names`."""
    known = canonical_name(decorator) in (_COROUTINE, "types.coroutine")
    return known or written_name(decorator) in names


def _make_modern(fixing: Fixing, function: ast.FunctionDef, names: Container[str] = ()) -> None:
    unit = fixing.evidence.unit
    edits = fixing.of(unit)
    for decorator in function.decorator_list:
        if _is_gone(decorator, names):
            start = unit.source.line_start(unit.source.span(decorator).start)
            edits.replace(Span(start, unit.text.index("\n", start) + 1), "")
    edits.before(function, "async ")
    for node in own_nodes(function):
        if isinstance(node, ast.YieldFrom):
            if _is_generator_left(fixing, node.value, names):
                raise CannotFixError
            edits.replace(node, f"await {unit.source.source(node.value)}")


def _is_generator_left(fixing: Fixing, node: ast.expr, names: Container[str]) -> bool:
    """Whether it is the call of a plain generator that stays one, and cannot be awaited."""
    return isinstance(node, ast.Call) and any(
        isinstance(each, ast.FunctionDef)
        and is_generator(each)
        and not any(_is_gone(decorator, names) for decorator in each.decorator_list)
        for _, each in fixing.evidence.units.functions(callee_name(node))
    )


def _given_loop(evidence: Evidence) -> Finding | None:
    """``gather(…, loop=loop)``, as it was written up to Python 3.9."""
    call = evidence.node(ast.Call)
    by = evidence.inner[-1].co_filename if evidence.inner else mixins.__file__
    if call is None or by != mixins.__file__ or _loop_argument(call) is None:
        return None
    why = (
        f"{short(evidence.unit, call.func)} takes no `loop` since Python 3.10: what it gives "
        "belongs to the loop that runs where it is used."
    )
    return Finding(why, _without_loops(evidence))


def _loop_argument(call: ast.Call) -> ast.keyword | None:
    """The argument `loop` of a call of a function or class of asyncio's that has none."""
    home, _, name = (canonical_name(call.func) or "").rpartition(".")
    called = getattr(asyncio, name, None) if home == "asyncio" else None
    if called is None or not callable(called):
        return None
    bound = isinstance(called, type) and issubclass(called, mixins._LoopBoundMixin)  # noqa: SLF001
    if not bound and "loop" in inspect.signature(called).parameters:
        return None
    return next((each for each in call.keywords if each.arg == "loop"), None)


@correction
def _without_loops(fixing: Fixing) -> None:
    for unit, call in fixing.evidence.units.nodes(ast.Call):
        loop = _loop_argument(call)
        if loop is None:
            continue
        span = unit.source.span
        given = sorted([*call.args, *call.keywords], key=lambda each: span(each).start)
        at = given.index(loop)
        start, end = span(loop)
        if at:
            start = unit.text.rindex(",", span(given[at - 1]).end, start)
        elif len(given) > 1:
            end = span(given[1]).start
        fixing.of(unit).replace(Span(start, end), "")


_GENERATORS = (
    "legacy-generator-coroutine",
    "a coroutine written as a generator",
    3,
    (
        "`@asyncio.coroutine` is gone since Python 3.11; a plain generator cannot `yield from` "
        "a coroutine. Write `async def` and `await`."
    ),
)
RULES = (
    Rule(*_GENERATORS, _generator_function, errors=(AttributeError, ImportError)),
    Rule(*_GENERATORS, _delegation),
    Rule(
        "legacy-generator-coroutine",
        "a `loop` given to a function of asyncio's",
        3,
        "Since Python 3.10 locks, queues and asyncio's functions take the loop that runs where "
        "they are used, and no `loop` argument: `await asyncio.gather(first(), second())`.",
        _given_loop,
    ),
)
