"""Compiling a statement, a program, or an expression to iterate over; with top-level ``await``.

The tree is instrumented before it is compiled (see `probes`), so that an error can be explained by
the very objects involved, and its asynchronous loops are doubled (see `doubled_loops`), so that
they can be traced. If what comes of it does not compile, the original tree does, or its error is
the one to report.

Expressions to iterate over (``:marbles a(), b()``) become an ``async for`` each: a real one,
compiled from a text of its own that the session knows like any other. So the source is iterated by
the interpreter's own rules, and what goes wrong there is explained by the same rules as what is
typed. The loop binds a name with a dot, so that it hides none of the user's.
"""

from __future__ import annotations
import __future__

import ast
import contextlib
import sys
import warnings
from copy import deepcopy
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, TypeVar

from asyncrepl.events.finding_log import active_log
from asyncrepl.instrument.probe_placement import ProbePlacer
from asyncrepl.instrument.probes import install
from asyncrepl.syntax.names import bind_names, called_at_top, callee_name, canonical_name
from asyncrepl.syntax.parsed_input import parse, syntax_tree
from asyncrepl.syntax.sources import Source

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import CodeType

#: How a text is run: at a prompt; as a program that may await at its top; as Python runs a file.
Mode = Literal["single", "exec", "module"]
#: The flags of ``from __future__ import …``: a session keeps them, as a prompt does.
FUTURE_FLAGS = 0
for _name in __future__.all_feature_names:
    FUTURE_FLAGS |= getattr(__future__, _name).compiler_flag

#: What makes a task of a coroutine, and needs a running loop.
_TASK_MAKERS = {"asyncio.create_task"} | (
    {"asyncio.ensure_future"} if sys.version_info >= (3, 14) else set()
)
_LOOP_USERS = {*_TASK_MAKERS, "asyncio.get_running_loop"}
_RUNNERS = ("run_forever", "run_until_complete")
#: Where nothing of this was ever compiled, nothing can be lost or written in an odd way.
_MISTAKE_NODES = (ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith, ast.Await)
_MISTAKE_CALLS = frozenset({"print", "sleep", "create_task", "ensure_future", "anext", "asend"})
_PLACEMENT_MODULE = "asyncrepl.instrument.silent_mistake_placement"
#: What makes a future, a task or a step.
_AWAITABLE_MAKERS = frozenset({
    "anext", "__anext__", "asend", "create_future", "create_task", "ensure_future", "Future",
    "gather", "run_in_executor",
})  # fmt: skip
#: Those that a text has named so far: from the first on each text is looked through for them.
_made_awaitables: set[str] = set()

Tree = TypeVar("Tree", bound=ast.mod)


def compile_source(
    source: Source,
    mode: Mode,
    flags: int = 0,
    namespace: Mapping[str, object] | None = None,
) -> CodeType:
    """The code object of `source`, which has parsed.

    In mode "single" the value of each expression statement is displayed. In mode "module"
    nothing at the top may await, as in a module that is imported. `flags` are those of
    ``compile``, for instance `FUTURE_FLAGS`. `namespace` is where it is to run: it says what
    names mean that were bound earlier. Raises SyntaxError for what only the compiler finds,
    with the line of the text in it. Any thread.
    """
    assert source.tree is not None
    bind_names(source.tree, namespace)
    original: ast.Module | ast.Interactive = source.tree
    if mode == "single":
        original = ast.Interactive(body=source.tree.body)
    if mode != "module":
        flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    # An error is not raised in the `except`: then it would have one of the instrumented tree as
    # its context, and a traceback tell the same error twice.
    with contextlib.suppress(SyntaxError, ValueError, RecursionError):
        tree = instrument(original)
        code = _compile(tree, source.filename, flags)
        return _compile_doubled(tree, source, flags) or code
    # What is wrong anywhere comes before an `await` at the top, which is right elsewhere.
    _compile_original(original, source, flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    return _compile_original(original, source, flags)


@lru_cache(maxsize=4)  # who corrects a large file asks for the same texts again
def needs_loop(text: str) -> bool:
    """Whether only a running loop can run the top level of `text`.

    That is where it awaits: by ``await``, ``async for``, ``async with`` or in a comprehension
    (but an asynchronous generator expression only waits to be iterated over).
    And where it calls ``asyncio.create_task``, by whatever name, outside of all functions:
    ``python FILE`` can do neither; unless it starts a loop itself. (Up to Python 3.13
    ``ensure_future`` finds a loop that does not run yet.) All else is run by Python's own rules.
    (What is in a ``try`` may well ask for the running loop, to learn that there is none; and what
    makes a task by its own loop's method has a loop.)
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are given when it is compiled to be run
        try:
            tree = syntax_tree(text)
            _compile(tree, "<trial>", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
            return False  # it will not run at all
        try:
            _compile(tree, "<trial>", 0)
        except SyntaxError:
            return True
    return not called_at_top(tree).isdisjoint(_TASK_MAKERS) and not _brings_loop(tree)


def expects_loop(text: str) -> bool:
    """Whether `text` `needs_loop`, or would find one running at a prompt, and starts none itself.

    So do files that begin something in the session, by a function that makes a task, say.
    """
    if needs_loop(text):
        return True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tree = syntax_tree(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
            return False
    called = called_at_top(tree, and_below=True)
    return not called.isdisjoint(_LOOP_USERS) and not _brings_loop(tree)


def _brings_loop(tree: ast.Module) -> bool:
    """Whether anything in `tree` starts a loop: then that is no text for a running one."""
    names = (canonical_name(n) for n in ast.walk(tree) if isinstance(n, ast.Name | ast.Attribute))
    methods = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    return not methods.isdisjoint(_RUNNERS) or not {"asyncio.run", "asyncio.Runner"}.isdisjoint(
        names
    )


def starts_loop(text: str) -> bool:
    """Whether the top level of `text`, which parses, calls ``asyncio.run``.

    It fails in a running loop, so `text` is meant for Python alone, also where it awaits there.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return "asyncio.run" in called_at_top(syntax_tree(text))


def _compile_doubled(
    tree: ast.Module | ast.Interactive, source: Source, flags: int
) -> CodeType | None:
    """The code that can be traced; None where that is no other, or too deeply nested."""
    if "async" not in source.text:
        return None
    from asyncrepl.instrument.doubled_loops import doubled

    try:
        both = doubled(tree, source.filename, source.text)
        if both is tree:
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they were given for the single tree already
            return _compile(both, source.filename, flags)
    except (SyntaxError, ValueError, RecursionError):
        return None


def _compile_original(tree: ast.Module | ast.Interactive, source: Source, flags: int) -> CodeType:
    try:
        return _compile(tree, source.filename, flags)
    except SyntaxError as error:
        if error.text is None and error.lineno is not None:
            error.text = source.lines[error.lineno - 1] + "\n"
        raise


def _compile(tree: ast.Module | ast.Interactive, filename: str, flags: int) -> CodeType:
    mode = "single" if isinstance(tree, ast.Interactive) else "exec"
    code: CodeType = compile(tree, filename, mode, flags, dont_inherit=True)
    return code


#: The name under which the compiled loop finds what takes its values; a true answer ends it.
VALUE_CALLBACK = ".take"


def split_expressions(text: str) -> list[str]:
    """The texts of the expressions in `text`, which commas part; raises SyntaxError."""
    tree = ast.parse(text.strip(), mode="eval").body
    parts = tree.elts if isinstance(tree, ast.Tuple) else [tree]
    return [ast.get_source_segment(text.strip(), part) or "" for part in parts]


def iteration_text(expression: str) -> str:
    """The statement that iterates over `expression`, as a user would write it."""
    text = f"async for value in {expression}: value"
    try:
        syntax_tree(text)
    except SyntaxError:
        return f"async for value in ({expression}): value"
    return text


def compile_iteration(filename: str, text: str) -> tuple[Source, CodeType]:
    """The source of `iteration_text`, and code that calls `VALUE_CALLBACK` with each value.

    `text` is such a statement, `filename` the name under which to report its errors.
    The code is to be evaluated with a mapping of local names that has `VALUE_CALLBACK`; that
    gives a coroutine. Raises SyntaxError.
    """
    source = Source(filename, text, parse(text, filename))
    assert source.tree is not None
    tree = deepcopy(source.tree)
    loop = tree.body[0]
    assert isinstance(loop, ast.AsyncFor)
    assert isinstance(loop.target, ast.Name)
    loop.target.id = ".value"
    (shown,) = loop.body
    call = ast.Call(ast.Name(VALUE_CALLBACK, ast.Load()), [ast.Name(".value", ast.Load())], [])
    loop.body = [ast.copy_location(ast.If(call, [ast.Break()], []), shown)]
    ast.fix_missing_locations(loop)
    return source, compile_source(Source(filename, text, tree), "exec")


def instrument(tree: Tree) -> Tree:
    """`tree` with probes around its operands, all positions kept; `tree` stays as it is.

    The result compiles whenever `tree` does, short of the compiler's limits on
    nesting; then compile `tree` itself. What is of no use in it is not imported. Any
    thread may call it; nothing is run.
    """
    install()
    copy = ProbePlacer().rewritten(tree)
    nodes = list(ast.walk(copy))
    called = set(map(callee_name, nodes))
    if (
        _PLACEMENT_MODULE in sys.modules
        or called & _MISTAKE_CALLS
        or any(isinstance(each, _MISTAKE_NODES) or getattr(each, "is_async", 0) for each in nodes)
    ):
        from asyncrepl.instrument.iterated_awaitables import probe_rounds
        from asyncrepl.instrument.silent_mistake_placement import PatternProber, probe_lost_values
        from asyncrepl.instrument.wait_probes import probe_waits

        probe_waits(copy)
        probe_rounds(copy)
        probe_lost_values(copy)
        PatternProber(called).visit(copy)
    log = active_log()
    everywhere = log is not None and log.patient  # who explains a program waits for no text
    _made_awaitables.update(called & _AWAITABLE_MAKERS)
    if everywhere or _made_awaitables:
        from asyncrepl.instrument.iterated_awaitables import probe_iterated_awaitables

        probe_iterated_awaitables(copy, everywhere=everywhere)
    return copy
