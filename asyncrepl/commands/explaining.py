"""From an outcome to an explanation, and the explanation as lines at the prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncrepl.engine.session import Outcome, Session
    from asyncrepl.explain.explanation import Explanation
    from asyncrepl.views.styled import Line

__all__ = ["explain_outcome", "explanation_lines"]


def explain_outcome(session: Session, outcome: Outcome) -> Explanation | None:
    """The explanation of the error in `outcome`, or None."""
    return None


def explanation_lines(explanation: Explanation) -> list[Line]:
    """At most four lines: why, and what to write."""
    return []
