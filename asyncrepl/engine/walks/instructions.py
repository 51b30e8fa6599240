"""Being told of single instructions of code that is under way.

From Python 3.12 on ``sys.monitoring`` tells of those of one code object, in whatever
frame. Each is seen once and then switched off, but for the few that are wanted.

Python 3.11 has only ``sys.settrace``. That makes all code slower and is seen by the
program (``sys.gettrace()``), and a debugger or a coverage tool has it for itself. So it is
used where there is nothing else, only while somebody steps, only if nobody uses it, and only
the frames that were asked for are traced: the function for all others returns None at once.
"""

from __future__ import annotations

import sys
from opcode import opname
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType

    #: Called before an instruction: the frame, and the offset of the instruction.
    Told = Callable[[FrameType, int], object]

__all__ = ["Instructions", "instructions"]

_monitoring: Any = getattr(sys, "monitoring", None)
#: The numbers of tools that nobody has reserved.
_TOOLS = (4, 3)


class Instructions(Protocol):
    """Tells of instructions as they are reached; for the loop's thread."""

    #: Whether it is there only as long as somebody steps.
    dear: bool

    def watch(self, frame: FrameType, offsets: set[int]) -> bool:
        """Tell of those at `offsets` in `frame`; False where that cannot be."""

    def stop(self) -> None:
        """Tell of none any more."""


def instructions(told: Told) -> Instructions:
    """What this Python has for it; `told` is called."""
    return _Traced(told) if _monitoring is None else _Monitored(told)


class _Monitored:
    """By ``sys.monitoring``."""

    dear = False

    def __init__(self, told: Told) -> None:
        self._told = told
        self._tool: int | None = None
        #: id of a code object -> it, and the offsets wanted.
        self._codes: dict[int, tuple[CodeType, set[int]]] = {}

    def watch(self, frame: FrameType, offsets: set[int]) -> bool:
        if not self._has_tool():
            return False
        if id(frame.f_code) not in self._codes:
            self._codes[id(frame.f_code)] = frame.f_code, offsets
            _monitoring.set_local_events(self._tool, frame.f_code, _monitoring.events.INSTRUCTION)
        return True

    def stop(self) -> None:
        if self._tool is not None:
            for code, _ in self._codes.values():
                _monitoring.set_local_events(self._tool, code, 0)
            _monitoring.register_callback(self._tool, _monitoring.events.INSTRUCTION, None)
            _monitoring.free_tool_id(self._tool)
        self._tool = None
        self._codes.clear()

    def _has_tool(self) -> bool:
        free = [number for number in _TOOLS if _monitoring.get_tool(number) is None]
        if self._tool is None and free:
            self._tool = free[0]
            _monitoring.use_tool_id(self._tool, "asyncrepl")
            event = _monitoring.events.INSTRUCTION
            _monitoring.register_callback(self._tool, event, self._reached)
        return self._tool is not None

    def _reached(self, code: CodeType, offset: int) -> object:
        _, offsets = self._codes.get(id(code), (None, ()))
        if offset not in offsets:
            return _monitoring.DISABLE
        self._told(sys._getframe(1), offset)  # noqa: SLF001  the documented way
        return None


class _Traced:
    """By ``sys.settrace``."""

    dear = True

    def __init__(self, told: Told) -> None:
        self._told = told
        self._frames: dict[int, tuple[FrameType, set[int]]] = {}
        #: The ``id`` of the frame in which the last event was an exception.
        self._raised = 0
        # The very same object each time: so it is known whose function is set.
        self._of_frame = self._reached

    def watch(self, frame: FrameType, offsets: set[int]) -> bool:
        if sys.gettrace() not in (None, _no_frame) or frame.f_trace not in (None, self._of_frame):
            return False
        self._frames[id(frame)] = frame, offsets
        frame.f_trace = self._of_frame
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        sys.settrace(_no_frame)
        return True

    def stop(self) -> None:
        for frame, _ in [*self._frames.values()]:
            self._leave(frame)

    def _leave(self, frame: FrameType) -> None:
        del self._frames[id(frame)]
        if frame.f_trace is self._of_frame:
            frame.f_trace = None
            frame.f_trace_lines, frame.f_trace_opcodes = True, False
        if not self._frames and sys.gettrace() is _no_frame:
            sys.settrace(None)

    def _reached(self, frame: FrameType, event: str, _arg: object) -> object:
        if id(frame) not in self._frames:
            return None
        offset = frame.f_lasti
        if event == "opcode" and offset in self._frames[id(frame)][1]:
            self._told(frame, offset)
        elif event == "return" and not self._suspends(frame):
            self._leave(frame)  # or what it refers to would live on
        self._raised = id(frame) if event == "exception" else 0
        return self._of_frame

    def _suspends(self, frame: FrameType) -> bool:
        at_yield = opname[frame.f_code.co_code[frame.f_lasti]] == "YIELD_VALUE"
        return at_yield and self._raised != id(frame)


def _no_frame(*_: object) -> None:
    """Trace no frame but those that have a function of their own."""
