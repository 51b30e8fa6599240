"""What an explanation costs: ``python tests/benchmarks/explain_cost.py [ROUNDS]``.

Times, in milliseconds of thread CPU time, from an error to the lines that explain it, for
every known mistake, typed input by input; the same for the errors of the controls, which
get no explanation; and in a fresh process for the first one: at a prompt, where the rules
have been loaded meanwhile, and where it has to import them.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import subprocess
import sys
import time
import warnings
from pathlib import Path
from statistics import median, quantiles

sys.path.insert(0, str(Path(__file__).parents[1]))

from asyncrepl.engine.loop.live_loop import LiveLoop
from asyncrepl.engine.statements import Session
from asyncrepl.session.mistake_reporter import explain_outcome
from asyncrepl.views.explanation_lines import explanation_lines, load_rules

FIRST = [
    "async def readings(n):\n    for i in range(n):\n        yield i\n",
    "for r in readings(3): print(r)\n",
]


def cost(inputs: list[str]) -> float | None:
    """Milliseconds to explain the error of `inputs`; None if there is none."""
    with asyncio.Runner(loop_factory=LiveLoop) as runner:
        return runner.run(_cost(inputs))


async def _cost(inputs: list[str]) -> float | None:
    session = Session()
    for text in inputs:
        outcome = await session.run(text)
        if outcome.error is not None:
            begin = time.thread_time()
            found = explain_outcome(session, outcome)
            if found is not None:
                explanation_lines(found, session.sources, 80)
            return (time.thread_time() - begin) * 1000
    return None


def costs(kind: str, rounds: int) -> list[float]:
    """The median of each snippet of a data file that fails."""
    from explain.figures import snippets
    from explain.harness import load, result_of

    if kind == "misuse":
        every = [
            snippet["inputs"]
            for _, snippet in snippets()
            if result_of(snippet) == "error"  # others may never end
        ]
    else:
        every = [entry["inputs"] for entry in load(kind) if not entry["incomplete"]]
    found = [[cost(inputs) for _ in range(rounds)] for inputs in every]
    return [median(filter(None, each)) for each in found if any(each)]


def fresh(*, loaded: bool) -> float | None:
    """`first`, in the process that this is."""
    if loaded:
        load_rules()
    return cost(FIRST)


def first(*, loaded: bool) -> float:
    """Milliseconds of the first explanation of a process; `loaded_code` as at a prompt."""
    code = f"import explain_cost; print(explain_cost.fresh(loaded={loaded}))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=Path(__file__).parent
    )
    return float(done.stdout)


def main(rounds: int = 5) -> None:
    warnings.simplefilter("ignore")
    print(sys.version.split()[0], " ms to explain: median, p99, most")
    for kind in ("misuse", "controls"):
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            found = costs(kind, rounds)
        p99 = quantiles(found, n=100)[98]
        numbers = f"{median(found):6.2f} {p99:6.2f} {max(found):6.2f}"
        print(f"{kind:10}{numbers}   ({len(found)} errors)")
    for loaded, name in ((True, "the first at a prompt"), (False, "with the imports")):
        print(f"{name:22}{median(first(loaded=loaded) for _ in range(rounds)):6.1f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
