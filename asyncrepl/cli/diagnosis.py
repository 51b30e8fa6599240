"""``asyncrepl explain``: run a program, and report its first error or misuse.

The answer goes to a copy of the descriptor that standard output had in the beginning: a program
may replace or close ``sys.stdout``. For a program that reads it (``--json``), nothing else may
come there: not what is printed at exit, by a thread or by a subprocess. So descriptor 1 then is
standard error, where it can still be read and is in nobody's way. What does not work: to replace
``sys.stdout``, which a subprocess does not know; and to hold back what is printed until the end,
which a program that never ends does not reach.

What is reported is the error that ended the program; where that is not about async iteration or
there is none, it is the first misuse that was found, whoever found it.
"""

from __future__ import annotations

import ast
import contextlib
import fcntl
import io
import json
import linecache
import os
import sys
import threading
import tokenize
import traceback
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Any, NamedTuple

from asyncrepl.cli.endless_programs import ProgramEndedError, end_waiting, watched_for_end
from asyncrepl.cli.plain_session import run_program
from asyncrepl.engine.loop.loop_shutdown import threads_waited_for
from asyncrepl.engine.loop.waiting_threads import (
    has_own_threads,
    keeping_thread,
    loops_run_on,
    wait_for_own_threads,
    waits_for_ever,
)
from asyncrepl.engine.tasks.task_findings import (
    left_at_the_end,
    unrun_findings,
    unseen_failure,
)
from asyncrepl.events.findings import Finding, code_of_whole_text
from asyncrepl.events.object_info import describe
from asyncrepl.instrument.compilation import needs_loop
from asyncrepl.runtime.process import INTERRUPTED
from asyncrepl.session.frontend import Console
from asyncrepl.session.shell import open_shell
from asyncrepl.session.user_modules import MODULE_RUNNER, LoadError, UserModuleFinder, read_text
from asyncrepl.syntax.names import asks_time, compares_times
from asyncrepl.syntax.parsed_input import decode_failure, decoded
from asyncrepl.views.diagnosis_patch import DiagnosedProgram, diagnosis_lines
from asyncrepl.views.error_lines import error_lines
from asyncrepl.views.task_table import waits_in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from asyncrepl.engine.loop.loop_clock import Clock
    from asyncrepl.engine.statements import Outcome
    from asyncrepl.explain.explanation import Explanation, Fix
    from asyncrepl.session.shell import Shell
    from asyncrepl.views.styled_lines import Line

#: Seconds after which a thread that waits where it did is taken to wait for ever, and how often
#: that is looked at.
_PATIENCE, _LOOKS = 0.5, 3
#: The least number for a descriptor of ours.
_HIGH_DESCRIPTOR = 100


class Program(NamedTuple):
    """The code to explain, and its `arguments`, the words of ``sys.argv``.

    `path` is its file, None where it came by standard input or runs `module`, by name.
    """

    text: str
    path: Path | None = None
    arguments: tuple[str, ...] = ()
    module: str = ""

    @property
    def filename(self) -> str:
        """What its tracebacks call it."""
        if self.module:
            return MODULE_RUNNER
        return "<stdin>" if self.path is None else str(self.path)

    @property
    def folder(self) -> str:
        """Where it imports from first."""
        return "" if self.path is None else str(self.path.resolve().parent)

    @property
    def argv(self) -> list[str]:
        """What ``sys.argv`` is where it begins; a module's own name is put there by `runpy`."""
        return ["-" if self.path is None else str(self.path), *self.arguments]


@dataclass(slots=True)
class Diagnosis:
    """What came of a program; `shown` is its error as Python tells it.

    `more` are the explanations of its other mistakes, and `verified` says whether the corrected
    program runs as it should, if that was tried: `problem` says what is wrong then. `ended` says
    that it would never have ended by itself, `waits` where its tasks waited when it ended.
    """

    status: int = 0
    error: BaseException | None = None
    explanation: Explanation | None = None
    shown: Sequence[Line] = ()
    more: tuple[Explanation, ...] = ()
    verified: bool | None = None
    problem: str = ""
    ended: bool = False
    waits: tuple[str, ...] = ()

    @property
    def explanations(self) -> tuple[Explanation, ...]:
        """All there are, that of its error or first misuse before the others."""
        return () if self.explanation is None else (self.explanation, *self.more)

    @property
    def fix(self) -> Fix | None:
        """The correction of all its mistakes, as far as they can be put right."""
        fixes = [each.fix for each in self.explanations if each.fix is not None]
        return fixes[-1] if fixes else None

    @property
    def interrupted(self) -> bool:
        """Whether a Ctrl-C has ended it."""
        return isinstance(self.error, KeyboardInterrupt)


def read_program(file: str | None, arguments: Sequence[str] = ()) -> Program:
    """The program in `file`, or on standard input for ``-`` and None, with its `arguments`.

    Raises LoadError, in one line, where there is none.
    """
    if file is not None and file != "-":
        return Program(read_text(Path(file)), Path(file), tuple(arguments))
    if sys.stdin is None or (file is None and sys.stdin.isatty()):
        raise LoadError("explain takes a FILE, or code on standard input")
    try:
        data = sys.stdin.buffer.read()
        text = decoded(data, "<stdin>")
    except SyntaxError as error:
        raise LoadError(f"standard input {decode_failure(data, error)}") from None
    except OSError as error:
        raise LoadError(f"cannot read standard input: {error.strerror}") from None
    if not text.strip():
        raise LoadError("there is no code on standard input")
    return Program(text, None, tuple(arguments))


def explain_program(
    program: Program,
    *,
    as_json: bool,
    color: bool,
    whole: bool = False,
    every: bool = False,
    continue_with_fix: Callable[[Diagnosis, Program], object] | None = None,
) -> int:
    """Run `program` and tell its first error or misuse; 0, or 130 after Ctrl-C.

    What is to be changed is told as a patch, in the encoding of the file, or as the `whole`
    program. `continue_with_fix` is called with what was found, to add what the corrected program
    does; with `every`, JSON has all the mistakes that it finds.
    """
    process = os.getpid()
    width = os.get_terminal_size(1).columns if os.isatty(1) else None
    encoding = "utf-8" if width is not None or as_json else _encoding(program)
    # Not the next one that is free: a program may show which its first socket gets.
    number = fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, _HIGH_DESCRIPTOR)
    with os.fdopen(number, "w", encoding=encoding, errors="backslashreplace") as answer:
        if as_json:
            os.dup2(2, 1)
        found = diagnose(program)
        if os.getpid() != process:
            return found.status  # a child that the program has forked: its parent tells
        if found.error is None and found.explanation is None:
            wait_for_own_threads()  # what they print comes first
        with contextlib.suppress(Exception):  # its streams are whatever it made of them
            sys.stdout.flush()
            sys.stderr.flush()
        if continue_with_fix is not None:
            continue_with_fix(found, program)
        if as_json:
            answer.write(json.dumps(diagnosis_as_object(found, program, every=every)) + "\n")
        else:
            # A patch is of bytes, also of those that no screen should get.
            raw = not os.isatty(answer.fileno())
            Console(answer, color=color, raw=raw).show(
                *_as_lines(found, program, width, whole=whole)
            )
    status = INTERRUPTED if found.interrupted else 0
    threads = threads_waited_for()
    if threads and (found.ended or (found.interrupted and any(map(waits_for_ever, threads)))):
        os._exit(status)  # Python would wait for them
    return status


def diagnose(program: Program, clock: Clock | None = None) -> Diagnosis:
    """Run `program` in this process, whose streams it uses, and say what came of it.

    It lives on `clock`, or in real time.
    """
    found = Diagnosis()
    perhaps: Explanation | None = None

    def failed(outcome: Outcome, explanation: Explanation | None) -> None:
        if isinstance(outcome.error, ProgramEndedError):
            found.ended = True
            interrupt = outcome.error.__context__
            if not isinstance(interrupt, KeyboardInterrupt):
                return  # out of the program's own asyncio.run
            outcome = outcome._replace(error=interrupt)
        found.error, found.explanation = outcome.error, explanation
        found.shown = error_lines(outcome)  # now: its source is known

    try:
        with open_shell(Console(sys.stdout, sys.stderr), clock=clock) as shell:
            told = shell.explained
            shell.outcomes.show_error = failed
            shell.narrator.listen()
            shell.mistake_reporter.stuck, shell.mistake_reporter.silent = end_waiting, True
            shell.loop.live.findings.patient = True
            folder = None if program.path is None else str(program.path.parent)
            ended = watched_for_end(shell)
            with ended as last, UserModuleFinder(shell.session.sources, folder):
                status = run_program(shell, program.text, program.filename)
            found.status = 0 if found.ended else status
            waits = last.now if found.error is not None else last.left
            found.waits = tuple(waits_in_words(waits))
            shell.leak_reporter.explain_thread_errors()
            if found.error is not None:
                # What is noticed from now on may come of it: an error leaves things undone.
                found.explanation = found.explanation or shell.first
            else:
                found.ended |= _look_at_the_end(shell, program)
            perhaps = _tentative_explanation(shell)  # while its source is known
    except ProgramEndedError:
        found.error, found.shown, found.ended = None, (), True  # the session's end cancelled it
    if found.error is None:
        found.explanation = _weightiest(told, shell.first) or perhaps
    found.more = tuple(each for each in told if each != found.explanation)
    _correct_together(found, program)
    return found


def _correct_together(found: Diagnosis, program: Program) -> None:
    """Have one correction put right all that it can, and each thing be said once."""
    fix = found.explanation.fix if found.explanation is not None else None
    if found.explanation is not None and fix is not None and fix.filename == program.filename:
        from asyncrepl.explain.verified_fixes import with_equals

        found.explanation = with_equals(found.explanation, found.more, program.text)
    if program.module and found.explanation is not None:
        found.explanation, *more = _together(found.explanations)
        found.more = tuple(more)
    said = {(each.id, each.why): each for each in reversed(found.explanations)}
    found.more = tuple(each for each in found.more if said[each.id, each.why] is each)


def _together(told: Sequence[Explanation]) -> list[Explanation]:
    """`told` of a module, as of its tests, each of which has failed by itself: one correction."""
    from asyncrepl.explain.verified_fixes import together

    names = {name for each in told if each.fix is not None for name in each.fix.texts}
    contents = {name: io.StringIO(_content(name).lstrip("\ufeff"), None) for name in names}
    return together(list(told), {name: text.read() for name, text in contents.items()})


def _weightiest(told: Sequence[Explanation], first: Explanation | None) -> Explanation | None:
    """What is told of a program that ended: what never ran comes before what took long."""
    slow = first is not None and first.id == "blocking-call-in-async-for"
    never = [each for each in told if each.id == "coroutine-never-awaited-in-body"]
    return never[0] if slow and never else first


def _look_at_the_end(shell: Shell, program: Program) -> bool:
    """See what a program that ended without an error has left undone, the surest first.

    Whether that is a thread without whose end Python does not end.
    """
    mistakes = shell.mistake_reporter
    shell.loop.live.findings.end()
    mistakes.look()
    if shell.first is None:
        tasks, coroutines = left_at_the_end()
        if unrun_findings(tasks, coroutines) and _threads_begin():
            tasks, coroutines = left_at_the_end()
        coroutines = [] if loops_run_on() else coroutines  # they may be on their way there
        failed = [each for each in tasks if unseen_failure(each) is not None]
        told = mistakes.tell_lost_errors(failed)
        unseen = [] if told else list(filter(None, map(unseen_failure, failed)))
        mistakes.tell((*unseen, *unrun_findings(tasks, coroutines)))
    kept = shell.first is None and _waits_for_thread(shell, program)
    if shell.first is None and program.path is not None and needs_loop(program.text):
        whole = code_of_whole_text(program.filename)
        mistakes.tell([Finding("started", describe(None), whole, 0)])
    return kept


def _threads_begin() -> bool:
    """Give threads time to run what was handed to them; whether there are any."""
    given = threading.active_count() > 1
    if given:
        sleep(_PATIENCE / 10)  # one that was only just started waits for its turn
    if has_own_threads():
        sleep(_PATIENCE)
    return given


def _waits_for_thread(shell: Shell, program: Program) -> bool:
    """Look if Python would wait for a thread that never ends; whether that was told."""
    held: Finding | None = None
    for _ in range(_LOOKS if has_own_threads() else 0):
        before, held = held, keeping_thread(program.filename)
        if held is not None and held == before:
            shell.loop.live.findings.closed = False  # it does not come of the end
            shell.mistake_reporter.tell([held])
            break
        sleep(_PATIENCE)  # it may be about to begin, or to end
    return shell.first is not None


def _tentative_explanation(shell: Shell) -> Explanation | None:
    """What may be meant just so; told to an author who asks how long it takes.

    That a source waits while the body does, only to one who compares that with what he expected.
    """
    trees = [source.tree for source in shell.session.sources.values() if source.tree is not None]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    found = shell.mistake_reporter.asked() if any(map(asks_time, nodes)) else None
    if found is not None and found.id == "async-generator-runs-ahead":
        return found if compares_times(nodes) else None
    return found


def _encoding(program: Program) -> str:
    """The encoding of the program's file, as its first lines tell it."""
    with contextlib.suppress(OSError, SyntaxError):
        if program.path is not None:
            with program.path.open("rb") as file:
                return tokenize.detect_encoding(file.readline)[0].replace("utf-8-sig", "utf-8")
    return "utf-8"


def _content(filename: str) -> str:
    """What stands in a file, with its own line ends and the mark at its beginning."""
    try:
        data = Path(filename).read_bytes()
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return data.decode(encoding.replace("utf-8-sig", "utf-8"))
    except (OSError, SyntaxError, ValueError):  # it is gone, or in no file
        return "".join(linecache.getlines(filename))


def _as_lines(found: Diagnosis, program: Program, width: int | None, *, whole: bool) -> list[Line]:
    fix = found.fix
    names = [name for name in (fix.texts if fix is not None else ()) if not name.startswith("<")]
    return diagnosis_lines(
        found.shown,
        found.explanations,
        DiagnosedProgram(
            program.filename,
            program.text,
            {name: _content(name) for name in names},
            found.status,
            found.waits if found.error is None or found.interrupted else (),
        ),
        width,
        whole=whole,
        interrupted=found.interrupted,
        problem=None if found.verified is None else found.problem,
    )


def diagnosis_as_object(
    found: Diagnosis, program: Program, *, every: bool = False
) -> dict[str, Any]:
    """What ``--json`` prints, as in the specification of the command; with `every`, all of it."""
    error, told = found.error, [_explanation_object(each, program) for each in found.explanations]
    if told:
        told[-1 if every else 0]["verified"] = found.verified
    answer = {
        "error": None if error is None else _error_object(error, program),
        "explanation": told[0] if told else None,
    }
    return {**answer, "explanations": told} if every else answer


def _error_object(error: BaseException, program: Program) -> dict[str, Any]:
    message = error.msg if isinstance(error, SyntaxError) else error
    try:
        text = str(message)
    except Exception:
        text = "<exception cannot be shown>"
    return {"type": type(error).__name__, "message": text, "line": _line(error, program)}


def _line(error: BaseException, program: Program) -> int:
    """The innermost line of the program that the error passed."""
    if isinstance(error, SyntaxError) and error.filename == program.filename and error.lineno:
        return error.lineno
    passed = 1
    for frame, line in traceback.walk_tb(error.__traceback__):
        passed = line if frame.f_code.co_filename == program.filename else passed
    return passed


def _explanation_object(explanation: Explanation, program: Program) -> dict[str, Any]:
    texts = explanation.fix.texts if explanation.fix is not None else {}
    return {
        **{name: getattr(explanation, name) for name in ("id", "title", "step", "why")},
        # A correction of other files, too, is none of this one alone.
        "fix": texts[program.filename] if set(texts) == {program.filename} else None,
        "verified": None,
    }
