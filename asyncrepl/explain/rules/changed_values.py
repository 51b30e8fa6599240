"""What changes while code waits, and what runs later than it looks.

That it mattered was seen: a variable had another value when it was written, a list was shorter, an
object that changes is kept. What is said here is where it was read, and what keeps it.
"""

from __future__ import annotations

import ast
from contextvars import ContextVar
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import MISSING, is_real_instance
from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, correction, replaced, short
from asyncrepl.explain.fresh_names import fresh
from asyncrepl.explain.repairs.repair_case import single_assignment
from asyncrepl.explain.scopes import CannotFixError, behind_call, deepen, own_nodes, scope
from asyncrepl.explain.tokens import Words
from asyncrepl.explain.value_origins import bound_by
from asyncrepl.syntax.names import (
    LOOPS,
    bound_names,
    callee_name,
    method_owner,
    written_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Unit

Late = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def _overwritten(evidence: Evidence) -> Finding | None:
    """A variable that was read before a wait, and is written after it."""
    unit, value = evidence.unit, evidence.seen_node
    store = unit.statement(value) if value is not None else None
    if isinstance(store, ast.AugAssign):
        text = unit.source.source(store.target)
        why = (
            f"`{text}` is read before the `await` and written after it, and it has changed "
            "meanwhile: what another task has written there is lost. Await first, then read it."
        )
        return Finding(why, _awaited_first(evidence, unit, store))
    if not isinstance(store, ast.Assign):
        return None
    text, test = unit.source.source(store.targets[0]), _asked_before(unit, store)
    if test is not None:
        why = (
            f"`{unit.source.source(test.test)}` was asked before the `await`, and other tasks ask "
            f"while this one waits: `{text}` is there by now, and is made once more. Hold an "
            "`asyncio.Lock` around both, or keep the task that makes it."
        )
        return Finding(why)
    why = (
        f"`{getattr(scope(unit, store), 'name', '')}` works `{text}` out from what it read before "
        "the `await`, and it has changed meanwhile: what another task has written there is lost. "
        "Read it after the `await`, or hold an `asyncio.Lock` around both."
    )
    return Finding(why)


def _asked_before(unit: Unit, store: ast.Assign) -> ast.If | None:
    """The ``if`` in which the variable is written, or before it one that returns what it is.

    It asks for the variable: what else it asks has not changed.
    """
    around, text = unit.parents.get(store), unit.source.source(store.targets[0])
    before = [around] if isinstance(around, ast.If) and store in around.body else []
    returning = [each for each in getattr(around, "body", ()) if isinstance(each, ast.If)]
    for each in (*before, *(e for e in returning if isinstance(e.body[-1], ast.Return))):
        inside = [node for node in ast.walk(each.test) if isinstance(node, ast.expr)]
        if text in map(unit.source.source, inside) or _is_in(each.test, store):
            return each
    return None


def _is_in(test: ast.expr, store: ast.Assign) -> bool:
    """``key in cache``, where ``cache[key]`` is written."""
    part = store.targets[0]
    owner = written_name(part.value) if isinstance(part, ast.Subscript) else ""
    compared = [each for each in ast.walk(test) if isinstance(each, ast.Compare)]
    return any(owner and written_name(each.comparators[0]) == owner for each in compared)


@correction
def _awaited_first(fixing: Fixing, unit: Unit, store: ast.AugAssign) -> None:
    """``x += await f()`` → ``value = await f()``, and then ``x += value``."""
    name, edits = fresh(unit, "value"), fixing.of(unit)
    if not unit.source.begins_line(store):
        raise CannotFixError
    edits.lines_before(store, f"{name} = {unit.source.source(store.value)}")
    edits.replace(store.value, name)


def _became_shorter(evidence: Evidence) -> Finding | None:
    """A list out of which items were taken while a loop is in it."""
    unit, items = evidence.unit, evidence.seen_node
    loop = unit.enclosing(items, ast.For)
    if items is None or loop is None:
        return None
    text = unit.source.source(items)
    why = (
        f"`{text}` became shorter while this loop waited in its body: the items move up, and the "
        f"loop passes over one. Go through a copy, `list({text})`."
    )
    return Finding(why, replaced(evidence, unit, (loop.iter, f"list({text})")))


def _yielded_again(evidence: Evidence) -> Finding | None:
    """One object that a generator fills, yields, and changes, where each is kept."""
    unit, item = evidence.unit, evidence.seen_node
    if not isinstance(item, ast.Name):
        return None
    name = getattr(scope(unit, item), "name", "")
    why = (
        f"`{name}` yields the same `{item.id}` each time and changes it afterwards, and who walks "
        "it keeps what it got: all of these are one object, as it is in the end. Yield a new one."
    )
    return Finding(why, _made_anew(evidence, unit, item))


@correction
def _made_anew(fixing: Fixing, unit: Unit, item: ast.Name) -> None:
    """``batch.clear()`` → ``batch = []``, where it began so; else yield a copy."""
    loop = unit.enclosing(item, *LOOPS)
    cleared = [
        each
        for each in (own_nodes(loop) if loop is not None else ())
        if isinstance(each, ast.Expr)
        and unit.source.source(each.value) == f"{item.id}.clear()"
        and each.lineno > item.lineno
    ]
    first = bound_by(unit, item)
    empty = unit.source.source(first.value) if isinstance(first, ast.Assign) else ""
    if len(cleared) == 1 and empty in ("[]", "{}", "list()", "dict()", "set()"):
        fixing.of(unit).replace(cleared[0], f"{item.id} = {empty}")
    else:
        fixing.of(unit).replace(item, f"{item.id}.copy()")


def _limits_nothing(evidence: Evidence) -> Finding | None:
    """A lock, a semaphore or a timeout around tasks that run when it is left."""
    unit, entered = evidence.unit, evidence.seen_node
    block = unit.enclosing(entered, ast.AsyncWith)
    if entered is None or block is None:
        return None
    makers = [
        node
        for part in block.body
        for node in ast.walk(part)
        if callee_name(node) in ("create_task", "ensure_future")
    ]
    kind, made = evidence.finding.info.kind.__name__, makers[0] if makers else None
    alone = all(
        not isinstance(part, ast.If) and any(each in ast.walk(part) for each in makers)
        for part in block.body
    )
    into = getattr(unit.parents[made], "targets", [made])[0] if made is not None else None
    shared = isinstance(into, ast.Attribute | ast.Subscript)
    guards = kind == "Condition" or (kind == "Lock" and (shared or not alone))  # what is shared
    if not isinstance(made, ast.Call) or not made.args or guards:
        return None
    text, job = unit.source.source(entered), short(unit, made.args[0])
    what = "the time limit" if kind == "Timeout" else f"`{text}`"
    why = (
        f"The block of `async with {text}` only makes the task of {job}, and is left before that "
        f"has begun: {what} does not hold for it. "
    )
    if kind == "Timeout":
        return Finding(f"{why}Wait for the task inside.", _awaited_inside(evidence, unit, block))
    return Finding(f"{why}Enter it in the task.")


@correction
def _awaited_inside(fixing: Fixing, unit: Unit, block: ast.AsyncWith) -> None:
    """Take the statement behind the block into it, which waits for the task."""
    rest = getattr(unit.parents.get(block), "body", [])
    behind = rest[rest.index(block) + 1 :] if block in rest else []
    if not behind or not any(isinstance(each, ast.Await) for each in ast.walk(behind[0])):
        raise CannotFixError
    span, by = unit.source.block(behind[0]), unit.source.indent(behind[0])
    deepen(fixing.of(unit), unit, span.start, span.end, by)


def _asks_late(evidence: Evidence) -> Finding | None:
    """What asks for the variable of a loop when that is over."""
    unit, given = evidence.unit, evidence.seen_node
    loop = unit.enclosing(given, ast.For)
    function = _function_of(unit, given) if given is not None else None
    if given is None or loop is None or function is None:
        return None
    names = {name for each in ast.walk(loop.target) for name in bound_names(each)}
    asked = [
        each.id for each in ast.walk(function) if isinstance(each, ast.Name) and each.id in names
    ]
    if not asked:
        return None
    name = getattr(function, "name", "")
    what = f"`{name}` runs" if name else "The lambda runs"
    why = (
        f"{what} when this loop is over, and asks for `{asked[0]}` then: it is that of the last "
        f"round for all of them. A default keeps it: `{asked[0]}={asked[0]}`."
    )
    return Finding(why, _kept_by_default(evidence, unit, function, list(dict.fromkeys(asked))))


def _function_of(unit: Unit, given: ast.expr) -> Late | None:
    """The function that `given` is, names, or calls."""
    if isinstance(given, ast.Lambda):
        return given
    name = behind_call(given)
    found = [
        each for each in unit.functions() if isinstance(name, ast.Name) and each.name == name.id
    ]
    return found[0] if len(found) == 1 else None


@correction
def _kept_by_default(fixing: Fixing, unit: Unit, function: Late, names: list[str]) -> None:
    given, edits = function.args, fixing.of(unit)
    if given.vararg or given.kwarg or given.kwonlyargs or given.posonlyargs:
        raise CannotFixError
    kept = ", ".join(f"{name}={name}" for name in names)
    if given.args:
        last = given.defaults[-1] if given.defaults else given.args[-1]
        edits.after(last, f", {kept}")
        return
    start = unit.source.span(function).start
    if isinstance(function, ast.Lambda):
        edits.insert(start + len("lambda"), f" {kept}")
        return
    words = Words.of(unit.text[start:]).words
    edits.insert(start + next(each.end for each in words if each.text == "("), kept)


def _not_in_order(evidence: Evidence) -> Finding | None:
    """``zip(names, done)``: what `asyncio.wait` gives is a set."""
    unit, done = evidence.unit, evidence.seen_node
    pair = bound_by(unit, done)
    wait = unit.parents.get(pair) if pair is not None else None
    awaited = wait.value if isinstance(wait, ast.Assign) else None
    call = awaited.value if isinstance(awaited, ast.Await) else None
    zipping = unit.enclosing(done, ast.Call)
    if not isinstance(done, ast.Name) or not isinstance(call, ast.Call) or not call.args:
        return None
    if zipping is None or not walked_beside(unit, zipping, call.args[0]):
        return None
    given = unit.source.source(call.args[0])
    why = (
        f"`{done.id}` is a set, as `asyncio.wait` gives it: its tasks come in any order, and not "
        f"in that of `{given}`. Ask the tasks of `{given}` themselves, or `gather` them."
    )
    whole = len(call.args) == 1 and not call.keywords and isinstance(call.args[0], ast.Name)
    return Finding(why, replaced(evidence, unit, (done, given)) if whole else None)


def walked_beside(unit: Unit, call: ast.Call, jobs: ast.expr) -> list[ast.expr]:
    """The arguments of a `call` of ``zip`` that are the awaitables `jobs`, or what made them."""
    sources = {ast.dump(each) for each in _made_of(unit, jobs)}
    return [each for each in call.args if ast.dump(_walked(each)) in sources]


def _made_of(unit: Unit, jobs: ast.expr) -> Iterator[ast.expr]:
    """What the awaitables `jobs` are made of, item by item: themselves, and what was walked."""
    yield _walked(jobs)
    made = single_assignment(unit, jobs) or jobs
    match made:
        case ast.ListComp(generators=[clause]) | ast.GeneratorExp(generators=[clause]):
            yield _walked(clause.iter)
        case ast.Call(args=[_, *walked]) if callee_name(made) == "map":
            yield from map(_walked, walked)


def _walked(node: ast.expr) -> ast.expr:
    """The collection itself: of ``list(names)``, ``sizes.items()`` and ``[*names]``."""
    match node:
        case ast.Call(args=[inner]) if callee_name(node) in ("list", "tuple", "iter"):
            return _walked(inner)
        case ast.Call(ast.Attribute(value=inner), []) if callee_name(node) in _VIEWS:
            return inner
        case ast.List([ast.Starred(inner)]):
            return _walked(inner)
    return node


_VIEWS = ("items", "keys", "values")


def _ends_with_false(evidence: Evidence) -> Finding | None:
    """``while item := await anext(it, None)``, where an item counts as false."""
    unit, step = evidence.unit, evidence.seen_node
    named = unit.enclosing(step, ast.NamedExpr)
    if named is None:
        return None
    text, value = unit.source.source(named), evidence.finding.info.value
    if type(value) is bytes:
        return None  # which ends what is read, by convention
    item = "an item that is empty" if value is MISSING else f"the item `{value!r}`"
    why, fix = f"The loop ended with {item}, which counts as false, as None does", None
    awaited = named.value.value if isinstance(named.value, ast.Await) else named.value
    if callee_name(awaited) != "get":
        why += ": only None, the default of `anext`, says that there are no more."
        fix = replaced(evidence, unit, (named, f"({text}) is not None"))
    else:
        why += ", and there are more items in the queue."
    return Finding(f"{why} Compare with what is to end it.", fix)


_CHANGED = "changed-while-it-waited"

#: Who makes a task of what it is given, or runs it in one: with a copy of the context.
_TASK_MAKERS = ("create_task", "ensure_future", "gather", "run", "run_coroutine_threadsafe")


def _set_in_a_task(evidence: Evidence) -> Finding | None:
    """``user.get()``, where `user` is only set by what runs in a task of its own."""
    call = evidence.node(ast.Call) if evidence.direct else None
    variable = method_owner(call) if call is not None and not call.args else None
    if variable is None or not is_real_instance(evidence.resolver.value(variable), ContextVar):
        return None
    calls, name = list(evidence.units.nodes(ast.Call)), written_name(variable)
    sets = [
        e for e in calls if callee_name(e[1]) == "set" and written_name(method_owner(e[1])) == name
    ]
    setter = {scope(*each) for each in sets}
    function = setter.pop() if len(setter) == 1 else None
    if not isinstance(function, ast.AsyncFunctionDef):
        return None
    runs = [(unit, each) for unit, each in calls if callee_name(each) == function.name]
    if not runs or any(callee_name(_taker(*each)) not in _TASK_MAKERS for each in runs):
        return None
    why = (
        f"{short(*sets[0])} runs in `{function.name}`, and that in a task: a task has a copy of "
        "the context, so what it sets is set there alone."
    )
    return Finding(why, _awaited_itself(evidence, runs))


def _taker(unit: Unit, call: ast.Call) -> ast.AST | None:
    """What is called with `call`, also as one of a list."""
    around = unit.parents.get(call)
    return around if isinstance(around, ast.Call) else unit.enclosing(call, ast.Call)


@correction
def _awaited_itself(fixing: Fixing, runs: list[tuple[Unit, ast.Call]]) -> None:
    """``await asyncio.create_task(login())`` → ``await login()``, which is the same context."""
    for unit, call in runs:
        task = unit.parents[call]
        alone = isinstance(task, ast.Call) and len(task.args) == 1
        if not alone or not isinstance(unit.parents.get(task), ast.Await):
            raise CannotFixError
        fixing.of(unit).replace(task, unit.source.source(call))


RULES = (
    Rule(
        "context-set-in-a-task",
        "a context variable that only a task has set",
        5,
        "A task begins with a copy of the context, and keeps what it sets to itself. `await "
        "login()` runs in the context of who awaits it, or let `login` return what is to be set.",
        _set_in_a_task,
        errors=(LookupError,),
    ),
    Rule(
        _CHANGED,
        "a value that changed during an `await`",
        3,
        "While a task waits, others run, and may change what it has read. What is read and "
        "written belongs on one side of the `await`, or inside one `async with lock`.",
        _overwritten,
        sees="overwriting",
    ),
    Rule(
        _CHANGED,
        "a list that changed while a loop was in it",
        3,
        "A loop over a list counts: what is taken out before the place where it is moves the rest "
        "up by one. While its body awaits, others may do so. A copy stays as it is.",
        _became_shorter,
        sees="shrunk",
    ),
    Rule(
        "same-item-yielded-again",
        "one object, yielded again and again",
        2,
        "A `yield` hands over the object, not a copy: what is changed afterwards is changed for "
        "who has kept it, too.",
        _yielded_again,
        sees="reused",
    ),
    Rule(
        "limit-left-before-its-tasks",
        "a limit that is left before the task begins",
        5,
        "`create_task` returns at once, and the task runs when the others wait. What is to limit "
        "it has to be entered in the task, or left when the task is over.",
        _limits_nothing,
        sees="limiting",
    ),
    Rule(
        "late-loop-variable",
        "a variable of a loop, asked for when that is over",
        5,
        "A function looks a variable up when it runs, not when it is made. Tasks and callbacks "
        "run when the code that makes them waits: then the variable has its last value.",
        _asks_late,
        sees="late",
    ),
    Rule(
        "done-tasks-have-no-order",
        "a set of tasks, taken in their order",
        5,
        "`asyncio.wait` gives two sets. A set has no order; the list of the tasks has, and so has "
        "what `gather` gives.",
        _not_in_order,
        sees="unordered",
    ),
    Rule(
        "item-taken-for-the-end",
        "an item that counts as false, taken for the end",
        6,
        "`anext(it, None)` gives None at the end, and a queue what was put in to end it. A loop "
        "that asks whether an item is true ends with a 0 or an empty text, too.",
        _ends_with_false,
        sees="falsy",
    ),
)
