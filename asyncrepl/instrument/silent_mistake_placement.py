"""Placing probes of silent mistakes: code that raises nothing and does not do what it says.

Imported only when a text holds a word without which none of these mistakes can be made
(`compilation.instrument`).

*Lost values.* A statement that only calls ``readings()`` runs nothing of it, and Python gives no
warning: unlike a coroutine, an async generator that was never begun dies in silence. So does
``anext(it)`` before Python 3.13. The same calls as the test of an ``if``, compared with something
or in an f-string make an object that nobody can iterate or await any more. What does not work: a
probe around every such call. It costs each of them 100 ns, also ``self.reset()``. Here a call gets
one only if an async generator function of its name was defined, in this text or an earlier one.
That is a name, not the object: the probe looks at the object. Statements in loops that are only
such a call get none, for their speed. What ``print`` is given is probed whatever it is: beside
printing, that costs nothing.

*Patterns.* Loops written in a way that shows what somebody believes. It can be read in the text,
so it is found once, when the text is compiled, and only such a loop gets a probe: it is reported
when it runs, and no other loop pays.

- "guarded": in a ``try`` that expects the loop's StopAsyncIteration;
- "skipping": its body takes a step of the very iterator that it iterates over;
- "shared": inside another loop over the same name;
- "unchecked": no loop, but a ``try`` around the call that makes what is iterated over later.

Marked likewise are what decorates an ``async def``, what `zip` walks, what a thread or a callback
calls, and, where a text makes locks, what ``async with`` enters; and calls: of a function that
blocks, unless its result is awaited; of steps that are taken by hand; of ``create_task`` where
nobody waits for the task; and of ``aclose`` where only a name gets what is to be awaited.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from asyncrepl.instrument.probe_placement import (
    LATER_CALLS,
    LOOP_CALLS,
    copied_children,
    without_probe,
    wrapped_in_probe,
)
from asyncrepl.syntax.names import (
    COMPREHENSIONS,
    LOOPS,
    SCOPES,
    callee_name,
    canonical_name,
    last_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from collections.abc import Set as AbstractSet

    _Place = tuple[ast.AST, str, int | None]

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
#: What is still worth a look when it is printed.
_PRINTABLE = (ast.Name, ast.Attribute, ast.Subscript, ast.Call, ast.Await)

#: Calls that make the awaitable of a step of an async generator.
STEP_CALLS = frozenset({"anext", "__anext__", "asend", "athrow", "aclose"})

#: Methods of asyncio's objects that say in which state they are.
_QUESTIONS = frozenset({
    "is_set", "done", "cancelled", "empty", "full", "locked", "is_closing", "at_eof", "is_running",
    "is_closed",
})  # fmt: skip

#: The names of all async generator functions seen so far.
async_generator_functions: set[str] = set()


def probe_lost_values(tree: ast.mod) -> None:
    """Put ``.lost(…)`` around such calls and ``.shown(…)`` around what is printed, in `tree`.

    The value of an expression at the top of an interactive statement is displayed, not lost.
    """
    callbacks = _callbacks(tree)
    lost: list[_Place] = []
    for statement, kept in _statements([tree], kept=isinstance(tree, ast.Interactive)):
        if isinstance(statement, ast.AsyncFunctionDef):
            if any(isinstance(node, ast.Yield) for node in ast.walk(statement)):
                async_generator_functions.add(statement.name)
        elif isinstance(statement, ast.Expr) and not kept:
            lost += _ends(statement, "value")
    for node in copied_nodes(tree):
        lost += _places(node)
    for owner, name, number in lost:
        _probe_lost_call(owner, name, number)
    for node in list(copied_nodes(tree)):
        _probe_made(node, callbacks if isinstance(node, ast.Assign) else set())
        match node:
            case ast.Expr(ast.Call() as call) if last_name(call.func) in callbacks:
                node.value = wrapped_in_probe(".lost", call)


def _callbacks(tree: ast.AST) -> set[str]:
    """The names under which `tree` calls what it was given: parameters, and items of a loop.

    Also attributes that are given one of these.
    """
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.For | ast.AsyncFor):
            names |= {each.id for each in ast.walk(node.target) if isinstance(each, ast.Name)}
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets, ast.Name(given)) if given in names:
                names |= {each.attr for each in targets if isinstance(each, ast.Attribute)}
    return names


def copied_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """`node` and what is in it, short of what the copy shares with the original."""
    yield node
    for _, child in copied_children(node):
        yield from copied_nodes(child)


def _ends(owner: ast.AST, field: str, number: int | None = None) -> Iterator[_Place]:
    """The places of what a value comes to: its branches, the last of an ``or``, or it itself."""
    value = getattr(owner, field)
    match value if number is None else value[number]:
        case ast.IfExp() as chosen:
            yield from (*_ends(chosen, "body"), *_ends(chosen, "orelse"))
        case ast.BoolOp(values=values) as either:
            yield from _ends(either, "values", len(values) - 1)
        case _:
            yield owner, field, number


def _places(node: ast.AST) -> Iterator[_Place]:
    """The places in `node` where what is made is lost: the field, and the number in it."""
    match node:
        case ast.If() | ast.While() | ast.IfExp():
            yield from _ends(node, "test")
        case ast.UnaryOp(op=ast.Not()):
            yield from _ends(node, "operand")
        case ast.BoolOp(values=[*tested, _]):  # the last one is what it gives
            yield from ((node, "values", number) for number, _ in enumerate(tested))
        case ast.FormattedValue():
            yield node, "value", None
        case ast.Compare():
            if not isinstance(node.ops[0], ast.Is | ast.IsNot):
                yield node, "left", None
                yield node, "comparators", 0
        case ast.Call() if canonical_name(node.func) == "print":
            node.args = [_shown(argument) for argument in node.args]


def _probe_lost_call(owner: ast.AST, field: str, number: int | None) -> None:
    value = getattr(owner, field)
    call = value if number is None else value[number]
    asked = isinstance(call, ast.Attribute) and call.attr in _QUESTIONS
    if not asked and callee_name(call) not in async_generator_functions | STEP_CALLS:
        return
    probe = ".uncalled" if asked else ".lost"
    if number is None:
        setattr(owner, field, wrapped_in_probe(probe, call))
    else:
        value[number] = wrapped_in_probe(probe, call)


def _probe_made(node: ast.AST, callbacks: set[str]) -> None:
    """Put ``.made(…)`` around calls whose generator goes into a name, a list or another call."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id[0] == ".":
        return  # it has a probe
    for name in _GOING.get(type(node), ()):
        value = getattr(node, name)
        if isinstance(value, list):
            value[:] = [_made(each, callbacks) for each in value]
        elif value is not None:
            setattr(node, name, _made(value, callbacks))


def _made(node: ast.AST, callbacks: set[str]) -> ast.AST:
    # What is to close a generator has a probe of its own, whatever else has its name.
    names = (async_generator_functions | STEP_CALLS | callbacks) - set(_CLOSE_CALLS)
    known = callee_name(node) in names
    return wrapped_in_probe(".made", node) if known else node  # type: ignore[arg-type]  # a Call


#: What a value goes into, and by which field.
_GOING: dict[type, tuple[str, ...]] = {
    ast.Assign: ("value",), ast.AnnAssign: ("value",), ast.NamedExpr: ("value",),
    ast.Return: ("value",), ast.keyword: ("value",), ast.Call: ("args",), ast.List: ("elts",),
    ast.Match: ("subject",), ast.Tuple: ("elts",), ast.Set: ("elts",), ast.Dict: ("values",),
    ast.IfExp: ("body", "orelse"),
}  # fmt: skip


def _shown(argument: ast.expr) -> ast.expr:
    if isinstance(argument, ast.JoinedStr):
        for part in argument.values:
            if isinstance(part, ast.FormattedValue) and isinstance(part.value, _PRINTABLE):
                part.value = wrapped_in_probe(".shown", part.value)
    return wrapped_in_probe(".shown", argument) if isinstance(argument, _PRINTABLE) else argument


def _statements(nodes: Sequence[ast.AST], *, kept: bool) -> Iterator[tuple[ast.AST, bool]]:
    """Everything that is or holds a statement; `kept` where none is to be probed."""
    for node in nodes:
        yield node, kept
        inner = isinstance(node, LOOPS) or (kept and not isinstance(node, _DEFINITIONS))
        for name in _BLOCKS:
            yield from _statements(getattr(node, name, ()), kept=inner)


#: Functions that block the whole thread, by module and qualified name.
BLOCKING_FUNCTIONS = frozenset({
    ("time", "sleep"), ("urllib.request", "urlopen"), ("subprocess", "run"),
    ("subprocess", "call"), ("subprocess", "check_call"), ("subprocess", "check_output"),
    ("posix", "system"), ("nt", "system"),
})  # fmt: skip
_BLOCKING_NAMES = {name for _, name in BLOCKING_FUNCTIONS}
_TASK_MAKERS = ("create_task", "ensure_future")
_BEGINNERS = (*_TASK_MAKERS, "gather", "shield")
_CLOSE_CALLS = ("aclose", "athrow")
_ANEXT_CALLS = ("anext", "__anext__")
_STEP_METHODS = ("__anext__", "asend")
_LOCK_CLASSES = ("Lock", "Semaphore", "BoundedSemaphore")
#: What calls a function that it is given, and awaits nothing.
_CALLING_BACK = (
    "to_thread", "run_in_executor", "submit", *LOOP_CALLS, "callback", "register", "Thread",
    "Timer",
)  # fmt: skip
#: Methods of objects that only a text has which makes one: by what makes it, and the method.
_METHODS = {
    ("Event", "clear"): ".clearing",
    ("create_task", "cancel"): ".cancelling",
    ("Queue", "task_done"): ".said_done",
    ("Semaphore", "acquire"): ".acquiring",
    ("Semaphore", "release"): ".releasing",
    ("ContextVar", "set"): ".setting",
    ("ContextVar", "get"): ".getting",
    ("ContextVar", "reset"): ".getting",
}
#: Methods of a stream that give nothing at its end, at once and each time.
_READS = ("read", "readline")
_PROBES_OF_ARGUMENTS = {"zip": ".paired", **dict.fromkeys(_CALLING_BACK, ".called_back")}

Loop = ast.AsyncFor | ast.comprehension


class PatternProber:
    """One pass over one tree, which gets the probes itself.

    `around` are the names that the loops around iterate over. `called` are the names of all that
    the tree calls.
    """

    def __init__(self, called: AbstractSet[str] = frozenset()) -> None:
        self.around: tuple[str, ...] = ()
        self._makes_locks = not called.isdisjoint(_LOCK_CLASSES)
        self._methods = {name: probe for (kind, name), probe in _METHODS.items() if kind in called}
        self._awaited: ast.AST | None = None

    def visit(self, node: ast.AST) -> None:
        """Look at `node` and into it."""
        before = self.around
        if isinstance(node, SCOPES):
            self.around = ()
        elif isinstance(node, ast.AsyncFor):
            self.around = _probe_loop(node, self.around)
        elif isinstance(node, COMPREHENSIONS):
            for clause in node.generators:
                if clause.is_async:
                    self.around = _probe_loop(clause, self.around)
        self._mark(node)
        for child in ast.iter_child_nodes(node):
            self.visit(child)
        self.around = before

    def _mark(self, node: ast.AST) -> None:
        match node:
            case ast.Try():
                _probe_guarded(node)
                _probe_unchecked(node)
            case ast.Call():
                self._mark_call(node)
            case ast.Await():
                self._awaited = node.value
            case ast.While():
                _probe_reads(node)
            case ast.AsyncFunctionDef(decorator_list=decorators):
                _probe_gathered(node)
                decorators[-1:] = [wrapped_in_probe(".decorating", e) for e in decorators[-1:]]
            case ast.AsyncWith(items=items) if self._makes_locks:
                for item in items:
                    item.context_expr = wrapped_in_probe(".locking", item.context_expr)
            case ast.Assign([ast.Name()], ast.Call() as call) if callee_name(call) in _CLOSE_CALLS:
                node.value = wrapped_in_probe(".closing", call)
            case ast.Expr(ast.Call() as call) if callee_name(call) in _BEGINNERS:
                unkept = self.around and callee_name(call) in _TASK_MAKERS
                node.value = wrapped_in_probe(".unkept" if unkept else ".begun_task", call)
            case ast.Assign([ast.Name()], ast.Call() as call) if callee_name(call) in _BEGINNERS:
                node.value = wrapped_in_probe(".begun_task", call)
            case ast.Expr(
                ast.Call(ast.Attribute(attr="append"), [ast.Call() as call]) as kept
            ) if callee_name(call) in _TASK_MAKERS:
                kept.args[0] = wrapped_in_probe(".begun_task", call)
            case ast.Assign([ast.Name()], ast.ListComp(ast.Call() as call) as made) if (
                callee_name(call) in _TASK_MAKERS
            ):
                made.elt = wrapped_in_probe(".begun_task", call)

    def _mark_call(self, node: ast.Call) -> None:
        function = node.func
        if isinstance(function, ast.Attribute) and (probe := self._methods.get(function.attr)):
            function.value = wrapped_in_probe(probe, function.value)
        match node:
            case ast.Call() if callee_name(node) in _BLOCKING_NAMES and node is not self._awaited:
                node.func = wrapped_in_probe(".blocking", node.func)
            case ast.Call(ast.Attribute() as method) if method.attr in _STEP_METHODS:
                method.value = wrapped_in_probe(".asked", method.value)
            case ast.Call(ast.Name() as function, [asked, *_]) if last_name(function) == "anext":
                node.args[0] = wrapped_in_probe(".asked", asked)
            case ast.Call(args=[called, *_]) if canonical_name(function) == "atexit.register":
                node.args[0] = wrapped_in_probe(".at_exit", called)
            case _ if isinstance(given := _given_later(node), ast.Call):
                node.args[node.args.index(given)] = wrapped_in_probe(".given_later", given)
            case _ if probe := _PROBES_OF_ARGUMENTS.get(callee_name(node)):
                node.args = [_with_probe(probe, each) for each in node.args]


def _given_later(call: ast.Call) -> ast.expr | None:
    """What the loop, or a future, is to call later."""
    place = LATER_CALLS.get(callee_name(call), len(call.args))
    return call.args[place] if place < len(call.args) else None


def _probe_reads(loop: ast.While) -> None:
    """The streams that a ``while`` reads: they may be at their end.

    One that sleeps between, and ends by something else, may well go on asking.
    """
    nodes = [each for part in (loop.test, *loop.body) for each in ast.walk(part)]
    ways = (ast.Break, ast.Return, ast.Raise)
    ends = not isinstance(loop.test, ast.Constant) or any(isinstance(e, ways) for e in nodes)
    if ends and any(callee_name(each) == "sleep" for each in nodes):
        return
    for node in nodes:
        call = without_probe(node.value) if isinstance(node, ast.Await) else None
        match call:
            case ast.Call(ast.Attribute() as method) if method.attr in _READS:
                method.value = wrapped_in_probe(".reading", method.value)


def _probe_gathered(function: ast.AsyncFunctionDef) -> None:
    """What ``gather`` gives, errors too, where nobody looks at it."""
    nodes = list(ast.walk(function))
    counted = [each.args[0] for each in nodes if isinstance(each, ast.Call) and each.args
               and callee_name(each) == "len"]  # fmt: skip
    read = {each.id for each in nodes if isinstance(each, ast.Name)
            if isinstance(each.ctx, ast.Load) and each not in counted}  # fmt: skip
    for node in nodes:
        match node:
            case ast.Expr(ast.Await() as await_):
                pass
            case ast.Assign([ast.Name(name)], ast.Await() as await_) if name not in read:
                pass
            case _:
                continue
        call = without_probe(await_.value)
        kept = call.keywords if isinstance(call, ast.Call) else []
        if callee_name(call) == "gather" and any(each.arg == "return_exceptions" for each in kept):
            node.value = wrapped_in_probe(".gathered", await_)


def _with_probe(probe: str, node: ast.expr) -> ast.expr:
    kinds = (ast.Name, ast.Attribute, ast.Call)
    return wrapped_in_probe(probe, node) if isinstance(node, kinds) else node


def _probe_loop(loop: Loop, around: tuple[str, ...]) -> tuple[str, ...]:
    operand = without_probe(loop.iter)
    name = operand.id if isinstance(operand, ast.Name) else ""
    if name and name in around:
        if not any(isinstance(each, ast.Break | ast.Return) for each in ast.walk(loop)):
            # One that leaves reads a section, and the outer one goes on behind it.
            loop.iter = wrapped_in_probe(".shared", loop.iter)
    elif name and isinstance(loop, ast.AsyncFor) and list(steps_inside(loop, name)):
        loop.iter = wrapped_in_probe(".skipping", loop.iter)
    return (*around, name)


def steps_inside(loop: ast.AsyncFor, name: str) -> Iterator[ast.Call]:
    """The steps of `name` that the body of `loop` takes where it can only mean to peek.

    They are taken for each item, and may find none: what has no default, as in ``b = await
    anext(it)``, is how pairs are taken, and ``await anext(it, None)`` passes over an item.
    """
    for part in _every_round(loop.body):
        for node in ast.walk(part):
            if isinstance(node, ast.Call) and len(node.args) > 1 and _is_step_of(node, name):
                yield node


def _every_round(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """What of `body` is worked out for each item, and not thrown away."""
    for each in body:
        match each:
            case ast.If() | ast.While():
                yield each.test
            case ast.Match():
                yield each.subject
            case ast.Try() | ast.With() | ast.AsyncWith():
                yield from _every_round(each.body)
            case ast.For() | ast.AsyncFor():
                pass
            case ast.Expr(ast.Await(step)) if callee_name(without_probe(step)) == "anext":
                pass
            case _:
                yield each


def _is_step_of(call: ast.Call, name: str) -> bool:
    function, of = call.func, call.args[0] if call.args else None
    of = without_probe(function.value if isinstance(function, ast.Attribute) else of)
    return last_name(function) in _ANEXT_CALLS and isinstance(of, ast.Name) and of.id == name


def _probe_guarded(node: ast.Try) -> None:
    """A ``try`` that can only mean the end of a loop by its ``except StopAsyncIteration``."""
    caught = [handler.type for handler in node.handlers]
    kinds = [k for each in caught for k in (each.elts if isinstance(each, ast.Tuple) else [each])]
    if not any(canonical_name(kind) == "StopAsyncIteration" for kind in kinds):
        return
    inside = [each for statement in node.body for each in ast.walk(statement)]
    if any(isinstance(each, ast.Call) and callee_name(each) in STEP_CALLS for each in inside):
        return
    for statement in node.body:
        if isinstance(statement, ast.AsyncFor):
            statement.iter = wrapped_in_probe(".guarded", statement.iter)


def _probe_unchecked(node: ast.Try) -> None:
    """A ``try`` around a call that only makes an async generator: none of it fails there."""
    for statement in node.body:
        if isinstance(statement, ast.Assign | ast.Return) and node.handlers:
            call = without_probe(statement.value)
            if isinstance(call, ast.Call) and callee_name(call) in async_generator_functions:
                statement.value = wrapped_in_probe(".unchecked", call)
