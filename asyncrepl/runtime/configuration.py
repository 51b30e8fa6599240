"""What the user has chosen: the configuration file, the environment, the options.

What the file may say, what is wrong with it, and its commented default are made from one table,
`OPTIONS`. What is wrong costs the line it stands in and nothing else: also of a file that is no
TOML the other lines count.

An option on the command line goes before the environment, that before the file.
A broken file is one warning, never the end: the session goes on with the rest.

`closest_match` finds what was meant by a name that is misspelt: a setting's, or any other.
"""

from __future__ import annotations

import math
import os
import re
import sys
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    FilePath = str | os.PathLike[str]

#: The values of the color setting and of ``--color``.
COLORS = ("auto", "always", "never")
#: The values of the theme setting.
THEMES = ("auto", "light", "dark", "mono")
#: The values of the clock setting and of ``--clock``.
CLOCKS = ("real", "virtual")

#: Rates beyond these would end the session: time would jump so far that adding a second
#: to it changes nothing, or a second would take weeks.
_SLOWEST, _FASTEST = 1e-6, 1e6
_WHERE = r" \(at (?:line (\d+), column \d+|end of document)\)$"
_MAX_SYNTAX_ERRORS = 20


class Option(NamedTuple):  # not a dataclass: those take a millisecond each to import
    """A setting of the file.

    `default` is its value as TOML, `meaning` what the comment above it says. `check` says what is
    wrong with a value, which nothing is if that is empty.
    """

    name: str
    default: str
    meaning: str
    check: Callable[[Any], str]


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


def _is_bool(value: object) -> str:
    return "" if isinstance(value, bool) else "write true or false"


def _one_of(*values: str) -> Callable[[object], str]:
    def check(value: object) -> str:
        if value in values:
            return ""
        near = _near_hint(value, values) if isinstance(value, str) else ""
        spelled = [f'"{each}"' for each in values]
        return near or f"write {' or '.join(spelled)}"

    return check


def _is_rate(value: Any) -> str:
    if type(value) not in {int, float}:
        return "write a number, such as 0.5"
    try:
        rate_of(value, jumps=True)
    except ValueError as error:
        return str(error).partition(": ")[2]
    return ""


#: What the file may say, in the order of the commented default.
OPTIONS = (
    Option("banner", "true", "Say at the start what to type first.", _is_bool),
    Option(
        "color",
        '"auto"',
        'Colours: "auto" (if the terminal has them, and NO_COLOR is not set), "always", "never".',
        _one_of(*COLORS),
    ),
    Option(
        "theme",
        '"auto"',
        'Colours for a "light" or a "dark" background, "mono" for none; "auto" asks the terminal.',
        _one_of(*THEMES),
    ),
    Option("vi", "false", "Edit with the keys of vi, not of Emacs.", _is_bool),
    Option("lanes", "true", "Draw a row for each task under the prompt.", _is_bool),
    Option("trace", "false", "Tell the six steps of each async for.", _is_bool),
    Option(
        "audience",
        "false",
        "For who shows it to others: keys are shown, each step for a while, demos pause longer.",
        _is_bool,
    ),
    Option(
        "clock",
        '"real"',
        '"virtual" lets time jump from timer to timer, and only while a statement runs.',
        _one_of(*CLOCKS),
    ),
    Option(
        "rate",
        "1.0",
        "Seconds of the clock in a real one: 0.1 is slow motion. Without it a virtual one jumps.",
        _is_rate,
    ),
)


def default_file(path: FilePath) -> str:
    """The text of a configuration file that changes nothing, for `path`: all is commented out."""
    head = f"# The settings of asyncrepl, in {path}\n# Take a # away to set one.\n"
    return head + "".join(
        f"\n# {option.meaning}\n# {option.name} = {option.default}\n" for option in OPTIONS
    )


def read_file(path: FilePath) -> tuple[dict[str, Any], list[str]]:
    """The settings of the file that are right, and a line for each that is not."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            text = file.read()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not text in UTF-8"
        return {}, [f"{path}: {reason}; going on without it"]
    chosen, warnings = _parsed(text, path)
    known: dict[str, Any] = {}
    options = {option.name: option for option in OPTIONS}
    for name, value in chosen.items():
        wrong = _what_is_wrong(options, name, value)
        if wrong:
            warnings.append(f"{path}{_line_of(name, text)}: {wrong}")
        else:
            known[name] = value
    if known.get("rate") == math.inf and known.get("clock") != "virtual":
        del known["rate"]
        line = _line_of("rate", text)
        warnings.append(f"{path}{line}: rate cannot be inf on the real clock: write 10")
    return known, warnings


def _parsed(text: str, path: FilePath) -> tuple[dict[str, Any], list[str]]:
    """The file's table; a line that is no TOML is left out, and told."""
    import tomllib

    lines, warnings = text.split("\n"), list[str]()
    while True:
        try:
            return tomllib.loads("\n".join(lines)), warnings
        except tomllib.TOMLDecodeError as error:
            found = re.search(_WHERE, str(error))
            last = max((n for n, line in enumerate(lines, 1) if line.strip()), default=1)
            number = int(found[1]) if found and found[1] else last
            reason = re.sub(_WHERE, "", str(error))
            warnings.append(f"{path}:{number}: {reason}; going on without this line")
            if len(warnings) >= _MAX_SYNTAX_ERRORS or not lines[number - 1].strip():
                return {}, [*warnings[:1]]
            lines[number - 1] = ""


def _what_is_wrong(options: dict[str, Option], name: str, value: object) -> str:
    """What is wrong with a setting of the file, and what to write; empty if nothing is."""
    if name in options:
        wrong = options[name].check(value)
        return f"{name} cannot be {value!r}: {wrong}" if wrong else ""
    kind = "table" if isinstance(value, dict) else "setting"
    near = (
        "" if kind == "table" else _near_hint(name, options)
    ) or f"there are {', '.join(options)}"
    return f"unknown {kind} {name!r}: {near}"


def _near_hint(name: str, known: Iterable[str]) -> str:
    near = closest_match(name.lower(), known)
    return f"did you mean {near!r}?" if near else ""


#: So like it must be: a letter that is wrong, missing or in the wrong place. With 0.5, as
#: it once was, ``foo`` was taken for ``color``.
_CUTOFF = 0.7


def closest_match(word: str, known: Iterable[str]) -> str:
    """The one of `known` that is most like `word`; "" if none is like it."""
    import difflib

    found = difflib.get_close_matches(word, list(known), n=1, cutoff=_CUTOFF)
    return found[0] if found else ""


def _line_of(name: str, text: str) -> str:
    """``:3`` for the third line, in which `name` is set; empty if that is not found."""
    spelled = rf"(?:{re.escape(name)}|'{re.escape(name)}'|\"{re.escape(name)}\")"
    found = re.search(
        rf"^[ \t]*(?:{spelled}[ \t]*[=.]|\[+[ \t]*{spelled}[ \t]*[\].])", text, re.MULTILINE
    )
    return f":{text.count(chr(10), 0, found.start()) + 1}" if found else ""


class Program(NamedTuple):
    """The text of a program and the name of its file.

    `stays` says whether the prompt comes even after its ``sys.exit``.
    """

    text: str
    filename: str
    stays: bool = False


class Settings(NamedTuple):
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
    history: str | None = None
    startup: str | None = None
    warnings: tuple[str, ...] = ()


def load_settings(
    config: FilePath | None = None, environ: Mapping[str, str] = os.environ
) -> Settings:
    """The settings from `config`, or from the user's configuration file if it exists.

    `environ` says where that is, and the history. Nothing is raised for a file that is wrong:
    what cannot be used has a line in `Settings.warnings`.
    """
    startup = os.path.join(_folder(environ, "XDG_CONFIG_HOME", ".config"), "startup.py")
    settings = Settings(
        history=_history(environ), startup=startup if os.path.isfile(startup) else None
    )
    named = config or environ.get("ASYNCREPL_CONFIG")
    path = config_path(config, environ)
    if named or os.path.isfile(path):
        known, warnings = read_file(path)
        settings = settings._replace(**known, warnings=tuple(warnings))
    return settings


def config_path(
    config: FilePath | None = None, environ: Mapping[str, str] = os.environ
) -> FilePath:
    """Where the configuration file is, or would be: `config`, or what `environ` says."""
    variable = environ.get("ASYNCREPL_CONFIG")
    if config is not None or variable:
        return config or variable or ""
    return os.path.join(_folder(environ, "XDG_CONFIG_HOME", ".config"), "config.toml")


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


def has_terminal() -> bool:
    """Whether standard input and output are a terminal that can move its cursor."""
    return os.environ.get("TERM", "dumb") != "dumb" and os.isatty(0) and os.isatty(1)


def _folder(environ: Mapping[str, str], variable: str, default: str) -> str:
    base = environ.get(variable) or os.path.join(os.path.expanduser("~"), default)
    return os.path.join(base, "asyncrepl")


def _history(environ: Mapping[str, str]) -> str | None:
    named = environ.get("ASYNCREPL_HISTORY")
    if named is not None:
        return os.path.expanduser(named) if named else None
    return os.path.join(_folder(environ, "XDG_STATE_HOME", ".local/state"), "history")
