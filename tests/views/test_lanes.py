"""The picture of tasks over time."""

from __future__ import annotations

import pytest
from support.snapshots import MS, lane, snapshot

from asyncrepl.events import CALLBACK, IDLE, Ending, Snapshot
from asyncrepl.views.glyphs import glyphs_of
from asyncrepl.views.lanes import lane_lines, legend
from asyncrepl.views.styled_lines import STYLES, plain

NOW = 10_000 * MS
#: Cells of a name and its gap at 40 columns.
NAMES = 9


def draw(picture: Snapshot, width: int = 40, **options: object) -> list[str]:
    """The lines in ASCII, as text without blanks at the end."""
    lines = lane_lines(picture, NOW, width, ascii=True, **options)  # type: ignore[arg-type]
    return [plain(line).rstrip() for line in lines]


def test_a_waiting_task_is_a_line_to_the_right_edge() -> None:
    """A task that only waits is a line from its birth to now, its name first."""
    (row,) = draw(snapshot([lane(1, "tick", born=8000)]))
    assert row == "tick" + " " * 15 + "-" * 21


def test_running_values_and_prints_have_their_own_glyphs() -> None:
    """Each state is one glyph in the column of its instant."""
    picture = snapshot(
        [lane(1, "t", born=9000)],
        slices=[(IDLE, 0), (1, 9200), (IDLE, 9405), (1, 9600), (CALLBACK, 9600), (IDLE, 9600)],
        marks=[(1, 9700, "print"), (1, 9800, "value")],
    )
    (row,) = draw(picture)
    assert row[-11:] == "--==+-+o@--"


@pytest.mark.parametrize(("how", "glyph"), [("done", "|"), ("error", "X"), ("cancelled", "/")])
def test_an_ended_task_shows_how(how: Ending, glyph: str) -> None:
    """The last glyph of a task tells how it ended; after it the row is blank."""
    (row,) = draw(snapshot([lane(1, "t", born=9000)], ended=[(1, 9500, how)]))
    assert row == "t" + " " * 28 + "-----" + glyph


def test_an_ended_task_goes_after_a_while() -> None:
    """A task that has ended keeps its row for `linger` seconds, and then goes."""
    gone = snapshot([lane(1, "t")], ended=[(1, 6900, "done")])
    assert draw(gone) == []
    assert len(draw(gone, linger=4.0)) == 1


def test_marks_do_not_jitter() -> None:
    """As now moves on, a mark stays in its place or moves left by a whole column."""
    picture = snapshot([lane(1, "t")], marks=[(1, 9333, "value")])
    rows = [plain(lane_lines(picture, NOW + step * 7 * MS, 40)[0]) for step in range(30)]
    columns = [row.index("●") for row in rows]
    assert columns == sorted(columns, reverse=True)
    assert columns[0] - columns[-1] == 2
    assert len({row.replace("●", "─") for row in rows}) == 1


def test_children_stand_under_their_parent() -> None:
    """Rows are in order of birth, each child indented below its parent, whoever ends."""
    family = [
        lane(1, "parent"),
        lane(2, "other"),
        lane(3, "child", parent=1),
        lane(4, "grandchild of many", parent=3),
        lane(5, "orphan", parent=9),
    ]
    ended = snapshot(family, ended=[(2, 9000, "done")])
    names = [row[:NAMES].rstrip() for row in draw(ended)]
    assert names == ["parent", "  child", "    gra~", "other", "orphan"]


def test_the_task_of_a_command_has_no_row() -> None:
    """While `:wait` waits, the user's tasks are shown, and they alone."""
    rows = draw(snapshot([lane(1, "tick"), lane(2, ":wait")]))
    assert [row.split()[0] for row in rows] == ["tick"]


def test_who_runs_for_a_moment_does_not_look_busy() -> None:
    """A spike is a task that ran in that column, a block one that had most of it."""
    slices = [(IDLE, 0)]
    for column in range(9000, 10_000, 100):
        slices += [(1, column + 10), (2, column + 11), (IDLE, column + 70)]
    brief, busy = draw(snapshot([lane(1, "brief"), lane(2, "busy")], slices))
    assert brief[-11:] == "+" * 10 + "-"
    assert busy[-11:] == "=" * 10 + "-"


def test_too_many_tasks_are_summed_up() -> None:
    """The last of `rows` counts the tasks without one, and those of them that ran."""
    crowd = [lane(number, f"t{number}") for number in range(1, 21)]
    picture = snapshot(crowd, slices=[(2, 9500), (15, 9600), (16, 9700), (IDLE, 9800)])
    rows = draw(picture)
    assert len(rows) == 8
    assert rows[-1] == "+ 13 more: 2 ran lately"
    assert draw(picture, rows=1) == ["+ 20 more: 3 ran lately"]


def test_the_statement_just_typed_is_among_the_few() -> None:
    """Of too many tasks, the youngest that no other task made is drawn, with the eldest."""
    crowd = [lane(number, f"t{number}") for number in range(1, 11)]
    crowd += [lane(11, "input 3"), lane(12, "child", parent=11)]
    names = [row.split()[0] for row in draw(snapshot(crowd))]
    assert names == ["t1", "t2", "t3", "t4", "t5", "t6", "input", "+"]


def test_the_ended_make_room_for_the_living() -> None:
    """Where rows are few, tasks that have ended go first, without being counted."""
    crowd = [lane(number, f"t{number}") for number in range(1, 11)]
    picture = snapshot(crowd, ended=[(number, 9000 + number, "done") for number in (1, 2, 3, 4)])
    names = [row.split()[0] for row in draw(picture)]
    assert names == ["t3", "t4", "t5", "t6", "t7", "t8", "t9", "t10"]


@pytest.mark.parametrize("width", [40, 80, 200, 12])
def test_no_line_is_wider_than_asked(width: int) -> None:
    """Every line fits, whatever the names and however narrow the picture."""
    names = "a very long name of a task indeed", "日本語の名前です", "\n\x1b"
    crowd = [lane(number, name) for number, name in enumerate(names, 1)]
    for line in lane_lines(snapshot(crowd), NOW, width):
        text = plain(line)
        wide = sum(char in "日本語の名前です" for char in text)
        assert len(text) + wide == max(width, NAMES + 1)


def test_names_cannot_move_the_cursor() -> None:
    """Control characters in a task's name are spelled out."""
    text = plain(lane_lines(snapshot([lane(1, "a\x1b[2J\nb\t")]), NOW, 80)[0])
    assert text.startswith(r"a\x1b[2J\nb\t ")


def test_a_column_may_be_longer_or_shorter() -> None:
    """Slow motion shows less time in more detail: the same mark moves away from the edge."""
    picture = snapshot([lane(1, "t")], marks=[(1, 9_900, "value")])
    assert draw(picture, column=100 * MS)[0].endswith("@-")
    assert draw(picture, column=10 * MS)[0].endswith("@" + 10 * "-")
    assert "@" not in draw(picture, column=MS)[0]


def test_a_busy_second_is_drawn_as_running() -> None:
    """A hundred slices in a column, or one slice over many columns, are both running."""
    many = [(1 + number % 2, 9000 + number) for number in range(900)]
    picture = snapshot([lane(1, "a"), lane(2, "b")], slices=[(1, 8000), *many, (2, 9900)])
    first, second = draw(picture)
    assert first[-21:] == "=" * 19 + "--"
    assert second[-11:] == "=" * 11


def test_every_glyph_is_one_cell_and_every_style_known() -> None:
    """The legend names all glyphs once, in known styles; its ASCII form is ASCII."""
    (line,) = legend()
    assert {style for style, _ in line} <= set(STYLES)
    glyphs = [text for _, text in line[::3]]
    assert all(len(glyph) == 1 for glyph in glyphs)
    assert len(set(glyphs)) == len(glyphs) == len(glyphs_of("lanes")) - 1 == 8
    assert all(plain(line).isascii() for line in legend(ascii=True))


def test_the_legend_fits() -> None:
    """At 40 columns the legend takes as many lines as it needs, and tells only what is asked."""
    assert [plain(line) for line in legend(width=39)] == [
        "─ waits   ┴ runs briefly   █ runs",
        "• prints   ● value   ┤ ends",
        "○ cancelled   ✗ error",
    ]
    assert [plain(line) for line in legend({"waiting", "error"})] == ["─ waits   ✗ error"]
