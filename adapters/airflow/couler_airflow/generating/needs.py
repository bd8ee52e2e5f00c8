"""When a generated task may start: Argo's outcomes, which distinguish more, as upstream tasks and one trigger rule.

A rule is taken only where, for the outcomes that its upstream tasks can have at all, it starts the task in the same
cases, leaves it out in the same cases, and the run ends alike.

- Airflow has no `errored` and no `daemoned`: needs that tell errors from failures are refused, daemons are as well.
- Where the upstream tasks are needed in different ways, tasks in between (`Joint`s) succeed where one of these ways is
  met.
- A step whose needs are not met is `omitted` in Argo. Airflow says `upstream_failed`, or `skipped` where nothing
  failed: the latter is *hollow* here, and whoever needs such a task must treat both alike.
- Argo decides when everything that is needed has ended, Airflow at the first failure: what accepts all ends waits for
  everything before, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from couler_airflow.legal import refusal
from couler_plugins.ir import AnyOf, Need, Needs, conjuncts

ENDS = frozenset({"succeeded", "failed", "skipped", "omitted"})
SUCCESS = frozenset({"succeeded"})
FINE = frozenset({"succeeded", "skipped"})
FAILURE = frozenset({"failed", "omitted"})
RULES = (("all_success", SUCCESS), ("none_failed", FINE), ("all_done", ENDS), ("all_failed", FAILURE))
"""The trigger rules that are used, with what each accepts of every upstream task, the usual one first."""
SOME = "all_done_min_one_success"


@dataclass(frozen=True)
class Accepted:
    """What a step accepts: of each of some steps, one of these outcomes.

    Attributes:
        outcomes: by the name of the step.
        some: whether it is enough that one of the steps succeeded, once all of them have ended.
    """

    outcomes: dict[str, frozenset[str]] = field(default_factory=dict)
    some: bool = False


@dataclass(frozen=True)
class Wait:
    """An upstream task.

    Attributes:
        task: its number.
        accepted: the outcomes with which it lets others start.
        possible: the outcomes that it can have.
        hollow: whether it may be `skipped` where Argo has it `omitted`.
        several: whether it stands for several runs, which fail together if one of them does.
    """

    task: int
    accepted: frozenset[str]
    possible: frozenset[str]
    hollow: bool = False
    several: bool = False


@dataclass(frozen=True)
class Rule:
    """When a task starts.

    Attributes:
        name: the trigger rule.
        unmet: whether it may never start.
        hollow: whether it is then skipped although Argo omits it.
        after_failure: whether it may start although something failed.
    """

    name: str = "all_success"
    unmet: bool = False
    hollow: bool = False
    after_failure: bool = False


Before = Callable[[Wait], Sequence[Wait]]
Join = Callable[[Sequence[Wait], Rule], Wait]


ALWAYS = Rule()


def accepted(needs: Needs | None, step: str) -> Accepted:
    """What a step's needs accept.

    Raises:
        Unsupported: no trigger rule says that.
    """
    parts = conjuncts(needs)
    if len(parts) == 1 and isinstance(parts[0], AnyOf):
        options = [part for part in parts[0].needs if isinstance(part, Need)]
        names = dict.fromkeys(option.step for option in options)
        if len(names) == len(parts[0].needs) and all(_outcomes(option, step) == SUCCESS for option in options):
            return Accepted(dict.fromkeys(names, SUCCESS), some=True)
    outcomes_of: dict[str, frozenset[str]] = {}
    for part in parts:
        if not isinstance(part, Need):
            raise refusal("Step.needs", step, "has a dependency with OR or NOT")
        outcomes = _outcomes(part, step)
        outcomes_of[part.step] = outcomes_of.get(part.step, outcomes) & outcomes
    return Accepted(outcomes_of)


def _outcomes(need: Need, step: str) -> frozenset[str]:
    outcomes = set(need.outcomes) - {"daemoned"}
    if ("errored" in outcomes) is not ("failed" in outcomes):
        hint = f"accept {need.step}.Failed and {need.step}.Errored alike"
        if "errored" in outcomes:
            raise refusal("Step.needs", step, "tells errors from failures, which are one in Airflow", hint)
    outcomes.discard("errored")
    if outcomes - ENDS or not outcomes:
        raise refusal("Step.needs", step, f"waits for what Airflow does not have: {', '.join(need.outcomes)}")
    return frozenset(outcomes)


def rule_for(waits: Sequence[Wait], step: str, *, some: bool = False) -> Rule:
    """The trigger rule of a task with these upstream tasks.

    Raises:
        Unsupported: there is none that means the same.
    """
    if not waits:
        return Rule()
    if some:
        if any(wait.hollow or wait.several or "skipped" in wait.possible for wait in waits):
            raise refusal("Step.needs", step, "needs one success of several steps that may be skipped, or that loop")
        return Rule(SOME, unmet=True, after_failure=True)
    for name, wanted in RULES:
        if all(wait.accepted & wait.possible == wanted & wait.possible for wait in waits):
            return _judged(name, wanted, waits, step)
    raise refusal("Step.needs", step, "does not need the same of all steps before it")


def alike(waits: Sequence[Wait], step: str, before: Before, join: Join) -> tuple[list[Wait], Rule]:
    """Waits for tasks that all have to succeed, in place of waits that are met in different ways, and their rule.

    Args:
        waits: the waits.
        step: what waits.
        before: gives what a task waits for itself.
        join: adds a task that succeeds once others ended by a rule; gives the wait for it.

    Raises:
        Unsupported: no tasks in between can tell.
    """
    direct: dict[int, Wait] = {}
    ways: dict[tuple[str, int], list[Wait]] = {}
    pending, seen = list(waits), set[int]()
    while pending:
        wait = pending.pop(0)
        if wait.task in seen:
            continue
        seen.add(wait.task)
        rule = next((name for name, all_ in RULES if wait.accepted & wait.possible == all_ & wait.possible), "")
        if not rule and wait.accepted | {"omitted"} >= wait.possible:
            pending += before(wait)  # it was not left out: what it waited for itself is met
            wait, rule = replace(wait, accepted=ENDS), "all_done"  # the rest of it
        if not rule:
            raise refusal("Step.needs", step, "does not need the same of all steps before it")
        if rule == "all_success":
            direct[wait.task] = wait
        else:
            ways.setdefault((rule, wait.task if wait.accepted <= FAILURE else -1), []).append(wait)
    for members in ways.values():
        joint = join(members, rule_for(members, step))
        direct[joint.task] = joint
    waits = [direct[number] for number in sorted(direct)]
    late = any(rule in ("all_done", "all_failed") for rule, _ in ways)
    return waits, replace(rule_for(waits, step), after_failure=late)


def _judged(name: str, wanted: frozenset[str], waits: Sequence[Wait], step: str) -> Rule:
    unmet = any(wait.possible - wanted for wait in waits)
    if wanted == FAILURE:
        if len(waits) > 1 or waits[0].several or waits[0].hollow or "skipped" in waits[0].possible:
            raise refusal("Step.needs", step, "needs the failure of several steps, or of one that may be skipped")
        return Rule(name, unmet=True, hollow=True, after_failure=True)
    if any(wait.hollow and ("skipped" in wanted) is not ("omitted" in wanted) for wait in waits):
        raise refusal("Step.needs", step, "needs a step that Airflow skips where it would be omitted")
    hollow = name == "all_success" and any(wait.hollow or "skipped" in wait.possible for wait in waits)
    return Rule(name, unmet=unmet, hollow=hollow, after_failure=wanted == ENDS)
