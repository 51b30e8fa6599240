"""What an object refuses by itself: closed, in the middle of something, not ready yet.

Libraries raise errors of their own then, behind a question: ``if self.closed: raise``. Whether it
is one of these is seen by what was asked: an attribute that the end of a block has set, or one
that a method sets while it waits. For what asks where it runs, see `refused_places`.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import (
    MISSING,
    code_of,
    instance_dict,
    is_real_instance,
    lookup,
)
from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, correction, short
from asyncrepl.explain.held_operands import innermost_frame, innermost_trace
from asyncrepl.explain.hoisted_code import taken_in
from asyncrepl.explain.library_results import function_of_code
from asyncrepl.explain.repairs.entered_operands import enter_rest
from asyncrepl.explain.repairs.repair_case import single_assignment
from asyncrepl.explain.scopes import behind_await, own_nodes, scope
from asyncrepl.explain.source_units import own_name
from asyncrepl.explain.value_origins import bindings, loads
from asyncrepl.syntax.names import callee_name, method_owner, written_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.explain.evidence import Evidence, Site
    from asyncrepl.explain.source_units import Function, Unit

_Block = ast.With | ast.AsyncWith


#: Who says whether a loop runs.
OF_LOOPS = frozenset({"get_running_loop", "_get_running_loop", "is_running"})


def _raised(evidence: Evidence) -> tuple[Function, ast.Raise] | None:
    """The ``raise`` that has raised the error, and its function."""
    trace = innermost_trace(evidence)
    code = trace.tb_frame.f_code if trace is not None else None
    function = function_of_code(evidence.units, code)
    if trace is None or code is None or function is None:
        return None
    alone = evidence.units.definition(code) is None  # then it was parsed alone
    line = trace.tb_lineno - (code.co_firstlineno - 1 if alone else 0)
    for each in own_nodes(function):
        if isinstance(each, ast.Raise) and each.lineno <= line <= (each.end_lineno or 0):
            return function, each
    return None


def _guards(function: ast.AST, raised: ast.Raise) -> Iterator[ast.AST]:
    """What was found to be so before `raised` in the `function`: tests, and what did not fail."""
    tests: list[ast.expr] = []
    for each in ast.walk(function):  # the outer before the inner
        held = getattr(each, "body", None)
        body: list[ast.stmt] = held if isinstance(held, list) else []
        if isinstance(each, ast.If) and any(raised in ast.walk(part) for part in body):
            tests.append(each.test)
        if isinstance(each, ast.Try) and any(raised in ast.walk(part) for part in each.orelse):
            yield from each.body
        for before in body[: body.index(raised)] if raised in body else ():
            if isinstance(before, ast.Try) and all(map(_leaves, before.handlers)):
                yield from before.body
    yield from tests[-1:]


def _leaves(handler: ast.ExceptHandler) -> bool:
    return isinstance(handler.body[-1], ast.Return | ast.Raise)


def questions(evidence: Evidence) -> set[str]:
    """The functions that were asked, by their last names, before something refused to go on."""
    found = _raised(evidence)
    guards = [*_guards(*found)] if found is not None else []
    asked = [each for each in guards if not isinstance(each, ast.UnaryOp)]  # ``not is_running()``
    return {callee_name(node) for each in asked for node in ast.walk(each)}


def asked_of_itself(evidence: Evidence) -> tuple[object, set[str]]:
    """The object whose method has raised, and of which attributes of its own that was a question.

    None are named where it was none: ``if self.closed: raise RuntimeError``.
    """
    frame, found = innermost_frame(evidence), _raised(evidence)
    if frame is None or found is None or not frame.f_code.co_argcount:
        return None, set()
    me = frame.f_code.co_varnames[0]
    own, asked = frame.f_locals.get(me), set[str]()
    for guard in _guards(*found):
        asked |= own_attributes(guard, me)
    for each in [*asked]:  # of a property, what that asks
        getter = code_of(getattr(lookup(type(own), each), "fget", None))
        read = function_of_code(evidence.units, getter)
        asked |= own_attributes(read, own_name(read)) if read is not None else set()
    return own, asked


def own_attributes(node: ast.AST, me: str) -> set[str]:
    """The attributes of what `me` stands for that `node` names."""
    return {
        each.attr
        for each in ast.walk(node)
        if isinstance(each, ast.Attribute) and written_name(each.value) == me != ""
    }


def _in_the_middle(evidence: Evidence) -> Finding | None:
    """An object that says that something is under way: another task waits in it."""
    own, asked = asked_of_itself(evidence)
    names = dict.fromkeys(name for each in type(own).__mro__ for name in vars(each))
    for name in names if asked else ():
        code = code_of(inspect.unwrap(lookup(type(own), name)))  # type: ignore[arg-type]
        function = function_of_code(evidence.units, code)
        nested = sum(each.frame.f_code is code for each in evidence.sites) > 1
        mark = _marked_while_it_waits(function, asked) if function is not None else ""
        if name == "__enter__" and function is not None:
            mark = _marked_inside(evidence, own, asked)
        if not mark or nested:
            continue
        what = "a `with`" if name == "__enter__" else f"`{name}`"
        other = "another task waits in it, or in the block of it. "
        if any(evidence.units.calls("gather")):
            other += "`gather` runs all at once, and raises the first error while others run on. "
        why = (
            f"`{mark}` says that {what} of the same {type(own).__name__} is under way: {other}"
            "One at a time: await them one after the other, hold an `asyncio.Lock`, or give each "
            "task its own."
        )
        return Finding(why)
    return None


def _marked_while_it_waits(function: Function, asked: set[str]) -> str:
    """The attribute that `function` sets, waits, and sets back whatever happens; "" for none."""
    me = own_name(function)
    given = [each for each in own_nodes(function) if isinstance(each, ast.Assign)]
    stored = {  # what is counted limits how many there may be
        attr: each.lineno
        for each in given[::-1]
        for target in each.targets
        for attr in own_attributes(target, me) & asked
        if not isinstance(each.value, ast.BinOp)
    }
    waits = [each.lineno for each in own_nodes(function) if isinstance(each, _WAITING)]
    for block in own_nodes(function):
        for each in block.finalbody if isinstance(block, ast.Try) else ():
            back = {n.attr for n in ast.walk(each) if isinstance(n, ast.Attribute)} & {*stored}
            if any(stored[attr] < line < each.lineno for attr in back for line in waits):
                return f"{me}.{min(back)}"
    return ""


def _marked_inside(evidence: Evidence, own: object, asked: set[str]) -> str:
    """The attribute that a plain ``with`` of `own` sets, and sets back, if it is in one only."""
    around = [
        each
        for site in evidence.sites
        for node in site.nodes[-1:]
        for each in (node, *site.unit.ancestors(node))
        if isinstance(each, ast.With)
    ]
    ends = [code_of(lookup(type(own), name)) for name in ("__enter__", "__exit__")]
    functions = [function_of_code(evidence.units, code) for code in ends]
    stored = [
        {n.attr for n in own_nodes(f) if isinstance(n, ast.Attribute) and type(n.ctx) is ast.Store}
        for f in functions
        if f is not None
    ]
    both = set.intersection(*stored) & asked if len(stored) == len(ends) else set()
    return min(both) if both and len(around) == 1 else ""


_WAITING = (ast.Await, ast.AsyncWith, ast.AsyncFor, ast.Yield)


def _left(evidence: Evidence) -> Finding | None:
    """What refuses to be used behind the block that has closed it."""
    own, asked = asked_of_itself(evidence)
    for site in (each for each in reversed(evidence.sites) if asked and each.nodes):
        unit, place = site.unit, site.nodes[-1]
        block = _block_of(site, own)
        if block is not None and _changes(evidence, type(own), asked, block):
            why = (
                f"`{_name_of(block)}` was closed when its `{_with(block)}` ended, and what comes "
                "behind that uses it: it belongs into the block."
            )
            return Finding(why, _moved_in(evidence, unit, block, place))
        call = behind_await(place)
        found = _returning(evidence, unit, call) if isinstance(call, ast.Call) else None
        if found is not None and _changes(evidence, type(own), asked, found[0]):
            block, name = found
            why = (
                f"`{name}` returns `{_name_of(block)}` out of its `{_with(block)}`, which closes "
                f"it: {short(unit, call)} comes too late. Do that inside the block."
            )
            return Finding(why)
    return None


def _with(block: _Block) -> str:
    return "async with" if isinstance(block, ast.AsyncWith) else "with"


def _name_of(block: _Block) -> str:
    item = block.items[0]
    return written_name(item.optional_vars or item.context_expr)


def _block_of(site: Site, own: object) -> _Block | None:
    """The block around which the `site` stands, behind it, and that has entered `own`."""
    unit, place, names = site.unit, site.nodes[-1], {**site.frame.f_globals, **site.frame.f_locals}
    blocks: list[_Block] = [*unit.nodes(ast.With), *unit.nodes(ast.AsyncWith)]
    for block in blocks:
        over = (block.end_lineno or 0) < getattr(place, "lineno", 0)
        inside = scope(unit, block) is scope(unit, place) and len(block.items) == 1
        if over and inside and own is not None and names.get(_name_of(block)) is own:
            return block
    return None


def _returning(evidence: Evidence, unit: Unit, call: ast.Call) -> tuple[_Block, str] | None:
    """The block out of which what it entered is returned, to be the owner of `call`; by whom."""
    owner = method_owner(call)
    made = behind_await((single_assignment(unit, owner, awaited=True) or owner) if owner else None)
    for home, function in evidence.units.functions(callee_name(made)) if made else ():
        for each in ast.walk(function):
            value = each.value if isinstance(each, ast.Return) else None
            around = home.ancestors(each) if isinstance(value, ast.Name) else ()
            block = next((b for b in around if isinstance(b, _Block)), None)
            if block is not None and _name_of(block) == written_name(value):
                return block, function.name
    return None


def _changes(evidence: Evidence, kind: type, asked: set[str], block: _Block) -> bool:
    """Whether leaving the `block` sets one of the attributes that were `asked`, of a `kind`."""
    touched = set(_touched_at_the_end(evidence, block))
    stored = _set_by(evidence, kind, "__aexit__", "__exit__", *touched, to=_STATES)
    return bool((touched | stored) & asked)


def _set_by(
    evidence: Evidence, kind: type, *methods: str, to: tuple[type, ...] = (ast.expr,)
) -> set[str]:
    """The attributes of its own that these `methods` of a `kind` set, and all that they call.

    Those that are set `to` such expressions.
    """
    stored, todo = set[str](), [*methods]
    for name in todo:  # which grows
        function = function_of_code(evidence.units, code_of(lookup(kind, name)))
        if function is None:
            continue
        me = own_name(function)
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and isinstance(node.value, to):
                stored |= own_attributes(ast.Tuple(node.targets), me)
        todo += sorted(own_attributes(function, me).difference(todo))
    return stored


#: What says that something is closed: ``True``, ``None``, ``State.CLOSED``.
_STATES = (ast.Constant, ast.Attribute)


def _touched_at_the_end(evidence: Evidence, block: _Block) -> Iterator[str]:
    """The attributes of what it gives that a manager function of the user's names afterwards."""
    made = block.items[0].context_expr
    for _, function in evidence.units.functions(callee_name(made)):
        gives = [each for each in ast.walk(function) if isinstance(each, ast.Yield) and each.value]
        for each in ast.walk(function) if gives else ():
            given = written_name(gives[0].value)
            of_it = isinstance(each, ast.Attribute) and written_name(each.value) == given != ""
            if of_it and each.lineno > gives[0].lineno:  # type: ignore[attr-defined]
                yield each.attr  # type: ignore[attr-defined]


@correction
def _moved_in(fixing: Fixing, unit: Unit, block: _Block, place: ast.AST) -> None:
    """What follows the `block` in it, up to what uses what it has made."""
    names = {_name_of(block)} | {
        each.id
        for part in block.body
        for each in ast.walk(part)
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
    }
    taken_in(fixing, unit, block, names, unit.statement(place))


def _not_awaited(evidence: Evidence) -> Finding | None:
    """What only `await` makes ready, as a pool or a server, and nobody has awaited."""
    own, asked = asked_of_itself(evidence)
    refused = bool(asked & _set_by(evidence, type(own), "__await__"))
    for site in reversed(evidence.sites):
        function = site.unit.definition(site.frame.f_code)
        for name, made in _kept_calls(site.unit, function) if function is not None else ():
            value, uses = site.frame.f_locals.get(name.id), loads(site.unit, name)
            if not (refused and value is own and uses) and (uses or not _waits_for_await(value)):
                continue
            if any(isinstance(site.unit.parents.get(e), ast.Await | ast.withitem) for e in uses):
                continue
            enters = " or `async with`" if lookup(type(value), "__aenter__") is not MISSING else ""
            why = (
                f"`{name.id}` is made ready by `await`{enters}, and nobody has awaited it: "
                f"{short(site.unit, made)} only makes it."
            )
            return Finding(why, _made_ready(evidence, site.unit, made, bool(enters and not uses)))
    return None


@correction
def _made_ready(fixing: Fixing, unit: Unit, made: ast.Call, enters: bool) -> None:
    """``await`` in front of the call; or ``async with`` around the rest, if no name is needed."""
    if enters:
        enter_rest(fixing, unit, unit.statement(made), unit.source.source(made), "")
    else:
        fixing.awaiting(unit, made)


def _kept_calls(unit: Unit, function: Function) -> Iterator[tuple[ast.Name, ast.Call]]:
    """The names in an ``async def`` that are given once, and what a call has made."""
    for each in own_nodes(function) if isinstance(function, ast.AsyncFunctionDef) else ():
        match each:
            case ast.Assign([ast.Name() as name], ast.Call() as made):
                if len(bindings(unit, name)[1]) == 1:
                    yield name, made


def _waits_for_await(value: object) -> bool:
    """Whether it is of a class with `__await__`, and has no task that runs already."""
    awaits = code_of(lookup(type(value), "__await__")) is not None
    held = instance_dict(value).values() if awaits else ()
    runs = is_real_instance(value, asyncio.Future)
    return awaits and not runs and not any(is_real_instance(e, asyncio.Task) for e in held)


RULES = (
    Rule(
        "concurrent-steps-of-one-generator",
        "an object that another task is in the middle of",
        2,
        "While a task waits in a method, others run, and may come to the same object. One that "
        "is not made for that says so: a session, a connection, a cursor is for one at a time.",
        _in_the_middle,
        errors=(Exception,),
    ),
    Rule(
        "used-outside-of-its-block",
        "used when its block has ended",
        5,
        "What `async with` enters is open inside of the block, and closed when that is left: by "
        "its end, by `return`, by an error. What needs it belongs inside.",
        _left,
        errors=(Exception,),
    ),
    Rule(
        "coroutine-never-awaited-in-body",
        "an awaitable that nobody awaits",
        5,
        "Some objects are made at once, and ready when they have been awaited: a pool of "
        "connections, a server. `await` in front of the call does both.",
        _not_awaited,
        errors=(Exception,),
    ),
)
