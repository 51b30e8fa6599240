"""What was forgotten, as a `Leak`: what it is, and where it was made if that is certain.

The interpreter and the loop notice most of it themselves, when the thing dies. They say
what it was; here it becomes a `Leak`, and the place is looked up where it was made.
Nothing refers to the thing itself: it dies as it would have died.

What does not work: ``task.get_coro()`` of a task that is done. On Python 3.12.1 it
crashes the interpreter for one that ended eagerly. The traceback of its exception
begins in the very coroutine and says as much. And asking a task that is destroyed
where it waited: the collector has closed its coroutine before, on every Python.

Where it was made, only the source can tell. Neither a coroutine nor an async generator knows who
called its function, short of origin tracking, which costs every coroutine 110 ns. But a coroutine
that nobody awaited can't come from ``await fetch()``; so if the sources hold only one other
mention of ``fetch``, and that is a call, it was made there. With two, nobody knows, and nothing is
reported: a wrong place sends the user the wrong way. What does not work there: taking the line on
which it dies. ``x = fetch()`` drops the *old* coroutine, which an equal line made. Only a call
whose value is thrown away at once dies where it was made.
"""

from __future__ import annotations

import ast
import asyncio
from types import CoroutineType
from typing import TYPE_CHECKING, Any, TypeGuard

from asyncrepl.engine.code_owner import is_plumbing, is_users, traceback_entries, user_entries
from asyncrepl.engine.tasks.task_records import coro_name, name_of
from asyncrepl.events.findings import Leak
from asyncrepl.syntax.names import FUNCTIONS, LOOPS, SCOPES, last_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from types import CodeType

    from asyncrepl.engine.leaks.open_generators import LeftGenerator
    from asyncrepl.events.findings import Finding
    from asyncrepl.events.object_info import Place
    from asyncrepl.syntax.sources import Source

Spot = tuple[str, int]


def never_awaited(
    coroutine: CoroutineType[Any, Any, Any], dropped: Spot, sources: Mapping[str, Source]
) -> Leak:
    """The leak of `coroutine`, which the interpreter warns of at `dropped`.

    `sources` are the texts that were run, by file name. Any thread.
    """
    what, code = coroutine.__qualname__, coroutine.cr_code
    # The origin begins with the innermost call.
    origin = [(filename, line) for filename, line, _ in coroutine.cr_origin or ()]
    made = next((spot for spot in origin if not is_plumbing(spot[0])), None)
    made = made or _only_call(code.co_filename, what, sources)
    source = sources.get(dropped[0])
    if made is None and source is not None and source.tree is not None:
        made = dropped if is_discarded_call(_last(what), source.tree, dropped[1]) else None
    return Leak("never awaited", what, made, None if is_plumbing(dropped[0]) else dropped)


def left_open(left: LeftGenerator, sources: Mapping[str, Source], ended_well: str | None) -> Leak:
    """The leak of a generator that a loop has left.

    `ended_well` is the file of the statement that has just ended without an error, if one
    has; `sources` are as in `never_awaited`.
    """
    source = sources.get(left.filename)
    line = None
    if source is not None and source.tree is not None and left.filename == ended_well:
        line = only_break(source.tree, left.place)
    made = _only_call(left.defined, left.what, sources)
    noticed = left.filename, line or left.place.lineno
    return Leak("left open", left.what, made, noticed, left.name, by_break=line is not None)


def never_iterated(seen: Finding) -> Leak | None:
    """The leak of an async generator that was made and lost at once; None for anything else."""
    code, place = seen.info.code, seen.place
    if seen.what != "lost" or code is None or place is None:
        return None
    spot = seen.code.co_filename, place.lineno
    return Leak("never iterated", code.co_qualname, spot, spot)


def never_retrieved(context: Mapping[str, Any], sources: Mapping[str, Source]) -> Leak:
    """The leak of a future that failed; `context` is what the loop's handler got.

    `sources` are as in `never_awaited`.
    """
    future, code = context["future"], first_code(context["exception"])
    name = name_of(future) if isinstance(future, asyncio.Task) else ""
    made = _stack_top(context.get("source_traceback"))
    if made is None and code is not None and name:
        made = _only_call(code.co_filename, code.co_qualname, sources)
    what = code.co_qualname if code is not None and name else ""
    return Leak("never retrieved", what, made, name=name)


def destroyed(context: Mapping[str, Any], sources: Mapping[str, Source]) -> Leak:
    """The leak of a task that was dropped and not done; `context` is what the handler got.

    `sources` are as in `never_awaited`.
    """
    task = context["task"]
    coroutine = task.get_coro()
    what, made = coro_name(coroutine), _stack_top(context.get("source_traceback"))
    if made is None and type(coroutine) is CoroutineType:
        made = _only_call(coroutine.cr_code.co_filename, what, sources)
    return Leak("destroyed pending", what, made, name=name_of(task))


def _only_call(defined: str, what: str, sources: Mapping[str, Source]) -> Spot | None:
    """Where the function `what` was called, if its file is the user's and that is certain."""
    if defined not in sources:
        return None
    # A copy: a coroutine may die in another thread.
    known = [source for name in list(sources) if (source := sources.get(name)) is not None]
    return only_call(_last(what), known)


def _last(qualname: str) -> str:
    return qualname.rpartition(".")[2]


def _stack_top(stack: Any) -> Spot | None:
    """The user's place in a ``source_traceback``, which asyncio keeps in debug mode."""
    places = [(entry.filename, entry.lineno) for entry in reversed(stack or ())]
    return next((place for place in places if not is_plumbing(place[0])), None)


def first_code(error: BaseException, *, own: bool = False) -> CodeType | None:
    """The code of the coroutine out of which `error` came, or of the first function.

    With `own`, of the first that is the user's: a thread's begins in the library.
    """
    codes = [entry.tb_frame.f_code for entry in user_entries(error.__traceback__)]
    return next((code for code in codes if not own or is_users(code.co_filename)), None)


def refused_result(error: BaseException | None) -> asyncio.Future[Any] | None:
    """The future that a StopIteration was refused for (up to Python 3.11): it never ends."""
    trace = error.__traceback__ if type(error) is TypeError else None
    for entry in list(traceback_entries(trace))[-1:]:
        if entry.tb_frame.f_code is _COPIES:
            found = entry.tb_frame.f_locals
            return found["dest"] if type(found["exception"]) is StopIteration else None
    return None


_COPIES = vars(asyncio.futures)["_copy_future_state"].__code__


# -- what the source tells


def only_call(name: str, sources: Iterable[Source]) -> tuple[str, int] | None:
    """The file and line of the one call of `name` that is neither awaited nor iterated over.

    `sources` are all texts that can hold it; the line counts from 1.
    None if there is none or several, or if `name` is also used in another way (under
    a second name, passed on, decorated), for then it can be called from anywhere.
    """
    found: tuple[str, int] | None = None
    for source in sources:
        if source.tree is None:
            continue
        for use in _uses(source.tree, name):
            if found is not None or not isinstance(use, ast.Call):
                return None
            found = source.filename, use.lineno
    return found


def is_discarded_call(name: str, tree: ast.Module, line: int) -> bool:
    """Whether on `line` of `tree` a statement only calls `name`, and nothing else there does."""
    uses = [use for use in _uses(tree, name) if use.lineno <= line <= (use.end_lineno or line)]
    bare = [node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)]
    return len(uses) == 1 and uses[0] in bare


def only_break(tree: ast.Module, place: Place) -> int | None:
    """The line of the one ``break`` of the ``async for`` that takes its steps at `place`.

    Only for a loop at the top level of `tree`, in no ``try`` or ``with``: there, if no error is
    seen, nothing but its ``break`` can have left it early. Else None.
    """
    for loop in _top_level_loops(tree.body):
        if _begins_at(loop, place) or _begins_at(loop.iter, place):
            breaks = list(_breaks(loop.body))
            return breaks[0].lineno if len(breaks) == 1 else None
    return None


def _uses(tree: ast.AST, name: str) -> Iterator[ast.expr | ast.stmt]:
    """Mentions of `name` from which something unawaited can come: its calls, and others.

    ``await f()`` and ``async for x in f()`` are none. Parents come before children.
    """
    done: set[ast.AST | None] = set()
    for node in ast.walk(tree):
        done.add(_operand(node))
        if isinstance(node, ast.Call) and last_name(node.func) == name:
            if node not in done:
                yield node
            done.add(node.func)
        elif node not in done and _exposes(node, name):
            yield node


def _exposes(node: ast.AST, name: str) -> TypeGuard[ast.expr | ast.stmt]:
    """Whether after `node` the function `name` can be called without being named."""
    if isinstance(node, ast.Name | ast.Attribute):
        return last_name(node) == name and isinstance(node.ctx, ast.Load)
    if isinstance(node, FUNCTIONS):
        return node.name == name and bool(node.decorator_list)
    names = node.names if isinstance(node, ast.Import | ast.ImportFrom) else []
    return any(each.name == name and each.asname for each in names)


def _operand(node: ast.AST) -> ast.expr | None:
    """What `node` awaits or iterates over asynchronously."""
    if isinstance(node, ast.Await):
        return node.value
    if isinstance(node, ast.AsyncFor) or (isinstance(node, ast.comprehension) and node.is_async):
        return node.iter
    return None


def _top_level_loops(body: Sequence[ast.stmt]) -> Iterator[ast.AsyncFor]:
    for statement in body:
        if isinstance(statement, ast.AsyncFor):
            yield statement
        if isinstance(statement, (*LOOPS, ast.If)):
            yield from _top_level_loops(statement.body)
            yield from _top_level_loops(statement.orelse)


def _breaks(nodes: Iterable[ast.AST]) -> Iterator[ast.Break]:
    """The ``break`` statements among `nodes` that belong to the loop around them."""
    for node in nodes:
        if isinstance(node, ast.Break):
            yield node
        elif isinstance(node, LOOPS):
            yield from _breaks(node.orelse)
        elif not isinstance(node, SCOPES):
            yield from _breaks(ast.iter_child_nodes(node))


def _begins_at(node: ast.expr | ast.stmt, place: Place) -> bool:
    return (node.lineno, node.col_offset) == (place.lineno, place.column)
