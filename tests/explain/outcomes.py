"""What each snippet of the catalogue does on this Python: ``python tests/explain/outcomes.py``.

No code of asyncrepl takes part. Every snippet runs in a process of its own: each input
is compiled alone, in mode "single" with top-level await, and runs on the running loop, a
coroutine as a task, anything else in a callback, as ``python -m asyncio`` does it; 0.02 s
lie between two inputs. What does not end in 2.5 s hangs.

Prints what differs from ``tests/data/misuse.json``, and ends with status 1 if anything
does; ``--write`` writes the outcomes there. A snippet that ends as it did on the newest
version before goes wrong here if it did there; where it ends differently, read what is
printed and set `wrong_in` by hand; so, too, in a snippet that is new, whose `outcome` is `{}`.
Names choose mistakes or snippets; a name that is unknown is told, with status 2. Needs no package.
"""

from __future__ import annotations

import ast
import asyncio
import builtins
import inspect
import json
import os
import subprocess
import sys
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

__all__ = ["main", "outcome"]

_DATA = Path(__file__).parents[1] / "data" / "misuse.json"
_VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
_LIMIT = 2.5  # seconds
_PAUSE = 0.02


def outcome(inputs: list[str]) -> dict[str, Any]:
    """How `inputs` end here, as the file says it."""
    command = [sys.executable, __file__, "--child", json.dumps(inputs)]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as child:
        try:
            said = child.communicate(timeout=_LIMIT)[0]
        except subprocess.TimeoutExpired:
            child.kill()
            said = child.communicate()[0]
    *_, last = said.decode().splitlines()
    report: dict[str, Any] = json.loads(last)
    return report


def _run_all(inputs: list[str]) -> None:
    """Run `inputs` in this process; a line of JSON before each and in the end, the last counts."""
    report = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def say(result: str, **more: object) -> None:
        print(json.dumps({"result": result, **more}), file=report, flush=True)

    async def session() -> None:
        for number, text in enumerate(inputs):
            say("hang", stage="run", input=number)
            stage, error = await _execute(text, f"<input {number + 1}>", namespace)
            if error is not None:
                say("error", stage=stage, input=number, type=type(error).__name__)
                return
            await asyncio.sleep(_PAUSE)
        say("none")

    module = sys.modules["__main__"] = types.ModuleType("__main__")
    namespace = vars(module)
    namespace.update(asyncio=asyncio, __builtins__=builtins)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.run_until_complete(session())
    os._exit(0)  # whatever still runs


async def _execute(
    text: str, filename: str, namespace: dict[str, Any]
) -> tuple[str, BaseException | None]:
    """Run one input: how far it came, and its error."""
    stage = "parse"
    try:
        tree = compile(text, filename, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
        stage = "compile"
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        code = compile(ast.Interactive(tree.body), filename, "single", flags, dont_inherit=True)
        stage = "run"
        result = await _called(types.FunctionType(code, namespace))
        if code.co_flags & inspect.CO_COROUTINE:
            await asyncio.create_task(result)
    except BaseException as error:
        return stage, error
    return stage, None


async def _called(function: Any) -> Any:
    """What `function` gives, called in a callback of the loop."""
    ended: asyncio.Future[tuple[Any, BaseException | None]]
    ended = asyncio.get_running_loop().create_future()

    def call() -> None:
        try:
            ended.set_result((function(), None))
        except BaseException as error:
            ended.set_result((None, error))  # as a result: a future takes no StopIteration

    asyncio.get_running_loop().call_soon(call)
    result, error = await ended
    if error is not None:
        raise error
    return result


def _note(snippet: dict[str, Any], found: dict[str, Any]) -> str | None:
    """Write `found` into the file's `snippet`: what is new about it, for somebody to read."""
    known, wrong = snippet["outcome"], snippet["wrong_in"]
    before = known.get(_VERSION)
    known[_VERSION] = found
    older = [version for version in known if _number(version) < _number(_VERSION)]
    if before is None and older:
        newest = max(older, key=_number)
        before = known[newest]
        if found == before and newest in wrong:
            wrong.append(_VERSION)
    return None if found == before else f"{snippet['id']}: {found}, before {before}"


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def main(*arguments: str) -> int:
    """Run the snippets; the exit status."""
    entries = json.loads(_DATA.read_text("utf-8"))
    names = {each for each in arguments if not each.startswith("-")}
    snippets = [
        snippet
        for entry in entries
        for snippet in entry["snippets"]
        if not names or names & {entry["id"], snippet["id"]}
    ]
    if unknown := names - {
        each["id"] for entry in entries for each in (entry, *entry["snippets"])
    }:
        print(f"not in {_DATA.name}: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(lambda snippet: outcome(snippet["inputs"]), snippets)
        news = [_note(*pair) for pair in zip(snippets, found, strict=True)]
    print(*filter(None, news), f"Python {_VERSION}: {len(snippets)} snippets", sep="\n")
    if "--write" in arguments:
        _DATA.write_text(json.dumps(entries, indent=1, ensure_ascii=False), "utf-8")
    return 1 if any(news) else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        _run_all(json.loads(sys.argv[2]))
    sys.exit(main(*sys.argv[1:]))
