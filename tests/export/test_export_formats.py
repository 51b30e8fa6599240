"""Recordings, pages and pictures of a session: well-formed, complete, the same each time."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pyte
import pytest
from support.exports import recording_lines, render_recording

from asyncrepl.export.recording import ExportError, Recording, record_transcript
from asyncrepl.export.saved_session import export
from asyncrepl.export.screen_lines import screen_rows
from asyncrepl.runtime.shipped_demos import demo_transcripts
from asyncrepl.transcript.grammar import Narration
from asyncrepl.transcript.transcript_parser import (
    load_transcript,
    missing_requirement,
    parse_transcript,
)
from asyncrepl.transcript.transcript_run import TimeLimits, run_transcript
from asyncrepl.views.styled_lines import cell_width, plain

if TYPE_CHECKING:
    from pathlib import Path

    from asyncrepl.runtime.shipped_demos import Demo

TEXT = """\
#: title  Tickers & <things>
#: clock  virtual

# Two `lines`
# of narration & more.
>>> :ticker tick 0.2
#: rate 0.5
>>> def f():
...     return "表"
...
>>> await asyncio.sleep(0.5); f()
#: pause
>>> print("\\x1b[31m<b>\\t|\\ufffe", end="")
>>> 1 / 0
>>> print("x" * 100)
"""


@pytest.fixture(scope="module")
def recording() -> Recording:
    """A session with all that is awkward."""
    return record_transcript(parse_transcript(TEXT))


def told(recording: Recording) -> list[str]:
    """The rows that a screen would show."""
    return [
        plain(row).rstrip() for line in recording_lines(recording) for row in screen_rows(line, 80)
    ]


def test_a_recording_is_what_a_screen_shows(recording: Recording) -> None:
    """Narration, inputs with their prompts, and output, whose control characters are spelled out."""
    assert told(recording) == [
        "# Tickers & <things>", "", "# Two `lines`", "# of narration & more.",
        ">>> :ticker tick 0.2", "tick started: every 0.2 s",
        ">>> def f():", '...     return "表"', "...",
        ">>> await asyncio.sleep(0.5); f()", "tick │ 1", "tick │ 2", "'表'",
        '>>> print("\\x1b[31m<b>\\t|\\ufffe", end="")', "\\x1b[31m<b>     |\ufffe",
        ">>> 1 / 0", "ZeroDivisionError: division by zero",
        '>>> print("x" * 100)', "x" * 80, "x" * 20,
    ]  # fmt: skip


def test_a_cast_plays_the_session(recording: Recording) -> None:
    """A header, then events in the order of time; a terminal that is fed with them shows it all."""
    header, *events = map(json.loads, render_recording(recording, "cast").splitlines())
    assert header["version"] == 2
    assert (header["width"], header["title"]) == (80, "Tickers & <things>")
    assert [event[0] for event in events] == sorted(event[0] for event in events)
    screen = pyte.HistoryScreen(80, 60)
    stream = pyte.Stream(screen)
    for _, kind, text in events:
        assert kind == "o"
        stream.feed(text)
    shown = [line.rstrip() for line in screen.display]
    expected = [line for line in told(recording) if line]
    assert [line for line in shown if line] == [*expected, ">>>"]


@pytest.mark.sampled(15)
@pytest.mark.parametrize(
    "demo",
    [demo for demo in demo_transcripts() if not missing_requirement(load_transcript(demo.path))],
    ids=lambda demo: demo.name,
)
def test_each_demos_cast_is_an_asciicast(demo: Demo) -> None:
    """Version 2: the header's fields have their types, an event is its instant, "o" and text."""
    text = render_recording(record_transcript(load_transcript(demo.path)), "cast")
    assert text.endswith("]\n")
    header, *events = map(json.loads, text.removesuffix("\n").split("\n"))
    types = {"version": int, "width": int, "height": int, "title": str, "env": dict}
    assert {name: type(value) for name, value in header.items()} == types
    assert {type(value) for value in header["env"].values()} == {str}
    assert [type(field) for event in events for field in event] == [float, str, str] * len(events)
    assert all(kind == "o" and shown for _, kind, shown in events)
    assert [at for at, _, _ in events] == sorted(at for at, _, _ in events)


def test_a_cast_keeps_the_time_of_the_session(recording: Recording) -> None:
    """Ticks 0.2 s apart are so in the recording; at half the rate they are 0.4 s apart."""
    events = [json.loads(line) for line in render_recording(recording, "cast").splitlines()[1:]]
    ticks = [at for at, _, text in events if text.startswith("tick │")]
    assert ticks[1] - ticks[0] == pytest.approx(0.4)


def test_a_page_is_well_formed_and_complete(recording: Recording) -> None:
    """The page is XML without scripts; its screens hold what was typed and printed."""
    text = render_recording(recording, "html")
    page = ElementTree.fromstring(text.removeprefix("<!DOCTYPE html>\n"))
    space = {"h": "http://www.w3.org/1999/xhtml"}
    screens = ["".join(screen.itertext()) for screen in page.iterfind(".//h:pre", space)]
    lines = [line.rstrip() for screen in screens for line in screen.split("\n")]
    assert lines[:2] == [">>> :ticker tick 0.2", "tick started: every 0.2 s"]
    assert "\\x1b[31m<b>\t|\\ufffe" in lines
    (paragraph,) = page.iterfind(".//h:p", space)
    assert "".join(paragraph.itertext()) == "Two lines of narration & more."
    assert "<script" not in text
    assert "prefers-color-scheme: dark" in text
    assert "http" not in text.replace("http://www.w3.org/1999/xhtml", "")


def test_a_picture_is_the_last_screen(recording: Recording) -> None:
    """The picture is XML; its texts, row by row, are the rows of the screen."""
    picture = ElementTree.fromstring(render_recording(recording, "svg"))
    space = {"s": "http://www.w3.org/2000/svg"}
    preserve = {"{http://www.w3.org/XML/1998/namespace}space": "preserve"}
    shown: dict[int, str] = {}
    for text in picture.iterfind(".//s:text", space):
        assert preserve.items() <= text.attrib.items()
        row, before = int(text.attrib["y"]), shown.get(int(text.attrib["y"]), "")
        column = (float(text.attrib["x"].split()[0]) - 14) / 8.4
        assert column == pytest.approx(cell_width(before) + _middle(text), abs=0.01)
        shown[row] = before + (text.text or "")
    expected = [line.replace("\ufffe", "\\ufffe") for line in told(recording) if line]
    assert [shown[row] for row in sorted(shown)] == expected
    long = render_recording(
        record_transcript(parse_transcript(">>> for n in range(99): n\n")), "svg"
    )
    assert [int(text.text or "") for text in ElementTree.fromstring(long).iterfind(".//s:text", space)] == [
        *range(69, 99)
    ]  # fmt: skip


def _middle(text: ElementTree.Element) -> float:
    """Cells from the beginning of `text` to where its place is."""
    return cell_width(text.text or "") / 2 if text.get("text-anchor") == "middle" else 0


def test_a_picture_begins_where_something_is_typed() -> None:
    """A screen that is too small for all begins with an input or a narration, not within output."""
    picture = ElementTree.fromstring(
        render_recording(
            record_transcript(parse_transcript(">>> for n in range(20): n\n" * 2)), "svg"
        )
    )
    texts = ["".join(text.itertext()) for text in picture.iterfind(".//{*}text")]
    assert texts[0] == ">>> "
    assert texts[-20:] == [str(n) for n in range(20)]
    assert texts.count("7") == 1


@pytest.mark.parametrize("name", ["svg", "html"])
def test_control_characters_in_a_title_are_spelled_out(name: str) -> None:
    """No title and no narration makes XML that cannot be parsed."""
    told = "".join(
        map(chr, [*range(1, 10), 11, 12, *range(14, 32), 0x7F, 0x85, 0x9B, 0xFFFE, 0xFFFF])
    )
    recording = record_transcript(parse_transcript(">>> 1\n"))
    entry = Narration(1, (), told)
    awkward = Recording(f"a{told}b", ((entry, None), *recording.parts))
    text = render_recording(awkward, name).removeprefix("<!DOCTYPE html>\n")
    assert "\\x1b" in "".join(ElementTree.fromstring(text).itertext())


def test_an_export_gives_the_same_bytes_each_time(tmp_path: Path) -> None:
    """Two processes with different hash seeds write the same files, in each format."""
    shipped = [
        demo for demo in demo_transcripts() if not missing_requirement(load_transcript(demo.path))
    ][:5]
    virtual = [
        each
        for each in shipped
        if not run_transcript(load_transcript(each.path), TimeLimits()).outside
    ]
    names = [demo.name for demo in virtual[1::3]]
    code = f"""\
from pathlib import Path; from asyncrepl.export.saved_session import export
from asyncrepl.transcript.grammar import Narration
from asyncrepl.transcript.transcript_parser import named_transcript
for name in {names!r}:
    for format in "py", "cast", "html", "svg", "trace":
        Path(name + "." + format).write_text(export(named_transcript(name), format), "utf-8")
"""
    folders = [tmp_path / str(seed) for seed in range(2)]
    runs = []
    for seed, folder in enumerate(folders):
        folder.mkdir()
        environ = {**os.environ, "PYTHONHASHSEED": str(seed)}
        runs.append(subprocess.Popen([sys.executable, "-c", code], cwd=folder, env=environ))
    assert [run.wait() for run in runs] == [0, 0]
    first, second = (
        {file.name: file.read_bytes() for file in folder.iterdir()} for folder in folders
    )
    assert len(first) == 5 * len(names) > 0
    assert first == second


def test_a_transcript_that_hangs_cannot_be_exported() -> None:
    """The line that hangs is told, and nothing is made."""
    with pytest.raises(ExportError, match=r"^t.pycon:1: hangs: nothing is left"):
        export(parse_transcript(">>> await asyncio.Event().wait()\n", "t.pycon"), "cast")


def test_what_comes_after_the_end_is_not_told() -> None:
    """A session that leaves has no more inputs."""
    assert told(record_transcript(parse_transcript(">>> 1\n>>> exit()\n# more\n>>> 2\n")))[:3] == [
        ">>> 1",
        "1",
        ">>> exit()",
    ]


@pytest.mark.parametrize("kind", ["svg", "html", "cast", "trace", "py"])
def test_no_control_character_gets_into_an_export(kind: str) -> None:
    """Not from a title, a narration, a task's name or what is printed."""
    evil = "\x1b]0;x\x07\x9b2J\x0e"
    task = f"asyncio.create_task(asyncio.sleep(0), name={evil!r})"
    text = f"#: title {evil}\n\n# {evil}\n>>> _ = {task}\n>>> print({evil!r})\n"
    made = export(parse_transcript(text), kind)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", made)
    if kind in {"svg", "html"}:
        ElementTree.fromstring(made)
    if kind == "cast":
        played = str([json.loads(line) for line in made.splitlines()]).replace("\\\\", "")
        assert not re.search(r"\\x(?!1b\[)(?:[01]|7f|[89])", played)


def test_of_rows_drawn_again_the_last_state_is_exported() -> None:
    """A progress bar is its last row."""
    text = r""">>> for i in range(3): print(f"\r{i} of 2", end="")""" + "\n>>> 1\n"
    assert [plain(line) for line in recording_lines(record_transcript(parse_transcript(text)))][
        1:
    ] == ["2 of 2", ">>> 1", "1"]
