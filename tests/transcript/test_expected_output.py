from __future__ import annotations

import random
import re

import pytest

from asyncrepl.transcript.transcript_output import line_matches, merged_output, output_matches


def by_regex(expected: list[str], actual: list[str]) -> bool:
    """The meaning of `…` as a regular expression: right, and too slow for a real one."""
    pattern = ""
    for line in expected:
        if line == "…":
            pattern += r"(?:[^\n]*\n)*"
        else:
            pattern += ".*".join(map(re.escape, line.split("…"))) + r"\n"
    return re.fullmatch(pattern, "".join(line + "\n" for line in actual)) is not None


def cases(count: int) -> list[tuple[list[str], list[str]]]:
    """Short lines of few characters, half of the actual ones made from the expected."""
    chance = random.Random(20)

    def line(alphabet: str) -> str:
        return "".join(chance.choices(alphabet, k=chance.randrange(4)))

    def lines(alphabet: str) -> list[str]:
        return [chance.choice([line(alphabet), "…"]) for _ in range(chance.randrange(5))]

    result = []
    for _ in range(count):
        expected = lines("ab…")
        made = [chance.choice([text.replace("…", line("ab")), line("ab")]) for text in expected]
        result.append((expected, chance.choice([made, [line("ab") for _ in range(4)]])))
    return result


@pytest.mark.parametrize(
    ("expected", "actual", "same"),
    [
        ("abc", "abc", True),
        ("abc", "abcd", False),
        ("…", "", True),
        ("…", "anything", True),
        ("a…", "a", True),
        ("a…c", "abbc", True),
        ("a…a", "a", False),
        ("a…b…c", "a-c-b", False),
        ("a…b…c", "a-b-c", True),
        ("……", "x", True),
        ("a…b", "a…b", True),
        ("KeyboardInterrupt…", "KeyboardInterrupt at <input 3>:1", True),
        ("a", "a ", False),
    ],
)
def test_a_gap_in_a_line_is_any_run_of_characters(expected: str, actual: str, same: bool) -> None:
    """`…` in a line stands for any run of characters, also none; the rest is exact."""
    assert line_matches(expected, actual) is same


@pytest.mark.parametrize(
    ("expected", "actual", "same"),
    [
        ([], [], True),
        ([], ["a"], False),
        (["a"], [], False),
        (["…"], [], True),
        (["…"], ["a", "", "b"], True),
        (["a", "…"], ["a"], True),
        (["…", "a"], ["a", "a"], True),
        (["a", "…", "a"], ["a"], False),
        (["a", "…", "b", "…", "c"], ["a", "x", "b", "c"], True),
        (["a", "…", "b", "…", "c"], ["a", "c", "b"], False),
        (["a…", "…", "z"], ["ab", "…", "z"], True),
        (["a", "", "b"], ["a", "b"], False),
    ],
)
def test_a_gap_line_is_any_number_of_lines(
    expected: list[str], actual: list[str], same: bool
) -> None:
    """A line that is only `…` stands for any number of lines, also none."""
    assert output_matches(expected, actual) is same


def test_matching_means_what_the_regular_expression_means() -> None:
    """On 5,000 random cases, both gaps mean `.*` on their level."""
    for expected, actual in cases(5000):
        assert output_matches(expected, actual) is by_regex(expected, actual), (expected, actual)


def test_many_gaps_take_no_time() -> None:
    """Hundreds of gaps over a long text that does not match are decided at once."""
    assert not line_matches("…a" * 300 + "b", "a" * 20_000)
    assert not output_matches(["…", "a"] * 300 + ["b"], ["a"] * 2_000)


def test_a_merge_changes_nothing_where_it_matches() -> None:
    """Only a mismatch changes what is written."""
    for expected, actual in cases(2000):
        unchanged = merged_output(expected, actual) == expected
        assert unchanged is output_matches(expected, actual), (expected, actual)


def test_what_a_merge_gives_matches() -> None:
    """What is accepted in place of the written output matches the actual one."""
    for expected, actual in cases(2000):
        assert output_matches(merged_output(expected, actual), actual), (expected, actual)


@pytest.mark.parametrize(
    ("expected", "actual", "result"),
    [
        (["a…", "b"], ["ax", "c"], ["a…", "c"]),
        (["a", "…"], ["b", "c"], ["b", "…"]),
        (["a", "…", "z"], ["a", "b", "c", "y"], ["a", "…", "y"]),
        (["…", "a"], ["b", "c"], ["…", "c"]),
        (["a", "b", "c"], ["a", "c"], ["a", "c"]),
        ([], ["# a", ">>> b", "c"], ["…# a", "…>>> b", "c"]),
        (["a"], [], []),
    ],
)
def test_a_merge_keeps_what_still_matches(
    expected: list[str], actual: list[str], result: list[str]
) -> None:
    """Lines that match and `…` lines stay; only what differs is replaced."""
    assert merged_output(expected, actual) == result


def test_long_outputs_are_merged_at_once() -> None:
    """A line that differs in 20,000 is one change; where all differ, all are replaced."""
    long = [str(number) for number in range(20_000)]
    other = [*long[:9_000], "x", *long[9_001:]]
    assert merged_output(long, other) == other
    assert merged_output(["a"] * 5_000, long) == long
