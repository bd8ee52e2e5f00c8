"""What the pods of steps have of their nodes, on each engine."""

from __future__ import annotations

from textwrap import dedent

import pytest

from conversions import plugins
from couler_plugins import lift
from couler_plugins.costs.estimate import Reservation
from couler_plugins.costs.pods import Site, reservation, sites_of
from couler_plugins.inputs.sources import Text
from couler_plugins.plan import Plan
from couler_plugins.runs import Attempt
from couler_plugins.runs.usage import ContainerUse

GIB = 2**30
TASK = """
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: build}
spec:
  stepTemplate: {computeResources: {requests: {cpu: 250m}}}
  steps:
    - {name: fetch, image: git, computeResources: {requests: {memory: 1Gi}}}
    - {name: make, image: make, computeResources: {requests: {cpu: "2", memory: 3Gi}, limits: {memory: 4Gi}}}
  sidecars: [{name: docker, image: docker, computeResources: {requests: {cpu: 500m}}}]
"""
WITH_SIDECAR = (
    "container: {image: a, resources: {requests: {cpu: 1}}}, "
    "sidecars: [{name: s, image: c, resources: {requests: {cpu: 2}}}]"
)


def sites(*texts: str) -> tuple[Plan, dict[str, Site]]:
    """The plan of some files, and the calls of the first workflow."""
    plan = lift([Text(dedent(text), f"{number}.yaml") for number, text in enumerate(texts)], plugins=plugins())
    return plan, sites_of(plan.workflows[0], plan.homes, plan.libraries)


def pod(plan: Plan, site: Site, *uses: ContainerUse) -> Reservation:
    """The pod of a call, by the name that its containers have in the workflow, and what one attempt used."""
    containers = site.operation.containers if site.operation is not None else ()
    names = [container.name or "main" for container in containers]
    return reservation(site, plan.homes, names, [Attempt(containers=uses)])


def argo(spec: str, **more: str) -> str:
    template = {"metadata": "{name: one}", "entrypoint": "work", **more}
    return f"""
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {template["metadata"]}
spec:
  entrypoint: {template["entrypoint"]}
  arguments: {{parameters: [{{name: size, value: 3Gi}}]}}
  templates:
    - {{name: work, {spec}}}
"""


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("container: {image: a, resources: {requests: {cpu: 250m, memory: 2Gi}}}", Reservation(0.25, 2 * GIB)),
        ("container: {image: a, resources: {limits: {cpu: 2, memory: 1Gi}}}", Reservation(2.0, GIB)),
        (
            "container: {image: a, resources: {requests: {cpu: 1}, limits: {cpu: 2, memory: 1Gi}}}",
            Reservation(1.0, GIB),
        ),
        ("container: {image: a, resources: {requests: {memory: 1Gi}}}", Reservation(None, GIB)),
        ("container: {image: a}", Reservation()),
        (
            "container: {image: a, resources: {requests: {cpu: 1}, limits: {nvidia.com/gpu: 2}}}",
            Reservation(1.0, None, 2.0),
        ),
        (
            f"initContainers: [{{name: i, image: b, resources: {{requests: {{cpu: 4}}}}}}], {WITH_SIDECAR}",
            Reservation(4.0),
        ),
        (WITH_SIDECAR, Reservation(3.0)),
    ],
)
def test_requests_of_argo(spec: str, expected: Reservation) -> None:
    plan, found = sites(argo(spec))
    assert pod(plan, found["work"]) == expected


def test_a_use_above_the_request_counts_and_one_below_does_not() -> None:
    plan, found = sites(argo("container: {image: a, resources: {requests: {cpu: 1, memory: 2Gi}}}"))
    use = ContainerUse(container="main", cpu=0.5, memory=3 * GIB)
    assert pod(plan, found["work"], use) == Reservation(1.0, 3 * GIB)


def test_what_requests_nothing_counts_with_its_use() -> None:
    plan, found = sites(argo("container: {image: a}"))
    assert pod(plan, found["work"], ContainerUse(container="main", cpu=0.5, memory=GIB)) == Reservation(0.5, GIB)


def test_a_request_that_the_run_fills_in_is_that_of_past_runs() -> None:
    spec = 'container: {image: a, resources: {requests: {cpu: 1, memory: "{{workflow.parameters.size}}"}}}'
    plan, found = sites(argo(spec))
    assert pod(plan, found["work"]) == Reservation(1.0, None)
    recorded = ContainerUse(container="main", cpu_request=7.0, memory_request=3 * GIB, memory=GIB)
    assert pod(plan, found["work"], recorded) == Reservation(1.0, 3 * GIB)


def test_one_unknown_request_makes_the_pod_unknown() -> None:
    sidecar = 'sidecars: [{name: s, image: c, resources: {requests: {cpu: "{{workflow.parameters.size}}"}}}]'
    plan, found = sites(argo(f"container: {{image: a, resources: {{requests: {{cpu: 1}}}}}}, {sidecar}"))
    assert pod(plan, found["work"]) == Reservation()


def test_the_steps_of_a_task_of_tekton_ask_each() -> None:
    """A pipeline calls the Task of another file; what its stepTemplate says holds for each step that says nothing."""
    pipeline = """
    apiVersion: tekton.dev/v1
    kind: Pipeline
    metadata: {name: ci}
    spec: {tasks: [{name: build, taskRef: {name: build}}, {name: other, taskRef: {name: elsewhere}}]}
    """
    plan, found = sites(pipeline, TASK)
    assert pod(plan, found["pipeline/build"]) == Reservation(0.25 + 2 + 0.5, 4 * GIB)
    assert found["pipeline/other"].operation is None
    assert pod(plan, found["pipeline/other"]) == Reservation()
    recorded = ContainerUse(container="step-x", cpu_request=1.0, memory_request=GIB, memory=2 * GIB)
    again = ContainerUse(container="step-y", cpu_request=2.0)
    assert pod(plan, found["pipeline/other"], recorded, again) == Reservation(3.0, 2 * GIB)


def test_a_run_of_tekton_sizes_the_whole_pod_of_a_task_elsewhere() -> None:
    run = """
    apiVersion: tekton.dev/v1
    kind: PipelineRun
    metadata: {name: ci}
    spec:
      pipelineSpec: {tasks: [{name: build, taskRef: {name: elsewhere}}]}
      taskRunSpecs:
        - {pipelineTaskName: build, computeResources: {requests: {cpu: "3", memory: 2Gi}}}
    """
    plan, found = sites(run)
    assert pod(plan, found["pipeline/build"]) == Reservation(3.0, 2 * GIB)


def test_requests_of_kfp() -> None:
    text = """
    pipelineInfo: {name: p}
    schemaVersion: 2.1.0
    sdkVersion: kfp-2.11.0
    root: {dag: {tasks: {work: {taskInfo: {name: work}, componentRef: {name: comp-work}}}}}
    components: {comp-work: {executorLabel: exec-work}}
    deploymentSpec:
      executors:
        exec-work:
          container:
            image: a
            resources: {cpuRequest: 0.5, memoryRequest: 1.5, resourceCpuLimit: "2", resourceMemoryLimit: 4Gi}
    """
    plan, found = sites(text)
    [(label, site)] = found.items()
    assert label.endswith("/work")
    assert pod(plan, site) == Reservation(0.5, 1.5e9)


def test_only_what_a_run_comes_to_needs_pods() -> None:
    text = """
    apiVersion: argoproj.io/v1alpha1
    kind: Workflow
    metadata: {name: one}
    spec:
      entrypoint: main
      onExit: mail
      templates:
        - name: main
          steps: [[{name: again, template: inner}, {name: wait, template: wait}]]
        - name: inner
          dag: {tasks: [{name: a, template: work}, {name: b, template: inner}]}
        - {name: unused, dag: {tasks: [{name: c, template: work}]}}
        - {name: work, container: {image: a}, nodeSelector: {pool: spot}}
        - {name: mail, container: {image: a}}
        - {name: wait, suspend: {}}
    """
    _, found = sites(text)
    assert found.keys() == {"inner/a", "mail"}
    assert found["inner/a"].node_selector == {"pool": "spot"}
