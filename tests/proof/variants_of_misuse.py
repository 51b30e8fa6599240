"""The catalogue in other shapes: ``PYTHONPATH=.:tests python tests/proof/variants_of_misuse.py``.

Each snippet that raises is changed in some sixty mechanical ways (`explain.variants`),
run, and its explanation compared with the catalogue. A change that makes another
program of the snippet does not count: a variant must fail with the same type of error,
and by itself (the same text without the probes fails as well). Prints the figures by
rule and by change; ``-v`` the wrong ones, names or ids choose.
"""

from __future__ import annotations

import gc
import sys
import time
from collections import Counter
from dataclasses import dataclass

from explain.figures import snippets
from explain.harness import VERSION, Report, corrected, run
from explain.variants import Variant, variants

__all__ = ["Judged", "judge", "main"]


_NESTED = ("async-for-in-nested-def",)
#: What a change makes of a mistake: as right as the id of the catalogue.
ALSO_RIGHT = {
    "await-aiter": ("await-async-generator",),
    "await-async-genexp": ("await-async-generator",),
    "async-genexp-into-sync-consumer": ("list-of-async-generator",),
    "await-in-genexp-makes-it-async": ("list-of-async-generator",),
    "async-for-awaits-each-coroutine": ("async-for-over-sync-generator",),
    "exhausted-anext-raises": ("stopasynciteration-in-body",),
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


def kind_of(report: Report) -> str:
    """The type of the error, of a group the type of its first error."""
    error: BaseException | None = report.error
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return type(error).__name__


def judge(id_: str, snippet: str, variant: Variant, wanted: str, step: int) -> Judged | None:
    """Judge a variant; None when it is another program."""
    report = run(variant.inputs, module=variant.module)
    gc.collect()
    if kind_of(report) != wanted:
        return None
    found = report.explanation
    if found is None:
        return Judged(id_, variant, "silent", "", repr(report.error))
    if found.id != id_ or found.step != step:
        if id_ != found.also and found.id not in ALSO_RIGHT.get(id_, ()):
            return Judged(id_, variant, "other", found.id, found.why)
    if found.fix is not None and variant.module is None:
        again = run(corrected(variant.inputs, found))
        gc.collect()
        if again.error is not None:
            text = "".join(corrected(variant.inputs, found))
            return Judged(id_, variant, "bad fix", found.id, f"{again.error!r}\n{text}")
    return Judged(id_, variant, "right" if found.fix else "no fix", found.id)


def main(*arguments: str) -> None:
    """Print the figures."""
    started = time.time()
    wanted = [each for each in arguments if not each.startswith("-")]
    rows: dict[str, Counter[str]] = {}
    shapes: dict[str, Counter[str]] = {}
    total: Counter[str] = Counter()
    for entry, snippet in snippets(*wanted):
        original = run(snippet["inputs"])
        gc.collect()
        if original.explanation is None or original.explanation.id != entry["id"] or not original.error:
            continue
        for variant in variants(snippet["inputs"]):
            judged = judge(entry["id"], snippet["id"], variant, kind_of(original), entry["step"])
            if judged is None:
                total["not the same"] += 1
                continue
            total[judged.verdict] += 1
            rows.setdefault(entry["id"], Counter())[judged.verdict] += 1
            shapes.setdefault(variant.name, Counter())[judged.verdict] += 1
            if "-v" in arguments and judged.verdict not in ("right", "no fix"):
                print(f"## {snippet['id']} {variant.name}: {judged.verdict} {judged.found}")
                if "-vv" in arguments:
                    print("\n--\n".join(variant.inputs), "\nMODULE", variant.module or "")
                print("   ", judged.detail.replace("\n", "\n    "))
    print(f"Python {VERSION}", dict(total), f"{time.time() - started:.0f} s")
    for title, table in (("by rule", rows), ("by change", shapes)):
        print(title)
        for name, counts in sorted(table.items(), key=lambda row: _wrong(row[1]), reverse=True):
            if _wrong(counts):
                print(f"  {name:45} {dict(counts)}")


def _wrong(counts: Counter[str]) -> int:
    return sum(number for verdict, number in counts.items() if verdict not in ("right", "no fix"))


if __name__ == "__main__":
    main(*sys.argv[1:])
