"""What a pipeline that is written anew carries of a workflow of another engine, for the support matrix."""

from __future__ import annotations

from couler_plugins.hookspecs import Capability

NONE = "no pipeline has a place for it"
WHOLE = "say it of the steps in it"

GENERATED = (
    Capability("Workflow.name", "full", "pipelineInfo.name"),
    Capability("Workflow.prefix", "full", "pipelineInfo.name", "where there is no name"),
    Capability("Workflow.namespace", "full", "", "not written; a note says so"),
    Capability("Workflow.engine", "full", "", "not written"),
    Capability("Workflow.kind", "full", "", "not written; schedules are refused"),
    Capability("Workflow.library", "full", "", "not written: what has an entry of its own becomes a pipeline"),
    Capability("Workflow.parameters", "full", "root.inputDefinitions", "of the type STRING"),
    Capability("Workflow.entry", "full", "root", "a task of it"),
    Capability("Workflow.handlers", "full", "triggerPolicy.strategy", "one at the end"),
    Capability("Workflow.graphs", "full", "components with a dag"),
    Capability("Workflow.operations", "full", "components with an executorLabel"),
    Capability(
        "Workflow.native_extra",
        "full",
        "",
        "not written: labels, annotations and housekeeping, as a note says; other fields are refused",
    ),
    Capability("Graph.name", "full", "key of components", "in lower case"),
    Capability("Graph.inputs", "full", "inputDefinitions", "of the type STRING, or of a function's parameter"),
    Capability("Graph.outputs", "full", "outputDefinitions, dag.outputs", "parameters"),
    Capability("Graph.retry", "refused", "", WHOLE),
    Capability("Graph.timeout", "refused", "", WHOLE),
    Capability("Graph.memoized", "refused", "", NONE),
    Capability("Graph.locks", "refused", "", NONE),
    Capability("Graph.metrics", "refused", "", NONE),
    Capability("Graph.inline", "full", "", "not written: it is only how it was spelt"),
    Capability("Graph.steps", "full", "dag.tasks"),
    Capability("Graph.stages", "full", "dependentTasks"),
    Capability("Graph.targets", "refused", "", NONE),
    Capability("Graph.fail_fast", "full", "", "not written: KFP decides"),
    Capability("Graph.parallelism", "full", "", "not written, where it is never reached; refused otherwise"),
    Capability("Graph.finalizers", "refused", "", NONE),
    Capability("Graph.regions", "refused", "", NONE),
    Capability("Graph.native_extra", "refused", "", NONE),
    Capability("Operation.name", "full", "key of components", "in lower case"),
    Capability("Operation.kind", "full", "", "not written: containers, scripts, functions of Python"),
    Capability("Operation.inputs", "full", "inputDefinitions", "of the type STRING, or of a function's parameter"),
    Capability(
        "Operation.outputs", "full", "outputDefinitions", "parameters found in files, what is printed or returned"
    ),
    Capability("Operation.retry", "full", "retryPolicy"),
    Capability("Operation.timeout", "refused", "", "set it in the platform configuration"),
    Capability("Operation.memoized", "refused", "", NONE),
    Capability("Operation.locks", "refused", "", NONE),
    Capability("Operation.metrics", "refused", "", NONE),
    Capability("Operation.inline", "full", "", "not written: it is only how it was spelt"),
    Capability("Operation.containers", "full", "container", "one"),
    Capability("Operation.daemon", "refused", "", NONE),
    Capability("Operation.directives", "refused", "", NONE),
    Capability(
        "Operation.native_extra", "full", "kubernetes.podMetadata", "labels and annotations; other fields are refused"
    ),
    Capability("Step.name", "full", "key of tasks", "in lower case"),
    Capability("Step.call", "full", "componentRef", "of what is in the workflow"),
    Capability("Step.arguments", "full", "inputs", "texts"),
    Capability("Step.needs", "full", "dependentTasks", "success"),
    Capability(
        "Step.condition",
        "full",
        "triggerPolicy.condition",
        "a text is one of several or is not, a number is compared; nothing may wait for it that starts all the same",
    ),
    Capability("Step.loop", "full", "parameterIterator", "of a container over items that stand in the workflow"),
    Capability("Step.tolerates", "refused", "", NONE),
    Capability("Step.handlers", "refused", "", NONE),
    Capability("Step.directives", "refused", "", NONE),
    Capability("Step.retry", "full", "retryPolicy", "of an operation's call"),
    Capability("Step.timeout", "refused", "", "set it in the platform configuration"),
    Capability("Step.role", "refused", "", NONE),
    Capability("Step.native_extra", "refused", "", NONE),
    Capability("Container.name", "full", "", "not written"),
    Capability("Container.role", "full", "", "main only"),
    Capability("Container.image", "full", "image", "a constant"),
    Capability("Container.command", "full", "command", "there has to be one"),
    Capability("Container.args", "full", "args"),
    Capability("Container.script", "full", "command", "written to a file in the pod"),
    Capability(
        "Container.env", "full", "env, secretAsEnv, configMapAsEnv", "constants, keys of Secrets and ConfigMaps"
    ),
    Capability(
        "Container.requests", "full", "resources.resourceCpuRequest, resources.resourceMemoryRequest", "cpu and memory"
    ),
    Capability(
        "Container.limits", "full", "resources.resourceCpuLimit, resources.resourceMemoryLimit", "cpu and memory"
    ),
    Capability("Container.native_extra", "refused", "", NONE),
    Capability("Port.name", "full", "key of parameters"),
    Capability("Port.kind", "full", "", "parameters only"),
    Capability("Port.value", "full", "defaultValue"),
    Capability("Port.default", "full", "defaultValue"),
    Capability("Port.origin", "refused", "", NONE),
    Capability("Port.optional", "refused", "", "parameters only"),
    Capability("Port.path", "refused", "", "parameters only"),
    Capability("Port.native_extra", "full", "", "not written; a note says so"),
    Capability("Output.name", "full", "key of parameters"),
    Capability("Output.kind", "full", "", "parameters only"),
    Capability("Output.value", "full", "valueFromParameter", "of a graph, the output of a step"),
    Capability("Output.default", "full", "", "of an operation"),
    Capability("Output.path", "full", "", "of parameters: the file is copied when the container ends"),
    Capability("Output.exported", "refused", "", NONE),
    Capability("Output.native_extra", "refused", "", NONE),
    Capability("Argument.name", "full", "key of inputs.parameters"),
    Capability("Argument.kind", "full", "", "parameters only"),
    Capability(
        "Argument.value", "full", "runtimeValue, taskOutputParameter, componentInputParameter", "no expressions"
    ),
    Capability("Retry.limit", "full", "retryPolicy.maxRetryCount"),
    Capability("Retry.delay", "full", "retryPolicy.backoffDuration", "whole seconds"),
    Capability("Retry.factor", "full", "retryPolicy.backoffFactor", "a whole number"),
    Capability("Retry.max_delay", "refused", "", NONE),
    Capability("Retry.condition", "refused", "", "leave the limit of attempts"),
    Capability(
        "Retry.native_extra", "full", "", "not written: retryPolicy Always and OnFailure; other fields are refused"
    ),
    Capability("Loop.combine", "full", "parameterIterator", "rows"),
    Capability("Loop.axes", "full", "parameterIterator.items", "one"),
    Capability("Loop.limit", "full", "iteratorPolicy.parallelismLimit", "a constant"),
    Capability("Loop.includes", "refused", "", "add the items to the list"),
    Capability("Handler.step", "full", "a task of root"),
    Capability("Handler.event", "full", "", "exit"),
    Capability("Handler.condition", "refused", "", NONE),
)
