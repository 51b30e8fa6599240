"""Whatever fails in showing, recording, explaining: the statement ends, and one line says so."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from support.shells import typed_shell

from asyncrepl.session import outcome_reporter
from asyncrepl.views import explanation_lines

if TYPE_CHECKING:
    from support.shells import Typed


class OfItsOwnError(BaseException):
    """No Exception."""


ERRORS = [
    RecursionError,
    ImportError,
    MemoryError,
    KeyboardInterrupt,
    SystemExit,
    GeneratorExit,
    asyncio.CancelledError,
    OfItsOwnError,
]

#: What is broken: the attribute of the shell, and the method of it.
PLACES = [
    "narrator.began",
    "narrator.ended",
    "mistake_reporter.began",
    "mistake_reporter.ended",
    "leak_reporter.look",
    "tape.begin",
    "tape.end",
    "tape.fail",
    "tape.show",
    "debug_commands.ended",
    "outcomes.report",
    "outcomes.show_error",
    "session.start",
]


def broken(shell: Any, place: str, error: type[BaseException], patch: pytest.MonkeyPatch) -> None:
    """Let the method at `location_text` raise."""

    def fails(*_: object, **__: object) -> NoReturn:
        raise error("broken")

    *path, name = place.split(".")
    for each in path:
        shell = getattr(shell, each)
    patch.setattr(shell, name, fails)


def assert_alive(type_in: Typed) -> None:
    """The next input is run, and its value shown."""
    assert type_in("40 + 2") == "42\n"


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("place", PLACES)
def test_a_place_that_fails(
    place: str, error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each place in turn raises each class of error: the input ends, the next one runs."""
    with typed_shell() as type_in:
        with monkeypatch.context() as patch:
            broken(type_in.shell, place, error, patch)
            for text in ("1/0", "await asyncio.sleep(0)", ":tasks"):
                type_in(text)
                assert type_in.status is not None
                assert type_in.status.kind != "exit"
            patch.undo()
        assert_alive(type_in)


@pytest.mark.parametrize("name", ["explain_outcome", "error_lines", "explanation_lines"])
@pytest.mark.parametrize("error", ERRORS)
def test_the_error_is_named_even_so(
    name: str, error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where an error cannot be explained, or shown in full, its type and message are."""
    with typed_shell() as type_in:
        with monkeypatch.context() as patch:
            home = explanation_lines if name == "explanation_lines" else outcome_reporter
            broken(home, name, error, patch)
            shown = type_in("async for x in [1]: pass")
        assert f"{error.__name__}: broken" in shown
        assert "Error: " in shown
        assert_alive(type_in)


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("import asyncio; raise asyncio.CancelledError", "CancelledError"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("def f(): f()\nf()", "RecursionError"),
    ],
)
def test_a_loaded_module_that_raises_anything(tmp_path: Any, source: str, line: str) -> None:
    """`:load` of a module that raises what no Exception is: an error like others."""
    path = tmp_path / "loaded.py"
    path.write_text(source)
    with typed_shell() as type_in:
        assert line in type_in(f":load {path}")
        assert type_in.status is not None
        assert type_in.status.kind == "error"
        assert_alive(type_in)


@pytest.mark.parametrize("limit", [60, 100, 250])
def test_a_recursion_limit_that_leaves_no_room_is_lifted(limit: int) -> None:
    """The limit of a statement is not that of the prompt; it is said what it is now."""
    import sys

    before = sys.getrecursionlimit()
    try:
        with typed_shell() as type_in:
            frames = "len(__import__('inspect').stack())"
            shown = type_in(f"import sys; sys.setrecursionlimit({frames} + {limit})")
            type_in("1/0")
            if "recursion limit" in shown:
                assert sys.getrecursionlimit() == 400
            assert_alive(type_in)
    finally:
        sys.setrecursionlimit(before)
