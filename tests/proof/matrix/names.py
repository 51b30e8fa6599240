"""Names as people give them, drawn by chance: no rule can know them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

__all__ = ["Names"]

_THINGS = """
order invoice ticket sensor reading price parcel booking message tenant ledger sample frame
quote badge recipe voyage comet lantern harbor meadow orchard signal packet chapter verse
stanza glacier pebble falcon otter lichen tariff payroll roster fixture widget gasket valve
turbine ingot cobalt amber quartz basalt delta fjord lagoon canyon prairie tundra monsoon
"""
_VERBS = "fetch load read scan poll query collect receive gather_up pull list_all watch"
_CLASSES = ("Client", "Store", "Feed", "Gateway", "Reader", "Archive", "Service", "Desk")

#: The placeholders that lead to an operand: its function or class, that under another name, its
#: owner, its module, its variable, a box around it, who gives it, what it is assigned to.
_OPERANDS = "fkoMvyqast"


class Names(dict[str, str]):
    """What stands for each placeholder of a template: a name is invented when first asked for.

    ``f`` is a function or a class, ``g`` a function, ``C`` and ``H`` are classes, ``M`` is a
    module; anything else is a plain noun. All differ, and none is a name of Python's.
    """

    def __init__(self, chance: Random, *, of_class: bool) -> None:
        """`of_class`: ``f`` is a class."""
        super().__init__()
        self._chance = chance
        self._things = _THINGS.split()
        chance.shuffle(self._things)
        self._of_class = of_class

    def __missing__(self, letter: str) -> str:
        thing = self._things.pop()
        if letter.isupper() or (letter in ("f", "k") and self._of_class):
            thing = thing.capitalize() + self._chance.choice(_CLASSES)
        elif letter in ("f", "k", "g"):
            thing = self._chance.choice(
                (f"{self._chance.choice(_VERBS.split())}_{thing}", thing + "s")
            )
        if letter == "M":
            thing = thing.lower()
        self[letter] = thing
        return thing

    @property
    def of_operand(self) -> frozenset[str]:
        """The names by which a program calls its operand."""
        return frozenset(self[letter] for letter in _OPERANDS if letter in self)
