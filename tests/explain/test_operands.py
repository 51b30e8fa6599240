"""Operands of the wrong kind in programs as people write them, and the parts that tell the kind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections import OrderedDict
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest
from explain.harness import DATA
from proof.matrix.execution import Program, explained, printed

from asyncrepl.events.object_info import describe
from asyncrepl.explain.kinds import Kind, kind_of
from asyncrepl.explain.source_units import Units
from asyncrepl.explain.value_origins import origins
from asyncrepl.syntax.sources import Source

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


@pytest.fixture(autouse=True)
def time_limit() -> Iterator[None]:
    """Give the signal back that limits the time of a program."""
    before = signal.getsignal(signal.SIGALRM)
    yield
    signal.signal(signal.SIGALRM, before)


def programs() -> list[tuple[str, str, str]]:
    """The id, the program, and what it prints when it is right."""
    text = (DATA / "operands.txt").read_text("utf-8")
    found = []
    for entry in ("\n" + text).split("\n== ")[1:]:
        head, _, body = entry.partition("\n")
        program, _, shown = body.partition("-- prints\n")
        found.append((head, program, shown))
    return found


@pytest.mark.parametrize(("wanted", "program", "shown"), programs())
def test_a_program_is_explained_and_put_right(wanted: str, program: str, shown: str) -> None:
    """The corrected program prints what was meant, and leaves nothing behind."""
    said = explained(Program(program))
    assert said.explanation is not None
    assert said.explanation.id == wanted
    assert said.fixed is not None
    assert printed(said.fixed) == (shown.rstrip("\n") + "\n", "")


@pytest.mark.parametrize(
    "program",
    [
        (
            "import itertools\nasync def ticks():\n    n = 0\n    while True:\n        yield n\n"
            "        n += 1\nasync for t in itertools.islice(ticks(), 3): print(t)\n"
        ),
        "class Once:\n    def __await__(self): return iter(())\nprint(Once() + 1)\n",
    ],
)
def test_what_would_never_end_or_may_be_meant_is_not_put_right(program: str) -> None:
    """An endless stream is no list, and a class that can be awaited may be anything."""
    assert explained(Program(program)).fixed is None


async def _rows() -> AsyncIterator[int]:
    yield 1


async def _load() -> int:
    return 1


@contextlib.asynccontextmanager
async def _opened() -> AsyncIterator[int]:
    yield 1


class _Stream:
    def __aiter__(self) -> AsyncIterator[int]:
        return _rows()


def test_kinds_are_told_from_objects() -> None:
    """Without asking them anything."""

    async def kinds() -> None:
        coroutine, step, task = _load(), anext(_rows(), None), asyncio.create_task(_load())
        known = {
            Kind.COROUTINE: coroutine,
            Kind.ASYNC_GENERATOR: _rows(),
            Kind.ASYNC_ITERABLE: _Stream(),
            Kind.STEP: step,
            Kind.TASK: task,
            Kind.FUTURE: asyncio.get_running_loop().create_future(),
            Kind.COROUTINE_FUNCTION: _load,
            Kind.ASYNC_GENERATOR_FUNCTION: _rows,
            Kind.ASYNC_MANAGER: _opened(),
            Kind.ASYNC_MANAGER_FUNCTION: _opened,
            Kind.ASYNC_CLASS: _Stream,
            Kind.CLASS: OrderedDict,
            Kind.MODULE: json,
            Kind.MOCK: Mock(),
            Kind.ITERABLE: [1],
            Kind.ITERATOR: iter([1]),
            Kind.GENERATOR: (x for x in [1]),
            Kind.NONE: None,
            Kind.VALUE: 1,
        }
        assert {kind: kind_of(describe(each, keep=True)) for kind, each in known.items()} == {
            kind: kind for kind in known
        }
        await coroutine, await step, await task

    asyncio.run(kinds())


def test_a_value_is_followed_to_where_it_was_made() -> None:
    """Through names, parameters, attributes, items, and functions that return it."""
    text = (
        "class Job:\n    def __init__(self, source): self.source = source\n"
        "def make(): return rows()\n"
        "held = {'one': make()}\n"
        "job = Job(held['one'])\n"
        "job.source\n"
    )
    source = Source("<input 1>", text, compile(text, "<input 1>", "exec", 1024))
    units = Units({"<input 1>": source})
    unit = units.get("<input 1>")
    assert unit is not None
    assert unit.tree is not None
    node = unit.tree.body[-1].value  # type: ignore[attr-defined]  # an expression statement
    assert [each.source.source(made) for each, made in origins(units, unit, node)] == ["rows()"]


@pytest.mark.parametrize("call", ["AsyncMock()()", "AsyncMock(return_value=[1])()"])
def test_a_mock_that_is_to_be_awaited_is_no_mistake(call: str) -> None:
    """It stands for whatever the test wants."""
    program = f"from unittest.mock import AsyncMock\nprint(await {call})\n"
    assert explained(Program(program)).explanation is None
