"""From evidence to an explanation: the first rule that finds its misconception.

A rule module says what it has in ``RULES``; it is found because it stands in the package `rules`.
The special is asked before the general: the rules of a module where that stands in the list
below, those of one that is not in it last. A rule that is to be asked elsewhere says `before`
which module.
"""

from __future__ import annotations

import ast
import contextlib
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from asyncrepl.explain import rules
from asyncrepl.explain.explanation import THE_END
from asyncrepl.explain.typed_inputs import at_prompt
from asyncrepl.explain.verified_fixes import verified

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.explanation import Explanation, Finding, Rule

#: Where the order matters: a rule that would fit, too, but says less comes after the better one.
_ORDER = (
    "misplaced_keywords",
    "misspelt_keywords",
    "sync_scopes",
    "lost_steps",
    "swallowed_cancellations",
    "other_loops",
    "iteration_end",
    "object_states",
    "scheduling_calls",
    "absent_loops",
    "misplaced_yields",
    "generator_cleanup",
    "wrong_states",
    "shared_iterators",
    "anext_methods",
    "special_methods",
    "gone_functions",
    "async_callbacks",
    "registered_functions",
    "driven_coroutines",
    "never_run",
    "unused_generators",
    "wrong_with",
    "missing_streams",
    "aiter_methods",
    "early_calls",
    "early_awaits",
    "refused_awaits",
    "async_loops",
    "plain_iteration",
    "operand_rules",
    "forgotten_tasks",
    "lost_errors",
    "endless_loops",
    "queue_waits",
    "lock_waits",
    "outside_waits",
    "thread_waits",
    "endless_waits",
    "lost_signals",
    "unended_waits",
    "slow_loops",
)

_OTHERS = "all others"
_PLACES = {name: place for place, name in enumerate((*_ORDER, _OTHERS, THE_END))}


def _all_rules() -> tuple[Rule, ...]:
    placed: list[tuple[int, int, Rule]] = []
    for module in sorted(each.name for each in iter_modules(rules.__path__)):
        own = _PLACES.get(module, _PLACES[_OTHERS])
        placed += [
            (_PLACES[rule.before], -1, rule) if rule.before else (own, own, rule)
            for rule in getattr(import_module(f"{rules.__name__}.{module}"), "RULES", ())
        ]
    placed.sort(key=lambda each: each[:2])  # of one place, in the order of their modules
    return tuple(rule for *_, rule in placed)


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
            finding = at_prompt(finding._replace(fix=fix), each)
            return rule.explanation(finding, iterates=_iterates(each))
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
