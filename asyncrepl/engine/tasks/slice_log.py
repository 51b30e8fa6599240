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

The arrays are blocks of about the same size, of which the oldest go. One array of all,
cut when it had grown by half, was a megabyte that moved again and again: the process of
an hour's session was 6 MB larger than after its first minute.

Readers take no lock. What they read, the writer only appends to, or replaces as a whole.
(Iterating over a deque that another thread appends to ends in "deque mutated during
iteration".)
"""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SliceLog"]

#: So many slices are packed at once: more would be felt as a pause.
BATCH = 1024


class _LogState(NamedTuple):
    """What is kept: `blocks`, then `fresh`; before them there were `first` slices."""

    blocks: tuple[array[int], ...]
    fresh: list[int]
    first: int


class SliceLog:
    """The last `slices` slices, and at most a block more.

    The loop's thread appends lane and start to `fresh`, and calls `tidy` between
    two loop iterations. Everything else may be called from any thread.
    """

    __slots__ = ("_kept", "_slices", "fresh", "much")

    def __init__(self, slices: int) -> None:
        self._slices = slices
        #: From so many numbers in `fresh` on, `tidy` has something to do.
        self.much = 2 * min(BATCH, slices // 4)
        self.fresh: list[int] = []
        self._kept = _LogState((), self.fresh, 0)

    @property
    def count(self) -> int:
        """How many slices there have been."""
        blocks, fresh, first = self._kept
        return first + (sum(map(len, blocks)) + len(fresh)) // 2

    def copy(self, since: int | None = None) -> tuple[array[int], int]:
        """What is kept (of the time from `since` on, if given), and the number of its first."""
        parts, first = self._parts()
        skipped = 0
        while since is not None and len(parts) > 1 and parts[1][1] <= since:
            skipped += len(parts.pop(0)) // 2
        slices = array("q")
        for part in parts:
            slices += part
        if since is not None:
            old = _first_reaching(slices, since)
            slices, skipped = slices[2 * old :], skipped + old
        return slices, first + skipped

    def _parts(self) -> tuple[list[array[int]], int]:
        """What is kept, in parts of which none is empty, and the number of its first."""
        blocks, fresh, first = self._kept
        part = array("q", fresh[: len(fresh) & ~1])
        return [*blocks, part] if part else [*blocks], first

    def last(self) -> tuple[int, int]:
        """Lane and start of the slice under way; at the beginning zeros."""
        fresh = self._kept.fresh
        end = len(fresh) & ~1
        return (fresh[end - 2], fresh[end - 1]) if end else (0, 0)

    def between(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """(lane, start) of the slices numbered `start` to before `end`, if still kept."""
        parts, first = self._parts()
        for part in parts:
            some = part[2 * max(start - first, 0) : 2 * max(end - first, 0)]
            yield from zip(some[::2], some[1::2], strict=True)
            first += len(part) // 2

    def tidy(self) -> None:
        """Pack what is fresh but for the last slice, once it is much; forget what is too old."""
        if len(self.fresh) <= self.much:
            return
        blocks, fresh, first = self._kept
        block = array("q")
        block.frombytes(struct.pack(f"{len(fresh) - 2}q", *fresh[:-2]))
        blocks = (*blocks, block)
        count = sum(map(len, blocks)) // 2
        while count - len(blocks[0]) // 2 >= self._slices:
            gone = len(blocks[0]) // 2
            blocks, count, first = blocks[1:], count - gone, first + gone
        self.fresh = fresh[-2:]
        self._kept = _LogState(blocks, self.fresh, first)

    def mend(self) -> None:
        """Remove the half of a slice whose noting a KeyboardInterrupt has interrupted."""
        if len(self.fresh) % 2:
            del self.fresh[-1]


def _first_reaching(slices: array[int], since: int) -> int:
    """The number of the first of `slices` that reaches beyond `since`."""
    numbers = range(len(slices) // 2)
    return max(bisect_right(numbers, since, key=lambda number: slices[2 * number + 1]) - 1, 0)
