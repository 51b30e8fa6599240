"""``asyncrepl explain -m pytest`` where pytest itself refuses what is ``async def``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cli.test_command_line import run

if TYPE_CHECKING:
    from pathlib import Path

TESTS = """\
import pytest, unittest
from pytest import fixture as given

class Store:
    async def read(self): return [1]

@pytest.fixture
async def store():
    yield Store()

@given(scope="function")
async def row():
    return 5

@pytest.mark.asyncio
async def test_store(store):
    assert await store.read() == [1]

@pytest.mark.asyncio
async def test_row(row):
    assert row == 5

class TestAll:
    async def test_unmarked(self):
        assert await Store().read() == [1]

@pytest.mark.asyncio
class TestMarked:
    async def test_it(self):
        assert await Store().read() == [1]

class TestCase(unittest.IsolatedAsyncioTestCase):
    async def test_it(self):
        assert await Store().read() == [1]
"""

#: As small as one can be: it runs what is marked, and what is its own fixture.
PLUGIN = """\
import asyncio, inspect, pytest

@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    if pyfuncitem.get_closest_marker("asyncio") is None:
        return None
    names = pyfuncitem._fixtureinfo.argnames
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True

def pytest_configure(config):
    config.addinivalue_line("markers", "asyncio: run in an event loop")

def fixture(function=None, **options):
    def make(function):
        def plain():
            made = function()
            return asyncio.run(anext(made) if inspect.isasyncgen(made) else made)
        return pytest.fixture(plain, name=function.__name__, **options)
    return make if function is None else make(function)
"""

ALONE = ("-p", "no:asyncio", "-p", "no:anyio")


def test_async_fixtures_and_unmarked_tests_are_put_right(tmp_path: Path) -> None:
    """By the plugin that is there; each once, also under other names; the rest stays."""
    (tmp_path / "test_them.py").write_text(TESTS)
    (tmp_path / "pytest_asyncio.py").write_text(PLUGIN)
    words = ("-m", "pytest", "-q", *ALONE, "-p", "pytest_asyncio")
    finished = run("explain", "--all", "--verify", *words, cwd=tmp_path, PYTHONPATH=str(tmp_path))
    lines = finished.stdout.splitlines()
    assert [line for line in lines if line.startswith("+") and not line.startswith("+++")] == [
        "+import pytest_asyncio",
        "+@pytest_asyncio.fixture",
        '+@pytest_asyncio.fixture(scope="function")',
        "+    @pytest.mark.asyncio",
    ]
    assert "run  the corrected program was run, and ends well" in lines
    assert len([line for line in lines if line.startswith("why")]) == 2


@pytest.mark.parametrize(
    ("tests", "why"),
    [
        (TESTS, "gives an async generator, and not what it yields"),
        ("async def test_it(): pass\n", "where `@pytest.mark.asyncio` is"),
        (
            "import pytest\n@pytest.mark.asyncio\nasync def test_it(): pass\n",
            "which looks for the mark `asyncio`, is not there",
        ),
    ],
    ids=["fixture", "unmarked", "marked"],
)
def test_without_a_plugin_nothing_is_changed(tmp_path: Path, tests: str, why: str) -> None:
    """Then one is to be installed: to mark what nobody looks for changes nothing."""
    (tmp_path / "test_it.py").write_text(tests)
    finished = run("explain", "-m", "pytest", "-q", *ALONE, cwd=tmp_path)
    whys = [line for line in finished.stdout.splitlines() if line.startswith("why")]
    assert why in whys[0]
    assert "try  these" not in finished.stdout


def test_a_test_that_fails_by_itself_is_not_refused(tmp_path: Path) -> None:
    """Though it may be `async`, and fail with pytest's own words."""
    plugin = "import asyncio\ndef pytest_pyfunc_call(pyfuncitem):\n"
    plugin += "    asyncio.run(pyfuncitem.obj())\n    return True\n"
    (tmp_path / "conftest.py").write_text(plugin)
    (tmp_path / "test_it.py").write_text(
        "import pytest\nasync def test_it(): pytest.fail('not yet')\n"
    )
    finished = run("explain", "-m", "pytest", "-q", *ALONE, cwd=tmp_path)
    assert "1 failed" in finished.stdout
    assert "why" not in finished.stdout
