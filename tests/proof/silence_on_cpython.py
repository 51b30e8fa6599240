"""What is explained in CPython's own tests: ``python tests/proof/silence_on_cpython.py``.

Each module's tests run compiled as code at the prompt is, and whatever they catch,
expect or fail with is explained (`silence_of_module.py`). Some tests *are* misuses of
async iteration: those that were read and found right stand in
``tests/data/explained_in_cpython.txt``, a rule and a test a line. What is explained
beyond them is printed, with its place, and ends this with status 1; so does a module
that fails or in which nothing was judged. Modules may be named. A Python without the
package `test` is skipped.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from cpython_tests import NO_TESTS, exists

__all__ = ["MODULES", "main"]

MODULES = (
    "asyncgen", "coroutines", "generators", "iter", "grammar", "syntax", "exceptions", "with",
    "unpack", "unpack_ex", "enumerate", "builtin", "types", "contextlib", "contextlib_async",
    "yield_from", "genexps", "listcomps", "dictcomps", "generator_stop", "raise", "extcall",
    "functools", "collections", "operator", "class", "set", "dict", "list", "tuple", "range",
    "typing", "context", "contains", "compile", "named_expressions", "patma", "except_star",
    "exception_group", "sqlite3", "decimal", "dataclasses", "inspect", "json", "code", "codeop",
    "traceback", "itertools", "unittest.testmock.testasync", "unittest.test_async_case",
    *(
        f"asyncio.test_{name}"
        for name in (
            "tasks", "taskgroups", "timeouts", "futures", "futures2", "queues", "locks",
            "runners", "streams", "waitfor", "base_events", "events", "pep492", "context",
            "threads", "transports", "protocols", "unix_events", "selector_events", "sslproto",
        )
    ),
)  # fmt: skip
_HERE = Path(__file__).parent
_LIMIT = 600  # seconds


def known() -> set[tuple[str, str]]:
    """The explanations that are right: rule and test."""
    text = (_HERE.parent / "data" / "explained_in_cpython.txt").read_text("utf-8")
    return {(rule, test) for rule, test in map(str.split, text.splitlines())}


def explained(module: str) -> dict[str, Any]:
    """The report of a module; of one that does not end as it should, nothing."""
    command = [sys.executable, "-W", "ignore", str(_HERE / "silence_of_module.py"), module]
    paths = [str(_HERE.parent.parent), str(_HERE)]
    with tempfile.TemporaryDirectory() as directory:
        try:
            done = subprocess.run(
                command,
                cwd=directory,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=_LIMIT,
                check=True,
            )
        except subprocess.SubprocessError:
            return {"tests": 0, "errors": 0, "told": []}
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def main(*modules: str) -> int:
    """Print a line for each module, and what is not known to be right; the exit status."""
    right, total, strange = known(), [0, 0, 0], 0
    print(f"Python {sys.version.split()[0]}\n{'':36}{'tests':>8}{'errors':>8}{'told':>8}")
    if not exists("test.test_asyncio"):
        print("skipped:", NO_TESTS)
        return 0
    names = (
        name if name.startswith("test.") else f"test.test_{name}" for name in modules or MODULES
    )
    for module in filter(exists, names):
        report = explained(module)
        counts = report["tests"], report["errors"], len(report["told"])
        total = [sum(pair) for pair in zip(total, counts, strict=True)]
        print(f"{module:36}" + "".join(f"{count:>8}" for count in counts), flush=True)
        if not report["errors"]:
            strange += 1
            print("    nothing was judged")
        for each in report["told"]:
            if (each["id"], each["test"].partition(".")[2]) not in right:
                strange += 1
                print("   ", each["id"], each["test"], each["error"], each["place"], each["why"])
    print("all".ljust(36) + "".join(f"{count:>8}" for count in total), "not known:", strange)
    return 1 if strange else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
