"""Methods and functions that are async, or generators, where their protocol is not."""

from __future__ import annotations

import ast
import inspect
from types import FunctionType, MethodType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import MISSING, is_real_instance, lookup
from asyncrepl.explain.bindings import (
    has_flag,
    is_coroutine_function,
    python_method,
    returned_values,
)
from asyncrepl.explain.dropped_coroutines import calls_that_made
from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, corrected, correction, replaced, short
from asyncrepl.explain.hoisted_code import (
    async_factory,
    made_by_factory,
    made_plain,
    make_plain,
    put_head,
)
from asyncrepl.explain.kinds import has
from asyncrepl.explain.mismatch import mismatch
from asyncrepl.explain.protocol_code import stop_asynchronously, yield_each
from asyncrepl.explain.rules.aiter_methods import method
from asyncrepl.explain.rules.wrong_states import called_class
from asyncrepl.explain.scopes import CannotFixError, is_async, is_fixture, is_generator, own_nodes
from asyncrepl.explain.source_units import own_name
from asyncrepl.syntax.names import FUNCTIONS, callee_name, last_name

if TYPE_CHECKING:
    from types import CodeType

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.operand_uses import Use
    from asyncrepl.explain.source_units import Function, Unit
    from asyncrepl.explain.static_values import Resolver


def _async_init(evidence: Evidence) -> Finding | None:
    made = called_class(evidence)
    init = python_method(made, "__init__")
    if made is None or init is None or not is_coroutine_function(init):
        return None
    why = (
        f"`{made.__name__}.__init__` is `async def`, and a constructor must be done at once: "
        "await in a factory method."
    )
    found = evidence.units.source_of(init)
    return Finding(why, _factory(evidence, *found) if found else None)


@correction
def _factory(fixing: Fixing, unit: Unit, function: Function) -> None:
    name = async_factory(fixing, unit, function)
    if fixing.evidence.unit not in (unit, *fixing.evidence.callers):
        owner = unit.parents[function]
        assert isinstance(owner, ast.ClassDef)
        made_by_factory(fixing, fixing.evidence.unit, owner, name)


def _sync_protocol(evidence: Evidence) -> Finding | None:
    if not evidence.direct:
        return None
    for use in evidence.uses:
        name = _ROLES.get(use.role)
        if use.role == "argument" and callee_name(use.owner) in _DUNDERS:
            name = _DUNDERS[callee_name(use.owner)]
        function = python_method(use.kind, name) if name else None
        if use.kind and function is not None and has_flag(function, _ASYNC):
            found = evidence.units.source_of(function)
            alone = found is not None and use.role != "with"  # which calls two of them
            wanted = _at_once if name == "__iter__" else made_plain
            plain = corrected(evidence, wanted, *found) if found and alone else None
            other = plain or _other_protocol(evidence, use, function)
            return Finding(_why(use.kind, function), other)
    return None


def _why(kind: type, function: FunctionType) -> str:
    gives = "a coroutine" if is_coroutine_function(function) else "an async generator"
    return (
        f"`{kind.__name__}.{function.__name__}` is `async def`: this protocol calls it "
        f"synchronously and gets {gives}."
    )


def _hash(evidence: Evidence) -> Finding | None:
    """Of what is put into a set or a dict, or looked for there: the interpreter wants a number."""
    node = evidence.nodes[-1] if evidence.nodes and evidence.direct else None
    called = evidence.resolver.value(node.func) if isinstance(node, ast.Call) else None
    if is_real_instance(called, (FunctionType, MethodType)):
        return None  # nothing of it has run: it was called in a wrong way
    for place in (node, evidence.unit.parents.get(node)) if node is not None else ():
        for each in _hashed(place):
            info = evidence.resolver.info(each)
            for one in (info, info.item) if info is not None else ():
                function = python_method(one.kind, "__hash__") if one is not None else None
                if one is not None and function is not None and has_flag(function, _ASYNC):
                    found = evidence.units.source_of(function)
                    fix = corrected(evidence, _at_once, *found) if found is not None else None
                    return Finding(_why(one.kind, function), fix)
    return None


def _hashed(place: ast.AST | None) -> list[ast.expr]:
    """The expressions in `place` whose values are hashed, or what they hold."""
    match place:
        case ast.Set(elts=found) | ast.Call(args=found):
            return found
        case ast.Dict(keys=keys):
            return [each for each in keys if each is not None]
        case ast.SetComp(elt=key) | ast.DictComp(key=key) | ast.Subscript(slice=key):
            return [key]
        case ast.Compare(left=key, ops=[ast.In() | ast.NotIn()]):
            return [key]
    return []


def _at_once(fixing: Fixing, unit: Unit, function: Function) -> None:
    """A plain method, if it waits for nothing."""
    if not any(map(is_async, own_nodes(function))):
        make_plain(fixing, unit, function)


def _gives_stream(evidence: Evidence) -> Finding | None:
    """``__iter__`` that returns an async iterator: refused by what walks it."""
    use = evidence.use("for", "star", "argument")
    kind = use.kind if use is not None else None
    function = python_method(kind, "__iter__")
    if not evidence.direct or function is None or use is None or kind is None:
        return None
    found = evidence.units.source_of(function)
    values = returned_values(found[1]) if found is not None else []
    if found is None or not values or lookup(kind, "__aiter__") is not MISSING:
        return None
    names = {callee_name(each) for each in values if isinstance(each, ast.Call)}
    streams = [lookup(kind, name) for name in names]
    if len(names) != len(values) or not all(map(inspect.isasyncgenfunction, streams)):
        return None
    why = (
        f"`{kind.__name__}.__iter__` returns an async generator, which has no `__next__`: that is "
        "what `__aiter__` returns, for `async for`."
    )
    if not isinstance(use.owner, ast.For):
        return Finding(why)
    return Finding(why, corrected(evidence, _walked_async, *found, use.owner))


def _walked_async(fixing: Fixing, unit: Unit, function: Function, loop: ast.AST) -> None:
    head = "async def" if isinstance(function, ast.AsyncFunctionDef) else "def"
    put_head(fixing, unit, function, f"{head} __aiter__")
    fixing.loop_async(fixing.evidence.unit, loop)


#: Special methods that may be asynchronous; all others are called synchronously.
_MAY_BE_ASYNC = (
    "__aiter__", "__anext__", "__aenter__", "__aexit__", "__await__", "__call__", "__new__",
)  # fmt: skip

#: What makes of a method what an assignment, or ``del``, calls.
_SETTERS = ("setter", "deleter")
#: Those of operators, whose result may well be awaited: ``await store[key]``.
_OPERATORS = (
    "__getitem__", "__missing__", "__getattr__", "__eq__", "__ne__", "__lt__",
    "__le__", "__gt__", "__ge__", "__add__", "__sub__", "__mul__", "__get__", "__getattribute__",
)  # fmt: skip
_ASYNC = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
_ASYNC_HEADS = {"__iter__": "def __aiter__", "__next__": "async def __anext__"}
_ROLES = {"for": "__iter__", "star": "__iter__", "with": "__enter__", "test": "__bool__"}
_DUNDERS = {
    "len": "__len__", "list": "__iter__", "tuple": "__iter__", "sum": "__iter__",
    "iter": "__iter__", "set": "__iter__", "sorted": "__iter__", "str": "__str__",
    "repr": "__repr__", "int": "__int__", "bool": "__bool__", "float": "__float__",
}  # fmt: skip


def _died(evidence: Evidence) -> Finding | None:
    return _of_protocol(evidence, evidence.finding.info.code)


def _used(evidence: Evidence) -> Finding | None:
    """What the method gave, where its result was needed."""
    found = mismatch(evidence)
    code = found.info.code if found is not None and found.info is not None else None
    if found is None or code is None or code.co_name in _OPERATORS:
        return None  # that may well be awaited
    return _of_protocol(evidence, code)


def _of_protocol(evidence: Evidence, code: CodeType | None) -> Finding | None:
    name, found = code.co_name if code is not None else "", evidence.units.definition(code)
    owner = found[0].parents.get(found[1]) if found else None
    special = name.startswith("__") and name.endswith("__") and name not in _MAY_BE_ASYNC
    decorators = found[1].decorator_list if found is not None else []
    sets = any(isinstance(each, ast.Attribute) and each.attr in _SETTERS for each in decorators)
    if found is None or not isinstance(owner, ast.ClassDef):
        return None
    other = special or sets or evidence.seen is None or is_fixture(*found)
    above = "" if other else _plain_above(evidence, owner, name)
    if not (special or sets or above):
        return None
    by = "an assignment" if sets else above or "this protocol"
    why = (
        f"`{owner.name}.{name}` is `async def`: {by} calls it synchronously and gets a coroutine."
    )
    if name == "__next__":
        return Finding(why, _async_protocol(evidence, found[0], owner))
    paired = name in ("__enter__", "__exit__")  # what waits in the other one is not looked at
    return Finding(why, None if paired else corrected(evidence, made_plain, *found))


def _plain_above(evidence: Evidence, owner: ast.ClassDef, name: str) -> str:
    """The class of a library's above `owner` whose plain method this one replaces; "" if none.

    Who calls that, awaits nothing. Nor does the user, who may call a method of that name, know it.
    """
    for base in () if [*calls_that_made(evidence)] else owner.bases:
        kind = evidence.resolver.value(base)
        if not is_real_instance(kind, type):
            continue
        function = python_method(kind, name)
        library = function is not None and evidence.units.source_of(function) is None
        if library and function is not None and not has_flag(function, _ASYNC):
            return f"what calls the plain one of `{kind.__name__}`"
    return ""


@correction
def _async_protocol(fixing: Fixing, unit: Unit, owner: ast.ClassDef) -> None:
    """The class with ``__aiter__`` and ``__anext__``, and its loop with ``async for``."""
    for function in owner.body:
        if isinstance(function, FUNCTIONS):
            if (head := _ASYNC_HEADS.get(function.name)) is not None:
                put_head(fixing, unit, function, head)
            stop_asynchronously(fixing, unit, function)
    loops = [
        (each, node)
        for each, node in fixing.evidence.units.nodes(ast.For)
        if any(last_name(part) == owner.name for part in ast.walk(node.iter))
    ]
    if len(loops) != 1:
        raise CannotFixError
    fixing.loop_async(*loops[0])


@correction
def _other_protocol(fixing: Fixing, use: Use, function: FunctionType) -> None:
    unit, name = fixing.evidence.unit, function.__name__
    found = fixing.evidence.units.source_of(function)
    if use.role == "argument" and isinstance(use.owner, ast.Call) and name != "__iter__":
        fixing.of(unit).replace(use.owner, f"await {unit.source.operand(use.node)}.{name}()")
        fixing.suspending(unit, use.owner)
    elif found is not None and name == "__iter__" and inspect.isasyncgenfunction(function):
        put_head(fixing, *found, "async def __aiter__")
        if use.role == "for":
            fixing.loop_async(unit, use.owner)
        else:
            fixing.collected(unit, use.node)
    elif use.role == "for" and found is not None and name == "__iter__":
        # One that returns an iterator becomes an async generator.
        fixing.loop_async(unit, use.owner)
        put_head(fixing, *found, "async def __aiter__")
        for node in own_nodes(found[1]):
            if isinstance(node, ast.Return) and node.value is not None:
                yield_each(fixing, found[0], node, found[0].source.source(node.value), "for")


def _half(evidence: Evidence) -> Finding | None:
    """A class of the user's with ``__aenter__`` or ``__aexit__``, and without the other."""
    use = evidence.use("async with")
    kind = use.kind if use is not None and evidence.direct else None
    bases = kind.__mro__ if kind is not None else ()
    for name, missing, when in _HALVES:
        owner = next((each for each in bases if name in vars(each)), None)
        found = evidence.units.class_of(owner) if owner is not None else None
        there = method(found[1], name) if found is not None else None
        if use is None or found is None or has(use.info, missing):
            continue
        half = isinstance(there, ast.AsyncFunctionDef)  # a plain ``__aenter__`` is wrong itself
        if there is None or not (half or missing == "__aenter__"):
            continue
        why = f"`{found[1].name}` has `{name}` and no `{missing}`: `async with` calls that {when}."
        return Finding(why, _completed(evidence, *found, there, missing))
    return None


def _no_iterator(evidence: Evidence) -> Finding | None:
    """``__await__`` that is ``async def``, or returns what is no iterator."""
    use = evidence.use("await")
    kind = use.kind if use is not None and evidence.direct else None
    function = python_method(kind, "__await__") if evidence.op == "GET_AWAITABLE" else None
    found = evidence.units.source_of(function)
    if kind is None or function is None or found is None or is_generator(found[1]):
        return None
    made = isinstance(found[1], ast.AsyncFunctionDef)
    does = "is `async def`" if made else "returns no iterator"
    why = (
        f"`{kind.__name__}.__await__` {does}: `await` takes an iterator from it, such as the "
        "`__await__()` of a coroutine gives."
    )
    return Finding(why, _delegating(evidence, *found, evidence.resolver.inside(function.__code__)))


@correction
def _delegating(fixing: Fixing, unit: Unit, function: Function, inside: Resolver) -> None:
    """``return self.load()`` → that of its ``__await__()``; of a value, a generator."""
    if isinstance(function, ast.AsyncFunctionDef):
        own, name = own_name(function), fixing.fresh_attribute("_wait")
        put_head(fixing, unit, function, f"async def {name}")
        lines = f"def __await__({own}):\n    return {own}.{name}().__await__()"
        fixing.of(unit).lines_after(function, lines)
        return
    for value in returned_values(function):
        info = inside.info(value)
        if info is None or has(info, "__await__"):
            fixing.of(unit).replace(value, f"{unit.source.operand(value)}.__await__()")
    if not fixing.of(unit).edits:
        fixing.of(unit).lines_after(function.body[-1], "yield")


_HALVES = (
    (
        "__aexit__",
        "__aenter__",
        "at its beginning, and gives what it returns to the name behind `as`",
    ),
    ("__aenter__", "__aexit__", "at its end"),
)


@correction
def _completed(
    fixing: Fixing, unit: Unit, owner: ast.ClassDef, there: Function, missing: str
) -> None:
    name, whole = missing.replace("a", "", 1), method(owner, "__enter__") is not None
    twins = [each for each in owner.body if isinstance(each, FUNCTIONS) and each.name == name]
    waits = [each for each in twins if isinstance(each, ast.AsyncFunctionDef)]
    # A plain one stays where ``with`` has both halves of its own.
    meant = next(iter(waits or (twins if missing == "__aexit__" and not whole else [])), None)
    if meant is not None:
        put_head(fixing, unit, meant, f"async def {missing}")
    elif missing == "__aexit__":
        lines = "async def __aexit__(self, kind, error, traceback):\n    return None"
        fixing.of(unit).lines_after(there, lines)
    else:
        fixing.of(unit).lines_before(there, "async def __aenter__(self):\n    return self\n")


_MODEL = (
    "`for`, `len`, `str`, `in`, `with` call their methods synchronously and get a coroutine "
    "object. Use the async protocols (`__aiter__` and `__anext__`, `__aenter__` and "
    "`__aexit__`) or a normal awaited method."
)
_TITLE = "a method of a synchronous protocol as `async def`"


def _suppresses(evidence: Evidence) -> Finding | None:
    """``return await self.close()`` in an ``__aexit__``: what that gives stops an error."""
    node, unit = evidence.seen_node, evidence.unit
    statement = unit.parents.get(node) if node is not None else None
    function = unit.function(node)
    if node is None or function is None or not isinstance(statement, ast.Return):
        return None
    why = (
        f"`{function.name}` returns what {short(unit, node)} gives, which counts as true: "
        "that says that the error in the body of the `with` is dealt with, and it is gone. Return "
        "nothing."
    )
    return Finding(why, replaced(evidence, unit, (statement, unit.source.source(node))))


_PROTOCOL = ("async-sync-protocol-methods", _TITLE, 3, _MODEL)

RULES = (
    Rule(
        "async-init",
        "`async def __init__`",
        3,
        "`__init__` must return None at once. Do the awaiting in an async factory "
        "(`@classmethod async def create`) or in `__aenter__`.",
        _async_init,
    ),
    Rule(
        "plain-def-aenter",
        "half of an async context manager",
        3,
        "`async with` calls `__aenter__`, whose result `as` names (mostly `return self`), and "
        "`__aexit__` at its end: a class needs both.",
        _half,
    ),
    Rule(
        "async-sync-protocol-methods",
        "`__await__` that gives no iterator",
        3,
        "`await x` calls `x.__await__()` synchronously and steps through what it returns: a "
        "generator, or `self.load().__await__()` of a coroutine.",
        _no_iterator,
    ),
    Rule(*_PROTOCOL, _sync_protocol),
    Rule(*_PROTOCOL, _hash),
    Rule(
        "async-sync-protocol-methods",
        "`__iter__` that returns an async iterator",
        3,
        "`for` calls `__iter__` and then `__next__`. What has `__anext__` comes from `__aiter__`, "
        "and `async for` walks it.",
        _gives_stream,
    ),
    Rule(
        "exit-gives-a-true-value",
        "an `__exit__` that swallows an error by what it returns",
        6,
        "If `__exit__` or `__aexit__` returns what counts as true, the error that ended the body "
        "goes no further. To let it through, return nothing.",
        _suppresses,
        sees="suppressing",
    ),
    Rule(*_PROTOCOL, _used, errors=(TypeError, AttributeError)),
    Rule(*_PROTOCOL, _died, sees="dropped"),
)
