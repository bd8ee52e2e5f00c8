"""The passes whose documents are run beside the originals."""

from __future__ import annotations

import copy
import importlib.util
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import yaml

from couler_plugins import ir, optimize
from couler_plugins.api import Text
from couler_plugins.plan import Decision, Plan
from support import ROOT

__all__ = ["PASSES", "Changed", "Pass", "changed", "declared"]

WRAPPER = (
    "cache{{via=wrapper,assume-pure=true,store=s3://artifacts/{store},secret=store,image={image},cpu=none,memory=none}}"
)


class Pass(NamedTuple):
    """A pass as it is asked for.

    Attributes:
        pipeline: text, or the name of an optimizer of others.
        caches: it is run twice, and the second run must find the results of the first.
        driven: `couler run` starts what it has made.
    """

    pipeline: str
    caches: bool = False
    driven: bool = False


class Changed(NamedTuple):
    """What a pass has made of an example.

    Attributes:
        documents: side documents first.
        text: the same as one file.
    """

    documents: Sequence[dict[str, Any]]
    text: str


PASSES = {
    "argo": {
        "memoize": Pass("cache{{assume-pure=true,via=memoize}}", caches=True),
        "wrapper": Pass(WRAPPER, caches=True),
        "split": Pass("split{{max-steps=2}}"),
        "split into ones": Pass("split{{max-steps=1}}"),
        "split into workflows": Pass("split{{max-steps=2,into=workflows}}"),
        "default-retry": Pass("default-retry"),
        "dedupe": Pass("dedupe"),
        "prune": Pass("prune"),
    },
    "tekton": {
        "wrapper": Pass(WRAPPER, caches=True),
        "extract": Pass("extract"),
        "split": Pass("split{{max-steps=2}}", driven=True),
        "split into ones": Pass("split{{max-steps=1}}", driven=True),
        "retries": Pass("retries"),
        "dedupe": Pass("dedupe"),
        "prune": Pass("prune"),
    },
}


class Dumper(yaml.SafeDumper):
    """Quotes texts that are truth values for Kubernetes, and texts for PyYAML."""


Dumper.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("[yYnN]$"), list("yYnN"))


@dataclass(frozen=True)
class Retries:
    """The tutorial's optimizer for engines that say at the call how often a step is tried: Tekton."""

    name = "retries"
    limit: int = 2

    def run(self, plan: Plan, ctx: object) -> Plan:
        for workflow in plan.workflows:
            graphs = tuple(self._retried(item) for item in workflow.graphs)
            if graphs != workflow.graphs:
                decision = Decision(
                    optimizer=self.name, workflow=workflow.label, action="retry added", reason="it had no retry"
                )
                plan = plan.with_workflow(workflow, ir.replace(workflow, graphs=graphs), decision)
        return plan

    def _retried(self, graph: Any) -> Any:
        retry = ir.Retry(limit=ir.Literal(value=self.limit))
        # Tekton refuses a task that is tried again and whose failure is ignored.
        steps = tuple(step if step.retry or step.tolerates else ir.replace(step, retry=retry) for step in graph.steps)
        return ir.replace(graph, steps=steps)


def default_retry() -> Any:
    """The optimizer of the tutorial, as its file has it."""
    path = ROOT / "examples" / "couler-default-retry" / "couler_default_retry.py"
    spec = importlib.util.spec_from_file_location("couler_default_retry", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module.DefaultRetry()


def declared(engine: str, name: str, documents: Sequence[dict[str, Any]], version: str) -> list[dict[str, Any]]:
    """The documents with what an owner declares so that steps may be cached: a version, and how large outputs are.

    Args:
        engine: `argo` or `tekton`.
        name: of the pass. What has no limit for its outputs, Argo cannot keep by itself: so it is wrapped.
        documents: of an example.
        version: that no other run has, so that nothing is found that an earlier one has left.
    """
    annotations = {"couler.io/cache-version": version}
    if (engine, name) != ("argo", "wrapper"):
        annotations["couler.io/max-output-bytes"] = "256"
    found = copy.deepcopy(list(documents))

    def declare(item: dict[str, Any]) -> None:
        item.setdefault("metadata", {}).setdefault("annotations", {}).update(annotations)

    for document in found:
        spec = document.get("spec", {})
        if engine == "argo":
            for template in spec.get("templates", ()):
                declare(template)
        elif document["kind"] in {"Task", "TaskRun", "Pipeline", "PipelineRun"}:
            declare(document)
            for task in [*spec.get("tasks", ()), *spec.get("pipelineSpec", {}).get("tasks", ())]:
                if "taskSpec" in task:
                    declare(task["taskSpec"])
    return found


def changed(engine: str, name: str, documents: Sequence[dict[str, Any]], *, image: str, store: str) -> Changed | None:
    """What the pass makes of the documents; None where it leaves them as they are.

    Args:
        engine: `argo` or `tekton`.
        name: of the pass.
        documents: of an example.
        image: with `couler` in it.
        store: the place in the bucket where a wrapper keeps results.

    Raises:
        CoulerError: the pass refuses them.
    """
    text = yaml.dump_all(documents, Dumper=Dumper, sort_keys=False, allow_unicode=True)
    written = PASSES[engine][name].pipeline
    pipeline = {"default-retry": lambda: [default_retry()], "retries": lambda: [Retries()]}.get(
        written, lambda: written.format(image=image, store=store)
    )()
    result = optimize(Text(text), pipeline, engine=engine)
    made = result.documents
    return Changed(sorted(made, key=is_run), result.text) if result.changed else None


def is_run(document: dict[str, Any]) -> bool:
    return document["kind"] in {"Workflow", "PipelineRun", "TaskRun"}
