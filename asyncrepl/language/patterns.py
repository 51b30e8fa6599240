"""Loops written in a way that says what somebody believes, and that raises nothing.

Which it is stands in the text, so it is found once, when the text is compiled, and only
such a loop gets a probe: then it is told when it runs, and no other loop pays.

- "guarded": in a ``try`` that expects the loop's StopAsyncIteration;
- "skipping": its body takes a step of the very iterator it walks;
- "shared": inside another loop over the same name.
- "unchecked": no loop, but a ``try`` around the call that makes what is walked later.

Some calls are marked likewise: of a function that blocks, unless its result is awaited; of
steps that are taken by hand; of ``create_task`` in a loop where nobody keeps the task; and of
``aclose`` where only a name gets what is to be awaited.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from asyncrepl.language.losing import STEPS, generator_functions, probe
from asyncrepl.language.names import callee_name, last_name

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BLOCKING", "probe_patterns", "steps_inside"]

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
#: Functions that block the whole thread, by module and qualified name.
BLOCKING = frozenset({
    ("time", "sleep"),
    ("urllib.request", "urlopen"),
    ("subprocess", "run"),
    ("subprocess", "call"),
    ("subprocess", "check_call"),
    ("subprocess", "check_output"),
    ("posix", "system"),
    ("nt", "system"),
})  # fmt: skip
_BLOCKING_NAMES = {name for _, name in BLOCKING}
_MAKERS = ("create_task", "ensure_future")
_CLOSING = ("aclose", "athrow")
_ASKED = ("anext", "__anext__")
_STEPPING = ("__anext__", "asend")

Loop = ast.AsyncFor | ast.comprehension


def probe_patterns(tree: ast.mod) -> None:
    """Put the probes where they belong, in `tree` itself."""
    _Patterns().visit(tree)


class _Patterns:
    """One walk over one tree: `around` are the names that the loops around walk."""

    def __init__(self) -> None:
        self.around: tuple[str, ...] = ()
        self.suspends = False
        self._awaited: ast.AST | None = None

    def visit(self, node: ast.AST) -> None:
        """Look at `node` and into it."""
        before = self.around, self.suspends
        if isinstance(node, _SCOPES):
            self.around, self.suspends = (), isinstance(node, ast.AsyncFunctionDef)
        elif isinstance(node, ast.AsyncFor):
            self.around = _loop(node, self.around)
            self.suspends = True
        elif isinstance(node, _COMPREHENSIONS):
            for clause in node.generators:
                if clause.is_async:
                    self.around = _loop(clause, self.around)
        self._mark(node)
        for child in ast.iter_child_nodes(node):
            self.visit(child)
        self.around, self.suspends = before

    def _mark(self, node: ast.AST) -> None:
        match node:
            case ast.Try():
                _guarded(node)
                _unchecked(node)
            case ast.Call() if callee_name(node) in _BLOCKING_NAMES and node is not self._awaited:
                node.func = probe(".blocking", node.func)
            case ast.Call(ast.Attribute() as method) if method.attr in _STEPPING:
                method.value = probe(".asked", method.value)
            case ast.Call(ast.Name() as function, [asked, *_]) if last_name(function) == "anext":
                node.args[0] = probe(".asked", asked)
            case ast.Await():
                self._awaited = node.value
            case ast.Assign([ast.Name()], ast.Call() as call) if callee_name(call) in _CLOSING:
                node.value = probe(".closing", call)
            case ast.Expr(ast.Call() as call) if callee_name(call) in _MAKERS:
                node.value = probe(".unkept" if self.around else ".begun_task", call)
            case ast.Assign([ast.Name()], ast.Call() as call) if callee_name(call) in _MAKERS:
                node.value = probe(".begun_task", call)
            case ast.Expr(
                ast.Call(ast.Attribute(attr="append"), [ast.Call() as call]) as kept
            ) if callee_name(call) in _MAKERS:
                kept.args[0] = probe(".begun_task", call)


def _loop(loop: Loop, around: tuple[str, ...]) -> tuple[str, ...]:
    name = _walked_name(loop)
    if name and name in around:
        loop.iter = probe(".shared", loop.iter)
    elif name and isinstance(loop, ast.AsyncFor) and list(steps_inside(loop, name)):
        loop.iter = probe(".skipping", loop.iter)
    return (*around, name)


def _walked_name(loop: Loop) -> str:
    operand = _bare(loop.iter)
    return operand.id if isinstance(operand, ast.Name) else ""


def _bare(node: ast.expr | None) -> ast.expr | None:
    """`node` without a probe around it."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id[0] == ".":
        return node.args[0]
    return node


def steps_inside(loop: ast.AsyncFor, name: str) -> Iterator[ast.Call]:
    """The steps of `name` that the body of `loop` takes where it can only mean to peek.

    ``b = await anext(it)`` alone is no such: that is how pairs are taken.
    """
    for statement in loop.body:
        for node in ast.walk(statement):
            if not isinstance(node, ast.Call) or not _steps(node, name):
                continue
            if not _takes_pairs(statement, node):
                yield node


def _takes_pairs(statement: ast.stmt, call: ast.Call) -> bool:
    value = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None
    return isinstance(value, ast.Await) and value.value is call and len(call.args) < _DEFAULTED


_DEFAULTED = 2


def _steps(call: ast.Call, name: str) -> bool:
    function = call.func
    if isinstance(function, ast.Attribute):
        of: ast.expr | None = function.value
        named = function.attr
    else:
        of = call.args[0] if call.args else None
        named = last_name(function)
    of = _bare(of)
    return named in _ASKED and isinstance(of, ast.Name) and of.id == name


def _guarded(node: ast.Try) -> None:
    """A ``try`` that can only mean the end of a loop by its ``except StopAsyncIteration``."""
    if not any(_names_end(handler.type) for handler in node.handlers):
        return
    inside = [each for statement in node.body for each in ast.walk(statement)]
    if any(isinstance(each, ast.Call) and callee_name(each) in STEPS for each in inside):
        return
    for statement in node.body:
        if isinstance(statement, ast.AsyncFor):
            statement.iter = probe(".guarded", statement.iter)


def _unchecked(node: ast.Try) -> None:
    """A ``try`` around a call that only makes an async generator: none of it fails there."""
    for statement in node.body:
        if isinstance(statement, ast.Assign | ast.Return) and node.handlers:
            call = _bare(statement.value)
            if isinstance(call, ast.Call) and callee_name(call) in generator_functions:
                statement.value = probe(".unchecked", call)


def _names_end(kind: ast.expr | None) -> bool:
    kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(isinstance(each, ast.Name) and each.id == "StopAsyncIteration" for each in kinds)
