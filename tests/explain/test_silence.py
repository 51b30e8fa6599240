"""Errors that are not about async iteration are not explained, wherever they are raised."""

from __future__ import annotations

import pytest
from explain.harness import explained, run
from explain.libraries import ERRORS, LIBRARIES
from explain.mutants import mutants, right_programs
from explain.ordinary import SETUP, programs

READINGS = "async def readings(n=3):\n    for i in range(n):\n        yield i\n"
#: Each is about forty places and errors apart: `proof/silence.py` takes all.
SAMPLE = programs(apart=37)
OF_LIBRARIES = programs(ERRORS, apart=29)
MUTANTS = [each for program in list(right_programs())[::3] for each in mutants(program, 1)]


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("error", "place", "text"), SAMPLE)
def test_ordinary_errors_near_async_iteration(error: str, place: str, text: str) -> None:  # noqa: ARG001
    """In the body of a loop, a generator, a task, a callback: nothing is said of them."""
    report = run([SETUP, text])
    assert report.failed == 1
    assert report.explanation is None


@pytest.mark.parametrize(("error", "place", "text"), OF_LIBRARIES)
def test_errors_that_libraries_raise_with_intent(error: str, place: str, text: str) -> None:  # noqa: ARG001
    """A closed session, a consumed stream, a missing greenlet: the library has said it all."""
    report = run([SETUP + LIBRARIES, text])
    assert report.failed == 1
    assert report.explanation is None


@pytest.mark.parametrize(("inputs", "message"), MUTANTS)
def test_a_fault_put_into_a_right_program(inputs: list[str], message: str) -> None:
    """A right program with one wrong expression fails of that expression alone."""
    report = run(inputs)
    if str(report.error) == message:
        assert report.explanation is None


MET = {
    "a coroutine driven by hand that fails of itself": [
        "async def f(): raise RuntimeError('no')\n",
        "f().send(None)\n",
    ],
    "a subclass of an error": [
        "async def f(): raise NotImplementedError\n",
        "coro = f()\n",
        "coro.send(None)\n",
    ],
    "a coroutine driven by hand that awaits a number": [
        "async def f(): await 5\n",
        "f().send(None)\n",
    ],
    "a parameter with the name of a global": [
        READINGS,
        "stream = readings()\n",
        "def pick(stream): return stream\n",
        "for x in pick(5): pass\n",
    ],
    "an attribute in a slot": [
        "class Box:\n    __slots__ = ('thing',)\n",
        "box = Box()\n",
        "box.thing = 5\n",
        "for x in box.thing: pass\n",
    ],
    "an `__aiter__` without self": [
        "class Feed:\n    def __aiter__(): return 5\n",
        "async for x in Feed(): pass\n",
    ],
    "an `__anext__` with a parameter more": [
        "class Feed:\n    def __aiter__(self): return self\n    def __anext__(self, n): return 1\n",
        "async for x in Feed(): pass\n",
    ],
    "an `__aexit__` that is missing": [
        "class Session:\n    def __aenter__(self): return self\n",
        "async with Session(): pass\n",
    ],
    "an object that can be walked and called": [
        "from unittest.mock import AsyncMock\n",
        "mock = AsyncMock()\n",
        "await mock\n",
    ],
    "an `__await__` that fails": [
        "class Feed:\n    def __aiter__(self): return self\n    __anext__ = __aiter__\n",
        "class Late(Feed):\n    def __await__(self): return 1 / 0\n",
        "async for x in Late(): pass\n",
    ],
    "a yield in an annotation": ["x: (yield) = 1\n"],
    "a future awaited that fails": [
        "task = asyncio.get_running_loop().create_future()\n",
        "task.set_exception(RuntimeError('cannot reuse already awaited coroutine'))\n",
        "await task\n",
    ],
    "a group of ordinary errors": [
        READINGS,
        "async def f():\n    async for x in readings(): len(5)\n",
        "async with asyncio.TaskGroup() as group:\n    group.create_task(f())\n",
    ],
}


@pytest.mark.parametrize("inputs", MET.values(), ids=MET)
def test_what_was_once_taken_for_a_mistake(inputs: list[str]) -> None:
    """Each of these got a wrong explanation, or nearly did."""
    assert run(inputs).failed == len(inputs) - 1
    assert explained(*inputs) is None
