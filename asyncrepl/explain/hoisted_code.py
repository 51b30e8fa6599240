"""Changes of whole functions: what suspends is moved to where it can."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from asyncrepl.explain.demands import demand_of
from asyncrepl.explain.fresh_names import fresh, item_name
from asyncrepl.explain.held_operands import ASYNCIO
from asyncrepl.explain.operand_uses import Use
from asyncrepl.explain.other_callers import overridden_code
from asyncrepl.explain.scopes import (
    CannotFixError,
    block_of,
    deepen,
    is_async,
    own_nodes,
    scope,
)
from asyncrepl.explain.value_origins import is_handed_on
from asyncrepl.instrument.probe_placement import LATER_CALLS, READY_CALLS
from asyncrepl.syntax.names import FUNCTIONS, bound_names, callee_name, last_name
from asyncrepl.syntax.source_rewriter import Span

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.fix_editor import Fixing
    from asyncrepl.explain.source_units import Function, Unit
    from asyncrepl.explain.value_origins import Origin


def lambda_to_def(fixing: Fixing, unit: Unit, node: ast.Lambda) -> None:
    """Make an ``async def`` of the lambda `node`; of ``map(lambda …)`` a comprehension."""
    parent = unit.parents.get(node)
    if isinstance(parent, ast.Call) and callee_name(parent) in ("map", "filter"):
        _map_to_comprehension(fixing, unit, parent, node)
        return
    call = unit.parents.get(parent) if isinstance(parent, ast.keyword) else None
    if isinstance(parent, ast.keyword) and parent.arg == "key" and isinstance(call, ast.Call):
        keys_first(fixing, unit, call, parent)
        return
    if isinstance(parent, ast.Call) and node is not parent.func and _is_callback(parent, node):
        _task_in_lambda(fixing, unit, node)
        return
    statement, edits = unit.statement(node), fixing.of(unit)
    assigned = isinstance(statement, ast.Assign) and statement.value is node
    target = statement.targets[0] if isinstance(statement, ast.Assign) and assigned else None
    name = target.id if isinstance(target, ast.Name) else fixing.fresh(unit, "job")
    head, body = f"async def {name}({_parameters(unit, node)}):", unit.source.source(node.body)
    lines, by = f"{head}\n    return {body}", unit.source.indent(statement)
    if isinstance(target, ast.Name):
        edits.replace(statement, f"{head}\n{by}    return {body}")
        for call in unit.nodes(ast.Call):
            if callee_name(call) == name and not is_handed_on(unit, call):
                fixing.awaiting(unit, call)
    elif scope(unit, node.body) is node:
        edits.lines_before(statement, lines)
        edits.replace(node, name)


#: Functions that take a key, and which argument has the items.
KEYED = {"sorted": 0, "min": 0, "max": 0, "groupby": 0, "nlargest": 1, "nsmallest": 1}


def keys_first(fixing: Fixing, unit: Unit, call: ast.Call, key: ast.keyword) -> None:
    """``sorted(items, key=score)``, the `call`, → the keys in a dict, computed before."""
    position = KEYED.get(callee_name(call))
    if position is not None:
        items = call.args[-1] if len(call.args) == position + 1 else None
    else:
        sorts = callee_name(call) == "sort" and isinstance(call.func, ast.Attribute)
        items = call.func.value if sorts else None  # type: ignore[attr-defined]  # an attribute
    if items is None or isinstance(items, ast.Starred):
        return
    match key.value:
        case ast.Lambda(
            ast.arguments(args=[ast.arg(own)]), ast.Attribute(ast.Await(ast.Name(given)), asked)
        ) if given == own and items in call.args:  # the items themselves are to be awaited
            text = f"[await {own} for {own} in {unit.source.source(items)}]"
            fixing.of(unit).replace(items, text)
            fixing.of(unit).replace(key.value.body, f"{own}.{asked}")
            fixing.suspending(unit, call)
            return
    name, item = fixing.fresh(unit, "keys"), fresh(unit, "item")
    made = f"await {unit.source.source(key.value)}({item})"
    if isinstance(key.value, ast.Lambda):
        waits = any(isinstance(each, ast.Await) for each in ast.walk(key.value.body))
        body = unit.source.source(key.value.body)
        item, made = key.value.args.args[0].arg, body if waits else f"await {body}"
    line = f"{name} = {{{item}: {made} for {item} in {unit.source.source(items)}}}"
    fixing.of(unit).lines_before(unit.statement(call), line)
    info = fixing.evidence.resolver.info(items)
    again = isinstance(items, ast.Name) and info is not None and info.kind in (list, tuple)
    if items in call.args and not again:  # an iterator is over by then
        fixing.of(unit).replace(items, name)
    fixing.of(unit).replace(key.value, f"{name}.get")
    fixing.suspending(unit, call)


def _is_callback(call: ast.Call, node: ast.Lambda) -> bool:
    """Whether asyncio calls the lambda, on the loop, and awaits nothing."""
    demand = demand_of(Use("argument", node, call, None), None)
    threads = ("to_thread", "run_in_executor", "submit")
    return demand is not None and demand.what == "function" and callee_name(call) not in threads


def _task_in_lambda(fixing: Fixing, unit: Unit, node: ast.Lambda) -> None:
    """``lambda: await f()`` → ``lambda: asyncio.create_task(f())``."""
    awaited = node.body.value if isinstance(node.body, ast.Await) else None
    if not isinstance(awaited, ast.Call):
        raise CannotFixError
    text = f"asyncio.create_task({unit.source.source(awaited)})"
    fixing.of(unit).replace(node.body, text)


def _parameters(unit: Unit, node: ast.Lambda) -> str:
    text = unit.source.source(node)
    body = unit.source.span(node.body).start - unit.source.span(node).start
    return text[len("lambda") : text.rindex(":", 0, body)].strip()


def _map_to_comprehension(fixing: Fixing, unit: Unit, call: ast.Call, node: ast.Lambda) -> None:
    arguments = node.args.args
    if len(arguments) != 1 or len(call.args) != 2 or call.args[0] is not node:
        raise CannotFixError
    body, source = unit.source.source(node.body), unit.source.source(call.args[1])
    name = arguments[0].arg
    if callee_name(call) == "map":
        text = f"[{body} for {name} in {source}]"
    else:
        text = f"[{name} for {name} in {source} if {body}]"
    outer = unit.parents.get(call)
    is_list = isinstance(outer, ast.Call) and callee_name(outer) == "list"
    fixing.of(unit).replace(outer if is_list and outer else call, text)
    fixing.suspending(unit, call)


#: What is written in the place of a call that walks items through an async function.
MAPPERS = {
    "map": "[await {f}({x}) for {x} in {items}]",
    "starmap": "[await {f}(*{x}) for {x} in {items}]",
    "filter": "[{x} for {x} in {items} if await {f}({x})]",
    "filterfalse": "[{x} for {x} in {items} if not await {f}({x})]",
}


def mapped(fixing: Fixing, unit: Unit, call: ast.Call) -> None:
    """``list(map(work, items))``, or `call` alone, → ``[await work(item) for item in items]``."""
    function, items = map(unit.source.source, call.args)
    parent, name = unit.parents.get(call), item_name(unit, call.args[1], call.args[0])
    whole = parent if isinstance(parent, ast.Call) and callee_name(parent) == "list" else call
    text = MAPPERS[callee_name(call)].format(f=function, x=name, items=items)
    fixing.of(unit).replace(whole, text)
    fixing.suspending(unit, call)


def called_here(fixing: Fixing, unit: Unit, call: ast.Call, parts: list[ast.expr]) -> None:
    """``await to_thread(work, 1)`` → ``await work(1)``: the `call`, in `unit`, of its `parts`.

    Where nobody waits for it, a task of that.
    """
    function, *arguments = map(unit.source.source, [*parts, *call.keywords])
    text = f"{function}({', '.join(arguments)})"
    alone = isinstance(unit.parents.get(call), ast.Expr)
    fixing.of(unit).replace(call, f"asyncio.create_task({text})" if alone else text)


def called_at(fixing: Fixing, places: list[Origin]) -> None:
    """A call of what stands at the `places`."""
    for unit, node in places:
        fixing.of(unit).after(node, "()")


def out_of_class(
    fixing: Fixing, unit: Unit, owner: ast.ClassDef, node: ast.AST, source: str = ""
) -> None:
    """Put `node`, which suspends, in front of the class `owner`, and its value into the body.

    Of an expression, `source` is what is written there, if that is not the expression itself.
    """
    statement = unit.statement(node)
    edits = fixing.of(unit)
    if isinstance(node, ast.expr):
        if _uses_class_names(owner, node):
            raise CannotFixError
        name = fixing.fresh(unit, _value_name(statement))
        edits.lines_before(owner, f"{name} = {source or unit.source.source(node)}\n")
        edits.replace(node, name)
    else:
        _hoist_statements(fixing, unit, owner, statement)
    fixing.suspending(unit, owner)


def _uses_class_names(owner: ast.ClassDef, node: ast.AST) -> bool:
    """Whether `node` needs a name that the body of the class binds."""
    names = [each for each in own_nodes(owner) if isinstance(each, ast.Name)]
    bound = {name for each in own_nodes(owner) for name in bound_names(each)}
    inner = {id(each) for each in ast.walk(node)}
    return any(each.id in bound for each in names if id(each) in inner)


def _value_name(statement: ast.stmt) -> str:
    target = statement.targets[0] if isinstance(statement, ast.Assign) else None
    return f"{target.id}_value" if isinstance(target, ast.Name) else "value"


def _hoist_statements(fixing: Fixing, unit: Unit, owner: ast.ClassDef, last: ast.stmt) -> None:
    """Move a loop, and the assignments of names it uses, in front of the class."""
    edits, used = (
        fixing.of(unit),
        {each.id for each in ast.walk(last) if isinstance(each, ast.Name)},
    )
    moved: list[str] = []
    renamed: list[str] = []
    for statement in owner.body[: owner.body.index(last)]:
        target = statement.targets[0] if isinstance(statement, ast.Assign) else None
        if (
            isinstance(statement, ast.Assign)
            and isinstance(target, ast.Name)
            and target.id in used
        ):
            moved.append(_dedented(unit, statement))
            name = target.id
            if scope(unit, owner) is not None:  # the body of a class sees no local name it binds
                name = fixing.fresh(unit, f"{target.id}_value")
                renamed.append(f"{name} = {target.id}")
            edits.replace(statement, f"{target.id} = {name}")
            if _uses_class_names(owner, statement.value):
                raise CannotFixError
        elif not used.isdisjoint(_touched(statement)):
            raise CannotFixError
    if not moved:
        raise CannotFixError
    edits.lines_before(owner, "\n".join([*moved, _dedented(unit, last), *renamed, ""]))
    edits.remove(last)


def _touched(statement: ast.stmt) -> set[str]:
    """The names a statement binds, or changes something of."""
    names = {getattr(statement, "name", "")}
    for node in ast.walk(statement):
        if isinstance(getattr(node, "ctx", None), ast.Store):
            names |= {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    return names


def _dedented(unit: Unit, statement: ast.stmt) -> str:
    by = unit.source.indent(statement)
    start, end = unit.source.block(statement)
    lines = unit.text[start:end].rstrip("\n").split("\n")
    return "\n".join(line.removeprefix(by) for line in lines)


def default_inside(fixing: Fixing, unit: Unit, function: Function, node: ast.AST) -> None:
    """Give the parameter whose default is `node` the default None, and compute it in the body."""
    edits, arguments = fixing.of(unit), function.args
    named = arguments.posonlyargs + arguments.args
    pairs = list(
        zip(named[len(named) - len(arguments.defaults) :], arguments.defaults, strict=True)
    )
    pairs += [
        (a, d) for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if d
    ]
    for argument, default in pairs:
        if any(inner is node for inner in ast.walk(default)):
            text = unit.source.source(default)
            edits.replace(default, "None")
            lines = f"if {argument.arg} is None:\n    {argument.arg} = {text}"
            edits.lines_before(_first_after_docstring(function), lines)
            return
    raise CannotFixError


def _first_after_docstring(function: Function) -> ast.stmt:
    first = function.body[0]
    if ast.get_docstring(function) is not None and len(function.body) > 1:
        return function.body[1]
    return first


def put_head(fixing: Fixing, unit: Unit, function: Function, head: str) -> None:
    """Write `head` for ``def name``."""
    fixing.of(unit).replace_head(function, head)


def make_plain(fixing: Fixing, unit: Unit, function: Function) -> None:
    """Make `function`, an ``async def``, a ``def``."""
    put_head(fixing, unit, function, f"def {function.name}")


def task_later(fixing: Fixing, unit: Unit, call: ast.Call) -> bool:
    """``call_later(1, lambda: work())`` → a task of `call` then; whether it is that.

    Also of a statement in a plain function that the loop calls, or a protocol's method.
    """
    function = scope(unit, call)
    own = isinstance(function, ast.FunctionDef) and isinstance(unit.parents.get(call), ast.Expr)
    takers: list[ast.AST | None] = [unit.parents.get(function)] if function is not None else []
    if own and isinstance(function, ast.FunctionDef):
        nodes = fixing.evidence.units.nodes(ast.Call)
        takers = [each for _, each in nodes if function.name in map(last_name, each.args)]
    elif not isinstance(function, ast.Lambda) or function.body is not call:
        return False
    names = {callee_name(each) for each in takers}
    called = bool(names & {*LATER_CALLS}) and (own or not names & {*READY_CALLS})
    if not called and not (own and _is_of_asyncio(fixing.evidence, unit, function)):
        return False
    fixing.given_to(unit, call, "asyncio.create_task")
    return True


def _is_of_asyncio(evidence: Evidence, unit: Unit, function: ast.AST | None) -> bool:
    """Whether `function` is the method of a protocol, say, that a transport calls on the loop."""
    code = overridden_code(evidence, unit, function) if isinstance(function, FUNCTIONS) else None
    return code is not None and code.co_filename.startswith(ASYNCIO)


def next_taken(fixing: Fixing, unit: Unit, waits: ast.Await, text: str) -> None:
    """`text`, a ``next(…)``, for an ``await``; returned from ``__anext__``, with its end."""
    returns = unit.parents.get(waits)
    ends = getattr(unit.enclosing(waits, *FUNCTIONS), "name", "") == "__anext__"
    if not ends or not isinstance(returns, ast.Return):
        fixing.of(unit).replace(waits, text)
        return
    by = unit.source.indent(returns)
    lines = ["try:", f"    return {text}", "except StopIteration:", "    raise StopAsyncIteration"]
    fixing.of(unit).replace(returns, f"\n{by}".join(lines))


def predicate_awaited(fixing: Fixing, unit: Unit, call: ast.Call) -> None:
    """`call`, ``changed.wait_for(ready)`` → a loop that awaits ``ready``, and a change."""
    await_, function = unit.parents.get(call), call.func
    alone = isinstance(await_, ast.Await) and isinstance(unit.parents.get(await_), ast.Expr)
    if not alone or not isinstance(function, ast.Attribute) or len(call.args) != 1:
        raise CannotFixError
    owner, predicate = map(unit.source.source, (function.value, call.args[0]))
    inside = f"{unit.source.indent(unit.statement(call))}    "
    text = f"while not await {predicate}():\n{inside}await {owner}.wait()"
    fixing.of(unit).replace(unit.statement(call), text)


def made_plain(fixing: Fixing, unit: Unit, function: Function) -> None:
    """Make `function` a ``def``, if nothing waits in it; else raise CannotFixError."""
    if any(is_async(node) or isinstance(node, ast.Yield) for node in own_nodes(function)):
        raise CannotFixError
    make_plain(fixing, unit, function)


def async_factory(fixing: Fixing, unit: Unit, function: Function) -> str:
    """Make ``async def create(cls, …)`` of an ``__init__``, `function`, that awaits; its name."""
    owner = unit.parents.get(function)
    own = function.args.args[0] if function.args.args else None
    if not isinstance(owner, ast.ClassDef) or own is None:
        raise CannotFixError
    edits, by = fixing.of(unit), unit.source.indent(function)
    name = fixing.fresh_attribute("create")
    put_head(fixing, unit, function, f"@classmethod\n{by}async def {name}")
    edits.replace(own, "cls")
    edits.lines_before(_first_after_docstring(function), f"{own.arg} = cls()")
    edits.lines_after(function.body[-1], f"return {own.arg}")
    for caller in (unit, *fixing.evidence.callers):
        made_by_factory(fixing, caller, owner, name)
    return name


def made_by_factory(fixing: Fixing, caller: Unit, owner: ast.ClassDef, name: str) -> None:
    """``Job()`` in `caller` → ``await Job.create()``, also of a class that inherits it."""
    heirs = {
        each.name
        for _, each in fixing.evidence.units.nodes(ast.ClassDef)
        if owner.name in map(last_name, each.bases)
    }
    for call in caller.nodes(ast.Call):
        if isinstance(call.func, ast.Name) and call.func.id in {owner.name, *heirs}:
            fixing.of(caller).after(call.func, f".{name}")
            fixing.awaiting(caller, call)


def made_in_function(fixing: Fixing, unit: Unit, node: ast.expr, made: str = "") -> None:
    """``asyncio.run(gather(a(), b()))``: `node` is made in an ``async def``, where a loop runs.

    If `made` is given, that is, in the place of `node`.
    """
    name = fixing.fresh(unit, "main")
    text = f"async def {name}():\n    return await {made or unit.source.source(node)}\n"
    fixing.of(unit).lines_before(unit.statement(node), text)
    fixing.of(unit).replace(node, f"{name}()")


def body_after(fixing: Fixing, unit: Unit, statement: Any, line: str) -> None:
    """In the place of the loop or block `statement` the `line`, and then its body."""
    by, body = unit.source.indent(statement), statement.body[0]
    inner = unit.source.indent(body)
    lines = unit.text[unit.source.span(body).start : unit.source.span(statement).end].split("\n")
    more = (by + each.removeprefix(inner) if each.strip() else each for each in lines[1:])
    rest = "\n".join([lines[0], *more])
    fixing.of(unit).replace(statement, f"{line}\n{by}{rest}")
    fixing.suspending(unit, statement)


def not_awaiting(fixing: Fixing, unit: Unit, node: ast.Await) -> None:
    """The operand of `node`, a part of `unit`, without the ``await`` in front of it."""
    start, end = unit.source.span(node).start, unit.source.span(node.value).start
    fixing.of(unit).replace(Span(start, end), "")


def taken_in(
    fixing: Fixing, unit: Unit, block: ast.With | ast.AsyncWith, names: set[str], needed: ast.stmt
) -> None:
    """Take what follows the `block` into it, up to the last that may use its `names`.

    CannotFixError if the statement `needed` would not be among that.
    """
    beside = block_of(unit, block)
    rest = that_use(beside[beside.index(block) + 1 :], names)
    if needed not in rest or not unit.source.begins_line(block.body[0]):
        raise CannotFixError
    start, end = unit.source.block(rest[0]).start, unit.source.block(rest[-1]).end
    deepen(fixing.of(unit), unit, start, end, unit.source.indent(block))


def that_use(rest: list[ast.stmt], names: set[str]) -> list[ast.stmt]:
    """Of `rest` the statements up to the last that may use one of `names`, or what may keep it."""
    known, last = names, 0
    for number, statement in enumerate(rest, 1):
        used = {each.id for each in ast.walk(statement) if isinstance(each, ast.Name)}
        if used & known:
            known, last = known | used, number
    return rest[:last] or rest
