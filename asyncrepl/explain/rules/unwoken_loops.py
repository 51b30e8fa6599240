"""What is done to a loop from where it does not see it: another thread, a signal handler."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, Rule
from asyncrepl.explain.fix_editor import Fixing, correction, short
from asyncrepl.explain.scopes import scope
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


def _ends(node: ast.AST, waits: ast.expr) -> bool:
    """Whether it wakes who `waits`, with nothing more to do: ``queue.put(None)``."""
    if not isinstance(node, ast.Call) or written_name(method_owner(node)) != written_name(waits):
        return False
    nothing = all(isinstance(each, ast.Constant) and each.value is None for each in node.args)
    return nothing and callee_name(node) in ("put", "put_nowait", "set", "release")


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
)
