"""The pytest plugin: each `.pycon` file is a test, which passes if all is as written.

Where tests are run to be explained, it tells who explains which of them have failed.

It also runs one file: ``pytest demos/04-six-steps.pycon``. pytest imports this
module in every project that has asyncrepl installed, so it imports nothing of
ours before there is a transcript to check.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import warnings
    from collections.abc import Iterator
    from pathlib import Path

    from asyncrepl.transcript.transcript_check import CheckReport


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> TranscriptFile | None:
    """The hook of pytest: `file_path` as a test below `parent`; None if it is no `.pycon`."""
    if file_path.suffix != ".pycon":
        return None
    return TranscriptFile.from_parent(parent, path=file_path)


def pytest_exception_interact(
    node: pytest.Item | pytest.Collector, call: pytest.CallInfo[object]
) -> None:
    """The hook of pytest: `node` has failed; ``asyncrepl explain -m pytest`` says why."""
    reported = sys.modules.get("asyncrepl.session.logged_errors")
    if reported is None or call.excinfo is None:
        return
    if isinstance(call.excinfo.value, pytest.fail.Exception) and isinstance(node, pytest.Function):
        taken = call.when == "setup" and any(map(node.get_closest_marker, _MARKS))
        tests = [] if taken else [node.function]
        reported.explain_refused_test(call.excinfo.value, tests, _fixtures(node))
    reported.explain_failed_test(call.excinfo.value)


def pytest_warning_recorded(warning_message: warnings.WarningMessage) -> None:
    """The hook of pytest: a warning was recorded; one of a coroutine is explained likewise."""
    reported = sys.modules.get("asyncrepl.session.logged_errors")
    if reported is not None:
        reported.explain_recorded_warning(warning_message)


#: What marks a test for a plugin that runs it in an event loop.
_MARKS = ("asyncio", "anyio", "trio")


def _fixtures(test: pytest.Function) -> list[object]:
    """The functions of the fixtures that `test` is given; pytest has no public name for them."""
    known = getattr(getattr(test, "_fixtureinfo", None), "name2fixturedefs", {})
    return [each[-1].func for each in known.values() if each]


class TranscriptFile(pytest.File):
    """A file with one test."""

    def collect(self) -> Iterator[TranscriptItem]:
        """The file's one test."""
        yield TranscriptItem.from_parent(self, name="transcript")


class DiffersError(Exception):
    """A transcript that is not as written."""

    def __init__(self, report: CheckReport) -> None:
        from asyncrepl.transcript.transcript_check import diff_lines

        trouble = [] if report.trouble is None else [report.trouble]
        super().__init__("\n".join([*diff_lines(report), *trouble]))


class TranscriptItem(pytest.Item):
    """A transcript as a test."""

    def runtest(self) -> None:
        """Check the transcript; skip it if it requires what isn't here."""
        from asyncrepl.transcript.transcript_check import check_file

        report = check_file(self.path)
        if report.skipped is not None:
            pytest.skip(report.skipped)
        if report.warning is not None:
            self.warn(pytest.PytestWarning(report.warning))
        if not report.passed:
            raise DiffersError(report)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> str:  # type: ignore[override]
        """The diff alone, where there is one."""
        from asyncrepl.transcript.grammar import TranscriptError
        from asyncrepl.views.styled_lines import printable

        if isinstance(excinfo.value, DiffersError | TranscriptError | OSError):
            return printable(str(excinfo.value))
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the test is."""
        return self.path, 0, self.path.name
