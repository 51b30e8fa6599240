"""A session as a script that plain Python runs, without asyncrepl.

What was typed stands in a coroutine ``main``, its names declared global, as they were at the
prompt. Definitions that come first stand at the top, where one expects them. Values are
shown as a prompt shows them. A statement that failed in the session fails in the script
too, and the next one is run; one that Ctrl-C ended is ended after as long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncrepl.export.equivalents import STATEMENT, equivalent, loaded, name_of
from asyncrepl.export.helpers import Names, helpers
from asyncrepl.export.plain_python import indented, plain_python
from asyncrepl.language.reading import Command, as_command
from asyncrepl.transcript.grammar import Blank, Input, Narration
from asyncrepl.views.styled import one_line, printable

if TYPE_CHECKING:
    from asyncrepl.commands.tape import Scene
    from asyncrepl.export.plain_python import Plain
    from asyncrepl.export.recording import Recording

__all__ = ["script"]


def script(recording: Recording) -> str:
    """The text of a Python file that does what was typed."""
    writer = _Writer(Names.beside(_code(scene.text) for _, scene in recording.scenes))
    for entry, scene in recording.parts:
        match entry:
            case Narration(text=text):
                writer.note(text)
            case Blank():
                writer.blank()
            case Input() if scene is not None:
                writer.input(scene)
    return writer.text(recording.title)


def _code(text: str) -> str:
    command = as_command(text)
    return text if command is None else command.rest


class _Writer:
    """Collects the parts of the script.

    `_notes` are the comments and empty lines since the last code: they go where the next
    one goes.
    """

    def __init__(self, names: Names) -> None:
        self._helpers = names
        self._future: list[str] = []
        self._top: list[str] = []
        self._main: list[str] = []
        self._notes: list[str] = []
        self._names: set[str] = set()
        self._spawned = 0

    def note(self, text: str) -> None:
        """Lines of comment."""
        self._notes += [f"# {line}".rstrip() for line in printable(text).split("\n")]

    def blank(self) -> None:
        """An empty line."""
        self._notes.append("")

    def input(self, scene: Scene) -> None:
        """What was typed in `scene`."""
        command = as_command(scene.text)
        if command is None:
            self._statement(scene, scene.text)
        else:
            self._command(scene, command)

    def text(self, title: str) -> str:
        """The whole script."""
        self._main += self._taken()
        body = "\n".join(self._main).strip("\n")
        if self._names:
            body = f"global {', '.join(sorted(self._names))}\n\n{body}"
        main = f"async def {self._helpers.main}():\n"
        main += indented(body if _has_code(body) else f"{body}\npass")
        modules, defined = helpers(self._helpers, "\n".join([*self._top, body]))
        imports = "\n".join(f"import {name}" for name in modules)
        head = [f'"""{_quoted(title)}"""'] * bool(title) + self._future + [imports]
        run = f"asyncio.run({self._helpers.main}())"
        blocks = ["\n\n".join(head), *defined, *self._top, main, run]
        return "\n\n\n".join(block.strip("\n") for block in blocks) + "\n"

    # -- within ------------------------------------------------------------------------

    def _taken(self) -> list[str]:
        notes, self._notes = self._notes, []
        return notes

    def _add(self, *lines: str) -> None:
        """Code of `main`."""
        notes = self._taken()
        if not notes and self._main and "\n" in self._main[-1]:
            notes = [""]
        self._main += [*notes, *lines]

    def _define(self, text: str) -> None:
        """Code at the top of the module."""
        self._top.append("\n".join([*self._taken(), text]))

    def _command(self, scene: Scene, command: Command) -> None:
        name = name_of(command)
        if name in STATEMENT and command.rest not in {"", "on", "off"}:
            self._statement(scene, command.rest)
            return
        self.note(scene.text)
        if name == "spawn" and (plain := self._plain(command.rest)) is not None:
            self._spawn(plain)
        elif name == "load" and (code := loaded(command.rest)):
            self._top.append(f"# {scene.text}\n{code}")
        elif scene.error is None and (lines := equivalent(command, self._helpers)):
            self._notes.pop()
            self._add(*lines)

    def _spawn(self, plain: Plain) -> None:
        self._spawned += 1
        name = f"spawn_{self._spawned}"
        declared = [f"global {', '.join(sorted(plain.names))}"] if plain.names else []
        body = indented("\n".join([*declared, plain.text]))
        task = self._helpers.task(name.replace("_", " "), f"{name}()")
        self._add(f"async def {name}():\n{body}", task)

    def _statement(self, scene: Scene, text: str) -> None:
        plain = self._plain(text) if scene.compiled else None
        if plain is None:
            self.note(f"{text}\n  ({scene.error or 'SyntaxError'})")
        elif plain.hoisted and "__future__" in text:
            self._future.append(plain.text)
        elif plain.hoisted or (not self._main and plain.defines and scene.error is None):
            self._define(plain.text)
        else:
            self._names |= plain.names
            self._add(_guarded(plain.text, scene, self._helpers.tell))

    def _plain(self, text: str) -> Plain | None:
        return plain_python(text, self._helpers.show)


def _has_code(text: str) -> bool:
    return any(line.strip() and not line.startswith(("#", "global ")) for line in text.split("\n"))


def _guarded(text: str, scene: Scene, tell: str) -> str:
    """`text`, such that what ended it in the session ends it here, and no more than it."""
    seconds = scene.interrupt_after
    if seconds is None and scene.error == "KeyboardInterrupt" and scene.ended is not None:
        seconds = round(scene.ended - scene.began, 3)
    if seconds is not None:
        limit = f"    async with asyncio.timeout({seconds:g}):  # Ctrl-C\n{indented(text, 2)}"
        return f'try:\n{limit}\nexcept TimeoutError:\n    print("KeyboardInterrupt")'
    if scene.error not in {None, "SystemExit"}:
        return f"try:\n{indented(text)}\nexcept BaseException as error:\n    {tell}(error)"
    return text


def _quoted(title: str) -> str:
    return one_line(title).replace("\\", "\\\\").replace('"', "'")
