"""Waits that nothing ends: why nobody does what is waited for.

What a task waits for is known of asyncio's own objects. Why it does not come is read from who
could do it, and where that stands: behind the wait, before it, or in who holds the lock.
"""

from __future__ import annotations

import ast
import asyncio
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, endless
from asyncrepl.explain.fix_editor import replaced, short
from asyncrepl.explain.scopes import REPEATED, is_own, runs_often, scope
from asyncrepl.syntax.names import callee_name, last_name, method_owner, written_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Unit


def awaited_object(evidence: Evidence, kind: type, method: str) -> ast.expr | None:
    """The object that is waited for by its own `method`, where that is what never returns."""
    info, await_ = evidence.finding.info, evidence.node(ast.Await)
    call = await_.value if await_ is not None else None
    if info.kind is not kind or info.name != method:
        return None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return None
    return call.func.value if call.func.attr == method else None


def calls_on(evidence: Evidence, name: str, *methods: str) -> list[tuple[Unit, ast.Call]]:
    """The calls of one of the `methods` of what is called `name`, or of anything without one.

    Also where they are only named: they are handed on so, ``call_soon(event.set)``.
    """
    return [
        (unit, unit.parents[node] if callee_name(unit.parents[node]) else node)  # type: ignore[misc]
        for unit, node in evidence.units.nodes(ast.Attribute)
        if node.attr in methods and (not name or written_name(node.value) == name)
    ]


#: By what waits: what ends the wait.
_ENDS = {
    (asyncio.Event, "wait"): ("set",),
    (asyncio.Queue, "get"): ("put", "put_nowait"),
    (asyncio.Queue, "join"): ("task_done",),
    (asyncio.Condition, "wait"): ("notify", "notify_all"),
    (asyncio.Lock, "acquire"): ("release",),
    (asyncio.Semaphore, "acquire"): ("release",),
    (asyncio.Future, ""): ("set_result", "set_exception"),
}
Ends = list[tuple["Unit", ast.Call]]


def ends_of(evidence: Evidence) -> tuple[ast.expr, Ends] | None:
    """What is waited for, and the calls that would end the wait: on its name, or on any.

    Of a future that is what is awaited itself.
    """
    await_, info = evidence.node(ast.Await), evidence.finding.info
    kind, method = info.kind, info.name
    if (kind, method) not in _ENDS or await_ is None:
        return None
    waited = awaited_object(evidence, kind, method) if method else await_.value
    if waited is None:
        return None
    ends = _ENDS[kind, method]
    return waited, (
        calls_on(evidence, written_name(waited), *ends) or calls_on(evidence, "", *ends)
    )


def _only_named(evidence: Evidence) -> Finding | None:
    """What would end the wait is the name of a method, as a statement: ``event.set``."""
    waited, calls = ends_of(evidence) or (None, [])
    named = [each for each in calls if isinstance(each[0].parents.get(each[1]), ast.Expr)]
    if waited is None or not named or any(isinstance(call, ast.Call) for _, call in calls):
        return None
    (unit, node), text = named[0], short(*named[0])
    why = (
        f"{text} only names the method that would end the wait for {short(evidence.unit, waited)}"
    )
    texts = [(at, f"{unit.source.source(at)}()") for home, at in named if home is unit]
    fix = replaced(evidence, unit, *texts)
    takes = node.attr.startswith(("set_", "put"))  # type: ignore[attr-defined]
    return Finding(f"{why}: without `()` nothing is called.", None if takes else fix)


def _ended_too_late(evidence: Evidence) -> Finding | None:
    """What would end the wait stands behind it, in the function that waits."""
    waited, calls = ends_of(evidence) or (None, [])
    ends = {each.func.attr for _, each in calls if isinstance(each.func, ast.Attribute)}
    if waited is None or calls != calls_on(evidence, "", *ends):
        return None  # who knows what the others are called on
    found, enders = behind(evidence, calls), calls
    if found is None:
        enders = _calls_of_maker(evidence, calls)
        found = behind(evidence, enders)
    if found is None:
        return None
    (unit, statement), own = found, evidence.unit
    here = statement is own.statement(waited)
    if here and not is_own(own, waited) and runs_often(evidence.units, own, waited):
        return _in_each_run(evidence, waited, enders[0][1])
    await_, call = evidence.node(ast.Await), unit.source.source(enders[0][1])
    waits = short(evidence.unit, await_.value if await_ is not None else waited)
    where = f"{_waits_for(unit, statement)}, which waits for this very task first"
    if here:
        where = "it, in the same task: it is never reached"
    return Finding(f"`{call}` would end the wait in {waits}, and stands behind {where}.")


def _in_each_run(evidence: Evidence, waited: ast.expr, call: ast.Call) -> Finding | None:
    """Several runs of one function, where each waits for what another does behind its wait."""
    ended, source = method_owner(call), evidence.unit.source.source
    if ended is None or last_name(ended) != last_name(waited) or source(ended) == source(waited):
        return None
    name = getattr(scope(evidence.unit, waited), "name", "")
    why = (
        f"Each `{name}` waits for `{source(waited)}` before its own `{source(call)}`: of two that "
        "need each other neither comes to that. One of them has to go first."
    )
    return Finding(why)


def _calls_of_maker(evidence: Evidence, calls: Ends) -> Ends:
    """The calls of the one function in which all the `calls` stand."""
    makers = {scope(*each) for each in calls}
    maker = makers.pop() if len(makers) == 1 else None
    if not isinstance(maker, ast.AsyncFunctionDef | ast.FunctionDef):
        return []
    return [*evidence.units.calls(maker.name)]


def behind(evidence: Evidence, calls: list[tuple[Unit, ast.Call]]) -> tuple[Unit, ast.stmt] | None:
    """The statement that waits behind which all of the `calls` stand, in one function with it.

    It is where the stuck task waits, or where what runs in the foreground does.
    """
    waiting: list[tuple[Unit, ast.AST]] = [(evidence.unit, e) for e in evidence.nodes[-1:]]
    if evidence.made is not None:
        home, line = evidence.made
        waiting += [(home, each) for each in home.nodes(ast.stmt) if each.lineno == line][:1]
    around = [each for unit, node in waiting[::-1] for each in _awaited_from(evidence, unit, node)]
    for unit, node in around:
        statement = unit.statement(node)
        if calls and all(_follows(unit, statement, *each) for each in calls):
            return unit, statement
    return None


def _awaited_from(evidence: Evidence, unit: Unit, node: ast.AST) -> Iterator[tuple[Unit, ast.AST]]:
    """`node`, and the ``await`` of the function around it, and so on, if there is one of each."""
    met: list[ast.AST] = []
    while node not in met:
        yield unit, node
        met.append(node)
        name = getattr(scope(unit, node), "name", "")
        calls = [
            (home, each)
            for home, each in evidence.units.nodes(ast.Await)
            if name and callee_name(each.value) == name
        ]
        if len(calls) == 1:
            unit, node = calls[0]


def _follows(unit: Unit, statement: ast.stmt, home: Unit, call: ast.Call) -> bool:
    return (
        home is unit
        and scope(unit, call) is scope(unit, statement)
        and call.lineno > (statement.end_lineno or 0)
        and not _shares_loop(unit, statement, call)
    )


def _shares_loop(unit: Unit, statement: ast.stmt, call: ast.Call) -> bool:
    """Whether both stand in one loop: then what is behind comes before, in the next round."""
    around = [each for each in unit.ancestors(statement) if isinstance(each, REPEATED)]
    return any(each in around for each in unit.ancestors(call))


def _waits_for(unit: Unit, statement: ast.stmt) -> str:
    """The statement that waits, in words."""
    if isinstance(statement, ast.AsyncWith):
        return f"`async with {unit.source.source(statement.items[0].context_expr)}`"
    return short(unit, statement)


RULES = (
    endless(
        "a method that is named and not called",
        "The name of a method as a statement calls nothing: `event.set()`.",
        _only_named,
    ),
    endless(
        "a wait for what comes after it",
        "Statements run one after the other, also when they await: what stands behind a wait "
        "cannot end it. Do it before, or in a task of its own.",
        _ended_too_late,
    ),
)
