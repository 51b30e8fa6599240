"""Corrections that several rules need, each a few edits of the user's text.

A correction may touch several units: making a function async changes its
callers. `Fixing` collects the edits by unit, and only gives out a `Fix` whose
texts all compile.
"""

from __future__ import annotations

import ast
import functools
import re
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE
from types import CoroutineType
from typing import TYPE_CHECKING, Concatenate, ParamSpec

from asyncrepl.explain.evidence import runs_in_coroutine, runs_in_thread
from asyncrepl.explain.explanation import Fix
from asyncrepl.explain.fresh_names import (
    attributes_in,
    captures,
    fresh,
    imported_as,
    is_pythons,
    names_in,
    unbound,
)
from asyncrepl.explain.other_callers import is_called_by_others, returned_to_library
from asyncrepl.explain.plain_runners import runner_at
from asyncrepl.explain.scopes import (
    ASYNC_FIXTURES,
    ISOLATED,
    CannotFixError,
    block_of,
    is_async_genexp,
    is_fixture,
    is_generator,
    keyword_span,
    own_nodes,
    place_of_import,
    plain_test_case,
    scope,
)
from asyncrepl.explain.source_units import Unit, parsed
from asyncrepl.explain.value_origins import calls_of, is_handed_on, wrapped_functions
from asyncrepl.instrument.probe_placement import DATA_CALLS, ITERATING_CALLS
from asyncrepl.syntax.names import callee_name, canonical_name, last_name
from asyncrepl.syntax.source_rewriter import Edit, SourceRewriter, Span, compiles, parses

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Function

Arguments = ParamSpec("Arguments")
_ASYNC = re.compile(r"async\s+")
_ACCESSORS = ("cached_property", "setter", "getter")
_RUNNING = {"asyncio.run", "run_until_complete"}
_CONSUMERS = {*ITERATING_CALLS, *DATA_CALLS}
#: What corrections use by the names of these modules, and import where nobody has.
_MODULES = ("asyncio", "copy", "functools", "inspect", "itertools", "pytest", "pytest_asyncio")


class Fixing:
    """The edits of one correction, in one unit or several."""

    def __init__(self, evidence: Evidence, *, in_lambda: bool = False) -> None:
        self.evidence = evidence
        #: Whether a lambda may suspend for now: what cannot compile so is put right after that.
        self.in_lambda = in_lambda
        self.units: dict[str, tuple[Unit, SourceRewriter]] = {}
        self.made_async: set[ast.AST] = set()
        #: What waits by now: a function that calls itself comes back to it.
        self.waiting: set[ast.AST] = set()
        #: The expression that was changed, where that is not the operand itself.
        self.changed: ast.expr | None = None

    def of(self, unit: Unit) -> SourceRewriter:
        """The edits of `unit`."""
        return self.units.setdefault(unit.filename, (unit, unit.rewriting()))[1]

    def fix(self) -> Fix | None:
        """The corrected texts, the one edited first as the main one; None if any is wrong.

        A text that did not compile may hold a second mistake: it only has to parse,
        and `explaining` goes on from there.
        """
        broken = self.evidence.stage == "compile" or self.in_lambda
        try:
            pairs = [
                (unit, self._corrected(unit, edits))
                for unit, edits in self.units.values()
                if edits.edits
            ]
        except ValueError:  # two edits of the same place
            return None
        if not pairs or not all((parses if broken else compiles)(new.text) for _, new in pairs):
            return None
        if any(captures(*pair, self.evidence.namespace) for pair in pairs):
            return None
        first, *more = [(new.filename, new.text) for _, new in pairs]
        return Fix(*first, tuple(more))

    def _corrected(self, unit: Unit, edits: SourceRewriter) -> Unit:
        """The corrected text: modules that it uses are imported, or have the user's own names."""
        after, renamed = _with_text(unit, edits.apply()), {}
        for module in _MODULES:
            if unbound(after, module) > unbound(unit, module):
                names = imported_as(unit, module)
                if names and module not in names_in(unit):
                    renamed[module] = min(names)
                elif not self._knows(unit, module):
                    self._import(unit, f"import {module}\n")
        after = _with_text(unit, edits.apply())
        if not renamed:
            return after
        names_of_users = SourceRewriter(after.text)
        for node in after.nodes(ast.Name):
            if node.id in renamed:
                names_of_users.replace(node, renamed[node.id])
        return _with_text(unit, names_of_users.apply())

    def given_to(self, unit: Unit, node: ast.expr, function: str) -> None:
        """Write a call of `function` around `node`."""
        self.of(unit).before(node, f"{function}(")
        self.of(unit).after(node, ")")

    def needs_name(self, unit: Unit, module: str, name: str) -> None:
        """Put ``from module import name`` at the top of `unit`, unless the name is known there."""
        tops = [each for each in unit.nodes(ast.ImportFrom) if scope(unit, each) is None]
        known = {alias.asname or alias.name for each in tops for alias in each.names}
        if name in known or self._knows(unit, name):
            return
        same = [each for each in tops if each.module == module and not each.level]
        last = same[0].names[-1] if same and unit.parents.get(same[0]) is unit.tree else None
        if last is None or last.name == "*":
            self._import(unit, f"from {module} import {name}\n")
        elif all(edit.text != f", {name}" for edit in self.of(unit).edits):
            self.of(unit).after(last, f", {name}")

    def _knows(self, unit: Unit, name: str) -> bool:
        """Whether `unit` was typed where `name` is what is meant."""
        typed = unit.filename.startswith("<input ")
        return typed and is_pythons(name, self.evidence.namespace.get(name))

    def _import(self, unit: Unit, line: str) -> None:
        edits, place = self.of(unit).edits, place_of_import(unit, line)
        if all(edit.text != line for edit in edits):
            edits.insert(0, Edit(place, place, line))  # above what else is put there

    def fresh(self, unit: Unit, name: str) -> str:
        """A name to be bound at the top of `unit`: like `name`, and nobody's yet."""
        others = [each for each in self.evidence.units.all() if each is not unit]
        name, known = fresh(unit, name), self.evidence.namespace
        while name in known or any(name in names_in(each) for each in others if name in each.text):
            name = fresh(unit, name + "_")
        return name

    def fresh_attribute(self, name: str) -> str:
        """A name for an attribute: like `name`, and none that any class of the user's uses."""
        units = list(self.evidence.units.all())
        while any(name in each.text and name in attributes_in(each) for each in units):
            name += "_"
        return name

    def loop_async(self, unit: Unit, owner: ast.AST) -> None:
        """Write ``async for`` for the loop or comprehension clause `owner`."""
        if owner in self.waiting:
            return
        self.waiting.add(owner)
        self.of(unit).insert(keyword_span(unit, owner).start, "async ")
        self.suspending(unit, owner)

    def loop_plain(self, unit: Unit, owner: ast.AST) -> None:
        """Write ``for`` for the loop or comprehension clause `owner`."""
        start = keyword_span(unit, owner).start
        match = _ASYNC.match(unit.text, start)
        if match is None:
            raise CannotFixError
        self.of(unit).replace(Span(start, match.end()), "")

    def awaiting(self, unit: Unit, node: ast.expr) -> None:
        """Write ``await`` in front of the expression `node`; where no loop runs, run it."""
        if node in self.waiting:
            return
        self.waiting.add(node)
        if self._runs_alone(unit, node) and not is_fixture(unit, scope(unit, node)):
            self.given_to(unit, node, runner_at(unit, node))
            return
        self._listed_around(unit, node)
        edits, tight = self.of(unit), _binds_tightly(unit, node)
        edits.before(node, "(await " if tight else "await ")
        if unit.source.operand(node)[0] == "(" != unit.source.source(node)[0]:
            edits.before(node, "(")
            edits.after(node, ")")
        if tight:
            edits.after(node, ")")
        self.suspending(unit, node)

    def awaiting_instead(self, unit: Unit, node: ast.expr, text: str) -> None:
        """Write `text`, which begins with ``await``, for the expression `node`."""
        self.of(unit).replace(node, f"({text})" if _binds_tightly(unit, node) else text)
        self.suspending(unit, node)

    def awaiting_first(self, unit: Unit, name: ast.Name, first: ast.stmt) -> None:
        """Write ``name = await name`` in front of the statement `first`."""
        alone = self._runs_alone(unit, name)
        runner = runner_at(unit, first)
        by = f"{runner}({name.id})" if alone else f"await {name.id}"
        self.of(unit).lines_before(first, f"{name.id} = {by}")
        if not (alone and runner == "asyncio.run"):
            self.suspending(unit, name)

    def _listed_around(self, unit: Unit, node: ast.expr) -> None:
        """A list of the generator expression around `node`, where that may not suspend."""
        child: ast.AST = node
        for parent in unit.ancestors(node):
            if isinstance(parent, ast.GeneratorExp):
                owner = unit.parents.get(parent)
                walks = isinstance(owner, ast.AsyncFor | ast.comprehension) and (
                    getattr(owner, "is_async", True)
                )
                takes = callee_name(owner) in ("anext", "aiter", "aclosing")
                first = child is parent.generators[0]
                if not (walks or takes or first) and not is_async_genexp(parent):
                    self._brackets(unit, parent)
            if isinstance(parent, ast.stmt | ast.Lambda):
                return
            child = parent

    def _runs_alone(self, unit: Unit, node: ast.expr) -> bool:
        """Whether `node` makes a coroutine in a plain function of a file that runs no loop."""
        sites, around = self.evidence.sites, scope(unit, node)
        if not isinstance(around, ast.FunctionDef) or unit.filename.startswith("<input "):
            return False
        if (seen := self.evidence.seen) is not None:  # it died where it was made, without a loop
            here = any(each is node for one in self.evidence.nodes[-1:] for each in ast.walk(one))
            return seen.what == "dropped" and seen.number == 1 and here
        if sites[:1] == () or sites[0].frame.f_code.co_name != "<module>":
            return False
        made = [(site.unit, site.node(ast.Call)) for site in sites[:-1]]
        handed = any(call is not None and is_handed_on(home, call) for home, call in made)
        runs = CO_COROUTINE | CO_ASYNC_GENERATOR
        if handed or any(site.frame.f_code.co_flags & runs for site in sites):
            return False
        for site in sites:
            if site.unit is unit and unit.definition(site.frame.f_code) is around:
                info = type(self.evidence.resolver).of_frame(self.evidence.units, site.frame)
                return any(each.kind is CoroutineType for each in info.options(node))
        returned = returned_to_library(self.evidence.units, unit, node)
        return returned and not runs_in_coroutine(self.evidence.error)

    def collected(self, unit: Unit, node: ast.expr) -> None:
        """Write ``[x async for x in node]`` for `node`, or brackets for its parentheses."""
        edits = self.of(unit)
        if isinstance(node, ast.GeneratorExp):
            self._brackets(unit, node)
        else:
            self._listed_around(unit, node)
            name = fresh(unit, "x")
            loose = unit.source.operand(node)[0] == "(" != unit.source.source(node)[0]
            edits.before(node, f"[{name} async for {name} in {'(' if loose else ''}")
            edits.after(node, ")]" if loose else "]")
        self.suspending(unit, node)

    def _brackets(self, unit: Unit, node: ast.GeneratorExp) -> None:
        """Turn a generator expression into a list; as a sole argument it shares brackets."""
        start, end = unit.source.span(node)
        edits, parent = self.of(unit), unit.parents.get(node)
        if isinstance(parent, ast.Call) and unit.source.span(parent).end == end:
            if not any(each.start == end - 1 and each.text == "]" for each in edits.edits):
                edits.insert(start + 1, "[")
                edits.insert(end - 1, "]")
        elif not any(each.end == end and each.text == "]" for each in edits.edits):
            edits.replace(Span(start, start + 1), "[")
            edits.replace(Span(end - 1, end), "]")

    def suspending(self, unit: Unit, node: ast.AST) -> None:
        """Make sure that `node` stands where ``await`` is allowed."""
        around = scope(unit, node)
        if isinstance(around, ast.FunctionDef):
            self.make_async(unit, around)
        elif isinstance(around, ast.ClassDef if self.in_lambda else ast.Lambda | ast.ClassDef):
            raise CannotFixError

    def make_async(self, unit: Unit, function: Function) -> None:
        """Make `function` an ``async def``, and change those who call it."""
        if function in self.made_async:
            return
        if any(last_name(each) in _ACCESSORS for each in function.decorator_list):
            raise CannotFixError  # what is kept is awaited once
        if function.decorator_list and is_generator(function):
            raise CannotFixError  # as `contextmanager`: it takes a plain one
        called = [each.func for each in own_nodes(function) if isinstance(each, ast.Call)]
        runs = any({canonical_name(each), last_name(each)} & _RUNNING for each in called)
        if runs and type(self.evidence.error) is not RuntimeError:  # of which that is rid
            raise CannotFixError  # no loop can run where one does
        wrapped = wrapped_functions(self.evidence.units, unit, function)
        if function.name.startswith("__") and not function.name.startswith("__a") and not wrapped:
            raise CannotFixError  # the interpreter calls it, and awaits nothing
        in_thread = runs_in_thread(self.evidence.error) and not any(calls_of(unit, function, unit))
        if in_thread or (not wrapped and is_called_by_others(self.evidence, unit, function)):
            raise CannotFixError  # who it is given to calls it as it is
        self.made_async.add(function)
        self.isolate(unit, function)
        if isinstance(function, ast.FunctionDef):
            self._async_head(unit, function)
        texts, homes = (unit, *self.evidence.callers), ((unit, function), *wrapped)
        calls = [(at, c) for at in texts for home, f in homes for c in calls_of(at, f, home)]
        for caller, call in (*calls, *self.evidence.called_from_table(unit, function)):
            if is_generator(function):
                self.walk_async(caller, call)
            elif not is_handed_on(caller, call):
                self.awaiting(caller, call)

    def _async_head(self, unit: Unit, function: ast.FunctionDef) -> None:
        """``async def``; of what a test case calls in front of a test, its awaited twin."""
        twin, beside = ASYNC_FIXTURES.get(function.name, ""), unit.parents[function]
        if not is_fixture(unit, function):
            self.of(unit).insert(unit.source.span(function).start, "async ")
        elif any(each.name == twin and unit.parents[each] is beside for each in unit.functions()):
            raise CannotFixError
        else:
            self.of(unit).replace_head(function, f"async def {twin}")

    def isolate(self, unit: Unit, function: Function) -> None:
        """Let the class of `function`, if that is a test, be one that awaits its tests."""
        base, name = plain_test_case(unit, function), ISOLATED.rpartition(".")[2]
        edited = [each.start for each in self.of(unit).edits]
        if base is None or unit.source.span(base).start in edited:
            return
        if isinstance(base, ast.Attribute):
            self.of(unit).replace(base, f"{unit.source.source(base.value)}.{name}")
        else:
            self.needs_name(unit, "unittest", name)
            self.of(unit).replace(base, name)

    def walk_async(self, unit: Unit, call: ast.expr) -> None:
        """Change the use of `call`, which now gives an async generator."""
        parent = unit.parents.get(call)
        match parent, callee_name(parent):
            case ((ast.For() | ast.comprehension(is_async=0)), _) if parent.iter is call:
                self.loop_async(unit, parent)
            case ast.Call(), "next":
                self.of(unit).replace(parent.func, "anext")
                self.awaiting(unit, parent)
            case ast.Call(), "list":
                self.list_call(unit, parent, call)
            case _, name if isinstance(parent, ast.Starred) or name in _CONSUMERS:
                self.collected(unit, call)

    def list_call(self, unit: Unit, call: ast.Call, operand: ast.expr) -> None:
        """Write ``[x async for x in operand]`` for `call`, which is ``list(operand)``."""
        start, end = unit.source.span(call)
        inner, edits = unit.source.span(operand), self.of(unit)
        if isinstance(operand, ast.GeneratorExp):
            edits.replace(Span(start, inner.start + 1), "[")
            edits.replace(Span(inner.end - 1, end), "]")
        else:
            name = fresh(unit, "x")
            edits.replace(Span(start, inner.start), f"[{name} async for {name} in ")
            edits.replace(Span(inner.end, end), "]")
        self.suspending(unit, call)


def _with_text(unit: Unit, text: str) -> Unit:
    """`unit`, with another text."""
    return Unit(unit.filename, text, parsed(text), module=unit.module)


def _binds_tightly(unit: Unit, node: ast.expr) -> bool:
    """Whether an ``await`` in the place of `node` has to stand in brackets."""
    match unit.parents.get(node):
        case ast.Attribute(value=operand) | ast.Subscript(value=operand) | ast.Call(func=operand):
            return operand is node
        case ast.BinOp(op=ast.Pow()):
            return True
    return False


def corrected(
    evidence: Evidence, edit: Callable[Concatenate[Fixing, Arguments], object],
    *args: Arguments.args, **keywords: Arguments.kwargs,
) -> Fix | None:  # fmt: skip
    """What `edit` makes of the text; None if it edits nothing, or raises CannotFixError."""
    fixing = Fixing(evidence)
    try:
        edit(fixing, *args, **keywords)
    except CannotFixError:
        return None
    return fixing.fix()


def correction(
    edit: Callable[Concatenate[Fixing, Arguments], object],
) -> Callable[Concatenate[Evidence, Arguments], Fix | None]:
    """The function that makes corrections by means of `edit`: see `corrected`."""

    @functools.wraps(edit)
    def correct(
        evidence: Evidence, /, *args: Arguments.args, **keywords: Arguments.kwargs
    ) -> Fix | None:
        return corrected(evidence, edit, *args, **keywords)

    return correct


@correction
def replaced(fixing: Fixing, unit: Unit, *texts: tuple[ast.AST | Span, str]) -> None:
    """Each node, or span, of `texts` in `unit` with the text that comes with it in its place."""
    for where, text in texts:
        fixing.of(unit).replace(where, text)


@correction
def removed(fixing: Fixing, unit: Unit, statement: ast.stmt) -> None:
    """Without the `statement`, if that is an expression, and not all there is in its block."""
    if not isinstance(statement, ast.Expr) or len(block_of(unit, statement)) == 1:
        raise CannotFixError
    fixing.of(unit).remove(statement)


#: ``await`` in front of an expression.
awaited = correction(Fixing.awaiting)


def short(unit: Unit, node: ast.AST, limit: int = 40) -> str:
    """The text of `node` in backquotes, on one line, cut if it is long."""
    text = " ".join(unit.source.source(node).split())
    return f"`{text if len(text) <= limit else text[: limit - 1] + '…'}`"
