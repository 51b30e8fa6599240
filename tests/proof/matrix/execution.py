"""Running programs in this process: as plain Python does, and as `asyncrepl explain` does.

Everything has a limit of time, and what a program leaves behind is collected and
forgotten before the next one.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import gc
import inspect
import io
import multiprocessing
import signal
import sys
import tempfile
import types
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from support.shells import Typed

from asyncrepl.cli.diagnosis import Program as File
from asyncrepl.cli.diagnosis import diagnose
from asyncrepl.engine.loop.loop_clock import Clock
from asyncrepl.session.frontend import Console
from asyncrepl.session.shell import open_shell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from asyncrepl.explain.explanation import Explanation

__all__ = ["Program", "Said", "explained", "in_processes", "printed"]

Given = TypeVar("Given")
Found = TypeVar("Found")

#: Seconds that one program may take.
_LIMIT = 3.0


@dataclass(frozen=True)
class Program:
    """The text of a program, and its modules by name; `typed` at a prompt, or a file."""

    text: str
    modules: Mapping[str, str] = field(default_factory=dict)
    typed: bool = False

    @property
    def inputs(self) -> list[str]:
        """Its statements, as one types them."""
        lines = self.text.splitlines(keepends=True)
        found = []
        for node in ast.parse(self.text).body:
            first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
            found.append("".join(lines[first - 1 : node.end_lineno]))
        return found


@dataclass(frozen=True)
class Said:
    """What came of a program: the explanation, and the program with the fix in its place."""

    error: str
    explanation: Explanation | None = None
    fixed: Program | None = None


class _TooLongError(BaseException):
    """Out of whatever catches exceptions."""


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    def end(_number: int, _frame: object) -> None:
        raise _TooLongError

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, _LIMIT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def _quiet(out: io.StringIO, err: io.StringIO) -> Iterator[None]:
    """Let all output go to `out` and `err`, also warnings, and what is only said once collected."""
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        warnings.catch_warnings(record=True) as caught,
    ):
        warnings.simplefilter("always", RuntimeWarning)
        yield
        gc.collect()
    err.writelines(f"{each.category.__name__}: {each.message}\n" for each in caught)


@contextlib.contextmanager
def _on_disk(program: Program) -> Iterator[Path]:
    """The file of `program`, beside its modules, which can be imported."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in {**program.modules, "program": program.text}.items():
            Path(folder, f"{name}.py").write_text(text, "utf-8")
        sys.path.insert(0, folder)
        try:
            yield Path(folder, "program.py")
        finally:
            sys.path.remove(folder)
            for name in program.modules:
                sys.modules.pop(name, None)
                sys.path_importer_cache.pop(folder, None)


def printed(program: Program) -> tuple[str, str]:
    """What Python prints of `program`, and what goes wrong meanwhile: nothing, if it is clean."""
    out, err = io.StringIO(), io.StringIO()
    trouble = ""
    with _on_disk(program) as path, _quiet(out, err):
        try:
            with _limited():
                _run(program.text, str(path))
        except _TooLongError:
            trouble = "it does not end"
        except BaseException as error:
            trouble = repr(error)
            error.__traceback__ = None
    return out.getvalue(), trouble or err.getvalue()


def _run(text: str, filename: str) -> None:
    code = compile(text, filename, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    module = types.ModuleType("__main__")
    main, sys.modules["__main__"] = sys.modules["__main__"], module
    try:
        result = types.FunctionType(code, vars(module))()
        if inspect.iscoroutine(result):
            asyncio.run(result)
    finally:
        sys.modules["__main__"] = main


def explained(program: Program) -> Said:
    """What is said of `program`, as a file or at the prompt."""
    out = io.StringIO()
    with _on_disk(program) as path, _quiet(out, out):
        try:
            with _limited():
                return _typed(program, out) if program.typed else _diagnosed(program, path)
        except _TooLongError:
            return Said("it does not end")


def _diagnosed(program: Program, path: Path) -> Said:
    found = diagnose(File(program.text, path))
    error = "" if found.error is None else repr(found.error)
    texts = (
        {}
        if found.explanation is None or found.explanation.fix is None
        else found.explanation.fix.texts
    )
    if not texts:
        return Said(error, found.explanation)
    modules = {
        name: texts.get(str(path.with_name(f"{name}.py")), text)
        for name, text in program.modules.items()
    }
    return Said(error, found.explanation, Program(texts.get(str(path), program.text), modules))


def _typed(program: Program, out: io.StringIO) -> Said:
    inputs = program.inputs
    with open_shell(Console(out), clock=Clock.virtual()) as shell:
        shell.narrator.listen()
        type_in = Typed(shell, out)
        for text in inputs:
            type_in(text)
            if shell.explanation is not None:
                break
        gc.collect()
        type_in("await asyncio.sleep(0)")
        found = shell.explanation or shell.mistake_reporter.asked()
    texts = {} if found is None or found.fix is None else found.fix.texts
    if not texts:
        return Said("", found)
    fixed = [texts.get(f"<input {n}>", text) for n, text in enumerate(inputs, 1)]
    # The prompt has it from the beginning, a file has not.
    fixed = ["import asyncio", *fixed]
    return Said(
        "", found, Program("".join(each.rstrip("\n") + "\n" for each in fixed), program.modules)
    )


def in_processes(work: Callable[[Given], Found], given: Sequence[Given], jobs: int) -> list[Found]:
    """What `work` gives of each, in so many processes; in this one, if one is enough."""
    if jobs == 1:
        return [work(each) for each in given]
    with multiprocessing.get_context("spawn").Pool(jobs, _prepare) as pool:
        return pool.map(work, given, chunksize=16)


def _prepare() -> None:
    gc.collect()
    gc.freeze()  # a collection follows each program: it shall not look at what stays
