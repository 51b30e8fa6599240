"""The same program with other names for what is not the user's own.

Modules under another name, their functions by ``from … import … as …``, functions and methods
through a variable or `functools.partial`, builtins under a name of their own. All is done with
the syntax tree: strings and names of the user's stay what they are.
"""

from __future__ import annotations

import ast
import builtins
import sys
from typing import TYPE_CHECKING

from asyncrepl.syntax.names import bound_names
from asyncrepl.syntax.source_rewriter import SourceRewriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["SPELLINGS"]

#: What is followed through names: what makes iterators, and what consumes them.
_BUILTINS = {
    name
    for name, value in vars(builtins).items()
    if callable(value) and not (isinstance(value, type) and issubclass(value, BaseException))
} - {"super", "locals", "globals", "vars", "dir", "eval", "exec", "isinstance", "issubclass"}


def _edited(text: str, edit: Callable[[SourceRewriter, ast.Module], None]) -> str:
    """`text` with the edits made; SyntaxError if it does not parse."""
    tree, edits = ast.parse(text), SourceRewriter(text)
    edit(edits, tree)
    return edits.apply()


def _after_head(text: str, lines: list[str]) -> str:
    """`text` with `lines` behind its docstring and ``__future__`` imports."""
    tree = ast.parse(text)
    kept = [
        node.end_lineno or 0
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module == "__future__"
    ]
    at = max(kept, default=0)
    parts = text.split("\n")
    return "\n".join([*parts[:at], *lines, *parts[at:]])


def _members(tree: ast.AST) -> Iterator[tuple[ast.Attribute, str]]:
    """What stands in `tree` of a module of the library: ``asyncio.gather``, and the module."""
    named = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.asname is None and alias.name in sys.stdlib_module_names
    } | {"asyncio"}
    bound = {
        name
        for node in ast.walk(tree)
        if not isinstance(node, ast.Import)
        for name in bound_names(node)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(ast.Name(module), _, ast.Load()) if module in named - bound:
                yield node, module


def _aliased_module(text: str) -> str:
    """``import asyncio as aio``."""
    lines: set[str] = set()

    def edit(edits: SourceRewriter, tree: ast.Module) -> None:
        for node, module in _members(tree):
            lines.add(f"import {module} as my_{module}")
            edits.replace(node.value, f"my_{module}")

    return _after_head(_edited(text, edit), sorted(lines))


def _aliased_members(line: str) -> Callable[[str], str]:
    """Each member under a name of its own, that `line` gives it."""

    def change(text: str) -> str:
        lines: set[str] = set()

        def edit(edits: SourceRewriter, tree: ast.Module) -> None:
            called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
            for node, module in _members(tree):
                if "partial" in line and id(node) not in called:
                    continue  # a class that is caught, a constant
                lines.add(line.format(module=module, name=node.attr))
                edits.replace(node, f"my_{module}_{node.attr}")

        return _after_head(_edited(text, edit), sorted(lines))

    return change


def _aliased_builtins(line: str) -> Callable[[str], str]:
    """Each builtin that is called, under a name that `line` gives it."""

    def change(text: str) -> str:
        lines: set[str] = set()

        def edit(edits: SourceRewriter, tree: ast.Module) -> None:
            bound = {name for node in ast.walk(tree) for name in bound_names(node)}
            for node in ast.walk(tree):
                match node:
                    case ast.Call(ast.Name(name) as function) if name in _BUILTINS - bound:
                        lines.add(line.format(name=name))
                        edits.replace(function, f"my_{name}")

        return _after_head(_edited(text, edit), sorted(lines))

    return change


def _bound_method(line: str) -> Callable[[str], str]:
    """The last method that is called of a variable, through another variable."""

    def change(text: str) -> str:
        def edit(edits: SourceRewriter, tree: ast.Module) -> None:
            for statement, function in reversed(list(_methods(tree))):
                source = edits.source.source(function)
                edits.lines_before(statement, line.format(source=source, name=function.attr))
                edits.replace(function, f"my_{function.attr}")
                return

        return _edited(text, edit)

    return change


def _methods(tree: ast.Module) -> Iterator[tuple[ast.stmt, ast.Attribute]]:
    """The simple statements that call a method of a variable, and the method."""
    modules = {id(node) for node, _ in _members(tree)}
    for statement in ast.walk(tree):
        if isinstance(statement, ast.Expr | ast.Assign | ast.Return):
            for node in ast.walk(statement):
                match node:
                    case ast.Lambda() | ast.ListComp() | ast.GeneratorExp() | ast.DictComp():
                        break
                    case ast.Call(ast.Attribute(ast.Name()) as function):
                        if id(function) not in modules:
                            yield statement, function


#: How each way of spelling changes a text; SyntaxError or ValueError if it cannot be done.
SPELLINGS: dict[str, Callable[[str], str]] = {
    "import asyncio as my_asyncio": _aliased_module,
    "from asyncio import run as my_run": _aliased_members(
        "from {module} import {name} as my_{module}_{name}"
    ),
    "my_run = asyncio.run": _aliased_members(
        "import {module}; my_{module}_{name} = {module}.{name}"
    ),
    "my_run = partial(asyncio.run)": _aliased_members(
        "import functools, {module}; my_{module}_{name} = functools.partial({module}.{name})"
    ),
    "my_next = next": _aliased_builtins("my_{name} = {name}"),
    "my_next = partial(next)": _aliased_builtins(
        "import functools; my_{name} = functools.partial({name})"
    ),
    "my_send = generator.send": _bound_method("my_{name} = {source}"),
    "my_send = partial(generator.send)": _bound_method(
        "import functools; my_{name} = functools.partial({source})"
    ),
}
