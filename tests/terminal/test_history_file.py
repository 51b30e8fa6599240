from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from asyncrepl.terminal.history_file import HistoryFile, open_history

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.pty import Terminal


@pytest.mark.parametrize(
    "entry", ["x = 1", "a\nb", "+plus", "# hash", "", "日本\n\n🎉", "\ud800\0\x0c"]
)
def test_an_entry_comes_back_as_it_was(tmp_path: Path, entry: str) -> None:
    """Whatever was typed: lines, signs of the format itself, what has no encoding."""
    path = tmp_path / "history"
    HistoryFile(path).append_string("first")
    HistoryFile(path).append_string(entry)
    assert list(HistoryFile(path).load_history_strings()) == [entry, "first"]


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Its mode is 0600, and missing folders are made."""
    path = tmp_path / "a" / "b" / "history"
    open_history(path, pytest.fail)
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_unwritable_path_is_told_in_one_line() -> None:
    """Then history is kept in memory."""
    told: list[str] = []
    history = open_history(Path("/proc/nowhere/history"), told.append)
    history.append_string("x")
    assert len(told) == 1
    assert "/proc/nowhere/history" in told[0]


def test_no_path_means_no_file() -> None:
    """Nothing is told and nothing written."""
    open_history(None, pytest.fail).append_string("x")


def test_a_broken_file_does_not_stop_the_session(tmp_path: Path) -> None:
    """What can be read is read."""
    path = tmp_path / "history"
    path.write_bytes(b"\n# x\n+good\n\n# x\n+\xff\xfe\n")
    assert list(HistoryFile(path).load_history_strings())[-1] == "good"


@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "link to a pipe", "loop of links"])
def test_what_is_no_file_keeps_nothing_and_nobody_waiting(tmp_path: Path, kind: str) -> None:
    """It is told in one line, and never read."""
    path = tmp_path / "history"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "device":
        path = Path("/dev/zero")
    elif kind == "link to a pipe":
        os.mkfifo(tmp_path / "pipe")
        path.symlink_to(tmp_path / "pipe")
    else:
        path.symlink_to(path)
    told: list[str] = []
    history = open_history(path, told.append)
    history.append_string("x")
    assert len(told) == 1
    assert str(path) in told[0]
    assert list(HistoryFile(path).load_history_strings()) == []


def test_the_null_device_is_no_history() -> None:
    """A way to say so that other programs know; nothing is told."""
    open_history(Path(os.devnull), pytest.fail).append_string("x")


def test_a_file_that_others_can_read_is_taken_from_them(tmp_path: Path) -> None:
    """It may hold what a password was typed into; behind a link, too."""
    path, link = tmp_path / "history", tmp_path / "link"
    path.write_text("\n# x\n+old\n")
    path.chmod(0o644)
    link.symlink_to(path)
    history = open_history(link, pytest.fail)
    assert path.stat().st_mode & 0o777 == 0o600
    history.append_string("new")
    assert link.is_symlink()
    assert list(HistoryFile(path).load_history_strings()) == ["new", "old"]


def test_a_link_to_nothing_makes_a_file(tmp_path: Path) -> None:
    """Where it leads to."""
    (tmp_path / "link").symlink_to(tmp_path / "there")
    open_history(tmp_path / "link", pytest.fail).append_string("x")
    assert list(HistoryFile(tmp_path / "there").load_history_strings()) == ["x"]


def test_a_full_disk_keeps_whole_entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One for which there is no room is told once, and taken back; later ones stand alone."""
    path = tmp_path / "history"
    told: list[str] = []
    history = open_history(path, told.append)
    history.append_string("before")
    write = os.write
    room = [20]

    def full(fd: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(28, "No space left on device")
        written = write(fd, data[: room[0]])
        room[0] = 0
        return written

    monkeypatch.setattr("asyncrepl.terminal.history_file.os.write", full)
    history.append_string("lost 1")
    history.append_string("lost 2")
    monkeypatch.undo()
    assert told == [f"history is not kept: {path}: No space left on device"]
    history.append_string("after")
    assert list(HistoryFile(path).load_history_strings()) == ["after", "before"]


def test_two_sessions_at_once_keep_whole_entries(tmp_path: Path) -> None:
    """Each entry of each is there, none in the middle of another."""
    path = tmp_path / "history"
    code = (
        "import sys; from pathlib import Path; from asyncrepl.terminal.history_file import open_history\n"
        "history = open_history(Path(sys.argv[1]), sys.exit)\n"
        "for number in range(200): history.append_string(sys.argv[2] * 99 + f'\\n{number}')\n"
    )
    sessions = [
        subprocess.Popen([sys.executable, "-c", code, str(path), name]) for name in ("a", "b")
    ]
    assert [session.wait() for session in sessions] == [0, 0]
    entries = sorted(HistoryFile(path).load_history_strings())
    assert entries == sorted(f"{name * 99}\n{number}" for name in "ab" for number in range(200))


def test_a_session_begins_beside_a_pipe(start: Callable[..., Terminal], tmp_path: Path) -> None:
    """It does not wait for whoever might write to it."""
    os.mkfifo(tmp_path / "history")
    terminal = start(env={"ASYNCREPL_HISTORY": str(tmp_path / "history")})
    terminal.wait_for("no regular file")
    terminal.enter("1 + 1")
