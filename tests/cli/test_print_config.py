"""``asyncrepl --print-config``, and what a wrong file says when the program starts."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def run(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environ = os.environ | {"XDG_CONFIG_HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "asyncrepl", *words]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)


def test_what_is_printed_is_a_file_that_works(tmp_path: Path) -> None:
    """It can be sent to the file it names, and edited there."""
    done = run(tmp_path, "--print-config")
    assert done.returncode == 0
    assert done.stdout.startswith(
        f"# The settings of asyncrepl, in {tmp_path}/asyncrepl/config.toml\n"
    )
    (tmp_path / "asyncrepl").mkdir()
    (tmp_path / "asyncrepl" / "config.toml").write_text(
        done.stdout.replace("# trace = false", "trace = true"), encoding="utf-8"
    )
    done = run(tmp_path, "-c", "async def f():\n  yield 1\nasync for x in f(): pass")
    assert "1 __aiter__" in done.stdout
    assert done.stderr == ""


def test_a_wrong_setting_is_one_line_and_the_program_runs(tmp_path: Path) -> None:
    """The file, the line, what is wrong, the nearest right one."""
    path = tmp_path / "mine.toml"
    path.write_text('vi = true\ncolour = "never"\n= 3\n', encoding="utf-8")
    done = run(tmp_path, "--config", str(path), "-c", "print(1)")
    assert (done.returncode, done.stdout) == (0, "1\n")
    assert done.stderr.splitlines() == [
        f"asyncrepl: {path}:3: Invalid statement; going on without this line",
        f"asyncrepl: {path}:2: unknown setting 'colour': did you mean 'color'?",
    ]
