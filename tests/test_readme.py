"""What the README promises is so."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from asyncrepl.session.command_registry import CommandRegistry
from asyncrepl.transcript.transcript_check import check_file, diff_lines

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
    assert named - {"command"} == set(CommandRegistry().names)


def test_its_commands_do_what_they_say(tmp_path: Path) -> None:
    """All commands after those that install it, those of each block in order: none fails."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    assert all(". .venv/bin/activate &&" in block for block in blocks[:2])
    shells = [_started(block, tmp_path / str(number)) for number, block in enumerate(blocks[2:])]
    ended = [(*shell.communicate(), shell.returncode) for shell in shells]
    assert [(errors, status) for _, errors, status in ended if status] == []
    assert (tmp_path / "0/page.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    assert ended[-1][0].endswith("done\n42\n")


def _started(commands: str, folder: Path) -> subprocess.Popen[str]:
    """A shell that runs `commands` in a clone; of the demos, all are checked elsewhere."""
    shutil.copytree(ROOT / "demos", folder / "demos", ignore=shutil.ignore_patterns("*-*.pycon"))
    for demo in (ROOT / "demos").glob("0[1-4]-*.pycon"):
        shutil.copy(demo, folder / "demos")
    shutil.copy(README, folder)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=folder,
        env={**os.environ, "PATH": path, "HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_what_pypi_shows_links_to_the_repository() -> None:
    """The description in a wheel has no relative link: pictures are raw files, pages are pages."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    hook = project["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]
    assert [fragment["path"] for fragment in hook["fragments"]] == ["README.md"]
    text = TEXT
    for each in hook["substitutions"]:
        text = re.sub(each["pattern"], each["replacement"], text)
    home = project["project"]["urls"]["Homepage"]
    raw = home.replace("github.com", "raw.githubusercontent.com")
    relative = re.findall(r"(!?)\[[^]]*\]\(([^):]+)\)", TEXT)
    assert len(relative) > 1
    for mark, target in relative:
        absolute = f"{raw}/main/{target}" if mark else f"{home}/blob/main/{target}"
        assert f"]({absolute})" in text
    assert re.findall(r"\]\(([^):]+)\)", text) == []
    assert all(url.startswith(home) for url in project["project"]["urls"].values())


def test_ci_runs_the_command_of_the_page() -> None:
    """The marker by which CI finds the test command stands before a command."""
    assert re.search(r"<!-- test command -->\n```sh\n.*pytest -n auto\n```", TEXT)
