"""What stands in an operand: the elements of a display, and what the collection was made of."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from asyncrepl.explain.operand_uses import Use, formatted
from asyncrepl.explain.static_values import Resolver
from asyncrepl.explain.value_origins import origins
from asyncrepl.instrument.probe_placement import ITERTOOLS_CALLS
from asyncrepl.syntax.names import callee_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.events.object_info import ObjectInfo
    from asyncrepl.explain.evidence import Evidence

#: Functions that ask nothing of the items of an argument.
MOVERS = ITERTOOLS_CALLS - {"accumulate", "starmap", "chain"} | {
    "list", "tuple", "set", "frozenset", "deque", "zip", "enumerate", "reversed", "iter", "print",
    "sample", "choice", "choices", "shuffle", "extend", "append", "insert", "repr", "hash", "len",
}  # fmt: skip


def parts(use: Use) -> Iterator[Use]:
    """The operand; of an argument that is a display, also what stands in it.

    What only moves its items on refuses none of them.
    """
    yield use
    inner: list[ast.expr] = []
    if use.role == "argument" and callee_name(use.owner) not in MOVERS:
        inner = [*_elements(use.node)]
    elif use.role == "except" and isinstance(use.node, ast.Tuple):
        inner = use.node.elts
    elif use.role == "operand":
        compared = isinstance(use.owner, ast.Compare) and isinstance(
            use.node, ast.Tuple | ast.List
        )
        inner = [*_elements(use.node)] if compared else formatted(use.owner)
    for each in inner:
        yield Use(use.role, each, use.owner, None)


def held_parts(evidence: Evidence, use: Use) -> Iterator[Use]:
    """What stands in the display that the argument of `use` was made of.

    Of one made in another text, "items" of the argument: there is no place for them here.
    """
    moved = use.role == "argument" and callee_name(use.owner) in MOVERS
    if use.role not in ("argument", "star") or moved:
        return
    call = evidence.unit.parents.get(use.owner) if use.role == "star" else use.owner
    filled = not callee_name(call).startswith("heap")  # which puts into it what it was given
    held = _collection(evidence, use.node)
    made_of = origins(evidence.units, evidence.unit, use.node)
    elsewhere = all(
        unit is not evidence.unit
        or (made is use.node and not [*_elements(made)])
        or (filled and _empty(made))
        for unit, made in made_of
    )
    if held is not None and held.item is not None and elsewhere and isinstance(call, ast.Call):
        yield Use("items", use.node, call, held.item)
    for unit, made in made_of:
        if unit is evidence.unit and isinstance(call, ast.Call):
            item = held.item if held is not None and isinstance(made, ast.ListComp) else None
            for inner in _elements(made):
                yield Use("argument", inner, call, item or _seen_on_the_way(evidence, inner))


def _seen_on_the_way(evidence: Evidence, node: ast.expr) -> ObjectInfo | None:
    """What `node` was where the error has passed: in the frame of its own function."""
    for site in evidence.sites[:-1] if isinstance(node, ast.Name) else ():
        function = site.unit.function(node) if site.unit is evidence.unit else None
        if function is not None and site.unit.definition(site.frame.f_code) is function:
            return Resolver.of_frame(evidence.units, site.frame).info(node)
    return None


def _empty(made: ast.expr) -> bool:
    """Whether it makes a collection that is filled later: by ``append``, or by its keys."""
    given = getattr(made, "args", []) if callee_name(made) != "defaultdict" else []
    called = callee_name(made) in ("list", "dict", "set", "deque", "defaultdict") and not given
    return called or (isinstance(made, ast.List | ast.Dict | ast.Set) and not [*_elements(made)])


def _collection(evidence: Evidence, node: ast.expr) -> ObjectInfo | None:
    """What is known of a collection; of ``jobs.values()``, of the dict."""
    method = node.func if isinstance(node, ast.Call) else None
    if isinstance(method, ast.Attribute) and method.attr == "values":
        owner = evidence.resolver.info(method.value)
        return owner._replace(kind=list) if owner is not None and owner.kind is dict else None
    return evidence.resolver.info(node)


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
