from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from io import StringIO
from typing import TYPE_CHECKING

import pytest
from support.optional_programs import needs

from asyncrepl.transcript.transcript_check import check

if TYPE_CHECKING:
    from pathlib import Path

RIGHT = ">>> 1\n1\n"
WRONG = "# why\n>>> 1 + 1\n3\n\n#: pause\n>>> print('a\\nb\\nc')\na\n…\nd\n"
MENDED = "# why\n>>> 1 + 1\n2\n\n#: pause\n>>> print('a\\nb\\nc')\na\n…\nc\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory that is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def checked(*paths: str, accept: bool = False) -> tuple[int, str, str]:
    """The exit status, and what came on the two streams."""
    out, err = StringIO(), StringIO()
    status = check(paths, accept=accept, out=out, err=err)
    return status, out.getvalue(), err.getvalue()


def write(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        (folder / f"{name}.pycon").write_text(text, "utf-8")


def test_all_as_written_is_one_line_and_status_0(folder: Path) -> None:
    """A check that finds nothing says how much it has looked at."""
    write(folder, a=RIGHT, b=RIGHT + ">>> 2\n2\n")
    told = "2 transcripts, 3 statements: all as written\n"
    assert checked("a.pycon", "b.pycon") == (0, told, "")


def test_one_is_counted_as_one(folder: Path) -> None:
    """The summary's grammar is right for one of each."""
    write(folder, a=RIGHT)
    assert checked("a.pycon")[1] == "1 transcript, 1 statement: all as written\n"


def test_a_blocked_loop_does_not_differ(folder: Path) -> None:
    """How long a calculation blocks the loop depends on the machine, so it isn't told."""
    write(folder, a=">>> n = sum(range(2 * 10**7))\n>>> 1\n1\n")
    assert checked("a.pycon")[0] == 0


def test_a_sleep_that_blocks_the_loop_is_told(folder: Path) -> None:
    """How long that takes is known."""
    text = "import time; time.sleep(0.15)"
    told = f"loop was blocked 0.1 s by task 'input 1' at <input 1>:1: {text}\n"
    write(folder, a=f">>> {text}\n{told}>>> 1\n1\n")
    assert checked("a.pycon") == (0, "1 transcript, 2 statements: all as written\n", "")


def test_differences_come_as_a_diff_and_status_1(folder: Path) -> None:
    """What differs is told with file and line, then counted."""
    write(folder, a=RIGHT, b=WRONG)
    status, out, err = checked("a.pycon", "b.pycon")
    assert (status, err) == (1, "")
    assert (
        out
        == """\
--- b.pycon\tas written
+++ b.pycon\tas run
@@ -1,9 +1,9 @@ b.pycon:3: >>> 1 + 1
 # why
 >>> 1 + 1
-3
+2
\x20
 #: pause
 >>> print('a\\nb\\nc')
 a
 …
-d
+c
1 of 2 transcripts differs
"""
    )


@needs("patch")
def test_the_diff_is_a_patch(folder: Path) -> None:
    """Applied with `patch`, the diff makes the transcripts pass."""
    write(folder, a=WRONG, b=WRONG.replace("\n3\n", "\n") + ">>> 5\n")
    _, out, _ = checked(".")
    subprocess.run(["patch", "-p0"], input=out, text=True, cwd=folder, check=True)
    assert checked(".")[0] == 0


def test_a_directory_stands_for_its_transcripts(folder: Path) -> None:
    """In a directory and below, `.pycon` files are checked; hidden directories are not."""
    (folder / "x" / "y").mkdir(parents=True)
    (folder / ".venv").mkdir()
    write(folder / "x", b=RIGHT)
    write(folder / "x" / "y", a=RIGHT)
    write(folder / ".venv", c=WRONG)
    (folder / "README.md").write_text("```pycon\n>>> 1\n2\n```\n")
    assert checked(".")[:2] == (0, "2 transcripts, 2 statements: all as written\n")


def test_a_file_is_checked_once(folder: Path) -> None:
    """A file that is named twice, or named and in a named directory, counts once."""
    write(folder, a=RIGHT)
    assert checked("a.pycon", "./a.pycon", ".")[1].startswith("1 transcript,")


def test_markdown_is_checked_if_it_is_named(folder: Path) -> None:
    """The `pycon` fences of a Markdown file are one session."""
    fences = "Text\n\n```pycon\n>>> x = 1\n```\n\n```pycon\n>>> x\n2\n```\n"
    (folder / "README.md").write_text(fences)
    status, out, _ = checked("README.md")
    assert status == 1
    assert " @@ README.md:9: >>> x\n" in out
    assert " >>> x\n-2\n+1\n ```\n" in out


def test_a_shipped_demo_is_checked_by_its_name(folder: Path) -> None:  # noqa: ARG001
    """Where there is no such file, a name is that of a demo."""
    assert checked("six-steps")[0] == 0


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("nowhere", "asyncrepl: no demo or file 'nowhere'; "),
        ("six-step", "asyncrepl: no demo or file 'six-step': did you mean six-steps?"),
        ("nowhere.pycon", "asyncrepl: no file nowhere.pycon"),
        ("empty", "empty: no transcript in this directory (*.pycon)"),
        ("broken.pycon", "broken.pycon:1: unknown directive 'x': known are "),
        ("latin.pycon", "latin.pycon:2: not UTF-8: byte 0xe9"),
        ("nothing.pycon", "nothing.pycon:1: nothing is typed here: no line '>>> …'"),
        ("README.md", "README.md:1: nothing is typed here: no line '>>> …' in a ```pycon fence"),
    ],
)
def test_what_cannot_be_used_is_one_line_and_status_2(folder: Path, path: str, told: str) -> None:
    """A path that can't be used is told on the error stream; the others are still checked."""
    (folder / "empty").mkdir()
    (folder / "README.md").write_text("```python\n>>> 1\n```\n")
    (folder / "latin.pycon").write_bytes(b"# a\n# \xe9\n")
    write(folder, broken="#: x\n", right=RIGHT, wrong=WRONG, nothing="")
    status, out, err = checked(path, "right.pycon", "wrong.pycon")
    assert status == 2
    assert err.startswith(told)
    assert err.count("\n") == 1
    assert out.endswith("1 of 2 transcripts differs\n")


def test_an_unreadable_file_is_one_line(folder: Path) -> None:
    """What the system says about a file is told with its name."""
    (folder / "loop.pycon").symlink_to("loop.pycon")
    assert checked("loop.pycon")[0] == 2


def test_a_name_cannot_write_escape_sequences(folder: Path) -> None:  # noqa: ARG001
    """Control characters in a path are spelled out."""
    assert "\x1b" not in checked("\x1b[31m\nx.pycon")[2]
    assert checked("\x1b[31m\nx.pycon")[2].count("\n") == 1


def test_skipped_transcripts_are_told_and_counted(folder: Path) -> None:
    """What this Python can't run is no failure, but nobody takes it for checked."""
    write(folder, a="#: requires no_such_module\n" + WRONG, b=RIGHT)
    status, out, _ = checked(".")
    assert status == 0
    assert out.splitlines() == [
        "a.pycon: skipped, it needs the module no_such_module",
        "1 transcript, 1 statement: all as written, 1 skipped",
    ]


def test_a_hanging_statement_does_not_stop_the_check(folder: Path) -> None:
    """A deadlock is told in a line, the transcript counts as differing, the next is checked."""
    write(folder, a=">>> await asyncio.Event().wait()\n", b=RIGHT)
    assert checked(".")[:2] == (
        1,
        "a.pycon:1: hangs: nothing is left that could wake it\n1 of 2 transcripts differs\n",
    )


def test_accept_writes_the_output_and_nothing_else(folder: Path) -> None:
    """Accepting replaces what differs; narration, directives, layout and `…` lines stay."""
    write(folder, a=WRONG)
    assert checked("a.pycon", accept=True) == (
        0,
        "a.pycon: 2 outputs rewritten\n1 transcript, 2 statements: all as written\n",
        "",
    )
    assert (folder / "a.pycon").read_text("utf-8") == MENDED
    assert checked("a.pycon")[0] == 0


def test_accept_does_not_touch_what_passes(folder: Path) -> None:
    """A transcript that is as written is not written again."""
    write(folder, a=RIGHT)
    os.utime(folder / "a.pycon", (1, 1))
    checked("a.pycon", accept=True)
    assert (folder / "a.pycon").stat().st_mtime == 1


def test_accept_keeps_line_ends_mode_and_links(folder: Path) -> None:
    """An accepted file keeps CRLF and order mark, its mode, and the link that led to it."""
    path, link = folder / "a.pycon", folder / "b.pycon"
    path.write_bytes(WRONG.replace("\n", "\r\n").encode("utf-8-sig"))
    path.chmod(0o640)
    link.symlink_to(path)
    assert checked("b.pycon", accept=True)[0] == 0
    assert path.read_bytes() == MENDED.replace("\n", "\r\n").encode("utf-8-sig")
    assert path.stat().st_mode & 0o777 == 0o640
    assert link.is_symlink()
    assert sorted(file.name for file in folder.iterdir()) == ["a.pycon", "b.pycon"]


def test_accept_writes_into_markdown(folder: Path) -> None:
    """Only the output in the fence changes."""
    path = folder / "README.md"
    path.write_text("# A\n\n- x:\n\n  ```pycon\n  >>> 1\n  2\n  ```\n\ntext\n")
    assert checked("README.md", accept=True)[0] == 0
    assert path.read_text() == "# A\n\n- x:\n\n  ```pycon\n  >>> 1\n  1\n  ```\n\ntext\n"


def test_a_hanging_transcript_is_not_accepted(folder: Path) -> None:
    """What ran before the hang may be rewritten; the status still says that something is wrong."""
    text = ">>> 1\n2\n>>> await asyncio.Event().wait()\n"
    write(folder, a=text)
    assert checked("a.pycon", accept=True)[0] == 1
    assert (folder / "a.pycon").read_text() == text.replace("\n2\n", "\n1\n")


def test_the_command_line_gives_the_same(folder: Path) -> None:
    """`asyncrepl check` has the streams and the status of `check`."""
    write(folder, a=WRONG)
    command = [sys.executable, "-m", "asyncrepl", "check", "a.pycon", "nowhere.pycon"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    assert (done.returncode, done.stdout, done.stderr) == checked("a.pycon", "nowhere.pycon")


@pytest.mark.parametrize("statement", ["time.sleep(60)", "await asyncio.sleep(60)"])
def test_ctrl_c_ends_the_check(folder: Path, statement: str) -> None:
    """A real Ctrl-C is not the transcript's: it ends the check with status 130, in silence."""
    begun = "#: clock real\n>>> import os, time; os.write(1, b'begun')\n5\n"
    write(folder, a=f"{begun}>>> {statement}\n", b=RIGHT)
    command = [sys.executable, "-m", "asyncrepl", "check", "."]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=folder, stdout=pipe, stderr=pipe, text=True) as checking:
        assert checking.stdout is not None
        assert checking.stdout.read(5) == "begun"
        checking.send_signal(signal.SIGINT)
        assert checking.communicate(timeout=30) == ("", "")
    assert checking.returncode == 130


NASTY = [
    "a\n>>> b", "#", "# x\n#: y\n#:", "…\n…", "a…\n…b", "...\n... x\n....", "```\n~~~~\n  ````", " a \n\t\n  ", "\n\nx",
    "x\n\n", "", "表\u0301\u2028|\x85|\x1b[31m|\r\n|\x0c", "\ud800", "\ufeff", ">>>", "a\n\n# b\n\n>>> c",
]  # fmt: skip


@pytest.mark.parametrize("name", ["a.pycon", "a.md"])
def test_whatever_is_printed_can_be_accepted(folder: Path, name: str) -> None:
    """Output that looks like markers, fences or layout, accepted once, is as written from then on."""
    inputs = "".join(f"# {n}\n>>> print({text!a})\n\n" for n, text in enumerate(NASTY))
    (folder / name).write_text(f"```pycon\n{inputs}```\nprose\n", "utf-8")
    if name == "a.pycon":
        (folder / name).write_text(inputs, "utf-8")
    assert checked(name)[0] == 1
    assert checked(name, accept=True)[0] == 0
    once = (folder / name).read_bytes()
    assert checked(name, accept=True) == (
        0, f"1 transcript, {len(NASTY)} statements: all as written\n", "",
    )  # fmt: skip
    assert (folder / name).read_bytes() == once
    kept = [line for line in once.decode().split("\n") if line.startswith((">>> print(", "# "))]
    assert kept == inputs.replace("\n\n", "\n").removesuffix("\n").split("\n")


def test_differences_can_be_coloured(folder: Path) -> None:
    """In colour, what is gone is red and what is new is green; the text is the same."""
    write(folder, a=WRONG)
    out = StringIO()
    check(["a.pycon"], out=out, err=StringIO(), color=True)
    assert "\x1b[31m-3\x1b[0m\n\x1b[32m+2\x1b[0m\n" in out.getvalue()
    assert re.sub(r"\x1b\[\d*m", "", out.getvalue()) == checked("a.pycon")[1]
