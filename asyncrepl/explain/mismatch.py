"""Which operand does not meet what an operation demands of it: the cause of nearly every misuse.

The demands at the place of the error are looked at in their order, and the operand of each: as a
probe has seen it, as it lies in the frame that failed or in the library's, or as it is
inferred. An operand that is not asynchronous at all only counts where the demand is.
"""

from __future__ import annotations

import ast
import difflib
import sys
from array import array
from types import CoroutineType, FunctionType
from typing import TYPE_CHECKING, NamedTuple

from asyncrepl.events.object_info import (
    MISSING,
    ObjectInfo,
    describe,
    function_of,
    has_method,
    is_real_instance,
    lookup,
)
from asyncrepl.explain.bindings import result_of_definition
from asyncrepl.explain.demands import Demand, demand_of, is_asynchronous, met
from asyncrepl.explain.given_away import given_away
from asyncrepl.explain.held_operands import (
    FUNCTION_KINDS,
    asynchronous_items,
    called_object,
    candidate_uses,
    function_type,
    held_operands,
    holds_refused,
    is_held,
    is_taken_on_purpose,
    is_within,
    refused_by_asyncio,
    tested_operand,
)
from asyncrepl.explain.kinds import ASYNCHRONOUS, Kind, has, kind_of
from asyncrepl.explain.operand_parts import compares_others, held_parts, items_taken, parts
from asyncrepl.explain.operand_uses import Use
from asyncrepl.explain.value_origins import bindings, origins
from asyncrepl.syntax.names import callee_name, last_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from asyncrepl.explain.evidence import Evidence

#: Where the kind of the operand is unknown, what the instruction alone tells was refused.
_CERTAIN = {
    "GET_AWAITABLE": "await", "GET_AITER": "async walk", "BEFORE_ASYNC_WITH": "async enter",
}  # fmt: skip


class Mismatch(NamedTuple):
    """A demand, and the info of the operand that does not meet it; None if nothing is known."""

    demand: Demand
    info: ObjectInfo | None


def mismatch(evidence: Evidence) -> Mismatch | None:
    """What is at fault; None if no operand is. Looked for once for each evidence."""
    known = vars(evidence)
    if "mismatch" not in known:
        known["mismatch"] = None  # also if looking for it fails
        known["mismatch"] = _mismatch(evidence)
    found: Mismatch | None = known["mismatch"]
    return found


def _mismatch(evidence: Evidence) -> Mismatch | None:
    if evidence.seen is not None:
        return _of_iterated(evidence)
    if isinstance(evidence.error, AttributeError):
        return _of_attribute(evidence, evidence.error)
    raising = any(use.role == "raise" for use in evidence.uses)
    if evidence.op == "RAISE_VARARGS" and (tested := tested_operand(evidence)) is not None:
        return Mismatch(*tested)
    if (evidence.op in ("RAISE_VARARGS", "RERAISE") and not raising) or evidence.leak:
        return None  # the user's code raised it itself
    unknown = None
    for demand, options in _demands(evidence):
        for info in options:
            if not met(demand, info) and _concerns(evidence, demand, info):
                known = _with_item(evidence, demand.node, info)
                return _where_walked(evidence, Mismatch(demand, known))
        if not options and _CERTAIN.get(evidence.op) == demand.what and evidence.direct:
            unknown = unknown or Mismatch(demand, None)
    far = given_away(evidence) if unknown is None else None
    return Mismatch(*far) if far is not None else unknown


def _with_item(evidence: Evidence, node: ast.expr, info: ObjectInfo) -> ObjectInfo:
    """`info`; of an empty list also what its comprehension would have put into it."""
    name = callee_name(node.elt) if isinstance(node, ast.ListComp) else ""
    made = [result_of_definition(each) for _, each in evidence.units.functions(name)]
    known = [each for each in made if each is not None and each.kind is CoroutineType]
    empty = info.kind is list and info.item is None
    return info._replace(item=known[0]) if empty and known and known == made else info


def _of_iterated(evidence: Evidence) -> Mismatch | None:
    """A future, a task or a step that plain code iterated over, which raised nothing."""
    for use in evidence.uses:
        if isinstance(use.owner, ast.Call) and not _is_walker(evidence, use, use.owner):
            continue
        by = f"`{callee_name(use.owner)}`"
        demand = demand_of(use, called_object(evidence, use), foreign=True) or Demand(
            "walk", use.node, use.owner, by
        )
        if use.info is not None and not met(demand, use.info):
            return Mismatch(demand, use.info)
    return None


#: Many classes have methods of these names, that iterate over nothing.
_AMBIGUOUS = ("update", "merge", "product", "mode", "array", "reader", "reduce", "mean", "median")


def _is_walker(evidence: Evidence, use: Use, call: ast.Call) -> bool:
    """Whether the function that is called iterates over this argument, as its name says."""
    name, callee = callee_name(call), called_object(evidence, use)
    compared = name in ("max", "min") and len(call.args) > 1
    if compared or (name == "fromkeys" and call.args[0] is not use.node):
        return False
    if callee is None:
        return name not in _AMBIGUOUS and _is_foreign(evidence, call)
    module = str(getattr(callee, "__module__", None) or "builtins")
    return module.partition(".")[0].lstrip("_") in sys.stdlib_module_names


def _where_walked(evidence: Evidence, found: Mismatch) -> Mismatch:
    """A future gives itself when it is walked, once: then the loop over it is the mistake."""
    node, unit = found.demand.node, evidence.unit
    if not isinstance(node, ast.Name) or found.info is None:
        return found
    if kind_of(found.info) not in (Kind.TASK, Kind.FUTURE):
        return found
    for name in bindings(unit, node)[1]:
        loop = unit.parents.get(name)
        if not isinstance(loop, ast.For | ast.comprehension) or loop.target is not name:
            continue
        makers = [each.node for each in origins(evidence.units, unit, loop.iter)]
        options = [
            each for made in (loop.iter, *makers) for each in evidence.resolver.options(made)
        ]
        if any(kind_of(each) in (Kind.TASK, Kind.FUTURE) for each in options):
            use = Use("for", loop.iter, loop, found.info)
            return Mismatch(demand_of(use, None) or found.demand, found.info)
    return found


def _concerns(evidence: Evidence, demand: Demand, info: ObjectInfo) -> bool:
    """Whether it is our business, and may be the cause of this error."""
    kind, wants_async = kind_of(info), is_asynchronous(demand)
    if type(evidence.error) is RuntimeError:  # a future says so when it is walked
        taken = kind is Kind.GENERATOR and demand.what in ("await", "coroutine", "awaitables")
        return taken or (kind in (Kind.TASK, Kind.FUTURE) and not wants_async)
    if type(evidence.error) is AssertionError:
        return kind in (Kind.COROUTINE, Kind.STEP)
    displays = (ast.List, ast.Tuple, ast.Set, ast.Dict, ast.JoinedStr)
    literal = isinstance(demand.node, displays) and info.item is None and demand.what == "await"
    if literal or isinstance(demand.node, ast.Constant):
        return demand.what == "async walk"  # else a literal says itself what it is
    if _is_no_evidence(evidence, demand, info):
        return False
    if kind is Kind.AWAITABLE and not wants_async:
        # It may be anything beside; what is known to come of it is what was meant.
        return any(met(demand, each) for each in evidence.resolver.awaited(info))
    made = isinstance(demand.node, ast.Call | ast.Await) and demand.what == "function"
    made = made and len(evidence.resolver.options(demand.node)) <= 1  # no function, for certain
    return wants_async or kind in ASYNCHRONOUS or made


def _is_no_evidence(evidence: Evidence, demand: Demand, info: ObjectInfo) -> bool:
    """What was walked has given an iterator, and that is at fault; or a test wants it so."""
    given = demand.what == "async walk" and evidence.op == "GET_ANEXT"
    # What is being waited for was taken before.
    given = given or (evidence.op == "SEND" and isinstance(demand.owner, ast.Await))
    return given or info.kind.__name__ == "AsyncMock"


def _demands(evidence: Evidence) -> Iterator[tuple[Demand, list[ObjectInfo]]]:
    late: list[tuple[Demand, list[ObjectInfo]]] = []  # what it was made of says more
    for use in candidate_uses(evidence):
        callee = called_object(evidence, use)
        if _is_passed_over(evidence, use, callee):
            continue
        foreign = callee is None and _is_foreign(evidence, use.owner)
        for part in (*parts(use), *held_parts(evidence, use)):
            demand = demand_of(part, callee, foreign=foreign)
            if demand is None:
                continue
            options = _options_of(evidence, part)
            failed = type(evidence.error) is AssertionError  # it keeps nothing of what it compared
            if evidence.direct or failed or callee_name(demand.owner) in _ELSEWHERE:
                if items := asynchronous_items(evidence, part):
                    yield demand._replace(what="items"), items
                given = not options and demand.what == "function" and not evidence.direct
                yield demand, refused_by_asyncio(evidence) if given else options
            elif blamed := [each for each in options if is_held(evidence, each)]:
                if not is_taken_on_purpose(evidence, use, blamed[0]):
                    yield demand, blamed
            elif any(holds_refused(evidence, each) for each in options):
                late.append((demand._replace(what="items"), held_operands(evidence)))
            elif not options:
                held = [] if isinstance(part.node, ast.Lambda) else held_operands(evidence)
                refused = refused_by_asyncio(evidence)
                whole = part.node is use.node and isinstance(part.node, ast.Call)
                inside = whole and not refused and is_within(evidence)
                yield demand._replace(what="items") if inside else demand, refused or held
    yield from late


def _is_passed_over(evidence: Evidence, use: Use, callee: object) -> bool:
    """Whether `use` cannot be at fault, or is only kept somewhere."""
    seen = evidence.direct and evidence.frame is not None and use.role != "mapping"
    if seen and _is_python(callee) and type(evidence.error) is not RuntimeError:
        return True  # it was called in a wrong way: nothing of it has run
    if isinstance(use.owner, ast.Call) and use.node is not use.owner.func:
        called = evidence.resolver.info(use.owner.func)
        if called is not None and not has_method(called.kind, "__call__"):
            return True  # what is called cannot be: nobody has looked at what it was given
    unknown = use.role == "stored" and not _is_particular(evidence)
    return unknown or compares_others(evidence, use)


#: What these are given is used in another place, which does not keep it where it is seen.
_ELSEWHERE = ("submit", "to_thread", "run_in_executor", "suppress")


#: Of the containers that the interpreter itself fills, those that refuse some items.
_PARTICULAR = (bytearray, memoryview, array)


def _is_particular(evidence: Evidence) -> bool:
    """Whether what an item or an attribute was to become may be what was refused."""
    target = evidence.node(ast.Subscript)
    if not evidence.direct or target is None:
        return True
    owner = evidence.resolver.info(target.value)
    return owner is not None and issubclass(owner.kind, _PARTICULAR)


def _is_foreign(evidence: Evidence, call: ast.AST) -> bool:
    """Whether nothing of the user's has the name of what is called."""
    return not evidence.units.defines(callee_name(call))


def _is_python(callee: object) -> bool:
    if is_real_instance(callee, type):
        return is_real_instance(lookup(callee, "__init__"), FunctionType)
    return function_of(callee) is not None


# -- a missing attribute ---------------------------------------------------------------


def _of_attribute(evidence: Evidence, error: AttributeError) -> Mismatch | None:
    foreseen = evidence.use("attribute")
    info = foreseen.info if foreseen is not None else None
    info, name = info or describe(error.obj, keep=True), error.name
    if evidence.op == "STORE_ATTR":  # that names no object on some versions
        stored = next((n for n in evidence.nodes if isinstance(n, ast.Attribute)), None)
        options = evidence.resolver.options(stored.value) if stored is not None else []
        info, name = (options[0], stored.attr) if stored is not None and options else (info, name)
    if not isinstance(name, str):
        return None
    if not evidence.direct:
        return _of_library(evidence, info, name)
    for node in (*reversed(evidence.nodes), *_functions(evidence.nodes)):
        if isinstance(node, ast.Attribute) and node.attr == name:
            alone = isinstance(evidence.unit.parents.get(node), ast.Expr)
            if _is_missed(evidence, info, name, alone=alone):
                demand = Demand("attribute", node.value, node, f"`.{name}`", (name,))
                return Mismatch(demand, info)
            return None
    asked = kind_of(info) in ASYNCHRONOUS
    return _of_argument(evidence, info, name) if asked else None


def _of_argument(evidence: Evidence, info: ObjectInfo, name: str) -> Mismatch | None:
    """``getattr(x, "name")``, or what else is written in C and asks an argument for it."""
    for use in candidate_uses(evidence):
        call = use.owner
        if not isinstance(call, ast.Call):
            continue
        by = f"`{callee_name(call)}`"
        if called_object(evidence, use) in (getattr, setattr, delattr):
            first = use.node is call.args[0]
            return Mismatch(Demand("value", use.node, call, by), info) if first else None
        held = (*parts(use), *held_parts(evidence, use))  # of the items as well: ``sorted(jobs)``
        for part in held if _is_missed(evidence, info, name) else ():
            if any(each[:2] == info[:2] for each in _options_of(evidence, part)):
                what = "items" if part.role == "items" else "value"
                return Mismatch(Demand(what, part.node, call, by), info)
    return None


def _functions(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    return (node.func for node in nodes if isinstance(node, ast.Call))


#: What a class that is walked asynchronously is asked for by those who take it for another thing.
_OF_OTHERS = frozenset(
    {name for kind in (list, dict, str) for name in vars(kind) if not name.startswith("_")}
    | {"__anext__", "__next__", "__aiter__", "__iter__", "anext", "next", "aiter", "iter"}
    | {"aclose", "asend", "athrow", "send", "throw", "flatten", "to_list", "collect"}
)


def _is_missed(evidence: Evidence, info: ObjectInfo, name: str, *, alone: bool = False) -> bool:
    """Whether the attribute is that of what the object stands for, and not a slip.

    `alone` says that it is a statement: nobody asks an item of a stream so for anything.
    """
    kind, resolver = kind_of(info), evidence.resolver
    if kind in (Kind.ASYNC_GENERATOR, Kind.COROUTINE, Kind.STEP):
        own = name in ("__name__", "__qualname__")  # which is not asked of what it gives
        return not own and (not alone or kind is not Kind.ASYNC_GENERATOR or name in _OF_OTHERS)
    awaited = resolver.awaited(info) if has(info, "__await__") else []
    given = any(_may_have(each, name) for each in awaited) or name in _STEPPED
    slip = _is_slip(info, name)
    if given or kind is Kind.AWAITABLE or kind not in ASYNCHRONOUS or slip:
        unknown = kind is Kind.AWAITABLE and not slip
        return given or (unknown and _belongs_to_another(evidence, info, name))
    if kind in FUNCTION_KINDS:
        made_now = resolver.results(info.value)
        results = [each for each in made_now if kind_of(each) in _STREAMS] + [
            given
            for made in made_now
            for given in (
                *resolver.awaited(made), *resolver.yielded(made.code), *resolver.entered(made)
            )
        ]  # fmt: skip
        kinds = [list if kind_of(each) in _STREAMS else each.kind for each in results]
        return any(lookup(each, name) is not MISSING for each in kinds)
    if has(info, "__aenter__"):
        options = resolver.entered(info)
        inner = [each for each in options if each.kind is not info.kind]
        unknown = not options or info.kind.__name__.startswith("_")
        return unknown or any(_may_have(each, name) for each in inner)
    if kind in (Kind.ASYNC_ITERATOR, Kind.ASYNC_ITERABLE):
        return name in _OF_OTHERS
    return True


#: What only an async iterator is asked for.
_STEPPED = ("__anext__", "__aiter__")


def _may_have(info: ObjectInfo, name: str) -> bool:
    return has(info, name, "__getattr__") or name in info.members


def _belongs_to_another(evidence: Evidence, info: ObjectInfo, name: str) -> bool:
    """Whether it is set by a class of which the awaitable's own class makes instances."""
    classes = list(evidence.units.nodes(ast.ClassDef))
    own = [each for _, each in classes if each.name == info.kind.__name__]
    made = {callee_name(node) for each in own for node in ast.walk(each)} - {info.kind.__name__}
    return any(
        isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and node.attr == name
        for _, each in classes
        if each.name in made
        for node in ast.walk(each)
    )


def _is_slip(info: ObjectInfo, name: str) -> bool:
    known = [*dir(info.kind), *info.members]
    return bool(difflib.get_close_matches(name, known, n=1, cutoff=0.8)) and name not in _OF_OTHERS


def _of_library(evidence: Evidence, info: ObjectInfo, name: str) -> Mismatch | None:
    """What a library missed in an argument of the user's."""
    unfit = kind_of(info) in ASYNCHRONOUS or name in ("aclose", "add_done_callback")
    for use in candidate_uses(evidence) if unfit else ():
        for part in (*parts(use), *held_parts(evidence, use)):
            demand = demand_of(part, called_object(evidence, use))
            if demand is None or not isinstance(demand.owner, ast.Call) or met(demand, info):
                continue
            options = _options_of(evidence, part)
            if any(function_type(each.kind) is info.kind for each in options) or not options:
                return Mismatch(demand, info)
    return None


_STREAMS = (Kind.ASYNC_GENERATOR, Kind.ASYNC_ITERATOR, Kind.ASYNC_ITERABLE)


def _options_of(evidence: Evidence, use: Use) -> list[ObjectInfo]:
    """What the operand of `use` may be: as it was seen, else as it is inferred."""
    if (use.info is not None and use.certain) or use.role == "items":
        return [use.info] if use.info is not None else []
    found = evidence.resolver.options(use.node) or items_taken(evidence, use.node)
    if not found and isinstance(use.node, ast.Attribute) and use.info is None and evidence.direct:
        found = _given_to_attribute(evidence, use.node)
    return found if found or use.info is None or use.role != "argument" else [use.info]


def _given_to_attribute(evidence: Evidence, node: ast.Attribute) -> list[ObjectInfo]:
    """What an attribute of an object that is gone was given, if that is coroutines alone."""
    found: list[ObjectInfo | None] = []
    for _, made in origins(evidence.units, evidence.unit, node):
        keywords = made.keywords if isinstance(made, ast.Call) else []
        factory = [each.value for each in keywords if each.arg == "default_factory"]
        name = last_name(factory[0]) if factory else callee_name(made)
        results = [result_of_definition(each) for _, each in evidence.units.functions(name)]
        found += results or [None]
    known = [each for each in found if each and each.kind is CoroutineType]
    return known if len(known) == len(found) else []
