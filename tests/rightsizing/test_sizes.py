"""New requests and limits of a container: rounded, within bounds, the same from the second time on."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest

from couler_plugins.ir import Container, Literal, Reference, Template, Value
from couler_plugins.rightsizing.attempts import Demand
from couler_plugins.rightsizing.rules import Rule
from couler_plugins.rightsizing.sizes import Targets, size_text, sized

MEBIBYTE = 2**20
NOTHING: Mapping[str, Any] = MappingProxyType({})
NO_RULE = Rule()
TARGETS = Targets(("memory", "cpu"), 0.0, 0.1, 3, {"min-memory": 64 * MEBIBYTE, "min-cpu": 0.01}, parameters=False)


def pairs(said: Mapping[str, Any]) -> tuple[tuple[str, Value], ...]:
    return tuple((name, item if isinstance(item, Value) else Literal(value=item)) for name, item in said.items())


def container(requests: Mapping[str, Any] = NOTHING, limits: Mapping[str, Any] = NOTHING) -> Container:
    return Container(image=Literal(value="a"), requests=pairs(requests), limits=pairs(limits))


def demand(mebibytes: float | None = None, cores: float | None = None, attempts: int = 9) -> Demand:
    memory = None if mebibytes is None else mebibytes * MEBIBYTE
    return Demand(attempts if memory else 0, attempts if cores else 0, 0, memory, memory, cores, attempts)


def said(old: Container, needed: Demand, rule: Rule = NO_RULE, targets: Targets = TARGETS) -> tuple[Any, Any]:
    """The requests and limits that a container gets; the same from the second time on."""
    new = sized(old, old, needed, rule, targets)
    again = sized(new.container, new.container, needed, rule, targets)
    assert again.container is new.container
    assert (new.container is old) == bool(new.container == old)
    requests, limits = (
        {name: getattr(item, "value", item) for name, item in written}
        for written in (new.container.requests, new.container.limits)
    )
    return requests, limits


def reasons(old: Container, needed: Demand, rule: Rule = NO_RULE, targets: Targets = TARGETS) -> tuple[str, ...]:
    return sized(old, old, needed, rule, targets).reasons


def test_memory_has_its_request_as_limit_and_cpus_have_none() -> None:
    assert said(container(), demand(300, 0.333)) == ({"cpu": "340m", "memory": "304Mi"}, {"memory": "304Mi"})


def test_too_large_requests_are_changed_like_missing_ones() -> None:
    old = container({"cpu": "4", "memory": "16Gi"}, {"memory": "32Gi"})
    assert said(old, demand(1500, 1.02)) == ({"cpu": "1050m", "memory": "1536Mi"}, {"memory": "1536Mi"})


@pytest.mark.parametrize(
    ("mebibytes", "text"),
    [(1, "64Mi"), (65, "80Mi"), (1023, "1Gi"), (1025, "1088Mi"), (9000, "9088Mi"), (16384, "16Gi")],
)
def test_memory_is_rounded_up(mebibytes: float, text: str) -> None:
    assert said(container(), demand(mebibytes)) == ({"memory": text}, {"memory": text})


@pytest.mark.parametrize(("cores", "text"), [(0.001, "10m"), (0.03, "30m"), (1, "1"), (1.01, "1050m"), (2, "2")])
def test_cpus_are_rounded_up(cores: float, text: str) -> None:
    assert said(container(), demand(None, cores)) == ({"cpu": text}, {})


def test_a_limit_of_cpus_stays_and_is_raised_where_more_is_requested() -> None:
    assert said(container({}, {"cpu": "2"}), demand(None, 0.5)) == ({"cpu": "500m"}, {"cpu": "2"})
    assert said(container({"cpu": "1"}, {"cpu": "2"}), demand(None, 3)) == ({"cpu": "3"}, {"cpu": "3"})


def test_a_request_that_follows_from_its_limit_is_not_written() -> None:
    assert said(container({}, {"memory": "8Gi"}), demand(1000)) == ({}, {"memory": "1008Mi"})


def test_small_changes_are_not_written() -> None:
    old = container({"cpu": "500m", "memory": "1Gi"}, {"memory": "1Gi"})
    assert reasons(old, demand(990, 0.46)) == ("its sizes are right within 10%",)
    assert said(old, demand(990, 0.46), targets=TARGETS._replace(change=0.0)) == (
        {"cpu": "460m", "memory": "992Mi"},
        {"memory": "992Mi"},
    )
    assert said(old, demand(900, 0.46)) == ({"cpu": "500m", "memory": "912Mi"}, {"memory": "912Mi"})
    assert reasons(old, demand(900, 0.46)) == ()


def test_a_small_change_is_written_where_the_limit_was_reached() -> None:
    old = container({"memory": "1Gi"}, {"memory": "1Gi"})
    reached = demand(1024)._replace(memory=1030.0 * MEBIBYTE)
    assert said(old, reached) == ({"memory": "1088Mi"}, {"memory": "1088Mi"})


def test_nothing_gets_less_where_attempts_failed_or_were_killed_at_limits_of_no_record() -> None:
    old = container({"cpu": "1", "memory": "1Gi"}, {"memory": "1Gi"})
    failed = demand(100, 0.1)._replace(completed=2)
    assert reasons(old, failed) == ("fewer than 3 attempts did not fail: these tell how much is too little",)
    assert said(container(), failed) == ({"cpu": "100m"}, {})
    assert said(old, demand(2000, 2)._replace(completed=0))[0] == {"cpu": "2", "memory": "2Gi"}
    killed = demand(500)._replace(unlimited=1)
    assert "an attempt may have been killed for memory, and no record says at which limit" in reasons(old, killed)
    assert "memory" not in said(container(), killed)[0]
    assert said(old, demand(2000)._replace(unlimited=1))[0]["memory"] == "2Gi"


def test_a_margin_is_added() -> None:
    assert said(container(), demand(1000), targets=TARGETS._replace(margin=0.5))[0] == {"memory": "1536Mi"}


def test_kept_limits_are_neither_changed_nor_exceeded_nor_added() -> None:
    keeps = Rule(keeps_limits=True)
    old = container({"cpu": "2", "memory": "2G"}, {"cpu": "2", "memory": "2G"})
    assert said(old, demand(500, 0.5), keeps) == ({"cpu": "500m", "memory": "512Mi"}, {"cpu": "2", "memory": "2G"})
    small = container({"memory": "100M"}, {"memory": "300M"})
    assert said(small, demand(5000), keeps) == ({"memory": "300M"}, {"memory": "300M"})
    assert said(container(), demand(500, 0.5), keeps) == ({"cpu": "500m", "memory": "512Mi"}, {})


def test_bounds_of_the_owner_hold() -> None:
    bounds = {"min-memory": 2.0**30, "max-memory": 2.0**32, "max-cpu": 2.0}
    assert said(container(), demand(100, 9), Rule(bounds=bounds))[0] == {"cpu": "2", "memory": "1Gi"}
    near = demand(4000)._replace(memory=5000.0 * MEBIBYTE)
    assert said(container(), near, Rule(bounds=bounds))[0] == {"memory": "4Gi"}
    odd = Rule(bounds={"max-memory": 1e9, "max-cpu": 0.3333})
    assert said(container(), demand(950, 9), odd) == ({"cpu": "333m", "memory": "953Mi"}, {"memory": "953Mi"})


def test_a_bound_below_what_was_used_would_kill_and_changes_nothing() -> None:
    old, rule = container({"memory": "8Gi"}, {"memory": "8Gi"}), Rule(bounds={"max-memory": 2.0**32})
    (reason, _) = reasons(old, demand(4097), rule)
    assert reason == "past attempts used more than the max-memory of its row, 4097Mi at most"


def test_what_the_run_fills_in_stays_with_its_name() -> None:
    parameter = Reference(to="input", kind="parameter", name="memory")
    old = container({"memory": Template(parts=(parameter, "Mi"))})
    (reason,) = reasons(old, demand(500, None), targets=TARGETS._replace(resources=("memory",)))
    assert reason == "its request of memory comes from memory, which only the run knows: change it there"
    assert "is '{{ params.m }}'" in reasons(container({"memory": "{{ params.m }}"}), demand(500))[0]
    assert said(old, demand(500), targets=TARGETS._replace(parameters=True))[0] == {"memory": "512Mi"}


def test_few_attempts_and_none_are_told_apart() -> None:
    assert reasons(container(), demand(500, attempts=2)) == (
        "fewer than 3 attempts tell its use of memory",
        "its use of cpu was not observed: `couler history fetch --prometheus URL` asks for it",
    )
    assert reasons(container(), Demand()) == (
        "its use of memory and cpu was not observed: `couler history fetch --prometheus URL` asks for it",
    )
    assert said(container(), demand(500, attempts=2)) == ({}, {})


def test_other_resources_stay() -> None:
    old = container({"nvidia.com/gpu": "1"}, {"nvidia.com/gpu": "1"})
    requests, limits = said(old, demand(500, 1))
    assert requests == {"cpu": "1", "memory": "512Mi", "nvidia.com/gpu": "1"}
    assert limits == {"memory": "512Mi", "nvidia.com/gpu": "1"}


@pytest.mark.parametrize(
    ("requests", "limits", "text"),
    [({}, {}, "none"), ({"cpu": "1"}, {}, "1/none"), ({}, {"cpu": "2"}, "2"), ({"cpu": "1"}, {"cpu": "2"}, "1/2")],
)
def test_sizes_are_told_in_short(requests: dict[str, str], limits: dict[str, str], text: str) -> None:
    assert size_text(container(requests, limits), "cpu") == text
