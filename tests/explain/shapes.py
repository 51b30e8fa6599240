"""Places in asynchronous programs where any statements can stand: `SHAPES`.

Each turns a text into the inputs that run it there.
"""

from __future__ import annotations

from textwrap import indent
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SHAPES", "deep"]

Inputs = list[str]


_LOGGED = """\
def logged(function):
    @functools.wraps(function)
    async def inner(*args, **kwargs):
        return await function(*args, **kwargs)
    return inner
"""


def deep(text: str, by: int = 4) -> str:
    """`text` indented by `by` more."""
    return indent(text.rstrip("\n"), " " * by) + "\n"


def _function(text: str) -> Inputs:
    return [f"async def wrapper():\n{deep(text)}", "await wrapper()\n"]


def _method(text: str) -> Inputs:
    return [
        f"class Holder:\n    async def run(self, n=0):\n{deep(text, 8)}",
        "await Holder().run(1)\n",
    ]


def _class_method(text: str) -> Inputs:
    return [
        f"class Holder:\n    @classmethod\n    async def run(cls):\n{deep(text, 8)}",
        "await Holder.run()\n",
    ]


def _nested(text: str) -> Inputs:
    return [
        f"async def outer(a=1):\n    async def inner(b):\n{deep(text, 8)}    await inner(a)\n",
        "await outer()\n",
    ]


def _gathered(text: str) -> Inputs:
    return [
        f"async def wrapper(n):\n{deep(text)}",
        "async def other():\n    await asyncio.sleep(0)\n",
        "await asyncio.gather(wrapper(1), other())\n",
    ]


def _task(text: str) -> Inputs:
    return [
        f"async def wrapper():\n{deep(text)}",
        "job = asyncio.create_task(wrapper())\n",
        "await job\n",
    ]


def _task_group(text: str) -> Inputs:
    return [
        f"async def wrapper():\n{deep(text)}",
        "async with asyncio.TaskGroup() as group:\n    group.create_task(wrapper())\n",
    ]


def _in_task_group(text: str) -> Inputs:
    return [f"async with asyncio.TaskGroup() as group:\n{deep(text)}"]


def _timeout(text: str) -> Inputs:
    return [f"async with asyncio.timeout(20):\n{deep(text)}"]


def _wait_for(text: str) -> Inputs:
    return [f"async def wrapper():\n{deep(text)}", "await asyncio.wait_for(wrapper(), 20)\n"]


def _finally(text: str) -> Inputs:
    return [f"try:\n{deep(text)}finally:\n    done = True\n"]


def _branch(text: str) -> Inputs:
    return [f"if True:\n    for turn in [1]:\n{deep(text, 8)}"]


def _nodes_with_loops(text: str) -> Inputs:
    return [
        "async def turns():\n    yield 1\n",
        f"async def wrapper():\n    async for turn in turns():\n{deep(text, 8)}",
        "await wrapper()\n",
    ]


def _decorated(text: str) -> Inputs:
    return [
        "import functools\n",
        _LOGGED,
        f"@logged\nasync def wrapper():\n{deep(text)}",
        "await wrapper()\n",
    ]


def _managed(text: str) -> Inputs:
    return [
        "import contextlib\n",
        f"@contextlib.asynccontextmanager\nasync def managed():\n{deep(text)}    yield 1\n",
        "async with managed():\n    pass\n",
    ]


def _commented(text: str) -> Inputs:
    return [f"# a remark\nbefore = [1, 2]  # é\n{text}after = len(before)\n"]


SHAPES: dict[str, Callable[[str], Inputs]] = {
    "function": _function,
    "method": _method,
    "class-method": _class_method,
    "nested": _nested,
    "gather": _gathered,
    "task": _task,
    "task-group": _task_group,
    "in-task-group": _in_task_group,
    "timeout": _timeout,
    "wait-for": _wait_for,
    "finally": _finally,
    "branch": _branch,
    "loop": _nodes_with_loops,
    "decorated": _decorated,
    "context-manager": _managed,
    "comments": _commented,
}
