"""Programs of the grammar: the wrong one and the right one, which differ in the mistake alone."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from proof.matrix.contexts import KEEPING, Context, chosen
from proof.matrix.demands import DEMANDS
from proof.matrix.kinds import KINDS, Kind
from proof.matrix.names import Names
from proof.matrix.payloads import PAYLOADS
from proof.matrix.writing import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from proof.matrix.demand import Demand
    from proof.matrix.execution import Program

__all__ = ["Case", "Cell", "cells", "made"]

_ASYNC_WANTS = (
    "awaitable",
    "coroutine",
    "task",
    "async iterable",
    "async iterator",
    "async manager",
)


@dataclass(frozen=True)
class Cell:
    """A kind and a demand that does not go with it, or does: then the program is `right`.

    `required`: the mistake has to be explained; else it may be meant, or may be told.
    `fixable`: the right program is the only one that makes sense.
    """

    kind: Kind
    demand: Demand
    right: bool
    required: bool
    fixable: bool


@dataclass(frozen=True)
class Case:
    """A cell in a context: its programs.

    `names` are those that the user gave to the operand, `operation` the code that goes wrong.
    There is no `wrong` one in a cell that is right, and no `right` one where nobody can know.
    """

    cell: Cell
    context: Context
    wrong: Program | None
    right: Program | None
    names: frozenset[str]
    operation: str

    @property
    def required(self) -> bool:
        """Whether the mistake has to be explained here.

        At a prompt what has a name lives on, and may be awaited by the next input: where nothing
        fails, nothing is lost yet.
        """
        kept = self.context.route in KEEPING and self.context.layout == "typed"
        return self.cell.required and not (kept and self.cell.demand.quiet)


def cells() -> Iterator[Cell]:
    """Every cell that makes sense."""
    for kind in KINDS:
        for demand in DEMANDS:
            if _fits(kind, demand):
                yield _cell(kind, demand)


def _fits(kind: Kind, demand: Demand) -> bool:
    items = PAYLOADS[demand.payload].items
    if (kind.holds == "items" and not items) or (kind.holds == "one" and items):
        return False
    if kind.sync and demand.wants not in _ASYNC_WANTS:
        return False
    if demand.kinds:
        return kind.name in demand.kinds
    if kind.wrap and demand.wants in ("async iterable", "async iterator"):
        return False  # "async for held" asks it: who walks so means that it holds a stream
    return not (demand.wants == "callable" and "callable" in kind.satisfies)


def _cell(kind: Kind, demand: Demand) -> Cell:
    right = demand.wants in kind.satisfies or (
        demand.wants == "async manager"
        and demand.payload == "manager"
        and kind.sync
        and kind.plain == "$x"
        and kind.fixable
    )
    right = right and demand.name != "async for in await"
    asks = demand.name.startswith("isinstance")  # what it is: that is no mistake
    required = not right and not asks and not (kind.quiet and demand.quiet)
    return Cell(kind, demand, right, required, fixable=_is_fixable(kind, demand))


def _is_fixable(kind: Kind, demand: Demand) -> bool:
    """Whether one can know what was meant."""
    if kind.name == "step" and demand.wants in ("async iterable", "async iterator"):
        return False  # to walk what it gives, or what it is a step of
    if kind.wrap and not demand.inside and demand.group == "asyncio":
        return False
    if kind.sync and (demand.group == "asyncio" or (kind.wrap and not demand.inside)):
        return False
    if kind.sync and demand.name == "await deed":
        return False  # it is None by then: nobody knows what was meant
    return kind.fixable and demand.fixable


def made(cell: Cell, seed: object) -> Case:
    """A program of `cell`, in a context and with names that the `seed` decides."""
    chance = Random(repr((cell.kind.name, cell.demand.name, seed)))
    shape = chance.choice(cell.kind.shapes)
    context = chosen(
        chance,
        method="$self" in shape.define,
        module=cell.kind.name == "module",
        plain=not cell.demand.suspends and not cell.right and "Task" not in shape.make,
        loop=not cell.demand.suspends and cell.kind.name in ("future", "task"),
    )
    names = Names(chance, of_class=shape.of_class)
    writer = Writer(cell.kind, shape, cell.demand, context, names)
    wrong = None if cell.right else writer.program(right=False)
    right = writer.program(right=True, as_it_is=cell.right) if cell.right or cell.fixable else None
    return Case(cell, context, wrong, right, names.of_operand, writer.operation(right=False))
