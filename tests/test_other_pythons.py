"""How the other Pythons of a machine are found."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import other_pythons

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def python(place: Path, name: str, answer: str) -> Path:
    """A program called `name` that answers as some Python would."""
    place.mkdir(exist_ok=True)
    path = place / name
    path.write_text(f"#!/bin/sh\n{answer}\n")
    path.chmod(0o755)
    return path


def test_each_version_is_found_once_where_it_works(tmp_path: Path) -> None:
    """Not what is older, broken, called otherwise, or another version than its name says."""
    first, second = tmp_path / "first", tmp_path / "second"
    kept = python(first, "python3.12", "echo 3 12 3.12.1")
    later = python(second, "python3.13", "echo 3 13 3.13.0")
    python(second, "python3.12", "echo 3 12 3.12.9")
    python(first, "python3.13", "exit 127")  # as pyenv's shims for what is not chosen
    python(first, "python3.14", "echo 3 11 3.11.2")
    python(first, "python3.10", "echo 3 10 3.10.1")
    python(first, "python3.12-config", "echo 3 12")
    found = other_pythons.found([first, tmp_path / "missing", second])
    assert found == {(3, 12): kept, (3, 13): later}


def test_what_fails_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A Python that cannot even make an environment is a failure, with its words."""
    broken = python(tmp_path, "python3.99", "echo no such module >&2; exit 3")
    assert not other_pythons._report(((3, 99), broken))
    said = capsys.readouterr().out
    assert said.startswith(f"Python 3.99 ({broken}): FAILED: ")
    assert "status 3\nno such module" in said


def test_without_another_python_it_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The one that runs this is no other."""
    version = "{} {}".format(*sys.version_info[:2])
    python(tmp_path, f"python{sys.version_info[0]}.{sys.version_info[1]}", f"echo {version} x")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    monkeypatch.setattr(other_pythons, "_places", lambda: [tmp_path])
    assert other_pythons.main() == 0
    assert capsys.readouterr().out.startswith("no other Python from 3.11 on")
