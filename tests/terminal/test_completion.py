from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from asyncrepl.terminal.completion import InputCompleter


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
        ("lazy import asy", "asyncio"),
        ("lazy from asyncio import Queue, Tas", "TaskGroup"),
        ("mat", "match"),
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


@pytest.mark.skipif(sys.version_info < (3, 15), reason="new in Python 3.15")
def test_what_is_imported_lazily_is_known_once_it_is_imported() -> None:
    """Tab imports nothing: of a module that nobody has imported yet, nothing is offered."""
    text = (
        "lazy import asyncio, os.path, cmd\nlazy import os.path as path\n"
        "lazy from asyncio import TaskGroup\nsettled = frozendict(color=1)"
    )
    space: dict[str, Any] = {}
    exec(text, space)
    completer = InputCompleter()
    completer.connect(space, lambda _: [])

    def words(text: str) -> list[str]:
        return [each.text for each in completer.get_completions(Document(text), CompleteEvent())]

    sys.modules.pop("cmd", None)
    assert words("asyncio.run_cor") == ["run_coroutine_threadsafe"]
    assert words("os.getp") == ["getpgid", "getpgrp", "getpid", "getppid", "getpriority"]
    assert words("path.spl") == ["split", "splitdrive", "splitext", "splitroot"]
    assert words("TaskGroup.cre") == ["create_task"]
    assert words("settled['co") == ["color']"]
    assert words("laz") == ["lazy"]
    assert words("cmd.Cm") == []
    assert "cmd" not in sys.modules
