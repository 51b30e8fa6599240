from __future__ import annotations

import asyncio
import threading

import pytest

from asyncrepl.terminal.output_queue import OutputQueue, Piece, Place
from asyncrepl.terminal.terminal_streams import LeasedInput, QueueStream


def taken(queue: OutputQueue) -> str:
    """The text of all that is queued."""
    return "".join(piece.text for piece in queue.take(everything=True))


def test_order_is_the_order_of_writes() -> None:
    """Text comes out as it went in, whoever wrote it."""
    queue = OutputQueue()
    out, err = QueueStream(queue), QueueStream(queue, "<stderr>", 2)
    print("a", file=out)
    print("b", file=err)
    out.buffer.write(b"c\n")
    out.writelines(["d", "\n"])
    assert taken(queue) == "a\nb\nc\nd\n"


@pytest.mark.parametrize("text", ["x" * 50 + "\n", "\n" * 11])
def test_a_writer_waits_while_the_queue_is_full(text: str) -> None:
    """Over the limit, in characters or in lines, put returns only after take."""
    queue = OutputQueue(max_chars=40, max_lines=10)
    written = threading.Event()
    woken = threading.Semaphore(0)
    queue.listen(lambda _complete: woken.release())

    def write() -> None:
        queue.write(text)
        written.set()

    thread = threading.Thread(target=write)
    thread.start()
    woken.acquire()
    assert queue.pressing
    assert not written.is_set()
    assert taken(queue) == text
    thread.join(5)
    assert written.is_set()


def test_the_consumer_itself_never_waits() -> None:
    """The thread that takes text out may also put some in."""
    queue = OutputQueue(max_chars=4)
    queue.listen(lambda _complete: None)
    queue.write("much more than four")
    assert taken(queue) == "much more than four"


def test_what_children_wrote_comes_before_what_is_written_after_it() -> None:
    """The children's pipe is looked into before text is queued."""
    queue = OutputQueue()
    said = ["child\n"]
    queue.watch_children(lambda: said.pop() if said else "")
    queue.write("parent\n")
    assert taken(queue) == "child\nparent\n"


def test_a_bypass_first_gets_what_is_queued() -> None:
    """The order holds when the terminal is lent, and afterwards."""
    queue, direct = OutputQueue(), []
    queue.write("a")
    queue.bypass(lambda pieces: direct.extend(piece.text for piece in pieces))
    queue.write("b\n")
    queue.bypass(None)
    queue.write("c")
    assert (direct, taken(queue)) == (["a", "b\n"], "c")


def test_beside_a_program_lines_stay_whole() -> None:
    """Text and newline of a `print` come in two pieces; a program may write between them."""
    queue, direct = OutputQueue(), []
    queue.listen(lambda _complete: None)
    queue.bypass(lambda pieces: direct.extend(piece.text for piece in pieces))
    queue.write("tick")
    assert direct == []
    queue.write("\n")
    assert direct == ["tick\n"]


def test_beside_a_program_a_prompt_is_shown_without_a_newline() -> None:
    """At once when it is flushed, else as soon as it has waited long enough for its end."""
    queue, direct, woken = OutputQueue(), [], []
    queue.listen(woken.append)
    queue.bypass(lambda pieces: direct.extend(piece.text for piece in pieces))
    queue.write("name? ")
    queue.flush()
    assert direct == ["name? "]
    queue.write("age? ")
    assert woken[-1:] == [False]
    while queue.waiting:
        queue.queue_overdue()
    assert direct == ["name? ", "age? "]


def test_a_line_that_is_shown_before_its_end_is_still_being_written() -> None:
    """A thread that is not scheduled between two arguments of `print` has not finished its row."""
    queue = OutputQueue()
    queue.write("a")
    assert taken(queue) == "a"
    assert queue.has_begun()
    queue.write(" b\n")
    assert not queue.has_begun()
    queue.write("spinner")
    queue.flush()  # it is to be seen as it is
    assert not queue.has_begun()


def test_writing_inside_of_writing_does_not_lock() -> None:
    """A finalizer or a signal handler that prints while its thread is in put gets through."""
    queue = OutputQueue()

    def children() -> str:
        if not entered:
            entered.append(True)
            queue.write("inner\n")
        return ""

    entered: list[bool] = []
    queue.watch_children(children)
    queue.write("outer\n")
    assert taken(queue) == "inner\nouter\n"


def test_streams_look_like_a_terminal() -> None:
    """Programs that ask get the answers of a terminal's stream."""
    stream = QueueStream(OutputQueue())
    assert stream.isatty()
    assert stream.fileno() == 1
    assert stream.encoding == "utf-8"
    stream.close()
    assert not stream.closed
    assert stream.write("still open") == 10
    with pytest.raises(TypeError, match="must be str, not bytes"):
        stream.write(b"")  # type: ignore[arg-type]


def test_input_comes_in_lines() -> None:
    """readline, iteration and read take lines until an empty one."""
    lines = iter(["one\n", "two\n", "", "three\n", ""])
    stream = LeasedInput(lambda: next(lines))
    assert stream.readline(2) == "on"
    assert list(stream) == ["e\n", "two\n"]
    assert stream.read() == "three\n"


def test_what_the_foreground_left_unfinished_ends_with_it() -> None:
    """Also for a line that comes before anybody has said that it is over; of no other task's."""

    async def half() -> None:
        queue.write("59 %")
        queue.flush()

    async def main(*, foreground: bool) -> list[Piece]:
        task = asyncio.create_task(half())
        if foreground:
            queue.foreground = lambda: task
        await task
        queue.write("tick\n")
        return queue.take()

    for foreground, place in (True, Place.AFTER), (False, Place.FLOW):
        queue = OutputQueue()
        pieces = asyncio.run(main(foreground=foreground))
        assert [text for _, text in pieces] == (
            ["59 %", "tick\n"] if foreground else ["59 %tick\n"]
        )
        assert pieces[-1].place is place
