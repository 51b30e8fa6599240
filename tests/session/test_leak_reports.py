"""What is forgotten is told when it happens, and listed by ``:leaks``."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
import warnings
from typing import TYPE_CHECKING

import pytest
from support.shells import typed_shell

from asyncrepl.engine.code_owner import is_ours, is_users, owner
from asyncrepl.events.finding_log import active_log
from asyncrepl.runtime import isolation
from asyncrepl.session.frontend import Frontend

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from support.shells import Typed

    from asyncrepl.session.input_run import Status
    from asyncrepl.views.styled_lines import Line

READINGS = "async def readings(n=9):\n    for i in range(n):\n        await asyncio.sleep(1)\n        yield i\n"


@pytest.fixture
def type_in(type_in: Typed) -> Typed:
    """A shell whose loop is recorded, as a terminal's and a transcript's is."""
    gc.collect()  # what other tests have left
    type_in.shell.observing.want("test")
    return type_in


def test_a_generator_left_by_break_is_told_at_the_end_of_the_statement(type_in: Typed) -> None:
    """With its name, where it was made, what left it, and how to close it."""
    type_in(READINGS)
    type_in("g = readings()")
    shown = type_in("async for x in g:\n    print(x)\n    break\n")
    assert shown == (
        "0\n"
        "leak g, made at <input 2>:1, is still open: `break` at <input 3>:3 left it\n"
        "try  await g.aclose()\n"
    )
    assert type_in("await g.aclose()") == ""


def test_what_closes_it_is_on_the_input_line(type_in: Typed) -> None:
    """``:fix`` is what was said to be tried; the loop, which has done its work, does not run again."""
    type_in(READINGS)
    type_in("async def first(source):\n    async for x in source:\n        return x")
    type_in("g = readings()")
    assert "try  await g.aclose()\n" in type_in("await first(g)")
    assert type_in(":fix") == "await g.aclose()\n"
    assert type_in("await g.aclose()") == ""


def test_an_error_that_left_it_comes_first(type_in: Typed) -> None:
    """Then it is not said that a break did it, though there is one."""
    type_in(READINGS)
    type_in("g = readings()")
    shown = type_in("async for x in g:\n    1/0\n    break\n")
    error, leak, _ = shown.splitlines()
    assert error == "ZeroDivisionError: division by zero (line 2)"
    assert leak.endswith("is still open: the loop at <input 3>:1 left it")


def test_a_generator_left_in_the_background_is_told_after_the_next_input(type_in: Typed) -> None:
    """Also if that is a command."""
    type_in(READINGS)
    type_in("g = readings()")
    type_in(":spawn async for x in g: break")
    assert type_in(":wait 3").startswith("leak g, made at <input 2>:1, is still open: the loop")


def test_a_coroutine_is_told_where_it_was_made(type_in: Typed) -> None:
    """Python's own line first, unchanged, then the place and what to write."""
    type_in("async def fetch(): pass\n")
    type_in("x = fetch()")
    assert type_in("x = 1") == (
        "<input 3>:1: RuntimeWarning: coroutine 'fetch' was never awaited\n"
        "why  <input 2>:1: `fetch()` only makes a coroutine: without `await` nothing of it runs.\n"
        "try  x = await fetch()\n"
    )


def test_a_coroutine_that_the_loop_was_to_call_is_told(type_in: Typed) -> None:
    """The loop only reports that it cannot: what was given in the place of a function is known."""
    type_in("import asyncio\nasync def fetch(): pass\n")
    told = type_in("asyncio.get_running_loop().call_soon(fetch()); await asyncio.sleep(0.001)")
    assert "`fetch()` gives `call_soon` a coroutine in the place of a function" in told


def test_of_two_possible_places_none_is_named(type_in: Typed) -> None:
    """An uncertain place is not told."""
    type_in("async def fetch(): pass\n")
    type_in("x = fetch()")
    shown = type_in("x = fetch()")
    assert shown == "<input 3>:1: RuntimeWarning: coroutine 'fetch' was never awaited\n"


def test_a_bare_call_in_a_function_is_its_own_place(type_in: Typed) -> None:
    """Also for a coroutine function of a library, and for one that is called elsewhere, too."""
    type_in("async def main():\n    asyncio.sleep(1)\n    x = asyncio.sleep(2); await x\n")
    assert type_in("await main()") == (
        "<input 1>:2: RuntimeWarning: coroutine 'sleep' was never awaited\n"
        "why  <input 1>:2: `asyncio.sleep(1)` only makes a coroutine: without `await` nothing of "
        "it runs.\n"
        "try      await asyncio.sleep(1)   (:fix writes it all)\n"
    )


def test_origin_tracking_is_believed(type_in: Typed) -> None:
    """Its place is told our way; Python's own lines about it are not repeated."""
    type_in("async def fetch(): pass\n")
    type_in("import sys; sys.set_coroutine_origin_tracking_depth(1)")
    try:
        type_in("x = fetch()")
        type_in("y = fetch()")
        shown = type_in("x = 1")
    finally:
        type_in("sys.set_coroutine_origin_tracking_depth(0); del y")
    assert shown == (
        "<input 5>:1: RuntimeWarning: coroutine 'fetch' was never awaited\n"
        "why  <input 3>:1: `fetch()` only makes a coroutine: without `await` nothing of it runs.\n"
        "try  x = await fetch()\n"
    )


def test_each_input_may_warn(type_in: Typed) -> None:
    """That an earlier line 1 has warned of the same name silences no later one."""
    type_in("async def fetch(): pass\n")
    for _ in range(2):
        assert "never awaited" in type_in("x = fetch(); del x")


def test_the_users_filters_decide(type_in: Typed) -> None:
    """What is ignored is not told, what is caught goes where it is caught."""
    type_in("async def fetch(): pass\n")
    type_in("import warnings")
    ignored = "with warnings.catch_warnings():\n    warnings.simplefilter('ignore')\n    fetch().__class__\n"
    assert type_in(ignored) == "<class 'coroutine'>\n"
    type_in("with warnings.catch_warnings(record=True) as caught: x = fetch(); del x\n")
    assert type_in("[str(each.message) for each in caught]") == (
        "[\"coroutine 'fetch' was never awaited\"]\n"
    )
    assert type_in(":leaks") == "no leaks\n"


def test_a_users_showwarning_is_called(type_in: Typed) -> None:
    """Warnings may be redirected as in any program."""
    type_in("async def fetch(): pass\n")
    type_in("import logging; logging.captureWarnings(True)")
    try:
        logging.getLogger("py.warnings").addHandler(logging.NullHandler())
        assert type_in("x = fetch(); del x") == ""
    finally:
        type_in("logging.captureWarnings(False)")


def test_a_redirected_warning_goes_where_it_is_sent(type_in: Typed) -> None:
    """Python's line goes to the program's standard error; what explains it, to the person."""
    type_in("async def fetch(): pass\n")
    type_in("import contextlib, io; out = io.StringIO(); x = fetch()")
    shown = type_in("with contextlib.redirect_stderr(out): x = 1\n")
    assert shown.startswith("why  <input 2>:1: `fetch()` only makes a coroutine")
    assert type_in("print(out.getvalue(), end='')") == (
        "<input 3>:1: RuntimeWarning: coroutine 'fetch' was never awaited\n"
    )


def test_a_failed_task_is_told_with_the_place_of_its_call(type_in: Typed) -> None:
    """Asyncio's words, the task, its coroutine, the traceback, the place."""
    type_in("async def bad(): 1/0\n")
    type_in("t = asyncio.create_task(bad(), name='job')\nawait asyncio.sleep(0)")
    told = type_in("import gc; del t; _ = gc.collect()").splitlines()
    first, *_, error, made = [each for each in told if not each.startswith(("why", " "))]
    assert first == "Task exception was never retrieved (job, bad)"
    assert error == "ZeroDivisionError: division by zero"
    assert made == "made <input 2>:1: t = asyncio.create_task(bad(), name='job')"


def test_why_an_error_goes_unseen_is_told_where_the_task_is_made(type_in: Typed) -> None:
    """Also where no correction says where."""
    type_in("async def bad():\n    await asyncio.sleep(0)\n    1/0\n")
    type_in(
        "import gc\nasync def main():\n    t = asyncio.create_task(bad())\n"
        "    while not t.done():\n        await asyncio.sleep(0)\n"
        "    del t\n    gc.collect()\n"
    )
    told = type_in("await main()").splitlines()
    (why,) = [each for each in told if each.startswith("why")]
    assert why.startswith("why  <input 2>:3: `asyncio.create_task(bad())` keeps its error")
    assert not any(each.startswith("try") for each in told)


def test_a_task_dropped_while_pending_is_told(type_in: Typed) -> None:
    """With its name, why it could die, and where it was made."""
    type_in("import gc\nasync def wait():\n    await asyncio.Event().wait()\n")
    type_in("t = asyncio.create_task(wait(), name='job')")
    type_in("await asyncio.sleep(0)")
    assert type_in("del t; _ = gc.collect()") == (
        "Task was destroyed but it is pending! (job, wait)\n"
        "leak nothing refers to it any more, and the loop itself keeps no task\n"
        "made <input 2>:1: t = asyncio.create_task(wait(), name='job')\n"
    )


def test_a_future_that_failed_is_a_leak_too(type_in: Typed) -> None:
    """It has neither a name nor a coroutine."""
    type_in(
        "f = asyncio.get_running_loop().create_future(); f.set_exception(ValueError(1)); del f"
    )
    assert type_in(":leaks") == "never retrieved  a future\n"


def test_a_generator_thrown_away_in_a_function_is_told_once(type_in: Typed) -> None:
    """A statement that only calls an async generator function does nothing."""
    type_in(READINGS)
    type_in("async def main():\n    readings()\n    [readings()]\n    x = readings()\n")
    assert type_in("await main()") == (
        "why  <input 2>:2: `readings()` only makes an async generator: nothing of it runs before "
        "it is walked.\n"
        "try      async for _ in readings(): pass   (:fix writes it all)\n"
    )
    assert type_in("await main()") == ""
    assert type_in(":leaks") == "never iterated  readings, made at <input 2>:2: readings()\n"


def test_a_call_that_shows_a_generator_is_explained(type_in: Typed) -> None:
    """At the prompt the value is shown, with the loop to write; a name is only shown."""
    type_in(READINGS)
    shown = type_in("readings(3)").splitlines()
    assert shown[1].startswith("why  `readings(3)` only makes an async generator")
    assert shown[2] == "try  async for item in readings(3): print(item)"
    type_in("g = readings(3)")
    assert len(type_in("g").splitlines()) == 1


def test_a_program_that_forgets_nothing_is_not_told_anything(type_in: Typed) -> None:
    """gather, TaskGroup, aclosing, steps by hand, a generator in use."""
    type_in(READINGS)
    type_in("from contextlib import aclosing")
    type_in("async def one(): return 1\n")
    assert type_in("x = await asyncio.gather(one(), one())") == ""
    assert type_in("async with asyncio.TaskGroup() as group: t = group.create_task(one())\n") == ""
    assert type_in("async with aclosing(readings()) as s:\n    async for x in s: break\n") == ""
    assert type_in("g = readings(); x = await anext(g); await g.aclose()") == ""
    assert type_in(":leaks") == "no leaks\n"


def test_the_list_has_the_leaks_and_what_is_open(type_in: Typed) -> None:
    """And `:reset` empties it."""
    type_in(READINGS)
    type_in("g = readings()")
    type_in("async for x in g: break")
    assert type_in(":leaks") == (
        "left open  g (readings), by `break` at <input 3>:1, made at <input 2>:1: g = readings()\n"
        "open now   readings waits at <input 1>:4: yield i, begun at <input 3>:1\n"
    )
    type_in(":reset")
    assert type_in(":leaks") == "no leaks\n"


def test_the_list_takes_no_words(type_in: Typed) -> None:
    """A mistake is one clear line."""
    assert type_in(":leaks all") == ":leaks takes nothing, not 'all'\n"


def test_the_interpreter_gets_its_hooks_back() -> None:
    """Warnings and probes speak to nobody of ours when the shell is closed."""
    writer, heard = vars(warnings)["_showwarnmsg_impl"], active_log()
    with typed_shell() as type_in:
        assert active_log() is type_in.shell.loop.live.findings
        assert vars(warnings)["_showwarnmsg_impl"] is not writer
    assert vars(warnings)["_showwarnmsg_impl"] is writer
    assert active_log() is heard


SOURCE = (
    "left open  g (readings), by `break` at <input 3>:1, made at <input 2>:1: g = readings()\n"
)

ENDS = {
    "by aclose": ("await g.aclose()",),
    "by a task": ("await asyncio.create_task(g.aclose())",),
    "by aclosing": ("from contextlib import aclosing", "async with aclosing(g): pass\n"),
    "by going on to its end": ("async for x in g: pass",),
    "by steps to its end": ("while True: await anext(g)\n",),
    "by athrow": ("await g.athrow(ValueError(1))",),
    "by an error of its own": ("await g.athrow(GeneratorExit)",),
    "by nobody holding it": ("del g", ":wait 0"),
    "by a new value of its name": ("g = None",),
    "by garbage collection": ("box = [g]; box.append(box); del g, box", "import gc; _ = gc.collect()"),
    "by shutdown_asyncgens": ("await asyncio.get_running_loop().shutdown_asyncgens()",),
    "from another input in the background": (":spawn await g.aclose()", ":wait 0.1"),
}  # fmt: skip


@pytest.mark.parametrize("texts", ENDS.values(), ids=list(ENDS))
def test_a_generator_that_is_over_is_no_leak(type_in: Typed, texts: tuple[str, ...]) -> None:
    """Whoever closed it, or went on with it to its end."""
    type_in(READINGS)
    type_in("g = readings(2)")
    type_in("async for x in g: break")
    assert type_in(":leaks").splitlines(keepends=True)[0] == SOURCE.replace("()", "(2)")
    for text in texts:
        type_in(text)
    assert type_in(":leaks") == "no leaks\n"


def test_one_of_two_that_look_alike_is_a_leak_still(type_in: Typed) -> None:
    """What is told once is listed as long as one of them is open; and again when one is."""
    type_in(READINGS + "async def first(g):\n    async for x in g: return x\n")
    type_in("kept = [readings(), readings()]")
    assert "leak" in type_in("for g in kept: await first(g)\n")
    assert type_in("await kept[0].aclose()") == ""
    assert "left open" in type_in(":leaks")
    assert type_in("await kept[1].aclose()") == ""
    assert type_in(":leaks") == "no leaks\n"


@pytest.mark.parametrize(
    "texts",
    [
        ("c = one()", "await c", "del c"),
        ("c = one()", "c.close(); del c"),
        ("t = asyncio.create_task(bad())", "await asyncio.sleep(0)", "_ = t.exception()", "del t"),
        ("t = asyncio.create_task(bad())", "await asyncio.wait([t])", "await t", "del t"),
        ("f = asyncio.Future(); f.set_exception(ValueError(1))", "_ = f.exception()", "del f"),
        ("_ = await asyncio.gather(bad(), return_exceptions=True)", "_ = None"),
    ],
    ids=["awaited", "closed", "asked later", "awaited later", "a future", "gathered"],
)
def test_what_somebody_sees_to_later_is_no_leak(type_in: Typed, texts: tuple[str, ...]) -> None:
    """A coroutine, or the exception of a task or of another future."""
    type_in("async def one(): return 1\n")
    type_in("async def bad(): 1/0\n")
    shown = "".join(type_in(text) for text in texts) + type_in("import gc; n = gc.collect()")
    assert "never" not in shown
    assert type_in(":leaks") == "no leaks\n"


def test_a_generator_begun_while_nothing_was_recorded_is_listed_as_open(type_in: Typed) -> None:
    """Who began it is not known then, and nobody is blamed; not even one of the same ``id``."""
    shell = type_in.shell
    type_in(READINGS)
    type_in("g = readings()")
    type_in("async for x in g: break")
    type_in("await g.aclose(); g = None")
    shell.observing.drop("test")
    type_in("gs = [readings() for _ in range(100)]")  # one of them has the id of the first
    type_in("for g in gs: await anext(g)\n")
    shell.observing.want("test")
    assert "leak" not in type_in("1")
    listed = type_in(":leaks").splitlines()
    assert {line.split("  ")[0] for line in listed} == {"open now"}
    assert "begun" not in "".join(listed)
    type_in("for g in gs: await g.aclose()\n")
    assert type_in(":leaks") == "no leaks\n"


@pytest.mark.parametrize(
    "command", [":marbles g()", ":wait 5", ":next", ":next 3", ":help", ":tasks"]
)
def test_a_command_that_is_interrupted_at_once_forgets_nothing(command: str) -> None:
    """Ctrl-C together with Enter, before the first step: no coroutine of ours is told or listed."""

    class Pages(Frontend):
        """A screen too small for any answer."""

        def page(self, _lines: Sequence[Line], *, newest_last: bool) -> Awaitable[None]:  # noqa: ARG002
            return asyncio.sleep(5)

    with typed_shell(Pages()) as type_in:
        type_in("async def g(): yield 1\n")
        shell = type_in.shell
        statuses: list[Status] = []

        def done(status: Status) -> None:
            statuses.append(status)
            shell.loop.stop()

        shell.loop.live.clock.release()
        shell.loop.call_soon(shell.submit, command, done)
        shell.loop.call_soon(shell.interrupt)
        shell.loop.run_forever()
        gc.collect()
        assert [status.kind for status in statuses] == ["error"]
        assert "never awaited" not in type_in.shown()
        assert list(shell.leak_reporter.leaks) == []


def test_a_task_factory_that_raises_leaves_no_ticker_behind() -> None:
    """Its error is told, and no coroutine of ours."""
    with typed_shell() as type_in:
        type_in("def factory(loop, coro, **options): raise ValueError('no')\n")
        type_in("asyncio.get_running_loop().set_task_factory(factory)")
        assert type_in(":ticker tick 0.2").endswith("ValueError: no\n")
        gc.collect()
        assert "never awaited" not in type_in("1")
        type_in("asyncio.get_running_loop().set_task_factory(None)")


def test_what_ends_a_thread_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    """As what ends a statement, after the traceback that the thread has written; ``:fix`` too."""
    told: list[BaseException | None] = []
    hook = lambda args: told.append(args.exc_value)  # noqa: E731
    monkeypatch.setattr(threading, "excepthook", hook)
    with typed_shell() as typed:
        typed(
            "import threading\nasync def ticks(): yield 1\ndef work():\n    for t in ticks(): pass"
        )
        shown = typed(
            "t = threading.Thread(target=work); t.start(); t.join(); await asyncio.sleep(0)"
        )
        assert "why  `ticks()` is an async generator" in shown
        assert typed("def fail(): 1 / 0") == ""
        assert typed("t = threading.Thread(target=fail); t.start(); t.join()") == ""
    assert [*map(type, told)] == [TypeError, ZeroDivisionError]
    assert threading.excepthook is hook


def test_the_script_that_starts_the_program_is_no_users(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a command of ours has made and dropped was said to stand in ``bin/asyncrepl``."""
    monkeypatch.setattr(isolation, "launcher", "/somewhere/bin/asyncrepl")
    assert is_ours("/somewhere/bin/asyncrepl")
    assert not is_users("/somewhere/bin/asyncrepl")
    assert not is_ours("/somewhere/bin/other")
    owner.cache_clear()
