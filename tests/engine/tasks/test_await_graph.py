"""Who awaits whom, from real tasks."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import pytest
from support.suspended_tasks import cancel_all, suspended

from asyncrepl.engine.tasks.await_graph import await_graph

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from asyncrepl.engine.loop.live_loop import LiveLoop
    from asyncrepl.engine.tasks.await_graph import AwaitNode

needs_graph = pytest.mark.skipif(
    sys.version_info < (3, 14), reason="asyncio keeps a graph from Python 3.14 on"
)


@pytest.fixture(autouse=True)
def _ended(loop: LiveLoop) -> Iterator[None]:
    yield
    cancel_all(loop)


async def nap() -> None:
    await asyncio.sleep(9)


def child(name: str) -> asyncio.Task[None]:
    return asyncio.create_task(nap(), name=name)


async def plainly() -> None:
    await child("a")


async def gathering() -> None:
    await asyncio.gather(child("a"), asyncio.gather(child("b")))


async def grouping() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(nap(), name="a")


async def before_the_end_of_a_group() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(nap(), name="a")
        await nap()


async def waiting_for() -> None:
    await asyncio.wait_for(child("a"), 99)


async def timing_out() -> None:
    async with asyncio.timeout(99):
        await child("a")


async def waiting() -> None:
    await asyncio.wait([child("a"), child("b")])


async def shielding() -> None:
    await asyncio.shield(child("a"))


async def sheltered_gather() -> None:
    await asyncio.shield(asyncio.gather(child("a"), child("b")))


async def as_they_come() -> None:
    for each in asyncio.as_completed([child("a"), child("b")]):
        await each


WAYS: dict[Callable[[], Coroutine[Any, Any, None]], set[str]] = {
    plainly: {"a"},
    gathering: {"a", "b"},
    grouping: {"a"},
    before_the_end_of_a_group: {"a"},
    waiting_for: {"a"},
    timing_out: {"a"},
    waiting: {"a", "b"},
    shielding: {"a"},
    sheltered_gather: {"a", "b"},
    as_they_come: {"a", "b"},
}


def graph(loop: LiveLoop, make: Callable[[], Any]) -> dict[str, AwaitNode]:
    """The nodes by name, where what `make` gives runs as the task "main"."""
    suspended(loop, make).set_name("main")
    return {node.name: node for node in await_graph(loop)}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_each_way_to_await_a_task_is_an_edge(
    loop: LiveLoop, way: Callable[[], Coroutine[Any, Any, None]]
) -> None:
    """A task awaits another one, however it does."""
    suspended(loop, way).set_name("main")
    nodes = await_graph(loop)
    main = next(node for node in nodes if node.name == "main")
    assert {nodes[at].name for at in main.awaits} == WAYS[way]
    assert all(node.awaits == () for node in nodes if node is not main)


def test_a_node_tells_where_it_waits(loop: LiveLoop) -> None:
    """State, what it waits on, place, source and function."""
    node = graph(loop, plainly)["a"]
    assert (node.state, node.on, node.function) == ("waiting", "asyncio.sleep(9)", "nap")
    assert node.where.endswith(f"test_await_graph.py:{nap.__code__.co_firstlineno + 1}")
    assert node.source == "await asyncio.sleep(9)"


def test_tasks_at_one_queue_have_one_label(loop: LiveLoop) -> None:
    """What is shared has a number, or the name it has in the namespace."""
    jobs: asyncio.Queue[int] = asyncio.Queue()
    lock = asyncio.Lock()

    async def at(coro: Coroutine[Any, Any, object]) -> None:
        await coro

    async def locked() -> None:
        await lock.acquire()
        for n, queue in enumerate([jobs, jobs, asyncio.Queue[int]()]):
            asyncio.create_task(at(queue.get()), name=str(n))  # noqa: RUF006  the loop is short
        async with lock:
            pass

    nodes = graph(loop, locked)
    assert nodes["main"].on == "Lock.acquire (lock 1)"
    assert nodes["0"].on == nodes["1"].on == "Queue.get (queue 1)"
    assert nodes["2"].on == "Queue.get (queue 2)"
    named = {node.name: node for node in await_graph(loop, {"jobs": jobs, "lock": lock})}
    assert named["0"].on == "Queue.get (jobs)"
    assert named["main"].on == "Lock.acquire (lock)"
    assert named["2"].on == "Queue.get (queue 1)"


def test_tasks_in_a_circle_point_at_each_other(loop: LiveLoop) -> None:
    """A deadlock is a graph like any other."""
    tasks: list[asyncio.Task[None]] = []

    async def one(at: int) -> None:
        await asyncio.shield(tasks[at])  # or nobody could cancel them

    async def start() -> None:
        tasks.extend(asyncio.create_task(one(1 - n), name=str(n)) for n in range(2))

    suspended(loop, start)
    assert [node.awaits for node in await_graph(loop)] == [(1,), (0,)]


def test_a_finished_task_is_no_node(loop: LiveLoop) -> None:
    """Only what is not done is in the graph; a gather goes on with the others."""

    async def quick() -> None:
        pass

    async def main() -> None:
        await asyncio.gather(asyncio.create_task(quick(), name="quick"), child("a"))

    nodes = graph(loop, main)
    assert set(nodes) == {"main", "a"}
    assert len(nodes["main"].awaits) == 1


def test_asyncios_tasks_in_python_are_tasks_too(loop: LiveLoop) -> None:
    """Whoever asks for them finds them in the graph with what they wait on."""
    python: Any = asyncio.tasks._PyTask  # type: ignore[attr-defined]

    async def main() -> None:
        await python(nap(), loop=loop, name="python")

    nodes = graph(loop, main)
    assert nodes["python"].on == "asyncio.sleep(9)"
    assert nodes["main"].on == "task 'python'"
    assert len(nodes["main"].awaits) == 1


def test_an_empty_loop_is_an_empty_graph(loop: LiveLoop) -> None:
    """No task, no node."""
    assert await_graph(loop) == ()


# -- beside asyncio's own graph ----------------------------------------------------------


def asyncios_edges(loop: LiveLoop) -> set[tuple[str, str]]:
    """(Who awaits, whom), by name, as ``asyncio.capture_call_graph`` has it."""

    def waiters(entry: Any) -> Iterator[Any]:
        for each in entry.awaited_by:
            if isinstance(each.future, asyncio.Task):
                yield each.future
            else:
                yield from waiters(each)

    capture: Any = asyncio.capture_call_graph  # type: ignore[attr-defined]
    return {
        (waiter.get_name(), task.get_name())
        for task in asyncio.all_tasks(loop)
        for waiter in waiters(capture(task))
        if not waiter.done()
    }


@needs_graph
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_it_has_every_edge_of_asyncios_own_graph(
    loop: LiveLoop, way: Callable[[], Coroutine[Any, Any, None]]
) -> None:
    """Nor more than that, where whoever makes a gather or a shield also awaits it."""
    suspended(loop, way).set_name("main")
    nodes = await_graph(loop)
    ours = {(node.name, nodes[at].name) for node in nodes for at in node.awaits}
    assert ours == asyncios_edges(loop) == {("main", name) for name in WAYS[way]}


@needs_graph
def test_what_a_library_tells_asyncio_is_known(loop: LiveLoop) -> None:
    """An edge through a future of its own, which nothing but asyncio's graph has."""

    async def main() -> None:
        task, between = child("a"), loop.create_future()
        tell: Any = asyncio.future_add_to_awaited_by  # type: ignore[attr-defined]
        tell(task, between)
        tell(between, asyncio.current_task())
        await nap()

    nodes = graph(loop, main)
    assert len(nodes["main"].awaits) == 1
    assert asyncios_edges(loop) == {("main", "a")}


@pytest.mark.parametrize("join", [asyncio.gather, asyncio.shield])
def test_what_one_task_has_made_another_awaits(
    loop: LiveLoop, join: Callable[[asyncio.Task[None]], asyncio.Future[Any]]
) -> None:
    """A gather of an earlier statement: asyncio's graph tells who made it, and he is gone."""

    async def make() -> list[asyncio.Future[Any]]:
        return [join(child("a"))]

    (made,) = loop.run_until_complete(make())

    async def main() -> None:
        await made

    assert len(graph(loop, main)["main"].awaits) == 1
