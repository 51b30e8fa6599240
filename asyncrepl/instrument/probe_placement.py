"""Placing probes of operands: a copy of the syntax tree with calls around chosen operands.

The tree given is shared with those who explain errors by it, so it is copied where it changes and
shared where it does not. Annotations stay as they are (with ``from __future__ import
annotations`` they are turned back into text), and so do patterns and f-string formats.

*Iterated awaitables.* A future, a task and the step of an async generator have ``__iter__``, as
``await`` needs it. So ``for row in step:`` runs: it gets what the step hands to the loop, None,
and its result is lost with the StopIteration that ends the ``for``. A future that is done gives
nothing at all, one that is not gives itself. Nor is one ever equal to a constant, or matched.

A probe at every operand of a plain ``for`` would be paid by all loops. There are probes only once
a text has made one of these, by the words in it; and for operators in a loop, as in ``total +=
row``, only while a program is explained.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, TypeVar

from asyncrepl.syntax.names import COMPREHENSIONS, LOOPS, SCOPES, callee_name, last_name

if TYPE_CHECKING:
    from collections.abc import Iterator

Node = TypeVar("Node", bound=ast.AST)

#: Calls that iterate over an argument at once: name → the positions of such arguments.
ITERATING_CALLS: dict[str, slice] = {
    **dict.fromkeys((
        "list", "tuple", "set", "frozenset", "dict", "sum", "sorted", "any", "all", "enumerate",
        "iter", "reversed", "aiter", "next", "anext",
    ), slice(0, 1)),
    **dict.fromkeys(("map", "filter"), slice(1, None)),
    "zip": slice(0, None),
}  # fmt: skip
_PROBE_OF_CALL = {"aiter": ".async_iterated", "next": ".stepped", "anext": ".async_stepped"}
#: The functions of itertools, by name.
ITERTOOLS_CALLS = frozenset({
    "islice", "chain", "cycle", "accumulate", "batched", "pairwise", "takewhile", "dropwhile",
    "starmap", "zip_longest", "tee",
})  # fmt: skip
#: Calls that want data, by the last part of their name.
DATA_CALLS = ITERTOOLS_CALLS | {
    "len", "min", "max", "join", "extend", "update", "from_iterable", "deque", "Counter",
}  # fmt: skip
#: Functions of the library that iterate over an argument at once, beside those of `DATA_CALLS`.
LIBRARY_ITERATING_CALLS = frozenset({
    "reduce", "nlargest", "nsmallest", "merge", "mean", "fmean", "median", "mode", "stdev",
    "fsum", "prod", "array", "bytes", "bytearray", "union", "intersection", "difference",
    "symmetric_difference", "issubset", "issuperset", "isdisjoint", "fromkeys", "writerow",
    "writerows", "writelines", "reader", "DictReader", "compress", "filterfalse", "permutations",
    "combinations", "combinations_with_replacement", "product", "groupby", "OrderedDict",
    "UserList", "defaultdict", "difference_update", "intersection_update", "extendleft",
    "executemany",
})  # fmt: skip
#: Calls that want awaitables, by the last part of their name.
AWAITABLE_CALLS = frozenset(
    ["gather", "wait_for", "create_task", "ensure_future", "shield", "run", "run_until_complete"]
)
#: Fields that are not copied.
_UNCOPIED_FIELDS = frozenset({"annotation", "returns", "type_params", "format_spec", "pattern"})
#: Nodes without operands: the copy shares them with the original.
_LEAF_NODES = (
    ast.Name, ast.Constant, ast.expr_context, ast.operator, ast.cmpop, ast.unaryop, ast.boolop,
    ast.alias,
)  # fmt: skip
#: What is still there when the error is explained, or can never be refused.
_NEVER_PROBED = (
    ast.Name, ast.Constant, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.JoinedStr,
    ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Lambda,
)  # fmt: skip


def wrapped_in_probe(name: str, operand: ast.expr) -> ast.Call:
    """A call of the probe `name` with `operand`, in the place of `operand`."""
    function = ast.copy_location(ast.Name(name, ast.Load()), operand)
    return ast.copy_location(ast.Call(function, [operand], []), operand)


def copied_children(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """What is in `node`, each with its field, short of what the copy shares with the original."""
    for name in node._fields:
        if name not in _UNCOPIED_FIELDS:
            value = getattr(node, name, None)
            for each in value if isinstance(value, list) else (value,):
                if isinstance(each, ast.AST) and not isinstance(each, _LEAF_NODES):
                    yield name, each


class ProbePlacer:
    """One pass over one tree; `in_loop` says whether the node at hand runs every round."""

    def __init__(self) -> None:
        self.in_loop = False

    def rewritten(self, node: Node) -> Node:
        """The instrumented copy of `node`."""
        before = self.in_loop
        if isinstance(node, (*COMPREHENSIONS, *SCOPES)):
            self.in_loop = isinstance(node, COMPREHENSIONS)
        copy = self._copy(node)
        self.in_loop = before
        if isinstance(copy, _PROBED):
            self._probe(copy)
        return copy

    def _copy(self, node: Node) -> Node:
        copy = type(node).__new__(type(node))
        if "lineno" in node._attributes:  # noqa: SLF001  # a public class variable of ast
            ast.copy_location(copy, node)
        around, is_loop = self.in_loop, isinstance(node, LOOPS)
        for name in node._fields:
            value = getattr(node, name, None)
            # The operand of `for` is evaluated once, the test of `while` every round.
            self.in_loop = around or (is_loop and name in ("body", "test", "target"))
            setattr(copy, name, value if name in _UNCOPIED_FIELDS else self._value(value))
        self.in_loop = around
        return copy

    def _value(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._value(item) for item in value]
        if isinstance(value, ast.AST) and not isinstance(value, _LEAF_NODES):
            return self.rewritten(value)
        return value

    def _probe(self, node: ast.AST) -> None:
        """Put probes around the operands of `node`, which is a copy."""
        match node:
            case ast.For(iter=ast.Call() as call) if last_name(call.func) == "range":
                pass
            case ast.For():
                _wrap(node, "iter", ".iterated")
            case ast.AsyncFor():
                _wrap_async_iterable(node)
            case ast.Await() if not self.in_loop:
                _wrap(node, "value", ".awaited")
            case ast.YieldFrom() | ast.Starred(ctx=ast.Load()):
                _wrap(node, "value", ".iterated")
            case ast.Assign() if any(isinstance(x, ast.Tuple | ast.List) for x in node.targets):
                _wrap(node, "value", ".iterated")
            case ast.With() | ast.AsyncWith():
                probe = ".entered" if isinstance(node, ast.With) else ".async_entered"
                for item in node.items:
                    _wrap(item, "context_expr", probe)
            case ast.Call():
                _wrap_arguments(node)
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                _wrap_clauses(node.generators)


#: Whose operands may get a probe.
_PROBED = (
    ast.For, ast.AsyncFor, ast.Await, ast.YieldFrom, ast.Starred, ast.Assign, ast.With,
    ast.AsyncWith, ast.Call, *COMPREHENSIONS,
)  # fmt: skip


def _wrap(node: ast.AST, field: str, probe: str) -> None:
    operand = getattr(node, field)
    if not isinstance(operand, _NEVER_PROBED):
        setattr(node, field, wrapped_in_probe(probe, operand))


def _wrap_clauses(clauses: list[ast.comprehension]) -> None:
    for number, clause in enumerate(clauses):
        if clause.is_async:
            _wrap_async_iterable(clause)
        # A name bound by the comprehension itself is gone afterwards (3.12 on).
        elif number or not isinstance(clause.iter, _NEVER_PROBED):
            clause.iter = wrapped_in_probe(".iterated", clause.iter)


def _wrap_async_iterable(node: ast.AsyncFor | ast.comprehension) -> None:
    if isinstance(node.iter, ast.Name) or not isinstance(node.iter, _NEVER_PROBED):
        node.iter = wrapped_in_probe(".async_iterated", node.iter)


def _wrap_arguments(call: ast.Call) -> None:
    name = last_name(call.func)
    if isinstance(call.func, ast.Name) and name in ITERATING_CALLS:
        chosen, probe = ITERATING_CALLS[name], _PROBE_OF_CALL.get(name, ".iterated")
    elif name in DATA_CALLS or name in AWAITABLE_CALLS:
        chosen, probe = slice(None), ".handed" if name in DATA_CALLS else ".scheduled"
    else:
        return
    for argument in call.args[chosen]:
        if not isinstance(argument, (*_NEVER_PROBED, ast.Starred)):
            call.args[call.args.index(argument)] = wrapped_in_probe(probe, argument)


def without_probe(node: ast.expr | None) -> ast.expr | None:
    """`node` without a probe around it."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id[0] == ".":
        return node.args[0]
    return node


#: What calls its first argument with the others.
_CALLING = ("to_thread", "run_in_executor", "submit")
_ITERATING = (
    LIBRARY_ITERATING_CALLS | DATA_CALLS | (ITERATING_CALLS.keys() - {"next", "anext", "aiter"})
)


def probe_iterated_awaitables(tree: ast.AST, *, everywhere: bool) -> None:
    """Put ``.driven(…)`` around the operands, in `tree` itself.

    `everywhere`, also around those of operators in loops.
    """
    for node, in_loop in _nodes(tree, in_loop=False):
        match node:
            case ast.For() | ast.comprehension(is_async=0):
                node.iter = _probed(node.iter)
            case ast.YieldFrom() | ast.Starred(ctx=ast.Load()):
                node.value = _probed(node.value)
            case ast.Assign([ast.Tuple() | ast.List() | ast.Subscript(slice=ast.Slice())]):
                node.value = _probed(node.value)
            case ast.Call():
                _probe_call(node)
            case ast.AugAssign(op=ast.Add() | ast.BitOr()) if everywhere or not in_loop:
                node.value = _probed(node.value)
            case ast.Compare(ops=[ast.In() | ast.NotIn(), *_]) if everywhere or not in_loop:
                node.comparators[0] = _probed(node.comparators[0])
            case ast.Compare(ops=[ast.Eq() | ast.NotEq()], comparators=[ast.Constant(value)]) if (
                value is not None and (everywhere or not in_loop)
            ):
                node.left = _probed(node.left)
            case ast.Match() if _asks_value(node):
                node.subject = _probed(node.subject)


def _asks_value(node: ast.Match) -> bool:
    """Whether its patterns are of values, and none of a kind of thing."""
    patterns = [each for case in node.cases for each in ast.walk(case.pattern)]
    values = (ast.MatchValue, ast.MatchSequence, ast.MatchMapping)
    kinds = (ast.MatchClass, ast.MatchSingleton)
    return any(isinstance(each, values) for each in patterns) and not any(
        isinstance(each, kinds) for each in patterns
    )


def _nodes(node: ast.AST, *, in_loop: bool) -> Iterator[tuple[ast.AST, bool]]:
    """`node` and what is in it, each with whether a loop runs it every round."""
    yield node, in_loop
    for name, child in copied_children(node):
        inside = in_loop or (isinstance(node, LOOPS) and name in ("body", "test"))
        inside = (inside or isinstance(node, COMPREHENSIONS)) and not isinstance(node, SCOPES)
        yield from _nodes(child, in_loop=inside)


def _probe_call(call: ast.Call) -> None:
    """The arguments, if the function iterates over them, or what it is told to call.

    A mock gives the items of its ``side_effect``; what a thread refuses, nobody hears of.
    """
    names = {callee_name(call)}
    if not names.isdisjoint(_CALLING):
        names = {last_name(without_probe(each)) for each in call.args}
    if not names.isdisjoint(_ITERATING):
        call.args = [_probed(each) for each in call.args]
    for keyword in call.keywords:
        if keyword.arg == "side_effect":
            keyword.value = _probed(keyword.value)
        elif keyword.arg == "args" and callee_name(call) in ("Thread", "Timer"):
            keyword.value = wrapped_in_probe(".spread", keyword.value)


def _probed(node: ast.expr) -> ast.expr:
    match node:
        case ast.Call(ast.Name(".iterated" | ".handed" | ".driven")):
            return node  # it has a probe, which sees as much
        case ast.Name() | ast.Attribute() | ast.Subscript() | ast.Call() | ast.IfExp():
            return wrapped_in_probe(".driven", node)
    return node
