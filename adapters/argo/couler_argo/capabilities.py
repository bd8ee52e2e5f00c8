"""What the Argo adapter does with each feature of the IR; the support matrix in the documentation is made from it."""

from __future__ import annotations

from typing import Any

from couler_plugins.hookspecs import Capability

__all__ = ["CAPABILITIES", "REFUSED"]

CAPABILITIES = (
    Capability("Workflow.name", "full", "metadata.name"),
    Capability("Workflow.prefix", "full", "metadata.generateName"),
    Capability("Workflow.kind", "derived", "kind"),
    Capability("Workflow.library", "derived", "kind", "WorkflowTemplate and ClusterWorkflowTemplate"),
    Capability("Workflow.parameters", "full", "spec.arguments"),
    Capability("Workflow.entry", "full", "spec.entrypoint, spec.workflowTemplateRef", "its callee only"),
    Capability("Workflow.handlers", "full", "spec.hooks, spec.onExit"),
    Capability("Workflow.graphs", "full", "templates with dag or steps"),
    Capability("Workflow.operations", "full", "all other templates"),
    Capability("Workflow.rest", "full", "every other field"),
    Capability("Graph.name", "full", "name"),
    Capability("Graph.inputs", "full", "inputs"),
    Capability("Graph.outputs", "full", "outputs"),
    Capability("Graph.retry", "full", "retryStrategy"),
    Capability("Graph.timeout", "full", "timeout"),
    Capability("Graph.memoized", "full", "memoize"),
    Capability("Graph.locks", "full", "synchronization"),
    Capability("Graph.metrics", "full", "metrics"),
    Capability("Graph.inline", "derived", "inline"),
    Capability("Graph.steps", "full", "dag.tasks, steps"),
    Capability("Graph.stages", "full", "steps"),
    Capability("Graph.targets", "full", "dag.target"),
    Capability("Graph.fail_fast", "full", "dag.failFast"),
    Capability("Graph.parallelism", "full", "parallelism"),
    Capability("Graph.finalizers", "refused", "", "use an exit handler"),
    Capability("Graph.regions", "refused", "", "use a template"),
    Capability("Graph.rest", "full", "every other field"),
    Capability("Operation.name", "full", "name"),
    Capability("Operation.kind", "derived", "container, script, resource, …"),
    Capability("Operation.inputs", "full", "inputs"),
    Capability("Operation.outputs", "full", "outputs"),
    Capability("Operation.retry", "full", "retryStrategy"),
    Capability("Operation.timeout", "full", "timeout"),
    Capability("Operation.memoized", "full", "memoize"),
    Capability("Operation.locks", "full", "synchronization"),
    Capability("Operation.metrics", "full", "metrics"),
    Capability("Operation.inline", "derived", "inline"),
    Capability("Operation.containers", "full", "container, script, initContainers, sidecars"),
    Capability("Operation.daemon", "full", "daemon"),
    Capability("Operation.rest", "full", "every other field"),
    Capability("Step.name", "full", "name"),
    Capability("Step.call", "full", "template, templateRef, inline"),
    Capability("Step.arguments", "full", "arguments"),
    Capability("Step.needs", "full", "depends, dependencies", "in a dag"),
    Capability("Step.condition", "full", "when"),
    Capability("Step.loop", "full", "withItems, withParam, withSequence", "one axis"),
    Capability("Step.tolerates", "full", "continueOn", "not beside depends"),
    Capability("Step.handlers", "full", "hooks, onExit"),
    Capability("Step.directives", "full", "the template's own fields", "cache, as memoize"),
    Capability("Step.retry", "refused", "", "set it on the operation"),
    Capability("Step.timeout", "refused", "", "set it on the operation"),
    Capability("Step.role", "refused", "", "Argo has no setup and teardown"),
    Capability("Step.rest", "full", "every other field"),
)

REFUSED: dict[str, tuple[str, Any]] = {
    "Step.retry": ("retry", None),
    "Step.timeout": ("timeout", None),
    "Step.role": ("role", "normal"),
    "Graph.finalizers": ("finalizers", ()),
    "Graph.regions": ("regions", ()),
}
"""The refused features, with the field and the value that is none."""
