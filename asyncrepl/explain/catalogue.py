"""All rules, in the order in which they are asked: the special before the general."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncrepl.explain.rules import (
    blocking,
    closing,
    coroutines,
    definitions,
    dropping,
    ending,
    forgotten_tasks,
    generators,
    handing,
    hanging,
    keywords,
    leaving,
    managers,
    never_ending,
    no_loop,
    operands,
    over_classes,
    over_sources,
    protocol,
    scheduling,
    sharing,
    special_methods,
    states,
    steps_of_classes,
    sync_scopes,
    taking_turns,
    timeouts,
    unmade_steps,
    unwalked,
    walked_again,
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
    *no_loop.RULES,
    *closing.RULES,
    *states.RULES,
    *sharing.RULES,
    *special_methods.RULES,
    *coroutines.RULES,
    *unmade_steps.RULES,
    *unwalked.RULES,
    *managers.RULES,
    *over_sources.RULES,
    *over_classes.RULES,
    *operands.RULES,
    *protocol.RULES,
    *steps_of_classes.RULES,
    *handing.RULES,
    *dropping.RULES,
    *walked_again.RULES,
    *never_ending.RULES,
    *leaving.RULES,
    *forgotten_tasks.RULES,
    *blocking.RULES,
    *hanging.RULES,
    *taking_turns.RULES,
)
