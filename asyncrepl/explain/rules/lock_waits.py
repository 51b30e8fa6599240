"""Locks, permits and connections that are waited for, and that somebody holds for good."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, Rule, endless
from asyncrepl.explain.fix_editor import Fixing, correction, removed, short
from asyncrepl.explain.rules.endless_waits import Ends, ends_of
from asyncrepl.explain.scopes import CannotFixError, deepen, may_be_left, own_nodes, root_of, scope
from asyncrepl.explain.source_units import given_by_position
from asyncrepl.explain.value_origins import argument
from asyncrepl.syntax.names import (
    FUNCTIONS,
    LOOPS,
    bound_names,
    callee_name,
    method_owner,
    written_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Function, Unit

_LOCKS = {"asyncio.Lock", "asyncio.Semaphore", "asyncio.BoundedSemaphore"}


def _held_already(evidence: Evidence) -> Finding | None:
    """The lock, or the connection of a pool, that is waited for and was taken by a caller."""
    place = evidence.nodes[-1] if evidence.nodes else None
    made = evidence.units.called()
    for unit, block in evidence.units.nodes(ast.AsyncWith):
        wanted, function = _named_in(block), scope(unit, block)
        if not (place and wanted) or not isinstance(function, ast.AsyncFunctionDef):
            continue
        giver = getattr(scope(evidence.unit, place), "name", None)
        given = isinstance(wanted, ast.Call) and giver == callee_name(wanted)
        if not given and (place not in (block, wanted) or not made & _LOCKS):
            continue
        for held in unit.nodes(ast.AsyncWith):
            found = (
                _walked_with(unit, held, wanted, function)
                or _left_with(unit, held, wanted)
                or _taken_twice(unit, held, wanted, function, is_lock="asyncio.Lock" in made)
            )
            if found is not None:
                return found
    return None


def _taken_twice(
    unit: Unit, block: ast.AsyncWith, wanted: ast.expr, function: Function, *, is_lock: bool
) -> Finding | None:
    """Where a function that asks for the same again is awaited, or stands, in the `block`."""
    held, inside = _named_in(block), [each for part in block.body for each in ast.walk(part)]
    awaited = [each.value for each in inside if isinstance(each, ast.Await)]
    again = wanted in inside or function.name in map(callee_name, awaited)
    if held is None or held is wanted or not again or ast.dump(held) != ast.dump(wanted):
        return None
    text = unit.source.source(held)
    why = (
        f"`{text}` is held already, by the same task: it awaits `{function.name}` inside `async "
        f"with {text}`. "
    )
    if is_lock:
        return Finding(f"{why}An `asyncio.Lock` cannot be taken twice, and waits for itself.")
    return Finding(f"{why}It waits for one more before it gives that back, and nobody gives one.")


def _in_other_order(evidence: Evidence) -> Finding | None:
    """A lock that is waited for inside of another, where somebody takes them the other way."""
    place, unit = evidence.nodes[-1] if evidence.nodes else None, evidence.unit
    if not evidence.finding.number:
        return None  # nobody waits for another lock meanwhile
    for outer, inner in _nested_locks(unit):
        if place not in (inner, unit.parents[unit.parents[inner]]):
            continue
        called = _is_called_both_ways(evidence, scope(unit, inner), outer, inner)
        if not called and not _is_nested_both_ways(evidence, outer, inner):
            continue
        one, other = unit.source.source(outer), unit.source.source(inner)
        why = (
            f"`{other}` is waited for while `{one}` is held, and who holds `{other}` waits for "
            f"`{one}`: neither goes on. Take them in one order everywhere."
        )
        return Finding(why)
    return None


def _nested_locks(unit: Unit) -> Iterator[tuple[ast.expr, ast.expr]]:
    """What an ``async with`` takes while another, around it or before it, holds something else."""
    for block in unit.nodes(ast.AsyncWith):
        own = [each.context_expr for each in block.items]
        around = [each for each in unit.ancestors(block) if isinstance(each, ast.AsyncWith)]
        held = [item.context_expr for each in around for item in each.items]
        for at, inner in enumerate(own):
            yield from ((outer, inner) for outer in (*held, *own[:at]))


def _is_nested_both_ways(evidence: Evidence, outer: ast.expr, inner: ast.expr) -> bool:
    pairs = [
        (ast.dump(one), ast.dump(other))
        for unit in evidence.units.all()
        for one, other in _nested_locks(unit)
    ]
    return (ast.dump(inner), ast.dump(outer)) in pairs


def _is_called_both_ways(
    evidence: Evidence, function: ast.AST | None, outer: ast.expr, inner: ast.expr
) -> bool:
    """Whether two calls give `function` what both locks are of, in one order and in the other."""
    if not isinstance(function, ast.AsyncFunctionDef):
        return False
    names = given_by_position(evidence.unit, function)
    roots = [written_name(root_of(outer)), written_name(root_of(inner))]
    if not all(each in names for each in roots):
        return False
    places = [(each, names.index(each)) for each in roots]
    given = {
        tuple(ast.dump(argument(call, *place) or call) for place in places)
        for _, call in evidence.units.calls(function.name)
    }
    return any(pair[::-1] in given for pair in given if pair[0] != pair[1])


def _walked_with(
    unit: Unit, block: ast.AsyncWith, wanted: ast.expr, function: Function
) -> Finding | None:
    """A generator that yields while it holds the lock, where the body of a loop asks for it."""
    maker = _yields_with(unit, block, wanted)
    if maker is None or not any(_asks_again(each, maker, function) for each in _loops(unit)):
        return None
    text = unit.source.source(wanted)
    why = (
        f"`{maker.name}` yields inside `async with {text}`, so `{text}` is held while the body of "
        f"the loop over it runs, and there `{function.name}` waits for it. Let go of it before "
        "the `yield`."
    )
    return Finding(why)


def _asks_again(loop: ast.AsyncFor, maker: Function, function: Function) -> bool:
    """Whether the body of a loop over what `maker` gives calls `function`, which waits."""
    body = {callee_name(each) for part in loop.body for each in ast.walk(part)}
    return callee_name(loop.iter) == maker.name and function.name in body


def _yields_with(unit: Unit, block: ast.AsyncWith, wanted: ast.expr) -> Function | None:
    """The generator that yields inside of `block`, if that holds what is `wanted`."""
    maker, held = scope(unit, block), _named_in(block)
    yields = any(isinstance(each, ast.Yield) for part in block.body for each in ast.walk(part))
    same = held is not None and ast.dump(held) == ast.dump(wanted)
    return maker if yields and same and isinstance(maker, ast.AsyncFunctionDef) else None


def _left_with(unit: Unit, block: ast.AsyncWith, wanted: ast.expr) -> Finding | None:
    """A generator that yields while it holds the lock, and a loop over one that is left."""
    maker = _yields_with(unit, block, wanted)
    if maker is None or not any(may_be_left(unit, each) for each in _loops(unit)):
        return None
    why = (
        f"`{maker.name}` yields inside `async with {unit.source.source(wanted)}`: left in the "
        "middle it is still open and keeps the lock. Close it: `async with aclosing(…)`, or "
        "`await x.aclose()`."
    )
    return Finding(why)


def _loops(unit: Unit) -> list[ast.AsyncFor]:
    return [*unit.nodes(ast.AsyncFor)]


def _named_in(block: ast.AsyncWith | None) -> ast.expr | None:
    """What stands for a lock in an ``async with`` of one item, by its name."""
    item = block.items[0].context_expr if block is not None and len(block.items) == 1 else None
    return item if isinstance(item, ast.Name | ast.Attribute | ast.Call) else None


def _not_released(evidence: Evidence) -> Finding | None:
    """What gives back what is waited for, behind what may fail, and not in a ``finally``."""
    waited, calls = ends_of(evidence) or (None, [])
    if waited is None:
        return None
    first = evidence.unit.statement(waited)
    pairs = [(unit, first, call) for unit, call in calls] + _of_callers(evidence, waited, calls)
    for unit, taken, call in pairs:
        released, block = unit.statement(call), getattr(unit.parents.get(taken), "body", [])
        inside = _tried(unit, released) if released not in block else None
        last = released if inside is None else inside
        if taken not in block or last not in block or not _gives_back(taken, call):
            continue
        between = block[block.index(taken) + 1 : block.index(last)]
        between += inside.body[: inside.body.index(released)] if inside is not None else []
        found = passing_over(unit, between, *_LEAVING)
        if not found:
            continue
        text = evidence.unit.source.source(waited)
        if taken is not first:
            text = f"{getattr(scope(evidence.unit, waited), 'name', '')}()"
        why = (
            f"`{unit.source.source(call)}` is passed over {found}, and "
            f"what `{text}` gave is kept for good: nobody gives it back. "
        )
        by_with = f"`async with {text}:` does so in any case."
        plain = taken is first and callee_name(call) == "release"
        why += by_with if plain else "It belongs in a `finally`."
        fix = _in_any_case(evidence, unit, taken, call, text) if inside is None else None
        return Finding(why, fix)
    return None


def _lost_on_entering(evidence: Evidence) -> Finding | None:
    """What ``__aenter__`` takes, and ``__aexit__`` gives back, where more may fail before it."""
    waited, calls = ends_of(evidence) or (None, [])
    unit, around = evidence.unit, scope(evidence.unit, waited)
    if waited is None or not isinstance(around, FUNCTIONS) or around.name != "__aenter__":
        return None
    taken, home = unit.statement(waited), unit.parents.get(around)
    leaving = [scope(*each) for each in calls if unit.parents.get(scope(*each) or waited) is home]
    if taken not in around.body or "__aexit__" not in {getattr(e, "name", "") for e in leaving}:
        return None
    found = passing_over(unit, around.body[around.body.index(taken) + 1 :], ast.Raise)
    if not found:
        return None
    why = (
        f"`__aexit__` gives back what `{unit.source.source(waited)}` gave, and is not called "
        f"where `__aenter__` has failed: it is left {found}, and keeps it for good. Give it back "
        "there in an `except`."
    )
    return Finding(why)


def _released_in_vain(evidence: Evidence) -> Finding | None:
    """A ``finally`` that gives back what its ``try`` may not have taken."""
    call = evidence.node(ast.Call)
    if call is None and (use := evidence.use("seen")) is not None:
        call = evidence.unit.enclosing(use.node, ast.Call)
    owner, unit = method_owner(call) if call is not None else None, evidence.unit
    if owner is None or call is None or callee_name(call) != "release":
        return None
    text = unit.source.source(owner)
    blocks = [each.items for each in unit.nodes(ast.AsyncWith)]
    if any(unit.source.source(item.context_expr) == text for items in blocks for item in items):
        return None
    around = unit.enclosing(call, ast.Try)
    body = [each for part in around.body for each in ast.walk(part)] if around else []
    taken = [each for each in body if isinstance(each, ast.Call) and callee_name(each) == "acquire"
             and unit.source.source(each.func) == f"{text}.acquire"]  # fmt: skip
    last = around.finalbody if around is not None else []
    if not taken or not any(call in ast.walk(part) for part in last):
        return None
    why = (
        f"`{text}.release()` in the `finally` runs also when the `try` is left before "
        f"`{text}.acquire()` has taken anything: more is given back than was taken, and more may "
        f"come in at once than meant. Take it in front of the `try`, or by `async with {text}:`."
    )
    return Finding(why)


def _released_inside(evidence: Evidence) -> Finding | None:
    """``lock.release()`` in an ``async with lock``, which fails at the end of that."""
    place, unit = evidence.nodes[-1] if evidence.nodes else None, evidence.unit
    block = unit.enclosing(place, ast.AsyncWith)
    block = place if isinstance(place, ast.AsyncWith) else block
    held = _named_in(block)
    if block is None or not isinstance(held, ast.Name | ast.Attribute):
        return None
    text = unit.source.source(held)
    inside = [each for part in block.body for each in ast.walk(part)]
    for call in (each for each in inside if isinstance(each, ast.Call)):
        owner = method_owner(call)
        if owner is None or callee_name(call) != "release" or unit.source.source(owner) != text:
            continue
        why = (
            f"`{text}.release()` in line {call.lineno} stands inside `async with {text}`, which "
            "releases it at its end, too: it is given back twice."
        )
        return Finding(why, removed(evidence, unit, unit.statement(call)))
    return None


def _tried(unit: Unit, released: ast.stmt) -> ast.Try | None:
    """The ``try`` in the body of which something is given back, and nowhere else in it."""
    around = unit.parents.get(released)
    if not isinstance(around, ast.Try) or released not in around.body:
        return None
    others = [*around.handlers, *around.orelse, *around.finalbody]
    calls = {callee_name(each) for part in others for each in ast.walk(part)}
    return None if calls & {"release", "put", "put_nowait"} else around


def _of_callers(
    evidence: Evidence, waited: ast.expr, calls: Ends
) -> list[tuple[Unit, ast.stmt, ast.Call]]:
    """Who calls the functions in which something is taken and given back: where, and both."""
    taker = getattr(scope(evidence.unit, waited), "name", "")
    givers = {getattr(scope(*each), "name", "") for each in calls} - {taker, ""}
    return [
        (unit, unit.statement(take), give)
        for unit, take in (evidence.units.calls(taker) if taker else ())
        for home, give in evidence.units.calls(*givers)
        if home is unit and take.lineno < give.lineno and scope(unit, take) is scope(unit, give)
    ]


_LEAVING = (ast.Raise, ast.Return, ast.Break, ast.Continue)


def passing_over(unit: Unit, statements: list[ast.stmt], *leaving: type[ast.stmt]) -> str:
    """What is `leaving` the `statements` of `unit` before their end, or may, in words; or ""."""
    parts = [each for each in statements if not isinstance(each, FUNCTIONS)]
    nodes = [node for part in parts for node in own_nodes(part)]
    for node in nodes:
        jumps = isinstance(node, ast.Break | ast.Continue)
        if isinstance(node, leaving) and not (jumps and unit.enclosing(node, *LOOPS) in nodes):
            return f"by {short(unit, node)} in line {node.lineno}"
    for node in nodes:
        if isinstance(node, ast.Await):
            return f"when {short(unit, node.value)} raises an error"
        if isinstance(node, ast.Yield):
            return "when the body of the `async with` raises an error"
    return ""


def _gives_back(taken: ast.stmt, call: ast.Call) -> bool:
    """Whether `call` releases what was `taken`, or puts back the item of a queue."""
    if callee_name(call) == "release":
        return True
    names = {name for each in ast.walk(taken) for name in bound_names(each)}
    return any(isinstance(each, ast.Name) and each.id in names for each in call.args)


@correction
def _in_any_case(fixing: Fixing, unit: Unit, taken: ast.stmt, call: ast.Call, text: str) -> None:
    """``await x.acquire()`` … ``x.release()`` → ``async with x:``; of a queue, a ``finally``."""
    block, released = getattr(unit.parents.get(taken), "body", []), unit.statement(call)
    first, last = block[block.index(taken) + 1], block[block.index(released) - 1]
    edits, by = fixing.of(unit), unit.source.indent(taken)
    if callee_name(call) != "release" or isinstance(unit.parents[call], ast.Await):
        edits.lines_before(first, "try:")
        edits.replace(released, f"finally:\n{by}    {unit.source.source(released)}")
    elif isinstance(taken, ast.Expr):
        edits.replace(taken, f"async with {text}:")
        edits.remove(released)
    else:
        raise CannotFixError
    deepen(edits, unit, unit.source.block(first).start, unit.source.block(last).end, by)


RULES = (
    endless(
        "a wait for what is held already",
        "What is taken in an `async with` is given back at its end, and not before: not while its "
        "body awaits something else, and not while a generator stands at a `yield` in it.",
        _held_already,
        sees="stuck | unfinished",
    ),
    endless(
        "two locks, taken in either order",
        "Who holds one lock and waits for another stops all who wait for the first. Where several "
        "are taken, take them in the same order everywhere, say sorted by a name.",
        _in_other_order,
        sees="stuck | unfinished",
    ),
    endless(
        "what was taken, and not given back after an error",
        "What stands behind an error is not run. `async with` gives back what it has taken "
        "however its body ends; so does a `finally`.",
        _not_released,
    ),
    endless(
        "what was taken on the way into a block that is not entered",
        "`__aexit__` belongs to a block that was entered: where `__aenter__` fails, nobody calls "
        "it. What was taken until then, `__aenter__` has to give back itself.",
        _lost_on_entering,
    ),
    Rule(
        "limit-left-before-its-tasks",
        "a permit given back that was not taken",
        5,
        "Each `release` of a semaphore lets one more in. It belongs behind the `acquire` that it "
        "is for: `async with semaphore:` does just that.",
        _released_in_vain,
        sees="released",
    ),
    Rule(
        "limit-left-before-its-tasks",
        "a lock released in the block that does so",
        5,
        "`async with lock:` gives back at its end what it has taken, however it is left. Who "
        "releases it inside as well, has the block give back what it has not got.",
        _released_inside,
        errors=(ValueError, RuntimeError),
    ),
)
