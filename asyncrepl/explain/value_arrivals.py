"""Where a value goes, read from the source: whether it only arrives where a plain value is meant.

An async generator that nobody has walked was printed, compared, tested, put into a text; or
it may have been made for somebody who asks for its type. The one is a mistake, the other is
not. So its way is followed: into a name, a list, a parameter, out of a function. Whatever is
not known counts as right.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Literal

from asyncrepl.explain.scopes import scope
from asyncrepl.syntax.names import callee_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Function, Unit

#: "value": a plain value is meant there. "look": it is only asked what it is. "other": who knows.
Verdict = Literal["value", "look", "other"]
_SHOWS = frozenset({
    "print", "str", "repr", "format", "ascii", "bool", "debug", "info", "warning", "error",
    "exception", "critical", "write", "pprint",
})  # fmt: skip
_LOOKS = frozenset({
    "isinstance", "type", "hasattr", "getattr", "id", "callable", "isasyncgen", "isawaitable",
    "iscoroutine", "getasyncgenstate", "issubclass", "getrefcount", "dir", "len", "ref",
})  # fmt: skip
#: A way is followed through so many functions.
_DEPTH = 4


def is_meant_as_value(evidence: Evidence, unit: Unit, node: ast.expr) -> bool:
    """Whether the value of `node` arrives where a plain value is meant, and nowhere else."""
    verdicts = set(_Way(evidence).of(unit, node))
    return "value" in verdicts and "other" not in verdicts


class _Way:
    """One search; `seen` are the functions and names it has been through."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._seen: set[object] = set()

    def of(self, unit: Unit, node: ast.expr, *, held: bool = False) -> Iterator[Verdict]:
        """What becomes of `node`; if it is `held` by it, a list of which one may ask more."""
        parent = unit.parents.get(node)
        match parent:
            case ast.Expr() | ast.FormattedValue():
                yield "value"
            case _ if _is_asked(parent, node):
                yield "look" if held or not _is_tested(parent) else "value"
            case ast.BinOp(ast.Constant(str()), ast.Mod()):
                yield "value"
            case ast.BoolOp(ast.And(), [*_, last]) if last is not node:
                yield "look" if held else "value"
            case ast.BoolOp() | ast.IfExp() | ast.JoinedStr():
                yield from self.of(unit, parent, held=held)
            case ast.Subscript() if held and parent.value is node:
                yield from self.of(unit, parent)
            case ast.List() | ast.Tuple() | ast.Set() | ast.Dict():
                yield from self.of(unit, parent, held=True)
            case ast.Assign([target]) | ast.AnnAssign(target) | ast.NamedExpr(target):
                yield from self._named(unit, target, held)
            case ast.Return():
                yield from self._returned(unit, parent, held)
            case ast.keyword():
                yield from self._given(unit.parents.get(parent), node, held)
            case ast.Call() if parent.func is not node:
                yield from self._given(parent, node, held)
            case _:
                yield "other"

    def _named(self, unit: Unit, target: ast.expr, held: bool) -> Iterator[Verdict]:
        if isinstance(target, ast.Attribute):
            yield from self._kept(target.attr, held)
            return
        if not isinstance(target, ast.Name):
            yield "other"
            return
        uses = list(self._loads(unit, target))
        if not uses:
            yield "look" if held else "value"
        for use in uses:
            yield from self.of(unit, use, held=held)

    def _kept(self, name: str, held: bool) -> Iterator[Verdict]:
        """As an attribute: wherever one of that name is read."""
        if name in self._seen:
            return
        self._seen.add(name)
        for unit in self._evidence.units.all():
            for use in unit.nodes(ast.Attribute):
                if use.attr == name and isinstance(use.ctx, ast.Load):
                    yield from self.of(unit, use, held=held)

    def _loads(self, unit: Unit, target: ast.Name) -> Iterator[ast.Name]:
        """Where the variable is read, as far as its function reaches."""
        around = scope(unit, target)
        if (around, target.id) in self._seen:
            return
        self._seen.add((around, target.id))
        for node in ast.walk(around or unit.tree or target):
            if isinstance(node, ast.Name) and node.id == target.id and _is_read(node):
                yield node

    def _given(self, call: ast.AST | None, node: ast.expr, held: bool) -> Iterator[Verdict]:
        """As an argument of a call: of one that shows it, or of a function that is known."""
        name = callee_name(call)
        function = self._function(name)
        if isinstance(call, ast.Call) and function is not None:
            yield from self._parameter(*function, call, node, held)
        elif name in _SHOWS:
            yield "value"
        else:
            verdict: Verdict = "look" if name in _LOOKS else "other"
            yield verdict

    def _function(self, name: str) -> tuple[Unit, Function] | None:
        found = [
            (unit, function)
            for unit in self._evidence.units.all()
            for function in unit.functions()
            if function.name == name
        ]
        return found[0] if len(found) == 1 and len(self._seen) < _DEPTH * 4 else None

    def _parameter(
        self, unit: Unit, function: Function, call: ast.Call, node: ast.expr, held: bool
    ) -> Iterator[Verdict]:
        """What the function does with it."""
        names = [each.arg for each in (*function.args.posonlyargs, *function.args.args)]
        if isinstance(unit.parents.get(function), ast.ClassDef):
            names = names[1:]
        given = dict(zip(map(id, call.args), names, strict=False))
        given |= {id(each.value): each.arg for each in call.keywords if each.arg}
        name = given.get(id(node))
        if name is None or (function, name) in self._seen or function.decorator_list:
            yield "other"
            return
        self._seen.add((function, name))
        for each in ast.walk(function):
            if isinstance(each, ast.Name) and each.id == name and _is_read(each):
                yield from self.of(unit, each, held=held)

    def _returned(self, unit: Unit, node: ast.Return, held: bool) -> Iterator[Verdict]:
        """Out of a plain function: what becomes of its calls."""
        function = unit.function(node)
        if not isinstance(function, ast.FunctionDef) or function.decorator_list:
            yield "other"
            return
        if function in self._seen:
            return
        self._seen.add(function)
        calls = [
            (each, call)
            for each in self._evidence.units.all()
            for call in each.nodes(ast.Call)
            if callee_name(call) == function.name
        ]
        if not calls:
            yield "other"
        for each, call in calls:
            yield from self.of(each, call, held=held)


def _is_asked(owner: ast.AST | None, node: ast.expr) -> bool:
    """Whether `owner` asks something of `node` and does nothing else with it."""
    if isinstance(owner, ast.Match):
        return owner.subject is node
    if isinstance(owner, ast.UnaryOp):
        return isinstance(owner.op, ast.Not)
    return isinstance(owner, ast.Compare) or getattr(owner, "test", None) is node


def _is_tested(owner: ast.AST | None) -> bool:
    """Whether a value is asked, and not only what kind of thing it is."""
    if isinstance(owner, ast.Match):
        return not any(isinstance(each, ast.MatchClass) for each in ast.walk(owner))
    operators = owner.ops if isinstance(owner, ast.Compare) else [ast.Eq()]
    return not all(isinstance(each, ast.Is | ast.IsNot) for each in operators)


def _is_read(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Load)


def is_test(unit: Unit, node: ast.expr) -> bool:
    """Whether `node` is what an ``if``, a ``while`` or ``not`` asks, or a part of it."""
    for child, parent in unit.steps_up(node):
        if isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not):
            return True
        if isinstance(parent, ast.comprehension):
            return child in parent.ifs
        if isinstance(parent, ast.Call) and callee_name(parent) == "bool":
            return True
        if not isinstance(parent, ast.BoolOp):
            return getattr(parent, "test", None) is child
    return False
