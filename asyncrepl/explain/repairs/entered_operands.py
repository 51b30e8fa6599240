"""What has to be entered: ``async with``, around the statement or the rest of its block."""

from __future__ import annotations

import ast
import asyncio
import contextlib
from types import AsyncGeneratorType
from typing import TYPE_CHECKING, Any

from asyncrepl.events.object_info import MISSING, ObjectInfo, lookup
from asyncrepl.explain.demands import met
from asyncrepl.explain.fresh_names import fresh
from asyncrepl.explain.held_operands import ASYNCIO
from asyncrepl.explain.hoisted_code import body_after, not_awaiting, that_use
from asyncrepl.explain.kinds import Kind, has, is_async_iterable
from asyncrepl.explain.repairs.iterated_operands import given_to, walked_plainly
from asyncrepl.explain.repairs.moved_awaits import entered_head, methods_awaited
from asyncrepl.explain.repairs.repair_case import LOOPS, Case, as_entered, made_here, yields_once
from asyncrepl.explain.scopes import CannotFixError, block_of, deepen, scope, with_await
from asyncrepl.explain.value_origins import called, loads, origins
from asyncrepl.syntax.names import callee_name, canonical_name, written_name
from asyncrepl.syntax.source_rewriter import Span

if TYPE_CHECKING:
    from asyncrepl.explain.fix_editor import Fixing
    from asyncrepl.explain.source_units import Unit


def unclosed(fixing: Fixing, case: Case) -> None:
    """What has no ``aclose`` needs nobody to call it."""
    _named_before(fixing, case, case.unit.parents.get(case.unit.parents[case.owner]))


def _named_before(fixing: Fixing, case: Case, statement: ast.AST | None) -> None:
    """``async with x as name:``, the `statement` → ``name = x``, and its body."""
    items = getattr(statement, "items", [])
    target = items[0].optional_vars if len(items) == 1 else None
    if not isinstance(target, ast.Name):
        raise CannotFixError
    body_after(fixing, case.unit, statement, f"{target.id} = {case.source}")


def delegated_entered(fixing: Fixing, case: Case) -> None:
    """``yield from manager`` → a loop over what it gives, in an ``async def``."""
    if not isinstance(case.unit.parents.get(case.owner), ast.Expr):
        raise CannotFixError
    options = case.evidence.resolver.entered(case.info) if case.info is not None else []
    loop = "async for" if any(is_async_iterable(each) for each in options) else "for"
    name, item = fixing.fresh(case.unit, "entered"), fresh(case.unit, "item")
    by = case.unit.source.indent(case.owner)
    text = (
        f"async with {case.source} as {name}:\n{by}    {loop} {item} in {name}:\n"
        f"{by}        yield {item}"
    )
    fixing.of(case.unit).replace(case.owner, text)
    fixing.suspending(case.unit, case.owner)


def entered_generator(fixing: Fixing, case: Case) -> None:
    """An async generator in a ``with``: closed at its end, or made a context manager."""
    found = case.home
    once = found is not None and yields_once(*found)
    manages = once and (not _names(case) or not _body_walks(case))
    name = "asynccontextmanager" if manages else "aclosing"
    if found is not None and not once and _body_takes_item(case):
        return _looped(fixing, case)
    if isinstance(case.owner, ast.With):
        make_async_with(fixing, case)
    if isinstance(case.owner, ast.Call) and (found is None or case.demand.what == "enter"):
        raise CannotFixError
    if name == "aclosing" and (case.info is None or lookup(case.info.kind, "aclose") is MISSING):
        if not _body_walks(case):
            raise CannotFixError
        return _named_before(fixing, case, case.owner)  # it is walked as it is
    if name == "aclosing":
        fixing.needs_name(case.unit, "contextlib", name)
        fixing.given_to(case.unit, case.node, "aclosing")
        return None
    assert found is not None
    _decorated(fixing, *found)
    return None


def _body_takes_item(case: Case) -> bool:
    """Whether the name stands for an item in the body: what is asked of it no generator has."""
    item = case.owner.items[0]
    if len(case.owner.items) != 1 or not isinstance(item.optional_vars, ast.Name):
        return False
    parents = [case.unit.parents.get(each) for each in loads(case.unit, item.optional_vars)]
    asked = [each for each in parents if isinstance(each, ast.Attribute | ast.Subscript)]
    return bool(asked) and not any(
        isinstance(each, ast.Attribute) and hasattr(AsyncGeneratorType, each.attr)
        for each in asked
    )


def _looped(fixing: Fixing, case: Case) -> None:
    """``async with rows() as row`` → ``async for row in rows()``."""
    unit, statement = case.unit, case.owner
    item = statement.items[0]
    start = unit.source.span(statement).start
    end = unit.source.span(item.optional_vars).end
    name = unit.source.source(item.optional_vars)
    fixing.of(unit).replace(Span(start, end), f"async for {name} in {case.source}")
    fixing.suspending(unit, statement)


def _decorated(fixing: Fixing, unit: Unit, function: Any) -> None:
    fixing.needs_name(unit, "contextlib", "asynccontextmanager")
    start = unit.source.span(function).start
    by = unit.source.indent(function)
    fixing.of(unit).insert(unit.source.line_start(start), f"{by}@asynccontextmanager\n")


def _names(case: Case) -> set[str]:
    """The names that the statement binds."""
    return {
        item.optional_vars.id
        for item in getattr(case.owner, "items", [])
        if isinstance(item.optional_vars, ast.Name)
    }


def _body_walks(case: Case) -> bool:
    names = _names(case)
    return not names or any(
        isinstance(each, ast.AsyncFor | ast.comprehension)
        and isinstance(each.iter, ast.Name)
        and each.iter.id in names
        for each in ast.walk(case.owner)
    )


def entered_async(fixing: Fixing, case: Case) -> None:
    """``stack.enter_context(cm)`` → ``await stack.enter_async_context(cm)``, of another stack."""
    call = case.owner
    stack = call.func.value if isinstance(call.func, ast.Attribute) else None
    known = case.evidence.resolver.info(stack) if stack is not None else None
    if stack is not None and has(known, "enter_async_context"):
        text = f"{case.unit.source.source(stack)}.enter_async_context"
        fixing.of(case.unit).replace(call.func, text)
        fixing.awaiting(case.unit, call)
        return
    statement = case.unit.enclosing(call, ast.With)
    if stack is None or statement is None:
        raise CannotFixError
    item = statement.items[0]
    if callee_name(item.context_expr) != "ExitStack" or not isinstance(
        item.context_expr, ast.Call
    ):
        raise CannotFixError
    end = case.unit.source.span(item.context_expr.func).end
    fixing.of(case.unit).insert(end - len("ExitStack"), "Async")
    if isinstance(item.context_expr.func, ast.Name):
        fixing.needs_name(case.unit, "contextlib", "AsyncExitStack")
    fixing.of(case.unit).replace(
        call.func, f"{case.unit.source.source(stack)}.enter_async_context"
    )
    fixing.of(case.unit).before(statement, "async ")
    fixing.awaiting(case.unit, call)


def entered_uncalled(fixing: Fixing, case: Case) -> None:
    """``async with manager() as x`` → ``async with manager as x``."""
    call = case.owner
    item = case.unit.parents.get(call)
    if not isinstance(item, ast.withitem) or call.args or call.keywords:
        raise CannotFixError
    fixing.of(case.unit).replace(call, case.source)


def opened(fixing: Fixing, case: Case) -> None:
    """Where asyncio runs something: a coroutine that enters the manager, and gives its value."""
    unit, statement = case.unit, case.unit.statement(case.owner)
    if not unit.source.begins_line(statement):
        raise CannotFixError
    name = fixing.fresh(unit, "opened")
    keyword = "async with" if has(case.info, "__aenter__") else "with"
    lines = f"async def {name}(manager):\n    {keyword} manager as value:\n        return value\n"
    fixing.of(unit).lines_before(statement, lines)
    given_to(fixing, case, name)


def entered(fixing: Fixing, case: Case) -> None:
    """``async with … as name`` around what needs it: the rest of the block, or the statement."""
    unit, node = case.unit, case.node
    whole: ast.expr = case.owner if isinstance(case.owner, ast.Await) else node
    if whole is not node and isinstance(unit.parents.get(whole), ast.withitem):
        entered_head(fixing, case)
        return
    if case.demand.what == "call":
        whole = with_await(unit, case.owner)
    made = made_here(case)
    target = unit.parents.get(made) if made is not None else unit.parents.get(whole)
    options = _given_when_entered(case)
    if _is_one(options) and isinstance(case.owner, ast.AsyncFor) and not case.owner.orelse:
        name, start = unit.source.source(case.owner.target), unit.source.span(case.owner).start
        span = Span(start, unit.source.span(node).end)  # ``async for conn in connect():``
        fixing.of(unit).replace(span, f"async with {case.source} as {name}")
        return
    _adapt_loop(fixing, case, options)
    _adapt_head(fixing, unit, whole, options)
    if isinstance(target, ast.Assign) and isinstance(target.targets[0], ast.Name):
        if as_entered(fixing, unit, node):
            return
        source = unit.source.source(made if made is not None else node) + case.suffix
        fixing.changed = made
        enter_rest(fixing, unit, target, source, target.targets[0].id)
        if made is not None and whole is not node:
            span = Span(unit.source.span(whole).start, unit.source.span(node).start)
            fixing.of(unit).replace(span, "")
        return
    around_statement(fixing, unit, whole, case.source)


def _given_when_entered(case: Case) -> list[ObjectInfo]:
    """What entering the operand may give, as it was seen or as it is made."""
    resolver = case.evidence.resolver
    seen = resolver.entered(case.info) if case.info is not None else []
    made = (each for info in resolver.options(case.node) for each in resolver.entered(info))
    return seen or list(made)


def _is_one(options: list[ObjectInfo]) -> bool:
    """Whether it is known to be one thing, and none that can be walked."""
    walks = (has(each, "__iter__") or is_async_iterable(each) for each in options)
    texts = all(each.kind is str for each in options)
    return bool(options) and (texts or not any(walks))


def _adapt_head(fixing: Fixing, unit: Unit, whole: ast.expr, options: list[ObjectInfo]) -> None:
    """The kind of loop that walks what is entered, where ``await`` stood in its head."""
    loop = unit.parents.get(whole)
    if not isinstance(whole, ast.Await) or not isinstance(loop, LOOPS) or not options:
        return
    is_async = isinstance(loop, ast.AsyncFor) or bool(getattr(loop, "is_async", False))
    walkable = any(is_async_iterable(each) for each in options)
    if is_async and not walkable:
        fixing.loop_plain(unit, loop)
    elif walkable and not is_async:
        fixing.loop_async(unit, loop)


def _adapt_loop(fixing: Fixing, case: Case, options: list[ObjectInfo]) -> None:
    """The kind of loop that what is entered needs; only where the loop is the owner."""
    if case.demand.what == "walk" and any(is_async_iterable(each) for each in options):
        if not isinstance(case.owner, LOOPS):
            raise CannotFixError
        fixing.loop_async(case.unit, case.owner)
    elif case.demand.what == "async walk" and options:
        if not any(is_async_iterable(each) for each in options):
            if not any(has(each, "__iter__") for each in options):
                raise CannotFixError
            fixing.loop_plain(case.unit, case.owner)
    elif case.demand.what in ("value", "walk", "call", "step") and not (
        any(met(case.demand, each) for each in options) or not options
    ):
        raise CannotFixError


def enter_rest(fixing: Fixing, unit: Unit, statement: ast.stmt, manager: str, name: str) -> None:
    """Make ``async with manager as name:`` of `statement`, around the rest of its block.

    Without a `name` it is around all that follows.
    """
    block, head = block_of(unit, statement), f"async with {manager}{name and f' as {name}'}:"
    after = block[block.index(statement) + 1 :]
    rest = that_use(after, {name}) if name else after
    if not rest and unit.filename.startswith("<input "):  # what follows is typed later
        fixing.of(unit).replace(statement, f"{head} pass")
        return
    if not rest or not unit.source.begins_line(statement):
        raise CannotFixError
    edits, by = fixing.of(unit), unit.source.indent(statement)
    edits.replace(statement, head)
    start, end = unit.source.block(rest[0]).start, unit.source.block(rest[-1]).end
    deepen(fixing.of(unit), unit, start, end, by)
    fixing.suspending(unit, statement)


def awaited_before(fixing: Fixing, case: Case) -> None:
    """``async with fetch() as x:`` → ``x = await fetch()``, if that is nothing to be entered."""
    code, options = case.code, case.awaited
    name = code.co_name if code is not None else ""
    own = code is not None and code.co_filename.startswith(ASYNCIO) and "_server" not in name
    plain = own if not options else all(each.kind.__module__ == "builtins" for each in options)
    if not plain or any(has(each, "__aenter__", "__enter__") for each in options):
        raise CannotFixError  # others may have to be closed
    if not isinstance(case.owner, ast.With | ast.AsyncWith) or len(case.owner.items) != 1:
        raise CannotFixError
    target = case.owner.items[0].optional_vars
    given = f"{case.unit.source.source(target)} = " if target is not None else ""
    body_after(fixing, case.unit, case.owner, f"{given}await {case.source}")


def around_statement(
    fixing: Fixing, unit: Unit, whole: ast.expr, manager: str, keyword: str = "async with"
) -> None:
    """Put ``async with manager as name:`` around the statement of `whole`, and the name in it."""
    statement = unit.statement(whole)
    if not unit.source.begins_line(statement) or scope(unit, whole) is not scope(unit, statement):
        raise CannotFixError
    name, by = fixing.fresh(unit, "stream"), unit.source.indent(statement)
    parent = unit.parents.get(whole)
    inner = unit.source.span(whole)
    if isinstance(parent, ast.Expr):
        fixing.of(unit).replace(whole, f"{keyword} {manager}: pass")
        fixing.suspending(unit, whole)
        return
    around = unit.text[inner.start - 1 : inner.start] + unit.text[inner.end : inner.end + 1]
    bracketed = around == "()" and isinstance(parent, ast.Attribute | ast.Subscript)
    span = Span(inner.start - 1, inner.end + 1) if bracketed else inner
    edits = fixing.of(unit)
    edits.insert(unit.source.block(statement).start, f"{by}{keyword} {manager} as {name}:\n")
    start, end = unit.source.block(statement)
    deepen(fixing.of(unit), unit, start, end, by)
    edits.replace(span, name)
    fixing.suspending(unit, statement)


def make_async_with(fixing: Fixing, case: Case) -> None:
    """``async with``, of those managers that need it; coroutines made inside are awaited."""
    _split(fixing, case, asynchronous=True)
    methods_awaited(fixing, case)


def lock_of_asyncio(fixing: Fixing, case: Case) -> None:
    """``threading.Lock()`` → ``asyncio.Lock()``, where a task suspends while it holds it."""
    (unit, call), *others = origins(case.evidence.units, case.unit, case.node)
    maker = getattr(call, "func", call)
    module, _, name = canonical_name(maker).partition(".")
    items = [item for block in case.unit.nodes(ast.With) for item in block.items]
    shared = written_name(case.node) in [written_name(item.context_expr) for item in items]
    suspends = any(isinstance(each, ast.Await) for each in ast.walk(case.owner))
    if others or shared or not suspends or module != "threading" or not hasattr(asyncio, name):
        raise CannotFixError
    fixing.of(unit).replace(maker, f"asyncio.{name}")


def make_plain_with(fixing: Fixing, case: Case) -> None:
    """``with``, of those managers that need it."""
    if case.info is not None and case.info.kind is asyncio.Runner:
        raise CannotFixError  # its loop would run in this one
    made = called(case.evidence, case.unit, case.node)
    if _closes_generator(case, made[1] if made is not None else None):
        if made is None or callee_name(made[1]) != "closing":
            raise CannotFixError
        fixing.needs_name(case.unit, "contextlib", "aclosing")
        fixing.of(made[0]).replace(made[1].func, "aclosing")
        return
    _split(fixing, case, asynchronous=False)
    walked_plainly(fixing, case)


def _closes_generator(case: Case, made: ast.Call | None) -> bool:
    """Whether it is ``closing`` of an async generator, which has no ``close``."""
    if case.info is None or case.info.kind is not contextlib.closing:
        return False
    inner = case.evidence.resolver.info(made.args[0]) if made is not None and made.args else None
    kinds = [case.info.members.get("thing"), inner.kind if inner is not None else None]
    return AsyncGeneratorType in kinds


def _split(fixing: Fixing, case: Case, *, asynchronous: bool) -> None:
    """The statement with the other keyword; in two, if others need the one it has."""
    unit, statement = case.unit, case.owner
    edits = fixing.of(unit)
    others = [item for item in statement.items if item.context_expr is not case.node]
    wanted = "__aenter__" if asynchronous else "__enter__"
    twins = {item: has(case.evidence.resolver.info(item.context_expr), wanted) for item in others}
    keyword = "async with" if asynchronous else "with"
    start = unit.source.span(statement).start
    first = unit.source.span(statement.items[0].context_expr).start
    before = unit.text[start:first]
    if all(twins.values()):
        edits.replace(Span(start, first), before.replace("async ", "").replace("with", keyword, 1))
    else:
        _in_two(fixing, case, keyword, [item for item in others if not twins[item]])
    if asynchronous:
        fixing.suspending(unit, statement)


def _in_two(fixing: Fixing, case: Case, keyword: str, kept: list[ast.withitem]) -> None:
    unit, statement, edits = case.unit, case.owner, fixing.of(case.unit)
    by = unit.source.indent(statement)
    own = "async with" if isinstance(statement, ast.AsyncWith) else "with"
    items = [(keyword if each not in kept else own, each) for each in statement.items]
    lines, depth = [], 0
    for word, item in items:
        text = unit.source.source(item.context_expr)
        if item.optional_vars is not None:
            text += f" as {unit.source.source(item.optional_vars)}"
        lines.append(f"{by if depth else ''}{'    ' * depth}{word} {text}:")
        depth += 1
    body = statement.body[0]
    if body.lineno == statement.lineno:
        raise CannotFixError
    start = unit.source.span(statement).start
    line = unit.source.line_start(unit.source.span(body).start)
    edits.replace(Span(start, line), "\n".join(lines) + "\n")
    end = unit.source.block(statement).end
    for _ in range(depth - 1):
        deepen(fixing.of(unit), unit, line, end, by)


def entered_first(fixing: Fixing, case: Case) -> None:
    """``async for`` over a plain context manager: over what ``with`` gives."""
    if case.kind is not Kind.MANAGER:
        raise CannotFixError
    fixing.loop_plain(case.unit, case.owner)
    around_statement(fixing, case.unit, case.node, case.source, keyword="with")


def unentered_plainly(fixing: Fixing, case: Case) -> None:
    """The same for what a plain ``for`` walks."""
    target = case.owner.items[0].optional_vars
    loops = [
        each
        for each in ast.walk(case.owner)
        if isinstance(each, ast.AsyncFor)
        and isinstance(each.iter, ast.Name)
        and each.iter.id == getattr(target, "id", None)
    ]
    statement = case.owner
    if len(loops) != 1 or len(statement.body) != 1 or loops[0] is not statement.body[0]:
        raise CannotFixError
    by, deeper = case.unit.source.indent(statement), case.unit.source.indent(loops[0])
    start = case.unit.source.span(loops[0]).start + len("async ")
    lines = case.unit.text[start : case.unit.source.span(statement).end].split("\n")
    rest = [by + line.removeprefix(deeper) if line.strip() else line for line in lines[1:]]
    name = getattr(target, "id", "items")
    text = "\n".join([f"{name} = {case.source}", by + lines[0], *rest])
    fixing.of(case.unit).replace(statement, text)


def entered_plainly(fixing: Fixing, case: Case) -> None:
    """``await stack.enter_async_context(cm)`` → ``stack.enter_context(cm)``."""
    call = case.owner
    if not isinstance(call.func, ast.Attribute):
        raise CannotFixError
    source = case.unit.source.source(call.func.value)
    fixing.of(case.unit).replace(call.func, f"{source}.enter_context")
    if isinstance(awaits := case.unit.parents.get(call), ast.Await):
        not_awaiting(fixing, case.unit, awaits)
