"""What the user has chosen: the configuration file, the environment, the options.

An option on the command line goes before the environment, that before the file.
A broken file is one warning, never the end: the session goes on with the rest.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from asyncrepl.runtime.configuration import CLOCKS, COLORS, THEMES, rate_of, read_file

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CLOCKS",
    "COLORS",
    "THEMES",
    "Settings",
    "config_path",
    "load_settings",
    "rate_of",
    "use_ascii",
    "use_color",
]


@dataclass(frozen=True, slots=True)
class Settings:
    """The choices of one session.

    `history` is None where no history is kept; `startup` is a file to run first;
    `rate` is None where the clock's own is meant; `warnings` are lines to show the user.
    """

    audience: bool = False
    banner: bool = True
    clock: str = "real"
    color: str = "auto"
    lanes: bool = True
    rate: float | None = None
    theme: str = "auto"
    trace: bool = False
    vi: bool = False
    history: Path | None = None
    startup: Path | None = None
    warnings: tuple[str, ...] = field(default=())


def load_settings(config: Path | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings from `config`, or from the user's configuration file if it exists.

    `environ` says where that is, and the history. Nothing is raised for a file that is wrong:
    what cannot be used has a line in `Settings.warnings`.
    """
    startup = _existing(_folder(environ, "XDG_CONFIG_HOME", ".config") / "startup.py")
    settings = Settings(history=_history(environ), startup=startup)
    named = config or environ.get("ASYNCREPL_CONFIG")
    path = config_path(config, environ)
    return _with_file(settings, path) if named or path.is_file() else settings


def config_path(config: Path | None = None, environ: Mapping[str, str] = os.environ) -> Path:
    """Where the configuration file is, or would be."""
    variable = environ.get("ASYNCREPL_CONFIG")
    if config is not None or variable:
        return config or Path(variable or "")
    return _folder(environ, "XDG_CONFIG_HOME", ".config") / "config.toml"


def use_color(
    choice: str, stream: TextIO | None = None, environ: Mapping[str, str] = os.environ
) -> bool:
    """Whether to colour what goes to `stream` (standard output if not given).

    The `choice` "always" or "never" decides; then NO_COLOR, FORCE_COLOR and TERM=dumb
    in `environ`; then whether it is a terminal.
    """
    if choice != "auto":
        return choice == "always"
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return True
    return environ.get("TERM") != "dumb" and (stream or sys.stdout).isatty()


def use_ascii(stream: TextIO | None = None, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether pictures on `stream` (standard output if not given) are to be drawn in ASCII.

    That is where it has another encoding than UTF-8, or the user's locale in `environ`
    is "C" or "POSIX": Python itself takes that for UTF-8, but a terminal might not.
    """
    encoding = getattr(stream or sys.stdout, "encoding", None) or "utf-8"
    if encoding.lower().replace("-", "").replace("_", "") not in {"utf8", "utf8sig"}:
        return True
    names = [environ.get("LC_ALL"), environ.get("LC_CTYPE"), environ.get("LANG")]
    if names[0] is None and names[1] == "C.UTF-8":
        names.pop(1)  # set by Python for its children, where it found "C"
    return next(filter(None, names), "") in {"C", "POSIX"}


def _folder(environ: Mapping[str, str], variable: str, default: str) -> Path:
    base = environ.get(variable) or Path.home() / default
    return Path(base) / "asyncrepl"


def _existing(path: Path) -> Path | None:
    return path if path.is_file() else None


def _history(environ: Mapping[str, str]) -> Path | None:
    named = environ.get("ASYNCREPL_HISTORY")
    if named is not None:
        return Path(named).expanduser() if named else None
    return _folder(environ, "XDG_STATE_HOME", ".local/state") / "history"


def _with_file(settings: Settings, path: Path) -> Settings:
    known, warnings = read_file(path)
    return replace(settings, **known, warnings=tuple(warnings))
