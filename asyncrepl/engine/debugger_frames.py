"""Debuggers stop, and show frames, in code of the user's and of libraries only.

Whoever starts them: ``pdb.set_trace()`` stands in a statement, and the next that is called is what
shows its value. So it is `bdb` that is changed, when it is imported.
"""

from __future__ import annotations

import functools
import sys
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

from asyncrepl.engine.code_owner import is_ours, is_plumbing, runs_callbacks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import FrameType, TracebackType

    #: Of a module that is imported, one below it, and to whom that is given before.
    Watched = Mapping[str, tuple[str, Callable[[Any], object]]]

#: What runs statements and programs.
_STATEMENTS = __file__.replace("debugger_frames", "statements")


class _FirstImports:
    """A finder for ``sys.meta_path`` that finds nothing, but sees modules imported."""

    def __init__(self, watched: Watched) -> None:
        self._watched = dict(watched)

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> None:
        """Have what ``import NAME`` needs prepared, once."""
        if name in self._watched:
            below, prepare = self._watched.pop(name)
            with suppress(ImportError):
                prepare(import_module(below))


@contextmanager
def first_imports_seen(watched: Watched) -> Iterator[None]:
    """Before a `watched` module is imported in the block, one below it is given to a function.

    At once if it is there already. To import that at the start would cost those who have no use
    for it.
    """
    finder: Any = _FirstImports(watched)
    for name in [each for each in watched if each in sys.modules]:
        finder.find_spec(name)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        if finder in sys.meta_path:  # the user may have changed that
            sys.meta_path.remove(finder)


@contextmanager
def debuggers_kept_out() -> Iterator[None]:
    """Within the block debuggers leave out the tool's own frames, and Ctrl-C to the session."""
    replaced: list[tuple[Any, str, Any]] = []

    def prepare(bdb: Any) -> None:
        for name, changed in _CHANGED_METHODS.items():
            original = getattr(bdb.Bdb, name)
            replaced.append((bdb.Bdb, name, original))
            setattr(bdb.Bdb, name, functools.wraps(original)(changed(original)))

    try:
        with first_imports_seen({"pdb": ("bdb", prepare)}):
            yield
    finally:
        for owner, name, original in replaced:
            setattr(owner, name, original)


def _leaving_interrupts(reset: Callable[..., None]) -> Callable[..., None]:
    """It begins so. When the program goes on, `pdb` takes SIGINT unless it is told not to."""

    def leaving(self: Any) -> None:
        self.nosigint = True
        reset(self)

    return leaving


def _stopping_elsewhere(stop_here: Callable[..., bool]) -> Callable[..., bool]:
    def stops(self: Any, frame: FrameType) -> bool:
        return not is_ours(frame.f_code.co_filename) and stop_here(self, frame)

    return stops


def _leaving_out_calls(dispatch: Callable[..., Any]) -> Callable[..., Any]:
    """Nor does it stop where the tool calls others, but for the statement itself."""

    def dispatched(self: Any, frame: FrameType, value: Any) -> Any:
        begun = self.botframe is not None and not self.break_anywhere(frame)
        return None if begun and _is_called_by_tool(frame) else dispatch(self, frame, value)

    return dispatched


def _is_called_by_tool(frame: FrameType | None) -> bool:
    while frame is not None and not runs_callbacks(frame.f_code):
        if is_ours(frame.f_code.co_filename):
            return frame.f_code.co_filename != _STATEMENTS
        frame = frame.f_back
    return False


def _ending_with_statement(dispatch: Callable[..., Any]) -> Callable[..., Any]:
    """As under ``python``, stepping ends with the statement: beyond it is the machinery."""

    def dispatched(self: Any, frame: FrameType, value: Any) -> Any:
        answer = dispatch(self, frame, value)
        if _ends_statement(frame):
            self.set_continue()
        return answer

    return dispatched


def _ends_statement(frame: FrameType) -> bool:
    """Whether the outermost frame of the user's returns, and is not only suspended."""
    import dis

    caller, code = frame.f_back, frame.f_code
    if caller is None or not is_ours(caller.f_code.co_filename) or is_plumbing(code.co_filename):
        return False
    return dis.opname[code.co_code[frame.f_lasti]] in {"RETURN_VALUE", "RETURN_CONST"}


def _without_machinery(get_stack: Callable[..., Any]) -> Callable[..., Any]:
    """A program that runs begins where the tool, or a loop, has called it."""

    def shortened(self: Any, frame: FrameType | None, trace: TracebackType | None) -> Any:
        stack, index = get_stack(self, frame, trace)
        codes = [each.f_code for each, _ in stack[:index]] if trace is None else []
        callers = [
            at
            for at, code in enumerate(codes, 1)
            if runs_callbacks(code) or is_ours(code.co_filename)
        ]
        begin = callers[-1] if callers else 0
        return stack[begin:], index - begin

    return shortened


#: Those of `bdb.Bdb`, and what makes another of each.
_CHANGED_METHODS: dict[str, Callable[[Any], Any]] = {
    "reset": _leaving_interrupts,
    "stop_here": _stopping_elsewhere,
    "dispatch_call": _leaving_out_calls,
    "dispatch_return": _ending_with_statement,
    "get_stack": _without_machinery,
}
