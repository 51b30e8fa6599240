"""What to do next: said once, to a person, and not on the tape."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.shells import typed_shell

from asyncrepl.runtime.shipped_demos import demo_transcripts
from asyncrepl.session.command_registry import CommandRegistry
from asyncrepl.session.frontend import Frontend
from asyncrepl.session.guide import next_demo_lines
from asyncrepl.views.styled_lines import plain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.shells import Typed


class Person(Frontend):
    """Somebody who may want to know what to do next."""

    teaches = True


@pytest.fixture
def typed() -> Iterator[Typed]:
    with typed_shell(Person()) as typed:
        typed(":load ticks")
        yield typed


def test_a_correction_is_pointed_to_with_its_mistake(typed: Typed) -> None:
    """Also where that is drawn, and the command ends well; and not with a later error."""
    assert typed(":marbles 3").endswith("next  :fix puts the corrected code on your input line\n")
    assert "next" not in typed(":marbles ticks(3) for x")


def test_an_old_correction_is_pointed_to_no_more(typed: Typed) -> None:
    """What was told without an error has shown what to write; the next error is another matter."""
    typed("async def load(): pass")
    assert "why" in typed("load()")
    assert "next" not in typed(":rate x")


def test_a_list_of_coroutines_is_said_to_be_one(typed: Typed) -> None:
    """Nothing of them has run: what does it is said. Not of a list with something else in it."""
    typed("async def double(n): return 2 * n")
    shown = typed("list(map(double, range(2)))")
    assert "coroutines: await asyncio.gather(*…) runs them" in shown
    assert typed("await asyncio.gather(*_)") == "[0, 2]\n"
    assert "gather" not in typed("jobs = [double(1)]; [1, *jobs]")
    typed("await jobs[0]")


def test_a_way_ahead(typed: Typed) -> None:
    """After the first trace a mistake, after that :fix, after that the course; each once."""
    trace, mistake = ":trace async for n in ticks(2): n", "for n in ticks(2): n"
    assert typed(trace).endswith(f"next  a mistake: {mistake}\n")
    assert typed(mistake).endswith("next  :fix puts the corrected code on your input line\n")
    typed(":fix")
    assert typed("async for n in ticks(2): n").endswith("next  the course: :replay await\n")
    for text in (trace, mistake, ":fix", "async for n in ticks(2): n"):
        assert "next  " not in typed(text)


def test_a_mistake_can_be_made_of_any_trace(typed: Typed) -> None:
    """Where the statement has no async to take away, one is named that works."""
    assert "next  a mistake: for n in ticks(3): n" in typed(":trace [n async for n in ticks(1)]")


def test_an_ordinary_error_is_no_lesson(typed: Typed) -> None:
    """Nothing is offered where there is nothing to fix."""
    assert "next" not in typed("1/0")


@pytest.mark.parametrize("statement", ["1 + 1", "await anext(ticks(2))", "pass"])
def test_a_trace_without_a_step_says_why(typed: Typed, statement: str) -> None:
    """Who traces what iterates over nothing would else wait for the steps."""
    told = "no async for ran, so there was no step to tell\n"
    assert typed(f":trace {statement}").endswith(told)
    for other in ("async for n in ticks(1): n", "1 / 0", "on", "off"):
        assert told not in typed(f":trace {other}")
    assert told not in typed(statement)


def test_help_alone_names_our_own(typed: Typed) -> None:
    """`help` is Python's, and says below it where the commands are."""
    assert typed("help") == (
        "Type help() for interactive help, or help(object) for help about object.\n"
        ":help lists the commands of asyncrepl\n"
    )


def test_hints_are_not_on_the_tape(typed: Typed, tmp_path: Path) -> None:
    """A session that is saved has none of them."""
    typed(":trace async for n in ticks(1): n")
    typed("help")
    typed(f":save {tmp_path}/talk.pycon")
    text = (tmp_path / "talk.pycon").read_text(encoding="utf-8")
    assert "next  " not in text
    assert ":help" not in text


def test_a_script_gets_no_hints(type_in: Typed) -> None:
    """A pipe and a transcript see what they asked for."""
    type_in(":load ticks")
    assert "next  " not in type_in(":trace async for n in ticks(1): n")
    assert type_in("help").count("\n") == 1


def test_each_demo_names_the_next_one() -> None:
    """The course leads on, in its order, to its end; a file of one's own is not part of it."""
    for demo, after in zip(demo_transcripts(), demo_transcripts()[1:], strict=False):
        (line,) = next_demo_lines(demo.path, ":replay")
        assert plain(line) == f"next  :replay {after.name}  {after.title}"
    assert next_demo_lines(demo_transcripts()[-1].path, ":replay") == []


def test_on_a_narrow_screen_the_command_is_whole() -> None:
    """What is to be typed is not broken."""
    for demo, after in zip(demo_transcripts(), demo_transcripts()[1:], strict=False):
        rows = [plain(line) for line in next_demo_lines(demo.path, ":replay", 40)]
        assert f"next  :replay {after.name}" in rows[0]


def test_a_source_that_is_not_loaded(typed: Typed) -> None:
    """Whoever iterates over one before it is loaded is told how; once, and not of other names."""
    assert typed("async for n in counter(3): n").endswith(
        "next  :load counter loads the source of that name\n"
    )
    assert "next" not in typed("counter")
    assert "next" not in typed("unknown")
    assert typed("rows").endswith("next  :load rows loads the source of that name\n")


@pytest.mark.parametrize("command", ["marbles", "trace", "time"])
def test_a_command_that_does_not_find_a_source(typed: Typed, command: str) -> None:
    """Whatever iterates over it; and an input after it that goes well has no hint."""
    iterated = "rows(3)" if command == "marbles" else "async for n in rows(3): n"
    shown = typed(f":{command} {iterated}")
    assert shown.endswith("next  :load rows loads the source of that name\n")
    assert "next" not in typed("1 + 1")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("%timeit sum(range(9))", ":time sum(range(9))"),
        ("%time await f()", ":time await f()"),
        ("%%time", ":time"),
        ("%run some.py", ":run some.py"),
        ("%debug", ":debug"),
        ("%hist", ":history"),
        ("%cd /tmp", "import os; os.chdir('/tmp')"),
        ("%colors", "commands begin with a colon here, as :time and :run; try :help"),
        (
            "files = !ls -a",
            "import subprocess; files = subprocess.getoutput('ls -a').splitlines()",
        ),
        ("%whos", ":info"),
        ("%pdb on", ":debug"),
        ("%timeit -n 3 -r2 sum(range(9))", ":time sum(range(9))"),
        ("%run -i some.py -v", ":run some.py -v"),
        ("%ls -a", "!ls -a"),
        ("%psource f", ":source f"),
        ("here = %pwd", "commands begin with a colon here, as :time and :run; try :help"),
        ("%%timeit\nsum(range(9))", ":time sum(range(9))"),
        ("%%bash\nls -a", ":shell ls -a"),
        ("%%time\nx = 1\ny = 2", ":time"),
        ("x = 1\n!ls -a\n", "!ls -a   (as an input of its own)"),
        (
            "%matplotlib inline\nimport json",
            "commands begin with a colon here, as :time and :run; try :help",
        ),
        ("In[1]", ":history"),
        ("display([1, 2])", ":show EXPRESSION"),
        (":clear", "Ctrl-L   (clears the screen)"),
        (":cd /tmp", "import os; os.chdir('/tmp')"),
        (":edit", "Ctrl-X Ctrl-E   (opens $EDITOR)"),
        (":pip install x", "!pip install x"),
        ("?", ":help"),
        ("ls", "!ls"),
        ("ls -a", "!ls -a"),
        ("cd ..", "import os; os.chdir('..')"),
        ("git status", "!git status"),
        ("clear", "Ctrl-L   (clears the screen)"),
        ("tour", ":tour"),
        ("load ticks", ":load ticks"),
        ("trace async for n in ticks(3): n", ":trace async for n in ticks(3): n"),
    ],
)
def test_what_is_typed_by_habit(typed: Typed, text: str, told: str) -> None:
    """Whoever types what IPython or a shell takes, or no colon, is told what to write, each time."""
    for _ in range(2):
        assert typed(text).endswith(f"\ntry  {told}\n")


@pytest.mark.parametrize(
    "text",
    [
        "file",
        "head",
        "head -1",
        "time",
        "ls.x",
        "tail + 1",
        "x = ls",
        "load(3)",
        "f(%run)",
        "cd / 2",
        "x = 1\n1 +* 2\n",
    ],
)
def test_what_may_be_a_name_is_no_habit(typed: Typed, text: str) -> None:
    """A name that is to come is nothing to say anything of."""
    assert "try" not in typed(text)


@pytest.mark.parametrize(
    ("typed_name", "meant"), [("exit", "quit"), ("who", "info"), ("jobs", "tasks"), ("pp", "show")]
)
def test_a_command_as_others_call_it(typed: Typed, typed_name: str, meant: str) -> None:
    """And not the one of ours whose name looks most like it, whatever has failed before."""
    typed("In")
    assert typed(f":{typed_name}") == f"no command :{typed_name}; did you mean :{meant}?\n"


def test_what_others_call_a_command_is_a_name_of_none() -> None:
    """Else it could not be told from that."""
    registry = CommandRegistry()
    words = [word for command in registry for word in command.elsewhere.split()]
    assert len(words) == len(set(words))
    assert not [word for word in words if registry.get(word) is not None]


def test_a_traced_statement_that_fails_has_no_mistake_to_try(typed: Typed) -> None:
    """It is one already."""
    assert "a mistake" not in typed(":trace [1 / 0 async for n in ticks(1, 0)]")
