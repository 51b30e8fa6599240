"""Mistakes of one word, planted in right programs: ``python tests/proof/planted.py [OPTION…]``.

The programs are the right ones of the test data: whole, written by people, and none of them made
for the mistake that is planted. Where the one edit changes what comes of the program, it has to
be told, and the correction has to print what the right program prints. Prints how many are, by
kind; ends with status 1 if that is less than asked for. Needs `tests` on ``PYTHONPATH``.
"""

from __future__ import annotations

import argparse
import ast
import os
import sys
from collections import Counter
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from explain.reports import cases
from proof.matrix.execution import Program, explained, in_processes, printed

from asyncrepl.explain.scopes import own_nodes
from asyncrepl.explain.source_units import Unit, parsed
from asyncrepl.syntax.names import callee_name, last_name
from asyncrepl.syntax.source_rewriter import Span, parses

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Planted", "Verdict", "judged", "planted", "sample"]


class Planted(NamedTuple):
    """A right program, and the same with one mistake of a `kind`."""

    kind: str
    right: str
    wrong: str


class Verdict(NamedTuple):
    """Whether the mistake is `told`, and is `fixed`; None of one that changes nothing."""

    planted: Planted
    told: bool | None
    fixed: bool = False
    said: str = ""


def planted(text: str) -> Iterator[Planted]:
    """The program `text` with each mistake that can be planted in it."""
    unit = Unit("program.py", text, parsed(text))
    for node in unit.nodes(ast.AST):
        for kind, span, new in _edits(unit, node):
            wrong = text[: span.start] + new + text[span.end :]
            if parses(wrong):
                yield Planted(kind, text, wrong)


def _edits(unit: Unit, node: ast.AST) -> Iterator[tuple[str, Span, str]]:
    function = unit.function(node)
    suspends = isinstance(function, ast.AsyncFunctionDef)
    match node:
        case ast.Await(value):
            start = unit.source.span(node).start
            yield "no await", Span(start, unit.source.span(value).start), ""
            method = value.func if isinstance(value, ast.Call) else None
            if isinstance(method, ast.Attribute) and last_name(method.value) != "asyncio":
                owner, end = unit.source.source(method.value), unit.source.span(method.value).end
                yield "await of the owner", Span(start, end), f"(await {owner})"
        case ast.AsyncFor() | ast.AsyncWith() | ast.AsyncFunctionDef():
            start = unit.source.span(node).start
            kind = "def" if isinstance(node, ast.AsyncFunctionDef) else "statement"
            yield f"no async {kind}", Span(start, start + len("async ")), ""
        case ast.For() | ast.With() if suspends:
            start = unit.source.span(node).start
            yield "async too much", Span(start, start), "async "
        case ast.Yield(ast.expr() as value) if suspends and _is_only_yield(function):
            span = Span(unit.source.span(node).start, unit.source.span(value).start)
            yield "return for yield", span, "return "
        case ast.Call():
            yield from _of_call(unit, node, suspends=suspends)


def _is_only_yield(function: ast.AsyncFunctionDef) -> bool:
    """Whether the function is an async generator by this one word."""
    return sum(isinstance(each, ast.Yield) for each in own_nodes(function)) == 1


def _of_call(unit: Unit, call: ast.Call, *, suspends: bool) -> Iterator[tuple[str, Span, str]]:
    name, start = callee_name(call), unit.source.span(call).start
    first = call.args[0] if call.args else None
    asynchronous = {each.name for each in unit.nodes(ast.AsyncFunctionDef)}
    brackets = Span(unit.source.span(call.func).end, unit.source.span(call).end)
    if not call.args and not call.keywords and name in asynchronous:
        yield "not called", brackets, ""
    if not call.args and not call.keywords and name in _CLASSES:
        yield "class not called", brackets, ""
    if name == "gather" and isinstance(first, ast.Starred):
        at = unit.source.span(first).start
        yield "no star", Span(at, at + 1), ""
    if name == "create_task" and first is not None and suspends:
        yield "awaited too early", Span(start, start), "await "
        yield "no task", unit.source.span(call), unit.source.source(first)
    if name == "add_done_callback" and isinstance(first, ast.Name):
        end = unit.source.span(first).end
        yield "callback called", Span(end, end), "()"


_CLASSES = ("Lock", "Event", "Condition", "Queue", "TaskGroup")


def sample(seed: str, count: int) -> list[Planted]:
    """`count` mistakes, of each kind as many as there are, and no two in one program."""
    texts = [each.right for folder in ("reports", "shapes") for each in cases(folder=folder)]
    programs = [text for text in texts if "%%" not in text and "asyncio.run(" in text]
    chance = Random(seed)
    chance.shuffle(programs)
    found: list[Planted] = []
    taken: Counter[str] = Counter()
    for text in programs:
        options = [*planted(text)]
        chance.shuffle(options)
        if options and len(found) < count:
            rarest = min(options, key=lambda each: taken[each.kind])
            taken[rarest.kind] += 1
            found.append(rarest)
    return found


def judged(case: Planted) -> Verdict:
    """Run both programs, and the correction of the wrong one."""
    shown, trouble = printed(Program(case.right))
    if trouble or printed(Program(case.wrong)) == (shown, ""):
        return Verdict(case, None)
    said = explained(Program(case.wrong))
    if said.explanation is None:
        return Verdict(case, told=False, said=said.error)
    fixed = said.fixed is not None and printed(said.fixed) == (shown, "")
    return Verdict(case, told=True, fixed=fixed, said=said.explanation.why)


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="planted", description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", default="1", help="decides the programs and the places")
    parser.add_argument("--count", type=int, default=300, help="how many programs")
    parser.add_argument("--list", action="store_true", help="each that is not put right, whole")
    parser.add_argument("--told", type=float, default=0.0, help="the share to tell, in %%")
    parser.add_argument("--fixed", type=float, default=0.0, help="the share to put right, in %%")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    return parser.parse_args(arguments)


def main(*arguments: str) -> int:
    """Print the figures; the exit status."""
    options = _options(list(arguments))
    verdicts = in_processes(judged, sample(options.seed, options.count), options.jobs)
    counted = [each for each in verdicts if each.told is not None]
    for each in counted if options.list else []:
        if not each.fixed:
            print(f"{each.planted.kind}: {each.said or 'silent'}\n{each.planted.wrong}\n")
    for kind in sorted({each.planted.kind for each in counted}):
        own = [each for each in counted if each.planted.kind == kind]
        told, fixed = sum(bool(each.told) for each in own), sum(each.fixed for each in own)
        print(f"{kind:20} told {told}/{len(own)}, put right {fixed}/{len(own)}")
    told, fixed = sum(bool(each.told) for each in counted), sum(each.fixed for each in counted)
    print(f"{'all':20} told {told}/{len(counted)}, put right {fixed}/{len(counted)}")
    enough = 100 * told >= options.told * len(counted)
    return 0 if enough and 100 * fixed >= options.fixed * len(counted) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
