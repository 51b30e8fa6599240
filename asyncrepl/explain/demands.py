"""What operations demand of their operands: constructs of the language, and functions.

A demand is met or not by what the type of the operand has; nothing is tried. What a function
demands of an argument is known from the table, or it wants a value: only asyncio and its like
have a use for what is still to be awaited.
"""

from __future__ import annotations

import ast
import contextlib
import csv
import inspect
from types import (
    BuiltinFunctionType,
    CoroutineType,
    FunctionType,
    MethodDescriptorType,
    MethodType,
    WrapperDescriptorType,
)
from typing import TYPE_CHECKING, NamedTuple

from asyncrepl.events.object_info import MISSING, is_real_instance, lookup
from asyncrepl.explain.bindings import accepts_call
from asyncrepl.explain.kinds import ASYNCHRONOUS, Kind, has, kind_of
from asyncrepl.instrument.probe_placement import DATA_CALLS, ITERATING_CALLS, ITERTOOLS_CALLS
from asyncrepl.syntax.names import callee_name, canonical_name
from asyncrepl.syntax.static_inspection import inspected

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.events.object_info import ObjectInfo
    from asyncrepl.explain.operand_uses import Use


class Demand(NamedTuple):
    """`owner` demands `what` of the operand `node`; `by` names it in a sentence.

    "walk", "step", "enter", "call" and "value" are of the synchronous world; "async walk", "async
    step", "async enter", "iterator", "await", "coroutine", "awaitables" and "function" (one that
    is called and not awaited) are about async. "callback" is anything that can be called,
    "items" are values that the operand holds.
    """

    what: str
    node: ast.expr
    owner: ast.AST
    by: str
    needs: tuple[str, ...] = ()


_ITERATES = ("__iter__", "__getitem__")
_NEEDS: dict[str, tuple[str, ...]] = {
    "walk": _ITERATES,
    "step": ("__next__",),
    "enter": ("__enter__",),
    "call": ("__call__",),
    "async walk": ("__aiter__",),
    "iterator": ("__aiter__",),
    "async step": ("__anext__",),
    "async enter": ("__aenter__",),
    "await": ("__await__",),
    "close": ("aclose",),
}
_ASYNC = ("async walk", "iterator", "async step", "async enter", "await", "coroutine", "close")
_ROLES = {
    "async for": ("async walk", "`async for`"),
    "for": ("walk", "a plain `for`"),
    "yield from": ("walk", "`yield from`"),
    "star": ("walk", "unpacking with `*`"),
    "unpack": ("walk", "unpacking"),
    "await": ("await", "`await`"),
    "with": ("enter", "a plain `with`"),
    "async with": ("async enter", "`async with`"),
    "called": ("call", "a call"),
    "index": ("value", "`[…]`"),
    "in": ("value", "`in`"),
    "mapping": ("value", "`**`"),
    "slice": ("walk", "a slice"),
    "raise": ("value", "`raise`"),
    "except": ("value", "`except`"),
    "format": ("value", "formatting"),
    "compared": ("value", "a comparison"),
    "stored": ("value", "an assignment"),
}
_SPECIAL = {
    "index": ("__getitem__",),
    "in": ("__contains__", "__iter__", "__getitem__"),
    "mapping": ("keys",),
}
_OPERATORS: dict[type[ast.AST], tuple[str, str]] = {
    ast.Add: ("+", "add"), ast.Sub: ("-", "sub"), ast.Mult: ("*", "mul"), ast.Mod: ("%", "mod"),
    ast.Div: ("/", "truediv"), ast.FloorDiv: ("//", "floordiv"), ast.Pow: ("**", "pow"),
    ast.MatMult: ("@", "matmul"), ast.BitAnd: ("&", "and"), ast.BitOr: ("|", "or"),
    ast.BitXor: ("^", "xor"), ast.LShift: ("<<", "lshift"), ast.RShift: (">>", "rshift"),
    ast.Lt: ("<", "lt"), ast.LtE: ("<=", "le"), ast.Gt: (">", "gt"), ast.GtE: (">=", "ge"),
    ast.USub: ("-", "neg"), ast.UAdd: ("+", "pos"), ast.Invert: ("~", "invert"),
}  # fmt: skip
#: What functions demand, by their names and the position of the argument; None stands for all.
_FUNCTIONS: dict[str, dict[int | None, str]] = {
    "next": {0: "step"},
    "anext": {0: "async step"},
    "aiter": {0: "iterator"},
    "asyncio.gather": {None: "await"},
    "asyncio.wait_for": {0: "await", None: "value"},
    "asyncio.shield": {0: "await"},
    "asyncio.sleep": {0: "value"},
    "asyncio.ensure_future": {0: "await"},
    "asyncio.wrap_future": {0: "await"},
    "asyncio.run": {0: "coroutine"},
    "asyncio.Task": {0: "coroutine"},
    "asyncio.run_coroutine_threadsafe": {0: "coroutine", None: "value"},
    "asyncio.wait": {0: "tasks", None: "value"},
    "asyncio.as_completed": {0: "awaitables", None: "value"},
    "asyncio.to_thread": {0: "function", None: "value"},
    "contextlib.aclosing": {0: "close"},
    "contextlib.suppress": {None: "value"},
    "functools.partial": {0: "callback"},
    "atexit.register": {0: "callback"},
    "signal.signal": {1: "callback"},
    "asgiref.sync.async_to_sync": {0: "callback"},
    **{f"{name}.run": {0: "callback"} for name in ("anyio", "trio", "anyio.from_thread")},
    **{f"{name}.to_thread.run_sync": {0: "function"} for name in ("anyio", "trio")},
    **{f"asyncio.{name}": {None: "value"} for name in (
        "timeout", "timeout_at", "Queue", "LifoQueue", "PriorityQueue", "Semaphore",
        "BoundedSemaphore", "Barrier", "StreamReader", "open_connection", "open_unix_connection",
        "create_subprocess_exec", "create_subprocess_shell",
    )},
}  # fmt: skip
#: What is then demanded of the elements of a display.
_OF_ELEMENTS = {"tasks": "task", "awaitables": "await"}
#: The same of methods, whose owner need not be known.
_METHODS: dict[str, dict[int | None, str]] = {
    "create_task": {0: "coroutine"},
    "run_until_complete": {0: "await"},
    "run_in_executor": {1: "function", None: "value"},
    "call_soon": {0: "function"},
    "call_soon_threadsafe": {0: "function"},
    "call_later": {0: "value", 1: "function"},
    "call_at": {0: "value", 1: "function"},
    "add_done_callback": {0: "function"},
    "add_signal_handler": {1: "function", None: "value"},
    "enter_async_context": {0: "async enter"},
    "enter_context": {0: "enter"},
    "fromkeys": {0: "walk"},
    "submit": {0: "function", None: "value"},
    "push_async_callback": {0: "callback"},
    "start_soon": {0: "callback"},
}
#: Modules that know what to do with what is to be awaited.
_AT_HOME = ("asyncio", "_asyncio", "contextlib", "inspect", "types", "unittest", "anyio", "trio")
_WALKERS = (ITERATING_CALLS.keys() | DATA_CALLS | ITERTOOLS_CALLS | {
    "bytes", "bytearray", "fsum", "prod", "writelines", "extendleft", "isdisjoint", "issubset",
    "issuperset", "union", "intersection", "difference", "symmetric_difference",
    "intersection_update", "difference_update", "symmetric_difference_update",
}) - {"len", "next", "anext", "aiter"}  # fmt: skip
#: Functions of names that many have.
_READERS = (csv.reader, csv.DictReader)
_C = (BuiltinFunctionType, MethodDescriptorType, WrapperDescriptorType)


def is_asynchronous(demand: Demand) -> bool:
    """Whether an operand of any kind that does not meet it is our business."""
    return demand.what in (*_ASYNC, "task", "tasks", "awaitables")


def demand_of(use: Use, callee: object, *, foreign: bool = False) -> Demand | None:
    """What is demanded of the operand of `use`; `callee` is what is called, if it is an argument.

    `foreign` says that it is no function of the user's, even if nobody knows which.
    """
    if use.role in _ROLES:
        what, by = _ROLES[use.role]
        needs = _SPECIAL.get(use.role, _NEEDS.get(what, ()))
        return Demand(what, use.node, use.owner, by, needs)
    if use.role == "operand":
        return _of_operator(use)
    call = use.owner
    demand = _of_argument(use, call, callee, foreign) if isinstance(call, ast.Call) else None
    if use.role == "items" and demand is not None:
        if demand.what == "await" and use.info is not None and use.info.item is not None:
            return demand  # lists of what is to be awaited
        return demand._replace(what="items") if demand.what in ("walk", "value") else None
    if use.role == "items" and not isinstance(call, ast.Call):
        return Demand("items", use.node, call, "unpacking")
    return demand


def _of_operator(use: Use) -> Demand | None:
    operator: ast.AST | None = getattr(use.owner, "op", None)
    if isinstance(use.owner, ast.Compare):
        operator = use.owner.ops[0]
    if isinstance(use.owner, ast.Subscript):
        return Demand("value", use.node, use.owner, "an index")
    if operator is None or type(operator) not in _OPERATORS:
        return None
    sign, name = _OPERATORS[type(operator)]
    return Demand("value", use.node, use.owner, f"`{sign}`", (f"__{name}__", f"__r{name}__"))


def _of_argument(use: Use, call: ast.Call, callee: object, foreign: bool) -> Demand | None:
    name = callee_name(call)
    listed = _FUNCTIONS.get(canonical_name(call.func), _METHODS.get(name))
    if listed is None:
        listed = _FUNCTIONS.get(_name_of(callee))
    by = f"`{name}`"
    if _keyword(call, use.node) == "side_effect" and name.endswith("Mock"):
        return Demand("walk", use.node, call, by)  # or a function, which is called
    if listed is not None:
        position = _position(call, use.node, callee)
        what = listed.get(position, listed.get(None))
        if position is None and not any(each.value is use.node for each in call.keywords):
            each = "await" if listed.get(None) == "await" else None
            what = _OF_ELEMENTS.get(listed.get(0, ""), each)
        return Demand(what, use.node, call, by, _NEEDS.get(what, ())) if what else None
    if name in _ASSERTIONS and _module(callee) == "unittest":
        return Demand("value", use.node, call, by)
    if not (_takes_values(callee, call, name) or (callee is None and foreign)):
        return None
    if _position(call, use.node) == _CALLED_BACK.get(name, -1) or _keyword(call, use.node) in (
        _CALLBACKS
    ):
        return Demand("callback", use.node, call, by)
    return _of_value(use, call, callee, name)


def _of_value(use: Use, call: ast.Call, callee: object, name: str) -> Demand:
    """Of a function that has no use for what is still to be awaited."""
    by = f"`{name}`"
    if name == "ChainMap":
        return Demand("value", use.node, call, by, ("keys",))
    if _walks(name, callee, call) and (
        _position(call, use.node) is not None or _walks_items(use.node, call, name)
    ):
        return Demand("walk", use.node, call, by, _ITERATES)
    needs = ("__len__",) if name == "len" else ()
    return Demand("value", use.node, call, by, needs)


def _walks(name: str, callee: object, call: ast.Call) -> bool:
    """Whether the function iterates over its arguments: not if it compares or joins them."""
    if name in ("max", "min"):
        return len(call.args) == 1
    return any(callee is each for each in _READERS) or (
        name in _WALKERS and not (name == "join" and is_real_instance(callee, FunctionType))
    )


def _walks_items(node: ast.expr, call: ast.Call, name: str) -> bool:
    """Whether `node`, no argument itself, is one of several that the function walks."""
    named = any(each.value is node for each in call.keywords)
    starred = any(isinstance(each, ast.Starred) for each in call.args)
    return not named and (name == "from_iterable" or (starred and name not in ("max", "min")))


#: Methods of a TestCase that fail for every coroutine where a value is meant.
_ASSERTIONS = {f"assert{name}" for name in (
    "Equal", "AlmostEqual", "IsNone", "False", "In", "NotIn", "ListEqual", "TupleEqual",
    "DictEqual", "SetEqual", "SequenceEqual", "MultiLineEqual", "CountEqual", "Greater",
    "GreaterEqual", "Less", "LessEqual", "Regex", "NotRegex",
)}  # fmt: skip
#: Functions that call an argument: which it is.
_CALLED_BACK = {
    "map": 0, "filter": 0, "reduce": 0, "partial": 0, "starmap": 0, "takewhile": 0, "dropwhile": 0,
    "filterfalse": 0, "accumulate": 1, "defaultdict": 0, "Thread": 1, "iter": -1,
}  # fmt: skip
_CALLBACKS = ("key", "func", "function", "callback", "target", "default_factory", "factory", "cls")


def _keyword(call: ast.Call, node: ast.expr) -> str | None:
    return next((each.arg for each in call.keywords if each.value is node), None)


def _position(call: ast.Call, node: ast.expr, callee: object = None) -> int | None:
    """Which argument it is; also of one given by its name, if the function is in Python."""
    found = [number for number, each in enumerate(call.args) if each is node]
    names = callee.__code__.co_varnames if is_real_instance(callee, FunctionType) else ()
    name = _keyword(call, node)
    return found[0] if found else names.index(name) if name in names else None


def _name_of(callee: object) -> str:
    function = callee.__func__ if is_real_instance(callee, MethodType) else callee
    if not is_real_instance(function, FunctionType):
        return ""
    module = function.__module__
    ours = type(module) is str and module.startswith("asyncio.")
    return f"asyncio.{function.__name__}" if ours else ""


def _takes_values(callee: object, call: ast.Call, name: str) -> bool:
    """Whether what is called has no use for what is still to be awaited, and takes so many."""
    if callee is None:
        return name in DATA_CALLS
    if _module(callee) in _AT_HOME:
        return False
    own = is_real_instance(callee, (MethodDescriptorType, WrapperDescriptorType))
    return not is_real_instance(callee, _C) or accepts_call(callee, call, own) is not False


def _module(callee: object) -> str:
    found = getattr(inspected(callee), "__module__", None)
    return found.partition(".")[0] if type(found) is str else ""


#: Methods that call what they are given with the arguments that follow, whoever their owner is.
_WITH_ARGUMENTS = ("push_async_callback", "start_soon")


def passes_arguments(callee: object, name: str) -> bool:
    """Whether `callee`, called by `name`, takes arguments for its callback, as `partial` does."""
    with contextlib.suppress(TypeError, ValueError):
        parameters = inspect.signature(inspected(callee)).parameters.values()  # type: ignore[arg-type]
        return any(each.kind is each.VAR_POSITIONAL for each in parameters)
    return name in _WITH_ARGUMENTS


def met(demand: Demand, info: ObjectInfo) -> bool:
    """Whether an object that `info` are known of meets the demand."""
    if demand.what in _TESTS:
        return _TESTS[demand.what](demand, info)
    return has(info, *demand.needs) if demand.what in _ASYNC else _is_value(demand, info)


def _is_value(demand: Demand, info: ObjectInfo) -> bool:
    """Whether it is a plain value, or has the special methods that are asked of one."""
    kind = kind_of(info)
    waits = kind in _NEVER_VALUES or kind is Kind.MOCK
    return kind not in ASYNCHRONOUS or (has(info, *demand.needs) and not waits)


def _is_called(_: Demand, info: ObjectInfo) -> bool:
    """Whether it can be called; one of these can, as a decorator, but not so."""
    asynchronous = kind_of(info) in ASYNCHRONOUS
    decorates = info.kind.__name__ == "_AsyncGeneratorContextManager"
    return not asynchronous or (has(info, "__call__") and not decorates)


def _is_coroutine(_: Demand, info: ObjectInfo) -> bool:
    return info.kind is CoroutineType or (has(info, "__await__") and has(info, "send"))


def _is_collection(_: Demand, info: ObjectInfo) -> bool:
    return kind_of(info) not in ASYNCHRONOUS and has(info, "__iter__")


_TESTS: dict[str, Callable[[Demand, ObjectInfo], bool]] = {
    "attribute": lambda demand, info: _has_attribute(info, demand.needs[0]),
    "call": _is_called,
    "coroutine": _is_coroutine,
    "function": lambda _, info: kind_of(info) not in ASYNCHRONOUS and has(info, "__call__"),
    "callback": lambda _, info: kind_of(info) not in ASYNCHRONOUS or has(info, "__call__"),
    "task": lambda _, info: kind_of(info) in (Kind.TASK, Kind.FUTURE),
    "tasks": _is_collection,
    "awaitables": _is_collection,
}

#: What is never meant where a value is, whatever the type has.
_NEVER_VALUES = ASYNCHRONOUS - {
    Kind.ASYNC_GENERATOR, Kind.ASYNC_ITERATOR, Kind.ASYNC_ITERABLE, Kind.ASYNC_MANAGER,
    Kind.AWAITABLE,
}  # fmt: skip


def _has_attribute(info: ObjectInfo, name: str) -> bool:
    """Whether the object may have the attribute: instances of a class may have any."""
    if lookup(info.kind, name) is not MISSING or name in info.members:
        return True
    return info.kind.__module__ != "builtins"
