"""Styled lines: their text, their width in terminal cells, wrapping, two columns, Python source.

A line is a list of fragments, each a style's *name* and a piece of text. Views name what a piece
means ("error", "dim"); only this module knows which colour that is, so that a terminal, a file and
a test can each draw it their own way.

Themes: which of the terminal's 16 colours a style has, by the background it stands on. The 16
colours are the user's own. In the palettes that terminals come with (xterm, VTE, Terminal.app,
Windows), yellow and cyan cannot be read on white, nor blue on black; contrast in the worst of
them: yellow 1.7 and cyan 1.9 on white, blue 2.2 on black. While the background is not known
("auto", and no answer), neither yellow nor blue is used. Exports have colours of their own.

A piece of text never reaches any of them with an escape sequence of its own: `printable` makes
control characters visible, because a ``repr``, a task's name or a transcript's title that moves
the cursor would tear the screen (and could be written to do so). It is applied where text leaves:
by the console, the echo of the input, each format of an export, the messages of the command line.
Only what a program prints goes another way (`asyncrepl.views.screen_cells`).

Joined emoji: several characters that a terminal draws as one picture, two columns wide.

A family is three people and two joiners, a flag two letters, a skin tone a character of its own.
Terminals disagree about their width. Those that know of them (kitty, WezTerm, iTerm2, Ghostty,
foot, Windows Terminal, VTE's newer ones, tmux) give the whole two columns; xterm, Alacritty and
the Linux console draw the parts one after the other. Nobody can be asked before it is drawn, so
the width is that of `wcwidth.wcswidth`, which follows Unicode and the majority. What this changes
where the terminal is of the others: the cursor stands a few columns too far left behind such a
picture. Before it stood too far right in all the rest.

To sum up the widths of single characters is wrong for all of them, and differs between releases
of wcwidth: it says of one letter of a flag that it takes one column, or two.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from contextlib import contextmanager
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pygments.lexers.python import PythonLexer

Fragment = tuple[str, str]
Line = list[Fragment]

#: Style name → SGR parameters. The 16 basic colours follow the user's theme.
STYLES: dict[str, str] = {
    "": "", "dim": "2", "bold": "1", "error": "31", "why": "", "label": "36", "code": "32",
    "name": "1", "current": "1;4", "step": "7", "ticker": "36", "run": "32", "wait": "2",
    "value": "36", "cancelled": "33", "keyword": "35", "string": "33", "number": "36",
    "comment": "2", "wrap": "",
}  # fmt: skip

_UNKNOWN = {"string": "32", "cancelled": "35"}
_BLUE = dict.fromkeys(("label", "code", "ticker", "value", "number"), "34")
_LIGHT = {**_UNKNOWN, **_BLUE, "string": "31"}
#: Without the colours: bold, dim, underlined and reverse stay, for they mark.
_MONO = {name: "" for name, code in STYLES.items() if code.startswith("3")} | {
    "error": "1", "label": "1", "keyword": "1",
}  # fmt: skip
_STYLES: dict[str, Mapping[str, str]] = {
    "auto": STYLES | _UNKNOWN, "light": STYLES | _LIGHT, "dark": STYLES, "mono": STYLES | _MONO,
}  # fmt: skip


class Theme:
    """The theme of one session: what was `chosen`, and the `background` if it is known.

    May be read from any thread.
    """

    def __init__(self, chosen: str = "auto") -> None:
        #: One of `asyncrepl.runtime.configuration.THEMES`; "auto" goes by the background.
        self.chosen = chosen
        #: "light" or "dark", once the terminal has said so.
        self.background: str | None = None

    @property
    def name(self) -> str:
        """The theme in force: "auto" only as long as the background is not known."""
        return self.background or "auto" if self.chosen == "auto" else self.chosen

    @property
    def styles(self) -> Mapping[str, str]:
        """The SGR parameters by the style's name."""
        return _STYLES[self.name]


#: Those of bidirectional text, too: the rest of the row would stand in another order.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """`text` with control characters and lone surrogates spelled as Python escapes.

    Newlines and tabs stay.
    """
    return _CONTROL.sub(lambda match: ascii(match[0])[1:-1], text)


def one_line(text: str) -> str:
    """`printable` text in which newlines and tabs are spelled out too: for a name in a row."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def safe(line: Line) -> Line:
    """`line` with all of its text `printable`: for a terminal, or for a file that is shown."""
    return [(style, printable(text)) for style, text in line]


def text_lines(text: str, style: str = "") -> list[Line]:
    """The lines of `text`, each one fragment of `style`, made printable."""
    return [[(style, line)] for line in printable(text).split("\n")]


def cell_width(text: str) -> int:
    """The cells of a terminal that `text`, which is one line, takes."""
    if text.isascii():
        return len(text)
    return sum(map(cluster_width, clusters(text)))


def wrapped(text: str, width: int | None, indent: int = 0) -> list[str]:
    """The lines of prose that `text` makes in `width` columns; one where that is None.

    All but the first get `indent` columns, which the first has room for, too: for a label.
    Words are kept whole, also long ones.
    """
    if width is None:
        return [text]
    room = max(width - indent, 10)
    first, *more = [text[start:end] for start, end in _rows(text, room, room)]
    return [first, *(" " * indent + line for line in more)]


#: A blank at which no line is broken, and characters of a text that is too long to be kept whole.
UNBROKEN, _TOO_LONG = "\xa0", 21


def unbroken(text: str) -> str:
    """`text`, if it is short, with `UNBROKEN` for each blank: there `wrapped` does not break."""
    return text.replace(" ", UNBROKEN) if len(text) < _TOO_LONG else text


def comment_rows(lines: Sequence[str], width: int) -> list[str]:
    """Narration as comments in `width` cells: in its own `lines` if they all fit, else flowed."""
    room = width - len("# ")
    fit = all(cell_width(line) <= room for line in lines)
    told = lines if fit else wrapped(" ".join(lines), room)
    return [printable(f"# {line}".rstrip()) for line in told]


def flowed(line: Line, width: int | None, indent: int = 0) -> list[Line]:
    """The lines that the styled `line` makes in `width` columns; one where that is None.

    All but the first begin with `indent` blanks, whose style shows that a line goes on there.
    Words are kept whole, also long ones.
    """
    if width is None:
        return [line]
    rows = _rows(plain(line), width, max(width - indent, 10))
    first, *more = [_fragments_between(line, start, end) for start, end in rows]
    return [first, *([("wrap", " " * indent), *row] if indent else row for row in more)]


def prose(text: str, width: int | None, style: str = "", indent: int = 0) -> list[Line]:
    """The lines of one `style` that `text` makes: each of its own broken at words, made printable.

    Rows have at most `width` cells (None: any number); all but the first of each begin with
    `indent` blanks.
    """
    return [row for line in text_lines(text, style) for row in flowed(line, width, indent)]


def _rows(text: str, first: int, room: int) -> list[tuple[int, int]]:
    """Where the rows of `text` begin and end: the first in so many cells, the others in `room`.

    Not `textwrap`: it counts characters, so that a row of wide ones is twice as long, and
    makes one blank of several, which breaks columns.
    """
    rows: list[tuple[int, int]] = []
    start = end = column = 0
    for word in re.finditer(r"[ \n\t]*[^ \n\t]+", text):  # a no-break space is none
        if end > start and column + cell_width(word[0]) > (room if rows else first):
            rows.append((start, end))
            start = word.end() - len(word[0].lstrip(" \n\t"))
            column = 0
        column += cell_width(text[max(start, word.start()) : word.end()])
        end = word.end()
    return [*rows, (start, end)]


def _fragments_between(line: Line, start: int, end: int) -> Line:
    """The characters from `start` to `end` of `line`, with their styles."""
    fragments, at = Line(), 0
    for style, text in line:
        fragments.append((style, text[max(start - at, 0) : max(end - at, 0)]))
        at += len(text)
    return [fragment for fragment in fragments if fragment[1]]


def joined_fragments(line: Iterable[Fragment]) -> Line:
    """`line` with neighbours of one style in one, and none that is empty."""
    runs = groupby(line, key=itemgetter(0))
    joined = [(style, "".join([text for _, text in run])) for style, run in runs]
    return [fragment for fragment in joined if fragment[1]]


def plain(line: Iterable[Fragment]) -> str:
    """The text of `line` alone."""
    return "".join(text for _, text in line)


def ansi(line: Iterable[Fragment], styles: Mapping[str, str] = STYLES) -> str:
    """The text of `line` with SGR escape codes for its styles."""
    coded = ((styles.get(style, ""), text) for style, text in line)
    return "".join(f"\x1b[{sgr}m{text}\x1b[0m" if sgr and text else text for sgr, text in coded)


def cut(text: str, width: int, dots: str = "…") -> str:
    """`text` as one line of at most `width` cells, with `dots` where it is cut off."""
    text = one_line(text)
    if cell_width(text) <= width:
        return text
    return "".join(_fitting(clusters(text), width - cell_width(dots))) + dots


def cut_front(text: str, width: int, dots: str = "…") -> str:
    """As `cut`, but what is kept of `text` in `width` cells is the end, behind `dots`."""
    text = one_line(text)
    if cell_width(text) <= width:
        return text
    return dots + "".join(_fitting(clusters(text)[::-1], width - cell_width(dots))[::-1])


def shortened(names: Sequence[str], widths: Sequence[int], dots: str = "…") -> list[str]:
    """Each of `names` as one line, cut to its width of `widths` (cells) but unlike the others.

    A long one loses its end, as long as that leaves it unlike the others; a number at the
    end is kept, because that is what distinguishes ``worker-17`` from ``worker-18``, also while
    only one of them is there: else its name would change when the other comes.
    """
    ends = [cut(name, width, dots) for name, width in zip(names, widths, strict=True)]
    fronts = [cut_front(name, width, dots) for name, width in zip(names, widths, strict=True)]
    alike, alike_in_front = Counter(ends), Counter(fronts)
    return [
        front if name[-1:].isdigit() or alike[end] > alike_in_front[front] else end
        for name, end, front in zip(names, ends, fronts, strict=True)
    ]


def fit(text: str, width: int) -> str:
    """`text` as `cut`, filled up with blanks to exactly `width` cells."""
    text = cut(text, width)
    return text + " " * (width - cell_width(text))


def _fitting(parts: list[str], room: int) -> list[str]:
    """The first of `parts` for which there is room."""
    kept = []
    for part in parts:
        if (room := room - cluster_width(part)) < 0:
            break
        kept.append(part)
    return kept


#: Columns that a meaning needs at least, to be beside the names.
MIN_MEANING_WIDTH = 30


def two_columns(
    rows: Sequence[tuple[str, str]],
    width: int | None = None,
    others: Sequence[tuple[str, str]] = (),
) -> list[Line]:
    """A line a row, more for a long meaning; below the name where `width` leaves no room beside.

    `others` are rows of tables that are to look alike.
    """
    every = [*rows, *others]
    column = max((cell_width(name) for name, _ in every), default=0)
    longest = max((cell_width(text) for _, text in every), default=0)
    if width is None or min(longest, MIN_MEANING_WIDTH) + column + 2 < width:
        lines = [
            [("label", name), ("", " " * (column - cell_width(name) + 2) + text)]
            for name, text in rows
        ]
        room = None if width is None else width - 1
        return [row for line in lines for row in flowed(line, room, column + 2)]
    lines = []
    for name, text in rows:
        lines += flowed([("label", name)], width - 1, 2)
        lines += [[("", "    " + line)] for line in wrapped(text, width - 5)]
    return lines


#: How many blocks there are within which nobody sees a style.
_unhighlighted = 0


@contextmanager
def code_unhighlighted() -> Iterator[None]:
    """Within the block `code_lines` gives text alone: Pygments takes 40 ms until it is ready."""
    global _unhighlighted  # noqa: PLW0603 - whoever makes lines knows nothing of who draws them
    _unhighlighted += 1
    try:
        yield
    finally:
        _unhighlighted -= 1


def code_lines(source: str) -> list[Line]:
    """The lines of Python `source`, highlighted by name of style."""
    if _unhighlighted:
        return text_lines(source.removesuffix("\n"))
    lines: list[Line] = [[]]
    for token, text in _tokenizer()(source):
        style = _style_of_token(token)
        first, *rest = printable(text).split("\n")
        lines[-1].append((style, first))
        lines += [[(style, piece)] for piece in rest]
    return lines[:-1] if lines[-1] == [("", "")] else lines


#: The first lexer of a class makes its tables. Two threads that do so at once spoil them.
_tables_lock = threading.Lock()


def python_lexer() -> type[PythonLexer]:
    """Pygments' lexer for Python, imported and ready; from any thread."""
    from pygments.lexers.python import PythonLexer

    with _tables_lock:
        PythonLexer()
    return PythonLexer


@cache
def _tokenizer() -> Callable[[str], Iterable[tuple[Any, str]]]:
    return python_lexer()(stripnl=False, ensurenl=False).get_tokens


def _style_of_token(token: Any) -> str:
    from pygments.token import Comment, Keyword, Number, Operator, String

    if token in Keyword or token is Operator.Word:
        return "keyword"
    pairs = ((String, "string"), (Number, "number"), (Comment, "comment"))
    return next((style for kind, style in pairs if token in kind), "")


_LETTER = "[\U0001f1e6-\U0001f1ff]"
#: What changes the picture before it: the emoji form, a skin tone, a tag, the frame of a key.
_CHANGES = "[\ufe0f\u20e3\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]"
_BASE = "[^\x00-\x7f\u0300-\u036f\ufe0e\ufe0f]"
_JOINED = (
    f"{_LETTER}{{2}}|[0-9#*]\ufe0f\u20e3?|"
    f"{_BASE}{_CHANGES}+(?:\u200d{_BASE}{_CHANGES}*)*|{_BASE}(?:\u200d{_BASE}{_CHANGES}*)+"
)
_MAX_WIDTH = 2


@cache
def _pattern() -> re.Pattern[str]:
    """Compiled when the first text comes that is no ASCII."""
    return re.compile(_JOINED, re.DOTALL)


def has_joined(text: str) -> bool:
    """Whether a joined emoji may stand in `text`; quick for all other text."""
    return not text.isascii() and _pattern().search(text) is not None


def clusters(text: str) -> list[str]:
    """The characters of `text`, those of a joined emoji as one string."""
    if text.isascii():
        return list(text)
    found: list[str] = []
    at = 0
    for match in _pattern().finditer(text):
        found += text[at : match.start()]
        found += [match[0]] if cluster_width(match[0]) <= _MAX_WIDTH else match[0]
        at = match.end()
    return [*found, *text[at:]]


@cache
def cluster_width(cluster: str) -> int:
    """The columns of a character, or of a joined emoji."""
    from wcwidth import wcswidth  # what is plain ASCII need not wait for its tables

    width: int = wcswidth(cluster)
    return max(width, 0)
