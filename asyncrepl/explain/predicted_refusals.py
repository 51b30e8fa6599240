"""What a text that has not run will be refused, as far as that is certain.

A correction is judged before it is offered: by the same rules as an error, from evidence
that nobody has seen yet. Certain is little. A name counts if it is bound once in its scope,
by an assignment, a ``def`` or an import; or earlier, in another input. What an attribute of an
object holds, or a function that returns this or that, may be something else when it runs.
What stands in a ``try`` with handlers, or below ``with suppress(TypeError)`` or
``with pytest.raises(TypeError)``, may be expected to fail.
"""

from __future__ import annotations

import ast
import asyncio
import builtins
from functools import cache
from types import AsyncGeneratorType, BuiltinFunctionType, FunctionType, GeneratorType, ModuleType
from typing import TYPE_CHECKING, Any

from asyncrepl.events.object_info import MISSING, ObjectInfo, Place, code_of, describe
from asyncrepl.explain.bindings import imported
from asyncrepl.explain.demands import demand_of, met
from asyncrepl.explain.evidence import Evidence
from asyncrepl.explain.kinds import ASYNCHRONOUS, Kind, has, is_mock, kind_of
from asyncrepl.explain.mismatch import mismatch
from asyncrepl.explain.operand_uses import Use
from asyncrepl.explain.repairs.repair_case import single_assignment
from asyncrepl.explain.scopes import may_be_caught, own_nodes, root_of, scopes
from asyncrepl.explain.source_units import own_name
from asyncrepl.explain.static_values import Resolver
from asyncrepl.explain.value_origins import bindings
from asyncrepl.instrument.probe_placement import ITERATING_CALLS
from asyncrepl.syntax.names import (
    FUNCTIONS,
    bound_names,
    callee_name,
    canonical_name,
    last_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from asyncrepl.explain.scopes import Scope
    from asyncrepl.explain.source_units import Unit, Units

Operand = tuple[str, ast.expr, ast.AST, str]
_STABLE = (FunctionType, BuiltinFunctionType, ModuleType, type)
#: Of chains of names, so many are followed.
_DEPTH = 8


def foreseen(before: Evidence, units: Units, names: tuple[str, ...]) -> Iterator[Evidence]:
    """The evidence of what will be refused in the texts `names` of `source_units`, in their order.

    `before` is the evidence of the error that these texts are to put right.
    """
    changed = [unit for name in names if (unit := units.get(name)) is not None and unit.tree]
    resolvers = [_Expecting(units, unit, names, _namespace(before, unit)) for unit in changed]
    alike = _refused_calls(before, units, names)
    for resolver in resolvers:
        unit = resolver.home
        resolver.peers = [each for each in resolvers if each.home.module is unit.module]
        resolver.alike = alike
        for role, node, owner, op in _operands(unit):
            if op == "CALL" and not resolver.calls_known(owner):
                continue
            use = Use(role, node, owner, resolver.info(node))
            if _is_refused(resolver, use) and not may_be_caught(unit, node):
                yield _evidence(before, resolver, use, op)


def _refused_calls(
    before: Evidence, units: Units, changed: tuple[str, ...]
) -> dict[tuple[str, str], ObjectInfo]:
    """What the calls have given that were refused, if each call of the same gives the like.

    Who makes the same mistake in five places wants all of them put right.
    """
    found = mismatch(before)
    info = found.info if found is not None else None
    if found is None or info is None or kind_of(info) not in ASYNCHRONOUS:
        return {}
    unit, node = before.unit, found.demand.node
    made = single_assignment(unit, node) or node
    options = before.resolver.options(made) if isinstance(made, ast.Call) else []
    if not isinstance(made, ast.Call) or [each.kind for each in options] != [info.kind]:
        return {}  # it may be what was in its hands that was refused
    if is_mock(before.resolver.value(made.func)):
        return {}  # another mock may stand there then
    maker = info.code.co_name if info.code is not None else ""  # which what is called may call
    names = {last_name(made.func), maker, *(each.__name__ for each in info.kind.__mro__)}
    if any(
        _defined(before.units, each, names) != _defined(units, each, names) for each in changed
    ):
        return {}  # that was put right
    return {_variable(unit, made.func): info}


def _defined(units: Units, filename: str, names: set[str]) -> list[str]:
    """The functions and classes of these names, in one text."""
    unit = units.get(filename)
    found = [*unit.functions(), *unit.nodes(ast.ClassDef)] if unit is not None else []
    return [ast.dump(each) for each in found if each.name in names]


def _variable(unit: Unit, function: ast.expr) -> tuple[str, str]:
    """What is called, and whose local name it begins with: a class's, for its ``self``."""
    root = root_of(function)
    around = bindings(unit, root)[0] if isinstance(root, ast.Name) else None
    owner = unit.parents.get(around) if around is not None else None
    own = own_name(around) if isinstance(around, FUNCTIONS) else ""
    if isinstance(owner, ast.ClassDef) and getattr(root, "id", "") == own:
        return ast.dump(function), owner.name
    return ast.dump(function), getattr(around, "name", "")


def _namespace(before: Evidence, unit: Unit) -> Mapping[str, Any]:
    """The global names of `unit`, as they are now."""
    frame = before.frame
    if frame is not None and frame.f_code.co_filename == unit.filename:
        return frame.f_globals
    return {} if unit.module else before.namespace


def _evidence(before: Evidence, resolver: _Expecting, use: Use, op: str) -> Evidence:
    unit, units = resolver.home, resolver.units
    place = use.owner if op in {"GET_AWAITABLE", "CALL", "LOAD_ATTR"} else use.node
    name = use.owner.attr if isinstance(use.owner, ast.Attribute) else ""
    callers = [units.get(each.filename) for each in (before.unit, *before.callers)]
    return Evidence(
        AttributeError(name=name) if name else TypeError(),
        "run",
        unit,
        units,
        resolver,
        tuple(unit.at(_place(place))),
        op,
        uses=(use,),
        callers=tuple(each for each in callers if each and each is not unit),
        namespace=before.namespace,
    )


def _place(node: Any) -> Place:
    return Place(node.lineno, node.end_lineno, node.col_offset, node.end_col_offset)


def _operands(unit: Unit) -> list[Operand]:
    found = [each for node in unit.nodes(ast.AST) for each in _operands_of(node)]
    return sorted(found, key=lambda each: (each[1].lineno, each[1].col_offset))


def _operands_of(node: ast.AST) -> Iterator[Operand]:
    match node:
        case ast.AsyncFor():
            yield "async for", node.iter, node, "GET_AITER"
        case ast.For():
            yield "for", node.iter, node, "GET_ITER"
        case ast.comprehension():
            role, op = ("async for", "GET_AITER") if node.is_async else ("for", "GET_ITER")
            yield role, node.iter, node, op
        case ast.Await():
            yield "await", node.value, node, "GET_AWAITABLE"
        case ast.With():
            yield from (("with", each.context_expr, node, "BEFORE_WITH") for each in node.items)
        case ast.AsyncWith():
            op = "BEFORE_ASYNC_WITH"
            yield from (("async with", each.context_expr, node, op) for each in node.items)
        case ast.Call() if canonical_name(node.func) in _CALLS:
            for argument in node.args[ITERATING_CALLS.get(callee_name(node), slice(None))]:
                yield "argument", argument, node, "CALL"
        case ast.Starred(value, ast.Load()):
            yield "star", value, node, "CALL_FUNCTION_EX"
        case ast.Assign([ast.Tuple() | ast.List()], value):
            yield "unpack", value, node, "UNPACK_SEQUENCE"
        case _:
            yield from _values_of(node)


def _values_of(node: ast.AST) -> Iterator[Operand]:
    match node:
        case ast.BinOp(left, _, right):
            yield "operand", left, node, "BINARY_OP"
            yield "operand", right, node, "BINARY_OP"
        case ast.Compare(left, [operator, *_], comparators) if isinstance(
            operator, ast.Lt | ast.LtE | ast.Gt | ast.GtE
        ):
            yield from (("operand", each, node, "COMPARE_OP") for each in (left, *comparators))
        case ast.AugAssign(value=value):
            yield "operand", value, node, "BINARY_OP"
        case ast.Compare(ops=[ast.In() | ast.NotIn(), *_], comparators=[value, *_]):
            yield "in", value, node, "CONTAINS_OP"
        case ast.Subscript(value, ctx=ast.Load()):
            yield "index", value, node, "BINARY_SUBSCR"
        case ast.Attribute(value, ctx=ast.Load()):
            yield "attribute", value, node, "LOAD_ATTR"


def _is_refused(resolver: Resolver, use: Use) -> bool:
    """Whether the type of the operand has none of the methods that are called on it."""
    info = use.info
    if info is None:
        return False
    never = kind_of(info) in _NO_OPERANDS
    if isinstance(use.owner, ast.Attribute):
        return never and not has(info, use.owner.attr)
    callee = resolver.value(use.owner.func) if isinstance(use.owner, ast.Call) else None
    demand = demand_of(use, callee)
    if demand is None or (never is False and use.role in ("operand", "index")):
        return False
    if info.kind is GeneratorType and info.code and demand.what in ("await", "coroutine"):
        return False  # the code of a generator may be that of a coroutine of the old kind
    certain = bool(demand.needs) and use.role not in ("operand", "index")
    return not (has(info, *demand.needs) if certain else met(demand, info))


_NO_OPERANDS = (Kind.COROUTINE, Kind.ASYNC_GENERATOR, Kind.STEP, Kind.TASK)
#: Functions of which it is known what they demand; `iter` and `reversed` take other things, too.
_CALLS = (ITERATING_CALLS.keys() - {"iter", "reversed"}) | {
    "next", "anext", "aiter", "len", "min", "max", "asyncio.gather", "asyncio.create_task",
    "asyncio.wait_for", "asyncio.shield", "asyncio.run",
}  # fmt: skip


class _Expecting(Resolver):
    """Resolves in a text that has not run, and only what is certain.

    `names` are the files that are changed: functions and classes made of them are outdated.
    """

    def __init__(
        self, units: Units, unit: Unit, names: tuple[str, ...], namespace: Mapping[str, Any]
    ) -> None:
        super().__init__(units, namespace)
        self.home = unit
        #: Those of the changed texts that share its global names; it is one of them.
        self.peers = [self]
        self._names = names
        #: What the calls gave that were refused, by `_variable`: the same calls give the like.
        self.alike: dict[tuple[str, str], ObjectInfo] = {}
        self._outdated = {
            node.name
            for name in names
            if (each := units.get(name)) is not None
            for node in (*each.nodes(ast.ClassDef), *each.functions())
        }
        self._bindings = cache(self._bindings_in)

    def info(self, node: ast.AST) -> ObjectInfo | None:
        """What is known for certain of the value of `node`."""
        if self.depth > _DEPTH:
            return None
        if self.alike and isinstance(node, ast.Call):
            known = self.alike.get(_variable(self.home, node.func))
            if known is not None:
                return known
        self.depth += 1
        try:
            found = super().info(node)
        finally:
            self.depth -= 1
        return None if found is None or found.kind.__name__ in self._outdated else found

    def calls_known(self, call: ast.AST) -> bool:
        """Whether what is called is the very function of builtins or asyncio of that name."""
        name = callee_name(call)
        function = self.value(call.func) if isinstance(call, ast.Call) else MISSING
        return function in (vars(builtins).get(name), vars(asyncio).get(name))

    def _name(self, node: ast.Name) -> ObjectInfo | None:
        for number, scope in enumerate(scopes(self.home, node)):
            if isinstance(scope, ast.ClassDef) and number:
                continue  # methods do not see the names of their class
            bound = self._bindings(scope).get(node.id)
            if bound is not None:
                return self.bound(node.id, bound[0]) if len(bound) == 1 else None
        found = [(each, one) for each in self.peers for one in each.bound_at_top(node.id)]
        if found:
            return found[0][0].bound(node.id, found[0][1]) if len(found) == 1 else None
        for namespace in self.namespaces:
            if node.id in namespace:
                return self._certain(describe(namespace[node.id], keep=True))
        return None

    def bound_at_top(self, name: str) -> list[ast.AST]:
        """The nodes that bind the global `name` in the text."""
        return self._bindings(None).get(name, [])

    def _bindings_in(self, scope: Scope | None) -> dict[str, list[ast.AST]]:
        """The nodes in a scope, or at the top, that bind each name."""
        found: dict[str, list[ast.AST]] = {}
        nodes = own_nodes(scope or self.home.tree or ast.Module([], []))
        arguments = getattr(scope, "args", None)
        for node in (*nodes, *(ast.walk(arguments) if arguments else ())):
            if isinstance(node, ast.Global | ast.Nonlocal):
                for name in node.names:
                    found.setdefault(name, []).extend([node, node])
            for name in bound_names(node):
                found.setdefault(name, []).append(node)
        for each in self.home.nodes(ast.Global) if scope is None else ():
            for name in each.names:  # a function binds it
                found.setdefault(name, []).extend([each, each])
        return found

    def bound(self, name: str, node: ast.AST) -> ObjectInfo | None:
        """What the name is that only `node` binds."""
        match node, self.home.parents.get(node):
            case ast.Name(), ast.Assign([target], value) if target is node:
                return self.info(value)
            case ast.Name(), ast.Tuple(targets) as whole:
                match self.home.parents.get(whole):
                    case ast.Assign([target], ast.Tuple(values)) if target is whole:
                        own = dict(zip(targets, values, strict=False))  # a star takes more
                        return self.info(own[node]) if len(targets) == len(values) else None
            case ast.FunctionDef() | ast.AsyncFunctionDef(), _ if not node.decorator_list:
                return ObjectInfo(FunctionType, value=node)
            case ast.Import() | ast.ImportFrom(), _:
                found = imported(self.home, name)
                return None if found is MISSING else self._certain(describe(found, keep=True))
        return None

    def _certain(self, info: ObjectInfo) -> ObjectInfo | None:
        """`facts`, if they still hold when the changed texts have run."""
        code = info.code or code_of(info.value)
        return None if code is not None and code.co_filename in self._names else info

    def _attribute(self, node: ast.Attribute) -> ObjectInfo | None:
        found = super()._attribute(node)
        stable = found is not None and issubclass(found.kind, _STABLE)
        return self._certain(found) if found is not None and stable else None

    def _of_builtin(self, callee: object, node: ast.Call | None) -> ObjectInfo | None:
        """What ``print`` gives, and ``aiter`` of what is its own iterator for certain."""
        if any(callee is each for each in (next, iter, sorted)):
            return None  # as an item
        found = super()._of_builtin(callee, node)
        own = callee is not aiter or (found is not None and found.kind is AsyncGeneratorType)
        return found if own else None

    def _taken(self, _: ast.Call) -> ObjectInfo | None:
        """Nothing, for the same reason."""

    def _subscript(self, node: ast.Subscript) -> ObjectInfo | None:
        """Nothing: an item may be another one then."""

    def _await_options(self, _: ast.Await) -> list[ObjectInfo]:
        """Nothing: which ``return`` it comes to nobody knows."""
        return []
