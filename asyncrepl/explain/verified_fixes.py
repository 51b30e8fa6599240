"""Whether a correction holds: the one place that each passes before it is offered.

A rule puts one mistake right. What comes of it may not compile, because of a second mistake;
or fail again when it runs. So the texts are compiled, as what will run them does it, and
judged by the rules once more, from what is certain to be refused (see `predicted_refusals`). What
they find is put right as well, for some rounds. If a round would go back to a text that was
there before, or to nothing, there is no correction to offer: a wrong one is worse than none.

A program that ``python`` can run stays one. At a prompt, and in a file that awaits there already,
the top runs on a loop. There an ``asyncio.run(main())`` of the program's own is refused, and
becomes ``await main()``. Any other file has no loop at its top: a single ``await call()`` becomes
``asyncio.run(call())``, and with more than that the rest of the file becomes a coroutine function,
which is run.

A program may do the same wrong thing in five places: whoever asks for the correction wants it of
all of them.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import RefusedOperands
from asyncrepl.explain.bindings import make_coroutines
from asyncrepl.explain.evidence import gather
from asyncrepl.explain.explanation import Fix
from asyncrepl.explain.fresh_names import fresh
from asyncrepl.explain.plain_runners import runner_at
from asyncrepl.explain.predicted_refusals import foreseen
from asyncrepl.explain.scopes import (
    deepen,
    names_bound,
    own_nodes,
    place_of_import,
    scope,
)
from asyncrepl.explain.source_units import Unit, parsed
from asyncrepl.instrument.compilation import needs_loop
from asyncrepl.syntax.names import FUNCTIONS, bound_names, callee_name, canonical_name
from asyncrepl.syntax.parsed_input import syntax_tree
from asyncrepl.syntax.source_rewriter import Span, compile_error, line_opcodes, parses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.explanation import Explanation, Finding
    from asyncrepl.explain.source_units import Units

    Ask = Callable[[Evidence], Finding | None]

#: What a loop that runs already refuses.
_RUNNING = {"asyncio.run", "asyncio.Runner().run"} | {
    f"asyncio.{name}().run_until_complete" for name in ("new_event_loop", "get_event_loop")
}


def on_one_loop(fix: Fix, units: Units) -> Fix:
    """`fix`, in which no file awaits at its top, unless it did so before.

    Where that cannot be written, no text both awaits at its top and calls ``asyncio.run`` there.
    """
    texts = [(name, _on_one_loop(name, text, units)) for name, text in fix.texts.items()]
    (name, text), *more = texts
    return fix._replace(filename=name, text=text, more=tuple(more))


def _on_one_loop(name: str, text: str, units: Units) -> str:
    before = units.get(name)
    typed = name.startswith("<input ")
    # At a prompt what a program runs on its own loop is refused, whatever else is corrected.
    if before is None or (not typed and (needs_loop(before.text) or not needs_loop(text))):
        return text
    unit = Unit(name, text, parsed(text))
    once = _run_once(unit)
    # What would only undo the correction was refused: a loop runs here (``:run FILE``).
    if not typed and once != _own_runs_as(before, "asyncio.run({})"):
        for rewritten in (once, _in_main(unit)):
            if rewritten and parses(rewritten) and not needs_loop(rewritten):
                return rewritten
    return _own_runs_as(unit, "await {}")


def _own_runs_as(unit: Unit, form: str) -> str:
    """The text, where it runs coroutines on loops of its own in this `form`."""
    edits = unit.rewriting()
    for call in own_runs(unit):
        edits.replace(call, form.format(unit.source.source(call.args[0])))
    return edits.apply()


def own_runs(unit: Unit) -> Iterator[ast.Call]:
    """Where the text runs its one positional argument, a coroutine, on a loop of asyncio's."""
    for call in unit.nodes(ast.Call):
        runs = canonical_name(call.func) in _RUNNING and len(call.args) == 1
        if runs and scope(unit, call) is None:
            yield call


def _suspending(statement: ast.stmt) -> list[ast.AST]:
    kinds = (ast.Await, ast.AsyncFor, ast.AsyncWith)
    own: Iterable[ast.AST] = own_nodes(statement)
    if isinstance(statement, (*FUNCTIONS, ast.ClassDef)):  # decorators, defaults and bases
        inside = {id(each) for part in statement.body for each in ast.walk(part)}
        own = (each for each in ast.walk(statement) if id(each) not in inside)
    return [
        node
        for node in own
        if isinstance(node, kinds) or (isinstance(node, ast.comprehension) and node.is_async)
    ]


def _run_by_loop(unit: Unit, found: list[ast.AST]) -> str:
    """``loop.run_until_complete(task)`` for each ``await task``, where the program has a loop."""
    edits = unit.rewriting()
    for node in found:
        runner = runner_at(unit, node)
        if not isinstance(node, ast.Await) or runner == "asyncio.run":
            return ""
        start, (inner, end) = unit.source.span(node).start, unit.source.span(node.value)
        whole = Span(start, unit.source.span(node).end)
        edits.replace(Span(start, inner), f"{runner}(")
        edits.replace(Span(end, whole.end), ")")
    return edits.apply()


def _run_once(unit: Unit) -> str:
    """``asyncio.run(call())``, where that is all; else an empty string."""
    found = [node for each in unit.tree.body for node in _suspending(each)] if unit.tree else []
    if found and (by_loop := _run_by_loop(unit, found)):
        return by_loop
    node = found[0] if len(found) == 1 else None
    call = node.value if isinstance(node, ast.Await) else None
    named = [each for each in unit.functions() if each.name == callee_name(call)]
    if node is None or call is None or not make_coroutines(named):
        return ""
    edits = unit.rewriting()
    edits.replace(node, f"asyncio.run({unit.source.source(call)})")
    _import_asyncio(unit, edits)
    return edits.apply()


def _import_asyncio(unit: Unit, edits: object) -> None:
    known = any(
        alias.name == "asyncio" and alias.asname is None
        for node in unit.nodes(ast.Import)
        for alias in node.names
    )
    if not known:
        line = "import asyncio\n"
        edits.insert(place_of_import(unit, line), line)  # type: ignore[attr-defined]


def _in_main(unit: Unit) -> str:
    """The statements from the first that suspends to the end, in a coroutine function."""
    body = unit.tree.body if unit.tree else []
    first = next((n for n, each in enumerate(body) if _suspending(each)), None)
    return in_main(unit, first) if first is not None else ""


def in_main(unit: Unit, first: int) -> str:
    """The statements from the one of number `first` to the end, in a coroutine function.

    What they ran on loops of their own, it awaits.
    """
    body = unit.tree.body if unit.tree else []
    before, rest, edits = body[:first], body[first:], unit.rewriting()
    name = fresh(unit, "main")
    for call in own_runs(unit):
        if unit.source.span(call).start >= unit.source.span(rest[0]).start:
            edits.replace(call, f"await {unit.source.source(call.args[0])}")
    guard = _guard(rest)
    inside = guard.body if guard is not None else rest
    start, end = unit.source.block(inside[0]).start, unit.source.block(inside[-1]).end
    head = f"async def {name}():\n" + _globals(before, inside)
    if guard is not None:
        text = unit.text[unit.source.line_start(unit.source.span(guard).start) : start]
        edits.replace(Span(unit.source.line_start(unit.source.span(guard).start), start), head)
        tail = f"\n\n{text}    asyncio.run({name}())\n"
    else:
        edits.insert(start, head)
        deepen(edits, unit, start, end, "")
        tail = f"\n\nasyncio.run({name}())\n"
    edits.insert(end, tail if unit.text[:end].endswith("\n") else "\n" + tail)
    _import_asyncio(unit, edits)
    return edits.apply()


def _guard(rest: list[ast.stmt]) -> ast.If | None:
    """``if __name__ == "__main__":``, if that is all."""
    found = rest[0] if len(rest) == 1 else None
    if not isinstance(found, ast.If) or found.orelse:
        return None
    names = [each.id for each in ast.walk(found.test) if isinstance(each, ast.Name)]
    return found if "__name__" in names else None


def _globals(before: list[ast.stmt], inside: list[ast.stmt]) -> str:
    """The names bound in what is moved that are bound in front, or used by functions there."""
    used = {
        name
        for statement in before
        for outer in ast.walk(statement)
        if isinstance(outer, FUNCTIONS)
        for name in _free_names(outer)
    }
    names = sorted((used | names_bound(before)) & names_bound(inside))
    return f"    global {', '.join(names)}\n" if names else ""


def _free_names(function: ast.AST) -> set[str]:
    """The names that a function uses and does not bind, unless it says that they are global."""
    nodes = list(ast.walk(function))
    own = {name for each in nodes if each is not function for name in bound_names(each)}
    shared = {name for each in nodes if isinstance(each, ast.Global) for name in each.names}
    return {each.id for each in nodes if isinstance(each, ast.Name)} - (own - shared)


#: How many mistakes are put right one after the other.
_ROUNDS = 20


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
    units = evidence.units.changed(texts, evidence.namespace)
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


#: A range of lines, and what takes their place.
Change = tuple[int, int, list[str]]


def with_equals(found: Explanation, more: Iterable[Explanation], text: str) -> Explanation:
    """`found`, whose correction of `text` also puts right the same mistakes among `more`.

    Those whose correction changes the same lines in another way, or another file, are left out.
    """
    if found.fix is None or found.fix.more:
        return found
    lines, name = text.splitlines(keepends=True), found.fix.filename
    changes = _changes(lines, found.fix.text)
    for each in more:
        fix = each.fix if each.id == found.id else None
        if fix is not None and fix.filename == name and not fix.more:
            new = [one for one in _changes(lines, fix.text) if one not in changes]
            if not any(_overlap(one, other) for one in new for other in changes):
                changes += new
    merged = _applied(lines, changes)
    if merged == found.fix.text or not parses(merged) or not _same_definitions(merged, text):
        return found
    return found._replace(fix=found.fix._replace(text=merged))


def together(told: list[Explanation], originals: Mapping[str, str]) -> list[Explanation]:
    """`told`, of which the first that corrects anything also has the corrections of the others.

    Those that change the same lines in another way are left out; what has nothing more to change
    is the same mistake, and not told. `originals` are the texts of all files that change.
    """
    texts = {name: text.splitlines(keepends=True) for name, text in originals.items()}
    changes: dict[str, list[Change]] = {name: [] for name in texts}
    news: list[Explanation] = []
    for each in told:
        new = {
            name: [one for one in _changes(texts[name], text) if one not in changes[name]]
            for name, text in (each.fix.texts if each.fix is not None else {}).items()
        }
        if news and each.fix is not None and not any(new.values()):
            continue
        news.append(each)
        trial = {name: changes[name] + more for name, more in new.items()}
        fits = not any(_overlap(a, b) for name in new for a in new[name] for b in changes[name])
        if fits and all(_hold(texts[name], trial[name]) for name in trial):
            changes.update(trial)
    merged = {name: _applied(texts[name], changes[name]) for name in texts if changes[name]}
    first = next((each for each in news if each.fix is not None), None)
    return [
        each._replace(fix=_as_fix(merged) if each is first and merged else None) for each in news
    ]


def _hold(lines: list[str], changes: list[Change]) -> bool:
    """Whether the `changes` of a text go together."""
    merged = _applied(lines, changes)
    return parses(merged) and _same_definitions(merged, "".join(lines))


def _changes(lines: list[str], text: str) -> list[Change]:
    new = text.splitlines(keepends=True)
    codes = line_opcodes(lines, new)
    return [(a, b, new[c:d]) for tag, a, b, c, d in codes if tag != "equal"]


def _overlap(one: Change, other: Change) -> bool:
    return one[0] <= other[1] and other[0] <= one[1] and not _adjoin(one, other)


def _adjoin(one: Change, other: Change) -> bool:
    """Whether one ends where the other begins, and both take the place of lines."""
    filled = one[0] < one[1] and other[0] < other[1]
    return filled and (one[1] == other[0] or other[1] == one[0])


def _applied(lines: list[str], changes: list[Change]) -> str:
    lines = list(lines)
    for start, end, new in sorted(changes, key=lambda change: change[:2], reverse=True):
        lines[start:end] = new
    return "".join(lines)


def _same_definitions(merged: str, text: str) -> bool:
    """Whether no helper came twice under one name."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)

    def top(source: str) -> list[str]:
        return [each.name for each in syntax_tree(source).body if isinstance(each, kinds)]

    names, before = top(merged), top(text)
    return all(names.count(each) <= max(1, before.count(each)) for each in names)
