"""The figures: a row of each kind, a column of each group of demands."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING

from proof.matrix.demands import DEMANDS
from proof.matrix.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from proof.matrix.grading import Grade

__all__ = ["Figures", "by_context", "by_demand", "table"]


@dataclass
class Figures:
    """How many programs had a mistake, and how many were explained and put right."""

    asked: int = 0
    caused: int = 0
    wrong: int = 0
    fixable: int = 0
    fixed: int = 0
    alarms: int = 0

    def add(self, grade: Grade) -> None:
        """Count one more."""
        self.asked += grade.cause is not None
        self.caused += grade.cause == "right"
        self.wrong += grade.cause == "wrong" or grade.fix == "bad"
        self.fixable += grade.fix is not None
        self.fixed += grade.fix == "right"
        self.alarms += grade.alarm

    @property
    def cause(self) -> float:
        """The share of mistakes that were explained, 0 to 1."""
        return self.caused / self.asked if self.asked else 1.0

    @property
    def fix(self) -> float:
        """The share of fixes that are right, 0 to 1; of those that are to be made, or were."""
        return self.fixed / self.fixable if self.fixable else 1.0

    def __str__(self) -> str:
        if not self.asked:
            return "-" if not self.alarms else f"{self.alarms} alarms"
        wrong = f"!{self.wrong}" if self.wrong else ""
        fix = f"{100 * self.fix:.0f}" if self.fixable else "-"
        return f"{self.asked} {100 * self.cause:.0f}/{fix}{wrong}"


def _grouped(grades: Iterable[Grade], key: Callable[[Grade], str]) -> dict[str, Figures]:
    found: dict[str, Figures] = defaultdict(Figures)
    for grade in grades:
        found[key(grade)].add(grade)
    return found


def table(grades: Sequence[Grade]) -> Iterator[str]:
    """Rows of kinds, columns of groups of demands: how many, cause %, fix %, ``!`` wrong."""
    groups = {each.case.cell.demand.group for each in grades}
    columns = [each for each in dict.fromkeys(d.group for d in DEMANDS) if each in groups]
    kinds = {each.case.cell.kind.name for each in grades}
    rows = [each.name for each in KINDS if each.name in kinds]
    cells = _grouped(grades, lambda g: f"{g.case.cell.kind.name}|{g.case.cell.demand.group}")
    by_kind = _grouped(grades, lambda g: g.case.cell.kind.name)
    by_group = _grouped(grades, lambda g: g.case.cell.demand.group)
    yield _line("n cause%/fix% !wrong", [*columns, "all"])
    for row in rows:
        yield _line(row, [*(str(cells[f"{row}|{each}"]) for each in columns), str(by_kind[row])])
    yield _line("all", [*(str(by_group[each]) for each in columns), ""])


def _line(head: str, cells: Sequence[str]) -> str:
    return f"{head:24}" + "".join(f"{each:>13}" for each in cells)


def by_demand(grades: Sequence[Grade]) -> Iterator[str]:
    """The demands, each with its figures, the worst first."""
    yield from _list("demand", _grouped(grades, lambda g: g.case.cell.demand.name))


def by_context(grades: Sequence[Grade]) -> Iterator[str]:
    """The parts of contexts, each with its figures, the worst first."""
    for part in ("route", "consumer", "home", "layout", "aliases"):
        of_part = attrgetter(f"case.context.{part}")
        yield from _list(part, _grouped(grades, of_part))


def _list(title: str, rows: dict[str, Figures]) -> Iterator[str]:
    yield title
    for name, figures in sorted(rows.items(), key=lambda row: (row[1].cause, row[1].fix)):
        if figures.asked and (figures.caused, figures.fixed) != (figures.asked, figures.fixable):
            yield f"    {name:56} {figures}"
