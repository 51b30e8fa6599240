"""All rules, in the order in which they are asked: the special before the general."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncrepl.explain.rules import (
    awaiting,
    closing,
    consumers,
    coroutines,
    definitions,
    ending,
    generators,
    keywords,
    managers,
    over_classes,
    over_data,
    over_objects,
    over_sources,
    plain_walks,
    protocol,
    scheduling,
    sharing,
    special_methods,
    states,
    stepping,
    steps_of_classes,
    sync_scopes,
    timeouts,
    unwalked,
    word_order,
)

if TYPE_CHECKING:
    from asyncrepl.explain.rule import Rule

__all__ = ["RULES"]

RULES: tuple[Rule, ...] = (
    *word_order.RULES,
    *keywords.RULES,
    *generators.RULES,
    *definitions.RULES,
    *sync_scopes.RULES,
    *timeouts.RULES,
    *ending.RULES,
    *scheduling.RULES,
    *closing.RULES,
    *states.RULES,
    *sharing.RULES,
    *awaiting.RULES,
    *consumers.RULES,
    *plain_walks.RULES,
    *special_methods.RULES,
    *coroutines.RULES,
    *unwalked.RULES,
    *managers.RULES,
    *over_objects.RULES,
    *over_sources.RULES,
    *stepping.RULES,
    *over_data.RULES,
    *over_classes.RULES,
    over_data.CLASS_RULE,
    over_objects.LAST_RULE,
    *protocol.RULES,
    *steps_of_classes.RULES,
)
