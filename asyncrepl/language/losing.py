"""Where something asynchronous is made and lost at once: where its probe goes.

A statement that only calls ``readings()`` runs nothing of it, and Python has no word of
warning: unlike a coroutine, an async generator that was never begun dies in silence. So
does ``anext(it)`` before Python 3.13. The same calls as the test of an ``if``, compared
with something or in an f-string make an object that nobody can walk or await any more.

What does not work: a probe around every such call. It costs each of them 100 ns, also
``self.reset()``. Here a call gets one only if an async generator function of its name
was defined, in this text or an earlier one. That's a name, not the object: the probe
looks at the object. Calls that stand alone in loops are left alone for their speed.

What ``print`` is given is probed whatever it is: beside printing, that is nothing.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from asyncrepl.language.instrumenting import SHARED, UNTOUCHED
from asyncrepl.language.names import callee_name, last_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["STEPS", "generator_functions", "probe", "probe_losses"]

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
#: What is still worth a look when it is printed.
_PRINTABLE = (ast.Name, ast.Attribute, ast.Subscript, ast.Call, ast.Await)

#: Calls that make the awaitable of a step of an async generator.
STEPS = frozenset({"anext", "__anext__", "asend", "athrow", "aclose"})

#: The names of all async generator functions seen so far.
generator_functions: set[str] = set()


def probe_losses(tree: ast.mod) -> None:
    """Put ``.lost(…)`` around such calls and ``.shown(…)`` around what is printed, in `tree`.

    What stands at the top of an interactive statement is displayed, not lost.
    """
    callbacks = _callbacks(tree)
    lost: list[tuple[ast.AST, str, int | None]] = []
    for statement, kept in _statements([tree], kept=isinstance(tree, ast.Interactive)):
        if isinstance(statement, ast.AsyncFunctionDef) and _yields(statement):
            generator_functions.add(statement.name)
        elif isinstance(statement, ast.Expr) and not kept:
            lost.append((statement, "value", None))
    for node in _nodes(tree):
        lost += _places(node)
    for owner, name, number in lost:
        _probe_call(owner, name, number)
    for node in list(_nodes(tree)):
        _probe_made(node)
        match node:
            case ast.Expr(ast.Call() as call) if last_name(call.func) in callbacks:
                node.value = probe(".lost", call)


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


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    """`node` and what is in it, short of what the copy shares with the original."""
    yield node
    for name in node._fields:
        value = getattr(node, name, None)
        if name not in UNTOUCHED:
            for each in value if isinstance(value, list) else (value,):
                if isinstance(each, ast.AST) and not isinstance(each, SHARED):
                    yield from _nodes(each)


def _places(node: ast.AST) -> Iterator[tuple[ast.AST, str, int | None]]:
    """The places in `node` where what is made is lost: the field, and the number in it."""
    match node:
        case ast.If() | ast.While() | ast.IfExp():
            yield node, "test", None
        case ast.UnaryOp(op=ast.Not()):
            yield node, "operand", None
        case ast.BoolOp():
            yield from ((node, "values", number) for number in range(len(node.values)))
        case ast.FormattedValue():
            yield node, "value", None
        case ast.Compare():
            if not isinstance(node.ops[0], ast.Is | ast.IsNot):
                yield node, "left", None
                yield node, "comparators", 0
        case ast.Call(func=ast.Name("print")):
            _probe_printed(node)


def _probe_call(owner: ast.AST, field: str, number: int | None) -> None:
    value = getattr(owner, field)
    call = value if number is None else value[number]
    if not isinstance(call, ast.Call) or callee_name(call) not in generator_functions | STEPS:
        return
    if number is None:
        setattr(owner, field, probe(".lost", call))
    else:
        value[number] = probe(".lost", call)


def _probe_made(node: ast.AST) -> None:
    """Put ``.made(…)`` around calls whose generator goes into a name, a list or another call."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id[0] == ".":
        return  # it has a probe
    for name in _GOING.get(type(node), ()):
        value = getattr(node, name)
        if isinstance(value, list):
            value[:] = [_made(each) for each in value]
        elif value is not None:
            setattr(node, name, _made(value))


def _made(node: ast.AST) -> ast.AST:
    known = isinstance(node, ast.Call) and callee_name(node) in generator_functions
    return probe(".made", node) if known else node  # type: ignore[arg-type]  # a Call


#: What a value goes into, and by which field.
_GOING: dict[type, tuple[str, ...]] = {
    ast.Assign: ("value",), ast.AnnAssign: ("value",), ast.NamedExpr: ("value",),
    ast.Return: ("value",), ast.keyword: ("value",), ast.Call: ("args",), ast.List: ("elts",),
    ast.Tuple: ("elts",), ast.Set: ("elts",), ast.Dict: ("values",), ast.IfExp: ("body", "orelse"),
}  # fmt: skip


def _probe_printed(call: ast.Call) -> None:
    call.args = [_shown(argument) for argument in call.args]


def _shown(argument: ast.expr) -> ast.expr:
    if isinstance(argument, ast.JoinedStr):
        for part in argument.values:
            if isinstance(part, ast.FormattedValue) and isinstance(part.value, _PRINTABLE):
                part.value = probe(".shown", part.value)
    return probe(".shown", argument) if isinstance(argument, _PRINTABLE) else argument


def probe(name: str, operand: ast.expr) -> ast.Call:
    """A call of the probe `name` with `operand`, in its place."""
    function = ast.copy_location(ast.Name(name, ast.Load()), operand)
    return ast.copy_location(ast.Call(function, [operand], []), operand)


def _statements(nodes: Sequence[ast.AST], *, kept: bool) -> Iterator[tuple[ast.AST, bool]]:
    """Everything that is or holds a statement; `kept` where none is to be probed."""
    for node in nodes:
        yield node, kept
        inner = isinstance(node, _LOOPS) or (kept and not isinstance(node, _SCOPES))
        for name in _BLOCKS:
            yield from _statements(getattr(node, name, ()), kept=inner)


def _yields(function: ast.AsyncFunctionDef) -> bool:
    return any(isinstance(node, ast.Yield) for node in ast.walk(function))
