"""Ctrl-C, in one process: which code it reaches."""

from __future__ import annotations

import asyncio
import pdb  # noqa: T100
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from asyncrepl.engine.loop.interrupt_shields import Shield, uninterrupted
from asyncrepl.engine.loop.interrupts import STUCK_AFTER, Interrupter
from asyncrepl.engine.loop.live_loop import LiveLoop
from asyncrepl.engine.loop.loop_runner import keep_running
from asyncrepl.engine.loop.repeated_interrupt import REPEAT

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
    loop = LiveLoop()
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


def test_what_begins_a_statement_is_not_ended(
    loop: LiveLoop, interrupter: Interrupter, statement: Statement
) -> None:
    """However long it takes: the Ctrl-C is for the statement."""

    @uninterrupted
    def begin() -> None:
        ctrl_c()
        while not interrupter.stuck():
            pass
        ctrl_c()
        statement.task = loop.create_task(asyncio.sleep(60))

    loop.call_soon(begin)
    loop.run_until_complete(asyncio.sleep(0))
    assert statement.task is not None
    loop.run_until_complete(asyncio.wait([statement.task], timeout=5))
    assert statement.task.cancelled()


def test_one_that_was_insisted_on_in_vain_is_not_taken_for_the_next(
    loop: LiveLoop, interrupter: Interrupter, statement: Statement
) -> None:
    """``os.system`` ignores SIGINT while its program runs; so does what insists on a Ctrl-C."""
    heard: list[float] = []
    interrupter.heard = lambda: heard.append(loop.time())

    def busy() -> None:
        ctrl_c()
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        with suppress(KeyboardInterrupt):  # it keeps the loop waiting
            time.sleep(2 * STUCK_AFTER)
        signal.signal(signal.SIGINT, before)

    statement.task = loop.create_task(asyncio.sleep(60))
    loop.call_soon(busy)
    loop.run_until_complete(asyncio.sleep(0))
    statement.task = loop.create_task(asyncio.sleep(60))
    loop.call_soon(ctrl_c)
    loop.run_until_complete(asyncio.wait([statement.task], timeout=5))
    assert statement.task.cancelled()
    assert len(heard) == 2


def test_what_is_insisted_on_is_not_pressed_again(
    loop: LiveLoop, interrupter: Interrupter, statement: Statement
) -> None:
    """Three Ctrl-C are three, however often code that swallows them has to be interrupted."""
    heard: list[float] = []
    interrupter.heard = lambda: heard.append(loop.time())
    left: list[int] = []
    presses = iter((ctrl_c, ctrl_c, ctrl_c))

    def inner() -> None:
        while len(left) < 3:
            with suppress(BaseException):
                next(presses, bool)()
                time.sleep(0.2)

    async def run() -> None:
        statement.task = asyncio.current_task()
        end = time.monotonic() + 2
        while len(left) < 3 and time.monotonic() < end:  # handlers within handlers
            with suppress(BaseException):
                left.append(len(heard))
                inner()

    loop.run_until_complete(run())
    assert len(heard) == 3
    assert left[1:] == [3, 3]


def test_what_comes_late_ends_nothing(
    loop: LiveLoop, interrupter: Interrupter, statement: Statement, idle: list[None]
) -> None:
    """The signal of a thread that insists, sent before and handled after what it was for."""
    heard: list[float] = []
    interrupter.heard = lambda: heard.append(loop.time())

    async def next_statement() -> str:
        statement.task = asyncio.current_task()
        signal.raise_signal(REPEAT)
        return "is not interrupted"

    assert loop.run_until_complete(next_statement()) == "is not interrupted"
    assert (heard, idle, statement.interrupts) == ([], [], 0)


def test_the_users_own_handler_is_left_alone(
    loop: LiveLoop, interrupter: Interrupter, statement: Statement
) -> None:
    """Who uses the signal by which we insist is not called by us, and keeps his handler."""
    called: list[int] = []
    mine = lambda *_: called.append(1)  # noqa: E731
    signal.signal(REPEAT, mine)
    interrupter.install()
    statement.task = loop.create_task(asyncio.sleep(60))
    loop.call_soon(ctrl_c)
    loop.call_soon(time.sleep, 2 * STUCK_AFTER)
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(statement.task)
    interrupter.uninstall()
    assert signal.getsignal(REPEAT) is mine
    assert not called
    signal.signal(REPEAT, signal.SIG_DFL)


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


def test_a_program_beside_the_loop_finds_sigint_as_under_python(
    loop: LiveLoop, interrupter: Interrupter, idle: list[None]
) -> None:
    """So ``asyncio.run`` handles it there; afterwards it is ours again, and wakes the loop."""
    ran = []

    def program(given: Interrupter) -> None:
        with suppress(KeyboardInterrupt), given.lent():
            assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
            assert given.stuck()
            ran.append(asyncio._get_running_loop())
            ctrl_c()
            ran.append("never")

    def stop() -> None:
        assert loop.live.between is not None
        loop.live.between.append(program)
        loop.stop()
        loop.call_soon(loop.call_soon, ctrl_c)

    loop.call_soon(stop)
    keep_running(loop, interrupter, lambda: bool(idle), lambda _: None, lambda _: False)
    assert ran == [None]
    assert idle == [None]
    assert not interrupter.stuck()
    assert signal.getsignal(signal.SIGINT) == interrupter.on_sigint


def test_a_ctrl_c_on_its_way_is_for_the_program(loop: LiveLoop, interrupter: Interrupter) -> None:
    """It was pressed after the program was sent; the loop does not hear of it."""
    ctrl_c()  # the loop does not run
    with pytest.raises(KeyboardInterrupt), interrupter.lent():
        pytest.fail("it is not to run")
    loop.call_soon(loop.stop)
    loop.run_forever()


def test_a_handler_of_the_users_is_not_the_programs_to_lose(
    loop: LiveLoop, interrupter: Interrupter
) -> None:
    """Theirs stays; one that the loop would call could not be heard, and comes back."""
    heard: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    with interrupter.lent():
        ctrl_c()
    assert heard == [signal.SIGINT]
    loop.add_signal_handler(signal.SIGINT, heard.append, 0)
    with pytest.raises(KeyboardInterrupt), interrupter.lent():
        ctrl_c()
    ctrl_c()
    loop.call_later(0.05, loop.stop)
    loop.run_forever()
    assert heard == [signal.SIGINT, 0]
    loop.remove_signal_handler(signal.SIGINT)
