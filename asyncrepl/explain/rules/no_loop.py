"""A loop that is asked for and run where none is, as programs did up to Python 3.13.

``asyncio.get_event_loop()`` gives the loop that runs. Where none did, it made one in the
main thread; since Python 3.14 it makes none anywhere.
"""

from __future__ import annotations

import ast
import asyncio
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, Fix
from asyncrepl.explain.fix_editor import Fixing, short
from asyncrepl.explain.rule import Rule
from asyncrepl.syntax.names import callee_name

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Unit

__all__ = ["RULES"]

_RUNNERS = ("run_until_complete", "run_forever")


def _no_loop(evidence: Evidence) -> Finding | None:
    call = next((node for node in reversed(evidence.nodes) if isinstance(node, ast.Call)), None)
    by = evidence.inner[-1] if evidence.inner else None
    if call is None or by is None or callee_name(call) != "get_event_loop":
        return None
    if by.co_name != "get_event_loop" or "asyncio" not in by.co_filename:
        return None
    unit = evidence.unit
    uses = _uses(unit, call)
    if not any(isinstance(use, ast.Attribute) and use.attr in _RUNNERS for use in uses):
        return None
    why = (
        f"{short(unit, call)} gives the running loop, and none runs here: `asyncio.run` starts "
        "one and runs a coroutine on it."
    )
    return Finding(why, _run(evidence, call, uses) or _new(evidence, call))


def _uses(unit: Unit, call: ast.Call) -> list[ast.AST]:
    """What is done with the loop: the nodes around it, or around the name it is given."""
    name = _name(unit, call)
    if name is None:
        return [unit.parents[call]]
    loads = (n for n in unit.nodes(ast.Name) if n.id == name and isinstance(n.ctx, ast.Load))
    return [unit.parents[node] for node in loads]


def _name(unit: Unit, call: ast.Call) -> str | None:
    statement = unit.parents.get(call)
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
        return target.id if isinstance(target, ast.Name) else None
    return None


def _run(evidence: Evidence, call: ast.Call, uses: list[ast.AST]) -> Fix | None:
    """``asyncio.run(main())``, where that is all that is done with the loop."""
    unit, fixing = evidence.unit, Fixing(evidence)
    runs = [unit.parents[use] for use in uses]
    function = call.func
    if len(runs) != 1 or not isinstance(function, ast.Attribute):
        return None
    (run,) = runs
    if not isinstance(run, ast.Call) or callee_name(run) != _RUNNERS[0] or len(run.args) != 1:
        return None
    if not isinstance(run.args[0], ast.Call):
        return None  # perhaps a future, which `run` does not take
    module, coroutine = unit.source.source(function.value), unit.source.source(run.args[0])
    fixing.of(unit).replace(run, f"{module}.run({coroutine})")
    if _name(unit, call) is not None:
        fixing.of(unit).remove(unit.statement(call))
    return fixing.fix()


def _new(evidence: Evidence, call: ast.Call) -> Fix | None:
    fixing, function = Fixing(evidence), call.func
    if not isinstance(function, ast.Attribute):
        return None
    module = evidence.unit.source.source(function.value)
    fixing.of(evidence.unit).replace(function, f"{module}.new_event_loop")
    return fixing.fix()


def _made_too_early(evidence: Evidence) -> Finding | None:
    """A task or future made where nothing runs: at the top of a program, or called from there."""
    site = next((each for each in evidence.sites[::-1] if each.node(ast.Call)), None)
    by = evidence.inner[-1] if evidence.inner else None
    asked = next((n for n in reversed(evidence.nodes) if isinstance(n, ast.Call)), None)
    refused = callee_name(asked) == "get_running_loop" and evidence.direct
    within = by is not None and by.co_name in _MAKERS and "asyncio" in by.co_filename
    if site is None or not (refused or within) or asyncio._get_running_loop() is not None:  # noqa: SLF001  its public sister raises
        return None
    call = evidence.sites[0].node(ast.Call) or asked
    what = callee_name(asked)
    why = (
        f"{short(evidence.sites[0].unit, call)} makes {_MAKERS.get(what, 'a future')} for the "
        "loop that runs, and none runs here: it has to be made, and awaited, in an `async def`."
    ) if call is not None else ""  # fmt: skip
    return Finding(why) if why else None


_MAKERS = {"create_task": "a task", "ensure_future": "a task", "gather": "a future"}

RULES = (
    Rule(
        "run-until-complete-inside-the-loop",
        "a task where no loop runs",
        3,
        "Tasks and futures belong to the running loop. A program starts one with "
        "`asyncio.run(main())`, and makes and awaits its tasks in `main`.",
        _made_too_early,
        errors=(RuntimeError,),
    ),
    Rule(
        "run-until-complete-inside-the-loop",
        "`get_event_loop` where no loop runs",
        3,
        "`asyncio.get_event_loop()` gives the running loop, and since Python 3.14 it makes none "
        "where none runs. A program starts a loop with `asyncio.run(main())`.",
        _no_loop,
        errors=(RuntimeError,),
    ),
)
