"""CPython's own tests, with and without observation: ``python tests/proof/cpython_tests.py``.

The running interpreter's package `test` is the judge of whether observation
changes a program. Each module runs twice, in a process of its own: plainly, and
on loops that record and trace, compiled as code at the prompt is. What comes out
differently under observation is our failure, and ends this with status 1.

Modules may be named; ``-v`` shows why a test failed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["MODULES", "Comparison", "compare", "main"]

MODULES = (
    "test.test_asyncgen",
    "test.test_coroutines",
    "test.test_asyncio.test_tasks",
    "test.test_asyncio.test_taskgroups",
    "test.test_asyncio.test_timeouts",
)
_HERE = Path(__file__).parent
_BAD = {"failure", "error", "passed unexpectedly"}


@dataclass(frozen=True, slots=True)
class Comparison:
    """The outcomes of a module's tests, by id, plainly and under observation.

    So many `slices` and `walks` (each an ``async for``) were seen under observation.
    """

    module: str
    plain: dict[str, str]
    observed: dict[str, str]
    slices: int
    walks: int

    @property
    def changed(self) -> list[str]:
        """The tests that came out differently, or did not come at all."""
        ids = sorted({*self.plain, *self.observed})
        return [id_ for id_ in ids if self.plain.get(id_) != self.observed.get(id_)]

    def row(self) -> str:
        """The line of the table."""
        counts = (
            len(self.observed),
            sum(outcome in _BAD for outcome in self.plain.values()),
            sum(outcome in _BAD for outcome in self.observed.values()),
            len(self.changed),
            self.slices,
            self.walks,
        )
        return f"{self.module:36}" + "".join(f"{count:>10}" for count in counts)


def compare(module: str, *, verbose: bool = False) -> Comparison:
    """Run the tests of `module` both ways."""
    plain, seen = (_run(module, mode, verbose=verbose) for mode in ("plain", "observed"))
    return Comparison(module, plain["outcomes"], seen["outcomes"], seen["slices"], seen["walks"])


def _run(module: str, mode: str, *, verbose: bool) -> Any:
    command = [sys.executable, "-W", "default", str(_HERE / "running.py"), module, mode]
    paths = [str(_HERE.parent.parent), str(_HERE)]
    with tempfile.TemporaryDirectory() as directory:
        done = subprocess.run(
            command,
            cwd=directory,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None if verbose else subprocess.DEVNULL,
            check=True,
        )
    return json.loads(done.stdout)


def main(*arguments: str) -> int:
    """Print the table; the exit status."""
    verbose = "-v" in arguments
    print(f"Python {sys.version.split()[0]}")
    words = ("tests", "plain", "observed", "new", "slices", "walks")
    print(f"{'failures:':36}" + "".join(f"{word:>10}" for word in words))
    changed: list[str] = []
    for module in [name for name in arguments if name != "-v"] or MODULES:
        comparison = compare(module, verbose=verbose)
        print(comparison.row(), flush=True)
        changed += [
            f"{id_}: {comparison.plain.get(id_)}, observed {comparison.observed.get(id_)}"
            for id_ in comparison.changed
        ]
    print(*changed, sep="\n")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
