"""The user's folder is for the user's code alone.

A session starts in a folder where anything may lie: `queue.py`, `random.py`, `html.py`.
Python puts that folder before the standard library, for everybody. Here it is so for the
user's own imports; asyncrepl, the packages it needs and the standard library import as if
the folder were not there: early or late, in whatever thread.

Who imports is known from the frame that does, the innermost that is not the import system's.
Three parts, of which usually the first alone is at work:

- A *finder* before all others. What is asked for by a frame that is not the user's is
  looked for without the folder. (The standard library may find there what has no name of
  its own: `pickle`, `unittest` and `runpy` import the user's modules on the user's behalf.)
- What asyncrepl has imported, and plain Python has not, would be found in ``sys.modules``,
  and the user's `queue.py` never. So the names that the folder takes from the library are
  looked up at the start, and again when it has changed: these are *contested*. While there
  are any, ``builtins.__import__`` is a function of ours; otherwise it is Python's own.
- With the user's first import of a contested name, ``sys.modules`` has the user's module; ours
  is kept aside, and given to all who are not the user. Before that, nothing is moved.

``asyncrepl`` is never contested: its functions speak to the session that runs. Nor is what
Python itself had imported before: ``sys.modules`` goes first, as under ``python``. And so it
does for the user's ``importlib.import_module``, which asks no ``__import__``.

What does not work stands in ``docs/decisions/10-folder.md``.

This module is imported before all else, so it imports only what Python always has.
"""

import _imp
import _thread
import builtins
import os
import sys
from _frozen_importlib_external import PathFinder

TYPE_CHECKING = False  # as `typing` has it, which is not imported
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import FrameType, ModuleType
    from typing import Any

#: The packages that asyncrepl needs, and those that they need.
DEPENDENCIES = ("prompt_toolkit", "pygments", "wcwidth")

_PROTECTED = ("asyncrepl", *DEPENDENCIES)
_STDLIB = os.path.dirname(os.__file__)  # noqa: PTH120 - pathlib could be the user's
_OURS = os.path.dirname(os.path.dirname(__file__))  # noqa: PTH120
_TOOL = (
    _OURS + os.sep,
    os.path.join(os.path.dirname(_OURS), "demos", ""),  # noqa: PTH118, PTH120 - a checkout's
)
_ZIP = f"python{sys.version_info.major}{sys.version_info.minor}.zip"
_IMPORT_SYSTEM = ("<frozen importlib", os.path.join(_STDLIB, "importlib", ""))  # noqa: PTH118
#: Seconds to wait for another thread's import: it may wait for one of ours.
_LOCK_TIMEOUT = 1.0


def is_library(filename: str) -> bool:
    """Whether the file was installed: the standard library or a package."""
    return (
        filename.startswith((_STDLIB + os.sep, "<frozen "))
        or "site-packages" in filename
        or "dist-packages" in filename
    )


def import_for_user(name: str) -> "ModuleType":
    """Import the module `name` as the user's own code would; raises what that raises."""
    __import__(name)
    return sys.modules[name]


def find_for_user(name: str) -> "ModuleSpec | None":
    """What an import of `name` in the user's own code finds; raises ImportError, as that."""
    from importlib.util import find_spec

    return find_spec(name)


_FINDERS = tuple(sys.meta_path)
_FOR_USER = {import_for_user.__code__, find_for_user.__code__}


class Isolation:
    """A finder for ``sys.meta_path``, with what is hidden; safe to call from any thread."""

    def __init__(self) -> None:
        first = next((i for i, each in enumerate(sys.path) if _is_stdlib(each)), 0)
        #: Where ours is imported from; the folder may be in PYTHONPATH, too.
        here = _folder_state("")
        self._trusted = [
            p for i, p in enumerate(sys.path) if i >= first or _folder_state(p) != here
        ]
        self._stdlib = [each for each in sys.path if _is_stdlib(each)]
        self._installed = frozenset(sys.path[first:])
        #: What the user could take from us: not what is found before any folder is looked at.
        self._takeable = {
            name
            for name in {*sys.stdlib_module_names, *DEPENDENCIES} - set(sys.modules)
            if name not in sys.builtin_module_names and not _imp.is_frozen(name)
        }
        #: The names that the user's folders take from the library.
        self._contested: set[str] = set()
        #: Those of them that the user has imported; what was ours of them, by full name.
        self._taken: set[str] = set()
        self._ours: dict[str, ModuleType] = {}
        #: The user's, while ours needs to be found in ``sys.modules``.
        self._theirs: dict[str, ModuleType] = {}
        self._places = self._remembered = object()
        self._lock = _thread.RLock()
        self._python_import: Any = builtins.__import__
        #: Python's own, and what the user has put in its place.
        self._original: Any = builtins.__import__
        self._users_import: Any = None
        #: What was imported of ours and of the library, should ``sys.modules`` be emptied.
        self._known: dict[str, ModuleType] = {}

    # -- the finder ----------------------------------------------------------------

    def find_spec(
        self, name: str, path: "Sequence[str] | None" = None, target: "ModuleType | None" = None
    ) -> "ModuleSpec | None":
        """What the top-level module `name` is for whoever imports it, as the calling frame says.

        None where the other finders are to decide, as below a package (`path`). Any thread.
        """
        if path is not None:  # below a package, which has a place of its own
            protected = name.partition(".")[0] in _PROTECTED
            if protected and "typing" in self._taken:
                self._show_ours("typing")  # dataclasses look for it in ``sys.modules``
            emptied = PathFinder not in sys.meta_path and protected
            return PathFinder.find_spec(name, path, target) if emptied else None
        frame = sys._getframe(1)  # noqa: SLF001 - there is no other way to know who imports
        if is_import_of_user(frame):
            if name in self._takeable and name not in self._taken and self._is_other(name):
                self._contest({name})
                self._taken.add(name)
            return None
        takeable, tool = name in self._takeable, _is_tool(_importer(frame))
        if not takeable and not tool:
            return None
        spec = self._find_ours(name, target)
        if spec is None and name not in DEPENDENCIES:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return spec

    def _find_ours(self, name: str, target: "ModuleType | None" = None) -> "ModuleSpec | None":
        """What the other finders find outside of the folder."""
        places = self._stdlib if name in sys.stdlib_module_names else self._trusted
        for finder in (*sys.meta_path, *_FINDERS):  # the user may have emptied that list
            if finder is self:
                continue
            if finder is PathFinder:
                spec = PathFinder.find_spec(name, places, target)
            else:
                spec = finder.find_spec(name, None, target)
            if spec is not None:
                return spec
        return None

    # -- what user code breaks ----------------------------------------------------------

    def keep(self) -> None:
        """Let ours be imported as before, whatever was done to the import system."""
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)
        if sys.modules.get("sys") is sys:
            self._remember()
            for name in ("asyncio", *_PROTECTED):  # below it no package would be found any more
                if name in self._known:
                    sys.modules.setdefault(name, self._known[name])
        else:  # emptied: nobody can import anything any more, and what tried has made new ones
            sys.modules.update(self._known)
        current: Any = vars(builtins).get("__import__")
        if current in (self._original, self._import, self._users_import_or_ours) or _works(
            current
        ):
            return
        self._users_import = current
        vars(builtins)["__import__"] = self._users_import_or_ours

    def _remember(self) -> None:
        state = id(sys.modules), len(sys.modules), [*sys.modules][-1:]  # a new one is the last
        self._remembered, modules = state, {} if state == self._remembered else dict(sys.modules)
        for name, module in modules.items():
            if (top := name.partition(".")[0]) in sys.stdlib_module_names or top in _PROTECTED:
                self._known.setdefault(name, module)

    def _users_import_or_ours(self, *arguments: "Any", **keywords: "Any") -> "ModuleType":
        """``__import__`` where the user's fails: that is for all but us."""
        frame = _importer(sys._getframe(1))  # noqa: SLF001 - as above
        while frame is not None and not _is_tool(frame) and is_library(frame.f_code.co_filename):
            frame = frame.f_back
        serves = self._original if _is_tool(frame) else self._users_import
        module: ModuleType = serves(*arguments, **keywords)
        return module

    # -- contested names -------------------------------------------------------------

    def look(self) -> None:
        """Find out what the user's folders take from the library now."""
        if self._theirs:
            self._give_back()
        self._remember()
        places = [p for p in sys.path if type(p) is str and p not in self._installed]
        state = [_folder_state(place) for place in places]
        if state == self._places:
            return
        self._places = state
        found = {entry.partition(".")[0] for place in places for entry in _entries_of(place)}
        self._contest({name for name in found & self._takeable if self._is_other(name)})

    def _is_other(self, name: str) -> bool:
        """Whether the user's own import of `name` finds something else than ours does."""
        theirs, ours = PathFinder.find_spec(name), self._find_ours(name)
        if theirs is None or theirs.loader is None:  # a folder that is no package
            return False
        return ours is None or theirs.origin != ours.origin

    def _contest(self, names: "set[str]") -> None:
        self._contested = self._taken | names
        if self._contested and builtins.__import__ != self._import:
            self._python_import = builtins.__import__
            vars(builtins)["__import__"] = self._import
        elif not self._contested and builtins.__import__ == self._import:
            builtins.__import__ = self._python_import

    def _import(
        self,
        name: str,
        globals: "dict[str, Any] | None" = None,  # noqa: A002 - as `__import__` has it
        locals: "dict[str, Any] | None" = None,  # noqa: A002
        fromlist: "Sequence[str] | None" = (),
        level: int = 0,
    ) -> "ModuleType":
        package = (globals or {}).get("__package__") or "" if level else ""
        top = (package or name).partition(".")[0]
        arguments = name, globals, locals, fromlist, level
        module: ModuleType
        if top not in self._contested:
            module = self._python_import(*arguments)
        elif is_import_of_user(sys._getframe(1)):  # noqa: SLF001 - as above
            module = self._import_theirs(top, arguments)
        elif top not in self._taken:
            module = self._python_import(*arguments)
        elif type(fromlist) is list and not fromlist:  # PyImport_Import
            self._show_ours(top)
            module = self._python_import(*arguments)
        else:
            kept = None if level else self._kept(name, top, fromlist)
            module = kept or self._import_ours(top, arguments)
        return module

    def _import_theirs(self, top: str, arguments: "tuple[Any, ...]") -> "ModuleType":
        """Import for the user, who gets what the folder holds."""
        if self._theirs:
            self._give_back()
        with _TimedLock(self._lock):
            if first := top not in self._taken:
                self._ours.update(_pop_modules(top))
                self._taken.add(top)
        try:
            module: ModuleType = self._python_import(*arguments)
            return module
        finally:
            if first and top not in sys.modules:  # it has failed
                self._taken.discard(top)
                sys.modules.update(_modules_below(top, self._ours))

    def _kept(self, name: str, top: str, fromlist: "Sequence[str] | None") -> "ModuleType | None":
        """What an import statement gives, if all that it asks for is there."""
        module = self._ours.get(name)
        if module is None or not fromlist:
            return module and self._ours.get(top)
        return module if all(hasattr(module, each) for each in fromlist) else None

    def _import_ours(self, top: str, arguments: "tuple[Any, ...]") -> "ModuleType":
        """Import with what is ours of `top` in ``sys.modules``, and the user's put back after."""
        with _TimedLock(self._lock):
            theirs = _pop_modules(top)
            sys.modules.update(_modules_below(top, self._ours))
            self._taken.discard(top)  # what it imports itself is ours
            try:
                module: ModuleType = self._python_import(*arguments)
                return module
            finally:
                self._taken.add(top)
                self._ours.update(_pop_modules(top))
                sys.modules.update(theirs)

    def _show_ours(self, top: str) -> None:
        """Have ours of `top` in ``sys.modules``: C code will look there, or who loads ours."""
        with _TimedLock(self._lock):
            if not _modules_below(top, self._theirs):
                self._theirs.update(_pop_modules(top))
                sys.modules.update(_modules_below(top, self._ours))

    def _give_back(self) -> None:
        with _TimedLock(self._lock):
            for top in {name.partition(".")[0] for name in self._theirs}:
                self._ours.update(_pop_modules(top))
            sys.modules.update(self._theirs)
            self._theirs.clear()


class _TimedLock:
    """A block in which ``sys.modules`` is changed; not waited for too long."""

    def __init__(self, lock: "Any") -> None:
        self._lock = lock
        self._mine = False

    def __enter__(self) -> None:
        self._mine = self._lock.acquire(timeout=_LOCK_TIMEOUT)

    def __exit__(self, *_: object) -> None:
        if self._mine:
            self._lock.release()


_isolation: "Isolation | None" = None
#: The folders that were added for the user's code; "" is the current one.
user_folders: "list[str]" = []


#: The script that has started the program, which no user has written; "" where none has.
launcher = ""


def begin() -> None:
    """Import from now on as if the folder were not there, in which Python was started.

    Takes the place out of ``sys.path`` that Python has put there for a program: for
    ``python -m`` the folder, for a console script that of the script.
    """
    global _isolation  # noqa: PLW0603 - there is one import system
    if _isolation is None:
        if not sys.flags.safe_path and os.path.isdir(sys.path[0] or "."):  # noqa: PTH112
            del sys.path[0]
        _isolation = Isolation()
        sys.meta_path.insert(0, _isolation)


def add_user_folder(place: str) -> None:
    """Let the user's code import from `place` first, as Python does for a program there.

    Nothing is put into ``sys.path`` where Python was told not to (``-P``, ``-I``,
    ``PYTHONSAFEPATH``).
    """
    if not sys.flags.safe_path:
        sys.path.insert(0, place)
    user_folders.append(place)
    look()


def look() -> None:
    """See what the folder holds now; takes microseconds where it has not changed."""
    if _isolation is not None:
        _isolation.look()


def repair_imports() -> None:
    """Let ours be imported as before, whatever a statement has done to the import system."""
    if _isolation is not None:
        _isolation.keep()


def _works(function: "Any") -> bool:
    """Whether a replaced ``__import__`` still gives modules."""
    try:
        return function("sys") is sys
    except BaseException:  # it may raise whatever the user likes
        return False


def _importer(frame: "FrameType | None") -> "FrameType | None":
    """The frame, from `frame` outwards, that imports: the first not of the import system."""
    while frame is not None and frame.f_code not in _FOR_USER:
        filename = frame.f_code.co_filename
        if not filename.startswith(_IMPORT_SYSTEM) and filename != __file__:
            break
        frame = frame.f_back
    return frame


def is_import_of_user(called_by: "FrameType | None") -> bool:
    """Whether the user's code imports: what has `called_by` a finder, or ``__import__``."""
    frame = _importer(called_by)
    if frame is None or frame.f_code in _FOR_USER:
        return frame is not None
    return not _is_tool(frame) and not is_library(frame.f_code.co_filename)


def may_get_users(name: str, called_by: "FrameType | None") -> bool:
    """Whether who imports `name`, as in `is_import_of_user`, may get a module of the user's.

    That is the user, or a library that was told of it, as a server of ``app:main``; which means
    the standard library's and our packages where it names one of these.
    """
    if is_import_of_user(called_by):
        return True
    frame, top = _importer(called_by), name.partition(".")[0]
    known = top in sys.stdlib_module_names or top in DEPENDENCIES
    return frame is not None and not known and not _is_tool(frame)


def _is_tool(frame: "FrameType | None") -> bool:
    """Whether `frame` is of asyncrepl, its demos, or a package that it needs."""
    filename = "" if frame is None else frame.f_code.co_filename
    if filename.startswith(_TOOL):
        return True
    return filename.rpartition(f"-packages{os.sep}")[2].partition(os.sep)[0] in DEPENDENCIES


def _is_stdlib(place: str) -> bool:
    name = place.rpartition(os.sep)[2]
    return place == _STDLIB or name in {"lib-dynload", _ZIP}


def _folder_state(place: str) -> "tuple[int, ...] | str":
    """Which folder it is, and when an entry of it was made or removed."""
    try:
        found = os.stat(place or ".")  # noqa: PTH116
    except (OSError, ValueError):
        return place
    return found.st_dev, found.st_ino, found.st_mtime_ns


def _entries_of(place: str) -> "list[str]":
    try:
        return os.listdir(place or ".")  # noqa: PTH208
    except (OSError, ValueError):
        return []


def _pop_modules(top: str) -> "dict[str, ModuleType]":
    """The modules of that name and below it, which are no longer in ``sys.modules``."""
    names = [name for name in list(sys.modules) if name.partition(".")[0] == top]
    return {name: sys.modules.pop(name) for name in names}


def _modules_below(top: str, modules: "dict[str, ModuleType]") -> "dict[str, ModuleType]":
    """Those of `modules` that have this name, or are below it."""
    return {name: found for name, found in modules.items() if name.partition(".")[0] == top}
