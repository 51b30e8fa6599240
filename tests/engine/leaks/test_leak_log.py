"""The record of what was forgotten."""

from __future__ import annotations

from support.instruments import LeakList

from asyncrepl.engine.leaks.leak_log import LeakLog
from asyncrepl.events.findings import Leak
from asyncrepl.events.instrument import Instruments


def test_a_leak_is_told_once() -> None:
    """The same thing forgotten at the same place, however often, is one leak."""
    told, instruments = LeakList(), Instruments()
    instruments.add(told)
    leaks = LeakLog(instruments)
    for line in (1, 1, 2, 1):
        leaks.note(Leak("never awaited", "f", ("<input 1>", line)))
    assert [leak.made for leak in told.leaks] == [("<input 1>", 1), ("<input 1>", 2)]
    assert list(leaks) == told.leaks


def test_only_the_last_ones_are_kept() -> None:
    """The record is bounded."""
    leaks = LeakLog(Instruments(), limit=3)
    for number in range(5):
        leaks.note(Leak("never awaited", f"f{number}"))
    assert [leak.what for leak in leaks] == ["f2", "f3", "f4"]


def test_after_clearing_it_is_told_again() -> None:
    """What is forgotten by the record is new when it comes again."""
    told, instruments = LeakList(), Instruments()
    instruments.add(told)
    leaks = LeakLog(instruments)
    leak = Leak("never awaited", "f")
    leaks.note(leak)
    leaks.clear()
    assert len(leaks) == 0
    leaks.note(leak)
    assert told.leaks == [leak, leak]
