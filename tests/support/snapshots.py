"""Snapshots written by hand, for tests of what is drawn of them."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from asyncrepl.events import Ending, Lane, LaneEnded, Mark, MarkKind, Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MS", "lane", "snapshot"]

MS = 1_000_000


def lane(number: int, name: str, *, parent: int | None = None, born: int = 0) -> Lane:
    """A lane born at `born` ms."""
    return Lane(number, name, "worker", parent, born * MS)


def snapshot(
    lanes: Iterable[Lane],
    slices: Iterable[tuple[int, int]] = (),
    marks: Iterable[tuple[int, int, MarkKind]] = (),
    ended: Iterable[tuple[int, int, Ending]] = (),
) -> Snapshot:
    """A snapshot; all instants in ms."""
    flat = [cell for number, at in slices for cell in (number, at * MS)]
    return Snapshot(
        tuple(lanes),
        {number: LaneEnded(number, at * MS, how) for number, at, how in ended},
        tuple(Mark(number, at * MS, kind) for number, at, kind in marks),
        array("q", flat),
        0,
    )
