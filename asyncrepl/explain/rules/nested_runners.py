"""``with asyncio.Runner()`` where a loop is running: its end is refused, as its runs are."""

from __future__ import annotations

import ast
import asyncio
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, correction
from asyncrepl.explain.scopes import CannotFixError
from asyncrepl.syntax.names import callee_name
from asyncrepl.syntax.source_rewriter import Span

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Unit

_WHY = "A loop is running already, here as in any `async def`: `await` the coroutine instead."


def _runner_inside(evidence: Evidence) -> Finding | None:
    """``with asyncio.Runner() as runner:``: its end is refused, after all that was run in it."""
    if not evidence.nodes or asyncio.Runner.close.__code__ not in evidence.inner:
        return None
    place = evidence.nodes[-1]  # the block, or since 3.12 what it enters
    block = evidence.node(ast.With) or evidence.unit.enclosing(place, ast.With)
    if block is None:
        return None
    made = block.items[0]
    if len(block.items) != 1 or not isinstance(made.optional_vars, ast.Name):
        return Finding(_WHY)
    return Finding(_WHY, _without_runner(evidence, block, made.optional_vars.id))


@correction
def _without_runner(fixing: Fixing, block: ast.With, name: str) -> None:
    """``with asyncio.Runner() as runner: runner.run(main())`` → ``await main()``."""
    unit = fixing.evidence.unit
    source, edits = unit.source, fixing.of(unit)
    inside = [each for part in block.body for each in ast.walk(part)]
    by = len(source.indent(block.body[0])) - len(source.indent(block))
    if block.body[0].lineno == block.lineno or any(map(_goes_over_lines, inside)):
        raise CannotFixError
    edits.replace(Span(source.block(block).start, source.block(block.body[0]).start), "")
    for line in range(block.body[0].lineno, (block.end_lineno or 0) + 1):
        edits.replace(Span(start := source.starts[line - 1], start + by), "")
    for each in inside:
        if isinstance(each, ast.Name) and each.id == name:
            call = _run_of_one(unit, each)
            if call.end_lineno == call.lineno:
                edits.replace(call, f"await {source.operand(call.args[0])}")
            else:  # its brackets stay, and its lines
                edits.replace(call.func, "await ")
            fixing.suspending(unit, call)


def _goes_over_lines(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant | ast.JoinedStr) and node.end_lineno != node.lineno


def _run_of_one(unit: Unit, runner: ast.Name) -> ast.Call:
    """The call in ``runner.run(main())``."""
    method = unit.parents.get(runner)
    call = unit.parents.get(method) if isinstance(method, ast.Attribute) else None
    if not isinstance(call, ast.Call) or callee_name(call) != "run" or len(call.args) != 1:
        raise CannotFixError
    return call


RULES = (
    Rule(
        "asyncio-run-inside-the-loop",
        "`asyncio.Runner` inside the running loop",
        3,
        "Inside an `async def` a loop is already running: write `await main()` instead of "
        "`runner.run(main())`.",
        _runner_inside,
        errors=(RuntimeError,),
    ),
)
