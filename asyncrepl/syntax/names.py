"""The canonical name of an expression, through imports and aliases; and groups of nodes.

Who asks whether a call is one of ``asyncio.gather`` must not go by the letters of the text:
there are ``import asyncio as aio``, ``from asyncio import gather as together``, ``together =
asyncio.gather``, ``together = partial(asyncio.gather)`` and ``loop = asyncio.get_event_loop()``.
So each tree is looked through once, and the names in it that mean something of a module are
given its canonical name, as an attribute of their node; a copy of the tree shares these nodes,
and so their names. What is an attribute of who knows what, as ``send = worker.send``, is
``.send``: its last part is known.

A name counts only if it means one thing in the whole text: one that is bound a second time, as
a parameter or by a loop, may be anything. Scopes are not distinguished. Names of the
user's own functions stay what they are: where they were made is what matters of those.

`COMPREHENSIONS`, `FUNCTIONS`, `LOOPS` and `SCOPES` are groups of nodes, for ``isinstance``.
"""

from __future__ import annotations

import ast
import builtins
import sys
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType, MethodWrapperType, ModuleType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import is_real_instance

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import TypeGuard

#: What is not run with the text around it, or is expected to fail.
_RUN_SEPARATELY = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.Try, ast.TryStar)
#: The attribute of a node of type ast.Name that holds its canonical name.
_CANONICAL = "canonical"
#: Of one that was given a method: the expression whose method it is.
_OWNER = "owner"
#: An alias of an alias of an alias is found, no more.
_MAX_ALIAS_DEPTH = 3
_PARTIAL = "functools.partial"


def bind_names(tree: ast.AST, namespace: Mapping[str, object] | None = None) -> None:
    """Give the names in `tree` that mean things of modules their canonical names.

    `namespace` is where names come from that the text itself does not bind. Nothing of the
    user's is run. Any thread may do so, before others look at the tree.
    """
    nodes = list(ast.walk(tree))
    meanings, owners = _meanings(nodes, namespace or {})
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            if node.id in meanings:
                found = meanings[node.id]
            else:
                found = _name_of_object((namespace or {}).get(node.id))
            if found:
                setattr(node, _CANONICAL, found)
            if node.id in owners:
                setattr(node, _OWNER, owners[node.id])


def canonical_name(node: ast.AST | None) -> str:
    """The canonical name of what `node` names: ``asyncio.gather``, ``list``.

    What a call gives is named after it: ``asyncio.get_event_loop().time``. Without a name,
    as ``f()[0].x``, it is "".
    """
    node = _without_partial(node)
    root = _root_name(node)
    return "" if root is None else str(getattr(root, _CANONICAL, root.id)) + _attribute_path(node)


def last_name(node: ast.AST | None) -> str:
    """The last part of the canonical name of what `node` names: ``gather``; "" without one.

    Unlike the whole of it, that of an attribute is known whatever it is an attribute of.
    """
    node = _without_partial(node)
    if isinstance(node, ast.Attribute):
        return node.attr
    if not isinstance(node, ast.Name):
        return ""
    known = getattr(node, _CANONICAL, None)
    return node.id if known is None else str(known).rpartition(".")[2]


def written_name(node: ast.AST | None) -> str:
    """The name, or that of the attribute, as it is written; "" for what is neither.

    Two that are written alike are one variable; what it was given is another question.
    """
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def callee_name(call: ast.AST | None) -> str:
    """The last part of the canonical name of what is called: ``list``, ``gather``."""
    return last_name(call.func) if isinstance(call, ast.Call) else ""


def method_owner(call: ast.Call) -> ast.expr | None:
    """The expression whose method is called: ``gen`` in ``gen.asend(1)``, None without one.

    Also where ``send = gen.asend`` stands in the same text, and ``send(1)`` is the call.
    """
    function = _without_partial(call.func)
    if isinstance(function, ast.Attribute):
        return function.value
    return getattr(function, _OWNER, None)


def bound_names(node: ast.AST) -> Iterator[str]:
    """The names that `node` itself binds, as far as they are written in it."""
    match node:
        case ast.Name(ctx=ast.Store() | ast.Del()):
            yield node.id
        case ast.arg():
            yield node.arg
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield node.name
        case ast.Import() | ast.ImportFrom():
            for alias in node.names:
                yield alias.asname or alias.name.partition(".")[0]
        case ast.ExceptHandler() | ast.MatchAs() | ast.MatchStar() if node.name:
            yield node.name
        case ast.MatchMapping() if node.rest:
            yield node.rest


def head_names(node: ast.AST | None) -> set[str]:
    """The names that `node` comes of, as a call, an attribute or an item; no arguments.

    That of ``pool[0].run(job)`` is `pool`. A display, or a comprehension, comes of what it holds.
    """
    match node:
        case ast.Name():
            return {node.id}
        case ast.Attribute() | ast.Subscript() | ast.Await() | ast.Starred():
            return head_names(node.value)
        case ast.Call():
            return head_names(node.func)
        case ast.List() | ast.Tuple() | ast.Set():
            return {name for each in node.elts for name in head_names(each)}
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
            parts = [node.elt, *(each.iter for each in node.generators)]
            return {name for each in parts for name in head_names(each)}
    return set()


def called_at_top(tree: ast.Module, *, and_below: bool = False) -> set[str]:
    """The names of what is called when `tree` is run, whatever else happens.

    With `and_below`, also of what its own plain functions call that are called there.
    """
    bind_names(tree)
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    called: set[str] = set()
    run: list[ast.stmt] = list(tree.body)
    while run:
        names = {canonical_name(call.func) for call in _calls_in(run.pop())}
        called |= names
        for name in names & functions.keys() if and_below else ():
            run += functions.pop(name).body
    return called


def _calls_in(node: ast.AST) -> Iterator[ast.Call]:
    """The calls that are made when `node` is run, whatever else happens."""
    if isinstance(node, ast.Call):
        yield node
    if not isinstance(node, _RUN_SEPARATELY):
        for child in ast.iter_child_nodes(node):
            yield from _calls_in(child)


def is_partial(node: ast.AST | None) -> TypeGuard[ast.Call]:
    """Whether `node` is a call of ``functools.partial`` with a function."""
    if not isinstance(node, ast.Call) or not node.args:
        return False
    return canonical_name(node.func) == _PARTIAL


def _without_partial(node: ast.AST | None) -> ast.AST | None:
    """The function in ``functools.partial(function)``: a call of that is a call of it.

    But not where positional arguments are given: those of the call are others then.
    """
    while isinstance(node, ast.Call) and len(node.args) == 1:
        if canonical_name(node.func) != _PARTIAL:
            break
        node = node.args[0]
    return node


def _meanings(
    nodes: list[ast.AST], namespace: Mapping[str, object]
) -> tuple[dict[str, str], dict[str, ast.expr]]:
    """The canonical names of what the names mean that a text binds; "" for what is not known.

    And of what is a method of something, the expression whose method it is.
    """
    found: dict[str, set[str]] = {}
    aliases: list[tuple[str, ast.expr]] = []
    targets: set[ast.AST] = set()
    for node in nodes:
        for name, meaning in _imported(node):
            found.setdefault(name, set()).add(meaning)
        for target, value in _aliases(node):
            targets.add(target)
            aliases.append((target.id, value))
    for node in nodes:
        if node not in targets and not isinstance(node, ast.Import | ast.ImportFrom):
            for name in bound_names(node):
                found.setdefault(name, set()).add("")
    _resolve_aliases(aliases, found, namespace)
    meanings = {name: next(iter(each)) if len(each) == 1 else "" for name, each in found.items()}
    functions = {name: _function_in(value, found, namespace) for name, value in aliases}
    owners = {
        name: function.value
        for name, function in functions.items()
        if isinstance(function, ast.Attribute) and _is_of_object(meanings[name])
    }
    return meanings, owners


def _is_of_object(meaning: str) -> bool:
    """Whether a canonical name is that of a method: of an object, or of what a call gives."""
    owner, dot, _ = meaning.rpartition(".")
    return bool(dot) and (not owner or owner.endswith("()"))


def _imported(node: ast.AST) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            first = alias.name.partition(".")[0]
            yield (alias.asname, alias.name) if alias.asname else (first, first)
    elif isinstance(node, ast.ImportFrom):
        # Of a relative import the package is not known: the last part is the name.
        module = "." * node.level + (node.module or "")
        for alias in node.names:
            if alias.name != "*":
                yield alias.asname or alias.name, f"{module}.{alias.name}".lstrip(".")


def _aliases(node: ast.AST) -> Iterator[tuple[ast.Name, ast.expr]]:
    """The names that `node` binds to the value of one expression, and that expression."""
    match node:
        case ast.Assign([ast.Name() as target], value):
            yield target, value
        case ast.AnnAssign(ast.Name() as target, _, ast.expr() as value):
            yield target, value
        case ast.NamedExpr(ast.Name() as target, value):
            yield target, value
        case ast.withitem(value, ast.Name() as target):
            yield target, value


def _resolve_aliases(
    aliases: list[tuple[str, ast.expr]],
    found: dict[str, set[str]],
    namespace: Mapping[str, object],
) -> None:
    """Add to `found` what the `aliases` mean, where they are names of things in it."""
    resolved: set[int] = set()
    for _ in range(_MAX_ALIAS_DEPTH):
        for number, (name, value) in enumerate(aliases):
            function = _function_in(value, found, namespace)
            root = _root_name(function)
            known = "" if root is None else _meaning(root.id, found, namespace)
            if known:
                found.setdefault(name, set()).add(known + _attribute_path(function))
                resolved.add(number)
    for number, (name, value) in enumerate(aliases):
        if number not in resolved:
            function = _function_in(value, found, namespace)
            last = f".{function.attr}" if isinstance(function, ast.Attribute) else ""
            found.setdefault(name, set()).add(last)


def _meaning(name: str, found: Mapping[str, set[str]], namespace: Mapping[str, object]) -> str:
    """The canonical name of what `name` means; "" where that is not known."""
    if name in found:
        return next(iter(found[name])) if len(found[name]) == 1 else ""
    if name in namespace:
        return _name_of_object(namespace[name])
    return name if hasattr(builtins, name) else ""


def _function_in(
    value: ast.expr, found: Mapping[str, set[str]], namespace: Mapping[str, object]
) -> ast.expr:
    """What `value` calls in the end: the function in ``partial(function)``."""
    while isinstance(value, ast.Call) and len(value.args) == 1:
        root = _root_name(value.func)
        name = "" if root is None else _meaning(root.id, found, namespace)
        if name + _attribute_path(value.func) != _PARTIAL:
            break
        value = value.args[0]
    return value


def _root_name(node: ast.AST | None) -> ast.Name | None:
    """The name with which a dotted name begins."""
    while isinstance(node, ast.Attribute | ast.Call):
        node = node.value if isinstance(node, ast.Attribute) else node.func
    return node if isinstance(node, ast.Name) else None


def _attribute_path(node: ast.AST | None) -> str:
    """What follows on that name: ``.sleep``, ``().time``."""
    if isinstance(node, ast.Attribute):
        return f"{_attribute_path(node.value)}.{node.attr}"
    return f"{_attribute_path(node.func)}()" if isinstance(node, ast.Call) else ""


_BOUND = (MethodType, MethodWrapperType, BuiltinFunctionType)


def _name_of_object(value: object) -> str:
    """The canonical name of a module, or of a function or class of one; else "".

    Of a method the last part alone is known, as ``.send``.
    """
    while type(value) is partial and not value.args:
        value = value.func
    kind = type(value)
    if kind is ModuleType:
        return str(vars(value).get("__name__", ""))
    if is_real_instance(value, _BOUND) and not is_real_instance(
        value.__self__, (ModuleType, type)
    ):
        return f".{value.__name__}"
    if not is_real_instance(value, (FunctionType, BuiltinFunctionType, type)):
        return ""
    module, name = value.__module__, value.__qualname__
    if type(module) is not str or module == "__main__" or not name.isidentifier():
        return ""
    return name if module == "builtins" else _public_name(module, name, value)


def _public_name(module: str, name: str, value: object) -> str:
    """`name` in the outermost package that has it: ``asyncio.gather``, not ``asyncio.tasks.…``.

    Or in the module that has it from its part in C: ``functools.reduce``.
    """
    parts = module.split(".")
    public = sys.modules.get(module.lstrip("_"))
    if module.startswith("_") and public is not None and vars(public).get(name) is value:
        return f"{public.__name__}.{name}"
    for count in range(1, len(parts)):
        package = sys.modules.get(".".join(parts[:count]))
        if type(package) is ModuleType and vars(package).get(name) is value:
            return f"{package.__name__}.{name}"
    return f"{module}.{name}"


COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
#: Named functions; a lambda is none, as it holds no statements.
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
LOOPS = (ast.For, ast.AsyncFor, ast.While)
#: What has local names of its own; comprehensions are not among them.
SCOPES = (*FUNCTIONS, ast.Lambda, ast.ClassDef)


#: What tells the time, as one asks for it who measures.
_CLOCK_FUNCTIONS = {
    "timeit.default_timer",
    *(
        f"time.{name}{unit}"
        for name in ("perf_counter", "monotonic", "time")
        for unit in ("", "_ns")
    ),
    *(f"asyncio.{name}_event_loop().time" for name in ("get", "new")),
    "asyncio.get_running_loop().time",
}


def asks_time(node: ast.AST) -> bool:
    """Whether `node` names, or calls, what tells the time."""
    return canonical_name(node) in _CLOCK_FUNCTIONS


def compares_times(nodes: list[ast.AST]) -> bool:
    """Whether `nodes` compare a time, or what is worked out of one, with something."""
    compared = [part for each in nodes if isinstance(each, ast.Compare) for part in ast.walk(each)]
    names = {part.id for part in compared if isinstance(part, ast.Name)}
    measured = [
        target.id
        for each in nodes
        if isinstance(each, ast.Assign) and any(map(asks_time, ast.walk(each.value)))
        for target in each.targets
        if isinstance(target, ast.Name)
    ]
    return any(map(asks_time, compared)) or not names.isdisjoint(measured)
