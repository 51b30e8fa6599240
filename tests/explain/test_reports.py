"""Programs rebuilt from public reports, and other shapes, are told their cause, and put right."""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest
from explain.harness import DATA
from explain.reports import CAUSES, Case, cases, judge

from asyncrepl.explain.explainer import RULES

#: Their correction brings another mistake to light, which nothing tells before it is run.
_TWICE = ("open-connection",)


#: The library alone has the coroutine in its hands, from a method of what it was given.
_WITHIN = ("aiofiles-json-load",)


#: Python 3.11 takes a generator for a coroutine of the old kind, and refuses nothing; when a
#: process ends, a thread of its own has to see it first; and no server waits for its connections.
_NEW = (
    "gather-a-generator",
    "handler-waits-for-its-client",
    "server-never-closes-its-writer",
    "waits-before-it-reads",
)

#: Not wrong any more from this Python on: the decorator looks at what it decorates; the task
#: becomes one of the loop that runs a file.
_OLD = {
    "async-manager-decorates-plain-function": (3, 15),
    "manager-decorates-a-stream": (3, 15),
    "plain-manager-decorates-async-function": (3, 15),
    "task-that-no-loop-runs": (3, 14),
    "timer-decorates-a-coroutine-function": (3, 15),
}

#: Shapes that are not told, or not put right, on one Python or another: known misses, to be mended.
_NOT_YET = frozenset(
    [
        "async-for-at-top",  # a file may await at its top here
        "await-statement-at-top",  # the same
        "create-task-at-module-level",  # who is given the task, is not looked for
        "anext-in-the-loop-over-itself",  # every second item may be passed over on purpose
        "asend-in-async-for",  # an answer may be wanted that is an item, too
        "background-task-of-a-bot-pending",  # it may be meant to go on until the program ends
        "cancel-not-awaited",  # it ends before the program does, only later than is meant
        "closes-itself-when-collected",  # what a `__del__` raises is only printed
        "cls2-enum-of-handlers",  # the special method that gives the coroutine has to stay plain
        "empty-asked-too-soon",  # of a queue that died nobody knows what was left in it
        "flush-left-to-task",  # an attribute keeps the task, and somebody may ask it yet
        "getter-left-behind",  # who lets go of a task may not want its item
        "keepalive-goes-on",  # what is gathered may be meant to outlive an error
        "loops-of-a-connection-left",  # the loop may run once more, and Python says it at its end
        "logout-of-all-sockets",  # `return_exceptions` may be meant to pass over them
        "permit-given-back-unasked",  # a semaphore may be released by who has not taken it
        "proxy-bare-except",  # `asyncio.timeout` takes the cancellation back that was swallowed
        "response-outlives-its-block",  # the library's own error: it may speak of something else
        "retry-on-ended-stream",  # the correction keeps what came before the error
        "sparkth-orphaned-call",  # a task that goes on may be meant to
        "sched2-stop-iteration-of-queue",  # one item may be meant, or each that comes
        "spawner-dies-quietly",  # `cancel` of a task that has failed says: nobody wants its error
        "subscription-left-by-break",  # something holds it, which may walk on
        "tasks-one-by-one",  # each may need what the one before it gave
        "tokens-refreshed-at-once",  # what the other end refuses, it may refuse for another reason
        "two-walk-one-subscription",  # of iterators that are no generators nobody notes the end
        "user-set-in-a-child",  # others may be meant to see the old value
        "waits-before-it-reads",  # newer Pythons wait for the process alone
        "semaphore-rebuilt-by-a-property",  # each may be meant to be for itself
        "later-request-behind-a-slow-one",  # what comes meanwhile may be meant to wait
        "event-kept-after-a-timeout",  # what is left behind may be meant for the next one
        "table-created-twice",  # what a library refuses may have another reason
        "updater-awaited-before-it-is-kept",  # two may be meant to do the same
        "second-retriever-always-loses",  # the errors among the results are sorted out
        "drive-runner-async-with",  # a runner has to be taken out of the loop around it
        "drive-atexit-coroutine",  # it is made when the program has been looked at
        "drive-queue-join-without-done",  # in the program's own task waits no code of the user's
        "drive2-thread-creates-task",  # which loop it is for, nobody knows
        "drive2-thread-not-given-result",  # a future of a thread is no asynchronous value
        "drive2-anext-in-plain-class",  # what a method gives that returns a step is not known
        "drive2-executor-submit-coroutine",  # nor what the future of a thread gives
        "average-asked-too-soon",  # of a queue that died nobody knows what was left in it
        "bulk-insert-never-flushed",  # an attribute may be meant to keep what is in it
        "chat-broadcast-one-by-one",  # one after the other may be meant
        "config-loaded-for-two",  # who catches the cancellation may be prepared for it
        "download-read-once",  # nobody knows how much there is to be
        "etl-counts-its-errors",  # errors among the results may be meant to be counted
        "topic-with-one-queue",  # two workers share a queue as two subscribers do
        "new-is-async",  # Python calls no `__init__` of what such a `__new__` gives
        "pool-of-processes-given-an-async-job",  # it is made in another process
        "process-target-is-async",  # and dies in one
        "config-refreshed-by-each-request",  # each may be meant to read it anew
        "fetched-by-a-pool-nobody-asks",  # a future of a thread may be meant to be left
        "frame-read-in-parts",  # any part may do
        "queue-deleted-before-a-message-comes",  # what is still to come, is not known
        "window-read-in-the-loop",  # what blocks is told only with a name for it
        "singledispatch-hides-async",  # what a decorator has asked of a function is not looked for
    ]
)


#: These take seconds: they wait, or go on until somebody ends them.
_LONG = (
    "both-ends-wait",
    "counter-with-a-lock-of-threads",
    "download-asked-whether-it-is-done",
    "event-of-threads-that-nobody-sets",
    "file-read-from-its-start-each-time",
    "gather-of-loop-and-heartbeat",
    "get-message-without-a-timeout",
    "greeting-without-a-line-end",
    "handler-waits-for-its-client",
    "heartbeat-awaited-before-serving",
    "heartbeat-in-group",
    "heartbeat-keeps-the-group-open",
    "hook-that-never-ends",
    "job-in-a-thread-that-nobody-feeds",
    "ledger-with-a-lock-of-threads",
    "poller-outlives-the-program",
    "process-waited-with-open-input",
    "read-at-the-end-of-the-stream",
    "right-idle-connection-alarm",
    "right-job-fed-by-a-late-thread",
    "right-job-fed-by-a-signal",
    "right-job-fed-by-a-timer-of-the-loop",
    "right-listen-until-an-error",
    "right-loop-clock-as-a-function",
    "right-none-is-a-quiet-moment",
    "right-note-on-the-loop",
    "right-poll-until-ctrl-c",
    "right-pool-job-ended-by-a-timer-of-the-loop",
    "right-single-dispatch-counts",
    "right-worker-ended-after-the-main-thread",
    "right-worker-ended-by-a-daemon-timer",
    "right-worker-ended-by-a-scheduler",
    "right-worker-ended-by-an-alarm",
    "server-never-closes-its-writer",
    "servers-in-a-group-ok",
    "service-swallows-everything",
    "sleeps-without-sleeping",
    "sse-wait-swallows-the-cancel",
    "startup-hook-never-returns",
    "thread-queue-in-a-coroutine",
    "wait-on-done-forever",
    "watcher-asks-and-asks",
)


def _marked(case: Case) -> Any:
    marks = [pytest.mark.xfail(strict=True)] if case.name in _TWICE + _WITHIN else []
    if case.name in _LONG:
        marks.append(pytest.mark.slow)
    if case.name in _NOT_YET:
        marks.append(pytest.mark.xfail(strict=False, reason="a known miss"))
    if case.name in _NEW:
        marks.append(
            pytest.mark.skipif(
                sys.version_info < (3, 12), reason="it is another mistake there, or none"
            )
        )
    if sys.version_info >= _OLD.get(case.name, (4,)):
        marks.append(pytest.mark.skip(reason="is right here"))
    return pytest.param(case, id=case.name, marks=marks)


_ALL = [*cases(), *cases(folder="shapes")]


@pytest.mark.sampled(20)
@pytest.mark.parametrize("case", [*map(_marked, _ALL)])
def test_a_report_is_explained(case: Case) -> None:
    """The cause is named, the correction prints the right lines, the right program is silent."""
    found = judge(case)
    assert found.told_when_right is None
    assert found.cause, f"told {found.id}"
    assert found.fix is not False, found.note


def test_causes_are_words_that_are_known() -> None:
    """A name that stands for no pattern would be searched for as it is."""
    words = {word.strip() for case in _ALL for word in case.cause.split(" | ")}
    named = {word for word in words if re.fullmatch("[a-z]+(-[a-z]+)+", word)}
    assert named <= {*CAUSES, "silent-or"}


@pytest.mark.parametrize("folder", ["reports", "shapes"])
def test_programs_stand_in_files_called_by_what_explains_them(folder: str) -> None:
    """So all programs that an id was tried on are found; and right ones, and what is missed."""
    names = {path.stem for path in (DATA / folder).glob("*.txt")}
    ids = {rule.id.replace("-", "_") for rule in RULES}
    assert {name for name in names if not name.startswith("right_")} <= {*ids, "not_told"}
