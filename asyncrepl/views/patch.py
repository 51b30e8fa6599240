r"""A unified diff that ``patch`` and ``git apply`` take.

Python reads ``\r\n`` as ``\n`` and leaves a mark at the beginning (BOM) away, and so do the
rules; ``patch`` compares bytes. So what is compared here are lines without their ends, and
what is written are the lines of the file: those that stay as they are, and new ones with the
ends that the others have. What does not work: to take the text that was run for the file.
"""

from __future__ import annotations

import difflib
import io
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["unified_diff"]

_MARK = "\ufeff"
_NO_END = "\\ No newline at end of file"


def unified_diff(filename: str, before: str, after: str) -> Iterator[str]:
    r"""The lines of the diff that makes `after` of the file `filename`, without their ``\n``.

    `before` is the file's content with its own line ends and mark; `after` has neither.
    """
    old = before.removeprefix(_MARK)
    mark = before[: len(before) - len(old)]
    new = mark + "".join(_in_the_style_of(_python_lines(old), after))
    name = _name(filename)
    diff = difflib.unified_diff(_patch_lines(before), _patch_lines(new), name, name, lineterm="")
    for number, line in enumerate(diff):
        yield line.removesuffix("\n")
        if number > 1 and line[0] in "-+ " and not line.endswith("\n"):
            yield _NO_END


def _python_lines(text: str) -> list[str]:
    r"""The lines of `text` as Python counts them, with ``\n``, ``\r\n`` or ``\r``."""
    return list(io.StringIO(text, newline=""))


def _patch_lines(text: str) -> list[str]:
    r"""The lines of `text` as ``patch`` counts them: by ``\n`` alone."""
    *whole, last = text.split("\n")
    return [line + "\n" for line in whole] + ([last] if last else [])


def _in_the_style_of(old: list[str], text: str) -> list[str]:
    """The lines of `text`: where they are those of `old`, just as they stand there."""
    windows = sum(line.endswith("\r\n") for line in old) * 2 > len(old)
    ends = "\r\n" if windows else "\n"
    bare = [line.rstrip("\r\n") for line in old]
    lines = text.split("\n")
    new = [line + ends for line in lines[:-1]] + lines[-1:]
    matcher = difflib.SequenceMatcher(None, bare, lines, autojunk=False)
    for tag, i, j, start, end in matcher.get_opcodes():
        if tag == "equal":
            new[start:end] = old[i:j]
        elif tag == "replace":  # each with the end of the one in whose place it comes
            for number in range(start, min(end, len(lines) - 1)):
                replaced = old[min(i + number - start, j - 1)]
                new[number] = lines[number] + replaced[len(replaced.rstrip("\r\n")) :]
    # The file's last line may have no end, and is perhaps no longer the last.
    return [line if line[-1:] in "\r\n" else line + ends for line in new[:-1]] + new[-1:]


def _name(filename: str) -> str:
    """What the diff calls the file: seen from here, if it is below."""
    path = Path(filename)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    name = str(path)
    return f"{name}\t" if " " in name else name  # where it ends
