"""A recording as the lines that a screen would show, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncrepl.export.recording import output_lines
from asyncrepl.transcript.grammar import Blank, Directive, Input, Narration
from asyncrepl.views.cells import cells
from asyncrepl.views.highlight import code_lines
from asyncrepl.views.styled import plain, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncrepl.commands.tape import Scene
    from asyncrepl.export.recording import Recording
    from asyncrepl.views.styled import Line

__all__ = ["blocks", "folded", "input_lines", "narration_lines", "rows", "scene_lines"]


def rows(recording: Recording) -> Iterator[Line]:
    """All lines: title and narration dimmed, inputs highlighted, output in its styles."""
    for lines in blocks(recording):
        yield from lines


def blocks(recording: Recording) -> Iterator[list[Line]]:
    """The same lines: what is told, and each input with what it printed, in a list each."""
    for entry, scene in recording.parts:
        match entry:
            case Directive(name="title", value=text) | Narration(text=text):
                yield narration_lines(text)
            case Blank():
                yield [[]]
            case Input() if scene is not None:
                yield scene_lines(scene)


def narration_lines(text: str) -> list[Line]:
    """What is told, as comments."""
    return [[("dim", printable(f"# {line}".rstrip()))] for line in text.split("\n")]


def scene_lines(scene: Scene) -> list[Line]:
    """An input and what it printed."""
    return [*input_lines(scene.text), *output_lines(scene)]


def input_lines(text: str) -> list[Line]:
    """What is typed, behind the prompts."""
    code = code_lines(text)
    code += [[]] * (text.count("\n") + 1 - len(code))
    prompts = [">>> ", *["... "] * (len(code) - 1)]
    return [
        [("label", prompt), *line] if plain(line) else [("label", prompt.rstrip())]
        for prompt, line in zip(prompts, code, strict=True)
    ]


def folded(line: Line, width: int) -> list[Line]:
    """The rows that `line` takes on a screen of so many columns; tabs are blanks."""
    result: list[Line] = [[]]
    column = 0
    for style, text in line:
        kept = ""
        for char in text:
            piece = " " * (8 - column % 8) if char == "\t" else char
            size = cells(piece)
            if column + size > width:
                result[-1].append((style, kept))
                result.append([])
                kept, column = "", 0
            kept += piece
            column += size
        result[-1].append((style, kept))
    return result
