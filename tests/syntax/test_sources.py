"""Programs as bytes, and what Python's own tools find out about code that has no file."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from support import forked_starts

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

BYTES = {
    "BOM": b"\xef\xbb\xbfprint('\xc3\xa9')\n",
    "cookie": b"# -*- coding: latin-1 -*-\nprint('\xe9')\n",
    "cookie in line 2": b"#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\nprint('\x80')\n",
    "no cookie in line 3": b"#\n#\n# coding: latin-1\nprint('\xc3\xa9')\n",
    "no cookie behind code": b"x = 1\n# coding: latin-1\nprint('\xc3\xa9')\n",
    "CRLF": b"def f():\r\n    return '\xc3\xa9'\r\n\r\nprint(f())\r\n",
    "form feed": b"x = 1\n\x0cprint(x)\n",
    "CR": b"x = 1\rprint(x)\r",
}
WRONG = {
    "bytes": b"x = 1\nprint('\xe9')\n",
    "unknown cookie": b"# coding: nonsense\nprint(1)\n",
    "BOM and cookie": b"\xef\xbb\xbf# coding: latin-1\nprint(1)\n",
    "NUL": b"print(1)\nx = '\0'\n",
}


def python(*words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return forked_starts.run([sys.executable, *words], input=stdin)


@pytest.mark.sampled(5)
@pytest.mark.parametrize("what", BYTES)
def test_a_program_is_decoded_as_python_decodes_it(tmp_path: Path, what: str) -> None:
    """A file, standard input, `startup.py`, `:load` and `explain` read BOM and cookie alike."""
    program = tmp_path / "program.py"
    program.write_bytes(BYTES[what])
    expected = python(str(program)).stdout
    assert python("-m", "asyncrepl", str(program)).stdout == expected
    if what != "CR":  # a pipe is read line by line
        assert python("-m", "asyncrepl", "-", stdin=BYTES[what]).stdout == expected
    assert python("-m", "asyncrepl", "-c", f":load {program}").stdout.startswith(expected)
    assert python("-m", "asyncrepl", "explain", str(program)).stdout.startswith(expected)
    assert python("-m", "asyncrepl", "explain", stdin=BYTES[what]).stdout.startswith(expected)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("what", WRONG)
def test_what_is_no_source_is_refused_in_pythons_words(tmp_path: Path, what: str) -> None:
    """Python's SyntaxError and status 1; nothing has run, and no traceback of ours is shown."""
    program = tmp_path / "program.py"
    program.write_bytes(WRONG[what])
    expected, found = python(str(program)), python("-m", "asyncrepl", str(program))
    assert (found.stdout, found.returncode) == (b"", expected.returncode)
    assert b"SyntaxError: " in found.stderr
    assert what == "NUL" or str(program).encode() in found.stderr
    assert b"Traceback" not in found.stderr
    if what != "NUL":
        complaint = python("-m", "asyncrepl", "explain", str(program)).stderr
        assert b"is not text in UTF-8" in complaint or b"is no text: " in complaint


GETSOURCE = """\
import inspect, linecache
class A:
    x = 1
    def f(self): return 2

class B: y = 2

def deco(c): return c

@deco
class C(A):
    class D:
        z = 3

def make():
    class L: pass
    return L

{between}
for each in (A, B, C, C.D, make(), make, A.f): print(inspect.getsource(each), end="")

class A:
    x = 2

print(inspect.getsource(A), end="")
"""
FOUND = """\
class A:
    x = 1
    def f(self): return 2
class B: y = 2
@deco
class C(A):
    class D:
        z = 3
    class D:
        z = 3
    class L: pass
def make():
    class L: pass
    return L
    def f(self): return 2
class A:
    x = 2
"""


@pytest.mark.parametrize("between", ["", "linecache.clearcache()", "linecache.checkcache()"])
def test_the_source_of_what_was_typed_is_found(between: str) -> None:
    """`inspect.getsource` of functions and classes, the newest of a name, from memory."""
    finished = python("-m", "asyncrepl", stdin=GETSOURCE.format(between=between).encode())
    assert (finished.stdout.decode(), finished.stderr) == (FOUND, b"")


def test_tracebacks_keep_their_lines_without_the_cache() -> None:
    """After `linecache.clearcache()` a typed function's line is still shown."""
    text = b"import linecache\ndef f():\n    return 1/0  # here\n\nlinecache.clearcache()\nf()\n"
    assert b"return 1/0  # here" in python("-m", "asyncrepl", stdin=text).stderr


def test_what_has_no_source_is_refused_as_before() -> None:
    """A class made by `type`, one that was removed: Python's own errors."""
    code = "import inspect\nX = type('X', (), {})\ntry: inspect.getsource(X)\nexcept OSError as e: print('none')\n"
    assert python("-m", "asyncrepl", "-c", code).stdout == b"none\n"


def test_main_is_a_module_like_pythons(tmp_path: Path) -> None:
    """Pickle, dataclasses, hints, doctest, `import __main__` work with what a program defines."""
    code = """
import __main__, dataclasses, doctest, pickle, sys, typing
@dataclasses.dataclass
class P:
    x: "int"
def f():
    '''
    >>> f()
    1
    '''
    return 1
print(pickle.loads(pickle.dumps(P(3))), pickle.loads(pickle.dumps(f)) is f)
print(typing.get_type_hints(P), doctest.testmod(), __main__.P is P, __name__)
print(vars(__main__) is globals(), sys.modules["__main__"] is __main__)
"""
    program = tmp_path / "program.py"
    program.write_text(code + "print(__file__, type(__loader__).__name__, sys.argv)\n")
    for words in (["-c", code], [str(program), "a", "-b"]):
        expected = python(*words)
        assert expected.returncode == 0
        assert python("-m", "asyncrepl", *words).stdout == expected.stdout


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_program_may_start_processes(tmp_path: Path, method: str) -> None:
    """`multiprocessing` imports the program as under `python`, and its results come back."""
    program = tmp_path / "program.py"
    program.write_text(f"""
import multiprocessing
def square(x): return x * x
if __name__ == "__main__":
    with multiprocessing.get_context("{method}").Pool(1) as pool:
        print(pool.map(square, [3]))
""")
    finished = python("-W", "ignore", "-m", "asyncrepl", str(program))
    assert (finished.stdout, finished.stderr) == (b"[9]\n", b"")


def test_a_warning_shows_its_line_once() -> None:
    """A program's warning has its source line; one of the parser is given once in a pipe."""
    code = "import warnings; warnings.warn('careful')"
    shown = python("-m", "asyncrepl", "-c", code).stderr.decode()
    assert shown == f"<string>:1: UserWarning: careful\n  {code}\n"
    assert python("-m", "asyncrepl", stdin=b"x = 1 is 1\n").stderr.count(b"SyntaxWarning") == 1
