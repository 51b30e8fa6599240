"""What ``:help async for`` tells: the words of the language, rather than of the tool."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from asyncrepl.commands.view_commands import STEP_MEANINGS
from asyncrepl.views.styled_lines import flowed, two_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncrepl.views.styled_lines import Line

__all__ = ["HELP_TOPICS", "topic_lines", "topic_named"]


class _Topic(NamedTuple):
    """What is written, what it does, in which steps, and a line to try."""

    usage: str
    summary: str
    steps: Sequence[tuple[str, str]]
    example: str


HELP_TOPICS = {
    "async for": _Topic(
        "async for TARGET in ITERABLE: BODY",
        "Walks an asynchronous iterable: waits for each value, while other tasks run. It stands "
        "in an async def, or at this prompt. Its six steps, as :trace tells them:",
        STEP_MEANINGS,
        ":trace async for n in ticks(3): n",
    ),
    "async with": _Topic(
        "async with MANAGER as TARGET: BODY",
        "Enters an asynchronous context manager, and leaves it whatever happens in the body:",
        (
            ("1 __aenter__", "gives an awaitable, which is awaited; its result gets the name"),
            ("2 body", "runs; it may await, and be cancelled"),
            ("3 __aexit__", "gives an awaitable, which is awaited, also after an error"),
        ),
        "async with asyncio.timeout(1): await asyncio.sleep(0.5)",
    ),
    "await": _Topic(
        "await AWAITABLE",
        "Waits for a coroutine, a task, a future, or what has __await__, and gives its result:",
        (
            ("1 __await__", "gives what is to be waited for"),
            ("2 suspend", "if it is not there yet: others run until it is"),
            ("3 result", "is the value of the await; or its error is raised here"),
        ),
        "await asyncio.sleep(0.5, 'slept')",
    ),
    "async def": _Topic(
        "async def NAME(…): BODY",
        "Makes a function that can await. To call it runs nothing:",
        (
            ("without yield", "the call gives a coroutine: await it, or make a task of it"),
            ("with yield", "the call gives an async generator: walk it with async for"),
        ),
        "async def ticks(n): …",
    ),
}


def topic_named(text: str) -> str | None:
    """The topic that `text` names, whatever the blanks in it."""
    words = " ".join(text.split())
    return words if words in HELP_TOPICS else None


def topic_lines(name: str, width: int | None) -> list[Line]:
    """What ``:help NAME`` shows of a topic."""
    topic = HELP_TOPICS[name]
    return [
        [("label", topic.usage)],
        *flowed([("", f"  {topic.summary}")], width, 2),
        *two_columns([(f"  {step}", what) for step, what in topic.steps], width),
        *flowed([("dim", "  for example: "), ("code", topic.example)], width, 2),
    ]
