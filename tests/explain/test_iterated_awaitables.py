"""Awaitables that plain code iterates over, steps that nobody awaits, and right uses of both."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from explain.test_programs import diagnosed

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """\
import asyncio
import itertools
import threading
import unittest.mock


async def pages():
    yield [3, 1, 2]


async def load():
    return [3, 1, 2]


def promise():
    future = asyncio.get_running_loop().create_future()
    future.set_result([3, 1, 2])
    return future


async def main():
"""
#: What the corrected program prints, after it.
MISTAKES = {
    "rows = promise(); print(sorted(rows))": "[1, 2, 3]",
    "rows = promise()\nfor row in rows:\n    print(row)": "3\n1\n2",
    "step = anext(pages()); print([row * 2 for row in step if row])": "[6, 2, 4]",
    "for row in pages().asend(None): print(row)": "3\n1\n2",
    "rows = promise(); total = [0]; total += rows; print(total)": "[0, 3, 1, 2]",
    "rows = promise(); print(2 in rows)": "True",
    "rows = promise(); print(*rows)": "3 1 2",
    "task = asyncio.create_task(load()); await task; print(list(map(str, task)))":
        "['3', '1', '2']",
    "rows = promise(); print(list(itertools.pairwise(rows)))": "[(3, 1), (1, 2)]",
    "rows = promise(); print({9}.union(rows) == {9, 1, 2, 3})": "True",
    "rows = promise(); print(unittest.mock.Mock(side_effect=rows)())": "3",
    "t = threading.Thread(target=print, args=load()); t.start(); t.join()": "3 1 2",
    "box = {'first': anext(pages())}; print(not box['first'])": "False",
    "step = pages().asend(None); print(f'{step}')": "[3, 1, 2]",
    "fetch = unittest.mock.AsyncMock(return_value=7); print(str(fetch()))": "7",
}  # fmt: skip
#: A future has ``__iter__`` for these, or is asked for something else.
RIGHT = (
    (
        "class Job:\n    def __await__(self):\n        return (yield from promise())\n"
        "print(await Job())"
    ),
    "class Job:\n    def __await__(self):\n        return iter(promise())\nprint(await Job())",
    (
        "class Job:\n    def steps(self):\n        found = yield from promise()\n        return found\n"
        "    def __await__(self):\n        return self.steps()\nprint(await Job())"
    ),
    "a, b = promise(), promise(); print(max(a, b, key=id) in (a, b))",
    (
        "class Bar:\n    def update(self, task):\n        self.task = task\n"
        "bar = Bar(); bar.update(promise()); print(await bar.task)"
    ),
    "print(await unittest.mock.Mock(return_value=promise())())",
    "tasks = dict.fromkeys(['a'], promise()); print(await tasks['a'])",
    "tasks = {promise()}; tasks.update([promise()]); print(await asyncio.gather(*tasks))",
    "step = anext(pages()); print(await step)",
    "steps = [anext(pages())]; print([await step for step in steps])",
    "t = threading.Thread(target=print, args=(promise().done(),)); t.start(); t.join()",
)


def program(body: str) -> str:
    lines = [f"    {line}" for part in body.split("; ") for line in part.split("\n")]
    return HEAD + "\n".join(lines) + "\n\n\nasyncio.run(main())\n"


@pytest.mark.sampled(2)
@pytest.mark.parametrize("body", MISTAKES)
def test_a_mistake_is_explained_and_its_fix_prints_the_result(body: str, tmp_path: Path) -> None:
    found = diagnosed(program(body)).explanation
    assert found is not None
    assert found.fix is not None
    path = tmp_path / "program.py"
    path.write_text(found.fix.text)
    fixed = subprocess.run(
        [sys.executable, str(path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (fixed.stdout.strip(), fixed.stderr) == (MISTAKES[body], "")


@pytest.mark.parametrize("body", RIGHT)
def test_a_right_use_is_met_with_silence(body: str) -> None:
    found = diagnosed(program(body))
    assert (found.error, found.explanation) == (None, None)
