"""Write `comparison.md`: what asyncrepl does at the prompt beside ptpython and IPython.

    python docs/comparison.py [WORD…]

Each program is installed in an environment of its own (in the user's cache folder, kept for the
next run) and driven by keys on a pseudo-terminal with a pyte screen. A mark is what the screen
showed, not what is known of the program; the words beside it are ours. With WORDs only the
features that have one of them in their name are tried again, the marks of the others stay.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

HERE = Path(__file__).parent
ROOT = HERE.parent
PAGE = HERE / "comparison.md"
PROGRAMS = ("asyncrepl", "ptpython", "IPython")

_QUIET, _PATIENCE = 1.0, 6.0  # seconds without a change; seconds at most


class Try(NamedTuple):
    """Keys to type, one after the other, and what must then be seen.

    A key that begins with ``paste:`` is pasted. `arguments` and `environ` are added to those of
    the program, and `joins` is a terminal that draws a joined emoji as one picture.
    """

    keys: tuple[str, ...]
    seen: Any
    columns: int = 80
    arguments: tuple[str, ...] = ()
    environ: tuple[tuple[str, str], ...] = ()
    joins: bool = False
    seconds: float = 4.0  # at least, after the last key: what is heavy comes late


class Feature(NamedTuple):
    """A row: what it is; how each program is asked; words beside the marks; our test."""

    name: str
    tries: tuple[Try | None, Try | None, Try | None]
    words: tuple[str, str, str]
    test: str


def says(pattern: str) -> Any:
    """Whether `pattern` is on the screen, or was."""
    return lambda terminal: re.search(pattern, "\n".join(everything(terminal))) is not None


def never_says(pattern: str) -> Any:
    """Whether `pattern` was not on the screen."""
    return lambda terminal: not says(pattern)(terminal)


def wrote(pattern: bytes) -> Any:
    """Whether the program has sent `pattern` to the terminal."""
    return lambda terminal: re.search(pattern, written(terminal)) is not None


def wrote_only_text(terminal: Any) -> bool:
    """Whether it has sent no escape code, and has shown the value."""
    return b"\x1b" not in written(terminal) and says(r"(?m)\b42\b")(terminal)


def wrote_ascii(terminal: Any) -> bool:
    """Whether it has sent nothing but ASCII."""
    return written(terminal).isascii()


def written(terminal: Any) -> bytes:
    """All that the program has sent to the terminal."""
    return b"".join(data for _, data in terminal.chunks)


def everything(terminal: Any) -> list[str]:
    """All rows, also those below the cursor."""
    above = terminal.scrollback[: -(terminal.screen.cursor.y + 1)]
    return [*above, *terminal.lines]


def style_of(terminal: Any, pattern: str) -> tuple[Any, ...]:
    """How the first group of the last match of `pattern` in a row is drawn."""
    found: tuple[Any, ...] = ()
    for y, line in enumerate(terminal.lines):
        for match in re.finditer(pattern, line):
            cell = terminal.screen.buffer[y][match.start(1)]
            found = cell.fg, cell.bg, cell.bold, cell.underscore, cell.reverse
    return found


def value_coloured(terminal: Any) -> bool:
    """Whether the 1 of a list that was shown has a colour."""
    return style_of(terminal, r"^(?:Out\[\d\]: )?\[(1), 'two'\]$")[:1] not in {(), ("default",)}


def line_coloured(terminal: Any) -> bool:
    """Whether the line that failed, and its place, stand out in the traceback."""
    return (
        says(r"\^\^|---->|~\^~")(terminal)
        and len({style_of(terminal, pattern)[:2] for pattern in (r"(return) 1 / x", r"(x)$")}) > 0
    )


def argument_marked(terminal: Any) -> bool:
    """Whether `mode` is drawn otherwise than `buffering` in a row that has both."""
    for y, line in enumerate(terminal.lines):
        found = re.search(r"\b(mode)\b.*\b(buffering)\b", line)
        if found is not None:
            one, other = (terminal.screen.buffer[y][found.start(group)] for group in (1, 2))
            if one._replace(data="") != other._replace(data=""):
                return True
    return False


def rows_below(limit: int, terminal: Any) -> bool:
    """Whether no more than `limit` rows were written."""
    return len(terminal.scrollback) < limit


def column_after_prompt(column: int, terminal: Any) -> bool:
    """Whether the cursor stands so many columns behind the prompt."""
    prompt = re.match(r">>> |In \[\d+\]: ", terminal.cursor_line)
    return prompt is not None and terminal.screen.cursor.x - prompt.end() == column


def line_kept(terminal: Any) -> bool:
    """Whether ticks came, in rows of their own, and the line that is typed is whole."""
    ticks = [line for line in everything(terminal) if line.endswith("tick")]
    whole = re.fullmatch(r"(>>>|In \[\d+\]:) 1 \+ 2", terminal.cursor_line) is not None
    return whole and ticks == ["tick"] * 4


def line_empty(terminal: Any) -> bool:
    """Whether nothing stands behind the prompt."""
    return re.fullmatch(r"(>>>|(\[\w+\] )?In \[\d+\]:)", terminal.cursor_line) is not None


def line_cut(terminal: Any) -> bool:
    """Whether the x that was undone has been made again."""
    return terminal.cursor_line.endswith((">>> a", "]: a"))


def still_editing(terminal: Any) -> bool:
    """Whether the wrong line can still be edited."""
    return "1 +* 2" in terminal.cursor_line


def same(*keys: str, seen: Any, **options: Any) -> tuple[Try, Try, Try]:
    """The same keys for each."""
    each = Try(keys, seen, **options)
    return each, each, each


def each(ours: Try | None, ptpython: Try | None, ipython: Try | None) -> tuple[Any, Any, Any]:
    """Other keys for each; None where the program has nothing to ask."""
    return ours, ptpython, ipython


#: Behind what was typed last.
_BELOW = r"(?s)\n(?:>>>|In \[\d\]:) [^\n]*\[?'?al?[^\n]*(?!.*\n(?:>>>|In ))\n.*"
_DIVIDE = "def f(x): return 1 / x\r\r"
_GROUP = (
    ("paste:try:\n    1 / 0\nexcept Exception as error:\n    error.add_note('remember')\n"
     "    raise ExceptionGroup('two', [ValueError('first'), TypeError('second')]) from error\n"),
    "\r", "\r",
)  # fmt: skip
_TICK = (
    ("paste:async def tick():\n    for _ in range(4):\n        await asyncio.sleep(.2)\n"
     "        print('tick')\n"),
    "\r", "\r", "task = asyncio.create_task(tick())\r", "1 + 2",
)  # fmt: skip
_GENERATOR = "paste:async def gen():\n    yield 1\n"
_PROPERTY = (
    ("paste:class C:\n    def __dir__(self): print('R' + 'AN'); return ['x']\n"
     "    def __getattr__(self, name): print('R' + 'AN'); raise AttributeError(name)\n"),
    "\r", "\r", "c = C()\r", "c.\t",
)  # fmt: skip
_HELP = "tests/terminal/test_help_while_typing.py::"
_HERE = "tests/terminal/test_compared_features.py::"
_VALUES = "tests/terminal/test_values_on_screen.py::"
_VI = ("--vi",), ("--vi",), ("--TerminalInteractiveShell.editing_mode=vi",)
_FILE = "/tmp/asyncrepl-comparison.py"

FEATURES = (
    Feature(
        "a wide value goes over several lines",
        same("{'k%d' % n: list(range(9)) for n in range(9)}\r",
             seen=says(r"(?m)^\s*\{?'k3': \[0.*\n\s*'k4'")),
        ("", "", "one item a line, also where several fit"),
        _HERE + "test_a_wide_value_has_a_row_for_each_item",
    ),
    Feature(
        "values are coloured",
        same("[1, 'two']\r", seen=value_coloured),
        ("", "", ""),
        _VALUES + "test_values_are_coloured_by_kind",
    ),
    Feature(
        "10,000 items fit on a screen",
        same("list(range(10000))\r", seen=partial(rows_below, 30)),
        ("`:show _` shows all, in pages", "a pager can be chosen", "cut after 1,000, a line each"),
        _VALUES + "test_ten_thousand_items_fit_the_screen",
    ),
    Feature(
        "a bare coroutine is told, with what to write",
        same("async def fetch(): return 1\r\r", "fetch()\r", seen=says(r"await fetch\(\)")),
        ("", "", ""),
        _VALUES + "test_a_bare_coroutine_is_told_once",
    ),
    Feature(
        "Tab: keyword arguments",
        same("print(1, fl\t", seen=says("flush")),
        ("", "", ""),
        _HELP + "test_arguments_keys_and_fields_complete",
    ),
    Feature(
        "Tab: keys of a dict",
        same("d = {'alpha': 1, 'alps': 2}\r", "d['al\t", seen=says(_BELOW + "alps")),
        ("", "if chosen in its menu, and then only whole names", ""),
        _HELP + "test_arguments_keys_and_fields_complete",
    ),
    Feature(
        "Tab: keys of a dict in an attribute",
        same("class O: d = {'alpha': 1, 'alps': 2}\r\r", "O.d['al\t",
             seen=says(_BELOW + "alps")),
        ("", "", ""),
        _HELP + "test_arguments_keys_and_fields_complete",
    ),
    Feature(
        "Tab: paths in strings",
        same("open('/etc/host\t", seen=says("hostname|hosts")),
        ("", "", ""),
        _HELP + "test_paths_complete",
    ),
    Feature(
        "Tab: names in an f-string",
        same("value = valve = 1\r", 'f"{val\t', seen=says(_BELOW + "valve")),
        ("", "", ""),
        _HELP + "test_arguments_keys_and_fields_complete",
    ),
    Feature(
        "Tab says what must be awaited",
        same("import asyncio\r", "asyncio.s\t", seen=says(r"sleep.*await")),
        ("", "", ""),
        _HELP + "test_the_menu_shows_what_needs_await",
    ),
    Feature(
        "Tab runs no code of yours",
        same(*_PROPERTY, seen=never_says("RAN")),
        ("", "asks `__dir__`", "asks `__dir__`"),
        _HERE + "test_tab_asks_nothing_of_an_object",
    ),
    Feature(
        "Tab knows what has not run yet",
        same("paste:def f():\n    text = 'abc'\n    text.upp", "\t", seen=says(r"text\.upper")),
        ("completes from living objects alone", "", "jedi"),
        "",
    ),
    Feature(
        "the parameters are shown while a call is typed",
        same("open('x', ", seen=says("buffering")),
        ("", "", ""),
        _HELP + "test_the_parameters_wrap_and_the_current_one_is_marked",
    ),
    Feature(
        "the parameter that is typed is marked",
        same("open('x', ", seen=argument_marked),
        ("", "", ""),
        _HELP + "test_the_parameters_wrap_and_the_current_one_is_marked",
    ),
    Feature(
        "all of them on 40 columns",
        same("open('x', ", seen=says("(?s)encoding.*closefd"), columns=40),
        ("", "cut at the edge", ""),
        _HELP + "test_the_parameters_wrap_and_the_current_one_is_marked",
    ),
    Feature(
        "with what the function is for",
        same("open('x', ", seen=says("Open file")),
        ("", "", ""),
        _HERE + "test_what_a_call_is_for_is_said_while_it_is_typed",
    ),
    Feature(
        "`obj?` says what it is",
        same("import asyncio\r", "asyncio.sleep?\r", seen=says(r"\bdelay\b")),
        ("", "in `ptipython`", ""),
        _VALUES + "test_a_name_with_a_question_mark_is_explained",
    ),
    Feature(
        "and that it must be awaited",
        same("import asyncio\r", "asyncio.sleep?\r", seen=says("and await")),
        ("", "", ""),
        _VALUES + "test_a_name_with_a_question_mark_is_explained",
    ),
    Feature(
        "`obj??` shows the source",
        same("import bisect, asyncio\r", "asyncio.sleep??\r", seen=says("async def sleep")),
        ("", "in `ptipython`", ""),
        _VALUES + "test_a_name_with_a_question_mark_is_explained",
    ),
    Feature(
        "help tells the steps of `async for`",
        each(Try((":help async for\r",), says("__anext__")),
             Try(("help('async')\r",), says("__anext__")),
             Try(("help('async')\r",), says("__anext__"))),
        ("`:help async for`", "`help('async')`", "`help('async')`"),
        _HERE + "test_help_tells_the_steps",
    ),
    Feature(
        "the place in the line that failed is marked",
        same(_DIVIDE, "f(0)\r", seen=line_coloured),
        ("", "", "with the lines around it"),
        _HERE + "test_an_error_shows_its_place",
    ),
    Feature(
        "a group's errors, causes and notes are shown",
        same(*_GROUP, seen=says(
            r"(?s)(?=.*ZeroDivisionError)(?=.*remember\s)(?=.*ValueError: first)"
            r"(?=.*TypeError: second)")),
        ("", "", ""),
        _HERE + "test_groups_causes_and_notes_are_shown",
    ),
    Feature(
        "the debugger opens where the error arose",
        each(Try((_DIVIDE, "f(0)\r", ":debug\r"), says(r"\(Pdb\)")),
             Try((_DIVIDE, "f(0)\r", "import pdb; pdb.pm()\r"), says(r"\(Pdb\)")),
             Try((_DIVIDE, "f(0)\r", "%debug\r"), says("ipdb>"))),
        ("`:debug`, with the names there", "`pdb.pm()`", "`%debug`, with colours and completion"),
        "tests/terminal/test_debug_command.py::test_pdb_opens_where_the_error_arose",
    ),
    Feature(
        "an async mistake is explained",
        same(_GENERATOR, "\r", "\r", "for x in gen(): pass\r", seen=says("async for x in gen")),
        ("with the corrected line: `:fix`", "", ""),
        _HERE + "test_an_async_mistake_is_explained",
    ),
    Feature(
        "the terminal's background is asked for",
        same("1\r", seen=wrote(rb"\x1b\]11;\?")),
        ("", "", "`%colors`, one of several themes"),
        "tests/terminal/test_terminal_background.py::"
        "test_a_late_answer_changes_the_colours_and_is_not_typed",
    ),
    Feature(
        "a menu of settings and colours",
        same("\x1bOQ", seen=says("Editing mode")),
        ("`:set` lists all, with their choices", "F2; some forty colour styles", ""),
        "",
    ),
    Feature(
        "vi: the mode is shown",
        each(*(Try(("ab\x1b",), says(r"(?i)\bnav|normal|navigation"), arguments=arguments)
               for arguments in _VI)),
        ("", "", "in the prompt"),
        "tests/terminal/test_vi_mode.py::test_the_mode_is_shown_and_the_cursor_has_its_shape",
    ),
    Feature(
        "vi: the cursor's shape tells it, too",
        each(*(Try(("ab\x1b",), wrote(rb"\x1b\[[1-6] q"), arguments=arguments)
               for arguments in _VI)),
        ("", "if chosen in its menu", ""),
        "tests/terminal/test_vi_mode.py::test_the_mode_is_shown_and_the_cursor_has_its_shape",
    ),
    Feature(
        "vi: `u` takes back a whole insertion",
        each(*(Try(("abcd\x1b", "u"), line_empty, arguments=arguments) for arguments in _VI)),
        ("", "a character", "a character"),
        "tests/terminal/test_vi_mode.py::"
        "test_u_takes_back_an_insertion_and_ctrl_r_makes_it_again",
    ),
    Feature(
        "vi: Ctrl-R makes what was undone again",
        each(*(Try(("ab\x1b", "A\x1b", "xu", "\x12"), line_cut, arguments=arguments)
               for arguments in _VI)),
        ("", "searches", "searches"),
        "tests/terminal/test_vi_mode.py::"
        "test_u_takes_back_an_insertion_and_ctrl_r_makes_it_again",
    ),
    Feature(
        "`!command`",
        same("!echo he''llo\r", seen=says("(?m)^hello$")),
        ("", "", "also as a value: `files = !ls`"),
        "tests/terminal/test_programs_at_prompt.py::"
        "test_a_program_has_a_sane_terminal_and_gives_it_back",
    ),
    Feature(
        "measure a statement",
        each(Try((":time sum(range(1000))\r",), says("[µμ]s a run")), None,
             Try(("%timeit sum(range(1000))\r",), says("[µμ]s.*per loop"), seconds=9)),
        ("`:time`", "", "`%timeit`"),
        "tests/terminal/test_programs_at_prompt.py::test_awaits_are_measured_apart",
    ),
    Feature(
        "measure an `await`",
        each(Try((":time await asyncio.sleep(.01)\r",), says("suspended")), None,
             Try(("import asyncio\r", "%timeit await asyncio.sleep(.01)\r"), says("per loop"),
                 seconds=9)),
        ("what it ran and what it waited, apart", "", ""),
        "tests/terminal/test_programs_at_prompt.py::test_awaits_are_measured_apart",
    ),
    Feature(
        "run a file with the names of the session",
        each(Try((f":run {_FILE}\r",), says("(?m)^from a file$")), None,
             Try((f"%run -i {_FILE}\r",), says("(?m)^from a file$"))),
        ("`:run`, with `await` at the top", "`exec(open(…).read())`", "`%run -i`"),
        "tests/terminal/test_programs_at_prompt.py::test_a_file_runs_and_its_error_is_explained",
    ),
    Feature(
        "`__` and `___`",
        same("41\r", "42\r", "43\r", "__, ___\r", seen=says(r"\(42, 41\)")),
        ("", "", ""),
        _HERE + "test_values_have_names",
    ),
    Feature(
        "`Out[1]` and `_1`",
        same("41\r", "Out[1], _1\r", seen=says(r"\(41, 41\)")),
        ("the last 1,000; none whose end is reported", "`_1`", "all, for ever"),
        _HERE + "test_values_have_names",
    ),
    Feature(
        "a commented configuration",
        each(Try(("print-config",), says("# vi = false")), None,
             Try(("profile-create",), says("# c.TerminalInteractiveShell.confirm_exit"))),
        ("`--print-config`", "an example in its repository", "`ipython profile create`"),
        "tests/cli/test_print_config.py::test_what_is_printed_is_a_file_that_works",
    ),
    Feature(
        "a joined emoji leaves the cursor where it belongs",
        same("'👨‍👩‍👧'", seen=partial(column_after_prompt, 4), joins=True),
        ("", "", ""),
        "tests/terminal/test_joined_emoji.py::test_the_cursor_stands_where_the_picture_ends",
    ),
    Feature(
        "`LC_ALL=C` gets ASCII alone",
        same("import asyncio\r", "asyncio.s\t", seen=wrote_ascii, environ=(("LC_ALL", "C"),)),
        ("", "", ""),
        "tests/terminal/test_accessibility.py::test_with_ascii_alone_our_rows_are_ascii",
    ),
    Feature(
        "`TERM=dumb` gets no escape codes",
        same("40 + 2\r", seen=wrote_only_text, environ=(("TERM", "dumb"),)),
        ("", "", ""),
        "tests/cli/test_dumb_terminal.py::test_a_dumb_terminal_gets_no_escape_codes",
    ),
    Feature(
        "`await` at the prompt",
        same("import asyncio\r", "await asyncio.sleep(0, 42)\r", seen=says(r"(?m)\b42$")),
        ("", "with `--asyncio`", ""),
        _HERE + "test_await_works_at_the_prompt",
    ),
    Feature(
        "tasks go on while you type, and leave your line alone",
        same("import asyncio\r", *_TICK, seen=line_kept),
        ("", "they overwrite it", "no loop runs between the inputs"),
        "tests/terminal/test_output_on_screen.py::test_background_output_leaves_the_typed_line_intact",
    ),
    Feature(
        "the error of a task that nobody awaits is told",
        same("import asyncio\r", "async def fail(): raise ValueError('lost')\r\r",
             "asyncio.create_task(fail()) and None\r", "1\r",
             seen=says(r"(?m)^(?!>>>|In).*ValueError.*lost")),
        ("", "", "no loop runs between the inputs"),
        _HERE + "test_the_error_of_a_task_that_nobody_awaits_is_told",
    ),
    Feature(
        "the six steps of an `async for`, live; slow motion",
        each(Try((_GENERATOR, "\r", "\r", ":trace async for x in gen(): pass\r"),
                 says("__anext__")), None, None),
        ("`:trace`, `:walk`, `:rate`, `:lanes`", "", ""),
        "tests/terminal/test_audience.py::test_it_does_not_narrate_and_narration_works_beside_it",
    ),
    Feature(
        "a syntax error is shown before it runs, in the line",
        same("1 +* 2\r", seen=still_editing),
        ("shown below; `:fix` gives the line back", "", ""),
        "",
    ),
    Feature(
        "modules are loaded again when they change",
        each(None, None, Try(("%load_ext autoreload\r", "%autoreload 2\r"),
                             never_says("Error"))),
        ("on purpose, see below; `:run` and `:load` run a file anew", "", "`%autoreload`"),
        "",
    ),
)  # fmt: skip

INTRODUCTION = """\
# Beside ptpython and IPython

What is to be seen at the prompt of asyncrepl, of ptpython {ptpython} and of IPython {IPython}, on
Python {python}: ✓ it was seen on the screen, – it was not. All three were driven by the same keys
on a pseudo-terminal, by `comparison.py`, which wrote this page; they are as they are when they
are installed, but for what ptpython's menu turns on: signatures, docstrings, keys of dicts. The
words beside the marks are ours. Of each of our cells the test that holds it is named.

"""
CLOSING = """
## Where they are ahead

- **IPython** is the language of notebooks: rich display, kernels, a hundred magics, extensions
  that others write, a history in a database, `files = !ls`, a debugger with colours and
  completion. asyncrepl has none of these: it shows what runs, in a terminal.
- **IPython** loads modules again when they change (`%autoreload`). Here tasks and generators go on
  between the inputs, with the code that they were made of: if a file were put under them at some
  prompt, the lines that `:trace`, `:tasks` and a traceback show would be those of another text.
  `:run FILE` and `:load FILE` run a file anew, when you say so.
- **IPython** completes with jedi, too, which knows what has not run yet; asyncrepl looks at living
  objects alone, and [here is why](decisions/12-completion.md).
- **ptpython** has a menu for all of its settings, many colour styles, and tells a syntax error
  before the line has left you.
- **IPython** keeps every value in `Out`, for ever; asyncrepl the last 1,000, and none that is or
  holds a task, a coroutine or a generator, whose end it could not report then.
"""
_ROW = re.compile(r"\| (.+?) \| ([✓–]).*? \| ([✓–]).*? \| ([✓–]).*? \|")
_VERSIONS = re.compile(r"of ptpython (\S+) and of IPython (\S+), on\nPython (\S+):")
#: What ptpython's own menu can turn on.
_PTPYTHON = """
def configure(repl):
    repl.show_signature = repl.show_docstring = repl.enable_dictionary_completion = True
"""


def page(marks: dict[str, tuple[str, ...]], versions: dict[str, str]) -> str:
    """The whole page."""
    rows = ["| | asyncrepl | ptpython | IPython | the test |", "|---|---|---|---|---|"]
    for feature in FEATURES:
        cells = [
            f"{mark} {words}".strip()
            for mark, words in zip(marks[feature.name], feature.words, strict=True)
        ]
        file, _, name = feature.test.partition("::")
        test = f"[`{name}`](../{file})" if name else ""
        rows.append(f"| {' | '.join([feature.name, *cells])} | {test} |")
    return INTRODUCTION.format(**versions) + "\n".join(rows) + "\n" + CLOSING


def before(text: str) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    """The marks and the versions of a page that was written."""
    found = {match[1]: (match[2], match[3], match[4]) for match in _ROW.finditer(text)}
    versions = _VERSIONS.search(text)
    assert versions is not None
    return found, dict(zip(("ptpython", "IPython", "python"), versions.groups(), strict=True))


def command(program: str, tried: Try) -> list[str]:
    """What starts `program`."""
    if program == "asyncrepl":
        return [sys.executable, "-m", "asyncrepl", "-q", "--no-startup", *tried.arguments]
    python = at_the_floor().python_of(program.lower())
    if program == "IPython":
        return [python, "-m", "IPython", "--no-banner", *tried.arguments]
    file = Path(tempfile.gettempdir()) / "asyncrepl-comparison-ptpython.py"
    file.write_text(_PTPYTHON, encoding="utf-8")
    return [python, "-m", "ptpython", "--asyncio", f"--config-file={file}", *tried.arguments]


def at_the_floor() -> Any:
    """The benchmark that installs the programs beside each other."""
    sys.path[:0] = [str(ROOT / "tests" / "benchmarks"), str(ROOT / "tests")]
    import at_the_floor as found  # type: ignore[import-not-found]

    return found


def terminal_for(program: str, tried: Try, home: str) -> Any:
    """A terminal with the program at its prompt; one that says where its cursor is."""
    at_the_floor()
    from support.joining_screen import JoiningScreen  # type: ignore[import-not-found]
    from support.pty import Screen, Terminal  # type: ignore[import-not-found]

    class Answering(Terminal):  # type: ignore[misc]
        def _take(self, data: bytes) -> None:
            super()._take(data)
            for _ in range(data.count(b"\x1b[6n")):
                y, x = self.screen.cursor.y + 1, self.screen.cursor.x + 1
                os.write(self.child.child_fd, f"\x1b[{y};{x}R".encode())

    environ = {"HOME": home, "IPYTHONDIR": home, "XDG_CONFIG_HOME": home, **dict(tried.environ)}
    screen = JoiningScreen if tried.joins else Screen
    terminal = Answering(
        command(program, tried), columns=tried.columns, env=environ, screen=screen
    )
    terminal.wait(lambda: re.match(r">>>|In \[|\[ins\] In", terminal.cursor_line), "a prompt", 60)
    return terminal


def settle(terminal: Any, sent: float, seconds: float) -> None:
    """Wait until the screen has changed since the keys were sent, and then not for a while."""
    while time.monotonic() < sent + max(seconds, _PATIENCE):
        last = terminal.chunks[-1][0] if terminal.chunks else 0.0
        if last > sent and time.monotonic() > max(sent + seconds, last + _QUIET):
            return
        time.sleep(0.05)


def configuration(program: str) -> str:
    """What the program prints, or writes, when it is asked for a commented configuration."""
    with tempfile.TemporaryDirectory() as home:
        if program == "asyncrepl":
            words = [sys.executable, "-m", "asyncrepl", "--print-config"]
            return subprocess.run(words, capture_output=True, text=True, check=True).stdout
        python = at_the_floor().python_of("ipython")
        words = [python, "-m", "IPython", "profile", "create", f"--ipython-dir={home}"]
        subprocess.run(words, capture_output=True, check=True)
        file = Path(home) / "profile_default" / "ipython_config.py"
        return file.read_text(encoding="utf-8") if file.exists() else ""


def mark(program: str, tried: Try | None) -> str:
    """✓ if the program shows what is to be seen."""
    if tried is None:
        return "–"
    if tried.keys[0] in {"print-config", "profile-create"}:
        printed = configuration(program).splitlines()
        screen = SimpleNamespace(cursor=SimpleNamespace(y=0))
        shown = SimpleNamespace(scrollback=printed, lines=printed, screen=screen)
        return "✓" if tried.seen(shown) else "–"
    with tempfile.TemporaryDirectory() as home:
        terminal = terminal_for(program, tried, home)
        try:
            for key in tried.keys:
                sent = time.monotonic()
                if key.startswith("paste:"):
                    terminal.paste(key.removeprefix("paste:"))
                else:
                    terminal.send(key)
                settle(terminal, sent, tried.seconds if key is tried.keys[-1] else 0)
            if "--show" in sys.argv:
                print(f"--- {program}\n" + "\n".join(terminal.lines))
            return "✓" if tried.seen(terminal) else "–"
        finally:
            terminal.close()


def versions() -> dict[str, str]:
    """Those of the programs."""
    import platform

    found = {"python": platform.python_version()}
    for program in PROGRAMS[1:]:
        ask = f"from importlib.metadata import version; print(version({program!r}))"
        python = at_the_floor().python_of(program.lower())
        done = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True)
        found[program] = done.stdout.strip()
    return found


def main(words: list[str]) -> None:
    """Try all features, or those with a word of `words` in their name, and write the page."""
    Path(_FILE).write_text("print('from a', 'file')\n", encoding="utf-8")
    known = before(PAGE.read_text(encoding="utf-8"))[0] if PAGE.exists() else {}
    marks: dict[str, tuple[str, ...]] = {}
    for feature in FEATURES:
        if feature.name in known and words and not any(word in feature.name for word in words):
            marks[feature.name] = known[feature.name]
            continue
        with ThreadPoolExecutor() as threads:
            marks[feature.name] = tuple(threads.map(mark, PROGRAMS, feature.tries))
        print(f"{' '.join(marks[feature.name])}  {feature.name}", flush=True)
    PAGE.write_text(page(marks, versions()), encoding="utf-8")


if __name__ == "__main__":
    main([word for word in sys.argv[1:] if word != "--show"])
