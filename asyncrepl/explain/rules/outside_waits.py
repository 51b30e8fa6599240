"""What is outside of the loop: another thread, a signal handler, a process; and waits for it.

What is done to a loop from where it does not see it does not wake it; and a process may wait
itself, for a reader, or for its input. A thread has a context of its own.
"""

from __future__ import annotations

import ast
import asyncio
from asyncio import BaseEventLoop
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, correction, short
from asyncrepl.explain.rules.endless_waits import awaited_object, calls_on
from asyncrepl.explain.scopes import CannotFixError, own_nodes, scope
from asyncrepl.syntax.names import (
    FUNCTIONS,
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


#: What nobody is left to do, where a thread waits in such a method.
_UNDONE = {
    "Queue.get": "put anything into it",
    "Queue.put": "take anything out of it",
    "Queue.join": "call its `task_done`",
    "Event.wait": "set it",
    "Condition.wait": "notify it",
    "Condition.wait_for": "notify it",
    "Barrier.wait": "come to it, too",
    "Semaphore.acquire": "release it",
}


def _waiting_thread(evidence: Evidence) -> Finding | None:
    """A job in a thread that waits for what nobody does any more."""
    await_, seen = evidence.node(ast.Await), evidence.seen
    if await_ is None or seen is None or seen.info.kind.__module__ not in ("queue", "threading"):
        return None
    method = f"{seen.info.kind.__name__}.{seen.info.name}"
    if (undone := _UNDONE.get(method)) is None:
        return None
    text = short(evidence.unit, await_.value)
    place = f", in line {seen.number}" if seen.number else ""
    why = (
        f"{text} waits for a thread that waits in `{method}`{place}: all "
        f"else has ended or waits, too, and nobody is left to {undone}."
    )
    return Finding(why)


def _no_thread_left(evidence: Evidence) -> Finding | None:
    """A job for a pool, all threads of which wait for the loop that gives it the job."""
    await_ = evidence.node(ast.Await)
    if await_ is None or callee_name(await_.value) not in ("run_in_executor", "to_thread"):
        return None
    why = (
        f"{short(evidence.unit, await_.value)} waits for a thread, and those that there are wait "
        "for this loop, in `result()`, while what they wait for needs a thread of the same pool: "
        "none is left. Await such work on the loop, or give it a pool of its own."
    )
    return Finding(why)


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


def _keeps_the_program(evidence: Evidence) -> Finding | None:
    """A thread that waits for more when the program has ended."""
    use, unit = evidence.use("seen"), evidence.unit
    call = use.node if use is not None else evidence.node(ast.Call)
    owner = method_owner(call) if isinstance(call, ast.Call) else None
    if not isinstance(call, ast.Call) or owner is None or call.args or call.keywords:
        return None
    if callee_name(call) not in ("get", "acquire", "wait"):
        return None
    why = (
        "The program has ended, and Python waits for its thread, which is no daemon and waits in "
        f"{short(unit, call)} for ever."
    )
    around = unit.enclosing(call, ast.ClassDef)
    for each in around.body if around is not None else ():
        if isinstance(each, FUNCTIONS) and any(_ends(node, owner) for node in ast.walk(each)):
            return Finding(f"{why} `{each.name}`, of the same class, lets it end.")
    return Finding(why)


def _runs_on(evidence: Evidence) -> Finding | None:
    """A thread whose loop has nothing to do any more, and goes on for ever."""
    if evidence.seen is None or not issubclass(evidence.seen.info.kind, BaseEventLoop):
        return None
    threads = [pair for pair in evidence.units.nodes(ast.Call) if _runs_loop(evidence, pair[1])]
    place = f" of {short(*threads[0])}" if len(threads) == 1 else ""
    why = (
        f"The program has ended, and Python waits for the thread{place}, which is no daemon: its "
        "loop has nothing left to do, and `run_forever` goes on until "
        "`loop.call_soon_threadsafe(loop.stop)`."
    )
    return Finding(why, _as_daemon(evidence, *threads[0]) if len(threads) == 1 else None)


def _runs_loop(evidence: Evidence, call: ast.Call) -> bool:
    """Whether it makes a thread that does nothing but to run a loop for ever."""
    target = next((each.value for each in call.keywords if each.arg == "target"), None)
    if canonical_name(call.func) != "threading.Thread" or target is None:
        return False
    bodies = [each for _, each in evidence.units.functions(last_name(target))]
    calls = [n for body in bodies for n in ast.walk(body) if isinstance(n, ast.Call)]
    return "run_forever" in (last_name(target), *map(callee_name, calls))


@correction
def _as_daemon(fixing: Fixing, unit: Unit, call: ast.Call) -> None:
    """``Thread(target=loop.run_forever)`` → ``Thread(target=loop.run_forever, daemon=True)``."""
    if any(each.arg in ("daemon", None) for each in call.keywords):
        raise CannotFixError
    fixing.of(unit).after(call.keywords[-1].value, ", daemon=True")


def _ends(node: ast.AST, waits: ast.expr) -> bool:
    """Whether it wakes who `waits`, with nothing more to do: ``queue.put(None)``."""
    if not isinstance(node, ast.Call) or written_name(method_owner(node)) != written_name(waits):
        return False
    nothing = all(isinstance(each, ast.Constant) and each.value is None for each in node.args)
    return nothing and callee_name(node) in ("put", "put_nowait", "set", "release")


#: What a thread waits for that holds it itself.
_LOCKS = {"threading.Lock", "threading.Semaphore", "threading.BoundedSemaphore"}


def _held_in_thread(evidence: Evidence) -> Finding | None:
    """A lock of `threading`, that one task holds while it waits, and another waits for."""
    calls = [canonical_name(each.func) for _, each in evidence.units.nodes(ast.Call)]
    names = {callee_name(each) for _, each in evidence.units.nodes(ast.Call)}
    threads = names & {"Thread", "to_thread", "run_in_executor", "submit"}
    if evidence.made is None or threads or not _LOCKS & {*calls}:
        return None  # or who has it is another thread
    unit, line = evidence.made
    for block in unit.nodes(ast.With):
        inside = [each for part in block.body for each in own_nodes(part)]
        waits = any(isinstance(each, ast.Await) for each in inside)
        entered = [each.context_expr for each in block.items]
        if block.lineno != line or not waits or isinstance(entered[0], ast.Call):
            continue
        text = unit.source.source(entered[0])
        why = (
            f"`with {text}` stops the whole thread until `{text}` is free, and another task "
            "holds it that waits in its own block: that cannot go on, as it needs this very "
            f"thread. `async with {text}` of an `asyncio.Lock` lets it."
        )
        return Finding(why, _lock_of_loop(evidence, unit, entered[0]))
    return None


@correction
def _lock_of_loop(fixing: Fixing, unit: Unit, lock: ast.expr) -> None:
    """``threading.Lock()`` → ``asyncio.Lock()``, and ``with`` → ``async with``."""
    made = [
        (home, each)
        for home, each in fixing.evidence.units.nodes(ast.Call)
        if canonical_name(each.func) == "threading.Lock"
    ]
    name = written_name(lock)
    uses = [n for n in unit.nodes(ast.Attribute, ast.Name) if written_name(n) == name]
    entered = [each for each in unit.nodes(ast.With) if each.items[0].context_expr in uses]
    loads = [each for each in uses if isinstance(each.ctx, ast.Load)]  # type: ignore[attr-defined]
    plain = any(not isinstance(unit.function(e), ast.AsyncFunctionDef) for e in entered)
    if len(made) != 1 or made[0][0] is not unit or len(loads) != len(entered) or plain:
        raise CannotFixError
    fixing.of(unit).replace(made[0][1].func, "asyncio.Lock")
    for each in entered:
        fixing.of(unit).before(each, "async ")
    fixing.needs_import(unit, "asyncio")


RULES = (
    Rule(
        "endless-generator-hangs",
        "a thread that keeps the program",
        3,
        "Python ends when all threads have ended that are no daemons. What runs one, as a "
        "connection to a database does, has to be closed: by `async with`, or `close()`.",
        _keeps_the_program,
        sees="held",
    ),
    Rule(
        "endless-generator-hangs",
        "a loop in a thread that nobody stops",
        3,
        "Python ends when all threads have ended that are no daemons. `loop.stop`, called by "
        "`loop.call_soon_threadsafe`, ends `run_forever`; with `daemon=True` nobody waits for it.",
        _runs_on,
        sees="held",
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
        "endless-generator-hangs",
        "a thread that waits for ever",
        3,
        "A thread waits in `get()` or `wait()` until another one, or the loop, puts or sets what "
        "it waits for; no `cancel()` ends that. Only a time limit does: `get(timeout=5)`.",
        _waiting_thread,
        sees="stuck",
    ),
    Rule(
        "endless-generator-hangs",
        "a pool whose threads wait for each other",
        3,
        "A thread that waits in `future.result()` does nothing else. If what it waits for has to "
        "go through the same pool, it waits for a thread that is never free.",
        _no_thread_left,
        sees="stuck",
    ),
    Rule(
        "blocking-call-in-async-for",
        "a lock of threads, held while a task waits",
        5,
        "A `threading.Lock` stops a thread, and all tasks of a loop share one. Who waits while he "
        "holds it needs the thread to go on. `asyncio.Lock` stops a task, and no more.",
        _held_in_thread,
        sees="blocked",
    ),
)
