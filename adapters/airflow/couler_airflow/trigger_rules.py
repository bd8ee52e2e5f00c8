"""Airflow's trigger rules as boolean expressions over the outcomes of upstream tasks, and back."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from couler_plugins.errors import Unsupported
from couler_plugins.ir import AnyOf, Need, Needs, all_of, conjuncts, needed

DEFAULT = "all_success"
FAILED = ("failed", "omitted")
"""`omitted` is Airflow's upstream_failed."""
ENDED = ("failed", "omitted", "skipped", "succeeded")

Outcomes = tuple[str, ...] | None
RULES: Mapping[str, tuple[Outcomes, Outcomes]] = {
    "all_success": (("succeeded",), None),
    "all_failed": (FAILED, None),
    "all_done": (ENDED, None),
    "all_done_min_one_success": (("failed", "omitted", "succeeded"), ("succeeded",)),  # a skip is none of its ends
    "all_done_setup_success": (ENDED, None),
    "one_success": (None, ("succeeded",)),
    "one_failed": (None, FAILED),
    "one_done": (None, ("failed", "succeeded")),
    "none_failed": (("skipped", "succeeded"), None),
    "none_skipped": (("failed", "omitted", "succeeded"), None),
    "none_failed_min_one_success": (("skipped", "succeeded"), ("succeeded",)),
    "all_skipped": (("skipped",), None),
    "always": (None, None),
}
"""For each trigger rule: the outcomes that all upstream tasks need, and those that at least one needs."""


def needs_of(rule: str, upstream: Collection[str], setups: Collection[str]) -> Needs | None:
    """What a task waits for.

    Args:
        rule: its trigger rule.
        upstream: the ids of the tasks before it.
        setups: the ids of all setup tasks.

    Raises:
        Unsupported: Airflow has got a rule that is not known here.
    """
    if rule not in RULES:
        hint = "this version of couler-plugins is older than this Airflow"
        raise Unsupported(f"the trigger rule {rule!r} is unknown", engine="airflow", feature="trigger_rule", hint=hint)
    every, some = RULES[rule]
    names = sorted(upstream)
    parts: list[Needs] = [Need(step=name, outcomes=every) for name in names] if every else []
    if some and names:
        parts.append(AnyOf(needs=tuple(Need(step=name, outcomes=some) for name in names)))
    if rule == "all_done_setup_success":
        parts += [Need(step=name) for name in names if name in setups]
    return all_of(parts)


def rule_of(needs: Needs | None, current: str, setups: Collection[str]) -> tuple[str, set[str]]:
    """The trigger rule, and the upstream tasks, with which a task waits for just this.

    Args:
        needs: what it is to wait for.
        current: its present rule, which stays where it can.
        setups: the ids of all setup tasks.

    Raises:
        Unsupported: no trigger rule says that.
    """
    upstream = {need.step for need in needed(needs)}
    wanted = _canonical(needs)
    for rule in (current, *RULES):
        if _canonical(needs_of(rule, upstream, setups)) == wanted:
            return rule, upstream
    raise Unsupported(
        "no trigger rule says when this task may start",
        engine="airflow",
        feature="Step.needs",
        hint="a trigger rule asks the same of all upstream tasks, and one thing of at least one of them",
    )


def _canonical(needs: Needs | None) -> frozenset[object]:
    """An expression whose order does not count."""
    return frozenset(_parts(needs))


def _parts(needs: Needs | None) -> Iterator[object]:
    for part in conjuncts(needs):
        yield frozenset(part.needs) if isinstance(part, AnyOf) else part
