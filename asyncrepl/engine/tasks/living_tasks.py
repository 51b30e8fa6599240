"""The records of the tasks that live, and which of them have a live lane.

Of ten tasks or of 10,000, the picture under the prompt shows eight, and it is drawn many times a
second, in the thread that echoes keys. So which ones, and how many others there are, is found
without a look at each: by what is kept here as tasks come and go. Looking at all took 4 ms a
frame with 10,000 of them, and made a megabyte of garbage.

Only the loop's thread writes. What is kept is copied as a whole before it is looked through: the
reader may be another thread.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import chain, islice
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from asyncrepl.engine.tasks.task_records import TaskRecord

_number, _born = attrgetter("number"), attrgetter("born")
#: A search for one of n tasks by its number takes as long as a look at so many.
_SEARCH_COST = 16


class LaneWindow(NamedTuple):
    """What the lanes show; all in nanoseconds on the user's clock, but for `rows`.

    Slices are shown from `since` on. A living task that was born after `born_by` has no lane yet
    (None: all have one), nor has one that ended and lived shorter than `shortest`, or ended before
    `ended_after`. Of tasks without a lane those are counted that ran from `ran_since` on. There
    are at most `rows` lanes, the last of which tells of the tasks that have none.
    """

    since: int
    born_by: int | None
    shortest: int
    ended_after: int
    ran_since: int
    rows: int


class LaneChoice(NamedTuple):
    """The tasks that have a lane, in order of birth, and those that are old enough for one.

    `old` includes those shown, and the commands'; in order of birth, too.
    """

    shown: Sequence[TaskRecord]
    old: Sequence[TaskRecord]
    others: int


class LivingTasks:
    """The records of living tasks; `by_id` has them by the task's ``id()``."""

    def __init__(self) -> None:
        self.by_id: dict[int, TaskRecord] = {}
        #: By number: those that no other task made, and those in which a command waits.
        self._roots: dict[int, TaskRecord] = {}
        self._commands: dict[int, TaskRecord] = {}
        self._newest = 0
        #: Whether they were added in the order of their numbers: not who made others before.
        self._in_order = True

    def add(self, key: int, record: TaskRecord) -> None:
        """The task of `record`, whose ``id()`` is `key`, lives from now on."""
        self.by_id[key] = record
        if record.parent is None:
            self._roots[record.number] = record
        if record.number > self._newest:
            self._newest = record.number
        else:
            self._in_order = False

    def rename(self, record: TaskRecord, name: str) -> None:
        """The task of `record` is called `name`."""
        record.name = name
        if name.startswith(":"):
            self._commands[record.number] = record
        elif self._commands:
            self._commands.pop(record.number, None)

    def remove(self, key: int) -> None:
        """The task whose ``id()`` was `key` is over."""
        record = self.by_id.pop(key)
        if record.parent is None:
            self._roots.pop(record.number, None)
        if self._commands:
            self._commands.pop(record.number, None)

    def chosen(self, born_by: int | None, rows: int) -> LaneChoice:
        """Those that have one of `rows` lanes if none may be born after `born_by`; any thread.

        Of too many, the oldest have one, and the youngest that no other task made: that is the
        statement just typed.
        """
        records = list(self.by_id.values())
        if not self._in_order:
            records.sort(key=_number)
        commands = dict(self._commands)
        if born_by is not None:
            del records[bisect_right(records, born_by, key=_born) :]
        newest = records[-1].number if records else 0
        count = len(records) - sum(number <= newest for number in commands)
        if count <= rows:
            return LaneChoice(records, records, 0)
        roots = list(self._roots.values())
        if not self._in_order:
            roots.sort(key=_number)
        youngest = (
            each
            for each in reversed(roots)
            if each.number <= newest and each.number not in commands
        )
        users = (each for each in records if each.number not in commands)
        most = chain(islice(youngest, 1), users)
        kept = {record.number: record for record in islice(most, max(rows - 1, 0))}
        return LaneChoice([kept[number] for number in sorted(kept)], records, count - len(kept))

    def count_among(self, choice: LaneChoice, numbers: Collection[int]) -> int:
        """How many of these `numbers` are of tasks that could have a lane, and have none."""
        shown = {record.number for record in choice.shown}
        rest = {*numbers} - shown - {*self._commands}
        old = choice.old
        if len(rest) * _SEARCH_COST > len(old):
            return len(rest.intersection(map(_number, old)))
        places = ((bisect_left(old, number, key=_number), number) for number in rest)
        return sum(at < len(old) and old[at].number == number for at, number in places)
