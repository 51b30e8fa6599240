"""Uses: which operand was given to which operation.

A `Use` pairs the operand of the failing operation with what is known of the
object. Probes give the pair for certain; where none stands (a plain name, a
subscript, a call), the operation follows from the instruction and the node at
its position, and the object from looking the expression up.
"""

from __future__ import annotations

import ast
import re
import sys
from typing import TYPE_CHECKING, NamedTuple

from asyncrepl.events.object_info import (
    MISSING,
    ObjectInfo,
    Place,
    RefusedOperand,
    describe,
    has_method,
)
from asyncrepl.explain.known_calls import item_of
from asyncrepl.explain.static_values import Resolver
from asyncrepl.syntax.names import SCOPES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import CodeType, FrameType

    from asyncrepl.events.object_info import RefusedOperands
    from asyncrepl.explain.source_units import Unit, Units

#: Instructions that mean the refusal of an operand, and the special method they look for.
_METHODS = {
    "async for": "__aiter__",
    "for": "__iter__",
    "yield from": "__iter__",
    "star": "__iter__",
    "unpack": "__iter__",
    "await": "__await__",
    "with": "__enter__",
    "async with": "__aenter__",
}


class Use(NamedTuple):
    """`node`, the operand of `owner`, in a role.

    Roles: "async for" (also in comprehensions), "for", "yield from", "star",
    "unpack", "await", "with", "async with", "argument" (of the call `owner`),
    "called", "index", "in", "operand", "test", "value", "items" (those that the operand holds).
    `info` is None when nothing is known of the object. Not `certain`: the class may be at fault,
    or may not.
    """

    role: str
    node: ast.expr
    owner: ast.AST
    info: ObjectInfo | None
    certain: bool = True

    @classmethod
    def of_value(cls, statement: ast.Expr, value: object) -> Use:
        """The `value` displayed for `statement`, an expression."""
        return cls("value", statement.value, statement, describe(value, keep=True))

    @property
    def kind(self) -> type | None:
        """The type of the operand, if known."""
        return self.info.kind if self.info else None

    @property
    def lacks(self) -> bool:
        """Whether the operand's type has not the method this role calls first."""
        if self.info is None or self.role not in _METHODS:
            return False
        return not has_method(self.info.kind, _METHODS[self.role])


def uses_at(
    unit: Unit,
    resolver: Resolver,
    nodes: Iterable[ast.AST],
    notes: list[tuple[Place, RefusedOperand]],
    op: str,
) -> tuple[Use, ...]:
    """The uses that failed at `nodes`, the surest first."""
    noted = [use for where, note in notes for use in noted_uses(unit, resolver, where, note)]
    certain = [use for use in noted if use.certain]
    if certain:
        return tuple(certain)
    hints = {use.node: use for use in noted}
    found = []
    for role, node, owner in _operands(unit, nodes, op):
        hint = hints.pop(node, None)
        info = resolver.info(node)
        if role == "items":
            info = item_of(resolver, info) if info is not None else None
        found.append(hint if hint and info is None else Use(role, node, owner, info))
    found.sort(key=lambda use: not use.lacks)  # of a loop over a comprehension, the culprit
    return (*found, *hints.values())


def resolver_at(units: Units, unit: Unit, frame: FrameType, nodes: Sequence[ast.AST]) -> Resolver:
    """What resolves names at `nodes`, outermost first, in `unit`, as `frame` saw them.

    From Python 3.12 on the variables of a comprehension are gone when that has failed: the frame
    has what their names stand for outside. They are worked out of what it iterates over.
    """
    resolver, node = Resolver.of_frame(units, frame), nodes[-1] if nodes else None
    inlined = []
    for each in (node, *unit.ancestors(node)) if node is not None else ():
        if isinstance(each, SCOPES) or (isinstance(each, ast.GeneratorExp) and _is_genexp(frame)):
            break
        inlined += [each] if isinstance(each, (ast.ListComp, ast.SetComp, ast.DictComp)) else []
    for each in reversed(inlined) if sys.version_info >= (3, 12) else ():
        for clause in each.generators:
            if any(part is node for part in ast.walk(clause.iter)):
                break  # these are not bound yet
            resolver.known |= _bound_by(resolver, clause)
    return resolver


def _is_genexp(frame: FrameType) -> bool:
    return frame.f_code.co_name == "<genexpr>"


def _bound_by(resolver: Resolver, clause: ast.comprehension) -> dict[str, ObjectInfo | None]:
    """The names that `clause` binds, and what is known of their values."""
    if isinstance(clause.target, ast.Name):
        info = resolver.info(clause.iter)
        return {clause.target.id: item_of(resolver, info) if info is not None else None}
    return {each.id: None for each in ast.walk(clause.target) if isinstance(each, ast.Name)}


def notes_at(
    refused: RefusedOperands, code: CodeType, place: Place | None, offset: int
) -> list[tuple[Place, RefusedOperand]]:
    """What was noted in `code` up to the instruction at `offset`, inside of `place`."""
    noted = [(each.place, each) for each in refused.at(code) if each.offset <= offset]
    return [(at, each) for at, each in noted if at and (place is None or _within(at, place))]


def _within(inner: Place, outer: Place) -> bool:
    return (outer.lineno, outer.column) <= (inner.lineno, inner.column) and (
        inner.end_lineno,
        inner.end_column,
    ) <= (outer.end_lineno, outer.end_column)


def noted_uses(
    unit: Unit, resolver: Resolver, where: Place, note: RefusedOperand
) -> Iterator[Use]:
    """The use at `where` that a probe has noted in `note`."""
    expressions = [node for node in unit.at(where) if isinstance(node, ast.expr)]
    for node in expressions[-1:]:
        owner = unit.parents.get(node)
        role = _role(node, owner)
        if isinstance(owner, ast.withitem):
            owner = unit.parents[owner]
            role = "async with" if isinstance(owner, ast.AsyncWith) else "with"
        if owner is not None and role:
            info = _completed(note.info, resolver.info(node))
            yield Use(role, node, owner, info, note.certain)


def _completed(seen: ObjectInfo, inferred: ObjectInfo | None) -> ObjectInfo:
    """What the probe saw, with what only the source or a living object can tell."""
    if inferred is None or inferred.kind is not seen.kind:
        return seen
    value = inferred.value if seen.value is MISSING else seen.value
    return seen._replace(value=value, item=seen.item or inferred.item)


def _role(node: ast.expr, owner: ast.AST | None) -> str:
    match owner:
        case ast.AsyncFor() if owner.iter is node:
            return "async for"
        case ast.comprehension() if owner.iter is node:
            return "async for" if owner.is_async else "for"
        case ast.For() if owner.iter is node:
            return "for"
        case ast.Call():
            return "called" if owner.func is node else "argument"
        case ast.withitem():
            return "with"
        case _:
            return _SIMPLE_ROLES.get(type(owner), "")


def use_iterated(unit: Unit, node: ast.expr, info: ObjectInfo) -> Use:
    """The use of `node` by whatever plain code around it iterates over it."""
    owner = unit.parents[node]
    role = _role(node, owner)
    match owner:
        case ast.keyword():
            owner, role = unit.parents[owner], "argument"
        case ast.Compare():
            role = "compared" if owner.left is node else "in"
        case ast.Match():
            role = "compared"
        case ast.AugAssign():
            role = "operand"
        case ast.Assign([ast.Subscript()]):
            role = "slice"
    return Use(role, node, owner, info)


_SIMPLE_ROLES: dict[type, str] = {
    ast.Await: "await",
    ast.YieldFrom: "yield from",
    ast.Starred: "star",
    ast.Assign: "unpack",
}

Operand = tuple[str, ast.expr, ast.AST]


def _operands(unit: Unit, nodes: Iterable[ast.AST], op: str) -> Iterator[Operand]:
    """The operands that `op` may have refused, the likeliest first."""
    finder = _FINDERS.get(op)
    if "_IF_" in op or op in ("TO_BOOL", "UNARY_NOT"):
        finder = _tested
    if finder is None:
        finder = _call_operands if op.startswith("CALL") or op == "PRECALL" else _other_operands
    for node in reversed(list(nodes)):
        found = list(finder(unit, node))
        if found:
            yield from found
            return


def _iterated(unit: Unit, node: ast.AST) -> Iterator[Operand]:
    """What GET_ITER, GET_AITER or UNPACK refused: the statement (to 3.12) or the operand."""
    if isinstance(node, ast.For | ast.AsyncFor):
        yield ("for" if isinstance(node, ast.For) else "async for"), node.iter, node
    if isinstance(node, ast.YieldFrom):
        yield "yield from", node.value, node
    if isinstance(node, ast.Starred):  # of a generator expression, since Python 3.15
        yield "star", node.value, node
    owner = unit.parents.get(node)
    role = _role(node, owner) if isinstance(node, ast.expr) and owner else ""
    if isinstance(owner, ast.Assign) and node in owner.targets:
        role = ""
    if role in ("for", "async for", "star", "unpack") and owner is not None:
        yield role, node, owner  # type: ignore[misc]  # an expression: it has a role
    elif isinstance(node, ast.Tuple | ast.List) and isinstance(owner, ast.Assign):
        yield "unpack", owner.value, owner
    elif (
        isinstance(owner, ast.For | ast.comprehension)
        and owner.target is node
        and not getattr(owner, "is_async", False)
    ):
        yield "items", owner.iter, owner
    for clause in getattr(node, "generators", []):
        yield ("async for" if clause.is_async else "for"), clause.iter, clause


def _awaited(unit: Unit, node: ast.AST) -> Iterator[Operand]:
    if isinstance(node, ast.Await):
        yield "await", node.value, node
    elif isinstance(node, ast.YieldFrom):
        yield "yield from", node.value, node
    elif isinstance(node, ast.AsyncWith) or isinstance(unit.parents.get(node), ast.withitem):
        yield from _entered(unit, node)


def _entered(unit: Unit, node: ast.AST) -> Iterator[Operand]:
    statement: ast.AST | None = node
    if not isinstance(node, ast.With | ast.AsyncWith):
        statement = unit.enclosing(node, ast.With, ast.AsyncWith)
    if isinstance(statement, ast.With | ast.AsyncWith):
        role = "async with" if isinstance(statement, ast.AsyncWith) else "with"
        for item in statement.items:
            yield role, item.context_expr, statement


def _call_operands(unit: Unit, node: ast.AST) -> Iterator[Operand]:
    if isinstance(node, ast.Call):
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                yield "star", argument.value, argument
            else:
                yield "argument", argument, node
        for keyword in node.keywords:
            yield "argument" if keyword.arg else "mapping", keyword.value, node
        yield "called", node.func, node
    decorated = unit.parents.get(node)
    if isinstance(node, ast.expr) and node in getattr(decorated, "decorator_list", ()):
        assert decorated is not None
        yield "called", node, decorated


def _starred(_unit: Unit, node: ast.AST) -> Iterator[Operand]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Starred):
            yield "star", child.value, child
    if isinstance(node, ast.Starred):
        yield "star", node.value, node


def _other_operands(unit: Unit, node: ast.AST) -> Iterator[Operand]:
    match node:
        case ast.Compare():
            contained = isinstance(node.ops[0], ast.In | ast.NotIn)
            for comparator in node.comparators:
                yield "in" if contained else "operand", comparator, node
            if not contained:
                yield "operand", node.left, node
        case ast.Subscript():
            statement = unit.parents.get(node)
            if isinstance(statement, ast.Assign) and isinstance(node.slice, ast.Slice):
                yield "slice", statement.value, statement
            yield from _stored(unit, node)
            yield "index", node.value, node
            parts: list[ast.expr | None] = [node.slice]
            if isinstance(node.slice, ast.Slice):
                parts = [node.slice.lower, node.slice.upper, node.slice.step]
            yield from (("operand", each, node) for each in parts if each is not None)
        case ast.Attribute():
            yield from _stored(unit, node)
        case ast.UnaryOp() | ast.BinOp() | ast.AugAssign():
            for name in ("operand", "left", "right", "value", "target"):
                if hasattr(node, name):
                    yield "operand", getattr(node, name), node
        case ast.For() | ast.AsyncFor() | ast.With() | ast.AsyncWith():
            pass
        case _:
            yield from _rarer_operands(unit, node)


def _stored(unit: Unit, node: ast.Attribute | ast.Subscript) -> Iterator[Operand]:
    """What the item or the attribute was to become."""
    statement = unit.parents.get(node)
    value = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None
    if value is not None and statement is not None and isinstance(node.ctx, ast.Store):
        yield "stored", value, statement


def _rarer_operands(unit: Unit, node: ast.AST) -> Iterator[Operand]:
    match node:
        case ast.FormattedValue() | ast.JoinedStr():
            for part in getattr(node, "values", [node]):
                if isinstance(part, ast.FormattedValue):
                    yield "format", part.value, part
        case ast.ExceptHandler() if node.type is not None:
            yield "except", node.type, node
        case ast.Raise() if node.exc is not None:
            yield from (("raise", each, node) for each in (node.exc, node.cause) if each)
        case ast.Dict():
            for key, value in zip(node.keys, node.values, strict=True):
                if key is None:
                    yield "mapping", value, node
        case ast.expr():
            yield from _within_owner(unit, node)


def _within_owner(unit: Unit, node: ast.expr) -> Iterator[Operand]:
    """What ``except`` was given, and ``**`` in a comprehension, as from Python 3.15 on."""
    match unit.parents.get(node):
        case ast.ExceptHandler(type) as handler if type is node:
            yield "except", node, handler
        case ast.DictComp(key, None) as made if key is node:
            yield "mapping", node, made


def _tested(_unit: Unit, node: ast.AST) -> Iterator[Operand]:
    if isinstance(node, ast.UnaryOp):
        yield "test", node.operand, node
    elif isinstance(node, ast.expr):
        yield "test", node, node


_FINDERS = {
    **dict.fromkeys(["POP_JUMP_IF_FALSE", "POP_JUMP_IF_TRUE", "TO_BOOL", "UNARY_NOT"], _tested),
    "GET_ITER": _iterated,
    "GET_AITER": _iterated,
    "GET_ANEXT": _iterated,
    "FOR_ITER": _iterated,
    "UNPACK_SEQUENCE": _iterated,
    "UNPACK_EX": _iterated,
    "GET_YIELD_FROM_ITER": _iterated,
    "GET_AWAITABLE": _awaited,
    "SEND": _awaited,
    "BEFORE_WITH": _entered,
    "BEFORE_ASYNC_WITH": _entered,
    "LOAD_SPECIAL": _entered,  # since Python 3.14
    "LIST_EXTEND": _starred,
    "SET_UPDATE": _starred,
    "CALL_FUNCTION_EX": _call_operands,
    "DICT_MERGE": _call_operands,
}


_CONVERSION = re.compile(r"%[-#0 +]*\d*(?:\.\d+)?[hlL]?([a-zA-Z])")


def formatted(owner: ast.AST) -> list[ast.expr]:
    """What ``"%s %d" % (name, count())`` makes a number of; the rest takes anything."""
    match owner:
        case ast.BinOp(ast.Constant(str(text)), ast.Mod(), ast.Tuple(elements)):
            kinds = _CONVERSION.findall(text.replace("%%", ""))
            if len(kinds) == len(elements):
                pairs = zip(kinds, elements, strict=True)
                return [each for kind, each in pairs if kind not in "sra"]
    return []
