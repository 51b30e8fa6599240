"""`Out` and `_7`: the values of the session by the number of their input, but none that is missed."""

from __future__ import annotations

import builtins
import gc
import time

import pytest
from support.shells import Typed, typed_shell

TASKS = "async def fail(): raise ValueError(7)\nasync def gen():\n    yield 1\n    yield 2\n"


def test_values_have_the_numbers_of_their_inputs(type_in: Typed) -> None:
    """Those that tracebacks and reports call them by; what shows nothing has none."""
    type_in("'a'")
    type_in("x = 2")
    type_in("[1]")
    assert type_in("Out[1], _1, Out[3], _3") == "('a', 'a', [1], [1])\n"
    assert type_in("sorted(Out)") == "[1, 3, 4]\n"
    assert "KeyError: 'input 2 has shown no value that could be kept'" in type_in("Out[2]")
    assert "NameError" in type_in("_2")


def test_the_last_of_several_values_counts(type_in: Typed) -> None:
    """As in IPython."""
    type_in("for n in range(3): n")
    assert type_in("Out[1]") == "2\n"


def test_a_name_of_the_users_goes_first(type_in: Typed) -> None:
    """And when it is gone, ours is there."""
    type_in("Out = {'mine': 1}; _1 = 'mine'")
    type_in("5")
    assert type_in("Out, _1, _2") == "({'mine': 1}, 'mine', 5)\n"
    type_in("del Out")
    assert type_in("Out[2]") == "5\n"


def test_out_is_not_in_out(type_in: Typed) -> None:
    type_in("1")
    assert type_in("Out") == "{1: 1}\n"
    assert type_in("Out") == "{1: 1}\n"


def test_the_last_thousand_are_kept() -> None:
    """And their names; with the session they go."""
    with typed_shell() as type_in:
        for number in range(1005):
            type_in.shell.session.count = number
            type_in.shell.values.show(number)
        out = vars(builtins)["Out"]
        assert list(out) == list(range(5, 1005))
        assert "_4" not in vars(builtins)
        assert "_5" in vars(builtins)
    assert not {"Out", "_5", "_1004"} & set(vars(builtins))


def test_reset_forgets_them(type_in: Typed) -> None:
    type_in("1")
    type_in(":reset")
    assert "NameError" in type_in("Out")
    assert "NameError" in type_in("_1")


@pytest.mark.parametrize(
    "text",
    [
        "[asyncio.create_task(fail())]",
        "{'k': (0, asyncio.create_task(fail()))}",
        "type('Holder', (), {'__init__': lambda self: setattr(self, 't', asyncio.create_task(fail()))})()",
        "lambda task=asyncio.create_task(fail()): 1",
        "__import__('functools').partial(print, asyncio.create_task(fail()))",
    ],
)
def test_a_failed_task_in_a_value_is_reported(type_in: Typed, text: str) -> None:
    """Wherever in it: with the next values it goes, and its error is told."""
    type_in(TASKS)
    type_in(text)
    shown = "".join(type_in(each) for each in ("await asyncio.sleep(0)", "1", "2", "3", "4"))
    assert "ValueError: 7" in shown


def test_a_value_that_comes_to_hold_a_task_is_dropped(type_in: Typed) -> None:
    """Some are looked at after each input: the report comes late at worst."""
    type_in(TASKS)
    type_in("tasks = []")
    type_in("tasks")
    assert type_in("Out[3]") == "[]\n"
    type_in("tasks.append(asyncio.create_task(fail())); await asyncio.sleep(0)")
    type_in("del tasks")
    shown = "".join(type_in(f"'{number}'") for number in range(6))
    assert "ValueError: 7" in shown


def test_a_generator_left_open_in_a_value_is_reported(type_in: Typed) -> None:
    type_in.shell.observing.want("test")
    type_in(TASKS)
    type_in("holder = [gen()]")
    type_in("holder")
    shown = type_in("async for x in holder[0]: break")
    assert "is still open" in shown
    type_in("del holder")
    for text in ("1", "2", "3"):
        type_in(text)
    assert "KeyError" in type_in("Out[3]")


def test_a_coroutine_in_a_value_is_reported(type_in: Typed) -> None:
    """Never awaited: told when it dies."""
    type_in(TASKS)
    shown = "".join(type_in(each) for each in ("[fail()]", "1", "2", "3", "4"))
    assert "never awaited" in shown


@pytest.mark.parametrize(
    "text", ["Dies()", "[Dies()]", "{Dies(): 1}", "Box(Dies())", "open('/dev/null')"]
)
def test_what_would_be_missed_is_not_kept(type_in: Typed, text: str) -> None:
    """A `__del__`, a file, a weak reference to it."""
    type_in("class Dies:\n    def __del__(self): print('died')\n")
    type_in("class Box:\n    def __init__(self, inside): self.inside = inside\n")
    type_in(text)
    assert "KeyError" in type_in("Out[3]")
    type_in("import weakref\nclass Seen: pass\n")
    type_in("seen = Seen(); ref = weakref.ref(seen)")
    type_in("seen")
    assert "KeyError" in type_in(f"Out[{type_in.shell.session.count}]")


def test_other_values_are_kept(type_in: Typed) -> None:
    """Objects, classes, functions, modules, errors that were not raised."""
    for text in ("class A: pass\n", "A()", "A", "lambda: A", "asyncio", "ValueError(1)"):
        type_in(text)
    assert type_in("sorted(Out)") == "[2, 3, 4, 5, 6]\n"


def test_it_costs_little(type_in: Typed) -> None:
    """No key waits for it: some milliseconds for the largest, none for numbers."""
    values = type_in.shell.values
    large = [{"n": [n]} for n in range(1_000_000)]
    began = time.perf_counter()
    values._kept.keep(1, large)
    assert time.perf_counter() - began < 0.1
    assert 1 not in vars(builtins)["Out"]
    for number in range(1000):
        values._kept.keep(number, [[number]] * 10)
    began = time.perf_counter()
    for _ in range(10):
        values.statement_ended()
    assert (time.perf_counter() - began) / 10 < 0.05


def test_no_line_of_the_users_runs(type_in: Typed) -> None:
    """To look into a value asks nothing of it."""
    type_in(
        "class Loud(list):\n"
        "    def __len__(self): print('len'); return 1\n"
        "    def __iter__(self): print('iter'); return iter(())\n"
        "    def __getattribute__(self, name): print(name); return object.__getattribute__(self, name)\n"
        "    def __hash__(self): print('hash'); return 1\n"
        "    def __eq__(self, other): print('eq'); return True\n"
        "    def __repr__(self): return 'loud'\n"
    )
    assert type_in("Loud([1])") == "loud\n"
    assert type_in("'next'") == "'next'\n"


def test_a_coroutine_that_is_shown_in_full_is_one(type_in: Typed) -> None:
    """Nobody is warned of it: who asked to see it has not forgotten it."""
    type_in("async def load(): pass")
    shown = type_in(":show load()")
    gc.collect()
    assert (shown + type_in("1")).endswith("coroutine: await it\n1\n")
    assert "Warning" not in shown
