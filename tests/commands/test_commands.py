"""The words that begin with a colon."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from support.shells import typed_shell

from asyncrepl.session.command_registry import CommandRegistry
from asyncrepl.session.frontend import Frontend

if TYPE_CHECKING:
    from pathlib import Path

    from support.shells import Typed

MISTAKES = {
    ":tikcer a 1": "no command :tikcer; did you mean :ticker?",
    ":xyzzy": "no command :xyzzy; :help lists them",
    ":": "a command is a colon and a name, as in :tour; :help lists them",
    ":WHY": "no command :WHY; did you mean :why?",
    ":s": "ambiguous",
    ":ticker": "try :ticker tick 0.2",
    ":ticker a abc": "'abc' is not a number of seconds: try 0.2",
    ":ticker a 0": "a ticker needs 0.001 seconds or more, not 0",
    ":ticker a -1": "a ticker needs 0.001 seconds or more, not -1",
    ":ticker a inf": "a ticker needs 0.001 seconds or more, not inf",
    ":ticker a nan": "a ticker needs 0.001 seconds or more, not nan",
    ":stop nothing": "no ticker or spawned statement 'nothing'",
    ":stop": ":stop takes a name or all",
    ":cancel nothing": "no task 'nothing'",
    ":load nothing": "no source 'nothing'",
    ":load 99": "no source 99: they go from 1 to 17",
    ":demos now": ":demos takes nothing, not 'now'",
    ":tasks now": ":tasks takes nothing, not 'now'",
    ":help a b": "'a b' is too much for :help [NAME]: try :help ticker",
    ":tour 9": ":tour takes a chapter from 1 to 5, or stop; not '9'",
    ":tour stop": "no tour is under way; :tour begins it",
    ":load no/such.py": "no file 'no/such.py'",
    ":load nomodule:x": "cannot import 'nomodule'",
    ":load math:nothing": "'math' has no 'nothing'",
    ":load math:": "'math:' names no attribute of a module: try :load module:attribute",
    ":load :pi": "':pi' names no attribute of a module: try :load module:attribute",
    ":source nothing": "'nothing' is not defined",
    ":spawn": ":spawn takes a statement",
    ":wait": ":wait takes seconds: try :wait 1.5",
    ":ticker a b c": ":ticker takes a name and seconds, not 'a b c': try",
    ":show a b": ":show a b: SyntaxError: invalid syntax\n",
    ":wait x": ":wait takes seconds, not 'x'",
    ":wait -1": "0 seconds or more",
    ":wait nan": "0 seconds or more",
    ":wait inf": "0 seconds or more",
    ":rate fast": "'fast' is not a rate: try 0.5, or 2",
    ":rate nan": "'nan' is not a rate: try 0.5, or 2",
    ":rate -1": "'-1' is not a rate: try 0.5, or 2",
    ":rate 0": "'0' is not a rate: try 0.1; what stops time is :freeze",
    ":rate 1e9": "'1e9' is not a rate: they go from 0.000001 to 1000000",
    ":clock fast": ":clock takes real or virtual, not 'fast'",
    ":freeze now": ":freeze takes nothing, not 'now'",
    ":thaw now": ":thaw takes nothing, not 'now'",
    ":next 0": ":next takes how many timers, not '0': try :next 3",
    ":next x": ":next takes how many timers, not 'x': try :next 3",
    ":lanes maybe": ":lanes takes on or off, not 'maybe'",
    ":why": "no error yet",
    ":why for-over-async-generatr": "did you mean for-over-async-generator?",
    ":why async-for": "no mistake is called 'async-for'; did you mean async-for-",
    ":why reuse": "'reuse' is ambiguous: reuse-of-anext-awaitable, reuse-of-coroutine",
    ":why nothing": "no mistake is called 'nothing'; :why --all lists them",
    ":fix": "no error yet",
    ":help nothing": "no command :nothing",
    ":quit maybe": "an exit status",
    ":pause": "no demo is being replayed",
    ":pause now": ":pause takes nothing",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_in_a_command_is_one_clear_line(type_in: Typed, text: str) -> None:
    """A wrong command says in one line what is wrong, and the session goes on."""
    shown = type_in(text)
    assert MISTAKES[text] in shown
    assert shown.count("\n") == 1
    assert type_in("1") == "1\n"


def test_any_known_mistake_can_be_asked_for(type_in: Typed) -> None:
    """`:why --all` lists them, and `:why ID` tells one, also by the beginning of its id."""
    assert "for-over-async-generator\n" in type_in(":why --all")
    told = type_in(":why for-over-async-generator")
    assert told.startswith("a plain `for` over an async generator\n\n")
    assert "\n→ 1. type(iterable).__aiter__(iterable)" in told
    assert type_in(":why for-over-async-g") == told


def test_a_unique_prefix_is_enough(type_in: Typed) -> None:
    """`:ta` is `:tasks`."""
    assert type_in(":tic tick 1") == "tick started: every 1 s\n"
    assert type_in(":ta").startswith("tick")


@pytest.mark.parametrize("name", CommandRegistry().names)
def test_every_command_has_help_with_an_example(type_in: Typed, name: str) -> None:
    """`:help NAME` shows how to use it, and an example that begins with its name."""
    shown = type_in(f":help {name}")
    assert shown.startswith(f":{name}")
    assert f"for example: :{name}" in shown


def test_help_lists_every_command(type_in: Typed) -> None:
    """`:help` has a line for each command."""
    shown = type_in(":help")
    assert all(f":{name}" in shown for name in CommandRegistry().names)


def test_a_ticker_that_runs_is_not_started_twice(type_in: Typed) -> None:
    """A second ticker of a running one's name is refused."""
    type_in(":ticker tick 1")
    assert "already runs" in type_in(":ticker tick 1")
    type_in(":stop tick")
    assert "started" in type_in(":ticker tick 1")


def test_tickers_with_one_interval_tick_in_order_of_creation(type_in: Typed) -> None:
    """Ticks that are due at one instant come in the order the tickers were started."""
    for name in "abcdef":
        type_in(f":ticker {name} 0.5")
    lines = type_in(":wait 1.6").splitlines()
    assert [line[0] for line in lines] == list("abcdef") * 3


def test_stop_all_stops_each(type_in: Typed) -> None:
    """`:stop all` names what it stopped."""
    type_in(":ticker a 1")
    type_in(":ticker b 1")
    assert type_in(":stop all") == "a stopped\nb stopped\n"
    assert type_in(":wait 3") == ""
    assert type_in(":stop all") == "nothing is running\n"


def test_spawn_runs_in_the_background(type_in: Typed) -> None:
    """A spawned statement goes on while others run, and echoes its values."""
    type_in(
        "async def g():\n    for i in range(3):\n        await asyncio.sleep(1)\n        yield i\n"
    )
    assert type_in(":spawn async for i in g(): print('got', i)") == "spawn 1 started\n"
    assert type_in(":wait 2.5") == "got 0\ngot 1\n"
    assert type_in(":wait 1") == "got 2\n"
    assert "no task" in type_in(":tasks")


def test_a_failing_spawn_is_told(type_in: Typed) -> None:
    """The error of a spawned statement is shown with its name."""
    type_in(":spawn await asyncio.sleep(1); 1/0")
    shown = type_in(":wait 2")
    assert "spawn 1" in shown
    assert "ZeroDivisionError: division by zero" in shown


def test_spawning_what_does_not_compile_starts_nothing(type_in: Typed) -> None:
    """A broken spawned statement is an error at once."""
    assert "SyntaxError" in type_in(":spawn x = = 1")
    assert "no task" in type_in(":tasks")


def test_tasks_says_where_each_waits(type_in: Typed) -> None:
    """Each task has a row with its state and the line at which it waits."""
    type_in("async def slow():\n    await asyncio.sleep(9)\n")
    type_in("t = asyncio.create_task(slow(), name='sleeper'); await asyncio.sleep(0)")
    assert type_in(":tasks") == "sleeper  waiting  <input 1>:2: await asyncio.sleep(9)\n"
    assert type_in(":cancel sleeper") == "sleeper cancelled\n"
    type_in(":wait 0")
    assert "no task" in type_in(":tasks")


def test_a_loaded_iterable_can_be_iterated_over(type_in: Typed) -> None:
    """`:load` shows what it brought and a line to try, which works."""
    shown = type_in(":load counter")
    assert "Counter" in shown
    attempt = shown.splitlines()[-1].removeprefix("try  ")
    assert "Error" not in type_in(attempt)


def test_an_attribute_of_a_module_can_be_loaded(type_in: Typed) -> None:
    """`:load module:attribute` binds the attribute's name."""
    assert type_in(":load collections:abc.AsyncIterator").startswith("AsyncIterator")
    assert "AsyncIterator" in type_in("AsyncIterator")


def test_a_file_can_be_loaded(type_in: Typed, tmp_path: object) -> None:
    """`:load PATH.py` runs the file and takes its public names."""
    path = f"{tmp_path}/mine.py"
    with open(path, "w") as file:  # noqa: PTH123
        file.write("import os\n_hidden = 1\ndef seen(): return 2\n")
    assert type_in(f":load {path}") == "seen()\n"
    assert type_in("seen()") == "2\n"
    assert "NameError" in type_in("os")


@pytest.mark.skipif(sys.version_info < (3, 14), reason="annotations wait since Python 3.14")
def test_a_loaded_function_may_have_annotations_of_what_is_not_there(
    type_in: Typed, tmp_path: Path
) -> None:
    """They are shown as they were written; nothing in them runs."""
    path = tmp_path / "mine.py"
    path.write_text("def seen(a: nothing, b: print('ran') = 1) -> list[int]: ...\n", "utf-8")
    assert type_in(f":load {path}") == "seen(a: nothing, b: print('ran') = 1) -> list[int]\n"


def test_the_source_of_a_demo_and_of_a_name_is_shown(type_in: Typed) -> None:
    """`:source` shows demos, and functions that were typed."""
    assert "__anext__" in type_in(":source counter")
    type_in("def f():\n    return 1\n")
    assert type_in(":source f") == "def f():\n    return 1\n"
    type_in("x = 1")
    assert "no source to show" in type_in(":source x")


def test_demos_are_listed_with_titles(type_in: Typed) -> None:
    """`:demos` lists the course, and `:load` alone what can be loaded, a numbered line each."""
    course = type_in(":demos").splitlines()
    assert [line.split()[:2] for line in course[:2]] == [["1", "await"], ["2", "async-for"]]
    sources = type_in(":load").splitlines()
    assert [line.split()[:2] for line in sources[3:5]] == [["4", "counter"], ["5", "counter_gen"]]
    assert type_in(":load 4").startswith("Counter(")


def test_reset_forgets_names_and_keeps_tickers(type_in: Typed) -> None:
    """After `:reset` names are gone, asyncio is there, tickers tick."""
    type_in(":ticker tick 1")
    type_in("x = 1")
    type_in(":reset")
    assert "NameError" in type_in("x")
    assert type_in("asyncio.__name__") == "'asyncio'\n"
    assert type_in(":wait 1") == "tick │ 1\n"


def test_switching_lanes_on_says_what_the_marks_mean() -> None:
    """`:lanes on` tells the front, and shows a legend; `:lanes off` just tells it."""
    told: list[bool] = []

    class Drawing(Frontend):
        def show_lanes(self, *, on: bool) -> None:
            told.append(on)

    with typed_shell(Drawing()) as type_in:
        assert "✗ error" in type_in(":lanes on")
        assert type_in(":lanes off") == ""
    assert told == [True, False]


SOURCES = {
    ":source asyncio.sleep": "async def sleep(delay",
    ":source A": "class A:",
    ":source A.m": "def m(self): return 1",
    ":source a.m": "def m(self): return 1",
    ":source a.p": "@property\ndef p(self): return 1/0",
    ":source a.s": "@staticmethod",
    ":source A.Inner.deep": "def deep(self): pass",
    ":source part": "def m(self): return 1",
    ":source made": "async def ticks():",
    ":source asyncio.queues": "__all__",
    ":source counter": '"""',
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("command", "shown"), SOURCES.items())
def test_the_source_of_whatever_has_one(type_in: Typed, command: str, shown: str) -> None:
    """Dotted names, modules, methods; and what runs somebody's code. No property is asked."""
    type_in(
        "class A:\n    def m(self): return 1\n    @property\n    def p(self): return 1/0\n"
        "    @staticmethod\n    def s(): pass\n    class Inner:\n        def deep(self): pass\n"
    )
    type_in("import functools; a = A(); part = functools.partial(A.m, a)")
    type_in("async def ticks():\n    yield 1\n")
    type_in("made = ticks()")
    assert shown in type_in(command)


@pytest.mark.parametrize("command", [":source asyncio.slep", ":source len", ":source a.b.c"])
def test_what_has_no_source_is_one_line(type_in: Typed, command: str) -> None:
    """It is not there, or it is written in another language."""
    type_in("a = 1")
    shown = type_in(command)
    assert shown.count("\n") == 1
    assert command.split()[1] in shown


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (":set foo", "no setting 'foo': there are audience, color, lanes, theme, trace, vi\n"),
        (":set lans on", "no setting 'lans': did you mean lanes?\n"),
        (":help nosuch", "no command :nosuch; :help lists them\n"),
        (":help hlep", "no command :hlep; did you mean :help?\n"),
        (":why frobnicate", "no mistake is called 'frobnicate'; :why --all lists them\n"),
        (":ticker 0.5", "0.5 is no name for a ticker: try :ticker tick 0.5\n"),
        (":ticker 0.5 tick", "0.5 is no name for a ticker: try :ticker tick 0.5\n"),
    ],
)
def test_only_what_is_near_is_suggested(type_in: Typed, command: str, shown: str) -> None:
    """A letter that is wrong, missing or in another place; nothing far-fetched."""
    assert type_in(command) == shown


def test_history_does_not_find_itself(type_in: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked for is what was typed before."""
    entries = ["x = 'zzz'", "y = 1", ":history zzz"]
    monkeypatch.setattr(type_in.shell.frontend, "history", lambda: entries)
    assert type_in(":history zzz") == "x = 'zzz'\n"
    entries[:] = ["y = 1", ":his zzz"]
    assert type_in(":his zzz") == "no input so far has 'zzz'\n"


@pytest.mark.parametrize("command", [":spawn", ":trace", ":time"])
@pytest.mark.parametrize("text", [":tasks", "!ls", "len?"])
def test_a_command_is_no_statement(type_in: Typed, command: str, text: str) -> None:
    """What takes a statement refuses one of the tool's own commands as Python does."""
    assert type_in(f"{command} {text}").endswith("SyntaxError: invalid syntax\n")
