"""A mistake is known by what its names stand for: however they were imported."""

from __future__ import annotations

import pytest
from support.shells import typed_shell

ALIASES = (
    "from asyncio import gather as together, create_task as spawn, run as go, wait_for as within",
    "import asyncio as aio",
)
IMPORTED = {
    "import": ALIASES,
    "assigned": (
        "import asyncio as aio",
        "together, go = aio.gather, aio.run",
        "spawn = aio.create_task",
        "within = aio.wait_for",
    ),
}
JOB = "async def job(): return 1"
TICKS = "async def ticks():\n    yield 1\n"


@pytest.mark.parametrize("imports", IMPORTED.values(), ids=list(IMPORTED))
@pytest.mark.parametrize(
    ("mistake", "found"),
    [
        ("await together([job(), job()])", "gather-without-star"),
        ("await together(ticks())", "async-generator-as-awaitable"),
        ("await within(ticks(), 1)", "async-generator-as-awaitable"),
        ("spawn(ticks())", "create-task-of-async-generator"),
        ("aio.create_task(ticks())", "create-task-of-async-generator"),
        ("go(job())", "asyncio-run-inside-the-loop"),
    ],
)
def test_an_alias_keeps_its_explanation(
    imports: tuple[str, ...], mistake: str, found: str
) -> None:
    """Also if it was bound in an earlier input."""
    with typed_shell() as type_in:
        for text in (*imports, JOB, TICKS, mistake):
            shown = type_in(text)
        assert type_in.shell.explanation is not None, shown
        assert type_in.shell.explanation.id == found


def test_a_generator_called_like_a_step_hides_no_step() -> None:
    """What is an async generator function by its name may be a method of one elsewhere."""
    inputs = (
        TICKS,
        "async def aclose():\n    yield 1\n",
        "ticked = ticks()",
        "await anext(ticked)",
    )
    with typed_shell() as type_in:
        for text in (*inputs, "closed = ticked.aclose(); del closed"):
            type_in(text)
        type_in("await asyncio.sleep(0)")
        found = type_in.shell.explanation or type_in.shell.mistake_reporter.asked()
        assert found is not None
        assert found.id == "generator-call-not-awaited"
