"""What is in scope where a program stands: names, values, expressions."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from support.suspended_tasks import cancel_all, suspended

from asyncrepl.engine.loop.debug_control import (
    TimeUpError,
    evaluate,
    frames_here,
    frames_of,
    scope_of,
    value_text,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from types import FrameType

    from asyncrepl.engine.loop.live_loop import LiveLoop


async def numbers(limit: int) -> AsyncIterator[int]:
    for at in range(limit):
        await asyncio.sleep(60)
        yield at


async def total(word: str) -> None:
    limit = len(word)
    async for _ in numbers(limit):
        pass


@pytest.fixture
def frames(loop: LiveLoop) -> Iterator[list[FrameType]]:
    """Those of a suspended `total`."""
    task = suspended(loop, lambda: total("abc"))
    yield frames_of(task)
    cancel_all(loop)


def test_the_frames_of_a_task_come_innermost_first(frames: list[FrameType]) -> None:
    """The user's only: neither asyncio's nor ours."""
    scopes = [scope_of(frame) for frame in frames]
    assert [scope.function for scope in scopes] == ["numbers", "total"]
    assert [scope.names for scope in scopes] == [
        [("limit", "3"), ("at", "0")],
        [("word", "'abc'"), ("limit", "3")],
    ]
    assert scopes[0].where.endswith(f"test_scopes.py:{frames[0].f_lineno}")
    assert scopes[0].source == "await asyncio.sleep(60)"


def test_a_task_that_awaits_another_stands_where_that_does(loop: LiveLoop) -> None:
    """Its own frames come after those of the task that it waits for."""

    async def waits() -> None:
        mine = asyncio.create_task(total("x"))
        await mine

    task = suspended(loop, waits)
    names = [frame.f_code.co_name for frame in frames_of(task)]
    cancel_all(loop)
    assert names == ["numbers", "total", "waits"]


def test_the_frames_around_code_that_runs() -> None:
    """What called what, innermost first."""

    def inner() -> list[str]:
        return [frame.f_code.co_name for frame in frames_here(sys._getframe())]

    assert inner()[:2] == ["inner", "test_the_frames_around_code_that_runs"]


def test_at_the_top_level_what_the_code_mentions_is_in_scope() -> None:
    """Not all names of the session, and no modules, functions and types."""
    names: dict[str, Any] = {"asyncio": asyncio, "sys": sys, "other": 1, "x": 2}
    exec(compile("def f(): return sys._getframe(1)\ny = x; frame = f(); len", "t", "exec"), names)
    assert scope_of(names["frame"]).names[:2] == [("x", "2"), ("y", "2")]


def test_an_expression_sees_all_frames(frames: list[FrameType]) -> None:
    """Of equal names the innermost counts; comprehensions and globals work, too."""
    assert evaluate("word * at", frames) == ""
    assert evaluate("[limit for _ in word]", frames) == [3, 3, 3]
    assert evaluate(" asyncio ", frames) is asyncio


def test_an_expression_binds_nothing(frames: list[FrameType]) -> None:
    """It only looks."""
    assert evaluate("(new := at + 1)", frames) == 1
    with pytest.raises(NameError):
        evaluate("new", frames)


def test_what_an_expression_raises_comes_out(frames: list[FrameType]) -> None:
    """Also a SyntaxError of a statement."""
    with pytest.raises(SyntaxError):
        evaluate("at = 1", frames)
    with pytest.raises(ZeroDivisionError):
        evaluate("1 / at", frames)


class Odd:
    def __init__(self, how: str) -> None:
        self.how = how

    def __repr__(self) -> str:
        if self.how == "long":
            time.sleep(60)
        if self.how == "stubborn":
            while True:
                with contextlib.suppress(Exception):
                    time.sleep(60)
        return str(1 / (self.how == "fine")) * 10_000


def test_a_repr_has_a_time_limit() -> None:
    """One that waits, or catches every Exception, is given up, and said to be."""
    for how in ("long", "stubborn"):
        assert value_text(Odd(how), 0.01) == "<Odd: its repr takes longer than 0.01 s>"


def test_a_repr_that_fails_says_how() -> None:
    """What it raises ends there."""
    assert value_text(Odd("bad")) == "<Odd: its repr raises ZeroDivisionError>"


def test_a_long_repr_is_cut() -> None:
    """A value of a million characters does not flood the screen."""
    assert value_text(Odd("fine"))[-4:] == "01.…"


def test_an_expression_has_a_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot hold up what stands still."""
    monkeypatch.setattr("asyncrepl.engine.loop.debug_control.EVALUATION_LIMIT", 0.01)
    with pytest.raises(TimeUpError):
        evaluate("__import__('time').sleep(60)", [])
