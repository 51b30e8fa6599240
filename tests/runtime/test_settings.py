"""Choices: from a file, the environment, the command line."""

from __future__ import annotations

import io
import math
import re
import tomllib
from typing import TYPE_CHECKING

import pytest

from asyncrepl.cli.options import session_options, with_options
from asyncrepl.runtime.configuration import (
    OPTIONS,
    default_file,
    load_settings,
    use_ascii,
    use_color,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    return {"XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_STATE_HOME": str(tmp_path / "state")}


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config" / "asyncrepl" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_file_there_are_defaults(home: dict[str, str], tmp_path: Path) -> None:
    """No file is no warning; the history is in the state directory."""
    settings = load_settings(environ=home)
    assert settings.warnings == ()
    assert settings.banner
    assert settings.history == tmp_path / "state" / "asyncrepl" / "history"
    assert settings.startup is None


def test_the_file_in_the_config_directory_counts(home: dict[str, str], tmp_path: Path) -> None:
    """Settings in the user's file are taken."""
    written(tmp_path, 'banner = false\nvi = true\ncolor = "never"\nlanes = false\n')
    settings = load_settings(environ=home)
    assert (settings.banner, settings.vi, settings.color, settings.lanes) == (
        False, True, "never", False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("banner = ", ":2: Invalid value; going on without this line"),
        ("bannner = true", ":2: unknown setting 'bannner': did you mean 'banner'?"),
        ("Banner = true", ":2: unknown setting 'Banner': did you mean 'banner'?"),
        ("[banner]", ":2: banner cannot be {}: write true or false"),
        ("[prompt]\nx = 1", ":2: unknown table 'prompt': there are banner, color, theme"),
        ("[foo]\nx = 1", ":2: unknown table 'foo': there are banner, color, theme"),
        ("'quoted' = 1", ":2: unknown setting 'quoted': there are banner"),
        ('banner = "yes"', ":2: banner cannot be 'yes': write true or false"),
        ('color = "alway"', ":2: color cannot be 'alway': did you mean 'always'?"),
        ('color = "blue"', ':2: color cannot be \'blue\': write "auto" or "always" or'),
        ("color = [1]", ":2: color cannot be [1]: write"),
        ('clock = "fast"', 'clock cannot be \'fast\': write "real" or "virtual"'),
        ("rate = 0", ":2: rate cannot be 0: try 0.1"),
        ("rate = true", "rate cannot be True: write a number"),
        ('rate = "1"', "rate cannot be '1': write a number"),
        ("rate = nan", "rate cannot be nan: try 0.5, or 2"),
        ("rate = inf", ":2: rate cannot be inf on the real clock: write 10"),
        ('x = """\nabc', "going on without this line"),
    ],
)
def test_a_broken_file_is_one_line_each(
    home: dict[str, str], tmp_path: Path, text: str, complaint: str
) -> None:
    """What cannot be understood is said in one line, with its number, and the rest counts."""
    written(tmp_path, f"vi = true\n{text}\n")
    settings = load_settings(environ=home)
    assert complaint in settings.warnings[0]
    assert "\n" not in settings.warnings[0]
    assert settings.banner
    if '"""' not in text:
        assert len(settings.warnings) == 1
        assert settings.vi


def test_the_commented_default_changes_nothing(home: dict[str, str], tmp_path: Path) -> None:
    """As it is printed, and with each setting switched on; it tells all there are."""
    text = default_file(tmp_path / "config.toml")
    assert tomllib.loads(text) == {}
    plain = load_settings(environ=home)
    path = written(tmp_path, re.sub(r"^# (\w+ = )", r"\1", text, flags=re.MULTILINE))
    assert load_settings(environ=home) == plain._replace(rate=1.0)
    assert set(tomllib.loads(path.read_text())) == {option.name for option in OPTIONS}
    assert all(hasattr(plain, option.name) for option in OPTIONS)


def test_a_file_with_a_mark_at_its_beginning_is_read(home: dict[str, str], tmp_path: Path) -> None:
    """Editors of Windows put it there."""
    written(tmp_path, "\ufeffvi = true\n")
    assert load_settings(environ=home).vi
    written(tmp_path.joinpath("more"), "")
    (tmp_path / "config" / "asyncrepl" / "config.toml").write_bytes(b"vi = \xff")
    assert "is not text in UTF-8; going on without it" in load_settings(environ=home).warnings[0]


def test_a_named_file_that_is_missing_is_said(home: dict[str, str], tmp_path: Path) -> None:
    """A file that was asked for by name must exist."""
    settings = load_settings(tmp_path / "none.toml", environ=home)
    assert "No such file" in settings.warnings[0]
    named = load_settings(environ=home | {"ASYNCREPL_CONFIG": str(tmp_path / "none.toml")})
    assert "No such file" in named.warnings[0]


def test_an_empty_history_variable_turns_history_off(home: dict[str, str]) -> None:
    """ASYNCREPL_HISTORY names the history file, or turns it off."""
    assert load_settings(environ=home | {"ASYNCREPL_HISTORY": ""}).history is None
    assert str(load_settings(environ=home | {"ASYNCREPL_HISTORY": "/h"}).history) == "/h"


def test_options_go_before_the_file(home: dict[str, str], tmp_path: Path) -> None:
    """What the command line says counts more than the file."""
    written(tmp_path, 'color = "never"\n')
    options = session_options(["-q", "--vi", "--color", "always", "--no-startup"])
    settings = with_options(load_settings(environ=home), options)
    assert (settings.banner, settings.vi, settings.color) == (False, True, "always")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("choice", "environ", "terminal", "color"),
    [
        ("always", {"NO_COLOR": "1"}, False, True),
        ("never", {"FORCE_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        ("auto", {"FORCE_COLOR": "1", "TERM": "dumb"}, False, True),
        ("auto", {"TERM": "dumb"}, True, False),
        ("auto", {"TERM": "xterm"}, True, True),
        ("auto", {"TERM": "xterm"}, False, False),
    ],
)
def test_colour_is_decided_in_order(
    choice: str, environ: dict[str, str], terminal: bool, color: bool
) -> None:
    """The choice, NO_COLOR, FORCE_COLOR, TERM=dumb, then whether it is a terminal."""
    stream = Terminal() if terminal else io.StringIO()
    assert use_color(choice, stream, environ) is color


@pytest.mark.parametrize(
    ("encoding", "environ", "expected"),
    [
        ("utf-8", {}, False),
        ("UTF-8", {"LANG": "en_US.UTF-8"}, False),
        (None, {"LANG": "C.UTF-8", "LC_CTYPE": "C.UTF-8"}, False),
        ("utf-8", {"LANG": "C"}, True),
        ("utf-8", {"LANG": "C", "LC_CTYPE": "C.UTF-8"}, True),  # the latter by Python itself
        ("utf-8", {"LANG": "C", "LC_ALL": "C.UTF-8"}, False),
        ("utf-8", {"LANG": "de_DE.UTF-8", "LC_ALL": "POSIX"}, True),
        ("iso8859-1", {"LANG": "de_DE"}, True),
        ("ascii", {}, True),
    ],
)
def test_pictures_are_ascii_where_nothing_else_is_shown(
    encoding: str | None, environ: dict[str, str], expected: bool
) -> None:
    """The stream's encoding and the locale decide; where nothing is said, it is UTF-8."""

    class Stream(io.StringIO):
        pass

    Stream.encoding = encoding  # type: ignore[assignment]
    assert use_ascii(Stream(), environ) is expected


@pytest.mark.parametrize(
    ("words", "clock", "rate"),
    [
        ([], "virtual", 2.0),
        (["--rate", "0.5"], "virtual", 0.5),
        (["--rate", "inf"], "virtual", math.inf),
        (["--clock", "real"], "real", None),
        (["--clock", "real", "--rate", "3"], "real", 3.0),
    ],
)
def test_time_is_chosen_by_file_and_option(
    home: dict[str, str], tmp_path: Path, words: list[str], clock: str, rate: float | None
) -> None:
    """An option goes before the file; with another clock, the file's rate does not count."""
    written(tmp_path, 'clock = "virtual"\nrate = 2\n')
    settings = with_options(load_settings(environ=home), session_options(words))
    assert (settings.warnings, settings.clock, settings.rate) == ((), clock, rate)
