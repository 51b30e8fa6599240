"""From what is typed at the prompt to a piece of a plain Python function.

At the prompt an expression's value is shown, also within an ``async for``, and every name is
global. In a function neither is so. The text is changed at the places found in its syntax
tree and nowhere else: to unparse the tree would lose comments and layout, and to hand the
text to ``exec`` would give a script that nobody can read.
"""

from __future__ import annotations

import ast
import dis
import sys
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from asyncrepl.syntax.parsed_input import syntax_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

_BINDS = {"STORE_NAME", "DELETE_NAME", "STORE_GLOBAL", "DELETE_GLOBAL"}
_DEFINES = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_STRINGS: tuple[type[ast.expr], ...] = (ast.Constant, ast.JoinedStr)
if sys.version_info >= (3, 14):
    _STRINGS += (ast.TemplateStr,)
#: Calls whose value is None, as everybody knows.
_NONE_CALLS = {"print", "asyncio.sleep"}


@dataclass(frozen=True, slots=True)
class PlainStatement:
    """A statement in plain Python.

    `names` are those it binds at its top; `defines` says that it does nothing but define
    or import them; `hoisted` that it may only stand at the top of a module.
    """

    text: str
    names: frozenset[str]
    defines: bool
    hoisted: bool


def plain_python(text: str, show: str) -> PlainStatement | None:
    """What was typed as `text`, in plain Python; None if that is no code that compiles.

    `show` is the name of the function that shows a value as a prompt does.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = syntax_tree(text)
            flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
            code = compile(text, "<input>", "exec", flags, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError):
        return None
    defines = all(isinstance(node, _DEFINES) for node in tree.body)
    # An import that is lazy (Python 3.15) cannot be in a function.
    lazy = [node for node in _statements(tree.body) if getattr(node, "is_lazy", 0)]
    edits = [*_edits(tree.body, text, show)]
    if not defines:
        for line, start, _, _ in map(_span, lazy):
            words = text.split("\n")[line - 1].encode()[start:]
            end = start + len(words) - len(words[len("lazy") :].lstrip())
            edits.append((line, start, line, end, "", "\0"))
    imports = (node for node in tree.body if isinstance(node, ast.ImportFrom))
    hoisted = any(node.module == "__future__" or node.names[0].name == "*" for node in imports)
    names = {step.argval for step in dis.get_instructions(code) if step.opname in _BINDS}
    return PlainStatement(
        _edited(text.rstrip(), edits),
        frozenset(names - {"__annotations__", "__conditional_annotations__"}),
        defines=defines,
        hoisted=hoisted or (defines and bool(lazy)),
    )


def indented(text: str, levels: int = 1) -> str:
    """`text` four blanks further to the right, or more, but for the insides of its strings."""
    inside = set()
    for node in ast.walk(syntax_tree(text)):
        if isinstance(node, _STRINGS) and node.end_lineno is not None:
            inside |= set(range(node.lineno + 1, node.end_lineno + 1))
    lines = enumerate(text.split("\n"), 1)
    blanks = "    " * levels
    return "\n".join(line if at in inside or not line else blanks + line for at, line in lines)


#: Where in the text, as line and column in bytes, and what to put there instead of how much.
Edit = tuple[int, int, int, int, str, str]


def _edits(body: list[ast.stmt], text: str, show: str) -> Iterator[Edit]:
    """A call around what the prompt shows; no annotation of a name, which is a global one."""
    for node in _statements(body):
        if isinstance(node, ast.Expr):
            call = node.value.value if isinstance(node.value, ast.Await) else node.value
            if not (isinstance(call, ast.Call) and ast.unparse(call.func) in _NONE_CALLS):
                source = ast.get_source_segment(text, node) or ""
                before, after = (f"{show}(", ")") if _is_argument(source) else (f"{show}((", "))")
                yield *_span(node), before, after
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            _, _, line, start = _span(node.target)
            _, _, last, end = _span(node.annotation)
            yield line, start, last, end, "", "\0" if node.value is not None else " = None\0"


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of `body` and of the blocks in it, but not those of functions and classes."""
    for node in body:
        yield node
        if not isinstance(node, _SCOPES):
            for name in ("body", "orelse", "finalbody"):
                yield from _statements(getattr(node, name, []))
            for name in ("handlers", "cases"):
                for part in getattr(node, name, ()):
                    yield from _statements(part.body)


def _span(node: ast.expr | ast.stmt) -> tuple[int, int, int, int]:
    return node.lineno, node.col_offset, node.end_lineno or 0, node.end_col_offset or 0


def _edited(text: str, edits: list[Edit]) -> str:
    """`text` with something before and after each place; a NUL after: instead of it."""
    lines = [line.encode() for line in text.split("\n")]
    for first, start, last, end, before, after in sorted(edits, reverse=True):
        rest = lines[last - 1][end:]
        if after.endswith("\0"):
            lines[first - 1 : last] = [lines[first - 1][:start] + after[:-1].encode() + rest]
            continue
        lines[last - 1] = lines[last - 1][:end] + after.encode() + rest
        head = lines[first - 1]
        lines[first - 1] = head[:start] + before.encode() + head[start:]
    return b"\n".join(lines).decode()


def _is_argument(source: str) -> bool:
    """Whether `source` can stand in a call as one argument: a tuple without parentheses can't."""
    try:
        call = ast.parse(f"f({source}\n)", mode="eval").body
    except SyntaxError:
        return False
    assert isinstance(call, ast.Call)
    return len(call.args) == 1 and not call.keywords and not isinstance(call.args[0], ast.Starred)
