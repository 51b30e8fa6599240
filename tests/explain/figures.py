"""How many snippets of the catalogue are explained, and how many of the fixes run.

As a script: ``PYTHONPATH=tests python tests/explain/figures.py [--whole] [ID|CATEGORY …]``
prints what is wrong and the figures. With ``--whole`` a snippet is one text, as in a file.
"""

from __future__ import annotations

import gc
import sys
from dataclasses import dataclass
from typing import Any

from explain.harness import VERSION, corrected, driver, goes_wrong, load, run

__all__ = ["Verdict", "judge", "snippets"]


@dataclass(frozen=True)
class Verdict:
    """What came of one snippet."""

    id: str
    wanted: str
    found: str | None
    step_right: bool
    why: str
    clean: bool
    printed: bool
    detail: str

    @property
    def right(self) -> bool:
        """Whether the cause and the step are those of the catalogue."""
        return self.found == self.wanted and self.step_right


def snippets(*wanted: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Pairs of misconception and snippet that go wrong on this Python."""
    return [
        (entry, snippet)
        for entry in load("misuse")
        if not wanted or entry["id"] in wanted or entry["category"] in wanted
        for snippet in entry["snippets"]
        if goes_wrong(snippet)
    ]


def judge(entry: dict[str, Any], snippet: dict[str, Any], *, whole: bool = False) -> Verdict:
    """Run a snippet, and then its correction."""
    inputs = ["\n".join(snippet["inputs"])] if whole else snippet["inputs"]
    explanation = run(inputs).explanation
    gc.collect()  # the first run's coroutines warn now, not in the second run
    if explanation is None:
        return Verdict(snippet["id"], entry["id"], None, False, "", False, False, "")
    clean = printed = False
    detail = "no fix"
    if explanation.fix is not None:
        clean, printed, detail = _tried(snippet, corrected(inputs, explanation))
    return Verdict(
        snippet["id"],
        entry["id"],
        explanation.id,
        explanation.step == entry["step"],
        explanation.why,
        clean,
        printed,
        detail,
    )


def _tried(snippet: dict[str, Any], fixed: list[str]) -> tuple[bool, bool, str]:
    report = run(fixed)
    clean, text = report.clean, report.printed
    wanted = snippet["fix"]["must_print"] or ""
    detail = "\n---\n".join(fixed) + f"\n-> {report.error!r} {report.events} {text!r}"
    if clean and wanted not in text:
        # The reference shows its result with inputs of its own, in the end or on the way.
        extra = driver(snippet["inputs"], snippet["fix"]["inputs"])
        text = "".join(run(fixed + added).printed for added in (extra, extra[-1:]))
    return clean, clean and wanted in text, detail


def main(arguments: list[str]) -> None:
    """Print the figures."""
    whole = "--whole" in arguments
    wanted = [each for each in arguments if not each.startswith("-")]
    verdicts = [judge(*pair, whole=whole) for pair in snippets(*wanted)]
    for verdict in verdicts:
        if not verdict.right or not verdict.printed:
            print(verdict.id, "→", verdict.found, "|", verdict.why)
            print("    " + verdict.detail.replace("\n", "\n    ") if verdict.right else "")
    right = [verdict for verdict in verdicts if verdict.right]
    print(
        f"Python {VERSION}: {len(verdicts)} snippets, right cause {len(right)}, "
        f"fix runs {sum(v.clean for v in right)}, and prints {sum(v.printed for v in right)}"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
