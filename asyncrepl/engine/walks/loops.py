"""Where in a code object the asynchronous loops are, as the compiler has laid them out.

Read from the instructions, because a loop under way knows nothing else of itself. What
it walks and binds is found among the constants: `asyncrepl.language.doubling` has put
it there for the marked copy, which has the same positions.
"""

from __future__ import annotations

import dis
import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from asyncrepl.events.walks import Site

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType, FrameType

__all__ = ["AsyncLoop", "loops_in", "loops_of"]

_SITE = len(Site._fields)
#: The instruction after which the value of an ``await`` is there.
_GOT = "END_SEND" if sys.version_info >= (3, 12) else "JUMP_BACKWARD_NO_INTERRUPT"
#: Line and column.
_Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class AsyncLoop:
    """A loop by the offsets of its instructions.

    At `ask` it calls ``__anext__``, at `got` the value has come, from `body` on it is bound;
    `stop` ends the loop, if ``StopAsyncIteration`` was raised, and goes on to `after`. All of
    it lies `within` these positions (line, column of its begin and end).
    """

    site: Site
    within: tuple[_Place, _Place]
    ask: int
    got: int
    body: int
    stop: int
    after: int


@lru_cache(maxsize=256)
def loops_of(code: CodeType, caller: CodeType | None = None) -> tuple[AsyncLoop, ...]:
    """The loops of `code`, of text that was typed or loaded; outer ones before inner ones.

    On Python 3.11 a comprehension is a code of its own; what its `caller` walks for it is
    known to that.
    """
    sites = {
        each[-1]: Site(*cast("Any", each))
        for each in (*code.co_consts, *(caller.co_consts if caller is not None else ()))
        if type(each) is tuple and len(each) == _SITE and each[0] == code.co_filename
    }
    bytecode: Any = dis.Bytecode(code)
    every = list(bytecode)
    found = [
        _loop(every, number, bytecode.exception_entries, sites)
        for number, instruction in enumerate(every)
        if instruction.opname == "GET_ANEXT"
    ]
    return tuple(loop for loop in found if loop is not None)


def loops_in(frame: FrameType, loops: Sequence[AsyncLoop]) -> list[AsyncLoop]:
    """Those of `loops` in which `frame` is, outer ones first; of two copies, the one it runs."""
    lines = list(frame.f_code.co_positions())
    line, _, column, _ = lines[frame.f_lasti // 2]
    if line is None or column is None:
        return []
    begun = [loop for loop in loops if loop.ask <= frame.f_lasti]
    inside = [loop for loop in begun if loop.within[0] <= (line, column) < loop.within[1]]
    return list({loop.site: loop for loop in inside}.values())


def _loop(
    every: list[dis.Instruction],
    number: int,
    handlers: list[Any],
    sites: dict[tuple[int, int], Site],
) -> AsyncLoop | None:
    ask = every[number]
    got = next(n for n in range(number, len(every)) if every[n].opname == _GOT)
    # From Python 3.14 on a mark for branches comes first, with the position of the loop.
    body = got + 2 if every[got + 1].opname == "NOT_TAKEN" else got + 1
    target = _range(every[body])
    while target is not None and _binds(every[body], target):
        body += 1
    handler = next(each.target for each in handlers if each.start <= ask.offset < each.end)
    stop = next(n for n, each in enumerate(every) if each.offset == handler)
    while every[stop].opname == "EXTENDED_ARG":  # from 3.14 on it tells how long the loop is
        stop += 1
    site, within = None if target is None else sites.get(target[0]), _range(ask)
    if site is None or within is None or every[stop].opname != "END_ASYNC_FOR":
        return None
    offsets = tuple(every[n].offset for n in (number, got, body, stop, stop + 1))
    return AsyncLoop(site, within, *offsets)


def _binds(instruction: dis.Instruction, target: tuple[_Place, _Place]) -> bool:
    """Whether it belongs to `target`; the jump back from an empty body has its position, too."""
    at = _range(instruction)
    inside = at is not None and target[0] <= at[0] < target[1]
    return inside and not instruction.opname.startswith("JUMP")


def _range(instruction: dis.Instruction) -> tuple[_Place, _Place] | None:
    places = instruction.positions
    if places is None or None in places:
        return None
    line, end_line, column, end_column = cast("tuple[int, int, int, int]", tuple(places))
    return (line, column), (end_line, end_column)
