"""Compiling what was read, with top-level ``await``.

The tree is instrumented before it is compiled (see `probes`), so that an error
can be explained by the very objects involved, and its asynchronous loops are
doubled (see `doubling`), so that they can be traced. If what comes of it does not
compile, what it was made of does, or its error is the one to report.
"""

from __future__ import annotations
import __future__

import ast
import inspect
import sys
import warnings
from typing import TYPE_CHECKING, Literal

from asyncrepl.language.probes import instrument

if TYPE_CHECKING:
    from types import CodeType

    from asyncrepl.language.sources import Source

__all__ = ["FUTURE_FLAGS", "compile_source", "needs_loop"]

#: The flags of ``from __future__ import …``: a session keeps them, as a prompt does.
FUTURE_FLAGS = 0
for _name in __future__.all_feature_names:
    FUTURE_FLAGS |= getattr(__future__, _name).compiler_flag

#: What makes a task of a coroutine, and needs a running loop.
_MAKERS = {"create_task"} if sys.version_info < (3, 14) else {"create_task", "ensure_future"}


def compile_source(source: Source, mode: Literal["single", "exec"], flags: int = 0) -> CodeType:
    """The code object of `source`, which has parsed.

    In mode "single" the value of each expression statement is displayed. Raises
    SyntaxError for what only the compiler finds, with the line of the text in it.
    """
    assert source.tree is not None
    original: ast.Module | ast.Interactive = source.tree
    if mode == "single":
        original = ast.Interactive(body=source.tree.body)
    try:
        tree = instrument(original, source.text)
        code = _compile(tree, source.filename, mode, flags)
    except (SyntaxError, ValueError, RecursionError):
        return _compile_original(original, source, mode, flags)
    return _compile_doubled(tree, source, mode, flags) or code


def needs_loop(text: str) -> bool:
    """Whether only a running loop can run the top level of `text`.

    That is where it awaits, or makes a task: ``python FILE`` can do neither. (It may well
    ask for the running loop, to learn that there is none. And up to Python 3.13
    ``ensure_future`` finds a loop that does not run yet.)
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are given when it is compiled to be run
        try:
            code = _compile(text, "<trial>", "exec", 0)
        except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
            return False  # it will not run at all
    return bool(code.co_flags & inspect.CO_COROUTINE) or not _MAKERS.isdisjoint(code.co_names)


def _compile_doubled(
    tree: ast.Module | ast.Interactive, source: Source, mode: str, flags: int
) -> CodeType | None:
    """The code that can be traced; None where that is no other, or too deeply nested."""
    if "async" not in source.text:
        return None
    from asyncrepl.language.doubling import doubled

    try:
        both = doubled(tree, source.filename, source.text)
        if both is tree:
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they were given for the single tree already
            return _compile(both, source.filename, mode, flags)
    except (SyntaxError, ValueError, RecursionError):
        return None


def _compile_original(
    tree: ast.Module | ast.Interactive, source: Source, mode: str, flags: int
) -> CodeType:
    try:
        return _compile(tree, source.filename, mode, flags)
    except SyntaxError as error:
        if error.text is None and error.lineno is not None:
            error.text = source.lines[error.lineno - 1] + "\n"
        raise


def _compile(
    tree: ast.Module | ast.Interactive | str, filename: str, mode: str, flags: int
) -> CodeType:
    flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    code: CodeType = compile(tree, filename, mode, flags, dont_inherit=True)
    return code
