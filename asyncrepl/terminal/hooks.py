"""Functions of the standard library that use the terminal, for as long as a session lives.

`input` and ``sys.stdin`` need no hook: they read through `LentInput`. These do,
because they go to the descriptors or to ``/dev/tty`` by themselves. Each is lent the
terminal for the length of the call and otherwise left as it is. Only the main
thread's calls: beside a call in another thread the loop goes on, and so
must the screen.
"""

from __future__ import annotations

import builtins
import functools
import getpass
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from asyncrepl.terminal.lending import Lender

__all__ = ["installed"]


@contextmanager
def installed(lender: Lender) -> Iterator[None]:
    """The hooks are in place within the block."""
    replaced: list[tuple[Any, str, Any, Any]] = []

    def replace(owner: Any, name: str, make: Callable[[Lender, Any], Any]) -> None:
        original = getattr(owner, name, None)
        if original is not None:
            ours = make(lender, original)
            replaced.append((owner, name, original, ours))
            setattr(owner, name, ours)

    replace(getpass, "getpass", _always)
    replace(os, "system", _always)
    for name in ("run", "call", "check_call"):
        replace(subprocess, name, _if_inherited)
    replace(builtins, "help", _Help)
    replace(sys, "breakpointhook", _breakpoint)
    try:
        yield
    finally:
        for owner, name, original, ours in replaced:
            if getattr(owner, name, None) is ours:  # user code may have set its own
                setattr(owner, name, original)


def _always(lender: Lender, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def lent(*args: Any, **kwargs: Any) -> Any:
        if not _in_main_thread():
            return function(*args, **kwargs)
        with lender.terminal():
            return function(*args, **kwargs)

    return lent


def _if_inherited(lender: Lender, function: Callable[..., Any]) -> Callable[..., Any]:
    """Programs whose output is caught do not use the terminal."""
    lent = _always(lender, function)

    @functools.wraps(function)
    def maybe_lent(*args: Any, **kwargs: Any) -> Any:
        caught = kwargs.get("capture_output") or kwargs.get("stdout") is not None
        return (function if caught else lent)(*args, **kwargs)

    return maybe_lent


class _Help:
    """The built-in `help`, which looks the same, with the terminal lent to its pager."""

    def __init__(self, lender: Lender, original: Any) -> None:
        self._original = original
        self._call = _always(lender, original.__call__)

    def __repr__(self) -> str:
        return repr(self._original)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._call(*args, **kwargs)


def _breakpoint(lender: Lender, original: Callable[..., Any]) -> Callable[..., Any]:
    """`breakpoint()` opens pdb with the terminal, for as long as pdb talks to the user."""

    def hook(*args: Any, **kwargs: Any) -> Any:
        chosen = os.environ.get("PYTHONBREAKPOINT", "")
        if chosen not in {"", "pdb.set_trace"}:
            return original(*args, **kwargs)
        return _debug(lender, sys._getframe(1))  # noqa: SLF001 - as pdb.set_trace does

    return hook


def _debug(lender: Lender, frame: FrameType) -> None:
    import pdb  # noqa: T100 - it is what the user asked for

    class Debugger(pdb.Pdb):
        # Not around set_trace: between two stops the program runs, and the screen is ours.
        def interaction(self, *args: Any, **kwargs: Any) -> None:
            with lender.terminal():
                super().interaction(*args, **kwargs)

    # Ctrl-C stays the session's, and steps do not lead into the tool's own frames.
    Debugger(nosigint=True, skip=["asyncrepl.*"]).set_trace(frame)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
