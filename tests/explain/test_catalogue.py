"""Every known mistake that fails is explained by its cause, and the correction runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from explain.figures import judge, snippets
from explain.harness import judged_as, load, result_of, run
from explain.outcomes import outcome

from asyncrepl.explain.explainer import RULES

if TYPE_CHECKING:
    from collections.abc import Callable

    from explain.figures import Verdict

PYTHONS = ["3.11", "3.12", "3.13", "3.14", "3.15"]
#: Nothing fails and no suspicious value is shown: told by leaks and blocked loops, not here.
QUIET = (
    "anext-without-await#assigned",
    "anext-without-await#compared-with-a-value",
    "async-generator-never-iterated#object-in-an-f-string",
    "async-generator-never-iterated#validation-that-never-happens",
)
#: Explained without a correction: what was meant cannot be known.
NO_FIX = (
    "anext-returns-broken-awaitable",
    "coroutine-driven-like-a-generator#send-in-a-loop",
    "asyncio-object-of-another-loop",
)
#: The correction runs, and shows something else than the reference does.
OTHER_OUTPUT = (
    "async-for-in-sync-def#init-that-loads",  # the factory has another name
    "generator-methods-without-a#close",  # the reference adds a print
    "await-async-generator#a-yield-left-in-a-coroutine",  # it might be meant as a generator
    "exhausted-anext-raises#one-step-too-far",  # the default is None
    "concurrent-steps-of-one-generator#aclose-while-another-task-waits-in-it",  # adds a print
    "task-waits-for-itself",  # adds a print
    "anext-without-await#at-the-prompt",  # each of the two inputs is told for itself
)
SHOWN = (
    "prompt-call-without-await",
    "anext-without-await",
    "async-generator-never-iterated",
)


def covered() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    return [
        (entry, snippet)
        for entry, snippet in snippets()
        if result_of(snippet) == "error" or entry["id"] in SHOWN
        if snippet["id"] not in QUIET
    ]


def names(pair: tuple[dict[str, Any], dict[str, Any]]) -> str:
    return str(pair[1]["id"])


@pytest.mark.parametrize("pair", covered(), ids=names)
def test_cause_and_step_are_right_and_the_fix_runs(
    pair: tuple[dict[str, Any], dict[str, Any]],
    record_property: Callable[[str, object], None],
) -> None:
    """Typed input by input, the mistake is recognised and its correction runs clean."""
    verdict = judge(*pair)
    record_property("right cause", verdict.right)
    record_property("fix runs", verdict.right and verdict.clean)
    record_property("prints what it should", verdict.right and verdict.printed)
    check(verdict)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("pair", covered(), ids=names)
def test_the_same_in_one_file(pair: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """As one text, the mistake is recognised and the whole corrected text runs clean."""
    check(judge(*pair, whole=True))


@pytest.mark.parametrize("pair", covered(), ids=names)
def test_observation_takes_no_explanation_away(
    pair: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    """With lanes and a trace on, the mistake is recognised just as well."""
    entry, snippet = pair
    explanation = run(snippet["inputs"], traced=True).explanation
    assert explanation is not None
    assert (explanation.id, explanation.step) == (entry["id"], entry["step"])


def check(verdict: Verdict) -> None:
    assert verdict.found == verdict.wanted
    assert verdict.step_right
    assert len(verdict.why) <= 180
    if not verdict.id.startswith(NO_FIX):
        assert verdict.clean, verdict.detail
    if not verdict.id.startswith((*NO_FIX, *OTHER_OUTPUT)):
        assert verdict.printed, verdict.detail


def test_rules_name_misconceptions_of_the_catalogue() -> None:
    """Each rule has the id and step of an entry of the catalogue."""
    known = {(entry["id"], entry["step"]) for entry in load("misuse")}
    assert {(rule.id, rule.step) for rule in RULES} <= known


def test_a_python_that_nobody_has_tried_yet_is_judged_as_the_newest() -> None:
    """Nothing is left out there without a word."""
    known = ["3.9", "3.13", "3.15"]
    assert [judged_as(known, each) for each in ("3.13", "3.14", "3.15", "3.16", "4.0")] == [
        "3.13", "3.13", "3.15", "3.15", "3.15"
    ]  # fmt: skip
    assert len(covered()) > 200
    assert all(list(s["outcome"]) == PYTHONS for e in load("misuse") for s in e["snippets"])


def test_outcomes_are_those_of_this_python() -> None:
    """A script takes them, without any code of ours; a few of them once more."""
    ids = {"async-for-over-list#statement", "anext-without-await#assigned"}
    for _, snippet in snippets():
        if snippet["id"] in ids or snippet["id"].startswith("sync-with"):
            assert outcome(snippet["inputs"]) == snippet["outcome"][judged_as(PYTHONS)]
