"""``asyncrepl explain`` as other programs see it."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from cli.test_command_line import run
from support.optional_programs import needs

from asyncrepl.cli.corrected_run import run_corrected
from asyncrepl.cli.diagnosis import Program

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.sampled(2)

TICKS = "import asyncio\nasync def ticks():\n    await asyncio.sleep(0)\n    yield 1\n\n"
WRONG = TICKS + "async def main():\n    for x in ticks(): print(x)\n\nasyncio.run(main())\n"
LONG = WRONG + "# the rest\n" * 20


def asked(path: Path, text: str, **environment: str) -> dict[str, Any]:
    """The object that ``--json`` prints for the program `text`."""
    path = path / "program.py"
    path.write_text(text, encoding="utf-8")
    finished = run("explain", str(path), "--json", **environment)
    assert finished.returncode == 0
    answer: dict[str, Any] = json.loads(finished.stdout)
    assert set(answer) == {"error", "explanation"}
    return answer


def test_json_has_the_error_and_the_whole_corrected_code(tmp_path: Path) -> None:
    """One object: what Python says and where, the misconception, and code that runs."""
    answer = asked(tmp_path, WRONG)
    message = "'async_generator' object is not iterable"
    assert answer["error"] == {"type": "TypeError", "message": message, "line": 7}
    explanation = answer["explanation"]
    assert list(explanation) == ["id", "title", "step", "why", "fix", "verified"]
    assert (explanation["id"], explanation["step"]) == ("for-over-async-generator", 1)
    assert explanation["fix"] == WRONG.replace("    for", "    async for")


TWO = (
    TICKS
    + """\
async def total():
    return len([x async for x in ticks()])

async def main():
    for x in ticks(): print(x)
    print([x for x in ticks()])
    if total(): print("some")

asyncio.run(main())
"""
)


def more_asked(path: Path, text: str, *options: str) -> dict[str, Any]:
    path = path / "program.py"
    path.write_text(text, encoding="utf-8")
    finished = run("explain", str(path), "--json", *options)
    assert finished.returncode == 0, finished.stderr
    answer: dict[str, Any] = json.loads(finished.stdout)
    return answer


def test_all_goes_on_after_the_first_mistake(tmp_path: Path) -> None:
    """Each is told once, and the last correction has all of them in it."""
    answer = more_asked(tmp_path, TWO, "--all", "--verify")
    told = answer["explanations"]
    assert told[0] == answer["explanation"]
    assert [each["id"] for each in told] == ["for-over-async-generator", "coroutine-truth-value"]
    assert [each["verified"] for each in told] == [None, True]
    right = TWO.replace("    for", "    async for").replace("[x for", "[x async for")
    assert told[-1]["fix"] == right.replace("if total", "if await total")


def test_all_shows_one_patch_for_all(tmp_path: Path) -> None:
    """Every why first, then what changes."""
    path = tmp_path / "program.py"
    path.write_text(TWO, encoding="utf-8")
    shown = run("explain", str(path), "--all").stdout
    assert shown.count("\nwhy  ") == 2
    assert shown.count("\ntry  ") == 1
    assert "+    if await total()" in shown


@pytest.mark.sampled(5)
@pytest.mark.parametrize(
    ("text", "verified"),
    [
        (WRONG, True),
        (WRONG + "1/0\n", False),
        (WRONG.replace("print(x)", "print(x); asyncio.get_event_loop().call_later(3600, print)"
                       "; await asyncio.sleep(7200)"), True),
        (TWO, False),
        (WRONG + "input()\n", False),
        ("print('fine')\n", None),
    ],
    ids=["right", "another-error", "time-jumps", "another-mistake", "empty-input", "none"],
)  # fmt: skip
def test_a_correction_is_verified(tmp_path: Path, text: str, verified: bool | None) -> None:
    """The corrected program is run, on a virtual clock: whether it ends well is told."""
    explanation = more_asked(tmp_path, text, "--verify")["explanation"]
    assert (explanation or {"verified": None})["verified"] is verified


def test_what_never_ends_is_not_verified(tmp_path: Path) -> None:
    """After the time limit the process is killed."""
    program = Program("while True: pass\n", tmp_path / "program.py")
    found = run_corrected(program, {}, 1.0)
    assert found.problem == "it did not end within 1 s"


def test_a_corrected_module_is_imported_as_corrected(tmp_path: Path) -> None:
    """Not as it stands in its file, which is left as it is."""
    module = tmp_path / "helper.py"
    module.write_text("1/0\n")
    program = Program("import helper\nassert helper.x == 1\n", tmp_path / "program.py")
    assert run_corrected(program, {str(module): "x = 1\n"}).well
    assert run_corrected(program, {}).problem == "it ends in ZeroDivisionError"
    assert module.read_text() == "1/0\n"


def test_a_silent_mistake_in_a_corrected_module_is_seen(tmp_path: Path) -> None:
    """It has probes, as any module of the user's."""
    module = tmp_path / "helper.py"
    module.write_text("1/0\n")
    program = Program("import helper\nhelper.show()\n", tmp_path / "program.py")
    text = "async def ticks():\n    yield 1\ndef show():\n    print({})\n"
    told = run_corrected(program, {str(module): text.format("ticks()")})
    assert [each.id for each in told.found] == ["async-generator-never-iterated"]
    assert run_corrected(program, {str(module): text.format("ticks")}).well


def test_the_verdict_is_shown(tmp_path: Path) -> None:
    """In one line, before the change."""
    path = tmp_path / "program.py"
    path.write_text(WRONG + "1/0\n", encoding="utf-8")
    shown = run("explain", str(path), "--verify").stdout
    assert "the corrected program is not right yet: it ends in ZeroDivisionError" in shown
    path.write_text(WRONG, encoding="utf-8")
    shown = run("explain", str(path), "--verify").stdout
    assert "the corrected program was run, and ends well" in shown


def test_the_log_of_a_program_has_what_the_loop_reports(tmp_path: Path) -> None:
    text = (
        "import asyncio, gc, logging\n"
        f"logging.basicConfig(filename={str(tmp_path / 'run.log')!r}, format='%(name)s %(message)s')\n"
        "async def fails(): raise ValueError('x')\n"
        "async def main():\n"
        "    task = asyncio.create_task(fails())\n"
        "    await asyncio.sleep(0)\n"
        "    del task\n"
        "    gc.collect()\n"
        "asyncio.run(main())\n"
    )
    answer = asked(tmp_path, text)
    logged = tmp_path.joinpath("run.log").read_text().splitlines()
    assert logged[0] == "asyncio Task exception was never retrieved"
    assert "ValueError: x" in logged
    assert answer["explanation"]["id"] == "task-exception-lost"


def test_what_is_noticed_is_told_once(tmp_path: Path) -> None:
    """Not while the program runs, but in the answer."""
    path = tmp_path / "program.py"
    path.write_text(TICKS + "if ticks(): print('some')\n")
    finished = run("explain", str(path))
    assert "every object is true" in finished.stdout
    assert finished.stderr == ""


@pytest.mark.parametrize("start", ["await main()", "asyncio.run(main())"])
def test_a_program_that_waits_for_ever_is_ended(tmp_path: Path, start: str) -> None:
    """What nothing can wake is told, and not waited for."""
    text = f"import asyncio\nasync def main():\n    await asyncio.Event().wait()\n{start}\n"
    answer = asked(tmp_path, text)
    assert answer["error"] is None
    assert answer["explanation"]["id"] == "endless-generator-hangs"


def test_what_keeps_others_waiting_is_told_wherever_it_is(tmp_path: Path) -> None:
    """In a module that is imported, three calls away; and a program that never ends is ended."""
    helper = "import time\nclass Client:\n    def get(self):\n        time.sleep(0.25)\n"
    (tmp_path / "helper.py").write_text(helper)
    text = (
        "import asyncio\nfrom helper import Client\ndef fetch(): return Client().get()\n"
        "async def handle(): fetch()\n"
        "async def main(): await asyncio.gather(handle(), handle())\nasyncio.run(main())\n"
    )
    found = asked(tmp_path, text)["explanation"]
    assert found["id"] == "blocking-call-in-async-for"
    assert found["why"].startswith("`time.sleep(0.25)` in `get` held the loop for ")


@pytest.mark.slow
def test_what_the_end_has_cut_off_is_no_mistake(tmp_path: Path) -> None:
    """A recursion that computes is ended wherever it is, also before it awaits the next."""
    path = tmp_path / "program.py"
    path.write_text(
        "import asyncio\nasync def fib(n):\n"
        "    return n if n < 2 else await fib(n - 2) + await fib(n - 1)\n"
        "async def main():\n    jobs = [fib(60), fib(61), fib(62)]\n"
        "    await asyncio.gather(*jobs, return_exceptions=True)\nasyncio.run(main())\n"
    )
    told = run("explain", str(path)).stdout
    assert told.count("why  ") == told.count("held the loop") == 1


def test_a_loop_that_starves_all_others_is_ended(tmp_path: Path) -> None:
    """After some seconds; nobody could tell otherwise."""
    text = (
        "import asyncio\ndone = []\nasync def is_done(): return done\n"
        "async def finish():\n    await asyncio.sleep(0.01)\n    done.append(1)\n"
        "async def main():\n    task = asyncio.create_task(finish())\n"
        "    while not await is_done(): pass\nasyncio.run(main())\n"
    )
    answer = asked(tmp_path, text)
    assert answer["error"] is None
    assert answer["explanation"]["id"] == "blocking-call-in-async-for"


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("x = 1\n1/0\n", {"type": "ZeroDivisionError", "message": "division by zero", "line": 2}),
        ("x = [\n\n1 2]", {"type": "SyntaxError", "line": 3}),
        ("await asyncio.sleep(0)\nraise ExceptionGroup('all', [OSError()])", {"line": 2}),
        ("class E(Exception):\n    def __str__(self): 1/0\nraise E", {"type": "E", "line": 3}),
        ("raise ValueError('\\ud800')", {"message": "\ud800"}),
        ("print('fine')", None),
        ("", None),
        ("import sys; sys.exit(3)", None),
        ("import sys; sys.exit('no')", None),
        ("import sys; sys.stdout.close()", None),
        ("import os; os.close(1)", None),
        ("async def f(): raise SystemExit(5)\nt = asyncio.create_task(f())\nawait t", None),
    ],
)
def test_what_is_not_about_async_has_no_explanation(
    tmp_path: Path, text: str, error: dict[str, Any] | None
) -> None:
    """An ordinary error is told without one; a program that ends well, or leaves, has neither."""
    answer = asked(tmp_path, text)
    assert answer["explanation"] is None
    assert (answer["error"] is None) == (error is None)
    assert (error or {}).items() <= (answer["error"] or {}).items()


RIGHT = {
    "asyncio.run": TICKS + "if __name__ == '__main__':\n    asyncio.run(anext(ticks()))\n",
    "asyncio.run twice": TICKS + "asyncio.run(anext(ticks()))\n" * 2,
    "a loop of its own": TICKS + "loop = asyncio.new_event_loop()\n"
    "loop.run_until_complete(anext(ticks()))\nloop.close()\n",
    "a runner": TICKS + "with asyncio.Runner(debug=True) as r: r.run(anext(ticks()))\n",
    "its own file": "open(__file__).close()\n",
    "no loop runs": "import asyncio\ntry:\n    asyncio.get_running_loop()\n    1/0\n"
    "except RuntimeError: pass\n",
    "a loop runs": TICKS + "await anext(ticks())\n",
    "a task is made elsewhere": "import asyncio\nfrom asyncio import create_task\n"
    "async def main(): await create_task(asyncio.sleep(0))\nasyncio.run(main())\n",
    "a task under another name": "import asyncio as aio\nfrom asyncio import create_task as go\n"
    "async def main():\n    await go(aio.sleep(0))\naio.run(main())\n",
    "a task of a loop of its own": TICKS + "loop = asyncio.new_event_loop()\n"
    "task = loop.create_task(asyncio.sleep(0))\nloop.run_until_complete(task)\nloop.close()\n",
    "the word in a string": TICKS + "print('create_task')\nasyncio.run(anext(ticks()))\n",
}


@pytest.mark.sampled(4)
@pytest.mark.parametrize("text", RIGHT.values(), ids=list(RIGHT))
def test_a_right_program_is_right(tmp_path: Path, text: str) -> None:
    """What ``python FILE`` runs is run the same way, and so is what awaits at its top."""
    assert asked(tmp_path, text) == {"error": None, "explanation": None}


def test_a_task_at_the_top_of_a_file_is_told(tmp_path: Path) -> None:
    """A loop runs there, as at the prompt, but ``python FILE`` has none."""
    made = TICKS + "asyncio.create_task(anext(ticks()))\n"
    explanation = asked(tmp_path, made.replace("anext(ticks())", "asyncio.sleep(0)"))[
        "explanation"
    ]
    assert "`python FILE` has none" in explanation["why"]
    assert explanation["fix"] == TICKS + "asyncio.run(asyncio.sleep(0))\n"


def test_what_ends_a_thread_is_explained(tmp_path: Path) -> None:
    """The program goes on, and ends well: its error is that of the thread."""
    text = TICKS + "def worker():\n    for t in ticks(): print(t)\n\nimport threading\n"
    text += "thread = threading.Thread(target=worker)\nthread.start()\nthread.join()\n"
    answer = asked(tmp_path, text)
    assert answer["error"] is None
    assert answer["explanation"]["id"] == "for-over-async-generator"


def test_a_file_is_run_as_it_is_explained(tmp_path: Path) -> None:
    """``asyncrepl FILE`` runs a program that brings its own loop, and observes it."""
    path = tmp_path / "program.py"
    path.write_text(WRONG.replace("    for", "    async for"))
    assert run(str(path)).stdout == "1\n"
    assert "6 stop       StopAsyncIteration" in run("--trace", str(path)).stdout


def test_a_correction_that_awaits_at_the_top_keeps_the_program_on_one_loop(
    tmp_path: Path,
) -> None:
    """Where the top of a program has to await, its own ``asyncio.run`` runs that, too."""
    text = WRONG.replace("    for", "    async for").replace(
        "asyncio.run", "for x in ticks(): print(x)\nasyncio.run"
    )
    fix = asked(tmp_path, text)["explanation"]["fix"]
    last = "async def main_():\n    async for x in ticks(): print(x)\n    await main()\n"
    assert fix.endswith(f"{last}\n\nasyncio.run(main_())\n")
    assert asked(tmp_path, fix) == {"error": None, "explanation": None}


PRINTING = """\
import atexit, subprocess, sys, threading, time
print("printed")
sys.stdout.write("written")
subprocess.run(["sh", "-c", "echo echoed"])
atexit.register(print, "at exit")
threading.Thread(target=lambda: (time.sleep(0.1), print("in a thread"))).start()
"""


def test_nothing_is_mixed_into_the_json(tmp_path: Path) -> None:
    """What the program, its threads and its subprocesses print goes to standard error."""
    path = tmp_path / "program.py"
    path.write_text(PRINTING)
    finished = run("explain", "--json", str(path))
    assert json.loads(finished.stdout) == {"error": None, "explanation": None}
    for word in ("printed", "written", "echoed", "at exit", "in a thread"):
        assert word in finished.stderr


def test_a_forked_child_does_not_answer(tmp_path: Path) -> None:
    """One process was asked: a copy of it that reaches the end of the program stays quiet."""
    answer = asked(tmp_path, "import os\nif os.fork(): os.wait()\n")
    assert answer == {"error": None, "explanation": None}


FORKING = """\
import asyncio, os
async def work():
    await asyncio.sleep(0)
    return 5
child = os.fork()
if not child:
    os._exit(asyncio.run(work()))
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
print(f"{code} of the child, {asyncio.run(work())} of the parent")
"""


@pytest.mark.parametrize("words", [["explain"], []], ids=["explained", "run"])
def test_a_forked_child_runs_loops_of_its_own(tmp_path: Path, words: list[str]) -> None:
    """As a worker of multiprocessing does: the loop that is given to the program is the parent's."""
    path = tmp_path / "program.py"
    path.write_text(FORKING)
    assert "5 of the child, 5 of the parent" in run(*words, str(path)).stdout


def test_a_program_reads_its_own_standard_input(tmp_path: Path) -> None:
    """Where the code is a file, standard input is the program's; else it has ended."""
    path = tmp_path / "program.py"
    path.write_text("print(input(), input())\n")
    assert run("explain", str(path), stdin="a\nb\n").stdout.startswith("a b\n")
    assert "EOFError" in run("explain", stdin="input()\n").stdout


@pytest.mark.parametrize("words", [["explain"], ["explain", "-"]])
def test_code_may_come_by_standard_input(words: list[str]) -> None:
    """Without FILE, or as ``-``: as one program, whose whole correction is shown."""
    finished = run(*words, stdin=LONG)
    assert 'File "<stdin>", line 7, in main' in finished.stdout
    assert finished.stdout.endswith(LONG.replace("    for", "    async for"))


def test_a_file_is_shown_whole_where_that_is_wished(tmp_path: Path) -> None:
    """Python's own words, why, and all of the corrected code."""
    (tmp_path / "program.py").write_text(WRONG)
    shown = run("explain", "--whole", str(tmp_path / "program.py")).stdout
    error, _, rest = shown.partition("TypeError: 'async_generator' object is not iterable\n")
    assert error.startswith("Traceback (most recent call last):\n")
    assert "asyncrepl/" not in error
    assert rest.startswith("why  `ticks()` is an async generator")
    assert rest.endswith(WRONG.replace("    for", "    async for"))


@needs("patch")
@pytest.mark.parametrize("text", [WRONG, LONG], ids=["short", "long"])
def test_the_change_is_shown_and_can_be_applied(tmp_path: Path, text: str) -> None:
    """A unified diff between sentences: what ``patch`` takes as it is."""
    path = tmp_path / "program.py"
    path.write_text(text)
    shown = run("explain", str(path)).stdout
    assert f"--- {path}\n+++ {path}\n@@" in shown
    assert f"apply it  asyncrepl explain {path} | patch {path}\n" in shown
    subprocess.run(["patch", str(path)], input=shown, text=True, check=True, capture_output=True)
    assert path.read_text() == text.replace("    for", "    async for")


@pytest.mark.sampled(9)
@pytest.mark.parametrize(
    "before",
    [
        lambda text: "\ufeff" + text,
        lambda text: "\ufeff" + text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "# -*- coding: utf-8 -*-\n" + text + "# é\n",
        lambda text: text.replace("    ", "\t"),
        lambda text: text + "x = 1\f\n",
    ],
    ids=["a mark", "a mark and Windows", "Windows", "a coding", "tabs", "a form feed"],
)
@pytest.mark.parametrize("tool", [["patch", "-p0"], ["git", "apply", "--whitespace=nowarn"]])
def test_the_change_fits_the_file(
    tmp_path: Path, before: Callable[[str], str], tool: list[str]
) -> None:
    """Whatever its line ends and encoding are: nothing else of it changes."""
    if shutil.which(tool[0]) is None:
        pytest.skip(f"there is no {tool[0]} here")
    path, content = tmp_path / "program.py", before(WRONG)
    path.write_bytes(content.encode())
    finished = subprocess.run(
        [sys.executable, "-m", "asyncrepl", "explain", "program.py"],
        cwd=tmp_path, capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    subprocess.run(tool, input=finished.stdout, cwd=tmp_path, check=True, capture_output=True)
    fixed = content.replace("    for", "    async for").replace("\tfor", "\tasync for")
    assert path.read_bytes() == fixed.encode()


def test_a_program_without_a_mistake_gets_one_calm_line() -> None:
    """There is nothing to explain, and it says so; an ordinary error is Python's to tell."""
    assert (
        run("explain", stdin="x = 1\n").stdout == "nothing to explain: it ran without an error\n"
    )
    last = run("explain", stdin="1/0\n").stdout.splitlines()[-2:]
    assert last[0] == "ZeroDivisionError: division by zero"
    assert last[1] == "nothing to explain: this error is not about async iteration"


def test_what_is_left_waiting_is_told_when_nothing_is_wrong(tmp_path: Path) -> None:
    """Where it waits, for whoever has expected something of it."""
    path = tmp_path / "listener.py"
    path.write_text(
        "import asyncio\n\n"
        "async def listen(queue):\n    while True:\n        print(await queue.get())\n\n"
        "async def main():\n    queue = asyncio.Queue()\n"
        "    task = asyncio.create_task(listen(queue))\n"
        "    await queue.put(1)\n    await asyncio.sleep(0)\n    await asyncio.sleep(0)\n"
        "    return task\n\nasyncio.run(main())\n",
        encoding="utf-8",
    )
    shown = run("explain", str(path)).stdout.splitlines()
    assert shown[0] == "1"
    assert shown[-1].startswith("when it ended  `listen` waited at ")
    assert shown[-1].endswith("listener.py:5: print(await queue.get())  (Queue.get (queue 1))")


def test_what_an_error_leaves_undone_does_not_explain_it(tmp_path: Path) -> None:
    """A coroutine is not awaited because the program failed before: it is no mistake."""
    text = "async def f(): pass\ncoroutine = f()\n1/0\nawait coroutine\n"
    assert asked(tmp_path, text)["explanation"] is None


@pytest.mark.sampled(6)
@pytest.mark.parametrize("as_json", [[], ["--json"]])
@pytest.mark.parametrize(
    ("file", "stdin", "complaint"),
    [
        ("nowhere.py", b"", "no file 'nowhere.py'"),
        (".", b"", "cannot read '.': Is a directory"),
        ("-", b"\xff\xfe", "standard input is not text in UTF-8"),
        ("-", b"", "there is no code on standard input"),
        ("latin.py", b"", "'latin.py' is not text in UTF-8"),
    ],
)
def test_unreadable_input_is_one_line_and_status_2(
    tmp_path: Path, file: str, stdin: bytes, complaint: str, as_json: list[str]
) -> None:
    """What cannot be read is said on standard error, and nothing on standard output."""
    (tmp_path / "latin.py").write_bytes("# é".encode("latin-1"))
    command = [sys.executable, "-m", "asyncrepl", "explain", file, *as_json]
    finished = subprocess.run(
        command, input=stdin, capture_output=True, timeout=60, check=False, cwd=tmp_path
    )
    assert (finished.returncode, finished.stdout) == (2, b"")
    assert finished.stderr.decode() == f"asyncrepl: {complaint}\n"


def test_a_terminal_is_not_waited_for() -> None:
    """Without FILE, and nothing piped in, there is no input."""
    parent, child = pty.openpty()
    try:
        finished = subprocess.run(
            [sys.executable, "-m", "asyncrepl", "explain"],
            stdin=child, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    finally:
        os.close(parent)
        os.close(child)
    assert finished.stderr == "asyncrepl: explain takes a FILE, or code on standard input\n"
    assert finished.returncode == 2


#: Each says that it is ready, and never ends, on its second line.
ENDLESS = {
    "on our loop": "\nprint('ready', flush=True), await asyncio.sleep(900)\n",
    "on its own": "import asyncio\n"
    "async def main(): print('ready', flush=True), await asyncio.sleep(900)\n"
    "asyncio.run(main())\n",
    "on none": "\nprint('ready', flush=True) or all(True for _ in iter(int, 1))\n",
}


@pytest.mark.sampled(2)
@pytest.mark.parametrize("text", ENDLESS.values(), ids=list(ENDLESS))
def test_ctrl_c_ends_a_program_and_the_answer_comes(tmp_path: Path, text: str) -> None:
    """A program that never ends is interrupted with status 130; the answer says where it was."""
    assert interrupted(tmp_path, text) == {
        "error": {"type": "KeyboardInterrupt", "message": "", "line": 2},
        "explanation": None,
    }


def interrupted(path: Path, text: str) -> Any:
    """What ``--json`` prints for the program `text`, which gets a Ctrl-C once it is ready."""
    path = path / "program.py"
    path.write_text(text)
    command = [sys.executable, "-m", "asyncrepl", "explain", "--json", str(path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        process.stderr.readline()
        process.send_signal(signal.SIGINT)
        try:
            answer, _ = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 130
    return json.loads(answer)


#: What Python would wait for, for ever: a job of a pool, a loop in a thread, a thread on its own.
KEEPERS = {
    "a job": "import asyncio, queue\n"
    "async def main(): await asyncio.to_thread(queue.Queue().get)\n"
    "asyncio.run(main())\n",
    "a job nobody awaits": "import asyncio, queue\n"
    "async def main(): asyncio.get_running_loop().run_in_executor(None, queue.Queue().get)\n"
    "asyncio.run(main())\n",
    "a loop": "import asyncio, threading\nloop = asyncio.new_event_loop()\n"
    "threading.Thread(target=loop.run_forever).start()\n",
    "a thread": "import asyncio, queue, threading\njobs = queue.Queue()\n"
    "def work(): jobs.get()\n"
    "for _ in range(2): threading.Thread(target=work).start()\n",
}


@pytest.mark.parametrize("text", KEEPERS.values(), ids=list(KEEPERS))
def test_a_thread_that_waits_for_ever_keeps_no_answer(tmp_path: Path, text: str) -> None:
    """It is told, and the process ends, as Python's would not."""
    answer = asked(tmp_path, text)
    assert answer["error"] is None
    assert answer["explanation"]["id"] == "endless-generator-hangs"
    assert "thread" in answer["explanation"]["why"]


def test_ctrl_c_leaves_a_job_that_waits_for_ever_behind(tmp_path: Path) -> None:
    """Its thread cannot be interrupted: the answer comes, and the process ends without it."""
    text = (
        "import asyncio, queue, threading\njobs = queue.Queue()\n"
        "def get(): print('ready', flush=True), jobs.get()\n"
        "async def main(): await asyncio.gather(asyncio.to_thread(get), asyncio.sleep(99))\n"
        "asyncio.run(main())\n"
    )
    assert interrupted(tmp_path, text)["error"]["type"] == "KeyboardInterrupt"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
def test_tasks_that_ended_eagerly_have_no_coroutine_any_more(tmp_path: Path) -> None:
    """Some Pythons die when asked for it, and all tasks that are left are looked at in the end."""
    text = (
        "import asyncio\nkept = []\nasync def fails():\n    raise ValueError\n"
        "async def works():\n    return 1\nasync def main():\n"
        "    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)\n"
        "    kept.extend(asyncio.create_task(each()) for each in (works, fails))\n"
        "    kept[0].cancel()\nasyncio.run(main())\n"
    )
    assert asked(tmp_path, text)["error"] is None


SHOW_WORDS = "import sys\nprint(sys.argv[1:])\n"


@pytest.mark.parametrize(
    ("words", "given"),
    [
        (["a", "b"], ["a", "b"]),
        (["--color", "never", "a"], ["a"]),
        (["a", "--", "-m", "--json", "--", "b"], ["a", "-m", "--json", "--", "b"]),
        (["--"], []),
    ],
)
def test_a_program_gets_its_words(tmp_path: Path, words: list[str], given: list[str]) -> None:
    """Those of ours are ours wherever they stand; after ``--`` none is."""
    (tmp_path / "program.py").write_text(SHOW_WORDS)
    finished = run("explain", str(tmp_path / "program.py"), *words)
    assert finished.stdout.startswith(f"{given}\nnothing to explain"), finished.stderr


def test_the_words_come_to_the_corrected_program_too(tmp_path: Path) -> None:
    """It is verified with what it was given."""
    program = tmp_path / "program.py"
    program.write_text(f"{WRONG}import sys\nassert sys.argv[1:] == ['a', '--json']\n")
    finished = run("explain", str(program), "--verify", "a", "--", "--json")
    assert "run  the corrected program was run, and ends well" in finished.stdout


ASKS = """\
from .rows import is_more
import sys, asyncio
async def main():
    if is_more(sys.argv[1]):
        print(__package__, __spec__.name, sys.argv[1:])
asyncio.run(main())
"""


def test_a_module_is_run_by_its_name(tmp_path: Path) -> None:
    """As ``python -m`` does, with all words that follow; its silent mistakes are seen."""
    package = tmp_path / "app"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "rows.py").write_text("async def is_more(word):\n    return word == '--json'\n")
    (package / "__main__.py").write_text(ASKS)
    finished = run("explain", "--verify", "-m", "app", "--json", "--", "-m", cwd=tmp_path)
    said, why = finished.stdout.splitlines()[:2]
    assert said == "app app.__main__ ['--json', '--', '-m']"
    assert why.startswith("why  `is_more(sys.argv[1])` is a coroutine")
    assert "run  the corrected program was run, and ends well" in finished.stdout
    assert "+    if await is_more(sys.argv[1]):" in finished.stdout


def test_a_traceback_begins_in_the_module(tmp_path: Path) -> None:
    """Not with what has run it."""
    (tmp_path / "app.py").write_text("1 / 0\n")
    finished = run("explain", "-m", "app", cwd=tmp_path)
    assert finished.stdout.splitlines()[:2] == [
        "Traceback (most recent call last):",
        f'  File "{tmp_path / "app.py"}", line 1, in <module>',
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-m"], "argument -m: which module?"),
        (["-m", "nowhere.at_all"], "no module named 'nowhere.at_all'"),
        (["-m", "concurrent"], "'concurrent' is a package without a `__main__`"),
        (["a.py", "-m", "b"], "-m runs a module, 'a.py' is a file"),
        (["a.py", "--port", "3"], "unrecognized arguments: --port"),
    ],
)
def test_words_that_name_no_program_are_one_line(words: list[str], said: str) -> None:
    """And status 2."""
    finished = run("explain", *words)
    assert (finished.returncode, finished.stdout) == (2, "")
    assert said in finished.stderr
    assert finished.stderr.count("\n") == 1


TESTS = """\
import asyncio, pytest, helper

async def get(n):
    return n

def test_first():
    async def main():
        for row in helper.rows(): assert row
    asyncio.run(main())

def test_second():
    assert 1 + 1 == 3

def test_third():
    with pytest.raises(TypeError):
        list(helper.rows())

def test_fourth():
    async def main():
        return await get(1) + get(2)
    asyncio.run(main())
"""


def test_what_tests_fail_with_is_explained(tmp_path: Path) -> None:
    """That pytest has caught it is no matter; what a test expects is right."""
    (tmp_path / "helper.py").write_text("async def rows():\n    yield 1\n")
    (tmp_path / "test_rows.py").write_text(TESTS)
    finished = run("explain", "--verify", "-m", "pytest", "-q", cwd=tmp_path)
    whys = [line for line in finished.stdout.splitlines() if line.startswith("why ")]
    assert whys[0].startswith("why  `helper.rows()` is an async generator")
    assert "3 failed, 1 passed" in finished.stdout
    assert "+        async for row in helper.rows(): assert row" in finished.stdout
    assert "+        return await get(1) + await get(2)" in finished.stdout
    assert "-        list(helper.rows())" not in finished.stdout
    assert "is not right yet: it ends with exit status 1" in finished.stdout  # of the second test


CASES = """\
import unittest
from unittest import TestCase

async def rows(n):
    for i in range(n):
        yield i

class Rows(TestCase):
    def test_expected(self):
        with self.assertRaises(TypeError):
            list(rows(2))

    @unittest.expectedFailure
    def test_marked(self):
        sum(rows(2))

    def test_fails(self):
        self.assertEqual(max(rows(2)), 1)
"""


def test_tests_of_unittest_are_explained_alike(tmp_path: Path) -> None:
    """What one test expects says nothing of another, and stays as it is."""
    (tmp_path / "test_rows.py").write_text(CASES)
    finished = run("explain", "-m", "unittest", cwd=tmp_path)
    assert finished.stdout.startswith("why  `max` walks synchronously")
    changed = [line for line in finished.stdout.splitlines() if line.startswith("-  ")]
    assert changed == ["-    def test_fails(self):", "-        self.assertEqual(max(rows(2)), 1)"]


MOCKED = """\
import unittest
from unittest.mock import MagicMock, Mock

class Api:
    def __init__(self, client):
        self.client = client

    async def user(self):
        reply = await self.client.get("/user")
        return reply["name"]

class Users(unittest.IsolatedAsyncioTestCase):
    async def test_name(self):
        client = Mock()
        client.get.return_value = {"name": "eva"}
        self.assertEqual(await Api(client).user(), "eva")

    async def test_nobody(self):
        client = MagicMock()
        self.assertTrue(await Api(client).user())
"""


@pytest.mark.parametrize("runner", [["unittest"], ["pytest", "-q"]])
def test_the_mocks_of_a_test_are_corrected_and_not_what_it_tests(
    tmp_path: Path, runner: list[str]
) -> None:
    """Each test its own, in one patch; the code that awaits what they give is right."""
    (tmp_path / "test_users.py").write_text(MOCKED)
    finished = run("explain", "-m", *runner, cwd=tmp_path)
    patch = finished.stdout.partition("\nwhy ")[2] or finished.stdout
    lines = [line[1:] for line in patch.splitlines() if line.startswith(("-", "+"))][2:]
    assert lines == [
        "from unittest.mock import MagicMock, Mock",
        "from unittest.mock import MagicMock, Mock, AsyncMock",
        "        client = Mock()",
        "        client = AsyncMock()",
        "        client = MagicMock()",
        "        client = AsyncMock()",
    ]


@pytest.mark.parametrize(("runner", "marks"), [(["unittest"], "EE"), (["pytest", "-q"], "FF")])
def test_why_tests_fail_is_said_when_all_have_run(
    tmp_path: Path, runner: list[str], marks: str
) -> None:
    """The letters that they leave, one each, stay in one row; once is enough."""
    (tmp_path / "test_users.py").write_text(MOCKED)
    finished = subprocess.run(
        [sys.executable, "-m", "asyncrepl", "-m", *runner],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    rows = (finished.stdout + finished.stderr).splitlines()
    assert any(row.startswith(marks) for row in rows)
    assert finished.stderr.count("why  `self.client.get` is a plain mock") == 1


def test_what_a_library_imports_for_the_user_is_his(tmp_path: Path) -> None:
    """As a server does that is told of ``app:main``: the silent mistakes of a module are seen."""
    library = tmp_path / "site-packages"
    library.mkdir()
    (library / "server.py").write_text(
        "import asyncio, importlib\n"
        "def serve(name): asyncio.run(importlib.import_module(name).main())\n"
    )
    (tmp_path / "app.py").write_text(
        "async def is_more(): return False\nasync def main():\n    print(bool(is_more()))\n"
    )
    program = tmp_path / "program.py"
    program.write_text("import server\nserver.serve('app')\n")
    finished = run("explain", str(program), PYTHONPATH=str(library))
    assert "why  `is_more()` is a coroutine, and every object is true" in finished.stdout


FORGETS = """\
import asyncio

class Job:
    def __init__(self, run):
        self.run = run

    async def start(self):
        self.run()

async def save():
    pass

async def count():
    rows = save()
    return 0 if rows is None else 1

async def wait():
    asyncio.Event().wait()
"""

RUNS_THEM = """\
import asyncio, gc, threading
import helper

def test_kept():
    assert asyncio.run(helper.count()) == 1

def test_of_a_library():
    asyncio.run(helper.wait())

def test_in_a_thread():
    thread = threading.Thread(target=lambda: asyncio.run(helper.Job(helper.save).start()))
    thread.start()
    thread.join()

def test_last():
    gc.collect()
"""


@pytest.mark.parametrize("filters", ["", "[pytest]\nfilterwarnings = error\n"])
def test_what_pytest_makes_of_a_warning_is_explained(tmp_path: Path, filters: str) -> None:
    """Of a coroutine that nobody awaited: it is kept for the summary, or made an error."""
    (tmp_path / "pytest.ini").write_text(filters)
    (tmp_path / "helper.py").write_text(FORGETS)
    (tmp_path / "test_helper.py").write_text(RUNS_THEM)
    finished = run("explain", "-m", "pytest", "-q", "-p", "no:asyncio", cwd=tmp_path)
    assert ("3 failed" in finished.stdout) == bool(filters)
    changed = [line for line in finished.stdout.splitlines() if line.startswith("+  ")]
    assert changed == [
        "+        await self.run()",
        "+    rows = await save()",
        "+    await asyncio.Event().wait()",
    ]


RIGHT_TESTS = """\
import asyncio, pytest, unittest, sys, time

async def work():
    await asyncio.sleep(60)

def test_refused():
    async def main():
        async with asyncio.TaskGroup() as group:
            pass
        with pytest.raises(RuntimeError):
            group.create_task(work())
    asyncio.run(main())

async def done():
    return 1

class Shielded(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.beside = asyncio.create_task(done())

    async def test_time_is_up(self):
        with self.assertRaises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(work()), 0.01)

    async def test_imports(self):
        asyncio.get_running_loop().call_soon(print, 1)
        import slow
"""


def test_what_right_tests_leave_is_no_mistake(tmp_path: Path) -> None:
    """What was refused as expected, what a test's end cuts off, what an import takes."""
    (tmp_path / "test_right.py").write_text(RIGHT_TESTS)
    (tmp_path / "slow.py").write_text("import time\nfor _ in range(4): time.sleep(0.1)\n")
    finished = run("explain", "-m", "pytest", "-q", "-p", "no:asyncio", cwd=tmp_path)
    assert finished.stdout.splitlines()[-1] == "nothing to explain: it ran without an error"
    assert "3 passed" in finished.stdout


FORKS = """\
import asyncio, os, time, warnings

warnings.simplefilter("error")
for _ in range(5):
    if (child := os.fork()) == 0:
        os._exit(0)
    os.waitpid(child, 0)

async def main():
    asyncio.get_running_loop().call_soon(print, "ready")
    [None for _ in range(10) if time.sleep(0.05)]

asyncio.run(main())
"""


def test_what_watches_the_program_forks_with_it_nowhere(tmp_path: Path) -> None:
    """Else Python 3.12 warns of other threads, which may be an error; it watches on afterwards."""
    path = tmp_path / "program.py"
    path.write_text(FORKS)
    finished = run("explain", str(path))
    assert finished.stdout.splitlines()[0] == "ready"
    assert "held the loop for" in finished.stdout
