"""A session that somebody has typed, from its tape: as a recording, as a transcript."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from asyncrepl.commands.tape import Scene
from asyncrepl.export.recording import Recording, output_lines
from asyncrepl.language.reading import is_complete
from asyncrepl.transcript.grammar import GAP, Input, expressible
from asyncrepl.views.cells import cells
from asyncrepl.views.styled import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from asyncrepl.views.styled import Line

__all__ = ["recording", "transcript_text"]

#: Seconds: an input that took less has hardly awaited anything; a pause worth a ``:wait``.
_SHORT, _LEAST = 0.1, 0.001


def recording(scenes: Sequence[Scene], *, waits: bool) -> Recording:
    """The inputs of a tape with what came of them; the last of `scenes` is left out.

    With `waits`, where something ran in the background while nobody typed, a ``:wait``
    stands for the time between any two inputs: nothing else would let it pass.
    """
    pairs = list(pairwise(scenes))
    last = max((at for at, (scene, _) in enumerate(pairs) if _idle(scene)), default=-1)
    kept: list[Scene] = []
    for at, pair in enumerate(pairs):
        kept += _split(*pair) if waits and at <= last else [pair[0]]
    parts = tuple((Input(0, (), text=scene.text, expected=()), scene) for scene in kept)
    return Recording("", parts)


def transcript_text(recording: Recording, width: int | None = None) -> str:
    """The session on paper, as ``asyncrepl check`` reads it, from a screen of that `width`."""
    lines = ["#: clock  virtual", ""]
    for _, scene in recording.scenes:
        if scene.error == "KeyboardInterrupt" and scene.ended is not None:
            lines.append(f"#: key C-c after {_seconds(scene.ended - scene.began)}")
        lines += _typed(scene.text)
        printed = _unwrapped(output_lines(scene), width)
        lines += [line if line == GAP and scene.cut else expressible(line) for line in printed]
    return "\n".join(lines) + "\n"


def _unwrapped(lines: list[Line], width: int | None) -> list[str]:
    """The text of `lines`; where the tool has wrapped its prose, `…` stands for the rest.

    On paper nothing is wrapped. A line goes on in the next one, which is indented, if the
    first word there did not fit.
    """
    result: list[str] = []
    before = ""
    for line in lines:
        text = plain(line)
        word = text.strip().partition(" ")[0]
        indent = len(text) - len(text.lstrip(" "))
        full = width is not None and cells(f"{before} {word}") > width - indent
        if full and text.startswith("    ") and any(style for style, _ in line):
            result[-1] = result[-1].removesuffix(GAP) + GAP
        else:
            result.append(text)
        before = text
    return result


def _idle(scene: Scene) -> bool:
    return scene.idle is not None and scene.idle < len(scene.pieces)


def _split(scene: Scene, following: Scene) -> Iterator[Scene]:
    """`scene`, and a ``:wait`` for the time until the `following` one.

    On a virtual clock an input that awaits nothing takes no time: what it took is waited for.
    """
    if scene.idle is None or scene.ended is None:
        yield scene
        return
    yield replace(scene, pieces=scene.pieces[: scene.idle])
    took = scene.ended - scene.began
    seconds = following.began - scene.ended + (took if took < _SHORT else 0)
    if _idle(scene) or seconds >= _LEAST:
        yield Scene(
            f":wait {_seconds(seconds)}",
            scene.ended,
            ended=following.began,
            pieces=scene.pieces[scene.idle :],
        )


def _typed(text: str) -> list[str]:
    """The lines of an input with their prompts; a block ends with an empty one."""
    first, *others = text.strip("\n").split("\n")
    lines = [f">>> {first}", *(f"... {line}" if line.strip() else "..." for line in others)]
    return lines if is_complete(text.strip("\n")) or not others else [*lines, "..."]


def _seconds(seconds: float) -> str:
    return f"{max(seconds, 0.001):.3f}".rstrip("0").rstrip(".")
