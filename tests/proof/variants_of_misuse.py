"""The catalogue in other shapes: ``python tests/proof/variants_of_misuse.py``.

Each snippet that raises is changed in some sixty mechanical ways (`explain.variants`), run, and
its explanation compared with the catalogue. A change that makes another program of the snippet
does not count: a variant must fail with the same type of error. Prints the figures by rule and
by change, and what is wrong; more of that than 2 % ends this with status 1; ``-v`` also what may
be unknown, for its operand comes from elsewhere, ``-vv`` with the programs; ids choose rules, a
number takes one variant in so many. Needs `tests` on ``PYTHONPATH``.
"""

from __future__ import annotations

import gc
import sys
import time
from collections import Counter

from explain.figures import snippets
from explain.harness import VERSION, result_of, run
from explain.judging import RIGHT, judged, kind_of
from explain.variants import variants

#: The share of variants that may be wrong: a few in a thousand are, and a sample meets one.
_MOST = 0.02


def main(*arguments: str) -> int:
    """Print the figures; the exit status."""
    started = time.time()
    wanted = [each for each in arguments if not each.startswith("-") and not each.isdigit()]
    apart = next((int(each) for each in arguments if each.isdigit()), 1)
    number = wrong = 0
    verbose = not {"-v", "-vv"}.isdisjoint(arguments)
    rows: dict[str, Counter[str]] = {}
    shapes: dict[str, Counter[str]] = {}
    total: Counter[str] = Counter()
    for entry, snippet in snippets(*wanted):
        if result_of(snippet) != "error":
            continue
        original = run(snippet["inputs"])
        gc.collect()
        if (
            original.explanation is None
            or original.explanation.id != entry["id"]
            or not original.error
        ):
            continue
        for variant in variants(snippet["inputs"]):
            number += 1
            if number % apart:
                continue
            found = judged(entry["id"], variant, kind_of(original), entry["step"])
            if found is None:
                total["not the same"] += 1
                continue
            total[found.verdict] += 1
            rows.setdefault(entry["id"], Counter())[found.verdict] += 1
            shapes.setdefault(variant.name, Counter())[found.verdict] += 1
            wrong += found.wrong
            if found.wrong or (verbose and found.verdict not in RIGHT):
                print(f"## {snippet['id']} {variant.name}: {found.verdict} {found.found}")
                if "-vv" in arguments:
                    print("\n--\n".join(variant.inputs), "\nMODULE", variant.module or "")
                print("   ", found.detail.replace("\n", "\n    "))
    print(f"Python {VERSION}", dict(total), f"{time.time() - started:.0f} s")
    for title, table in (("by rule", rows), ("by change", shapes)):
        print(title)
        for name, counts in sorted(table.items(), key=lambda row: _wrong(row[1]), reverse=True):
            if _wrong(counts):
                print(f"  {name:45} {dict(counts)}")
    return 1 if wrong > _MOST * total.total() else 0


def _wrong(counts: Counter[str]) -> int:
    return sum(number for verdict, number in counts.items() if verdict not in RIGHT)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
