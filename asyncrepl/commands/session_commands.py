"""Commands about the session itself: help, settings, history, forgetting, leaving.

``:set``, ``:help``, ``:history``, ``:reset``, ``:quit``. What ``:set`` sets, one row a setting,
the configuration file and the options of the command line set for every session.

What ``:help async for`` tells: the words of the language, rather than of the tool.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple

from asyncrepl.commands.view_commands import STEP_MEANINGS
from asyncrepl.runtime.configuration import THEMES, closest_match
from asyncrepl.session.command_registry import COMMAND_GROUPS, Command, CommandError, command
from asyncrepl.syntax.parsed_input import as_command
from asyncrepl.views.styled_lines import flowed, one_line, text_lines, two_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from asyncrepl.session.command_registry import CompletionWords
    from asyncrepl.session.shell import Shell
    from asyncrepl.views.styled_lines import Line


def _help_topics(shell: Shell, _typed: str) -> CompletionWords:
    groups = {name: f"all for this: {what}" for name, what in COMMAND_GROUPS.items()}
    topics = {**dict.fromkeys(HELP_TOPICS, "what it does, step by step"), "keys": "what they do"}
    return {command.name: command.summary for command in shell.registry} | groups | topics


_TRUTH_WORDS = {"on": True, "off": False, "true": True, "false": False}


class _SessionSetting(NamedTuple):
    """Something that is on or off, or one of several `values`."""

    name: str
    meaning: str
    get: Callable[[Shell], bool | str]
    set: Callable[[Shell, Any], None]
    values: tuple[str, ...] = ("on", "off")

    def value_text(self, shell: Shell) -> str:
        """Its value, as one types it."""
        value = self.get(shell)
        return value if isinstance(value, str) else "on" if value else "off"

    def value_of(self, words: Sequence[str]) -> bool | str:
        """The value that `words` name; raises CommandError if they do not."""
        word = words[0].lower()
        switches = self.values == ("on", "off")
        if len(words) > 1 or word not in (_TRUTH_WORDS if switches else self.values):
            *some, last = self.values
            said = " ".join(words)
            raise CommandError(f"{self.name} is {', '.join(some)} or {last}, not {said!r}")
        return _TRUTH_WORDS[word] if switches else word


def _set_color(shell: Shell, on: bool) -> None:
    shell.frontend.show_color(on=on)
    shell.console.color = on


_SESSION_SETTINGS = {
    setting.name: setting
    for setting in (
        _SessionSetting(
            "audience",
            "show keys and steps to those who watch; demos pause longer",
            lambda shell: shell.frontend.audience,
            lambda shell, on: shell.frontend.show_audience(on=on),
        ),
        _SessionSetting(
            "color", "colour the screen", lambda shell: shell.console.color, _set_color
        ),
        _SessionSetting(
            "lanes",
            "draw a row a task under the prompt",
            lambda shell: shell.frontend.lanes,
            lambda shell, on: shell.frontend.show_lanes(on=on),
        ),
        _SessionSetting(
            "theme",
            "auto, light, dark or mono: colours for that background, or none",
            lambda shell: shell.console.theme.chosen,
            lambda shell, name: setattr(shell.console.theme, "chosen", name),
            THEMES,
        ),
        _SessionSetting(
            "trace",
            "tell the six steps of each async for",
            lambda shell: shell.narrator.on,
            lambda shell, on: shell.narrator.turn(on=on),
        ),
        _SessionSetting(
            "vi",
            "edit with the keys of vi, not of Emacs",
            lambda shell: shell.frontend.vi,
            lambda shell, on: shell.frontend.use_vi(on=on),
        ),
    )
}


def _setting_words(_shell: Shell, typed: str) -> CompletionWords:
    """The names with what they are for, and after one of them its values."""
    setting = _SESSION_SETTINGS.get(typed.partition(" ")[0])
    if setting is not None:
        return setting.values
    return {name: setting.meaning for name, setting in _SESSION_SETTINGS.items()}


@command(
    ":set [NAME VALUE]",
    "show the settings of this session, or change one",
    group="session",
    rank=10,
    example=":set lanes off",
    complete=_setting_words,
    elsewhere="config options settings theme",
)
def _set(shell: Shell, rest: str) -> list[Line]:
    name, *words = rest.replace("=", " ").split() or [""]
    if not name:
        how = "to change one: :set lanes off; asyncrepl --print-config tells how to keep it"
        lines = _setting_lines(shell, list(_SESSION_SETTINGS.values()))
        return [*lines, *flowed([("dim", how)], shell.console.width)]
    setting = _SESSION_SETTINGS.get(name)
    if setting is None:
        near = closest_match(name, _SESSION_SETTINGS)
        hint = f"did you mean {near}?" if near else f"there are {', '.join(_SESSION_SETTINGS)}"
        raise CommandError(f"no setting {name!r}: {hint}")
    if words:
        setting.set(shell, setting.value_of(words))
    return _setting_lines(shell, [setting])


def _setting_lines(shell: Shell, settings: Sequence[_SessionSetting]) -> list[Line]:
    longest = max(len(setting.name) for setting in settings)
    values = [setting.value_text(shell) for setting in settings]
    widest = max(3, *map(len, values))
    rows = [
        (f"{setting.name:<{longest}}  {value:<{widest}}", setting.meaning)
        for setting, value in zip(settings, values, strict=True)
    ]
    return two_columns(rows, shell.console.width)


@command(
    ":help [NAME]",
    "list the commands, or explain one (also :NAME?)",
    group="session",
    rank=20,
    example=":help ticker",
    complete=_help_topics,
    elsewhere="commands lsmagic magic quickref",
)
def _help(shell: Shell, rest: str) -> list[Line]:
    name = rest.removeprefix(":")
    if (topic := topic_named(rest)) is not None:
        return topic_lines(topic, shell.console.width)
    shell.registry.find("help").check(rest, words=1)
    if name in COMMAND_GROUPS:
        return _group_lines(shell, [name])
    if topics := [each for each in HELP_TOPICS if name and each.startswith(f"{name} ")]:
        raise CommandError(f"no command :{name}; there is :help {', :help '.join(topics)}")
    if name:
        return _help_on(shell, shell.registry.find(name))
    more = ":help speed shows one group, :help trace one command, :help keys the keys"
    lines = _group_lines(shell, list(COMMAND_GROUPS))
    return [*lines, *flowed([("dim", more)], shell.console.width)]


def _group_lines(shell: Shell, names: list[str]) -> list[Line]:
    """The commands of these groups, under the group's name and what they are for."""
    width = shell.console.width
    rows: dict[str, list[tuple[str, str]]] = {name: [] for name in COMMAND_GROUPS}
    for each in shell.registry:
        rows[each.group].append((f"  {each.usage}", each.summary))
    every = [row for group in rows.values() for row in group]
    lines: list[Line] = []
    for name in names:
        head: Line = [("bold", name), ("dim", f"  {COMMAND_GROUPS[name]}")]
        lines += [*flowed(head, width), *two_columns(rows[name], width, every)]
    return lines


def _help_on(shell: Shell, command: Command) -> list[Line]:
    """What ``:help NAME`` shows: usage, meaning, an example, and what else there is to know."""
    width = shell.console.width
    said = [command.summary, *filter(None, command.details.split("\n"))]
    lines: list[Line] = [[("label", command.usage)], *([("", f"  {text}")] for text in said)]
    lines.append([("dim", "  for example: "), ("code", command.example)])
    rows = [row for line in lines for row in flowed(line, width, 2)]
    return [*rows, *command.more(shell)]


@command(
    ":history [TEXT]",
    "the inputs so far, or those with TEXT",
    group="session",
    rank=30,
    example=":history async",
    verbatim=True,
    newest_last=True,
)
def _history(shell: Shell, rest: str) -> list[Line]:
    entries = shell.frontend.history()
    if entries and _is_history(shell, entries[-1]):
        entries = entries[:-1]  # what was just typed
    found = [line for entry in entries for line in text_lines(entry) if rest in entry]
    return found or [
        [("dim", f"no input so far has {one_line(rest)!r}" if rest else "no input so far")]
    ]


def _is_history(shell: Shell, text: str) -> bool:
    """Whether `text` is this very command, by its name or the beginning of it."""
    command = as_command(text)
    found = None if command is None else shell.registry.get(command.name)
    return found is not None and found.run is _history


@command(
    ":reset",
    "forget all names; background tasks go on",
    group="session",
    rank=40,
    words=0,
    own_loop=True,
    elsewhere="restart",
)
def _reset(shell: Shell, _rest: str) -> list[Line]:
    namespace = shell.session.namespace
    for name in [name for name in namespace if not name.startswith("__")]:
        del namespace[name]
    namespace["asyncio"] = asyncio
    shell.values.forget()
    shell.last = shell.explanation = None
    shell.leak_reporter.leaks.clear()
    shell.mistake_reporter.forget()
    return [[("dim", "namespace emptied; background tasks go on")]]


@command(
    ":quit",
    "leave (also Ctrl-D, exit)",
    group="session",
    rank=50,
    elsewhere="bye exit",
)
def _quit(_shell: Shell, rest: str) -> list[Line]:
    if rest and not rest.isdecimal():
        raise CommandError(f":quit takes an exit status from 0 to 255, not {rest!r}")
    raise SystemExit(int(rest or 0))


class _Topic(NamedTuple):
    """What is written, what it does, in which steps, and a line to try."""

    usage: str
    summary: str
    steps: Sequence[tuple[str, str]]
    example: str


HELP_TOPICS = {
    "async for": _Topic(
        "async for TARGET in ITERABLE: BODY",
        "Iterates over an asynchronous iterable: waits for each value, while other tasks run. "
        "It stands in an async def, or at this prompt. Its six steps, as :trace tells them:",
        STEP_MEANINGS,
        ":trace async for n in ticks(3): n",
    ),
    "async with": _Topic(
        "async with MANAGER as TARGET: BODY",
        "Enters an asynchronous context manager, and leaves it whatever happens in the body:",
        (
            ("1 __aenter__", "gives an awaitable, which is awaited; its result gets the name"),
            ("2 body", "runs; it may await, and be cancelled"),
            ("3 __aexit__", "gives an awaitable, which is awaited, also after an error"),
        ),
        "async with asyncio.timeout(1): await asyncio.sleep(0.5)",
    ),
    "await": _Topic(
        "await AWAITABLE",
        "Waits for a coroutine, a task, a future, or what has __await__, and gives its result:",
        (
            ("1 __await__", "gives what is to be waited for"),
            ("2 suspend", "if it is not there yet: others run until it is"),
            ("3 result", "is the value of the await; or its error is raised here"),
        ),
        "await asyncio.sleep(0.5, 'slept')",
    ),
    "async def": _Topic(
        "async def NAME(…): BODY",
        "Makes a function that can await. To call it runs nothing:",
        (
            ("without yield", "the call gives a coroutine: await it, or make a task of it"),
            ("with yield", "the call gives an async generator: iterate over it with async for"),
        ),
        "async def ticks(n): …",
    ),
    "keys": _Topic(
        "keys",
        "At the prompt, beside those of Emacs (or of vi, if they are set):",
        (
            ("Tab", "completes, or indents; Shift-Tab takes the indentation back"),
            ("Right", "takes what is suggested behind the cursor"),
            ("Up, Down", "the inputs before that begin with what is typed"),
            ("Ctrl-R", "searches them; again for the next, Ctrl-G gives up"),
            ("Alt-Enter", "opens a line; Enter runs what is whole, at its end"),
            ("Ctrl-X Ctrl-E", "opens $EDITOR"),
            ("Ctrl-_", "undoes; Ctrl-Y pastes what Ctrl-K, Ctrl-U or Ctrl-W cut"),
            ("Ctrl-L", "clears the screen"),
            ("Ctrl-S", "pauses the statement that runs, and shows the keys of a pause"),
            ("Ctrl-C", "drops the line; interrupts what runs, twice if it must"),
            ("Ctrl-Z", "stops the program; the shell's fg goes on"),
            ("Ctrl-D", "leaves"),
        ),
        ":set vi on",
    ),
}


def topic_named(text: str) -> str | None:
    """The topic that `text` names, whatever the blanks in it."""
    words = " ".join(text.split())
    return words if words in HELP_TOPICS else None


def topic_lines(name: str, width: int | None) -> list[Line]:
    """What ``:help NAME`` shows of the topic `name`, in lines of `width` cells (None: of any).

    Raises KeyError for a name that is not in `HELP_TOPICS`.
    """
    topic = HELP_TOPICS[name]
    return [
        [("label", topic.usage)],
        *flowed([("", f"  {topic.summary}")], width, 2),
        *two_columns([(f"  {step}", what) for step, what in topic.steps], width),
        *flowed([("dim", "  for example: "), ("code", topic.example)], width, 2),
    ]
