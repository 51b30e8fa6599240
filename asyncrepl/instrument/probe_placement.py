"""Placing probes of operands: a copy of the syntax tree with calls around chosen operands.

The tree given is shared with those who explain errors by it, so it is copied where it changes and
shared where it does not. Annotations stay as they are (with ``from __future__ import
annotations`` they are turned back into text), and so do patterns and f-string formats.
"""

from __future__ import annotations

import ast
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from asyncrepl.syntax.names import COMPREHENSIONS, LOOPS, SCOPES, last_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "AWAITABLE_CALLS",
    "DATA_CALLS",
    "ITERATING_CALLS",
    "ITERTOOLS_CALLS",
    "LEAF_NODES",
    "UNCOPIED_FIELDS",
    "ProbePlacer",
    "wrapped_in_probe",
]

Node = TypeVar("Node", bound=ast.AST)

#: Calls that iterate over an argument at once: name → the positions of such arguments.
ITERATING_CALLS: dict[str, slice] = {
    **dict.fromkeys(
        [
            "list",
            "tuple",
            "set",
            "frozenset",
            "dict",
            "sum",
            "sorted",
            "any",
            "all",
            "enumerate",
            "iter",
            "reversed",
        ],
        slice(0, 1),
    ),
    **dict.fromkeys(["map", "filter"], slice(1, None)),
    "zip": slice(0, None),
    "aiter": slice(0, 1),
    "next": slice(0, 1),
    "anext": slice(0, 1),
}
_PROBE_OF_CALL = {"aiter": ".async_iterated", "next": ".stepped", "anext": ".async_stepped"}
#: The functions of itertools, by name.
ITERTOOLS_CALLS = frozenset(
    [
        "islice",
        "chain",
        "cycle",
        "accumulate",
        "batched",
        "pairwise",
        "takewhile",
        "dropwhile",
        "starmap",
        "zip_longest",
        "tee",
    ]
)
#: Calls that want data, by the last part of their name.
DATA_CALLS = ITERTOOLS_CALLS | {
    "len",
    "min",
    "max",
    "join",
    "extend",
    "update",
    "from_iterable",
    "deque",
    "Counter",
}
#: Calls that want awaitables, by the last part of their name.
AWAITABLE_CALLS = frozenset(
    ["gather", "wait_for", "create_task", "ensure_future", "shield", "run", "run_until_complete"]
)
#: Fields that are not copied.
UNCOPIED_FIELDS = frozenset({"annotation", "returns", "type_params", "format_spec", "pattern"})
#: Nodes without operands: the copy shares them with the original.
LEAF_NODES = (
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


class ProbePlacer:
    """One pass over one tree; `in_loop` says whether the node at hand runs every round."""

    def __init__(self) -> None:
        self.in_loop = False
        self._wrappers: dict[type[ast.AST], Callable[[Any], None]] = {
            ast.AsyncFor: self._async_for,
            ast.For: self._for,
            ast.Await: self._await,
            ast.YieldFrom: self._yield_from,
            ast.Starred: self._starred,
            ast.With: self._with,
            ast.AsyncWith: self._async_with,
            ast.Assign: self._assign,
            ast.Call: self._call,
        }

    def rewritten(self, node: Node) -> Node:
        """The instrumented copy of `node`."""
        if isinstance(node, COMPREHENSIONS):
            return self._comprehension(node)
        if isinstance(node, SCOPES):
            with self._loop(False):
                return self._probed(self._rebuilt(node))
        if isinstance(node, LOOPS):
            return self._probed(self._loop_copy(node))
        return self._probed(self._rebuilt(node))

    @contextmanager
    def _loop(self, inside: bool) -> Iterator[None]:
        before, self.in_loop = self.in_loop, inside
        try:
            yield
        finally:
            self.in_loop = before

    def _comprehension(self, node: Node) -> Node:
        with self._loop(True):
            copy = self._rebuilt(node)
        generators: list[ast.comprehension] = copy.generators  # type: ignore[attr-defined]
        for number, generator in enumerate(generators):
            self._clause(generator, first=number == 0)
        return copy

    def _loop_copy(self, node: Node) -> Node:
        copy = self._bare(node)
        for name in node._fields:
            # The operand of `for` is evaluated once, the test of `while` every round.
            with self._loop(self.in_loop or name in ("body", "test", "target")):
                setattr(copy, name, self._value(getattr(node, name, None)))
        return copy

    def _rebuilt(self, node: Node) -> Node:
        copy = self._bare(node)
        for name in node._fields:
            value = getattr(node, name, None)
            setattr(copy, name, value if name in UNCOPIED_FIELDS else self._value(value))
        return copy

    @staticmethod
    def _bare(node: Node) -> Node:
        copy = type(node).__new__(type(node))
        if "lineno" in node._attributes:  # noqa: SLF001  # a public class variable of ast
            ast.copy_location(copy, node)
        return copy

    def _value(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._value(item) for item in value]
        if isinstance(value, ast.AST) and not isinstance(value, LEAF_NODES):
            return self.rewritten(value)
        return value

    def _probed(self, node: Node) -> Node:
        wrap = self._wrappers.get(type(node))
        if wrap is not None:
            wrap(node)
        return node

    def _clause(self, node: ast.comprehension, *, first: bool) -> None:
        if node.is_async:
            self._async_operand(node)
        # A name bound by the comprehension itself is gone afterwards (3.12 on).
        elif not first or not isinstance(node.iter, _NEVER_PROBED):
            node.iter = wrapped_in_probe(".iterated", node.iter)

    def _async_for(self, node: ast.AsyncFor) -> None:
        self._async_operand(node)

    @staticmethod
    def _async_operand(node: ast.AsyncFor | ast.comprehension) -> None:
        if isinstance(node.iter, ast.Name) or not isinstance(node.iter, _NEVER_PROBED):
            node.iter = wrapped_in_probe(".async_iterated", node.iter)

    def _for(self, node: ast.For) -> None:
        if not isinstance(node.iter, _NEVER_PROBED) and not _is_range(node.iter):
            node.iter = wrapped_in_probe(".iterated", node.iter)

    def _await(self, node: ast.Await) -> None:
        if not self.in_loop and not isinstance(node.value, _NEVER_PROBED):
            node.value = wrapped_in_probe(".awaited", node.value)

    def _yield_from(self, node: ast.YieldFrom) -> None:
        if not isinstance(node.value, _NEVER_PROBED):
            node.value = wrapped_in_probe(".iterated", node.value)

    def _starred(self, node: ast.Starred) -> None:
        if isinstance(node.ctx, ast.Load) and not isinstance(node.value, _NEVER_PROBED):
            node.value = wrapped_in_probe(".iterated", node.value)

    def _with(self, node: ast.With) -> None:
        for item in node.items:
            if not isinstance(item.context_expr, _NEVER_PROBED):
                item.context_expr = wrapped_in_probe(".entered", item.context_expr)

    def _async_with(self, node: ast.AsyncWith) -> None:
        for item in node.items:
            if not isinstance(item.context_expr, _NEVER_PROBED):
                item.context_expr = wrapped_in_probe(".async_entered", item.context_expr)

    def _assign(self, node: ast.Assign) -> None:
        unpacks = any(isinstance(target, ast.Tuple | ast.List) for target in node.targets)
        if unpacks and not isinstance(node.value, _NEVER_PROBED):
            node.value = wrapped_in_probe(".iterated", node.value)

    def _call(self, node: ast.Call) -> None:
        name = last_name(node.func)
        if isinstance(node.func, ast.Name) and name in ITERATING_CALLS:
            chosen, probe = ITERATING_CALLS[name], _PROBE_OF_CALL.get(name, ".iterated")
        elif name in DATA_CALLS or name in AWAITABLE_CALLS:
            chosen, probe = slice(None), ".handed" if name in DATA_CALLS else ".scheduled"
        else:
            return
        for argument in node.args[chosen]:
            if not isinstance(argument, (*_NEVER_PROBED, ast.Starred)):
                node.args[node.args.index(argument)] = wrapped_in_probe(probe, argument)


def _is_range(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and last_name(node.func) == "range"
