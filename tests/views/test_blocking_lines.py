"""How a blocked loop is told: one row while it lasts, one line or two when it is over."""

from __future__ import annotations

import pytest

from asyncrepl.events import Blocked, BlockingReport
from asyncrepl.views.status_rows import blocked_lines, blocked_row
from asyncrepl.views.styled_lines import plain

TICK = Blocked("tick", "<input 3>", 2, "time.sleep(2)", 1.34)
INPUT = TICK._replace(task="input 3")
CALLBACK = TICK._replace(task=None)
FILE = TICK._replace(filename="/home/ann/project/very/long/name/worker.py", line=120)
NOWHERE = Blocked("tick", "", 0, "", 1.34)

ROWS = [
    (TICK, 79, "loop blocked 1.3 s by task 'tick' at <input 3>:2: time.sleep(2)"),
    (INPUT, 79, "loop blocked 1.3 s by task 'input 3' at <input 3>:2: time.sleep(2)"),
    (CALLBACK, 79, "loop blocked 1.3 s by a callback at <input 3>:2: time.sleep(2)"),
    (TICK, 60, "loop blocked 1.3 s by task 'tick' at <input 3>:2: time.slee…"),
    (TICK, 39, "blocked 1.3 s by 'tick' at <input 3>:2"),
    (INPUT, 39, "blocked 1.3 s at <input 3>:2: time.sle…"),
    (FILE, 79, "blocked 1.3 s by 'tick' at /home/ann/project/very/long/name/worker.py:120"),
    (FILE, 39, "blocked 1.3 s by 'tick' at worker.py:1…"),
    (TICK._replace(source=""), 79, "loop blocked 1.3 s by task 'tick' at <input 3>:2"),
]


@pytest.mark.parametrize(("found", "width", "expected"), ROWS)
def test_the_row_fits(found: Blocked, width: int, expected: str) -> None:
    """On a narrow screen it keeps what tells most: seconds, who, where."""
    row = plain(blocked_row(found, width))
    assert row == expected
    assert len(row) <= width


def once(found: Blocked) -> BlockingReport:
    return BlockingReport(found, 1, found.seconds, frozenset({found.task}))


LINES = [
    (once(TICK), 80, ["loop was blocked 1.3 s by task 'tick' at <input 3>:2: time.sleep(2)"]),
    (once(TICK), None, ["loop was blocked 1.3 s by task 'tick' at <input 3>:2: time.sleep(2)"]),
    (once(TICK), 40, ["loop was blocked 1.3 s by task 'tick'", "  at <input 3>:2: time.sleep(2)"]),
    (once(INPUT), 40, ["loop was blocked 1.3 s", "  at <input 3>:2: time.sleep(2)"]),
    (once(NOWHERE), 80, ["loop was blocked 1.3 s by task 'tick'"]),
    (once(NOWHERE), 40, ["loop was blocked 1.3 s by task 'tick'"]),
    (
        BlockingReport(TICK, 12, 2.41, frozenset({"tick"})),
        None,
        ["loop was blocked 12 more times, 2.4 s in all, by task 'tick' at <input 3>:2: time.sleep(2)"],
    ),
    (
        BlockingReport(TICK, 12, 2.41, frozenset({"a", "b", None})),
        80,
        ["loop was blocked 12 more times, 2.4 s in all, by 3 tasks", "  at <input 3>:2: time.sleep(2)"],
    ),
    (
        once(TICK._replace(waited=1.1)),
        None,
        ["loop was blocked 1.3 s, 1.1 s of it waiting for its turn, by task 'tick' at <input 3>:2: time.sleep(2)"],
    ),
    (
        once(TICK._replace(collected=1.1)),
        None,
        ["loop was blocked 1.3 s, 1.1 s of it collecting garbage, by task 'tick' at <input 3>:2: time.sleep(2)"],
    ),
    (  # no break within the name of the task
        once(TICK._replace(task="input 1", filename="demos/blocking.py", seconds=0.4)),
        40,
        ["loop was blocked 0.4 s", "  by task 'input 1'", "  at demos/blocking.py:2:", "    time.sleep(2)"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("blocks", "width", "expected"), LINES)
def test_the_line_takes_two_where_one_is_too_narrow(
    blocks: BlockingReport, width: int | None, expected: list[str]
) -> None:
    """In the past tense, so that it is told from the row; long ones break before the place."""
    assert [plain(line) for line in blocked_lines(blocks, width)] == expected


def test_what_users_wrote_does_not_reach_the_terminal_raw() -> None:
    """Names and source lines may hold escape sequences."""
    evil = TICK._replace(task="\x1b[2J", filename="\x1b[2J.py", source="'\x1b[2J'")
    shown = plain(blocked_row(evil, 200)) + "".join(map(plain, blocked_lines(once(evil), 200)))
    assert "\x1b" not in shown
