"""Write `faults.md`, the page of all that was done to a session, and what became of it.

    python docs/faults.py [--missing]

Runs the tests of faults, also those that take long, on the Python that runs this, and
writes down its verdicts; those of other versions stay as they are. A test that failed is
run once more, alone, before it is believed. With --missing only those are run that the page
does not know to be survived on this version.
"""

from __future__ import annotations

import ast
import os
import re
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent
PAGE = HERE / "faults.md"
FILES = (
    "tests/terminal/test_survived_faults.py",
    "tests/terminal/test_ctrl_c.py",
    "tests/terminal/test_session_exit.py",
    "tests/terminal/test_whole_lines.py",
    "tests/terminal/test_type_ahead.py",
    "tests/terminal/test_out_of_memory.py",
    "tests/terminal/test_fork.py",
    "tests/terminal/test_inherited_signals.py",
    "tests/terminal/test_prompt_fuzz.py",
    "tests/session/test_contained_failures.py",
    "tests/runtime/test_isolation.py",
    "tests/runtime/test_standard_streams.py",
    "tests/cli/test_exit_statuses.py",
    "tests/commands/test_untrusted_files.py",
    "tests/export/test_live_recording.py",
)
VERSIONS = ("3.11", "3.12", "3.13", "3.14", "3.15")
INTRODUCTION = """\
# What a session survives

What was done to it, and whether it held on each Python: ✓ it did, ✗ it did not, – the test
needs what was not there, blank: not tried. Each row is a test of that name. (Written by
`faults.py`, which runs them.)
"""
_DONE = "what is done"
_MARKS = {"passed": "✓", "failed": "✗", "skipped": "–"}
_FILE = re.compile(r"`(tests/.*\.py)`")
_ROW = re.compile(r"\| (.*?)((?: \|[^|]*){5}) \|")

#: The verdicts by file and what is done, and of each by version.
Verdicts = dict[tuple[str, str], dict[str, str]]


class Results:
    """What became of each test; a plugin of pytest's.

    Without the tests of `known`, by `key`, if that is given; for a run in one process.
    """

    def __init__(self, known: set[tuple[str, str]] | None = None) -> None:
        self.by_test: dict[str, str] = {}
        #: All there are, of a run in one process.
        self.present: set[tuple[str, str]] = set()
        self._known = known

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out what is known."""
        self.present = {key(item.nodeid) for item in items}
        if self._known is not None:
            items[:] = [item for item in items if key(item.nodeid) not in self._known]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep it: of the call, or of the set-up that ended it."""
        if report.when == "call" or report.outcome != "passed":
            self.by_test[report.nodeid] = report.outcome


_OPTIONS = ("-q", "--slow", "-p", "no:cacheprovider")


def all_results() -> Results:
    """Run all tests of faults."""
    found = Results()
    pytest.main([*_OPTIONS, "-n", "2", *FILES], plugins=[found])
    again = [each for each, outcome in found.by_test.items() if outcome == "failed"]
    if again:
        pytest.main([*_OPTIONS, "-n", "0", *again], plugins=[found])
    found.present = set(map(key, found.by_test))
    return found


def missing_results(known: set[tuple[str, str]]) -> Results:
    """Run the tests of faults but for those that are known."""
    found = Results(known)
    pytest.main([*_OPTIONS, "-n", "0", *FILES], plugins=[found])
    return found


def before(page: str) -> Verdicts:
    """The verdicts on a page that was written."""
    found: Verdicts = {}
    file = ""
    for line in page.split("\n"):
        if match := _FILE.fullmatch(line):
            file = match[1]
        elif (match := _ROW.fullmatch(line)) and match[1] != _DONE:
            marks = [cell.strip() for cell in match[2].split("|")[1:]]
            found[file, match[1]] = dict(zip(VERSIONS, marks, strict=True))
    return found


def page(verdicts: Verdicts) -> str:
    """The whole page."""
    parts = [INTRODUCTION]
    head = f"| {_DONE} | {' | '.join(VERSIONS)} |\n|---|{'---|' * len(VERSIONS)}"
    for file in FILES:
        rows = [_row(done, marks) for (of, done), marks in verdicts.items() if of == file]
        parts.append("\n".join([f"## {_title(file)}\n\n`{file}`\n", head, *rows]))
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _title(file: str) -> str:
    """The first sentence of what the file of tests says of itself."""
    text = ast.get_docstring(ast.parse((ROOT / file).read_text(encoding="utf-8"))) or file
    return text.split("\n")[0].rstrip(".").replace("`", "")


def _row(done: str, marks: dict[str, str]) -> str:
    return f"| {done} | {' | '.join(marks.get(version, '') for version in VERSIONS)} |"


def key(test: str) -> tuple[str, str]:
    """The file of a test, and what is done in it, in words."""
    file, _, name = test.partition("::test_")
    words, _, case = name.partition("[")
    case = case.removesuffix("]").replace("|", "\\|").replace("`", "'")
    return file, words.replace("_", " ") + (f": `{case}`" if case else "")


def main() -> int:
    """Run the tests and write the page; 1 if one of them has failed."""
    os.chdir(ROOT)
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    verdicts = before(PAGE.read_text(encoding="utf-8")) if PAGE.exists() else {}
    survived = {done for done, marks in verdicts.items() if marks[version] in {"✓", "–"}}
    found = missing_results(survived) if "--missing" in sys.argv else all_results()
    verdicts = {done: marks for done, marks in verdicts.items() if done in found.present}
    for test, outcome in found.by_test.items():
        verdicts.setdefault(key(test), {})[version] = _MARKS[outcome]
    PAGE.write_text(page(dict(sorted(verdicts.items()))), encoding="utf-8")
    return int("failed" in found.by_test.values())


if __name__ == "__main__":
    sys.exit(main())
