"""Processes that are waited for, and that wait themselves: for a reader, or for their input."""

from __future__ import annotations

import ast
import asyncio
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, correction, short
from asyncrepl.explain.rules.endless_waits import awaited_object, calls_on
from asyncrepl.explain.scopes import CannotFixError, scope
from asyncrepl.syntax.names import written_name

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Unit


def _pipe_full(evidence: Evidence) -> Finding | None:
    """``process.wait()`` of a process that is over, where nobody reads its output."""
    process = awaited_object(evidence, asyncio.subprocess.Process, "wait")
    if process is None or _is_starved(evidence):
        return None
    text = evidence.unit.source.source(process)
    why = (
        f"`{text}.wait()` waits until the pipe of its output is empty, too, and nobody reads what "
        f"the process has written. `await {text}.communicate()` reads while it waits."
    )
    return Finding(why)


def _is_starved(evidence: Evidence) -> bool:
    """Whether what is waited for is a process that waits for its input, or its output."""
    seen, kinds = evidence.seen, (asyncio.subprocess.Process, asyncio.StreamReader)
    return seen is not None and seen.info.kind in kinds and bool(seen.number)


def _input_left_open(evidence: Evidence) -> Finding | None:
    """A wait for a process, or for its output, while it waits for input that nobody writes."""
    await_, seen, unit = evidence.node(ast.Await), evidence.seen, evidence.unit
    place = await_.value if await_ is not None else evidence.node(ast.AST)
    if seen is None or place is None or not _is_starved(evidence):
        return None
    waited = awaited_object(evidence, seen.info.kind, seen.info.name)
    if seen.info.kind is asyncio.StreamReader:
        waited = waited.value if isinstance(waited, ast.Attribute) else None
    name = written_name(waited) if waited is not None else ""
    waits = short(unit, place) if isinstance(place, ast.expr) else "The loop"
    stdin = f"`{name}.stdin`" if name else "its `stdin`"
    why = (
        f"{waits} waits for the process, which waits for its input: {stdin} is open, and nobody "
        "writes to it any more."
    )
    answers = seen.info.name == "readline" or getattr(place, "args", None)
    if not name or answers or await_ is None:  # who waits for an answer may have more to ask
        return Finding(why)
    return Finding(f"{why} Close it when all is written.", _closed(evidence, unit, await_, name))


@correction
def _closed(fixing: Fixing, unit: Unit, await_: ast.Await, name: str) -> None:
    """The input of a process is closed behind the last that is written, before the wait."""
    statement = unit.statement(await_)
    for home, call in calls_on(fixing.evidence, f"{name}.stdin", "write", "writelines"):
        same = home is unit and scope(home, call) is scope(unit, await_)
        if not same or call.lineno > await_.lineno:
            raise CannotFixError
    if any(unit.enclosing(statement, kind) is not None for kind in (ast.For, ast.While)):
        raise CannotFixError
    fixing.of(unit).lines_before(statement, f"{name}.stdin.close()")


RULES = (
    Rule(
        "endless-generator-hangs",
        "a process whose output nobody reads",
        3,
        "A pipe and the reader behind it hold little, and a process that writes more waits until "
        "somebody reads. `await process.communicate()` reads all of it and waits for the end.",
        _pipe_full,
        sees="stuck",
    ),
    Rule(
        "endless-generator-hangs",
        "a process whose input is left open",
        3,
        "A program that reads its input to the end waits for that end, which comes when all who "
        "write have closed it. `await process.communicate(data)` writes, closes, reads and waits.",
        _input_left_open,
        sees="stuck",
    ),
)
