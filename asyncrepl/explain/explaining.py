"""From evidence to an explanation: the first rule of the catalogue that finds its misconception."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from asyncrepl.explain.catalogue import RULES
from asyncrepl.explain.evidence import Evidence, gather
from asyncrepl.explain.fixing import CannotFix
from asyncrepl.language.rewriting import compiles
from asyncrepl.language.sources import Source
from asyncrepl.language.suspects import Suspects

if TYPE_CHECKING:
    from asyncrepl.explain.explanation import Explanation, Finding
    from asyncrepl.explain.rule import Rule

__all__ = ["explain"]


def explain(evidence: Evidence | None, *, strict: bool = False) -> Explanation | None:
    """The likeliest cause of a failure; None when it is not about async iteration.

    A rule that fails counts as one that found nothing: no explanation may make
    an error worse. With `strict` its exception is raised, for tests.
    """
    if evidence is None:
        return None
    for rule in RULES:
        if rule.concerns(evidence):
            finding = _ask(rule, evidence, strict)
            if finding is not None:
                return rule.explanation(finding)
    return None


def _ask(rule: Rule, evidence: Evidence, strict: bool) -> Finding | None:
    guard = () if strict else (Exception,)
    with contextlib.suppress(*guard):
        return rule.find(evidence)
    return None
