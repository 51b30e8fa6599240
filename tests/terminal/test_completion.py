from __future__ import annotations

import asyncio
import os
import sys
import time
from collections import Counter
from contextlib import asynccontextmanager
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from asyncrepl.terminal.completion import InputCompleter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


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


async def ticks() -> AsyncIterator[int]:
    """A source."""
    yield 1


@asynccontextmanager
async def opened() -> AsyncIterator[None]:
    """Something to enter."""
    yield


def choose(first: int, /, second: int, *, third: int = 1, **rest: Any) -> None:
    """Takes some."""


NAMESPACE: dict[str, Any] = {
    "temperature": "warm",
    "tree": SimpleNamespace(branch=SimpleNamespace(leaf=1), _hidden=2),
    "table": {"one": 1, "two": SimpleNamespace(inside=2), 3: 4},
    "trap": Trap(),
    "nested": SimpleNamespace(rows={"first": {"deep": 1}, "second": 2}, counts=Counter(ab=1)),
    "gather": asyncio.gather,
    "sleep": asyncio.sleep,
    "ticks": ticks,
    "opened": opened,
    "queue": asyncio.Queue,
    "lock": asyncio.Lock,
    "take": partial(asyncio.sleep, 1),
    "choose": choose,
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
        ("nested.rows['fi", "first']"),
        ("nested.rows['first']['de", "deep']"),
        ("nested.counts['a", "ab']"),
        ("table[", "'one']"),
        ("table[", "3]"),
        ("choose(1, ", "second="),
        ("choose(1, th", "third="),
        ("choose(1, second=2, th", "third="),
        ("f'{temp", "temperature"),
        ("f'{tree.branch.le", "leaf"),
        ("f'{temperature!r} {tree.br", "branch"),
        ("f'{table[\"o", 'one"]'),
        ('f"{choose(1, th', "third="),
        ("f'''\n{temp", "temperature"),
        (":trace sleep(1, re", "result="),
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
    """There is nothing to complete, if no path begins so."""
    for text in ("'temp", "# temp", "f'temp", "f'{temperature:temp", "f'{temperature} temp", "1"):
        assert complete(text) == []


def test_arguments_that_are_given_are_not_offered_again() -> None:
    """Nor those that can only be given by their place, nor in a definition or behind a value."""
    assert complete("choose(") == ["second=", "third="]
    assert complete("choose(1, 2, ") == ["third="]
    assert complete("choose(1, third=2, ") == ["second="]
    assert complete("choose(1, 2 + ") == []
    assert complete("def choose(") == []


def kinds(text: str) -> dict[str, str]:
    """What the menu says beside each word."""
    completer = InputCompleter()
    completer.connect(NAMESPACE, lambda _: {"ticker": "start one", "tasks": "list them"})
    found = completer.get_completions(Document(text), CompleteEvent())
    return {each.text: each.display_meta_text for each in found}


def test_the_menu_tells_how_a_thing_is_used() -> None:
    """In asynchronous code; else what it is; of a command, what it does."""
    known = {
        "sl": ("sleep", "needs await"),
        "gat": ("gather", "needs await"),
        "tick": ("ticks", "needs async for"),
        "opened": ("opened", "needs async with"),
        "lo": ("lock", "needs async with"),
        "tak": ("take", "needs await"),
        "queue.ge": ("get", "needs await"),
        "queue.get_": ("get_nowait", "function"),
        "que": ("queue", "class"),
        "temp": ("temperature", "str"),
        "impor": ("import", "keyword"),
        "trap.ba": ("bad", "property"),
        "table['t": ("two']", "SimpleNamespace"),
        "choose(1, ": ("second=", "argument"),
        ":ti": ("ticker", "start one"),
    }
    for text, (word, kind) in known.items():
        assert kinds(text)[word] == kind, text


def test_paths_in_strings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders first; hidden ones where their dot is typed; also in what opens them."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "one.csv").touch()
    (tmp_path / "dates.txt").touch()
    (tmp_path / ".hidden").touch()
    monkeypatch.chdir(tmp_path)
    assert kinds("open('da") == {"data/": "folder", "dates.txt": "file"}
    assert complete("open('data/o") == ["data/one.csv"]
    assert complete("x = r'da") == ["data/", "dates.txt"]
    assert complete("'.h") == [".hidden"]
    assert complete("!cat dat") == ["data/", "dates.txt"]
    assert complete(f"open('{tmp_path}/dat") == [f"{tmp_path}/data/", f"{tmp_path}/dates.txt"]
    assert complete("open('nowhere/x") == []
    assert complete("open('\0") == []


def test_a_pipe_is_not_opened(tmp_path: Path) -> None:
    """Only the folder is read: who reads a pipe waits for ever."""
    os.mkfifo(tmp_path / "pipe")
    began = time.monotonic()
    assert complete(f"'{tmp_path}/pi") == [f"{tmp_path}/pipe"]
    assert time.monotonic() - began < 5


def words_for(text: str) -> list[str]:
    """What is offered, best first."""
    completer = InputCompleter()
    completer.connect(NAMESPACE | {"os": os, "asyncio": asyncio}, lambda _: ())
    offered = completer.get_completions(Document(text), CompleteEvent())
    return [completion.text for completion in offered]


_SINCE_3_13 = pytest.mark.skipif(sys.version_info < (3, 13), reason="a plain loop walks it")


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("await asyncio.s", "shield"),
        ("x = await asyncio.sl", "sleep"),
        pytest.param("async for x in asyncio.a", "as_completed", marks=_SINCE_3_13),
        ("async for x in t", "ticks"),
    ],
)
def test_what_can_be_awaited_or_walked_comes_first(text: str, first: str) -> None:
    """Behind `await` and behind `async for … in`."""
    assert words_for(text)[0] == first


def test_elsewhere_the_order_is_that_of_the_alphabet() -> None:
    """Keywords, which have no kind of their own, do not come before all else."""
    assert words_for("e")[:3] == ["elif", "else", "enumerate"]
    assert words_for("None") == ["None"]
    words = [word for word in words_for("a") if not word.startswith("_")]
    assert words == sorted(words)


def test_modules_in_a_package_that_is_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are found where they lie, and nothing is imported."""
    (tmp_path / "parcel" / "inner").mkdir(parents=True)
    for name in ("__init__", "alpha", "inner/__init__", "inner/deep"):
        (tmp_path / "parcel" / f"{name}.py").write_text("raise AssertionError")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert words_for("import parcel.") == ["parcel.alpha", "parcel.inner"]
    assert words_for("from parcel.inner import ") == ["deep"]
    assert words_for("import parcel.alpha.") == words_for("import .") == []
    assert "parcel" not in sys.modules


def test_the_environment_has_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its class is the library's own, and nobody's code."""
    monkeypatch.setenv("SOME_VARIABLE", "text")
    assert words_for("os.environ['SOME_V") == ["SOME_VARIABLE']"]
    assert "startswith" in words_for("os.environ['SOME_VARIABLE'].st")


def test_no_user_code_runs() -> None:
    """Properties, __getattr__ and __dir__ are not called."""
    assert complete("trap.pl") == ["plain"]
    assert complete("trap.bad.x") == []
    assert complete("trap.missing.x") == []
    assert complete("unknown.x") == []
    assert complete("trap.missing['x") == []
    assert complete("trap(") == []


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
