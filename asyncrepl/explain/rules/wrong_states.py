"""Generators, steps and coroutines used in a state that does not allow it.

The interpreter says so with a RuntimeError or TypeError; which state it was is
read from the object, still alive under its name, and from its source.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
from types import AsyncGeneratorType, CoroutineType
from typing import TYPE_CHECKING, Any

from asyncrepl.events.object_info import (
    coroutine_of_task,
    has_begun,
    is_real_instance,
    lookup,
)
from asyncrepl.explain.bindings import is_coroutine_function
from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, corrected, correction, short
from asyncrepl.explain.held_operands import ASYNCIO, innermost_frame
from asyncrepl.explain.repairs.repair_case import single_assignment
from asyncrepl.explain.rules.aiter_methods import method
from asyncrepl.explain.rules.anext_methods import as_anext
from asyncrepl.explain.rules.kept_coroutines import (
    CACHED,
    is_over,
    kept_coroutine,
    tasks_cached,
)
from asyncrepl.explain.scopes import CannotFixError, own_nodes, scope
from asyncrepl.explain.value_origins import assignment, bindings, called, stepped_source
from asyncrepl.syntax.names import callee_name, canonical_name

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence, Site
    from asyncrepl.explain.source_units import Function, Unit

_ABSTRACT = ("__aiter__", "__anext__", "asend", "athrow")


def called_class(evidence: Evidence) -> type | None:
    """The class that was called at the failing place."""
    use = evidence.use("called")
    made = use.info.value if use is not None and use.info is not None else None
    return made if evidence.direct and is_real_instance(made, type) else None


def _awaited(evidence: Evidence) -> tuple[Site, ast.expr] | None:
    """The place of the user's ``await`` that failed, and its operand."""
    if not evidence.sites or not evidence.direct:
        return None
    site = evidence.sites[-1]
    node = site.node(ast.Await)
    return (site, node.value) if node else None


def _may_not_have_started(stream: object) -> bool:
    """Whether it has not begun; or is over by now, for its loop has closed it since."""
    return is_real_instance(stream, AsyncGeneratorType) and (
        stream.ag_frame is None or not has_begun(stream)
    )


def _send_first(evidence: Evidence) -> Finding | None:
    found = _awaited(evidence)
    made = called(evidence, found[0].unit, found[1]) if found else None
    if found is None or made is None or callee_name(made[1]) != "asend":
        return None
    unit, call = made
    source = stepped_source(call)
    if source is None or not _may_not_have_started(evidence.resolver.value(source)):
        return None
    fixing, text = Fixing(evidence), unit.source.source(source)
    fixing.of(unit).lines_before(_before_loops(unit, call, source), f"await anext({text})")
    why = f"`{text}` has not reached a `yield` yet, so there is nothing that could take the value."
    return Finding(why, fixing.fix())


def _before_loops(unit: Unit, call: ast.Call, source: ast.expr) -> ast.stmt:
    """The statement of `call`, or the outermost loop around it in which `source` is not made."""
    names = {node.id for node in ast.walk(source) if isinstance(node, ast.Name)}
    found = unit.statement(call)
    for each in unit.ancestors(call):
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            break
        if isinstance(each, ast.For | ast.AsyncFor | ast.While):
            stored = (n for n in ast.walk(each) if isinstance(n, ast.Name))
            if any(n.id in names and isinstance(n.ctx, ast.Store) for n in stored):
                break
            found = each
    return found


def _step_again(evidence: Evidence) -> Finding | None:
    found = _awaited(evidence)
    name = found[1] if found else None
    if found is None or not isinstance(name, ast.Name):
        return None
    value = evidence.resolver.value(name)
    if type(value).__name__ not in ("async_generator_asend", "async_generator_athrow"):
        return None
    why = f"`{name.id}` stands for one step, and that was made already: ask for the next one."
    return Finding(why, _fresh_steps(evidence, name.id))


@correction
def _fresh_steps(fixing: Fixing, name: str) -> None:
    """Keep the generator under the name, and write ``await anext(name)``."""
    assigned = assignment(fixing.evidence, name)
    call = assigned[1].value if assigned else None
    source = stepped_source(call) if assigned and isinstance(call, ast.Call) else None
    if assigned is None or source is None or call is None:
        return
    fixing.of(assigned[0]).replace(call, assigned[0].source.source(source))
    for unit, node in fixing.evidence.units.nodes(ast.Await):
        if isinstance(node.value, ast.Name) and node.value.id == name:
            fixing.of(unit).replace(node.value, f"anext({name})")


#: What runs the coroutine that it is given, or makes a task of it.
_RUNNERS = (
    "run", "run_until_complete", "create_task", "ensure_future", "wait_for", "shield", "gather",
)  # fmt: skip


def _run_again(evidence: Evidence) -> tuple[Site, ast.expr] | None:
    """What failed in an ``await``, or was given to a runner of asyncio's there, and is over."""
    found = _awaited(evidence)
    site = evidence.sites[-1] if evidence.sites else None
    call: ast.expr | None = None
    if found is not None:
        where, call = found
        call = call if isinstance(call, ast.Call) else single_assignment(where.unit, call)
    elif site is not None:
        waits = site.node(ast.Await)
        call = waits.value if waits is not None else site.node(ast.Call)
    if site is None or not isinstance(call, ast.Call) or callee_name(call) not in _RUNNERS:
        return found
    given = [each.value if isinstance(each, ast.Starred) else each for each in call.args]
    over = [each for each in given if _over_in(evidence.resolver.value(each))]
    return (site, over[0]) if over else found


def _over_in(value: object) -> list[CoroutineType[Any, Any, Any]]:
    """The coroutines that have ended, or run: `value`, or those in a collection."""
    held: list[Any] = list(value) if type(value) in (list, tuple, set) else [value]  # type: ignore[call-overload]
    return [each for each in held if is_over(each)]


def _coroutine_again(evidence: Evidence) -> Finding | None:
    found = _run_again(evidence)
    name = found[1] if found else None
    if found is None or name is None or evidence.leak:
        return None  # with another cause the error came out of the coroutine
    if not isinstance(name, ast.Name):
        return kept_coroutine(evidence, found[0].unit, name)
    value = evidence.resolver.value(name)
    over = _over_in(value)
    if not (over or is_real_instance(value, CoroutineType)):
        return None
    ended = over[0].cr_frame is None if over else False
    state = "has run already" if ended else "somebody awaits already"
    what = "is" if over[:1] in ([], [value]) else "holds"
    why = f"`{name.id}` {what} a coroutine that {state}; it runs once. Call its function again."
    return Finding(why, _called_again(evidence, name))


def _cached_in_library(evidence: Evidence) -> Finding | None:
    """A coroutine function below ``@cache``, which a library calls and awaits, time and again."""
    frame = innermost_frame(evidence)
    if evidence.direct or frame is None or frame.f_code.co_filename.startswith(ASYNCIO):
        return None
    held = [each for each in frame.f_locals.values() if type(each) is CACHED]
    known = [e for e in held if evidence.units.source_of(inspect.unwrap(e)) is not None]
    cached = {id(each): each for each in known if is_coroutine_function(inspect.unwrap(each))}
    if len(cached) != 1:
        return None
    function = inspect.unwrap(cached.popitem()[1])
    library = str(frame.f_globals.get("__name__")).partition(".")[0]
    why = (
        f"`{getattr(function, '__name__', '')}` is cached, and what is kept is its coroutine, "
        f"which runs once: `{library}` has got that of an earlier call again. Keep its result, or "
        "a task."
    )
    return Finding(why, corrected(evidence, tasks_cached, function))


def made_in_another_input(evidence: Evidence, name: ast.expr) -> str:
    """The call, or the display of several, that `name` was given by an earlier input; or ""."""
    assigned = assignment(evidence, name.id) if isinstance(name, ast.Name) else None
    if assigned is None or not isinstance(assigned[1].value, _MAKING):
        return ""
    (home, statement), typed = assigned, evidence.units.typed()
    other = home in typed and home is not evidence.unit and scope(home, statement) is None
    return home.source.source(statement.value) if other else ""


_MAKING = (ast.Call, ast.List, ast.Tuple, ast.Set, ast.ListComp, ast.SetComp)


@correction
def _called_again(fixing: Fixing, name: ast.Name) -> None:
    """Make a function of the assignment: ``pause = lambda: …`` and ``await pause()``.

    At a prompt, where it was another input, write what that has assigned once more.
    """
    assigned, here = assignment(fixing.evidence, name.id), fixing.evidence.unit
    if assigned is None or not isinstance(assigned[1].value, _MAKING):
        return
    (home, statement), units = assigned, fixing.evidence.units
    around = scope(home, statement)
    if text := made_in_another_input(fixing.evidence, name):
        fixing.of(here).replace(name, text)
        return
    uses = [
        (unit, node)
        for unit in ([home] if around is not None else units.all())
        for node in unit.nodes(ast.Name)
        if node.id == name.id and isinstance(node.ctx, ast.Load)
        if bindings(unit, node)[0] is around
    ]
    for unit, use in uses:
        owner = unit.parents.get(use)
        owner = unit.parents.get(owner) if isinstance(owner, ast.Starred) else owner
        given = isinstance(owner, ast.Call) and callee_name(owner) in _RUNNERS
        if not (given or isinstance(owner, ast.Await)):
            raise CannotFixError
        fixing.of(unit).after(use, "()")
    fixing.of(home).before(statement.value, "lambda: ")


def _awaits_itself(evidence: Evidence) -> Finding | None:
    found = _awaited(evidence)
    if found is None:
        return None
    value, current = evidence.resolver.value(found[1]), _is_current(found[1])
    runs_here = is_real_instance(value, asyncio.Task) and _runs_here(value, evidence)
    if not current and not runs_here:
        return None
    unit, fixing = found[0].unit, Fixing(evidence)
    text = short(unit, found[1])
    node, source = unit.parents[found[1]], unit.source.source(found[1])
    if current:
        fixing.of(unit).replace(node, source)
    elif isinstance(unit.parents.get(node), ast.Expr) and not _names_current(evidence, found[1]):
        by = unit.source.indent(node)
        guard = f"if {source} is not asyncio.current_task():\n{by}    await {source}"
        fixing.of(unit).replace(node, guard)
    else:
        fixing.of(unit).replace(node, f"{source}.done()")
    why = f"{text} is the task that runs this very `await`: it would wait for itself for ever."
    return Finding(why, fixing.fix())


def _awaited_itself(evidence: Evidence) -> Finding | None:
    """The same, seen by another that awaits the task before its error is thrown into it.

    A C task keeps the mark of an ``await`` under way from its own, and refuses the next.
    """
    found = _awaited(evidence)
    task = evidence.resolver.value(found[1]) if found else None
    if found is None or not is_real_instance(task, asyncio.Task) or task.cancelled():
        return None
    failed = task.exception() if task.done() else None
    if "cannot await on itself" not in str(failed) and not task._asyncio_future_blocking:  # noqa: SLF001
        return None
    name = short(found[0].unit, found[1])
    return Finding(f"{name} awaits itself somewhere inside, so nobody else can wait for it.")


def _is_current(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and callee_name(node) == "current_task"


def _names_current(evidence: Evidence, operand: ast.expr) -> bool:
    assigned = assignment(evidence, operand.id) if isinstance(operand, ast.Name) else None
    return assigned is not None and _is_current(assigned[1].value)


def _runs_here(task: asyncio.Task[object], evidence: Evidence) -> bool:
    """Whether `task` is the current one, or was when the error arose."""
    name = evidence.nodes[-1] if evidence.nodes else None
    if isinstance(name, ast.Await) and _names_current(evidence, name.value):
        return True
    code = getattr(coroutine_of_task(task), "cr_code", None)
    if any(site.frame.f_code is code for site in evidence.sites) and task.done():
        # Its own frame is among those that this ``await`` ended.
        return not task.cancelled() and task.exception() is evidence.error
    return task is asyncio.current_task()


def _abstract(evidence: Evidence) -> Finding | None:
    made = called_class(evidence)
    if made is None:
        return None
    missing = [
        name
        for name in _ABSTRACT
        if getattr(lookup(made, name), "__isabstractmethod__", False) is True
    ]
    if not missing:
        return None
    why = f"`{made.__name__}` inherits an abstract `{missing[0]}`, which it has to write itself."
    return Finding(why, _with_methods(evidence, made, missing))


#: What is written for ``__anext__`` by mistake.
_MEANT = ("__next__", "next", "anext", "_anext", "_anext_", "_anext__", "get_next", "next_item")
_ENDS = ("StopAsyncIteration", "StopIteration")
_BODIES = {
    "__anext__": "async def __anext__(self):\n    raise StopAsyncIteration",
    "__aiter__": "async def __aiter__(self):\n    return\n    yield",
}


def _ends(function: Function) -> bool:
    """Whether it ends the iteration by itself: else a loop over it would never end."""
    return any(canonical_name(node) in _ENDS for node in own_nodes(function))


@correction
def _with_methods(fixing: Fixing, made: type, missing: list[str]) -> None:
    found = fixing.evidence.units.class_of(made)
    if found is None or not set(missing) <= _BODIES.keys():
        return
    (unit, owner) = found
    meant = [each for name in _MEANT for each in [method(owner, name)] if each and _ends(each)]
    if missing == ["__anext__"] and meant:
        as_anext(fixing, unit, meant[0])
        return
    lines = "\n".join(_BODIES[name] for name in missing)
    fixing.of(unit).lines_after(owner.body[-1], lines)


RULES = (
    Rule(
        "reuse-of-coroutine",
        "a cached coroutine that a library awaits again",
        5,
        "`functools.cache` keeps what the call of an `async def` gives, and that is its "
        "coroutine: who gets it a second time cannot await it any more. Keep a result, or a task.",
        _cached_in_library,
        errors=(RuntimeError,),
    ),
    Rule(
        "asend-before-start",
        "a value sent to a generator that has not started",
        2,
        "A new async generator has not reached a `yield` yet. Start it with `await anext(gen)` "
        "or `await gen.asend(None)`, then send values.",
        _send_first,
    ),
    Rule(
        "reuse-of-anext-awaitable",
        "one step awaited twice",
        3,
        "Each awaitable stands for one step. Call `anext(it)` again for the next item.",
        _step_again,
        errors=(RuntimeError,),
    ),
    Rule(
        "reuse-of-coroutine",
        "one coroutine awaited twice",
        5,
        "A coroutine object runs once. Call the async function again for every item: "
        "`await work()` with parentheses, or make a task and await that as often as you like.",
        _coroutine_again,
        errors=(RuntimeError,),
    ),
    Rule(
        "task-waits-for-itself",
        "a task that waits for itself",
        3,
        "`asyncio.all_tasks()` contains the running task; waiting for it waits for oneself. "
        "Take it out: `asyncio.all_tasks() - {asyncio.current_task()}`.",
        _awaits_itself,
        errors=(RuntimeError,),
    ),
    Rule(
        "task-waits-for-itself",
        "another task waiting for one that awaits itself",
        3,
        "A task that awaits itself can never be done. Leave out `asyncio.current_task()` where "
        "it waits for others.",
        _awaited_itself,
        errors=(RuntimeError,),
    ),
    Rule(
        "abstract-async-iterator-incomplete",
        "a subclass of AsyncIterator without its methods",
        2,
        "`collections.abc.AsyncIterator` only provides `__aiter__`; `__anext__` is abstract and "
        "must be written by you (for AsyncIterable it is `__aiter__`).",
        _abstract,
    ),
)
