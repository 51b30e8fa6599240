"""CPython's own tests, with and without observation: ``python tests/proof/cpython_tests.py``.

The running interpreter's package `test` is the judge of whether observation
changes a program. Each module runs twice, in a process of its own: plainly, and
on loops that record and trace, compiled as code at the prompt is. What comes out
differently under observation is our failure, and ends this with status 1; so does
a module in which nothing was observed, since it proves nothing.

Modules may be named; ``-v`` shows why a test failed. Without the package `test`
(Debian keeps it in a package of its own) this says so and ends with status 0.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["MODULES", "NO_TESTS", "Comparison", "compare", "exists", "main"]

#: The longest first: two run at a time.
MODULES = (
    "test.test_asyncio.test_tasks",
    "test.test_asyncio.test_taskgroups",
    "test.test_asyncio.test_timeouts",
    "test.test_asyncio.test_events",
    "test.test_asyncio.test_base_events",
    "test.test_asyncio.test_waitfor",
    "test.test_asyncio.test_futures",
    "test.test_asyncio.test_futures2",
    "test.test_asyncio.test_queues",
    "test.test_asyncio.test_locks",
    "test.test_asyncio.test_streams",
    "test.test_asyncio.test_sock_lowlevel",
    "test.test_asyncio.test_eager_task_factory",
    "test.test_asyncio.test_staggered",
    "test.test_asyncgen",
    "test.test_coroutines",
)
NO_TESTS = f"{sys.executable} comes without CPython's own tests (the package `test`)"
_HERE = Path(__file__).parent
_BAD = {"failure", "error", "passed unexpectedly"}


@dataclass(frozen=True, slots=True)
class Comparison:
    """The outcomes of a module's tests, by id, plainly and under observation.

    So many `slices` and `iterations` (each an ``async for``) were seen under observation.
    """

    module: str
    plain: dict[str, str]
    observed: dict[str, str]
    slices: int
    iterations: int

    @property
    def changed(self) -> list[str]:
        """The tests that came out differently, or did not come at all."""
        ids = {*self.plain, *self.observed}
        return sorted(each for each in ids if self.plain.get(each) != self.observed.get(each))

    @property
    def blind(self) -> bool:
        """Whether less was seen than the tests that passed can have done."""
        passed = sum(outcome == "passed" for outcome in self.plain.values())
        return not passed or self.slices + self.iterations < passed // 2

    def row(self) -> str:
        """The line of the table."""
        counts = (
            len(self.observed),
            sum(outcome in _BAD for outcome in self.plain.values()),
            sum(outcome in _BAD for outcome in self.observed.values()),
            len(self.changed),
            self.slices,
            self.iterations,
        )
        return f"{self.module:42}" + "".join(f"{count:>10}" for count in counts)

    def complaints(self) -> list[str]:
        """A line for each thing that is wrong."""
        lines = [
            f"{id_}: {self.plain.get(id_)}, observed {self.observed.get(id_)}"
            for id_ in self.changed
        ]
        return [*lines, f"{self.module}: nothing was observed"] if self.blind else lines


def exists(module: str) -> bool:
    """Whether this Python has `module`."""
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:
        return False


def compare(module: str, *, verbose: bool = False) -> Comparison:
    """Run the tests of `module` both ways."""
    plain, seen = (_run(module, mode, verbose=verbose) for mode in ("plain", "observed"))
    return Comparison(
        module, plain["outcomes"], seen["outcomes"], seen["slices"], seen["iterations"]
    )


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
    if not exists("test.test_asyncio"):
        print("skipped:", NO_TESTS)
        return 0
    named = [name for name in arguments if name != "-v"]
    words = ("tests", "plain", "observed", "new", "slices", "iterations")
    print(f"{'failures:':42}" + "".join(f"{word:>10}" for word in words))
    complaints: list[str] = []
    with ThreadPoolExecutor(1 if verbose else min(4, os.cpu_count() or 1)) as pool:
        modules = named or filter(exists, MODULES)
        for comparison in pool.map(lambda name: compare(name, verbose=verbose), modules):
            print(comparison.row(), flush=True)
            complaints += comparison.complaints()
    print(*complaints, sep="\n" if complaints else "")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
