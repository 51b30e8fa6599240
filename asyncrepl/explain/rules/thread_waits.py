"""What threads wait for, and programs that wait for their threads."""

from __future__ import annotations

import ast
from asyncio import BaseEventLoop
from concurrent.futures import Future
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, Rule, endless
from asyncrepl.explain.fix_editor import Fixing, correction, short
from asyncrepl.explain.repairs.repair_case import single_assignment
from asyncrepl.explain.scopes import CannotFixError, own_nodes
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


def _method_waited_in(evidence: Evidence) -> str:
    """The method of `queue` or `threading` that a thread waits in, ``Queue.get``; else ""."""
    info = evidence.finding.info
    known = info.kind.__module__ in ("queue", "threading")
    return f"{info.kind.__name__}.{info.name}" if known else ""


def _waiting_thread(evidence: Evidence) -> Finding | None:
    """A job in a thread that waits for what nobody does any more."""
    await_, seen, method = evidence.node(ast.Await), evidence.finding, _method_waited_in(evidence)
    if await_ is None or (undone := _UNDONE.get(method)) is None:
        return None
    text = short(evidence.unit, await_.value)
    place = f", in line {seen.number}" if seen.number else ""
    why = (
        f"{text} waits for a thread that waits in `{method}`{place}: all "
        f"else has ended or waits, too, and nobody is left to {undone}."
    )
    return Finding(why)


def _waits_for_thread(evidence: Evidence) -> Finding | None:
    """``future.result(timeout=1)`` of a thread's future, on the loop, and it did not come."""
    call, unit = evidence.node(ast.Call), evidence.unit
    asked = Future.result.__code__ in evidence.inner and callee_name(call) == "result"
    if not asked or call is None or not isinstance(unit.function(call), ast.AsyncFunctionDef):
        return None
    owner = method_owner(call)
    made = single_assignment(unit, owner) or owner if owner is not None else None
    if callee_name(made) == "run_coroutine_threadsafe":
        return None  # of which more is known, as it blocks
    why = (
        f"{short(unit, call)} blocks the thread of the loop while it waits: in that time nothing "
        "else runs there, nor what it may wait for. `await asyncio.wrap_future(…)` lets it."
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


def _keeps_the_program(evidence: Evidence) -> Finding | None:
    """A thread that waits for more when the program has ended."""
    call, unit = evidence.seen_node or evidence.node(ast.Call), evidence.unit
    if call is None and (undone := _UNDONE.get(method := _method_waited_in(evidence))):
        why = (
            f"The program has ended, and Python waits for a thread that waits in `{method}` for "
            f"ever: nobody is left to {undone}."
        )
        return Finding(why)
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
    threads = [pair for pair in evidence.units.calls("Thread") if _runs_loop(evidence, pair[1])]
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
    threads = any(evidence.units.calls("Thread", "to_thread", "run_in_executor", "submit"))
    if evidence.made is None or threads or _LOCKS.isdisjoint(evidence.units.called()):
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
        for home, each in fixing.evidence.units.calls("Lock")
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


RULES = (
    Rule(
        "blocking-call-in-async-for",
        "a wait for another thread on the loop",
        5,
        "`result()` of a future of `concurrent.futures` stops its thread until another one has "
        "set it. On a loop that stops all its tasks: `asyncio.wrap_future` gives one to await.",
        _waits_for_thread,
        errors=(TimeoutError,),
    ),
    endless(
        "a thread that keeps the program",
        "Python ends when all threads have ended that are no daemons. What runs one, as a "
        "connection to a database does, has to be closed: by `async with`, or `close()`.",
        _keeps_the_program,
        sees="held",
    ),
    endless(
        "a loop in a thread that nobody stops",
        "Python ends when all threads have ended that are no daemons. `loop.stop`, called by "
        "`loop.call_soon_threadsafe`, ends `run_forever`; with `daemon=True` nobody waits for it.",
        _runs_on,
        sees="held",
    ),
    endless(
        "a thread that waits for ever",
        "A thread waits in `get()` or `wait()` until another one, or the loop, puts or sets what "
        "it waits for; no `cancel()` ends that. Only a time limit does: `get(timeout=5)`.",
        _waiting_thread,
    ),
    endless(
        "a pool whose threads wait for each other",
        "A thread that waits in `future.result()` does nothing else. If what it waits for has to "
        "go through the same pool, it waits for a thread that is never free.",
        _no_thread_left,
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
