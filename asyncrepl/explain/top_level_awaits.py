"""A program that ``python`` can run stays one: what a correction awaits at the top of a file.

At a prompt, and in a file that awaits there already, the top runs on a loop. There an
``asyncio.run(main())`` of the program's own is refused, and becomes ``await main()``. Any other
file has no loop at its top: a single ``await call()`` becomes ``asyncio.run(call())``, and with
more than that the rest of the file becomes a coroutine function, which is run.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from asyncrepl.explain.fresh_names import fresh
from asyncrepl.explain.scopes import own_nodes, scope
from asyncrepl.explain.source_places import deepen, first_after_head
from asyncrepl.explain.source_units import FUNCTIONS, Unit, parsed
from asyncrepl.instrument.compilation import needs_loop
from asyncrepl.syntax.names import callee_name, canonical_name
from asyncrepl.syntax.source_rewriter import Span, parses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.explain.explanation import Fix
    from asyncrepl.explain.source_units import Units

__all__ = ["on_one_loop"]

#: What a loop that runs already refuses.
_RUNNING = {"asyncio.run", "asyncio.Runner().run"} | {
    f"asyncio.{name}().run_until_complete" for name in ("new_event_loop", "get_event_loop")
}


def on_one_loop(fix: Fix, units: Units) -> Fix:
    """`fix`, in which no file awaits at its top, unless it did so before.

    Where that cannot be written, no text both awaits at its top and calls ``asyncio.run`` there.
    """
    texts = [(name, _on_one_loop(name, text, units)) for name, text in fix.texts.items()]
    (name, text), *more = texts
    return fix._replace(filename=name, text=text, more=tuple(more))


def _on_one_loop(name: str, text: str, units: Units) -> str:
    before = units.get(name)
    if before is None or needs_loop(before.text) or not needs_loop(text):
        return text
    unit = Unit(name, text, parsed(text))
    if not name.startswith("<input "):
        for rewritten in (_run_once(unit), _in_main(unit)):
            if rewritten and parses(rewritten) and not needs_loop(rewritten):
                return rewritten
    edits = unit.rewriting()
    for call in _own_runs(unit):
        edits.replace(call, f"await {unit.source.source(call.args[0])}")
    return edits.apply()


def _own_runs(unit: Unit) -> Iterator[ast.Call]:
    """Where the text runs its one positional argument, a coroutine, on a loop of asyncio's."""
    for call in unit.nodes(ast.Call):
        runs = canonical_name(call.func) in _RUNNING and len(call.args) == 1
        if runs and scope(unit, call) is None:
            yield call


def _suspending(statement: ast.stmt) -> list[ast.AST]:
    if isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
        return []
    kinds = (ast.Await, ast.AsyncFor, ast.AsyncWith)
    return [
        node
        for node in own_nodes(statement)
        if isinstance(node, kinds) or (isinstance(node, ast.comprehension) and node.is_async)
    ]


def _run_once(unit: Unit) -> str:
    """``asyncio.run(call())``, where that is all; else an empty string."""
    found = [node for each in unit.tree.body for node in _suspending(each)] if unit.tree else []
    node = found[0] if len(found) == 1 else None
    call = node.value if isinstance(node, ast.Await) else None
    if node is None or not isinstance(call, ast.Call) or not _makes_coroutine(unit, call):
        return ""
    edits = unit.rewriting()
    edits.replace(node, f"asyncio.run({unit.source.source(call)})")
    _import_asyncio(unit, edits)
    return edits.apply()


def _makes_coroutine(unit: Unit, call: ast.Call) -> bool:
    named = [each for each in unit.functions() if each.name == callee_name(call)]
    return bool(named) and all(
        isinstance(each, ast.AsyncFunctionDef)
        and not any(isinstance(node, ast.Yield) for node in own_nodes(each))
        for each in named
    )


def _import_asyncio(unit: Unit, edits: object) -> None:
    known = any(
        alias.name == "asyncio" and alias.asname is None
        for node in unit.nodes(ast.Import)
        for alias in node.names
    )
    if not known:
        edits.insert(first_after_head(unit), "import asyncio\n")  # type: ignore[attr-defined]


def _in_main(unit: Unit) -> str:
    """The statements from the first that suspends to the end, in a coroutine function."""
    body = unit.tree.body if unit.tree else []
    first = next((n for n, each in enumerate(body) if _suspending(each)), None)
    if first is None:
        return ""
    before, rest, edits = body[:first], body[first:], unit.rewriting()
    name = fresh(unit, "main")
    for call in _own_runs(unit):
        if unit.source.span(call).start >= unit.source.span(rest[0]).start:
            edits.replace(call, f"await {unit.source.source(call.args[0])}")
    guard = _guard(rest)
    inside = guard.body if guard is not None else rest
    start, end = unit.source.block(inside[0]).start, unit.source.block(inside[-1]).end
    head = f"async def {name}():\n" + _globals(before, inside)
    if guard is not None:
        text = unit.text[unit.source.line_start(unit.source.span(guard).start) : start]
        edits.replace(Span(unit.source.line_start(unit.source.span(guard).start), start), head)
        tail = f"\n\n{text}    asyncio.run({name}())\n"
    else:
        edits.insert(start, head)
        deepen(edits, unit, start, end, "")
        tail = f"\n\nasyncio.run({name}())\n"
    edits.insert(end, tail if unit.text[:end].endswith("\n") else "\n" + tail)
    _import_asyncio(unit, edits)
    return edits.apply()


def _guard(rest: list[ast.stmt]) -> ast.If | None:
    """``if __name__ == "__main__":``, if that is all."""
    found = rest[0] if len(rest) == 1 else None
    if not isinstance(found, ast.If) or found.orelse:
        return None
    names = [each.id for each in ast.walk(found.test) if isinstance(each, ast.Name)]
    return found if "__name__" in names else None


def _globals(before: list[ast.stmt], inside: list[ast.stmt]) -> str:
    """The names bound in what is moved that are bound in front, or used by functions there."""
    used = {
        name
        for statement in before
        for outer in ast.walk(statement)
        if isinstance(outer, FUNCTIONS)
        for name in _free_names(outer)
    }
    names = sorted((used | _bound(before)) & _bound(inside))
    return f"    global {', '.join(names)}\n" if names else ""


def _free_names(function: ast.AST) -> set[str]:
    """The names that a function uses and does not bind, unless it says that they are global."""
    names = [node for node in ast.walk(function) if isinstance(node, ast.Name)]
    own = {each.id for each in names if isinstance(each.ctx, ast.Store)}
    own |= {node.arg for node in ast.walk(function) if isinstance(node, ast.arg)}
    shared = {
        name for node in ast.walk(function) if isinstance(node, ast.Global) for name in node.names
    }
    return {each.id for each in names} - (own - shared)


def _bound(statements: list[ast.stmt]) -> set[str]:
    definitions = (*FUNCTIONS, ast.ClassDef)
    return {each.name for each in statements if isinstance(each, definitions)} | {
        node.id
        for each in statements
        if not isinstance(each, definitions)
        for node in own_nodes(each)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
