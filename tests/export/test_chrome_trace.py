"""A session as a Chrome trace: valid, ordered, nested, and true."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import pytest

from asyncrepl.export.saved_session import export
from asyncrepl.runtime.shipped_demos import demo_transcripts
from asyncrepl.transcript.transcript_parser import (
    load_transcript,
    missing_requirement,
    named_transcript,
    parse_transcript,
)

TEXT = """\
#: title  Traced
>>> :ticker tick 0.2
>>> async def readings(n):
...     for i in range(n):
...         await asyncio.sleep(0.33)
...         yield i * 10
...
>>> async for r in readings(2):
...     print(r)
...     await asyncio.sleep(0.1)
...
>>> [r async for r in readings(1)]
"""
NAMES = [
    demo.name for demo in demo_transcripts() if not missing_requirement(load_transcript(demo.path))
]


def events(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(export(parse_transcript(text), "trace"))[
        "traceEvents"
    ]
    return found


def tracks(found: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The bars and instants, by the name of their task."""
    names = {e["tid"]: e["args"]["name"] for e in found if e["name"] == "thread_name"}
    result = defaultdict(list)
    for event in found:
        if event["ph"] != "M":
            result[names[event["tid"]]].append(event)
    return result


def bars(track: list[dict[str, Any]]) -> list[tuple[str, float, float]]:
    """Name, begin and end in milliseconds."""
    return [
        (e["name"], e["ts"] / 1e3, round(e["ts"] + e["dur"], 3) / 1e3)
        for e in track
        if e["ph"] == "X"
    ]


def test_an_iteration_is_on_the_track_of_its_task() -> None:
    """The task, its iteration, the steps of each round and the waits, with the instants of the clock."""
    assert bars(tracks(events(TEXT))["input 2"]) == [
        ("input 2", 0, 860),
        ("async for r in readings(2)", 0, 860),
        ("3 await, round 1", 0, 330),
        ("waits", 0, 330),
        ("5 body, round 1", 330, 430),
        ("waits", 330, 430),
        ("3 await, round 2", 430, 760),
        ("waits", 430, 760),
        ("5 body, round 2", 760, 860),
        ("waits", 760, 860),
    ]


def test_an_iteration_says_how_many_items_it_had_and_how_it_ended() -> None:
    """One is an item, two are items."""
    ends = [e["args"]["how"] for e in events(TEXT) if e.get("cat") == "iteration"]
    assert ends == ["2 items, exhausted", "1 item, exhausted"]


def test_what_runs_meanwhile_is_on_a_track_of_its_own() -> None:
    """A ticker runs and prints at its instants, on its track."""
    track = tracks(events(TEXT))["tick"]
    assert [e["ts"] / 1e6 for e in track if e["name"] == "prints"] == [0.2, 0.4, 0.6, 0.8, 1.0]
    assert [e["ts"] / 1e6 for e in track if e["name"] == "runs"] == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]


def nests(found: list[dict[str, Any]]) -> bool:
    """Whether on each track every bar lies within the one around it, in the order of time."""
    if [e["ts"] for e in found if "ts" in e] != sorted(e["ts"] for e in found if "ts" in e):
        return False
    for track in tracks(found).values():
        around: list[float] = []
        for _, begin, end in bars(track):
            while around and around[-1] <= begin and around[-1] < end:
                around.pop()
            if around and end > around[-1]:
                return False
            around.append(end)
    return True


@pytest.mark.sampled(12)
@pytest.mark.parametrize("name", NAMES)
def test_each_demo_gives_an_ordered_nested_trace(name: str) -> None:
    """Events come in the order of time; what overlaps on a track is nested."""
    found = json.loads(export(named_transcript(name), "trace"))["traceEvents"]
    assert nests(found)
    assert not nests([*found, {"ph": "i", "ts": -1, "tid": 0, "name": ""}])


def test_a_trace_command_in_the_session_changes_nothing() -> None:
    """A session that traces by itself, or stops to, is traced all the same; nothing is left on."""
    traced = TEXT.replace(">>> async for", ">>> :trace async for")
    assert bars(tracks(events(traced))["input 2"]) == bars(tracks(events(TEXT))["input 2"])
    off = events(f">>> :trace off\n{TEXT.partition(chr(10))[2]}")
    assert bars(tracks(off)["input 2"]) == bars(tracks(events(TEXT))["input 2"])


def test_iterations_that_are_summed_up_are_counted() -> None:
    """Of many at one place those that are not told one by one have their number."""
    found = events(TEXT + ">>> for _ in range(20): [r async for r in readings(0)]\n")
    told = [each["name"] for each in found if each["name"].endswith(" more iterations")]
    assert told
    assert all(name.split()[0].isdecimal() for name in told)
