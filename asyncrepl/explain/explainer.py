"""From evidence to an explanation: the first rule that finds its misconception."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from asyncrepl.explain.catalogue import RULES
from asyncrepl.explain.verified_fixes import verified

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.explanation import Explanation, Finding
    from asyncrepl.explain.rule import Rule

__all__ = ["explain"]


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
            return rule.explanation(finding._replace(fix=fix))
    return None


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
