"""Partitioners are held to their contract wherever they are asked, and named where they break it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from couler_plugins.errors import InvalidInput, PluginFailure
from couler_plugins.hookspecs import Partitioner
from couler_plugins.hookspecs.dag import Budget, Dag
from couler_plugins.parallelism.check import ask_partitioner
from couler_plugins.plugins import PARTITIONERS
from pluginbox import PluginBox

DAG = Dag.of("abc", [[], [0], [1]], [1.0] * 3)


@dataclass(frozen=True)
class Odd(Partitioner):
    """Does what it is told."""

    name: ClassVar[str] = "odd"
    does: Callable[[], Any] = list

    def split(self, *_: Any) -> Any:
        return self.does()


@pytest.mark.parametrize(
    ("does", "message"),
    [
        (lambda: 1 / 0, "the partitioner 'odd' failed: ZeroDivisionError"),
        (lambda: None, "the partitioner 'odd' failed: TypeError"),
        (lambda: [0, 1], "2 labels for 3 steps"),
        (lambda: [0, 1, "2"], "the label of 'c' is '2', not a number"),
        (lambda: [0, True, 1], "the label of 'b' is True, not a number"),
        (lambda: [-1, 0, 0], "the label of 'a' is -1, not a number"),
        (lambda: [0, 1, 0], r"labels fall along the edge from 'b' \(part 1\) to 'c' \(part 0\)"),
        (lambda: [0, 0, 0], "part 0 takes 3 steps of at most 2"),
        (exit, "the partitioner 'odd' failed: SystemExit"),
    ],
)
def test_a_partitioner_that_breaks_its_contract_is_named(does: Callable[[], Any], message: str) -> None:
    with pytest.raises(PluginFailure, match=message):
        ask_partitioner(Odd(does), DAG, Budget(steps=2))


def test_one_that_keeps_it_is_believed() -> None:
    assert ask_partitioner(Odd(lambda: [0, 5, 5]), DAG, Budget(steps=2)).labels == (0, 5, 5)


def test_a_partitioner_is_named_with_its_options(plugin_box: PluginBox) -> None:
    plugin_box.declare("splitting", "couler_plugins.parallelism.plugin")
    plugins = plugin_box.load()
    assert not plugins.failed
    assert list(plugins.all(PARTITIONERS)) == ["bandpack", "critical-path", "levels"]
    found = plugins.parse(PARTITIONERS, "critical-path{launch=5,seed=3}")
    assert repr(found) == "CriticalPath(launch=5.0, part_weight=0.1, seed=3, effort=1.0)"
    for text, message in (
        ("bandpack,levels", "does not name one partitioner"),
        ("critical", "there is no partitioner 'critical'"),
        ("levels{x=1}", "has no option 'x'"),
        ("critical-path{launch=-1}", "'launch' is -1, and has to be from 0"),
    ):
        with pytest.raises(InvalidInput, match=message):
            plugins.parse(PARTITIONERS, text)
