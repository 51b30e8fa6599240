"""What an explanation is: values, no logic."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Explanation", "Finding", "Fix", "Other"]


class Fix(NamedTuple):
    """Corrected code: the whole text that takes the place of the source `filename`.

    `more` holds other sources that change with it, as pairs of name and text,
    in the order in which they were run. When the mistake lies in an earlier
    source (a function typed three inputs ago), `filename` is that one.
    """

    filename: str
    text: str
    more: tuple[tuple[str, str], ...] = ()

    @property
    def texts(self) -> dict[str, str]:
        """All changed sources by file name."""
        return {self.filename: self.text, **dict(self.more)}


class Other(NamedTuple):
    """A less likely misconception that the same evidence allows: its id, and one clause.

    The clause ends a sentence that began with "Or", without a full stop.
    """

    id: str
    clause: str


class Finding(NamedTuple):
    """What a rule found: why it failed in this very case, and the correction.

    `also` is there where the evidence cannot tell two misconceptions apart.
    """

    why: str
    fix: Fix | None = None
    also: Other | None = None


class Explanation(NamedTuple):
    """What is told about an error.

    `step` is 0 for what fails before anything runs, else the step of the loop
    that broke: 1 ``__aiter__``, 2 ``__anext__``, 3 awaiting its result, 4 the
    target, 5 the body, 6 the end. `why` is one or two sentences about the
    user's own code, and a clause more where there is `also`; `story` everything
    there is to say, several lines.
    """

    id: str
    title: str
    step: int
    why: str
    fix: Fix | None
    also: Other | None
    story: str
