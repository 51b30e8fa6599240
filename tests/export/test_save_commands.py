"""`:save`, `:record` and `:export`: a session that was typed, kept."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest
from support.exports import render_recording
from support.shells import typed_shell

from asyncrepl.export.recording import record_transcript
from asyncrepl.session.tape import OutputPiece, Pieces, Tape
from asyncrepl.transcript.transcript_check import check_file
from asyncrepl.transcript.transcript_output import TeeStream
from asyncrepl.transcript.transcript_parser import parse_transcript

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.shells import Typed

SESSION = [
    "async def readings(n):\n    for i in range(n):\n        await asyncio.sleep(0.33)\n        yield i * 10\n",
    ":ticker tick 0.2",
    "async for r in readings(2): print('reading', r)",
    "'# no comment'; '>>> no input'",
    "print('a\\n\\n'); print('…')",
    "print('# x\\n…\\n>>> y\\n\\n\\x1b[1m')",
    "1 / 0",
    ":stop tick",
]


@pytest.fixture
def type_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Typed]:
    """A session in an empty directory."""
    monkeypatch.chdir(tmp_path)
    with typed_shell() as typed:
        yield typed


def type_all(type_in: Typed) -> list[str]:
    return [type_in(text) for text in SESSION]


def test_a_saved_transcript_checks(type_in: Typed) -> None:
    """What was typed and printed, saved as a transcript, is what a check of it finds."""
    type_all(type_in)
    assert type_in(":save talk.pycon") == "8 inputs saved in talk.pycon\n"
    report = check_file("talk.pycon")
    assert report.passed
    assert report.ran == 8


def test_a_saved_script_runs(type_in: Typed, tmp_path: Path) -> None:
    """The script prints, in plain Python, what the session printed, but for the tool's own words."""
    shown = "".join(type_all(type_in))
    assert type_in(":save talk.py") == "8 inputs saved in talk.py\n"
    command = [sys.executable, "-I", "-X", "utf8", "talk.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert (
        shown.replace("tick started: every 0.2 s\n", "").replace("tick stopped\n", "")
        == done.stdout
    )


def test_time_that_passed_while_nobody_typed_is_a_wait(type_in: Typed) -> None:
    """What ran meanwhile is told as the output of a :wait of that length; so the transcript checks."""
    type_in(":ticker tick 0.2")
    loop = type_in.shell.loop
    loop.live.clock.release()
    loop.call_later(0.5, loop.stop)
    with contextlib.redirect_stdout(TeeStream(type_in._out, type_in.shell.printed)):
        loop.run_forever()
    type_in("'later'")
    type_in(":save talk.pycon")
    text = Path("talk.pycon").read_text("utf-8")
    assert ">>> :wait 0.5\ntick │ 1\ntick │ 2\n>>> 'later'\n" in text
    assert check_file("talk.pycon").passed


def test_ctrl_c_is_a_key_in_the_transcript(type_in: Typed) -> None:
    """An input that Ctrl-C ended is ended after as long in the transcript."""
    type_in("await asyncio.sleep(9)", interrupt_after=0.25)
    type_in(":save talk.pycon")
    assert (
        "#: key C-c after 0.25\n>>> await asyncio.sleep(9)\nKeyboardInterrupt"
        in Path("talk.pycon").read_text()
    )
    assert check_file("talk.pycon").passed


def test_an_existing_file_is_replaced_only_if_told(type_in: Typed) -> None:
    """What is there already stays, and the line says how to replace it."""
    Path("a.py").write_text("mine")
    told = "a.py is there already; to replace it: :save -f a.py\n"
    assert type_in(":save a.py") == told
    assert Path("a.py").read_text() == "mine"
    assert type_in(":save -f a.py") == "0 inputs saved in a.py\n"
    assert "asyncio.run" in Path("a.py").read_text()


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (":save", ":save takes a file: try :save session.py"),
        (
            ":save x.txt",
            ":save knows a file by its end: .py, .pycon, .cast, .html, .svg, .trace; not 'x.txt'",
        ),
        (":save no/x.py", "cannot write no/x.py: No such file or directory"),
        (":save x.trace", "no task was recorded: :lanes on records them from then on"),
        (
            ":export",
            (
                ":export takes a format and a file: py, pycon, cast, html, svg, trace; "
                "try :export html session.html"
            ),
        ),
        (
            ":export pdf x",
            ":export takes a format and a file: py, pycon, cast, html, svg, trace; not 'pdf'",
        ),
        (":export py", ":export py takes a file: try :export py session.py"),
        (":record off", "nothing is recorded; :record FILE begins"),
        (
            ":record x",
            ":record knows a file by its end: .py, .pycon, .cast, .html, .svg, .trace; not 'x'",
        ),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(type_in: Typed, command: str, told: str) -> None:
    """What is wrong, and what to write instead."""
    assert type_in(command) == told + "\n"
    assert list(Path().iterdir()) == []


def test_a_path_may_stand_in_quotes(type_in: Typed, tmp_path: Path) -> None:
    """As for a shell; a path with blanks needs none."""
    (tmp_path / "a b.py").write_text("def x(): pass\n")
    assert "x()" in type_in(""":load 'a b.py'""")
    assert "saved in c d.html" in type_in(""":save "c d.html\"""")
    assert ":save -f c d.html" in type_in(":save c d.html")
    assert "saved in c d.html" in type_in(""":export html -f 'c d.html'""")
    assert "recording to e f.cast" in type_in(""":record 'e f.cast'""")
    type_in(":record off")
    assert "saved" in type_in(":save g.py")
    assert "def x()" in (tmp_path / "g.py").read_text("utf-8")
    assert {"c d.html", "e f.cast"} <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize(
    ("screen", "printed", "columns"), [(100, 95, 95), (100, 300, 100), (40, 70, 80), (100, 9, 80)]
)
def test_a_wide_screen_is_exported_as_wide(
    tmp_path: Path, screen: int, printed: int, columns: int
) -> None:
    """A row of it is a row of the picture, the page and the recording, as long as it is used."""
    with typed_shell(width=screen) as typed:
        typed(f":record {tmp_path}/talk.cast")
        typed(f"print('x' * {printed})")
        for name in ("talk.svg", "talk.html", "whole.cast"):
            typed(f":save {tmp_path}/{name}")
        typed(":record off")
    picture = ElementTree.fromstring((tmp_path / "talk.svg").read_text("utf-8"))
    assert float(picture.attrib["width"]) == pytest.approx(columns * 8.4 + 28, abs=1)
    longest = max(
        len(text.text or "") for text in picture.iter("{http://www.w3.org/2000/svg}text")
    )
    assert longest == min(printed, columns) or printed < 80
    for name in ("talk.cast", "whole.cast"):
        head = (tmp_path / name).read_text("utf-8").partition("\n")[0]
        assert json.loads(head)["width"] == max(screen, 80)
    wide = re.search(r"body { max-width: ([\d.]+)rem", (tmp_path / "talk.html").read_text("utf-8"))
    assert wide is not None
    assert (float(wide[1]) > 46) is (columns > 80)


def test_narration_is_broken_at_words() -> None:
    """As it is where a demo is played: in the picture and in the recording."""
    long = " ".join(["narration"] * 20)
    recording = record_transcript(parse_transcript(f"# {long}\n# 漢字\n>>> 1\n"))
    picture = ElementTree.fromstring(render_recording(recording, "svg"))
    rows = [text.text or "" for text in picture.iter() if (text.text or "").startswith("# ")]
    cast = [json.loads(line)[2] for line in render_recording(recording, "cast").splitlines()[1:]]
    told = next(text for text in cast if "narration" in text)
    rows += re.findall("# [^\x1b]*", told)
    assert len(rows) == 6
    assert all(
        re.fullmatch(r"#( narration)+ ?", row) and len(row) <= 80
        for row in rows
        if "漢" not in row
    )


def test_recording_begins_now_and_ends_when_told(type_in: Typed) -> None:
    """Only what is typed between :record FILE and :record off is in the file."""
    type_in("1")
    assert type_in(":record talk.pycon") == "recording to talk.pycon; :record off ends\n"
    assert type_in(":record b.py") == "already recording to talk.pycon: :record off ends that\n"
    type_in("2")
    assert type_in(":record") == "recording to talk.pycon; :record FILE begins, :record off ends\n"
    assert type_in(":rec off") == "1 input saved in talk.pycon\n"
    type_in("3")
    assert Path("talk.pycon").read_text() == "#: clock  virtual\n\n>>> 2\n2\n"


def test_a_recording_is_written_when_the_session_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who leaves without :record off loses nothing."""
    monkeypatch.chdir(tmp_path)
    with typed_shell() as type_in:
        type_in(":record talk.pycon")
        type_in("2")
    assert Path("talk.pycon").read_text() == "#: clock  virtual\n\n>>> 2\n2\n"


def test_every_format_can_be_exported(type_in: Typed) -> None:
    """A cast, a page, a picture and a trace of what was typed are well-formed."""
    type_in.shell.observing.want("test")
    type_all(type_in)
    for name in ("py", "pycon", "cast", "html", "svg", "trace"):
        told = type_in(f":export {name} talk.x{name}")
        if name in {"svg", "trace"}:
            assert told.startswith(f"saved in talk.x{name}: a ")
        else:
            assert told == f"8 inputs saved in talk.x{name}\n"
    compile(Path("talk.xpy").read_text("utf-8"), "talk", "exec")
    header, *events = map(json.loads, Path("talk.xcast").read_text("utf-8").splitlines())
    assert header["version"] == 2
    assert [event[0] for event in events] == sorted(event[0] for event in events)
    for name in ("html", "svg"):
        text = Path(f"talk.x{name}").read_text("utf-8").removeprefix("<!DOCTYPE html>\n")
        assert "reading" in "".join(ElementTree.fromstring(text).itertext())
    tracks = json.loads(Path("talk.xtrace").read_text("utf-8"))["traceEvents"]
    assert "tick" in {event["args"]["name"] for event in tracks if event["name"] == "thread_name"}


def _steps(name: str) -> dict[str, tuple[float, float]]:
    """The steps of iterations in the trace `name`: begin and length in ms, from the first on."""
    events = json.loads(Path(name).read_text("utf-8"))["traceEvents"]
    steps = [event for event in events if event.get("cat") == "step"]
    first = min(event["ts"] for event in steps)
    return {
        event["name"]: ((event["ts"] - first) / 1000, event.get("dur", 0) / 1000)
        for event in steps
    }


@pytest.mark.parametrize("command", [":export trace talk.trace", ":save talk.trace"])
def test_a_traced_statement_has_its_six_steps_in_the_trace(type_in: Typed, command: str) -> None:
    """Also when the statement is over, and nothing is recorded any more."""
    type_in("async def naps():\n    await asyncio.sleep(0.5); yield 1\n")
    assert "suspended for 0.50 s" in type_in(
        ":trace async for n in naps(): await asyncio.sleep(1)"
    )
    assert type_in.shell.observing.timeline is None
    type_in(command)
    assert _steps("talk.trace") == {
        "1 __aiter__": (0, 0),
        "2 __anext__, round 1": (0, 0),
        "3 await, round 1": (0, 500),
        "4 bind, round 1": (500, 0),
        "5 body, round 1": (500, 1000),
        "2 __anext__, round 2": (1500, 0),
        "6 stop": (1500, 0),
    }


def test_the_trace_of_a_session_goes_on_from_one_traced_statement_to_the_next(
    type_in: Typed,
) -> None:
    """What lies between is missing; tasks and iterations of both stand on tracks of their own."""
    type_in("async def naps():\n    await asyncio.sleep(0.5); yield 1\n")
    type_in(":trace async for n in naps(): pass")
    type_in("async for n in naps(): pass")
    type_in(":trace async for n in naps(): pass")
    type_in(":export trace talk.trace")
    events = json.loads(Path("talk.trace").read_text("utf-8"))["traceEvents"]
    ends = [event for event in events if event["name"] == "6 stop"]
    named = [event for event in events if event["name"] == "thread_name"]
    names = {event["tid"]: event["args"]["name"] for event in named}
    assert [names[event["tid"]] for event in ends] == ["input 2", "input 4"]


def test_much_output_is_kept_in_part(type_in: Typed) -> None:
    """Of an endless output the beginning is kept, and a … says that more came."""
    type_in("for n in range(20_000): print(n, 'x' * 10)")
    type_in("'after'")
    type_in(":save talk.pycon")
    text = Path("talk.pycon").read_text("utf-8")
    assert len(text) < 200_000
    assert "\n…\n>>> 'after'\n" in text
    assert check_file("talk.pycon").passed


def test_what_the_screen_wrapped_is_whole_in_the_file(type_in: Typed) -> None:
    """Prose that a narrow screen has wrapped is what a check, which does not wrap, prints."""
    type_in.shell.console._width = lambda: 40
    type_in("for n in range(3): n + None")
    assert "\n     " in type_in("async for n in [1]: n")
    type_in(":load ticks")
    type_in(":save talk.pycon")
    assert check_file("talk.pycon").passed


def test_the_tape_keeps_the_last_inputs() -> None:
    """Of more inputs than it holds, the oldest go."""
    tape = Tape(lambda: 0.0, inputs=3)
    for number in range(5):
        tape.begin(str(number))
        tape.write("x" * 10)
        tape.end()
    assert [recorded.text for recorded in tape.recorded_inputs] == ["2", "3", "4"]


def test_pieces_are_what_was_appended() -> None:
    """In order, with their instants and styles, also by slices and from the end."""
    pieces, kept = Pieces(), [
        OutputPiece(at, style, text)
        for at, style, text in ((0.5, "", "a\n"), (1.25, "dim", "\ud800 ä│"), (1e9, "", ""), (2.0, "dim", "z"))
    ]  # fmt: skip
    assert not pieces
    for piece in kept:
        pieces.append(piece)
    assert [*pieces] == kept
    assert pieces[1:3] == kept[1:3]
    assert pieces[-1] == kept[-1]
    assert len(pieces) == 4


def test_many_short_pieces_take_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a session narrates: the tape has its limit in bytes, here an eighth of it."""
    monkeypatch.setattr("asyncrepl.session.tape.MAX_CHARACTERS_IN_ALL", 500_000)
    tape = Tape(lambda: 0.5)
    tracemalloc.start()
    for number in range(60):
        tape.begin(str(number))
        for _ in range(125):
            tape.show(([("dim", "0.000"), ("label", "await"), ("", "1")],))
        tape.end()
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert used < 750_000
    assert [recorded.cut for recorded in tape.recorded_inputs[-20:]] == [False] * 20


def test_the_output_of_old_inputs_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond so much in all, inputs stay and what they printed long ago goes."""
    monkeypatch.setattr("asyncrepl.session.tape.MAX_CHARACTERS_IN_ALL", 75)
    tape = Tape(lambda: 0.0)
    for number in range(3):
        tape.begin(str(number))
        tape.write("x" * 10)
        tape.end()
    assert [(recorded.cut, len(recorded.pieces)) for recorded in tape.recorded_inputs] == [
        (True, 0),
        (False, 1),
        (False, 1),
    ]
