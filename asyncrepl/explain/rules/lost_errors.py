"""Errors that nobody asks for, that are looked for elsewhere, or keep others waiting."""

from __future__ import annotations

import ast
import asyncio
import builtins
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, Rule, endless
from asyncrepl.explain.fix_editor import Fixing, awaited, correction, replaced, short
from asyncrepl.explain.rules.endless_waits import ends_of
from asyncrepl.explain.rules.forgotten_tasks import JOINERS, awaited_last, jobs_in
from asyncrepl.explain.rules.lock_waits import passing_over
from asyncrepl.explain.scopes import block_of, caught_kinds, scope
from asyncrepl.syntax.names import (
    callee_name,
    canonical_name,
    last_name,
    method_owner,
    written_name,
)

if TYPE_CHECKING:
    from asyncrepl.events.findings import Finding as Seen
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Unit

_CANCELLED = {"asyncio.CancelledError", "asyncio.exceptions.CancelledError", "BaseException"}
_MAKERS = ("create_task", "ensure_future", "Task")


def _failed(evidence: Evidence) -> Finding | None:
    """A task died with an error that nobody has asked for."""
    seen = evidence.seen
    if seen is None or issubclass(seen.info.kind, asyncio.CancelledError):
        return None  # the loop has cancelled it at its end, and a `gather` says so
    name = seen.info.function_name
    places = [pair for pair in evidence.units.calls(*_MAKERS) if _makes(*pair, name)]
    if not places:
        return _failed_in_gather(evidence, seen) or _failed_in_thread(evidence, name)
    unit, call = places[0]
    if seen.number:
        why = (
            f"`{name}` ended in a {seen.info.kind.__name__}, which its task keeps to itself until "
            "somebody awaits it. What it was to do comes no more, and others wait for that."
        )
        return Finding(why)
    why = (
        f"{short(unit, call)} keeps its error to itself until somebody awaits the task, and "
        f"nobody does: the {seen.info.kind.__name__} goes unseen."
    )
    if len(places) > 1:
        return Finding(why)
    kind = seen.info.kind.__name__
    fix = _awaited_here(evidence, unit, call, kind) or awaited_last(evidence, unit, call, kind)
    return Finding(why, fix)


def _failed_in_gather(evidence: Evidence, seen: Seen) -> Finding | None:
    """One of what a ``gather`` runs, for which nobody waits."""
    places = [
        (unit, call)
        for unit, call in evidence.units.calls(*JOINERS)
        if isinstance(unit.parents.get(call), ast.Expr)
        for node in (each for given in call.args for each in jobs_in(unit, given))
        if callee_name(node) == seen.info.function_name
    ]
    if not places or any(each != places[0] for each in places):
        return None
    unit, call = places[0]
    why = (
        f"{short(unit, call)} is not awaited, so nobody waits for it, and the "
        f"{seen.info.kind.__name__} of `{seen.info.function_name}` goes unseen."
    )
    return Finding(why, awaited(evidence, unit, call))


def _failed_in_thread(evidence: Evidence, name: str) -> Finding | None:
    """A function that a thread of the executor ran, whose future nobody keeps."""
    places = [
        (unit, call)
        for unit, call in evidence.units.calls("run_in_executor")
        if len(call.args) > 1
        if last_name(call.args[1]) == name and isinstance(unit.parents.get(call), ast.Expr)
    ]
    if len(places) != 1 or evidence.seen is None:
        return None
    unit, call = places[0]
    why = (
        f"{short(unit, call)} gives a future and is not awaited: nobody asks how the thread has "
        f"ended, and the {evidence.seen.info.kind.__name__} goes unseen."
    )
    return Finding(why, awaited(evidence, unit, call))


def _makes(unit: Unit, call: ast.Call, name: str) -> bool:
    """Whether it makes a task of the function `name`, called here or for a name given here.

    Or where the function around is called, whose parameter it is.
    """
    if not call.args:
        return False
    job, helper = written_name(call.args[0]), getattr(scope(unit, call), "name", None)
    jobs = [call.args[0]]
    if isinstance(call.args[0], ast.Name):
        assigned = [n for n in unit.nodes(ast.Assign) if job in map(written_name, n.targets)]
        jobs = [each.value for each in assigned]
        calls = [each for each in unit.nodes(ast.Call) if callee_name(each) == helper]
        jobs += [each for one in calls if not assigned for each in one.args]
    return name in map(callee_name, jobs)


@correction
def _awaited_here(fixing: Fixing, unit: Unit, call: ast.Call, kind: str) -> None:
    """In the body of a loop, the task's job awaited in its place, and its error caught."""
    statement = unit.parents.get(call)
    looped = unit.enclosing(call, ast.AsyncFor) is not None
    if not isinstance(statement, ast.Expr) or not looped or kind not in vars(builtins):
        return
    by = unit.source.indent(statement)
    job = unit.source.source(call.args[0])
    text = (
        f"try:\n{by}    await {job}\n{by}except {kind} as error:\n{by}    print('failed:', error)"
    )
    fixing.of(unit).replace(statement, text)
    fixing.suspending(unit, call)


def _raised_instead(evidence: Evidence) -> Finding | None:
    """An error out of ``gather``, where errors are looked for among what that gives."""
    for site in reversed(evidence.sites):
        place = site.nodes[-1] if site.nodes else None
        call = place.value if isinstance(place, ast.Await) else None
        if not isinstance(call, ast.Call) or canonical_name(call.func) != "asyncio.gather":
            continue
        kept = any(each.arg in (None, "return_exceptions") for each in call.keywords)
        if kept or not call.args or _gives_errors(evidence, site.unit, call):
            continue
        test = _looked_for_behind(site.unit, call)
        if test is not None:
            why = (
                "`gather` raises the first error of those it waits for, and gives nothing then: "
                f"{short(site.unit, test)} is never asked of it. `return_exceptions=True` has it "
                "give errors as well."
            )
            return Finding(why, _giving_errors(evidence, site.unit, call))
    return None


def _gives_errors(evidence: Evidence, unit: Unit, gather: ast.Call) -> bool:
    """Whether a job of the `gather` catches errors and returns them: then these are looked for."""
    jobs = {callee_name(node) for given in gather.args for node in jobs_in(unit, given)} - {""}
    functions = [each for name in jobs for _, each in evidence.units.functions(name)]
    return any(
        isinstance(node, ast.Return) and each.name and written_name(node.value) == each.name
        for function in functions
        for each in ast.walk(function)
        if isinstance(each, ast.ExceptHandler)
        for node in ast.walk(each)
    )


@correction
def _giving_errors(fixing: Fixing, unit: Unit, gather: ast.Call) -> None:
    last = [*gather.args, *(each.value for each in gather.keywords)][-1]
    fixing.of(unit).after(last, ", return_exceptions=True")


def _looked_for_behind(unit: Unit, gather: ast.Call) -> ast.Call | None:
    """The ``isinstance(each, Exception)`` for what the `gather` gives, in the same function."""
    statement, around = unit.statement(gather), scope(unit, gather)
    given = {name for each in ast.walk(statement) for name in _stored(each)}
    loops = unit.nodes(ast.For), unit.nodes(ast.comprehension)
    for each in (loop for kind in loops for loop in kind if scope(unit, loop.iter) is around):
        if given & {n.id for n in ast.walk(each.iter) if isinstance(n, ast.Name)}:
            given |= {name for part in ast.walk(each.target) for name in _stored(part)}
    for call in unit.nodes(ast.Call):
        if (
            callee_name(call) == "isinstance"
            and len(call.args) == 2
            and scope(unit, call) is around
        ):
            kinds = map(last_name, caught_kinds(call.args[1]))
            asked = written_name(call.args[0]) in given and call.lineno > statement.lineno
            if asked and all(kind.endswith(("Error", "Exception")) for kind in kinds):
                return call
    return None


def _stored(node: ast.AST) -> list[str]:
    return [node.id] if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else []


def _given_up(evidence: Evidence) -> Finding | None:
    """A task that a time limit has cancelled while others wait for it."""
    if evidence.made is None or (await_ := evidence.node(ast.Await)) is None:
        return None
    (home, line), unit = evidence.made, evidence.unit
    limited = [each for each in home.nodes(ast.Await) if each.lineno == line]
    if len(limited) != 1:
        return None
    call = limited[0].value
    limits = isinstance(call, ast.Call) and canonical_name(call.func) == "asyncio.wait_for"
    job = call.args[0] if limits and isinstance(call, ast.Call) and call.args else call
    if _is_expected(evidence):
        return None
    name = getattr(scope(unit, await_), "name", "")
    why = (
        f"A time limit cancels what it waits for: when that of {short(home, limited[0])} in line "
        f"{line} was over, it cancelled the task that {short(unit, await_)} in `{name}` waits "
        "for, too. `asyncio.shield` keeps it alive."
    )
    shielded = f"asyncio.shield({home.source.source(job)})"
    return Finding(why, replaced(evidence, home, (job, shielded)))


def _is_expected(evidence: Evidence) -> bool:
    """Whether anybody is prepared for a cancellation: perhaps who waits, or who has called him."""
    units = evidence.units
    named = any(canonical_name(e) in _CANCELLED for _, e in units.nodes(ast.Name, ast.Attribute))
    return named or any(each.type is None for _, each in units.nodes(ast.ExceptHandler))


def _never_set(evidence: Evidence) -> Finding | None:
    """A future that waits for its maker, which has met an error before it came to set it.

    Its maker is not under way any more, for nobody is.
    """
    waited, calls = ends_of(evidence) or (None, [])
    seen = evidence.finding
    if waited is None or seen.info.kind is not asyncio.Future or seen.number or len(calls) != 1:
        return None
    unit, call = calls[0]
    ended, block = unit.statement(call), block_of(unit, unit.statement(call))
    name = written_name(method_owner(call))
    made = [
        each for each in block[: block.index(ended)]
        if isinstance(each, ast.Assign) and name in map(written_name, each.targets)
        and callee_name(each.value) in ("create_future", "Future")
    ]  # fmt: skip
    found = (
        passing_over(unit, block[block.index(made[-1]) : block.index(ended)], ast.Raise)
        if made
        else ""
    )
    if not found:
        return None
    why = (
        f"`{unit.source.source(call)}` is passed over {found}, and who waits "
        f"in {short(evidence.unit, waited)} waits on. Give it the error, too: "
        f"`{name}.set_exception(error)` in an `except`."
    )
    return Finding(why)


RULES = (
    Rule(
        "task-exception-lost",
        "a task whose error nobody asks for",
        5,
        "An exception in a task waits for somebody to await the task. Await it, or use an "
        "`asyncio.TaskGroup`, which raises it where the tasks were made.",
        _failed,
        sees="failed",
    ),
    Rule(
        "task-exception-lost",
        "an error that `gather` raises, and that is looked for in what it gives",
        5,
        "`gather` raises the first error at once, and what the others give is lost; they run on. "
        "With `return_exceptions=True` it waits for all, and gives errors in their places.",
        _raised_instead,
        errors=(Exception,),
    ),
    Rule(
        "timeout-ends-the-generator",
        "a time limit on what others wait for",
        3,
        "`wait_for`, and `asyncio.timeout` around an `await`, cancel what is awaited when the "
        "time is up. A task that others await is theirs, too: `asyncio.shield(task)` is cancelled "
        "in its place.",
        _given_up,
        sees="given up",
    ),
    endless(
        "a future that an error leaves without a result",
        "Who waits for a future that you have made gets what you give it, and nothing else: an "
        "error on the way to `set_result` is yours alone. Hand it on, `future.set_exception(e)`, "
        "or let all await one task.",
        _never_set,
    ),
)
