"""What can only be used asynchronously and says so itself, in a plain method that only raises.

Libraries write such methods beside the asynchronous ones, since the interpreter's own words tell
nobody what to do: ``with ClientSession()`` of aiohttp, ``for attempt in AsyncRetrying()``.

And what asyncio refuses: a condition without its lock, an item for which a queue has no room, or
that has no order among those of a priority queue. Futures of threads refuse what their results
would do, and are no awaitables.
"""

from __future__ import annotations

import ast
import asyncio
import concurrent.futures
import typing
from typing import TYPE_CHECKING, Any

from asyncrepl.events.object_info import MISSING, code_of, describe, lookup
from asyncrepl.explain.demands import Demand
from asyncrepl.explain.explanation import Finding, Rule, endless
from asyncrepl.explain.fix_editor import Fixing, awaited, correction, replaced, short
from asyncrepl.explain.held_operands import innermost_frame
from asyncrepl.explain.kinds import has
from asyncrepl.explain.library_results import function_of_code
from asyncrepl.explain.operand_parts import kinds_without_order
from asyncrepl.explain.repairs.repair_case import LOOPS, Case
from asyncrepl.explain.repairs.repair_choice import repaired
from asyncrepl.explain.rules.endless_waits import awaited_object, calls_on
from asyncrepl.explain.rules.kept_coroutines import numbered
from asyncrepl.explain.rules.other_loops import GET_LOOP, refused_by
from asyncrepl.explain.rules.own_states import OF_LOOPS, questions
from asyncrepl.explain.scopes import behind_await, scope, suppressed_kinds
from asyncrepl.syntax.names import callee_name, canonical_name, last_name, written_name
from asyncrepl.syntax.source_rewriter import Span, indent

if TYPE_CHECKING:
    from types import CodeType

    from asyncrepl.explain.evidence import Evidence, Site
    from asyncrepl.explain.source_units import Unit


def _walked(evidence: Evidence) -> Finding | None:
    return _told(evidence, "__iter__", "walk", "a plain walk: only `async for` can do it")


def _entered(evidence: Evidence) -> Finding | None:
    return _told(evidence, "__enter__", "enter", "a plain `with`: `async with` enters it")


def _told(evidence: Evidence, method: str, what: str, refused: str) -> Finding | None:
    case = _case(evidence, method, f"__a{method[2:]}", what)
    if case is None:
        return None
    return Finding(f"{short(case.unit, case.node)} refuses {refused}.", repaired(case))


def _case(evidence: Evidence, method: str, twin: str, what: str) -> Case | None:
    """The operand whose plain `method` has raised, if it has the `twin` and is used in a place."""
    frame = innermost_frame(evidence)
    if frame is None or frame.f_code.co_name != method or not frame.f_code.co_argcount:
        return None
    info = describe(frame.f_locals.get(frame.f_code.co_varnames[0]), keep=True)
    plain, other = (code_of(lookup(info.kind, name)) for name in (method, twin))
    if plain is not frame.f_code or not has(info, twin):
        return None
    if not _only_raises(evidence, plain) and not questions(evidence) & OF_LOOPS:
        return None
    if _only_raises(evidence, other):
        return None  # it can be used in no way at all
    site = next((each for each in reversed(evidence.sites) if each.frame is not frame), None)
    place = _place(site, what) if site is not None else None
    if site is None or place is None:
        return None
    return Case(evidence, site.unit, Demand(what, *place, f"`{method}`", (method,)), info)


def _only_raises(evidence: Evidence, code: CodeType | None) -> bool:
    function = function_of_code(evidence.units, code)
    statements = function.body if function is not None else []
    rest = [
        each for each in statements if not isinstance(each, ast.Expr)
    ]  # a docstring, a warning
    return len(rest) == 1 and isinstance(rest[0], ast.Raise)


def _place(site: Site, what: str) -> tuple[ast.expr, ast.AST] | None:
    """The operand at the `site`, and the loop or ``with`` that it is the operand of."""
    nodes = [each for node in site.nodes for each in (node, site.unit.parents.get(node))]
    for node in nodes:
        if what == "walk" and isinstance(node, LOOPS):
            return node.iter, node
        if what == "walk" and isinstance(node, ast.Call) and len(node.args) == 1:
            return node.args[0], node
        if what == "enter" and isinstance(node, ast.With) and len(node.items) == 1:
            return node.items[0].context_expr, node
        if what == "enter" and isinstance(node, ast.withitem):
            return node.context_expr, site.unit.parents[node]
    return None


_ERRORS = (TypeError, RuntimeError, NotImplementedError, AttributeError)


def _tested(evidence: Evidence) -> Finding | None:
    """``if dialog():``, of an awaitable that refuses to be asked whether it is true."""
    frame = innermost_frame(evidence)
    if frame is None or frame.f_code.co_name != "__bool__" or not frame.f_code.co_argcount:
        return None
    kind = type(frame.f_locals.get(frame.f_code.co_varnames[0]))
    awaits = code_of(lookup(kind, "__await__"))
    if (
        awaits is None
        or _only_raises(evidence, awaits)
        or not _only_raises(evidence, frame.f_code)
    ):
        return None
    site = next((each for each in reversed(evidence.sites) if each.frame is not frame), None)
    asked = site.nodes[-1] if site is not None and site.nodes else None
    if isinstance(asked, ast.If | ast.While | ast.IfExp):
        asked = asked.test
    if isinstance(asked, ast.UnaryOp):
        asked = asked.operand
    if site is None or not isinstance(asked, ast.expr) or callee_name(asked) == "bool":
        return None
    why = f"{short(site.unit, asked)} refuses to be tested: `await` gives what it stands for."
    return Finding(why, awaited(evidence, site.unit, asked))


def _without_lock(evidence: Evidence) -> Finding | None:
    """``cond.wait()``, or ``notify``, outside of ``async with cond``."""
    kind = asyncio.Condition
    call = refused_by(evidence, kind.wait, kind.notify, kind.notify_all)
    if not isinstance(call, ast.Call) or evidence.inner[-1] is code_of(GET_LOOP):
        return None
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    text = evidence.unit.source.source(owner) if owner is not None else "condition"
    why = (
        f"{short(evidence.unit, call)} needs the lock of the condition, and nobody has taken it "
        f"here: it belongs into `async with {text}`."
    )
    return Finding(why, _locked(evidence, call, text) if owner is not None else None)


@correction
def _locked(fixing: Fixing, call: ast.Call, lock: str) -> None:
    """The statement in an ``async with``; a loop that asks again with all that follows."""
    unit = fixing.evidence.unit
    loop = unit.enclosing(call, ast.While)
    first: ast.stmt = loop if loop is not None else unit.statement(call)
    body = next((b for b in _bodies(unit.parents.get(first)) if first in b), [])
    if not body:
        return
    last = body[-1] if loop is not None else first
    start, end = unit.source.block(first)[0], unit.source.block(last)[1]
    text = unit.text[start:end]
    head = f"{unit.source.indent(first)}async with {lock}:\n"
    fixing.of(unit).replace(Span(start, end), head + indent(text, "    ").rstrip() + "\n")
    fixing.suspending(unit, call)


def _bodies(node: ast.AST | None) -> list[list[ast.stmt]]:
    return [getattr(node, name, None) or [] for name in ("body", "orelse", "finalbody")]


def _lost(evidence: Evidence) -> Finding | None:
    """``put_nowait`` into a queue with a bound, where nobody hears that it was full."""
    queue = awaited_object(evidence, asyncio.Queue, "get")
    made = [each for _, each in evidence.units.calls("Queue")]
    if queue is None or len(made) != 1 or not (made[0].args or made[0].keywords):
        return None
    for unit, call in calls_on(evidence, written_name(queue), "put_nowait"):
        later = callee_name(call) in ("call_soon", "call_soon_threadsafe")
        if not later and not _drops_when_full(unit, call):
            continue
        text = unit.source.source(queue) if unit is evidence.unit else written_name(queue)
        hears = "the loop only logs the QueueFull" if later else "the QueueFull is ignored"
        why = (
            f"`{text}` has a bound, and `put_nowait` puts nothing into it while it is full: "
            f"{hears}, what {short(unit, call)} was to put is lost, and nobody puts more. "
            f"`await {text}.put(…)` waits for room."
        )
        return Finding(why, _waiting_for_room(evidence, unit, call))
    return None


def _drops_when_full(unit: Unit, call: ast.Call) -> bool:
    """Whether a ``suppress(QueueFull)`` or an ``except`` that only passes is around the call."""
    around = [*unit.ancestors(call)]
    handlers = [h for each in around if isinstance(each, ast.Try) for h in each.handlers]
    ignores = [h.type for h in handlers if isinstance(h.body[0], ast.Pass)]
    ignores += [kind for each in around for kind in suppressed_kinds(each)]
    return any(last_name(each) == "QueueFull" for each in ignores if each is not None)


@correction
def _waiting_for_room(fixing: Fixing, unit: Unit, call: ast.Call) -> None:
    """``q.put_nowait(x)`` → ``await q.put(x)``; of another thread, by a coroutine for the loop."""
    source, function = unit.source.source, call.func
    if callee_name(call) == "put_nowait" and isinstance(function, ast.Attribute):
        if isinstance(scope(unit, call), ast.AsyncFunctionDef):
            fixing.of(unit).replace(function, f"{source(function.value)}.put")
            fixing.awaiting(unit, call)
        return
    put = call.args[0] if len(call.args) == 2 else None
    if callee_name(call) == "call_soon_threadsafe" and isinstance(put, ast.Attribute):
        (loop, item) = source(function.value), source(call.args[1])  # type: ignore[attr-defined]
        text = f"asyncio.run_coroutine_threadsafe({source(put.value)}.put({item}), {loop})"
        fixing.of(unit).replace(call, text)


def _without_hash(evidence: Evidence) -> Finding | None:
    """An awaitable given to ``gather``, which keeps what it is given as keys."""
    frame = innermost_frame(evidence)
    given = frame.f_locals.get("arg") if frame is not None else None
    kind = type(given)
    if frame is None or frame.f_code is not code_of(asyncio.gather):
        return None
    if lookup(kind, "__await__") is MISSING or lookup(kind, "__hash__") is not None:
        return None
    found = evidence.units.class_of(kind)
    why = (
        f"`gather` keeps what it is given as keys, and a {kind.__name__} has no hash: its class "
        "defines `__eq__`, as `@dataclass` does, and no `__hash__`. A task of a coroutine that "
        "awaits it has one."
    )
    made = found[1].decorator_list if found is not None else []
    if found is None or [canonical_name(each) for each in made] != ["dataclasses.dataclass"]:
        return Finding(why)
    if any(_asks_for_equals(each) for _, each in evidence.units.nodes(ast.Compare)):
        return Finding(why)  # by their parts, perhaps
    text = f"{found[0].source.source(made[0])}(eq=False)"
    return Finding(why, replaced(evidence, found[0], (made[0], text)))


def _asks_for_equals(test: ast.Compare) -> bool:
    """Whether it may find that two objects are equal."""
    constant = any(isinstance(each, ast.Constant) for each in (test.left, *test.comparators))
    return not constant and isinstance(test.ops[0], ast.Eq | ast.NotEq | ast.In | ast.NotIn)


_ORDERED = (asyncio.PriorityQueue._put, asyncio.PriorityQueue._get)  # noqa: SLF001


def _has_no_order(evidence: Evidence) -> Finding | None:
    """Items of a priority queue that are equal up to a part which has no order."""
    frame = innermost_frame(evidence)
    if frame is None or refused_by(evidence, *_ORDERED) is None:
        return None
    items: list[Any] = getattr(frame.f_locals.get("self"), "_queue", [])
    kinds = kinds_without_order(items)
    if not kinds:
        return None
    name, fix = kinds.pop().__name__, None
    why = f"A priority queue compares its items, and `{name}` has no order: "
    why += f"give `{name}` a `__lt__`, or put pairs of a number and the item."
    call = behind_await(evidence.node(ast.Call, ast.Await))
    if type(items[0]) is tuple:
        fix = numbered(evidence, call) if isinstance(call, ast.Call) else None
        why = (
            "A priority queue compares its items: of tuples that are equal so far the next part "
            f"decides, and `{name}` has no order. Put `next(count)` of an `itertools.count()` "
            "before it."
        )
    return Finding(why, fix)


def _thread_future(evidence: Evidence) -> Finding | None:
    """A future of a pool of threads, taken for what the thread gives."""
    unit, future = evidence.unit, concurrent.futures.Future
    for node in _operands(evidence) if evidence.direct else ():
        info = evidence.resolver.info(node)
        one = info is not None and issubclass(info.kind, future)
        if info is None or not (one or (info.item and issubclass(info.item.kind, future))):
            continue
        what = "is a future" if one else "holds futures"
        why = (
            f"{short(unit, node)} {what} of `concurrent.futures`: what the thread gives is the "
            "`result()`, which waits for it. On the loop, `await asyncio.wrap_future(future)`."
        )
        return Finding(why, _of_thread(evidence, unit, node) if one else None)
    return None


def _one_type(evidence: Evidence) -> Finding | None:
    """``AsyncGenerator[str]``, which is short for two types only from Python 3.13 on."""
    node, unit = evidence.node(ast.Subscript), evidence.unit
    name = canonical_name(node.value) if node is not None else ""
    alias = evidence.resolver.value(node.value) if node is not None else None
    known = [
        more for each, more in _OF_TWO if alias is vars(typing)[each] or name == f"typing.{each}"
    ]
    if node is None or not known or isinstance(node.slice, ast.Tuple):
        return None
    text, more = unit.source.source(node.slice), known[0]
    why = (
        f"{short(unit, node)} lacks what is sent to the generator: until Python 3.13 that has to "
        f"be written, `{unit.source.source(node.value)}[{text}{more}]`."
    )
    return Finding(why, replaced(evidence, unit, (node.slice, f"{text}{more}")))


#: Generators in annotations, and what may be left out from Python 3.13 on.
_OF_TWO = (("AsyncGenerator", ", None"), ("Generator", ", None, None"))
#: Functions that want numbers or items, and refuse a future.
_PLAIN = {"sum", "len", "int", "float", "sorted", "max", "min", "list", "tuple", "set", "dict",
          "round", "abs", "iter", "next", "enumerate", "join", "range"}  # fmt: skip


def _operands(evidence: Evidence) -> list[ast.expr]:
    """What the operation that failed was given."""
    found: list[ast.expr] = []
    match evidence.nodes[-1] if evidence.nodes else None:
        case ast.BinOp(left, _, right) | ast.AugAssign(left, _, right):
            found = [left, right]
        case ast.Compare(left, _, others):
            found = [left, *others]
        case ast.Subscript(value) | ast.Attribute(value):
            found = [value]
        case ast.Call(ast.Attribute(value)) if isinstance(evidence.error, AttributeError):
            found = [value]
        case ast.Call(function, arguments) as call:
            found = [function, *(arguments if callee_name(call) in _PLAIN else ())]
    return found


@correction
def _of_thread(fixing: Fixing, unit: Unit, node: ast.expr) -> None:
    """``future`` → ``(await asyncio.wrap_future(future))``; in a plain function, its result."""
    text = unit.source.source(node)
    if isinstance(unit.function(node), ast.AsyncFunctionDef):
        fixing.of(unit).replace(node, f"(await asyncio.wrap_future({text}))")
    else:
        fixing.of(unit).after(node, ".result()")


RULES = (
    Rule(
        "generator-of-one-type",
        "a generator annotated with one type",
        1,
        "An `AsyncGenerator` has two types: of what it yields, and of what `asend` gives it. "
        "`AsyncIterator[str]` says as much of one that is only walked.",
        _one_type,
    ),
    Rule(
        "coroutine-used-as-its-result",
        "a thread's future taken for its result",
        5,
        "`submit` and `run_coroutine_threadsafe` give a future at once. Its `result()` waits, and "
        "blocks the thread that asks; on a loop await `asyncio.wrap_future(future)`.",
        _thread_future,
        errors=(TypeError, AttributeError),
    ),
    Rule(
        "gather-without-star",
        "an awaitable without a hash",
        3,
        "`asyncio.gather` puts what it is given into a dict, so that one awaitable is awaited "
        "once. An object whose class has `__eq__` alone cannot be a key: `eq=False`, or a hash.",
        _without_hash,
        errors=(TypeError,),
        before="misspelt_keywords",
    ),
    Rule(
        "items-without-order",
        "items of a priority queue that have no order",
        5,
        "An `asyncio.PriorityQueue` gives its smallest item first. Tuples are compared part by "
        "part: where the priorities are equal, what comes next decides.",
        _has_no_order,
    ),
    Rule(
        "condition-without-its-lock",
        "a condition without its lock",
        3,
        "`wait`, `notify` and `notify_all` of an `asyncio.Condition` are for whoever holds its "
        "lock: `async with condition:` takes it, and `wait` gives it back meanwhile.",
        _without_lock,
        errors=(RuntimeError,),
    ),
    Rule(
        "for-over-async-iterable-class",
        "a plain `for` over what refuses it",
        1,
        "`for` calls `__iter__`, which such a class has only to say that it is of no use here. "
        "Write `async for`.",
        _walked,
        errors=_ERRORS,
    ),
    Rule(
        "sync-with-on-async-context-manager",
        "a plain `with` on what refuses it",
        1,
        "`with` calls `__enter__`, which such a class has only to say that it is of no use here. "
        "Write `async with`.",
        _entered,
        errors=_ERRORS,
    ),
    Rule(
        "coroutine-truth-value",
        "an awaitable in a test",
        5,
        "A test asks an object whether it is true. Such an awaitable says that it is no answer "
        "yet: `await` waits for that.",
        _tested,
        errors=_ERRORS,
    ),
    endless(
        "an item that a full queue has not taken",
        "`put_nowait` raises QueueFull where there is no room, and the item is gone if nobody "
        "tries again. `await queue.put(item)` waits for room; also for the mark of the end.",
        _lost,
        before="endless_loops",
    ),
)
