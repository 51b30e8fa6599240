"""Queues that are waited for in vain: full, never filled again, or never said to be done."""

from __future__ import annotations

import ast
import asyncio
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import is_real_instance
from asyncrepl.explain.explanation import Finding, Rule, endless
from asyncrepl.explain.fix_editor import Fixing, correction, short
from asyncrepl.explain.rules.endless_waits import awaited_object, behind, calls_on
from asyncrepl.explain.rules.other_loops import refused_by
from asyncrepl.explain.scopes import REPEATED, CannotFixError, deepen, own_nodes, scope
from asyncrepl.syntax.names import LOOPS, bound_names, callee_name, written_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Function, Unit


def _full(evidence: Evidence) -> Finding | None:
    """``put`` into a queue that has no room, and from which nobody takes."""
    queue, seen = awaited_object(evidence, asyncio.Queue, "put"), evidence.finding
    if queue is None:
        return None
    text = evidence.unit.source.source(queue)
    items = "1 item" if seen.number == 1 else f"{seen.number} items"
    why = (
        f"`{text}` is full, it holds {items}: `put` waits until somebody takes one out, and "
        "nobody does any more"
    )
    function = scope(evidence.unit, queue)
    takes = [
        node
        for node in (own_nodes(function) if function is not None else ())
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if node.func.attr == "get" and evidence.unit.source.source(node.func.value) == text
    ]
    if takes:
        why += f": `{getattr(function, 'name', '')}`, which takes them, is what waits"
    return Finding(f"{why}.")


def _undone(evidence: Evidence) -> Finding | None:
    """``join`` of a queue whose items were taken, where not each was said to be done."""
    queue, seen = awaited_object(evidence, asyncio.Queue, "join"), evidence.finding
    if queue is None or not seen.number:
        return None
    name = written_name(queue)
    told = calls_on(evidence, name, "task_done") or [*evidence.units.calls("task_done")]
    if len(told) != 1:
        return None
    unit, call = told[0]
    if not (skips := [*_skipping(unit, call)]):
        return None
    items = "1 item was" if seen.number == 1 else f"{seen.number} items were"
    word = unit.source.source(skips[0]).split()[0]
    why = (
        f"{items} taken and never said to be done, and `join()` waits for that: "
        f"`{word}` in line {skips[0].lineno} passes over `{unit.source.source(call)}`. It belongs "
        "in a `finally`."
    )
    return Finding(why, _done_in_any_case(evidence, unit, call))


def _skipping(unit: Unit, call: ast.Call) -> Iterator[ast.stmt]:
    """What leaves the round of the loop before it comes to the `call`."""
    loop = unit.enclosing(call, ast.While)
    blocks = [each for each in unit.ancestors(call) if isinstance(each, ast.Try)]
    if loop is None or any(call in ast.walk(last) for each in blocks for last in each.finalbody):
        return
    for each in (node for part in loop.body for node in ast.walk(part)):
        leaves = isinstance(each, ast.Continue | ast.Break)
        if leaves and unit.enclosing(each, *LOOPS) is not loop:
            continue
        if isinstance(each, ast.Continue | ast.Break | ast.Return) and each.lineno < call.lineno:
            yield each


@correction
def _done_in_any_case(fixing: Fixing, unit: Unit, call: ast.Call) -> None:
    """``task_done()`` at the end of the body → in a ``finally`` behind what takes the item."""
    statement, loop = unit.parents.get(call), unit.enclosing(call, ast.While)
    if loop is None or len(loop.body) < 3 or statement is not loop.body[-1]:
        return
    taken = loop.body[0]
    if not any(isinstance(each, ast.Await) for each in ast.walk(taken)):
        return
    first, before = loop.body[1], loop.body[-2]
    edits, by = fixing.of(unit), unit.source.indent(first)
    edits.lines_before(first, "try:")
    start, end = unit.source.block(first).start, unit.source.block(before).end
    deepen(edits, unit, start, end, by)
    edits.replace(statement, f"finally:\n{by}    {unit.source.source(call)}")


def _one_mark(evidence: Evidence) -> Finding | None:
    """One mark of the end in a queue for several workers, of which each takes one."""
    queue = awaited_object(evidence, asyncio.Queue, "get")
    function = scope(evidence.unit, queue)
    if queue is None or not isinstance(function, ast.AsyncFunctionDef):
        return None
    mark = _end_mark(evidence.unit, function)
    puts = [
        (unit, node)
        for unit, node in evidence.units.calls("put", "put_nowait")
        if len(node.args) == 1
        if mark and unit.source.source(node.args[0]) == mark
    ]
    made = [*evidence.units.calls(function.name)]
    if len(puts) != 1 or not made or not _are_several(made):
        return None
    unit, put = puts[0]
    later = behind(evidence, puts) is not None  # it is not put in yet
    if later or unit.enclosing(put, *REPEATED) is not None or scope(unit, put) is function:
        return None
    why = (
        f"{short(unit, put)} ends one of the tasks of `{function.name}`, for only one of them "
        f"takes the {mark}; the others wait for an item that nobody puts. Put one in for each."
    )
    return Finding(why, _one_for_each(evidence, unit, put, made))


def _end_mark(unit: Unit, function: Function) -> str:
    """What ends the loop of a worker when it takes it: ``None``, or a name of the user's."""
    for node in own_nodes(function):
        if not isinstance(node, ast.If | ast.While) or not isinstance(node.test, ast.Compare):
            continue
        ends = isinstance(node, ast.While) or isinstance(node.body[-1], ast.Break | ast.Return)
        (operator, *_), (mark, *_) = node.test.ops, node.test.comparators
        compares = isinstance(operator, ast.Is | ast.IsNot | ast.Eq | ast.NotEq)
        if ends and compares and isinstance(mark, ast.Constant | ast.Name | ast.Attribute):
            return unit.source.source(mark)
    return ""


def _are_several(made: list[tuple[Unit, ast.Call]]) -> bool:
    around = made[0][0].enclosing(made[0][1], *REPEATED)
    return len(made) > 1 or (around is not None and getattr(around, "iter", 0) is not made[0][1])


@correction
def _one_for_each(
    fixing: Fixing, unit: Unit, put: ast.Call, made: list[tuple[Unit, ast.Call]]
) -> None:
    """``for _ in workers: await queue.put(None)``, where the workers are kept in a list."""
    home, call = made[0]
    kept, statement = home.enclosing(call, ast.Assign), unit.statement(put)
    if len(made) != 1 or kept is None or not isinstance(kept.value, ast.ListComp):
        return
    name = kept.targets[0]
    if not isinstance(name, ast.Name) or scope(home, kept) is not scope(unit, put):
        return
    by, each = unit.source.indent(statement), fixing.fresh(unit, "each")
    text = f"for {each} in {name.id}:\n{by}    {unit.source.source(statement)}"
    fixing.of(unit).replace(statement, text)


def _never_finished(evidence: Evidence, waited: ast.AST | None) -> Finding | None:
    """``queue.join()`` of a queue that is empty, where nobody ever calls ``task_done``."""
    function = waited.func if isinstance(waited, ast.Call) else None
    if not isinstance(function, ast.Attribute) or function.attr != "join":
        return None
    info = evidence.resolver.info(function.value)
    if info is None and not _awaits_a_queue(evidence, waited):
        return None
    if info is not None and not issubclass(info.kind, asyncio.Queue):
        return None
    queue = info.value if info is not None else None
    if is_real_instance(queue, asyncio.Queue) and not (queue.empty() and queue._unfinished_tasks):  # noqa: SLF001
        return None
    units = evidence.units
    told = any(units.calls("task_done")) or any(calls_on(evidence, "", "task_done"))
    if told or not any(units.calls("get", "get_nowait")):
        return None
    text = f"{evidence.unit.source.source(function.value)}"
    why = (
        f"`{text}.join()` waits until `{text}.task_done()` was called for every item that was put "
        "in, and nobody calls it: the items are taken, and never said to be done."
    )
    return Finding(why, _said_to_be_done(evidence))


def _awaits_a_queue(evidence: Evidence, call: ast.AST | None) -> bool:
    """Whether the `call` of ``join`` is awaited, and queues of asyncio's are made."""
    waits = evidence.unit.enclosing(call, ast.Await) is not None if call is not None else False
    return waits and not evidence.units.called().isdisjoint(_QUEUES)


_QUEUES = ("asyncio.Queue", "asyncio.LifoQueue", "asyncio.PriorityQueue")


@correction
def _said_to_be_done(fixing: Fixing) -> None:
    """``task_done`` at the end of the one loop that takes the items."""
    taken = [
        (unit, node.value.func.value, loop)
        for unit, node in fixing.evidence.units.nodes(ast.Await)
        if isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Attribute)
        if callee_name(node.value) == "get" and not node.value.args
        if (loop := unit.enclosing(node, ast.While)) is not None
    ]
    if len(taken) != 1:
        return
    unit, queue, loop = taken[0]
    if not _jumps(loop):
        fixing.of(unit).lines_after(loop.body[-1], f"{unit.source.source(queue)}.task_done()")


def _jumps(loop: ast.While) -> bool:
    """Whether a round of the `loop` may be left before its end."""
    kinds = (ast.Continue, ast.Break, ast.Return)
    return any(isinstance(each, kinds) for part in loop.body for each in ast.walk(part))


def _timed_out(evidence: Evidence) -> Finding | None:
    """The same, where a timeout has ended the wait."""
    unit, nodes = evidence.unit, evidence.nodes[::-1]
    limits = [each for node in nodes for each in unit.ancestors(node)]
    for node in [*nodes, *(each for each in limits if isinstance(each, ast.AsyncWith))]:
        for each in ast.walk(node):
            if found := _never_finished(evidence, each):
                return found
    return None


def _undone_anywhere(evidence: Evidence) -> Finding | None:
    await_ = evidence.node(ast.Await)
    joined = ast.walk(await_.value) if await_ is not None else ()  # alone, or in a `gather`
    return next(filter(None, (_never_finished(evidence, each) for each in joined)), None)


def _taken_for_nobody(evidence: Evidence) -> Finding | None:
    """``wait({create_task(queue.get())}, timeout=1)`` in each round: the last one goes on."""
    call, unit = evidence.seen_node, evidence.unit
    if not isinstance(call, ast.Call) or not call.args or callee_name(call.args[0]) != "get":
        return None
    text = unit.source.source(call.args[0])
    why = (
        f"{short(unit, call)} went on when nobody waited for it any more, and took an item that "
        f"nobody gets. Keep the task for the next round, or have the wait end it: `await "
        f"asyncio.wait_for({text}, …)`."
    )
    return Finding(why)


def _done_early(evidence: Evidence) -> Finding | None:
    """``task_done()`` in front of the work, and a worker that is cancelled at it."""
    node, unit = evidence.seen_node, evidence.unit
    call = unit.enclosing(node, ast.Call)
    statement = unit.statement(call) if call is not None else None
    loop = unit.enclosing(call, ast.While)
    if call is None or statement is None or loop is None or statement not in loop.body:
        return None
    place = loop.body.index(statement)
    before, after = loop.body[:place], loop.body[place + 1 :]
    taken = {name for part in before for each in ast.walk(part) for name in bound_names(each)}
    waits = [each for part in after for each in ast.walk(part) if isinstance(each, ast.Await)]
    worked = [each for each in waits if taken & {*map(written_name, ast.walk(each))}]
    uses = (each for part in before for each in ast.walk(part) if isinstance(each, ast.Name))
    begun = any(
        each.id in taken
        and isinstance(each.ctx, ast.Load)
        and unit.enclosing(each, ast.If) is None
        for each in uses
    )
    if not worked or begun:
        return None  # or the work is done by then
    why = (
        f"`{unit.source.source(call)}` stands in front of {short(unit, worked[0].value)}: "
        "`join()` does not wait for that, and who was at it has been cancelled. Say that an item "
        "is done when the work on it is."
    )
    return Finding(why, _done_last(evidence, unit, statement, loop))


@correction
def _done_last(fixing: Fixing, unit: Unit, statement: ast.stmt, loop: ast.While) -> None:
    if _jumps(loop):
        return
    fixing.of(unit).lines_after(loop.body[-1], unit.source.source(statement))
    fixing.of(unit).remove(statement)


def _left_over(evidence: Evidence) -> Finding | None:
    """The last batch, which is not full, and that nobody hands on."""
    node, unit, seen = evidence.seen_node, evidence.unit, evidence.finding
    if not isinstance(node, ast.Name):
        return None
    name, count = node.id, seen.number
    items = "1 item was" if count == 1 else f"{count} items were"
    when = "its loop ended"
    if evidence.made is not None:
        when = f"its task was ended in line {evidence.made[1]}, where it waited for more"
    why = (
        f"{items} left in `{name}` when {when}: `{name}` is handed on when it is full, and nobody "
        "does so with what is there at the end."
    )
    fix = _handed_on_at_last(evidence, unit, node) if evidence.made is None else None
    return Finding(why, fix)


@correction
def _handed_on_at_last(fixing: Fixing, unit: Unit, name: ast.Name) -> None:
    """``if batch: await write(batch)`` behind the loop that nothing else leaves."""
    statement, loop = unit.statement(name), unit.enclosing(name, *LOOPS)
    if loop is None or any(isinstance(each, ast.Return) for each in ast.walk(loop)):
        raise CannotFixError
    if not isinstance(statement, ast.Expr) or statement.lineno != statement.end_lineno:
        raise CannotFixError
    fixing.of(unit).lines_after(loop, f"if {name.id}:\n    {unit.source.source(statement)}")


_DONE = (
    "a queue whose items nobody says to be done",
    (
        "`await queue.join()` waits until `queue.task_done()` was called once for each item that "
        "was put in: whoever takes an item calls it when the work on it is done."
    ),
)


def _too_soon(evidence: Evidence) -> Finding | None:
    """``get_nowait`` of a queue into which another task is yet to put something."""
    call, unit = refused_by(evidence, asyncio.Queue.get_nowait), evidence.unit
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return None
    owner, here = call.func.value, scope(unit, call)
    puts = calls_on(evidence, written_name(owner), "put", "put_nowait")
    lost = [
        (home, each)
        for home, each in puts
        if callee_name(each) == "put" and not isinstance(home.parents.get(each), ast.Await)
    ]
    dropped = [each for each in lost if isinstance(each[0].parents.get(each[1]), ast.Expr)]
    if dropped and dropped == puts:
        why = f"{short(*dropped[-1])} was not awaited, and has put nothing: the queue is empty."
        return Finding(why, _put(evidence, dropped))
    elsewhere = any(scope(home, each) is not here for home, each in puts)
    if lost or not elsewhere or not isinstance(here, ast.AsyncFunctionDef):
        return None
    text = unit.source.source(owner)
    why = f"{short(unit, call)} waits for nobody, and there is no item in the queue yet: `await "
    why += f"{text}.get()` waits for one."
    return Finding(why, _waiting_for_item(evidence, unit, call, text))


@correction
def _put(fixing: Fixing, puts: list[tuple[Unit, ast.Call]]) -> None:
    """``q.put(1)`` → ``await q.put(1)``."""
    for unit, call in puts:
        fixing.awaiting(unit, call)


@correction
def _waiting_for_item(fixing: Fixing, unit: Unit, call: ast.Call, queue: str) -> None:
    """``q.get_nowait()`` → ``await q.get()``."""
    fixing.of(unit).replace(call.func, f"{queue}.get")
    fixing.awaiting(unit, call)


RULES = (
    endless(
        "an item asked for too soon",
        "`get_nowait` and `put_nowait` never wait: they raise QueueEmpty and QueueFull. `await "
        "queue.get()` waits until another task has put something.",
        _too_soon,
        errors=(asyncio.QueueEmpty,),
    ),
    endless(*_DONE, _undone_anywhere, sees="stuck | unfinished"),
    endless(*_DONE, _undone),
    endless(
        "a queue that is full",
        "`put` into a queue with a `maxsize` waits for room, which only another task makes that "
        "takes an item. Who takes items must not wait for room in the same queue: leave the "
        "`maxsize` out, or let somebody else put them in.",
        _full,
    ),
    endless(
        "a mark that ends one worker only",
        "An item of a queue goes to one of those who wait for it. To end all workers put in one "
        "mark for each, let each put it back for the next, or cancel them.",
        _one_mark,
    ),
    Rule(
        "fire-and-forget-in-loop",
        "an item taken for nobody",
        5,
        "`asyncio.wait` with a timeout, and `shield`, leave what they wait for at work. A task of "
        "`queue.get()` that is given up takes the next item, and the item is gone with it.",
        _taken_for_nobody,
        sees="taken for nobody",
    ),
    Rule(
        "fire-and-forget-in-loop",
        "an item said to be done before it is",
        5,
        "`queue.join()` waits until `task_done()` was called for each item, and for nothing else. "
        "It belongs behind the work, in a `finally`.",
        _done_early,
        sees="done early",
    ),
    Rule(
        "fire-and-forget-in-loop",
        "a last batch that is not full",
        5,
        "Items that are collected until there are enough are handed on by the one that makes the "
        "number full. After the last item none comes: what is left is handed on behind the loop, "
        "or in a `finally` where the task may be cancelled.",
        _left_over,
        sees="left over",
    ),
    endless(*_DONE, _timed_out, errors=(TimeoutError,)),
)
