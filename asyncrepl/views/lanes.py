"""Lanes: one row a task, time running to the right, the newest at the right edge.

    tick            ──────•───────────•───────────•───────────•─────
    input 3         ┴●──────────────●──────────────●───────────────┤
      Task-7         ────────────────────────────────────────────○

A column is a fixed piece of *absolute* time (column number = instant // length),
so a picture moves by whole columns and its marks never jitter. The width of the
names depends on the width of the picture alone, rows keep the order of birth
with children under their parents, and a task that has ended keeps its row for a
while: nothing jumps about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncrepl.views.families import in_families, of_users
from asyncrepl.views.scale import SECOND, Scale
from asyncrepl.views.tracks import Picture

if TYPE_CHECKING:
    from asyncrepl.events import Lane, Snapshot
    from asyncrepl.views.styled import Line

__all__ = ["lanes"]


def lanes(
    snapshot: Snapshot,
    now_ns: int,
    width: int,
    *,
    rows: int = 8,
    ascii: bool = False,  # noqa: A002  says it best
    column: int = SECOND // 10,
    linger: float = 3.0,
) -> list[Line]:
    """At most `rows` lines of at most `width` cells, for the instant `now_ns`.

    Each column of the picture is `column` nanoseconds. A task that has ended keeps its
    row for `linger` seconds. If there are more tasks than rows, the last line sums up the
    rest.
    """
    names = min(max(width // 5, 8), 16)
    count = max(width - names - 1, 1)
    scale = Scale((now_ns // column - count + 1) * column, column, 1)
    picture = Picture(snapshot, scale, count, ascii=ascii)
    shown, hidden = _chosen(snapshot, now_ns - int(linger * SECOND), rows)
    families = in_families(shown)
    drawn = [
        [label, ("", " "), *picture.track(lane)]
        for label, (lane, _) in zip(picture.labels(families, names), families, strict=True)
    ]
    return [*drawn, picture.rest(hidden, now_ns - SECOND, "running")][:rows] if hidden else drawn


def _chosen(snapshot: Snapshot, since: int, rows: int) -> tuple[list[Lane], list[Lane]]:
    """The lanes to draw, and those to sum up.

    Who lives goes before who has ended. Of too many, the oldest are drawn, and
    the youngest that no other task made: that is the statement just typed.
    """
    ended = snapshot.ended
    users = of_users(snapshot.lanes)
    alive = [lane for lane in users if lane.id not in ended]
    if len(alive) > rows:
        roots = [lane for lane in alive if lane.parent is None]
        kept = {lane.id for lane in [*roots[-1:], *alive][: max(rows - 1, 0)]}
        shown = [lane for lane in alive if lane.id in kept]
        return shown, [lane for lane in alive if lane.id not in kept]
    gone = [lane for lane in users if lane.id in ended and ended[lane.id].at >= since]
    gone.sort(key=lambda lane: ended[lane.id].at, reverse=True)
    return [*alive, *gone[: rows - len(alive)]], []
