"""The operands that may have been refused: at the place of the error, and beyond it.

What a function is given counts with what it was made of: the elements of a display, the arguments
of a ``map`` that has run only now. What that function had in its hands, its locals tell.

A library's function that raises is in no text of the user's; what it was given is in its frame.
Where ``if not isinstance(body, str): raise TypeError`` is the user's own, the error speaks of
something else; and the variable held a coroutine that nobody has awaited.
"""

from __future__ import annotations

import ast
import asyncio
import builtins
import contextlib
import inspect
from pathlib import Path
from traceback import walk_tb
from types import AsyncGeneratorType, CoroutineType, FunctionType, MethodType, NoneType
from typing import TYPE_CHECKING

from asyncrepl.events.object_info import (
    MISSING,
    PLAIN,
    ObjectInfo,
    describe,
    function_of,
    instance_dict,
    instruction_at,
    is_real_instance,
    is_step,
    lookup,
)
from asyncrepl.explain.demands import Demand
from asyncrepl.explain.evidence import THREADS, runs_in_thread
from asyncrepl.explain.kinds import ASYNCHRONOUS, Kind, kind_of
from asyncrepl.explain.library_results import library_nodes
from asyncrepl.explain.operand_uses import Use
from asyncrepl.explain.value_origins import origins
from asyncrepl.instrument.probe_placement import ITERTOOLS_CALLS
from asyncrepl.syntax.names import callee_name, is_partial, method_owner

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import FrameType, TracebackType

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.static_values import Resolver

#: The folder that asyncio lies in.
ASYNCIO = str(Path(asyncio.__file__).parent)
#: Kinds of what has to be called first.
FUNCTION_KINDS = {
    Kind.COROUTINE_FUNCTION, Kind.ASYNC_GENERATOR_FUNCTION, Kind.ASYNC_MANAGER_FUNCTION,
    Kind.ASYNC_CLASS,
}  # fmt: skip


def function_type(kind: type) -> type:
    """A method passes on to its function whatever is asked of it."""
    return FunctionType if issubclass(kind, MethodType) else kind


# -- the operands ----------------------------------------------------------------------


def is_held(evidence: Evidence, info: ObjectInfo) -> bool:
    """Whether the code that refused had an object as `info` says in its hands, or is its own."""
    if info.code is not None and evidence.inner and info.code is evidence.inner[-1]:
        return True
    return any(
        _is_of(each, function_type(info.kind)) and _same_code(each, info)
        for each in (function_of(value) or value for value in _locals(evidence))
    )


def _is_of(value: object, kind: type) -> bool:
    """Whether it is of that very type; of futures, asyncio makes several kinds."""
    return type(value) is kind or (kind is asyncio.Future and issubclass(type(value), kind))


def held_operands(evidence: Evidence) -> list[ObjectInfo]:
    """What the code that refused had in its hands, as far as that is asynchronous."""
    found = [describe(each, keep=True) for each in _locals(evidence)]
    return [each for each in found if kind_of(each) in ASYNCHRONOUS - FUNCTION_KINDS]


def is_within(evidence: Evidence) -> bool:
    """Whether what a library had in its hands lay inside of what it was given."""
    frames = [frame for frame, _ in walk_tb(getattr(evidence.error, "__traceback__", None))]
    first = frames[frames.index(evidence.frame) + 1 :][:1] if evidence.frame in frames else []
    given = [describe(value) for frame in first for value in frame.f_locals.values()]
    return bool(first) and not any(kind_of(each) in ASYNCHRONOUS for each in given)


def holds_refused(evidence: Evidence, info: ObjectInfo) -> bool:
    """Whether what a library had in its hands is a part of the object that `info` are of."""
    refused = [each for each in _locals(evidence) if kind_of(describe(each)) in ASYNCHRONOUS]
    inside = [
        *values_in(info.value),
        *(e for each in values_in(info.value) for e in values_in(each)),
    ]
    return any(each is one for each in inside for one in refused)


def asynchronous_items(evidence: Evidence, use: Use) -> list[ObjectInfo]:
    """What is asynchronous in the operand of `use`: a tuple for ``%``, or the keys of a dict."""
    value, items = evidence.resolver.value, []
    if isinstance(getattr(use.owner, "op", None), ast.Mod):
        pair = value(use.node)
        items = [*tuple.__iter__(pair)] if is_real_instance(pair, tuple) else []
    elif isinstance(use.node, ast.Call) and callee_name(use.node) in ("items", "keys"):
        table = value(method_owner(use.node) or use.node)
        items = [*dict.__iter__(table)] if is_real_instance(table, dict) else []
    found = [describe(item, keep=True) for item in items]
    return [each for each in found if kind_of(each) in ASYNCHRONOUS]


def values_in(value: object) -> list[object]:
    """The items of a list, tuple or set, the values of a dict, or the attributes of an object."""
    if type(value) in (list, tuple, set):
        return [*value]  # type: ignore[misc]  # they can be iterated over
    return [*(value if type(value) is dict else instance_dict(value)).values()]


def refused_by_asyncio(evidence: Evidence) -> list[ObjectInfo]:
    """What asyncio was to make a future or a task of, or a thread was to call, and could not."""
    frame = innermost_frame(evidence)
    variables = frame.f_locals if frame is not None else {}
    if frame is not None and frame.f_globals.get("__name__") in THREADS:
        refused = getattr(variables.get("self"), "fn", MISSING)  # what a pool was given
        for each, _ in walk_tb(evidence.error.__traceback__ if evidence.error else None):
            if each.f_code is asyncio.to_thread.__code__:  # which gives the pool another one
                refused = each.f_locals.get("func", MISSING)
    else:
        found = (variables.get(name, MISSING) for name in ("coro_or_future", "coro", "fut"))
        refused = next((each for each in found if each is not MISSING), MISSING)
        ours = evidence.inner[-1].co_filename.startswith(ASYNCIO) if evidence.inner else False
        refused = refused if ours else MISSING
    return [describe(refused, keep=True)] if refused is not MISSING else []


def asks_plain(evidence: Evidence) -> bool:
    """Whether the library was at nothing but plain values: of these it refuses one.

    ``if timeout < 0`` is not about what the queue was to take. A mere bool may have been worked
    out from anything, and so may None, where that is asked before an error is raised.
    """
    trace = innermost_trace(evidence)
    if trace is None or evidence.direct or _was_given_it_alone(trace.tb_frame):
        return False
    nodes = library_nodes(trace.tb_frame.f_code, trace.tb_lasti)
    tests: list[ast.AST] = [each.test for each in nodes if isinstance(each, ast.If)]
    asked = list(_values_of(tests or nodes, trace.tb_frame.f_locals))
    plain = PLAIN - {bool, NoneType} if tests else PLAIN - {bool}
    return bool(asked) and all(type(each) in plain for each in asked)


def _was_given_it_alone(frame: FrameType) -> bool:
    """Whether what has refused had, but for its object, only the step of a stream to look at."""
    code = frame.f_code
    given = [frame.f_locals.get(name) for name in code.co_varnames[1 : code.co_argcount]]
    return [is_step(type(each)) for each in given] == [True]


def _values_of(nodes: list[ast.AST], names: Mapping[str, object]) -> Iterator[object]:
    """What the local `names` in `nodes` stand for, and the attributes of these objects."""
    for node in nodes:
        match node:
            case ast.Call(ast.Attribute(ast.Name(name), asked), [], []) if (
                name in names and callable(instance_dict(names[name]).get(asked))
            ):
                pass  # a clock, say: ``self.timefunc()``
            case ast.Attribute(ast.Name(name), attribute) if name in names:
                owner = names[name]
                kept = instance_dict(owner)
                yield owner if type(owner) in PLAIN else kept.get(attribute, MISSING)
            case ast.Name(name) if name in names:
                yield names[name]
            case _:
                first = list(_values_of(_asked_first(node), names))
                certain = len(first) == 1 and type(first[0]) in (NoneType, int, float)
                inner = [e for e in ast.iter_child_nodes(node) if not _is_length(e, names)]
                yield from first if certain else _values_of(inner, names)


def _is_length(node: ast.AST, names: Mapping[str, object]) -> bool:
    """Whether it has given a number: ``len(row)``, whatever is in the row."""
    function = node.func if isinstance(node, ast.Call) else None
    name = function.id if isinstance(function, ast.Name) else ""
    return names.get(name, vars(builtins).get(name)) is len


def _asked_first(node: ast.AST) -> list[ast.AST]:
    """What refuses whatever else `node` has: ``key in None``, ``None[key]``, ``None(job)``."""
    match node:
        case ast.Compare(ops=[ast.In() | ast.NotIn()], comparators=[asked]):
            return [asked]
        case ast.Subscript(asked) | ast.Call(asked):
            return [asked]
    return []


def _locals(evidence: Evidence) -> Iterator[object]:
    plain = asks_plain(evidence)
    for each in _all_locals(evidence):
        if not plain or kind_of(describe(each)) not in ASYNCHRONOUS:
            yield each


def is_taken_on_purpose(evidence: Evidence, use: Use, info: ObjectInfo) -> bool:
    """Whether a library has kept the operand of `use`, a function, and refuses now on its own.

    What it was made with was right then: ``Lambda(work).invoke(1)`` may want `ainvoke`.
    """
    trace, unit = innermost_trace(evidence), evidence.unit
    raised = trace and instruction_at(trace.tb_frame.f_code, trace.tb_lasti) == "RAISE_VARARGS"
    if not raised or kind_of(info) not in FUNCTION_KINDS or not isinstance(use.owner, ast.Call):
        return False
    return unit.statement(use.owner) is not unit.statement(evidence.nodes[-1])


def _all_locals(evidence: Evidence) -> Iterator[object]:
    frame = innermost_frame(evidence)
    values = list(frame.f_locals.values()) if frame is not None else []
    if frame is not None and frame.f_code.co_varnames[:1] == ("self",):
        kept = instance_dict(frame.f_locals.get("self")).values()
        # It may keep its arguments, and is none while it is made.
        values = [*values[frame.f_code.co_name == "__init__" :], *kept]
    if frame is not None and frame.f_code.co_qualname.startswith("ChainMap."):
        values += values[0].maps  # one of these it is
    for value in values:
        yield value
        if type(value) in (list, tuple, set):
            yield from value
        elif type(value) is dict:
            yield from value.values()


def _same_code(value: object, info: ObjectInfo) -> bool:
    return info.code is None or describe(value).code in (None, info.code)


def innermost_frame(evidence: Evidence) -> FrameType | None:
    """The frame in which the error was raised; None if there is none."""
    trace = innermost_trace(evidence)
    return trace.tb_frame if trace is not None else None


def innermost_trace(evidence: Evidence) -> TracebackType | None:
    """The same with the line in which it was."""
    trace = evidence.error.__traceback__ if evidence.error is not None else None
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace


#: Who asks so expects what is to be awaited, and refuses it on purpose.
_ASKING = (inspect.iscoroutine, inspect.isawaitable, inspect.isasyncgen, asyncio.iscoroutine)
_EXPECTED = ("__await__", "__aiter__", "__anext__", "__call__")


def tested_operand(evidence: Evidence) -> tuple[Demand, ObjectInfo] | None:
    """A coroutine or an async generator in the test before the ``raise``, and its demand."""
    variables = evidence.frame.f_locals if evidence.frame is not None else {}
    nodes = [each for test in tests_before(evidence) for each in ast.walk(test)]
    if any(isinstance(each, ast.Call) and expects(evidence.resolver, each) for each in nodes):
        return None
    for name in nodes:
        value = variables.get(name.id) if isinstance(name, ast.Name) else None
        if type(value) is AsyncGeneratorType or (
            type(value) is CoroutineType and inspect.getcoroutinestate(value) == "CORO_CREATED"
        ):
            owner = evidence.unit.parents[name]
            if isinstance(name, ast.Name) and (what := _asked(evidence, name, owner)):
                return Demand(what, name, owner, "the test"), describe(value, keep=True)
    return _tested_call(evidence, nodes)


def _tested_call(evidence: Evidence, nodes: list[ast.AST]) -> tuple[Demand, ObjectInfo] | None:
    """``assert fetch() == 3``: the coroutine is gone, and only what is called is known."""
    for call in nodes:
        owner = evidence.unit.parents.get(call)
        options = evidence.resolver.options(call) if isinstance(call, ast.Call) else []
        if isinstance(call, ast.Call) and isinstance(owner, ast.Compare) and options:
            plain = any(kind_of(each) is not Kind.COROUTINE for each in options)
            if not plain and (what := _asked(evidence, call, owner)):
                return Demand(what, call, owner, "the test"), options[0]
    return None


def _asked(evidence: Evidence, name: ast.expr, owner: ast.AST) -> str:
    """What a test demands: of what is compared, and of what is asked for its type; or nothing."""
    if isinstance(owner, ast.Call) and owner.args[:1] == [name]:
        function = evidence.resolver.value(owner.func)
        kinds = {id(isinstance): "value", id(type): "value", id(callable): "call"}
        return kinds.get(id(function), "")
    same = (ast.Is, ast.IsNot, ast.In, ast.NotIn)
    compared = isinstance(owner, ast.Compare) and not any(isinstance(o, same) for o in owner.ops)
    return "value" if compared else ""


def tests_before(evidence: Evidence) -> list[ast.expr]:
    """The tests that led to the error: that around it, and those passed in the same block."""
    node = evidence.unit.statement(evidence.nodes[-1]) if evidence.nodes else None
    if isinstance(node, ast.Assert):
        return [node.test]
    around = evidence.unit.parents.get(node) if isinstance(node, ast.Raise) else None
    block = [around, *getattr(around, "body", [])]
    return [each.test for each in block if isinstance(each, ast.If)]


def expects(resolver: Resolver, call: ast.Call) -> bool:
    """Whether `call` asks if something can be awaited, walked asynchronously, or called."""
    function, *kinds = (
        resolver.value(each)
        for part in (call.func, *call.args[1:])
        for each in (part.elts if isinstance(part, ast.Tuple) else [part])
    )
    types = [each for each in kinds if is_real_instance(each, type)]
    return any(function is each for each in _ASKING) or any(
        lookup(each, name) is not MISSING for each in types for name in _EXPECTED
    )


# -- at the place of the error ----------------------------------------------------------


def candidate_uses(evidence: Evidence) -> Iterator[Use]:
    """The operands that may have been refused, in their order."""
    seen: set[ast.AST] = set()
    for use in evidence.uses:
        seen.add(use.node)
        yield use
    calls = [*_calls(evidence), *_kept_by_stack(evidence)]
    for call in [*calls, *_behind_partials(evidence, calls)]:
        for argument in [*call.args, *(keyword.value for keyword in call.keywords)]:
            node = argument.value if isinstance(argument, ast.Starred) else argument
            if node not in seen:
                role = "star" if isinstance(argument, ast.Starred) else "argument"
                yield Use(role, node, argument if role == "star" else call, None)
        if isinstance(call.func, ast.Attribute) and call.func.attr == "sort":
            yield Use("argument", call.func.value, call, None)  # whose items are compared


def _behind_partials(evidence: Evidence, calls: list[ast.Call]) -> Iterator[ast.Call]:
    """Of ``partial(sum, rows)()`` what it comes to, ``sum(rows)``, which stands in no text."""
    for call in calls:
        for unit, made in origins(evidence.units, evidence.unit, call.func):
            if is_partial(made) and unit is evidence.unit:
                function, *given = made.args
                keywords = [*made.keywords, *call.keywords]
                yield ast.copy_location(ast.Call(function, [*given, *call.args], keywords), call)


def _calls(evidence: Evidence) -> Iterator[ast.Call]:
    """The calls at the place, the innermost first: also one that is awaited or entered there."""
    for node in reversed(evidence.nodes):
        inner: list[ast.AST] = [node]
        if isinstance(node, ast.Await):
            inner = [node.value]
            if type(evidence.error) is RuntimeError:  # of what was made a task of before
                made = origins(evidence.units, evidence.unit, node.value)
                inner += [each.node for each in made if each.unit is evidence.unit]
        elif isinstance(node, ast.With | ast.AsyncWith):
            inner = [item.context_expr for item in node.items]
        elif isinstance(node, ast.For | ast.AsyncFor):
            inner = [node.iter]
        elif isinstance(node, ast.Subscript):
            inner = [node.value]
        elif isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            inner = [clause.iter for clause in node.generators]
        elif isinstance(node, ast.Expr | ast.Return | ast.Assign):
            inner = [node.value] if node.value is not None else []
        yield from (each for each in inner if isinstance(each, ast.Call))
        yield from (each for call in inner for each in _inner_calls(call))
        if not evidence.direct:
            yield from (each for call in inner for each in _makers(evidence, call))
        if not evidence.direct and isinstance(node, ast.expr):
            parent = evidence.unit.parents.get(node)
            if isinstance(parent, ast.withitem) and isinstance(node, ast.Call):
                yield node
    if runs_in_thread(evidence.error):
        yield from _submitted(evidence)


def _submitted(evidence: Evidence) -> Iterator[ast.Call]:
    """What gave the job to a thread whose result is asked for here, or was before."""
    unit, nodes = evidence.unit, [e for node in evidence.nodes[-1:] for e in ast.walk(node)]
    names = [each for each in nodes if isinstance(each, ast.Name)]
    made = [each for name in names for each in origins(evidence.units, unit, name)]
    given = [each for each in unit.nodes(ast.Call) if callee_name(each) in _TO_THREADS]
    here = [each for each in (*nodes, *(one.node for one in made)) if each in given]
    asks = any(isinstance(each, ast.Await) or callee_name(each) == "result" for each in nodes)
    yield from [each for each in given if each in here] or given[: asks and len(given) == 1]


_TO_THREADS = ("submit", "run_in_executor", "to_thread")


def _makers(evidence: Evidence, call: ast.AST) -> Iterator[ast.Call]:
    """What made the object whose method is called: it keeps what it was given."""
    method = call.func if isinstance(call, ast.Call) else None
    if isinstance(method, ast.Attribute):
        for unit, made in origins(evidence.units, evidence.unit, method.value):
            if unit is evidence.unit and isinstance(made, ast.Call):
                yield made


def _kept_by_stack(evidence: Evidence) -> Iterator[ast.Call]:
    """What was given to an exit stack, which calls or enters it when it is left."""
    refusing = evidence.inner[-1].co_filename if evidence.inner else ""
    if refusing != contextlib.__file__ or not evidence.nodes:
        return
    for node in ast.walk(evidence.unit.statement(evidence.nodes[-1])):
        if isinstance(node, ast.Call) and callee_name(node) in ("push_async_callback", "callback"):
            yield node


#: What walks its arguments when it is walked itself.
_LAZY = ITERTOOLS_CALLS | {
    "map", "filter", "zip", "enumerate", "from_iterable", "merge", "permutations", "combinations",
    "product", "compress", "groupby", "filterfalse", "combinations_with_replacement", "ChainMap",
}  # fmt: skip


def _inner_calls(node: ast.AST) -> Iterator[ast.Call]:
    """Calls that have run before, and whose arguments are only used now."""
    if not isinstance(node, ast.Call):
        return
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    if isinstance(owner, ast.Call) and callee_name(node) == "result":
        yield owner
    if isinstance(node.func, ast.Call):
        yield node.func
    for argument in node.args:
        value = argument.value if isinstance(argument, ast.Starred) else argument
        if isinstance(value, ast.Call) and callee_name(value) in _LAZY:
            yield value
            yield from _inner_calls(value)


def called_object(evidence: Evidence, use: Use) -> object:
    """What is called with the operand of `use`; None if it is none, or nobody knows."""
    call = use.owner
    if not isinstance(call, ast.Call):
        return None
    value = evidence.resolver.value(call.func)
    return None if value is MISSING else value
