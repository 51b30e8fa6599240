"""Corrections at a prompt: what was made of what they change comes with them.

A program is corrected and started again. At a prompt what was made lives on: to write a class anew
changes none of its objects, nor does a new decorator what the old one has decorated. So there a
definition that is corrected is followed by what was made of it, and by the input that has failed.
Who has written a definition anew, and goes on with what the old one has made, is told just that.
"""

from __future__ import annotations

import ast
import asyncio
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import coroutine_of_task, is_real_instance
from asyncrepl.explain.explanation import Finding, Fix
from asyncrepl.explain.scopes import defined_twice, definition_kind, names_bound, names_read
from asyncrepl.explain.source_units import parsed
from asyncrepl.syntax.names import FUNCTIONS, head_names

if TYPE_CHECKING:
    from collections.abc import Iterable

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Unit


_DEFINITIONS = (*FUNCTIONS, ast.ClassDef)


def at_prompt(finding: Finding, evidence: Evidence) -> Finding:
    """`finding`, made from `evidence`, as it is of use to somebody who goes on typing."""
    inputs = evidence.units.typed()
    failed = evidence.sites[0].unit if evidence.sites else None
    if not inputs or failed not in (None, inputs[-1]):
        return finding
    if failed is not None and (outdated := _outdated(finding, evidence, inputs)) is not None:
        return outdated
    fix = finding.fix
    if fix is None or not fix.texts.keys() <= {each.filename for each in inputs}:
        return finding
    running = {
        name
        for name, value in evidence.namespace.items()
        if is_real_instance(value, asyncio.Task) and not value.done()
        if (code := getattr(coroutine_of_task(value), "cr_code", None))
        if code.co_filename in fix.texts
    }
    dependents = _with_dependents(fix, inputs, running, again=failed is not None)
    return finding._replace(fix=dependents)


def _with_dependents(fix: Fix, inputs: list[Unit], running: set[str], *, again: bool) -> Fix:
    """`fix`, and what was made of what it changes; with `again` also the last of the `inputs`.

    The tasks of these names, `running` what was wrong, are made anew.
    """
    changed = [n for n, each in enumerate(inputs) if each.filename in fix.texts]
    names = {name for n in changed for name in _renewed(inputs[n], fix.texts)}
    later = inputs[changed[0] + 1 :] + ([] if again else inputs[-1:])
    run = {
        each.filename: "".join(f"{n}.cancel()\n" for n in names_bound(each.body) & running)
        + each.text
        for each in _made_of(names, later, running)
    }
    ends = [tree.body[-1] for tree in map(parsed, fix.texts.values()) if tree and tree.body]
    if again and [ast.dump(e) for e in inputs[-1].body] not in [[ast.dump(e)] for e in ends]:
        run[inputs[-1].filename] = inputs[-1].text
    run |= fix.texts
    if run == fix.texts:
        return fix
    return fix._replace(script=_as_script(run[u.filename] for u in inputs if u.filename in run))


def _as_script(texts: Iterable[str]) -> str:
    return "\n".join(text.rstrip("\n") for text in texts)


def _renewed(unit: Unit, texts: dict[str, str]) -> set[str]:
    """The names that are bound otherwise in the new text of `unit`."""
    before = {ast.dump(each) for each in unit.body}
    tree = parsed(texts[unit.filename])
    changed = [e for e in (tree.body if tree else []) if ast.dump(e) not in before]
    return names_bound(changed)


def _made_of(names: set[str], inputs: list[Unit], also: Iterable[str] = ()) -> list[Unit]:
    """Those of the `inputs` that bind, made of `names`, what the last needs, or `also`."""
    affected = set(names)
    makers: dict[str, Unit] = {}
    for unit in inputs[:-1]:
        bound = names_bound(unit.body)
        uses = bool(names_read(unit) & affected)
        made = uses and _is_binding(unit) and bool(names_read(unit, at_once=True) & affected)
        makers = {name: by for name, by in makers.items() if name not in bound}
        makers |= dict.fromkeys(bound if made else (), unit)
        affected = affected | bound if uses else affected - bound
    needed, found = {*also, *(names_read(inputs[-1]) if inputs else ())}, []
    for unit in reversed(inputs[:-1]):
        bound = names_bound(unit.body) & needed
        needed |= names_read(unit) if bound else set()
        if any(makers.get(name) is unit for name in bound):
            found.append(unit)
    return found[::-1]


def _is_binding(unit: Unit) -> bool:
    """Whether `unit` does nothing but give names to something."""
    return all(isinstance(each, (ast.Assign, ast.AnnAssign, *_DEFINITIONS)) for each in unit.body)


def _outdated(finding: Finding, evidence: Evidence, inputs: list[Unit]) -> Finding | None:
    """What failed is still made by a definition that was written anew since."""
    texts = finding.fix.texts if finding.fix is not None else {}
    blamed = {*texts, *(site.unit.filename for site in evidence.sites)}
    for name, (old, new) in defined_twice(inputs[:-1]).items():
        made = _made_of({name}, [*inputs[old + 1 : new], *inputs[-1:]])
        later = {bound for each in inputs[new + 1 : -1] for bound in names_bound(each.body)}
        made = [each for each in made if not names_bound(each.body) & later]
        refused = {head for use in evidence.uses for head in head_names(use.node)}
        used = {bound for each in made for bound in names_bound(each.body)}
        used &= evidence.unit.taken_from(refused)
        differs = used and definition_kind(inputs[old], name) != definition_kind(inputs[new], name)
        if _has_mistake_too(inputs[new], inputs[old], texts):
            continue
        if made and (differs or inputs[old].filename in blamed):
            bound = names_bound(made[0].body)
            what = min(bound & names_read(inputs[-1]) or bound)
            why = (
                f"`{what}` was made by an older `{name}` ({inputs[old].filename}) and stays as it "
                f"is; the new one ({inputs[new].filename}) changes only what it makes itself."
            )
            script = _as_script(each.text for each in (*made, inputs[-1]))
            return Finding(why, Fix(made[0].filename, made[0].text, script=script))
    return None


def _has_mistake_too(new: Unit, old: Unit, texts: dict[str, str]) -> bool:
    """Whether what `texts` correct in the `old` input, or all of it, stands in the `new` one."""
    if {ast.dump(each) for each in old.body} <= {ast.dump(each) for each in new.body}:
        return True
    tree = parsed(texts.get(old.filename, ""))
    after = {ast.dump(each) for each in ast.walk(tree)} if tree else set()
    wrong = {ast.dump(each) for each in old.functions()} - after
    there = {ast.dump(each) for each in new.functions()}
    return old.filename in texts and bool(wrong) and wrong <= there
