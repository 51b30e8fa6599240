"""``asyncrepl explain`` says of a program what the prompt says of the same code, typed."""

from __future__ import annotations

import contextlib
import gc
import io
import signal
import sys
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from explain.harness import goes_wrong, load, result_of

from asyncrepl.cli.diagnosis import Diagnosis, Program, diagnose, diagnosis_as_object
from asyncrepl.explain.explanation import Explanation
from asyncrepl.session.leak_reporter import LeakReporter

if TYPE_CHECKING:
    from collections.abc import Iterator

#: A mistake at the prompt only, where a loop runs: ``python FILE`` runs these well.
RIGHT_IN_A_FILE = ["asyncio-run-inside-the-loop#at-the-prompt"]
if sys.version_info < (3, 14):  # from then on `get_event_loop` makes no loop
    RIGHT_IN_A_FILE.append("run-until-complete-inside-the-loop#running-loop")


@pytest.fixture(autouse=True)
def time_limit() -> Iterator[None]:
    """End what a wrong correction never would."""

    def too_long(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(10)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def diagnosed(text: str) -> Diagnosis:
    out = io.StringIO()
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(out),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("default")
        return diagnose(Program(text))


def failing() -> list[Any]:
    return [
        pytest.param(entry, "\n".join(snippet["inputs"]), id=snippet["id"])
        for entry in load("misuse")
        for snippet in entry["snippets"]
        if goes_wrong(snippet) and result_of(snippet) == "error"
        if snippet["id"] not in RIGHT_IN_A_FILE
    ]


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("entry", "text"), failing())
def test_a_program_is_explained_as_typed_code_is(entry: dict[str, Any], text: str) -> None:
    """The cause and the step are the same, and the whole corrected program ends well."""
    answer = diagnosis_as_object(diagnosed(text), Program(text))
    assert answer["error"]["line"] >= 1
    explanation = answer["explanation"]
    assert (explanation["id"], explanation["step"]) == (entry["id"], entry["step"])
    if explanation["fix"] is not None:
        assert diagnosed(explanation["fix"]).error is None


def silent() -> list[Any]:
    return [
        pytest.param(entry, "\n".join(snippet["inputs"]), id=snippet["id"])
        for entry in load("misuse")
        for snippet in entry["snippets"]
        if goes_wrong(snippet) and result_of(snippet) != "error"
    ]


@pytest.mark.parametrize(("entry", "text"), silent())
def test_a_program_that_fails_in_silence_is_explained(entry: dict[str, Any], text: str) -> None:
    """Also where it waits for ever: then it is ended."""
    answer = diagnosis_as_object(diagnosed(text), Program(text))
    assert answer["error"] is None
    assert answer["explanation"] is not None
    assert (answer["explanation"]["id"], answer["explanation"]["step"]) == (
        entry["id"],
        entry["step"],
    )


def test_one_thing_after_the_other_is_no_mistake_by_itself() -> None:
    """Only an author who measures the time is told that a loop starts nothing beside it."""
    text = (
        "async def three():\n    for n in range(3): yield n\n"
        "async for n in three(): await asyncio.sleep(0.001)\n"
    )
    assert diagnosed(text).explanation is None
    timed = f"import time; start = time.perf_counter()\n{text}print(time.perf_counter() - start)"
    explanation = diagnosed(timed).explanation
    assert explanation is not None
    assert explanation.id == "async-for-is-concurrent"


@pytest.mark.parametrize("name", RIGHT_IN_A_FILE)
def test_what_is_wrong_at_the_prompt_only_is_right_in_a_file(name: str) -> None:
    """A program may bring its own loop."""
    text = next("\n".join(s["inputs"]) for e in load("misuse") for s in e["snippets"] if s["id"] == name)  # fmt: skip
    assert diagnosed(text) == Diagnosis()


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("loop.run_until_complete(main())\nloop.run_until_complete(main())\n", "new_event_loop()"),
        ("asyncio.get_event_loop().run_until_complete(main())\n", "asyncio.run(main())"),
        ("loop.run_until_complete(main())\n", "asyncio.run(main())"),
    ],
)
def test_a_loop_asked_for_where_none_is(text: str, fix: str) -> None:
    """Once `asyncio.run` is over there is none in the thread, on any Python."""
    head = "import asyncio\n\nasync def main():\n    print(1)\n\nasyncio.run(main())\n"
    asked = "loop = asyncio.get_event_loop()\n" if text.startswith("loop") else ""
    found = diagnosis_as_object(diagnosed(head + asked + text), Program(head + asked + text))
    assert found["error"]["type"] == "RuntimeError"
    assert found["explanation"]["id"] == "run-until-complete-inside-the-loop"
    assert "none runs here" in found["explanation"]["why"]
    assert fix in found["explanation"]["fix"].removeprefix(head)
    assert diagnosed(found["explanation"]["fix"]).error is None


def test_without_an_error_the_first_misuse_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the shell finds to explain is told: of several things the first."""
    first, second = (Explanation(n, "title", 5, "because", None, None, "") for n in "ab")

    def look(self: LeakReporter, _outcome: object = None) -> None:
        self._context.explanation = first
        self._context.explanation = second

    monkeypatch.setattr(LeakReporter, "look", look)
    assert diagnosed("x = 1\n") == Diagnosis(explanation=first, more=(second,))


@pytest.mark.parametrize("control", load("controls"), ids=lambda control: control["id"])
def test_controls_are_met_with_silence(control: dict[str, Any]) -> None:
    """What is no async mistake at the prompt is none in a program."""
    if not control["incomplete"]:
        assert diagnosed("\n".join(control["inputs"])).explanation is None


def test_what_a_coroutine_dies_in_has_not_made_it() -> None:
    """A collection is a call of another function; the call that made it is named."""
    gc.collect()  # else one that another thread has begun, of what tests left, makes this one empty
    found = diagnosed(
        "import asyncio, gc\nasync def work(): return 1\nasync def main():\n    box = {}\n"
        "    box['me'] = box\n    box['made'] = work()\n    del box\n    gc.collect()\n"
        "asyncio.run(main())\n"
    ).explanation
    assert found is not None
    assert "gc.collect" not in found.why
    assert found.fix is not None
    assert "= await work()" in found.fix.text
