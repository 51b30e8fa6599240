"""What is said of a program, held against what its maker knows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from proof.matrix.execution import Program, Said, explained, printed

if TYPE_CHECKING:
    from proof.matrix.programs import Case

__all__ = ["Grade", "graded"]

#: What no explanation of an operand may call it: the opposite of what it is.
_DENIED = {
    True: r"`[^`]*` (is|gives|makes) an? (coroutine|async)",
    False: r"plain function|already run|is a (list|number|str|dict)\b",
}


@dataclass(frozen=True)
class Grade:
    """What came of one program.

    `cause` of a program with a mistake: whether the explanation names the kind in plain
    words and the operand by the user's name. `fix`: whether the corrected program prints
    what the right one prints, and nothing goes wrong. None: that does not count here.
    `alarm`: the right program was explained.
    """

    case: Case
    cause: Literal["right", "silent", "wrong"] | None = None
    fix: Literal["right", "none", "bad"] | None = None
    alarm: bool = False
    said: str = ""
    detail: str = ""

    @property
    def failed(self) -> bool:
        """Whether it falls short in anything."""
        return self.alarm or self.cause in ("silent", "wrong") or self.fix in ("none", "bad")


def graded(case: Case) -> Grade:
    """Run the programs of `case`, and judge what is said of them.

    Raises AssertionError if the right program is not clean: then the grammar is wrong.
    """
    expected = None
    if case.right is not None:
        expected, trouble = printed(case.right)
        assert not trouble, f"{case.right.text}\n{case.right.modules}\n{trouble}"
        said = explained(case.right)
        if said.explanation is not None or said.error:
            return Grade(case, alarm=True, said=_told(said), detail=said.error)
    return Grade(case) if case.wrong is None else _graded(case, case.wrong, expected)


def _graded(case: Case, wrong: Program, expected: str | None) -> Grade:
    said = explained(wrong)
    if said.explanation is None and _is_well(wrong, expected, required=case.required):
        return Grade(case)
    fix, detail = _fix(case, said, expected)
    return Grade(
        case,
        cause=_cause(case, said),
        fix=fix,
        said=_told(said),
        detail=detail or said.error,
    )


def _is_well(wrong: Program, expected: str | None, *, required: bool) -> bool:
    """Whether silence is right: it may be meant, or nobody would notice."""
    return not required or printed(wrong) == (expected, "")


def _cause(case: Case, said: Said) -> Literal["right", "silent", "wrong"]:
    found = said.explanation
    if found is None:
        return "silent"
    text = f"{found.title}\n{found.why}"
    kind = re.search(f"(?i){case.cell.kind.said}", text)
    denied = re.search(_DENIED[case.cell.kind.sync], text)
    named = any(re.search(rf"\b{name}\b", found.why) for name in case.names)
    return "right" if kind and named and not denied else "wrong"


def _fix(
    case: Case, said: Said, expected: str | None
) -> tuple[Literal["right", "none", "bad"] | None, str]:
    if said.fixed is None:
        return ("none" if case.cell.fixable else None), ""
    shown, trouble = printed(said.fixed)
    if case.cell.fixable and not trouble and shown != expected:
        trouble = f"it prints {shown!r} and not {expected!r}"
    if trouble:
        return "bad", trouble.strip().rpartition("\n")[2]
    return ("right" if case.cell.fixable else None), ""


def _told(said: Said) -> str:
    found = said.explanation
    return "" if found is None else f"[{found.id}] {found.why}"
