"""`:record`: a file that is a recording at each moment."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest
from support.pty import Terminal
from support.shells import typed_shell

from asyncrepl.export import session_recorder as recorder
from asyncrepl.export.session_recorder import SessionRecorder
from asyncrepl.transcript.transcript_check import check_file
from asyncrepl.transcript.transcript_output import TeeStream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.shells import Typed

HEAD = "#: clock  virtual\n\n"


@pytest.fixture
def type_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Typed]:
    """A session in an empty directory; what the background prints is written at once."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(recorder, "_PAUSE", 0.0)
    with typed_shell() as typed:
        yield typed


def wait(type_in: Typed, seconds: float) -> None:
    """Let time pass while nobody types."""
    loop = type_in.shell.loop
    loop.live.clock.release()
    loop.call_later(seconds, loop.stop)
    with contextlib.redirect_stdout(TeeStream(type_in._out, type_in.shell.printed)):
        loop.run_forever()
    loop.live.clock.hold()


def test_each_input_is_there_when_it_is_over(type_in: Typed) -> None:
    """With what it printed; the last one is not waited for."""
    type_in(":record talk.pycon")
    assert Path("talk.pycon").read_text() == HEAD
    type_in("2")
    assert Path("talk.pycon").read_text() == HEAD + ">>> 2\n2\n"
    type_in("print('x')")
    assert Path("talk.pycon").read_text() == HEAD + ">>> 2\n2\n>>> print('x')\nx\n"


def test_what_comes_later_is_there_later(type_in: Typed) -> None:
    """Output of the background, with the time that it took; at each moment it checks."""
    type_in(":record talk.pycon")
    type_in(":ticker tick 0.2")
    wait(type_in, 0.5)
    text = (
        HEAD
        + ">>> :ticker tick 0.2\ntick started: every 0.2 s\n>>> :wait 0.4\ntick │ 1\ntick │ 2\n"
    )
    assert Path("talk.pycon").read_text("utf-8") == text
    assert check_file("talk.pycon").passed
    type_in("'later'")
    assert (
        Path("talk.pycon").read_text("utf-8")
        == text.replace("0.4", "0.5") + ">>> 'later'\n'later'\n"
    )
    wait(type_in, 0.3)
    type_in(":record off")
    assert check_file("talk.pycon").passed


def test_what_comes_after_an_input_about_saving_is_there(type_in: Typed) -> None:
    """Such an input is no part of the recording; what the background prints after it is."""
    type_in(":record talk.pycon")
    type_in(":ticker tick 0.2")
    wait(type_in, 0.35)
    type_in(":save other.pycon")
    wait(type_in, 0.35)
    text = Path("talk.pycon").read_text("utf-8")
    assert text.endswith(">>> :wait 0.6\ntick │ 1\ntick │ 2\ntick │ 3\n")
    type_in(":record")
    wait(type_in, 0.2)
    type_in("'later'")
    type_in(":save whole.pycon")
    wait(type_in, 0.05)
    type_in(":record off")
    for name in ("talk.pycon", "whole.pycon"):
        assert "tick │ 4\n>>> 'later'\n" in Path(name).read_text("utf-8")
        assert check_file(name).passed


def test_a_cast_is_whole_at_each_moment(type_in: Typed) -> None:
    """Each line is an event, the instants only grow, and all is the same as at the end."""
    type_in(":record talk.cast")
    type_in(":ticker tick 0.2")
    before = b""
    for _ in range(4):
        wait(type_in, 0.3)
        type_in("print('é')")
        data = Path("talk.cast").read_bytes()
        assert data.startswith(before)
        before = data
        header, *events = map(json.loads, data.decode().splitlines())
        assert header["version"] == 2
        assert [at for at, *_ in events] == sorted(at for at, *_ in events)
    assert "tick │ 3" in "".join(text for *_, text in events)


@pytest.mark.parametrize("name", ["html", "svg", "py"])
def test_other_formats_are_drawn_anew(
    type_in: Typed, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After each input the page is whole, and has that input."""
    monkeypatch.setattr(recorder, "_REST_FACTOR", 0)
    type_in(f":record talk.{name}")
    for word in ("first", "second"):
        type_in(f"print('{word}')")
        text = Path(f"talk.{name}").read_text("utf-8").removeprefix("<!DOCTYPE html>\n")
        assert word in text
        if name == "py":
            compile(text, "talk.py", "exec")
        else:
            ElementTree.fromstring(text)
    assert [path.name for path in Path().iterdir()] == [f"talk.{name}"]


def test_where_the_program_goes_changes_nothing(type_in: Typed, tmp_path: Path) -> None:
    """The name means the file that it meant; one of that name elsewhere stays."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        type_in(f"import os; os.chdir({str(tmp_path / name)!r})")
        if name == "a":
            type_in(":record talk.pycon")
    (tmp_path / "b" / "talk.pycon").write_text("mine")
    type_in("2")
    assert (
        type_in(":record")
        == f"recording to {tmp_path}/a/talk.pycon; :record FILE begins, :record off ends\n"
    )
    type_in(":record off")
    assert (tmp_path / "b" / "talk.pycon").read_text() == "mine"
    assert ">>> 2\n2\n" in (tmp_path / "a" / "talk.pycon").read_text()


def test_a_file_that_is_there_is_not_recorded_over(type_in: Typed) -> None:
    """Only with -f, and then at once; what is no file is never recorded to."""
    Path("talk.pycon").write_text("mine" * 100)
    told = "talk.pycon is there already; to replace it: :record -f talk.pycon\n"
    assert type_in(":record talk.pycon") == told
    assert Path("talk.pycon").read_text() == "mine" * 100
    type_in(":record -f talk.pycon")
    assert Path("talk.pycon").read_text() == HEAD
    type_in(":record off")
    os.mkfifo("pipe.cast")
    assert type_in(":record -f pipe.cast") == "cannot record to pipe.cast: it is no regular file\n"


@pytest.mark.parametrize("name", ["talk.pycon", "talk.html"])
def test_a_file_that_somebody_replaced_is_left_alone(type_in: Typed, name: str) -> None:
    """It is another one now: the recording ends, told in one line."""
    type_in(f":record {name}")
    Path(name).unlink()
    Path(name).write_text("mine")
    told = f"recording to {name} has ended: somebody has removed or replaced the file\n"
    assert type_in("2") == f"2\n{told}"
    assert Path(name).read_text() == "mine"
    assert type_in("3") == "3\n"


def test_a_file_that_somebody_closed_is_told(type_in: Typed) -> None:
    """And nothing is written to the one that has its number now."""
    type_in(":record talk.pycon")
    recording = type_in.shell.tape.recorder
    assert isinstance(recording, SessionRecorder)
    number = recording._file._fd  # type: ignore[attr-defined]
    with Path("other").open("w+") as other:
        os.dup2(other.fileno(), number)
        told = type_in("2")
        os.close(number)
    assert told == "2\nrecording to talk.pycon has ended: somebody has closed the file\n"
    assert Path("other").read_text() == ""


def test_the_cost_of_an_input_does_not_grow(
    type_in: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a long recording only what is new is written: hardly more than the file, in all."""
    written = [0]
    pwrite = os.pwrite

    def counted(fd: int, data: bytes, offset: int) -> int:
        written[0] += len(data)
        return pwrite(fd, data, offset)

    monkeypatch.setattr(os, "pwrite", counted)
    type_in(":record talk.cast")
    for number in range(50):
        type_in(f"print({number})")
    assert written[0] < 1.1 * Path("talk.cast").stat().st_size


LIMIT = (
    "import resource, sys; sys.dont_write_bytecode = True; "  # a cut one would be read later
    "resource.setrlimit(resource.RLIMIT_FSIZE, (5000, resource.RLIM_INFINITY))"
)


@pytest.fixture
def limited(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs inputs in a process whose files cannot grow beyond 5,000 bytes."""

    def run(*inputs: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "asyncrepl"],
            input="\n".join([LIMIT, *inputs]) + "\n",
            capture_output=True,
            encoding="utf-8",
            cwd=tmp_path,
            check=False,
        )

    return run


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", ["pycon", "cast", "html"])
def test_a_full_disk_is_told_at_once(
    limited: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path, name: str
) -> None:
    """In one line; the session goes on, and what was recorded until then is whole."""
    finished = limited(f":record talk.{name}", "'kept'", "print('x' * 9000)", "'on'", ":record")
    told = [f"recording to talk.{name} has ended: File too large\n"]
    if name == "html":  # on a busy machine it is drawn only in the end
        told.append("cannot write talk.html: File too large\n")
    assert finished.stderr in told
    data = (tmp_path / f"talk.{name}").read_text("utf-8")
    if name == "html":
        assert "kept" in data
        assert data.endswith("</html>\n")
        return
    now = "nothing is recorded; :record FILE begins, :record off ends\n"
    assert finished.stdout.endswith("'on'\n" + now)
    if name == "pycon":
        assert data == HEAD + ">>> 'kept'\n'kept'\n"
    else:
        assert "kept" in "".join(text for *_, text in map(json.loads, data.splitlines()[1:]))


@pytest.mark.parametrize("command", [":save -f old.pycon", ":export pycon -f old.pycon"])
def test_a_full_disk_leaves_the_old_file(
    limited: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path, command: str
) -> None:
    """And nothing beside it."""
    (tmp_path / "old.pycon").write_text("old")
    finished = limited("print('x' * 9000)", command)
    assert finished.stderr == "cannot write old.pycon: File too large\n"
    assert (tmp_path / "old.pycon").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["old.pycon"]


def test_kill_leaves_a_recording(tmp_path: Path) -> None:
    """What was recorded until then, with what the background printed, checks."""
    path = tmp_path / "talk.pycon"
    terminal = Terminal()
    try:
        terminal.wait_for_prompt()
        terminal.enter(f":record {path}")
        terminal.enter(":ticker tick 0.3")
        terminal.wait_for("tick │ 6")
        terminal.kill(signal.SIGKILL)
    finally:
        terminal.close()
    text = path.read_text("utf-8")
    assert text.startswith(HEAD + ">>> :ticker tick 0.3\n")
    assert "tick │ 3" in text
    assert check_file(path).passed
