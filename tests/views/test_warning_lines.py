"""Warnings in the words of the user's own code."""

from __future__ import annotations

import asyncio
import warnings

from asyncrepl.engine import statements as session
from asyncrepl.views.error_lines import warning_text


def warned(message: str, filename: str) -> warnings.WarningMessage:
    return warnings.WarningMessage(message, RuntimeWarning, filename, 1)


def test_the_place_is_the_users_or_none() -> None:
    """A line of ours would lead astray."""
    assert warning_text(warned("mind", "<input 1>")) == "<input 1>:1: RuntimeWarning: mind"
    assert warning_text(warned("mind", session.__file__)) == "RuntimeWarning: mind"


def test_where_a_coroutine_was_made_is_told_without_ours() -> None:
    """Debug mode adds the whole stack; shown is what the user wrote."""
    stack = [
        f'  File "{session.__file__}", line 230, in _drive\n    result = eval(code)',
        f'  File "{asyncio.events.__file__}", line 89, in _run\n    self._context.run()\n    ~~~~',
        f'  File "{asyncio.events.__file__}", line 90, in _run',
        '  File "<input 2>", line 1, in <module>\n    f()',
    ]
    message = "coroutine 'f' was never awaited\nCoroutine created at (most recent call last)\n"
    assert warning_text(warned(message + "\n".join(stack), session.__file__)) == (
        f"RuntimeWarning: {message}{stack[-1]}"
    )
    assert warning_text(warned("\n".join(stack), "a.py")).count("_drive") == 1
