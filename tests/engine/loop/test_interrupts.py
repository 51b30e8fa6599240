"""Ctrl-C, in one process: which code it reaches."""

from __future__ import annotations

import asyncio
import pdb  # noqa: T100
import signal
from typing import TYPE_CHECKING, Any

import pytest

from asyncrepl.engine.loop.interrupts import Interrupter, Shield
from asyncrepl.engine.loop.live_loop import LiveLoop, new_loop
from asyncrepl.engine.loop.loop_runner import keep_running

if TYPE_CHECKING:
    from collections.abc import Iterator


class Statement:
    """A foreground that only counts."""

    def __init__(self) -> None:
        self.task: asyncio.Task[Any] | None = None
        self.interrupts = 0

    def interrupt(self) -> bool:
        self.interrupts += 1
        if self.task is not None:
            self.task.cancel()
        return self.task is not None


@pytest.fixture
def loop() -> Iterator[LiveLoop]:
    loop = new_loop()
    yield loop
    loop.close()


@pytest.fixture
def statement() -> Statement:
    return Statement()


@pytest.fixture
def idle() -> list[None]:
    return []


@pytest.fixture
def interrupter(loop: LiveLoop, statement: Statement, idle: list[None]) -> Iterator[Interrupter]:
    def nothing_runs() -> None:
        idle.append(None)
        loop.stop()

    interrupter = Interrupter(loop, statement, nothing_runs)
    interrupter.install()
    yield interrupter
    interrupter.uninstall()


def ctrl_c() -> None:
    """What a user types; called from user code, here: the signal arrives in it."""
    signal.raise_signal(signal.SIGINT)


def test_nothing_runs(loop: LiveLoop, interrupter: Interrupter, idle: list[None]) -> None:
    """Where no statement runs, Ctrl-C is the front's business."""
    assert interrupter is not None
    loop.call_soon(loop.call_soon, ctrl_c)
    loop.run_forever()
    assert idle == [None]


@pytest.mark.usefixtures("interrupter")
def test_a_running_statement_gets_it_at_once(loop: LiveLoop, statement: Statement) -> None:
    """In user code of the statement itself, KeyboardInterrupt is raised like in Python."""

    async def body() -> None:
        with pytest.raises(KeyboardInterrupt):
            ctrl_c()

    async def run() -> None:
        statement.task = asyncio.current_task()
        await body()

    loop.run_until_complete(run())
    assert statement.interrupts == 0


@pytest.mark.usefixtures("interrupter")
def test_a_waiting_statement_is_cancelled(loop: LiveLoop, statement: Statement) -> None:
    """Where the statement waits, and something else runs, the statement is cancelled."""
    statement.task = loop.create_task(asyncio.sleep(60))
    loop.call_soon(ctrl_c)
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(statement.task)
    assert statement.interrupts == 1


def test_who_hogs_the_loop_is_ended_and_named(loop: LiveLoop, interrupter: Interrupter) -> None:
    """A background task that still keeps the loop at a second look gets KeyboardInterrupt."""
    hits: list[str] = []
    spared: list[bool] = []

    def hit(line: str) -> None:
        hits.append(line)
        loop.stop()

    async def hog() -> None:
        while not interrupter.stuck():
            pass
        ctrl_c()
        spared.append(True)
        ctrl_c()

    loop.create_task(hog(), name="hog")
    keep_running(loop, interrupter, lambda: bool(hits), hit, lambda _: False)
    assert (len(spared), len(hits)) == (1, 1)
    assert hits[0].startswith("KeyboardInterrupt: task 'hog' ended at ")
    assert "signal.raise_signal(signal.SIGINT)" in hits[0]


def test_a_users_handler_goes_first(interrupter: Interrupter) -> None:
    """A SIGINT handler of the user's stays; Python's default one is replaced."""
    mine = lambda *_: None  # noqa: E731
    signal.signal(signal.SIGINT, mine)
    interrupter.install()
    assert signal.getsignal(signal.SIGINT) is mine
    signal.signal(signal.SIGINT, signal.default_int_handler)
    interrupter.install()
    assert signal.getsignal(signal.SIGINT) == interrupter.on_sigint


def test_a_debuggers_handler_does_not_stay(interrupter: Interrupter) -> None:
    """The handler that pdb leaves behind is replaced before the next statement."""
    signal.signal(signal.SIGINT, pdb.Pdb().sigint_handler)
    interrupter.install()
    assert signal.getsignal(signal.SIGINT) == interrupter.on_sigint


def test_a_shield_postpones_to_its_end() -> None:
    """Ctrl-C in a shielded section comes when the outermost section is left."""
    shield = Shield()
    reached = []

    def section() -> None:
        with shield:
            with shield:
                assert shield.postpone()
            reached.append("inner left")

    with pytest.raises(KeyboardInterrupt):
        section()
    assert reached == ["inner left"]
    assert not shield.postpone()
