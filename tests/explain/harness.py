"""Runs the inputs of a snippet as a prompt would, and asks for the explanation of what fails."""

from __future__ import annotations

import ast
import asyncio
import builtins
import contextlib
import difflib
import inspect
import io
import json
import signal
import sys
import types
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asyncrepl.engine.iteration.tracer import Tracer
from asyncrepl.engine.loop.live_loop import LiveLoop, ObservationRequests
from asyncrepl.engine.loop.loop_clock import Clock
from asyncrepl.events.object_info import refused_operands
from asyncrepl.explain.evidence import gather, gather_value
from asyncrepl.explain.explainer import explain
from asyncrepl.instrument.compilation import compile_source
from asyncrepl.syntax.parsed_input import syntax_tree
from asyncrepl.syntax.sources import Source

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable

    from asyncrepl.explain.explanation import Explanation

DATA = Path(__file__).parents[1] / "data"
VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"


def load(name: str) -> list[dict[str, Any]]:
    """The entries of a data file."""
    entries: list[dict[str, Any]] = json.loads((DATA / f"{name}.json").read_text("utf-8"))
    return entries


def judged_as(known: Iterable[str], version: str = VERSION) -> str:
    """The version of Python whose outcomes are expected of `version`, of those that are `known`.

    Of one that nobody has tried yet, those of the newest before it.
    """
    numbers = {tuple(map(int, each.split("."))): each for each in known}
    wanted = tuple(map(int, version.split(".")))
    return numbers[max((each for each in numbers if each <= wanted), default=min(numbers))]


def _future_takes_stop_iteration() -> bool:
    """Whether a future turns StopIteration into an error; before Python 3.12.4 it refused it."""
    loop = asyncio.new_event_loop()
    future = loop.create_future()
    try:
        future.set_exception(StopIteration())
    except TypeError:
        return False
    finally:
        loop.close()
    return future.exception() is not None


#: What was recorded on newer patches of 3.12 than the one that runs.
_AS_BEFORE = (
    {} if _future_takes_stop_iteration() else {"stopiteration-out-of-a-thread#next": "3.11"}
)


def result_of(snippet: dict[str, Any]) -> str:
    """How a snippet of the catalogue ends on this Python: "error", "none" or "hang"."""
    result: str = snippet["outcome"][_judged(snippet)]["result"]
    return result


def goes_wrong(snippet: dict[str, Any]) -> bool:
    """Whether a snippet of the catalogue is a mistake on this Python."""
    return _judged(snippet) in snippet["wrong_in"]


def _judged(snippet: dict[str, Any]) -> str:
    return _AS_BEFORE.get(snippet["id"]) or judged_as(snippet["outcome"])


@dataclass
class Report:
    """What happened to a row of inputs."""

    error: BaseException | None = None
    failed: int | None = None
    printed: str = ""
    events: list[str] = field(default_factory=list)
    explanation: Explanation | None = None
    sources: dict[str, Source] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """No error, no warning, nothing in the loop's log."""
        return self.error is None and not self.events


class Prompt:
    """A namespace and the sources typed into it."""

    def __init__(self, *, instrumented: bool = True) -> None:
        self.namespace: dict[str, Any] = {
            "__name__": "__main__",
            "__builtins__": builtins,
            "asyncio": asyncio,
        }
        self.sources: dict[str, Source] = {}
        self.instrumented = instrumented
        self.last: object = None

    def load(self, text: str) -> None:
        """Make the module ``shop`` of `text`, as a file that is loaded."""
        module = sys.modules["shop"] = types.ModuleType("shop")
        with contextlib.suppress(Exception):
            source = self.sources["/shop.py"] = Source("/shop.py", text, ast.parse(text))
            exec(compile_source(source, "exec"), vars(module))

    async def run(self, inputs: list[str]) -> Report:
        """Run `inputs` until one fails."""
        report = Report(sources=self.sources)
        asyncio.get_running_loop().set_exception_handler(
            lambda _loop, context: report.events.append(str(context.get("message")))
        )
        out = io.StringIO()
        module = types.ModuleType("__main__")
        real, sys.modules["__main__"] = sys.modules["__main__"], module
        with contextlib.redirect_stdout(out), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for number, text in enumerate(inputs):
                if not await self._one(number, text, report):
                    break
                await asyncio.sleep(0)
            await asyncio.sleep(0)
        sys.modules["__main__"] = real
        report.printed = out.getvalue()
        report.events += [str(each.message) for each in caught]
        return report

    async def _one(self, number: int, text: str, report: Report) -> bool:
        filename = f"<input {number + 1}>"
        hook, sys.displayhook = sys.displayhook, self._display
        self.last = None
        try:
            await asyncio.wait_for(self._execute(filename, text), 2)
        except Exception as error:
            report.error, report.failed = error, number
            evidence = gather(_trimmed(error), self.sources, refused_operands, self.namespace)
            report.explanation = explain(evidence, strict=True)
            return False
        finally:
            sys.displayhook = hook
            refused_operands.clear()
        evidence = gather_value(self.last, self.sources, filename, self.namespace)
        if report.explanation is None:
            report.explanation = explain(evidence, strict=True)
        return True

    async def _execute(self, filename: str, text: str) -> None:
        self.sources[filename] = Source(filename, text)
        tree = syntax_tree(text, filename)
        self.sources[filename] = Source(filename, text, tree)
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        code = compile(ast.Interactive(tree.body), filename, "single", flags, dont_inherit=True)
        if self.instrumented:
            code = compile_source(self.sources[filename], "single")
        result = types.FunctionType(code, self.namespace)()
        if inspect.iscoroutine(result):
            await result

    def _display(self, value: object) -> None:
        if value is not None:
            self.last = value
            print(repr(value))


def _trimmed(error: BaseException) -> BaseException:
    trace = error.__traceback__
    while trace is not None and not trace.tb_frame.f_code.co_filename.startswith("<input"):
        trace = trace.tb_next
    return error.with_traceback(trace) if trace is not None else error


def run(
    inputs: list[str],
    *,
    instrumented: bool = True,
    traced: bool = False,
    virtual: bool = False,
    module: str | None = None,
) -> Report:
    """Run `inputs` at a prompt of their own; `traced`, on a loop where everything is observed.

    `virtual`, on a clock that jumps: however busy the machine is, the same is done first.
    `module` is the text of a module ``shop``, loaded before.
    """

    async def session() -> Report:
        prompt = Prompt(instrumented=instrumented)
        if module is not None:
            prompt.load(module)
        return await prompt.run(inputs)

    before = signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(5)  # a wrong fix may never end, and never suspend either
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            if traced:
                return _traced(session())
            if virtual:
                return _virtual(session())
            return asyncio.run(session())
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _traced(session: Coroutine[Any, Any, Report]) -> Report:
    loop = LiveLoop()
    tracer = Tracer(loop)
    tracer.start(ObservationRequests(loop).want("test"))
    try:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            return runner.run(session)
    finally:
        tracer.stop()


def _virtual(session: Coroutine[Any, Any, Report]) -> Report:
    with asyncio.Runner(loop_factory=lambda: LiveLoop(Clock.virtual())) as runner:
        return runner.run(session)


def _too_long(_number: int, _frame: object) -> None:
    raise TimeoutError("the snippet does not end")


def corrected(inputs: list[str], explanation: Explanation) -> list[str]:
    """`inputs` with the fix in their places."""
    texts = explanation.fix.texts if explanation.fix else {}
    return [texts.get(f"<input {n + 1}>", text) for n, text in enumerate(inputs)]


def driver(inputs: list[str], reference: list[str]) -> list[str]:
    """What a reference fix appends to show that it works."""
    added: list[str] = []
    matcher = difflib.SequenceMatcher(None, inputs, reference, autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag in ("insert", "replace") and j2 - j1 > i2 - i1:
            added += reference[j1 + (i2 - i1) : j2] if tag == "replace" else reference[j1:j2]
    return added


def explained(*inputs: str) -> Explanation | None:
    """The explanation of what goes wrong in `inputs`."""
    return run(list(inputs)).explanation
