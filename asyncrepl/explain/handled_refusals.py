"""The evidence of what a ``try`` or a ``gather`` caught, and what is only reported then.

``except Exception as e: log.error(e)`` keeps a program running, and the mistake is seen in its
log alone. A handler of `TypeError`, or one that does something else, may expect the refusal: who
asks whether an object can be iterated does it so.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from asyncrepl.explain.evidence import Evidence, gather
from asyncrepl.explain.explainer import explain
from asyncrepl.explain.library_results import globals_of
from asyncrepl.explain.operand_uses import Use, noted_uses
from asyncrepl.explain.scopes import caught_kinds, own_nodes
from asyncrepl.explain.source_units import Unit, Units
from asyncrepl.explain.static_values import Resolver
from asyncrepl.syntax.names import FUNCTIONS, callee_name, last_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from asyncrepl.events.object_info import RefusedOperands
    from asyncrepl.explain.explanation import Explanation
    from asyncrepl.explain.source_units import SourceLike

#: The instruction that refuses an operand in a role, and whether it stands for the whole owner.
_INSTRUCTIONS = {
    "for": ("GET_ITER", False),
    "async for": ("GET_AITER", False),
    "await": ("GET_AWAITABLE", True),
    "with": ("BEFORE_WITH", False),
    "async with": ("BEFORE_ASYNC_WITH", False),
    "star": ("CALL_FUNCTION_EX", False),
    "unpack": ("UNPACK_SEQUENCE", False),
    "argument": ("CALL", True),
}
_BROAD = frozenset({"Exception", "BaseException"})
#: Who prints a traceback without being given the error.
_PRINTING = frozenset({"exception", "print_exc", "format_exc"})
_REPORTING = frozenset({"print", "error", "warning", "critical", "debug", "info", "log"})


def gather_handled(
    refused: RefusedOperands, sources: Mapping[str, SourceLike], namespace: Mapping[str, object]
) -> Iterator[Evidence]:
    """The evidence of each of `refused` that was reported and then forgotten, the first first.

    To be asked when a program has ended well: then every refusal was handled.
    """
    units = Units(sources)
    for unit, resolver, use in _refusals(units, refused, namespace):
        if _is_reported(units, unit, use.node):
            yield _evidence_of_handled(units, unit, resolver, use, namespace)


def explain_raised(
    error: BaseException,
    sources: Mapping[str, SourceLike],
    refused: RefusedOperands,
    namespace: Mapping[str, object],
) -> Explanation | None:
    """The explanation of `error`; of a NameError also by what was `refused` and handled before."""
    evidence = gather(error, sources, refused, namespace)
    found = explain(evidence)
    if found is not None or evidence is None or not isinstance(error, NameError):
        return found
    return next(filter(None, map(explain, _unbound(evidence, refused, namespace))), None)


def _unbound(
    evidence: Evidence, refused: RefusedOperands, namespace: Mapping[str, object]
) -> Iterator[Evidence]:
    """The evidence of each of `refused` that kept the name from being bound, caught by a ``try``.

    What its handler does is all one.
    """
    name, unit = evidence.node(ast.Name), evidence.unit
    for home, resolver, use in _refusals(evidence.units, refused, namespace):
        around = [each for each in unit.ancestors(use.node) if isinstance(each, _TRIES)]
        blocks = [each.body for each in around if home is unit and each.handlers]
        bound = (node for block in blocks for each in block for node in ast.walk(each))
        if name is not None and any(_binds(node, name.id) for node in bound):
            yield _evidence_of_handled(evidence.units, unit, resolver, use, namespace)


_TRIES = (ast.Try, ast.TryStar)


def _binds(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)


def _refusals(
    units: Units, refused: RefusedOperands, namespace: Mapping[str, object]
) -> Iterator[tuple[Unit, Resolver, Use]]:
    """What was refused for certain, in which text, and the names there."""
    for note in refused.certain():
        unit = units.get(note.code.co_filename)
        if unit is None or unit.tree is None or note.place is None:
            continue
        resolver = Resolver(units, globals_of(unit.filename) or namespace)
        for use in noted_uses(unit, resolver, note.place, note):
            if use.role in _INSTRUCTIONS:
                resolver.function = unit.function(use.node)
                yield unit, resolver, use


def _evidence_of_handled(
    units: Units, unit: Unit, resolver: Resolver, use: Use, namespace: Mapping[str, object]
) -> Evidence:
    op, whole = _INSTRUCTIONS[use.role]
    node = use.owner if whole else use.node
    nodes = (*reversed(list(unit.ancestors(node))), node)
    return Evidence(
        TypeError(), "run", unit, units, resolver, nodes, op, uses=(use,), namespace=namespace
    )


def _is_reported(units: Units, unit: Unit, node: ast.AST) -> bool:
    """Whether an error at `node` is reported by the handler that gets it."""
    for around in unit.ancestors(node):
        if isinstance(around, ast.Try) and around.handlers and _in_body(unit, around, node):
            return _reports(units, around)
        if isinstance(around, FUNCTIONS):
            break
    tries = [each for one in units.all() for each in one.nodes(ast.Try) if each.handlers]
    kept = any(_keeps_errors(each) for one in units.all() for each in one.nodes(ast.AST))
    kept = kept and not units.names("TypeError")
    kept = kept and not any(_expects(each) for _, each in units.nodes(ast.Call))
    handled = all(_reports(units, each) for each in tries)  # by one of them it is
    return (bool(tries) or kept) and handled


def _keeps_errors(node: ast.AST) -> bool:
    """Whether it is ``gather(…, return_exceptions=True)``, which shows them."""
    named = isinstance(node, ast.Call) and any(
        each.arg == "return_exceptions" for each in node.keywords
    )
    return named and callee_name(node) == "gather"


def _expects(call: ast.Call) -> bool:
    """Whether a test takes an error for right that is, or may be, such a refusal."""
    kinds = caught_kinds(call.args[0]) if call.args else []
    raises = callee_name(call) in ("assertRaises", "assertRaisesRegex")
    return raises and any(not last_name(each).endswith("Error") for each in kinds)


def _in_body(unit: Unit, around: ast.Try, node: ast.AST) -> bool:
    path = {id(each) for each in (node, *unit.ancestors(node))}
    return any(id(each) in path for each in around.body)


def _reports(units: Units, around: ast.Try) -> bool:
    """Whether the one broad handler tells the error, and no handler is for what is refused."""
    for handler in around.handlers:
        names = {last_name(each) for each in caught_kinds(handler.type)}
        if names & {"TypeError", "AttributeError"}:
            return False
        if not names or names & _BROAD:
            return any(_tells(units, each, handler.name) for each in own_nodes(handler))
    return False


def _tells(units: Units, node: ast.AST, name: str | None) -> bool:
    if not isinstance(node, ast.Call):
        return False
    if _prints(node):
        return True
    called = callee_name(node)
    # Or a function of the user's does, that is called for it: ``await self.on_error(event)``.
    inner = [each for _, function in units.functions(called) for each in own_nodes(function)]
    if any(_prints(each) for each in inner):
        return True
    given = (each for part in (*node.args, *node.keywords) for each in ast.walk(part))
    return called in _REPORTING and any(
        isinstance(each, ast.Name) and each.id == name for each in given
    )


def _prints(node: ast.AST) -> bool:
    """Whether it is a call that prints the traceback of what is handled."""
    if not isinstance(node, ast.Call):
        return False
    asked = any(each.arg == "exc_info" for each in node.keywords)
    return asked or callee_name(node) in _PRINTING
