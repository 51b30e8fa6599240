"""The end of an iteration, raised or met in the wrong place."""

from __future__ import annotations

import ast
import sys
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, Other, Rule
from asyncrepl.explain.fix_editor import Fixing, corrected, correction, replaced, short
from asyncrepl.explain.repairs.moved_walks import end_loop, guard_statement
from asyncrepl.explain.scopes import behind_call, catches, is_generator, scope
from asyncrepl.explain.static_values import Resolver
from asyncrepl.explain.value_origins import called, is_step, stepped_source
from asyncrepl.syntax.names import FUNCTIONS, LOOPS, callee_name, canonical_name, last_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    from asyncrepl.explain.evidence import Evidence, Site
    from asyncrepl.explain.source_units import Unit

_STOPS = ("StopIteration", "StopAsyncIteration")
NEXT_CALLS = ("anext", "__anext__")


def _raised(site: Site) -> ast.Raise | None:
    """``raise StopIteration`` written out at the place."""
    node = site.node(ast.Raise)
    return node if node and canonical_name(behind_call(node.exc)) in _STOPS else None


def _in_anext(evidence: Evidence) -> Finding | None:
    """StopIteration that left a coroutine, and came from an ``__anext__``."""
    sites = [site for site in evidence.leak if site.frame.f_code.co_name == "__anext__"]
    if not sites or not isinstance(evidence.error and evidence.error.__cause__, StopIteration):
        return None
    site = sites[-1]
    why = (
        "`__anext__` let StopIteration out: an async iterator ends with StopAsyncIteration, "
        "and Python turns StopIteration into RuntimeError."
    )
    return Finding(why, _ended_properly(evidence, site))


@correction
def _ended_properly(fixing: Fixing, site: Site) -> None:
    unit, raised = site.unit, _raised(site)
    edits = fixing.of(unit)
    if raised is not None:
        text = unit.source.source(raised).replace("StopIteration", "StopAsyncIteration", 1)
        edits.replace(raised, text)
        return
    if not site.nodes:
        return
    node, function = site.nodes[-1], scope(unit, site.nodes[-1])
    statement = unit.statement(node)
    if isinstance(function, ast.AsyncFunctionDef):
        guard_statement(edits, unit, node, "StopIteration", "raise StopAsyncIteration from None")
    elif isinstance(statement, ast.Return) and statement.value is not None and function:
        # It awaits in ``async def __anext__`` what the plain method handed out.
        edits.before(function, "async ")
        by = unit.source.indent(statement)
        edits.replace(
            statement,
            f"try:\n{by}    return await {unit.source.source(statement.value)}\n"
            f"{by}except StopIteration:\n{by}    raise StopAsyncIteration from None",
        )


def _asks(site: Site) -> bool:
    """Whether the place asks for the next item, or raises what ends an iteration."""
    return _raised(site) is not None or callee_name(site.node(ast.Call)) in ("next", "__next__")


def _out_of(flag: int, stop: type[BaseException]) -> Callable[[Evidence], Finding | None]:
    """Of an exception of the kind `stop` that left an async generator, or a coroutine."""

    def find(evidence: Evidence) -> Finding | None:
        cause = evidence.error.__cause__ if evidence.error is not None else None
        code = evidence.leak[0].frame.f_code if evidence.leak else None
        if not isinstance(cause, stop) or code is None or not code.co_flags & flag:
            return None
        name = code.co_name
        if flag == CO_COROUTINE:
            if evidence.leak[-1].frame.f_code.co_name == "<module>" or not _asks(
                evidence.leak[-1]
            ):
                return None  # out of a statement, or of a library that drives a coroutine
            why = (
                f"`{name}` let {stop.__name__} out: the end of a coroutine is one itself, so "
                "Python makes a RuntimeError of any other. Ask `next` with a default."
            )
            return Finding(why)
        subject = "The generator expression" if name.startswith("<") else f"`{name}`"
        why = (
            f"{subject} let {stop.__name__} out; an async generator ends with `return`, nothing "
            "else."
        )
        if stop is StopAsyncIteration and (wrong := _plain_ends(evidence.leak[0])):
            unit = evidence.leak[0].unit
            why += " What its handler asks for, StopIteration, ends plain iterators."
            fix = replaced(evidence, unit, *((each, stop.__name__) for each in wrong))
            return Finding(why, fix)
        return Finding(why, _returned(evidence, evidence.leak[0], stop.__name__))

    return find


def _plain_ends(site: Site) -> list[ast.Name]:
    """The StopIteration that handlers around the place expect, of an asynchronous step."""
    found = []
    for guard in site.unit.ancestors(site.nodes[-1]) if site.nodes else ():
        if isinstance(guard, FUNCTIONS):
            break
        for handler in guard.handlers if isinstance(guard, ast.Try) else ():
            names = (each for each in ast.walk(handler) if isinstance(each, ast.Name))
            found += [each for each in names if canonical_name(each) == "StopIteration"]
    return found


@correction
def _returned(fixing: Fixing, site: Site, stop: str) -> None:
    unit = site.unit
    edits, raised, call = fixing.of(unit), _raised(site), site.node(ast.Call)
    if raised is not None:
        edits.replace(raised, "return")
    elif site.nodes and unit.enclosing(site.nodes[-1], ast.GeneratorExp) is None:
        guard_statement(edits, unit, site.nodes[-1], stop, _leaving(unit, site.nodes[-1]))
    elif call is not None and len(call.args) == 1 and callee_name(call) in ("next", "anext"):
        _defaulted(fixing, unit, call)


def _leaving(unit: Unit, step: ast.AST) -> str:
    """What ends at the end of the items: the generator, or a loop over what another makes."""
    loop = unit.enclosing(step, *LOOPS, *FUNCTIONS)
    outer = unit.enclosing(loop, *LOOPS, *FUNCTIONS) if isinstance(loop, LOOPS) else None
    if loop is None or not isinstance(outer, LOOPS):
        return "return"
    sources = {each.id for each in ast.walk(unit.statement(step)) if isinstance(each, ast.Name)}
    inside = {*ast.walk(loop)}
    names = (each for each in ast.walk(outer) if isinstance(each, ast.Name) and each not in inside)
    made = {each.id for each in names if isinstance(each.ctx, ast.Store)}
    return "break" if sources & made else "return"


def _loop_around(unit: Unit, node: ast.AST) -> ast.AsyncFor | None:
    """The ``async for`` in whose body `node` stands, in the same function."""
    for child, parent in unit.steps_up(node):
        if isinstance(parent, FUNCTIONS):
            return None
        if isinstance(parent, ast.AsyncFor) and child in parent.body:
            return parent
    return None


def catches_end(guard: ast.Try) -> bool:
    """Whether a handler of it takes a StopAsyncIteration."""
    ends = ("StopAsyncIteration", "Exception", "BaseException")
    return any(catches(handler, *ends) for handler in guard.handlers)


def stopped_at(evidence: Evidence) -> Site | None:
    """Where the end was met: behind the user's own ``__anext__``, if it came through one."""
    sites = _sites_outside(evidence)
    return sites[-1] if sites else None


def _sites_outside(evidence: Evidence) -> list[Site]:
    """The places that the error passed, but those in the user's own ``__anext__``."""
    return [site for site in evidence.sites if site.frame.f_code.co_name != "__anext__"]


def awaited_step(evidence: Evidence, site: Site) -> tuple[Unit, ast.Call] | None:
    """The call of ``anext(it)`` or ``it.__anext__()`` whose result is awaited at `site`.

    By itself, or by what it is given to: ``wait_for(anext(it), 1)``.
    """
    node = site.node(ast.Await)
    operand = node.value if node else site.node(ast.Call)
    for each in _awaited_together(operand) if operand is not None else ():
        found = called(evidence, site.unit, each)
        if found is not None and callee_name(found[1]) in NEXT_CALLS:
            return found
    return None


def _awaited_together(awaited: ast.expr) -> list[ast.expr]:
    """`awaited` and, if that is a call, what it is given."""
    if not isinstance(awaited, ast.Call):
        return [awaited]
    return [awaited, *awaited.args, *(each.value for each in awaited.keywords)]


def _in_body(evidence: Evidence) -> Finding | None:
    site = stopped_at(evidence)
    if site is None or not site.nodes or _loop_around(site.unit, site.nodes[-1]) is None:
        return None
    raised, step = _raised(site), awaited_step(evidence, site)
    if raised is not None:
        why = (
            "StopAsyncIteration only ends the loop when `__anext__` raises it; in the body it "
            "is an error."
        )
        return Finding(why, replaced(evidence, site.unit, (raised, "break")))
    if step is None:
        return None
    why = (
        f"{short(*step)} found no more items, in the body of the loop: there "
        "StopAsyncIteration is an error like any other."
    )
    return Finding(why, corrected(evidence, _defaulted, *step))


def _defaulted(fixing: Fixing, unit: Unit, call: ast.Call) -> None:
    edits = fixing.of(unit)
    if isinstance(call.func, ast.Attribute):
        edits.replace(call, f"anext({unit.source.source(call.func.value)}, None)")
    elif call.args:
        end = unit.source.span(call).end - 1
        edits.insert(end, " None" if unit.text[:end].rstrip().endswith(",") else ", None")


#: What lets a program go on after a time limit: what catches its error, or never lets it out.
_TIMEOUT_ERRORS = {"TimeoutError", "CancelledError", "OSError", "Exception", "BaseException"}
_SWALLOWING = ("suppress", "gather", "wait", "create_task", "move_on_after")
_TIME_LIMITS = ("wait_for", "timeout", "timeout_at")


def _exhausted(evidence: Evidence) -> Finding | None:
    site = stopped_at(evidence)
    step = awaited_step(evidence, site) if site else None
    if site is None or step is None:
        return _exhausted_object(evidence, site) if site else None
    if len(step[1].args) > 1:
        return None
    fixing = Fixing(evidence)
    if not end_loop(evidence, fixing, _sites_outside(evidence), step[1]):
        _defaulted(fixing, *step)
    also = Other("timeout-ends-the-generator", "a timeout has cancelled an earlier step of it")
    maybe = also if _may_be_cancelled(step[1], evidence) else None
    return Finding(_why_exhausted(*step), fixing.fix(), maybe)


def _exhausted_object(evidence: Evidence, site: Site) -> Finding | None:
    """A step that came from elsewhere, awaited here, or in what is awaited here."""
    node = site.node(ast.Await)
    resolver = Resolver.of_frame(evidence.units, site.frame)
    awaited = _awaited_together(node.value) if node is not None else []
    step = next((each for each in awaited if is_step(resolver.info(each))), None)
    if step is None:
        return None
    fixing = Fixing(evidence)
    ended = end_loop(evidence, fixing, _sites_outside(evidence), None)
    return Finding(_why_exhausted(site.unit, step), fixing.fix() if ended else None)


def _why_exhausted(unit: Unit, node: ast.expr) -> str:
    return (
        f"{short(unit, node)} found no more items: outside of `async for` the end is a "
        "StopAsyncIteration, unless there is a default."
    )


def outlives_timeouts(evidence: Evidence) -> bool:
    """Whether anything takes a TimeoutError, or what it is made of: else a timeout ends all."""
    return any(map(_takes_timeouts, evidence.units.all()))


def _takes_timeouts(unit: Unit) -> bool:
    """Whether anything in `unit` takes a TimeoutError, or what it is made of."""
    if not unit.calls.keys().isdisjoint(_SWALLOWING):
        return True
    return any(catches(each, *_TIMEOUT_ERRORS) for each in unit.nodes(ast.ExceptHandler))


def _may_be_cancelled(call: ast.Call, evidence: Evidence) -> bool:
    """Whether a timeout may have cancelled an earlier step: that leaves no trace."""
    if not isinstance(stepped_source(call), ast.Name) or not outlives_timeouts(evidence):
        return False
    return any(evidence.units.calls(*_TIME_LIMITS))


def _raised_by_thread(evidence: Evidence) -> Finding | None:
    """The RuntimeError that Python makes of it from 3.12 on."""
    cause = evidence.error.__cause__ if evidence.error is not None else None
    trace = cause.__traceback__ if type(cause) is StopIteration else None
    if trace is None or not _runs_job(trace.tb_frame.f_code) or not evidence.sites:
        return None
    site = evidence.sites[-1]
    waited = site.node(ast.Await)
    return _out_of_thread(evidence, site.unit, waited) if waited is not None else None


def _runs_job(code: CodeType) -> bool:
    """Whether it is what runs a job in a thread of a pool."""
    items = vars(sys.modules.get("concurrent.futures.thread", ast)).get("_WorkItem")
    return items is not None and code is vars(items)["run"].__code__


def _waits_for_thread(evidence: Evidence) -> Finding | None:
    """Before, the loop's log has it, and who awaits the thread waits for ever."""
    waited = evidence.node(ast.Await)
    return _out_of_thread(evidence, evidence.unit, waited) if waited is not None else None


def _out_of_thread(evidence: Evidence, unit: Unit, waited: ast.Await) -> Finding:
    why = (
        f"{short(unit, waited.value)} ends in a StopIteration, which cannot come out of a thread "
        "into an `await`: a future does not take it. Give `next` a default and ask for that."
    )
    return Finding(why, _with_default(evidence, unit, waited))


@correction
def _with_default(fixing: Fixing, unit: Unit, waited: ast.Await) -> None:
    """``next(it, end)``, and what was to be done at the StopIteration where that comes."""
    call, statement = waited.value, unit.statement(waited)
    loop = unit.enclosing(waited, *LOOPS)
    if not isinstance(call, ast.Call) or loop is None or not _gives_next(call):
        return
    end, leaving = fixing.fresh(unit, "end"), _at_the_end(unit, waited)
    edits, source = fixing.of(unit), unit.source.source
    edits.lines_before(loop, f"{end} = object()")
    if isinstance(statement, ast.Assign) and statement.value is waited:
        edits.after(call.args[-1], f", {end}")
        target = source(statement.targets[0])
        edits.lines_after(statement, f"if {target} is {end}:\n    {leaving}")
    else:
        name = fixing.fresh(unit, "item")
        inner = f"{source(call)[:-1].rstrip().rstrip(',')}, {end})"
        test = f"if ({name} := await {inner}) is {end}:\n    {leaving}"
        edits.lines_before(statement, test)
        edits.replace(waited, name)


def _gives_next(call: ast.Call) -> bool:
    """Whether it is ``to_thread(next, it)`` or the like, with no default."""
    names = [last_name(each) for each in call.args]
    return "next" in names[:-1] and names.index("next") == len(names) - 2 and not call.keywords


def _at_the_end(unit: Unit, waited: ast.Await) -> str:
    """What a handler of the StopIteration does; else the loop, or the generator, ends."""
    function, loop = scope(unit, waited), unit.enclosing(waited, *LOOPS)
    for guard in unit.ancestors(waited):
        for handler in guard.handlers if isinstance(guard, ast.Try) else ():
            if last_name(handler.type) == "StopIteration":
                inside = loop in set(unit.ancestors(guard)) and len(handler.body) == 1
                return unit.source.source(handler.body[0]) if inside else "raise StopIteration"
    yields = function is not None and is_generator(function)
    return "return" if yields and not isinstance(loop, ast.While) else "break"


_RULE = (
    "stopiteration-out-of-a-thread",
    "a StopIteration out of a thread",
    3,
    (
        "A StopIteration cannot be raised into a future, nor out of a coroutine. Up to Python "
        "3.11 `await asyncio.to_thread(next, it)` waits for ever at the end of the items, since "
        "then it is a RuntimeError. Ask with a default: `await asyncio.to_thread(next, it, None)`."
    ),
)

RULES = (
    Rule(*_RULE, _raised_by_thread, errors=(RuntimeError,)),
    Rule(*_RULE, _waits_for_thread, sees="stopped"),
    Rule(
        "stopiteration-in-anext",
        "StopIteration out of `__anext__`",
        6,
        "An async iterator ends by raising StopAsyncIteration. StopIteration cannot pass out of "
        "a coroutine: Python turns it into RuntimeError.",
        _in_anext,
        errors=(RuntimeError,),
    ),
    Rule(
        "stopiteration-in-async-generator",
        "StopIteration out of an async generator",
        6,
        "To end an async generator just `return` (or fall off the end). StopIteration from "
        "inside, also from a bare `next(it)`, becomes RuntimeError.",
        _out_of(CO_ASYNC_GENERATOR, StopIteration),
        errors=(RuntimeError,),
    ),
    Rule(
        "stopiteration-in-async-generator",
        "StopIteration out of a coroutine",
        6,
        "A coroutine hands its result on as a StopIteration, so it cannot raise one: Python turns "
        "it into RuntimeError. `next(it, default)` tells the end, or catch it in the coroutine.",
        _out_of(CO_COROUTINE, StopIteration),
        errors=(RuntimeError,),
    ),
    Rule(
        "stopasynciteration-in-async-generator",
        "StopAsyncIteration out of an async generator",
        6,
        "Inside an async generator `return` ends the iteration; a StopAsyncIteration raised "
        "there, also one that leaks from `await anext(it)`, becomes RuntimeError. Use `return`, "
        "`async for`, or `anext(it, default)`.",
        _out_of(CO_ASYNC_GENERATOR, StopAsyncIteration),
        errors=(RuntimeError,),
    ),
    Rule(
        "stopasynciteration-in-body",
        "StopAsyncIteration in the body of the loop",
        5,
        "StopAsyncIteration only ends the loop when it comes out of `__anext__`; raised in the "
        "body (also by `await anext(other)`) it is an error like any other. Use `break`, or "
        "`anext(other, default)`.",
        _in_body,
        errors=(StopAsyncIteration,),
    ),
    Rule(
        "exhausted-anext-raises",
        "`anext` at the end of the items",
        6,
        "Outside `async for`, the end of an async iterator reaches you as StopAsyncIteration. "
        "Give a default, `await anext(gen, None)`, or catch StopAsyncIteration.",
        _exhausted,
        errors=(StopAsyncIteration,),
    ),
)
