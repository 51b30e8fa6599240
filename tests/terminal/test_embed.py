"""``await asyncrepl.embed()``: the prompt in a program that runs, and goes on when it is left."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.pty import Terminal

pytestmark = pytest.mark.sampled(2)

#: What a program may notice of a session that is over; and how it says so.
HEAD = """
import asyncio, builtins, gc, inspect, logging, os, signal, sys, termios, threading, weakref
import asyncrepl

async def ticks(name="tick", seconds=0.1):
    count = 0
    while True:
        count += 1
        print(name, count)
        await asyncio.sleep(seconds)

def noticed():
    loop = asyncio.get_running_loop()
    wakeup = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(wakeup)
    return {
        "classes": (type(loop), type(loop._selector)),
        "attributes": [sorted(vars(each)) for each in (loop, loop._selector, loop._transports)],
        "registered": sorted(loop._selector.get_map()),
        "signals": [signal.getsignal(number) for number in range(1, 32)],
        "loop's signals": sorted(loop._signal_handlers),
        "blocked": signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        "wakeup": wakeup,
        "streams": (sys.stdin, sys.stdout, sys.stderr),
        "hooks": (sys.displayhook, sys.excepthook, sys.unraisablehook, threading.excepthook),
        "generators": sys.get_asyncgen_hooks(),
        "loop's errors": loop.get_exception_handler(),
        "policy": asyncio.new_event_loop,
        "main": sys.modules["__main__"],
        "imports": (list(sys.meta_path), builtins.__import__),
        "built in": sorted(name for name in vars(builtins) if not name.startswith(".")),
        "functions": (inspect.getfile, asyncio.Task, termios.tcgetattr, os.system, builtins.help, gc.get_freeze_count()),
        "modes": termios.tcgetattr(0),
        "open": sorted(os.listdir("/proc/self/fd")) if os.path.exists("/proc") else [],
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "switches": sys.getswitchinterval(),
    }

def changed(before):
    now = noticed()
    print("changed", [name for name in before if before[name] != now[name]])

async def embedded(*names):
    before = noticed()
    print("gave", await asyncrepl.embed(*names))
    while any(thread.name.startswith("asyncrepl") for thread in threading.enumerate()):
        await asyncio.sleep(0.01)  # one may be in the midst of an import
    changed(before)
"""


@pytest.fixture
def run(start: Callable[..., Terminal], tmp_path: Path) -> Callable[..., Terminal]:
    """Starts the program whose ``main`` has this body, truly, up to its first prompt."""

    def started(body: str, call: str = "asyncio.run(main())", **options: Any) -> Terminal:
        main = "".join(f"    {line}\n" for line in body.splitlines())
        path = tmp_path / "main.py"
        text = (
            f"{HEAD}\nasync def main():\n{main}    print('main ends')\n\n{call}\nprint('over')\n"
        )
        path.write_text(text, encoding="utf-8")
        return start([sys.executable, str(path)], **options)

    return started


def ended(terminal: Terminal, status: int = 0) -> str:
    """All that stands on the screen after the program has ended so."""
    assert terminal.exit_status() == status
    return "\n".join(terminal.scrollback)


def leave(terminal: Terminal, times: int = 1) -> None:
    """Press Ctrl-D, and wait until the program says what it has noticed."""
    terminal.send("\x04")
    terminal.wait(lambda: "\n".join(terminal.scrollback).count("changed [") == times)


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (40, 15)])
def test_the_program_goes_on_and_is_as_it_was(
    run: Callable[..., Terminal], columns: int, rows: int
) -> None:
    """Its tasks run and are shown; names are its own; nothing of the session stays."""
    terminal = run(
        "ticking = asyncio.create_task(ticks(), name='ticking')\n"
        "await asyncio.sleep(0)\n"
        "local = 41\n"
        "await embedded(names := globals() | locals())\n"
        "print('then', names['answer'], ticking.done())",
        columns=columns,
        rows=rows,
    )
    modes = terminal.found
    terminal.wait_for("tick 3")
    terminal.enter("answer = local + 1")
    terminal.enter("ticking.get_name()")
    terminal.wait_for("'ticking'")
    terminal.wait(lambda: any(row.startswith("ticking  ") for row in terminal.lines), "a lane")
    leave(terminal)
    shown = ended(terminal)
    for said in ("gave None", "changed []", "then 42 False", "main ends", "over"):
        assert said in shown
    assert terminal.attributes() == modes


def test_without_names_it_has_the_callers(run: Callable[..., Terminal]) -> None:
    """Locals and globals; what is assigned to them is a copy's."""
    terminal = run("local = 41\nawait asyncrepl.embed()\nprint('then', local)")
    terminal.enter("local, asyncrepl.__name__, __name__")
    terminal.wait_for("(41, 'asyncrepl', '__main__')")
    terminal.enter("local = 1")
    terminal.send(":quit 3\r")
    assert "then 41" in ended(terminal)


def test_what_is_told_is_told_here_too(run: Callable[..., Terminal]) -> None:
    """The six steps of an iteration over the program's own source, a mistake, who blocks."""
    terminal = run(
        "async def source():\n"
        "    for number in range(2):\n"
        "        await asyncio.sleep(0.01)\n"
        "        yield number\n"
        "await embedded(globals() | locals())"
    )
    terminal.enter(":tree")
    terminal.wait_for("waits on asyncrepl.embed")
    terminal.enter(":trace async for n in source(): pass")
    for step in ("1 __aiter__", "3 await", "6 stop"):
        terminal.wait_for(step)
    terminal.enter("for n in source(): pass")
    terminal.wait_for("try  async for n in source(): pass")
    terminal.enter("import time; time.sleep(0.3)")
    terminal.wait_for("why  `time.sleep(0.3)` stops the whole thread")
    leave(terminal)
    assert "changed []" in ended(terminal)


def test_ctrl_c_is_the_sessions(run: Callable[..., Terminal]) -> None:
    """At the idle prompt, in what waits, in what computes, in a task begun here; not in main."""
    terminal = run("await embedded(globals() | locals())")
    terminal.send("\x03")
    terminal.enter("1 + 1")
    terminal.begin("await asyncio.sleep(99)")
    terminal.send("\x03")
    terminal.wait_for("KeyboardInterrupt")
    terminal.wait_for_prompt()
    terminal.begin("print('on'); [0 for _ in iter(int, 1)]")
    terminal.wait(lambda: "on" in terminal.lines)
    terminal.send("\x03")
    terminal.wait(lambda: "\n".join(terminal.scrollback).count("KeyboardInterrupt") == 2)
    terminal.wait_for_prompt()
    leave(terminal)
    assert "changed []" in ended(terminal)


def test_what_is_begun_here_does_not_end_the_program(run: Callable[..., Terminal]) -> None:
    """A task of the session that leaves ends the session; one that is stuck, nothing."""
    terminal = run(
        "async def leaves():\n"
        "    await asyncio.sleep(0.1)\n"
        "    sys.exit(5)\n"
        "async def stuck():\n"
        "    await asyncio.sleep(0.1)\n"
        "    print('stuck')\n"
        "    while True: pass\n"
        "await embedded(globals() | locals())"
    )
    terminal.enter("task = asyncio.create_task(stuck(), name='mine')")
    terminal.wait(
        lambda: any(re.match(r"blocked (0\.[6-9]|[1-9])", row) for row in terminal.lines)
    )
    terminal.send("\x03")
    terminal.wait_for("KeyboardInterrupt: task 'mine' ended")
    terminal.send("task = asyncio.create_task(leaves())\r")
    terminal.wait_for("changed []")
    assert "main ends" in ended(terminal)


def test_jobs_end_with_the_session(run: Callable[..., Terminal]) -> None:
    """Tickers and spawned statements are cancelled and awaited; the program's tasks go on."""
    terminal = run(
        "own = asyncio.create_task(asyncio.sleep(99))\n"
        "async def slow():\n"
        "    try: await asyncio.sleep(99)\n"
        "    finally: await asyncio.sleep(0.05); print('cleaned')\n"
        "await embedded(globals() | locals())\n"
        "print('then', len(asyncio.all_tasks()), own.done())"
    )
    terminal.enter(":ticker t 0.05")
    terminal.wait_for("t │ 2")
    terminal.enter(":spawn await slow()")
    terminal.send("exit()\r")
    shown = ended(terminal)
    for said in ("2 tasks were still running and cancelled", "cleaned", "then 2 False"):
        assert said in shown
    assert "changed []" in shown


def test_it_opens_again(run: Callable[..., Terminal]) -> None:
    """As often as the program likes, but one at a time."""
    terminal = run(
        "names = {}\n"
        "for _ in range(3):\n"
        "    await embedded(names)\n"
        "async def second():\n"
        "    await asyncio.sleep(0.2)\n"
        "    try: await asyncrepl.embed()\n"
        "    except RuntimeError as error: print(error)\n"
        "task = asyncio.create_task(second())\n"
        "await embedded(names)"
    )
    terminal.enter("count = 1")
    for times in (1, 2):
        leave(terminal, times)
        terminal.wait_for_prompt()
        terminal.enter("count = count + 1")
    leave(terminal, 3)
    terminal.wait_for("asyncrepl.embed: a prompt is open in this program already")
    terminal.wait_for_prompt()
    terminal.enter("count")
    assert "3" in terminal.lines
    leave(terminal, 4)
    assert "\n".join(terminal.scrollback).count("changed []") == 4
    assert "over" in ended(terminal)


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    "typed", [":rate 0.5", ":clock virtual", ":freeze", ":next", ":reset", ":replay six-steps"]
)
def test_what_would_change_the_program_is_refused(
    run: Callable[..., Terminal], typed: str
) -> None:
    """Its time and its names are left alone."""
    terminal = run("local = 41\nawait embedded(globals() | locals())")
    terminal.enter(typed)
    terminal.wait_for(f"{typed.split(maxsplit=1)[0]} is refused here")
    terminal.enter("local")
    assert "41" in terminal.lines
    leave(terminal)
    assert "changed []" in ended(terminal)


@pytest.mark.sampled(5)
@pytest.mark.parametrize(
    ("body", "call", "said", "status"),
    [
        (
            (
                "try: await asyncio.wait_for(embedded(), 2)\n"
                "except TimeoutError: print('timeout', type(asyncio.get_running_loop()).__name__)"
            ),
            "asyncio.run(main())",
            "timeout _UnixSelectorEventLoop",
            0,
        ),
        (
            "task = asyncio.create_task(embedded())\nawait asyncio.sleep(2)",
            "asyncio.run(main())",
            "main ends",
            0,
        ),
        (
            "asyncio.get_running_loop().call_later(2, sys.exit, 7)\nawait embedded(globals() | locals())",
            "asyncio.run(main())",
            "asyncrepl in a program",
            7,
        ),
        (
            "await embedded(globals() | locals())",
            (
                "loop = asyncio.new_event_loop()\n"
                "task = loop.create_task(main())\n"
                "loop.call_later(2, loop.stop)\n"
                "loop.run_forever()\n"
                "print('stopped', type(loop).__name__)\n"
                "loop.run_until_complete(task)"
            ),
            "stopped _UnixSelectorEventLoop",
            0,
        ),
    ],
)
def test_however_it_ends_the_terminal_is_restored(
    run: Callable[..., Terminal], body: str, call: str, said: str, status: int
) -> None:
    """Cancelled, cut off by the end of the program, or its loop is stopped."""
    terminal = run(body, call)
    shown = ended(terminal, status)
    assert said in shown
    assert terminal.attributes() == terminal.found
    assert terminal.modes.get(2004) is False


def test_signals_are_the_programs(run: Callable[..., Terminal]) -> None:
    """Ctrl-C is not for its handlers; SIGTERM is, when the session has made room for it."""
    terminal = run(
        "loop = asyncio.get_running_loop()\n"
        "loop.add_signal_handler(signal.SIGTERM, print, 'told to end')\n"
        "loop.add_signal_handler(signal.SIGINT, print, 'interrupted')\n"
        "await embedded(globals() | locals())\n"
        "await asyncio.sleep(0.1)\n"
        "os.kill(os.getpid(), signal.SIGINT)\n"
        "await asyncio.sleep(0.1)"
    )
    terminal.send("\x03")
    terminal.enter("1 + 1")
    assert "interrupted" not in terminal.lines
    os.kill(terminal.child.pid, signal.SIGTERM)
    shown = ended(terminal)
    assert [shown.count(each) for each in ("told to end", "interrupted")] == [1, 1]
    assert "changed []" in shown


def test_a_program_without_handlers_is_ended(run: Callable[..., Terminal]) -> None:
    """By SIGTERM, as without a prompt in it."""
    terminal = run("await embedded(globals() | locals())")
    os.kill(terminal.child.pid, signal.SIGTERM)
    ended(terminal, 128 + signal.SIGTERM)
    assert terminal.attributes() == terminal.found


def test_what_the_program_reads_and_logs(run: Callable[..., Terminal]) -> None:
    """Its reader of standard input rests meanwhile; what it logs stands above the prompt."""
    terminal = run(
        "loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()\n"
        "given = lambda: asyncio.StreamReaderProtocol(reader)\n"
        "pipe, _ = await loop.connect_read_pipe(given, sys.stdin)\n"
        "logging.basicConfig(stream=sys.stderr, format='log: %(message)s')\n"
        "loop.call_later(0.3, logging.warning, 'logged')\n"
        "loop.set_exception_handler(lambda _, context: print('heard', context['message'][:9]))\n"
        "loop.call_later(0.3, next, iter(()))\n"
        "await embedded(globals() | locals())\n"
        "print('asks')\n"
        "print(await reader.readline())\n"
        "pipe.close()"
    )
    terminal.wait_for("log: logged")
    terminal.wait_for("heard Exception")
    terminal.wait_for_prompt()
    terminal.enter("6 * 7")
    leave(terminal)
    terminal.wait_for("asks")
    terminal.send("hello\n")
    shown = ended(terminal)
    assert "b'hello\\n'" in shown
    assert "changed []" in shown


def test_what_was_made_in_it_lasts(run: Callable[..., Terminal]) -> None:
    """Functions typed there, methods of the loop, an async generator that is closed later."""
    terminal = run(
        "async def source():\n"
        "    try: yield 1\n"
        "    finally: print('closed')\n"
        "names = {'source': source}\n"
        "await embedded(names)\n"
        "print(names['length']('abc'), await names['job'](len, 'abcd'))\n"
        "print(await names['make'](asyncio.sleep(0, 'made')))\n"
        "del names['kept']\n"
        "await asyncio.sleep(0.05)"
    )
    terminal.enter("def length(text): return len(text)")
    terminal.enter("import functools; loop = asyncio.get_running_loop()")
    terminal.enter("make, job = loop.create_task, functools.partial(loop.run_in_executor, None)")
    terminal.enter("kept = source(); await anext(kept) and None")
    leave(terminal)
    shown = ended(terminal)
    for said in ("changed []", "3 4", "made", "closed"):
        assert said in shown


def test_what_was_named_in_it_dies(run: Callable[..., Terminal]) -> None:
    """Nothing of a session lives on that would keep what it had."""
    terminal = run(
        "class Big: pass\n"
        "for _ in range(2):\n"
        "    big = Big()\n"
        "    kept = weakref.ref(big)\n"
        "    await embedded({'big': big})\n"
        "    await asyncio.sleep(0)\n"
        "    del big\n"
        "    gc.collect()\n"
        "    print('kept', kept())"
    )
    for times in (1, 2):
        terminal.wait_for_prompt()
        terminal.enter("other = big; [len('abc')]")
        leave(terminal, times)
    assert ended(terminal).count("kept None") == 2


def test_the_readmes_program(start: Callable[..., Terminal], tmp_path: Path) -> None:
    """It is as it says."""
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (program,) = re.findall(
        r"```python\n(import asyncio\nimport asyncrepl\n.*?)```", readme, re.DOTALL
    )
    path = tmp_path / "main.py"
    path.write_text(program, encoding="utf-8")
    terminal = start([sys.executable, str(path)])
    terminal.enter("worker.get_name()")
    terminal.wait_for("'worker'")
    terminal.send("\x04")
    ended(terminal)


def test_it_is_refused_inside_asyncrepl(terminal: Terminal) -> None:
    """A prompt is there already."""
    terminal.enter("import asyncrepl; await asyncrepl.embed()")
    terminal.wait_for("EmbedError: asyncrepl.embed: this runs")


_CALL = "import asyncio, threading, asyncrepl\n"


@pytest.mark.sampled(5)
@pytest.mark.parametrize(
    ("program", "said"),
    [
        (
            (
                "class Loop(asyncio.SelectorEventLoop): pass\n"
                "with asyncio.Runner(loop_factory=Loop) as runner: runner.run(asyncrepl.embed())"
            ),
            (
                "it needs asyncio's own loop, not __main__.Loop: use plain asyncio.run(main()), "
                "or loop='asyncio' of uvicorn"
            ),
        ),
        ("asyncio.run(asyncrepl.embed())", "standard input and output are no terminal"),
        (
            (
                "thread = threading.Thread(target=lambda: asyncio.run(asyncrepl.embed()))\n"
                "thread.start(); thread.join()"
            ),
            "Ctrl-C reaches the main thread only",
        ),
        ("asyncrepl.embed().send(None)", "no asyncio loop runs here: use asyncio.run(main())"),
    ],
)
def test_where_it_cannot_be_it_says_so(program: str, said: str) -> None:
    """In one line: why, and what to do."""
    ran = subprocess.run(
        [sys.executable, "-c", _CALL + program],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"EmbedError: asyncrepl.embed: {said}" in ran.stderr
