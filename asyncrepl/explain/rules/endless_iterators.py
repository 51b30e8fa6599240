"""Classes whose ``__anext__`` raises nothing where it should, as a loop walks one."""

from __future__ import annotations

import ast
from types import FunctionType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import lookup
from asyncrepl.explain.explanation import Finding
from asyncrepl.explain.fix_editor import Fixing, short
from asyncrepl.explain.rule import Rule
from asyncrepl.explain.scopes import own_nodes
from asyncrepl.syntax.names import callee_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Function, Unit

__all__ = ["RULES"]

_END = "StopAsyncIteration"


def _method(evidence: Evidence) -> tuple[Unit, Function, str] | None:
    """The ``__anext__`` of what is walked, and how it is called."""
    use = evidence.use("seen")
    method = lookup(use.info.kind, "__anext__") if use and use.info else None
    if use is None or not isinstance(method, FunctionType):
        return None
    found = evidence.units.definition(method.__code__)
    return (*found, method.__qualname__) if found and use.info else None


def _returned(evidence: Evidence) -> Finding | None:
    found = _method(evidence)
    if found is None:
        return None
    unit, function, name = found
    wrong = [node for node in own_nodes(function) if _returns_end(node)]
    if not wrong:
        return None
    fixing = Fixing(evidence)
    for node in wrong:
        source = unit.source.source(node)
        fixing.of(unit).replace(node, "raise" + source.removeprefix("return"))
    why = f"`{name}` returns {_END}: the loop takes it for an item and goes on. It is raised."
    return Finding(why, fixing.fix())


def _returns_end(node: ast.AST) -> bool:
    value = node.value if isinstance(node, ast.Return) else None
    named = value.func if isinstance(value, ast.Call) else value
    return isinstance(named, ast.Name) and named.id == _END


def _without_end(evidence: Evidence) -> Finding | None:
    found = _method(evidence)
    if found is None:
        return None
    unit, function, name = found
    nodes = list(own_nodes(function))
    ends = (ast.Raise, ast.Call, ast.Await, ast.AsyncFor, ast.Subscript, ast.For)
    if any(isinstance(node, ends) for node in nodes):
        return None  # what it calls, or an index, may raise the end
    returns = [node for node in nodes if isinstance(node, ast.Return)]
    empty = [node for node in returns if _is_none(node.value)]
    falls = _falls_through(function.body)
    if len(empty) == len(returns) or not (empty or falls):
        return None
    fixing = Fixing(evidence)
    for node in empty:
        fixing.of(unit).replace(node, f"raise {_END}")
    if falls:
        fixing.of(unit).lines_after(function.body[-1], f"raise {_END}")
    why = (
        f"`{name}` returns None when it has nothing more, and None is an item like any other: "
        f"only {_END} ends the loop."
    )
    return Finding(why, fixing.fix())


def _falls_through(body: list[ast.stmt]) -> bool:
    """Whether `body` comes to its end, as far as that is certain."""
    last = body[-1]
    if isinstance(last, ast.If):
        return not last.orelse or _falls_through(last.body) or _falls_through(last.orelse)
    ends = (ast.Return, ast.Raise, ast.While, ast.Try, ast.With, ast.Match)
    return not isinstance(last, ends)


def _is_none(value: ast.expr | None) -> bool:
    return value is None or (isinstance(value, ast.Constant) and value.value is None)


def _several_steps(evidence: Evidence) -> Finding | None:
    found = _method(evidence)
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
    fixing = Fixing(evidence)
    for step in steps[1:]:
        fixing.of(unit).after(step.args[-1], ", None")
    why = (
        f"`{name}` takes {len(steps)} items a round: if {short(unit, steps[1])} finds no more, "
        "its StopAsyncIteration ends this loop too, and the items taken before are lost."
    )
    return Finding(why, fixing.fix())


_SEVERAL = 2


def _rule(id_: str, title: str, model: str, find: Callable[[Evidence], Finding | None]) -> Rule:
    return Rule(id_, title, 6, model, find, "seen", sees="walked")


RULES = (
    _rule(
        "return-stopasynciteration",
        "StopAsyncIteration returned instead of raised",
        "`return StopAsyncIteration` makes it an item. The end is an exception: "
        "`raise StopAsyncIteration`.",
        _returned,
    ),
    _rule(
        "anext-never-stops",
        "`__anext__` that returns None at the end",
        "None is an item like any other; only `raise StopAsyncIteration` ends the loop.",
        _without_end,
    ),
    _rule(
        "inner-anext-ends-outer-loop",
        "several steps of another iterator in one `__anext__`",
        "A StopAsyncIteration that leaves `__anext__` ends the loop, whichever iterator it came "
        "from. Give `anext` a default, or catch it.",
        _several_steps,
    ),
)
