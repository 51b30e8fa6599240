"""A session as a script that plain Python runs, without asyncrepl.

What was typed stands in a coroutine ``main``, its names declared global, as they were at the
prompt. Definitions that come first stand at the top, where one expects them. Values are
shown as a prompt shows them. A statement that failed in the session fails in the script
too, and the next one is run; one that Ctrl-C ended is ended after as long.

A `:command` becomes what it is in plain Python; those that only show something are nothing. Plain
Python has no prompt, so the script brings helpers along, each only where it is used.

At the prompt an expression's value is shown, also within an ``async for``, and every name is
global. In a function neither is so. The text is changed at the places found in its syntax tree and
nowhere else: to unparse the tree would lose comments and layout, and to hand the text to ``exec``
would give a script that nobody can read.
"""

from __future__ import annotations

import ast
import dis
import json
import re
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from asyncrepl.export.format_registry import export_format
from asyncrepl.runtime.files import unquoted
from asyncrepl.runtime.shipped_demos import DemoNotFoundError, find_iterable
from asyncrepl.session.command_registry import CommandRegistry
from asyncrepl.syntax.parsed_input import Command, as_command, syntax_tree
from asyncrepl.syntax.source_rewriter import SourceRewriter, Span
from asyncrepl.transcript.grammar import Blank, Input, Narration
from asyncrepl.views.styled_lines import one_line, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from asyncrepl.export.recording import Recording
    from asyncrepl.session.tape import RecordedInput

_BINDS = {"STORE_NAME", "DELETE_NAME", "STORE_GLOBAL", "DELETE_GLOBAL"}
_DEFINES = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_STRINGS: tuple[type[ast.expr], ...] = (ast.Constant, ast.JoinedStr)
if sys.version_info >= (3, 14):
    _STRINGS += (ast.TemplateStr,)
#: Calls whose value is None, as everybody knows.
_NONE_CALLS = {"print", "asyncio.sleep"}


@dataclass(frozen=True, slots=True)
class PlainStatement:
    """A statement in plain Python.

    `names` are those it binds at its top; `defines` says that it does nothing but define
    or import them; `hoisted` that it may only stand at the top of a module.
    """

    text: str
    names: frozenset[str]
    defines: bool
    hoisted: bool


def plain_python(text: str, show: str) -> PlainStatement | None:
    """What was typed as `text`, in plain Python; None if that is no code that compiles.

    `show` is the name of the function that shows a value as a prompt does.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = syntax_tree(text)
            flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
            code = compile(text, "<input>", "exec", flags, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError):
        return None
    defines = all(isinstance(node, _DEFINES) for node in tree.body)
    # An import that is lazy (Python 3.15) cannot be in a function.
    lazy = [node for node in _statements(tree.body) if getattr(node, "is_lazy", 0)]
    rewriter = SourceRewriter(text)
    _edit(tree.body, rewriter, show)
    for node in () if defines else lazy:
        start = rewriter.source.span(node).start
        rest = text[start:].removeprefix("lazy").lstrip()
        rewriter.replace(Span(start, len(text) - len(rest)), "")
    imports = (node for node in tree.body if isinstance(node, ast.ImportFrom))
    hoisted = any(node.module == "__future__" or node.names[0].name == "*" for node in imports)
    names = {step.argval for step in dis.get_instructions(code) if step.opname in _BINDS}
    return PlainStatement(
        rewriter.apply().rstrip(),
        frozenset(names - {"__annotations__", "__conditional_annotations__"}),
        defines=defines,
        hoisted=hoisted or (defines and bool(lazy)),
    )


def indented(text: str, levels: int = 1) -> str:
    """`text` four blanks further to the right, or more, but for the insides of its strings."""
    inside = set()
    for node in ast.walk(syntax_tree(text)):
        if isinstance(node, _STRINGS) and node.end_lineno is not None:
            inside |= set(range(node.lineno + 1, node.end_lineno + 1))
    lines = enumerate(text.split("\n"), 1)
    blanks = "    " * levels
    return "\n".join(line if at in inside or not line else blanks + line for at, line in lines)


def _edit(body: list[ast.stmt], rewriter: SourceRewriter, show: str) -> None:
    """A call around what the prompt shows; no annotation of a name, which is a global one."""
    source = rewriter.source
    for node in _statements(body):
        if isinstance(node, ast.Expr):
            call = node.value.value if isinstance(node.value, ast.Await) else node.value
            if not (isinstance(call, ast.Call) and ast.unparse(call.func) in _NONE_CALLS):
                argument = _is_argument(source.source(node))
                rewriter.before(node, f"{show}(" if argument else f"{show}((")
                rewriter.after(node, ")" if argument else "))")
        elif isinstance(node, ast.AnnAssign) and node.simple:
            start, end = source.span(node.target).end, source.span(node).end
            if node.value is not None:  # brackets may be around the annotation, and around it
                end = source.text.index("=", source.span(node.annotation).end)
            rewriter.replace(Span(start, end), " = None" if node.value is None else " ")


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of `body` and of the blocks in it, but not those of functions and classes."""
    for node in body:
        yield node
        if not isinstance(node, _SCOPES):
            for name in ("body", "orelse", "finalbody"):
                yield from _statements(getattr(node, name, []))
            for name in ("handlers", "cases"):
                for part in getattr(node, name, ()):
                    yield from _statements(part.body)


def _is_argument(source: str) -> bool:
    """Whether `source` can stand in a call as one argument: a tuple without parentheses can't."""
    try:
        call = ast.parse(f"f({source}\n)", mode="eval").body
    except SyntaxError:
        return False
    assert isinstance(call, ast.Call)
    return len(call.args) == 1 and not call.keywords and not isinstance(call.args[0], ast.Starred)


_HELPER_TEMPLATES = {
    "show": "{0} = sys.displayhook  # print a value, if it is not None",
    "tell": '''\
def {0}(error):
    """Say what went wrong, as a prompt does, and go on."""
    print("".join(traceback.format_exception_only(error)), end="")''',
    "ticker": '''\
async def {0}(name, seconds):
    """Print every `seconds`, without drift."""
    due = asyncio.get_running_loop().time()
    for count in itertools.count(1):
        due += seconds
        await asyncio.sleep(due - asyncio.get_running_loop().time())
        print(f"{{name}} │ {{count}}", flush=True)''',
    "tasks": "{0} = {{}}  # by name",
}
#: How their names stand in code, and in no sentence.
_HELPER_USE = r"\b{0}(\(|\[\"|\.pop)"
#: The module that each of these needs.
_HELPER_MODULES = {"show": "sys", "tell": "traceback", "ticker": "itertools"}


@dataclass(frozen=True, slots=True)
class HelperNames:
    """What these are called in a script, so that nothing of the user's has the same name."""

    show: str
    tell: str
    ticker: str
    tasks: str
    main: str

    @staticmethod
    def beside(texts: Iterable[str]) -> HelperNames:
        """Names that occur in none of `texts`."""
        taken = {word for text in texts for word in re.findall(r"\w+", text)}
        names = []
        for name in ("show", "tell", "ticker", "tasks", "main"):
            while name in taken:
                name += "_"  # noqa: PLW2901
            names.append(name)
        return HelperNames(*names)

    def task(self, name: str, coroutine: str) -> str:
        """A line that starts a task called `name`."""
        key = string_literal(name)
        return f"{self.tasks}[{key}] = asyncio.create_task({coroutine}, name={key})"


def helper_definitions(names: HelperNames, code: str) -> tuple[list[str], list[str]]:
    """The modules that `code` needs on account of `names`, and the definitions."""
    called = {name: getattr(names, name) for name in _HELPER_TEMPLATES}
    used = [name for name in called if re.search(_HELPER_USE.format(called[name]), code)]
    modules = {"asyncio"} | {_HELPER_MODULES[name] for name in used if name in _HELPER_MODULES}
    return sorted(modules), [_HELPER_TEMPLATES[name].format(called[name]) for name in used]


def string_literal(text: str) -> str:
    """`text` as a Python literal, in the usual quotes."""
    return json.dumps(text, ensure_ascii=False)


_REGISTRY = CommandRegistry()  # of itself it finds nothing: only when it is asked


def command_name(command: Command) -> str:
    """The whole name of the command; an empty one if there is none such."""
    found = _REGISTRY.get(command.name)
    return "" if found is None else found.name


def equivalent_code(command: Command, names: HelperNames) -> list[str]:
    """The lines that do what `command` does, none if it only shows something."""
    words, tasks, lines = command.rest.split(), names.tasks, []
    match command_name(command), words:
        case "ticker", [name, *seconds]:
            made = f"{names.ticker}({string_literal(name)}, {seconds[0] if seconds else '1'})"
            lines = [names.task(name, made)]
        case "stop", ["all"]:
            lines = [f"while {tasks}: {tasks}.popitem()[1].cancel()"]
        case "stop", [_, *_]:
            lines = [f"{tasks}.pop({string_literal(command.rest)}).cancel()"]
        case "cancel", [_, *_]:
            found = f"_.get_name() == {string_literal(command.rest)}"
            lines = [f"[_.cancel() for _ in asyncio.all_tasks() if {found}]"]
        case "wait", [seconds]:
            lines = [f"await asyncio.sleep({seconds})"]
        case "quit", _:
            lines = ["return"]
    return lines


def loaded_code(rest: str) -> str:
    """The code that defines what ``:load`` with `rest` loads; empty if there is none."""
    rest = unquoted(rest)
    if ":" in rest and not rest.endswith(".py"):
        module, _, attribute = rest.partition(":")
        return f"from {module} import {attribute}\n" if attribute.isidentifier() else ""
    try:
        path = Path(rest).expanduser() if rest.endswith(".py") else find_iterable(rest).path
        return _module_body(path.read_text("utf-8-sig"))
    except (DemoNotFoundError, OSError, ValueError, SyntaxError):
        return ""


def _module_body(source: str) -> str:
    """The code of a module without what is about it: its docstring, ``__all__`` and ``TRY``."""
    lines = source.split("\n")
    for node in reversed(ast.parse(source).body):
        if _is_module_metadata(node):
            del lines[node.lineno - 1 : node.end_lineno]
    text = "\n".join(line for line in lines if line != "import asyncio").strip("\n")
    return re.sub(r"\n{4,}", "\n\n\n", text) + "\n"


def _is_module_metadata(node: ast.stmt) -> bool:
    match node:
        case ast.Expr(value=ast.Constant(value=str())):
            return True
        case ast.Assign(targets=[ast.Name(id=name)]):
            return name in {"__all__", "TRY"}
        case ast.ImportFrom(module="__future__"):
            return True
    return False


@export_format("py", "a script that runs with plain python", rank=10, waits=True)
def python_script(recording: Recording) -> str:
    """The text of a Python file that does what was typed."""
    writer = _ScriptWriter(
        HelperNames.beside(
            text if (command := as_command(text)) is None else command.rest
            for text in (recorded.text for recorded in recording.recorded_inputs)
        )
    )
    for entry, recorded in recording.parts:
        match entry:
            case Narration(text=text):
                writer.note(text)
            case Blank():
                writer.blank()
            case Input() if recorded is not None:
                writer.input(recorded)
    return writer.text(recording.title)


class _ScriptWriter:
    """Collects the parts of the script.

    `_notes` are the comments and empty lines since the last code: they go where the next one goes.
    """

    def __init__(self, names: HelperNames) -> None:
        self._helpers = names
        self._future: list[str] = []
        self._top: list[str] = []
        self._main: list[str] = []
        self._notes: list[str] = []
        self._names: set[str] = set()
        self._spawned = 0

    def note(self, text: str) -> None:
        """Lines of comment."""
        self._notes += [f"# {line}".rstrip() for line in printable(text).split("\n")]

    def blank(self) -> None:
        """An empty line."""
        self._notes.append("")

    def input(self, recorded: RecordedInput) -> None:
        """What was typed in `recorded`."""
        command = as_command(recorded.text)
        if command is None:
            self._statement(recorded, recorded.text)
        else:
            self._command(recorded, command)

    def text(self, title: str) -> str:
        """The whole script."""
        self._main += self._taken()
        body = "\n".join(self._main).strip("\n")
        if self._names:
            body = f"global {', '.join(sorted(self._names))}\n\n{body}"
        main = f"async def {self._helpers.main}():\n"
        main += indented(body if _has_code(body) else f"{body}\npass")
        modules, defined = helper_definitions(self._helpers, "\n".join([*self._top, body]))
        imports = "\n".join(f"import {name}" for name in modules)
        docstring = one_line(title).replace("\\", "\\\\").replace('"', "'")
        head = [f'"""{docstring}"""'] * bool(title) + self._future + [imports]
        run = f"asyncio.run({self._helpers.main}())"
        blocks = ["\n\n".join(head), *defined, *self._top, main, run]
        return "\n\n\n".join(block.strip("\n") for block in blocks) + "\n"

    # -- within ------------------------------------------------------------------------

    def _taken(self) -> list[str]:
        notes, self._notes = self._notes, []
        return notes

    def _add(self, *lines: str) -> None:
        """Code of `main`."""
        notes = self._taken()
        if not notes and self._main and "\n" in self._main[-1]:
            notes = [""]
        self._main += [*notes, *lines]

    def _command(self, recorded: RecordedInput, command: Command) -> None:
        name = command_name(command)
        # A statement in the foreground, behind ``:trace`` and the like.
        runs = bool(name) and _REGISTRY.find(name).runs_statement
        if runs and command.rest not in {"", "on", "off"}:
            self._statement(recorded, command.rest)
            return
        self.note(recorded.text)
        if name == "load" and (code := loaded_code(command.rest)):
            self._top.append(f"# {recorded.text}\n{code}")
        elif recorded.error is not None:
            return  # it has done nothing
        elif name == "spawn":
            if (plain := self._plain(command.rest)) is not None and _has_code(plain.text):
                self._spawn(plain)
        elif lines := equivalent_code(command, self._helpers):
            self._notes.pop()
            self._add(*lines)

    def _spawn(self, plain: PlainStatement) -> None:
        self._spawned += 1
        name = f"spawn_{self._spawned}"
        declared = [f"global {', '.join(sorted(plain.names))}"] if plain.names else []
        body = indented("\n".join([*declared, plain.text]))
        task = self._helpers.task(name.replace("_", " "), f"{name}()")
        self._add(f"async def {name}():\n{body}", task)

    def _statement(self, recorded: RecordedInput, text: str) -> None:
        plain = self._plain(text) if recorded.compiled else None
        if plain is None:
            self.note(f"{text}\n  ({recorded.error or 'SyntaxError'})")
        elif plain.hoisted and "__future__" in text:
            self._future.append(plain.text)
        elif plain.hoisted or (not self._main and plain.defines and recorded.error is None):
            self._top.append("\n".join([*self._taken(), plain.text]))
        else:
            self._names |= plain.names
            self._add(_with_expected_end(plain.text, recorded, self._helpers.tell))

    def _plain(self, text: str) -> PlainStatement | None:
        return plain_python(text, self._helpers.show)


def _has_code(body: str) -> bool:
    return bool(re.search(r"^(?!#|global |\s*$)", body, re.MULTILINE))


def _with_expected_end(text: str, recorded: RecordedInput, tell: str) -> str:
    """`text`, such that what ended it in the session ends it here, and no more than it."""
    seconds = recorded.interrupt_after
    if seconds is None and recorded.error == "KeyboardInterrupt" and recorded.ended is not None:
        seconds = round(recorded.ended - recorded.began, 3)
    if seconds is not None:
        limit = f"    async with asyncio.timeout({seconds:g}):  # Ctrl-C\n{indented(text, 2)}"
        return f'try:\n{limit}\nexcept TimeoutError:\n    print("KeyboardInterrupt")'
    if recorded.error not in {None, "SystemExit"}:
        return f"try:\n{indented(text)}\nexcept BaseException as error:\n    {tell}(error)"
    return text
