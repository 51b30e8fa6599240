"""Threads that `threading` does not list."""

from __future__ import annotations

import _thread
import queue
import threading

import pytest

from asyncrepl.engine.loop import hidden_threads


@pytest.mark.parametrize("books", [True, False])
def test_a_thread_that_is_not_listed_is_noticed(
    monkeypatch: pytest.MonkeyPatch, books: bool
) -> None:
    """It may wake a loop; but ours do not, which are not listed either."""

    def refused(_: object) -> None:
        raise OSError

    if not books:
        monkeypatch.setattr(hidden_threads.os, "listdir", refused)
    began: queue.SimpleQueue[None] = queue.SimpleQueue()
    stops: list[queue.SimpleQueue[None]] = [queue.SimpleQueue() for _ in range(2)]
    before = hidden_threads.has_unlisted_threads()
    ours = hidden_threads.HiddenThread(stops[0].get, "asyncrepl test")
    ours.start()
    assert ours not in threading.enumerate()
    assert hidden_threads.has_unlisted_threads() == before
    _thread.start_new_thread(lambda: (began.put(None), stops[1].get()), ())
    began.get()
    assert hidden_threads.has_unlisted_threads()
    for each in stops:
        each.put(None)
    ours.join()
    assert not ours.is_alive()
