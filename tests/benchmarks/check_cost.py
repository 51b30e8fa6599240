"""What a check costs beside the start of the process: ``python tests/benchmarks/check_cost.py``.

The transcript is a minute of five tickers. Prints medians in milliseconds, elapsed and of
CPU time: of a process that imports what a check needs, of one that checks as well, and
of the difference, which should be below 50 ms.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

SECONDS = 60
INTERVALS = (0.2, 0.3, 0.5, 0.7, 1.1)

START = "from asyncrepl.transcript import transcript_check as checker; checker.check([])"
CHECK = "from asyncrepl.transcript import transcript_check as checker; checker.check([{path!r}], accept=True)"


def transcript() -> str:
    """A minute of five tickers; its output is still to be accepted."""
    tickers = [f">>> :ticker t{number} {each}" for number, each in enumerate(INTERVALS)]
    return "\n".join(["#: clock virtual", *tickers, f">>> :wait {SECONDS}", ""])


def cost(code: str) -> tuple[float, float]:
    """The milliseconds that a Python process takes to run `code`: elapsed, of CPU time."""
    begin, used = time.perf_counter(), _used()
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - begin) * 1e3, (_used() - used) * 1e3


def _used() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def main(rounds: int = 15) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tickers.pycon")
        path.write_text(transcript(), "utf-8")
        check = CHECK.format(path=str(path))
        cost(check)  # writes the output in; from now on it is as written
        lines = len(path.read_text("utf-8").splitlines())
        pairs = [(cost(START), cost(check)) for _ in range(rounds)]
    print(f"{sys.version.split()[0]}: {SECONDS} s of five tickers, {lines} lines")
    starts, checks = zip(*pairs, strict=True)
    for label, values in (
        ("a process", starts),
        ("a process, a check", checks),
        ("the check", [(b[0] - a[0], b[1] - a[1]) for a, b in pairs]),
    ):
        elapsed, used = (median(each[side] for each in values) for side in (0, 1))
        print(f"{label:18} {elapsed:6.1f} ms, CPU {used:6.1f} ms")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
