"""`asyncrepl export`: its options, its files, its exit status."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from asyncrepl.cli.main import main
from asyncrepl.export.format_registry import export_formats

if TYPE_CHECKING:
    from pathlib import Path


def test_each_format_is_written_to_its_file(tmp_path: Path) -> None:
    """Every format that the help names can be made; -o says where to."""
    (tmp_path / "t.pycon").write_text(">>> 1\n1\n")
    for name in [each.name for each in export_formats().values() if each.exported]:
        out = tmp_path / f"t.{name}"
        assert main(["export", str(tmp_path / "t.pycon"), "--to", name, "-o", str(out)]) == 0
        assert "1" in out.read_text("utf-8")


def test_without_a_file_it_goes_to_standard_output(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    """A demo's name is enough; what comes out is nothing but the export."""
    assert main(["export", "six-steps", "--to", "py"]) == 0
    out, err = capfdbinary.readouterr()
    assert out.startswith(b'"""The six steps')
    assert err == b""


@pytest.mark.parametrize(
    ("text", "words", "status", "told"),
    [
        (">>> 1\n", ["nowhere", "--to", "py"], 2, "asyncrepl: no demo or file 'nowhere'"),
        ("#: x\n", ["t.pycon", "--to", "py"], 2, "asyncrepl: t.pycon:1: unknown directive 'x'"),
        (
            "#: requires no_such\n>>> 1\n",
            ["t.pycon", "--to", "svg"],
            2,
            "t.pycon:1: it needs the module no_such",
        ),
        (">>> await asyncio.Event().wait()\n", ["t.pycon", "--to", "html"], 1, "t.pycon:1: hangs"),
        (
            ">>> 1\n",
            ["t.pycon", "--to", "py", "-o", "no/where.py"],
            2,
            "no/where.py: No such file",
        ),
    ],
)
def test_what_cannot_be_exported_is_one_line(
    text: str, words: list[str], status: int, told: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """A mistake is told in one line on the error stream, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.pycon").write_text(text)
    assert main(["export", *words]) == status
    out, err = capsys.readouterr()
    assert told in err
    assert (out, err.count("\n")) == ("", 1)


def test_an_unknown_format_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """The message names those that there are."""
    assert main(["export", "six-steps", "--to", "pdf"]) == 2
    assert "svg" in capsys.readouterr().err


def test_a_file_that_is_there_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --force, told in one line; - is standard output."""
    (tmp_path / "t.pycon").write_text(">>> 1\n1\n")
    out = tmp_path / "out.py"
    out.write_text("mine")
    words = ["export", str(tmp_path / "t.pycon"), "--to", "py", "-o", str(out)]
    assert main(words) == 2
    assert (
        capsys.readouterr().err == f"asyncrepl: {out} is there already; to replace it: --force\n"
    )
    assert out.read_text() == "mine"
    assert main([*words, "--force"]) == 0
    assert "asyncio.run" in out.read_text()
