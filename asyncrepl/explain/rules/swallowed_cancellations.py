"""Cancellations that an ``except``, or a ``with suppress(…)``, takes away; or that hit oneself."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, correction, short
from asyncrepl.explain.rules.endless_loops import may_end
from asyncrepl.explain.scopes import (
    LIMITS,
    CannotFixError,
    awaited_in_loop,
    catches,
    caught_kinds,
    enters,
    is_while_true,
    needs_cancelled,
    own_nodes,
    scope,
    suppressed_kinds,
)
from asyncrepl.explain.value_origins import reached_functions
from asyncrepl.syntax.names import FUNCTIONS, callee_name, last_name
from asyncrepl.syntax.source_rewriter import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Function, Unit

    _Swallowing = ast.ExceptHandler | ast.With

_CANCELLED = ("CancelledError", "BaseException")


def _swallowed(evidence: Evidence) -> Finding | None:
    home = evidence.units.definition(evidence.finding.info.code)
    if home is None:
        return None
    name = f"`{home[1].name}`"
    handlers: list[tuple[Unit, _Swallowing]] = []
    for unit, function in reached_functions(evidence, *home):
        handlers += ((unit, each) for each in _swallowing(function))
        handlers += ((unit, each) for each in _suppressing(function))
    if len(handlers) != 1 or may_end(evidence, *handlers[0]):
        return None
    unit, handler = handlers[0]
    if _ends_in(unit, handler) and (isinstance(handler, ast.With) or _is_unasked(evidence)):
        return None
    said = short(unit, handler).partition(":")[0].strip("`")
    why = f"{name} was cancelled and does not end so: `{said}` caught the CancelledError."
    if isinstance(handler, ast.With):
        return Finding(why, _put_around(evidence, unit, handler))
    return Finding(why, _let_through(evidence, unit, handler))


def _ends_in(unit: Unit, handler: _Swallowing) -> bool:
    """Whether `handler` is for the cancellation of a task, by its name, and leaves any loop."""
    plain = isinstance(handler, ast.With)
    kinds = suppressed_kinds(handler)
    if isinstance(handler, ast.ExceptHandler):
        kinds = caught_kinds(handler.type)
    if not any(last_name(each) == "CancelledError" for each in kinds) or _goes_round(handler):
        return False
    if not plain and isinstance(handler.body[-1], ast.Return | ast.Break | ast.Assign):
        return True
    for around in unit.ancestors(handler):
        if isinstance(around, FUNCTIONS):
            break
        if isinstance(around, ast.For | ast.While | ast.AsyncFor) or enters(around, LIMITS):
            return False  # it goes on, or what was cancelled is the limit's
    return not awaited_in_loop(unit, handler)


def _goes_round(handler: _Swallowing) -> bool:
    """Whether a handler itself ends with a loop that waits, and has no end."""
    last = handler.body[-1]
    waits = any(isinstance(each, ast.Await) for each in ast.walk(last))
    return isinstance(handler, ast.ExceptHandler) and is_while_true(last) and waits


def _is_unasked(evidence: Evidence) -> bool:
    """Whether nobody waits for the task, or somebody who reckons with its cancellation."""
    if evidence.finding.number:
        return True
    if evidence.finding.made is None:
        called = evidence.units.called()
        asked = any(each.rpartition(".")[2] == "cancelled" for each in called)
        if "asyncio.wait" in called and not asked:  # to which it is all one
            return True
        waits = evidence.units.nodes(ast.Await)
        return any(needs_cancelled(each, unit.function(each)) for unit, each in waits)
    unit, line = evidence.made or (evidence.unit, 0)
    blocks: list[ast.Try | ast.With] = [*unit.nodes(ast.Try), *unit.nodes(ast.With)]
    return any(
        each.body[0].lineno <= line <= (each.body[-1].end_lineno or 0) and _reckons(each)
        for each in blocks
    )


def _reckons(node: ast.Try | ast.With) -> bool:
    """Whether a CancelledError in its body is caught."""
    if isinstance(node, ast.Try):
        return any(catches(each, *_CANCELLED) for each in node.handlers)
    return _suppresses(node)


_WAITS = (ast.Await, ast.AsyncFor, ast.AsyncWith, ast.Yield)


def _suppressing(function: Function) -> Iterator[ast.With]:
    for node in own_nodes(function):
        if not isinstance(node, ast.With) or not _suppresses(node):
            continue
        if any(isinstance(each, _WAITS) for part in node.body for each in ast.walk(part)):
            yield node


def _swallowing(function: Function) -> Iterator[ast.ExceptHandler]:
    for node in own_nodes(function):
        if not isinstance(node, ast.Try):
            continue
        if any(isinstance(each, _WAITS) for body in node.body for each in ast.walk(body)):
            for handler in node.handlers:
                if catches(handler, *_CANCELLED) and not _raises(handler):
                    yield handler
                if catches(handler, *_CANCELLED):
                    break  # it does not come to those below


def _suppresses(block: ast.With) -> bool:
    return any(last_name(each) in _CANCELLED for each in suppressed_kinds(block))


def _raises(handler: ast.ExceptHandler) -> bool:
    return any(isinstance(each, ast.Raise) for each in ast.walk(handler))


@correction
def _let_through(fixing: Fixing, unit: Unit, handler: ast.ExceptHandler) -> None:
    """Catch Exception instead; of CancelledError alone, raise it again."""
    edits, kind = fixing.of(unit), handler.type
    if _goes_round(handler):
        raise CannotFixError  # it is not the catching that has to go
    if kind is None:
        at = unit.source.span(handler).start + len("except")
        edits.replace(Span(at, at), " Exception")
    elif last_name(kind) == "BaseException":
        edits.replace(kind, "Exception")
    elif isinstance(kind, ast.Tuple):
        others = [e for e in kind.elts if last_name(e) not in _CANCELLED]
        texts = [*map(unit.source.source, others)] or ["Exception"]
        edits.replace(kind, texts[0] if len(texts) == 1 else f"({', '.join(texts)})")
    elif all(isinstance(each, ast.Pass) for each in handler.body):
        edits.replace(handler.body[0], "raise")
    else:
        last = handler.body[-1]
        if isinstance(last, ast.Return | ast.Continue | ast.Break):
            edits.replace(last, "raise")
        else:
            edits.lines_after(last, "raise")


@correction
def _put_around(fixing: Fixing, unit: Unit, block: ast.With) -> None:
    """``while x:`` with nothing but ``with suppress(…):`` in it → the ``with`` around the loop.

    Of what suppresses everything: it suppresses errors only.
    """
    loop, (kind, *others) = unit.parents.get(block), suppressed_kinds(block)
    if last_name(kind) == "BaseException" and not others:
        fixing.of(unit).replace(kind, "Exception")
        return
    if last_name(kind) != "CancelledError" or others:
        return
    if not isinstance(loop, ast.While | ast.For | ast.AsyncFor) or loop.body != [block]:
        return
    heads = [_head(unit, loop), _head(unit, block)]
    texts = [unit.text[head.start : head.end] for head in heads]
    if loop.orelse or not all(each.endswith(":") and "\n" not in each for each in texts):
        return
    for head, text in zip(heads, reversed(texts), strict=True):
        fixing.of(unit).replace(head, text)


def _head(unit: Unit, statement: ast.With | ast.While | ast.For | ast.AsyncFor) -> Span:
    start, body = unit.source.span(statement).start, unit.source.span(statement.body[0]).start
    return Span(start, start + len(unit.text[start:body].rstrip()))


def _cancels_itself(evidence: Evidence) -> Finding | None:
    """A task that cancels the one in an attribute, which is itself, and then awaits more."""
    node, unit = evidence.seen_node, evidence.unit
    function = scope(unit, node)
    if function is None or not isinstance(node, ast.Attribute):
        return None  # a name may be that of each of many
    nodes = [each for each in own_nodes(function) if getattr(each, "lineno", 0) > node.lineno]
    meant = any(callee_name(each) == "current_task" for each in own_nodes(function))
    waits = [each for each in nodes if isinstance(each, ast.Await)]
    if meant or not waits or _is_meant_to_fail(unit, waits[0], node):
        return None
    text = unit.source.source(node)
    why = (
        f"`{text}` is the very task that runs here: `{text}.cancel()` cancels "
        "itself. The next `await` raises a CancelledError, and what follows is never done."
    )
    return Finding(why, _but_itself(evidence, unit, node))


def _is_meant_to_fail(unit: Unit, waits: ast.Await, cancelled: ast.expr) -> bool:
    """Whether the await is there to be cancelled: in a ``try`` of its own, or a loop's pause."""
    around = list(unit.ancestors(waits))
    blocks = [each for each in around if isinstance(each, ast.Try | ast.With)]
    own = any(each.lineno > cancelled.lineno for each in blocks)
    loops = [each for each in unit.ancestors(cancelled) if isinstance(each, ast.While | ast.For)]
    pause = callee_name(waits.value) == "sleep"
    return own or (pause and any(unit.statement(waits) is each.body[-1] for each in loops))


@correction
def _but_itself(fixing: Fixing, unit: Unit, task: ast.expr) -> None:
    """``if task is not asyncio.current_task():``."""
    statement, by = unit.statement(task), "    " + unit.source.indent(unit.statement(task))
    test = f"if {unit.source.source(task)} is not asyncio.current_task():"
    if isinstance(statement, ast.Expr) and unit.source.begins_line(statement):
        fixing.of(unit).replace(statement, f"{test}\n{by}{unit.source.source(statement)}")


RULES = (
    Rule(
        "except-swallows-cancellation",
        "an `except` that swallows a cancellation",
        5,
        "`task.cancel()` raises CancelledError at the `await`. A bare `except` or `except "
        "BaseException` catches it too; let it through with `except Exception`, or raise it.",
        _swallowed,
        sees="swallowed",
    ),
    Rule(
        "fire-and-forget-in-loop",
        "a task that cancels itself",
        5,
        "`task.cancel()` raises a CancelledError where the task awaits next, also in its own.",
        _cancels_itself,
        sees="own cancel",
    ),
)
