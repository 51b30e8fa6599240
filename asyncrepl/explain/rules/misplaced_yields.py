"""``yield`` and ``return`` where they cannot be: refused at once, or one too many when it runs."""

from __future__ import annotations

import ast
import contextlib
from functools import partial
from types import AsyncGeneratorType, CoroutineType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import is_real_instance
from asyncrepl.explain.bindings import result_of_definition
from asyncrepl.explain.explanation import Finding, Rule, of_text
from asyncrepl.explain.fix_editor import Fixing, correction, replaced, short
from asyncrepl.explain.held_operands import innermost_frame
from asyncrepl.explain.kinds import is_async_iterable, is_awaitable
from asyncrepl.explain.protocol_code import meant_to_yield, yield_each
from asyncrepl.explain.rules.object_states import block_at, made_anew, same_source
from asyncrepl.explain.scopes import CannotFixError, annotated, is_generator, own_nodes, scope
from asyncrepl.syntax.names import COMPREHENSIONS, FUNCTIONS, LOOPS, callee_name
from asyncrepl.syntax.source_rewriter import indent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.events.object_info import ObjectInfo
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Function, Unit

_YIELDS = (ast.Yield, ast.YieldFrom)
#: Where a manager is entered whose generator is made by then, from the arguments it was given.
_ENTER = contextlib._AsyncGeneratorContextManager.__aenter__.__code__  # noqa: SLF001


def _yield_from(evidence: Evidence) -> Finding | None:
    unit = evidence.unit
    found = evidence.outermost(ast.YieldFrom)
    function = scope(unit, found)
    if found is None or not isinstance(function, ast.AsyncFunctionDef):
        return None
    value, waits = short(unit, found.value), _is_waiting(evidence, found)
    instead = f"`await` {value}" if waits else f"loop over {value} and yield each item"
    why = f"`{function.name}` is an `async def`, where `yield from` does not exist: {instead}."
    return Finding(why, _delegated(evidence, function))


def _is_waiting(evidence: Evidence, node: ast.YieldFrom) -> bool:
    """Whether ``yield from`` meant ``await``, as it did in generator-based coroutines."""
    info = _delegated_to(evidence, node)
    if info is not None:
        return is_awaitable(info) and not is_async_iterable(info)
    return not isinstance(evidence.unit.parents.get(node), ast.Expr)


def _delegated_to(evidence: Evidence, node: ast.YieldFrom) -> ObjectInfo | None:
    """What is known of it; of ``node.left.walk()``, if all methods of that name give the like."""
    if (info := evidence.resolver.info(node.value)) is not None:
        return info
    found = [each for _, each in evidence.units.functions(callee_name(node.value))]
    infos = [result_of_definition(each) for each in found if not each.decorator_list]
    kinds = {each.kind if each is not None else None for each in infos}
    return infos[0] if len(kinds) == 1 and len(infos) == len(found) else None


@correction
def _delegated(fixing: Fixing, function: Function) -> None:
    evidence, unit = fixing.evidence, fixing.evidence.unit
    for node in own_nodes(function):
        if not isinstance(node, ast.YieldFrom):
            continue
        source, info = unit.source.source(node.value), _delegated_to(evidence, node)
        if _is_waiting(evidence, node):
            fixing.of(unit).replace(node, f"await {source}")
        else:
            walks = info is not None and is_async_iterable(info)
            yield_each(fixing, unit, node, source, "async for" if walks else "for")


def _return_value(evidence: Evidence) -> Finding | None:
    unit = evidence.unit
    found = evidence.outermost(ast.Return)
    function = scope(unit, found) if found is not None and found.value is not None else None
    if (
        found is None
        or not isinstance(function, ast.AsyncFunctionDef)
        or not is_generator(function)
    ):
        return None
    bare = [
        (node, _bare_return(unit, node))
        for node in own_nodes(function)
        if isinstance(node, ast.Return) and node.value is not None
    ]
    why = (
        f"`{function.name}` yields, so it is an async generator: it can only end with a bare "
        f"`return`, not with {short(unit, found)}."
    )
    return Finding(why, replaced(evidence, unit, *bare))


def _bare_return(unit: Unit, node: ast.Return) -> str:
    """What to write for it; an awaited result was waited for, and is an item, too."""
    if not isinstance(node.value, ast.Await):
        return "return"
    return f"yield {unit.source.source(node.value)}\n{unit.source.indent(node)}return"


def _top_level_yield(evidence: Evidence) -> Finding | None:
    unit = evidence.unit
    found = evidence.outermost(*_YIELDS)
    if found is None or scope(unit, found) is not None or _is_of_a_type(evidence, found):
        return None
    if unit.enclosing(found, *COMPREHENSIONS) is not None:
        return None
    why = (
        f"{short(unit, found)} stands at the top level: top-level `await` lets the prompt "
        "suspend, it does not make it a generator."
    )
    return Finding(why, _in_a_generator(evidence, found))


def _is_of_a_type(evidence: Evidence, node: ast.expr) -> bool:
    """Whether `node` stands in an annotation, an alias or a type parameter."""
    around = {type(each).__name__ for each in evidence.unit.ancestors(node)}
    typed = {"TypeAlias", "TypeVar", "ParamSpec", "TypeVarTuple"}  # 3.12 on
    return annotated(evidence.unit, node) is not None or not typed.isdisjoint(around)


@correction
def _in_a_generator(fixing: Fixing, node: ast.expr) -> None:
    """Put the outermost statement into an ``async def`` and walk that."""
    unit, statement = fixing.evidence.unit, fixing.evidence.unit.statement(node)
    for outer in unit.ancestors(statement):
        statement = outer if isinstance(outer, ast.stmt) else statement
    if not isinstance(unit.parents.get(node), ast.Expr):
        return
    name = fixing.fresh(unit, "stream")
    start, end = unit.source.block(statement)
    body = unit.text[start:end].rstrip("\n")
    text = f"async def {name}():\n{indent(body, '    ')}\n\nprint([x async for x in {name}()])\n"
    fixing.of(unit).replace(unit.source.block(statement), text)


def _in_async_comprehension(evidence: Evidence) -> Finding | None:
    unit = evidence.unit
    found = evidence.outermost(*_YIELDS)
    whole = unit.enclosing(found, *COMPREHENSIONS)
    if found is None or whole is None or not _is_about_async(evidence, whole):
        return None
    why = (
        f"{short(unit, found)} stands in a comprehension, which builds one value and cannot yield."
    )
    return Finding(why, _loop_instead(evidence, whole, found))


def _is_about_async(evidence: Evidence, whole: ast.AST) -> bool:
    clauses: list[ast.comprehension] = whole.generators  # type: ignore[attr-defined]
    around = scope(evidence.unit, whole)
    return isinstance(around, ast.AsyncFunctionDef) or any(each.is_async for each in clauses)


@correction
def _loop_instead(fixing: Fixing, whole: ast.expr, inner: ast.expr) -> None:
    unit, clauses = fixing.evidence.unit, whole.generators  # type: ignore[attr-defined]
    if not isinstance(unit.parents.get(whole), ast.Expr) or len(clauses) != 1:
        return
    clause, by = clauses[0], unit.source.indent(whole)
    keyword = "async for" if clause.is_async else "for"
    lines = [
        f"{keyword} {unit.source.source(clause.target)} in {unit.source.source(clause.iter)}:"
    ]
    for test in clause.ifs:
        lines.append(f"{by}{'    ' * len(lines)}if {unit.source.source(test)}:")
    lines.append(f"{by}{'    ' * len(lines)}{unit.source.source(inner)}")
    fixing.of(unit).replace(whole, "\n".join(lines))


_MANAGER = vars(contextlib)["_AsyncGeneratorContextManager"]


def _of_manager(evidence: Evidence, method: str) -> tuple[Unit, Function] | None:
    """The function behind the context manager of `contextlib` whose `method` has raised."""
    frame = innermost_frame(evidence)
    if frame is None or frame.f_code is not vars(_MANAGER)[method].__code__:
        return None
    generator = getattr(frame.f_locals.get("self"), "gen", None)
    if is_real_instance(generator, CoroutineType):
        return evidence.units.definition(generator.cr_code)
    code = generator.ag_code if is_real_instance(generator, AsyncGeneratorType) else None
    return evidence.units.definition(code)


def _never(evidence: Evidence) -> Finding | None:
    found = _of_manager(evidence, "__aenter__")
    if found is None:
        return None
    why = (
        f"`{found[1].name}` ended without `yield`: a context manager has to yield on every path "
        "that does not raise, for there is nothing to enter otherwise."
    )
    return Finding(why, _raising(evidence, *found))


@correction
def _raising(fixing: Fixing, unit: Unit, function: Function) -> None:
    """Raise the error again where a handler lets the function end."""
    edits, last, nodes = fixing.of(unit), function.body[-1], [*own_nodes(function)]
    given = [each for each in nodes if isinstance(each, ast.Return) and each.value is not None]
    yields = _yields(nodes)
    if last in given or (len(given) == 1 and not yields):
        edits.replace(given[-1], f"yield {unit.source.source(given[-1].value or last)}")
    elif not yields and len(named := [*meant_to_yield(unit, function)]) == 1:
        edits.replace(named[0][0], f"yield {unit.source.source(named[0][1])}")
    elif not yields and getattr(last, "finalbody", []):
        raise CannotFixError  # somewhere in the block
    elif not yields:
        edits.lines_after(last, "yield")
    for handler in _ending(function):
        end = handler.body[-1]
        if isinstance(end, ast.Pass | ast.Return):
            edits.replace(end, "raise")
        else:
            edits.lines_after(end, "raise")


def _ending(function: Function) -> Iterator[ast.ExceptHandler]:
    """The handlers around no ``yield`` that go on to the end of the function, or return."""
    for number, statement in enumerate(function.body):
        later = [node for each in function.body[number + 1 :] for node in ast.walk(each)]
        if not isinstance(statement, ast.Try):
            continue
        for handler in statement.handlers:
            inside = list(ast.walk(handler))
            leaves = isinstance(handler.body[-1], ast.Return) or not _yields(later)
            if leaves and not _yields(inside) and not _raises(inside):
                yield handler


def _yields(nodes: list[ast.AST]) -> bool:
    return any(isinstance(node, ast.Yield) for node in nodes)


def _raises(nodes: list[ast.AST]) -> bool:
    return any(isinstance(node, ast.Raise) for node in nodes)


def _twice(evidence: Evidence) -> Finding | None:
    found = _of_manager(evidence, "__aexit__")
    if found is None:
        return None
    unit, function = found
    if not _may_yield_again(unit, function):
        return None  # a loop that ends has closed it before the block
    again = _yield_in_handler(function)
    if again is not None:
        why = (
            f"`{function.name}` yields a second time, where it handles the error of the block: a "
            "context manager yields once, and then ends or raises."
        )
        return Finding(why, replaced(evidence, unit, (unit.statement(again), "raise")))
    why = (
        f"`{function.name}` yields a second time, when the block is over: a context manager "
        "yields once, and what comes after the `yield` cleans up."
    )
    return Finding(why, _once(evidence, unit, function))


def _may_yield_again(unit: Unit, function: Function) -> bool:
    """Whether it has more than one ``yield``, or one in a loop."""
    yields = [each for each in own_nodes(function) if isinstance(each, ast.Yield)]
    looped = (unit.enclosing(each, *LOOPS, *FUNCTIONS) is not function for each in yields)
    return len(yields) > 1 or any(looped)


def _yield_in_handler(function: Function) -> ast.Yield | None:
    """The ``yield`` in a handler of the ``try`` that has the first one in its body."""
    for node in own_nodes(function):
        if isinstance(node, ast.Try) and _yields([n for s in node.body for n in ast.walk(s)]):
            inside = [inner for handler in node.handlers for inner in ast.walk(handler)]
            return next((each for each in inside if isinstance(each, ast.Yield)), None)
    return None


@correction
def _once(fixing: Fixing, unit: Unit, function: Function) -> None:
    """Without the second of two ``yield`` statements; a loop that repeats the only one is left."""
    yields = [node for node in own_nodes(function) if isinstance(node, ast.Yield)]
    statements = [unit.statement(node) for node in yields]
    loop = unit.enclosing(yields[0], *LOOPS, *FUNCTIONS) if yields else None
    if len(yields) == 1 and isinstance(loop, LOOPS) and statements[0] in loop.body:
        fixing.of(unit).lines_after(statements[0], "break")
    elif len(yields) == 2 and all(each in function.body for each in statements):
        fixing.of(unit).remove(statements[1])


_MODEL = (
    "`@asynccontextmanager` makes a context manager of an async generator that yields exactly "
    "once: what is before the `yield` enters, what is after it leaves. A path that cannot give "
    "anything raises."
)


def _used_up(evidence: Evidence) -> Finding | None:
    """``async with manager:`` a second time, of what a decorated generator function gave."""
    frame, block = innermost_frame(evidence), block_at(evidence, ast.AsyncWith)
    if frame is None or frame.f_code is not _ENTER or hasattr(frame.f_locals.get("self"), "args"):
        return None
    own, value = frame.f_locals.get("self"), evidence.resolver.value
    stacked = (c for c in evidence.unit.nodes(ast.Call) if callee_name(c) == "enter_async_context")
    given = [call.args[0] for call in stacked if call.args and value(call.args[0]) is own]
    alone = block is not None and len(block.items) == 1 and not given
    item = block.items[0] if block is not None and alone else None
    manager = item.context_expr if item is not None else next(iter(given), None)
    if manager is None:
        return None
    why = (
        f"{short(evidence.unit, manager)} comes of one call of a function with "
        "`@asynccontextmanager`, and was entered before: each time needs a new call."
    )
    if item is None:
        return Finding(why)
    return Finding(why, _called_anew(evidence, item) or made_anew(evidence, item))


@correction
def _called_anew(fixing: Fixing, item: ast.withitem) -> None:
    """``self.manager = connect()``: kept without the call, which each ``with`` makes."""
    unit, kept = fixing.evidence.unit, item.context_expr
    if not isinstance(kept, ast.Attribute):
        raise CannotFixError
    uses = [n for n in unit.nodes(ast.Attribute) if same_source(unit, n, kept)]
    owners = {each: unit.parents[each] for each in uses}
    made = [each.value for each in owners.values() if isinstance(each, ast.Assign)]
    entered = [each for each, owner in owners.items() if isinstance(owner, ast.withitem)]
    call = made[0] if len(made) == 1 else None
    if not isinstance(call, ast.Call) or len(uses) != len(entered) + 1:
        raise CannotFixError
    if call.args or call.keywords:
        fixing.of(unit).before(call, "lambda: ")
    else:
        fixing.of(unit).replace(call, unit.source.source(call.func))
    for each in entered:
        fixing.of(unit).after(each, "()")


_rule = partial(of_text, stage="compile")
RULES = (
    _rule(
        "yield-from-in-async-def",
        "`yield from` in an `async def`",
        "`yield from` is synchronous delegation and does not exist in async functions. Re-yield "
        "by hand: `async for x in inner(): yield x` for an async source, `for x in xs: yield x` "
        "for a plain one; to wait for a coroutine use `await`.",
        _yield_from,
    ),
    _rule(
        "return-value-in-async-generator",
        "`return` with a value in an async generator",
        "A `yield` anywhere in an `async def` makes it an async generator, and those can only "
        "end with a bare `return`. Yield the last value, keep it on an object, or split the "
        "function.",
        _return_value,
    ),
    _rule(
        "yield-inside-async-comprehension",
        "`yield` in a comprehension",
        "A comprehension builds one value and cannot yield. Use an `async for` statement with "
        "`yield` in its body.",
        _in_async_comprehension,
    ),
    _rule(
        "yield-at-top-level",
        "`yield` at the prompt",
        "Top-level await lets the prompt suspend; it does not make the prompt a generator. "
        "`yield` needs an `async def` around it.",
        _top_level_yield,
    ),
    Rule(
        "context-manager-without-yield",
        "a context manager function that does not yield",
        2,
        _MODEL,
        _never,
        errors=(RuntimeError, TypeError),
    ),
    Rule(
        "context-manager-yields-twice",
        "a context manager function that yields twice",
        6,
        _MODEL,
        _twice,
        errors=(RuntimeError,),
    ),
    Rule(
        "entered-a-second-time",
        "entered a second time",
        5,
        "What a function with `@asynccontextmanager` gives is for one block: it is a generator "
        "that is over then. Call the function again for the next.",
        _used_up,
        errors=(AttributeError,),
    ),
)
