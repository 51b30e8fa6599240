"""Probes change nothing: errors, messages, positions, output and warnings stay as they are."""

from __future__ import annotations

import gc
import re
from typing import TYPE_CHECKING, Any

import pytest
from explain.harness import load, run

from asyncrepl.explain.library_results import _steps

if TYPE_CHECKING:
    from explain.harness import Report
    from support.shells import Typed

VOLATILE = re.compile(r"0x[0-9a-f]+|Task-\d+|harness.py:\d+")

#: What these print depends on which of two timers a busy machine sees first.
RACES = (
    "except-swallows-cancellation",
    "timeout-ends-the-generator",
    "async-generator-runs-ahead",
)

#: Files whose frames are in the way of the user's, were there any.
OBSERVING = re.compile("asyncrepl/(syntax|instrument|events)/")


def inputs_of(entry: dict[str, Any]) -> list[list[str]]:
    rows = [snippet["inputs"] for snippet in entry["snippets"]]
    return rows + [snippet["fix"]["inputs"] for snippet in entry["snippets"]]


def info(report: Report) -> list[object]:
    """Everything of a report that a user can see, without addresses."""
    error = report.error
    places = [getattr(error, name, None) for name in ("lineno", "offset", "end_offset", "text")]
    texts = [str(error), report.printed, *report.events]
    seen = [type(error), report.failed, *(VOLATILE.sub("#", text) for text in texts)]
    return [*seen, *(places if isinstance(error, SyntaxError) else frames(error))]


def frames(error: BaseException | None) -> list[object]:
    """The typed frames of a traceback, with the exact source span of each."""
    found: list[object] = []
    trace = error.__traceback__ if error else None
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename.startswith("<input") or OBSERVING.search(code.co_filename):
            spans = list(code.co_positions())
            found.append((code.co_filename, code.co_name, spans[trace.tb_lasti // 2]))
        trace = trace.tb_next
    return found


def seen(inputs: list[str], *, instrumented: bool, virtual: bool) -> list[object]:
    gc.collect()
    return info(run(inputs, instrumented=instrumented, virtual=virtual))


@pytest.mark.sampled(4)
@pytest.mark.parametrize("entry", load("misuse"), ids=lambda entry: entry["id"])
def test_known_mistakes_fail_in_the_same_way(entry: dict[str, Any]) -> None:
    """With probes a snippet raises, prints and warns what it does without them."""
    if entry["id"] == "endless-generator-hangs":
        pytest.skip("it hangs, with and without")
    for inputs in inputs_of(entry):
        virtual = entry["id"] in RACES
        plain = seen(inputs, instrumented=False, virtual=virtual)
        assert seen(inputs, instrumented=True, virtual=virtual) == plain


ANYTHING = """\
import asyncio, functools
class Anything:
    asked = set()
    def __getattr__(self, name):
        self.asked.add(name)
        return Anything()
    @staticmethod
    def kept(function):
        @functools.wraps(function)
        async def wrapper(*arguments): return await function(*arguments)
        return wrapper
    async def one(self): return [1]
    def each(self): return self
anything = Anything()
many = Anything.kept(Anything.one)
"""


@pytest.mark.parametrize(
    "mistake",
    ["len(anything.x.one())", "for x in anything.x.one(): pass", "len(many(anything.x))",
     "many(anything.x)[0]", "async for x in anything.x.each().one(): pass"],
)  # fmt: skip
def test_an_object_that_has_every_attribute_is_asked_for_none(
    type_in: Typed, mistake: str
) -> None:
    """To explain a mistake no code of the user's runs, as of a client that sends each name."""
    type_in(ANYTHING)
    told = type_in(mistake)
    assert "why  `" in told
    assert "cannot be" not in told
    assert set(type_in("print(*Anything.asked)").split()) <= {"x"}


def test_an_explanation_makes_no_task_on_the_loop_of_the_user(type_in: Typed) -> None:
    """To know what `anext` gives it steps an async generator of its own, which is closed unseen."""
    type_in("async def none():\n    return; yield\n")
    type_in.shell.observing.want("timeline")
    _steps.cache_clear()
    assert "why  `anext(none())` found no more items" in type_in("await anext(none())")
    gc.collect()
    type_in("await asyncio.sleep(0)")
    timeline = type_in.shell.observing.timeline
    assert timeline is not None
    tasks = [lane.coro for lane in timeline.snapshot().lanes]
    assert "async_generator_athrow" not in tasks


ODD = """\
class Method:
    __hash__ = None
    def __eq__(self, other): print("compared"); return True
class Odd:
    __aiter__ = __anext__ = __aenter__ = __aexit__ = __await__ = Method()
odd = Odd()
"""


@pytest.mark.parametrize(
    "typed", ["odd", "odd?", "Odd?", "odd.x", "for x in odd: pass", "async for x in odd: pass",
              "async with odd: pass", "await odd"],
)  # fmt: skip
def test_special_methods_are_not_compared(type_in: Typed, typed: str) -> None:
    """What stands in the place of one may be an object with an ``__eq__``, and no hash."""
    type_in(ODD)
    told = type_in(typed)
    assert "compared" not in told
    assert "unhashable" not in told


@pytest.mark.parametrize(
    "mistake", ["for x in own: pass", "async for x in own: pass", "await own"]
)
def test_a_dictionary_of_its_own_is_not_asked(type_in: Typed, mistake: str) -> None:
    """What a class has put in the place of ``__dict__`` is code of the user's."""
    type_in('class Own:\n    __dict__ = property(lambda self: print("asked"))\n')
    type_in("own = Own()")
    told = type_in(mistake)
    assert "TypeError" in told
    assert "asked" not in told
