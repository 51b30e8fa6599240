"""Which step of a walk an error came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from asyncrepl.language.suspects import place_at

if TYPE_CHECKING:
    from types import TracebackType

    from asyncrepl.events.walks import Site, WayOut

__all__ = ["Phase", "failed_step"]

#: Where a walk is: its operand is being evaluated; steps 1, 3 and 5; over.
Phase = Literal["operand", "aiter", "await", "body", "over"]


def failed_step(phase: Phase, site: Site, traceback: TracebackType | None) -> WayOut:
    """The way out of a walk that an error in this phase is; `traceback` is the loop's own."""
    if phase == "aiter":
        return "refused"
    if phase == "body":
        return "body"
    return "bind" if traceback is not None and _at_target(site, traceback) else "source"


def _at_target(site: Site, traceback: TracebackType) -> bool:
    """Whether the error arose where the target stands: the value could not be bound."""
    if traceback.tb_next is not None:
        return False
    place = place_at(traceback.tb_frame.f_code, traceback.tb_lasti)
    return place is not None and (place.lineno, place.column) == site.bound
