"""The catalogue in contexts: ``python tests/proof/catalogue_in_contexts.py [ID…]``.

Each snippet as a file of its own, and then inside ``async def main()`` with
``asyncio.run``, in a method, in an imported module, and with every other spelling of what
is imported or built in. What is explained at the top level has to be explained there, too,
and put right as well. Prints what is lost, and how much of it by context; ends with status 1
if that is more than ``--lost`` allows. Needs `tests` on ``PYTHONPATH``.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from explain.figures import snippets
from explain.judging import ALSO_RIGHT
from explain.spellings import SPELLINGS
from proof.matrix.contexts import deep
from proof.matrix.execution import Program, Said, explained, in_processes, printed

if TYPE_CHECKING:
    from collections.abc import Callable

#: A mistake at a prompt, or at the top of a file, and nowhere else.
_ONLY_THERE = (
    "prompt-call-without-await",
    "yield-at-top-level",
    "asyncio-run-inside-the-loop#at-the-prompt",
    "run-until-complete-inside-the-loop#running-loop",
)
_IMPORTED = re.compile(r"^import asyncio\n", re.MULTILINE)


def _main(text: str) -> Program:
    return Program(f"import asyncio\n\n\nasync def main():\n{deep(text)}\n\nasyncio.run(main())\n")


def _method(text: str) -> Program:
    return Program(
        f"import asyncio\n\n\nclass App:\n    async def start(self, *names):\n{deep(text, 8)}\n\n"
        "asyncio.run(App().start('a'))\n"
    )


def _module(text: str) -> Program:
    module = f"import asyncio\n\n\nasync def main():\n{deep(text)}"
    return Program("import asyncio\n\nimport shop\n\nasyncio.run(shop.main())\n", {"shop": module})


def _spelled(change: Callable[[str], str]) -> Callable[[str], Program]:
    return lambda text: Program(change(f"import asyncio\n{_IMPORTED.sub('', text)}"))


_CONTEXTS: dict[str, Callable[[str], Program]] = {
    "main": _main,
    "method": _method,
    "module": _module,
    **{name: _spelled(change) for name, change in SPELLINGS.items()},
}


@dataclass(frozen=True)
class Loss:
    """What is worse in a context: the explanation, or its fix; or neither, then `lost` is empty."""

    snippet: str
    context: str
    lost: str = ""
    said: str = ""


def losses(pair: tuple[dict[str, Any], dict[str, Any]]) -> list[Loss]:
    """What came of a snippet in each context where it is the same program."""
    entry, snippet = pair
    text = "".join(each.rstrip("\n") + "\n" for each in snippet["inputs"])
    top = explained(Program(f"import asyncio\n{_IMPORTED.sub('', text)}"))
    right = {entry["id"], *ALSO_RIGHT.get(entry["id"], ())}
    if top.explanation is None or top.explanation.id not in right:
        return []
    shown = _shown(top)
    found = []
    for name, put in _CONTEXTS.items():
        try:
            there = put(text)
        except (SyntaxError, ValueError):
            continue  # it cannot be written so
        said = explained(there)
        if _kind(said) == _kind(top):
            found.append(Loss(snippet["id"], name, *_lost(said, top, right, shown)))
    return found


def _kind(said: Said) -> str:
    return said.error.partition("(")[0]


def _shown(said: Said) -> tuple[str, str] | None:
    """What the corrected program prints, and what goes wrong; None if there is none."""
    if said.fixed is None:
        return None
    shown, trouble = printed(said.fixed)
    return re.sub(r"0x\w+|0\.\d+", "…", shown), trouble


def _lost(
    said: Said, top: Said, right: set[str], shown: tuple[str, str] | None
) -> tuple[str, str]:
    """What is lost, and what was said; empty where nothing is."""
    if said.explanation is None:
        return "silent", said.error
    if said.explanation.id not in right:
        return "wrong", f"[{said.explanation.id}] {said.explanation.why}"
    if shown is None or shown[1]:
        return "", ""
    there = _shown(said)
    if there is None:
        return "no fix", said.explanation.why
    if there == shown or _in_the_end(said, there) & _in_the_end(top, shown):
        return "", ""
    return "other fix", f"{there} and not {shown}"[:300]


def _in_the_end(said: Said, shown: tuple[str, str] | None) -> set[tuple[str, str] | None]:
    """What the corrected program shows in four runs: some count what fits into 30 ms."""
    return {shown, *(_shown(said) for _ in range(3))}


def main(*arguments: str) -> int:
    """Print what is lost; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("ids", nargs="*", metavar="ID")
    parser.add_argument("--lost", type=int, default=0, help="how many losses are allowed")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options, started = parser.parse_args(arguments), time.monotonic()
    pairs = [pair for pair in snippets(*options.ids) if not pair[1]["id"].startswith(_ONLY_THERE)]
    rows = [loss for found in in_processes(losses, pairs, options.jobs) for loss in found]
    for loss in rows:
        if loss.lost:
            print(f"{loss.lost:9} {loss.snippet} | {loss.context} | {loss.said}")
    tried = Counter(loss.context for loss in rows)
    lost = Counter((loss.context, loss.lost) for loss in rows)
    for context, count in tried.items():
        what = ", ".join(
            f"{n} {lost[context, n]}" for n in ("silent", "wrong", "no fix", "other fix")
        )
        print(f"{context:40} {count} programs: {what}")
    total = sum(1 for loss in rows if loss.lost)
    print(f"{len(pairs)} snippets, {total} losses; {time.monotonic() - started:.0f} s")
    return 1 if total > options.lost else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
