"""What asyncio's own objects refuse in the state they are in.

A task group, a timeout or a runner outside of its block, or entered again; a lock nobody holds; a
future that is done, cancelled, or not yet. Who refused is told by its code, its state by itself.
"""

from __future__ import annotations

import ast
import asyncio
from typing import TYPE_CHECKING, TypeVar

from asyncrepl.events.object_info import code_of, is_real_instance
from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, correction, replaced, short
from asyncrepl.explain.held_operands import innermost_frame
from asyncrepl.explain.hoisted_code import taken_in
from asyncrepl.explain.repairs.entered_operands import enter_rest
from asyncrepl.explain.repairs.repair_case import single_assignment
from asyncrepl.explain.rules.scheduling_calls import RUNNING
from asyncrepl.explain.rules.wrong_states import made_in_another_input
from asyncrepl.explain.scopes import CannotFixError, block_of, own_nodes, scope
from asyncrepl.explain.static_values import Resolver
from asyncrepl.explain.value_origins import loads
from asyncrepl.syntax.names import callee_name, method_owner, written_name
from asyncrepl.syntax.source_rewriter import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Unit

#: What refuses to be used outside of the block, and to be entered again.
_USED = (asyncio.TaskGroup.create_task, asyncio.Timeout.reschedule)
_ENTERED = (asyncio.TaskGroup.__aenter__, asyncio.Timeout.__aenter__)
_RUNNER = vars(asyncio.Runner).get("_lazy_init")
_WITHS = (ast.With, ast.AsyncWith)
_Block = TypeVar("_Block", ast.With, ast.AsyncWith)


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
    """What a timeout or a runner calls its state."""
    return getattr(getattr(own, "_state", None), "name", "")


def _outside(evidence: Evidence) -> Finding | None:
    """``group.create_task(work())`` before the block of the group, or after it."""
    state, call = _state(evidence), evidence.node(ast.Call)
    if state not in ("new", "over") or call is None:
        return None
    called = short(evidence.unit, call)
    if not isinstance(call.func, ast.Attribute):  # a method under a name of its own
        return Finding(f"{called} is for the inside of the `async with` of what it belongs to.")
    owner = call.func.value
    text = short(evidence.unit, owner)
    if state == "over":
        why = f"The block of {text} has ended, and {text} with it: {called} belongs inside."
        return Finding(why, _taken_in(evidence, owner))
    why = f"{text} was made and not entered: {called} is for the inside of its `async with`."
    return Finding(why, _block_made(evidence, owner))


@correction
def _block_made(fixing: Fixing, owner: ast.expr) -> None:
    """``group = TaskGroup()`` → ``async with TaskGroup() as group:`` around what follows."""
    unit = fixing.evidence.unit
    made = single_assignment(unit, owner)
    if not isinstance(owner, ast.Name) or not isinstance(made, ast.Call):
        raise CannotFixError
    entered = [each.context_expr for each in unit.nodes(ast.withitem)]
    if scope(unit, made) is not scope(unit, owner) or any(
        isinstance(each, ast.Name) and each.id == owner.id for each in entered
    ):
        raise CannotFixError
    enter_rest(fixing, unit, unit.statement(made), unit.source.source(made), owner.id)


@correction
def _taken_in(fixing: Fixing, owner: ast.expr) -> None:
    """The statement that follows the block directly becomes its last."""
    unit = fixing.evidence.unit
    statement = unit.statement(owner)
    block = _block_before(unit, statement)
    names = [each.optional_vars for each in block.items] if block is not None else []
    if block is None or not any(same_source(unit, each, owner) for each in names):
        raise CannotFixError
    taken_in(fixing, unit, block, {written_name(owner)}, statement)


def _block_before(unit: Unit, statement: ast.stmt) -> ast.With | ast.AsyncWith | None:
    """The ``with`` that stands directly in front of `statement`."""
    block = block_of(unit, statement)
    before = block[: block.index(statement)][-1:]
    return before[0] if before and isinstance(before[0], _WITHS) else None


def same_source(unit: Unit, one: ast.expr | None, other: ast.expr) -> bool:
    """Whether `one` is written as the `other`."""
    return one is not None and unit.source.source(one) == unit.source.source(other)


def block_at(evidence: Evidence, kind: type[_Block]) -> _Block | None:
    """The block of this `kind` at the place; since Python 3.12 that is what the block enters."""
    around = (evidence.unit.enclosing(each, kind) for each in evidence.nodes[-1:])
    return evidence.node(kind) or next(around, None)


def _again(evidence: Evidence) -> Finding | None:
    """``async with limit:`` a second time."""
    entering = block_at(evidence, ast.AsyncWith)
    if _state(evidence) != "again" or entering is None or len(entering.items) != 1:
        return None
    item = entering.items[0]
    text = short(evidence.unit, item.context_expr)
    what = "TaskGroup" if _refusing(evidence, _ENTERED[0], asyncio.TaskGroup) else "timeout"
    why = (
        f"{text} is a {what} that was entered before, and can be only once: each `async with` "
        "needs a new one."
    )
    return Finding(why, made_anew(evidence, item))


@correction
def made_anew(fixing: Fixing, item: ast.withitem) -> None:
    """``async with limit:``, of an `item` → ``async with asyncio.timeout(3):``."""
    unit, name = fixing.evidence.unit, item.context_expr
    if text := made_in_another_input(fixing.evidence, name):
        fixing.of(unit).replace(name, text)
        return
    made = single_assignment(unit, name)
    if not isinstance(name, ast.Name) or not isinstance(made, ast.Call):
        raise CannotFixError
    kept = item.optional_vars is None and len(loads(unit, name)) > 1
    text = unit.source.source(made) + (f" as {name.id}" if kept else "")
    fixing.of(unit).replace(name, text)
    if len(loads(unit, name)) == 1:
        fixing.of(unit).remove(unit.statement(made))


def _runner_inside(evidence: Evidence) -> Finding | None:
    """``with asyncio.Runner() as runner:``: its end is refused, after all that was run in it."""
    block = block_at(evidence, ast.With)
    if block is None or asyncio.Runner.close.__code__ not in evidence.inner:
        return None
    made = block.items[0]
    if len(block.items) != 1 or not isinstance(made.optional_vars, ast.Name):
        return Finding(RUNNING)
    return Finding(RUNNING, _without_runner(evidence, block, made.optional_vars.id))


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


def _refusing(evidence: Evidence, function: object, kind: type) -> object:
    """The object of asyncio's whose own `function` has refused what the user's code called."""
    code, frame = code_of(function), innermost_frame(evidence)
    if code is None or frame is None or evidence.inner[-1:] != (code,):
        return None
    found = frame.f_locals.get(code.co_varnames[0])
    return found if isinstance(found, kind) else None


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
    future = method_owner(call) if call is not None else None
    known = callee_name(call) in ("set_result", "set_exception")
    if call is None or future is None or not known or not evidence.direct:
        return None
    text = short(unit, future)
    value = evidence.resolver.value(future)
    cancelled = is_real_instance(value, asyncio.Future) and value.cancelled()
    state = "was cancelled" if cancelled else "is done"
    limited = any(evidence.units.calls("wait_for"))
    waits = " `wait_for` cancels it when its time is up." if limited else ""
    why = (
        f"{text} is a future that {state} already, and takes no other result: ask "
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
    own = isinstance(call.func, ast.Attribute)  # else the method has a name of its own
    set_ = name + source(call)[len(source(future)) :] if own else source(call)
    edits.replace(statement, f"if not {asked}.done():\n{by}    {set_}")


def _cancelled_before(evidence: Evidence) -> Finding | None:
    """``await task``, which was cancelled: what its error says is not by whom."""
    for site in evidence.sites:
        waits = site.node(ast.Await)
        name = waits.value if waits is not None else None
        task = Resolver.of_frame(evidence.units, site.frame).value(name) if name else None
        if not isinstance(name, ast.Name) or not is_real_instance(task, asyncio.Task):
            continue
        cancels = [
            (unit, call)
            for unit, call in evidence.units.nodes(ast.Call)
            if callee_name(call) == "cancel" and written_name(method_owner(call)) == name.id
        ]
        if task.cancelled() and len(cancels) == 1:
            unit, call = cancels[0]
            why = (
                f"`{name.id}` was cancelled, by {short(unit, call)} at "
                f"{unit.filename.rpartition('/')[2]}:{call.lineno}: who awaits it gets its "
                "CancelledError."
            )
            return Finding(why)
    return None


def _asked_when_cancelled(evidence: Evidence) -> Finding | None:
    """``task.exception()`` in a callback of the loop's, of a task that was cancelled."""
    site = evidence.sites[0]
    call = site.node(ast.Call)
    if call is None or not isinstance(call.func, ast.Attribute):
        return None
    task = Resolver.of_frame(evidence.units, site.frame).value(call.func.value)
    cancelled = is_real_instance(task, asyncio.Future) and task.cancelled()
    callback = isinstance(scope(site.unit, call), ast.FunctionDef)
    if call.func.attr not in ("exception", "result") or not cancelled or not callback:
        return None
    text = site.unit.source.source(call.func.value)
    why = (
        f"`{text}` was cancelled, and `{text}.{call.func.attr}()` raises its CancelledError then: "
        f"here that is only logged. Ask `{text}.cancelled()` first."
    )
    return Finding(why, _left_when_cancelled(evidence, site.unit, call))


@correction
def _left_when_cancelled(fixing: Fixing, unit: Unit, call: ast.Call) -> None:
    task, body = getattr(call.func, "value", None), getattr(scope(unit, call), "body", [])
    statement = next((each for each in body if call in ast.walk(each)), None)
    if statement is None or not isinstance(task, ast.Name | ast.Attribute):
        raise CannotFixError
    test = f"if {unit.source.source(task)}.cancelled():"
    fixing.of(unit).lines_before(statement, f"{test}\n    return")


def _never_asked(evidence: Evidence) -> Finding | None:
    """``if event.is_set:``, which is true of any method."""
    asked, unit = evidence.seen_node, evidence.unit
    if not isinstance(asked, ast.Attribute):
        return None
    text = unit.source.source(asked)
    why = f"`{text}` is a method, and always true: only the call, `{text}()`, says how it is."
    return Finding(why, replaced(evidence, unit, (asked, f"{text}()")))


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
    Rule(
        "condition-without-its-lock",
        "a lock released by who has not got it",
        3,
        "What is acquired is released once, by who has it. `async with lock:` does both, also "
        "when a timeout or an error comes between.",
        _released,
        errors=(RuntimeError, ValueError),
    ),
    Rule(
        "future-set-twice",
        "a result for a future that is done",
        5,
        "A future is done once: with a result, an error, or cancelled by who gave up waiting. "
        "Who sets it asks `future.done()` first.",
        _done_already,
        errors=(asyncio.InvalidStateError,),
    ),
    Rule(
        "future-set-twice",
        "the result of a task that was cancelled",
        5,
        "A task that was cancelled has neither a result nor an exception, and raises "
        "CancelledError for both. A callback asks `task.cancelled()` first.",
        _asked_when_cancelled,
        errors=(asyncio.CancelledError,),
    ),
    Rule(
        "asyncio-run-inside-the-loop",
        "`asyncio.Runner` inside the running loop",
        3,
        "Inside an `async def` a loop is already running: write `await main()` instead of "
        "`runner.run(main())`.",
        _runner_inside,
        errors=(RuntimeError,),
    ),
    Rule(
        "await-a-cancelled-task",
        "a task that was cancelled and is awaited",
        3,
        "`task.cancel()` throws CancelledError into the task where it waits, and `await task` "
        "raises that again. Who has cancelled it himself catches it there.",
        _cancelled_before,
        errors=(asyncio.CancelledError,),
    ),
    Rule(
        "method-not-called-in-a-test",
        "a method that is not called",
        5,
        "The name of a method without `()` is the method itself, and true in every test.",
        _never_asked,
        sees="uncalled",
    ),
)
