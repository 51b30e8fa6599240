"""Asks for the explanation of all that goes wrong in one module of CPython's tests.

``silence_of_module.py MODULE`` runs its tests in this process, compiled as code at the
prompt is. What an ``except`` of the module catches, what ``assertRaises`` meets and
what fails a test is explained as an error at the prompt would be. Prints one JSON
object: how many errors were judged, and each explanation with its place.
"""

from __future__ import annotations

import ast
import builtins
import json
import os
import sys
import unittest
import unittest.case
from collections import Counter
from typing import TYPE_CHECKING, Any

import observed

from asyncrepl.events.object_info import refused_operands
from asyncrepl.explain.evidence import gather
from asyncrepl.explain.explainer import explain
from asyncrepl.instrument.compilation import compile_source
from asyncrepl.syntax.parsed_input import parse
from asyncrepl.syntax.sources import Source

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import CodeType

_HANDLED = ".handled"
_ENOUGH = 3


class _Judge:
    """The explanations of what went wrong, by the test it went wrong in."""

    def __init__(self, module: str) -> None:
        self.module = module
        self.sources: dict[str, Source] = {}
        self.errors = 0
        self.told: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.test = ""
        self._busy = False
        self._seen: Counter[tuple[Any, ...]] = Counter()

    def remember(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Keep a text that is being compiled: an audit hook."""
        if event != "compile" or self._busy:
            return
        text, filename = arguments
        if isinstance(text, bytes):
            text = text.decode("utf-8", "replace")
        if isinstance(text, str) and isinstance(filename, str) and filename.startswith("<"):
            self.sources[filename] = Source(filename, text)

    def judge(self, error: BaseException | None) -> None:
        """Ask for the explanation of `error`."""
        if self._busy or not isinstance(error, Exception):
            return
        if self._often(error):
            return
        self._busy = True
        try:
            self.errors += 1
            self._note(error)
        finally:
            refused_operands.clear()
            self._busy = False

    def _often(self, error: Exception) -> bool:
        """Whether errors of one kind at one place of one test were judged often enough."""
        trace, place = error.__traceback__, []
        while trace is not None:
            place.append((trace.tb_frame.f_code, trace.tb_lasti))
            trace = trace.tb_next
        source = self.sources.get(error.filename or "") if isinstance(error, SyntaxError) else None
        text = source.text if source else ""
        key = self.test, type(error), text, *place[-4:]
        self._seen[key] += 1
        return self._seen[key] > _ENOUGH

    def _note(self, error: Exception) -> None:
        sources = dict(self.sources)
        if isinstance(error, SyntaxError) and error.filename in sources:
            given = sources[error.filename]
            tree = _tree(given.text)
            sources[error.filename] = Source(given.filename, given.text, tree)
        found = explain(gather(error, sources, refused_operands), strict=True)
        if found is not None:
            key = self.test, found.id, found.why
            place = _lines(error, self.sources)
            self.told.setdefault(
                key,
                {
                    "test": self.test,
                    "id": found.id,
                    "why": found.why,
                    "error": f"{type(error).__name__}: {error}",
                    "place": place,
                },
            )


def _tree(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _lines(error: BaseException, sources: dict[str, Source]) -> list[str]:
    """The lines of the module that the error passed."""
    found, trace = [], error.__traceback__
    if isinstance(error, SyntaxError) and error.filename in sources:
        found += sources[error.filename].text.split("\n")[:8]
    while trace is not None:
        source = sources.get(trace.tb_frame.f_code.co_filename)
        if source is not None:
            number = trace.tb_lineno
            lines = source.text.split("\n")
            found.append(f"{number}: {lines[number - 1].strip()}" if number <= len(lines) else "")
        trace = trace.tb_next
    return found


class _Handlers(ast.NodeTransformer):
    """Lets each ``except`` begin with a call of the judge."""

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        self.generic_visit(node)
        call = ast.Expr(ast.Call(ast.Name(_HANDLED, ast.Load()), [], []))
        ast.copy_location(call, node.body[0])
        node.body.insert(0, ast.fix_missing_locations(call))
        return node


class _Loader(observed.Loader):
    judge: _Judge

    def get_code(self, fullname: str) -> CodeType:
        from pathlib import Path

        text = Path(self.get_filename(fullname)).read_text(encoding="utf-8")
        tree = parse(text, self.path)
        self.judge.sources[self.path] = Source(self.path, text, tree)
        changed = _Handlers().visit(parse(text, self.path))
        return compile_source(Source(self.path, text, changed), "exec")


class _Finder(observed.Finder):
    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:  # type: ignore[override]
        spec = super().find_spec(name, path, target)
        if spec is not None and spec.origin is not None:
            spec.loader = _Loader(name, spec.origin)
        return spec


class _Result(unittest.TestResult):
    def __init__(self, judge: _Judge) -> None:
        super().__init__()
        self.judge = judge

    def startTest(self, test: Any) -> None:  # noqa: N802
        self.judge.test = test.id()
        super().startTest(test)

    def addError(self, test: Any, err: Any) -> None:  # noqa: N802, ARG002
        self.judge.judge(err[1])

    def addFailure(self, test: Any, err: Any) -> None:  # noqa: N802, ARG002
        self.judge.judge(err[1])


def _listen(judge: _Judge) -> None:
    vars(builtins)[_HANDLED] = lambda: judge.judge(sys.exception())
    context: Any = unittest.case._AssertRaisesContext  # type: ignore[attr-defined]
    leave = context.__exit__

    def leave_judged(self: Any, kind: Any, error: Any, trace: Any) -> Any:
        judge.judge(error)
        return leave(self, kind, error, trace)

    context.__exit__ = leave_judged
    sys.addaudithook(judge.remember)


def main(module: str) -> None:
    """Run the tests of `module`; what they print goes to stderr."""
    answer = os.dup(1)
    os.dup2(2, 1)
    judge = _Judge(module)
    _Loader.judge = judge
    sys.meta_path.insert(0, _Finder(module))
    _listen(judge)
    result = _Result(judge)
    unittest.defaultTestLoader.loadTestsFromName(module).run(result)
    with os.fdopen(answer, "w") as out:
        json.dump(
            {"tests": result.testsRun, "errors": judge.errors, "told": list(judge.told.values())},
            out,
        )
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
