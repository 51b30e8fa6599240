"""Which tasks have a row, and in which order: each under the task that made it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from asyncrepl.events import Lane

__all__ = ["in_families", "of_users"]


def of_users(lanes: Iterable[Lane]) -> list[Lane]:
    """The lanes of the user's own tasks: not those in which a command waits."""
    return [lane for lane in lanes if not lane.name.startswith(":")]


def in_families(lanes: Iterable[Lane]) -> list[tuple[Lane, int]]:
    """The lanes with their depths: children follow their parent, and all in order of birth.

    A lane whose parent is not among `lanes` has depth 0.
    """
    lanes = sorted(lanes, key=lambda lane: lane.id)
    known = {lane.id for lane in lanes}
    children: dict[int | None, list[Lane]] = {}
    for lane in lanes:
        parent = lane.parent if lane.parent in known else None
        children.setdefault(parent, []).append(lane)
    ordered: list[tuple[Lane, int]] = []
    waiting = [(lane, 0) for lane in reversed(children.get(None, []))]
    while waiting:
        lane, depth = waiting.pop()
        ordered.append((lane, depth))
        waiting += [(child, depth + 1) for child in reversed(children.get(lane.id, []))]
    return ordered
