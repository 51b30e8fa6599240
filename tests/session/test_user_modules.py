"""The user's own modules are imported with probes, and are otherwise what they are under Python."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

TOOL = [sys.executable, "-m", "asyncrepl"]
SHOP = """\
import sys


class Order:
    total = 7


async def orders():
    yield Order()


def report():
    print(f"{orders()}"[:17])


def fail():
    raise KeyError("gone")
"""
#: What a program can see of a module that it imports.
FACTS = """\
import importlib, inspect, linecache, pickle, sys, traceback
import shop
print(shop.__name__, shop.__file__, shop.__spec__.cached, shop.__spec__.origin, shop.__package__)
print(getattr(shop, "__cached__", None))
print(type(pickle.loads(pickle.dumps(shop.Order()))) is shop.Order, shop.Order.__module__)
print(inspect.getsource(shop.report), inspect.getsourcefile(shop.orders))
try:
    shop.fail()
except KeyError:
    print(traceback.format_exc().splitlines()[-3:])
print(importlib.reload(shop) is shop, sys.modules["shop"] is shop)
print(shop.fail.__code__.co_firstlineno, shop.fail.__code__.co_filename)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.delenv("PYTHONPYCACHEPREFIX", raising=False)
    tmp_path.joinpath("shop.py").write_text(SHOP)
    return tmp_path


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words, cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_mistake_that_raises_nothing_is_explained_in_a_module(folder: Path) -> None:
    """The patch is of the module, where it is."""
    folder.joinpath("main.py").write_text("import shop\n\nshop.report()\n")
    shown = run(folder, *TOOL, "explain", "main.py").stdout
    assert "`orders()` only makes an async generator" in shown
    assert "shop.py" in shown


def test_a_module_says_of_itself_what_it_says_under_python(folder: Path) -> None:
    """Its names, files, source, pickles, tracebacks and reloads."""
    folder.joinpath("main.py").write_text(FACTS)
    plain = run(folder, sys.executable, "main.py").stdout
    assert plain.count("\n") > 8
    assert run(folder, *TOOL, "main.py").stdout == plain
    assert run(folder, *TOOL, "explain", "main.py").stdout.startswith(plain)


def test_what_is_not_the_users_is_compiled_by_python(folder: Path) -> None:
    """Installed packages and modules without a word of async come from the cache as ever."""
    folder.joinpath("plain.py").write_text("x = 1\n")
    packages = folder / "site-packages"
    packages.mkdir()
    packages.joinpath("foreign.py").write_text(SHOP)
    folder.joinpath("main.py").write_text(
        f"import sys\nsys.path.append({str(packages)!r})\nimport foreign, plain, shop\n"
        "print([type(m.__loader__).__name__ for m in (foreign, shop)])\n"
    )
    shown = run(folder, *TOOL, "main.py").stdout
    assert shown == "['SourceFileLoader', '_InstrumentingLoader']\n"
    cached = {each.name.partition(".")[0] for each in folder.glob("__pycache__/*.pyc")}
    assert cached == {"plain"}


def test_an_import_on_a_loop_calls_nothing_that_a_watch_for_blocking_calls_refuses(
    folder: Path,
) -> None:
    program = folder / "program.py"
    program.write_text(
        "import asyncio, os\n"
        "def refused(*_): raise RuntimeError('blocks')\n"
        "async def main():\n"
        "    os.path.abspath = os.path.realpath = os.path.isfile = os.getcwd = refused\n"
        "    import shop\n"
        "    print(shop.Order.total)\n"
        "asyncio.run(main())\n"
    )
    plain = run(folder, sys.executable, program.name)
    explained = run(folder, *TOOL, "explain", program.name)
    assert plain.stdout == "7\n"
    assert explained.stdout.startswith("7\n"), explained.stdout


def test_a_module_that_does_not_compile_fails_as_under_python(folder: Path) -> None:
    """With the same error, in its file."""
    folder.joinpath("broken.py").write_text("async def f(:\n    pass\n")
    folder.joinpath("main.py").write_text(
        "try:\n    import broken\nexcept SyntaxError as error:\n"
        "    print(error.filename, error.lineno, error.offset, error.msg)\n"
    )
    assert run(folder, *TOOL, "main.py").stdout == run(folder, sys.executable, "main.py").stdout


def test_at_the_prompt_an_imported_file_is_explained(folder: Path) -> None:
    """As what is typed."""
    shown = subprocess.run(
        [*TOOL, "-q"], cwd=folder, input="import shop\nshop.report()\n", capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "`orders()` only makes an async generator" in shown.stdout + shown.stderr


def test_json_names_the_fix_of_a_module_as_none_of_the_program(folder: Path) -> None:
    """It would be the text of another file."""
    folder.joinpath("main.py").write_text("import shop\n\nshop.report()\n")
    answer: dict[str, Any] = json.loads(run(folder, *TOOL, "explain", "--json", "main.py").stdout)
    assert answer["explanation"]["id"] == "async-generator-never-iterated"
    assert answer["explanation"]["fix"] is None
