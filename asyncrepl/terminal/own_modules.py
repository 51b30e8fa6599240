"""Importing the modules that are not needed for the prompt, before they are needed.

To start quickly, nothing is imported that the first prompt can do without. But then the first
error imports up to a hundred modules on the user's loop, and holds it for as
long: 0.1 s, and several times that on a busy machine. So as soon as somebody writes a statement, a
thread imports them one after the other, with pauses as long as the work. It gives the interpreter
lock away when a key is pressed, as all threads do. A prompt at which nobody writes costs neither
that time nor the memory, a sixth of all that a session takes. Nor is anything imported that what
is written cannot need: commands wait for a colon, what saves a session for a command that does.

What does not work:

- One import of all: who needs one of the modules meanwhile waits for the rest, too.
- Importing as soon as the prompt is there: that is when the first keys come.
- Importing on the loop itself, when it is idle: a slow disk then holds the loop.
- Importing while user code runs: a loop over ``sys.modules`` fails when that grows.
- A fork in the middle: the child inherits the lock of a half-imported module, and nobody to
  release it.

Private copies of the standard modules, for asyncrepl and prompt_toolkit alone.

Tests and libraries replace functions of modules for everybody: ``time.monotonic`` by a mock,
``asyncio.sleep``, ``os.write``, ``re.sub``. That is the user's right, and must not stop the
prompt. So before user code runs, the modules of asyncrepl and prompt_toolkit get copies of the
standard modules that they use: the same functions, kept in another dict.

What does not work: to import each function by its name (prompt_toolkit's code is not ours to
change), and copies of modules with a state that is assigned to (`sys`, `builtins`).
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import suppress
from importlib import import_module
from time import perf_counter
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from asyncrepl.engine.loop.loop_iteration import LoopIteration

#: What a statement may need, what is needed soonest first; what a command may; what saves.
_STATEMENT = ("instrument", "engine", "explain", "views", "session", "syntax", "terminal")
_COMMAND, _SAVING = ("commands", "transcript"), ("export",)
#: It belongs to pytest.
_EXCLUDED = frozenset({"asyncrepl.transcript.pytest_plugin"})
#: What functions of ours, and those of the standard library that they call, import later.
_OTHER_MODULES = (
    "tokenize", "encodings.utf_8_sig", "_colorize", "_suggestions", "_ast_unparse", "glob",
    "pkgutil", "pygments.lexers.python",
)  # fmt: skip
#: Seconds before the first import, and at least between two of them.
_FIRST_DELAY, _MIN_PAUSE = 0.05, 0.002

#: Held while a thread of ours imports, and in every fork.
import_lock = threading.RLock()
os.register_at_fork(
    before=import_lock.acquire,
    after_in_parent=import_lock.release,
    after_in_child=import_lock.release,
)


#: Where a thread looks for what it needs: our copy of `threading` has the module's own classes.
_THREADING = threading.Thread.start.__globals__
_FOR_THREADS = {
    name: _THREADING[name]
    for name in ("Thread", "Event", "Condition", "Lock", "RLock", "get_ident", "current_thread")
}


def threads_can_start() -> bool:
    """Whether `threading` is whole: who starts a thread waits for ever if it dies at once.

    User code may have replaced what a new thread needs before it says that it has begun.
    """
    return all(_THREADING.get(name) is each for name, each in _FOR_THREADS.items())


class ModulePreloader:
    """Imports what somebody who writes may need, in a thread of its own, while the loop waits."""

    def __init__(self, iteration: LoopIteration) -> None:
        self._iteration = iteration
        self._over = threading.Event()
        self._begun: set[tuple[str, ...]] = set()

    def start(self, *, command: bool = False, saving: bool = False) -> None:
        """Begin, in a moment, with what a statement may need, a `command`, one for `saving`.

        Only the first call for each counts. For the terminal's thread.
        """
        wanted = [_COMMAND] * command + [_SAVING] * saving + [_STATEMENT]
        new = [each for each in wanted if each not in self._begun]
        if not new or self._over.is_set() or not threads_can_start():
            return
        self._begun.update(new)
        packages = [package for each in new for package in each]
        # Called so, what it computes counts among what keeps the loop from running.
        threading.Thread(
            target=self._load, args=packages, name="asyncrepl loading", daemon=True
        ).start()

    def close(self) -> None:
        """Stop after the module that is being imported."""
        self._over.set()

    def _load(self, *packages: str) -> None:
        # A signal that this thread took would not wake the main thread.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        with suppress(BaseException):  # user code may break the import system meanwhile
            self._load_all(packages)

    def _load_all(self, packages: Sequence[str]) -> None:
        pause = _FIRST_DELAY
        for name in module_names(*packages):
            if self._over.wait(pause):
                return
            while self._iteration.busy:
                if self._over.wait(_MIN_PAUSE):
                    return
            began = perf_counter()
            # Whoever needs what is missing or broken will say so.
            with import_lock, suppress(Exception):
                import_module(name)
            pause = max(perf_counter() - began, _MIN_PAUSE)


def module_names(*packages: str) -> Iterator[str]:
    """The modules of `packages`, such that each imports few others: the deepest come first.

    All that a session may need, without `packages`.
    """
    from pkgutil import walk_packages

    for each in packages or (*_STATEMENT, *_COMMAND, *_SAVING):
        package = import_module(f"asyncrepl.{each}")
        found = [module.name for module in walk_packages(package.__path__, f"{package.__name__}.")]
        yield from sorted({*found} - _EXCLUDED, key=lambda name: (-name.count("."), name))
    yield from _OTHER_MODULES


#: Whose names are kept; but not of what replaces functions for everybody itself, nor of
#: what compares the user's modules with those it knows.
_OURS = ("asyncrepl.", "prompt_toolkit.")
_NOT_GIVEN = tuple(
    f"asyncrepl.{name}" for name in ("explain.", "syntax.sources", "terminal.terminal_lease")
)
#: The modules that are copied: all of their state is in objects, or in C.
_COPIED = {
    "asyncio", "collections", "contextlib", "contextvars", "fcntl", "functools", "gc",
    "heapq", "inspect", "io", "itertools", "linecache", "math", "os", "os.path",
    "posixpath", "re", "select", "selectors", "shlex", "signal", "string", "termios",
    "textwrap", "threading", "time", "traceback", "tty", "types", "unicodedata", "weakref",
}  # fmt: skip

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
        ours = name.startswith(_OURS) and not name.startswith(_NOT_GIVEN)
        names = vars(module) if ours and type(module) is ModuleType else {}
        for each, value in list(names.items()):
            if type(value) is ModuleType and value.__name__ in _COPIED:
                names[each] = _copy(value)


def _copy(module: ModuleType) -> ModuleType:
    """The copy of `module`, made when it is first asked for."""
    copy = _copies.get(module.__name__)
    if copy is None:
        copy = _copies[module.__name__] = ModuleType(module.__name__, module.__doc__)
        vars(copy).update(vars(module))
    return copy
