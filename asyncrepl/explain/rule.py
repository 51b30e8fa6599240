"""The one shape of all rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from asyncrepl.explain.explanation import Explanation, Finding

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.explain.evidence import Evidence, Stage

__all__ = ["Rule"]

_STEPS = (
    "type(iterable).__aiter__(iterable) gives the asynchronous iterator",
    "type(iterator).__anext__(iterator) gives an awaitable",
    "the awaitable is awaited: it may suspend, and others run meanwhile",
    "the value is bound to the target",
    "the body runs",
    "2 to 5 repeat until StopAsyncIteration ends the loop",
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One misconception: how to recognise it and what to say.

    `find` judges evidence of the `stage` and the `errors` named here; it returns
    None when the misconception is not the cause. `model` says how things really
    are, in a few sentences that need no context.
    """

    id: str
    title: str
    step: int
    model: str
    find: Callable[[Evidence], Finding | None]
    stage: Stage = "run"
    errors: tuple[type[BaseException], ...] = (TypeError,)

    def concerns(self, evidence: Evidence) -> bool:
        """Whether `find` is to be asked."""
        if evidence.stage != self.stage:
            return False
        # The interpreter and asyncio raise these very types; a subclass is somebody else's.
        return self.stage != "run" or type(evidence.error) in self.errors

    def explanation(self, finding: Finding) -> Explanation:
        """What is told of `finding`."""
        return Explanation(
            id=self.id,
            title=self.title,
            step=self.step,
            why=finding.why,
            fix=finding.fix,
            also=finding.also,
            story=self._story(finding),
        )

    def _story(self, finding: Finding) -> str:
        parts = [finding.why, "", self.model, ""]
        if self.step == 0:
            parts.append("It failed before anything ran. What `async for` does when it runs:")
        else:
            parts.append("What `async for` does, and where it broke:")
        for number, text in enumerate(_STEPS, 1):
            mark = "→" if number == self.step else " "
            parts.append(f"{mark} {number}. {text}")
        return "\n".join(parts)
