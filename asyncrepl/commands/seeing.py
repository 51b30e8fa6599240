"""Commands that show: steps, lanes, and what the last error was about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncrepl.commands.registry import Command, CommandError, Instead
from asyncrepl.language.likeness import most_like
from asyncrepl.views.explanations import fix_text, story_lines
from asyncrepl.views.styled import one_line, text_lines, wrapped
from asyncrepl.views.table import meaning_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncrepl.commands.registry import Words
    from asyncrepl.commands.shell import Shell
    from asyncrepl.explain.explanation import Explanation
    from asyncrepl.explain.rule import Rule
    from asyncrepl.views.styled import Line

__all__ = ["COMMANDS"]


#: The six steps, as the narration names them.
STEPS = (
    ("1 __aiter__", "the iterable is asked for an asynchronous iterator"),
    ("2 __anext__", "that is asked for the next value, and gives something to await"),
    ("3 await", "it is awaited: suspended, while others run, or not suspended"),
    ("4 bind", "the value gets its name"),
    ("5 body", "the body of the loop runs; then the next round, from step 2"),
    ("6 stop", "StopAsyncIteration ends the loop; or break, or an error"),
)


def _lanes(shell: Shell, rest: str) -> list[Line]:
    if not rest:
        now, other = ("on", "off") if shell.front.lanes else ("off", "on")
        what = f"; :lanes {other} changes that, :help lanes explains the marks"
        return [[("", f"lanes are {now}"), ("dim", what)]]
    if rest not in {"on", "off"}:
        raise CommandError(f":lanes takes on or off, not {rest!r}")
    shell.front.show_lanes(on=rest == "on")
    if rest == "off":
        return []
    from asyncrepl.views.tracks import legend

    return legend(width=shell.console.width, ascii=shell.console.ascii)


def _lane_marks(shell: Shell) -> list[Line]:
    """What the lanes show, for somebody who sees them for the first time."""
    from asyncrepl.views.tracks import marks_table

    about = (
        "A row is a task, and time runs to the right: the newest is at the right edge. The "
        "tasks that a task made stand below it. A column is 0.1 s of real time. The marks, "
        "and what they are in plain ASCII:"
    )
    width = shell.console.width
    told: list[Line] = [[("", f"  {line}")] for line in wrapped(about, width and width - 2)]
    return [*told, *marks_table()]


def _six_steps(shell: Shell) -> list[Line]:
    rows = [(f"  {name}", what) for name, what in STEPS]
    return meaning_lines(rows, shell.console.width)


def _trace(shell: Shell, rest: str) -> list[Line] | Instead:
    if not rest:
        raise CommandError(":trace takes on, off or a statement: try :trace async for n in …")
    if rest in {"on", "off"}:
        shell.narrator.turn(on=rest == "on")
        told = "each async for is told step by step, until :trace off"
        return [[("dim", told)]] if rest == "on" else []
    return Instead(rest, shell.narrator.tell_of, shell.narrator.told)


def _why(shell: Shell, rest: str) -> list[Line]:
    width = shell.console.width
    if not rest:
        return story_lines(_explanation(shell).story, width)
    from asyncrepl.explain.catalogue import RULES
    from asyncrepl.views.mistakes import catalogue_lines, mistake_lines

    if rest == "--all":
        return catalogue_lines(RULES, width)
    return mistake_lines(_rule(RULES, rest), width)


def _rule(rules: Sequence[Rule], name: str) -> Rule:
    """The rule whose id is `name`, or alone begins with it."""
    by_id = {rule.id: rule for rule in rules}
    beginning = [known for known in by_id if known.startswith(name)]
    if name in by_id or len(beginning) == 1:
        return by_id.get(name) or by_id[beginning[0]]
    if 1 < len(beginning) <= 4:
        raise CommandError(f"{one_line(name)!r} is ambiguous: {', '.join(beginning)}")
    near = beginning[0] if beginning else most_like(name, by_id)
    hint = f"did you mean {near}?" if near else ":why --all lists them"
    raise CommandError(f"no mistake is called {one_line(name)!r}; {hint}")


def _mistakes(_shell: Shell, _typed: str) -> Words:
    from asyncrepl.explain.catalogue import RULES

    return {"--all": "list them all"} | {rule.id: rule.title for rule in RULES}


def _fix(shell: Shell, _rest: str) -> list[Line]:
    fix = _explanation(shell).fix
    if fix is None:
        raise CommandError("there is no one corrected form to offer; :why tells what to change")
    text = fix_text(fix)
    return [] if shell.front.offer(text) else text_lines(text)


def _explanation(shell: Shell) -> Explanation:
    if shell.explanation is None:  # what a traced walk has shown may be worth a word
        shell.explanation = shell.remarks.asked()
    if shell.explanation is None:
        if shell.last is None:
            raise CommandError("no error yet: there is nothing to explain")
        name = type(shell.last.error).__name__
        raise CommandError(f"the last error, {name}, is not about async iteration")
    return shell.explanation


def _on_off(_shell: Shell, _typed: str) -> Words:
    return ("on", "off")


COMMANDS = (
    Command(
        "trace",
        ":trace on|off|STATEMENT",
        "tell the six steps of each async for",
        ":trace async for n in ticks(3): n",
        _trace,
        _on_off,
        group="seeing",
        details="Of all, of none, or of those in one statement, also in the functions that it "
        "calls. Where step 3 does not suspend, nobody else can run. "
        "What step 2 gives is told by its type: async_generator_asend is one step of an async "
        "generator, to be awaited.",
        more=_six_steps,
    ),
    Command(
        "lanes",
        ":lanes on|off",
        "draw a row for each task under the prompt",
        ":lanes on",
        _lanes,
        _on_off,
        group="seeing",
        words=1,
        more=_lane_marks,
    ),
    Command(
        "why",
        ":why [ID|--all]",
        "explain the last error, or any mistake by its ID",
        ":why --all",
        _why,
        _mistakes,
        group="mistakes",
        details="--all lists the mistakes that are known, with their IDs.",
    ),
    Command(
        "fix",
        ":fix",
        "put the corrected code on the input line",
        ":fix",
        _fix,
        group="mistakes",
        words=0,
        verbatim=True,
    ),
)
