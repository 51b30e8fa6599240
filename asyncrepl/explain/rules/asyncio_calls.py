"""Context managers, and functions of asyncio, given what they do not take."""

from __future__ import annotations

from asyncrepl.explain.kinds import ASYNCHRONOUS, has
from asyncrepl.explain.repairs.repair_case import lock_of
from asyncrepl.explain.rules.operand_rules import (
    ANY,
    FUNCTIONS,
    RESULTS,
    STREAMS,
    Told,
    row,
)
from asyncrepl.syntax.names import callee_name

__all__ = ["ASYNCIO", "WITHS"]

WITHS = (
    row(
        "async-with-over-async-generator",
        "`async with` on an async generator",
        1,
        "An async generator is an iterator. To close it reliably use "
        "`async with contextlib.aclosing(gen()) as g`; to make a context manager of it decorate "
        "it with `@asynccontextmanager`.",
        "async enter | enter",
        STREAMS,
        lambda told: f"{told.text} is {told.a}: an iterator, which has no `__aenter__`.",
    ),
    row(
        "async-with-on-coroutine",
        "`async with` on a coroutine",
        1,
        "If the function is `async def` and returns a context manager, await it first: "
        "`async with await connect() as c`.",
        "async enter | enter",
        RESULTS,
        lambda told: (
            f"{told.text} is {told.words}, and gives no context manager: the lock is one itself."
            if lock_of(told) is not None
            else f"{told.text} is {told.words}: the context manager only exists after awaiting it."
        ),
    ),
    row(
        "sync-with-on-async-context-manager",
        "a plain `with` on an async context manager",
        1,
        "Objects with `__aenter__` need `async with`.",
        "enter",
        ASYNCHRONOUS,
        lambda told: (
            f"{told.text} is {told.a}: it has `__aenter__`, which only `async with` calls."
        ),
        lambda told: has(told.info, "__aenter__"),
    ),
    row(
        "async-with-on-sync-context-manager",
        "`async with` on a plain context manager",
        1,
        "`async with` needs `__aenter__` and `__aexit__`. Files, threading locks and the like "
        "take a plain `with` (also inside async code).",
        "async enter",
        ANY,
        lambda told: f"{told.text} is {told.a}: it has `__enter__` and no `__aenter__`.",
        lambda told: has(told.info, "__enter__"),
    ),
    row(
        "async-with-on-sync-context-manager",
        "`async with` on what is no context manager",
        1,
        "`async with` needs `__aenter__` and `__aexit__`, which functions made with "
        "`@asynccontextmanager` give, and classes that define them.",
        "async enter",
        ANY - ASYNCHRONOUS,
        lambda told: (
            f"{told.text} is {told.words}: it has no `__aenter__`, which `async with` calls."
            if told.info is not None
            else f"What {told.text} gives has no `__aenter__`, which `async with` calls."
        ),
    ),
)


def _takes(told: Told, takes: str) -> str:
    return f"`{callee_name(told.owner)}` takes {takes}, and {told.text} is {told.words}"


ASYNCIO = (
    row(
        "create-task-of-async-generator",
        "a task of an async generator",
        3,
        "A task runs a coroutine. Put the `async for` in an `async def` and make a task of that.",
        "coroutine",
        STREAMS,
        lambda told: (
            f"A task runs a coroutine, and {told.text} is an async generator: put the loop over "
            "it into an `async def`."
        ),
        lambda told: callee_name(told.owner) != "run",
    ),
    row(
        "async-generator-as-awaitable",
        "an async generator where asyncio takes awaitables",
        3,
        "These functions take awaitables. Wrap the walk in a coroutine: "
        "`async def drain(gen): return [x async for x in gen]` and pass `drain(gen())`, or pass "
        "one step: `anext(gen)`.",
        "await | coroutine | task | tasks | awaitables | function",
        STREAMS,
        lambda told: (
            f"`{callee_name(told.owner)}` takes awaitables, and {told.text} is an async "
            "generator: a coroutine has to walk it."
        ),
    ),
    row(
        "await-a-plain-call",
        "an async function given to asyncio, and not called",
        5,
        "asyncio runs coroutines, and an `async def` gives one when it is called: "
        "`asyncio.run(main())`.",
        "await | coroutine | task | tasks | awaitables",
        FUNCTIONS,
        lambda told: f"{_takes(told, 'what can be awaited')}: it has to be called.",
    ),
    row(
        "await-a-plain-call",
        "nothing to await for asyncio",
        5,
        "asyncio's functions take coroutines, tasks and futures. A plain function has already run "
        "when they see its result; run what blocks with `asyncio.to_thread(f)`.",
        "await | coroutine | task | tasks | awaitables",
        ANY,
        lambda told: f"{_takes(told, _WANTED[told.demand.what])}.",
    ),
)


_WANTED: dict[str, str] = {
    "await": "what can be awaited",
    "coroutine": "a coroutine",
    "task": "tasks",
    "tasks": "a collection of tasks",
    "awaitables": "a collection of awaitables",
}
