from __future__ import annotations

import pytest
from prompt_toolkit.document import Document

from asyncrepl.syntax.cursor_context import indent_after
from asyncrepl.syntax.parsed_input import is_complete
from asyncrepl.terminal.key_bindings import wants_to_run


@pytest.mark.parametrize(
    ("line", "indent"),
    [
        ("x = 1", ""),
        ("def f():", "    "),
        ("    if x:  # why", "        "),
        ("    return x", ""),
        ("        pass", "    "),
        ("    passed = 1", "    "),
        ("d = {'a': 1}", ""),
    ],
)
def test_the_next_line_is_indented(line: str, indent: str) -> None:
    """Deeper after a colon, back after what leaves the block."""
    assert indent_after(line) == indent


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("1 + 1", True),
        ("for i in x: print(i)", True),
        ("def f():", False),
        ("def f():\n    return 1", False),
        ("def f():\n    return 1\n", True),
        ("def f():\n    return 1\n    ", True),
        ("(1,", False),
        ("'''", False),
        (":ticker tick", True),
        ("1 +* 2", True),
        ("async def f():\n    await x\n\n", True),
    ],
)
def test_enter_at_the_end_runs_what_is_complete(text: str, runs: bool) -> None:
    """A block needs an empty line; what is wrong runs at once, to say so."""
    assert wants_to_run(Document(text), is_complete) is runs


def test_enter_inside_a_text_breaks_the_line() -> None:
    """With lines below the cursor, Enter edits; within the last line it runs."""
    text = "a = 1\nb = 2"
    assert not wants_to_run(Document(text, 3), is_complete)
    assert wants_to_run(Document(text, 8), is_complete)
