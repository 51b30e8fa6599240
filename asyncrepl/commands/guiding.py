"""What to do next, said to a person at a prompt: the tour, and a few hints, each once.

Hints are asides: they go to the screen, and not on the tape, so that a session that is
saved has none of them. A script, a pipe and a transcript get none.
"""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING

from asyncrepl.commands.tour import Tour
from asyncrepl.language.reading import as_command
from asyncrepl.language.shipped import demos, next_demo
from asyncrepl.views.styled import cells, flowed, one_line, plain

if TYPE_CHECKING:
    from pathlib import Path

    from asyncrepl.commands.shell import Shell
    from asyncrepl.commands.status import Status
    from asyncrepl.views.styled import Line

__all__ = ["Guide", "next_demo_lines"]

#: A mistake to make where what was traced cannot be turned into one.
_MISTAKE = "for n in ticks(3): n"


class Guide:
    """What is suggested to whoever types into one shell."""

    def __init__(self, shell: Shell) -> None:
        self.tour = Tour(shell)
        self._shell = shell
        self._said: set[str] = set()
        self._typed = True
        self._fixing = False

    def began(self) -> None:
        """An input begins; whether a person or a script has typed it."""
        self._typed = not self._shell.front.scripted

    def finished(self, text: str, status: Status) -> None:
        """The input `text` has ended."""
        if not self._typed or status.kind == "exit":
            return
        if self.tour.on:
            self.tour.finished(text, status)
        elif self._shell.front.teaches:
            self._hint(text, status)

    def displayed(self, value: object) -> None:
        """A value was shown: that of ``help`` says nothing of our own commands."""
        if value is vars(builtins).get("help") and self._typed and self._shell.front.teaches:
            self._say(":help lists the commands of asyncrepl", "")

    def replayed(self, path: Path) -> None:
        """The transcript at `path` was played to its end in this session."""
        self._shell.console.aside(*next_demo_lines(path, ":replay", self._shell.console.width))
        self.tour.replayed()

    def _hint(self, text: str, status: Status) -> None:
        fixing, self._fixing = self._fixing, self._is_fix(text) and status.kind == "ok"
        explained = self._shell.explanation
        if self._shell.narrator.told_some:
            self._once("mistake", f"a mistake: {_mistaken(text)}")
        elif status.kind == "error" and explained is not None and explained.fix is not None:
            self._once("fix", ":fix puts the corrected code on your input line")
        elif fixing and status.kind == "ok" and (course := demos()):
            self._once("course", f"the course: :replay {course[0].name}")

    def _is_fix(self, text: str) -> bool:
        return text.strip() == ":fix"

    def _once(self, name: str, text: str) -> None:
        if name not in self._said:
            self._said.add(name)
            self._say(text)

    def _say(self, text: str, label: str = "next  ") -> None:
        line: Line = [("label", label), ("dim", text)]
        self._shell.console.aside(*flowed(line, self._shell.console.width, len(label)))


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
    fits = width is None or cells(plain(line)) <= width
    return flowed(line if fits else line[:2], width, 6)


def _mistaken(text: str) -> str:
    """The statement that was traced as the mistake that is made most: without its ``async``."""
    command = as_command(text)
    statement = text if command is None else command.rest
    if statement.startswith("async for ") and "\n" not in statement.strip():
        return one_line(statement.removeprefix("async ").strip())
    return _MISTAKE
