"""Importing the user's own modules as what he types is run: with probes, traced, explained.

A mistake that raises nothing is seen by probes alone, so a module without them keeps its silent
mistakes. While a session is open, a finder before Python's own gives the modules below the user's
folders a loader that compiles them as programs are; never from ``__pycache__``, nor into it. All
else about them stays: name, file, cached file, lines, source, what pickle and ``reload`` see.

A library may import them as well, as a web server does that is given ``app:main``. Python's own
loader does it for what we import ourselves, for what is installed, for files that have nothing
asynchronous in them (they come from ``__pycache__`` as ever, however many they are), and for what
does not compile: then the error is Python's own. A finder that stands before ours, as that of
pytest does, goes first.

`load_file` and `load_attribute` bind what is in a file or a module in a session's namespace.
"""

from __future__ import annotations

import atexit
import builtins
import os
import sys
from contextlib import suppress
from importlib.machinery import PathFinder, SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader

# Held: a watch for calls that block a loop replaces it in `os.path`, and refuses ours.
from os.path import abspath
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from asyncrepl.engine.code_owner import owner, traceback_entries
from asyncrepl.engine.statements import compiled
from asyncrepl.runtime.isolation import (
    find_for_user,
    import_for_user,
    may_get_users,
    user_folders,
)
from asyncrepl.session.command_registry import CommandError
from asyncrepl.session.logged_errors import TEST_RESULTS, explain_unittest
from asyncrepl.syntax.parsed_input import (
    InvalidStatement,
    decode_failure,
    decoded,
    parse,
    parse_input,
)

if TYPE_CHECKING:
    import types
    from collections.abc import Mapping, Sequence
    from importlib.machinery import ModuleSpec
    from pathlib import Path

    from asyncrepl.engine.statements import Session
    from asyncrepl.syntax.sources import Sources

#: Without one of these, nothing in a file can be misused in silence.
_ASYNC_WORDS = (b"async", b"await", b"anext")
#: By the name of a file that a correction changes: the text that is imported in its place.
corrected_modules: dict[str, str] = {}


class UserModuleFinder:
    """A finder for ``sys.meta_path``; what it loads is kept in `sources`.

    `folder` is one of the user's beside those that the process has been told of. It finds while
    it is entered; any thread may import.
    """

    def __init__(self, sources: Sources, folder: str | None = None) -> None:
        self._sources = sources
        self._folders = [] if folder is None else [folder]

    def __enter__(self) -> Self:
        finders = sys.meta_path
        place = finders.index(PathFinder) if PathFinder in finders else len(finders)
        finders.insert(place, self)
        return self

    def __exit__(self, *_: object) -> None:
        if self in sys.meta_path:  # the user may have changed that
            sys.meta_path.remove(self)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> ModuleSpec | None:
        """Python's own spec of `name` in `path`, with our loader, for files of the user's.

        And for what tells how tests of `unittest` end.
        """
        if name == TEST_RESULTS and PathFinder in sys.meta_path:
            spec = PathFinder.find_spec(name, path, target)
            if spec is not None and type(spec.loader) is SourceFileLoader:
                spec.loader = _TestResultLoader(name, spec.loader.path)
            return spec
        theirs = may_get_users(name, sys._getframe(1))  # noqa: SLF001  as in `isolation`
        if not theirs or PathFinder not in sys.meta_path:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or type(spec.loader) is not SourceFileLoader or spec.origin is None:
            return None
        if spec.origin not in corrected_modules and not self._is_users(spec.origin):
            return None
        spec.loader = _InstrumentingLoader(self._sources, name, spec.origin)
        return spec

    def _is_users(self, filename: str) -> bool:
        if owner(filename) != "user":
            return False
        folders = map(abspath, (*user_folders, *self._folders))
        path = os.path.normpath(filename)
        return any(path.startswith(os.path.join(each, "")) for each in folders)


class _InstrumentingLoader(SourceFileLoader):
    """Imports a module as we compile it."""

    def __init__(self, sources: Sources, name: str, path: str) -> None:
        super().__init__(name, path)
        self._sources = sources

    def get_code(self, fullname: str) -> types.CodeType | None:
        """The code of the module; raises what Python's own loader raises."""
        path = self.get_filename(fullname)
        corrected = corrected_modules.get(path)
        data = self.get_data(path) if corrected is None else corrected.encode()
        if corrected is None and not any(word in data for word in _ASYNC_WORDS):
            return super().get_code(fullname)
        from importlib.util import decode_source  # not needed before the first import

        try:
            text = decode_source(data)
            source = self._sources.add(path, text, parse(text, path), module=True)
            return compiled(source, "module")
        except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
            return super().get_code(fullname)


def _keep_probes() -> None:
    """At the end of Python: it takes out of `builtins` what was put there, before modules die.

    What dies with them then may have code to run.
    """
    probes = {name: each for name, each in vars(builtins).items() if name[:1] == "."}
    for module in [*sys.modules.values()]:
        if type(module) is not ModuleType:
            continue
        names = vars(module)
        if (
            names.get("__name__") == "__main__"
            or type(names.get("__loader__")) is _InstrumentingLoader
        ):
            names.update(probes)


# Before anything of the user's: so it runs after that.
atexit.register(_keep_probes)


class _TestResultLoader(SourceFileLoader):
    """Imports `unittest.result`; to import it on our own account would slow each start."""

    def exec_module(self, module: types.ModuleType) -> None:
        """Run the module, and have the failures it hears of explained."""
        super().exec_module(module)
        explain_unittest(module)


class LoadError(CommandError):
    """Something cannot be loaded; the message is one line for the user."""


class MissingModuleError(LoadError):
    """A file cannot be loaded because it imports `module`, which is not installed."""

    def __init__(self, message: str, module: str) -> None:
        super().__init__(message)
        self.module = module


class NotSourceError(LoadError):
    """The bytes of a file are no Python source, as `error`, which is Python's own, says."""

    def __init__(self, message: str, error: SyntaxError) -> None:
        super().__init__(message)
        self.error = error


class Loaded(NamedTuple):
    """What came into the namespace: the objects by name, and a line to try, if known."""

    objects: Mapping[str, Any]
    attempt: str | None = None


def load_file(session: Session, path: Path) -> Loaded:
    """Run the file at `path` as a module and take its public names.

    These are the names in its ``__all__``, else those without a leading underscore
    that it defines itself. Raises LoadError where it cannot be read or run.
    """
    # Python wants a module to say who has loaded it, and warns if it does not.
    spec = spec_from_loader(path.stem, SourceFileLoader(path.stem, str(path)))
    assert spec is not None
    module = module_from_spec(spec)
    _execute(session, path, module)
    objects = {name: vars(module)[name] for name in _public_names(module)}
    session.namespace.update(objects)
    attempt = getattr(module, "TRY", None)
    return Loaded(objects, attempt if isinstance(attempt, str) else None)


def load_attribute(session: Session, name: str) -> Loaded:
    """Import `name`, ``module:attribute``, and bind the attribute's last name in `session`.

    A module of the user's own that was not imported before can be traced and explained
    like what is typed. Raises LoadError where the module or the attribute cannot be had.
    """
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise LoadError(f"{name!r} names no attribute of a module: try :load module:attribute")
    try:  # as one in a folder of the user's, wherever he has it
        spec = None if module_name in sys.modules else find_for_user(module_name)
        origin = spec.origin if spec is not None and spec.has_location else None
        with UserModuleFinder(session.sources, origin and os.path.dirname(origin)):
            found: Any = import_for_user(module_name)
    except (Exception, SystemExit) as error:
        raise LoadError(f"cannot import {module_name!r}: {_error_line(error)}") from None
    for part in attribute.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise LoadError(f"{module_name!r} has no {attribute!r}") from None
    objects = {attribute.rpartition(".")[2]: found}
    session.namespace.update(objects)
    return Loaded(objects)


#: What runs a module is a file of ours, which is not there: no traceback shows it.
MODULE_RUNNER = os.path.join(os.path.dirname(__file__), "module")


def text_to_run(module: str) -> str:
    """A program that runs `module` by its name, as ``python -m`` does; it keeps its names.

    Raises LoadError, in one line, where there is none of its first name: to look for the others
    is to import that.
    """
    found = None
    with suppress(ImportError, ValueError):
        found = find_for_user(module.partition(".")[0])
    if found is None:
        raise LoadError(f"no module named {module!r}: -m takes its name, not its file")
    inside = found.submodule_search_locations if found.name == module else None
    if inside is not None and PathFinder.find_spec("__main__", inside) is None:
        raise LoadError(f"{module!r} is a package without a `__main__`: there is nothing to run")
    call = f"runpy.run_module({module!r}, run_name='__main__', alter_sys=True)"
    return f"import runpy\nglobals().update({call})\n"


def read_text(path: Path) -> str:
    """The text of a Python file; raises LoadError, in one line, where there is none."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise LoadError(f"no file {str(path)!r}") from None
    except OSError as error:
        raise LoadError(f"cannot read {str(path)!r}: {error.strerror}") from None
    except ValueError as error:  # a NUL in its name
        raise LoadError(f"cannot read {str(path)!r}: {error}") from None
    try:
        return decoded(data, str(path))
    except SyntaxError as error:
        raise NotSourceError(f"{str(path)!r} {decode_failure(data, error)}", error) from None


def _execute(session: Session, path: Path, module: types.ModuleType) -> None:
    text = read_text(path)
    filename = str(path)
    reading = parse_input(text, filename)
    if isinstance(reading, InvalidStatement):
        raise LoadError(f"cannot load {path.name!r}: {_error_line(reading.error)}")
    try:
        source = session.sources.add(filename, text, parse(text, filename), module=True)
        code = compiled(source, "module")
        sys.modules.setdefault(module.__name__, module)
        exec(code, vars(module))
    except (Exception, SystemExit) as error:
        message = f"cannot load {path.name!r}: {_error_line(error)}"
        if isinstance(error, ModuleNotFoundError) and error.name:
            raise MissingModuleError(message, error.name) from None
        raise LoadError(message) from None


def _public_names(module: types.ModuleType) -> list[str]:
    names, home = vars(module), module.__name__
    declared = getattr(module, "__all__", None)
    if declared is not None:
        return [name for name in declared if name in names]
    own = [name for name in names if getattr(names[name], "__module__", None) == home]
    return [name for name in own if not name.startswith("_")]


def _error_line(error: BaseException) -> str:
    """The error in one line, with the line it comes from where that is known."""
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    first = text.splitlines()[0]
    entries = traceback_entries(error.__traceback__)
    lines = [each.tb_lineno for each in entries if each.tb_frame.f_code.co_name == "<module>"]
    return f"line {lines[-1]}: {first}" if lines and not isinstance(error, SyntaxError) else first
