"""Naming who blocks the loop, from another thread."""

from __future__ import annotations

import asyncio
import linecache
import queue
import threading
from typing import TYPE_CHECKING, Any

import pytest

from asyncrepl.engine.blocked import blocked
from asyncrepl.engine.loop import LiveLoop, new_loop
from asyncrepl.engine.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from asyncrepl.events import Blocked

TYPED = "import queue\nasync def hog(stop):\n    stop.get()\n"


@pytest.fixture(params=[False, True], ids=["plain", "observed"])
def loop(request: pytest.FixtureRequest) -> Iterator[LiveLoop]:
    loop = new_loop()
    if request.param:
        loop.observe(Timeline())
    yield loop
    loop.close()


def while_it_blocks(loop: LiveLoop, begin: Callable[[Any], object]) -> Blocked:
    """What `blocked` says while the program that `begin` starts waits for a queue."""
    stop: queue.SimpleQueue[None] = queue.SimpleQueue()
    found: list[Blocked] = []
    thread_id = threading.get_ident()

    def look() -> None:
        while not found:
            if (report := blocked(loop, thread_id, threshold=0.0)) and "get()" in report.source:
                found.append(report)
        stop.put(None)

    thread = threading.Thread(target=look)
    thread.start()
    begin(stop)
    thread.join()
    return found[0]


def test_it_names_the_task_and_the_line(loop: LiveLoop) -> None:
    """Typed code that blocks is found with its task, file, line and source."""
    name = "<input 77>"
    linecache.cache[name] = (len(TYPED), None, TYPED.splitlines(keepends=True), name)
    space: dict[str, Any] = {}
    exec(compile(TYPED, name, "exec"), space)

    def begin(stop: Any) -> None:
        loop.run_until_complete(loop.create_task(space["hog"](stop), name="tick"))

    report = while_it_blocks(loop, begin)
    assert (report.task, report.filename, report.line) == ("tick", name, 3)
    assert report.source == "stop.get()"
    assert report.seconds >= 0


def test_a_library_called_by_the_user_is_the_users_line(loop: LiveLoop) -> None:
    """What blocks inside the standard library is told as the user's line that called it."""

    def begin(stop: Any) -> None:
        def relay(one: queue.Queue[None]) -> None:
            one.put(stop.get())

        async def main() -> None:
            box: queue.Queue[None] = queue.Queue()
            threading.Thread(target=relay, args=(box,)).start()
            box.get()

        loop.run_until_complete(main())

    report = while_it_blocks(loop, begin)
    assert (report.filename, report.source) == (__file__, "box.get()")


def test_a_plain_callback_has_no_task(loop: LiveLoop) -> None:
    """A callback that blocks is told without a task's name."""

    def begin(stop: Any) -> None:
        loop.call_soon(lambda: (stop.get(), loop.stop()))
        loop.run_forever()

    assert while_it_blocks(loop, begin).task is None


def test_a_loop_that_waits_or_rests_is_not_blocked(loop: LiveLoop) -> None:
    """Nothing is reported before, between and after callbacks, nor below the threshold."""
    thread_id = threading.get_ident()
    assert blocked(loop, thread_id, threshold=-1.0) is None

    async def main() -> Blocked | None:
        waiting = asyncio.to_thread(blocked, loop, thread_id, -1.0)
        inside = blocked(loop, thread_id, threshold=1e9)
        return inside or await waiting

    loop.run_until_complete(main())
    assert blocked(loop, thread_id, threshold=-1.0) is None
    loop.run_until_complete(loop.shutdown_default_executor())
