"""A session: statements on a live loop, in one namespace and one context."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import io
import weakref
from typing import Any

import pytest
from support.timelines import settle

from asyncrepl.engine.loop.live_loop import LiveLoop
from asyncrepl.engine.statements import Outcome, Session, StatementRun


class Prompt:
    """A session driven from outside of its loop, as a terminal drives it."""

    def __init__(self) -> None:
        self.loop = LiveLoop()
        self.session = Session(self.loop)
        self.run: StatementRun | None = None

    def __call__(self, text: str) -> Outcome:
        outcomes: list[Outcome] = []

        def done(outcome: Outcome) -> None:
            outcomes.append(outcome)
            self.loop.stop()

        def start() -> None:
            self.run = self.session.start(text, done)

        self.loop.call_soon(start)
        while not outcomes:
            self.loop.run_forever()
        assert len(outcomes) == 1
        return outcomes[0]

    def value(self, name: str) -> Any:
        return self.session.namespace[name]


@pytest.fixture
def prompt() -> Any:
    prompt = Prompt()
    yield prompt
    prompt.loop.close()


RIGHT = {
    "top-level await": "x = await asyncio.sleep(0, 5)",
    "async comprehension": "async def g():\n    yield 5\n\nx = [i async for i in g()][0]",
    "async for": "async def g():\n    yield 5\n\nasync for x in g(): pass",
    "async with": "async with asyncio.timeout(5): x = 5",
    "star import": "from math import *\nx = int(pi) + 2",
    "class": "class A:\n    y = 5\n\nx = A.y",
    "decorator": "def d(f):\n    return lambda: 5\n\n@d\ndef f(): pass\n\nx = f()",
    "create_task from a synchronous statement": "t = asyncio.create_task(asyncio.sleep(0)); x = 5",
    "running loop": "asyncio.get_running_loop(); x = 5",
}


@pytest.mark.parametrize("text", RIGHT.values(), ids=list(RIGHT))
def test_a_statement_runs_on_the_loop(prompt: Prompt, text: str) -> None:
    """All forms of statement run, and bind names in the one namespace."""
    assert prompt(text).error is None
    assert prompt.value("x") == 5


def test_all_statements_share_one_namespace(prompt: Prompt) -> None:
    """What one statement binds, the next one sees."""
    prompt("x = 1")
    prompt("def f(): return x + 1")
    assert prompt("y = f()").error is None
    assert prompt.value("y") == 2


def test_all_statements_share_one_context(prompt: Prompt) -> None:
    """A context variable set by one statement is set for the next."""
    prompt("import contextvars; v = contextvars.ContextVar('v')")
    prompt("v.set(3)")
    prompt("await asyncio.sleep(0); x = v.get()")
    assert prompt.value("x") == 3


def test_future_statements_last(prompt: Prompt) -> None:
    """``from __future__ import annotations`` counts for the statements that follow."""
    prompt("from __future__ import annotations")
    prompt("def f(a: nothing_like_it): pass")
    assert prompt("x = f.__annotations__['a']").error is None
    assert prompt.value("x") == "nothing_like_it"


def test_the_statement_is_the_only_task(prompt: Prompt) -> None:
    """``all_tasks`` holds the user's tasks and the statement's own, named by its number."""
    prompt("1")
    prompt("names = [t.get_name() for t in asyncio.all_tasks()]")
    assert prompt.value("names") == ["input 2"]


@pytest.mark.parametrize("text", ["next(iter([]))", "await asyncio.sleep(0); next(iter([]))"])
def test_an_escaping_stop_iteration_ends_the_statement(prompt: Prompt, text: str) -> None:
    """StopIteration out of a statement is its error, and the session goes on."""
    error = prompt(text).error
    assert isinstance(error, StopIteration | RuntimeError)
    assert prompt("x = 1").error is None


@pytest.mark.parametrize(
    "name", ["SystemExit(7)", "KeyboardInterrupt", "GeneratorExit", "asyncio.CancelledError"]
)
def test_no_exception_escapes_the_session(prompt: Prompt, name: str) -> None:
    """Exceptions that end loops and programs are outcomes like others."""
    error = prompt(f"raise {name}").error
    assert type(error).__name__ in name
    assert prompt("x = 1").error is None


def test_a_traceback_begins_in_user_code(prompt: Prompt) -> None:
    """No frame of the session stands in a statement's traceback."""
    error = prompt("def f(): 1/0\n\nf()").error
    assert error is not None
    assert error.__traceback__ is not None
    assert error.__traceback__.tb_frame.f_code.co_filename == "<input 1>"


def test_the_stage_of_an_error_is_known(prompt: Prompt) -> None:
    """Errors tell whether the parser, the compiler or the run refused."""
    assert prompt("a b").stage == "parse"
    assert prompt("def f():\n    await x\n").stage == "compile"
    assert prompt("1/0").stage == "run"
    assert prompt("f(").stage == "parse"


def test_a_compile_error_knows_its_line(prompt: Prompt) -> None:
    """A SyntaxError of the compiler holds the text of the line."""
    error = prompt("def f():\n    await x\n").error
    assert isinstance(error, SyntaxError)
    assert error.text == "    await x\n"


def test_values_are_displayed_in_the_middle_of_a_loop(prompt: Prompt) -> None:
    """An expression in a top-level ``async for`` is displayed in each round."""
    shown: list[object] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.displayhook", shown.append)
        prompt("async def g(n):\n    for i in range(n): yield i\n")
        prompt("async for i in g(3): i")
    assert [value for value in shown if value is not None] == [0, 1, 2]


def test_source_of_a_typed_function_is_known(prompt: Prompt) -> None:
    """``inspect.getsource`` works on what was typed."""
    prompt("def f():\n    return 1\n")
    prompt("import inspect; text = inspect.getsource(f)")
    assert prompt.value("text") == "def f():\n    return 1\n"


def test_interrupting_waits_for_the_cleanup(prompt: Prompt) -> None:
    """An interrupted statement runs its cleanup, and says where it was waiting."""
    text = "try:\n    when_waiting(); await asyncio.sleep(60)\nfinally:\n    await asyncio.sleep(0); x = 1\n"
    prompt.session.namespace["when_waiting"] = lambda: prompt.loop.call_soon(prompt.run.interrupt)
    outcome = prompt(text)
    assert outcome.interrupted
    assert isinstance(outcome.error, KeyboardInterrupt)
    assert outcome.where == "<input 1>:2: when_waiting(); await asyncio.sleep(60)"
    assert prompt.value("x") == 1


def test_a_users_task_factory_does_not_touch_the_session(prompt: Prompt) -> None:
    """A task factory that raises breaks the user's tasks, not the statements."""
    prompt("asyncio.get_running_loop().set_task_factory(lambda *a, **k: 1/0)")
    assert prompt("x = await asyncio.sleep(0, 1)").error is None


def test_a_session_runs_inside_a_running_program() -> None:
    """``await session.run(text)`` gives the outcome, on the running loop."""

    async def program() -> None:
        session = Session()
        with contextlib.redirect_stdout(io.StringIO()) as out:
            outcome = await session.run("print('seen'); await asyncio.sleep(0)")
        assert outcome.error is None
        assert out.getvalue() == "seen\n"
        assert isinstance((await session.run("1/0")).error, ZeroDivisionError)

    asyncio.run(program())


def test_nothing_to_run_is_fine(prompt: Prompt) -> None:
    """Blank input ends at once, without an error."""
    assert prompt("# nothing").error is None


WITHOUT_A_LOOP = {
    "at once": "asyncio._set_running_loop(None)",
    "while it waits": (
        "loop = asyncio.get_running_loop()\nf = loop.create_future()\n"
        "loop.call_later(0.01, f.set_result, 1)\nasyncio._set_running_loop(None)\nawait f"
    ),
    "in another task": (
        "async def other(): asyncio._set_running_loop(None)\n"
        "t = asyncio.create_task(other())\nawait asyncio.sleep(0.01)"
    ),
}


@pytest.mark.parametrize("text", WITHOUT_A_LOOP.values(), ids=WITHOUT_A_LOOP)
def test_taking_the_running_loop_away_takes_no_prompt(prompt: Prompt, text: str) -> None:
    """Python 3.14 would let no task end its step; the statement ends, the next one has a loop."""
    prompt.loop.set_exception_handler(lambda *_: None)
    assert prompt(text).error is None
    assert prompt("await asyncio.sleep(0); x = asyncio.get_running_loop()").error is None
    assert prompt.value("x") is prompt.loop


def test_a_statement_that_is_collected_makes_no_loop_the_running_one() -> None:
    """Its loop is closed by then, and this thread is free for another one."""
    prompt = Prompt()
    prompt.loop.call_soon(prompt.session.start, "await asyncio.Future()", print)
    settle(prompt.loop)
    prompt.loop.set_exception_handler(lambda *_: None)  # a pending task was destroyed
    prompt.loop.close()
    gone = weakref.ref(prompt.session)
    del prompt
    gc.collect()
    assert gone() is None
    assert asyncio._get_running_loop() is None
