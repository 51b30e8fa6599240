"""A check sees what is printed, as a terminal does."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from asyncrepl.transcript.transcript_check import check_file
from asyncrepl.transcript.transcript_output import TeeStream

if TYPE_CHECKING:
    from pathlib import Path

DEMO = """\
#: clock virtual
>>> :ticker tick 0.2
tick started: every 0.2 s
>>> :wait 0.5
tick │ 1
tick │ 2
>>> :timeline 0.5
…•…•…
…
"""


def test_each_text_is_told() -> None:
    """What is written is told before; all else is the stream's own."""
    out, told = io.StringIO(), []
    stream = TeeStream(out, told.append)
    print("a", end="", file=stream)
    print("b", file=stream)
    stream.close()
    print("c", file=stream)
    assert out.getvalue() == "ab\nc\n"
    assert told == ["a", "", "b", "\n", "c", "\n"]


def test_a_timeline_in_a_check_shows_what_was_printed(tmp_path: Path) -> None:
    """The marks are those that a terminal would have drawn."""
    path = tmp_path / "demo.pycon"
    path.write_text(DEMO, "utf-8")
    assert check_file(path).passed
