"""A process that has imported what a session needs, and forks for each start of asyncrepl.

Most of the processor time of a short run is spent on imports. The child goes on as the program
itself, through ``runpy`` as ``python -m asyncrepl`` does, with the arguments, the environment, the
folder and the descriptors that were asked for. Its parent is who asked: it is forked twice, and
the asker is the "subreaper" meanwhile.

What differs from a true start: modules are loaded already, and at the end they are left to the
kernel, not taken apart one by one. Tests of what is loaded, and when, of the options and variables
of the interpreter and of the user's folder therefore start truly.

Run by `support.forked_starts`; imports of the standard library only, before those of asyncrepl.
"""

from __future__ import annotations

import array
import atexit
import fcntl
import gc
import json
import os
import runpy
import signal
import socket
import sys
import termios
import threading
import weakref
from contextlib import suppress
from importlib import import_module
from pkgutil import walk_packages

__all__ = ["go_on_as_program", "serve"]

_MESSAGE_SIZE = 256 * 1024
_ASKED_FDS = 3


def serve(fd: int) -> dict[str, object] | None:
    """Answer requests at the socket `fd`, until it is closed: None is returned then.

    In each child that is forked, its request is returned.
    """
    _preload()
    asker = socket.socket(fileno=fd)
    while True:
        text, ancillary, _, _ = asker.recvmsg(_MESSAGE_SIZE, socket.CMSG_SPACE(_ASKED_FDS * 4))
        if not text:
            return None
        fds = array.array("i")
        for _level, _kind, data in ancillary:
            fds.frombytes(data)
        pid = os.fork()
        if pid == 0:
            between = os.getpid()
            if child := os.fork():
                asker.send(str(child).encode())
                os._exit(0)
            while os.getppid() == between:  # a program may ask who its parent is
                os.sched_yield()
            asker.close()
            request: dict[str, object] = json.loads(text)
            _take(fds, terminal=bool(request["terminal"]))
            return request
        for each in fds:
            os.close(each)
        os.waitpid(pid, 0)
        asker.send(b"adopted")  # the child's parent is the asker now


def _preload() -> None:
    """Import what sessions import at some time, and have the collector never look at it.

    Pygments' tables, too, for which it compiles a hundred regular expressions.
    """
    import asyncrepl
    from asyncrepl.terminal.own_modules import module_names
    from asyncrepl.views.styled_lines import python_lexer

    ours = [each.name for each in walk_packages(asyncrepl.__path__, "asyncrepl.")]
    for name in (*ours, *module_names()):
        # Some are of one Python only; pytest's is not for us, and the last one is the program.
        if name not in {"asyncrepl.transcript.pytest_plugin", "asyncrepl.__main__"}:
            with suppress(ImportError):
                import_module(name)
    python_lexer()
    gc.collect()
    gc.freeze()


def _take(fds: array.array[int], *, terminal: bool) -> None:
    """Have `fds` as standard input, output and error; with a `terminal` in a session of its own."""
    if terminal:
        os.setsid()
        fcntl.ioctl(fds[0], termios.TIOCSCTTY, 0)
    for number, each in enumerate(fds):
        os.dup2(each, number)
    os.closerange(_ASKED_FDS, 256)
    # Where a Python forgets that; what asks for the processor time of a thread needs it.
    threading.main_thread()._set_native_id()  # type: ignore[attr-defined]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for stream in (sys.stdout, sys.__stdout__):
        stream.reconfigure(line_buffering=stream.isatty())  # type: ignore[union-attr]


def go_on_as_program(request: dict[str, object]) -> None:
    """Become ``python -m asyncrepl WORDS``; leaves with `SystemExit`, as that does."""
    words, environment = request["words"], request["environment"]
    assert isinstance(words, list)
    assert isinstance(environment, dict)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(str(request["folder"]))
    sys.path.insert(0, str(request["folder"]))
    sys.argv = ["-m", *words]
    sys.orig_argv = [sys.executable, "-m", "asyncrepl", *words]
    loaded = set(sys.modules)
    try:
        runpy._run_module_as_main("asyncrepl")  # type: ignore[attr-defined]
    except SystemExit as leaving:
        if type(leaving.code) is not int:
            raise
        code = leaving.code
    _end(code, loaded)


def _end(code: int, loaded: set[str]) -> None:
    """End as the interpreter does, but for the modules that were `loaded` before the program ran.

    To take these apart copies all the memory that is shared with the server, and takes longer
    than most programs. Where a stream cannot be written to, the interpreter itself says so.
    """
    with suppress(KeyboardInterrupt):  # it says so, and goes on
        threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    with suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
        _take_apart([name for name in sys.modules if name not in loaded or name == "__main__"])
        os._exit(code & 0xFF)
    sys.exit(code)


def _take_apart(names: list[str]) -> None:
    """Forget the modules, and empty those that somebody still holds."""
    left = [weakref.ref(sys.modules.pop(name)) for name in names]
    gc.collect()
    for each in reversed(left):
        if (module := each()) is not None:
            vars(module).clear()
    gc.collect()
    for stream in (sys.__stdout__, sys.__stderr__):
        stream.flush()  # type: ignore[union-attr]
