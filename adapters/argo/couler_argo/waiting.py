"""What it means to Argo that the pod of a step waits for a quota of Kueue.

A template's `timeout` begins when its node does, before its pod may start (`checkTemplateTimeout`); its
`activeDeadlineSeconds` is that of the pod, which begins with it. That of the workflow counts everything. Locks are
taken before a pod is made (`executeTemplate` in workflow/controller/operator.go).
"""

from __future__ import annotations

from collections.abc import Collection

from couler_argo.cache.wrappable import timeout_seconds
from couler_argo.documents import SPEC_PATHS, spec_of
from couler_argo.homes import DEADLINE, FORM
from couler_plugins.documents.mappings import mapping_at
from couler_plugins.ir import Literal, Operation, Step, Workflow, native_home, replace, replace_callables
from couler_plugins.ir.attempts import PodWait
from couler_plugins.ir.quantities import parse_quantity

ACTIVE = "activeDeadlineSeconds"
MOVED = f"its `timeout` is {ACTIVE} now, which begins with the pod"


def pod_wait(workflow: Workflow, step: Step, operation: Operation | None) -> PodWait:
    """Return why the pod of a template must not wait, or what counts its wait."""
    if operation is None:
        return PodWait()
    spec = spec_of(workflow)
    usual = mapping_at(spec, "templateDefaults")
    refusal = ""
    if operation.daemon:
        refusal = "it is a daemon: it keeps its quota while others need it, and these would wait for that quota"
    elif operation.kind == "resource":
        refusal = "it may start others and wait for them: it would keep its quota, and these would wait for that"
    elif operation.locks is not None or "synchronization" in usual or "synchronization" in spec:
        refusal = "it would hold its lock while it waits for a quota"
    elif "timeout" in usual:
        refusal = "its workflow has a `timeout` for all templates, which counts the wait: write activeDeadlineSeconds"
    elif operation.timeout is not None and (seconds := timeout_seconds(operation)) is None:
        refusal = "only the run knows its `timeout`, which counts the wait: write activeDeadlineSeconds"
    elif operation.timeout is not None and DEADLINE.read("timeout", operation) is not None:
        refusal = "its `timeout` counts the wait, and it has activeDeadlineSeconds as well: keep the latter alone"
    elif operation.timeout is not None and seconds != int(seconds or 0):
        refusal = "its `timeout` counts the wait, and has no whole seconds"
    text = spec.get(ACTIVE)
    if not refusal and text is not None and parse_quantity(text) is None:
        refusal = f"only the run knows the {ACTIVE} of its workflow, which counts the wait"
    around = f"{ACTIVE} of its workflow" if text is not None else ""
    return PodWait(refusal, around=around, remark=MOVED if operation.timeout is not None else "")


def with_wait(workflow: Workflow, operations: Collection[str], seconds: int) -> Workflow:
    """Return a workflow with a longer deadline, and with timeouts of templates that begin with their pods."""
    changed = {}
    for item in workflow.operations:
        if item.name in operations and item.timeout is not None:
            own = Literal(value=int(timeout_seconds(item) or 0))
            changed[item.name] = DEADLINE.write("timeout", replace(item, timeout=None), own)
    new = replace_callables(workflow, changed) if changed else workflow
    deadline = parse_quantity(spec_of(workflow).get(ACTIVE))
    if not deadline:
        return new
    home = native_home("timeout", (*map(str, SPEC_PATHS.get(workflow.kind, ("spec",))), ACTIVE), FORM)
    longer: Workflow = home.write("timeout", new, Literal(value=int(deadline) + seconds))
    return longer
