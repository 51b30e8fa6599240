"""Which step is shown to those who watch, when, and where it is marked."""

from __future__ import annotations

import ast
from itertools import pairwise

import pytest

from asyncrepl.events.iteration_events import LoopSite
from asyncrepl.syntax.sources import Source
from asyncrepl.views.narration_lines import HOLD, Seen, StepFollower, step_rows
from asyncrepl.views.styled_lines import cell_width, plain

SITE = LoopSite("<input 1>", 1, "gen()", "x", "async for", (1, 10))


def seen(round_: int, phase: str, number: int = 1) -> Seen:
    return Seen(number, round_, phase, SITE)


def shown(follower: StepFollower, at: Seen | None, looks: int, start: float) -> list[int]:
    """The steps of so many looks, each `HOLD` after the other; 0 where none is shown."""
    steps = [follower.look(start + each * HOLD, at) for each in range(looks)]
    return [step.step if step else 0 for step in steps]


def test_the_steps_between_two_looks_are_shown_one_by_one() -> None:
    """Also those that took no time; then the one it is in stays."""
    follower = StepFollower()
    assert shown(follower, seen(1, "await"), 5, 0) == [1, 2, 3, 3, 3]
    assert shown(follower, seen(2, "await"), 6, 10) == [4, 5, 2, 3, 3, 3]


def test_each_is_shown_for_a_while() -> None:
    """Ten looks a second change it four times a second at most."""
    follower = StepFollower()
    steps = []
    for look in range(100):
        found = follower.look(look / 10, seen(1 + look // 10, "await" if look % 10 else "body"))
        steps.append(found.step if found else 0)
    changes = [n for n in range(1, 100) if steps[n] != steps[n - 1]]
    assert all(later - sooner >= 2 for sooner, later in pairwise(changes))
    assert set(steps) == {1, 2, 3, 4, 5}


def test_a_fast_program_is_followed_with_gaps() -> None:
    """Steps are left out, so that the picture is never far behind."""
    follower = StepFollower()
    shown(follower, seen(1, "await"), 3, 0)
    follower.look(10, seen(1000, "body"))
    assert [follower.look(10 + n, seen(1000, "body")).round for n in range(1, 4)] == [1000] * 3  # type: ignore[union-attr]
    for n in range(100):
        follower.look(20 + n / 100, seen(2000 + n, "body"))
    last = follower.look(30, seen(2100, "body"))
    assert last is not None
    assert last.round >= 2090


def test_the_end_is_step_six_and_then_nothing() -> None:
    """It lingers for a moment; a new iteration begins with step 1."""
    follower = StepFollower()
    shown(follower, seen(1, "await"), 3, 0)
    assert shown(follower, None, 5, 10) == [6, 6, 6, 6, 0]
    assert shown(follower, seen(1, "await", number=2), 3, 20) == [1, 2, 3]


def marked(text: str, bound: tuple[int, int], step: int, width: int = 79) -> tuple[str, list[str]]:
    """What is marked, and all rows."""
    site = SITE._replace(bound=bound, line=bound[0])
    follower = StepFollower()
    found = None
    for look in range(9):
        if found is None or found.step != step:
            phase = "body" if step in {4, 5} else "await"
            found = follower.look(look * HOLD, Seen(1, 1, phase, site))
    assert found is not None
    rows = step_rows(found, Source("<input 1>", text, ast.parse(text)), "what", width)
    piece = "".join(piece for row in rows for style, piece in row if style == "step")
    return piece, [plain(row) for row in rows]


LOOP = "async for x in gen(3):\n    print(x)"


@pytest.mark.parametrize(
    ("step", "piece"), [(1, "gen(3)"), (2, "for"), (3, "async"), (4, "x"), (5, "print(x)")]
)
def test_each_step_has_its_part_of_the_line(step: int, piece: str) -> None:
    """The rows are the same for each: nothing jumps."""
    found, rows = marked(LOOP, (1, 10), step)
    assert found == piece
    assert rows[:2] == LOOP.split("\n")
    assert len(rows) == 3


def test_other_loops() -> None:
    """In a comprehension, in a function, in one line, behind characters of several bytes."""
    assert marked("y = [x async for x in gen() if x]", (1, 17), 1)[0] == "gen()"
    assert marked("y = [x async for x in gen() if x]", (1, 17), 5)[0] == "x"
    assert marked("async for x in g(): print(x)", (1, 10), 5)[0] == "print(x)"
    text = "async def f():\n    async for a, b in g():\n        pass"
    assert marked(text, (2, 14), 4)[0] == "a, b"
    assert marked("ä = [é async for é in gen()]", (1, 19), 4)[0] == "é"


@pytest.mark.parametrize("width", [39, 20])
def test_what_is_marked_is_seen_on_a_narrow_screen(width: int) -> None:
    """The line loses its front or its end."""
    text = "async for some_long_name in another_long_name(with_an_argument): print(1)"
    for step in (1, 2, 3, 4, 5):
        found, rows = marked(text, (1, 10), step, width)
        assert found
        assert max(map(cell_width, rows)) <= width
