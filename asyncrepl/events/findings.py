"""Findings: mistakes that raise nothing, and what was forgotten, noted where they happen.

Like a refused operand (see `object_info`), a finding holds an `ObjectInfo` and no object: the
thing dies as it would have died. It is made where user code runs, perhaps in a finalizer, so
nothing more is done there than to note it; whoever listens looks at it later. Each place is
reported once for each kind of mistake, so a loop that repeats one is reported once.

Those of one loop are in its log (`asyncrepl.events.finding_log`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from asyncrepl.events.object_info import ObjectInfo, Place, place_at

if TYPE_CHECKING:
    from types import CodeType, FrameType

#: See `Finding`.
FindingKind = Literal[
    "lost", "shown", "unwalked", "driven", "exhausted", "running", "cut", "walked", "guarded",
    "skipping", "shared", "unchecked", "blocks", "unkept", "cut off", "cancelling", "dropped",
    "deprecated", "left", "kept", "swallowed", "blocked", "stuck", "stopped", "failed", "starved",
    "hogged", "sequential", "alternating", "unsuspended", "unwoken", "shut", "started",
    "paired", "unshared", "decorating", "called back", "in use",
    "overwriting", "shrunk", "late", "reused", "limiting", "uncalled", "outliving", "unordered",
    "falsy", "past end", "set elsewhere", "unread", "own cancel", "recurring",
    "retried", "idle", "made outside", "suppressing", "shielded", "released", "done early",
    "left behind", "in turn", "taken for nobody",
    "destroyed", "held", "given up",
    "left over", "unfinished", "refused",
]  # fmt: skip


class Finding(NamedTuple):
    """`what` was seen of an object, at an instruction of `code`.

    By the probes:

    - "lost": an async generator that was not begun, or the awaitable of a step, was
      made where nobody can iterate over or await it, or is gone and never was;
    - "shown": such a thing, or a coroutine, was printed;
    - "unwalked": an async generator was made here, and is gone or left without a step; or the
      awaitable of a step, and nobody has awaited it;
    - "driven": plain code iterates over a future, a task or a step, which are to be awaited;
    - "exhausted": a loop began to iterate over an async generator that is over;
    - "running": one that is in a step was asked for another, which it refuses;
    - "cut": one that a cancelled step has ended was asked for another;
    - "shut": one that was closed half way through, when a loop ended, was asked for another;
    - "walked": a loop iterates over an instance of a class whose ``__anext__`` looks wrong;
    - "guarded", "skipping", "shared", "unchecked": such a thing began
      (see `asyncrepl.instrument.silent_mistake_placement`);
    - "blocks": a function that blocks was called on the loop;
    - "paired": what gives awaitables in the order they are done is walked beside others;
    - "unshared": a lock was entered while another lived that was entered at the same place;
    - "decorating": a plain context manager decorates an ``async def``;
    - "called back": an async generator's method, whose name is the object, is called here by what
      awaits nothing; or what the loop is to call later cannot be called;
    - "unkept": a loop made tasks that nobody keeps, and `number` of them still run;
    - "overwriting": a variable was about to be written with what was worked out from its value
      before a wait, and it has changed since;
    - "shrunk": a list became shorter while a loop was in it, and waited;
    - "late": a loop that does not wait made a second thing that runs later and asks for a
      variable of the loop;
    - "reused": a generator yielded an object again that it has changed, and a list keeps it;
    - "outliving": a generator or coroutine that did not run yet left the block of its object;
    - "unordered": a set of tasks was taken for a row;
    - "falsy": a loop took an item that counts as false for the end;
    - "retried": a loop of attempts went on when one had succeeded, and another one succeeded;
    - "past end": a loop goes on reading a stream that is at its end;
    - "set elsewhere": a context variable has no value here, another task has set it, at `made`;
    - "unread": nobody looks at what ``gather`` has given, and among it is an error of the kind
      `info`;
    - "own cancel": a task cancels itself;
    - "uncalled": a method of it was asked whether it is true, and not called;
    - "limiting": a lock, a semaphore or a timeout was entered around tasks alone;
    - "cut off": so do tasks made anywhere, and the program's loop has run to its end;
    - "cancelling": so do tasks that were cancelled, and have not come to their end.

    By the interpreter and the loop:

    - "dropped": a coroutine died before it ran; where it died, `number` is 1 if no loop ran then;
    - "deprecated": the interpreter warned of what is called here;
    - "left": an async generator died at a ``yield``; where it died, `number` is that of
      the ``yield``;
    - "kept": one that was begun is left and lives on;
    - "swallowed": a task was cancelled and ended well; `code` is its coroutine's, `number` is 1 if
      nobody asks how it ended, or a task that was not cancelled waits for it, at `made`; 2 if it
      goes on for seconds;
    - "blocked": the code `made` held the loop for `number` milliseconds, and others were ready;
    - "stuck": a task waits here, and nothing can wake it; `info` is the kind of the object of
      asyncio's it waits for, and the name of its method, a task where one waits in the end for
      this very task, `number` the queue's limit, the items
      taken and not done, if no task has failed, or the tasks that the barrier lacks, 1 if another
      has cleared the event when it was set, 2 if its name is another event's by now, `made` is
      where the statement waits;
    - "unfinished": so does one at the ``join`` of a queue, or for a lock whose holder waits for
      this very task, and other things go on;
    - "unwoken": it waited here after another thread had made it ready, which wakes no loop;
    - "stopped": so does it, for a thread that has ended in a StopIteration;
    - "recurring": a task goes on here for ever, for nothing changes from round to round, and
      nothing else can change it; `number` is 1 if nobody sees anything of it, and the statement
      waits, at `made`, for it and for others that are done;
    - "made outside": a task was made here on a loop that another thread runs;
    - "suppressing": an `__exit__` gives back here what counts as true and is no bool, while an
      error is on its way;
    - "shielded": what was shielded here outlived who waited for it, and was cut off at the end;
    - "left behind": a context variable has no value here, in a thread, and has one where that was
      given its job;
    - "in turn": a loop awaits here the task that it has just made, and has done so before;
    - "taken for nobody": a task that was made here took an item of a queue, and nobody has it;
    - "released": a semaphore is released here to more than it ever was;
    - "done early": an item was said to be done here, and who works on it is cancelled, after
      a `join` that did not wait for that;
    - "destroyed": a task of this code, made at `made`, was dropped while it waited, and the loop
      goes on;
    - "idle": the loop that the program runs here has nothing to do, and nothing can come;
    - "in use": an async generator of this code was to be closed, and a task waits in it, here;
    - "left over": `number` items were collected here, to be handed on when there are enough, and
      were not; the loop is over, or was ended where it waited, at `made`;
    - "given up": here a task waits for another one, which was cancelled when the time limit of a
      third, at `made`, has ended the wait of that for it;
    - "held": a thread waits here, and the program that has ended with it;
    - "failed": a task of this code failed with an error of the kind `info`, unseen; `number` is 1
      where others wait for ever.

    By the tracer, of an iteration whose loop stands here:

    - "starved": it never suspended, and others were ready all the time;
    - "hogged": its body did not suspend for `number` milliseconds, and others were ready;
    - "sequential": its body waited in each round;
    - "alternating": so did its source.

    And by the shell:

    - "refused": pytest runs no test of this code, or no fixture where `number` is 1, as no plugin
      awaits it;
    - "started": a program has ended in which something asked for the running loop at its top;
    - "unsuspended": a statement of this text never suspended, and a task never ran.
    """

    what: FindingKind
    info: ObjectInfo
    code: CodeType
    offset: int
    number: int = 0
    #: The file and line it is about, where that is another: where what died was made.
    made: tuple[str, int] | None = None
    #: Whether the code there has called the very function whose coroutine died.
    direct: bool = False
    #: Of what is stuck: the code and instruction in which each task waits, outside in.
    others: tuple[tuple[tuple[CodeType, int], ...], ...] = ()
    #: Of what waits for a lock: where the task is that holds it, outside in. Of what blocks: where
    #: it is called, from the coroutine on.
    held: tuple[tuple[CodeType, int], ...] = ()

    @property
    def key(self) -> tuple[str, CodeType, int, tuple[str, int] | None]:
        """What makes it another one than those seen before."""
        made = self.made if self.what == "dropped" else None  # it may die far from there
        return self.what, self.code, self.offset, made

    @property
    def place(self) -> Place | None:
        """The source span of the instruction."""
        return place_at(self.code, self.offset)


def finding_at(
    what: FindingKind, info: ObjectInfo, frame: FrameType | None, number: int = 0
) -> Finding:
    """What was seen where `frame` is, or at the code in `info` if there is none."""
    if frame is not None:
        return Finding(what, info, frame.f_code, frame.f_lasti, number)
    assert info.code is not None
    return Finding(what, info, info.code, 0, number)


def code_of_whole_text(filename: str) -> CodeType:
    """What stands for the code of all of `filename`, in a finding that is about no one place."""
    return compile("", filename, "exec", dont_inherit=True)


LeakKind = Literal[
    "never awaited", "left open", "never iterated", "never retrieved", "destroyed pending"
]


class Leak(NamedTuple):
    """Something asynchronous was forgotten.

    - "never awaited": a coroutine was dropped before it ran at all;
    - "left open": an async generator was iterated over, left before its end, and lives on;
    - "never iterated": an async generator was made and thrown away at once;
    - "never retrieved": a task, or another future, failed and nobody asked how;
    - "destroyed pending": a task was dropped while it waited.

    These are the kinds. `what` is the qualified name of the coroutine or generator
    function, empty where it is not known; `made` the file and line where that was called,
    `noticed` those where the thing was dropped, left or thrown away, each None where that
    is not certain. `name` is the name of the task, or the user's name for the generator;
    `by_break` says that the ``break`` at `noticed` left it.
    """

    kind: LeakKind
    what: str
    made: tuple[str, int] | None = None
    noticed: tuple[str, int] | None = None
    name: str = ""
    by_break: bool = False
