"""What the Argo adapter does with each feature of the IR; the support matrix in the documentation is made from it."""

from __future__ import annotations

import msgspec

from couler_plugins.hookspecs import Capability

__all__ = ["CAPABILITIES", "GENERATED"]

CAPABILITIES = (
    Capability("Workflow.name", "full", "metadata.name"),
    Capability("Workflow.prefix", "full", "metadata.generateName"),
    Capability("Workflow.namespace", "full", "metadata.namespace"),
    Capability("Workflow.engine", "derived", "apiVersion"),
    Capability("Workflow.kind", "derived", "kind"),
    Capability("Workflow.library", "derived", "kind", "WorkflowTemplate and ClusterWorkflowTemplate"),
    Capability("Workflow.parameters", "full", "spec.arguments"),
    Capability("Workflow.entry", "full", "spec.entrypoint, spec.workflowTemplateRef", "its callee only"),
    Capability("Workflow.handlers", "full", "spec.hooks, spec.onExit"),
    Capability("Workflow.graphs", "full", "templates with dag or steps"),
    Capability("Workflow.operations", "full", "all other templates"),
    Capability("Workflow.native_extra", "full", "every other field"),
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
    Capability("Graph.native_extra", "full", "every other field"),
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
    Capability("Operation.directives", "full", "the template's own fields", "cache, as memoize"),
    Capability("Operation.native_extra", "full", "every other field"),
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
    Capability("Step.native_extra", "full", "every other field"),
    Capability("Container.name", "full", "name"),
    Capability("Container.role", "full", "container, script, initContainers, sidecars", "one main container"),
    Capability("Container.image", "full", "image"),
    Capability("Container.command", "full", "command"),
    Capability("Container.args", "full", "args"),
    Capability("Container.script", "full", "script.source", "of the main container"),
    Capability("Container.env", "full", "env"),
    Capability("Container.requests", "full", "resources.requests"),
    Capability("Container.limits", "full", "resources.limits"),
    Capability("Container.native_extra", "full", "every other field"),
    Capability("Port.name", "full", "name"),
    Capability("Port.kind", "full", "parameters, artifacts"),
    Capability("Port.value", "full", "value, from"),
    Capability("Port.default", "full", "default", "of parameters"),
    Capability("Port.origin", "full", "valueFrom, s3, gcs, git, …"),
    Capability("Port.optional", "full", "optional", "of artifacts"),
    Capability("Port.path", "full", "path", "of artifacts"),
    Capability("Port.native_extra", "full", "every other field"),
    Capability("Output.name", "full", "name"),
    Capability("Output.kind", "full", "parameters, artifacts"),
    Capability("Output.value", "full", "valueFrom, from, fromExpression"),
    Capability("Output.default", "full", "valueFrom.default", "of parameters"),
    Capability("Output.path", "full", "path", "of artifacts"),
    Capability("Output.exported", "full", "globalName"),
    Capability("Output.native_extra", "full", "every other field"),
    Capability("Argument.name", "full", "name"),
    Capability("Argument.kind", "full", "parameters, artifacts"),
    Capability("Argument.value", "full", "value, valueFrom, from, s3, …"),
    Capability("Retry.limit", "full", "retryStrategy.limit"),
    Capability("Retry.native_extra", "full", "every other field of retryStrategy"),
    Capability("Loop.combine", "full", "withItems, withParam, withSequence", "rows and sequence"),
    Capability("Loop.axes", "full", "withItems, withParam, withSequence", "one of them"),
    Capability("Loop.limit", "refused", "", "set parallelism on the graph"),
    Capability("Loop.includes", "refused", "", "add the items to the list"),
    Capability("Handler.step", "full", "hooks, onExit"),
    Capability("Handler.event", "derived", "hooks.exit, onExit"),
    Capability("Handler.condition", "full", "hooks.*.expression"),
)

_ANEW = {
    "Workflow.engine": ("", "always argo"),
    "Workflow.kind": ("kind", "always Workflow"),
    "Workflow.library": ("", "not written"),
    "Step.retry": ("retryStrategy", "of what it calls; errors count as failures"),
    "Step.timeout": ("timeout", "of what it calls"),
}


def _anew(row: Capability) -> Capability:
    native, note = _ANEW.get(row.feature, (row.native, row.note))
    support = "refused" if row.support == "refused" and row.feature not in _ANEW else "full"
    return msgspec.structs.replace(row, support=support, native=native, note=note)


GENERATED = tuple(map(_anew, CAPABILITIES))
"""What is written of workflows of other engines: Argo's tables are the same for these, but for what they call names."""
