"""Where a value was made, and what else is done with it: followed through the user's texts.

``rows = feed.rows()`` and, later, ``for row in rows``: the mistake shows at the loop, and is put
right where the generator was made, or there, depending on what else becomes of it. A value is
followed through names, parameters, attributes, items of a display, and through functions that
return it. All that it may be is found; who needs certainty asks whether it is one.
"""

from __future__ import annotations

import ast
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

from asyncrepl.events import object_info
from asyncrepl.explain.bindings import imported, returned_values
from asyncrepl.explain.scopes import CannotFixError, is_generator, own_nodes, scopes
from asyncrepl.explain.source_units import given_by_position
from asyncrepl.instrument.probe_placement import AWAITABLE_CALLS
from asyncrepl.syntax.names import FUNCTIONS, callee_name, last_name, method_owner

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from asyncrepl.events.object_info import ObjectInfo
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.scopes import Scope
    from asyncrepl.explain.source_units import Function, Unit, Units

#: Who calls a function that is given, and awaits nothing; and the keywords that take one.
_CALLING = frozenset(
    {
        "to_thread", "run_in_executor", "submit", "Thread", "Timer", "Process", "map", "filter",
        "reduce", "call_soon", "call_soon_threadsafe", "call_later", "call_at",
        "add_done_callback", "signal", "add_signal_handler", "register",
    }
)  # fmt: skip

_CALLED_KEYWORDS = frozenset({"key", "target"})
#: So many steps are followed.
_DEPTH = 8
#: What `_bound_at_top` has found in each text.
_TOPS: WeakKeyDictionary[Unit, dict[str, list[ast.AST]]] = WeakKeyDictionary()


class Origin(NamedTuple):
    """An expression that makes a value, and the text it stands in."""

    unit: Unit
    node: ast.expr


def origins(units: Units, unit: Unit, node: ast.expr) -> list[Origin]:
    """The expressions that may have made the value of `node`; itself, if it makes one."""
    return list(dict.fromkeys(_Tracing(units).followed(unit, node, _DEPTH)))


def bindings(unit: Unit, name: ast.Name) -> tuple[Scope | None, list[ast.AST]]:
    """The scope that binds `name`, None for the module, and the nodes in it that do."""
    for number, scope in enumerate(scopes(unit, name)):
        if isinstance(scope, ast.ClassDef) and number:
            continue
        nodes = [*own_nodes(scope), *_parameters(scope)]
        if any(isinstance(n, ast.Global) and name.id in n.names for n in nodes):
            break
        found = [each for each in nodes if _bound(each) == name.id]
        if found:
            return scope, found
    return None, _bound_at_top(unit).get(name.id, [])


def _bound_at_top(unit: Unit) -> dict[str, list[ast.AST]]:
    """The nodes at the top that bind each name; looked for once, as a large file has many."""
    if unit not in _TOPS:
        found: dict[str, list[ast.AST]] = {}
        for node in own_nodes(unit.tree) if unit.tree else ():
            found.setdefault(_bound(node), []).append(node)
        _TOPS[unit] = found
    return _TOPS[unit]


def loads(unit: Unit, name: ast.Name) -> list[ast.Name]:
    """All uses of the variable that `name` names, in the order of the text."""
    scope, _ = bindings(unit, name)
    names = [node for node in ast.walk(scope or unit.tree or name) if isinstance(node, ast.Name)]
    found = [node for node in names if node.id == name.id and isinstance(node.ctx, ast.Load)]
    found = [node for node in found if bindings(unit, node)[0] is scope]
    return sorted(found, key=lambda node: (node.lineno, node.col_offset))


def assigned_loads(unit: Unit, node: ast.AST) -> list[ast.Name]:
    """The uses of the variable that is given `node` by an assignment; none, if it is not."""
    assigned = unit.parents.get(node)
    target = assigned.targets[0] if isinstance(assigned, ast.Assign) else None
    return loads(unit, target) if isinstance(target, ast.Name) else []


def bound_by(unit: Unit, node: ast.AST | None) -> ast.AST | None:
    """What alone binds the variable that `node` names, its assignment or loop; else None."""
    nodes = bindings(unit, node)[1] if isinstance(node, ast.Name) else []
    return unit.parents.get(nodes[0]) if len(nodes) == 1 else None


def _parameters(scope: Scope) -> list[ast.arg]:
    arguments = getattr(scope, "args", None)
    nodes = ast.walk(arguments) if arguments is not None else ()
    return [each for each in nodes if isinstance(each, ast.arg)]


def _bound(node: ast.AST) -> str:
    """The variable, parameter, function or class that `node` binds; empty if it binds none."""
    if isinstance(node, ast.Name):
        return node.id if isinstance(node.ctx, ast.Store) else ""
    if isinstance(node, ast.arg):
        return node.arg
    return node.name if isinstance(node, (*FUNCTIONS, ast.ClassDef)) else ""


class _Tracing:
    def __init__(self, units: Units) -> None:
        self.units = units
        self._all = list(units.all())
        self._known: dict[ast.expr, list[Origin]] = {}

    def followed(
        self, unit: Unit, node: ast.expr, depth: int, seen: dict[ast.expr, int] | None = None
    ) -> Iterator[Origin]:
        """The origins of `node`, followed for `depth` steps; not of what was `seen` with as many.

        Where a name is a common one, the ways to the same expressions are millions.
        """
        seen = {} if seen is None else seen
        if depth <= seen.get(node, 0):
            return
        seen[node] = depth
        if node not in self._known:
            self._known[node] = []  # it may come of itself
            self._known[node] = list(self._step(unit, node))
        if not self._known[node]:
            yield Origin(unit, node)
        for next_unit, expression in self._known[node]:
            yield from self.followed(next_unit, expression, depth - 1, seen)

    def _step(self, unit: Unit, node: ast.expr) -> Iterator[Origin]:
        match node:
            case ast.Name():
                yield from self._of_name(unit, node)
            case ast.NamedExpr(_, value):
                yield Origin(unit, value)
            case ast.IfExp(_, body, orelse):
                yield Origin(unit, body)
                yield Origin(unit, orelse)
            case ast.BoolOp(_, values):
                yield from (Origin(unit, value) for value in values)
            case ast.Attribute(_, attr):
                yield from self._of_attribute(attr)
            case ast.Subscript(value, key):
                yield from self._of_item(unit, value, key)
            case ast.Call():
                yield from self._of_call(node, ast.FunctionDef)
            case ast.Await(ast.Call() as call):
                yield from self._of_call(call, ast.AsyncFunctionDef)

    def _of_name(self, unit: Unit, name: ast.Name) -> Iterator[Origin]:
        scope, nodes = bindings(unit, name)
        if not nodes and not unit.module:
            unit, nodes = self._bound_before(unit, name)
        for node in nodes:
            parent = unit.parents.get(node)
            if isinstance(node, ast.arg) and isinstance(scope, FUNCTIONS):
                yield from self._arguments(unit, scope, node.arg)
            elif isinstance(parent, ast.Assign | ast.AnnAssign | ast.NamedExpr):
                if parent.value is not None:
                    yield Origin(unit, parent.value)
            elif isinstance(parent, ast.For | ast.AsyncFor | ast.comprehension):
                yield from self._items(unit, parent.iter)

    def _bound_before(self, unit: Unit, name: ast.Name) -> tuple[Unit, list[ast.AST]]:
        """The newest of the other inputs that binds the global `name`, and the nodes that do."""
        for other in self._all:
            nodes = [] if other.module else _bound_at_top(other).get(name.id, [])
            if nodes and other is not unit:
                return other, nodes
        return unit, []

    def _items(self, unit: Unit, node: ast.expr) -> Iterator[Origin]:
        """What the items of `node` are made by."""
        for origin in self.followed(unit, node, 3):
            match origin.node:
                case ast.List(elements) | ast.Tuple(elements) | ast.Set(elements):
                    yield from (Origin(origin.unit, each) for each in elements)
                case ast.ListComp(elt=element) | ast.GeneratorExp(elt=element):
                    yield Origin(origin.unit, element)
                case ast.Call():
                    for home, function in self.definitions(origin.node):
                        for each in own_nodes(function):
                            if isinstance(each, ast.Yield) and each.value is not None:
                                yield Origin(home, each.value)

    def _of_attribute(self, name: str) -> Iterator[Origin]:
        for unit in self._all:
            found: Iterator[ast.Assign | ast.AnnAssign] = unit.nodes(ast.Assign, ast.AnnAssign)
            for node in found:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    member = isinstance(unit.parents.get(node), ast.ClassDef)
                    stored = isinstance(target, ast.Attribute) and target.attr == name
                    declared = member and isinstance(target, ast.Name) and target.id == name
                    if (stored or declared) and node.value is not None:
                        yield Origin(unit, node.value)
                    elif declared:
                        yield from self._fields(unit.parents[node], name)

    def _fields(self, owner: ast.AST, name: str) -> Iterator[Origin]:
        """What a field of a data class is given where its class is called."""
        names = [
            each.target.id
            for each in getattr(owner, "body", [])
            if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
        ]
        for unit, call in self.units.calls(getattr(owner, "name", "")):
            if (found := argument(call, name, names.index(name))) is not None:
                yield Origin(unit, found)

    def _of_item(self, unit: Unit, value: ast.expr, key: ast.expr) -> Iterator[Origin]:
        for origin in self.followed(unit, value, 4):
            match origin.node:
                case ast.Dict(keys, values):
                    for each, item in zip(keys, values, strict=True):
                        if each is None or ast.dump(each) == ast.dump(key):
                            yield Origin(origin.unit, item)
                case ast.List(elements) | ast.Tuple(elements):
                    yield from (Origin(origin.unit, each) for each in elements)

    def _of_call(self, call: ast.Call, kind: type[ast.AST]) -> Iterator[Origin]:
        """What a function of the user's returns."""
        for unit, function in self.definitions(call):
            plain = not function.decorator_list and not is_generator(function)
            if isinstance(function, kind) and plain:
                yield from (Origin(unit, each) for each in returned_values(function))

    def definitions(self, call: ast.Call) -> Iterator[tuple[Unit, Function]]:
        """The functions of the user's that the called name may be one of."""
        name, method = callee_name(call), isinstance(call.func, ast.Attribute)
        for unit in self._all:
            for function in unit.functions():
                inside = isinstance(unit.parents.get(function), ast.ClassDef)
                if function.name == name and (inside or not method):
                    yield unit, function

    def _arguments(self, home: Unit, function: Function, name: str) -> Iterator[Origin]:
        """What a parameter of `function` is given, where it is called."""
        owner, called = home.parents.get(function), function.name
        if isinstance(owner, ast.ClassDef) and called == "__init__":
            called = owner.name
        names = given_by_position(home, function)
        position = names.index(name) if name in names else -1
        for unit, call in self.units.calls(called):
            if (found := argument(call, name, position)) is not None:
                yield Origin(unit, found)
        for unit, call in passed_on(self._all, called):
            if (found := _argument_passed_on(call, called, position)) is not None:
                yield Origin(unit, found)


def passed_on(units: Iterable[Unit], name: str) -> Iterator[tuple[Unit, ast.Call]]:
    """The calls that are given the function `name`, to call it and await nothing.

    Threads, callbacks of the loop, builtins, and functions that are given a ``key``.
    """
    for unit in units:
        for call in unit.nodes(ast.Call):
            given = call.args if callee_name(call) in _CALLING else []
            keywords = (each.value for each in call.keywords if each.arg in _CALLED_KEYWORDS)
            if any(last_name(each) == name for each in (*given, *keywords)):
                yield unit, call


def _argument_passed_on(call: ast.Call, function: str, position: int) -> ast.expr | None:
    """What ``to_thread(function, a, b)`` or ``Thread(target=function, args=(a, b))`` passes on."""
    named = [last_name(each) == function for each in call.args]
    given = call.args[named.index(True) + 1 :] if True in named else []
    for keyword in call.keywords:
        if keyword.arg == "args" and isinstance(keyword.value, ast.Tuple | ast.List):
            given = keyword.value.elts
    starred = any(isinstance(each, ast.Starred) for each in given)
    return given[position] if 0 <= position < len(given) and not starred else None


def argument(call: ast.Call, name: str, position: int) -> ast.expr | None:
    """What `call` gives the parameter `name`, which is that of the number `position`."""
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    if 0 <= position < len(call.args) and not any(
        isinstance(each, ast.Starred) for each in call.args
    ):
        return call.args[position]
    return None


STEPS = ("anext", "__anext__", "asend", "athrow", "aclose")


def is_step(info: ObjectInfo | None) -> bool:
    """Whether it is the awaitable of a single step."""
    return info is not None and object_info.is_step(info.kind)


def called(evidence: Evidence, unit: Unit, node: ast.expr) -> tuple[Unit, ast.Call] | None:
    """The call that made the operand `node` of `unit`: itself, or the one assigned to its name."""
    if isinstance(node, ast.Name):
        assigned = assignment(evidence, node.id)
        if assigned is None:
            return None
        unit, node = assigned[0], assigned[1].value
    return (unit, node) if isinstance(node, ast.Call) else None


def stepped_source(call: ast.Call) -> ast.expr | None:
    """The generator a step is asked of: in ``anext(g)`` and in ``g.asend(1)``."""
    if callee_name(call) not in STEPS:
        return None
    owner = method_owner(call)
    if owner is not None:
        return owner
    return call.args[0] if call.args else None


def assignment(evidence: Evidence, name: str) -> tuple[Unit, ast.Assign] | None:
    """The last assignment of the plain `name`, in any unit."""
    for unit in (evidence.unit, *evidence.units.all()):
        for node in unit.nodes(ast.Assign):
            if any(isinstance(each, ast.Name) and each.id == name for each in node.targets):
                return unit, node
    return None


def given(evidence: Evidence, name: str) -> tuple[Unit, ast.expr] | None:
    """What a variable or an attribute `name` is given, in any unit: the last of all.

    Of ``a, b = x, y`` each has its own.
    """
    for unit in (evidence.unit, *evidence.units.all()):
        kinds = ast.Assign, ast.AnnAssign, ast.NamedExpr
        found: Iterator[ast.Assign | ast.AnnAssign | ast.NamedExpr] = unit.nodes(*kinds)
        for node in found:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                for one, value in _pairs(target, node.value):
                    if last_name(one) == name and not isinstance(value, ast.Name | ast.Constant):
                        return unit, value
    return None


def _pairs(target: ast.expr, value: ast.expr | None) -> Iterator[tuple[ast.expr, ast.expr]]:
    """The targets in an assignment with what each is given."""
    if value is None:
        return
    if isinstance(target, ast.Tuple | ast.List):
        if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts):
            for one, part in zip(target.elts, value.elts, strict=True):
                yield from _pairs(one, part)
        return
    yield target, value


#: Who waits for what it is given, or keeps it.
_HOLDERS = AWAITABLE_CALLS | {
    "append", "add", "isinstance", "type", "iscoroutine", "aiter", "anext",
}  # fmt: skip


def calls_of(unit: Unit, function: Function, home: Unit) -> Iterator[ast.expr]:
    """The calls of `function` (defined in `home`) in `unit`, as far as its name tells.

    Of a property, where it is read. Raises CannotFixError, where others have its name.
    """
    method = isinstance(home.parents.get(function), ast.ClassDef)
    if any(last_name(each) == "property" for each in function.decorator_list):
        found = [each for each in unit.nodes(ast.Attribute) if each.attr == function.name]
        classes = list(home.nodes(ast.ClassDef))
        alike = [
            f for each in classes for f in each.body if getattr(f, "name", "") == function.name
        ]
        if len(alike) > 1 or not all(isinstance(each.ctx, ast.Load) for each in found):
            raise CannotFixError
        yield from found
        return
    for call in list(unit.nodes(ast.Call)):
        owner = getattr(call.func, "value", None)
        if callee_name(call) != function.name or method != (owner is not None):
            continue
        if not (isinstance(owner, ast.Name) and type(imported(unit, owner.id)) is ModuleType):
            yield call  # and not ``asyncio.run()``, where the method is a `run`


def is_handed_on(unit: Unit, call: ast.expr) -> bool:
    """Whether the coroutine of `call` is awaited already, or given to somebody who does."""
    parent = unit.parents.get(call)
    # Also among others: in ``jobs = [work(n) for n in range(3)]``, and then ``gather(*jobs)``.
    if isinstance(parent, ast.ListComp | ast.GeneratorExp | ast.List | ast.Tuple):
        uses = assigned_loads(unit, parent)
        stars = [unit.parents.get(each) for each in uses] or [unit.parents.get(parent)]
        takers = [unit.parents.get(each) for each in stars if isinstance(each, ast.Starred)]
        return bool(takers) and all(callee_name(each) in AWAITABLE_CALLS for each in takers)
    return isinstance(parent, ast.Await) or callee_name(parent) in _HOLDERS


def reached_functions(
    evidence: Evidence, unit: Unit, function: Function
) -> list[tuple[Unit, Function]]:
    """`function`, and the user's own that it calls, by their names, and those they call."""
    named = {f.name: (home, f) for home in evidence.units.all() for f in home.functions()}
    found, names = [(unit, function)], [function.name]
    for _, each in found:
        for node in own_nodes(each):
            name = callee_name(node) if isinstance(node, ast.Call) else ""
            if name in named and name not in names:
                names.append(name)
                found.append(named[name])
    return found


def wrapped_functions(units: Units, unit: Unit, wrapper: Function) -> list[tuple[Unit, Function]]:
    """The coroutine functions that `wrapper`, what a decorator makes of them, is called for.

    None if the decorator stands above others as well.
    """
    around = {getattr(each, "name", "") for each in scopes(unit, wrapper)}
    outer = next(scopes(unit, wrapper), None)
    returned = [last_name(each) for each in returned_values(outer)] if outer is not None else []
    if wrapper.name not in (*returned, "__call__"):
        return []
    found = [
        (home, each)
        for home in units.all()
        for each in home.functions()
        if any((last_name(one) or callee_name(one)) in around for one in each.decorator_list)
    ]
    plain = any(not isinstance(each, ast.AsyncFunctionDef) for _, each in found)
    yields = any(is_generator(each) for _, each in found)
    return [] if plain or yields else found
