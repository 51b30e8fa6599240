"""What Ctrl-C drops of what is typed ahead, at moments that a terminal cannot be held at."""

from __future__ import annotations

from collections import deque
from unittest.mock import MagicMock, Mock

import pytest
from prompt_toolkit.key_binding import KeyPress
from prompt_toolkit.keys import Keys

from asyncrepl.terminal.input_controller import InputController


@pytest.fixture
def modes() -> Mock:
    return Mock()


@pytest.fixture
def suspension() -> MagicMock:
    """Nobody else has the terminal."""
    suspension = MagicMock()
    suspension.__bool__.return_value = False
    return suspension


@pytest.fixture
def controller(modes: Mock, suspension: MagicMock) -> InputController:
    """A controller while a statement runs."""
    controller = InputController(Mock(), Mock(), Mock(), modes, Mock(), Mock())
    app = Mock()
    app.key_processor.input_queue = deque()
    controller.connect(app, suspension)
    controller.layout = controller.program_rows = Mock()
    controller.pause_keys = Mock(on=False, asking=False, takes=lambda _: False)
    controller._set_running(running=True)
    return controller


def type_ahead(controller: InputController, text: str) -> None:
    """What the terminal's thread does with keys that come: it reads, and keeps them."""
    controller.drop_waiting()
    controller.type_later([KeyPress(Keys.ControlM if key == "\r" else key) for key in text])


def test_only_what_was_read_before_the_signal_is_dropped(controller: InputController) -> None:
    """The terminal's thread may be busy when it comes, and read more before it drops anything."""
    type_ahead(controller, "before")
    controller.drop_typed_ahead()
    type_ahead(controller, "x\r")
    controller.drop_waiting()
    assert controller.take_line() == "x\n"


def test_what_the_terminal_holds_is_dropped_once(controller: InputController, modes: Mock) -> None:
    """A second look at the same Ctrl-C drops nothing."""
    controller.drop_typed_ahead()
    controller.drop_waiting()
    type_ahead(controller, "x\r")
    controller.drop_waiting()
    assert controller.take_line() == "x\n"
    modes.drop_input.assert_called_once_with()


def test_a_signal_that_is_handled_late_leaves_the_prompt_its_keys(
    controller: InputController, modes: Mock
) -> None:
    """Where the prompt is back by then, or just coming back, what waits to be read is its own."""
    modes.prompt.side_effect = controller.drop_typed_ahead
    controller._set_running(running=False)
    controller.drop_typed_ahead()
    modes.drop_input.assert_not_called()


def test_what_is_typed_for_a_program_that_has_the_terminal_is_not_dropped(
    controller: InputController, modes: Mock, suspension: MagicMock
) -> None:
    """A signal that is handled late would take what was typed after it; the kernel drops the rest."""
    suspension.__bool__.return_value = True
    controller.drop_typed_ahead()
    modes.drop_input.assert_not_called()


def test_a_ctrl_c_that_was_a_key_drops_what_was_before_it(
    controller: InputController, modes: Mock
) -> None:
    """The signal that it becomes drops nothing more; the next one does."""
    type_ahead(controller, "before")
    controller.type_later([KeyPress(Keys.ControlC), KeyPress("x"), KeyPress(Keys.ControlM)])
    controller.drop_typed_ahead()
    controller.drop_waiting()
    assert controller.take_line() == "x\n"
    modes.drop_input.assert_not_called()
    controller.drop_typed_ahead()
    modes.drop_input.assert_called_once_with()
