"""Time in the user's hands, as it is typed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from support.shells import typed_shell

from asyncrepl.session.shell import clock_for_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.shells import Typed


@pytest.fixture
def real() -> Iterator[Typed]:
    """A shell on a real clock."""
    with typed_shell(clock=clock_for_settings("real", None)) as typed:
        yield typed


def test_next_fires_exactly_one_tick(type_in: Typed) -> None:
    """`:next` moves time to the ticker's instant, it ticks once, and time stands there."""
    type_in(":ticker tick 0.2")
    assert type_in(":next") == "tick │ 1\n1 timer fired at 0.2 s\n"
    assert type_in(":next 3") == "tick │ 2\ntick │ 3\ntick │ 4\n3 timers fired at 0.8 s\n"
    assert type_in("asyncio.get_running_loop().time()") == "0.8\n"


def test_next_freezes_real_time(real: Typed) -> None:
    """Where time was running, it stands still afterwards, and that is said, once."""
    real("t = asyncio.create_task(asyncio.sleep(3600))")
    real("u = asyncio.create_task(asyncio.sleep(7200))")
    first = real(":next")
    assert first.startswith("1 timer fired at 3600")
    assert first.endswith(" s; time stands still now, :thaw goes on\n")
    assert real("t.done(), u.done()") == "(True, False)\n"
    assert real(":next").endswith(" s; no more are set\n")
    assert real(":thaw").startswith("time goes on from 7200")


def test_next_leaves_a_virtual_clock_as_it_was(type_in: Typed) -> None:
    """There time stands still between the inputs anyway: the next statement can wait."""
    type_in(":ticker tick 1")
    type_in(":next")
    assert type_in("await asyncio.sleep(1)") == "tick │ 2\n"
    type_in(":freeze")
    assert type_in(":next") == "tick │ 3\n1 timer fired at 3 s\n"
    assert type_in(":wait 1") == "time stands still at 3 s: :wait would not end; try :thaw\n"


@pytest.mark.parametrize("command", [":freeze", ":rate 1e-6", ":clock virtual"])
def test_the_tape_has_the_instants_of_the_clock_that_is_set(real: Typed, command: str) -> None:
    """Not those of the clock that the session began with."""
    real("'before'")
    real(command)
    time.sleep(0.02)
    real("'after'")
    _, stopped, after = real.shell.tape.recorded_inputs
    assert stopped.ended is not None
    assert after.began - stopped.ended < 0.001


def test_without_a_timer_nothing_fires_and_nothing_freezes(real: Typed) -> None:
    """`:next` says that no timer is set, and time goes on."""
    assert real(":next") == "no timer is set: there is nothing to fire\n"
    assert real(":thaw") == "time does not stand still\n"


def test_frozen_time_stands_still_until_thawed(type_in: Typed) -> None:
    """No timer fires while time is frozen; afterwards all do, each at its instant."""
    type_in(":ticker tick 1")
    type_in(":wait 1.5")
    stands = "time stands still at 1.5 s; :thaw goes on, :next fires the next timer\n"
    assert type_in(":freeze") == stands
    assert type_in(":freeze") == stands.replace("still", "still already")
    assert type_in("await asyncio.sleep(0)") == ""
    assert type_in(":wait 0") == ""
    assert type_in(":thaw") == "time goes on from 1.5 s\n"
    assert type_in(":wait 1") == "tick │ 2\n"


def test_ctrl_c_ends_a_statement_in_frozen_time(type_in: Typed) -> None:
    """A statement that waits for a timer while time stands still can be interrupted."""
    type_in(":freeze")
    type_in.shell.loop.when_settled(type_in.shell.interrupt)
    assert type_in("await asyncio.sleep(1)").startswith("KeyboardInterrupt at <input 1>:1")


def test_rate_and_clock_tell_what_holds(real: Typed) -> None:
    """Without a word, `:rate` and `:clock` say what is; with one, the same of the new."""
    assert real(":rate") == "rate 1: a second takes 1 s\n"
    assert real(":rate 0.25") == "rate 0.25: a second takes 4 s\n"
    assert real(":clock") == "real clock: time passes at rate 0.25\n"
    assert real(":rate inf") == "'inf' is not a rate here: try 10; what jumps is :clock virtual\n"
    virtual = "virtual clock: time jumps from timer to timer, only while a statement runs\n"
    assert real(":clock virtual") == virtual
    assert real(":rate") == "rate inf: time jumps from timer to timer\n"
    assert real(":rate inf") == "'inf' is not a rate here: try 10; what jumps is :clock virtual\n"
    assert real(":rate 2") == "rate 2: a second takes 0.5 s\n"
    assert real(":clock") == virtual.replace("jumps from timer to timer", "passes at rate 2")
    assert real(":clock virtual") == virtual
    assert real(":rate 2") == "rate 2: a second takes 0.5 s\n"
    assert real(":clock real") == "real clock: time passes at rate 2\n"


def test_a_change_says_that_time_stands_still(type_in: Typed) -> None:
    """Who sets a rate while time is frozen is told why nothing moves."""
    type_in(":freeze")
    assert type_in(":rate 2") == (
        "rate 2: a second takes 0.5 s; but it stands still at 0 s, :thaw goes on\n"
    )


def test_a_day_passes_on_a_virtual_clock(real: Typed) -> None:
    """`:clock virtual` in the middle of a session: pending timers fire in their order."""
    real("a = asyncio.create_task(asyncio.sleep(86400))")
    real(":clock virtual")
    real(":ticker tick 40000")
    assert real("await a") == "tick │ 1\ntick │ 2\n"
    assert real(":clock real") == "real clock: time passes\n"


def test_narrow_answers_are_wrapped_between_words() -> None:
    """On a narrow screen an answer takes a second line."""
    with typed_shell(width=40) as type_in:
        shown = type_in(":freeze")
    assert shown == "time stands still at 0 s; :thaw goes on,\n  :next fires the next timer\n"
