"""Many, where one is wanted: what `asyncio.wait` gives, a list of tasks, several coroutines."""

from __future__ import annotations

import ast
import asyncio
from types import CoroutineType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import MISSING, is_real_instance, lookup
from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, corrected, correction, replaced, short
from asyncrepl.explain.fresh_names import fresh
from asyncrepl.explain.kinds import is_awaitable
from asyncrepl.explain.repairs.repair_case import LOOPS, single_assignment
from asyncrepl.explain.rules.changed_values import walked_beside
from asyncrepl.explain.rules.endless_waits import calls_on
from asyncrepl.explain.scopes import CannotFixError, behind_await, behind_call
from asyncrepl.explain.value_origins import bound_by, loads, reached_functions
from asyncrepl.syntax.names import callee_name, canonical_name, written_name
from asyncrepl.syntax.source_rewriter import Span

if TYPE_CHECKING:
    from collections.abc import Iterable

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Unit

_COLLECTIONS = (list, set, tuple)


def _are_futures(values: Iterable[object]) -> bool:
    held = list(values)
    return bool(held) and all(is_real_instance(each, asyncio.Future) for each in held)


def _is_pair(value: object) -> bool:
    """Whether it may be what `asyncio.wait` gives: sets of what is done and of what is not."""
    if type(value) is not tuple or [*map(type, value)] != [set, set]:
        return False
    return _are_futures([*value[0], *value[1]])


def _asked(evidence: Evidence) -> tuple[ast.Attribute, object] | None:
    """The attribute of a task that many tasks were asked for, and what they are in."""
    error = evidence.error
    held = error.obj if isinstance(error, AttributeError) else None
    if type(held) not in _COLLECTIONS or not (_is_pair(held) or _are_futures(held)):  # type: ignore[arg-type]
        return None
    for node in reversed(evidence.nodes):
        each = behind_call(node)
        if isinstance(each, ast.Attribute):
            known = each.attr == error.name and lookup(asyncio.Task, each.attr) is not MISSING  # type: ignore[union-attr]
            return (each, held) if known else None
    return None


def _waited(evidence: Evidence, node: ast.expr) -> ast.expr | None:
    """``asyncio.wait(…)``, if `node` is what it gives, or one of the two that a loop takes."""
    unit = evidence.unit
    loop = bound_by(unit, node)
    source = loop.iter if isinstance(loop, LOOPS) else node
    made = single_assignment(unit, source, awaited=True) or source
    call = made.value if isinstance(made, ast.Await) else None
    known = isinstance(call, ast.Call) and canonical_name(call.func) == "asyncio.wait"
    return made if known else None


def _pair(evidence: Evidence) -> Finding | None:
    """``done.result()``, where `done` is the pair that was given, or one of it."""
    found = _asked(evidence)
    waited = _waited(evidence, found[0].value) if found is not None else None
    if waited is None:
        return None
    why = (
        f"{short(evidence.unit, behind_await(waited))} gives a pair of sets, those that are done "
        "and those that are pending: `done, pending = await asyncio.wait(…)`."
    )
    return Finding(why, _taken_apart(evidence, waited))


def _many(evidence: Evidence) -> Finding | None:
    """``jobs.result()``, where `jobs` are many."""
    found = _asked(evidence)
    if found is None or _is_pair(found[1]):
        return None
    node, held = found
    text, kind = short(evidence.unit, node.value), type(held).__name__
    why = f"{text} is a {kind} of tasks: `.{node.attr}` is what each of them has."
    return Finding(why, corrected(evidence, _each_result, evidence.unit, node))


@correction
def _taken_apart(fixing: Fixing, waited: ast.expr) -> None:
    """``done = await asyncio.wait(jobs)`` → ``done, pending = await asyncio.wait(jobs)``."""
    unit = fixing.evidence.unit
    assigned = unit.parents.get(waited)
    if isinstance(assigned, ast.Assign) and isinstance(assigned.targets[0], ast.Name):
        fixing.of(unit).after(assigned.targets[0], f", {fresh(unit, 'pending')}")
        _collected(fixing, unit, assigned.targets[0])
    else:
        fixing.of(unit).before(waited, "(")
        fixing.of(unit).after(waited, ")[0]")


def _collected(fixing: Fixing, unit: Unit, name: ast.Name) -> None:
    """Of ``name.result()``, where `name` are many now, those of each."""
    for each in loads(unit, name):
        owner = unit.parents.get(each)
        if isinstance(owner, ast.Attribute):
            _each_result(fixing, unit, owner)


def _each_result(fixing: Fixing, unit: Unit, node: ast.Attribute) -> None:
    """``jobs.result()`` → ``await asyncio.gather(*jobs)``; of other methods nobody knows."""
    call, owner = unit.parents.get(node), unit.source.source(node.value)
    if not isinstance(call, ast.Call) or call.func is not node or call.args:
        return
    if node.attr == "result":
        fixing.awaiting_instead(unit, call, f"await asyncio.gather(*{owner})")
    elif isinstance(unit.parents.get(call), ast.Expr):
        name = fresh(unit, "job")
        fixing.of(unit).replace(call, f"for {name} in {owner}: {name}.{node.attr}()")


def _too_many(evidence: Evidence) -> Finding | None:
    """``asyncio.run(first(), second())``."""
    call, resolver = evidence.node(ast.Call), evidence.resolver
    name, unit = callee_name(call), evidence.unit
    if call is None or not evidence.direct or not isinstance(call.func, ast.Attribute | ast.Name):
        return None
    known = name in _OF_ONE and canonical_name(call.func).startswith("asyncio.")
    if not known and name not in ("run_until_complete", "run_forever"):
        return None
    if not all(any(is_awaitable(one) for one in resolver.options(each)) for each in call.args):
        return None
    if name == "run_forever" and len(call.args) == 1 and isinstance(call.func, ast.Attribute):
        why = "`run_forever` takes nothing: it is `run_until_complete` that runs a coroutine."
        by = f"{unit.source.source(call.func.value)}.run_until_complete"
        return Finding(why, replaced(evidence, unit, (call.func, by)))
    if len(call.args) < _SEVERAL:
        return None
    count = len(call.args)
    why = f"`{name}` takes one coroutine, and here are {count}: `gather` makes one of many."
    return Finding(why, _gathered(evidence, call))


def _in_another_order(evidence: Evidence) -> Finding | None:
    """``zip(names, as_completed(jobs))``, where each job was made of one of the names."""
    use, unit = evidence.use("seen"), evidence.unit
    if use is None or not isinstance(use.owner, ast.Call):
        return None
    made = (_filled_by if use.kind is list else single_assignment)(unit, use.node) or use.node
    called = canonical_name(getattr(made, "func", None))
    if not isinstance(made, ast.Call) or not made.args or called != "asyncio.as_completed":
        return None
    beside = walked_beside(unit, use.owner, made.args[0])
    if not beside:
        return None
    why = (
        "`as_completed` gives first what is done first, and not in the order of "
        f"{short(unit, beside[0])}: `zip` pairs each with what another may have given."
    )
    place = use.owner.args.index(use.node)
    return Finding(why, None if use.kind is list else _in_order(evidence, use.owner, place, made))


def _filled_by(unit: Unit, name: ast.expr) -> ast.expr | None:
    """What a list is filled from, item by item, where it is made, or in the one loop for that."""
    if isinstance(made := single_assignment(unit, name), ast.ListComp):
        return made.generators[0].iter
    filled = [each for each in unit.nodes(ast.Attribute) if each.attr == "append"
              and written_name(each.value) == written_name(name)]  # fmt: skip
    loop = unit.enclosing(filled[0], ast.For, ast.AsyncFor) if len(filled) == 1 else None
    return loop.iter if isinstance(loop, ast.For | ast.AsyncFor) else None


@correction
def _in_order(fixing: Fixing, call: ast.Call, position: int, made: ast.Call) -> None:
    """``await asyncio.gather(*jobs)``, and the results as they are."""
    unit = fixing.evidence.unit
    loop = unit.parents.get(call)
    target = loop.target if isinstance(loop, ast.For | ast.comprehension) else None
    names = target.elts if isinstance(target, ast.Tuple) else []
    step = names[position] if position < len(names) else None
    if not isinstance(step, ast.Name) or len(made.args) != 1 or made.keywords:
        raise CannotFixError
    for each in loads(unit, step):
        awaited = unit.parents.get(each)
        if not isinstance(awaited, ast.Await):
            raise CannotFixError
        fixing.of(unit).replace(awaited, step.id)
    fixing.of(unit).replace(made, f"await asyncio.gather(*{unit.source.source(made.args[0])})")
    fixing.suspending(unit, made)


_SEVERAL = 2
#: What takes one awaitable, and nothing that could be another.
_OF_ONE = ("run", "create_task", "ensure_future", "shield")


@correction
def _gathered(fixing: Fixing, call: ast.Call) -> None:
    """One for all: a future of `gather`, or a coroutine where it has to be one."""
    unit, (start, end) = fixing.evidence.unit, _arguments(fixing.evidence.unit, call)
    given = f"asyncio.gather({unit.text[start:end]})"
    if callee_name(call) in ("run", "create_task", "run_until_complete"):
        statement, name = unit.statement(call), fixing.fresh(unit, "together")
        if not unit.source.begins_line(statement):
            raise CannotFixError
        head = f"async def {name}():\n    return await {given}\n"
        fixing.of(unit).lines_before(statement, head)
        given = f"{name}()"
    fixing.of(unit).replace(Span(start, end), given)


def _arguments(unit: Unit, call: ast.Call) -> Span:
    return Span(unit.source.span(call.args[0]).start, unit.source.span(call.args[-1]).end)


def _keys(evidence: Evidence) -> Finding | None:
    """``gather(*jobs)`` or ``wait(jobs)`` of a dict of awaitables: that gives its keys."""
    nodes = [each for node in evidence.nodes[-1:] for each in ast.walk(node)]
    calls = [each for each in nodes if isinstance(each, ast.Call)]
    for call in calls:
        for argument in call.args if canonical_name(call.func) in _TAKERS else ():
            node = argument.value if isinstance(argument, ast.Starred) else argument
            info = evidence.resolver.info(node)
            item = info.item if info is not None and info.kind is dict else None
            if item is not None and is_awaitable(item):
                return _of_values(evidence, call, argument, node, made=item.kind is CoroutineType)
    return None


def _of_values(
    evidence: Evidence, call: ast.Call, argument: ast.expr, node: ast.expr, *, made: bool
) -> Finding:
    unit = evidence.unit
    values = f"{unit.source.operand(node)}.values()"
    star = "*" if argument is not node else ""
    why = (
        f"{short(unit, argument)} gives the keys of the dict, and what can be awaited are its "
        f"values: `{star}{values}`."
    )
    if callee_name(call) == "wait" and made:
        job = fresh(unit, "job")
        values = f"[asyncio.create_task({job}) for {job} in {values}]"
    return Finding(why, replaced(evidence, unit, (node, values)))


_TAKERS = ("asyncio.gather", "asyncio.wait", "asyncio.as_completed")


def _waits_for_itself(evidence: Evidence) -> Finding | None:
    """A wait for all tasks, of which the one that waits is one."""
    await_, unit = evidence.node(ast.Await), evidence.unit
    waits = await_.value if await_ is not None else None
    if not isinstance(waits, ast.Call):
        return None
    for each in waits.args:
        tasks = each.value if isinstance(each, ast.Starred) else each
        if isinstance(tasks, ast.Name):
            taken = calls_on(evidence, tasks.id, "discard", "remove", "difference_update")
            assigned = bound_by(unit, tasks) if not taken else None
            tasks = assigned.value if isinstance(assigned, ast.Assign) else tasks
        if isinstance(tasks, ast.Call) and canonical_name(tasks.func) == "asyncio.all_tasks":
            text = unit.source.source(tasks)
            why = (
                f"`{text}` has the task in it that runs here, and {short(unit, waits)} waits for "
                "that, too: it waits for itself. Leave out `asyncio.current_task()`."
            )
            others = f"{text} - {{asyncio.current_task()}}"
            return Finding(why, replaced(evidence, unit, (tasks, others)))
    return None


def _wait_for_each_other(evidence: Evidence) -> Finding | None:
    """A task that awaits one which waits for it in turn."""
    await_ = evidence.node(ast.Await)
    if await_ is None or evidence.finding.info.kind is not asyncio.Task:
        return None
    why = (
        f"{short(evidence.unit, await_.value)} waits, itself or through others, for the very task "
        "that awaits it here: neither comes to its end. Let one of them go on by itself."
    )
    return Finding(why)


def _unread(evidence: Evidence) -> Finding | None:
    """An error among what ``gather`` has given, which nobody looks at."""
    await_, unit = evidence.seen_node, evidence.unit
    call = await_.value if isinstance(await_, ast.Await) else None
    if not isinstance(await_, ast.Await) or not isinstance(call, ast.Call):
        return None
    inside = [each for part in call.args for each in ast.walk(part)]
    jobs = [each for each in inside if isinstance(each, ast.Call)]
    if not jobs or any(_tells_itself(evidence, callee_name(each)) for each in jobs):
        return None  # tasks that have a name may be asked how they ended
    why = (
        f"With `return_exceptions` an error is one of the results of {short(unit, call)}, and "
        f"nobody looks at these: the {evidence.finding.info.kind.__name__} goes unseen."
    )
    return Finding(why, _looked_at(evidence, unit, await_))


def _tells_itself(evidence: Evidence, name: str) -> bool:
    """Whether the user's function `name` may deal with an error that it raises."""
    for home in evidence.units.functions(name):
        reached = [each for _, each in reached_functions(evidence, *home)]
        if isinstance(home[1], ast.FunctionDef) or any(each.decorator_list for each in reached):
            return True  # it makes a task, or what is around it sees to that
        nodes = [node for each in reached for node in ast.walk(each)]
        caught = [node for node in nodes if isinstance(node, ast.ExceptHandler)]
        if any(isinstance(node, ast.Raise) for each in caught for node in ast.walk(each)):
            return True
    return False


@correction
def _looked_at(fixing: Fixing, unit: Unit, await_: ast.expr) -> None:
    """Keep what it gives, and tell each error."""
    statement, name, one = unit.statement(await_), "", fixing.fresh(unit, "result")
    edits = fixing.of(unit)
    if isinstance(statement, ast.Expr):
        name = fixing.fresh(unit, "results")
        edits.before(await_, f"{name} = ")
    elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        name = statement.targets[0].id
    told = f"print('failed:', repr({one}))"
    edits.lines_after(
        statement, f"for {one} in {name}:\n    if isinstance({one}, Exception):\n        {told}"
    )


RULES = (
    Rule(
        "results-in-another-order",
        "`as_completed` beside what it was made of",
        5,
        "`as_completed` gives awaitables in the order in which they are done. `await "
        "asyncio.gather(*jobs)` gives the results in the order of the jobs.",
        _in_another_order,
        sees="paired | unordered",
    ),
    Rule(
        "gather-without-star",
        "the keys of a dict of awaitables",
        3,
        "A dict gives its keys to whoever walks or unpacks it; the awaitables of a dict of them "
        "are its values: `await asyncio.gather(*jobs.values())`.",
        _keys,
        errors=(AttributeError, TypeError),
    ),
    Rule(
        "task-waits-for-itself",
        "a task that waits for itself",
        3,
        "`asyncio.all_tasks()` contains the running task; waiting for it waits for oneself. "
        "Take it out: `asyncio.all_tasks() - {asyncio.current_task()}`.",
        _waits_for_itself,
        sees="stuck",
        before="forgotten_tasks",
    ),
    Rule(
        "task-waits-for-itself",
        "tasks that wait for each other",
        3,
        "A task that awaits another goes on when that has ended. Two that await each other, or "
        "more in a circle, never do: what one needs of another goes through a future or a queue.",
        _wait_for_each_other,
        sees="stuck",
        before="forgotten_tasks",
    ),
    Rule(
        "task-exception-lost",
        "results among which is an error",
        5,
        "`gather(…, return_exceptions=True)` raises nothing: what went wrong is in its list, in "
        "the place of a result.",
        _unread,
        sees="unread",
    ),
    Rule(
        "gather-without-star",
        "several coroutines where one is taken",
        3,
        "`asyncio.run`, `create_task` and the like take one coroutine. `gather` waits for many: "
        "`await asyncio.gather(first(), second())`.",
        _too_many,
    ),
    Rule(
        "asyncio-wait-wants-tasks",
        "what `asyncio.wait` gives, taken for tasks",
        3,
        "`asyncio.wait` gives two sets of tasks: `done, pending = await asyncio.wait(tasks)`.",
        _pair,
        errors=(AttributeError,),
    ),
    Rule(
        "await-a-list-of-coroutines",
        "many tasks, used as one",
        3,
        "A list or a set of tasks has no result of its own: each task has one, and `await "
        "asyncio.gather(*jobs)` gives them all.",
        _many,
        errors=(AttributeError,),
    ),
)
