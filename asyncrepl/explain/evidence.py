"""What is known when something failed: everything a rule may look at, and no message.

Texts change between Python versions (one in seven of the known mistakes), and
user code can raise a TypeError with the interpreter's very words. So the
message is not here. What is here: the exception, the stage, the syntax tree
and the place in it, the instruction, the frame, and the uses that were refused.

An error belongs to the user when the innermost frame is his. `direct` says that
the interpreter itself refused the operation there; otherwise a library did,
whose frames are in `inner`.
"""

from __future__ import annotations

import ast
import asyncio
from dataclasses import dataclass, field, replace
from inspect import CO_COROUTINE, CO_GENERATOR
from itertools import pairwise, takewhile
from traceback import walk_tb
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

from asyncrepl.events.object_info import (
    Place,
    RefusedOperands,
    code_of,
    instruction_at,
    is_real_instance,
    place_at,
)
from asyncrepl.explain.library_results import globals_of
from asyncrepl.explain.operand_uses import Use, notes_at, resolver_at, use_iterated, uses_at
from asyncrepl.explain.scopes import CannotFixError
from asyncrepl.explain.source_units import Function, SourceLike, Unit, Units
from asyncrepl.explain.static_values import Resolver
from asyncrepl.syntax.names import last_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import CodeType, FrameType, TracebackType

    from asyncrepl.events.findings import Finding

Node = TypeVar("Node", bound=ast.AST)
Stage = Literal["parse", "compile", "run", "value", "seen"]


class Site(NamedTuple):
    """A place in the user's code an exception passed: the nodes there, outermost first."""

    unit: Unit
    frame: FrameType
    nodes: tuple[ast.AST, ...]
    op: str

    def node(self, *kinds: type[Node]) -> Node | None:
        """The innermost node of some kinds at the place."""
        return next((node for node in reversed(self.nodes) if isinstance(node, kinds)), None)


@dataclass(frozen=True)
class Evidence:
    """One failure, ready to be judged.

    `stage` is "parse" (there is no tree), "compile", "run", "value": nothing
    failed, but the value shown for the statement is suspicious; or "seen": nothing
    failed, but something was `seen`, of the object in the one use. `nodes` are the
    nodes at the failing position, outermost first; `op` the instruction there;
    `callers` the other units of the user's whose frames led to it; `sites` all
    places of the user's it passed, outermost first. `leak` are the places that a
    StopIteration passed before the interpreter made a RuntimeError of it. `more` is
    the evidence of the other errors of an exception group.
    """

    error: BaseException | None
    stage: Stage
    unit: Unit
    units: Units
    resolver: Resolver
    nodes: tuple[ast.AST, ...] = ()
    op: str = ""
    frame: FrameType | None = None
    inner: tuple[CodeType, ...] = ()
    uses: tuple[Use, ...] = ()
    callers: tuple[Unit, ...] = ()
    sites: tuple[Site, ...] = ()
    leak: tuple[Site, ...] = ()
    namespace: Mapping[str, Any] = field(default_factory=dict)
    seen: Finding | None = None
    more: tuple[Evidence, ...] = ()

    @property
    def direct(self) -> bool:
        """Whether it failed in the user's own frame, not in something called."""
        return not self.inner

    def node(self, *kinds: type[Node]) -> Node | None:
        """The innermost node of some kinds at the failing position."""
        return next((node for node in reversed(self.nodes) if isinstance(node, kinds)), None)

    def outermost(self, *kinds: type[Node]) -> Node | None:
        """The outermost node of some kinds at the failing position."""
        return next((node for node in self.nodes if isinstance(node, kinds)), None)

    def called_from_table(self, unit: Unit, function: Function) -> list[tuple[Unit, ast.Call]]:
        """The calls on the error's way that reached `function` of `unit` as ``TABLE[key]()``.

        A decorator has put it there. CannotFixError if it has others, which would stay as they
        are while these calls change.
        """
        found = []
        for caller, site in pairwise(self.sites):
            call = caller.node(ast.Call)
            indirect = call is not None and isinstance(call.func, ast.Subscript)
            if indirect and self.units.definition(site.frame.f_code) == (unit, function):
                found.append((caller.unit, call))
        by = {last_name(each) for each in function.decorator_list}
        beside = [f for f in unit.functions() if by & {*map(last_name, f.decorator_list)}]
        if found and beside != [function]:
            raise CannotFixError
        return [(home, call) for home, call in found if call is not None]

    def resolver_in(self, unit: Unit) -> Resolver:
        """What resolves the names of `unit`, outside of its functions."""
        return Resolver(self.units, globals_of(unit.filename) or self.namespace)

    @property
    def finding(self) -> Finding:
        """What was seen: for rules that say what they see."""
        assert self.seen is not None
        return self.seen

    @property
    def seen_node(self) -> ast.expr | None:
        """The expression that was seen, if there is one: for rules that say what they see."""
        return next((use.node for use in self.uses if use.role == "seen"), None)

    @property
    def made(self) -> tuple[Unit, int] | None:
        """Where what was seen was made, a unit of the user's and a line, if that is known."""
        filename, line = (self.seen.made if self.seen is not None else None) or (None, 0)
        unit = self.units.get(filename)
        return (unit, line) if unit is not None else None

    def use(self, *roles: str) -> Use | None:
        """The refused operand in one of these roles; of several the first."""
        return next((use for use in self.uses if use.role in roles), None)


def gather(
    error: BaseException,
    sources: Mapping[str, SourceLike],
    refused: RefusedOperands,
    namespace: Mapping[str, Any] | None = None,
) -> Evidence | None:
    """The evidence of `error`; None when it did not happen in the user's code.

    `sources` are the texts of the session by file name. The traceback must still be on the
    exception. Of a group its errors are looked at, in their order; and its cause.
    """
    return _gather(error, Units(sources), refused, namespace or {})


def _gather(
    error: BaseException, units: Units, refused: RefusedOperands, names: Mapping[str, Any]
) -> Evidence | None:
    if isinstance(error, SyntaxError):
        return _of_syntax(error, units, names)
    if isinstance(error, BaseExceptionGroup):
        first, others = None, list(error.exceptions)
    else:
        first = _of_run(error, units, refused, names)
        others = _told_by(error, first)
    inner = [_gather(other, units, refused, names) for other in others]
    found = [evidence for evidence in (first, *inner) if evidence is not None]
    if first is not None:
        found[1:] = [_with_the_way_to(first, each) for each in found[1:]]
    more = [one for evidence in found for one in (evidence, *evidence.more)][1:]
    return replace(found[0], more=tuple(more)) if found else None


_BROAD = ("Exception", "BaseException")


def _told_by(error: BaseException, evidence: Evidence | None) -> list[BaseException]:
    """The error that `error` was raised for: ``raise X from e``, or ``raise X`` in its handler.

    Not one that was handled when another happened, or expected; and not what the interpreter
    itself turns into another error.
    """
    cause = error.__cause__
    if cause is None and evidence is not None and evidence.sites:
        raised = evidence.sites[-1].node(ast.Raise)
        handler = evidence.unit.enclosing(raised, ast.ExceptHandler)
        broad = handler and (handler.type is None or last_name(handler.type) in _BROAD)
        if broad:
            cause = error.__context__
    if isinstance(cause, Exception) and not isinstance(cause, StopIteration | StopAsyncIteration):
        return [cause]
    return []


def _with_the_way_to(first: Evidence, inner: Evidence) -> Evidence:
    """`inner`, an error that was told as `first`, with what had called where it was caught."""
    frames = [each.frame for each in first.sites]
    caught = inner.sites[0].frame if inner.sites else None
    if caught not in frames:
        return inner
    own = [each.frame for each in inner.sites]
    before = [each for each in first.sites[: frames.index(caught)] if each.frame not in own]
    sites = (*before, *inner.sites)
    return replace(inner, sites=sites, callers=_others(inner.unit, (each.unit for each in sites)))


def gather_value(
    value: object, sources: Mapping[str, SourceLike], filename: str, namespace: Mapping[str, Any]
) -> Evidence | None:
    """The evidence for `value`, shown as the result of the statement `filename`."""
    units = Units(sources)
    unit = units.get(filename)
    if unit is None or unit.tree is None or not unit.tree.body:
        return None
    resolver = Resolver(units, namespace)
    statement = _shown_by(unit.tree.body, value, resolver)
    if statement is None:
        return None
    use = Use.of_value(statement, value)
    return Evidence(
        None, "value", unit, units, resolver, (statement,), uses=(use,), namespace=namespace
    )


def _shown_by(body: list[ast.stmt], value: object, resolver: Resolver) -> ast.Expr | None:
    """The statement whose value it is: the last one, unless that is known to give another kind."""
    shown = [each for each in body if isinstance(each, ast.Expr)]
    for each in reversed(shown):
        options = resolver.options(each.value)
        if not options or any(option.kind is type(value) for option in options):
            return each
    return shown[-1] if shown and shown[-1] is body[-1] else None


def gather_seen(
    finding: Finding, sources: Mapping[str, SourceLike], namespace: Mapping[str, Any]
) -> Evidence | None:
    """The evidence of a mistake that raised nothing; None if `finding` is in no user's code."""
    units = Units(sources)
    unit, place = units.get(finding.code.co_filename), finding.place
    if unit is None and finding.what == "dropped" and finding.info.code is not None:
        # Generated code made it, or it is a library's, and died when no code of the user's ran.
        made = units.get(finding.made[0] if finding.made is not None else None)
        unit, place = units.get(finding.info.code.co_filename) or made, None
    if unit is None or unit.tree is None:
        return None
    nodes = tuple(unit.at(place)) if place is not None else ()
    resolver = Resolver(units, globals_of(unit.filename) or namespace)
    expressions = [node for node in nodes if isinstance(node, ast.expr)]
    uses: tuple[Use, ...] = ()
    if expressions:
        owner = unit.parents.get(expressions[-1], unit.tree)
        use = Use("seen", expressions[-1], owner, finding.info)
        driven = finding.what == "driven"
        uses = (use_iterated(unit, expressions[-1], finding.info) if driven else use,)
        resolver.function = unit.function(expressions[-1])
    return Evidence(
        None, "seen", unit, units, resolver, nodes, uses=uses, namespace=namespace, seen=finding,
        callers=units.typed_callers(unit),
    )  # fmt: skip


def _of_syntax(error: SyntaxError, units: Units, namespace: Mapping[str, Any]) -> Evidence | None:
    unit = units.get(error.filename)
    if unit is None:
        return None
    resolver = Resolver(units, namespace)
    resolver.unit = unit
    if unit.tree is None:
        return Evidence(error, "parse", unit, units, resolver, namespace=namespace)
    nodes = tuple(_nodes_of_syntax(error, unit))
    return Evidence(error, "compile", unit, units, resolver, nodes, namespace=namespace)


def _nodes_of_syntax(error: SyntaxError, unit: Unit) -> list[ast.AST]:
    line, column = error.lineno or 0, (error.offset or 0) - 1
    return [
        node
        for node in unit.nodes(ast.AST)
        if getattr(node, "lineno", None) == line
        and column in (getattr(node, "col_offset", None), _character(unit, node))
    ]


def _character(unit: Unit, node: ast.AST) -> int:
    """The column of `node` in characters: the compiler counts bytes in some versions."""
    start = unit.source.span(node).start
    return start - unit.source.line_start(start)


def _of_run(
    error: BaseException, units: Units, refused: RefusedOperands, namespace: Mapping[str, Any]
) -> Evidence | None:
    frames = _frames(error.__traceback__)
    sites = _sites(units, frames)
    if not sites:
        return None
    if len(sites) > 1 and type(error) is RuntimeError and _is_thrown_in(sites[-1]):
        # Up to Python 3.11 a task takes a plain generator, and refuses what that yields.
        sites = sites[:-1]
    site = sites[-1]
    frame, unit = site.frame, site.unit
    last = max(number for number, (each, _) in enumerate(frames) if each is frame)
    offset = frames[last][1]
    place = place_at(frame.f_code, offset)
    around = _statement_place(unit, site.nodes) if site.op.startswith("UNPACK") else place
    resolver = resolver_at(units, unit, frame, site.nodes)
    notes = notes_at(refused, frame.f_code, around, offset)
    inner = _inner(error, tuple(each.f_code for each, _ in frames[last + 1 :]))
    nodes = (*site.nodes, *_refused_within(unit, resolver, site.nodes, inner))
    return Evidence(
        error,
        "run",
        unit,
        units,
        resolver,
        nodes,
        site.op,
        frame,
        inner=inner,
        uses=uses_at(unit, resolver, nodes, notes, site.op),
        callers=_others(unit, (each.unit for each in sites)),
        sites=sites,
        leak=_leak(error, units, frames),
        namespace=namespace,
    )


def _refused_within(
    unit: Unit, resolver: Resolver, nodes: tuple[ast.AST, ...], inner: tuple[CodeType, ...]
) -> tuple[ast.AST, ...]:
    """Within the last of `nodes`, which runs it, the call of asyncio's function that has refused.

    ``asyncio.run(asyncio.wait_for(work, 1))`` fails in the call of `run`. The nodes down to the
    other are given; none where the last is itself that call, or awaits it.
    """
    code = next((each for each in inner if each.co_flags & CO_COROUTINE), None)
    if code is None or not nodes or code_of(getattr(asyncio, code.co_name, None)) is not code:
        return ()
    last = nodes[-1].value if isinstance(nodes[-1], ast.Await) else nodes[-1]
    calls = [each for each in ast.walk(last) if isinstance(each, ast.Call)]
    call = next((e for e in calls if code_of(resolver.value(e.func)) is code), None)
    if call is None or call is last:
        return ()
    above = takewhile(lambda each: each is not nodes[-1], unit.ancestors(call))
    return (*[*above][::-1], call)


def _is_thrown_in(site: Site) -> bool:
    """Whether the error came from outside to where a plain generator has yielded."""
    return bool(site.frame.f_code.co_flags & CO_GENERATOR) and site.node(ast.Yield) is not None


def _inner(error: BaseException, codes: tuple[CodeType, ...]) -> tuple[CodeType, ...]:
    """What refused beyond the user's code; not a module's ``__getattr__``.

    The interpreter itself asks that for an attribute the module has not; asyncio has one
    since Python 3.14.
    """
    if isinstance(error, AttributeError) and is_real_instance(error.obj, ModuleType):
        asked = vars(error.obj).get("__getattr__")
        if codes == (code_of(asked),):
            return ()
    return codes


def _sites(units: Units, frames: list[tuple[FrameType, int]]) -> tuple[Site, ...]:
    found = []
    for frame, offset in frames:
        unit = units.get(frame.f_code.co_filename)
        if unit is not None:
            place = place_at(frame.f_code, offset)
            nodes = tuple(unit.at(place)) if place else ()
            found.append(Site(unit, frame, nodes, instruction_at(frame.f_code, offset)))
    return tuple(found)


def _leak(
    error: BaseException, units: Units, frames: list[tuple[FrameType, int]]
) -> tuple[Site, ...]:
    """Where a Stop(Async)Iteration passed that the interpreter turned into RuntimeError.

    The interpreter does so when the frame is left: its frame is on the cause's
    traceback and not on the error's. ``raise RuntimeError from stop`` has it on both.
    """
    cause = error.__cause__
    if type(error) is not RuntimeError or not isinstance(
        cause, StopIteration | StopAsyncIteration
    ):
        return ()
    passed = _frames(cause.__traceback__)
    if not passed or any(passed[0][0] is frame for frame, _ in frames):
        return ()
    return _sites(units, passed)


def _statement_place(unit: Unit, nodes: tuple[ast.AST, ...]) -> Place | None:
    """The place of the whole statement: an unpacked value stands beside the failing target."""
    if not nodes:
        return None
    found = unit.statement(nodes[0])
    return Place(found.lineno, found.end_lineno or 0, found.col_offset, found.end_col_offset or 0)


def _others(unit: Unit, units: Iterable[Unit | None]) -> tuple[Unit, ...]:
    return tuple({each.filename: each for each in units if each and each is not unit}.values())


def _frames(trace: TracebackType | None) -> list[tuple[FrameType, int]]:
    found = []
    while trace is not None:
        found.append((trace.tb_frame, trace.tb_lasti))
        trace = trace.tb_next
    return found


#: The modules whose functions run what a thread was made for.
THREADS = ("threading", "concurrent.futures.thread")


def runs_in_thread(error: BaseException | None) -> bool:
    """Whether `error` came out of what a thread was made for."""
    return bool(frames_in_thread(error))


def runs_in_coroutine(error: BaseException | None) -> bool:
    """Whether a coroutine, the user's or a library's, is among what `error` has passed."""
    frames = [frame for frame, _ in walk_tb(getattr(error, "__traceback__", None))]
    return any(each.f_code.co_flags & CO_COROUTINE for each in frames)


def frames_in_thread(error: BaseException | None) -> list[FrameType]:
    """The frames that `error` passed in the other thread in which it arose, if it did in one."""
    frames = [frame for frame, _ in walk_tb(getattr(error, "__traceback__", None))]
    begun = [n for n, each in enumerate(frames) if each.f_globals.get("__name__") in THREADS]
    return frames[begun[-1] :] if begun else []
