"""What no test inherits or leaves behind, and the figures at the end of a run."""

from __future__ import annotations

import asyncio
import gc
import linecache
import os
import signal
import sys
from collections import Counter
from typing import TYPE_CHECKING
from zlib import crc32

import pytest
from support.shells import Typed, typed_shell

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What is recorded of each snippet, as properties of its test.
CATALOGUE = "right cause", "fix runs", "prints what it should"
SILENT = "right silent cause", "silent fix runs"


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--slow`` runs also what takes long: a session of its own for each of many faults."""
    parser.addoption("--slow", action="store_true", help="run also the tests that take long")


@pytest.hookimpl(tryfirst=True)  # `-m slow` looks at the marks
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes long, if it is not asked for."""
    for item in items:
        sampled = item.get_closest_marker("sampled")
        if sampled is not None and crc32(item.name.encode()) % sampled.args[0]:
            item.add_marker(pytest.mark.slow)
    if not config.getoption("--slow"):
        slow = [item for item in items if item.get_closest_marker("slow") is not None]
        items[:] = [item for item in items if item.get_closest_marker("slow") is None]
        config.hook.pytest_deselected(items=slow)


def pytest_xdist_auto_num_workers() -> int:
    """Three for each processor, up to eight more than those: much of the time is waited for."""
    count = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return count + min(2 * count, 8)


def pytest_collection_finish() -> None:
    """Keep the thousands of tests themselves out of the collector's sight.

    Tests of what is dropped call it, and each process that is forked copies what it looks at.
    """
    gc.collect()
    gc.freeze()


def pytest_configure(config: pytest.Config) -> None:
    """Undo what a shell's background job, ``nohup`` or a service hands on to its children.

    They would hand it on to the programs that are tested. A handler, unlike "ignored", is
    the default again in a program that is started; ``nohup`` still keeps this one alive.
    """
    # Else each of the many programs started would compile all that it imports.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if getattr(config.option, "dist", "no") == "load":  # what takes seconds stands side by side
        config.option.dist = "worksteal"
    config.addinivalue_line("markers", "slow: takes long, and is run with --slow only")
    config.addinivalue_line(
        "markers", "sampled(n): of its cases, or of a file's tests, all but one in n are slow"
    )
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in (signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM, signal.SIGTSTP, signal.SIGCHLD):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _no_typed_lines() -> Iterator[None]:
    """The lines of typed inputs, which are numbered from 1 in each session."""
    yield
    for name in [name for name in linecache.cache if name.startswith("<")]:
        del linecache.cache[name]


@pytest.fixture(autouse=True)
def _no_running_loop() -> Iterator[None]:
    """The mark of a running loop: left behind, it fails every later test, not the one to blame."""
    yield
    left = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    assert left is None, f"{left} is still said to be running"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the tests of the catalogue and of the controls have recorded, in any process."""
    reports = [
        report
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, [])
        if isinstance(report, pytest.TestReport)
    ]
    count = Counter(each for report in reports for each in report.user_properties)
    for name, figures in (("catalogue", CATALOGUE), ("silent mistakes", SILENT)):
        total = count[figures[0], True] + count[figures[0], False]
        if total:
            row = ", ".join(f"{each} {count[each, True]}/{total}" for each in figures)
            terminalreporter.write_line(f"{name}: {row}")
    judged = count["false alarm", True] + count["false alarm", False]
    if judged:
        terminalreporter.write_line(
            f"controls: false alarms {count['false alarm', True]}/{judged}"
        )


@pytest.fixture
def type_in() -> Iterator[Typed]:
    """A shell without a terminal, into which a test types."""
    with typed_shell() as typed:
        yield typed
