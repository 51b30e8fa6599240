"""How ``asyncrepl explain`` looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncrepl.engine.tasks.await_graph import AwaitNode
from asyncrepl.explain.explanation import Explanation, Fix
from asyncrepl.views.diagnosis_patch import DiagnosedProgram, diagnosis_lines
from asyncrepl.views.styled_lines import plain
from asyncrepl.views.task_table import waits_in_words

if TYPE_CHECKING:
    from asyncrepl.views.styled_lines import Line

ERROR: list[Line] = [[("error", "TypeError: no")]]
BEFORE = "for x in ticks():\n    print(x)\n"
AFTER = "async " + BEFORE
LONG = "import ticks\n" * 20


def shown(fix: Fix | None, filename: str, text: str, *, whole: bool = False) -> list[str]:
    found = Explanation("id", "title", 1, "because", fix, None, "story")
    lines = diagnosis_lines(ERROR, [found], DiagnosedProgram(filename, text), whole=whole)
    assert [plain(line) for line in lines[:2]] == ["TypeError: no", "why  because"]
    return [plain(line) for line in lines[2:]]


def test_a_correction_that_python_cannot_run_says_what_can() -> None:
    """Where the corrected file awaits at its top, it is asyncrepl that runs it."""
    assert shown(Fix("a.py", AFTER), "a.py", BEFORE, whole=True) == [
        "try  this, all of a.py corrected:",
        "",
        "async for x in ticks():",
        "    print(x)",
        "",
        "run it    asyncrepl a.py",
    ]


def test_standard_input_has_no_name_and_is_shown_whole() -> None:
    """There is no file that a change could be applied to."""
    lines = shown(Fix("<stdin>", LONG + AFTER), "<stdin>", LONG + BEFORE)
    assert lines == ["try  this, all of it corrected:", "", *(LONG + AFTER).splitlines()]


def test_a_change_can_be_applied() -> None:
    """It is a unified diff, with the commands that apply it and run the file."""
    lines = shown(Fix("a.py", LONG + AFTER), "a.py", LONG + BEFORE)
    assert lines[:4] == ["try  this change:", "", "--- a.py", "+++ a.py"]
    assert lines[-5:] == [
        "+async for x in ticks():",
        "     print(x)",
        "",
        "apply it  asyncrepl explain a.py | patch a.py",
        "run it    asyncrepl a.py",
    ]


def test_other_files_that_change_are_shown_as_changes() -> None:
    """A mistake in an imported file is corrected there."""
    lines = shown(Fix("nowhere.py", "x = 1\n"), "a.py", BEFORE)
    assert lines == [
        "try  these changes:", "", "--- nowhere.py", "+++ nowhere.py", "@@ -0,0 +1 @@", "+x = 1"
    ]  # fmt: skip


def test_where_no_correction_is_known_there_is_the_cause() -> None:
    """Then `why` is all there is."""
    assert shown(None, "a.py", BEFORE) == []


def test_nothing_to_explain_is_one_calm_line() -> None:
    """It says why there is nothing: no error, another error, or Ctrl-C."""
    told = [
        plain(diagnosis_lines([], [], DiagnosedProgram("a.py", ""))[-1]),
        plain(diagnosis_lines([], [], DiagnosedProgram("a.py", "", {}, 3))[-1]),
        plain(diagnosis_lines(ERROR, [], DiagnosedProgram("a.py", ""))[-1]),
        plain(diagnosis_lines(ERROR, [], DiagnosedProgram("a.py", ""), interrupted=True)[-1]),
    ]
    assert told == [
        "nothing to explain: it ran without an error",
        "nothing to explain: it ended with exit status 3",
        "nothing to explain: this error is not about async iteration",
        "nothing to explain: it was interrupted",
    ]


def test_where_tasks_waited_is_told_when_nothing_else_is() -> None:
    """Each place once, those of the most tasks first, and no more than a screen holds."""
    worker = AwaitNode("Task-2", "waiting", "Queue.get", "a.py:3", "job = await q.get()", "work")
    waits = waits_in_words([worker._replace(function="main", where="a.py:9"), worker, worker])
    assert waits == [
        "2 tasks of `work` waited at a.py:3: job = await q.get()  (Queue.get)",
        "`main` waited at a.py:9: job = await q.get()  (Queue.get)",
    ]
    subject = DiagnosedProgram("a.py", "", waits=[*waits[1:], *"bcdefg"])
    assert [plain(each) for each in diagnosis_lines([], [], subject)] == [
        "nothing to explain: it ran without an error",
        "when it ended  `main` waited at a.py:9: job = await q.get()  (Queue.get)",
        *(f"               {each}" for each in "bcde"),
        "               and 2 more",
    ]
