"""The text of the input line in an editor of the user's choice."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import tempfile
from pathlib import Path

__all__ = ["edited"]

_EDITORS = ("editor", "nano", "vi", "emacs")


def edited(text: str) -> str | None:
    """`text` as the user's editor left it; None where no editor could be started.

    The editor inherits descriptors 0, 1 and 2. Waits for its end.
    """
    with tempfile.TemporaryDirectory(prefix="asyncrepl-") as folder:
        path = Path(folder) / "input.py"
        path.write_text(text, encoding="utf-8", errors="surrogateescape")
        if not _edit(path):
            return None
        return path.read_text(encoding="utf-8", errors="replace").rstrip("\n")


def _edit(path: Path) -> bool:
    chosen = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    for editor in filter(None, [chosen, *_EDITORS]):
        try:
            process = subprocess.Popen(
                [*shlex.split(editor), str(path)],
                preexec_fn=_unblock,  # noqa: PLW1509 - it takes no lock
            )
        except (OSError, ValueError):
            continue
        return process.wait() == 0
    return False


def _unblock() -> None:
    """The terminal's threads block signals; a program started there would inherit that."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
