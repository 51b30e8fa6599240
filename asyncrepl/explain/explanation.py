"""What an explanation is, and the one shape of all rules that give one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.explain.evidence import Evidence, Stage


class Fix(NamedTuple):
    """Corrected code: the whole text that takes the place of the source `filename`.

    `more` holds other sources that change with it, as pairs of name and text,
    in the order in which they were run. When the mistake lies in an earlier
    source (a function typed three inputs ago), `filename` is that one. `script` is
    what to type at a prompt, where that is more than the changed texts: with what was
    made of them, and what failed.
    """

    filename: str
    text: str
    more: tuple[tuple[str, str], ...] = ()
    script: str = ""

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


#: What ``async for`` does, in the words of a reader who sees it for the first time.
_STEPS = (
    "type(iterable).__aiter__(iterable) gives the asynchronous iterator",
    "type(iterator).__anext__(iterator) gives an awaitable",
    "the awaitable is awaited: it may suspend, and others run meanwhile",
    "the value is bound to the target",
    "the body runs",
    "2 to 5 repeat until StopAsyncIteration ends the loop",
)
#: The steps that only a loop has: an ``await`` may fail without one, and so may what follows it.
_OF_LOOPS = (1, 2, 6)


#: What a rule is asked before that is asked when all others have found nothing.
THE_END = "the end"


class Rule(NamedTuple):
    """One misconception: how to recognise it and what to say.

    `find` judges evidence of the `stage` and the `errors` named here (`Exception` alone stands for
    any), or of what the rule `sees`, parted by bars; it returns None when the misconception is not
    the cause. `model` says how things really are, in a few sentences that need no context. A rule
    is asked with the others of its module, or before those of the module named `before`, see
    `asyncrepl.explain.explainer`.
    """

    id: str
    title: str
    step: int
    model: str
    find: Callable[[Evidence], Finding | None]
    stage: Stage = "run"
    errors: tuple[type[BaseException], ...] = (TypeError,)
    sees: str = ""
    before: str = ""

    def concerns(self, evidence: Evidence) -> bool:
        """Whether `find` is to be asked."""
        if evidence.seen is not None:
            return evidence.seen.what in self.sees.split(" | ")
        if self.sees or evidence.stage != self.stage:
            return False
        # The interpreter and asyncio raise these very types; a subclass is somebody else's.
        known = type(evidence.error) in self.errors
        return self.stage != "run" or known or self.errors == (Exception,)

    def explanation(self, finding: Finding, *, iterates: bool = True) -> Explanation:
        """What is told of `finding`; `iterates` says whether the code has an ``async for``."""
        return Explanation(
            id=self.id,
            title=self.title,
            step=self.step,
            why=_why(finding),
            fix=finding.fix,
            also=finding.also,
            story=self._story(finding, iterates or self.step in _OF_LOOPS),
        )

    def _story(self, finding: Finding, iterates: bool) -> str:
        return f"{_why(finding)}\n\n{self.account() if iterates else self.model}"

    def account(self, *, broke: bool = True) -> str:
        """How things really are, and the six steps with a mark at the one that breaks.

        `broke` says that it has just happened, and not that it may.
        """
        if self.step == 0:
            when = "It failed before anything ran" if broke else "It fails before anything runs"
            head = f"{when}. What `async for` does when it runs:"
        else:
            head = f"What `async for` does, and where it {'broke' if broke else 'breaks'}:"
        steps = [
            f"{'→' if number == self.step else ' '} {number}. {text}"
            for number, text in enumerate(_STEPS, 1)
        ]
        return "\n".join([self.model, "", head, *steps])


def of_text(
    id_: str, title: str, model: str, find: Callable[[Evidence], Finding | None], stage: Stage
) -> Rule:
    """A rule for a text that is refused before it runs, at that `stage`: see `Rule`."""
    return Rule(id_, title, 0, model, find, stage)


def endless(
    title: str,
    model: str,
    find: Callable[[Evidence], Finding | None],
    *,
    errors: tuple[type[BaseException], ...] = (),
    sees: str = "",
    before: str = "",
) -> Rule:
    """A rule for a wait, or a loop, that nothing ends: see `Rule`.

    It `sees` what is stuck, if nothing else, nor `errors`, are given.
    """
    seen = sees or ("" if errors else "stuck")
    return Rule("endless-generator-hangs", title, 3, model, find, "run", errors, seen, before)


def _why(finding: Finding) -> str:
    return finding.why if finding.also is None else f"{finding.why} Or {finding.also.clause}."
