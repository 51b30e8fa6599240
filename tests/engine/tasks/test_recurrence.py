"""The state by which it is known that a program goes round for ever: whatever changes is in it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from textwrap import dedent
from typing import Any

import pytest

from asyncrepl.engine.tasks.recurrence import _State, _UnknownError

#: What a program holds, and how it changes.
CHANGES = [
    ("held = Counter()", "held['a'] += 1; held['a'] += 1"),
    ("held = defaultdict(int, a=1)", "held['a'] += 1"),
    ("held = OrderedDict(a=1)", "held['a'] += 1"),
    ("class Box(list): pass\nheld = Box([1])", "held[0] = 2"),
    ("class Ring(deque): pass\nheld = Ring([1])", "held.append(2)"),
    ("class Money(float): pass\nheld = [Money(1)]", "held[0] = Money(2)"),
    ("class Name(str): pass\nheld = [Name('a')]", "held[0] = Name('b')"),
    ("P = namedtuple('P', 'x')\nheld = [P(1)]", "held[0] = P(2)"),
    ("held = [1] * 100", "held[99] = 2"),
    ("held = dict.fromkeys(range(100), 1)", "held[99] = 2"),
    ("held = bytearray(2)", "held[1] = 1"),
    ("held = [1j]", "held[0] = 2j"),
    ("def held(n=[0]): pass", "held.__defaults__[0][0] = 1"),
    ("def held(): pass\nheld.calls = 0", "held.calls = 1"),
    ("def make(n):\n    return lambda: n\nheld = make([0])", "held.__closure__[0].cell_contents[0] = 1"),
    ("held = [partial(print, 1)]", "held[0] = partial(print, 2)"),
    ("held = [KeyError(1)]", "held[0] = KeyError(2)"),
    ("class Box: n = 0\nheld = Box", "Box.n = 1"),
    ("class Clock: pass\nclass Box: clock = Clock()\nheld = Box()", "Box.clock.n = 1"),
    ("class Box: items = iter([1, 2, 3])\nheld = Box", "next(Box.items)"),
    ("class Box: __slots__ = ('n',)\nheld = Box()", "held.n = 1"),
    ("class Box: pass\nheld = WeakSet(); kept = [Box()]; held.add(kept[0])", "kept.clear()"),
    ("held = iter([1, 2, 3])", "next(held)"),
    ("held = (n for n in range(3)); next(held)", "next(held)"),
    (
        "loop = asyncio.new_event_loop(); loop.close(); held = asyncio.Future(loop=loop)",
        "held.add_done_callback(partial(print, 1))",
    ),
    ("held = SimpleNamespace(n=1)", "held.n = 2"),
    ("class Box: n = 0\nheld = Box().__init__", "held.__self__.n = 1"),
]  # fmt: skip
#: What does not tell what is in it.
UNKNOWN = [
    "array('i', [1])", "StringIO('a')", "count()", "ContextVar('a')", "Random(1)",
    "count().__next__", "re.compile('a').scanner('a')", "iter(list, 1)", "cycle([1])", "repeat(1)", "islice([1], 1)",
]  # fmt: skip
PROGRAM = """
import asyncio, re
from array import array
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from contextvars import ContextVar
from functools import partial
from io import StringIO
from itertools import count, cycle, islice, repeat
from random import Random
from types import SimpleNamespace
from weakref import WeakSet
async def hold(thing):
    await asyncio.sleep(9)
"""


class Holding:
    """A task that holds something, in a program of its own."""

    def __init__(self, made: str) -> None:
        self.names: dict[str, Any] = {"__name__": "__main__"}
        exec(PROGRAM + dedent(made), self.names)
        self.loop = asyncio.new_event_loop()
        self.task = self.loop.create_task(self.names["hold"](self.names["held"]))
        self.loop.run_until_complete(asyncio.sleep(0))

    def state(self) -> int:
        return hash(_State().of([self.task], []))

    def close(self) -> None:
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            self.loop.run_until_complete(self.task)
        self.loop.close()


@pytest.mark.parametrize(("made", "change"), CHANGES, ids=[each[0] for each in CHANGES])
def test_a_change_is_another_state(made: str, change: str) -> None:
    holding = Holding(made)
    before, again = holding.state(), holding.state()
    exec(change, holding.names)
    after = holding.state()
    holding.close()
    assert before == again
    assert before != after


@pytest.mark.parametrize("made", UNKNOWN)
def test_what_does_not_tell_is_unknown(made: str) -> None:
    holding = Holding(f"held = {made}")
    with pytest.raises(_UnknownError):
        holding.state()
    holding.close()


def test_what_a_timer_is_to_call_belongs_to_the_state() -> None:
    holding = Holding("held = None")
    states = set()
    for number in (2, 1, 1):
        timer = holding.loop.call_later(9, print, number)
        states.add(hash(_State().of([holding.task], [timer])))
        timer.cancel()
        states.add(holding.state())
    holding.close()
    assert len(states) == 3
