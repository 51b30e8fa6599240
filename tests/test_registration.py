"""A command, a rule, an export format and a glyph are added by one file each, and are gone with it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from asyncrepl.export.format_registry import export_formats
from asyncrepl.session.command_registry import CommandRegistry, command
from asyncrepl.views.glyphs import Glyph, glyph_rows, glyphs_of
from asyncrepl.views.lanes import legend
from asyncrepl.views.styled_lines import plain

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = """
from asyncrepl.session.command_registry import command

@command(":zebra NAME", "greet a zebra", group="seeing", rank=15, words=1,
         complete=lambda shell, typed: {"marty": "the one of the zoo"})
def _zebra(shell, rest):
    return [[("", f"hello {rest}")]]
"""
RULE = """
from asyncrepl.explain.explanation import Finding, Rule

RULES = (Rule("zebra-crossing", "crossing without looking", 3, "Zebras look first.",
              lambda evidence: Finding("It was a zebra."), errors=(ZeroDivisionError,),
              before="misplaced_keywords"),)
"""
FORMAT = """
from asyncrepl.export.format_registry import export_format

@export_format("zebra", "black and white", rank=25)
def _zebra(recording):
    return f"stripes: {len(recording.recorded_inputs)}"
"""
FILES = {
    "asyncrepl.commands": ("zebra_commands.py", COMMAND),
    "asyncrepl.explain.rules": ("zebras.py", RULE),
    "asyncrepl.export": ("zebra_format.py", FORMAT),
}
#: The program, with a folder more in each of its packages, as if its files stood there.
PROGRAM = """
import sys
from importlib import import_module
for package in %r:
    import_module(package).__path__.append(%r + "/" + package)
from asyncrepl.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def run(folder: Path, *words: str, typed: str = "") -> str:
    """What the program prints for these words, with the files of `folder` beside its own."""
    program = PROGRAM % (list(FILES), str(folder))
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        input=typed,
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    return done.stdout + done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file each for a command, a rule and a format."""
    for package, (name, text) in FILES.items():
        (tmp_path / package).mkdir()
        (tmp_path / package / name).write_text(text)
    (tmp_path / "t.pycon").write_text(">>> 1\n1\n")
    return tmp_path


def remove(folder: Path, package: str) -> None:
    """Remove the file that was added to `package`."""
    (folder / package / FILES[package][0]).unlink()


def test_a_command_is_one_file(folder: Path) -> None:
    """It runs, is listed by its rank, explained, completed and found by its beginning."""
    shown = run(folder, typed=":zeb marty\n:help seeing\n:help zebra\n:zebra a b\n")
    assert shown.startswith("hello marty\n")
    group = [line.split()[0] for line in shown.splitlines() if line.startswith("  :")]
    assert group[:3] == [":trace", ":zebra", ":lanes"]
    assert ":zebra NAME\n  greet a zebra\n  for example: :zebra NAME\n" in shown
    assert "'a b' is too much for :zebra NAME" in shown
    remove(folder, "asyncrepl.commands")
    assert run(folder, typed=":zebra marty\n").startswith("no command :zebra")


def test_a_broken_command_file_takes_no_other_away(folder: Path) -> None:
    """What cannot be imported is missing, and the rest is there."""
    (folder / "asyncrepl.commands" / "yak_commands.py").write_text("import nowhere\n")
    assert run(folder, typed=":zebra marty\n:quit\n") == "hello marty\n"


def test_two_commands_of_one_name_are_refused(folder: Path) -> None:
    """The second of them is no silent replacement."""
    other = COMMAND.replace("greet", "ride")
    (folder / "asyncrepl.commands" / "yak_commands.py").write_text(other)
    shown = run(folder, typed=":help\n")
    assert "zebra_commands defines :zebra, which another module defines, too" in shown


def test_a_rule_is_one_file(folder: Path) -> None:
    """It explains, comes in the list of mistakes, and is asked before those of the module that it names."""
    shown = run(folder, typed=":why --all\n:why zebra\n1 / 0\n")
    assert "zebra-crossing" in shown
    assert "Zebras look first." in shown
    assert "It was a zebra." in shown
    remove(folder, "asyncrepl.explain.rules")
    assert "zebra" not in run(folder, typed=":why --all\n1 / 0\n")


def test_an_export_format_is_one_file(folder: Path) -> None:
    """The command line, `:help` and `:export` know it, in its place, and it is made."""
    assert "{py,zebra,cast," in run(folder, "export", "-h").replace("\n", "")
    assert run(folder, "export", "t.pycon", "--to", "zebra") == "stripes: 1"
    shown = run(folder, typed="1\n:save t.zebra\n:help save\n:export nothing\n")
    assert "  .zebra  black and white\n" in shown
    assert (folder / "t.zebra").read_text() == "stripes: 1"
    assert "py, pycon, zebra, cast" in shown
    remove(folder, "asyncrepl.export")
    assert "zebra" not in run(folder, typed=":help save\n:export nothing\n")


def test_a_glyph_is_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is explained by `:help lanes` and the legend, in its place."""
    zebra = Glyph("zebra", "≡", "#", "grazes", "dim")
    monkeypatch.setitem(glyphs_of("lanes"), zebra.name, zebra)
    assert "✗ error   ≡ zebra" in "".join(map(plain, legend()))
    assert plain(glyph_rows("lanes")[-1]) == "  ≡  #  grazes"


def test_a_command_belongs_to_a_group() -> None:
    """Else no list would have it."""
    with pytest.raises(ValueError, match=":yak is of the group 'zoo'"):
        command(":yak", "ride", group="zoo", rank=1)


def test_no_two_have_one_rank() -> None:
    """So the order is said, and is not that of the files."""
    ranks = [(each.group, each.rank) for each in CommandRegistry()]
    assert len(set(ranks)) == len(ranks)
    assert len({each.rank for each in export_formats().values()}) == len(export_formats())
