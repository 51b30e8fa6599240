"""A rule for operands of some kinds that do not meet some demands: a row of texts.

`mismatch` finds the operand; the first row that fits tells it. Each has the texts for one
kind of operand under one kind of demand, the special before the general; the correction is
chosen by the same two (see `repairs`).
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Finding, Other, Rule
from asyncrepl.explain.fix_editor import short
from asyncrepl.explain.kinds import Kind, a_kind, has, kind_of
from asyncrepl.explain.mismatch import Mismatch, mismatch
from asyncrepl.explain.repairs.repair_case import Case, single_assignment
from asyncrepl.explain.repairs.repair_choice import repaired

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.explain.evidence import Evidence
    from asyncrepl.explain.explanation import Fix

__all__ = [
    "ANY",
    "CALLED",
    "FUNCTIONS",
    "GENERATOR",
    "LOOPS",
    "MEANT",
    "RESULTS",
    "STREAMS",
    "Told",
    "missing",
    "row",
]

RESULTS = frozenset({Kind.COROUTINE, Kind.STEP, Kind.TASK, Kind.FUTURE, Kind.AWAITABLE})


STREAMS = frozenset({Kind.ASYNC_GENERATOR, Kind.ASYNC_ITERATOR, Kind.ASYNC_ITERABLE})


CALLED = frozenset(
    {
        Kind.COROUTINE_FUNCTION,
        Kind.ASYNC_GENERATOR_FUNCTION,
        Kind.ASYNC_MANAGER_FUNCTION,
        Kind.ASYNC_CLASS,
    }
)


FUNCTIONS = (CALLED - {Kind.ASYNC_CLASS}) | {Kind.FUNCTION}


GENERATOR = frozenset({Kind.ASYNC_GENERATOR})


ANY = frozenset(Kind)


LOOPS = (ast.For, ast.AsyncFor, ast.comprehension)


_ERRORS = (TypeError, AttributeError, ValueError, KeyError, RuntimeError)


#: Modules written in C that refuse a value with an error of their own.
_ERROR_MODULES = ("_csv", "struct", "_struct", "sqlite3", "_pickle", "statistics", "ssl", "zlib")


#: What one does with each kind, as the end of a sentence.
MEANT: dict[Kind, str] = {
    Kind.COROUTINE: "its result only exists after `await`",
    Kind.STEP: "the item only exists after `await`",
    Kind.TASK: "it stands for a result that only exists after `await`",
    Kind.FUTURE: "it stands for a result that only exists after `await`",
    Kind.AWAITABLE: "what it stands for only exists after `await`",
    Kind.ASYNC_GENERATOR: "its items only come with `async for`",
    Kind.ASYNC_ITERATOR: "its items only come with `async for`",
    Kind.ASYNC_ITERABLE: "its items only come with `async for`",
    Kind.ASYNC_MANAGER: "`async with` gives what it manages",
    Kind.COROUTINE_FUNCTION: "it has to be called, and the call awaited",
    Kind.ASYNC_GENERATOR_FUNCTION: "it has to be called, and then walked with `async for`",
    Kind.ASYNC_MANAGER_FUNCTION: "it has to be called, and then entered with `async with`",
    Kind.ASYNC_CLASS: "it has to be called: only its instances are of use",
}


class Told(Case):
    """A case, with the words that rows need."""

    @property
    def text(self) -> str:
        """The operand in backquotes, and what its name was given, if that says more."""
        made = single_assignment(self.unit, self.node)
        given = "" if made is None else f" ({short(self.unit, made, 30)})"
        return short(self.unit, self.node) + given

    @property
    def kind(self) -> Kind:
        """The kind of the operand."""
        return kind_of(self.info) if self.info is not None else Kind.VALUE

    @property
    def a(self) -> str:
        """The type of the operand with its article."""
        name = self.info.kind.__name__ if self.info is not None else "object"
        name = name.replace("async_generator", "async generator")
        return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"

    @property
    def words(self) -> str:
        """The kind of the operand in words."""
        return a_kind(self.info) if self.info is not None else "an object"

    @property
    def name(self) -> str:
        """The name of the operand's class."""
        return self.info.kind.__name__ if self.info is not None else ""

    @property
    def is_loop(self) -> bool:
        """Whether a loop or a clause of a comprehension demands."""
        return isinstance(self.owner, LOOPS)

    @property
    def item(self) -> bool:
        """Whether it holds awaitables."""
        return self.info is not None and self.info.item is not None and has(
            self.info.item, "__await__"
        )  # fmt: skip


def row(  # noqa: PLR0913, PLR0917  a row of a table
    id_: str,
    title: str,
    step: int,
    model: str,
    whats: str,
    kinds: frozenset[Kind],
    say: Callable[[Told], str],
    test: Callable[[Told], bool] = lambda _: True,
    fix: Callable[[Told], Fix | None] = repaired,
    also: Callable[[Told], Other | None] = lambda _: None,
) -> Rule:
    """A rule for operands of some `kinds` under one of the demands `whats`, parted by bars."""
    wanted = {each.strip() for each in whats.split("|")}

    def find(evidence: Evidence) -> Finding | None:
        found = mismatch(evidence)
        if found is None or (wanted != {"*"} and found.demand.what not in wanted):
            return None
        told = _told(evidence, found)
        if told.kind not in kinds or not test(told):
            return None
        return Finding(say(told), fix(told), also(told))

    return _OperandRule(id_, title, step, model, find, errors=_ERRORS)


class _OperandRule(Rule):
    """A rule that is also asked about the errors that some modules have of their own."""

    __slots__ = ()

    def concerns(self, evidence: Evidence) -> bool:
        """Whether an operation may have refused its operand, or was seen to misuse it."""
        if evidence.seen is not None:
            return evidence.seen.what == "driven"
        if evidence.stage != "run":
            return False
        kind = type(evidence.error)
        return kind in self.errors or kind.__module__ in _ERROR_MODULES


def _told(evidence: Evidence, found: Mismatch) -> Told:
    return Told(evidence, evidence.unit, found.demand, found.info)


def missing(told: Told) -> str:
    """What is said of an attribute that the operand has not."""
    return f"{told.text} is {told.words} and has no {told.demand.by}: {MEANT[told.kind]}."
