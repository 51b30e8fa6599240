"""A loop of another program's, live for as long as a prompt is open in it.

The program's loop runs already, and goes on when the prompt is left. So it is not replaced: it
becomes a `LiveLoop` where it stands, and what it was before when it is given back (`borrowed`).
Its class and that of its selector are other ones meanwhile; registrations, timers, tasks and the
iteration under way stay as they are, for each iteration asks the loop for all that it calls.
What stays: CPython gives up the inline values of an object whose class is changed. So each step
of the loop takes 0.1 to 0.3 µs more from then on, a tenth of one that only does ``sleep(0)``.

What belongs to the program stays the program's:

- What its code *raises to leave* (``sys.exit()`` in a task, a KeyboardInterrupt) leaves its loop.
  What code of the prompt's raises must not: it is taken where the iteration ends, and is known
  by the context in which it ran, in which `in_session` is set, as in all that it has begun.
- A *method that is kept* while the loop is borrowed (``partial(loop.run_in_executor, None)``) is
  called later, too: what is overridden here does without ``super()`` and without `live`.
- *Signals* for which the loop has handlers, and which the prompt takes, come to the prompt only:
  Ctrl-C there must not shut a server down.
- A *reader of standard input* would find the end of it, as that leads nowhere meanwhile; so it
  is not asked.
- *Time* is the program's: who waits for it may be at the other end of a connection.
"""

# ruff: noqa: SLF001 -- this is asyncio's own code, for a loop of asyncio's

from __future__ import annotations

import asyncio
import selectors
import signal
import sys
import threading
from contextlib import contextmanager, suppress
from types import MethodType
from typing import TYPE_CHECKING, Any, cast

from asyncrepl.engine.code_owner import is_ours, runs_callbacks, traceback_entries
from asyncrepl.engine.loop import observed_iteration
from asyncrepl.engine.loop.interrupts import in_session
from asyncrepl.engine.loop.live_loop import LiveLoop, LoopExtension, override
from asyncrepl.engine.loop.loop_clock import Clock
from asyncrepl.engine.loop.loop_iteration import WatchingSelector
from asyncrepl.events.object_info import behind_partials, code_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from asyncrepl.engine.tasks.timeline import Timeline

_Plain: Any = asyncio.SelectorEventLoop


class EmbedError(RuntimeError):
    """No prompt can be opened here; the message is one line: why, and what to do."""

    def __init__(self, why: str) -> None:
        super().__init__(f"asyncrepl.embed: {why}")


class _BorrowedExtension(LoopExtension):
    """`stopped` hears that the loop is to stop, `escaped` of what the prompt's code raises."""

    __slots__ = ("escaped", "stopped")

    stopped: Callable[[], object]
    escaped: Callable[[BaseException], object]


class BorrowedLoop(LiveLoop):
    """The class of a loop that is borrowed."""

    # As they were: no clock of ours needs to know what they note.
    run_forever = _Plain.run_forever
    run_until_complete = _Plain.run_until_complete
    shutdown_asyncgens = _Plain.shutdown_asyncgens
    shutdown_default_executor = _Plain.shutdown_default_executor
    call_exception_handler = _Plain.call_exception_handler
    run_in_executor = _Plain.run_in_executor
    _make_subprocess_transport = _Plain._make_subprocess_transport

    def is_deadlocked(self) -> bool:
        """As in a loop of ours; but of jobs that an executor had before, nobody knows."""
        executor = self._default_executor  # type: ignore[attr-defined]
        return executor is None and super().is_deadlocked()

    def observe(self, timeline: Timeline) -> None:
        """As in a loop of ours."""
        super().observe(timeline)
        override(self, "_run_once", MethodType(_run_observed_once, self))

    def _run_once(self) -> None:
        _run_contained(self, _Plain._run_once)

    def _create_observed_task(self, *args: Any, **kwargs: Any) -> asyncio.Task[Any]:
        if isinstance(self, BorrowedLoop):
            return super()._create_observed_task(*args, **kwargs)
        task: asyncio.Task[Any] = _Plain.create_task(self, *args, **kwargs)
        return task


def _run_observed_once(loop: BorrowedLoop) -> None:
    _run_contained(loop, observed_iteration.run_once)


def _run_contained(loop: Any, run_once: Callable[[Any], object]) -> None:
    """Run one iteration; what code of the prompt's raises to leave does not leave the loop.

    If that is about to stop, whoever has borrowed it gives it back: it may run no more.
    """
    live: _BorrowedExtension = loop.live
    try:
        run_once(loop)
    except BaseException as error:
        handle = _failed_handle(error)
        if handle is None or not handle._context.get(in_session, False):
            with suppress(Exception):
                live.stopped()
            raise
        with suppress(Exception):  # it is told: asyncio need not log it when the task goes
            handle._callback.__self__.exception()
        live.escaped(error)
    if loop._stopping:
        with suppress(Exception):
            live.stopped()


def _failed_handle(error: BaseException) -> Any:
    """The handle whose callback has raised `error`, if one did."""
    for entry in traceback_entries(error.__traceback__):
        if runs_callbacks(entry.tb_frame.f_code):
            names = entry.tb_frame.f_locals
            return names.get("handle", names.get("self"))
    return None


def loop_to_borrow() -> asyncio.SelectorEventLoop:
    """The running loop; raises EmbedError where it cannot be borrowed."""
    try:
        loop: Any = asyncio.get_running_loop()
    except RuntimeError:
        raise EmbedError("no asyncio loop runs here: use asyncio.run(main())") from None
    if isinstance(loop, BorrowedLoop):
        raise EmbedError("a prompt is open in this program already: use that, or leave it first")
    if isinstance(loop, LiveLoop):
        raise EmbedError("this runs inside asyncrepl: use its prompt, or start it with python")
    if threading.current_thread() is not threading.main_thread():
        raise EmbedError("Ctrl-C reaches the main thread only: await it on a loop that runs there")
    selector = getattr(loop, "_selector", None)
    if type(loop) is not _Plain or type(selector) is not selectors.DefaultSelector:
        name = f"{type(loop).__module__}.{type(loop).__qualname__}"
        instead = "use plain asyncio.run(main()), or loop='asyncio' of uvicorn"
        raise EmbedError(f"it needs asyncio's own loop, not {name}: {instead}")
    return cast("asyncio.SelectorEventLoop", loop)


@contextmanager
def borrowed(
    loop: Any,
    taken: Collection[int],
    stopped: Callable[[], object],
    escaped: Callable[[BaseException], object],
) -> Iterator[LiveLoop]:
    """`loop`, which `loop_to_borrow` gave, is live within the block; in a callback of it.

    It has no handlers of the signals that are `taken`. `stopped` is called where the loop is
    about to stop, and may leave the block at once; `escaped` with what code of the prompt's
    has raised to leave.
    """
    before = _State(loop, taken)
    try:
        _make_live(loop, stopped, escaped)
        yield loop
    finally:
        before.restore()


def _make_live(
    loop: Any, stopped: Callable[[], object], escaped: Callable[[BaseException], object]
) -> None:
    loop._selector.__class__ = WatchingSelector
    loop._selector.watch()
    live = _BorrowedExtension(Clock.real(), loop._selector, loop._ssock.fileno())
    live.borrowed, live.stopped, live.escaped = True, stopped, escaped
    live.loop_iteration.resume()
    loop._transports.live = live
    loop.__class__ = BorrowedLoop
    # A generator keeps who finalizes it: that may be when the loop is given back.
    sys.set_asyncgen_hooks(
        firstiter=loop._asyncgen_firstiter_hook,
        finalizer=lambda agen: loop._asyncgen_finalizer_hook(agen),  # noqa: PLW0108
    )


class _State:
    """What a loop was like when it was borrowed; what is in the way is taken from it."""

    def __init__(self, loop: Any, taken: Collection[int]) -> None:
        self._loop = loop
        self._hooks = sys.get_asyncgen_hooks()
        self._on_error = loop.get_exception_handler()
        duration = loop.slow_callback_duration
        del loop.slow_callback_duration  # not one attribute more: see `live_loop`
        loop._slow_callback_duration = duration
        if sys.version_info >= (3, 14):
            loop._transports.watcher = loop._watcher
        handlers = loop._signal_handlers
        self._handlers = {each: handlers.pop(each) for each in taken if each in handlers}
        self._selector_names = set(vars(loop._selector))
        self._stdin = loop._selector.get_map().get(0)
        if self._stdin is not None:
            loop._selector.unregister(0)

    def restore(self) -> None:
        loop = self._loop
        for handle in (*loop._ready, *loop._scheduled):
            if _is_of_ours(handle._callback):  # the session is over: nobody is there to hear it
                handle.cancel()
        loop.unobserve()
        duration = loop.slow_callback_duration
        del loop._slow_callback_duration
        loop.__class__ = _Plain
        if sys.version_info >= (3, 14):
            loop._watcher = loop._transports.watcher
            del loop._transports.watcher
        loop.slow_callback_duration = duration
        del loop._transports.live
        loop.set_exception_handler(self._on_error)
        self._restore_selector()
        if loop.is_running():  # else it has given back the hooks itself
            sys.set_asyncgen_hooks(*self._hooks)
        for number, handle in self._handlers.items():
            loop._signal_handlers.setdefault(number, handle)
        if loop._signal_handlers:
            with suppress(ValueError, OSError):
                signal.set_wakeup_fd(loop._csock.fileno())

    def _restore_selector(self) -> None:
        selector = self._loop._selector
        if selector is None:  # the loop is closed
            return
        selector.__class__ = selectors.DefaultSelector
        for name in set(vars(selector)) - self._selector_names:
            delattr(selector, name)
        if self._stdin is not None and not _is_closing(self._stdin.data):
            with suppress(KeyError, ValueError, OSError):
                selector.register(0, self._stdin.events, self._stdin.data)


def _is_of_ours(callback: Any) -> bool:
    """Whether `callback` is a function or method of ours; a step of a task is none."""
    code = code_of(behind_partials(callback))
    return code is not None and is_ours(code.co_filename)


def _is_closing(handles: Any) -> bool:
    """Whether the transport that these handles of a reader and a writer are for is closed."""
    owner = getattr(handles[0]._callback, "__self__", None) if handles[0] is not None else None
    return isinstance(owner, asyncio.BaseTransport) and owner.is_closing()
