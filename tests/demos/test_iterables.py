from __future__ import annotations

import asyncio
import gc
import runpy
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from asyncrepl.engine.clock import Clock
from asyncrepl.engine.loop import LiveLoop
from asyncrepl.language.shipped import find_iterable, iterables
from asyncrepl.transcript.parser import parse
from asyncrepl.transcript.trial import check_transcript

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from asyncrepl.language.shipped import Iterable

ALL = [pytest.param(iterable, id=iterable.name) for iterable in iterables()]

#: What the line to try of each shows.
SHOWN = {
    "counter": "0\n1\n2",
    "counter_gen": "0\n1\n2",
    "ticks": "1\n2\n3",
    "eager": "0\n1\n2",
    "lines": "'hello'\n'from'\n'outside'",
    "tcp": "'telegram 1'\n'telegram 2'\n'telegram 3'",
}


def demo(name: str) -> dict[str, Any]:
    return runpy.run_path(str(find_iterable(name).path))


def run(main: Coroutine[Any, Any, Any]) -> Any:
    """The result of `main` on a virtual clock; nothing may be left behind."""
    with asyncio.Runner(debug=True, loop_factory=lambda: LiveLoop(Clock.virtual())) as runner:
        result = runner.run(main)
        gc.collect()
    return result


@pytest.mark.parametrize("iterable", ALL)
def test_what_a_demo_puts_into_the_namespace_is_there(iterable: Iterable) -> None:
    """`__all__` names what the module defines, and what its line to try uses."""
    module = demo(iterable.name)
    assert all(name in module for name in module["__all__"])
    assert any(name in iterable.tries for name in module["__all__"])


@pytest.mark.parametrize("iterable", ALL)
def test_the_line_to_try_works_right_after_loading(iterable: Iterable) -> None:
    """`:load NAME`, then its line, shows the values."""
    text = f">>> :load {iterable.name}\n…\n>>> {iterable.tries}\n{SHOWN[iterable.name]}\n"
    report = check_transcript(parse(text, iterable.name))
    assert [difference.actual for difference in report.differences] == []
    assert report.passed


@pytest.mark.parametrize("iterable", ALL)
def test_a_demo_is_short(iterable: Iterable) -> None:
    """A learner reads it at one glance."""
    assert 20 <= len(iterable.path.read_text("utf-8").splitlines()) <= 60


def test_the_class_and_the_generator_walk_alike() -> None:
    """Both counters give the same values at the same times."""

    async def walked(counter: Any) -> list[tuple[float, int]]:
        now = asyncio.get_running_loop().time
        return [(now(), number) async for number in counter(3)]

    by_hand, generated = demo("counter")["Counter"], demo("counter_gen")["counter"]
    assert run(walked(by_hand)) == run(walked(generated)) == [(0.5, 0), (1.0, 1), (1.5, 2)]


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
    """While `eager` is walked another task gets no turn; with `polite` one each round."""

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
    """Closing the walk terminates the program and waits for it: a minute is not waited."""

    async def main() -> list[str]:
        program = ("-c", "import time; print('one', flush=True); time.sleep(60)")
        python = demo("lines")["HELLO"][0]
        async with aclosing(demo("lines")["lines"](python, *program)) as walk:
            return [await anext(walk)]

    assert run(main()) == ["one"]


def test_a_connection_left_early_is_closed() -> None:
    """When the reader goes, the server's handler ends too, long before its next line."""

    async def main() -> list[str]:
        async with aclosing(demo("tcp")["telegrams"](100, 0.05)) as walk:
            first = [await anext(walk)]
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others)
        return first

    assert run(main()) == ["telegram 1"]
