"""The chapters of the tour: what it shows, in which order, and what it says of it.

Each step is one line that the user types. It counts as done when that line, or one that `also`
matches, has ended as it should; so the sentences are true of all of those.
"""

from __future__ import annotations

from typing import NamedTuple


class TourStep(NamedTuple):  # no dataclass: those take a millisecond each to import
    """One line to type; `before` says what will be seen, `after` what was.

    `also` is a pattern for other lines that show the same. `fails` says that the line is
    to end with a mistake that can be fixed.
    """

    line: str
    before: str
    after: str
    also: str = ""
    fails: bool = False


class TourChapter(NamedTuple):
    """Some steps that belong together.

    `needs` are the commands whose work its lines take for granted, by the name they make.
    """

    title: str
    steps: tuple[TourStep, ...]
    needs: tuple[tuple[str, str], ...] = ()


#: Where the input line offers what is to be typed, and where it cannot.
INTRODUCTION = (
    "Five short chapters. Tab takes the line that is offered, Enter runs it. "
    "Type anything else whenever you like, the tour waits; :tour says again what is "
    "next, :tour stop ends it."
)
PLAIN_INTRODUCTION = (
    "Five short chapters, with a line to type at each step. "
    "Type anything else whenever you like, the tour waits; :tour says again what is "
    "next, :tour stop ends it."
)

_NEEDS_TICKS, _NEEDS_TICKER = ("ticks", ":load ticks"), ("tick", ":ticker tick 1")

CHAPTERS = (
    TourChapter(
        "two things at once",
        (
            TourStep(
                ":ticker tick 1",
                "A ticker is a background task: it prints, and you go on typing.",
                "It ticks while you type. Your line stays whole below its output.",
                also=r":ticker \w+( \S+)?",
            ),
            TourStep(
                ":load ticks",
                "Something to iterate over: ticks gives a number each second.",
                "ticks is a name of yours now. :load alone lists all sources.",
            ),
            TourStep(
                "async for n in ticks(3): n",
                "async for waits for each number. Watch what the ticker does meanwhile.",
                "Two tasks, one thread: while one waits for its next value, the other runs.",
                also=r"async for \w+ in ticks\(.*",
            ),
        ),
    ),
    TourChapter(
        "the six steps",
        (
            TourStep(
                ":trace async for n in ticks(2): n",
                "The same loop, told while it happens: the steps of an async for.",
                "Step 3 is where it waits, and tells who ran meanwhile. :help trace has all six.",
                also=r":trace async for .*",
            ),
        ),
        (_NEEDS_TICKS, _NEEDS_TICKER),
    ),
    TourChapter(
        "a mistake, and its fix",
        (
            TourStep(
                "for n in ticks(3): n",
                "A mistake on purpose: a plain for cannot wait.",
                "First Python's own message, then why, then what to write.",
                also=r"for \w+ in ticks\(.*",
                fails=True,
            ),
            TourStep(
                ":fix",
                ":fix puts the corrected code on the input line.",
                "There it is, to be changed or to be run.",
            ),
            TourStep(
                "async for n in ticks(3): n",
                "Enter runs it.",
                "Mended. :why tells the whole story of a mistake.",
                also=r"async for \w+ in ticks\(.*",
            ),
        ),
        (_NEEDS_TICKS,),
    ),
    TourChapter(
        "slow motion",
        (
            TourStep(
                ":rate 0.25",
                "Your code's time can be slow: each second of it will take four.",
                "The ticker is slow now, too. The prompt is not.",
                also=r":rate 0\S+",
            ),
            TourStep(
                "async for n in ticks(2, 0.5): n",
                "Watch the lanes below: a row is a task. Ctrl-S pauses, Ctrl-C stops.",
                "The times are as before, they only pass more slowly. :freeze stops them.",
                also=r"async for \w+ in ticks\(.*",
            ),
            TourStep(
                ":rate 1",
                "Back to real time.",
                "A second is a second again.",
                also=r":rate \S+",
            ),
            TourStep(
                ":stop tick",
                "The ticker has done its work.",
                "It was a task, and is cancelled.",
                also=r":stop \w+",
            ),
        ),
        (_NEEDS_TICKS, _NEEDS_TICKER),
    ),
    TourChapter(
        "a replay",
        (
            TourStep(
                ":replay await",
                "A demo of the course types itself. Ctrl-C holds it, :resume goes on.",
                "That was the tour. :demos is the course, :load lists sources to iterate over, "
                ":help all commands.",
                also=r":replay \S+",
            ),
        ),
    ),
)


def tour() -> tuple[TourChapter, ...]:
    """The chapters of ``:tour``: each has a `title` and `steps`, a step has its `line`."""
    return CHAPTERS
