"""A session that somebody has typed, from its tape: as a recording, as a transcript."""

from __future__ import annotations

import ast
import inspect
from copy import copy
from itertools import pairwise
from typing import TYPE_CHECKING

from asyncrepl.commands.tape import Scene
from asyncrepl.export.recording import Recording, output_lines
from asyncrepl.language.reading import as_command, is_complete
from asyncrepl.transcript.grammar import GAP, Input, expressible
from asyncrepl.views.cells import cells
from asyncrepl.views.styled import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from asyncrepl.views.styled import Line

__all__ = ["HEAD", "has_idle_output", "recording", "scene_text", "transcript_text", "with_wait"]

#: The beginning of a session on paper.
HEAD = "#: clock  virtual\n\n"

#: Seconds: a command that took less has awaited nothing; a pause worth a ``:wait``.
_SHORT, _LEAST = 0.1, 0.001


def recording(scenes: Sequence[Scene], *, waits: bool) -> Recording:
    """The inputs of a tape with what came of them; the last of `scenes` is left out.

    With `waits`, where something ran in the background while nobody typed, a ``:wait``
    stands for the time between any two inputs: nothing else would let it pass.
    """
    pairs = list(pairwise(scenes))
    last = max((at for at, (scene, _) in enumerate(pairs) if has_idle_output(scene)), default=-1)
    kept: list[Scene] = []
    for at, pair in enumerate(pairs):
        kept += with_wait(*pair) if waits and at <= last else [pair[0]]
    parts = tuple((Input(0, (), text=scene.text, expected=()), scene) for scene in kept)
    return Recording("", parts)


def transcript_text(recording: Recording, width: int | None = None) -> str:
    """The session on paper, as ``asyncrepl check`` reads it, from a screen of that `width`."""
    return HEAD + "".join(scene_text(scene, width) for _, scene in recording.scenes)


def scene_text(scene: Scene, width: int | None = None) -> str:
    """One input on paper, with what came of it."""
    lines: list[str] = []
    if scene.error == "KeyboardInterrupt" and scene.ended is not None:
        lines.append(f"#: key C-c after {_seconds(scene.ended - scene.began)}")
    lines += _typed(scene.text)
    printed = _unwrapped(output_lines(scene), width)
    lines += [line if line == GAP and scene.cut else expressible(line) for line in printed]
    return "".join(line + "\n" for line in lines)


def _unwrapped(lines: list[Line], width: int | None) -> list[str]:
    """The text of `lines`; where the tool has wrapped its prose, `…` stands for the rest.

    On paper nothing is wrapped. A line goes on in the next one, which is indented, if the
    first word there did not fit.
    """
    result: list[str] = []
    before: Line = []
    for line in lines:
        if result and width is not None and _goes_on(before, line, width):
            result[-1] = result[-1].removesuffix(GAP) + GAP
        else:
            result.append(plain(line))
        before = line
    return result


def _goes_on(before: Line, line: Line, width: int) -> bool:
    """Whether `line` is the rest of the one `before`, for which there was no room."""
    if line and line[0][0] == "wrap":
        return True
    text = plain(line)
    indent = len(text) - len(text.lstrip(" "))
    if indent < 4 or not before or not line[0][0] or line[0][0] != before[-1][0]:
        return False
    return cells(f"{plain(before)} {text.split()[0]}") > width - indent


def has_idle_output(scene: Scene) -> bool:
    """Whether something was printed between the end of `scene` and the next input."""
    return scene.idle is not None and scene.idle < len(scene.pieces)


def with_wait(scene: Scene, following: Scene) -> Iterator[Scene]:
    """`scene`, and a ``:wait`` for the time until the `following` one.

    On a virtual clock an input that awaits nothing takes no time: what it took is waited for.
    """
    if scene.idle is None or scene.ended is None:
        yield scene
        return
    itself = copy(scene)
    itself.pieces = scene.pieces[: scene.idle]
    yield itself
    took = scene.ended - scene.began
    seconds = following.began - scene.ended + (0 if _awaits(scene.text, took) else took)
    if has_idle_output(scene) or seconds >= _LEAST:
        wait = Scene(f":wait {_seconds(seconds)}", scene.ended)
        wait.ended, wait.pieces = following.began, scene.pieces[scene.idle :]
        yield wait


def _awaits(text: str, took: float) -> bool:
    """Whether an input awaits something; of a command, by how long it took."""
    if as_command(text) is not None:
        return took > _SHORT
    try:
        code = compile(text, "", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError):
        return False
    return bool(code.co_flags & inspect.CO_COROUTINE)


def _typed(text: str) -> list[str]:
    """The lines of an input with their prompts; a block ends with an empty one."""
    first, *others = text.strip("\n").split("\n")
    lines = [f">>> {first}", *(f"... {line}" if line.strip() else "..." for line in others)]
    return lines if is_complete(text.strip("\n")) or not others else [*lines, "..."]


def _seconds(seconds: float) -> str:
    return f"{max(seconds, 0.001):.3f}".rstrip("0").rstrip(".")
