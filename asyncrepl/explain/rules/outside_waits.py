"""What is outside of the loop: another thread, a signal handler, a process; and waits for it.

What is done to a loop from where it does not see it does not wake it; and a process may wait
itself, for a reader, or for its input. A thread has a context of its own, and so has each task.
"""

from __future__ import annotations

import ast
import asyncio
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, corrected, correction, short
from asyncrepl.explain.held_operands import tests_before
from asyncrepl.explain.rules.endless_waits import awaited_object, calls_on
from asyncrepl.explain.scopes import CannotFixError, scope
from asyncrepl.explain.value_origins import reached_functions
from asyncrepl.syntax.names import (
    callee_name,
    canonical_name,
    last_name,
    method_owner,
    written_name,
)

if TYPE_CHECKING:
    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.source_units import Unit


def _made_outside(evidence: Evidence) -> Finding | None:
    """``loop.create_task`` in another thread than the loop's."""
    unit, call = evidence.unit, evidence.node(ast.Call)
    if call is None or callee_name(call) != "create_task":
        return None
    why = (
        f"{short(unit, call)} makes a task on a loop that another thread runs: it wakes no loop "
        "that sleeps, and is not safe in any other case. `asyncio.run_coroutine_threadsafe` hands "
        "a coroutine to the loop of another thread."
    )
    return Finding(why, _handed_over(evidence, unit, call))


@correction
def _handed_over(fixing: Fixing, unit: Unit, call: ast.Call) -> None:
    """``loop.create_task(work())`` → ``asyncio.run_coroutine_threadsafe(work(), loop)``."""
    match call:
        case ast.Call(ast.Attribute(loop, "create_task"), [job], []):
            job_text, loop_text = map(unit.source.source, (job, loop))
            text = f"asyncio.run_coroutine_threadsafe({job_text}, {loop_text})"
            fixing.of(unit).replace(call, text)
            fixing.needs_import(unit, "asyncio")


def _unwoken_by_signal(evidence: Evidence) -> Finding | None:
    """A handler of `signal.signal`, which runs in the loop's thread and wakes no loop."""
    await_, unit = evidence.node(ast.Await), evidence.unit
    waited = await_.value if await_ is not None else None
    if isinstance(waited, ast.Call) and isinstance(waited.func, ast.Attribute):
        waited = waited.func.value
    for home, call in evidence.units.nodes(ast.Call):
        if canonical_name(call.func) != "signal.signal" or len(call.args) != 2:
            continue
        number, handler = call.args
        bodies = [handler, *(each for _, each in evidence.units.functions(last_name(handler)))]
        touched = {written_name(n) for body in bodies for n in ast.walk(body)} - {""}
        if await_ is not None and written_name(waited) in touched:
            source = home.source.source
            why = (
                f"The handler that `signal.signal` was given made {short(unit, await_.value)} "
                "ready, and the loop slept on: such a handler does not wake it. "
                f"`loop.add_signal_handler({source(number)}, …)` does."
            )
            return Finding(why, _handled_by_loop(evidence, home, call))
    return None


@correction
def _handled_by_loop(fixing: Fixing, unit: Unit, call: ast.Call) -> None:
    """``signal.signal(SIG, lambda *_: stop.set())`` → the loop's own, of ``stop.set``."""
    number, handler = call.args
    body = handler.body if isinstance(handler, ast.Lambda) else None
    if not isinstance(body, ast.Call) or body.args or body.keywords:
        return
    if not isinstance(scope(unit, call), ast.AsyncFunctionDef):
        return
    source = unit.source.source
    text = f"asyncio.get_running_loop().add_signal_handler({source(number)}, {source(body.func)})"
    fixing.of(unit).replace(call, text)
    fixing.needs_import(unit, "asyncio")


def _unwoken(evidence: Evidence) -> Finding | None:
    await_ = evidence.node(ast.Await)
    text = short(evidence.unit, await_.value) if await_ is not None else "what is waited for"
    handles = any(
        canonical_name(call.func) == "signal.signal" for _, call in evidence.units.nodes(ast.Call)
    )
    who = "Another thread, or a signal handler," if handles else "Another thread"
    why = (
        f"{who} made {text} ready, and the loop slept on: asyncio's objects are not for "
        "other threads, and do not wake it from there. Call `loop.call_soon_threadsafe` in that "
        "thread, or `asyncio.run_coroutine_threadsafe`."
    )
    return Finding(why)


def _set_elsewhere(evidence: Evidence) -> Finding | None:
    """A context variable that another task has set, in a context of its own."""
    use = evidence.use("seen")
    if use is None or evidence.made is None:
        return None
    variable = use.node
    (home, line), text = evidence.made, evidence.unit.source.source(variable)
    calls = [each for each in home.nodes(ast.Call) if each.lineno == line and _sets(each)]
    if not calls or evidence.units.names("LookupError"):
        return None
    setter, name = scope(home, calls[0]), getattr(scope(home, calls[0]), "name", "")
    if isinstance(setter, ast.FunctionDef | ast.AsyncFunctionDef):
        reached = [each for _, each in reached_functions(evidence, home, setter)]
        calls = [node for each in reached for node in ast.walk(each) if isinstance(node, ast.Call)]
        if any(callee_name(c) == "get" and written_name(method_owner(c)) == text for c in calls):
            return None  # it is for what runs in that task
    why = (
        f"{short(home, calls[0])} in `{name}` runs in another task, and each task has a copy of "
        f"the context of its own: here `{text}` has no value. Await `{name}` itself, without a "
        "task, or have it return the value."
    )
    return Finding(why)


def _sets(call: ast.Call) -> bool:
    return callee_name(call) == "set" and len(call.args) == 1


def _left_behind(evidence: Evidence) -> Finding | None:
    """A context variable, asked in what ``run_in_executor`` gives to a thread."""
    use, unit = evidence.use("seen"), evidence.unit
    if use is None or (function := unit.function(use.node)) is None:
        return None
    if getattr(unit.enclosing(use.node, ast.Call), "args", None):
        return None  # it has a default of its own
    if evidence.units.names("LookupError"):
        return None
    calls = [
        (home, call)
        for home, call in evidence.units.nodes(ast.Call)
        if callee_name(call) == "run_in_executor" and len(call.args) > 1
    ]
    named = [pair for pair in calls if last_name(pair[1].args[1]) == function.name] or calls
    if len(named) != 1:
        return None
    home, call = named[0]
    text = unit.source.source(use.node)
    why = (
        f"`{text}` is set where {short(home, call)} is called, and has no value in the thread: "
        "`run_in_executor` takes no context along. `asyncio.to_thread` does."
    )
    return Finding(why, _to_thread(evidence, home, call))


@correction
def _to_thread(fixing: Fixing, unit: Unit, call: ast.Call) -> None:
    """``loop.run_in_executor(None, work, x)`` → ``asyncio.to_thread(work, x)``."""
    executor, *given = call.args
    if not isinstance(executor, ast.Constant) or not isinstance(unit.parents[call], ast.Await):
        raise CannotFixError
    text = f"asyncio.to_thread({', '.join(map(unit.source.source, given))})"
    fixing.of(unit).replace(call, text)
    fixing.needs_import(unit, "asyncio")


def _pipe_full(evidence: Evidence) -> Finding | None:
    """``process.wait()`` of a process that is over, where nobody reads its output."""
    process = awaited_object(evidence, asyncio.subprocess.Process, "wait")
    if process is None or _is_starved(evidence):
        return None
    text = evidence.unit.source.source(process)
    why = (
        f"`{text}.wait()` waits until the pipe of its output is empty, too, and nobody reads what "
        f"the process has written. `await {text}.communicate()` reads while it waits."
    )
    return Finding(why)


def _asked_before_its_end(evidence: Evidence) -> Finding | None:
    """``if process.returncode != 0: raise``, where nobody has waited for the process."""
    raised = evidence.op == "RAISE_VARARGS" or isinstance(evidence.error, AssertionError)
    asked = [each for test in tests_before(evidence) if raised for each in ast.walk(test)]
    for each in asked:
        if not isinstance(each, ast.Attribute) or each.attr != "returncode":
            continue
        process, unit = evidence.resolver.value(each.value), evidence.unit
        if type(process) is not asyncio.subprocess.Process or process.returncode is not None:
            continue
        text = unit.source.source(each.value)
        why = (
            f"`{text}.returncode` is None until the process has ended and the loop has seen that: "
            f"the end of its output is not its own. `await {text}.wait()` gives it."
        )
        return Finding(why, _waited_before(evidence, unit, each, text))
    return None


@correction
def _waited_before(fixing: Fixing, unit: Unit, asked: ast.expr, process: str) -> None:
    if not isinstance(scope(unit, asked), ast.AsyncFunctionDef):
        raise CannotFixError
    fixing.of(unit).lines_before(unit.statement(asked), f"await {process}.wait()")


def _connections_open(evidence: Evidence) -> Finding | None:
    """``server.wait_closed()``, where a handler has left its connection open."""
    if evidence.finding.info.kind is not asyncio.Server:
        return None
    server, await_ = awaited_object(evidence, asyncio.Server, "wait_closed"), evidence.nodes[-1]
    text = f"`{written_name(server)}.wait_closed()`" if server is not None else "The server's end"
    why = (
        f"{text} waits until all connections of the server are closed, and one is open: nobody "
        "closes its writer any more. Who is done with a connection calls `writer.close()`."
    )
    fix = corrected(evidence, _clients_closed, evidence.unit, await_) if server else None
    return Finding(why, fix)


def _clients_closed(fixing: Fixing, unit: Unit, await_: ast.AST) -> None:
    """``server.close_clients()`` before the wait, where Python has that."""
    if not hasattr(asyncio.Server, "close_clients"):
        raise CannotFixError
    server = awaited_object(fixing.evidence, asyncio.Server, "wait_closed")
    assert server is not None
    call = f"{unit.source.source(server)}.close_clients()"
    fixing.of(unit).lines_before(unit.statement(await_), call)


def _is_starved(evidence: Evidence) -> bool:
    """Whether what is waited for is a process that waits for its input, or its output."""
    seen, kinds = evidence.seen, (asyncio.subprocess.Process, asyncio.StreamReader)
    return seen is not None and seen.info.kind in kinds and bool(seen.number)


def _input_left_open(evidence: Evidence) -> Finding | None:
    """A wait for a process, or for its output, while it waits for input that nobody writes."""
    await_, seen, unit = evidence.node(ast.Await), evidence.seen, evidence.unit
    place = await_.value if await_ is not None else evidence.node(ast.AST)
    if seen is None or place is None or not _is_starved(evidence):
        return None
    waited = awaited_object(evidence, seen.info.kind, seen.info.name)
    if seen.info.kind is asyncio.StreamReader:
        waited = waited.value if isinstance(waited, ast.Attribute) else None
    name = written_name(waited) if waited is not None else ""
    waits = short(unit, place) if isinstance(place, ast.expr) else "The loop"
    stdin = f"`{name}.stdin`" if name else "its `stdin`"
    why = (
        f"{waits} waits for the process, which waits for its input: {stdin} is open, and nobody "
        "writes to it any more."
    )
    answers = seen.info.name == "readline" or getattr(place, "args", None)
    if not name or answers or await_ is None:  # who waits for an answer may have more to ask
        return Finding(why)
    return Finding(f"{why} Close it when all is written.", _closed(evidence, unit, await_, name))


@correction
def _closed(fixing: Fixing, unit: Unit, await_: ast.Await, name: str) -> None:
    """The input of a process is closed behind the last that is written, before the wait."""
    statement = unit.statement(await_)
    for home, call in calls_on(fixing.evidence, f"{name}.stdin", "write", "writelines"):
        same = home is unit and scope(home, call) is scope(unit, await_)
        if not same or call.lineno > await_.lineno:
            raise CannotFixError
    if any(unit.enclosing(statement, kind) is not None for kind in (ast.For, ast.While)):
        raise CannotFixError
    fixing.of(unit).lines_before(statement, f"{name}.stdin.close()")


RULES = (
    Rule(
        "contextvar-reset-in-generator",
        "a context variable in a thread",
        6,
        "Each task has a copy of the context it was made in, and a thread begins with an empty "
        "one. `asyncio.to_thread` runs its function in a copy; `run_in_executor` does not.",
        _left_behind,
        sees="left behind",
    ),
    Rule(
        "contextvar-reset-in-generator",
        "a context variable that is set in another task",
        6,
        "`create_task`, `gather` and some others run a coroutine in a copy of the context: what "
        "it sets there is seen by what it calls, and by nobody else.",
        _set_elsewhere,
        sees="set elsewhere",
    ),
    Rule(
        "coroutine-used-as-its-result",
        "how a process ended, asked before it has",
        5,
        "A process goes on when its output is at its end, and asyncio sees only later how it has "
        "ended. `await process.wait()` waits for that and gives its `returncode`.",
        _asked_before_its_end,
        errors=(Exception,),
    ),
    Rule(
        "endless-generator-hangs",
        "a wait that a signal handler does not end",
        3,
        "What `signal.signal` was given runs between two instructions, and a loop that sleeps "
        "stays asleep. `loop.add_signal_handler(signal.SIGTERM, stop.set)` is for asyncio.",
        _unwoken_by_signal,
        sees="unwoken",
    ),
    Rule(
        "endless-generator-hangs",
        "a wait that another thread does not end",
        3,
        "Only `call_soon_threadsafe` wakes a loop from another thread. A queue, an event or a "
        "future belongs to one loop: `loop.call_soon_threadsafe(queue.put_nowait, item)`.",
        _unwoken,
        sees="unwoken",
    ),
    Rule(
        "asyncio-object-of-another-loop",
        "a task made on the loop of another thread",
        3,
        "A loop belongs to the thread that runs it, and all of its methods with it, but for "
        "`call_soon_threadsafe`. `asyncio.run_coroutine_threadsafe(coroutine, loop)` makes the "
        "task there, wakes the loop, and gives a future for this thread.",
        _made_outside,
        sees="made outside",
    ),
    Rule(
        "endless-generator-hangs",
        "a server that waits for its connections",
        3,
        "Since Python 3.12 `wait_closed` of a server waits for its connections, too, and so does "
        "the end of `async with server`. A handler closes its own: `writer.close()`, in a "
        "`finally`.",
        _connections_open,
        sees="stuck",
    ),
    Rule(
        "endless-generator-hangs",
        "a process whose output nobody reads",
        3,
        "A pipe and the reader behind it hold little, and a process that writes more waits until "
        "somebody reads. `await process.communicate()` reads all of it and waits for the end.",
        _pipe_full,
        sees="stuck",
    ),
    Rule(
        "endless-generator-hangs",
        "a process whose input is left open",
        3,
        "A program that reads its input to the end waits for that end, which comes when all who "
        "write have closed it. `await process.communicate(data)` writes, closes, reads and waits.",
        _input_left_open,
        sees="stuck",
    ),
)
