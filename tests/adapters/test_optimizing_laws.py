"""The laws of what is edited, converted and optimized, over the whole corpus of every engine."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.subjects import Subject, each_file, each_subject, lift_file
from conversions import ENGINES, outcomes_of, problem_of
from couler_plugins.ir import (
    Argument,
    Call,
    Literal,
    Operation,
    Step,
    Workflow,
    call_sites,
    callables,
    replace,
    without_origin,
)
from couler_plugins.ir.recursion import recursive
from couler_plugins.optimizers.dedupe import Dedupe
from couler_plugins.optimizers.prune import Prune
from couler_plugins.plan import Plan
from couler_plugins.testing import laws
from ir.interpreter import MissingValueError, run
from optimizers.running import CONTEXT
from support import own_files

every_file = pytest.mark.parametrize(("subject", "path"), each_file())
# KFP warns of itself when it loads what was written.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
    pytest.mark.sampled,
]


@pytest.mark.law(2)
@every_file
def test_the_edits_are_all_that_changes(subject: Subject, path: Path) -> None:
    laws.edits_are_all_that_changes(subject, path)


@pytest.mark.law(3)
@every_file
def test_each_other_engine_carries_it_or_refuses_by_name(subject: Subject, path: Path) -> None:
    for target in ENGINES:
        if target != subject.engine:
            assert [
                problem for item in outcomes_of(subject, path, target) if (problem := problem_of(item, target))
            ] == []


@pytest.mark.law(4)
@every_file
def test_what_is_optimized_computes_the_same(subject: Subject, path: Path) -> None:
    for _ in computed_alike(lift_file(subject, path)):
        pass


@pytest.mark.parametrize("subject", each_subject())
def test_enough_of_our_own_corpus_can_be_computed(subject: Subject) -> None:
    assert sum(any(computed_alike(lift_file(subject, path))) for path in own_files(subject.engine)) >= 20


def computed_alike(plan: Plan) -> Iterator[Workflow]:
    """The workflows of a plan that can be computed here; fails where one computes something else once optimized."""
    for passes in ((Dedupe(),), (Prune(),), (Prune(), Dedupe())):
        new = plan
        for one in passes:
            new = one.run(new, CONTEXT)
        for before, after in zip(plan.workflows, new.workflows, strict=True):
            entry = before.entry or entry_of(before)
            if not runs_here(replace(before, entry=entry)):
                continue
            aliases = same_operations(before)
            for failures in (0, 1):
                try:
                    old = run(replace(before, entry=entry), failures, aliases)
                except MissingValueError:  # of a run, which the judge does not know
                    break
                assert run(replace(after, entry=entry), failures, aliases) == old
            else:
                yield before


def entry_of(library: Workflow) -> Step:
    """A call of the first graph or operation of a library, with a text for each of its inputs."""
    callee = (*library.graphs, *library.operations)[0]
    given = [Argument(name=port.name, kind=port.kind, value=Literal(value=f"a {port.name}")) for port in callee.inputs]
    return Step(name="entry", call=Call(name=callee.name), arguments=tuple(given))


def runs_here(workflow: Workflow) -> bool:
    """Whether the judge can run it: all that is called is in it, and nothing calls itself."""
    sites = [site.step for site in call_sites(workflow)]
    known = callables(workflow)
    own = all(isinstance(step.call, Call) and step.call.name in known for step in sites)
    return own and not recursive(workflow)


def same_operations(workflow: Workflow) -> dict[str, str]:
    """For each operation the first one that differs in nothing but its name."""
    first: dict[Operation, str] = {}
    return {
        operation.name: first.setdefault(replace(operation, name=""), operation.name)
        for operation in without_origin(workflow).operations
    }


@pytest.mark.law(5)
@every_file
def test_twice_is_once(subject: Subject, path: Path, store: None) -> None:
    laws.twice_is_once(subject, path)


@pytest.mark.law(6)
@every_file
def test_every_change_has_a_decision(subject: Subject, path: Path, store: None) -> None:
    laws.every_change_has_a_decision(subject, path)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store for DAGs: nothing is run here, so it is never opened."""
    monkeypatch.setenv("AIRFLOW__COULER__CACHE_STORE", "memory://nowhere")
    logging.getLogger("couler_airflow").setLevel(logging.ERROR)
