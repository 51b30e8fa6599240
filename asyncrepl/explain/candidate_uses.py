"""The operands at the place of an error that may have been refused, and what each may be.

What a function is given counts with what it was made of: the elements of a display, the arguments
of a ``map`` that has run only now.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from asyncrepl.events.object_info import MISSING, ObjectInfo, lookup
from asyncrepl.explain.operand_uses import Use
from asyncrepl.explain.value_origins import bindings, origins
from asyncrepl.instrument.probe_placement import ITERTOOLS_CALLS
from asyncrepl.syntax.names import callee_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.explain.evidence import Evidence


def candidate_uses(evidence: Evidence) -> Iterator[Use]:
    """The operands that may have been refused, in their order."""
    seen: set[ast.AST] = set()
    for use in evidence.uses:
        seen.add(use.node)
        yield use
    for call in _calls(evidence):
        for argument in [*call.args, *(keyword.value for keyword in call.keywords)]:
            node = argument.value if isinstance(argument, ast.Starred) else argument
            if node not in seen:
                role = "star" if isinstance(argument, ast.Starred) else "argument"
                yield Use(role, node, argument if role == "star" else call, None)
        if isinstance(call.func, ast.Attribute) and call.func.attr == "sort":
            yield Use("argument", call.func.value, call, None)  # whose items are compared


def _calls(evidence: Evidence) -> Iterator[ast.Call]:
    """The calls at the place, the innermost first: also one that is awaited or entered there."""
    for node in reversed(evidence.nodes):
        inner: list[ast.AST] = [node]
        if isinstance(node, ast.Await):
            inner = [node.value]
            if type(evidence.error) is RuntimeError:  # of what was made a task of before
                made = origins(evidence.units, evidence.unit, node.value)
                inner += [each.node for each in made if each.unit is evidence.unit]
        elif isinstance(node, ast.With | ast.AsyncWith):
            inner = [item.context_expr for item in node.items]
        elif isinstance(node, ast.For | ast.AsyncFor):
            inner = [node.iter]
        elif isinstance(node, ast.Subscript):
            inner = [node.value]
        elif isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            inner = [clause.iter for clause in node.generators]
        elif isinstance(node, ast.Expr | ast.Return | ast.Assign):
            inner = [node.value] if node.value is not None else []
        yield from (each for each in inner if isinstance(each, ast.Call))
        yield from (each for call in inner for each in _inner_calls(call))
        if not evidence.direct and isinstance(node, ast.expr):
            parent = evidence.unit.parents.get(node)
            if isinstance(parent, ast.withitem) and isinstance(node, ast.Call):
                yield node


#: What walks its arguments when it is walked itself.
_LAZY = ITERTOOLS_CALLS | {
    "map", "filter", "zip", "enumerate", "from_iterable", "merge", "permutations", "combinations",
    "product", "compress", "groupby", "filterfalse", "combinations_with_replacement", "ChainMap",
}  # fmt: skip


def _inner_calls(node: ast.AST) -> Iterator[ast.Call]:
    """Calls that have run before, and whose arguments are only used now."""
    if not isinstance(node, ast.Call):
        return
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    if isinstance(owner, ast.Call) and callee_name(node) == "result":
        yield owner
    if isinstance(node.func, ast.Call):
        yield node.func
    for argument in node.args:
        value = argument.value if isinstance(argument, ast.Starred) else argument
        if isinstance(value, ast.Call) and callee_name(value) in _LAZY:
            yield value
            yield from _inner_calls(value)


def called_object(evidence: Evidence, use: Use) -> object:
    """What is called with the operand of `use`; None if it is none, or nobody knows."""
    call = use.owner
    if not isinstance(call, ast.Call):
        return None
    value = evidence.resolver.value(call.func)
    return None if value is MISSING else value


def parts(use: Use) -> Iterator[Use]:
    """The operand; of an argument that is a display, also what stands in it."""
    yield use
    if use.role == "argument":
        for inner in _elements(use.node):
            yield Use("argument", inner, use.owner, None)


def held_parts(evidence: Evidence, use: Use) -> Iterator[Use]:
    """What stands in the display that the argument was made of."""
    if use.role not in ("argument", "star"):
        return
    call = evidence.unit.parents.get(use.owner) if use.role == "star" else use.owner
    held = evidence.resolver.info(use.node)
    for unit, made in origins(evidence.units, evidence.unit, use.node):
        if unit is evidence.unit and isinstance(call, ast.Call):
            item = held.item if held is not None and isinstance(made, ast.ListComp) else None
            for inner in _elements(made):
                yield Use("argument", inner, call, item)


def _elements(node: ast.expr) -> Iterator[ast.expr]:
    elements: list[Any] = []
    match node:
        case ast.List(elements) | ast.Tuple(elements) | ast.Set(elements):
            pass
        case ast.Dict(_, elements):
            pass
        case ast.ListComp(elt=element) | ast.GeneratorExp(elt=element) | ast.SetComp(elt=element):
            elements = [element]
        case ast.DictComp(value=element):
            elements = [element]
    for each in elements:
        yield each
        yield from _elements(each)


def options_of(evidence: Evidence, use: Use) -> list[ObjectInfo]:
    """What the operand may be: as it was seen, else as it is inferred."""
    if use.info is not None and use.certain:
        return [use.info]
    found = evidence.resolver.options(use.node) or _of_items(evidence, use.node)
    return found if found or use.info is None or use.role != "argument" else [use.info]


def _of_items(evidence: Evidence, node: ast.expr) -> list[ObjectInfo]:
    """What ``x.method()`` gives, where a comprehension takes each `x` out of a list."""
    resolver, method = evidence.resolver, getattr(node, "func", None)
    item = method.value if isinstance(method, ast.Attribute) else None
    bound = bindings(evidence.unit, item)[1] if isinstance(item, ast.Name) else []
    clauses = [evidence.unit.parents.get(each) for each in bound]
    held = [resolver.value(each.iter) for each in clauses if isinstance(each, ast.comprehension)]
    kinds = {type(each) for all_ in held if isinstance(all_, list | tuple) for each in all_}
    made = [resolver.results(lookup(each, callee_name(node))) for each in kinds]
    return [each for results in made for each in results] if all(made) else []
