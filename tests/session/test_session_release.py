"""What outlives a session does not keep it: what it held dies with it, and warns in time."""

from __future__ import annotations

import gc
import io
import weakref

from asyncrepl.session.frontend import Console
from asyncrepl.session.shell import open_shell


def test_a_tape_holds_no_session() -> None:
    """It asks the loop for the time, not the shell."""
    with open_shell(Console(io.StringIO(), width=lambda: 80)) as shell:
        tape, session = shell.tape, weakref.ref(shell)
    del shell
    gc.collect()
    assert session() is None
    assert tape is not None
