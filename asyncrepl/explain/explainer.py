"""From evidence to an explanation: the first rule that finds its misconception.

A rule module says what it has in ``RULES``; it is found because it stands in the package `rules`.
The special is asked before the general: when, is the `rank` of a rule. Most rules have none: they
have that of their module, which is its place in the list below, times ten. A rule of a module that
is not in the list is asked last, unless its own rank says otherwise.
"""

from __future__ import annotations

import ast
import contextlib
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from asyncrepl.explain import rules
from asyncrepl.explain.evidence import Evidence
from asyncrepl.explain.library_results import globals_of
from asyncrepl.explain.operand_uses import Use, noted_uses
from asyncrepl.explain.scopes import caught_kinds, own_nodes
from asyncrepl.explain.source_units import Unit, Units
from asyncrepl.explain.static_values import Resolver
from asyncrepl.explain.verified_fixes import verified
from asyncrepl.syntax.names import FUNCTIONS, callee_name, last_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from asyncrepl.events.object_info import RefusedOperands
    from asyncrepl.explain.explanation import Explanation, Finding, Rule
    from asyncrepl.explain.source_units import SourceLike

#: Where the order matters: a rule that would fit, too, but says less comes after the better one.
_ORDER = (
    "misplaced_keywords",
    "misspelt_keywords",
    "sync_scopes",
    "lost_steps",
    "other_loops",
    "iteration_end",
    "object_states",
    "scheduling_calls",
    "absent_loops",
    "misplaced_yields",
    "generator_cleanup",
    "wrong_states",
    "second_walks",
    "anext_methods",
    "special_methods",
    "async_callbacks",
    "never_run",
    "unused_generators",
    "wrong_with",
    "missing_streams",
    "aiter_methods",
    "refused_awaits",
    "async_loops",
    "sync_walks",
    "operand_rules",
    "forgotten_tasks",
    "queue_waits",
    "lock_waits",
    "endless_waits",
    "slow_loops",
)

_RANKS = {name: rank * 10 for rank, name in enumerate(_ORDER)}
_LAST = 10 * len(_ORDER)


def _all_rules() -> tuple[Rule, ...]:
    ranked: list[tuple[int, Rule]] = []
    modules = [each.name for each in iter_modules(rules.__path__, f"{rules.__name__}.")]
    modules.sort(key=lambda name: _RANKS.get(name.rpartition(".")[2], _LAST))
    for module in modules:
        rank = _RANKS.get(module.rpartition(".")[2], _LAST)
        ranked += [
            (rank if rule.rank is None else rule.rank, rule)
            for rule in getattr(import_module(module), "RULES", ())  # some only help others
        ]
    ranked.sort(key=lambda pair: pair[0])  # of one rank, in the order of their modules
    return tuple(rule for _, rule in ranked)


RULES: tuple[Rule, ...] = _all_rules()


def explain(evidence: Evidence | None, *, strict: bool = False) -> Explanation | None:
    """The likeliest cause of a failure; None when it is not about async iteration.

    A rule that fails counts as one that found nothing: no explanation may make
    an error worse. With `strict` its exception is raised, for tests.
    """
    for each in (evidence, *evidence.more) if evidence is not None else ():
        found = _first(each, strict)
        if found is not None:
            rule, finding = found
            fix = verified(finding.fix, each, lambda again: _finding(again, strict))
            return rule.explanation(finding._replace(fix=fix), iterates=_iterates(each))
    return None


def _iterates(evidence: Evidence) -> bool:
    """Whether there may be an ``async for`` in the code that led to the failure."""
    units = {evidence.unit, *evidence.callers, *(site.unit for site in evidence.sites)}
    trees = [unit.tree for unit in units]
    return None in trees or any(
        isinstance(node, ast.AsyncFor) or getattr(node, "is_async", False)
        for tree in trees
        if tree is not None
        for node in ast.walk(tree)
    )


def _first(evidence: Evidence, strict: bool) -> tuple[Rule, Finding] | None:
    for rule in RULES:
        if rule.concerns(evidence):
            finding = _ask(rule, evidence, strict)
            if finding is not None:
                return rule, finding
    return None


def _finding(evidence: Evidence, strict: bool) -> Finding | None:
    found = _first(evidence, strict)
    return found[1] if found is not None else None


def _ask(rule: Rule, evidence: Evidence, strict: bool) -> Finding | None:
    guard = () if strict else (Exception,)
    with contextlib.suppress(*guard):
        return rule.find(evidence)
    return None


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
    for note in refused.certain():
        unit = units.get(note.code.co_filename)
        if unit is None or unit.tree is None or note.place is None:
            continue
        resolver = Resolver(units, globals_of(unit.filename) or namespace)
        for use in noted_uses(unit, resolver, note.place, note):
            if use.role in _INSTRUCTIONS and _is_reported(units, unit, use.node):
                resolver.function = unit.function(use.node)
                yield _evidence_of_handled(units, unit, resolver, use, namespace)


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
            return _reports(around)
        if isinstance(around, FUNCTIONS):
            break
    tries = [each for one in units.all() for each in one.nodes(ast.Try) if each.handlers]
    return bool(tries) and all(map(_reports, tries))  # it is handled by one of them


def _in_body(unit: Unit, around: ast.Try, node: ast.AST) -> bool:
    path = {id(each) for each in (node, *unit.ancestors(node))}
    return any(id(each) in path for each in around.body)


def _reports(around: ast.Try) -> bool:
    """Whether the one broad handler tells the error, and no handler is for what is refused."""
    for handler in around.handlers:
        names = {last_name(each) for each in caught_kinds(handler.type)}
        if names & {"TypeError", "AttributeError"}:
            return False
        if not names or names & _BROAD:
            return any(_tells(each, handler.name) for each in own_nodes(handler))
    return False


def _tells(node: ast.AST, name: str | None) -> bool:
    if not isinstance(node, ast.Call):
        return False
    called = callee_name(node)
    if called in _PRINTING or any(each.arg == "exc_info" for each in node.keywords):
        return True
    given = (each for part in (*node.args, *node.keywords) for each in ast.walk(part))
    return called in _REPORTING and any(
        isinstance(each, ast.Name) and each.id == name for each in given
    )
