"""Errors that a library has caught and written to its log are explained like others."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from support.shells import typed_shell

if TYPE_CHECKING:
    import pytest
    from support.shells import Typed

#: A library that calls a function of the user's and logs what it raises: here `concurrent.futures`.
FUTURE = "import concurrent.futures\nfuture = concurrent.futures.Future()\nfuture.set_result(1)\n"
ROWS = "async def rows():\n    yield 1\n"
HANDLER = "def handle(done):\n    for row in rows():\n        print(row)\n"


def test_what_a_library_logs_is_explained(
    type_in: Typed, caplog: pytest.LogCaptureFixture
) -> None:
    """After its log."""
    type_in(FUTURE)
    type_in(ROWS)
    type_in(HANDLER)
    shown = type_in("future.add_done_callback(handle)")
    assert "why  `rows()` is an async generator" in shown
    assert "async def handle" not in shown  # nobody would await it
    assert [record.name for record in caplog.records] == ["concurrent.futures"]


def test_what_the_program_logs_itself_may_be_expected(type_in: Typed) -> None:
    """It has caught the error, and knows what it does."""
    type_in(ROWS)
    shown = type_in(
        "import logging\ntry:\n    list(rows())\nexcept TypeError:\n"
        "    logging.getLogger('mine').exception('as expected')\n"
    )
    assert "why" not in shown


def test_a_logged_error_of_another_kind_is_left_alone(type_in: Typed) -> None:
    """It says itself what it is."""
    type_in(FUTURE)
    shown = type_in("future.add_done_callback(lambda done: {}['x'])")
    assert "why" not in shown


def test_the_factory_is_given_back(caplog: pytest.LogCaptureFixture) -> None:
    """And what the program has built on ours goes on, without us."""
    before = logging.getLogRecordFactory()
    with typed_shell() as type_in:
        type_in(FUTURE)
        type_in(ROWS)
        type_in(HANDLER)
        own = logging.getLogRecordFactory()
        logging.setLogRecordFactory(partial(own))
        namespace = dict(type_in.shell.session.namespace)
    try:
        namespace["future"].add_done_callback(namespace["handle"])
        assert [record.name for record in caplog.records] == ["concurrent.futures"]
        assert type_in.shown() == ""
    finally:
        logging.setLogRecordFactory(before)
