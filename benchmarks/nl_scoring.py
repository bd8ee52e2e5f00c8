"""How near a workflow is to the one that is right, and how often one of several is."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from benchmarks.nl_task import ENGINES, Task, failed
from couler_plugins.cli.generated import manifest
from couler_plugins.driver.rewrite import Session
from couler_plugins.driver.session import session
from couler_plugins.errors import CoulerError
from couler_plugins.generation.composition import compose
from couler_plugins.generation.form import Form, FormStep
from couler_plugins.generation.scope import Scope, read_reference, reads
from couler_plugins.generation.types import text_of
from couler_plugins.generation.validation import validate
from couler_plugins.hookspecs import CatalogueStep
from couler_plugins.options.config import load_config
from couler_plugins.plugins import Plugins, load_plugins

__all__ = ["Score", "edges", "is_equal", "mean", "pass_at", "plugins", "score", "takers"]


@dataclass(frozen=True)
class Score:
    """What an answer is worth; by itself that of one that is no workflow.

    Attributes:
        of: the engines of the task.
        engines: those of them that take it, and whose lint finds no error.
        node_f1: over what its steps use.
        edge_f1: over pairs of that.
        equal: whether it is the same graph: what steps use, their conditions, fan-outs and retries, and all edges.
        properties: whether all that has to hold does.
    """

    of: tuple[str, ...]
    engines: tuple[str, ...] = ()
    node_f1: float = 0.0
    edge_f1: float = 0.0
    equal: bool = False
    properties: bool = False

    @property
    def valid(self) -> bool:
        """Whether every engine of the task takes it."""
        return self.engines == self.of

    @property
    def passed(self) -> bool:
        """Whether it is right: valid, with the properties, and the same graph."""
        return self.valid and self.equal and self.properties


def score(form: Form, task: Task, catalogue: Mapping[str, CatalogueStep]) -> Score:
    """The score of a form for a task."""
    if validate(form, catalogue):
        return Score(of=task.engines)
    uses = {step.name: step.use for step in form.steps}
    right = {step.name: step.use for step in task.oracle.steps}
    takes = takers(form, catalogue)
    return Score(
        of=task.engines,
        engines=tuple(engine for engine in task.engines if engine in takes),
        node_f1=_f1(uses.values(), right.values()),
        edge_f1=_f1(_pairs(form, uses), _pairs(task.oracle, right)),
        equal=is_equal(form, task.oracle),
        properties=not failed(task, form),
    )


def takers(form: Form, catalogue: Mapping[str, CatalogueStep]) -> tuple[str, ...]:
    """The engines that take a form without problems. Inputs that have no value are given one, as a run does it."""
    try:
        missing = [port.name for port in compose(form, catalogue).parameters if port.value is None]
        workflow = compose(form, catalogue, dict.fromkeys(missing, "s3://bucket/folder"))
    except CoulerError:
        return ()
    found: list[str] = []
    for engine, text in ENGINES.items():
        try:
            made = manifest(workflow, _session(text))
        except CoulerError:
            continue
        if not any(finding.severity == "error" for finding in made.findings):
            found.append(engine)
    return tuple(found)


def edges(form: Form) -> set[tuple[str, str]]:
    """Pairs of steps of which the second waits for the first; without needs that follow from the others."""
    scope = Scope(form, {})
    data = {
        (reference.producer, step.name)
        for step in form.steps
        for _, text in reads(step)
        if (reference := read_reference(text)) is not None and reference.producer
    }
    needs = {(name, step.name) for step in form.steps for name in step.needs} - data

    def follows(before: str, after: str) -> bool:
        others = [one for one, other in data | needs if other == after and one != before]
        return any(before in scope.ancestors.get(other, ()) for other in others)

    return data | {pair for pair in needs if not follows(*pair)}


def is_equal(one: Form, other: Form) -> bool:
    """Whether two forms are the same graph, whatever their steps are called."""
    import rustworkx

    if sorted(map(_label, one.steps)) != sorted(map(_label, other.steps)) or len(edges(one)) != len(edges(other)):
        return False
    return bool(rustworkx.is_isomorphic(_digraph(one), _digraph(other), node_matcher=lambda a, b: a == b))


def pass_at(count: int, right: int, k: int) -> float:
    """The chance that one of `k` answers is right, of which `right` of `count` were: unbiased (Chen et al., 2021)."""
    if k > count:
        raise ValueError(f"{k} of {count} answers")
    return 1.0 if count - right < k else 1 - math.comb(count - right, k) / math.comb(count, k)


@cache
def plugins() -> Plugins:
    """What is installed."""
    return load_plugins(load_config())


@cache
def _session(to: str) -> Session:
    return session(load_config(), plugins(), to=to)


def _label(step: FormStep) -> tuple[str, ...]:
    """What makes steps different, whatever they are called."""
    when = (step.when.op, text_of(step.when.right)) if step.when is not None else ("", "")
    over = ",".join(sorted(map(text_of, step.over))) if isinstance(step.over, tuple) else str(step.over is not None)
    return (step.use, *when, over, str(step.retries))


def _digraph(form: Form) -> Any:
    import rustworkx

    digraph: Any = rustworkx.PyDiGraph()
    numbers = {step.name: digraph.add_node(_label(step)) for step in form.steps}
    digraph.add_edges_from_no_data([(numbers[one], numbers[other]) for one, other in sorted(edges(form))])
    return digraph


def _pairs(form: Form, uses: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(uses[one], uses[other]) for one, other in edges(form)]


def _f1(found: Iterable[Any], right: Iterable[Any]) -> float:
    mine, theirs = Counter(found), Counter(right)
    total = mine.total() + theirs.total()
    return 2 * (mine & theirs).total() / total if total else 1.0


def mean(values: Sequence[float]) -> float:
    """The mean, 0 of nothing."""
    return sum(values) / len(values) if values else 0.0
