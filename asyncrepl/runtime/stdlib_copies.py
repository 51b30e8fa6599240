"""Private copies of the standard modules, for asyncrepl and prompt_toolkit alone.

Tests and libraries replace functions of modules for everybody: ``time.monotonic`` by a mock,
``asyncio.sleep``, ``os.write``, ``re.sub``. That is the user's right, and must not stop the
prompt. So before user code runs, the modules of asyncrepl and prompt_toolkit get copies of the
standard modules that they use: the same functions, kept in another dict.

What does not work: to import each function by its name (prompt_toolkit's code is not ours to
change), and copies of modules with a state that is assigned to (`sys`, `builtins`).
"""

from __future__ import annotations

import sys
from types import ModuleType

__all__ = ["install_stdlib_copies"]

#: Whose names are kept; but not of what replaces functions for everybody itself, nor of
#: what compares the user's modules with those it knows.
_OURS = ("asyncrepl.", "prompt_toolkit.")
_EXCLUDED = ("asyncrepl.explain.", "asyncrepl.syntax.sources", "asyncrepl.terminal.library_hooks")
#: The modules that are copied: all of their state is in objects, or in C.
_COPIED = frozenset(
    {
        "asyncio", "collections", "contextlib", "contextvars", "fcntl", "functools", "gc",
        "heapq", "inspect", "io", "itertools", "linecache", "math", "os", "os.path",
        "posixpath", "re", "select", "selectors", "shlex", "signal", "string", "termios",
        "textwrap", "threading", "time", "traceback", "tty", "types", "unicodedata", "weakref",
    }
)  # fmt: skip

_copies: dict[str, ModuleType] = {}
_treated: set[str] = set()


def install_stdlib_copies() -> None:
    """Give the modules of ours that have been imported so far their copies.

    For any thread. Cheap where nothing was imported since the last call; to be called
    before the first line of user code, and after what is imported late.
    """
    new = [name for name in list(sys.modules) if name not in _treated]
    _treated.update(new)
    for name in new:
        module = sys.modules.get(name)
        if type(module) is not ModuleType:
            continue
        if name.startswith(_OURS) and not name.startswith(_EXCLUDED):
            _give_copies(vars(module))


def _give_copies(names: dict[str, object]) -> None:
    for name, value in list(names.items()):
        if type(value) is ModuleType and value.__name__ in _COPIED:
            names[name] = _copy(value)


def _copy(module: ModuleType) -> ModuleType:
    """The copy of `module`, made when it is first asked for."""
    copy = _copies.get(module.__name__)
    if copy is None:
        copy = _copies[module.__name__] = ModuleType(module.__name__, module.__doc__)
        vars(copy).update(vars(module))
    return copy
