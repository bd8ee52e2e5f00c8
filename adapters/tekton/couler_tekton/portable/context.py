"""Names and facts of a run that Tekton fills in (`$(context.…)`): constants, parameters, or facts of any engine's runs.

Source: `docs/variables.md`.
"""

from __future__ import annotations

from couler_plugins.ir import Graph, Literal, Operation, Port, Reference, Step, Template, Workflow
from couler_tekton.portable.contents import Content
from couler_tekton.portable.values import RUN

OF_RUN = {"context.pipelineRun": "PipelineRun", "context.taskRun": "TaskRun"}


class Context:
    """What the names of a run stand for.

    Args:
        workflow: the run, or the Pipeline or Task that runs by itself.

    Attributes:
        parameters: what the run is given in place of names that Tekton makes, by name.
        has_namespace: whether the namespace of the run is read.
    """

    def __init__(self, workflow: Workflow) -> None:
        self.parameters: dict[str, Port] = {}
        self.has_namespace = False
        self._workflow = workflow
        self._taken = {port.name for item in (*workflow.graphs, *workflow.operations) for port in item.inputs}

    def text(self, name: str, value: str) -> Reference:
        """Return a parameter of the run with a value."""
        while name in self._taken:
            name = f"context-{name}"
        self.parameters[name] = Port(name=name, value=Literal(value=value))
        return Reference(to="parameter", kind="parameter", name=name)

    def of_step(self, reference: Reference, step: Step, callee: Graph | Operation) -> Content | None:
        """Return what the tasks of a Pipeline know of themselves."""
        if reference.name.startswith("context.task"):
            return self.look(reference, step.name, callee)
        if reference.name != "context.pipelineTask.retries" or reference.to != "run":
            return None
        limit = getattr(step.retry.limit, "value", None) if step.retry is not None else 0
        return None if limit is None else Literal(value=str(limit))

    def look(self, reference: Reference, step: str, item: Graph | Operation | None) -> Content | None:
        """Return what a name stands for.

        Args:
            reference: the reference.
            step: the task of a Pipeline that it stands in; empty outside of these.
            item: the Pipeline or the Task that it stands in.
        """
        holder, _, fact = reference.name.rpartition(".")
        if reference.to != "run" or reference.path:
            return None
        if holder in OF_RUN and fact in ("name", "uid", "namespace"):
            run = self._run(fact)
            is_part = holder == "context.taskRun" and bool(step) and fact != "namespace"
            return Template(parts=(run, f"-{step}")) if is_part else run
        if reference.name in ("context.pipeline.name", "context.task.name") and item is not None:
            if item.inline:
                run = self._run("name")
                return Template(parts=(run, f"-{step}")) if step else run
            root = "task" if isinstance(item, Operation) else "pipeline"
            return Literal(value=self._workflow.name if item.name == root else item.name)
        return None

    def _run(self, fact: str) -> Reference:
        if fact != "namespace":  # as Argo says it, which other engines take, too
            return Reference(to="run", name=RUN, path=(fact,))
        self.has_namespace = True
        return self.text(f"run-{fact}", self._workflow.namespace or "default")
