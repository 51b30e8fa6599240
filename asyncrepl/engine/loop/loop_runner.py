"""Running loops: one that nothing stops, forked processes, and programs that bring their own.

*Kept running* (`keep_running`): a session's loop goes on whatever user code does to it. While it
stands, between two runs of it, a program runs that brings its own.

*Forked.* ``os.fork()``, ``pty.fork()`` and multiprocessing's fork copy the thread that calls them,
with the loop it runs. That loop must not run a second time: both processes have the same selector
in the kernel, so one changes what the other waits for; tickers would print twice, and two
programs read one keyboard. In ``python -m asyncio`` the child runs on, idle, for ever; in
plain ``python`` it ends where its program does. So does ours: when its statement ends, with
the status and the message that a program's end would have, or else when it returns to the loop.
What runs at exit is run; nothing of the session is closed, which is the parent's.
What does not work: to raise SystemExit in the child. On its way out it passes through all
that the session has to put back: the terminal's modes, signal handlers, the loop.

*Own loops.* A text that awaits at its top (or makes a task there) needs a loop that runs already.
Most files don't: they end in ``asyncio.run(main())``, which a running loop refuses. So where
nothing at the top needs a loop, a text is run with none, by Python's own rules. The loops
it makes are ours: what is traced, noticed and explained for a statement is so for a program, too.
Without a prompt the first is the session's. At a prompt that one stands meanwhile, with its tasks
and timers, and goes on afterwards; all are on one clock. Loops are asked of a policy up to Python
3.13, which is replaced for as long, so that what a program sets ends with it. Those are
deprecated since and go in 3.16: there ``asyncio.new_event_loop`` is replaced, and a policy of the
program's own is still obeyed. What does not work: asking whether the text calls ``asyncio.run``
(``uvicorn.run`` is no less common, also in modules that are not read); and hiding the running loop
from a statement on it (``get_event_loop()`` finds it, and Ctrl-C would be for the wrong loop).
"""

from __future__ import annotations

import asyncio
import atexit
import functools
import os
import signal
import sys
import threading
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any, NoReturn, cast

from asyncrepl.engine.loop.live_loop import LiveLoop
from asyncrepl.engine.loop.repeated_interrupt import REPEAT
from asyncrepl.engine.tasks.task_findings import made_elsewhere
from asyncrepl.runtime.process import FAILED, exit_status, flush_output

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from asyncrepl.engine.loop.interrupts import Interrupter

    _Give = Callable[[Callable[[], asyncio.AbstractEventLoop]], asyncio.AbstractEventLoop]

#: The signals whose handlers of ours mean nothing in a child.
_SIGNALS = (
    *(signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGWINCH, signal.SIGCONT),
    REPEAT,
)
_parent_loops: list[LiveLoop] = []
#: The task that forks, if it is one.
_forking_task: list[asyncio.Task[Any]] = []


@contextmanager
def kept_out_of_forks(loop: LiveLoop) -> Iterator[None]:
    """What is forked in the block never runs `loop`."""
    _parent_loops.append(loop)
    try:
        yield
    finally:
        _parent_loops.remove(loop)


def leave_child(error: BaseException | None) -> NoReturn:
    """End this process as a program ends, after `error` if there was one."""
    status = 0 if error is None else FAILED
    with suppress(BaseException):
        if isinstance(error, SystemExit):
            status, message = exit_status(error)
            if message is not None:
                print(message, file=sys.stderr)
        elif error is not None:
            sys.excepthook(type(error), error, error.__traceback__)
    with suppress(BaseException):
        atexit._run_exitfuncs()  # noqa: SLF001  what runs at exit is the process's, also of a child
    with suppress(BaseException):
        flush_output()
    if isinstance(error, KeyboardInterrupt):
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(status)


def _before_fork() -> None:
    """In the parent, whatever thread forks."""
    _forking_task.clear()
    with suppress(RuntimeError):  # no loop runs in this thread
        if (task := asyncio.current_task()) is not None:
            _forking_task.append(task)


def _after_fork() -> None:
    """In the child: what the loop would do next is to end."""
    for loop in _parent_loops:
        loop.forget_all(_return_to_loop)
    if _parent_loops:
        signal.set_wakeup_fd(-1)
        for number in _SIGNALS:  # given back, if the handler is ours
            home = getattr(signal.getsignal(number), "__module__", None) or ""
            if home.startswith("asyncrepl."):
                default = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
                signal.signal(number, default)


def _return_to_loop() -> NoReturn:
    if all(task.done() for task in _forking_task):
        leave_child(None)
    reason = f"asyncrepl: process {os.getpid()} ends: it was forked, and cannot await anything"
    leave_child(SystemExit(reason))


os.register_at_fork(before=_before_fork, after_in_child=_after_fork)


#: So often a loop is started again that fails before its next iteration: its selector is closed,
#: say. A handler's error comes once.
_MAX_FRUITLESS_RUNS = 3


class EndsSessionError(BaseException):
    """Raised by ours, where user code cannot catch it, to end `keep_running`."""


def keep_running(
    loop: LiveLoop,
    interrupter: Interrupter,
    ended: Callable[[], bool],
    hit: Callable[[str], object],
    failed: Callable[[BaseException], bool],
) -> SystemExit | None:
    """Run `loop` until `ended` says so; whoever ends it also stops the loop.

    On the loop's thread, with `interrupter` installed, if that is the main thread. A user's
    ``loop.stop()`` ends nothing. A Ctrl-C that hit a background task or a
    callback is given to `hit` as one line (what, and where). SystemExit from one
    of these ends it, too, and is what is returned. What a signal handler of the user's
    raises while the loop waits is given to `failed`, which says whether it could show it.
    The error of a loop that cannot run any more comes out of here.

    What is added to ``loop.live.between`` is called with `interrupter` once the loop stands.
    """
    fruitless, loop.live.between = 0, []
    process = os.getpid()
    while not ended():
        before = loop.live.loop_iteration.number
        try:
            if loop.live.between:
                loop.live.between.pop(0)(interrupter)
            else:
                _run_once_entered(loop, process)
        except KeyboardInterrupt as error:
            hit(interrupter.describe_interrupted(error))
        except SystemExit as leaving:
            return leaving
        except EndsSessionError:
            raise
        except BaseException as error:
            stands = not failed(error) or loop.live.loop_iteration.number == before
            fruitless = fruitless + 1 if stands else 0
            if fruitless > _MAX_FRUITLESS_RUNS:
                raise
    return None


def _run_once_entered(loop: LiveLoop, process: int) -> None:
    """Run `loop`; whatever comes out of it in a process forked by it ends that process."""
    try:
        loop.run_forever()
    except BaseException as error:
        if os.getpid() != process:
            leave_child(error)
        raise
    if os.getpid() != process:
        leave_child(None)


@contextmanager
def asyncio_makes_live_loops(
    first: LiveLoop, made: Callable[[LiveLoop], object] | None = None
) -> Iterator[None]:
    """Let asyncio make loops of ours in the main thread: `first`, if it is asked for one.

    With `made`, which is called with each, `first` only stands by: what happens on the others is
    told to those who look at it.
    """
    give, events = _LoopFactory(first, made).give, cast("Any", asyncio.events)
    before = getattr(events, "_event_loop_policy", None)
    replaced: AbstractContextManager[None] = nullcontext()
    if before is None or type(before).__module__ == "asyncio.unix_events":  # not the user's own
        events._event_loop_policy = None  # noqa: SLF001  its public sister warns
        if sys.version_info < (3, 14):
            asyncio.set_event_loop_policy(_policy(give))
    if sys.version_info >= (3, 14):
        replaced = _factory_replaced(give)
    try:
        with replaced:
            yield
    finally:
        events._event_loop_policy = before  # noqa: SLF001


class _LoopFactory:
    """Gives `first`, if there is no `made` to call with each other; those report as it does."""

    def __init__(self, first: LiveLoop, made: Callable[[LiveLoop], object] | None) -> None:
        self._first, self._made, self._process = first, made, os.getpid()
        self._given = made is not None

    def give(self, new: Callable[[], asyncio.AbstractEventLoop]) -> asyncio.AbstractEventLoop:
        """The next loop; by `new` where it cannot be one of ours."""
        if os.getpid() != self._process:  # in a child nobody looks at what runs
            return new()
        if threading.current_thread() is not threading.main_thread():
            return made_elsewhere(new, self._first.live.findings)
        if not self._given:
            self._given = True
            return self._first
        loop = LiveLoop(self._first.live.clock)
        loop.live.findings = self._first.live.findings
        loop.set_exception_handler(self._first.get_exception_handler())
        if self._made is not None:
            loop.live.instruments = loop.live.selector.instruments = self._first.live.instruments
            self._made(loop)
        return loop


if sys.version_info < (3, 14):

    def _policy(give: _Give) -> asyncio.AbstractEventLoopPolicy:
        class _Policy(asyncio.DefaultEventLoopPolicy):
            def new_event_loop(self) -> asyncio.AbstractEventLoop:
                return give(super().new_event_loop)

        return _Policy()


@contextmanager
def _factory_replaced(give: _Give) -> Iterator[None]:
    """Let ``asyncio.new_event_loop`` give loops of ours."""
    asyncios = asyncio.new_event_loop

    @functools.wraps(asyncios)
    def new_event_loop() -> asyncio.AbstractEventLoop:
        made = asyncios()
        if type(made) is not asyncio.SelectorEventLoop or not replaced:
            return made  # that of a policy; or whoever has kept this function calls it later
        made.close()
        return give(asyncios)

    replaced: list[Any] = [asyncio, asyncio.events]
    for module in replaced:
        module.new_event_loop = new_event_loop
    try:
        yield
    finally:
        while replaced:
            module = replaced.pop()
            if module.new_event_loop is new_event_loop:
                module.new_event_loop = asyncios
