"""What to do next, said to a person at a prompt: the tour, and a few hints, each once.

The tour (`Tour`) leads through the first minutes, one typed line after the other. It shows what is
next, and the frontend offers the line, to be accepted or typed. What is typed instead just runs;
after each input the tour looks whether it was the line.

Both are asides: they go to the screen, and not on the tape, so that a session that is saved has
none of them. A script, a pipe and a transcript get none.
"""

from __future__ import annotations

import builtins
import re
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from asyncrepl.runtime.shipped_demos import demo_transcripts, is_shipped_source, next_demo
from asyncrepl.session.command_registry import CommandError
from asyncrepl.session.tour_chapters import CHAPTERS, INTRODUCTION, PLAIN_INTRODUCTION, TourStep
from asyncrepl.syntax.parsed_input import as_command
from asyncrepl.views.styled_lines import cell_width, flowed, one_line, plain

if TYPE_CHECKING:
    from pathlib import Path

    from asyncrepl.engine.statements import Session
    from asyncrepl.explain.explanation import Explanation
    from asyncrepl.session.command_registry import CommandRegistry
    from asyncrepl.session.frontend import Console, Frontend
    from asyncrepl.session.input_run import BackgroundJobs, Status
    from asyncrepl.session.live_reporters import Narrator
    from asyncrepl.session.tape import Tape
    from asyncrepl.views.styled_lines import Line


class _GuideContext(Protocol):
    """What a guide needs of the session: what there is, what has happened, where to say it."""

    console: Console
    explanation: Explanation | None
    frontend: Frontend
    jobs: BackgroundJobs
    narrator: Narrator
    registry: CommandRegistry
    session: Session

    @property
    def tape(self) -> Tape: ...


class Tour:
    """How far one session has come on the tour."""

    def __init__(self, context: _GuideContext) -> None:
        #: Whether it is under way.
        self.on = False
        self._context = context
        self._chapter = self._step = 0
        self._introduced = False

    @property
    def place(self) -> tuple[int, int]:
        """The numbers of the chapter and of the step that is next, from 1."""
        return self._chapter + 1, self._step + 1

    def take_up(self, chapter: int | None = None) -> None:
        """Go on where the tour was left, or begin the `chapter` of this number.

        What is said is no part of the session: see `asyncrepl.session.guide`.
        """
        if chapter is not None:
            self._chapter, self._step = chapter - 1, 0
        self.on = True
        offers = self._context.frontend.suggest(self._current.line)
        said = INTRODUCTION if offers else PLAIN_INTRODUCTION
        lines = [] if self._introduced else self._flowed([("dim", said)])
        self._introduced = True
        self._context.console.show_unrecorded(*lines, *self._headed(), *self._announced())

    def stop(self) -> None:
        """Leave the tour; it can be taken up again."""
        if not self.on:
            raise CommandError("no tour is under way; :tour begins it")
        self._end()
        line: Line = [("dim", "the tour is left; :tour goes on from here")]
        self._context.console.show_unrecorded(*self._flowed(line))

    def finished(self, text: str, status: Status) -> None:
        """The typed `text` ended with `status`: if it was the line, say what comes next."""
        if not self.on:
            return
        if not self._is_done(text, status):
            self._go_back(text)
            return
        if status.kind == "ok" and self._current.line.startswith(":replay") and text:
            self._context.frontend.suggest("")  # its last words come when the demo is over
        else:
            self._go_on()

    def replayed(self) -> None:
        """A demo has been played to its end."""
        if self.on and self._current.line.startswith(":replay"):
            self._go_on()
        elif self.on:
            self._context.frontend.suggest(self._current.line)

    @property
    def _current(self) -> TourStep:
        return CHAPTERS[self._chapter].steps[self._step]

    def _is_done(self, text: str, status: Status) -> bool:
        step, typed = self._current, _normalized_input(self._context.registry, text)
        if typed != step.line and not re.fullmatch(step.also, typed):
            return False
        if step.fails:
            explained = self._context.explanation
            return status.kind == "error" and explained is not None and explained.fix is not None
        # Where nothing can be replayed, that was told, and the tour is over.
        return status.kind == "ok" or step.line.startswith(":replay")

    def _go_on(self) -> None:
        lines = self._labelled("seen", self._current.after)
        self._step += 1
        if self._step == len(CHAPTERS[self._chapter].steps):
            self._chapter, self._step = (self._chapter + 1) % len(CHAPTERS), 0
            if self._chapter:
                lines += self._headed()
            else:
                self._end()
        if self.on:
            lines += self._announced()
        self._context.console.show_unrecorded(*lines)

    def _go_back(self, text: str) -> None:
        """The typed `text` was no step: another error may be the last one, and names be gone.

        Only for the line that is offered: whatever else is typed, the tour waits.
        """
        if _normalized_input(self._context.registry, text) != self._current.line:
            return
        steps = CHAPTERS[self._chapter].steps
        if self._step and steps[self._step - 1].fails:
            self._step -= 1
        elif not self._lacking():
            return
        self._context.console.show_unrecorded(*self._provided(), *self._announced())

    def _headed(self) -> list[Line]:
        """The head of the chapter; and what it needs is there from now on."""
        chapter = CHAPTERS[self._chapter]
        head: Line = [("bold", f"{self._chapter + 1}/{len(CHAPTERS)}  {chapter.title}")]
        return [[], head, *self._provided()]

    def _lacking(self) -> list[str]:
        """The lines that make what the chapter needs and is not there."""
        there = {*self._context.session.namespace, *self._context.jobs.names}
        return [line for name, line in CHAPTERS[self._chapter].needs if name not in there]

    def _provided(self) -> list[Line]:
        """Run those lines; what is said of them."""
        lacking = self._lacking()
        for line in lacking:
            self._provide(line)
        return [[("label", "ran   "), ("code", line)] for line in lacking]

    def _provide(self, line: str) -> None:
        """Run the command `line`, and keep it on the tape as if it had been typed."""
        name, _, rest = line.removeprefix(":").partition(" ")
        context = self._context
        context.tape.begin(line)
        with suppress(CommandError):  # then the lines that need it say so
            context.tape.show(tuple(context.registry.find(name).run(context, rest)))  # type: ignore[arg-type]
        context.tape.end()

    def _announced(self) -> list[Line]:
        """What the next step shows; the line itself where no input line can offer it."""
        step = self._current
        lines = self._labelled("next", step.before)
        if not self._context.frontend.suggest(step.line):
            lines.append([("label", "type  "), ("code", step.line)])
        return lines

    def _labelled(self, label: str, text: str) -> list[Line]:
        return self._flowed([("label", f"{label}  "), ("dim", text)], 6)

    def _flowed(self, line: Line, indent: int = 0) -> list[Line]:
        return flowed(line, self._context.console.width, indent)

    def _end(self) -> None:
        self.on = False
        self._context.frontend.suggest("")


def _normalized_input(registry: CommandRegistry, text: str) -> str:
    """`text` with single blanks, and the whole name of a command."""
    words = text.split()
    command = as_command(text)
    if command is not None and words:
        if (found := registry.get(command.name)) is None:
            return text
        words[0] = f":{found.name}"
    return " ".join(words)


#: A mistake to make where what was traced cannot be turned into one.
_COMMON_MISTAKE = "for n in ticks(3): n"


class Guide:
    """What is suggested to whoever types into one session."""

    def __init__(self, context: _GuideContext) -> None:
        self.tour = Tour(context)
        self._context = context
        self._said: set[str] = set()
        self._error_before: object = None
        self._explained_before: Explanation | None = None
        self._typed = True
        self._fixing = False

    def began(self) -> None:
        """An input begins; whether a person or a script has typed it."""
        self._typed = not self._context.frontend.scripted
        self._error_before = _last_error()
        self._explained_before = self._context.explanation

    def finished(self, text: str, status: Status) -> None:
        """The input `text` has ended."""
        if not self._typed or status.kind == "exit":
            return
        if self.tour.on:
            self.tour.finished(text, status)
        elif self._context.frontend.teaches:
            self._hint(text, status)

    def displayed(self, value: object) -> None:
        """A value was shown: that of ``help`` says nothing of our own commands."""
        if value is vars(builtins).get("help") and self._typed and self._context.frontend.teaches:
            self._say(":help lists the commands of asyncrepl", "")

    def replayed(self, path: Path) -> None:
        """The transcript at `path` was played to its end in this session."""
        self._context.console.show_unrecorded(
            *next_demo_lines(path, ":replay", self._context.console.width)
        )
        self.tour.replayed()

    def _hint(self, text: str, status: Status) -> None:
        fixing, self._fixing = self._fixing, text.strip() == ":fix" and status.kind == "ok"
        if self._context.narrator.narrated_any and status.kind == "ok":
            self._once("mistake", f"a mistake: {_without_async(text)}")
        elif status.kind == "ok" and self._is_traced(text):
            self._say("no async for ran, so there was no step to tell", "")
        elif self._has_new_error() and self._has_new_fix():
            self._once("fix", f":fix {self._fix_use()}")
        elif status.kind == "error" and (
            meant := habit_line(text.strip(), self._context.registry)
        ):
            self._say(meant, "try  ")
        elif self._has_new_error() and (source := _unloaded_source()):
            self._once(f"load {source}", f":load {source} loads the source of that name")
        elif fixing and status.kind == "ok" and (course := demo_transcripts()):
            replay = ":replay" if self._context.frontend.edits else "asyncrepl replay"
            self._once("course", f"the course: {replay} {course[0].name}")

    def _is_traced(self, text: str) -> bool:
        """Whether `text` is a statement behind ``:trace``."""
        name, _, rest = _normalized_input(self._context.registry, text).partition(" ")
        return name == ":trace" and rest not in {"", "on", "off", "?"}

    def _fix_use(self) -> str:
        edits = self._context.frontend.edits
        return (
            "puts the corrected code on your input line" if edits else "shows the corrected code"
        )

    def _has_new_error(self) -> bool:
        """Whether an error was shown, also if the input ended well: ``:marbles`` draws an X."""
        return _last_error() is not self._error_before

    def _has_new_fix(self) -> bool:
        """Whether a correction was shown with it."""
        explained = self._context.explanation
        return explained not in (None, self._explained_before) and explained.fix is not None

    def _once(self, name: str, text: str) -> None:
        if name not in self._said:
            self._said.add(name)
            self._say(text)

    def _say(self, text: str, label: str = "next  ") -> None:
        line: Line = [("label", label), ("dim", text)]
        self._context.console.show_unrecorded(
            *flowed(line, self._context.console.width, len(label))
        )


def next_demo_lines(path: Path, replay: str, width: int | None = None) -> list[Line]:
    """Which demo comes after the one at `path`; `replay` is the command that plays it."""
    after = next_demo(path)
    if after is None:
        return []
    line: Line = [
        ("label", "next  "),
        ("dim", f"{replay} {after.name}"),
        ("dim", f"  {after.title}"),
    ]
    # At 40 columns the title would break the command that is to be typed.
    fits = width is None or cell_width(plain(line)) <= width
    return flowed(line if fits else line[:2], width, 6)


def _last_error() -> object:
    return getattr(sys, "last_value", None)


def _unloaded_source() -> str:
    """The shipped source whose name the last error did not find; empty if it was no such."""
    error = _last_error()
    name = error.name if type(error) is NameError else None
    return name if type(name) is str and is_shipped_source(name) else ""


#: What does here what a command of IPython's does, where no command of ours does.
_OF_IPYTHON = {
    "autoreload": ":run FILE   (runs a file anew)", "cd": "import os; os.chdir({rest!r})",
    "edit": "Ctrl-X Ctrl-E   (opens $EDITOR)", "env": "!env", "hist": ":history {rest}",
    "load": ":run {rest}", "ls": "!ls {rest}", "pwd": "!pwd",
    "paste": "paste it as it is: prompts and output are taken off",
}  # fmt: skip
_ANOTHER = "commands begin with a colon here, as :time and :run; try :help"
#: Names that IPython gives.
_NAMES_OF_IPYTHON = {
    "In": ":history", "_ih": ":history", "_i": ":history", "_ii": ":history",
    "display": ":show EXPRESSION", "get_ipython": _ANOTHER,
}  # fmt: skip
#: What is typed to a shell; that it is a program is not enough: so are ``file`` and ``test``.
_OF_SHELLS = {
    "cat", "cp", "curl", "git", "grep", "less", "ls", "mkdir", "mv", "pip", "pip3", "pwd", "rm",
}  # fmt: skip
#: Those that nobody has meant for a name that is to come.
_ALONE = {"ls", "pwd"}
_CAPTURED = re.compile(r"([^\W\d]\w*) *= *([!%])(.+)")
_WORD_AND_REST = re.compile(r"(%*|:)([^\W\d]\w*)(?: +(.*))?")
#: As in ``%timeit -n 3 -r2 f()``: ours has none.
_MAGIC_OPTIONS = re.compile(r"\A(-\w+( +\d+)? +)+")
_WORDS = re.compile(r"([^\W\d]|[~.]|/(?! )|--?[^\W\d]).*")


def habit_line(text: str, registry: CommandRegistry) -> str:
    """What does here what `text`, which was an error, does in IPython or in a shell.

    Who forgets the colon of a command of the `registry` is told of it. Empty for all else.
    """
    error = None if text.startswith((":", "!")) else _last_error()  # a command leaves none there
    if isinstance(error, NameError) and error.name in _NAMES_OF_IPYTHON:
        return _NAMES_OF_IPYTHON[error.name]
    line = _failed_line(text, error)
    if captured := _CAPTURED.fullmatch(line):
        name, sign, command = captured.groups()
        if sign == "%":
            return _ANOTHER
        return f"import subprocess; {name} = subprocess.getoutput({command!r}).splitlines()"
    if line.startswith("!") and line != text:
        return f"{line}   (as an input of its own)"
    found = _WORD_AND_REST.fullmatch(line)
    if found is None:
        return ":help" if line in {"?", "??"} else ""
    sign, word, rest = found[1], found[2], found[3] or ""
    if sign == ":":
        meant = "" if registry.get(word) else _OF_IPYTHON.get(word) or _of_shell(word, rest)
    elif not _concerns(error, word):
        meant = ""
    elif sign:
        meant = _of_magic(word, registry)
        rest = _for_command(meant, rest, registry)
    else:
        meant = _without_colon(word, rest, registry)
    if not rest and sign == "%%":
        rest = _only_line_below(text)
    return meant.format(word=word, rest=rest).rstrip()


def _concerns(error: object, word: str) -> bool:
    """Whether it is `word` of which Python has said that it knows none, or can read nothing."""
    return isinstance(error, SyntaxError) or (isinstance(error, NameError) and error.name == word)


def _failed_line(text: str, error: object) -> str:
    """The line of `text` that is no Python; the text itself if it is one line, or runs."""
    lines = text.split("\n")
    number = error.lineno if isinstance(error, SyntaxError) else None
    if number is None or len(lines) == 1 or not 0 < number <= len(lines):
        return text
    return lines[number - 1].strip()


def _only_line_below(text: str) -> str:
    """The line below the first of `text`, if that is all: of a cell of IPython's its statement."""
    below = text.strip().split("\n")[1:]
    return below[0] if len(below) == 1 else ""


def _of_magic(word: str, registry: CommandRegistry) -> str:
    if own := _OF_IPYTHON.get(word):
        return own
    name = word if word in registry.names else registry.called_elsewhere(word)
    return f":{name} {{rest}}" if name else _ANOTHER


def _for_command(meant: str, rest: str, registry: CommandRegistry) -> str:
    """What of the `rest` behind a magic the command takes that is `meant`: no options of its."""
    command = registry.get(meant[1:].partition(" ")[0]) if meant.startswith(":") else None
    if command is None or command.name == "shell":
        return rest
    return "" if command.words == 0 else _MAGIC_OPTIONS.sub("", rest)


def _without_colon(word: str, rest: str, registry: CommandRegistry) -> str:
    plain = _WORDS.fullmatch(rest) if rest else word not in sys.stdlib_module_names
    if plain and word in registry.names:
        return ":{word} {rest}"
    return _of_shell(word, rest) if plain or word in _ALONE else ""


def _of_shell(word: str, rest: str) -> str:
    if word == "cd":
        return _OF_IPYTHON["cd"]
    if word in {"clear", "cls"} and not rest:
        return "Ctrl-L   (clears the screen)"
    return "!{word} {rest}" if word in (_OF_SHELLS if rest else _ALONE) else ""


def _without_async(text: str) -> str:
    """The statement that was traced as the mistake that is made most: without its ``async``."""
    command = as_command(text)
    statement = text if command is None else command.rest
    if statement.startswith("async for ") and "\n" not in statement.strip():
        return one_line(statement.removeprefix("async ").strip())
    return _COMMON_MISTAKE
