"""The program as other programs see it: streams, exit statuses, no terminal."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support import forked_starts

from asyncrepl.runtime.shipped_demos import demo_transcripts

if TYPE_CHECKING:
    from pathlib import Path

Finished = subprocess.CompletedProcess[str]


def run(
    *words: str, stdin: str | None = None, cwd: Path | None = None, **environment: str
) -> Finished:
    environ = {k: v for k, v in os.environ.items() if k not in {"NO_COLOR", "FORCE_COLOR"}}
    return forked_starts.run(
        [sys.executable, "-m", "asyncrepl", *words],
        input="" if stdin is None else stdin,
        text=True,
        encoding="utf-8",
        cwd=None if cwd is None else str(cwd),
        env=environ | {"PYTHONIOENCODING": "utf-8"} | environment,
    )


def test_a_pipe_is_run_without_prompts_banner_or_escapes() -> None:
    """What comes down a pipe runs, echoes, and ends with status 0."""
    text = "async def g(n):\n    for i in range(n):\n        yield i\n\n\nasync for i in g(2): i\n:help quit\n"
    finished = run(stdin=text)
    assert finished.stdout.startswith("0\n1\n:quit\n")
    assert "\x1b" not in finished.stdout
    assert (finished.stderr, finished.returncode) == ("", 0)


def test_a_blocked_loop_is_told_at_a_terminal_only() -> None:
    """What a pipe prints does not depend on how fast the machine is."""
    finished = run(stdin="import time; time.sleep(0.15)\n'done'\n")
    assert (finished.stdout, finished.stderr) == ("'done'\n", "")


def test_a_pipe_stops_at_the_first_error() -> None:
    """An error ends a pipe with status 1; what follows does not run."""
    finished = run(stdin="print(1)\n1/0\nprint(2)\n")
    assert (finished.stdout, finished.returncode) == ("1\n", 1)
    assert "ZeroDivisionError: division by zero" in finished.stderr


def test_a_pipe_shows_the_line_that_python_cannot_read() -> None:
    """Nobody sees what comes down a pipe: the mark stands under the line itself."""
    finished = run(stdin="x = 1\nx = = 1\n")
    assert finished.stderr.startswith("    x = = 1\n        ^\nSyntaxError: invalid syntax\n")


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("await asyncio.sleep(0)", 0),
        ("import sys; sys.exit(7)", 7),
        ("raise SystemExit('bye')", 1),
        ("1/0", 1),
        ("for await x in y: pass", 1),
        (
            "async def f(): raise SystemExit(5)\nt = asyncio.create_task(f())\nawait asyncio.sleep(9)",
            5,
        ),
    ],
)
def test_a_string_has_an_exit_status(code: str, status: int) -> None:
    """`-c` ends with 0, with 1 after an error, or as SystemExit says, wherever it is raised."""
    assert run("-c", code).returncode == status


def test_a_string_may_be_a_command() -> None:
    """What a person would type may be given with -c; its mistake has a status, too."""
    assert run("-c", ":load ticks").stdout.startswith("ticks(")
    assert run("-c", ":nope").returncode == 1


def test_a_file_is_python_alone(tmp_path: Path) -> None:
    """A command in a file is a SyntaxError, and `exit` a name."""
    file = tmp_path / "program.py"
    file.write_text(":demos\n")
    assert "SyntaxError" in run(str(file)).stderr
    file.write_text("exit\n")
    assert run(str(file)).returncode == 0


def test_a_program_gets_its_arguments() -> None:
    """What follows `-c CODE` is the program's, also what looks like an option."""
    words = ["a", "--b", "-q", "--co", "--no"]  # of the last two begin several options of ours
    finished = run("-c", "import sys; print(sys.argv)", *words)
    assert finished.stdout == f"{['-c', *words]}\n"


def test_a_file_runs_with_top_level_await(tmp_path: Path) -> None:
    """A file runs like a Python program, with `__file__` of its own and its folder importable."""
    (tmp_path / "helper.py").write_text("value = 3\n")
    program = tmp_path / "program.py"
    program.write_text(
        "import helper, sys\nawait asyncio.sleep(0)\nhelper.value\nprint(helper.value, sys.argv[1:])\n"
    )
    finished = run(str(program), "x")
    assert (finished.stdout, finished.returncode) == ("3 ['x']\n", 0)


def test_a_traceback_of_a_file_names_the_file(tmp_path: Path) -> None:
    """The error of a program has its file, its line, and none of the tool's frames."""
    program = tmp_path / "program.py"
    program.write_text("def f():\n    1/0\n\nf()\n")
    finished = run(str(program))
    assert f'File "{program}", line 4, in <module>' in finished.stderr
    assert "asyncrepl/" not in finished.stderr


@pytest.mark.parametrize(
    "code", ["async def g():\n    yield 1\n    return 5", "nonlocal x", "break"]
)
def test_what_only_the_compiler_refuses_is_told_once(tmp_path: Path, code: str) -> None:
    """The error of the instrumented tree is no part of it: neither its text nor its context."""
    file = tmp_path / "refused.py"
    file.write_text(code + "\n", encoding="utf-8")
    for words in ([str(file)], ["-c", code]):
        told = run(*words).stderr
        assert told.count("SyntaxError: ") == 1
        assert "During handling" not in told


def test_a_dash_is_standard_input() -> None:
    """`-` reads standard input."""
    assert run("-", stdin="print(3)").stdout == "3\n"


@pytest.mark.parametrize(
    "words",
    [["--nonsense"], ["no-such-file.py"], ["-c"], ["replay"], ["replay", "no-such-demo"],
     ["check"], ["check", "no-such-file.pycon"], ["--color", "blue"], ["demos", "more"]],
)  # fmt: skip
def test_wrong_usage_is_one_line_and_status_2(words: list[str]) -> None:
    """A command line that cannot be meant is refused in one line on standard error."""
    finished = run(*words)
    assert finished.returncode == 2
    assert finished.stdout == ""
    assert finished.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["exprt", "1"], "no file 'exprt'; did you mean asyncrepl export?"),
        (["demo"], "no file 'demo'; did you mean asyncrepl demos?"),
        (["export.py"], "no file 'export.py'"),
        (["replay", "--speed", "fast", "1"], "'fast' is not a speed: try 2 (-h for help)"),
        (["replay", "--speed", "-1", "1"], "'-1' is not a speed: try 2 (-h for help)"),
    ],
)
def test_wrong_usage_says_what_to_do(words: list[str], told: str) -> None:
    """A word that is nearly another; a value with what would be one."""
    assert run(*words).stderr.rstrip("\n").endswith(told)


@pytest.mark.parametrize("content", [b"\x7fELF\x00\x00\xff\xfe", b"x = 1\x00"])
def test_a_binary_file_is_refused_in_one_piece(tmp_path: Path, content: bytes) -> None:
    """A file that is no Python text ends with an error, not with a traceback of ours."""
    path = tmp_path / "binary.py"
    path.write_bytes(content)
    finished = run(str(path))
    assert finished.returncode in {1, 2}
    assert "asyncrepl/" not in finished.stderr


def test_version_and_help() -> None:
    """`-V` and `-h` answer on standard output with status 0."""
    assert run("-V").stdout.startswith("asyncrepl ")
    helped = run("-h")
    assert "replay" in helped.stdout
    assert helped.returncode == 0


def test_demos_lists_titles() -> None:
    """`asyncrepl demos` lists the course as `:demos` does, a line each with its number."""
    finished = run("demos")
    rows = finished.stdout.splitlines()
    assert len(rows) == len(demo_transcripts())
    assert [row.split()[:2] for row in rows] == [
        [str(number), demo.name] for number, demo in enumerate(demo_transcripts(), 1)
    ]
    assert all(demo.title in row for demo, row in zip(demo_transcripts(), rows, strict=True))
    assert "asyncrepl replay 1" in rows[0]
    assert finished.returncode == 0


def test_a_bare_carriage_of_colour_is_a_choice() -> None:
    """`--color always` colours what goes to a pipe; NO_COLOR and the default do not."""
    assert "\x1b[" in run("--color", "always", stdin="1/0").stderr
    assert "\x1b[" not in run(stdin="1/0").stderr
    assert "\x1b[" in run(stdin="1/0", FORCE_COLOR="1").stderr
    assert "\x1b[" not in run(stdin="1/0", FORCE_COLOR="1", NO_COLOR="1").stderr


def test_leaving_closes_generators_and_tasks() -> None:
    """At the end of a program, `finally` blocks run, also those that await."""
    code = (
        "async def g():\n    try: yield 1\n    finally:\n        await asyncio.sleep(0); print('closed')\n"
        "a = g()\nawait anext(a)\n"
        "async def f():\n    try: await asyncio.sleep(99)\n    finally: print('cancelled')\n"
        "t = asyncio.create_task(f())\nawait asyncio.sleep(0)\n"
    )
    finished = run("-c", code)
    assert (finished.stdout, finished.returncode) == ("cancelled\nclosed\n", 0)


INTERRUPTED = {
    "awaiting": "await asyncio.sleep(60)",
    "busy": "while True: pass",
    "blocked": "import time; time.sleep(60)",
    "in a regular expression": "import re; re.match('(a+)+$', 'a' * 40 + 'b')",
    "waiting for a lock": "import threading; l = threading.Lock(); l.acquire(); l.acquire()",
    "behind a background task": (
        "async def f():\n    print('ready', flush=True)\n    while True: pass\n"
        "t = asyncio.create_task(f())\nawait t"
    ),
}


@pytest.mark.sampled(5)
@pytest.mark.parametrize("code", INTERRUPTED.values(), ids=list(INTERRUPTED))
def test_ctrl_c_ends_a_program_wherever_it_is(code: str) -> None:
    """SIGINT gets through, and the status is 130 (or the error of the task that was hit)."""
    # Python looks for signals at calls: it misses one that comes between the last and a sleep,
    # and ignores what is raised in a callback of a weak reference, of which imports have some.
    program = f"import re, threading, time\nprint('ready', flush=True)\n(lambda: None)()\n{code}"
    with subprocess.Popen(
        [sys.executable, "-m", "asyncrepl", "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        try:
            _, complaint = process.communicate(timeout=30)
        finally:
            process.kill()
    assert "KeyboardInterrupt" in complaint
    assert process.returncode in {130, 1}


def test_a_closed_pipe_is_no_traceback() -> None:
    """`asyncrepl … | head -1` ends quietly."""
    head = "(read line; echo $line)"
    command = f"{sys.executable} -m asyncrepl -c 'while True: print(1)' | {head}"
    finished = subprocess.run(
        ["/bin/sh", "-c", command], capture_output=True, text=True, timeout=60, check=False
    )
    assert finished.stdout == "1\n"
    assert "Traceback" not in finished.stderr


# -- time ------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["-c", "FILE", "-"])
def test_a_program_may_live_on_a_virtual_clock(tmp_path: Path, how: str) -> None:
    """--clock virtual: a day passes at once, in a string, a file and a pipe."""
    text = "await asyncio.sleep(86400); print(asyncio.get_running_loop().time())"
    path = tmp_path / "program.py"
    path.write_text("import asyncio\n" + text, encoding="utf-8")
    words = {"-c": ["-c", text], "FILE": [str(path)], "-": ["-"]}[how]
    finished = run("--clock", "virtual", *words, stdin=text + "\n")
    assert (finished.stdout, finished.stderr, finished.returncode) == ("86400.0\n", "", 0)


def test_a_programs_own_loops_live_on_the_clock_that_was_chosen(tmp_path: Path) -> None:
    """Also with asyncio.run, and again in the second one."""
    path = tmp_path / "program.py"
    path.write_text(
        "import asyncio\nasync def main():\n    await asyncio.sleep(86400)\n"
        "    print(asyncio.get_running_loop().time())\nasyncio.run(main())\nasyncio.run(main())\n",
        encoding="utf-8",
    )
    finished = run("--clock", "virtual", str(path))
    assert (finished.stdout, finished.stderr) == ("86400.0\n172800.0\n", "")


def test_a_virtual_clock_stands_still_between_the_lines_of_a_pipe() -> None:
    """Time passes only while a statement runs; a ticker ticks in it, and not between."""
    text = ":ticker tick 1\n1\n:wait 2.5\n2\n:freeze\n:next\n:clock\n"
    finished = run("--clock", "virtual", stdin=text)
    assert finished.stdout == (
        "tick started: every 1 s\n1\ntick │ 1\ntick │ 2\n2\n"
        "time stands still at 2.5 s; :thaw goes on, :next fires the next timer\n"
        "tick │ 3\n1 timer fired at 3 s\n"
        "virtual clock: time jumps from timer to timer, only while a statement runs; "
        "but it stands still at 3 s, :thaw goes on\n"
    )
    assert finished.returncode == 0


@pytest.mark.parametrize(
    ("rate", "reason"),
    [
        ("0", "'0' is not a rate: try 0.1; what stops time is :freeze"),
        ("-1", "'-1' is not a rate: try 0.5, or 2"),
        ("nan", "'nan' is not a rate: try 0.5, or 2"),
        ("inf", "'inf' is not a rate here: try 10; what jumps is :clock virtual"),
        ("fast", "'fast' is not a rate: try 0.5, or 2"),
    ],
)
def test_what_is_no_rate_is_a_usage_error(rate: str, reason: str) -> None:
    """--rate refuses in one line what `:rate` refuses, with status 2."""
    finished = run("--rate", rate, "-c", "1")
    expected = f"asyncrepl: argument --rate: {reason} (-h for help)\n"
    assert (finished.stdout, finished.stderr, finished.returncode) == ("", expected, 2)


def test_slow_motion_does_not_make_leaving_slow() -> None:
    """A task that does not want to end gets a real second, at any rate."""
    text = """
async def stubborn():
    while True:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            print("no")
t = asyncio.create_task(stubborn())
await asyncio.sleep(0)
"""
    finished = run("--rate", "0.000001", "-c", text)
    assert (finished.stdout, finished.returncode) == ("no\n", 0)


@pytest.mark.parametrize(
    "words",
    [["replay", "no\x1b]0;x\x07\x9b2J"], ["no\x1b[2J.py"], ["check", "no\x9b2J"], ["--no\x1b[2J"],
     ["export", "no\x1b[2J", "--to", "svg"], ["explain", "no\x1b[2J"]],
)  # fmt: skip
def test_what_is_not_found_is_named_harmlessly(words: list[str]) -> None:
    """A file's name may hold anything."""
    done = run(*words)
    assert done.returncode == 2
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", done.stderr)


def test_a_replay_into_a_pipe_holds_no_controls(tmp_path: Path) -> None:
    """Neither those of the transcript nor, but for colours, those of its program."""
    path = tmp_path / "strange.pycon"
    evil = "\x1b]52;c;eA==\x07\x9b2J\x1b[2J\x0e"
    path.write_text(
        f"#: title {evil}\n\n# {evil}\n>>> '{evil}'; print({evil!r}); print('a\\rb')\n"
    )
    done = run("replay", str(path))
    assert done.returncode == 0
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", done.stdout)
    assert done.stdout.endswith("\nb\n")


def test_a_module_is_run_by_its_name(tmp_path: Path) -> None:
    """As ``python -m`` does: its words are its own, and its silent mistakes are told."""
    package = tmp_path / "app"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "rows.py").write_text("async def is_more():\n    return False\n")
    (package / "__main__.py").write_text(
        "import asyncio, sys\nfrom .rows import is_more\nasync def main():\n"
        "    if is_more(): print(__package__, sys.argv[1:])\nasyncio.run(main())\n"
    )
    finished = run("-q", "-m", "app", "--trace", "--", "-m", cwd=tmp_path)
    assert finished.stdout == "app ['--trace', '--', '-m']\n"
    assert "`is_more()` is a coroutine, and every object is true" in finished.stderr
    assert finished.returncode == 0


def test_the_module_of_a_file_is_the_files() -> None:
    """Behind FILE or CODE nothing is ours; a module that is not there is one line."""
    assert (
        run("-c", "import sys; print(sys.argv[1:])", "a", "-m", "b").stdout == "['a', '-m', 'b']\n"
    )
    missing = run("-m", "nowhere")
    assert (missing.returncode, missing.stderr) == (
        2,
        "asyncrepl: no module named 'nowhere': -m takes its name, not its file\n",
    )
