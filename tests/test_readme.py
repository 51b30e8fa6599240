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
    """All commands after those that install it, in order, in one shell: none fails."""
    shutil.copy(README, tmp_path)
    shutil.copytree(ROOT / "demos", tmp_path / "demos")
    blocks = re.findall(r"^```sh\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    installing, later = blocks[:2], "".join(blocks[2:])
    assert all(". .venv/bin/activate &&" in block for block in installing)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", later],
        cwd=tmp_path,
        env={**os.environ, "PATH": path, "HOME": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "page.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    assert done.stdout.endswith("done\n42\n")


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
