"""A replay in a real terminal: typed out, it shows what the check verified."""

from __future__ import annotations

import math
import re
import sys
from typing import TYPE_CHECKING

import pytest
from support.pty import Terminal

from asyncrepl.runtime.shipped_demos import demo_transcripts
from asyncrepl.session.frontend import Console
from asyncrepl.transcript.grammar import Directive, Input, Narration
from asyncrepl.transcript.transcript_output import OutputCapture, output_captured
from asyncrepl.transcript.transcript_parser import load_transcript, missing_requirement
from asyncrepl.transcript.transcript_run import open_player

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from asyncrepl.transcript.grammar import Transcript

pytestmark = pytest.mark.sampled(2)

COLUMNS = 80
#: What is said when the session ends, and the row of the moment, which is none of the output.
MOMENTARY = re.compile(
    r"loop blocked .*\n(  at .*\n)?|\d+ tasks? (was|were) still running and cancelled: .*\n"
    r"|next  asyncrepl replay .*\n"
)


@pytest.fixture
def replaying() -> Iterator[list[Terminal]]:
    """Terminals that are closed in the end."""
    terminals: list[Terminal] = []
    yield terminals
    for terminal in terminals:
        terminal.close()


def replay(replaying: list[Terminal], *words: str) -> Terminal:
    terminal = Terminal([sys.executable, "-m", "asyncrepl", "replay", *words], columns=COLUMNS)
    replaying.append(terminal)
    return terminal


def checked(transcript: Transcript) -> Iterator[str]:
    """The lines of a session in which a check types `transcript`, on a screen of this width."""
    captured = OutputCapture()
    console = Console(captured, width=lambda: COLUMNS)
    with output_captured(captured), open_player(transcript, console, math.inf) as player:
        for entry in transcript.entries:
            match entry:
                case Narration(text=text) | Directive(name="title", value=text):
                    yield from (f"# {line}" for line in text.split("\n"))
                case Input():
                    player.play(entry)
                    yield from (*entry.typed, *captured.take())


def letters(lines: list[str]) -> str:
    """The text of `lines` without what depends on where a row ends, or on the moment."""
    return "".join(MOMENTARY.sub("", "\n".join([*lines, ""])).split())


@pytest.mark.slow
def test_a_replay_shows_what_a_check_shows(replaying: list[Terminal]) -> None:
    """Each demo on a virtual clock, typed out in a terminal, prints to the letter what it prints in a check."""
    transcripts = [load_transcript(demo.path) for demo in demo_transcripts()]
    played = [
        each for each in transcripts if each.clock == "virtual" and not missing_requirement(each)
    ]
    files = [transcript.filename for transcript in played]
    terminal = replay(replaying, "--no-pause", "--speed", "1e6", *files)
    assert terminal.exit_status(60) == 0
    expected = [line for transcript in played for line in checked(transcript)]
    assert letters(terminal.scrollback) == letters(expected)


def test_speed_and_rate_change_no_byte(replaying: list[Terminal], tmp_path: Path) -> None:
    """Slow or fast, and at whatever rate the transcript asks for, the same is shown."""
    text = "#: rate {}\n>>> :ticker a 0.002\n>>> :ticker b 0.0033\n>>> :wait 0.02\n>>> 'end'\n"
    shown = set()
    for rate in ("0.5", "20"):
        (tmp_path / "t.pycon").write_text(text.format(rate))
        terminal = replay(replaying, "--speed", "200", str(tmp_path / "t.pycon"))
        assert terminal.exit_status() == 0
        shown.add("\n".join(terminal.scrollback))
    (both,) = shown
    assert both.count("│") == 16


def test_what_is_typed_before_a_replay_is_not_for_it(
    replaying: list[Terminal], tmp_path: Path
) -> None:
    """Lines typed while it starts, or between two of them, are not run."""
    path = tmp_path / "t.pycon"
    path.write_text(">>> 'a line'\n>>> 'the end'\n")
    terminal = replay(replaying, "--speed", "8", str(path), str(path))
    terminal.wait(lambda: terminal.at_prompt, "the prompt")
    terminal.send(" 6*7\r x")
    terminal.wait_for("'the end'")
    terminal.send(" 6*7\r x")
    assert terminal.exit_status() == 0
    shown = [">>> 'a line'", "'a line'", ">>> 'the end'", "'the end'"]
    assert [line for line in terminal.scrollback if line.strip()][-8:] == shown * 2
    assert not any("6*7" in line or "42" in line for line in terminal.scrollback)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("# a\n#: requires no_such_module\n>>> 1\n", ":2: it needs the module no_such_module"),
        (">>> if 1:\n...     1\n", ":2: Enter would not submit this"),
        ("# a\n", ":1: nothing is typed here"),
    ],
)
def test_what_cannot_be_played_is_refused(
    replaying: list[Terminal], tmp_path: Path, text: str, told: str
) -> None:
    """A replay that could not go to its end does not begin: one line with the place, status 2."""
    path = tmp_path / "t.pycon"
    path.write_text(text)
    terminal = replay(replaying, str(path))
    assert terminal.exit_status() == 2
    assert told in "".join(terminal.lines)


@pytest.mark.slow
def test_a_demo_that_is_held_can_be_left(terminal: Terminal, tmp_path: Path) -> None:
    """By `:replay stop`, or by another one, which is played to its end; then time goes on."""
    first, second = tmp_path / "first.pycon", tmp_path / "second.pycon"
    long = "'never', '" + "x" * 500 + "'"  # who watches may be slow: it takes a while to type
    first.write_text(f">>> 'first'\n>>> {long}\n" + ">>> 'x'\n" * 9)
    second.write_text("#: clock virtual\n>>> 'second'\n>>> await asyncio.sleep(0.1, 'last')\n")
    terminal.enter(":replay stop")
    terminal.wait_for(":replay stop: no demo is being replayed")
    terminal.begin(f":replay {first}")
    terminal.wait_for(">>> 'nev")
    terminal.send("\x03")
    terminal.wait_for("demo held")
    terminal.send(":replay missing.pycon\r")  # it is over before the prompt is seen to be gone
    terminal.wait_for("no file")
    terminal.begin(f":replay {second}")
    terminal.wait(lambda: "'last'" in terminal.lines, "'last'")
    terminal.wait_for_prompt()
    terminal.wait(lambda: not any("demo held" in line for line in terminal.lines), "no demo held")
    assert terminal.lines.count("'first'") == 1
    assert not any(line.startswith("('never'") for line in terminal.lines)
    terminal.enter("await asyncio.sleep(0.1, 'time goes on')")
    terminal.wait(lambda: "'time goes on'" in terminal.lines, "'time goes on'")
    typed = sum(">>> 'nev" in line for line in terminal.scrollback)
    terminal.begin(f":replay {first}")
    terminal.wait(lambda: sum(">>> 'nev" in line for line in terminal.scrollback) > typed, "it")
    terminal.send("\x03")
    terminal.wait_for("demo held")
    terminal.enter(":replay stop")
    terminal.wait(lambda: not any("demo held" in line for line in terminal.lines), "its end")
    terminal.enter("await asyncio.sleep(0.1, 'and on')")
    terminal.wait(lambda: "'and on'" in terminal.lines, "'and on'")
    terminal.enter(":step")
    terminal.wait_for(":step: no demo is being replayed")


def test_a_demo_that_is_left_takes_its_tickers_along(terminal: Terminal, tmp_path: Path) -> None:
    """Whichever way it is left; what ran before it goes on."""
    demo, other = tmp_path / "demo.pycon", tmp_path / "other.pycon"
    for path, name in ((demo, "a"), (other, "b")):
        path.write_text(f">>> :ticker {name}\n>>> 'wait" + "." * 300 + "'\n")
    terminal.enter(":ticker mine")
    terminal.wait_for("mine started")
    terminal.begin(f":replay {demo}")
    hold(terminal, "a started")
    terminal.begin(f":replay {other}")
    terminal.wait_for("a stopped")
    hold(terminal, "b started")
    terminal.enter(":replay stop")
    terminal.wait_for("b stopped")
    terminal.enter(":stop all")
    terminal.wait_for("mine stopped")


def hold(terminal: Terminal, started: str) -> None:
    """Press Ctrl-C while the demo types what follows on its ticker."""
    terminal.wait_for(started)
    terminal.wait_for(">>> 'w")
    terminal.send("\x03")
    terminal.wait_for("demo held")
