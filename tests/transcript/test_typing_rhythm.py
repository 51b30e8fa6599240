from __future__ import annotations

from math import inf
from statistics import mean

from asyncrepl.transcript.replay import key_delays, reading_time

TEXT = "async for number in counter(3): print(number)"


def test_the_rhythm_of_a_text_is_always_the_same() -> None:
    """Two replays of a line look alike, to the millisecond."""
    assert key_delays(TEXT) == key_delays(TEXT)


def test_the_rhythm_is_irregular() -> None:
    """Keys inside a word don't come evenly."""
    assert len(set(key_delays("abcdefgh")[1:])) > 4


def test_there_is_a_delay_before_each_key_and_before_enter() -> None:
    """A text of n characters has n + 1 delays, none negative."""
    assert len(key_delays(TEXT)) == len(TEXT) + 1
    assert min(key_delays(TEXT)) > 0


def test_keys_after_punctuation_and_line_ends_come_later() -> None:
    """Inside words one types faster than after a bracket, and thinks before a new line."""
    word, bracket, line = (mean(key_delays(mark * 200)[1:]) for mark in "a(\n")
    assert word < bracket < line


def test_speed_divides_all_delays() -> None:
    """At double speed each delay is half as long; at infinite speed there is none."""
    assert key_delays(TEXT, 2.0) == [delay / 2 for delay in key_delays(TEXT)]
    assert set(key_delays(TEXT, inf)) == {0.0}


def test_long_narration_is_read_longer() -> None:
    """The audience gets time in proportion to the text, divided by the speed."""
    assert reading_time("short") < reading_time("a much longer sentence")
    assert reading_time("any", inf) == 0.0
