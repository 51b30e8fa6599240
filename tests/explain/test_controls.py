"""Ordinary errors, look-alikes, unfinished input and right code get no explanation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from explain.harness import explained, load, run

if TYPE_CHECKING:
    from collections.abc import Callable

READINGS = "async def readings(n=3):\n    for i in range(n):\n        yield i\n"


@pytest.mark.parametrize("control", load("controls"), ids=lambda control: control["id"])
def test_controls_are_met_with_silence(
    control: dict[str, Any], record_property: Callable[[str, object], None]
) -> None:
    """What is not an async mistake is not explained as one."""
    if control["incomplete"]:
        return
    typed, whole = run(control["inputs"]), run(["\n".join(control["inputs"])])
    alarm = typed.explanation is not None or whole.explanation is not None
    record_property("false alarm", alarm)
    assert not alarm


ORDINARY = [
    ["list(5)\n"],
    ["max(5)\n"],
    ["len(5)\n"],
    ["'a' in 5\n"],
    ["a, b = 5\n"],
    ["await 5 + 5\n"],
    ["await asyncio.wait_for(5, 1)\n"],
    ["for x in 5: await asyncio.sleep(0)\n"],
    ["with open('/nonexistent') as f: pass\n"],
    ["nonlocal x\n"],
    ["print('async for' x)\n"],
    ["def f(:\n    await x\n"],
    ["async def f():\n    await x y\n"],
    ["async def f():\n    x = 1\n    global x\n    await y\n"],
    ["def f():\n    return [(yield x) for x in [1]]\n"],
    ["c = asyncio.sleep(0)\n", "c\n", "await c\n"],
    ["class async_generator: pass\n", "for x in async_generator(): pass\n"],
    ["class coroutine: pass\n", "coroutine().upper()\n"],
    ["x = object()\n", "x.asend(1)\n"],
    ["raise RuntimeError('async generator raised StopIteration') from StopIteration()\n"],
    ["async def f():\n    raise RuntimeError('coroutine raised StopIteration')\n", "await f()\n"],
    ["async def f():\n    raise StopAsyncIteration\n", "await f()\n"],
    ["class W:\n    def __aiter__(self): raise TypeError('x')\n", "async for x in W(): pass\n"],
    ["def sum(x): raise TypeError('no')\n", READINGS, "sum(readings())\n"],
    [
        READINGS,
        "async def f(g):\n    await anext(g); await anext(g)\n    raise RuntimeError('running')\n",
        "await f(readings())\n",
    ],
    [
        "d = {1: 2}\n",
        "async def main():\n  for k in d:\n    await asyncio.sleep(0)\n    d[k + 1] = 1\n",
        "await main()\n",
    ],
    [
        "class M(type):\n    def __iter__(c): return iter([1])\nclass E(metaclass=M): pass\n",
        "for x in E: print(x)\n",
    ],
]


@pytest.mark.parametrize("inputs", ORDINARY, ids=lambda inputs: inputs[-1].split("\n")[0])
def test_errors_that_only_look_alike_are_met_with_silence(inputs: list[str]) -> None:
    """Neither async words, nor async objects nearby, nor equal messages make a mistake."""
    assert explained(*inputs) is None


def test_a_mistake_that_was_caught_does_not_explain_the_next_error() -> None:
    """What a probe noted belongs to its own operation only."""
    caught = "try:\n    for x in readings(): pass\nexcept TypeError:\n    len(5)\n"
    assert explained(READINGS, caught) is None
