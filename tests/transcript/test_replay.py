from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING

import pytest

from asyncrepl.transcript.replay import Replay
from asyncrepl.transcript.transcript_parser import parse_transcript

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

DEMO = """\
#: title T
# Two lines
# of narration.
>>> one
1
#: pause
#: rate 0.5
>>> for x in two:
...     x
...
#: key C-c after 0.25
>>> three
"""


class RecordingTarget:
    """A stage that writes down what it is told, and calls `meanwhile` in each wait."""

    def __init__(self, meanwhile: Callable[[str], Awaitable[None]] | None = None) -> None:
        self.log: list[str] = []
        self.delays: list[Sequence[float]] = []
        self.presenter = True
        self._beside = meanwhile

    async def _lines(self, what: str) -> None:
        self.log.append(what)
        if self._beside is not None:
            await self._beside(what)

    async def narrate(self, lines: Sequence[str]) -> None:
        """Take narration."""
        await self._lines(f"narrate {' / '.join(lines)}")

    async def type(self, text: str, delays: Sequence[float]) -> None:
        """Take keys."""
        self.delays.append(delays)
        await self._lines(f"type {text!r}")

    async def run(self, text: str, interrupt_after: float | None) -> bool:
        """Take Enter; `exit` ends the session."""
        await self._lines(f"run {text!r} {interrupt_after}")
        return "exit" not in text

    def set_pace(self, pace: float) -> None:
        """Take a pace."""
        self.log.append(f"pace {pace}")

    async def key(self) -> None:
        """Take the wait for a key."""
        await self._lines("key")

    def hand_over(self, *, to_presenter: bool) -> None:
        """Take a change of who has the prompt."""
        if to_presenter is not self.presenter:
            self.log.append("presenter" if to_presenter else "replay")
        self.presenter = to_presenter


def played(
    target: RecordingTarget, text: str = DEMO, speed: float = inf, pauses: bool = True
) -> list[str]:
    asyncio.run(Replay(parse_transcript(text), target, speed=speed, pauses=pauses).play())
    return target.log


def held_at(what: str, then: Callable[[Replay], object]) -> tuple[list[str], Replay]:
    """Play with a Ctrl-C while the stage is told `what`; `then` when the prompt is free."""

    async def meanwhile(told: str) -> None:
        if told == what and not times:
            times.append(told)
            replay.pause()
            await settled()

    async def presenter() -> None:
        while not replay.stopped:
            if target.log and target.log[-1] == "presenter":
                assert replay.paused
                target.log.append("free")
                then(replay)
            await asyncio.sleep(0)

    async def main() -> None:
        await asyncio.gather(replay.play(), presenter())

    times: list[str] = []
    target = RecordingTarget(meanwhile)
    replay = Replay(parse_transcript(DEMO), target, speed=inf)
    asyncio.run(main())
    return target.log, replay


async def settled() -> None:
    """Give way until all that is ready has run."""
    for _ in range(10):
        await asyncio.sleep(0)


def test_a_replay_shows_the_entries_in_order() -> None:
    """Narration is shown, input typed and run; keys, rates and pauses come in their places."""
    assert played(RecordingTarget()) == [
        "pace inf",
        "replay",
        "narrate T",
        "narrate Two lines / of narration.",
        "type 'one'",
        "run 'one' None",
        "key",
        "pace inf",
        "type 'for x in two:\\n    x\\n'",
        "run 'for x in two:\\n    x\\n' None",
        "type 'three'",
        "run 'three' 0.25",
        "presenter",
    ]


def test_pauses_can_be_passed() -> None:
    """Without pauses no key is waited for."""
    assert "key" not in played(RecordingTarget(), pauses=False)


def test_the_pace_of_the_clock_is_speed_times_rate() -> None:
    """`#: rate` slows the user's clock from there on, in proportion to the replay's speed."""
    text = "#: rate 0.5\n#: rate 2\n"
    log = played(RecordingTarget(), text, speed=4.0)
    assert [told for told in log if told.startswith("pace")] == [
        "pace 4.0",
        "pace 2.0",
        "pace 8.0",
    ]


def test_each_key_has_its_delay() -> None:
    """There is a delay before each key and one before Enter; infinite speed has none."""
    target = RecordingTarget()
    played(target, ">>> abc\n")
    assert target.delays == [[0.0] * 4]


def test_the_replay_ends_with_the_session() -> None:
    """When a statement ends the session, nothing more is typed."""
    log = played(RecordingTarget(), ">>> exit()\n>>> more\n")
    assert log[-2:] == ["run 'exit()' None", "presenter"]


def test_a_hold_while_typing_drops_the_line_and_types_it_again() -> None:
    """Held while it types, the replay gives up the prompt at once; resumed, it types anew."""
    log, _ = held_at("type 'one'", Replay.resume)
    assert log[4:10] == [
        "type 'one'",
        "presenter",
        "free",
        "replay",
        "type 'one'",
        "run 'one' None",
    ]
    assert log[-1] == "presenter"


def test_a_hold_while_a_statement_runs_waits_for_its_end() -> None:
    """A running statement is never cut: the presenter has the prompt when it is done."""
    log, _ = held_at("run 'one' None", Replay.resume)
    assert log[5:9] == ["run 'one' None", "presenter", "free", "replay"]
    assert log[9] == "key"


def test_a_hold_at_a_pause_passes_it() -> None:
    """A presenter who takes the prompt at a `pause` and resumes is not asked for a key again."""
    log, _ = held_at("key", Replay.resume)
    assert log.count("key") == 1
    assert log[-2] == "run 'three' 0.25"


def test_a_step_plays_one_statement() -> None:
    """Each step types and runs one statement, then the presenter has the prompt again."""
    log, _ = held_at("type 'one'", Replay.step)
    assert [told.split()[0] for told in log] == [
        *("pace", "replay", "narrate", "narrate", "type", "presenter", "free"),
        *("replay", "type", "run", "presenter", "free"),
        *("replay", "key", "pace", "type", "run", "presenter", "free"),
        *("replay", "type", "run", "presenter"),
    ]


def test_steps_are_counted() -> None:
    """Two steps asked for at once are two statements."""

    def twice(replay: Replay) -> None:
        replay.step()
        replay.step()

    log, _ = held_at("type 'one'", twice)
    assert sum(told.startswith("run") for told in log[: log.index("free", 8)]) == 2


def test_a_stopped_replay_types_nothing_more() -> None:
    """After `stop` the prompt is the presenter's and the replay is over."""
    log, replay = held_at("type 'one'", Replay.stop)
    assert log[-2:] == ["presenter", "free"]
    assert (replay.stopped, replay.paused) == (True, False)


def test_a_replay_can_be_held_before_it_begins() -> None:
    """A replay that is held first gives the prompt to the presenter before its first entry."""

    async def main() -> list[str]:
        target = RecordingTarget()
        replay = Replay(parse_transcript(DEMO), target, speed=inf)
        replay.pause()
        playing = asyncio.ensure_future(replay.play())
        await settled()
        log = list(target.log)
        replay.resume()
        await playing
        return log

    assert asyncio.run(main()) == ["pace inf"]


def test_cancelling_a_replay_cancels_what_it_shows() -> None:
    """Who cancels the replay's own task ends it, also while it types; the prompt is given back."""

    async def forever(told: str) -> None:
        if told.startswith("type"):
            await asyncio.Event().wait()

    async def main() -> None:
        playing = asyncio.ensure_future(Replay(parse_transcript(DEMO), target, speed=inf).play())
        await settled()
        playing.cancel()
        await playing

    target = RecordingTarget(forever)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())
    assert target.log[-2:] == ["type 'one'", "presenter"]
