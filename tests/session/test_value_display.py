"""The values of expressions: plain where nobody looks, laid out on a screen, kept by name."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from support.shells import Typed, typed_shell

from asyncrepl.engine.loop.loop_clock import Clock
from asyncrepl.session.frontend import Console
from asyncrepl.session.shell import open_shell

if TYPE_CHECKING:
    from collections.abc import Iterator


def on_screen(*inputs: str, width: int = 40) -> tuple[str, str]:
    """What a screen shows of the last of `inputs`, and what the tape has of it."""
    out = io.StringIO()
    console = Console(out, width=lambda: width, pretty=True)
    with open_shell(console, clock=Clock.virtual()) as shell:
        typed = Typed(shell, out)
        for text in inputs:
            shown = typed(text)
        recorded = shell.tape.recorded_inputs[-1]
        return shown, "".join(piece.text for piece in recorded.pieces)


@pytest.fixture
def type_in() -> Iterator[Typed]:
    with typed_shell() as typed:
        yield typed


def test_a_pipe_and_a_transcript_get_the_repr(type_in: Typed) -> None:
    """However long, in one line, also where prose is wrapped."""
    assert type_in("list(range(5000))") == repr(list(range(5000))) + "\n"
    with typed_shell(width=40) as narrow:
        assert narrow("list(range(50))") == repr(list(range(50))) + "\n"


def test_a_screen_gets_lines_and_the_tape_one() -> None:
    """So a session saved from a narrow screen checks green."""
    shown, recorded = on_screen("list(range(50))")
    assert shown.startswith("[\n  0, 1, 2,")
    assert recorded == repr(list(range(50))) + "\n"


def test_each_repr_is_called_once() -> None:
    """To show, to keep on the tape, to see whether it fits: once for all."""
    define = "class Loud:\n    def __repr__(self): print('asked'); return 'loud ' * 30\n"
    assert on_screen(define, "Loud()")[0].count("asked") == 1
    assert on_screen(define, "{1: [Loud()]}")[0].count("asked") == 1


def test_the_last_three_values_have_names(type_in: Typed) -> None:
    """`_`, `__` and `___`, as in IPython; None does not count."""
    for text in ("1", "2", "None", "3"):
        type_in(text)
    assert type_in("print(_, __, ___)") == "3 2 1\n"
    type_in("4")
    assert type_in("_, __, ___") == "(4, 3, 2)\n"
    type_in(":reset")
    assert "NameError" in type_in("__")


def test_what_reports_its_end_is_kept_once(type_in: Typed) -> None:
    """A coroutine that was shown and forgotten dies with the next value, as under Python."""
    type_in("import weakref\nasync def work(): pass\n")
    type_in("work()")
    type_in("alive = weakref.ref(_)")
    type_in("1")
    assert type_in("alive() is None") == "True\n"


def test_show_gives_all(type_in: Typed) -> None:
    """:show shows the last value, or any."""
    text = type_in(":show list(range(3000))")
    assert eval(text) == list(range(3000))
    type_in("list(range(1500))")
    assert eval(type_in(":show")) == list(range(1500))
    assert eval(type_in(":show _")) == list(range(1500))


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (":show", "no value has been shown: try :show [1, 2, 3]"),
        (":show nothing", ":show nothing: NameError: name 'nothing' is not defined"),
        (":show 1 +", ":show 1 +: SyntaxError: invalid syntax"),
        (":show 1/0", ":show 1/0: ZeroDivisionError: division by zero"),
    ],
)
def test_a_mistake_in_show_is_one_line(type_in: Typed, typed: str, told: str) -> None:
    """What is wrong, and what to do."""
    shown = type_in(typed)
    assert shown.startswith(told)
    assert shown.count("\n") == 1
