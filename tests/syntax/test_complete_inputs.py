"""What a typed text is, and when it is whole."""

from __future__ import annotations

import ast
import gc
import warnings

import pytest

from asyncrepl.syntax.parsed_input import (
    Blank,
    Command,
    Incomplete,
    InvalidStatement,
    Statement,
    is_complete,
    parse,
    parse_input,
)

WHOLE = [
    "x = 1",
    "async for x in y: x",
    "async for x in y:\n    x\n",
    "def f():\n    await x\n",
    "x = (1,\n     2)",
    "x = 1\ny = 2",
    "for x in y:\n    x\n\ny = 2",
    ":ticker tick 0.2",
    ":spawn f()",
    ":spawn for x in y:\n    x\n",
    "a b",
    "",
    "# only a comment",
    "'abc",
]

UNFINISHED = [
    "async for x in y:",
    "async for x in y:\n    x",
    "def f():\n    await x",
    "def f():\n    async for x in y:\n        print(x)",
    "(",
    "'''abc",
    "@decorator",
    "@decorator\ndef f(): pass",
    "try:\n    x\n",
    "if a:\n    b\nelse:",
    "x = \\",
    "class A:\n",
    ":spawn async for x in y:",
    ":spawn async for x in y:\n    x",
]


@pytest.mark.parametrize("text", WHOLE)
def test_enter_runs_a_whole_text(text: str) -> None:
    """Enter at the end of a finished, broken or empty text runs it."""
    assert is_complete(text)


@pytest.mark.parametrize("text", UNFINISHED)
def test_enter_continues_an_unfinished_text(text: str) -> None:
    """Enter at the end of an unfinished block or bracket opens another line."""
    assert not is_complete(text)


def test_a_mistake_only_the_compiler_finds_does_not_break_a_block_off() -> None:
    """An `await` in a plain `def` leaves the block open until its empty line."""
    block = "def f():\n    async for x in y:\n        await x"
    assert not is_complete(block)
    assert is_complete(block + "\n")
    assert isinstance(parse_input(block + "\n"), Statement)


@pytest.mark.parametrize(
    ("text", "command"),
    [
        (":load counter", Command("load", "counter", 6)),
        (":help", Command("help", "", 5)),
        ("  :load load", Command("load", "load", 8)),
        (" !ls -a", Command("shell", "ls -a")),
        (":", Command("", "", 1)),
        (":spawn await f(1, 2) ", Command("spawn", "await f(1, 2)", 7)),
        ("exit", Command("quit", "")),
        ("quit\n", Command("quit", "")),
    ],
)
def test_a_colon_speaks_to_the_tool(text: str, command: Command) -> None:
    """A colon begins a command; the bare words exit and quit mean :quit."""
    assert parse_input(text) == command


@pytest.mark.parametrize("text", ["", "   ", "\n\n", "# comment", "# a\n# b\n"])
def test_nothing_is_blank(text: str) -> None:
    """White space and comments are nothing to run."""
    assert isinstance(parse_input(text), Blank)


@pytest.mark.parametrize("text", ["for await x in y: x", "x = = 2", "  x", "a\0b", "'\ud800'"])
def test_what_does_not_parse_is_broken(text: str) -> None:
    """Broken text carries a SyntaxError, also for NUL bytes and lone surrogates."""
    reading = parse_input(text)
    assert isinstance(reading, InvalidStatement)
    assert isinstance(reading.error, SyntaxError)


def test_nesting_too_deep_is_broken_and_not_a_crash() -> None:
    """Text that the parser gives up on is an error like others."""
    assert isinstance(parse_input("-" * 100_000 + "1"), InvalidStatement)


def test_unfinished_is_not_broken() -> None:
    """What more lines can make whole is Incomplete."""
    assert isinstance(parse_input("async for x in"), InvalidStatement)
    assert isinstance(parse_input("f(1,"), Incomplete)


def test_trial_parses_warn_nobody() -> None:
    """Asking for completeness gives no SyntaxWarning; reading for real does."""
    from asyncrepl.syntax.parsed_input import silence_completeness_warnings

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        silence_completeness_warnings()
        is_complete(r"'\d'")
        assert not caught
        parse_input(r"'\d'")
        assert len(caught) == 1


class ParsesWhenDropped:
    """In a circle, so that only the garbage collector drops it: in the middle of another parse."""

    def __init__(self) -> None:
        self.circle = self

    def __del__(self, depth: int = 20) -> None:
        if depth:
            self.__del__(depth - 1)
        else:
            ast.parse("(" * 40 + "1" + ")" * 40)


def test_a_finalizer_that_parses_spoils_no_parse() -> None:
    """Up to Python 3.12, `ast.parse` itself raises SystemError here."""
    text, threshold = "[" + "f(a, b + c * d), " * 300 + "]", gc.get_threshold()
    for _ in range(20):
        ParsesWhenDropped()
    gc.set_threshold(100)
    try:
        assert isinstance(parse(text, "<input 1>").body[0], ast.Expr)
    finally:
        gc.set_threshold(*threshold)
