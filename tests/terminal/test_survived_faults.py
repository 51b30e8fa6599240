"""Nothing that is typed takes the prompt away: each fault by the name of what is done."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from support.pty import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHAIN = "e = ValueError(0)\rfor i in range({}):\rn = ValueError(i); n.__{}__ = e; e = n\r"
CLASS = "class E(Exception):\r{}\r"

#: What is typed for each; after it the same session goes on.
ERRORS: dict[str, list[str]] = {
    "endless recursion in an except": ["def f():\rtry: 1/0\rexcept: f()\r", "f()"],
    "a chain of a thousand contexts": [CHAIN.format(1000, "context"), "raise e"],
    "a chain of three thousand causes": [CHAIN.format(3000, "cause"), "raise e"],
    "a circle of causes": [
        "a, b = E1, E2 = KeyError(), ValueError(); a.__cause__ = b",
        "raise b from a",
    ],
    "a deep exception group": [
        "e = ValueError(0)\rfor i in range(500): e = ExceptionGroup('g', [e])\r",
        "raise e",
    ],
    "a wide exception group": ["raise ExceptionGroup('g', [ValueError(i) for i in range(999)])"],
    "a SyntaxError whose text is an int": ["raise SyntaxError('m', ('f', 1, 1, 5))"],
    "a SyntaxError of odd parts": ["raise SyntaxError('m', ('f', 'x', 'y', 'abc'))"],
    "an exception whose __class__ raises": [
        CLASS.format("@property\rdef __class__(self): raise RuntimeError('no')\r"),
        "raise E",
    ],
    "an exception whose __str__ leaves": [
        CLASS.format("def __str__(self): raise SystemExit(3)\r"),
        "raise E",
    ],
    "an exception without attributes": [
        CLASS.format("def __getattribute__(self, name): raise RuntimeError(name)\r"),
        "raise E",
    ],
    "an exception that has no truth": [
        CLASS.format("def __bool__(self): raise RuntimeError('no')\r"),
        "raise E from E()",
    ],
    "notes that are none": ["e = ValueError(); e.__notes__ = 5", "raise e"],
    "notes of surrogates": ["e = ValueError(); e.__notes__ = [1, '\\ud800']", "raise e"],
    "a code object with a surrogate for a name": [
        "exec((lambda: 1/0).__code__.replace(co_name='f\\ud800'))"
    ],
    "a metaclass that raises": [
        "class M(type):\rdef __getattribute__(c, n): raise ValueError('m')\r\r",
        "class E(Exception, metaclass=M): pass\r",
        "raise E",
    ],
    "a handler of another signal that raises": [
        "import signal; signal.signal(signal.SIGALRM, lambda *a: 1/0)",
        "signal.setitimer(signal.ITIMER_REAL, 0.05); await asyncio.sleep(0.2)",
    ],
    "an interval timer of a millisecond": [
        "import signal; signal.signal(signal.SIGALRM, lambda *a: None)",
        "signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)",
        "1/0",
        "signal.setitimer(signal.ITIMER_REAL, 0)",
    ],
    "a recursion limit of 40": ["import sys; sys.setrecursionlimit(40)", "1/0"],
    "no running loop": ["asyncio._set_running_loop(None)", "await asyncio.sleep(0.01)"],
    "a task factory that raises": [
        "def factory(loop, coro, **_): raise RuntimeError('no tasks')\r",
        "asyncio.get_running_loop().set_task_factory(factory)",
        "1/0",
        ":tasks",
        "asyncio.get_running_loop().set_task_factory(None)",
    ],
    "a task that cannot say its name": [
        "class T(asyncio.Task):\rdef get_name(self): 1/0\rdef get_coro(self): 1/0\r\r",
        "t = T(asyncio.sleep(99), loop=asyncio.get_running_loop())",
        ":tasks",
        ":tree",
        "asyncio.Task.cancel(t)",
    ],
    "an exception handler that raises": [
        "def handler(loop, context): raise BaseException('handler')\r",
        "asyncio.get_running_loop().set_exception_handler(handler)",
        "asyncio.get_running_loop().call_soon(lambda: 1/0)",
    ],
    "a trace function that raises": [
        "import sys\rdef trace(*a): raise RuntimeError('trace')\r",
        "sys.settrace(trace)",
        "1/0",
        "sys.settrace(None)",
    ],
    "no loop.stop": ["asyncio.get_running_loop().stop()"],
    "all tasks cancelled": ["[task.cancel() for task in asyncio.all_tasks()]"],
    "no names": ["globals().clear()", "import asyncio"],
}

#: Each in a session of its own: they last.
SABOTAGE: dict[str, list[str]] = {
    "sys.path emptied": ["import sys; sys.path.clear()", "1/0", ":tree"],
    "sys.meta_path emptied": ["import sys; sys.meta_path.clear()", "1/0", ":tree"],
    "sys.modules emptied": ["import sys; sys.modules.clear()", "1/0", ":tasks"],
    "asyncio forgotten": ["import sys; del sys.modules['asyncio']", "1/0", ":tasks"],
    "__import__ mocked": [
        "import builtins, unittest.mock as m",
        "builtins.__import__ = m.Mock(side_effect=ImportError('no'))",
        "1/0",
        "await 3",
        ":tree",
    ],
    "linecache taken away": [
        "import linecache; linecache.getline = linecache.cache = linecache.checkcache = None",
        "def f(): 1/0\r",
        "f()",
    ],
    "traceback taken away": ["import traceback; traceback.TracebackException = None", "1/0"],
    "the clocks mocked": [
        "import time; time.monotonic = time.time = time.perf_counter = lambda: 0",
        "1/0",
        "await asyncio.sleep(0)",
    ],
    "asyncio mocked": [
        "asyncio.sleep = asyncio.wait = asyncio.Task = asyncio.current_task = None",
        "asyncio.all_tasks = asyncio.Future = asyncio.wait_for = asyncio.CancelledError = None",
        "1/0",
        ":tasks",
        ":ticker t",
        ":stop t",
    ],
    "os mocked": ["import os; os.write = os.read = os.getpid = None", "1/0", "print('x')"],
    "re mocked": ["import re; re.sub = re.match = re.search = None", "1/0", "print('x')"],
    "select mocked": ["import select; select.select = select.poll = select.epoll = None", "1/0"],
    "threading mocked": [
        "import threading; threading.Lock = threading.Thread = threading.Timer = None",
        "threading.current_thread = threading.get_ident = threading.main_thread = None",
        "1/0",
        "print('x')",
    ],
    "output that raises": [
        "class W:\rdef write(self, s): raise RuntimeError('w')\rdef flush(self): 1/0\r\r",
        "import sys; sys.stdout = sys.stderr = W()",
        "1/0",
        "sys.stdout = sys.stderr = sys.__stdout__",
    ],
    "no output": ["import sys; sys.stdout = sys.stderr = None", "1/0", "print(1)"],
}

#: Where nothing can be saved but the terminal.
LOST: dict[str, list[str]] = {
    "builtins emptied": ["import builtins; vars(builtins).clear()"],
    "builtins shadowed": ["import builtins; builtins.len = builtins.isinstance = None", "1/0"],
    "all descriptors closed": ["import os; os.closerange(3, 256)"],
    "the selector closed": ["asyncio.get_running_loop()._selector.close()"],
    "os._exit": ["import os; os._exit(1)"],
}


@pytest.fixture(scope="module")
def session() -> Iterator[Terminal]:
    """One session for all faults that are over with the statement."""
    terminal = Terminal()
    terminal.wait_for_prompt()
    yield terminal
    terminal.close()


def assert_alive(terminal: Terminal, since: int = 0) -> None:
    """The next statement runs and its value is shown; none of our frames was, since a row."""
    before = terminal.scrollback.count("'alive'")
    terminal.send("'alive'\r")
    terminal.wait(
        lambda: terminal.at_prompt and terminal.scrollback.count("'alive'") > before,
        "the value of the next statement",
    )
    assert not [line for line in terminal.scrollback[since:] if "asyncrepl/" in line]


@pytest.mark.sampled(5)
@pytest.mark.parametrize("fault", ERRORS)
def test_a_fault(session: Terminal, fault: str) -> None:
    """The prompt is back, and the next statement runs."""
    since = len(session.scrollback)
    for text in ERRORS[fault]:
        session.enter(text)
    assert_alive(session, since)


@pytest.mark.slow
@pytest.mark.parametrize("fault", SABOTAGE)
def test_sabotage(start: Callable[..., Terminal], fault: str) -> None:
    """Also where what the interpreter offers to all is broken for good."""
    terminal = start()
    for text in SABOTAGE[fault]:
        terminal.enter(text)
    assert_alive(terminal)


def test_keys_are_taken_where_no_thread_can_be_started(terminal: Terminal) -> None:
    """Whoever starts a thread waits for ever if it dies at once: so completion does without."""
    for text in SABOTAGE["threading mocked"][:2]:
        terminal.enter(text)
    terminal.send("asyncio.slee\t")
    terminal.wait(
        lambda: terminal.lines[terminal.screen.cursor.y].endswith("asyncio.sleep"), "Tab"
    )
    terminal.send("\x15")
    terminal.enter(":lanes off")
    terminal.enter("6 * 7")
    assert "42" in terminal.scrollback


@pytest.mark.slow
@pytest.mark.parametrize("fault", LOST)
def test_a_lost_interpreter(start: Callable[..., Terminal], fault: str) -> None:
    """What cannot be saved ends, and gives back the terminal with a line that says so."""
    command = f"{sys.executable} -m asyncrepl -q --no-startup; echo status=$?; read line"
    terminal = start(["/bin/sh", "-c", command])
    for text in LOST[fault]:
        terminal.send(text + "\r")
    terminal.wait_for("status=1")
    terminal.wait(
        lambda: any(
            line.startswith(("asyncrepl has ended unexpectedly", "asyncrepl: the session cannot"))
            for line in terminal.scrollback
        ),
        "a line that says so",
    )
    assert terminal.attributes() == terminal.found


def test_ctrl_c_while_a_module_is_loaded(
    terminal: Terminal, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A module that sleeps or loops while it is loaded: one Ctrl-C ends it."""
    folder = tmp_path_factory.mktemp("slow")
    for number, body in enumerate(("import time; time.sleep(60)", "while True: pass")):
        path = folder / f"s{number}.py"
        path.write_text(body)
        terminal.begin(f":load {path}")
        terminal.wait_for(f"s{number}.py:1")  # named as what blocks the loop
        terminal.send("\x03")
        terminal.wait_for_prompt()
        assert_alive(terminal)
