"""Fusing of real workflows, and of our own, as if their engines ran anything in one pod: whole and the same twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.subjects import ARGO, TEKTON, lift_file
from benchmarks.fuse import AnyPod
from couler_plugins.fusion.optimizer import Fuse
from couler_plugins.hookspecs.fusing import FUSED_STEPS, Chain, Fused
from couler_plugins.ir import GraphView, Native, PodSizes, callables, replace, verify
from couler_plugins.ir.merging import Surroundings
from couler_plugins.ir.walk import written_inline
from couler_plugins.plan import Plan
from fusion.toy_pods import Asked, Pods, row
from support import own_files, shared_files

pytestmark = pytest.mark.sampled


class Anything(Pods):
    """An engine that runs anything in one pod, whatever workflow it is of."""

    def fusing(self, workflow: Any, plan: Any) -> Any:
        return Marked()

    def pod_sizes(self, workflow: Any, operation: Any) -> PodSizes:
        is_pod = operation is not None and operation.kind == "pod"
        return PodSizes(annotations={FUSED_STEPS: "a,b"} if is_pod else {})


class Marked(AnyPod):
    def fuse(self, chain: Chain) -> Fused:
        pod = super().fuse(chain)
        return pod._replace(operation=replace(pod.operation, native_extra=Native.of({FUSED_STEPS: "a,b"})))


def fused_twice(plan: Plan, asked: Any) -> Plan:
    after = Fuse(keep_original=False).run(plan, asked)
    assert Fuse(keep_original=False).run(after, asked).workflows == after.workflows
    return after


@pytest.mark.parametrize(
    ("subject", "path"),
    [
        *((ARGO, path) for path in own_files("argo")),
        *((TEKTON, path) for path in own_files("tekton")),
    ],
)
def test_our_own_workflows_stay_whole(subject: Any, path: Path) -> None:
    check(subject, path)


@pytest.mark.parametrize("path", shared_files("corpus/argo", "**/*.yaml"))
def test_workflows_of_argo_stay_whole(path: Path) -> None:
    check(ARGO, path)


@pytest.mark.parametrize("path", shared_files("corpus/tekton", "**/*.yaml"))
def test_workflows_of_tekton_stay_whole(path: Path) -> None:
    check(TEKTON, path)


def test_our_own_workflows_have_chains() -> None:
    plans = [check(subject, path) for subject, name in ((ARGO, "argo"), (TEKTON, "tekton")) for path in own_files(name)]
    chains = [item.action for plan in plans for item in plan.decisions if item.action]
    assert len(chains) >= 10, chains


def check(subject: Any, path: Path) -> Plan:
    plan = lift_file(subject, path)
    names = {step.name for workflow in plan.workflows for graph in workflow.graphs for step in graph.steps}
    said = [row(name, idempotent=True, allow=["timeout", "files"]) for name in sorted(names) if name]
    asked: Any = Asked(Anything(), said=said)
    after = fused_twice(plan, asked)
    done = {(item.workflow, item.subject) for item in after.decisions if item.action}
    for old, new in zip(plan.workflows, after.workflows, strict=True):
        if not any(workflow == old.label for workflow, _ in done):
            assert new == old
        if verify(old):
            continue
        assert verify(new) == []
        for graph in new.graphs:
            view = GraphView(graph, written_inline(callables(new)))
            assert not view.cycle()
            assert Surroundings(view).links is not None
    return after
