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
from asyncrepl.syntax.source_rewriter import SourceRewriter, Span

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
    rewriter = SourceRewriter(text)
    _edit(tree.body, rewriter, show)
    for node in () if defines else lazy:
        start = rewriter.source.span(node).start
        rest = text[start:].removeprefix("lazy").lstrip()
        rewriter.replace(Span(start, len(text) - len(rest)), "")
    imports = (node for node in tree.body if isinstance(node, ast.ImportFrom))
    hoisted = any(node.module == "__future__" or node.names[0].name == "*" for node in imports)
    names = {step.argval for step in dis.get_instructions(code) if step.opname in _BINDS}
    return PlainStatement(
        rewriter.apply().rstrip(),
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


def _edit(body: list[ast.stmt], rewriter: SourceRewriter, show: str) -> None:
    """A call around what the prompt shows; no annotation of a name, which is a global one."""
    source = rewriter.source
    for node in _statements(body):
        if isinstance(node, ast.Expr):
            call = node.value.value if isinstance(node.value, ast.Await) else node.value
            if not (isinstance(call, ast.Call) and ast.unparse(call.func) in _NONE_CALLS):
                argument = _is_argument(source.source(node))
                rewriter.before(node, f"{show}(" if argument else f"{show}((")
                rewriter.after(node, ")" if argument else "))")
        elif isinstance(node, ast.AnnAssign) and node.simple:
            start, end = source.span(node.target).end, source.span(node).end
            if node.value is not None:  # brackets may be around the annotation, and around it
                end = source.text.index("=", source.span(node.annotation).end)
            rewriter.replace(Span(start, end), " = None" if node.value is None else " ")


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


def _is_argument(source: str) -> bool:
    """Whether `source` can stand in a call as one argument: a tuple without parentheses can't."""
    try:
        call = ast.parse(f"f({source}\n)", mode="eval").body
    except SyntaxError:
        return False
    assert isinstance(call, ast.Call)
    return len(call.args) == 1 and not call.keywords and not isinstance(call.args[0], ast.Starred)
