"""Tasks that share a component: what `kfp.local` makes of that has to be known to whoever lets them.

KFP's local runner writes what a task makes into a folder with the name of its *component* (measured with 2.17.3: two
tasks that share one and write an artifact each leave one of these behind both). A backend keeps them apart by task.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from couler_plugins.ir import Call, Operation, Workflow, call_sites
from couler_plugins.plan import Decision

__all__ = ["sharing"]


def sharing(old: Workflow, new: Workflow, document: int) -> Iterator[Decision]:
    """A remark for every operation with artifacts that more tasks share than before.

    Args:
        old: the workflow as it was lifted.
        new: the workflow as it is to be.
        document: the number of its document.
    """
    before, after = _calls(old), _calls(new)
    for operation in new.operations:
        name = operation.name
        if _makes_artifacts(operation) and after[name] > max(1, before[name]):
            yield Decision(
                optimizer="kfp",
                workflow=new.label,
                subject=name,
                action="let several tasks share it",
                reason="kfp.local mixes up their artifacts: run this pipeline on a backend",
                figures=(("tasks", after[name]),),
                document=document,
            )


def _makes_artifacts(operation: Operation) -> bool:
    return any(output.kind == "artifact" for output in operation.outputs)


def _calls(workflow: Workflow) -> Counter[str]:
    return Counter(site.step.call.name for site in call_sites(workflow) if isinstance(site.step.call, Call))
