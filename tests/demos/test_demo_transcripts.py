from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from asyncrepl.runtime.shipped_demos import demo_transcripts
from asyncrepl.transcript.grammar import Blank, Directive, Narration
from asyncrepl.transcript.transcript_check import check_file, diff_lines
from asyncrepl.transcript.transcript_parser import load_transcript

if TYPE_CHECKING:
    from pathlib import Path

    from asyncrepl.runtime.shipped_demos import Demo

ALL = [pytest.param(demo, id=demo.name) for demo in demo_transcripts()]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("demo", ALL)
def test_a_demo_is_as_written(demo: Demo) -> None:
    """Each shipped transcript prints what it says."""
    report = check_file(demo.path)
    if report.skipped:
        pytest.skip(report.skipped)
    assert list(diff_lines(report)) == []
    assert report.passed


@pytest.mark.parametrize("demo", ALL)
def test_a_demo_begins_with_title_and_clock(demo: Demo) -> None:
    """Demos look alike: title, clock, what they need, and lines for the audience."""
    entries = load_transcript(demo.path).entries
    header = [entry.name for entry in entries if isinstance(entry, Directive)][:3]
    assert header[:2] == ["title", "clock"]
    assert isinstance(entries[3 if "requires" in header else 2], Blank)
    assert any(isinstance(entry, Narration) for entry in entries)


@pytest.mark.parametrize("demo", ALL)
def test_a_demo_is_pleasant_to_read(demo: Demo) -> None:
    """What is typed and told is narrow; nothing depends on addresses, ports or task numbers."""
    transcript = load_transcript(demo.path)
    narrated = [entry.source for entry in transcript.entries if isinstance(entry, Narration)]
    written = [*narrated, *(entry.typed for entry in transcript.inputs)]
    assert max(len(line) for lines in written for line in lines) <= 72
    assert re.search(r"0x[0-9a-f]{6,}|Task-\d|127\.0|/tmp", transcript.render()) is None


@pytest.mark.slow
def test_two_checks_give_the_same_bytes(tmp_path: Path) -> None:
    """What all demos print is the same in three processes with different hash seeds."""
    for demo in demo_transcripts():
        transcript = load_transcript(demo.path)
        nothing = {entry.line: () for entry in transcript.inputs}
        (tmp_path / demo.path.name).write_text(transcript.accepting(nothing).render(), "utf-8")
    command = [sys.executable, "-m", "asyncrepl", "check", "."]
    checks = [
        subprocess.Popen(
            command,
            cwd=tmp_path,
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            stdout=subprocess.PIPE,
        )
        for seed in range(3)
    ]
    first, *others = [check.communicate()[0].decode() for check in checks]
    assert "+tick " in first
    for other in others:
        assert other == first
