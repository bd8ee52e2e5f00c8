"""Policies are held to their contract wherever they are asked, and named where they break it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from benchmarks.baselines import POLICIES
from couler_plugins.errors import InvalidInput, PluginFailure
from couler_plugins.hookspecs import CachePolicy
from couler_plugins.plugins import registry
from couler_plugins.plugins.registry import ask_policy, online_policy
from couler_plugins.runs import Candidate, History, Run, StepRun
from pluginbox import PluginBox

CANDIDATES = [Candidate(key=key, bytes=10, seconds=1.0) for key in "abc"]


@dataclass(frozen=True)
class Odd(CachePolicy):
    """Does what it is told."""

    name: ClassVar[str] = "odd"
    does: Callable[[], Any] = set

    def keep(self, *_: Any) -> Any:
        return self.does()


@pytest.mark.parametrize(
    ("does", "message"),
    [
        (lambda: 1 / 0, "the policy 'odd' failed: ZeroDivisionError"),
        (lambda: ["a"], "returned list, not a set of keys"),
        (lambda: {"x"}, "kept what is no candidate: x"),
        (lambda: {"a", "b"}, "kept 20 bytes of at most 15"),
    ],
)
def test_a_policy_that_breaks_its_contract_is_named(does: Callable[[], Any], message: str) -> None:
    with pytest.raises(PluginFailure, match=message):
        ask_policy(Odd(does), CANDIDATES, 15, History())


def test_one_that_keeps_it_is_believed() -> None:
    assert ask_policy(Odd(lambda: frozenset("a")), CANDIDATES, 15, History()) == {"a"}
    assert ask_policy(Odd(lambda: set("abc")), CANDIDATES, None, History()) == set("abc")


@pytest.mark.parametrize("kind", POLICIES, ids=lambda kind: kind.name)
def test_runs_that_failed_say_nothing(kind: type[CachePolicy]) -> None:
    """A workflow that failed before its first step is the newest of its family, and no reason to fail."""
    step = StepRun(step="s", type="t", spec="s", key="a", seconds=1.0, bytes=10)
    empty = Run(family="f", steps=())
    failed = Run(family="f", steps=(step,) * 2, whole=False)
    history = History([Run(family="f", steps=(step,)), empty, failed], live=[empty])
    same = History([Run(family="f", steps=(step,))])
    assert ask_policy(kind(), CANDIDATES, 25, history) == ask_policy(kind(), CANDIDATES, 25, same)


@pytest.mark.parametrize(
    "kind", [kind for kind in POLICIES if kind.name not in ("none", "helix")], ids=lambda kind: kind.name
)
def test_what_nobody_knows_the_time_of_is_kept_while_there_is_room(kind: type[CachePolicy]) -> None:
    """So an evictor whose history is gone evicts no more than it has to; the rule of HELIX alone says otherwise."""
    unknown = [Candidate(key=key, bytes=10) for key in "abcdefghij"]
    assert len(ask_policy(kind(), unknown, 95, History())) == 9
    one = Run(family="f", steps=(StepRun(step="s", type="t", spec="s", key="a", seconds=60.0, bytes=10),))
    assert len(ask_policy(kind(), unknown, 95, History([one]))) == 9


def test_a_policy_is_named_with_its_options(plugin_box: PluginBox) -> None:
    plugin_box.declare("caches", "couler_plugins.caching.plugin")
    plugin_box.declare("baselines", "benchmarks.baselines.plugin")
    plugins = plugin_box.load()
    assert repr(plugins.parse(registry.POLICIES, "paper{rho=0.5}")) == "Paper(alpha=1.5, beta=1.0, hops=None, rho=0.5)"
    for text, message in (
        ("lru,scr", "does not name one cache policy"),
        ("", "does not name one cache policy"),
        ("lrv", "there is no cache policy 'lrv'"),
        ("lru{x=1}", "has no option 'x'"),
        ("paper{rho=2}", "'rho' is 2, and has to be from 0 to 1"),
    ):
        with pytest.raises(InvalidInput, match=message):
            plugins.parse(registry.POLICIES, text)


def test_a_policy_that_calls_exit_does_not_end_us() -> None:
    def leave() -> None:
        raise SystemExit(0)

    with pytest.raises(PluginFailure, match="SystemExit"):
        ask_policy(Odd(leave), CANDIDATES, 15, History())


def test_a_policy_that_does_not_say_who_decides_online_is_named() -> None:
    class Silent(Odd):
        def online(self) -> CachePolicy:
            raise RuntimeError("no")

    with pytest.raises(PluginFailure, match="the policy 'odd' failed: RuntimeError: no"):
        online_policy(Silent())
