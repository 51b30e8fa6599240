from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from asyncrepl.terminal.completing import InputCompleter


class Trap:
    """Runs user code whenever somebody looks too closely."""

    plain = 1

    @property
    def bad(self) -> Any:
        raise AssertionError

    def __getattr__(self, name: str) -> Any:
        raise AssertionError

    def __dir__(self) -> Any:
        raise AssertionError


NAMESPACE: dict[str, Any] = {
    "temperature": "warm",
    "tree": SimpleNamespace(branch=SimpleNamespace(leaf=1), _hidden=2),
    "table": {"one": 1, "two": SimpleNamespace(inside=2), 3: 4},
    "trap": Trap(),
}


def complete(text: str) -> list[str]:
    """The words offered at the end of `text`."""
    completer = InputCompleter()
    completer.connect(NAMESPACE, lambda text: ["ticker", "tasks"] if " " not in text else [])
    return [found.text for found in completer.get_completions(Document(text), CompleteEvent())]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("temp", "temperature"),
        ("x = (temp", "temperature"),
        ("asy", "async"),
        ("pri", "print"),
        ("temperature.cap", "capitalize"),
        ("'abc'.cap", "capitalize"),
        ("[].app", "append"),
        ("tree.branch.le", "leaf"),
        ("table['o", "one']"),
        ("table['two'].ins", "inside"),
        ("import asy", "asyncio"),
        ("from asyncio import Queue, Tas", "TaskGroup"),
        (":ti", "ticker"),
        (":trace temp", "temperature"),
        ("for x in y:\n    temp", "temperature"),
    ],
)
def test_what_is_offered(text: str, word: str) -> None:
    """Names, attributes, keys, modules, their members and commands."""
    assert word in complete(text)


def test_public_names_come_first() -> None:
    """Private ones are last, those with two underscores only if asked for."""
    assert complete("tree.") == ["branch", "_hidden"]
    assert "__class__" in complete("tree.__")


def test_nothing_is_offered_inside_strings_and_comments() -> None:
    """There is nothing to complete."""
    assert complete("'temp") == []
    assert complete("# temp") == []


def test_no_user_code_runs() -> None:
    """Properties, __getattr__ and __dir__ are not called."""
    assert complete("trap.pl") == ["plain"]
    assert complete("trap.bad.x") == []
    assert complete("trap.missing.x") == []
    assert complete("unknown.x") == []
