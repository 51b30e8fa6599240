"""Closing a loop: tasks cancelled and awaited, async generators closed, and then left.

A bare ``loop.close()`` leaves suspended generators suspended, so their ``finally`` never
runs; closing them needs the loop, because the ``finally`` may await.

User code may keep us: a ``finally`` that blocks, a cleanup that swallows every
cancellation. After a second it is said what does; Ctrl-C, or three seconds more, leaves
that behind and goes on with the rest. What even then does not give the thread back is
ended with the process.

What does not work: ``asyncio.wait_for`` as the limit (it waits for what it has cancelled),
and a limit of the loop's alone (code that blocks never lets the loop see it).
"""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from asyncrepl.engine.code_owner import innermost_user_frame, location_text, reached_location
from asyncrepl.engine.tasks.task_records import all_tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from types import FrameType

    from asyncrepl.engine.loop.live_loop import LiveLoop

#: Seconds until it is said what keeps us, seconds from then on until it is left behind,
#: and until the process is ended because it has not gone even then.
REPORT_AFTER, ABANDON_AFTER, EXIT_AFTER = 1.0, 3.0, 2.0
#: Seconds that whoever watches may take to notice that all is over.
_WATCH_ENDS_WITHIN = 0.1
#: So many interruptions are taken before what is left is left.
_MAX_INTERRUPTIONS = 20


def close_loop(
    loop: LiveLoop,
    leave: Callable[[SystemExit], object] = lambda _leaving: None,
    report: Callable[[str], object] = lambda _line: None,
    end_process: Callable[[], object] | None = None,
) -> list[str]:
    """End all that runs on `loop` and close it; the names of the tasks that were running.

    For the thread that has made it. A SystemExit in the cleanup is given to
    `leave`, and the rest is cleaned up all the same. `report` is given a line that says what
    takes long, perhaps in another thread. `end_process` is called there where user code
    does not let go; without it that is waited for. A loop that a thread of the program's runs is
    that thread's to end.
    """
    clock = loop.live.clock
    clock.release()
    clock.thaw()
    clock.rate = max(clock.rate, 1.0)  # slow motion must not make leaving slow
    if loop.is_running():
        return []
    closing = LoopShutdown(loop, leave, report)
    try:
        if not loop.is_closed():  # a program that ran on it may have done so
            with _watched_for_blocking(loop, report, end_process):
                closing.run()
    finally:
        asyncio.set_event_loop(None)
        with suppress(Exception):  # user code may have closed its selector
            loop.close()
    return closing.names


class LoopShutdown:
    """What still runs on a loop that is to be closed; `names` are those of its tasks."""

    def __init__(
        self,
        loop: LiveLoop,
        leave: Callable[[SystemExit], object],
        report: Callable[[str], object],
    ) -> None:
        self._loop = loop
        self._leave = leave
        self._report = report
        self.names: list[str] = []

    def run(self) -> None:
        """Cancel the tasks, close the generators; what cannot be ended is left."""
        self._loop.set_task_factory(None)  # the user's may raise
        tasks = set(all_tasks(self._loop))
        self.names = sorted(_name(task) for task in tasks)
        _cancel(tasks)
        # Not kept: an exception that nobody retrieved is reported when its task goes.
        self._complete(ended(tasks, self._report))
        del tasks
        self._complete(self._generators_closed())
        _mute_destroyed(all_tasks(self._loop))

    def _complete(self, work: Coroutine[object, object, None]) -> None:
        """Run the loop until `work` is done, or somebody is tired of waiting for it."""
        task = asyncio.Task(work, loop=self._loop)
        for _ in range(_MAX_INTERRUPTIONS):
            try:
                self._loop.run_until_complete(task)
                return
            except KeyboardInterrupt as error:
                if reached_location(error.__traceback__) is None:  # all waits: it is left
                    break
            except SystemExit as leaving:
                self._leave(leaving)
            except BaseException:
                continue
        task.cancel()
        _mute_destroyed({task})

    async def _generators_closed(self) -> None:
        closing = asyncio.Task(self._loop.shutdown_asyncgens(), loop=self._loop)
        await ended({closing}, self._report)


async def ended(tasks: set[asyncio.Task[Any]], report: Callable[[str], object]) -> None:
    """Wait until the `tasks`, which were cancelled, have ended, but not for ever.

    `report` is given a line if that takes long.
    """
    if not tasks:
        return
    pending = (await asyncio.wait(tasks, timeout=REPORT_AFTER))[1]
    if pending:
        report(_waiting_line([_describe_task(task) for task in pending]))
        await asyncio.wait(pending, timeout=ABANDON_AFTER)


def _cancel(tasks: set[asyncio.Task[Any]]) -> None:
    for task in tasks:
        with suppress(BaseException):  # an overridden cancel(), a circle of awaits
            task.cancel()


def _mute_destroyed(tasks: set[asyncio.Task[Any]]) -> None:
    """Let nothing be said of `tasks`, which are left behind: that was said."""
    for task in tasks:
        with suppress(AttributeError):
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001


@contextmanager
def _watched_for_blocking(
    loop: LiveLoop, report: Callable[[str], object], end_process: Callable[[], object] | None
) -> Iterator[None]:
    """Take Ctrl-C within the block, and press it for a user who is tired of blocking code.

    It ends what runs on the loop, or the wait of a loop on which nothing does. Between these it
    would end the cleanup itself: one of two that come at once is enough, and the other is lost.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def on_sigint(number: int, frame: FrameType | None) -> None:
        busy = loop.live.loop_iteration.busy
        if loop.is_running() and (not busy or innermost_user_frame(frame) is not None):
            signal.default_int_handler(number, frame)

    before = signal.signal(signal.SIGINT, on_sigint)
    over = threading.Event()
    watch = threading.Thread(
        target=_watch_for_blocking,
        args=(loop, report, end_process, over),
        name="asyncrepl leaving",
        daemon=True,
    )
    watch.start()
    try:
        yield
    finally:
        over.set()
        watch.join(_WATCH_ENDS_WITHIN)  # else it keeps what the session held for a moment longer
        signal.signal(signal.SIGINT, before or signal.default_int_handler)


def _watch_for_blocking(
    loop: LiveLoop,
    report: Callable[[str], object],
    end_process: Callable[[], object] | None,
    over: threading.Event,
) -> None:
    """In a thread of its own: report an iteration of `loop` that lasts `REPORT_AFTER` seconds."""
    current = loop.live.loop_iteration
    number = -1
    while not over.wait(REPORT_AFTER):
        if not current.busy or current.number != number:
            number = current.number
            continue
        report(_waiting_line([_blocking_place()]))
        if _iteration_ends(loop, number, over, ABANDON_AFTER):
            continue
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        if not _iteration_ends(loop, number, over, EXIT_AFTER) and end_process is not None:
            end_process()


def _iteration_ends(loop: LiveLoop, number: int, over: threading.Event, seconds: float) -> bool:
    """Whether the loop iteration `number` ends within `seconds`, or all is `over`."""
    current = loop.live.loop_iteration
    for _ in range(round(seconds / 0.1)):
        if over.wait(0.1) or not current.busy or current.number != number:
            return True
    return False


def report_threads(report: Callable[[str], object]) -> None:
    """Give `report` a line if the interpreter, which is about to end, waits for user's threads.

    In a thread of its own, and only if that takes long: the interpreter itself says nothing.
    """

    def look() -> None:
        if threads := threads_waited_for():
            report(_waiting_line([f"the thread {each.name!r}" for each in threads]))

    if threads_waited_for():
        timer = threading.Timer(REPORT_AFTER, look)
        timer.name, timer.daemon = "asyncrepl leaving", True
        timer.start()


def threads_waited_for() -> list[threading.Thread]:
    """The threads whose end the interpreter waits for before it ends itself."""
    main = threading.main_thread()
    return [each for each in threading.enumerate() if each is not main and not each.daemon]


def _waiting_line(what: list[str]) -> str:
    shown = ", ".join(sorted(what)[:3]) + (f" and {len(what) - 3} more" if len(what) > 3 else "")
    return f"leaving waits for {shown}; Ctrl-C leaves {'it' if len(what) == 1 else 'them'} behind"


def _blocking_place() -> str:
    """Where the main thread is, in user code."""
    main = sys._current_frames().get(threading.main_thread().ident or 0)  # noqa: SLF001
    frame = innermost_user_frame(main)
    if frame is None:
        return "code that does not return"
    return location_text(frame.f_code.co_filename, frame.f_lineno)


def _describe_task(task: asyncio.Task[Any]) -> str:
    """`task` by its name, and where it waits."""
    from asyncrepl.engine.tasks.await_chain import coroutine_of
    from asyncrepl.engine.tasks.task_survey import describe_wait

    with suppress(Exception):
        wait = describe_wait(coroutine_of(task))
        if wait.filename:
            return f"{_name(task)} at {location_text(wait.filename, wait.line)}"
    return _name(task)


def _name(task: asyncio.Task[Any]) -> str:
    try:
        return str(task.get_name())
    except BaseException:  # the user's class may override it
        return "a task"
