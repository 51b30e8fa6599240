"""Starts asyncrepl in a fork of a process that has imported it: three times as fast.

`ForkedProcess` is a `subprocess.Popen`, `ForkedSpawn` a `pexpect.spawn`. Both start truly what is
not ``python -m asyncrepl``, or has an environment in which the interpreter itself would be
another; so does everything where ``ASYNCREPL_TRUE_STARTS`` is set, and off Linux.
"""

from __future__ import annotations

import array
import ctypes
import json
import os
import socket
import subprocess
import sys
import termios
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pexpect
from ptyprocess import PtyProcess

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["ForkedProcess", "ForkedSpawn", "run"]

_COMMAND = [sys.executable, "-m", "asyncrepl"]
_TESTS = str(Path(__file__).parents[1])
#: No name is left in ``__main__`` that the program would find there.
_SERVER = f"""
import sys
del sys.path[0]
sys.path.insert(0, {_TESTS!r})
from support import fork_server
del sys.path[0]
asked = fork_server.serve(int(sys.argv[1]))
go_on = fork_server.go_on_as_program
del sys.modules["support"], sys.modules["support.fork_server"], fork_server, sys
if asked is not None:
    go_on(asked)
"""
_SET_CHILD_SUBREAPER = 36  # of prctl(2)
#: What the interpreter and the C library read from the environment, once, at the start.
_READ_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "MALLOC_", "TZ")


class _ForkServer:
    """The one server of this process, started when it is first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._environment = _environment_at_start(os.environ)

    def serves(self, command: Sequence[object], environment: Mapping[str, str]) -> bool:
        """Whether a fork is the same as a true start of `command`."""
        return (
            sys.platform == "linux"
            and "ASYNCREPL_TRUE_STARTS" not in os.environ
            and [str(each) for each in command[:3]] == _COMMAND
            and _environment_at_start(environment) == self._environment
        )

    def fork(
        self,
        command: Sequence[object],
        environment: Mapping[str, str],
        folder: str | None,
        fds: Sequence[int],
        *,
        terminal: bool,
    ) -> int:
        """Start `command` with `fds` as its standard streams; the process id of a child of ours."""
        request = {
            "words": [str(each) for each in command[3:]],
            "environment": dict(environment),
            "folder": folder or str(Path.cwd()),
            "terminal": terminal,
        }
        with self._lock:
            if self._socket is None:
                self._socket = self._started()
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))
            _adopt_orphans(True)
            try:
                self._socket.sendmsg([json.dumps(request).encode()], [rights])
                pid = int(self._socket.recv(64))
                assert self._socket.recv(64) == b"adopted"
            finally:
                _adopt_orphans(False)
        return pid

    def _started(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1024 * 1024)
        with theirs:
            subprocess.Popen(
                [sys.executable, "-c", _SERVER, str(theirs.fileno())],
                stdin=subprocess.PIPE,  # as in most children: a stream that cannot be sought in
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                env={**os.environ},
            )
        return ours


def _environment_at_start(environment: Mapping[str, str]) -> dict[str, str]:
    found = {k: v for k, v in environment.items() if k.startswith(_READ_AT_START)}
    if found.get("PYTHONIOENCODING") == "utf-8":  # as it is without
        del found["PYTHONIOENCODING"]
    return found


def _adopt_orphans(yes: bool) -> None:
    ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, int(yes), 0, 0, 0)


_server = _ForkServer()


class ForkedProcess(subprocess.Popen[Any]):
    """As `subprocess.Popen`."""

    def _execute_child(self, args: Any, *details: Any) -> None:
        """The one place at which Popen starts the program."""
        _, _, _, passed, folder, environment = details[:6]
        fds = [details[9], details[12], details[14]]  # the child's ends
        environment = os.environ if environment is None else environment
        if passed or -1 in fds or not _server.serves(args, environment):
            super()._execute_child(args, *details)  # type: ignore[misc]
            return
        self.pid = _server.fork(
            args, environment, folder and os.fspath(folder), fds, terminal=False
        )
        self._child_created = True
        self._close_pipe_fds(*details[9:15])  # type: ignore[attr-defined]


def run(
    command: Sequence[object],
    *,
    input: Any = None,  # noqa: A002 - as `subprocess.run` has it
    timeout: float | None = 60.0,
    **options: Any,
) -> subprocess.CompletedProcess[Any]:
    """As `subprocess.run` with ``capture_output``; the program is forked if that is the same."""
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with ForkedProcess(command, **{**streams, **options}) as process:
        try:
            out, err = process.communicate(input, timeout=timeout)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(command, process.returncode, out, err)


class ForkedSpawn(pexpect.spawn):
    """As `pexpect.spawn`; `found` are the terminal's settings before the program changes them."""

    found: list[Any]

    def _spawnpty(self, args: list[str], **options: Any) -> PtyProcess:
        environment = options.get("env") or os.environ
        if not _server.serves(args, environment):
            process = super()._spawnpty(args, **options)
            self.found = termios.tcgetattr(process.fd)
            return process
        terminal, programs = os.openpty()
        self.found = termios.tcgetattr(terminal)
        process = None
        try:
            rows, columns = options.get("dimensions") or (24, 80)
            PtyProcess.setwinsize.__globals__["_setwinsize"](terminal, rows, columns)
            pid = _server.fork(
                args, environment, options.get("cwd"), [programs] * 3, terminal=True
            )
            process = PtyProcess(pid, terminal)
        finally:
            os.close(programs)
            if process is None:
                os.close(terminal)
        return process
