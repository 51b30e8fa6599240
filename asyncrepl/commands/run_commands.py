"""``:run FILE [ARG ...]``: a file, run in the session's own namespace, as if it had been typed.

Unlike ``:load``, which imports it: its names are there afterwards, it sees those of the session,
and it may await at the top. ``__name__`` is ``"__main__"``.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asyncrepl.runtime.isolation import add_user_folder
from asyncrepl.runtime.path_names import paths_beginning_with
from asyncrepl.session.command_registry import CommandError, StatementAnswer, command
from asyncrepl.session.source_loader import LoadError, NotSourceError, read_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncrepl.session.command_registry import CompletionWords
    from asyncrepl.session.shell import Shell

__all__: list[str] = []

_NOTHING = object()


def _file_words(_shell: Shell, typed: str) -> CompletionWords:
    return paths_beginning_with(typed, (".py",))


@command(
    ":run FILE [ARG ...]",
    "run a Python file here, with your names",
    group="learning",
    rank=45,
    example=":run script.py",
    complete=_file_words,
    details="It sees the names of the session and leaves its own; it may await at the top. "
    "sys.argv has the ARGs.",
)
def _run(shell: Shell, rest: str) -> StatementAnswer:
    path, arguments = _file_and_arguments(rest)
    try:
        text = read_text(path)
    except NotSourceError as error:
        raise CommandError(str(error)) from None
    except LoadError as error:
        raise CommandError(f":run: {error}") from None
    filename = str(path.absolute())
    undo = _as_main_program(shell.session.namespace, filename, arguments)
    return StatementAnswer(text, lambda _task: None, undo, filename, "exec")


def _file_and_arguments(rest: str) -> tuple[Path, list[str]]:
    """The file that is named, also one with blanks in its name, and the words after it."""
    if rest and Path(rest).expanduser().is_file():
        return Path(rest).expanduser(), []
    try:
        name, *arguments = shlex.split(rest)
    except ValueError as error:
        if not rest:
            raise CommandError(":run takes a file: try :run script.py") from None
        raise CommandError(f":run cannot read {rest!r}: {error}; try :run 'FILE' ARG") from None
    return Path(name).expanduser(), arguments


def _as_main_program(
    namespace: dict[str, Any], filename: str, arguments: list[str]
) -> Callable[[], None]:
    """Let the program see its name and arguments, as under ``python``; what undoes that."""
    folder = str(Path(filename).resolve().parent)
    if folder not in sys.path:
        add_user_folder(folder)  # and it stays: what it defines may import later
    before, argv = namespace.get("__file__", _NOTHING), sys.argv
    namespace["__file__"], sys.argv = filename, [filename, *arguments]

    def undo() -> None:
        sys.argv = argv
        if before is _NOTHING:
            namespace.pop("__file__", None)
        else:
            namespace["__file__"] = before

    return undo
