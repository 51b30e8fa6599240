"""What a check costs beside the start of the process: ``python tests/benchmarks/check_cost.py``.

The transcript is a minute of five tickers. Prints medians in milliseconds: of a process
that imports what a check needs, of the whole check, and of the difference, which
should be below 50 ms.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

SECONDS = 60
INTERVALS = (0.2, 0.3, 0.5, 0.7, 1.1)

START = "from asyncrepl.transcript import checker; checker.check([])"
CHECK = "from asyncrepl.transcript import checker; checker.check([{path!r}], accept=True)"


def transcript() -> str:
    """A minute of five tickers; its output is still to be accepted."""
    tickers = [f">>> :ticker t{number} {each}" for number, each in enumerate(INTERVALS)]
    return "\n".join(["#: clock virtual", *tickers, f">>> :wait {SECONDS}", ""])


def cost(code: str) -> float:
    """The seconds that a Python process takes to run `code`."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def main(rounds: int = 15) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tickers.pycon")
        path.write_text(transcript(), "utf-8")
        check = CHECK.format(path=str(path))
        cost(check)  # writes the output in; from now on it is as written
        lines = len(path.read_text("utf-8").splitlines())
        pairs = [(cost(START), cost(check)) for _ in range(rounds)]
    print(f"{sys.version.split()[0]}: {SECONDS} s of five tickers, {lines} lines")
    print(f"{'a process':18} {median(start for start, _ in pairs) * 1e3:6.1f} ms")
    print(f"{'a process, a check':18} {median(whole for _, whole in pairs) * 1e3:6.1f} ms")
    print(f"{'the check':18} {median(whole - start for start, whole in pairs) * 1e3:6.1f} ms")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
