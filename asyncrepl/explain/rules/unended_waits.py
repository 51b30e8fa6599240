"""A wait for ever that no other rule explains: who could end it, and what became of him."""

from __future__ import annotations

import ast
import asyncio
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import place_at
from asyncrepl.explain.explanation import Finding, endless
from asyncrepl.explain.fix_editor import Fixing, correction, short
from asyncrepl.explain.fresh_names import fresh
from asyncrepl.explain.rules.endless_waits import awaited_object, ends_of
from asyncrepl.explain.scopes import CannotFixError, behind_await, is_while_true, scope
from asyncrepl.syntax.names import callee_name, canonical_name, written_name

if TYPE_CHECKING:
    from types import CodeType

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Unit


def _stuck(evidence: Evidence) -> Finding | None:
    unit = evidence.unit
    await_ = evidence.node(ast.Await)
    # A loop over an iterator of somebody else's has no ``await`` of its own.
    waited = await_.value if await_ is not None else _entered(evidence.node(ast.AST))
    text = short(unit, waited) if isinstance(waited, ast.expr) else "what it waits for"
    why = (
        f"Nothing can wake {text} any more: no other task runs, no timer is set"
        f"{_left_undone(evidence)}. Ctrl-C ends the wait."
    )
    return Finding(why, _ended_by_none(evidence, unit, await_) if await_ else None)


#: What nobody does, in words, by what is waited for.
_WORDS: dict[object, str] = {
    asyncio.Event: "sets the event",
    asyncio.Queue: "fills the queue",
    asyncio.Future: "sets its result",
    asyncio.Condition: "notifies it, with what is waited for",
    "readline": "sends the end of a line, or closes the other end",
    "read": "closes the other end, or calls `write_eof()` there",
}


def _left_undone(evidence: Evidence) -> str:
    """What nobody does for what is waited for, or where somebody would have done it."""
    waited, calls = ends_of(evidence) or (None, [])
    info = evidence.finding.info
    words = _WORDS.get(info.name or info.kind) or _WORDS.get(info.kind)
    homes = {getattr(scope(*each), "name", ""): each for each in calls}
    waiting = [text for name in homes if (text := _waits_itself(evidence, name))]
    if words is None:
        return ""
    if waiting:
        return f", and nobody {words}: {', and '.join(waiting)}"
    ended = homes.keys() & _run_as_tasks(evidence)
    if len(homes) > 1 and len(ended) == len(homes):
        return f", and nobody {words} any more: `{'` and `'.join(homes)}` have ended"
    name = next(iter(homes), "")
    here = waited is not None and getattr(scope(evidence.unit, waited), "name", "") == name
    if len(homes) != 1 or not name or here:
        return f", and nobody {words}"
    return f", and nobody {_undone_in(evidence, words, name, homes[name], bool(ended))}"


def _undone_in(
    evidence: Evidence, words: str, name: str, home: tuple[Unit, ast.Call], ended: bool
) -> str:
    """The same where it would be done in the one function `name`, which has `ended` as a task."""
    known = {written_name(node) for _, node in evidence.units.nodes(ast.Name, ast.Attribute)}
    if name not in known:
        return f"calls `{name}`, which {words}"
    if ended:
        return f"{words} any more: what runs `{name}` has ended"
    return f"{words}: {short(*home)} in `{name}` is not called for it"


def _run_as_tasks(evidence: Evidence) -> set[str]:
    """The functions whose calls are given to another, which makes tasks of them."""
    calls = [each for _, each in evidence.units.nodes(ast.Call)]
    return {callee_name(given) for each in calls for given in each.args} - {""}


def _waits_itself(evidence: Evidence, name: str) -> str:
    """Where the task waits itself that runs the function `name`, in words; "" if none does."""
    seen = evidence.finding
    for places in seen.others:
        own = places[-1:] == ((seen.code, seen.offset),)
        if name and not own and name in (code.co_name for code, _ in places):
            return f"`{name}`, which could, waits itself{_where(evidence, *places[-1])}"
    return ""


def _where(evidence: Evidence, code: CodeType, offset: int) -> str:
    """The line and what is waited for at this instruction."""
    unit, place = evidence.units.get(code.co_filename), place_at(code, offset)
    if unit is None or place is None:
        return ""
    nodes = [_entered(each) for each in unit.at(place)]
    node = next((each for each in nodes if isinstance(each, ast.expr)), None)
    what = f" for {short(unit, behind_await(node))}" if node is not None else ""
    return f" in line {place.lineno}{what}"


def _entered(node: ast.AST | None) -> ast.AST | None:
    """What a block is to enter, where `node` is one: its first, or the only one."""
    return node.items[0].context_expr if isinstance(node, ast.AsyncWith) else node


def _made_anew(evidence: Evidence) -> Finding | None:
    """An event whose name has been given to another one since the wait for it began."""
    event, unit = awaited_object(evidence, asyncio.Event, "wait"), evidence.unit
    if event is None or evidence.finding.number != 2:
        return None
    made = [
        (home, each)
        for home, each in evidence.units.nodes(ast.Assign)
        if canonical_name(getattr(each.value, "func", None)) == "asyncio.Event"
        if written_name(each.targets[0]) == written_name(event)
    ]
    again = [p for p in made if getattr(scope(*p), "name", "__init__") != "__init__"]
    if len(again) != 1:
        return None
    (home, assign), text = again[0], unit.source.source(event)
    why = (
        f"{short(home, assign)} in line {assign.lineno} makes a new event, and `{text}.wait()` "
        "waits for the one that was there before: nobody has that any more, to set it. Set it "
        "first, or `clear()` it and keep it."
    )
    return Finding(why)


def _held_by_another(evidence: Evidence) -> Finding | None:
    """A lock, and who holds it and waits for what never comes."""
    held, nodes = evidence.finding.held, evidence.nodes
    lock = _entered(nodes[-1]) if nodes else None
    if not held or lock is None:
        return None
    if held[-1] == (evidence.finding.code, evidence.finding.offset):
        return _held_by_itself(evidence, lock)
    code, offset = held[-1]
    why = (
        f"{short(evidence.unit, lock)} is held by `{code.co_name}`, which waits"
        f"{_where(evidence, code, offset)} before it gives that back, and that never comes: "
        "neither goes on. Wait for it outside of the block, or take the lock for less."
    )
    return Finding(why)


def _held_by_itself(evidence: Evidence, lock: ast.AST) -> Finding | None:
    """A lock that is waited for by what the same task awaits while it holds it."""
    for code, offset in reversed(evidence.finding.held[:-1]):
        unit, place = evidence.units.get(code.co_filename), place_at(code, offset)
        nodes = list(unit.at(place)) if unit is not None and place is not None else []
        node = next((each for each in nodes if isinstance(each, ast.expr)), None)
        if unit is None or node is None or unit.enclosing(node, ast.AsyncWith) is None:
            continue
        why = (
            f"{short(evidence.unit, lock)} is held already, by the same task: `{code.co_name}` "
            f"has entered it and waits{_where(evidence, code, offset)}, which leads here. "
        )
        if evidence.finding.info.kind is asyncio.Lock:
            return Finding(f"{why}An `asyncio.Lock` cannot be taken twice: it waits for itself.")
        return Finding(f"{why}It waits for one more before it gives that back.")
    return None


@correction
def _ended_by_none(fixing: Fixing, unit: Unit, waited: ast.Await) -> None:
    """Of a generator that drains a queue: None in the queue ends it."""
    function, taken = scope(unit, waited), waited.value
    loop = unit.enclosing(waited, ast.While)
    statement = unit.statement(waited)
    drains = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Yield)
    if callee_name(taken) != "get" or not drains or loop is None or not is_while_true(loop):
        return
    if not isinstance(function, ast.AsyncFunctionDef) or loop.body != [statement]:
        return
    name = fresh(unit, "item")
    edits = fixing.of(unit)
    edits.replace(loop.test, f"({name} := {unit.source.source(waited)}) is not None")
    edits.replace(waited, name)
    if not _closed(fixing.evidence, fixing, function.name):
        raise CannotFixError


def _closed(evidence: Evidence, fixing: Fixing, name: str) -> bool:
    """Put the None in, in front of the loop that walks the generator."""
    for unit, loop in evidence.units.nodes(ast.AsyncFor):
        call = loop.iter
        if isinstance(call, ast.Call) and callee_name(call) == name and len(call.args) == 1:
            queue = unit.source.source(call.args[0])
            fixing.of(unit).lines_before(loop, f"{queue}.put_nowait(None)")
            return True
    return False


RULES = (
    endless(
        "an event that another has taken the place of",
        "Who waits, waits for an object and not for a name: when the name is given to a new "
        "event, setting that one wakes nobody.",
        _made_anew,
    ),
    endless(
        "a lock whose holder waits for something else",
        "Who waits inside of `async with lock:` holds the lock all the while. What is waited for "
        "there must not need the lock itself.",
        _held_by_another,
        sees="stuck | unfinished",
    ),
    endless(
        "a source that waits for ever",
        "A step that awaits what nobody provides suspends the loop for good. Let the producer "
        "say that it is done (a None in the queue), or limit the wait: `asyncio.timeout()`.",
        _stuck,
    ),
)
