"""What the README promises is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from asyncrepl.commands.catalogue import all_commands
from asyncrepl.transcript.report import diff_lines
from asyncrepl.transcript.trial import check_file

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
TEXT = README.read_text(encoding="utf-8")


def test_its_sessions_are_as_written() -> None:
    """Each session on the page prints what stands there."""
    report = check_file(README)
    assert list(diff_lines(report)) == []


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)#:]+)\)", TEXT))
def test_its_links_lead_somewhere(target: str) -> None:
    """Files that the page shows or links to are there."""
    assert (ROOT / target).is_file()


def test_it_names_every_command_and_no_other() -> None:
    """The table of commands is that of the program."""
    named = set(re.findall(r"`:([a-z]+)", TEXT))
    assert named - {"command"} == set(all_commands().names)


def test_ci_runs_the_command_of_the_page() -> None:
    """The marker by which CI finds the test command stands before a command."""
    assert re.search(r"<!-- test command -->\n```sh\n.*pytest -n auto\n```", TEXT)
