"""Steps of an async generator that were asked for and never made, or taken away by a timeout."""

from __future__ import annotations

import ast
from types import AsyncGeneratorType
from typing import TYPE_CHECKING

from asyncrepl.events.finding_log import was_cut
from asyncrepl.events.object_info import is_real_instance
from asyncrepl.explain.explanation import Finding, Other, Rule
from asyncrepl.explain.fix_editor import Fixing, awaited, correction, replaced, short
from asyncrepl.explain.rules.anext_methods import step_method
from asyncrepl.explain.rules.iteration_end import (
    NEXT_CALLS,
    awaited_step,
    catches_end,
    outlives_timeouts,
    stopped_at,
)
from asyncrepl.explain.scopes import LIMITS, caught_kinds, enters, is_generator, own_nodes, scope
from asyncrepl.explain.static_values import Resolver
from asyncrepl.explain.value_arrivals import is_only_looked_at
from asyncrepl.explain.value_origins import STEPS, given, stepped_source
from asyncrepl.syntax.names import FUNCTIONS, callee_name, last_name
from asyncrepl.syntax.source_rewriter import indent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from asyncrepl.explain.evidence import Evidence, Site
    from asyncrepl.explain.source_units import Unit


def _finished(evidence: Evidence) -> Finding | None:
    """The StopAsyncIteration of such a generator, also as an async generator lets it out.

    Where nothing has watched the loop, a time limit around a step of it is all there is to see.
    """
    for site in (stopped_at(evidence), *evidence.leak):
        step = awaited_step(evidence, site) if site else None
        source = stepped_source(step[1]) if step else None
        if site is None or step is None or source is None:
            continue
        stream = Resolver.of_frame(evidence.units, site.frame).value(source)
        if not is_real_instance(stream, AsyncGeneratorType) or stream.ag_frame is not None:
            continue
        certain = was_cut(stream)
        if certain or (not evidence.leak and _may_have_timed_out(evidence, _stepped_name(*step))):
            also = Other("exhausted-anext-raises", "it had run out of items before")
            fix = _shielded(evidence, *step, site)
            return Finding(_why_finished(step[0], source), fix, None if certain else also)
    return None


def _finished_unseen(evidence: Evidence) -> Finding | None:
    """Another step of it is asked for, and nothing raises."""
    use, unit = evidence.use("seen"), evidence.unit
    if use is None:
        return None
    if isinstance(use.owner, ast.AsyncFor | ast.comprehension):
        return Finding(_why_finished(unit, use.node))
    call = unit.enclosing(use.node, ast.Call)
    if call is None or stepped_source(call) is not use.node:
        return None
    return Finding(_why_finished(unit, use.node), _shielded(evidence, unit, call))


def _why_finished(unit: Unit, source: ast.expr) -> str:
    return (
        f"A timeout cancelled a step of {short(unit, source)} and so finished the generator: it "
        "has no next item any more."
    )


def _stepped_name(unit: Unit, call: ast.Call) -> str:
    """The last part of the name of what a step is asked of."""
    source = stepped_source(call)
    return unit.source.source(source).rpartition(".")[2] if source is not None else ""


@correction
def _shielded(fixing: Fixing, unit: Unit, call: ast.Call, site: Site | None = None) -> None:
    """Keep the step in a task that outlives the timeout, and await that task."""
    limited = _limited_step(fixing.evidence, _stepped_name(unit, call))
    home, step = limited if limited is not None else (unit, None)
    if step is call and home is unit:
        _kept(fixing, unit, step)
    elif step and site is not None and scope(home, step) is scope(site.unit, call):
        name = fixing.fresh(home, "step")
        made = f"{name} := asyncio.ensure_future({home.source.source(step)})"
        fixing.of(home).replace(step, f"asyncio.shield({made})")
        fixing.of(site.unit).replace(call, name)


def _kept(fixing: Fixing, unit: Unit, step: ast.Call) -> None:
    """In a loop: a step that is under way is awaited again, and forgotten when it is made."""
    statement = unit.statement(step)
    loop = unit.enclosing(step, ast.While, ast.For, *FUNCTIONS)
    if not isinstance(loop, ast.While | ast.For) or not isinstance(
        statement, ast.Assign | ast.Expr
    ):
        return
    name, edits = fixing.fresh(unit, "step"), fixing.of(unit)
    edits.lines_before(loop, f"{name} = None")
    edits.lines_before(
        statement, f"{name} = {name} or asyncio.ensure_future({unit.source.source(step)})"
    )
    edits.replace(step, f"asyncio.shield({name})")
    edits.lines_after(statement, f"{name} = None")
    _end_quietly(fixing, unit, step)


def _end_quietly(fixing: Fixing, unit: Unit, step: ast.Call) -> None:
    """Let the end of the items end the loop, where nobody expects it yet."""
    guards = [each for each in unit.ancestors(step) if isinstance(each, ast.Try)]
    if not guards or any(catches_end(each) for each in guards):
        return
    function, last = scope(unit, step), guards[0].handlers[-1]
    way_out = "return" if function is not None and is_generator(function) else "break"
    text = f"except StopAsyncIteration:\n    {way_out}"
    by = unit.source.indent(guards[0])
    fixing.of(unit).insert(unit.source.block(last.body[-1]).end, indent(text, by) + "\n")


def _may_have_timed_out(evidence: Evidence, name: str) -> bool:
    """Whether a step of `name` is under a time limit, and the program outlives that."""
    return _limited_step(evidence, name) is not None and outlives_timeouts(evidence)


def _limited_step(evidence: Evidence, name: str) -> tuple[Unit, ast.Call] | None:
    """The call of ``anext(name)`` that was given to ``wait_for``, or stands in a ``timeout``."""
    for unit in evidence.units.all():
        for call in _limited(unit):
            if callee_name(call) in NEXT_CALLS and _stepped_name(unit, call) == name:
                return unit, call
    return None


def _limited(unit: Unit) -> Iterator[ast.Call]:
    """All calls that are under a time limit."""
    for call in unit.nodes(ast.Call):
        if callee_name(call) == "wait_for" and call.args and isinstance(call.args[0], ast.Call):
            yield call.args[0]
    blocks: Iterator[ast.With | ast.AsyncWith] = unit.nodes(ast.With, ast.AsyncWith)
    for block in blocks:
        if enters(block, LIMITS):
            inside = (each for statement in block.body for each in ast.walk(statement))
            yield from (each for each in inside if isinstance(each, ast.Call))


_TIMED_OUT = (
    "timeout-ends-the-generator",
    "a timeout around one step of a generator",
    3,
    (
        "`wait_for(anext(gen), t)` (or a `timeout` around it) cancels the running step; the "
        "generator is finished by the CancelledError. Keep the step in a task and shield it, or "
        "put the source behind a queue."
    ),
)

_CLOSING = ("aclose", "athrow")


def _call(evidence: Evidence) -> tuple[Unit, ast.Call] | None:
    """The call that asked for the step: the operand itself, or what its name was given."""
    use = evidence.use("seen")
    if use is None or use.info is None or use.info.kind.__module__ != "builtins":
        return None
    if isinstance(use.node, ast.Call):
        return (evidence.unit, use.node) if callee_name(use.node) in STEPS else None
    made = given(evidence, use.node.id) if isinstance(use.node, ast.Name) else None
    if made is None or not isinstance(made[1], ast.Call) or callee_name(made[1]) not in STEPS:
        return None
    return made[0], made[1]


def _asked(*, closing: bool) -> Callable[[Evidence], Finding | None]:
    def find(evidence: Evidence) -> Finding | None:
        found = _call(evidence)
        if found is None or (callee_name(found[1]) in _CLOSING) is not closing:
            return None
        if is_only_looked_at(evidence, *found):
            return None
        return Finding(_why(*found), awaited(evidence, *found))

    return find


def _at_prompt(evidence: Evidence) -> Finding | None:
    """Shown as the value of a statement; whatever else in the input asks for steps likewise."""
    use = evidence.use("value")
    if use is None or not _is_asked(use.node):
        return None
    fixing, tree = Fixing(evidence), evidence.unit.tree
    for statement in tree.body if tree else []:
        if isinstance(statement, ast.Expr) and _is_asked(statement.value):
            fixing.awaiting(evidence.unit, statement.value)
    return Finding(_why(evidence.unit, use.node), fixing.fix())


def _is_asked(node: ast.expr) -> bool:
    return callee_name(node) in STEPS and callee_name(node) not in _CLOSING


def _why(unit: Unit, node: ast.expr) -> str:
    text = short(unit, node)
    return f"{text} only makes the awaitable of one step: nothing runs before it is awaited."


_ANEXT = (
    "anext-without-await",
    "`anext` without `await`",
    3,
    (
        "`anext` only creates the awaitable of one step; nothing runs until it is awaited: "
        "`await anext(gen)`."
    ),
)


def _unbound(evidence: Evidence) -> Finding | None:
    """A name that was to be bound when the time was up: asked for by the handler or later."""
    name = evidence.node(ast.Name)
    ended = isinstance(getattr(evidence.error, "__context__", None), TimeoutError)
    unit, around = (
        evidence.unit,
        evidence.unit.enclosing(name, ast.Try) if name and ended else None,
    )
    if name is not None and around is None:
        unit, around = _cut_before(evidence, name) or (unit, None)
    found = [] if around is None or name is None else _bound_in(around, name.id)
    if len(found) != 1 or around is None:
        return None
    assigned = found[0]
    collects = isinstance(assigned.value, ast.ListComp)
    lost = ", and what was collected by then is lost" if collects else ""
    why = (
        f"The time was up before {short(unit, assigned.value)} was done: "
        f"`{unit.source.source(assigned.targets[0])}` has no value{lost}."
    )
    return Finding(why, _appended(evidence, unit, around, assigned) if collects else None)


def _cut_before(evidence: Evidence, name: ast.Name) -> tuple[Unit, ast.Try] | None:
    """The one ``try`` before `name`, also in an earlier input, that goes on when time is up."""
    here, own = scope(evidence.unit, name), evidence.unit
    tops = evidence.units.typed() if here is None and own in evidence.units.typed() else [own]
    found = [
        (unit, each)
        for unit in tops
        for each in unit.nodes(ast.Try)
        if scope(unit, each) is here and _bound_in(each, name.id)
        if unit is not own or (each.end_lineno or 0) < name.lineno
        if [last_name(k) for h in each.handlers for k in caught_kinds(h.type)] == ["TimeoutError"]
        if any(callee_name(call) in (*LIMITS, "wait_for") for call in ast.walk(each))
    ]
    deleted = (e for unit in tops for e in unit.nodes(ast.Name) if isinstance(e.ctx, ast.Del))
    return found[0] if len(found) == 1 and all(e.id != name.id for e in deleted) else None


def _bound_in(around: ast.Try, name: str) -> list[ast.Assign]:
    """The assignments of what is waited for to `name`, in the body of a ``try``."""
    return [
        each
        for part in around.body
        for each in ast.walk(part)
        if isinstance(each, ast.Assign) and isinstance(target := each.targets[0], ast.Name)
        if target.id == name and len(each.targets) == 1
        if any(
            isinstance(node, ast.Await) or getattr(node, "is_async", 0)
            for node in ast.walk(each.value)
        )
    ]


@correction
def _appended(fixing: Fixing, unit: Unit, around: ast.Try, assigned: ast.Assign) -> None:
    """``items = [x async for x in stream]`` → a loop that appends to a list made before."""
    value, source = assigned.value, unit.source.source
    assert isinstance(value, ast.ListComp)
    if len(value.generators) != 1:
        return
    loop, name = value.generators[0], source(assigned.targets[0])
    heads = [f"{'async ' * loop.is_async}for {source(loop.target)} in {source(loop.iter)}:"]
    heads += [f"if {source(each)}:" for each in loop.ifs]
    lines = [*heads, f"{name}.append({source(value.elt)})"]
    before = unit.source.indent(assigned)
    text = f"\n{before}".join("    " * deep + line for deep, line in enumerate(lines))
    fixing.of(unit).lines_before(around, f"{name} = []")
    fixing.of(unit).replace(assigned, text)


#: Steps in one round, of which the second may be one too many.
_SEVERAL = 2


def _several_steps(evidence: Evidence) -> Finding | None:
    found = step_method(evidence)
    if found is None:
        return None
    unit, function, name = found
    if any(isinstance(node, ast.Try) for node in own_nodes(function)):
        return None
    steps = [
        node
        for node in own_nodes(function)
        if isinstance(node, ast.Call) and callee_name(node) == "anext" and len(node.args) == 1
    ]
    sources = {unit.source.source(step.args[0]) for step in steps}
    if len(steps) < _SEVERAL or len(sources) != 1:
        return None
    defaults = [
        (each, f"{unit.source.source(each)}, None") for step in steps[1:] for each in step.args
    ]
    why = (
        f"`{name}` takes {len(steps)} items a round: if {short(unit, steps[1])} finds no more, "
        "its StopAsyncIteration ends this loop too, and the items taken before are lost."
    )
    return Finding(why, replaced(evidence, unit, *defaults))


RULES = (
    Rule(
        "timeout-ends-the-generator",
        "a value that a time limit has left out",
        3,
        "A time limit ends what it is around where that waits: nothing is assigned, and a "
        "comprehension gives nothing of what it has. A list that is there before keeps that.",
        _unbound,
        errors=(NameError, UnboundLocalError),
    ),
    Rule(
        "inner-anext-ends-outer-loop",
        "several steps of another iterator in one `__anext__`",
        6,
        "A StopAsyncIteration that leaves `__anext__` ends the loop, whichever iterator it came "
        "from. Give `anext` a default, or catch it.",
        _several_steps,
        sees="walked",
    ),
    Rule(*_TIMED_OUT, _finished, errors=(StopAsyncIteration, RuntimeError)),
    Rule(*_TIMED_OUT, _finished_unseen, sees="cut"),
    Rule(*_ANEXT, _at_prompt, "value"),
    Rule(
        "generator-call-not-awaited",
        "`aclose` or `athrow` without `await`",
        3,
        "`aclose()` and `athrow()` of an async generator only create an awaitable; nothing "
        "runs until it is awaited: `await gen.aclose()`.",
        _asked(closing=True),
        sees="lost | shown | unwalked",
    ),
    Rule(*_ANEXT, _asked(closing=False), sees="lost | shown | unwalked"),
)
