"""One module of CPython's tests, run in this process: ``running.py MODULE plain|observed``.

Prints one JSON object: the outcome of each test by its id, and how many slices
and iterations were seen meanwhile.
"""

from __future__ import annotations

import json
import os
import sys
import unittest
from typing import Any


class _Outcomes(unittest.TestResult):
    """The ids of the tests, by outcome."""

    def __init__(self) -> None:
        super().__init__()
        self.outcomes: dict[str, str] = {}

    def addSuccess(self, test: Any) -> None:  # noqa: N802  unittest's name
        self.outcomes.setdefault(test.id(), "passed")

    def addError(self, test: Any, err: Any) -> None:  # noqa: N802
        self._note(test, "error", err)

    def addFailure(self, test: Any, err: Any) -> None:  # noqa: N802
        self._note(test, "failure", err)

    def addSkip(self, test: Any, reason: str) -> None:  # noqa: ARG002, N802
        self.outcomes[test.id()] = "skipped"

    def addExpectedFailure(self, test: Any, err: Any) -> None:  # noqa: ARG002, N802
        self.outcomes[test.id()] = "failed as expected"

    def addUnexpectedSuccess(self, test: Any) -> None:  # noqa: N802
        self.outcomes[test.id()] = "passed unexpectedly"

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:  # noqa: ARG002, N802
        if err is not None:
            self._note(subtest, "failure", err)

    def _note(self, test: Any, outcome: str, err: Any) -> None:
        self.outcomes[test.id()] = outcome
        print(f"\n{outcome}: {test.id()}", self._exc_info_to_string(err, test), file=sys.stderr)  # type: ignore[attr-defined]


def main(module: str, mode: str) -> None:
    """Run the tests of `module`; what they print goes to stderr."""
    answer = os.dup(1)
    os.dup2(2, 1)
    seen = None
    if mode == "observed":
        from observed import prepare

        seen = prepare(module)
    result = _Outcomes()
    unittest.defaultTestLoader.loadTestsFromName(module).run(result)
    counts = {} if seen is None else {"slices": seen.slices, "iterations": seen.iterations}
    with os.fdopen(answer, "w") as out:
        json.dump({"outcomes": result.outcomes, **counts}, out)


if __name__ == "__main__":
    main(*sys.argv[1:])
