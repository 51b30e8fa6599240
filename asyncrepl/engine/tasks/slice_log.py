"""The slices of a loop: cheap to note, bounded, readable while they are noted.

What is noted is a flat sequence lane, start, lane, start, … New numbers are
appended to a list, which is packed into an array now and then. Measured for one
slice: two appends to a list take 12 ns, packing them 26 ns; in an array a slice
takes 16 bytes, in the list 48. What is slower:

- Noting in the array at once: two appends 90 ns, extending by a pair 150 ns. An
  array reads each item as a function reads its arguments.
- Adding a pair to the list by ``+=``: 35 ns. (It could not be torn apart by a
  KeyboardInterrupt; so the log must be mended after one.)
- ``array("q", list)`` for packing: half as fast again as `struct`.

Readers take no lock. Every step of theirs is one call in C over a container
that the writer only appends to, or replaces as a whole. (Iterating over a deque
that another thread appends to ends in "deque mutated during iteration".)
"""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_right
from typing import NamedTuple

__all__ = ["SliceLog"]

#: So many slices are packed at once: more would be felt as a pause.
BATCH = 1024


class _LogState(NamedTuple):
    """What is kept: the first `length` of `packed`, then `fresh`; before it `first` slices."""

    packed: array[int]
    length: int
    fresh: list[int]
    first: int


class SliceLog:
    """The last `slices` slices, up to twice as many for a while.

    The loop's thread appends lane and start to `fresh`, and calls `tidy` between
    two loop iterations. Everything else may be called from any thread.
    """

    __slots__ = ("_kept", "_much", "_slices", "fresh")

    def __init__(self, slices: int) -> None:
        self._slices = slices
        self._much = 2 * min(BATCH, slices // 4)
        self.fresh: list[int] = []
        self._kept = _LogState(array("q"), 0, self.fresh, 0)

    @property
    def count(self) -> int:
        """How many slices there have been."""
        _, length, fresh, first = self._kept
        return first + (length + len(fresh)) // 2

    def copy(self, since: int | None = None) -> tuple[array[int], int]:
        """What is kept (of the time from `since` on, if given), and the number of its first."""
        packed, length, fresh, first = self._kept
        begin = 0 if since is None else _first_reaching(packed, length, since)
        slices = packed[2 * begin : length]
        slices.extend(array("q", fresh[: len(fresh) & ~1]))
        old = 0 if since is None else _first_reaching(slices, len(slices), since)
        return slices[2 * old :], first + begin + old

    def last(self) -> tuple[int, int]:
        """Lane and start of the slice under way; at the beginning zeros."""
        fresh = self._kept.fresh
        end = len(fresh) & ~1
        return (fresh[end - 2], fresh[end - 1]) if end else (0, 0)

    def between(self, start: int, end: int) -> list[tuple[int, int]]:
        """(lane, start) of the slices numbered `start` to before `end`, if still kept."""
        packed, length, fresh, first = self._kept
        low, high = max(start - first, 0) * 2, max(end - first, 0) * 2
        part = packed[low : min(high, length)].tolist()
        part += fresh[max(low - length, 0) : max(high - length, 0)]
        return list(zip(part[::2], part[1::2], strict=False))

    def tidy(self) -> None:
        """Pack what is fresh but for the last slice, once it is much; forget what is too old."""
        if len(self.fresh) <= self._much:
            return
        packed, _, fresh, first = self._kept
        packed.frombytes(struct.pack(f"{len(fresh) - 2}q", *fresh[:-2]))
        if len(packed) > 3 * self._slices:
            first += len(packed) // 2 - self._slices
            packed = packed[-2 * self._slices :]
        self.fresh = fresh[-2:]
        self._kept = _LogState(packed, len(packed), self.fresh, first)

    def mend(self) -> None:
        """Remove the half of a slice whose noting a KeyboardInterrupt has interrupted."""
        if len(self.fresh) % 2:
            del self.fresh[-1]


def _first_reaching(slices: array[int], length: int, since: int) -> int:
    """The number of the first slice, of those up to `length`, that reaches beyond `since`."""
    numbers = range(length // 2)
    return max(bisect_right(numbers, since, key=lambda number: slices[2 * number + 1]) - 1, 0)
