"""All rules, in the order in which they are asked: the special before the general.

A rule module says what it has in ``RULES``; it is found because it stands in the package `rules`.
When a rule is asked is its `rank`. Most rules have none: they have that of their module, which is
its place in the list below, times ten. A rule of a module that is not in the list is asked last,
unless its own rank says otherwise.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from asyncrepl.runtime.lookups import module_names

if TYPE_CHECKING:
    from asyncrepl.explain.rule import Rule

__all__ = ["RULES"]

#: Where the order matters: a rule that would fit, too, but says less comes after the better one.
_ORDER = (
    "keyword_order",
    "misplaced_keywords",
    "misplaced_yields",
    "await_in_definitions",
    "sync_scopes",
    "next_in_thread",
    "timed_out_steps",
    "yield_in_limits",
    "iteration_end",
    "scheduling_calls",
    "no_loop",
    "entered_generators",
    "unclosed_generators",
    "wrong_states",
    "shared_generators",
    "class_steps",
    "special_methods",
    "coroutine_as_value",
    "unmade_steps",
    "unused_generators",
    "wrong_with",
    "missing_streams",
    "unrequested_items",
    "half_iterables",
    "operands",
    "wrong_protocol",
    "async_callbacks",
    "never_run",
    "exhausted_iterators",
    "endless_iterators",
    "left_generators",
    "forgotten_tasks",
    "blocking_loops",
    "endless_waits",
    "sequential_loops",
)
_RANKS = {name: rank * 10 for rank, name in enumerate(_ORDER)}
_LAST = 10 * len(_ORDER)


def _all_rules() -> tuple[Rule, ...]:
    ranked: list[tuple[int, Rule]] = []
    modules = module_names("asyncrepl.explain.rules")
    modules.sort(key=lambda name: _RANKS.get(name.rpartition(".")[2], _LAST))
    for module in modules:
        rank = _RANKS.get(module.rpartition(".")[2], _LAST)
        ranked += [
            (rank if rule.rank is None else rule.rank, rule)
            for rule in getattr(import_module(module), "RULES", ())  # some only help others
        ]
    ranked.sort(key=lambda pair: pair[0])  # of one rank, in the order of their modules
    return tuple(rule for _, rule in ranked)


RULES: tuple[Rule, ...] = _all_rules()
