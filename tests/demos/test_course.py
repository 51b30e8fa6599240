"""The demos as a course: what it teaches, in which order, and that each is short."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING

import pytest

from asyncrepl.runtime.shipped_demos import demo_transcripts
from asyncrepl.session.frontend import Console
from asyncrepl.transcript.grammar import Input, Narration
from asyncrepl.transcript.transcript_check import missing_requirement
from asyncrepl.transcript.transcript_output import OutputCapture, output_captured
from asyncrepl.transcript.transcript_parser import load_transcript
from asyncrepl.transcript.transcript_run import open_player

if TYPE_CHECKING:
    from asyncrepl.runtime.shipped_demos import Demo

ALL = demo_transcripts()
EACH = [pytest.param(demo, id=demo.name) for demo in ALL]

#: What the course covers, in this order: the demo, and what is typed where it does.
COURSE = [
    ("await", "await brew("),
    ("async-for", "async for r in readings(3)"),
    ("by-hand", "await anext(iterator)"),
    ("six-steps", ":trace async for"),
    ("class-or-generator", "Counter(3), counter(3)"),
    ("comprehensions", "[r async for r in"),
    ("what-async-for-takes", "async for r in [0, 10, 20]"),
    ("where-async-for-may-stand", "def spell_now(word):"),
    ("who-runs-meanwhile", ":timeline"),
    ("never-suspends", "both(eager(3))"),
    ("blocking", "blocking(2"),
    ("cancelling", "task.cancel()"),
    ("where-break-leaves-it", "aclose()"),
    ("pages", "items()"),
    ("timeouts", "asyncio.timeout("),
    ("task-group", "asyncio.TaskGroup()"),
    ("sharing", "asyncio.Lock()"),
    ("merging", "merge("),
    ("queue", "asyncio.Queue(2)"),
    ("subprocess", "lines(*HELLO)"),
    ("network", "telegrams(3)"),
    ("growing-file", "tail(log"),
    ("database", "rows("),
]

TYPED = [typed for _, typed in COURSE]


def test_the_course_is_complete_and_in_order() -> None:
    """Every topic has its demo, and every demo its topic."""
    assert [demo.name for demo in ALL] == [name for name, _ in COURSE]


@pytest.mark.parametrize(("demo", "typed"), list(zip(ALL, TYPED, strict=True)))
def test_a_demo_shows_its_topic(demo: Demo, typed: str) -> None:
    """What a demo is about is typed in it, not only told."""
    assert any(typed in entry.text for entry in load_transcript(demo.path).inputs)


def test_the_files_are_numbered_without_a_gap() -> None:
    """The number is the place in the course."""
    numbers = [int(demo.path.stem.partition("-")[0]) for demo in ALL]
    assert numbers == list(range(1, len(ALL) + 1))


def test_titles_are_unique_and_fit_a_line() -> None:
    """The list of demos tells them apart, at 80 columns."""
    titles = [demo.title for demo in ALL]
    assert len({title.lower() for title in titles}) == len(titles)
    assert max(map(len, titles)) <= 52


@pytest.mark.sampled(5)
@pytest.mark.parametrize("demo", EACH)
def test_a_demo_takes_a_minute_at_most(demo: Demo) -> None:
    """Its user time, from the first input to the end."""
    transcript = load_transcript(demo.path)
    if missing := missing_requirement(transcript):
        pytest.skip(f"it needs {missing}")
    with (
        output_captured(OutputCapture()),
        open_player(transcript, Console(io.StringIO()), math.inf) as player,
    ):
        for entry in transcript.inputs:
            player.play(entry)
        assert 0 <= player._loop.time() <= 60


def test_no_demo_runs_in_real_time() -> None:
    """What a demo prints must not depend on the machine, nor on the speed of a replay."""
    assert {load_transcript(demo.path).clock for demo in ALL} == {"virtual"}


@pytest.mark.parametrize("demo", EACH)
def test_something_is_told_before_each_new_thing(demo: Demo) -> None:
    """No reader meets more than a screen of typing without a word about it."""
    silent = 0
    for entry in load_transcript(demo.path).entries:
        if isinstance(entry, Narration):
            silent = 0
        elif isinstance(entry, Input):
            silent += len(entry.typed)
            assert silent <= 24, f"line {entry.line}"
