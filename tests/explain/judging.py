"""Judges the explanation of a variant of a catalogue's snippet."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from typing import TYPE_CHECKING

from explain.harness import Report, corrected, run

if TYPE_CHECKING:
    from explain.variants import Variant

__all__ = ["RIGHT", "Judged", "judged", "kind_of"]

#: Where the operand comes from elsewhere, it may be unknown, or more may have to change there.
_HIDDEN = (
    "attribute", "item", "element", "result", "default", "lambda", "property", "walrus", "choice",
    "slots-",
)  # fmt: skip
_UNKNOWN = ("silent", "bad fix")

#: The verdicts that are no failure: a right cause, with a correction that runs or without.
RIGHT = ("right", "no fix")
_NESTED = ("async-for-in-nested-def",)
#: What a change makes of a mistake: as right as the id of the catalogue.
ALSO_RIGHT = {
    "await-aiter": ("await-async-generator",),
    "await-async-genexp": ("await-async-generator",),
    "async-genexp-into-sync-consumer": ("list-of-async-generator",),
    "await-in-genexp-makes-it-async": ("list-of-async-generator",),
    "async-for-awaits-each-coroutine": ("async-for-over-sync-generator",),
    "exhausted-anext-raises": ("stopasynciteration-in-body",),
    "stopasynciteration-in-body": ("exhausted-anext-raises",),
    "timeout-ends-the-generator": ("exhausted-anext-raises",),
    # The generator is reset elsewhere because it was left open; what dies first is told.
    "contextvar-reset-in-generator": ("break-leaves-generator-open",),
    "async-for-in-sync-def": _NESTED,
    "await-in-sync-def": _NESTED,
    "async-with-in-sync-def": _NESTED,
    "async-comprehension-in-sync-def": _NESTED,
    "await-in-comprehension-in-sync-def": _NESTED,
}


@dataclass(frozen=True)
class Judged:
    """What came of one variant: "right", "other", "silent", or "bad fix"."""

    id: str
    variant: Variant
    verdict: str
    found: str
    detail: str = ""

    @property
    def wrong(self) -> bool:
        """Whether it is a failure of ours."""
        unknown = self.variant.name.startswith(_HIDDEN) and self.verdict in _UNKNOWN
        return self.verdict not in RIGHT and not unknown


def kind_of(report: Report) -> str:
    """The type of the error, of a group the type of its first error."""
    error: BaseException | None = report.error
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return type(error).__name__


def judged(id_: str, variant: Variant, wanted: str, step: int) -> Judged | None:
    """Judge a variant; None when it is another program."""
    report = run(variant.inputs, module=variant.module)
    gc.collect()
    if kind_of(report) != wanted:
        return None
    found = report.explanation
    if found is None:
        return Judged(id_, variant, "silent", "", repr(report.error))
    same = found.id == id_ and found.step == step
    if not same and id_ != found.also and found.id not in ALSO_RIGHT.get(id_, ()):
        return Judged(id_, variant, "other", found.id, found.why)
    if found.fix is not None and variant.module is None:
        again = run(corrected(variant.inputs, found))
        gc.collect()
        if again.error is not None:
            text = "".join(corrected(variant.inputs, found))
            return Judged(id_, variant, "bad fix", found.id, f"{again.error!r}\n{text}")
    return Judged(id_, variant, "right" if found.fix else "no fix", found.id)
