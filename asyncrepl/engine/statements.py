"""A session: one namespace, one context, one live loop, statements one after the other.

Every statement runs *on* the loop as a task of its own, also a synchronous one,
so that ``asyncio.create_task(…)`` and ``asyncio.get_running_loop()`` work in it.
The task's coroutine is a small wrapper that keeps the exception. Three reasons
for a wrapper, each of which failed without it:

- a statement that lets StopIteration escape does not turn it into RuntimeError
  from 3.12 on: as a task of its own it never ends (3.12) or ends with a message
  about futures (3.13); awaited by a coroutine it is converted everywhere;
- KeyboardInterrupt and SystemExit leave ``run_forever`` when a task raises
  them; the wrapper keeps those of the statement;
- a synchronous statement has no coroutine, but needs a task to run in.

Two things keep a session able to report what a statement has done to the whole process:

- *The recursion limit* is the interpreter's: one of 40, set in a statement, would hold for the
  prompt, the terminal's thread and the report of an error, too. So it is lifted to what our own
  work needs (`ensure_recursion_room`).
- *Memory.* The variables of code that has used up all of it live on in the traceback, for
  ``:why`` and for a debugger; then nothing of ours can be done any more, not even to call the
  loop's next callback, which is lost, and with it the prompt. So where no room is left, a
  reserve is given up, and what the failed code holds is let go of: its error and its stack
  stay. The reserve is address space: no page of it is ever touched.

And ``inspect.getsource`` finds classes that were typed. For a function it asks the code object,
for a class the file of its module; but a session has no file, and its classes come from many
texts. What does not work: to give the module a ``__file__``, for it is one for all of them, and
`multiprocessing` would run it.
"""

from __future__ import annotations

import ast
import asyncio
import builtins
import contextvars
import inspect
import mmap
import os
import sys
import time
import traceback
import types
import warnings
from asyncio import CancelledError, Task
from contextlib import contextmanager, suppress
from functools import cache
from sys import getrecursionlimit, setrecursionlimit
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

from asyncrepl.engine.code_owner import cut_to_user_part, reached_location, reaches_users
from asyncrepl.engine.loop.loop_runner import leave_child
from asyncrepl.engine.tasks.task_records import restore_running_loop, statement_endings
from asyncrepl.runtime.isolation import repair_imports as keep_imports
from asyncrepl.syntax.parsed_input import (
    Blank,
    Incomplete,
    InvalidStatement,
    Statement,
    parse,
    parse_input,
)
from asyncrepl.syntax.sources import Source, Sources, task_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

    from asyncrepl.instrument.compilation import Mode

#: Names that no program can have: see `Session.repeated_code`.
REPETITIONS, REPETITION = ".runs", ".run"

#: Frames: drawing takes 90, importing what explains an error 150.
MIN_RECURSION_LIMIT = 400

#: The limits that were too low, and have not been told.
low_recursion_limits: list[int] = []


def ensure_recursion_room() -> None:
    """Lift a recursion limit below `MIN_RECURSION_LIMIT`; `low_recursion_limits` notes it.

    Takes one frame: there may be no more.
    """
    if (limit := getrecursionlimit()) < MIN_RECURSION_LIMIT:
        setrecursionlimit(MIN_RECURSION_LIMIT)
        low_recursion_limits.append(limit)


_RESERVE_SIZE = 4 << 20  # bytes: a few arenas of the interpreter's allocator
#: Of a chain of errors so many are looked at: the user may have made it a ring.
_MAX_CHAIN = 100

_reserve: list[bytes] = []


def keep_memory_reserve() -> None:
    """Have a reserve from now on, if there is room for one."""
    if not _reserve:
        with suppress(MemoryError):
            _reserve.append(bytes(_RESERVE_SIZE))


def free_memory_if_exhausted(error: BaseException | None) -> None:
    """Give up the reserve, and what the stack of `error` holds, if there is no memory else.

    The system is asked for pages that nobody touches. What does not work: ``bytes`` of that size.
    From the second on they come from the heap, every page of which is written then, and once one
    was freed, the C library gives back nothing smaller any more: 4 MB a session.
    """
    try:
        mmap.mmap(-1, _RESERVE_SIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
    except (MemoryError, OSError):
        _reserve.clear()
        for _ in range(_MAX_CHAIN):
            if error is not None:
                traceback.clear_frames(error.__traceback__)
                error = error.__context__


#: The user's own module, whatever ours is called by (see `asyncrepl.terminal.own_modules`).
_IMPORTED = {"asyncio": asyncio}


@cache
def _compiler() -> Any:
    """What places probes; the first prompt does without. Kept: user code may empty sys.modules."""
    from asyncrepl.instrument import compilation

    return compilation


def compiled(
    source: Source, mode: Mode, flags: int = 0, namespace: Mapping[str, object] | None = None
) -> types.CodeType:
    """`source`, compiled with probes; what does that is imported for the first."""
    return cast("types.CodeType", _compiler().compile_source(source, mode, flags, namespace))


class Outcome(NamedTuple):
    """How a statement ended.

    `error` is what it raised, with a traceback that begins in the user's code;
    `stage` says where: "parse", "compile" or "run". `interrupted` is true when it
    ended because of a Ctrl-C, and `where` then says what line it reached, as
    "FILE:LINE: source", if that is known.
    """

    source: Source
    error: BaseException | None = None
    stage: Literal["parse", "compile", "run"] = "run"
    interrupted: bool = False
    where: str | None = None


#: A second Ctrl-C within this many seconds abandons a statement that hangs in cleanup.
ABANDON_WITHIN = 1.0


class StatementRun:
    """A statement that is running: its task, and the ways to stop it."""

    def __init__(self, source: Source, done: Callable[[Outcome], None]) -> None:
        self.source = source
        self.task: asyncio.Task[None] | None = None
        self.error: BaseException | None = None
        self.interrupts = 0
        self.abandoned = False
        self._done = done
        self._interrupted_at = 0.0

    def interrupt(self) -> None:
        """Cancel the statement; its cleanup goes on, and then it is done.

        One that hangs in its cleanup is abandoned at the second time, if that comes soon.
        """
        now = time.monotonic()
        soon = self.interrupts and now - self._interrupted_at < ABANDON_WITHIN
        self._interrupted_at = now
        if soon:
            self.abandon()
            return
        self.interrupts += 1
        if self.task is not None:
            try:
                self.task.cancel()
            except RecursionError:  # it awaits itself in the end: asyncio cannot cancel that
                self.abandon()

    def abandon(self) -> None:
        """Report the statement as done now; what is left of it goes on as a task."""
        if not self.abandoned:
            self.abandoned = True
            self._done(Outcome(self.source, KeyboardInterrupt(), interrupted=True))

    def finish(self, task: asyncio.Task[None]) -> None:
        """Report the outcome; called when the task is done."""
        ensure_recursion_room()
        keep_imports()
        error = self.error
        if self.abandoned:  # nobody waits for the outcome: an error goes where those of tasks go
            if error is not None and not isinstance(error, CancelledError):
                message = "An abandoned statement failed"
                context = {"message": message, "exception": error, "task": task}
                task.get_loop().call_exception_handler(context)
            return
        if task.cancelled():  # before its first step: the wrapper never ran
            error = CancelledError()
        try:
            outcome = self._outcome(error)
        except BaseException:  # what it reached cannot be said: the user's objects are asked
            outcome = Outcome(self.source, error)
        self._done(outcome)

    def _outcome(self, error: BaseException | None) -> Outcome:
        kind = type(error)  # not isinstance(): it asks a ``__class__`` of the user's
        cancelled = self.interrupts and issubclass(kind, CancelledError)
        if error is None or not (cancelled or _is_interrupt(error)):
            return Outcome(self.source, error)
        trace = _interrupted_part(error)
        interrupt = KeyboardInterrupt().with_traceback(trace)
        return Outcome(self.source, interrupt, interrupted=True, where=reached_location(trace))


class Session:
    """Runs statements in one namespace on `loop`, without any terminal.

    The namespace is that of a module called ``__main__``, or the given one.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop | None = None,
        namespace: dict[str, Any] | None = None,
    ) -> None:
        self._loop = loop
        self.module = types.ModuleType("__main__")
        self.namespace = vars(self.module) if namespace is None else namespace
        self.namespace.setdefault("__builtins__", builtins)
        self.namespace.setdefault("asyncio", _IMPORTED["asyncio"])
        if sys.version_info < (3, 14):  # from then on it comes with the first annotation
            self.namespace.setdefault("__annotations__", {})
        self.context = contextvars.copy_context()
        self.sources = Sources()
        self.count = 0
        self.task_name = ""  # that of the last text
        #: Where the next text begins in the line that was typed.
        self.column = 0
        self._flags = 0

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop the statements run on: the given one, else the running one."""
        return self._loop if self._loop is not None else asyncio.get_running_loop()

    async def run(self, text: str) -> Outcome:
        """Run `text` and wait for it. Never raises what the text raises."""
        ended: asyncio.Future[Outcome] = self.loop.create_future()

        def done(outcome: Outcome) -> None:
            if not ended.done():
                ended.set_result(outcome)

        run = self.start(text, done)
        try:
            return await ended
        finally:
            if run is not None and run.task is not None:
                run.task.cancel()

    def start(
        self,
        text: str,
        done: Callable[[Outcome], None],
        *,
        name: str | None = None,
        filename: str | None = None,
        context: contextvars.Context | None = None,
    ) -> StatementRun | None:
        """Start `text` as a task and call `done` with its outcome, exactly once.

        To be called in the loop's thread. The task is called `name`, or as its text is, and
        runs in `context`, or the session's. With a `filename` it is the program in that file,
        of which no values are shown. Where there is nothing to run, or it does not compile,
        `done` is called at once and None is returned.
        """
        compiled = self.prepare(text, filename, "single" if filename is None else "exec")
        if isinstance(compiled, Outcome):
            done(compiled)
            return None
        source, code = compiled
        run = StatementRun(source, done)
        # Not loop.create_task: a task factory of the user's must not see or break these.
        run.task = Task(
            self._drive(run, code),
            loop=self.loop,
            name=name or self.task_name,
            context=context or self.context,
        )
        run.task.add_done_callback(run.finish)
        return run

    def run_alone(self, text: str, filename: str) -> Outcome:
        """Run the program `text` to its end as ``python FILE`` does; no loop may be running.

        Also what it raises to leave (SystemExit, KeyboardInterrupt) is in the outcome.
        """
        compiled = self.prepare(text, filename, "module")
        return compiled if isinstance(compiled, Outcome) else self._run_program(*compiled)

    def run_prepared(self, source: Source, code: types.CodeType) -> Outcome:
        """As `run_alone`, of the `code` that `prepare` made of `source`; others run after it."""
        keep_memory_reserve()
        outcome = self._run_program(source, code)
        ensure_recursion_room()
        keep_imports()
        free_memory_if_exhausted(outcome.error)
        return outcome

    def _run_program(self, source: Source, code: types.CodeType) -> Outcome:
        process = os.getpid()
        try:
            self.context.run(exec, code, self.namespace)
        except BaseException as error:
            cut_to_user_part(error)
            if os.getpid() != process:
                leave_child(error)
            if not _is_interrupt(error):
                return Outcome(source, error)
            trace = _interrupted_part(error)
            interrupt = KeyboardInterrupt().with_traceback(trace)
            return Outcome(source, interrupt, interrupted=True, where=reached_location(trace))
        if os.getpid() != process:
            leave_child(None)
        return Outcome(source)

    def repeated_code(self, source: Source) -> types.CodeType:
        """Code that runs `source` once for each item of the global `REPETITIONS`.

        Without probes, for one who measures; `prepare` has compiled the same. It leaves the
        item under the name `REPETITION`.
        """
        body = parse(source.text, source.filename).body
        loop = ast.For(
            ast.Name(REPETITION, ast.Store()), ast.Name(REPETITIONS, ast.Load()), body, []
        )
        tree = ast.fix_missing_locations(ast.Module([ast.copy_location(loop, body[0])], []))
        flags = self._flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they were given already
            code: types.CodeType = compile(tree, source.filename, "exec", flags, dont_inherit=True)
        return code

    def prepare(
        self, text: str, filename: str | None = None, mode: Mode = "exec"
    ) -> Outcome | tuple[Source, types.CodeType]:
        """`text` with its code, or the outcome where there is nothing to run, or a mistake."""
        if filename is None:
            self.count += 1
            filename = f"<input {self.count}>"
        self.task_name = task_name(filename)
        reading = parse_input(text, filename, program=True)  # commands were taken out before
        tree = reading.tree if isinstance(reading, Statement) else None
        source = self.sources.add(filename, text, tree, self.column)
        match reading:
            case InvalidStatement(error=error):
                return Outcome(source, error, "parse")
            case Incomplete():
                return Outcome(source, _incomplete_error(source), "parse")
            case Blank():
                return Outcome(source)
        try:
            code = compiled(source, mode, self._flags, self.namespace)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            return Outcome(source, error.with_traceback(None), "compile")
        self._flags |= code.co_flags & _compiler().FUTURE_FLAGS
        return source, code

    async def _drive(self, run: StatementRun, code: types.CodeType) -> None:
        process, loop = os.getpid(), self.loop
        keep_memory_reserve()
        try:
            result = eval(code, self.namespace)
            if code.co_flags & inspect.CO_COROUTINE:
                await result
        except BaseException as error:
            free_memory_if_exhausted(error)
            run.error = error
            cut_to_user_part(error)
            ended_by_user = issubclass(type(error), (CancelledError, KeyboardInterrupt))
            statement_endings[run.task] = "cancelled" if ended_by_user else "error"
        else:
            free_memory_if_exhausted(None)
        if os.getpid() != process:
            leave_child(run.error)
        restore_running_loop(loop)


def _is_interrupt(error: BaseException) -> bool:
    """Whether `error` is a KeyboardInterrupt, or a group of nothing else."""
    if type(error) is BaseExceptionGroup:
        return all(map(_is_interrupt, error.exceptions))
    return issubclass(type(error), KeyboardInterrupt)


def _interrupted_part(error: BaseException) -> TracebackType | None:
    """The traceback that says what a Ctrl-C has reached.

    ``asyncio.run`` raises it when its task has ended; a library may do so in a group.
    """
    first, inner = error, error.__context__
    while type(first) is BaseExceptionGroup:
        first = first.exceptions[0]
    if first is not error:
        return max(first.__traceback__, error.__traceback__, key=reaches_users)
    cancelled = isinstance(inner, asyncio.CancelledError)
    return inner.__traceback__ if inner is not None and cancelled else error.__traceback__


def _incomplete_error(source: Source) -> SyntaxError:
    """Python's own error for a text that ends too early."""
    try:
        compile(source.text + "\n", source.filename, "exec", dont_inherit=True)
    except SyntaxError as error:
        return error.with_traceback(None)
    return SyntaxError("unexpected end of input", (source.filename, 1, None, None))


@contextmanager
def typed_classes_findable(session: Session) -> Iterator[None]:
    """Within the block ``inspect.getfile`` knows the texts of `session`."""
    everybodys: Any = sys.modules["inspect"]  # this module gets a copy of its own
    pythons: Callable[[Any], str] = everybodys.getfile

    def getfile(object: Any) -> str:  # noqa: A002 - as `inspect` calls it
        """Work out which source or compiled file an object was defined in."""
        if isinstance(object, type) and object.__module__ == session.module.__name__:
            found = session.sources.defining(object)
            if found is not None:
                return found
        return pythons(object)

    everybodys.getfile = getfile
    try:
        yield
    finally:
        if everybodys.getfile is getfile:  # user code may have set its own
            everybodys.getfile = pythons
