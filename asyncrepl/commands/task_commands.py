"""Commands for what runs behind the prompt: tickers, spawned statements, tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncrepl.engine.tasks.task_records import all_tasks
from asyncrepl.session.command_registry import CommandError, command

if TYPE_CHECKING:
    from asyncrepl.session.shell import Shell
    from asyncrepl.views.styled_lines import Line


@command(
    ":ticker NAME [SECONDS]",
    "print in the background, every SECONDS (or 1)",
    group="background",
    rank=10,
    example=":ticker tick 0.2",
    details="It is a task like any other, called NAME; :stop NAME ends it.",
)
def _ticker(shell: Shell, rest: str) -> list[Line]:
    words = rest.split()
    if len(words) not in {1, 2}:
        wrong = f", not {rest!r}" if rest else ""
        raise CommandError(f":ticker takes a name and seconds{wrong}: try :ticker tick 0.2")
    name = words[0]
    if _number(name) is not None:
        raise CommandError(f"{name} is no name for a ticker: try :ticker tick {name}")
    seconds = _number(words[1]) if len(words) > 1 else 1.0
    if seconds is None:
        raise CommandError(f"{words[1]!r} is not a number of seconds: try 0.2")
    shell.jobs.start_ticker(name, seconds, ascii=shell.console.ascii)
    return [[("", f"{name} started: every {seconds:g} s")]]


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None


@command(
    ":stop NAME|all",
    "stop a ticker or a spawned statement",
    group="background",
    rank=20,
    example=":stop tick",
    complete=lambda shell, _typed: [*shell.jobs.names, "all"],
)
def _stop(shell: Shell, rest: str) -> list[Line]:
    if not rest:
        names = ", ".join(shell.jobs.names)
        raise CommandError(":stop takes a name or all" + (f"; running: {names}" if names else ""))
    if rest == "all":
        lines: list[Line] = [[("", f"{name} stopped")] for name in shell.jobs.stop_all()]
        return lines or [[("dim", "nothing is running")]]
    shell.jobs.stop(rest)
    return [[("", f"{rest} stopped")]]


@command(
    ":spawn STATEMENT",
    "run a statement in the background, as a task",
    group="background",
    rank=30,
    example=":spawn async for n in ticks(5): print(n)",
    details="The prompt is free at once; :tasks shows it, :stop ends it.",
)
def _spawn(shell: Shell, rest: str) -> list[Line]:
    if not rest:
        raise CommandError(":spawn takes a statement: try :spawn await asyncio.sleep(5)")
    name = shell.jobs.spawn(rest)
    return [[("", f"{name} started")]] if name else []


@command(
    ":tasks",
    "list the tasks, and where each waits",
    group="background",
    rank=40,
    words=0,
    elsewhere="jobs ps",
)
def _tasks(shell: Shell, _rest: str) -> list[Line]:
    from asyncrepl.engine.tasks.task_survey import survey_tasks
    from asyncrepl.views.task_table import task_lines

    states = survey_tasks(shell.loop, shell.observing.timeline)
    return task_lines(states, shell.console.width, ascii=shell.console.ascii) or [
        [("dim", "no task is running")]
    ]


@command(":tree", "show which task awaits which, and where", group="background", rank=50, words=0)
def _tree(shell: Shell, _rest: str) -> list[Line]:
    from asyncrepl.engine.tasks.await_graph import await_graph
    from asyncrepl.views.task_table import tree_lines

    nodes = await_graph(shell.loop, shell.session.namespace)
    return tree_lines(nodes, shell.console.width, ascii=shell.console.ascii) or [
        [("dim", "no task is running")]
    ]


@command(
    ":cancel NAME",
    "cancel a task",
    group="background",
    rank=60,
    example=":cancel Task-7",
    complete=lambda shell, _typed: [task.get_name() for task in all_tasks(shell.loop)],
    elsewhere="kill",
)
def _cancel(shell: Shell, rest: str) -> list[Line]:
    if not rest:
        raise CommandError(":cancel takes the name of a task; :tasks lists them")
    found = [task for task in all_tasks(shell.loop) if task.get_name() == rest]
    if not found:
        raise CommandError(f"no task {rest!r}; :tasks lists them")
    try:
        for task in found:
            task.cancel()
    except RecursionError:  # a cancellation is handed on to what the task awaits
        raise CommandError(
            f"{rest!r} awaits itself in the end, so asyncio cannot cancel it; :tree shows how"
        ) from None
    return [[("", f"{rest} cancelled")]]
