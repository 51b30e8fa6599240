"""What is said of a wait: the words, and the user's line."""

from __future__ import annotations

import asyncio
import contextlib
import types
from concurrent.futures import Future, ThreadPoolExecutor
from fractions import Fraction
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
from support.suspended_tasks import cancel_all, suspended

from asyncrepl.engine.tasks.await_chain import await_chain
from asyncrepl.engine.tasks.task_survey import WaitDescription, describe_chain, describe_wait

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator

    from asyncrepl.engine.loop.live_loop import LiveLoop


async def readings() -> AsyncIterator[int]:
    await asyncio.sleep(0.33)
    yield 1


async def smoothed() -> AsyncIterator[int]:
    async for reading in readings():
        yield reading


async def sleep() -> None:
    """Called as asyncio's own, and not it."""
    await asyncio.get_running_loop().create_future()


@types.coroutine
def bare() -> Generator[None, None, None]:
    while True:
        yield


async def filled() -> None:
    queue: asyncio.Queue[int] = asyncio.Queue(1)
    await queue.put(1)
    await queue.put(2)


async def locked() -> None:
    lock = asyncio.Lock()
    await lock.acquire()
    async with lock:
        pass


async def told() -> None:
    condition = asyncio.Condition()
    async with condition:
        await condition.wait()


async def grouped() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.sleep(5))
        group.create_task(asyncio.sleep(5))


async def both() -> None:
    await asyncio.wait([asyncio.create_task(asyncio.sleep(5)) for _ in range(2)])


async def one_by_one() -> None:
    for each in asyncio.as_completed([asyncio.sleep(5)]):
        await each


async def named() -> None:
    await asyncio.create_task(asyncio.sleep(5), name="input 3")


async def sheltered() -> None:
    await asyncio.shield(asyncio.create_task(asyncio.sleep(5), name="inner"))


async def a_future() -> None:
    await asyncio.get_running_loop().create_future()


async def elsewhere() -> None:
    await asyncio.wrap_future(Future())


async def timed() -> None:
    async with asyncio.timeout(7):
        await asyncio.sleep(5)


async def iterating() -> None:
    async for _ in smoothed():
        pass


@contextlib.asynccontextmanager
async def opened() -> AsyncIterator[None]:
    await asyncio.Event().wait()
    yield


async def entered() -> None:
    async with opened():
        pass


WORDS: dict[str, Callable[[], Coroutine[Any, Any, Any]]] = {
    "asyncio.sleep(0.33)": iterating,
    "asyncio.sleep(5)": timed,
    "asyncio.sleep(1.23)": lambda: asyncio.sleep(1.2345678901),
    "asyncio.sleep(3600)": lambda: asyncio.sleep(3600),
    "asyncio.sleep": lambda: asyncio.sleep(Fraction(2)),  # type: ignore[arg-type]
    "Queue.get": lambda: asyncio.Queue().get(),
    "Queue.put": filled,
    "Lock.acquire": locked,
    "Event.wait": entered,
    "Condition.wait": told,
    "Semaphore.acquire": lambda: asyncio.Semaphore(0).acquire(),
    "Barrier.wait": lambda: asyncio.Barrier(2).wait(),
    "StreamReader.readline": lambda: asyncio.StreamReader().readline(),
    "StreamReader.read": lambda: asyncio.StreamReader().read(1),
    "a TaskGroup of 2 tasks": grouped,
    "asyncio.wait of 2 tasks": both,
    "asyncio.as_completed": one_by_one,
    "task 'input 3'": named,
    "task 'inner'": sheltered,
    "gather of 3": lambda: waits_for(asyncio.gather(*map(asyncio.sleep, [5, 5, 5]))),
    "an executor": elsewhere,
    "a future": a_future,
    "a bare yield": bare,  # type: ignore[dict-item]
}


async def waits_for(thing: Any) -> None:
    await thing


@pytest.fixture(autouse=True)
def _ended(loop: LiveLoop) -> Iterator[None]:
    yield
    cancel_all(loop)


def waiting(loop: LiveLoop, make: Callable[[], Any]) -> asyncio.Task[Any]:
    """A task that awaits what `make` gives."""
    return suspended(loop, lambda: waits_for(make()))


@pytest.mark.parametrize("words", WORDS)
def test_a_wait_is_told_as_it_would_be_typed(loop: LiveLoop, words: str) -> None:
    """What it is finally suspended on has the name a newcomer knows it by."""
    assert describe_wait(waiting(loop, WORDS[words])).on == words


def test_a_turn_that_is_given_away_is_a_sleep_of_nothing(loop: LiveLoop) -> None:
    """``sleep(0)``, which has no future, is told as it was typed."""

    async def spins() -> None:
        while True:
            await asyncio.sleep(0)

    assert describe_wait(suspended(loop, spins)).on == "asyncio.sleep(0)"


def test_a_thread_is_waited_for(loop: LiveLoop) -> None:
    """``to_thread`` is told by what does the work."""
    free = Event()
    loop.set_default_executor(ThreadPoolExecutor(1))
    task = waiting(loop, lambda: asyncio.to_thread(free.wait))
    on = describe_wait(task).on
    free.set()
    loop.run_until_complete(task)
    assert on == "a thread"


def test_wait_for_is_told_by_what_is_in_it(loop: LiveLoop) -> None:
    """A task of its own up to Python 3.11, then a part of the chain."""
    on = describe_wait(waiting(loop, lambda: asyncio.wait_for(asyncio.sleep(5), 9))).on
    assert on.startswith(("task '", "asyncio.sleep(5)"))


def test_the_users_innermost_line_is_told(loop: LiveLoop) -> None:
    """The file, the line and the function that awaits what is asyncio's."""
    waits = describe_wait(suspended(loop, iterating))
    assert waits == WaitDescription(
        "asyncio.sleep(0.33)", __file__, readings.__code__.co_firstlineno + 1, "readings"
    )


def test_a_line_behind_a_library_is_the_users(loop: LiveLoop) -> None:
    """Behind ``contextlib`` the user's generator is found."""
    assert describe_wait(suspended(loop, entered)).function == "opened"


def test_it_can_be_told_as_far_as_the_next_step(loop: LiveLoop) -> None:
    """From within one generator, another one's step is what it waits on."""
    task: Any = suspended(loop, iterating)
    assert describe_chain(await_chain(task), through_steps=False).on == "a step of smoothed"
    step = task.get_coro().cr_await
    waits = describe_chain(await_chain(step), through_steps=False)
    assert (waits.on, waits.function) == ("a step of readings", "smoothed")


def test_a_name_alone_makes_nobody_asyncios(loop: LiveLoop) -> None:
    """A user's own ``sleep`` is a user's function that waits on a future."""
    waits = describe_wait(suspended(loop, sleep))
    assert (waits.on, waits.function) == ("a future", "sleep")


def test_who_runs_waits_on_nothing(loop: LiveLoop) -> None:
    """The running task, and a coroutine that has not begun, wait on nothing."""

    async def looks() -> str:
        return describe_wait(asyncio.current_task()).on

    assert loop.run_until_complete(looks()) == ""
    fresh = sleep()
    assert describe_wait(fresh)[::3] == ("", "sleep")
    fresh.close()


def test_what_is_over_has_nothing_to_tell() -> None:
    """No words and no line."""
    assert describe_wait(None) == WaitDescription("", "", 0, "")


def test_an_object_of_the_users_is_told_by_its_type(loop: LiveLoop) -> None:
    """Not by its repr."""

    class Odd:
        def __await__(self) -> Odd:
            return self

        def __next__(self) -> None:
            return None

        def __repr__(self) -> str:
            raise AssertionError

    assert describe_wait(suspended(loop, lambda: waits_for(Odd()))).on.endswith("Odd")
