"""What outputs stand for: those of graphs, those that the whole run sees, and those that nothing in the run reads."""

from __future__ import annotations

from collections.abc import Sequence

from couler_airflow.generating.artifacts import kept
from couler_airflow.generating.task import Task, pulled
from couler_airflow.generating.texts import Jinja, Scope, Text, code_of, constant, existence_of, resolve
from couler_airflow.legal import Diagnostics, refusal
from couler_plugins.ir import Graph, Operation, Reference, Step
from couler_plugins.plan.plan import Loss


class Outputs:
    """Gives the texts of outputs, and remembers which of them are read.

    Args:
        diagnostics: is told what nothing reads.

    Attributes:
        exported: what the whole run sees, by the kind, and the name.
    """

    def __init__(self, diagnostics: Diagnostics) -> None:
        self.exported: dict[tuple[str, str], Text] = {}
        self._diagnostics = diagnostics
        self._reads: dict[tuple[str, str], bool] = {}

    def expect(self, graph: Graph) -> None:
        """Remember the outputs of a graph, of which none is read yet."""
        for item in graph.outputs:
            self._reads.setdefault((graph.name, item.name), False)

    def of_graph(self, step: Step, graph: Graph, scopes: Sequence[Scope], reference: Reference) -> Text:
        """Return what an output of a graph stands for; for a loop, the list of what it is in each run.

        Raises:
            Unsupported: there is none, or it may be missing.
        """
        for item in graph.outputs:
            if (item.name, item.kind) == (reference.name, reference.kind):
                if item.value is None or item.default is not None:
                    raise refusal("Output.default", step.name, f"has an output {item.name!r} that may be missing")
                self._reads[graph.name, item.name] = True
                texts = [resolve(item.value, scope, step.name) for scope in scopes]
                if step.loop is None:
                    return texts[0]
                codes = [f"{code_of(text, step.name)} if {existence_of(text) or 'true'} else none" for text in texts]
                return (Jinja(f"collected([{', '.join(codes)}])"),)
        raise refusal("Output.kind", step.name, f"has no output {reference.kind or 'result'} {reference.name!r}")

    def export(self, task: Task, operation: Operation) -> None:
        """Let the whole run see the outputs of a task that say so."""
        for output in operation.outputs:
            if output.exported is not None:
                name = constant(resolve(output.exported, task.runs[0].scope, operation.name))
                key = (output.kind, name or "")
                if name is None or key in self.exported or task.loops:
                    raise refusal("Output.exported", operation.name, f"shows {output.name!r} to all, more than once")
                to = Reference(to="output", step=task.place[-1], kind=output.kind, name=output.name)
                self.exported[key] = pulled(task, to)

    def tell(self, tasks: Sequence[Task]) -> None:
        """Tell which outputs of graphs nothing reads, and which artifacts are not kept where the workflow says."""
        for (graph, name), is_read in self._reads.items():
            if not is_read:
                self._diagnostics.lose(graph, f"shows an output {name!r} that no step reads")
        for task in tasks:
            for output in task.operation.outputs if task.operation is not None and task.folder else ():
                _, elsewhere = kept(output, (), task.runs[0].scope, task.place[-1])
                if output.kind == "artifact" and elsewhere:
                    # What no step reads is there for somebody outside of the run.
                    loss: Loss = "detail" if output.name in task.artifacts_read else "run"
                    reason = f"it is kept in the store, and not where {elsewhere} says"
                    self._diagnostics.note(task.place[-1], f"hands on {output.name!r}", reason, loss)
