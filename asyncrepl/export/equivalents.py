"""What a `:command` is in plain Python; those that only show something are nothing."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

from asyncrepl.commands.catalogue import all_commands
from asyncrepl.commands.registry import CommandError
from asyncrepl.export.helpers import quoted
from asyncrepl.language.shipped import ShippedError, find_iterable

if TYPE_CHECKING:
    from asyncrepl.export.helpers import Names
    from asyncrepl.language.reading import Command

__all__ = ["STATEMENT", "equivalent", "loaded", "name_of"]

#: Commands whose rest is a statement to run in the foreground.
STATEMENT = frozenset({"trace"})


def name_of(command: Command) -> str:
    """The whole name of the command; an empty one if there is none such."""
    try:
        return all_commands().find(command.name).name
    except CommandError:
        return ""


def equivalent(command: Command, names: Names) -> list[str]:
    """The lines that do what `command` does, none if it only shows something."""
    words, tasks, lines = command.rest.split(), names.tasks, []
    match name_of(command), words:
        case "ticker", [name, *seconds]:
            made = f"{names.ticker}({quoted(name)}, {seconds[0] if seconds else '1'})"
            lines = [names.task(name, made)]
        case "stop", ["all"]:
            lines = [f"while {tasks}: {tasks}.popitem()[1].cancel()"]
        case "stop", [_, *_]:
            lines = [f"{tasks}.pop({quoted(command.rest)}).cancel()"]
        case "cancel", [_, *_]:
            every = f"for _ in asyncio.all_tasks() if _.get_name() == {quoted(command.rest)}"
            lines = [f"[_.cancel() {every}]"]
        case "wait", [seconds]:
            lines = [f"await asyncio.sleep({seconds})"]
        case "quit", _:
            lines = ["return"]
    return lines


def loaded(rest: str) -> str:
    """The code that defines what ``:load`` with `rest` loads; empty if there is none."""
    if ":" in rest and not rest.endswith(".py"):
        module, _, attribute = rest.partition(":")
        return f"from {module} import {attribute}\n" if attribute.isidentifier() else ""
    try:
        path = Path(rest).expanduser() if rest.endswith(".py") else find_iterable(rest).path
        return _body(path.read_text("utf-8-sig"))
    except (ShippedError, OSError, ValueError, SyntaxError):
        return ""


def _body(source: str) -> str:
    """The code of a module without what is about it: its docstring, ``__all__`` and ``TRY``."""
    lines = source.split("\n")
    for node in reversed(ast.parse(source).body):
        if _is_about(node):
            del lines[node.lineno - 1 : node.end_lineno]
    text = "\n".join(line for line in lines if line != "import asyncio").strip("\n")
    return re.sub(r"\n{4,}", "\n\n\n", text) + "\n"


def _is_about(node: ast.stmt) -> bool:
    match node:
        case ast.Expr(value=ast.Constant(value=str())):
            return True
        case ast.Assign(targets=[ast.Name(id=name)]):
            return name in {"__all__", "TRY"}
        case ast.ImportFrom(module="__future__"):
            return True
    return False
