from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def test_pytest_runs_transcripts(tmp_path: Path) -> None:
    """Each `.pycon` file is a test that passes, fails, is skipped, or can't be read."""
    (tmp_path / "right.pycon").write_text(">>> 1\n1\n")
    (tmp_path / "wrong.pycon").write_text(">>> 1\n2\n")
    (tmp_path / "broken.pycon").write_text("#: x\n")
    (tmp_path / "skipped.pycon").write_text("#: requires no_such_module\n>>> 1\n")
    (tmp_path / "other.txt").write_text(">>> 1\n2\n")
    options = ["-p", "no:cacheprovider", "-c", "/dev/null"]
    command = [sys.executable, "-m", "pytest", *options, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert "2 failed, 1 passed, 1 skipped" in done.stdout
    assert "wrong.pycon:2: >>> 1\n >>> 1\n-2\n+1\n" in done.stdout
    assert "broken.pycon:1: unknown directive 'x'" in done.stdout
    assert "Traceback" not in done.stdout


def test_pytest_tells_what_is_not_certain(tmp_path: Path) -> None:
    """A tie between timers is a warning of pytest's; a reason to skip is told."""
    tickers = ">>> :ticker a 0.2\n…\n>>> :ticker b 0.3\n…\n>>> :wait 1\n…\n"
    (tmp_path / "tie.pycon").write_text(tickers, "utf-8")
    (tmp_path / "skipped.pycon").write_text("#: requires no_such_module\n>>> 1\n")
    options = ["-p", "no:cacheprovider", "-c", "/dev/null", "-rs"]
    command = [sys.executable, "-m", "pytest", *options, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0
    assert "tie.pycon:5: warning: timers tie at 0.6 s (b and a)" in done.stdout
    assert "skipped, it needs the module no_such_module" in done.stdout
