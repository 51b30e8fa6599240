"""Programs rebuilt from public reports: what they must be told, and whether the correction holds.

``tests/data/reports`` has them, and ``tests/data/shapes`` what was written to make the mistakes of
the catalogue in other shapes. A file holds what one id explains, and is called so; ``right_….txt``
are right programs that look suspicious, ``not_told.txt`` known misses.

An entry is ``== name | source``, then ``cause:``, what the title and the reason must say, of
`CAUSES` or as a pattern; ``fix:``, ``required``, ``optional`` or ``none``; ``prints:``, what the
right program prints, in this order; then the program. A line that begins with ``-`` is only in the
wrong program, one with ``+`` only in the right one. Where lines of ``%%`` part it, its parts are
typed at a prompt, one after the other.

As a script: ``PYTHONPATH=tests python tests/explain/reports.py [NAME …]`` prints what is wrong
and the figures.
"""

from __future__ import annotations

import contextlib
import gc
import io
import json
import os
import re
import signal
import sys
import tempfile
import threading
import types
import warnings
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from explain.harness import DATA, corrected
from explain.silent import observed

from asyncrepl.cli.diagnosis import Program, diagnose, diagnosis_as_object
from asyncrepl.terminal.own_modules import module_names
from asyncrepl.views.styled_lines import python_lexer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Case", "Verdict", "cases", "judge"]

_NOT_AWAITED = (
    r"(is|are) not awaited|(not|n't|never) (to )?be awaited|not (an )?awaitable|"
    r"nothing to (a)?wait|no `?__await__|(drop|remove|leave out).{0,12}await|"
    r"(plain|\bsync\w*|ordinary) (function|method|call|value|object)"
)
#: What the title and the reason must say, in a word or two.
CAUSES = {
    "unawaited": (
        r"coroutine.*await|await.*coroutine|(never|was not|wasn't|not yet|nobody) await|"
        r"call.{0,30}without.{0,5}await|(missing|forg\w+|needs|lacks).{0,15}await|"
        r"(has to|must|should|is to) be awaited"
    ),
    "not-awaitable": _NOT_AWAITED,
    "walk": r"async for|__aiter__|async.{0,12}(iter|generator)",
    "context": r"context manager|async with",
    "generator-entered": (
        r"async.{0,12}generator.*(asynccontextmanager|context manager|async for|async with)|"
        r"(asynccontextmanager|context manager|async with).*async.{0,12}generator"
    ),
    "sync-stream": (
        r"(plain|\bsync\w*|ordinary|regular) (generator|iterator|iterable)|no `?__a(next|iter)__"
    ),
    "timeout-ends": (
        r"(timeout|time-?out|cancel).*(finish|end|clos|kill|over|lost|loses|stop)|"
        r"(finish|end|clos|kill|lost|stop).*(timeout|cancel)"
    ),
    "concurrent-steps": (
        r"at (the same|a) time|at once|concurrent|still (in|running)|one (step )?at a time|"
        r"(another|other) task"
    ),
    "awaited-twice": r"(only|once|again|twice|second time|already).{0,40}|cannot be awaited again",
    "mock": r"mock",
    "cache": r"cache",
    "task": r"task",
    "block": r"block|time\.sleep|to_thread|in a thread",
}  # fmt: skip
_UNCLEAN = re.compile(
    r"Traceback|never (awaited|retrieved)|destroyed but|exception ignored|LOOP error|occurred|"
    r"^\w+(Error|Warning|Iteration)(: |$)",
    re.IGNORECASE | re.MULTILINE,
)
#: After so many seconds what goes on for ever is interrupted.
_PATIENCE = 20.0
#: What stands between two inputs.
_NEXT = "%%\n"


@dataclass(frozen=True)
class Case:
    """One program: as it was written, and as it should be."""

    name: str
    source: str
    cause: str
    fix: str
    prints: list[str]
    wrong: str
    right: str

    @property
    def silence_is_right(self) -> bool:
        """Whether it may be told nothing."""
        return self.cause.startswith("silent")

    def names_the_cause(self, text: str) -> bool:
        """Whether the title and the reason say what is the matter."""
        words = re.sub(r"^silent(-or)?", "", self.cause).split(" | ")
        patterns = [CAUSES.get(word.strip(), word.strip()) for word in words]
        return any(each and re.search(f"(?is){each}", text) for each in patterns)


@dataclass(frozen=True)
class Verdict:
    """What came of one program."""

    case: Case
    id: str | None
    cause: bool
    fix: bool | None
    told_when_right: str | None
    note: str = ""

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return self.cause and self.fix is not False and self.told_when_right is None


def cases(*names: str, folder: str = "reports") -> list[Case]:
    """The programs of all files of a folder, or those named."""
    texts = [path.read_text("utf-8") for path in sorted((DATA / folder).glob("*.txt"))]
    entries = [
        entry for text in texts for entry in re.split(r"^== ", text, flags=re.MULTILINE)[1:]
    ]
    return [case for case in map(_case, entries) if not names or case.name in names]


def _case(entry: str) -> Case:
    head, *fields, body = entry.split("\n", 4)
    name, _, source = head.partition(" | ")
    cause, fix, prints = (each.partition(":")[2].strip() for each in fields)
    lines = body.splitlines(keepends=True)
    return Case(
        name, source, cause, fix, [each for each in prints.split(" | ") if each],
        _version(lines, "-"), _version(lines, "+"),
    )  # fmt: skip


def _version(lines: list[str], mark: str) -> str:
    kept = [line for line in lines if line[0] not in "-+" or line[0] == mark]
    return "".join(line.removeprefix(mark) for line in kept)


def judge(case: Case) -> Verdict:
    """Ask what is wrong with the right program, then with the wrong one, and run the correction.

    One process is asked of both: the right one leaves nothing behind, and is asked of first.
    """
    _prepare()
    again, found = _explanations(case.right, case.wrong)
    told = found or {}
    note = _trouble(told["fix"], case.prints) if told.get("fix") else ""
    named = case.names_the_cause(f"{told.get('title')}\n{told.get('why')}")
    cause = named if told else case.silence_is_right
    fix = None
    if case.fix == "required" or (told.get("fix") and case.fix == "optional"):
        fix = bool(told.get("fix")) and not note
    if case.wrong == case.right:
        again = None
    return Verdict(case, told.get("id"), cause, fix, again and again["id"], note)


@cache
def _prepare() -> None:
    """Load here what each of the processes would load, which takes longer than all else."""
    for name in ("unittest.mock", *module_names()):
        with contextlib.suppress(ImportError):  # some are of one Python only
            import_module(name)
    _answer("import asyncio\nasync def f(): pass\nasync def main():\n    for x in f(): pass\n")
    python_lexer()


def _answer(text: str) -> dict[str, Any]:
    if _NEXT in text:
        return _answer_when_typed(text.split(_NEXT))
    program = Program(text)
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        return diagnosis_as_object(diagnose(program), program)


def _answer_when_typed(inputs: list[str]) -> dict[str, Any]:
    found, _ = observed(inputs)
    if found is None:
        return {"explanation": None}
    fix = _NEXT.join(corrected(inputs, found)) if found.fix else None
    told = {"id": found.id, "title": found.title, "why": found.why, "fix": fix}
    return {"explanation": told}


def _explanations(*texts: str) -> list[dict[str, Any] | None]:
    """What a process is told of each of the programs; of one that comes twice, once."""

    def ask() -> None:
        # What goes on for ever is ended by a Ctrl-C, as its user would.
        interrupt = threading.Timer(_PATIENCE, os.kill, (os.getpid(), signal.SIGINT))
        interrupt.daemon, interrupt.name = True, "asyncrepl test"
        interrupt.start()
        told = {text: _answer(text)["explanation"] for text in dict.fromkeys(texts)}
        print(json.dumps([told[text] for text in texts]))

    _, out, err = Child(ask).result()
    assert out, err
    explanations: list[dict[str, Any] | None] = json.loads(out.splitlines()[-1])
    return explanations


def _trouble(code: str, prints: list[str]) -> str:
    """What is wrong with a corrected program: an empty string if nothing is."""

    def execute() -> None:
        if _NEXT in code:
            print(shown := observed(code.split(_NEXT))[1])
            sys.stderr.write(shown)
            return
        warnings.showwarning = _shown
        module = sys.modules["__main__"] = types.ModuleType("__main__")
        exec(compile(code, "program.py", "exec", dont_inherit=True), vars(module))
        vars(module).clear()
        gc.collect()

    status, out, err = Child(execute).result()
    if status or _UNCLEAN.search(err):
        return (re.findall(r"^\S.*", err, re.MULTILINE) or [f"status {status}"])[-1]
    lines = iter(out.splitlines())
    missing = [line for line in prints if line not in lines]
    return f"does not print {missing[0]!r} in its place" if missing else ""


class Child:
    """A process of its own in which `action` runs, a minute long at most."""

    def __init__(self, action: Callable[[], None]) -> None:
        self._streams = [tempfile.TemporaryFile("w+") for _ in range(2)]  # noqa: SIM115
        sys.stdout.flush()
        self._pid = os.fork()
        if not self._pid:
            for number, stream in enumerate(self._streams, 1):
                os.dup2(stream.fileno(), number)
            _act(action)

    def result(self) -> tuple[int, str, str]:
        """Its exit status, its output and its errors, when it has ended."""
        status = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        texts = []
        for stream in self._streams:
            stream.seek(0)
            texts.append(stream.read())
            stream.close()
        return status, texts[0], texts[1]


def _act(action: Callable[[], None]) -> None:
    # Where a Python forgets that; what asks for the processor time of a thread needs it.
    threading.main_thread()._set_native_id()  # type: ignore[attr-defined]
    sys.stdout, sys.stderr = (os.fdopen(os.dup(number), "w") for number in (1, 2))
    sys.unraisablehook, threading.excepthook = sys.__unraisablehook__, threading.__excepthook__
    warnings.simplefilter("default")
    gc.freeze()  # else each collection looks at all that the test runner holds, and copies it
    signal.alarm(60)  # not less: a machine may be busy
    status = 1
    try:
        action()
        status = 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _shown(message: Any, category: type[Warning], filename: str, lineno: int, *_: Any) -> None:
    """What the test runner would have kept for itself."""
    sys.stderr.write(warnings.formatwarning(message, category, filename, lineno))


def _figures(verdicts: list[Verdict]) -> Iterator[str]:
    told = [each for each in verdicts if not each.case.silence_is_right]
    fixes = [each.fix for each in verdicts if each.fix is not None]
    calm = [each for each in verdicts if each.case.silence_is_right]
    yield f"cause {sum(each.cause for each in told)}/{len(told)}"
    yield f"fix {sum(fixes)}/{len(fixes)}"
    yield f"false {sum(not each.cause for each in calm)}/{len(calm)}"
    yield f"told when right {sum(each.told_when_right is not None for each in verdicts)}"


def main() -> None:
    verdicts = []
    for case in (*cases(*sys.argv[1:]), *cases(*sys.argv[1:], folder="shapes")):
        verdicts.append(found := judge(case))
        if not found.good or sys.argv[1:]:
            marks = f"cause {found.cause}, fix {found.fix}, right: {found.told_when_right}"
            print(f"{case.name:34} {marks:40} {found.id} {found.note}", flush=True)
    print(", ".join(_figures(verdicts)))


if __name__ == "__main__":
    main()
