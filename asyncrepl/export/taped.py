"""A session that somebody has typed, from its tape: as a recording, as a transcript."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from asyncrepl.export.recording import Recording, output_lines
from asyncrepl.language.reading import is_complete
from asyncrepl.transcript.grammar import GAP, Input, expressible
from asyncrepl.views.styled import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from asyncrepl.commands.tape import Scene

__all__ = ["recording", "transcript_text"]


def recording(scenes: Sequence[Scene], *, waits: bool) -> Recording:
    """The inputs of a tape with what came of them; the last of `scenes` is left out.

    With `waits`, where something ran in the background while nobody had typed yet, a
    ``:wait`` of that length stands for that time: nothing else would let it pass.
    """
    kept = [shorter for pair in pairwise(scenes) for shorter in _split(*pair, waits=waits)]
    parts = tuple((Input(0, (), text=scene.text, expected=()), scene) for scene in kept)
    return Recording("", parts)


def transcript_text(recording: Recording, clock: str = "virtual") -> str:
    """The session on paper, as ``asyncrepl check`` reads it."""
    lines = [f"#: clock  {clock}", ""]
    for _, scene in recording.scenes:
        if scene.error == "KeyboardInterrupt" and scene.ended is not None:
            lines.append(f"#: key C-c after {_seconds(scene.ended - scene.began)}")
        lines += _typed(scene.text)
        printed = map(plain, output_lines(scene))
        lines += [line if line == GAP and scene.cut else expressible(line) for line in printed]
    return "\n".join(lines) + "\n"


def _split(scene: Scene, following: Scene, *, waits: bool) -> Iterator[Scene]:
    """`scene`, and a ``:wait`` until the `following` one, if anything was printed meanwhile."""
    if not waits or scene.idle is None or scene.ended is None or scene.idle == len(scene.pieces):
        yield scene
        return
    yield replace(scene, pieces=scene.pieces[: scene.idle])
    wait = f":wait {_seconds(following.began - scene.ended)}"
    pieces = scene.pieces[scene.idle :]
    yield replace(
        scene, text=wait, began=scene.ended, ended=following.began, error=None, pieces=pieces
    )


def _typed(text: str) -> list[str]:
    """The lines of an input with their prompts; a block ends with an empty one."""
    first, *others = text.strip("\n").split("\n")
    lines = [f">>> {first}", *(f"... {line}" if line.strip() else "..." for line in others)]
    return lines if is_complete(text.strip("\n")) or not others else [*lines, "..."]


def _seconds(seconds: float) -> str:
    return f"{max(seconds, 0.001):.3f}".rstrip("0").rstrip(".")
