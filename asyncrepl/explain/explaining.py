"""From evidence to an explanation: the first rule that finds its misconception."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from asyncrepl.explain.catalogue import RULES
from asyncrepl.explain.evidence import gather
from asyncrepl.explain.one_loop import on_one_loop
from asyncrepl.explain.units import Unit, parsed
from asyncrepl.language.rewriting import compiles, syntax_error
from asyncrepl.language.suspects import Suspects

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.explanation import Explanation, Finding, Fix
    from asyncrepl.explain.rule import Rule

__all__ = ["explain"]

#: How many mistakes of one text are put right one after the other.
_ROUNDS = 5


def explain(evidence: Evidence | None, *, strict: bool = False) -> Explanation | None:
    """The likeliest cause of a failure; None when it is not about async iteration.

    A rule that fails counts as one that found nothing: no explanation may make
    an error worse. With `strict` its exception is raised, for tests.
    """
    for each in (evidence, *evidence.more) if evidence is not None else ():
        found = _first(each, strict)
        if found is not None:
            rule, finding = found
            fix = _settled(finding.fix, each, strict)
            if fix is not None:
                fix = on_one_loop(fix, each.units)
            return rule.explanation(replace(finding, fix=fix))
    return None


def _first(evidence: Evidence, strict: bool) -> tuple[Rule, Finding] | None:
    for rule in RULES:
        if rule.concerns(evidence):
            finding = _ask(rule, evidence, strict)
            if finding is not None:
                return rule, finding
    return None


def _ask(rule: Rule, evidence: Evidence, strict: bool) -> Finding | None:
    guard = () if strict else (Exception,)
    with contextlib.suppress(*guard):
        return rule.find(evidence)
    return None


def _settled(fix: Fix | None, evidence: Evidence, strict: bool) -> Fix | None:
    """`fix` with whatever else keeps its text from compiling put right as well."""
    if evidence.stage not in ("parse", "compile"):
        return fix
    for _ in range(_ROUNDS):
        if fix is None or compiles(fix.text):
            return fix
        unit = Unit(fix.filename, fix.text, parsed(fix.text))
        error = syntax_error(fix.text, fix.filename)
        sources = {fix.filename: unit}
        again = gather(error, sources, Suspects(), evidence.namespace) if error else None
        found = _first(again, strict) if again is not None else None
        fix = found[1].fix if found else None
    return None
