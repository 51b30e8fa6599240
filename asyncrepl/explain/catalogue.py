"""All rules, in the order in which they are asked: the special before the general."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncrepl.explain.rules import (
    awaiting,
    coroutines,
    ending,
    generators,
    managers,
    over_classes,
    over_data,
    over_objects,
    plain_walks,
    protocol,
    scheduling,
    stepping,
    sync_scopes,
    word_order,
)

if TYPE_CHECKING:
    from asyncrepl.explain.rule import Rule

__all__ = ["RULES"]

RULES: tuple[Rule, ...] = (
    *word_order.RULES,
    *generators.RULES,
    *sync_scopes.RULES,
    *ending.RULES,
    *scheduling.RULES,
    *awaiting.RULES,
    *plain_walks.RULES,
    *coroutines.RULES,
    *managers.RULES,
    *over_objects.RULES,
    *stepping.RULES,
    *over_data.RULES,
    *over_classes.RULES,
    over_data.CLASS_RULE,
    over_objects.LAST_RULE,
    *protocol.RULES,
)
