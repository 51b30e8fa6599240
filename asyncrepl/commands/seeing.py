"""Commands that show: steps, lanes, and what the last error was about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncrepl.commands.registry import Command, CommandError, Instead
from asyncrepl.language.likeness import most_like
from asyncrepl.views.explanations import fix_text, story_lines
from asyncrepl.views.styled import one_line, text_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncrepl.commands.shell import Shell
    from asyncrepl.explain.explanation import Explanation
    from asyncrepl.explain.rule import Rule
    from asyncrepl.views.styled import Line

__all__ = ["COMMANDS"]


def _lanes(shell: Shell, rest: str) -> list[Line]:
    if rest not in {"on", "off"}:
        raise CommandError(f":lanes takes on or off, not {rest!r}")
    shell.front.show_lanes(on=rest == "on")
    if rest == "off":
        return []
    from asyncrepl.views.tracks import legend

    return legend(width=shell.console.width, ascii=shell.console.ascii)


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


def _mistakes(_shell: Shell, _typed: str) -> Sequence[str]:
    from asyncrepl.explain.catalogue import RULES

    return ["--all", *(rule.id for rule in RULES)]


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


def _on_off(_shell: Shell, _typed: str) -> Sequence[str]:
    return ("on", "off")


COMMANDS = (
    Command(
        "trace",
        ":trace on|off|STATEMENT",
        "tell the six steps of each async for, of all or of one statement",
        ":trace async for n in ticks(3): n",
        _trace,
        _on_off,
    ),
    Command(
        "lanes",
        ":lanes on|off",
        "draw a row a task under the prompt",
        ":lanes on",
        _lanes,
        _on_off,
    ),
    Command(
        "why",
        ":why [ID|--all]",
        "explain the last error in full, or any known mistake",
        ":why --all",
        _why,
        _mistakes,
    ),
    Command("fix", ":fix", "put the corrected code on the next input line", ":fix", _fix),
)
