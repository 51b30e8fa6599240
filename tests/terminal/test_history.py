from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from asyncrepl.terminal.history import HistoryFile, open_history

if TYPE_CHECKING:
    from pathlib import Path


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
    from pathlib import Path

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
