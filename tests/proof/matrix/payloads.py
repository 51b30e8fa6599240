"""What operands hold: the values that operations are meant to get."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PAYLOADS", "Payload"]


@dataclass(frozen=True)
class Payload:
    """An expression, whether it gives items, and the definitions that it needs."""

    expression: str
    items: bool = False
    define: str = ""


_ORDER = "class Order:\n    total = 7\n\n    def double(self):\n        return self.total * 2\n"
_SESSION = """\
class Session:
    async def __aenter__(self):
        return self

    async def __aexit__(self, *details):
        return None

    def send(self, text):
        return f"sent {text}"
"""
_PLAIN_SESSION = _SESSION.replace("async ", "").replace("__a", "__")
_JOB = "async def double(number):\n    await asyncio.sleep(0)\n    return number * 2\n"
_TICKS = "async def ticks():\n    for tick in range(2):\n        yield tick\n"

PAYLOADS = {
    "rows": Payload("[3, 1, 2]", items=True),
    "texts": Payload("['north', 'south']", items=True),
    "pairs": Payload("[('a', 1), ('b', 2)]", items=True),
    "points": Payload("[(2, 5)]", items=True),
    "nested": Payload("[[1, 2], [3]]", items=True),
    "flags": Payload("[True, False]", items=True),
    "empty": Payload("[]", items=True),
    "jobs": Payload("[double(1), double(2)]", items=True, define=_JOB),
    "number": Payload("4"),
    "zero": Payload("0"),
    "text": Payload("'north'"),
    "date": Payload("'2024-05-06'"),
    "json": Payload("'[1, 2]'"),
    "bytes": Payload("b'north'"),
    "record": Payload("{'id': 7}"),
    "object": Payload("Order()", define=_ORDER),
    "manager": Payload("Session()", define=_SESSION),
    "plain manager": Payload("Session()", define=_PLAIN_SESSION),
    "error class": Payload("KeyError"),
    "error": Payload("KeyError('gone')"),
    "function": Payload("abs"),
    "wrapper": Payload("functools.cache"),
    "stream": Payload("ticks()", define=_TICKS),
    "deed": Payload("print('saved')"),
}
