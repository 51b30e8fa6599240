from __future__ import annotations

import ast
import asyncio
import gc
import runpy
import sys
import threading
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from asyncrepl.engine.loop.live_loop import LiveLoop
from asyncrepl.engine.loop.loop_clock import Clock
from asyncrepl.runtime.shipped_demos import demo_iterables, find_iterable
from asyncrepl.transcript.transcript_check import check_transcript
from asyncrepl.transcript.transcript_parser import parse_transcript

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine
    from pathlib import Path

    from asyncrepl.runtime.shipped_demos import Demo

ALL = [pytest.param(iterable, id=iterable.name) for iterable in demo_iterables()]

#: What the line to try of each shows.
SHOWN = {
    "counter": "0\n1\n2",
    "counter_gen": "0\n1\n2",
    "ticks": "1\n2\n3",
    "eager": "0\n1\n2",
    "lines": "'hello'\n'from'\n'outside'",
    "tcp": "'telegram 1'\n'telegram 2'\n'telegram 3'",
    "web": "'news 1'\n'news 2'\n'news 3'",
    "tail": "'line 1'\n'line 2'\n'line 3'",
    "rows": "('Earth', 1)\n('Mars', 2)\n('Venus', 0)",
    "blocking": "0\n1\n2\nloop was blocked 0.6 s …\nwhy  demos/blocking.py:21: …\ntry  …",
    "timeouts": "0\n1\n2",
    "consumer": "'soup'\n'fish'\n'cake'",
    "merge": "'tick'\n'tick'\n'tock'\n'tick'\n'tock'\n'tock'",
    "cleanup": "connection: open\n'message 1'\n'message 2'\nconnection: closing\nconnection: closed",
    "leaky": "0\n10\nleak source, …\ntry  await source.aclose()",
    "pressure": "made 0\nused 0\nmade 1\nmade 2\nmade 3\nused 1\nmade 4\nused 2\nused 3\nused 4",
    "pages": "GET …\n'ant'\n'bee'\n'cat'\nGET …\n'dog'\n'elk'\n'fox'\nGET …\n'gnu'\nGET …",
}


#: What the modules teach, and the one that does.
TAUGHT = {
    "a counter by hand": "counter",
    "the same as a generator": "counter_gen",
    "a ticker": "ticks",
    "a paginated API": "pages",
    "a queue consumer": "consumer",
    "merging several sources": "merge",
    "back-pressure": "pressure",
    "timeouts": "timeouts",
    "cancellation and cleanup": "cleanup",
    "never suspending": "eager",
    "blocking": "blocking",
    "leaking": "leaky",
    "a subprocess": "lines",
    "a TCP stream": "tcp",
    "a database": "rows",
    "an HTTP response": "web",
    "a file being appended to": "tail",
}


def demo(name: str) -> dict[str, Any]:
    if name == "rows":
        pytest.importorskip("aiosqlite")
    return runpy.run_path(str(find_iterable(name).path))


def run(main: Coroutine[Any, Any, Any]) -> Any:
    """The result of `main` on a virtual clock; nothing may be left behind."""
    with asyncio.Runner(debug=True, loop_factory=lambda: LiveLoop(Clock.virtual())) as runner:
        result = runner.run(main)
        gc.collect()
    return result


@pytest.mark.parametrize("iterable", ALL)
def test_what_a_demo_puts_into_the_namespace_is_there(iterable: Demo) -> None:
    """`__all__` names what the module defines, and what its line to try uses."""
    module = demo(iterable.name)
    assert all(name in module for name in module["__all__"])
    assert any(name in iterable.tries for name in module["__all__"])


@pytest.mark.sampled(4)
@pytest.mark.parametrize("iterable", ALL)
def test_the_line_to_try_works_right_after_loading(iterable: Demo) -> None:
    """`:load NAME`, then its line, shows the values."""
    demo(iterable.name)
    text = f">>> :load {iterable.name}\n…\n>>> {iterable.tries}\n{SHOWN[iterable.name]}\n"
    report = check_transcript(parse_transcript(text, iterable.name))
    assert [difference.actual for difference in report.differences] == []
    assert report.passed


@pytest.mark.parametrize("iterable", ALL)
def test_a_demo_is_short(iterable: Demo) -> None:
    """A learner reads it at one glance."""
    assert 20 <= len(iterable.path.read_text("utf-8").splitlines()) <= 70
    assert max(map(len, iterable.path.read_text("utf-8").splitlines())) <= 99


def test_all_that_is_to_be_taught_is_there() -> None:
    """Each subject has a module of its own, and each module a subject."""
    assert sorted(TAUGHT.values()) == [iterable.name for iterable in demo_iterables()]


@pytest.mark.parametrize("iterable", ALL)
def test_a_demo_says_what_it_teaches(iterable: Demo) -> None:
    """Its docstring has a short title and a paragraph; each public function a line that fits 88."""
    tree = ast.parse(iterable.path.read_text("utf-8"))
    _, _, rest = (ast.get_docstring(tree) or "").partition("\n\n")
    assert len(iterable.title) <= 54
    assert len(iterable.tries) <= 75
    assert len(rest.splitlines()) >= 3
    functions = [
        node for node in tree.body if isinstance(node, ast.AsyncFunctionDef | ast.ClassDef)
    ]
    public = [node for node in functions if not node.name.startswith("_")]
    assert all(0 < len(ast.get_docstring(node) or "") <= 88 for node in public)


@pytest.mark.parametrize("iterable", ALL)
def test_loading_a_demo_hides_no_module(iterable: Demo) -> None:
    """Its name is none of the standard library's: `import NAME` still means that."""
    assert iterable.name not in sys.stdlib_module_names


def test_what_a_demo_lacks_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """`:load rows` without the package says how to get it."""
    monkeypatch.setitem(sys.modules, "aiosqlite", None)
    text = ">>> :load rows\nrows needs aiosqlite, which is not installed: pip install aiosqlite\n"
    assert check_transcript(parse_transcript(text, "rows")).passed


def test_the_class_and_the_generator_give_the_same() -> None:
    """Both counters give the same values at the same times."""

    async def read(counter: Any) -> list[tuple[float, int]]:
        now = asyncio.get_running_loop().time
        return [(now(), number) async for number in counter(3)]

    by_hand, generated = demo("counter")["Counter"], demo("counter_gen")["counter"]
    assert run(read(by_hand)) == run(read(generated)) == [(0.5, 0), (1.0, 1), (1.5, 2)]


def test_ticks_do_not_drift() -> None:
    """A slow body does not move the later ticks."""

    async def main() -> list[float]:
        now = asyncio.get_running_loop().time
        times = []
        async for _ in demo("ticks")["ticks"](3):
            times.append(now())
            await asyncio.sleep(0.7)
        return times

    assert run(main()) == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(("name", "between"), [("eager", 0), ("polite", 3)])
def test_only_the_polite_one_lets_others_run(name: str, between: int) -> None:
    """While `eager` is iterated over another task gets no turn; with `polite` one each round."""

    async def main() -> int:
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(other())
        async for _ in demo("eager")[name](3):
            pass
        task.cancel()
        return turns

    assert run(main()) == between


def test_a_subprocess_left_early_is_ended() -> None:
    """Closing the iteration terminates the program and waits for it: a minute is not waited."""

    async def main() -> list[str]:
        program = ("-c", "import time; print('one', flush=True); time.sleep(60)")
        python = demo("lines")["HELLO"][0]
        async with aclosing(demo("lines")["lines"](python, *program)) as iterator:
            return [await anext(iterator)]

    assert run(main()) == ["one"]


def test_a_connection_left_early_is_closed() -> None:
    """When the reader goes, the server's handler ends too, long before its next line."""

    async def main() -> list[str]:
        async with aclosing(demo("tcp")["telegrams"](100, 0.05)) as iterator:
            first = [await anext(iterator)]
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others)
        return first

    assert run(main()) == ["telegram 1"]


#: An iteration of each module that has something to close.
ITERATIONS = {
    "cleanup": "messages(9)",
    "consumer": "served('soup', 'fish')",
    "merge": "merge(every(0.2, 'tick', 9), every(0.1, 'tock', 9))",
    "pressure": "ahead(made(9), 2)",
    "rows": "rows('select * from planets')",
    "tail": "growing(9)",
    "tcp": "telegrams(9)",
    "timeouts": "within(0.5, slowing(9))",
    "web": "news(9)",
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", ITERATIONS)
def test_an_iteration_left_early_leaves_nothing_behind(name: str) -> None:
    """After `aclose` no task is left, and no generator is open."""

    async def main() -> None:
        async with aclosing(eval(ITERATIONS[name], demo(name))) as iterator:
            await anext(iterator)
            await asyncio.sleep(1)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.wait_for(asyncio.gather(*others, return_exceptions=True), 0.01)
        loop: Any = asyncio.get_running_loop()
        assert [each for each in loop._asyncgens if each.ag_frame is not None] == []

    run(main())


@pytest.mark.parametrize("expression", ["merge(bad())", "ahead(bad())", "within(1, bad())"])
def test_an_error_of_the_source_reaches_the_iterating_task(expression: str) -> None:
    """Whatever stands between the two hands it on."""

    async def bad() -> AsyncGenerator[int, None]:
        yield 1
        await asyncio.sleep(0.1)
        raise ValueError("bad")

    async def main() -> list[str]:
        told: list[str] = []
        names = {**demo("merge"), **demo("pressure"), **demo("timeouts"), "bad": bad}
        try:
            _ = [value async for value in eval(expression, names)]
        except* ValueError as errors:
            told = [str(error) for error in errors.exceptions]
        return told

    assert run(main()) == ["bad"]


def test_a_source_runs_ahead_as_far_as_it_may() -> None:
    """Two values wait, and one more in the hand of the source."""

    async def main() -> int:
        async with aclosing(demo("pressure")["ahead"](numbers(), 2)) as iterator:
            await anext(iterator)
            await asyncio.sleep(1)
            return made

    async def numbers() -> AsyncGenerator[int, None]:
        nonlocal made
        for made in range(1, 100):
            yield made

    made = 0
    assert run(main()) == 4


def test_a_line_written_in_pieces_comes_as_one(tmp_path: Path) -> None:
    """`tail` waits for the rest of a line; without a line end the last one counts as well."""
    log = tmp_path / "log"
    log.touch()

    async def write() -> None:
        for piece in "on", "e\ntwo\nth", "ree":
            await asyncio.sleep(0.15)
            with log.open("a") as file:
                file.write(piece)

    async def main() -> list[str]:
        return [line async for line in demo("tail")["tail"](log, asyncio.create_task(write()))]

    assert run(main()) == ["one", "two", "three"]


def test_blocking_lets_nobody_in_and_a_thread_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """While `blocking` waits nobody runs; while `threaded` does, others do."""
    met = threading.Event()

    async def main(name: str) -> int:
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                if turns > 1:
                    met.set()
                await asyncio.sleep(0)

        task = asyncio.create_task(other())
        async for _ in demo("blocking")[name](1, 0.01):
            pass
        task.cancel()
        return turns

    assert run(main("blocking")) == 0
    # However long it takes on a busy machine until the other has its turns.
    monkeypatch.setattr(time, "sleep", lambda _seconds: met.wait(20))
    assert run(main("threaded")) > 1


def test_the_first_values_of_a_leak_and_without() -> None:
    """`first` leaves its source open, `first_closing` does not."""

    async def main(name: str) -> bool:
        source = demo("leaky")["readings"]()
        assert [value async for value in demo("leaky")[name](2, source)] == [0, 10]
        left = source.ag_frame is not None
        await source.aclose()
        return left

    assert run(main("first"))
    assert not run(main("first_closing"))


def test_what_is_not_there_is_an_error() -> None:
    """`get` raises for a status other than 200, with path and status."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 404 Not Found\r\n\r\n")
        writer.close()

    async def main() -> None:
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            address = server.sockets[0].getsockname()
            with pytest.raises(ConnectionError, match=r"^/x: HTTP/1.1 404 Not Found$"):
                _ = [line async for line in demo("web")["get"](*address, "/x")]

    run(main())
