"""The record of what was forgotten."""

from __future__ import annotations

from asyncrepl.engine.leaks.leak_log import LeakLog
from asyncrepl.events.leak_events import Leak


def test_a_leak_is_told_once() -> None:
    """The same thing forgotten at the same place, however often, is one leak."""
    told: list[Leak] = []
    leaks = LeakLog(told.append)
    for line in (1, 1, 2, 1):
        leaks.note(Leak("never awaited", "f", ("<input 1>", line)))
    assert [leak.made for leak in told] == [("<input 1>", 1), ("<input 1>", 2)]
    assert list(leaks) == told


def test_only_the_last_ones_are_kept() -> None:
    """The record is bounded."""
    leaks = LeakLog(lambda _: None, limit=3)
    for number in range(5):
        leaks.note(Leak("never awaited", f"f{number}"))
    assert [leak.what for leak in leaks] == ["f2", "f3", "f4"]


def test_after_clearing_it_is_told_again() -> None:
    """What is forgotten by the record is new when it comes again."""
    told: list[Leak] = []
    leaks = LeakLog(told.append)
    leak = Leak("never awaited", "f")
    leaks.note(leak)
    leaks.clear()
    assert len(leaks) == 0
    leaks.note(leak)
    assert told == [leak, leak]
