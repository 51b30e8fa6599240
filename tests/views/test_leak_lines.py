"""How leaks look."""

from __future__ import annotations

import pytest

from asyncrepl.engine.leaks.open_generators import OpenGenerator
from asyncrepl.events.findings import Leak
from asyncrepl.views.explanation_lines import leak_lines, leak_table
from asyncrepl.views.styled_lines import plain

MADE, LEFT = ("<input 2>", 1), ("<input 3>", 2)
LEAKS = [
    Leak("left open", "readings", MADE, LEFT, "g", by_break=True),
    Leak("left open", "readings", None, LEFT, "g"),
    Leak("left open", "readings", None, LEFT),
    Leak("never iterated", "Feed.readings", LEFT, LEFT),
    Leak("never awaited", "fetch", MADE, LEFT),
    Leak("never awaited", "fetch"),
    Leak("never retrieved", "bad", MADE, name="Task-7"),
    Leak("never retrieved", ""),
    Leak("destroyed pending", "wait", MADE, name="Task-8"),
]
SAID = [
    "leak g, made at <input 2>:1, is still open: `break` at <input 3>:2 left it\ntry  await g.aclose()",
    "leak g (readings) is still open: the loop at <input 3>:2 left it\ntry  await g.aclose()",
    "leak readings is still open: the loop at <input 3>:2 left it\ntry  await ….aclose()",
    "",
    "made <input 2>:1",
    "",
    "made <input 2>:1",
    "",
    "leak nothing refers to it any more, and the loop itself keeps no task\nmade <input 2>:1",
]


def text(leak: Leak, width: int | None = None, typed: str = "") -> str:
    return "\n".join(plain(line) for line in leak_lines(leak, width, typed))


@pytest.mark.parametrize(("leak", "said"), list(zip(LEAKS, SAID, strict=True)))
def test_what_is_said_when_it_happens(leak: Leak, said: str) -> None:
    """What was forgotten, where it was made or left, what to do; nothing for what is unknown."""
    assert text(leak) == said


@pytest.mark.parametrize("leak", LEAKS)
@pytest.mark.parametrize("width", [40, 80])
def test_it_fits_the_screen(leak: Leak, width: int) -> None:
    """At 80 columns at most three lines, at 40 at most four, none too wide."""
    lines = text(leak, width).split("\n")
    assert len(lines) <= (3 if width == 80 else 4)
    assert all(len(line) <= width for line in lines)


def test_the_line_just_typed_is_not_repeated() -> None:
    """A place in a statement of one line that runs now stands on the screen already."""
    assert text(Leak("never awaited", "fetch", MADE), typed="<input 2>") == ""


def test_names_cannot_move_the_cursor() -> None:
    """A name with an escape sequence in it is spelled out."""
    assert "\\x1b[2J" in text(Leak("left open", "\x1b[2J", None, LEFT))


def test_the_table_has_every_leak_and_every_open_generator() -> None:
    """A row each, the kind first; what is open now comes last."""
    still = [
        OpenGenerator("readings", ("<input 1>", 4), ("<input 3>", 1), running=False),
        OpenGenerator("ticks", ("<input 1>", 9), None, running=True),
    ]
    rows = [plain(line) for line in leak_table([*LEAKS[:1], *LEAKS[5:8]], still)]
    assert rows == [
        "left open        g (readings), by `break` at <input 3>:2, made at <input 2>:1",
        "never awaited    fetch",
        "never retrieved  Task-7 (bad), made at <input 2>:1",
        "never retrieved  a future",
        "open now         readings waits at <input 1>:4, begun at <input 3>:1",
        "open now         ticks runs at <input 1>:9",
    ]


def test_without_leaks_it_says_so() -> None:
    """Calmly, in one line."""
    assert [plain(line) for line in leak_table([], [])] == ["no leaks"]
