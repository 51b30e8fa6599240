"""A StopIteration that a thread, or another executor, cannot hand to who awaits it."""

from __future__ import annotations

import ast
import sys
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, Fix
from asyncrepl.explain.fix_editor import Fixing, short
from asyncrepl.explain.rule import Rule
from asyncrepl.explain.scopes import own_nodes, scope
from asyncrepl.syntax.names import LOOPS, last_name

if TYPE_CHECKING:
    from types import CodeType

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Unit

__all__ = ["RULES"]


def _raised(evidence: Evidence) -> Finding | None:
    """The RuntimeError that Python makes of it from 3.12 on."""
    cause = evidence.error.__cause__ if evidence.error is not None else None
    trace = cause.__traceback__ if type(cause) is StopIteration else None
    if trace is None or not _runs_job(trace.tb_frame.f_code) or not evidence.sites:
        return None
    site = evidence.sites[-1]
    waited = site.node(ast.Await)
    return _finding(evidence, site.unit, waited) if waited is not None else None


def _runs_job(code: CodeType) -> bool:
    """Whether it is what runs a job in a thread of a pool."""
    items = vars(sys.modules.get("concurrent.futures.thread", ast)).get("_WorkItem")
    return items is not None and code is vars(items)["run"].__code__


def _waits(evidence: Evidence) -> Finding | None:
    """Before, the loop's log has it, and who awaits the thread waits for ever."""
    awaits = [node for node in evidence.nodes if isinstance(node, ast.Await)]
    return _finding(evidence, evidence.unit, awaits[-1]) if awaits else None


def _finding(evidence: Evidence, unit: Unit, waited: ast.Await) -> Finding:
    why = (
        f"{short(unit, waited.value)} ends in a StopIteration, which cannot come out of a thread "
        "into an `await`: a future does not take it. Give `next` a default and ask for that."
    )
    return Finding(why, _with_default(evidence, unit, waited))


def _with_default(evidence: Evidence, unit: Unit, waited: ast.Await) -> Fix | None:
    """``next(it, end)``, and what was to be done at the StopIteration where that comes."""
    call, statement = waited.value, unit.statement(waited)
    loop = unit.enclosing(waited, *LOOPS)
    if not isinstance(call, ast.Call) or loop is None or not _gives_next(call):
        return None
    fixing = Fixing(evidence)
    end = fixing.fresh(unit, "end")
    edits, given = fixing.of(unit), isinstance(statement, ast.Assign) and statement.value is waited
    edits.lines_before(loop, f"{end} = object()")
    edits.after(call.args[-1], f", {end}")
    leaving = _at_the_end(unit, waited)
    if given:
        name = unit.source.source(statement.targets[0])  # type: ignore[attr-defined]  # see above
        edits.lines_after(statement, f"if {name} is {end}:\n    {leaving}")
        return fixing.fix()
    name, source = fixing.fresh(unit, "item"), unit.source.source
    inner = f"{source(call)[:-1].rstrip().rstrip(',')}, {end})"
    edits = (fixing := Fixing(evidence)).of(unit)
    edits.lines_before(loop, f"{end} = object()")
    test = f"if ({name} := await {inner}) is {end}:\n    {leaving}"
    edits.lines_before(statement, test)
    edits.replace(waited, name)
    return fixing.fix()


def _gives_next(call: ast.Call) -> bool:
    """Whether it is ``to_thread(next, it)`` or the like, with no default."""
    names = [last_name(each) for each in call.args]
    return "next" in names[:-1] and names.index("next") == len(names) - 2 and not call.keywords


def _at_the_end(unit: Unit, waited: ast.Await) -> str:
    """What a handler of the StopIteration does; else the loop, or the generator, ends."""
    function, loop = scope(unit, waited), unit.enclosing(waited, *LOOPS)
    for guard in unit.ancestors(waited):
        for handler in guard.handlers if isinstance(guard, ast.Try) else ():
            if last_name(handler.type) == "StopIteration":
                inside = loop in set(unit.ancestors(guard)) and len(handler.body) == 1
                return unit.source.source(handler.body[0]) if inside else "raise StopIteration"
    yields = function is not None and any(
        isinstance(node, ast.Yield) for node in own_nodes(function)
    )
    return "return" if yields and not isinstance(loop, ast.While) else "break"


_RULE = (
    "stopiteration-out-of-a-thread",
    "a StopIteration out of a thread",
    3,
    (
        "A StopIteration cannot be raised into a future, nor out of a coroutine. Up to Python "
        "3.11 `await asyncio.to_thread(next, it)` waits for ever at the end of the items, since "
        "then it is a RuntimeError. Ask with a default: `await asyncio.to_thread(next, it, None)`."
    ),
)

RULES = (
    Rule(*_RULE, _raised, errors=(RuntimeError,)),
    Rule(*_RULE, _waits, "seen", sees="stopped"),
)
