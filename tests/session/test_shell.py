"""What comes back when something is typed."""

from __future__ import annotations

import asyncio
import gc
import sys
from typing import TYPE_CHECKING

import pytest

from asyncrepl.session.command_registry import CommandRegistry

if TYPE_CHECKING:
    from support.shells import Typed

GENERATOR = (
    "async def g(n):\n    for i in range(n):\n        await asyncio.sleep(0.33)\n        yield i\n"
)


def test_values_are_echoed_and_kept(type_in: Typed) -> None:
    """The value of an expression is shown, and is `_` for the next statement."""
    assert type_in("6 * 7") == "42\n"
    assert type_in("_ + 1") == "43\n"


def test_each_round_of_a_loop_is_echoed(type_in: Typed) -> None:
    """`async for x in …: x` shows each value."""
    type_in(GENERATOR)
    assert type_in("async for x in g(3): x") == "0\n1\n2\n"


def test_underscore_does_not_disturb_a_loop_over_it(type_in: Typed) -> None:
    """A loop variable called `_` keeps its values while others are echoed."""
    assert type_in("for _ in range(2): 'a'; print(_)") == "'a'\n0\n'a'\n1\n"


def test_two_things_at_once_on_one_thread(type_in: Typed) -> None:
    """A ticker prints while the statement waits, and stands still between statements."""
    assert type_in(":ticker tick 0.2") == "tick started: every 0.2 s\n"
    type_in(GENERATOR)
    expected = "0\ntick │ 2\ntick │ 3\n1\ntick │ 4\n2\n"
    assert type_in("async for x in g(3): x") == "tick │ 1\n" + expected
    assert type_in("1") == "1\n"
    assert type_in(":stop tick") == "tick stopped\n"
    assert type_in(":wait 5") == ""


def test_an_error_in_the_typed_line_is_one_line(type_in: Typed) -> None:
    """No stack where it would only repeat the line above."""
    assert type_in("1/0") == "ZeroDivisionError: division by zero\n"
    assert type_in("x = 1\n1/0") == "ZeroDivisionError: division by zero (line 2)\n"


def test_an_error_deeper_down_has_the_users_frames_only(type_in: Typed) -> None:
    """The traceback holds no frame of the tool and none of asyncio."""
    type_in("async def f():\n    await asyncio.wait_for(h(), 1)\n")
    type_in("async def h():\n    1/0\n")
    shown = type_in("await f()")
    assert shown.startswith("Traceback (most recent call last):\n")
    files = [line for line in shown.splitlines() if line.lstrip().startswith("File")]
    assert [line.split('"')[1] for line in files] == ["<input 3>", "<input 1>", "<input 2>"]
    assert shown.endswith("ZeroDivisionError: division by zero\n")


def test_a_syntax_error_is_marked_below_the_typed_line(type_in: Typed) -> None:
    """The mark stands four columns in, under what was typed after the prompt."""
    lines = type_in("x = = 1").splitlines()
    assert lines[0] == "        ^"
    assert lines[1] == "SyntaxError: invalid syntax"


def test_an_error_message_cannot_move_the_cursor(type_in: Typed) -> None:
    """Escape sequences in an error or a repr are shown, not sent."""
    assert "\x1b" not in type_in(r"raise ValueError('\x1b[2J')")
    type_in("class A:\n    def __repr__(self): return '\\x1b[2J'\n")
    assert type_in("A()") == "\\x1b[2J\n"


def test_a_broken_repr_is_an_error_and_not_the_end(type_in: Typed) -> None:
    """An exception in `__repr__` is shown like others."""
    type_in("class A:\n    def __repr__(self): 1/0\n")
    assert "ZeroDivisionError" in type_in("A()")
    assert type_in("1") == "1\n"


def test_an_error_with_a_broken_str_is_shown(type_in: Typed) -> None:
    """An exception whose `__str__` raises still has its line."""
    type_in("class E(Exception):\n    def __str__(self): 1/0\n")
    assert "E" in type_in("raise E")
    assert type_in("1") == "1\n"


def test_ctrl_c_tells_where_the_statement_was(type_in: Typed) -> None:
    """A Ctrl-C that is due after some time reaches the statement then."""
    shown = type_in("await asyncio.sleep(60)", interrupt_after=0.5)
    assert shown == "KeyboardInterrupt at <input 1>:1: await asyncio.sleep(60)\n"
    assert type_in("asyncio.get_running_loop().time()") == "0.5\n"


def test_ctrl_c_leaves_the_tickers_alone(type_in: Typed) -> None:
    """A ticker goes on after the statement beside it was interrupted."""
    type_in(":ticker tick 0.2")
    assert "tick │ 2" in type_in("await asyncio.sleep(60)", interrupt_after=0.5)
    assert type_in(":wait 0.2") == "tick │ 3\n"


def test_an_interrupt_that_came_too_late_hits_nothing(type_in: Typed) -> None:
    """A statement that is done in time is not interrupted, nor is the next."""
    assert type_in("await asyncio.sleep(0.1)", interrupt_after=0.5) == ""
    assert type_in("await asyncio.sleep(1)") == ""


def test_a_second_ctrl_c_abandons_a_hanging_cleanup(type_in: Typed) -> None:
    """A cleanup that does not end cannot keep the prompt."""
    type_in(
        "async def hang():\n    try: await asyncio.sleep(60)\n    finally: await asyncio.sleep(60)\n"
    )
    type_in("import asyncio; loop = asyncio.get_running_loop()")
    type_in.shell.session.namespace["again"] = type_in.shell.interrupt
    type_in("_ = loop.call_later(2, again)")
    shown = type_in("await hang()", interrupt_after=1)
    assert shown.startswith("KeyboardInterrupt")
    assert type_in("1") == "1\n"


@pytest.mark.parametrize(
    ("text", "code"), [("exit", 0), (":quit", 0), (":quit 3", 3), ("raise SystemExit(7)", 7)]
)
def test_leaving_has_an_exit_code(type_in: Typed, text: str, code: int) -> None:
    """Words, commands and exceptions that leave say with which status."""
    type_in(text)
    assert type_in.status is not None
    assert (type_in.status.kind, type_in.status.exit_code) == ("exit", code)


def test_a_users_loop_stop_ends_nothing(type_in: Typed) -> None:
    """`loop.stop()` in a statement does not end the session."""
    type_in("asyncio.get_running_loop().stop()")
    assert type_in("1") == "1\n"


def test_cancelling_every_task_leaves_the_prompt(type_in: Typed) -> None:
    """The statement that cancels all tasks, itself included, just ends."""
    type_in("for t in asyncio.all_tasks(): t.cancel()\n")
    assert "Cancelled" in type_in("asyncio.current_task().cancel(); await asyncio.sleep(1)")
    assert type_in("1") == "1\n"


def test_an_exception_nobody_asked_for_is_told(type_in: Typed) -> None:
    """A task that failed unnoticed is reported with its name and its error."""
    type_in("async def f(): 1/0\n")
    type_in("t = asyncio.create_task(f(), name='bad'); await asyncio.sleep(0)")
    shown = type_in("del t; import gc; _ = gc.collect()")
    assert "bad" in shown
    assert "ZeroDivisionError" in shown


def test_a_forgotten_coroutine_is_one_line(type_in: Typed) -> None:
    """The warning has no place in the tool's own files, and no advice about tracemalloc."""
    type_in("async def f(): pass\n")
    warning, why, fix = type_in("x = f(); del x").splitlines()
    assert warning == "<input 2>:1: RuntimeWarning: coroutine 'f' was never awaited"
    assert why.startswith("why  `f()` only makes a coroutine")
    assert fix == "try  x = await f(); del x"
    assert "`f()` only makes a coroutine" in type_in("f()")
    assert type_in("1") == "1\n"  # where the coroutine dies: that was told when it was shown


def test_a_syntax_warning_is_given_once(type_in: Typed) -> None:
    """A questionable literal is told when it is typed, once."""
    shown = type_in("1 is 1")
    assert shown.count("SyntaxWarning") == 1
    assert shown.startswith("<input 1>:1: SyntaxWarning:")


def test_a_closed_standard_output_is_not_the_end(type_in: Typed) -> None:
    """A user who closes a stream of the session gets an error, not a dead prompt."""
    type_in("import io, sys; sys.stdout = io.StringIO(); sys.stdout.close()")
    type_in("print(1)")
    assert type_in("1") == "1\n"


def test_the_error_of_an_abandoned_statement_is_told(type_in: Typed) -> None:
    """What fails after it was abandoned is reported, as the error of a task is."""
    type_in(
        "async def hang():\n    try: await asyncio.sleep(60)\n    finally:\n        await asyncio.sleep(60); 1/0\n"
    )
    type_in.shell.session.namespace["again"] = type_in.shell.interrupt
    type_in("_ = asyncio.get_running_loop().call_later(2, again)")
    type_in("await hang()", interrupt_after=1)
    shown = type_in(":wait 120")
    assert shown.startswith("An abandoned statement failed (input ")
    assert shown.endswith("ZeroDivisionError: division by zero\n")


def test_ctrl_c_lets_go_of_a_statement_that_awaits_itself(type_in: Typed) -> None:
    """What asyncio cannot cancel is abandoned; the session goes on."""
    type_in(
        "tasks = []\n"
        "async def circling(at): await tasks[at]\n"
        "tasks += [asyncio.create_task(circling(1)), asyncio.create_task(circling(0))]\n"
    )
    assert "KeyboardInterrupt" in type_in("await tasks[0]", interrupt_after=0.1)
    assert type_in("1") == "1\n"
    type_in("for task in tasks: task._log_destroy_pending = False\n")


def test_an_abandoned_statement_that_is_collected_later_makes_no_loop_the_running_one(
    type_in: Typed,
) -> None:
    """It ends where the garbage is collected: no loop need run there."""
    type_in("async def circling(at): await tasks[at]\n")
    type_in("tasks = [asyncio.create_task(circling(1)), asyncio.create_task(circling(0))]\n")
    type_in("await tasks[0]", interrupt_after=0.1)
    type_in("for task in tasks: task._log_destroy_pending = False\n")
    type_in("del task, tasks")
    gc.collect()
    assert asyncio._get_running_loop() is None


def test_a_command_that_fails_in_an_unforeseen_way_ends(
    type_in: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error is shown, and the next statement runs."""

    def fail(rest: str) -> None:
        raise RuntimeError(f"broken {rest}")

    monkeypatch.setattr(type_in.shell.frontend, "history", lambda: fail("history"))
    assert "RuntimeError: broken history" in type_in(":history")
    assert type_in("1") == "1\n"


def test_ctrl_c_while_a_command_is_imported_tells_no_place(
    type_in: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be one in Python's import system; the next command is there."""
    module = "asyncrepl.commands.view_commands"
    finder = type(sys)("finder")
    code = f"def find_spec(name, *_):\n  if name == {module!r}: raise KeyboardInterrupt"
    exec(compile(code, "<frozen importlib._bootstrap>", "exec"), vars(finder))
    with monkeypatch.context() as patch:
        patch.setattr(type_in.shell, "registry", CommandRegistry())
        patch.delitem(sys.modules, module)
        patch.setattr(sys, "meta_path", [finder, *sys.meta_path])
        assert type_in(":tasks") == "KeyboardInterrupt\n"
    assert type_in(":tasks") == "no task is running\n"
