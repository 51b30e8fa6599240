"""``:show``: all of a value, where the prompt has shown its beginning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncrepl.session.command_registry import CommandError, command
from asyncrepl.views.error_lines import describe_error
from asyncrepl.views.styled_lines import one_line

if TYPE_CHECKING:
    from asyncrepl.session.command_registry import CompletionWords
    from asyncrepl.session.shell import Shell
    from asyncrepl.views.styled_lines import Line

__all__: list[str] = []

#: Columns where the output is no screen.
_DEFAULT_WIDTH = 80


def _shown_names(_shell: Shell, _typed: str) -> CompletionWords:
    return {
        "_": "the last value",
        "__": "the one before",
        "___": "the one before that",
        "Out": "all that are kept, by the number of their input",
    }


@command(
    ":show [EXPRESSION]",
    "show all of a value; alone, of the last one",
    group="session",
    rank=5,
    example=":show _",
    complete=_shown_names,
    verbatim=True,
    details="What the prompt shortens, in full, page by page. Python twin: pprint.pp(_).\n"
    "_, __ and ___ are the last three values. Out[7], or _7, is the value of <input 7>, as "
    "tracebacks call it; Out has the last 1,000 with their numbers, but none that is, or holds, "
    "something whose end is reported, such as a task.",
)
def _show(shell: Shell, rest: str) -> list[Line]:
    from asyncrepl.views.value_layout import Page, whole_value_lines

    value = _evaluated(shell, rest or "_")
    columns = shell.console.width or _DEFAULT_WIDTH
    return whole_value_lines(value, Page(columns, ascii=shell.console.ascii))


def _evaluated(shell: Shell, text: str) -> object:
    """The value of the expression `text`; raises CommandError in the words of its error."""
    try:
        return eval(compile(text, "<:show>", "eval", dont_inherit=True), shell.session.namespace)
    except NameError as error:
        if text == "_":
            raise CommandError("no value has been shown: try :show [1, 2, 3]") from None
        raise CommandError(f":show {one_line(text)}: {describe_error(error)}") from None
    except Exception as error:
        raise CommandError(f":show {one_line(text)}: {describe_error(error)}") from None
