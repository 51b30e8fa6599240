"""Prints the figures of the catalogue at the end of a run."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from explain.figures import Verdict

VERDICTS = pytest.StashKey["list[Verdict]"]()


@pytest.fixture
def verdicts(request: pytest.FixtureRequest) -> list[Verdict]:
    """Where the tests of the catalogue leave their verdicts."""
    return request.config.stash.setdefault(VERDICTS, [])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the warnings that mistakes provoke out of the summary of the run."""
    here = Path(__file__).parent
    for item in items:
        if item.path.parent == here:
            item.add_marker(pytest.mark.filterwarnings("ignore"))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    found = config.stash.get(VERDICTS, [])
    if not found:
        return
    right = [each for each in found if each.right]
    terminalreporter.write_line(
        f"catalogue: right cause {len(right)}/{len(found)}, "
        f"fix runs {sum(each.clean for each in right)}/{len(found)}, "
        f"prints what it should {sum(each.printed for each in right)}/{len(found)}"
    )


@pytest.fixture(scope="session", autouse=True)
def small_heap() -> Iterator[None]:
    """Keep what is loaded out of the collector's sight: the tests collect after each snippet."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
