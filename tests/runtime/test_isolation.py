"""The user's folder: the user's own imports find what lies there, and nobody else's do."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.pty import Terminal

from asyncrepl.runtime.isolation import DEPENDENCIES

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPT = Path(sys.executable).parent / "asyncrepl"
MODULE = [sys.executable, "-m", "asyncrepl"]
DOORS = {"module": MODULE, "script": [sys.executable, str(SCRIPT)]}
#: Makes C code look for `typing`.
NEW_SYNTAX = "type T = int" if sys.version_info >= (3, 12) else "class C: pass"
USAGE = (
    "async for r in [1]: print(r)",
    "1/0",
    ":why",
    ":load ticks",
    ":trace async for t in ticks(2, 0.01): t",
    ":timeline 1",
    ":source ticks",
    "await asyncio.to_thread(print, 3)",
    "async def f(: pass",
    "def f(x: int) -> str: ...",
)


@pytest.fixture(params=[pytest.param(each, id=each) for each in DOORS])
def door(request: pytest.FixtureRequest) -> list[str]:
    if request.param == "script" and not SCRIPT.exists():
        pytest.skip("no console script is installed here")
    return DOORS[request.param]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty current folder, which is not this checkout."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    return tmp_path


def run(
    *words: str, door: list[str] = MODULE, stdin: str = "", **environ: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*door, *words], input=stdin, capture_output=True, text=True, timeout=60, check=False,
        env=os.environ | environ,
    )  # fmt: skip


def use(door: list[str]) -> list[str]:
    """Start, run, fail, explain, complete and leave; the names of all modules in the end."""
    terminal = Terminal([*door, "-q", "--no-startup"])
    try:
        terminal.wait_for_prompt()
        for text in USAGE:
            terminal.enter(text)
        terminal.send("asyncio.to_thr\t")
        terminal.wait_for("asyncio.to_thread")
        terminal.send("\x03")
        terminal.wait_for_prompt()
        terminal.enter("import sys; _ = open('names', 'w').write(' '.join(sys.modules))")
        terminal.send("\x04")
        assert terminal.exit_status() == 0, "\n".join(terminal.scrollback)
        assert "Traceback" not in "\n".join(terminal.scrollback)
    finally:
        terminal.close()
    return Path("names").read_text(encoding="utf-8").split()


@pytest.mark.sampled(2)
def test_no_file_of_the_folder_runs_inside_the_tool(door: list[str], folder: Path) -> None:
    """A file for each module that a session ever imports: none of them runs, none is missed."""
    known = {*sys.stdlib_module_names, *DEPENDENCIES}
    names = known & {name.partition(".")[0] for name in use(door)}
    (folder / "bare.py").write_text("import sys; print(*sys.modules)")
    if door is MODULE:  # what Python itself imports before us is not ours to guard
        command = [sys.executable, "-m", "bare"]
        names -= {
            *subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        }
    for name in names:
        (folder / f"{name}.py").write_text(f"open('sprung', 'a').write('{name} ')\n1/0\n")
    assert len(names) > 80
    use(door)
    assert not (folder / "sprung").exists(), (folder / "sprung").read_text()


@pytest.mark.sampled(6)
@pytest.mark.parametrize("name", ["queue", "random", "datetime", "difflib", "pygments", "json"])
def test_the_users_own_imports_find_his_files(door: list[str], folder: Path, name: str) -> None:
    """Whether or not asyncrepl has imported the library's module of that name already."""
    (folder / f"{name}.py").write_text("class Mine: pass\n")
    (folder / "helper.py").write_text(f"import {name}\nfrom {name} import Mine\n")
    text = f"import helper, {name}, sys\n{name}.Mine is helper.Mine\n{name} is sys.modules['{name}']\n"
    for finished in (run(door=door, stdin=text), run("-c", text, door=door)):
        assert (finished.stderr, finished.returncode) == ("", 0)
    assert run(door=door, stdin=text).stdout == "True\nTrue\n"


def test_ours_goes_on_when_the_user_has_imported_his_file(folder: Path) -> None:
    """Errors are explained, threads started, sources highlighted; the library gets its own."""
    for name in ("queue", "typing", "re", "inspect", "difflib", "html", "asyncio", "ast"):
        (folder / f"{name}.py").write_text("mine = 1\n")
    names = "queue, typing, re, inspect, difflib, html, ast"
    text = (
        f"import {names}\nqueue.mine + typing.mine + html.mine\n"
        "await asyncio.to_thread(int, '3')\n"
        "import concurrent.futures.thread as t\nhasattr(t.queue, 'SimpleQueue')\n"
        ":load ticks\nasync for t in ticks(1, 0.01): t\n:source ticks\n"
        f"{NEW_SYNTAX}\nimport asyncio as his; his.mine\nawait asyncio.sleep(0, 4)\n:help quit\n:nope\n"
    )
    finished = run(stdin=text)
    assert "Traceback" not in finished.stderr
    assert ":nope" in finished.stderr, finished
    assert "1\n4\n:quit" in finished.stdout


@pytest.mark.sampled(2)
@pytest.mark.parametrize("how", ["-P", "-I", "PYTHONSAFEPATH"])
def test_python_may_be_told_to_keep_the_folder_out(folder: Path, how: str) -> None:
    """As under `python`, nothing of the folder can be imported then."""
    (folder / "helper.py").write_text("value = 3\n")
    option = [how] if how.startswith("-") else []
    environ = {} if option else {"PYTHONSAFEPATH": "1"}
    finished = run(
        "-c", "import helper", door=[sys.executable, *option, "-m", "asyncrepl"], **environ
    )
    assert "No module named 'helper'" in finished.stderr
    assert run("-c", "import helper").returncode == 0


@pytest.mark.sampled(2)
@pytest.mark.parametrize("place", [".", "{}"])
def test_pythonpath_is_the_users(door: list[str], folder: Path, place: str) -> None:
    """What PYTHONPATH names is found by the user, and takes nothing from us."""
    (folder / "queue.py").write_text("mine = 1\n")
    (folder / "here").mkdir()
    other = os.environ | {"PYTHONPATH": place.format(folder)}
    finished = subprocess.run(
        [*door, "-c", "import queue; print(queue.mine); print(await asyncio.to_thread(int, 2))"],
        cwd=folder / "here" if place != "." else folder,
        env=other, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (finished.stdout, finished.stderr) == ("1\n2\n", "")


def test_a_program_finds_what_lies_beside_it(door: list[str], folder: Path) -> None:
    """`sys.path[0]` is that of `python FILE`, `python -c` and `python`."""
    (folder / "sub").mkdir()
    (folder / "sub" / "random.py").write_text("mine = 1\n")
    program = folder / "sub" / "program.py"
    program.write_text("import random, sys\nprint(random.mine, sys.path[0])\n")
    assert run(str(program), door=door).stdout == f"1 {folder / 'sub'}\n"
    assert run("-c", "import sys; print(repr(sys.path[0]))", door=door).stdout == "''\n"
    text = "import sys; len([p for p in sys.path if 'bin' in p])"
    assert run(stdin=text, door=door).stdout == "0\n"


def test_a_folder_may_change(folder: Path) -> None:
    """A file that is written while the session runs is found, and so is another folder's."""
    (folder / "sub").mkdir()
    (folder / "sub" / "random.py").write_text("mine = 2\n")
    text = (
        "import os\n_ = open('queue.py', 'w').write('mine = 1')\nimport queue\nqueue.mine\n"
        "os.chdir('sub')\nimport random\nrandom.mine\nawait asyncio.to_thread(int, 3)\n"
    )
    finished = run(stdin=text)
    assert (finished.stdout, finished.stderr) == ("1\n2\n3\n", "")


def test_a_file_that_fails_leaves_the_librarys_module(folder: Path) -> None:
    """After the error of his file the name is again what it was."""
    (folder / "queue.py").write_text("1/0\n")
    code = """
import sys
for _ in range(2):
    try:
        import queue
    except ZeroDivisionError:
        print("his")
await asyncio.to_thread(print, "fine")
import os; os.remove("queue.py")
"""
    finished = run("-c", code)
    assert (finished.stdout, finished.stderr) == ("his\nhis\nfine\n", "")


def test_the_librarys_own_imports_do_not_see_the_folder(folder: Path) -> None:
    """A module of the library that the user imports gets what it needs; pickle finds his."""
    (folder / "random.py").write_text("mine = 1\n")
    (folder / "shapes.py").write_text("class Shape: pass\n")
    code = (
        "import tempfile, pickle, importlib\nfrom shapes import Shape\n"
        "print(type(pickle.loads(pickle.dumps(Shape()))) is Shape)\n"
        "print(importlib.import_module('shapes').Shape is Shape)\n"
        "import unittest; print(unittest.defaultTestLoader.loadTestsFromName('shapes').countTestCases())\n"
        "import random; print(random.mine)\n"
        "print(len(tempfile.mkdtemp()) > 3)\n"
    )
    finished = run("-c", code)
    assert (finished.stdout, finished.stderr) == ("True\nTrue\n0\n1\nTrue\n", "")


def test_python_imports_by_itself_where_nothing_is_contested(folder: Path) -> None:
    """`__import__` is Python's own, unless the folder takes a name from the library."""
    (folder / "mine.py").write_text("")
    text = "import builtins; type(builtins.__import__).__name__\n"
    assert run(stdin=text).stdout == "'builtin_function_or_method'\n"


def test_load_imports_for_the_user(folder: Path) -> None:
    """`:load module:name` finds the user's modules, and what they import."""
    (folder / "queue.py").write_text("async def g():\n    yield 5\n")
    (folder / "mine.py").write_text("import queue\ng = queue.g\n")
    assert run(stdin=":load mine:g\nasync for x in g(): x\n").stdout.endswith("5\n")
    assert run(stdin=":load queue:g\nasync for x in g(): x\n").stdout.endswith("5\n")


def test_all_packages_that_are_needed_are_known() -> None:
    """`DEPENDENCIES` is what the project requires, and what that requires."""
    needed, names = set(), ["asyncrepl"]
    while names:
        for each in requires(names.pop()) or ():
            if "extra ==" not in each:
                name = each.partition(";")[0].strip().partition(">")[0].partition("=")[0].strip()
                needed.add(name.replace("-", "_"))
                names.append(name)
    assert needed == set(DEPENDENCIES)
