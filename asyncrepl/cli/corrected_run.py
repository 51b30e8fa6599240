"""Running a corrected program in a process of its own, to see whether it is right now.

A program has effects, so this is done only where it is asked for. The process lives on a virtual
clock, its input is empty and what it prints goes nowhere; after a time limit it is killed, with
all that it has started. It runs the text as ``asyncrepl explain`` does, in the place of the
file; modules that are corrected as well are imported in their corrected form, probes and all.

What does not work: to write the texts to other files. A program that reads what lies beside it
would fail there, and so would a module that is imported by two names.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from asyncrepl.cli.diagnosis import Program, diagnose
from asyncrepl.explain.explanation import Explanation, Fix
from asyncrepl.runtime.isolation import add_user_folder
from asyncrepl.session.shell import clock_for_settings
from asyncrepl.session.user_modules import corrected_modules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from asyncrepl.cli.diagnosis import Diagnosis

#: The seconds of real time that a program may take.
TIME_LIMIT = 10.0
#: So many mistakes of one program are put right one after the other.
_MAX_ROUNDS = 10
#: As `asyncrepl.__main__`: nothing is imported from the user's folder before that is isolated.
_CHILD_PROGRAM = (
    "from asyncrepl.runtime import isolation\nisolation.begin()\n"
    "from asyncrepl.cli.corrected_run import answer\nanswer()"
)


class CorrectedRun(NamedTuple):
    """What came of running a corrected program.

    `problem` says in a few words why it is not right yet, and is empty if it is; `found` are
    the explanations of what is still wrong with it, the most important first.
    """

    problem: str
    found: tuple[Explanation, ...] = ()

    @property
    def well(self) -> bool:
        """Whether it ran to its end, with no error and no misuse."""
        return not self.problem


def run_corrected(
    program: Program, texts: Mapping[str, str], seconds: float = TIME_LIMIT
) -> CorrectedRun:
    """Run `program` with `texts` in the place of the files so named, for at most `seconds`."""
    request = {
        "path": None if program.path is None else str(program.path),
        "arguments": program.arguments,
        "module": program.module,
        "text": texts.get(program.filename, program.text),
        "modules": {name: text for name, text in texts.items() if name != program.filename},
    }
    with subprocess.Popen(
        [sys.executable, "-c", _CHILD_PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as child:
        try:
            answer, _ = child.communicate(json.dumps(request).encode(), seconds)
        except subprocess.TimeoutExpired:
            return CorrectedRun(f"it did not end within {seconds:g} s")
        finally:
            with suppress(OSError):  # it is gone, and has left nobody
                os.killpg(child.pid, signal.SIGKILL)
    return _run_from_answer(answer)


def _run_from_answer(answer: bytes) -> CorrectedRun:
    try:
        told: dict[str, Any] = json.loads(answer)
    except ValueError:
        return CorrectedRun("it ended the process that ran it")
    found: list[Explanation] = []
    for each in told["found"]:
        texts: list[tuple[str, str]] = list(each.pop("texts").items())
        fix = Fix(*texts[0], tuple(texts[1:])) if texts else None
        found.append(Explanation(**each, fix=fix, also=None, story=""))
    return CorrectedRun(told["problem"], tuple(found))


def continue_with_fix(found: Diagnosis, program: Program, *, every: bool, verify: bool) -> None:
    """Run the corrected `program`, and add what comes of it to what was `found` of it.

    That is, with `verify`, whether it is right now; with `every`, its next mistake, which is
    put right as well, and so on.
    """
    told = [found.explanation] if found.explanation is not None else []
    if every:
        told += [each for each in found.more if each.fix is None]
    for _ in range(_MAX_ROUNDS if every else 1):
        found.more = tuple(told[1:])
        if (fix := found.fix) is None:
            return
        trial = run_corrected(program, fix.texts)
        found.verified, found.problem = (trial.well, trial.problem) if verify else (None, "")
        known = {(each.id, each.why) for each in told}
        new = [each for each in trial.found if (each.id, each.why) not in known]
        if not every or not new:
            return
        told += _with_one_fix(new, fix)
    found.more = tuple(told[1:])


def _with_one_fix(new: list[Explanation], before: Fix) -> list[Explanation]:
    """Those that nothing corrects, and the first that can be corrected; with what is already."""
    fixed = next((each for each in new if each.fix is not None), None)
    told = [each for each in new if each.fix is None]
    if fixed is not None and fixed.fix is not None:
        (name, text), *more = {**before.texts, **fixed.fix.texts}.items()
        told.append(fixed._replace(fix=Fix(name, text, tuple(more))))
    return told


# -- in the process of its own -----------------------------------------------------------


def _run_request(request: dict[str, Any]) -> dict[str, Any]:
    path = None if request["path"] is None else Path(request["path"])
    program = Program(request["text"], path, tuple(request["arguments"]), request["module"])
    add_user_folder(program.folder)
    corrected_modules.update(request["modules"])
    sys.argv = program.argv
    found = diagnose(program, clock=clock_for_settings("virtual", None))
    told = [
        {name: getattr(each, name) for name in ("id", "title", "step", "why")}
        | {"texts": each.fix.texts if each.fix is not None else {}}
        for each in found.explanations
    ]
    problem = _problem(found.error, found.status, found.explanations)
    return {"problem": problem, "found": told}


def _problem(error: BaseException | None, status: int, found: Sequence[Explanation]) -> str:
    if error is not None:
        return f"it ends in {type(error).__name__}"
    if status:
        return f"it ends with exit status {status}"
    return found[0].why if found else ""


def answer() -> None:
    """Run what standard input asks for, tell what came of it, and end the process."""
    request = json.load(sys.stdin)
    out, nowhere = os.dup(1), os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(nowhere, descriptor)
    # Else pytest reads and compiles the tests itself, as they stand in their files.
    os.environ["PYTEST_ADDOPTS"] = f"{os.environ.get('PYTEST_ADDOPTS', '')} --assert=plain"
    process = os.getpid()
    told = json.dumps(_run_request(request)).encode()
    if os.getpid() == process:  # not a child that the program has forked
        os.write(out, told)
    os._exit(0)
