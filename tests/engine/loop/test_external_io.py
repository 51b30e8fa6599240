"""What lies outside the program: virtual time does not jump past it."""

from __future__ import annotations

import ast
import asyncio
import os
import re
import socket
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import asyncrepl
from asyncrepl.engine.loop.live_loop import LiveLoop
from asyncrepl.engine.loop.loop_clock import Clock

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


def run(main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """What `main` returns on a virtual clock."""
    with asyncio.Runner(loop_factory=lambda: LiveLoop(Clock.virtual())) as runner:
        return runner.run(main())


def now() -> float:
    return asyncio.get_running_loop().time()


async def a_stream_over_tcp() -> list[tuple[float, bytes]]:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number in range(3):
            await asyncio.sleep(0.02)
            writer.write(b"%d\n" % number)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, asyncio.timeout(5):
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        lines = [(now(), line) async for line in reader]
        writer.close()
        await writer.wait_closed()
    return lines


def test_a_stream_over_tcp_arrives_at_round_instants() -> None:
    """Lines over loopback come at the instants at which they were sent, in every run."""
    expected = [(0.02, b"0\n"), (0.04, b"1\n"), (0.06, b"2\n")]
    for _ in range(5):
        assert run(a_stream_over_tcp) == expected


def test_lines_of_a_process_arrive_before_a_timeout() -> None:
    """A process that takes real time does so within timeout(5), though nothing is ready."""

    async def main() -> tuple[list[bytes], int]:
        async with asyncio.timeout(5):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", "print(1); print(2)", stdout=asyncio.subprocess.PIPE
            )
            assert process.stdout is not None
            return [line async for line in process.stdout], await process.wait()

    for _ in range(3):
        assert run(main) == ([b"1\n", b"2\n"], 0)


def test_a_process_without_pipes_ends_before_a_timeout() -> None:
    """Also the end of a process alone is waited for in real time."""

    async def main() -> int:
        async with asyncio.timeout(5):
            process = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
            return await process.wait()

    assert run(main) == 0


def test_a_thread_answers_before_a_timeout() -> None:
    """The result of to_thread comes before timeout(5), however the clock might jump."""

    async def main() -> int:
        async with asyncio.timeout(5):
            return await asyncio.to_thread(sum, range(100_000))

    assert run(main) == sum(range(100_000))


def test_a_timeout_fires_though_the_outside_never_answers() -> None:
    """Time passes while a thread or a read hangs, so timeouts around it fire, exactly."""

    async def main() -> list[float]:
        loop, over, (one, other) = (
            asyncio.get_running_loop(),
            threading.Event(),
            socket.socketpair(),
        )
        one.setblocking(False)
        fired = []
        with one, other:
            for waiting in (loop.sock_recv(one, 1), pipe(), asyncio.to_thread(over.wait)):
                begin = now()
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(waiting, 0.02)
                fired.append(round(now() - begin, 9))
        over.set()
        return fired

    async def pipe() -> None:
        inlet, outlet = os.pipe()
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(inlet, "rb", 0)
        )
        try:
            await reader.read()
        finally:
            transport.close()
            os.close(outlet)

    assert run(main) == [0.02, 0.02, 0.02]


def test_a_listening_server_does_not_stop_the_jumps() -> None:
    """A server without clients lets an hour pass in an instant."""

    async def main() -> float:
        async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0):
            await asyncio.sleep(3600)
        return now()

    assert run(main) == 3600.0


def test_a_thread_of_ones_own_answers_before_a_timeout() -> None:
    """Drivers of databases keep a thread: while it lives, virtual time does not jump."""

    async def main() -> str:
        answer = asyncio.get_running_loop().create_future()
        ask = threading.Event()

        def work() -> None:
            ask.wait()
            answer.get_loop().call_soon_threadsafe(answer.set_result, "answer")

        threading.Thread(target=work).start()
        async with asyncio.timeout(5):
            asyncio.get_running_loop().call_soon(ask.set)
            return await answer

    for _ in range(5):
        assert run(main) == "answer"


def test_time_jumps_again_when_a_thread_has_ended() -> None:
    """The end of a thread wakes nobody, and yet an hour is not slept through after it."""

    async def main() -> float:
        over = threading.Event()
        threading.Thread(target=over.wait).start()
        asyncio.get_running_loop().call_soon(over.set)
        await asyncio.sleep(3600)
        return now()

    assert run(main) == 3600.0


@pytest.mark.parametrize("name", ["asyncrepl watch", "a pool's"])
def test_threads_at_rest_are_not_waited_for(name: str) -> None:
    """Neither a pool's threads that have no job, nor asyncrepl's own, hold time up."""

    async def main() -> float:
        over = threading.Event()
        thread = threading.Thread(target=over.wait, name=name)
        if name == "a pool's":
            thread = threading.Thread(target=int)
            await asyncio.to_thread(int)
        thread.start()
        await asyncio.sleep(3600)
        over.set()
        return now()

    assert run(main) == 3600.0


def makes_thread(function: ast.FunctionDef) -> bool:
    return any(
        isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in {"Thread", "Timer"}
        for node in ast.walk(function)
    )


def test_each_thread_of_ours_is_named_so() -> None:
    """Else virtual time would not jump while one is there."""
    package = Path(asyncrepl.__file__).parent
    functions = [
        node
        for path in package.rglob("*.py")
        if "Thread(" in (text := path.read_text(encoding="utf-8")) or "Timer(" in text
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef)
    ]
    making = [each for each in functions if makes_thread(each)]
    assert len(making) > 5
    for function in making:
        assert re.search("'asyncrepl[ -]", ast.unparse(function)), function.name
