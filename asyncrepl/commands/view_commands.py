"""Commands that show: steps, lanes, leaks, and what an error was about.

``:trace``, ``:lanes``, ``:walk``; ``:why``, ``:fix``, ``:leaks``. What draws is imported when
it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncrepl.runtime.configuration import closest_match
from asyncrepl.session.command_registry import CommandError, StatementAnswer, command
from asyncrepl.views.explanation_lines import fix_text, story_lines
from asyncrepl.views.styled_lines import one_line, text_lines, two_columns, wrapped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncrepl.explain.explanation import Explanation, Rule
    from asyncrepl.session.command_registry import CompletionWords
    from asyncrepl.session.shell import Shell
    from asyncrepl.views.styled_lines import Line


#: The six steps, as the narration names them.
STEP_MEANINGS = (
    ("1 __aiter__", "the iterable is asked for an asynchronous iterator"),
    ("2 __anext__", "that is asked for the next value, and gives something to await"),
    ("3 await", "it is awaited: suspended, while others run, or not suspended"),
    ("4 bind", "the value gets its name"),
    ("5 body", "the body of the loop runs; then the next round, from step 2"),
    ("6 stop", "StopAsyncIteration ends the loop; or break, or an error"),
)


def _lane_glyph_lines(shell: Shell) -> list[Line]:
    """What the lanes show, for somebody who sees them for the first time."""
    from asyncrepl.views.glyphs import glyph_rows

    about = (
        "A row is a task, and time runs to the right: the newest is at the right edge. The "
        "tasks that a task made stand below it. A column is 0.1 s of real time. The marks, "
        "and what they are in plain ASCII:"
    )
    width = shell.console.width
    told: list[Line] = [[("", f"  {line}")] for line in wrapped(about, width and width - 2)]
    return [*told, *glyph_rows("lanes")]


@command(
    ":lanes on|off",
    "draw a row for each task under the prompt",
    group="seeing",
    rank=20,
    example=":lanes on",
    complete=lambda _shell, _typed: ("on", "off"),
    words=1,
    more=_lane_glyph_lines,
)
def _lanes(shell: Shell, rest: str) -> list[Line]:
    if not rest:
        now, other = ("on", "off") if shell.frontend.lanes else ("off", "on")
        what = f"; :lanes {other} changes that, :help lanes explains the marks"
        return [[("", f"lanes are {now}"), ("dim", what)]]
    if rest not in {"on", "off"}:
        raise CommandError(f":lanes takes on or off, not {rest!r}")
    shell.frontend.show_lanes(on=rest == "on")
    if rest == "off":
        return []
    from asyncrepl.views.lanes import legend

    return legend(width=shell.console.width, ascii=shell.console.ascii)


@command(
    ":trace on|off|STATEMENT",
    "tell the six steps of each async for",
    group="seeing",
    rank=10,
    example=":trace async for n in ticks(3): n",
    complete=lambda _shell, _typed: ("on", "off"),
    runs_statement=True,
    details="Of all, of none, or of those in one statement, also in the functions that it "
    "calls. Where step 3 does not suspend, nobody else can run. "
    "What step 2 gives is told by its type: async_generator_asend is one step of an async "
    "generator, to be awaited.",
    more=lambda shell: two_columns(
        [(f"  {name}", what) for name, what in STEP_MEANINGS], shell.console.width
    ),
)
def _trace(shell: Shell, rest: str) -> list[Line] | StatementAnswer:
    if not rest:
        raise CommandError(":trace takes on, off or a statement: try :trace async for n in …")
    if rest in {"on", "off"}:
        shell.narrator.turn(on=rest == "on")
        told = "each async for is told step by step, until :trace off"
        return [[("dim", told)]] if rest == "on" else []
    return StatementAnswer(rest, shell.narrator.narrate_task, shell.narrator.narrated_task_ended)


def _mistake_ids(_shell: Shell, _typed: str) -> CompletionWords:
    from asyncrepl.explain.explainer import RULES

    return {"--all": "list them all"} | {rule.id: rule.title for rule in RULES}


@command(
    ":walk STATEMENT",
    "run it step by step, by keys",
    group="seeing",
    rank=30,
    example=":walk async for n in ticks(3): n",
    details="n goes to the next __anext__, t to the next timer, v shows the names, "
    "e evaluates, c goes on. Ctrl-S pauses any statement that runs, for the same keys. A terminal "
    "that has none asks for them in lines.",
    runs_statement=True,
    own_loop=True,
)
def _walk(shell: Shell, rest: str) -> StatementAnswer:
    if not rest:
        raise CommandError(":walk takes a statement: try :walk async for n in …")
    shell.frontend.show_step_keys()
    return StatementAnswer(rest, lambda _: shell.debug_commands.begin(), lambda: None)


@command(
    ":why [ID|--all]",
    "explain the last error, or any mistake by its ID",
    group="mistakes",
    rank=10,
    example=":why --all",
    complete=_mistake_ids,
    details="--all lists the mistakes that are known, with their IDs.",
    elsewhere="explain",
)
def _why(shell: Shell, rest: str) -> list[Line]:
    width = shell.console.width
    if not rest:
        return story_lines(_last_explanation(shell).story, width)
    from asyncrepl.explain.explainer import RULES
    from asyncrepl.views.explanation_lines import catalogue_lines, mistake_lines

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
        raise CommandError(f"{one_line(name)!r} is ambiguous: {', '.join(sorted(beginning))}")
    near = beginning[0] if beginning else closest_match(name, by_id)
    hint = f"did you mean {near}?" if near else ":why --all lists them"
    raise CommandError(f"no mistake is called {one_line(name)!r}; {hint}")


@command(
    ":fix",
    "put the corrected code on the input line",
    group="mistakes",
    rank=20,
    words=0,
    verbatim=True,
    details="With what was made of a definition that it corrects, and the input that failed: "
    "they are run again.",
)
def _fix(shell: Shell, _rest: str) -> list[Line]:
    fix = _last_explanation(shell).fix
    if fix is None:
        raise CommandError("there is no one corrected form to offer; :why tells what to change")
    text = fix_text(fix)
    return [] if shell.frontend.offer(text) else text_lines(text)


def _last_explanation(shell: Shell) -> Explanation:
    if shell.explanation is None:  # what a traced iteration has shown may be worth a word
        shell.explanation = shell.mistake_reporter.asked()
    if shell.explanation is None:
        if shell.last is None:
            raise CommandError("no error yet: there is nothing to explain")
        name = type(shell.last.error).__name__
        raise CommandError(f"the last error, {name}, is not about async iteration")
    return shell.explanation


@command(
    ":leaks",
    "list what was forgotten, and what is still open",
    group="mistakes",
    rank=30,
    words=0,
    details="Coroutines never awaited, async generators left open, tasks whose error nobody saw.",
)
def _leaks(shell: Shell, _rest: str) -> list[Line]:
    from asyncrepl.engine.leaks.open_generators import open_generators
    from asyncrepl.views.explanation_lines import leak_table

    shell.leak_reporter.look()
    return leak_table(
        list(shell.leak_reporter.leaks), open_generators(shell.loop), shell.console.width
    )
