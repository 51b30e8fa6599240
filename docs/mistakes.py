"""Write `mistakes.md`, the page of all mistakes that can be explained.

    python docs/mistakes.py

What is said of each comes from its rule; the example is one of the catalogue's, and
what is corrected in it is what the prompt offers for it.
"""

from __future__ import annotations

import contextlib
import difflib
import io
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from explain.harness import corrected, load, run  # noqa: E402

from asyncrepl.explain.explainer import RULES  # noqa: E402
from asyncrepl.views.explanation_lines import by_step  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.explain.explanation import Explanation, Rule

PAGE = HERE / "mistakes.md"
INTRODUCTION = """\
# Mistakes with `async for`, and what to write instead

What asyncrepl explains when it happens, by the step of the loop that breaks. At the prompt
`:why --all` lists the same, and `:why ID` tells one of them. (Written by `mistakes.py`.)
"""


def page() -> str:
    """The whole page."""
    parts = [INTRODUCTION]
    for heading, rules in by_step(RULES):
        parts += [f"## {heading[:1].upper()}{heading[1:]}", *map(_entry, rules)]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _entry(rule: Rule) -> str:
    head = f"### {rule.title[:1].upper()}{rule.title[1:]}\n\n`{rule.id}`\n\n{rule.model}"
    inputs, explanation = next(_examples(rule), ([], None))
    if explanation is None:
        return head
    return f"{head}\n\n```diff\n{_difference(inputs, explanation)}\n```\n\n*{explanation.why}*"


def _examples(rule: Rule) -> Iterator[tuple[list[str], Explanation]]:
    """The snippets that the rule explains on every version, those with a correction first."""
    found = [
        (snippet["inputs"], explanation)
        for entry in load("misuse")
        if entry["id"] == rule.id
        for snippet in entry["snippets"]
        if snippet["wrong_in"] == list(snippet["outcome"])
        if (explanation := run(snippet["inputs"]).explanation) and explanation.id == rule.id
    ]
    return iter(sorted(found, key=lambda pair: pair[1].fix is None))


def _difference(inputs: list[str], explanation: Explanation) -> str:
    before, after = (
        [line for text in texts for line in text.split("\n") if line.strip()]
        for texts in (inputs, corrected(inputs, explanation))
    )
    everything = max(len(before), len(after))
    lines = list(difflib.unified_diff(before, after, n=everything, lineterm=""))[3:]
    return "\n".join(lines or [" " + line for line in before])


def main() -> None:
    """Write the page; what the examples print, and what Python says of them, is not shown."""
    warnings.simplefilter("ignore")
    sys.unraisablehook = lambda _: None
    with contextlib.redirect_stdout(io.StringIO()):
        text = page()
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
