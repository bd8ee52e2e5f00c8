"""Trigger rules in terms of outcomes that other engines have, too, and when a task may be left out.

Airflow's `failed` is everybody's `failed` or `errored`. Where rules are not met, Airflow says `upstream_failed` or
`skipped`, and others say `omitted`. Which of these it is, is told by whether something before it failed.

A task that chooses, stops others or skips itself succeeds elsewhere, and tells by an output what that means for those
after it: they have conditions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from couler_airflow.portable.legality import refuse
from couler_airflow.portable.tasks import PASSES, SKIPPED
from couler_plugins.ir import (
    AnyOf,
    Expression,
    Need,
    Needs,
    Reference,
    all_of,
    needed,
)

FAILED = ("errored", "failed")
NONE_FAILED = ("none_failed", "none_failed_min_one_success")
STRICT = ("all_success", *NONE_FAILED)
"""The rules that pass failures on, and skip otherwise."""
SOFT = (*STRICT, "all_done", "always", "all_done_setup_success")
"""The rules for which a task that skipped itself is as good as one that succeeded, but for `all_success`."""
SETUP = "all_done_setup_success"
ENDS = frozenset({"succeeded", "failed", "errored", "skipped", "omitted"})


@dataclass
class Deciding:
    """Which tasks decide over others.

    Attributes:
        choices: by the task that chooses: the output that lets a task run, by that task.
        stops: the tasks that may stop those after them; whether all of these, or those right after them.
        skips: the tasks that may skip themselves.
    """

    choices: dict[str, Mapping[str, str]] = field(default_factory=dict)
    stops: dict[str, bool] = field(default_factory=dict)
    skips: set[str] = field(default_factory=set)


class Rules:
    """When the tasks of a DAG start.

    Args:
        tasks: the tasks by their ids, each behind those before it.
        deciding: which of them decide over others.

    Attributes:
        sure: the tasks that have succeeded wherever a task runs, by that task.
    """

    def __init__(self, tasks: Mapping[str, Any], order: Sequence[str], deciding: Deciding) -> None:
        self._tasks = tasks
        self._deciding = deciding
        self._rules = {
            name: str(getattr(item.trigger_rule, "value", item.trigger_rule)) for name, item in tasks.items()
        }
        self._conditions: dict[str, dict[tuple[str, str], str]] = {name: {} for name in tasks}
        self._misses: dict[str, bool] = {}
        self._omits: dict[str, bool] = {}
        self.sure: dict[str, set[str]] = {}
        self._decide()
        for name in order:
            self._look_at(name)

    def _before(self, name: str) -> list[str]:
        return sorted(self._tasks[name].upstream_task_ids)

    def _decide(self) -> None:
        """Give tasks the conditions that those before them decide."""
        for name, outputs in self._deciding.choices.items():
            for task, output in outputs.items():
                self._conditions[task][name, output] = "true"
        for name, is_deep in self._deciding.stops.items():
            direct = self._tasks[name].downstream_task_ids
            reached = self._tasks[name].get_flat_relative_ids(upstream=False) if is_deep else direct
            for task in reached:
                rule = self._rules[task]
                if not self._tasks[task].is_teardown and (task in direct or rule != "all_success"):
                    self._conditions[task][name, PASSES] = "true"
        for name in self._deciding.skips:
            for task in self._tasks[name].downstream_task_ids:
                if self._rules[task] == "all_success":
                    self._conditions[task][name, SKIPPED] = "false"

    def _look_at(self, name: str) -> None:
        """Find out when a task does not run, although nothing failed."""
        rule, before = self._rules[name], self._before(name)
        missing = [self._misses[other] for other in before]
        self._omits[name] = {
            "all_success": any(missing),
            "none_failed_min_one_success": bool(missing) and all(missing),
            "one_success": bool(missing) and all(missing),
            "one_done": bool(missing) and all(missing),
            "all_done_min_one_success": bool(missing) and all(missing),
            "none_skipped": any(missing),
            "all_failed": True,
            "one_failed": True,
            "all_skipped": True,
            SETUP: any(self._misses[other] for other in before if self._tasks[other].is_setup),
        }.get(rule, False)
        self._misses[name] = self._omits[name] or bool(self._conditions[name])
        certain = {
            other
            for other in before
            if rule == "all_success"
            or (rule in NONE_FAILED and not self._misses[other])
            or (rule == SETUP and self._tasks[other].is_setup)
        }
        self.sure[name] = certain.union(*(self.sure[other] for other in certain))
        for other, _ in self._conditions[name]:
            if other in self.sure[name]:
                continue
            if rule not in NONE_FAILED or self._misses[other]:
                reason = f"may run where {other!r}, which decides over it, has not (trigger rule {rule})"
                raise refuse("Step.needs", name, reason)
            self.sure[name].add(other)

    def condition(self, name: str) -> Expression | None:
        """What has to hold of a task, beside what it waits for."""
        parts: list[str | Reference] = []
        for (other, output), value in sorted(self._conditions[name].items()):
            parts += [Reference(to="output", kind="parameter", step=other, name=output), f" == '{value}' && "]
        ending = str(parts[-1]).removesuffix(" && ") if parts else ""
        return Expression(language="cel", parts=(*parts[:-1], ending)) if parts else None

    def needs(self, name: str, read: Collection[str]) -> Needs | None:
        """What a task waits for.

        Args:
            name: the task.
            read: the tasks whose results it reads.

        Raises:
            Unsupported: other engines would start it in other cases, or it reads what may not be there.
        """
        rule, before = self._rules[name], self._before(name)
        for other in before:
            if other in self._deciding.skips and rule not in SOFT:
                raise self._refusal(name, f"asks by {rule} for {other!r}, which may skip itself")
        for other in sorted(read):
            if other not in self.sure[name]:
                reason = f"reads an XCom of {other!r}, which may not be there"
                raise refuse("Step.arguments", name, reason, "let it need the success of what it reads from")
        parts = [*self._by_rule(name, rule, before)]
        direct = {need.step for part in parts for need in needed(part)}
        wanted = {*read, *(other for other, _ in self._conditions[name])}
        return all_of([*parts, *(Need(step=other) for other in sorted(wanted - direct))])

    def _refusal(self, name: str, reason: str) -> Exception:
        return refuse("Step.needs", name, reason)

    def _by_rule(self, name: str, rule: str, before: Sequence[str]) -> Iterator[Needs]:
        match rule:
            case "always":
                return
            case "all_success":
                yield from (Need(step=other) for other in before)
            case "all_done" | "all_done_setup_success" | "all_done_min_one_success":
                for other in before:
                    is_asked = rule == SETUP and self._tasks[other].is_setup
                    yield Need(step=other) if is_asked else Need(step=other, outcomes=tuple(sorted(ENDS)))
            case "none_failed" | "none_failed_min_one_success":
                for other in before:
                    yield from self._not_failed(name, other)
            case "one_failed":
                yield _any(Need(step=other, outcomes=self._failed(name, other)) for other in before)
            case "all_failed" if len(before) == 1:
                yield Need(step=before[0], outcomes=self._failed(name, before[0]))
            case "one_done":
                yield _any(Need(step=other, outcomes=("errored", "failed", "succeeded")) for other in before)
            case "none_skipped" if not any(self._misses[other] for other in before):
                yield from (Need(step=other, outcomes=tuple(sorted(ENDS - {"skipped"}))) for other in before)
            case "one_success":
                pass
            case _:
                raise self._refusal(name, f"has the trigger rule {rule}")
        lasting = all(not self._misses[other] for other in before) and rule == "none_failed_min_one_success"
        if rule.endswith("one_success") and before and not lasting:
            yield _any(Need(step=other) for other in before)

    def _not_failed(self, name: str, other: str) -> Iterator[Needs]:
        """What holds where a task has neither failed nor been left out for a failure."""
        if not self._misses[other]:
            yield Need(step=other)
        elif not self._omits[other]:
            yield Need(step=other, outcomes=("skipped", "succeeded"))
        else:
            if self._rules[other] not in STRICT:
                reason = f"waits for {other!r}, of which nobody else knows why it did not run"
                raise self._refusal(name, reason)
            yield Need(step=other, outcomes=("omitted", "skipped", "succeeded"))
            for before in self._before(other):
                yield from self._not_failed(name, before)

    def _failed(self, name: str, other: str) -> tuple[str, ...]:
        if self._misses[other]:
            raise self._refusal(name, f"waits for the failure of {other!r}, which may also be skipped")
        return (*FAILED, "omitted")


def _any(needs: Iterator[Need]) -> Needs:
    parts = tuple(needs)
    return parts[0] if len(parts) == 1 else AnyOf(needs=parts)


class Targets(NamedTuple):
    """The tasks that the outcome of a run is that of.

    Attributes:
        work: those that fail the run where they fail.
        idle: the teardowns that do not; they hide no failure before them, either.
    """

    work: tuple[str, ...]
    idle: tuple[str, ...]


def targets_of(tasks: Mapping[str, Any]) -> Targets | None:
    """Return what the outcome of a run is that of; None where that is all tasks at the end."""
    idle = {name for name, item in tasks.items() if item.is_teardown and not item.on_failure_fail_dagrun}
    work = tuple(name for name, item in tasks.items() if name not in idle and {*item.downstream_task_ids} <= idle)
    return Targets(work, tuple(name for name in tasks if name in idle)) if idle else None
