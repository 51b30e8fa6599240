"""The figures: a row of each kind, a column of each group of demands."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from proof.matrix.grading import Grade

__all__ = ["Figures", "table", "worst"]


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
        return f"{self.asked}:{self.cause:.0%},{self.fix:.0%},{self.wrong}"


def _grouped(grades: Iterable[Grade], key: Callable[[Grade], str]) -> dict[str, Figures]:
    found: dict[str, Figures] = defaultdict(Figures)
    for grade in grades:
        found[key(grade)].add(grade)
    return found


def table(grades: Sequence[Grade]) -> Iterator[str]:
    """Rows of kinds, columns of groups of demands: ``n:cause %,fix %,wrong``."""
    columns = list(dict.fromkeys(each.case.cell.demand.group for each in grades))
    rows = list(dict.fromkeys(each.case.cell.kind.name for each in grades))
    cells = _grouped(grades, lambda g: f"{g.case.cell.kind.name}|{g.case.cell.demand.group}")
    by_kind = _grouped(grades, lambda g: g.case.cell.kind.name)
    by_group = _grouped(grades, lambda g: g.case.cell.demand.group)
    yield _line("n:cause,fix,wrong", [*columns, "all"])
    for row in rows:
        yield _line(row, [*(str(cells[f"{row}|{each}"]) for each in columns), str(by_kind[row])])
    yield _line("all", [str(by_group[each]) for each in columns])


def _line(head: str, cells: Sequence[str]) -> str:
    return f"{head:25}" + "".join(f"{each:>17}" for each in cells)


def worst(grades: Sequence[Grade]) -> Iterator[str]:
    """The demands and the parts of contexts, each with its figures, the worst first."""
    parts = ("route", "consumer", "home", "layout", "aliases")
    yield from _list("by demand", _grouped(grades, lambda g: g.case.cell.demand.name))
    for part in parts:
        yield from _list(
            f"by {part}", _grouped(grades, lambda g, part=part: getattr(g.case.context, part))
        )


def _list(title: str, rows: dict[str, Figures]) -> Iterator[str]:
    yield title
    for name, figures in sorted(rows.items(), key=lambda row: (row[1].cause, row[1].fix)):
        if figures.asked and (figures.caused, figures.fixed) != (figures.asked, figures.fixable):
            yield f"    {name:60} {figures}"
