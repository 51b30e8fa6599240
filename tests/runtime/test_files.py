"""Files are written whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from asyncrepl.runtime import files
from asyncrepl.runtime.files import write_file


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk with room for ten bytes of each file."""

    def write_ten(fd: int, data: bytes, *_: object) -> None:
        os.write(fd, data[:10])
        if len(data) > 10:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "write_all", write_ten)


def test_a_new_file(tmp_path: Path) -> None:
    """It has what the umask leaves of the usual mode, and nothing is beside it."""
    path = tmp_path / "new"
    write_file(path, b"text")
    assert path.read_bytes() == b"text"
    assert stat.S_IMODE(path.stat().st_mode) & 0o600 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["new"]


def test_one_that_is_there_stays(tmp_path: Path) -> None:
    """It is replaced only if that is asked for; a dangling link is there, too."""
    path = tmp_path / "old"
    path.write_bytes(b"old")
    with pytest.raises(FileExistsError):
        write_file(path, b"new")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileExistsError):
        write_file(tmp_path / "link", b"new")
    assert path.read_bytes() == b"old"


def test_replacing_keeps_mode_and_link(tmp_path: Path) -> None:
    """The file that a link leads to is replaced; its mode is as before."""
    path, link = tmp_path / "old", tmp_path / "link"
    path.write_bytes(b"old")
    path.chmod(0o640)
    link.symlink_to(path)
    write_file(link, b"new", replace=True)
    assert link.is_symlink()
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_changes_nothing(tmp_path: Path) -> None:
    """The old file is whole, and nothing is left of a new one."""
    path = tmp_path / "old"
    path.write_bytes(b"old" * 10)
    with pytest.raises(OSError, match="No space"):
        write_file(path, b"new" * 10, replace=True)
    with pytest.raises(OSError, match="No space"):
        write_file(tmp_path / "other", b"new" * 10)
    assert [each.name for each in tmp_path.iterdir()] == ["old"]
    assert path.read_bytes() == b"old" * 10


def test_devices_and_pipes_are_written_to(tmp_path: Path) -> None:
    """A pipe that is read gets the text; that of nobody, a full device, a folder are errors."""
    write_file(Path(os.devnull), b"x")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="No such device"):
        write_file(pipe, b"x")
    opened = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_file(pipe, b"text")
    assert os.read(opened, 9) == b"text"
    os.close(opened)
    with pytest.raises(OSError, match="No space"):
        write_file(Path("/dev/full"), b"x")
    with pytest.raises(IsADirectoryError):
        write_file(tmp_path, b"x", replace=True)
