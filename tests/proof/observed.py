"""Putting a process under observation, before CPython's tests are imported.

Each loop that asyncio makes is a `LiveLoop` that records and traces, and the modules
under test are compiled as code at the prompt is. The loops of asyncio's own tests
have a time and a selector of their own and cannot be ours; they get our iteration and
our methods.
"""

from __future__ import annotations

import asyncio
import atexit
import sys
from asyncio import unix_events
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import MethodType
from typing import TYPE_CHECKING, Any

from asyncrepl.engine.iteration.tracer import Tracer
from asyncrepl.engine.loop import observed_iteration as running_once
from asyncrepl.engine.loop.live_loop import LiveLoop, LoopExtension
from asyncrepl.engine.loop.loop_clock import Clock
from asyncrepl.engine.loop.loop_iteration import WatchingSelector
from asyncrepl.engine.tasks.timeline import Timeline
from asyncrepl.events.instrument import Instrument
from asyncrepl.events.iteration_events import Iteration, LoopSite
from asyncrepl.instrument.compilation import compile_source
from asyncrepl.syntax.parsed_input import parse
from asyncrepl.syntax.sources import Source

if TYPE_CHECKING:
    from types import CodeType

    from asyncrepl.events.iteration_events import IterationEvent

__all__ = ["Finder", "Loader", "Seen", "prepare"]


class Seen:
    """What there was to see: an observation that saw nothing proves nothing."""

    def __init__(self) -> None:
        self.timelines: list[Timeline] = []
        self.iterations = 0

    @property
    def slices(self) -> int:
        """How many slices were recorded on all loops."""
        return sum(timeline.count for timeline in self.timelines)


#: Of this process.
_seen = Seen()


def prepare(module: str) -> Seen:
    """Let `module` be compiled and run under observation when it is imported."""
    _make_observed_loops()
    sys.meta_path.insert(0, Finder(module))
    if module.startswith("test.test_asyncio."):
        _observe_test_loops()
    _ObservedLoop.always = _ObservedLoop()
    atexit.register(_ObservedLoop.always.close)
    return _seen


def _make_observed_loops() -> None:
    """Let asyncio make observed loops, by whatever name or policy they are asked for."""
    plain = asyncio.SelectorEventLoop
    for module in (asyncio, unix_events):
        for name in ("SelectorEventLoop", "EventLoop"):  # the second since 3.13
            if vars(module).get(name) is plain:
                setattr(module, name, _ObservedLoop)
        for each in list(vars(module).values()):  # policies, which go in 3.16
            if getattr(each, "_loop_factory", None) is plain:
                each._loop_factory = _ObservedLoop


class _ObservedLoop(LiveLoop):
    """A loop that is recorded and traced from beginning to end.

    One is there `always`, so that what runs without a loop is traced, too.
    """

    always: _ObservedLoop | None = None

    def __init__(self, selector: object = None) -> None:  # noqa: ARG002  ours has its own
        super().__init__()
        timeline = _timeline()
        self.observe(timeline)
        self.tracer = _CountingTracer(self)
        self.live.instruments.add(_View())
        self.tracer.start(timeline)

    def close(self) -> None:
        """As asyncio's own; what is traced ends with the loop."""
        self.tracer.stop()
        if self.always is not None and self.always is not self:
            self.always.tracer.start(self.always.tracer.timeline)
        super().close()


class _CountingTracer(Tracer):
    """A tracer that counts the iterations, and tells also of those that no task makes."""

    def begin(self, *args: Any) -> Any:
        """As a tracer does."""
        _seen.iterations += 1
        return super().begin(*args)

    def _task(self) -> Any:
        return super()._task() or (self if self.on else None)

    def _new_iteration(self, number: int, task: Any, parent: Any, site: LoopSite) -> Iteration:
        if task is self:
            return Iteration(
                number, 0, "", 0 if parent is None else parent.iteration.depth + 1, site
            )
        return super()._new_iteration(number, task, parent, site)


class _View(Instrument):
    """Hears of each step of an iteration, where a view would draw it."""

    def iteration_event(self, event: IterationEvent) -> None:
        """Draw nothing."""


def _timeline() -> Timeline:
    timeline = Timeline(slices=64)
    _seen.timelines.append(timeline)
    return timeline


def _observe_test_loops() -> None:
    """Let the loops that asyncio's tests use run our turns."""
    from test.test_asyncio.utils import TestLoop

    selector = WatchingSelector()  # one is enough: their own is what waits
    plain_init, plain_run_once = TestLoop.__init__, asyncio.BaseEventLoop._run_once

    def init(self: Any, *args: Any) -> None:
        plain_init(self, *args)
        timeline = _timeline()
        timeline.ns = lambda: round(self.time() * 1e9)
        self.live = LoopExtension(Clock.real(), selector, own_fd=-1)
        self.live.timeline = timeline
        timeline.begin(self, self.live.instruments, self.live.findings)
        self.call_soon = MethodType(running_once.call_soon, self)
        self.create_task = MethodType(LiveLoop._create_observed_task, self)

    def run_once(self: Any) -> None:
        (running_once.run_once if isinstance(self, TestLoop) else plain_run_once)(self)

    TestLoop.__init__ = init
    asyncio.BaseEventLoop._run_once = run_once  # type: ignore[method-assign]


class Finder(PathFinder):
    """Finds one module, which is then compiled by us."""

    def __init__(self, module: str) -> None:
        self._module = module

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:  # type: ignore[override]
        """The module's specification, with another loader."""
        if name != self._module:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.origin is not None:
            spec.loader = Loader(name, spec.origin)
        return spec


class Loader(SourceFileLoader):
    """Compiles as the prompt does, and leaves the cache of compiled files alone."""

    def get_code(self, fullname: str) -> CodeType:
        """The instrumented code of the module."""
        text = Path(self.get_filename(fullname)).read_text(encoding="utf-8")
        return compile_source(Source(self.path, text, parse(text, self.path)), "exec")
