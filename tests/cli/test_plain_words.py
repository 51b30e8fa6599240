"""Command lines without a parser: what they mean is what the parser says."""

from __future__ import annotations

from itertools import combinations

import pytest

from asyncrepl.cli.options import check_options, session_options
from asyncrepl.cli.plain_words import SWITCHES, check_words, session_words

CODES: list[list[str]] = [[], ["-c", "pass"], ["-c", "1 - 2"], ["-c", "print('-c')\n"]]


@pytest.mark.parametrize("code", CODES)
def test_a_session_from_switches_is_that_of_the_parser(code: list[str]) -> None:
    """Up to three switches, in whatever order, with code or without."""
    every = [switch.word for switch in SWITCHES]
    for count in range(4):
        for words in combinations(every, count):
            for line in ([*words, *code], [*reversed(words), *words, *code]):
                assert vars(session_words(line)) == vars(session_options(line))


@pytest.mark.parametrize(
    "words",
    [
        ["-h"],
        ["-qi"],
        ["--trac"],
        ["program.py"],
        ["-q", "program.py", "--vi"],
        ["-c"],
        ["-c", "-q"],
        ["-c", ""],
        ["-c", "pass", "-q"],
        ["--rate", "2"],
        ["--", "-q"],
        [""],
    ],
)
def test_what_is_not_plain_is_for_the_parser(words: list[str]) -> None:
    """Values, files, mistakes, and whatever stands behind them."""
    assert session_words(words) is None


@pytest.mark.parametrize("words", [["a.pycon"], ["a", "b/c", "README.md"], ["ü", " "]])
def test_files_are_those_of_the_parser(words: list[str]) -> None:
    """As many as there are."""
    assert vars(check_words(words)) == vars(check_options(words))


@pytest.mark.parametrize("words", [[], ["-"], ["--accept", "a"], ["a", "-x"]])
def test_options_of_files_are_for_the_parser(words: list[str]) -> None:
    """Also a dash, which is standard input."""
    assert check_words(words) is None
