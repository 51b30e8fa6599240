from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from asyncrepl.language.shipped import demos
from asyncrepl.transcript.grammar import Narration
from asyncrepl.transcript.parser import load
from asyncrepl.transcript.report import diff_lines
from asyncrepl.transcript.trial import check_file

if TYPE_CHECKING:
    from pathlib import Path

    from asyncrepl.language.shipped import Demo

ALL = [pytest.param(demo, id=demo.name) for demo in demos()]


@pytest.mark.parametrize("demo", ALL)
def test_a_demo_is_as_written(demo: Demo) -> None:
    """Each shipped transcript prints what it says."""
    report = check_file(demo.path)
    assert list(diff_lines(report)) == []
    assert report.passed


@pytest.mark.parametrize("demo", ALL)
def test_a_demo_begins_with_title_and_clock(demo: Demo) -> None:
    """Demos look alike: a title, the virtual clock, and at least one line for the audience."""
    names = [type(entry).__name__ for entry in load(demo.path).entries]
    assert names[:3] == ["Directive", "Directive", "Blank"]
    assert load(demo.path).clock == "virtual"
    assert "Narration" in names


@pytest.mark.parametrize("demo", ALL)
def test_a_demo_is_pleasant_on_paper(demo: Demo) -> None:
    """What is typed and told fits 80 columns; nothing depends on addresses or task numbers."""
    transcript = load(demo.path)
    narrated = [entry.source for entry in transcript.entries if isinstance(entry, Narration)]
    written = [*narrated, *(entry.typed for entry in transcript.inputs)]
    assert max(len(line) for lines in written for line in lines) <= 80
    assert re.search(r"0x[0-9a-f]{6,}|Task-\d", transcript.render()) is None


def test_two_checks_give_the_same_bytes(tmp_path: Path) -> None:
    """What all demos print is the same in five processes with different hash seeds."""
    for demo in demos():
        transcript = load(demo.path)
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
        for seed in range(5)
    ]
    first, *others = [check.communicate()[0].decode() for check in checks]
    assert "+tick " in first
    for other in others:
        assert other == first
