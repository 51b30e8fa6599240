from __future__ import annotations
import __future__

import builtins
import functools
import sys
from collections.abc import Sized
from typing import Any

import pytest

from asyncrepl.syntax.cursor_context import open_call
from asyncrepl.terminal.signature_help import signature_rows
from asyncrepl.views.styled_lines import plain


def signature_row(text: str, space: dict[str, Any]) -> str:
    """The first row, on a wide screen."""
    return "".join(plain(row) for row in signature_rows(text, space, 200, 1))


def shown_parameters(obj: Any) -> str | None:
    """The parameters of `obj` in parentheses; None if they are not known."""
    return signature_row("f(", {"f": obj}).removeprefix("f") or None


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
        ("def f(", ""),
        ("f('a(', ", "f"),
        ("f(f'{g(1)} {h(", "h"),
        ("f(f'{g(1)} (", "f"),
        ("f(  # g(", "f"),
        ("d['k'].f(1, ", "d['k'].f"),
        ("f(\n    1,\n    ", "f"),
        ("f(\u2118 + ", "f"),  # it begins a name, and is no letter
    ],
)
def test_the_innermost_open_call(text: str, callee: str) -> None:
    """The function whose arguments are being typed."""
    call = open_call(text)
    assert (call.callee if call else "") == callee


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
    assert shown_parameters(obj) == spelled


class Abstract(Sized):
    """A metaclass that leaves calls alone."""

    def __init__(self, x: int, y: int = 1) -> None:
        """Nothing."""

    def __len__(self) -> int:
        return 0


class Calling(type):
    def __call__(cls, width: int, height: int) -> Any:
        """Make one."""


class Measured(metaclass=Calling):
    """Its metaclass takes the arguments."""

    def __init__(self, area: int) -> None:
        """Nothing."""


class Callable:
    def __call__(self, what: str) -> None:
        """Nothing."""


@functools.lru_cache
def kept(a: int, b: int = 2) -> None:
    """Nothing."""


def ordered(a, b, /, c, d=4, *e, f=1):  # type: ignore[no-untyped-def]  # noqa
    """Nothing."""


@pytest.mark.parametrize(
    ("obj", "spelled"),
    [
        (Abstract, "(x, y=1)"),
        (Measured, "(width, height)"),
        (Callable(), "(what)"),
        (kept, "(a, b=2)"),
        (functools.partial(ordered, 1), "(b, /, c, d=4, *e, f=1)"),
        (functools.partial(ordered, 1, 2, 3), "(d=4, *e, f=1)"),
        (functools.partial(ordered, 1, c=5), "(b, /, *, c=5, d=4, f=1)"),
        (functools.partial(functools.partial(ordered, 1), 2, f=Trap(1)), "(c, d=4, *e, f=…)"),
        (functools.partial(Trap(1).method), "(a)"),
    ],
)
def test_what_stands_for_something_else_has_its_parameters(obj: Any, spelled: str | None) -> None:
    """Metaclasses, objects that can be called, wrappers, what a partial leaves."""
    assert shown_parameters(obj) == spelled


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (
            "max(",
            ["max(iterable, *[, default=obj, key=func])", "max(arg1, arg2, *args, *[, key=func])"],
        ),
        ("slice(1, ", ["slice(stop)", "slice(start, stop[, step])"]),
    ],
)
def test_what_only_a_docstring_tells(text: str, rows: list[str]) -> None:
    """Some built-in functions and types have no signature that Python knows."""
    shown = [plain(row) for row in signature_rows(text, vars(builtins), 80, 5)]
    assert shown[: len(rows)] == rows
    assert shown[len(rows)].startswith("    ")


def test_the_row_names_the_function() -> None:
    """As it would be called."""
    assert signature_row("trap.method(", {"trap": Trap(1)}) == "method(a)"
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


def gather(*sources: Any, limit: int = 3, **more: Any) -> None:
    """Take all of them at once.

    And more.
    """


async def fetch(url: str, /, *, timeout: float = 1.5) -> None:
    """Nothing."""


class Made:
    """Made by what makes it."""

    def __new__(cls, size: int) -> Any:
        """Nothing."""


SPACE: dict[str, Any] = {
    "gather": gather,
    "fetch": fetch,
    "Made": Made,
    "f": lambda a, b, c=1: (a, b, c),
}


@pytest.mark.parametrize(
    ("text", "current"),
    [
        ("f(", "a"),
        ("f(1, ", "b"),
        ("f(1, [1, 2], ", "c=1"),
        ("f(1, 2, 3, ", ""),
        ("f(c=", "c=1"),
        ("f(1, c=2, ", "b"),
        ("gather(1, 2, 3", "*sources"),
        ("gather(1, limit=", "limit=3"),
        ("gather(1, other=", "**more"),
        ("fetch(", "url"),
        ("fetch('a, b', ", ""),
        ("fetch('a', timeout=", "timeout=1.5"),
        ("Made(", "size"),
    ],
)
def test_the_argument_that_is_typed_is_marked(text: str, current: str) -> None:
    """By its place or by its name; not in colour, which some do not see."""
    rows = signature_rows(text, SPACE, 80, 5)
    assert "".join(piece for row in rows for style, piece in row if style == "current") == current


def test_what_does_not_fit_goes_on_in_the_next_row() -> None:
    """Broken between two parameters, never within one, and never beyond the width."""
    space: dict[str, Any] = {}
    exec("def f(" + ", ".join(f"parameter_{i}='a b'" for i in range(9)) + "): 'Does it.'", space)
    for width in (20, 39, 79):
        rows = [plain(row) for row in signature_rows("f(", space, width, 99)]
        assert max(map(len, rows)) <= width or width == 20
        assert all("parameter" not in row.strip("f( ") or "'a b'" in row for row in rows[:-1])
        assert rows[-1] == "    Does it."
        assert "".join(row.strip() for row in rows).count("'a b'") == 9


def test_how_it_is_used_and_what_it_is_for_is_told() -> None:
    """The first line of its docstring; whether the call needs `await`."""
    rows = [plain(row) for row in signature_rows("gather(", SPACE, 79, 5)]
    assert rows == ["gather(*sources, limit=3, **more)", "    Take all of them at once."]
    assert plain(signature_rows("fetch(", SPACE, 79, 5)[0]).endswith("  needs await")
