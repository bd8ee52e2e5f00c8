"""Steps that fail in ways of which the cause is known, in workflows of both engines, and what became of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from cluster.cluster import Cluster
from cluster.commands import couler, dag, pipeline, written
from couler_plugins.hookspecs.causes import CauseClass
from couler_plugins.options.config import load_config
from couler_plugins.plugins import load_plugins
from couler_plugins.reliability.classification import causes_of, classify
from couler_plugins.runs import Attempt, Run
from couler_plugins.runs.history_file import line_of, read_lines
from couler_plugins.runs.run import StepRun

__all__ = ["BEGIN", "ENGINES", "WAITS_FOR_A_FILE", "WAITS_ONCE", "GuardedRun", "Outcome", "Step"]

GUARD = "guard{retries=1,delay=1,min-timeout=60}"
"""One more attempt, soon; no timeout is shorter."""
ENGINES = ("argo", "tekton")
LIMIT = 400.0
"""Seconds in which a run comes as far as it is waited for."""
EFFECTS = "/effects"
BEGIN = f"echo $STEP >> {EFFECTS}/log"
"""Everything that a step does begins with its effect."""
WAITS_ONCE = f"{BEGIN}; [ $(grep -cx $STEP {EFFECTS}/log) -gt 1 ] || sleep 600"
"""Its first attempt does not come to its end by itself, the others do at once."""
WAITS_FOR_A_FILE = f"{BEGIN}; until [ -e {EFFECTS}/go ]; do sleep 0.2; done"
SOON = [
    {"key": f"node.kubernetes.io/{state}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 10}
    for state in ("not-ready", "unreachable")
]
"""Tolerations of pods that are evicted ten seconds after their node is gone, and not five minutes."""
SAMPLES = 20
"""Past attempts from which a timeout follows."""


class Step(NamedTuple):
    """A step that runs a shell script.

    Attributes:
        name: of the step.
        script: what it does; `$STEP` is its name.
        idempotent: whether its owner says so.
        image: with a shell.
        memory: its limit; empty for none.
    """

    name: str
    script: str
    idempotent: bool = False
    image: str = "busybox:1"
    memory: str = ""

    @property
    def metadata(self) -> dict[str, Any]:
        return {"metadata": {"annotations": {"couler.io/idempotent": "true"}}} if self.idempotent else {}

    def container(self, resources: str) -> dict[str, Any]:
        """A container, in which resources are under a name of the engine's own."""
        amounts = {"memory": self.memory}
        return {
            "image": self.image,
            "command": ["sh", "-c", self.script],
            "env": [{"name": "STEP", "value": self.name}],
            "volumeMounts": [{"name": "effects", "mountPath": EFFECTS}],
        } | ({resources: {"requests": amounts, "limits": amounts}} if self.memory else {})


class Outcome(NamedTuple):
    """What became of a step.

    Attributes:
        succeeded: how it ended.
        starts: how often its script has begun.
        causes: the classes of its attempts that failed, in their order.
    """

    succeeded: bool
    starts: int
    causes: tuple[CauseClass, ...] = ()


class GuardedRun:
    """A run of steps side by side, of the workflow that `guard` makes of theirs.

    Args:
        cluster: where it runs.
        namespace: the same.
        folder: of files of the test; the run has one of its own in there.
        engine: whose it is.
        name: what its runs are called.
        steps: its steps.
        known: the steps that have past attempts, of a second each.

    Attributes:
        engine: whose it is.
        name: its own one.
        steps: the names of its steps.
    """

    def __init__(
        self,
        cluster: Cluster,
        namespace: str,
        folder: Path,
        engine: str,
        name: str,
        steps: Sequence[Step],
        known: Sequence[str] = (),
    ) -> None:
        self._cluster, self._namespace = cluster, namespace
        self._shown: list[str] = []
        self._folder = folder / f"{engine}-{name}"
        self._effects = self._folder / "effects"
        self._effects.mkdir(parents=True)
        (self._effects / "log").touch()
        self._write_history(name, engine, [step.name for step in steps if step.name in known])
        file = written(self._folder, (_argo if engine == "argo" else _tekton)(f"{name}-", steps, self._effects))
        guarded = couler(cluster, self._folder, "optimize", file, "-p", GUARD, "--history", "history.jsonl")
        assert guarded.returncode == 0, guarded.stderr
        self.engine = engine
        self.steps = [step.name for step in steps]
        self.name: str = cluster.api.create(namespace, yaml.safe_load(guarded.stdout))["metadata"]["name"]

    def _write_history(self, name: str, engine: str, known: Sequence[str]) -> None:
        tries = tuple(Attempt(start=float(2 * at), end=float(2 * at + 1), succeeded=True) for at in range(SAMPLES))
        graph = "main" if engine == "argo" else "pipeline"
        ran = [StepRun(step=f"{graph}/{step}", type="sh", spec="1", key="1", tries=tries) for step in known]
        (self._folder / "history.jsonl").write_bytes(line_of(Run(family=name, engine=engine, steps=tuple(ran))))

    def starts(self, step: str) -> int:
        """How often the script of a step has begun."""
        return (self._effects / "log").read_text().split().count(step)

    def go(self) -> None:
        """Let the steps end that wait for a file."""
        (self._effects / "go").touch()

    def pod_of(self, step: str) -> str:
        """The pod of the first attempt of a step that the engine knows to run by now; empty where there is none.

        Both engines start a pod anew that is gone before they have seen it run.
        """
        of_engine = _running_in_argo if self.engine == "argo" else _running_in_tekton
        return of_engine(self._cluster, self._namespace, self.name).get(step, "")

    def wait_for_start(self, step: str) -> str:
        """Wait until a step has begun, and its engine knows that; return its pod."""
        self._cluster.wait_for(f"{step} of {self.name}", lambda: self.starts(step) and self.pod_of(step), LIMIT)
        return self.pod_of(step)

    def show_end_of(self, step: str) -> str:
        """The same, and let its engine see how that pod ends, however late it looks.

        A deleted pod is there for less than a second after its end, and engines start one anew that has vanished.
        """
        pod = self.wait_for_start(step)
        self._shown.append(pod)
        self._set_finalizers(pod, ["couler.io/shown"])
        return pod

    def _set_finalizers(self, pod: str, names: Sequence[str]) -> None:
        patch = json.dumps({"metadata": {"finalizers": names}})
        self._cluster.kubectl("patch", "pod", pod, "--namespace", self._namespace, "--type=merge", "--patch", patch)

    def end(self) -> tuple[bool, dict[str, Outcome]]:
        """Wait for the end, and return how the whole ended, and each step."""
        kind = "Workflow" if self.engine == "argo" else "PipelineRun"

        def phase() -> str:
            status = self._cluster.api.get(self._namespace, kind, self.name).get("status", {})
            conditions = [item.get("status") for item in status.get("conditions", ())]
            return str(status.get("phase", "") if self.engine == "argo" else (*conditions, "")[0])

        ended = ("Succeeded", "Failed", "Error", "True", "False")
        try:
            self._cluster.wait_for(f"the end of {self.name}", lambda: phase() in ended, LIMIT)
        finally:
            for pod in self._shown:
                self._set_finalizers(pod, [])
        return phase() in ("Succeeded", "True"), {name: self._outcome(name, tries) for name, tries in self._tries()}

    def _tries(self) -> list[tuple[str, Sequence[Attempt]]]:
        """The attempts of each step as `couler history fetch` tells them."""
        source = ("--engine", self.engine, "--from", "cluster", "--namespace", self._namespace)
        fetched = couler(self._cluster, self._folder, "history", "fetch", *source, "-o", "fetched.jsonl")
        assert fetched.returncode == 0, fetched.stderr
        runs = read_lines((self._folder / "fetched.jsonl").read_bytes(), "fetched.jsonl")
        (run,) = (run for _, run in runs if run is not None and run.name == self.name)
        return [(ran.step.rpartition("/")[2], ran.tries) for ran in run.steps]

    def _outcome(self, step: str, tries: Sequence[Attempt]) -> Outcome:
        rows = causes_of(load_plugins(load_config()))
        causes = tuple(classify(one, self.engine, rows).cause_class for one in tries if not one.succeeded)
        return Outcome(bool(tries[-1].succeeded), self.starts(step), causes)


def _volumes(effects: Path) -> list[dict[str, Any]]:
    return [{"name": "effects", "hostPath": {"path": str(effects), "type": "Directory"}}]


def _argo(prefix: str, steps: Sequence[Step], effects: Path) -> dict[str, Any]:
    templates = [{"name": step.name, "container": step.container("resources"), **step.metadata} for step in steps]
    tasks = [{"name": step.name, "template": step.name} for step in steps]
    document = dag(prefix, tasks, templates, volumes=_volumes(effects), tolerations=SOON)
    document["spec"]["templates"][0]["dag"]["failFast"] = False
    return document


def _tekton(prefix: str, steps: Sequence[Step], effects: Path) -> dict[str, Any]:
    tasks = []
    for step in steps:
        own = {"name": "step", **step.container("computeResources")}
        tasks.append({"name": step.name, "taskSpec": {"steps": [own], "volumes": _volumes(effects), **step.metadata}})
    document = pipeline(prefix, tasks)
    document["spec"]["taskRunTemplate"] = {"podTemplate": {"tolerations": SOON}}
    return document


def _running_in_argo(cluster: Cluster, namespace: str, run: str) -> dict[str, str]:
    """The pods of first attempts that Argo knows to run, by step."""
    nodes = cluster.api.get(namespace, "Workflow", run).get("status", {}).get("nodes", {}).values()
    known = {node["name"] for node in nodes if node["type"] == "Pod" and node["phase"] == "Running"}
    pods = cluster.api.list(namespace, "Pod", labelSelector=f"workflows.argoproj.io/workflow={run}")
    names = {
        item["metadata"]["annotations"]["workflows.argoproj.io/node-name"]: item["metadata"]["name"] for item in pods
    }
    return {name.removeprefix(f"{run}.").removesuffix("(0)"): pod for name, pod in names.items() if name in known}


def _running_in_tekton(cluster: Cluster, namespace: str, run: str) -> dict[str, str]:
    """The pods of tasks that Tekton knows to run, by task."""
    runs = cluster.api.list(namespace, "TaskRun", labelSelector=f"tekton.dev/pipelineRun={run}")
    known: dict[str, Mapping[str, Any]] = {
        item["metadata"]["labels"]["tekton.dev/pipelineTask"]: item.get("status", {}) for item in runs
    }
    return {
        name: status["podName"]
        for name, status in known.items()
        if any("running" in step for step in status.get("steps", ()))
    }
