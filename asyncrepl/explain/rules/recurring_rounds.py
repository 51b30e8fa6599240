"""Loops that go round for ever, and why: a way out that is never taken, or none.

That each round is like the one before is known (`asyncrepl.engine.tasks.recurrence`). Here it is
asked whether anybody could have expected an end, and whether the code asks the outside for what
the tasks do not hold: the time, a file, chance.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, Rule, endless
from asyncrepl.explain.fix_editor import Fixing, correction, replaced
from asyncrepl.explain.rules.anext_methods import is_end, none_at_the_end
from asyncrepl.explain.scopes import is_generator, own_nodes, scope
from asyncrepl.explain.value_origins import origins
from asyncrepl.syntax.names import bound_names, callee_name

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Unit

#: Modules whose functions give the same for the same, and do nothing that lasts.
_CLOSED_MODULES = {
    "__future__", "abc", "asyncio", "collections", "contextlib", "contextvars", "copy",
    "dataclasses", "enum", "functools", "heapq", "inspect", "itertools", "json", "logging", "math",
    "operator", "re", "string", "sys", "textwrap", "traceback", "types", "typing", "weakref",
}  # fmt: skip
#: What asks for more, called or kept: ``now = loop.time``.
_OUTWARD = {"open", "input", "time", "stdin"}


def _recurs(evidence: Evidence) -> Finding | None:
    """A loop whose rounds are all alike, and whose way out is never taken."""
    unit, here = evidence.unit, evidence.node(ast.AST)
    if here is None or not all(map(_is_closed, evidence.units.all())):
        return None
    loop = unit.enclosing(here, ast.While)
    if loop is None or scope(unit, loop) is not scope(unit, here):
        return _never_stops(evidence, unit, here)
    asked, over = _way_out(unit, loop), _over(evidence, loop)
    if over:
        why = (
            f"Each round of `while {unit.source.source(loop.test)}` walks the same `{over}`, and "
            "that is over: an async generator that has ended, or failed, gives nothing more, and "
            "raises nothing. Make a new one in each round."
        )
        return Finding(why)
    if not asked:
        return _accompanies(evidence, loop)
    way = f"`{asked}` never comes true"
    if not isinstance(loop.test, ast.Constant):
        way = f"`{unit.source.source(loop.test)}` stays true"
    why = (
        f"`while {unit.source.source(loop.test)}` goes round for ever: {way}, for nothing of it "
        "changes from one round to the next, and nothing else that still runs could change it."
    )
    return Finding(why)


def _is_closed(unit: Unit) -> bool:
    """Whether nothing in `unit` asks for what is outside of the program."""
    imported = {node.module or "." for node in unit.nodes(ast.ImportFrom)}
    imported |= {each.name for node in unit.nodes(ast.Import) for each in node.names}
    named = {each.id for each in unit.nodes(ast.Name)}
    named |= {each.attr for each in unit.nodes(ast.Attribute)}
    known = {each.partition(".")[0] for each in imported} <= _CLOSED_MODULES
    return known and not named & _OUTWARD


def _over(evidence: Evidence, loop: ast.While) -> str:
    """The name of the async generator that each round of the `loop` walks, made before it."""
    inside = list(own_nodes(loop))
    bound = {name for each in inside for name in bound_names(each)}
    for walk in inside:
        if not isinstance(walk, ast.AsyncFor) or not isinstance(walk.iter, ast.Name):
            continue
        made = {
            callee_name(each.node) for each in origins(evidence.units, evidence.unit, walk.iter)
        }
        makers = [each for name in made for _, each in evidence.units.functions(name)]
        if walk.iter.id not in bound and makers and all(map(is_generator, makers)):
            return walk.iter.id
    return ""


def _way_out(unit: Unit, loop: ast.AST) -> str:
    """What is asked before the `loop` is left; "" if nothing ever leaves it."""
    if isinstance(loop, ast.While) and not isinstance(loop.test, ast.Constant):
        return unit.source.source(loop.test)
    ways = [
        each for each in own_nodes(loop) if isinstance(each, ast.Break | ast.Return | ast.Raise)
    ]
    tests = [unit.enclosing(each, ast.If) for each in ways]
    inside = set(own_nodes(loop))
    return next((unit.source.source(e.test) for e in tests if e is not None and e in inside), "")


def _never_stops(evidence: Evidence, unit: Unit, here: ast.AST) -> Finding | None:
    """``__anext__`` that would end the walk, and never comes to it."""
    function = scope(unit, here)
    if not isinstance(function, ast.AsyncFunctionDef) or function.name != "__anext__":
        return None
    for way in own_nodes(function):
        if not isinstance(way, ast.Raise) or not is_end(way.exc):
            continue
        asked = unit.enclosing(way, ast.If)
        if asked is not None:
            why = (
                f"`__anext__` gives the same at each step, and the loop over it goes round for "
                f"ever: `{unit.source.source(asked.test)}` never comes true, so it never comes to "
                "its `raise StopAsyncIteration`."
            )
            return Finding(why)
    if any(isinstance(each, ast.Raise) for each in own_nodes(function)):
        return None
    return none_at_the_end(evidence, unit, function, "__anext__")


def _accompanies(evidence: Evidence, loop: ast.While) -> Finding | None:
    """A task without an end, for which others that are done are waited for, too."""
    function = scope(evidence.unit, loop)
    if not evidence.finding.number or evidence.made is None or function is None:
        return None
    home, line = evidence.made
    text = home.source.lines[line - 1].strip()
    name = getattr(function, "name", "")
    why = (
        f"`{text}` waits for all of its tasks, and `{name}` goes round for ever, in a `while` "
        "without a way out. Keep its task, and `cancel()` it when the others are done."
    )
    return Finding(why)


def _retried(evidence: Evidence) -> Finding | None:
    """A loop of attempts that nothing leaves when one has succeeded."""
    unit, here = evidence.unit, evidence.node(ast.AST)
    loop = unit.enclosing(here, ast.For)
    if loop is None:
        return None
    guard, text = loop.body[0], unit.source.source(loop.target)
    why = (
        f"`for {text} in {unit.source.source(loop.iter)}` goes on when an attempt has succeeded: "
        "nothing leaves the loop then, and all was done again, though nothing had failed. End the "
        "`try` with `break` or `return`."
    )
    return Finding(why, _left(evidence, unit, guard))


@correction
def _left(fixing: Fixing, unit: Unit, guard: ast.stmt) -> None:
    """``break`` at the end of the ``try``."""
    if isinstance(guard, ast.Try) and not guard.orelse:
        fixing.of(unit).lines_after(guard.body[-1], "break")


def _spins(evidence: Evidence) -> Finding | None:
    """``while not ready: pass`` on the loop: who could change that, does not run."""
    if evidence.made is None:
        return None
    unit, line = evidence.made
    loops = unit.around(line, ast.While)
    loop, function = (loops[-1], unit.function(loops[-1])) if loops else (None, None)
    if loop is None or not isinstance(function, ast.AsyncFunctionDef):
        return None
    waits = any(isinstance(each, ast.Await) for each in ast.walk(loop))
    if waits or not all(isinstance(each, ast.Pass | ast.Continue) for each in loop.body):
        return None
    why = (
        f"`while {unit.source.source(loop.test)}` in `{function.name}` asks again and again, and "
        "gives the loop to nobody: no other task runs, that might change the answer. Wait in it: "
        "`await asyncio.sleep(…)`, or have the other set an event."
    )
    return Finding(why, replaced(evidence, unit, (loop.body[0], "await asyncio.sleep(0.01)")))


RULES = (
    endless(
        "a loop that goes round for ever",
        "A loop ends when what it asks for has changed, by itself or by another task. Where each "
        "round is like the one before and no other task does it, it goes on for ever. A task that "
        "only accompanies others has to be cancelled when they are done.",
        _recurs,
        sees="recurring",
    ),
    Rule(
        "retried-after-success",
        "attempts that go on after a success",
        5,
        "A loop of attempts is for failures: an error is caught, and it is tried again. It has to "
        "be left when one of them has succeeded.",
        _retried,
        sees="retried",
    ),
    Rule(
        "blocking-call-in-async-for",
        "a loop that asks and never waits",
        5,
        "The loop runs one task at a time, until that awaits. A loop that only asks whether "
        "another task has done something keeps it from doing so.",
        _spins,
        sees="blocked",
        before="slow_loops",
    ),
)
