"""Naming who blocks the loop, from another thread."""

from __future__ import annotations

import asyncio
import linecache
import queue
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import asyncrepl
from asyncrepl.engine.blocking.blocked_slice import (
    BlockingLocation,
    _frame_to_blame,
    blocking_location,
)
from asyncrepl.engine.loop.live_loop import LiveLoop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OURS = Path(asyncrepl.__file__).parent


@pytest.fixture
def loop() -> Iterator[LiveLoop]:
    loop = LiveLoop()
    yield loop
    loop.close()


def while_it_blocks(
    loop: LiveLoop, begin: Callable[[Any], object]
) -> tuple[BlockingLocation, str]:
    """What `blocking_location` says, and the source, while the program of `begin` waits for a queue."""
    stop: queue.SimpleQueue[None] = queue.SimpleQueue()
    found: list[tuple[BlockingLocation, str]] = []
    thread_id = threading.get_ident()

    def look() -> None:
        while not found:
            if (seen := blocking_location(loop, thread_id)) is not None:
                source = linecache.getline(seen.filename, seen.line).strip()
                if "get()" in source:
                    found.append((seen, source))
        stop.put(None)

    thread = threading.Thread(target=look)
    thread.start()
    begin(stop)
    thread.join()
    return found[0]


def test_it_names_the_task_and_the_line(loop: LiveLoop) -> None:
    """Typed code that blocks is found with its task, file and line."""
    name, text = "<input 77>", "import queue\nasync def hog(stop):\n    stop.get()\n"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    space: dict[str, Any] = {}
    exec(compile(text, name, "exec"), space)

    def begin(stop: Any) -> None:
        loop.run_until_complete(loop.create_task(space["hog"](stop), name="tick"))

    seen, source = while_it_blocks(loop, begin)
    assert seen == ("tick", name, 3)
    assert source == "stop.get()"


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

    seen, source = while_it_blocks(loop, begin)
    assert (seen.filename, source) == (__file__, "box.get()")


def test_a_plain_callback_has_no_task(loop: LiveLoop) -> None:
    """A callback that blocks is told without a task's name."""

    def begin(stop: Any) -> None:
        loop.call_soon(lambda: (stop.get(), loop.stop()))
        loop.run_forever()

    assert while_it_blocks(loop, begin)[0].task is None


def test_a_loop_that_waits_or_rests_blocks_nobody(loop: LiveLoop) -> None:
    """Nobody is named before, between and after callbacks."""
    thread_id = threading.get_ident()
    assert blocking_location(loop, thread_id) is None

    def until_nobody() -> None:
        while blocking_location(loop, thread_id) is not None:
            pass

    loop.run_until_complete(asyncio.wait_for(asyncio.to_thread(until_nobody), 20))
    assert blocking_location(loop, thread_id) is None
    loop.run_until_complete(loop.shutdown_default_executor())


@pytest.mark.parametrize(
    ("through", "named"),
    [
        (str(OURS / "session" / "shell.py"), True),
        (str(OURS / "explain" / "explaining.py"), False),
        (str(OURS / "commands" / "explaining.py"), False),
        (str(OURS / "views" / "errors.py"), False),
        (str(OURS / "engine" / "iteration" / "proxies.py"), True),
        (str(OURS / "engine" / "blocking" / "blocking_reports.py"), True),
        (str(OURS / "engine" / "tasks" / "timeline.py"), False),
        (str(OURS / "instrument" / "probes.py"), True),
        (queue.__file__, True),
        ("<frozen importlib._bootstrap>", True),
    ],
)
def test_a_line_is_not_to_blame_for_our_explaining(
    loop: LiveLoop, through: str, named: bool
) -> None:
    """Frames that a user's line called count as the line, except where we explain its value."""

    def made(text: str, filename: str) -> Any:
        space: dict[str, Any] = {}
        exec(compile(text, filename, "exec"), space)
        return space["f"]

    frames: list[Any] = []
    line = made("def f(call, look): call(look)", "<input 1>")
    called = made("def f(look): look()", through)
    loop.call_soon(line, called, lambda: frames.append(_frame_to_blame(sys._getframe(1))))
    loop.call_soon(loop.stop)
    loop.run_forever()
    names = [frame and frame.f_code.co_filename for frame in frames]
    assert names == (["<input 1>"] if named else [None])


TERMINAL = (str(OURS / "terminal" / "streams.py"), str(OURS / "terminal" / "queue.py"))
VALUES = str(OURS / "views" / "value_tree.py")
IMPORTLIB, LINECACHE = "<frozen importlib._bootstrap_external>", queue.__file__


@pytest.mark.parametrize(
    ("files", "named"),
    [
        ((str(OURS / "commands" / "seeing.py"), IMPORTLIB), None),
        ((str(OURS / "terminal" / "session.py"), LINECACHE), None),
        (("<input 1>", str(OURS / "engine" / "iteration" / "proxies.py"), IMPORTLIB), None),
        (("<input 1>", str(OURS / "engine" / "iteration" / "proxies.py"), LINECACHE), "<input 1>"),
        (("<input 1>", str(OURS / "session" / "shell.py"), LINECACHE), "<input 1>"),
        (("<input 1>", str(OURS / "views" / "errors.py"), LINECACHE), None),
        (("<input 1>", LINECACHE, IMPORTLIB), "<input 1>"),
        (("<input 1>", str(OURS / "terminal" / "streams.py"), LINECACHE), "<input 1>"),
        (("<input 1>", str(OURS / "session" / "console.py"), *TERMINAL), None),
        (("<input 1>", str(OURS / "session" / "shell.py"), *TERMINAL), "<input 1>"),
        (("<input 1>", VALUES, IMPORTLIB, VALUES, LINECACHE), None),
        ((LINECACHE, IMPORTLIB), LINECACHE),
        ((str(OURS / "commands" / "seeing.py"), "<input 1>"), "<input 1>"),
    ],
)
def test_who_is_to_blame_for_a_chain_of_calls(
    loop: LiveLoop, files: tuple[str, ...], named: str | None
) -> None:
    """Loading on our behalf is nobody's fault; what a user's line calls is that line's."""
    frames: list[Any] = []
    called: Any = lambda: frames.append(_frame_to_blame(sys._getframe(1)))  # noqa: E731
    for file in reversed(files):
        space: dict[str, Any] = {"called": called}
        exec(compile("def f(): called()", file, "exec"), space)
        called = space["f"]
    loop.call_soon(called)
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert [frame and frame.f_code.co_filename for frame in frames] == [named]


def test_between_two_callbacks_nobody_is_to_blame() -> None:
    """Who runs the loop is not who blocks it."""
    assert _frame_to_blame(sys._getframe()) is None
