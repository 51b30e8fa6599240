"""A mistake that is spread over several inputs: what the first has made is used in the third."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.shells import Typed

COUNT = """\
class Count:
    def __init__(self, n):
        self.n, self.i = n, 0
    def __aiter__(self):
        return self
    async def __anext__(self):
        if self.i >= self.n:
            raise {}
        self.i += 1
        return self.i"""
LOOP = "async for n in c: print(n)"
DECORATOR = """\
def twice(f):
    async def wrapper(*args):
        {}
    return wrapper"""
DECORATED = "@twice\nasync def nums(n):\n    yield n"


FEED_WITH_AITER = """\
class Feed:
    async def items(self):
        yield 1
    def __aiter__(self):
        return self.items()"""
BASE = """\
class Base:
    def __init__(self):
        self.left = [1, 2]
    def __aiter__(self):
        return self
    def __anext__(self):
        if not self.left:
            raise StopAsyncIteration
        return self.left.pop(0)"""


def corrected(type_in: Typed) -> str:
    """What ``:fix`` has on the input line."""
    return type_in(":fix").rstrip("\n")


@pytest.mark.parametrize(
    ("inputs", "shows"),
    [
        ((COUNT.format("StopIteration"), "c = Count(2)", LOOP), "1\n2\n"),
        (
            (
                COUNT.format("StopIteration"),
                "def make(n):\n    return Count(n)",
                "c: Count = make(2)",
                "d = Count(9)",
                LOOP,
            ),
            "1\n2\n",
        ),
        (
            (DECORATOR.format("return await f(*args)"), DECORATED, "async for n in nums(3): n"),
            "3\n",
        ),
        (
            (
                BASE,
                "class Pages(Base):\n    pass",
                "pages = Pages()",
                "[n async for n in pages]",
            ),
            "[1, 2]\n",
        ),
        (("async def load():\n    return [1, 2]", "rows = load()", "rows[0] + 1"), "2\n"),
        (("async def load():\n    return [1, 2]", "load()", "_[1]"), "[1, 2]\n2\n"),
    ],
)
def test_a_correction_brings_what_was_made_of_it_and_what_failed(
    type_in: Typed, inputs: tuple[str, ...], shows: str
) -> None:
    """Run as it is, it does what the last input was to do."""
    for each in inputs:
        type_in(each)
    text = corrected(type_in)
    assert type_in(text) == shows
    assert "d = " not in text  # what nobody needs now stays as it is


def test_what_raised_nothing_is_not_run_again(type_in: Typed) -> None:
    """It has done its work, and may do it twice."""
    type_in("async def save(n):\n    return n")
    type_in("async def store():\n    save(1)\n    return 5")
    assert "why " in type_in("await store()")
    assert corrected(type_in) == "async def store():\n    await save(1)\n    return 5"


@pytest.mark.parametrize(
    ("first", "made", "anew", "last", "name"),
    [
        (COUNT.format("StopIteration"), "c = Count(2)", COUNT.format("StopAsyncIteration"), LOOP, "c"),
        ("def c_of(n):\n    yield n", "c = c_of(2)", "async def c_of(n):\n    yield n", LOOP, "c"),
        (
            "class Feed:\n    async def items(self):\n        yield 1",
            "feed = Feed()",
            "class Feed:\n    async def __aiter__(self):\n        yield 1",
            "async for n in feed: n",
            "feed",
        ),
        (
            "class Feed:\n    async def items(self):\n        yield 1",
            "feed = Feed()",
            FEED_WITH_AITER,
            "async for n in feed: n",
            "feed",
        ),
        (
            DECORATOR.format("return await f(*args)"),
            DECORATED,
            DECORATOR.format("async for n in f(*args):\n            yield n"),
            "async for n in nums(3): n",
            "nums",
        ),
    ],
)  # fmt: skip
def test_what_an_older_definition_has_made_is_told(
    type_in: Typed, first: str, made: str, anew: str, last: str, name: str
) -> None:
    """To correct the definition a second time, as if it had not been, would help nobody."""
    for each in (first, made, last, anew):
        type_in(each)
    assert f"why  `{name}` was made by an older" in type_in(last).replace("\n     ", " ")
    assert corrected(type_in) == f"{made}\n{last}"
    assert "Error" not in type_in(corrected(type_in))


def test_what_holds_objects_of_an_older_class_is_named(type_in: Typed) -> None:
    """By its own name, and not by that of a comprehension's variable."""
    type_in("class Worker:\n    def run(self):\n        return 1")
    type_in("pool = [Worker() for _ in range(2)]")
    type_in("class Worker:\n    async def run(self):\n        return 1")
    shown = type_in("await asyncio.gather(*[w.run() for w in pool])")
    assert "why  `pool` was made by an older `Worker`" in shown
    assert type_in(corrected(type_in)) == "[1, 1]\n"


def test_what_a_correction_has_made_anew_is_not_missed(type_in: Typed) -> None:
    """The coroutine in the old object was explained: nobody is warned of it when it goes."""
    type_in("async def price():\n    return 3")
    type_in("class Order:\n    def __init__(self, price):\n        self.price = price")
    type_in("order = Order(price())")
    type_in("order.price * 2")
    assert type_in(corrected(type_in)) == "6\n"
    assert type_in("1") == "1\n"


def test_a_new_definition_with_the_same_mistake_is_corrected_itself(type_in: Typed) -> None:
    """What was made by the old one would fail again when it is made anew."""
    for each in (COUNT.format("StopIteration"), "c = Count(2)", LOOP):
        type_in(each)
    type_in(COUNT.format("StopIteration") + "\n    def close(self):\n        pass")
    shown = type_in(LOOP)
    assert "an older" not in shown
    assert "StopAsyncIteration" in shown


def test_the_same_definition_once_more_is_no_newer_one(type_in: Typed) -> None:
    """Somebody has pressed Up and Enter: the object is as good as a new one."""
    feed = "class Feed:\n    def __aiter__(self):\n        return self"
    for each in (feed, "f = Feed()", feed):
        type_in(each)
    shown = type_in("async for n in f: n")
    assert "has no `__anext__`" in shown
    assert "an older" not in shown


@pytest.mark.parametrize(
    ("inputs", "last"),
    [
        # What was made was made again.
        (("def c_of(n):\n    yield n", "c = c_of(2)", "def c_of(n):\n    yield n + 1"), "c = c_of(3)"),
        # It is not what is used.
        (("def c_of(n):\n    yield n", "d = c_of(2)", "def c_of(n):\n    yield n + 1"), "c = c_of(3)"),
        # It is only given to what is refused.
        (("def n_of():\n    return 1", "n = n_of()", "async def n_of():\n    return 1"), "c = [n]"),
        # The older definition is no part of the mistake.
        (("def length(n):\n    return n", "n = length(2)", "def length(n):\n    return n + 1"), "c = [n]"),
    ],
)  # fmt: skip
def test_what_is_of_the_newest_is_not_called_older(
    type_in: Typed, inputs: tuple[str, ...], last: str
) -> None:
    """The mistake itself is told."""
    for each in (*inputs, last):
        type_in(each)
    assert "an older" not in type_in(LOOP)


def test_a_coroutine_of_another_input_that_has_run_is_made_again(type_in: Typed) -> None:
    """Also several of one list: no name is made a function, as would be in a program."""
    type_in("async def load(n=1):\n    return n")
    type_in("jobs = [load(n) for n in range(2)]")
    type_in("job = load()")
    for last, again in (
        ("await asyncio.gather(*jobs)", "await asyncio.gather(*[load(n) for n in range(2)])"),
        ("await job", "await load()"),
    ):
        shown = type_in(last)
        assert "runs once" in type_in(last).replace("\n     ", " ")
        assert corrected(type_in) == again
        assert type_in(again) == shown


def test_what_runs_on_a_loop_of_its_own_is_awaited_whatever_is_corrected(type_in: Typed) -> None:
    """The mistake that was told before is not on the input line again, nor the call twice."""
    script = (
        "async def page(n):\n    return [n]\n"
        "async def main():\n    for row in page(1):\n        print(row)\n"
    )
    type_in(script + "asyncio.run(main())")
    type_in("await main()")
    text = corrected(type_in)
    assert text == script.replace("in page", "in await page") + "await main()"
    assert type_in(text) == "1\n"


def test_a_limit_of_another_input_that_was_entered_is_made_again(type_in: Typed) -> None:
    """In the block itself: the name keeps what it has."""
    type_in("limit = asyncio.timeout(3)")
    type_in("async with limit: pass")
    assert "entered before" in type_in("async with limit: print(2)")
    assert corrected(type_in) == "async with asyncio.timeout(3): print(2)"


def test_who_calls_what_becomes_async_awaits_it(type_in: Typed) -> None:
    """In other inputs as in a program, also where only a warning was shown."""
    type_in("async def save(n):\n    print('saved', n)")
    type_in("def store(ns):\n    for n in ns: save(n)")
    type_in("def twice():\n    store([1])\n    store([2])")
    type_in("for _ in range(1): twice()")
    text = corrected(type_in)
    assert text.endswith("for _ in range(1): await twice()")
    assert type_in(text) == "saved 1\nsaved 2\n"


def test_a_generator_that_a_function_has_walked_is_named_as_it_was_given(type_in: Typed) -> None:
    """The parameter is nobody's concern here; the call of the last input gets a new one."""
    type_in("async def ticks(n):\n    for i in range(n): yield i")
    type_in("async def total(source):\n    return sum([n async for n in source])")
    type_in("g = ticks(4)")
    type_in("await total(g)")
    assert "why  `g`, here `source`, is at its end" in type_in("await total(g)")
    assert corrected(type_in) == "await total(ticks(4))"


SLOW = "async def slow():\n    for n in range(9):\n        await asyncio.sleep(1)\n        yield n"
LIMITED = """\
try:
    async with asyncio.timeout({}):
        rows = [n async for n in slow()]
except TimeoutError:
    print("late")"""


def test_what_is_only_given_to_what_is_refused_is_not_called_older(type_in: Typed) -> None:
    """The plain function is the mistake, and not what made its argument."""
    type_in("def fetch():\n    return 1")
    type_in("data = fetch()")
    type_in("async def fetch():\n    return 1")
    type_in("def double(n):\n    return 2 * n")
    shown = type_in("await double(data)")
    assert "`double` is a plain function" in shown
    assert "an older" not in shown


def test_a_name_that_a_time_limit_has_left_out_is_told_in_a_later_input(type_in: Typed) -> None:
    """The items that were there by then are kept."""
    type_in(SLOW)
    assert type_in(LIMITED.format(2.5)) == "late\n"
    assert "why  The time was up before" in type_in("rows")
    assert type_in(corrected(type_in)) == "late\n[0, 1]\n"


@pytest.mark.parametrize("between", ["del rows", "rows = 1\ndel rows"])
def test_a_name_that_was_bound_and_deleted_is_no_time_limits_work(
    type_in: Typed, between: str
) -> None:
    """Nor one that another error has kept from being bound."""
    type_in(SLOW)
    type_in(LIMITED.format(99))
    type_in(between)
    assert "time" not in type_in("rows")


def test_what_generated_code_has_called_is_told_where_it_was_typed(type_in: Typed) -> None:
    """A dataclass calls ``__post_init__`` in code that nobody can read."""
    type_in("from dataclasses import dataclass")
    type_in(
        "@dataclass\nclass Client:\n    url: str\n    async def __post_init__(self):\n        pass"
    )
    assert "why  <input 2>:4: `Client.__post_init__` is `async def`" in type_in("c = Client('x')")


def test_a_task_that_runs_what_was_wrong_is_begun_anew(type_in: Typed) -> None:
    """It would go on with the old function; what another task runs finds the new one itself."""
    type_in("async def save(n):\n    print('saved', n)")
    type_in("async def beat():\n    while True:\n        save(1)\n        await asyncio.sleep(1)")
    type_in("async def other():\n    while True:\n        await asyncio.sleep(1)\n        beat")
    type_in("kept = asyncio.create_task(other())")
    type_in("task = asyncio.create_task(beat())")
    text = corrected(type_in)
    assert text.endswith("\ntask.cancel()\ntask = asyncio.create_task(beat())")
    assert "kept" not in text
    type_in(text)
    assert type_in("await asyncio.sleep(1.5)") == "saved 1\n"
