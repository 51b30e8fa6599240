"""Ordinary errors and faults in asynchronous programs: ``python tests/proof/silence.py [APART]``.

Every error of ``ordinary.txt`` at every place (`explain.ordinary`), those that libraries raise
with intent (`explain.libraries`) there, too, and a dozen faults in each right program
(`explain.mutants`); with APART, one in so many. Any explanation is wrong, is printed, and ends
this with status 1. Needs `tests` on ``PYTHONPATH``.
"""

from __future__ import annotations

import gc
import sys
import time
from itertools import islice
from typing import TYPE_CHECKING

from explain.harness import VERSION, run
from explain.libraries import ERRORS, LIBRARIES
from explain.mutants import mutants, right_programs
from explain.ordinary import SETUP, programs

if TYPE_CHECKING:
    from collections.abc import Iterable

_FAULTS = 12


def told(texts: Iterable[list[str]]) -> tuple[int, int]:
    """How many programs raised, and how many of them were explained; those are printed."""
    raised = wrong = 0
    for inputs in texts:
        report = run(inputs)
        raised += report.error is not None
        if raised % 50 == 0:
            gc.collect()
        if report.error is not None and report.explanation is not None:
            wrong += 1
            print(report.explanation.id, repr(report.error), report.explanation.why)
            print("    " + "    ".join(inputs[1:]).replace("\n", "\n    "))
    return raised, wrong


def _faulty(apart: int) -> Iterable[list[str]]:
    every = (each for program in right_programs() for each in mutants(program, _FAULTS))
    for inputs, message in islice(every, 0, None, apart):
        if str(run(inputs).error) == message:
            yield inputs


def main(apart: int = 1) -> int:
    """Print the figures; the exit status."""
    started = time.monotonic()
    errors = told([SETUP, text] for _, _, text in programs(apart=apart))
    libraries = told([SETUP + LIBRARIES, text] for _, _, text in programs(ERRORS, apart=apart))
    faults = told(_faulty(apart))
    print(
        f"Python {VERSION}: ordinary errors {errors[0]}, explained {errors[1]}; "
        f"of libraries {libraries[0]}, explained {libraries[1]}; "
        f"faults {faults[0]}, explained {faults[1]}; {time.monotonic() - started:.0f} s"
    )
    return 1 if errors[1] or libraries[1] or faults[1] else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
