"""The tree of tasks, from plain facts."""

from __future__ import annotations

from asyncrepl.engine.tasks.await_graph import AwaitNode
from asyncrepl.views.styled_lines import plain
from asyncrepl.views.task_table import tree_lines

PLACE = ("<input 1>:3", "await asyncio.sleep(n)")


def shown(*nodes: AwaitNode, **options: int | None) -> list[str]:
    return [plain(line) for line in tree_lines(nodes, **options)]  # type: ignore[arg-type]


def napping(name: str) -> AwaitNode:
    return AwaitNode(name, "waiting", "asyncio.sleep(1)", *PLACE, "fetch")


FAMILY = (
    AwaitNode("input 3", "waiting", "gather of 2", "<input 3>:4", "await both", "main", (1, 2)),
    napping("Task-7"),
    AwaitNode("Task-8", "waiting", "Queue.get (jobs)", "<input 2>:5", "await jobs.get()", "main.<locals>.fetch", (3,)),
    AwaitNode("Task-9", "waiting", "a future"),
    AwaitNode("tick", "waiting", "asyncio.sleep(0.2)"),
)  # fmt: skip


def test_who_is_awaited_stands_below() -> None:
    """Each task with what it waits on, where, and those it awaits below it."""
    assert shown(*FAMILY) == [
        "input 3  main() waits on gather of 2 at <input 3>:4: await both",
        "├─ Task-7  fetch() waits on asyncio.sleep(1) at <input 1>:3: await asyncio.sleep(n)",
        "└─ Task-8  fetch() waits on Queue.get (jobs) at <input 2>:5: await jobs.get()",
        "   └─ Task-9  waits on a future",
        "tick     waits on asyncio.sleep(0.2)",
    ]


def test_names_of_tasks_side_by_side_are_aligned() -> None:
    """By the cells they take; a very long one, and a narrow screen, end that."""
    nodes = [AwaitNode(name, "waiting", "a future") for name in ("一二三", "tick", "t")]
    assert shown(*nodes, width=80) == [
        "一二三  waits on a future",
        "tick    waits on a future",
        "t       waits on a future",
    ]
    assert shown(*nodes, width=40)[2] == "t  waits on a future"
    assert shown(*nodes, AwaitNode("x" * 25, "waiting"))[2] == "t  waits on a future"


def test_the_source_is_shown_where_there_is_room() -> None:
    """On 80 columns long lines go without."""
    assert shown(*FAMILY, width=80)[:3] == [
        "input 3  main() waits on gather of 2 at <input 3>:4: await both",
        "├─ Task-7  fetch() waits on asyncio.sleep(1) at <input 1>:3",
        "└─ Task-8  fetch() waits on Queue.get (jobs) at <input 2>:5: await jobs.get()",
    ]


def test_on_40_columns_the_guides_go_on() -> None:
    """Lines are wrapped, none is longer than the screen, and a place stays in one piece."""
    assert shown(*FAMILY, width=40) == [
        "input 3  main() waits on",
        "│    gather of 2 at <input 3>:4",
        "├─ Task-7  fetch() waits on",
        "│    asyncio.sleep(1) at <input 1>:3",
        "└─ Task-8  fetch() waits on",
        "   │    Queue.get (jobs) at <input 2>:5",
        "   └─ Task-9  waits on a future",
        "tick  waits on asyncio.sleep(0.2)",
    ]


def test_the_guides_have_a_form_in_ascii() -> None:
    """Nothing else than ASCII is drawn."""
    lines = [plain(line) for line in tree_lines(FAMILY, 40, ascii=True)]
    assert all(line.isascii() for line in lines)
    assert lines[2].startswith("|- Task-7")
    assert lines[4].startswith("`- Task-8")


def test_states_are_told_in_words() -> None:
    """Running, ready, stopping, and waiting where nothing is known."""
    place = ("<input 1>:3", "pass", "f")
    assert shown(
        AwaitNode("a", "running", "", *place),
        AwaitNode("b", "ready", "asyncio.sleep(0)", *place),
        AwaitNode("c", "stopping", "Queue.get", *place),
        AwaitNode("d", "waiting"),
        width=60,
    ) == [
        "a  f() runs at <input 1>:3: pass",
        "b  f() is ready to run at <input 1>:3: pass",
        "c  f() is stopping: waits on Queue.get at <input 1>:3: pass",
        "d  waits",
    ]


def test_a_circle_is_told_and_ends() -> None:
    """Tasks that await each other are drawn once, from the first of the circle."""
    assert shown(
        AwaitNode("c", "waiting", "task 'a'", awaits=(1,)),
        AwaitNode("a", "waiting", "task 'b'", awaits=(2,)),
        AwaitNode("b", "waiting", "task 'a'", awaits=(1,)),
        AwaitNode("x", "waiting", "task 'x'", awaits=(3,)),
    ) == [
        "c  waits on task 'a'",
        "└─ a  waits on task 'b'",
        "   └─ b  waits on task 'a'",
        "      └─ a  again: a cycle, each waits for the next",
        "x  waits on task 'x'",
        "└─ x  again: a cycle, each waits for the next",
    ]


def test_a_circle_without_a_beginning_is_entered_in_it() -> None:
    """A task that hangs off a circle is no root, also if it is the first by name."""
    lines = shown(
        AwaitNode("a", "waiting", "Queue.get"),
        AwaitNode("b", "waiting", awaits=(2,)),
        AwaitNode("c", "waiting", awaits=(0, 1)),
    )
    assert lines[0] == "b  waits"
    assert "   ├─ a  waits on Queue.get" in lines


def test_a_task_that_two_await_is_told_once() -> None:
    """The second time it is only named."""
    assert shown(
        AwaitNode("a", "waiting", awaits=(2,)),
        AwaitNode("b", "waiting", awaits=(2,)),
        napping("c"),
        width=60,
    ) == [
        "a  waits",
        "└─ c  fetch() waits on asyncio.sleep(1) at <input 1>:3",
        "b  waits",
        "└─ c  (see above)",
    ]


def test_of_many_siblings_the_number_is_told() -> None:
    """With those that hang off them; what comes after them is still drawn."""
    many = [AwaitNode(f"Task-{n}", "waiting", awaits=(11,) if n == 9 else ()) for n in range(10)]
    lines = shown(
        AwaitNode("g", "waiting", awaits=tuple(range(1, 11))),
        *many,
        napping("deep"),
        napping("z"),
        siblings=4,
        width=30,
    )
    assert lines[3:5] == ["├─ Task-2  waits", "└─ + 8 more"]
    assert lines[5].startswith("z")
    assert not any("more" in line for line in lines[5:])


def test_ten_thousand_tasks_are_a_screenful() -> None:
    """In a row, in a chain and under one root."""
    row = [napping(f"Task-{n}") for n in range(10_000)]
    chain = [AwaitNode(str(n), "waiting", awaits=(n + 1,)) for n in range(9_999)] + [
        napping("last")
    ]
    fan = [AwaitNode("main", "waiting", awaits=tuple(range(1, 10_000))), *row[1:]]
    assert shown(*row)[-1] == "+ 9960 more"
    assert shown(*chain)[-1].endswith("└─ + 9960 more")
    assert shown(*fan)[-1] == "└─ + 9990 more"


def test_a_name_cannot_move_the_cursor() -> None:
    """Control characters and newlines are spelled out."""
    assert shown(AwaitNode("\x1b[2J\n", "waiting", "task '\x1b'")) == [
        "\\x1b[2J\\n  waits on task '\\x1b'"
    ]


def test_no_task_is_no_line() -> None:
    """Without tasks there is no tree."""
    assert tree_lines([]) == []
