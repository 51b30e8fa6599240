"""Loops that go round for ever: nothing in them changes what they go on for."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, endless
from asyncrepl.explain.fix_editor import Fixing, correction, short
from asyncrepl.explain.scopes import CannotFixError, is_while_true, own_nodes, scope
from asyncrepl.instrument.probe_placement import AWAITABLE_CALLS
from asyncrepl.syntax.names import FUNCTIONS, callee_name, canonical_name, written_name

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence, Site
    from asyncrepl.explain.source_units import Unit


def _never_ends(evidence: Evidence) -> Finding | None:
    """A task group of which one task goes round for ever; when Ctrl-C has ended that.

    If all of them do, and the block does nothing else, it is meant to.
    """
    unit, block, entered = evidence.unit, evidence.node(ast.AsyncWith), evidence.node(ast.Call)
    if block is None and entered is not None:
        around = unit.enclosing(entered, ast.AsyncWith)  # what is entered stands for it, from 3.12
        block = around if around and around.items[0].context_expr is entered else None
    group = block.items[0].optional_vars if block is not None else None
    if block is None or group is None or not _is_group(block):
        return None
    calls = [node for part in block.body for node in ast.walk(part) if isinstance(node, ast.Call)]
    jobs = [each.args[0] for each in calls if _is_of(each, group) and each.args]
    endless = {
        job: function
        for job in jobs
        for _, function in evidence.units.functions(callee_name(job))
        if any(_has_no_way_out(each) for each in own_nodes(function))
    }
    if not endless or (len(endless) == len(jobs) and not any(map(_waits, block.body))):
        return None
    job, function = next(iter(endless.items()))
    text = unit.source.source(block.items[0].context_expr)
    why = (
        f"`async with {text}` waits for all of its tasks, and `{function.name}` goes round for "
        "ever, in a `while` without a way out. Keep its task, and `cancel()` it when the work is "
        "done."
    )
    return Finding(why, _cancelled_at_end(evidence, unit, block, job))


def _is_group(block: ast.AsyncWith) -> bool:
    entered = block.items[0].context_expr
    return isinstance(entered, ast.Call) and canonical_name(entered.func) == "asyncio.TaskGroup"


def _is_of(node: ast.AST, group: ast.expr) -> bool:
    """Whether `node` makes a task of the `group`."""
    owner = node.func if isinstance(node, ast.Call) else None
    return callee_name(node) == "create_task" and (
        isinstance(owner, ast.Attribute) and written_name(owner.value) == written_name(group)
    )


def _has_no_way_out(node: ast.AST | None) -> bool:
    ways = (ast.Break, ast.Return, ast.Raise, ast.Yield)
    if node is None or not is_while_true(node):
        return False
    return not any(isinstance(each, ways) for each in own_nodes(node))


def may_end(evidence: Evidence, unit: Unit, node: ast.AST) -> bool:
    """Whether a task that goes on at `node`, though cancelled, may leave its loop at last."""
    loop = unit.enclosing(node, ast.While, ast.For, ast.AsyncFor)
    goes_on = evidence.seen is not None and evidence.seen.number > 1
    return goes_on and loop is not None and not _has_no_way_out(loop)


def _waited_for(evidence: Evidence) -> Finding | None:
    """``await poll()``, which goes on for ever, before other things; when Ctrl-C has ended it."""
    sites = [each for each in evidence.sites if each.nodes]
    endless = [each for each in sites if _has_no_way_out(_loop_around(each))]
    for site in reversed(sites[: sites.index(endless[0])] if endless else []):
        waits, unit = site.nodes[-1], site.unit
        if not isinstance(waits, ast.Await) or callee_name(waits.value) in AWAITABLE_CALLS:
            return None
        behind, ends = _behind(unit, unit.statement(waits))
        if behind is not None:
            why = (
                f"`{endless[0].frame.f_code.co_name}` goes round for ever, in a `while` without a "
                f"way out, and {short(unit, waits)} waits for it: {short(unit, behind)}, which "
                "comes behind, never runs. A task of it runs beside: `asyncio.create_task(…)`."
            )
            own = sites[sites.index(site) + 1] is endless[0]  # all that it waits for is endless
            return Finding(why, _run_beside(evidence, unit, waits) if own else None)
        if not ends:
            return None
    return None


def _loop_around(site: Site) -> ast.AST | None:
    """The ``while`` of its own function in which the code of the `site` is."""
    loop = site.unit.enclosing(site.nodes[-1], ast.While)
    return loop if loop and scope(site.unit, loop) is scope(site.unit, site.nodes[-1]) else None


def _behind(unit: Unit, statement: ast.stmt) -> tuple[ast.stmt | None, bool]:
    """What comes when `statement` of `unit` has ended, and whether its function ends with it.

    Neither where an error may lead on behind it, as that may be meant to.
    """
    around = unit.parents.get(statement)
    blocks = [getattr(around, name, None) or [] for name in ("body", "orelse", "finalbody")]
    block = next((each for each in blocks if statement in each), [statement])
    for each in block[block.index(statement) + 1 :]:
        if not isinstance(each, ast.Pass | ast.Return):
            return each, False
    if isinstance(around, ast.If | ast.For | ast.match_case | ast.Match):
        return _behind(unit, unit.statement(around))
    return None, isinstance(around, FUNCTIONS)


@correction
def _run_beside(fixing: Fixing, unit: Unit, waits: ast.Await) -> None:
    """``await poll()`` → ``task = asyncio.create_task(poll())``, where it is a statement."""
    if not isinstance(unit.parents.get(waits), ast.Expr) or unit.enclosing(waits, ast.For):
        raise CannotFixError
    job, name = unit.source.source(waits.value), fixing.fresh(unit, "task")
    fixing.of(unit).replace(waits, f"{name} = asyncio.create_task({job})")


@correction
def _cancelled_at_end(fixing: Fixing, unit: Unit, block: ast.AsyncWith, job: ast.expr) -> None:
    """``group.create_task(beat())`` → keep the task, and cancel it at the end of the block."""
    statement = unit.statement(job)
    if statement not in block.body or not isinstance(statement, ast.Expr):
        return
    others = [each for each in block.body if each is not statement]
    own = any(not isinstance(each, ast.Expr) or _waits(each) for each in others)
    if not own or statement.value is not unit.parents.get(job):
        return
    name = fixing.fresh(unit, "task")
    fixing.of(unit).before(statement, f"{name} = ")
    fixing.of(unit).lines_after(block.body[-1], f"{name}.cancel()")


def _waits(statement: ast.stmt) -> bool:
    return any(isinstance(each, ast.Await) for each in ast.walk(statement))


def _never_changes(evidence: Evidence) -> Finding | None:
    """A loop in which nothing changes what it goes on for; when Ctrl-C has ended it."""
    unit, await_ = evidence.unit, evidence.node(ast.Await)
    loop = unit.enclosing(await_, ast.While)
    if loop is None or await_ is None or not isinstance(loop.test, ast.Name):
        return None
    name, waits = loop.test.id, await_.value
    inside = [each for part in loop.body for each in ast.walk(part)]
    uses = [each for each in inside if isinstance(each, ast.Name) and each.id == name]
    given = getattr(waits, "args", [])
    if callee_name(waits) != "wait" or not uses or any(each not in given for each in uses):
        return None
    why = (
        f"`while {name}` goes on as long as there are tasks in `{name}`, and nothing takes out "
        f"those that are done: {short(unit, waits)} gives the same ones again, at once. Go on "
        "with those that are pending."
    )
    return Finding(why, _with_pending(evidence, unit, await_, name))


@correction
def _with_pending(fixing: Fixing, unit: Unit, await_: ast.Await, name: str) -> None:
    """``done, pending = await asyncio.wait(tasks)`` → ``done, tasks = …``."""
    match unit.parents.get(await_):
        case ast.Assign([ast.Tuple([_, ast.Name(pending) as target])]):
            used = [
                each
                for each in unit.nodes(ast.Name)
                if each.id == pending and scope(unit, each) is scope(unit, target)
            ]
            if used == [target]:
                fixing.of(unit).replace(target, name)


def _past_end(evidence: Evidence) -> Finding | None:
    """A loop that reads a stream on and on, which has ended."""
    node, unit = evidence.seen_node, evidence.unit
    loop = unit.enclosing(node, ast.While)
    call = unit.enclosing(node, ast.Call)
    if loop is None or call is None:
        return None
    why = (
        f"The stream is at its end, and {short(unit, call)} gives `b''` from then on, at once and "
        f"each time: `while {unit.source.source(loop.test)}` goes round for ever. Leave it at the "
        "first of these."
    )
    return Finding(why, _left_at_end(evidence, unit, call, loop))


@correction
def _left_at_end(fixing: Fixing, unit: Unit, call: ast.Call, loop: ast.While) -> None:
    """``line = await reader.readline()``, and ``if not line: break``."""
    match unit.statement(call):
        case ast.Assign([ast.Name(name)], ast.Await(value)) as read if value is call:
            if read in loop.body:
                fixing.of(unit).lines_after(read, f"if not {name}:\n    break")


_INTERRUPTED = (KeyboardInterrupt,)

RULES = (
    endless(
        "a wait for what never ends, before something else",
        "`await` goes on when what it waits for has ended. What goes round for ever, as a "
        "heartbeat, gets a task of its own: `asyncio.create_task(beat())`.",
        _waited_for,
        errors=_INTERRUPTED,
    ),
    endless(
        "a wait for a task that never ends",
        "A `TaskGroup` waits until all of its tasks have ended. One that is to accompany the "
        "others has to be cancelled when they are done.",
        _never_ends,
        errors=_INTERRUPTED,
    ),
    endless(
        "a loop that waits for what is done already",
        "`asyncio.wait` returns at once if one of its tasks is done already. It gives those that "
        "are done and those that are pending: wait for the pending ones next.",
        _never_changes,
        errors=_INTERRUPTED,
    ),
    endless(
        "a loop that reads on at the end of its stream",
        "`read()` and `readline()` wait for data, and give `b''` when no more can come. That is "
        "no error: who reads in a loop has to look for it.",
        _past_end,
        sees="past end",
    ),
)
