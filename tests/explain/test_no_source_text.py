"""No decision looks for words in the user's source: it asks the tree, names or tokens.

A search in the text also finds strings and comments, and misses another spelling. What is
searched all the same stands here with its reason: places in a text that is cut into
tokens, or what was found in the tree and is only put into other words.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import asyncrepl

ROOT = Path(asyncrepl.__file__).parent
#: Where decisions about the user's code are made.
FOLDERS = ("explain", "instrument", "engine", "syntax", "session")
_TEXTS = {"text", "source", "line", "lines", "word", "operand"}
_SEARCHES = {
    "startswith", "endswith", "find", "rfind", "index", "rindex", "count", "match", "search",
    "fullmatch", "finditer", "findall",
}  # fmt: skip

_LEXING = "the text is being cut into tokens or lines: there is no tree yet"
_PLACE = "a place between two nodes of the tree, where only one thing can stand"
_LAYOUT = "how lines are laid out, not what they mean"
_NO_PYTHON = "a command of IPython's or a shell's has no tree"
_OURS = "the line of a tour that is ours"
#: The files and what they search, with the reason.
ALLOWED = {
    "syntax/cursor_context.py": _LEXING,
    "syntax/input_splitter.py": _LEXING,
    "syntax/parsed_input.py": _LEXING,
    "syntax/source_rewriter.py": _LAYOUT,
    "syntax/sources.py": _LAYOUT,
    "explain/tokens.py": _LEXING,
}
#: Single searches, by file, with the reason.
ALLOWED_THERE: dict[tuple[str, str], str] = {
    ("explain/fix_editor.py", "_ASYNC.match(unit.text, start)"): _PLACE,
    ("explain/scopes.py", "_FOR.finditer(unit.text, start, stop)"): _PLACE,
    ("explain/scopes.py", "_FOR.match(unit.text, start)"): _PLACE,
    ("explain/fix_editor.py", "each.text == ']'"): "an edit of ours",
    ("session/frontend.py", "word == 'stop'"): "a word behind a command of ours",
    ("session/debug_commands.py", "word != 'timer'"): "a key of ours",
    ("session/debug_commands.py", "word == 'evaluate'"): "a key of ours",
    ("session/guide.py", "_CAPTURED.fullmatch(line)"): _NO_PYTHON,
    ("session/guide.py", "_WORD_AND_REST.fullmatch(line)"): _NO_PYTHON,
    ("session/guide.py", "line.startswith('!')"): _NO_PYTHON,
    ("session/guide.py", "text.startswith((':', '!'))"): _NO_PYTHON,
    ("session/guide.py", "word == 'cd'"): _NO_PYTHON,
    ("explain/verified_fixes.py", "unit.text[:end].endswith('\\n')"): _LAYOUT,
    ("explain/fix_editor.py", "name in each.text"): "only what has it is looked at by its names",
    ("explain/hoisted_code.py", "text.rindex(':', 0, body)"): _PLACE,
    ("explain/scopes.py", "line.startswith(by)"): _LAYOUT,
    ("explain/scopes.py", "unit.text.find('\\n', at)"): _LAYOUT,
    ("explain/rules/sync_scopes.py",
     "unit.text.rindex('->', 0, unit.source.span(holder.returns).start)"): _PLACE,
    ("explain/rules/changed_values.py", "each.text == '('"): _PLACE,
    ("explain/rules/iteration_end.py", "unit.text[:end].rstrip().endswith(',')"): _PLACE,
    ("explain/rules/generator_cleanup.py", "text.endswith('\\n')"): _LAYOUT,
    ("explain/rules/gone_functions.py", "unit.text.index('\\n', start)"): _LAYOUT,
    ("explain/rules/gone_functions.py",
     "unit.text.rindex(',', span(given[at - 1]).end, start)"): _PLACE,
    ("instrument/compilation.py", "'async' not in source.text"):
        "a keyword cannot be spelled otherwise: without it no loop is asynchronous",
    ("session/guide.py", "'\\n' not in statement.strip()"): _LAYOUT,
    ("session/guide.py", "self._current.line.startswith(':replay')"): _OURS,
    ("session/guide.py", "step.line.startswith(':replay')"): _OURS,
    ("session/guide.py", "text.strip() == ':fix'"): _OURS,
    ("session/shell.py", "'\\n' in text"): _LAYOUT,
    ("session/tape.py", "text.rfind('\\n')"): _LAYOUT,
}  # fmt: skip


def searches(tree: ast.AST) -> list[str]:
    """The expressions of `tree` that look for something in a text of the user's."""
    return [ast.unparse(node) for node in ast.walk(tree) if _is_search(node)]


def _is_search(node: ast.AST) -> bool:
    match node:
        case ast.Compare(_, [ast.In() | ast.NotIn()], [where]):
            return _is_text(where)
        case ast.Compare(left, [ast.Eq() | ast.NotEq()], [ast.Constant(value=str())]):
            return _is_text(left)
        case ast.Call(ast.Attribute(value, name), arguments) if name in _SEARCHES:
            return any(map(_is_text, (value, *arguments[:1])))
    return False


def _is_text(node: ast.AST) -> bool:
    match node:
        case ast.Name(name) | ast.Attribute(attr=name):
            return name in _TEXTS
        case ast.Call(ast.Attribute(attr="source" | "operand" | "strip" | "lstrip" | "rstrip")):
            return True
        case ast.Subscript(value, ast.Slice()):
            return _is_text(value)
    return False


def found() -> set[tuple[str, str]]:
    return {
        (str(path.relative_to(ROOT)), text)
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*.py"))
        for text in searches(ast.parse(path.read_text(encoding="utf-8")))
        if str(path.relative_to(ROOT)) not in ALLOWED
    }


def test_no_decision_looks_for_words_in_source() -> None:
    """What does is listed above with its reason, and what is listed does."""
    assert found() == set(ALLOWED_THERE)


@pytest.mark.parametrize(
    "text",
    ["'x(' in text", "'sleep' in unit.text", "source.startswith('self.')", "_RE.search(unit.text)",
     "text.find('await')", "unit.source.source(node) == 'asyncio'", "'a' not in unit.text[1:5]"],
)  # fmt: skip
def test_a_search_is_noticed(text: str) -> None:
    """The walk above sees the ways in which one would do it."""
    assert searches(ast.parse(text))
