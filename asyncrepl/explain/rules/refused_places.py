"""What refuses to run where it is called: in an event loop, in another thread, in another task.

Plain code that blocks may ask whether a loop runs already, as Django's does before it goes to its
database: often only when its object is iterated over, or asked for its length. Most such objects
can be used asynchronously, too: they have an ``__aiter__``, or a method's twin, ``aget`` for
``get``. What has neither goes to a thread.
"""

from __future__ import annotations

import ast
import inspect
from traceback import walk_tb
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import MISSING, describe, has_method, lookup
from asyncrepl.explain.demands import demand_of
from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, corrected, correction, short
from asyncrepl.explain.held_operands import innermost_frame
from asyncrepl.explain.operand_uses import Use
from asyncrepl.explain.repairs.plain_operands import awaited_in_thread, twin_of, with_twin
from asyncrepl.explain.repairs.repair_case import Case
from asyncrepl.explain.repairs.repair_choice import repaired
from asyncrepl.explain.rules.never_run import STARTING_CALLS
from asyncrepl.explain.rules.own_states import OF_LOOPS, questions
from asyncrepl.explain.scopes import CannotFixError
from asyncrepl.syntax.names import COMPREHENSIONS, callee_name, written_name

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence, Site
    from asyncrepl.explain.explanation import Fix
    from asyncrepl.explain.source_units import Unit

_OF_THREADS = frozenset({"get_ident", "current_thread", "get_native_id"})
_OF_TASKS = frozenset({"current_task"})


def _elsewhere(evidence: Evidence) -> Finding | None:
    """What refuses to run in a loop, in another thread, or in another task."""
    asked, frame = questions(evidence), innermost_frame(evidence)
    for site in (each for each in reversed(evidence.sites) if each.nodes):
        node = _refused(site.nodes[-1])
        in_loop = isinstance(site.unit.function(node), ast.AsyncFunctionDef)
        if site.frame is frame:
            continue
        if asked & _OF_TASKS and callee_name(node) in STARTING_CALLS:
            return _in_another_task(evidence, site.unit, node)
        if asked & _OF_THREADS and not in_loop and isinstance(node, ast.Call):
            why = (
                f"{short(site.unit, node)} refuses to be called in another thread than that of "
                "the loop: `loop.call_soon_threadsafe(…)` calls it there, and a coroutine runs "
                "there by `asyncio.run_coroutine_threadsafe(…, loop)`."
            )
            return Finding(why)
        if asked & OF_LOOPS and in_loop and isinstance(node, ast.expr | ast.withitem | ast.With):
            return _in_a_loop(evidence, site, node)
    return None


def _refused(node: ast.AST) -> ast.AST:
    """What older Pythons name after what it is in: a test, what is iterated over."""
    if isinstance(node, ast.Await):
        return node.value
    if isinstance(node, ast.For):
        return node.iter
    if isinstance(node, ast.If | ast.While | ast.Assert):
        return node.test
    return node.generators[0].iter if isinstance(node, COMPREHENSIONS) else node


def _in_another_task(evidence: Evidence, unit: Unit, call: ast.AST) -> Finding | None:
    if not isinstance(call, ast.Call):
        return None
    why = (
        f"What {short(unit, call.args[0])} leaves was entered in another task than "
        f"that which `{callee_name(call)}` makes, and is to be left in the same: await it."
    )
    return Finding(why, _in_this_task(evidence, unit, call))


@correction
def _in_this_task(fixing: Fixing, unit: Unit, made: ast.Call) -> None:
    """``await asyncio.create_task(stack.aclose())`` → ``await stack.aclose()``."""
    if not isinstance(unit.parents.get(made), ast.Await):
        raise CannotFixError
    fixing.of(unit).replace(made, unit.source.source(made.args[0]))


def _in_a_loop(evidence: Evidence, site: Site, node: ast.AST) -> Finding:
    """It blocks, and the user's ``async def`` has called it, iterated over it or read it."""
    item = getattr(node, "items", [node])[0]
    text = short(site.unit, getattr(item, "context_expr", item))
    why = f"{text} refuses to run where a loop runs, as in any `async def`:"
    if (fix := _walked(evidence, site, node)) is not None:
        return Finding(f"{why} `async for` gets its items there.", fix)
    call = node if isinstance(node, ast.Call) else None
    name, kind = written_name(call.func) if call is not None else "", type(_own(evidence, site)[1])
    twin = twin_of(kind, name, inspect.CO_COROUTINE) if lookup(kind, name) is not MISSING else None
    if call is not None and twin is not None:
        return Finding(
            f"{why} `await` its asynchronous form, `{twin}`.",
            corrected(evidence, _by_twin, site.unit, call, twin),
        )
    other, fix = "use its asynchronous form, or call it", None
    if call is None and not isinstance(node, ast.withitem | ast.With):
        other = "it is only now that it gets what it stands for. Have it before, or get it"
    if _iterates(site) and isinstance(node, ast.expr):
        fix = corrected(evidence, _listed_in_thread, site.unit, node)
    elif call is not None and not isinstance(site.unit.parents.get(call), ast.withitem):
        fix = corrected(evidence, awaited_in_thread, site.unit, call)
    return Finding(f"{why} {other} in a thread, with `asyncio.to_thread`.", fix)


def _by_twin(fixing: Fixing, unit: Unit, call: ast.Call, twin: str) -> None:
    """``Users.get(id=1)`` → ``await Users.aget(id=1)``."""
    with_twin(fixing, unit, call, twin)
    fixing.awaiting(unit, call)


def _listed_in_thread(fixing: Fixing, unit: Unit, rows: ast.expr) -> None:
    """``for x in rows:`` → ``for x in await asyncio.to_thread(list, rows):``."""
    fixing.of(unit).replace(rows, f"await asyncio.to_thread(list, {unit.source.source(rows)})")
    fixing.suspending(unit, rows)


def _iterates(site: Site) -> bool:
    """Whether a loop has begun there, over what was made before."""
    return site.op == "GET_ITER"


def _walked(evidence: Evidence, site: Site, node: ast.AST) -> Fix | None:
    """The same with ``async for``, where what was to be iterated over can be so."""
    (method, own), unit = _own(evidence, site), site.unit
    if not (method.startswith("__") and has_method(type(own), "__aiter__")):
        return None
    owner = unit.parents.get(node)
    if _iterates(site) and isinstance(node, ast.expr) and owner is not None:
        use = Use("for", node, owner, describe(own))
    elif isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
        use = Use("argument", node.args[0], node, describe(own))
    else:
        return None
    callee = evidence.resolver.value(use.owner.func) if isinstance(use.owner, ast.Call) else None
    demand = demand_of(use, callee)
    return repaired(Case(evidence, unit, demand, use.info)) if demand is not None else None


def _own(evidence: Evidence, site: Site) -> tuple[str, object]:
    """The method that was called at the `site`, and its object: its first argument."""
    trace = evidence.error.__traceback__ if evidence.error is not None else None
    frames = [frame for frame, _ in walk_tb(trace)]
    called = frames[frames.index(site.frame) + 1]
    code = called.f_code
    return code.co_name, called.f_locals.get(code.co_varnames[0]) if code.co_argcount else None


RULES = (
    Rule(
        "asyncio-run-inside-the-loop",
        "refused for where it runs",
        3,
        "Plain code that runs a loop of its own, or blocks, may ask whether a loop runs already; "
        "what belongs to a loop, a thread or a task, whether it is called there.",
        _elsewhere,
        errors=(Exception,),
    ),
)
