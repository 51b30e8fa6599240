"""What a command is, how it registers itself, and the registry that finds it by its name.

A command is a function with the decorator `command`, in a module of `asyncrepl.commands` (or of
`asyncrepl.export`) whose name ends in ``_commands``; nothing else names it. The function takes the
shell and the rest of the line, and answers: lines to show, something to await that gives lines, or
a statement to run. The user's mistakes are `CommandError`s.

The modules are found and imported at the first look-up, not at start-up: the first prompt needs
none of them. What does not work: to import them all in one go and give up at the first that
fails. The user may have broken one that it needs, and the others are as good as before.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from asyncrepl.runtime.configuration import closest_match
from asyncrepl.views.styled_lines import Line

if TYPE_CHECKING:
    import asyncio

    from asyncrepl.engine.statements import Outcome

#: What commands are for: the groups of ``:help``, in its order.
COMMAND_GROUPS = {
    "learning": "see how it works, and things to iterate over",
    "background": "let things run while you type",
    "seeing": "what happens inside an async for",
    "speed": "slow it down, stop it, jump",
    "mistakes": "what went wrong, and how to write it",
    "keeping": "save and share the session",
    "session": "the prompt itself",
}


class StatementAnswer(NamedTuple):
    """A command's answer: `text` is to run in the foreground, as if it had been typed.

    `started` is called with its task, before that runs, and `ended` when it is over. With a
    `filename` it is the text of that file, of which no values are shown.
    """

    text: str
    started: Callable[[asyncio.Task[None]], None]
    ended: Callable[[], None]
    filename: str | None = None


#: What a command gives back: lines to show, something to await that does, or a statement.
Answer = Iterable[Line] | Awaitable[Iterable[Line]] | StatementAnswer


class CommandError(Exception):
    """The user's mistake in a command; the message is one line: what, the value, what to do."""


class StatementFailedError(CommandError):
    """A statement that a command ran itself has ended like `outcome`."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(str(outcome.error))
        self.outcome = outcome


#: The words that may stand somewhere; if it is a mapping, with what each of them is.
CompletionWords = Sequence[str] | Mapping[str, str]


# Functions of commands take the shell as Any: its class builds on this module.
Run = Callable[[Any, str], Answer]
Complete = Callable[[Any, str], CompletionWords]
MoreHelp = Callable[[Any], list[Line]]


class Command(NamedTuple):
    """One ``:word``; see `command` for what its parts are."""

    name: str
    usage: str
    summary: str
    example: str
    run: Run
    complete: Complete
    group: str
    rank: int
    words: int | None
    details: str
    more: MoreHelp
    verbatim: bool
    newest_last: bool
    saved: bool
    runs_statement: bool
    own_loop: bool
    elsewhere: str

    @property
    def takes_python(self) -> bool:
        """Whether Python is typed behind the name: its usage says STATEMENT or EXPRESSION."""
        return "STATEMENT" in self.usage or "EXPR" in self.usage

    def check(self, rest: str, words: int | None = None) -> None:
        """Raise CommandError if more words follow the name than may: `words`, or its own."""
        most = self.words if words is None else words
        if most is None or len(rest.split()) <= most:
            return
        if not most:
            raise CommandError(f":{self.name} takes nothing, not {rest!r}")
        raise CommandError(f"{rest!r} is too much for {self.usage}: try {self.example}")


#: The commands by the module that defines them, and by name.
_registered: dict[str, dict[str, Command]] = {}


def command(  # noqa: PLR0913  all that is to be said of one, by name
    usage: str,
    summary: str,
    *,
    group: str,
    rank: int,
    example: str = "",
    complete: Complete = lambda _shell, _typed: (),
    words: int | None = None,
    details: str = "",
    more: MoreHelp = lambda _shell: [],
    verbatim: bool = False,
    newest_last: bool = False,
    saved: bool = True,
    runs_statement: bool = False,
    own_loop: bool = False,
    elsewhere: str = "",
) -> Callable[[Run], Run]:
    """Register the decorated function, which takes the shell and the rest of the line.

    `usage` begins with the command's name, as in ``:ticker NAME [SECONDS]``; `example` is the
    usage itself, if none is given. `group` is one of `COMMAND_GROUPS`, in which ``:help`` sorts by
    `rank`. `complete` gives the words that may stand after the name. At most `words` words may
    follow; any if that is None. `details` are paragraphs for ``:help NAME``, below the summary,
    and `more` lines at its end. The lines of an answer are broken at words where the screen is
    narrow, but not code, which is `verbatim`; of one that is longer than the screen the end is
    shown first, if `newest_last`. A session that is saved has the command if it is `saved`; what
    follows the name is a statement to run in the foreground if it `runs_statement`. With
    `own_loop` it is refused in a program that runs, whose time and names are left alone.
    `elsewhere` are the words by which other prompts call what it does: whoever types one of them
    is told of this one.

    Raises ValueError for a group that there is not.
    """
    name = usage.split(maxsplit=1)[0].removeprefix(":")
    if group not in COMMAND_GROUPS:
        raise ValueError(f":{name} is of the group {group!r}: take one of {list(COMMAND_GROUPS)}")

    def register(run: Run) -> Run:
        _registered.setdefault(run.__module__, {})[name] = Command(
            name, usage, summary, example or usage, run, complete, group, rank, words,
            details=details, more=more, verbatim=verbatim, newest_last=newest_last,
            saved=saved, runs_statement=runs_statement, own_loop=own_loop, elsewhere=elsewhere,
        )  # fmt: skip
        return run

    return register


#: Both build on this one, so they are named by text, as plugins would be.
_COMMAND_PACKAGES = "asyncrepl.commands", "asyncrepl.export"


class CommandRegistry:
    """The commands by name; unique prefixes name a command too. Any thread may look one up.

    Raises ValueError, at the first look-up, if two modules define commands of the same name.
    """

    def __init__(self) -> None:
        self._found: dict[str, Command] = {}
        #: Modules that are still to be imported; None before the first look-up.
        self._missing: list[str] | None = None

    @property
    def _by_name(self) -> dict[str, Command]:
        if self._missing is None:
            from pkgutil import iter_modules  # not at start-up; finds them in a zip file, too

            self._missing = [
                module.name
                for package in _COMMAND_PACKAGES
                for module in iter_modules(import_module(package).__path__, f"{package}.")
                if module.name.endswith("_commands")
            ]
        if self._missing:
            self._missing = [name for name in self._missing if not self._take(name)]
        return self._found

    def _take(self, module: str) -> bool:
        """Take in the commands of `module`; False where it cannot be imported: try again later."""
        try:
            import_module(module)
        except Exception:
            return False
        others = [each for each in self._found.values() if each.run.__module__ != module]
        every = [*others, *_registered.get(module, {}).values()]
        groups = list(COMMAND_GROUPS)
        every.sort(key=lambda each: (groups.index(each.group), each.rank, each.name))
        found = {each.name: each for each in every}
        if len(found) < len(every):
            twice = ", ".join(f":{each.name}" for each in every if found[each.name] is not each)
            raise ValueError(f"{module} defines {twice}, which another module defines, too")
        self._found = found  # in one step: another thread may be looking
        return True

    @property
    def names(self) -> list[str]:
        """The names, in the order in which ``:help`` lists them."""
        return list(self._by_name)

    def __iter__(self) -> Iterator[Command]:
        return iter(self._by_name.values())

    def called_elsewhere(self, word: str) -> str:
        """The name of the command that is called `word` at other prompts; empty if none is."""
        by_name = self._by_name.values()
        return next((each.name for each in by_name if word in each.elsewhere.split()), "")

    def get(self, name: str) -> Command | None:
        """As `find`; None where that raises."""
        with suppress(CommandError):
            return self.find(name)
        return None

    def find(self, name: str) -> Command:
        """The command that `name` is, or is a unique prefix of.

        Raises CommandError with the nearest name for an unknown one.
        """
        by_name = self._by_name
        if name in by_name:
            return by_name[name]
        matching = [known for known in by_name if name and known.startswith(name)]
        if len(matching) == 1:
            return by_name[matching[0]]
        if matching:
            choices = ", ".join(f":{known}" for known in matching)
            raise CommandError(f":{name} is ambiguous: {choices}")
        if not name:
            raise CommandError("a command is a colon and a name, as in :tour; :help lists them")
        near = self.called_elsewhere(name) or closest_match(name.lower(), by_name)
        hint = f"did you mean :{near}?" if near else ":help lists them"
        raise CommandError(f"no command :{name}; {hint}")
