"""Prints the figures of the explanations at the end of a run."""

from __future__ import annotations

import gc
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What is recorded of each snippet, as properties of its test.
CATALOGUE = "right cause", "fix runs", "prints what it should"
SILENT = "right silent cause", "silent fix runs"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the warnings that mistakes provoke out of the summary of the run."""
    here = Path(__file__).parent
    for item in items:
        if item.path.parent == here:
            item.add_marker(pytest.mark.filterwarnings("ignore"))


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


@pytest.fixture(scope="session", autouse=True)
def small_heap() -> Iterator[None]:
    """Keep what is loaded out of the collector's sight: the tests collect after each snippet."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
