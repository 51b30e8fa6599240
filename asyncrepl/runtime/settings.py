"""What the user has chosen: the configuration file, the environment, the options.

An option on the command line goes before the environment, that before the file.
A broken file is one warning, never the end: the session goes on with the rest.
"""

from __future__ import annotations

import math
import os
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "CLOCKS",
    "COLORS",
    "THEMES",
    "Settings",
    "load_settings",
    "rate_of",
    "use_ascii",
    "use_color",
]

#: The values of the color setting and of ``--color``.
COLORS = ("auto", "always", "never")
#: The values of the theme setting.
THEMES = ("auto", "light", "dark", "mono")
#: The values of the clock setting and of ``--clock``.
CLOCKS = ("real", "virtual")

#: Rates beyond these would end the session: time would jump so far that adding a second
#: to it changes nothing, or a second would take weeks.
_SLOWEST, _FASTEST = 1e-6, 1e6


@dataclass(frozen=True, slots=True)
class Settings:
    """The choices of one session.

    `history` is None where no history is kept; `startup` is a file to run first;
    `rate` is None where the clock's own is meant; `warnings` are lines to show the user.
    """

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
    folder = _folder(environ, "XDG_CONFIG_HOME", ".config")
    variable = environ.get("ASYNCREPL_CONFIG")
    named = config or (Path(variable) if variable else None)
    settings = Settings(history=_history(environ), startup=_existing(folder / "startup.py"))
    path = named or _existing(folder / "config.toml")
    return settings if path is None else _with_file(settings, path)


def rate_of(given: str | float, *, jumps: bool = False) -> float:
    """The rate of a clock, in its seconds a real one, that `given` means.

    Infinity is one where the clock `jumps`. Raises ValueError, with what to write instead.
    """
    try:
        rate = float(given)
    except ValueError:
        rate = math.nan
    if _SLOWEST <= rate <= _FASTEST or (jumps and rate == math.inf):
        return rate
    if rate == 0:
        raise ValueError(f"{given!r} is not a rate: try 0.1; what stops time is :freeze")
    if rate == math.inf:
        raise ValueError(f"{given!r} is not a rate here: try 10; what jumps is :clock virtual")
    if rate > 0:
        raise ValueError(f"{given!r} is not a rate: they go from {_SLOWEST:f} to {_FASTEST:.0f}")
    raise ValueError(f"{given!r} is not a rate: try 0.5, or 2")


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
    import tomllib

    try:
        chosen = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # TOMLDecodeError and UnicodeError are ValueErrors
        reason = error.strerror if isinstance(error, OSError) else error
        return replace(settings, warnings=(f"{path}: {reason}; going on without it",))
    known, warnings = _checked(chosen, path)
    return replace(settings, **known, warnings=tuple(warnings))


def _checked(chosen: dict[str, Any], path: Path) -> tuple[dict[str, Any], list[str]]:
    """The entries of the file that are right, and a line for each that is not."""
    known: dict[str, Any] = {}
    warnings: list[str] = []
    for key, value in chosen.items():
        if key not in _CHECKS:
            warnings.append(f"{path}: unknown setting {key!r}; known: {', '.join(_CHECKS)}")
        elif _CHECKS[key](value):
            known[key] = value
        else:
            warnings.append(f"{path}: {key} cannot be {value!r}")
    if known.get("rate") == math.inf and known.get("clock") != "virtual":
        warnings.append(f"{path}: rate cannot be {known.pop('rate')!r} on the real clock")
    return known, warnings


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)


def _is_rate(value: Any) -> bool:
    try:
        return type(value) in {int, float} and rate_of(value, jumps=True) > 0
    except ValueError:
        return False


#: Setting → whether a value of the file is one of its values.
_CHECKS: dict[str, Callable[[Any], bool]] = {
    "banner": _is_bool,
    "clock": CLOCKS.__contains__,
    "color": COLORS.__contains__,
    "lanes": _is_bool,
    "rate": _is_rate,
    "theme": THEMES.__contains__,
    "vi": _is_bool,
}
