"""What asyncio's own objects refuse because of what was done with them before.

A task group that is over, a time limit that was entered, a lock that nobody holds, a future that
is done. Who refused is told by its code, in which state it was by the object itself.
"""

from __future__ import annotations

import ast
import asyncio
from asyncio.timeouts import _State  # type: ignore[attr-defined]
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import code_of
from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, correction, short
from asyncrepl.explain.held_operands import innermost_frame
from asyncrepl.explain.scopes import own_nodes, scope
from asyncrepl.explain.value_origins import bindings
from asyncrepl.syntax.names import callee_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Unit

_ID = "asyncio-object-in-another-state"


def _refusing(evidence: Evidence, function: object, kind: type) -> object:
    """The object of asyncio's whose own `function` has refused what the user's code called."""
    code, frame = code_of(function), innermost_frame(evidence)
    if code is None or frame is None or evidence.inner[-1:] != (code,):
        return None
    found = frame.f_locals.get(code.co_varnames[0])
    return found if isinstance(found, kind) else None


def _group_over(evidence: Evidence) -> Finding | None:
    """A task for a group outside of its ``async with``."""
    kind = asyncio.TaskGroup
    group, call = _refusing(evidence, kind.create_task, kind), evidence.node(ast.Call)
    if not isinstance(group, kind) or call is None:
        return None
    text = short(evidence.unit, call)
    if not group._entered:  # type: ignore[attr-defined]  # noqa: SLF001
        return Finding(f"{text} comes before the `async with` of its task group: enter it first.")
    if group._aborting or not group._exiting:  # type: ignore[attr-defined]  # noqa: SLF001
        return None  # a task of it failed, which is told
    why = (
        f"{text} comes when the block of its task group is over: a group takes tasks inside of "
        "its `async with` only, and waits at the end for those it has."
    )
    return Finding(why)


def _entered_again(evidence: Evidence) -> Finding | None:
    """A time limit, or a task group, in a second ``async with``."""
    limit = _refusing(evidence, asyncio.Timeout.__aenter__, asyncio.Timeout)
    group = _refusing(evidence, asyncio.TaskGroup.__aenter__, asyncio.TaskGroup)
    if isinstance(limit, asyncio.Timeout):
        again = limit._state is not _State.CREATED  # type: ignore[attr-defined]  # noqa: SLF001
    else:
        again = isinstance(group, asyncio.TaskGroup) and group._entered  # type: ignore[attr-defined]  # noqa: SLF001
    block = evidence.node(ast.AsyncWith) or _block_of(evidence)
    if not again or block is None:
        return None
    names = [item.context_expr for item in block.items]
    text = evidence.unit.source.source(names[0])
    what = "timeout" if limit is not None else "TaskGroup"
    why = (
        f"`{text}` is one `asyncio.{what}`, and was entered already: make a new one for each "
        "`async with`."
    )
    return Finding(why, _made_anew(evidence, names[0]) if len(names) == 1 else None)


def _block_of(evidence: Evidence) -> ast.AsyncWith | None:
    at = evidence.nodes[-1] if evidence.nodes else None
    return evidence.unit.enclosing(at, ast.AsyncWith) if at is not None else None


@correction
def _made_anew(fixing: Fixing, name: ast.expr) -> None:
    """``limit = timeout(1)`` … ``async with limit`` → ``async with timeout(1)``."""
    unit = fixing.evidence.unit
    bound = bindings(unit, name)[1] if isinstance(name, ast.Name) else []
    made = unit.enclosing(bound[0], ast.Assign) if len(bound) == 1 else None
    if made is None or not isinstance(made.value, ast.Call) or len(made.targets) != 1:
        return
    uses = [n for n in unit.nodes(ast.Name) if n.id == name.id]  # type: ignore[attr-defined]
    text = unit.source.source(made.value)
    edits = fixing.of(unit)
    if len(uses) == 2:
        edits.remove(made)
        edits.replace(name, text)
    else:
        edits.replace(name, f"{text} as {name.id}")  # type: ignore[attr-defined]


def _released(evidence: Evidence) -> Finding | None:
    """A lock, or a permit, given back by who has not got it, or for the second time."""
    lock = _refusing(evidence, asyncio.Lock.release, asyncio.Lock)
    permit = _refusing(evidence, asyncio.BoundedSemaphore.release, asyncio.BoundedSemaphore)
    call, unit = evidence.node(ast.Call), evidence.unit
    if (lock is None and permit is None) or call is None or not _is_method(call, "release"):
        return None
    text = unit.source.source(call.func.value)  # type: ignore[attr-defined]
    for block in _tries_around(unit, call):
        if _within(call, block.finalbody) and _calls(block.body, text, "acquire", unit):
            why = (
                f"`{text}.acquire()` stands inside the `try` whose `finally` releases it: where "
                "it fails, by a timeout or a cancellation, nothing was taken, and it is released "
                f"all the same. Take it in front of the `try`, or with `async with {text}`."
            )
            return Finding(why)
        others = [*block.body, *block.handlers, *block.orelse]
        if _within(call, block.finalbody) and _calls(others, text, "release", unit):
            why = (
                f"`{text}` is released twice: in the `try` or an `except`, and in its `finally`, "
                f"which runs in any case. `async with {text}` releases it once."
            )
            return Finding(why)
    return None


def _tries_around(unit: Unit, node: ast.AST) -> Iterator[ast.Try]:
    function = scope(unit, node)
    yield from (
        each
        for each in unit.ancestors(node)
        if isinstance(each, ast.Try) and scope(unit, each) is function
    )


def _within(node: ast.AST, body: list[ast.stmt]) -> bool:
    return any(each is node for part in body for each in ast.walk(part))


def _calls(body: list[ast.AST] | list[ast.stmt], text: str, method: str, unit: Unit) -> bool:
    """Whether `method` of what is written `text` is called in the `body`."""
    return any(
        isinstance(each, ast.Call)
        and _is_method(each, method)
        and unit.source.source(each.func.value) == text  # type: ignore[attr-defined]
        for part in body
        for each in own_nodes(part)
    )


def _is_method(call: ast.Call, method: str) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr == method


def _done_already(evidence: Evidence) -> Finding | None:
    """``set_result`` of a future that is done: perhaps cancelled by who waited for it."""
    call, unit = evidence.node(ast.Call), evidence.unit
    setters = ("set_result", "set_exception")
    if call is None or callee_name(call) not in setters or not evidence.direct:
        return None
    future = call.func.value  # type: ignore[attr-defined]
    text = short(unit, future)
    value = evidence.resolver.value(future)
    state = "was cancelled" if isinstance(value, asyncio.Future) and value.cancelled() else ""
    names = {callee_name(each) for _, each in evidence.units.nodes(ast.Call)}
    waits = " `wait_for` cancels it when its time is up." if "wait_for" in names else ""
    why = (
        f"{text} is a future that {state or 'is done'} already, and takes no other result: ask "
        f"its `done()` first.{waits}"
    )
    return Finding(why, _asked_first(evidence, call, future))


@correction
def _asked_first(fixing: Fixing, call: ast.Call, future: ast.expr) -> None:
    """``if not future.done(): future.set_result(x)``."""
    unit = fixing.evidence.unit
    statement, source = unit.parents.get(call), unit.source.source
    if not isinstance(statement, ast.Expr):
        return
    by, name, asked = unit.source.indent(statement), source(future), source(future)
    edits = fixing.of(unit)
    if any(isinstance(each, ast.Call) for each in ast.walk(future)):
        name = fixing.fresh(unit, "future")
        asked = f"({name} := {source(future)})"
    rest = source(call)[len(source(future)) :]
    edits.replace(statement, f"if not {asked}.done():\n{by}    {name}{rest}")


RULES = (
    Rule(
        _ID,
        "a task for a group that is not open",
        3,
        "An `asyncio.TaskGroup` takes tasks between the begin and the end of its `async with`, "
        "and is over when its tasks are. Let the block last as long as tasks may come.",
        _group_over,
        errors=(RuntimeError,),
    ),
    Rule(
        _ID,
        "a timeout or a task group entered twice",
        3,
        "`asyncio.timeout()` and `asyncio.TaskGroup()` make an object for one `async with`. Make "
        "it there, in each round of a loop.",
        _entered_again,
        errors=(RuntimeError,),
    ),
    Rule(
        _ID,
        "a lock released by who has not got it",
        3,
        "What is acquired is released once, by who has it. `async with lock:` does both, also "
        "when a timeout or an error comes between.",
        _released,
        errors=(RuntimeError, ValueError),
    ),
    Rule(
        _ID,
        "a result for a future that is done",
        3,
        "A future is done once: with a result, an error, or cancelled by who gave up waiting. "
        "Who sets it asks `future.done()` first.",
        _done_already,
        errors=(asyncio.InvalidStateError,),
    ),
)
