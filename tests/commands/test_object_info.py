"""`NAME?` and `NAME??`: what something is to async code; and `:help async for`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.shells import Typed, typed_shell

from asyncrepl.syntax.parsed_input import Command, as_command, is_complete

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFINED = '''
async def numbers(n: int = 3):
    """Count."""
    yield n

async def fetch(url): "Get it."
def plain(): pass

class Source:
    """A source."""
    def __aiter__(self): return self
    async def __anext__(self): return 1
    def __repr__(self): raise SystemExit("nobody asks")
    def __getattr__(self, name): raise SystemExit("nobody asks")

class Door:
    async def __aenter__(self): return self
    async def __aexit__(self, *_): pass

class Socket(Door):
    def __await__(self): yield
    def __aiter__(self): return self

source = Source()
door, socket = Door(), Socket()
generator, coroutine = numbers(), fetch("x")
'''


@pytest.fixture
def type_in() -> Iterator[Typed]:
    with typed_shell() as typed:
        typed(DEFINED)
        yield typed
        typed("coroutine.close()")


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("a?", Command("info", "a")), ("a??", Command("info", "a??")), ("?a", Command("info", "a")), ("??a.b", Command("info", "a.b??")),
        ("a.b.c ?", Command("info", "a.b.c")), ("a.*b*?", Command("info", "a.*b*")), ("a * b?", None), ("ä?", Command("info", "ä")),
        ("?a?", None), ("a???", None), ("a b?", None), ("1?", None), ("'?'", None), ("x = '?'", None), ("# why?", None), ("?", None), ("f(x)?", None),
    ],
)  # fmt: skip
def test_a_question_mark_asks_what_a_name_is(typed: str, expected: Command | None) -> None:
    """Nothing else: the mark stands in no Python but in text and comments."""
    assert as_command(typed) == expected
    assert expected is None or is_complete(typed)


@pytest.mark.parametrize(
    ("name", "first", "kind"),
    [
        ("numbers", "numbers(n: int = 3)", "async generator function: call it, iterate over it with async for"),
        ("fetch", "fetch(url)", "coroutine function: call it and await what it gives"),
        ("plain", "plain()", "plain function: the call itself needs no await"),
        ("len", "len(obj, /)", "plain function: the call itself needs no await"),
        ("asyncio.shield", "asyncio.shield(arg)", "plain function: what it gives needs await"),
        ("aiter", "aiter(async_iterable, /)", "plain function: what it gives needs async for"),
        ("Source", "Source()", "an instance is an asynchronous iterator: iterate over it with async for"),
        ("source", "source: Source", "asynchronous iterator: iterate over it with async for"),
        ("Door", "Door()", "an instance is an asynchronous context manager: enter it with async with"),
        ("door", "door: Door", "asynchronous context manager: enter it with async with"),
        ("socket", "socket: Socket", "asynchronous iterable and context manager: iterate over it with async for; or enter it with async with; or await it"),
        ("generator", "generator: async_generator", "async generator: iterate over it with async for"),
        ("coroutine", "coroutine: coroutine", "coroutine: await it"),
        ("asyncio.Queue.get", "asyncio.Queue.get(self)", "coroutine function: call it and await what it gives"),
    ],
)  # fmt: skip
def test_it_tells_what_something_is(type_in: Typed, name: str, first: str, kind: str) -> None:
    """The signature, and what is done with it; no code of the user's runs."""
    lines = type_in(f"{name}?").splitlines()
    assert lines[:2] == [first, kind]


def test_it_tells_a_plain_value_and_a_size(type_in: Typed) -> None:
    """What takes no code of the user's, and does not flood the screen."""
    type_in("many, number, text, none = [1] * 3, 42, 'x' * 70, None")
    shown = [type_in(f"{name}?").splitlines()[0] for name in ("many", "number", "text", "none")]
    long = f"text: str of 70 = '{'x' * 60}'…"
    assert shown == ["many: list of 3", "number: int = 42", long, "none: NoneType"]
    type_in("number = 10 ** 5000")
    assert type_in("number?").splitlines()[0] == "number: int"


def test_a_star_finds_names(type_in: Typed) -> None:
    """Of your own, the builtins, or an object's; case does not count; none that is hidden."""
    type_in("_counted = 1")
    assert type_in("*numbers*?") == "numbers  async generator function\n"
    assert type_in("asyncio.*lock?") == "asyncio.Lock  class of an asynchronous context manager\n"
    assert type_in("?_count*") == "_counted  int\n"
    assert "_counted" not in type_in("*count*?")
    assert type_in("source.*zzz*?") == "no name is like 'source.*zzz*'\n"
    assert type_in("nothing.*?") == "no name is like 'nothing.*'\n"


def test_a_function_that_gives_a_manager_is_no_plain_one(type_in: Typed) -> None:
    """Nothing in its code tells of it."""
    assert type_in("asyncio.timeout?").splitlines()[1].endswith("what it gives needs async with")


def test_it_tells_the_docstring_and_the_place(type_in: Typed) -> None:
    """Where it was typed, and what it says of itself."""
    lines = type_in("numbers?").splitlines()
    assert lines[2:] == ["<input 1>:2", "Count."]
    assert type_in("plain?").splitlines()[-1] == "no docstring"


def test_two_marks_show_the_source(type_in: Typed) -> None:
    """As it was typed, also of a class."""
    assert type_in("numbers??").endswith(DEFINED[1 : DEFINED.index("\n\n")] + "\n")
    assert "class Door:\n    async def __aenter__" in type_in("??Door")
    assert type_in("len??").startswith("'len' has no source to show")


def test_an_object_has_the_source_of_its_class(type_in: Typed) -> None:
    """It has none itself; what it answers when it is asked, is not looked at."""
    assert "async def __anext__(self): return 1" in type_in("source??")


def test_alone_it_lists_the_names(type_in: Typed) -> None:
    """What each is, to async code if it is something to it; no code of the user's runs."""
    type_in(
        "_hidden, many, nothing, text = 1, [*range(10000)], None, 'abc'\nimport json\nglobals()[1] = 2"
    )
    assert type_in(":info").splitlines() == [
        "asyncio    module",
        "numbers    async generator function",
        "fetch      coroutine function",
        "plain      function",
        "Source     class of an asynchronous iterator",
        "Door       class of an asynchronous context manager",
        "Socket     class of an asynchronous iterable and context manager",
        "source     asynchronous iterator",
        "door       asynchronous context manager",
        "socket     asynchronous iterable and context manager",
        "generator  async generator",
        "coroutine  coroutine",
        "many       list of 10,000",
        "nothing    None",
        "text       str of 3",
        "json       module",
    ]


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("nothing?", "'nothing' is not defined"),
        ("sourc?", "'sourc' is not defined; did you mean source?"),
        (":info a b", "'a b' is too much for :info [NAME[??]]: try :info asyncio.sleep"),
    ],
)
def test_its_mistakes_are_one_line(type_in: Typed, typed: str, told: str) -> None:
    """What is wrong, and what is near."""
    assert type_in(typed) == told + "\n"


@pytest.mark.parametrize("topic", ["async for", "async  for", "async with", "await", "async def"])
def test_help_knows_the_words_of_the_language(type_in: Typed, topic: str) -> None:
    """Step by step, with a line to try."""
    shown = type_in(f":help {topic}")
    assert "  1 __a" in shown or "with yield" in shown
    assert "for example: " in shown


def test_help_on_async_for_has_the_six_steps(type_in: Typed) -> None:
    """In their order."""
    lines = type_in(":help async for").splitlines()
    steps = [line.split()[:2] for line in lines if line.strip()[:1].isdecimal()]
    assert steps == [
        ["1", "__aiter__"], ["2", "__anext__"], ["3", "await"], ["4", "bind"], ["5", "body"], ["6", "stop"],
    ]  # fmt: skip
