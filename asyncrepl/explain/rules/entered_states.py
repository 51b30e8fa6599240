"""What asyncio lets one use within its ``with`` only, and what can be entered only once.

Task groups, timeouts and runners say so with a RuntimeError; what state they are in, they know.
"""

from __future__ import annotations

import ast
import asyncio
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import code_of
from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, correction, short
from asyncrepl.explain.held_operands import innermost_frame
from asyncrepl.explain.repairs.entered_operands import enter_rest
from asyncrepl.explain.repairs.repair_case import single_assignment
from asyncrepl.explain.scopes import CannotFixError, deepen, scope
from asyncrepl.explain.value_origins import loads

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Unit

#: What refuses to be used outside of the block, and to be entered again.
_USED = (asyncio.TaskGroup.create_task, asyncio.Timeout.reschedule)
_ENTERED = (asyncio.TaskGroup.__aenter__, asyncio.Timeout.__aenter__)
_RUNNER = vars(asyncio.Runner).get("_lazy_init")
_WITHS = (ast.With, ast.AsyncWith)


def _state(evidence: Evidence) -> str:
    """Whether what refused is "new", "over" or was entered "again"; empty if it is neither."""
    frame = innermost_frame(evidence)
    if evidence.direct or frame is None:
        return ""
    own, code = frame.f_locals.get("self"), frame.f_code
    if any(code is code_of(each) for each in _ENTERED):
        used = getattr(own, "_entered", None) or _name(own) in ("ENTERED", "EXITED", "EXPIRED")
        return "again" if used else ""
    if code is code_of(_RUNNER):
        return "over" if _name(own) == "CLOSED" else ""
    if not any(code is code_of(each) for each in _USED):
        return ""
    if getattr(own, "_entered", True) is False or _name(own) == "CREATED":
        return "new"
    ended = getattr(own, "_exiting", False) and not getattr(own, "_aborting", False)
    return "over" if ended or _name(own) == "EXITED" else ""


def _name(own: object) -> str:
    return getattr(getattr(own, "_state", None), "name", "")


def _outside(evidence: Evidence) -> Finding | None:
    """``group.create_task(work())`` before the block of the group, or after it."""
    state, call = _state(evidence), evidence.node(ast.Call)
    if state not in ("new", "over") or call is None or not isinstance(call.func, ast.Attribute):
        return None
    owner = call.func.value
    text = short(evidence.unit, owner)
    why = (
        f"The block of {text} has ended, and {text} with it: {short(evidence.unit, call)} belongs "
        "inside."
    )
    if state == "new":
        why = (
            f"{text} was made and not entered: {short(evidence.unit, call)} is for the inside of "
            "its `async with`."
        )
    return Finding(why, (_entered if state == "new" else _taken_in)(evidence, owner))


@correction
def _entered(fixing: Fixing, owner: ast.expr) -> None:
    """``group = TaskGroup()`` → ``async with TaskGroup() as group:`` around what follows."""
    unit = fixing.evidence.unit
    made = single_assignment(unit, owner)
    if not isinstance(owner, ast.Name) or not isinstance(made, ast.Call):
        raise CannotFixError
    if scope(unit, made) is not scope(unit, owner):
        raise CannotFixError
    enter_rest(fixing, unit, unit.statement(made), unit.source.source(made), owner.id)


@correction
def _taken_in(fixing: Fixing, owner: ast.expr) -> None:
    """The statement that follows the block directly becomes its last."""
    unit = fixing.evidence.unit
    statement = unit.statement(owner)
    block = _block_before(unit, statement)
    names = [each.optional_vars for each in block.items] if block is not None else []
    if block is None or not any(_same(unit, each, owner) for each in names):
        raise CannotFixError
    if not (unit.source.begins_line(statement) and unit.source.begins_line(block.body[0])):
        raise CannotFixError
    start, end = unit.source.block(statement)
    deepen(fixing.of(unit), unit, start, end, unit.source.indent(statement))


def _block_before(unit: Unit, statement: ast.stmt) -> ast.With | ast.AsyncWith | None:
    """The ``with`` that stands directly in front of `statement`."""
    for _, block in ast.iter_fields(unit.parents[statement]):
        if isinstance(block, list) and statement in block:
            before = block[: block.index(statement)][-1:]
            return before[0] if before and isinstance(before[0], _WITHS) else None
    return None


def _same(unit: Unit, one: ast.expr | None, other: ast.expr) -> bool:
    return one is not None and unit.source.source(one) == unit.source.source(other)


def _again(evidence: Evidence) -> Finding | None:
    """``async with limit:`` a second time."""
    entering = evidence.node(ast.AsyncWith)
    for node in evidence.nodes[-1:]:
        entering = entering or evidence.unit.enclosing(node, ast.AsyncWith)
    if _state(evidence) != "again" or entering is None or len(entering.items) != 1:
        return None
    item = entering.items[0]
    text = short(evidence.unit, item.context_expr)
    why = f"{text} has been entered before, and can be only once: each `async with` needs its own."
    return Finding(why, _made_anew(evidence, item))


@correction
def _made_anew(fixing: Fixing, item: ast.withitem) -> None:
    """``async with limit:`` → ``async with asyncio.timeout(3):``."""
    unit, name = fixing.evidence.unit, item.context_expr
    made = single_assignment(unit, name)
    if not isinstance(name, ast.Name) or not isinstance(made, ast.Call):
        raise CannotFixError
    kept = item.optional_vars is None and len(loads(unit, name)) > 1
    text = unit.source.source(made) + (f" as {name.id}" if kept else "")
    fixing.of(unit).replace(name, text)


RULES = (
    Rule(
        "used-outside-of-its-block",
        "a task group outside of its block",
        5,
        "A task group, a timeout and a runner are for the inside of their `with`: entering makes "
        "them ready, and at the end of the block they are done.",
        _outside,
        errors=(RuntimeError,),
    ),
    Rule(
        "entered-a-second-time",
        "entered a second time",
        5,
        "A task group or a timeout is for one block. Make another for the next: "
        "`async with asyncio.timeout(3):`.",
        _again,
        errors=(RuntimeError,),
    ),
)
