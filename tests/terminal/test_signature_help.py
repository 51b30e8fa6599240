from __future__ import annotations
import __future__

import sys
from typing import Any

import pytest

from asyncrepl.terminal.completion import call_at_end, signature_of, signature_row


class Trap:
    """Its repr must not be asked for."""

    def __init__(self, x: int, *, y: Any = None) -> None:  # noqa: ARG002
        self.x = x

    def __repr__(self) -> str:
        raise AssertionError

    def method(self, a: int) -> None:
        """Nothing."""


def function(a, /, b, c=1, *rest, d="x" * 30, e=Trap(1), **more):  # type: ignore[no-untyped-def]  # noqa
    """Nothing."""


@pytest.mark.parametrize(
    ("text", "callee"),
    [
        ("f(", "f"),
        ("x = a.b.f(1, 'a)b', [1", ""),
        ("x = a.b.f(1, 'a)b', ", "a.b.f"),
        ("f(g(1), ", "f"),
        ("f(g(", "g"),
        ("f(1)", ""),
        ("(1, ", ""),
        ("", ""),
    ],
)
def test_the_innermost_open_call(text: str, callee: str) -> None:
    """The function whose arguments are being typed."""
    assert call_at_end(text) == callee


@pytest.mark.parametrize(
    ("obj", "spelled"),
    [
        (function, "(a, /, b, c=1, *rest, d=…, e=…, **more)"),
        (Trap, "(x, *, y=None)"),
        (Trap(1).method, "(a)"),
        (len, "(obj, /)"),
        (Trap(1), None),
        (3, None),
    ],
)
def test_parameters_are_spelled_without_running_anything(obj: Any, spelled: str | None) -> None:
    """Only plain defaults are written out."""
    assert signature_of(obj) == spelled


def test_the_row_names_the_function() -> None:
    """As it would be called."""
    assert signature_row("trap.method(", {"trap": Trap(1)}) == "method(self, a)"
    assert signature_row("unknown(", {}) == ""


def test_annotations_are_not_evaluated() -> None:
    """From Python 3.14 on they are code that has not run yet, and may name what is not there."""
    ran: list[str] = []
    space: dict[str, Any] = {"note": ran.append}
    text = "def f(a: note('a'), *, b: nothing = 1): pass\nclass C:\n    def __init__(self, x: nothing): pass\n"
    flags = __future__.annotations.compiler_flag if sys.version_info < (3, 14) else 0
    exec(compile(text, "<test>", "exec", flags, dont_inherit=True), space)
    ran.clear()
    assert signature_row("f(", space) == "f(a, *, b=1)"
    assert signature_row("C(", space) == "C(x)"
    assert ran == []
