"""Whether a correction holds: the one place that each passes before it is offered.

A rule puts one mistake right. What comes of it may not compile, because of a second mistake;
or fail again when it runs. So the texts are compiled, as what will run them does it, and
judged by the rules once more, from what is certain to be refused (see `predicted_refusals`). What
they find is put right as well, for some rounds. If a round would go back to a text that was
there before, or to nothing, there is no correction to offer: a wrong one is worse than none.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import RefusedOperands
from asyncrepl.explain.evidence import gather
from asyncrepl.explain.explanation import Fix
from asyncrepl.explain.own_loop_removal import on_one_loop
from asyncrepl.explain.predicted_refusals import foreseen
from asyncrepl.syntax.source_rewriter import compile_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.explanation import Finding
    from asyncrepl.explain.source_units import Units

    #: What a rule finds in some evidence.
    Ask = Callable[[Evidence], Finding | None]

__all__ = ["verified"]

#: How many mistakes are put right one after the other.
_ROUNDS = 5


def verified(fix: Fix | None, evidence: Evidence, ask: Ask) -> Fix | None:
    """`fix`, the correction of `evidence`, with whatever else is wrong put right; or None.

    `ask` gives what the rules find. The texts come in the order in which they were run.
    """
    if fix is None:
        return None
    texts = fix.texts
    passed = [_originals(fix, evidence.units)]
    for _ in range(_ROUNDS):
        if texts in passed:
            return None
        passed.append(texts)
        change = _change(texts, evidence, ask)
        if change is None:
            return _ordered(on_one_loop(_as_fix(texts), evidence.units), evidence.units)
        if not change:
            return None
        texts = {**texts, **change}
        passed[0] = {**_originals(_as_fix(texts), evidence.units)}
    return None


def _originals(fix: Fix, units: Units) -> dict[str, str]:
    found = {name: units.get(name) for name in fix.texts}
    return {name: unit.text for name, unit in found.items() if unit is not None}


def _as_fix(texts: dict[str, str]) -> Fix:
    (name, text), *more = texts.items()
    return Fix(name, text, tuple(more))


def _ordered(fix: Fix, units: Units) -> Fix:
    """The texts in the order in which they were run: put together, they are one input."""
    order = [unit.filename for unit in units.all()][::-1]
    texts = fix.texts
    names = sorted(texts, key=lambda name: order.index(name) if name in order else -1)
    return _as_fix({name: texts[name] for name in names})


def _change(texts: dict[str, str], evidence: Evidence, ask: Ask) -> dict[str, str] | None:
    """What else has to change in `texts`; None if nothing has to, {} if nobody knows what."""
    units = evidence.units.changed(texts)
    for name, text in texts.items():
        unit = units.get(name)
        module = unit is not None and unit.module
        error = compile_error(text, name, 0 if module else ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        if error is not None:
            again = gather(error, units.sources, RefusedOperands(), evidence.namespace)
            found = ask(again) if again is not None else None
            return dict(found.fix.texts) if found is not None and found.fix is not None else {}
    return _foreseen_change(texts, evidence, units, ask)


def _foreseen_change(
    texts: dict[str, str], evidence: Evidence, units: Units, ask: Ask
) -> dict[str, str] | None:
    for again in foreseen(evidence, units, tuple(texts)):
        found = ask(again)
        if found is not None and found.fix is not None:
            return dict(found.fix.texts)
        if not _was_there(again, evidence.units):
            return {}
    return None


def _was_there(again: Evidence, units: Units) -> bool:
    """Whether the statement that will fail is the user's own, and no work of a correction."""
    before = units.get(again.unit.filename)
    statement = ast.dump(again.unit.statement(again.uses[0].node))
    return before is not None and any(ast.dump(e) == statement for e in before.nodes(ast.stmt))
