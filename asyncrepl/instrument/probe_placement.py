"""Placing probes of operands: a copy of the syntax tree with calls around chosen operands.

The tree given is shared with those who explain errors by it, so it is copied where it changes and
shared where it does not. Annotations stay as they are (with ``from __future__ import
annotations`` they are turned back into text), and so do patterns and f-string formats.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, TypeVar

from asyncrepl.syntax.names import COMPREHENSIONS, LOOPS, SCOPES, last_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: The loop's methods that take a function to be called later, and which argument that is; and with
#: a future's, all of them.
LOOP_CALLS = {
    "call_soon": 0, "call_soon_threadsafe": 0, "call_later": 1, "call_at": 1,
    "add_signal_handler": 1, "add_reader": 1, "add_writer": 1,
}  # fmt: skip
#: These call it again and again until somebody has read, or written: a task of it comes too late.
READY_CALLS = ("add_reader", "add_writer")
LATER_CALLS = {**LOOP_CALLS, "add_done_callback": 0}

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


def bare(node: ast.expr) -> ast.expr:
    """`node` without the probes around it."""
    while (inner := without_probe(node)) is not node and inner is not None:
        node = inner
    return node


#: A variable others can change: the name it begins with, an attribute of it, an item of that.
Part = tuple[str, str, ast.expr | None]


def read_part(node: ast.AST | None) -> Part | None:
    """The variable that `node` is, as far as it is such a one."""
    match node:
        case ast.Name(name):
            return name, "", None
        case ast.Attribute(ast.Name(name), attribute):
            return name, attribute, None
        case ast.Subscript(owner, (ast.Name() | ast.Constant()) as key):
            found = read_part(owner)
            return (found[0], found[1], key) if found is not None and found[2] is None else None
    return None


def same_part(one: Part | None, other: Part | None) -> bool:
    """Whether `one` and `other` are written alike."""
    return one is not None and other is not None and _text(one) == _text(other)


def reads_part(node: ast.AST, part: Part) -> bool:
    """Whether `part` is in `node`, written alike."""
    inside = [each for each in ast.walk(node) if isinstance(each, ast.expr)]
    return any(same_part(read_part(bare(each)), part) for each in inside)


def _text(part: Part) -> str:
    return f"{part[0]}.{part[1]}" + ("" if part[2] is None else f"[{ast.unparse(part[2])}]")


def part_arguments(part: Part, where: ast.AST) -> list[ast.expr]:
    """What a probe is given to look `part` up, placed like `where`."""
    name, attribute, key = part
    base: ast.expr = ast.Name(name, ast.Load())
    if not attribute and key is None:  # a global: by now it may be gone
        nothing = ast.arguments([], [], None, [], [], None, [])
        base = ast.Lambda(nothing, ast.copy_location(base, where))
    given: list[ast.expr] = [base, ast.Constant(attribute)]
    return [ast.copy_location(each, where) for each in given] + ([key] if key is not None else [])


#: Where others may run.
WAITS = (ast.Await, ast.AsyncFor, ast.AsyncWith, ast.Yield)


def own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """`node` and what is in it, but for what is in functions of its own."""
    yield node
    if not isinstance(node, SCOPES):
        for child in ast.iter_child_nodes(node):
            yield from own_nodes(child)


def waits(body: Sequence[ast.AST]) -> bool:
    """Whether anything in `body` waits."""
    nodes = [each for part in body for each in own_nodes(part)]
    return any(isinstance(each, WAITS) or getattr(each, "is_async", 0) for each in nodes)


def names_in(node: ast.AST) -> set[str]:
    """All names in `node`."""
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
