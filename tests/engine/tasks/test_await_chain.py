"""Chains of real awaitables: what each link is, and that nobody of the user's is asked."""

from __future__ import annotations

import asyncio
import types
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from support.suspended_tasks import cancel_all, suspended

from asyncrepl.engine.tasks.await_chain import await_chain, first_argument

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator

    from asyncrepl.engine.loop.live_loop import LiveLoop


async def nap() -> None:
    await asyncio.sleep(9)


async def ticks() -> AsyncIterator[int]:
    try:
        await nap()
        yield 1
        yield 2
    except ValueError:
        await nap()
        yield 3
    finally:
        await nap()


async def outer() -> AsyncIterator[int]:
    async for tick in ticks():
        yield tick


class ByHand:
    """An asynchronous iterator with a coroutine."""

    def __aiter__(self) -> ByHand:
        return self

    async def __anext__(self) -> int:
        await nap()
        return 1


class ByGenerator:
    """An awaitable whose `__await__` is a generator."""

    def __await__(self) -> Generator[Any, None, None]:
        yield from nap().__await__()


class ByWrapper:
    """An awaitable whose `__await__` gives a coroutine's own iterator."""

    def __await__(self) -> Generator[Any, None, None]:
        return nap().__await__()


@types.coroutine
def old_style() -> Generator[Any, None, None]:
    yield from nap().__await__()


async def thrown(begin: Callable[[Any], Awaitable[object]]) -> None:
    """Await what `begin` makes of a generator that stands at its first `yield`."""

    async def opened() -> AsyncIterator[int]:
        try:
            yield 1
        except ValueError:
            await nap()
            yield 2
        finally:
            await nap()

    generator = opened()
    await anext(generator)
    await begin(generator)


async def iterating(source: Any) -> None:
    async for _ in source:
        pass


async def awaiting(thing: Any) -> None:
    await thing


NAP = [("coroutine", "nap"), ("coroutine", "sleep"), ("future", "Future")]
TICKS = ("async generator step", "ticks")
OPENED = ("async generator step", "thrown.<locals>.opened")
CHAINS: dict[str, tuple[Callable[[], Any], list[tuple[str, str]]]] = {
    "a coroutine": (nap, NAP),
    "a step": (lambda: iterating(ticks()), [("coroutine", "iterating"), TICKS, *NAP]),
    "asend": (lambda: awaiting(ticks().asend(None)), [("coroutine", "awaiting"), TICKS, *NAP]),
    "nested steps": (
        lambda: iterating(outer()),
        [("coroutine", "iterating"), ("async generator step", "outer"), TICKS, *NAP],
    ),
    "athrow": (lambda: thrown(lambda g: g.athrow(ValueError)), [("coroutine", "thrown"), OPENED, *NAP]),
    "aclose": (lambda: thrown(lambda g: g.aclose()), [("coroutine", "thrown"), OPENED, *NAP]),
    "anext with a default": (
        lambda: awaiting(anext(ticks(), 5)),
        [("coroutine", "awaiting"), TICKS, *NAP],
    ),
    "anext of a class": (
        lambda: awaiting(anext(ByHand(), 5)),
        [("coroutine", "awaiting"), ("coroutine", "ByHand.__anext__"), *NAP],
    ),
    "a generator as __await__": (
        lambda: awaiting(ByGenerator()),
        [("coroutine", "awaiting"), ("generator", "ByGenerator.__await__"), *NAP],
    ),
    "a coroutine's __await__": (lambda: awaiting(ByWrapper()), [("coroutine", "awaiting"), *NAP]),
    "types.coroutine": (
        lambda: awaiting(old_style()),
        [("coroutine", "awaiting"), ("generator", "old_style"), *NAP],
    ),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _ended(loop: LiveLoop) -> Iterator[None]:
    yield
    cancel_all(loop)


@pytest.mark.parametrize("case", CHAINS)
def test_a_chain_leads_to_what_it_waits_on(loop: LiveLoop, case: str) -> None:
    """Every way to await is followed, down to the future."""
    make, expected = CHAINS[case]
    chain = await_chain(suspended(loop, make))
    assert [(link.kind, link.name) for link in chain] == expected


def test_a_frame_tells_the_line(loop: LiveLoop) -> None:
    """Each link but the last has a frame, at the line that awaits."""
    chain = await_chain(suspended(loop, lambda: iterating(ticks())))
    assert [link.frame is not None for link in chain] == [True] * 4 + [False]
    frame = chain[1].frame
    assert frame is not None
    assert frame.f_lineno == ticks.__code__.co_firstlineno + 2  # type: ignore[attr-defined]


def test_a_chain_ends_with_another_task(loop: LiveLoop) -> None:
    """The chain of the awaited task is its own."""
    inner = loop.create_task(nap())
    chain = await_chain(suspended(loop, lambda: awaiting(inner)))
    assert [link.kind for link in chain] == ["coroutine", "task"]
    assert chain[-1].subject is inner
    assert chain[-1].code is None


def test_a_chain_can_begin_anywhere(loop: LiveLoop) -> None:
    """A coroutine, a step and an async generator have chains as a task has."""
    task: Any = suspended(loop, lambda: iterating(ticks()))
    coro = task.get_coro()
    names = ["ticks", "nap", "sleep", "Future"]
    assert [link.name for link in await_chain(coro)] == ["iterating", *names]
    assert [link.name for link in await_chain(coro.cr_await)] == names
    assert [link.name for link in await_chain(await_chain(coro)[1].subject)] == names


def test_what_is_over_has_no_links(loop: LiveLoop) -> None:
    """A finished task, coroutine and generator, and None, give empty chains."""

    async def quick() -> None:
        pass

    coro = quick()
    task = suspended(loop, lambda: coro)
    generator = (each for each in ())
    assert list(generator) == []
    assert (
        await_chain(task) == await_chain(coro) == await_chain(generator) == await_chain(None) == []
    )


def test_what_has_not_begun_or_runs_is_its_own_end(loop: LiveLoop) -> None:
    """A coroutine that awaits nothing, yet or just now, is a chain of one."""
    fresh = nap()
    assert [link.name for link in await_chain(fresh)] == ["nap"]
    fresh.close()

    async def looks() -> list[str]:
        return [link.name for link in await_chain(asyncio.current_task())]

    assert len(loop.run_until_complete(looks())) == 1


def test_no_code_of_the_users_runs(loop: LiveLoop) -> None:
    """An awaitable of the user's is told by its type; none of its methods is called."""
    asked: list[str] = []

    class Meta(type):
        def __getattribute__(cls, name: str) -> Any:
            asked.append(name)
            return super().__getattribute__(name)

    class Sly(metaclass=Meta):
        def __getattribute__(self, name: str) -> Any:
            asked.append(name)
            return object.__getattribute__(self, name)

        def __await__(self) -> Sly:
            return self

        def __next__(self) -> None:
            return None

    task = suspended(loop, lambda: awaiting(Sly()))
    asked.clear()
    chain = await_chain(task)
    assert chain[-1].kind == "other"
    assert chain[-1].name.endswith("Sly")
    assert asked == []


def test_a_name_of_cs_does_not_make_a_type_transparent(loop: LiveLoop) -> None:
    """A user's class that is called as C's own are is an object like any other."""

    class FutureIter:
        def __await__(self) -> FutureIter:
            return self

        def __next__(self) -> None:
            return None

    chain = await_chain(suspended(loop, lambda: awaiting(FutureIter())))
    assert chain[-1].name.endswith("FutureIter")


def test_a_chain_that_leads_back_into_itself_ends(loop: LiveLoop) -> None:
    """An object that pretends to be C's own, and refers to itself, is not followed for ever."""

    class FutureIter:
        __module__ = "builtins"
        __slots__ = ("inner",)

        def __await__(self) -> FutureIter:
            return self

        def __next__(self) -> None:
            return None

    liar = FutureIter()
    liar.inner = liar
    assert [link.name for link in await_chain(suspended(loop, lambda: awaiting(liar)))] == [
        "awaiting"
    ]


def test_looking_keeps_nothing_alive(loop: LiveLoop) -> None:
    """After a look at a call's argument, what the call lets go of dies at once."""

    class Thing:
        pass

    seen: list[weakref.ref[Thing]] = []

    async def holds(seconds: float) -> None:
        thing = Thing()
        seen.append(weakref.ref(thing))
        await asyncio.sleep(seconds)
        del thing
        await asyncio.sleep(seconds)

    chain = await_chain(suspended(loop, lambda: holds(1)))
    assert first_argument(chain[0]) == 1
    assert seen[0]() is not None
    del chain
    loop.run_until_complete(asyncio.sleep(1.5))
    assert seen[0]() is None


def test_the_first_argument_of_a_call_of_asyncios_is_known(loop: LiveLoop) -> None:
    """`first_argument` gives the queue at which `Queue.get` waits."""
    queue: asyncio.Queue[int] = asyncio.Queue()
    chain = await_chain(suspended(loop, lambda: awaiting(queue.get())))
    assert first_argument(chain[1]) is queue
