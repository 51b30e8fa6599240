"""Files of a stranger: listing, completing and naming them runs nothing, and says one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.shells import typed_shell

from asyncrepl.runtime.shipped_demos import (
    DemoNotFoundError,
    demo_iterables,
    demo_transcripts,
    find_transcript,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_listing_a_folder_runs_nothing_of_it(tmp_path: Path) -> None:
    """Titles are read from the text."""
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nTRY = 'evil()'\n")
    (tmp_path / "evil.pycon").write_text(f">>> open({str(tmp_path / 'ran')!r}, 'w')\n")
    assert [one.name for one in demo_iterables(tmp_path)] == ["evil"]
    assert [one.name for one in demo_transcripts(tmp_path)] == ["evil"]
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["../secrets/x", "a/b", "/etc/passwd", "x\0y", ".", "..", "~/x"])
def test_a_name_to_load_does_not_leave_the_folder(name: str) -> None:
    """Only what ends in .py is a path."""
    with typed_shell() as type_in:
        told = type_in(f":load {name}")
    assert told.count("\n") == 1
    assert "Traceback" not in told


@pytest.mark.parametrize(
    "name", ["../secrets/x.py", "/no/x.py", "x\0y.py", "/etc/.py", "no:x", ":x", "~no one/x.py"]
)
def test_what_cannot_be_loaded_is_one_line(name: str) -> None:
    with typed_shell() as type_in:
        told = type_in(f":load {name}")
    assert told.count("\n") == 1
    assert "Traceback" not in told


@pytest.mark.parametrize("name", ["../secrets/x", "x\0y", "/no/passwd", "~no one/x", "a" * 5000])
def test_what_cannot_be_replayed_is_one_line(name: str) -> None:
    with pytest.raises(DemoNotFoundError) as caught:
        find_transcript(name)
    assert "\n" not in str(caught.value)
