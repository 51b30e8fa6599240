"""What changes while code waits, and what runs later than it looks: placing probes, and these.

What was read before an ``await`` may be another thing after it, and what is made in a loop without
one runs only when the loop is over. Probes are put where a function relies on the opposite, and
look whether it mattered; such places are few. As they stand where code waits, or makes what waits,
their own time is nothing to it.

- "overwriting": a variable is written with what was worked out before a wait, from its old value;
- "shrunk": a list is iterated over in a loop that waits;
- "reused": a generator yields one object again and again, and changes it;
- "limiting": what is entered around tasks that run when it is left;
- "late": what runs later asks for the variable of the loop that makes it;
- "outliving": what runs when it is walked or awaited is returned out of the block it needs;
- "unordered": the set of the tasks that are done is taken for a row, or what `as_completed` gave;
- "falsy": a loop ends with an item that counts as false.

Only names, their attributes and items of these are followed, where no code of the user's runs.
"""

from __future__ import annotations

import ast
import builtins
from sys import _getframe
from types import AsyncGeneratorType, BuiltinMethodType, CoroutineType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from asyncrepl.events.finding_log import active_log, see
from asyncrepl.events.object_info import MISSING, has_begun, is_new, is_real_instance, part_of
from asyncrepl.instrument.iterated_awaitables import unordered_names
from asyncrepl.instrument.probe_placement import (
    LATER_CALLS,
    WAITS,
    Part,
    bare,
    names_in,
    own_nodes,
    part_arguments,
    read_part,
    reads_part,
    same_part,
    waits,
    wrapped_in_probe,
)
from asyncrepl.instrument.silent_mistake_placement import copied_nodes
from asyncrepl.syntax.names import (
    FUNCTIONS,
    LOOPS,
    bound_names,
    callee_name,
    method_owner,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
_TASK_MAKERS = {"create_task", "ensure_future"}
_KEEPERS = ("append", "add", "insert", "register")  # their names begin so
_EXITS = ("__exit__", "__aexit__")
#: What runs a loop, waits for what another thread does, or takes back that of the last round.
_SETTLERS = {"run_until_complete", "run_forever", "run", "join", "result", "wait", "cancel"}
#: What makes plain values, not things of which one is to be made.
_VALUES = {
    "time", "monotonic", "perf_counter", "now", "utcnow", "str", "int", "float", "bool", "len",
    "max", "min", "sum",
}  # fmt: skip
_MUTATORS = {"clear", "append", "extend", "update", "add", "insert", "pop", "remove"}


def probe_waits(tree: ast.AST) -> None:
    """Put probes where code relies on nothing else running while it waits, in `tree` itself."""
    for function in [each for each in copied_nodes(tree) if isinstance(each, FUNCTIONS)]:
        nodes = [each for part in function.body for each in own_nodes(part)]
        for node in nodes:
            if isinstance(node, ast.With | ast.AsyncWith):
                _probe_returned(node.items, node.body)
            match node:
                case ast.AsyncWith([ast.withitem(entered) as item], body) if not waits(body):
                    if _TASK_MAKERS & _called(body):
                        item.context_expr = wrapped_in_probe(".limiting", entered)
                case ast.While(ast.NamedExpr(value=ast.Await(step)) as test):
                    _probe_ending(test, bare(step))
                case ast.Call(args=arguments) if callee_name(node) == "zip":
                    done = unordered_names(nodes)
                    node.args = [
                        wrapped_in_probe(".unordered", each)
                        if getattr(bare(each), "id", "") in done
                        else each
                        for each in arguments
                    ]
                case ast.For(body=body) if waits(body):
                    _probe_iterated_list(node, nodes)
                case ast.For():
                    _probe_late(node, nodes)
                case ast.Yield(ast.Name(name)) if _is_reused(nodes, node, name):
                    node.value = wrapped_in_probe(".reused", node.value)  # type: ignore[arg-type]
                case ast.Return() | ast.Await():
                    _probe_given(node, function.name)
        if isinstance(function, ast.AsyncFunctionDef):
            _probe_written([function, *nodes])


def _probe_given(node: ast.Return | ast.Await, function: str) -> None:
    """What an ``__exit__`` returns, and ``await shield(work())``: nobody else has that task."""
    match node:
        case ast.Return(ast.Await() | ast.Call() as given) if function in _EXITS:
            if callee_name(bare(getattr(given, "value", given))) not in _EXITS:
                node.value = wrapped_in_probe(".leaving", given)
        case ast.Await(given) if callee_name(call := bare(given)) == "shield":
            if any(isinstance(bare(each), ast.Call) for each in call.args):  # type: ignore[attr-defined]
                node.value = wrapped_in_probe(".shielding", given)


def _called(body: Sequence[ast.AST]) -> set[str]:
    return {callee_name(each) for part in body for each in own_nodes(part)}


def _probe_returned(items: list[ast.withitem], body: Sequence[ast.stmt]) -> None:
    """``return session.lines()`` in the block of ``async with … as session``."""
    names = {name for each in items for name in _names_of(each.optional_vars)}
    for node in [each for part in body for each in own_nodes(part)]:
        match node:
            case ast.Return(ast.Call() as call) if getattr(method_owner(call), "id", "") in names:
                node.value = wrapped_in_probe(".outliving", call)


def _names_of(node: ast.AST | None) -> list[str]:
    return [name for each in ast.walk(node or ast.Pass()) for name in bound_names(each)]


def _probe_ending(test: ast.NamedExpr, step: ast.expr) -> None:
    """``while item := await anext(it, None)``, or ``await queue.get()``."""
    match step:
        case ast.Call(args=[_, ast.Constant(None)]) if callee_name(step) == "anext":
            test.value = wrapped_in_probe(".ending", test.value)
        case ast.Call(ast.Attribute(queue, "get"), []) if part := read_part(bare(queue)):
            test.value = _with_part(wrapped_in_probe(".ending", test.value), part)


def _probe_iterated_list(loop: ast.For, nodes: list[ast.AST]) -> None:
    """Count, in each round, the list that is iterated over: others may take items out."""
    operand = bare(loop.iter)
    part = read_part(operand)
    names = [each for each in nodes if isinstance(each, ast.Name)]
    deleted = {each.id for each in names if isinstance(each.ctx, ast.Del)}
    if part is not None and part[0] not in deleted:
        loop.iter = wrapped_in_probe(".rounds", loop.iter)
        count = wrapped_in_probe(".counted", ast.copy_location(ast.Constant(None), operand))
        count.args += part_arguments(part, operand)
        loop.body.insert(0, ast.copy_location(ast.Expr(count), operand))


def _probe_late(loop: ast.For, around: list[ast.AST]) -> None:
    """What a `loop` that does not wait makes to run later, and that asks for its names.

    What is bound elsewhere than `around` it may be used by a function that the loop calls.
    """
    names = {name for each in ast.walk(loop.target) for name in bound_names(each)}
    nodes = [each for part in loop.body for each in own_nodes(part)]
    if _SETTLERS & _called(loop.body):
        return  # what is made runs before the next round, or not at all
    bound = names | {name for each in nodes for name in bound_names(each)}
    own = {name for each in around for name in bound_names(each)}
    called = {each.func.id for each in nodes if isinstance(each, ast.Call)
              if isinstance(each.func, ast.Name)}  # fmt: skip
    seen = None if called <= vars(builtins).keys() else own
    inside = {each.name: each for each in nodes if isinstance(each, FUNCTIONS)}
    found = False
    for node in nodes:
        registers = callee_name(node) in LATER_CALLS or _keeps(node, nodes, bound, seen)
        if not registers and callee_name(node) not in _TASK_MAKERS:
            continue
        arguments = node.args if isinstance(node, ast.Call) else [node.value]  # type: ignore[attr-defined]
        for number, argument in enumerate(arguments):
            given = bare(argument)
            given = bare(given.func) if isinstance(given, ast.Call) and not registers else given
            function = inside.get(given.id) if isinstance(given, ast.Name) else given
            if isinstance(function, (*FUNCTIONS, ast.Lambda)) and names & _asked(function):
                arguments[number] = wrapped_in_probe(".late", argument)
                found = True
        if isinstance(node, ast.Assign):
            node.value = arguments[0]
    if found:
        loop.iter = wrapped_in_probe(".rounds", loop.iter)


def _keeps(node: ast.AST, nodes: list[ast.AST], bound: set[str], own: set[str] | None) -> bool:
    """Whether `node` puts something into what the loop of the `nodes` does not use otherwise.

    What overwrites that of the last round keeps one: each round has something `bound` anew.
    """
    match node:
        case (
            ast.Call(ast.Attribute(ast.Name() as owner, "append"))
            | ast.Assign([ast.Attribute(ast.Name() as owner) | ast.Subscript(ast.Name() as owner)])
        ):  # fmt: skip
            if own is not None and owner.id not in own:
                return False
            if isinstance(node, ast.Assign) and bound.isdisjoint(names_in(node.targets[0])):
                return False
            calls = [each for each in nodes if isinstance(each, ast.Call)]
            given = [a for c in calls if callee_name(c).startswith(_KEEPERS) for a in c.args]
            uses = [each for each in nodes if getattr(each, "id", "") == owner.id]
            return {each for each in uses if isinstance(each.ctx, ast.Load)} <= {owner, *given}  # type: ignore[attr-defined]
    return False


def _asked(function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> set[str]:
    """The names that a function takes from around it when it runs."""
    body = function.body
    parts = [body] if isinstance(body, ast.AST) else body
    nodes = [each for part in parts for each in ast.walk(part)]
    own = {name for each in (*ast.walk(function.args), *nodes) for name in bound_names(each)}
    return {each.id for each in nodes if isinstance(each, ast.Name)} - own


def _is_reused(nodes: list[ast.AST], node: ast.Yield, name: str) -> bool:
    """Whether a loop yields and changes the object called `name`, and never binds it anew."""
    for loop in nodes:
        if not isinstance(loop, LOOPS):
            continue
        inside = list(own_nodes(loop))
        if node in inside and any(_changes(each, name) for each in inside):
            return all(name not in bound_names(each) for each in inside)
    return False


def _changes(node: ast.AST, name: str) -> bool:
    match node:
        case ast.Call(ast.Attribute(ast.Name(owner), method)):
            return owner == name and method in _MUTATORS
        case ast.Subscript(ast.Name(owner), ctx=ast.Store() | ast.Del()):
            return owner == name
    return False


def _probe_written(nodes: list[ast.AST]) -> None:
    """Where a variable is written with what was worked out before a wait, from its old value."""
    declared = [each for each in nodes if isinstance(each, ast.Global | ast.Nonlocal)]
    shared = {name for each in declared for name in each.names}
    stores = [each for each in nodes if isinstance(each, ast.Assign | ast.AugAssign)]
    for store in stores:
        part = read_part(_first_target(store))
        if part is None or (not part[1] and part[2] is None and part[0] not in shared):
            continue
        if isinstance(store, ast.AugAssign):
            _probe_added(store, part)
        else:
            _probe_worked_out(nodes, stores, store, part)


def _probe_added(store: ast.AugAssign, part: Part) -> None:
    """``total += await f()``: the old total is read before the wait."""
    for node in own_nodes(store.value):
        if isinstance(node, ast.Await):
            _wrap_part(node, ".remembered", part)
            _wrap_part(store, ".overwriting", part)
            return


def _probe_worked_out(
    nodes: list[ast.AST], stores: list[ast.Assign | ast.AugAssign], store: ast.Assign, part: Part
) -> None:
    """``old = x.total`` … ``await`` … ``x.total = old + 1``; or written where it was missing."""
    given = bare(store.value)  # a mere name may give back what it was
    if reads_part(given, part):
        return  # with what is there by now: ``x.seen = max(old, x.seen)``
    old = ""  # where it is added to, that tells: all may write 1
    if isinstance(given, ast.BinOp) and isinstance(given.op, ast.Add | ast.Sub):
        old = getattr(bare(given.left), "id", "")
    names = {each.id for each in {*ast.walk(given)} - {given} if isinstance(each, ast.Name)}
    blocks = [getattr(each, name, None) for each in nodes for name in ("body", "orelse")]
    block = next((each for each in blocks if isinstance(each, list) and store in each), [])
    for node in nodes:
        match node:
            case ast.Assign([ast.Name(name)]) if name in names and node.lineno < store.lineno:
                targets = [(each, read_part(_first_target(each))) for each in stores]
                written = [each for each, target in targets if same_part(target, part)]
                read = same_part(read_part(bare(node.value)), part) and written == [store]
                if read and _waits_between(nodes, node, store, part):
                    _wrap_part(node, ".remembered", part)
                    _wrap_part(given if old == name else store, ".overwriting", part)
                    return
            case ast.If(test=test, body=body) if store in body and _asks(test, part, there=False):
                before = body[: body.index(store)]
            case ast.If(test=test, body=[*_, ast.Return()], orelse=[]) if node in block[
                : block.index(store)
            ] and _asks(test, part, there=True):
                before = block[block.index(node) + 1 : block.index(store)]
            case _:
                continue
        if isinstance(node, ast.If) and _makes_blindly(before, store.value, part):
            node.test = _with_part(wrapped_in_probe(".remembered", test), part)
            _wrap_part(store, ".overwriting", part)
            return


def _makes_blindly(steps: Sequence[ast.stmt], written: ast.expr, part: Part) -> bool:
    """Whether a wait in `steps` gave what is `written` into `part`, and none looks again."""
    waited, made, owner = False, set[str](), (part[0], part[1], None)
    found: list[ast.AST] = []
    for step in (*steps, written):
        found = list(own_nodes(step))
        looks = [read_part(each) for each in found if isinstance(each, ast.expr)]
        if waited and any(same_part(each, part) or same_part(each, owner) for each in looks):
            return False
        waited = waited or waits([step])
        if waits([step]) or (waited and made & names_in(step)):
            made |= {name for each in found for name in bound_names(each)}
    value = bare(written)
    taken = any(isinstance(each, ast.Name) and each.id in made for each in found)
    new = (ast.Call, ast.Dict, ast.List, ast.Set)
    calls = isinstance(value, new) and callee_name(value) not in _VALUES
    return waited and (taken or calls or waits([value]))


def _first_target(store: ast.Assign | ast.AugAssign) -> ast.expr:
    return store.targets[0] if isinstance(store, ast.Assign) else store.target


def _waits_between(nodes: list[ast.AST], first: ast.Assign, last: ast.Assign, part: Part) -> bool:
    """Whether a wait is between the two, and nothing reads `part` anew after it."""
    between = [n for n in nodes if first.lineno < getattr(n, "lineno", 0) <= last.lineno]
    ends = [each.lineno for each in between if isinstance(each, WAITS)]
    anew = [e for e in between if isinstance(e, ast.Assign) and reads_part(e.value, part)]
    return bool(ends) and not any(each.lineno > min(ends) for each in anew)


def _asks(test: ast.expr, part: Part, *, there: bool) -> bool:
    """Whether `test` asks if there is such a thing, or none: ``key in cache``, ``x is None``."""
    match bare(test):
        case ast.UnaryOp(ast.Not(), asked):
            return _asks(asked, part, there=not there)
        case ast.BoolOp(op, asked) if isinstance(op, ast.And) is there:
            return any(_asks(each, part, there=there) for each in asked)
        case ast.Compare(key, [ast.In() | ast.NotIn() as how], [owner]) if part[2] is not None:
            found = read_part(bare(owner))
            asks_for = isinstance(how, ast.In) is there
            return asks_for and same_part(found and (found[0], found[1], key), part)
        case ast.Compare(left, [ast.Is() | ast.IsNot() as how], [ast.Constant(None)]):
            return isinstance(how, ast.IsNot) is there and same_part(read_part(bare(left)), part)
        case plain:
            return there and same_part(read_part(plain), part)


def _wrap_part(node: ast.AST, probe: str, part: Part) -> None:
    field = "left" if isinstance(node, ast.BinOp) else "value"
    setattr(node, field, _with_part(wrapped_in_probe(probe, getattr(node, field)), part))


def _with_part(call: ast.Call, part: Part) -> ast.Call:
    call.args += part_arguments(part, call)
    return call


def limiting(obj: T) -> T:
    """What is entered around tasks that do not run before it is left: a limit is none for them."""
    if type(obj).__module__ in ("asyncio.locks", "asyncio.timeouts"):
        see("limiting", obj, _getframe(1))
    return obj


def outliving(obj: T) -> T:
    """What is returned out of a block whose object it was made by: it may not have run yet."""
    kind = type(obj)
    if (kind is AsyncGeneratorType and not has_begun(obj)) or (
        kind is CoroutineType and is_new(obj)
    ):
        see("outliving", obj, _getframe(1))
    return obj


def unordered(obj: T) -> T:
    """The tasks that are done, or what they gave, where their order counts."""
    if type(obj) in (set, list) and len(obj) > 1:  # type: ignore[arg-type]
        see("unordered", obj, _getframe(1))
    return obj


def uncalled(obj: T) -> T:
    """What is asked whether it is true: a method is, whatever it would say if it was called."""
    methods = (MethodType, BuiltinMethodType)
    if is_real_instance(obj, methods) and type(obj.__self__) is not ModuleType:
        see("uncalled", obj.__self__, _getframe(1))
    return obj


def ending(obj: T, base: object = None, attribute: str = "", *key: object) -> T:
    """What a loop takes for the end, if it counts as false; of a queue, `attribute` of `base`."""
    if type(obj) in _EMPTY and not obj and (log := active_log()) is not None:
        log.waits.ended(obj, base and _now(base, attribute, *key), _getframe(1))
    return obj


def counted(_: object, base: object, attribute: str, *key: object) -> None:
    """The list that a loop is in, the part `attribute` of `base`: it may have become shorter."""
    log, found = active_log(), _now(base, attribute, *key)
    if log is not None and type(found) is list:
        log.waits.count(found, _getframe(1))


def _telling(name: str) -> Callable[[T], T]:
    """A probe that gives what it is given to the log's method `name`, and where that was."""

    def probe(obj: T) -> T:
        if (log := active_log()) is not None:
            getattr(log.waits, name)(obj, _getframe(1))
        return obj

    return probe


def remembered(obj: T, base: object, attribute: str, *key: object) -> T:
    """Evaluated right when a variable was read: the part `attribute`, and `key`, of `base`."""
    if (log := active_log()) is not None:
        log.waits.remember(_now(base, attribute, *key), _getframe(1), attribute, *key)
    return obj


def overwriting(obj: T, base: object, attribute: str, *key: object) -> T:
    """What the part `attribute`, and `key`, of `base` is about to get: it may have changed."""
    if (log := active_log()) is not None:
        log.waits.overwrite(_now(base, attribute, *key), obj, _getframe(1), attribute, *key)
    return obj


def _now(base: Any, attribute: str, *key: object) -> object:
    """The part of `base`; where that is all, it is a function that looks the variable up."""
    if attribute or key:
        return part_of(base, attribute, *key)
    try:
        return base()
    except NameError:
        return MISSING


#: What counts as false and is no None, of types whose truth runs nothing of the user's.
_EMPTY = (int, float, str, bytes, list, tuple, dict, set, bool)
_PROBES = (outliving, unordered, ending, uncalled, limiting, counted, remembered, overwriting)
#: Methods of the log that are probes, too.
_TELLING = (
    "rounds", "late", "reused", "reading", "clearing", "setting", "getting", "gathered",
    "cancelling", "retried", "at_exit", "leaving", "shielding", "acquiring", "releasing",
    "said_done", "in_turn", "filling", "left_over",
)  # fmt: skip
vars(builtins).update({f".{probe.__name__}": probe for probe in _PROBES})
vars(builtins).update({f".{name}": _telling(name) for name in _TELLING})
