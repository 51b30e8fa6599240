"""The generated matrix: ``python tests/proof/matrix [OPTION…]``, with `tests` on ``PYTHONPATH``.

Makes programs in which something is demanded of an operand of the wrong kind, runs them,
and prints what is explained and put right of them: by kind and group of demands, then by
demand and context. Ends with status 1 if that is less than asked for, or if a right program
is explained.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from random import Random

from proof.matrix.execution import in_processes
from proof.matrix.grading import Grade, graded
from proof.matrix.programs import Case, cells, made
from proof.matrix.table import Figures, by_context, by_demand, table


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="matrix", description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", default="1", help="decides names, contexts and the sample")
    parser.add_argument("--count", type=int, help="how many programs; all cells once if not given")
    parser.add_argument(
        "--only", default="", metavar="WORD,…",
        help="cells and contexts with all these: a kind, a demand, its group, a part of a context",
    )  # fmt: skip
    parser.add_argument("--list", action="store_true", help="a line of each program that fails")
    parser.add_argument("--show", action="store_true", help="those programs, whole")
    parser.add_argument("--cause", type=float, default=0.0, help="the share to explain, in %%")
    parser.add_argument("--fix", type=float, default=0.0, help="the share to put right, in %%")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    return parser.parse_args(arguments)


def sample(seed: str, count: int | None, only: str = "") -> list[Case]:
    """`count` cases, each cell as often as every other; every cell once for None."""
    words = [word for word in only.split(",") if word]
    wanted = list(cells())
    Random(seed).shuffle(wanted)
    found: list[Case] = []
    limit = len(wanted) if count is None else count
    for again in range(1 if count is None else 50):
        for cell in wanted:
            if len(found) >= limit:
                return found
            case = made(cell, (seed, again))
            if all(word in _names(case) for word in words):
                found.append(case)
    return found


def _names(case: Case) -> set[str]:
    context = vars(case.context).values()
    return {case.cell.kind.name, case.cell.demand.name, case.cell.demand.group, *context}


def _tell(grade: Grade, *, whole: bool) -> None:
    case = grade.case
    cell = f"{case.cell.kind.name} | {case.cell.demand.name} | {case.context}"
    verdict = "ALARM" if grade.alarm else f"cause {grade.cause}, fix {grade.fix}"
    print(f"{verdict} | {cell} | {'; '.join(case.operation.split(chr(10)))}")
    print(f"    {grade.said or 'silent'} {grade.detail}")
    program = case.right if grade.alarm else case.wrong
    for text in (program.text, *program.modules.values()) if whole and program else ():
        print("    | " + text.rstrip("\n").replace("\n", "\n    | "))


def main(*arguments: str) -> int:
    """Print the figures; the exit status."""
    options, started = _options(list(arguments)), time.monotonic()
    grades = in_processes(graded, sample(options.seed, options.count, options.only), options.jobs)
    failed = [grade for grade in grades if grade.failed]
    for grade in failed if options.list or options.show else [g for g in failed if g.alarm]:
        _tell(grade, whole=options.show or grade.alarm)
    if options.list or options.show:
        print(*by_demand(grades), *by_context(grades), sep="\n")
    print(*table(grades), sep="\n")
    total = Figures()
    for grade in grades:
        total.add(grade)
    print(
        f"{len(grades)} programs, {total.asked} with a mistake: cause {total.cause:.1%}, "
        f"fix {total.fix:.1%}, wrong {total.wrong}, false alarms {total.alarms}; "
        f"{time.monotonic() - started:.0f} s"
    )
    enough = 100 * total.cause >= options.cause and 100 * total.fix >= options.fix
    return 0 if enough and not total.alarms else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
