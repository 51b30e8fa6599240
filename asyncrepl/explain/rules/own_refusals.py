"""What can only be used asynchronously and says so itself, in a plain method that only raises.

Libraries write such methods beside the asynchronous ones, since the interpreter's own words tell
nobody what to do: ``with ClientSession()`` of aiohttp, ``for attempt in AsyncRetrying()``.

And what asyncio's own objects refuse: a condition without its lock, what is of another loop, and
what was done before: a task group that is over, a time limit that was entered, a lock that nobody
holds, a future that is done. Who refused is told by its code, the state by the object itself.
"""

from __future__ import annotations

import ast
import asyncio
from asyncio.timeouts import _State  # type: ignore[attr-defined]
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import code_of, describe, lookup
from asyncrepl.explain.demands import Demand
from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, correction, short
from asyncrepl.explain.held_operands import innermost_frame
from asyncrepl.explain.kinds import has
from asyncrepl.explain.library_results import library_source
from asyncrepl.explain.repairs.repair_case import LOOPS, Case
from asyncrepl.explain.repairs.repair_choice import repaired
from asyncrepl.explain.scopes import own_nodes, scope
from asyncrepl.explain.value_origins import bindings
from asyncrepl.syntax.names import callee_name, canonical_name
from asyncrepl.syntax.source_rewriter import Span, indent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

    from asyncrepl.explain.evidence import Evidence, Site
    from asyncrepl.explain.source_units import Unit


def _walked(evidence: Evidence) -> Finding | None:
    return _told(evidence, "__iter__", "walk", "a plain walk: only `async for` can do it")


def _entered(evidence: Evidence) -> Finding | None:
    return _told(evidence, "__enter__", "enter", "a plain `with`: `async with` enters it")


def _told(evidence: Evidence, method: str, what: str, refused: str) -> Finding | None:
    case = _case(evidence, method, f"__a{method[2:]}", what)
    if case is None:
        return None
    return Finding(f"{short(case.unit, case.node)} refuses {refused}.", repaired(case))


def _case(evidence: Evidence, method: str, twin: str, what: str) -> Case | None:
    """The operand whose plain `method` has raised, if it has the `twin` and is used in a place."""
    frame = innermost_frame(evidence)
    if frame is None or frame.f_code.co_name != method or not frame.f_code.co_argcount:
        return None
    info = describe(frame.f_locals.get(frame.f_code.co_varnames[0]), keep=True)
    plain, other = (code_of(lookup(info.kind, name)) for name in (method, twin))
    if plain is not frame.f_code or not has(info, twin) or not _only_raises(evidence, plain):
        return None
    if _only_raises(evidence, other):
        return None  # it can be used in no way at all
    site = next((each for each in reversed(evidence.sites) if each.frame is not frame), None)
    place = _place(site, what) if site is not None else None
    if site is None or place is None:
        return None
    return Case(evidence, site.unit, Demand(what, *place, f"`{method}`", (method,)), info)


def _only_raises(evidence: Evidence, code: CodeType | None) -> bool:
    found = evidence.units.definition(code)
    function = found[1] if found is not None else library_source(code) if code else None
    statements = function.body if function is not None else []
    rest = [
        each for each in statements if not isinstance(each, ast.Expr)
    ]  # a docstring, a warning
    return len(rest) == 1 and isinstance(rest[0], ast.Raise)


def _place(site: Site, what: str) -> tuple[ast.expr, ast.AST] | None:
    """The operand at the `site`, and the loop or ``with`` that it is the operand of."""
    nodes = [each for node in site.nodes for each in (node, site.unit.parents.get(node))]
    for node in nodes:
        if what == "walk" and isinstance(node, LOOPS):
            return node.iter, node
        if what == "walk" and isinstance(node, ast.Call) and len(node.args) == 1:
            return node.args[0], node
        if what == "enter" and isinstance(node, ast.With) and len(node.items) == 1:
            return node.items[0].context_expr, node
        if what == "enter" and isinstance(node, ast.withitem):
            return node.context_expr, site.unit.parents[node]
    return None


_ERRORS = (TypeError, RuntimeError, NotImplementedError, AttributeError)


def _refused_by(evidence: Evidence, *functions: object) -> ast.AST | None:
    """What called, at the user's place, one of asyncio's own functions that has refused it."""
    codes = [code_of(each) for each in functions]
    if not any(code is not None and code in codes for code in evidence.inner):
        return None
    waited = evidence.node(ast.Await)
    return waited.value if waited is not None else evidence.node(ast.expr, ast.AsyncWith)


def _without_lock(evidence: Evidence) -> Finding | None:
    """``cond.wait()``, or ``notify``, outside of ``async with cond``."""
    kind = asyncio.Condition
    call = _refused_by(evidence, kind.wait, kind.notify, kind.notify_all)
    if not isinstance(call, ast.Call) or evidence.inner[-1] is code_of(_GET_LOOP):
        return None
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    text = evidence.unit.source.source(owner) if owner is not None else "condition"
    why = (
        f"{short(evidence.unit, call)} needs the lock of the condition, and nobody has taken it "
        f"here: it belongs into `async with {text}`."
    )
    return Finding(why, _locked(evidence, call, text) if owner is not None else None)


@correction
def _locked(fixing: Fixing, call: ast.Call, lock: str) -> None:
    """The statement in an ``async with``; a loop that asks again with all that follows."""
    unit = fixing.evidence.unit
    loop = unit.enclosing(call, ast.While)
    first: ast.stmt = loop if loop is not None else unit.statement(call)
    body = next((b for b in _bodies(unit.parents.get(first)) if first in b), [])
    if not body:
        return
    last = body[-1] if loop is not None else first
    start, end = unit.source.block(first)[0], unit.source.block(last)[1]
    text = unit.text[start:end]
    head = f"{unit.source.indent(first)}async with {lock}:\n"
    fixing.of(unit).replace(Span(start, end), head + indent(text, "    ").rstrip() + "\n")
    fixing.suspending(unit, call)


def _bodies(node: ast.AST | None) -> list[list[ast.stmt]]:
    return [getattr(node, name, None) or [] for name in ("body", "orelse", "finalbody")]


def _of_another_loop(evidence: Evidence) -> Finding | None:
    """A lock or the like that has waited in one loop, used in another; or a loop kept too long."""
    made = {canonical_name(call.func) for _, call in evidence.units.nodes(ast.Call)}
    if not made & _LOOP_MAKERS:
        return None
    if _refused_by(evidence, _GET_LOOP) is not None:
        what = "what has waited in one loop belongs to it"
    elif (call := _refused_by(evidence, _CHECK_CLOSED)) is not None:
        what = f"{short(evidence.unit, call, 24)} asks one that is closed"
    else:
        return None
    why = f"Each `asyncio.run` has a loop of its own, and {what}. Make it where it is used."
    return Finding(why)


#: What refuses an object that has waited in another loop, and a loop that is closed.
_GET_LOOP = vars(asyncio.mixins._LoopBoundMixin).get("_get_loop")  # noqa: SLF001
_CHECK_CLOSED = vars(asyncio.BaseEventLoop).get("_check_closed")
#: What makes a loop.
_LOOP_MAKERS = {"asyncio.run", "asyncio.new_event_loop", "asyncio.Runner"}


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
        "reuse-of-coroutine",
        "a task for a group that is not open",
        5,
        "An `asyncio.TaskGroup` takes tasks between the begin and the end of its `async with`, "
        "and is over when its tasks are. Let the block last as long as tasks may come.",
        _group_over,
        errors=(RuntimeError,),
    ),
    Rule(
        "reuse-of-coroutine",
        "a timeout or a task group entered twice",
        5,
        "`asyncio.timeout()` and `asyncio.TaskGroup()` make an object for one `async with`. Make "
        "it there, in each round of a loop.",
        _entered_again,
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
        "reuse-of-coroutine",
        "a result for a future that is done",
        5,
        "A future is done once: with a result, an error, or cancelled by who gave up waiting. "
        "Who sets it asks `future.done()` first.",
        _done_already,
        errors=(asyncio.InvalidStateError,),
    ),
    Rule(
        "condition-without-its-lock",
        "a condition without its lock",
        3,
        "`wait`, `notify` and `notify_all` of an `asyncio.Condition` are for whoever holds its "
        "lock: `async with condition:` takes it, and `wait` gives it back meanwhile.",
        _without_lock,
        errors=(RuntimeError,),
    ),
    Rule(
        "asyncio-object-of-another-loop",
        "an object of another event loop",
        3,
        "Locks, queues, futures and connections of asyncio belong to the loop in which they were "
        "first used. A second `asyncio.run` is a second loop: they do not work there.",
        _of_another_loop,
        errors=(RuntimeError,),
    ),
    Rule(
        "for-over-async-iterable-class",
        "a plain `for` over what refuses it",
        1,
        "`for` calls `__iter__`, which such a class has only to say that it is of no use here. "
        "Write `async for`.",
        _walked,
        errors=_ERRORS,
    ),
    Rule(
        "sync-with-on-async-context-manager",
        "a plain `with` on what refuses it",
        1,
        "`with` calls `__enter__`, which such a class has only to say that it is of no use here. "
        "Write `async with`.",
        _entered,
        errors=_ERRORS,
    ),
)
