"""Which names a correction may make, and which it may use: none that means something else there.

A correction that writes ``stream = …`` where the user has a ``stream``, or ``list(…)`` where
``list`` is one of the user's variables, is another program. A name that it makes is therefore
fresh (`fresh`), and one that it takes for granted, of a builtin or a module, has to be seen from
where it is written (`captured`).
"""

from __future__ import annotations

import ast
import builtins
import sys
from keyword import iskeyword
from types import FunctionType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import is_real_instance
from asyncrepl.explain.bindings import needed_names, takes_nothing, takes_only_its_object
from asyncrepl.explain.scopes import own_nodes, scope, scopes
from asyncrepl.explain.tokens import Words
from asyncrepl.syntax.names import FUNCTIONS, bound_names, callee_name, last_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from asyncrepl.explain.source_units import Unit

#: The nodes of ``class Box[T]`` and ``type Pair = …``: from Python 3.12 on.
_TYPE_PARAMETERS = ("TypeVar", "ParamSpec", "TypeVarTuple")


def fresh(unit: Unit, name: str) -> str:
    """`name`, or a longer one, that nothing in `unit` is called.

    For a name that is only seen in a function or a comprehension: one that is bound at the top
    is also to be none of the session's, see `Fixing.fresh`.
    """
    taken = names_in(unit)
    while name in taken:
        name += "_"
    return name


def item_name(unit: Unit, items: ast.expr, *used: ast.AST) -> str:
    """What a comprehension calls an item of `items`: a row of ``rows``; ``x`` if that is no word.

    It hides no name that is `used` in the comprehension itself.
    """
    taken = {each.id for one in used for each in ast.walk(one) if isinstance(each, ast.Name)}
    many = last_name(items) or (callee_name(items) if isinstance(items, ast.Call) else "")
    one = many[:-1] if many.endswith("s") and not many.endswith("ss") else ""
    word = len(one) > 2 and one.isidentifier() and not iskeyword(one) and one not in taken
    return one if word and one not in vars(builtins) else fresh(unit, "x")


def names_in(unit: Unit) -> set[str]:
    """The names that mean something in `unit`, bound or only used; of attributes none."""
    if unit.tree is None:
        return {word.text for word in Words.of(unit.text).words if word.is_name}
    found: set[str] = set()
    for node in ast.walk(unit.tree):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Global | ast.Nonlocal):
            found.update(node.names)
        elif type(node).__name__ in _TYPE_PARAMETERS:
            found.add(str(getattr(node, "name", "")))
        else:
            found.update(bound_names(node))
    return found


def arguments_at_hand(unit: Unit, node: ast.expr, function: object) -> str | None:
    """The arguments of a call of `function` at `node`, in brackets, as far as they are there.

    None, the variables that are called as its parameters are, or all that the function around it
    is given: ``(*args, **keywords)``.
    """
    if takes_nothing(function) or takes_only_its_object(function):
        return "()"
    given = getattr(scope(unit, node), "args", None)
    stars = [
        (sign, getattr(given, name, None)) for sign, name in (("*", "vararg"), ("**", "kwarg"))
    ]
    found = [sign + each.arg for sign, each in stars if each is not None]
    needed = needed_names(function) or []
    if isinstance(node, ast.Attribute) and needed[:1] == [("self", False)]:
        needed = needed[1:]
    if not found and _names_before(unit, node).issuperset(name for name, _ in needed):
        found = [f"{name}={name}" if named else name for name, named in needed]
    return f"({', '.join(found)})" if found else None


def _names_before(unit: Unit, node: ast.expr) -> set[str]:
    """The variables that have a value where `node` stands, in its own function."""
    around = scope(unit, node)
    found: set[str] = set()
    if isinstance(around, (*FUNCTIONS, ast.Lambda)):
        found = {each.arg for each in ast.walk(around.args) if isinstance(each, ast.arg)}
    clauses = [one for each in unit.ancestors(node) for one in getattr(each, "generators", [])]
    nodes = own_nodes(around or unit.tree or node)
    before = [each for each in nodes if getattr(each, "lineno", node.lineno) < node.lineno]
    for each in (*before, *(part for one in clauses for part in ast.walk(one.target))):
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
            found.add(each.id)
    return found


def attributes_in(unit: Unit) -> set[str]:
    """The names that attributes and methods have in `unit`."""
    if unit.tree is None:
        return names_in(unit)
    found = {node.attr for node in unit.nodes(ast.Attribute)}
    for owner in unit.nodes(ast.ClassDef):
        found.update(name for node in ast.walk(owner) for name in bound_names(node))
    return found


def imported_as(unit: Unit, module: str) -> set[str]:
    """The names that `module` has in the whole of `unit`: "asyncio", "aio"."""
    return {
        alias.asname or module
        for node in unit.nodes(ast.Import)
        if next(scopes(unit, node), None) is None
        for alias in node.names
        if alias.name == module or (alias.asname is None and alias.name.startswith(f"{module}."))
    }


def captures(before: Unit, after: Unit, namespace: Mapping[str, object]) -> bool:
    """Whether the correction `after` uses a name of Python's where that is one of the user's.

    A name of Python's is a builtin, or a module or a part of one that the correction imports.
    `namespace` is where names come from that `before` itself does not bind.
    """
    if before.tree is None or after.tree is None:
        return False
    used, known = _uses(after), _uses(before)
    return any(
        _is_given(name, after)
        and (name in namespace or name in names_in(before))
        and _of_user(after, name, namespace) > _of_user(before, name, namespace)
        for name, count in used.items()
        if count > known.get(name, 0)
    )


def _uses(unit: Unit) -> dict[str, int]:
    count: dict[str, int] = {}
    for node in unit.nodes(ast.Name):
        if isinstance(node.ctx, ast.Load):
            count[node.id] = count.get(node.id, 0) + 1
    return count


def _is_given(name: str, unit: Unit) -> bool:
    """Whether `name` is meant as one of Python's; a prompt has asyncio without an import."""
    return name == "asyncio" or hasattr(builtins, name) or any(
        _imports(node, name) for node in unit.nodes(ast.Import, ast.ImportFrom)
    )  # fmt: skip


def _of_user(unit: Unit, name: str, namespace: Mapping[str, object]) -> int:
    """How often `name` is used in `unit` for something that the user has made."""
    homes = set(_homes(unit, name))
    if not unit.module and name in namespace and not is_pythons(name, namespace[name]):
        homes.add(None)
    return sum(
        not homes.isdisjoint([*_seen_from(unit, node), None])
        for node in unit.nodes(ast.Name)
        if node.id == name and isinstance(node.ctx, ast.Load) and homes
    )


def _seen_from(unit: Unit, node: ast.AST) -> Iterator[ast.AST]:
    """The scopes whose variables `node` sees: of classes only the one that it stands in itself."""
    for number, each in enumerate(scopes(unit, node)):
        if not number or not isinstance(each, ast.ClassDef):
            yield each


def unbound(unit: Unit, name: str) -> int:
    """How often `name` is used in `unit` where nothing binds it, nor imports it."""
    uses = [n for n in unit.nodes(ast.Name) if n.id == name and isinstance(n.ctx, ast.Load)]
    homes = set(_homes(unit, name, imports=True)) if uses else set()
    return sum(homes.isdisjoint([*_seen_from(unit, node), None]) for node in uses)


def _homes(unit: Unit, name: str, *, imports: bool = False) -> Iterator[ast.AST | None]:
    """The scopes in which `unit` binds `name` itself, None for its top; or `imports` it."""
    for node in unit.nodes(ast.AST):
        if name not in bound_names(node) or (_imports(node, name) and not imports):
            continue
        if isinstance(node, ast.arg):
            yield unit.enclosing(node, ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
        else:
            yield next(scopes(unit, node), None)


def _imports(node: ast.AST, name: str) -> bool:
    """Whether `node` imports what `name` stands for in a correction."""
    if isinstance(node, ast.Import):
        return any(
            each.asname is None and each.name.partition(".")[0] == name for each in node.names
        )
    return isinstance(node, ast.ImportFrom) and any(
        each.name == name and each.asname is None for each in node.names
    )


def is_pythons(name: str, value: object) -> bool:
    """Whether `value` is what a correction means with `name`: of the library, or a module."""
    if is_real_instance(value, (type, FunctionType)):
        home = str(value.__module__)
        pythons = home in sys.modules and home.partition(".")[0] in sys.stdlib_module_names
        return pythons and value is vars(sys.modules[home]).get(name)
    return value is not None and value is vars(builtins).get(name, sys.modules.get(name))
