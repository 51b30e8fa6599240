"""`:tour`: leading through the first minutes, one typed line after the other.

The tour shows what is next, and the front offers the line, to be accepted or typed. What
is typed instead just runs. After each input the tour looks whether it was the line.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from asyncrepl.commands.itinerary import CHAPTERS, INTRODUCTION, Step
from asyncrepl.commands.registry import Command, CommandError
from asyncrepl.language.reading import as_command
from asyncrepl.views.styled import flowed

if TYPE_CHECKING:
    from asyncrepl.commands.registry import Words
    from asyncrepl.commands.shell import Shell
    from asyncrepl.commands.status import Status
    from asyncrepl.views.styled import Line

__all__ = ["COMMANDS", "Tour"]


class Tour:
    """How far one shell has come on the tour."""

    def __init__(self, shell: Shell) -> None:
        #: Whether it is under way.
        self.on = False
        self._shell = shell
        self._chapter = self._step = 0
        self._introduced = False

    @property
    def place(self) -> tuple[int, int]:
        """The numbers of the chapter and of the step that is next, from 1."""
        return self._chapter + 1, self._step + 1

    def take_up(self, chapter: int | None = None) -> None:
        """Go on where the tour was left, or begin the `chapter` of this number.

        What is said is no part of the session: see `asyncrepl.commands.guiding`.
        """
        if chapter is not None:
            self._chapter, self._step = chapter - 1, 0
        self.on = True
        lines = [] if self._introduced else self._flowed([("dim", INTRODUCTION)])
        self._introduced = True
        self._shell.console.aside(*lines, *self._headed(), *self._announced())

    def stop(self) -> None:
        """Leave the tour; it can be taken up again."""
        if not self.on:
            raise CommandError("no tour is under way; :tour begins it")
        self._end()
        self._shell.console.aside([("dim", "the tour is left; :tour goes on from here")])

    def finished(self, text: str, status: Status) -> None:
        """What was typed has ended: say what was seen and what is next, if it was the line."""
        if not self.on or not self._is_done(text, status):
            return
        if self._played(text, status):
            self._shell.front.suggest("")  # its last words come when the demo is over
            return
        self._go_on()

    def replayed(self) -> None:
        """A demo has been played to its end."""
        if self.on and self._current.line.startswith(":replay"):
            self._go_on()
        elif self.on:
            self._shell.front.suggest(self._current.line)

    @property
    def _current(self) -> Step:
        return CHAPTERS[self._chapter].steps[self._step]

    def _is_done(self, text: str, status: Status) -> bool:
        step, typed = self._current, _normal(self._shell, text)
        if typed != step.line and not re.fullmatch(step.also, typed):
            return False
        if step.fails:
            explained = self._shell.explanation
            return status.kind == "error" and explained is not None and explained.fix is not None
        # Where nothing can be replayed, that was told, and the tour is over.
        return status.kind == "ok" or step.line.startswith(":replay")

    def _played(self, text: str, status: Status) -> bool:
        return status.kind == "ok" and self._current.line.startswith(":replay") and bool(text)

    def _go_on(self) -> None:
        seen = self._labelled("seen", self._current.after)
        self._step += 1
        lines = [*seen, *self._next()]
        self._shell.console.aside(*lines)

    def _next(self) -> list[Line]:
        if self._step < len(CHAPTERS[self._chapter].steps):
            return self._announced()
        self._chapter, self._step = self._chapter + 1, 0
        if self._chapter == len(CHAPTERS):
            self._chapter = 0
            self._end()
            return []
        return [*self._headed(), *self._announced()]

    def _headed(self) -> list[Line]:
        """The head of the chapter; and what it needs is there from now on."""
        chapter = CHAPTERS[self._chapter]
        head: Line = [("bold", f"{self._chapter + 1}/{len(CHAPTERS)}  {chapter.title}")]
        shell = self._shell
        there = {*shell.session.namespace, *shell.jobs.names}
        lacking = [line for name, line in chapter.needs if name not in there]
        for line in lacking:
            self._provide(line)
        return [[], head, *([("label", "ran   "), ("code", line)] for line in lacking)]

    def _provide(self, line: str) -> None:
        """Run the command `line`, and keep it on the tape as if it had been typed."""
        name, _, rest = line.removeprefix(":").partition(" ")
        shell = self._shell
        shell.tape.begin(line)
        with suppress(CommandError):  # then the lines that need it say so
            shell.tape.show(tuple(shell.registry.find(name).run(shell, rest)))  # type: ignore[arg-type]
        shell.tape.end()

    def _announced(self) -> list[Line]:
        """What the next step shows; the line itself where no input line can offer it."""
        step = self._current
        lines = self._labelled("next", step.before)
        if not self._shell.front.suggest(step.line):
            lines.append([("label", "type  "), ("code", step.line)])
        return lines

    def _labelled(self, label: str, text: str) -> list[Line]:
        return self._flowed([("label", f"{label}  "), ("dim", text)], 6)

    def _flowed(self, line: Line, indent: int = 0) -> list[Line]:
        return flowed(line, self._shell.console.width, indent)

    def _end(self) -> None:
        self.on = False
        self._shell.front.suggest("")


def _normal(shell: Shell, text: str) -> str:
    """`text` with single blanks, and the whole name of a command."""
    words = text.split()
    command = as_command(text)
    if command is not None and words:
        try:
            words[0] = f":{shell.registry.find(command.name).name}"
        except CommandError:
            return text
    return " ".join(words)


def _tour(shell: Shell, rest: str) -> list[Line]:
    tour = shell.guide.tour
    if rest == "stop":
        tour.stop()
    elif not rest:
        tour.take_up()
    elif not rest.isdecimal() or not 0 < int(rest) <= len(CHAPTERS):
        raise CommandError(
            f":tour takes a chapter from 1 to {len(CHAPTERS)}, or stop; not {rest!r}"
        )
    else:
        tour.take_up(int(rest))
    return []


def _words(_shell: Shell, _typed: str) -> Words:
    chapters = {str(number): chapter.title for number, chapter in enumerate(CHAPTERS, 1)}
    return chapters | {"stop": "leave the tour"}


COMMANDS = (
    Command(
        "tour",
        ":tour [CHAPTER|stop]",
        "the first minutes, a line at a time: begin here",
        ":tour",
        _tour,
        _words,
        group="learning",
        words=1,
        details="It offers each line on the input line: Tab takes it, Enter runs it. Type "
        "anything else, the tour waits. :tour takes it up where you left it.",
    ),
)
